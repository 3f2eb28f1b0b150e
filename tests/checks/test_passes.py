"""Passes as a whole: package and month alike, order of inputs, what was not executed, and overlaps against pairs counted one by one."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import combinations
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from omsclaims import checks
from omsclaims.checks import catalogue
from omsclaims.findings import ORDER
from tests.checks.checks_cases import AS_OF, CHILDREN, TEMPLATES, Built, build
from tests.checks.test_rules import FOLDER


def _all_registry_cases() -> list[dict[str, Any]]:
    """Every case of the registry pass that is written in fixtures, as one big month."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        for rule, written in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            if catalogue.rules()[rule].passes == ("registry",) and rule != "C220":
                found += [case for entry in written for case in entry.get("cases", [])]
    return found


def _packages(built: Built) -> list[tuple[str, dict[str, pl.DataFrame]]]:
    """The month as its packages, rows numbered from 0 in each table of a package, without `package`."""
    tables = built.tables
    of_case = tables["z_sl"].select(pl.col("_parent").alias("zap"), "package", pl.col("_row").alias("case"))
    zap_package = dict(of_case.select("zap", "package").iter_rows())
    packages: dict[str, dict[str, pl.DataFrame]] = {}
    for package in tables["file"]["package"]:
        zaps = [zap for zap, name in zap_package.items() if name == package]
        part: dict[str, pl.DataFrame] = {"file": tables["file"].filter(pl.col("package") == package).drop("package")}
        rows = {"zap": tables["zap"].filter(pl.col("_row").is_in(zaps))}
        above = {"patient": "zap", "z_sl": "zap", "sl": "z_sl", "usl": "sl", **CHILDREN}
        rows["person"] = tables["person"].filter(pl.col("package") == package)
        for name, parent in above.items():
            rows[name] = tables[name].filter(pl.col("_parent").is_in(rows[parent]["_row"].to_list()))
        numbers = {name: {old: new for new, old in enumerate(frame["_row"])} for name, frame in rows.items()}
        for name, frame in rows.items():
            moved = frame.with_columns(pl.col("_row").replace_strict(numbers[name], return_dtype=pl.Int64))
            if name in above:
                moved = moved.with_columns(pl.col("_parent").replace_strict(numbers[above[name]], return_dtype=pl.Int64))
            part[name] = moved.drop("package", strict=False)
        packages[package] = part
    return list(packages.items())


def test_a_month_finds_what_its_packages_find() -> None:
    built = build(_all_registry_cases())
    month = checks.run_pass("registry", built.tables, built.context)
    alone = pl.concat([checks.check_registry(tables, built.context.books, AS_OF) for _, tables in _packages(built)])
    assert month.height > 100
    rows = ["z_row", "sl_row"]
    assert_frame_equal(month.drop(rows), alone.drop(rows).sort([name for name in ORDER if name not in rows], maintain_order=True))


def test_rows_point_at_the_case() -> None:
    built = build([{}, {"as": "stay", "sl": {"profil": 999}}])
    found = checks.run_pass("registry", built.tables, built.context)
    assert found.select("rule", "z_row", "sl_row", "sl_id", "idcase", "n_zap", "line").rows() == [
        ("C220", built.keys[1], built.tables["sl"]["_row"][1], "s2.1", 2, 2, 2)
    ]


def test_order_of_rows_does_not_matter() -> None:
    cases = [{"as": name, "identified": {"person_key": f"p{number % 3}"}} for number, name in enumerate([*TEMPLATES, *TEMPLATES])]
    built = build(
        cases,
        registers={"reg_plan": [{"mo": "750001", "month": "2022-03", "line": "visit", "volume": 1, "since": date(2022, 1, 1)}]},
    )
    turned = {name: table.reverse() for name, table in built.tables.items()}
    for name in checks.PASSES:
        found = checks.run_pass(name, built.tables, built.context)
        assert_frame_equal(found, checks.run_pass(name, turned, built.context))
        if name in ("patient", "volumes"):
            assert found.height


