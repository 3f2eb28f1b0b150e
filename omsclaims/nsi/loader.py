"""How does a published book become ours? Records of a file -> an edition, or findings naming row and column (formats.md 13).

What a problem does to the book is decided by its layout (keys.yaml), not here and there:

* A list of codes is loaded whole or not at all: a hole in it would refuse care that is right. Any row without a code (N.002),
  with a date that is none (N.003), an overlap of validity (N.004), a number that is none (N.006) or other cells than columns
  (N.011) refuses the edition, and the one before it goes on holding.
* A book of checks (`holes: listed`) is a list of rules: the row that cannot be read is left out, listed in `Book.left_out` and
  said (N.102, N.103, N.111; N.104 for a row that repeats another word for word); rows of one id whose validity overlaps stay, and
  are said (N.204). Whoever runs the rules says the holes.
* A column that the book is not known to have is kept and said (N.201). Columns that name persons are never kept.
* What is no book (N.001), an unknown book (N.005), a book without its key column (N.010) or a workbook without a year (N.012) is
  refused as a whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.nsi.book import KEY_COLUMNS, SINCE_EVER, Book, LeftOut, typed_rows
from omsclaims.nsi.layouts import BEGIN, END, Layout, is_partial, layouts, name_of
from omsclaims.nsi.sources import Records, UnreadableError, bytes_of, read_records, records_of, unpacked, unreadable

__all__ = [
    "NOTHING_FOUND", "SUFFIXES", "Loaded", "Records", "Told", "UnreadableError", "layouts", "load_book", "load_books",
    "read_records",
]  # fmt: skip

#: Endings of the files that may be books.
SUFFIXES: Final = (".xml", ".zip", ".csv", ".xlsx")
#: No findings, for those who load no book.
NOTHING_FOUND: Final = findings.empty()
_FEW: Final = 100  # findings of one book that is refused: a column of wrong dates needs no list of thousands
#: A number as books write it: no exponent, no separators of thousands.
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:[.,][0-9]{0,10})?")
#: Place of a row in the records, while the book is made. Columns of files are in lower case: none is called like this.
_AT: Final = "AT"


@dataclass(frozen=True)
class Loaded:
    """What came of one book: the edition, or None and the findings that refused it."""

    book: Book | None
    findings: pl.DataFrame


@dataclass(frozen=True)
class Told:
    """What the person who loads knows better than the file: version of the edition, and the day from which it holds."""

    version: str | None = None
    holds_from: date | None = None


def load_book(source: Path | bytes, file_name: str | None = None, told: Told | None = None) -> Loaded:
    """Reads one book from a file (XML, ZIP with one XML, CSV). Findings: see the head of the module.

    file_name  name of the file where `source` is bytes; a name such as V009.xml says which book it is where the header does not,
               `V020_partial.csv` that only part of the book is here
    """
    return load_books(source, file_name, told)[0]


def load_books(source: Path | bytes, file_name: str | None = None, told: Told | None = None) -> list[Loaded]:
    """All books of a file: one, or those of the sheets of a grouper workbook, each for itself loaded or refused."""
    name = file_name or (source.name if isinstance(source, Path) else "")
    try:
        data = bytes_of(source)
        if Path(name).suffix.lower() == ".xlsx":
            return _workbook(name, data, told or Told())
        inner, content = unpacked(name, data)
        return [_book(name, inner, content, records_of(inner, content), told or Told())]
    except UnreadableError as error:
        return [_refused([error.finding(name)])]
    except OSError as error:
        return [_refused([unreadable(name, "os", said=error.strerror or "?")])]


def _refused(problems: Sequence[Finding]) -> Loaded:
    return Loaded(None, findings.frame(problems[:_FEW]))


# ---------------------------------------------------------------- which book, which edition


def _book(file_name: str, inner: str, content: bytes, read: Records, told: Told) -> Loaded:
    """The book of a package or a CSV."""
    name = name_of(read.type, inner) or name_of(None, file_name)
    layout = layouts().get(name or "")
    own = {"code", "valid_from"} <= read.columns
    if name is None or (layout is None and not own):
        return _refused([Finding("N.005", file=file_name, params={"name": name or read.type or Path(inner).stem})])
    issued = _day(read.issued or "")
    published = issued if isinstance(issued, date) else None
    version = told.version or read.version or None
    book = Book(
        name, _edition(version, published, told, content), pl.DataFrame(schema=KEY_COLUMNS),
        not is_partial(inner) and not is_partial(file_name), version, published, told.holds_from or published or SINCE_EVER,
        "csv" if Path(inner).suffix.lower() == ".csv" else "xml",
    )  # fmt: skip
    base = layout or Layout(key=("code",))
    return _filled(book, file_name, base.in_our_form() if own else base, read)


def _edition(version: str | None, published: date | None, told: Told, content: bytes) -> str:
    """Version and date as published or told; what has neither is named by its content."""
    if version:
        return f"{version} of {published}" if published else version
    digest = hashlib.sha256(content).hexdigest()[:12]
    return f"{told.holds_from} {digest}" if told.holds_from else f"csv {digest}"


def _workbook(file_name: str, data: bytes, told: Told) -> list[Loaded]:
    """The books of a grouper workbook: the edition is its year, and its rows hold from the first day of it on."""
    from omsclaims.nsi.workbook import read_workbook  # not above: few files are workbooks

    made = []
    for sheet in read_workbook(file_name, data):
        first = told.holds_from or (date(sheet.year, 1, 1) if sheet.year else None)
        if first is None:
            return [_refused([Finding("N.012", file=file_name, params={"name": sheet.name.rpartition(".")[0]})])]
        version = told.version or str(sheet.year or first.year)
        empty = pl.DataFrame(schema=KEY_COLUMNS)
        book = Book(sheet.name, version, empty, not is_partial(file_name), version, None, first, "xlsx")
        made.append(_filled(book, file_name, layouts()[sheet.name], sheet.records, sheet.unknown))
    return made


# ---------------------------------------------------------------- records -> rows


@dataclass
class _Work:
    """A book while it is made: its rows as a frame of text, the layout, what is wrong so far."""

    book: Book
    file: str
    layout: Layout
    read: Records
    key: str
    begin: str
    end: str
    problems: list[Finding] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)

    def wrong(self, rule: str, at: int, column: str, value: str, **more: object) -> None:
        """Something in a row that the book cannot be loaded with; in a book of checks it leaves the row out."""
        raw, number, line = self.read.rows[at], self.read.numbers[at], self.read.lines[at]
        code = raw.get(self.key, "")
        self._say(rule, number, line, column, value, code, more)
        self.bad.add(at)

    def _say(self, rule: str, number: int, line: int, column: str, value: str, code: str, more: dict[str, object]) -> None:
        rule = f"N.1{rule[3:]}" if self.layout.holes_listed else rule
        column = self.layout.headings.get(column, column.upper())
        params = {"book": self.book.name, "row": number, "column": column, "code": code or "-", **more}
        self.problems.append(Finding(rule, file=self.file, line=line or None, value=value, params=params))
        if self.layout.holes_listed:
            self.left_out.append(LeftOut(number, code, rule, column, value))

    def broken(self) -> None:
        """N.011: rows that could not be split into the cells of their columns."""
        for number, line, cells in self.read.broken:
            self._say("N.011", number, line, "", str(cells), "", {"cells": cells, "columns": len(self.read.columns)})


def _filled(book: Book, file_name: str, layout: Layout, read: Records, unknown: Sequence[str] = ()) -> Loaded:
    """The book with its rows, or what refused it."""
    key = next((column for column in layout.key if column in read.columns), "")
    lacking = [column for column in (key or layout.key[0], *layout.needs) if column not in read.columns]
    if lacking:
        params = {"book": book.name, "column": ", ".join(lacking).upper()}
        return _refused([Finding("N.010", file=file_name, params=params)])
    begin, end = (next((name for name in names if name in read.columns), "") for names in (BEGIN, END))
    work = _Work(book, file_name, layout, read, key, begin, end)
    work.broken()
    frame = _typed(work)
    frame = _without_doubles(work, frame)
    if not layout.repeats and not work.problems:
        _overlaps(work, frame)
    if work.problems and not layout.holes_listed:
        return _refused(work.problems)
    if not frame.height:
        return _refused(work.problems or [unreadable(file_name, "no_records")])
    notices = _notices(work, frame, unknown)
    rows = typed_rows(frame.drop(_AT))
    if book.source == "xlsx":  # rows of a workbook have no dates of their own: they hold as the edition does
        rows = rows.with_columns(pl.lit(book.holds_from).alias("valid_from"))
    elif layout.of_year and book.holds_from == SINCE_EVER:  # in our layout the rows say the day
        book = replace(book, holds_from=min(rows["valid_from"].to_list()))
    made = replace(book, rows=rows, left_out=tuple(sorted(work.left_out, key=lambda one: (one.row, one.rule))))
    return Loaded(made, findings.frame([*work.problems, *notices]))


def _typed(work: _Work) -> pl.DataFrame:
    """Rows under our names with typed validity; rows that are wrong are said and left out."""
    read, layout = work.read, work.layout
    found = dict.fromkeys(name for row in read.rows for name in row)
    columns = [*(name for name in found if name in read.columns), *sorted(read.columns - found.keys())]
    text = pl.DataFrame(read.rows, schema=dict.fromkeys(columns, pl.String), orient="row").with_row_index(_AT)
    text = text.with_columns(pl.col(column).replace("", None) for column in columns)
    code = pl.col(work.key).str.strip_chars_end(layout.strip) if layout.strip else pl.col(work.key)
    named = next((column for column in layout.name if column in read.columns), None)
    used = {work.key, work.begin, work.end, named, *layout.columns.values(), *(c for cs in layout.lists.values() for c in cs)}
    taken = used | KEY_COLUMNS.keys() | layout.columns.keys() | ({"meaning_ru"} if named else set())
    others = [column for column in columns if column and column not in taken]
    wanted = [
        pl.col(_AT),
        code.replace("", None).alias("code"),
        *(_date(text, source).alias(target) for source, target in ((work.begin, "valid_from"), (work.end, "valid_to"))),
    ]
    wanted += [pl.col(named).alias("meaning_ru")] if named else []
    wanted += [(pl.col(theirs) if theirs in columns else _NOTHING).alias(ours) for ours, theirs in layout.columns.items()]
    wanted += [_joined(columns, theirs).alias(ours) for ours, theirs in layout.lists.items()]
    wanted += [pl.col(column) for column in others]
    wanted += [_NOTHING.alias(column) for column in layout.always if column not in columns]
    frame = text.select(wanted)
    if layout.ordinal:
        frame = frame.with_columns(pl.Series("row", read.numbers, dtype=pl.Int64))
    _check_rows(work, text, frame)
    frame = _with_units(work, frame)
    return frame.filter(~pl.col(_AT).is_in(sorted(work.bad))) if work.bad else frame


_NOTHING: Final = pl.lit(None, dtype=pl.String)


def _joined(columns: Sequence[str], sources: Sequence[str]) -> pl.Expr:
    """Values of an element, repeated or separated by a sign, joined with `;`."""
    there = [pl.col(source) for source in sources if source in columns]
    return pl.coalesce(there).str.replace_all(r"[\s,;]+", ";").str.strip_chars(";") if there else _NOTHING


def _date(text: pl.DataFrame, column: str) -> pl.Expr:
    """A column of dates in the spellings of books; null where it is empty or no date."""
    if column not in text.columns:
        return pl.lit(None, dtype=pl.Date)
    found = {value: _day(value) for value in text[column].drop_nulls().unique()}
    days = {value: day for value, day in found.items() if isinstance(day, date)}
    return _mapped(column, list(days), pl.Series(list(days.values()), dtype=pl.Date))


def _mapped(column: str, old: list[str], new: pl.Series) -> pl.Expr:
    """A column with each value in place of another; what has none is null."""
    if not old:
        return pl.lit(None, dtype=new.dtype)
    return pl.col(column).replace_strict(pl.Series(old, dtype=pl.String), new, default=None, return_dtype=new.dtype)


def _day(text: str) -> date | str | None:
    """A date of a book: dd.mm.yyyy, yyyymmdd or yyyy-mm-dd; None when empty; the text itself when it is none."""
    if not text:
        return None
    for pattern in (r"(?P<d>\d{2})\.(?P<m>\d{2})\.(?P<y>\d{4})", r"(?P<y>\d{4})-?(?P<m>\d{2})-?(?P<d>\d{2})(?:T00:00:00)?"):
        match = re.fullmatch(pattern, text, re.ASCII)
        if match:
            try:
                return date(int(match["y"]), int(match["m"]), int(match["d"]))
            except ValueError:
                return text
    return text


def _check_rows(work: _Work, text: pl.DataFrame, frame: pl.DataFrame) -> None:
    """N.002 without a code, N.003 dates that are none or end before they begin; a row is said once."""
    for at in frame.filter(pl.col("code").is_null())[_AT]:
        work.wrong("N.002", at, work.key, "")
    wrong: dict[int, tuple[str, str]] = {}
    for source, target in ((work.end, "valid_to"), (work.begin, "valid_from")):
        if source in text.columns:
            rows = text.filter(text[source].is_not_null() & frame[target].is_null()).select(_AT, source)
            wrong |= {at: (source, value) for at, value in rows.iter_rows()}
    if work.end in text.columns:
        for at, value in text.filter(frame["valid_to"] < frame["valid_from"]).select(_AT, work.end).iter_rows():
            wrong.setdefault(at, (work.end, value))
    for at, (column, value) in sorted(wrong.items()):
        if at not in work.bad:
            work.wrong("N.003", at, column, value)


def _with_units(work: _Work, frame: pl.DataFrame) -> pl.DataFrame:
    """Decimals as whole units of their last decimal; N.006 where a value is no number or has more decimals."""
    for column, decimals in work.layout.scaled.items():
        if column not in frame.columns:
            continue
        units = {value: _scaled(value, decimals) for value in frame[column].drop_nulls().unique().sort()}
        none = [value for value, unit in units.items() if unit is None]
        source = work.layout.columns.get(column, column)
        for at, value in frame.filter(pl.col(column).is_in(none)).select(_AT, column).iter_rows():
            if at not in work.bad:
                work.wrong("N.006", at, source, value)
        known = {value: unit for value, unit in units.items() if unit is not None}
        frame = frame.with_columns(_mapped(column, list(known), pl.Series(list(known.values()), dtype=pl.String)).alias(column))
    return frame


def _scaled(text: str, decimals: int) -> str | None:
    """A decimal in units of 10^-decimals as text; None when it is no number or has more decimals."""
    if not _NUMBER.fullmatch(text):
        return None
    units = Decimal(text.replace(",", ".")).scaleb(decimals)
    return str(int(units)) if units == units.to_integral_value() else None


# ---------------------------------------------------------------- rows beside each other


def _without_doubles(work: _Work, frame: pl.DataFrame) -> pl.DataFrame:
    """N.104: in a book of checks a row that repeats another word for word would fire twice; it is left out."""
    if not work.layout.holes_listed:
        return frame
    content = [column for column in frame.columns if column not in (_AT, "row")]
    first = frame.with_columns(pl.col(_AT).min().over(content).alias("FIRST"))
    doubles = first.filter(pl.col(_AT) != pl.col("FIRST"))
    for at, before in doubles.sort(_AT).select(_AT, "FIRST").iter_rows():
        work.wrong("N.004", at, work.key, work.read.rows[at].get(work.key, ""), first=work.read.numbers[before])
    return first.filter(pl.col(_AT) == pl.col("FIRST")).drop("FIRST")


def _meeting(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of one code whose validity begins before that of an earlier row has ended."""
    ordered = frame.with_columns(pl.col("valid_from").fill_null(SINCE_EVER)).sort("code", "valid_from", _AT)
    until = pl.col("valid_to").fill_null(date.max)
    met = ordered.with_columns(BEFORE=until.cum_max().shift(1).over("code")).filter(pl.col("BEFORE") >= pl.col("valid_from"))
    return met.select(_AT, "code", "valid_from").sort(_AT)


def _overlaps(work: _Work, frame: pl.DataFrame) -> None:
    """N.004: a code would mean two things on one day."""
    for at, code, first in _meeting(frame).iter_rows():
        work.wrong("N.004", at, work.begin, code, day=str(first))


def _notices(work: _Work, frame: pl.DataFrame, unknown: Sequence[str]) -> list[Finding]:
    """What is to be known of a book that is loaded: N.201 columns nobody knew, N.204 rules of one id that meet."""
    found = []
    published = work.layout.published
    strange = list(unknown) or sorted(
        column.upper() for column in work.read.columns if published is not None and column and column not in published
    )
    if strange:
        params = {"book": work.book.name, "columns": ", ".join(strange)}
        found.append(Finding("N.201", file=work.file, value=strange[0], params=params))
    if work.layout.holes_listed:
        for at, code, first in _meeting(frame).iter_rows():
            params = {"book": work.book.name, "row": str(work.read.numbers[at]), "day": str(first)}
            found.append(Finding("N.204", file=work.file, line=work.read.lines[at] or None, value=code, params=params))
    return found
