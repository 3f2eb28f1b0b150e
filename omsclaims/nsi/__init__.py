"""What did a code mean on a date? Reference books (НСИ) as dated tables with as-of look-ups.

A book is one frame: `code`, `valid_from`, `valid_to` (null: still in force) and the book's own attributes in lower case. The
same code may stand in several rows with different validity. Codes are looked up on the date of care, books are chosen by the
reporting period, never by today (Rules 158n; design: law.md 0-1). A miss is the caller's coded finding, never a zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from typing import Final

import polars as pl

#: Columns that every book has; attributes come after them.
KEY_COLUMNS: Final[dict[str, pl.DataType]] = {"code": pl.String(), "valid_from": pl.Date(), "valid_to": pl.Date()}
#: Stands for "since ever" where a book gives no beginning.
SINCE_EVER: Final = date(1900, 1, 1)


class BookMissingError(LookupError):
    """A book is needed that is not loaded: the run cannot go on without it."""


@dataclass(frozen=True)
class Book:
    """One edition of a reference book.

    name      official name of the book, such as V006
    edition   version as published, or the name of the territory that keeps the book
    rows      frame with KEY_COLUMNS and attributes
    complete  False when only part of the official book is here: then a code that is not found proves nothing
    """

    name: str
    edition: str
    rows: pl.DataFrame
    complete: bool = True

    def __post_init__(self) -> None:
        missing = [column for column in KEY_COLUMNS if column not in self.rows.columns]
        if missing:
            raise ValueError(f"book {self.name} lacks the columns {missing}")

    def on(self, day: date) -> pl.DataFrame:
        """Rows in force on a date."""
        return self.rows.filter((pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day)))

    def known(self, codes: pl.Series, days: pl.Series) -> pl.Series:
        """For each (code, day): whether the book holds the code on that day. Null code or day gives null."""
        asked = pl.DataFrame({"code": codes.cast(pl.String), "day": days})
        pairs = asked.drop_nulls().unique()
        held = (
            pairs.join(self.rows.select(*KEY_COLUMNS), on="code")
            .filter(
                (pl.col("valid_from") <= pl.col("day")) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("day")))
            )
            .select("code", "day")
            .unique()
            .with_columns(held=pl.lit(True))
        )
        found = asked.join(held, on=["code", "day"], how="left", maintain_order="left")
        missing = pl.col("code").is_null() | pl.col("day").is_null()
        return found.select(pl.when(missing).then(None).otherwise(pl.col("held").fill_null(False)).alias("known"))["known"]

    def with_attributes(self, table: pl.DataFrame, code: str, day: str, attributes: Mapping[str, str]) -> pl.DataFrame:
        """`table` plus attributes of the book's row for column `code` on the date in column `day`.

        attributes  column of the book -> name of the new column; null where the code is unknown on the day

        Raises ValueError when the book has two rows for one code and day: a book that contradicts itself.
        """
        pairs = table.select(pl.col(code).cast(pl.String).alias("code"), pl.col(day).alias("day")).drop_nulls().unique()
        rows = (
            pairs.join(self.rows.select(*KEY_COLUMNS, *attributes), on="code")
            .filter(
                (pl.col("valid_from") <= pl.col("day")) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("day")))
            )
            .select("code", "day", *(pl.col(source).alias(target) for source, target in attributes.items()))
        )
        if rows.select("code", "day").is_duplicated().any():
            twice = rows.filter(rows.select("code", "day").is_duplicated()).row(0)
            raise ValueError(f"book {self.name} holds two rows for code {twice[0]} on {twice[1]}")
        keyed = table.with_columns(pl.col(code).cast(pl.String).alias("__code"))
        joined = keyed.join(rows, left_on=["__code", day], right_on=["code", "day"], how="left", maintain_order="left")
        return joined.drop("__code")


@dataclass(frozen=True)
class Books:
    """The editions chosen for one run, by name of the book."""

    by_name: Mapping[str, Book] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the book is loaded."""
        return name in self.by_name

    def require(self, name: str) -> Book:
        """The book `name`. Raises BookMissingError with what to do when it is not loaded."""
        book = self.by_name.get(name)
        if book is None:
            raise BookMissingError(f"the book {name} is not loaded: omsclaims nsi load <file of {name}>")
        return book

    def with_books(self, books: Mapping[str, Book]) -> Books:
        """These books with others added or put in their place."""
        return Books({**self.by_name, **books})


def _as_date(rows: pl.DataFrame, column: str) -> pl.Expr:
    """A validity column as dates, whether it came as ISO text, as dates or as nothing but nulls."""
    text = rows.schema[column] == pl.String
    return pl.col(column).str.to_date("%Y-%m-%d") if text else pl.col(column).cast(pl.Date)


def book_from_rows(name: str, edition: str, rows: pl.DataFrame, complete: bool = True) -> Book:
    """A Book from a frame of text: validity columns are typed, an empty beginning means since ever."""
    lowered = rows.rename({column: column.lower() for column in rows.columns})
    typed = lowered.with_columns(
        pl.col("code").cast(pl.String),
        _as_date(lowered, "valid_from").fill_null(SINCE_EVER),
        _as_date(lowered, "valid_to"),
    )
    return Book(name, edition, typed.sort("code", "valid_from"), complete)


@cache
def built_in_books() -> Books:
    """The small federal books that come with the program (`omsclaims/nsi/books/*.csv`, our own layout and wording)."""
    found: dict[str, Book] = {}
    folder = resources.files("omsclaims") / "nsi" / "books"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".csv"):
            name = entry.name.removesuffix(".csv")
            rows = pl.read_csv(entry.read_text(encoding="utf-8").encode(), infer_schema=False)
            found[name] = book_from_rows(name, "built-in", rows)
    return Books(found)
