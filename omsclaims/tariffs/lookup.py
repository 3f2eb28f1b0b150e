"""What does the agreement say for a key on a day? Look-ups are joins by date of care (design: law.md 0); a miss is null here
and a coded finding in the caller, never a zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims.law import Parameters

#: No parameter ends before this day unless a later value says so.
OPEN_END: Final = date(9999, 12, 31)


def look_up(
    asked: pl.DataFrame,
    rows: pl.DataFrame,
    on: Mapping[str, str],
    take: Mapping[str, str],
    day: str = "day",
    where: pl.Expr | None = None,
    also: Sequence[str] = (),
) -> pl.DataFrame:
    """`asked` plus columns of the row of `rows` that holds for the key on the day; null where none does.

    on     key column of asked -> column of rows
    take   column of rows -> name of the new column
    where  a further condition (ranges); it may read the columns `also` of asked and all columns of rows

    Null in a key, the day or `also` finds nothing. Raises ValueError when two rows hold: the loader lets no such agreement pass.
    """
    rows, whole_span = _overlapping(asked[day], rows)
    rows, on = _without_constants(asked, rows, on)
    of_day = [] if whole_span else [day]
    if not on and where is None and whole_span:  # all of `asked` has the same answer
        if rows.height > 1:
            raise ValueError(f"two rows of the agreement hold for one key: {rows.row(0)}")
        only = rows.row(0, named=True) if rows.height else dict.fromkeys(take)
        return asked.with_columns(pl.lit(only[source], dtype=rows.schema[source]).alias(name) for source, name in take.items())
    if where is None and whole_span and on and not rows.select(on.values()).is_duplicated().any():
        renamed = rows.select(
            *(pl.col(source).alias(name) for name, source in on.items()), *(pl.col(a).alias(b) for a, b in take.items())
        )
        return asked.join(renamed, on=list(on), how="left", maintain_order="left")
    keys = [*on, *also, *of_day]
    pairs = asked.select(keys).drop_nulls().unique()
    named = rows.rename({source: f"__{source}" for source in rows.columns if source not in on.values()})
    named = named.rename({source: target for target, source in on.items()})
    held = pairs.join(named, on=list(on), how="inner") if on else pairs.join(named, how="cross")
    if of_day:
        held = held.filter(pl.col(day).is_between(pl.col("__valid_from"), pl.col("__valid_to")))
    if where is not None:
        held = held.filter(where)
    held = held.select(*keys, *(pl.col(f"__{source}").alias(target) for source, target in take.items()))
    if held.select(keys).is_duplicated().any():
        raise ValueError(f"two rows of the agreement hold for one key: {held.filter(held.select(keys).is_duplicated()).row(0)}")
    return asked.join(held, on=keys, how="left", maintain_order="left")


def _without_constants(asked: pl.DataFrame, rows: pl.DataFrame, on: Mapping[str, str]) -> tuple[pl.DataFrame, dict[str, str]]:
    """Rows of the one value that a key has in all of `asked`, and the keys that are left: comparing once beats joining."""
    left = dict(on)
    for name, source in on.items():
        value = asked[name].first() if asked.height else None
        if (
            value is not None
            and asked.schema[name] == rows.schema[source]
            and (asked[name] == value).fill_null(value=False).all()
        ):
            rows = rows.filter(pl.col(source) == value)
            del left[name]
    return rows, left


def _overlapping(days: pl.Series, rows: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """Rows that hold on some of the days, and whether each of them holds on all: then the day need not be looked at.

    In a month that is nearly always so; where a day is not known it is not, as such a row must find nothing.
    """
    if days.null_count() or not days.len():
        return rows, False
    first, last = days.min(), days.max()
    found = rows.filter((pl.col("valid_from") <= last) & (pl.col("valid_to") >= first))
    return found, bool(((found["valid_from"] <= first) & (found["valid_to"] >= last)).all())


def dated_values(law: Parameters, name: str, fields: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """A federal parameter as rows for `look_up`: its fields (of a mapping, or `value`), validity, source and reference.

    Decimals in a value must be text. Raises KeyError for an unknown parameter: a defect of the program.
    """
    values = law.by_name[name].values
    rows: list[dict[str, Any]] = []
    for i, dated in enumerate(values):
        if dated.value is None:
            continue
        body = dated.value if isinstance(dated.value, dict) else {"value": dated.value}
        until = values[i + 1].since if i + 1 < len(values) else None
        last = OPEN_END if until is None else date.fromordinal(until.toordinal() - 1)
        rows.append({**body, "valid_from": dated.since, "valid_to": last, "source": f"law:{name}@{dated.since}"})
    schema = {**fields, "valid_from": pl.Date(), "valid_to": pl.Date(), "source": pl.String()}
    return pl.DataFrame(rows, schema=schema)
