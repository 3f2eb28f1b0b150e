"""How fast is a big registry read? One and two threads, the portable kernel and unusual records, beside lxml, kind by kind.

`python -m benchmarks reading`: files of 200 MB are made (once), read and held against what was put in; then rounds of all
subjects and rivals in turn, in a process; the portable kernel, which is chosen at import, in a process of its own with rivals of
its own. A figure is the median over the rounds of one ratio. What must be reached stands in `MUSTS`; kinds other than H may fall
short of it by 30 %. Exit code 1 where a figure misses it.

`cores` is how many a subject kept busy, `by cpu` the ratio in processor seconds: the first tells a "one thread" that was more,
the second what is left of a figure while others use the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks import files, rivals
from benchmarks.accounts import Account
from benchmarks.timing import Rounds, in_turn, run_count, spread

RESULTS: Final = Path(__file__).parent / "results"
#: Share of the records that need the slow path in the file of unusual records.
SLOW_SHARE: Final = 0.01
#: What the figures of kinds other than H may fall short of those wanted.
ALLOWANCE: Final = 0.7


@dataclass(frozen=True)
class Must:
    """What is wanted of one ratio: the least that passes, and the aim."""

    least: float
    aim: float | None
    words: str


MUSTS: Final[dict[str, Must]] = {
    "one/iterparse": Must(10, 15, "one thread, times tuned iterparse"),
    "one/no-op": Must(2, 3, "one thread, times the lxml no-op pass"),
    "two/one": Must(1.5, 1.7, "two threads, times one"),
    "portable/iterparse": Must(6, None, "portable kernel, one thread, times tuned iterparse"),
    "slow/iterparse": Must(7, None, "1 % unusual records, one thread, times tuned iterparse"),
}


@dataclass(frozen=True)
class Figure:
    """One measured ratio: subject times faster than its rival."""

    kind: str
    name: str
    ratios: list[float]
    seconds: float
    rival_seconds: float
    megabytes: float
    cores: float
    work: float  # the ratio in processor seconds

    @property
    def found(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.ratios)

    @property
    def least(self) -> float:
        """What it must reach."""
        return MUSTS[self.name].least * (1 if self.kind == "H" else ALLOWANCE)

    @property
    def passed(self) -> bool:
        """Whether it does."""
        return self.found >= self.least


def read(path: Path, threads: int) -> int:
    """The subject: the file read batch by batch, everything looked at that a reader must look at. Returns rows and findings."""
    from omsclaims.registry import stream

    seen = 0
    for part in stream.batches(path, threads=threads):
        seen += sum(frame.height for frame in part.tables.values()) + part.findings.height
    return seen


def checked(made: files.Made, spec: files.Spec, threads: int = 1) -> list[str]:
    """What the reader found otherwise than it was put in."""
    from omsclaims.registry import stream

    account = Account()
    for part in stream.batches(made.path, threads=threads):
        if part.restart:
            account = Account()
        account.add(part.tables, part.findings)
    return account.differences(made.truth, spec.edition)


def record_of(kind: str) -> str:
    """The tag of a record."""
    return "PERS" if kind == "L" else "ZAP"


def lxml_rival(path: Path, kind: str) -> Callable[[], int]:
    """Tuned iterparse over one file."""
    return lambda: rivals.tuned_iterparse([path], record_of(kind))


def main_rounds(made: files.Made, kind: str, runs: int) -> Rounds:
    """Both rivals, one thread and two, in turn."""
    path = made.path
    return in_turn(
        {
            "iterparse": lxml_rival(path, kind),
            "no-op": lambda: rivals.no_op_pass(path),
            "one": lambda: read(path, 1),
            "two": lambda: read(path, 2),
        },
        runs,
    )


def beside_iterparse(made: files.Made, kind: str, runs: int) -> Rounds:
    """One thread and tuned iterparse, in turn."""
    return in_turn({"iterparse": lxml_rival(made.path, kind), "one": lambda: read(made.path, 1)}, runs)


def portable_rounds(spec: files.Spec, runs: int) -> Rounds:
    """As beside_iterparse, in a process that has chosen the portable kernel."""
    wanted = json.dumps({"spec": asdict(spec), "runs": runs})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.child", "reading", wanted], check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "OMSCLAIMS_KERNEL": "portable"},
    )  # fmt: skip
    return Rounds(**json.loads(done.stdout.splitlines()[-1]))


def _figure(kind: str, name: str, rounds: Rounds, subject: str, rival: str, megabytes: float) -> Figure:
    return Figure(
        kind,
        name,
        rounds.ratios(rival, subject),
        rounds.median(subject),
        rounds.median(rival),
        megabytes,
        rounds.cores(subject),
        rounds.work(rival, subject),
    )


def figures_of(spec: files.Spec, runs: int, *, full: bool) -> Iterator[Figure]:
    """All figures of one kind; `full`: with the portable kernel and the unusual records."""
    made, kind = files.made(spec), spec.kind
    size = made.truth.bytes / 1_000_000
    rounds = main_rounds(made, kind, runs)
    yield _figure(kind, "one/iterparse", rounds, "one", "iterparse", size)
    yield _figure(kind, "one/no-op", rounds, "one", "no-op", size)
    yield _figure(kind, "two/one", rounds, "two", "one", size)
    if full:
        yield _figure(kind, "portable/iterparse", portable_rounds(spec, runs), "one", "iterparse", size)
        slow = files.made(replace(spec, slow_share=SLOW_SHARE))
        rounds = beside_iterparse(slow, kind, runs)
        yield _figure(kind, "slow/iterparse", rounds, "one", "iterparse", slow.truth.bytes / 1_000_000)


def differences_of(wanted: files.Spec, *, full: bool) -> list[str]:
    """Whether the files of a kind are read as they were made, by one thread and by two."""
    found = []
    for share in (0.0, SLOW_SHARE) if full else (0.0,):
        spec = replace(wanted, slow_share=share)
        made = files.made(spec)
        for threads in (1, 2):
            found += [f"{spec.kind}, {threads} threads, {share:.0%} unusual: {line}" for line in checked(made, spec, threads)]
    return found


def line_of(figure: Figure) -> str:
    """One figure as a line of the table."""
    must = MUSTS[figure.name]
    aim = f"{must.aim:.1f}" if must.aim is not None and figure.kind == "H" else ""
    return (
        f"{figure.kind:<5}{must.words:<56}{figure.least:>8.1f}{aim:>7}{figure.found:>8.2f}{spread(figure.ratios):>8.2f}"
        f"{figure.megabytes / figure.seconds:>8.0f}{figure.megabytes / figure.rival_seconds:>8.0f}{figure.cores:>7.2f}"
        f"{figure.work:>8.2f}  {'yes' if figure.passed else 'NO'}"
    )


HEADING: Final = (
    f"{'kind':<5}{'ratio (median of the rounds)':<56}{'wanted':>8}{'aim':>7}{'found':>8}{'spread':>8}"
    f"{'MB/s':>8}{'rival':>8}{'cores':>7}{'by cpu':>8}  reached"
)


def main(arguments: Sequence[str]) -> int:
    """`python -m benchmarks reading`."""
    parser = argparse.ArgumentParser(prog="benchmarks reading", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size-mb", type=float, default=200, help="size of the files, in 10^6 bytes")
    parser.add_argument("--kinds", nargs="+", default=list(files.KINDS), choices=files.KINDS)
    parser.add_argument("--runs", type=run_count, default=5)
    parser.add_argument("--encoding", default="windows-1251", choices=("windows-1251", "utf-8"))
    parser.add_argument("--full", action="store_true", help="portable kernel and unusual records for all kinds, not for H alone")
    parser.add_argument(
        "--check-values", action=argparse.BooleanOptionalAction, default=True, help="hold what is read against what was put in"
    )
    given = parser.parse_args(arguments)
    found: list[Figure] = []
    wrong: list[str] = []
    print(HEADING, flush=True)
    for kind in given.kinds:
        full = given.full or kind == "H"
        spec = files.Spec(kind, given.size_mb, encoding=given.encoding)
        if given.check_values:
            wrong += differences_of(spec, full=full)
        for figure in figures_of(spec, given.runs, full=full):
            found.append(figure)
            print(line_of(figure), flush=True)
    for line in wrong:
        print(f"WRONG: {line}")
    if given.check_values and not wrong:
        print("rows, values, sums and findings of every file are what was put in, with one thread and with two")
    _keep(found, wrong)
    return 0 if all(figure.passed for figure in found) and not wrong else 1


def _keep(found: Sequence[Figure], wrong: Sequence[str]) -> None:
    """The result as JSON beside the others."""
    told: dict[str, Any] = {
        "wrong": list(wrong),
        "figures": [{**asdict(one), "found": one.found, "wanted": one.least} for one in found],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "last-reading.json"
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(f"kept in {path}")
