"""Is every code in its book on the date of care? (231n 1.4.4; Q015 001F; law.md 0.)

Which element holds codes of which book is a column of the format tables. A code is looked up on the date of its own level:
header, patient and person on DSCHET, case on DATE_Z_2, sub-case on DATE_2, service on DATE_OUT. A book that is not loaded, or
only in part, proves nothing: then the rule says that it was not executed for that book.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import polars as pl

from omsclaims.checks.catalogue import Rule
from omsclaims.checks.frames import View
from omsclaims.checks.rules import KEYS, Run, params_of, table, tag_of
from omsclaims.nsi import Book, Books
from omsclaims.registry import formats

_KINDS: Final = frozenset("HTCXL")
_LEVELS: Final = {"usl": "usl", "sl": "sl", "z_sl": "case", "zap": "zap", "person": "person", "file": "file"}
_DAYS: Final = {"usl": ("usl_row", "date_out"), "sl": ("sl_row", "date_2"), "z_sl": ("z_row", "date_z_2")}
_DIAGNOSES: Final = (
    ("sl", "ds0", "ZAP/Z_SL/SL/DS0"), ("sl", "ds1", "ZAP/Z_SL/SL/DS1"), ("ds2", "ds2", "ZAP/Z_SL/SL/DS2"),
    ("ds3", "ds3", "ZAP/Z_SL/SL/DS3"), ("ds2_n", "ds2", "ZAP/Z_SL/SL/DS2_N/DS2"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Coded:
    """An element that holds codes of a book, in some kinds of files."""

    table: str
    column: str
    path: str
    book: str
    kinds: frozenset[str]


@cache
def coded_elements() -> tuple[Coded, ...]:
    """Every element of registries and person files that the format tables give a book, once per column and book.

    The path is the one of the first edition that has it: the elements of SLUCH times lie in the same columns under other paths.
    """
    found: dict[tuple[str, str, str], tuple[str, set[str]]] = {}
    for name in formats.format_ids():
        edition = formats.get(name)
        if edition.kind in _KINDS:
            for item in edition.fields:
                if item.book and item.column:
                    found.setdefault((item.table, item.column, item.book), (item.path, set()))[1].add(edition.kind)
    coded = (Coded(table, column, path, book, frozenset(kinds)) for (table, column, book), (path, kinds) in found.items())
    return tuple(sorted(coded, key=lambda item: (item.table, item.column, item.path, item.book)))


@cache
def _ancestors(name: str) -> tuple[str, ...]:
    """Tables from `name` up to the one whose level its findings have."""
    parents = {
        table: parent
        for edition in map(formats.get, formats.format_ids())
        if edition.kind in _KINDS
        for table, parent in edition.parents.items()
    }
    line = [name]
    while line[-1] not in _LEVELS:
        line.append(parents[line[-1]])
    return tuple(line)


def checked_elements(rule: Rule) -> Iterator[Coded]:
    """Elements that C220 looks at: those of the format tables but for the ones the catalogue leaves out."""
    left_out, tables = rule.parameters.latest("left_out"), rule.parameters.latest("left_out_tables")
    for item in coded_elements():
        if tag_of(item.path) not in left_out and item.table not in tables:
            yield item


def whole_book(books: Books, name: str) -> Book | None:
    """The book if it is loaded, and not only in part."""
    book = books.by_name.get(name)
    return book if book is not None and book.complete else None


def books_missing(rule: Rule, books: Books, view: View) -> tuple[str, ...]:
    """Books that C220 would need for what these tables hold and that are not loaded, or only in part."""
    missing = set()
    for item in checked_elements(rule):
        rows = view.tables.get(item.table)
        if rows is not None and rows[item.column].null_count() < rows.height and whole_book(books, item.book) is None:
            missing.add(item.book)
    return tuple(sorted(missing))


def _placed(view: View, name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` of a table (_row, _parent, value) with the key of their level and `day`, one row for each case they concern."""
    placed = rows
    line = _ancestors(name)
    for parent in line[1:]:
        above = view.table(parent)
        grand = pl.col("_parent") if "_parent" in above.columns else pl.lit(None, dtype=pl.Int64)
        step = above.select(pl.col("_row").alias("_parent"), grand.alias("@parent"))
        placed = placed.join(step, on="_parent", how="left", maintain_order="left")
        placed = placed.drop("_row").rename({"_parent": "_row", "@parent": "_parent"})
    top = line[-1]
    if top in _DAYS:
        key, day = _DAYS[top]
        days = view.level(top).select(pl.col(key).alias("_row"), pl.col(day).alias("day"), "file_kind")
        return placed.join(days, on="_row", how="left", maintain_order="left").rename({"_row": key})
    if top == "file":
        return placed.join(view.files, on="package", how="left", maintain_order="left").with_columns(day=pl.col("dschet"))
    of_case = view.case.select("z_row", "zap_row", "package", "id_pac", "file_kind", pl.col("dschet").alias("day"))
    if top == "zap":
        of_record = of_case.drop("package", "id_pac").rename({"zap_row": "_row"})
        return placed.join(of_record, on="_row", how="inner", maintain_order="left")
    return placed.join(of_case, on=["package", "id_pac"], how="inner", maintain_order="left")


