"""Do the parts of many splits add up, each within one unit of its share, and as the reference in fractions makes them?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omsclaims.money import MAX_KOPECKS, Int64Array, share_out, share_rows


@dataclass(frozen=True)
class Splits:
    """Made-up splits: totals, and rows with weight, split and key of ties."""

    totals: Int64Array
    weights: Int64Array
    group_ids: Int64Array
    keys: Int64Array


@dataclass(frozen=True)
class Sums:
    """What came out: splits, parts, splits whose parts do not add up, splits unlike the reference, splits compared with it."""

    splits: int = 0
    parts: int = 0
    not_preserved: int = 0
    unlike: int = 0
    compared: int = 0

    def plus(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def made(seed: int, splits: int) -> Splits:
    """Splits of one to eight parts: equal weights (ties), zeros, small and wide ones; totals of both signs up to the largest."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 9, splits)
    ids = np.repeat(np.arange(splits, dtype=np.int64), sizes)
    kind = random.integers(0, 5, splits)[ids]
    rows = len(ids)
    wide = random.integers(1, 2**59, rows) >> random.integers(0, 59, rows)
    choices = [
        np.ones(rows, np.int64),
        random.integers(0, 3, rows),
        random.integers(0, 1000, rows),
        random.integers(1, 10**7, rows),
        wide,
    ]
    weights = np.choose(kind, choices)
    scale = random.integers(0, 51, splits)
    totals = np.minimum(random.integers(0, 2**50, splits) >> scale, MAX_KOPECKS) * random.choice([1, 1, 1, -1], splits)
    totals[np.bincount(ids, weights=weights > 0, minlength=splits) == 0] = 0
    order = random.permutation(rows) if seed % 2 else np.arange(rows)
    return Splits(totals, weights[order], ids[order], random.integers(0, 4, rows))


def check(seed: int, splits: int, every: int = 50) -> Sums:
    """One block: all sums by addition, every so many splits part by part against `share_out`."""
    given = made(seed, splits)
    parts = share_rows(given.totals, given.weights, given.group_ids, given.keys)
    sums = np.zeros(splits, dtype=np.int64)
    np.add.at(sums, given.group_ids, parts)
    order = np.argsort(given.group_ids, kind="stable")
    starts = np.searchsorted(given.group_ids[order], np.arange(splits + 1))
    unlike = compared = 0
    for split in range(0, splits, every):
        rows = order[starts[split] : starts[split + 1]]
        expected = share_out(int(given.totals[split]), given.weights[rows].tolist(), [str(key) for key in given.keys[rows]])
        compared += 1
        unlike += expected != parts[rows].tolist()
    return Sums(splits, len(parts), int((sums != given.totals).sum()), unlike, compared)
