"""What did the commission of the territory agree for the year? The tariff agreement: one folder, checked as a whole.

A folder holds `agreement.yaml` (who, when, rates, rules, options) and CSV tables (groups, levels, clinics, tariffs). Every row
is dated; a row without dates holds as long as the agreement. `load_agreement` returns the agreement or raises AgreementError
with ALL problems, each with file and line. The tables are frames with scaled integers: a column with decimals bears their
number as its last digit (`weight5`: 93000 = 0.93000, `tariff4`: 0.0001 rouble). A key that no table holds is no matter of
loading: pricing makes it a coded finding of the case (Rules 158n chapter XI; design: law.md 7-9).
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import polars as pl
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from omsclaims import messages
from omsclaims.law import ParameterError, Parameters

Setting = Literal["ksg_inpatient", "ksg_day"]
Kind = Literal["ksg_inpatient", "ksg_day", "visit", "episode", "service", "per_capita", "call", "exam", "vmp"]
SETTINGS: Final = ("ksg_inpatient", "ksg_day")
KINDS: Final = (*SETTINGS, "visit", "episode", "service", "per_capita", "call", "exam", "vmp")
#: Settings in which a clinic has a level or a place.
PLACED: Final = (*SETTINGS, "vmp")
MAIN_FILE: Final = "agreement.yaml"
ANY: Final = "*"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with an agreement: file, line, column or key, message key `agreement.<code>` and its parameters."""

    file: str
    line: int
    column: str
    code: str
    params: tuple[tuple[str, str], ...] = ()

    def text(self, lang: str) -> str:
        """The sentence for a person, beginning with file and line."""
        body = messages.text(f"agreement.{self.code}", lang, column=self.column, **dict(self.params))
        return f"{self.file}:{self.line}: {body}"


class AgreementError(ValueError):
    """The folder is not a usable agreement; `problems` lists everything that is wrong with it."""

    def __init__(self, folder: str, problems: Iterable[Problem]) -> None:
        self.folder = folder
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(problem.text("en") for problem in self.problems))

    def text(self, lang: str) -> str:
        """All problems, one a line."""
        return "\n".join(problem.text(lang) for problem in self.problems)


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


Roubles = Annotated[int, BeforeValidator(Decimals(4, 10_000_000))]
Weight = Annotated[int, BeforeValidator(Decimals(5, 100))]
Coefficient = Annotated[int, BeforeValidator(Decimals(5, 10))]
Share = Annotated[int, BeforeValidator(Decimals(5, 1))]
Whole = Annotated[int, BeforeValidator(_whole)]
Day = Annotated[date, BeforeValidator(_day)]
Flag = Annotated[bool, BeforeValidator(_flag)]


# ---- rows of the tables: field = column of the CSV ------------------------------------------------------------------------


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Row(_Model):
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
}


class Financing(_Model):
    """Money of the insurers: the sex-age partition (a name of the federal parameter), how the average number is counted."""

    partition: str
    average_number: Literal["mean_of_month_starts", "month_start"]


