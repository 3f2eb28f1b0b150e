"""What is to be paid through the bank, and which debt does a payment of a statement settle? (Rules 126-132, 133, 142-145.)

Orders follow from the books: the advances that clinics applied for less what was carried over, and what is owed to a clinic after
a closing - as far as the money of the payer reaches: what is ordered and not stated by the bank yet counts as spent.
A payment that a bank states becomes an event of the ledger when both accounts are known and the debt or order covers it; anything
else is refused by name and the books stay as they are. A line of a statement is taken once, whatever file it comes in.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.findings import Finding
from omsclaims.law import Parameters
from omsclaims.money import share_out
from omsclaims.settlement.payments import Advance, advance_to_pay

#: Kinds of orders -> event of the ledger that their payment is.
EVENTS: Final = {"advance": "advance", "final": "final_payment", "return": "territory_returned"}
#: An order by which a refund is sent back to another fund; its `month` is the name of the bill (settlement.between.back).
RETURN: Final = "return"
#: What an order settles in the books of its payer.
_PURPOSES: Final = {"advance": "advance", "final": "care", RETURN: "refund_back"}
OPEN: Final = "open"
CANCELLED: Final = "cancelled"
BOOKED: Final = "booked"
REFUSED: Final = "refused"
_DIGITS: Final = 32
#: How money that does not suffice is divided (law parameter payments.short_of_money).
SHORT: Final = ("oldest_first", "pro_rata")
#: Events by which a debt for care falls because it is paid.
PAID_BY: Final = ("final_payment", "advance_applied", "excess_applied")
#: Name of a bill between territories in the purpose of a payment (formats.md 2.2).
_BILL: Final = re.compile(r"(?<![0-9A-Za-z])R[0-9]{10}(?![0-9A-Za-z])", re.ASCII)
_Row = dict[str, object]


# ---- orders ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """What a payer has to pay to a receiver; kopecks above zero."""

    kind: str
    payer: str
    receiver: str
    amount_kop: int


def advances_due(balances: Mapping[str, int], asked: Mapping[tuple[str, str], Advance], reduces: bool) -> list[Due]:
    """Advances of a month: what clinics applied for less the excess carried from before (Rules 129; law.md 10.7).

    balances  account -> kopecks, debit positive
    asked     (party of the payer, party of the clinic) -> application
    """
    found = []
    for (payer, clinic), one in sorted(asked.items()):
        amount = advance_to_pay(one, max(0, balances.get(f"{payer}/excess/{clinic}", 0)), reduces)
        if amount > 0:
            found.append(Due("advance", payer, clinic, amount))
    return found


def finals_due(balances: Mapping[str, int]) -> list[Due]:
    """What payers owe to clinics for accepted care; what a clinic owes is no order (Rules 126(3))."""
    found = []
    for account, amount in sorted(balances.items()):
        party, _, rest = account.partition("/")
        named, _, other = rest.partition("/")
        if named == "care" and other.startswith("clinic:") and amount < 0:
            found.append(Due("final", party, other, -amount))
    return found


@dataclass(frozen=True)
class Advanced:
    """What clinics had of advances beside the orders that are on their way: (party of the payer, party of the clinic) -> kopecks.

    by_hand  booked for the month of the orders without an order;  late: of advances of closed months, paid since and not applied
    """

    by_hand: Mapping[tuple[str, str], int] = field(default_factory=dict)
    late: Mapping[tuple[str, str], int] = field(default_factory=dict)


def late_advances(
    balances: Mapping[str, int], orders: pl.DataFrame, paid: pl.DataFrame, by_hand: Mapping[tuple[str, str], int], closed: str
) -> dict[tuple[str, str], int]:
    """What stands of advances of closed months: their closings left the care whole, so this much of what is due is paid already.

    balances  account -> kopecks, debit positive;  orders, paid: contract payment_orders, bank_lines
    by_hand   booked without an order in the months after `closed`, the last that is closed
    """
    done = booked_of(paid)
    of_open = orders.filter((pl.col("kind") == "advance") & (pl.col("month") > closed)).select("payer", "receiver", "order_id")
    used = dict(by_hand)
    for payer, receiver, order in of_open.iter_rows():
        used[payer, receiver] = used.get((payer, receiver), 0) + done.get(order, 0)
    found = {}
    for account, amount in balances.items():
        payer, _, rest = account.partition("/")
        named, _, receiver = rest.partition("/")
        if named == "advance" and receiver.startswith("clinic:") and amount > used.get((payer, receiver), 0):
            found[payer, receiver] = amount - used.get((payer, receiver), 0)
    return found


def not_ordered(
    dues: Iterable[Due], month: str, orders: pl.DataFrame, paid: pl.DataFrame, closed: str = "", advanced: Advanced | None = None
) -> list[Due]:
    """What is due and not ordered yet.

    month     month that advances are of
    orders    contract payment_orders so far; paid: contract bank_lines. The part of open orders that is not paid yet is ordered;
              of an advance of the month what was ordered, or paid by an order that was cancelled since, is not ordered twice
    closed    last month that is closed: its debt holds what an advance of it, still on its way, will settle
    advanced  what was advanced beside that
    """
    rest, done, beside = remaining(orders, paid), booked_of(paid), advanced or Advanced()
    found = []
    for due in dues:
        named = (due.payer, due.receiver)
        own = orders.filter((pl.col("payer") == due.payer) & (pl.col("receiver") == due.receiver))
        if due.kind == "advance":
            same = own.filter((pl.col("kind") == due.kind) & (pl.col("month") == month))
            ordered = sum(
                amount if state == OPEN else done.get(order, 0)
                for order, amount, state in same.select("order_id", "amount_kop", "state").iter_rows()
            ) + beside.by_hand.get(named, 0)
        else:
            late = (pl.col("kind") == "advance") & (pl.col("month") <= closed)
            same = own.filter((pl.col("kind") == due.kind) | late)
            ordered = sum(rest[order] for order in same["order_id"]) + beside.late.get(named, 0)
        if due.amount_kop > ordered:
            found.append(Due(due.kind, due.payer, due.receiver, due.amount_kop - ordered))
    return found


def orders_of(dues: Iterable[Due], month: str, day: date, orders: pl.DataFrame) -> pl.DataFrame:
    """New orders (contract payment_orders) of what is due, not ordered yet and can be paid, numbered on for each payer.

    month   month that they are of; orders: contract payment_orders so far
    """
    numbers: dict[str, int] = dict(orders.group_by("payer").agg(pl.col("number").max()).iter_rows())
    made: list[_Row] = []
    for due in dues:
        numbers[due.payer] = numbers.get(due.payer, 0) + 1
        order: _Row = {
            "number": numbers[due.payer], "day": day, "month": month, "kind": due.kind, "payer": due.payer,
            "receiver": due.receiver, "amount_kop": due.amount_kop, "state": OPEN,
        }  # fmt: skip
        made.append({"order_id": order_id(order), **order})
    return contract.check("payment_orders", pl.DataFrame(made, schema=contract.TABLES["payment_orders"].schema()))


@dataclass(frozen=True, slots=True)
class Money:
    """What a payer can order from, kopecks: in the pot; ordered and not stated by the bank; in its spare reserve."""

    pot_kop: int
    under_way_kop: int
    spare_kop: int = 0

    @property
    def free_kop(self) -> int:
        """What no order waits for."""
        return max(0, self.pot_kop - self.under_way_kop)


@dataclass(frozen=True, slots=True)
class Short:
    """What a payer could not order of what is due, kopecks; `covered_kop` came from its spare reserve."""

    payer: str
    money: Money
    due_kop: int
    covered_kop: int
    missing_kop: int


@dataclass(frozen=True)
class Afforded:
    """What can be ordered of what is due, in the order of `dues`; who was short."""

    dues: list[Due]
    short: list[Short]


def money_of(payer: str, balances: Mapping[str, int], orders: pl.DataFrame, rest: Mapping[str, int]) -> Money:
    """The money of a payer: an insurer pays from its payment reserve, the fund from its stock (НСЗ) (Rules 122, 134).

    balances  account -> kopecks, debit positive; rest: what is left of each order (`remaining`)
    """
    pot = "nsz" if payer.startswith("fund:") else "payment_reserve"
    under_way = sum(rest[order] for order in orders.filter(pl.col("payer") == payer)["order_id"])
    return Money(balances.get(f"{payer}/{pot}", 0), under_way, max(0, balances.get(f"{payer}/spare_reserve", 0)))


def short_rule(law: Parameters, on: date) -> str:
    """How a payer whose money does not suffice divides it, one of SHORT, for orders of a day."""
    rule = str(law.value("payments.short_of_money", on))
    assert rule in SHORT, f"payments.short_of_money: {rule}"
    return rule


def afford(
    dues: Sequence[Due], money: Mapping[str, Money], ages: Mapping[str, Sequence[tuple[str, int]]], month: str,
    rule: Callable[[], str], cover: bool = False,
) -> Afforded:  # fmt: skip
    """What the money of each payer suffices for.

    dues   what is due and not ordered yet; money: by payer
    ages   `payer/care/clinic` -> (month, kopecks) by which that debt grew, oldest first: what was paid settled the oldest
    month  month that advances are of: they come after the debts of earlier months
    rule   oldest_first: the oldest debt first, of a month debts before advances, then by code of the clinic, the last in part;
           pro_rata: everybody the same share, in whole kopecks by largest remainder, ties to the smaller code. Asked only where
           money is short
    cover  final payments that lack money may take it from the spare reserve (Rules 193)
    """
    granted: dict[Due, int] = {}
    short = []
    for payer in sorted({due.payer for due in dues}):
        own = [due for due in dues if due.payer == payer]
        needed, free = sum(due.amount_kop for due in own), money[payer].free_kop
        finals = sum(due.amount_kop for due in own if due.kind == "final")
        spare = money[payer].spare_kop if cover else 0
        covered = min(spare, max(0, needed - free), finals)
        if needed <= free + covered:
            granted |= {due: due.amount_kop for due in own}
        else:
            granted |= _shared(own, free, covered, ages, month, rule())
        if needed > free:
            short.append(Short(payer, money[payer], needed, covered, needed - sum(granted.get(due, 0) for due in own)))
    made = [Due(due.kind, due.payer, due.receiver, granted[due]) for due in dues if granted.get(due, 0) > 0]
    return Afforded(made, short)


def _shared(
    dues: Sequence[Due], free: int, covered: int, ages: Mapping[str, Sequence[tuple[str, int]]], month: str, rule: str
) -> dict[Due, int]:
    """Money that does not suffice, among what is due of it; what comes from the spare reserve is for final payments alone."""
    money = free + covered
    if rule == "pro_rata":
        shares = _by_amount(dues, money)
        if sum(kop for due, kop in shares.items() if due.kind == "advance") <= free:
            return shares
        advances, finals = ([due for due in dues if (due.kind == "advance") is one] for one in (True, False))
        return _by_amount(advances, free) | _by_amount(finals, covered)
    queue = []
    for due in dues:
        parts = [(month, due.amount_kop)]
        if due.kind == "final":
            parts = _newest(ages.get(f"{due.payer}/care/{due.receiver}", ()), due.amount_kop, month)
        queue += [(since, due.kind != "final", due.receiver, kop, due) for since, kop in parts]
    granted: dict[Due, int] = {}
    for _, _, _, kop, due in sorted(queue, key=lambda part: part[:3]):
        given = min(money, kop)
        granted[due] = granted.get(due, 0) + given
        money -= given
    return granted


def _by_amount(dues: Sequence[Due], money: int) -> dict[Due, int]:
    shares = share_out(money, [due.amount_kop for due in dues], [f"{due.receiver}/{due.kind}" for due in dues])
    return dict(zip(dues, shares, strict=True))


def _newest(grown: Sequence[tuple[str, int]], amount: int, month: str) -> list[tuple[str, int]]:
    """The newest parts of a debt that make up an amount: (month, kopecks). What no month explains is of `month`, the newest."""
    parts = []
    for since, kop in reversed(grown):
        taken = min(amount, kop)
        if taken > 0:
            parts.append((since, taken))
            amount -= taken
    return parts if amount == 0 else [*parts, (month, amount)]


def ages_of(moved: pl.DataFrame) -> dict[str, list[tuple[str, int]]]:
    """By how much each debt for care grew in which month, oldest first; what a month took off lowers the oldest parts.

    moved  account, month, amount_kop: net turnover of accounts of care by all but payments (debit positive)
    """
    found: dict[str, list[tuple[str, int]]] = {}
    for account, month, amount in moved.sort("account", "month").select("account", "month", "amount_kop").iter_rows():
        parts = found.setdefault(account, [])
        if amount < 0:
            parts.append((month, -amount))
        left = max(0, amount)
        while left and parts:
            oldest, kop = parts.pop(0)
            if kop > left:
                parts.insert(0, (oldest, kop - left))
            left = max(0, left - kop)
    return found


def remaining(orders: pl.DataFrame, paid: pl.DataFrame) -> dict[str, int]:
    """Kopecks of each order that no payment has settled yet; 0 for one that was cancelled."""
    done = booked_of(paid)
    rows = orders.select("order_id", "amount_kop", "state").iter_rows()
    return {order: max(0, amount - done.get(order, 0)) if state == OPEN else 0 for order, amount, state in rows}


def booked_of(paid: pl.DataFrame) -> dict[str, int]:
    """Order -> kopecks that statements stated of it. paid: contract bank_lines."""
    settled = paid.filter((pl.col("state") == BOOKED) & pl.col("order_id").is_not_null())
    return dict(settled.group_by("order_id").agg(pl.col("amount_kop").sum()).iter_rows())


def order_id(order: Mapping[str, object]) -> str:
    """The id of an order: a hash of all that it says, save whether it was cancelled."""
    return _hash(str(order[name]) for name in ("payer", "receiver", "kind", "month", "day", "number", "amount_kop"))


def line_id(line: Mapping[str, object]) -> str:
    """The id of a payment that a bank states: a hash of number, day, amount and accounts."""
    return _hash(str(line[name]) for name in ("number", "date", "amount_kop", "payer_account", "receiver_account"))


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:_DIGITS]


# ---- statements ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Matched:
    """What became of the lines of a statement.

    lines     contract bank_lines, in the order of the file; lines that were taken before are left out and counted in `known`
    events    contract ledger_events of the lines that are booked
    findings  PB.1-PB.4, PB.6, PB.8; the line of the file in `line`
    """

    lines: pl.DataFrame
    events: pl.DataFrame
    findings: pl.DataFrame
    known: int


@dataclass(frozen=True, slots=True)
class OfBill:
    """What is known of one bill between funds, in kopecks.

    due_kop   still to be refunded, not answered parts with it;  back_kop: owed back of it
    late_kop  taken off what was accepted while its refund was on the way: such money comes and is owed back at once
    inside_kop  set off within the bill, because more of it was accepted while its return was on the way: such money comes, too
    """

    due_kop: int
    late_kop: int
    back_kop: int
    inside_kop: int = 0

    @property
    def returnable_kop(self) -> int:
        """The most that may be sent back of it."""
        return self.back_kop + self.inside_kop


@dataclass
class _Work:
    """A statement at work: what is known, what is used up by its own lines."""

    accounts: Mapping[str, str]
    orders: Mapping[tuple[str, int], _Row]
    rest: dict[str, int]
    debts: dict[str, int]
    as_of: date
    bills: dict[str, OfBill] = field(default_factory=dict)
    paid_out: dict[tuple[str, int], int] = field(default_factory=dict)
    rows: list[_Row] = field(default_factory=list)
    events: list[_Row] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a line is: the event, the order and the account that it settles; or the finding that refuses it.

    bill  of a refund or return that names one;  over_kop: what of it the bill does not owe any more
    """

    event: str | None = None
    order_id: str | None = None
    settles: str | None = None
    problem: Finding | None = None
    bill: str | None = None
    over_kop: int = 0


