"""Do the diagnoses fit each other, the person and the file? (231n 1.4.4; Q015 006F.00.0430-0440; Q016 003K.00.0590-0640.)"""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.rules import Broken, Run, on, params_of, table

_MALE = 1  # V005


def further(run: Run) -> pl.DataFrame:
    """Accompanying diagnoses and complications: sl_row, ds, which (DS2, DS3); DS2_N of check-ups are DS2."""
    parts = []
    for name, column, tag in (("ds2", "ds2", "DS2"), ("ds2_n", "ds2", "DS2"), ("ds3", "ds3", "DS3")):
        rows = run.view.table(name)
        parts.append(
            rows.select(pl.col("_parent").alias("sl_row"), pl.col(column).alias("ds"), pl.lit(tag).alias("which")).drop_nulls(
                "ds"
            )
        )
    return pl.concat(parts)


@table("C046")
def main_diagnosis_again(run: Run, rule: Rule) -> pl.DataFrame:
    """The main diagnosis stands among the accompanying ones or the complications."""
    main = run.view.sl.select("sl_row", pl.col("ds1").alias("ds")).drop_nulls("ds")
    pairs = further(run).join(main, on=["sl_row", "ds"], how="inner")
    first = pairs.sort("sl_row", "which").unique("sl_row", keep="first", maintain_order=True)
    return first.select("sl_row", pl.col("ds").alias("value"), params_of({"which": pl.col("which")}).alias("params"))


@table("C047")
def accompanying_is_complication(run: Run, rule: Rule) -> pl.DataFrame:
    """One diagnosis stands both as accompanying and as complication."""
    both = further(run)
    second = both.filter(pl.col("which") == "DS2").join(
        both.filter(pl.col("which") == "DS3").select("sl_row", "ds"), on=["sl_row", "ds"], how="inner"
    )
    first = second.sort("sl_row", "ds").unique("sl_row", keep="first", maintain_order=True)
    return first.select("sl_row", pl.col("ds").alias("value"))


@on("C048")
def perinatal_diagnosis(parameters: Parameters) -> Broken:
    """A condition of the perinatal period in a person older than a year; newborns under the mother's policy are left out."""
    where = (
        (pl.col("novor") == "0")
        & parameters.in_ranges("diagnoses", pl.col("ds1"))
        & (pl.col("age") > parameters.number("oldest_years"))
    )
    return Broken(where, params={"age": pl.col("age")})


@on("C049")
def obstetric_diagnosis(parameters: Parameters) -> Broken:
    """Pregnancy or childbirth in a man."""
    return Broken((pl.col("novor") == "0") & parameters.in_ranges("diagnoses", pl.col("ds1")) & (pl.col("w") == _MALE))


@on("C238")
def malignancy_in_general_file(parameters: Parameters) -> Broken:
    """A malignancy belongs in file C."""
    return Broken(parameters.in_ranges("diagnoses", pl.col("ds1")))
