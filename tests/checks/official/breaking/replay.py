"""Which rows fire on a document? Through real bytes: archive -> reading -> check books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Final

import numpy as np

from omsclaims.checks.official import classifiers
from omsclaims.checks.official.compiling import Check, Program, compiled
from omsclaims.checks.official.lines import Lines
from omsclaims.checks.official.resolve import Editions
from omsclaims.checks.official.running import Execution, broken_rows, run
from omsclaims.nsi import Books
from omsclaims.registry import formats
from omsclaims.registry.bundle import Bundle
from omsclaims.registry.reader import PackageRead, read_package
from tests.checks.official.breaking import shelf
from tests.checks.official.breaking.documents import Document, Edit, Tree, archive, edited

#: A row: its book and id.
RowId = tuple[str, str]
Fired = frozenset[RowId]
#: Tables of the whole file: what fires on them cannot be said of one record.
WHOLE: Final = frozenset({"file", "person_file"})
_MOST: Final = 1500
_PEOPLE: Final = frozenset({"person", "dost", "dost_p"})


@dataclass(frozen=True)
class Replayed:
    """What came of a document: the rows that fired, and what became of each row."""

    fired: Fired
    executed: Fired
    told: tuple[Execution, ...]


@cache
def program(kind: str, main: str, person: str | None, region: str) -> tuple[Program, Books]:
    """The rows of the federal books, and of the region's own, for files of two editions; and the books that they need."""
    every = of_all_regions(kind, main, person)
    made = Program(*(tuple(one for one in part if one.row.region in ("00", region)) for part in (every.checks, every.skipped)))
    return made, shelf.books(made.checks)


@cache
def of_all_regions(kind: str, main: str, person: str | None) -> Program:
    """All rows of the books for files of two editions. Each row is compiled by itself: those of a region are a part of them."""
    return compiled(shelf.rows(), Editions(formats.get(main), formats.get(person) if person else None), kind)


def program_of(document: Document) -> tuple[Program, Books]:
    """The rows that hold for a document."""
    person = document.person.id if document.person is not None else None
    return program(document.kind, document.main.id, person, document.region)


def read(document: Document) -> PackageRead:
    """The document as it is read."""
    data, name = archive(document)
    return read_package(data, name)


def _read_as(document: Document, made: PackageRead) -> Document:
    """The document with the editions that its file was read as: a change of VERSION is a change of edition, too."""
    return replace(document, main=made.format or document.main, person=made.person_format or document.person)


def lines(document: Document, made: PackageRead) -> Lines:
    """The lines of a document, read, for the checks."""
    editions = Editions(document.main, document.person)
    return Lines(Bundle.one(made.name, made.tables), editions, program_of(document)[1], date.fromisoformat(document.today))


def replayed(document: Document) -> Replayed:
    """The rows that fire on a document."""
    made = read(document)
    document = _read_as(document, made)
    _, told = run(program_of(document)[0], lines(document, made))
    fired = frozenset((one.book, one.row) for one in told if one.findings)
    return Replayed(fired, frozenset((one.book, one.row) for one in told if one.executed), tuple(told))


# ---------------------------------------------------------------- many changes at a time


@dataclass(frozen=True)
class Together:
    """What fired when each change was made in a record of its own: change for change, and on the file as a whole."""

    each: tuple[Fired, ...]
    whole: Fired


def together(document: Document, number: int, changes: Sequence[tuple[Edit, ...]]) -> Together:
    """Changes inside record `number` (from 1) or its person, each made in a copy of the record, the copies sent in one file.

    The header of the file agrees with the records as they are before they are changed.
    """
    each: list[Fired] = []
    whole: Fired = frozenset()
    for start in range(0, len(changes), _MOST):
        made = _together(document, number, changes[start : start + _MOST])
        each += made.each
        whole |= made.whole
    return Together(tuple(each), whole)


def _together(document: Document, number: int, changes: Sequence[tuple[Edit, ...]]) -> Together:
    copied = _copied(document, number, changes)
    made_lines = lines(copied, read(copied))
    fired: list[set[RowId]] = [set() for _ in changes]
    whole: set[RowId] = set()
    by_grain: dict[str, list[Check]] = {}
    for check in program_of(document)[0].checks:
        if not any(classifiers.usable(made_lines.books, book, column) for book, column in check.books):
            by_grain.setdefault(check.grain, []).append(check)
    for grain, checks in by_grain.items():
        for check, rows in zip(checks, broken_rows(made_lines, grain, checks), strict=True):
            row = (check.row.book, check.row.id)
            if grain in WHOLE:
                whole |= {row} if rows.size else set()
                continue
            above = "person" if check.row.family == "person" and grain in _PEOPLE else "zap"
            for at in np.unique(made_lines.index(grain, above)[rows]):
                if 0 <= at < len(fired):
                    fired[at].add(row)
    return Together(tuple(frozenset(one) for one in fired), frozenset(whole))


def _copied(document: Document, number: int, changes: Sequence[tuple[Edit, ...]]) -> Document:
    """A file of as many copies of one record as there are changes, each with its own number and person."""
    clean = _nth(document.tree["ZAP"], number)
    records, people = [], []
    for place, change in enumerate(changes, 1):
        made = edited(document, change)
        record = {**_nth(made.tree["ZAP"], number), "N_ZAP": str(place)}
        if isinstance(record.get("PACIENT"), dict) and "ID_PAC" in record["PACIENT"]:
            record["PACIENT"] = {**record["PACIENT"], "ID_PAC": f"p-{place}"}
        records.append(record)
        if made.persons is not None:
            people.append({**_nth(made.persons["PERS"], number), "ID_PAC": f"p-{place}"})
    tree = {**document.tree, **_header(document.tree, clean, len(changes)), "ZAP": records}
    persons = None if document.persons is None else {**document.persons, "PERS": people}
    return replace(document, tree=tree, persons=persons)


def _header(tree: Tree, record: Tree, times: int) -> Tree:
    """The header of a file that has a record so many times: number of cases and sums."""
    case = record["Z_SL"]
    sanks = case.get("SANK", [])
    taken = {name: Decimal() for name in ("SANK_MEK", "SANK_MEE", "SANK_EKMP")}
    for sank in sanks if isinstance(sanks, list) else [sanks]:
        kind = int(sank["S_TIP"])
        taken["SANK_MEK" if kind in (1, 10, 11, 12) else "SANK_MEE" if kind < 30 else "SANK_EKMP"] += Decimal(sank["S_SUM"])
    bill = {tag: value for tag, value in tree["SCHET"].items() if tag not in taken}
    bill |= {tag: f"{amount * times:.2f}" for tag, amount in taken.items() if amount}
    bill["SUMMAV"] = f"{Decimal(case['SUMV']) * times:.2f}"
    if "SUMMAP" in bill:
        bill["SUMMAP"] = f"{Decimal(case.get('SUMP', '0')) * times:.2f}"
    top = {**tree["ZGLV"], **({"SD_Z": str(times)} if "SD_Z" in tree["ZGLV"] else {})}
    return {"ZGLV": top, "SCHET": bill}


def _nth(nodes: Tree | list[Tree], number: int) -> Tree:
    found: Tree = nodes[number - 1] if isinstance(nodes, list) else nodes
    return found
