"""Does money round once, half up, exactly, and do parts add up?"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import money, money_kernel
from omsclaims.money import (
    MAX_KOPECKS,
    AmountError,
    Term,
    exact_amounts,
    format_amount,
    parse_amount,
    round_fraction,
    round_ratio,
    share_out,
    show_amount,
)


@pytest.fixture(autouse=True, scope="module")
def compiled() -> Iterator[None]:
    """Few rows are done in Python, more while the kernel is not loaded; these tests are about the kernel."""
    assert callable(money_kernel.sum_of_products)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(money, "ROWS_IN_PYTHON", -1)
        yield


@pytest.mark.parametrize(
    ("text", "kopecks"),
    [("0", 0), ("0.1", 10), ("115.09", 11509), ("144782", 14478200), ("-3.50", -350), ("9999999999999.99", MAX_KOPECKS)],
)
def test_amounts_are_read_exactly(text: str, kopecks: int) -> None:
    assert parse_amount(text) == kopecks


@pytest.mark.parametrize("text", ["", "1,5", "1.005", " 1", "1e3", "1.", ".5", "+1", "12345678901234", "1 000", "NaN", "١"])
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(AmountError):
        parse_amount(text)


@given(st.integers(-MAX_KOPECKS, MAX_KOPECKS))
def test_amounts_survive_being_written(kopecks: int) -> None:
    assert parse_amount(format_amount(kopecks)) == kopecks


def test_amounts_for_people() -> None:
    assert show_amount(-123456789, "ru") == "-1\u00a0234\u00a0567,89"
    assert show_amount(123456700, "en") == "1,234,567.00"


@pytest.mark.parametrize(
    ("numerator", "denominator", "step", "expected"),
    [(5, 10, 1, 1), (-5, 10, 1, -1), (4, 10, 1, 0), (15, 10, 1, 2), (1570845, 1, 100, 1570800), (1570850, 1, 100, 1570900)],
)
def test_a_half_rounds_away_from_zero(numerator: int, denominator: int, step: int, expected: int) -> None:
    assert round_ratio(numerator, denominator, step) == expected


def half_up(value: Fraction, step: int) -> int:
    """The reference: floor of value/step + 1/2, by the definition of half up."""
    return int((value / step + Fraction(1, 2)).__floor__()) * step


factor = st.one_of(st.integers(0, 10**7), st.integers(0, 2**40), st.just(100000), st.just(1), st.just(5))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.lists(factor, min_size=1, max_size=5), st.integers(0, 15)), min_size=1, max_size=3),
    st.sampled_from([1, 10, 100]),
)
def test_the_kernel_equals_fractions(products: list[tuple[list[int], int]], step: int) -> None:
    exact = sum(
        (Fraction(int(np.prod([1, *factors], dtype=object)), 10**decimals) for factors, decimals in products), Fraction(0)
    )
    expected = half_up(exact * 100, step)
    terms = [Term(tuple(np.array([f], dtype=np.int64) for f in factors), decimals) for factors, decimals in products]
    if expected > MAX_KOPECKS:
        with pytest.raises(OverflowError):
            exact_amounts(terms, step=step)
    else:
        assert exact_amounts(terms, step=step).tolist() == [expected]
        assert round_fraction(exact * 100, step) == expected


def test_rows_beyond_the_kernel_are_done_in_whole_numbers() -> None:
    wide = np.array([2**62, 2**62 + 1, 3], dtype=np.int64)
    terms = [Term((wide, wide, wide, wide, wide), 85)]
    expected = [half_up(Fraction(int(w) ** 5, 10**83), 1) for w in wide]
    assert exact_amounts(terms).tolist() == expected
    assert expected[0] > 0


def test_ties_are_half_up_in_the_kernel() -> None:
    rate = np.array([1, 3, 5, 2], dtype=np.int64)  # x 0.005 roubles = 0.5, 1.5, 2.5, 1 kopecks
    five = np.full(4, 5, dtype=np.int64)
    assert exact_amounts([Term((rate, five), 3)]).tolist() == [1, 2, 3, 1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**9), factor, factor), min_size=1, max_size=40), st.sampled_from([1, 10, 100]))
def test_few_rows_in_python_are_what_the_kernel_makes_of_them(rows: list[tuple[int, int, int]], step: int) -> None:
    columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]
    terms = [Term((columns[0], columns[1]), 9), Term((columns[0], columns[2]), 12)]
    compiled = exact_amounts(terms, step=step)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(money, "ROWS_IN_PYTHON", 256)
        assert exact_amounts(terms, step=step).tolist() == compiled.tolist()


def test_a_negative_factor_is_an_error() -> None:
    with pytest.raises(ValueError, match="negative"):
        exact_amounts([Term((np.array([-1], dtype=np.int64),), 2)])


@settings(max_examples=300)
@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_parts_add_up_and_are_near_their_share(total: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        weights = [w + 1 for w in weights]
    parts = share_out(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


def test_ties_of_shares_go_to_the_smaller_key() -> None:
    assert share_out(100, [1, 1, 1], ["75903", "75901", "75902"]) == [33, 34, 33]
    assert share_out(100, [1, 1, 1]) == [34, 33, 33]


def test_nothing_to_share_by_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to share by"):
        share_out(1, [0, 0])
    assert share_out(0, [0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="negative"):
        share_out(1, [-1, 2])
