"""What if a rate, a level or a rule were another? An overlay laid over an agreement and the law; neither is changed.

An overlay is a YAML file:

    title: "base rate one per cent higher"
    agreement:
      - {table: base_rates, where: {setting: ksg_inpatient}, multiply: {rate: 1.01}, from: 2022-03-01}
      - {table: clinics, where: {mo: "750001", setting: ksg_inpatient}, set: {level: "2"}}
      - {table: kslp, add: {idsl: 7, value: 0.3, uses_territorial: 1}}
      - {table: kslp, where: {idsl: 2}, remove: yes}
    options: {norms: {floor: both}}
    law:
      - {name: tariffs.short_stay_days, value: 2, since: 2022-01-01}

`set` and `multiply` change columns of the rows that `where` finds, on the days `from`-`to` (open: as long as the row holds); a
product is rounded half up to the decimals of its column. Every name that there is not, every value that does not fit, every rule
that the changed agreement would break is a problem with its line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from omsclaims.law import ParameterError, Parameters
from omsclaims.law.agreement import loading
from omsclaims.law.agreement.model import Agreement, AgreementError, Head, Problem
from omsclaims.law.agreement.percapita import LOOKED_AT, per_capita_problems
from omsclaims.law.agreement.rows import (
    FILES,
    SECTIONS,
    Day,
    Read,
    Row,
    TableSpec,
    cell_text,
    decimals_of,
    frame_column,
    key_text,
    spec_of,
)
from omsclaims.money import round_fraction

#: File of changed rows in sources, whatever the overlay itself is called.
SOURCE_FILE: Final = "overlay.yaml"
#: Options that an overlay may change: what else the head says is who and when, or is no matter of prices.
OPTIONS: Final = ("exam_age", "financing", "norms", "volumes")
#: `grouper` is for those who group (tariffs.grouper.overlay): it is not looked at here.
_KEYS: Final = ("title", "agreement", "options", "law", "grouper")
_ENTRY: Final = ("table", "where", "set", "multiply", "add", "remove", "from", "to", "why")
_LAW: Final = ("name", "value", "since", "why")
_FACTOR: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,10})?")
_Lines = dict[tuple[str | int, ...], int]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing changed: a value of a row, a row added or removed (`column` empty), an option, or a federal parameter.

    table  table of the agreement; `agreement` for an option, `law` for a federal parameter (its name is the key)
    """

    table: str
    key: str
    column: str
    before: str | None
    after: str | None
    valid_from: date
    valid_to: date | None
    source: str
    why: str


@dataclass
class _Work:
    """An overlay at work: rows of the tables touched so far, problems, changes."""

    file: str
    head: Head
    agreement: Agreement
    law: Parameters
    lines: _Lines
    rows: dict[str, list[Read]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def line(self, path: tuple[str | int, ...]) -> int:
        """Line of a path of the file, or of what holds it."""
        return next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), 1)

    def problem(self, path: tuple[str | int, ...], column: str, code: str, **params: object) -> None:
        """Notes a problem at the line of a path of the file."""
        said = tuple(sorted((name, str(value)) for name, value in params.items()))
        self.problems.append(Problem(self.file, self.line(path), column, code, said))

    def unknown(self, path: tuple[str | int, ...], name: str, known: list[str]) -> None:
        """A name that there is not, with the nearest ones that there are."""
        near = difflib.get_close_matches(name, known, n=3) or sorted(known)[:8]
        self.problem(path, name, "unknown_name", value=name, known=", ".join(near))


