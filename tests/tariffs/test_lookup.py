from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omsclaims.law import federal_parameters
from omsclaims.tariffs.lookup import OPEN_END, dated_values, look_up

ROWS = pl.DataFrame(
    {
        "code": ["a", "a", "b"],
        "valid_from": [date(2022, 1, 1), date(2022, 4, 1), date(2022, 1, 1)],
        "valid_to": [date(2022, 3, 31), date(2022, 12, 31), date(2022, 12, 31)],
        "value5": [1, 2, 3],
    }
)


def test_the_row_of_the_day_and_null_for_a_miss() -> None:
    asked = pl.DataFrame(
        {
            "key": ["a", "a", "a", "b", "c", None, "a"],
            "day": [
                date(2022, 3, 31),
                date(2022, 4, 1),
                date(2023, 1, 1),
                date(2022, 5, 5),
                date(2022, 5, 5),
                date(2022, 5, 5),
                None,
            ],
        },
        schema={"key": pl.String(), "day": pl.Date()},
    )
    found = look_up(asked, ROWS, {"key": "code"}, {"value5": "kz5"})
    assert found["kz5"].to_list() == [1, 2, None, 3, None, None, None]
    assert found.select("key", "day").equals(asked)  # rows and order stay


def test_two_rows_for_one_key_are_refused() -> None:
    asked = pl.DataFrame({"key": ["a"], "day": [date(2022, 2, 1)]})
    twice = pl.concat([ROWS, ROWS.head(1)])
    with pytest.raises(ValueError, match="two rows"):
        look_up(asked, twice, {"key": "code"}, {"value5": "kz5"})


def test_federal_rule_of_complexity_by_date() -> None:
    rules = dated_values(federal_parameters(), "tariffs.kslp_rule", {"rule": pl.String(), "cap": pl.String()})
    asked = pl.DataFrame({"day": [date(2012, 12, 31), date(2020, 5, 1), date(2021, 12, 31), date(2022, 1, 1), date(2026, 1, 1)]})
    found = look_up(asked, rules, {}, {"rule": "rule", "cap": "cap", "source": "source"})
    assert found["rule"].to_list() == [None, "multiply", "multiply", "add", "add"]
    assert found["cap"].to_list() == [None, "1.8", "1.8", None, None]
    assert found["source"][3] == "law:tariffs.kslp_rule@2022-01-01"
    assert rules["valid_to"].max() == OPEN_END


DAYS = st.dates(date(2021, 12, 28), date(2022, 4, 5))


@example([("a", date(2022, 1, 5), 1), ("a", date(2022, 3, 5), 1)])
@example([("c", date(2022, 1, 5), 1)])
@example([("a", date(2022, 1, 5), 9), ("b", date(2022, 1, 6), 2), (None, date(2022, 1, 6), 2)])
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.none() | DAYS, st.none() | st.integers(0, 4)), max_size=12))
def test_the_short_ways_find_the_same(lines: list[tuple[str | None, date | None, int | None]]) -> None:
    """Where every row holds on all days asked for, the day is not looked at: one row at a time cannot tell the difference."""
    asked = pl.DataFrame(lines, schema={"key": pl.String(), "day": pl.Date(), "days": pl.Int64()}, orient="row")
    within = pl.col("days") <= pl.col("__value5")
    ways: list[tuple[dict[str, str], pl.Expr | None, tuple[str, ...]]] = [
        ({"key": "code"}, None, ()), ({}, None, ()), ({"key": "code"}, within, ("days",)),
    ]  # fmt: skip
    for on, where, also in ways:
        rows = ROWS if on else ROWS.filter(pl.col("code") == "a")
        together = look_up(asked, rows, on, {"value5": "kz5"}, where=where, also=also)
        expected = []
        for key, day, days in lines:
            holds = [
                row["value5"]
                for row in rows.iter_rows(named=True)
                if day is not None
                and row["valid_from"] <= day <= row["valid_to"]
                and (not on or row["code"] == key)
                and (where is None or (days is not None and days <= row["value5"]))
            ]
            expected.append(holds[0] if holds else None)
        assert together["kz5"].to_list() == expected
        assert together.select(asked.columns).equals(asked)