def match(
    lines: pl.DataFrame, source: str, orders: pl.DataFrame, taken: pl.DataFrame, balances: Mapping[str, int],
    reg_bank: pl.DataFrame, as_of: date, bills: Mapping[str, OfBill] | None = None,
    paid_out: Mapping[tuple[str, int], int] | None = None,
) -> Matched:  # fmt: skip
    """Payments of a statement against orders and debts.

    lines     registry.bank_file.LINES
    source    digest of the file
    orders    contract payment_orders; taken: contract bank_lines of earlier statements
    balances  account -> kopecks, debit positive, now
    reg_bank  contract reg_bank
    bills     what is known of bills between funds: a refund of a bill that shrank meanwhile is taken; a return names its bill
    paid_out  refunds to other funds and payments abroad that the books hold: (receiver, kopecks) -> how many. They are booked
              when they are made (territory pay, abroad pay), not by the statement

    Findings: PB.1 the file states a payment twice, PB.2 the receiver is not that of the order, PB.3 above the order or the debt
    (of a bill that is named: above its own), PB.4 an account that is nobody's, PB.6 a day that is not yet, PB.8 no such order, or
    it was cancelled, PB.20 money of a fund that owes something back does not say of which bill it is, or of one that is not here,
    PB.21 a refund that the books hold already, PB.22 one that they do not hold.
    """
    work = _Work(
        dict(reg_bank.select("account", "party").iter_rows()),
        {(str(row["payer"]), int(row["number"])): row for row in orders.iter_rows(named=True)},
        remaining(orders, taken), dict(balances), as_of, dict(bills or {}), dict(paid_out or {}),
    )  # fmt: skip
    before = set(taken.filter(pl.col("state") == BOOKED)["line_id"])
    seen: set[str] = set()
    known = 0
    for line in lines.iter_rows(named=True):
        known_by = line_id(line)
        if known_by in before:
            known += 1
            continue
        twice = known_by in seen
        seen.add(known_by)
        _take(work, line, known_by, source, twice)
    return Matched(
        contract.check("bank_lines", pl.DataFrame(work.rows, schema=contract.TABLES["bank_lines"].schema())),
        contract.check("ledger_events", pl.DataFrame(work.events, schema=contract.TABLES["ledger_events"].schema())),
        findings.frame(work.problems), known,
    )  # fmt: skip


