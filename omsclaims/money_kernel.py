"""How are sums of products and shares of whole columns computed exactly? In 64-bit limbs, compiled (law.md 16).

Called by `money` alone, which holds the law and the reference in Python integers; the tests hold one against the other, and each
compiled body against itself with the compiler off (NUMBA_DISABLE_JIT=1).

How a sum of products is made. A block of rows knows the width in bits of each column, so that nothing needs a check per row:
factors are packed into words of 64 bits, words are multiplied into limbs, as many as the widths ask for, at most four (256 bits).
The quotient is estimated in float64 - an amount has at most 50 bits, so that the estimate is wrong by one at most - and put right
by its exact remainder.
"""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import carray, config, njit, types  # type: ignore[attr-defined]
from numba.extending import intrinsic

Int64Array = npt.NDArray[np.int64]
UInt64Array = npt.NDArray[np.uint64]
UInt8Array = npt.NDArray[np.uint8]
#: Where each column lies in memory: one compiled body for any number of columns, and no counting of references on the way.
Columns = UInt64Array
#: Columns that each word multiplies, where they end, its constant, and its width in bits at most.
Words = tuple[Int64Array, Int64Array, UInt64Array, Int64Array]

#: What became of a row.
OK: Final = 0
TOO_LARGE: Final = 1  # the amount is above the largest one that the exchange formats hold
NEGATIVE: Final = 2  # a factor is below zero
TOO_WIDE: Final = 3  # does not fit 256 bits: to be done in Python integers

WORD: Final = 64
LIMBS: Final = 4
#: Rows that are looked at for a plan, and rows worked on at a time: what fits the near caches.
BLOCK: Final = 1 << 15
CHUNK: Final = 1 << 11
#: Divisors below leave a remainder of three limbs its sign.
LARGEST_DIVISOR: Final = 1 << 190
#: The top limb of a divisor is below it where a remainder of as many limbs has a sign.
_HALF_LIMB: Final = np.uint64(1 << 62)
#: Sums of products up to here are in bounds of four limbs.
_WIDEST: Final = (1 << 255) - 1
#: Estimates of quotients up to here are wrong by one at most: eight roundings of 2^-53 each make no more than one of 2^50.
LARGEST_QUOTIENT: Final = float(1 << 50)
#: Sums of weights up to here leave room for the sign of a remainder.
LARGEST_SUM: Final = (1 << 62) - 1
#: Quotients below are rounded several at a time; their estimates are made smaller by six roundings, one more than they may be
#: too large by, and are then too small by eleven at most: less than one.
_SOON: Final = float(1 << 49)
_MOST_SOON: Final = (1 << 49) - 2
_LESS: Final = 1 - 6 * 2.0**-53
_ALMOST_HALF: Final = 0.5 - 2.0**-20
_HALF: Final = WORD // 2
_UP: Final = np.uint64(_HALF)
_LOWER: Final = np.uint64((1 << _HALF) - 1)
_TWO_64: Final = float(1 << 64)
_TWO_128: Final = float(1 << 128)
_APART: Final = 24
#: Bytes of a value and of a line of memory; rows of which the lines are asked for together.
_BYTES: Final = 8
_LINE: Final = 64
_TOGETHER: Final = 64
_FEW: Final = 48  # rows of a split that are searched one after the other


def _high_in_python(a: Any, b: Any) -> Any:
    """The upper 64 bits of the product of two unsigned words."""
    return np.uint64((int(a) * int(b)) >> WORD)


@intrinsic
def _high_compiled(_: Any, a: Any, b: Any) -> Any:
    """`_high_in_python` as one multiplication of the processor."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        wide, word = ir.IntType(2 * WORD), ir.IntType(WORD)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, WORD)), word)

    return types.uint64(types.uint64, types.uint64), generate


def _fetch_in_python(_: Any) -> None:
    """Nothing: only the processor has a cache to fill."""


@intrinsic
def _fetch_compiled(_: Any, a: Any) -> Any:
    """Asks for the line of memory at an address, which need not exist, without waiting for it."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        ask = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        builder.call(ask, [builder.inttoptr(arguments[0], pointer), flag(0), flag(2), flag(1)])  # to read, second cache, data
        return ir.Constant(ir.IntType(8), None)

    return types.none(types.uint64), generate


