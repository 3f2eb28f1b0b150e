"""Do the dates and days of care fit each other and the invoice? (231n 1.4.4, 1.4.6; Q015 006F.00.0160; Q016 003K.00.0430.)"""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Parameters
from omsclaims.checks.rules import Broken, decimal, on

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
