"""How long does it take, and how sure is that? One call timed, rounds of several in turn, medians and the noise around them."""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


def run_count(text: str) -> int:
    """The option `--runs`: two or more, or there would be no spread to judge a figure by."""
    runs = int(text)
    if runs < 2:
        raise argparse.ArgumentTypeError("two runs or more")
    return runs


def timed(function: Callable[[], Any]) -> float:
    """Seconds of one call."""
    gc.collect()
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def spread(values: Sequence[float]) -> float:
    """Distance of the middle half: what the machine's noise does to a figure."""
    quarters = statistics.quantiles(values, n=4, method="inclusive")
    return quarters[2] - quarters[0]


@dataclass
class Rounds:
    """Seconds of several functions that ran in turn, round by round, and the processor seconds they took."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    busy: dict[str, list[float]] = field(default_factory=dict)

    def ratios(self, slower: str, faster: str) -> list[float]:
        """How many times faster one is than the other, round by round."""
        return [one / other for one, other in zip(self.seconds[slower], self.seconds[faster], strict=True)]

    def work(self, more: str, less: str) -> float:
        """The same ratio of processor seconds (median): what is left of it on a machine that others keep busy."""
        return statistics.median(one / other for one, other in zip(self.busy[more], self.busy[less], strict=True))

    def median(self, name: str) -> float:
        """Median seconds of one function."""
        return statistics.median(self.seconds[name])

    def cores(self, name: str) -> float:
        """Processor seconds per second: how many cores a function kept busy (median)."""
        return statistics.median(busy / seconds for busy, seconds in zip(self.busy[name], self.seconds[name], strict=True))


def in_turn(functions: Mapping[str, Callable[[], Any]], runs: int) -> Rounds:
    """Runs all functions once to warm up, then `runs` rounds of all of them in turn."""
    for function in functions.values():
        function()
    rounds = Rounds({name: [] for name in functions}, {name: [] for name in functions})
    for _ in range(runs):
        for name, function in functions.items():
            before = time.process_time()
            rounds.seconds[name].append(timed(function))
            rounds.busy[name].append(time.process_time() - before)
    return rounds
