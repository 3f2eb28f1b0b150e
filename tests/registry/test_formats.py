from __future__ import annotations

import polars as pl
import pytest
from lxml import etree

from omsclaims.registry import formats

from .documents import SCHEMAS, document, schema_of

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
