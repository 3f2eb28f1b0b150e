"""How do a month's payments and reserves go, whoever keeps the books? Advances, bills, payments, savings, fines, limits (158n).

Rules 126-132, 192-195; law.md 10.7-10.8, 13. The closing of a fund runs it for all payers from the cases of the month
(`settle`); an insurer runs it for itself from what the fund tells it (`own_month`): the same rules in two books, so that their
acts can be held against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from omsclaims.context import Payments
from omsclaims.findings import Finding
from omsclaims.law import Parameters
from omsclaims.periods import Month
from omsclaims.settlement import ledger as books
from omsclaims.settlement.expertise.acts import KINDS
from omsclaims.settlement.expertise.deductions import Taken
from omsclaims.settlement.ledger import Ledger
from omsclaims.settlement.payments import (
    Billed,
    Known,
    Pair,
    Settled,
    advance_to_pay,
    advances_of,
    pay,
    payments_table,
    settle_pair,
)
from omsclaims.settlement.reserves import Limits, contract_year_start, limits, overflow, split

#: Events by which a month is financed -> purpose of the account where the money arrives. They may be booked on their day before
#: the month is closed, where payments are actual.
FINANCING: Final = {
    "budget_money": "money", "nsz_set_aside": "nsz", "standards": "payment_reserve", "case_management": "own_money",
    "nsz_to_insurer": "payment_reserve", "spare_fill": "spare_reserve",
}  # fmt: skip
#: An event of financing and the insurer that it is for; None: the fund itself.
Given = tuple[str, str | None]
#: Events by which an insurer's money goes to clinics, and comes back from them: payments for care are what is left.
TRANSFERS: Final = ("advance", "final_payment", "excess_returned")


@dataclass
class MonthBooks:
    """A month being settled: whose, by which law, the ledger with the events of the month in it, what was found on the way.

    payments      planned: advances and final payments are made here; actual: they are events
    fines_in_act  the contract withholds fines in act 132, in the lines of their kind (law.md 10.8)
    contracts     contract reg_contract: since when an insurer's contract year counts
    """

    of: Month
    territory: str
    law: Parameters
    payments: Payments
    fines_in_act: bool
    ledger: Ledger
    events: pl.DataFrame
    contracts: pl.DataFrame
    found: list[Finding]

    @property
    def fund(self) -> str:
        """Party of the own fund."""
        return books.fund(self.territory)

    def party(self, payer: str) -> str:
        """Party of a payer."""
        return books.payer_party(payer, self.territory)

    def pot(self, payer: str) -> str:
        """Purpose of the money that a payer pays from."""
        return "nsz" if payer == self.territory else "payment_reserve"

    @property
    def planned(self) -> bool:
        """Whether the closing makes the payments itself."""
        return self.payments == "planned"

    def document(self, kind: str, *about: str) -> str:
        """Name of a document: kind, month, parties."""
        return "-".join((kind, str(self.of), *about))

    def fresh_document(self, kind: str, *about: str) -> str:
        """Name of a document that no event of the month bears: an event may say the same as the closing."""
        name, used = self.document(kind, *about), set(self.events["document"])
        while name in used:
            name += "-rest"
        return name


# ---- money in --------------------------------------------------------------------------------------------------------------


def money_to_insurers(
    month: MonthBooks, by_standards: Iterable[tuple[str, int, int]], from_nsz: Mapping[str, int], fill: Mapping[str, int],
    ahead: Mapping[Given, int] | None = None,
) -> None:  # fmt: skip
    """What the fund gives to insurers: (insurer, money by the standards, РВД of it); НСЗ; filling of the spare reserve (193).

    ahead  what events of the month gave already (`given_ahead`): only the rest is posted. More by the standards than they come to
           goes back to the fund, finding B.7 - unless no standards could be computed: what was given then stands

    The spare reserve gets at most what came by the standards less РВД: finding B.3. All in kopecks.
    """
    before: Mapping[Given, int] = ahead or {}
    due = {smo: (amount, case_money) for smo, amount, case_money in by_standards}
    computed = any(amount for amount, _ in due.values())
    received: dict[str, int] = {}
    for smo in sorted(due.keys() | {smo for rule, smo in before if smo and rule in ("standards", "case_management")}):
        amount, case_money = due.get(smo, (0, 0))
        given, given_case = before.get(("standards", smo), 0), before.get(("case_management", smo), 0)
        if not computed:
            amount, case_money = max(amount, given), max(case_money, given_case)
        elif given > amount:
            params = {"smo": smo, "given": given, "due": amount, "kopecks": given - amount}
            month.found.append(Finding("B.7", value=str(given - amount), params=params))
        _post_rest(month, "standards", "standards", smo, amount, given)
        _post_rest(month, "case_management", "case-management", smo, case_money, given_case)
        received[smo] = amount - case_money
    for smo, amount in from_nsz.items():
        _post_rest(month, "nsz_to_insurer", "nsz", smo, amount, before.get(("nsz_to_insurer", smo), 0))
    for smo in sorted(fill.keys() | {smo for rule, smo in before if smo and rule == "spare_fill"}):
        most, given = received.get(smo, 0), before.get(("spare_fill", smo), 0)
        amount = max(fill.get(smo, 0), given)
        if amount > most:
            month.found.append(Finding("B.3", value=str(amount), params={"smo": smo, "received": most}))
        _post_rest(month, "spare_fill", "spare", smo, min(amount, most), given)


def _post_rest(month: MonthBooks, event: str, kind: str, smo: str, amount: int, given: int) -> None:
    """What is left of an amount beside what was given already; what was given above it goes back where a rule says how."""
    roles = {"fund": month.fund, "insurer": books.insurer(smo)}
    back = f"{event}_back"
    for rule, rest in ((event, amount - given), (back, given - amount)):
        if rest > 0 and rule in books.posting_rules():
            parties = {role: roles[role] for role in books.posting_rules()[rule].roles()}
            name = kind if rule == event else f"{kind}-back"
            month.ledger.post(rule, rest, month.fresh_document(name, smo), **parties)


def of_this_month(events: pl.DataFrame) -> pl.DataFrame:
    """Of the events of a month (contract `event_postings`) those that are its own: not what undoes postings of earlier months."""
    undoes = dict(events.select("posting_id", "reverses").iter_rows())

    def is_own(posting: str) -> bool:
        while undoes[posting] is not None:
            posting = undoes[posting]
            if posting not in undoes:
                return False
        return True

    return events.filter(pl.Series([is_own(posting) for posting in events["posting_id"]], dtype=pl.Boolean))


def given_ahead(events: pl.DataFrame) -> dict[Given, int]:
    """What events of a month gave of its financing before it is closed: (event, insurer or None for the fund) -> kopecks.

    events  contract `event_postings` of the month; what was undone in it is taken off, what undoes earlier months does not count
    """
    found: dict[Given, int] = {}
    of_financing = events.filter(pl.col("rule").is_in(list(FINANCING)))
    for rule, debit, credit, amount in of_this_month(of_financing).select("rule", "debit", "credit", "amount_kop").iter_rows():
        for account, sign in ((debit, 1), (credit, -1)):
            party, _, purpose = account.partition("/")
            kind, _, code = party.partition(":")
            if purpose == FINANCING[rule] and kind in ("fund", "insurer"):
                key = (rule, code if kind == "insurer" else None)
                found[key] = found.get(key, 0) + sign * amount
    return {key: amount for key, amount in sorted(found.items(), key=str) if amount}


# ---- payment of clinics ----------------------------------------------------------------------------------------------------


def pay_clinics(
    month: MonthBooks, billed: Mapping[Pair, Billed], reg_advance: pl.DataFrame, taken: Mapping[Pair, Taken],
    known: Known,
) -> pl.DataFrame:  # fmt: skip
    """Advances, bills, control, application of what was paid, final payments, carry-over: the table `payments`.

    known  payers and clinics that may have an advance (B.4)
    """
    asked, problems = advances_of(reg_advance, month.of, known)
    month.found += problems
    pairs = sorted({*billed, *(asked if month.planned else ()), *_pairs_of_balances(month)})
    _reopen_what_came_back(month, pairs)
    arrived = _carry_open_advances(month, pairs)
    reduces = bool(month.law.value("payments.excess_reduces_next_advance", month.of.first))
    debts = {pair: -_mutual(month, "care", pair) for pair in pairs}
    excess = {pair: _mutual(month, "excess", pair) for pair in pairs}
    advances = arrived
    if month.planned:
        advances = {pair: advance_to_pay(asked[pair], excess[pair], reduces) for pair in pairs if pair in asked}
        for pair, amount in advances.items():
            _post_pair(month, "advance", amount, pair)
    _warn_of_overdraft(month, sorted({pair.payer for pair in advances}))
    settled = {}
    for pair in pairs:
        bill = billed.get(pair, Billed())
        settled[pair] = settle_pair(debts[pair], excess[pair], advances.get(pair, 0), bill.accepted_kop)
        _post_bill(month, pair, bill, settled[pair], taken.get(pair))
    paid: dict[Pair, int] = {}
    for payer in sorted({pair.payer for pair in pairs}) if month.planned else ():
        paid |= _pay_from_money(month, payer, {pair: settled[pair].due_kop for pair in pairs if pair.payer == payer})
    for pair in pairs:
        _post_pair(month, "excess_carried", settled[pair].advance_left_kop, pair)
    in_advance, finally_paid = _transferred(month, pairs, advances if month.planned else {}, paid)
    return payments_table(billed, settled, excess, in_advance, finally_paid)


def _transferred(
    month: MonthBooks, pairs: list[Pair], advances: Mapping[Pair, int], paid: Mapping[Pair, int]
) -> tuple[dict[Pair, int], dict[Pair, int]]:
    """Advances and final payments of the month by pair: what the closing made, and what events moved (less what came back)."""
    moved = net(month.events)

    def by_events(rule: str, purpose: str, pair: Pair) -> int:
        return moved.get((rule, f"{month.party(pair.payer)}/{purpose}/{books.clinic(pair.mo)}"), 0)

    in_advance = {pair: advances.get(pair, 0) + by_events("advance", "advance", pair) for pair in pairs}
    finally_paid = {
        pair: paid.get(pair, 0) + by_events("final_payment", "care", pair) + by_events("excess_returned", "excess", pair)
        for pair in pairs
    }
    return in_advance, finally_paid


def net(postings: pl.DataFrame) -> dict[tuple[str, str], int]:
    """Net turnover by event and account, debit positive."""
    moved: dict[tuple[str, str], int] = {}
    for rule, debit, credit, amount in postings.select("rule", "debit", "credit", "amount_kop").iter_rows():
        moved[rule, debit] = moved.get((rule, debit), 0) + amount
        moved[rule, credit] = moved.get((rule, credit), 0) - amount
    return moved


def _pairs_of_balances(month: MonthBooks) -> set[Pair]:
    """Pairs that an earlier month left something between, a debt or an excess, and pairs that events of the month are about."""
    found = set()
    for account in (*month.ledger.opening, *month.events["debit"], *month.events["credit"]):
        party, _, rest = account.partition("/")
        purpose, _, counterparty = rest.partition("/")
        if purpose in ("care", "excess", "advance") and counterparty.startswith("clinic:") and not party.startswith("clinic:"):
            found.add(Pair(party.split(":")[1], counterparty.split(":")[1]))
    return found


def _reopen_what_came_back(month: MonthBooks, pairs: list[Pair]) -> None:
    """A transfer that had been applied or carried on and was taken back since left less than nothing: the debt stands again."""
    for pair in pairs:
        for purpose in ("advance", "excess"):
            _post_pair(month, f"{purpose}_reopened", max(0, -_mutual(month, purpose, pair)), pair)


def _carry_open_advances(month: MonthBooks, pairs: list[Pair]) -> dict[Pair, int]:
    """An advance that an opening left unapplied is an excess of the months before; returns what events brought this month."""
    arrived = {}
    for pair in pairs:
        stands = _mutual(month, "advance", pair)
        account = f"{month.party(pair.payer)}/advance/{books.clinic(pair.mo)}"
        left = stands if month.planned else min(stands, max(0, month.ledger.opening.get(account, 0)))
        if left > 0:
            _post_pair(month, "excess_carried", left, pair, "opening")
        if stands - left > 0:
            arrived[pair] = stands - left
    return arrived


def _mutual(month: MonthBooks, purpose: str, pair: Pair) -> int:
    """Balance in the payer's books of what it has with the clinic, debit positive."""
    return month.ledger.balance(f"{month.party(pair.payer)}/{purpose}/{books.clinic(pair.mo)}")


