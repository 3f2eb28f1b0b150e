"""Is every amount exact? Ten million sums of products against fractions, ten million splits against their sums (law.md 16).

    python -m tests.exactness [--rows 10000000] [--splits 10000000] [--processes 2]

Prints a table; exit code 1 when one row is wrong, or out of bounds and not flagged, or one sum is not preserved.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor

from tests.exactness import rows, splits

BLOCK = 40_000
SPLITS = 100_000


def amounts(wanted: int, pool: ProcessPoolExecutor) -> bool:
    """All classes, each with its share of the rows; prints a line per class."""
    blocks = max(1, -(-wanted // (BLOCK * len(rows.CLASSES))))
    print(f"{'exact amounts':<28}{'rows':>12}{'ties':>12}{'flagged':>12}{'wrong':>8}{'unflagged':>11}")
    whole = rows.Tally()
    for name in rows.CLASSES:
        found = rows.Tally()
        for one in pool.map(rows.check, [name] * blocks, range(blocks), [BLOCK] * blocks):
            found = found.plus(one)
        _line(name, found)
        whole = whole.plus(found)
    _line("together", whole)
    return whole.wrong == 0 and whole.unflagged == 0


def _line(name: str, found: rows.Tally) -> None:
    print(f"{name:<28}{found.rows:>12,}{found.ties:>12,}{found.flagged:>12,}{found.wrong:>8}{found.unflagged:>11}", flush=True)


def shares(wanted: int, pool: ProcessPoolExecutor) -> bool:
    """Random splits; prints one line."""
    blocks = max(1, -(-wanted // SPLITS))
    whole = splits.Sums()
    for one in pool.map(splits.check, range(blocks), [SPLITS] * blocks):
        whole = whole.plus(one)
    print(
        f"splits {whole.splits:,}, parts {whole.parts:,}: sum not preserved {whole.not_preserved}; "
        f"part by part like share_out: {whole.compared - whole.unlike:,} of {whole.compared:,}"
    )
    return whole.not_preserved == 0 and whole.unlike == 0


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="exactness", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--splits", type=int, default=10_000_000)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    start = time.perf_counter()
    with ProcessPoolExecutor(given.processes) as pool:
        good = [amounts(given.rows, pool), shares(given.splits, pool)]
    print(f"{time.perf_counter() - start:.0f} s")
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
