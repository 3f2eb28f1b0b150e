from __future__ import annotations

import polars as pl
import pytest
from lxml import etree

from omsclaims.registry import formats, parsing
from omsclaims.registry.formats.tables import fields_of
from omsclaims.workspace import PERSON_TABLES

from .documents import SCHEMAS, document, schema_of, shared

ALL = formats.format_ids()


@pytest.mark.parametrize("format_id", ALL)
def test_table_of_an_edition_is_complete(format_id: str) -> None:
    edition = formats.get(format_id)
    paths = [field.path for field in edition.fields]
    assert len(paths) == len(set(paths))
    known = {""} | {field.path for field in edition.fields if field.form == "S"}
    for field in edition.fields:
        assert field.parent in known, field.path
        assert field.form in "TNDS" and field.must in "OUN"
        assert field.meaning_en and field.meaning_ru and field.meaning_en.isascii(), field.path
        assert (field.length > 0) == (field.form != "S"), field.path
    assert edition.root in ("ZL_LIST", "PERS_LIST", "FLK_P")


@pytest.mark.parametrize("format_id", ALL)
def test_no_two_elements_share_a_column(format_id: str) -> None:
    places = [(field.table, field.column) for field in formats.get(format_id).fields if field.column]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("format_id", sorted(SCHEMAS))
@pytest.mark.parametrize("full", [False, True])
def test_documents_of_the_table_fit_the_schema(format_id: str, full: bool) -> None:
    """Order, obligation, types, lengths and enumerations are those of the schema that funds use."""
    schema = schema_of(format_id)
    for seed in range(3):
        made = document(formats.get(format_id), full=full, seed=seed, overrides={"ZAP/Z_SL/SANK/S_TIP": "12"})
        assert schema.validate(etree.fromstring(made)), schema.error_log


@pytest.mark.parametrize("format_id", sorted(SCHEMAS))
def test_schema_wants_every_mandatory_element(format_id: str) -> None:
    """The other direction: what the table calls mandatory, the schema does not let go."""
    schema, edition = schema_of(format_id), formats.get(format_id)
    root = etree.fromstring(document(edition, full=False, records=1))
    for field in edition.fields:
        if field.must != "O" or field.path in ("ZAP", "PERS"):
            continue
        for found in root.findall(field.path):
            parent = found.getparent()
            assert parent is not None
            at = parent.index(found)
            parent.remove(found)
            assert not schema.validate(root), field.path
            parent.insert(at, found)


@pytest.mark.parametrize(
    ("kind", "version", "period", "found", "exact"),
    [
        ("X", "3.1", "2020-03", "X_3.1_2019", True), ("X", "3.1", "2021-04", "X_3.1_2020-04", True),
        ("X", "3.1", "2022-03", "X_3.1_2021-08", True), ("H", "3.1", "2021-04", "H_3.1", True),
        ("H", "3.2", "2022-03", "H_3.2", True), ("H", "4.0", "2024-03", "H_4.0", True), ("H", None, "2022-03", "H_3.2", False),
        ("H", "6.0", "2026-03", "H_5.1", False), ("H", "3.2", "2018-03", "H_3.2", False), ("H", None, "2015-03", "H_2.1", False),
        ("T", "5.0", "2025-03", "T_5.0", True), ("T", "4.0", "2024-03", "T_3.2", False), ("C", "3.2", "2022-03", "C_3.2", True),
        ("X", "2.1", "2015-03", "X_2.1", True), ("X", "3.0", "2018-06", "X_3.0", True), ("X", "5.1", "2025-08", "X_5.1", True),
        ("L", "3.0", "2018-06", "L_3.0", True), ("L", "2.1", "2015-06", "L_2.1", True), ("D", "3.1", "2019-03", "RD_3.1", True),
        ("R", "2.1", "2014-03", "RD_2.1", True), ("A", "2.1", "2014-03", "A_2.1", True), ("A", "1.0", "2011-08", "A_1.0", True),
        ("A", "3.0", "2018-06", "A_3.1", False), ("Y", None, None, "Y", True), ("RESULT_X", "3.1", "2020-06", "RESULT_X_3.1_2020-04", True),
        ("L", "3.2", "2022-02", "L_3.2", True), ("L", "3.1", "2019-05", "L_3.1", True), ("D", "3.2", "2022-03", "RD_3.2", True),
        ("R", "1.0", "2011-08", "RD_1.0", True), ("A", "3.1", "2022-03", "A_3.1", True), ("T", "abc", "2022-03", "T_3.1", False),
        ("FLK_P", None, None, "FLK_P", True), ("RESULT_H", "3.2", "2022-03", "RESULT_H_3.2", True),
    ],
)  # fmt: skip
def test_edition_is_found_by_kind_version_and_period(
    kind: str, version: str | None, period: str | None, found: str, exact: bool
) -> None:
    choice = formats.find_format(kind, version, period)
    assert (choice.format.id, choice.exact) == (found, exact)