def _post_pair(month: MonthBooks, event: str, amount: int, pair: Pair, mark: str = "") -> None:
    """Posts an event between a payer and a clinic."""
    about = [part for part in (mark, pair.payer, pair.mo) if part]
    cost = "elsewhere" if pair.payer == month.territory else "cost"
    month.ledger.post(
        event, amount, month.document(event.replace("_", "-"), *about), payer=month.party(pair.payer),
        clinic=books.clinic(pair.mo), pot=month.pot(pair.payer), cost=cost,
    )  # fmt: skip


def _post_bill(month: MonthBooks, pair: Pair, bill: Billed, settled: Settled, taken: Taken | None) -> None:
    """Bill, control, use of the fund's target money, expertise, application of what the clinic has had already."""
    _post_pair(month, "bill", bill.billed_kop, pair)
    _post_pair(month, "withheld_mek", bill.withheld_kop, pair)
    if pair.payer != month.territory:
        _post_insurer(month, "care_accepted", bill.passed_kop, pair)
    _post_pair(month, "withheld_mek", bill.accidents_kop, pair, "accidents")
    if pair.payer != month.territory:  # the fund's target money was used for care that others pay for
        _post_insurer(month, "care_withdrawn", bill.accidents_kop, pair, "accidents")
    if taken is not None:
        _post_expertise(month, pair, taken)
    _post_pair(month, "excess_applied", settled.excess_used_kop, pair)
    _post_pair(month, "advance_applied", settled.advance_used_kop, pair)


