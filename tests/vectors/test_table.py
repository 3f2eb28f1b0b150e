"""The table of published figures: every set with an expected value stands in it, and nothing is off."""

from __future__ import annotations

import pytest

from tests.vectors import test_tariffs
from tests.vectors.__main__ import expected_sets, held, table


def test_every_set_is_held_and_none_is_off() -> None:
    if not test_tariffs.VECTORS.exists():
        pytest.skip("../shared is not here: vectors.md is read from there")
    found = {name: (rows, off) for name, rows, _, _, off in table(held())}
    assert set(found) == set(expected_sets())
    assert sum(rows for rows, _ in found.values()) > 200
    assert not any(off for _, off in found.values())


def test_a_figure_that_is_off_is_counted() -> None:
    rows = [("S1 a", 100, "1.00", "0"), ("S1 b", 101, "1.00", "0.005"), ("S10 c", 5, "0.05", "0")]
    assert [(name, number, off) for name, number, _, _, off in table(rows)] == [("S1", 2, 1), ("S10", 1, 0)]
