"""What does a unit of care cost? Tariffs by costing: the table of point 165, the treated patient (Rules 155-166; law.md 6).

A unit (bed-day, visit, service ...) costs W + M + A + I: wages of the staff who take part, materials used up, depreciation of the
equipment used, and its share of what the whole clinic costs. All of it is exact fractions; a tariff is rounded once, to kopecks,
and the columns of its row are its parts by largest remainder, so that each printed row adds up.

A unit whose rows cannot be used has no cost, and is said to have none; a cost that a tariff may not hold is left out, and the
result says what was left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Final

import polars as pl

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.law import Parameters, Used
from omsclaims.money import MAX_KOPECKS, format_amount, round_fraction, round_parts, share_out

#: Columns of a row of the table of point 165, in its order.
PARTS: Final = ("wages", "materials", "depreciation", "indirect")
#: What the share of indirect costs may be measured by (law.md 6).
BASES: Final = ("payroll", "volume", "area")
#: Parts of the tariff of a treated patient (Rules 166), in their order.
TREATED_PARTS: Final = ("service", "medicine", "blood", "medical_product", "food")
#: Files whose unreadable rows spoil more, or other, than the tariff of their unit.
STAFF_FILE: Final = "staff.csv"
TREATED_FILE: Final = "treated.csv"
EVERY: Final = "*"
DECIMALS: Final = {"payroll": 2, "book_value": 2, "amount": 2, "price": 4, "accruals": 5, "annual_rate": 5}
_QUANTITY: Final = 4

TABLE_SCHEMA: Final[dict[str, pl.DataType]] = {
    "unit": pl.String(),
    "name": pl.String(),
    "kind": pl.String(),
    "volume4": pl.Int64(),
    **{f"{part}_kop": pl.Int64() for part in PARTS},
    "direct_kop": pl.Int64(),
    "cost_kop": pl.Int64(),  # null: not costed, a finding says why
    "sources": pl.String(),  # parameters used, `law:<name>@<since>` joined by `;`
}
TREATED_SCHEMA: Final[dict[str, pl.DataType]] = {
    "patient": pl.String(),
    "part": pl.String(),
    "item": pl.String(),
    "quantity4": pl.Int64(),
    "frequency4": pl.Int64(),
    "price4": pl.Int64(),
    "amount_kop": pl.Int64(),
    "tariff_kop": pl.Int64(),  # of the whole patient, on each line; null: not costed
}
SPREAD_SCHEMA: Final[dict[str, pl.DataType]] = {
    "item": pl.String(), "kind": pl.String(), "base": pl.String(), "amount_kop": pl.Int64(), "unit": pl.String(),
    "part_kop": pl.Int64(),
}  # fmt: skip
LEFT_OUT_SCHEMA: Final[dict[str, pl.DataType]] = {
    "file": pl.String(), "line": pl.Int64(), "item": pl.String(), "kind": pl.String(), "rule": pl.String(),
    "amount_kop": pl.Int64(),
}  # fmt: skip

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Inputs:
    """What a clinic knows of its costs: rows by kind, each with `file` and `line` (see costing_files for the columns).

    on              date of the tariff: chooses what a tariff may hold
    share_base      what indirect costs are shared by, where a row names no base of its own; None: the federal default
    regional_items  kinds of cost of the regional list that the territorial programme has taken (Rules 157)
    unusable        (file, unit or patient) that had a row nobody could read; EVERY: nobody can tell whose it was
    problems        found while reading
    """

    on: date
    territory: str = ""
    clinic: str = ""
    reference: str = ""
    share_base: str | None = None
    regional_items: frozenset[str] = frozenset()
    units: Sequence[Row] = ()
    staff: Sequence[Row] = ()
    materials: Sequence[Row] = ()
    equipment: Sequence[Row] = ()
    indirect: Sequence[Row] = ()
    treated: Sequence[Row] = ()
    unusable: frozenset[tuple[str, str]] = frozenset()
    problems: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Costing:
    """Table of point 165, treated patients line by line, indirect costs unit by unit, what was left out, findings, parameters."""

    table: pl.DataFrame
    treated: pl.DataFrame
    spread: pl.DataFrame
    left_out: pl.DataFrame
    findings: pl.DataFrame
    used: tuple[Used, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """`law:<name>@<since>` of every parameter used."""
        return tuple(used.source for used in self.used)


@dataclass
class _Work:
    """What is known so far: exact parts of each unit, units that cannot be costed, what was left out, findings."""

    inputs: Inputs
    direct: dict[str, dict[str, Fraction]] = field(default_factory=dict)
    uncosted: dict[str, str] = field(default_factory=dict)
    no_payroll: set[str] = field(default_factory=set)
    no_base: set[str] = field(default_factory=set)
    indirect: dict[str, Fraction | None] = field(default_factory=dict)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)
    used: dict[str, Used] = field(default_factory=dict)

    def say(self, rule: str, row: Row, element: str, value: object = None, **params: object) -> None:
        """A finding about a row of a file."""
        shown = None if value is None else str(value)
        self.found.append(
            Finding(rule, file=str(row["file"]), line=int(row["line"]), element=element, value=shown, params=params)
        )

    def leave_out(self, rule: str, row: Row, amount: Fraction, element: str = "kind", **params: object) -> None:
        """A cost that a tariff may not hold, or that cannot be shared: a finding, and a line of what is missing."""
        kopecks = round_fraction(amount)
        self.say(rule, row, element, row["kind"], item=row["item"], amount=format_amount(kopecks), **params)
        names = ("file", "line", "item", "kind")
        self.left_out.append({**{name: row[name] for name in names}, "rule": rule, "amount_kop": kopecks})


def exact(row: Row, column: str) -> Fraction:
    """A number of a row as the fraction it is: columns carry the decimals that `DECIMALS` says, quantities and hours four."""
    return Fraction(int(row[column]), 10 ** DECIMALS.get(column, _QUANTITY))


def cost(inputs: Inputs, law: Parameters) -> Costing:
    """Tariffs of all units and treated patients of a clinic. Findings: T.50-T.60. No row raises; nothing is silently zero."""
    work = _Work(inputs, found=list(inputs.problems))
    work.used = {name: law.use(name, inputs.on) for name in ("costing.tariff_items", "tariff_calculation.units")}
    units = _units(work)
    _wages(work, units)
    _materials(work, units)
    _depreciation(work, units)
    spread = _indirect(work, units, law)
    costs = {unit: _columns(work, row) for unit, row in units.items()}
    table = [_table_row(work, row, costs[unit]) for unit, row in units.items()]
    treated = _treated(work, {unit: None if parts is None else parts["cost"] for unit, parts in costs.items()})
    for unit, reason in work.uncosted.items():
        if unit in units:
            work.say("T.59", units[unit], "unit", unit, reason=reason)
    return Costing(
        pl.DataFrame(table, schema=TABLE_SCHEMA, orient="row"),
        pl.DataFrame(treated, schema=TREATED_SCHEMA, orient="row"),
        pl.DataFrame(spread, schema=SPREAD_SCHEMA, orient="row"),
        pl.DataFrame(work.left_out, schema=LEFT_OUT_SCHEMA, orient="row"),
        findings.concat([findings.frame(work.found)]),
        tuple(work.used[name] for name in sorted(work.used)),
    )


# ---- direct costs (Rules 158, 159, 161-163) --------------------------------------------------------------------------------


def _units(work: _Work) -> dict[str, Row]:
    """Units by code, in order of code. T.58: a code twice; T.57: a kind of unit that tariffs of the day are not set for."""
    kinds = set(map(str, work.used["tariff_calculation.units"].value))
    found: dict[str, Row] = {}
    for row in sorted(work.inputs.units, key=lambda one: (one["unit"], one["line"])):
        unit = str(row["unit"])
        if unit in found:
            work.say("T.58", row, "unit", unit, first=found[unit]["line"])
            work.uncosted[unit] = "T.58"
            work.no_base.add(unit)
            continue
        found[unit] = row
        work.direct[unit] = {part: Fraction(0) for part in PARTS[:3]}
        if row["kind"] not in kinds:
            work.say("T.57", row, "kind", row["kind"], unit=unit, day=str(work.inputs.on), allowed=", ".join(sorted(kinds)))
            work.uncosted[unit] = "T.57"
    for file, spoilt in sorted(work.inputs.unusable):
        for unit in found if file != TREATED_FILE else ():
            if spoilt in (unit, EVERY):
                work.uncosted.setdefault(unit, "T.50")
                if file == STAFF_FILE:
                    work.no_payroll.add(unit)
    return found


def _of_units(work: _Work, rows: Iterable[Row], units: Mapping[str, Row], keys: tuple[str, ...]) -> list[tuple[str, Row]]:
    """Rows whose unit is known (else T.55), each key once (else T.58: the unit is not costed), in a fixed order."""
    kept: list[tuple[str, Row]] = []
    first: dict[tuple[object, ...], Row] = {}
    for row in sorted(rows, key=lambda one: (str(one["unit"]), *(str(one[key]) for key in keys), int(one["line"]))):
        unit, key = str(row["unit"]), (row["unit"], *(row[name] for name in keys))
        if unit not in units:
            work.say("T.55", row, "unit", unit)
        elif key in first:
            work.say("T.58", row, keys[0], row[keys[0]], first=first[key]["line"])
            work.uncosted[unit] = "T.58"
        else:
            first[key] = row
            kept.append((unit, row))
    return kept


def _wages(work: _Work, units: Mapping[str, Row]) -> None:
    """W = F / T_fund x t: payroll with accruals, by the working-time fund, for the norm time of one unit (161)."""
    before = set(work.uncosted)
    kept = _of_units(work, work.inputs.staff, units, ("post",))
    work.no_payroll |= set(work.uncosted) - before
    for unit, row in kept:
        fund = exact(row, "fund_hours")
        if fund == 0:
            work.say("T.56", row, "fund_hours", 0, unit=unit)
            work.uncosted[unit] = "T.56"
            work.no_payroll.add(unit)
            continue
        payroll = exact(row, "payroll") * (1 + exact(row, "accruals"))
        work.direct[unit]["wages"] += payroll / fund * exact(row, "norm_hours") * 100


def _materials(work: _Work, units: Mapping[str, Row]) -> None:
    """M = sum of mean price x quantity (162)."""
    base = set(map(str, work.used["costing.tariff_items"].value["base"]))
    for unit, row in _of_units(work, work.inputs.materials, units, ("item", "kind")):
        amount = exact(row, "price") * exact(row, "quantity") * 100
        if row["kind"] not in base:
            work.leave_out("T.51", row, amount, allowed=", ".join(sorted(base)))
        else:
            work.direct[unit]["materials"] += amount


def _depreciation(work: _Work, units: Mapping[str, Row]) -> None:
    """A = sum of book value x annual rate / annual time x time of use (163)."""
    for unit, row in _of_units(work, work.inputs.equipment, units, ("item",)):
        hours = exact(row, "annual_hours")
        if hours == 0:
            work.say("T.56", row, "annual_hours", 0, unit=unit)
            work.uncosted[unit] = "T.56"
            continue
        work.direct[unit]["depreciation"] += (
            exact(row, "book_value") * exact(row, "annual_rate") / hours * exact(row, "hours") * 100
        )


# ---- indirect costs (Rules 160, 164) ---------------------------------------------------------------------------------------


def _indirect(work: _Work, units: Mapping[str, Row], law: Parameters) -> list[dict[str, Any]]:
    """I = I_total x share of the unit in the base, for one unit of its volume. Returns the parts of each item, in kopecks.

    T.51, T.52, T.53: may not be held; T.54: the base is zero, or that of one unit is not known. Nothing is shared then.
    """
    spread: list[dict[str, Any]] = []
    whole: dict[str, Fraction] = defaultdict(Fraction)
    unshared = False
    for row in sorted(work.inputs.indirect, key=lambda one: int(one["line"])):
        amount = exact(row, "amount") * 100
        if not _may_be_held(work, row, amount, law):
            continue
        base = str(row["base"] or _default_base(work, law))
        weights = _weights(work, units, base)
        if weights is None or sum(weights.values()) == 0:
            work.leave_out("T.54", row, amount, "base", base=base, unknown=", ".join(_unknown(work, base)) or "-")
            unshared = True
            continue
        total = sum(weights.values())
        parts = share_out(round_fraction(amount), list(weights.values()), list(weights))
        for (unit, weight), part in zip(weights.items(), parts, strict=True):
            whole[unit] += amount * weight / total
            names = {name: row[name] for name in ("item", "kind")}
            spread.append({**names, "base": base, "amount_kop": round_fraction(amount), "unit": unit, "part_kop": part})
    for unit, row in units.items():
        volume = exact(row, "volume")
        if volume == 0 and whole[unit]:
            work.say("T.56", row, "volume", 0, unit=unit)
            work.uncosted[unit] = "T.56"
        work.indirect[unit] = None if volume == 0 and whole[unit] else whole[unit] / volume if volume else Fraction(0)
        if unshared:
            work.uncosted.setdefault(unit, "T.54")
    return spread


def _may_be_held(work: _Work, row: Row, amount: Fraction, law: Parameters) -> bool:
    """Whether a tariff of the day may hold an indirect cost (157, 160); where not, it is left out with a finding."""
    items = work.used["costing.tariff_items"].value
    general = work.used.setdefault(
        "tariff_calculation.indirect_items", law.use("tariff_calculation.indirect_items", work.inputs.on)
    )
    kind, regional = row["kind"], set(map(str, items["regional"]))
    if kind in regional:
        if kind not in work.inputs.regional_items:
            work.leave_out("T.52", row, amount)
            return False
        if kind == "equipment":
            return _within_limit(work, row, amount, law)
        return True
    allowed = set(map(str, general.value))
    if kind not in allowed:
        work.leave_out("T.51", row, amount, allowed=", ".join(sorted(allowed | regional)))
        return False
    return True


def _within_limit(work: _Work, row: Row, amount: Fraction, law: Parameters) -> bool:
    """Whether a purchase of equipment is within the limit of the day; without a price of one piece nobody can tell."""
    limit = work.used.setdefault("costing.equipment_limit", law.use("costing.equipment_limit", work.inputs.on))
    if row["price"] is not None and exact(row, "price") * 100 <= int(limit.value):
        return True
    price = "-" if row["price"] is None else format_amount(round_fraction(exact(row, "price") * 100))
    work.leave_out("T.53", row, amount, "price", price=price, limit=format_amount(int(limit.value)), day=str(work.inputs.on))
    return False


def _default_base(work: _Work, law: Parameters) -> str:
    if work.inputs.share_base is not None:
        return work.inputs.share_base
    name = "tariff_calculation.share_base"
    return str(work.used.setdefault(name, law.use(name, work.inputs.on)).value)


def _unknown(work: _Work, base: str) -> list[str]:
    """Units whose share in a base is not known: payroll needs all staff rows of the unit, area needs the area."""
    if base == "payroll":
        return sorted(work.no_base | work.no_payroll)
    if base == "area":
        return sorted(work.no_base | {str(row["unit"]) for row in work.inputs.units if row["area"] is None})
    return sorted(work.no_base)


def _weights(work: _Work, units: Mapping[str, Row], base: str) -> dict[str, Fraction] | None:
    """The base of each unit: payroll of the main staff for its whole volume, the volume, or the area; None: one is not known."""
    if _unknown(work, base):
        return None
    if base == "payroll":
        return {unit: work.direct[unit]["wages"] * exact(row, "volume") for unit, row in units.items()}
    return {unit: exact(row, base) for unit, row in units.items()}


# ---- the table of point 165 ------------------------------------------------------------------------------------------------


def _columns(work: _Work, row: Row) -> dict[str, int] | None:
    """The columns of a unit in kopecks: the tariff rounded once, its parts by largest remainder; None: not costed.

    T.60: more than an amount of the exchange formats can be.
    """
    unit = str(row["unit"])
    indirect = work.indirect[unit]
    if unit in work.uncosted or indirect is None:
        return None
    values = [*(work.direct[unit][part] for part in PARTS[:3]), indirect]
    if sum(values, Fraction(0)) > MAX_KOPECKS:
        work.say("T.60", row, "unit", unit)
        work.uncosted[unit] = "T.60"
        return None
    parts = round_parts(values)
    return {**dict(zip(PARTS, parts, strict=True)), "cost": sum(parts)}


def _table_row(work: _Work, row: Row, columns: Mapping[str, int] | None) -> dict[str, Any]:
    known = {f"{part}_kop": None if columns is None else columns[part] for part in (*PARTS, "cost")}
    direct = None if columns is None else sum(columns[part] for part in PARTS[:3])
    sources = ";".join(sorted(used.source for used in work.used.values()))
    names = {name: row[name] for name in ("unit", "name", "kind")}
    return {**names, "volume4": row["volume"], **known, "direct_kop": direct, "sources": sources}


# ---- the treated patient (Rules 166) ---------------------------------------------------------------------------------------


def _treated(work: _Work, costs: Mapping[str, int | None]) -> list[dict[str, Any]]:
    """Lines of treated patients: services (number x frequency x cost of the table), then medicines, blood, products, food.

    quantity   mean number of a service, course dose of a medicine, quantity of the rest; frequency: share of patients, or times
    A patient with a line that has no price has no tariff (T.55: the service is not in the table; T.56: no price; T.59: uncosted).
    """
    by_patient: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(
        work.inputs.treated, key=lambda one: (str(one["patient"]), TREATED_PARTS.index(one["part"]), int(one["line"]))
    ):
        by_patient[str(row["patient"])].append(row)
    lines: list[dict[str, Any]] = []
    for patient, rows in by_patient.items():
        prices = [_price(work, row, costs) for row in rows]
        values = [
            None if price is None else price * exact(row, "quantity") * exact(row, "frequency")
            for price, row in zip(prices, rows, strict=True)
        ]
        known = [value for value in values if value is not None]
        readable = not work.inputs.unusable & {(TREATED_FILE, patient), (TREATED_FILE, EVERY)}
        bounded = sum(known, Fraction(0)) <= MAX_KOPECKS
        complete = len(known) == len(rows) and readable and bounded
        parts: Sequence[int | None] = [None if value is None or not bounded else round_fraction(value) for value in values]
        if complete:
            parts = round_parts(known)
        total = sum(round_parts(known)) if complete else None
        for row, price, part in zip(rows, prices, parts, strict=True):
            names = {name: row[name] for name in ("patient", "part", "item")}
            numbers = {"quantity4": row["quantity"], "frequency4": row["frequency"]}
            scaled = None if price is None else int(price * 100)
            lines.append({**names, **numbers, "price4": scaled, "amount_kop": part, "tariff_kop": total})
        if not bounded:
            work.say("T.60", rows[0], "patient", patient)
        if total is None:
            reason = "T.50" if not readable else "T.55" if bounded else "T.60"
            work.say("T.59", rows[0], "patient", patient, reason=reason)
    return lines


def _price(work: _Work, row: Row, costs: Mapping[str, int | None]) -> Fraction | None:
    """Kopecks for one: of a service the tariff of the table as printed, of the rest the price of the row; None with a finding."""
    if row["part"] != "service":
        if row["price"] is None:
            work.say("T.56", row, "price", None, unit=row["patient"])
            return None
        return exact(row, "price") * 100
    if row["item"] not in costs:
        work.say("T.55", row, "item", row["item"])
        return None
    found = costs[row["item"]]
    return None if found is None else Fraction(found)