def test_unknown_kind_is_an_error_of_the_caller() -> None:
    with pytest.raises(KeyError):
        formats.find_format("Q", "3.1", "2022-03")


def test_answer_editions() -> None:
    assert formats.result_format_of(formats.get("H_3.2")).id == "RESULT_H_3.2"
    assert formats.result_format_of(formats.get("X_3.1_2021-08")).by_path["ZAP/Z_SL/SANK"].repeats
    assert not formats.get("C_3.1").by_path["ZAP/Z_SL/SANK"].repeats
    with pytest.raises(KeyError):
        formats.result_format_of(formats.get("RD_3.2"))


def test_canonical_shape() -> None:
    tables = formats.canonical_tables()
    assert tables[:2] == ("file", "zap")
    assert {
        "patient",
        "z_sl",
        "sl",
        "usl",
        "ds2",
        "crit",
        "sl_koef",
        "sank",
        "sank_sl_id",
        "onk_lek_pr",
        "lek_pr",
        "date_inj",
    } <= set(tables)
    assert formats.canonical_tables("person") == ("person_file", "person", "dost", "dost_p", "tel")
    assert formats.canonical_columns("sl_koef") == {
        "_row": pl.Int64(),
        "_parent": pl.Int64(),
        "idsl": pl.Int64(),
        "z_sl": pl.Int64(),
        "idsl_code": pl.String(),
    }
    assert formats.column_types("zap") == {"n_zap": pl.Int64(), "pr_nov": pl.Int64()}
    assert formats.canonical_columns("patient")["policy"] == pl.String()
    assert [
        formats.scale_of(*place)
        for place in (("z_sl", "sumv"), ("sl", "koef_z"), ("sl", "kd"), ("usl", "kol_usl"), ("zap", "n_zap"))
    ] == [2, 5, 1, 2, 0]


def test_both_spellings_of_the_act_are_one_column() -> None:
    assert formats.get("T_3.1").path_of("sank", "date_act") == "ZAP/Z_SL/SANK/DATE_AKT"
    assert formats.get("RESULT_T_3.1").path_of("sank", "date_act") == "ZAP/Z_SL/SANK/DATE_ACT"
    assert formats.get("C_3.1").path_of("sank", "num_act") == "ZAP/Z_SL/SANK/NUM_ACT"


def test_parents_of_tables() -> None:
    parents = formats.get("C_3.1").parents
    assert parents["date_inj"] == "onk_lek_pr" and parents["onk_lek_pr"] == "onk_usl" and parents["onk_usl"] == "sl"
    assert parents["sl"] == "z_sl" and parents["z_sl"] == "zap" and parents["zap"] == "file"


def lines(text: str) -> list[dict[str, str]]:
    """Lines of a table: path, form, repeats, cell `table`."""
    empty = dict.fromkeys(["decimals", "book", "values", "min_length", "column", "meaning_en", "meaning_ru"], "")
    parts = (row.split() for row in text.strip().splitlines())
    return [
        {
            "path": path,
            "form": form,
            "length": "" if form == "S" else "10",
            "must": "O",
            "repeats": repeats,
            "table": "".join(cell),
        }
        | empty
        for path, form, repeats, *cell in parts
    ]


SLUCH = """
ZAP S 1
ZAP/SLUCH S 1 z_sl+sl
ZAP/SLUCH/IDCASE N 0
ZAP/SLUCH/DS1 T 0 sl
ZAP/SLUCH/DS2 T 0 @sl
ZAP/SLUCH/OS_SLUCH N 1
ZAP/SLUCH/KSG S 0 sl
ZAP/SLUCH/KSG/N_KSG T 0
ZAP/SLUCH/KSG/CRIT T 1
ZAP/SLUCH/USL S 1 usl@sl
ZAP/SLUCH/USL/DS T 0
"""


