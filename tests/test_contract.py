"""Are frames held against the contract, and registers against what they must say?"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from omsclaims import contract


def advance(**changes: Any) -> dict[str, Any]:
    return {"month": "2022-03", "payer": "75901", "mo": "750901", "amount_kop": 100, "excepted": False, **changes}


def register(name: str, *rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=contract.TABLES[name].schema())


def test_every_register_says_what_may_be_empty() -> None:
    assert set(contract.MAY_BE_EMPTY) == {name for name in contract.TABLES if name.startswith("reg_")}
    for name, columns in contract.MAY_BE_EMPTY.items():
        assert columns <= set(contract.TABLES[name].schema())


def test_a_register_as_it_should_be_has_no_problems() -> None:
    assert contract.register_problems("reg_advance", register("reg_advance", advance(), advance(payer="75"))) == []
    clinic = {"mo": "750901", "name": "A", "valid_from": date(2020, 1, 1), "valid_to": None}
    assert contract.register_problems("reg_clinic", register("reg_clinic", clinic)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"month": None}, (2, "month", "empty")),
        ({"month": "2022-13"}, (2, "month", "code")),
        ({"payer": "a/b:c"}, (2, "payer", "code")),
        ({"mo": "../../x"}, (2, "mo", "code")),
        ({"amount_kop": None}, (2, "amount_kop", "empty")),
        ({}, (1, "", "twice")),
    ],
)
def test_a_row_that_would_be_lost_or_doubled_is_named(change: dict[str, Any], problem: tuple[int, str, str]) -> None:
    assert contract.register_problems("reg_advance", register("reg_advance", advance(), advance(**change))) == [problem]


def test_a_frame_off_the_contract_is_an_error() -> None:
    good = register("reg_advance", advance())
    assert contract.check("reg_advance", good.select(reversed(good.columns))).columns == good.columns
    with pytest.raises(AssertionError, match="columns missing"):
        contract.check("reg_advance", good.drop("mo"))
    with pytest.raises(AssertionError, match="wrong types"):
        contract.check("reg_advance", good.with_columns(amount_kop=pl.lit(1.0)))
