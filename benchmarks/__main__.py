"""Runs the benchmarks: `python -m benchmarks run | baseline | compare`, or one of those below.

run       times every subject beside its rival, interleaved, prints ratios and growth, keeps the result as JSON
baseline  the same, and stores the result as the baseline
compare   the same, and holds the ratios against the baseline: what got slower than its own noise is named, exit code 1

reading   how fast big registries of every kind are read, beside lxml         (options: `python -m benchmarks reading --help`)
memory    how much memory streaming to Parquet takes, and whether a bigger file takes longer per record
control   how long all check books and all rules of control take over a month with a year of history, beside merely reading it
growth    whether closing a month gets slower as the books grow: a year of 1.3 million cases a month
norms     how long it takes to count ten million insured by municipality, sex and age in twelve months, beside polars
exact     what exact sums of products and shares cost beside float64 and Decimal
whatif    how long it takes to price a month again under one changed base rate, beside a full run
grouper   how fast cases get their КСГ, beside plain Python with Decimal
cold      how long a check of one package takes from a cold start, and the first one ever
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import cold, control, exact, grouper, growth, memory, norms, reading, subjects, whatif
from benchmarks.timing import spread, timed

RESULTS = Path(__file__).parent / "results"
LAST = RESULTS / "last-run.json"
BASELINE = RESULTS / "baseline.json"
SIZES = (10_000, 100_000)
#: A comparison needs this many runs of each side to know its own noise.
MIN_RUNS = 5


def measure(group: Sequence[subjects.Subject], runs: int) -> list[dict[str, Any]]:
    """Times a group of subjects that share one rival: warm once, then rounds of rival and subjects in turn."""
    for subject in group:
        subject.run()
    group[0].rival()
    rival_seconds: list[float] = []
    seconds: dict[str, list[float]] = {subject.name: [] for subject in group}
    for _ in range(runs):
        rival_seconds.append(timed(group[0].rival))
        for subject in group:
            seconds[subject.name].append(timed(subject.run))
    results = []
    for subject in group:
        ratios = [own / rival for own, rival in zip(seconds[subject.name], rival_seconds, strict=True)]
        results.append(
            {
                "name": subject.name,
                "size": subject.size,
                "rival": subject.rival_name,
                "runs": runs,
                "seconds": seconds[subject.name],
                "rival_seconds": rival_seconds,
                "ratio": statistics.median(ratios),
                "ratio_spread": spread(ratios),
                "ratios": ratios,
                "us_per_case": statistics.median(seconds[subject.name]) / subject.size * 1e6,
            }
        )
    return results


def run_all(runs: int, sizes: Sequence[int]) -> dict[str, Any]:
    """All subjects at all sizes."""
    results = measure([subjects.exact_amount()], runs)
    for size in sizes:
        print(f"preparing {size} cases ...", file=sys.stderr, flush=True)
        results += measure(subjects.of_territory(subjects.prepare(size)), runs)
    return {"machine": {"python": platform.python_version(), "cpu": platform.machine()}, "runs": runs, "results": results}


def show(report: dict[str, Any]) -> None:
    """The table: time beside the rival (below 1 is faster), its spread, and time per case."""
    print(f"{'subject':<14}{'size':>9}{'median s':>10}{'rival s':>9}{'ratio':>8}{'spread':>8}{'µs/case':>9}  rival")
    for one in report["results"]:
        own, rival = statistics.median(one["seconds"]), statistics.median(one["rival_seconds"])
        print(
            f"{one['name']:<14}{one['size']:>9}{own:>10.3f}{rival:>9.3f}{one['ratio']:>8.3f}{one['ratio_spread']:>8.3f}"
            f"{one['us_per_case']:>9.1f}  {one['rival']}"
        )
    by_name: dict[str, list[dict[str, Any]]] = {}
    for one in report["results"]:
        by_name.setdefault(one["name"], []).append(one)
    for name, ones in by_name.items():
        if len(ones) > 1:
            first, last = min(ones, key=lambda one: one["size"]), max(ones, key=lambda one: one["size"])
            growth = last["us_per_case"] / first["us_per_case"] - 1
            print(f"time per case of {name}, {first['size']} -> {last['size']} cases: {growth:+.1%}")


def slower(baseline: dict[str, Any], report: dict[str, Any]) -> list[str]:
    """Subjects whose ratio rose by more than the noise of both sides. Fewer than MIN_RUNS runs prove nothing."""
    stored = {(one["name"], _magnitude(one["size"])): one for one in baseline["results"]}
    named = []
    for one in report["results"]:
        before = stored.get((one["name"], _magnitude(one["size"])))
        if before is None:
            print(f"{one['name']} at {one['size']}: not in the baseline", file=sys.stderr)
            continue
        if min(before["runs"], one["runs"]) < MIN_RUNS:
            raise SystemExit(f"a comparison needs {MIN_RUNS} runs or more on both sides")
        allowed = before["ratio_spread"] + one["ratio_spread"]
        if one["ratio"] > before["ratio"] + allowed:
            named.append(
                f"{one['name']} at {one['size']}: ratio {before['ratio']:.3f} -> {one['ratio']:.3f} (noise {allowed:.3f})"
            )
    missing = set(stored) - {(one["name"], _magnitude(one["size"])) for one in report["results"]}
    named.extend(f"{name} at about 10^{magnitude}: in the baseline, not run" for name, magnitude in sorted(missing))
    return named


def _magnitude(size: int) -> int:
    """Sizes are compared by order of magnitude: a few cases more or fewer are the same benchmark."""
    return len(str(size))


#: Families of benchmarks with options of their own.
FAMILIES: dict[str, Callable[[Sequence[str]], int]] = {
    "reading": reading.main,
    "memory": memory.main,
    "cold": cold.main,
    "control": control.main,
    "growth": growth.main,
    "exact": exact.main,
    "grouper": grouper.main,
    "norms": norms.main,
    "whatif": whatif.main,
}


def main() -> int:
    """Entry point."""
    if sys.argv[1:2] and sys.argv[1] in FAMILIES:
        return FAMILIES[sys.argv[1]](sys.argv[2:])
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("run", "baseline", "compare", *FAMILIES))
    parser.add_argument("--runs", type=int, default=MIN_RUNS)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    arguments = parser.parse_args()
    report = run_all(arguments.runs, arguments.sizes)
    show(report)
    RESULTS.mkdir(exist_ok=True)
    target = BASELINE if arguments.what == "baseline" else LAST
    target.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"kept in {target}")
    if arguments.what == "compare":
        named = slower(json.loads(BASELINE.read_text(encoding="utf-8")), report)
        for line in named:
            print(f"SLOWER: {line}")
        return 1 if named else 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
