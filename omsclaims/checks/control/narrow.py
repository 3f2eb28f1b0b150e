"""Which rows of a few files does a rule look at? Expressions over frames of one kind of file, joined for its rows alone.

Most columns of oncology and of check-ups are empty in the millions of other rows. A group that needs them makes a frame of the
rows that have them (`Run.once`) and registers expressions over it here, as `rules.on` does for the frames of all files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl

from omsclaims.checks.catalogue import Rule
from omsclaims.checks.rules import KEYS, Broken, Predicate, Run, params_of, table, tag_of

Frame = Callable[[Run], pl.DataFrame]
_NOTHING: Final = pl.lit(None, dtype=pl.String)


def over(frame: Frame, *rule_ids: str) -> Callable[[Predicate], Predicate]:
    """Registers an expression over `frame` for rules: a frame with the key of their level, `file_kind` and `date_z_2`.

    Where several rows of the frame belong to one row of the level, each element is found once, by the first row of the frame.
    """

    def register(predicate: Predicate) -> Predicate:
        def rows(run: Run, rule: Rule) -> pl.DataFrame:
            return broken_rows(frame(run), rule, predicate(rule.parameters))

        table(*rule_ids)(rows)
        return predicate

    return register


def broken_rows(frame: pl.DataFrame, rule: Rule, broken: Broken) -> pl.DataFrame:
    """The rows of `frame` that break the rule, in the shape that `rules.stated` takes."""
    key = KEYS[rule.level]
    where = broken.where & pl.col("file_kind").is_in(rule.kinds) if rule.kinds else broken.where
    column = tag_of(rule.element).lower()
    value = broken.value
    if value is None:
        value = pl.col(column) if column in frame.columns else _NOTHING
    element = pl.lit(rule.element) if broken.element is None else broken.element
    found = frame.filter(where.fill_null(value=False)).select(
        key, element.alias("element"), value.cast(pl.String).alias("value"), params_of(broken.params).alias("params")
    )
    return found.unique([key, "element"], keep="first", maintain_order=True)


def first_of(*wrong: tuple[pl.Expr, str, pl.Expr | None]) -> Broken:
    """Several ways to break one rule: the first that holds names the element and the value (None: nothing is there)."""
    element, value = _NOTHING, _NOTHING
    for test, path, shown in reversed(wrong):
        here = test.fill_null(value=False)
        element = pl.when(here).then(pl.lit(path)).otherwise(element)
        value = pl.when(here).then(_NOTHING if shown is None else shown.cast(pl.String)).otherwise(value)
    tests = [test.fill_null(value=False) for test, _, _ in wrong]
    return Broken(pl.any_horizontal(tests), value=value, element=element)


def has(run: Run, name: str, key: str, into: str, where: pl.Expr | None = None) -> pl.DataFrame:
    """Which parents have a row of a table below them (one that `where` holds for): key, `into` = true."""
    rows = run.view.table(name)
    kept = rows if where is None else rows.filter(where)
    return kept.select(pl.col("_parent").alias(key)).unique().with_columns(pl.lit(value=True).alias(into))


def in_force(rows: pl.DataFrame, day: str) -> pl.DataFrame:
    """Rows (with valid_from, valid_to) that hold on the day of the column; an open end holds on."""
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col(day))
    return rows.filter(begun & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col(day))))
