"""What is there, and what must hold of it after every step? Two funds with their books and files, and a plain second account of both.

`Item` is the second account: whole numbers, written apart from the engine. After every step the engine's states, its ledger and
this account must say the same (`World.check`), and what was known at an earlier moment must not have changed.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any, Final

import polars as pl

from omsclaims import contract, journal
from omsclaims.law import federal_parameters
from omsclaims.periods import Month
from omsclaims.settlement import ledger
from omsclaims.settlement.between import back, book, items
from omsclaims.settlement.payments import Billed, Pair
from tests.machine.books import KilledError, Memory

PLACE, HOME = "01", "38"
INSURER, CLINICS = "01901", ("010901", "010902")
OKATO: Final = {PLACE: "79000", HOME: "25000"}
LAW: Final = federal_parameters()
FIRST: Final = Month(2022, 1)
LAST_DAY: Final = date(2023, 6, 30)
OPENING: Final = {
    f"insurer:{INSURER}/payment_reserve": 50_000_000, f"insurer:{INSURER}/spare_reserve": 1_000_000, f"fund:{PLACE}/nsz": 90_000_000,
    f"fund:{HOME}/nsz": 90_000_000,
}  # fmt: skip


@dataclass
class Item:
    """One item of a bill, in kopecks; `done`: no file may move its money any more."""

    presented: int
    accepted: int = 0
    questioned: int = 0
    conceded: int = 0
    refused: int = 0
    state: str = "presented"
    withdrawn: int = 0  # taken off what had been accepted

    @property
    def open(self) -> int:
        return self.presented if self.state == "presented" else self.questioned

    @property
    def done(self) -> bool:
        return self.state in ("accepted_finally", "refused_finally", "conceded", "withdrawn", "written_off")

    def amounts(self) -> tuple[int, ...]:
        return self.presented, self.accepted, self.questioned, self.conceded, self.refused, self.open

    def answer(self, taken: int) -> None:
        self.accepted, self.questioned = self.presented - taken, taken
        self.state = "questioned" if taken else "accepted"

    def correct(self, given_up: int) -> None:
        self.conceded = given_up
        if self.state == "accepted":
            self.accepted, self.state, self.withdrawn = self.accepted - given_up, "withdrawn", given_up
            return
        still = self.questioned - given_up
        if still <= 0:  # more than was questioned comes off what had been accepted
            self.accepted, self.questioned, self.state, self.withdrawn = self.accepted + still, 0, "conceded", -still
        else:
            self.questioned, self.state = still, "presented_again"

    def end(self, taken: int) -> None:
        if self.state != "presented_again":
            return
        self.accepted, self.refused, self.questioned = self.accepted + self.questioned - taken, taken, 0
        self.state = "refused_finally" if taken else "accepted_finally"

    def concede(self) -> None:
        self.conceded, self.questioned, self.state = self.questioned, 0, "conceded"


@dataclass
class Cash:
    """What moved of one bill between the funds, in kopecks, as the second account has it; corrections are in it."""

    refunded: int = 0
    netted: int = 0  # paid by what is owed back of another bill, or of itself
    used: int = 0  # of its own debt back, set off so
    returned: int = 0
    posted: int = 0  # debts back that were recognised

    @property
    def settled(self) -> int:
        return self.refunded + self.netted - self.used - self.returned

    @property
    def back(self) -> int:
        return self.posted - self.used - self.returned


#: Events that move money of a bill, or what is owed back of it, at both ends -> the field of `Cash`.
OF_CASH: Final = {
    "territory_refund": "refunded", "refund_paid": "refunded", "territory_owed_back": "posted", "owed_back_of_territory": "posted",
    "territory_netted": "netted", "netted_of_territory": "netted", "territory_returned": "returned", "returned_of_territory": "returned",
}  # fmt: skip


@dataclass
class Figures:
    """What a month of the place fund was closed with."""

    billed: dict[Pair, Billed]
    guests: list[tuple[int, int]]  # SUMV, what control took
    asked: list[tuple[Pair, int]]  # advances applied for
    expertise: dict[Pair, int]  # taken by МЭЭ; below zero: given back
    fines: dict[Pair, int]
    again: dict[int, bool]  # refused bill presented again -> in time
    refused: list[int]  # bills refused whole: numbers


#: States of bills that were asked for in this life, by the files that they follow from.
_ASKED: Final[dict[tuple[Any, ...], tuple[list[pl.DataFrame], pl.DataFrame]]] = {}


@dataclass
class Side:
    """One fund: its books, the files that it knows, their items; the second account beside them."""

    own: str
    other: str
    name: str
    books: Memory
    files: list[dict[str, Any]] = field(default_factory=list)
    items: dict[str, pl.DataFrame] = field(default_factory=dict)
    account: dict[str, dict[int, Item]] = field(default_factory=dict)
    cash: dict[str, Cash] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)  # bills of which something of `cash` was corrected
    off: Counter[str] = field(default_factory=Counter)  # what corrections moved, by account
    known: dict[int, dict[str, int]] = field(default_factory=dict)
    ended: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)
    postings: list[tuple[Any, ...]] = field(default_factory=list)
    now: dict[str, int] = field(default_factory=dict)  # balances after the last step

    @property
    def fund(self) -> str:
        return f"fund:{self.own}"

    def table(self) -> pl.DataFrame:
        """Contract `between_files`."""
        return pl.DataFrame(self.files, schema=contract.TABLES["between_files"].schema())

    def _names(self, bill: str) -> list[str]:
        """Files that speak of a bill."""
        about = {row["file_name"]: row["about"] for row in self.files}
        return [name for name in self.items if bill in (name, about[name], about.get(about[name] or ""))]

    def rows(self, bill: str) -> pl.DataFrame:
        """Contract `between_items` of the files that speak of a bill."""
        return pl.concat([self.items[name] for name in self._names(bill)])

    def states(self, bill: str) -> pl.DataFrame:
        """What the engine makes of the files of a bill: asked once for the same files, since it is a pure function of them."""
        names = self._names(bill)
        said = {row["file_name"]: (row["seq"], row["state"]) for row in self.files}
        key = (self.name, bill, tuple((name, *said[name], id(self.items[name])) for name in names))
        if key not in _ASKED:
            made = book.states_of(bill, self.table(), self.rows(bill))
            _ASKED[key] = ([self.items[name] for name in names], made)  # the frames are kept, so that no id comes again
        return _ASKED[key][1]

    def about(self, bill: str, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.files if row["kind"] == kind and row["about"] == bill]

    def of(self, bill: str) -> Cash:
        """What moved of a bill."""
        return self.cash.setdefault(bill, Cash())

    def owed(self, bill: str) -> int:
        """What a bill may bring in all: accepted, or not answered yet."""
        return sum(one.accepted + (one.open if one.state == "presented" else 0) for one in self.account[bill].values())

    def due(self, bill: str) -> int:
        """What is accepted of a bill and not settled."""
        return sum(one.accepted for one in self.account[bill].values()) - self.of(bill).settled

    def moved(self, rule: str, document: str, amount: int) -> None:
        """Takes an event, or one that is undone (below zero), into the second account."""
        parts = document.split("/")
        one = self.of(parts[0])
        setattr(one, OF_CASH[rule], getattr(one, OF_CASH[rule]) + amount)
        if OF_CASH[rule] == "netted":
            self.of(parts[2]).used += amount

    def positions(self) -> dict[str, back.Position]:
        """What the engine makes of the bills: files and journal."""
        entries = journal.entries(self.books.workspace, f"{self.fund}/refund")
        moved = back.money(entries, self.name, self.fund)
        empty = contract.TABLES["between_states"].empty()
        states = pl.concat([empty, *(self.states(bill) for bill in self.account)])
        return back.positions(states, dict.fromkeys(self.account, self.other), moved)

    def balance(self, purpose: str) -> int:
        """Balance of the fund's account, corrections taken off: what the business alone moved."""
        account = f"{self.fund}/{purpose}"
        return self.now.get(account, 0) - self.off[account]


