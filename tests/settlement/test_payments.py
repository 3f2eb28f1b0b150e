"""Is a clinic paid once, what is due, and is an excess carried until it is used? (law.md 10.7)"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsclaims import findings, messages
from omsclaims.law import federal_parameters
from omsclaims.periods import Month
from omsclaims.settlement.payments import (
    ANYONE,
    Advance,
    Known,
    Pair,
    advance_to_pay,
    advances_of,
    known_parties,
    pay,
    resubmit_by,
    settle_pair,
)
from tests.settlement import settlement_samples as samples

MARCH = Month(2022, 3)
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
    found, problems = advances_of(table, MARCH, ANYONE)
    assert found == {Pair("75901", "750901"): Advance(150, True)}
    assert [problem.rule for problem in problems] == ["B.4"] * 4


REGISTERS: dict[str, list[dict[str, Any]]] = {
    "reg_insurer": [
        {"smo": "75901", "valid_from": date(2020, 1, 1)}, {"smo": "75902", "valid_from": date(2020, 1, 1), "valid_to": date(2022, 2, 28)},
    ],
    "reg_clinic": [
        {"mo": "750901", "valid_from": date(2022, 3, 31)}, {"mo": "750902", "valid_from": date(2020, 1, 1), "valid_to": date(2022, 3, 1)},
        {"mo": "750903", "valid_from": date(2020, 1, 1), "valid_to": date(2022, 2, 28)}, {"mo": "750904", "valid_from": date(2022, 4, 1)},
    ],
}  # fmt: skip


def registers(*names: str) -> Known:
    tables = {name: samples.rows(name, *(REGISTERS[name] if name in names else [])) for name in REGISTERS}
    return known_parties(tables["reg_insurer"], tables["reg_clinic"], MARCH, "75")


@pytest.mark.parametrize(
    ("payer", "mo", "ru", "en"),
    [
        ("75901", "750901", None, None), ("75", "750902", None, None),  # a day of the month is enough; the fund pays, too
        ("75901", "750999", "клиники нет", "the clinic is not in"), ("75901", "750903", "клиники нет", "the clinic is not in"),
        ("75901", "750904", "клиники нет", "the clinic is not in"), ("75991", "750901", "плательщика нет", "the payer is not in"),
        ("75902", "750901", "плательщика нет", "the payer is not in"), ("38", "750901", "плательщика нет", "the payer is not in"),
        ("75991", "750999", "за 2022-03; клиники нет", "in 2022-03; the clinic is not in"),
    ],
)  # fmt: skip
def test_an_advance_goes_from_and_to_who_stands_in_the_registers(payer: str, mo: str, ru: str | None, en: str | None) -> None:
    table = samples.rows("reg_advance", {"month": "2022-03", "payer": payer, "mo": mo, "amount_kop": 100, "excepted": False})
    found, problems = advances_of(table, MARCH, registers("reg_insurer", "reg_clinic"))
    assert found == ({Pair(payer, mo): Advance(100, False)} if ru is None else {})
    for lang, said in (("ru", ru), ("en", en)):
        texts = findings.with_text(findings.frame(problems), lang)["text"].to_list()
        assert len(texts) == (said is not None) and all(str(said) in text and mo in text and payer in text for text in texts)
    assert advances_of(table, MARCH, registers())[0] == {Pair(payer, mo): Advance(100, False)}  # nothing was loaded
    for name, is_known in (("reg_insurer", payer in ("75", "75901")), ("reg_clinic", mo in ("750901", "750902"))):
        assert bool(advances_of(table, MARCH, registers(name))[0]) == is_known


def test_a_wrong_code_or_amount_is_said_to_be_one() -> None:
    row = {"month": "2022-03", "payer": "../x", "mo": None, "amount_kop": -7, "excepted": False}
    (problem,) = advances_of(samples.rows("reg_advance", row), MARCH, ANYONE)[1]
    for lang, said in (
        ("ru", ("меньше нуля", "плательщика не код", "клиники не код")),
        ("en", ("below zero", "payer is none", "clinic is none")),
    ):
        (text,) = findings.with_text(findings.frame([problem]), lang)["text"]
        assert all(words in text for words in said) and "None" not in text
    assert all(messages.has(f"rule.B.4.{part}") for part in ("title", "text", "todo"))


def test_resubmission_within_25_working_days() -> None:
    # From Tuesday 5 April 2022: 18 working days to 29 April; 4-6 and 11-13 May are 24; the holidays are 1-3 and 7-10 May.
    assert resubmit_by(date(2022, 4, 5), federal_parameters()) == date(2022, 5, 16)
