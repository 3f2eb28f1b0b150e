"""The official workbooks of 2026: every fortieth row here, all of them in `make grouper`; and what the spec says about them."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import polars as pl
import pytest

from benchmarks.grouper_reference import Plain, by_weight
from omsclaims.nsi import Book
from omsclaims.tariffs.grouper import Grouper, candidates, compile_grouper
from omsclaims.tariffs.grouper.book import SETTINGS
from omsclaims.tariffs.grouper.rules import rules
from tests.grouper.__main__ import EXPECTED, WORKBOOKS, books, longest_criterion, unreachable
from tests.grouper.fabricate import fabricated


@cache
def _loaded() -> dict[str, Book]:
    if not WORKBOOKS.is_dir():
        pytest.skip(f"../shared is not here: {WORKBOOKS}")
    return books()


@cache
def _grouper(setting: str) -> Grouper:
    loaded = _loaded()
    return compile_grouper(loaded[f"KSG.{setting}.GROUPER"], loaded[f"KSG.{setting}.GROUPS"])


@pytest.mark.parametrize("setting", list(SETTINGS))
def test_rows_find_their_own_group(setting: str) -> None:
    grouper = _grouper(setting)
    assert not grouper.problems
    assert grouper.rows.height == EXPECTED[setting]
    cases, own = fabricated(_loaded()[f"KSG.{setting}.GROUPER"], grouper.kind)
    part = pl.col("sl_key") % 40 == 7
    found = candidates(cases.filter(part), grouper)
    asked = own.filter(part)
    assert asked.join(found, left_on=["sl_key", "own"], right_on=["sl_key", "ksg"], how="anti").height == 0
    assert asked.height > 500
    reference = Plain(grouper.rows.iter_rows(named=True), by_weight({}, Decimal(1)), indexed=True)
    wanted = {(case["sl_key"], ksg) for case in cases.filter(part).to_dicts()[:300] for ksg in reference.candidates(case)}
    first = sorted(asked["sl_key"])[:300]
    assert set(found.filter(pl.col("sl_key").is_in(first)).select("sl_key", "ksg").iter_rows()) == wanted


def test_what_no_file_can_say() -> None:
    never = {setting: unreachable(_grouper(setting), longest_criterion())["ksg"].to_list() for setting in SETTINGS}
    assert never == {
        "ST": ["st15.022", "st36.049", "st37.027", "st37.028", "st37.029", "st37.031", "st37.032", "st37.033", "st37.034", "st37.035"],
        "DS": ["ds37.017", "ds37.018", "ds37.019"],
    }  # fmt: skip


def test_rules_name_groups_that_the_workbooks_have() -> None:
    """A group that is misspelt in a rule would silently hold for nothing."""
    known = {name for setting in SETTINGS for name in _grouper(setting).groups}
    table = rules()
    named = [code for _, row, _ in table.choices() for code in (*row.groups, *row.if_possible, *row.unless_possible)]
    named += [
        code for row in table.beside.values() for code in (*row.either, *row.both, *row.before, *row.after) if row.until is None
    ]
    missing = {
        code for code in {*named, *table.norm_days.groups} if not any(one == code or one.startswith(code) for one in known)
    }
    assert not missing
    services = {row["service"] for setting in SETTINGS for row in _grouper(setting).rows.to_dicts()}
    births = {code for row in table.exceptions.values() for code in (*row.services_any, *row.services_none)}
    assert births <= services
