"""Does a month go on from the events of the journal, in both modes of payment, whatever was corrected? (Rules 121, 126-132)"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import contract
from omsclaims.ledger_rows import posting_id
from omsclaims.money import parse_amount
from omsclaims.periods import Month
from omsclaims.settlement import identities, settle
from omsclaims.settlement.ledger import Ledger, event_rows, posting_rules
from tests.settlement.test_settle import Bill, balance, context, load, month_tables, standards

PARTIES = {
    "fund": "fund:75", "insurer": "insurer:75901", "payer": "insurer:75901", "clinic": "clinic:750901", "territory": "territory:38",
    "pot": "payment_reserve", "cost": "cost", "outside": "outside:9901",
}  # fmt: skip
OWN_POT = {"unused_returned": "spare_reserve"}
TRANSFERS = ("advance", "final_payment", "spare_cover")


def happened(of: Month, *events: tuple[str, date, int, bool]) -> pl.DataFrame:
    """Contract table `event_postings`: (event, day, kopecks, undone); an undone one stands the other way round."""
    rows = []
    for number, (name, day, amount, undone) in enumerate(events):
        parties = {**PARTIES, "pot": OWN_POT.get(name, "payment_reserve")}
        for row in event_rows(posting_rules()[name], of, day, f"paper-{number}", amount, parties):
            debit, credit = ("credit", "debit") if undone else ("debit", "credit")
            whole = {**row, "debit": row[debit], "credit": row[credit], "document_date": day, "reverses": "x" if undone else None}
            rows.append({"posting_id": posting_id(whole), **whole})
    return pl.DataFrame(rows, schema=contract.TABLES["event_postings"].schema())


def opening(**pots: int) -> list[dict[str, Any]]:
    rows = [{"account": f"insurer:75901/{pot}", "amount_kop": amount} for pot, amount in pots.items()]
    return [*rows, {"account": "fund:75/opening", "amount_kop": -sum(pots.values())}]


def test_payments_by_the_bank_by_hand() -> None:
    case = load("actual_payments")
    before: dict[str, pl.DataFrame] = {}
    for expected in case["months"]:
        used = replace(context(str(expected["month"])), payments="actual")
        bills: list[Bill] = [("own", "75901", "750901", parse_amount(one["sumv"]), one["refused"]) for one in expected["bills"]]
        events = happened(
            used.month,
            *((one["event"], one["date"], parse_amount(one["amount"]), one.get("undone", False)) for one in expected["events"]),
        )
        advance = [
            {"payer": "75901", "mo": "750901", "amount_kop": 77_700, "excepted": False}
        ]  # applied for, not paid by anybody
        tables = month_tables(bills, used, advance=advance, opening=opening(payment_reserve=parse_amount(case["opening"])))
        result = settle({**tables, **before, "event_postings": events}, used)
        assert set(result["postings"]["rule"]).isdisjoint(TRANSFERS)
        said = {
            "payments": {"advance": "advance_kop", "payment": "payment_kop", "excess_before": "excess_before_kop", "excess_after": "excess_after_kop"},
            "act_132": {name: f"{name}_kop" for name in expected["act_132"]},
            "act_121": {name: f"{name}_kop" for name in expected["act_121"]},
        }  # fmt: skip
        for table, columns in said.items():
            row = result[table].row(0, named=True)
            wanted = {name: parse_amount(text) for name, text in expected[table].items()}
            assert {name: row[columns[name]] for name in wanted} == wanted, (expected["month"], table)
        assert all(identity.holds for identity in identities({**tables, **result}))
        before = {"balances_before": result["balances"]}


def test_other_money_of_an_insurer_has_its_lines_in_the_act() -> None:
    """2,000.00 and 300.00 of preventive reserve; + 50.00 damages + 10.00 ОСАГО + 20.00 fines + 9.00 of penalties + 4.00 for the
    preventive reserve - 40.00 returned - 30.00 measures."""
    used = context()
    events = happened(
        used.month,
        ("damages_recovered", date(2022, 3, 3), 5_000, False), ("osago_recovered", date(2022, 3, 4), 1_000, False),
        ("fine_paid", date(2022, 3, 5), 2_000, False), ("preventive_spent", date(2022, 3, 6), 3_000, False),
        ("contract_penalty", date(2022, 3, 6), 700, False), ("recovery_running", date(2022, 3, 6), 800, False),
        ("fines_entrusted", date(2022, 3, 7), 2_000, False), ("penalty_recovered", date(2022, 3, 7), 900, False),
        ("recovery_preventive", date(2022, 3, 7), 400, False),
        ("damages_recovered", date(2022, 3, 8), 1_100, False), ("damages_recovered", date(2022, 3, 9), 1_100, True),
    )  # fmt: skip
    unused = happened(used.month, ("unused_returned", date(2022, 3, 9), 4_000, False)).with_columns(
        pl.col("credit").str.replace("spare_reserve", "payment_reserve")
    )
    tables = month_tables([], used, opening=opening(payment_reserve=200_000, preventive_reserve=30_000))
    result = settle({**tables, "event_postings": pl.concat([events, unused])}, used)
    act = result["act_121"].row(0, named=True)
    assert {name: act[f"{name}_kop"] for name in ("start", "received", "other_received", "returned", "spent", "preventive_spent", "end")} == {
        "start": 230_000, "received": 9_300 - 4_000, "other_received": 9_300, "returned": 4_000, "spent": 3_000,
        "preventive_spent": 3_000, "end": 232_300,
    }  # fmt: skip
    assert act["by_standards_kop"] == act["from_nsz_kop"] == 0


def test_refunds_of_other_territories_are_planned_for_nobody_and_stand_in_the_balances() -> None:
    used = context()
    tables = month_tables([("other", "38", "750901", 7_000, False)], used, funding=[standards(100)])
    refund = happened(used.month, ("territory_refund", date(2022, 3, 20), 3_000, False))
    result = settle({**tables, "event_postings": refund}, used)
    assert balance(result, "fund:75/refund/territory:38") == 4_000
    assert result["payments"].equals(settle({**tables, "event_postings": refund.clear()}, used)["payments"].with_columns(
        payment_kop=pl.lit(3_000, dtype=pl.Int64)
    ))  # fmt: skip


def test_a_corrected_bill_of_an_earlier_month_is_taken_off_in_this_one() -> None:
    first, second = context("2022-03"), context("2022-04")
    tables = month_tables([("own", "75901", "750901", 700, False)], first, opening=opening(payment_reserve=10_000))
    march = settle(tables, first)
    wrong = Ledger(second.month, {})
    wrong.post("bill", 200, "twice", **PARTIES)
    undone = wrong.postings().rename({"debit": "credit", "credit": "debit"})
    undone = undone.select(wrong.postings().columns).with_columns(document_date=pl.col("date"), reverses=pl.lit("x"))
    april = month_tables([("own", "75901", "750901", 500, False)], second)
    result = settle({**april, "balances_before": march["balances"], "event_postings": undone}, second)
    # Billed 5.00 less 2.00 taken off: 3.00 are paid.
    assert result["act_132"].select("start_kop", "billed_kop", "transferred_kop", "end_kop").rows() == [(0, 300, 300, 0)]
    assert result["payments"].select("billed_kop", "payment_kop").rows() == [(500, 300)]
    assert result["act_121"]["spent_kop"].to_list() == [300]


@pytest.mark.parametrize("mode", ["planned", "actual"])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_events_and_corrections_keep_every_act_true(mode: str, data: st.DataObject) -> None:
    given_day = sorted(name for name, rule in posting_rules().items() if rule.day == "given" and name != "opening")
    names = [*given_day, *TRANSFERS, "bill"]
    event = st.tuples(st.sampled_from(names), st.integers(1, 28), st.integers(1, 10**6), st.booleans())
    before: dict[str, pl.DataFrame] = {}
    for number in (3, 4):
        used = replace(context(f"2022-{number:02d}"), payments=mode)
        drawn = data.draw(st.lists(event, max_size=8))
        events = happened(used.month, *((name, date(2022, number, day), amount, undone) for name, day, amount, undone in drawn))
        bills: list[Bill] = [("own", "75901", "750901", amount, refused) for amount, refused in data.draw(
            st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), max_size=3))]  # fmt: skip
        advance = [{"payer": "75901", "mo": "750901", "amount_kop": data.draw(st.integers(0, 10**6)), "excepted": False}]
        start = opening(payment_reserve=data.draw(st.integers(0, 10**6)), spare_reserve=data.draw(st.integers(0, 10**5)))
        tables = {**month_tables(bills, used, advance=advance, opening=start, funding=[standards(10**6)]), **before}
        result = settle({**tables, "event_postings": events}, used)
        for identity in identities({**tables, **result}):
            assert identity.holds, identity
        moved = pl.concat([result["postings"], events.select(result["postings"].columns)])
        before = {"balances_before": result["balances"], "postings_before": moved}
