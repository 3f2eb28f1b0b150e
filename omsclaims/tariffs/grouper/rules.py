"""Which rules choose a group, and since when? exceptions.yaml and codes.yaml, checked (checks.md 3.2-3.3; law.md 8.1, 8.6).

They are data: another year or territory gives its own file to `load_rules`, and nothing here changes.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from omsclaims.law import SURENESS

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RulesError(ValueError):
    """A table of rules is malformed: a defect of the data that came with the program or was given to it."""


def _words(value: Any) -> Any:
    """Lists of codes may be written as one text with blanks between them."""
    return tuple(value.split()) if isinstance(value, str) else value


Codes = Annotated[tuple[str, ...], BeforeValidator(_words)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Dated(_Model):
    """What every row has: since when (by the day on which the case ended), until when, from where, how sure."""

    since: date
    until: date | None = None
    reference: str
    sure: str

    @model_validator(mode="after")
    def _complete(self) -> _Dated:
        if not self.reference.strip() or self.sure not in SURENESS:
            raise ValueError(f"a row needs a reference, and sure one of {SURENESS}")
        if self.until is not None and self.until < self.since:
            raise ValueError("a row ends before it begins")
        return self


class OfRow(_Model):
    """What a choice asks of the row of the workbook that applied."""

    service_begins: Codes = ()
    service_not: Codes = ()
    duration: Codes = ()


class Regions(_Model):
    """How many lists of injuries the diagnoses of a case must touch, or the list that is enough by itself."""

    at_least: int
    or_any: str


class Choice(_Dated):
    """An exception or priority of the choice: when it applies to a candidate (exceptions.yaml says what each field means)."""

    settings: tuple[Literal["ksg_inpatient", "ksg_day"], ...] = ("ksg_inpatient", "ksg_day")
    groups: Codes = ()
    row: OfRow = OfRow()
    main_begins: Codes = ()
    services_any: Codes = ()
    services_none: Codes = ()
    diagnoses_any: Codes = ()
    criteria: tuple[str, str] | None = None
    regions: Regions | None = None
    results_not: tuple[int, ...] = ()
    first_of_stay: bool | None = None
    if_possible: Codes = ()
    unless_possible: Codes = ()


class Sooner(_Model):
    """Diagnoses for which fewer days are enough."""

    days: int
    diagnoses: Codes


class Beside(_Dated):
    """A reason to pay a group beside the dearest one of a stay."""

    chapter: bool = False
    interrupts: bool = False
    either: Codes = ()
    both: Codes = ()
    before: Codes = ()
    after: Codes = ()
    days: int | None = None
    sooner: Sooner | None = None

    @model_validator(mode="after")
    def _one_reason(self) -> Beside:
        kinds = [self.chapter, bool(self.either), bool(self.both), bool(self.before)]
        if sum(kinds) != 1 or bool(self.before) != (bool(self.after) and self.days is not None):
            raise ValueError("a row of `beside` has one of: chapter, either, both, before with after and days")
        return self


class NormDays(_Dated):
    """Groups whose stay has a norm of days in its criterion."""

    groups: Codes


class Rules(_Model):
    """All tables of exceptions.yaml; the order of the rows is that of the file."""

    exceptions: dict[str, Choice]
    priorities: dict[str, Choice]
    trauma: dict[str, Codes]
    beside: dict[str, Beside]
    chapters: tuple[tuple[str, str], ...]
    norm_days: NormDays

    @model_validator(mode="after")
    def _known_lists(self) -> Rules:
        for name, choice in {**self.exceptions, **self.priorities}.items():
            if choice.regions is not None and choice.regions.or_any not in self.trauma:
                raise ValueError(f"{name}: there is no list {choice.regions.or_any}")
        return self

    def choices(self) -> list[tuple[str, Choice, bool]]:
        """(id, row, whether it is an exception), exceptions first."""
        return [(name, row, True) for name, row in self.exceptions.items()] + [
            (name, row, False) for name, row in self.priorities.items()
        ]

    def dated(self, name: str) -> _Dated:
        """The row of an id, whichever table it stands in. Raises KeyError."""
        for table in (self.exceptions, self.priorities, self.beside):
            if name in table:
                return table[name]
        raise KeyError(name)


class Bounds(_Model):
    """Days or years of an age code, both bounds included; one bound: open above."""

    days: tuple[int, ...] = ()
    years: tuple[int, ...] = ()


class CodeBook(_Model):
    """What the codes of the columns age, duration and fractions mean."""

    since: date
    reference: str
    ages: dict[int, Bounds]
    durations: dict[int, tuple[int, ...]]
    fractions: dict[str, tuple[int, ...]]


def _read(text: str, name: str, model: type[_Model]) -> Any:
    try:
        return model.model_validate(yaml.load(text, Loader=_LOADER))  # noqa: S506
    except (ValidationError, yaml.YAMLError) as error:
        raise RulesError(f"{name}: {error}") from error


def load_rules(path: Path) -> Rules:
    """The rules of a file like exceptions.yaml. Raises RulesError, which names the row."""
    rules: Rules = _read(path.read_text(encoding="utf-8"), path.name, Rules)
    return rules


@cache
def rules() -> Rules:
    """The rules that come with the program."""
    found: Rules = _read(_own("exceptions.yaml"), "exceptions.yaml", Rules)
    return found


@cache
def codes() -> CodeBook:
    """The codes that come with the program."""
    found: CodeBook = _read(_own("codes.yaml"), "codes.yaml", CodeBook)
    return found


def _own(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def source_of(name: str, row: _Dated) -> str:
    """How a row is named among the sources of a result: grouper:<id>@<since>."""
    return f"grouper:{name}@{row.since}"


def listed(group: str, groups: tuple[str, ...]) -> bool:
    """Whether a group is one of those listed, or begins like one that ends with a point."""
    return any(group == one or (one.endswith(".") and group.startswith(one)) for one in groups)
