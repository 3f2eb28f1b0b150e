"""Is there a referral where there must be one, and does it fit? (231n 1.4.3, 1.4.4, 1.10.4; Q015 006F.00.0310-0311.)"""

from __future__ import annotations

import polars as pl

from omsclaims.checks import regional
from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.control.licence import not_in_register
from omsclaims.checks.control.narrow import first_of
from omsclaims.checks.frames import within
from omsclaims.checks.rules import Broken, Run, on, params_of, table

_INPATIENT, _DAY_HOSPITAL = 1, 2  # V006
_PLANNED = 3  # V014


@on("C087")
def referral_at_a_wrong_time(parameters: Parameters) -> Broken:
    """NPR_DATE after the first day of care or before birth."""
    where = (pl.col("npr_date") > pl.col("date_z_1")) | (pl.col("npr_date") < pl.col("dr"))
    return Broken(where, params={"date_z_1": pl.col("date_z_1")})


@on("C171")
def planned_without_referral(parameters: Parameters) -> Broken:
    """A planned admission and every day hospital case need a referral."""
    planned = ((pl.col("for_pom") == _PLANNED) & (pl.col("usl_ok") == _INPATIENT)) | (pl.col("usl_ok") == _DAY_HOSPITAL)
    return Broken(planned & pl.col("npr_mo").is_null() & pl.col("npr_date").is_null(), params={"usl_ok": pl.col("usl_ok")})


@on("C172")
def half_a_referral(parameters: Parameters) -> Broken:
    """The clinic without the date or the date without the clinic; the element is the absent one."""
    no_clinic, no_date = pl.col("npr_mo").is_null(), pl.col("npr_date").is_null()
    return Broken(
        no_clinic ^ no_date,
        value=pl.lit(None, dtype=pl.String),
        element=pl.when(no_clinic).then(pl.lit("ZAP/Z_SL/NPR_MO")).otherwise(pl.lit("ZAP/Z_SL/NPR_DATE")),
    )


@table("C173")
def unknown_referring_clinic(run: Run, rule: Rule) -> pl.DataFrame:
    """The referring clinic of this territory is not in the register on the day of the referral."""
    cases = run.view.cases("npr_mo", "npr_date").filter(pl.col("npr_mo").str.starts_with(run.territory or ""))
    unknown = not_in_register(cases, run.view.tables["reg_clinic"], "npr_mo", "npr_date")
    return unknown.select("z_row", pl.col("npr_mo").alias("value"), params_of({"npr_date": pl.col("npr_date")}).alias("params"))


# ---------------------------------------------------------------- whose patient it is


def _attached(run: Run) -> pl.DataFrame:
    """Cases of own persons with the clinic they are attached to (`attached_mo`), in the order of the files."""
    return run.once("attached", lambda: _with_clinics(run))


def _with_clinics(run: Run) -> pl.DataFrame:
    own = run.view.tables["identified"].filter((pl.col("status") == "own") & pl.col("attached_mo").is_not_null())
    cases = run.view.cases("file_kind", "usl_ok", "for_pom", "npr_mo", "lpu", "date_z_2")
    return within(cases, own.select(pl.col("case_key").alias("z_row"), "attached_mo"), "z_row").sort("z_row")


def _of_clinics(rows: pl.DataFrame) -> pl.DataFrame:
    params = {"attached_mo": pl.col("attached_mo"), "lpu": pl.col("lpu")}
    return rows.select("z_row", pl.col("npr_mo").alias("value"), params_of(params).alias("params"))


@table("C174")
def referred_by_another_clinic(run: Run, rule: Rule) -> pl.DataFrame:
    """Planned care by referral of a clinic that the person is not attached to."""
    return _of_clinics(_attached(run).filter((pl.col("for_pom") == _PLANNED) & (pl.col("npr_mo") != pl.col("attached_mo"))))


@table("C175")
def referred_to_itself(run: Run, rule: Rule) -> pl.DataFrame:
    """A clinic that refers a patient of another clinic to itself."""
    return _of_clinics(_attached(run).filter((pl.col("lpu") != pl.col("attached_mo")) & (pl.col("npr_mo") == pl.col("lpu"))))


@table("C176")
def planned_care_elsewhere(run: Run, rule: Rule) -> pl.DataFrame:
    """Planned outpatient care of a patient of another clinic without a referral."""
    asked = rule.parameters.among("conditions", pl.col("usl_ok")) & (pl.col("for_pom") == _PLANNED) & pl.col("npr_mo").is_null()
    rows = _attached(run).filter(asked & pl.col("file_kind").is_in(rule.kinds))
    return _of_clinics(rows.filter(pl.col("lpu") != pl.col("attached_mo")))


# ---------------------------------------------------------------- what a referral must say


@table("C178")
def tomography_without_referral(run: Run, rule: Rule) -> pl.DataFrame:
    """CT and MRI (R103) outside hospital: a referral, a preliminary diagnosis, the profile of radiology, one service a case."""
    kinds = rule.parameters.latest("kinds_of_service")
    listed = regional.table(run.books, "R103").filter(pl.col("kind").is_in(kinds)).select("code", "valid_from", "valid_to")
    rows = run.view.usl.filter(pl.col("file_kind").is_in(rule.kinds) & rule.parameters.among("conditions", pl.col("usl_ok")))
    rows = rows.select("usl_row", "sl_row", "z_row", "profil", "date_in", code=pl.coalesce("code_usl", "vid_vme"))
    images = regional.of_code(rows, listed, "code", "date_in").unique("usl_row", keep="first").sort("sl_row", "usl_row")
    of_case = run.view.cases("npr_mo", "npr_date", "date_z_2")
    of_sl = run.view.subs("ds0", "usl_rows")
    judged = images.join(of_case, on="z_row", how="left", maintain_order="left").join(
        of_sl, on="sl_row", how="left", maintain_order="left"
    )
    broken = first_of(
        (pl.col("npr_mo").is_null(), "ZAP/Z_SL/NPR_MO", None), (pl.col("npr_date").is_null(), "ZAP/Z_SL/NPR_DATE", None),
        (pl.col("ds0").is_null(), "ZAP/Z_SL/SL/DS0", None),
        (~rule.parameters.among("profiles", pl.col("profil")), "ZAP/Z_SL/SL/USL/PROFIL", pl.col("profil")),
        (pl.col("usl_rows") > 1, "ZAP/Z_SL/SL/USL", pl.col("usl_rows")),
    )  # fmt: skip
    assert broken.element is not None and broken.value is not None
    found = judged.filter(broken.where).select(
        "sl_row",
        broken.element.alias("element"),
        broken.value.alias("value"),
        params_of({"code": pl.col("code")}).alias("params"),
    )
    return found.unique(["sl_row", "element"], keep="first", maintain_order=True)


@on("C179")
def no_preliminary_diagnosis(parameters: Parameters) -> Broken:
    """A stay without DS0."""
    return Broken(parameters.among("conditions", pl.col("usl_ok")) & pl.col("ds0").is_null())
