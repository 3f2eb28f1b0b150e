"""How does the month end in money? Financing, payment of clinics, reserves, bills to territories: one ledger, two acts.

Rules 158n 115-121, 126-134, 141, 192-194; law.md 4, 10.7-10.8, 11, 13. The order of the month: money comes in and is divided;
advances; bills and control; what was paid before is applied; the payment reserve is covered from the spare one where it does not
suffice; final payments; what is left of an advance is carried on; reserves above their limit flow back; bills to territories.

Where payments are `planned`, the closing makes advances and final payments itself. Where they are `actual`, it says what is due
and the money moves by events of the journal (`event_postings`), which every month goes on from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
from omsclaims.settlement.month_books import (
    MonthBooks,
    given_ahead,
    limit_reserves,
    money_to_insurers,
    net,
    of_this_month,
    pay_clinics,
    split_savings,
)
from omsclaims.settlement.payments import Billed, Pair, billed_by_pair, known_parties
from omsclaims.settlement.territories import territory_bills

if TYPE_CHECKING:
    from omsclaims.context import Context

#: Lines of act 132 as a correction of an earlier month moves them: its events, and the sign of a debit of the payer's debt.
_CORRECTED: Final = {
    "billed": (("bill",), -1),
    "mek": (("withheld_mek",), 1),
    "mee": (("withheld_mee", "returned_mee", "fine_in_mee", "fine_out_mee"), 1),
    "ekmp": (("withheld_ekmp", "returned_ekmp", "fine_in_ekmp", "fine_out_ekmp"), 1),
}
_ACT_LINE: Final = {"billed": "billed_kop_act", "mek": "mek_kop", "mee": "mee_kop", "ekmp": "ekmp_kop"}


def settle(tables: Mapping[str, pl.DataFrame], context: Context) -> dict[str, pl.DataFrame]:
    """The money of a month.

    tables   cases, identified, decisions; reg_insured, reg_insurer, reg_advance, reg_funding, reg_opening; reg_contract, if any;
             reg_clinic, if any: to whom an advance may go;
             deductions of the month by expertise and accident_deductions, where there are any;
             of earlier months, where there are any: balances_before (the last month's `balances`; without it reg_opening counts),
             postings_before (of the contract year, events too: the mean month of the reserves' limits),
             territory_bills_before (of this year); event_postings: what the journal of the month holds already, in either mode of
             payment
    returns  financing, standards, payments, act_121, act_132, territory_bills, postings, balances (contract) and findings:
             F.1-F.5 of financing, B.1 a payer's money does not suffice, B.2 money below zero after the advances, B.3 more than
             the standards to the spare reserve, B.4 an advance that is impossible or of a party unknown to the registers, B.5 an
             opening that does not sum to zero, B.6 funding below zero, B.7 more given ahead of the closing than the standards
             come to
    Every sum is in kopecks. Asserts: the ledger, each party's books and each pair sum to zero; the identities of the acts, from
    both sides; acts and tables say the same.
    """
    opening, found = opening_balances(tables, context)
    events = tables.get("event_postings", contract.TABLES["event_postings"].empty())
    month = _begun(tables, context, opening, events, found)
    money = finance(tables, context)
    _money_in(month, money, tables["reg_funding"])
    taken = _taken(tables.get("deductions"))
    accidents = {Pair(payer, mo): kop for (payer, mo), kop in by_pair(tables.get("accident_deductions")).items()}
    billed = _with_accidents(_with_expertise(billed_by_pair(tables, context), taken, month), accidents)
    known = known_parties(tables["reg_insurer"], tables.get("reg_clinic"), context.month, context.territory)
    payments = pay_clinics(month, billed, tables["reg_advance"], taken, known)
    split_savings(month, taken)
    limit_reserves(month, tables.get("postings_before"))
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


def _begun(
    tables: Mapping[str, pl.DataFrame], context: Context, opening: Mapping[str, int], events: pl.DataFrame, found: list[Finding]
) -> MonthBooks:
    """The books of the month before anything of it is posted but its events."""
    ledger = Ledger(context.month, opening)
    ledger.take(events)
    in_act = context.agreement.head.control.fines == "in_act_132"
    contracts = tables.get("reg_contract", contract.TABLES["reg_contract"].empty())
    return MonthBooks(
        context.month, context.territory, context.law, context.payments, in_act, ledger, events, contracts, found,
    )  # fmt: skip


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


def _money_in(month: MonthBooks, money: Financing, reg_funding: pl.DataFrame) -> None:
    """The budget's money reaches the fund, the fund's the insurers; case-management money; filling of the spare reserve."""
    funding = reg_funding.filter(pl.col("month") == str(month.of)).sort("what", "smo", "amount_kop")
    for what, smo, amount in funding.filter(pl.col("amount_kop") < 0).select("what", "smo", "amount_kop").iter_rows():
        month.found.append(Finding("B.6", value=str(amount), params={"what": what, "smo": smo or ""}))
    given = funding.filter(pl.col("amount_kop") > 0)
    by_standards = dict(money.financing.select("smo", "amount_kop").iter_rows())
    for_nsz = _given(given, "nsz").get(None, 0)
    ahead = given_ahead(month.events)
    # What the standards could not be computed for stays with the budget: the fund cannot hand it out. What came ahead stays here.
    for rule, kind, amount in (
        ("budget_money", "budget", sum(by_standards.values()) + for_nsz), ("nsz_set_aside", "nsz", for_nsz),
    ):  # fmt: skip
        rest = max(0, amount - ahead.get((rule, None), 0))
        month.ledger.post(rule, rest, month.fresh_document(kind), fund=month.fund)
    nsz, fill = _given(given, "nsz"), _given(given, "spare_fill")
    for amount in (kop for smo, kop in fill.items() if smo is None):
        month.found.append(Finding("B.3", value=str(amount), params={"smo": "", "received": 0}))
    rows = money.financing.select("smo", "amount_kop", "case_management_kop").iter_rows()
    to_nsz, to_spare = ({smo: kop for smo, kop in given_to.items() if smo is not None} for given_to in (nsz, fill))
    money_to_insurers(month, rows, to_nsz, to_spare, ahead)


def _given(funding: pl.DataFrame, what: str) -> dict[str | None, int]:
    """Sums of one kind of funding by insurer (None: the territory)."""
    sums = funding.filter(pl.col("what") == what).group_by("smo").agg(pl.col("amount_kop").sum()).sort("smo")
    return dict(sums.select("smo", "amount_kop").iter_rows())


# ---- what clinics bill -----------------------------------------------------------------------------------------------------


def _taken(deductions: pl.DataFrame | None) -> dict[Pair, Taken]:
    """What expertise takes in the month and gives back, by payer and clinic."""
    if deductions is None:
        return {}
    return {Pair(payer, mo): taken for (payer, mo), taken in taken_by_pair(deductions).items()}


def _with_expertise(billed: Mapping[Pair, Billed], taken: Mapping[Pair, Taken], month: MonthBooks) -> dict[Pair, Billed]:
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


def _cross_check(result: Mapping[str, pl.DataFrame], month: MonthBooks) -> None:
    """The acts, drawn from the ledger, say what the tables of the stages say, and corrections of earlier months beside it."""
    payments, standards = result["payments"], result["financing"]
    moved = net(month.events)
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
    of_earlier = net(month.events.join(of_this_month(month.events), on="posting_id", how="anti"))
    ahead = given_ahead(month.events)
    computed = bool(standards["amount_kop"].sum())
    for smo, amount in standards.select("smo", "amount_kop").iter_rows():
        pot = f"{books.insurer(smo)}/payment_reserve"
        said_kop = by_act.get(smo, 0) - sum(of_earlier.get((rule, pot), 0) for rule in ("standards", "standards_back"))
        financed = amount if computed else ahead.get(("standards", smo), 0)
        assert said_kop == financed, f"act 121 of {smo}: {said_kop} by the standards, financed {financed}"
    refunds = books.turnover(result["postings"], ["territory_bill"], "debit", f"{month.fund}/refund/")
    assert refunds == result["territory_bills"]["amount_kop"].sum(), "the bills to territories differ from the ledger"
