"""What is owed back of a refunded bill, returned, set off: cases worked by hand in the books of both funds, any order, bad input."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import contract, findings
from omsclaims.law import federal_parameters
from omsclaims.periods import Month
from omsclaims.settlement import bank, ledger
from omsclaims.settlement.between import back, reconcile

ROOT = Path(__file__).resolve().parents[3]
CASES: list[dict[str, Any]] = yaml.safe_load((ROOT / "fixtures" / "between" / "back.yaml").read_text(encoding="utf-8"))["cases"]
PLACE, HOME = "75", "38"
BILLS = {"A": "R7538220001", "B": "R7538220002", "C": "R7538220003"}
DAY = date(2022, 6, 1)
#: Events of files: presented, accepted (the rest questioned), withdrawn, accepted finally.
OF_FILES = {
    "place": ("territory_bill", "territory_questioned", "territory_withdrawn", "territory_accepted_finally"),
    "home": ("bill_of_territory", "questioned_of_territory", "withdrawn_of_territory", "accepted_of_territory"),
}


def kop(value: object) -> int:
    return int(Decimal(str(value)) * 100)


@dataclass
class Books:
    """One fund: bills as it knows them, its postings."""

    side: str
    states: dict[str, Counter[str]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    at: int = 0

    @property
    def own(self) -> str:
        return PLACE if self.side == "place" else HOME

    @property
    def other(self) -> str:
        return HOME if self.side == "place" else PLACE

    def post(self, event: str, amount: int, document: str) -> None:
        parties = {"fund": ledger.fund(self.own), "territory": ledger.territory(self.other)}
        rule = ledger.posting_rules()[event]
        self.rows += ledger.event_rows(rule, Month(2022, 6), DAY, document, amount, parties) if amount else []

    def book(self, events: pl.DataFrame) -> None:
        assert events.height <= 1
        for row in events.iter_rows(named=True):
            assert set(row["parties"].split('"')[1::2]) >= {"fund", "territory"}
            self.post(row["event"], row["amount_kop"], row["document"])

    def journal(self) -> pl.DataFrame:
        days = [DAY + timedelta(days=n // 2) for n in range(len(self.rows))]
        full = [{**row, "document_date": day} for row, day in zip(self.rows, days, strict=True)]
        return pl.DataFrame([{c: row.get(c) for c in contract.TABLES["journal"].schema()} for row in full],
                            schema=contract.TABLES["journal"].schema())  # fmt: skip

    def position(self, bill: str) -> back.Position:
        rows = []
        for name, one in self.states.items():
            rows.append((name, "presented" if one["waiting"] else "questioned", one["accepted"], one["presented"]))
        states = pl.DataFrame(rows, schema=["bill", "state", "accepted_kop", "presented_kop"], orient="row")
        moved = back.money(self.journal(), self.side, ledger.fund(self.own))
        return back.positions(states, dict.fromkeys(self.states, self.other), moved)[bill]

    def recognise(self, bill: str) -> None:
        self.at += 1
        self.book(back.recognised(self.position(bill), self.side, self.own, f"file-{self.at}", DAY, DAY))

    def balances(self) -> dict[str, int]:
        held: Counter[str] = Counter()
        for row in self.rows:
            held[row["debit"]] += row["amount_kop"]
            held[row["credit"]] -= row["amount_kop"]
        ledger.assert_balanced(held)
        return dict(held)

    def owed(self) -> tuple[int, int]:
        """Owed for care, and owed back, as debts: above zero."""
        held, sign = self.balances(), 1 if self.side == "place" else -1
        first, second = back.ACCOUNTS[self.side]
        fund, other = ledger.fund(self.own), ledger.territory(self.other)
        return sign * held.get(f"{fund}/{first}/{other}", 0), -sign * held.get(f"{fund}/{second}/{other}", 0)

    # ---- steps: the finding that refuses it, or None

    def present(self, bill: str, amount: int) -> str | None:
        self.states[bill] = Counter(presented=amount, waiting=1)
        self.post(OF_FILES[self.side][0], amount, bill)
        return None

    def accept(self, bill: str, amount: int) -> str | None:
        one = self.states[bill]
        one["waiting"], one["accepted"] = 0, amount
        self.post(OF_FILES[self.side][1], one["presented"] - amount, f"A-{bill}")
        self.recognise(bill)
        return None

    def withdraw(self, bill: str, amount: int) -> str | None:
        self.states[bill]["accepted"] -= amount
        self.at += 1
        self.post(OF_FILES[self.side][2], amount, f"D-{self.at}")
        self.recognise(bill)
        return None

    def again(self, bill: str, amount: int) -> str | None:
        self.states[bill]["accepted"] += amount
        self.at += 1
        self.post(OF_FILES[self.side][3], amount, f"A-{self.at}")
        self.recognise(bill)
        return None

    def pay(self, bill: str, amount: int, checked: bool = True) -> str | None:
        if checked and amount > self.position(bill).due_kop:
            return "TH.12"
        self.at += 1
        self.post(back.EVENTS[self.side]["refunded"], amount, f"{bill}/{self.at}")
        self.recognise(bill)
        return None

    def give_back(self, bill: str, amount: int) -> str | None:
        now = self.position(bill)
        wrong = back.return_problem(now, amount)
        if wrong is not None:
            return wrong.rule
        document = f"{bill}/return/{now.returned_kop}"
        self.book(back.table([back.event("returned", self.side, self.own, self.other, amount, document, DAY, DAY)]))
        return None

    def returned_by_bank(self, bill: str, amount: int) -> str | None:
        """Money that was sent back, as a statement says: it may come though the bill has settled a part of its debt meanwhile."""
        now = self.position(bill)
        of_bill = bank.OfBill(max(0, now.open_kop), 0, max(0, now.booked_kop), max(0, now.inside_kop))
        if amount > of_bill.returnable_kop:
            return "PB.3"
        self.at += 1
        event = back.event("returned", self.side, self.own, self.other, amount, f"{bill}/bank-{self.at}", DAY, DAY)
        events = back.table([event])
        self.book(events)
        self.book(back.after_returns(events, {bill: now}, self.side, self.own))
        return None

    def net(self, bill: str, of: str, amount: int) -> str | None:
        target, source = self.position(bill), self.position(of)
        wrong = back.net_problem(target, source, amount, same_role=True)
        if wrong is not None:
            return wrong.rule
        document = f"{bill}/{back.NETTED}/{of}/{source.used_kop}"
        self.book(back.table([back.event("netted", self.side, self.own, self.other, amount, document, DAY, DAY)]))
        return None


def run(books: Books, step: dict[str, Any]) -> str | None:
    (what,) = set(step) - {"owed", "back", "refused"}
    *bills, amount = step[what]
    done = {"return": "give_back"}.get(what, what)
    said: str | None = getattr(books, done)(*(BILLS[bill] for bill in bills), kop(amount))
    return said


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_cases_worked_by_hand(case: dict[str, Any]) -> None:
    """After every step both funds' books say what was counted by hand, and the same of every bill."""
    funds = [Books("place"), Books("home")]
    for number, step in enumerate(case["steps"]):
        for fund in funds:
            assert run(fund, step) == step.get("refused"), (case["name"], number, fund.side)
            assert fund.owed() == (kop(step["owed"]), kop(step["back"])), (case["name"], number, fund.side)
        ours, theirs = ({bill: fund.position(bill) for bill in fund.states} for fund in funds)
        for bill, one in ours.items():
            assert one.back_kop == one.booked_kop, (case["name"], number, bill)
            assert (one.due_kop, one.settled_kop, one.back_kop) == (
                theirs[bill].due_kop, theirs[bill].settled_kop, theirs[bill].back_kop,
            )  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_year_of_both_sides_is_the_same(case: dict[str, Any]) -> None:
    """What the yearly act counts as refunded of each bill is what the place fund has of it in the end."""
    funds = [Books("place"), Books("home")]
    for step in case["steps"]:
        for fund in funds:
            run(fund, step)
    rows = []
    for fund in funds:
        paid = reconcile.payments(back.money(fund.journal(), fund.side, ledger.fund(fund.own)))
        by_bill = paid.group_by(pl.col("document").str.split("/").list.get(0).alias("bill")).agg(pl.col("amount_kop").sum())
        rows.append(dict(by_bill.iter_rows()))
        assert rows[-1] == {bill: fund.position(bill).settled_kop for bill in rows[-1]}
    assert rows[0] == rows[1]


