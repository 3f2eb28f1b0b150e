"""Does a closing go on from the books, and leave them what they were? Events before a month is closed again, corrections, payments."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from omsclaims import closing, contract, journal
from omsclaims.cli import demo
from omsclaims.periods import Month
from omsclaims.workspace import Workspace, WorkspaceError
from tests.conftest import Closed

FEBRUARY, MARCH = Month(2022, 2), Month(2022, 3)
WHO = "tester"


@pytest.fixture
def folder(closed: Closed, tmp_path: Path) -> Path:
    shutil.copytree(closed.folder, tmp_path / "ws")
    return tmp_path / "ws"


def events(*rows: dict[str, Any]) -> pl.DataFrame:
    schema = contract.TABLES["ledger_events"].schema()
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def event(name: str, day: date, amount: int, document: str, **parties: str) -> dict[str, Any]:
    return {"event": name, "date": day, "document": document, "amount_kop": amount, "parties": json.dumps(parties)}


def books_are_those_of_the_closings(ws: Workspace) -> None:
    for name in ws.closed_months():
        assert journal.balances(ws, on=Month.parse(name).last).equals(ws.ledger_table("balances", name)), name


def test_closings_stand_in_the_journal_with_the_ids_of_their_postings(closed: Closed) -> None:
    with Workspace.open(closed.folder) as ws:
        books_are_those_of_the_closings(ws)
        for month in (FEBRUARY, MARCH):
            rows = journal.entries(ws, first=month.first, last=month.last)
            assert sorted(rows["posting_id"]) == sorted(ws.ledger_table("postings", str(month))["posting_id"])
        kinds = ws.rows("SELECT kind, month FROM ledger_txns ORDER BY seq, kind DESC")
        assert [pair for pair in kinds if pair[0] == "close"] == [("close", "2022-02"), ("close", "2022-03")]
        said = json.loads(ws.rows("SELECT payload FROM chain WHERE kind = 'close' ORDER BY seq DESC LIMIT 1")[0][0])["ledger"]
        held = ws.rows("SELECT txn, rows, rows_digest FROM ledger_txns WHERE month = '2022-03' AND kind = 'close'")
        assert [(one["txn"], one["rows"], one["rows_digest"]) for one in said] == held
        assert journal.open_month(ws) == Month(2022, 4)


def test_a_month_opened_again_takes_in_its_events_and_the_same_closing_comes_back(folder: Path, closed: Closed) -> None:
    with Workspace.writing(folder) as ws:
        debt = dict(journal.balances(ws, prefix="fund:75/refund/").iter_rows())
        account, owed = max(debt.items(), key=lambda pair: pair[1])
        before = journal.entries(ws)
        closing.reopen(ws, MARCH, demo.AS_OF, WHO, "a refund came")
        assert journal.entries(ws).equals(before)
        refund = event("territory_refund", date(2022, 3, 25), 100, "pp-1", territory=account.split("/")[2])
        booked = journal.book(ws, events(refund), "statement", demo.AS_OF, WHO)
        assert booked.findings.is_empty() and booked.txn is not None
        done = closing.close(ws, MARCH, demo.AS_OF, WHO)
        assert done.outcome == "closed" and all(identity.holds for identity in done.identities)
        assert done.tables["postings"].equals(closed.closings["2022-03"].tables["postings"])
        assert dict(journal.balances(ws, prefix=account).iter_rows()) == {account: owed - 100}
        books_are_those_of_the_closings(ws)
        run = ws.run("2022-03")
        assert run is not None and list(run.inputs["events"]) == [booked.txn.txn]
        assert closing.close(ws, MARCH, demo.AS_OF, WHO).outcome == "identical"
        closing.reopen(ws, MARCH, demo.AS_OF, WHO, "the refund was not ours")
        journal.correct(ws, journal.month_events(ws, MARCH)["posting_id"][0], demo.AS_OF, WHO, "not ours")
        assert closing.close(ws, MARCH, demo.AS_OF, WHO).digest == closed.closings["2022-03"].digest
        books_are_those_of_the_closings(ws)
        assert ws.chain_breaks() == []


def test_a_closing_that_was_corrected_since_is_not_replaced(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        bill = ws.ledger_table("postings", "2022-03").filter(pl.col("rule") == "bill").sort("posting_id").row(0, named=True)
        done = journal.correct(ws, bill["posting_id"], date(2022, 4, 30), WHO, "billed twice")
        assert done.txn is not None
        with pytest.raises(WorkspaceError) as raised:
            closing.reopen(ws, MARCH, demo.AS_OF, WHO, "anything")
        assert raised.value.key == "journal.hold_corrected"
        books_are_those_of_the_closings(ws)  # what is closed does not move
        back = journal.month_events(ws, Month(2022, 4)).row(0, named=True)
        journal.correct(ws, back["posting_id"], date(2022, 4, 30), WHO, "it was billed once")
        closing.reopen(ws, MARCH, demo.AS_OF, WHO, "nothing stands against it")


def test_others_can_forbid_that_a_month_is_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "HOLDS", [*closing.HOLDS, lambda ws, of: "month.why" if of == MARCH else None])
    with Workspace.writing(folder) as ws:
        with pytest.raises(WorkspaceError) as raised:
            closing.reopen(ws, MARCH, demo.AS_OF, WHO, "anything")
        assert (raised.value.key, raised.value.params) == ("month.why", {"month": MARCH})
        assert ws.run("2022-03") is not None


def test_with_payments_by_the_bank_a_month_closes_with_what_was_paid(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        planned = ws.ledger_table("payments", "2022-03").filter(pl.col("payment_kop") > 0).sort("payer", "mo")
        row = planned.filter(pl.col("payer") != "75").row(0, named=True)
        closing.reopen(ws, MARCH, demo.AS_OF, WHO, "the bank pays from now on")
        ws._connection.execute("UPDATE meta SET value = 'actual' WHERE key = 'payments'")
        pair = {"payer": f"insurer:{row['payer']}", "clinic": f"clinic:{row['mo']}"}
        paid = journal.book(ws, events(event("advance", date(2022, 3, 4), 12_345, "pp-7", **pair)), "bank", demo.AS_OF, WHO)
        assert paid.findings.is_empty()
        done = closing.close(ws, MARCH, demo.AS_OF, WHO)
        assert all(identity.holds for identity in done.identities)
        assert not set(done.tables["postings"]["rule"]) & {"advance", "final_payment", "spare_cover"}
        payments = done.tables["payments"]
        assert payments.filter(pl.col("advance_kop") != 0).select("payer", "mo", "advance_kop").rows() == [
            (row["payer"], row["mo"], 12_345)
        ]
        assert payments["payment_kop"].sum() == 0
        act = done.tables["act_132"].filter(payer=row["payer"], mo=row["mo"]).row(0, named=True)
        assert act["transferred_kop"] == 12_345 and act["end_kop"] > 0
        books_are_those_of_the_closings(ws)
