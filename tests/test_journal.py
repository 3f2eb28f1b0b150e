"""Does the ledger over the years only grow, and does every balance stay what it was when it was known? (law.md 10.8)"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from omsclaims import closing, contract, findings, journal, messages
from omsclaims.periods import Month
from omsclaims.settlement.ledger import Ledger, as_dict, assert_balanced
from omsclaims.workspace import LEDGER_TABLES, RunRow, Workspace, WorkspaceError

MARCH, APRIL = Month(2022, 3), Month(2022, 4)
#: In April, after March was closed.
TODAY = date(2022, 4, 20)
OPENING = {
    "insurer:75901/payment_reserve": 10_000, "insurer:75901/entrusted/fund:75": -10_000, "fund:75/entrusted/insurer:75901": 10_000,
    "fund:75/opening": -10_000,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ws"
    Workspace.create(made, "75", "fund", TODAY, "tester")
    return made


def event(name: str = "territory_refund", **changes: Any) -> dict[str, Any]:
    """A refund of 7.00 by Irkutsk on 5 April."""
    parties = changes.pop("parties", {"territory": "territory:38"})
    return {
        "event": name, "date": date(2022, 4, 5), "document": "pp-1", "amount_kop": 700,
        "parties": parties if isinstance(parties, str) else json.dumps(parties), **changes,
    }  # fmt: skip


def listed(*events: dict[str, Any]) -> pl.DataFrame:
    schema = {**contract.TABLES["ledger_events"].schema(), "month": pl.String()}
    return pl.DataFrame([{name: one.get(name) for name in schema} for one in events], schema=schema)


def postings(of: Month, **amounts: int) -> pl.DataFrame:
    """Postings as a closing makes them: events between insurer 75901 and clinic 750901, by name."""
    ledger = Ledger(of, {})
    parties = {
        "fund": "fund:75", "insurer": "insurer:75901", "payer": "insurer:75901", "clinic": "clinic:750901", "pot": "payment_reserve",
        "cost": "cost",
    }  # fmt: skip
    for name, amount in amounts.items():
        ledger.post(name, amount, f"{name}-{of}", **parties)
    return ledger.postings()


def close(ws: Workspace, of: Month, made: pl.DataFrame, digest: str = "a") -> journal.Txn:
    """Closes a month with these postings, as omsclaims.closing does."""
    txn = journal.close_month(ws, of, made, digest, TODAY, "tester", None)
    tables = {name: contract.TABLES[name].empty() for name in LEDGER_TABLES}
    ws.store_run(RunRow(str(of), digest * 64, {}, "tester", None, TODAY, ""), tables, [])
    ws.record("close", TODAY, "tester", None, {"month": str(of), "ledger": [txn.payload] if txn.payload else []})
    return txn


def opened(ws: Workspace, of: Month = MARCH) -> None:
    journal.open_ledger(ws, of, OPENING, "opening", TODAY, "tester")


def state(ws: Workspace) -> tuple[list[Any], list[Any], int]:
    """All that the books say, and how long the chain is."""
    return ws.rows("SELECT * FROM journal ORDER BY ALL"), ws.rows("SELECT * FROM ledger_txns ORDER BY ALL"), ws.next_seq()


def test_an_event_is_booked_on_its_day_in_the_books_of_both(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        booked = journal.book(ws, listed(event()), "file", TODAY, "tester")
        assert booked.txn is not None and (booked.txn.outcome, booked.txn.rows) == ("new", 2)
    with Workspace.open(folder) as ws:
        assert as_dict(journal.balances(ws)) == {
            "fund:75/nsz": 700, "fund:75/refund/territory:38": -700, "territory:38/money": -700, "territory:38/refund/fund:75": 700,
        }  # fmt: skip
        rows = journal.entries(ws, "fund:75")
        assert rows.select("month", "date", "document_date", "rule").rows() == [
            ("2022-04", date(2022, 4, 5), date(2022, 4, 5), "territory_refund")
        ]
        assert journal.balances(ws, on=date(2022, 4, 4)).is_empty()
        assert ws.chain_breaks() == []


def test_the_same_again_changes_nothing_and_leaves_no_event(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        first = journal.book(ws, listed(event(), event(document="pp-2")), "file", TODAY, "tester").txn
        before = state(ws)
        again = journal.book(ws, listed(event(), event(document="pp-2")), "file", TODAY, "tester")
        assert again.txn is not None and first is not None
        assert (again.txn.outcome, again.txn.txn, again.txn.seq, again.known) == ("already", first.txn, first.seq, 2)
        assert state(ws) == before
        more = journal.book(ws, listed(event(), event(document="pp-3")), "another file", TODAY, "tester")
        assert more.txn is not None and (more.txn.outcome, more.txn.rows, more.known) == ("new", 2, 1)


def booked_and_closed(ws: Workspace) -> dict[str, Any]:
    """Books with an event of March, and March closed since; the event."""
    march = event(document="pp-9", date=date(2022, 3, 28))
    opened(ws)
    journal.book(ws, listed(march), "file", TODAY, "tester")
    close(ws, MARCH, postings(MARCH, standards=500))
    return march


def test_the_same_list_after_its_month_was_closed_or_opened_changes_nothing(folder: Path) -> None:
    """Booked in March and, after March was closed, in April: what stands in one of them is not written in the other."""
    with Workspace.writing(folder) as ws:
        march = booked_and_closed(ws)
        before = state(ws)
        again = journal.book(ws, listed(march), "file", TODAY, "tester")
        assert again.txn is not None and (again.txn.outcome, again.txn.rows, again.known) == ("already", 0, 1)
        assert state(ws) == before
        late = event(document="pp-10", date=date(2022, 3, 29))
        both = journal.book(ws, listed(march, late, event()), "more", TODAY, "tester")
        assert both.txn is not None and (both.txn.rows, both.known) == (4, 1)
        assert set(journal.entries(ws).filter(pl.col("document") == "pp-10")["date"]) == {date(2022, 4, 1)}
        ws.forget_run(str(MARCH))  # March is opened again: pp-10 would go there now
        assert journal.open_month(ws) == MARCH
        before = state(ws)
        again = journal.book(ws, listed(march, late, event()), "third", TODAY, "tester")
        assert again.txn is not None and (again.txn.outcome, again.known) == ("already", 3)
        assert state(ws) == before
        # The same sum on another day of the same paper is another event.
        other = journal.book(ws, listed(event(document="pp-9", date=date(2022, 3, 27))), "file", TODAY, "tester")
        assert other.txn is not None and (other.txn.rows, other.known) == (2, 0)


def test_an_event_that_was_undone_after_its_month_was_closed_is_booked_again(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        march = booked_and_closed(ws)
        named = journal.entries(ws).filter(pl.col("document") == "pp-9")["posting_id"][0]
        journal.correct(ws, named, TODAY, "tester", "wrong bank")
        again = journal.book(ws, listed(march), "file", TODAY, "tester")
        assert again.txn is not None and (again.txn.outcome, again.txn.rows, again.known) == ("new", 2, 0)
        assert as_dict(journal.balances(ws, prefix="fund:75/nsz")) == {"fund:75/nsz": 700}


def test_books_that_begin_with_nothing_begin_with_their_first_closed_month(folder: Path) -> None:
    """Without an opening an event of the closed March is booked in April, as with one; one of February is before the books."""
    with Workspace.writing(folder) as ws:
        close(ws, MARCH, postings(MARCH, standards=500))
        booked = journal.book(ws, listed(event(date=date(2022, 3, 28))), "file", TODAY, "tester")
        assert booked.txn is not None
        assert set(journal.entries(ws).filter(pl.col("document") == "pp-1")["date"]) == {date(2022, 4, 1)}
        before = journal.book(ws, listed(event(date=date(2022, 2, 28))), "file", TODAY, "tester")
        assert [(row["rule"], json.loads(row["params"])["opened_on"]) for row in before.findings.iter_rows(named=True)] == [
            ("LB.5", "2022-03-01")
        ]


def test_an_event_of_a_closed_month_is_booked_in_the_open_one(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        opened(ws)
        close(ws, MARCH, postings(MARCH, standards=500))
        assert journal.open_month(ws) == APRIL
        journal.book(ws, listed(event(date=date(2022, 3, 28))), "file", TODAY, "tester")
        rows = journal.month_events(ws, APRIL)
        assert set(rows.select("date", "document_date").rows()) == {(date(2022, 4, 1), date(2022, 3, 28))}
        assert journal.month_events(ws, MARCH).is_empty()


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("LB.1", {"name": "gift"}),
    ("LB.1", {"name": "opening", "parties": {"party": "fund:75", "account": "money"}}),
    ("LB.2", {"amount_kop": 0}),
    ("LB.2", {"amount_kop": -700}),
    ("LB.3", {"parties": {"territory": "territory:75"}}),
    ("LB.3", {"parties": {"territory": "territory:00"}}),
    ("LB.3", {"parties": {}}),
    ("LB.3", {"parties": {"territory": "territory:38", "clinic": "clinic:750901"}}),
    ("LB.3", {"parties": {"territory": "territory:38", "fund": "fund:38"}}),
    ("LB.3", {"parties": "nonsense"}),
    ("LB.3", {"name": "fine_paid", "parties": {"payer": "insurer:75901", "clinic": "clinic:750901", "pot": "spare_reserve"}}),
    ("LB.4", {"date": date(2022, 4, 21)}),
    ("LB.4", {"document_date": date(2023, 4, 5)}),
    ("LB.5", {"date": date(2022, 2, 28)}),
    ("LB.5", {"date": date(1999, 12, 31)}),
    ("LB.8", {"date": date(2022, 3, 28), "month": "2022-03"}),
    ("LB.8", {"month": "2022-05"}),
    ("LB.10", {"name": "bill", "parties": {"payer": "insurer:75901", "clinic": "clinic:750901"}}),
    ("LB.10", {"name": "final_payment", "parties": {"payer": "insurer:75901", "clinic": "clinic:750901"}}),
    ("LB.11", {"document": None}),
    ("LB.11", {"date": None}),
    ("LB.11", {"amount_kop": None}),
]


@pytest.mark.parametrize(("rule", "changes"), REFUSED, ids=[f"{rule}-{next(iter(how))}" for rule, how in REFUSED])
def test_what_is_refused_leaves_the_books_as_they_were(folder: Path, rule: str, changes: dict[str, Any]) -> None:
    with Workspace.writing(folder) as ws:
        opened(ws)
        close(ws, MARCH, postings(MARCH, standards=500))
        before = state(ws)
        booked = journal.book(ws, listed(event(document="good"), event(**changes)), "file", TODAY, "tester")
        assert booked.txn is None
        assert booked.findings.select("rule", "line").rows() == [(rule, 2)]
        assert state(ws) == before
    for lang in messages.LANGUAGES:
        said = findings.with_text(booked.findings, lang)["text"][0]
        assert said and "{" not in said
        assert messages.text(f"rule.{rule}.todo", lang) and messages.text(f"rule.{rule}.title", lang)


def test_the_same_event_twice_in_a_list_is_refused(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        before = state(ws)
        booked = journal.book(ws, listed(event(), event(note="again")), "file", TODAY, "tester")
        assert booked.txn is None and booked.findings.select("rule", "line").rows() == [("LB.9", 2)]
        assert state(ws) == before


def test_an_event_that_says_in_one_of_its_books_what_another_said_is_refused(folder: Path) -> None:
    """Two returns of one sum by one paper differ only in the reserve: the fund's side would be the same posting."""

    def returned(pot: str) -> pl.DataFrame:
        return listed(event("unused_returned", parties={"insurer": "insurer:75901", "pot": pot}))

    with Workspace.writing(folder) as ws:
        assert journal.book(ws, returned("payment_reserve"), "file", TODAY, "tester").txn is not None
        before = state(ws)
        booked = journal.book(ws, returned("spare_reserve"), "other", TODAY, "tester")
        assert booked.txn is None and booked.findings["rule"].to_list() == ["LB.9"]
        assert state(ws) == before