def _doubtful(view: View, rows: pl.DataFrame, item: Coded, codes: pl.DataFrame) -> pl.DataFrame:
    """Rows worth a look: nearly all codes hold on all days of the month, and need no look at each row."""
    top = _ancestors(item.table)[-1]
    own_day = item.table in _DAYS
    span = view.span(top, usual=own_day)
    used = pl.col(item.column).is_not_null()
    if span is None:
        return rows.filter(used)
    values = rows[item.column].drop_nulls().unique()
    sure = codes.filter((pl.col("valid_from") <= span[0]) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= span[1])))
    unsure = values.filter(~values.cast(pl.String).is_in(sure["code"].unique().implode()))
    doubt = pl.col(item.column).is_in(unsure.implode())
    if own_day:  # the span is the usual one: rows outside it are looked at one by one
        doubt = doubt | (~pl.col(_DAYS[top][1]).is_between(*span) & used)
    return rows.filter(doubt)


def _outside(run: Run, item: Coded, book: Book, attribute: str) -> pl.DataFrame:
    """Rows of one element whose code is not in the book on the day: the key of the level, value, day."""
    view = run.view
    rows = view.packaged(item.table) if item.table in ("file", "person") else view.table(item.table)
    codes = book.rows if attribute == "code" else book.rows.drop("code").rename({attribute: "code"})
    doubtful = _doubtful(view, rows, item, codes)
    if not doubtful.height:
        return doubtful
    keys = [name for name in ("_row", "_parent", "package", "id_pac") if name in rows.columns]
    days = _placed(view, item.table, doubtful.select(*keys, pl.col(item.column).cast(pl.String).alias("value")))
    if item.table != "person":
        days = days.filter(pl.col("file_kind").is_in(sorted(item.kinds)).fill_null(value=True))
    known = Book(book.name, book.edition, codes, book.complete).known(days["value"], days["day"])
    return days.filter((~known).fill_null(value=False))


@table("C220")
def code_not_in_book(run: Run, rule: Rule) -> list[tuple[str, pl.DataFrame]]:
    """Rows of every coded element of the files; a code of a person stands against each case of the person."""
    attributes, also_in, words = (rule.parameters.latest(name) for name in ("attributes", "also_in", "words"))
    parts = []
    for item in checked_elements(rule):
        book = whole_book(run.books, item.book)
        rows = run.view.tables.get(item.table)
        attribute = attributes.get(tag_of(item.path), "code")
        if book is None or rows is None or not rows.height or attribute not in book.rows.columns:
            continue
        wrong = _outside(run, item, book, attribute)
        if wrong.height and tag_of(item.path) in words:
            wrong = wrong.filter(pl.col("value") != words[tag_of(item.path)])
        second = whole_book(run.books, also_in.get(tag_of(item.path), ""))
        if wrong.height and second is not None:
            wrong = wrong.filter(~second.known(wrong["value"], wrong["day"]).fill_null(value=False))
        if wrong.height:
            level = _LEVELS[_ancestors(item.table)[-1]]
            params = params_of({"book": pl.lit(item.book), "day": pl.col("day")})
            parts.append((level, wrong.select(KEYS[level], "value", pl.lit(item.path).alias("element"), params.alias("params"))))
    return parts


@table("C043")
def diagnosis_not_in_book(run: Run, rule: Rule) -> list[tuple[str, pl.DataFrame]]:
    """A diagnosis is not in M001 on DATE_2."""
    book = run.books.require("M001")
    parts = []
    for name, column, path in _DIAGNOSES:
        rows = run.view.tables.get(name)
        if rows is not None and rows.height:
            wrong = _outside(run, Coded(name, column, path, "M001", _KINDS), book, "code")
            if wrong.height:
                params = params_of({"day": pl.col("day")})
                shown = wrong.select("sl_row", "value", pl.lit(path).alias("element"), params.alias("params"))
                parts.append(("sl", shown))
    return parts
