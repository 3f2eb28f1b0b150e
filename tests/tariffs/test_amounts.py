from __future__ import annotations

from fractions import Fraction

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.money import round_fraction
from omsclaims.tariffs.amounts import amounts, decimals


def test_decimals_stand_in_the_name() -> None:
    assert [decimals(name) for name in ("rate4", "kz5", "outer10", "quantity2", "group_kop")] == [4, 5, 10, 2, 2]


def test_nulls_stay_null_and_absurd_rows_are_flagged() -> None:
    table = pl.DataFrame(
        {
            "rate4": [10_000, None, 10_000, 10**17, 10_000, 10_000],
            "kz5": [150_000, 100_000, -100_000, 10**9, 100_000, 100_000],
            "step_kop": [1, 1, 1, 1, None, 100],
        }
    )
    found = amounts(table, [("rate4", "kz5")])
    assert found["amount_kop"].to_list() == [150, None, None, None, None, 100]
    assert found["out_of_bounds"].to_list() == [False, False, True, True, False, False]


def test_no_rows() -> None:
    table = pl.DataFrame(schema={"rate4": pl.Int64(), "step_kop": pl.Int64()})
    assert amounts(table, [("rate4",)]).height == 0


row = st.tuples(st.integers(0, 10**11), st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([1, 10, 100]))


@settings(max_examples=100, deadline=None)
@given(st.lists(row, min_size=1, max_size=30))
def test_sums_of_products_are_exact_with_a_step_of_the_row(rows: list[tuple[int, int, int, int]]) -> None:
    table = pl.DataFrame(
        rows, schema={"rate4": pl.Int64(), "kz5": pl.Int64(), "kd5": pl.Int64(), "step_kop": pl.Int64()}, orient="row"
    )
    found = amounts(table, [("rate4", "kz5"), ("rate4", "kd5", "kz5")])["amount_kop"].to_list()
    for (rate, kz, kd, step), amount in zip(rows, found, strict=True):
        exact = Fraction(rate * kz, 10**9) + Fraction(rate * kd * kz, 10**14)
        assert amount == round_fraction(exact * 100, step)
