"""May the clinic do this, and this doctor? Licences, staff, profiles and specialties (231n 1.8, 1.9; Rules 158n 91, 100)."""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims.checks import regional
from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.frames import within
from omsclaims.checks.rules import KEYS, Broken, Run, needs, on, params_of, table

_SL: Final = "ZAP/Z_SL/SL/"
Parts = list[tuple[str, pl.DataFrame]]


def not_in_register(rows: pl.DataFrame, register: pl.DataFrame, clinic: str, day: str) -> pl.DataFrame:
    """`rows` whose clinic has no row in the register (mo, valid_from, valid_to) that holds on the day. Nulls are silent."""
    asked = rows.select(clinic, day).drop_nulls().unique()
    held = (
        asked.join(register.select("mo", "valid_from", "valid_to"), left_on=clinic, right_on="mo")
        .filter((pl.col("valid_from") <= pl.col(day)) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col(day))))
        .select(clinic, day)
        .unique()
    )
    return rows.drop_nulls([clinic, day]).join(held, on=[clinic, day], how="anti", maintain_order="left")


@table("C190")
def clinic_not_in_register(run: Run, rule: Rule) -> pl.DataFrame:
    """The clinic of the case is not in the register on its last day."""
    unknown = not_in_register(run.view.cases("lpu", "date_z_2"), run.view.tables["reg_clinic"], "lpu", "date_z_2")
    return unknown.select("z_row", pl.col("lpu").alias("value"), params_of({"date_z_2": pl.col("date_z_2")}).alias("params"))


def _licensed(run: Run) -> pl.DataFrame:
    """Sub-cases with the state of their licence on DATE_2: none (never begun), ended, valid; and its last day."""
    key = ["lpu", "usl_ok", "profil", "date_2"]
    rows = run.view.subs("file_kind", *key).filter(pl.col("file_kind").is_in(["H", "C", "T"])).drop("file_kind").drop_nulls()
    asked = rows.select(key).unique()
    begun = (
        asked.join(
            run.view.tables["reg_licence"], left_on=["lpu", "usl_ok", "profil"], right_on=["mo", "usl_ok", "profil"], how="inner"
        )
        .filter(pl.col("valid_from") <= pl.col("date_2"))
        .group_by(key)
        .agg(
            valid=(pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("date_2"))).any(), ended=pl.col("valid_to").max()
        )
    )
    return rows.join(begun, on=key, how="left", maintain_order="left")


def _rows(rows: pl.DataFrame) -> pl.DataFrame:
    params = {name: pl.col(name) for name in ("lpu", "usl_ok", "date_2", "ended")}
    return rows.select("sl_row", pl.col("profil").cast(pl.String).alias("value"), params_of(params).alias("params"))


@table("C180")
def no_licence(run: Run, rule: Rule) -> pl.DataFrame:
    """No licence for these conditions and profile begun by the last day of the sub-case."""
    return _rows(run.once("licensed", lambda: _licensed(run)).filter(pl.col("valid").is_null()))


@table("C181")
def licence_ended(run: Run, rule: Rule) -> pl.DataFrame:
    """There was a licence, but every one had ended before the last day of the sub-case; the last day of a licence counts."""
    return _rows(run.once("licensed", lambda: _licensed(run)).filter(~pl.col("valid")))


# ---------------------------------------------------------------- staff

_WORK: Final = ["lpu", "worker", "prvs", "day"]


#: Level and element of the findings about workers, with the rows they are about.
_Work = list[tuple[str, str, pl.DataFrame]]
#: Level, element and name of the three kinds of them.
_PARTS: Final = (
    ("sl", "IDDOKT", "who answers"),
    ("usl", "USL/CODE_MD", "who served"),
    ("usl", "USL/MR_USL_N/CODE_MD", "who served with others"),
)


def _workers(run: Run, rule: Rule) -> dict[str, pl.DataFrame]:
    """Who did what: sl_row, usl_row (of services), lpu, worker (code), prvs, day (last of a sub-case, first of a service)."""
    of_sl = run.view.subs("file_kind", "lpu", "date_2", "prvs").filter(pl.col("file_kind").is_in(rule.kinds)).drop("file_kind")
    doctors = run.view.table("sl").select(pl.col("_row").alias("sl_row"), pl.col("iddokt").alias("worker")).drop_nulls()
    answerable = within(of_sl, doctors, "sl_row").rename({"date_2": "day"})
    usl = run.view.table("usl").select(
        pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), pl.col("date_in").alias("day"), "prvs",
        pl.col("code_md").alias("worker"),
    )  # fmt: skip
    lines = within(usl, of_sl.select("sl_row", "lpu"), "sl_row")
    several = run.view.table("mr_usl_n").select(pl.col("_parent").alias("usl_row"), "prvs", pl.col("code_md").alias("worker"))
    several = within(several, lines.drop("prvs", "worker"), "usl_row")
    parts = (answerable, lines, several)
    return {name: rows.drop_nulls(["lpu", "worker", "day"]) for (_, _, name), rows in zip(_PARTS, parts, strict=True)}