_AMOUNT = st.integers(1, 1000)


@settings(deadline=None, max_examples=60)
@given(parts=st.lists(_AMOUNT, min_size=1, max_size=3), lost=_AMOUNT, order=st.randoms(use_true_random=False))
def test_money_under_way_and_corrected_parts_in_any_order(parts: list[int], lost: int, order: Any) -> None:
    """The place fund may learn of its money before or after it has taken an item back: the end is the same."""
    total = max(sum(parts), lost)
    ends = set()
    steps: list[tuple[str, int]] = [*(("pay", part) for part in parts), ("withdraw", lost)]
    for _ in range(2):
        place = Books("place")
        place.present(BILLS["A"], total)
        place.accept(BILLS["A"], total)
        for what, amount in steps:
            place.pay(BILLS["A"], amount, checked=False) if what == "pay" else place.withdraw(BILLS["A"], amount)
            now = place.position(BILLS["A"])
            assert now.back_kop == now.booked_kop and min(place.owed()) >= 0
        ends.add((*place.owed(), place.position(BILLS["A"]).settled_kop))
        order.shuffle(steps)
    assert ends == {(max(0, total - lost - sum(parts)), max(0, sum(parts) - total + lost), sum(parts))}


@given(accepted=st.integers(1, 1_000), lost=st.integers(1, 1_000), more=st.integers(0, 1_500), sent=st.integers(1, 1_000))
def test_an_answer_and_a_return_may_cross(accepted: int, lost: int, more: int, sent: int) -> None:
    """The home fund accepts more of a bill while the place fund's money is on its way back: both end with the same, and what
    came is what may come - not a second time."""
    lost, sent = min(lost, accepted), min(sent, lost, accepted)
    ends = []
    for side, first in (("place", "money"), ("place", "answer"), ("home", "answer"), ("home", "money")):
        one = Books(side)
        one.present(BILLS["A"], accepted + more)
        one.accept(BILLS["A"], accepted)
        one.pay(BILLS["A"], accepted)
        one.withdraw(BILLS["A"], lost)
        if first == "money":
            assert one.returned_by_bank(BILLS["A"], sent) is None
        if more:
            one.again(BILLS["A"], more)
        if first == "answer":
            assert one.returned_by_bank(BILLS["A"], sent) is None
        now = one.position(BILLS["A"])
        assert now.back_kop == now.booked_kop and min(one.owed()) >= 0
        assert one.owed() == (max(0, now.due_kop), now.back_kop)
        left = lost - sent - (0 if first == "money" else max(0, min(more, lost - sent)))
        assert one.returned_by_bank(BILLS["A"], left + more + 1) == "PB.3"
        ends.append((*one.owed(), now.settled_kop, now.due_kop))
    assert len(set(ends)) == 1
    assert ends[0] == (max(0, more - lost + sent), max(0, lost - sent - more), accepted - sent, more - lost + sent)


