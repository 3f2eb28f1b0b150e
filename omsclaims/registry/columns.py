"""Which raw texts are values? Batches of collected texts become typed columns; what does not fit becomes exceptions and findings.

Everything is done column by column in polars; the rules are S.903 (type, length, digits), S.904 (enumeration of the schema) and
S.907 (blank text).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Final

import polars as pl

from omsclaims import findings
from omsclaims.registry import values
from omsclaims.registry.formats import EXCEPTIONS, Field

#: A problem of one value before its case is known: rule, ground, table, row, element, value, parameters.
PROBLEM: dict[str, pl.DataType] = {
    "rule": pl.String(), "code": pl.String(), "table": pl.String(), "_row": pl.Int64(), "element": pl.String(),
    "value": pl.String(), "params": pl.String(),
}  # fmt: skip


@dataclass(slots=True)
class Collected:
    """What reading found beside the columns: problems and exceptions, as lists of frames."""

    problems: list[pl.DataFrame] = field(default_factory=list)
    exceptions: list[pl.DataFrame] = field(default_factory=list)
    problem_rows: list[tuple[str, str | None, str, int, str, str, str]] = field(default_factory=list)  # PROBLEM, one by one
    exception_rows: list[tuple[str, int, str, str, str]] = field(default_factory=list)  # EXCEPTIONS, one by one

    @property
    def count(self) -> int:
        """How many problems there are."""
        return len(self.problem_rows) + sum(part.height for part in self.problems)

    def all_problems(self) -> list[pl.DataFrame]:
        """All problems as frames of PROBLEM."""
        rows = [pl.DataFrame(self.problem_rows, schema=PROBLEM, orient="row")] if self.problem_rows else []
        return self.problems + rows

    def all_exceptions(self) -> list[pl.DataFrame]:
        """All exceptions as frames of EXCEPTIONS."""
        rows = [pl.DataFrame(self.exception_rows, schema=EXCEPTIONS, orient="row")] if self.exception_rows else []
        return self.exceptions + rows

    def values(self, rule: str, code: str | None, item: Field, rows: pl.Series, raw: pl.Series) -> None:
        """One problem for each of many values of one field."""
        params = _params(item)
        self.problems.append(
            pl.DataFrame({"_row": rows, "value": raw}).select(
                pl.lit(rule).alias("rule"), pl.lit(code, dtype=pl.String).alias("code"),
                pl.lit(item.table).alias("table"), pl.col("_row").cast(pl.Int64), pl.lit(item.path).alias("element"),
                pl.col("value").cast(pl.String), pl.lit(params).alias("params"),
            )
        )  # fmt: skip

    def kept(self, item: Field, rows: pl.Series, raw: pl.Series, kind: str) -> None:
        """Texts that a column cannot hold, kept as they were."""
        self.exceptions.append(
            pl.DataFrame({"_row": rows, "raw": raw}).select(
                pl.lit(item.table).alias("table"), pl.col("_row").cast(pl.Int64), pl.lit(item.column).alias("column"),
                pl.col("raw").cast(pl.String), pl.lit(kind).alias("kind"),
            )
        )  # fmt: skip


@cache
def _params(item: Field) -> str:
    """Parameters of the texts about values of a field."""
    return findings.params_json(
        {"format": item.type_text, "allowed": ", ".join(item.values), "ru": item.meaning_ru, "en": item.meaning_en}
    )


@dataclass(frozen=True, slots=True)
class Parser:
    """How one field becomes a column: `parse` makes the column out of the raw one, `suspect` says whether any value is wrong."""

    item: Field
    scale: int  # decimals of the column
    raw: str  # name of the raw column
    null: pl.DataType
    parse: pl.Expr
    suspect: pl.Expr


def parser(item: Field, scale: int) -> Parser:
    """The parser of one field, of the grammar of `values`, for a column of `scale` decimals; made once per edition."""
    raw, column = pl.col(f"={item.column}"), pl.col(item.column)
    kinds: dict[str, pl.DataType] = {"T": pl.String(), "N": pl.Int64(), "D": pl.Date()}
    if item.form == "T":
        parse = raw
        suspect = (raw.str.strip_chars() == "").any() | (raw.str.len_chars() > item.length).any()
    elif item.form == "D":
        parse = values.date_expr(raw)
        suspect = column.null_count() > raw.null_count()
    else:
        parse = values.number_expr(raw, item.length, item.decimals, scale)
        suspect = (column.null_count() > raw.null_count()) | (column < 0).any()
    if item.values:
        suspect = suspect | (~column.is_in(_allowed(item, scale))).any()
    return Parser(item, scale, f"={item.column}", kinds[item.form], parse.alias(item.column), suspect.alias(item.column))


def typed_frame(
    parsers: tuple[Parser, ...], texts: list[tuple[str | None, ...]], rows: pl.Series, found: Collected
) -> pl.DataFrame:
    """The columns of all `parsers` out of their texts (null = no element); what is wrong is put into `found`.

    Every column is parsed and judged in one go; only those with something wrong are looked at value by value (`typed`).
    """
    count = rows.len()
    used = [
        (maker, pl.Series(maker.raw, values_of, dtype=pl.String))
        for maker, values_of in zip(parsers, texts, strict=True)
        if values_of.count(None) != count
    ]
    if not used:
        return pl.DataFrame({maker.item.column: pl.Series([None] * count, dtype=maker.null) for maker in parsers})
    frame = pl.DataFrame([raw for _, raw in used]).with_columns([maker.parse for maker, _ in used])
    verdict = frame.select([maker.suspect for maker, _ in used]).row(0)
    suspects = [pair for pair, bad in zip(used, verdict, strict=True) if bad]
    wrong = [typed(raw, maker, rows, found) for maker, raw in suspects]
    if wrong:
        frame = frame.with_columns(wrong)
    return frame.select([maker.item.column for maker, _ in used])


def typed(raw: pl.Series, maker: Parser, rows: pl.Series, found: Collected) -> pl.Series:
    """The column of one field: `raw` texts (null = no element) as its canonical type, named after the column.

    Blank texts and texts that do not parse become null and are kept in `found`; wrong lengths and values that are not in the
    enumeration stay in the column and are reported.
    """
    item = maker.item
    raw = raw.alias(item.column)
    if raw.null_count() == raw.len():
        return raw if item.form == "T" else raw.cast(pl.Date if item.form == "D" else pl.Int64)
    blank = (raw.str.strip_chars() == "").fill_null(value=False)
    if blank.any():
        found.kept(item, rows.filter(blank), raw.filter(blank), "empty")
        found.values("S.907", empty_code(item), item, rows.filter(blank), raw.filter(blank))
        raw = raw.set(blank, None)
    if item.form == "T":
        wrong = (raw.str.len_chars() > item.length).fill_null(value=False)
        if wrong.any():
            found.values("S.903", "1.4.4", item, rows.filter(wrong), raw.filter(wrong))
        column = raw
    else:
        column = _parsed(raw, maker, rows, found)
    if item.values:
        _enumerated(column, raw, maker, rows, found)
    return column


def _parsed(raw: pl.Series, maker: Parser, rows: pl.Series, found: Collected) -> pl.Series:
    """Numbers and dates; negative numbers are values, but no schema of the exchange allows them."""
    item = maker.item
    if item.form == "D":
        column = values.parse_dates(raw)
    else:
        column = values.parse_numbers(raw, item.length, item.decimals, maker.scale)
        negative = (column < 0).fill_null(value=False)
        if negative.any():
            found.values("S.903", "1.4.4", item, rows.filter(negative), raw.filter(negative))
    if column.null_count() != raw.null_count():
        bad = raw.is_not_null() & column.is_null()
        found.kept(item, rows.filter(bad), raw.filter(bad), "bad")
        found.values("S.903", "1.4.4", item, rows.filter(bad), raw.filter(bad))
    return column


def _enumerated(column: pl.Series, raw: pl.Series, maker: Parser, rows: pl.Series, found: Collected) -> None:
    """Values outside the enumeration that the schema of the kind has for this element."""
    item = maker.item
    outside = (~column.is_in(_allowed(item, maker.scale))).fill_null(value=False)
    if outside.any():
        found.values("S.904", "1.4.4", item, rows.filter(outside), raw.filter(outside))


def _allowed(item: Field, scale: int) -> list[str] | list[int]:
    """The enumeration of a field as values of its column."""
    if item.form == "T":
        return list(item.values)
    unit = 10**scale
    return [int(value) * unit for value in item.values]


def empty_code(item: Field) -> str | None:
    """Ground for an empty element: a mandatory field not filled (1.4.3); an empty optional one costs nothing."""
    return "1.4.3" if item.must == "O" else None


def judged(text: str, maker: Parser, row: int, found: Collected) -> str | int | date | None:
    """One text as `typed` judges a column of them: its value, with what is wrong put into `found` as rows."""
    item = maker.item

    def wrong(rule: str, code: str | None) -> None:
        found.problem_rows.append((rule, code, item.table, row, item.path, text, _params(item)))

    def kept(kind: str) -> None:
        found.exception_rows.append((item.table, row, item.column, text, kind))

    if not text.strip():
        kept("empty")
        wrong("S.907", empty_code(item))
        return None
    value: str | int | date | None
    if item.form == "T":
        if len(text) > item.length:
            wrong("S.903", "1.4.4")
        value = text
    elif item.form == "D":
        value = values.parse_date(text)
    else:
        value = values.parse_number(text, item.length, item.decimals, maker.scale)
        if value is not None and value < 0:
            wrong("S.903", "1.4.4")
    if value is None:
        kept("bad")
        wrong("S.903", "1.4.4")
    elif item.values and value not in _allowed(item, maker.scale):
        wrong("S.904", "1.4.4")
    return value


def no_exceptions() -> pl.DataFrame:
    """The table of exceptions without rows."""
    return _NO_EXCEPTIONS.clone()


_NO_EXCEPTIONS: Final = pl.DataFrame(schema=EXCEPTIONS)