def _post_insurer(month: MonthBooks, event: str, amount: int, pair: Pair, mark: str = "") -> None:
    """Posts an event between an insurer and the fund about a clinic."""
    about = [part for part in (mark, pair.payer, pair.mo) if part]
    document = month.document(event.replace("_", "-"), *about)
    month.ledger.post(event, amount, document, insurer=month.party(pair.payer), fund=month.fund)


def _post_expertise(month: MonthBooks, pair: Pair, taken: Taken) -> None:
    """Acts of expertise of the month on bills of any month: non-payment, what is given back, fines."""
    inside = month.fines_in_act
    of_insurer = pair.payer != month.territory
    for kind in KINDS:
        _post_pair(month, f"withheld_{kind}", taken.withheld[kind], pair)
        _post_pair(month, f"returned_{kind}", taken.returned[kind], pair)
        if inside:
            _post_pair(month, f"fine_in_{kind}", taken.fines[kind], pair)
            _post_pair(month, f"fine_out_{kind}", taken.fines_returned[kind], pair)
        else:
            _post_pair(month, "fine", taken.fines[kind], pair, kind)
            _post_pair(month, "fine_returned", taken.fines_returned[kind], pair, kind)
    if of_insurer:  # the fund's target money was used for care that is now not paid, and the other way round
        _post_insurer(month, "care_withdrawn", sum(taken.withheld.values()), pair)
        _post_insurer(month, "care_restored", sum(taken.returned.values()), pair)
        if inside:
            _post_insurer(month, "sanctions_entrusted", sum(taken.fines.values()), pair)
            _post_insurer(month, "sanctions_given_back", sum(taken.fines_returned.values()), pair)