def apply_overlay(agreement: Agreement, law: Parameters, path: Path | str) -> tuple[Agreement, Parameters, list[Change]]:
    """The agreement and the federal parameters as an overlay would have them, and what it changes, in its order.

    Changed rows have the source `overlay.yaml:<line>` and `why` (else the title) as their reference; changed parameters are
    marked unconfirmed. Raises AgreementError with all problems; an overlay that changes nothing, the grouper neither, is one.
    """
    file = Path(path)
    raw, native, lines, problems = _read(file)
    work = _Work(file.name, agreement.head, agreement, law, lines, problems=problems)
    for key in raw:
        if key not in _KEYS:
            work.unknown((key,), key, list(_KEYS))
    title = str(raw.get("title") or file.stem)
    for i, entry in enumerate(_listed(work, raw, "agreement")):
        _entry(work, ("agreement", i), entry, title)
    _options(work, raw.get("options"), title)
    for i, entry in enumerate(_listed(work, native, "law")):
        _parameter(work, ("law", i), entry, title)
    changed = _checked(work, file)
    if not work.problems and not work.changes and not raw.get("grouper"):
        work.problem((), "agreement", "overlay_empty")
    if work.problems:
        raise AgreementError(file.name, work.problems)
    return changed, work.law, work.changes


def read_overlay(path: Path) -> tuple[dict[str, Any], Mapping[tuple[str | int, ...], int], list[Problem]]:
    """An overlay with every value as text, the line of each path in it, and what is wrong with the file as a file."""
    raw, _, lines, problems = _read(path)
    return raw, lines, problems


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any], _Lines, list[Problem]]:
    """The file twice: with every value as text (a rate must not become a float), and as YAML has it (parameters of the law)."""
    problems: list[Problem] = []
    lines: _Lines = {}
    text = loading.read_text(path, problems, lambda _: None)
    if text is None:
        return {}, {}, lines, problems or [Problem(path.name, 1, "", "no_overlay")]
    try:
        raw = loading.plain_yaml(text, path.name, lines, problems)
        native = _native(text, raw)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        return {}, {}, lines, [Problem(path.name, mark.line + 1 if mark else 1, "", "not_yaml")]
    if not isinstance(raw, dict) or not isinstance(native, dict):
        return {}, {}, lines, problems or [Problem(path.name, 1, "", "not_yaml")]
    return raw, native, lines, problems


def _native(text: str, raw: Any) -> Any:
    """The file as YAML has it, where it changes federal parameters; an impossible date elsewhere is told by its own line."""
    return yaml.safe_load(text) if isinstance(raw, dict) and raw.get("law") else {}


def _listed(work: _Work, raw: Mapping[str, Any], key: str) -> list[Any]:
    value = raw.get(key) or []
    if not isinstance(value, list):
        work.problem((key,), key, "not_a_list")
        return []
    return value


# ---- rows of the agreement -------------------------------------------------------------------------------------------------


def _entry(work: _Work, path: tuple[str | int, ...], entry: Any, title: str) -> None:
    """One entry of `agreement`."""
    if not isinstance(entry, dict) or "table" not in entry:
        work.problem(path, "table", "missing")
        return
    name = str(entry["table"])
    if name not in SECTIONS and name not in FILES:
        work.unknown((*path, "table"), name, [*SECTIONS, *FILES])
        return
    for key in entry:
        if key not in _ENTRY:
            work.unknown((*path, key), key, list(_ENTRY))
    spec = spec_of(name)
    why = str(entry.get("why") or title)
    days = _days(work, path, entry)
    wanted = {key for key in ("set", "multiply", "add", "remove") if key in entry}
    if days is None:
        return
    if wanted not in ({"set"}, {"multiply"}, {"set", "multiply"}, {"add"}, {"remove"}):
        work.problem(path, name, "overlay_what")
        return
    if "remove" in wanted and str(entry["remove"]).lower() not in ("yes", "true", "1"):
        work.problem((*path, "remove"), "remove", "not_a_flag", value=entry["remove"])
        return
    rows = work.rows.setdefault(name, _reads(work.agreement, name))
    source = Read(SOURCE_FILE, work.lines.get(path, 1), Row())
    if "add" in entry:
        _add(work, (*path, "add"), name, entry["add"], days, replace(source, row=Row(reference=why)))
        return
    found = _found(work, (*path, "where"), spec, rows, entry.get("where") or {}, days)
    if found is None:
        return
    if not found:
        shown = ", ".join(f"{column}={value}" for column, value in (entry.get("where") or {}).items())
        work.problem((*path, "where"), name, "overlay_no_row", value=shown or "*")
        return
    updates = _updates(work, path, spec, entry)
    if updates is None:
        return
    work.rows[name] = _changed(work, name, rows, found, updates, "remove" in entry, days, source.line, why)


