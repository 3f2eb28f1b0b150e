"""How does money move through the bank? Orders made and handed over, statements taken in, each as one transaction of a workspace.

    payment_orders (database)   orders to the bank (contract); the exchange text is written from them whenever it is asked for
    bank_lines (database)       payments that statements stated (contract): booked, or refused and by which finding

No purpose of a payment is kept: it may name people. Only a workspace whose payments are `actual` has money that moves here
(workspace.PAYMENT_MODES); where they are planned, the closing books them itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims import between_back, contract, findings, journal, messages
from omsclaims.findings import Finding
from omsclaims.law import Parameters, federal_parameters
from omsclaims.periods import Month
from omsclaims.registry import bank_file
from omsclaims.settlement import bank
from omsclaims.settlement import ledger as books
from omsclaims.settlement.payments import advances_of, known_parties
from omsclaims.workspace import Workspace, WorkspaceError, canonical_json

#: Kinds of orders that a month can be asked for.
KINDS: Final = ("advance", "final")
#: How the documents of payments that a statement stated begin (settlement.bank).
_BY_BANK: Final = "bank-"
#: Events by which the fund pays other funds and clinics abroad: booked when they are made.
_PAID_OUT: Final = ("refund_paid", "payment_to_clinic_abroad")
_KEYS: Final = {"payment_orders": "order_id", "bank_lines": "line_id"}


@dataclass(frozen=True)
class Ordered:
    """New orders (contract payment_orders), what stands in the way (findings B.4, PB.11-PB.13), values of the law that were used.

    covered_kop  what final payments took from the spare reserves
    """

    orders: pl.DataFrame
    findings: pl.DataFrame
    sources: tuple[str, ...]
    covered_kop: int = 0


@dataclass(frozen=True)
class Loaded:
    """What became of a statement: its lines (contract bank_lines), findings, how many lines were taken before."""

    lines: pl.DataFrame
    findings: pl.DataFrame
    known: int


# ---- reading ---------------------------------------------------------------------------------------------------------------


def orders(ws: Workspace) -> pl.DataFrame:
    """All orders, by payer and number: contract payment_orders."""
    return _read(ws, "payment_orders").sort("payer", "number")


def lines(ws: Workspace) -> pl.DataFrame:
    """All payments that statements stated: contract bank_lines, by day."""
    return _read(ws, "bank_lines").sort("booked_on", "number", "line_id")


def _read(ws: Workspace, name: str) -> pl.DataFrame:
    if not ws.holds(name):
        return contract.TABLES[name].empty()
    columns = ", ".join(f'"{column}"' for column in contract.TABLES[name].schema())
    return ws.frame(name, f"SELECT {columns} FROM {name}")  # noqa: S608 - names are constants of the contract


def _write(ws: Workspace, name: str, rows: pl.DataFrame) -> None:
    """Rows into a table, in place of those with the same key; the table is made with its first row."""
    ws.make_table(name, [_KEYS[name]])
    ws.insert(name, rows.select(list(contract.TABLES[name].schema())), replace=True)


# ---- orders ----------------------------------------------------------------------------------------------------------------


def order(
    ws: Workspace,
    of: Month,
    kinds: Sequence[str],
    day: date,
    as_of: date,
    who: str,
    *,
    rule: str | None = None,
    cover: bool = False,
) -> Ordered:
    """Makes the orders of what is due and not ordered yet (inside `Workspace.writing`); nothing can be ordered: no event in the
    chain.

    kinds  of KINDS: advance: by the applications for month `of`; final: by what the books owe now. Refunds between territories
           are paid bill by bill (between_home.pay)
    day    day of the orders
    rule   how money that does not suffice is divided (settlement.bank.afford); None: as the law parameter payments.short_of_money
    cover  what final payments lack is taken from the spare reserve, as an event `spare_cover` of the day (Rules 193)

    A payer orders no more than it has: PB.12 names what is there and what is missing. Raises WorkspaceError `bank.planned` where
    the closing pays by itself.
    """
    _require_actual(ws)
    registers, _ = ws.registers()
    balances = _balances(ws)
    law = federal_parameters().noting()
    dues, problems = _due(ws, of, kinds, balances, registers["reg_advance"], law)
    before, paid = orders(ws), lines(ws)
    dues = bank.not_ordered(
        dues, str(of), before, paid, max(ws.closed_months(), default=""), _advanced(ws, of, balances, before, paid)
    )
    rest = bank.remaining(before, paid)
    money = {payer: bank.money_of(payer, balances, before, rest) for payer in sorted({due.payer for due in dues})}
    ages = bank.ages_of(journal.grown(ws, "/care/clinic:", bank.PAID_BY))
    afforded = bank.afford(dues, money, ages, str(of), lambda: rule or bank.short_rule(law, day), cover)
    covering = _cover(ws, afforded.short, day, as_of, who)
    if covering is not None:
        return Ordered(contract.TABLES["payment_orders"].empty(), covering, tuple(sorted(law.asked or ())))
    made = bank.orders_of(afforded.dues, str(of), day, before)
    known = set(registers["reg_bank"]["party"])
    lacking = sorted({party for name in ("payer", "receiver") for party in made[name]} - known)
    problems += [_short(one) for one in afforded.short if one.missing_kop]
    problems += [Finding("PB.11", value=party, params={"party": party}) for party in lacking]
    if made.height:
        _write(ws, "payment_orders", made)
        about = {"month": str(of), "orders": made.height, "kop": int(made["amount_kop"].sum()), "kinds": sorted(kinds)}
        ws.record("orders", as_of, who, None, {**about, "ids": made["order_id"].to_list()})
    covered = sum(one.covered_kop for one in afforded.short)
    return Ordered(made, findings.frame(problems), tuple(sorted(law.asked or ())), covered)


def _due(
    ws: Workspace, of: Month, kinds: Sequence[str], balances: Mapping[str, int], reg_advance: pl.DataFrame, law: Parameters
) -> tuple[list[bank.Due], list[Finding]]:
    """What is due of the kinds asked for; B.4: an application that is impossible."""
    dues: list[bank.Due] = []
    problems: list[Finding] = []
    if "advance" in kinds:
        known = known_parties(ws.register("reg_insurer"), ws.register("reg_clinic"), of, ws.meta("territory"))
        asked, problems = advances_of(reg_advance, of, known)
        reduces = bool(law.value("payments.excess_reduces_next_advance", of.first))
        own = ws.meta("territory")
        by_party = {(books.payer_party(pair.payer, own), books.clinic(pair.mo)): one for pair, one in asked.items()}
        dues += bank.advances_due(balances, by_party, reduces)
    if "final" in kinds:
        dues += bank.finals_due(balances)
    return dues, problems


def _advanced(
    ws: Workspace, of: Month, balances: Mapping[str, int], before: pl.DataFrame, paid: pl.DataFrame
) -> bank.Advanced:  # fmt: skip
    """What clinics had of advances without an order of the month `of`, and of those of closed months what came since."""
    closed = max(ws.closed_months(), default="")
    rows = journal.entries(ws, first=Month.parse(closed).plus(1).first if closed else None).filter(
        (pl.col("rule") == "advance")
        & pl.col("debit").str.contains("^(fund|insurer):")
        & ~pl.col("document").str.starts_with(_BY_BANK)
    )
    by_hand: dict[str, dict[tuple[str, str], int]] = {}
    rule = books.posting_rules()["advance"]
    for month, debit, credit, amount in rows.select("month", "debit", "credit", "amount_kop").iter_rows():
        account, sign = (credit, -1) if rule.is_turned(debit, credit) else (debit, 1)
        payer, _, clinic = account.split("/")
        of_month = by_hand.setdefault(month, {})
        of_month[payer, clinic] = of_month.get((payer, clinic), 0) + sign * amount
    every: dict[tuple[str, str], int] = {}
    for found in by_hand.values():
        for pair, amount in found.items():
            every[pair] = every.get(pair, 0) + amount
    return bank.Advanced(by_hand.get(str(of), {}), bank.late_advances(balances, before, paid, every, closed))


def _balances(ws: Workspace) -> dict[str, int]:
    """Balances now; before anything is booked those of the opening register."""
    stands = dict(journal.balances(ws).iter_rows())
    return stands if stands or journal.opened_on(ws) is not None else journal.register_opening(ws)


def money_of(ws: Workspace, payer: str) -> bank.Money:
    """What a payer can order from now: an insurer from its payment reserve, the fund from its stock (НСЗ)."""
    before = orders(ws)
    return bank.money_of(payer, _balances(ws), before, bank.remaining(before, lines(ws)))


def beyond_stock(ws: Workspace, amount_kop: int) -> Finding | None:
    """PB.14: the fund's stock (НСЗ) has not the money for a payment to another fund or abroad, where payments are actual.

    What is ordered and under way is spent. Where payments are planned the closing fills the stock: nothing is said.
    """
    if ws.payments() != "actual":
        return None
    fund = books.fund(ws.meta("territory"))
    money = money_of(ws, fund)
    if amount_kop <= money.free_kop:
        return None
    params = {
        "payer": fund, "due": amount_kop, "there": money.pot_kop, "under_way": money.under_way_kop,
        "missing": amount_kop - money.free_kop,
    }  # fmt: skip
    return Finding("PB.14", value=str(amount_kop), params=params)


def _cover(ws: Workspace, short: Sequence[bank.Short], day: date, as_of: date, who: str) -> pl.DataFrame | None:
    """Books what final payments take from spare reserves; returns the findings where the books refuse it, else None."""
    rows = [
        {
            "event": "spare_cover", "date": day, "document": f"spare-cover-{one.payer.partition(':')[2]}-{day}-{ws.next_seq()}",
            "amount_kop": one.covered_kop, "parties": canonical_json({"insurer": one.payer}),
        }
        for one in short if one.covered_kop
    ]  # fmt: skip
    if not rows:
        return None
    schema = {name: kind for name, kind in contract.TABLES["ledger_events"].schema().items() if name in rows[0]}
    booked = journal.book(ws, pl.DataFrame(rows, schema=schema), f"orders/{day}/{ws.next_seq()}", as_of, who)
    return booked.findings if booked.txn is None else None


def _short(one: bank.Short) -> Finding:
    """PB.12, PB.13: what a payer could not order, and from which money."""
    params = {
        "payer": one.payer, "due": one.due_kop, "there": one.money.pot_kop, "under_way": one.money.under_way_kop,
        "spare": one.money.spare_kop - one.covered_kop, "missing": one.missing_kop,
    }  # fmt: skip
    return Finding("PB.13" if one.payer.startswith("fund:") else "PB.12", value=str(one.missing_kop), params=params)


def _require_actual(ws: Workspace) -> None:
    if ws.payments() != "actual":
        raise WorkspaceError("bank.planned", folder=ws.folder)


def write(ws: Workspace, made: pl.DataFrame, folder: Path, lang: str = "ru") -> list[Path]:
    """Exchange texts of orders, one for each payer whose account is known; returns the files. Equal orders give equal bytes."""
    details = _details(ws.register("reg_bank"))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for (payer,), rows in made.sort("payer", "number").group_by("payer", maintain_order=True):
        own = details.get(str(payer))
        known = [row for row in rows.iter_rows(named=True) if row["receiver"] in details and row["state"] == bank.OPEN]
        if own is None or not known:
            continue
        texts = [
            bank_file.Order(
                row["number"], row["day"], row["amount_kop"], own, details[row["receiver"]],
                messages.text(f"bank.purpose.{row['kind']}", lang, month=row["month"]),
            )
            for row in known
        ]  # fmt: skip
        path = folder / f"orders-{str(payer).replace(':', '-')}-{known[0]['number']}-{known[-1]['number']}.txt"
        path.write_bytes(bank_file.write_1c(texts, max(row["day"] for row in known), own["account"]))
        written.append(path)
    return written


def _details(reg_bank: pl.DataFrame) -> dict[str, Mapping[str, str]]:
    """Bank details of each party: those that began last."""
    rows = reg_bank.sort("party", "since").unique("party", keep="last", maintain_order=True)
    return {row["party"]: {name: value for name, value in row.items() if isinstance(value, str)} for row in rows.to_dicts()}


def order_return(ws: Workspace, bill: str, receiver: str, amount_kop: int, day: date, who: str) -> pl.DataFrame:
    """The order by which a refund of a bill of ours is sent back (inside `Workspace.writing`): contract payment_orders, one row.

    receiver  party of the other fund. The caller has seen that so much is owed back and not ordered yet. An account that is not
              in reg_bank is no hindrance: the order waits for it, as all orders do
    Raises WorkspaceError `bank.planned` where payments are not made through the bank.
    """
    _require_actual(ws)
    payer = books.fund(ws.meta("territory"))
    before = orders(ws)
    number = int(before.filter(pl.col("payer") == payer)["number"].max() or 0) + 1  # type: ignore[arg-type]
    row: dict[str, object] = {
        "number": number, "day": day, "month": bill, "kind": bank.RETURN, "payer": payer, "receiver": receiver,
        "amount_kop": amount_kop, "state": bank.OPEN,
    }  # fmt: skip
    schema = contract.TABLES["payment_orders"].schema()
    made = contract.check("payment_orders", pl.DataFrame([{"order_id": bank.order_id(row), **row}], schema=schema))
    _write(ws, "payment_orders", made)
    about = {"month": bill, "orders": 1, "kop": amount_kop, "kinds": [bank.RETURN], "ids": made["order_id"].to_list()}
    ws.record("orders", day, who, None, about)
    return made


def cancel(ws: Workspace, payer: str, number: int, as_of: date, who: str, why: str) -> None:
    """Takes an order back: what is not paid of it is due again (inside `Workspace.writing`).

    Raises WorkspaceError `bank.no_order` where there is none that is open, `bank.paid_order` where the bank stated all of it,
    `month.why` without a reason.
    """
    if not why.strip():
        raise WorkspaceError("month.why")
    found = orders(ws).filter((pl.col("payer") == payer) & (pl.col("number") == number) & (pl.col("state") == bank.OPEN))
    if found.is_empty():
        raise WorkspaceError("bank.no_order", payer=payer, number=number)
    if not bank.remaining(found, lines(ws))[found["order_id"][0]]:
        raise WorkspaceError("bank.paid_order", payer=payer, number=number)
    _write(ws, "payment_orders", found.with_columns(state=pl.lit(bank.CANCELLED)))
    ws.record("order_cancelled", as_of, who, why, {"order_id": found["order_id"][0], "payer": payer, "number": number})


# ---- statements ------------------------------------------------------------------------------------------------------------


def load(ws: Workspace, path: Path, as_of: date, who: str) -> Loaded:
    """Takes a statement in (inside `Workspace.writing`): what it states is booked line by line, or refused and told.

    A file that cannot be read whole or does not add up changes nothing (PB.5, PB.9, PB.10). Lines that were booked before are
    counted and passed over; refused ones are looked at again. Raises WorkspaceError `bank.planned`.
    """
    _require_actual(ws)
    read = bank_file.read_1c(path)
    if not read.usable:
        return Loaded(contract.TABLES["bank_lines"].empty(), read.findings, 0)
    source = read.digest
    reg_bank = ws.register("reg_bank")
    balances = dict(journal.balances(ws).iter_rows())
    taken = lines(ws)
    of_bills = between_back.for_bank(ws) if ws.meta("role") == "fund" else {}
    made = bank.match(read.lines, source, orders(ws), taken, balances, reg_bank, as_of, of_bills, _paid_out(ws))
    found = made.findings.with_columns(file=pl.lit(path.name))
    if made.events.height:
        events = pl.concat([made.events, between_back.after_payments(ws, made.events)])
        booked = journal.book(ws, events, source, as_of, who)
        if booked.txn is None:  # the books refuse an event: nothing of the statement is taken
            return Loaded(contract.TABLES["bank_lines"].empty(), findings.concat([found, booked.findings]), made.known)
    columns = [name for name in made.lines.columns if name != "source"]
    fresh = made.lines.join(taken.select(columns), on=columns, how="anti", nulls_equal=True, maintain_order="left")
    if fresh.height:
        _write(ws, "bank_lines", fresh)
        done = fresh.filter(pl.col("state") == bank.BOOKED)
        about = {"digest": source, "lines": fresh.height, "booked": done.height, "kop": int(done["amount_kop"].sum())}
        ws.record("statement", as_of, who, None, about)
    return Loaded(made.lines, found, made.known)


def _paid_out(ws: Workspace) -> dict[tuple[str, int], int]:
    """Refunds to other funds and payments abroad that stand in the books: (receiver, kopecks) -> how many."""
    own = f"{books.fund(ws.meta('territory'))}/"
    found: dict[tuple[str, int], int] = {}
    rows = journal.entries(ws, own).filter(pl.col("rule").is_in(list(_PAID_OUT)))
    rules = books.posting_rules()
    for rule, debit, credit, amount in rows.select("rule", "debit", "credit", "amount_kop").iter_rows():
        turned = rules[rule].is_turned(debit, credit)
        receiver = str(credit if turned else debit).split("/")[-1]
        found[receiver, amount] = found.get((receiver, amount), 0) + (-1 if turned else 1)
    return found
