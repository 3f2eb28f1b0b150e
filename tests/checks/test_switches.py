"""Rules that a region switches off or on: for all, for some clinics, for a time; what is said of it."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from omsclaims import checks
from omsclaims.checks import catalogue
from omsclaims.checks.switches import ALL_ON, switches
from omsclaims.findings import Finding, frame
from omsclaims.law.agreement import Control, RuleParameter, RuleSwitch
from omsclaims.periods import Month
from tests.checks.checks_cases import AS_OF, Built, build

MARCH = Month(2022, 3)
WRONG: dict[str, Any] = {"case": {"sumv": "1.00"}}
OTHER: dict[str, Any] = {**WRONG, "file": {"code_mo": "750002"}, "case": {"sumv": "1.00", "lpu": "750002"}}


def _found(built: Built, rule: str = "C095", name: str = "registry") -> list[int]:
    found = checks.run_pass(name, built.tables, built.context).filter(rule=rule)
    return sorted(built.keys.index(row) + 1 for row in found["z_row"])


def _said(built: Built, rule: str = "C095", name: str = "registry") -> tuple[bool, str]:
    return next((done, reason) for one, done, reason in checks.executed(name, built.tables, built.context) if one == rule)


def test_a_rule_off_for_a_clinic_leaves_the_others() -> None:
    built = build([WRONG, OTHER], disabled=[{"rule": "C095", "mo": ["750001"]}])
    assert _found(built) == [2]
    assert _said(built) == (True, "off_for:750001")
    assert "750001" in checks.reason_text("off_for:750001", "ru")


def test_off_for_a_clinic_and_for_all_is_off_for_all() -> None:
    built = build([WRONG, OTHER], disabled=[{"rule": "C095", "mo": ["750001"]}, "C095"])
    assert _found(built) == []
    assert _said(built) == (False, "agreement")


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("2022-03-31", None, []),  # the last day of the reporting month decides
        ("2022-04-01", None, [1]),
        (None, "2022-03-31", []),
        (None, "2022-03-30", [1]),
        ("2022-03-01", "2022-03-31", []),
    ],
)
def test_a_switch_holds_for_reporting_months(since: str | None, until: str | None, found: list[int]) -> None:
    switch = {"rule": "C095", **({"since": since} if since else {}), **({"until": until} if until else {})}
    assert _found(build([WRONG], disabled=[switch])) == found


def test_a_rule_that_is_off_is_switched_on() -> None:
    case = {"as": "stay", "sl": {"ds1": "I63.0"}}
    other = {**case, "file": {"code_mo": "750002"}, "case": {"lpu": "750002"}}
    off = build([case, other])
    assert not catalogue.rules()["C060"].enabled
    assert (_found(off, "C060"), _said(off, "C060")) == ([], (False, "off"))
    on = build([case, other], enabled=["C060"])
    assert (_found(on, "C060"), _said(on, "C060")) == ([1, 2], (True, ""))
    for_one = build([case, other], enabled=[{"rule": "C060", "mo": ["750002"]}])
    assert (_found(for_one, "C060"), _said(for_one, "C060")) == ([2], (True, "on_for:750002"))
    again_off = build([case, other], enabled=["C060"], disabled=[{"rule": "C060", "mo": ["750002"]}])
    assert (_found(again_off, "C060"), _said(again_off, "C060")) == ([1], (True, "off_for:750002"))
    both = build(
        [case, other], enabled=[{"rule": "C060", "mo": ["750001", "750002"]}], disabled=[{"rule": "C060", "mo": ["750002"]}]
    )
    assert _said(both, "C060") == (True, "off_for:750002|on_for:750001, 750002")
    assert checks.reason_text("off_for:750002|on_for:750001, 750002", "en").count("; ") == 1


def test_a_package_alone_is_checked_by_the_switches_of_its_month() -> None:
    built = build([WRONG])
    tables = {name: table.drop("package", strict=False) for name, table in built.tables.items()}
    books = built.context.books
    switch = RuleSwitch(rule="C095", since=date(2022, 3, 1), until=date(2022, 3, 31), why="a test")
    control = Control(disabled_rules=(switch,))
    assert checks.check_registry(tables, books, AS_OF)["rule"].to_list() == ["C095"]
    assert checks.check_registry(tables, books, AS_OF, control).is_empty()
    later = {**tables, "file": tables["file"].with_columns(month=pl.lit(4, dtype=pl.Int64))}
    assert checks.check_registry(later, books, AS_OF, control).height == 1
    unread = {**tables, "file": tables["file"].with_columns(month=pl.lit(None, dtype=pl.Int64))}
    assert checks.package_switches(unread, control) == ALL_ON
    reasons = {rule: reason for rule, _, reason in checks.executed_registry(tables, books, control)}
    assert reasons["C095"] == "agreement"


def test_findings_of_intake_go_when_the_agreement_of_the_month_switches_their_rule_off() -> None:
    built = build([WRONG, OTHER], disabled=[{"rule": "C095", "mo": ["750001"]}])
    packages = built.tables["file"]["package"].to_list()
    found = frame([Finding(rule, package=package) for rule in ("C095", "S.902") for package in packages])
    kept = checks.switched(found, built.tables, built.context)
    assert kept.select("rule", "package").rows() == [("C095", packages[1]), ("S.902", packages[0]), ("S.902", packages[1])]


def test_a_disabled_cascade_takes_nothing_along() -> None:
    cases = [
        {"as": "stay", "sl": {"nhistory": "7"}, "identified": {"person_key": "A"}},
        {"sl": {"date_1": date(2022, 3, 8), "date_2": date(2022, 3, 8), "nhistory": "7"}, "identified": {"person_key": "A"}},
    ]
    assert _found(build(cases, refused=[1]), "K.1", "patient") == [2]
    assert _found(build(cases, refused=[1], disabled=["K.1"]), "K.1", "patient") == []


def test_a_cascade_of_persons_takes_a_stay_and_the_stay_its_lines() -> None:
    cases = [
        {"patient": {"id_pac": "A"}},
        {"as": "stay", "patient": {"id_pac": "A"}, "sl": {"nhistory": "7"}, "identified": {"person_key": "A"}},
        {
            "patient": {"id_pac": "B"}, "sl": {"date_1": date(2022, 3, 8), "date_2": date(2022, 3, 8), "nhistory": "7"},
            "identified": {"person_key": "A"},
        },
    ]  # fmt: skip
    built = build(cases, refused=[1], grounds={1: "1.5"}, enabled=["C224"])
    found = checks.run_pass("patient", built.tables, built.context)
    assert sorted(zip(found["rule"], (built.keys.index(row) + 1 for row in found["z_row"]), strict=True)) == [
        ("C224", 2),
        ("K.1", 3),
    ]


def test_nothing_switched_is_all_on() -> None:
    assert switches((), (), MARCH) == ALL_ON
    past = SimpleNamespace(rule="C095", mo=(), holds=lambda day: False)
    assert switches([past], [past], MARCH) == ALL_ON


# ---------------------------------------------------------------- parameters of the region

REFERRED: dict[str, Any] = {"as": "day", "case": {"npr_date": date(2021, 12, 31)}}


def _own(rule: str, name: str, since: str, value: object) -> dict[str, object]:
    return {"rule": rule, "name": name, "since": since, "value": value}


def test_a_region_sets_a_parameter_from_a_date_on() -> None:
    """A referral of 31.12.2021 for a stay from 01.03.2022: three months in the catalogue, two in the region."""
    assert _found(build([REFERRED], enabled=["C088"]), "C088") == []
    assert _found(build([REFERRED], enabled=["C088"], parameters=[_own("C088", "months", "2022-03-08", "2")]), "C088") == [1]
    later = [_own("C088", "months", "2022-03-09", "2")]  # the last day of care is the 8th
    assert _found(build([REFERRED], enabled=["C088"], parameters=later), "C088") == []
    back = [_own("C088", "months", "2022-03-08", "4"), _own("C088", "months", "2022-01-01", "2")]
    assert _found(build([REFERRED], enabled=["C088"], parameters=back), "C088") == []


def test_a_value_of_the_region_takes_the_form_of_the_catalogue() -> None:
    own = RuleParameter.model_validate({**_own("C061", "profiles", "2022-01-01", ["17", "18"]), "why": "a test"})
    applied = switches((), (), MARCH, [own]).applied(catalogue.rules()["C061"])
    assert applied.parameters.latest("profiles") == [17, 18]
    assert [dated.value for dated in catalogue.rules()["C061"].parameters.by_name["profiles"]] != [[17, 18]]


@pytest.mark.parametrize(
    ("value", "form", "found"),
    [
        ("7", 5, 7),
        (7, 5, 7),
        (["1.5"], ["1.4"], ["1.5"]),
        (["7"], [1], [7]),
        ([["C00", "C97"]], [["A00", "B99"]], [["C00", "C97"]]),
        ({"1": ["3", "4"]}, {2: [5]}, {1: [3, 4]}),
        ([], [1], []),
    ],
)
def test_form_of_a_value(value: object, form: object, found: object) -> None:
    assert catalogue.shaped(value, form) == found


@pytest.mark.parametrize(
    ("value", "form"), [("x", 5), ("-7", 5), (["7"], 5), ("7", [5]), ({}, {1: [2]}), (None, 5), ([None], [5]), ("1", [["A"]])]
)
def test_what_has_not_the_form(value: object, form: object) -> None:
    with pytest.raises(catalogue.CatalogueError):
        catalogue.shaped(value, form)


def test_what_is_wrong_with_a_parameter() -> None:
    assert checks.rule_problem("C999", None, None) == "unknown_rule"
    assert checks.rule_problem("C088", None, None) == ""
    assert checks.rule_problem("C088", "weeks", "2") == "unknown_parameter"
    assert checks.rule_problem("C088", "months", "two") == "parameter_form"
    assert checks.rule_problem("C088", "months", "2") == ""
