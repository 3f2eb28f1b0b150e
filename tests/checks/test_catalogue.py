"""What a rule may say of itself, and what the catalogue as a whole must hold."""

from __future__ import annotations

import csv
from datetime import date
from typing import Any

import polars as pl
import pytest

from omsclaims.checks import catalogue
from omsclaims.checks.catalogue import CatalogueError, Parameters, Rule
from tests.checks.checks_cases import build
from tests.conftest import SHARED

RAW: dict[str, Any] = {
    "pass": "registry", "level": "case", "code": "1.4.4", "old_code": "5.1.4", "element": "ZAP/Z_SL/RSLT", "reference": "a test",
}  # fmt: skip


def _rule(**changed: Any) -> Rule:
    return catalogue._rule("C999", "result", {**RAW, **changed})


@pytest.mark.parametrize(
    ("changed", "scope"),
    [
        ({}, "case"),
        ({"level": "file"}, "file"),
        ({"level": "sl"}, "sub-case"),
        ({"level": "usl"}, "service"),
        ({"pass": "patient"}, "patient"),
        ({"pass": "patient", "also": ["history"]}, "history"),
        ({"pass": "volumes"}, "period"),
        ({"pass": "person", "scope": "period"}, "period"),
    ],
)
def test_scope_is_declared_or_derived(changed: dict[str, Any], scope: str) -> None:
    assert _rule(**changed).scope == scope


@pytest.mark.parametrize(
    "changed",
    [
        {"scope": "region"},
        {"level": "element"},  # has no scope of its own
        {"same_as": ["006F.1040"]},
        {"cascade": "clinic"},
        {"pass": "night"},
        {"code": 1.5},
        {"wrong_key": 1},
        {"parameters": {"years": [{"since": date(2022, 1, 1), "value": 1, "sure": "unconfirmed"}]}},  # would be lost
        {"parameters": {"years": [{"since": date(2022, 1, 1), "value": 1}, {"since": date(2021, 1, 1), "value": 2}]}},
    ],
)
def test_what_contradicts_itself_is_no_rule(changed: dict[str, Any]) -> None:
    with pytest.raises(CatalogueError, match="C999"):
        _rule(**changed)


def test_a_rule_holds_on_its_dates() -> None:
    rule = _rule(since=date(2020, 4, 1), until=date(2021, 5, 24))
    days = pl.DataFrame({"day": [date(2020, 3, 31), date(2020, 4, 1), date(2021, 5, 24), date(2021, 5, 25), None]})
    holds = rule.holds(pl.col("day"))
    assert holds is not None
    assert days.select(holds)["day"].to_list() == [False, True, True, False, False]
    assert _rule().holds(pl.col("day")) is None


def test_a_dated_rule_over_tables_is_silent_outside_its_dates() -> None:
    """C066 is a function over tables: it looks at all dates, its dates are kept for it."""
    from omsclaims import checks

    child_doctor = {"sl": {"prvs": 21}}
    built = build(
        [child_doctor, {**child_doctor, "case": {"date_z_2": date(2019, 10, 31)}}, {**child_doctor, "case": {"date_z_2": None}}]
    )
    found = checks.run_pass("registry", built.tables, built.context).filter(rule="C066")
    assert [built.keys.index(row) + 1 for row in found["z_row"]] == [1]


def test_no_official_row_is_said_to_be_found_by_two_rules_of_one_level() -> None:
    """A row may be split between rules (C217 and structure), but then both name it on purpose: the list is short and known."""
    owners: dict[str, list[str]] = {}
    for rule in catalogue.rules().values():
        for row in rule.same_as:
            owners.setdefault(row, []).append(rule.id)
    shared = {row: sorted(rules) for row, rules in owners.items() if len(rules) > 1}
    assert all(len(rules) <= 2 for rules in shared.values()), shared


def test_named_official_rows_are_there() -> None:
    book = SHARED / "spec" / "check_rules_all.csv"
    if not book.exists():
        pytest.skip("../shared is not here: check_rules_all.csv")
    with book.open(encoding="utf-8", newline="") as opened:
        known = {row["ID_TEST"] for row in csv.DictReader(opened) if row["table"] in ("Q015", "Q016")}
    for rule in catalogue.rules().values():
        for row in rule.same_as:
            assert row in known, (rule.id, row)


def test_rows_of_the_control_catalogue() -> None:
    """Every rule with a number of the control catalogue is a row of it; nothing is covered twice."""
    book = SHARED / "spec" / "checks.csv"
    if not book.exists():
        pytest.skip("../shared is not here: checks.csv")
    with book.open(encoding="utf-8", newline="") as opened:
        rows = {row["id"] for row in csv.DictReader(opened)}
    declared = {name for name in catalogue.rules() if name in rows}
    covered = [row for rule in catalogue.rules().values() for row in rule.covers]
    assert set(covered) <= rows
    assert len(covered) == len(set(covered))
    assert not declared & set(covered)
    assert len(declared | set(covered)) >= 150


def test_parameters_are_those_of_the_day_of_care() -> None:
    values = {"years": (catalogue.Dated(date(2020, 1, 1), 60), catalogue.Dated(date(2022, 1, 1), 65))}
    parameters = Parameters("C999", values, "day")
    days = pl.DataFrame({"day": [date(2019, 12, 31), date(2020, 1, 1), date(2021, 12, 31), date(2022, 1, 1)]})
    assert days.select(parameters.number("years").alias("n"))["n"].to_list() == [None, 60, 60, 65]
    assert parameters.latest("years") == 65
    with pytest.raises(CatalogueError, match="no parameter"):
        parameters.number("months")
