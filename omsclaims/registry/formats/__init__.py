"""Which elements may a registry file have, of what type and where do they go? Format tables (order 79 of FFOMS as amended).

One CSV per edition in this folder, one line per element; a later edition names its `base` in index.yaml and its CSV states the
differences alone. The reader, the writer, the checks of structure and the documentation all take their knowledge from here.

The canonical shape: structures that repeat (and ZAP, PACIENT, Z_SL, SANK always) are tables, as are repeated leaves; other
structures are flattened into the table of their parent; the columns of a table are the union over all editions of its family.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Final, Literal

import polars as pl
import yaml

Family = Literal["main", "person", "protocol"]
Form = Literal["T", "N", "D", "S"]

#: Columns every table has: its own row number in the file and the row of the parent table.
KEYS: Final[dict[str, pl.DataType]] = {"_row": pl.Int64(), "_parent": pl.Int64()}
#: Where a record starts in the file it was read from; only for the tables of records.
PLACE: Final[dict[str, pl.DataType]] = {"_line": pl.Int64(), "_offset": pl.Int64()}
PLACED: Final = frozenset({"zap", "person", "pr"})
#: Values that did not parse (`bad`) or stood empty (`empty`), so that nothing of the file is lost. `raw` is the text as found.
EXCEPTIONS: Final[dict[str, pl.DataType]] = {
    "table": pl.String(), "_row": pl.Int64(), "column": pl.String(), "raw": pl.String(), "kind": pl.String(),
}  # fmt: skip
#: Elements no table has a column for: `path` without root, `after` the tag they followed, `text` the element as XML.
EXTRA: Final[dict[str, pl.DataType]] = {
    "table": pl.String(), "_row": pl.Int64(), "path": pl.String(), "after": pl.String(), "text": pl.String(),
}  # fmt: skip

#: Columns that hold personal data (law 152-FZ; point 9 of the exchange rules): a finding shows them masked.
PERSONAL: Final = frozenset(
    {
        "fam", "im", "ot", "dr", "fam_p", "im_p", "ot_p", "dr_p", "mr", "tel", "docser", "docnum", "docdate", "docorg", "snils",
        "spolis", "npolis", "enp", "policy", "novor", "comentp", "okatog", "okatop",
    }
)  # fmt: skip

_FAMILY: Final[dict[str, Family]] = {"L": "person", "RESULT_L": "person", "FLK_P": "protocol"}
_HEADER_TABLE: Final[dict[Family, str]] = {"main": "file", "person": "person_file", "protocol": "file"}


class FormatError(ValueError):
    """A format table contradicts itself: a defect of the program's data, not of a registry."""


@dataclass(frozen=True, slots=True)
class Field:
    """One element of an edition. `path` is without root; `table`, `column` say where its value goes in the canonical shape."""

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

    @property
    def name(self) -> str:
        """The tag."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """Path of the structure it stands in; empty for the root."""
        return self.path.rpartition("/")[0]

    @property
    def type_text(self) -> str:
        """The type as the orders write it: T(36), N(15.2), D."""
        if self.form == "N":
            return f"N({self.length}.{self.decimals})" if self.decimals else f"N({self.length})"
        return f"T({self.length})" if self.form == "T" else {"D": "D (YYYY-MM-DD)", "S": "S"}[self.form]


@dataclass(frozen=True)
class Format:
    """One edition of one kind of file: its elements in file order and when it holds."""

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

    @property
    def kind(self) -> str:
        """The first of its kinds (R for the table of R and D)."""
        return self.kinds[0]

    @property
    def family(self) -> Family:
        """main (registries), person (L) or protocol (FLK_P): the canonical shape it is read into."""
        return _FAMILY.get(self.kind, "main")

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
        return _HEADER_TABLE[self.family]

    @cached_property
    def parents(self) -> dict[str, str]:
        """Table -> parent table, for every table of this edition; the header table and records hang on nothing."""
        found: dict[str, str] = {}
        for field in self.fields:
            owner = self.by_path[field.parent].table if field.parent else self.header_table
            if field.table != owner:
                found[field.table] = owner
        return found

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Tables of this edition, the header first, then in file order."""
        return (self.header_table, *self.parents)

    def column_paths(self, table: str) -> dict[str, str]:
        """Column -> path of the element, for one table of this edition."""
        return {field.column: field.path for field in self.fields if field.table == table and field.column}

    def path_of(self, table: str, column: str) -> str | None:
        """Path (without root) of a canonical column in this edition; None where it has none."""
        return self.column_paths(table).get(column)


