"""What is a number, a date, a text of a registry file? The one strict grammar of values (formats.md 1; order 79 of FFOMS).

Numbers: `-?digits(.digits)?`, the point alone, no more decimals and digits than the format says. Dates: YYYY-MM-DD that exist in
the calendar. Texts: length in characters. Nothing is trimmed, rounded or guessed: what does not fit is null here, and its raw
text is kept beside the columns by the reader.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import polars as pl

#: More digits than an int64 holds are never a value.
MAX_DIGITS: Final = 18
_DATE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def number_pattern(length: int, decimals: int) -> str:
    """Regular expression of N(length.decimals); leading zeros do not count as digits (MONTH 04)."""
    whole = min(length, MAX_DIGITS) - decimals
    fraction = rf"(?:\.[0-9]{{1,{decimals}}})?" if decimals else ""
    return rf"^-?0*[0-9]{{1,{whole}}}{fraction}$"


def number_expr(raw: pl.Expr, length: int, decimals: int, scale: int) -> pl.Expr:
    """A text column as Int64 in units of 10^-scale; null where the text is null or not a number of N(length.decimals)."""
    good = pl.when(raw.str.contains(number_pattern(length, decimals))).then(raw)
    if scale == 0:
        return good.cast(pl.Int64, strict=False)
    parts = good.str.split_exact(".", 1)
    whole = parts.struct.field("field_0").cast(pl.Int64, strict=False)
    fraction = parts.struct.field("field_1").fill_null("").str.pad_end(scale, "0").cast(pl.Int64, strict=False)
    signed = pl.when(good.str.starts_with("-")).then(-fraction).otherwise(fraction)
    return whole * pl.lit(10**scale, dtype=pl.Int64) + signed


def date_expr(raw: pl.Expr) -> pl.Expr:
    """A text column as Date; null where the text is null, not YYYY-MM-DD or no day of the calendar."""
    shaped = pl.when(raw.str.contains(_DATE) & ~raw.str.starts_with("0000")).then(raw)
    return shaped.str.to_date("%Y-%m-%d", strict=False)


def parse_numbers(raw: pl.Series, length: int, decimals: int, scale: int) -> pl.Series:
    """Texts as by number_expr."""
    return raw.to_frame().select(number_expr(pl.first(), length, decimals, scale).alias(raw.name)).to_series()


def parse_dates(raw: pl.Series) -> pl.Series:
    """Texts as by date_expr."""
    return raw.to_frame().select(date_expr(pl.first()).alias(raw.name)).to_series()


def parse_number(raw: str, length: int, decimals: int, scale: int | None = None) -> int | None:
    """One text as by parse_numbers; `scale` is `decimals` unless given."""
    if re.search(number_pattern(length, decimals).replace("$", r"\Z"), raw) is None:
        return None
    whole, _, fraction = raw.lstrip("-").partition(".")
    units = decimals if scale is None else scale
    value: int = int(whole) * 10**units + int(fraction.ljust(units, "0") or 0)
    return -value if raw.startswith("-") else value


def parse_date(raw: str) -> date | None:
    """One text as by parse_dates."""
    if re.search(_DATE.replace("$", r"\Z"), raw) is None:
        return None
    try:
        return date.fromisoformat(raw)
    except ValueError:
        return None


def write_numbers(values: pl.Series, decimals: int, scale: int) -> pl.Series:
    """Int64 in units of 10^-scale as text with exactly `decimals` decimals.

    A value that needs more decimals than the edition has is written with all of them: nothing is rounded.
    """
    if scale == 0:
        return values.cast(pl.String)
    unit = 10**scale
    positive = values.abs()
    whole, fraction = positive // unit, (positive % unit).cast(pl.String).str.zfill(scale)
    kept = fraction.str.head(decimals)
    if decimals < scale:
        rest = fraction.str.tail(scale - decimals).str.strip_chars_end("0")
        kept = pl.select(pl.when(rest != "").then(fraction).otherwise(kept)).to_series()
    sign = pl.select(pl.when(values < 0).then(pl.lit("-")).otherwise(pl.lit(""))).to_series()
    point = pl.select(pl.when(kept != "").then(pl.lit(".")).otherwise(pl.lit(""))).to_series()
    text: pl.Series = sign + whole.cast(pl.String) + point + kept
    return text.alias(values.name)


def write_dates(values: pl.Series) -> pl.Series:
    """Date as YYYY-MM-DD."""
    return values.dt.to_string("%Y-%m-%d")
