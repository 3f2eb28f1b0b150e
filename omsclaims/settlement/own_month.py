"""How does an insurer's own month go, by its own books? From what the fund tells it: money by the standards, bills, control.

Rules 158n 121, 126-132, 192-195; law.md 4.7, 10.7-10.8, 13. The fund tells each insurer of a month what it gives (`Notice`) and
what the clinics billed it and control took (`Listing`). Everything that follows from it the insurer reckons itself, by the same
rules and from its own balances (`month_books`): what was paid before, what is due, the cover from the spare reserve, the split of
savings and fines, the limits of the reserves, and both acts. What it does itself - payments through its bank, damages, measures
against illness, money sent back - are events of its own journal. So its act and the fund's can be held against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.context import Payments
from omsclaims.findings import Finding
from omsclaims.law import Parameters
from omsclaims.periods import Month
from omsclaims.settlement import ledger as books
from omsclaims.settlement.accidents import by_pair
from omsclaims.settlement.acts import act_121, act_132
from omsclaims.settlement.expertise.acts import KINDS
from omsclaims.settlement.expertise.deductions import Taken, taken_by_pair
from omsclaims.settlement.ledger import Ledger
from omsclaims.settlement.month_books import (
    FINANCING,
    MonthBooks,
    limit_reserves,
    money_to_insurers,
    of_this_month,
    pay_clinics,
    split_savings,
)
from omsclaims.settlement.payments import ANYONE, Billed, Known, Pair, advances_of, known_parties

if TYPE_CHECKING:
    from omsclaims.context import Context

_TEXT, _INT, _DAY, _FLAG = pl.String(), pl.Int64(), pl.Date(), pl.Boolean()

#: A clinic in the list of a month: what it billed the insurer, what МЭК took of it and of earlier bills (accidents), what
#: expertise took and gave back. Kopecks.
CLINICS: Final[Mapping[str, pl.DataType]] = {
    "mo": _TEXT, "cases": _INT, "refused_cases": _INT, "billed_kop": _INT, "withheld_kop": _INT, "accidents_kop": _INT,
    **{f"{what}_{kind}_kop": _INT for kind in KINDS for what in ("withheld", "returned", "fine", "fine_returned")},
}  # fmt: skip
#: Advances that clinics applied for.
ADVANCES: Final[Mapping[str, pl.DataType]] = {"mo": _TEXT, "amount_kop": _INT, "excepted": _FLAG}
#: What the fund corrected in the month of what earlier months said: a posting, as it stands in the fund's books.
CORRECTIONS: Final[Mapping[str, pl.DataType]] = {
    "date": _DAY, "document": _TEXT, "document_date": _DAY, "rule": _TEXT, "debit": _TEXT, "credit": _TEXT, "amount_kop": _INT,
    "reference": _TEXT,
}  # fmt: skip
#: Events that an insurer books itself: its payments, its fines, what it recovered, spent and sent back.
OWN_EVENTS: Final = frozenset(
    {
        "advance", "final_payment", "spare_cover", "excess_returned", "fine_paid", "fines_entrusted", "fines_given_back",
        "damages_recovered", "osago_recovered", "penalty_recovered", "recovery_preventive", "recovery_running",
        "contract_penalty", "preventive_spent", "unused_returned",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Notice:
    """What the fund gives an insurer for a month (115-116, 192-193, 195(1)); kopecks.

    standards_kop with case_management_kop (РВД) in it; nsz_kop from НСЗ; spare_fill_kop: what of the standards fills the spare
    reserve; insured_half: average number of insured x 2
    """

    territory: str
    smo: str
    month: Month
    made_on: date
    insured_half: int
    preliminary_kop: int
    standards_kop: int
    case_management_kop: int
    nsz_kop: int
    spare_fill_kop: int


@dataclass(frozen=True)
class Listing:
    """What the clinics billed an insurer for a month and what control took of it: tables CLINICS, ADVANCES, CORRECTIONS.

    fines_in_act  the contract withholds fines in act 132, in the lines of their kind (law.md 10.8)
    """

    territory: str
    smo: str
    month: Month
    made_on: date
    fines_in_act: bool
    clinics: pl.DataFrame
    advances: pl.DataFrame
    corrections: pl.DataFrame


# ---- what the fund tells ---------------------------------------------------------------------------------------------------


def told_by_fund(tables: Mapping[str, pl.DataFrame], context: Context, made_on: date) -> list[tuple[Notice, Listing]]:
    """Notice and list of each insurer of a closed month, sorted by code.

    tables   of the closing: financing, payments, postings, deductions, accident_deductions; reg_advance; event_postings;
             reg_insurer, reg_clinic (if any): whose advances count
    made_on  day of the papers
    """
    postings, payments = tables["postings"], tables["payments"]
    taken = taken_by_pair(tables["deductions"]) if "deductions" in tables else {}
    accidents = by_pair(tables.get("accident_deductions"))
    events = tables.get("event_postings", contract.TABLES["event_postings"].empty())
    named = set(tables["act_121"]["smo"]) | {code for code in payments["payer"] if code != context.territory}
    numbers = {smo: (half, kop) for smo, half, kop in tables["financing"].select(
        "smo", "insured_half", "preliminary_kop").iter_rows()}  # fmt: skip
    told = []
    given = pl.concat([postings, of_this_month(events).select(postings.columns)])  # before the closing, and by it
    known = known_parties(tables["reg_insurer"], tables.get("reg_clinic"), context.month, context.territory)
    for smo in sorted(named):
        pot = f"{books.insurer(smo)}/payment_reserve"
        half, preliminary = numbers.get(smo, (0, 0))
        notice = Notice(
            context.territory, smo, context.month, made_on, half, preliminary,
            standards_kop=books.turnover(given, ["standards", "standards_back"], "debit", pot),
            case_management_kop=books.turnover(given, ["case_management", "case_management_back"], "credit", pot),
            nsz_kop=books.turnover(given, ["nsz_to_insurer"], "debit", pot),
            spare_fill_kop=books.turnover(given, ["spare_fill", "spare_fill_back"], "credit", pot),
        )  # fmt: skip
        listing = Listing(
            context.territory, smo, context.month, made_on, context.agreement.head.control.fines == "in_act_132",
            _clinics(smo, payments, taken, accidents), _advances(smo, tables["reg_advance"], context.month, known),
            _corrections(smo, events),
        )  # fmt: skip
        told.append((notice, listing))
    return told


def _clinics(
    smo: str, payments: pl.DataFrame, taken: Mapping[tuple[str, str], Taken], accidents: Mapping[tuple[str, str], int]
) -> pl.DataFrame:
    """Clinics that billed an insurer or that a month took something from."""
    rows = []
    for row in payments.filter(pl.col("payer") == smo).sort("mo").iter_rows(named=True):
        one, of_earlier = taken.get((smo, row["mo"]), Taken()), accidents.get((smo, row["mo"]), 0)
        parts = {"withheld": one.withheld, "returned": one.returned, "fine": one.fines, "fine_returned": one.fines_returned}
        by_kind = {f"{what}_{kind}_kop": part[kind] for kind in KINDS for what, part in parts.items()}
        said = {
            "mo": row["mo"], "cases": row["cases"], "refused_cases": row["refused_cases"], "billed_kop": row["billed_kop"],
            "withheld_kop": row["withheld_mek_kop"] - of_earlier, "accidents_kop": of_earlier, **by_kind,
        }  # fmt: skip
        if any(value for name, value in said.items() if name != "mo"):
            rows.append(said)
    return pl.DataFrame(rows, schema=dict(CLINICS))


def _advances(smo: str, reg_advance: pl.DataFrame, of: Month, known: Known) -> pl.DataFrame:
    """What the clinics applied for, each clinic added up, without what the fund's closing leaves out (B.4)."""
    asked, _ = advances_of(reg_advance.filter(pl.col("payer") == smo), of, known)
    rows = [(pair.mo, one.amount_kop, one.excepted) for pair, one in sorted(asked.items())]
    return pl.DataFrame(rows, schema=dict(ADVANCES), orient="row")


