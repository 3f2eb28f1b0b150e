"""Which rows fire on a document? Through real bytes: archive -> reading -> check books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from omsclaims.checks.official.compiling import Program, compiled
from omsclaims.checks.official.lines import Lines
from omsclaims.checks.official.resolve import Editions
from omsclaims.checks.official.running import Execution, run
from omsclaims.nsi import Books
from omsclaims.registry import formats
from omsclaims.registry.reader import PackageRead, read_package
from tests.checks.official.breaking import shelf
from tests.checks.official.breaking.documents import Document, archive

#: A row: its book and id.
RowId = tuple[str, str]


@dataclass(frozen=True)
class Replayed:
    """What came of a document: the rows that fired, and what became of each row."""

    fired: frozenset[RowId]
    executed: frozenset[RowId]
    told: tuple[Execution, ...]


@cache
def program(kind: str, main: str, person: str | None, region: str) -> tuple[Program, Books]:
    """The rows of the federal books, and of the region's own, for files of two editions; and the books that they need."""
    editions = Editions(formats.get(main), formats.get(person) if person else None)
    made = compiled([row for row in shelf.rows() if row.region in ("00", region)], editions, kind)
    return made, shelf.books(made.checks)


def program_of(document: Document) -> tuple[Program, Books]:
    """The rows that hold for a document."""
    person = document.person.id if document.person is not None else None
    return program(document.kind, document.main.id, person, document.region)


def read(document: Document) -> PackageRead:
    """The document as it is read."""
    data, name = archive(document)
    return read_package(data, name)


def lines(document: Document) -> Lines:
    """The lines of the document for the checks; the editions are those that the document was made for."""
    made = read(document)
    editions = Editions(document.main, document.person)
    return Lines(made.tables, editions, program_of(document)[1], made.name, date.fromisoformat(document.today))


def replayed(document: Document) -> Replayed:
    """The rows that fire on a document."""
    _, told = run(program_of(document)[0], lines(document))
    fired = frozenset((one.book, one.row) for one in told if one.findings)
    return Replayed(fired, frozenset((one.book, one.row) for one in told if one.executed), tuple(told))
