"""Are the elements of the file as the formats have them, and what falls with what? (Q015 003F, 004F; checks.md 2.3.)

Structure is found where files are read; here is what needs more than one element, and the cascades. A cascade runs when all
other rules of its pass have run: it gets the cases that are refused by then, and refuses what belongs to them.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.frames import beside, without
from omsclaims.checks.rules import Broken, Run, on, params_of, table

#: Digits, Russian and Latin letters, blank, point, dashes, strokes, underscore and plus.
_CHART: Final = r"^[0-9A-Za-zА-ЯЁа-яё .\-‐-―|/\\_+]+$"


@on("C223")
def characters_of_the_chart(parameters: Parameters) -> Broken:
    """The number of the chart has other characters than it may."""
    return Broken(~pl.col("nhistory").str.contains(_CHART))


@on("C233")
def one_group(parameters: Parameters) -> Broken:
    """A treated case paid by group names one group: N_KSG or N_KPG, not both and not none."""
    both = pl.col("n_ksg").is_not_null() & pl.col("n_kpg").is_not_null()
    none = parameters.among("payment", pl.col("idsp")) & pl.col("n_ksg").is_null() & pl.col("n_kpg").is_null()
    return Broken(both | none.fill_null(value=False), params={"n_kpg": pl.col("n_kpg")})


# ---------------------------------------------------------------- cascades


@table("C224")
def person_refused(run: Run, rule: Rule) -> pl.DataFrame:
    """A case of the person in this package was refused because the person is not known or not insured: so are the others.

    Which of several such cases speaks is the first in canonical order.
    """
    refused = run.memo["refused"]
    cases = run.view.cases("package", "id_pac", "idcase", "date_z_2").pipe(beside, run.view.case_order, "z_row")
    of_person = refused.join(cases, on="z_row", how="inner").filter(rule.parameters.among("grounds", pl.col("code")))
    first = of_person.sort("case_order", "code").unique(["package", "id_pac"], keep="first", maintain_order=True)
    first = first.select("package", "id_pac", pl.col("idcase").alias("other_case"), pl.col("code").alias("ground"))
    found = without(cases, refused["z_row"], "z_row").join(first, on=["package", "id_pac"], how="inner", maintain_order="left")
    params = params_of({"other_case": pl.col("other_case"), "ground": pl.col("ground")})
    return found.select("z_row", pl.col("id_pac").alias("value"), params.alias("params"))


@table("K.1")
def stay_refused(run: Run, rule: Rule) -> pl.DataFrame:
    """An outpatient case of the chart of a refused stay: same person, clinic and number of chart, wholly within its days.

    Both days of the stay belong to it. Where an accepted stay holds the line as well, the line stays with that one; of several
    refused stays the one that began first speaks, of those of one day the first in canonical order.
    """
    refused = run.memo["refused"].select("z_row").unique()
    known = run.view.tables["identified"].select(pl.col("case_key").alias("z_row"), "person_key")
    own = ("file_kind", "lpu", "usl_ok", "idcase", "package", "date_z_1", "date_z_2")
    cases = run.view.cases(*own).pipe(beside, known, "z_row")
    all_charts = run.view.table("sl").select(pl.col("_parent").alias("z_row"), "nhistory")
    # Only persons and charts of refused stays are looked at.
    of_stays = cases.filter(rule.parameters.among("stays", pl.col("usl_ok")) & pl.col("person_key").is_not_null())
    persons = of_stays.join(refused, on="z_row", how="semi").select("person_key").unique()
    cases = cases.join(persons, on="person_key", how="semi", maintain_order="left")
    charts = all_charts.join(cases, on="z_row", how="semi", maintain_order="left").drop_nulls().unique(maintain_order=True)
    stays = cases.filter(rule.parameters.among("stays", pl.col("usl_ok"))).join(charts, on="z_row", how="inner")
    lines = cases.filter(rule.parameters.among("lines", pl.col("usl_ok")) & pl.col("file_kind").is_in(rule.kinds))
    lines = lines.join(refused, on="z_row", how="anti", maintain_order="left").join(charts, on="z_row", how="inner")
    key = ["person_key", "lpu", "nhistory"]
    doomed = stays.join(refused, on="z_row", how="semi").select(key).unique()
    asked = lines.join(doomed, on=key, how="semi", maintain_order="left")
    held = stays.join(doomed, on=key, how="semi").join(run.view.case_order, on="z_row", how="left")
    held = held.join(refused.with_columns(refused=pl.lit(value=True)), on="z_row", how="left").with_columns(
        pl.col("refused").fill_null(value=False)
    )
    other = held.select(
        *key, "refused", "case_order", pl.col("date_z_1").alias("begin"), pl.col("date_z_2").alias("end"),
        pl.col("package").alias("other_package"), pl.col("idcase").alias("other_case"),
    )  # fmt: skip
    inside = asked.join(other, on=key, how="inner").filter(
        (pl.col("date_z_1") >= pl.col("begin")) & (pl.col("date_z_2") <= pl.col("end"))
    )
    ordered = inside.sort("z_row", "refused", "begin", "case_order").unique("z_row", keep="first", maintain_order=True)
    found = ordered.filter("refused")
    params = {name: pl.col(name) for name in ("other_package", "other_case", "begin", "end")}
    return found.select("z_row", pl.col("nhistory").alias("value"), params_of(params).alias("params"))
