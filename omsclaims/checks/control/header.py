"""Do the dates and the clinic of the invoice fit the file, its cases and today? (Q015 006F.00.0010-0200; ground 1.4.1.)"""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.rules import Broken, Run, on, params_of, table


@on("C084")
def invoice_after_file(parameters: Parameters) -> Broken:
    """DSCHET later than DATA."""
    return Broken(pl.col("dschet") > pl.col("data"), params={"data": pl.col("data")})


@on("C217")
def clinic_of_another_invoice(parameters: Parameters) -> Broken:
    """LPU is not the clinic of the invoice: CODE_MO is who is paid, LPU whose register, licence, plan and level count."""
    return Broken(pl.col("lpu") != pl.col("code_mo"), params={"code_mo": pl.col("code_mo")})


@table("C085")
def file_from_the_future(run: Run, rule: Rule) -> pl.DataFrame:
    """DATA later than the day of knowledge of the run."""
    late = run.view.files.filter(pl.col("data") > run.as_of)
    return late.select(
        "package", pl.col("data").cast(pl.String).alias("value"), params_of({"as_of": pl.lit(run.as_of)}).alias("params")
    )
