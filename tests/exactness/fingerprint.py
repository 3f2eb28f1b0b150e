"""What do the kernels make of made-up rows? Printed as JSON, so that a process with the compiler off can be held against one with it.

NUMBA_DISABLE_JIT=1 python -m tests.exactness.fingerprint
"""

from __future__ import annotations

import json

import numpy as np

from omsclaims import money
from tests.exactness import rows, splits


def fingerprint(many: int = 150) -> dict[str, list[list[int]]]:
    """Amounts and flags of each class in each step, and parts of splits, all by the kernels."""
    limit, money.ROWS_IN_PYTHON = money.ROWS_IN_PYTHON, -1
    try:
        found: dict[str, list[list[int]]] = {}
        for name, made in rows.CLASSES.items():
            for step in rows.STEPS:
                amounts, flags = money.amounts_or_flags(made(np.random.default_rng([step, many]), many), step=step)
                found[f"{name}/{step}"] = [amounts.tolist(), flags.tolist()]
        for seed in range(4):
            given = splits.made(seed, many)
            found[f"splits/{seed}"] = [money.share_rows(given.totals, given.weights, given.group_ids, given.keys).tolist()]
        weights = np.random.default_rng(3).integers(1, 9, 400)
        found["wide split"] = [money.share_rows(np.array([10_007]), weights, np.zeros(400, np.int64)).tolist()]
        return found
    finally:
        money.ROWS_IN_PYTHON = limit


if __name__ == "__main__":
    with np.errstate(over="ignore"):  # words of 64 bits are meant to overflow
        print(json.dumps(fingerprint()))
