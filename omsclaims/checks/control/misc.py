"""What else must a case show? Admitted clinics, visits and services that a disease or a group needs, implants (checks.md 2)."""

from __future__ import annotations

import polars as pl

from omsclaims.checks import regional
from omsclaims.checks.catalogue import Rule
from omsclaims.checks.rules import Run, params_of, table

_CATEGORY = 3  # characters of a category of ICD-10


def _services(run: Run, *columns: str) -> pl.DataFrame:
    """Lines USL by their codes: usl_row, sl_row, code_usl and columns."""
    return run.view.table("usl").select(pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), "code_usl", *columns)


@table("C225")
def clinic_not_admitted(run: Run, rule: Rule) -> pl.DataFrame:
    """The service is one that only admitted clinics bill, and the clinic is not admitted on DATE_IN."""
    listed = regional.table(run.books, "R011")
    asked = _services(run, "date_in").filter(pl.col("code_usl").is_in(listed["code"].unique().implode())).drop_nulls("date_in")
    asked = asked.join(run.view.subs("z_row"), on="sl_row", how="inner", maintain_order="left").join(
        run.view.cases("code_mo"), on="z_row", how="left", maintain_order="left"
    )
    admitted = listed.select("code", "mo", "valid_from", "valid_to")
    held = regional.of_code(asked, admitted, "code_usl", "date_in").filter(pl.col("mo") == pl.col("code_mo"))
    bad = asked.join(held.select("usl_row").unique(), on="usl_row", how="anti", maintain_order="left")
    params = params_of({"clinic": pl.col("code_mo"), "date_in": pl.col("date_in")})
    return bad.select("usl_row", pl.col("code_usl").alias("value"), params.alias("params"))


@table("C228")
def transfer_of_one_part(run: Run, rule: Rule) -> pl.DataFrame:
    """A transfer inside the hospital (VB_P = 1) with fewer sub-cases than two departments have."""
    parts = run.view.table("sl").group_by(pl.col("_parent").alias("z_row")).agg(parts=pl.len().cast(pl.Int64))
    cases = run.view.case.filter(
        (pl.col("vb_p") == 1) & pl.col("file_kind").is_in(rule.kinds) & rule.parameters.among("conditions", pl.col("usl_ok"))
    )
    counted = cases.join(parts, on="z_row", how="left", maintain_order="left").with_columns(pl.col("parts").fill_null(0))
    bad = counted.filter(pl.col("parts") < rule.parameters.number("sub_cases"))
    return bad.select(
        "z_row", pl.col("vb_p").cast(pl.String).alias("value"), params_of({"parts": pl.col("parts")}).alias("params")
    )


@table("C229")
def too_few_visits(run: Run, rule: Rule) -> pl.DataFrame:
    """An episode with a diagnosis of the region's table has fewer days with a visit than the table asks for."""
    listed = regional.table(run.books, "R012").drop_nulls("visits")
    codes = listed["code"].unique().implode()
    near = pl.col("ds1").is_in(codes) | pl.col("ds1").str.head(_CATEGORY).is_in(codes)
    episodes = (
        run.view.sl.lazy()
        .filter(
            near
            & pl.col("file_kind").is_in(rule.kinds)
            & rule.parameters.among("conditions", pl.col("usl_ok"))
            & rule.parameters.among("purposes", pl.col("p_cel"))
        )
        .select("sl_row", "ds1", "profil", "date_2")
        .collect()
    )
    wanted = regional.of_diagnosis(episodes, listed, "ds1", "date_2")
    wanted = wanted.filter(pl.col("profil_listed").is_null() | (pl.col("profil") == pl.col("profil_listed")))
    most = wanted.group_by("sl_row", "ds1").agg(pl.col("visits").max())
    days = _services(run, "date_in").join(most.select("sl_row"), on="sl_row", how="semi").group_by("sl_row")
    counted = most.join(days.agg(made=pl.col("date_in").n_unique().cast(pl.Int64)), on="sl_row", how="left")
    bad = counted.with_columns(pl.col("made").fill_null(0)).filter(pl.col("made") < pl.col("visits")).sort("sl_row")
    params = params_of({"made": pl.col("made"), "visits": pl.col("visits")})
    return bad.select("sl_row", pl.col("ds1").alias("value"), params.alias("params"))


