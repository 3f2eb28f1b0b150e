"""Are check-ups billed as they may be? (231n 1.4.3, 1.4.4, 1.10.1; Q016 003K.00.0010-0110, 003K.00.0990; Q015 003F.00.1290-1400.)

The kind of a check-up is SCHET/DISP (V016) or, where that does not stand, follows from the letters of the file's name.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from omsclaims import contract
from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.control.duplicates import people
from omsclaims.checks.control.narrow import first_of, has, over
from omsclaims.checks.rules import Broken, Run, needs, on, params_of, table

_SL: Final = "ZAP/Z_SL/SL/"
_NAZ: Final = _SL + "NAZ/"
_HUNDRED: Final = 100


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
            contract.history(run.view.tables)
            .filter((pl.col("file_kind") == "X") & pl.col("letters").is_in(letters) & (pl.col("novor") == "0"))
            .select("person_key", "letters", "date_2", "package", "idcase", "sl_id")
            .collect()
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


# ---------------------------------------------------------------- frames of check-ups


def exams(run: Run) -> pl.DataFrame:
    """Cases of check-ups: z_row, package, file_kind, disp, letters, code_mo, dates, dr, novor, p_otk, rslt_d, has_naz."""
    return run.once("exams", lambda: _exams(run))


def _exams(run: Run) -> pl.DataFrame:
    cases = (
        run.view.case.lazy()
        .filter(pl.col("file_kind") == "X")
        .select(
            "z_row",
            "package",
            "file_kind",
            "disp",
            "letters",
            "code_mo",
            "date_z_1",
            "date_z_2",
            "dr",
            "age",
            "novor",
            "p_otk",
            "rslt_d",
        )
        .collect()
    )
    of_case = run.view.table("sl").select(pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"))
    named = has(run, "naz", "sl_row", "has_naz", pl.col("naz_r").is_not_null())
    sent = of_case.join(named, on="sl_row", how="semi").select("z_row", has_naz=pl.lit(value=True)).unique()
    rows = cases.join(sent, on="z_row", how="left", maintain_order="left")
    return rows.with_columns(
        pl.col("has_naz").fill_null(value=False),
        years=(pl.col("date_z_2").dt.year() - pl.col("dr").dt.year()).cast(pl.Int64),
        refused=(pl.col("p_otk") == 1).fill_null(value=False),
    )


def tests(run: Run) -> pl.DataFrame:
    """Services of check-ups: usl_row, sl_row, idserv, own days, code and refusal, and the columns of the case."""
    return run.once("exam services", lambda: _tests(run))


def _tests(run: Run) -> pl.DataFrame:
    of_case = run.view.table("sl").select(pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"))
    cases = exams(run).select("z_row", "file_kind", "disp", "letters", "date_z_1", "date_z_2", "age", "refused")
    rows = run.view.table("usl").select(
        pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), "date_in", "code_usl", "prvs",
        pl.col("p_otk").alias("skipped"),
    )  # fmt: skip
    below = of_case.join(cases, on="z_row", how="inner")
    return rows.join(below, on="sl_row", how="inner", maintain_order="left").sort("usl_row")


def sent_on(run: Run) -> pl.DataFrame:
    """NAZ of check-ups: sl_row, own columns, ds_onk of the sub-case, date_z_2; in order of their rows."""
    return run.once("naz", lambda: _sent_on(run))


def _sent_on(run: Run) -> pl.DataFrame:
    own = run.view.table("naz").select(
        pl.col("_row").alias("naz_row"), pl.col("_parent").alias("sl_row"), "naz_r", "naz_pmp", "naz_pk", "napr_date"
    )
    of_sl = run.view.table("sl").select(pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"), "ds_onk")
    cases = exams(run).select("z_row", "file_kind", "date_z_2")
    below = of_sl.join(own.select("sl_row").unique(), on="sl_row", how="semi").join(cases, on="z_row", how="inner")
    return own.join(below, on="sl_row", how="inner", maintain_order="left").sort("naz_row")


def _kind(parameters: Parameters) -> pl.Expr:
    """The kind of the check-up, V016; null where neither DISP nor the letters say it."""
    return pl.coalesce(pl.col("disp"), pl.col("letters").replace_strict(parameters.latest("by_letters"), default=None))


def _of_kinds(parameters: Parameters, name: str) -> pl.Expr:
    return _kind(parameters).is_in(list(parameters.latest(name))).fill_null(value=False)


# ---------------------------------------------------------------- whose check-up it is


@over(exams, "C159")
def age_of_another_checkup(parameters: Parameters) -> Broken:
    """Adults are those who reach the age in the year of the check-up, children those who do not."""
    adult = parameters.number("adult_years")
    wrong = (_of_kinds(parameters, "of_adults") & (pl.col("years") < adult)) | (
        _of_kinds(parameters, "of_children") & (pl.col("years") >= adult)
    )
    params = {"kind": _kind(parameters), "years": pl.col("years")}
    return Broken(wrong & (pl.col("novor") == "0"), value=pl.col("dr"), params=params)


@over(exams, "C161")
def age_out_of_turn(parameters: Parameters) -> Broken:
    """From 18 to 39 the years reached in the year of the check-up divide by three; from 40 on every year is right."""
    young = (pl.col("years") >= parameters.number("youngest_years")) & (pl.col("years") <= parameters.number("oldest_years"))
    out_of_turn = pl.col("years") % parameters.number("every_years") != 0
    params = {"kind": _kind(parameters), "years": pl.col("years")}
    return Broken(_of_kinds(parameters, "kinds_of_checkup") & young & out_of_turn, value=pl.col("date_z_2"), params=params)


@table("C163")
def not_attached_here(run: Run, rule: Rule) -> pl.DataFrame:
    """A person of this territory examined by a clinic that is not the one of attachment on the last day."""
    own = run.view.tables["identified"].filter(pl.col("status") == "own").select(pl.col("case_key").alias("z_row"), "attached_mo")
    rows = exams(run).filter(_of_kinds(rule.parameters, "of_adults")).join(own, on="z_row", how="inner", maintain_order="left")
    elsewhere = rows.filter(~pl.col("attached_mo").eq_missing(pl.col("code_mo")))
    params = {"attached_mo": pl.col("attached_mo"), "date_z_2": pl.col("date_z_2")}
    return elsewhere.select("z_row", pl.col("code_mo").alias("value"), params_of(params).alias("params"))


@needs("C163")
def attachments_are_known(run: Run, rule: Rule) -> str:
    """A register without rows says nothing of anybody."""
    return "" if run.view.tables["reg_attachment"].height else "table:reg_attachment"


# ---------------------------------------------------------------- stages


@table("C162")
def second_stage_without_first(run: Run, rule: Rule) -> pl.DataFrame:
    """A second stage, and nobody billed the first stage of this person in the calendar year: in the same month paid or not, in
    earlier months one that was accepted.

    Asked only where the history reaches back to the first month of check-ups of that year (January, unless the region says
    otherwise); else a first stage may lie before it.
    """
    first_of_second: dict[str, list[str]] = rule.parameters.latest("first_stages")
    known = run.view.tables["identified"].filter(pl.col("person_key").is_not_null())
    rows = (
        exams(run)
        .with_columns(kind=_kind(rule.parameters), exam_year=pl.col("date_z_2").dt.year())
        .join(known.select(pl.col("case_key").alias("z_row"), "person_key"), on="z_row", how="inner", maintain_order="left")
    )
    key = ["person_key", "exam_year", "kind"]
    by_letters = rule.parameters.latest("by_letters")
    earlier = (
        contract.history(run.view.tables)
        .filter(pl.col("file_kind") == "X")
        .select("person_key", "letters", "date_2")
        .collect()
        .with_columns(kind=pl.col("letters").replace_strict(by_letters, default=None), exam_year=pl.col("date_2").dt.year())
    )
    done = pl.concat([rows.select(key), earlier.select(key)]).drop_nulls().unique()
    stages = pl.DataFrame(
        [(second, first) for second, firsts in first_of_second.items() for first in firsts],
        schema={"second": pl.String(), "kind": pl.String()}, orient="row",
    )  # fmt: skip
    had = done.join(stages, on="kind", how="inner").select("person_key", "exam_year", pl.col("second").alias("kind")).unique()
    asked = rows.filter(pl.col("kind").is_in(list(first_of_second)) & (pl.col("exam_year") >= _known_since(run, rule)))
    alone = asked.join(had, on=key, how="anti", maintain_order="left")
    params = {"kind": pl.col("kind"), "year": pl.col("exam_year")}
    return alone.select("z_row", pl.col("date_z_2").cast(pl.String).alias("value"), params_of(params).alias("params"))


def _known_since(run: Run, rule: Rule) -> int:
    """First calendar year of which every month of check-ups up to the one that is settled is known."""
    month: str = run.month or "9999-12"
    first: str = min([month, *contract.history(run.view.tables).select(pl.col("month").unique()).collect()["month"].drop_nulls()])
    year = int(first[:4])
    return year + (int(first[5:]) > _first_month(rule, year))


def _first_month(rule: Rule, year: int) -> int:
    """The month with which check-ups of a year begin: the value in force on its last day."""
    values = rule.parameters.by_name["first_month"]
    return int([dated.value for dated in values if dated.since <= date(year, 12, 31)][-1])


@needs("C162")
def year_is_known(run: Run, rule: Rule) -> str:
    """Without the months since the first one of the year a first stage may lie before what is known."""
    year = int((run.month or "9999-12")[:4])
    return "" if _known_since(run, rule) <= year else f"months_before:{year}-{_first_month(rule, year):02d}"


# ---------------------------------------------------------------- what was done


@over(tests, "C164")
def test_too_old(parameters: Parameters) -> Broken:
    """A test of an adult older than a year, of a child than three months (a month under two years) on the first day."""

    def before(name: str) -> pl.Expr:
        return pl.col("date_in") < pl.col("date_z_1").dt.offset_by(f"-{parameters.latest(name)}mo")

    exempt = pl.any_horizontal(
        [pl.col("code_usl").str.starts_with(code).fill_null(value=False) for code in parameters.latest("exempt")]
    )
    small = pl.col("age") < parameters.number("infant_years")
    child = pl.when(small).then(before("infant_months")).otherwise(before("child_months") & ~exempt)
    old = (_of_kinds(parameters, "of_adults") & before("adult_months")) | (_of_kinds(parameters, "of_children") & child)
    done = (pl.col("skipped") != 1).fill_null(value=True)
    return Broken(done & old, value=pl.col("date_in"), params={"date_z_1": pl.col("date_z_1"), "age": pl.col("age")})


@table("C165")
def no_therapist_at_the_end(run: Run, rule: Rule) -> pl.DataFrame:
    """No service of a therapist or family doctor on the last day of the first stage."""
    rows = exams(run).filter(_of_kinds(rule.parameters, "kinds_of_checkup") & ~pl.col("refused"))
    services = tests(run).join(rows.select("z_row"), on="z_row", how="semi").filter(pl.col("date_in") == pl.col("date_z_2"))
    doctors = list(rule.parameters.latest("specialties"))
    several = has(run, "mr_usl_n", "usl_row", "by_worker", pl.col("prvs").is_in(doctors))
    codes = [pl.col("code_usl").str.starts_with(code).fill_null(value=False) for code in rule.parameters.latest("codes")]
    seen = services.join(several, on="usl_row", how="left").filter(
        pl.any_horizontal(
            *codes, pl.col("prvs").is_in(doctors).fill_null(value=False), pl.col("by_worker").fill_null(value=False)
        )
    )
    alone = rows.join(seen.select("z_row").unique(), on="z_row", how="anti", maintain_order="left")
    return alone.select("z_row", params_of({"date_z_2": pl.col("date_z_2")}).alias("params"))


@table("C166")
def too_little_done(run: Run, rule: Rule) -> pl.DataFrame:
    """Less than the share of the services of a check-up was done; the others were refused by the patient."""
    counted = tests(run).filter(~pl.col("refused")).group_by("z_row").agg(
        whole=pl.len().cast(pl.Int64), done=(pl.col("skipped") != 1).fill_null(value=True).sum().cast(pl.Int64)
    )  # fmt: skip
    rows = exams(run).join(counted, on="z_row", how="inner", maintain_order="left")
    little = rows.filter(pl.col("done") * _HUNDRED < pl.col("whole") * rule.parameters.number("percent"))
    params = {"done": pl.col("done"), "whole": pl.col("whole")}
    return little.select("z_row", pl.col("done").cast(pl.String).alias("value"), params_of(params).alias("params"))


# ---------------------------------------------------------------- what follows


@over(exams, "C167")
def nothing_prescribed(parameters: Parameters) -> Broken:
    """Health group III and beyond without a single NAZ."""
    group = parameters.among("groups", pl.col("rslt_d"))
    return Broken(group & ~pl.col("has_naz"), params={"rslt_d": pl.col("rslt_d")})


@over(sent_on, "C247")
def sent_without_profile(parameters: Parameters) -> Broken:
    """Sent to a hospital or day hospital without NAZ_PMP, to rehabilitation without NAZ_PK."""
    care, bed = parameters.among("profile_of_care", pl.col("naz_r")), parameters.among("profile_of_bed", pl.col("naz_r"))
    broken = first_of(
        (care & pl.col("naz_pmp").is_null(), _NAZ + "NAZ_PMP", None), (bed & pl.col("naz_pk").is_null(), _NAZ + "NAZ_PK", None)
    )
    return Broken(broken.where, broken.value, broken.element, {"naz_r": pl.col("naz_r")})


@over(sent_on, "C248")
def sent_without_a_day(parameters: Parameters) -> Broken:
    """Cancer is suspected, somebody is asked to look, and the referral has no day."""
    asked = parameters.among("referrals", pl.col("naz_r")) & (pl.col("ds_onk") == 1)
    return Broken(asked & pl.col("napr_date").is_null(), params={"naz_r": pl.col("naz_r")})


@on("C170")
def followed_up_without_state(parameters: Parameters) -> Broken:
    """A visit of a person who is followed up says whether the follow-up goes on, begins or ends."""
    asked = parameters.among("purposes", pl.col("p_cel"))
    return Broken(asked & ~parameters.among("states", pl.col("dn")).fill_null(value=False), params={"p_cel": pl.col("p_cel")})
