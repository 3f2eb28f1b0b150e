"""How long does it take to count ten million insured by municipality, sex and age in each of twelve months?

`python -m benchmarks norms`: beside a bare group-by of polars over rows whose cell is known already, in one thread, in turn. Both
must come to the same numbers: the rival is given the group of each person on each day, which is what takes the thinking.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from benchmarks.timing import run_count, spread, timed

MOST: Final = 1.5
MONTHS: Final = 12
_PLACES: Final = 100
_SEED: Final = 20220101
_ONE_THREAD: Final = {"POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def main(arguments: Sequence[str]) -> int:
    """`python -m benchmarks norms`."""
    parser = argparse.ArgumentParser(prog="benchmarks norms", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--people", type=int, default=10_000_000)
    parser.add_argument("--runs", type=run_count, default=5)
    given = parser.parse_args(arguments)
    if os.environ.get("POLARS_MAX_THREADS") != "1":  # threads are chosen when polars is imported
        command = [sys.executable, "-m", "benchmarks", "norms", *arguments]
        return subprocess.run(command, env={**os.environ, **_ONE_THREAD}, check=False).returncode
    return measured(given.people, given.runs)


def measured(people: int, runs: int) -> int:
    """Prints medians and the ratio; 1 where it is above what is wanted."""
    import numpy as np
    import polars as pl

    from omsclaims.law import federal_parameters
    from omsclaims.periods import age_expr, parse_partition
    from omsclaims.tariffs import norms

    chance = np.random.default_rng(_SEED)
    days = [date(2022, month, 1) for month in range(1, MONTHS + 1)]
    partition = parse_partition(federal_parameters().value("financing.partition", days[0]))
    newest = (days[0] - date(1970, 1, 1)).days
    born = pl.Series("dr", newest - chance.integers(0, 95 * 365, people), dtype=pl.Int32).cast(pl.Date)
    places = pl.Series("places", [f"{number:03d}" for number in range(_PLACES)])
    members = pl.DataFrame(
        {
            "person": np.arange(people, dtype=np.uint32),
            "place": places.gather(chance.integers(0, _PLACES, people)),
            "w": chance.integers(1, 3, people),
            "dr": born,
        }
    ).with_columns(
        insured_from=pl.lit(days[0] - timedelta(days=4000)),
        insured_to=pl.lit(None, dtype=pl.Date),
        died_on=pl.lit(None, dtype=pl.Date),
    )
    known = [
        members.select("place", group=partition.group_expr(pl.col("w"), age_expr(pl.col("dr"), pl.lit(day))).cast(pl.Categorical))
        for day in days
    ]
    found: list[pl.DataFrame] = []

    def ours() -> None:
        found.append(norms.count(members, partition, days)[0])

    def rival() -> None:
        found.append(pl.concat([one.group_by("place", "group").len() for one in known]))

    ours()
    rival()
    mine, other = found
    counted = dict(mine.group_by("day").agg(pl.col("people").sum()).iter_rows())
    assert all(counted[day] == people for day in days)
    assert sorted(mine["people"].to_list()) == sorted(other["len"].to_list()), "the numbers differ"
    seconds: dict[str, list[float]] = {"ours": [], "polars": []}
    for _ in range(runs):
        seconds["ours"].append(timed(ours))
        seconds["polars"].append(timed(rival))
        found.clear()
    ratio = statistics.median([own / other for own, other in zip(seconds["ours"], seconds["polars"], strict=True)])
    print(f"{people} insured x {MONTHS} months, one thread, medians of {runs} runs")
    for name, values in seconds.items():
        print(f"{name:<8}{statistics.median(values):>8.2f} s   spread {spread(values):.2f}")
    print(f"{'yes' if ratio <= MOST else 'NO '} {ratio:.2f} of a bare group-by of polars, {MOST} wanted")
    return 0 if ratio <= MOST else 1
