"""How fast are cases grouped and priced, beside plain Python? `python -m benchmarks grouper` (law.md 8.1; checks.md 3.2).

Cases are made of the rows of the official workbook in ../shared (a row a case, in a seeded order, with a further service and two
diagnoses), so that every part of the book is asked. Timed in turn, warm, one core (POLARS_MAX_THREADS=1 is set for the process):
encoding, candidates, what each of them would cost by a tariff agreement, the choice between them, and the price of the chosen
group with its complexity; the same one case after another in plain Python with Decimal, once with all rows asked in order and
once with rows found by diagnosis and service first. Groups and amounts must be the same. Then the time per case from small to
large, and how much of it is grouping alone (prices by weight). The agreement is that of the made-up territory with the groups of
the workbook.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.grouper_reference import NORMED, Plain, Tariffs
from benchmarks.timing import in_turn, run_count
from omsclaims.law import federal_parameters
from omsclaims.law.agreement import FILES, SECTIONS, Agreement, load_agreement
from omsclaims.nsi import Book
from omsclaims.nsi.loader import load_books
from omsclaims.synthetic import deal
from omsclaims.tariffs.grouper import Grouper, candidates, compile_grouper, decide
from omsclaims.tariffs.grouper.cases import SCHEMA
from omsclaims.tariffs.ksg import candidate_prices, price_ksg

WORKBOOK: Final = Path(__file__).resolve().parents[2] / "shared" / "nsi" / "ksg2026" / "ksg2026_inpatient.xlsx"
RATE_KOP: Final = 1_000_000
#: Cases that one call gets: what a month hands over at once, so that memory does not grow with the month.
BLOCK: Final = 250_000
#: Cases of the rivals: they are timed on few and reckoned per case.
PLAIN, INDEXED = 300, 10_000
_SEED: Final = 20_260_101
#: What a code of a row becomes in a case: whole years, days since birth, days of the stay.
YEARS: Final = {"1": 0, "2": 0, "3": 0, "4": 1, "5": 1, "7": 1}
DAYS_OLD: Final = {"1": 14, "2": 60, "3": 200, "4": 400, "5": 400, "7": 400}
STAYS: Final = {"1": 2, "2": 7, "3": 15, "4": 25, "5": 30}


def sample(grouper: Grouper, count: int, seed: int = _SEED) -> pl.DataFrame:
    """`count` cases (cases.CASES) from the rows of the workbook; the same for the same seed."""
    made = np.random.default_rng(seed)
    rows = grouper.rows[made.integers(0, grouper.rows.height, count)]
    services = grouper.services.categories.gather(made.integers(0, len(grouper.services.categories), count))
    diagnoses = grouper.exact.categories
    more = {name: diagnoses.gather(made.integers(0, len(diagnoses), count)) for name in ("first", "second")}
    age = pl.col("age").replace_strict
    work = rows.with_columns(
        extra=services,
        **more,
        sl_key=pl.int_range(count),
        age_years=age(YEARS, default=45, return_dtype=pl.Int64),
        age_days=age(DAYS_OLD, default=16_500, return_dtype=pl.Int64),
        days=pl.col("duration").replace_strict(STAYS, default=9, return_dtype=pl.Int64),
    )
    shown = work.select(
        "sl_key", "age_years", "age_days", "days", case_key="sl_key", payment_kind=pl.lit(grouper.kind),
        day=pl.lit(grouper.holds_from), billed=pl.lit(None, dtype=pl.String), ds1=_code("ds1"),
        ds2=pl.concat_list(_code("ds2"), "first").list.drop_nulls(), ds3=_list("ds3", "second"),
        services=_list("service", "extra"), criteria=_list("criterion", "fractions"),
        fractions=pl.lit(None, dtype=pl.Int64), w=pl.col("sex").cast(pl.Int64).fill_null(1), rslt=pl.lit(101, dtype=pl.Int64),
        first_of_stay=pl.lit(value=True),
    )  # fmt: skip
    return shown.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).rechunk()


def _code(column: str) -> pl.Expr:
    """A code that a pattern takes: the first category of a range, one of a letter."""
    text = pl.col(column)
    return (
        pl.when(text.str.len_chars() == 7)
        .then(text.str.head(3))
        .when(text.str.ends_with("."))
        .then(text.str.head(1) + "50.1")
        .otherwise(text)
    )


def _list(*columns: str) -> pl.Expr:
    return pl.concat_list(columns).list.drop_nulls()


def agreement_for(grouper: Grouper) -> Agreement:
    """The made-up agreement on the days of a workbook, with the groups of this one: weights and wage shares are its own."""
    with tempfile.TemporaryDirectory() as folder:
        deal.write_agreement(Path(folder))
        made = load_agreement(Path(folder))
    first, last = grouper.holds_from, grouper.holds_to or grouper.holds_from
    for name in (*SECTIONS, *FILES):
        made = made.with_table(name, made.table(name).with_columns(valid_from=pl.lit(first), valid_to=pl.lit(last)))
    every = made.table("interrupted").with_columns(reason_to=pl.lit(9, dtype=pl.Int64))  # the territory has no rehabilitation
    made = made.with_table("interrupted", every)
    known = made.table("ksg")
    place = pl.int_range(pl.len())
    groups = grouper.table.filter(pl.col("weight5").is_not_null()).select(
        valid_from=pl.lit(first), valid_to=pl.lit(last), reference=pl.lit("workbook"), code="group", setting=pl.lit(grouper.kind),
        weight5="weight5", wage_share5=pl.col("wage_share4").fill_null(10_000) * 10, uses_level=place % 5 != 0,
        uses_specificity=place % 7 != 0, surgical=place % 3 == 0, optimal_short_stay=place % 4 == 0,
        specificity5=100_000 + 5_000 * (place % 4), norm_days=pl.lit(None, dtype=pl.Int64),
        source=pl.format("ksg.csv:{}", place + 2),
    )  # fmt: skip
    return made.with_table("ksg", groups.select(pl.col(name).cast(kind) for name, kind in known.schema.items()))


@dataclass(frozen=True)
class Work:
    """Cases to be grouped and priced: cases.CASES, the sl of prices beside them, the codes of complexity."""

    cases: pl.DataFrame
    sl: pl.DataFrame
    koef: pl.DataFrame

    def part(self, at: int, size: int) -> Work:
        """Cases at .. at + size - 1."""
        sl = self.sl[at : at + size]
        first, last = (self.koef["sl_key"].search_sorted(key) for key in (at, at + size))
        return Work(self.cases[at : at + size], sl, self.koef[first:last])


def work_of(cases: pl.DataFrame, agreement: Agreement, seed: int = _SEED) -> Work:
    """Where each case was treated, how it ended, and every fifth with one code of complexity."""
    made = np.random.default_rng(seed + 1)
    kind = cases["payment_kind"][0]
    clinics = agreement.table("clinics").filter(pl.col("setting") == kind)["mo"].sort()
    codes = agreement.table("kslp")["idsl"].unique().sort()
    results = pl.Series([101, 101, 101, 101, 102, 105])
    lpu = clinics.gather(made.integers(0, len(clinics), cases.height)).alias("lpu")
    cases = cases.with_columns(results.gather(made.integers(0, len(results), cases.height)).alias("rslt"))
    sl = cases.select(
        "sl_key", "payment_kind", "day", "rslt", lpu, n_ksg=pl.lit(None, dtype=pl.String),
        date_1=pl.col("day") - pl.duration(days="days"), date_2="day", kd=pl.lit(None, dtype=pl.Int64),
        step_kop=pl.lit(1, dtype=pl.Int64), mode=pl.lit("once"), sources=pl.lit(""),
    )  # fmt: skip
    some = cases.filter(pl.col("sl_key") % 5 == 0).select("sl_key")
    return Work(cases, sl, some.with_columns(codes.gather(made.integers(0, len(codes), some.height)).alias("idsl")))


def grouped(work: Work, grouper: Grouper, agreement: Agreement | None) -> pl.DataFrame:
    """Group and price of each case: what the benchmark times. Without an agreement prices are weights, and nothing follows."""
    law = federal_parameters()
    parts = []
    for at in range(0, work.cases.height, BLOCK):
        block = work.part(at, BLOCK)
        found = candidates(block.cases, grouper)
        if agreement is None:
            chosen = decide(block.cases, found, grouper.weight_prices(found, RATE_KOP), grouper)[0]
            parts.append(chosen.select("sl_key", "ksg", "price_kop"))
            continue
        prices = candidate_prices(found.select("sl_key", "ksg", "norm_days"), block.sl, agreement, law)
        chosen = decide(block.cases, found, prices, grouper)[0]
        sl = block.sl.with_columns(n_ksg=chosen["ksg"], criterion_days=chosen["norm_days"])
        priced = price_ksg(sl, block.koef, agreement, law).rows
        parts.append(priced.select("sl_key", pl.col("n_ksg").alias("ksg"), "price_kop"))
    return pl.concat(parts)


def plain_tariffs(agreement: Agreement, grouper: Grouper) -> Tariffs:
    """The agreement as a plain program would keep it."""

    def of(name: str) -> Iterator[dict[str, Any]]:
        table = agreement.table(name)
        has_setting = "setting" in table.columns
        return (table.filter(pl.col("setting") == grouper.kind) if has_setting else table).iter_rows(named=True)

    levels = {row["level"]: _five(row["coefficient5"]) for row in of("levels")}
    places = {row["place"]: _five(row["kd5"]) for row in of("places")}
    groups = {
        row["code"]: {
            "weight": _five(row["weight5"]), "wage_share": _five(row["wage_share5"]), "uses_level": row["uses_level"],
            "specificity": _five(row["specificity5"]) if row["uses_specificity"] else Decimal(1),
            "surgical": row["surgical"], "optimal": row["optimal_short_stay"],
        }
        for row in of("ksg")
    }  # fmt: skip
    shares = [
        (row["surgical"] == "1", row["reason_from"], row["reason_to"], row["days_from"], row["days_to"], _five(row["share5"]))
        for row in of("interrupted")
    ]
    short = int(federal_parameters().value("tariffs.short_stay_days", grouper.holds_from))
    return Tariffs(
        Decimal(next(of("base_rates"))["rate4"]) / 10_000, groups,
        {row["mo"]: (levels[row["level"]], places[row["place"]]) for row in of("clinics")},
        {row["rslt"]: row["reason"] for row in of("interrupted_results")}, shares,
        {row["idsl"]: (_five(row["value5"]), row["uses_territorial"]) for row in of("kslp")}, short,
    )  # fmt: skip


def _five(value: int) -> Decimal:
    return Decimal(value) / 100_000


def _book() -> tuple[Book, Book]:
    loaded = {one.book.name: one.book for one in load_books(WORKBOOK) if one.book is not None}
    return loaded["KSG.ST.GROUPER"], loaded["KSG.ST.GROUPS"]


def one_by_one(rival: Plain, tariffs: Tariffs, cases: Sequence[dict[str, Any]]) -> list[tuple[str, Decimal] | None]:
    """Group and amount of each case."""
    told = []
    for case in cases:
        found = rival.group(case)
        if found is None:
            told.append(None)
            continue
        ksg = found[0]
        rows = rival.candidates(case)[ksg] if ksg in NORMED else []
        told.append((ksg, tariffs.price(ksg, case, rows, case["codes"])))
    return told


def beside_plain(work: Work, grouper: Grouper, agreement: Agreement, runs: int) -> None:
    """Prints the rate of the program and of both rivals, and that all three say the same."""
    tariffs = plain_tariffs(agreement, grouper)
    rows = grouper.rows.to_dicts()
    rivals = {
        "all rows asked": (Plain(rows, tariffs.price), PLAIN),
        "rows by diagnosis and service": (Plain(rows, tariffs.price, indexed=True), INDEXED),
    }
    few = told_plainly(work.part(0, INDEXED))
    made = grouped(work, grouper, agreement)
    own = {key: (ksg, price) for key, ksg, price in made.iter_rows()}
    functions: dict[str, Callable[[], object]] = {
        "program": partial(grouped, work, grouper, agreement),
        "program, grouping alone": partial(grouped, work, grouper, None),
    }
    for name, (rival, count) in rivals.items():
        functions[name] = partial(one_by_one, rival, tariffs, few[:count])
        said = one_by_one(rival, tariffs, few[:count])
        judged = [(case, one) for case, one in zip(few, said, strict=False) if "plt" not in case["criteria"]]
        wrong = sum(own[case["sl_key"]] != ((one[0], int(one[1] * 100)) if one else (None, None)) for case, one in judged)
        print(f"{name}: {count} cases, {wrong} groups or amounts differ from the program")
    print(f"program: {made['price_kop'].null_count()} of {made.height} cases without a price")
    rounds = in_turn(functions, runs)
    own_each = rounds.median("program") / work.cases.height
    for name in ("program", "program, grouping alone"):
        each = rounds.median(name) / work.cases.height
        print(f"{name}: {1 / each:,.0f} cases/s ({each * 1e6:.2f} µs a case, {rounds.cores(name):.2f} cores)")
    for name, (_, count) in rivals.items():
        each = rounds.median(name) / count
        print(f"{name}: {1 / each:,.0f} cases/s; the program is {each / own_each:,.0f} times as fast")


def told_plainly(work: Work) -> list[dict[str, Any]]:
    """Cases as dictionaries, with clinic and codes of complexity."""
    codes = work.koef.group_by("sl_key", maintain_order=True).agg(pl.col("idsl").alias("codes"))
    rows = work.cases.join(work.sl.select("sl_key", "lpu"), on="sl_key", how="left", maintain_order="left")
    return rows.join(codes, on="sl_key", how="left", maintain_order="left").with_columns(pl.col("codes").fill_null([])).to_dicts()


def growth(grouper: Grouper, agreement: Agreement, sizes: Sequence[int], runs: int) -> None:
    """Prints the time per case from the smallest to the largest size.

    A round works through as many cases of each size, half of the smaller ones before the largest and half after it: the best of
    many short runs beside few long ones would meet the machine at its fastest, and call growth what is only luck.
    """
    if not sizes:
        return
    works = {size: work_of(sample(grouper, size), agreement) for size in sizes}
    times = {size: max(1, max(sizes) // size) for size in sizes}
    each: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(runs):
        spent = dict.fromkeys(sizes, 0.0)
        before = [size for size in sorted(sizes) for _ in range(-(-times[size] // 2))]
        after = [size for size in sorted(sizes, reverse=True) for _ in range(times[size] // 2)]
        for size in before + after:
            start = time.process_time()
            grouped(works[size], grouper, agreement)
            spent[size] += time.process_time() - start
        for size in sizes:
            each[size].append(spent[size] / (times[size] * size))
    for size in sizes:
        above = statistics.median(mine / first - 1 for mine, first in zip(each[size], each[sizes[0]], strict=True))
        print(f"{size:>9} cases: {statistics.median(each[size]) * 1e6:.2f} µs of processor a case ({above:+.1%} of the smallest)")


def main(arguments: Sequence[str]) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="benchmarks grouper", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=run_count, default=3)
    parser.add_argument("--cases", type=int, default=500_000, help="cases beside the rivals")
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000, 5_000_000])
    given = parser.parse_args(arguments)
    if not WORKBOOK.exists():
        print(f"the official workbook is not here: {WORKBOOK}", file=sys.stderr)
        return 2
    if os.environ.get("POLARS_MAX_THREADS") != "1":  # polars reads it once, when it is loaded
        one_core = {**os.environ, "POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
        if hasattr(os, "sched_setaffinity"):  # helpers of the libraries must not take a second core either
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        return subprocess.run([sys.executable, "-m", "benchmarks.grouper", *arguments], env=one_core, check=False).returncode
    grouper = compile_grouper(*_book())
    agreement = agreement_for(grouper)
    work = work_of(sample(grouper, given.cases), agreement)
    grouped(work.part(0, 1_000), grouper, agreement)
    beside_plain(work, grouper, agreement, given.runs)
    growth(grouper, agreement, given.sizes, given.runs)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
