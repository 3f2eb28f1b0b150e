"""What does the law say on a date? Federal parameters: dated values, each with its reference and how sure it is.

A parameter stands in a YAML file of `parameters/`; its name is the file's stem and its key (`reserves.split`). Its values
stand by the date from which they hold; `value: null` ends it. How sure, as in the notes on the law: `read` (in the text of the
document), `reproduced` (a published table was reproduced), `copy` (read in a copy), `code` (read in a production system),
`unconfirmed` (known to the trade, text not seen).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from omsclaims import messages

#: The safe loader in C where there is one: every command that needs the law waits for it.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
UNCONFIRMED: Final = "unconfirmed"
SURENESS: Final = ("read", "reproduced", "copy", "code", UNCONFIRMED)
#: A parameter in the sources of a result.
_SOURCE: Final = re.compile(r"law:([a-z_0-9]+\.[a-z_0-9]+)@([0-9]{4}-[0-9]{2}-[0-9]{2})")


class ParameterError(LookupError):
    """A parameter is unknown or has no value on the date asked for."""

    def __init__(self, name: str, on: date) -> None:
        super().__init__(f"the parameter {name} has no value on {on}")
        self.name = name
        self.on = on


class ParameterFileError(ValueError):
    """A parameter file is malformed; the message names file and parameter."""


class DatedValue(BaseModel):
    """One value of a parameter and since when it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    since: date
    value: Any
    reference: str
    sure: str
    known_on: date | None = None  # when the act was published, where it differs from `since`

    @model_validator(mode="after")
    def _complete(self) -> DatedValue:
        if not self.reference.strip():
            raise ValueError("a value needs a reference")
        if self.sure not in SURENESS:
            raise ValueError(f"sure must be one of {SURENESS}")
        return self


class Parameter(BaseModel):
    """A parameter: meaning in both languages, unit, and its values in order of time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    meaning_ru: str
    meaning_en: str
    unit: str
    values: tuple[DatedValue, ...]

    @model_validator(mode="after")
    def _ordered(self) -> Parameter:
        dates = [value.since for value in self.values]
        if not dates or dates != sorted(set(dates)):
            raise ValueError("values must stand in order of time, each date once, at least one")
        return self


@dataclass(frozen=True, slots=True)
class Used:
    """A value as it was used: name, value, since when, reference, how sure."""

    name: str
    value: Any
    since: date
    reference: str
    sure: str

    @property
    def source(self) -> str:
        """As sources of results name it: `law:<name>@<since>`."""
        return f"law:{self.name}@{self.since}"


@dataclass(frozen=True)
class Parameters:
    """All federal parameters, by name.

    asked  sources (`law:<name>@<since>`) of the values given out so far, where that is noted (`noting`)
    """

    by_name: dict[str, Parameter]
    asked: set[str] | None = field(default=None, compare=False, repr=False)

    def noting(self) -> Parameters:
        """The same parameters that note what is asked for: a run then can say what it stands on."""
        return Parameters(self.by_name, set())

    def use(self, name: str, on: date) -> Used:
        """The value of `name` in force on a date, with its reference. Raises ParameterError when there is none."""
        parameter = self.by_name.get(name)
        if parameter is None:
            raise ParameterError(name, on)
        held = [value for value in parameter.values if value.since <= on]
        if not held or held[-1].value is None:
            raise ParameterError(name, on)
        last = held[-1]
        used = Used(name, last.value, last.since, last.reference, last.sure)
        if self.asked is not None:
            self.asked.add(used.source)
        return used

    def value(self, name: str, on: date) -> Any:
        """The bare value of `name` on a date (see `use`)."""
        return self.use(name, on).value

    def named(self, sources: Iterable[str | None]) -> tuple[Used, ...]:
        """The parameters that sources name (`law:<name>@<since>`, alone or joined by `;`), each once, by name and day.

        What names no value known here is left out: sources of agreements, parameters of an older program.
        """
        found: dict[tuple[str, date], Used] = {}
        for name, since in _SOURCE.findall(";".join(filter(None, sources))):
            for value in self.by_name[name].values if name in self.by_name else ():
                if str(value.since) == since and value.value is not None:
                    found[name, value.since] = Used(name, value.value, value.since, value.reference, value.sure)
        return tuple(found[key] for key in sorted(found))

    def unconfirmed(self, sources: Iterable[str | None]) -> tuple[Used, ...]:
        """Those of the parameters that sources name whose text nobody has seen: every output that used one must say so."""
        return tuple(used for used in self.named(sources) if used.sure == UNCONFIRMED)

    def with_value(self, name: str, since: date, value: Any, reference: str) -> Parameters:
        """The same parameters with another value of one from a day on, until its next value (what-if). Raises ParameterError."""
        if name not in self.by_name:
            raise ParameterError(name, since)
        parameter = self.by_name[name]
        others = tuple(dated for dated in parameter.values if dated.since != since)
        changed = DatedValue(since=since, value=value, reference=reference, sure=UNCONFIRMED)
        values = tuple(sorted((*others, changed), key=lambda dated: dated.since))
        return Parameters({**self.by_name, name: parameter.model_copy(update={"values": values})}, self.asked)


def read_parameter_file(path: Path | Any) -> dict[str, Parameter]:
    """Parameters of one YAML file, named `<stem>.<key>`. Raises ParameterFileError naming file and parameter."""
    stem = Path(path.name).stem
    found: dict[str, Parameter] = {}
    raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader
    for key, body in (raw or {}).items():
        try:
            found[f"{stem}.{key}"] = Parameter.model_validate(body)
        except ValidationError as error:
            raise ParameterFileError(f"{path.name}: {key}: {error}") from error
    return found


@cache
def federal_parameters() -> Parameters:
    """The parameters that come with the program (`omsclaims/law/parameters/*.yaml`)."""
    by_name: dict[str, Parameter] = {}
    folder = resources.files("omsclaims") / "law" / "parameters"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yaml"):
            by_name.update(read_parameter_file(entry))
    return Parameters(by_name)


def unconfirmed(sources: Iterable[str | None], law: Parameters | None = None) -> tuple[Used, ...]:
    """`Parameters.unconfirmed` of the parameters that come with the program, or of others (an overlay)."""
    return (federal_parameters() if law is None else law).unconfirmed(sources)


def unconfirmed_lines(sources: Iterable[str | None], lang: str, law: Parameters | None = None) -> list[str]:
    """A sentence for each unconfirmed parameter that the sources name: what every output that used one prints; [] for none."""
    known = federal_parameters() if law is None else law
    return [mark(used, lang, known) for used in known.unconfirmed(sources)]


def mark(used: Used, lang: str, law: Parameters | None = None) -> str:
    """The sentence on one unconfirmed parameter: its meaning, name, since when, reference."""
    parameter = (federal_parameters() if law is None else law).by_name[used.name]
    meaning = parameter.meaning_ru if lang == "ru" else parameter.meaning_en
    said = {"name": used.name, "since": used.since, "meaning": meaning, "reference": used.reference}
    return messages.text("law.unconfirmed", lang, **said)
