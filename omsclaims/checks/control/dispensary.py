"""Are check-ups billed as they may be? (231n 1.4.3, 1.10.1; Q016 003K.00.0070-0080.)"""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.control.duplicates import people
from omsclaims.checks.rules import Broken, Run, on, params_of, table


@on("C246")
def no_follow_up_flag(parameters: Parameters) -> Broken:
    """Whoever did not refuse the check-up has a follow-up flag."""
    return Broken((pl.col("p_otk") == 0) & pl.col("pr_d_n").is_null())


@table("C160")
def first_stage_again(run: Run, rule: Rule) -> pl.DataFrame:
    """A second first-stage check-up of a person in a calendar year, by the same letters of the file."""
    letters = list(run.letters) if run.letters is not None else list(rule.parameters.latest("letters"))
    exams = (
        people(run)
        .filter((pl.col("file_kind") == "X") & pl.col("letters").is_in(letters) & pl.col("date_z_2").is_not_null())
        .with_columns(exam_year=pl.col("date_z_2").dt.year())
        .sort("case_order")
    )
    key = ["person_key", "letters", "exam_year"]
    if run.against_history:
        earlier = (
            run.view.tables["history"]
            .filter((pl.col("file_kind") == "X") & pl.col("letters").is_in(letters) & (pl.col("novor") == "0"))
            .with_columns(exam_year=pl.col("date_2").dt.year())
            .sort("date_2", "package", "idcase", "sl_id")
            .unique(key, keep="first", maintain_order=True)
            .select(
                *key,
                pl.col("package").alias("other_package"),
                pl.col("idcase").alias("other_case"),
                pl.col("date_2").alias("other_date"),
            )
        )
        again = exams.join(earlier, on=key, how="inner", maintain_order="left")
    else:
        firsts = exams.unique(key, keep="first", maintain_order=True).select(
            *key, pl.col("z_row").alias("first_row"), pl.col("package").alias("other_package"),
            pl.col("idcase").alias("other_case"), pl.col("date_z_2").alias("other_date"),
        )  # fmt: skip
        again = exams.join(firsts, on=key, how="inner", maintain_order="left").filter(pl.col("z_row") != pl.col("first_row"))
    params = {name: pl.col(name) for name in ("letters", "other_package", "other_case", "other_date")}
    return again.select("z_row", pl.col("date_z_2").cast(pl.String).alias("value"), params_of(params).alias("params"))
