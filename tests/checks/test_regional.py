"""Tables that a region keeps: loaded from CSV as any book, typed by their layout, the longer diagnosis before its category."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims import checks
from omsclaims.checks import catalogue, regional
from omsclaims.nsi import Books, loader
from tests.checks.checks_cases import build

SINCE = "2022-01-01"


@pytest.mark.parametrize("name", list(regional.layouts()))
def test_a_table_in_our_layout_loads_as_a_book(name: str, tmp_path: Path) -> None:
    columns = [column.name for column in regional.layouts()[name].columns]
    kinds = {column.name: column.kind for column in regional.layouts()[name].columns}
    values = {"text": "a", "number": "7", "date": "2022-04-10"}
    cells = [values[kinds[column]] for column in columns]
    path = tmp_path / f"{name}.csv"
    path.write_text(
        ",".join(["valid_from", "valid_to", *columns]) + "\n" + ",".join([SINCE, "", *cells]) + "\n", encoding="utf-8"
    )
    loaded = loader.load_book(path)
    assert loaded.book is not None, loaded.findings
    assert regional.columns_missing(loaded.book) == ()
    rows = regional.table(Books({name: loaded.book}), name)
    assert rows.height == 1
    for column in columns:
        assert rows.schema[column] == {"text": pl.String, "number": pl.Int64, "date": pl.Date}[kinds[column]]
        assert rows[column][0] is not None
    assert rows["valid_from"][0] == date(2022, 1, 1)


@pytest.mark.parametrize("name", list(regional.layouts()))
def test_every_table_is_asked_for_and_told_in_both_languages(name: str) -> None:
    layout = regional.layouts()[name]
    assert any(name in rule.books for rule in catalogue.rules().values())
    assert layout.columns[0].name == "code"
    for part in (layout, *layout.columns):
        assert all(part.meaning(lang).strip() for lang in ("ru", "en"))


def test_a_table_without_a_column_is_not_used() -> None:
    built = build([{}], books={"R001": [{"code": "301"}]})
    reasons = {rule: (done, reason) for rule, done, reason in checks.executed("registry", built.tables, built.context)}
    assert reasons["C039"] == (False, "columns:R001 (ishod)")
    assert "R001 (ishod)" in checks.reason_text("columns:R001 (ishod)", "ru")


def test_a_value_that_is_no_number_is_none() -> None:
    built = build([{}], books={"R001": [{"code": "301", "ishod": "х"}, {"code": "302", "ishod": " 304 "}]})
    assert regional.table(built.context.books, "R001")["ishod"].to_list() == [None, 304]


def test_the_longer_diagnosis_counts() -> None:
    listed = pl.DataFrame(
        {
            "code": ["J18", "J18.0", "J18.0", "J20"],
            "mark": ["category", "part", "part of last year", "other"],
            "valid_from": [date(2021, 1, 1), date(2022, 1, 1), date(2021, 1, 1), date(2021, 1, 1)],
            "valid_to": [None, None, date(2021, 12, 31), None],
        }
    )
    rows = pl.DataFrame({"ds": ["J18.0", "J18.9", "J20", "J21.0"], "day": [date(2022, 3, 1)] * 4})
    found = regional.of_diagnosis(rows, listed, "ds", "day")
    assert found.select("ds", "mark").rows() == [("J18.0", "part"), ("J18.9", "category"), ("J20", "other")]
    before = regional.of_diagnosis(rows.with_columns(day=pl.lit(date(2021, 6, 1))), listed, "ds", "day")
    assert before["mark"].to_list() == ["part of last year", "category", "other"]