@table("C230")
def service_of_the_group_absent(run: Run, rule: Rule) -> pl.DataFrame:
    """A case of a group of the region's table lacks a service that the group must have; the first that lacks is told."""
    listed = regional.table(run.books, "R013").drop_nulls(["code_usl", "lines"])
    cases = (
        run.view.sl.lazy()
        .filter(pl.col("n_ksg").is_in(listed["code"].unique().implode()) & pl.col("file_kind").is_in(rule.kinds))
        .select("sl_row", "n_ksg", "date_2")
        .collect()
    )
    wanted = regional.of_code(cases, listed, "n_ksg", "date_2")
    made = _services(run).group_by("sl_row", "code_usl").agg(made=pl.len().cast(pl.Int64))
    counted = wanted.join(made, on=["sl_row", "code_usl"], how="left").with_columns(pl.col("made").fill_null(0))
    bad = (
        counted.filter(pl.col("made") < pl.col("lines"))
        .sort("sl_row", "code_usl")
        .unique("sl_row", keep="first", maintain_order=True)
    )
    params = params_of({"n_ksg": pl.col("n_ksg"), "lines": pl.col("lines"), "made": pl.col("made")})
    return bad.select("sl_row", pl.col("code_usl").alias("value"), params.alias("params"))


@table("C231")
def implant_not_described(run: Run, rule: Rule) -> pl.DataFrame:
    """A service with which a device is implanted lacks MED_DEV, its kind or number, or its date lies outside the sub-case.

    Looked at in the editions that have MED_DEV; the first thing that is wrong is told.
    """
    packages = run.view.having("ZAP/Z_SL/SL/USL/MED_DEV")
    listed = regional.table(run.books, "R014")
    codes = listed["code"].unique().implode()
    named = pl.when(pl.col("code_usl").is_in(codes)).then("code_usl").when(pl.col("vid_vme").is_in(codes)).then("vid_vme")
    asked = _services(run, "vid_vme", "date_in").with_columns(service=named).drop_nulls("service")
    cases = run.view.case.lazy().filter(pl.col("package").is_in(packages)).select("z_row").collect()
    of_case = run.view.subs("z_row", "date_1", "date_2").join(cases, on="z_row", how="semi")
    asked = asked.join(of_case, on="sl_row", how="inner", maintain_order="left")
    asked = regional.of_code(asked.drop_nulls("date_in"), listed, "service", "date_in").unique(
        "usl_row", keep="first", maintain_order=True
    )
    devices = run.view.table("med_dev").select(
        pl.col("_parent").alias("usl_row"), "date_med", "code_meddev", "number_ser", there=True
    )
    known = asked.join(devices, on="usl_row", how="left", maintain_order="left")
    outside = (pl.col("date_med") < pl.col("date_1")) | (pl.col("date_med") > pl.col("date_2"))
    element = (
        pl.when(pl.col("there").is_null()).then(pl.lit("MED_DEV"))
        .when(pl.col("code_meddev").is_null()).then(pl.lit("MED_DEV/CODE_MEDDEV"))
        .when(pl.col("number_ser").is_null()).then(pl.lit("MED_DEV/NUMBER_SER"))
        .when(pl.col("date_med").is_null() | outside).then(pl.lit("MED_DEV/DATE_MED"))
    )  # fmt: skip
    bad = (
        known.with_columns(tag=element)
        .drop_nulls("tag")
        .sort("usl_row", "tag")
        .unique("usl_row", keep="first", maintain_order=True)
    )
    return bad.select(
        "usl_row", pl.concat_str(pl.lit("ZAP/Z_SL/SL/USL/"), "tag").alias("element"),
        params_of({"service": pl.col("service")}).alias("params"),
        pl.when(pl.col("tag") == "MED_DEV/DATE_MED").then(pl.col("date_med").cast(pl.String)).alias("value"),
    )  # fmt: skip


@table("C232")
def telemedicine_wrongly_coded(run: Run, rule: Rule) -> list[tuple[str, pl.DataFrame]]:
    """A consultation at a distance is an episode (P_CEL) of specialised primary care (VIDPOM); each is told."""
    parameters = rule.parameters
    services = _services(run).filter(pl.col("code_usl").is_in(parameters.latest("services")))
    known = (
        run.view.sl.lazy().filter(pl.col("file_kind").is_in(rule.kinds)).select("sl_row", "p_cel", "vidpom", "date_z_2").collect()
    )
    asked = services.join(known, on="sl_row", how="inner", maintain_order="left")
    purpose = asked.filter((~parameters.among("purposes", pl.col("p_cel"))).fill_null(value=True))
    kind = asked.filter((~parameters.among("kinds_of_care", pl.col("vidpom"))).fill_null(value=True))
    found = []
    for rows, column, path in ((purpose, "p_cel", "ZAP/Z_SL/SL/P_CEL"), (kind, "vidpom", "ZAP/Z_SL/VIDPOM")):
        params = params_of({"code_usl": pl.col("code_usl")}).alias("params")
        found.append(
            ("usl", rows.select("usl_row", pl.col(column).cast(pl.String).alias("value"), pl.lit(path).alias("element"), params))
        )
    return found
