"""Which tables and columns does every registry have, whatever its version? The union of all editions (formats.md 1-12)."""

from __future__ import annotations

from functools import cache

import polars as pl

from omsclaims.registry.formats.model import FAMILIES, HEADER_TABLE, KEYS, PLACE, PLACED, TYPES, Family, FormatError
from omsclaims.registry.formats.tables import format_ids, get


@cache
def _canonical(family: Family) -> dict[str, dict[str, tuple[pl.DataType, int]]]:
    """Table -> column -> (type, scale) over all editions of a family. A column of two types is an error of the tables."""
    kinds: dict[str, dict[str, tuple[pl.DataType, int]]] = {HEADER_TABLE[family]: {}}
    for format_id in format_ids():
        edition = get(format_id)
        if edition.family != family:
            continue
        for field in edition.fields:
            for table in filter(None, (field.table, field.twin)):
                kinds.setdefault(table, {})
            if field.form == "S":
                continue
            columns = kinds[field.table]
            known = columns.get(field.column)
            if known is not None and known[0] != TYPES[field.form]:
                raise FormatError(f"{field.table}.{field.column} has two types ({format_id})")
            columns[field.column] = (TYPES[field.form], max(field.decimals, known[1] if known else 0))
    if family == "main":
        kinds["patient"]["policy"] = (pl.String(), 0)
    return kinds


def canonical_tables(family: Family = "main") -> tuple[str, ...]:
    """All tables of a family: the header first, then in file order."""
    return tuple(_canonical(family))


def _family_of(table: str, family: Family | None) -> Family:
    if family is not None:
        return family
    for candidate in FAMILIES:
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


def known_scale(table: str, column: str, family: Family) -> int | None:
    """As scale_of; None for what is not canonical."""
    found = _canonical(family).get(table, {}).get(column)
    return None if found is None else found[1]


@cache
def person_tables() -> frozenset[str]:
    """Tables that hold persons: patient, person, the head of the file of persons, and all that hang on them."""
    found = {"patient", "person", "person_file"}
    for format_id in format_ids():
        for table, owner in get(format_id).parents.items():
            if owner in found:
                found.add(table)
    return frozenset(found)


@cache
def empty_table(table: str, family: Family | None = None) -> pl.DataFrame:
    """A canonical table without rows."""
    return pl.DataFrame(schema=canonical_columns(table, family))
