"""Do the books stay true whatever is done with them? Closings, closings replaced, events, corrections, in any order.

At every date and every moment of knowledge the ledger, each party's books and each pair of parties sum to zero; balances as known at
a moment never change; ids follow from the content; a closed month's balances are those of the journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omsclaims import contract, journal
from omsclaims.ledger_rows import posting_id
from omsclaims.periods import Month
from omsclaims.settlement.ledger import Ledger, as_dict, assert_balanced, balances_of
from omsclaims.workspace import LEDGER_TABLES, RunRow, Workspace

FIRST = Month(2022, 1)
TODAY = date(2022, 6, 30)
OPENING = {"insurer:75901/payment_reserve": 900, "insurer:75901/opening": -900, "fund:75/nsz": 50, "fund:75/opening": -50}
PARTIES = {"payer": "insurer:75901", "insurer": "insurer:75901", "clinic": "clinic:750901", "fund": "fund:75",
           "pot": "payment_reserve", "cost": "cost"}  # fmt: skip

AMOUNT = st.integers(1, 5)
CLOSE = st.tuples(
    st.just("close"), st.dictionaries(st.sampled_from(["bill", "withheld_mek", "standards", "final_payment"]), AMOUNT, max_size=3)
)
AGAIN = st.tuples(
    st.just("again"), st.dictionaries(st.sampled_from(["bill", "withheld_mek", "standards", "final_payment"]), AMOUNT, max_size=3)
)
EVENT = st.tuples(
    st.just("event"),
    st.lists(
        st.tuples(
            st.sampled_from(["territory_refund", "territory_questioned", "fine_paid", "preventive_spent"]), st.integers(0, 179),
            AMOUNT, st.integers(1, 3),
        ),
        min_size=1, max_size=3,
    ),
    st.integers(1, 3),
)  # fmt: skip
CORRECT = st.tuples(st.just("correct"), st.integers(0, 10**6))


class _TakenBackError(Exception):
    """Takes back what an example did."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Books that begin with January 2022 and hold nothing else."""
    made = tmp_path_factory.mktemp("journal") / "ws"
    Workspace.create(made, "75", "fund", TODAY, "tester")
    with Workspace.writing(made) as ws:
        journal.open_ledger(ws, FIRST, OPENING, "opening", TODAY, "tester")
    return made


@contextmanager
def new_books(folder: Path) -> Iterator[Workspace]:
    """These books, for one example: what it does is one transaction that is taken back in the end."""
    with suppress(_TakenBackError), Workspace.writing(folder) as ws:
        yield ws
        raise _TakenBackError


def close(ws: Workspace, of: Month, amounts: dict[str, int]) -> None:
    """Closes a month as omsclaims.closing does: balances of before, the events of the month, the postings made now."""
    ledger = Ledger(of, as_dict(journal.balances(ws, on=of.first - timedelta(days=1))))
    for name, amount in sorted(amounts.items()):
        ledger.post(name, amount, name, **PARTIES)
    postings = ledger.postings()
    events = journal.month_events(ws, of)
    balances = balances_of(ledger.opening, pl.concat([postings, events.select(postings.columns)]))
    digest = json.dumps(amounts, sort_keys=True)
    ws.forget_run(str(of))
    tables = {**{name: contract.TABLES[name].empty() for name in LEDGER_TABLES}, "postings": postings, "balances": balances}
    ws.store_run(RunRow(str(of), digest, {}, "tester", None, TODAY, ""), tables, [])
    journal.close_month(ws, of, postings, digest, TODAY, "tester", None)
    ws.record("close", TODAY, "tester", None, {"month": str(of)})


