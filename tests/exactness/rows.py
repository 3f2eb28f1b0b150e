"""Which rows would show an amount that is not exact? Classes of made-up sums of products, and the reference in fractions.

The reference knows nothing of the project's arithmetic: the exact value of a row is one `fractions.Fraction`, and half up is the
floor of it plus a half.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from omsclaims.money import FLAG_NEGATIVE, FLAG_OK, FLAG_TOO_LARGE, MAX_KOPECKS, Int64Array, Term, amounts_or_flags

Terms = list[Term]
HALF: Final = Fraction(1, 2)
ONE5: Final = 100_000
STEPS: Final = (1, 10, 100)


def _coefficients(made: np.random.Generator, rows: int, many: int) -> list[Int64Array]:
    """Factors of five decimals from 0.2 to 4, half of them with two decimals only, as agreements print them."""
    fine = [made.integers(20_000, 400_000, rows) for _ in range(many)]
    return [np.where(made.random(rows) < 0.5, one // 1000 * 1000, one) for one in fine]


def _mostly_one(made: np.random.Generator, rows: int, many: int) -> list[Int64Array]:
    return [np.where(made.random(rows) < 0.05, made.integers(1, 400_000, rows), ONE5) for _ in range(many)]


def _simple(made: np.random.Generator, rows: int, many: int) -> list[Int64Array]:
    """Halves, quarters, eighths: with them a product of whole kopecks often ends in exactly half a kopeck."""
    return [made.choice(np.array([50_000, 100_000, 125_000, 150_000, 250_000, 62_500]), rows) for _ in range(many)]


def random_products(made: np.random.Generator, rows: int) -> Terms:
    """A base rate of four decimals times five coefficients of five."""
    return [Term((made.integers(1, 4_000_000_000, rows), *_coefficients(made, rows, 5)), 29)]


def ties(made: np.random.Generator, rows: int) -> Terms:
    """An odd number of half kopecks, times ones; and simple coefficients, which make ties by themselves."""
    plain = made.random(rows) < 0.5
    odd = made.integers(0, 10**12, rows) * 2 + 1
    rate = np.where(plain, odd * 5, made.integers(1, 2 * 10**9, rows) * 10)
    coefficients = [np.where(plain, ONE5, one) for one in _simple(made, rows, 4)]
    return [Term((rate, *coefficients), 23)]


def neighbours(made: np.random.Generator, rows: int) -> Terms:
    """As near to a tie, or to a whole kopeck, as the decimals allow: one unit of the last place below, on it, above."""
    halves = made.integers(1, 10**6, rows)
    nearly = 5 * 10**12 + made.integers(-1, 2, rows)
    return [Term((halves, nearly, np.full(rows, ONE5)), 20), Term((made.integers(0, 2, rows), np.full(rows, 1)), 20)]


def one_unit_apart(made: np.random.Generator, rows: int) -> Terms:
    """A tie of four products, with or without 10^-29 roubles more."""
    odd = made.integers(0, 10**8, rows) * 2 + 1
    ones = np.full(rows, ONE5)
    return [Term((odd * 5, ones), 8), Term((made.integers(0, 2, rows),), 29), Term((made.integers(0, 10**9, rows), ones), 7)]


def mostly_one(made: np.random.Generator, rows: int) -> Terms:
    """Most coefficients 1: the product of few decimals, held in many."""
    return [Term((made.integers(1, 4_000_000_000, rows), *_mostly_one(made, rows, 6)), 34)]


def at_the_bounds(made: np.random.Generator, rows: int) -> Terms:
    """Around the largest amount of the formats: up to two kopecks below and above it, by tenths of a kopeck."""
    thousandths = MAX_KOPECKS * 10 + made.integers(-25, 26, rows)
    return [Term((thousandths, *_mostly_one(made, rows, 1), np.full(rows, ONE5)), 13)]


def at_the_bounds_in_steps(made: np.random.Generator, rows: int) -> Terms:
    """The same around the largest whole tenth and whole rouble below it."""
    return [Term((10**15 - made.integers(0, 300, rows), np.full(rows, ONE5)), 7)]


def beyond_the_bounds(made: np.random.Generator, rows: int) -> Terms:
    """Factors up to 2^62, so that products leave 256 bits and amounts leave int64; few of them below zero."""
    full = made.random(rows) < 0.1
    wide = [made.integers(1, 2**62, rows) >> np.where(full, 0, made.integers(0, 62, rows)) for _ in range(5)]
    wide[0] = np.where(made.random(rows) < 0.001, -wide[0], wide[0])
    return [Term(tuple(wide), 45), Term((wide[0], wide[1]), 20)]


def absurd_rows_among_others(made: np.random.Generator, rows: int) -> Terms:
    """Ordinary rows, one in a thousand with a factor that no agreement has."""
    rate = np.where(made.random(rows) < 0.001, made.integers(1, 2**62, rows), made.integers(1, 10**9, rows))
    return [Term((rate, *_coefficients(made, rows, 6)), 34)]


def group_price(made: np.random.Generator, rows: int) -> Terms:
    """law.md 8.2: BS KZ ((1 - d) + d KS KUS KD) + BS KD sum KSLP."""
    rate = made.integers(10**8, 10**9, rows)
    kz = made.integers(20_000, 4_000_000, rows)
    share = np.where(made.random(rows) < 0.3, ONE5, made.integers(0, ONE5 + 1, rows))
    ks, kus, kd = _coefficients(made, rows, 3)
    kslp = np.where(made.random(rows) < 0.9, 0, made.integers(1, 20, rows) * 10_000)
    return [Term((rate, kz, ONE5 - share), 14), Term((rate, kz, share, ks, kus, kd), 29), Term((rate, kd, kslp), 14)]


def group_price_ties(made: np.random.Generator, rows: int) -> Terms:
    """The same with whole kopecks and simple coefficients."""
    rate = made.integers(10**4, 10**7, rows) * 100
    kz, share, ks, kus, kd = _simple(made, rows, 5)
    share = np.minimum(share, ONE5)
    kslp = made.choice(np.array([0, 20_000, 60_000]), rows)
    return [Term((rate, kz, ONE5 - share), 14), Term((rate, kz, share, ks, kus, kd), 29), Term((rate, kd, kslp), 14)]


def group_price_shared(made: np.random.Generator, rows: int) -> Terms:
    """The price of an interrupted case: the same, with complexity as it comes from the tables and a share of ten decimals."""
    rate, kz = made.integers(10**8, 10**9, rows), made.integers(20_000, 4_000_000, rows)
    share = np.where(made.random(rows) < 0.3, ONE5, made.integers(0, ONE5 + 1, rows))
    ks, kus, kd = _coefficients(made, rows, 3)
    outer, paid = made.integers(1, 2 * 10**10, rows), made.integers(1, ONE5 + 1, rows)
    outer = np.where(made.random(rows) < 0.7, 10**10, outer)
    added, plain = made.integers(0, 20, rows) * 10_000, made.integers(0, 3, rows) * 20_000
    return [
        Term((rate, kz, ONE5 - share, outer), 24), Term((rate, kz, share, ks, kus, kd, outer), 39),
        Term((rate, kd, added, paid), 19), Term((rate, plain, paid), 14),
    ]  # fmt: skip


def wide_divisors(made: np.random.Generator, rows: int) -> Terms:
    """Amounts and ties whose divisor has more than 126 bits: what is above a tie is one unit of the 46th decimal."""
    odd = made.integers(0, 10**9, rows) * 2 + 1
    ones = [np.full(rows, 10**15) for _ in range(2)]
    return [Term((odd * 5, *ones, np.full(rows, 10**13)), 46), Term((made.integers(0, 2, rows),), 46)]


def high_tech(made: np.random.Generator, rows: int) -> Terms:
    """law.md 9.1: N (KD d + 1 - d)."""
    norm = made.integers(10**6, 10**9, rows)
    share = made.integers(0, 10_001, rows) * 10
    return [Term((norm, _coefficients(made, rows, 1)[0], share), 12), Term((norm, ONE5 - share), 7)]


CLASSES: Final[dict[str, Callable[[np.random.Generator, int], Terms]]] = {
    "random products": random_products,
    "ties": ties,
    "neighbours of ties": neighbours,
    "10^-29 above a tie": one_unit_apart,
    "most coefficients 1": mostly_one,
    "at the bounds": at_the_bounds,
    "at the bounds, steps": at_the_bounds_in_steps,
    "beyond the bounds": beyond_the_bounds,
    "absurd rows among others": absurd_rows_among_others,
    "sum of law 8.2": group_price,
    "sum of law 8.2, ties": group_price_ties,
    "sum of law 8.2, shared": group_price_shared,
    "divisors above 2^126": wide_divisors,
    "sum of law 9.1": high_tech,
}


@dataclass(frozen=True)
class Tally:
    """What came out: rows, exact ties among them, rows flagged, wrong amounts or flags, rows out of bounds left unflagged."""

    rows: int = 0
    ties: int = 0
    flagged: int = 0
    wrong: int = 0
    unflagged: int = 0

    def plus(self, other: Tally) -> Tally:
        return Tally(
            self.rows + other.rows, self.ties + other.ties, self.flagged + other.flagged, self.wrong + other.wrong,
            self.unflagged + other.unflagged,
        )  # fmt: skip


def values(terms: Terms) -> list[Fraction]:
    """The exact value of each row, in roubles."""
    common = max(term.decimals for term in terms)
    numerators = [0] * len(terms[0].factors[0])
    for term in terms:
        lift = 10 ** (common - term.decimals)
        for row, factors in enumerate(zip(*(factor.tolist() for factor in term.factors), strict=True)):
            numerators[row] += lift * math.prod(factors)
    denominator = 10**common
    return [Fraction(numerator, denominator) for numerator in numerators]


def check(name: str, seed: int, rows: int) -> Tally:
    """One block of a class: the engine held against the reference. The rounding step changes with the seed."""
    step = STEPS[seed % len(STEPS)]
    terms = CLASSES[name](np.random.default_rng([seed, *name.encode()]), rows)
    amounts, flags = amounts_or_flags(terms, step=step)
    below = np.any([factor < 0 for term in terms for factor in term.factors], axis=0)
    ties = wrong = unflagged = 0
    for value, negative, amount, flag in zip(values(terms), below.tolist(), amounts.tolist(), flags.tolist(), strict=True):
        steps = value * 100 / step
        expected = (steps + HALF).__floor__() * step
        ties += steps.denominator == 2
        wanted = FLAG_NEGATIVE if negative else FLAG_TOO_LARGE if expected > MAX_KOPECKS else FLAG_OK
        unflagged += wanted != FLAG_OK and flag == FLAG_OK
        wrong += flag != wanted or amount != (expected if wanted == FLAG_OK else 0)
    return Tally(rows, ties, int((flags != FLAG_OK).sum()), wrong, unflagged)
