"""What day, month, age and term is it? Reporting months, ages, sex-age partitions, working-day terms.

Sources: production calendar (Labour Code art. 112), civil code art. 191-193, Rules 158n 153; design: law.md 4.1 and 15.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Final, Literal

import polars as pl
import yaml

#: The safe loader, in C where there is one: every command waits for the calendar.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Sex = Literal[1, 2]  # V005: 1 male, 2 female


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A reporting month, such as 2022-03. Ordered in time."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not 1 <= self.month <= 12 or not 2011 <= self.year <= 2100:
            raise ValueError(f"not a reporting month: {self.year}-{self.month:02d}")

    @classmethod
    def parse(cls, text: str) -> Month:
        """`2022-03` as a Month. Raises ValueError for anything else."""
        match = re.fullmatch(r"(\d{4})-(\d{2})", text)
        if match is None:
            raise ValueError(f"a month is written YYYY-MM, not {text!r}")
        return cls(int(match[1]), int(match[2]))

    @property
    def first(self) -> date:
        """First day of the month."""
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        """Last day of the month."""
        return date(self.year, self.month, calendar.monthrange(self.year, self.month)[1])

    @property
    def days(self) -> int:
        """Number of calendar days."""
        return self.last.day

    def plus(self, months: int) -> Month:
        """The month `months` later (earlier when negative)."""
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02d}"


def age_on(born: date, on: date) -> int:
    """Whole years of age: reached on the birthday; born on 29 February: on 1 March of a common year (law.md 4.1)."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def age_expr(born: pl.Expr, on: pl.Expr) -> pl.Expr:
    """`age_on` for columns (Int32)."""
    # Widened before the product: polars keeps months in eight bits.
    on_day = on.dt.month().cast(pl.Int32) * 100 + on.dt.day()
    birthday = born.dt.month().cast(pl.Int32) * 100 + born.dt.day()
    before_birthday = on_day < birthday
    return (on.dt.year() - born.dt.year() - before_birthday.cast(pl.Int32)).cast(pl.Int32)


@dataclass(frozen=True, slots=True)
class SexAgeGroup:
    """One cell of a partition: a code, the sexes, and whole years of age from-to (to None: no upper end)."""

    code: str
    sexes: tuple[int, ...]
    age_from: int
    age_to: int | None

    def holds(self, sex: int, age_years: int) -> bool:
        """Whether a person of this sex and age belongs here."""
        return sex in self.sexes and self.age_from <= age_years and (self.age_to is None or age_years <= self.age_to)


@dataclass(frozen=True, slots=True)
class Partition:
    """A division of all persons into sex-age groups; `gaps` must be empty for it to be used (law.md 4.1)."""

    groups: tuple[SexAgeGroup, ...]

    def group_of(self, sex: int, age_years: int) -> str:
        """Code of the one group of a person. Raises ValueError for a sex or age that no group holds."""
        for group in self.groups:
            if group.holds(sex, age_years):
                return group.code
        raise ValueError(f"no group for sex {sex}, age {age_years}")

    def gaps(self, oldest_years: int = 130) -> list[tuple[int, int, int]]:
        """(sex, age, number of groups) wherever the number of groups is not exactly one."""
        found = []
        for sex in (1, 2):
            for age_years in range(oldest_years + 1):
                number = sum(group.holds(sex, age_years) for group in self.groups)
                if number != 1:
                    found.append((sex, age_years, number))
        return found

    def group_expr(self, sex: pl.Expr, age_years: pl.Expr) -> pl.Expr:
        """`group_of` for columns (String); null where no group holds the person."""
        result: pl.Expr = pl.lit(None, dtype=pl.String)
        for group in reversed(self.groups):
            inside = sex.is_in(list(group.sexes)) & (age_years >= group.age_from)
            if group.age_to is not None:
                inside = inside & (age_years <= group.age_to)
            result = pl.when(inside).then(pl.lit(group.code)).otherwise(result)
        return result


_DATA: Final = "production_calendar.yaml"


class CalendarEndsError(LookupError):
    """A working day was asked for in a year whose production calendar is not known."""

    def __init__(self, year: int) -> None:
        super().__init__(f"no production calendar for {year}: add it to {_DATA}")
        self.year = year


def _days(year: int, text: str) -> set[date]:
    """Dates of a line such as `01-03..01-07, 02-23`."""
    found: set[date] = set()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        first, _, last = part.partition("..")
        day = date.fromisoformat(f"{year}-{first}")
        end = date.fromisoformat(f"{year}-{last or first}")
        while day <= end:
            found.add(day)
            day += timedelta(days=1)
    return found


@cache
def _exceptions() -> dict[int, dict[str, frozenset[date]]]:
    raw = yaml.load((resources.files("omsclaims") / _DATA).read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506
    return {year: {kind: frozenset(_days(year, days)) for kind, days in kinds.items()} for year, kinds in raw.items()}


def is_working_day(day: date, decree_days_off: bool = True) -> bool:
    """Whether `day` is a working day of the production calendar of the five-day week.

    decree_days_off  whether days declared non-working by decree (2020, 2021) count as days off (law.md 15)

    Raises CalendarEndsError outside the years of the calendar.
    """
    kinds = _exceptions().get(day.year)
    if kinds is None:
        raise CalendarEndsError(day.year)
    if day in kinds.get("worked", ()):
        return True
    if day.weekday() >= 5 or day in kinds.get("days_off", ()):
        return False
    return not (decree_days_off and day in kinds.get("decree", ()))


def add_working_days(event: date, days: int, decree_days_off: bool = True) -> date:
    """The day a term of `days` working days ends: the day of the event never counts, the n-th working day is in."""
    if days < 1:
        raise ValueError("a term has at least one day")
    day = event
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day, decree_days_off)
    return day


def working_day_of_month(month: Month, number: int, decree_days_off: bool = True) -> date:
    """The `number`-th working day of a month (for terms such as "by the 5th working day")."""
    return add_working_days(month.first - timedelta(days=1), number, decree_days_off)


def add_calendar_days(event: date, days: int, move_to_working_day: bool = True, decree_days_off: bool = True) -> date:
    """The day a term of calendar days ends; an end on a day off moves to the next working day (civil code art. 193)."""
    day = event + timedelta(days=days)
    while move_to_working_day and not is_working_day(day, decree_days_off):
        day += timedelta(days=1)
    return day


def working_days(year: int, decree_days_off: bool = True) -> int:
    """Working days of a year."""
    day, count = date(year, 1, 1), 0
    while day.year == year:
        count += is_working_day(day, decree_days_off)
        day += timedelta(days=1)
    return count


def parse_partition(rows: Sequence[dict[str, object]]) -> Partition:
    """A partition from parameter rows {code, sex: m|f|mf, from, to}. Raises ValueError when it has a gap or overlap."""
    sexes = {"m": (1,), "f": (2,), "mf": (1, 2)}
    groups = []
    for row in rows:
        upper = row.get("to")
        groups.append(
            SexAgeGroup(
                str(row["code"]),
                sexes[str(row["sex"])],
                int(str(row["from"])),
                None if upper is None else int(str(upper)),
            )
        )
    partition = Partition(tuple(groups))
    gaps = partition.gaps()
    if gaps:
        raise ValueError(f"the partition does not hold each person exactly once: (sex, age, groups) {gaps[:5]}")
    return partition