def test_grammar_of_the_cell_table() -> None:
    """Where each element goes: table, twin, owner (model.py)."""
    fields = fields_of(lines(SLUCH), "file", "x")
    assert {field.name: (field.table, field.twin, field.owner) for field in fields} == {
        "ZAP": ("zap", "", "file"),
        "SLUCH": ("z_sl", "sl", "zap"),
        "IDCASE": ("z_sl", "", ""),
        "DS1": ("sl", "", ""),
        "DS2": ("ds2", "", "sl"),
        "OS_SLUCH": ("os_sluch", "", "z_sl"),
        "KSG": ("sl", "", ""),
        "N_KSG": ("sl", "", ""),
        "CRIT": ("crit", "", "sl"),
        "USL": ("usl", "", "sl"),
        "DS": ("usl", "", ""),
    }


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("place", "ZAP S 1\nZAP/A T 0 a@sl"),
        ("twin", "ZAP S 1\nZAP/A T 1 a+b"),
        ("table_taken", "ZAP S 1\nZAP/A S 1 t\nZAP/B S 1 t"),
        ("table_taken", "ZAP S 1 zap+zap"),
        ("table_taken", "ZAP S 1 zap+file"),
        ("table_taken", "ZAP S 1\nZAP/A S 1 t+u\nZAP/B T 1 u"),
        ("parent", "ZAP S 1\nZAP/A T 0\nZAP/A/B T 0"),
    ],
)
def test_tables_that_contradict_themselves_are_refused(code: str, text: str) -> None:
    with pytest.raises(formats.FormatError) as caught:
        fields_of(lines(text), "file", "x")
    assert caught.value.code == code


@pytest.mark.parametrize("format_id", ALL)
def test_every_table_belongs_to_one_element(format_id: str) -> None:
    edition = formats.get(format_id)
    made = [name for field in edition.fields if field.own for name in (field.table, field.twin) if name]
    assert len(made) == len(set(made)) and set(made) == set(edition.parents)
    assert set(edition.tables) <= set(formats.canonical_tables(edition.family))
    for field in edition.fields:
        assert field.own == (field.owner != "") and (field.own or not field.twin)
        owner = edition.by_path[field.parent] if field.parent else None
        here = {edition.header_table} if owner is None else {owner.table, owner.twin} - {""}
        assert field.owner in here if field.own else field.table in here


def test_tables_hang_on_the_same_table_in_every_edition() -> None:
    """Later stages go up from a row to its case in one way, whatever the version."""
    hangs: dict[tuple[str, str], set[str]] = {}
    for edition in map(formats.get, ALL):
        for table, owner in edition.parents.items():
            hangs.setdefault((edition.family, table), set()).add(owner)
    assert {key: owners for key, owners in hangs.items() if len(owners) > 1} == {}


def test_no_element_is_a_column_here_and_a_table_there() -> None:
    """DS2 is a table even where it is single; the phone, which repeats in L 3.0 alone, is the only exception."""
    both = {
        (owner, table)
        for edition in map(formats.get, ALL)
        for table, owner in edition.parents.items()
        if table in formats.canonical_columns(owner, edition.family)
    }
    assert both == {("person", "tel")}


def test_units_of_the_columns_of_money_and_quantities_are_those_of_always() -> None:
    scales = {
        ("z_sl", "sumv"): 2, ("z_sl", "sump"): 2, ("z_sl", "sank_it"): 2, ("sl", "sum_m"): 2, ("sl", "tarif"): 2, ("usl", "sumv_usl"): 2,
        ("sank", "s_sum"): 2, ("file", "summav"): 2, ("sl", "ed_col"): 2, ("usl", "kol_usl"): 2, ("sl", "kd"): 1, ("sl", "koef_z"): 5,
        ("sl", "bztsz"): 2, ("sl_koef", "z_sl"): 5, ("z_sl", "sank_mek"): 2, ("inj", "s_inj"): 6, ("inj", "kv_inj"): 3, ("inj", "sv_inj"): 2,
    }  # fmt: skip
    assert {place: formats.scale_of(*place) for place in scales} == scales


def test_personal_columns_lie_with_the_people() -> None:
    """The workspace keeps these tables in a part of its own: no name, document or phone in any other."""
    assert formats.person_tables() == {"patient", "person", "person_file", "dost", "dost_p", "tel"}
    assert formats.person_tables() <= PERSON_TABLES
    for family in ("main", "person", "protocol"):
        for table in formats.canonical_tables(family):
            if table not in formats.person_tables():
                assert not set(formats.column_types(table, family)) & formats.PERSONAL, table


