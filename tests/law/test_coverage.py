"""Are days on which an agreement, or a key of one of its tables, does not hold named - and no others?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims import findings
from omsclaims.law.agreement import Agreement, coverage, load_agreement, month_findings
from omsclaims.periods import Month

SMALL = load_agreement(Path(__file__).resolve().parents[2] / "fixtures" / "agreements" / "small")


def with_rates(*spans: tuple[date, date]) -> Agreement:
    """The made-up agreement with day-hospital rates of these times."""
    row = SMALL.table("base_rates").filter(pl.col("setting") == "ksg_day")
    rows = [row.with_columns(valid_from=pl.lit(begin), valid_to=pl.lit(end)) for begin, end in spans]
    others = SMALL.table("base_rates").filter(pl.col("setting") != "ksg_day")
    return replace(SMALL, tables={**SMALL.tables, "base_rates": pl.concat([others, *rows])})


def open_days(agreement: Agreement, month: str) -> list[tuple[str, str]]:
    first, last = Month.parse(month).first, Month.parse(month).last
    found = [problem for problem in coverage(agreement, first, last) if problem.file == "agreement.yaml"]
    return [(dict(problem.params).get("begin", "-"), dict(problem.params).get("end", "-")) for problem in found]


FEBRUARY = (date(2022, 2, 1), date(2022, 2, 28))


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([FEBRUARY], []),
        ([(date(2022, 1, 1), date(2022, 2, 10)), (date(2022, 2, 11), date(2022, 12, 31))], []),
        ([(date(2022, 1, 1), date(2022, 2, 27))], [("2022-02-28", "2022-02-28")]),
        ([(date(2022, 2, 2), date(2022, 12, 31))], [("2022-02-01", "2022-02-01")]),
        ([(date(2022, 1, 1), date(2022, 2, 9)), (date(2022, 2, 11), date(2022, 12, 31))], [("2022-02-10", "2022-02-10")]),
        ([(date(2022, 1, 1), date(2022, 1, 31))], [("2022-02-01", "2022-02-28")]),
        ([(date(2022, 3, 1), date(2022, 12, 31))], [("2022-02-01", "2022-02-28")]),
    ],
)
def test_the_days_that_rows_of_a_key_leave_open(spans: list[tuple[date, date]], expected: list[tuple[str, str]]) -> None:
    assert open_days(with_rates(*spans), "2022-02") == expected


def test_findings_of_a_month_name_the_row_and_the_remedy() -> None:
    assert month_findings(SMALL, Month(2022, 2)).is_empty()
    stopped = month_findings(with_rates((date(2022, 1, 1), date(2022, 2, 27))), Month(2022, 2))
    assert stopped["rule"].to_list() == ["A.2"]
    for lang in ("ru", "en"):
        text = findings.with_text(stopped, lang)["text"][0]
        assert "agreement.yaml:27" in text and "setting=ksg_day" in text and "2022-02-28" in text
    after = month_findings(SMALL, Month(2023, 1))
    assert after["rule"].to_list() == ["A.1"]
    assert "2022-12-31" in findings.with_text(after, "en")["text"][0]


def test_a_key_that_ends_within_the_year_is_told_once() -> None:
    found = coverage(SMALL, SMALL.head.valid_from, SMALL.head.valid_to)
    assert [(problem.file, problem.line, problem.code) for problem in found] == [("visits.csv", 6, "key_stops")]
