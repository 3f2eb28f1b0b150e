"""Are profile, specialty and service for this age and sex? (231n 1.4.4; Q016 003K.00.0730-0940.) Ages: on DATE_Z_1."""

from __future__ import annotations

import polars as pl

from omsclaims.checks import regional
from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.control.diagnosis import within_ages
from omsclaims.checks.rules import Broken, Run, on, params_of, table
from omsclaims.periods import age_expr

_MALE = 1  # V005
_AGE = {"age": pl.col("age")}


@on("C061")
def adult_in_childrens_profile(parameters: Parameters) -> Broken:
    """Profiles for children up to the eighteenth birthday."""
    return Broken(
        parameters.among("profiles", pl.col("profil")) & (pl.col("age") >= parameters.number("adult_years")), params=_AGE
    )


@on("C062")
def child_in_adult_profile(parameters: Parameters) -> Broken:
    """Profiles for adults, from the eighteenth birthday."""
    return Broken(
        parameters.among("profiles", pl.col("profil")) & (pl.col("age") < parameters.number("adult_years")), params=_AGE
    )


@on("C063")
def too_old_for_neonatology(parameters: Parameters) -> Broken:
    """Neonatology before the first birthday."""
    too_old = pl.col("age") >= parameters.number("first_year_too_old")
    return Broken(parameters.among("profiles", pl.col("profil")) & too_old, params=_AGE)


@on("C064")
def too_young_for_geriatrics(parameters: Parameters) -> Broken:
    """Geriatrics from the sixtieth birthday."""
    too_young = pl.col("age") < parameters.number("youngest_years")
    return Broken(parameters.among("profiles", pl.col("profil")) & too_young, params=_AGE)


@on("C065")
def man_in_womens_profile(parameters: Parameters) -> Broken:
    """Obstetrics and gynaecology for women."""
    return Broken((pl.col("novor") == "0") & parameters.among("profiles", pl.col("profil")) & (pl.col("w") == _MALE))


@on("C074")
def childrens_flag_of_adult(parameters: Parameters) -> Broken:
    """DET = 1 up to the eighteenth birthday."""
    return Broken((pl.col("det") == 1) & (pl.col("age") >= parameters.number("adult_years")), params=_AGE)


# ---------------------------------------------------------------- specialties, of the sub-case and of each service

_OF_SL = "ZAP/Z_SL/SL/PRVS"
_OF_USL = "ZAP/Z_SL/SL/USL/PRVS"


def _of_specialty(run: Run, rule: Rule, wrong: pl.Expr) -> list[tuple[str, pl.DataFrame]]:
    """Sub-cases and services of the rule's specialties for which `wrong` (over age, w, novor of the sub-case) is true."""
    codes = sorted({code for dated in rule.parameters.by_name["specialties"] for code in dated.value})
    listed = rule.parameters.among("specialties", pl.col("prvs"))
    params = params_of({"age": pl.col("age"), "w": pl.col("w")})
    value = pl.col("prvs").cast(pl.String).alias("value")
    of_sl = run.view.subs("prvs", "age", "w", "novor", "date_z_2").filter(pl.col("prvs").is_in(codes) & listed & wrong)
    found = [("sl", of_sl.select("sl_row", value, pl.lit(_OF_SL).alias("element"), params.alias("params")))]
    services = run.view.table("usl").filter(pl.col("prvs").is_in(codes))
    if services.height:
        rows = services.select(pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), "prvs")
        known = run.view.subs("age", "w", "novor", "date_z_2")
        bad = rows.join(known, on="sl_row", how="inner", maintain_order="left").filter(listed & wrong)
        # A service of the specialty that the sub-case itself has is told once.
        alone = bad.join(of_sl.select("sl_row", "prvs"), on=["sl_row", "prvs"], how="anti", maintain_order="left")
        found.append(("usl", alone.select("usl_row", value, pl.lit(_OF_USL).alias("element"), params.alias("params"))))
    return found


