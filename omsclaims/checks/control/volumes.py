"""Does the case fit into the plan of the commission? (Rules 158n 122-123; 231n 1.6.2, 1.6.3.)

Runs last: only cases that nothing else refused consume the plan. A plan is a number of cases and, where it is set, money, of a
clinic, a line (kind of payment) and a month. Cases are taken in canonical order; from the first that does not fit on, none does,
so that the same cases are refused for any order of files and threads.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims.checks.catalogue import Rule
from omsclaims.checks.rules import Run, params_of, roubles, table

_KEY: Final = ["mo", "line"]


def _plan(run: Run) -> pl.DataFrame:
    """Plan rows of the month as of the day of knowledge: the latest decision of each clinic and line."""
    plan = run.view.tables["reg_plan"].filter((pl.col("month") == run.month) & (pl.col("since") <= run.as_of))
    return (
        plan.sort("mo", "line", "since", "volume", "money_kop")
        .unique(_KEY, keep="last", maintain_order=True)
        .select(*_KEY, "volume", "money_kop", planned=pl.lit(True))
    )


def _claimed(run: Run) -> pl.DataFrame:
    """Own cases of planned kinds that nothing refused, in canonical order, with their plan."""
    tables = run.view.tables
    own = tables["identified"].filter(pl.col("status") == "own").select(pl.col("case_key").alias("z_row"))
    kinds = tables["priced"].filter(pl.col("payment_kind").is_in(sorted(run.planned_kinds)))
    cases = (
        run.view.case.select("z_row", "package", "sumv", pl.col("lpu").alias("mo"))
        .join(own, on="z_row", how="semi")
        .join(kinds.select(pl.col("case_key").alias("z_row"), pl.col("payment_kind").alias("line")), on="z_row", how="inner")
        .join(run.view.case_order, on="z_row", how="left")
    )
    refused = tables.get("refused")
    if refused is not None:
        cases = cases.join(refused.select(pl.col("case_key").alias("z_row")), on="z_row", how="anti")
    return cases.join(_plan(run), on=_KEY, how="left").sort("case_order")


@table("C194")
def no_plan(run: Run, rule: Rule) -> pl.DataFrame:
    """The clinic has no plan for this line in the month."""
    rows = _claimed(run).filter(pl.col("planned").is_null() & pl.col("mo").is_not_null())
    return rows.select("z_row", pl.col("mo").alias("value"), params_of({"line": pl.col("line")}).alias("params"))


def _consumed(run: Run) -> pl.DataFrame:
    """Planned cases with what is consumed when they are added; over_volume and over_money say what ends first."""
    rows = _claimed(run).filter(pl.col("planned"))
    return (
        rows.with_columns(
            cases=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(_KEY),
            money=pl.col("sumv").fill_null(0).cum_sum().over(_KEY),
        )
        .with_columns(
            too_many=(pl.col("cases") > pl.col("volume")).fill_null(value=False),
            too_dear=(pl.col("money") > pl.col("money_kop")).fill_null(value=False),
        )
        # After the first case that does not fit nothing is consumed: what ended the line first refuses all the rest.
        .with_columns(
            first_many=pl.when("too_many").then(pl.col("cases")).min().over(_KEY),
            first_dear=pl.when("too_dear").then(pl.col("cases")).min().over(_KEY),
        )
        .with_columns(
            over_volume=pl.col("first_many").is_not_null()
            & (pl.col("first_dear").is_null() | (pl.col("first_many") <= pl.col("first_dear")))
            & (pl.col("cases") >= pl.col("first_many")),
            over_money=pl.col("first_dear").is_not_null()
            & (pl.col("first_many").is_null() | (pl.col("first_dear") < pl.col("first_many")))
            & (pl.col("cases") >= pl.col("first_dear")),
        )
    )


@table("C191")
def above_volume(run: Run, rule: Rule) -> pl.DataFrame:
    """More cases than the plan has; where volume and money end at one case, this ground stands."""
    idcase = run.view.case.select("z_row", "idcase")
    rows = _consumed(run).filter("over_volume").join(idcase, on="z_row", how="left", maintain_order="left")
    params = {"line": pl.col("line"), "volume": pl.col("volume"), "mo": pl.col("mo")}
    return rows.select("z_row", pl.col("idcase").cast(pl.String).alias("value"), params_of(params).alias("params"))


@table("C192")
def above_money(run: Run, rule: Rule) -> pl.DataFrame:
    """More money than the plan has."""
    params = {"line": pl.col("line"), "money": roubles(pl.col("money_kop")), "mo": pl.col("mo")}
    return (
        _consumed(run)
        .filter("over_money")
        .select("z_row", roubles(pl.col("sumv")).alias("value"), params_of(params).alias("params"))
    )
