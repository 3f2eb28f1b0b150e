"""What does a place fund owe back of a bill that was refunded already, and how is that settled? (Rules 142-145; law.md 11)

A corrected part may take off what was accepted - an accident at work, own expertise found later - after the home fund has paid
it. The Rules name no way in which such money goes back. Ours, marked as a choice of this program (`territories.return_ways`): the
place fund returns it by a payment order, or both funds agree to set it off against another refund between them in the same roles.

Of every bill both funds reckon the same from files, refunds, returns and set-offs, in kopecks:

    settled = refunded + set off for it - returned - set off of it        due = accepted - settled
    owed back = settled - (accepted + not answered yet), if above zero

The debt back stands on an account of its own (`refund_back`, in the home fund's books `refund_back_due`), so that what is owed
for care never hides what is owed back. Pure: the workspace half is `omsclaims.between_back`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract
from omsclaims.findings import Finding
from omsclaims.settlement import ledger

if TYPE_CHECKING:
    from datetime import date

#: Parameter of the law: in which ways a debt back may be settled.
WAYS: Final = "territories.return_ways"
#: Accounts by our role: refunds owed, what is owed back.
ACCOUNTS: Final = {"place": ("refund", "refund_back"), "home": ("refund_due", "refund_back_due")}
#: What happened -> event of the ledger, by our role.
EVENTS: Final[dict[str, dict[str, str]]] = {
    "place": {
        "refunded": "territory_refund", "owed_back": "territory_owed_back", "netted": "territory_netted",
        "returned": "territory_returned",
    },
    "home": {
        "refunded": "refund_paid", "owed_back": "owed_back_of_territory", "netted": "netted_of_territory",
        "returned": "returned_of_territory",
    },
}  # fmt: skip
#: By our role: what happened -> whether the account that it is read from is that of refunds, and its side of the posting.
_READ: Final[dict[str, dict[str, tuple[int, str]]]] = {
    "place": {"refunded": (0, "credit"), "owed_back": (1, "credit"), "netted": (1, "debit"), "returned": (1, "debit")},
    "home": {"refunded": (0, "debit"), "owed_back": (1, "debit"), "netted": (1, "credit"), "returned": (1, "credit")},
}  # fmt: skip
#: Second part of the document of a set-off: `<bill it pays>/netted/<bill that is owed back>/...`.
NETTED: Final = "netted"
#: Beginning of the second part of the document of a debt back by which a set-off within the bill is undone.
UNDONE: Final = "undone-"
#: What moved between two funds: bill, for a set-off the bill `of` whose debt back is used, and the document.
MONEY: Final[dict[str, pl.DataType]] = {
    "territory": pl.String(), "what": pl.String(), "bill": pl.String(), "of": pl.String(), "document": pl.String(),
    "on": pl.Date(), "amount_kop": pl.Int64(),
}  # fmt: skip


def money(entries: pl.DataFrame, side: str, fund: str) -> pl.DataFrame:
    """Refunds, debts back, set-offs and returns of the journal: columns MONEY, in its order; what was undone is below zero.

    entries  contract `journal` (any postings)
    side     our role: place | home;  fund: our party in the ledger
    """
    parts = [pl.DataFrame(schema=MONEY)]
    document = pl.col("document").str.split("/")
    for what, event in EVENTS[side].items():
        at, normal = _READ[side][what]
        prefix = f"{fund}/{ACCOUNTS[side][at]}/territory:"
        other = "debit" if normal == "credit" else "credit"
        own = entries.filter(pl.col("rule") == event)
        for column, sign in ((normal, 1), (other, -1)):
            rows = own.filter(pl.col(column).str.starts_with(prefix))
            parts.append(
                rows.select(
                    pl.col(column).str.slice(len(prefix)).alias("territory"), pl.lit(what).alias("what"),
                    document.list.get(0).alias("bill"),
                    pl.when(pl.lit(what == "netted")).then(document.list.get(2, null_on_oob=True)).alias("of"), "document",
                    pl.col("document_date").alias("on"), (pl.col("amount_kop") * sign).alias("amount_kop"),
                )
            )  # fmt: skip
    return pl.concat(parts)


@dataclass(frozen=True, slots=True)
class Position:
    """How a bill stands between two funds, in kopecks.

    unanswered_kop  presented and not answered yet;  refunded_kop: money paid on it
    netted_kop      paid by what was owed back of another bill (or of itself);  used_kop: of its own debt back, set off so
    returned_kop    sent back in money;  posted_kop: debts back that the books have recognised, all together
    inside_kop      of both set-offs, what is still set off within the bill, because more of it was accepted than before
    """

    bill: str
    territory: str
    accepted_kop: int = 0
    unanswered_kop: int = 0
    refunded_kop: int = 0
    netted_kop: int = 0
    used_kop: int = 0
    returned_kop: int = 0
    posted_kop: int = 0
    inside_kop: int = 0

    @property
    def settled_kop(self) -> int:
        """What the place fund has of it in the end."""
        return self.refunded_kop + self.netted_kop - self.returned_kop - self.used_kop

    @property
    def due_kop(self) -> int:
        """What the home fund still has to pay; below zero: it has paid more than is accepted."""
        return self.accepted_kop - self.settled_kop

    @property
    def back_kop(self) -> int:
        """What the place fund owes back by files and payments."""
        return max(0, self.settled_kop - self.accepted_kop - self.unanswered_kop)

    @property
    def booked_kop(self) -> int:
        """What it owes back by the account."""
        return self.posted_kop - self.used_kop - self.returned_kop

    @property
    def open_kop(self) -> int:
        """What may still be refunded of it: accepted or not answered, and not settled."""
        return self.accepted_kop + self.unanswered_kop - self.settled_kop

    def late_kop(self, withdrawn_kop: int) -> int:
        """Of what was taken off accepted items, the part that was not paid yet: its refund may be under way."""
        return max(0, self.open_kop + withdrawn_kop) - max(0, self.open_kop)


_FIELD: Final = {"refunded": "refunded_kop", "owed_back": "posted_kop", "netted": "netted_kop", "returned": "returned_kop"}


def positions(states: pl.DataFrame, territories: Mapping[str, str], moved: pl.DataFrame) -> dict[str, Position]:
    """Bill -> how it stands, by name.

    states  contract `between_states`;  territories: bill -> code of the other fund;  moved: columns MONEY. What names no bill of
            `territories` is left out: nobody knows what it paid
    """
    sums = states.group_by("bill").agg(
        pl.col("accepted_kop").sum(), pl.col("presented_kop").filter(pl.col("state") == "presented").sum().alias("unanswered_kop")
    )
    found = {bill: Position(bill, territory) for bill, territory in sorted(territories.items())}
    for bill, accepted, unanswered in sums.iter_rows():
        if bill in found:
            found[bill] = replace(found[bill], accepted_kop=accepted, unanswered_kop=unanswered)
    for what, bill, of, document, amount in moved.select("what", "bill", "of", "document", "amount_kop").iter_rows():
        fields = [(bill, _FIELD[what], amount), (of, "used_kop", amount)]
        if bill == of:
            fields.append((bill, "inside_kop", amount))
        elif what == "owed_back" and document.startswith(f"{bill}/{UNDONE}"):
            fields.append((bill, "inside_kop", -amount))
        for name, field, change in fields:
            if name in found:
                found[name] = replace(found[name], **{field: getattr(found[name], field) + change})
    return found


# ---- events -----------------------------------------------------------------------------------------------------------


def event(
    what: str, side: str, own: str, other: str, amount_kop: int, document: str, document_date: date, on: date
) -> dict[str, object]:  # fmt: skip
    """One row of contract `ledger_events`. own, other: codes of the two funds."""
    name = EVENTS[side][what]
    who = {"fund": ledger.fund(own), "territory": ledger.territory(other)}
    parties = {role: who[role] for role in ledger.posting_rules()[name].roles()}
    return {
        "event": name, "date": on, "document": document, "document_date": document_date, "amount_kop": amount_kop,
        "parties": json.dumps(parties, sort_keys=True, separators=(",", ":")), "order_id": None, "note": None,
    }  # fmt: skip


def table(rows: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    """Rows of `event` as contract `ledger_events`."""
    return pl.DataFrame(list(rows), schema=contract.TABLES["ledger_events"].schema(), orient="row")


def recognised(now: Position, side: str, own: str, document: str, document_date: date, on: date) -> pl.DataFrame:
    """The event by which the books follow files and payments of a bill; no row where they do.

    A debt back that is new arises; one that the bill itself has settled, because more of it is accepted now, is set off in it.
    document  file or payment that moved the bill
    """
    amount = now.back_kop - now.booked_kop
    if amount == 0:
        return table([])
    if amount > 0:
        return table([event("owed_back", side, own, now.territory, amount, f"{now.bill}/{document}", document_date, on)])
    inside = f"{now.bill}/{NETTED}/{now.bill}/{document}"
    return table([event("netted", side, own, now.territory, -amount, inside, document_date, on)])


def after_refunds(events: pl.DataFrame, known: Mapping[str, Position], own: str) -> pl.DataFrame:
    """Debts back that the refunds among `events` leave: money that came when its bill had shrunk already. `ledger_events`.

    known  how our bills stood before them. A refund whose document names no bill of ours tells of none
    """
    came = events.filter(pl.col("event") == EVENTS["place"]["refunded"]).with_columns(
        _bill=pl.col("document").str.split("/").list.get(0)
    )
    parts = [table([])]
    for (bill,), rows in came.filter(pl.col("_bill").is_in(list(known))).group_by("_bill", maintain_order=True):
        now, last = known[str(bill)], rows.row(-1, named=True)
        after = replace(now, refunded_kop=now.refunded_kop + int(rows["amount_kop"].sum()))
        document = f"back-{last['document'].partition('/')[2]}"
        parts.append(recognised(after, "place", own, document, last["document_date"], last["date"]))
    return pl.concat(parts)


def after_returns(events: pl.DataFrame, known: Mapping[str, Position], side: str, own: str) -> pl.DataFrame:
    """What returns among `events` undo of set-offs within their bills: money sent back while more of the bill was accepted.

    The answer that accepted it and the money crossed: the bill had settled its own debt, and the money came all the same. So the
    debt arises again, is paid by that money, and as much is due of the bill. known: how the bills stood before them
    """
    came = events.filter(pl.col("event") == EVENTS[side]["returned"]).with_columns(
        _bill=pl.col("document").str.split("/").list.get(0)
    )
    parts = [table([])]
    for (bill,), rows in came.filter(pl.col("_bill").is_in(list(known))).group_by("_bill", maintain_order=True):
        now, last = known[str(bill)], rows.row(-1, named=True)
        over = int(rows["amount_kop"].sum()) - max(0, now.booked_kop)
        if over > 0:
            document = f"{now.bill}/{UNDONE}{last['document'].partition('/')[2]}"
            undone = event("owed_back", side, own, now.territory, over, document, last["document_date"], last["date"])
            parts.append(table([undone]))
    return pl.concat(parts)


# ---- what is asked for ------------------------------------------------------------------------------------------------


def return_problem(now: Position, amount_kop: int, ordered_kop: int = 0, came: bool = False) -> Finding | None:
    """TB.15: a return of nothing, or of more than is owed back and not ordered yet.

    came  the money is there already: what was set off within the bill while it was under way comes, too (`after_returns`)
    """
    most = now.booked_kop + (now.inside_kop if came else 0)
    if 0 < amount_kop <= most - ordered_kop:
        return None
    params = {"bill": now.bill, "back": most, "ordered": ordered_kop, "returned": now.returned_kop}
    return Finding("TB.15", package=now.bill, file=now.bill, value=str(amount_kop), params=params)


def net_problem(target: Position, source: Position, amount_kop: int, same_role: bool, ordered_kop: int = 0) -> Finding | None:
    """TB.17: the bills are not of the same two funds in the same roles, or are one; TB.16: above what is due or owed back."""
    params: dict[str, object] = {"bill": target.bill, "against": source.bill}
    if not same_role or target.territory != source.territory or target.bill == source.bill:
        return Finding("TB.17", package=target.bill, file=target.bill, value=source.bill, params=params)
    back = source.booked_kop - ordered_kop
    if 0 < amount_kop <= min(target.due_kop, back):
        return None
    params |= {"due": target.due_kop, "back": back}
    return Finding("TB.16", package=target.bill, file=target.bill, value=str(amount_kop), params=params)


def most_to_net(target: Position, source: Position, ordered_kop: int = 0) -> int:
    """The most that can be set off: the smaller of what is due on one bill and owed back of the other."""
    return max(0, min(target.due_kop, source.booked_kop - ordered_kop))
