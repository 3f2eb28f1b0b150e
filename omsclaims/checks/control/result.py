"""Do result, outcome, kind and form of care fit the conditions of care? (231n 1.4.4; Q015 006F.00.1130-1340; formats.md 9.3.)"""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Parameters
from omsclaims.checks.rules import Broken, on


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
