"""Which rules of control are there? The catalogue: rules as data (order 231n, chapter 1 of the list of grounds; checks.md 2).

A rule of `control/<group>.yaml` says when it runs, on which level, with which ground and parameters; what it looks for is a
function registered under its id in the file of its group. Codes and parameters are dated by the date of care (Rules; law.md 0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Final

import polars as pl
import yaml

#: Order of the passes; each reads what the ones before refused.
PASSES: Final = ("registry", "person", "case", "patient", "history", "volumes")
LEVELS: Final = ("file", "case", "sl", "usl", "element")
#: What a rule needs to see, from the narrowest to the widest.
SCOPES: Final = ("file", "case", "sub-case", "service", "patient", "period", "history")
_SCOPE_OF_LEVEL: Final = {"file": "file", "case": "case", "sl": "sub-case", "usl": "service"}
_SCOPE_OF_PASS: Final = {"patient": "patient", "volumes": "period", "history": "history"}
#: What a cascade takes along: the cases of one person in one package, or the lines that belong to a stay.
CASCADES: Final = ("person", "stay")
#: Grounds are those of order 231n from this date of care on, of orders 230 and 36 before (law.md 0).
NEW_CODES_SINCE: Final = date(2021, 5, 25)


class CatalogueError(ValueError):
    """The catalogue of rules contradicts itself: a defect of the program's data."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A value of a parameter and the date of care from which it holds."""

    since: date
    value: Any


@dataclass(frozen=True)
class Parameters:
    """Parameters of one rule; the value in force on the date of care is taken row by row.

    day  the column with the date of care in the frame that the expressions are used on
    """

    rule: str
    by_name: Mapping[str, tuple[Dated, ...]]
    day: str = "date_z_2"

    def latest(self, name: str) -> Any:
        """The value in force last; for what has no date of care (which elements a rule looks at)."""
        return self._values(name)[-1].value

    def among(self, name: str, column: pl.Expr) -> pl.Expr:
        """Whether the column is one of the listed values."""
        return self._on_date(name, column.is_in)

    def number(self, name: str) -> pl.Expr:
        """The number of the parameter."""
        return self._on_date(name, lambda value: pl.lit(value, dtype=pl.Int64))

    def allowed(self, name: str, key: pl.Expr, column: pl.Expr) -> pl.Expr:
        """Whether the column is one of the values listed for the key; null for a key that is not listed."""

        def test(lists: Mapping[Any, list[int]]) -> pl.Expr:
            found = pl.lit(None, dtype=pl.Boolean)
            for listed, values in lists.items():
                found = pl.when(key == listed).then(column.is_in(values)).otherwise(found)
            return found

        return self._on_date(name, test)

    def in_ranges(self, name: str, diagnosis: pl.Expr) -> pl.Expr:
        """Whether the three-character category of a diagnosis lies in one of the ranges (string order, ends included)."""
        category = diagnosis.str.head(3)

        def test(ranges: list[list[str]]) -> pl.Expr:
            return pl.any_horizontal([(category >= low) & (category <= high) for low, high in ranges])

        return self._on_date(name, test)

    def _values(self, name: str) -> tuple[Dated, ...]:
        try:
            return self.by_name[name]
        except KeyError:
            raise CatalogueError(f"rule {self.rule} has no parameter {name}") from None

    def _on_date(self, name: str, of_value: Any) -> pl.Expr:
        """`of_value` of the value in force on the row's date of care; null before the first."""
        values = self._values(name)
        found: pl.Expr = pl.lit(None)
        for dated in values:
            found = pl.when(pl.col(self.day) >= dated.since).then(of_value(dated.value)).otherwise(found)
        return found


def shaped(value: Any, form: Any) -> Any:
    """A value written as text (numbers, too) in the form of another value of the same parameter.

    Lists have elements of the form of the first element, mappings keys and values of that of the first entry.
    Raises CatalogueError where it does not fit.
    """
    if isinstance(form, bool) or value is None:
        raise CatalogueError(f"{value} has not the form of {form}")
    if isinstance(form, int):
        if isinstance(value, int) or re.fullmatch(r"[0-9]{1,9}", str(value)):
            return int(value)
        raise CatalogueError(f"{value} is no whole number")
    if isinstance(form, str):
        if isinstance(value, str | int):
            return str(value)
    elif isinstance(form, list) and isinstance(value, list):
        return [shaped(item, form[0]) for item in value]
    elif isinstance(form, dict) and isinstance(value, dict) and value:
        key, item = next(iter(form.items()))
        return {shaped(name, key): shaped(given, item) for name, given in value.items()}
    raise CatalogueError(f"{value} has not the form of {form}")


@dataclass(frozen=True)
class Rule:
    """One rule of control, as the catalogue declares it.

    since, until  first and last date of care for which the rule holds; None: open (the date is DSCHET for a rule of a file)
    scope         what it needs to see: one of SCOPES
    same_as       rows of the federal books (Q015, Q016) that find the same, or a part of it
    enabled       False: off unless the agreement switches it on; `rule.<id>.off` of the messages says why
    covers        further rows of the control catalogue that are parameters or parts of this rule
    attributes    columns that it needs in its books, by book (of tables of the region: those of their layout)
    found_by      rules of other rooms that find it (structure S.*, prices); it has no predicate of its own
    cascade       what is taken along by what this and earlier passes refused: one of CASCADES, "" for a rule of its own
    """

    id: str
    passes: tuple[str, ...]
    group: str
    level: str
    code: str
    old_code: str
    element: str
    kinds: tuple[str, ...]
    books: tuple[str, ...]
    tables: tuple[str, ...]
    reference: str
    enabled: bool
    parameters: Parameters
    since: date | None = None
    until: date | None = None
    scope: str = "case"
    same_as: tuple[str, ...] = ()
    cascade: str = ""
    covers: tuple[str, ...] = ()
    found_by: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def holds(self, day: pl.Expr) -> pl.Expr | None:
        """Whether the rule holds for care on a day; None where it has no dates. A day that is not known is outside them."""
        tests = [day >= self.since] if self.since is not None else []
        tests += [day <= self.until] if self.until is not None else []
        return pl.all_horizontal(tests).fill_null(value=False) if tests else None


