from __future__ import annotations

from datetime import date

import polars as pl
import pytest

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
