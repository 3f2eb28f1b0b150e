"""Does the comparison of benchmarks name what got slower, and only that? And do the rivals do the same work?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import __main__ as runner
from benchmarks import rivals, subjects
from omsclaims import money


def result(name: str, ratio: float, spread: float, size: int = 10_021, runs: int = 5) -> dict[str, Any]:
    return {"name": name, "size": size, "ratio": ratio, "ratio_spread": spread, "runs": runs}


def test_what_got_slower_than_its_noise_is_named() -> None:
    before = {"results": [result("read", 2.0, 0.1), result("check", 0.5, 0.05), result("price", 0.1, 0.01)]}
    after = {"results": [result("read", 2.15, 0.1), result("check", 0.7, 0.05, size=10_500), result("price", 0.05, 0.01)]}
    named = runner.slower(before, after)
    assert len(named) == 1
    assert named[0].startswith("check at 10500: ratio 0.500 -> 0.700")


def test_what_was_not_run_is_named_and_too_few_runs_prove_nothing() -> None:
    before = {"results": [result("read", 2.0, 0.1), result("month", 1.0, 0.1, size=100_100)]}
    assert runner.slower(before, {"results": [result("read", 2.0, 0.1)]}) == ["month at about 10^6: in the baseline, not run"]
    with pytest.raises(SystemExit, match="5 runs or more"):
        runner.slower(before, {"results": [result("read", 2.0, 0.1, runs=3)]})


def test_subjects_and_rivals_run_in_turn_and_ratios_are_of_one_round() -> None:
    calls: list[str] = []
    subject = subjects.Subject("s", 10, lambda: calls.append("own"), lambda: calls.append("rival"), "r")
    (measured,) = runner.measure([subject], 5)
    assert calls == ["own", "rival", *["rival", "own"] * 5]
    assert len(measured["ratios"]) == 5
    assert measured["ratio"] == sorted(measured["ratios"])[2]


def test_the_rival_reads_every_value() -> None:
    data = "<ZL_LIST><ZAP><N_ZAP>1</N_ZAP><Z_SL><A>x</A></Z_SL></ZAP><ZAP><N_ZAP>2</N_ZAP></ZAP></ZL_LIST>".encode("cp1251")
    assert rivals.tuned_iterparse([data, data]) == 6


def test_the_decimal_rival_gives_the_same_kopecks() -> None:
    factors = np.array([[3369465630, 1, 7], [93_000, 100_000, 5], [105_000, 100_000, 50_000]], dtype=np.int64)
    assert rivals.decimal_prices(factors, 14) == int(money.exact_amounts([money.Term(tuple(factors), 14)]).sum())
