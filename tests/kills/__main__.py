"""`python -m tests.kills [--kills N] [--seed S]`: commands killed at random moments, one table of what was left of them."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.kills import harness
from tests.kills.harness import Tally


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 where anything was lost, doubled, unsaid or not proven."""
    parser = argparse.ArgumentParser(prog="tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20220301)
    parser.add_argument("--folder", type=Path, default=None, help="where the workspaces lie; by default a temporary folder")
    given = parser.parse_args(arguments)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="omsclaims-kills-"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.monotonic()
    rng = random.Random(given.seed)
    scenes = harness.scenes(folder)
    usual = {scene.name: harness.undisturbed(scene, folder) for scene in scenes}
    tallies = {scene.name: Tally() for scene in scenes}
    for number, scene in enumerate(harness.drawn(scenes, given.kills, rng), 1):
        harness.kill_once(scene, usual[scene.name], rng, folder / "killed", tallies[scene.name])
        if number % 10 == 0:
            print(f"{number} of {given.kills} kills, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    told(scenes, usual, tallies, given.seed, time.monotonic() - started)
    if given.folder is None:
        shutil.rmtree(folder)
    problems = [problem for tally in tallies.values() for problem in tally.problems]
    for problem in problems:
        print(problem)
    return 1 if problems or any(tally.doubled for tally in tallies.values()) else 0


def told(
    scenes: list[harness.Scene], usual: dict[str, harness.Undisturbed], tallies: dict[str, Tally], seed: int, seconds: float
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
        for name in ("kills", "ended", "start", "inside", "committed", "doubled", "unsaid", "equal", "proven"):
            setattr(whole, name, getattr(whole, name) + getattr(tally, name))
    return whole


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
