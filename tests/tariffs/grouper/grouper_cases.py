"""A small grouper and written cases: fixtures/grouper/*.yaml made into what the stages take."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from omsclaims.nsi import Book
from omsclaims.tariffs.grouper import Grouper, compile_grouper
from omsclaims.tariffs.grouper.listing import COLUMNS, cases_of_list

FOLDER = Path(__file__).resolve().parents[3] / "fixtures" / "grouper"
RATE_KOP = 1_000_000
_FIELDS = ("ds1", "ds2", "ds3", "service", "age", "sex", "duration", "criterion", "fractions")
#: What a case is where its line does not say otherwise.
USUAL = {"usl_ok": 1, "w": 2, "dr": date(1990, 1, 15), "date_1": date(2026, 3, 2), "date_2": date(2026, 3, 12), "rslt": 101}


def read(name: str) -> Any:
    """A file of fixtures/grouper."""
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def book(name: str, rows: list[dict[str, Any]], edition: str = "2026", first: date = date(2026, 1, 1)) -> Book:
    """A book as it comes from a workbook: everything is text."""
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        valid_from=pl.lit(first), valid_to=pl.lit(None, dtype=pl.Date), row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    )
    return Book(name, edition, frame, version=edition, holds_from=first, source="xlsx")


def books() -> dict[str, Book]:
    """The small workbooks as books."""
    found = {}
    for setting, body in read("workbook.yaml").items():
        rows = [
            {"code": row["ksg"], "number": str(n), **{f: row.get(f) for f in _FIELDS}} for n, row in enumerate(body["rows"], 1)
        ]
        groups = [{"code": code, "koef_z": str(round(float(weight) * 100_000))} for code, weight in body["groups"].items()]
        found[f"KSG.{setting}.GROUPER"] = book(f"KSG.{setting}.GROUPER", rows)
        found[f"KSG.{setting}.GROUPS"] = book(f"KSG.{setting}.GROUPS", groups)
    return found


@cache
def groupers() -> tuple[Grouper, ...]:
    """The small workbooks, compiled."""
    loaded = books()
    return tuple(compile_grouper(loaded[f"KSG.{one}.GROUPER"], loaded[f"KSG.{one}.GROUPS"]) for one in ("ST", "DS"))


def case_table(*lines: dict[str, Any]) -> pl.DataFrame:
    """Cases of written lines; the stay of a line that names only its first day lasts ten days."""
    rows = []
    for line in lines:
        full = {**USUAL, **line}
        if "date_1" in line and "date_2" not in line:
            full["date_2"] = date.fromordinal(line["date_1"].toordinal() + 10)
        rows.append({name: None if full.get(name) is None else str(full[name]) for name in COLUMNS})
    cases, found = cases_of_list(pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String)))
    assert not found, found
    return cases
