"""Do fines that were paid become divided money, and do the limits of the reserves count the contract year? (192-195; law.md 13)"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from omsclaims import contract
from omsclaims.law import federal_parameters
from omsclaims.settlement import identities, settle
from omsclaims.settlement.reserves import contract_year_start
from tests.settlement import settlement_samples as samples
from tests.settlement.test_settle import Bill, balance, context, month_tables
from tests.settlement.test_settle_events import happened, opening

LAW = federal_parameters()
PARTY = "insurer:75901"


def paid(of: str, kopecks: int, before: dict[str, pl.DataFrame], **registers: Any) -> dict[str, pl.DataFrame]:
    """A month in which the insurer pays one clinic so much."""
    used = context(of)
    bills: list[Bill] = [("own", "75901", "750901", kopecks, False)] if kopecks else []
    contracts = registers.pop("contracts", [])
    tables = {**month_tables(bills, used, **registers), **before, "reg_contract": samples.rows("reg_contract", *contracts)}
    return settle(tables, used)


def following(result: dict[str, pl.DataFrame], *earlier: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    return {
        "balances_before": result["balances"],
        "postings_before": pl.concat([one["postings"] for one in (*earlier, result)]),
    }


def row(**changes: Any) -> dict[str, Any]:
    return {"smo": "75901", "number": "1", "since": date(2022, 1, 1), "till": None, **changes}


@pytest.mark.parametrize(
    ("rows", "on", "start"),
    [
        ([], date(2022, 3, 31), date(2022, 1, 1)),
        ([row()], date(2022, 1, 1), date(2022, 1, 1)),
        ([row(since=date(2020, 7, 1))], date(2022, 3, 31), date(2022, 1, 1)),  # a contract over years: its year is the calendar's
        ([row(since=date(2022, 7, 15))], date(2022, 8, 31), date(2022, 7, 15)),
        ([row(till=date(2022, 3, 31))], date(2022, 3, 31), date(2022, 1, 1)),  # the last day is in
        ([row(till=date(2022, 3, 30))], date(2022, 3, 31), None),
        ([row(since=date(2022, 4, 1))], date(2022, 3, 31), None),
        ([row(till=date(2022, 5, 31)), row(since=date(2022, 6, 1), number="2")], date(2022, 6, 30), date(2022, 6, 1)),
        ([row(smo="75902", since=date(2022, 7, 15))], date(2022, 8, 31), date(2022, 1, 1)),
    ],
)
def test_the_contract_year(rows: list[dict[str, Any]], on: date, start: date | None) -> None:
    assert contract_year_start("75901", on, samples.rows("reg_contract", *rows), LAW) == start


def test_a_contract_that_began_in_the_year_counts_its_own_months() -> None:
    """Books since July. July pays 310.00. In August the contract of 1 August: only August's 620.00 count."""
    july = paid("2022-07", 31_000, {}, opening=opening(payment_reserve=200_000, spare_reserve=10_000))
    before = following(july)
    act = paid("2022-08", 62_000, before)["act_121"].row(0, named=True)
    assert act["end_spare_kop"] == 10_000  # below 930.00 / 2 = 465.00
    start = opening(payment_reserve=200_000, spare_reserve=70_000, preventive_reserve=40_000)
    july = paid("2022-07", 0, {}, opening=start)
    # Nothing paid in July, its mean month is 0: all of it stands in the payment reserve. A month without a payment counts.
    assert july["act_121"].select("end_spare_kop", "end_preventive_kop").rows() == [(0, 0)]
    july = paid("2022-07", 31_000, {}, opening=opening(payment_reserve=300_000), contracts=[row(since=date(2022, 8, 1))])
    late = {**following(july), "reg_opening": july["balances"].clear()}
    late["balances_before"] = _moved(july["balances"], spare_reserve=70_000, preventive_reserve=40_000)
    both = paid("2022-08", 62_000, late)["act_121"].row(0, named=True)
    own = paid("2022-08", 62_000, late, contracts=[row(since=date(2022, 8, 1))])["act_121"].row(0, named=True)
    # By the year: 930.00 in 2 months, 62 days: 465.00 and 14 x 930.00 / 62 = 210.00. By the contract: 620.00, 14 x 620 / 31 = 280.00.
    assert (both["end_spare_kop"], both["end_preventive_kop"]) == (46_500, 21_000)
    assert (own["end_spare_kop"], own["end_preventive_kop"]) == (62_000, 28_000)
    ended = paid("2022-08", 62_000, late, contracts=[row(since=date(2022, 1, 1), till=date(2022, 7, 31))])["act_121"]
    assert ended.select("end_spare_kop", "end_preventive_kop").rows() == [(70_000, 40_000)]  # they go back, not over


