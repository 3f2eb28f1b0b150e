"""Has every rule of control a defect, so that a new rule without one fails here; and does the proof see what differs?"""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from omsclaims import truth
from omsclaims.checks import catalogue
from tests.synthetic import planted
from tests.synthetic.synthetic_made import Made


def test_every_rule_of_the_catalogue_is_broken_in_march(made: Made) -> None:
    assert planted.uncovered(planted.defects_of(made.folder, planted.MARCH)) == []


def test_a_rule_without_a_defect_is_named() -> None:
    rules = dict(list(catalogue.rules().items())[:3])
    first, *others = sorted(rules)
    assert planted.uncovered(others, rules) == [first]
    assert planted.uncovered(rules, rules) == []


def test_a_rule_that_structure_finds_is_covered_by_structure() -> None:
    rule = replace(catalogue.rules()["C218"], found_by=("S.915",))
    assert planted.uncovered([], {"C218": rule}) == ["C218"]
    assert planted.uncovered(["S.915"], {"C218": rule}) == []


def _rows(*rules: str) -> pl.DataFrame:
    columns = {name: [""] * len(rules) for name in truth.KEY}
    rows = pl.DataFrame(
        {**columns, "month": ["2022-03"] * len(rules), "rule": list(rules)}, schema=dict.fromkeys(truth.KEY, pl.String)
    )
    return rows.with_columns(times=pl.lit(0, dtype=pl.Int64))


def _comparison(missing: tuple[str, ...] = (), surplus: tuple[str, ...] = (), money: tuple[str, ...] = ()) -> truth.Comparison:
    both = ("C001", "C001", "C002")
    return truth.Comparison(
        _rows(*both, *missing), _rows(*both, *surplus), _rows(*missing), _rows(*surplus), list(money), ["2022-03"]
    )


@pytest.mark.parametrize(
    ("differs", "shown"),
    [
        ({"missing": ("C002",)}, "missing: "), ({"surplus": ("C007",)}, "surplus: "),
        ({"money": ("2022-03 75901/750901 cases: 3 4",)}, "money: 2022-03 75901/750901 cases: 3 4"),
    ],
)  # fmt: skip
def test_any_difference_is_no_proof(differs: dict[str, tuple[str, ...]], shown: str) -> None:
    comparison = _comparison(**differs)
    assert not planted.agrees(comparison, [])
    assert any(line.startswith(shown) for line in planted.differences(comparison))


def test_a_rule_without_a_defect_is_no_proof() -> None:
    assert planted.agrees(_comparison(), [])
    assert not planted.agrees(_comparison(), ["C999"])


def test_the_table_has_four_numbers_a_seed_and_the_sums() -> None:
    first, second = planted.by_rule(_comparison(missing=("C002",))), planted.by_rule(_comparison(surplus=("C007",)))
    lines = [line.split() for line in planted.table({1: first, 2: second})]
    assert lines[1:] == [
        ["C001", "2", "2", "0", "0", "2", "2", "0", "0"],
        ["C002", "2", "1", "1", "0", "1", "1", "0", "0"],
        ["C007", "0", "0", "0", "0", "0", "1", "0", "1"],
        ["sum", "4", "3", "1", "0", "3", "4", "0", "1"],
    ]