@dataclass
class World:
    """Everything, and the day it is."""

    place: Side
    home: Side
    day: date
    months: dict[str, Figures] = field(default_factory=dict)
    sums: dict[int, int] = field(default_factory=dict)  # bills refused whole: sum
    received: dict[int, date] = field(default_factory=dict)  # and the day the clinic heard of it
    bills: dict[str, str] = field(default_factory=dict)  # month -> name of its bill R, once sent
    way: list[tuple[str, str, pl.DataFrame]] = field(default_factory=list)  # files under way: to, name, items
    transfers: list[tuple[str, int, str]] = field(default_factory=list)  # refunds under way: number, kopecks, bill
    returns: list[tuple[str, int, str]] = field(default_factory=list)  # money sent back, under way: document, kopecks, bill
    orders: pl.DataFrame = field(default_factory=contract.TABLES["payment_orders"].empty)
    lines: pl.DataFrame = field(default_factory=contract.TABLES["bank_lines"].empty)
    counter: int = 0
    written: int = 0  # written off by the place fund
    given_up: set[tuple[str, int]] = field(default_factory=set)  # items that the place fund gave up without a D
    touched: set[tuple[str, str]] = field(default_factory=set)  # (fund, bill) that the step may have moved
    done: Counter[str] = field(default_factory=Counter)

    def next(self) -> int:
        self.counter += 1
        return self.counter

    # ---- commands ---------------------------------------------------------------------------------------------------------

    def command(self, side: Side, what: Callable[[], str], rng: Random) -> str:
        """One command of one fund, as one transaction. Some are killed on the way first and then run again: all or none of it."""
        if rng.random() < 0.2:
            before, kept = side.books.dump(), self._snapshot()
            side.books.die_after = rng.randrange(4)
            try:
                with side.books.transaction():
                    what()
                    raise KilledError  # died after the last write, before the transaction ended
            except KilledError:
                self.done["killed"] += 1
            finally:
                side.books.die_after = None
            self._restore(kept)
            assert side.books.dump() == before, "a killed command left something"
        with side.books.transaction():
            outcome = what()
        self.done[outcome] += 1
        return outcome

    def _snapshot(self) -> dict[str, Any]:
        """What a process holds beside the database."""
        kept = {name: copy.deepcopy(value) for name, value in vars(self).items() if name not in ("place", "home", "done")}
        for side in (self.place, self.home):
            kept[side.name] = {name: copy.deepcopy(value) for name, value in vars(side).items() if name != "books"}
        return kept

    def _restore(self, kept: dict[str, Any]) -> None:
        for side in (self.place, self.home):
            vars(side).update(kept.pop(side.name))
        vars(self).update(kept)

    def booked(self, side: Side, events: pl.DataFrame, source: str, rng: Random) -> None:
        """Books events; sometimes at once a second time: a retry changes nothing."""
        if events.is_empty():
            return
        made = journal.book(side.books.workspace, events, source, self.day, "machine")
        assert made.txn is not None, made.findings.select("rule", "element", "value").rows()
        assert made.txn.outcome == "new"
        if rng.random() < 0.25:
            size = side.books.size()
            again = journal.book(side.books.workspace, events, source, self.day, "machine")
            assert again.txn is not None and again.txn.outcome == "already", "a retry is new"
            assert side.books.size() == size, "a retry wrote something"
            self.done["retried"] += 1

    # ---- invariants -------------------------------------------------------------------------------------------------------

    def check(self, rng: Random, everything: bool = False) -> None:
        """Everything that must hold after every step; the engine's states of the bills that the step touched, or of all."""
        for side in (self.place, self.home):
            self._check_books(side, rng)
            for bill in side.account:
                if everything or (side.name, bill) in self.touched:
                    self._check_items(side, bill)
        self.touched.clear()
        self._check_pair()
        self._check_clinics()
        self._check_resubmissions()

    def _check_books(self, side: Side, rng: Random) -> None:
        ws = side.books.workspace
        rows = side.books.dump()
        assert rows[: len(side.postings)] == side.postings, "a posting was changed or lost"
        seq = side.books.next_seq() - 1
        if seq not in side.known or len(rows) > len(side.postings):
            side.now = dict(journal.balances(ws).iter_rows())
            ledger.assert_balanced(side.now)
            side.known[seq], side.postings = side.now, rows
        then = rng.choice(sorted(side.known))
        assert dict(journal.balances(ws, known=then).iter_rows()) == side.known[then], (
            f"what was known after event {then} changed"
        )

    def _check_items(self, side: Side, bill: str) -> None:
        ours = side.account[bill]
        states = side.states(bill)
        items.assert_equations(states)
        columns = ("presented_kop", "accepted_kop", "questioned_kop", "conceded_kop", "refused_kop", "open_kop")
        said = {row[0]: (row[1], row[2:]) for row in states.select("n_zap", "state", *columns).iter_rows()}
        for number, item in ours.items():
            assert item.presented == item.accepted + item.conceded + item.refused + item.open, (bill, number, item)
            assert said[number] == (item.state, item.amounts()), (side.name, bill, number, said[number], item)
            before = side.ended.get((bill, number))
            assert before is None or before == item.amounts(), f"{bill} {number} moved after its end"
            if item.done:
                side.ended[bill, number] = item.amounts()
        assert len(said) == len(ours)
        if bill not in side.undone:  # what is owed back is what was paid above all that the bill may bring
            assert side.of(bill).back == max(0, side.of(bill).settled - side.owed(bill)), (side.name, bill, side.of(bill))

    def _check_pair(self) -> None:
        """The ledger says what the items say, at both ends; and both ends say the same once everything has arrived."""
        place, home = self.place, self.home
        mine = [item for bill in place.account.values() for item in bill.values()]
        unsent = sum(sum(sumv - own for sumv, own in one.guests) for month, one in self.months.items() if month not in self.bills)
        owed = (
            sum(place.owed(bill) - one.refunded - one.netted + one.posted for bill in place.account for one in [place.of(bill)])
            + unsent
        )
        assert place.balance(f"refund_back/territory:{HOME}") == -sum(one.back for one in place.cash.values())
        assert place.balance(f"refund/territory:{HOME}") == owed, (place.balance(f"refund/territory:{HOME}"), owed)
        disputed = sum(item.questioned for item in mine)
        assert place.balance(f"refund_disputed/territory:{HOME}") == disputed
        theirs = [item for bill in home.account.values() for item in bill.values()]
        due = sum(home.owed(bill) - one.refunded - one.netted + one.posted for bill in home.account for one in [home.of(bill)])
        assert home.balance(f"refund_back_due/territory:{PLACE}") == sum(one.back for one in home.cash.values())
        assert home.balance(f"refund_due/territory:{PLACE}") == -due, (home.balance(f"refund_due/territory:{PLACE}"), due)
        assert home.balance(f"refund_due_disputed/territory:{PLACE}") == -sum(item.questioned for item in theirs)
        if not self.way and not self.transfers and not self.returns:
            if not place.undone and not home.undone and not self.given_up:
                assert owed - unsent == due, "everything has arrived, and the funds do not agree"
                for bill in place.account:
                    ours, theirs_of = place.of(bill), home.of(bill)
                    assert (ours.settled, ours.back) == (theirs_of.settled, theirs_of.back), (bill, ours, theirs_of)
            lost = -place.balance("elsewhere_lost")
            assert lost == -self.written, (lost, self.written)
            for bill, held in place.account.items():
                for number, item in held.items():  # of what is given up by a paper the home fund hears by letter only
                    if (bill, number) not in self.given_up:
                        assert item.amounts() == home.account[bill][number].amounts(), (bill, number, item)

    def _check_clinics(self) -> None:
        """Billed - withheld - transferred = debt - advance - excess, of each payer and clinic."""
        names = {f"insurer:{INSURER}": "payment_reserve", self.place.fund: "nsz"}
        accepted: Counter[tuple[str, str]] = Counter()
        for one in self.months.values():
            for pair, bill in one.billed.items():
                payer = f"insurer:{pair.payer}" if pair.payer == INSURER else self.place.fund
                accepted[payer, pair.mo] += bill.billed_kop - bill.withheld_kop - one.expertise.get(pair, 0)
        moved: Counter[tuple[str, str]] = Counter()
        for debit, credit, amount in self.place.books.transfers():
            for account, sign in ((debit, 1), (credit, -1)):
                parts = account.split("/")
                if len(parts) == 3 and parts[0] in names:
                    moved[parts[0], parts[2].split(":")[1]] += sign * amount
        for payer, mo in sorted({*accepted, *moved}):
            accounts = [f"{payer}/{purpose}/clinic:{mo}" for purpose in ("care", "advance", "excess")]
            stands = sum(self.place.now.get(account, 0) - self.place.off[account] for account in accounts)
            assert stands == moved[payer, mo] - accepted[payer, mo], (payer, mo, stands, moved[payer, mo], accepted[payer, mo])

    def _check_resubmissions(self) -> None:
        """A bill refused whole is accepted at most once more, and only within its term."""
        accepted = Counter(number for one in self.months.values() for number, in_time in one.again.items() if in_time)
        assert all(count == 1 for count in accepted.values()), "a refused bill was accepted twice"


