"""Is the case care for a severe accident at work, which is not paid from medical insurance? (Rules 107, 120, 131; 231n 1.6.4.)"""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Rule
from omsclaims.checks.rules import Run, params_of, table


@table("C199")
def accident_at_work(run: Run, rule: Rule) -> pl.DataFrame:
    """The case was matched to a notice of the social insurance fund, in the clinic of the notice (contract: accident_cases)."""
    matched = run.view.tables["accident_cases"].filter(pl.col("same_clinic")).rename({"case_key": "z_row"})
    cases = run.view.cases("idcase").join(matched, on="z_row", how="inner", maintain_order="left")
    params = {name: pl.col(name) for name in ("notice", "received_on", "accident_on")}
    return cases.select("z_row", pl.col("idcase").cast(pl.String).alias("value"), params_of(params).alias("params"))
