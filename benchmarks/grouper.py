"""How fast are cases grouped and priced, beside plain Python? `python -m benchmarks grouper` (law.md 8.1; checks.md 3.2).

Cases are made of the rows of the official workbook in ../shared (a row a case, in a seeded order, with a further service and two
diagnoses), so that every part of the book is asked. Timed in turn, warm, one core (POLARS_MAX_THREADS=1 is set for the process):
encoding, candidates and choice with prices by weight; the same one case after another in plain Python with Decimal, once with all
rows asked in order and once with rows found by diagnosis and service first. Then the time per case from small to large.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.grouper_reference import Plain
from benchmarks.timing import in_turn, run_count
from omsclaims.nsi import Book
from omsclaims.nsi.loader import load_books
from omsclaims.tariffs.grouper import Grouper, candidates, compile_grouper, decide
from omsclaims.tariffs.grouper.cases import SCHEMA

WORKBOOK: Final = Path(__file__).resolve().parents[2] / "shared" / "nsi" / "ksg2026" / "ksg2026_inpatient.xlsx"
RATE_KOP: Final = 1_000_000
#: Cases that one call gets: what a month hands over at once, so that memory does not grow with the month.
BLOCK: Final = 100_000
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


def grouped(cases: pl.DataFrame, grouper: Grouper) -> pl.DataFrame:
    """Group and price of each case: what the benchmark times."""
    parts = []
    for at in range(0, cases.height, BLOCK):
        block = cases[at : at + BLOCK]
        found = candidates(block, grouper)
        parts.append(
            decide(block, found, grouper.weight_prices(found, RATE_KOP), grouper)[0].select("sl_key", "ksg", "price_kop")
        )
    return pl.concat(parts)


def _book() -> tuple[Book, Book]:
    loaded = {one.book.name: one.book for one in load_books(WORKBOOK) if one.book is not None}
    return loaded["KSG.ST.GROUPER"], loaded["KSG.ST.GROUPS"]


def _one_by_one(rival: Plain, cases: Sequence[dict[str, Any]]) -> list[tuple[str, Decimal] | None]:
    return [rival.group(case, Decimal(RATE_KOP) / 100) for case in cases]


def beside_plain(grouper: Grouper, cases: pl.DataFrame, runs: int) -> None:
    """Prints the rate of the program and of both rivals, and that all three say the same."""
    weights = {row["group"]: Decimal(row["weight5"]) / 100_000 for row in grouper.table.iter_rows(named=True)}
    rows = grouper.rows.to_dicts()
    rivals = {
        "all rows asked": (Plain(rows, weights), PLAIN),
        "rows by diagnosis and service": (Plain(rows, weights, indexed=True), INDEXED),
    }
    few = cases.head(INDEXED).to_dicts()
    own = dict(grouped(cases, grouper).select("sl_key", "ksg").iter_rows())
    functions: dict[str, Callable[[], object]] = {"program": partial(grouped, cases, grouper)}
    for name, (rival, count) in rivals.items():
        functions[name] = partial(_one_by_one, rival, few[:count])
        said = _one_by_one(rival, few[:count])
        judged = [(case, one) for case, one in zip(few, said, strict=False) if "plt" not in case["criteria"]]
        wrong = sum(own[case["sl_key"]] != (one[0] if one else None) for case, one in judged)
        print(f"{name}: {count} cases, {wrong} groups differ from the program")
    rounds = in_turn(functions, runs)
    own_each = rounds.median("program") / cases.height
    cores = rounds.cores("program")
    print(f"program: {1 / own_each:,.0f} cases/s ({own_each * 1e6:.2f} µs a case, {cases.height} cases, {cores:.2f} cores)")
    for name, (_, count) in rivals.items():
        each = rounds.median(name) / count
        print(f"{name}: {1 / each:,.0f} cases/s; the program is {each / own_each:,.0f} times as fast")


def growth(grouper: Grouper, sizes: Sequence[int], runs: int) -> None:
    """Prints the time per case from the smallest to the largest size, the best of the runs."""
    first = 0.0
    for size in sizes:
        cases = sample(grouper, size)
        seconds = []
        for _ in range(runs):
            start = time.process_time()
            grouped(cases, grouper)
            seconds.append(time.process_time() - start)
        each = min(seconds) / size
        first = first or each
        print(f"{size:>9} cases: {each * 1e6:.2f} µs of processor a case ({each / first - 1:+.1%} of the smallest)")


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
        return subprocess.run([sys.executable, "-m", "benchmarks.grouper", *arguments], env=one_core, check=False).returncode
    grouper = compile_grouper(*_book())
    cases = sample(grouper, given.cases)
    grouped(cases.head(1_000), grouper)
    beside_plain(grouper, cases, given.runs)
    growth(grouper, given.sizes, given.runs)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
