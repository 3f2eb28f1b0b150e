from __future__ import annotations

import dataclasses
import io
import random
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from omsclaims import findings
from omsclaims.registry import compare, formats, parsing, values, writer
from omsclaims.registry.formats import Field, Format

from .documents import NAME, SCHEMAS, document, leaves, main_document, package, person_document, schema_of, shared

SAMPLES = [
    ("H_3.1", "HM750096T75_21041", "H_3.1"),
    ("T_3.1", "TM750002T75_21044752", "T_3.1"),
    ("X_3.1", "DOM750052T75_21041", "X_3.1_2020-04"),
]


def normal(path: str, text: str, edition: Format) -> str:
    """The spelling that writing gives a number: leading zeros lost, decimals of the format."""
    field = edition.by_path.get(path.partition("/")[2])
    if field is None or field.form != "N" or values.parse_number(text, field.length, field.decimals) is None:
        return text
    sign = "-" if Decimal(text) < 0 else ""
    return f"{sign}{abs(Decimal(text)):.{field.decimals}f}"


def same(before: bytes, after: bytes, edition: Format) -> None:
    """The same elements in the same order with the same values, and the list of changes says which numbers are spelled anew."""
    old, new = leaves(before), leaves(after)
    assert [(path, normal(path, text, edition)) for path, text in old] == new
    respelled = [(path, text, now) for (path, text), (_, now) in zip(old, new, strict=True) if text != now]
    changes = list(compare.changes(before, after, edition))
    assert {change.kind for change in changes} <= {"number"}
    told = [(f"{edition.root}/{change.path}", change.before, change.after) for change in changes]
    assert sorted(told, key=str) == sorted(respelled, key=str)


@pytest.mark.parametrize(("sample", "stem", "format_id"), SAMPLES)
def test_samples_of_real_systems_survive(sample: str, stem: str, format_id: str) -> None:
    data = shared("samples", f"{sample}.xml").read_bytes()
    read = parsing.read_xml(data, stem, stem)
    assert read.format is not None and read.format.id == format_id and read.exact
    assert read.findings.height == 0
    same(data, writer.write_xml(read.tables, read.format), read.format)


@pytest.mark.parametrize(
    ("sample", "stem", "format_id", "rules"),
    [("R_1.0", "R9779110001", "RD_1.0", {"S.916"}), ("A_2.1", "A7878110001", "A_2.1", {"S.809", "S.901"})],
)
def test_samples_of_the_time_before_completed_cases_survive(sample: str, stem: str, format_id: str, rules: set[str]) -> None:
    """SLUCH is a row of z_sl and one of sl; A of 2011 says 2.1, and bears an ENP that no edition of 2.1 has: kept and written again."""
    data = shared("samples", f"{sample}.xml").read_bytes()
    read = parsing.read_xml(data, stem, stem)
    assert read.format is not None and read.format.id == format_id
    assert set(read.findings["rule"]) == rules
    assert read.tables["z_sl"].height == read.tables["sl"].height > 0
    same(data, writer.write_xml(read.tables, read.format), read.format)


@pytest.mark.parametrize(
    ("sample", "stem", "expected"),
    [
        ("H_3.1", "HM750096T75_21041", set()),
        ("X_3.1", "DOM750052T75_21041", {("SCHET/MONTH", "04", "4")}),
        ("A_2.1", "A7878110001", {("SCHET/SANK_MEK", "0.1", "0.10"), ("SCHET/SANK_MEE", "0.2", "0.20"), ("SCHET/SANK_EKMP", "0.3", "0.30")}),
        (
            "T_3.1", "TM750002T75_21044752",
            {(path, "144782", "144782.00") for path in ("SCHET/SUMMAV", "ZAP/Z_SL/SUMV", "ZAP/Z_SL/SL/SUM_M", "ZAP/Z_SL/SL/TARIF",
                                                        "ZAP/Z_SL/SL/USL/TARIF", "ZAP/Z_SL/SL/USL/SUMV_USL")}
            | {(path, "0", "0.00") for path in ("ZAP/Z_SL/SL/USL/TARIF", "ZAP/Z_SL/SL/USL/SUMV_USL")}
            | {("ZAP/Z_SL/SL/ED_COL", "2", "2.00"), ("ZAP/Z_SL/SL/USL/KOL_USL", "1", "1.00")},
        ),
    ],
)  # fmt: skip
def test_spellings_that_writing_a_sample_changes_are_these(sample: str, stem: str, expected: set[tuple[str, str, str]]) -> None:
    data = shared("samples", f"{sample}.xml").read_bytes()
    read = parsing.read_xml(data, stem, stem)
    assert read.format is not None
    changes = list(compare.changes(data, writer.write_xml(read.tables, read.format), read.format))
    assert {change.kind for change in changes} <= {"number"}
    assert {(change.path, change.before, change.after) for change in changes} == expected


