"""How does a fund settle what is owed back of a refunded bill? Returns it by the bank, or sets it off against another refund.

Rules 142-145 name no way; both are ours (`territories.return_ways`, unconfirmed). Each step is one transaction. A set-off needs
the agreement of both funds: each enters it in its own books, of the day and with the reason of their letter, as the giving up by
letter is entered. Wrong input is a finding and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from omsclaims import bank, between, between_back, between_home, between_store, findings, journal
from omsclaims.findings import Finding
from omsclaims.law import Parameters, federal_parameters
from omsclaims.settlement import ledger
from omsclaims.settlement.between import back, book
from omsclaims.workspace import Workspace, WorkspaceError


def _allowed(way: str, on: date, law: Parameters | None) -> None:
    """Raises WorkspaceError `between.way` where the parameter of the law does not name the way on the day."""
    ways = (law or federal_parameters()).value(back.WAYS, on)
    if way not in ways:
        raise WorkspaceError("between.way", way=way, ways=", ".join(str(one) for one in ways))


def _bill(ws: Workspace, bill: str) -> tuple[Mapping[str, Any], back.Position]:
    """The row of a bill of ours or of another fund, and how it stands.

    Raises WorkspaceError `between.fund_only`, `between.no_file`.
    """
    if ws.meta("role") != "fund":
        raise WorkspaceError("between.fund_only")
    files, rows = between_store.of_bill(ws, bill)
    found = book.taken(files).filter((pl.col("file_name") == bill) & (pl.col("kind") == "R"))
    if found.is_empty():
        raise WorkspaceError("between.no_file", file=bill)
    row = found.row(0, named=True)
    other = row["receiver"] if row["side"] == "place" else row["sender"]
    return row, between_back.of_bill(ws, bill, row["side"], other, book.states_of(bill, files, rows))


def _ordered(ws: Workspace, bill: str) -> int:
    """Kopecks of a bill that open orders will return."""
    if ws.payments() != "actual":
        return 0
    return between_back.ordered(bank.orders(ws), bank.lines(ws)).get(bill, 0)


def _done(bill: str, outcome: between.Outcome, now: back.Position, amount: int = 0, wrong: Finding | None = None) -> between.Done:
    said = findings.empty() if wrong is None else findings.frame([wrong])
    return between.Done(bill, outcome, now.territory, said, None, 0, amount)


def _booked(ws: Workspace, name: str, events: pl.DataFrame, document: str, on: date, who: str, why: str | None) -> None:
    """Books events or raises WorkspaceError `between.not_booked`.

    The moment tells them from the same that was undone before; a repeat of the command finds nothing owed back.
    """
    made = journal.book(ws, events, f"{document}/{ws.next_seq()}", on, who, why)
    if made.txn is None:
        raise WorkspaceError("between.not_booked", file=name, rules=", ".join(made.findings["rule"].unique().sort()))


def give_back(
    ws: Workspace, bill: str, on: date, who: str, amount_kop: int | None = None, law: Parameters | None = None
) -> tuple[between.Done, pl.DataFrame]:
    """Returns what is owed back of a bill, all of it or a part (inside `Workspace.writing`); and the order that it made.

    Of a bill of ours: an order to the bank where payments go through it (outcome `sent`; the statement books the money), else the
    return is booked at once. Of a bill that we paid: the money came, booked at once; where payments go through the bank its
    statement says that, and this raises WorkspaceError `between.by_bank`.
    The books unchanged: TB.15 nothing is owed back, more than that, or it is ordered already; PB.14 the stock has not the money.
    """
    _allowed("order", on, law)
    row, now = _bill(ws, bill)
    actual = ws.payments() == "actual"
    if actual and row["side"] == "home":
        raise WorkspaceError("between.by_bank", bill=bill)
    waiting = _ordered(ws, bill) if row["side"] == "place" else 0
    amount = now.booked_kop - waiting if amount_kop is None else amount_kop
    none = bank.orders(ws).clear()
    wrong = back.return_problem(now, amount, waiting, came=row["side"] == "home")
    if wrong is None and row["side"] == "place":
        wrong = bank.beyond_stock(ws, amount)
    if wrong is not None:
        return _done(bill, "refused", now, amount, wrong), none
    if actual:
        made = bank.order_return(ws, bill, ledger.territory(now.territory), amount, on, who)
        return _done(bill, "sent", now, amount), made
    document = f"{bill}/return/{now.returned_kop}"  # unique: what was returned before tells one return from the next
    own = ws.meta("territory")
    events = back.table([back.event("returned", row["side"], own, now.territory, amount, document, on, on)])
    crossed = back.after_returns(events, {bill: now}, row["side"], own)
    _booked(ws, bill, pl.concat([events, crossed]), document, on, who, None)
    return _done(bill, "booked", now, amount), none


def net(
    ws: Workspace, bill: str, against: str, on: date, who: str, why: str, amount_kop: int | None = None,
    law: Parameters | None = None,
) -> between.Done:  # fmt: skip
    """Sets what is owed back of the bill `against` off against what is due on `bill` (inside `Workspace.writing`).

    Both are bills of ours to one fund, or of one fund to us. on, why: day and letter of the agreement; the other fund enters the
    same. By default as much as can be. TB.16 above what is due or owed back, TB.17 other funds or roles: the books unchanged.
    Raises WorkspaceError `between.why`, `between.way`, `between.no_file`, `between.fund_only`.
    """
    if not why.strip():
        raise WorkspaceError("between.why")
    _allowed("netting", on, law)
    row, target = _bill(ws, bill)
    other, source = _bill(ws, against)
    waiting = _ordered(ws, against) if other["side"] == "place" else 0
    amount = back.most_to_net(target, source, waiting) if amount_kop is None else amount_kop
    wrong = back.net_problem(target, source, amount, row["side"] == other["side"], waiting)
    if wrong is not None:
        return _done(bill, "refused", target, amount, wrong)
    document = f"{bill}/{back.NETTED}/{against}/{source.used_kop}"
    event = back.event("netted", row["side"], ws.meta("territory"), target.territory, amount, document, on, on)
    _booked(ws, bill, back.table([event]), document, on, who, why)
    return _done(bill, "booked", target, amount)


def pay_less(
    ws: Workspace, bill: str, against: str, on: date, who: str, why: str, amount_kop: int | None = None,
    law: Parameters | None = None,
) -> tuple[between.Done, between.Done | None]:  # fmt: skip
    """Pays a bill of another fund less what it owes back of the bill `against`: the set-off, and the payment of the rest (None
    where nothing is left to pay). amount_kop: what is settled in all, by default everything due.

    Both in one transaction: a payment that is refused (TH.12) after a set-off raises WorkspaceError `between.not_booked`.
    """
    owed = between_home.refund_of(ws, bill)
    wanted = owed.due_kop if amount_kop is None else amount_kop
    _, source = _bill(ws, against)
    part = min(wanted, max(0, source.booked_kop)) if amount_kop is not None else None
    done = net(ws, bill, against, on, who, why, part, law)
    if done.outcome == "refused" or done.amount_kop == wanted:
        return done, None
    paid = between_home.pay(ws, bill, on, who, wanted - done.amount_kop)
    if paid.outcome == "refused":
        raise WorkspaceError("between.not_booked", file=bill, rules=", ".join(paid.findings["rule"].unique().sort()))
    return done, paid
