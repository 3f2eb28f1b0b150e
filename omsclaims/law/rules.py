"""What do the federal parameters of standards and tariffs say on a day, read as values of their own types? (law.md 4, 6, 7)

Each answer keeps the parameters it was read from (`used`), so that an output can name them and mark those not confirmed. What has
ended is None or empty: whoever needs it then makes it a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Literal

from omsclaims.law import ParameterError, Parameters, Used


@dataclass(frozen=True)
class Floor:
    """Least coefficient of the groups that begin at `from_age` whole years or later."""

    least: Fraction
    from_age: int


@dataclass(frozen=True)
class NormRules:
    """How per-capita standards are computed (law.md 4.2-4.5).

    floor            None: before it was introduced
    average_number   how the number of a month is counted where the agreement is silent
    one_coefficient  sums of insurers are brought to the money by one coefficient for all
    cost_age         day of a case whose age says in which group its cost is counted
    used             by the name of the field
    """

    floor: Floor | None
    average_number: Literal["mean_of_month_starts", "month_start"]
    one_coefficient: bool
    cost_age: Literal["start", "end"]
    used: dict[str, Used]


@dataclass(frozen=True)
class PlaceCoefficient:
    """Least coefficient of places with at most `to` residents and more than those of the row before."""

    to: int
    least: Fraction


@dataclass(frozen=True)
class PerformanceRules:
    """Shares of the performance part and thresholds of its groups as shares of the most points (law.md 7.4)."""

    by_numbers: Fraction
    by_points: Fraction
    second: Fraction
    third: Fraction


@dataclass(frozen=True)
class FapBand:
    """Norm of a ФАП with so many residents, roubles a year; `to` None: no upper end."""

    band: str
    residents_from: int
    residents_to: int | None
    norm: Fraction


@dataclass(frozen=True)
class CapitationRules:
    """Federal figures of the per-capita money of clinics (law.md 7.3-7.5); empty or None where none is known on the day."""

    places: tuple[PlaceCoefficient, ...]
    performance: PerformanceRules | None
    fap_norms: tuple[FapBand, ...]
    used: dict[str, Used]


@dataclass(frozen=True)
class CostingRules:
    """What a tariff by costing may hold (law.md 6): price of equipment in kopecks; kind of cost -> list (base, regional)."""

    equipment_limit_kop: int
    items: dict[str, str]
    used: dict[str, Used]


def norm_rules(law: Parameters, on: date) -> NormRules:
    """Rules of per-capita standards on a day. Raises ParameterError before 2011."""
    used = _used(law, on, {"average_number": "norms.average_number", "one_coefficient": "norms.one_coefficient"})
    used |= _used(law, on, {"cost_age": "norms.cost_age"})
    floor_names = {"floor": "norms.floor_of_old_people", "floor_from_age": "norms.floor_from_age"}
    known = _known(law, on, {**floor_names, "rescaling": "norms.floor_rescaling"})
    floor = Floor(Fraction(known["floor"].value, 10**5), int(known["floor_from_age"].value)) if "floor" in known else None
    return NormRules(
        floor=floor,
        average_number=used["average_number"].value,
        one_coefficient=bool(used["one_coefficient"].value),
        cost_age=used["cost_age"].value,
        used={**used, **known},
    )


def capitation_rules(law: Parameters, on: date) -> CapitationRules:
    """Federal figures of the per-capita money of clinics on a day."""
    names = {"places": "capitation.place_coefficients", "performance": "capitation.performance"}
    known = _known(law, on, {**names, "fap_norms": "capitation.fap_norms"})
    places = tuple(PlaceCoefficient(int(row["to"]), Fraction(row["least"])) for row in _rows(known, "places"))
    shares = known["performance"].value if "performance" in known else None
    bands = tuple(
        FapBand(row["band"], int(row["from"]), None if row.get("to") is None else int(row["to"]), Fraction(row["norm"]))
        for row in _rows(known, "fap_norms")
    )
    performance = None if shares is None else PerformanceRules(**{name: Fraction(value) for name, value in shares.items()})
    return CapitationRules(places, performance, bands, known)


def costing_rules(law: Parameters, on: date) -> CostingRules:
    """What a tariff by costing may hold on a day. Raises ParameterError before 2011."""
    used = _used(law, on, {"equipment_limit": "costing.equipment_limit", "tariff_items": "costing.tariff_items"})
    items = {code: kind for kind, codes in used["tariff_items"].value.items() for code in codes}
    return CostingRules(int(used["equipment_limit"].value), items, used)


def _used(law: Parameters, on: date, names: dict[str, str]) -> dict[str, Used]:
    return {field: law.use(name, on) for field, name in names.items()}


def _known(law: Parameters, on: date, names: dict[str, str]) -> dict[str, Used]:
    """Those of the parameters that have a value on the day."""
    found = {}
    for field, name in names.items():
        try:
            found[field] = law.use(name, on)
        except ParameterError:
            continue
    return found


def _rows(known: dict[str, Used], field: str) -> list[dict[str, Any]]:
    return list(known[field].value) if field in known else []
