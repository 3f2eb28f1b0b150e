"""How much of a check book is executed? Every active row with what became of it: compiled, corrected, by hand, or why not.

A row counts as executed when it can be executed on the files of some kind and edition that it is about. Whether the classifiers
that it looks into are loaded is another question, told beside it: `needs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from omsclaims.checks.official.compiling import Check, Skipped, concerns, one
from omsclaims.checks.official.resolve import Editions
from omsclaims.checks.official.rows import CheckRow
from omsclaims.registry import formats

#: Kinds of files that rows can be about; a file of persons comes with H T C X.
KINDS: Final = ("H", "T", "C", "X", "R", "D", "A")
_WITH_PERSONS: Final = frozenset("HTCX")
EXECUTED: Final = frozenset({"compiled", "corrected", "by_hand", "control"})


@dataclass(frozen=True, slots=True)
class Covered:
    """One row of a book. `on`: the kind and edition that it is executed on, or the last that was tried; `needs`: its books."""

    row: CheckRow
    way: str
    why: str = ""
    what: str = ""
    on: str = ""
    needs: tuple[str, ...] = ()

    @property
    def executed(self) -> bool:
        """Whether there is an edition on which it is executed."""
        return self.way in EXECUTED


def active(rows: Iterable[CheckRow], on: date) -> list[CheckRow]:
    """Rows in force on a date."""
    return [row for row in rows if row.valid_from <= on and (row.valid_to is None or row.valid_to >= on)]


@cache
def editions_of(kind: str, month: str) -> tuple[Editions, ...]:
    """Pairs of editions of a kind: those in force in a month first, the newest before the older, then all others."""
    found = []
    for format_id in formats.format_ids():
        main = formats.get(format_id)
        if kind not in main.kinds:
            continue
        period = min(max(month, main.period_from), main.period_to or "9999-12")
        person = formats.find_format("L", None, period).format if kind in _WITH_PERSONS else None
        in_force = main.period_from <= month <= (main.period_to or "9999-12")
        found.append(((not in_force, main.unconfirmed, _backwards(main.period_from)), Editions(main, person)))
    return tuple(pair for _, pair in sorted(found, key=lambda item: item[0]))


def _backwards(month: str) -> int:
    return -int(month.replace("-", ""))


def covered(rows: Iterable[CheckRow], on: date) -> list[Covered]:
    """What becomes of the rows in force on a date, in their order."""
    return [_covered(row, f"{on:%Y-%m}") for row in active(rows, on)]


def _covered(row: CheckRow, month: str) -> Covered:
    last = Covered(row, "failed", "no_kind", ", ".join(sorted(row.kinds)))
    for kind, editions in _pairs(row, month):
        made = one(row, editions)
        told = f"{kind} {editions.main.id}"
        if isinstance(made, Check):
            return Covered(row, made.way, on=told, needs=tuple(sorted({book for book, _ in made.books})))
        assert isinstance(made, Skipped)
        if last.why in ("no_kind", "no_element", "no_person_file") or made.way == "failed":
            last = Covered(row, made.way, made.why, made.what, told)
    return last


def _pairs(row: CheckRow, month: str) -> Iterator[tuple[str, Editions]]:
    for kind in KINDS:
        if concerns(row, kind):
            for editions in editions_of(kind, month):
                yield kind, editions