_KEYS: Final = frozenset(
    (
        "pass",
        "also",
        "level",
        "code",
        "old_code",
        "element",
        "kinds",
        "books",
        "tables",
        "reference",
        "enabled",
        "parameters",
        "since",
        "until",
        "scope",
        "same_as",
        "cascade",
        "covers",
        "found_by",
        "attributes",
    )
)
_ROW: Final = re.compile(r"[0-9]{3}[FK]\.[0-9]{2}\.[0-9]{4}")


def _rows_of_books(rule_id: str, given: list[str]) -> tuple[str, ...]:
    """Ids of rows of the federal books, each as it stands there (003K.00.0570)."""
    for row in given:
        if _ROW.fullmatch(row) is None:
            raise CatalogueError(f"rule {rule_id}: {row} is no id of a row of the federal books")
    return tuple(given)


def _scope(rule_id: str, raw: Mapping[str, Any], passes: tuple[str, ...]) -> str:
    """The scope as declared; else that of the widest pass, else that of the level."""
    found: str | None = raw.get("scope")
    if found is None:
        of_passes = [_SCOPE_OF_PASS[name] for name in passes if name in _SCOPE_OF_PASS]
        found = max(of_passes, key=SCOPES.index) if of_passes else _SCOPE_OF_LEVEL.get(raw["level"])
    if found not in SCOPES:
        raise CatalogueError(f"rule {rule_id}: a scope must be declared, one of {', '.join(SCOPES)}")
    return found


def _rule(rule_id: str, group: str, raw: Mapping[str, Any]) -> Rule:
    """One entry of the catalogue, checked."""
    unknown = set(raw) - _KEYS
    if unknown:
        raise CatalogueError(f"rule {rule_id}: unknown keys {sorted(unknown)}")
    passes = (raw["pass"], *raw.get("also", ()))
    if not set(passes) <= set(PASSES) or raw["level"] not in LEVELS:
        raise CatalogueError(f"rule {rule_id}: unknown pass or level")
    if not all(isinstance(raw[key], str) for key in ("code", "old_code", "element", "reference")):
        raise CatalogueError(f"rule {rule_id}: code, element, reference and group are texts (quote 1.5)")
    named = {
        name: tuple(Dated(entry["since"], entry["value"]) for entry in values)
        for name, values in raw.get("parameters", {}).items()
    }
    strange = {key for values in raw.get("parameters", {}).values() for entry in values for key in entry} - {"since", "value"}
    if strange:  # what is said of a value and not read would be lost
        raise CatalogueError(f"rule {rule_id}: unknown keys of a value {sorted(strange)}")
    for name, values in named.items():
        dates = [value.since for value in values]
        if not dates or dates != sorted(set(dates)):
            raise CatalogueError(f"rule {rule_id}: values of {name} must stand in order of time")
    if raw.get("cascade", "person") not in CASCADES:
        raise CatalogueError(f"rule {rule_id}: unknown cascade")
    return Rule(
        id=rule_id, passes=passes, group=group, level=raw["level"], code=raw["code"], old_code=raw["old_code"],
        element=raw["element"], kinds=tuple(raw.get("kinds", ())), books=tuple(raw.get("books", ())),
        tables=tuple(raw.get("tables", ())), reference=raw["reference"], enabled=bool(raw.get("enabled", True)),
        parameters=Parameters(rule_id, named), since=raw.get("since"), until=raw.get("until"),
        scope=_scope(rule_id, raw, passes), same_as=_rows_of_books(rule_id, raw.get("same_as", [])),
        cascade=raw.get("cascade", ""), covers=tuple(raw.get("covers", ())), found_by=tuple(raw.get("found_by", ())),
        attributes={book: tuple(columns) for book, columns in raw.get("attributes", {}).items()},
    )  # fmt: skip


#: The safe loader, in C where there is one: a check waits for the catalogue.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def rules() -> Mapping[str, Rule]:
    """All rules by id, group by group in the order of their files. Raises CatalogueError for an id that two groups declare."""
    found: dict[str, Rule] = {}
    for file in sorted(resources.files(__package__).joinpath("control").iterdir(), key=lambda item: item.name):
        group = file.name.removesuffix(".yaml")
        if group == file.name:
            continue
        for rule_id, raw in yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER).items():  # noqa: S506
            if rule_id in found:
                raise CatalogueError(f"rule {rule_id} is declared in {found[rule_id].group} and {group}")
            found[rule_id] = _rule(rule_id, group, raw)
    return found


def of_pass(name: str) -> tuple[Rule, ...]:
    """Rules of one pass. Raises ValueError for an unknown pass."""
    if name not in PASSES:
        raise ValueError(f"there is no pass {name!r}; passes are {', '.join(PASSES)}")
    return tuple(rule for rule in rules().values() if name in rule.passes)
