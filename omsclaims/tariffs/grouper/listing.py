"""How are cases written down by hand, in a table of text, to be grouped? One line a sub-case, as an economist would type it.

The command `omsclaims group` reads such a CSV, the written cases of the tests are the same thing.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims.findings import Finding
from omsclaims.tariffs.grouper.cases import SCHEMA, ages, stay_days

#: Columns of the table; those without a star may be left out. Lists are separated by ; or blanks, dates are YYYY-MM-DD.
COLUMNS: Final[dict[str, bool]] = {
    "case": False,  # number of the stay; lines of one number are sub-cases of one stay; by default every line is its own
    "usl_ok": True,  # 1 inpatient, 2 day hospital
    "ds1": True,
    "ds2": False,
    "ds3": False,
    "services": False,
    "criteria": False,
    "fractions": False,  # K_FR
    "w": True,
    "dr": True,
    "date_z_1": False,  # admission; by default date_1
    "date_1": True,
    "date_2": True,
    "kd": False,  # patient-days of a day hospital
    "rslt": False,
    "n_ksg": False,  # as billed
}
_KINDS: Final = {"1": "ksg_inpatient", "2": "ksg_day"}
_LISTS: Final = ("ds2", "ds3", "services", "criteria")
_DATES: Final = ("dr", "date_z_1", "date_1", "date_2")
_NUMBERS: Final = ("case", "fractions", "w", "rslt", "kd")


def cases_of_list(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[Finding]]:
    """Lines of text (COLUMNS) as cases.CASES; sl_key is the number of the line, from 1.

    Findings: T.75 a column is missing, or a value is no date, number or condition of care; the field is then not known, and the
    grouper says what it cannot do without it. Raises nothing.
    """
    absent = [name for name, must in COLUMNS.items() if must and name not in rows.columns]
    found = [Finding("T.75", value=name, params={"line": "-", "column": name}) for name in absent]
    typed = _typed(rows)
    for name in (*_DATES, *_NUMBERS, "usl_ok"):
        # Conditions of care must be there: without them the line belongs to no workbook.
        lost = pl.col(name).is_not_null() | (pl.lit(name == "usl_ok") & pl.lit("usl_ok" in rows.columns))
        wrong = typed.filter(pl.col(f"{name}__").is_null() & lost).select("line", name)
        found += [Finding("T.75", value=value, params={"line": line, "column": name}) for line, value in wrong.iter_rows()]
    kept = [pl.col(f"{name}__").alias(name) for name in (*_DATES, *_NUMBERS, "usl_ok")]
    work = typed.select(pl.col("line").cast(pl.Int64), "ds1", "n_ksg", *_LISTS, *kept)
    admitted = pl.coalesce("date_z_1", "date_1")
    split = {name: pl.col(name).str.extract_all(r"[^;\s]+").fill_null([]) for name in _LISTS}
    made = work.with_columns(
        **split, **ages(pl.col("dr"), admitted), payment_kind="usl_ok", day="date_2", billed="n_ksg", sl_key="line",
        case_key=pl.coalesce("case", -pl.col("line")), kd=pl.col("kd") * 10,
    ).with_columns(days=stay_days())  # fmt: skip
    order = pl.struct(pl.col("date_1"), -pl.col("date_2").dt.epoch("d"), pl.col("sl_key"))
    made = made.with_columns(first_of_stay=order.rank("ordinal").over("case_key") == 1)
    known = made.filter(pl.col("payment_kind").is_not_null())
    return known.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()), found


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    """Every column as text (null where it is empty or not there), dates and numbers beside it as `name__`."""
    text = rows.select(_text(name, rows) for name in COLUMNS).with_row_index("line", offset=1)
    return text.with_columns(
        *(pl.col(name).str.to_date("%Y-%m-%d", strict=False).alias(f"{name}__") for name in _DATES),
        *(pl.col(name).cast(pl.Int64, strict=False).alias(f"{name}__") for name in _NUMBERS),
        usl_ok__=pl.col("usl_ok").replace_strict(_KINDS, default=None, return_dtype=pl.String),
    )


def _text(name: str, rows: pl.DataFrame) -> pl.Expr:
    if name not in rows.columns:
        return pl.lit(None, dtype=pl.String).alias(name)
    return pl.col(name).cast(pl.String).str.strip_chars().replace("", None).alias(name)
