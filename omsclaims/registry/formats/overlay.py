"""What does a region add to a file? Overlays: lists of differences to an edition, next to the tariff agreement (formats.md 10).

`<agreement>/formats/<edition>.csv` has the layout of a derived edition: op (add, change, remove), after, path, form, ... An
overlay may add elements and tables and change what an edition says; it may not give a column of ours another type or finer
decimals, and it may not take away what every later stage stands on.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from omsclaims import messages
from omsclaims.registry.formats.canonical import canonical_tables, column_types, known_scale, person_tables
from omsclaims.registry.formats.model import HEADER_TABLE, TYPES, Field, Format, FormatError
from omsclaims.registry.formats.tables import Line, Overlays, apply, fields_of, format_ids, get, place_of

#: The columns of an overlay file, as of every list of differences.
COLUMNS: Final = (
    "op", "after", "path", "form", "length", "decimals", "must", "repeats", "book", "values", "min_length", "table", "column",
    "meaning_en", "meaning_ru",
)  # fmt: skip
#: Where a line stands in its file: a key beside the columns, put there by `read_overlay`.
LINE: Final = "#line"
_MAX_DIGITS: Final = 18
_NUMBERS: Final = ("length", "decimals", "min_length")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with an overlay: file, line, message key `overlay.<code>` and its parameters."""

    file: str
    line: int
    code: str
    params: tuple[tuple[str, str], ...] = ()

    def text(self, lang: str) -> str:
        """The sentence for a person: file, line, what is wrong and what to do."""
        return f"{self.file}:{self.line}: {messages.text(f'overlay.{self.code}', lang, **dict(self.params))}"


class OverlayError(FormatError):
    """An overlay cannot be used; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(problem.text("en") for problem in self.problems))

    def text_in(self, lang: str) -> str:
        """All problems, one a line."""
        return "\n".join(problem.text(lang) for problem in self.problems)


def load_overlays(folder: Path, name: str) -> Overlays:
    """The overlays of a folder: one CSV per edition, named after it. `name` tells the region (its code) in the ids.

    No folder, no overlays. Raises OverlayError with all problems of all files.
    """
    editions: dict[str, Format] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.csv")) if folder.is_dir() else ():
        if path.stem not in format_ids():
            problems.append(Problem(path.name, 1, "edition", (("known", ", ".join(format_ids())),)))
            continue
        try:
            editions[path.stem] = overlaid(get(path.stem), read_overlay(path), name, path.name)
        except OverlayError as error:
            problems.extend(error.problems)
    if problems:
        raise OverlayError(problems)
    return Overlays(name, editions)


def read_overlay(path: Path) -> list[Line]:
    """The lines of an overlay file, each with the number of its line under `LINE`. Raises OverlayError."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OverlayError([Problem(path.name, content[: error.start].count(b"\n") + 1, "not_utf8")]) from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if reader.fieldnames is None or sorted(reader.fieldnames) != sorted(COLUMNS):
        raise OverlayError([Problem(path.name, 1, "columns", (("columns", ",".join(COLUMNS)),))])
    found: list[Line] = []
    problems: list[Problem] = []
    for cells in reader:
        if None in cells or None in cells.values():  # more or fewer cells than columns
            problems.append(Problem(path.name, reader.line_num, "cells", (("count", str(len(COLUMNS))),)))
        else:
            found.append({**{name: cell.strip() for name, cell in cells.items()}, LINE: str(reader.line_num)})
    if problems:
        raise OverlayError(problems)
    return found


def overlaid(edition: Format, lines: Iterable[Line], name: str = "overlay", file: str = "") -> Format:
    """The edition with a regional overlay put in: `lines` in the layout of a derived edition (op, after, path, form, ...).

    name   of the overlay; the id becomes `<edition>+<name>`, so that nothing kept for one is taken for the other
    file   where the lines come from, for messages; a line says its number under `LINE`, else they are counted from 2

    Raises OverlayError with all that is wrong: the line, and what to do about it.
    """
    work = _Work(edition, name, file or f"{name}.csv")
    for number, line in enumerate(lines, 2):
        work.take(line, int(line.get(LINE, number)))
    fields = work.fields()
    if work.problems:
        raise OverlayError(work.problems)
    return replace(edition, id=f"{edition.id}+{name}", fields=fields, overlay=name)


