"""Does each person belong to exactly one sex-age group on each day? A sweep over births and dates (Rules 153; law.md 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

import polars as pl

from omsclaims.law import DatedValue, federal_parameters
from omsclaims.periods import Partition, age_expr, parse_partition

YEARS = 120
DAYS_AROUND = 183


@dataclass(frozen=True)
class Proof:
    """Cells swept (sex x birth x date), cells without exactly one group, and cells whose age is not the number of birthdays."""

    since: date
    cells: int
    not_one: int
    wrong_age: int
    groups: int


def editions() -> Iterator[tuple[DatedValue, Partition]]:
    """Every dated partition of the law."""
    for value in federal_parameters().by_name["financing.partition"].values:
        if value.value is not None:
            yield value, parse_partition(value.value)


def births(last: date, years: int, every: int = 1) -> pl.DataFrame:
    """{born, sex}: every `every`-th day of `years` years up to `last`, and all days around 29 February and 1 January; both sexes."""
    first = date(last.year - years, last.month, min(last.day, 28))
    days = pl.date_range(first, last, "1d", eager=True)
    sharp = pl.col("born").dt.strftime("%m-%d").is_in(["02-28", "02-29", "03-01", "12-31", "01-01"])
    kept = pl.DataFrame({"born": days}).with_row_index().filter((pl.col("index") % every == 0) | sharp).select("born")
    return kept.join(pl.DataFrame({"sex": [1, 2]}, schema={"sex": pl.Int64}), how="cross")


def birthdays_passed(born: pl.Expr, on: date) -> pl.Expr:
    """Age by counting birthdays, not by comparing months: the year's birthday of 29 February is 1 March in a common year."""
    leap = (on.year % 4 == 0 and on.year % 100 != 0) or on.year % 400 == 0
    feast = born.dt.month().cast(pl.Int32) == 2
    moved = feast & (born.dt.day() == 29) & pl.lit(not leap)
    this_year = pl.when(moved).then(pl.date(on.year, 3, 1)).otherwise(
        pl.date(on.year, born.dt.month(), pl.when(moved).then(1).otherwise(born.dt.day()))
    )  # fmt: skip
    return on.year - born.dt.year() - 1 + (this_year <= pl.lit(on)).cast(pl.Int32)


def prove(since: date, partition: Partition, years: int = YEARS, every_birth: int = 1, every_date: int = 1) -> Proof:
    """Each sex, each birth of `years` years, each date of the year around `since`: how many groups of the partition hold it?"""
    age = age_expr(pl.col("born"), pl.col("on"))
    holding = [
        Partition((group,)).group_expr(pl.col("sex"), pl.col("age")).is_not_null().cast(pl.Int32) for group in partition.groups
    ]
    number = reduce(lambda total, one: total + one, holding)
    chosen = partition.group_expr(pl.col("sex"), pl.col("age"))
    cells = not_one = wrong_age = 0
    everyone = births(since + timedelta(days=DAYS_AROUND), years + 1, every_birth)
    seen: set[str] = set()
    for offset in range(-DAYS_AROUND, DAYS_AROUND + 1, every_date):
        on = since + timedelta(days=offset)
        swept = (
            everyone.lazy()
            .filter(pl.col("born") <= on)
            .with_columns(on=pl.lit(on))
            .with_columns(age=age, passed=birthdays_passed(pl.col("born"), on))
            .with_columns(number=number, chosen=chosen)
            .select(
                cells=pl.len(),
                not_one=((pl.col("number") != 1) | pl.col("chosen").is_null()).sum(),
                wrong_age=(pl.col("age") != pl.col("passed")).sum(),
                chosen=pl.col("chosen").unique().implode(),
            )
            .collect()
            .row(0)
        )
        cells, not_one, wrong_age = cells + swept[0], not_one + swept[1], wrong_age + swept[2]
        seen.update(swept[3])
    return Proof(since, cells, not_one, wrong_age, len(seen))