def test_a_rule_the_agreement_switches_off_is_silent_and_said_so() -> None:
    built = build([{"case": {"sumv": "1.00"}}], disabled=["C095"])
    assert checks.run_pass("registry", built.tables, built.context).is_empty()
    reasons = {rule: (done, reason) for rule, done, reason in checks.executed("registry", built.tables, built.context)}
    assert reasons["C095"] == (False, "agreement")
    assert reasons["C096"] == (True, "")
    assert "соглашением" in checks.reason_text("agreement", "ru")


def test_without_c135_an_equal_stay_is_an_overlap() -> None:
    cases = [{"as": "stay", "identified": {"person_key": "A"}}] * 2
    assert checks.run_pass("patient", *_tables(build(cases)))["rule"].to_list() == ["C135"]
    assert checks.run_pass("patient", *_tables(build(cases, disabled=["C135"])))["rule"].to_list() == ["C138"]


def _tables(built: Built) -> tuple[dict[str, pl.DataFrame], Any]:
    return built.tables, built.context


def test_what_was_not_executed() -> None:
    built = build([{"as": "vmp"}])
    reasons = {rule: reason for rule, done, reason in checks.executed("registry", built.tables, built.context)}
    assert reasons["C043"] == "book:M001"
    assert reasons["C130"] == reasons["C131"] == "book:V019"
    assert "V018" in reasons["C220"]
    assert "V002" not in reasons["C220"]
    assert "M001" in checks.reason_text(reasons["C043"], "en")
    assert checks.reason_text("", "en") == ""
    without = {name: table for name, table in built.tables.items() if name != "reg_licence"}
    case = {rule: (done, reason) for rule, done, reason in checks.executed("case", without, built.context)}
    assert case["C180"] == (False, "table:reg_licence")
    assert checks.run_pass("case", without, built.context).is_empty()
    package = dict(_packages(built))
    (tables,) = package.values()
    alone = {rule: done for rule, done, _ in checks.executed_registry(tables, built.context.books)}
    assert alone["C084"] and not alone["C043"]


def test_a_book_loaded_in_part_proves_nothing() -> None:
    from dataclasses import replace

    built = build([{"sl": {"prvs": 77}}], books={"V021": [{"code": "76"}]})
    books = built.context.books
    assert checks.run_pass("registry", built.tables, built.context)["rule"].to_list() == ["C220"]
    built.context.books = books.with_books({"V021": replace(books.require("V021"), complete=False)})
    assert checks.run_pass("registry", built.tables, built.context).is_empty()


def test_an_empty_package() -> None:
    built = build([{}])
    empty = {name: table.clear() for name, table in built.tables.items()}
    for name in checks.PASSES:
        assert checks.run_pass(name, empty, built.context).is_empty()
    assert checks.check_registry({}, built.context.books, AS_OF).is_empty()


def test_an_unknown_pass() -> None:
    built = build([{}])
    with pytest.raises(ValueError, match="no pass"):
        checks.run_pass("patients", built.tables, built.context)


def test_a_package_of_an_unlawful_name_is_checked_by_its_first_letter() -> None:
    built = build([{"sl": {"ds1": "C50.1"}}])
    ((_, tables),) = _packages(built)
    tables["file"] = tables["file"].with_columns(filename=pl.lit("hospital registry"))
    found = checks.check_registry(tables, built.context.books, AS_OF)
    assert found.select("rule", "package").rows() == [("C238", "hospital registry")]


# ---------------------------------------------------------------- overlaps against pairs

STAY = st.tuples(st.sampled_from("AB"), st.integers(1, 20), st.integers(0, 6), st.sampled_from(["stay", "day"]))


def _case(stay: tuple[str, int, int, str], number: int) -> dict[str, Any]:
    person, start, length, kind = stay
    begin = date(2022, 3, start)
    return {
        "as": kind,
        "identified": {"person_key": person},
        "case": {"date_z_1": begin, "date_z_2": begin + timedelta(days=length)},
        "sl": {"date_1": begin, "date_2": begin + timedelta(days=length), "profil": number + 1},  # no two are equal (C135)
    }


def _overlap(a: tuple[str, int, int, str], b: tuple[str, int, int, str]) -> bool:
    """The predicate word for word: a.begin <= b.end - 1 day and b.begin + 1 day <= a.end, for one person."""
    return a[0] == b[0] and a[1] <= b[1] + b[2] - 1 and b[1] + 1 <= a[1] + a[2]


