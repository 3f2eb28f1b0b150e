"""Do the diagnoses fit each other, the person and the file? (231n 1.4.4; Q015 006F.00.0430-0440; Q016 003K.00.0590-0640.)"""

from __future__ import annotations

import polars as pl

from omsclaims.checks import regional
from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.rules import Broken, Run, on, params_of, table
from omsclaims.periods import age_expr

_MALE, _FEMALE = 1, 2  # V005
_CATEGORY = 3  # characters of a category of ICD-10


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


def stated(run: Run) -> pl.DataFrame:
    """Every diagnosis of a sub-case: sl_row, ds, element."""
    main = run.view.sl.select("sl_row", pl.col("ds1").alias("ds"), pl.lit("ZAP/Z_SL/SL/DS1").alias("element"))
    before = run.view.sl.select("sl_row", pl.col("ds0").alias("ds"), pl.lit("ZAP/Z_SL/SL/DS0").alias("element"))
    rest = further(run).select("sl_row", "ds", pl.concat_str(pl.lit("ZAP/Z_SL/SL/"), "which").alias("element"))
    return pl.concat([main, before, rest]).drop_nulls("ds")


@table("C044")
def category_only(run: Run, rule: Rule) -> pl.DataFrame:
    """A category of three characters although the book divides it on DATE_2; the ambulance may know no more."""
    coarse = stated(run).filter(pl.col("ds").str.len_chars() == _CATEGORY)
    if not coarse.height:
        return coarse.select("sl_row")
    rows = run.books.require("M001").rows
    parts = rows.filter(pl.col("code").str.contains(r"^[A-Z][0-9]{2}\.")).select(
        pl.col("code").str.head(_CATEGORY).alias("code"), "valid_from", "valid_to"
    )
    cases = run.view.subs("date_2", "usl_ok", "date_z_2").filter(
        ~rule.parameters.among("other_conditions", pl.col("usl_ok")).fill_null(value=False)
    )
    asked = coarse.join(cases, on="sl_row", how="inner", maintain_order="left")
    divided = regional.of_code(asked.select("ds", "date_2").unique(), parts, "ds", "date_2").select("ds", "date_2").unique()
    found = asked.join(divided, on=["ds", "date_2"], how="semi", maintain_order="left")
    return found.select("sl_row", pl.col("ds").alias("value"), "element").sort("sl_row", "element", "value")


@on("C045")
def injury_without_its_place(parameters: Parameters) -> Broken:
    """Injuries that are coded to the second sign after the point."""
    short = pl.col("ds1").str.len_chars().cast(pl.Int64) < parameters.number("characters")
    return Broken(parameters.among("categories", pl.col("ds1").str.head(_CATEGORY)) & short)


@on("C050")
def diagnosis_of_the_other_sex(parameters: Parameters) -> Broken:
    """A disease of women in a man, or of men in a woman."""
    of_women = parameters.in_ranges("of_women", pl.col("ds1")) & (pl.col("w") == _MALE)
    of_men = parameters.in_ranges("of_men", pl.col("ds1")) & (pl.col("w") == _FEMALE)
    return Broken((pl.col("novor") == "0") & (of_women | of_men), params={"w": pl.col("w")})


@table("C051")
def outside_the_basic_programme(run: Run, rule: Rule) -> pl.DataFrame:
    """A diagnosis that the basic programme does not pay, in somebody insured elsewhere: the own programme may be wider."""
    elsewhere = run.view.tables["identified"].filter(pl.col("status") == "other").select(pl.col("case_key").alias("z_row"))
    listed = run.view.sl.filter(rule.parameters.in_ranges("diagnoses", pl.col("ds1")))
    return listed.join(elsewhere, on="z_row", how="semi", maintain_order="left").select("sl_row", pl.col("ds1").alias("value"))


def _of_listed(run: Run, book: str, *columns: str) -> pl.DataFrame:
    """Sub-cases with the rows of a table of the region for their main diagnosis on DATE_2: sl_row, ds1, date_2, columns."""
    listed = regional.table(run.books, book)
    codes = listed["code"].unique().implode()
    near = pl.col("ds1").is_in(codes) | pl.col("ds1").str.head(_CATEGORY).is_in(codes)
    asked = run.view.sl.lazy().filter(near).select("sl_row", "ds1", "date_2", *columns).collect()
    return regional.of_diagnosis(asked, listed, "ds1", "date_2")


