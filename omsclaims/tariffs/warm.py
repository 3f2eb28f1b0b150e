"""Which kernels of the tariffs are compiled when they are first needed? `prepare` runs each of them once on a few made-up rows.

The rows go the way that those of a month go, so that what is compiled is what a month calls: compiled code is kept by the types
of its arrays, and whether they may be written to is a part of the type.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

import numpy as np
import polars as pl

from omsclaims import money
from omsclaims.nsi import Book
from omsclaims.periods import parse_partition

_FIRST: Final = date(2026, 1, 1)


def kernels() -> tuple[Callable[..., Any], ...]:
    """The compiled functions, so that one can ask whether their code is kept on this machine."""
    from omsclaims.tariffs import norms_kernel
    from omsclaims.tariffs.grouper import kernel

    return (*money.kernels(), norms_kernel.count, kernel.match, kernel.choose)


def prepare() -> None:
    """Loads the kernels of exact amounts, shares, counts of insured and the grouper, compiling what was not compiled before."""
    _amounts()
    _counts()
    _groups()


def _amounts() -> None:
    """Amounts of few columns and of many, and shares: the kernels of `money`."""
    rows = money.ROWS_WITHOUT_KERNEL + 1  # fewer would be done in Python
    ones = [np.ones(rows, np.int64) for _ in range(9)]
    money.exact_amounts([money.Term((ones[0],), 0)])
    money.exact_amounts([money.Term(tuple(ones), 0)])
    money.share_rows(np.array([rows], np.int64), ones[0], np.zeros(rows, np.int64))


def _counts() -> None:
    from omsclaims.tariffs import norms

    people = {"person": [0, 1], "place": ["a", "a"], "w": [1, 2], "dr": [date(1980, 1, 1)] * 2, "insured_from": [_FIRST] * 2}
    members = pl.DataFrame(people).with_columns(
        pl.col("person").cast(pl.UInt32), insured_to=pl.lit(None, dtype=pl.Date), died_on=pl.lit(None, dtype=pl.Date)
    )
    groups = [{"code": "m", "sex": "m", "from": 0, "to": None}, {"code": "f", "sex": "f", "from": 0, "to": None}]
    norms.count(members, parse_partition(groups), [_FIRST])


def _groups() -> None:
    from omsclaims.tariffs.grouper.book import compile_grouper
    from omsclaims.tariffs.grouper.grouping import group, prices_by_weight
    from omsclaims.tariffs.grouper.listing import cases_of_list

    rows = _book(
        "KSG.ST.GROUPER", code=["st01.001", "st01.002"], number=["1", "2"], ds1=["A00.0", None], service=[None, "A01.01"]
    )
    grouper = compile_grouper(rows, _book("KSG.ST.GROUPS", code=["st01.001", "st01.002"], koef_z=["100000", "200000"]))
    line = {"usl_ok": "1", "ds1": "A00.0", "services": "A01.01", "w": "1", "dr": "1980-01-01", "date_1": "2026-01-01"}
    cases, _ = cases_of_list(pl.DataFrame([{**line, "date_2": "2026-01-05"}, {**line, "services": None, "date_2": "2026-01-05"}]))
    group(cases, [grouper], prices_by_weight([grouper]))


def _book(name: str, **columns: list[str | None]) -> Book:
    """A made-up workbook of a few rows, as text."""
    rows = pl.DataFrame(columns).with_row_index("row", offset=1).with_columns(pl.col("row").cast(pl.Int64))
    held = rows.with_columns(valid_from=pl.lit(_FIRST), valid_to=pl.lit(None, dtype=pl.Date))
    return Book(name, "warm", held, holds_from=_FIRST, source="xlsx")
