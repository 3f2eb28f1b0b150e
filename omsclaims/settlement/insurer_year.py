"""What goes back to the fund when an insurer's year or contract ends, and how is its other money booked? (192-198; law.md 13)

Beside the standards an insurer gets damages, money of motor insurers (ОСАГО), fines of clinics and penalties of contracts; beside
clinics it pays for measures against illness. At the end of the year of contracts what is left of the reserves goes back to the
fund (198); on an early end within ten working days, after every obligation to the clinics (197): first the debts, then the
advances and excesses that clinics hold, then the pots. Money for running costs (РВД, shares) is the insurer's own and stays.

Everything here says which events are to be booked (contract `ledger_events`), or the findings why not: nothing is booked in part.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from omsclaims import contract, findings, messages
from omsclaims.findings import Finding
from omsclaims.law import Parameters
from omsclaims.law import terms as law_terms
from omsclaims.settlement import ledger as books
from omsclaims.settlement.reserves import contract_year_start, split, year_start

#: Source of the split table -> events of the parts for the payment reserve, the preventive reserve, running costs.
_EVENTS: Final = {
    "recovered_damages": ("damages_recovered", "recovery_preventive", "recovery_running"),
    "osago": ("osago_recovered", "recovery_preventive", "recovery_running"),
    "contract_penalties": ("penalty_recovered", "recovery_preventive", "contract_penalty"),
}  # fmt: skip
#: Sources that `recovered` knows.
SOURCES: Final = tuple(_EVENTS)
#: What clinics may hold of an insurer's money beside what is owed to them.
_HELD: Final = ("advance", "excess")


@dataclass(frozen=True)
class Events:
    """Events to be booked together (contract ledger_events), the last day of the term, findings.

    Findings IY.1-IY.4, IY.6, IY.7, IY.9 refuse: there are no events then. IY.5 (after the term) only says so. No events and no
    findings: what is asked for was done already.
    """

    events: pl.DataFrame
    findings: pl.DataFrame
    due: date | None = None


def _events(rows: Iterable[tuple[str, int, Mapping[str, str], str, date]]) -> pl.DataFrame:
    """Events of (name, kopecks, parties, document, day), without those of 0."""
    made = [
        {
            "event": name, "date": on, "document": document, "document_date": on, "amount_kop": amount,
            "parties": json.dumps(dict(sorted(parties.items())), separators=(",", ":")), "order_id": None, "note": None,
        }
        for name, amount, parties, document, on in rows
        if amount
    ]  # fmt: skip
    return contract.check("ledger_events", pl.DataFrame(made, schema=contract.TABLES["ledger_events"].schema()))


def _refused(*problems: Finding, due: date | None = None) -> Events:
    return Events(_events(()), findings.frame(problems), due)


def _finding(rule: str, smo: str, **params: object) -> Finding:
    value = str(params.get("kopecks", params.get("day", smo)))
    return Finding(rule, value=value, params={"smo": smo, **{name: str(said) for name, said in params.items()}})


def _closed(smo: str, end: date, reason: str) -> Finding:
    """IY.3: no contract, or nothing left of it."""
    said = {f"reason_{lang}": messages.text(f"insurer.reason.{reason}", lang) for lang in messages.LANGUAGES}
    return _finding("IY.3", smo, day=end, **said)


def _nothing(smo: str, amount_kop: int) -> Events:
    return _refused(_finding("IY.7", smo, kopecks=amount_kop))


# ---- other money -----------------------------------------------------------------------------------------------------------


def recovered(smo: str, amount_kop: int, source: str, on: date, document: str, law: Parameters) -> Events:
    """Money of SOURCES that an insurer received, divided by the table in force on the day (192(6), 192(8), 195(4)-(5)).

    Raises UnknownSourceError for a source that the table does not have, KeyError for one that is no new money of this kind.
    """
    if amount_kop <= 0:
        return _nothing(smo, amount_kop)
    parts = split(source, amount_kop, on, law)
    party = {"insurer": books.insurer(smo)}
    amounts = (parts.payment_kop, parts.preventive_kop, parts.running_kop)
    rows = [(event, amount, party, document, on) for event, amount in zip(_EVENTS[source], amounts, strict=True)]
    return Events(_events(rows), findings.empty())


def fine_received(smo: str, mo: str, amount_kop: int, on: date, document: str, balances: Mapping[str, int]) -> Events:
    """A fine that a clinic paid to an insurer; the closing of the month divides it (192(5)). IY.4: more than was fined."""
    if amount_kop <= 0:
        return _nothing(smo, amount_kop)
    owed = balances.get(f"{books.insurer(smo)}/fine/{books.clinic(mo)}", 0)
    if amount_kop > owed:
        return _refused(_finding("IY.4", smo, pot=f"fine/{books.clinic(mo)}", kopecks=amount_kop, held=owed))
    parties = {"payer": books.insurer(smo), "clinic": books.clinic(mo)}
    return Events(_events([("fine_paid", amount_kop, parties, document, on)]), findings.empty())


def measures(smo: str, amount_kop: int, on: date, document: str, balances: Mapping[str, int]) -> Events:
    """Measures against illness, agreed with the fund, paid from the preventive reserve (196(2)). IY.4: more than it holds."""
    if amount_kop <= 0:
        return _nothing(smo, amount_kop)
    held = balances.get(f"{books.insurer(smo)}/preventive_reserve", 0)
    if amount_kop > held:
        return _refused(_finding("IY.4", smo, pot="preventive_reserve", kopecks=amount_kop, held=held))
    return Events(_events([("preventive_spent", amount_kop, {"insurer": books.insurer(smo)}, document, on)]), findings.empty())


# ---- what goes back --------------------------------------------------------------------------------------------------------


def debts(smo: str, balances: Mapping[str, int]) -> dict[str, int]:
    """Clinic -> kopecks that an insurer owes it for care, above zero."""
    return {mo: -kop for mo, kop in _with_clinics(smo, balances, "care").items() if kop < 0}


def held_by_clinics(smo: str, balances: Mapping[str, int]) -> dict[str, int]:
    """Clinic -> kopecks of advances and excess that it holds of an insurer, or that it owes for care; above zero."""
    found: dict[str, int] = {}
    for purpose in (*_HELD, "care"):
        for mo, kop in _with_clinics(smo, balances, purpose).items():
            found[mo] = found.get(mo, 0) + max(0, kop)
    return {mo: kop for mo, kop in sorted(found.items()) if kop}


def _with_clinics(smo: str, balances: Mapping[str, int], purpose: str) -> dict[str, int]:
    """Clinic -> what an insurer has with it for a purpose, debit positive."""
    prefix = f"{books.insurer(smo)}/{purpose}/clinic:"
    return {account.removeprefix(prefix): kop for account, kop in sorted(balances.items()) if account.startswith(prefix)}


def year_end(
    smo: str, end: date, on: date, at_end: Mapping[str, int], now: Mapping[str, int], returned: pl.DataFrame,
    contracts: pl.DataFrame, law: Parameters,
) -> Events:  # fmt: skip
    """What is left of the reserves at the end of the year of contracts goes back to the fund (198), events on day `on`.

    end       last day of the year of contracts, or of a contract that ended with it
    at_end    account -> kopecks at the end of that day, after its month was closed;  now: the same on day `on`
    returned  contract journal: the postings `unused_returned` so far. What went back for this end already is taken off, so that
              a second return, on whatever day, sends nothing - or what a month closed again left more. Nothing more: no events
    What clinics were still owed at the end stays in the payment reserve, and what that lacks in the spare one, which covers it
    (193): their bills come out of the old year's money, and only what remains after them goes back (as in 197).

    Findings, nothing booked: IY.3 no contract in force on that day, or nothing is left; IY.4 the reserve does not hold it any
    more; IY.6 not the last day of a year of contracts, or a return before it; IY.9 more went back than was left. IY.5: after the
    term, booked all the same.
    """
    last = year_start(end + timedelta(days=1), law) - timedelta(days=1)
    if end != last or on < end:
        return _refused(_finding("IY.6", smo, day=min(end, on), last=last if end != last else end))
    due = law_terms.due(law, "reserves.year_end_working_days", end)
    if contract_year_start(smo, end, contracts, law) is None:
        return _refused(_closed(smo, end, "contract"), due=due)
    left = _left(smo, at_end)
    pots = {pot: left[pot] for pot in law.value("reserves.year_end_pots", end)}
    gone = {pot: _gone(smo, end, pot, returned) for pot in pots}
    above = [
        _finding("IY.9", smo, day=end, pot=pot, kopecks=gone[pot], left=amount)
        for pot, amount in pots.items()
        if gone[pot] > max(0, amount)
    ]
    if above:
        return _refused(*above, due=due)
    rest = {pot: amount - gone[pot] for pot, amount in pots.items()}
    if any(gone.values()) and not any(rest.values()):
        return Events(_events(()), findings.empty(), due)
    return _return(smo, rest, now, returned, end, on, due)


def _left(smo: str, at_end: Mapping[str, int]) -> dict[str, int]:
    """Pot -> kopecks that remain when the clinics have what they are owed: of the payment reserve, then of the spare one."""
    left = {pot: at_end.get(f"{books.insurer(smo)}/{pot}", 0) for pot in books.POTS}
    owed = sum(debts(smo, at_end).values())
    short = max(0, owed - left["payment_reserve"])
    left["payment_reserve"] = max(0, left["payment_reserve"] - owed)
    left["spare_reserve"] -= min(short, max(0, left["spare_reserve"]))  # a pot below zero stays one: IY.4
    return left


def early_end(
    smo: str, end: date, on: date, now: Mapping[str, int], returned: pl.DataFrame, contracts: pl.DataFrame, law: Parameters
) -> Events:
    """All target money that an insurer holds goes back to the fund after a contract ended early (197), events on day `on`.

    end       last day of the contract, as the register has it in `till`;  now: account -> kopecks on day `on`
    returned  contract journal: the postings `unused_returned` so far; what came in since them goes back by papers of its own

    Findings, nothing booked: IY.1 a clinic is still owed, IY.2 a clinic still holds an advance or excess, IY.3 no contract in
    force on its last day, or nothing is left, IY.4 a pot below zero, IY.6 a return before the end, or a contract that did not end
    on that day: an open or longer one, or none named: that is one for each whole year. IY.5: after the term, booked all the
    same.
    """
    if on < end:
        return _refused(_finding("IY.6", smo, day=on, last=end))
    due = law_terms.due(law, "reserves.early_end_working_days", end)
    if contract_year_start(smo, end, contracts, law) is None:
        return _refused(_closed(smo, end, "contract"), due=due)
    last = _contract_end(smo, end, contracts, law)
    if last != end:
        return _refused(_goes_on(smo, end, last), due=due)
    open_items = [_finding("IY.1", smo, mo=mo, kopecks=kop) for mo, kop in debts(smo, now).items()]
    open_items += [_finding("IY.2", smo, mo=mo, kopecks=kop) for mo, kop in held_by_clinics(smo, now).items()]
    if open_items:
        return _refused(*open_items, due=due)
    return _return(smo, {pot: now.get(f"{books.insurer(smo)}/{pot}", 0) for pot in books.POTS}, now, returned, end, on, due)


def _contract_end(smo: str, on: date, contracts: pl.DataFrame, law: Parameters) -> date | None:
    """Last day of the contract in force on a day, the latest of several; None: the register names no last day.

    An insurer that the register does not name at all has a contract for the whole year.
    """
    own = contracts.filter(pl.col("smo") == smo)
    if own.is_empty():
        return _year_last(on, law)
    held = own.filter((pl.col("since") <= on) & (pl.col("till").is_null() | (pl.col("till") >= on)))
    ends: list[date | None] = held["till"].to_list()
    return None if None in ends else max((day for day in ends if day is not None), default=None)


def _year_last(on: date, law: Parameters) -> date:
    """Last day of the year of contracts that a day lies in."""
    start = year_start(on, law)
    return year_start(date(start.year + 1, start.month, start.day), law) - timedelta(days=1)


def _goes_on(smo: str, end: date, last: date | None) -> Finding:
    """IY.6: the contract did not end on that day."""
    said = {f"last_{lang}": messages.text("insurer.no_till", lang) if last is None else str(last) for lang in messages.LANGUAGES}
    return _finding("IY.6", smo, day=end, **said)


def _paper(smo: str, end: date, pot: str) -> str:
    """Name of the paper by which a pot goes back."""
    return f"return-{end}-{smo}-{pot.replace('_', '-')}"


def _gone(smo: str, end: date, pot: str, returned: pl.DataFrame) -> int:
    """Kopecks of a pot that went back for an end and were not taken back since, by any of its papers."""
    of_end = returned.filter(pl.col("document").str.starts_with(_paper(smo, end, pot)))
    return books.turnover(of_end, ["unused_returned"], "credit", f"{books.insurer(smo)}/{pot}")


def _fresh_paper(smo: str, end: date, pot: str, returned: pl.DataFrame) -> str:
    """Name of a paper that no posting bears: a further return of the same sum on the same day is another event."""
    name, used, number = _paper(smo, end, pot), set(returned["document"]), 1
    while (fresh := name if number == 1 else f"{name}-{number}") in used:
        number += 1
    return fresh


def _return(
    smo: str, pots: Mapping[str, int], now: Mapping[str, int], returned: pl.DataFrame, end: date, on: date, due: date
) -> Events:
    """The events by which pots go back."""
    party = books.insurer(smo)
    held = {pot: now.get(f"{party}/{pot}", 0) for pot in pots}
    short = [
        _finding("IY.4", smo, pot=pot, kopecks=amount, held=held[pot])
        for pot, amount in pots.items()
        if amount > held[pot] or amount < 0
    ]
    if short:
        return _refused(*short, due=due)
    if not any(pots.values()):
        return _refused(_closed(smo, end, "nothing"), due=due)
    rows = [
        ("unused_returned", amount, {"insurer": party, "pot": pot}, _fresh_paper(smo, end, pot, returned), on)
        for pot, amount in pots.items()
    ]
    late = [_finding("IY.5", smo, day=on, due=due)] if on > due else []
    return Events(_events(rows), findings.frame(late), due)
