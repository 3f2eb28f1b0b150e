"""Does care fit the death of the person? Lethal results, care after death (231n 1.4.4; Q016 003K.00.0331-0361, 0950-0960)."""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.rules import Broken, Run, on, params_of, table


@on("C027", "C028", "C029", "C030")
def outcome_of_a_death(parameters: Parameters) -> Broken:
    """A lethal result goes with one outcome only."""
    where = parameters.among("results", pl.col("rslt")) & ~parameters.among("outcomes", pl.col("ishod"))
    return Broken(where, params={"rslt": pl.col("rslt")})


def _with_death(run: Run) -> pl.DataFrame:
    death = (
        run.view.tables["identified"].filter(pl.col("died_on").is_not_null()).select(pl.col("case_key").alias("z_row"), "died_on")
    )
    return run.view.case.join(death, on="z_row", how="inner", maintain_order="left")


@table("C023")
def ended_after_death(run: Run, rule: Rule) -> pl.DataFrame:
    """Care begun in life goes on after the day of death; the day of death itself is care."""
    cases = _with_death(run).filter((pl.col("date_z_1") <= pl.col("died_on")) & (pl.col("died_on") < pl.col("date_z_2")))
    return _rows(cases, "date_z_2")


@table("C024")
def begun_after_death(run: Run, rule: Rule) -> pl.DataFrame:
    """Care begun after the day of death."""
    return _rows(_with_death(run).filter(pl.col("date_z_1") > pl.col("died_on")), "date_z_1")


def _rows(cases: pl.DataFrame, column: str) -> pl.DataFrame:
    return cases.select(
        "z_row", pl.col(column).cast(pl.String).alias("value"), params_of({"died_on": pl.col("died_on")}).alias("params")
    )