def _pointer_in_python(address: Any) -> Any:
    """The whole numbers that lie at an address."""
    return ctypes.cast(int(address), ctypes.POINTER(ctypes.c_int64))


@intrinsic
def _pointer_compiled(_: Any, a: Any) -> Any:
    """`_pointer_in_python`."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(WORD).as_pointer())

    return types.CPointer(types.int64)(types.uint64), generate  # type: ignore[no-untyped-call]


_compiled: Final = not getattr(config, "DISABLE_JIT", 0)
_high: Any = _high_compiled if _compiled else _high_in_python
_fetch: Any = _fetch_compiled if _compiled else _fetch_in_python
_pointer: Any = _pointer_compiled if _compiled else _pointer_in_python


@njit(cache=True, nogil=True)
def _column(columns: Columns, index: int, start: int, rows: int) -> Any:
    """Some rows of a column; the caller knows that they are there."""
    return carray(_pointer(columns[index] + np.uint64(_BYTES * start)), (rows,))


@njit(cache=True, nogil=True)
def _fetch_rows(columns: Columns, start: int) -> None:
    """Asks for _TOGETHER rows from `start` of each column."""
    for index in range(columns.size):
        first = columns[index] + np.uint64(_BYTES * start)
        for line in range(0, _BYTES * _TOGETHER, _LINE):
            _fetch(first + np.uint64(line))


@njit(cache=True, nogil=True)
def measure(columns: Columns, start: int, rows: int, largest: UInt64Array) -> None:
    """largest[i] = the largest value of column i in some rows; 2^63 or more where one is negative."""
    for index in range(largest.size):
        column = _column(columns, index, start, rows)
        found = np.uint64(0)
        for row in range(rows):
            found = max(found, np.uint64(column[row]))
        largest[index] = found


@njit(cache=True, nogil=True)
def set_aside(
    table: Int64Array, rows: int, factors: Int64Array, ends: Int64Array, lifts: Int64Array, limit: int, flags: UInt8Array
) -> None:
    """Flags rows with a negative factor (NEGATIVE) or a product wider than `limit` bits (TOO_WIDE), and empties them.

    factors, ends, lifts  columns of all products, where each product ends, and the width in bits of its power of ten
    """
    for row in range(rows):
        flag = 0
        start = 0
        for product in range(ends.size):
            width = lifts[product]
            for index in range(start, ends[product]):
                value = table[factors[index], row]
                if value < 0:
                    flag = 2
                while value > 0:
                    value >>= 1
                    width += 1
            start = ends[product]
            if width > limit and flag == 0:
                flag = 3
        if flag != 0:
            flags[row] = flag
            for column in range(table.shape[0]):
                table[column, row] = 0


@njit(cache=True, nogil=True)
def _pack(
    columns: Columns, chosen: Int64Array, constant: Any, start: int, rows: int, word: UInt64Array, found: UInt64Array
) -> None:
    """word = constant x the product of the chosen columns, row by row, where it fits 64 bits; found: `measure` of these columns.

    Measured here because reading the columns is what takes the time: the caller asks afterwards whether the products did fit.
    """
    size = chosen.size
    m1, m2, m3 = np.uint64(0), np.uint64(0), np.uint64(0)
    if size == 0:
        for row in range(rows):
            word[row] = constant
        return
    first = _column(columns, chosen[0], start, rows)
    if size == 1:
        for row in range(rows):
            v1 = np.uint64(first[row])
            m1 = max(m1, v1)
            word[row] = v1 * constant
    elif size == 2:
        second = _column(columns, chosen[1], start, rows)
        for row in range(rows):
            v1, v2 = np.uint64(first[row]), np.uint64(second[row])
            m1, m2 = max(m1, v1), max(m2, v2)
            word[row] = v1 * v2 * constant
        found[chosen[1]] = m2
    else:
        second, third = _column(columns, chosen[1], start, rows), _column(columns, chosen[2], start, rows)
        for row in range(rows):
            v1, v2, v3 = np.uint64(first[row]), np.uint64(second[row]), np.uint64(third[row])
            m1, m2, m3 = max(m1, v1), max(m2, v2), max(m3, v3)
            word[row] = v1 * v2 * v3 * constant
        found[chosen[1]], found[chosen[2]] = m2, m3
        for index in range(3, size):
            more = _column(columns, chosen[index], start, rows)
            most = np.uint64(0)
            for row in range(rows):
                value = np.uint64(more[row])
                most = max(most, value)
                word[row] *= value
            found[chosen[index]] = most
    found[chosen[0]] = m1


@njit(cache=True, nogil=True)
def _product(
    columns: Columns, plan: Words, first: int, last: int, fits: int, start: int, rows: int, limbs: UInt64Array, word: UInt64Array,
    found: UInt64Array,
) -> int:  # fmt: skip
    """limbs = the product of the words first to last; how many limbs are set."""
    factors, ends, constants, _ = plan
    _pack(columns, factors[ends[first] : ends[first + 1]], constants[first], start, rows, limbs[0], found)
    return _grow(columns, plan, first + 1, last, 1, fits, start, rows, limbs, word, found)


@njit(cache=True, nogil=True)
def _grow(
    columns: Columns, plan: Words, first: int, last: int, used: int, fits: int, start: int, rows: int, limbs: UInt64Array,
    word: UInt64Array, found: UInt64Array,
) -> int:  # fmt: skip
    """limbs, of which `used` are set, times the words first to last; how many limbs are set then, at most `fits`."""
    factors, ends, constants, widths = plan
    for index in range(first, last):
        _pack(columns, factors[ends[index] : ends[index + 1]], constants[index], start, rows, word, found)
        _times(limbs, used, fits, word, widths[index], rows)
        used = min(used + 1, fits)
    return used


@njit(cache=True, nogil=True)
def _times(limbs: UInt64Array, used: int, fits: int, word: UInt64Array, width: int, rows: int) -> None:
    """limbs *= word, row by row; `used` limbs are set before, min(used + 1, fits) after, and the product fits them.

    Products of two limbs are made from products of half limbs, of which the processor makes several at a time: two where a word
    has no more than half a limb (`width`), four else.
    """
    l0, l1, l2, l3 = limbs[0], limbs[1], limbs[2], limbs[3]
    if used == 1 and fits == 1:
        for row in range(rows):
            l0[row] *= word[row]
    elif used == 1 and width <= _HALF:
        for row in range(rows):
            w, a0 = word[row] & _LOWER, l0[row]
            low = (a0 & _LOWER) * w
            high = (a0 >> _UP) * w + (low >> _UP)
            l0[row] = (low & _LOWER) | (high << _UP)
            l1[row] = high >> _UP
    elif used == 1:
        for row in range(rows):
            w0, w1, a0, a1 = word[row] & _LOWER, word[row] >> _UP, l0[row] & _LOWER, l0[row] >> _UP
            low = a0 * w0
            one = a1 * w0 + (low >> _UP)
            other = a0 * w1 + (one & _LOWER)
            l0[row] = (low & _LOWER) | (other << _UP)
            l1[row] = a1 * w1 + (one >> _UP) + (other >> _UP)
    elif used == 2 and fits == 2 and width <= _HALF:
        for row in range(rows):
            w, a0 = word[row] & _LOWER, l0[row]
            low = (a0 & _LOWER) * w
            high = (a0 >> _UP) * w + (low >> _UP)
            l0[row] = (low & _LOWER) | (high << _UP)
            l1[row] = l1[row] * w + (high >> _UP)
    elif used == 2 and fits == 2:
        for row in range(rows):
            w, a0 = word[row], l0[row]
            l0[row] = a0 * w
            l1[row] = l1[row] * w + _high(a0, w)
    elif used == 2:
        for row in range(rows):
            w, a0, a1 = word[row], l0[row], l1[row]
            low1 = a1 * w
            part1 = low1 + _high(a0, w)
            l0[row] = a0 * w
            l1[row] = part1
            l2[row] = _high(a1, w) + np.uint64(part1 < low1)
    else:
        for row in range(rows):
            w, a0, a1, a2 = word[row], l0[row], l1[row], l2[row]
            low1, low2 = a1 * w, a2 * w
            part1 = low1 + _high(a0, w)
            upper1 = _high(a1, w) + np.uint64(part1 < low1)  # an upper half is at most 2^64 - 2: no carry is lost
            part2 = low2 + upper1
            above = _high(a2, w) + np.uint64(part2 < low2)
            if used == 4:
                above += l3[row] * w
            l0[row] = a0 * w
            l1[row] = part1
            l2[row] = part2
            l3[row] = above


@njit(cache=True, nogil=True)
def _add(total: UInt64Array, limbs: UInt64Array, size: int, rows: int) -> None:
    """total += limbs, `size` limbs each, row by row; the sum fits them."""
    if size == 1:
        for row in range(rows):
            total[0, row] += limbs[0, row]
        return
    if size == 2:
        t0, t1, o0, o1 = total[0], total[1], limbs[0], limbs[1]
        for row in range(rows):
            low = t0[row] + o0[row]
            t1[row] += o1[row] + np.uint64(low < o0[row])
            t0[row] = low
        return
    for row in range(rows):
        carry = np.uint64(0)
        for limb in range(size):
            other = limbs[limb, row]
            part = total[limb, row] + other
            upper = np.uint64(part < other)
            part += carry
            carry = upper + np.uint64(part < carry)
            total[limb, row] = part


@njit(cache=True, nogil=True)
def _rounded(n0: Any, n1: Any, estimate: float, h0: Any, h1: Any, d0: Any, d1: Any) -> Any:
    """(n + h) // d from its estimate, wrong by one at most. The remainder needs two limbs, or one: the divisor is below 2^126."""
    q = np.uint64(np.int64(estimate))
    if d1 == 0 and d0 < _HALF_LIMB:
        rest = np.int64(n0 + h0 - q * d0)
        if rest < 0:
            q -= np.uint64(1)
        elif np.uint64(rest) >= d0:
            q += np.uint64(1)
        return q
    s0 = n0 + h0
    s1 = n1 + h1 + np.uint64(s0 < h0)
    m0 = q * d0
    r0 = s0 - m0
    r1 = s1 - (q * d1 + _high(q, d0)) - np.uint64(s0 < m0)
    if r1 >= d1:  # seldom, or always: a negative remainder is among them
        # Without branches: the lower limb is as good as random, and a branch on it would be guessed wrong half the time.
        below = r1 >> np.uint64(63)
        above = (np.uint64(r1 > d1) | (np.uint64(r1 == d1) & np.uint64(r0 >= d0))) & (below ^ np.uint64(1))
        q += above - below
    return q