def test_what_is_undone_is_taken_off() -> None:
    place = Books("place")
    place.present(BILLS["A"], 1000)
    place.accept(BILLS["A"], 1000)
    place.pay(BILLS["A"], 1000)
    place.withdraw(BILLS["A"], 400)
    place.give_back(BILLS["A"], 150)
    for row in list(place.rows)[-2:]:  # the return was a mistake
        place.rows.append({**row, "debit": row["credit"], "credit": row["debit"]})
    now = place.position(BILLS["A"])
    assert (now.returned_kop, now.booked_kop, now.back_kop) == (0, 400, 400)
    for row in [one for one in place.rows if one["rule"] == "territory_refund"]:  # and so was the payment
        place.rows.append({**row, "debit": row["credit"], "credit": row["debit"]})
    assert (place.position(BILLS["A"]).booked_kop, place.position(BILLS["A"]).back_kop) == (400, 0)
    place.recognise(BILLS["A"])
    assert place.owed() == (600, 0)


def test_payments_that_name_no_bill_are_left_out() -> None:
    place = Books("place")
    place.present(BILLS["A"], 1000)
    place.accept(BILLS["A"], 1000)
    place.post("territory_refund", 1000, "bank-territory-38-1-2022-06-01")
    assert place.position(BILLS["A"]).refunded_kop == 0


def test_findings_are_told_in_both_languages() -> None:
    one, two = (back.Position(bill, HOME, accepted_kop=100, refunded_kop=100) for bill in ("R7538220001", "R7538220002"))
    found = [
        back.return_problem(one, 5),
        back.net_problem(one, two, 5, same_role=True),
        back.net_problem(one, two, 5, same_role=False),
    ]
    assert [wrong.rule for wrong in found if wrong is not None] == ["TB.15", "TB.16", "TB.17"]
    for lang in ("ru", "en"):
        told = findings.with_text(findings.frame([wrong for wrong in found if wrong is not None]), lang)
        assert not told.filter(pl.col("text").str.contains("{", literal=True)).height


def test_other_parties_are_not_set_off() -> None:
    due = back.Position("R7538220001", HOME, accepted_kop=100)
    owed = back.Position("R7501220001", "01", refunded_kop=100, posted_kop=100)
    wrong = back.net_problem(due, owed, 50, same_role=True)
    assert wrong is not None and wrong.rule == "TB.17"
    same = back.Position("R7538220009", HOME, refunded_kop=100, posted_kop=100)
    assert back.net_problem(due, same, 50, same_role=True) is None
    assert back.most_to_net(due, same) == 100 and back.most_to_net(due, same, 30) == 70
    ordered = back.net_problem(due, same, 71, same_role=True, ordered_kop=30)
    assert ordered is not None and ordered.rule == "TB.16"


def test_the_ways_are_a_choice_and_said_so() -> None:
    law = federal_parameters().noting()
    assert law.value(back.WAYS, DAY) == ["order", "netting"]
    assert back.WAYS in {used.name for used in federal_parameters().unconfirmed(law.asked or ())}
