"""Is a value in a classifier on a date? NSI_OBJ and NSI_EL of the check books, found in the loaded books (checks.md 1.4).

Codes are looked up on the date of care: a completed case on DATE_Z_2, a case on DATE_2, a service on DATE_OUT, a header on
DSCHET.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Final

import polars as pl

from omsclaims.nsi import Book, Books
from omsclaims.nsi.loader import layouts

#: Column of the day of look-up by table: (table, column). What hangs on one of these tables takes its day.
DAYS: Final[dict[str, tuple[str, str]]] = {
    "usl": ("usl", "date_out"), "sl": ("sl", "date_2"), "z_sl": ("z_sl", "date_z_2"), "file": ("file", "dschet"),
    "person_file": ("person_file", "data"),
}  # fmt: skip


@cache
def column_of(book: str, element: str) -> str:
    """Our column for an element of a classifier: `code` for its key, the attribute's own name, else the name in lower case."""
    layout = layouts().get(book)
    wanted = element.strip().lower()
    if layout is None or not wanted or wanted in layout.key or "+" in wanted:
        return "code"
    return next((ours for ours, theirs in layout.columns.items() if theirs == wanted), wanted)


@cache
def pair_column(book: str, element: str) -> str:
    """As `column_of`, for one of several columns of a row: a book of no known layout has each by its own name."""
    return column_of(book, element) if book in layouts() else element.strip().lower()


def usable(books: Books, book: str, column: str) -> str:
    """Why a look-up in a book cannot be done: `book` not loaded, `part` of it only, no such `column`; empty if it can."""
    if not books.has(book):
        return "book"
    found = books.require(book)
    if not found.complete:
        return "part"
    return "" if column in found.rows.columns else "column"


def known(books: Books, book: str, column: str, values: pl.Series, days: pl.Series | None) -> pl.Series:
    """For each value (text or whole number) whether the book has it in the column on the day; null where either is missing.

    days  None: on any day
    """
    return together(books, book, (column,), [values], days)


def together(
    books: Books, book: str, columns: tuple[str, ...], values: Sequence[pl.Series], days: pl.Series | None,
    fixed: Sequence[tuple[str, str]] = (),
) -> pl.Series:  # fmt: skip
    """For each row of values whether one row of the book has all of them in its columns on the day; null where one is missing.

    fixed  columns of the book that must hold a given text
    """
    names = [f"v{number}" for number in range(len(columns))]
    asked = pl.DataFrame(dict(zip(names, values, strict=True)))
    if days is not None:
        asked = asked.with_columns(days.alias("day"))
    keys = asked.columns
    held_in = books.require(book)
    if fixed:
        kept = held_in.rows.filter(pl.all_horizontal(pl.col(column).cast(pl.String) == text for column, text in fixed))
        held_in = replace(held_in, rows=kept)
    rows = _rows(held_in, columns, [one.dtype == pl.Int64 for one in values])
    met = asked.unique().drop_nulls().join(rows, on=names)
    if days is not None:
        inside = pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("day"))
        met = met.filter((pl.col("valid_from") <= pl.col("day")) & inside)
    held = met.select(keys).unique().with_columns(held=pl.lit(True))
    found = asked.join(held, on=keys, how="left", maintain_order="left")
    missing = pl.any_horizontal(pl.col(name).is_null() for name in keys)
    return found.select(pl.when(missing).then(None).otherwise(pl.col("held").fill_null(False)).alias("known"))["known"]


def _rows(book: Book, columns: tuple[str, ...], numbers: list[bool]) -> pl.DataFrame:
    """Values of columns with their validity; as numbers, where the element is one (`01` is 1)."""
    made = []
    for place, (column, number) in enumerate(zip(columns, numbers, strict=True)):
        code = pl.col(column).cast(pl.String).str.strip_chars()
        made.append((code.str.to_integer(strict=False, dtype=pl.Int64) if number else code).alias(f"v{place}"))
    return book.rows.select(*made, "valid_from", "valid_to").drop_nulls([f"v{place}" for place in range(len(columns))])


__all__ = ["DAYS", "column_of", "known", "pair_column", "together", "usable"]