@njit(cache=True, nogil=True)
def _rounded_wide(n0: Any, n1: Any, n2: Any, estimate: float, half: UInt64Array, divisor: UInt64Array) -> Any:
    """`_rounded` for divisors from 2^126 to 2^190: the remainder needs three limbs."""
    q = np.uint64(np.int64(estimate))
    d0, d1, d2 = divisor[0], divisor[1], divisor[2]
    s0 = n0 + half[0]
    carry = np.uint64(s0 < n0)
    s1 = n1 + half[1]
    over = np.uint64(s1 < n1)
    s1 += carry
    s2 = n2 + half[2] + over + np.uint64(s1 < carry)
    m0, low1 = q * d0, q * d1
    m1 = low1 + _high(q, d0)
    m2 = q * d2 + _high(q, d1) + np.uint64(m1 < low1)
    r0 = s0 - m0
    borrow = np.uint64(s0 < m0)
    r1 = s1 - m1
    under = np.uint64(s1 < m1) + np.uint64(r1 < borrow)
    r1 -= borrow
    r2 = s2 - m2 - under
    if r2 >= d2:
        below = r2 >> np.uint64(63)
        lower = np.uint64(r1 > d1) | (np.uint64(r1 == d1) & np.uint64(r0 >= d0))
        q += ((np.uint64(r2 > d2) | (np.uint64(r2 == d2) & lower)) & (below ^ np.uint64(1))) - below
    return q


