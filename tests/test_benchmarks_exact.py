"""Do the rivals of exact amounts do the same work?"""

from __future__ import annotations

import pytest

from benchmarks import exact
from omsclaims.money import amounts_or_flags


@pytest.mark.parametrize("shape", exact.shapes(500), ids=lambda shape: shape.name)
def test_the_rivals_compute_the_same_amounts(shape: exact.Shape) -> None:
    amounts, flags = amounts_or_flags(shape.terms)
    assert not flags.any()
    assert exact.in_decimal(shape.terms) == amounts.tolist()
    assert abs(exact.in_float(shape) - amounts).max() <= 1  # float64 may be a kopeck off


def test_the_family_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert exact.main(["--rows", "1000", "--decimal-rows", "100", "--splits", "50", "--runs", "2"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("product of 6", "law 8.2", "law 9.1", "shares: 50 splits"))