def test_elements_out_of_order_are_written_in_order_and_listed() -> None:
    made = main_document(1).replace(b"<N_ZAP>1</N_ZAP>", b"").replace(b"</PACIENT>", b"</PACIENT><N_ZAP>1</N_ZAP>")
    made = made.replace(b"<DS1>J06.9</DS1>", b"<DS1>J06.9</DS1><KSG_KPG/>")
    read = parsing.read_xml(made, NAME, NAME)
    assert read.format is not None and "S.905" in set(read.findings["rule"])
    written = writer.write_xml(read.tables, read.format)
    found = [(change.kind, change.path) for change in compare.changes(made, written, read.format)]
    assert ("moved", "ZAP/N_ZAP") in found and ("empty", "ZAP/Z_SL/SL/KSG_KPG") in found
    assert {kind for kind, _ in found} <= compare.SPELLINGS
    assert next(etree.fromstring(written).iterfind("ZAP/*")).tag == "N_ZAP"


@pytest.mark.parametrize("format_id", formats.format_ids())
@pytest.mark.parametrize("full", [False, True])
def test_generated_documents_survive_and_validate(format_id: str, full: bool) -> None:
    edition = formats.get(format_id)
    made = document(edition, full=full, records=3, overrides={"ZAP/Z_SL/SANK/S_TIP": "12"})
    read = parsing.read_xml(made, "x", "x", kind=edition.kind, period=edition.period_from if format_id != "L_3.2" else "2022-01")
    assert read.format is edition
    assert set(read.findings["rule"]) <= {"S.915", "S.916"}
    written = writer.write_xml(read.tables, edition)
    same(made, written, edition)
    if format_id in SCHEMAS:
        schema = schema_of(format_id)
        assert schema.validate(etree.fromstring(written)), schema.error_log


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(
        ["H_3.2", "H_2.1", "C_5.0", "X_3.1_2021-08", "RD_1.0", "RD_2.1", "RD_3.2", "L_3.2", "RESULT_H_3.2", "A_2.1", "Y"]
    ),
    st.integers(0, 10**6),
    st.floats(0, 1),
)
def test_random_documents_survive(format_id: str, seed: int, chance: float) -> None:
    """Any subset of elements, any number of repeats: reading, writing and reading again changes nothing."""
    edition = formats.get(format_id)
    made = document(edition, full=False, records=4, seed=seed, chance=chance)
    first = parsing.read_xml(made, "x", "x", kind=edition.kind, period=edition.period_from)
    written = writer.write_xml(first.tables, edition)
    same(made, written, edition)
    second = parsing.read_xml(written, "x", "x", kind=edition.kind, period=edition.period_from)
    for name, table in first.tables.items():
        assert table.drop("_line", "_offset", strict=False).equals(second.tables[name].drop("_line", "_offset", strict=False)), (
            name
        )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 10**6),
    st.lists(
        st.sampled_from(["", " ", "1,5", "abc", "2022-02-30", "-1", "12345678901234567890", "&", "<x>", "Ж" * 60]),
        min_size=1,
        max_size=6,
    ),
)
def test_spoilt_documents_survive(seed: int, spoilt: list[str]) -> None:
    """Values that are none: never an exception, never lost, the other rows as they were."""
    edition = formats.get("H_3.2")
    root = etree.fromstring(document(edition, full=True, records=2, seed=seed))
    pick = random.Random(seed)
    inside = [item for zap in root.findall("ZAP") for item in zap.iter() if len(item) == 0]
    for text in spoilt:
        pick.choice(inside).text = text
    for _ in range(2):
        extra = etree.SubElement(pick.choice([item for item in root.iter() if len(item)]), "NEWS")
        extra.text = "новость"
    made = etree.tostring(root, encoding="windows-1251", xml_declaration=True)
    first = parsing.read_xml(made, "x", "x", kind="H")
    assert first.findings.height >= 2
    same(made, writer.write_xml(first.tables, edition), edition)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 10**14), st.dates(date(1, 1, 1), date(9999, 12, 31)), st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=10)),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_random_tables_survive(rows: list[tuple[int, date, str]]) -> None:
    """Tables, not documents: kopecks, dates and texts of any letters come back."""
    numbers = list(range(len(rows)))
    tables = {
        "file": pl.DataFrame({"_row": [0], "version": ["3.2"]}),
        "zap": pl.DataFrame({"_row": numbers, "_parent": [0] * len(rows), "n_zap": numbers}),
        "z_sl": pl.DataFrame(
            {"_row": numbers, "_parent": numbers, "sumv": [row[0] for row in rows], "date_z_1": [row[1] for row in rows]}
        ),
        "sl": pl.DataFrame({"_row": numbers, "_parent": numbers, "comentsl": [row[2] for row in rows]}),
    }
    again = parsing.read_xml(writer.write_xml(tables, formats.get("H_3.2")), "x", "x", kind="H").tables
    assert again["z_sl"].select("sumv", "date_z_1").equals(tables["z_sl"].select("sumv", "date_z_1"))
    blank = pl.col("comentsl").str.strip_chars() == ""
    expected = tables["sl"].select(pl.when(blank).then(None).otherwise(pl.col("comentsl")).alias("comentsl"))
    assert again["sl"].select("comentsl").equals(expected)


