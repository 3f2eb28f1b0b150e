"""What is an edition of an exchange file? Its elements and where each goes: the model of the format tables (order 79 of FFOMS).

An edition is a list of `Field`s in file order. Its CSV says in the cell `table` where an element goes:

    (empty)      what repeats: a table of the name of its tag; anything else: the table of the structure it stands in
    name         a table of its own (also for what does not repeat: DS2 was single once and is the table ds2 all the same)
    name@parent  a table of its own whose rows hang on `parent`, a table open at that place; `@parent` keeps the default name
    z_sl+sl      a structure whose every instance is one row in both tables; the second, the twin, hangs on the first, row for row
    sl           inside such a structure: no table of its own, but a column of the twin (a flattened structure: its columns)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import polars as pl

Family = Literal["main", "person", "protocol"]
Form = Literal["T", "N", "D", "S"]
#: One copy between twin tables: target table, target column, source table, source column.
Copy = tuple[str, str, str, str]

#: Columns every table has: its own row number in the file and the row of the parent table.
KEYS: Final[dict[str, pl.DataType]] = {"_row": pl.Int64(), "_parent": pl.Int64()}
#: Where a record starts in the file it was read from; only for the tables of records.
PLACE: Final[dict[str, pl.DataType]] = {"_line": pl.Int64(), "_offset": pl.Int64()}
PLACED: Final = frozenset({"zap", "person", "pr"})
#: Values that did not parse (`bad`) or stood empty (`empty`), so that nothing of the file is lost. `raw` is the text as found.
EXCEPTIONS: Final[dict[str, pl.DataType]] = {
    "table": pl.String(), "_row": pl.Int64(), "column": pl.String(), "raw": pl.String(), "kind": pl.String(),
}  # fmt: skip
#: Elements no table has a column for: `path` without root, `after` the tag they followed, `text` the element as XML, and where
#: the record it stands in starts.
EXTRA: Final[dict[str, pl.DataType]] = {
    "table": pl.String(), "_row": pl.Int64(), "path": pl.String(), "after": pl.String(), "text": pl.String(), **PLACE,
}  # fmt: skip

#: Columns that hold personal data (law 152-FZ; point 9 of the exchange rules): a finding shows them masked.
PERSONAL: Final = frozenset(
    {
        "fam", "im", "ot", "dr", "fam_p", "im_p", "ot_p", "dr_p", "mr", "tel", "docser", "docnum", "docdate", "docorg", "snils",
        "spolis", "npolis", "enp", "policy", "novor", "comentp", "okatog", "okatop",
    }
)  # fmt: skip

#: Type of a column by the form of its element.
TYPES: Final[dict[str, pl.DataType]] = {"T": pl.String(), "N": pl.Int64(), "D": pl.Date()}
FAMILIES: Final[tuple[Family, ...]] = ("main", "person", "protocol")
HEADER_TABLE: Final[dict[Family, str]] = {"main": "file", "person": "person_file", "protocol": "file"}
_FAMILY: Final[dict[str, Family]] = {"L": "person", "RESULT_L": "person", "FLK_P": "protocol", "Y": "protocol"}


class FormatError(ValueError):
    """A format table contradicts itself: a defect of the program's data or of an overlay, not of a registry.

    code, path, params   what is wrong with which element; a sentence for people is made of them (`overlay`)
    """

    def __init__(self, text: str, code: str = "", path: str = "", **params: str) -> None:
        self.code, self.path, self.params = code, path, params
        super().__init__(text)


def family_of(kind: str) -> Family:
    """The canonical shape that files of a kind are read into: main (registries), person (L), protocol (FLK_P, Y)."""
    return _FAMILY.get(kind, "main")


@dataclass(frozen=True, slots=True)
class Field:
    """One element of an edition. `path` is without root; `table`, `column` say where its value goes in the canonical shape.

    A field has a table of its own exactly if `owner` is not empty, whether it repeats or not: then every instance is one row of
    `table` that hangs on a row of `owner`. With a `twin` it is a row of that table, too, under the same number. A flattened
    structure and a plain leaf have neither owner nor twin; their `table` is one of those of the structure they stand in.
    """

    path: str
    form: Form
    length: int
    decimals: int
    must: str  # O mandatory, U conditional, N optional
    repeats: bool
    book: str
    values: tuple[str, ...]
    min_length: int
    table: str  # for a structure: the table that its leaves go to
    column: str  # empty for a structure
    meaning_en: str
    meaning_ru: str
    twin: str = ""  # second table of a structure, row for row with the first
    owner: str = ""  # table that the rows of an own table hang on

    @property
    def name(self) -> str:
        """The tag."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """Path of the structure it stands in; empty for the root."""
        return self.path.rpartition("/")[0]

    @property
    def own(self) -> bool:
        """Whether each instance is a row of a table of its own."""
        return self.owner != ""

    @property
    def type_text(self) -> str:
        """The type as the orders write it: T(36), N(15.2), D."""
        if self.form == "N":
            return f"N({self.length}.{self.decimals})" if self.decimals else f"N({self.length})"
        return f"T({self.length})" if self.form == "T" else {"D": "D (YYYY-MM-DD)", "S": "S"}[self.form]


@dataclass(frozen=True)
class Format:
    """One edition of one kind of file: its elements in file order and when it holds.

    `copies` are done after reading (see `copied`); writing ignores them. `overlay` names the regional overlay that was applied.
    """

    id: str
    kinds: tuple[str, ...]
    version: str
    period_from: str  # YYYY-MM
    period_to: str | None  # YYYY-MM inclusive
    root: str
    encoding: str
    unconfirmed: bool
    result: str | None
    fields: tuple[Field, ...]
    copies: tuple[Copy, ...] = ()
    source: str = ""  # our words: the evidence for this edition
    source_ru: str = ""
    overlay: str | None = None

    @property
    def kind(self) -> str:
        """The first of its kinds (R for the table of R and D)."""
        return self.kinds[0]

    @property
    def family(self) -> Family:
        """main (registries), person (L) or protocol (FLK_P, Y): the canonical shape it is read into."""
        return family_of(self.kind)

    @cached_property
    def by_path(self) -> dict[str, Field]:
        """Fields by their path."""
        return {field.path: field for field in self.fields}

    @cached_property
    def children(self) -> dict[str, tuple[Field, ...]]:
        """Fields by the path of their parent (empty = root), in file order."""
        found: dict[str, list[Field]] = {}
        for field in self.fields:
            found.setdefault(field.parent, []).append(field)
        return {path: tuple(fields) for path, fields in found.items()}

    @property
    def header_table(self) -> str:
        """The table of one row that takes the header: file, or person_file for L."""
        return HEADER_TABLE[self.family]

    @cached_property
    def parents(self) -> dict[str, str]:
        """Table -> parent table, for every table of this edition; a twin hangs on the first table of its structure."""
        found: dict[str, str] = {}
        for field in self.fields:
            if field.owner:
                found[field.table] = field.owner
            if field.twin:
                found[field.twin] = field.table
        return found

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Tables of this edition, the header first, then in file order."""
        return (self.header_table, *self.parents)

    @cached_property
    def every_table(self) -> tuple[str, ...]:
        """All canonical tables of the family, then those that only an overlay adds: what reading a file gives."""
        from omsclaims.registry.formats.canonical import canonical_tables

        return tuple(dict.fromkeys((*canonical_tables(self.family), *self.tables)))

    def columns(self, table: str) -> dict[str, pl.DataType]:
        """Column -> polars type of a table: as `canonical_columns`, then the columns that only an overlay adds.

        Raises KeyError for a table that neither the family nor the overlay knows.
        """
        from omsclaims.registry.formats.canonical import canonical_columns, canonical_tables

        own = {field.column: TYPES[field.form] for field in self.fields if field.table == table and field.column}
        if table in canonical_tables(self.family):
            return {**canonical_columns(table, self.family), **own}
        if table not in self.parents:
            raise KeyError(table)
        return {**KEYS, **own}

    def scale(self, table: str, column: str) -> int:
        """Decimals of an Int64 column: as `scale_of`, for columns of an overlay those of its element."""
        from omsclaims.registry.formats.canonical import known_scale

        known = known_scale(table, column, self.family)
        return self._scales[table, column] if known is None else known

    @cached_property
    def _scales(self) -> dict[tuple[str, str], int]:
        return {(field.table, field.column): field.decimals for field in self.fields if field.column}

    def column_paths(self, table: str) -> dict[str, str]:
        """Column -> path of the element, for one table of this edition."""
        return {field.column: field.path for field in self.fields if field.table == table and field.column}

    def path_of(self, table: str, column: str) -> str | None:
        """Path (without root) of a canonical column in this edition; None where it has none."""
        return self.column_paths(table).get(column)

    def copied(self, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """The tables with all `copies` done: twins share row numbers, so the columns stand row for row.

        A number copied into a text column is written as its digits (IDCASE of SLUCH times is the sl_id, too).
        """
        found = dict(tables)
        for target, column, origin, source in self.copies:
            if found[target].height != found[origin].height:
                raise FormatError(f"{self.id}: {target} and {origin} are no twins")
            made = found[origin][source].cast(found[target].schema[column]).alias(column)
            found[target] = found[target].with_columns(made)
        return found


@dataclass(frozen=True, slots=True)
class FormatChoice:
    """The edition taken for a file; `exact` is False when it is only the nearest one known."""

    format: Format
    exact: bool
