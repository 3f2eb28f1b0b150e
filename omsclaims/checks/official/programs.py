"""Which rows of a book are executed on a file of a kind, in a reporting month, in a region? Programs, made once and kept.

Rows are chosen by the reporting period (checks.md 1.4a.10): those in force on its last day. Of the regional rows only those of
the region itself are executed; the others are listed as such.
"""

from __future__ import annotations

from typing import Final

from omsclaims.checks.official.compiling import Program, Skipped, compiled, concerns
from omsclaims.checks.official.resolve import Editions
from omsclaims.checks.official.rows import CheckRow, check_rows
from omsclaims.nsi import Book
from omsclaims.periods import Month

#: Rows that hold for everyone.
FEDERAL: Final = "00"
#: Editions and programs of this process: a later run with the same rows finds them made.
_EDITIONS: list[tuple[Book, list[CheckRow]]] = []
_PROGRAMS: dict[tuple[int, tuple[str, ...], str, str, str], Program] = {}


def _edition(book: Book) -> int:
    """The number of an edition in this process: the same for the same rows, however often they are loaded."""
    for number, (known, _) in enumerate(_EDITIONS):
        if known is book or (known.name == book.name and known.rows.equals(book.rows)):
            return number
    _EDITIONS.append((book, check_rows(book)))
    return len(_EDITIONS) - 1


def rows_of(book: Book) -> list[CheckRow]:
    """The rows of an edition, read once."""
    return _EDITIONS[_edition(book)][1]


def in_force(rows: list[CheckRow], month: Month) -> list[CheckRow]:
    """Rows in force on the last day of a reporting month."""
    return [row for row in rows if row.valid_from <= month.last and (row.valid_to is None or row.valid_to >= month.last)]


def of(book: Book, editions: Editions, kind: str, month: Month, territory: str) -> Program:
    """The program of a book for files of a kind and pair of editions, in a month and region."""
    edition = _edition(book)
    key = (edition, editions.key, kind, str(month), territory)
    found = _PROGRAMS.get(key)
    if found is None:
        active = in_force(_EDITIONS[edition][1], month)
        ours = [row for row in active if row.region in (FEDERAL, territory)]
        others = [row for row in active if row.region not in (FEDERAL, territory) and concerns(row, kind)]
        made = compiled(ours, editions, kind)
        elsewhere = tuple(Skipped(row, "not_applicable", "other_region", row.region) for row in others)
        found = _PROGRAMS[key] = Program(made.checks, (*made.skipped, *elsewhere))
    return found