def test_rows_are_joined_by_number_not_by_position() -> None:
    """A month numbers rows of a package from a large ordinal; children may come in any order of tables."""
    base = 7 << 32
    tables = {
        "file": pl.DataFrame({"_row": [base], "version": ["3.2"]}),
        "zap": pl.DataFrame({"_row": [base + 1, base], "_parent": [base, base], "n_zap": [2, 1]}),
        "z_sl": pl.DataFrame({"_row": [base + 5, base + 9], "_parent": [base + 1, base], "idcase": [52, 51]}),
    }
    written = writer.write_xml(tables, formats.get("H_3.2")).decode("cp1251")
    assert written.splitlines()[3:5] == [
        "<ZAP><N_ZAP>1</N_ZAP><Z_SL><IDCASE>51</IDCASE></Z_SL></ZAP>", "<ZAP><N_ZAP>2</N_ZAP><Z_SL><IDCASE>52</IDCASE></Z_SL></ZAP>",
    ]  # fmt: skip


def test_characters_outside_windows_1251() -> None:
    tables = parsing.read_xml(main_document(), NAME, NAME).tables
    tables["sl"] = tables["sl"].with_columns(comentsl=pl.lit("мг₂ и 漢 \x0b ok"))
    edition = formats.get("H_3.2")
    written = writer.write_xml(tables, edition)
    assert "<COMENTSL>мг&#8322; и &#28450;   ok</COMENTSL>".encode("cp1251") in written
    assert parsing.read_xml(written, NAME, NAME).tables["sl"]["comentsl"][0] == "мг₂ и 漢   ok"
    found = writer.unwritable(tables, edition, NAME)
    assert found.select("rule", "element").unique().rows() == [("S.830", "ZAP/Z_SL/SL/COMENTSL")]
    assert "U+000B U+2082 U+6F22" in findings.with_text(found, "ru")["text"][0]
    assert "characters outside windows-1251: U+000B U+2082 U+6F22" in findings.with_text(found, "en")["text"][0]
    assert writer.unwritable(parsing.read_xml(main_document(), NAME, NAME).tables, edition, NAME).height == 0


def test_packages_are_equal_byte_for_byte_and_readable(tmp_path: Path) -> None:
    from omsclaims.registry.reader import read_package

    read = read_package(package(), f"{NAME}.zip")
    assert read.format is not None and read.person_format is not None
    paths = [tmp_path / "a" / f"{NAME}.zip", tmp_path / "b" / f"{NAME}.zip"]
    for path in paths:
        path.parent.mkdir()
        writer.write_package(path, read.tables, read.format, read.tables, read.person_format)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert zipfile.ZipFile(paths[0]).namelist() == [f"{NAME}.xml", f"L{NAME[1:]}.xml"]
    again = read_package(paths[0])
    assert again.findings.height == 0 and not again.refused
    same(main_document(), zipfile.ZipFile(paths[0]).read(f"{NAME}.xml"), read.format)
    same(person_document(), zipfile.ZipFile(paths[0]).read(f"L{NAME[1:]}.xml"), read.person_format)
    assert [path.name for path in (tmp_path / "a").iterdir()] == [f"{NAME}.zip"]


