"""Do an insurer's own books, kept from what the fund tells it, come to the fund's figures - and differ where it did? (121, 132)"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import contract
from omsclaims.law import federal_parameters
from omsclaims.settlement import own_month, settle
from omsclaims.settlement.own_month import (
    OWN_EVENTS,
    Listing,
    Notice,
    correction_postings,
    money_postings,
    settle_own,
    told_by_fund,
)
from tests.settlement import settlement_samples as samples
from tests.settlement.test_settle import Bill, context, month_tables, standards
from tests.settlement.test_settle_events import happened, opening

LAW = federal_parameters()
SMO = "75901"
EMPTY = contract.TABLES["event_postings"].empty()


def deductions(*rows: dict[str, Any]) -> pl.DataFrame:
    return samples.rows("deductions", *({"payer": SMO, "mo": "750901", "fine_change_kop": 0, **row} for row in rows))


def of_insurer(table: pl.DataFrame) -> pl.DataFrame:
    """Postings or balances of the insurer's own books."""
    column = "account" if "account" in table.columns else "debit"
    return table.filter(pl.col(column).str.starts_with(f"insurer:{SMO}/"))


def own(
    told: tuple[Notice, Listing], before: dict[str, pl.DataFrame], events: pl.DataFrame, mode: Any
) -> dict[str, pl.DataFrame]:
    """The insurer's month: its own events and what the fund corrected."""
    notice, listing = told
    corrections = correction_postings(listing)
    numbered = corrections.with_columns(posting_id=pl.int_range(pl.len()).cast(pl.String) + "-c")
    tables = {
        "balances_before": before.get("balances_before", contract.TABLES["balances"].empty()),
        "postings_before": before.get("postings_before", contract.TABLES["postings"].empty()),
        "event_postings": pl.concat([events, numbered]), "reg_contract": contract.TABLES["reg_contract"].empty(),
    }  # fmt: skip
    return settle_own(notice, listing, tables, LAW, mode)


