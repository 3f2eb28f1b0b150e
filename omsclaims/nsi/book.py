"""What did a code mean on a date, by one edition of a book? The edition as a dated frame with as-of look-ups (law.md 0-1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import polars as pl

#: Columns that every book has; attributes come after them.
KEY_COLUMNS: Final[dict[str, pl.DataType]] = {"code": pl.String(), "valid_from": pl.Date(), "valid_to": pl.Date()}
#: Stands for "since ever" where a book gives no beginning.
SINCE_EVER: Final = date(1900, 1, 1)


class BookMissingError(LookupError):
    """A book is needed that is not there: the run cannot go on without it.

    learned_on  the day on which the workspace came to know the book, where that lies after the day of the run
    """

    def __init__(self, name: str, learned_on: date | None = None) -> None:
        if learned_on is None:
            said = f"the book {name} is not loaded: omsclaims nsi load <file of {name}>"
        else:
            said = f"the book {name} was loaded with the day {learned_on}, after the day of this run"
        super().__init__(said)
        self.name = name
        self.learned_on = learned_on


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row of a check book that could not be read and is not in the edition: a hole that has to be said.

    row     ordinal of the row in the file, from 1
    code    its id, as far as it has one
    rule    the finding that says why (N.102-N.111)
    column  the column that is wrong, in upper case
    value   what stood there
    """

    row: int
    code: str
    rule: str
    column: str
    value: str


@dataclass(frozen=True)
class Book:
    """One edition of a reference book.

    name        official name of the book, such as V006
    edition     version and date as published, or what stands for them
    rows        frame with KEY_COLUMNS and attributes (texts; decimals as whole units of their last decimal)
    complete    False when only part of the official book is here: then a code that is not found proves nothing
    version     version as published; None where the source has none
    published   day of publication as published
    holds_from  first day of the edition; reporting months that end before it are not checked by it (see `library`)
    source      xml, csv, xlsx or built-in
    left_out    rows of a check book that are not in `rows`
    """

    name: str
    edition: str
    rows: pl.DataFrame
    complete: bool = True
    version: str | None = None
    published: date | None = None
    holds_from: date = SINCE_EVER
    source: str = "csv"
    left_out: tuple[LeftOut, ...] = ()

    def __post_init__(self) -> None:
        missing = [column for column in KEY_COLUMNS if column not in self.rows.columns]
        if missing:
            raise ValueError(f"book {self.name} lacks the columns {missing}")

    def on(self, day: date) -> pl.DataFrame:
        """Rows in force on a date."""
        return self.rows.filter((pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day)))

    def nearest(self, code: str, day: date) -> tuple[date, date | None] | None:
        """Validity of the row of a code that lies nearest to a day on which the code is not in force; None: no such code."""
        rows = self.rows.filter(pl.col("code") == code).select("valid_from", "valid_to").rows()
        if not rows:
            return None

        def away(row: tuple[date, date | None]) -> tuple[int, date]:
            first, last = row
            return (first - day).days if first > day else (day - (last or date.max)).days, first

        return min(rows, key=away)

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


class Shelf(Mapping[str, Book]):
    """Books by name, each opened when it is first asked for: a month needs few of the many that are loaded."""

    def __init__(self, openers: Mapping[str, Callable[[], Book]]) -> None:
        self._openers = dict(sorted(openers.items()))
        self._open: dict[str, Book] = {}

    def __getitem__(self, name: str) -> Book:
        if name not in self._open:
            self._open[name] = self._openers[name]()
        return self._open[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._openers)

    def __len__(self) -> int:
        return len(self._openers)

    def __contains__(self, name: object) -> bool:
        return name in self._openers

    def with_books(self, books: Mapping[str, Book]) -> Shelf:
        """This shelf with others added or put in their place; none is opened for it."""
        return Shelf({**self._openers, **{name: _opened(book) for name, book in books.items()}})


def _opened(book: Book) -> Callable[[], Book]:
    return lambda: book


@dataclass(frozen=True)
class Books:
    """The editions chosen for one run, by name of the book.

    later  books that are in the workspace, but were learned after the day of the run: name -> the day they were learned
    """

    by_name: Mapping[str, Book] = field(default_factory=dict)
    later: Mapping[str, date] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the book is loaded."""
        return name in self.by_name

    def require(self, name: str) -> Book:
        """The book `name`. Raises BookMissingError with what to do when it is not loaded, or was not known yet."""
        book = self.by_name.get(name)
        if book is None:
            raise BookMissingError(name, self.later.get(name))
        return book

    def with_books(self, books: Mapping[str, Book]) -> Books:
        """These books with others added or put in their place."""
        shelf = self.by_name if isinstance(self.by_name, Shelf) else None
        return Books(shelf.with_books(books) if shelf is not None else {**self.by_name, **books}, self.later)


def _as_date(rows: pl.DataFrame, column: str) -> pl.Expr:
    """A validity column as dates, whether it came as ISO text, as dates or as nothing but nulls."""
    text = rows.schema[column] == pl.String
    return pl.col(column).str.to_date("%Y-%m-%d") if text else pl.col(column).cast(pl.Date)


def typed_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a book as they are kept: names in lower case, validity as dates, by code and beginning; else in the order given.

    An empty beginning means since ever.
    """
    lowered = rows.rename({column: column.lower() for column in rows.columns})
    typed = lowered.with_columns(
        pl.col("code").cast(pl.String),
        _as_date(lowered, "valid_from").fill_null(SINCE_EVER),
        _as_date(lowered, "valid_to"),
    )
    return typed.sort("code", "valid_from", maintain_order=True)


def book_from_rows(name: str, edition: str, rows: pl.DataFrame, complete: bool = True) -> Book:
    """A Book from a frame of text: validity columns are typed, an empty beginning means since ever."""
    return Book(name, edition, typed_rows(rows), complete)
