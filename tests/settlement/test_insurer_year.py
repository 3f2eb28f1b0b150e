"""What goes back to the fund, when, and what stands in the way? (Rules 192-198; law.md 13)"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsclaims import contract, findings, messages
from omsclaims.law import Parameters, federal_parameters
from omsclaims.settlement import insurer_year, own_month
from omsclaims.settlement.insurer_year import (
    Events,
    debts,
    early_end,
    fine_received,
    held_by_clinics,
    measures,
    recovered,
    year_end,
)
from tests.settlement import settlement_samples as samples

LAW = federal_parameters()
SMO = "75901"
END = date(2011, 12, 31)
POTS = {"payment_reserve": 50_000, "spare_reserve": 30_000, "preventive_reserve": 7_000}
NONE = contract.TABLES["reg_contract"].empty()
NEVER = contract.TABLES["journal"].empty()


def books(**accounts: int) -> dict[str, int]:
    """Balances of the insurer: pots by name; care, advance, excess, fine with clinic 750901."""
    mutual = {"care", "advance", "excess", "fine"}
    return {f"insurer:{SMO}/{name}" + ("/clinic:750901" if name in mutual else ""): kop for name, kop in accounts.items()}


def said(made: Events) -> list[tuple[Any, ...]]:
    """(event, kopecks, pot) of the events."""
    return [
        (event, kop, json.loads(parties).get("pot"))
        for event, kop, parties in made.events.select("event", "amount_kop", "parties").iter_rows()
    ]


def rules(made: Events) -> list[str]:
    for lang in messages.LANGUAGES:
        for text in findings.with_text(made.findings, lang)["text"]:
            assert text and "{" not in text
    return made.findings["rule"].to_list()


# ---- other money -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "on", "amount", "events"),
    [
        ("recovered_damages", date(2011, 5, 20), 10_001, [("damages_recovered", 8_001, None), ("recovery_running", 2_000, None)]),
        ("osago", date(2011, 5, 20), 6_000, [("osago_recovered", 6_000, None)]),
        ("contract_penalties", date(2022, 5, 20), 5_000, [("contract_penalty", 5_000, None)]),
    ],
)
def test_new_money_is_divided_by_the_table(source: str, on: date, amount: int, events: list[Any]) -> None:
    made = recovered(SMO, amount, source, on, "paper", LAW)
    assert said(made) == events and made.findings.is_empty()
    assert set(made.events["date"]) == {on} and set(made.events["document"]) == {"paper"}


@pytest.mark.parametrize("source", insurer_year.SOURCES)
def test_a_later_table_may_give_a_part_to_every_purpose(source: str) -> None:
    """A change of the law is a change of the table: no source has a part that nobody can book."""
    later, day = LAW.by_name["reserves.split"], date(2030, 1, 1)
    shares = {"payment": "0.70", "preventive": "0.10", "running": "0.20", "standing": False}
    last = later.values[-1]
    value = last.model_copy(update={"since": day, "value": {**last.value, source: shares}})
    law = Parameters({**LAW.by_name, "reserves.split": later.model_copy(update={"values": (*later.values, value)})})
    made = recovered(SMO, 10_000, source, day, "paper", law)
    assert made.events["amount_kop"].to_list() == [7_000, 1_000, 2_000] and made.findings.is_empty()
    assert made.events["event"][1] == "recovery_preventive" and len(set(made.events["event"])) == 3
    assert set(made.events["event"]) <= set(own_month.OWN_EVENTS)


@given(
    source=st.sampled_from(insurer_year.SOURCES), amount=st.integers(1, 10**12), on=st.dates(date(2011, 1, 1), date(2025, 12, 31))
)
def test_all_of_it_is_booked(source: str, amount: int, on: date) -> None:
    assert recovered(SMO, amount, source, on, "paper", LAW).events["amount_kop"].sum() == amount


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_no_event(amount: int) -> None:
    day = date(2022, 3, 1)
    for made in (
        recovered(SMO, amount, "osago", day, "p", LAW), measures(SMO, amount, day, "p", books(preventive_reserve=5)),
        fine_received(SMO, "750901", amount, day, "p", books(fine=5)),
    ):  # fmt: skip
        assert rules(made) == ["IY.7"] and made.events.is_empty()


def test_no_more_than_the_pot_holds_or_the_clinic_was_fined() -> None:
    day = date(2022, 3, 1)
    assert said(measures(SMO, 700, day, "p", books(preventive_reserve=700))) == [("preventive_spent", 700, None)]
    assert rules(measures(SMO, 701, day, "p", books(preventive_reserve=700))) == ["IY.4"]
    assert said(fine_received(SMO, "750901", 500, day, "p", books(fine=500))) == [("fine_paid", 500, None)]
    assert rules(fine_received(SMO, "750901", 501, day, "p", books(fine=500))) == ["IY.4"]
    assert rules(fine_received(SMO, "750902", 1, day, "p", books(fine=500))) == ["IY.4"]  # another clinic was fined


# ---- end of the year -------------------------------------------------------------------------------------------------------


def back(
    at_end: dict[str, int], now: dict[str, int] | None = None, end: date = END, on: date = date(2012, 1, 18),
    returned: pl.DataFrame = NEVER, **contracts: Any,
) -> Events:  # fmt: skip
    register = samples.rows("reg_contract", {"smo": SMO, "number": "1", **contracts}) if contracts else NONE
    return year_end(SMO, end, on, at_end, at_end if now is None else now, returned, register, LAW)


def gone(*returns: tuple[int, str, str], pot: str = "payment_reserve") -> pl.DataFrame:
    """Postings of a pot (contract journal): (kopecks, below zero for an undone return, end, what follows in the paper's name)."""
    rows = []
    for kop, end, more in returns:
        sides = (f"insurer:{SMO}/entrusted/fund:75", f"insurer:{SMO}/{pot}")
        debit, credit = sides if kop > 0 else sides[::-1]
        document = f"return-{end}-{SMO}-{pot.replace('_', '-')}{more}"
        rows.append({"rule": "unused_returned", "document": document, "debit": debit, "credit": credit, "amount_kop": abs(kop)})
    return samples.rows("journal", *rows)


def test_what_is_left_goes_back() -> None:
    made = back(books(**POTS, own_money=900))
    assert said(made) == [
        ("unused_returned", 50_000, "payment_reserve"),
        ("unused_returned", 30_000, "spare_reserve"),
        ("unused_returned", 7_000, "preventive_reserve"),
    ]
    assert made.findings.is_empty() and made.due == date(2012, 1, 23)
    assert made.events["document"].to_list() == [
        f"return-2011-12-31-{SMO}-{pot}" for pot in ("payment-reserve", "spare-reserve", "preventive-reserve")
    ]


def test_the_money_of_bills_of_december_stays_for_them() -> None:
    """Owed 20,000 of 50,000 at the end of the year; by 18 January they are paid, so 30,000 are there and go back."""
    at_end, now = books(**POTS, care=-20_000), books(**{**POTS, "payment_reserve": 30_000}, care=0)
    assert said(back(at_end, now))[0] == ("unused_returned", 30_000, "payment_reserve")
    assert rules(back(at_end, books(payment_reserve=29_999, spare_reserve=30_000, preventive_reserve=7_000))) == ["IY.4"]


@pytest.mark.parametrize(
    ("payment", "spare", "owed", "left"),
    [
        (100, 80, 150, {"spare_reserve": 30}), (100, 80, 100, {"spare_reserve": 80}), (100, 80, 99, {"payment_reserve": 1, "spare_reserve": 80}),
        (100, 80, 179, {"spare_reserve": 1}), (100, 80, 180, {}), (100, 80, 500, {}), (-20, 80, 50, {"spare_reserve": 10}), (0, 80, 0, {"spare_reserve": 80}),
    ],
)  # fmt: skip
def test_what_the_payment_reserve_lacks_stays_in_the_spare_one(payment: int, spare: int, owed: int, left: dict[str, int]) -> None:
    """The spare reserve covers what clinics are owed beyond the payment reserve (193): it does not go back."""
    at_end = books(payment_reserve=payment, spare_reserve=spare, preventive_reserve=7, care=-owed)
    made = back(at_end, at_end | books(payment_reserve=max(0, payment)))
    assert {pot: kop for _, kop, pot in said(made)} == {**left, "preventive_reserve": 7}
    assert made.findings.is_empty()


def test_what_went_back_does_not_go_back_again() -> None:
    """New money of January lies in the pot: it is not what was left of the year."""
    at_end, year = books(payment_reserve=50_000), "2011-12-31"
    again = back(at_end, books(payment_reserve=70_000), on=date(2012, 3, 1), returned=gone((50_000, year, "")))
    assert again.events.is_empty() and again.findings.is_empty() and again.due == date(2012, 1, 23)
    # December closed again left 600 more: the rest goes back, by a paper of its own, whatever the sum before.
    more = back(books(payment_reserve=50_600), returned=gone((50_000, year, "")))
    assert said(more) == [("unused_returned", 600, "payment_reserve")]
    assert more.events["document"].to_list() == [f"return-2011-12-31-{SMO}-payment-reserve-2"]
    third = back(books(payment_reserve=50_700), returned=gone((50_000, year, ""), (600, year, "-2")))
    assert said(third) == [("unused_returned", 100, "payment_reserve")]
    assert third.events["document"].to_list() == [f"return-2011-12-31-{SMO}-payment-reserve-3"]
    # An undone return is to be made again; that of another year or pot is another one.
    undone = back(at_end, returned=gone((50_000, year, ""), (-50_000, year, "")))
    assert said(undone) == [("unused_returned", 50_000, "payment_reserve")]
    for other in (gone((50_000, "2010-12-31", "")), gone((50_000, year, ""), pot="spare_reserve")):
        assert ("unused_returned", 50_000, "payment_reserve") in said(
            back(books(payment_reserve=50_000, spare_reserve=50_000), returned=other)
        )


def test_more_than_was_left_went_back() -> None:
    less = back(books(payment_reserve=49_999, spare_reserve=5), returned=gone((50_000, "2011-12-31", "")))
    assert rules(less) == ["IY.9"] and less.events.is_empty()
    assert (
        "50000" in findings.with_text(less.findings, "en")["text"][0]
        and "49999" in findings.with_text(less.findings, "ru")["text"][0]
    )


def test_a_late_return_is_told_and_booked() -> None:
    made = back(books(**POTS), on=date(2012, 1, 24))
    assert rules(made) == ["IY.5"] and made.events.height == 3
    assert rules(back(books(**POTS), on=date(2012, 1, 23))) == []


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (back(books(**POTS), end=date(2011, 12, 30)), "IY.6"), (back(books(**POTS), on=date(2011, 12, 30)), "IY.6"),
        (back(books(own_money=900)), "IY.3"), (back({}), "IY.3"), (back(books(payment_reserve=5, care=-5)), "IY.3"),
        (back(books(**POTS), since=date(2011, 1, 1), till=date(2011, 12, 30)), "IY.3"), (back(books(**POTS), since=date(2012, 1, 1)), "IY.3"),
        (back(books(spare_reserve=-1, payment_reserve=5)), "IY.4"),
    ],
)  # fmt: skip
def test_refusals_of_the_year_end(made: Events, rule: str) -> None:
    assert rules(made) == [rule] and made.events.is_empty()


