from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsclaims.registry import values


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("115.09", 11509), ("144782", 14478200), ("0.5", 50), ("-0.05", -5), ("007.10", 710), ("9999999999999.99", 999999999999999),
        ("115,09", None), ("115.090", None), ("1.", None), (".5", None), ("+1", None), (" 1", None), ("1e3", None), ("", None),
        ("1 000.00", None), ("12345678901234.00", None), ("１.00", None), ("1.00\n", None), ("NaN", None), ("--1", None),
    ],
)  # fmt: skip
def test_amounts(raw: str, value: int | None) -> None:
    assert values.parse_number(raw, 15, 2) == value
    assert values.parse_numbers(pl.Series([raw, None]), 15, 2, 2).to_list() == [value, None]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("2022-02-28", date(2022, 2, 28)), ("2024-02-29", date(2024, 2, 29)), ("2022-02-29", None), ("2022-13-01", None),
        ("2022-2-3", None), ("03.02.2022", None), ("2022-02-28 ", None), ("0000-01-01", None), ("2022-02-28\n", None), ("20220228", None),
    ],
)  # fmt: skip
def test_dates(raw: str, value: date | None) -> None:
    assert values.parse_date(raw) == value
    assert values.parse_dates(pl.Series([raw, None])).to_list() == [value, None]


def test_one_scale_for_editions_with_other_decimals() -> None:
    """KD is N(3) in H 3.1 and N(4.1) in H 3.2: tenths in both."""
    assert values.parse_numbers(pl.Series(["8"]), 3, 0, 1).to_list() == [80]
    assert values.write_numbers(pl.Series([80, 85]), 0, 1).to_list() == ["8", "8.5"]
    assert values.write_numbers(pl.Series([80, 85]), 1, 1).to_list() == ["8.0", "8.5"]


@given(st.text(alphabet="0123456789.,-+ e", max_size=20), st.integers(0, 5))
def test_columns_and_single_values_agree(raw: str, decimals: int) -> None:
    one = values.parse_number(raw, 15, decimals)
    assert values.parse_numbers(pl.Series([raw]), 15, decimals, decimals).to_list() == [one]
    if one is not None:
        assert Decimal(raw) == Decimal(one).scaleb(-decimals)


@given(st.integers(-(10**15), 10**15), st.integers(0, 5))
def test_numbers_survive_writing(value: int, scale: int) -> None:
    written = values.write_numbers(pl.Series([value]), scale, scale)[0]
    assert values.parse_number(written, 18, scale) == value


@given(st.dates())
def test_dates_survive_writing(value: date) -> None:
    assert values.parse_dates(values.write_dates(pl.Series([value]))).to_list() == [value]


@given(
    st.lists(st.one_of(st.none(), st.integers(-300, 300), st.integers(-(10**12), 10**12)), min_size=1, max_size=6),
    st.integers(1, 400), st.integers(0, 6), st.integers(0, 6),
)  # fmt: skip
def test_every_way_of_writing_numbers_gives_the_same_text(some: list[int | None], times: int, decimals: int, scale: int) -> None:
    """Looked up among few values, with fractions looked up, or one by one: as Decimal writes them, nothing rounded."""

    def expected(value: int) -> str:
        exact = Decimal(value).scaleb(-scale)
        fits = exact == exact.quantize(Decimal(1).scaleb(-min(decimals, scale)))
        return f"{exact:.{min(decimals, scale) if fits else scale}f}"

    column = pl.Series("n", some * times, dtype=pl.Int64)
    wanted = [None if value is None else expected(value) for value in some] * times
    assert values.write_numbers(column, min(decimals, scale), scale).to_list() == wanted
    limits = values.bounds(column)
    if limits is not None:
        tagged = column.to_frame().select(values.number_text(pl.col("n"), min(decimals, scale), scale, limits, "X")).to_series()
        assert tagged.to_list() == [None if text is None else f"<X>{text}</X>" for text in wanted]


@given(st.lists(st.one_of(st.none(), st.dates()), min_size=1, max_size=5), st.integers(1, 300))
def test_every_way_of_writing_dates_gives_the_same_text(some: list[date | None], times: int) -> None:
    column = pl.Series("d", some * times, dtype=pl.Date)
    limits = values.bounds(column)
    wanted = [None if day is None else f"<X>{day.isoformat()}</X>" for day in some] * times
    if limits is not None:
        assert column.to_frame().select(values.date_text(pl.col("d"), limits, "X")).to_series().to_list() == wanted