def _days(work: _Work, path: tuple[str | int, ...], entry: Mapping[str, Any]) -> tuple[date, date] | None:
    """The days on which a change holds; those of the agreement where nothing is said."""
    days = {"from": work.head.valid_from, "to": work.head.valid_to}
    for key in days:
        if key in entry:
            try:
                days[key] = TypeAdapter(Day).validate_python(entry[key])
            except ValidationError:
                work.problem((*path, key), key, "not_a_date", value=entry[key])
                return None
    if days["from"] > days["to"] or days["to"] < work.head.valid_from or days["from"] > work.head.valid_to:
        work.problem(path, "from", "validity")
        return None
    return max(days["from"], work.head.valid_from), min(days["to"], work.head.valid_to)


def _reads(agreement: Agreement, name: str) -> list[Read]:
    """Rows of a table as models again: values as they are in the frame, nothing is checked twice."""
    spec = spec_of(name)
    columns = {column: frame_column(spec.row, column) for column in spec.row.model_fields}
    found = []
    for row in agreement.table(name).iter_rows(named=True):
        file, line = str(row["source"]).split(":")
        found.append(Read(file, int(line), spec.row.model_construct(**{name: row[at] for name, at in columns.items()})))
    return found


def _found(
    work: _Work, path: tuple[str | int, ...], spec: TableSpec, rows: list[Read], where: Any, days: tuple[date, date]
) -> list[Read] | None:
    """Rows that `where` finds and that hold on some of the days; None with a problem for a column that there is not."""
    if not isinstance(where, dict):
        work.problem(path, "where", "bad_value", value=where)
        return None
    conditions = {}
    for column, text in where.items():
        if column not in spec.row.model_fields:
            work.unknown((*path, column), column, list(spec.row.model_fields))
            return None
        if spec.expand.get(column, ("", ()))[0] != text:  # `*` finds every value
            conditions[column] = _value(work, (*path, column), spec.row, column, text)
            if conditions[column] is _BAD:
                return None
    return [
        read
        for read in rows
        if all(getattr(read.row, column) == value for column, value in conditions.items())
        and _begin(read.row) <= days[1]
        and days[0] <= _end(read.row)
    ]


_BAD: Final = object()


def _value(work: _Work, path: tuple[str | int, ...], model: type[BaseModel], column: str, text: Any) -> Any:
    """A checked value of a column; `_BAD` with a problem where it does not fit."""
    about = model.model_fields[column]
    if text in (None, "") and not about.is_required():
        return about.default
    form: Any = Annotated[about.annotation, *about.metadata] if about.metadata else about.annotation
    try:
        return TypeAdapter(form).validate_python(text)
    except ValidationError as error:
        work.problems.append(loading.problem_of(work.file, work.line(path), column, error.errors()[0]))
        return _BAD


_Updates = dict[str, tuple[str, Any]]


def _updates(work: _Work, path: tuple[str | int, ...], spec: TableSpec, entry: Mapping[str, Any]) -> _Updates | None:
    """column -> (set, value) or (multiply, factor); None with problems."""
    found: _Updates = {}
    before = len(work.problems)
    for how in ("set", "multiply"):
        wanted = entry.get(how) or {}
        if not isinstance(wanted, dict):
            work.problem((*path, how), how, "bad_value", value=wanted)
            continue
        for column, text in wanted.items():
            at = (*path, how, column)
            changeable = [name for name in spec.row.model_fields if name not in ("valid_from", "valid_to", "reference")]
            if column not in changeable:
                work.unknown(at, column, changeable)
            elif how == "set":
                found[column] = ("set", _value(work, at, spec.row, column, text))
            elif decimals_of(spec.row, column) is None or _FACTOR.fullmatch(str(text)) is None:
                work.problem(at, column, "overlay_factor", value=text)
            else:
                found[column] = ("multiply", Fraction(str(text)))
    return found if len(work.problems) == before else None


