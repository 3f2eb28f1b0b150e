"""What is a number, a date, a text of a registry file? The one strict grammar of values (formats.md 1; order 79 of FFOMS).

Numbers: `-?digits(.digits)?`, the point alone, no more decimals and digits than the format says. Dates: YYYY-MM-DD that exist in
the calendar. Texts: length in characters. Nothing is trimmed, rounded or guessed: what does not fit is null here, and its raw
text is kept beside the columns by the reader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
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


@dataclass(frozen=True, slots=True)
class Bounds:
    """Least and greatest value of a column (days since 1970 for dates), and how many rows it has."""

    low: int
    high: int
    rows: int

    @property
    def few(self) -> bool:
        """Whether texts are better looked up in a list of all values than written again and again."""
        return self.high - self.low < min(self.rows // 2, _LOOKED_UP)


def bounds(values: pl.Series) -> Bounds | None:
    """The bounds of a column of numbers or dates; None where it has no value."""
    numbers = values.to_physical()
    low, high = numbers.min(), numbers.max()
    return None if low is None or high is None else Bounds(int(low), int(high), values.len())  # type: ignore[arg-type]


def write_numbers(values: pl.Series, decimals: int, scale: int) -> pl.Series:
    """Int64 in units of 10^-scale as text with exactly `decimals` decimals.

    A value that needs more decimals than the edition has is written with all of them: nothing is rounded.
    """
    limits = bounds(values)
    if limits is None:
        return pl.Series(values.name, [None] * values.len(), dtype=pl.String)
    return values.to_frame().select(number_text(pl.first(), decimals, scale, limits).alias(values.name)).to_series()


def write_dates(values: pl.Series) -> pl.Series:
    """Date as YYYY-MM-DD."""
    return values.dt.to_string("%Y-%m-%d")


def number_text(column: pl.Expr, decimals: int, scale: int, limits: Bounds, tag: str = "") -> pl.Expr:
    """As write_numbers, for a column of Int64 whose values lie within `limits`; as an element `<tag>` where one is given."""
    before, behind = _around(tag)
    if limits.few:
        known = pl.int_range(limits.low, limits.high + 1, eager=True)
        alone = Bounds(limits.low, limits.high, 0)
        return pl.lit(known.to_frame().select(number_text(pl.first(), decimals, scale, alone, tag)).to_series()).gather(
            column - limits.low
        )
    if scale == 0:
        return pl.concat_str(pl.lit(before), column.cast(pl.String), pl.lit(behind))
    unit, low = 10**scale, limits.low
    sign = pl.when(column < 0).then(pl.lit(before + "-")).otherwise(pl.lit(before)) if low < 0 else pl.lit(before)
    positive = column.abs() if low < 0 else column
    rest = positive % unit
    looked_up = limits.rows > unit
    fraction = pl.lit(_fractions(decimals, scale)).gather(rest) if looked_up else _fraction(rest, decimals, scale)
    return pl.concat_str(sign, (positive // unit).cast(pl.String), fraction, pl.lit(behind))


def date_text(column: pl.Expr, limits: Bounds, tag: str = "") -> pl.Expr:
    """As write_dates, for a column of Date whose days lie within `limits`; as an element `<tag>` where one is given."""
    before, behind = _around(tag)
    if limits.few:
        days = pl.int_range(limits.low, limits.high + 1, dtype=pl.Int32, eager=True).cast(pl.Date)
        return pl.lit(before + write_dates(days) + behind).gather(column.to_physical() - limits.low)
    return pl.concat_str(pl.lit(before), column.dt.to_string("%Y-%m-%d"), pl.lit(behind))


#: Spans up to which texts are looked up.
_LOOKED_UP: Final = 60_000


def _around(tag: str) -> tuple[str, str]:
    return (f"<{tag}>", f"</{tag}>") if tag else ("", "")


def _fraction(rest: pl.Expr, decimals: int, scale: int) -> pl.Expr:
    """The point and what stands behind it: as many decimals as the format has, more only where the value needs them."""
    digits = rest.cast(pl.String).str.zfill(scale)
    if decimals >= scale:
        return pl.concat_str(pl.lit("."), digits, pl.lit("0" * (decimals - scale)))
    short = pl.concat_str(pl.lit("."), digits.str.head(decimals)) if decimals else pl.lit("")
    return pl.when(rest % 10 ** (scale - decimals) == 0).then(short).otherwise(pl.concat_str(pl.lit("."), digits))


@cache
def _fractions(decimals: int, scale: int) -> pl.Series:
    """All fractions of a scale."""
    rests = pl.int_range(10**scale, eager=True)
    return rests.to_frame().select(_fraction(pl.first(), decimals, scale)).to_series()