def test_the_contract_that_ends_with_the_year_is_in_force_on_its_last_day() -> None:
    assert back(books(**POTS), since=date(2011, 1, 1), till=END).events.height == 3


# ---- early end -------------------------------------------------------------------------------------------------------------


def ended(
    now: dict[str, int],
    end: date = date(2022, 8, 15),
    on: date = date(2022, 8, 29),
    returned: pl.DataFrame = NEVER,
    **contracts: Any,
) -> Events:
    """By default of a contract that the register ends on that day."""
    held = {"since": date(2022, 1, 1), "till": end, **contracts}
    register = samples.rows("reg_contract", {"smo": SMO, "number": "1", **held})
    return early_end(SMO, end, on, now, returned, register, LAW)


def test_all_pots_go_back_within_ten_working_days() -> None:
    """The contract ends on Monday 15.08.2022: 16.08-19.08 are 4, 22.08-26.08 five more, 29.08 the tenth."""
    made = ended(books(**POTS, own_money=900), since=date(2022, 1, 1), till=date(2022, 8, 15))
    assert made.due == date(2022, 8, 29) and made.findings.is_empty()
    assert [kop for _, kop, _ in said(made)] == [50_000, 30_000, 7_000]
    assert rules(ended(books(**POTS), on=date(2022, 8, 30))) == ["IY.5"]