def test_a_correction_undoes_the_whole_event_and_names_it(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        journal.book(ws, listed(event(), event(document="pp-2")), "file", TODAY, "tester")
        moment = ws.next_seq() - 1
        known = journal.balances(ws, known=moment)
        ids = journal.entries(ws).filter(document="pp-1")["posting_id"].sort()
        done = journal.correct(ws, ids[0], TODAY, "tester", "booked by mistake")
        assert done.txn is not None and done.txn.rows == 2
        rows = journal.entries(ws).filter(pl.col("reverses").is_not_null())
        assert rows["reverses"].sort().equals(ids.rename("reverses"))
        assert set(rows["date"]) == {date(2022, 4, 5)}
        assert as_dict(journal.balances(ws))["fund:75/nsz"] == 700
        assert journal.balances(ws, known=moment).equals(known)
        before = state(ws)
        again = journal.correct(ws, ids[0], TODAY, "tester", "booked by mistake")
        assert again.txn is not None and again.txn.outcome == "already"
        other = journal.correct(ws, ids[1], TODAY, "tester", "another reason")
        assert other.txn is None and other.findings["rule"].to_list() == ["LB.7"]
        unknown = journal.correct(ws, "0" * 32, TODAY, "tester", "why not")
        assert unknown.findings["rule"].to_list() == ["LB.6"]
        assert state(ws) == before
        # The correction is undone in its turn: the event stands again, and can be undone again.
        journal.correct(ws, str(other.findings["params"].str.json_path_match("$.by")[0]), TODAY, "tester", "it was right")
        assert as_dict(journal.balances(ws))["fund:75/nsz"] == 1400
        assert journal.correct(ws, ids[0], TODAY, "tester", "wrong all the same").txn.rows == 2  # type: ignore[union-attr]
        assert as_dict(journal.balances(ws))["fund:75/nsz"] == 700


def test_a_correction_is_undone_as_often_as_one_changes_ones_mind(folder: Path) -> None:
    """Each time the posting written last is named: a reversal of a reversal stands as the event does, and so on."""
    with Workspace.writing(folder) as ws:
        journal.book(ws, listed(event(), event(parties={"territory": "territory:03"})), "file", TODAY, "tester")
        posting = journal.entries(ws, "territory:38")["posting_id"][0]
        for stands in (700, 1400, 700, 1400, 700):
            done = journal.correct(ws, posting, TODAY, "tester", "wrong after all")
            assert done.txn is not None and done.txn.rows == 2
            posting = journal.entries(ws, "territory:38").filter(pl.col("reverses") == posting)["posting_id"][0]
            held = as_dict(journal.balances(ws))
            assert held["fund:75/nsz"] == stands
            assert held["territory:03/money"] == -700


def test_events_of_one_paper_and_amount_are_told_apart_by_their_parties(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        journal.book(ws, listed(event(), event(parties={"territory": "territory:03"})), "file", TODAY, "tester")
        wrong = journal.entries(ws, "territory:03").row(0, named=True)
        journal.correct(ws, wrong["posting_id"], TODAY, "tester", "not Buryatia")
        assert as_dict(journal.balances(ws, prefix="territory:")) == {
            "territory:38/money": -700,
            "territory:38/refund/fund:75": 700,
        }


def test_a_correction_of_a_closed_month_is_booked_in_the_open_one(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        opened(ws)
        close(ws, MARCH, postings(MARCH, bill=500, care_accepted=500))
        bill = journal.entries(ws, "clinic:750901/care").row(0, named=True)
        march = journal.balances(ws, on=MARCH.last)
        before = state(ws)
        refused = journal.correct(ws, bill["posting_id"], TODAY, "tester", "billed twice", on=date(2022, 3, 31))
        assert refused.findings["rule"].to_list() == ["LB.8"]
        assert journal.correct(ws, bill["posting_id"], TODAY, "tester", "x", on=date(2022, 4, 21)).findings["rule"].to_list() == [
            "LB.4"
        ]
        assert state(ws) == before
        journal.correct(ws, bill["posting_id"], TODAY, "tester", "billed twice")
        undone = journal.month_events(ws, APRIL)
        assert set(undone.select("date", "document_date", "rule").rows()) == {(date(2022, 4, 1), TODAY, "bill")}
        assert journal.balances(ws, on=MARCH.last).equals(march)
        assert "clinic:750901/care/insurer:75901" not in as_dict(journal.balances(ws))
        assert journal.corrected_later(ws, MARCH) == "journal.hold_corrected"


def test_the_opening_and_postings_of_an_open_month_are_not_corrected_apart(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        opened(ws)
        close(ws, MARCH, postings(MARCH, bill=500))
        of_opening = journal.entries(ws, "fund:75/opening").row(0, named=True)
        bill = journal.entries(ws, "clinic:750901/care").row(0, named=True)
        ws.forget_run(str(MARCH))
        before = state(ws)
        for posting in (of_opening, bill):
            done = journal.correct(ws, posting["posting_id"], TODAY, "tester", "wrong")
            assert done.findings["rule"].to_list() == ["LB.10"]
        with pytest.raises(WorkspaceError, match=r"journal\.why"):
            journal.correct(ws, bill["posting_id"], TODAY, "tester", " ")
        assert state(ws) == before


def test_a_month_closed_again_writes_the_difference_only(folder: Path) -> None:
    first, second = postings(MARCH, bill=500, standards=900), postings(MARCH, bill=450, standards=900)
    with Workspace.writing(folder) as ws:
        opened(ws)
        close(ws, MARCH, first)
        old = journal.entries(ws, first=MARCH.first)
        moment = ws.next_seq() - 1
        known = journal.balances(ws, known=moment)
        assert close(ws, MARCH, first, "b").outcome == "already"
        assert close(ws, MARCH, second, "c").rows == 4  # two lines of the bill undone, two written
        rows = journal.entries(ws, first=MARCH.first)
        assert set(old["posting_id"]) < set(rows["posting_id"])
        gone = set(first["posting_id"]) - set(second["posting_id"])
        assert set(rows["reverses"].drop_nulls()) == gone
        assert as_dict(journal.balances(ws))["insurer:75901/care/clinic:750901"] == -450
        assert journal.balances(ws, known=moment).equals(known)
        assert close(ws, MARCH, first, "a").rows == 4  # back again: new ids, nothing is revived
        assert as_dict(journal.balances(ws))["insurer:75901/care/clinic:750901"] == -500
        assert close(ws, MARCH, second, "c").rows == 4
        assert close(ws, MARCH, first, "a").rows == 4
        assert journal.balances(ws, known=moment).equals(known)
        assert journal.entries(ws)["posting_id"].is_unique().all()
        assert_balanced(as_dict(journal.balances(ws)))


def test_what_is_known_is_never_known_earlier_than_what_was_written_before(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        journal.book(ws, listed(event()), "file", TODAY, "tester")
        known = journal.balances(ws, known=date(2022, 4, 19))
        journal.book(ws, listed(event(document="pp-0")), "older", date(2022, 4, 10), "tester")
        assert journal.balances(ws, known=date(2022, 4, 19)).equals(known)
        assert journal.entries(ws)["known_on"].unique().to_list() == [TODAY]


def test_the_open_month_of_empty_books_is_not_known(folder: Path) -> None:
    with Workspace.open(folder) as ws, pytest.raises(WorkspaceError, match=r"journal\.no_month"):
        journal.open_month(ws)


@pytest.fixture
def lived_in(folder: Path) -> Path:
    """Books with an opening, a month closed twice, events and a correction that was undone."""
    with Workspace.writing(folder) as ws:
        opened(ws)
        close(ws, MARCH, postings(MARCH, bill=500, standards=900))
        close(ws, MARCH, postings(MARCH, bill=450, standards=900), "b")
        close(ws, MARCH, postings(MARCH, bill=500, standards=900), "c")
        journal.book(ws, listed(event(), event(document="pp-2", date=date(2022, 3, 28))), "file", TODAY, "tester")
        first = journal.month_events(ws, APRIL).row(0, named=True)["posting_id"]
        journal.correct(ws, first, TODAY, "tester", "wrong")
        journal.book(ws, listed(event(), event(document="pp-2", date=date(2022, 3, 28))), "another file", TODAY, "tester")
        assert journal.problems(ws) == []
    return folder


TAMPERED = {
    "UPDATE journal SET amount_kop = amount_kop + 1 WHERE document = 'pp-1'": {"posting"},
    "UPDATE journal SET credit = 'fund:75/money' WHERE credit = 'fund:75/refund/territory:38'": {
        "posting",
        "reversal",
        "unbalanced",
    },
    "UPDATE journal SET date = date + 1, document_date = document_date + 1 WHERE document = 'pp-1'": {"posting"},
    "DELETE FROM journal WHERE document = 'pp-1'": {"rows"},
    "DELETE FROM journal WHERE rule = 'standards' AND debit LIKE 'fund:%'": {"rows", "unbalanced"},
    "UPDATE journal SET reverses = NULL WHERE reverses IS NOT NULL AND rule = 'bill'": {"posting"},
    "INSERT INTO journal SELECT * REPLACE ('f' || posting_id[2:] AS posting_id) FROM journal WHERE document = 'pp-1'": {
        "posting",
        "rows",
    },
    "UPDATE ledger_txns SET source = 'other' WHERE kind = 'event'": {"chain"},
    "DELETE FROM ledger_txns WHERE kind = 'correction'": {"orphan", "chain"},
    "UPDATE ledger_txns SET rows_digest = 'x', rows = rows WHERE kind = 'opening'": {"rows", "chain"},
    "UPDATE journal SET txn = (SELECT txn FROM ledger_txns WHERE kind = 'opening') WHERE document = 'pp-1'": {"rows"},
}


@pytest.mark.parametrize("change", TAMPERED, ids=lambda text: text[:46])
def test_tampering_with_the_journal_is_found(lived_in: Path, change: str) -> None:
    with Workspace.writing(lived_in) as ws:
        ws._connection.execute(change)
        assert {what for what, _ in journal.problems(ws)} >= TAMPERED[change]


def test_events_before_the_first_closing_follow_the_opening_register_and_go_into_its_month(folder: Path) -> None:
    given = pl.DataFrame({"account": ["fund:75/nsz"], "amount_kop": [5_000]}, schema=contract.TABLES["reg_opening"].schema())
    with Workspace.writing(folder) as ws:
        ws.store_register("reg_opening", given, TODAY)
        ws.record("register load", TODAY, "tester", None, {})
        assert journal.book(ws, listed(event(date=date(2022, 3, 5))), "file", TODAY, "tester").findings.is_empty()
        assert journal.opened_on(ws) == date(2022, 2, 28)
        assert as_dict(journal.balances(ws, on=date(2022, 2, 28))) == {"fund:75/nsz": 5_000, "fund:75/opening": -5_000}
        assert journal.open_month(ws) == MARCH
        # An event of the month itself is its movement; one of a month that nobody closed is where the next begins.
        assert closing._balances_before(ws, MARCH, []).is_empty()
        assert as_dict(closing._balances_before(ws, APRIL, []))["fund:75/nsz"] == 5_700
        assert journal.problems(ws) == []