def _warn_of_overdraft(month: MonthBooks, payers: list[str]) -> None:
    """B.2: the advances took more than the payer had."""
    for payer in payers:
        money = month.ledger.balance(f"{month.party(payer)}/{month.pot(payer)}")
        if money < 0:
            month.found.append(Finding("B.2", value=str(-money), params={"payer": payer, "kopecks": -money}))


def _pay_from_money(month: MonthBooks, payer: str, due: Mapping[Pair, int]) -> dict[Pair, int]:
    """Final payments of a payer; its spare reserve covers a shortage, what is still short is finding B.1 and stays a debt."""
    party = month.party(payer)
    of_fund = payer == month.territory
    spare = 0 if of_fund else month.ledger.balance(f"{party}/spare_reserve")
    result = pay(due, month.ledger.balance(f"{party}/{month.pot(payer)}"), spare)
    if not of_fund:
        month.ledger.post("spare_cover", result.from_spare_kop, month.document("spare-cover", payer), insurer=party)
    for pair, amount in result.payments.items():
        _post_pair(month, "final_payment", amount, pair)
    if result.short_kop:
        month.found.append(Finding("B.1", value=str(result.short_kop), params={"payer": payer, "kopecks": result.short_kop}))
    return result.payments


def split_savings(month: MonthBooks, taken: Mapping[Pair, Taken]) -> None:
    """What an insurer saved by expertise is divided by the table of the reserves (192-195): savings lie in the payment reserve,
    so only the other parts leave it. More given back than saved: the parts come back by the same table. Fines are divided when
    they are money: those withheld in the act with it, those that stand apart when the clinic has paid them.
    """
    last = month.of.last
    sources = {"mee": "mee_savings", "ekmp": "ekmp_savings"}
    paid = _fines_paid(month)
    for payer in sorted({pair.payer for pair in taken if pair.payer != month.territory} | set(paid)):
        own = [one for pair, one in taken.items() if pair.payer == payer]
        saved = {sources[kind]: sum(one.net(kind) for one in own) for kind in KINDS}
        saved["sanctions"] = paid.get(payer, 0)
        if month.fines_in_act:
            saved["sanctions"] += sum(one.net_fine(kind) for one in own for kind in KINDS)
        for source, amount in saved.items():
            parts = split(source, abs(amount), last, month.law)
            back = "_back" if amount < 0 else ""
            for part, kopecks in (("preventive", parts.preventive_kop), ("running", parts.running_kop)):
                document = month.document(source.replace("_", "-"), part, payer)
                parties = {"insurer": month.party(payer), "fund": month.fund}
                month.ledger.post(f"savings_{part}{back}", kopecks, document, **parties)
        left = month.ledger.balance(f"{month.party(payer)}/payment_reserve")
        if left < 0 and any(saved.values()):
            month.found.append(Finding("E.22", value=str(-left), params={"payer": payer, "kopecks": -left}))