def after(result: dict[str, pl.DataFrame], events: pl.DataFrame, before: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    moved = pl.concat([result["postings"], events.select(result["postings"].columns)])
    earlier = before.get("postings_before", contract.TABLES["postings"].empty())
    return {"balances_before": result["balances"], "postings_before": pl.concat([earlier, moved])}


EVENT = st.tuples(
    st.sampled_from([*sorted(OWN_EVENTS - {"advance", "final_payment", "spare_cover"}), "bill", "withheld_mek"]),
    st.integers(1, 28), st.integers(1, 10**5), st.booleans(),
)  # fmt: skip
AMOUNT = st.integers(0, 10**6)


@pytest.mark.parametrize("mode", ["planned", "actual"])
@pytest.mark.parametrize("fines", ["apart", "in_act_132"])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_both_houses_come_to_the_same_act(mode: str, fines: str, data: st.DataObject) -> None:
    """Two months of any bills, control, expertise, advances and events: the fund's books and the insurer's own are one."""
    before: dict[str, pl.DataFrame] = {}
    mine: dict[str, pl.DataFrame] = {}
    for number in (3, 4):
        used = replace(context(f"2022-{number:02d}"), payments=mode)
        head = used.agreement.head.model_copy(update={"control": used.agreement.head.control.model_copy(update={"fines": fines})})
        used = replace(used, agreement=replace(used.agreement, head=head))
        drawn = data.draw(st.lists(EVENT, max_size=5))
        events = happened(used.month, *((name, date(2022, number, day), amount, undone) for name, day, amount, undone in drawn))
        bills: list[Bill] = [("own", SMO, "750901", amount, refused) for amount, refused in data.draw(
            st.lists(st.tuples(AMOUNT, st.booleans()), max_size=3))]  # fmt: skip
        taken = data.draw(st.lists(st.tuples(st.sampled_from(["mee", "ekmp"]), st.integers(-(10**5), 10**5), AMOUNT), max_size=2))
        advance = [{"payer": SMO, "mo": "750901", "amount_kop": data.draw(AMOUNT), "excepted": data.draw(st.booleans())}]
        funding = [
            standards(10**6),
            {"what": "spare_fill", "smo": SMO, "amount_kop": data.draw(AMOUNT)},
            {"what": "nsz", "smo": SMO, "amount_kop": 700},
        ]
        tables = {
            **month_tables(bills, used, advance=advance, funding=funding, opening=opening(payment_reserve=10**5)), **before,
            "deductions": deductions(*({"kind": kind, "change_kop": kop, "fine_change_kop": fine} for kind, kop, fine in taken)),
            "event_postings": events,
        }  # fmt: skip
        result = settle(tables, used)
        told = dict(zip(("75901", "75902"), told_by_fund({**tables, **result}, used, date(2022, number, 28)), strict=False))[SMO]
        if not mine:
            mine = {"balances_before": _opening()}
        known = events.filter(pl.col("rule").is_in(list(OWN_EVENTS)))
        books = own(told, mine, known, mode)
        assert books["act_121"].equals(result["act_121"].filter(pl.col("smo") == SMO))
        assert books["act_132"].equals(result["act_132"].filter(pl.col("payer") == SMO))
        assert of_insurer(books["balances"]).equals(of_insurer(result["balances"]))
        assert books["payments"].equals(result["payments"].filter(pl.col("payer") == SMO))
        ids = of_insurer(books["postings"])["posting_id"].to_list()
        assert ids == of_insurer(result["postings"])["posting_id"].to_list()  # the same events have the same names in both
        before, mine = after(result, events, before), after(books, pl.concat([known, EMPTY]), mine)


def test_a_notice_alone_is_booked_as_the_closing_books_it() -> None:
    notice = Notice("75", SMO, context().month, date(2022, 4, 14), 2, 0, 100_000, 1_000, 500, 4_000)
    rows, problems = money_postings(notice)
    assert not problems
    used = context()
    funding = [
        standards(200_000),
        {"what": "spare_fill", "smo": SMO, "amount_kop": 4_000},
        {"what": "nsz", "smo": SMO, "amount_kop": 500},
    ]
    result = settle(month_tables([], used, funding=funding), used)
    money = result["postings"].filter(pl.col("rule").is_in(["standards", "case_management", "nsz_to_insurer", "spare_fill"]))
    mentions = pl.col("debit").str.contains(SMO) | pl.col("credit").str.contains(SMO)
    assert rows.equals(money.filter(mentions))


def test_advances_that_the_closing_leaves_out_are_not_told() -> None:
    used = context()
    asked = [(500, "750901"), (-5, "750901"), (7, "750901"), (9, "../x")]
    advance = [{"payer": SMO, "mo": mo, "amount_kop": amount, "excepted": False} for amount, mo in asked]
    tables = month_tables([], used, advance=advance, funding=[standards(200_000)])
    (_, listing), _ = told_by_fund({**tables, **settle(tables, used)}, used, date(2022, 4, 14))
    assert listing.advances.rows() == [("750901", 507, False)]


@pytest.mark.parametrize("mode", ["planned", "actual"])
def test_an_advance_to_an_unknown_clinic_is_in_neither_house(mode: Any) -> None:
    """The fund leaves it out and says so; its list does not have it, so that the insurer comes to the same month."""
    used = replace(context(), payments=mode)
    bills: list[Bill] = [("own", SMO, "750901", 1_000, False)]
    advance = [
        {"payer": payer, "mo": mo, "amount_kop": amount, "excepted": False}
        for payer, mo, amount in ((SMO, "750901", 600), (SMO, "750999", 70), ("75991", "750901", 8))
    ]
    clinics = samples.rows("reg_clinic", {"mo": "750901", "name": "one", "valid_from": date(2020, 1, 1)})
    tables = {**month_tables(bills, used, advance=advance, funding=[standards(200_000)]), "reg_clinic": clinics}
    result = settle(tables, used)
    assert result["findings"].filter(pl.col("rule") == "B.4")["value"].to_list() == ["70", "8"]
    touched = [*result["postings"]["debit"], *result["postings"]["credit"], *result["balances"]["account"]]
    assert not [account for account in touched if "750999" in account or "75991" in account]
    told = told_by_fund({**tables, **result}, used, date(2022, 4, 14))
    assert {notice.smo: listing.advances.rows() for notice, listing in told} == {SMO: [("750901", 600, False)], "75902": []}
    mine = own(told[0], {}, EMPTY, mode)
    assert mine["act_121"].equals(result["act_121"].filter(pl.col("smo") == SMO))
    assert mine["act_132"].equals(result["act_132"].filter(pl.col("payer") == SMO))
    assert mine["findings"].is_empty()


@pytest.mark.parametrize(("signs", "told"), [("+-+", "+"), ("+-", ""), ("-", "-"), ("+", "+"), ("-+-", "-")])
def test_what_was_undone_in_the_month_is_not_in_the_list(signs: str, told: str) -> None:
    """Booked, undone and booked again: a list does not tell which row undoes which, so only what stands is in it."""
    rows = []
    for number, sign in enumerate(signs):
        accounts = ("insurer:75901/cost", "insurer:75901/care/clinic:750901")
        debit, credit = accounts if sign == "+" else accounts[::-1]
        rows.append(
            {
                "posting_id": str(number), "month": "2022-04", "date": date(2022, 4, 5), "document": "paper", "rule": "bill",
                "document_date": date(2022, 4, 5), "debit": debit, "credit": credit, "amount_kop": 700, "reference": "clause",
            }
        )  # fmt: skip
    schema = contract.TABLES["event_postings"].schema()
    events = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
    found = own_month._corrections("75901", events)
    cost = "insurer:75901/cost"
    assert ["+" if debit == cost else "-" for debit in found["debit"]] == list(told)
    assert found["amount_kop"].to_list() == [700] * len(told)


def test_an_insurer_without_clinics_has_an_act_all_the_same() -> None:
    used = context()
    tables = month_tables([], used, funding=[standards(200_000)])
    told = told_by_fund({**tables, **settle(tables, used)}, used, date(2022, 4, 14))
    assert [notice.smo for notice, _ in told] == ["75901", "75902"]
    assert [(notice.standards_kop, listing.clinics.height) for notice, listing in told] == [(100_000, 0), (100_000, 0)]


def _opening() -> pl.DataFrame:
    rows = {f"insurer:{SMO}/payment_reserve": 10**5, f"insurer:{SMO}/entrusted/fund:75": -(10**5)}
    rows |= {f"fund:75/entrusted/insurer:{SMO}": 10**5, "fund:75/opening": -(10**5)}
    return pl.DataFrame(sorted(rows.items()), schema=contract.TABLES["balances"].schema(), orient="row")
