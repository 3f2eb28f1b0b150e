"""Five territories, fifteen insurers, a hundred clinics through a year by their real files: does everything agree?

    python -m tests.federation [--seeds 1 2 3] [--territories 5] [--clinics 20] [--cases 2000] [--months 12] [--out DIR] [--threads 2]

Prints one table a seed; exit code 1 when two figures differ. `--cases`: of a clinic in a month.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from omsclaims.synthetic.federation import INSURERS_EACH, Size
from tests.federation.table import lines, show
from tests.federation.year import simulate


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="federation", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--territories", type=int, default=5)
    parser.add_argument("--clinics", type=int, default=20)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument(
        "--own-books", type=int, default=INSURERS_EACH, help="so many insurers of a territory keep books of their own"
    )
    given = parser.parse_args()
    size = Size(given.territories, given.clinics, given.cases, given.months)
    off = 0
    for seed in given.seeds:
        folder = Path(tempfile.mkdtemp(prefix="federation-")) if given.out is None else given.out / f"seed-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        start = time.perf_counter()
        year = simulate(folder, size, seed, (lambda _: None) if given.quiet else print, given.threads, given.own_books)
        found = lines(year)
        print(show(found))
        counts = sum((fund.counts for fund in year.funds.values()), Counter())
        print(", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())))
        said = sum((fund.found for fund in year.funds.values()), Counter())
        print(
            "findings of files between funds:", ", ".join(f"{name} {count:,}" for name, count in sorted(said.items())) or "none"
        )
        print(
            f"yearly acts held against one another: {year.drawn}; rows that differed at first by what was under way: {year.under_way}"
        )
        print(", ".join(f"{name} {seconds:,.0f} s" for name, seconds in sorted(year.seconds.items())))
        print(
            f"seed {seed}: {size}, {time.perf_counter() - start:,.0f} s, {sum(1 for line in found if line.off)} of {len(found)} lines differ"
        )
        off += sum(1 for line in found if line.off)
        if given.out is None:
            shutil.rmtree(folder)
    return 1 if off else 0


if __name__ == "__main__":
    raise SystemExit(main())