def _fines_paid(month: MonthBooks) -> dict[str, int]:
    """Fines that clinics paid to an insurer in the month (what was taken back taken off) become money held for the fund (192(5)):
    posted here, unless an event of the month did it already. Returns by insurer what is now to be divided, below zero when more
    came back.
    """
    moved = net(month.events)
    found = {}
    for party in sorted(
        account.split("/")[0] for rule, account in moved if rule == "fine_paid" and account.startswith("insurer:")
    ):
        received = moved.get(("fine_paid", f"{party}/payment_reserve"), 0)
        entrusted = sum(moved.get((rule, f"{party}/fines_due"), 0) for rule in ("fines_entrusted", "fines_given_back"))
        if amount := received - entrusted:
            found[party.split(":")[1]] = amount
    for payer, amount in found.items():
        event = "fines_entrusted" if amount > 0 else "fines_given_back"
        document = month.document(event.replace("_", "-"), payer)
        month.ledger.post(event, abs(amount), document, month.of.last, insurer=month.party(payer), fund=month.fund)
    return found


# ---- limits ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReserveLimits:
    """Payments to clinics since the contract year began, less what came back, and the limits that follow from them."""

    paid_kop: int
    limits: Limits


def reserve_limits(
    party: str, postings: pl.DataFrame, begun: date, last: date, contracts: pl.DataFrame, law: Parameters
) -> ReserveLimits | None:
    """The limits of an insurer's reserves at the end of a month (193, 194); None where no contract is in force then.

    party     `insurer:<smo>`
    postings  everything up to `last` since the contract year began, at least: date, rule, debit, credit, amount_kop
    begun     first day of the first month that the books hold
    """
    year = contract_year_start(party.split(":")[1], last, contracts, law)
    if year is None:
        return None
    start = max(year, begun)
    months = (last.year - start.year) * 12 + last.month - start.month + 1
    own = postings.filter(pl.col("date") >= start.replace(day=1))  # the first payments of a month bear its first day
    paid = max(0, books.turnover(own, TRANSFERS, "credit", f"{party}/payment_reserve"))  # more may have come back than was paid
    return ReserveLimits(paid, limits(paid, months, (last - start).days + 1, last, law))


def limit_reserves(month: MonthBooks, postings_before: pl.DataFrame | None) -> None:
    """What the reserves of each insurer hold above their limits flows back to the payment reserve (192(7), 193, 194).

    The mean month and the mean day are those since the start of the insurer's contract year, months without a payment among them;
    of a year that began before the books, since the books began. In the first month of the year that is the month alone: what
    was carried over from the year before has to fit its payments. Without a contract at the end of the month nothing moves: the
    pots of a contract that ended go back (`insurer_year.early_end`).
    """
    first, last = month.of.first, month.of.last
    postings = month.ledger.postings()
    if postings_before is not None and postings_before.height:
        postings = pl.concat([postings_before.filter(pl.col("date") < first).select(postings.columns), postings])
    postings = pl.concat([postings, month.events.select(postings.columns)])
    begun = min([first, *(found.replace(day=1) for found in postings["date"].unique())])
    parties = {account.split("/")[0] for account in (*month.ledger.opening, *postings["debit"])}
    for party in sorted(name for name in parties if name.startswith("insurer:")):
        smo = party.split(":")[1]
        found = reserve_limits(party, postings, begun, last, month.contracts, month.law)
        if found is None:
            continue
        limit = found.limits
        spare, preventive = (month.ledger.balance(f"{party}/{pot}") for pot in ("spare_reserve", "preventive_reserve"))
        above = {
            "spare_overflow": overflow(spare, limit.spare_kop),
            "preventive_overflow": overflow(preventive, limit.preventive_kop),
        }
        for event, amount in above.items():
            month.ledger.post(event, amount, month.document(event.replace("_", "-"), smo), insurer=party)