def _in_register(run: Run, rule: Rule) -> tuple[_Work, pl.DataFrame]:
    """Who did what, and each distinct (clinic, worker, specialty, day) with what the register says of it."""
    if _PARTS[0][2] not in run.memo:
        run.memo.update(_workers(run, rule))
    work = [(level, _SL + path, run.memo[name]) for level, path, name in _PARTS]
    return work, run.once("workers in the register", lambda: _states(run, work))


def _states(run: Run, work: _Work) -> pl.DataFrame:
    asked = pl.concat([rows.select(_WORK).unique() for _, _, rows in work]).unique()
    staff = run.view.tables["reg_staff"].rename({"prvs": "of"})
    years = run.active["C182"].parameters.latest("years") if "C182" in run.active else 0
    met = asked.join(staff, left_on=["lpu", "worker"], right_on=["mo", "code"], how="inner").with_columns(
        here=(pl.col("hired_on") <= pl.col("day")) & (pl.col("left_on").is_null() | (pl.col("left_on") >= pl.col("day"))),
        last=pl.coalesce("certified_to", pl.col("certified_on").dt.offset_by(f"{years}y")),
    )
    valid = (pl.col("certified_on") <= pl.col("day")) & (pl.col("last") >= pl.col("day"))
    right = pl.col("prvs").is_null() | (pl.col("prvs") == pl.col("of"))
    states = met.group_by(_WORK).agg(
        employed=pl.col("here").any(), hired_on=pl.col("hired_on").min(), left_on=pl.col("left_on").max(),
        certified=(pl.col("here") & valid & right).fill_null(value=False).any(),
        last=pl.col("last").filter(pl.col("here") & right).max(),
    )  # fmt: skip
    return asked.join(states, on=_WORK, how="left", nulls_equal=True).with_columns(known=pl.col("employed").is_not_null())


def _of_workers(work: _Work, states: pl.DataFrame, where: pl.Expr, params: tuple[str, ...]) -> Parts:
    wrong = states.filter(where)
    if not wrong.height:
        return []
    shown = params_of({name: pl.col(name) for name in ("lpu", "day", *params)}).alias("params")
    parts: Parts = []
    for level, element, rows in work:
        key = KEYS[level]
        hit = rows.join(wrong, on=_WORK, how="inner", nulls_equal=True, maintain_order="left").sort(key, "worker")
        once = hit.with_columns(shown).unique([key, "worker"], keep="first", maintain_order=True)
        parts.append((level, once.select(key, pl.lit(element).alias("element"), pl.col("worker").alias("value"), "params")))
    return parts


@needs("C182", "C183", "C184")
def staff_is_known(run: Run, rule: Rule) -> str:
    """A register without rows knows nobody."""
    return "" if run.view.tables["reg_staff"].height else "table:reg_staff"


@table("C183")
def worker_not_in_register(run: Run, rule: Rule) -> Parts:
    """The register of staff has no such worker of the clinic."""
    rows, states = _in_register(run, rule)
    return _of_workers(rows, states, ~pl.col("known"), ())


@table("C184")
def not_yet_hired(run: Run, rule: Rule) -> Parts:
    """The worker is in the register, but did not work there on the day: hired later, or gone."""
    rows, states = _in_register(run, rule)
    return _of_workers(rows, states, pl.col("known") & ~pl.col("employed"), ("hired_on", "left_on"))


@table("C182")
def certificate_ended(run: Run, rule: Rule) -> Parts:
    """A worker of the clinic without a certificate or accreditation in the specialty that holds on the day.

    A certificate without an end holds for five years: its last day is the one with the date of its first.
    """
    rows, states = _in_register(run, rule)
    return _of_workers(rows, states, pl.col("employed") & ~pl.col("certified"), ("prvs", "last"))


# ---------------------------------------------------------------- profiles, specialties, beds


def _on_levels(run: Run, rule: Rule, *columns: str) -> list[tuple[str, str, pl.DataFrame]]:
    """Level, beginning of the path, and rows with a key, the columns and `day`, of sub-cases and of services."""
    kinds = pl.col("file_kind").is_in(rule.kinds) if rule.kinds else pl.lit(value=True)
    sl = run.view.sl.lazy().filter(kinds).select("sl_row", *columns, pl.col("date_2").alias("day")).collect()
    usl = run.view.usl.lazy().filter(kinds).select("usl_row", *columns, pl.col("date_out").alias("day")).collect()
    return [("sl", _SL, sl), ("usl", _SL + "USL/", usl)]


