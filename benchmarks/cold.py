"""How long does a user wait for one package? `omsclaims check` in a fresh process, and the first one ever, which compiles.

`python -m benchmarks cold`: a package of 1 MB of XML, and one that is 1 MB when packed (seven times as much XML), checked again
and again, each time by a new process; bytecode, compiled kernels and files are in their caches, as after any first run. Then the
same with an empty cache of compiled kernels: what is printed, and how long it takes; and after `omsclaims warmup`.
Exit code 1 where the median of the first package is above 1.5 seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import files
from benchmarks.timing import run_count, spread

RESULTS: Final = Path(__file__).parent / "results"
WORK: Final = Path("build") / "bench" / "cold"
MOST_SECONDS: Final = 1.5
MEGABYTE: Final = 1_000_000
_SHOWN_LINES: Final = 6
_BAD_SHARE: Final = 0.01  # something to list, but not in every record
_TRY: Final = 400  # records of the package that tells how many are wanted


@dataclass(frozen=True)
class Run:
    """One command run: seconds, exit code, what it printed on the error stream."""

    seconds: float
    code: int
    errors: str
    output: str


def package(records: int) -> tuple[Path, int]:
    """A package of cases and persons, `records` of each, and the bytes of XML in it."""
    main, person = (files.made(files.Spec(kind, records=records, bad_share=_BAD_SHARE)) for kind in ("H", "L"))
    path = WORK / f"{main.path.parent.name}" / f"{main.path.stem}.zip"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as opened:
            for made in (main, person):
                opened.write(made.path, made.path.name)
        os.replace(part, path)
    return path, main.truth.bytes + person.truth.bytes


def packages() -> dict[str, Path]:
    """Both packages, by what is 1 MB of them."""
    path, size = package(_TRY)
    by_xml = round(_TRY * MEGABYTE / size)
    by_zip = round(_TRY * MEGABYTE / path.stat().st_size)
    return {"1 MB of XML": package(by_xml)[0], "1 MB packed": package(by_zip)[0]}


def environment(kernels: Path) -> dict[str, str]:
    """As at a user's: bytecode is kept; compiled kernels in `kernels`."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str((WORK / "bytecode").resolve()), "NUMBA_CACHE_DIR": str(kernels.resolve())}


def command(arguments: Sequence[str], environ: Mapping[str, str]) -> Run:
    """`omsclaims` with arguments, in a new process, as the installed script starts it."""
    script = "import sys; from omsclaims.cli import main; sys.exit(main())"
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, env=dict(environ), check=False
    )
    return Run(time.perf_counter() - start, done.returncode, done.stderr, done.stdout)


def fresh(name: str) -> Path:
    """An empty folder for compiled kernels."""
    folder = WORK / "kernels" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def check(path: Path, kernels: Path) -> Run:
    """A check of one package. Raises SystemExit where it did not come to an end."""
    run = command(["check", str(path)], environment(kernels))
    if run.code not in (0, 1):
        raise SystemExit(f"omsclaims check {path} ended with {run.code}: {run.errors}")
    return run


def told(label: str, run: Run) -> None:
    """A run of the first ever kind: how long, and what it said on the way."""
    print(f"{label:<66}{run.seconds:>8.2f} s")
    for line in run.errors.splitlines()[:_SHOWN_LINES]:
        print(f"    | {line}")


def first_ever(found: Mapping[str, Path]) -> dict[str, float]:
    """Runs with no compiled kernels at all, and after `omsclaims warmup`."""
    seconds = {}
    for what, path in found.items():
        run = check(path, fresh("first"))
        told(f"first check ever, {what}", run)
        seconds[f"first {what}"] = run.seconds
    kernels = fresh("warmup")
    run = command(["warmup"], environment(kernels))
    if run.code != 0:
        print(f"omsclaims warmup ended with {run.code}: {run.errors.strip()[:200]}")
        return seconds
    told("omsclaims warmup", run)
    for line in run.output.splitlines()[:_SHOWN_LINES]:
        print(f"    | {line}")
    seconds["warmup"] = run.seconds
    for what, path in found.items():
        run = check(path, kernels)
        told(f"first check after warmup, {what}", run)
        seconds[f"after warmup {what}"] = run.seconds
    return seconds


def main(arguments: Sequence[str]) -> int:
    """`python -m benchmarks cold`."""
    parser = argparse.ArgumentParser(prog="benchmarks cold", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=run_count, default=7)
    given = parser.parse_args(arguments)
    found = packages()
    kernels = fresh("warm")
    for path in found.values():
        check(path, kernels)  # fills the caches
    seconds: dict[str, list[float]] = {what: [] for what in found}
    for _ in range(given.runs):
        for what, path in found.items():
            seconds[what].append(check(path, kernels).seconds)
    print(f"omsclaims check, a process for each, {given.runs} runs in turn")
    print(f"{'package':<16}{'bytes':>10}{'median s':>10}{'spread':>8}{'wanted':>8}")
    for number, (what, path) in enumerate(found.items()):
        wanted = f"{MOST_SECONDS:>8.1f}" if number == 0 else ""
        runs = seconds[what]
        print(f"{what:<16}{path.stat().st_size:>10}{statistics.median(runs):>10.2f}{spread(runs):>8.2f}{wanted}")
    first = first_ever(found)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "last-cold.json"
    path.write_text(json.dumps({"seconds": seconds, "first": first}, indent=1) + "\n", encoding="utf-8")
    print(f"kept in {path}")
    return 0 if statistics.median(next(iter(seconds.values()))) <= MOST_SECONDS else 1