def _changed(
    work: _Work, name: str, rows: list[Read], found: list[Read], updates: _Updates, remove: bool,
    days: tuple[date, date], line: int, why: str,
) -> list[Read]:  # fmt: skip
    """The rows of a table after a change: a found row keeps the days outside those of the change."""
    spec = spec_of(name)
    touched = {id(read) for read in found}
    made: list[Read] = []
    for read in rows:
        if id(read) not in touched:
            made.append(read)
            continue
        begin, end = max(_begin(read.row), days[0]), min(_end(read.row), days[1])
        if _begin(read.row) < begin:
            made.append(replace(read, row=read.row.model_copy(update={"valid_to": begin - timedelta(days=1)})))
        if end < _end(read.row):
            made.append(replace(read, row=read.row.model_copy(update={"valid_from": end + timedelta(days=1)})))
        if remove:
            _note(work, name, read.row, "", _shown(spec, read.row), None, (begin, end), line, why)
            continue
        values: dict[str, Any] = {"valid_from": begin, "valid_to": end, "reference": why}
        for column, (how, value) in updates.items():
            old = getattr(read.row, column)
            new = value if how == "set" or old is None else round_fraction(Fraction(old) * value)
            values[column] = new
            if new != old:
                texts = [cell_text(spec.row, column, one) for one in (old, new)]
                _note(work, name, read.row, column, texts[0], texts[1], (begin, end), line, why)
                if how == "multiply":
                    _value(work, ("agreement",), spec.row, column, texts[1])  # within the bounds of the column?
        made.append(Read(SOURCE_FILE, line, read.row.model_copy(update=values)))
    return made


def _add(work: _Work, path: tuple[str | int, ...], name: str, cells: Any, days: tuple[date, date], like: Read) -> None:
    """A row more."""
    spec = spec_of(name)
    row = loading.checked_row(spec, work.file, work.lines.get(path, like.line), cells, work.problems)
    if row is None:
        return
    dated = {"valid_from": row.row.valid_from or days[0], "valid_to": row.row.valid_to or days[1]}
    dated_row = row.row.model_copy(update={**dated, "reference": row.row.reference or like.row.reference})
    for read in loading.expanded(spec, [Read(SOURCE_FILE, like.line, dated_row)]):
        work.rows[name].append(read)
        days_of = (_begin(read.row), _end(read.row))
        _note(work, name, read.row, "", None, _shown(spec, read.row), days_of, like.line, str(read.row.reference))


def _note(
    work: _Work, name: str, row: Row, column: str, before: str | None, after: str | None,
    days: tuple[date, date], line: int, why: str,
) -> None:  # fmt: skip
    key = key_text(spec_of(name), row.__dict__)
    work.changes.append(Change(name, key, column, before, after, days[0], days[1], f"{SOURCE_FILE}:{line}", why))


def _shown(spec: TableSpec, row: Row) -> str:
    texts = {column: cell_text(spec.row, column, getattr(row, column)) for column in spec.row.model_fields}
    skipped = (*spec.keys, "valid_from", "valid_to", "reference")
    return ", ".join(f"{column}={text}" for column, text in texts.items() if text and column not in skipped)


def _begin(row: Row) -> date:
    assert row.valid_from is not None
    return row.valid_from


def _end(row: Row) -> date:
    assert row.valid_to is not None
    return row.valid_to


# ---- options and federal parameters ----------------------------------------------------------------------------------------


def _options(work: _Work, wanted: Any, title: str) -> None:
    """Options of the head; those inside others one by one."""
    if wanted is None:
        return
    if not isinstance(wanted, dict):
        work.problem(("options",), "options", "bad_value", value=wanted)
        return
    for name, value in wanted.items():
        path: tuple[str | int, ...] = ("options", name)
        if name not in OPTIONS:
            work.unknown(path, name, list(OPTIONS))
            continue
        inside = getattr(work.head, name)
        if not isinstance(inside, BaseModel):
            _option(work, path, work.head, name, value, name, title)
            continue
        if not isinstance(value, dict):
            work.problem(path, name, "bad_value", value=value)
            continue
        for key, text in value.items():
            if key not in type(inside).model_fields:
                work.unknown((*path, key), key, list(type(inside).model_fields))
                continue
            inside = _option(work, (*path, key), inside, key, text, f"{name}.{key}", title)
        work.head = work.head.model_copy(update={name: inside})


