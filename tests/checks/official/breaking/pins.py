"""Which change breaks which row, and what must fire with it? The pinned changes (breaks.yaml), and rows that cannot be broken.

    <book>:
      <row>: {in: <kind>.<scenario>[@<region>], edit: [[place, old, new], ...], with: [rows that must fire, too]}

`old` and `new` are texts or trees; ~ means that the element is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tests.checks.official.breaking.documents import Document, Edit
from tests.checks.official.breaking.scenarios import document, read

BREAKS: Final = Path(__file__).parent / "breaks.yaml"
UNBROKEN: Final = Path(__file__).parent / "unbroken.yaml"
NOTHING: Final = "~"


@dataclass(frozen=True)
class Break:
    """A row and the change that breaks it. `companions`: rows that must fire with it."""

    book: str
    row: str
    scenario: str
    edits: tuple[Edit, ...]
    companions: tuple[str, ...] = ()

    @property
    def document(self) -> Document:
        """The clean registry that is changed."""
        return document(self.scenario)

    @property
    def expected(self) -> frozenset[str]:
        """All rows that must fire."""
        return frozenset((self.row, *self.companions))


@cache
def breaks() -> tuple[Break, ...]:
    """All pinned changes, in the order of the file."""
    if not BREAKS.exists():
        return ()
    return tuple(
        Break(
            book, row, said["in"],
            tuple(Edit(place, _meant(old), _meant(new)) for place, old, new in said["edit"]), tuple(said.get("with", ())),
        )
        for book, rows in read(BREAKS).items()
        for row, said in rows.items()
    )  # fmt: skip


def unbroken() -> dict[str, str]:
    """Rows that no registry can break, and why."""
    return {row: why for why, rows in read(UNBROKEN).items() for row in rows} if UNBROKEN.exists() else {}


def _meant(value: Any) -> Any:
    return None if value == NOTHING else value


def written(found: Iterable[Break]) -> str:
    """The text of breaks.yaml, one row a line, sorted."""
    lines = [
        "# Changes of clean registries that break one row of the official check books each (pins.py says how they are written)."
    ]
    book = ""
    for one in sorted(found, key=lambda item: (item.book, item.row)):
        if one.book != book:
            book = one.book
            lines.append(f"{book}:")
        edits = ", ".join(f"[{_flow(edit.place)}, {_flow(edit.old)}, {_flow(edit.new)}]" for edit in one.edits)
        beside = f", with: [{', '.join(sorted(one.companions))}]" if one.companions else ""
        lines.append(f"  {one.row}: {{in: {one.scenario}, edit: [{edits}]{beside}}}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, dict):
        return "{" + ", ".join(f"{tag}: {_flow(one)}" for tag, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    return yaml.safe_dump(str(value), default_style='"', allow_unicode=True, width=10**6).strip()