def _take(work: _Work, line: Mapping[str, object], known_by: str, source: str, twice: bool) -> None:
    """One line: booked or refused."""
    payer, receiver = (work.accounts.get(str(line[f"{role}_account"])) for role in ("payer", "receiver"))
    day = line["debited_on"] or line["credited_on"] or line["date"]
    assert isinstance(day, date)
    amount = int(str(line["amount_kop"]))
    verdict = _Verdict(problem=_finding("PB.1", line)) if twice else _judged(work, line, payer, receiver, day, amount)
    problem = verdict.problem
    if problem is not None:
        work.problems.append(problem)
        if twice:
            return  # the same line cannot stand twice in the books of lines
    else:
        assert verdict.event is not None and verdict.settles is not None and payer is not None and receiver is not None
        if verdict.order_id is not None:
            work.rest[verdict.order_id] -= amount
        _settle(work, verdict, amount)
        parties = _roles(verdict.event, payer, receiver)
        prefix = "" if verdict.bill is None else f"{verdict.bill}/"
        document = f"{prefix}bank-{payer.replace(':', '-')}-{line['number']}-{line['date']}"
        work.events.append(
            {
                "event": verdict.event, "date": day, "document": document, "document_date": line["date"], "amount_kop": amount,
                "parties": _json(parties), "order_id": verdict.order_id, "note": None,
            }
        )  # fmt: skip
    work.rows.append(
        {
            "line_id": known_by, "source": source, "number": line["number"], "date": line["date"], "booked_on": day,
            "amount_kop": amount, "payer_account": line["payer_account"], "receiver_account": line["receiver_account"],
            "payer": payer, "receiver": receiver, "event": verdict.event, "order_id": verdict.order_id,
            "state": BOOKED if problem is None else REFUSED, "rule": None if problem is None else problem.rule,
        }
    )  # fmt: skip