def _corrections(smo: str, events: pl.DataFrame) -> pl.DataFrame:
    """Postings of the month's events that touch an insurer and that it does not book itself, without what was undone.

    Its financing is in the notice.
    """
    party = books.insurer(smo)
    touched = pl.any_horizontal(
        expression for side in ("debit", "credit") for expression in (
            pl.col(side).str.starts_with(f"{party}/"), pl.col(side).str.ends_with(f"/{party}"),
        )
    )  # fmt: skip
    in_notice = of_this_month(events.filter(pl.col("rule").is_in(list(FINANCING)))).select("posting_id")
    own = events.filter(touched & ~pl.col("rule").is_in(list(OWN_EVENTS))).join(in_notice, on="posting_id", how="anti")
    return _netted(own.select(list(CORRECTIONS))).sort(list(CORRECTIONS))


def _netted(rows: pl.DataFrame) -> pl.DataFrame:
    """Corrections without those that were undone in the month: a list does not tell which row undoes which, so that what was
    booked, undone and booked again would come to the insurer as booked and undone."""
    forward = pl.col("debit") < pl.col("credit")
    pair = {"_low": pl.min_horizontal("debit", "credit"), "_high": pl.max_horizontal("debit", "credit")}
    key = [name for name in CORRECTIONS if name not in ("debit", "credit")]
    net = (
        rows.with_columns(**pair).group_by(*key, *pair, maintain_order=True).agg(_n=pl.when(forward).then(1).otherwise(-1).sum())
    )
    low, high, up = pl.col("_low"), pl.col("_high"), pl.col("_n") > 0
    left = net.filter(pl.col("_n") != 0).with_columns(
        debit=pl.when(up).then(low).otherwise(high), credit=pl.when(up).then(high).otherwise(low)
    )
    return left.select(list(CORRECTIONS))


