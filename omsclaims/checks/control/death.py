"""Does care fit the death of the person? Lethal results, care after death (231n 1.4.4; Q016 003K.00.0331-0361, 0950-0960)."""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.control.duplicates import people
from omsclaims.checks.frames import within
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
    return within(run.view.cases("usl_ok", "rslt", "date_z_1", "date_z_2"), death, "z_row")


@table("C023")
def ended_after_death(run: Run, rule: Rule) -> pl.DataFrame:
    """Care begun in life goes on after the day of death; the day of death itself is care."""
    cases = _with_death(run).filter((pl.col("date_z_1") <= pl.col("died_on")) & (pl.col("died_on") < pl.col("date_z_2")))
    return _rows(_not_on_remains(run, rule, cases, "date_z_2"), "date_z_2")


@table("C024")
def begun_after_death(run: Run, rule: Rule) -> pl.DataFrame:
    """Care begun after the day of death."""
    cases = _with_death(run).filter(pl.col("date_z_1") > pl.col("died_on"))
    return _rows(_not_on_remains(run, rule, cases, "date_z_1"), "date_z_1")


def _not_on_remains(run: Run, rule: Rule, cases: pl.DataFrame, day: str) -> pl.DataFrame:
    """`cases` (z_row, died_on) without those that may follow death: all their profiles work on remains, and not for too long."""
    if not cases.height:
        return cases
    allowed = rule.parameters.among("profiles_after", pl.col("profil")).fill_null(value=False)
    parts = run.view.table("sl").select(pl.col("_parent").alias("z_row"), "profil")
    parts = parts.join(cases.select("z_row", "date_z_2"), on="z_row").select("z_row", allowed.alias("allowed"))
    only = parts.group_by("z_row").agg(pl.col("allowed").all()).filter("allowed").select("z_row")
    soon = (pl.col(day) - pl.col("died_on")).dt.total_days() <= rule.parameters.number("days_after")
    return cases.join(cases.filter(soon).join(only, on="z_row", how="semi").select("z_row"), on="z_row", how="anti")


@table("C031")
def death_not_shown(run: Run, rule: Rule) -> pl.DataFrame:
    """By the register the person died on the last day of a stay, but no case of the person in the month has a lethal result.

    Death on an earlier day of the stay is C023: care that went on after it.
    """
    lethal = run.view.cases("rslt", "date_z_2").filter(rule.parameters.among("results", pl.col("rslt"))).select("z_row")
    keys = run.view.tables["identified"].select(pl.col("case_key").alias("z_row"), "person_key")
    shown = keys.join(lethal, on="z_row", how="semi").select("person_key").drop_nulls().unique()
    stays = _with_death(run).filter(
        rule.parameters.among("conditions", pl.col("usl_ok"))
        & (pl.col("died_on") == pl.col("date_z_2"))
        & (pl.col("date_z_1") <= pl.col("died_on"))
        & ~rule.parameters.among("results", pl.col("rslt"))
    )
    silent = stays.join(keys, on="z_row", how="left", maintain_order="left").join(
        shown, on="person_key", how="anti", maintain_order="left"
    )
    return _rows(silent, "rslt")


@table("C025")
def care_after_a_death_that_was_billed(run: Run, rule: Rule) -> pl.DataFrame:
    """Care begun after the day on which another case of the month, that nothing refused, ended in death.

    Of several such cases the one that ended first speaks, of two on one day the first in canonical order.
    """
    known = within(people(run), run.view.cases("rslt"), "z_row")
    deaths = (
        known.filter(rule.parameters.among("results", pl.col("rslt")) & pl.col("date_z_2").is_not_null())
        .sort("date_z_2", "case_order")
        .unique("person", keep="first", maintain_order=True)
        .select(
            "person", pl.col("date_z_2").alias("died_on"), pl.col("package").alias("other_package"),
            pl.col("idcase").alias("other_case"),
        )
    )  # fmt: skip
    after = known.join(deaths, on="person", how="inner", maintain_order="left").filter(pl.col("date_z_1") > pl.col("died_on"))
    found = _not_on_remains(run, rule, after, "date_z_1")
    params = {name: pl.col(name) for name in ("died_on", "other_package", "other_case")}
    return found.select("z_row", pl.col("date_z_1").cast(pl.String).alias("value"), params_of(params).alias("params")).sort(
        "z_row"
    )


def _rows(cases: pl.DataFrame, column: str) -> pl.DataFrame:
    return cases.select(
        "z_row", pl.col(column).cast(pl.String).alias("value"), params_of({"died_on": pl.col("died_on")}).alias("params")
    )
