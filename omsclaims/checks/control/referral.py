"""Is there a referral where there must be one, and does it fit? (231n 1.4.3, 1.4.4; Q015 006F.00.0310; Q022 001K.02.0010.)"""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.control.licence import not_in_register
from omsclaims.checks.rules import Broken, Run, on, params_of, table

_INPATIENT, _DAY_HOSPITAL = 1, 2  # V006
_PLANNED = 3  # V014


@on("C087")
def referral_at_a_wrong_time(parameters: Parameters) -> Broken:
    """NPR_DATE after the first day of care or before birth."""
    where = (pl.col("npr_date") > pl.col("date_z_1")) | (pl.col("npr_date") < pl.col("dr"))
    return Broken(where, params={"date_z_1": pl.col("date_z_1")})


@on("C171")
def planned_without_referral(parameters: Parameters) -> Broken:
    """A planned admission and every day hospital case need a referral."""
    planned = ((pl.col("for_pom") == _PLANNED) & (pl.col("usl_ok") == _INPATIENT)) | (pl.col("usl_ok") == _DAY_HOSPITAL)
    return Broken(planned & pl.col("npr_mo").is_null() & pl.col("npr_date").is_null(), params={"usl_ok": pl.col("usl_ok")})


@on("C172")
def half_a_referral(parameters: Parameters) -> Broken:
    """The clinic without the date or the date without the clinic; the element is the absent one."""
    no_clinic, no_date = pl.col("npr_mo").is_null(), pl.col("npr_date").is_null()
    return Broken(
        no_clinic ^ no_date,
        value=pl.lit(None, dtype=pl.String),
        element=pl.when(no_clinic).then(pl.lit("ZAP/Z_SL/NPR_MO")).otherwise(pl.lit("ZAP/Z_SL/NPR_DATE")),
    )


@table("C173")
def unknown_referring_clinic(run: Run, rule: Rule) -> pl.DataFrame:
    """The referring clinic of this territory is not in the register on the day of the referral."""
    cases = run.view.case.filter(pl.col("npr_mo").str.starts_with(run.territory or ""))
    unknown = not_in_register(cases.select("z_row", "npr_mo", "npr_date"), run.view.tables["reg_clinic"], "npr_mo", "npr_date")
    return unknown.select("z_row", pl.col("npr_mo").alias("value"), params_of({"npr_date": pl.col("npr_date")}).alias("params"))