@given(st.lists(STAY, min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_overlaps_in_the_month_are_those_of_the_pairs(stays: list[tuple[str, int, int, str]]) -> None:
    built = build([_case(stay, number) for number, stay in enumerate(stays)])
    found = checks.run_pass("patient", built.tables, built.context)
    numbered = list(enumerate(stays, 1))
    hospital = [item for item in numbered if item[1][3] == "stay"]
    later = set()
    for one, two in combinations(hospital, 2):
        first, second = sorted((one, two), key=lambda item: (item[1][1], item[0]))
        if _overlap(first[1], second[1]):
            later.add(second[0])
    days = {n for n, stay in numbered if stay[3] == "day" and any(_overlap(other, stay) for _, other in hospital)}
    assert set(found.filter(rule="C138")["idcase"]) == later
    assert set(found.filter(rule="C139")["idcase"]) == days


@given(st.lists(STAY, min_size=1, max_size=6), st.lists(STAY, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_overlaps_with_history_are_those_of_the_pairs(
    stays: list[tuple[str, int, int, str]], earlier: list[tuple[str, int, int, str]]
) -> None:
    history = [
        {
            "person_key": person, "idcase": number, "sl_id": str(number), "usl_ok": 1 if kind == "stay" else 2,
            "date_1": date(2022, 3, start), "date_2": date(2022, 3, start) + timedelta(days=length), "profil": 150 + number,
        }
        for number, (person, start, length, kind) in enumerate(earlier)
    ]  # fmt: skip
    built = build([_case(stay, number) for number, stay in enumerate(stays)], history=history)
    found = checks.run_pass("history", built.tables, built.context)
    met = [(n, stay[3], other[3]) for n, stay in enumerate(stays, 1) for other in earlier if _overlap(other, stay)]
    assert set(found.filter(rule="C138")["idcase"]) == {n for n, now, then in met if now == then == "stay"}
    assert set(found.filter(rule="C139")["idcase"]) == {n for n, now, then in met if now != then}


def test_a_person_with_thousands_of_stays() -> None:
    """Bad data must not turn into pairs: 3000 stays of one person have 4.5 million of them."""
    one = build([_case(("A", 1, 6, "stay"), 1)])
    tables = dict(one.tables)
    number = pl.int_range(3000, dtype=pl.Int64)
    for name, keys in {
        "zap": ("_row",),
        "patient": ("_row", "_parent"),
        "z_sl": ("_row", "_parent"),
        "sl": ("_row", "_parent"),
        "identified": ("case_key",),
    }.items():
        tables[name] = pl.concat([one.tables[name]] * 3000).with_columns(number.alias(key) for key in keys)
    tables["sl"] = tables["sl"].with_columns(profil=number)
    tables["person"] = one.tables["person"]
    found = checks.run_pass("patient", tables, one.context)
    assert found["rule"].unique().to_list() == ["C138"]
    assert found.height == 2999


def test_a_payer_is_an_insurer_or_a_fund() -> None:
    """SCHET/PLAT holds a code of F002, or of F010 where the registry is sent to the fund."""
    books: dict[str, list[dict[str, Any]]] = {"F002": [{"code": "75001"}]}
    for payer, wrong in (("75001", 0), ("75", 0), (None, 0), ("75999", 1), ("00", 1)):
        built = build([{"file": {"plat": payer}}], books=books)
        found = checks.run_pass("registry", built.tables, built.context)
        assert found.filter(pl.col("element") == "SCHET/PLAT").height == wrong, payer


def test_groups_are_not_judged_without_a_workbook() -> None:
    """An empty table of computed groups is no proof: the rule says that the book is not there."""
    built = build([{"as": "stay"}])
    reasons = {rule: (done, reason) for rule, done, reason in checks.executed("case", built.tables, built.context)}
    assert reasons["C110"] == (False, "book:KSG.ST.GROUPER, KSG.DS.GROUPER")
    built = build([{"as": "stay", "grouped": {"ksg": "st23.001"}}])
    reasons = {rule: (done, reason) for rule, done, reason in checks.executed("case", built.tables, built.context)}
    assert reasons["C110"] == (True, "")
