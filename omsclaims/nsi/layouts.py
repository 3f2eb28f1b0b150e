"""How is each known book read? The layouts of keys.yaml: key, meaning, attributes, what a hole in it means (formats.md 13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml

#: The safe loader, in C where there is one: every command that reads a book waits for the layouts.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NAME: Final = re.compile(r"^([A-Z]\d{3})(?![A-Za-z0-9])", re.ASCII)
#: Columns of validity, in every form of a book; the first that is there counts.
BEGIN: Final = ("datebeg", "d_begin", "valid_from")
END: Final = ("dateend", "d_end", "valid_to")


@dataclass(frozen=True)
class Layout:
    """How one book is read; keys.yaml says what the parts are."""

    key: tuple[str, ...]
    name: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    scaled: Mapping[str, int] = field(default_factory=dict)
    strip: str = ""
    repeats: bool = False
    more: frozenset[str] | None = None
    needs: tuple[str, ...] = ()
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    always: tuple[str, ...] = ()
    ordinal: bool = False
    holes_listed: bool = False
    whole: bool = False
    headings: Mapping[str, str] = field(default_factory=dict)  # of a sheet: our attribute -> heading of its column
    of_year: bool = False  # an edition holds from a day on, as the workbook of a year does: in our layout that of its rows

    @property
    def published(self) -> frozenset[str] | None:
        """All columns that the book is known to have; None where we do not know them all."""
        if self.more is None:
            return None
        own = {*self.key, *self.name, *self.columns.values(), *self.needs, *self.always, *BEGIN[:2], *END[:2], *self.more}
        return frozenset(own.union(*self.lists.values()))

    def in_our_form(self) -> Layout:
        """The same book in the layout of the built-in ones: `code`, `valid_from`, attributes under our names, units as kept."""
        return replace(self, key=("code",), name=(), columns={}, scaled={}, strip="", more=None, needs=(), headings={})


@dataclass(frozen=True)
class Sheet:
    """A sheet of a grouper workbook as a book: `KSG.<setting>.<name>`, `columns` our attribute -> heading."""

    name: str
    title: str
    key: str
    meaning: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    scaled: Mapping[str, int] = field(default_factory=dict)
    groups: str = ""
    repeats: bool = False
    ordinal: bool = False
    whole: bool = False


@cache
def _raw() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("keys.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.load(text, Loader=_LOADER)  # noqa: S506
    return raw


def _texts(value: str | list[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


@cache
def layouts() -> dict[str, Layout]:
    """Layouts of the known books by name."""
    found = {}
    for name, entry in _raw()["books"].items():
        base = _raw()["check_book"] | entry if entry.get("check_book") else entry
        found[name] = Layout(
            key=(base["key"], *base.get("aliases", ())), name=_texts(base.get("name")), columns=base.get("columns", {}),
            scaled=base.get("scaled", {}), strip=base.get("strip", ""), repeats=base.get("repeats", False),
            more=frozenset(base["more"]) if "more" in base else None, needs=tuple(base.get("needs", ())),
            lists={ours: tuple(theirs) for ours, theirs in base.get("lists", {}).items()}, always=tuple(base.get("always", ())),
            ordinal=base.get("ordinal", False), holes_listed=base.get("holes") == "listed", whole=base.get("whole", False),
        )  # fmt: skip
    for sheet in sheets():
        layout = Layout(
            key=("code",), repeats=sheet.repeats, ordinal=sheet.ordinal, whole=sheet.whole, scaled=sheet.scaled,
            headings={**sheet.columns, "code": sheet.key}, of_year=True,
        )  # fmt: skip
        found |= {f"KSG.{setting}.{sheet.name}": layout for setting in settings().values()}
    return found


@cache
def sheets() -> tuple[Sheet, ...]:
    """Sheets of a grouper workbook that become books."""
    return tuple(Sheet(name, **entry) for name, entry in _raw()["workbook"]["sheets"].items())


@cache
def settings() -> dict[str, str]:
    """Beginning of the codes of groups -> setting in the name of the book: st -> ST."""
    return dict(_raw()["workbook"]["settings"])


@cache
def _by_type() -> dict[str, str]:
    """ZGLV/TYPE in lower case -> name of the book."""
    return {kind.lower(): name for name, entry in _raw()["books"].items() for kind in entry.get("type", ())}


@cache
def _by_file() -> dict[str, str]:
    """Name of a file in lower case, without `_partial` -> name of the book, where it is not the beginning of the name."""
    return {file.lower(): name for name, entry in _raw()["books"].items() for file in entry.get("files", ())}


def name_of(kind: str | None, file_name: str) -> str | None:
    """Name of the book by the type in the header, else by the name of the file; None where neither says it."""
    if kind:
        known = _by_type().get(kind.lower())
        if known is not None or kind.upper() in layouts():
            return known or kind.upper()
    stem = Path(file_name).stem.lower().removesuffix("_partial")
    if stem in _by_file():
        return _by_file()[stem]
    if stem.upper() in layouts():
        return stem.upper()
    match = _NAME.match(Path(file_name).stem.upper().replace("_", " "))
    return match[1] if match else None


def is_partial(file_name: str) -> bool:
    """Whether the name of a file says that only a part of the book is in it."""
    return "partial" in Path(file_name).stem.lower()