@table("C052")
def outside_the_territorial_programme(run: Run, rule: Rule) -> pl.DataFrame:
    """The main diagnosis is one that the territorial programme does not pay."""
    return _of_listed(run, "R002").unique("sl_row").sort("sl_row").select("sl_row", pl.col("ds1").alias("value"))


@on("C053")
def not_a_main_diagnosis(parameters: Parameters) -> Broken:
    """Codes that only say by what germ a disease is caused stand beside it, never alone."""
    return Broken(parameters.in_ranges("diagnoses", pl.col("ds1")))


@table("C054")
def examination_without_a_disease(run: Run, rule: Rule) -> pl.DataFrame:
    """An examination of the region's table billed with a diagnosis Z that is not among those listed for it."""
    listed = regional.table(run.books, "R003")
    services = run.view.table("usl").filter(pl.col("code_usl").is_in(listed["code"].unique().implode()))
    cases = run.view.sl.lazy().filter(pl.col("ds1").str.starts_with("Z")).select("sl_row", "ds1", "date_2").collect()
    asked = services.select(pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), "code_usl").join(
        cases, on="sl_row", how="inner", maintain_order="left"
    )
    rows = regional.of_code(asked, listed, "code_usl", "date_2")
    fits = (pl.col("ds1") == pl.col("ds1_listed")) | (pl.col("ds1").str.head(_CATEGORY) == pl.col("ds1_listed"))
    bad = rows.group_by("usl_row", "code_usl", "ds1").agg(fits.fill_null(value=False).any().alias("fits")).filter(~pl.col("fits"))
    return bad.sort("usl_row").select(
        "usl_row", pl.col("code_usl").alias("value"), params_of({"ds1": pl.col("ds1")}).alias("params")
    )


@on("C055")
def reason_of_visit_not_for_this_age(parameters: Parameters) -> Broken:
    """Reasons of a visit that are paid in some years of life only; whole years on the first day of care."""
    ages = parameters.latest("ages")
    tests = [
        (pl.col("ds1") == diagnosis) & ((pl.col("age") < low) | (pl.col("age") > high)) for diagnosis, (low, high) in ages.items()
    ]
    return Broken(pl.any_horizontal(tests), params={"age": pl.col("age")})


@table("C056")
def diagnosis_in_other_conditions(run: Run, rule: Rule) -> pl.DataFrame:
    """The table of the region has the main diagnosis, but not in these conditions of care."""
    rows = _of_listed(run, "R004", "usl_ok").drop_nulls("usl_ok")
    fits = (pl.col("usl_ok") == pl.col("usl_ok_listed")).fill_null(value=False).any()
    bad = rows.group_by("sl_row", "ds1", "usl_ok").agg(fits.alias("fits")).filter(~pl.col("fits")).sort("sl_row")
    return bad.select("sl_row", pl.col("ds1").alias("value"), params_of({"usl_ok": pl.col("usl_ok")}).alias("params"))


@table("C057")
def not_the_doctor_of_this_disease(run: Run, rule: Rule) -> pl.DataFrame:
    """The table of the region names specialties or profiles for the main diagnosis, and the sub-case has none of them."""
    rows = _of_listed(run, "R005", "prvs", "profil")
    fits = (pl.col("prvs") == pl.col("prvs_listed")).fill_null(value=False) | (
        pl.col("profil") == pl.col("profil_listed")
    ).fill_null(value=False)
    bad = rows.group_by("sl_row", "ds1", "prvs", "profil").agg(fits.any().alias("fits")).filter(~pl.col("fits")).sort("sl_row")
    params = {"prvs": pl.col("prvs"), "profil": pl.col("profil")}
    return bad.select("sl_row", pl.col("ds1").alias("value"), params_of(params).alias("params"))


@table("C058")
def diagnosis_not_for_this_age(run: Run, rule: Rule) -> pl.DataFrame:
    """The table of the region gives ages to the main diagnosis, and the age on the first day of care is none of them."""
    rows = _of_listed(run, "R006", "dr", "date_z_1").drop_nulls(["dr", "date_z_1"])
    fits = within_ages(pl.col("dr"), pl.col("date_z_1"))
    bad = (
        rows.with_columns(fits=fits).group_by("sl_row", "ds1", "dr", "date_z_1").agg(pl.col("fits").any()).filter(~pl.col("fits"))
    )
    age = age_expr(pl.col("dr"), pl.col("date_z_1"))
    return bad.sort("sl_row").select("sl_row", pl.col("ds1").alias("value"), params_of({"age": age}).alias("params"))