class RuleSwitch(_Model):
    """A rule of control switched off (or on) by the region: for clinics or for all, in a time (reporting months), and why.

    source  file and line, filled by the loader
    """

    rule: str
    mo: tuple[ClinicCode, ...] = ()
    since: Day | None = None
    until: Day | None = None
    why: str
    source: str = ""

    def holds(self, day: date) -> bool:
        """Whether the switch is in force on a day; both ends are part of its time."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


class RuleParameter(_Model):
    """A value of a parameter of a rule of control that the region sets, from a date of care on, and why.

    value   as the catalogue has it (`omsclaims checks show RULE`); numbers are text until the rule is run
    source  file and line, filled by the loader
    """

    rule: str
    name: str
    since: Day
    value: Any
    why: str
    source: str = ""


class Control(_Model):
    """Options of control: several grounds in one case; what a file-level ground refuses; letters of first-stage examinations;
    rules that are off (or, where the catalogue has them off, on) here, and parameters of rules that are the region's own.
    """

    several_grounds: Literal["max", "sum_capped"] = "max"
    fines: Literal["apart", "in_act_132"] = "apart"
    package_refusal: Literal["whole_package", "cases_only"] = "whole_package"
    first_stage_exam_letters: tuple[str, ...] = ("DP", "DO")
    disabled_rules: tuple[RuleSwitch, ...] = ()
    enabled_rules: tuple[RuleSwitch, ...] = ()
    rule_parameters: tuple[RuleParameter, ...] = ()

    @property
    def switches(self) -> tuple[RuleSwitch, ...]:
        """All switches in the order of the file."""
        return (*self.disabled_rules, *self.enabled_rules)


class Volumes(_Model):
    """Volumes of the commission (Rules 122-123): over which period the plans of months add up; whether a case without a row of
    the plan is refused (1.6.2) or let through; how the rest of the year is foretold.
    """

    cumulation: Literal["month", "quarter", "year"] = "month"
    without_plan: Literal["refuse", "pass"] = "refuse"
    forecast: Literal["seasonal", "linear"] = "seasonal"


class Head(_Model):
    """agreement.yaml without its lists."""

    territory: str
    year: Whole
    title: str
    reference: str
    valid_from: Day
    valid_to: Day
    wage_share_default: Share
    exam_age: Literal["on_start", "in_year"] = "on_start"
    financing: Financing | None = None
    control: Control = Control()
    volumes: Volumes = Volumes()


@dataclass(frozen=True)
class Agreement:
    """A tariff agreement as it was loaded.

    head    territory, year, reference, validity, options
    tables  every list and CSV by name (`SECTIONS`, `FILES`): its columns, decimals as scaled integers with their number behind
            the name, valid_from and valid_to filled, `source` = file:line, `reference` of the row or of the agreement
    notes   what is not wrong but will show as findings of cases (a level without a coefficient)
    digest  sha256 over the files: what enters the audit chain
    """

    head: Head
    tables: Mapping[str, pl.DataFrame]
    notes: tuple[Problem, ...]
    digest: str

    @property
    def territory(self) -> str:
        """Two-digit code of the territory."""
        return self.head.territory

    @property
    def year(self) -> int:
        """Year of the agreement."""
        return self.head.year

    @property
    def title(self) -> str:
        """Name of the agreement, for people."""
        return self.head.title

    def table(self, name: str) -> pl.DataFrame:
        """A table by name; without rows where the folder has no such file."""
        return self.tables[name]

    def with_table(self, name: str, rows: pl.DataFrame) -> Agreement:
        """The same agreement with another table in the place of `name` (what-if; the digest then is that of both)."""
        if rows.schema != self.tables[name].schema:
            raise ValueError(f"the table {name} has other columns")
        changed = hashlib.sha256(f"{self.digest}:{name}:{rows.write_json()}".encode()).hexdigest()
        return replace(self, tables={**self.tables, name: rows}, digest=changed)

    @property
    def planned_kinds(self) -> frozenset[str]:
        """Kinds of payment that the volumes of the commission bind, on any date of the agreement."""
        kinds = self.table("payment_kinds")
        return frozenset(kinds.filter(pl.col("plan"))["kind"])

    def reference_of(self, source: str) -> str:
        """The reference of a row by its source (`ksg.csv:12`); that of the agreement when the row is unknown."""
        for rows in self.tables.values():
            found = rows.filter(pl.col("source") == source)
            if found.height:
                return str(found["reference"][0])
        return self.head.reference


def decimals_of(row: type[Row], column: str) -> int | None:
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


# ---- loading --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Read:
    """A row as read: where it stands and its checked model."""

    file: str
    line: int
    row: Row

    @property
    def source(self) -> str:
        return f"{self.file}:{self.line}"


#: What is wrong with a rule, and with a parameter of it where one is named: a code of `agreement.*`, "" for nothing.
RuleProblem = Callable[[str, str | None, object], str]


def load_agreement(folder: Path | str, rule_problem: RuleProblem | None = None) -> Agreement:
    """The agreement of a folder (layout: module and row models above; a row model's fields are the columns of its CSV).

    rule_problem  what is wrong with a rule of control (`checks.rule_problem`): where given, switches and parameters are asked

    Raises AgreementError with all problems: missing or unknown columns and values, too many decimals, two rows for one key at
    one time, rows outside the validity, files that a kind of payment needs.
    """
    root = Path(folder)
    problems: list[Problem] = []
    digest = hashlib.sha256()
    head, sections = _read_main(root, problems, digest.update)
    rows: dict[str, list[_Read]] = {name: sections.get(name, []) for name in SECTIONS}
    for name, spec in FILES.items():
        rows[name] = _read_csv(root, name, spec, problems, digest.update)
    for path in sorted(root.glob("*.csv")) if root.is_dir() else ():
        if path.stem not in FILES:
            problems.append(Problem(path.name, 1, "", "unknown_file"))
    if head is None:
        raise AgreementError(root.name, problems)
    problems.extend(_needed(root, head, rows))
    problems.extend(_wrong_switches(head, rule_problem))
    rows = {name: _expanded(_spec(name), found) for name, found in rows.items()}
    rows = {name: _dated(head, found, problems) for name, found in rows.items()}
    for name, found in rows.items():
        problems.extend(_contradictions(_spec(name), found))
    problems.extend(_plan_lines(rows["plan_lines"]))
    if problems:
        raise AgreementError(root.name, problems)
    tables = {name: _frame(_spec(name), found, head) for name, found in rows.items()}
    return Agreement(head, tables, tuple(_notes(tables)), digest.hexdigest())


def _spec(name: str) -> TableSpec:
    return SECTIONS[name] if name in SECTIONS else FILES[name]


def _read_text(path: Path, problems: list[Problem], feed: Callable[[bytes], object]) -> str | None:
    """Text of a file, its bytes fed to the digest (line ends made equal); None with a problem when it cannot be read."""
    if not path.is_file():
        return None
    content = path.read_bytes().replace(b"\r\n", b"\n")
    feed(path.name.encode() + b"\0" + content + b"\0")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.append(Problem(path.name, content[: error.start].count(b"\n") + 1, "", "not_utf8"))
        return None


_EMPTY: Final = ("", "null", "~")


def _known_keys() -> frozenset[str]:
    """Every key that agreement.yaml may have anywhere."""
    models: list[type[BaseModel]] = [
        Head,
        Financing,
        Control,
        Volumes,
        RuleSwitch,
        RuleParameter,
        *(spec.row for spec in SECTIONS.values()),
    ]
    return frozenset(name for model in models for name in model.model_fields) | frozenset(SECTIONS)


def _plain(node: yaml.Node, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int], problems: list[Problem]) -> Any:
    """A YAML node as dict, list or text; numbers stay text (a rate must not become a float); empty values are left out."""
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in seen:
                problems.append(Problem(MAIN_FILE, key_node.start_mark.line + 1, key, "key_twice"))
            seen.add(key)
            value = _plain(value_node, (*path, key), lines, problems)
            lines[*path, key] = key_node.start_mark.line + 1
            if value is not None:
                found[key] = value
            elif key not in _known_keys():  # `rate: 13915,7` in braces is a rate and an empty key 7
                problems.append(Problem(MAIN_FILE, key_node.start_mark.line + 1, key, "unknown_key"))
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), lines, problems) for i, item in enumerate(node.value)]
    text = str(node.value)
    quoted = getattr(node, "style", None) in ("'", '"')
    return None if not quoted and text in _EMPTY else text


def _read_main(
    root: Path, problems: list[Problem], feed: Callable[[bytes], object]
) -> tuple[Head | None, dict[str, list[_Read]]]:
    """agreement.yaml: its head (None when it is not usable) and the rows of its lists."""
    text = _read_text(root / MAIN_FILE, problems, feed)
    if text is None:
        problems.append(Problem(MAIN_FILE, 1, "", "no_main_file"))
        return None, {}
    lines: dict[tuple[str | int, ...], int] = {}
    try:
        # An alias may stand inside itself; a table of figures needs none.
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
            problems.append(Problem(MAIN_FILE, 1, "", "not_yaml"))
            return None, {}
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problems.append(Problem(MAIN_FILE, mark.line + 1 if mark else 1, "", "not_yaml"))
        return None, {}
    raw = _plain(node, (), lines, problems) if node is not None else {}
    if not isinstance(raw, dict):
        problems.append(Problem(MAIN_FILE, 1, "", "not_yaml"))
        return None, {}
    sections = _sections(raw, lines, problems)
    _place_switches(raw, lines)
    try:
        head = Head.model_validate({key: value for key, value in raw.items() if key not in SECTIONS})
    except ValidationError as error:
        for item in error.errors():
            place = _closest(tuple(item["loc"]), lines)
            problems.append(_problem(MAIN_FILE, place, ".".join(map(str, item["loc"])), item))
        return None, sections
    if head.valid_from > head.valid_to or not head.valid_from.year <= head.year <= head.valid_to.year:
        problems.append(Problem(MAIN_FILE, lines[("valid_from",)], "valid_from", "validity"))
    return head, sections


def _sections(raw: dict[str, Any], lines: dict[tuple[str | int, ...], int], problems: list[Problem]) -> dict[str, list[_Read]]:
    """Rows of the lists of agreement.yaml."""
    sections: dict[str, list[_Read]] = {}
    for name, spec in SECTIONS.items():
        listed = raw.get(name, [])
        if not isinstance(listed, list):
            problems.append(Problem(MAIN_FILE, lines[(name,)], name, "not_a_list"))
            continue
        read = (_row(spec, MAIN_FILE, lines[(name, i)], item, problems) for i, item in enumerate(listed))
        sections[name] = [row for row in read if row is not None]
    return sections


def _place_switches(raw: dict[str, Any], lines: Mapping[tuple[str | int, ...], int]) -> None:
    """Notes file and line in each switch of control, as the rows of lists have them."""
    control = raw.get("control")
    for name in ("disabled_rules", "enabled_rules", "rule_parameters"):
        listed = control.get(name) if isinstance(control, dict) else None
        for i, item in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(item, dict):
                item["source"] = f"{MAIN_FILE}:{lines['control', name, i]}"


def _closest(path: tuple[str | int, ...], lines: Mapping[tuple[str | int, ...], int]) -> int:
    """Line of the nearest known ancestor of a path."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _row(spec: TableSpec, file: str, line: int, cells: object, problems: list[Problem]) -> _Read | None:
    """A checked row; None with its problems noted."""
    try:
        return _Read(file, line, spec.row.model_validate(cells))
    except ValidationError as error:
        for item in error.errors():
            problems.append(_problem(file, line, ".".join(str(part) for part in item["loc"]), item))
        return None


_PYDANTIC: Final = {"missing": "missing", "extra_forbidden": "unknown_key", "literal_error": "not_in_list"}


def _problem(file: str, line: int, column: str, item: Any) -> Problem:
    """A Problem from an error of pydantic."""
    kind = str(item["type"])
    context = item.get("ctx") or {}
    params = {"value": "" if kind == "missing" else str(item["input"])}
    if "expected" in context:
        params["allowed"] = str(context["expected"]).replace(" or ", ", ")
    elif "allowed" in context:
        params["allowed"] = str(context["allowed"])
    own = (
        "not_a_number",
        "too_many_decimals",
        "too_large",
        "not_a_whole_number",
        "not_a_date",
        "not_a_flag",
        "not_a_code",
        "not_a_clinic",
    )
    code = kind if kind in own else _PYDANTIC.get(kind, "bad_value")
    return Problem(file, line, column, code, tuple(sorted(params.items())))


def _read_csv(root: Path, name: str, spec: TableSpec, problems: list[Problem], feed: Callable[[bytes], object]) -> list[_Read]:
    """Rows of one CSV: first line the columns, `#` begins a remark; [] when there is no such file."""
    file = f"{name}.csv"
    text = _read_text(root / file, problems, feed)
    if text is None:
        return []
    reader = csv.reader(text.split("\n"))
    columns: list[str] | None = None
    found = []
    for cells in _lines(reader, file, problems):
        if not cells or not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
            continue
        if columns is None:
            columns = [cell.strip() for cell in cells]
            lacking, unknown = _columns_off(spec, columns)
            problems.extend(Problem(file, reader.line_num, column, "no_column") for column in lacking)
            problems.extend(Problem(file, reader.line_num, column, "unknown_key") for column in unknown)
            if lacking or unknown or len(set(columns)) < len(columns):
                return []
            continue
        if len(cells) != len(columns):
            params = (("found", str(len(cells))), ("wanted", str(len(columns))))
            problems.append(Problem(file, reader.line_num, "", "cells", params))
            continue
        filled = {column: cell.strip() for column, cell in zip(columns, cells, strict=True) if cell.strip()}
        row = _row(spec, file, reader.line_num, filled, problems)
        if row is not None:
            found.append(row)
    if columns is None:
        problems.append(Problem(file, 1, "", "empty_file"))
    return found


def _lines(reader: Any, file: str, problems: list[Problem]) -> Iterable[list[str]]:
    """Lines of a CSV; where it cannot be read on, a problem."""
    try:
        yield from reader
    except csv.Error:
        problems.append(Problem(file, reader.line_num, "", "not_csv"))


def _columns_off(spec: TableSpec, columns: list[str]) -> tuple[list[str], list[str]]:
    """Columns that a header lacks, and those it should not have (or has twice)."""
    fields = spec.row.model_fields
    lacking = [name for name, about in fields.items() if about.is_required() and name not in columns]
    unknown = [name for i, name in enumerate(columns) if name not in fields or name in columns[:i]]
    return lacking, unknown


def _needed(root: Path, head: Head, rows: Mapping[str, list[_Read]]) -> list[Problem]:
    """What the kinds of payment of the agreement need and do not have: a file, a base rate, a rounding."""
    kinds = {read.row.kind for read in rows["payment_kinds"] if isinstance(read.row, PaymentKind)}
    problems = [] if kinds else [Problem(MAIN_FILE, 1, "payment_kinds", "missing")]
    for name, spec in FILES.items():
        if not (root / f"{name}.csv").is_file():
            users = sorted(kinds.intersection(spec.needed))
            if users:
                problems.append(Problem(f"{name}.csv", 1, "", "no_file", (("kinds", ", ".join(users)),)))
    if head.financing is not None:
        if not (root / "financing.csv").is_file():
            problems.append(Problem("financing.csv", 1, "", "no_file", (("kinds", "financing"),)))
        if not rows["case_management"]:
            problems.append(Problem(MAIN_FILE, 1, "case_management", "missing"))
    rated = {read.row.setting for read in rows["base_rates"] if isinstance(read.row, BaseRate)}
    for setting in sorted(kinds.intersection(SETTINGS) - rated):
        problems.append(Problem(MAIN_FILE, 1, f"base_rates.{setting}", "missing"))
    rounded = {str(read.row.kind) for read in rows["rounding"] if isinstance(read.row, Rounding)}
    for kind in sorted(set(map(str, kinds)) - rounded if ANY not in rounded else ()):
        problems.append(Problem(MAIN_FILE, 1, f"rounding.{kind}", "missing"))
    return problems


def _wrong_switches(head: Head, rule_problem: RuleProblem | None) -> list[Problem]:
    """Switches of control that name no rule, end before they begin, or stand twice; parameters that no rule has."""
    problems = _wrong_parameters(head, rule_problem)
    seen: dict[tuple[bool, RuleSwitch], int] = {}
    for wanted, listed in ((False, head.control.disabled_rules), (True, head.control.enabled_rules)):
        for switch in listed:
            line = int(switch.source.rpartition(":")[2])
            code = "" if rule_problem is None else rule_problem(switch.rule, None, None)
            if code:
                problems.append(Problem(MAIN_FILE, line, "rule", code, (("value", switch.rule),)))
            if switch.since is not None and switch.until is not None and switch.since > switch.until:
                problems.append(Problem(MAIN_FILE, line, "since", "range"))
            other = seen.setdefault((wanted, switch.model_copy(update={"source": "", "why": ""})), line)
            if other != line:
                params = (("row", switch.rule), ("other", str(other)))
                problems.append(Problem(MAIN_FILE, line, "rule", "two_rows", params))
    return problems


def _expanded(spec: TableSpec, found: list[_Read]) -> list[_Read]:
    """Rows with a word for all values, once for each of the values."""
    for column, (word, values) in spec.expand.items():
        wider: list[_Read] = []
        for read in found:
            all_values = values if getattr(read.row, column) == word else (getattr(read.row, column),)
            wider.extend(_Read(read.file, read.line, read.row.model_copy(update={column: value})) for value in all_values)
        found = wider
    return found


def _dated(head: Head, found: list[_Read], problems: list[Problem]) -> list[_Read]:
    """Rows with their validity filled from the agreement; a validity that leaves the agreement's is a problem."""
    dated = []
    for read in found:
        begin = read.row.valid_from or head.valid_from
        end = read.row.valid_to or head.valid_to
        if begin > end or begin < head.valid_from or end > head.valid_to:
            problems.append(Problem(read.file, read.line, "valid_from", "validity"))
        dated.append(_Read(read.file, read.line, read.row.model_copy(update={"valid_from": begin, "valid_to": end})))
    return dated


def _contradictions(spec: TableSpec, found: list[_Read]) -> list[Problem]:
    """Pairs of rows that say two things of one key at one time, and ranges that end before they begin."""
    problems = []
    by_key: dict[tuple[object, ...], list[_Read]] = defaultdict(list)
    ranges = (*spec.ranges, ("valid_from", "valid_to"))
    for read in found:
        for low, high in spec.ranges:
            upper = getattr(read.row, high)
            if upper is not None and getattr(read.row, low) > upper:
                problems.append(Problem(read.file, read.line, low, "range"))
        by_key[tuple(getattr(read.row, column) for column in spec.keys)].append(read)
    for key, group in by_key.items():
        for i, later in enumerate(group):
            for earlier in group[:i]:
                if all(_overlap(earlier.row, later.row, low, high) for low, high in ranges):
                    params = (("row", ", ".join(str(part) for part in key)), ("other", str(earlier.line)))
                    problems.append(Problem(later.file, later.line, ", ".join(spec.keys), "two_rows", params))
    return sorted(set(problems))


def _wrong_parameters(head: Head, rule_problem: RuleProblem | None) -> list[Problem]:
    """Parameters of rules that no rule has, that do not have the form of the catalogue, or that stand twice for one date."""
    problems = []
    seen: dict[tuple[str, str, date], int] = {}
    for given in head.control.rule_parameters:
        line = int(given.source.rpartition(":")[2])
        code = "" if rule_problem is None else rule_problem(given.rule, given.name, given.value)
        if code:
            said = given.rule if code == "unknown_rule" else given.name if code == "unknown_parameter" else str(given.value)
            problems.append(Problem(MAIN_FILE, line, given.name, code, (("rule", given.rule), ("value", said))))
        other = seen.setdefault((given.rule, given.name, given.since), line)
        if other != line:
            params = (("row", f"{given.rule} {given.name}"), ("other", str(other)))
            problems.append(Problem(MAIN_FILE, line, "name", "two_rows", params))
    return problems


def _plan_lines(found: list[_Read]) -> list[Problem]:
    """Lines of the plan that contradict themselves (one line, two names, units or substitutes), or whose substitute is no line or
    leads back to them."""
    first: dict[str, PlanLine] = {}
    problems = []
    for read in found:
        row = read.row
        assert isinstance(row, PlanLine)
        said = first.setdefault(row.line, row)
        if (row.name, row.unit, row.otherwise) != (said.name, said.unit, said.otherwise):
            problems.append(Problem(read.file, read.line, "line", "plan_line_differs", (("value", row.line),)))
    for read in found:
        row = read.row
        assert isinstance(row, PlanLine)
        seen, line = [row.line], row.otherwise
        while line is not None and line in first and line not in seen:
            seen.append(line)
            line = first[line].otherwise
        if line is not None:
            code = "plan_line_circle" if line in seen else "plan_line_unknown"
            problems.append(Problem(read.file, read.line, "otherwise", code, (("value", line),)))
    return sorted(set(problems))


def _overlap(one: Row, two: Row, low: str, high: str) -> bool:
    """Whether the ranges low-high of two rows have a value in common; an empty upper end is open."""
    starts = getattr(one, low), getattr(two, low)
    ends = getattr(one, high), getattr(two, high)
    return (ends[0] is None or starts[1] <= ends[0]) and (ends[1] is None or starts[0] <= ends[1])


def _frame(spec: TableSpec, found: list[_Read], head: Head) -> pl.DataFrame:
    """The frame of a table, sorted by key and validity, so that the order of the lines does not matter."""
    schema = frame_schema(spec.row)
    columns: dict[str, list[object]] = {name: [] for name in schema}
    for read in found:
        for name in spec.row.model_fields:
            decimals = decimals_of(spec.row, name)
            columns[name if decimals is None else f"{name}{decimals}"].append(getattr(read.row, name))
        columns["source"].append(read.source)
    frame = pl.DataFrame(columns, schema=schema).with_columns(pl.col("reference").fill_null(head.reference))
    if "wage_share5" in frame.columns:
        frame = frame.with_columns(pl.col("wage_share5").fill_null(head.wage_share_default))
    order = [*spec.keys, *(low for low, _ in spec.ranges), "valid_from"]
    return frame.sort(order, maintain_order=True)


def _notes(tables: Mapping[str, pl.DataFrame]) -> list[Problem]:
    """Clinics whose level or place has no coefficient: their cases will be findings."""
    notes = []
    levelled = set(tables["levels"].select("level", "setting").iter_rows())
    placed = set(tables["places"]["place"])
    for row in tables["clinics"].iter_rows(named=True):
        file, line = str(row["source"]).split(":")
        if row["setting"] in SETTINGS and row["level"] is not None and (row["level"], row["setting"]) not in levelled:
            notes.append(Problem(file, int(line), "level", "no_level", (("setting", row["setting"]), ("value", row["level"]))))
        if row["place"] not in placed:
            notes.append(Problem(file, int(line), "place", "no_place", (("value", row["place"]),)))
    return sorted(set(notes))


def against_law(agreement: Agreement, law: Parameters) -> tuple[Problem, ...]:
    """Specificities that the federal lists in force on the row's first day do not allow (law.md 8.3); they do not stop a run."""
    found = []
    for row in agreement.table("ksg").iter_rows(named=True):
        specificity = row["specificity5"] if row["uses_specificity"] else 10**5
        profile = str(row["code"]).split(".", maxsplit=1)[0]
        rules = (
            ("specificity_is_one", profile, specificity != 10**5),
            ("specificity_not_lowered", row["code"], specificity < 10**5),
            ("specificity_not_raised", row["code"], specificity > 10**5),
        )
        for name, listed, departs in rules:
            if departs and listed in _listed(law, f"tariffs.{name}", row["valid_from"]):
                file, line = str(row["source"]).split(":")
                found.append(Problem(file, int(line), "specificity", name, (("value", row["code"]),)))
    return tuple(sorted(found))


def _listed(law: Parameters, name: str, on: date) -> tuple[str, ...]:
    """Codes of a federal list on a day; none before the first edition that is known."""
    try:
        return tuple(law.value(name, on))
    except ParameterError:
        return ()
