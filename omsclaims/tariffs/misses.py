"""Which key did the agreement not have? Misses of look-ups as findings C107, C111, P.1 and P.3 (order 231n, 1.7.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl

from omsclaims import findings

#: Ground of refusal: the price is not that of the agreement, or the agreement has none.
GROUND: Final = "1.7.1"

SCHEMA: Final[dict[str, pl.DataType]] = {
    "sl_key": pl.Int64(),
    "rule": pl.String(),
    "element": pl.String(),
    "value": pl.String(),
    "idserv": pl.String(),
    "params": pl.String(),
}


def misses(
    rows: pl.DataFrame, when: pl.Expr, rule: str, element: str, value: pl.Expr, table: str, idserv: pl.Expr | None = None
) -> pl.DataFrame:
    """Rows of `SCHEMA` for the rows of a frame (with sl_key, day, payment_kind) in which a look-up found nothing.

    table  table of the agreement or what else is missing; stands in the parameters of the text with the day and the kind
    """
    params = pl.concat_str(
        pl.lit('{"date":"'),
        pl.col("day").cast(pl.String).fill_null("-"),
        pl.lit('","kind":"'),
        pl.col("payment_kind").fill_null("-"),
        pl.lit(f'","table":"{table}"}}'),
    )
    return rows.filter(when).select(
        pl.col("sl_key"),
        pl.lit(rule).alias("rule"),
        pl.lit(element).alias("element"),
        value.cast(pl.String).alias("value"),
        (idserv if idserv is not None else pl.lit(None, dtype=pl.String)).alias("idserv"),
        params.alias("params"),
    )


def as_findings(parts: Iterable[pl.DataFrame], sl: pl.DataFrame) -> pl.DataFrame:
    """Misses as findings with their place; `sl` has sl_key, case_key, sl_id, package, n_zap, idcase."""
    found = [part for part in parts if part.height]
    if not found:
        return findings.empty()
    placed = pl.concat(found).join(
        sl.select("sl_key", "case_key", "sl_id", "package", "n_zap", "idcase"), on="sl_key", how="left", maintain_order="left"
    )
    rows = placed.select(
        "rule", "package", "n_zap", "idcase", "sl_id", "idserv", "element", "value", "params",
        pl.lit(GROUND).alias("code"),
        pl.when(pl.col("idserv").is_null()).then(pl.lit("sl")).otherwise(pl.lit("usl")).alias("level"),
        pl.col("package").alias("file"),
        pl.col("case_key").alias("z_row"),
        pl.col("sl_key").alias("sl_row"),
    )  # fmt: skip
    return findings.concat([findings.conform(rows)])
