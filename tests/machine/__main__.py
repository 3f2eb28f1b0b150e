"""Do the books and states of two funds stay true in ten thousand random lives? (Rules 115-145; law.md 10.8, 11)

    python -m tests.machine [--runs 10000] [--steps 20] [--seed 1] [--processes 2]

Prints how often each thing happened; exit code 1 and the seed of the run when something that must hold did not.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from random import Random

from tests.machine.events import step
from tests.machine.world import new_world

STEPS = 20
_BLOCK = 50
_SAID = 10  # blocks between two lines of progress


def run(seed: int, steps: int = STEPS) -> Counter[str]:
    """One life of two funds: `steps` events drawn from the seed. Returns what happened; AssertionError where a rule broke."""
    rng = Random(f"machine {seed}")
    world = new_world(rng)
    for _ in range(steps):
        step(world, rng)
    world.check(rng, everything=True)
    return world.done


def _block(first: int, count: int, steps: int) -> tuple[Counter[str], list[str]]:
    happened: Counter[str] = Counter()
    broken = []
    for seed in range(first, first + count):
        try:
            happened += run(seed, steps)
        except Exception:  # everything that goes wrong is told with its seed
            broken.append(f"seed {seed}:\n{traceback.format_exc()}")
    return happened, broken


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="machine", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    start = time.perf_counter()
    blocks = [(first, min(_BLOCK, given.runs - first)) for first in range(0, given.runs, _BLOCK)]
    happened: Counter[str] = Counter()
    broken: list[str] = []
    done = 0
    with ProcessPoolExecutor(given.processes) as pool:
        jobs = [pool.submit(_block, given.seed + first, count, given.steps) for first, count in blocks]
        for number, (job, (_, count)) in enumerate(zip(jobs, blocks, strict=True), 1):
            counts, wrong = job.result()
            happened += counts
            broken += wrong
            for text in wrong:  # at once: the rest may take half an hour
                print(text, file=sys.stderr, flush=True)
            done += count
            if number % _SAID == 0:
                print(f"{done:>9,} runs, {time.perf_counter() - start:,.0f} s, {len(broken)} broken", flush=True)
    for name, count in sorted(happened.items(), key=lambda one: (-one[1], one[0])):
        print(f"{name:<36}{count:>12,}")
    print(f"{given.runs:,} runs of {given.steps} steps in {time.perf_counter() - start:,.0f} s: {len(broken)} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
