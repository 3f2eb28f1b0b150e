"""In which rows and values do two agreements differ? (corrections within the year; the year before; a what-if)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl
from pydantic import BaseModel

from omsclaims.law.agreement.model import Agreement
from omsclaims.law.agreement.rows import FILES, SECTIONS, TableSpec, cell_text, frame_column, key_text, spec_of

#: Columns of `diff`; a null in `before` or `after` of a whole row (`column` is empty) says that it is not there.
SCHEMA: Final[dict[str, pl.DataType]] = {
    "table": pl.String(), "key": pl.String(), "column": pl.String(), "before": pl.String(), "after": pl.String(),
    "valid_from": pl.Date(), "valid_to": pl.Date(), "source_before": pl.String(), "source_after": pl.String(),
}  # fmt: skip
_VALIDITY: Final = ("valid_from", "valid_to")


def diff(before: Agreement, after: Agreement) -> pl.DataFrame:
    """Rows of `SCHEMA`: every option, row and value in which two agreements differ, in the order of tables, keys and columns.

    A row that holds as long as its agreement is compared with one that holds as long as the other; references and lines of files
    are no difference.
    """
    found = _head(before, after)
    for name in (*SECTIONS, *FILES):
        found += _table(name, before, after)
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def _head(before: Agreement, after: Agreement) -> list[dict[str, Any]]:
    """Options that differ; those inside others by their path (`norms.floor`)."""
    old, new = _options(before.head), _options(after.head)
    return [
        _line("agreement", "", name, old.get(name), new.get(name), None, None)
        for name in (*old, *(one for one in new if one not in old))
        if old.get(name) != new.get(name)
    ]


def _options(model: BaseModel, prefix: str = "") -> dict[str, str]:
    """Options as path -> text; file and line of switches are none."""
    found: dict[str, str] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            found |= _options(value, f"{prefix}{name}.")
        elif isinstance(value, tuple):
            shown = [item.model_dump(exclude={"source"}, mode="json") if isinstance(item, BaseModel) else item for item in value]
            found[f"{prefix}{name}"] = ", ".join(map(str, shown))
        elif value is not None:
            found[f"{prefix}{name}"] = str(value)
    return found


def _table(name: str, before: Agreement, after: Agreement) -> list[dict[str, Any]]:
    """Differences of one table."""
    spec = spec_of(name)
    old, new = _by_key(name, spec, before), _by_key(name, spec, after)
    found: list[dict[str, Any]] = []
    for key in sorted({*old, *new}, key=str):
        was, now = old.get(key), new.get(key)
        if was is None or now is None:
            texts = [None if row is None else _whole(spec, row) for row in (was, now)]
            found.append(_line(name, key_text(spec, was or now or {}), "", texts[0], texts[1], was, now))
            continue
        for column in spec.row.model_fields:
            if column in (*spec.keys, *_VALIDITY, "reference"):
                continue
            at = frame_column(spec.row, column)
            if was[at] != now[at]:
                texts = [cell_text(spec.row, column, row[at]) for row in (was, now)]
                found.append(_line(name, key_text(spec, now), column, texts[0], texts[1], was, now))
    return found


def _by_key(name: str, spec: TableSpec, agreement: Agreement) -> dict[tuple[object, ...], dict[str, Any]]:
    """Rows by key, ranges and validity; None stands for the days on which the agreement itself begins and ends."""
    head = agreement.head
    found = {}
    for row in agreement.table(name).iter_rows(named=True):
        begin = None if row["valid_from"] == head.valid_from else row["valid_from"]
        end = None if row["valid_to"] == head.valid_to else row["valid_to"]
        ranges = tuple(row[column] for pair in spec.ranges for column in pair)
        found[(*(row[column] for column in spec.keys), *ranges, begin, end)] = row
    return found


def _whole(spec: TableSpec, row: Mapping[str, Any]) -> str:
    """What a row says beside its key."""
    said = []
    for column in spec.row.model_fields:
        text = cell_text(spec.row, column, row[frame_column(spec.row, column)])
        if text and column not in (*spec.keys, *_VALIDITY, "reference"):
            said.append(f"{column}={text}")
    return ", ".join(said)


def _line(
    table: str, key: str, column: str, before: str | None, after: str | None,
    was: Mapping[str, Any] | None, now: Mapping[str, Any] | None,
) -> dict[str, Any]:  # fmt: skip
    dated = now or was or {}
    return {
        "table": table, "key": key, "column": column, "before": before, "after": after,
        "valid_from": dated.get("valid_from"), "valid_to": dated.get("valid_to"),
        "source_before": None if was is None else was["source"], "source_after": None if now is None else now["source"],
    }  # fmt: skip
