"""Answers A made by hand for tests: what a home fund would say of a bill, in any edition."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from omsclaims.registry import formats, reader, writer

Decision = tuple[int, int]  # what is taken in kopecks, F014 Kod


def answer(
    bill: bytes,
    name: str,
    day: date,
    decisions: Mapping[int, Decision] | None = None,
    only: list[int] | None = None,
    edition: str = "A_3.1",
    s_ist: int = 2,
    header: Mapping[str, Any] | None = None,
    cases: Mapping[str, pl.Expr] | None = None,
) -> bytes:
    """File A on the file R or D `bill`: each item accepted, save those of `decisions` (N_ZAP -> taken, ground).

    only    records that are answered, by default all
    header  columns of the header to change; cases: expressions for columns of z_sl, to spoil the file
    """
    with zipfile.ZipFile(io.BytesIO(bill)) as packed:
        stem = packed.namelist()[0].removesuffix(".xml")
    sent = reader.read_package(bill, name=f"{stem}.oms")
    head = sent.tables["file"]
    kept = sent.tables["zap"] if only is None else sent.tables["zap"].filter(pl.col("n_zap").is_in(only))
    number = kept.select(pl.col("_row").alias("_parent"), "n_zap")
    z_sl = sent.tables["z_sl"].join(number, on="_parent", how="inner")
    taken = pl.DataFrame(
        [(n, amount, kod) for n, (amount, kod) in (decisions or {}).items()],
        schema={"n_zap": pl.Int64, "_taken": pl.Int64, "_kod": pl.Int64}, orient="row",
    )  # fmt: skip
    z_sl = z_sl.join(taken, on="n_zap", how="left").sort("_row").with_columns(pl.col("_taken").fill_null(0))
    left = pl.col("sump") - pl.col("_taken")
    z_sl = z_sl.with_columns(
        sump=left, oplata=pl.when(pl.col("_taken") == 0).then(1).when(left == 0).then(2).otherwise(3).cast(pl.Int64),
        sank_it=pl.when(pl.col("_taken") != 0).then(pl.col("_taken")),
    ).with_columns(**(cases or {}))  # fmt: skip
    sank = z_sl.filter(pl.col("_taken") != 0).select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("_row"), pl.col("_row").alias("_parent"), pl.lit("1").alias("s_code"),
        pl.col("_taken").alias("s_sum"), pl.lit(10 if edition == "A_3.1" else 1, dtype=pl.Int64).alias("s_tip"),
        pl.col("_kod").alias("s_osn"), pl.lit(day).alias("date_act"), pl.lit("1").alias("num_act"),
        pl.lit(s_ist, dtype=pl.Int64).alias("s_ist"),
    )  # fmt: skip
    sl = sent.tables["sl"].join(z_sl.select(pl.col("_row").alias("_parent")), on="_parent", how="semi")
    tables = {
        **sent.tables,
        "zap": kept,
        "z_sl": z_sl.drop("n_zap", "_taken", "_kod"),
        "sl": sl,
        "sank": shaped("sank", sank),
        "sank_sl_id": shaped(
            "sank_sl_id", sank.select("_parent", pl.col("_row").alias("_sank")).join(sl.select("_parent", "sl_id"), on="_parent")
            .select(pl.int_range(pl.len(), dtype=pl.Int64).alias("_row"), pl.col("_sank").alias("_parent"), "sl_id"),
        ),
        "file": head.with_columns(
            version=pl.lit(formats.get(edition).version), data=pl.lit(day), summav=pl.lit(int(z_sl["sumv"].sum())),
            summap=pl.lit(int(z_sl["sump"].sum())), sank_mek=pl.lit(None, dtype=pl.Int64), sank_mee=pl.lit(None, dtype=pl.Int64),
            sank_ekmp=pl.lit(None, dtype=pl.Int64),
        ).with_columns(**{column: pl.lit(value) for column, value in (header or {}).items()}),
    }  # fmt: skip
    tables.pop("exceptions", None)
    tables.pop("extra", None)
    stream = io.BytesIO()
    writer.write_package(stream, tables, formats.get(edition), name=name)
    return stream.getvalue()


def shaped(name: str, table: pl.DataFrame) -> pl.DataFrame:
    """The canonical columns of a table."""
    return table.select(
        pl.col(column).cast(kind) if column in table.columns else pl.lit(None, dtype=kind).alias(column)
        for column, kind in formats.canonical_columns(name, "main").items()
    )