def _named_bill(line: Mapping[str, object], place: str, home: str) -> str | None:
    """The bill R of one fund to another, where the purpose names one of them: the yearly act stands by bills (Rules 149). Of the
    purpose no more is kept: it may name people."""
    wanted = f"R{place.partition(':')[2]}{home.partition(':')[2]}"
    named = {name for name in _BILL.findall(str(line["purpose"] or "")) if name.startswith(wanted)}
    return named.pop() if len(named) == 1 else None


def _judged(work: _Work, line: Mapping[str, object], payer: str | None, receiver: str | None, day: date, amount: int) -> _Verdict:
    """What a line is, by who pays whom."""
    if payer is None or receiver is None:
        role = "payer" if payer is None else "receiver"
        return _Verdict(problem=_finding("PB.4", line, account=line[f"{role}_account"]))
    if day > work.as_of:
        return _Verdict(problem=_finding("PB.6", line, day=day, as_of=work.as_of))
    if payer.startswith(("fund:", "insurer:")) and receiver.startswith("clinic:"):
        return _paid_order(work, line, payer, receiver, amount)
    if payer.startswith("fund:") and receiver.startswith(("territory:", "outside:")):
        order = work.orders.get((payer, _number(line)))
        if order is None or order["receiver"] != receiver:
            return _paid_out(work, line, receiver, amount)
        return _paid_order(work, line, payer, receiver, amount)
    if payer.startswith("territory:") and receiver.startswith("fund:"):
        return _of_fund(work, line, payer, receiver, amount)
    if payer.startswith("clinic:") and receiver.startswith(("fund:", "insurer:")):
        return _within_debt(work, line, "fine_paid", f"{receiver}/fine/{payer}", amount)
    return _Verdict(problem=_finding("PB.8", line, number=line["number"]))


