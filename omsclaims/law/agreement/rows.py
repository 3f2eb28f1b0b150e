"""Which tables does a tariff agreement have, what is a row of each, and what may stand in a cell? (Rules 158n chapter XI)

A row model's fields are the columns of its CSV (or the keys of a list of agreement.yaml); `SECTIONS` and `FILES` name the tables.
Decimals become scaled integers: a column of the frame bears their number as its last digit (`weight5`: 93000 = 0.93000).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Final, Literal

import polars as pl
from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

Setting = Literal["ksg_inpatient", "ksg_day"]
Kind = Literal["ksg_inpatient", "ksg_day", "visit", "episode", "service", "per_capita", "call", "exam", "vmp"]
SETTINGS: Final = ("ksg_inpatient", "ksg_day")
CapitationKind = Literal["outpatient", "ambulance"]
CAPITATION_KINDS: Final = ("outpatient", "ambulance")
KINDS: Final = (*SETTINGS, "visit", "episode", "service", "per_capita", "call", "exam", "vmp")
#: Settings in which a clinic has a level or a place.
PLACED: Final = (*SETTINGS, "vmp")
MAIN_FILE: Final = "agreement.yaml"
ANY: Final = "*"


# ---- values of cells: text in, checked value out --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decimals:
    """Parser of a not negative number with at most `decimals` decimals and at most `upper`: the scaled integer.

    The upper bounds are far above anything a commission sets; they keep every product inside the sums that the exchange
    formats can carry, and catch a point in the wrong place.
    """

    decimals: int
    upper: int

    def __call__(self, value: object) -> int:
        match = re.fullmatch(r"([0-9]{1,12})(?:\.([0-9]+))?", str(value))
        if match is None:
            raise PydanticCustomError("not_a_number", "not a number", {})
        decimals = match[2] or ""
        if len(decimals) > self.decimals:
            raise PydanticCustomError("too_many_decimals", "too many decimals", {"allowed": self.decimals})
        unit: int = 10**self.decimals
        scaled = int(match[1]) * unit + int(decimals.ljust(self.decimals, "0"))
        if scaled > self.upper * unit:
            raise PydanticCustomError("too_large", "too large", {"allowed": self.upper})
        return scaled


def _whole(value: object) -> int:
    if re.fullmatch(r"[0-9]{1,9}", str(value)) is None:
        raise PydanticCustomError("not_a_whole_number", "not a whole number", {})
    return int(str(value))


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(value)):
            return date.fromisoformat(str(value))
    except ValueError:
        pass
    raise PydanticCustomError("not_a_date", "not a date", {})


def _flag(value: object) -> bool:
    known = {"1": True, "0": False, "true": True, "false": False, "yes": True, "no": False}
    if str(value).lower() not in known:
        raise PydanticCustomError("not_a_flag", "not a flag", {})
    return known[str(value).lower()]


def _clinic(value: object) -> str:
    if re.fullmatch(r"[0-9]{6}", str(value)) is None:
        raise PydanticCustomError("not_a_clinic", "not the code of a clinic", {})
    return str(value)


ClinicCode = Annotated[str, BeforeValidator(_clinic)]


def _code(value: object) -> str:
    if re.fullmatch(r"[A-Za-z0-9_.]{1,40}", str(value)) is None:
        raise PydanticCustomError("not_a_code", "not a code", {})
    return str(value)


def _pattern(value: object) -> str:
    if re.fullmatch(r"[A-Za-z0-9.]{1,40}\*?", str(value)) is None:
        raise PydanticCustomError("not_a_code", "not a code", {})
    return str(value)


def _group_code(value: object) -> str:
    """Codes of people's groups, clinics' groups and points: letters of any alphabet, figures, some signs."""
    if re.fullmatch(r"[\w.+-]{1,40}", str(value)) is None:
        raise PydanticCustomError("not_a_code", "not a code", {})
    return str(value)


def _band(value: object) -> str:
    if re.fullmatch(r"[0-9]{1,6}(-[0-9]{1,6}|\+)", str(value)) is None:
        raise PydanticCustomError("not_a_band", "not a band", {})
    return str(value)


def _digits(value: object) -> int:
    digits = _whole(value)
    if digits > 10:
        raise PydanticCustomError("too_large", "too large", {"allowed": 10})
    return digits


Roubles = Annotated[int, BeforeValidator(Decimals(4, 10_000_000))]
Weight = Annotated[int, BeforeValidator(Decimals(5, 100))]
Coefficient = Annotated[int, BeforeValidator(Decimals(5, 10))]
Share = Annotated[int, BeforeValidator(Decimals(5, 1))]
#: Relative cost of a sex-age group: infants cost ten times the mean and more.
Relative = Annotated[int, BeforeValidator(Decimals(5, 100))]
#: Roubles and kopecks of a whole budget: as a scaled integer, kopecks.
Money = Annotated[int, BeforeValidator(Decimals(2, 100_000_000_000))]
Points = Annotated[int, BeforeValidator(Decimals(2, 10_000))]
Whole = Annotated[int, BeforeValidator(_whole)]
Digits = Annotated[int, BeforeValidator(_digits)]
Day = Annotated[date, BeforeValidator(_day)]
Flag = Annotated[bool, BeforeValidator(_flag)]


# ---- rows of the tables: field = column of the CSV ------------------------------------------------------------------------


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Row(Model):
    """What every row has: validity (empty: that of the agreement) and its own reference (empty: the agreement's)."""

    valid_from: Day | None = None
    valid_to: Day | None = None
    reference: str | None = None


class PaymentKind(Row):
    """How a case is paid, by file kind and what it bills; `plan`: volumes of the commission bind it (Rules 122-123)."""

    file_kind: Literal["H", "C", "T", "X"]
    usl_ok: Whole | None = None
    idsp: Whole
    kind: Kind
    plan: Flag


class BaseRate(Row):
    """Base rate of a treated case in a setting, roubles."""

    setting: Setting
    rate: Roubles


class Rounding(Row):
    """How an amount becomes money: the step in kopecks; once at the end, or after each step of law.md 8.8."""

    kind: Literal[Kind, "*"]
    step_kop: Annotated[Literal[1, 10, 100], BeforeValidator(_whole)]
    mode: Literal["once", "each_step"]


class KslpRule(Row):
    """How complexity coefficients act together, where the agreement departs from the federal rule (law.md 8.4)."""

    rule: Literal["add", "multiply"]
    cap: Coefficient | None = None


class CaseManagement(Row):
    """Rate of the case-management money of the insurers (РВД), share of the money by the standards (law.md 4.6)."""

    rate: Share


class Ksg(Row):
    """A КСГ of a setting: weight, wage share (empty: default of the agreement), and which coefficients touch it."""

    code: str
    setting: Setting
    weight: Weight
    wage_share: Share | None = None
    uses_level: Flag
    uses_specificity: Flag
    surgical: Flag
    optimal_short_stay: Flag
    specificity: Coefficient
    norm_days: Whole | None = None


class LevelCoefficient(Row):
    """Coefficient of a level (or sublevel) of clinics in a setting."""

    level: str
    setting: Setting
    coefficient: Coefficient


class ClinicPlace(Row):
    """Level and place of a clinic in a setting (`*`: in all settings); no level where the setting has none."""

    mo: str
    setting: Literal["ksg_inpatient", "ksg_day", "vmp", "*"]
    level: str | None = None
    place: str


class Place(Row):
    """Territorial coefficient of a place."""

    place: str
    kd: Coefficient


class Kslp(Row):
    """A complexity coefficient; `after_cap`: added after the cap (long stays to 2021)."""

    idsl: str
    value: Coefficient
    uses_territorial: Flag
    after_cap: Flag = False


class Interrupted(Row):
    """Share paid of an interrupted case by reason, days (no upper bound where days_to is empty) and kind of group."""

    reason_from: Whole
    reason_to: Whole
    days_from: Whole
    days_to: Whole | None = None
    surgical: Literal["0", "1", "any"]
    share: Share
    applies_to_kslp: Flag


class InterruptedResult(Row):
    """Which result of the case (V009) is which reason of interruption."""

    rslt: Whole
    reason: Whole


class UnitTariff(Row):
    """Tariff of a visit or an обращение by profile, purpose (`*`: any that has no row of its own) and child flag."""

    profil: Whole
    p_cel: str
    det: Literal["0", "1", "*"]
    tariff: Roubles


class CallTariff(Row):
    """Tariff of an ambulance call by kind of care V008 (`*`: any that has no row of its own)."""

    vidpom: str
    tariff: Roubles


class ExamTariff(Row):
    """Tariff of a completed examination by letters of the file, sex and age, whole years."""

    letters: str
    sex: Literal["1", "2", "*"]
    age_from: Whole
    age_to: Whole
    tariff: Roubles


class ServiceTariff(Row):
    """Tariff of one service."""

    code_usl: str
    tariff: Roubles


class VmpNorm(Row):
    """Norm of a ВМП group and its wage share; group: METOD_HMP, or VID_HMP for all methods without a row."""

    group: str
    norm: Roubles
    wage_share: Share


class ClinicCoefficient(Row):
    """A coefficient of one clinic for the tariff of a kind (optional table; where it exists every clinic needs a row)."""

    mo: str
    kind: Literal["visit", "episode", "call", "exam", "service"]
    coefficient: Coefficient


class FinancingCoefficient(Row):
    """Coefficient KD_ij of the differentiated standards by place and sex-age group (law.md 4.2)."""

    place: str
    group: str
    kd: Coefficient


class MunicipalityGroup(Row):
    """Which group of municipalities a municipality belongs to (Rules 154); without the table each place is a group of its own."""

    municipality: str
    place: str


class PartitionGroup(Row):
    """A sex-age group of the territory's own partition (law.md 4.1), whole years; no upper end where age_to is empty."""

    code: Annotated[str, BeforeValidator(_group_code)]
    sex: Literal["m", "f", "mf"]
    age_from: Whole
    age_to: Whole | None = None


class Capitation(Row):
    """Per-capita money of clinics by kind of care (Rules 167-168; law.md 7): the base standard and the money set aside.

    base              PN, roubles a person a month; empty: the money by the number of attached
    money             set aside for a month, roubles: what the standards of all clinics are balanced to; empty: no balance, the
                      standards are paid as they are
    performance_share part of the money that goes by performance (law.md 7.4)
    attached_on       day whose attached persons count: the first day of the month, of its quarter or of the year
    kdpv              where KDpv comes from: `table` (clinic_capitation.csv) or `attached` (relative_coefficients.csv and people)
    digits            digits of coefficients and standards that are published and bind; empty: exact (law.md 4.4)
    """

    kind: CapitationKind
    base: Roubles | None = None
    money: Money | None = None
    performance_share: Share = 0
    attached_on: Literal["month", "quarter", "year"] = "month"
    kdpv: Literal["table", "attached"] = "table"
    coefficient_digits: Digits | None = None
    standard_digits: Digits | None = None


class RelativeCoefficient(Row):
    """Relative cost k_j of a sex-age group of the period before (Rules 168; law.md 7.1)."""

    kind: CapitationKind
    group: Annotated[str, BeforeValidator(_group_code)]
    coefficient: Relative


class ClinicCapitation(Row):
    """Coefficients of a clinic paid by attached persons (law.md 7.2, 7.6).

    kdpv   empty: computed from the attached, where the agreement says so
    group  clinics of one group share the mean weighted by numbers of their KDpv; empty: the clinic stands alone
    """

    mo: ClinicCode
    kind: CapitationKind
    kd: Coefficient
    kdpv: Relative | None = None
    kdur: Coefficient
    kdzp: Coefficient
    group: Annotated[str, BeforeValidator(_group_code)] | None = None


class AmbulanceArea(Row):
    """Which ambulance clinic serves a place of the register of insured: its people are those who live there (law.md 7.6)."""

    place: str
    mo: ClinicCode


class CapitationPart(Row):
    """A rural place served by a clinic: its residents, and the share of the clinic's attached who live there (law.md 7.3).

    coefficient  of the place; empty: the least federal one for its size
    """

    mo: ClinicCode
    place: str
    residents: Whole
    share: Share
    coefficient: Coefficient | None = None


class Performance(Row):
    """Points of a clinic for the performance part (law.md 7.4), of the most that it could get."""

    mo: ClinicCode
    points: Points
    most: Points


class FapNorm(Row):
    """Yearly norm of a ФАП by the number of residents, roubles, where it departs from the federal one (law.md 7.5)."""

    band: Annotated[str, BeforeValidator(_band)]
    residents_from: Whole
    residents_to: Whole | None = None
    norm: Roubles


class Fap(Row):
    """A ФАП (feldsher point): clinic, size band or residents, territorial coefficient, coefficient of its state (law.md 7.5)."""

    fap: Annotated[str, BeforeValidator(_group_code)]
    name: str | None = None
    mo: ClinicCode
    band: Annotated[str, BeforeValidator(_band)] | None = None
    residents: Whole | None = None
    meets_requirements: Flag
    kd: Coefficient = 10**5
    ks: Coefficient


class UetTariff(Row):
    """Tariff of one УЕТ (unit of dental work) by profile and child flag."""

    profil: Whole
    det: Literal["0", "1", "*"]
    tariff: Roubles


class DialysisTariff(Row):
    """Tariff of a dialysis service, paid on top of the case; the coefficient of its kind where the agreement has one (A18.*)."""

    code_usl: Annotated[str, BeforeValidator(_code)]
    coefficient: Coefficient = 10**5
    tariff: Roubles


class PlanLine(Row):
    """A line of the commission's plan: which cases consume it (an empty criterion: any), and in what (Rules 122-123; law.md 5).

    group      КСГ, group of high-tech care or code of a service; a final `*` stands for any ending
    unit       case: a case is one; quantity: what the tariff counts (visits, services)
    otherwise  line that takes its cases in a clinic whose plan of the year has no row for it; empty: none does
    """

    line: Annotated[str, BeforeValidator(_code)]
    name: str
    kind: Kind | None = None
    usl_ok: Whole | None = None
    profil: Whole | None = None
    group: Annotated[str, BeforeValidator(_pattern)] | None = None
    unit: Literal["case", "quantity"] = "case"
    otherwise: Annotated[str, BeforeValidator(_code)] | None = None


class FineStandard(Row):
    """Per-capita standard RP by conditions of care (V006), roubles: the base of fines (order 231n; law.md 10.2)."""

    usl_ok: Annotated[Literal[1, 2, 3, 4], BeforeValidator(_whole)]
    amount: Roubles


@dataclass(frozen=True, slots=True)
class Read:
    """A row as read: where it stands and its checked model."""

    file: str
    line: int
    row: Row

    @property
    def source(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table of the agreement: where it lies, what a row is, what makes a row the only one of its key.

    keys    columns that must agree for two rows to speak of the same thing
    ranges  pairs (from, to) that must overlap as well; the validity always is one more
    expand  columns in which a word stands for all of the values given
    needed  kinds of payment that cannot be priced without the file
    """

    row: type[Row]
    keys: tuple[str, ...]
    ranges: tuple[tuple[str, str], ...] = ()
    expand: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    needed: tuple[str, ...] = ()


#: Lists of agreement.yaml.
SECTIONS: Final[Mapping[str, TableSpec]] = {
    "payment_kinds": TableSpec(PaymentKind, ("file_kind", "usl_ok", "idsp")),
    "base_rates": TableSpec(BaseRate, ("setting",)),
    "rounding": TableSpec(Rounding, ("kind",), expand={"kind": (ANY, KINDS)}),
    "kslp_rules": TableSpec(KslpRule, ()),
    "case_management": TableSpec(CaseManagement, ()),
    "fine_standards": TableSpec(FineStandard, ("usl_ok",)),
    "capitation": TableSpec(Capitation, ("kind",)),
}
#: CSV files, by name without extension.
FILES: Final[Mapping[str, TableSpec]] = {
    "ksg": TableSpec(Ksg, ("code", "setting"), needed=SETTINGS),
    "levels": TableSpec(LevelCoefficient, ("level", "setting"), needed=SETTINGS),
    "clinics": TableSpec(ClinicPlace, ("mo", "setting"), expand={"setting": (ANY, PLACED)}, needed=PLACED),
    "places": TableSpec(Place, ("place",), needed=PLACED),
    "kslp": TableSpec(Kslp, ("idsl",), needed=SETTINGS),
    "interrupted": TableSpec(
        Interrupted,
        ("surgical",),
        (("reason_from", "reason_to"), ("days_from", "days_to")),
        {"surgical": ("any", ("0", "1"))},
        needed=SETTINGS,
    ),
    "interrupted_results": TableSpec(InterruptedResult, ("rslt",), needed=SETTINGS),
    "visits": TableSpec(UnitTariff, ("profil", "p_cel", "det"), expand={"det": (ANY, ("0", "1"))}, needed=("visit",)),
    "episodes": TableSpec(UnitTariff, ("profil", "p_cel", "det"), expand={"det": (ANY, ("0", "1"))}, needed=("episode",)),
    "calls": TableSpec(CallTariff, ("vidpom",), needed=("call",)),
    "exams": TableSpec(ExamTariff, ("letters", "sex"), (("age_from", "age_to"),), {"sex": (ANY, ("1", "2"))}, needed=("exam",)),
    "services": TableSpec(ServiceTariff, ("code_usl",), needed=("service",)),
    "vmp": TableSpec(VmpNorm, ("group",), needed=("vmp",)),
    "clinic_coefficients": TableSpec(ClinicCoefficient, ("mo", "kind")),
    "financing": TableSpec(FinancingCoefficient, ("place", "group")),
    "plan_lines": TableSpec(PlanLine, ("kind", "usl_ok", "profil", "group")),
    "municipalities": TableSpec(MunicipalityGroup, ("municipality",)),
    "partition": TableSpec(PartitionGroup, ("sex",), (("age_from", "age_to"),), {"sex": ("mf", ("m", "f"))}),
    "relative_coefficients": TableSpec(RelativeCoefficient, ("kind", "group")),
    "clinic_capitation": TableSpec(ClinicCapitation, ("mo", "kind")),
    "capitation_parts": TableSpec(CapitationPart, ("mo", "place")),
    "ambulance_areas": TableSpec(AmbulanceArea, ("place",)),
    "performance": TableSpec(Performance, ("mo",)),
    "fap": TableSpec(Fap, ("fap",)),
    "fap_norms": TableSpec(FapNorm, (), (("residents_from", "residents_to"),)),
    "uet": TableSpec(UetTariff, ("profil", "det"), expand={"det": (ANY, ("0", "1"))}),
    "dialysis": TableSpec(DialysisTariff, ("code_usl",)),
}


def decimals_of(row: type[BaseModel], column: str) -> int | None:
    """Decimals of a column of a row model; None where it holds no decimals."""
    annotation = row.model_fields[column]
    candidates: list[Any] = [*annotation.metadata]
    for part in getattr(annotation.annotation, "__args__", ()):
        candidates.extend(getattr(part, "__metadata__", ()))
    for candidate in candidates:
        parser = getattr(candidate, "func", None)
        if isinstance(parser, Decimals):
            return parser.decimals
    return None


def frame_schema(row: type[Row]) -> dict[str, pl.DataType]:
    """Columns of the frame of a row model: decimals and whole numbers Int64, flags Boolean, days Date, the rest String."""
    schema: dict[str, pl.DataType] = {}
    for name, about in row.model_fields.items():
        text = str(about.annotation)
        decimals = decimals_of(row, name)
        if decimals is not None:
            schema[f"{name}{decimals}"] = pl.Int64()
        elif "date" in text:
            schema[name] = pl.Date()
        elif "bool" in text:
            schema[name] = pl.Boolean()
        elif ("int" in text and "Literal" not in text) or "Literal[1" in text:
            schema[name] = pl.Int64()
        else:
            schema[name] = pl.String()
    return {**schema, "source": pl.String()}


def spec_of(name: str) -> TableSpec:
    """The table of that name. Raises KeyError."""
    return SECTIONS[name] if name in SECTIONS else FILES[name]


def frame_column(row: type[Row], column: str) -> str:
    """Name of a column in the frame: its decimals behind it (weight -> weight5)."""
    decimals = decimals_of(row, column)
    return column if decimals is None else f"{column}{decimals}"


def cell_text(row: type[BaseModel], column: str, value: object) -> str:
    """A value as a file of the agreement writes it: decimals with a point, flags 1 and 0, "" for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    decimals = decimals_of(row, column)
    if decimals is None or not isinstance(value, int):
        return value.isoformat() if isinstance(value, date) else str(value)
    whole, rest = divmod(value, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".")


def key_text(spec: TableSpec, row: Mapping[str, Any]) -> str:
    """What a row is about: `code=st02.001, setting=ksg_inpatient`, ranges as `days=0..3`."""
    parts = [f"{column}={row[column]}" for column in spec.keys if row[column] is not None]
    for low, high in spec.ranges:
        upper = "" if row[high] is None else row[high]
        parts.append(f"{low.removesuffix('_from')}={row[low]}..{upper}")
    return ", ".join(parts)
