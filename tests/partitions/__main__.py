"""Is every dated partition a partition? Each sex, each birth of 120 years, each date of the year around its beginning.

    python -m tests.partitions

Prints the count of cells for each edition; exit code 1 when one cell has no group, or more than one.
"""

from __future__ import annotations

import time

from tests.partitions.sweep import editions, prove


def main() -> int:
    """Entry point."""
    start = time.perf_counter()
    print(f"{'partition since':<18}{'groups':>8}{'reached':>9}{'cells':>14}{'not exactly one':>17}{'wrong age':>11}")
    bad = cells = 0
    for value, partition in editions():
        proof = prove(value.since, partition)
        bad += proof.not_one + proof.wrong_age + (proof.groups != len(partition.groups))
        cells += proof.cells
        print(
            f"{value.since!s:<18}{len(partition.groups):>8}{proof.groups:>9}{proof.cells:>14,}{proof.not_one:>17}{proof.wrong_age:>11}",
            flush=True,
        )
    print(f"{cells:,} cells, {bad} bad, {time.perf_counter() - start:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
