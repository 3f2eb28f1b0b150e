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
_KINDS: Final = {"text": pl.String(), "number": pl.Int64(), "date": pl.Date()}
#: Characters of a category of ICD-10.
_CATEGORY: Final = 3


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a regional table: its name, its kind (text, number, date), whether it may be absent, and what it says."""

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
    if column.kind == "date":
        return filled.str.to_date("%Y-%m-%d", strict=False)
    return filled if column.kind == "text" else filled.str.to_integer(dtype=pl.Int64, strict=False)


def in_force(day: pl.Expr) -> pl.Expr:
    """Whether the joined row of a table is in force on a day."""
    return (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))


def of_code(rows: pl.DataFrame, listed: pl.DataFrame, code: str, day: str) -> pl.DataFrame:
    """`rows` joined with the rows of a table for their code (column `code`) in force on their day (column `day`).

    Columns of the table that `rows` has as well bear the ending `_listed`. Rows without a row of the table are left out.
    """
    found = rows.join(listed, left_on=code, right_on="code", how="inner", suffix="_listed", maintain_order="left_right")
    return found.filter(in_force(pl.col(day)))


def of_diagnosis(rows: pl.DataFrame, listed: pl.DataFrame, diagnosis: str, day: str) -> pl.DataFrame:
    """As `of_code` for a diagnosis: the rows of the table for it, and where there is none those for its category."""
    numbered = rows.with_row_index("@row")
    own = of_code(numbered, listed, diagnosis, day)
    rest = numbered.join(own.select("@row").unique(), on="@row", how="anti", maintain_order="left")
    of_category = rest.with_columns(pl.col(diagnosis).str.head(_CATEGORY).alias("@category"))
    wider = of_code(of_category, listed, "@category", day).select(own.columns)
    return pl.concat([own, wider]).sort("@row", maintain_order=True).drop("@row")
