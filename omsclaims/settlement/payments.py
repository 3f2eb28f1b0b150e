"""What does each payer pay to each clinic for the month? Bill, control, advance, carried excess (Rules 126-132; law.md 10.7).

payment = debt before + accepted - advance of the month - excess carried from before; below zero nothing is paid and the rest is
carried on. The next advance falls by what was carried, save in the excepted cases, where the payment settles it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract, messages
from omsclaims.findings import Finding
from omsclaims.law import Parameters
from omsclaims.law import terms as law_terms
from omsclaims.money import share_out
from omsclaims.periods import Month

if TYPE_CHECKING:
    from omsclaims.context import Context

REFUSED = 2


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A payer (insurer, or the code of the own territory for the fund) and a clinic."""

    payer: str
    mo: str


@dataclass(frozen=True, slots=True)
class Billed:
    """What a clinic billed a payer for the month and what control took: cases, kopecks.

    withheld_kop        by МЭК of the month's own bills
    accidents_kop       by МЭК of earlier bills: care for a severe accident at work that was paid (Rules 131)
    mee_kop, ekmp_kop   by acts of expertise of the month on bills of any month, with fines where the contract withholds them in
                        the lines of their kind; below zero when more is given back than taken (law.md 10.8)
    """

    cases: int = 0
    refused_cases: int = 0
    billed_kop: int = 0
    withheld_kop: int = 0
    mee_kop: int = 0
    ekmp_kop: int = 0
    accidents_kop: int = 0

    @property
    def passed_kop(self) -> int:
        """Billed less what МЭК refused: care accepted in the month."""
        return self.billed_kop - self.withheld_kop

    @property
    def accepted_kop(self) -> int:
        """Billed less everything withheld: what is to be paid; below zero the clinic owes."""
        return self.passed_kop - self.mee_kop - self.ekmp_kop - self.accidents_kop


@dataclass(frozen=True, slots=True)
class Settled:
    """A settled month of a pair: what of the excess and of the advance is used, what is due, what is carried on; kopecks."""

    excess_used_kop: int
    advance_used_kop: int
    due_kop: int
    excess_left_kop: int
    advance_left_kop: int

    @property
    def excess_after_kop(self) -> int:
        """Excess carried on: of before and of this month's advance."""
        return self.excess_left_kop + self.advance_left_kop


@dataclass(frozen=True, slots=True)
class Advance:
    """An advance as the clinic applied for it; excepted: not reduced by a carried excess (law 326-ФЗ art. 38(6))."""

    amount_kop: int = 0
    excepted: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """Codes of the payers and clinics of a month, by the registers; None: there is no register, and any code will do."""

    payers: frozenset[str] | None = None
    clinics: frozenset[str] | None = None


#: What was held against the registers already: the fund's list, in an insurer's own month.
ANYONE: Final = Known()


@dataclass
class Paid:
    """Final payments of a payer after looking at its money: what is paid to each clinic, what is taken from the spare reserve."""

    payments: dict[Pair, int] = field(default_factory=dict)
    from_spare_kop: int = 0
    short_kop: int = 0


def billed_by_pair(tables: Mapping[str, pl.DataFrame], context: Context) -> dict[Pair, Billed]:
    """Cases of the month by payer and clinic.

    tables  cases, identified, decisions. Own people's care is billed to their insurer; that of people insured elsewhere or
            unknown to the fund (the unknown are refused by control).
    """
    own = pl.col("status") == "own"
    joined = (
        tables["cases"]
        .select("case_key", mo="code_mo")
        .join(tables["identified"].select("case_key", "status", "smo"), on="case_key", how="left")
        .join(tables["decisions"].select("case_key", "sumv_kop", "sank_it_kop", "oplata"), on="case_key", how="left")
        .with_columns(payer=pl.when(own).then("smo").otherwise(pl.lit(context.territory)))
    )
    undecided = joined.filter(pl.col("oplata").is_null() | pl.col("payer").is_null())
    assert undecided.is_empty(), f"cases without a decision or a payer: {undecided['case_key'].head(3).to_list()}"
    sums = joined.group_by("payer", "mo").agg(
        pl.len().alias("cases"),
        (pl.col("oplata") == REFUSED).sum().alias("refused_cases"),
        pl.col("sumv_kop").sum(),
        pl.col("sank_it_kop").sum(),
    )
    return {Pair(payer, mo): Billed(*figures) for payer, mo, *figures in sums.sort("payer", "mo").iter_rows()}


def known_parties(reg_insurer: pl.DataFrame, reg_clinic: pl.DataFrame | None, of: Month, own_territory: str) -> Known:
    """Who may pay and get an advance of a month: insurers (and the own fund) and clinics with a day of it in their registers.

    A register without rows is none and is passed over, as the journal passes over it (LB.3).
    """
    clinics = None if reg_clinic is None else _in_force(reg_clinic, "mo", of)
    insurers = _in_force(reg_insurer, "smo", of)
    return Known(None if insurers is None else insurers | {own_territory}, clinics)


def _in_force(register: pl.DataFrame, code: str, of: Month) -> frozenset[str] | None:
    """Codes of a register with a day of the month; None for a register without rows."""
    if register.is_empty():
        return None
    held = (pl.col("valid_from") <= of.last) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= of.first))
    return frozenset(register.filter(held)[code].drop_nulls())


