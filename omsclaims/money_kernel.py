"""How are the sums of products of whole columns computed exactly? In 256 bits, compiled (design: Exactness).

Called by `money.exact_amounts` alone, which holds the law and the reference in Python integers; the tests hold one against the
other.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

Int64Array = npt.NDArray[np.int64]

_LIMBS: Final = 8  # 8 x 32 bits: wide enough for two 13-digit rates times five 7-digit coefficients


@njit(cache=True, nogil=True)
def _times(limbs: npt.NDArray[np.uint64], factor: int) -> bool:
    """limbs *= factor (0 <= factor < 2^63); True when the product left the limbs. Two passes of 32 bits each."""
    low = np.uint64(factor) & np.uint64(0xFFFFFFFF)
    high = np.uint64(factor) >> np.uint64(32)
    carry_low = np.uint64(0)
    carry_high = np.uint64(0)
    previous = np.uint64(0)  # limb i-1 before it was multiplied: its product with the high half lands in limb i
    for i in range(limbs.size):
        limb = limbs[i]
        part = limb * low + carry_low
        upper = previous * high + carry_high
        total = (part & np.uint64(0xFFFFFFFF)) + (upper & np.uint64(0xFFFFFFFF))
        limbs[i] = total & np.uint64(0xFFFFFFFF)
        carry_low = part >> np.uint64(32)
        carry_high = (upper >> np.uint64(32)) + (total >> np.uint64(32))
        previous = limb
    return bool(carry_low != 0 or carry_high != 0 or previous * high != 0)


@njit(cache=True, nogil=True)
def _divide(limbs: npt.NDArray[np.uint64], divisor: int) -> None:
    """limbs //= divisor (0 < divisor < 2^32)."""
    rest = np.uint64(0)
    d = np.uint64(divisor)
    for i in range(limbs.size - 1, -1, -1):
        part = (rest << np.uint64(32)) | limbs[i]
        limbs[i] = part // d
        rest = part % d


@njit(cache=True, nogil=True)
def _add(limbs: npt.NDArray[np.uint64], other: npt.NDArray[np.uint64]) -> bool:
    """limbs += other; True when the sum left the limbs."""
    carry = np.uint64(0)
    for i in range(limbs.size):
        part = limbs[i] + other[i] + carry
        limbs[i] = part & np.uint64(0xFFFFFFFF)
        carry = part >> np.uint64(32)
    return bool(carry != 0)


@njit(cache=True, nogil=True)
def sum_of_products(
    factors: Int64Array,
    lifts: Int64Array,
    drop: int,
    step: int,
    amounts: Int64Array,
    too_wide: npt.NDArray[np.bool_],
) -> None:
    """amounts[row] = round(sum of products / 10^drop to a multiple of step); rows out of bounds are flagged instead.

    Half up: floor((2 N + D) / (2 D)) with D = 10^drop x step; floor divisions by small numbers may be chained.
    """
    total = np.empty(_LIMBS, dtype=np.uint64)
    product = np.empty(_LIMBS, dtype=np.uint64)
    for row in range(amounts.size):
        total[:] = 0
        wide = False
        for t in range(factors.shape[0]):
            product[:] = 0
            product[0] = 2
            for _ in range(lifts[t]):
                wide = _times(product, 10) or wide
            for f in range(factors.shape[1]):
                value = factors[t, f, row]
                if value != 1:
                    wide = _times(product, value) or wide
            wide = _add(total, product) or wide
        product[:] = 0
        product[0] = np.uint64(step)
        for _ in range(drop):
            wide = _times(product, 10) or wide
        wide = _add(total, product) or wide
        for _ in range(drop):
            _divide(total, 10)
        _divide(total, 2 * step)
        for i in range(2, _LIMBS):
            wide = wide or total[i] != 0
        value = (total[1] << np.uint64(32)) | total[0]
        # The last multiplication by the step must stay inside int64, too.
        wide = wide or value > np.uint64(9 * 10**15)
        too_wide[row] = wide
        amounts[row] = 0 if wide else np.int64(value) * step
