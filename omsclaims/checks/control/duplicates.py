"""Was the same care billed twice, or care at two places at once? (231n 1.10.1, 1.10.2, 1.10.5, 1.10.6.)

One predicate decides every overlap: `a.begin <= b.end - 1 day and b.begin + 1 day <= a.end`, so that the days of admission and
discharge never count. Persons are equal by `person_key`; newborns under another's policy (NOVOR) are left out. Runs against
the cases of the month (pass `patient`) and accepted cases of earlier months (pass `history`). No pair is ever listed: a
person with thousands of stays costs a sort.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims.checks.catalogue import Rule
from omsclaims.checks.rules import Run, params_of, table

_INPATIENT: Final = 1  # V006
_DAY_HOSPITAL: Final = 2
_TWICE: Final = ["person_key", "date_1", "date_2", "usl_ok", "prvs", "profil"]
_WITNESS: Final = ["other_package", "other_case"]
#: Room for a row number under the day of an end, so that the running maximum of ends remembers whose end it is.
_ROWS: Final = 2**32


def people(run: Run) -> pl.DataFrame:
    """Cases of known persons that nothing refused: z_row, person_key, case_order and columns of the case."""
    return run.once("people", lambda: _people(run))


def _people(run: Run) -> pl.DataFrame:
    known = run.view.tables["identified"].filter(pl.col("status").is_in(["own", "other"]) & pl.col("person_key").is_not_null())
    cases = (
        run.view.case.filter(pl.col("novor") == "0")
        .select("z_row", "package", "idcase", "file_kind", "letters", "usl_ok", "date_z_1", "date_z_2")
        .join(known.select(pl.col("case_key").alias("z_row"), "person_key"), on="z_row", how="inner", maintain_order="left")
        .join(run.view.case_order, on="z_row", how="left", maintain_order="left")
    )
    refused = run.view.tables.get("refused")
    if refused is not None:
        cases = cases.join(refused.select(pl.col("case_key").alias("z_row")), on="z_row", how="anti", maintain_order="left")
    return cases


# ---------------------------------------------------------------- the same care twice


def _sub_cases(run: Run, rule: Rule) -> pl.DataFrame:
    """Sub-cases that must not stand twice, in canonical order; ambulance calls and X-ray rooms may."""
    cases = people(run).filter(pl.col("file_kind").is_in(rule.kinds))
    rows = run.view.sl.select("sl_row", "z_row", "date_1", "date_2", "prvs", "profil", "usl_ok", "date_z_2")
    again = rule.parameters.among("other_conditions", pl.col("usl_ok")) | rule.parameters.among(
        "other_profiles", pl.col("profil")
    )
    return (
        rows.filter(~again)
        .drop("usl_ok", "date_z_2")
        .join(cases.select("z_row", "person_key", "case_order", "package", "idcase", "usl_ok"), on="z_row", how="inner")
        .drop_nulls(_TWICE)
        .sort("case_order", "sl_row")
    )


def _twice_in_month(run: Run, rule: Rule) -> pl.DataFrame:
    rows = _sub_cases(run, rule)
    first = rows.unique(_TWICE, keep="first", maintain_order=True).select(
        *_TWICE,
        pl.col("sl_row").alias("first_row"),
        pl.col("package").alias("other_package"),
        pl.col("idcase").alias("other_case"),
    )
    return rows.join(first, on=_TWICE, how="inner", maintain_order="left").filter(pl.col("sl_row") != pl.col("first_row"))


@table("C135")
def twice_in_the_month(run: Run, rule: Rule) -> pl.DataFrame:
    """The same person, dates, conditions, specialty and profile as an earlier sub-case of the month."""
    return _sub_case_rows(run.once("twice", lambda: _twice_in_month(run, rule)))


@table("C136")
def paid_before(run: Run, rule: Rule) -> pl.DataFrame:
    """The same sub-case was accepted in an earlier month."""
    rows = _sub_cases(run, rule)
    earlier = (
        run.view.tables["history"]
        .filter((pl.col("novor") == "0") & pl.col("file_kind").is_in(rule.kinds))
        .join(rows.select(_TWICE), on=_TWICE, how="semi")
        .sort("month", "package", "idcase", "sl_id")
        .unique(_TWICE, keep="first", maintain_order=True)
        .select(*_TWICE, pl.col("package").alias("other_package"), pl.col("idcase").alias("other_case"))
    )
    return _sub_case_rows(rows.join(earlier, on=_TWICE, how="inner", maintain_order="left"))


def _sub_case_rows(rows: pl.DataFrame) -> pl.DataFrame:
    params = {name: pl.col(name) for name in (*_WITNESS, "date_2")}
    return rows.select("sl_row", pl.col("date_1").cast(pl.String).alias("value"), params_of(params).alias("params"))


# ---------------------------------------------------------------- two places at once


def _days(column: str) -> pl.Expr:
    return pl.col(column).to_physical().cast(pl.Int64)


def _current(run: Run, usl_ok: int) -> pl.DataFrame:
    """Stays of the month: z_row, person_key, begin, end (days), case_order, other_package, other_case."""
    rows = people(run).filter((pl.col("usl_ok") == usl_ok) & (pl.col("date_z_1") <= pl.col("date_z_2")))
    return rows.select(
        "z_row", "person_key", "case_order", _days("date_z_1").alias("begin"), _days("date_z_2").alias("end"),
        pl.col("package").alias("other_package"), pl.col("idcase").alias("other_case"), "date_z_1", "date_z_2",
    )  # fmt: skip


def _historic(run: Run, usl_ok: int) -> pl.DataFrame:
    """Stays accepted in earlier months; history keeps sub-cases, a stay reaches from the first to the last of them."""
    history = run.view.tables["history"]
    stays = (
        history.filter((pl.col("usl_ok") == usl_ok) & (pl.col("novor") == "0"))
        .join(people(run).select("person_key").unique(), on="person_key", how="semi")
        .group_by("person_key", "package", "idcase")
        .agg(date_z_1=pl.col("date_1").min(), date_z_2=pl.col("date_2").max())
        .drop_nulls(["date_z_1", "date_z_2"])
        .sort("person_key", "date_z_1", "date_z_2", "package", "idcase")
    )
    return stays.select(
        "person_key", _days("date_z_1").alias("begin"), _days("date_z_2").alias("end"),
        pl.col("package").alias("other_package"), pl.col("idcase").alias("other_case"), "date_z_1", "date_z_2",
    )  # fmt: skip


def _remembered(stays: pl.DataFrame) -> pl.DataFrame:
    """Stays in order of person and begin, numbered, with `best`: the latest end so far of the person and whose it is."""
    ordered = stays.sort("person_key", "begin", *(["case_order"] if "case_order" in stays.columns else []), maintain_order=True)
    numbered = ordered.with_row_index("number").with_columns(pl.col("number").cast(pl.Int64))
    return numbered.with_columns(best=(pl.col("end") * _ROWS + pl.col("number")).cum_max().over("person_key"))


def _witnessed(rows: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """`rows` (with `best` and `first_end`) whose best stay ends late enough, with that stay beside them."""
    other = stays.select(
        (pl.col("number")).alias("other"), *_WITNESS, pl.col("date_z_1").alias("other_from"), pl.col("date_z_2").alias("other_to")
    )
    late = rows.filter(pl.col("best") // _ROWS >= pl.col("first_end")).with_columns(other=pl.col("best") % _ROWS)
    return late.drop(*_WITNESS, strict=False).join(other, on="other", how="left", maintain_order="left")


def _overlapping(rows: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """`rows` that overlap a stay of their person: stay.begin <= last_begin and stay.end >= first_end.

    rows   person_key, last_begin, first_end (days) and what the caller needs back
    stays  as of _current or _historic
    """
    kept = stays.join(rows.select("person_key").unique(), on="person_key", how="semi")
    asked = rows.join(kept.select("person_key").unique(), on="person_key", how="semi", maintain_order="left")
    if not kept.height or not asked.height:
        return asked.clear().with_columns(*(pl.lit(None).alias(name) for name in (*_WITNESS, "other_from", "other_to")))
    remembered = _remembered(kept)
    met = asked.drop(*_WITNESS, strict=False).sort("last_begin", maintain_order=True).join_asof(
        remembered.select("person_key", "begin", "best").sort("begin", maintain_order=True),
        left_on="last_begin", right_on="begin", by="person_key", strategy="backward", check_sortedness=False,
    )  # fmt: skip
    return _witnessed(met.drop_nulls("best"), remembered)


def _stay_rows(rows: pl.DataFrame) -> pl.DataFrame:
    params = {name: pl.col(name) for name in (*_WITNESS, "other_from", "other_to", "date_z_2")}
    return rows.select("z_row", pl.col("date_z_1").cast(pl.String).alias("value"), params_of(params).alias("params"))


def _asking(stays: pl.DataFrame) -> pl.DataFrame:
    """Stays as the asking side of an overlap."""
    return stays.with_columns(last_begin=pl.col("end") - 1, first_end=pl.col("begin") + 1)


@table("C138")
def two_hospitals(run: Run, rule: Rule) -> pl.DataFrame:
    """Two stays overlap: the one that starts later is refused, of two that start together the later in canonical order."""
    stays = _current(run, _INPATIENT)
    if run.against_history:
        return _stay_rows(_overlapping(_asking(stays), _historic(run, _INPATIENT)))
    if "C135" in run.active:
        twice = run.once("twice", lambda: _twice_in_month(run, run.active["C135"]))
        stays = stays.join(twice.select("z_row").unique(), on="z_row", how="anti", maintain_order="left")
    ordered = _remembered(stays)
    before = pl.col("best").shift(1).over("person_key")
    # A stay within one day overlaps only what began on an earlier day; any other also what began with it and stands before it.
    earlier_days = pl.col("before").first().over("person_key", "begin")
    rows = (
        ordered.with_columns(before=before)
        .with_columns(best=pl.when(pl.col("end") > pl.col("begin")).then(pl.col("before")).otherwise(earlier_days))
        .drop_nulls("best")
        .with_columns(first_end=pl.col("begin") + 1)
    )
    return _stay_rows(_witnessed(rows, ordered))


@table("C139")
def hospital_and_day_hospital(run: Run, rule: Rule) -> pl.DataFrame:
    """A day hospital case overlaps a stay: the day hospital is refused, or whichever of them is of this month."""
    day_cases = _asking(_current(run, _DAY_HOSPITAL))
    if not run.against_history:
        return _stay_rows(_overlapping(day_cases, _current(run, _INPATIENT)))
    stays = _asking(_current(run, _INPATIENT))
    return pl.concat(
        [
            _stay_rows(_overlapping(day_cases, _historic(run, _INPATIENT))),
            _stay_rows(_overlapping(stays, _historic(run, _DAY_HOSPITAL))),
        ]
    )


@table("C140")
def outpatient_during_a_stay(run: Run, rule: Rule) -> pl.DataFrame:
    """A service outside hospital on a day strictly inside a stay; the finding names the first such service."""
    stays = _historic(run, _INPATIENT) if run.against_history else _current(run, _INPATIENT)
    # people() says who asks; only persons with a stay are looked at service by service.
    asking = people(run).filter(pl.col("file_kind").is_in(rule.kinds) & rule.parameters.among("conditions", pl.col("usl_ok")))
    asking = asking.join(stays.select("person_key").unique(), on="person_key", how="semi")
    services = (
        run.view.usl.select("usl_row", "sl_row", "z_row", "date_in", "idserv")
        .join(asking.select("z_row", "person_key"), on="z_row", how="inner")
        .drop_nulls("date_in")
        .with_columns(last_begin=_days("date_in") - 1, first_end=_days("date_in") + 1)
    )
    inside = _overlapping(services, stays).sort("z_row", "sl_row", "usl_row").unique("z_row", keep="first", maintain_order=True)
    names = run.view.table("sl").select(pl.col("_row").alias("sl_row"), "sl_id")
    params = {name: pl.col(name) for name in (*_WITNESS, "other_from", "other_to")}
    return inside.join(names, on="sl_row", how="left", maintain_order="left").select(
        "z_row", "sl_row", "sl_id", "idserv", pl.col("date_in").cast(pl.String).alias("value"), params_of(params).alias("params")
    )
