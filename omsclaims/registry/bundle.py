"""Several packages as one set of tables: their rows numbered through, and what is found there given back package by package.

A check costs something before it looks at the first row. Packages of small clinics are therefore looked at together; the answer
is the same as one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

Tables = Mapping[str, pl.DataFrame]
#: Tables that say themselves which package their rows are of; all others hang on them, or on what hangs on them.
_NAMED: Final = ("file", "z_sl", "person")
#: Rows of these name a row of the table that their column `table` names.
_NAMING: Final = ("exceptions", "extra")


def stacked(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all parts, with every column that one of them has.

    About half of the columns of a canonical table stand in editions that no file at hand has: they are not carried from part to
    part but added once as a constant that takes no room.
    """
    filled = [part.select(column for column in part.iter_columns() if column.null_count() < part.height) for part in parts]
    table = pl.concat(filled, how="diagonal")
    columns = {column: kind for part in parts for column, kind in part.schema.items()}
    return table.select(
        pl.col(column) if column in table.columns else pl.lit(None, dtype=kind).alias(column) for column, kind in columns.items()
    )


@dataclass(frozen=True)
class Bundle:
    """Tables of one or several packages. `_row` is the place in the table, `_parent` that in the parent table.

    names   of the packages; all different
    tables  canonical tables of both files, one package behind the other; of several packages the tables `file`, `z_sl` and
            `person` have the column `package`
    starts  table -> first row of each package, and the number of rows behind the last
    """

    names: tuple[str, ...]
    tables: Tables
    starts: Mapping[str, np.ndarray]

    @staticmethod
    def one(name: str, tables: Tables) -> Bundle:
        """One package, as it is."""
        starts = {table: np.array([0, rows.height], np.int64) for table, rows in tables.items()}
        return Bundle((name,), tables, starts)

    @staticmethod
    def of(packages: Sequence[tuple[str, Tables]], parents: Mapping[str, str]) -> Bundle:
        """Packages with one row in `file` each, and rows numbered from 0 in each table. parents: table -> parent table."""
        if len(packages) == 1:
            return Bundle.one(*packages[0])
        order = list(dict.fromkeys(table for _, tables in packages for table in tables))
        starts = {table: _starts([tables.get(table) for _, tables in packages]) for table in order}
        whole = {}
        for table in order:
            parts = []
            for number, (name, tables) in enumerate(packages):
                rows = tables.get(table)
                if rows is not None and rows.height:
                    parts.append(_moved(table, rows, name, number, starts, parents))
            whole[table] = stacked(parts) if parts else next(tables[table] for _, tables in packages if table in tables)
        return Bundle(tuple(name for name, _ in packages), whole, starts)

    def ordinals(self, table: str) -> np.ndarray:
        """For each row of a table the number of its package, from 0."""
        starts = self.starts.get(table)
        return np.zeros(0, np.int64) if starts is None else np.repeat(np.arange(len(self.names)), np.diff(starts))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def parted(self, found: pl.DataFrame) -> list[pl.DataFrame]:
        """Findings package by package, with z_row and sl_row as the package alone has them."""
        if len(self.names) == 1:
            return [found]
        parts = [found.clear()] * len(self.names)
        for (name,), part in found.partition_by("package", as_dict=True, maintain_order=True).items():
            place = self._places[str(name)]
            before = {column: int(self.starts[table][place]) for column, table in (("z_row", "z_sl"), ("sl_row", "sl"))}
            parts[place] = part.with_columns(pl.col(column) - rows for column, rows in before.items())
        return parts


def _starts(parts: Sequence[pl.DataFrame | None]) -> np.ndarray:
    return np.cumsum([0, *(0 if part is None else part.height for part in parts)], dtype=np.int64)


def _moved(
    table: str, rows: pl.DataFrame, package: str, number: int, starts: Mapping[str, np.ndarray], parents: Mapping[str, str]
) -> pl.DataFrame:
    """Rows of one package with their numbers among all packages."""
    if table in _NAMING:
        first = {name: int(of[number]) for name, of in starts.items()}
        return rows.with_columns(pl.col("_row") + pl.col("table").replace_strict(first, default=0, return_dtype=pl.Int64))
    moved = [pl.col("_row") + int(starts[table][number])]
    above = starts.get(parents.get(table, ""))
    if above is not None and "_parent" in rows.columns:
        moved.append(pl.col("_parent") + int(above[number]))
    if table in _NAMED:
        moved.append(pl.lit(package).alias("package"))
    return rows.with_columns(moved)