class _Work:
    """The state of putting an overlay in: lines so far, where the overlay's own came from, what is wrong."""

    def __init__(self, edition: Format, name: str, file: str) -> None:
        self.edition, self.name, self.file = edition, name, file
        self.rows: list[Line] = [as_line(field) for field in edition.fields]
        self.number_of: dict[str, int] = {}
        self.problems: list[Problem] = []

    def wrong(self, number: int, code: str, **params: str) -> None:
        """One problem."""
        self.problems.append(Problem(self.file, number, code, tuple(sorted(params.items()))))

    def take(self, line: Line, number: int) -> None:
        """One line: its cells, then its place."""
        op, path = line.get("op", ""), line.get("path", "")
        wrong = list(_wrong_cells(line)) if op in ("add", "change") else []
        old = self.edition.by_path.get(path)
        if old is not None and op == "remove" and old.must == "O":
            wrong.append(("removes", {}))
        if old is not None and op == "change" and not wrong:
            wrong.extend(_wrong_change(old, line, self.name))
        for code, params in wrong:
            self.wrong(number, code, path=path, **params)
        if not wrong:
            try:
                apply(self.rows, {column: line.get(column, "") for column in COLUMNS}, self.name)
                self.number_of[path] = number
                self._forget()
            except FormatError as error:
                self.wrong(number, error.code, **{"path": error.path, **error.params})

    def fields(self) -> tuple[Field, ...]:
        """The fields with all lines that fit; what does not fit is told and left out."""
        while True:
            try:
                fields = fields_of(self.rows, HEADER_TABLE[self.edition.family], self.name)
                break
            except FormatError as error:
                path = self._guilty(error)
                self.wrong(self.number_of[path], error.code, **{"path": path, **error.params})
                self.rows = [row for row in self.rows if not f"{row['path']}/".startswith(f"{path}/")]
                self._forget()
        for field in fields:
            if field.path in self.number_of:
                for code, params in self._unlike_ours(field, fields):
                    self.wrong(self.number_of[field.path], code, path=field.path, **params)
        return fields

    def _forget(self) -> None:
        """What was taken away is no line of the overlay any more."""
        standing = {row["path"] for row in self.rows}
        self.number_of = {path: number for path, number in self.number_of.items() if path in standing}

    def _guilty(self, error: FormatError) -> str:
        """The line of the overlay behind an error, which may show at an element of ours whose table an earlier line took."""
        if error.path in self.number_of:
            return error.path
        return next(path for path in self.number_of if error.params["table"] in self._tables(path))

    def _tables(self, path: str) -> list[str]:
        """The tables that a line of the overlay names, or the one it gets by default."""
        row = next(row for row in self.rows if row["path"] == path)
        return (row["table"] or path.rpartition("/")[2].lower()).partition("@")[0].split("+")

    def _unlike_ours(self, field: Field, fields: tuple[Field, ...]) -> Iterator[tuple[str, dict[str, str]]]:
        """Where an element of the overlay does not go together with the tables and columns that later stages know."""
        family = self.edition.family
        if field.own:
            hangs = {get(name).parents.get(field.table) for name in format_ids() if get(name).family == family} - {None}
            if field.table in canonical_tables(family) and field.owner not in hangs:
                yield "owner", {"table": field.table, "owner": ", ".join(sorted(filter(None, hangs)))}
            if field.owner in person_tables() and field.table not in person_tables():
                yield "people", {"table": field.table}
        if field.form == "S":
            return
        taken = [(other.table, other.column) for other in fields] + [(copy[0], copy[1]) for copy in self.edition.copies]
        if taken.count((field.table, field.column)) > 1:
            yield "column_taken", {"column": field.column, "table": field.table}
        known = column_types(field.table, family) if field.table in canonical_tables(family) else {}
        if field.column in known and known[field.column] != TYPES[field.form]:
            yield "type", {"column": field.column, "table": field.table}
        scale = known_scale(field.table, field.column, family)
        if scale is not None and field.decimals > scale:
            yield "decimals", {"column": field.column, "table": field.table, "scale": str(scale)}


def _wrong_change(old: Field, line: Line, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Where a change would send an element elsewhere: table and column stay, but for the column of another type."""
    if (old.form == "S") != (line["form"] == "S"):
        yield "structure", {}
        return
    try:
        place = place_of(line, old.name, (old.owner or old.table,), name)
    except FormatError:
        place = ("", "", "")
    column = "" if old.form == "S" else line["column"] or old.name.lower()
    if place != (old.table, old.twin, old.owner) or (column != old.column and old.form == line["form"]):
        yield "keeps", {"table": as_line(old)["table"] if old.own else "", "column": old.column}


def _wrong_cells(line: Line) -> Iterator[tuple[str, dict[str, str]]]:
    """What is wrong with the cells of one line by themselves."""
    for column, allowed in (("form", "T N D S"), ("must", "O U N"), ("repeats", "0 1")):
        if line.get(column, "") not in allowed.split():
            yield "choice", {"column": column, "allowed": allowed}
    for column in _NUMBERS:
        if line.get(column) and not (line[column].isascii() and line[column].isdigit()):
            yield "number", {"column": column}
            return
    length, decimals = int(line.get("length") or 0), int(line.get("decimals") or 0)
    form = line.get("form")
    if (length > 0) == (form == "S") or (form == "N" and not decimals < length <= _MAX_DIGITS) or (form != "N" and decimals):
        yield "length", {"most": str(_MAX_DIGITS)}
    if line.get("values") and form not in ("T", "N"):
        yield "values", {}
    if form == "N" and not all(value.isascii() and value.isdigit() for value in line.get("values", "").split(";") if value):
        yield "values", {}
    if not line.get("meaning_en") or not line.get("meaning_ru"):
        yield "meaning", {}


def as_line(field: Field) -> dict[str, str]:
    """A field as the line of a table it came from."""
    place = f"{field.table}{'+' * bool(field.twin)}{field.twin}{'@' * bool(field.owner)}{field.owner}"
    return {
        "path": field.path, "form": field.form, "length": str(field.length), "decimals": str(field.decimals), "must": field.must,
        "repeats": str(int(field.repeats)), "book": field.book, "values": ";".join(field.values),
        "min_length": str(field.min_length), "table": place, "column": field.column, "meaning_en": field.meaning_en,
        "meaning_ru": field.meaning_ru,
    }  # fmt: skip
