"""Which tables does a region keep for control that no federal book holds? Their layouts, and their rows as typed frames.

A rule that needs such a table names it among its books (R001, R002, ...). The table is loaded like any book, as CSV in our own
layout (`code,valid_from,valid_to` and the columns of `regional.yaml`); without it the rule is not executed and says so. Values
are text in a book: here they get their types; a value that is no number is null, and what needs it is silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import polars as pl
import yaml

from omsclaims.nsi import KEY_COLUMNS, Book, Books

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KINDS: Final = {"text": pl.String(), "number": pl.Int64()}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a regional table: its name, `text` or `number`, whether it may be absent, and what it says."""

    name: str
    kind: str
    optional: bool
    ru: str
    en: str

    def meaning(self, lang: str) -> str:
        """What the column says."""
        return self.ru if lang == "ru" else self.en


@dataclass(frozen=True, slots=True)
class Layout:
    """A regional table: what a row says, and its columns; `code` is the first."""

    name: str
    columns: tuple[Column, ...]
    ru: str
    en: str

    def meaning(self, lang: str) -> str:
        """What a row of the table says."""
        return self.ru if lang == "ru" else self.en


@cache
def layouts() -> dict[str, Layout]:
    """The layouts of regional tables by name of the book."""
    text = resources.files(__package__).joinpath("regional.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.load(text, Loader=_LOADER)  # noqa: S506
    return {
        name: Layout(
            name,
            tuple(
                Column(column, about.get("kind", "text"), about.get("optional", False), about["ru"], about["en"])
                for column, about in entry["columns"].items()
            ),
            entry["ru"], entry["en"],
        )
        for name, entry in raw.items()
    }  # fmt: skip


def columns_missing(book: Book) -> tuple[str, ...]:
    """Columns that a regional table should have and lacks; none for other books."""
    layout = layouts().get(book.name)
    if layout is None:
        return ()
    return tuple(one.name for one in layout.columns if not one.optional and one.name not in book.rows.columns)


def table(books: Books, name: str) -> pl.DataFrame:
    """Rows of a regional table with the columns of its layout, typed; absent optional columns are null. Sorted.

    Raises BookMissingError when the book is not loaded.
    """
    rows = books.require(name).rows
    typed = [_typed(rows, one).alias(one.name) for one in layouts()[name].columns]
    found = rows.select(*typed, *(column for column in KEY_COLUMNS if column != "code"))
    return found.sort(found.columns, nulls_last=True)


def _typed(rows: pl.DataFrame, column: Column) -> pl.Expr:
    if column.name not in rows.columns:
        return pl.lit(None, dtype=_KINDS[column.kind])
    text = pl.col(column.name).cast(pl.String).str.strip_chars()
    filled = pl.when(text != "").then(text)
    return filled if column.kind == "text" else filled.str.to_integer(strict=False)


def in_force(day: pl.Expr) -> pl.Expr:
    """Whether the joined row of a table is in force on a day."""
    return (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))