def new_world(rng: Random) -> World:
    """Two funds with money and nothing else."""
    _ASKED.clear()
    sides = []
    for own, other, name in ((PLACE, HOME, "place"), (HOME, PLACE, "home")):
        payments = "actual" if rng.random() < 0.5 else "planned"
        side = Side(own, other, name, Memory(own, (PLACE, HOME, "75"), payments))
        mine = {account: kop for account, kop in OPENING.items() if account.split("/")[0].split(":")[1].startswith(own)}
        opening = ledger.complete_opening(mine, f"fund:{own}")
        with side.books.transaction():
            journal.open_ledger(side.books.workspace, FIRST, opening, "opening", FIRST.first, "machine")
        side.postings = side.books.dump()
        sides.append(side)
    return World(sides[0], sides[1], FIRST.last + timedelta(days=rng.randrange(1, 12)))


def file_row(side: str, direction: str, name: str, kind: str, on: date, about: str | None, **more: Any) -> dict[str, Any]:
    """A row of `between_files`."""
    usual = {
        "file_name": name, "kind": kind, "side": side, "direction": direction, "sender": name[1:3], "receiver": name[3:5],
        "year": 2022, "month": 1, "nschet": None, "dschet": on, "data": on, "about": about, "version": "RD_3.2", "presented_kop": 0,
        "accepted_kop": 0, "items": 0, "sent_on": None, "received_on": None, "late": False, "digest": name, "path": "", "people_path": None,
        "original": None, "state": "taken", "seq": 0,
    }  # fmt: skip
    return {**usual, **more}


def told(name: str, rows: list[tuple[int, int, int, int, int, int | None, int | None]]) -> pl.DataFrame:
    """Contract `between_items` of a file: (number, SUMV, own part, SUMP, taken, OPLATA, S_IST)."""
    full = [
        {
            "file_name": name, "n_zap": n, "idcase": 100 + n, "sl_ids": f"s{n}", "sumv_kop": sumv, "own_sank_kop": own,
            "sump_kop": left, "sank_it_kop": taken, "oplata": oplata, "codes": "1" if taken else None, "kods": "204" if taken else None,
            "s_tip": 10 if taken else None, "s_ist": s_ist, "case_key": None, "person_key": None,
        }
        for n, sumv, own, left, taken, oplata, s_ist in rows
    ]  # fmt: skip
    return pl.DataFrame(full, schema=contract.TABLES["between_items"].schema())


__all__ = [
    "CLINICS", "HOME", "INSURER", "LAST_DAY", "LAW", "OKATO", "PLACE", "Figures", "Item", "Side", "World", "file_row", "new_world",
    "replace", "told",
]  # fmt: skip
