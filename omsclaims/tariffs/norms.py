"""What does care cost by municipality, sex and age, and what per-capita standards follow? (Rules 152-154; law.md 4.1-4.4.)

`P = Z / (Ch M)`, `P_ij = Z_ij / (Ch_ij M)`, `KD_ij = P_ij / P`: i a municipality or a group of them, j a sex-age group, Z what
was accepted in the M months of the settlement period, Ch the insured on its first day. `DPN_ij = (S / n) KD_ij`. Everything is
exact (fractions) unless the agreement gives digits: then the rounded coefficient and standard bind and are what is published.

A group with cost and no people, or people and no cost, has no coefficient and is a finding: never zero, never infinite.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Final

import numpy as np
import polars as pl

from omsclaims import findings, registers
from omsclaims.findings import Finding
from omsclaims.money import KOPECKS_PER_ROUBLE, format_amount, round_fraction
from omsclaims.periods import Partition
from omsclaims.tariffs.arrays import held

#: Cell of a person or of a cost: place (municipality or group of them) and code of the sex-age group.
Cell = tuple[str, str]
#: Stands for a place or group that is not known.
NOWHERE: Final = "-"
#: Text digits of an exact coefficient in tables: enough to tell apart what differs; the exact one is a fraction beside it.
SHOWN_DIGITS: Final = 10
#: A row of the result: see `frame`.
SCHEMA: Final[dict[str, pl.DataType]] = {
    "place": pl.String(), "group": pl.String(), "people": pl.Int64(), "cost_kop": pl.Int64(), "kd": pl.String(),
    "kd_exact": pl.String(), "kd_before_floor": pl.String(), "standard": pl.String(), "standard_exact": pl.String(),
    "kd_last": pl.String(), "change_percent": pl.String(),
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """How a territory computes its coefficients.

    kd_digits        digits after the point of a published coefficient; None: exact
    standard_digits  of a published standard in roubles; None: exact
    floor            least coefficient of a group of `floor_from_age`, None: none (law.md 4.3)
    floor_from_age   whole years from which a group is one of old people
    may_cost_nothing groups that the agreement allows to have people and no cost: their coefficient is 0
    """

    kd_digits: int | None = None
    standard_digits: int | None = None
    floor: Fraction | None = None
    floor_from_age: int = 65
    may_cost_nothing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Norm:
    """One cell: its numbers, coefficient and standard (roubles a month); None where there is none."""

    place: str
    group: str
    people: int
    cost_kop: int
    kd: Fraction | None
    kd_before_floor: Fraction | None
    standard: Fraction | None = None


@dataclass(frozen=True)
class Norms:
    """The coefficients of a settlement period, what is wrong, and what they were made of.

    norms     cell by cell, sorted by place and group in the order of the partition
    months    M
    people    Ch, all insured of known cells
    cost_kop  Z
    average   (S / n) of the month that the standards are for, roubles; None before `with_standards`
    sources   parameters used, `law:name@since`
    """

    norms: tuple[Norm, ...]
    months: int
    people: int
    cost_kop: int
    findings: pl.DataFrame
    average: Fraction | None = None
    sources: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)

    @property
    def complete(self) -> bool:
        """Whether every cell with people or cost has a coefficient: only then may anybody be paid by them."""
        return all(norm.kd is not None for norm in self.norms)

    @property
    def average_cost(self) -> Fraction:
        """P: cost of one insured a month, roubles."""
        return (
            Fraction(self.cost_kop, KOPECKS_PER_ROUBLE * self.people * self.months)
            if self.people and self.months
            else Fraction(0)
        )

    def coefficients(self) -> dict[Cell, Fraction]:
        """(place, group) -> KD of the cells that have one."""
        return {(norm.place, norm.group): norm.kd for norm in self.norms if norm.kd is not None}


# ---------------------------------------------------------------- who is in which cell


def thresholds(partition: Partition, day: date) -> tuple[dict[int, np.ndarray], dict[int, list[str]]]:
    """By sex: the latest birth dates (days since 1970, falling) at which a person enters the next group on `day`, and the groups.

    A person born on or before the k-th date and after the next is in the k-th group (law.md 4.1: the birthday itself counts; who
    is born on 29 February has it on 1 March of a common year).
    """
    dates: dict[int, np.ndarray] = {}
    codes: dict[int, list[str]] = {}
    for sex in (1, 2):
        groups = sorted((group for group in partition.groups if sex in group.sexes), key=lambda group: group.age_from)
        dates[sex] = np.array([_born_by(day, group.age_from) for group in groups], np.int32)
        codes[sex] = [group.code for group in groups]
    return dates, codes


def _born_by(day: date, age_years: int) -> int:
    """The latest birth date of who is `age_years` old on `day`, in days since 1970."""
    year = day.year - age_years
    try:
        born = day.replace(year=year)
    except ValueError:  # 29 February, and the year of birth is a common one: born on 28 February or before
        born = date(year, 2, 28)
    return (born - date(1970, 1, 1)).days


def count(
    members: pl.DataFrame, partition: Partition, days: Sequence[date], places: Collection[str] | None = None
) -> tuple[pl.DataFrame, list[Finding]]:
    """How many insured each cell has on each day.

    members  person (number), place, w, dr, insured_from, insured_to (null: open), died_on; several rows of a person may hold on
             one day: the one that began last counts, of equal ones the last row
    places   places of the agreement; None: any

    Returns day, place, group, people (sorted), and findings T.3 (a place in no group of the agreement or none), T.4 (a birth date
    after the day, or a sex that the book of sexes does not have), each with the number of persons it leaves out on the first day.
    """
    from omsclaims.tariffs import norms_kernel

    found = set(members["place"].drop_nulls().unique().to_list())
    known = sorted(found if places is None else found & set(places))
    at = pl.Series(known, dtype=pl.String)
    numbers = pl.DataFrame({"place": at, "@place": np.arange(at.len(), dtype=np.int32)})
    coded = members.select("person", "place", "w", "dr", "insured_from", "insured_to", "died_on").join(
        numbers, on="place", how="left", maintain_order="left"
    )
    ordered = coded if _in_order(coded) else coded.sort("person", "insured_from", maintain_order=True)
    person, place, sex = (
        held(ordered["person"].cast(pl.UInt32).to_numpy()),
        held(ordered["@place"].fill_null(len(known)).to_numpy()),
        held(ordered["w"].cast(pl.Int8, strict=False).fill_null(0).to_numpy()),
    )
    first, last = _days(ordered["insured_from"], _FIRST_DAY), _days(ordered["insured_to"], _LAST_DAY)
    died, born = _days(ordered["died_on"], _LAST_DAY), _days(ordered["dr"], _LAST_DAY)
    frames, problems = [], []
    for number, day in enumerate(days):
        dates, codes = thresholds(partition, day)
        on = (day - date(1970, 1, 1)).days
        counts = norms_kernel.count(person, first, last, died, place, sex, born, on, dates[1], dates[2], len(known) + 1)
        frames.append(_cells(counts, known, codes, day))
        if number == 0:
            problems = _left_out(counts, known, codes, day)
    return pl.concat(frames).sort("day", "place", "group"), problems


_FIRST_DAY: Final = -(2**30)
_LAST_DAY: Final = 2**30


def _days(column: pl.Series, absent: int) -> np.ndarray:
    """Days since 1970 as 32-bit numbers."""
    return held(column.to_physical().cast(pl.Int32).fill_null(absent).to_numpy())


def _in_order(members: pl.DataFrame) -> bool:
    """Whether rows lie by person and first day already."""
    person = members["person"].to_numpy()
    if not (person[1:] >= person[:-1]).all():
        return False
    first = _days(members["insured_from"], _FIRST_DAY)
    return bool(((person[1:] > person[:-1]) | (first[1:] >= first[:-1])).all())


def _cells(counts: np.ndarray, places: list[str], codes: Mapping[int, list[str]], day: date) -> pl.DataFrame:
    """counts[place, sex, number of the group] as rows of the cells that have people."""
    rows: dict[Cell, int] = {}
    for at, place in enumerate(places):
        for sex in (1, 2):
            for number, code in enumerate(codes[sex]):
                people = int(counts[at, sex, number])
                if people:
                    rows[place, code] = rows.get((place, code), 0) + people
    schema = {"day": pl.Date(), "place": pl.String(), "group": pl.String(), "people": pl.Int64()}
    return pl.DataFrame([(day, place, code, people) for (place, code), people in rows.items()], schema=schema, orient="row")


def _left_out(counts: np.ndarray, places: list[str], codes: Mapping[int, list[str]], day: date) -> list[Finding]:
    problems = []
    nowhere = sum(int(counts[len(places), sex, : len(codes[sex])].sum()) for sex in (1, 2))
    if nowhere:
        problems.append(Finding("T.3", value=str(nowhere), params={"people": nowhere, "day": day.isoformat()}))
    odd = int(counts[:, 0, :].sum()) + sum(int(counts[:, sex, len(codes[sex])].sum()) for sex in (1, 2))
    if odd:
        problems.append(Finding("T.4", value=str(odd), params={"people": odd, "day": day.isoformat()}))
    return problems


def members_of(reg_insured: pl.DataFrame) -> pl.DataFrame:
    """The register of insured as `count` takes it: a number for each person (registers.person), no name and no policy number."""
    return registers.in_turn(reg_insured).select(
        pl.col("who").rle_id().alias("person"), "place", "w", "dr", pl.col("policy_from").alias("insured_from"),
        pl.col("policy_to").alias("insured_to"), "died_on",
    )  # fmt: skip


# ---------------------------------------------------------------- what care cost


def costs(accepted: pl.DataFrame, partition: Partition) -> tuple[pl.DataFrame, list[Finding]]:
    """Cost of care by cell, from what was accepted for payment.

    accepted  place, w, age_years (on the last day of care), sump_kop: rows of cases of persons insured here

    Returns place, group, cost_kop (sorted) and a finding T.5 for cost of persons whose place or group is not known: it is in no
    cell, and the totals say so.
    """
    group = partition.group_expr(pl.col("w"), pl.col("age_years"))
    summed = (
        accepted.select("sump_kop", place=pl.col("place").fill_null(NOWHERE), group=group.fill_null(NOWHERE))
        .group_by("place", "group")
        .agg(cost_kop=pl.col("sump_kop").sum())
        .filter(pl.col("cost_kop") != 0)
        .sort("place", "group")
    )
    lost = summed.filter((pl.col("place") == NOWHERE) | (pl.col("group") == NOWHERE))
    problems = []
    if lost.height:
        money = int(lost["cost_kop"].sum())
        problems.append(Finding("T.5", value=format_amount(money), params={"cost": format_amount(money)}))
    return summed.filter((pl.col("place") != NOWHERE) & (pl.col("group") != NOWHERE)), problems


# ---------------------------------------------------------------- coefficients


def coefficients(
    cost: pl.DataFrame, people: pl.DataFrame, months: int, partition: Partition, options: Options | None = None,
    more: Iterable[Finding] = (),
) -> Norms:  # fmt: skip
    """KD of each cell (law.md 4.2, 4.3).

    cost    place, group, cost_kop of the settlement period
    people  place, group, people on its first day
    months  M
    more    findings made on the way to these tables

    Findings: T.1 cost and no people, T.2 people and no cost, T.6 no cost or no people at all, T.7 the floor leaves nothing for
    the younger groups.
    """
    chosen = options or Options()
    spent = _by_cell(cost, "cost_kop")
    counted = _by_cell(people, "people")
    order = {group.code: number for number, group in enumerate(partition.groups)}
    cells = sorted({*spent, *counted}, key=lambda cell: (cell[0], order.get(cell[1], len(order)), cell[1]))
    total_cost, total_people = sum(spent.values()), sum(counted.values())
    problems = list(more)
    if months < 1 or total_cost <= 0 or total_people <= 0:
        problems.append(Finding("T.6", params={"months": months, "cost": format_amount(total_cost), "people": total_people}))
    made = []
    for place, group in cells:
        z, ch = spent.get((place, group), 0), counted.get((place, group), 0)
        kd = None
        if ch and z > 0 and total_cost > 0:
            kd = Fraction(z * total_people, ch * total_cost)
        elif ch and z == 0 and group in chosen.may_cost_nothing:
            kd = Fraction(0)
        elif ch:
            problems.append(_of_cell("T.2", place, group, str(ch), people=ch, cost=format_amount(z)))
        elif z:
            problems.append(_of_cell("T.1", place, group, format_amount(z), cost=format_amount(z)))
        made.append(Norm(place, group, ch, z, kd, kd))
    if chosen.floor is not None and all(norm.kd is not None for norm in made) and made:
        made = _with_floor(made, partition, chosen.floor, chosen.floor_from_age, problems)
    if chosen.kd_digits is not None:
        made = [replace(norm, kd=None if norm.kd is None else rounded(norm.kd, chosen.kd_digits)) for norm in made]
    return Norms(tuple(made), months, total_people, total_cost, findings.frame(problems), options=chosen)


def _by_cell(rows: pl.DataFrame, value: str) -> dict[Cell, int]:
    return {(place, group): int(amount) for place, group, amount in rows.select("place", "group", value).iter_rows()}


def _of_cell(rule: str, place: str, group: str, value: str, **params: object) -> Finding:
    return Finding(rule, value=value, params={"place": place, "group": group, **params})


def _with_floor(norms: list[Norm], partition: Partition, floor: Fraction, from_age: int, problems: list[Finding]) -> list[Norm]:
    """The floor binds each cell of old people; all younger ones take one factor: the weighted mean stays 1 (law.md 4.3)."""
    old = {group.code for group in partition.groups if group.age_from >= from_age}
    raised = {(norm.place, norm.group): max(floor, _kd(norm)) for norm in norms if norm.group in old}
    people = sum(norm.people for norm in norms)
    left = people - sum((raised[norm.place, norm.group] * norm.people for norm in norms if norm.group in old), Fraction(0))
    young = sum((_kd(norm) * norm.people for norm in norms if norm.group not in old), Fraction(0))
    if left <= 0 or young <= 0:
        problems.append(Finding("T.7", params={"floor": decimal(floor, 4), "age": from_age}))
        return [replace(norm, kd=None) for norm in norms]
    factor = left / young
    return [replace(norm, kd=raised.get((norm.place, norm.group), _kd(norm) * factor)) for norm in norms]


def _kd(norm: Norm) -> Fraction:
    assert norm.kd is not None
    return norm.kd


def rounded(value: Fraction, digits: int) -> Fraction:
    """A fraction to so many digits after the point, half up."""
    return Fraction(round_fraction(value * 10**digits), 10**digits)


def with_standards(norms: Norms, money_kop: int, average_people: Fraction) -> Norms:
    """`DPN_ij = (S / n) KD_ij` in roubles a month (law.md 4.4).

    money_kop       S, money of the month
    average_people  n, the average number of insured of that month
    """
    average = Fraction(money_kop, KOPECKS_PER_ROUBLE) / average_people
    digits = norms.options.standard_digits
    made = []
    for norm in norms.norms:
        standard = None if norm.kd is None else average * norm.kd
        made.append(replace(norm, standard=standard if standard is None or digits is None else rounded(standard, digits)))
    return replace(norms, norms=tuple(made), average=average)


def need(cost_kop: int, receipts_kop: int) -> int:
    """What a territorial programme costs beyond its receipts, kopecks; below zero: what is left over (law.md 14)."""
    return cost_kop - receipts_kop


# ---------------------------------------------------------------- as a table


def frame(norms: Norms, last: Mapping[Cell, Fraction] | None = None) -> pl.DataFrame:
    """Cell by cell (SCHEMA): people, cost in kopecks, coefficient and standard as decimals and as exact fractions, and beside
    them the coefficient of last year with the change in per cent (two digits)."""
    rows = []
    for norm in norms.norms:
        before = None if last is None else last.get((norm.place, norm.group))
        change = None if before is None or norm.kd is None or not before else (norm.kd / before - 1) * 100
        rows.append(
            {
                "place": norm.place, "group": norm.group, "people": norm.people, "cost_kop": norm.cost_kop,
                "kd": decimal(norm.kd, norms.options.kd_digits), "kd_exact": _text(norm.kd),
                "kd_before_floor": decimal(norm.kd_before_floor, norms.options.kd_digits),
                "standard": decimal(norm.standard, norms.options.standard_digits), "standard_exact": _text(norm.standard),
                "kd_last": decimal(before, None), "change_percent": decimal(change, 2),
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA)


def decimal(value: Fraction | None, digits: int | None) -> str | None:
    """A decimal with so many digits; without a number of digits the shortest exact one, or SHOWN_DIGITS of an endless one."""
    if value is None:
        return None
    wanted = SHOWN_DIGITS if digits is None else digits
    whole = round_fraction(abs(value) * 10**wanted)
    text = ("-" if value < 0 and whole else "") + str(whole // 10**wanted)
    text += f".{whole % 10**wanted:0{wanted}d}" if wanted else ""
    return text.rstrip("0").rstrip(".") if digits is None and wanted else text


def _text(value: Fraction | None) -> str | None:
    return None if value is None else f"{value.numerator}/{value.denominator}"
