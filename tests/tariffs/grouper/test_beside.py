"""Which groups of one stay are paid: written cases (fixtures/grouper/beside.yaml), and the rule of control that reads it."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in WRITTEN])
def test_control_refuses_what_is_not_paid(case: dict[str, Any]) -> None:
    """C121 (checks) reads what was decided here: all sub-cases are billed with a sum, and those that are not paid are refused."""
    decided = paid_groups(stays(case["stay"]))
    parts = [
        {
            "n_ksg": ksg, "sum_m": price, "ds1": ds1, "date_1": first, "date_2": last,
            "priced": {"beside": beside, "beside_group": dearest, "price_kop": 0 if beside == "none" else None},
        }
        for (ksg, price, ds1, first, last), beside, dearest in zip(
            case["stay"], decided["reason"], decided["dearest"], strict=True
        )
    ]  # fmt: skip
    built = build([{"as": "stay", "sl": parts}], month="2026-03")
    found = checks.run_pass("case", built.tables, built.context).filter(pl.col("rule") == "C121")
    assert found["sl_id"].to_list() == [f"s1.{number}" for number, one in enumerate(case["paid"], 1) if one == "none"]
    for row, named in zip(found["params"], decided.filter(~pl.col("paid"))["dearest"], strict=True):
        assert json.loads(row)["beside"] == named
