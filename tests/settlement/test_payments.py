"""Is a clinic paid once, what is due, and is an excess carried until it is used? (law.md 10.7)"""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from omsclaims.law import federal_parameters
from omsclaims.settlement.payments import Advance, Pair, advance_to_pay, advances_of, pay, resubmit_by, settle_pair
from tests.settlement import settlement_samples as samples

KOPECKS = st.integers(0, 10**10)


def test_advance_is_reduced_save_in_the_excepted_case() -> None:
    assert advance_to_pay(Advance(500, False), 300, True) == 200
    assert advance_to_pay(Advance(500, False), 700, True) == 0
    assert advance_to_pay(Advance(500, True), 300, True) == 500
    assert advance_to_pay(Advance(500, False), 300, False) == 500


@given(debt=st.integers(-(10**9), 10**10), excess=KOPECKS, advance=KOPECKS, accepted=KOPECKS)
def test_a_month_of_a_pair_keeps_every_kopeck(debt: int, excess: int, advance: int, accepted: int) -> None:
    settled = settle_pair(debt, excess, advance, accepted)
    assert settled.due_kop >= 0
    assert settled.excess_after_kop >= 0
    assert settled.due_kop == 0 or settled.excess_after_kop == 0
    if debt >= 0:
        assert settled.due_kop - settled.excess_after_kop == debt + accepted - advance - excess


@given(months=st.lists(st.tuples(KOPECKS, st.booleans(), KOPECKS), min_size=1, max_size=12))
def test_over_any_months_the_clinic_gets_what_was_accepted(months: list[tuple[int, bool, int]]) -> None:
    excess = paid = accepted_so_far = 0
    for asked, excepted, accepted in months:
        advance = advance_to_pay(Advance(asked, excepted), excess, True)
        assert excepted or advance + excess <= max(asked, excess)
        settled = settle_pair(0, excess, advance, accepted)
        paid += advance + settled.due_kop
        accepted_so_far += accepted
        excess = settled.excess_after_kop
        assert paid == accepted_so_far + excess


@given(due=st.dictionaries(st.sampled_from("abcdef"), KOPECKS), money=st.integers(-(10**9), 10**11), spare=KOPECKS)
def test_no_payer_pays_more_than_it_has_or_owes(due: dict[str, int], money: int, spare: int) -> None:
    asked = {Pair("75901", mo): amount for mo, amount in due.items()}
    result = pay(asked, money, spare)
    paid, needed = sum(result.payments.values()), sum(due.values())
    assert paid + result.short_kop == needed
    assert paid <= max(0, money + result.from_spare_kop)
    assert 0 <= result.from_spare_kop <= spare
    assert result.from_spare_kop == 0 or money < needed
    assert result.short_kop == 0 or result.from_spare_kop == spare


def test_impossible_advances_are_found_and_left_out_and_several_add_up() -> None:
    good = {"month": "2022-03", "payer": "75901", "mo": "750901", "amount_kop": 100, "excepted": False}
    table = samples.rows(
        "reg_advance", good, {**good, "amount_kop": 50, "excepted": True}, {**good, "amount_kop": -1}, {**good, "mo": None},
        {**good, "mo": "a/b"}, {**good, "payer": "../x"},
        {**good, "month": "2022-02", "amount_kop": 7},
    )  # fmt: skip
    found, problems = advances_of(table, samples.context().month)
    assert found == {Pair("75901", "750901"): Advance(150, True)}
    assert [problem.rule for problem in problems] == ["B.4"] * 4


def test_resubmission_within_25_working_days() -> None:
    # From Tuesday 5 April 2022: 18 working days to 29 April; 4-6 and 11-13 May are 24; the holidays are 1-3 and 7-10 May.
    assert resubmit_by(date(2022, 4, 5), federal_parameters()) == date(2022, 5, 16)
