"""`python -m tests.kills [--kills N] [--seed S]`: commands killed at random moments, one table of what was left of them."""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.kills import harness
from tests.kills.harness import Tally, Undisturbed


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 where anything was lost, doubled, unsaid or not proven."""
    parser = argparse.ArgumentParser(prog="tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20220301)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--minutes", type=float, default=1e6, help="no further kill after so many minutes; the table says how many"
    )
    parser.add_argument("--folder", type=Path, default=None, help="where the workspaces lie; by default a temporary folder")
    given = parser.parse_args(arguments)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="omsclaims-kills-"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.monotonic()
    harness.prepare(folder)
    scenes = harness.scenes(folder)
    usual = {scene.name: harness.undisturbed(scene, folder) for scene in scenes}
    tallies = {scene.name: Tally() for scene in scenes}
    order = [scene.name for scene in harness.drawn(scenes, given.kills, random.Random(given.seed))]
    jobs = [(folder, given.seed, number, name, usual[name]) for number, name in enumerate(order)]
    with ProcessPoolExecutor(given.processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        done = {pool.submit(harness.killed, *job): job for job in jobs}
        for number, one in enumerate(as_completed(done), 1):
            name, tally = one.result()
            add(tallies[name], tally)
            if number % 10 == 0:
                seconds = time.monotonic() - started
                print(f"{number} of {given.kills} kills, {seconds:.0f} s", file=sys.stderr, flush=True)
            if time.monotonic() - started > given.minutes * 60:
                pool.shutdown(cancel_futures=True)
                break
    told(scenes, usual, tallies, given.seed, time.monotonic() - started)
    if given.folder is None:
        shutil.rmtree(folder)
    problems = [problem for tally in tallies.values() for problem in tally.problems]
    for problem in problems:
        print(problem)
    return 1 if problems or any(tally.doubled for tally in tallies.values()) else 0


def add(whole: Tally, part: Tally) -> None:
    """Counts of a part to those of the whole."""
    for name in ("kills", "ended", "start", "inside", "committed", "doubled", "unsaid", "equal", "proven"):
        setattr(whole, name, getattr(whole, name) + getattr(part, name))
    whole.problems += part.problems


def told(
    scenes: list[harness.Scene], usual: dict[str, Undisturbed], tallies: dict[str, Tally], seed: int, seconds: float
) -> None:
    """The table."""
    names = ("seconds", "kills", "before", "inside", "after", "lost", "doubled", "unsaid", "equal", "proven")
    print(f"kills -9 of commands, seed {seed}, {seconds:.0f} s")
    print(f"{'command':<18}" + "".join(f"{name:>9}" for name in names))
    rows = [(scene.name, usual[scene.name].seconds, tallies[scene.name]) for scene in scenes]
    for name, usually, tally in [*rows, ("all", 0.0, summed(tallies))]:
        lost = tally.kills - tally.equal
        numbers = (
            tally.kills, tally.start, tally.inside, tally.committed, lost, tally.doubled, tally.unsaid, tally.equal, tally.proven,
        )  # fmt: skip
        print(f"{name:<18}{usually:>9.2f}" + "".join(f"{number:>9}" for number in numbers))
    print(
        "before, inside, after: the transaction. lost: the digest after the same command again is not that of an undisturbed run."
    )
    print(f"{summed(tallies).ended} commands had ended when they were to be killed.")


def summed(tallies: dict[str, Tally]) -> Tally:
    """All commands together."""
    whole = Tally()
    for tally in tallies.values():
        add(whole, tally)
    return whole


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