@njit(cache=True, nogil=True)
def _round_soon(
    total: UInt64Array, half: UInt64Array, odd: Any, shift: Any, inverse: float, step: int, most: Any, amounts: Int64Array,
    columns: Columns, after: int,
) -> bool:  # fmt: skip
    """`_round` for sums of two limbs, divisor odd x 2^shift; whether all amounts / step are at most `most`: if not, none counts.

    A power of ten holds as many twos as fives: without its twos one of 27 digits fits a limb, and so does the remainder. The
    estimate is too low by one at most, never too high, so that one comparison puts it right; nothing branches, so that the
    processor takes several rows at a time. Meanwhile the rows that come after these are asked for.
    """
    t0, t1, h0, h1 = total[0], total[1], half[0], half[1]
    one = np.uint64(1)
    back = np.uint64(WORD - 1) - shift
    worst = np.uint64(0)
    for block in range(0, amounts.size, _TOGETHER):
        _fetch_rows(columns, after + block)
        for row in range(block, min(block + _TOGETHER, amounts.size)):
            n0, n1 = t0[row], t1[row]
            estimate = (np.float64(n1) * _TWO_64 + np.float64(n0)) * inverse + _ALMOST_HALF
            q = np.uint64(np.int64(estimate if estimate < _SOON else _SOON))
            s0 = n0 + h0
            s1 = n1 + h1 + np.uint64(s0 < h0)  # what it carries beyond two limbs is above the bits of the remainder
            rest = ((s0 >> shift) | ((s1 << one) << back)) - q * odd
            q += np.uint64(rest >= odd)
            worst = max(worst, q)
            amounts[row] = np.int64(q) * step
    return bool(worst <= most)


