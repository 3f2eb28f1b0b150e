"""What changed between two editions of a book? Rows added, removed and changed, column by column.

A row is the same row in both editions when code and beginning agree; where they do not, when the code alone does (a corrected
date). Several rows of one code are paired in their order after the equal ones are taken out. In a book whose rows have no
identity but themselves (`whole`: the grouper) nothing is changed, only added and removed. The ordinal `row` is no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import polars as pl

from omsclaims.nsi.book import SINCE_EVER, Book
from omsclaims.nsi.layouts import layouts

#: One line per difference: rows added and removed have one line with all their values in `old` or `new`; changed rows have one
#: for each column. `n` counts the rows that differ.
COLUMNS: Final[dict[str, pl.DataType]] = {
    "n": pl.Int64(), "change": pl.String(), "code": pl.String(), "valid_from": pl.Date(), "column": pl.String(),
    "old": pl.String(), "new": pl.String(),
}  # fmt: skip
Change = Literal["added", "removed", "changed"]
_NOT_CONTENT: Final = frozenset({"row"})


@dataclass(frozen=True)
class Comparison:
    """The differences of two editions: lines (COLUMNS), and how many rows each change concerns."""

    lines: pl.DataFrame
    added: int
    removed: int
    changed: int

    @property
    def total(self) -> int:
        """Rows that differ."""
        return self.added + self.removed + self.changed


def compare(old: Book, new: Book) -> Comparison:
    """Every difference between two editions of one book, by code, beginning, change and column."""
    columns = _columns(old, new)
    left, right = _texts(old, columns), _texts(new, columns)
    left, right = _unequal(left, right, columns), _unequal(right, left, columns)
    layout = layouts().get(old.name)
    pairs: list[tuple[dict[str, str | None], dict[str, str | None]]] = []
    if layout is None or not layout.whole:
        for keys in (("code", "valid_from"), ("code",)):
            found, left, right = _paired(left, right, keys, columns)
            pairs += found
    changed = [(row["code"], row["valid_from"], "changed", before, row) for before, row in pairs]
    removed = [(row["code"], row["valid_from"], "removed", row, None) for row in left.to_dicts()]
    added = [(row["code"], row["valid_from"], "added", None, row) for row in right.to_dicts()]
    differences = sorted([*removed, *changed, *added], key=lambda one: (one[0] or "", one[1] or "", one[2]))
    lines = [line for n, one in enumerate(differences, 1) for line in _lines(n, *one, columns)]
    frame = pl.DataFrame(lines, schema=COLUMNS, orient="row")
    return Comparison(frame, len(added), len(removed), len(changed))


def _columns(old: Book, new: Book) -> list[str]:
    """Columns of both, keys first."""
    ours = [*old.rows.columns, *(column for column in new.rows.columns if column not in old.rows.columns)]
    first = ["code", "valid_from", "valid_to"]
    return [*first, *(column for column in ours if column not in first and column not in _NOT_CONTENT)]


def _texts(book: Book, columns: list[str]) -> pl.DataFrame:
    """Rows as text in the order of the file, as far as it is known."""
    rows = book.rows.sort("row", maintain_order=True) if "row" in book.rows.columns else book.rows
    return rows.select(
        pl.col(column).cast(pl.String) if column in rows.columns else pl.lit(None, dtype=pl.String).alias(column)
        for column in columns
    )


def _counted(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Rows with the number of each among those that are equal in `keys`."""
    return rows.with_columns(pl.int_range(pl.len()).over(keys).alias("NTH"))


def _unequal(rows: pl.DataFrame, others: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Rows that have no equal among the others, each counted as often as it stands there."""
    keys = [*columns, "NTH"]
    return (
        _counted(rows, columns)
        .join(_counted(others, columns), on=keys, how="anti", nulls_equal=True, maintain_order="left")
        .drop("NTH")
    )


def _paired(
    left: pl.DataFrame, right: pl.DataFrame, keys: tuple[str, ...], columns: list[str]
) -> tuple[list[tuple[dict[str, str | None], dict[str, str | None]]], pl.DataFrame, pl.DataFrame]:
    """Rows that belong together by `keys` and their order, and what is left of both."""
    on = [*keys, "NTH"]
    one, other = _counted(left, [*keys]), _counted(right, [*keys])
    both = one.join(other, on=on, how="inner", suffix=":NEW", nulls_equal=True, maintain_order="left")
    news = [column if column in keys else f"{column}:NEW" for column in columns]
    after = both.select(news).rename(dict(zip(news, columns, strict=True)))
    pairs = list(zip(both.select(columns).to_dicts(), after.to_dicts(), strict=True))
    rest = [
        part.join(both.select(on), on=on, how="anti", nulls_equal=True, maintain_order="left").drop("NTH")
        for part in (one, other)
    ]
    return pairs, rest[0], rest[1]


def _lines(
    n: int, code: str | None, first: str | None, change: str, old: dict[str, str | None] | None,
    new: dict[str, str | None] | None, columns: list[str],
) -> list[tuple[object, ...]]:  # fmt: skip
    begins = date.fromisoformat(first) if first else None
    if old is not None and new is not None:
        differ = [column for column in columns if old[column] != new[column]]
        return [(n, change, code, begins, column, old[column], new[column]) for column in differ]
    return [(n, change, code, begins, None, _all(old), _all(new))]


def _all(row: dict[str, str | None] | None) -> str | None:
    """All values of a row in one text, without the key."""
    if row is None:
        return None
    values = {column: value for column, value in row.items() if column not in ("code", "valid_from") and value is not None}
    return "; ".join(f"{column}={value}" for column, value in values.items()) or "-"


def attributes(row: dict[str, object]) -> list[tuple[str, str]]:
    """A row of a book as (column, value) for people: validity first, empty ones left out, since ever as a dash."""
    shown = []
    for column, value in row.items():
        if value is not None:
            shown.append((column, "-" if column == "valid_from" and value == SINCE_EVER else str(value)))
    return shown
