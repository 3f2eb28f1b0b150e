"""Do the dates and days of care fit each other and the invoice? (231n 1.4.4, 1.4.6; Q015 006F.00.0160; Q016 003K.00.0430.)"""

from __future__ import annotations

import polars as pl

from omsclaims.checks import regional
from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.rules import Broken, Run, decimal, on, params_of, table

_INPATIENT, _DAY_HOSPITAL, _OUTPATIENT = 1, 2, 3  # V006
_TENTHS = 10  # KD has one decimal
_HUNDREDTHS = 100  # ED_COL has two decimals


@on("C076")
def case_ends_before_it_starts(parameters: Parameters) -> Broken:
    """DATE_Z_1 later than DATE_Z_2."""
    return Broken(pl.col("date_z_1") > pl.col("date_z_2"), params={"date_z_2": pl.col("date_z_2")})


@on("C077")
def sub_case_ends_before_it_starts(parameters: Parameters) -> Broken:
    """DATE_1 later than DATE_2."""
    return Broken(pl.col("date_1") > pl.col("date_2"), params={"date_2": pl.col("date_2")})


@on("C078")
def sub_case_outside_case(parameters: Parameters) -> Broken:
    """DATE_1 before DATE_Z_1 or DATE_2 after DATE_Z_2; the element is DATE_2 where only it is outside."""
    early = (pl.col("date_1") < pl.col("date_z_1")).fill_null(value=False)
    late = (pl.col("date_2") > pl.col("date_z_2")).fill_null(value=False)
    return Broken(
        early | late,
        value=pl.when(early).then(pl.col("date_1")).otherwise(pl.col("date_2")),
        element=pl.when(early).then(pl.lit("ZAP/Z_SL/SL/DATE_1")).otherwise(pl.lit("ZAP/Z_SL/SL/DATE_2")),
        params={"date_z_1": pl.col("date_z_1"), "date_z_2": pl.col("date_z_2")},
    )


@on("C080")
def service_outside_sub_case(parameters: Parameters) -> Broken:
    """DATE_IN <= DATE_OUT <= DATE_2 and, but for check-ups (earlier results are counted), DATE_IN >= DATE_1."""
    turned = (pl.col("date_in") > pl.col("date_out")).fill_null(value=False)
    late = (pl.col("date_out") > pl.col("date_2")).fill_null(value=False)
    early = ((pl.col("date_in") < pl.col("date_1")) & (pl.col("file_kind") != "X")).fill_null(value=False)
    only_end = late & ~turned & ~early
    return Broken(
        turned | late | early,
        value=pl.when(only_end).then(pl.col("date_out")).otherwise(pl.col("date_in")),
        element=pl.when(only_end).then(pl.lit("ZAP/Z_SL/SL/USL/DATE_OUT")).otherwise(pl.lit("ZAP/Z_SL/SL/USL/DATE_IN")),
        params={name: pl.col(name) for name in ("date_in", "date_out", "date_1", "date_2")},
    )


@on("C081")
def later_than_the_bill(parameters: Parameters) -> Broken:
    """Care ended in a month after the one that is billed."""
    ended = pl.col("date_z_2").dt.year().cast(pl.Int64) * 12 + pl.col("date_z_2").dt.month().cast(pl.Int64)
    return Broken(ended > pl.col("year") * 12 + pl.col("month"), params={"year": pl.col("year"), "month": pl.col("month")})


@on("C083")
def later_than_the_invoice(parameters: Parameters) -> Broken:
    """Care ended after the day of the invoice."""
    return Broken(pl.col("date_z_2") > pl.col("dschet"), params={"dschet": pl.col("dschet")})


@on("C089")
def days_of_stay(parameters: Parameters) -> Broken:
    """KD at least 1 and at most the days of the stay.

    Day of admission and day of discharge are one day in hospital and two in a day hospital.
    """
    nights = (pl.col("date_2") - pl.col("date_1")).dt.total_days()
    longest = (
        pl.when(pl.col("usl_ok") == _INPATIENT)
        .then(pl.max_horizontal(nights, pl.lit(1)))
        .when(pl.col("usl_ok") == _DAY_HOSPITAL)
        .then(nights + 1)
        .otherwise(None)
    )
    where = longest.is_not_null() & ((pl.col("kd") < _TENTHS) | (pl.col("kd") > longest * _TENTHS))
    return Broken(where, value=decimal(pl.col("kd"), 1), params={"days": longest})


@on("C236")
def no_days_of_stay(parameters: Parameters) -> Broken:
    """KD must stand for a stay."""
    return Broken(parameters.among("conditions", pl.col("usl_ok")) & pl.col("kd").is_null(), params={"usl_ok": pl.col("usl_ok")})


@on("C091")
def episode_of_one_visit(parameters: Parameters) -> Broken:
    """An episode (обращение) lasts longer than a day and has at least two visits."""
    short = (pl.col("date_1") == pl.col("date_2")) | (pl.col("usl_rows") < parameters.number("visits"))
    return Broken(parameters.among("purposes", pl.col("p_cel")) & short, params={"visits": pl.col("usl_rows")})