@njit(cache=True, nogil=True)
def _round(
    total: UInt64Array, size: int, half: UInt64Array, divisor: UInt64Array, inverse: float, step: int, largest: int,
    amounts: Int64Array, flags: UInt8Array,
) -> None:  # fmt: skip
    """amounts = (total + half) // divisor x step; TOO_LARGE, and no amount, above `largest`."""
    t0, t1, t2, t3 = total[0], total[1], total[2], total[3]
    h0, h1, d0, d1 = half[0], half[1], divisor[0], divisor[1]
    wide = divisor[2] != 0 or d1 >= _HALF_LIMB
    most = np.uint64(largest // step)
    for row in range(amounts.size):
        n0, n1, n2 = t0[row], t1[row], np.uint64(0)
        estimate = np.float64(n1) * _TWO_64 + np.float64(n0)
        if size > 2:
            n2 = t2[row]
            upper = np.float64(n2)
            if size > 3:
                upper += np.float64(t3[row]) * _TWO_64
            estimate += upper * _TWO_128
        estimate = estimate * inverse + 0.5
        q = most + np.uint64(1)
        if estimate < LARGEST_QUOTIENT:
            q = _rounded_wide(n0, n1, n2, estimate, half, divisor) if wide else _rounded(n0, n1, estimate, h0, h1, d0, d1)
        if q > most:
            flags[row] = 1
            q = np.uint64(0)
        amounts[row] = np.int64(q) * step


@njit(cache=True, nogil=True)
def work_out(
    columns: Columns, limits: UInt64Array, first: int, last: int, plan: Words, products: Int64Array, common: Int64Array,
    half: UInt64Array, divisor: UInt64Array, inverse: float, odd: Any, shift: Any, step: int, largest: int,
    amounts: Int64Array, flags: UInt8Array,
) -> int:  # fmt: skip
    """amounts[row] = round(common factors x sum of products / divisor) x step for the rows first to last, by a plan.

    limits    largest value of each column that the plan holds for; the first row not done is returned: a chunk with larger ones
    plan      words: the columns that each multiplies, where they end, and its constant (see _Plan)
    products  one row each: its words (first, last) and the limbs it fits; limbs of the sum so far; words (first, last) of the
              power of ten by which that sum is lifted before the next product is added, and the limbs that it fits then
    common    words (first, last) of the factors of all products, and limbs of the whole
    odd       divisor = odd x 2^shift, odd below 2^63; 0 where it does not fit
    """
    soon = np.uint64(min(largest // step, _MOST_SOON))
    # Rows of limbs do not begin at the same place of a page: loads of one would wait for stores to another.
    total = np.zeros((4, CHUNK + _APART), dtype=np.uint64)
    other = np.zeros((4, CHUNK + _APART), dtype=np.uint64)
    word = np.empty(CHUNK + _APART, dtype=np.uint64)
    found = np.zeros(limits.size, dtype=np.uint64)
    for start in range(first, last, CHUNK):
        many = min(CHUNK, last - start)
        size = 0
        for p in range(products.shape[0]):
            limbs = total if p == 0 else other
            used = _product(columns, plan, products[p, 0], products[p, 1], products[p, 2], start, many, limbs, word, found)
            if p == 0:
                size = used
            else:
                wanted = products[p, 3]
                for limb in range(size, wanted):
                    total[limb, :many] = np.uint64(0)
                for limb in range(used, wanted):
                    other[limb, :many] = np.uint64(0)
                _add(total, other, wanted, many)
                size = wanted
            size = _grow(columns, plan, products[p, 4], products[p, 5], size, products[p, 6], start, many, total, word, found)
        size = _grow(columns, plan, common[0], common[1], size, common[2], start, many, total, word, found)
        for index in range(limits.size):
            if found[index] > limits[index]:
                return start
        if size == 1:
            total[1, :many] = np.uint64(0)
        end = start + many
        done = False
        if odd != np.uint64(0) and size <= 2:
            done = _round_soon(total, half, odd, shift, inverse * _LESS, step, soon, amounts[start:end], columns, end)
        if not done:
            _round(total, size, half, divisor, inverse, step, largest, amounts[start:end], flags[start:end])
    return last


class _Plan:
    """How the products of a block are packed into words and limbs, from the largest values of its columns.

    Products are added in order of their lifts (Horner): the sum of those that lack most decimals is lifted together.
    """

    def __init__(self, products: Sequence[Sequence[int]], lifts: Sequence[int], bounds: Sequence[int] | None) -> None:
        """bounds None: the rows were looked at one by one (`set_aside`); each factor is a word of its own."""
        self._bounds = bounds
        self._columns: list[int] = []
        self._ends: list[int] = [0]
        self._constants: list[int] = []
        self._widths: list[int] = []
        shared = _common(products) if len(products) > 1 else []
        order = sorted(range(len(products)), key=lambda p: lifts[p], reverse=True)
        rows, whole = [], 0
        for place, p in enumerate(order):
            own = _without(products[p], shared)
            after = lifts[order[place + 1]] if place + 1 < len(order) else 1
            lift = lifts[p] // after
            alone = lift if place == 0 else 1  # the first product is lifted by itself, if it is
            lift //= alone
            bound = _WIDEST if bounds is None else alone * math.prod(bounds[column] for column in own)
            whole += bound
            words, size = self._add(own, alone), _limbs_of(whole)
            whole *= 1 if bounds is None else lift
            rows.append((*words, _limbs_of(bound), size, *(self._add([], lift) if lift > 1 else (0, 0)), _limbs_of(whole)))
        self.largest = whole if bounds is None else whole * math.prod(bounds[column] for column in shared)
        first, last = self._add(shared, 1) if shared else (0, 0)
        self.words = (
            np.array(self._columns, dtype=np.int64),
            np.array(self._ends, dtype=np.int64),
            np.array(self._constants, dtype=np.uint64),
            np.array(self._widths, dtype=np.int64),
        )
        self.products = np.array(rows, dtype=np.int64)
        self.common = np.array([first, last, _limbs_of(self.largest)], dtype=np.int64)

    def _add(self, factors: Sequence[int], lift: int) -> tuple[int, int]:
        """Words of a product; where they begin and end."""
        first = len(self._constants)
        for bound, held, constant in _words(factors, lift, self._bounds):
            self._columns += held
            self._ends.append(len(self._columns))
            self._constants.append(constant)
            self._widths.append(bound.bit_length())
        return first, len(self._constants)


def _limbs_of(largest: int) -> int:
    return min(LIMBS, max(1, -(-largest.bit_length() // WORD)))


def _common(products: Sequence[Sequence[int]]) -> list[int]:
    """Columns that every product multiplies, as often as all do."""
    return list(reduce(lambda one, other: one & other, map(Counter, products)).elements())


def _without(factors: Sequence[int], shared: Sequence[int]) -> list[int]:
    return list((Counter(factors) - Counter(shared)).elements())


#: The largest value of a word, its columns and its constant.
_Word = tuple[int, list[int], int]


def _words(factors: Sequence[int], lift: int, bounds: Sequence[int] | None) -> list[_Word]:
    """Columns and constants packed into words of 64 bits, the widest first: as few as a few orders of filling find."""
    powers: list[int] = []
    while lift > 1 or not (factors or powers):
        powers.append(min(lift, 10**19))
        lift //= powers[-1]
    if bounds is None:
        return [(2**WORD - 1, [column], 1) for column in factors] + [(power, [], power) for power in powers]
    items: list[_Word] = [(bounds[column], [column], 1) for column in factors] + [(power, [], power) for power in powers]
    items.sort(key=lambda item: item[0], reverse=True)
    tried = [_filled(items[turn:] + items[:turn]) for turn in range(len(items))]
    fewest = min(tried, key=len)
    return sorted(fewest, key=lambda word: word[0], reverse=True)


def _filled(items: Sequence[_Word]) -> list[_Word]:
    """Each item into the fullest word that still holds it."""
    found: list[_Word] = []
    for bound, held, constant in items:
        room = [index for index, word in enumerate(found) if word[0] * bound < 2**WORD]
        if room:
            index = max(room, key=lambda place: found[place][0])
            taken, columns, power = found[index]
            found[index] = (taken * bound, columns + held, power * constant)
        else:
            found.append((max(bound, 1), held, constant))
    return found


def _limbs(value: int) -> UInt64Array:
    return np.array([(value >> (WORD * limb)) & (2**WORD - 1) for limb in range(LIMBS)], dtype=np.uint64)


def sum_of_products(
    columns: Sequence[Int64Array], products: Sequence[Sequence[int]], lifts: Sequence[int], drop: int, step: int, largest: int
) -> tuple[Int64Array, UInt8Array]:
    """(amounts, flags): round(sum of products / 10^drop) to a multiple of `step`, half up, row by row.

    columns   whole numbers, each column once
    products  which columns each product multiplies
    lifts     power of ten (10, 100, ...; 1: none) that brings each product to the decimals of the sum
    largest   amounts above are flagged TOO_LARGE; at most 10^15

    Rows that are flagged have the amount 0; TOO_WIDE: the row was not computed, and the caller does it in Python integers.
    """
    rows = len(columns[0])
    amounts, flags = np.empty(rows, dtype=np.int64), np.zeros(rows, dtype=np.uint8)
    divisor = 10**drop * step
    if divisor >= LARGEST_DIVISOR:
        flags[:] = TOO_WIDE
        amounts[:] = 0
        return amounts, flags
    shift = (divisor & -divisor).bit_length() - 1
    odd = divisor >> shift if divisor >> shift < 2**63 and shift < WORD else 0
    inverse = float(Fraction(1, divisor))
    rounding = (_limbs(divisor // 2), _limbs(divisor), inverse, np.uint64(odd), np.uint64(shift), step, largest)
    planner = _Planner(products, lifts, len(columns))
    held = [np.ascontiguousarray(column, dtype=np.int64) for column in columns]
    places = _places(held)
    start = 0
    while start < rows:
        plan = planner.plan(places, start, rows)
        if plan is not None:
            limits = planner.limits
            start = work_out(places, limits, start, rows, plan.words, plan.products, plan.common, *rounding, amounts, flags)
            continue
        end = min(start + CHUNK, rows)
        table = np.stack([column[start:end] for column in held])
        aside = planner.set_aside(table, flags[start:end])
        limits = np.full(len(columns), 2**63 - 1, dtype=np.uint64)
        work_out(
            _places(list(table)), limits, 0, end - start, aside.words, aside.products, aside.common, *rounding,
            amounts[start:end], flags[start:end],
        )  # fmt: skip
        start = end
    return amounts, flags


def _places(columns: Sequence[Int64Array]) -> Columns:
    """Where columns, each in one piece, lie in memory: as long as the caller holds them."""
    return np.array([column.ctypes.data for column in columns], dtype=np.uint64)


class _Planner:
    """The plan for the rows from a place on: one that holds for all rows so far, too, unless the products were too wide then."""

    def __init__(self, products: Sequence[Sequence[int]], lifts: Sequence[int], columns: int) -> None:
        self.products, self.lifts = products, lifts
        self.limits = np.zeros(columns, dtype=np.uint64)

    def plan(self, columns: Columns, start: int, rows: int) -> _Plan | None:
        """None where the chunk at `start` has a negative value, or products of its largest values that do not fit.

        Where they fit, but not together with what was seen before, the plan is for what comes now.
        """
        now = np.zeros(self.limits.size, dtype=np.uint64)
        largest = now.copy()
        measure(columns, start, min(CHUNK, rows - start), now)
        measure(columns, start, min(BLOCK, rows - start), largest)
        for wanted in (np.maximum(largest, self.limits), np.maximum(now, self.limits), now):
            if int(wanted.max()) < 2**63:
                bounds = [min(_rounded_up(value), 2**63 - 1) for value in wanted.tolist()]
                found = _Plan(self.products, self.lifts, bounds)
                if found.largest <= _WIDEST:
                    self.limits = np.array(bounds, dtype=np.uint64)
                    return found
        return None

    def set_aside(self, table: Int64Array, flags: UInt8Array) -> _Plan:
        """Flags rows of a table with a negative or too wide product and empties them; a plan that holds for any others."""
        ends = np.cumsum([len(factors) for factors in self.products], dtype=np.int64)
        factors = np.array([column for product in self.products for column in product], dtype=np.int64)
        lift_bits = np.array([lift.bit_length() for lift in self.lifts], dtype=np.int64)
        room = _WIDEST.bit_length() - len(self.products).bit_length()
        set_aside(table, table.shape[1], factors, ends, lift_bits, room, flags)
        return _Plan(self.products, self.lifts, None)


def _rounded_up(value: int) -> int:
    """A bound a little above a value, the same for values nearby."""
    shift = max(0, value.bit_length() - 5)
    return max(1, ((value >> shift) + 1) << shift)


@njit(cache=True, nogil=True)
def share(
    totals: Int64Array, starts: Int64Array, weights: Int64Array, parts: Int64Array, remainders: Int64Array, skipped: UInt8Array
) -> None:
    """parts = totals split by weights, largest remainder; the rows of split s are those from starts[s] to starts[s + 1].

    totals      not negative, below 2^50
    remainders  room to work in, as long as parts
    skipped     1: this split is left alone

    Rows of a split stand in the order in which ties are served.
    """
    for split in range(totals.size):
        if skipped[split] != 0:
            continue
        first, last = starts[split], starts[split + 1]
        whole = np.int64(0)
        for row in range(first, last):
            whole += weights[row]
        total = np.uint64(totals[split])
        if whole == 0:
            for row in range(first, last):
                parts[row] = 0
            continue
        left = totals[split]
        inverse = 1.0 / np.float64(whole)
        for row in range(first, last):
            weight = np.uint64(weights[row])
            low, high = total * weight, _high(total, weight)
            q = np.int64((np.float64(high) * _TWO_64 + np.float64(low)) * inverse)
            rest = np.int64(low - np.uint64(q) * np.uint64(whole))
            if rest < 0:
                q -= 1
                rest += whole
            elif rest >= whole:
                q += 1
                rest -= whole
            parts[row] = q
            remainders[row] = rest
            left -= q
        _serve(remainders[first:last], parts[first:last], left)


@njit(cache=True, nogil=True)
def _serve(remainders: Int64Array, parts: Int64Array, left: int) -> None:
    """One unit more to the `left` largest remainders; of equal ones the earlier is served first."""
    if remainders.size <= _FEW:
        for _ in range(left):
            best = 0
            for row in range(1, remainders.size):
                if remainders[row] > remainders[best]:
                    best = row
            parts[best] += 1
            remainders[best] = -1
        return
    if left == 0:
        return
    below, above = np.int64(0), np.int64(0)  # the smallest remainder served lies in [below, above)
    for row in range(remainders.size):
        above = max(above, remainders[row] + 1)
    while above - below > 1:
        middle = below + (above - below) // 2
        many = 0
        for row in range(remainders.size):
            many += remainders[row] >= middle
        if many >= left:
            below = middle
        else:
            above = middle
    for row in range(remainders.size):
        if remainders[row] > below:
            parts[row] += 1
            left -= 1
    for row in range(remainders.size):
        if remainders[row] == below and left > 0:
            parts[row] += 1
            left -= 1