# ---- what the insurer reckons ----------------------------------------------------------------------------------------------


def correction_postings(listing: Listing) -> pl.DataFrame:
    """What the fund corrected, as `event_postings` of the insurer's journal (ids are made when they are written)."""
    schema = contract.TABLES["event_postings"].schema()
    rows = listing.corrections.with_columns(
        posting_id=pl.lit(""), month=pl.lit(str(listing.month)), reverses=pl.lit(None, dtype=pl.String)
    )
    return rows.select(list(schema))


def money_postings(notice: Notice) -> tuple[pl.DataFrame, list[Finding]]:
    """The postings of a notice (contract `postings`); B.3: more to the spare reserve than came."""
    month = _month(notice.month, notice.territory, Ledger(notice.month, {}))
    _give(month, notice)
    return month.ledger.postings(), month.found


def settle_own(
    notice: Notice, listing: Listing, tables: Mapping[str, pl.DataFrame], law: Parameters, payments: Payments
) -> dict[str, pl.DataFrame]:
    """An insurer's month by its own books.

    tables   balances_before (of the whole journal before the month), postings_before (of the year of contracts),
             event_postings (of the month, the fund's corrections among them), reg_contract
    returns  financing, payments, postings, balances, act_121, act_132 (contract) and findings B.1-B.4, E.22 as `settle`
    Asserts: the ledger, each party's books and each pair sum to zero; the identities of the acts, from both sides' books.
    """
    assert (notice.territory, notice.smo, notice.month) == (listing.territory, listing.smo, listing.month)
    opening = books.as_dict(tables["balances_before"])
    books.assert_balanced(opening)
    events = tables["event_postings"]
    ledger = Ledger(notice.month, opening)
    ledger.take(events)
    month = MonthBooks(
        notice.month, notice.territory, law, payments, listing.fines_in_act, ledger, events, tables["reg_contract"], [],
    )  # fmt: skip
    _give(month, notice)
    billed, taken = {}, {}
    for row in listing.clinics.iter_rows(named=True):
        pair, by_expertise = Pair(notice.smo, row["mo"]), _taken(row)
        billed[pair] = _billed(row, by_expertise, listing.fines_in_act)
        if by_expertise != Taken():  # as in the fund's closing, where only clinics with acts of expertise have any
            taken[pair] = by_expertise
    asked = listing.advances.with_columns(month=pl.lit(str(notice.month)), payer=pl.lit(notice.smo))
    paid = pay_clinics(month, billed, asked.select(list(contract.TABLES["reg_advance"].schema())), taken, ANYONE)
    split_savings(month, taken)
    limit_reserves(month, tables["postings_before"])
    postings = contract.check("postings", month.ledger.postings())
    moved = pl.concat([postings, events.select(postings.columns)])
    balances = books.balances_of(opening, moved)
    return {
        "financing": _financing(notice), "payments": paid, "postings": postings, "balances": balances,
        "act_121": act_121(opening, moved, balances, notice.territory),
        "act_132": act_132(opening, moved, balances, notice.territory), "findings": findings.frame(month.found),
    }  # fmt: skip


def _month(of: Month, territory: str, ledger: Ledger) -> MonthBooks:
    """A month of which only what the fund gives is posted: no rule of the law is asked for."""
    empty = {name: contract.TABLES[name].empty() for name in ("event_postings", "reg_contract")}
    return MonthBooks(of, territory, Parameters({}), "planned", False, ledger, empty["event_postings"], empty["reg_contract"], [])


def _give(month: MonthBooks, notice: Notice) -> None:
    standards = [(notice.smo, notice.standards_kop, notice.case_management_kop)]
    nsz, fill = ({notice.smo: kop} if kop else {} for kop in (notice.nsz_kop, notice.spare_fill_kop))
    money_to_insurers(month, standards, nsz, fill)


def _taken(row: Mapping[str, int]) -> Taken:
    parts = ({kind: row[f"{what}_{kind}_kop"] for kind in KINDS} for what in ("withheld", "returned", "fine", "fine_returned"))
    return Taken(*parts)


def _billed(row: Mapping[str, int], taken: Taken, fines_in_act: bool) -> Billed:
    mee, ekmp = (taken.net(kind) + (taken.net_fine(kind) if fines_in_act else 0) for kind in ("mee", "ekmp"))
    return Billed(
        row["cases"], row["refused_cases"], row["billed_kop"], row["withheld_kop"], mee, ekmp, row["accidents_kop"],
    )  # fmt: skip


def _financing(notice: Notice) -> pl.DataFrame:
    said = (notice.smo, notice.insured_half, notice.preliminary_kop, notice.standards_kop, notice.case_management_kop)
    return pl.DataFrame([said], schema=contract.TABLES["financing"].schema(), orient="row")
