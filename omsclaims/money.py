"""How does a rate become money? Whole kopecks, exact products, one rounding (Rules 158n; design: Exactness).

An amount of the law is in general a sum of products of a rate and coefficients. It is computed exactly - in 256-bit integers in
the compiled kernel, in Python integers beyond that - and rounded once, half up (away from zero), by `round_ratio` or by the
kernel of `exact_amounts`, which is held against it in the tests. Nothing else in the project rounds money.

Numbers with decimals travel as scaled integers: 1.05000 with 5 decimals is 105000.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

KOPECKS_PER_ROUBLE: Final = 100
#: Largest amount that the exchange formats can hold, N(15.2): the guard against a runaway product.
MAX_KOPECKS: Final = 10**15 - 1

#: Up to so many rows are done in Python integers: a call of the compiled kernel takes no less time.
ROWS_IN_PYTHON: Final = 256
#: The same while the kernel is not loaded: the compiler takes longer to wake up than they take, and seconds where it never was.
ROWS_WITHOUT_KERNEL: Final = 50_000

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


@dataclass(frozen=True, slots=True)
class Term:
    """One product of a sum: the columns of its factors and the number of decimals that they carry together."""

    factors: tuple[Int64Array, ...]
    decimals: int


def exact_amounts(terms: Sequence[Term], unit_decimals: int = 2, step: int = 1) -> Int64Array:
    """Kopecks of a sum of products, computed exactly, rounded once half up, row by row.

    terms          products; all factor columns have one length; factors are not negative
    unit_decimals  decimals of the result: 2 means that the products are roubles and the result is kopecks
    step           rounding step in kopecks: 1, 10 (0.1 rouble) or 100 (whole roubles), from the agreement

    Rows whose exact value does not fit the kernel are done in Python integers: the result is the same, only slower.
    Raises ValueError for a negative factor, OverflowError when an amount exceeds MAX_KOPECKS.
    """
    rows = len(terms[0].factors[0])
    common = max(unit_decimals, *(term.decimals for term in terms))
    width = max(len(term.factors) for term in terms)
    factors = np.ones((len(terms), width, rows), dtype=np.int64)
    lifts = np.empty(len(terms), dtype=np.int64)
    for t, term in enumerate(terms):
        lifts[t] = common - term.decimals
        for f, column in enumerate(term.factors):
            factors[t, f] = column
    if rows and factors.min() < 0:
        raise ValueError("a factor of an amount is negative")
    amounts = np.zeros(rows, dtype=np.int64)
    too_wide = np.zeros(rows, dtype=np.bool_)
    if rows <= (ROWS_IN_PYTHON if "omsclaims.money_kernel" in sys.modules else ROWS_WITHOUT_KERNEL):
        too_wide[:] = True
    else:
        from omsclaims.money_kernel import sum_of_products  # not above: checking one file must not wait for the compiler

        sum_of_products(factors, lifts, common - unit_decimals, step, amounts, too_wide)
    for row in np.flatnonzero(too_wide):
        amount = _amount_in_python(factors[:, :, row], lifts, common - unit_decimals, step)
        if amount > MAX_KOPECKS:
            raise OverflowError("an amount exceeds 9,999,999,999,999.99 roubles")
        amounts[row] = amount
    if rows and amounts.max() > MAX_KOPECKS:
        raise OverflowError("an amount exceeds 9,999,999,999,999.99 roubles")
    return amounts


def _amount_in_python(factors: Int64Array, lifts: Int64Array, drop: int, step: int) -> int:
    """The same amount in Python integers: the reference of the kernel and its way out when 256 bits do not suffice."""
    total = 0
    for t in range(factors.shape[0]):
        product = 10 ** int(lifts[t])
        for factor in factors[t]:
            product *= int(factor)
        total += product
    return round_ratio(total, 10**drop, step)