def advances_of(reg_advance: pl.DataFrame, of: Month, known: Known) -> tuple[dict[Pair, Advance], list[Finding]]:
    """Advances of the month by pair, several applications added up (Rules 126).

    known  payers and clinics of the month: money goes to nobody else
    Finding B.4, the application left out: an amount below zero, a payer or clinic whose code is none or is not known; it says
    which.
    """
    rows = reg_advance.filter(pl.col("month") == str(of)).sort("payer", "mo", "amount_kop", "excepted")
    found: dict[Pair, Advance] = {}
    problems = []
    for payer, mo, amount, excepted in rows.select("payer", "mo", "amount_kop", "excepted").iter_rows():
        wrong = _wrong_with(payer, mo, amount, known)
        if wrong:
            about = {
                f"reason_{lang}": "; ".join(messages.text(f"payments.advance.{reason}", lang, month=of) for reason in wrong)
                for lang in messages.LANGUAGES
            }
            value = None if amount is None else str(amount)
            problems.append(Finding("B.4", value=value, params={"payer": payer or "", "mo": mo or "", **about}))
            continue
        before = found.get(Pair(payer, mo), Advance())
        found[Pair(payer, mo)] = Advance(before.amount_kop + amount, before.excepted or bool(excepted))
    return found, problems


def _wrong_with(payer: str | None, mo: str | None, amount_kop: int | None, known: Known) -> list[str]:
    """Why an application cannot be met: all reasons, in a fixed order."""
    wrong = ["amount"] if amount_kop is None or amount_kop < 0 else []
    for who, code, codes in (("payer", payer, known.payers), ("clinic", mo, known.clinics)):
        if not _is_code(code):
            wrong.append(f"{who}_code")
        elif codes is not None and code not in codes:
            wrong.append(who)
    return wrong


def _is_code(code: str | None) -> bool:
    """Whether a register names a party by a code: letters and digits, which an account of the ledger can bear."""
    return code is not None and code.isascii() and code.isalnum()


def advance_to_pay(asked: Advance, excess_before_kop: int, reduces: bool) -> int:
    """The advance that is transferred: what was asked for less the carried excess, unless the case is excepted (Rules 129)."""
    if asked.excepted or not reduces:
        return asked.amount_kop
    return max(0, asked.amount_kop - excess_before_kop)


def settle_pair(debt_before_kop: int, excess_before_kop: int, advance_kop: int, accepted_kop: int) -> Settled:
    """One month of a pair (law.md 10.7): the excess of before is used first, then the advance; the rest is due or carried on.

    debt_before_kop  debt to the clinic from earlier months, negative when the clinic owes
    """
    to_settle = max(0, debt_before_kop + accepted_kop)
    excess_used = min(excess_before_kop, to_settle)
    advance_used = min(advance_kop, to_settle - excess_used)
    settled = Settled(
        excess_used, advance_used, to_settle - excess_used - advance_used,
        excess_before_kop - excess_used, advance_kop - advance_used,
    )  # fmt: skip
    assert settled.due_kop == 0 or settled.excess_after_kop == 0, "a payment is due while an excess is carried on"
    return settled


def pay(due: Mapping[Pair, int], money_kop: int, spare_kop: int) -> Paid:
    """Final payments of ONE payer from its money; a shortage is covered from the spare reserve, then shared by the clinics.

    due        kopecks by pair of the payer
    money_kop  in the payment reserve (or НСЗ), may be below zero after the advances
    What cannot be paid stays a debt (`short_kop` in all); the payments are shares of the money by what is due.
    """
    needed = sum(due.values())
    from_spare = min(max(0, spare_kop), max(0, needed - money_kop))
    money = max(0, min(needed, money_kop + from_spare))
    pairs = sorted(due)
    shares = share_out(money, [due[pair] for pair in pairs], [pair.mo for pair in pairs]) if needed else [0] * len(pairs)
    paid = dict(zip(pairs, shares, strict=True))
    assert all(0 <= paid[pair] <= due[pair] for pair in pairs), "a clinic gets more than it is due"
    return Paid(paid, from_spare, needed - money)


def resubmit_by(received: date, law: Parameters) -> date:
    """The last day on which a refused bill may be presented again (Rules 128)."""
    return law_terms.due(law, "payments.resubmission_working_days", received)


def payments_table(
    billed: Mapping[Pair, Billed], settled: Mapping[Pair, Settled], excess_before: Mapping[Pair, int],
    advances: Mapping[Pair, int], paid: Mapping[Pair, int],
) -> pl.DataFrame:  # fmt: skip
    """Contract table `payments`, sorted by payer and clinic."""
    rows = []
    for pair in sorted(settled):
        bill = billed.get(pair, Billed())
        rows.append(
            {
                "payer": pair.payer, "mo": pair.mo, "cases": bill.cases, "refused_cases": bill.refused_cases,
                "billed_kop": bill.billed_kop, "withheld_mek_kop": bill.withheld_kop + bill.accidents_kop,
                "withheld_mee_kop": bill.mee_kop, "withheld_ekmp_kop": bill.ekmp_kop,
                "accepted_kop": bill.accepted_kop, "advance_kop": advances.get(pair, 0),
                "excess_before_kop": excess_before.get(pair, 0), "payment_kop": paid.get(pair, 0),
                "excess_after_kop": settled[pair].excess_after_kop,
            }
        )  # fmt: skip
    return contract.check("payments", pl.DataFrame(rows, schema=contract.TABLES["payments"].schema()))