def _number(line: Mapping[str, object]) -> int:
    """The number of a payment as that of an order; -1: none of ours."""
    text = str(line["number"])
    return int(text) if text.isascii() and text.isdigit() else -1


def _paid_out(work: _Work, line: Mapping[str, object], receiver: str, amount: int) -> _Verdict:
    """A refund to another fund, or a payment abroad, that no order of ours made: it is booked when it is made."""
    left = work.paid_out.get((receiver, amount), 0)
    if not left:
        return _Verdict(problem=_finding("PB.22", line, receiver=receiver))
    work.paid_out[receiver, amount] = left - 1
    return _Verdict(problem=_finding("PB.21", line, receiver=receiver))


def _paid_order(work: _Work, line: Mapping[str, object], payer: str, receiver: str, amount: int) -> _Verdict:
    """A payment by an order of ours."""
    order = work.orders.get((payer, _number(line)))
    if order is None or order["state"] != OPEN:
        return _Verdict(problem=_finding("PB.8", line, number=line["number"]))
    if order["receiver"] != receiver:
        return _Verdict(problem=_finding("PB.2", line, receiver=receiver, ordered=order["receiver"]))
    rest = work.rest[str(order["order_id"])]
    if amount > rest:
        return _Verdict(problem=_finding("PB.3", line, most=rest))
    kind = str(order["kind"])
    account = f"{payer}/{_PURPOSES[kind]}/{receiver}"
    if kind != RETURN:
        return _Verdict(EVENTS[kind], str(order["order_id"]), account)
    bill = str(order["month"])
    one = work.bills.get(bill)
    owed = max(0, -work.debts.get(account, 0)) if one is None else one.returnable_kop
    if amount > owed:
        return _Verdict(problem=_finding("PB.3", line, most=owed))
    over = 0 if one is None else max(0, amount - one.back_kop)
    return _Verdict(EVENTS[kind], str(order["order_id"]), account, bill=bill, over_kop=over)


