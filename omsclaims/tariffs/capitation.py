"""What does a clinic get for the people attached to it? Per-capita money of a month (Rules 124-125, 167-168; law.md 7).

`KDpv = sum k_j n_j / sum n_j`, `DPn = PN KDpv KDur KDzp KDot KD`, `PK = OS / sum(DPn n)`, `FDPn = DPn PK`; the money OS is shared
by FDPn n in whole kopecks, largest remainder, ties to the smaller clinic code, so that the parts are OS exactly. Ambulance is the
same without KDot. All is exact (fractions) unless the agreement gives digits: then the rounded figures bind and are published.

Where money is balanced and a clinic with people lacks a coefficient, nobody gets any of it: the share of that clinic would go to
the others. The findings name what is missing, the sums say what they leave out. Without a balance only that clinic gets nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.law import ParameterError, Parameters
from omsclaims.law.agreement import Agreement, partition_on
from omsclaims.law.rules import CapitationRules, capitation_rules
from omsclaims.money import KOPECKS_PER_ROUBLE, format_amount, round_fraction, share_out
from omsclaims.periods import Partition
from omsclaims.tariffs.attached import SCHEMA as PEOPLE
from omsclaims.tariffs.attached import attached, served
from omsclaims.tariffs.fap import FapSums, fap_sums

if TYPE_CHECKING:
    from omsclaims.context import Context

UNIT: Final = 10**5
#: Clinics by kind: coefficients and standards exact as a/b (roubles a person a month), amounts in kopecks; null: not computed.
SCHEMA: Final[dict[str, pl.DataType]] = {
    "kind": pl.String(), "mo": pl.String(), "people": pl.Int64(), "base": pl.String(), "kd": pl.String(), "kdpv": pl.String(),
    "kdur": pl.String(), "kdzp": pl.String(), "kdot": pl.String(), "standard": pl.String(), "balance": pl.String(),
    "final_standard": pl.String(), "people_kop": pl.Int64(), "performance_group": pl.String(), "numbers_kop": pl.Int64(),
    "points_kop": pl.Int64(), "total_kop": pl.Int64(), "sources": pl.String(),
}  # fmt: skip
#: Money of a kind: set aside, shared out, left out and why (ids of findings).
MONEY: Final[dict[str, pl.DataType]] = {
    "kind": pl.String(), "day": pl.Date(), "people": pl.Int64(), "money_kop": pl.Int64(), "shared_kop": pl.Int64(),
    "left_kop": pl.Int64(), "why": pl.String(),
}  # fmt: skip


@dataclass(frozen=True)
class Capitation:
    """Per-capita money of a month.

    clinics  rows of `SCHEMA`, by kind and clinic           people    kind and `attached.SCHEMA`
    money    rows of `MONEY`, one a kind                    faps      rows of `fap.SCHEMA`
    findings T.30-T.45                                      sources   of all that was used, for the marks of the law
    """

    clinics: pl.DataFrame
    people: pl.DataFrame
    money: pl.DataFrame
    faps: pl.DataFrame
    findings: pl.DataFrame
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Clinic:
    """A clinic at work: its people, coefficients (None: unknown) and amounts in kopecks."""

    mo: str
    people: int
    kd: Fraction | None = None
    kdpv: Fraction | None = None
    kdur: Fraction | None = None
    kdzp: Fraction | None = None
    kdot: Fraction | None = Fraction(1)
    group: str | None = None
    standard: Fraction | None = None
    final: Fraction | None = None
    people_kop: int | None = None
    performance: str | None = None
    numbers_kop: int = 0
    points_kop: int = 0
    sources: tuple[str, ...] = field(default=())

    @property
    def coefficients(self) -> tuple[Fraction | None, ...]:
        """All factors beside the base."""
        return self.kdpv, self.kdur, self.kdzp, self.kdot, self.kd


# ---- the formulas, each by itself ------------------------------------------------------------------------------------------


def relative_cost(people: Mapping[str, int], relative: Mapping[str, Fraction]) -> Fraction:
    """KDpv of one clinic: the mean of k_j weighted by its numbers (law.md 7.1). Raises KeyError for people without a k_j."""
    total = sum(people.values())
    if not total:
        raise ValueError("a clinic without people has no coefficient")
    return sum((relative[group] * count for group, count in people.items() if count), Fraction(0)) / total


def weighted_mean(parts: Iterable[tuple[Fraction, int]]) -> Fraction:
    """Coefficient of a group of clinics: the mean weighted by numbers, not the plain mean (law.md 7.2)."""
    listed = list(parts)
    total = sum(count for _, count in listed)
    if not total:
        raise ValueError("a group without people has no coefficient")
    return sum((value * count for value, count in listed), Fraction(0)) / total


def of_places(parts: Iterable[tuple[Fraction, Fraction]]) -> Fraction:
    """KDot: `1 + sum share (coefficient - 1)` over the places of a clinic (law.md 7.3)."""
    return 1 + sum((share * (coefficient - 1) for share, coefficient in parts), Fraction(0))


def least_of_place(residents: int, rules: CapitationRules) -> Fraction:
    """Least coefficient of a place by its residents, both bounds in; 1 for a larger one."""
    return next((place.least for place in rules.places if residents <= place.to), Fraction(1))


def standard(base: Fraction, coefficients: Iterable[Fraction], digits: int | None = None) -> Fraction:
    """DPn: the base times the coefficients; rounded half up where the agreement gives digits (law.md 7.2, 7.6)."""
    value = base
    for coefficient in coefficients:
        value *= coefficient
    return rounded(value, digits)


def rounded(value: Fraction, digits: int | None) -> Fraction:
    """A figure with so many digits, half up; None: exact."""
    return value if digits is None else Fraction(round_fraction(value * 10**digits), 10**digits)


def balance(money_kop: int, standards: Iterable[tuple[Fraction, int]]) -> Fraction | None:
    """PK: the money by what the standards (roubles) would pay for the people; None when they would pay nothing (law.md 7.2)."""
    paid = sum((value * count * KOPECKS_PER_ROUBLE for value, count in standards), Fraction(0))
    return Fraction(money_kop) / paid if paid else None


def performance_group(points2: int, most2: int, second: Fraction, third: Fraction) -> str:
    """I, II or III by the share of the most points that a clinic reached; the thresholds are in the higher group (law.md 7.4)."""
    reached = Fraction(points2, most2)
    return "III" if reached >= third else "II" if reached >= second else "I"


# ---- the stage -------------------------------------------------------------------------------------------------------------


def capitate(tables: Mapping[str, pl.DataFrame], context: Context) -> Capitation:
    """Per-capita money of clinics and sums of ФАП of a month.

    tables    reg_attachment, reg_insured, reg_clinic
    findings  T.30-T.33, T.36 of people; T.34, T.35, T.37 of coefficients; T.38 of ФАП; T.39-T.41 of performance; T.42 no
              per-capita money on the day, T.43 money that is left out, T.44 a clinic without people, T.45 no sex-age groups
    """
    first = context.month.first
    kinds = rows_on(context.agreement, "capitation", first).sort("kind")
    faps = fap_sums(context.agreement, context.law, first)
    found = list(faps.findings)
    clinics, people, money = [], [], []
    sources = set(_sources(faps))
    if kinds.is_empty() and faps.rows.is_empty():
        found.append(Finding("T.42", value=str(first), params={"day": first}))
    try:
        partition, source = partition_on(context.agreement, context.law, first)
    except (ParameterError, ValueError) as error:
        found.append(Finding("T.45", value=str(first), params={"reason": str(error)}))
        return _result([], [], [], faps, found, sources)
    for options in kinds.iter_rows(named=True):
        kind = _Kind.of(options, context, partition)
        counted = kind.count(tables)
        if kind.by_age:
            kind.used.add(source)
        clinics_of_kind = kind.computed(tables["reg_clinic"], counted)
        clinics += [_row(kind, clinic) for clinic in clinics_of_kind]
        people.append(counted.select(pl.lit(kind.name).alias("kind"), *PEOPLE))
        money.append(kind.money_row(clinics_of_kind))
        found += kind.found
        sources |= {*kind.used, *(part for clinic in clinics_of_kind for part in clinic.sources)}
    return _result(clinics, people, money, faps, found, sources)


def _sources(faps: FapSums) -> list[str]:
    return [part for sources in faps.rows["sources"] for part in str(sources).split(";")]


def _result(
    clinics: list[dict[str, Any]], people: list[pl.DataFrame], money: list[dict[str, Any]], faps: FapSums,
    found: list[Finding], sources: set[str],
) -> Capitation:  # fmt: skip
    """Frames in a stated order."""
    empty = pl.DataFrame(schema={"kind": pl.String(), **PEOPLE})
    return Capitation(
        pl.DataFrame(clinics, schema=SCHEMA, orient="row").sort("kind", "mo"),
        pl.concat([empty, *people]).sort("kind", "mo", "group"),
        pl.DataFrame(money, schema=MONEY, orient="row").sort("kind"),
        faps.rows,
        findings.concat([findings.frame(found)]),
        tuple(sorted(sources)),
    )


def day_of(context: Context, attached_on: str) -> date:
    """The day whose people count: the first of the month, of its quarter or of the year (law.md 7.7)."""
    first = context.month.first
    if attached_on == "month":
        return first
    return first.replace(month=1 if attached_on == "year" else first.month - (first.month - 1) % 3)


def rows_on(agreement: Agreement, name: str, on: date) -> pl.DataFrame:
    """Rows of a table in force on a day."""
    return agreement.table(name).filter((pl.col("valid_from") <= on) & (pl.col("valid_to") >= on))


@dataclass
class _Kind:
    """A kind of per-capita money at work on a day: its options, what was found, which parameters were used."""

    name: str
    options: Mapping[str, Any]
    agreement: Agreement
    law: Parameters
    partition: Partition
    day: date
    first: date
    rules: CapitationRules
    found: list[Finding] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    base: Fraction | None = None
    factor: Fraction | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any], context: Context, partition: Partition) -> _Kind:
        """The kind of a row of `capitation`."""
        first, day = context.month.first, day_of(context, options["attached_on"])
        rules = capitation_rules(context.law, first)
        return cls(options["kind"], options, context.agreement, context.law, partition, day, first, rules)

    @property
    def by_age(self) -> bool:
        """Whether KDpv is computed from the people."""
        return bool(self.options["kdpv"] == "attached")

    @property
    def money_kop(self) -> int | None:
        """Money set aside for the month, None: no balance."""
        value = self.options["money2"]
        return None if value is None else int(value)

    def add(self, rule: str, value: object, **params: object) -> None:
        """Notes a finding."""
        self.found.append(Finding(rule, value=str(value), params={"kind": self.name, **params}))

    def count(self, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """People by clinic and group."""
        if self.name == "ambulance":
            areas = rows_on(self.agreement, "ambulance_areas", self.first)
            if areas.is_empty():  # standards alone are wanted
                return pl.DataFrame(schema=PEOPLE)
            self.used |= set(areas["source"])
            counted = served(tables, areas, self.partition, self.day)
        else:
            counted = attached(tables, self.partition, self.day)
        self.found += counted.findings
        return counted.people

    def computed(self, reg_clinic: pl.DataFrame, people: pl.DataFrame) -> list[Clinic]:
        """Clinics with coefficients, standards and amounts."""
        self.used.add(self.options["source"])
        clinics = self._coefficients(people)
        self._members(reg_clinic, clinics)
        clinics = self._standards(self._group_means(clinics))
        return self._performance(self._amounts(clinics))

    # -- coefficients

    def _coefficients(self, people: pl.DataFrame) -> list[Clinic]:
        """Clinics with people or a row of coefficients."""
        counts: dict[str, dict[str, int]] = {}
        for mo, group, count in people.iter_rows():
            counts.setdefault(mo, {})[group] = count
        table = rows_on(self.agreement, "clinic_capitation", self.first).filter(pl.col("kind") == self.name)
        known = {row["mo"]: row for row in table.iter_rows(named=True)}
        relative = self._relative(counts)
        found = []
        for mo in sorted({*counts, *known}):
            row, groups = known.get(mo), counts.get(mo, {})
            total = sum(groups.values())
            if row is None:
                self.add("T.34", mo, mo=mo, people=total)
                found.append(Clinic(mo, total))
                continue
            if not total and (people.height or self.money_kop is not None):
                self.add("T.44", mo, mo=mo, day=self.day)
            kdpv = self._kdpv(row, groups, relative)
            kdot = self._kdot(mo) if self.name == "outpatient" else (Fraction(1), ())
            kd, kdur, kdzp = (Fraction(row[f"{name}5"], UNIT) for name in ("kd", "kdur", "kdzp"))
            sources = (row["source"], *kdpv[1], *kdot[1])
            found.append(Clinic(mo, total, kd, kdpv[0], kdur, kdzp, kdot[0], row["group"], sources=sources))
        return found

    def _relative(self, counts: Mapping[str, Mapping[str, int]]) -> dict[str, tuple[Fraction, str]]:
        """k_j by group with its source; T.35 for groups with people and none, once a group."""
        if not self.by_age:
            return {}
        table = rows_on(self.agreement, "relative_coefficients", self.first).filter(pl.col("kind") == self.name)
        columns = table.select("group", "coefficient5", "source").iter_rows()
        found = {group: (Fraction(value, UNIT), source) for group, value, source in columns}
        lacking: dict[str, int] = {}
        for groups in counts.values():
            for group, count in groups.items():
                if group not in found and count:
                    lacking[group] = lacking.get(group, 0) + count
        for group, count in sorted(lacking.items()):
            self.add("T.35", group, group=group, people=count)
        return found

    def _kdpv(
        self, row: Mapping[str, Any], groups: Mapping[str, int], relative: Mapping[str, tuple[Fraction, str]]
    ) -> tuple[Fraction | None, tuple[str, ...]]:
        """KDpv of a clinic and its sources: printed, or of its people; None where a group has no k_j, or nobody is attached."""
        if row["kdpv5"] is not None and not self.by_age:
            return Fraction(row["kdpv5"], UNIT), ()
        if not groups or any(group not in relative for group in groups):
            return None, ()
        values = {group: value for group, (value, _) in relative.items()}
        sources = tuple(sorted({relative[group][1] for group in groups}))
        return rounded(relative_cost(groups, values), self.options["coefficient_digits"]), sources

    def _kdot(self, mo: str) -> tuple[Fraction | None, tuple[str, ...]]:
        """KDot of a clinic and its sources; None with T.37 where no federal coefficient is known for the size of a place."""
        parts, sources = [], []
        for row in rows_on(self.agreement, "capitation_parts", self.first).filter(pl.col("mo") == mo).iter_rows(named=True):
            sources.append(row["source"])
            if row["coefficient5"] is not None:
                coefficient = Fraction(row["coefficient5"], UNIT)
            elif self.rules.places:
                coefficient = least_of_place(row["residents"], self.rules)
                sources.append(self.rules.used["places"].source)
            else:
                self.add("T.37", mo, mo=mo, place=row["place"], where=row["source"])
                return None, ()
            parts.append((Fraction(row["share5"], UNIT), coefficient))
        return rounded(of_places(parts), self.options["coefficient_digits"]), tuple(dict.fromkeys(sources))

    def _members(self, reg_clinic: pl.DataFrame, clinics: Sequence[Clinic]) -> None:
        """T.33: people of a clinic that the register does not hold on the day."""
        holds = (pl.col("valid_from") <= self.day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= self.day))
        members = set(reg_clinic.filter(holds)["mo"])
        for clinic in clinics:
            if clinic.people and clinic.mo not in members:
                self.add("T.33", clinic.mo, mo=clinic.mo, people=clinic.people, day=self.day)

    def _group_means(self, clinics: list[Clinic]) -> list[Clinic]:
        """Clinics of one group share the mean of their KDpv weighted by numbers."""
        groups: dict[str, list[Clinic]] = {}
        for clinic in clinics:
            if clinic.group is not None and clinic.people:
                groups.setdefault(clinic.group, []).append(clinic)
        means: dict[str, Fraction | None] = {}
        for name, members in groups.items():
            known = [(one.kdpv, one.people) for one in members if one.kdpv is not None]
            whole = len(known) == len(members)
            means[name] = rounded(weighted_mean(known), self.options["coefficient_digits"]) if whole else None
        return [
            replace(clinic, kdpv=means[clinic.group]) if clinic.group in means and clinic.people else clinic for clinic in clinics
        ]

    # -- standards and amounts

    def _standards(self, clinics: list[Clinic]) -> list[Clinic]:
        """DPn of each clinic whose coefficients are all known; the base is that of the agreement, else money by people."""
        people = sum(clinic.people for clinic in clinics)
        self.base = self._base(people)
        if self.base is None:
            return clinics
        base, digits = self.base, self.options["standard_digits"]
        made = []
        for clinic in clinics:
            known = [one for one in clinic.coefficients if one is not None]
            value = standard(base, known, digits) if len(known) == len(clinic.coefficients) else None
            made.append(replace(clinic, standard=value))
        return made

    def _base(self, people: int) -> Fraction | None:
        if self.options["base4"] is not None:
            return Fraction(self.options["base4"], 10**4)
        if self.money_kop is None or not people:
            return None
        return Fraction(self.money_kop - self._performance_kop(), people * KOPECKS_PER_ROUBLE)

    def _performance_kop(self) -> int:
        """Part of the money that goes by performance, whole kopecks."""
        return round_fraction(Fraction(self.money_kop or 0) * Fraction(self.options["performance_share5"], UNIT))

    def _amounts(self, clinics: list[Clinic]) -> list[Clinic]:
        """FDPn and kopecks: the money shared out whole, or standards paid as they are."""
        digits = self.options["standard_digits"]
        if self.money_kop is None:
            self.factor = Fraction(1)
            strange = {one.params["mo"] for one in self.found if one.rule == "T.33"}
            return [clinic if clinic.mo in strange else _as_it_is(clinic) for clinic in clinics]
        if self._incomplete(clinics):
            return clinics
        shared = [clinic for clinic in clinics if clinic.people and clinic.standard is not None]
        whole = self.money_kop - self._performance_kop()
        if not whole:  # no money is no coefficient, and nothing for everybody
            return [replace(one, final=Fraction(0), people_kop=0) if one in shared else one for one in clinics]
        self.factor = balance(whole, [(clinic.standard or Fraction(0), clinic.people) for clinic in shared])
        if self.factor is None:
            return clinics
        self.factor = rounded(self.factor, self.options["coefficient_digits"])
        finals = {one.mo: rounded((one.standard or Fraction(0)) * self.factor, digits) for one in shared}
        codes = [clinic.mo for clinic in shared]
        weights = [finals[clinic.mo] * clinic.people for clinic in shared]
        if not any(weights):
            return clinics
        parts = dict(zip(codes, share_out(whole, weights, codes), strict=True))
        return [
            replace(clinic, final=finals[clinic.mo], people_kop=parts[clinic.mo]) if clinic.mo in parts else clinic
            for clinic in clinics
        ]

    def _incomplete(self, clinics: Sequence[Clinic]) -> bool:
        """Whether money that is balanced would give the share of somebody to others."""
        lacking = any(clinic.people and clinic.standard is None for clinic in clinics)
        return lacking or any(one.rule in ("T.33", "T.36") for one in self.found)

    def _performance(self, clinics: list[Clinic]) -> list[Clinic]:
        """The performance part (law.md 7.4): by numbers to groups II and III, by points to group III."""
        money = self._performance_kop()
        paid = any(clinic.people_kop is not None for clinic in clinics)
        if not money or not paid:
            return clinics
        rules = self.rules.performance
        if rules is None:
            self.add("T.41", self.first, day=self.first, amount=format_amount(money))
            return clinics
        self.used.add(self.rules.used["performance"].source)
        table = rows_on(self.agreement, "performance", self.first)
        points = {row["mo"]: row for row in table.iter_rows(named=True)}
        made = []
        for clinic in clinics:
            row = points.get(clinic.mo)
            if row is None and clinic.people:
                self.add("T.40", clinic.mo, mo=clinic.mo)
            named = None if row is None else performance_group(row["points2"], row["most2"], rules.second, rules.third)
            more = () if row is None else (row["source"],)
            made.append(replace(clinic, performance=named, sources=(*clinic.sources, *more)))
        by_numbers = round_fraction(Fraction(money) * rules.by_numbers)
        numbers = {one.mo: one.people for one in made if one.performance in ("II", "III")}
        best = {one.mo: int(points[one.mo]["points2"]) for one in made if one.performance == "III" and one.people}
        first, second = self._part("numbers", by_numbers, numbers), self._part("points", money - by_numbers, best)
        return [replace(one, numbers_kop=first.get(one.mo, 0), points_kop=second.get(one.mo, 0)) for one in made]

    def _part(self, part: str, money: int, weights: Mapping[str, int]) -> dict[str, int]:
        """A part of the performance money by clinic; T.39 where nobody is in the groups that share it."""
        if not any(weights.values()):
            self.add("T.39", part, part=part, amount=format_amount(money))
            return {}
        codes = sorted(weights)
        return dict(zip(codes, share_out(money, [weights[code] for code in codes], codes), strict=True))

    def money_row(self, clinics: Sequence[Clinic]) -> dict[str, Any]:
        """Row of `MONEY`; T.43 where money is left out."""
        shared = sum((clinic.people_kop or 0) + clinic.numbers_kop + clinic.points_kop for clinic in clinics)
        unpaid = [clinic.mo for clinic in clinics if clinic.people and clinic.people_kop is None]
        left = 0 if self.money_kop is None else self.money_kop - shared
        stops = {"T.33", "T.34", "T.35", "T.36", "T.37", "T.39", "T.41", *(() if shared else ("T.31", "T.32", "T.44"))}
        why = sorted({one.rule for one in self.found if one.rule in stops})
        if left or unpaid:
            amount = "-" if self.money_kop is None else format_amount(left)
            self.add("T.43", amount, amount=amount, clinics=len(unpaid), why=", ".join(why) or "-")
        return {
            "kind": self.name, "day": self.day, "people": sum(clinic.people for clinic in clinics), "money_kop": self.money_kop,
            "shared_kop": shared, "left_kop": left, "why": ", ".join(why) if left or unpaid else None,
        }  # fmt: skip


def _as_it_is(clinic: Clinic) -> Clinic:
    """A clinic that is paid its standard without a balance."""
    if clinic.standard is None:
        return clinic
    paid = round_fraction(clinic.standard * clinic.people * KOPECKS_PER_ROUBLE)
    return replace(clinic, final=clinic.standard, people_kop=paid)


def exact(value: Fraction | None) -> str | None:
    """A fraction as a/b: what other programs can read back without loss."""
    return None if value is None else f"{value.numerator}/{value.denominator}"


def _row(kind: _Kind, clinic: Clinic) -> dict[str, Any]:
    """Row of `SCHEMA`."""
    amounts = None if clinic.people_kop is None else clinic.people_kop + clinic.numbers_kop + clinic.points_kop
    paid = clinic.people_kop is not None
    return {
        "kind": kind.name, "mo": clinic.mo, "people": clinic.people, "base": exact(kind.base), "kd": exact(clinic.kd),
        "kdpv": exact(clinic.kdpv), "kdur": exact(clinic.kdur), "kdzp": exact(clinic.kdzp), "kdot": exact(clinic.kdot),
        "standard": exact(clinic.standard), "balance": exact(kind.factor) if paid else None,
        "final_standard": exact(clinic.final),
        "people_kop": clinic.people_kop, "performance_group": clinic.performance,
        "numbers_kop": clinic.numbers_kop if paid else None, "points_kop": clinic.points_kop if paid else None,
        "total_kop": amounts, "sources": ";".join(dict.fromkeys((*clinic.sources, *sorted(kind.used)))),
    }  # fmt: skip
