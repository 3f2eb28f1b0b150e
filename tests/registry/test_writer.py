from __future__ import annotations

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
from omsclaims.registry import formats, parsing, values, writer
from omsclaims.registry.formats import Format

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
    """The same elements in the same order with the same values."""
    assert [(path, normal(path, text, edition)) for path, text in leaves(before)] == leaves(after)


@pytest.mark.parametrize(("sample", "stem", "format_id"), SAMPLES)
def test_samples_of_real_systems_survive(sample: str, stem: str, format_id: str) -> None:
    data = shared("samples", f"{sample}.xml").read_bytes()
    read = parsing.read_xml(data, stem, stem)
    assert read.format is not None and read.format.id == format_id and read.exact
    assert read.findings.height == 0
    same(data, writer.write_xml(read.tables, read.format), read.format)


@pytest.mark.parametrize(("sample", "stem"), [("A_2.1", "A7878110001"), ("R_1.0", "R9779110001")])
def test_samples_of_editions_without_a_table_are_not_lost(sample: str, stem: str) -> None:
    """Read by the nearest edition: what it does not know is kept and written again."""
    data = shared("samples", f"{sample}.xml").read_bytes()
    read = parsing.read_xml(data, stem, stem)
    assert read.format is not None and not read.exact
    assert {"S.809", "S.901"} <= set(read.findings["rule"])
    same(data, writer.write_xml(read.tables, read.format), read.format)


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
    st.sampled_from(["H_3.2", "C_3.1", "X_3.1_2021-08", "RD_3.2", "L_3.2", "RESULT_H_3.2", "A_3.1"]),
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
    assert b"KSG_KPG" not in writer.write_xml(read.tables, formats.get("H_3.2"))
