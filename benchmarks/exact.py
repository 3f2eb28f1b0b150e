"""What does exactness cost? Sums of products in whole numbers beside the same arithmetic in float64 and in Python's Decimal.

`python -m benchmarks exact` times the exact amounts of several shapes (law.md 8.2, 9.1), one core, warm, in turn with a compiled
float64 loop over the same columns and with Decimal over fewer rows, and prints the ratios; it counts the rows that float64 gets
wrong. Shares: many splits at once beside the same splits one by one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

import numpy as np
from numba import njit

from benchmarks.timing import in_turn, run_count
from omsclaims.money import Int64Array, Term, amounts_or_flags, share_out, share_rows

ONE5 = 100_000


@njit(nogil=True)
def _float_product(
    b: Int64Array, c1: Int64Array, c2: Int64Array, c3: Int64Array, c4: Int64Array, c5: Int64Array, out: Int64Array
) -> None:
    for i in range(b.size):
        product = b[i] * 1e-4 * (c1[i] * 1e-5) * (c2[i] * 1e-5) * (c3[i] * 1e-5) * (c4[i] * 1e-5) * (c5[i] * 1e-5)
        out[i] = np.int64(np.floor(product * 100.0 + 0.5))


@njit(nogil=True)
def _float_group(
    b: Int64Array, kz: Int64Array, d: Int64Array, rest: Int64Array, ks: Int64Array, kus: Int64Array, kd: Int64Array,
    k: Int64Array, out: Int64Array,
) -> None:  # fmt: skip
    for i in range(b.size):
        rate, place = b[i] * 1e-4, kd[i] * 1e-5
        bracket = rest[i] * 1e-5 + d[i] * 1e-5 * (ks[i] * 1e-5) * (kus[i] * 1e-5) * place
        out[i] = np.int64(np.floor((rate * (kz[i] * 1e-5) * bracket + rate * place * (k[i] * 1e-5)) * 100.0 + 0.5))


@njit(nogil=True)
def _float_norm(norm: Int64Array, kd: Int64Array, d: Int64Array, rest: Int64Array, out: Int64Array) -> None:
    for i in range(norm.size):
        out[i] = np.int64(np.floor(norm[i] * 0.01 * (kd[i] * 1e-5 * (d[i] * 1e-5) + rest[i] * 1e-5) * 100.0 + 0.5))


@dataclass(frozen=True)
class Shape:
    """A sum of products over columns, and the same in float64: the loop and its columns."""

    name: str
    terms: tuple[Term, ...]
    loop: Callable[..., None]
    columns: tuple[Int64Array, ...]


def shapes(rows: int) -> list[Shape]:
    """A product of six factors, the price of a group, the norm of high-tech care; `rows` rows each."""
    made = np.random.default_rng(5)
    rate = made.integers(10**7, 10**9, rows)
    c1, c2, c3, c4, c5 = (made.integers(50_000, 250_000, rows) for _ in range(5))
    share = made.integers(0, ONE5 + 1, rows)
    rest, kslp = ONE5 - share, np.where(made.random(rows) < 0.9, 0, 20_000)
    group = (Term((rate, c1, rest), 14), Term((rate, c1, share, c2, c3, c4), 29), Term((rate, c4, kslp), 14))
    return [
        Shape("product of 6", (Term((rate, c1, c2, c3, c4, c5), 29),), _float_product, (rate, c1, c2, c3, c4, c5)),
        Shape("law 8.2", group, _float_group, (rate, c1, share, rest, c2, c3, c4, kslp)),
        Shape("law 9.1", (Term((rate, c1, share), 12), Term((rate, rest), 7)), _float_norm, (rate, c1, share, rest)),
    ]


def in_float(shape: Shape) -> Int64Array:
    """Kopecks of a shape in float64, in a new column as the exact ones are."""
    out = np.empty(len(shape.columns[0]), dtype=np.int64)
    shape.loop(*shape.columns, out)
    return out


def in_decimal(terms: Sequence[Term]) -> list[int]:
    """Kopecks of a sum of products in Python's Decimal, row by row."""
    kopeck, found = Decimal("0.01"), []
    columns = [[factor.tolist() for factor in term.factors] for term in terms]
    with localcontext() as context:
        context.prec = 80
        for row in range(len(columns[0][0])):
            total = Decimal(0)
            for term, factors in zip(terms, columns, strict=True):
                product = Decimal(1)
                for factor in factors:
                    product *= factor[row]
                total += product.scaleb(-term.decimals)
            found.append(int(total.quantize(kopeck, ROUND_HALF_UP).scaleb(2)))
    return found