def _not_paired(rows: pl.DataFrame, listed: pl.DataFrame, code: str, other: str) -> pl.DataFrame:
    """`rows` whose code the table lists on the day, but never with this other value."""
    asked = rows.select(code, other, "day").drop_nulls().unique()
    met = asked.select(code, "day").unique().join(listed, left_on=code, right_on="code", how="inner")
    met = met.filter(regional.in_force(pl.col("day")))
    wrong = asked.join(met.select(code, "day").unique(), on=[code, "day"], how="semi").join(
        met.select(code, "day", pl.col("listed").alias(other)).unique(), on=[code, "day", other], how="anti"
    )
    return rows.join(wrong, on=[code, other, "day"], how="semi", maintain_order="left")


@table("C185")
def profile_of_another_specialty(run: Run, rule: Rule) -> Parts:
    """A profile with a specialty that R104 does not have beside it; a profile that the table does not have is not judged."""
    listed = regional.table(run.books, "R104").select("code", pl.col("prvs").alias("listed"), "valid_from", "valid_to")
    parts: Parts = []
    for level, path, rows in _on_levels(run, rule, "profil", "prvs"):
        params = params_of({"prvs": pl.col("prvs")}).alias("params")
        wrong = _not_paired(rows, listed, "profil", "prvs")
        value = pl.col("profil").cast(pl.String).alias("value")
        parts.append((level, wrong.select(f"{level}_row", pl.lit(path + "PROFIL").alias("element"), value, params)))
    return parts


@table("C188")
def bed_of_another_profile(run: Run, rule: Rule) -> pl.DataFrame:
    """A bed that R105 does not have beside the profile; a profile that the table does not have is not judged."""
    listed = regional.table(run.books, "R105").select("code", pl.col("profil_k").alias("listed"), "valid_from", "valid_to")
    stays = run.view.sl.filter(pl.col("file_kind").is_in(rule.kinds) & rule.parameters.among("conditions", pl.col("usl_ok")))
    rows = stays.select("sl_row", "profil", "profil_k", pl.col("date_2").alias("day"))
    wrong = _not_paired(rows, listed, "profil", "profil_k")
    return wrong.select(
        "sl_row", pl.col("profil_k").cast(pl.String).alias("value"), params_of({"profil": pl.col("profil")}).alias("params")
    )


@on("C186")
def specialty_of_another_care(parameters: Parameters) -> Broken:
    """A specialty that the kind of care does not have: none of those at all, no nurses with doctors, the ambulance its own."""
    care, doctor = pl.col("vidpom"), pl.col("prvs")
    foreign = parameters.among("kinds_of_care", care) & parameters.among("without", doctor)
    nurse = parameters.among("doctors_only", care) & parameters.among("nurses", doctor)
    stranger = parameters.among("ambulance", care) & ~parameters.among("of_ambulance", doctor)
    return Broken(foreign | nurse | stranger, params={"vidpom": care})


@table("C187")
def outside_the_basic_programme(run: Run, rule: Rule) -> Parts:
    """A specialty or profile that R106 has outside the basic programme."""
    listed = regional.table(run.books, "R106")
    parts: Parts = []
    for level, path, rows in _on_levels(run, rule, "profil", "prvs"):
        for column in ("prvs", "profil"):
            outside = regional.of_code(rows.drop_nulls([column]), listed.filter(pl.col("what") == column), column, "day")
            shown = outside.unique(f"{level}_row", keep="first", maintain_order=True)
            value = pl.col(column).cast(pl.String).alias("value")
            parts.append((level, shown.select(f"{level}_row", pl.lit(path + column.upper()).alias("element"), value)))
    return parts


@table("C189")
def service_of_another_place(run: Run, rule: Rule) -> pl.DataFrame:
    """A service that R107 gives to other clinics or departments; one that the table does not have is not judged."""
    listed = regional.table(run.books, "R107")
    own = run.view.table("usl").select(pl.col("_row").alias("usl_row"), "podr", "lpu")
    rows = run.view.usl.select("usl_row", "code_usl", pl.col("date_in").alias("day")).drop_nulls()
    rows = rows.filter(pl.col("code_usl").is_in(listed["code"].unique().implode()))
    rows = rows.join(own, on="usl_row", how="left", maintain_order="left")
    met = regional.of_code(rows, listed, "code_usl", "day").filter(pl.col("lpu").is_not_null())
    right = (pl.col("mo") == pl.col("lpu")) & (pl.col("podr_listed").is_null() | (pl.col("podr_listed") == pl.col("podr")))
    wrong = met.group_by("usl_row", maintain_order=True).agg(
        pl.col("code_usl", "lpu", "podr").first(), right=right.fill_null(value=False).any()
    )
    params = {"lpu": pl.col("lpu"), "podr": pl.col("podr")}
    return wrong.filter(~pl.col("right")).select("usl_row", pl.col("code_usl").alias("value"), params_of(params).alias("params"))
