"""Where does a territory to try the engine on come from? Built from a seed: people, clinics, two months of packages, and the
truth.

`build` writes the same bytes for the same arguments. Nothing in it uses the engine's tariffs or checks: prices are computed a
second
time here, and what must be found is known because it was put there (issue: a synthetic territory; design: Control in passes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from omsclaims.synthetic import between, books, care, catalogue, deal, defects, files, planting, registers, truth
from omsclaims.synthetic.care import Plan, Tables
from omsclaims.synthetic.defects import grouping
from omsclaims.synthetic.people import People, make_people, register_tables
from omsclaims.synthetic.planting import Row, Shared, Ward

DEFAULT_SEED: Final = 20220301
#: Cases of March for one person, and the fewest persons.
CASES_PER_PERSON: Final = 2.2
FEWEST_PERSONS: Final = 2_500
#: Of 10,000 cases so many get each defect.
DEFECT_SHARE: Final = 3
#: One case in so many is defective at most: a small territory has some of the defects only.
DEFECTIVE_ONE_IN: Final = 3

Progress = Callable[[str], None]


@dataclass(frozen=True)
class MonthSummary:
    """A month as it was written: packages, cases, findings planted, money in kopecks."""

    month: str
    packages: int
    cases: int
    planted: int
    refused_cases: int
    billed_kop: int
    accepted_kop: int


@dataclass(frozen=True)
class TerritorySummary:
    """What `build` has made."""

    folder: Path
    seed: int
    persons: int
    months: tuple[MonthSummary, ...]
    bad_packages: int
    by_rule: dict[str, int] = field(default_factory=dict)  # planted rows by rule


@dataclass
class _Month:
    """A month while it is being built."""

    ward: Ward
    rows: list[Row]
    tables: Tables
    files: files.MonthFiles
    judged: pl.DataFrame
    packages: int


def build(out: Path, cases: int = 50_000, seed: int = DEFAULT_SEED, progress: Progress | None = None) -> TerritorySummary:
    """A made-up territory in `out`: agreement/, books/, registers/, packages/2022-02 and 2022-03, planted.csv, truth.csv,
    README.txt.

    cases     completed cases of March (200 to a million and more); February gets half as many
    seed      everything random follows from it
    progress  called with a short text before each step

    Raises ValueError for fewer than 200 cases.
    """
    if cases < 200:
        raise ValueError("a territory needs at least 200 cases")
    tell = progress or (lambda _: None)
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    tell("people")
    people = make_people(rng, max(FEWEST_PERSONS, round(cases / CASES_PER_PERSON)))
    wards = _wards(rng, people, cases, tell)
    february, march = (_written(out, ward, people, tell) for ward in wards)
    folder = out / "packages" / str(march.files.plan.month)
    bad = files.write_bad_packages(folder, march.files) + between.write_bill(folder, march.files)
    _write_surroundings(out, people, (february, march))
    planted = _write_truth(out, (february, march), bad)
    (out / "README.txt").write_text(_README.format(cases=cases, seed=seed), encoding="utf-8")
    by_rule: dict[str, int] = {}
    for row in planted:
        by_rule[str(row["rule"])] = by_rule.get(str(row["rule"]), 0) + 1
    return TerritorySummary(
        out,
        seed,
        people.count,
        tuple(_summary(month) for month in (february, march)),
        len({one.package for one in bad}),
        dict(sorted(by_rule.items())),
    )


def _wards(rng: np.random.Generator, people: People, cases: int, tell: Progress) -> tuple[Ward, Ward]:
    """Clean care of both months, then what is planted in February and in March (which may stand against February)."""
    plans = care.plans(cases)
    slots = [care.make_slots(rng, people, plan) for plan in plans]
    # Nobody dies in February who is treated in March.
    slots[0].last &= ~np.isin(slots[0].person, slots[1].person)
    once = care.Once.nobody(people.count)
    clean = []
    for plan, places in zip(plans, slots, strict=True):
        tell(f"care {plan.month}")
        clean.append(care.make_month(rng, people, plan, places, once))
        _register_deaths(people, clean[-1])
    total = sum(np.bincount(places.person, minlength=people.count) for places in slots)
    shared = Shared(np.zeros(people.count, dtype=bool), np.asarray(total))
    wards = [Ward(tables, people, plan, shared, rng) for plan, tables in zip(plans, clean, strict=True)]
    counts = [_counts(plan, rng) for plan in plans]
    for defect in defects.DEFECTS:
        if not defect.february:
            counts[0][defect.name] = 0
    tell("defects")
    # One of each first, so that what is rare has none of a kind before it has one of every kind.
    for ward, wanted, before in ((wards[1], counts[1], wards[0]), (wards[0], counts[0], None)):
        single = {name: min(count, 1) for name, count in wanted.items()}
        planting.plant(ward, defects.DEFECTS, single, before)
        planting.plant(ward, defects.DEFECTS, {name: count - single[name] for name, count in wanted.items()}, before)
    for ward in wards:
        grouping.add_consequences(ward)
    return wards[0], wards[1]


def _counts(plan: Plan, rng: np.random.Generator) -> dict[str, int]:
    """How often each defect is planted: by the size of the month, twice at least in a territory of some size.

    Where that would be too many, each is planted once; and where that is too many as well, only some, drawn at random.
    """
    at_least = 2 if plan.month.month == 3 and plan.cases >= 1_000 else 1
    usual = max(at_least, round(plan.cases * DEFECT_SHARE / 10_000))
    ways: dict[str, int] = {}
    for defect in defects.DEFECTS:
        rule = defect.name.split(" ")[0]
        ways[rule] = ways.get(rule, 0) + 1
    # A rule with several ways shares the number among them, each at least once.
    found = {d.name: max(1, round(usual / ways[d.name.split(" ")[0]])) for d in defects.DEFECTS}
    found = {name: min(count, 3) if name in defects.ONCE else count for name, count in found.items()}
    room = plan.cases // DEFECTIVE_ONE_IN
    if sum(found.values()) > room:
        found = dict.fromkeys(found, 1)
    left_out = rng.permutation(len(found))[room:].tolist()
    names = list(found)
    return found | {names[number]: 0 for number in left_out}


def _register_deaths(people: People, tables: Tables) -> None:
    """Who died in hospital stands in the register with the last day of the treatment."""
    died = tables["z"].filter(pl.col("rslt").is_in([105, 205]) & (pl.col("novor") == "0"))
    people.died.update(dict(died.select("person", "date_z_2").iter_rows()))


def _finished(ward: Ward, people: People, *, scarce: bool) -> _Month:
    """Planted tables with their numbers, files and judgement."""
    raw, trees = ward.result()
    tables = files.numbered(raw, trees)
    month_files = files.prepare(ward.plan, tables, trees, people, ward.spare_persons, ward.headers)
    data = {mo: ward.plan.data(mo) for mo in catalogue.CLINICS}
    z = tables["z"].with_columns(data=pl.col("clinic").replace_strict(data, return_dtype=pl.Date))
    judged = truth.judged(z, ward.rows, people)
    few = max(2, round(ward.plan.cases * DEFECT_SHARE / 10_000))
    _, over = truth.plan_lines(str(ward.plan.month), judged, scarce, few)
    first = ward.rows[-1].plant + 1 if ward.rows else 1
    rows = ward.rows + [truth.over_plan_row(first + i, case, rule) for i, (case, rule) in enumerate(over)]
    month_files.planted = frozenset(row.case for row in rows if row.case is not None)
    return _Month(ward, rows, tables, month_files, truth.judged(z, rows, people), len(month_files.main))


def _written(out: Path, ward: Ward, people: People, tell: Progress) -> _Month:
    """A month with its packages written. Of February, whose tables nobody needs any more, only numbers and judgement stay."""
    last = ward.plan.month.month == 3
    month = _finished(ward, people, scarce=last)
    files.write_month(out / "packages" / str(ward.plan.month), month.files, tell)
    if not last:
        month.files.main.clear()
        month.files.persons.clear()
    return month


def _write_surroundings(out: Path, people: People, months: tuple[_Month, _Month]) -> None:
    """Agreement, books and registers. The plan is the one that the refusals for want of it were worked out with."""
    deal.write_agreement(out / "agreement")
    books.write_books(out / "books")
    plan: list[truth.PlanLine] = []
    paid: dict[str, dict[str, int]] = {}
    for month, scarce in zip(months, (False, True), strict=True):
        name = str(month.ward.plan.month)
        few = max(2, round(month.ward.plan.cases * DEFECT_SHARE / 10_000))
        before = month.judged.with_columns(refused=pl.col("refused") & ~pl.col("case").is_in(_over_plan(month.rows)))
        plan += truth.plan_lines(name, before, scarce, few)[0]
        sums = month.judged.group_by("payer").agg(pl.col("sumv").sum()).sort("payer")
        paid[name] = dict(sums.iter_rows())
    books.write_registers(out / "registers", register_tables(people), plan, paid, _of_cases(people, months))


def _of_cases(people: People, months: tuple[_Month, _Month]) -> dict[str, list[tuple[object, ...]]]:
    """Registers that follow from the clean cases, and what was planted in them."""
    shared = months[0].ward.shared
    held = registers.vouchers((month.ward.tables for month in months), people, shared.vouchers)
    return {"reg_staff": registers.staff(), **held, "reg_accident": shared.accidents, "reg_receipt": shared.receipts}


def _over_plan(rows: list[Row]) -> list[int]:
    return [row.case for row in rows if row.case is not None and row.expect.rule in ("C191", "C192")]


def _write_truth(out: Path, months: tuple[_Month, _Month], bad: list[files.BadPackage]) -> list[dict[str, object]]:
    """planted.csv and truth.csv."""
    planted: list[dict[str, object]] = []
    money: list[dict[str, object]] = []
    for month in months:
        name = str(month.ward.plan.month)
        planted += truth.planted_rows(name, month.files, month.tables, month.rows, 1)
        money += truth.money_rows(name, month.judged)
    planted += truth.bad_rows(bad, 1)
    truth.write_csv(out / "planted.csv", truth.COLUMNS, planted)
    truth.write_csv(out / "truth.csv", truth.TRUTH_COLUMNS, money)
    return planted


def _summary(month: _Month) -> MonthSummary:
    z = month.judged
    return MonthSummary(
        str(month.ward.plan.month), month.packages, z.height, len(month.rows), int(z["refused"].sum()),
        int(z["sumv"].sum()),
        int(z.filter(~pl.col("refused"))["sumv"].sum()),
    )  # fmt: skip


_README: Final = """A made-up territory (75), made by omsclaims from a seed. Nobody and nothing in it exists.

cases of March: {cases}, seed: {seed}

agreement/      the tariff agreement: invented rates and tariffs, weights of the groups as in 2022; rules of control that are
                switched on here; formats/: elements that the territory adds to files
books/          parts of books: diagnoses M001, beds V020, specialties V021, high-tech care V018 and V019, oncology N002-N021 and
                V024 with real codes and our own wording; insurers F002 and clinics F003 that do not exist; KSG: workbooks of
                the grouper for 2022 with made-up rows; R001 and so on: tables of the territory for control
registers/      insured persons and attachments (Parquet); clinics, insurers, licences, staff, vouchers of high-tech care, their
                quota, notices of accidents, receipts of acts, plan, advances, funding, opening balances (CSV)
packages/       2022-02 and 2022-03: bills of the clinics to the fund, with packages in March that must be refused whole;
                2022-03/sent_again holds a package of a name that was sent before
                and R0375220001.oms is a bill of another territory, which no month takes
planted.csv     every finding that must appear: the defects put in on purpose (primary) and what follows from them (consequence);
                refused = 1: the case (or, without idcase, the package) must be refused for it; note says which way
truth.csv       cases and kopecks that must come out, worked out apart from the engine: by package, by payer and clinic (payment),
                and the bills to other territories (territory)
"""
