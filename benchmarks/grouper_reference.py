"""How would the grouper be written without thought of speed? One case after another in plain Python, money in Decimal: the rival.

It shares nothing with the program: neither the compiled workbook nor its rules. The tests hold one against the other, too. Rows
are asked in the order of the workbook; `Plain(rows, weights, indexed=True)` finds them by diagnosis and service first, which is
what a careful programmer would add next.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Case = Mapping[str, Any]
Row = Mapping[str, Any]
#: What a case costs by a group, in roubles; the rows are those of the group that apply to it.
PriceOf = Callable[[str, Case, list[Row]], Decimal]
_KOPECK = Decimal("0.01")

_BIRTH = {"B01.001.006", "B01.001.009", "B02.001.002", "A16.20.007", "A16.20.015", "A16.20.023", "A16.20.024", "A16.20.030"}
_CHILDREN = {"st08.001", "st08.002", "st08.003", "ds08.001", "ds08.002", "ds08.003", "st27.014"}
NORMED = (
    "st37.002", "st37.003", "st37.006", "st37.007", "st37.024", "st37.025", "st37.026", "st37.027", "st37.028", "st37.029",
    "st37.031", "ds37.017", "ds37.018", "ds37.019", "ds12.020", "ds12.021", "ds12.022", "ds12.023", "ds12.024", "ds12.025",
    "ds12.026", "ds12.027",
)  # fmt: skip
_HEART = {"st25.004", "ds25.001"}
_FRACTIONS = {
    "fr01-05": (1, 5),
    "fr06-07": (6, 7),
    "fr08-10": (8, 10),
    "fr11-20": (11, 20),
    "fr21-29": (21, 29),
    "fr30-32": (30, 32),
}


def diagnosis_fits(code: str | None, asked: str | None) -> bool:
    """Whether a diagnosis is what a row asks for: the code itself, a range of categories, or a letter."""
    if asked is None:
        return True
    if code is None:
        return False
    if "-" in asked:
        low, high = asked.split("-")
        return low <= code[:3] <= high
    if asked.endswith("."):
        return code.startswith(asked[0])
    return code == asked


def age_fits(asked: str | None, years: int, days: int) -> bool:
    """Whether an age is that of a code."""
    return asked is None or {
        "1": 0 <= days <= 28, "2": 29 <= days <= 90, "3": days >= 91 and years < 1, "4": days >= 0 and years < 2,
        "5": days >= 0 and years < 18, "6": years >= 18, "7": days >= 0 and years < 21,
    }[asked]  # fmt: skip


def days_fit(asked: str | None, days: int) -> bool:
    """Whether a stay is as long as a code says."""
    return asked is None or {
        "1": days <= 3, "2": 4 <= days <= 10, "3": 11 <= days <= 20, "4": 21 <= days <= 30, "5": days == 30,
    }[asked]  # fmt: skip


def fractions_fit(asked: str | None, case: Case) -> bool:
    """Whether a case has the fractions of a range: by a criterion if it has such a one, else by the number."""
    if asked is None:
        return True
    said = [one for one in case["criteria"] if re.fullmatch(r"fr\d\d-\d\d", one)]
    if said:
        return asked in said
    number = case["fractions"]
    if number is None:
        return False
    low, high = _FRACTIONS.get(asked, (33, 10**9))
    return bool(low <= number <= high)


def row_fits(row: Row, case: Case) -> bool:
    """Whether every filled column of a row is true of a case."""
    return (
        diagnosis_fits(case["ds1"], row["ds1"])
        and (row["ds2"] is None or any(diagnosis_fits(one, row["ds2"]) for one in case["ds2"]))
        and (row["ds3"] is None or any(diagnosis_fits(one, row["ds3"]) for one in case["ds3"]))
        and (row["service"] is None or row["service"] in case["services"])
        and (row["criterion"] is None or row["criterion"] in case["criteria"])
        and (row["sex"] is None or int(row["sex"]) == case["w"])
        and age_fits(row["age"], case["age_years"], case["age_days"])
        and days_fit(row["duration"], case["days"])
        and fractions_fit(row["fractions"], case)
    )


def by_weight(weights: Mapping[str, Decimal], rate: Decimal) -> PriceOf:
    """Prices as base rate x weight, to the kopeck."""
    return lambda ksg, case, rows: (rate * weights[ksg]).quantize(_KOPECK, ROUND_HALF_UP)


@dataclass(frozen=True)
class Tariffs:
    """Figures of an agreement as a plain program would keep them: dictionaries of Decimal.

    groups   КСГ -> weight, wage_share, specificity, uses_level, surgical, optimal
    clinics  clinic -> level coefficient, territorial coefficient
    reasons  result of the stay -> reason of interruption
    shares   (surgical, first reason, last reason, first day, last day or None, share)
    kslp     code -> value, whether the territorial coefficient is applied
    """

    rate: Decimal
    groups: Mapping[str, Mapping[str, Any]]
    clinics: Mapping[str, tuple[Decimal, Decimal]]
    reasons: Mapping[int, int]
    shares: Sequence[tuple[bool, int, int, int, int | None, Decimal]]
    kslp: Mapping[str, tuple[Decimal, bool]]
    short: int

    def price(self, ksg: str, case: Case, rows: list[Row], codes: Sequence[str] = ()) -> Decimal:
        """SS = BS x KZ x ((1 - D) + D x KS x KUS x KD) + BS x KD* x sum of КСЛП, with the share of an interrupted case."""
        group = self.groups[ksg]
        level, place = self.clinics[case["lpu"]]
        d = group["wage_share"]
        wages = d * group["specificity"] * (level if group["uses_level"] else 1) * place
        amount = self.rate * group["weight"] * (1 - d + wages)
        for code in codes:
            value, local = self.kslp[code]
            amount += self.rate * (place if local else 1) * value
        return (amount * self.share(group, case, _norm(ksg, rows))).quantize(_KOPECK, ROUND_HALF_UP)

    def share(self, group: Mapping[str, Any], case: Case, norm: int | None) -> Decimal:
        """Share paid: 1 of a case that is not interrupted."""
        reason = self.reasons.get(case["rslt"])
        if reason is None and norm is not None and case["days"] < norm:
            reason = 9
        if reason is None and case["days"] <= self.short and not group["optimal"]:
            reason = 8
        if reason is None:
            return Decimal(1)
        for surgical, first, last, low, high, share in self.shares:
            long_enough = low <= case["days"] and (high is None or case["days"] <= high)
            if surgical == group["surgical"] and first <= reason <= last and long_enough:
                return share
        raise LookupError(f"no share for reason {reason} and {case['days']} days")


def _norm(ksg: str, rows: list[Row]) -> int | None:
    """Days that the criterion of the first row states, for the groups that have such a norm."""
    if not ksg.startswith(NORMED):
        return None
    first = min(rows, key=lambda row: int(row["number"]))
    stated = re.search(r"d(\d+)$", first["criterion"] or "")
    return None if stated is None else int(stated[1])


class Plain:
    """Groups and prices of cases by the rows of a workbook.

    rows      number, ksg and the columns as text, None where empty
    price_of  what a case costs by a group
    """

    def __init__(self, rows: Iterable[Row], price_of: PriceOf, indexed: bool = False) -> None:
        self.rows = list(rows)
        self.price_of = price_of
        self.indexed = indexed
        self.by_diagnosis: dict[str, list[Row]] = defaultdict(list)
        self.by_service: dict[str, list[Row]] = defaultdict(list)
        self.others: list[Row] = []
        for row in self.rows:
            if row["ds1"] is not None and re.fullmatch(r"[A-Z]\d\d(\.\d+)?", row["ds1"]):
                self.by_diagnosis[row["ds1"]].append(row)
            elif row["service"] is not None:
                self.by_service[row["service"]].append(row)
            else:
                self.others.append(row)

    def asked(self, case: Case) -> Iterable[Row]:
        """Rows that a case is held against."""
        if not self.indexed:
            return self.rows
        found = [*self.by_diagnosis.get(case["ds1"] or "", ())]
        for service in dict.fromkeys(case["services"]):
            found += self.by_service.get(service, ())
        return found + self.others

    def candidates(self, case: Case) -> dict[str, list[Row]]:
        """Groups of the rows that apply, with these rows."""
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.asked(case):
            if row_fits(row, case):
                found[row["ksg"]].append(row)
        return dict(sorted(found.items()))

    def group(self, case: Case) -> tuple[str, Decimal] | None:
        """Group of a case and its price: exceptions, priorities, price, code. Polytrauma is left to the written cases."""
        found = self.candidates(case)
        if not found:
            return None
        exceptional = {ksg for ksg, rows in found.items() if _exceptional(ksg, rows, case)}
        left = {ksg: rows for ksg, rows in found.items() if not exceptional or ksg in exceptional}
        prior = {ksg for ksg, rows in left.items() if _prior(ksg, rows, set(found), case)}
        finalists = [(self.price_of(ksg, case, left[ksg]), ksg) for ksg in left if not prior or ksg in prior]
        best = max(price for price, _ in finalists)
        return min(ksg for price, ksg in finalists if price == best), best


def _exceptional(ksg: str, rows: list[Row], case: Case) -> bool:
    """Exceptions of the choice, but for polytrauma."""
    main, services = case["ds1"] or "", set(case["services"])
    if main.startswith("O") and ksg.startswith("st02."):
        if ksg == "st02.001":
            return not services & _BIRTH
        if ksg == "st02.003":
            return bool(services & _BIRTH)
        if ksg == "st02.004":
            return "A16.20.005" in services
        if ksg in ("st02.012", "st02.013"):
            return any(row["service"] is not None and row["service"] not in _BIRTH for row in rows)
    immunised = main == "Z25.8" or "Z25.8" in case["ds2"]
    if immunised and ("irs1" in case["criteria"] and ksg in ("st36.025", "ds36.012")):
        return True
    if immunised and ("irs2" in case["criteria"] and ksg in ("st36.026", "ds36.013")):
        return True
    antimicrobial = ksg in ("st36.050", "st36.051", "st36.052", "st36.053", "st36.054")
    return antimicrobial and not case["first_of_stay"] and any("amt050" <= one <= "amt195" for one in case["criteria"])


def _prior(ksg: str, rows: list[Row], possible: set[str], case: Case) -> bool:
    """Priorities of the choice."""
    if any((row["service"] or "").startswith("A16.") for row in rows) or ksg.startswith(("st37.", "ds37.")):
        return True
    if ksg.startswith(("st19.", "ds19.")) and not possible & _CHILDREN:
        return True
    short = any(row["duration"] == "1" for row in rows)
    return short and bool(possible & _HEART) and case["rslt"] not in (105, 106, 205, 206)