def test_a_contract_that_goes_on_returns_nothing() -> None:
    """An early end is what the register says: not an open contract, not a longer one, not one that it does not name."""
    end, on = date(2022, 8, 15), date(2022, 8, 29)
    for till in (None, date(2022, 8, 16), date(2022, 12, 31)):
        made = ended(books(**POTS), till=till)
        assert rules(made) == ["IY.6"] and made.events.is_empty()
        for lang in messages.LANGUAGES:
            assert ("reg_contract" if till is None else str(till)) in findings.with_text(made.findings, lang)["text"][0]
    unnamed = early_end(SMO, end, on, books(**POTS), NEVER, NONE, LAW)  # a contract for the whole year
    assert rules(unnamed) == ["IY.6"] and "2022-12-31" in findings.with_text(unnamed.findings, "en")["text"][0]
    whole = early_end(SMO, date(2022, 12, 31), date(2023, 1, 10), books(**POTS), NEVER, NONE, LAW)
    assert rules(whole) == [] and whole.events.height == 3
    both = [{"smo": SMO, "number": number, "since": since, "till": till} for number, since, till in (
        ("1", date(2022, 1, 1), end), ("2", date(2022, 8, 1), date(2022, 12, 31)),
    )]  # fmt: skip
    other = {"smo": "75902", "number": "3", "since": date(2022, 1, 1), "till": None}
    assert rules(early_end(SMO, end, on, books(**POTS), NEVER, samples.rows("reg_contract", *both), LAW)) == ["IY.6"]
    assert rules(early_end(SMO, end, on, books(**POTS), NEVER, samples.rows("reg_contract", both[0], other), LAW)) == []