def listed(events: list[tuple[str, int, int, int]]) -> pl.DataFrame:
    parties = {
        "territory_refund": {"territory": "territory:38"}, "territory_questioned": {"territory": "territory:38"},
        "fine_paid": {"payer": "insurer:75901", "clinic": "clinic:750901"}, "preventive_spent": {"insurer": "insurer:75901"},
    }  # fmt: skip
    rows = [
        {
            "event": name, "date": FIRST.first + timedelta(days=day), "document": f"paper-{number}", "amount_kop": amount,
            "parties": json.dumps(parties[name]),
        }
        for name, day, amount, number in events
    ]  # fmt: skip
    schema = contract.TABLES["ledger_events"].schema()
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def balances_in(rows: pl.DataFrame) -> dict[str, int]:
    """Balances of postings, added up here."""
    found: dict[str, int] = {}
    for debit, credit, amount in rows.select("debit", "credit", "amount_kop").iter_rows():
        found[debit] = found.get(debit, 0) + amount
        found[credit] = found.get(credit, 0) - amount
    return {account: amount for account, amount in found.items() if amount}


def do(ws: Workspace, step: tuple[Any, ...]) -> None:
    """One thing that people do with the books; what the program refuses is refused by a finding or not tried."""
    open_month = journal.open_month(ws)
    if step[0] == "close" and open_month.last <= TODAY:
        close(ws, open_month, step[1])
    elif step[0] == "again":
        last = open_month.plus(-1)
        if last >= FIRST and journal.corrected_later(ws, last) is None:
            close(ws, last, step[1])
    elif step[0] == "event":
        journal.book(ws, listed(step[1]), f"file-{step[2]}", TODAY, "tester")
    elif step[0] == "correct":
        rows = journal.entries(ws)
        journal.correct(ws, rows["posting_id"][step[1] % rows.height], TODAY, "tester", "drawn")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(st.one_of(CLOSE, AGAIN, EVENT, CORRECT), min_size=1, max_size=9))
def test_the_books_stay_true_whatever_is_done(folder: Path, steps: list[tuple[Any, ...]]) -> None:
    with new_books(folder) as ws:
        known: dict[int, pl.DataFrame] = {}
        for step in steps:
            before = journal.entries(ws)
            do(ws, step)
            after = journal.entries(ws)
            assert before.join(after, on=before.columns, how="anti", nulls_equal=True).is_empty()  # nothing is changed or lost
            known[ws.next_seq() - 1] = journal.balances(ws)
            for month in ws.closed_months():
                assert journal.balances(ws, on=Month.parse(month).last).equals(ws.ledger_table("balances", month))
        rows = journal.entries(ws)
        for seq, said in known.items():  # as known then, today
            assert journal.balances(ws, known=seq).equals(said)
        for seq in rows["seq"].unique():
            for day in rows["date"].unique():
                assert_balanced(balances_in(rows.filter((pl.col("seq") <= seq) & (pl.col("date") <= day))))
        for day in rows["date"].unique():
            stands = rows.filter(pl.col("date") <= day)
            assert as_dict(journal.balances(ws, on=day)) == balances_in(stands)
        assert rows["posting_id"].is_unique().all() and (rows["amount_kop"] > 0).all()
        for row in rows.iter_rows(named=True):
            assert row["posting_id"] in {posting_id(row, n) for n in range(len(steps) + 1)}
            assert row["month"] == f"{row['date']:%Y-%m}"
        txns = ws.rows("SELECT txn, rows FROM ledger_txns")
        assert dict(txns) == dict(rows.group_by("txn").len().iter_rows())
        assert ws.chain_breaks() == []


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(st.one_of(CLOSE, AGAIN, EVENT), min_size=1, max_size=5))
def test_doing_everything_twice_comes_to_the_same_books(folder: Path, steps: list[tuple[Any, ...]]) -> None:
    books = []
    for times in (1, 2):
        with new_books(folder) as ws:
            for step in steps:
                for _ in range(times if step[0] != "close" else 1):
                    do(ws, step)
            books.append(journal.entries(ws).drop("seq", "txn").sort(pl.all()))
    assert books[0].equals(books[1])