def _moved(balances: pl.DataFrame, **pots: int) -> pl.DataFrame:
    """Balances with money of the payment reserve moved into other pots."""
    held = dict(balances.iter_rows())
    for pot, amount in pots.items():
        held[f"{PARTY}/payment_reserve"] -= amount
        held[f"{PARTY}/{pot}"] = held.get(f"{PARTY}/{pot}", 0) + amount
    return pl.DataFrame(sorted(held.items()), schema=contract.TABLES["balances"].schema(), orient="row")


def test_what_a_clinic_sent_back_paid_for_no_care() -> None:
    used = context()
    start = [
        *opening(payment_reserve=100_000, spare_reserve=60_000),
        {"account": f"{PARTY}/excess/clinic:750901", "amount_kop": 5_000},
    ]
    tables = month_tables([("own", "75901", "750901", 50_000, False)], used, opening=start)
    back = happened(used.month, ("excess_returned", date(2022, 3, 2), 5_000, False))
    act = settle({**tables, "event_postings": back}, used)["act_121"].row(0, named=True)
    # Paid 500.00 less 50.00 that came back: a mean month of 450.00.
    assert act["end_spare_kop"] == 45_000


@pytest.mark.parametrize("mode", ["planned", "actual"])
def test_a_paid_fine_is_entrusted_and_divided(mode: str) -> None:
    """500.00 of fines were set; 200.00 are paid in March 2022: half to running costs, half stays (table of 2017). 300.00 stay due."""
    used = samples.context(agreement=context().agreement, payments=mode)
    fines = [
        {"account": f"{PARTY}/payment_reserve", "amount_kop": 100_000}, {"account": f"{PARTY}/fine/clinic:750901", "amount_kop": 50_000},
        {"account": f"{PARTY}/fines_due", "amount_kop": -50_000}, {"account": "fund:75/opening", "amount_kop": -100_000},
    ]  # fmt: skip
    tables = month_tables([], used, opening=fines)
    events = happened(used.month, ("fine_paid", date(2022, 3, 20), 20_000, False))
    result = settle({**tables, "event_postings": events}, used)
    assert balance(result, f"{PARTY}/payment_reserve") == 100_000 + 20_000 - 10_000
    assert balance(result, f"{PARTY}/own_money") == 10_000
    assert (balance(result, f"{PARTY}/fines_due"), balance(result, "fund:75/sanctions")) == (-30_000, -20_000)
    act = result["act_121"].row(0, named=True)
    assert (act["other_received_kop"], act["case_management_kop"], act["end_kop"]) == (20_000, 10_000, 110_000)
    assert all(identity.holds for identity in identities({**tables, **result}))
    # The payment comes back in April: so does what it was divided into.
    april = samples.context("2022-04", agreement=used.agreement, payments=mode)
    undone = happened(april.month, ("fine_paid", date(2022, 4, 5), 20_000, True))
    later = settle({**month_tables([], april), "balances_before": result["balances"], "event_postings": undone}, april)
    assert balance(later, f"{PARTY}/own_money") == 0
    assert (balance(later, f"{PARTY}/payment_reserve"), balance(later, f"{PARTY}/fines_due")) == (100_000, -50_000)


def test_a_fine_that_an_event_entrusted_is_left_to_it() -> None:
    used = context()
    events = happened(
        used.month, ("fine_paid", date(2022, 3, 5), 2_000, False), ("fines_entrusted", date(2022, 3, 7), 2_000, False)
    )
    result = settle({**month_tables([], used, opening=opening(payment_reserve=1_000)), "event_postings": events}, used)
    assert set(result["postings"]["rule"]).isdisjoint({"fines_entrusted", "savings_running"})