def test_no_empty_elements_are_written() -> None:
    made = main_document().replace(b"<DS1>J06.9</DS1>", b"<KSG_KPG></KSG_KPG>", 1)
    read = parsing.read_xml(made, NAME, NAME)
    read.tables["exceptions"] = read.tables["exceptions"].clear()
    read.tables["sl"] = read.tables["sl"].with_columns(comentsl=pl.lit(""))
    written = writer.write_xml(read.tables, formats.get("H_3.2"))
    assert b"KSG_KPG" not in written and b"COMENTSL" not in written


def test_slices_of_any_size_give_the_same_bytes() -> None:
    """Memory is bounded by the slice, the file is not changed by it: extras, bad values and children stay where they were."""
    made = document(formats.get("C_3.1"), full=False, records=23, seed=5, chance=0.5)
    made = made.replace(b"<N_ZAP>", b"<NEW>x</NEW><N_ZAP>", 9).replace(b"<USL_OK>", b"<USL_OK>x", 7)
    read = parsing.read_xml(made, "x", "x", kind="C", period="2019-01")
    assert read.format is not None and {"S.901", "S.903"} <= set(read.findings["rule"])
    whole = writer.write_xml(read.tables, read.format)
    same(made, whole, read.format)
    for rows in (1, 100, 700):
        kept = io.BytesIO()
        assert writer.write_xml_to(kept, read.tables, read.format, slice_rows=rows) == len(whole)
        assert kept.getvalue() == whole


def field(path: str, form: str, table: str, **more: object) -> Field:
    known = {
        "length": 11, "decimals": 0, "must": "O", "repeats": False, "book": "", "values": (), "min_length": 0,
        "column": "" if form == "S" else path.rpartition("/")[2].lower(), "meaning_en": "", "meaning_ru": "",
    }  # fmt: skip
    return Field(path=path, form=form, table=table, **(known | more))  # type: ignore[arg-type]


def sluch() -> Format:
    """An edition of the time before completed cases: SLUCH is a row of z_sl and one of sl."""
    fields = (
        field("ZGLV", "S", "file"), field("ZGLV/VERSION", "T", "file"),
        field("ZAP", "S", "zap", owner="file", repeats=True), field("ZAP/N_ZAP", "N", "zap"),
        field("ZAP/SLUCH", "S", "z_sl", owner="zap", twin="sl", repeats=True), field("ZAP/SLUCH/IDCASE", "N", "z_sl"),
        field("ZAP/SLUCH/DS1", "T", "sl"), field("ZAP/SLUCH/DS2", "T", "ds2", owner="sl", repeats=True),
        field("ZAP/SLUCH/SUMV", "N", "z_sl", decimals=2, length=15),
        field("ZAP/SLUCH/SANK", "S", "sank", owner="z_sl", repeats=True), field("ZAP/SLUCH/SANK/S_SUM", "N", "sank", decimals=2, length=15),
        field("ZAP/SLUCH/USL", "S", "usl", owner="sl", repeats=True), field("ZAP/SLUCH/USL/IDSERV", "T", "usl"),
    )  # fmt: skip
    return dataclasses.replace(formats.get("H_3.2"), id="SLUCH", fields=fields)


def test_one_element_of_two_tables() -> None:
    """Rows of the twin are found by their parent, whatever numbers a month gave them; a missing twin leaves its leaves out."""
    base = 3 << 32
    tables = {
        "file": pl.DataFrame({"_row": [0], "version": ["2.1"]}),
        "zap": pl.DataFrame({"_row": [0, 1], "_parent": [0, 0], "n_zap": [1, 2]}),
        "z_sl": pl.DataFrame(
            {"_row": [base, base + 1, base + 2], "_parent": [0, 0, 1], "idcase": [11, 12, 13], "sumv": [100, 250, 5]}
        ),
        "sl": pl.DataFrame({"_row": [7, 9], "_parent": [base + 2, base], "ds1": ["J03", "J01"]}),
        "ds2": pl.DataFrame({"_row": [0, 1], "_parent": [9, 9], "ds2": ["A1", "A2"]}),
        "usl": pl.DataFrame({"_row": [0, 1], "_parent": [9, 7], "idserv": ["u1", "u3"]}),
        "sank": pl.DataFrame({"_row": [0], "_parent": [base + 1], "s_sum": [50]}),
        "extra": pl.DataFrame(
            {"table": ["sl"], "_row": [9], "path": ["ZAP/SLUCH/NEW"], "after": ["DS1"], "text": ["<NEW>!</NEW>"]}
        ),
    }
    assert writer.write_xml(tables, sluch()).decode().splitlines()[3:5] == [
        "<ZAP><N_ZAP>1</N_ZAP><SLUCH><IDCASE>11</IDCASE><DS1>J01</DS1><NEW>!</NEW><DS2>A1</DS2><DS2>A2</DS2><SUMV>1.00</SUMV>"
        "<USL><IDSERV>u1</IDSERV></USL></SLUCH>"
        "<SLUCH><IDCASE>12</IDCASE><SUMV>2.50</SUMV><SANK><S_SUM>0.50</S_SUM></SANK></SLUCH></ZAP>",
        "<ZAP><N_ZAP>2</N_ZAP><SLUCH><IDCASE>13</IDCASE><DS1>J03</DS1><SUMV>0.05</SUMV><USL><IDSERV>u3</IDSERV></USL></SLUCH></ZAP>",
    ]
    two = {**tables, "sl": pl.DataFrame({"_row": [7, 9], "_parent": [base, base], "ds1": ["J03", "J01"]})}
    with pytest.raises(ValueError, match="one sl for each z_sl"):
        writer.write_xml(two, sluch())