def _of_fund(work: _Work, line: Mapping[str, object], payer: str, receiver: str, amount: int) -> _Verdict:
    """Money of another fund: a refund of a bill of ours, or a bill of its own that we paid comes back. The purpose says which."""
    theirs, ours = _named_bill(line, payer, receiver), _named_bill(line, receiver, payer)
    account = f"{receiver}/refund_back_due/{payer}"
    nameless = (theirs is None) == (ours is None) or (theirs is not None and theirs not in work.bills)
    if nameless and work.debts.get(account, 0) > 0:
        return _Verdict(problem=_finding("PB.20", line, payer=payer))
    if theirs is not None and ours is None and theirs in work.bills:
        of_bill = work.bills[theirs]
        if amount > of_bill.returnable_kop:
            return _Verdict(problem=_finding("PB.3", line, most=of_bill.returnable_kop))
        over = max(0, amount - of_bill.back_kop)
        return _Verdict("returned_of_territory", None, account, bill=theirs, over_kop=over)
    account = f"{receiver}/refund/{payer}"
    one = work.bills.get(ours or "")
    over = 0 if one is None else max(0, amount - one.due_kop)
    owed = max(0, work.debts.get(account, 0))
    if one is not None:  # the debt of another bill is no room for this one
        owed = min(owed, one.due_kop) + one.late_kop
    if amount > owed:
        return _Verdict(problem=_finding("PB.3", line, most=owed))
    return _Verdict("territory_refund", None, account, bill=ours, over_kop=over)