def test_old_case_is_read_into_both_levels() -> None:
    """R 1.0 of 2011: SLUCH is a row of z_sl and a row of sl; what later stages want of either is copied."""
    data = shared("samples", "R_1.0.xml").read_bytes()
    read = parsing.read_xml(data, "R9779110001", "R9779110001")
    assert read.format is not None and read.format.id == "RD_1.0" and read.exact
    tables = read.tables
    assert tables["z_sl"]["idcase"].to_list() == [1, 2, 3, 4] and tables["sl"]["sl_id"].to_list() == ["1", "2", "3", "4"]
    assert tables["sl"]["_parent"].to_list() == tables["z_sl"]["_row"].to_list() == [0, 1, 2, 3]
    assert tables["sl"]["date_1"].equals(tables["z_sl"]["date_z_1"].alias("date_1"))
    assert tables["sl"]["sum_m"].to_list() == tables["z_sl"]["sumv"].to_list() == [11574, 11574, 13073, 13073]
    assert tables["ds2"].rows() == [(0, 0, "K04.2"), (1, 1, "K04.3")]
    assert tables["refreason"].select("_parent", "refreason").rows()[:3] == [(0, 1), (0, 2), (0, 0)]
    assert tables["usl"]["idserv"].to_list() == ["1", "2", "3"] and tables["usl"]["_parent"].to_list() == [0, 0, 1]


def test_copies_are_made_row_for_row() -> None:
    edition = formats.get("RD_2.1")
    assert ("sl", "sum_m", "z_sl", "sumv") in edition.copies and formats.get("H_3.2").copies == ()
    tables = {
        "z_sl": pl.DataFrame(
            {"_row": [0, 1], "idcase": [7, None], "sumv": [1, 2], "date_z_1": [None, None], "date_z_2": [None, None]}
        )
    }
    tables["sl"] = formats.empty_table("sl").clear(2).with_columns(_row=pl.Series([0, 1], dtype=pl.Int64))
    made = edition.copied(tables)["sl"]
    assert made["sl_id"].to_list() == ["7", None] and made["sum_m"].to_list() == [1, 2]
    with pytest.raises(formats.FormatError):
        edition.copied({**tables, "sl": tables["sl"].head(1)})


def test_unconfirmed_editions_state_what_is_told_of_them() -> None:
    """Formats.md 2.3 and 8, element by element."""
    assert "ZAP/Z_SL/SL/KSG_KPG/K_ZP" in formats.get("H_4.0").by_path and "ZAP/PACIENT/ENP" in formats.get("C_4.0").by_path
    c50 = formats.get("C_5.0").by_path
    drug = "ZAP/Z_SL/SL/ONK_SL/ONK_USL/LEK_PR"
    assert c50[f"{drug}/DATE_INJ"].must == "N" and c50[f"{drug}/INJ"].repeats and c50[f"{drug}/INJ/S_INJ"].type_text == "N(15.6)"
    assert c50["ZAP/Z_SL/SL/KSG_KPG/SL_KOEF/IDSL"].column == "idsl_code"
    assert formats.get("H_5.0").by_path["ZAP/PACIENT/SOC"].values == ("000", "035", "065")
    assert formats.get("H_5.1").by_path["ZAP/PACIENT/SOC"].values == ("000", "035", "065", "083")
    h30 = formats.get("H_3.0").by_path
    assert "ZAP/Z_SL/SL/KSG_KPG/DKK1" in h30 and "ZAP/Z_SL/SL/KSG_KPG/CRIT" not in h30 and "ZAP/Z_SL/SL/C_ZAB" not in h30
    assert "ZAP/SLUCH/REFREASON" in formats.get("H_1.0").by_path and "ZAP/SLUCH/SANK/S_TIP" in formats.get("H_2.1").by_path
    assert not {"ZAP/PACIENT/DOCDATE", "ZAP/PACIENT/DOCORG"} & set(formats.get("RD_3.1").by_path)


def test_every_bill_has_an_answer() -> None:
    for edition in map(formats.get, ALL):
        if edition.kind in "HTCXL":
            assert f"RESULT_{edition.kind}" == formats.result_format_of(edition).kind
