"""Do result, outcome, kind and form of care fit the conditions of care? (231n 1.4.4; Q015 006F.00.1130-1340; formats.md 9.3.)"""

from __future__ import annotations

import polars as pl

from omsclaims.checks import regional
from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.rules import Broken, Run, on, params_of, table


@on("C033", "C034")
def recovered_though_not_finished(parameters: Parameters) -> Broken:
    """A transfer, a refusal or a death cannot have the outcome "recovered"."""
    where = parameters.among("results", pl.col("rslt")) & parameters.among("forbidden", pl.col("ishod"))
    return Broken(where, params={"rslt": pl.col("rslt")})


@on("C035")
def call_without_care(parameters: Parameters) -> Broken:
    """A call that came to nothing has the outcome "no effect"."""
    where = parameters.among("results", pl.col("rslt")) & ~parameters.among("outcomes", pl.col("ishod"))
    return Broken(where, params={"rslt": pl.col("rslt")})


@on("C037")
def result_of_other_conditions(parameters: Parameters) -> Broken:
    """The hundreds of RSLT are the conditions of care."""
    return Broken(pl.col("rslt") // 100 != pl.col("usl_ok"), params={"usl_ok": pl.col("usl_ok")})


@on("C038")
def outcome_of_other_conditions(parameters: Parameters) -> Broken:
    """The hundreds of ISHOD are the conditions of care."""
    return Broken(pl.col("ishod") // 100 != pl.col("usl_ok"), params={"usl_ok": pl.col("usl_ok")})


@on("C195")
def kind_of_care(parameters: Parameters) -> Broken:
    """VIDPOM is one of those of the conditions of care."""
    return Broken(~parameters.allowed("allowed", pl.col("usl_ok"), pl.col("vidpom")), params={"usl_ok": pl.col("usl_ok")})


@on("C196")
def form_of_care(parameters: Parameters) -> Broken:
    """FOR_POM is one of those of the conditions of care."""
    return Broken(~parameters.allowed("allowed", pl.col("usl_ok"), pl.col("for_pom")), params={"usl_ok": pl.col("usl_ok")})


@on("C235")
def no_kind_of_admission(parameters: Parameters) -> Broken:
    """P_PER must stand for a stay."""
    return Broken(
        parameters.among("conditions", pl.col("usl_ok")) & pl.col("p_per").is_null(), params={"usl_ok": pl.col("usl_ok")}
    )


@on("C036")
def result_of_an_examination(parameters: Parameters) -> Broken:
    """The outcome "examined" goes with few results."""
    where = parameters.among("outcomes", pl.col("ishod")) & ~parameters.among("results", pl.col("rslt"))
    return Broken(where, params={"ishod": pl.col("ishod")})


@table("C039")
def pair_not_allowed(run: Run, rule: Rule) -> pl.DataFrame:
    """Result and outcome are no pair of the region's table on the last day of care."""
    asked = run.view.cases("rslt", "ishod", "date_z_2").drop_nulls()
    asked = asked.with_columns(code=pl.col("rslt").cast(pl.String))
    pairs = asked.select("code", "ishod", "date_z_2").unique()
    held = regional.of_code(pairs, regional.table(run.books, "R001"), "code", "date_z_2")
    known = held.filter(pl.col("ishod") == pl.col("ishod_listed")).select("code", "ishod", "date_z_2").unique()
    wrong = asked.join(known, on=["code", "ishod", "date_z_2"], how="anti", maintain_order="left")
    return wrong.select(
        "z_row", pl.col("ishod").cast(pl.String).alias("value"), params_of({"rslt": pl.col("rslt")}).alias("params")
    )


@on("C040")
def healthy_though_suspected(parameters: Parameters) -> Broken:
    """First health group although a malignancy is suspected."""
    where = (pl.col("ds_onk") == 1) & parameters.among("results", pl.col("rslt"))
    return Broken(where, value=pl.col("rslt"))


@on("C041")
def healthy_check_up_though_suspected(parameters: Parameters) -> Broken:
    """The check-up ends in the first health group although a malignancy is suspected."""
    where = (pl.col("ds_onk") == 1) & parameters.among("results", pl.col("rslt_d"))
    return Broken(where, value=pl.col("rslt_d"))


@on("C042")
def result_of_another_check_up(parameters: Parameters) -> Broken:
    """The result is one of the type of check-up; a file that states its result in RSLT_D is silent."""
    where = ~parameters.allowed("results", pl.col("disp"), pl.col("rslt"))
    return Broken(where, params={"disp": pl.col("disp")})
