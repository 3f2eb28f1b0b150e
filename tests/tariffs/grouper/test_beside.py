"""Which groups of one stay are paid: written cases (fixtures/grouper/beside.yaml), and the rule of control that asks the same."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from omsclaims import checks, messages
from omsclaims.tariffs.grouper.beside import SCHEMA, paid_groups
from omsclaims.tariffs.grouper.rules import rules
from tests.checks.checks_cases import build
from tests.tariffs.grouper.grouper_cases import read

WRITTEN: list[dict[str, Any]] = read("beside.yaml")
_STAYS = {
    "case_key": pl.Int64, "sl_key": pl.Int64, "ksg": pl.String, "price_kop": pl.Int64, "ds1": pl.String, "day": pl.Date,
    "date_1": pl.Date, "date_2": pl.Date, "days": pl.Int64,
}  # fmt: skip


def stays(parts: list[list[Any]], case_key: int = 1) -> pl.DataFrame:
    """Sub-cases of a stay as `paid_groups` takes them."""
    rows = []
    for number, (ksg, price, ds1, first, last) in enumerate(parts, 1):
        kopecks = None if price is None else int(price.replace(".", ""))
        rows.append((case_key, case_key * 100 + number, ksg, kopecks, ds1, last, first, last, max(1, (last - first).days)))
    return pl.DataFrame(rows, schema=_STAYS, orient="row")


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in WRITTEN])
def test_written_stay(case: dict[str, Any]) -> None:
    found = paid_groups(stays(case["stay"]))
    assert dict(found.schema) == SCHEMA
    assert found["reason"].to_list() == case["paid"]
    expected = [None if one == "unknown" else one != "none" for one in case["paid"]]
    assert found["paid"].to_list() == expected
    assert [number for number, one in enumerate(found["interrupted"], 1) if one] == case.get("interrupted", [])


def test_order_of_rows_does_not_show() -> None:
    together = pl.concat([stays(case["stay"], number) for number, case in enumerate(WRITTEN, 1)])
    forward = paid_groups(together)
    assert forward.equals(paid_groups(together.reverse()))
    assert forward["reason"].to_list() == [one for case in WRITTEN for one in case["paid"]]


def test_every_reason_has_a_case() -> None:
    written = {one for case in WRITTEN for one in case["paid"]}
    assert set(rules().beside) - written == {"antimicrobial_before_2026"}
    old = paid_groups(stays([["st36.013", "1.00", "J18.9", date(2025, 3, 2), date(2025, 3, 3)], ["st23.001", "2.00", "J18.9", date(2025, 3, 1), date(2025, 3, 8)]]))  # fmt: skip
    assert old["reason"].to_list() == ["antimicrobial_before_2026", "dearest"]
    assert old["sources"][0] == "grouper:antimicrobial_before_2026@2022-01-01"
    for lang in messages.LANGUAGES:
        assert all(messages.text(f"grouper.rule.{name}", lang) for name in rules().beside)


#: Stays on which the rule of control C121 and this function differ, and why.
DIFFER = {
    "a price is not known": "the rule looks at what was billed",
    "the treatment before is dearer than the birth": "the rule asks the pair in one direction alone",
    "the complication came after the birth": "the rule does not ask which came first",
}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in WRITTEN if case["name"] not in DIFFER])
def test_control_says_the_same(case: dict[str, Any]) -> None:
    """C121 (checks) judges billed groups by its own table: the two must not drift apart."""
    parts = [
        {"n_ksg": ksg, "sum_m": price, "ds1": ds1, "date_1": first, "date_2": last, "kd": max(1, (last - first).days)}
        for ksg, price, ds1, first, last in case["stay"]
    ]
    built = build([{"as": "stay", "sl": parts}], month="2026-03")
    found = checks.run_pass("registry", built.tables, built.context).filter(pl.col("rule") == "C121")
    unpaid = [f"s1.{number}" for number, one in enumerate(case["paid"], 1) if one == "none"]
    assert found["sl_id"].to_list() == unpaid