def _option(work: _Work, path: tuple[str | int, ...], model: Any, name: str, text: Any, shown: str, title: str) -> Any:
    """A model with another value of a field; the change is noted, and made in the head where the field is the head's."""
    value = _value(work, path, type(model), name, text)
    old = getattr(model, name)
    if value is _BAD or value == old:
        return model
    line = work.lines.get(path, 1)
    source = f"{SOURCE_FILE}:{line}"
    days = (work.head.valid_from, work.head.valid_to)
    work.changes.append(Change("agreement", "", shown, str(old), str(value), days[0], days[1], source, title))
    changed = model.model_copy(update={name: value})
    if model is work.head:
        work.head = changed
    return changed


def _parameter(work: _Work, path: tuple[str | int, ...], entry: Any, title: str) -> None:
    """One entry of `law`: a federal parameter from a day on."""
    if not isinstance(entry, dict) or "name" not in entry or "value" not in entry:
        work.problem(path, "name" if not isinstance(entry, dict) or "name" not in entry else "value", "missing")
        return
    for key in entry:
        if key not in _LAW:
            work.unknown((*path, key), str(key), list(_LAW))
            return
    name, since = str(entry["name"]), entry.get("since", work.head.valid_from)
    if name not in work.law.by_name:
        work.unknown((*path, "name"), name, list(work.law.by_name))
        return
    if not isinstance(since, date):
        work.problem((*path, "since"), "since", "not_a_date", value=since)
        return
    try:
        old = work.law.value(name, since)
    except ParameterError:
        old = None
    like = old if old is not None else next(value.value for value in work.law.by_name[name].values if value.value is not None)
    if not _same_form(like, entry["value"]):
        work.problem((*path, "value"), name, "overlay_form", value=entry["value"], like=like)
        return
    why = str(entry.get("why") or title)
    work.law = work.law.with_value(name, since, entry["value"], why)
    source = f"law:{name}@{since}"
    before = None if old is None else str(old)
    work.changes.append(Change("law", name, "value", before, str(entry["value"]), since, None, source, why))


def _same_form(like: Any, value: Any) -> bool:
    """Whether a value has the form of another: kind, keys of mappings; decimals are text, as in the parameter files."""
    if isinstance(like, dict):
        return isinstance(value, dict) and set(value) == set(like) and all(_same_form(like[key], value[key]) for key in like)
    if isinstance(like, list):
        return isinstance(value, list) and all(not like or _same_form(like[0], item) for item in value)
    if like is None or value is None:
        return not isinstance(value, float)
    return type(like) is type(value)


# ---- the changed agreement -------------------------------------------------------------------------------------------------


def _checked(work: _Work, path: Path) -> Agreement:
    """The agreement with the changed tables and options, held against the rules of loading; problems are noted."""
    changed = replace(work.agreement, head=work.head)
    for name, rows in work.rows.items():
        work.problems.extend(loading.contradictions(spec_of(name), rows))
    if work.problems:
        return changed
    before = {name: _reads(work.agreement, name) for name in LOOKED_AT}
    after = {name: work.rows.get(name, before[name]) for name in LOOKED_AT}
    known = set(per_capita_problems(path, work.agreement.head, before))
    work.problems.extend(one for one in per_capita_problems(path, work.head, after) if one not in known)
    if "plan_lines" in work.rows:
        work.problems.extend(loading.plan_line_problems(work.rows["plan_lines"]))
    if work.problems:
        return changed
    for name, rows in work.rows.items():
        changed = changed.with_table(name, loading.frame_of(spec_of(name), rows, work.head))
    return changed
