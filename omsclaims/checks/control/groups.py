"""Does the group (КСГ) fit what was done, and its complexity (КСЛП) the patient? (231n 1.7.2; law.md 8.4, 8.6; checks.md 3.3.)

What a group or a code of complexity needs stands in tables of the region (R108-R111): codes and their meaning change every year.
A code that the table does not have is not judged. Which groups of one stay are paid is asked of its prices.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims.checks import regional
from omsclaims.checks.catalogue import Rule
from omsclaims.checks.control.duplicates import people
from omsclaims.checks.rules import Run, params_of, table

_TENTHS: Final = 10  # KD has one decimal


def _grouped(run: Run, rule: Rule) -> pl.DataFrame:
    """Sub-cases with a group, in order of their rows."""
    columns = (
        "sl_row",
        "z_row",
        "n_ksg",
        "ds1",
        "kd",
        "date_1",
        "date_2",
        "date_z_2",
        "sum_m",
        "age",
        "rslt",
        "profil",
        "profil_k",
    )
    rows = run.view.sl.filter(pl.col("n_ksg").is_not_null() & pl.col("file_kind").is_in(rule.kinds))
    return rows.select(*columns, "usl_ok").sort("sl_row")


# ---------------------------------------------------------------- two groups in one stay


@table("C121")
def group_not_paid(run: Run, rule: Rule) -> pl.DataFrame:
    """A group that the prices of its stay leave unpaid beside a dearer one, billed with a sum of its own.

    Which groups are paid is decided where they are priced (priced_sl.beside: `none`). What is paid of such a sub-case all the
    same, its dialysis, is its price: up to it nothing is wrong here.
    """
    prices = run.view.tables["priced_sl"].filter(pl.col("beside").is_in(["none", "dearest"]))
    unpaid = prices.filter(pl.col("beside") == "none").select(pl.col("sl_key").alias("sl_row"), "price_kop", "beside_group")
    if unpaid.is_empty():
        return unpaid.select("sl_row")
    rows = _grouped(run, rule)
    dearest = prices.filter(pl.col("beside") == "dearest").select(pl.col("sl_key").alias("sl_row"))
    other = rows.join(dearest, on="sl_row", how="semi").select("z_row", pl.col("ds1").alias("ds_beside"))
    billed = rows.join(unpaid, on="sl_row", how="inner", maintain_order="left").filter(pl.col("sum_m") > pl.col("price_kop"))
    found = billed.join(other, on="z_row", how="left", maintain_order="left")
    params = {"beside": pl.col("beside_group"), "ds1": pl.col("ds1"), "ds_beside": pl.col("ds_beside")}
    return found.select("sl_row", pl.col("n_ksg").alias("value"), params_of(params).alias("params"))


# ---------------------------------------------------------------- what a group or a complexity needs


def _needs(run: Run, book: str, *needs: str) -> pl.DataFrame:
    rows = regional.table(run.books, book).filter(pl.col("need").is_in(needs))
    return rows.select("code", "need", "value", "valid_from", "valid_to")


def _services(run: Run) -> pl.DataFrame:
    """Codes of services by completed case: z_row, code."""
    rows = run.view.usl.select("z_row", "code_usl", "vid_vme")
    codes = [rows.select("z_row", pl.col(name).alias("code")) for name in ("code_usl", "vid_vme")]
    return pl.concat(codes).drop_nulls().unique()


def _unmet(asked: pl.DataFrame, met: pl.Expr) -> pl.DataFrame:
    """Codes of sub-cases for which one kind of need is not met: of several values for one need one is enough."""
    return (
        asked.with_columns(met=met.fill_null(value=True))
        .group_by("sl_row", "code", "need", maintain_order=True)
        .agg(pl.col("met").any(), wanted=pl.col("value").unique().sort().str.join(", "))
        .filter(~pl.col("met"))
        .sort("sl_row", "code", "need")
        .unique("sl_row", keep="first", maintain_order=True)
    )


def _answer(unmet: pl.DataFrame) -> pl.DataFrame:
    params = {"need": pl.col("need"), "wanted": pl.col("wanted")}
    return unmet.select("sl_row", pl.col("code").alias("value"), params_of(params).alias("params"))


def _number() -> pl.Expr:
    return pl.col("value").str.to_integer(dtype=pl.Int64, strict=False)


def _complexities(run: Run, rule: Rule, *needs: str) -> pl.DataFrame:
    """Codes of complexity (IDSL, as number or text) with what R108 says that they need, and the columns of their sub-case."""
    codes = run.view.table("sl_koef").select(
        pl.col("_parent").alias("sl_row"), code=pl.coalesce("idsl_code", pl.col("idsl").cast(pl.String))
    )
    rows = _grouped(run, rule).join(codes.drop_nulls().unique(), on="sl_row", how="inner", maintain_order="left")
    return regional.of_code(rows, _needs(run, "R108", *needs), "code", "date_2")


@table("C117")
def complexity_of_a_long_stay(run: Run, rule: Rule) -> pl.DataFrame:
    """The complexity of a long stay for one that is not longer than the days it begins after."""
    asked = _complexities(run, rule, "days_over")
    return _answer(_unmet(asked, pl.col("kd") > _number() * _TENTHS))


def _had(run: Run, asked: pl.DataFrame) -> pl.DataFrame:
    """Values of the need `service` that a service of the completed case begins with: z_row, value, done."""
    wanted = asked.filter(pl.col("need") == "service").select("z_row", "value").unique()
    codes = _services(run).join(wanted.select("z_row").unique(), on="z_row", how="semi").rename({"code": "done_code"})
    met = wanted.join(codes, on="z_row", how="inner").filter(pl.col("done_code").str.starts_with(pl.col("value")))
    return met.select("z_row", "value", done=pl.lit(value=True)).unique()


@table("C118")
def complexity_of_old_age(run: Run, rule: Rule) -> pl.DataFrame:
    """The complexity of old age below its age, without the consultation that it needs, or in a bed for old people."""
    asked = _complexities(run, rule, "age_from", "service", "not_bed")
    asked = asked.join(_had(run, asked), on=["z_row", "value"], how="left", maintain_order="left")
    met = (
        pl.when(pl.col("need") == "age_from").then(pl.col("age") >= _number())
        .when(pl.col("need") == "not_bed").then(pl.col("profil_k") != _number())
        .otherwise(pl.col("done").is_not_null())
    )  # fmt: skip
    return _answer(_unmet(asked, met))


@table("C119")
def complexity_of_a_companion(run: Run, rule: Rule) -> pl.DataFrame:
    """The complexity of a parent beside the child above the child's age, or at another profile."""
    met = pl.when(pl.col("need") == "age_to").then(pl.col("age") <= _number()).otherwise(pl.col("profil") == _number())
    return _answer(_unmet(_complexities(run, rule, "age_to", "profil"), met))