@dataclass(frozen=True, slots=True)
class FormatChoice:
    """The edition taken for a file; `exact` is False when it is only the nearest one known."""

    format: Format
    exact: bool


def _folder() -> resources.abc.Traversable:
    return resources.files(__package__)


@cache
def _index() -> dict[str, dict[str, object]]:
    loaded: dict[str, dict[str, object]] = yaml.safe_load((_folder() / "index.yaml").read_text(encoding="utf-8"))
    return loaded


def _raw_rows(format_id: str) -> list[dict[str, str]]:
    """Lines of the edition with its base applied, in file order."""
    lines = list(csv.DictReader((_folder() / f"{format_id}.csv").read_text(encoding="utf-8").splitlines()))
    base = _index()[format_id].get("base")
    if base is None:
        return lines
    rows = [dict(row) for row in _raw_rows(str(base))]
    for line in lines:
        _apply(rows, line, format_id)
    return rows


def _apply(rows: list[dict[str, str]], line: dict[str, str], format_id: str) -> None:
    """One line of a list of differences: remove (with all below), change in place, add after a sibling (or first)."""
    path, op = line["path"], line["op"]
    known = {row["path"]: number for number, row in enumerate(rows)}
    if (path in known) == (op == "add"):
        raise FormatError(f"{format_id}: cannot {op} {path}")
    if op == "remove":
        rows[:] = [row for row in rows if row["path"] != path and not row["path"].startswith(path + "/")]
    elif op == "change":
        rows[known[path]] = line
    elif op == "add":
        after = line["after"] or path.rpartition("/")[0]
        number = known[after] + 1
        if line["after"]:
            while number < len(rows) and rows[number]["path"].startswith(after + "/"):
                number += 1
        rows.insert(number, line)
    else:
        raise FormatError(f"{format_id}: unknown op {op!r}")


def _fields(rows: list[dict[str, str]], header: str) -> tuple[Field, ...]:
    """Lines as fields, each with the table and the column it goes to."""
    tables: dict[str, str] = {"": header}
    fields = []
    for row in rows:
        path, form = row["path"], row["form"]
        parent, _, name = path.rpartition("/")
        own = row["repeats"] == "1" or bool(row["table"])
        table = (row["table"] or name.lower()) if own else tables[parent]
        if form == "S":
            tables[path] = table
        fields.append(
            Field(
                path=path, form=form, length=int(row["length"] or 0), decimals=int(row["decimals"] or 0),  # type: ignore[arg-type]
                must=row["must"], repeats=row["repeats"] == "1", book=row["book"],
                values=tuple(row["values"].split(";")) if row["values"] else (),
                min_length=int(row["min_length"] or 0), table=table,
                column="" if form == "S" else row["column"] or name.lower(),
                meaning_en=row["meaning_en"], meaning_ru=row["meaning_ru"],
            )
        )  # fmt: skip
    return tuple(fields)


@cache
def get(format_id: str) -> Format:
    """The edition with this id. Raises KeyError when index.yaml does not know it."""
    entry = _index()[format_id]
    kinds = tuple(str(kind) for kind in entry["kinds"])  # type: ignore[attr-defined]
    header = _HEADER_TABLE[_FAMILY.get(kinds[0], "main")]
    until, result = entry.get("to"), entry.get("result")
    return Format(
        id=format_id, kinds=kinds, version=str(entry["version"]), period_from=str(entry["from"]),
        period_to=None if until is None else str(until), root=str(entry["root"]), encoding=str(entry["encoding"]),
        unconfirmed=bool(entry.get("unconfirmed", False)), result=None if result is None else str(result),
        fields=_fields(_raw_rows(format_id), header),
    )  # fmt: skip


def format_ids() -> tuple[str, ...]:
    """Ids of all known editions, in the order of index.yaml."""
    return tuple(_index())


def result_format_of(main: Format) -> Format:
    """The edition in which the payer returns a file of `main` (formats.md 10). KeyError where none is known."""
    if main.result is None:
        raise KeyError(f"no answer edition is known for {main.id}")
    return get(main.result)


def _distance(candidate: Format, version: str, period: str) -> tuple[int, int, int, str]:
    """How far an edition is from what a file says: version first, then the period, then the later edition."""
    wrong_version = 0 if candidate.version == version or not candidate.version else 1
    before = _months(candidate.period_from) - _months(period)
    after = _months(period) - _months(candidate.period_to) if candidate.period_to else 0
    gap = abs(_version_number(candidate.version) - _version_number(version)) if wrong_version else 0
    return wrong_version, gap, max(before, after, 0), candidate.id


