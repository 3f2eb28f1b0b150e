"""Frames of few files: which way of breaking a rule is named, and that each element of a row is found once."""

from __future__ import annotations

import polars as pl

from omsclaims.checks import catalogue
from omsclaims.checks.control.narrow import broken_rows, first_of, has, in_force
from omsclaims.checks.frames import View
from omsclaims.checks.rules import Broken, Run
from omsclaims.nsi import built_in_books
from tests.checks.checks_cases import AS_OF, build

RULE = catalogue.rules()["C203"]  # level sl, files C and T


def _frame(**columns: list[object]) -> pl.DataFrame:
    rows = len(next(iter(columns.values())))
    return pl.DataFrame({"sl_row": list(range(rows)), "file_kind": ["C"] * rows, **columns})


def test_the_first_way_names_element_and_value() -> None:
    frame = _frame(a=[None, 1, None], b=[None, None, 2])
    broken = first_of((pl.col("a").is_null(), "X/A", None), (pl.col("b").is_null(), "X/B", pl.col("a")))
    found = broken_rows(frame, RULE, broken)
    assert found.select("sl_row", "element", "value").rows() == [(0, "X/A", None), (1, "X/B", "1"), (2, "X/A", None)]


def test_a_test_without_an_answer_is_no_breach() -> None:
    broken = first_of((pl.col("a") > 1, "X/A", pl.col("a")))
    assert broken_rows(_frame(a=[None, 1]), RULE, broken).is_empty()
    assert broken_rows(_frame(a=[None, 1]), RULE, Broken(pl.col("a") > 1)).is_empty()


def test_each_element_of_a_row_once_and_only_files_of_the_rule() -> None:
    frame = _frame(a=[1, 2, 3]).with_columns(sl_row=pl.Series([7, 7, 8]), file_kind=pl.Series(["C", "C", "H"]))
    assert broken_rows(frame, RULE, Broken(pl.col("a") > 0, value=pl.col("a"))).rows() == [(7, RULE.element, "1", "{}")]


def test_parents_with_a_row_below_them() -> None:
    built = build([{"as": "exam", "sl": {"naz": [{"naz_n": 1}, {"naz_n": 2, "naz_r": 3}]}}, {"as": "exam"}])
    run = Run(View(built.tables), built_in_books(), AS_OF, "registry")
    first = built.tables["sl"]["_row"][0]
    assert has(run, "naz", "sl_row", "sent").rows() == [(first, True)]
    assert has(run, "naz", "sl_row", "sent", pl.col("naz_r") == 1).is_empty()


def test_an_open_end_holds_on() -> None:
    day = pl.date(2022, 3, 10)
    rows = pl.DataFrame(
        {"valid_from": [None, "2022-03-10", "2022-03-11", "2020-01-01"], "valid_to": [None, None, None, "2022-03-09"]}
    )
    dated = rows.with_columns(pl.all().str.to_date(), day=day)
    assert in_force(dated, "day").height == 2
