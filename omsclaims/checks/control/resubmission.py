"""Does a case billed again (PR_NOV = 1) answer a refusal, and in time? (Rules 128; 231n 1.4.4, 1.4.6, 1.10.1; Q023 002K.59.)

Which refusal it answers is found by settlement and read here as a column of `resubmissions`.
"""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Rule
from omsclaims.checks.rules import Run, params_of, table


def _asked(run: Run) -> pl.DataFrame:
    """Cases billed again that nothing refused so far, with what they answer."""
    rows = run.view.tables["resubmissions"]
    refused = run.view.tables.get("refused")
    return rows if refused is None else rows.join(refused, on="case_key", how="anti", maintain_order="left")


def _rows(rows: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    """Broken rows with what the texts need."""
    names = ("link", "refused_month", "refused_package", "refused_idcase", "num_act", "received_on", "due", "filed", "attempt")
    params = {name: pl.col(name) for name in names}
    return rows.select(pl.col("case_key").alias("z_row"), value.cast(pl.String).alias("value"), params_of(params).alias("params"))


@table("C137")
def refers_to_nothing(run: Run, rule: Rule) -> pl.DataFrame:
    """The elements that refer to the earlier case lead to none."""
    return _rows(_asked(run).filter(pl.col("state") == "no_such_case"), pl.lit("1"))


@table("C251")
def too_late(run: Run, rule: Rule) -> pl.DataFrame:
    """Filed after the last working day of the term that the latest refusal started."""
    return _rows(_asked(run).filter((pl.col("state") == "refused") & pl.col("late")), pl.col("filed"))


@table("C252")
def was_not_refused(run: Run, rule: Rule) -> pl.DataFrame:
    """What is billed again was accepted, whole or in part, or was never refused."""
    return _rows(_asked(run).filter(pl.col("state").is_in(["paid", "not_refused"])), pl.lit("1"))
