"""How does a rate become money? Whole kopecks, exact products, one rounding (Rules 158n; design: Exactness).

An amount of the law is in general a sum of products of a rate and coefficients. It is computed exactly - in up to 256 bits in
the compiled kernel, in Python integers beyond that - and rounded once, half up (away from zero), by `round_ratio` or by the
kernel of `amounts_or_flags`, which is held against fractions (`make exact`). Nothing else in the project rounds money.

Numbers with decimals travel as scaled integers: 1.05000 with 5 decimals is 105000.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
UInt8Array = npt.NDArray[np.uint8]

KOPECKS_PER_ROUBLE: Final = 100
#: Largest amount that the exchange formats can hold, N(15.2): the guard against a runaway product.
MAX_KOPECKS: Final = 10**15 - 1

#: Up to so many rows are done in Python integers: a call of the compiled kernel takes no less time.
ROWS_IN_PYTHON: Final = 256
#: The same while the kernel is not loaded: the compiler takes longer to wake up than they take, and seconds where it never was.
#: It is a sum over all calls: many small frames pay for the kernel as one large one does.
ROWS_WITHOUT_KERNEL: Final = 50_000
_missed: Final = [0]

#: What `amounts_or_flags` says of a row (the codes of the kernel).
FLAG_OK: Final = 0
FLAG_TOO_LARGE: Final = 1
FLAG_NEGATIVE: Final = 2
#: Sums of weights up to here are shared by the kernel: what its remainders need, less what float64 may be wrong by.
WIDEST_WEIGHTS: Final = 4.6e18

_AMOUNT: Final = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,2}))?")


class AmountError(ValueError):
    """A text is not an amount of roubles and kopecks."""


def parse_amount(text: str) -> int:
    """Kopecks of an amount written as in the exchange files: digits, a point, at most two decimals (`1234.5` -> 123450).

    Raises AmountError for a comma, a third decimal, spaces, an exponent, more than 13 digits of roubles.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise AmountError(text)
    sign, roubles, decimals = match.groups()
    kopecks = int(roubles) * KOPECKS_PER_ROUBLE + int((decimals or "").ljust(2, "0"))
    return -kopecks if sign else kopecks


def format_amount(kopecks: int) -> str:
    """An amount as the exchange files write it: roubles, a point, two decimals (`1234.50`)."""
    sign = "-" if kopecks < 0 else ""
    roubles, rest = divmod(abs(kopecks), KOPECKS_PER_ROUBLE)
    return f"{sign}{roubles}.{rest:02d}"


def show_amount(kopecks: int, lang: str) -> str:
    """An amount for people: groups of three, a comma in Russian and a point in English (`1 234,50` / `1,234.50`)."""
    plain = format_amount(abs(kopecks))
    grouped = f"{int(plain[:-3]):,}"
    text = f"{grouped}{plain[-3:]}"
    if lang == "ru":
        text = text.replace(",", "\u00a0").replace(".", ",")  # noqa: RUF100
    return f"-{text}" if kopecks < 0 else text


def round_ratio(numerator: int, denominator: int, step: int = 1) -> int:
    """The multiple of `step` nearest to numerator/denominator, a half away from zero: THE rounding of the project."""
    if denominator <= 0 or step <= 0:
        raise ValueError("denominator and step must be positive")
    unit = denominator * step
    rounded = (2 * abs(numerator) + unit) // (2 * unit) * step
    return -rounded if numerator < 0 else rounded


def round_fraction(value: Fraction, step: int = 1) -> int:
    """`round_ratio` of an exact fraction of kopecks."""
    return round_ratio(value.numerator, value.denominator, step)


