"""Does the case fit into the plan of the commission? (Rules 158n 122-123; 231n 1.6.2, 1.6.3.)

Runs last: only cases that nothing else refused consume the plan. Which line a case consumes and where the line ends is worked out
in one stated order before this pass (contract: plan_items); the rules here read the state of each case.
"""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.rules import Broken, Run, decimal, on, params_of, roubles, table


def _in_state(run: Run, state: str) -> pl.DataFrame:
    """Cases in a state of the plan that nothing refused, with their own columns."""
    items = run.view.tables["plan_items"].filter(pl.col("state") == state).rename({"case_key": "z_row"})
    cases = run.view.cases("idcase", "sumv", "lpu").join(items, on="z_row", how="inner", maintain_order="left")
    refused = run.view.tables.get("refused")
    return cases if refused is None else cases.join(refused.rename({"case_key": "z_row"}), on="z_row", how="anti")


def _line(run: Run) -> dict[str, pl.Expr]:
    """What the texts say of the line of a case."""
    return {"line": pl.col("line"), "mo": pl.col("mo"), "month": pl.lit(run.month)}


@table("C194")
def no_plan(run: Run, rule: Rule) -> pl.DataFrame:
    """The clinic has no row of the plan for the case's line in the month, and the agreement refuses such cases."""
    rows = _in_state(run, "no_plan")
    return rows.select("z_row", pl.col("lpu").alias("value"), params_of(_line(run)).alias("params"))


@table("C191")
def above_volume(run: Run, rule: Rule) -> pl.DataFrame:
    """More than the volume that the line has left; where volume and money end at one case, this ground stands."""
    left = pl.col("limit_units2")
    whole = (left % 100 == 0).fill_null(value=True)
    volume = pl.when(whole).then((left // 100).cast(pl.String)).otherwise(decimal(left, 2))
    rows = _in_state(run, "over_volume")
    params = params_of({**_line(run), "volume": volume})
    return rows.select("z_row", pl.col("idcase").cast(pl.String).alias("value"), params.alias("params"))


@table("C192")
def above_money(run: Run, rule: Rule) -> pl.DataFrame:
    """More than the money that the line has left."""
    rows = _in_state(run, "over_money")
    params = params_of({**_line(run), "money": roubles(pl.col("limit_kop"))})
    return rows.select("z_row", roubles(pl.col("sumv")).alias("value"), params.alias("params"))


# ---------------------------------------------------------------- how care is paid and asked for


@table("C197")
def way_of_payment(run: Run, rule: Rule) -> pl.DataFrame:
    """IDSP of a check-up, or of care that will be billed to another territory, is none of those that there are for it."""
    status = run.view.tables["identified"].select(pl.col("case_key").alias("z_row"), "status")
    cases = run.view.cases("file_kind", "idsp", "date_z_2").join(status, on="z_row", how="left", maintain_order="left")
    checkup = (pl.col("file_kind") == "X") & ~rule.parameters.among("of_checkups", pl.col("idsp"))
    abroad = (pl.col("status") == "other") & ~rule.parameters.among("between_territories", pl.col("idsp"))
    wrong = cases.filter((checkup.fill_null(value=False) | abroad.fill_null(value=False)) & pl.col("idsp").is_not_null())
    return wrong.select(
        "z_row", pl.col("idsp").cast(pl.String).alias("value"), params_of({"status": pl.col("status")}).alias("params")
    )


@on("C198")
def form_and_purpose(parameters: Parameters) -> Broken:
    """Urgent outpatient care has the purpose of an urgent visit, planned care another; follow-up is planned.

    A form that there is not outside hospital is C196.
    """
    outpatient, form = parameters.among("conditions", pl.col("usl_ok")), pl.col("for_pom")
    urgent, planned = parameters.among("urgent", form), parameters.among("planned", form)
    urgent_visit = parameters.among("urgent_purposes", pl.col("p_cel"))
    follow_up = parameters.among("planned_purposes", pl.col("p_cel"))
    wrong = outpatient & ((urgent & ~urgent_visit) | (planned & urgent_visit))
    return Broken(wrong.fill_null(value=False) | (urgent & follow_up), value=form, params={"p_cel": pl.col("p_cel")})
