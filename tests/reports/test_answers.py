"""Answers say what was decided, add up as law.md 10.4 demands, and validate against the schema of their kind."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from lxml import etree

from omsclaims.registry import formats
from omsclaims.registry.writer import write_xml
from omsclaims.reports import answers
from tests.reports import reports_data as data

XSD = Path(__file__).resolve().parents[3] / "shared" / "xsd"
SCHEMA = {
    "RESULT_H_3.1": "H31", "RESULT_H_3.2": "H32", "RESULT_T_3.1": "T31", "RESULT_C_3.1": "C31", "RESULT_X_3.1_2021-08": "X31_2021-08",
}  # fmt: skip


def answer(package: int) -> tuple[dict[str, pl.DataFrame], str]:
    stages = data.stages()
    cases = stages["cases"].filter(pl.col("package") == data.PACKAGES[package][1])
    return answers.answer_tables(data.package_tables(package), cases, stages["decisions"], stages["sanctions"])


def schema(name: str) -> etree.XMLSchema:
    path = XSD / name
    if not path.exists():
        pytest.skip(f"../shared is not here: {name}")
    return etree.XMLSchema(etree.parse(path))


@pytest.mark.parametrize("package", [0, 1, 2, 3, 4])
def test_registries_and_answers_validate_against_their_schema(package: int) -> None:
    tables, edition = answer(package)
    billed = data.PACKAGES[package][2]
    before = schema(f"{billed}.xsd")
    assert before.validate(etree.fromstring(write_xml(data.package_tables(package), formats.get(billed)))), before.error_log
    after = schema(f"result_TM_{SCHEMA[edition]}.xsd")
    assert after.validate(etree.fromstring(write_xml(tables, formats.get(edition)))), after.error_log


def test_answer_of_a_refused_and_accepted_case_in_figures() -> None:
    tables, edition = answer(2)
    root = etree.fromstring(write_xml(tables, formats.get(edition)))
    assert root.findtext("ZGLV/FILENAME") == "HT75M750901_220301"
    assert root.findtext("SCHET/SUMMAV") == "106790.12"
    assert root.findtext("SCHET/SUMMAP") == "94444.45"
    assert root.findtext("SCHET/SANK_MEK") == "12345.67"
    assert root.find("SCHET/SANK_MEE") is None
    assert [node.text for node in root.findall("ZAP/Z_SL/OPLATA")] == ["2", "1", "1", "1"]
    assert [node.text for node in root.findall("ZAP/Z_SL/SUMP")] == ["0.00", "20000.01", "30000.00", "44444.44"]
    rows = root.findall("ZAP/Z_SL/SANK")
    assert [(row.findtext("S_SUM"), row.findtext("SL_ID"), row.findtext("S_OSN")) for row in rows] == [
        ("12345.67", "s1", "157"), ("0.00", "s1", "157"),
    ]  # fmt: skip
    assert [node.text for node in root.findall("ZAP/Z_SL/SANK_IT")] == ["12345.67"]


def test_money_taken_for_the_case_as_a_whole_names_all_its_parts() -> None:
    """SL_ID must stand where S_SUM is not 0 (Q015 003F.00.1770); a ground of 0 roubles for the whole case names none."""
    stages = data.stages()
    cases = stages["cases"].filter(pl.col("package") == data.PACKAGES[2][1])
    tables = data.package_tables(2)
    first = tables["sl"].filter(pl.col("_parent") == data.key(2, 1))
    again = first.with_columns(pl.lit(data.key(2, 90)).alias("_row"), pl.lit("second").alias("sl_id"))
    tables["sl"] = pl.concat([tables["sl"], again])
    nameless = stages["sanctions"].with_columns(pl.lit(None, dtype=pl.String).alias("sl_id"))
    result, edition = answers.answer_tables(tables, cases, stages["decisions"], nameless)
    root = etree.fromstring(write_xml(result, formats.get(edition)))
    named = [(row.findtext("S_SUM"), [node.text for node in row.findall("SL_ID")]) for row in root.findall("ZAP/Z_SL/SANK")]
    assert named == [("12345.67", ["s1", "second"]), ("0.00", [])]


def test_answer_is_the_same_for_local_rows_and_any_order_of_decisions() -> None:
    stages = data.stages()
    cases = stages["cases"].filter(pl.col("package") == data.PACKAGES[2][1])
    tables = data.package_tables(2)
    local = {
        name: table.with_columns(pl.col("_row", "_parent") & ((1 << 32) - 1)) for name, table in tables.items()
    }  # fmt: skip
    first, edition = answers.answer_tables(tables, cases, stages["decisions"], stages["sanctions"])
    second, _ = answers.answer_tables(local, cases.reverse(), stages["decisions"].reverse(), stages["sanctions"].reverse())
    assert write_xml(first, formats.get(edition)) == write_xml(second, formats.get(edition))


def test_what_the_clinic_wrote_in_the_payers_fields_is_replaced() -> None:
    stages = data.stages()
    cases = stages["cases"].filter(pl.col("package") == data.PACKAGES[2][1])
    tables = data.package_tables(2)
    tables["file"] = tables["file"].with_columns(summap=pl.lit(1), sank_mee=pl.lit(5))
    tables["z_sl"] = tables["z_sl"].with_columns(oplata=pl.lit(1), sump=pl.lit(99))
    tables["sank"] = data.canonical(
        "sank", [{"_row": 1, "_parent": data.key(2, 3), "s_code": "own", "s_sum": 5, "s_tip": 1, "s_ist": 1}]
    )
    tables["exceptions"] = pl.DataFrame(
        [("z_sl", data.key(2, 1), "sump", "x", "bad"), ("z_sl", data.key(2, 1), "npr_date", "31.02", "bad")],
        schema=formats.EXCEPTIONS, orient="row",
    )  # fmt: skip
    result, _ = answers.answer_tables(tables, cases, stages["decisions"], stages["sanctions"])
    assert result["file"]["sank_mee"].to_list() == [None]
    assert "own" not in result["sank"]["s_code"].to_list()
    assert result["exceptions"]["column"].to_list() == ["npr_date"]
    assert result["z_sl"].columns == tables["z_sl"].columns


@pytest.mark.parametrize("change", [
    {"sump_kop": 5}, {"sank_it_kop": 1}, {"oplata": 1}, {"oplata": 3}, {"oplata": None},
])  # fmt: skip
def test_decisions_that_do_not_add_up_are_not_written(change: dict[str, int]) -> None:
    stages = data.stages()
    cases = stages["cases"].filter(pl.col("package") == data.PACKAGES[2][1])
    refused = pl.col("case_key") == data.key(2, 1)
    wrong = stages["decisions"].with_columns(
        pl.when(refused).then(pl.lit(value, dtype=pl.Int64)).otherwise(pl.col(name)).alias(name) for name, value in change.items()
    )
    with pytest.raises(answers.AnswerError):
        answers.answer_tables(data.package_tables(2), cases, wrong, stages["sanctions"])


def test_a_case_without_decision_or_a_stranger_is_an_error() -> None:
    stages = data.stages()
    cases = stages["cases"].filter(pl.col("package") == data.PACKAGES[2][1])
    with pytest.raises(answers.AnswerError):
        answers.answer_tables(data.package_tables(2), cases, stages["decisions"].head(2), stages["sanctions"])
    with pytest.raises(answers.AnswerError):
        answers.answer_tables(data.package_tables(2), cases.head(1), stages["decisions"], stages["sanctions"])


@pytest.mark.parametrize(("stem", "expected", "persons"), [
    ("HM750901T75_220301", "HT75M750901_220301", "LT75M750901_220301"),
    ("DPM750901S75001_22031", "DPS75001M750901_22031", "LPS75001M750901_22031"),
    ("no name", "no name", None),
])  # fmt: skip
def test_names_of_answers(stem: str, expected: str, persons: str | None) -> None:
    assert answers.answer_name(stem) == expected
    assert answers.answer_person_name(stem) == persons