def _months(period: str) -> int:
    year, month = period.split("-")
    return int(year) * 12 + int(month)


def _version_number(version: str) -> int:
    """3.2 -> 302; what is not a version counts as far away."""
    major, _, minor = version.partition(".")
    return int(major) * 100 + int(minor or 0) if major.isdigit() and (not minor or minor.isdigit()) else 10_000


def find_format(kind: str, version: str | None, period: str | None) -> FormatChoice:
    """The edition for a file of `kind` (H T C X L R D A FLK_P RESULT_*), ZGLV/VERSION and reporting period YYYY-MM.

    Kind, VERSION and period decide together: three editions of X are all called 3.1. Where nothing fits exactly the nearest
    edition comes back with exact=False (finding S.809). Raises KeyError for a kind that is not known.
    """
    candidates = [get(name) for name, entry in _index().items() if kind in entry["kinds"]]  # type: ignore[operator]
    if not candidates:
        raise KeyError(kind)
    wanted_period = period or max(candidate.period_from for candidate in candidates)
    wanted_version = version if version is not None else candidates[-1].version
    best = min(candidates, key=lambda candidate: _distance(candidate, wanted_version, wanted_period))
    wrong_version, gap, months, _ = _distance(best, wanted_version, wanted_period)
    return FormatChoice(best, exact=(wrong_version, gap, months) == (0, 0, 0) and (version is not None or not best.version))


# --- the canonical shape ---------------------------------------------------------------------------------------------


@cache
def _canonical(family: Family) -> dict[str, dict[str, tuple[pl.DataType, int]]]:
    """Table -> column -> (type, scale) over all editions of a family. A column of two types is an error of the tables."""
    kinds: dict[str, dict[str, tuple[pl.DataType, int]]] = {_HEADER_TABLE[family]: {}}
    types: dict[str, pl.DataType] = {"T": pl.String(), "N": pl.Int64(), "D": pl.Date()}
    for format_id in format_ids():
        edition = get(format_id)
        if edition.family != family:
            continue
        for field in edition.fields:
            columns = kinds.setdefault(field.table, {})
            if field.form == "S":
                continue
            known = columns.get(field.column)
            if known is not None and known[0] != types[field.form]:
                raise FormatError(f"{field.table}.{field.column} has two types ({format_id})")
            columns[field.column] = (types[field.form], max(field.decimals, known[1] if known else 0))
    if family == "main":
        kinds["patient"]["policy"] = (pl.String(), 0)
    return kinds


def canonical_tables(family: Family = "main") -> tuple[str, ...]:
    """All tables of a family: the header first, then in file order."""
    return tuple(_canonical(family))


def _family_of(table: str, family: Family | None) -> Family:
    if family is not None:
        return family
    families: tuple[Family, ...] = ("main", "person", "protocol")
    for candidate in families:
        if table in _canonical(candidate):
            return candidate
    raise KeyError(table)


def canonical_columns(table: str, family: Family | None = None) -> dict[str, pl.DataType]:
    """Column -> polars type of a canonical table, `_row`, `_parent` (and `_line`, `_offset` of records) first.

    String for T, Date for D, Int64 for N: whole numbers, or units of 10^-scale_of() where the element has decimals (money:
    kopecks). `patient.policy` is ours: ENP, else NPOLIS. Raises KeyError for an unknown table.
    """
    found = _canonical(_family_of(table, family))[table]
    place = PLACE if table in PLACED else {}
    return {**KEYS, **place, **{name: kind for name, (kind, _) in found.items()}}


def column_types(table: str, family: Family | None = None) -> dict[str, pl.DataType]:
    """As canonical_columns, without the key columns."""
    return {name: kind for name, kind in canonical_columns(table, family).items() if not name.startswith("_")}


def scale_of(table: str, column: str, family: Family | None = None) -> int:
    """Decimals of an Int64 column: 2 = kopecks, hundredths; 5 = coefficients; 0 = whole numbers. One for all editions."""
    return _canonical(_family_of(table, family))[table][column][1]


@cache
def empty_table(table: str, family: Family | None = None) -> pl.DataFrame:
    """A canonical table without rows."""
    return pl.DataFrame(schema=canonical_columns(table, family))
