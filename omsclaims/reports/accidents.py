"""What was done about each notice of a severe accident at work? The report to the insurer, with names (Rules 107, 120).

One workbook an insurer: what the notice says, and what was excluded before payment or withheld afterwards. It holds persons, so
it belongs under restricted/.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from omsclaims.reports.sheets import Workbook, show_date
from omsclaims.reports.templates import t

_HEADS = (
    "notice", "received_on", "person", "dr", "enp", "document", "accident_on", "care_from", "ds1", "mo", "done",
)  # fmt: skip
_WIDTHS = (16, 12, 30, 12, 19, 18, 12, 12, 10, 12, 60)


def workbook(rows: pl.DataFrame, insurer: str, as_of: date, lang: str, note: str = "") -> bytes:
    """The report of one insurer.

    rows     columns of reg_accident with found_enp, and `done`: what was done, in words
    insurer  name or code
    note     values used that are not confirmed (doubts.note)
    """
    book = Workbook(lang, t("accident.title", lang, insurer=insurer))
    sheet = book.sheet(t("accident.sheet", lang), _WIDTHS, landscape=True)
    sheet.heading(t("accident.title", lang, insurer=insurer), t("accident.lead", lang, as_of=show_date(as_of, lang)))
    sheet.header([t(f"accident.col.{name}", lang) for name in _HEADS], repeat=True)
    for row in rows.sort("received_on", "notice").to_dicts():
        sheet.cells([("text", _cell(name, row, lang)) for name in _HEADS])
    sheet.signatures((t("accident.fund", lang), ""))
    sheet.note(note)
    return book.bytes()


def _cell(name: str, row: Mapping[str, Any], lang: str) -> str:
    """A cell as text: the person by names, dates as people write them."""
    if name == "person":
        return " ".join(row[part] for part in ("fam", "im", "ot") if row[part])
    value = row["found_enp"] or row["enp"] if name == "enp" else row[name]
    return show_date(value, lang) if isinstance(value, date) else "" if value is None else str(value)
