"""How does the month end in money? Financing, payment of clinics, reserves, bills to territories: one ledger, two acts.

Rules 158n 115-121, 126-134, 141, 192-194; law.md 4, 10.7-10.8, 11, 13. The order of the month: money comes in and is divided;
advances; bills and control; what was paid before is applied; the payment reserve is covered from the spare one where it does not
suffice; final payments; what is left of an advance is carried on; reserves above their limit flow back; bills to territories.

Where payments are `planned`, the closing makes advances and final payments itself. Where they are `actual`, it says what is due
and the money moves by events of the journal (`event_postings`), which every month goes on from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.findings import Finding
from omsclaims.settlement import ledger as books
from omsclaims.settlement.accidents import by_pair
from omsclaims.settlement.acts import act_121, act_132
from omsclaims.settlement.expertise.acts import KINDS
from omsclaims.settlement.expertise.deductions import Taken, taken_by_pair
from omsclaims.settlement.financing import Financing, finance
from omsclaims.settlement.ledger import Ledger
from omsclaims.settlement.payments import (
    Billed,
    Pair,
    Settled,
    advance_to_pay,
    advances_of,
    billed_by_pair,
    pay,
    payments_table,
    settle_pair,
)
from omsclaims.settlement.reserves import limits, overflow, split
from omsclaims.settlement.territories import territory_bills

if TYPE_CHECKING:
    from omsclaims.context import Context

#: Events by which an insurer's money goes to clinics.
TRANSFERS: Final = ("advance", "final_payment")


#: Lines of act 132 as a correction of an earlier month moves them: its events, and the sign of a debit of the payer's debt.
_CORRECTED: Final = {
    "billed": (("bill",), -1),
    "mek": (("withheld_mek",), 1),
    "mee": (("withheld_mee", "returned_mee", "fine_in_mee", "fine_out_mee"), 1),
    "ekmp": (("withheld_ekmp", "returned_ekmp", "fine_in_ekmp", "fine_out_ekmp"), 1),
}
_ACT_LINE: Final = {"billed": "billed_kop_act", "mek": "mek_kop", "mee": "mee_kop", "ekmp": "ekmp_kop"}


@dataclass
class _Month:
    """A month being settled: its surroundings, the ledger with the events of the month in it, what was found on the way."""

    context: Context
    ledger: Ledger
    events: pl.DataFrame
    found: list[Finding]

    @property
    def fund(self) -> str:
        """Party of the own fund."""
        return books.fund(self.context.territory)

    def party(self, payer: str) -> str:
        """Party of a payer."""
        return books.payer_party(payer, self.context.territory)

    def pot(self, payer: str) -> str:
        """Purpose of the money that a payer pays from."""
        return "nsz" if payer == self.context.territory else "payment_reserve"

    @property
    def planned(self) -> bool:
        """Whether the closing makes the payments itself."""
        return self.context.payments == "planned"

    @property
    def fines_in_act(self) -> bool:
        """Whether the contract withholds fines in act 132, in the lines of their kind (law.md 10.8)."""
        return self.context.agreement.head.control.fines == "in_act_132"

    def document(self, kind: str, *about: str) -> str:
        """Name of a document: kind, month, parties."""
        return "-".join((kind, str(self.context.month), *about))


def settle(tables: Mapping[str, pl.DataFrame], context: Context) -> dict[str, pl.DataFrame]:
    """The money of a month.

    tables   cases, identified, decisions; reg_insured, reg_insurer, reg_advance, reg_funding, reg_opening;
             deductions of the month by expertise and accident_deductions, where there are any;
             of earlier months, where there are any: balances_before (the last month's `balances`; without it reg_opening counts),
             postings_before (of this year, events too: the mean month of the reserves' limits), territory_bills_before (of
             this year); event_postings: what the journal of the month holds already, in either mode of payment
    returns  financing, standards, payments, act_121, act_132, territory_bills, postings, balances (contract) and findings:
             F.1-F.5 of financing, B.1 a payer's money does not suffice, B.2 money below zero after the advances, B.3 more than
             the standards to the spare reserve, B.4 an impossible advance, B.5 an opening that does not sum to zero, B.6
             funding below zero
    Every sum is in kopecks. Asserts: the ledger, each party's books and each pair sum to zero; the identities of the acts, from
    both sides; acts and tables say the same.
    """
    opening, found = opening_balances(tables, context)
    events = tables.get("event_postings", contract.TABLES["event_postings"].empty())
    month = _Month(context, Ledger(context.month, opening), events, found)
    month.ledger.take(events)
    money = finance(tables, context)
    _money_in(month, money, tables["reg_funding"])
    taken = _taken(tables.get("deductions"))
    accidents = {Pair(payer, mo): kop for (payer, mo), kop in by_pair(tables.get("accident_deductions")).items()}
    billed = _with_accidents(_with_expertise(billed_by_pair(tables, context), taken, month), accidents)
    payments = _pay_clinics(month, billed, tables["reg_advance"], taken)
    _split_savings(month, taken)
    _limit_reserves(month, tables.get("postings_before"))
    bills = territory_bills(tables, context)
    for code, amount in bills.select("territory", "amount_kop").iter_rows():
        document = month.document("territory-bill", code)
        month.ledger.post("territory_bill", amount, document, fund=month.fund, territory=books.territory(code))
    postings = contract.check("postings", month.ledger.postings())
    moved = pl.concat([postings, events.select(postings.columns)])
    balances = books.balances_of(opening, moved)
    result = {
        "financing": contract.check("financing", money.financing),
        "standards": contract.check("standards", money.standards),
        "payments": payments,
        "territory_bills": bills,
        "postings": postings,
        "balances": balances,
        "act_121": act_121(opening, moved, balances, context.territory),
        "act_132": act_132(opening, moved, balances, context.territory),
    }
    _cross_check(result, month)
    return {**result, "findings": findings.concat([money.findings, findings.frame(month.found)])}


def opening_balances(tables: Mapping[str, pl.DataFrame], context: Context) -> tuple[dict[str, int], list[Finding]]:
    """Balances before the month: of the month before, else the opening register with its other sides; finding B.5."""
    before = tables.get("balances_before")
    if before is not None and before.height:
        opening = books.as_dict(before)
        books.assert_balanced(opening)
        return opening, []
    given = books.as_dict(tables["reg_opening"].select("account", "amount_kop").drop_nulls())
    problems = []
    if sum(given.values()):
        problems.append(Finding("B.5", value=str(sum(given.values())), params={"kopecks": sum(given.values())}))
    opening = books.complete_opening(given, books.fund(context.territory))
    books.assert_balanced(opening)
    return opening, problems


# ---- money in --------------------------------------------------------------------------------------------------------------


def _money_in(month: _Month, money: Financing, reg_funding: pl.DataFrame) -> None:
    """The budget's money reaches the fund, the fund's the insurers; case-management money; filling of the spare reserve."""
    funding = reg_funding.filter(pl.col("month") == str(month.context.month)).sort("what", "smo", "amount_kop")
    for what, smo, amount in funding.filter(pl.col("amount_kop") < 0).select("what", "smo", "amount_kop").iter_rows():
        month.found.append(Finding("B.6", value=str(amount), params={"what": what, "smo": smo or ""}))
    given = funding.filter(pl.col("amount_kop") > 0)
    by_standards = dict(money.financing.select("smo", "amount_kop").iter_rows())
    for_nsz = _given(given, "nsz").get(None, 0)
    # What the standards could not be computed for stays with the budget: the fund cannot hand it out.
    month.ledger.post("budget_money", sum(by_standards.values()) + for_nsz, month.document("budget"), fund=month.fund)
    month.ledger.post("nsz_set_aside", for_nsz, month.document("nsz"), fund=month.fund)
    for smo, amount, case_money in money.financing.select("smo", "amount_kop", "case_management_kop").iter_rows():
        parties = {"fund": month.fund, "insurer": books.insurer(smo)}
        month.ledger.post("standards", amount, month.document("standards", smo), **parties)
        month.ledger.post("case_management", case_money, month.document("case-management", smo), **parties)
    for receiver, amount in _given(given, "nsz").items():
        if receiver is not None:
            parties = {"fund": month.fund, "insurer": books.insurer(receiver)}
            month.ledger.post("nsz_to_insurer", amount, month.document("nsz", receiver), **parties)
    _fill_spare(month, money, _given(given, "spare_fill"))


def _given(funding: pl.DataFrame, what: str) -> dict[str | None, int]:
    """Sums of one kind of funding by insurer (None: the territory)."""
    sums = funding.filter(pl.col("what") == what).group_by("smo").agg(pl.col("amount_kop").sum()).sort("smo")
    return dict(sums.select("smo", "amount_kop").iter_rows())


def _fill_spare(month: _Month, money: Financing, fill: Mapping[str | None, int]) -> None:
    """Money by the standards into the spare reserve (193), at most what came by the standards less РВД; finding B.3."""
    received = {smo: amount - case for smo, amount, case in money.financing.select(
        "smo", "amount_kop", "case_management_kop").iter_rows()}  # fmt: skip
    for smo, amount in fill.items():
        if smo is None:
            month.found.append(Finding("B.3", value=str(amount), params={"smo": "", "received": 0}))
            continue
        most = received.get(smo, 0)
        if amount > most:
            month.found.append(Finding("B.3", value=str(amount), params={"smo": smo, "received": most}))
        month.ledger.post("spare_fill", min(amount, most), month.document("spare", smo), insurer=books.insurer(smo))


# ---- payment of clinics ----------------------------------------------------------------------------------------------------


def _taken(deductions: pl.DataFrame | None) -> dict[Pair, Taken]:
    """What expertise takes in the month and gives back, by payer and clinic."""
    if deductions is None:
        return {}
    return {Pair(payer, mo): taken for (payer, mo), taken in taken_by_pair(deductions).items()}


def _with_expertise(billed: Mapping[Pair, Billed], taken: Mapping[Pair, Taken], month: _Month) -> dict[Pair, Billed]:
    """Bills with what expertise takes from the pair; fines only where the contract withholds them in the act (law.md 10.8)."""
    inside = month.fines_in_act
    found = dict(billed)
    for pair, one in taken.items():
        lines = {f"{kind}_kop": one.net(kind) + (one.net_fine(kind) if inside else 0) for kind in KINDS}
        found[pair] = replace(found.get(pair, Billed()), **lines)
    return found


def _with_accidents(billed: Mapping[Pair, Billed], accidents: Mapping[Pair, int]) -> dict[Pair, Billed]:
    """The bills with what is withheld of earlier ones as care for severe accidents at work (Rules 131)."""
    return {**billed, **{pair: replace(billed.get(pair, Billed()), accidents_kop=kop) for pair, kop in accidents.items()}}


def _pay_clinics(
    month: _Month, billed: Mapping[Pair, Billed], reg_advance: pl.DataFrame, taken: Mapping[Pair, Taken]
) -> pl.DataFrame:
    """Advances, bills, control, application of what was paid, final payments, carry-over: the table `payments`."""
    asked, problems = advances_of(reg_advance, month.context.month)
    month.found += problems
    pairs = sorted({*billed, *(asked if month.planned else ()), *_pairs_of_balances(month)})
    _reopen_what_came_back(month, pairs)
    arrived = _carry_open_advances(month, pairs)
    reduces = bool(month.context.law.value("payments.excess_reduces_next_advance", month.context.month.first))
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
    month: _Month, pairs: list[Pair], advances: Mapping[Pair, int], paid: Mapping[Pair, int]
) -> tuple[dict[Pair, int], dict[Pair, int]]:
    """Advances and final payments of the month by pair: what the closing made, and what events moved (less what came back)."""
    moved = _net(month.events)

    def by_events(rule: str, purpose: str, pair: Pair) -> int:
        return moved.get((rule, f"{month.party(pair.payer)}/{purpose}/{books.clinic(pair.mo)}"), 0)

    in_advance = {pair: advances.get(pair, 0) + by_events("advance", "advance", pair) for pair in pairs}
    finally_paid = {
        pair: paid.get(pair, 0) + by_events("final_payment", "care", pair) + by_events("excess_returned", "excess", pair)
        for pair in pairs
    }
    return in_advance, finally_paid


def _net(postings: pl.DataFrame) -> dict[tuple[str, str], int]:
    """Net turnover by event and account, debit positive."""
    moved: dict[tuple[str, str], int] = {}
    for rule, debit, credit, amount in postings.select("rule", "debit", "credit", "amount_kop").iter_rows():
        moved[rule, debit] = moved.get((rule, debit), 0) + amount
        moved[rule, credit] = moved.get((rule, credit), 0) - amount
    return moved


def _pairs_of_balances(month: _Month) -> set[Pair]:
    """Pairs that an earlier month left something between, a debt or an excess, and pairs that events of the month are about."""
    found = set()
    for account in (*month.ledger.opening, *month.events["debit"], *month.events["credit"]):
        party, _, rest = account.partition("/")
        purpose, _, counterparty = rest.partition("/")
        if purpose in ("care", "excess", "advance") and counterparty.startswith("clinic:") and not party.startswith("clinic:"):
            found.add(Pair(party.split(":")[1], counterparty.split(":")[1]))
    return found


def _reopen_what_came_back(month: _Month, pairs: list[Pair]) -> None:
    """A transfer that had been applied or carried on and was taken back since left less than nothing: the debt stands again."""
    for pair in pairs:
        for purpose in ("advance", "excess"):
            _post_pair(month, f"{purpose}_reopened", max(0, -_mutual(month, purpose, pair)), pair)


def _carry_open_advances(month: _Month, pairs: list[Pair]) -> dict[Pair, int]:
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


def _mutual(month: _Month, purpose: str, pair: Pair) -> int:
    """Balance in the payer's books of what it has with the clinic, debit positive."""
    return month.ledger.balance(f"{month.party(pair.payer)}/{purpose}/{books.clinic(pair.mo)}")


def _post_pair(month: _Month, event: str, amount: int, pair: Pair, mark: str = "") -> None:
    """Posts an event between a payer and a clinic."""
    about = [part for part in (mark, pair.payer, pair.mo) if part]
    cost = "elsewhere" if pair.payer == month.context.territory else "cost"
    month.ledger.post(
        event, amount, month.document(event.replace("_", "-"), *about), payer=month.party(pair.payer),
        clinic=books.clinic(pair.mo), pot=month.pot(pair.payer), cost=cost,
    )  # fmt: skip


def _post_bill(month: _Month, pair: Pair, bill: Billed, settled: Settled, taken: Taken | None) -> None:
    """Bill, control, use of the fund's target money, expertise, application of what the clinic has had already."""
    _post_pair(month, "bill", bill.billed_kop, pair)
    _post_pair(month, "withheld_mek", bill.withheld_kop, pair)
    if pair.payer != month.context.territory:
        _post_insurer(month, "care_accepted", bill.passed_kop, pair)
    _post_pair(month, "withheld_mek", bill.accidents_kop, pair, "accidents")
    if pair.payer != month.context.territory:  # the fund's target money was used for care that others pay for
        _post_insurer(month, "care_withdrawn", bill.accidents_kop, pair, "accidents")
    if taken is not None:
        _post_expertise(month, pair, taken)
    _post_pair(month, "excess_applied", settled.excess_used_kop, pair)
    _post_pair(month, "advance_applied", settled.advance_used_kop, pair)


def _post_insurer(month: _Month, event: str, amount: int, pair: Pair, mark: str = "") -> None:
    """Posts an event between an insurer and the fund about a clinic."""
    about = [part for part in (mark, pair.payer, pair.mo) if part]
    document = month.document(event.replace("_", "-"), *about)
    month.ledger.post(event, amount, document, insurer=month.party(pair.payer), fund=month.fund)


def _post_expertise(month: _Month, pair: Pair, taken: Taken) -> None:
    """Acts of expertise of the month on bills of any month: non-payment, what is given back, fines."""
    inside = month.fines_in_act
    of_insurer = pair.payer != month.context.territory
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


def _warn_of_overdraft(month: _Month, payers: list[str]) -> None:
    """B.2: the advances took more than the payer had."""
    for payer in payers:
        money = month.ledger.balance(f"{month.party(payer)}/{month.pot(payer)}")
        if money < 0:
            month.found.append(Finding("B.2", value=str(-money), params={"payer": payer, "kopecks": -money}))


def _pay_from_money(month: _Month, payer: str, due: Mapping[Pair, int]) -> dict[Pair, int]:
    """Final payments of a payer; its spare reserve covers a shortage, what is still short is finding B.1 and stays a debt."""
    party = month.party(payer)
    of_fund = payer == month.context.territory
    spare = 0 if of_fund else month.ledger.balance(f"{party}/spare_reserve")
    result = pay(due, month.ledger.balance(f"{party}/{month.pot(payer)}"), spare)
    if not of_fund:
        month.ledger.post("spare_cover", result.from_spare_kop, month.document("spare-cover", payer), insurer=party)
    for pair, amount in result.payments.items():
        _post_pair(month, "final_payment", amount, pair)
    if result.short_kop:
        month.found.append(Finding("B.1", value=str(result.short_kop), params={"payer": payer, "kopecks": result.short_kop}))
    return result.payments


def _split_savings(month: _Month, taken: Mapping[Pair, Taken]) -> None:
    """What an insurer saved by expertise is divided by the table of the reserves (192-195): savings lie in the payment reserve,
    so only the other parts leave it. More given back than saved: the parts come back by the same table. Fines are divided where
    they were withheld; standing apart, they are no money yet.
    """
    last = month.context.month.last
    sources = {"mee": "mee_savings", "ekmp": "ekmp_savings"}
    for payer in sorted({pair.payer for pair in taken if pair.payer != month.context.territory}):
        own = [one for pair, one in taken.items() if pair.payer == payer]
        saved = {sources[kind]: sum(one.net(kind) for one in own) for kind in KINDS}
        if month.fines_in_act:
            saved["sanctions"] = sum(one.net_fine(kind) for one in own for kind in KINDS)
        for source, amount in saved.items():
            parts = split(source, abs(amount), last, month.context.law)
            back = "_back" if amount < 0 else ""
            for part, kopecks in (("preventive", parts.preventive_kop), ("running", parts.running_kop)):
                document = month.document(source.replace("_", "-"), part, payer)
                parties = {"insurer": month.party(payer), "fund": month.fund}
                month.ledger.post(f"savings_{part}{back}", kopecks, document, **parties)
        left = month.ledger.balance(f"{month.party(payer)}/payment_reserve")
        if left < 0 and any(saved.values()):
            month.found.append(Finding("E.22", value=str(-left), params={"payer": payer, "kopecks": -left}))


# ---- reserves and checks ---------------------------------------------------------------------------------------------------


def _limit_reserves(month: _Month, postings_before: pl.DataFrame | None) -> None:
    """What the reserves of each insurer hold above their limits flows back to the payment reserve (192(7), 193, 194)."""
    first, last = month.context.month.first, month.context.month.last
    postings = month.ledger.postings()
    if postings_before is not None and postings_before.height:
        earlier = postings_before.filter((pl.col("date") < first) & (pl.col("date").dt.year() == first.year))
        postings = pl.concat([earlier.select(postings.columns), postings])
    postings = pl.concat([postings, month.events.select(postings.columns)])
    start = min([first, *(found.replace(day=1) for found in postings["date"].unique())])
    months = (last.year - start.year) * 12 + last.month - start.month + 1
    days = (last - start).days + 1
    parties = {account.split("/")[0] for account in (*month.ledger.opening, *postings["debit"])}
    for party in sorted(name for name in parties if name.startswith("insurer:")):
        paid = books.turnover(postings, TRANSFERS, "credit", f"{party}/payment_reserve")
        limit = limits(max(0, paid), months, days, last, month.context.law)  # more may have come back than was paid
        smo = party.split(":")[1]
        spare, preventive = (month.ledger.balance(f"{party}/{pot}") for pot in ("spare_reserve", "preventive_reserve"))
        above = {
            "spare_overflow": overflow(spare, limit.spare_kop),
            "preventive_overflow": overflow(preventive, limit.preventive_kop),
        }
        for event, amount in above.items():
            month.ledger.post(event, amount, month.document(event.replace("_", "-"), smo), insurer=party)


def _cross_check(result: Mapping[str, pl.DataFrame], month: _Month) -> None:
    """The acts, drawn from the ledger, say what the tables of the stages say, and corrections of earlier months beside it."""
    payments, standards = result["payments"], result["financing"]
    moved = _net(month.events)
    act = result["act_132"]
    both = payments.join(act, on=["payer", "mo"], how="full", suffix="_act", coalesce=True).fill_null(0)
    for row in both.iter_rows(named=True):
        pair = f"{month.party(row['payer'])}/care/{books.clinic(row['mo'])}"
        corrected = {name: sign * sum(moved.get((rule, pair), 0) for rule in rules) for name, (rules, sign) in _CORRECTED.items()}
        said = {
            "billed": row["billed_kop"], "mek": row["withheld_mek_kop"], "mee": row["withheld_mee_kop"],
            "ekmp": row["withheld_ekmp_kop"],
        }  # fmt: skip
        off = {name: value for name, value in said.items() if value + corrected[name] != row[_ACT_LINE[name]]}
        off |= (
            {} if row["advance_kop"] + row["payment_kop"] == row["transferred_kop"] else {"transferred": row["transferred_kop"]}
        )
        assert not off, f"act 132 differs from the payments: {off} of {row}"
    by_act = dict(result["act_121"].select("smo", "by_standards_kop").iter_rows())
    for smo, amount in standards.select("smo", "amount_kop").iter_rows():
        said_kop = by_act.get(smo, 0) - moved.get(("standards", f"{books.insurer(smo)}/payment_reserve"), 0)
        assert said_kop == amount, f"act 121 of {smo}: {said_kop} by the standards, financed {amount}"
    refunds = books.turnover(result["postings"], ["territory_bill"], "debit", f"{month.fund}/refund/")
    assert refunds == result["territory_bills"]["amount_kop"].sum(), "the bills to territories differ from the ledger"