def _within_debt(work: _Work, line: Mapping[str, object], event: str, account: str, amount: int) -> _Verdict:
    """Money that comes in for a debt to us: not more than is owed."""
    owed = max(0, work.debts.get(account, 0))
    if amount > owed:
        return _Verdict(problem=_finding("PB.3", line, most=owed))
    return _Verdict(event, None, account)


def _settle(work: _Work, verdict: _Verdict, amount: int) -> None:
    """The debt that a line settles, for the lines after it: money in lowers what is owed to us, money out what we owe.

    What a refund brings above the debt of its bill is owed back at once, and lowers nothing; what is sent back above what is owed
    back undoes a set-off within the bill.
    """
    account = str(verdict.settles)
    owed_to_us = work.debts.get(account, 0) > 0
    part = amount - verdict.over_kop
    work.debts[account] = work.debts.get(account, 0) + (-part if owed_to_us else part)
    one = work.bills.get(verdict.bill or "")
    if one is None:
        return
    if verdict.event == "territory_refund":
        late = max(0, one.late_kop - verdict.over_kop)
        work.bills[str(verdict.bill)] = replace(
            one, due_kop=one.due_kop - part, late_kop=late, back_kop=one.back_kop + verdict.over_kop
        )
    else:
        over = verdict.over_kop
        work.bills[str(verdict.bill)] = replace(
            one, due_kop=one.due_kop + over, back_kop=one.back_kop - part, inside_kop=one.inside_kop - over
        )


def _roles(event: str, payer: str, receiver: str) -> dict[str, str]:
    """Parties by the roles of the posting rule."""
    if event in ("advance", "final_payment"):
        return {"payer": payer, "clinic": receiver}
    if event == "fine_paid":
        return {"payer": receiver, "clinic": payer}
    if event == EVENTS[RETURN]:
        return {"fund": payer, "territory": receiver}
    return {"fund": receiver, "territory": payer}


def _json(parties: Mapping[str, str]) -> str:
    return "{" + ",".join(f'"{role}":"{party}"' for role, party in sorted(parties.items())) + "}"


def _finding(rule: str, line: Mapping[str, object], **params: object) -> Finding:
    about = {"number": line["number"], "date": line["date"], "amount": line["amount_kop"], **params}
    return Finding(rule, value=str(line["number"]), line=int(str(line["line"])), params={k: str(v) for k, v in about.items()})
