"""What does a what-if change in the grouper? Other workbooks, rows moved, added or taken out, other rules of the choice.

The part `grouper` of an overlay; the agreement and the law of the same file are the business of `law.agreement.overlay`.

    grouper:
      workbooks: [next_year.xlsx]     files beside the overlay that stand in place of the books of the month
      from: 2022-01-01                first day that they hold on, whatever year they are of
      rules: exceptions.yaml          a file in the form of that of the program
      rows:                           changes of single rows, one after another
        - {setting: ksg_inpatient, where: {service: A16.07.053}, set: {group: st34.004}, why: "..."}
        - {setting: ksg_inpatient, where: {group: st34.005, ds1: K07.3}, remove: yes}
        - {setting: ksg_day, add: {group: ds34.003, ds1: K07.3}}
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl

from omsclaims import findings, messages
from omsclaims.law.agreement import AgreementError, Change, Problem, read_overlay
from omsclaims.nsi import Book, Books
from omsclaims.nsi.loader import Told, load_books
from omsclaims.tariffs.grouper.book import COLUMNS, SETTINGS, compile_grouper
from omsclaims.tariffs.grouper.rules import Rules, RulesError, load_rules

KEY: Final = "grouper"
_KEYS: Final = ("workbooks", "from", "rules", "rows")
_ENTRY: Final = ("setting", "where", "set", "add", "remove", "why")
#: Columns of a row as an overlay names them -> as the book does.
_NAMES: Final = {"group": "code", **{name: name for name in COLUMNS}}
_WHERE: Final = {**_NAMES, "number": "number"}
_YES: Final = ("yes", "true", "1")
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Changed:
    """The grouper as an overlay would have it.

    books    the books of the month with the changed ones in their place
    rules    rules of the choice, None: those of the program
    changes  what was changed, in order
    """

    books: Books
    rules: Rules | None
    changes: tuple[Change, ...]


@dataclass
class _Work:
    """An overlay at work."""

    folder: Path
    file: str
    lines: Mapping[Place, int]
    title: str
    day: date
    made: dict[str, Book] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    #: (book, number of the row) -> the entry that touched it last
    touched: dict[tuple[str, int], Place] = field(default_factory=dict)

    def line(self, path: Place) -> int:
        """Line of a path of the file, or of what holds it."""
        return next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), 1)

    def problem(self, path: Place, column: str, code: str, **params: object) -> None:
        """Notes a problem at the line of a path."""
        said = tuple(sorted((name, str(value)) for name, value in params.items()))
        self.problems.append(Problem(self.file, self.line(path), column, code, said))

    def unknown(self, path: Place, name: str, known: Sequence[str]) -> None:
        """A name that there is not, with the nearest ones that there are."""
        near = difflib.get_close_matches(name, known, n=3) or list(known)
        self.problem(path, name, "unknown_name", value=name, known=", ".join(near))

    def change(self, path: Place, key: str, column: str, before: str | None, after: str | None, why: str = "") -> None:
        """Notes a change."""
        source = f"{self.file}:{self.line(path)}"
        self.changes.append(Change(KEY, key, column, before, after, self.day, None, source, why or self.title))


def wants(path: Path) -> bool:
    """Whether an overlay changes the grouper. What cannot be read does not; who lays it over the agreement says why."""
    raw, _, problems = read_overlay(path)
    return not problems and bool(raw.get(KEY))


def changed_grouper(books: Books, path: Path, day: date) -> Changed:
    """The books and rules of a month under an overlay; without a part `grouper` they are as they were.

    day  first day of the month: from when a change is said to hold

    Raises AgreementError with all problems: a file that is none, a key, setting or column that there is not, a change that finds
    no row, codes that no row can have.
    """
    raw, lines, problems = read_overlay(path)
    asked = raw.get(KEY)
    if problems or not asked:
        return Changed(books, None, ())
    work = _Work(path.parent, path.name, lines, str(raw.get("title") or path.stem), day)
    rules = None
    if isinstance(asked, dict):
        for key in asked:
            if key not in _KEYS:
                work.unknown((KEY, key), key, _KEYS)
        _workbooks(work, asked)
        rules = _rules(work, asked)
        for i, entry in enumerate(_listed(work, asked, "rows")):
            _entry(work, (KEY, "rows", i), entry, books)
        if not work.problems:
            _compilable(work, books, rules)
        if not work.problems and not work.changes:
            work.problem((KEY,), KEY, "overlay_empty")
    else:
        work.problem((KEY,), KEY, "bad_value", value=asked)
    if work.problems:
        raise AgreementError(path.name, work.problems)
    return Changed(books.with_books(work.made), rules, tuple(work.changes))


def _listed(work: _Work, asked: Mapping[str, Any], key: str) -> list[Any]:
    value = asked.get(key) or []
    if not isinstance(value, list):
        work.problem((KEY, key), key, "not_a_list")
        return []
    return value


def _beside(work: _Work, path: Place, name: object) -> Path | None:
    """A file of the folder of the overlay, or below it."""
    file = (work.folder / str(name)).resolve()
    if not file.is_relative_to(work.folder.resolve()) or not file.is_file():
        work.problem(path, str(path[1]), "grouper_file", value=name)
        return None
    return file


def _workbooks(work: _Work, asked: Mapping[str, Any]) -> None:
    """Books of the files in place of those of the month."""
    told = Told()
    if asked.get("from"):
        try:
            told = Told(holds_from=date.fromisoformat(str(asked["from"])))
        except ValueError:
            work.problem((KEY, "from"), "from", "not_a_date", value=asked["from"])
    for i, name in enumerate(_listed(work, asked, "workbooks")):
        path: Place = (KEY, "workbooks", i)
        file = _beside(work, path, name)
        if file is None:
            continue
        loaded = load_books(file, told=told)
        found = [one.book for one in loaded if one.book is not None and one.book.name.startswith("KSG.")]
        for text in _said(one.findings for one in loaded if one.book is None):
            work.problem(path, "workbooks", "grouper_workbook", value=name, said=text)
        for book in found:
            work.made[book.name] = book
            work.change(path, book.name, "", None, f"{book.edition}, {name}")


def _said(parts: Iterable[pl.DataFrame]) -> list[str]:
    """Findings in a sentence each, in the language of the environment: the error they go into is told at once."""
    texts = findings.with_text(findings.concat(parts), messages.default_language())["text"]
    return [" ".join(text.split()) for text in texts]


def _rules(work: _Work, asked: Mapping[str, Any]) -> Rules | None:
    if not asked.get("rules"):
        return None
    path: Place = (KEY, "rules")
    file = _beside(work, path, asked["rules"])
    if file is None:
        return None
    try:
        found = load_rules(file)
    except (RulesError, UnicodeDecodeError) as error:
        work.problem(path, "rules", "grouper_rules", value=file.name, said=" ".join(str(error).split()))
        return None
    work.change(path, "rules", "", None, file.name)
    return found


# ---- single rows -----------------------------------------------------------------------------------------------------------


def _entry(work: _Work, path: Place, entry: Any, books: Books) -> None:
    """One change of rows."""
    if not isinstance(entry, dict) or str(entry.get("setting")) not in SETTINGS.values():
        work.problem(path, "setting", "grouper_setting", known=", ".join(SETTINGS.values()))
        return
    for key in entry:
        if key not in _ENTRY:
            work.unknown((*path, key), key, _ENTRY)
    name = next(f"KSG.{code}.GROUPER" for code, kind in SETTINGS.items() if kind == entry["setting"])
    book = work.made.get(name) or (books.require(name) if books.has(name) else None)
    if book is None:
        work.problem(path, "setting", "grouper_no_book", value=entry["setting"], book=name)
        return
    wanted = {key for key in ("set", "add", "remove") if key in entry}
    if len(wanted) != 1 or ("remove" in wanted and str(entry["remove"]).lower() not in _YES):
        work.problem(path, "rows", "grouper_what")
        return
    if "add" in wanted:
        _add(work, path, entry, name, book)
    else:
        _alter(work, path, entry, name, book)


def _cells(work: _Work, path: Place, cells: Any, known: Mapping[str, str]) -> dict[str, str | None] | None:
    """Columns of the book and their texts; None with problems."""
    if not isinstance(cells, dict) or not cells:
        work.problem(path, str(path[-1]), "bad_value", value=cells or "")
        return None
    for name in cells:
        if name not in known:
            work.unknown((*path, name), name, list(known))
            return None
    return {known[name]: None if text in (None, "") else str(text) for name, text in cells.items()}


def _add(work: _Work, path: Place, entry: Mapping[str, Any], name: str, book: Book) -> None:
    """A row more, at the end of the sheet."""
    cells = _cells(work, (*path, "add"), entry["add"], _NAMES)
    if cells is None:
        return
    if not cells.get("code") or not any(text for column, text in cells.items() if column != "code"):
        work.problem((*path, "add"), "add", "grouper_row")
        return
    rows = _whole(book)
    number = int(rows.select(pl.col("number").cast(pl.Int64).max()).item() or 0) + 1
    row = {**cells, "number": str(number), "valid_from": book.holds_from, "row": int(rows["row"].max() or 0) + 1}  # type: ignore[arg-type]
    more = pl.DataFrame([row], schema_overrides={name: rows.schema[name] for name in row})
    work.made[name] = _edited(book, pl.concat([rows, more], how="diagonal"), work.file)
    work.touched[name, number] = path
    work.change(path, name, f"№ {number}", None, _shown(row), str(entry.get("why") or ""))


def _alter(work: _Work, path: Place, entry: Mapping[str, Any], name: str, book: Book) -> None:
    """Rows that `where` finds, set otherwise or taken out."""
    where = _cells(work, (*path, "where"), entry.get("where"), _WHERE)
    values = _cells(work, (*path, "set"), entry["set"], _NAMES) if "set" in entry else {}
    if where is None or values is None:
        return
    if "set" in entry and not values.get("code", "-"):
        work.problem((*path, "set"), "set", "grouper_row")
        return
    rows = _whole(book)
    hit = pl.all_horizontal([pl.col(column).cast(pl.String).eq_missing(pl.lit(text)) for column, text in where.items()])
    found = rows.filter(hit)
    if found.is_empty():
        shown = ", ".join(f"{column}={text}" for column, text in entry["where"].items())
        work.problem((*path, "where"), name, "overlay_no_row", value=shown)
        return
    new = [pl.when(hit).then(pl.lit(text)).otherwise(pl.col(column)).alias(column) for column, text in values.items()]
    work.made[name] = _edited(book, rows.with_columns(new) if values else rows.filter(~hit), work.file)
    for row in found.iter_rows(named=True):
        after = _shown({**row, **values}) if values else None
        work.touched[name, int(row["number"])] = path
        if after != _shown(row):
            work.change(path, name, f"№ {row['number']}", _shown(row), after, str(entry.get("why") or ""))


def _edited(book: Book, rows: pl.DataFrame, file: str) -> Book:
    """A book with other rows; its edition says so, as it is a source of the groups."""
    mark = f" + {file}"
    return replace(book, rows=rows, edition=book.edition if book.edition.endswith(mark) else book.edition + mark)


def _whole(book: Book) -> pl.DataFrame:
    """Rows of a book with every column that an overlay may speak of, as text."""
    rows = book.rows
    if "number" not in rows.columns:
        rows = rows.with_columns(number=pl.col("row"))
    lacking = [pl.lit(None, dtype=pl.String).alias(name) for name in COLUMNS if name not in rows.columns]
    return rows.with_columns(pl.col("number").cast(pl.String), *lacking)


def _shown(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{shown}={row[column]}" for shown, column in _NAMES.items() if row.get(column))


def _compilable(work: _Work, books: Books, rules: Rules | None) -> None:
    """Rows of changed books that no case can be held against are problems of the overlay; those of before are not."""
    for code, setting in SETTINGS.items():
        rows, groups = f"KSG.{code}.GROUPER", f"KSG.{code}.GROUPS"
        if rows not in work.made:
            continue
        with_made = books.with_books(work.made)
        if not with_made.has(groups):
            work.problem((KEY,), "workbooks", "grouper_no_book", value=setting, book=groups)
            continue
        before = _wrong(books, rows, groups, rules) if books.has(rows) and books.has(groups) else set()
        for number, column, value in sorted(_wrong(with_made, rows, groups, rules) - before):
            place = work.touched.get((rows, number), (KEY, "workbooks"))
            work.problem(place, column, "grouper_code", value=value, number=number)


def _wrong(books: Books, rows: str, groups: str, rules: Rules | None) -> set[tuple[int, str, str]]:
    found = compile_grouper(books.require(rows), books.require(groups), rules).problems
    return {(int(str(one.params["number"])), str(one.params["column"]), str(one.value)) for one in found}
