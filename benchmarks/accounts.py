"""Did a reader find what was put in? Rows, values, sums and findings of what was read against the truth of a made-up file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from benchmarks.files import Truth
from omsclaims.registry.formats import Format

_KEYS = ("_row", "_parent", "_line", "_offset")


@dataclass
class Account:
    """What was read so far, batch by batch: rows by table, values and their sum by (table, column), findings by rule."""

    rows: Counter[str] = field(default_factory=Counter)
    values: Counter[tuple[str, str]] = field(default_factory=Counter)
    sums: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)

    def add(self, tables: Mapping[str, pl.DataFrame], findings: pl.DataFrame | None) -> None:
        """Counts the tables and findings of one batch."""
        for table, frame in tables.items():
            if table in ("exceptions", "extra") or frame.height == 0:
                continue
            self.rows[table] += frame.height
            names = [name for name in frame.columns if name not in _KEYS]
            counts = frame.select(pl.col(names).count()).row(0)
            totals = frame.select(_total(name, kind) for name, kind in frame.schema.items() if name not in _KEYS).row(0)
            for name, count, total in zip(names, counts, totals, strict=True):
                self.values[table, name] += count
                self.sums[table, name] += total or 0
        if findings is not None:
            self.findings.update(findings["rule"].to_list())

    def differences(self, truth: Truth, edition: Format) -> list[str]:
        """What is not as it was put in, in words; nothing if all is."""
        rows, values, sums = expected(truth, edition)
        found = [
            f"rows of {table}: {self.rows[table]}, put in {rows[table]}"
            for table in sorted(rows | self.rows)
            if self.rows[table] != rows[table]
        ]
        for key in sorted(values | self.values):
            if key[1] == "policy":  # made of two others by the reader
                continue
            for what, own, real in (("values", self.values[key], values[key]), ("sum", self.sums[key], sums[key])):
                if own != real:
                    found.append(f"{what} of {key[0]}.{key[1]}: {own}, put in {real}")
        planted = Counter(truth.findings)
        found += [
            f"findings {rule}: {self.findings[rule]}, planted {planted[rule]}"
            for rule in sorted(planted | self.findings)
            if self.findings[rule] != planted[rule]
        ]
        return found


def _total(name: str, kind: pl.DataType) -> pl.Expr:
    """The sum of a column as Truth has it: units, days since 1970, characters."""
    column = pl.col(name)
    if kind == pl.String:
        return column.str.len_chars().sum().cast(pl.Int64).alias(name)
    return (column.cast(pl.Int32) if kind == pl.Date else column).cast(pl.Int64).sum().alias(name)


def expected(truth: Truth, edition: Format) -> tuple[Counter[str], Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Rows by table, values and sums by (table, column) as the edition files the paths of the truth."""
    rows: Counter[str] = Counter({edition.header_table: 1})
    values: Counter[tuple[str, str]] = Counter()
    sums: Counter[tuple[str, str]] = Counter()
    for item in edition.fields:
        count, total = truth.paths.get(item.path, (0, 0))
        if item.own and count:
            rows[item.table] += count
        if item.form != "S" and count:
            key = (item.table, item.column)
            lift = 10 ** (edition.scale(*key) - item.decimals) if item.form == "N" else 1
            values[key] += count
            sums[key] += total * lift
    return rows, values, sums