def share_out(total: int, weights: Sequence[int | Fraction], order: Sequence[str] | None = None) -> list[int]:
    """`total` split by `weights` into whole parts that add up to it: largest remainder (law.md 4.5, 16).

    total    whole units (kopecks, persons), may be negative
    weights  not negative, at least one above zero unless total is 0
    order    text keys for ties: the smaller key is served first; without it the earlier position is

    Raises ValueError for a negative weight, or nothing to share by.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is negative")
    whole = sum((Fraction(weight) for weight in weights), Fraction(0))
    if whole == 0:
        if total == 0:
            return [0] * len(weights)
        raise ValueError("nothing to share by: all weights are zero")
    amount = abs(total)
    exact = [Fraction(weight) * amount / whole for weight in weights]
    parts = [value.numerator // value.denominator for value in exact]
    keys = list(order) if order is not None else [""] * len(parts)
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], keys[i], i))
    for i in by_remainder[: amount - sum(parts)]:
        parts[i] += 1
    assert sum(parts) == amount, "parts of a share must add up to the sum"
    return [-part for part in parts] if total < 0 else parts


def round_parts(values: Sequence[Fraction]) -> list[int]:
    """Exact parts of a sum as whole units that add up to the rounded sum: largest remainder, ties to the earlier part.

    values  not negative. Each part is the value rounded down, or one more; the sum is rounded once, half up.
    """
    if any(value < 0 for value in values):
        raise ValueError("a part is negative")
    parts = [value.numerator // value.denominator for value in values]
    left = round_fraction(sum(values, Fraction(0))) - sum(parts)
    for place in sorted(range(len(parts)), key=lambda i: (parts[i] - values[i], i))[:left]:
        parts[place] += 1
    return parts


@dataclass(frozen=True, slots=True)
class Term:
    """One product of a sum: the columns of its factors and the number of decimals that they carry together."""

    factors: tuple[Int64Array, ...]
    decimals: int


def exact_amounts(terms: Sequence[Term], unit_decimals: int = 2, step: int = 1) -> Int64Array:
    """`amounts_or_flags` for callers whose rows are all within bounds.

    Raises ValueError for a negative factor, OverflowError when an amount exceeds MAX_KOPECKS.
    """
    amounts, flags = amounts_or_flags(terms, unit_decimals, step)
    if flags.any():
        if (flags == FLAG_NEGATIVE).any():
            raise ValueError("a factor of an amount is negative")
        raise OverflowError("an amount exceeds 9,999,999,999,999.99 roubles")
    return amounts


def amounts_or_flags(terms: Sequence[Term], unit_decimals: int = 2, step: int = 1) -> tuple[Int64Array, UInt8Array]:
    """(kopecks, flags) of a sum of products, computed exactly, rounded once half up, row by row.

    terms          products; all factor columns have one length
    unit_decimals  decimals of the result: 2 means that the products are roubles and the result is kopecks
    step           rounding step in kopecks: 1, 10 (0.1 rouble) or 100 (whole roubles), from the agreement

    No row raises. Flags: FLAG_OK; FLAG_TOO_LARGE, where the rounded amount exceeds MAX_KOPECKS, no sooner and no later;
    FLAG_NEGATIVE, where any factor is below zero. A flagged row has the amount 0. Rows whose exact value does not fit the kernel
    are done in Python integers: the result is the same, only slower.
    """
    if step < 1:
        raise ValueError("a rounding step is positive")
    rows = len(terms[0].factors[0])
    common = max(unit_decimals, *(term.decimals for term in terms))
    columns, products = _distinct(terms)
    lifts = [10 ** (common - term.decimals) for term in terms]
    drop = common - unit_decimals
    if not _kernel_pays(rows):
        done, said = _amounts_in_python(columns, products, lifts, 10**drop, step)
        return np.array(done, dtype=np.int64), np.array(said, dtype=np.uint8)
    from omsclaims.money_kernel import TOO_WIDE, sum_of_products  # not above: checking one file must not wait for the compiler

    amounts, flags = sum_of_products(columns, products, lifts, drop, step, MAX_KOPECKS)
    wide = np.flatnonzero(flags == TOO_WIDE) if flags.any() else ()
    if len(wide):
        amounts[wide], flags[wide] = _amounts_in_python([column[wide] for column in columns], products, lifts, 10**drop, step)
    return amounts, flags


def _distinct(terms: Sequence[Term]) -> tuple[list[Int64Array], list[list[int]]]:
    """Each column once, and which of them each product multiplies."""
    columns: list[Int64Array] = []
    index: dict[int, int] = {}
    products = []
    for term in terms:
        product = []
        for factor in term.factors:
            if id(factor) not in index:
                index[id(factor)] = len(columns)
                columns.append(factor)
            product.append(index[id(factor)])
        products.append(product)
    return columns, products


def _kernel_pays(rows: int) -> bool:
    """Whether the compiled kernel is faster: always for many rows; for few, when it is loaded or has often been missed."""
    if rows <= ROWS_IN_PYTHON:
        return False
    if "omsclaims.money_kernel" in sys.modules:
        return True
    _missed[0] += rows
    return _missed[0] > ROWS_WITHOUT_KERNEL


def _amounts_in_python(
    columns: Sequence[Int64Array], products: Sequence[Sequence[int]], lifts: Sequence[int], divisor: int, step: int
) -> tuple[list[int], list[int]]:
    """The same amounts in Python integers: the reference of the kernel and its way out when 256 bits do not suffice."""
    whole = [column.tolist() for column in columns]
    totals = [0] * len(whole[0])
    for product, lift in zip(products, lifts, strict=True):
        for row, factors in enumerate(zip(*(whole[index] for index in product), strict=True)):
            totals[row] += lift * math.prod(factors)
    negative = [min(factors) < 0 for factors in zip(*whole, strict=True)]
    amounts = [0 if below else round_ratio(total, divisor, step) for total, below in zip(totals, negative, strict=True)]
    flags = [
        FLAG_NEGATIVE if below else FLAG_TOO_LARGE if amount > MAX_KOPECKS else FLAG_OK
        for amount, below in zip(amounts, negative, strict=True)
    ]
    return [amount if flag == FLAG_OK else 0 for amount, flag in zip(amounts, flags, strict=True)], flags


def share_rows(
    totals: Int64Array, weights: Int64Array, group_ids: Int64Array, keys: npt.NDArray[Any] | None = None
) -> Int64Array:
    """`share_out` for many splits at once: the part of every row, in the order of the rows given.

    totals     of each split, whole units (kopecks, persons), may be negative
    weights    of each row, not negative; at least one above zero in a split whose total is not 0
    group_ids  of each row, the position of its split in `totals`; rows of a split need not stand together
    keys       of each row, for ties: the smaller key is served first (texts: by code point); without it the earlier row is

    A split without rows must have the total 0. Raises ValueError for a negative weight, or nothing to share by.
    """
    splits, rows = len(totals), len(weights)
    if rows and (weights.min() < 0 or group_ids.min() < 0 or group_ids.max() >= splits):
        raise ValueError("a weight is negative, or a row belongs to no split")
    order = _rows_by_split(group_ids, keys)
    starts = np.zeros(splits + 1, dtype=np.int64)
    np.cumsum(np.bincount(group_ids, minlength=splits), out=starts[1:])
    held = weights if order is None else weights[order]
    idle = np.bincount(group_ids, weights=(weights > 0), minlength=splits) == 0
    if (idle & (totals != 0)).any():
        raise ValueError("nothing to share by: all weights are zero")
    # The estimate in float64 only chooses who computes: whatever comes near the bounds of the kernel is done in Python.
    wide = (np.bincount(group_ids, weights=weights.astype(np.float64), minlength=splits) > WIDEST_WEIGHTS) | (
        abs(totals) > MAX_KOPECKS
    )
    parts = np.zeros(rows, dtype=np.int64)
    if _kernel_pays(rows):
        from omsclaims.money_kernel import share  # not above: checking one file must not wait for the compiler

        share(np.abs(totals), starts, held, parts, np.empty(rows, dtype=np.int64), wide.astype(np.uint8))
        signs = np.sign(totals)
        parts *= np.repeat(signs, np.diff(starts))
    else:
        wide[:] = True
    for split in np.flatnonzero(wide):
        first, last = int(starts[split]), int(starts[split + 1])
        if last > first:
            parts[first:last] = share_out(int(totals[split]), held[first:last].tolist())
    if order is None:
        return parts
    back = np.empty(rows, dtype=np.int64)
    back[order] = parts
    return back


def kernels() -> tuple[Any, ...]:
    """The compiled functions of amounts and shares, loaded: so that one can ask whether their code is kept on this machine."""
    from omsclaims.money_kernel import share, work_out  # not above: checking one file must not wait for the compiler

    return work_out, share


def _rows_by_split(group_ids: Int64Array, keys: npt.NDArray[Any] | None) -> Int64Array | None:
    """The order of rows in which splits stand together and ties are served; None: they stand so already."""
    if keys is None:
        if (group_ids[1:] >= group_ids[:-1]).all():
            return None
        return np.argsort(group_ids, kind="stable").astype(np.int64)
    same = group_ids[1:] == group_ids[:-1]
    if ((group_ids[1:] > group_ids[:-1]) | (same & (keys[1:] >= keys[:-1]))).all():
        return None
    by_key = np.argsort(keys, kind="stable")
    return by_key[np.argsort(group_ids[by_key], kind="stable")].astype(np.int64)
