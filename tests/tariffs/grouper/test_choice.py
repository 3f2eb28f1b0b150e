"""Does every rule of the choice do what an economist wrote down (fixtures/grouper/choice.yaml)?"""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from omsclaims import messages
from omsclaims.tariffs.grouper import path
from omsclaims.tariffs.grouper.grouping import group
from omsclaims.tariffs.grouper.rules import rules
from tests.tariffs.grouper.grouper_cases import RATE_KOP, case_table, groupers, read

WRITTEN: list[dict[str, Any]] = read("choice.yaml")
_SAID = ("name", "candidates", "group", "decided", "rules", "prices", "boundary", "first")


def decided(case: dict[str, Any]) -> tuple[dict[str, Any], pl.DataFrame]:
    """The row of `grouped` of a written case, and its candidates."""
    line = {name: value for name, value in case.items() if name not in _SAID}
    before = [{"case": line["case"], **case["first"]}] if "first" in case else []
    cases = case_table(*before, line)

    def prices_of(asked: pl.DataFrame) -> pl.DataFrame:
        if "prices" in case:
            known = pl.DataFrame(
                [{"ksg": ksg, "price_kop": int(text.replace(".", ""))} for ksg, text in case["prices"].items()],
                schema={"ksg": pl.String, "price_kop": pl.Int64},
            )
            return asked.select("sl_key", "ksg").join(known, on="ksg")
        kinds = {grouper.kind: grouper for grouper in groupers()}
        return kinds[asked["payment_kind"][0]].weight_prices(asked, RATE_KOP)

    found = group(cases, groupers(), prices_of)
    last = found["grouped"].filter(pl.col("sl_key") == len(before) + 1)
    return last.to_dicts()[0], found["group_candidates"].filter(pl.col("sl_key") == len(before) + 1)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in WRITTEN])
def test_written_case(case: dict[str, Any]) -> None:
    row, candidates = decided(case)
    assert candidates["ksg"].to_list() == case["candidates"]
    assert (row["ksg"], row["decided"], row["rules"] or "") == (case["group"], case["decided"], case.get("rules", ""))
    assert candidates.filter("chosen")["ksg"].to_list() == ([case["group"]] if case["group"] else [])
    assert row["tied"] == (case["decided"] == "code")
    for lang in messages.LANGUAGES:
        said = path.lines(row, candidates, lang)
        assert len(said) == len(case["candidates"]) + 1
        assert case["group"] is None or said[-1].startswith(case["group"])
        assert "None" not in "".join(said)


def test_every_rule_has_cases_both_ways() -> None:
    """Each exception and priority: a case that it decides, and one that has a candidate of its groups and is not decided by it."""
    held = {name for case in WRITTEN for name in (case.get("rules") or "").split(";") if name}
    asked = {name for name, _, _ in rules().choices()}
    written_for_day = {"immunisation_2"}  # the twin of immunisation_1 with another criterion
    assert held | written_for_day == asked
    by_name = {case["name"]: case for case in WRITTEN}
    assert all(case.get("boundary", True) is True for case in WRITTEN)
    assert len(by_name) == len(WRITTEN)


def test_immunisation_2_is_the_twin_of_immunisation_1() -> None:
    first, second = rules().exceptions["immunisation_1"], rules().exceptions["immunisation_2"]
    changed = second.model_copy(update={"groups": first.groups, "criteria": first.criteria})
    assert changed == first
    assert second.criteria == ("irs2", "irs2")


def test_rules_have_references_and_words() -> None:
    for name in [*rules().exceptions, *rules().priorities, *rules().beside]:
        row = rules().dated(name)
        assert row.reference
        for lang in messages.LANGUAGES:
            assert messages.text(f"grouper.rule.{name}", lang)


def test_sources_name_workbook_and_rules() -> None:
    row, _ = decided(next(case for case in WRITTEN if case.get("rules") == "caesarean;operation"))
    assert row["sources"] == "book:KSG/ksg_inpatient@2026;grouper:caesarean@2026-01-01;grouper:operation@2026-01-01"
    assert row["edition"] == "ksg_inpatient 2026"
