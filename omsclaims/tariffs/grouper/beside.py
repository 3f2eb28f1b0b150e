"""Which groups of one stay are paid? The dearest, and beside it those that the list allows (law.md 8.6; checks.md 3.3)."""

from __future__ import annotations

from functools import reduce
from typing import Final

import polars as pl

from omsclaims.tariffs.grouper import rules as tables
from omsclaims.tariffs.grouper.rules import Beside, Rules, source_of

#: What is said of each sub-case of a stay.
SCHEMA: Final[dict[str, pl.DataType]] = {
    "case_key": pl.Int64(),
    "sl_key": pl.Int64(),
    "paid": pl.Boolean(),  # null: a group or price of the stay is not known, so nobody can say which is the dearest
    "reason": pl.String(),  # only | dearest | id of a row of `beside` | none: not paid | unknown
    "interrupted": pl.Boolean(),  # a transfer that interrupts this sub-case: another one of the stay follows it for that reason
    "dearest": pl.String(),  # group of the dearest sub-case, where it is another one that is known
    "sources": pl.String(),  # rows of `beside` that decided, ;-separated; of a group that is not paid the list itself
}
ONLY: Final = "only"
DEAREST: Final = "dearest"
NONE: Final = "none"
UNKNOWN: Final = "unknown"
#: How the list as a whole is named among sources: no row of it spoke for the group.
LIST: Final = "grouper:beside"


def paid_groups(stays: pl.DataFrame, rules: Rules | None = None) -> pl.DataFrame:
    """For each sub-case whether it is paid, and why (SCHEMA, in order of sl_key).

    stays  case_key, sl_key, ksg, price_kop, ds1, day (end of the sub-case), date_1, date_2, days; one row a sub-case with a group

    The dearest sub-case is paid; of equal ones that which began first. Another one is paid where a row of `beside` in force on
    its day links it with the dearest: whichever of the two came first. Which one is the dearest is asked before a transfer takes
    its share: else the share would decide on what it follows from.
    """
    known = tables.rules() if rules is None else rules
    counted = stays.with_columns(
        together=pl.len().over("case_key"),
        unclear=(pl.col("price_kop").is_null() | pl.col("ksg").is_null()).any().over("case_key"),
    )
    ordered = counted.sort("case_key", "price_kop", "date_1", "sl_key", descending=[False, True, False, False])
    dearest = ordered.unique("case_key", keep="first", maintain_order=True).select(
        "case_key", d_key="sl_key", d_ksg="ksg", d_ds1="ds1", d_date_1="date_1", d_date_2="date_2", d_days="days"
    )
    rows = ordered.join(dearest, on="case_key", how="left", maintain_order="left")
    linked = {name: _in_force(row) & _links(row, known) for name, row in known.beside.items()}
    reason = pl.coalesce(
        pl.when(pl.col("unclear") & (pl.col("together") > 1)).then(pl.lit(UNKNOWN)),
        pl.when(pl.col("together") == 1).then(pl.lit(ONLY)),
        pl.when(pl.col("sl_key") == pl.col("d_key")).then(pl.lit(DEAREST)),
        *(pl.when(test).then(pl.lit(name)) for name, test in linked.items()),
        pl.lit(NONE),
    )
    found = rows.with_columns(reason=reason)
    paid = pl.when(pl.col("reason") == UNKNOWN).then(None).otherwise(pl.col("reason") != NONE)
    sources = {NONE: LIST, **{name: source_of(name, row) for name, row in known.beside.items()}}
    named = pl.col("reason").replace_strict(list(sources), list(sources.values()), default=None, return_dtype=pl.String)
    dearest_of = pl.when(~pl.col("reason").is_in([ONLY, DEAREST, UNKNOWN])).then("d_ksg")
    interrupting = [name for name, row in known.beside.items() if row.interrupts]
    told = found.with_columns(paid=paid, source=named, dearest=dearest_of)
    both = told.join(_interrupted(told, interrupting), on="sl_key", how="left", maintain_order="left")
    another = pl.when(pl.col("source_transfer").ne_missing(pl.col("source"))).then("source_transfer")
    return (
        both.with_columns(
            interrupted=pl.col("source_transfer").is_not_null(),
            sources=pl.concat_str("source", another, separator=";", ignore_nulls=True),
        )
        .sort("sl_key")
        .select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    )


def _interrupted(found: pl.DataFrame, interrupting: list[str]) -> pl.DataFrame:
    """Of each pair that such a reason pays, the sub-case that ended first: the transfer interrupted it (law.md 8.5, 2).

    Columns: sl_key, source_transfer (the row that says so).
    """
    pairs = found.filter(pl.col("reason").is_in(interrupting))
    own_first = (pl.col("date_2") < pl.col("d_date_2")) | (
        (pl.col("date_2") == pl.col("d_date_2")) & (pl.col("date_1") <= pl.col("d_date_1"))
    )
    earlier = pairs.select(
        pl.when(own_first).then("sl_key").otherwise("d_key").alias("sl_key"), pl.col("source").alias("source_transfer")
    )
    return earlier.sort("sl_key", "source_transfer").unique("sl_key", keep="first", maintain_order=True)


def _in_force(row: Beside) -> pl.Expr:
    ends = pl.lit(value=True) if row.until is None else pl.col("day") <= row.until
    return ((pl.col("day") >= row.since) & ends).fill_null(value=False)


def _links(row: Beside, rules: Rules) -> pl.Expr:
    """Whether a reason links a sub-case with the dearest one of its stay."""
    if row.chapter:
        # A diagnosis outside all chapters proves no transfer to another class.
        return (chapter(pl.col("ds1"), rules) != chapter(pl.col("d_ds1"), rules)).fill_null(value=False)
    if row.either:
        return _is_one("ksg", row.either) | _is_one("d_ksg", row.either)
    if row.both:
        return _is_one("ksg", row.both) & _is_one("d_ksg", row.both)
    return _before(row, "", "d_") | _before(row, "d_", "")


def _before(row: Beside, first: str, second: str) -> pl.Expr:
    """Whether the sub-case `first` came before `second` for so many days."""
    assert row.days is not None
    needed = pl.lit(row.days)
    if row.sooner is not None:
        needed = pl.when(pl.col(f"{first}ds1").is_in(list(row.sooner.diagnoses))).then(row.sooner.days).otherwise(row.days)
    groups = _is_one(f"{first}ksg", row.before) & _is_one(f"{second}ksg", row.after)
    order = pl.col(f"{first}date_1") < pl.col(f"{second}date_2")
    return (groups & order & (pl.col(f"{first}days") >= needed)).fill_null(value=False)


def _is_one(column: str, groups: tuple[str, ...]) -> pl.Expr:
    """Whether a group is one of those listed, or begins like one that ends with a point."""
    tests = [pl.col(column).str.starts_with(one) if one.endswith(".") else pl.col(column) == one for one in groups]
    return reduce(lambda left, right: left | right, tests, pl.lit(value=False)).fill_null(value=False)


def chapter(diagnosis: pl.Expr, rules: Rules) -> pl.Expr:
    """Number of the chapter of ICD-10 of a diagnosis; null outside all of them."""
    category = diagnosis.str.head(3)
    found: pl.Expr = pl.lit(None, dtype=pl.Int64)
    for number, (low, high) in enumerate(rules.chapters, 1):
        found = pl.when((category >= low) & (category <= high)).then(pl.lit(number, dtype=pl.Int64)).otherwise(found)
    return found
