"""How do bills stand between this fund and others once refunds, returns and set-offs are counted? What the books must recognise.

Rules 142-145; law.md 11. A bill that was refunded and shrinks afterwards leaves a debt back (`settlement.between.back`). It is
recognised in the same transaction as the file or payment that made it; so files, bank and set-offs can come in any order and both
funds end with the same debt.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from omsclaims import between_store, contract, journal
from omsclaims.settlement import bank, ledger
from omsclaims.settlement.between import back, book
from omsclaims.settlement.between.terms import age_bounds
from omsclaims.workspace import Workspace

#: What a list of debts back shows of each bill.
OWED = {
    "side": pl.String(), "bill": pl.String(), "territory": pl.String(), "nschet": pl.String(), "dschet": pl.Date(),
    "accepted_kop": pl.Int64(), "refunded_kop": pl.Int64(), "netted_kop": pl.Int64(), "returned_kop": pl.Int64(),
    "back_kop": pl.Int64(), "ordered_kop": pl.Int64(), "age_from": pl.Int64(), "age_to": pl.Int64(),
}  # fmt: skip


def territories(files: pl.DataFrame, side: str) -> dict[str, str]:
    """Bill R -> code of the other fund, of the bills in which our role is `side`."""
    rows = book.taken(files).filter((pl.col("kind") == "R") & (pl.col("side") == side))
    return dict(rows.select("file_name", "receiver" if side == "place" else "sender").iter_rows())


def moved(ws: Workspace, side: str) -> pl.DataFrame:
    """Refunds, debts back, set-offs and returns of one role: columns `back.MONEY`."""
    fund = ledger.fund(ws.meta("territory"))
    entries = journal.entries(ws, f"{fund}/refund") if ws.has_journal() else contract.TABLES["journal"].empty()
    return back.money(entries, side, fund)


def positions(ws: Workspace, side: str, held: tuple[pl.DataFrame, pl.DataFrame] | None = None) -> dict[str, back.Position]:
    """Every bill of one role, by name. held: contract `between_files` and `between_items`, where the caller has read them."""
    files, items = held or (between_store.files(ws), between_store.items(ws))
    return back.positions(book.states(files, items, side), territories(files, side), moved(ws, side))


def of_bill(ws: Workspace, bill: str, side: str, other: str, states: pl.DataFrame) -> back.Position:
    """One bill. states: contract `between_states` of its items, as they stand or as a file would leave them."""
    return back.positions(states, {bill: other}, moved(ws, side))[bill]


def with_debt_back(
    ws: Workspace, events: pl.DataFrame, side: str, bill: str, other: str, states: pl.DataFrame, document: str,
    document_date: date, on: date,
) -> pl.DataFrame:  # fmt: skip
    """`events` of a file or paper, and the debt back that it leaves of a bill already paid. states: of the items after it."""
    now = of_bill(ws, bill, side, other, states)
    return pl.concat([events, back.recognised(now, side, ws.meta("territory"), document, document_date, on)])


# ---- the bank -------------------------------------------------------------------------------------------------------------


def for_bank(ws: Workspace) -> dict[str, bank.OfBill]:
    """What a statement must know of single bills, both roles, by name."""
    files, items = between_store.files(ws), between_store.items(ws)
    if book.taken(files).is_empty():
        return {}
    withdrawn = _withdrawn(ws, files)
    found = {}
    for side in ("place", "home"):
        for bill, one in positions(ws, side, (files, items)).items():
            taken = withdrawn.get(bill, 0) if side == "place" else 0
            found[bill] = bank.OfBill(max(0, one.open_kop), one.late_kop(taken), max(0, one.booked_kop), max(0, one.inside_kop))
    return found


def _withdrawn(ws: Workspace, files: pl.DataFrame) -> dict[str, int]:
    """What corrected parts took off accepted items, by our bill: money for it may be on its way."""
    account = f"{ledger.fund(ws.meta('territory'))}/refund/territory:"
    found: dict[str, int] = {}
    bills = book.bills_of(files)
    for row in journal.entries(ws, account).filter(pl.col("rule") == "territory_withdrawn").iter_rows(named=True):
        bill = bills.get(row["document"], row["document"])
        sign = 1 if row["credit"].startswith(account) else -1
        found[bill] = found.get(bill, 0) + sign * row["amount_kop"]
    return found


def after_payments(ws: Workspace, events: pl.DataFrame) -> pl.DataFrame:
    """What money between funds in a statement makes the books recognise: contract `ledger_events`.

    Refunds of bills that had shrunk already leave debts back; returns of bills of which more was accepted meanwhile undo the
    set-off within them.
    """
    own, parts = ws.meta("territory"), [back.table([])]
    for side, names in back.EVENTS.items():
        if events.filter(pl.col("event").is_in([names["refunded"], names["returned"]])).height:
            known = positions(ws, side)
            parts += [back.after_refunds(events, known, own)] if side == "place" else []
            parts.append(back.after_returns(events, known, side, own))
    return pl.concat(parts)


# ---- lists ----------------------------------------------------------------------------------------------------------------


def ordered(orders: pl.DataFrame, lines: pl.DataFrame) -> dict[str, int]:
    """Bill -> kopecks of its open orders of return that no payment has settled yet."""
    rest = bank.remaining(orders, lines)
    found: dict[str, int] = {}
    for order, bill in orders.filter(pl.col("kind") == bank.RETURN).select("order_id", "month").iter_rows():
        found[bill] = found.get(bill, 0) + rest[order]
    return found


def owed(ws: Workspace, on: date, under_way: Mapping[str, int], side: str | None = None) -> pl.DataFrame:
    """Bills of which something is owed back: columns OWED, ours (place: we owe it) first, then by bill.

    on         the age is that of the bill: days from its date to this one
    under_way  `ordered`;  side: one role only
    """
    files, items = between_store.files(ws), between_store.items(ws)
    heads = {row["file_name"]: row for row in book.taken(files).filter(pl.col("kind") == "R").iter_rows(named=True)}
    rows = []
    for role in ("place", "home") if side is None else (side,):
        for bill, one in sorted(positions(ws, role, (files, items)).items()):
            if one.booked_kop:
                rows.append(
                    {
                        "side": role, "bill": bill, "territory": one.territory, "nschet": heads[bill]["nschet"],
                        "dschet": heads[bill]["dschet"], "accepted_kop": one.accepted_kop, "refunded_kop": one.refunded_kop,
                        "netted_kop": one.netted_kop - one.used_kop, "returned_kop": one.returned_kop, "back_kop": one.booked_kop,
                        "ordered_kop": under_way.get(bill, 0) if role == "place" else 0, "age_from": None, "age_to": None,
                    }
                )  # fmt: skip
    days = pl.max_horizontal((pl.lit(on) - pl.col("dschet")).dt.total_days(), pl.lit(0)).fill_null(0)
    begin, end = age_bounds(days)
    return pl.DataFrame(rows, schema=OWED).with_columns(age_from=begin, age_to=end)
