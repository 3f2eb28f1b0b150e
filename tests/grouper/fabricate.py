"""A case for every row of a grouper workbook, made without the matcher: from the text of the row alone.

Where a row gives a range (of diagnoses, ages, days, fractions), a value of it is taken in turn: the first, the last, one inside. To
what the row asks for come things that no row asks for, so that a case is never just its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from omsclaims.nsi import Book
from omsclaims.tariffs.grouper import cases

#: (years, days) that an age code takes; typed by hand, from the sheet on the structure of the books.
AGES: Mapping[str, tuple[tuple[int, int], ...]] = {
    "1": ((0, 0), (0, 28), (0, 14)),
    "2": ((0, 29), (0, 90), (0, 60)),
    "3": ((0, 91), (0, 365), (0, 200)),
    "4": ((0, 0), (1, 730), (1, 400)),
    "5": ((0, 5), (17, 6574), (9, 3400)),
    "6": ((18, 6575), (99, 36200), (47, 17200)),
    "7": ((0, 0), (20, 7669), (19, 7000)),
}
DAYS: Mapping[str, tuple[int, ...]] = {"1": (1, 3, 2), "2": (4, 10, 7), "3": (11, 20, 15), "4": (21, 29, 25), "5": (30,)}
FRACTIONS: Mapping[str, tuple[int, ...]] = {
    "fr01-05": (1, 5, 3), "fr06-07": (6, 7), "fr08-10": (8, 10, 9), "fr11-20": (11, 20, 15), "fr21-29": (21, 29, 25),
    "fr30-32": (30, 32, 31), "fr33-99": (33, 99, 60),
}  # fmt: skip
#: What no row of a workbook asks for.
NOISE = {"ds2": "Y99.9", "ds3": "Y98.7", "services": "Z99.99.999", "criteria": "zzz9"}
ADULT, ADULT_DAYS = 35, 12_900


def diagnosis(asked: str, turn: int) -> str:
    """A code that a pattern takes: itself; of a range a category and something after the point; of a letter likewise."""
    ending = ("", ".0", ".9")[turn % 3]
    if len(asked) == 7 and asked[3] == "-":
        low, high = int(asked[1:3]), int(asked[5:7])
        return f"{asked[0]}{(low, high, (low + high) // 2)[turn % 3]:02d}{ending}"
    if asked.endswith("."):
        return f"{asked[0]}{(0, 99, 50)[turn % 3]:02d}{ending}"
    return asked


def case_of(row: Mapping[str, Any], turn: int, kind: str) -> dict[str, Any]:
    """The case of one row (text columns of the workbook); `turn` says which value of a range is taken."""

    def pick(values: tuple[Any, ...]) -> Any:
        return values[turn % len(values)]

    years, days_old = pick(AGES[row["age"]]) if row.get("age") else (ADULT, ADULT_DAYS)
    criteria = [row["criterion"]] if row.get("criterion") else []
    fractions = pick(FRACTIONS[row["fractions"]]) if row.get("fractions") else None
    if fractions is not None and turn % 2:  # as a criterion instead of K_FR
        criteria.append(row["fractions"])
        fractions = None
    lists = {name: [diagnosis(row[name], turn + 1)] if row.get(name) else [] for name in ("ds2", "ds3")}
    made: dict[str, Any] = {
        "sl_key": turn, "case_key": turn, "payment_kind": kind, "day": date(2026, 6, 15),
        "ds1": diagnosis(row.get("ds1") or "Y95", turn),
        **lists, "services": [row["service"]] if row.get("service") else [], "criteria": criteria, "fractions": fractions,
        "w": int(row.get("sex") or 1 + turn % 2), "age_years": years, "age_days": days_old,
        "days": pick(DAYS[row["duration"]]) if row.get("duration") else 35, "rslt": 101, "first_of_stay": True,
    }  # fmt: skip
    for name, extra in NOISE.items():
        made[name] = [extra, *made[name]] if turn % 2 else [*made[name], extra]
    return made


def fabricated(book: Book, kind: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A case for each row of a book (cases.CASES), and sl_key with the number and group of its row."""
    rows = book.rows.sort("row").to_dicts()
    made = [case_of(row, turn, kind) for turn, row in enumerate(rows)]
    own = pl.DataFrame({
        "sl_key": range(len(rows)), "number": [int(row["number"]) for row in rows], "own": [row["code"] for row in rows],
    })  # fmt: skip
    return pl.DataFrame(made, schema=cases.SCHEMA), own
