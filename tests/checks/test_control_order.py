"""Do the rules of control find the same for any order of rows? Every written case that is caught, once more with all tables turned."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from omsclaims import checks
from omsclaims.checks import catalogue
from tests.checks.test_rules import WRITTEN, _build, _judged, _pass_of

CAUGHT = [
    pytest.param(rule, case, id=f"{rule}: {case['name']}")
    for rule, cases in WRITTEN.items()
    for case in cases
    if case["found"] and "cases" in case and not catalogue.rules()[rule].found_by
]


@pytest.mark.parametrize(("rule", "case"), CAUGHT)
def test_order_of_rows_does_not_show(rule: str, case: dict[str, Any]) -> None:
    built = _build(rule, case)
    turned = {table: rows.reverse() for table, rows in built.tables.items()}
    again = checks.run_pass(_pass_of(rule, case), turned, built.context)
    assert_frame_equal(_judged(rule, case).found.filter(pl.col("rule") == rule), again.filter(pl.col("rule") == rule))