def test_columns_of_an_overlay_are_written() -> None:
    """What only a regional edition has: a column of its own scale, behind its sibling."""
    edition = formats.get("H_3.2")
    place = [item.path for item in edition.fields].index("ZAP/Z_SL/SL/SUM_M")
    more = (
        field("ZAP/Z_SL/SL/SUM_MP", "N", "sl", decimals=2, length=15),
        field("ZAP/Z_SL/SL/K_REG", "N", "sl", decimals=3, length=5),
    )
    regional = dataclasses.replace(edition, overlay="75", fields=edition.fields[: place + 1] + more + edition.fields[place + 1 :])
    tables = {
        "zap": pl.DataFrame({"_row": [0], "_parent": [0]}), "z_sl": pl.DataFrame({"_row": [0], "_parent": [0]}),
        "sl": pl.DataFrame({"_row": [0], "_parent": [0], "sum_m": [100], "sum_mp": [99], "k_reg": [1250]}),
    }  # fmt: skip
    assert b"<SL><SUM_M>1.00</SUM_M><SUM_MP>0.99</SUM_MP><K_REG>1.250</K_REG></SL>" in writer.write_xml(tables, regional)
    assert b"<SL><SUM_M>1.00</SUM_M></SL>" in writer.write_xml(tables, edition)


def test_unknown_elements_with_names_no_reference_can_write() -> None:
    """The file becomes UTF-8 rather than broken, and says so; S.830 names the letters."""
    made = main_document(1).decode("cp1251").replace("windows-1251", "utf-8").replace("<N_ZAP>", "<漢>1</漢><N_ZAP>").encode()
    read = parsing.read_xml(made, NAME, NAME)
    assert read.format is not None
    written = writer.write_xml(read.tables, read.format)
    assert written.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    assert etree.fromstring(written).findtext("ZAP/漢") == "1"
    assert writer.unwritable(read.tables, read.format, NAME)["element"].to_list() == ["ZAP/漢"]


def test_packages_in_a_stream_and_between_territories(tmp_path: Path) -> None:
    edition = formats.get("RD_3.2")
    read = parsing.read_xml(document(edition, full=False), "R7846220001", "R7846220001")
    kept = io.BytesIO()
    writer.write_package(kept, read.tables, edition, name="R7846220001")
    writer.write_package(tmp_path / "R7846220001.oms", read.tables, edition)
    assert (tmp_path / "R7846220001.oms").read_bytes() == kept.getvalue()
    opened = zipfile.ZipFile(kept)
    assert opened.namelist() == ["R7846220001.xml"] and opened.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
    with pytest.raises(ValueError, match="name"):
        writer.write_package(io.BytesIO(), read.tables, edition)


def test_a_package_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    broken = {"zap": pl.DataFrame({"_row": [0], "_parent": [0], "n_zap": ["no number"]})}
    with pytest.raises(pl.exceptions.PolarsError):
        writer.write_package(tmp_path / f"{NAME}.zip", broken, formats.get("H_3.2"))
    assert list(tmp_path.iterdir()) == []


def test_packing_level_is_used(tmp_path: Path) -> None:
    tables = parsing.read_xml(main_document(400), NAME, NAME).tables
    sizes = []
    for level in (1, 9):
        writer.write_package(tmp_path / f"{level}.zip", tables, formats.get("H_3.2"), level=level)
        sizes.append((tmp_path / f"{level}.zip").stat().st_size)
    assert sizes[1] < sizes[0]