@table("C066", "C070")
def too_old_for_the_doctor(run: Run, rule: Rule) -> list[tuple[str, pl.DataFrame]]:
    """Doctors of children up to the eighteenth birthday, of the newborn up to the first."""
    return _of_specialty(run, rule, pl.col("age") >= rule.parameters.number("too_old_from"))


@table("C067", "C068", "C069")
def too_young_for_the_doctor(run: Run, rule: Rule) -> list[tuple[str, pl.DataFrame]]:
    """Doctors of adults from the eighteenth birthday, of inner medicine from the fifteenth, of the aged from the sixtieth.

    Who is not born yet on the first day of care is found by C014.
    """
    young = (pl.col("age") >= 0) & (pl.col("age") < rule.parameters.number("youngest_years"))
    return _of_specialty(run, rule, young)


@table("C071")
def doctor_of_women_for_a_man(run: Run, rule: Rule) -> list[tuple[str, pl.DataFrame]]:
    """Obstetricians and gynaecologists for women; newborns under the mother's policy are left out."""
    return _of_specialty(run, rule, (pl.col("w") == _MALE) & (pl.col("novor") == "0"))


# ---------------------------------------------------------------- services, by tables of the region


@table("C072")
def service_not_for_this_age_or_sex(run: Run, rule: Rule) -> pl.DataFrame:
    """The table of the region has rows for the service and none fits age (on DATE_IN) and sex of the person.

    A row may say that on the first day of an injury the age does not matter (C073).
    """
    listed = regional.table(run.books, "R007")
    services = run.view.table("usl").filter(pl.col("code_usl").is_in(listed["code"].unique().implode()))
    cases = run.view.subs("dr", "w", "ds1", "date_1", "date_z_2").rename({"w": "of_person"})
    asked = services.select(pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), "code_usl", "date_in").join(
        cases, on="sl_row", how="inner", maintain_order="left"
    )
    rows = regional.of_code(asked.drop_nulls(["date_in", "dr"]), listed, "code_usl", "date_in")
    first_day = (
        (pl.col("injury") == 1) & (pl.col("date_in") == pl.col("date_1")) & rule.parameters.in_ranges("injuries", pl.col("ds1"))
    )
    aged = within_ages(pl.col("dr"), pl.col("date_in")) | first_day.fill_null(value=False)
    sex = pl.col("w").is_null() | pl.col("of_person").is_null() | (pl.col("w") == pl.col("of_person"))
    fits = (
        rows.with_columns(fits=aged & sex).group_by("usl_row", "code_usl", "dr", "date_in", "of_person").agg(pl.col("fits").any())
    )
    params = {"age": age_expr(pl.col("dr"), pl.col("date_in")), "w": pl.col("of_person")}
    bad = fits.filter(~pl.col("fits")).sort("usl_row")
    return bad.select("usl_row", pl.col("code_usl").alias("value"), params_of(params).alias("params"))


@table("C075")
def service_of_another_clinic(run: Run, rule: Rule) -> pl.DataFrame:
    """A clinic of children bills a service for adults only, or the other way round."""
    services, clinics = regional.table(run.books, "R009"), regional.table(run.books, "R008")
    rows = run.view.table("usl").filter(pl.col("code_usl").is_in(services["code"].unique().implode()))
    asked = rows.select(pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), "code_usl", "date_in")
    asked = asked.join(run.view.subs("z_row"), on="sl_row", how="inner", maintain_order="left").join(
        run.view.cases("code_mo"), on="z_row", how="left", maintain_order="left"
    )
    of_service = regional.of_code(asked.drop_nulls("date_in"), services, "code_usl", "date_in").drop("valid_from", "valid_to")
    both = regional.of_code(of_service, clinics, "code_mo", "date_in")
    bad = both.filter(pl.col("serves") != pl.col("serves_listed")).unique("usl_row").sort("usl_row")
    params = {"clinic": pl.col("code_mo"), "serves": pl.col("serves_listed")}
    return bad.select("usl_row", pl.col("code_usl").alias("value"), params_of(params).alias("params"))
