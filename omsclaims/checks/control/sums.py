"""Do the sums of the registry add up? (231n 1.4.3, 1.4.5; Q015 006F.00.0370-0570; formats.md 9.3.) All in kopecks."""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims import money
from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.rules import Broken, Run, decimal, on, params_of, roubles, table

_DECIMALS: Final = 4  # KOL_USL has two decimals and roubles have two


@on("C095")
def case_is_not_its_parts(parameters: Parameters) -> Broken:
    """SUMV is the sum of SUM_M; silent where a part could not be read."""
    where = (pl.col("sumv") != pl.col("sl_sum")) & pl.col("sl_sums_known")
    return Broken(where, value=roubles(pl.col("sumv")), params={"expected": roubles(pl.col("sl_sum"))})


@on("C096")
def sub_case_is_not_its_services(parameters: Parameters) -> Broken:
    """Where services are paid one by one SUM_M is the sum of SUMV_USL."""
    differs = (pl.col("sum_m") != pl.col("usl_sum")) & pl.col("usl_sums_known")
    where = parameters.among("payment", pl.col("idsp")) & differs
    return Broken(where, value=roubles(pl.col("sum_m")), params={"expected": roubles(pl.col("usl_sum"))})


@on("C098")
def tariff_above_the_sum(parameters: Parameters) -> Broken:
    """Outside stays a tariff is not more than the amount; a check-up has no USL_OK and is outside stays, too."""
    stay = parameters.among("conditions", pl.col("usl_ok")).fill_null(value=False)
    where = ~stay & (pl.col("tarif") > pl.col("sum_m")) & (pl.col("sum_m") > 0)
    return Broken(where, value=roubles(pl.col("tarif")), params={"sum_m": roubles(pl.col("sum_m"))})


@table("C109")
def service_is_not_quantity_times_tariff(run: Run, rule: Rule) -> pl.DataFrame:
    """SUMV_USL is KOL_USL x TARIF, exactly, rounded half up to the kopeck."""
    paid = run.view.usl.filter(rule.parameters.among("payment", pl.col("idsp")))
    rows = paid.select("usl_row", "kol_usl", "tarif", "sumv_usl").drop_nulls()
    # Negative values are the reader's finding (S.903); a product no registry can hold differs from any sum.
    rows = rows.filter((pl.col("kol_usl") >= 0) & (pl.col("tarif") >= 0))
    huge = pl.col("tarif") > money.MAX_KOPECKS * 100 // pl.max_horizontal(pl.col("kol_usl"), pl.lit(1))
    priced = rows.filter(~huge)
    product = money.exact_amounts([money.Term((priced["kol_usl"].to_numpy(), priced["tarif"].to_numpy()), _DECIMALS)])
    wrong = priced.with_columns(pl.Series("product", product, dtype=pl.Int64)).filter(pl.col("product") != pl.col("sumv_usl"))
    wrong = pl.concat([wrong, rows.filter(huge).with_columns(product=pl.lit(None, dtype=pl.Int64))])
    params = {
        "quantity": decimal(pl.col("kol_usl"), 2), "tariff": roubles(pl.col("tarif")), "expected": roubles(pl.col("product")),
    }  # fmt: skip
    return wrong.select("usl_row", roubles(pl.col("sumv_usl")).alias("value"), params_of(params).alias("params"))


@on("C115")
def complexity_without_codes(parameters: Parameters) -> Broken:
    """The total of the complexity coefficients and their list stand together or not at all."""
    return Broken(pl.col("it_sl").is_not_null() ^ pl.col("has_koef"), value=decimal(pl.col("it_sl"), 5))
