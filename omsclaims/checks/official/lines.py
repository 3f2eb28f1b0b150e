"""What lies on one line for a check of the books? Columns of a package's tables brought to the rows that a check looks at.

A check is an expression over the rows of one table. What it needs of other tables is named by references (`Ref`); the columns are
made here, once for all packages that are looked at together, only those that some check asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from omsclaims.checks.official import classifiers
from omsclaims.checks.official.resolve import Editions
from omsclaims.nsi import Books
from omsclaims.registry import formats, names
from omsclaims.registry.bundle import Bundle
from omsclaims.registry.formats import Family

#: Columns of the table `file` that are made here: parts of the name of the file, period (YYYYMM), kind, the day of processing.
MADE: Final[dict[str, pl.DataType]] = {
    "@pi": pl.String(), "@ni": pl.String(), "@pp": pl.String(), "@np": pl.String(), "@yy": pl.Int64(), "@mm": pl.Int64(),
    "@period": pl.Int64(), "@kind": pl.String(), "@today": pl.Date(),
}  # fmt: skip


@dataclass(frozen=True)
class Ref:
    """A column that a check needs: `key` is its name in the frame of the check."""

    key: str
    table: str


@dataclass(frozen=True)
class Value(Ref):
    """The values of a column."""

    column: str


@dataclass(frozen=True)
class Has(Ref):
    """Whether there is a value, also an empty or an unreadable one."""

    column: str


@dataclass(frozen=True)
class Raw(Ref):
    """The text of a value that is no value of its type, as it stands in the file; null for all others."""

    column: str


@dataclass(frozen=True)
class Exists(Ref):
    """Whether among the rows of `child` that hang on a row of `table` there is one for which `where` is true."""

    child: str
    where: pl.Expr
    refs: tuple[Ref, ...]


@dataclass(frozen=True)
class Member(Ref):
    """Whether the value is in the column of a book on the day; null without value or day."""

    column: str
    book: str
    book_column: str
    day: Ref | None


@dataclass(frozen=True)
class Aggregate(Ref):
    """A number over the rows of `child` that hang on a row of `table`: sum, max, count (`of` empty) of those where it holds."""

    child: str
    how: str  # sum | max | count | distinct
    of: pl.Expr
    where: pl.Expr
    refs: tuple[Ref, ...]


@dataclass(frozen=True)
class Together(Ref):
    """Whether the values of several columns stand together in one row of a book on the day; null where one is missing."""

    of: tuple[Ref, ...]
    book: str
    book_columns: tuple[str, ...]
    day: Ref | None
    fixed: tuple[tuple[str, str], ...] = ()  # columns of the book whose value is given


@dataclass(frozen=True)
class Computed(Ref):
    """A column that a predicate computes itself from the tables of the package."""

    make: Callable[[Lines], pl.Series]


@dataclass
class Lines:
    """The tables of packages of one kind, month and pair of editions, and columns of them brought to other rows.

    packages  canonical tables of both files; where a name breaks the grammar its parts are unknown
    today     day of processing
    """

    packages: Bundle
    editions: Editions
    books: Books
    today: date
    _index: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    _columns: dict[tuple[str, str], pl.Series] = field(default_factory=dict)

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The canonical tables of all packages."""
        return self.packages.tables

    def height(self, table: str) -> int:
        """Rows of a table."""
        found = self.tables.get(table)
        return 0 if found is None else found.height

    def frame(self, table: str, refs: Iterable[Ref]) -> pl.DataFrame:
        """The rows of a table with the columns of `refs`, named by their keys; row for row with the table."""
        columns: dict[str, pl.Series] = {}
        for ref in refs:
            if ref.key not in columns:
                columns[ref.key] = self.at(table, ref).alias(ref.key)
        return pl.DataFrame(columns) if columns else pl.DataFrame({"@": np.zeros(self.height(table), np.int8)})

    def at(self, table: str, ref: Ref) -> pl.Series:
        """One column, brought to the rows of a table."""
        own = self._own(ref)
        if ref.table == table:
            return own
        return own.gather(self._nulled(table, ref.table))

    # ---------------------------------------------------------------- rows of other tables

    def index(self, table: str, above: str) -> np.ndarray:
        """For each row of a table the row of the table above it; -1 where there is none."""
        key = (table, above)
        if key not in self._index:
            self._index[key] = self._made_index(table, above)
        return self._index[key]

    def _nulled(self, table: str, above: str) -> pl.Series:
        rows = self.index(table, above)
        found = pl.Series(rows, dtype=pl.Int64)
        return found if not rows.size or rows.min() >= 0 else found.set(found < 0, None)

    def _made_index(self, table: str, above: str) -> np.ndarray:
        if table == above:
            return np.arange(self.height(table), dtype=np.int64)
        if above in ("file", "person_file"):
            of_table: np.ndarray = self._header_of(above)[self.packages.ordinals(table)]
            return of_table
        parent = self.editions.parents.get(table)
        if above == "person" and (parent is None or "person" not in self._climb(table)):
            return self._persons() if table == "patient" else through(self.index(table, "patient"), self.index("patient", above))
        if above == "patient" and table == "zap":
            return self._first("patient", self.height("zap"))
        if above == "patient" and "patient" not in self._climb(table):
            return through(self.index(table, "zap"), self.index("zap", above))
        if parent is None:
            raise LookupError(f"{above} is not above {table}")
        return through(self._parent_rows(table), self.index(parent, above))

    def _header_of(self, header: str) -> np.ndarray:
        """For each package the row of its header; -1 where it has none."""
        starts = self.packages.starts.get(header)
        if starts is None:
            return np.full(len(self.packages.names), -1, np.int64)
        found: np.ndarray = np.where(np.diff(starts) > 0, starts[:-1], -1)
        return found

    def _climb(self, table: str) -> list[str]:
        """The tables that a table hangs on by its own rows."""
        found: list[str] = []
        while table in self.editions.parents:
            table = self.editions.parents[table]
            found.append(table)
        return found

    def _parent_rows(self, table: str) -> np.ndarray:
        found = self.tables.get(table)
        if found is None or not found.height:
            return np.zeros(0, np.int64)
        return found["_parent"].fill_null(-1).to_numpy()

    def _first(self, child: str, size: int) -> np.ndarray:
        """For each of `size` rows the first row of `child` that hangs on it."""
        parents = self._parent_rows(child)
        first = np.full(size, -1, np.int64)
        first[parents[::-1]] = np.arange(parents.size - 1, -1, -1)
        return first

    def _persons(self) -> np.ndarray:
        """For each patient the person of the same ID_PAC in its package, the first where it stands twice."""
        if not self.height("person") or "id_pac" not in self.tables["patient"].columns:
            return np.full(self.height("patient"), -1, np.int64)
        key = ["@package", "id_pac"]
        persons, patients = (
            self.tables[name].select("id_pac", pl.Series("@package", self.packages.ordinals(name)))
            for name in ("person", "patient")
        )
        numbered = persons.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("at"))
        first = numbered.filter(pl.col("id_pac").is_not_null()).unique(key, keep="first")
        return patients.join(first, on=key, how="left", maintain_order="left")["at"].fill_null(-1).to_numpy()

    # ---------------------------------------------------------------- columns

    def _own(self, ref: Ref) -> pl.Series:
        """The column of a reference at its own table."""
        key = (ref.table, ref.key)
        if key not in self._columns:
            self._columns[key] = self._made(ref)
        return self._columns[key]

    def _made(self, ref: Ref) -> pl.Series:
        if isinstance(ref, Value):
            return self._name_part(ref) if ref.column.startswith("@") else self._values(ref.table, ref.column)
        if isinstance(ref, Has):
            values = self._values(ref.table, ref.column).is_not_null()
            rows = self._exceptions(ref.table, ref.column)["_row"]
            return values.scatter(rows, True) if rows.len() else values
        if isinstance(ref, Raw):
            made = pl.Series([None], dtype=pl.String).new_from_index(0, self.height(ref.table))
            found = self._exceptions(ref.table, ref.column)
            return made.scatter(found["_row"], found["raw"].fill_null("")) if found.height else made
        if isinstance(ref, Exists):
            return self._exists(ref)
        if isinstance(ref, Aggregate):
            return self._aggregate(ref)
        if isinstance(ref, Member):
            day = None if ref.day is None else self.at(ref.table, ref.day)
            return classifiers.known(self.books, ref.book, ref.book_column, self._values(ref.table, ref.column), day)
        if isinstance(ref, Together):
            day = None if ref.day is None else self.at(ref.table, ref.day)
            asked = [self.at(ref.table, one) for one in ref.of]
            return classifiers.together(self.books, ref.book, ref.book_columns, asked, day, ref.fixed)
        if isinstance(ref, Computed):
            return ref.make(self)
        raise TypeError(f"no column of {type(ref).__name__}")

    def _values(self, table: str, column: str) -> pl.Series:
        found = self.tables.get(table)
        if found is not None and column in found.columns:
            return found[column]
        kind = _type_of(table, column)
        return pl.Series([None], dtype=kind).new_from_index(0, self.height(table))

    def _exceptions(self, table: str, column: str) -> pl.DataFrame:
        found = self.tables.get("exceptions")
        if found is None or not found.height:
            return pl.DataFrame(schema=formats.EXCEPTIONS)
        return found.filter((pl.col("table") == table) & (pl.col("column") == column)).unique("_row", keep="first").sort("_row")

    def _exists(self, ref: Exists) -> pl.Series:
        met = np.zeros(self.height(ref.table), np.bool_)
        if self.height(ref.child) and met.size:
            frame = self.frame(ref.child, ref.refs)
            where = frame.select(ref.where.fill_null(False).alias("where"))["where"]
            chosen = np.ones(self.height(ref.child), np.bool_) if where.len() == 1 and where[0] else where.to_numpy()
            if chosen.size == self.height(ref.child):
                rows = self.index(ref.child, ref.table)[chosen]
                met[rows[rows >= 0]] = True
        return pl.Series(met)

    def _aggregate(self, ref: Aggregate) -> pl.Series:
        frame = self.frame(ref.child, ref.refs).with_columns(
            pl.Series("@above", self.index(ref.child, ref.table), dtype=pl.Int64)
        )
        kept = frame.filter(ref.where.fill_null(False) & (pl.col("@above") >= 0))
        of = {"sum": ref.of.sum(), "max": ref.of.max(), "count": pl.len(), "distinct": ref.of.n_unique()}[ref.how]
        found = kept.group_by("@above").agg(of.cast(pl.Int64).alias("of"))
        made = pl.Series([0 if ref.how != "max" else None], dtype=pl.Int64).new_from_index(0, self.height(ref.table))
        return made.scatter(found["@above"], found["of"]) if found.height else made

    def _name_part(self, ref: Value) -> pl.Series:
        """A part of the name of the file or of its surroundings, as a column of the table of the header."""
        known = [parts.get(ref.column) for parts in self._parts]
        if len(known) == 1:  # a file may lack its header, and have more than one
            known *= max(1, self.height("file"))
        return pl.Series(known, dtype=MADE[ref.column])

    @cached_property
    def _parts(self) -> list[dict[str, object]]:
        """What the columns of MADE are, package by package."""
        header = self.tables.get("file")
        of_package = []
        for name, row in zip(self.packages.names, self._header_of("file"), strict=True):
            found = self._of_name(name)
            if row >= 0 and header is not None:
                year, month = header["year"][int(row)], header["month"][int(row)]
                found["@period"] = None if year is None or month is None else year * 100 + month
            of_package.append(found)
        return of_package

    def _of_name(self, package: str) -> dict[str, object]:
        parsed, between = names.parse_name(package), names.parse_interterritorial(package)
        found: dict[str, object] = {"@today": self.today, "@kind": self.editions.main.kind}
        if parsed is not None:
            found |= {
                "@pi": parsed.sender_kind, "@ni": parsed.sender, "@pp": parsed.receiver_kind, "@np": parsed.receiver,
                "@yy": parsed.year % 100, "@mm": parsed.month, "@kind": parsed.kind,
            }  # fmt: skip
        elif between is not None:
            found |= {
                "@pi": "T", "@ni": between.sender, "@pp": "T", "@np": between.receiver, "@yy": between.year % 100,
                "@kind": between.kind,
            }  # fmt: skip
        return found


def through(here: np.ndarray, further: np.ndarray) -> np.ndarray:
    """Rows of the table further above, by rows of the table above; -1 (none) stays -1."""
    if not further.size:
        return np.full(here.size, -1, np.int64)
    return np.where(here < 0, -1, further[here])


def _type_of(table: str, column: str) -> pl.DataType:
    for family in _FAMILIES:
        try:
            return formats.canonical_columns(table, family)[column]
        except KeyError:
            continue
    return pl.String()


_FAMILIES: Final[tuple[Family, ...]] = ("main", "person")
