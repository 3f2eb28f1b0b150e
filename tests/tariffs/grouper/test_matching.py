"""Does the compiled grouper find what a plain loop over the rows finds, with the compiler on and off, in any order of cases?"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from benchmarks.grouper_reference import Plain, by_weight
from omsclaims.tariffs.grouper import Grouper, candidates, compile_grouper, decide
from omsclaims.tariffs.grouper.cases import SCHEMA
from tests.grouper.fabricate import fabricated
from tests.tariffs.grouper.grouper_cases import RATE_KOP, book, books, groupers

ST, DS = groupers()
SEED = 20_260_301


def plain(grouper: Grouper, indexed: bool = False) -> Plain:
    """The plain reference over the same rows."""
    weights = {row["group"]: Decimal(row["weight5"]) / 100_000 for row in grouper.table.iter_rows(named=True)}
    return Plain(grouper.rows.iter_rows(named=True), by_weight(weights, Decimal(RATE_KOP) / 100), indexed)


def mixed(grouper: Grouper, count: int, seed: int) -> list[dict[str, Any]]:
    """Random cases whose values come from the rows of a workbook, so that many match in part and several at once."""
    source = random.Random(seed)
    rows = grouper.rows.to_dicts()

    def some(column: str, most: int) -> list[str]:
        held = [row[column] for row in source.sample(rows, min(len(rows), 12)) if row[column]]
        return [concrete(code) for code in held[: source.randint(0, most)]]

    def concrete(code: str) -> str:
        if "-" in code and not code.startswith("fr"):
            return source.choice([code[:3], code[4:], f"{code[:3]}.9", f"{code[4:]}.0"])
        return f"{code[0]}{source.randint(0, 99):02d}.{source.randint(0, 9)}" if code.endswith(".") and len(code) == 2 else code

    made = []
    for key in range(count):
        row = source.choice(rows)
        fitting = source.random() < 0.7
        years = source.choice([0, 0, 1, 2, 17, 18, 20, 21, 60])
        days_old = source.choice([0, 28, 29, 90, 91, 300]) if years == 0 else years * 366
        made.append({
            "sl_key": key, "case_key": key, "payment_kind": grouper.kind, "day": date(2026, 5, 5),
            "ds1": concrete(row["ds1"]) if row["ds1"] and fitting else (some("ds1", 1) or ["Y95"])[0],
            "ds2": some("ds2", 3) + ([concrete(row["ds2"])] if row["ds2"] and fitting else []),
            "ds3": some("ds3", 2) + ([row["ds3"]] if row["ds3"] and fitting else []),
            "services": some("service", 4) + ([row["service"]] * 2 if row["service"] and fitting else []),
            "criteria": some("criterion", 2) + ([row["criterion"]] if row["criterion"] and fitting else []) + some("fractions", 1),
            "fractions": source.choice([None, 1, 5, 6, 7, 32, 33, 99, 120]), "w": source.randint(1, 2),
            "age_years": years, "age_days": days_old, "days": source.choice([1, 3, 4, 10, 11, 20, 21, 29, 30, 31, 60]),
            "rslt": source.choice([101, 102, 105]), "first_of_stay": source.random() < 0.8,
        })  # fmt: skip
    return made


def pairs(found: pl.DataFrame) -> set[tuple[int, str, int]]:
    """(case, group, № of the first row)."""
    return set(found.select("sl_key", "ksg", "number").iter_rows())


def expected(made: list[dict[str, Any]], grouper: Grouper) -> set[tuple[int, str, int]]:
    """The same by the plain loop."""
    reference = plain(grouper)
    return {
        (case["sl_key"], ksg, min(row["number"] for row in rows))
        for case in made
        for ksg, rows in reference.candidates(case).items()
    }


@pytest.mark.parametrize("grouper", [ST, DS], ids=["ST", "DS"])
def test_same_as_the_plain_loop(grouper: Grouper) -> None:
    made = mixed(grouper, 3_000, SEED)
    found = candidates(pl.DataFrame(made, schema=SCHEMA), grouper)
    assert pairs(found) == expected(made, grouper)
    assert found.height > 1_000
    assert found.select("case", "group").equals(found.select("case", "group").sort("case", "group"))


def test_same_choice_as_the_plain_reference() -> None:
    """Polytrauma is not in the reference: its cases stand in fixtures/grouper/choice.yaml."""
    made = [case for case in mixed(ST, 3_000, SEED + 1) if "plt" not in case["criteria"]]
    cases = pl.DataFrame(made, schema=SCHEMA)
    found = candidates(cases, ST)
    chosen, _ = decide(cases, found, ST.weight_prices(found, RATE_KOP), ST)
    reference = plain(ST, indexed=True)
    for case, (ksg, price) in zip(made, chosen.select("ksg", "price_kop").iter_rows(), strict=True):
        wanted = reference.group(case)
        assert (ksg, price) == ((None, None) if wanted is None else (wanted[0], int(wanted[1] * 100)))


def test_the_plain_reference_finds_the_same_with_an_index() -> None:
    made = mixed(ST, 500, SEED + 2)
    whole, indexed = plain(ST), plain(ST, indexed=True)
    for case in made:
        assert whole.candidates(case).keys() == indexed.candidates(case).keys()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_order_of_cases_does_not_show(seed: int, count: int) -> None:
    made = mixed(ST, count, seed)
    forward = candidates(pl.DataFrame(made, schema=SCHEMA), ST)
    backward = candidates(pl.DataFrame(made[::-1], schema=SCHEMA), ST)
    assert_frame_equal(forward.drop("case"), backward.drop("case").sort("sl_key", "ksg"))
    alone = pl.concat([candidates(pl.DataFrame([case], schema=SCHEMA), ST) for case in made])
    assert_frame_equal(forward.drop("case"), alone.drop("case"))


def test_more_candidates_than_there_was_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = pl.DataFrame(mixed(ST, 400, SEED), schema=SCHEMA)
    whole = candidates(made, ST)
    monkeypatch.setattr("omsclaims.tariffs.grouper.matching._ROOM", 0)
    assert_frame_equal(candidates(made, ST), whole)


def test_no_cases() -> None:
    none = pl.DataFrame([], schema=SCHEMA)
    found = candidates(none, ST)
    assert found.height == 0
    chosen, shown = decide(none, found, found.select("sl_key", "ksg", price_kop="number"), ST)
    assert (chosen.height, shown.height) == (0, 0)


def test_every_row_of_the_small_workbook_finds_its_group() -> None:
    for setting, grouper in zip(("ST", "DS"), (ST, DS), strict=True):
        cases, own = fabricated(books()[f"KSG.{setting}.GROUPER"], grouper.kind)
        found = candidates(cases, grouper)
        assert own.join(found, left_on=["sl_key", "own"], right_on=["sl_key", "ksg"], how="anti").height == 0


def test_rows_that_cannot_be_read_are_said_and_left_out() -> None:
    rows = [
        {"code": "st01.001", "number": "1", "ds1": "J18.9"}, {"code": "st01.002", "number": "2", "ds1": "J18.9", "age": "9"},
        {"code": "st01.003", "number": "3", "ds1": "j18"}, {"code": "st01.004", "number": "4", "ds1": "J18.9", "fractions": "fr1-2"},
    ]  # fmt: skip
    made = compile_grouper(book("KSG.ST.GROUPER", rows), book("KSG.ST.GROUPS", [{"code": "st01.001", "koef_z": "100000"}]))
    assert [(one.rule, one.value, one.params["number"]) for one in made.problems] == [
        ("T.76", "9", 2), ("T.76", "j18", 3), ("T.76", "fr1-2", 4),
    ]  # fmt: skip
    case = fabricated(book("KSG.ST.GROUPER", rows[:1]), "ksg_inpatient")[0]
    assert candidates(case, made)["ksg"].to_list() == ["st01.001"]


def test_a_group_without_a_weight_has_no_price_and_is_not_free() -> None:
    rows = [{"code": "st01.001", "number": "1", "ds1": "J18.9"}, {"code": "st01.002", "number": "2", "ds1": "J18.9"}]
    made = compile_grouper(book("KSG.ST.GROUPER", rows), book("KSG.ST.GROUPS", [{"code": "st01.001", "koef_z": "100000"}]))
    assert made.table["weight5"].to_list() == [100_000, None]
    case = fabricated(book("KSG.ST.GROUPER", rows[:1]), "ksg_inpatient")[0]
    found = candidates(case, made)
    chosen, _ = decide(case, found, made.weight_prices(found, RATE_KOP), made)
    assert chosen.select("ksg", "decided", "candidates").row(0) == (None, "unpriced", 2)


_OFF = """
import sys
import polars as pl
from omsclaims.tariffs.grouper import candidates, decide, kernel
from tests.tariffs.grouper import test_matching as t
assert not hasattr(kernel.match, "py_func"), "the compiler is on"
made = pl.DataFrame(t.mixed(t.ST, 400, t.SEED), schema=t.SCHEMA)
found = candidates(made, t.ST)
chosen, shown = decide(made, found, t.ST.weight_prices(found, t.RATE_KOP), t.ST)
chosen.write_parquet(sys.argv[1])
shown.write_parquet(sys.argv[2])
"""


def test_the_same_with_the_compiler_off(tmp_path: Any) -> None:
    paths = [tmp_path / "chosen.parquet", tmp_path / "shown.parquet"]
    off = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", _OFF, *map(str, paths)], check=True, env=off)
    made = pl.DataFrame(mixed(ST, 400, SEED), schema=SCHEMA)
    found = candidates(made, ST)
    for table, path in zip(decide(made, found, ST.weight_prices(found, RATE_KOP), ST), paths, strict=True):
        assert_frame_equal(table, pl.read_parquet(path))
