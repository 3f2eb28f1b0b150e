"""What of an insurer's money goes into which reserve, and how much may lie there? (Rules chapter XIV, 189-198; law.md 13.)

Who keeps what changed with the years: one dated table (`reserves.split`), whose rows sum to 1. Parts in kopecks by largest
remainder add up to the sum; ties go to the payment reserve, then the preventive one, then running costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

import polars as pl

from omsclaims.law import Parameters
from omsclaims.money import share_out

PARTS: Final = ("payment", "preventive", "running")


class UnknownSourceError(LookupError):
    """The split table has no row for a source of money on the date: the program asks for something the law does not name."""


@dataclass(frozen=True, slots=True)
class Split:
    """Parts of a sum in kopecks. standing: savings, that already lie in the payment reserve - only the other parts move."""

    payment_kop: int
    preventive_kop: int
    running_kop: int
    standing: bool

    @property
    def leaves_payment_kop(self) -> int:
        """What goes out of the payment reserve: of savings the other parts, of new money nothing."""
        return self.preventive_kop + self.running_kop if self.standing else 0


def split(source: str, amount_kop: int, on: date, law: Parameters) -> Split:
    """`amount_kop` of a source (mek_savings, mee_savings, ekmp_savings, sanctions, recovered_damages, osago, nsz, overflow,
    contract_penalties) divided by the table in force on a date. Raises UnknownSourceError for another source.
    """
    table = law.value("reserves.split", on)
    if source not in table:
        raise UnknownSourceError(f"reserves.split has no row {source} on {on}")
    row = table[source]
    # Keys 0, 1, 2 make ties go to the payment reserve first.
    parts = share_out(amount_kop, [Fraction(str(row[part])) for part in PARTS], [str(i) for i in range(len(PARTS))])
    payment, preventive, running = parts
    return Split(payment, preventive, running, bool(row["standing"]))


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that may lie in the reserves, whole kopecks."""

    spare_kop: int
    preventive_kop: int


def limits(paid_kop: int, months: int, days: int, on: date, law: Parameters) -> Limits:
    """Limits from the payments for care since the start of the contract year: mean month and mean calendar day (193-194).

    paid_kop  paid in the `months` months (`days` days) since then; cut to whole kopecks
    """
    assert paid_kop >= 0 and months > 0 and days > 0
    return Limits(
        spare_kop=paid_kop * int(law.value("reserves.spare_limit_months", on)) // months,
        preventive_kop=paid_kop * int(law.value("reserves.preventive_limit_days", on)) // days,
    )


def year_start(on: date, law: Parameters) -> date:
    """First day of the year of contracts that a day lies in (reserves.contract_year_starts, a day of the calendar MM-DD)."""
    month, day = (int(part) for part in str(law.value("reserves.contract_year_starts", on)).split("-"))
    this_year = date(on.year, month, day)
    return this_year if this_year <= on else date(on.year - 1, month, day)


def contract_year_start(smo: str, on: date, contracts: pl.DataFrame, law: Parameters) -> date | None:
    """Since when the mean month of an insurer counts: the year of contracts, or the first day of a contract that began in it.

    contracts  contract reg_contract; an insurer that it does not name at all has a contract for the whole year
    Returns None where it names the insurer and no contract of it is in force on the day.
    """
    own = contracts.filter(pl.col("smo") == smo)
    held = own.filter((pl.col("since") <= on) & (pl.col("till").is_null() | (pl.col("till") >= on)))
    if own.height and held.is_empty():
        return None
    began: list[date] = held["since"].drop_nulls().to_list()
    return max([year_start(on, law), *began])


def overflow(balance_kop: int, limit_kop: int) -> int:
    """What a reserve holds above its limit: it goes to the payment reserve (192(7))."""
    return max(0, balance_kop - limit_kop)