def within_ages(born: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Whether the age on a day lies in age_from..age_to of a regional table, in its `unit`: y years, m months, d days."""
    months = (day.dt.year() - born.dt.year()).cast(pl.Int64) * 12 + day.dt.month().cast(pl.Int64) - born.dt.month().cast(pl.Int64)
    months = months - (day.dt.day() < born.dt.day()).cast(pl.Int64)
    age = (
        pl.when(pl.col("unit") == "d")
        .then((day - born).dt.total_days())
        .when(pl.col("unit") == "m")
        .then(months)
        .otherwise(age_expr(born, day).cast(pl.Int64))
    )
    low = pl.col("age_from").is_null() | (age >= pl.col("age_from"))
    return low & (pl.col("age_to").is_null() | (age <= pl.col("age_to")))


@table("C059")
def no_character_of_disease(run: Run, rule: Rule) -> pl.DataFrame:
    """An outpatient with a disease whose character (acute, chronic ...) is not stated, in the editions that have the element."""
    disease = pl.col("ds1") < rule.parameters.latest("not_from")
    where = rule.parameters.among("conditions", pl.col("usl_ok")) & disease & pl.col("c_zab").is_null()
    rows = run.view.sl.lazy().filter(where & pl.col("file_kind").is_in(rule.kinds)).select("sl_row", "z_row").collect()
    packages = run.view.having("ZAP/Z_SL/SL/C_ZAB")
    cases = run.view.case.lazy().filter(pl.col("package").is_in(packages)).select("z_row").collect()
    return rows.join(cases, on="z_row", how="semi", maintain_order="left").select("sl_row")


@on("C060")
def stroke_outside_neurology(parameters: Parameters) -> Broken:
    """A stroke is treated under the profile neurology."""
    where = parameters.in_ranges("diagnoses", pl.col("ds1")) & ~parameters.among("profiles", pl.col("profil"))
    return Broken(where, params={"ds1": pl.col("ds1")})


@table("C244")
def coronavirus_without_its_fields(run: Run, rule: Rule) -> pl.DataFrame:
    """A stay of an adult with the coronavirus states weight, drugs and their scheme; the first that is absent is told."""
    parameters = rule.parameters
    stays = run.view.sl.filter(
        pl.col("file_kind").is_in(rule.kinds)
        & parameters.among("conditions", pl.col("usl_ok"))
        & parameters.among("diagnoses", pl.col("ds1"))
        & (pl.col("age") >= parameters.number("adult_years"))
        & (pl.col("reab") != 1).fill_null(value=True)
    )
    if not stays.height:
        return stays.select("sl_row")
    packages = run.view.having("ZAP/Z_SL/SL/WEI")
    cases = run.view.case.lazy().filter(pl.col("package").is_in(packages)).select("z_row").collect()
    stays = stays.join(cases, on="z_row", how="semi", maintain_order="left").select("sl_row", "date_z_2", "wei")
    after_care = run.view.table("crit").filter(pl.col("crit").is_in(parameters.latest("criteria")))
    expecting = further(run).join(stays, on="sl_row", how="inner").filter(parameters.in_ranges("pregnancy", pl.col("ds")))
    stays = stays.join(after_care, left_on="sl_row", right_on="_parent", how="anti", maintain_order="left")
    stays = stays.join(expecting.select("sl_row"), on="sl_row", how="anti", maintain_order="left")
    drugs = (
        run.view.table("lek_pr").group_by(pl.col("_parent").alias("sl_row")).agg(schemes=pl.col("code_sh").is_not_null().all())
    )
    known = stays.join(drugs, on="sl_row", how="left", maintain_order="left")
    element = (
        pl.when(pl.col("wei").is_null()).then(pl.lit("ZAP/Z_SL/SL/WEI"))
        .when(pl.col("schemes").is_null()).then(pl.lit("ZAP/Z_SL/SL/LEK_PR"))
        .when(~pl.col("schemes")).then(pl.lit("ZAP/Z_SL/SL/LEK_PR/CODE_SH"))
    )  # fmt: skip
    return known.with_columns(element=element).drop_nulls("element").select("sl_row", "element")