@table("C120")
def complexity_without_the_disease(run: Run, rule: Rule) -> pl.DataFrame:
    """The complexity of a severe second disease, and no DS2 or DS3 of its list."""
    asked = _complexities(run, rule, "diagnosis")
    parts = [
        run.view.table(name).select(pl.col("_parent").alias("sl_row"), pl.col(name).alias("ds")).drop_nulls()
        for name in ("ds2", "ds3")
    ]
    wanted = asked.select("sl_row", "value").unique().join(pl.concat(parts), on="sl_row", how="inner")
    fits = (pl.col("ds") == pl.col("value")) | (pl.col("ds").str.head(3) == pl.col("value"))
    ill = wanted.filter(fits).select("sl_row", "value", ill=pl.lit(value=True)).unique()
    asked = asked.join(ill, on=["sl_row", "value"], how="left", maintain_order="left")
    return _answer(_unmet(asked, pl.col("ill").is_not_null()))


def _groups(run: Run, rule: Rule, *needs: str) -> pl.DataFrame:
    """Sub-cases with what R109 says that their group needs."""
    return regional.of_code(_grouped(run, rule).with_columns(code=pl.col("n_ksg")), _needs(run, "R109", *needs), "code", "date_2")


@table("C123")
def group_of_another_treatment(run: Run, rule: Rule) -> pl.DataFrame:
    """A group of cancer care, and none of the kinds of treatment (USL_TIP) that it is for."""
    asked = _groups(run, rule, "usl_tip")
    tips = run.view.table("onk_usl").select(pl.col("_parent").alias("sl_row"), pl.col("usl_tip").cast(pl.String).alias("value"))
    given = tips.drop_nulls().unique().with_columns(given=pl.lit(value=True))
    asked = asked.join(given, on=["sl_row", "value"], how="left", maintain_order="left")
    return _answer(_unmet(asked, pl.col("given").is_not_null()))


