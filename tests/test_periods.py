"""Are months, ages, partitions and working-day terms what the calendar and the law say?"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsclaims.periods import (
    CalendarEndsError,
    Month,
    Partition,
    SexAgeGroup,
    add_calendar_days,
    add_working_days,
    age_expr,
    age_on,
    is_working_day,
    parse_partition,
    working_day_of_month,
    working_days,
)

SHARED = Path(__file__).resolve().parents[2] / "shared"


def test_months() -> None:
    march = Month.parse("2022-03")
    assert (march.first, march.last, march.days, str(march)) == (date(2022, 3, 1), date(2022, 3, 31), 31, "2022-03")
    assert march.plus(-3) == Month(2021, 12)
    assert march.plus(10) == Month(2023, 1)
    for wrong in ("2022-3", "2022-13", "22-03", "2022-00", "1999-01"):
        with pytest.raises(ValueError, match=r"month"):
            Month.parse(wrong)


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        ("2000-03-15", "2018-03-14", 17),
        ("2000-03-15", "2018-03-15", 18),
        ("2004-02-29", "2022-02-28", 17),
        ("2004-02-29", "2022-03-01", 18),
        ("2004-02-29", "2024-02-29", 20),
        ("2022-01-31", "2023-01-30", 0),
    ],
)
def test_an_age_is_reached_on_the_birthday(born: str, on: str, years: int) -> None:
    assert age_on(date.fromisoformat(born), date.fromisoformat(on)) == years


@given(
    st.lists(st.tuples(st.dates(date(1900, 1, 1), date(2030, 1, 1)), st.dates(date(1900, 1, 1), date(2030, 1, 1))), min_size=1)
)
def test_ages_of_columns_equal_ages_of_one(pairs: list[tuple[date, date]]) -> None:
    frame = pl.DataFrame(pairs, schema={"born": pl.Date, "on": pl.Date}, orient="row")
    ages = frame.select(age_expr(pl.col("born"), pl.col("on")).alias("age"))["age"].to_list()
    assert ages == [age_on(born, on) for born, on in pairs]


def test_working_days_of_the_published_years() -> None:
    """Vector S12: odd years of the production calendar."""
    published = {2011: 248, 2013: 247, 2015: 247, 2017: 247, 2019: 247, 2023: 247, 2025: 247}
    assert {year: working_days(year) for year in published} == published
    assert working_days(2021) == 240
    assert working_days(2021, decree_days_off=False) == 247
    assert all(is_working_day(date.fromisoformat(day)) for day in ("2011-03-05", "2021-02-20", "2025-11-01"))


def test_every_exception_of_the_official_calendar() -> None:
    path = SHARED / "nsi" / "calendar_exceptions_2011_2026.csv"
    if not path.exists():
        pytest.skip("../shared is not here: the list of calendar exceptions cannot be compared")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 250
    listed = {date.fromisoformat(row["date"]): row["kind"] == "working_weekend" for row in rows}
    day = date(2011, 1, 1)
    while day.year < 2027:
        assert is_working_day(day) == listed.get(day, day.weekday() < 5), day
        day = date.fromordinal(day.toordinal() + 1)


@pytest.mark.parametrize(
    ("event", "days", "end"),
    [
        ("2022-03-04", 1, "2022-03-05"),  # a worked Saturday
        ("2022-03-04", 2, "2022-03-09"),  # 7 March transferred, 8 March holiday
        ("2021-12-30", 1, "2022-01-10"),  # 31 December 2021 was a transferred day off, then New Year
        ("2021-10-29", 1, "2021-11-08"),  # decree days 1-3 November, holidays 4-5
        ("2020-03-27", 1, "2020-05-12"),  # decree days from 30 March to 8 May 2020
        ("2022-02-22", 25, "2022-03-31"),  # 23 February off, Saturday 5 March worked, 7-8 March off
    ],
)
def test_terms_in_working_days(event: str, days: int, end: str) -> None:
    assert add_working_days(date.fromisoformat(event), days).isoformat() == end


def test_terms_and_switches() -> None:
    assert add_working_days(date(2021, 10, 29), 1, decree_days_off=False) == date(2021, 11, 1)
    assert working_day_of_month(Month(2022, 3), 5) == date(2022, 3, 5)  # a worked Saturday
    assert add_calendar_days(date(2022, 4, 1), 30) == date(2022, 5, 4)  # 1 May Sunday, 2-3 May off
    assert add_calendar_days(date(2022, 4, 1), 30, move_to_working_day=False) == date(2022, 5, 1)
    with pytest.raises(ValueError, match="at least one day"):
        add_working_days(date(2022, 1, 1), 0)
    with pytest.raises(CalendarEndsError, match="2031"):
        is_working_day(date(2031, 1, 1))


def test_a_partition_must_hold_each_person_once() -> None:
    whole = parse_partition(
        [
            {"code": "child", "sex": "mf", "from": 0, "to": 17},
            {"code": "m18", "sex": "m", "from": 18},
            {"code": "f18", "sex": "f", "from": 18},
        ]
    )
    assert whole.group_of(2, 17) == "child"
    assert whole.group_of(2, 18) == "f18"
    table = pl.DataFrame({"w": [1, 2, 1], "age": [17, 18, 90]})
    assert table.select(whole.group_expr(pl.col("w"), pl.col("age")).alias("g"))["g"].to_list() == ["child", "f18", "m18"]
    with pytest.raises(ValueError, match="exactly once"):
        parse_partition([{"code": "a", "sex": "mf", "from": 0, "to": 17}, {"code": "b", "sex": "mf", "from": 19}])
    overlap = Partition((SexAgeGroup("a", (1, 2), 0, 20), SexAgeGroup("b", (1, 2), 18, None)))
    assert (1, 18, 2) in overlap.gaps()
    with pytest.raises(ValueError, match="no group"):
        Partition((SexAgeGroup("a", (1,), 0, None),)).group_of(2, 5)
