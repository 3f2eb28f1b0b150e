"""How much memory does streaming take, and does a bigger file take longer per record? 200 MB and 2 GB to Parquet, two threads.

`python -m benchmarks memory`: a process for every run, small and big in turn; peak resident memory as the kernel counted it, time
of the streaming alone. Exit code 1 where a peak is above 500 MB or the medians per record differ by more than 10 %.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import files
from benchmarks.timing import run_count, spread

RESULTS: Final = Path(__file__).parent / "results"
OUT: Final = Path("build") / "bench" / "parquet"
MOST_MB: Final = 500
MOST_DIFFERENCE: Final = 0.10
#: Bytes on disk for a byte of XML: the file itself, what is written of it, and some air.
_ROOM: Final = 1.5


@dataclass
class Series:
    """All runs over one file."""

    made: files.Made
    seconds: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)

    @property
    def per_record(self) -> list[float]:
        """Microseconds per record, run by run."""
        return [seconds / self.made.truth.records * 1e6 for seconds in self.seconds]


def one_run(series: Series, warm_up: Path, threads: int) -> None:
    """Streams the file in a process of its own."""
    for folder in (OUT, OUT.with_name(f"{OUT.name}-warm")):
        shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.child", "parquet", str(series.made.path), str(OUT), str(threads), str(warm_up)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    planted = sum(series.made.truth.findings.values())
    if (answer["records"], answer["findings"]) != (series.made.truth.records, planted):
        raise SystemExit(f"read {answer}, put in {series.made.truth.records} records with {planted} findings")
    series.seconds.append(answer["seconds"])
    series.peaks.append(answer["peak_mb"])
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.rmtree(OUT.with_name(f"{OUT.name}-warm"), ignore_errors=True)


def line_of(series: Series) -> str:
    """One series as a line of the table."""
    megabytes, seconds = series.made.truth.bytes / 1e6, statistics.median(series.seconds)
    return (
        f"{megabytes:>9.0f}{series.made.truth.records:>10}{max(series.peaks):>10.0f}{seconds:>10.2f}{megabytes / seconds:>8.0f}"
        f"{statistics.median(series.per_record):>13.2f}{spread(series.per_record):>9.2f}"
    )


HEADING: Final = f"{'MB':>9}{'records':>10}{'peak MB':>10}{'median s':>10}{'MB/s':>8}{'µs/record':>13}{'spread':>9}"


def main(arguments: Sequence[str]) -> int:
    """`python -m benchmarks memory`."""
    parser = argparse.ArgumentParser(prog="benchmarks memory", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes-mb", type=float, nargs=2, default=[200, 2000], help="sizes of both files, in 10^6 bytes")
    parser.add_argument("--kind", default="H", choices=[kind for kind in files.KINDS if kind != "L"])
    parser.add_argument("--runs", type=run_count, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="do not delete the larger file afterwards")
    given = parser.parse_args(arguments)
    files.WORK.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(files.WORK).free
    if free < sum(given.sizes_mb) * 1e6 * _ROOM:
        print(f"{free / 1e9:.1f} GB free are too few for files of {given.sizes_mb} MB", file=sys.stderr)
        return 2
    warm_up = files.made(files.Spec(given.kind, 1)).path
    both = [Series(files.made(files.Spec(given.kind, size))) for size in given.sizes_mb]
    for number in range(given.runs):
        for series in both if number % 2 == 0 else both[::-1]:
            one_run(series, warm_up, given.threads)
    if not given.keep:
        shutil.rmtree(both[1].made.path.parent)
    return told(both, given.threads)


def told(both: Sequence[Series], threads: int) -> int:
    """Prints the table and what is reached of it."""
    print(f"streaming to Parquet, {threads} threads, medians of {len(both[0].seconds)} runs in turn, a process for each")
    print(HEADING)
    for series in both:
        print(line_of(series))
    small, big = (statistics.median(series.per_record) for series in both)
    difference, peak = big / small - 1, max(max(series.peaks) for series in both)
    reached = peak <= MOST_MB and abs(difference) <= MOST_DIFFERENCE
    print(f"peak: {peak:.0f} MB, at most {MOST_MB} wanted: {'yes' if peak <= MOST_MB else 'NO'}")
    print(
        f"time per record, larger against smaller file: {difference:+.1%}, within {MOST_DIFFERENCE:.0%} wanted: "
        f"{'yes' if abs(difference) <= MOST_DIFFERENCE else 'NO'}"
    )
    RESULTS.mkdir(exist_ok=True)
    runs = [
        {"bytes": one.made.truth.bytes, "records": one.made.truth.records, "seconds": one.seconds, "peak_mb": one.peaks}
        for one in both
    ]
    path = RESULTS / "last-memory.json"
    path.write_text(json.dumps({"threads": threads, "difference": difference, "series": runs}, indent=1) + "\n", encoding="utf-8")
    print(f"kept in {path}")
    return 0 if reached else 1