def test_money_that_came_in_after_the_return_goes_back_by_a_paper_of_its_own() -> None:
    """The same sum on the same day is another event."""
    made = ended(books(payment_reserve=500), returned=gone((500, "2022-08-15", "")))
    assert said(made) == [("unused_returned", 500, "payment_reserve")]
    assert made.events["document"].to_list() == [f"return-2022-08-15-{SMO}-payment-reserve-2"]


def test_first_the_debts_then_the_advances_then_the_pots() -> None:
    now = books(**POTS, care=-20_000, advance=300, excess=40)
    assert rules(ended(now)) == ["IY.1", "IY.2"]
    assert (debts(SMO, now), held_by_clinics(SMO, now)) == ({"750901": 20_000}, {"750901": 340})
    assert rules(ended(books(**POTS, advance=300, excess=40))) == ["IY.2"]
    assert rules(ended(books(**POTS, care=7))) == ["IY.2"]  # the clinic owes for care: more came back than it was paid
    assert rules(ended(books(**POTS))) == []


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (ended(books(**POTS), on=date(2022, 8, 14)), "IY.6"), (ended({}), "IY.3"), (ended(books(payment_reserve=-5, spare_reserve=9)), "IY.4"),
        (ended(books(**POTS), since=date(2022, 1, 1), till=date(2022, 8, 14)), "IY.3"),
    ],
)  # fmt: skip
def test_refusals_of_an_early_end(made: Events, rule: str) -> None:
    assert rules(made) == [rule] and made.events.is_empty()