@on("C092")
def visit_of_many_days(parameters: Parameters) -> Broken:
    """A visit is one day and one unit."""
    many = (pl.col("date_1") != pl.col("date_2")) | (pl.col("ed_col") != _HUNDREDTHS)
    where = parameters.among("payment", pl.col("idsp")) & (pl.col("usl_ok") == _OUTPATIENT) & many
    return Broken(where, value=decimal(pl.col("ed_col"), 2), params={"date_1": pl.col("date_1"), "date_2": pl.col("date_2")})


@table("C079")
def case_without_its_ends(run: Run, rule: Rule) -> pl.DataFrame:
    """No sub-case begins with the case, or none ends with it; the element is DATE_Z_2 where only its end is without one."""
    ends = run.view.sl.group_by("z_row").agg(
        begun=(pl.col("date_1") == pl.col("date_z_1")).any(), ended=(pl.col("date_2") == pl.col("date_z_2")).any()
    )
    cases = run.view.cases("date_z_1", "date_z_2").drop_nulls().join(ends, on="z_row", how="inner", maintain_order="left")
    begun = pl.col("begun").fill_null(value=False)
    bad = cases.filter(~begun | ~pl.col("ended").fill_null(value=False))
    return bad.select(
        "z_row",
        pl.when(~begun).then(pl.col("date_z_1")).otherwise(pl.col("date_z_2")).cast(pl.String).alias("value"),
        pl.when(~begun).then(pl.lit("ZAP/Z_SL/DATE_Z_1")).otherwise(pl.lit("ZAP/Z_SL/DATE_Z_2")).alias("element"),
    )


@table("C082")
def service_of_another_month(run: Run, rule: Rule) -> pl.DataFrame:
    """An outpatient service on a day that is not in the month of the invoice. What is billed again (PR_NOV = 1) is of another."""
    rows = (
        run.view.usl.lazy()
        .filter(rule.parameters.among("conditions", pl.col("usl_ok")))
        .select("usl_row", "z_row", "date_in")
        .collect()
    )
    again = run.view.table("zap").filter(pl.col("pr_nov") == 1).select(pl.col("_row").alias("zap_row"))
    cases = run.view.cases("zap_row", "year", "month").join(again, on="zap_row", how="anti", maintain_order="left")
    asked = rows.drop_nulls("date_in").join(cases.drop("zap_row"), on="z_row", how="inner", maintain_order="left")
    other = (pl.col("date_in").dt.year() != pl.col("year")) | (pl.col("date_in").dt.month() != pl.col("month"))
    params = {"year": pl.col("year"), "month": pl.col("month")}
    return asked.filter(other).select(
        "usl_row", pl.col("date_in").cast(pl.String).alias("value"), params_of(params).alias("params")
    )


@table("C086")
def filed_late(run: Run, rule: Rule) -> pl.DataFrame:
    """The invoice is dated after the last day that the region gives for its reporting month."""
    month = pl.concat_str(pl.col("year").cast(pl.String), pl.lit("-"), pl.col("month").cast(pl.String).str.zfill(2))
    files = run.view.files.select("package", "dschet", month.alias("reporting")).drop_nulls()
    listed = regional.table(run.books, "R010").drop_nulls("last_day").sort("code", "last_day").unique("code", keep="last")
    late = files.join(listed, left_on="reporting", right_on="code", how="inner", maintain_order="left")
    late = late.filter(pl.col("dschet") > pl.col("last_day"))
    params = params_of({"last_day": pl.col("last_day"), "reporting": pl.col("reporting")})
    return late.select("package", pl.col("dschet").cast(pl.String).alias("value"), params.alias("params"))


@on("C088")
def old_referral(parameters: Parameters) -> Broken:
    """The referral was given more than so many months before care; on the same day of the month it still holds."""
    limit = pl.col("npr_date").dt.offset_by(parameters.number("months").cast(pl.String) + "mo")
    return Broken(pl.col("date_z_1") > limit, params={"date_z_1": pl.col("date_z_1"), "months": parameters.number("months")})


@on("C090")
def too_few_days_of_stay(parameters: Parameters) -> Broken:
    """KD of a hospital is less than the nights of the stay (C089 says when it is more, and counts a day hospital)."""
    nights = (pl.col("date_2") - pl.col("date_1")).dt.total_days()
    few = (pl.col("kd") >= _TENTHS) & (pl.col("kd") < nights * _TENTHS)
    return Broken(parameters.among("conditions", pl.col("usl_ok")) & few, value=decimal(pl.col("kd"), 1), params={"days": nights})


@on("C093")
def care_before_birth(parameters: Parameters) -> Broken:
    """A sub-case begins before birth; where the whole case does, C014 says so."""
    where = (pl.col("date_1") < pl.col("dr")) & (pl.col("date_z_1") >= pl.col("dr"))
    return Broken(where)