def _amounts(rows: int, runs: int, decimal_rows: int) -> None:
    heads = ("rows", "exact ns/row", "float64 ns", "x float64", "Decimal ns", "x faster", "float wrong")
    print(f"{'exact amounts':<14}" + "".join(f"{head:>14}" for head in heads))
    for shape in shapes(rows):
        few = [Term(tuple(factor[:decimal_rows] for factor in term.factors), term.decimals) for term in shape.terms]
        amounts, _ = amounts_or_flags(shape.terms)
        assert in_decimal(few) == amounts[:decimal_rows].tolist(), "exact and Decimal must agree"
        rounds = in_turn(
            {
                "exact": lambda shape=shape: amounts_or_flags(shape.terms),  # type: ignore[misc]
                "float": lambda shape=shape: in_float(shape),  # type: ignore[misc]
                "decimal": lambda few=few: in_decimal(few),  # type: ignore[misc]
            },
            runs,
        )
        exact, floats = rounds.median("exact") / rows * 1e9, rounds.median("float") / rows * 1e9
        decimals = rounds.median("decimal") / decimal_rows * 1e9
        ratio = statistics.median(rounds.ratios("exact", "float"))
        wrong = int((in_float(shape) != amounts).sum())
        times = f"{exact:>14.1f}{floats:>14.1f}{ratio:>14.2f}{decimals:>14.0f}{decimals / exact:>14.0f}"
        print(f"{shape.name:<14}{rows:>14,}{times}{wrong:>14,}")


def _shares(splits: int, runs: int) -> None:
    made = np.random.default_rng(6)
    ids = np.repeat(np.arange(splits, dtype=np.int64), made.integers(2, 9, splits))
    weights, totals = made.integers(1, 10**6, len(ids)), made.integers(0, 10**12, splits)
    few = min(splits, 2_000)
    held = [weights[ids == split].tolist() for split in range(few)]
    parts = share_rows(totals, weights, ids)
    for split in range(few):
        assert share_out(int(totals[split]), held[split]) == parts[ids == split].tolist()
    rounds = in_turn(
        {
            "together": lambda: share_rows(totals, weights, ids),
            "one by one": lambda: [share_out(int(totals[split]), held[split]) for split in range(few)],
        },
        runs,
    )
    together, single = rounds.median("together") / splits * 1e9, rounds.median("one by one") / few * 1e9
    print(
        f"shares: {splits:,} splits, {len(ids):,} parts: {together:.0f} ns a split, one by one {single:.0f} ns: "
        f"{single / together:.0f} times faster"
    )


def main(given: Sequence[str]) -> int:
    """Entry point of the family."""
    parser = argparse.ArgumentParser(prog="benchmarks exact", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--decimal-rows", type=int, default=50_000)
    parser.add_argument("--splits", type=int, default=1_000_000)
    parser.add_argument("--runs", type=run_count, default=7)
    options = parser.parse_args(given)
    start = time.perf_counter()
    _amounts(options.rows, options.runs, options.decimal_rows)
    _shares(options.splits, options.runs)
    print(f"one core, warm, median of {options.runs} rounds in turn; {time.perf_counter() - start:.0f} s")
    return 0
