"""May the clinic do this? Register of clinics and licences on the date of care (231n 1.8; Rules 158n 91, 100)."""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Rule
from omsclaims.checks.rules import Run, params_of, table


def not_in_register(rows: pl.DataFrame, register: pl.DataFrame, clinic: str, day: str) -> pl.DataFrame:
    """`rows` whose clinic has no row in the register (mo, valid_from, valid_to) that holds on the day. Nulls are silent."""
    asked = rows.select(clinic, day).drop_nulls().unique()
    held = (
        asked.join(register.select("mo", "valid_from", "valid_to"), left_on=clinic, right_on="mo")
        .filter((pl.col("valid_from") <= pl.col(day)) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col(day))))
        .select(clinic, day)
        .unique()
    )
    return rows.drop_nulls([clinic, day]).join(held, on=[clinic, day], how="anti", maintain_order="left")


@table("C190")
def clinic_not_in_register(run: Run, rule: Rule) -> pl.DataFrame:
    """The clinic of the case is not in the register on its last day."""
    unknown = not_in_register(run.view.case.select("z_row", "lpu", "date_z_2"), run.view.tables["reg_clinic"], "lpu", "date_z_2")
    return unknown.select("z_row", pl.col("lpu").alias("value"), params_of({"date_z_2": pl.col("date_z_2")}).alias("params"))


def _licensed(run: Run) -> pl.DataFrame:
    """Sub-cases with the state of their licence on DATE_2: none (never begun), ended, valid; and its last day."""
    key = ["lpu", "usl_ok", "profil", "date_2"]
    rows = run.view.sl.filter(pl.col("file_kind").is_in(["H", "C", "T"])).select("sl_row", *key).drop_nulls()
    asked = rows.select(key).unique()
    begun = (
        asked.join(
            run.view.tables["reg_licence"], left_on=["lpu", "usl_ok", "profil"], right_on=["mo", "usl_ok", "profil"], how="inner"
        )
        .filter(pl.col("valid_from") <= pl.col("date_2"))
        .group_by(key)
        .agg(
            valid=(pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("date_2"))).any(), ended=pl.col("valid_to").max()
        )
    )
    return rows.join(begun, on=key, how="left", maintain_order="left")


def _rows(rows: pl.DataFrame) -> pl.DataFrame:
    params = {name: pl.col(name) for name in ("lpu", "usl_ok", "date_2", "ended")}
    return rows.select("sl_row", pl.col("profil").cast(pl.String).alias("value"), params_of(params).alias("params"))


@table("C180")
def no_licence(run: Run, rule: Rule) -> pl.DataFrame:
    """No licence for these conditions and profile begun by the last day of the sub-case."""
    return _rows(_licensed(run).filter(pl.col("valid").is_null()))


@table("C181")
def licence_ended(run: Run, rule: Rule) -> pl.DataFrame:
    """There was a licence, but every one had ended before the last day of the sub-case; the last day of a licence counts."""
    return _rows(_licensed(run).filter(~pl.col("valid")))