@table("C124")
def group_without_its_criterion(run: Run, rule: Rule) -> pl.DataFrame:
    """A group without the criterion that it needs, with one that it must not have, or for another age."""
    asked = _groups(run, rule, "criterion", "no_criterion", "age_from", "age_to")
    crit = run.view.table("crit").select(pl.col("_parent").alias("sl_row"), pl.col("crit").str.to_lowercase().alias("one"))
    has = crit.drop_nulls().group_by("sl_row").agg(pl.col("one").unique().sort().alias("crit"))
    asked = asked.join(has, on="sl_row", how="left", maintain_order="left")
    wanted = pl.col("value").str.to_lowercase()
    there = pl.when(pl.col("value").is_null()).then(pl.col("crit").is_not_null()).otherwise(
        pl.col("crit").list.contains(wanted).fill_null(value=False)
    )  # fmt: skip
    met = (
        pl.when(pl.col("need") == "criterion").then(there)
        .when(pl.col("need") == "no_criterion").then(~there)
        .when(pl.col("need") == "age_from").then(pl.col("age") >= _number())
        .otherwise(pl.col("age") <= _number())
    )  # fmt: skip
    return _answer(_unmet(asked, met))


@table("C125")
def group_without_its_operation(run: Run, rule: Rule) -> pl.DataFrame:
    """A surgical group, and no service of the completed case that begins like its operations."""
    asked = _groups(run, rule, "service")
    asked = asked.join(_had(run, asked), on=["z_row", "value"], how="left", maintain_order="left")
    return _answer(_unmet(asked, pl.col("done").is_not_null()))


@table("C126")
def group_operation_and_diagnosis(run: Run, rule: Rule) -> pl.DataFrame:
    """A group of R110, and no line of it with the diagnosis and a service of the case."""
    listed = regional.table(run.books, "R110").rename({"ds1": "of_ds", "code_usl": "of_usl"})
    rows = regional.of_code(_grouped(run, rule), listed, "n_ksg", "date_2")
    diagnosis = (pl.col("ds1") == pl.col("of_ds")) | (pl.col("ds1").str.head(3) == pl.col("of_ds"))
    done = rows.filter(diagnosis).join(_services(run), left_on=["z_row", "of_usl"], right_on=["z_row", "code"], how="semi")
    wrong = rows.unique("sl_row", keep="first", maintain_order=True).join(done.select("sl_row"), on="sl_row", how="anti")
    return wrong.sort("sl_row").select(
        "sl_row", pl.col("n_ksg").alias("value"), params_of({"ds1": pl.col("ds1")}).alias("params")
    )


@table("C122")
def treatment_too_short(run: Run, rule: Rule) -> pl.DataFrame:
    """Fewer days than the criterion needs in a treatment that was not interrupted; the first and the last day count."""
    whole = _grouped(run, rule).filter(rule.parameters.among("results", pl.col("rslt")))
    crit = run.view.table("crit").select(pl.col("_parent").alias("sl_row"), "crit").drop_nulls()
    rows = whole.join(crit.unique(), on="sl_row", how="inner", maintain_order="left")
    listed = regional.table(run.books, "R111")
    days = (pl.col("date_2") - pl.col("date_1")).dt.total_days() + 1
    short = regional.of_code(rows, listed, "crit", "date_2").with_columns(stayed=days).filter(pl.col("stayed") < pl.col("days"))
    first = short.sort("sl_row", "crit").unique("sl_row", keep="first", maintain_order=True)
    params = {"days": pl.col("days"), "stayed": pl.col("stayed")}
    return first.select("sl_row", pl.col("crit").alias("value"), params_of(params).alias("params"))


# ---------------------------------------------------------------- tariffs by the month


@table("C127")
def tariff_again_too_soon(run: Run, rule: Rule) -> pl.DataFrame:
    """A tariff (CODE_MES1) of a person within fewer days than R102 says after it began before; looks at the month only."""
    listed = regional.table(run.books, "R102").drop_nulls("days_between").select("code", "days_between", "valid_from", "valid_to")
    codes = run.view.table("code_mes1").select(pl.col("_parent").alias("sl_row"), pl.col("code_mes1").alias("code")).drop_nulls()
    sl = run.view.subs("z_row", "date_1", "date_2").join(codes, on="sl_row", how="inner", maintain_order="left")
    cases = people(run).select("z_row", "person_key", "case_order", "package", "idcase")
    rows = regional.of_code(sl, listed, "code", "date_2").join(cases, on="z_row", how="inner").drop_nulls("date_1")
    ordered = rows.sort("person_key", "code", "date_1", "case_order", "sl_row")
    key = ["person_key", "code"]
    before = {"other_date": "date_1", "other_package": "package", "other_case": "idcase"}
    met = ordered.with_columns(pl.col(name).shift(1).over(key).alias(new) for new, name in before.items())
    soon = met.filter((pl.col("date_1") - pl.col("other_date")).dt.total_days() < pl.col("days_between"))
    params = {name: pl.col(name) for name in (*before, "days_between")}
    return soon.sort("sl_row").select("sl_row", pl.col("code").alias("value"), params_of(params).alias("params"))
