"""Was the same care billed twice, or care at two places at once? (231n 1.10.1-1.10.3, 1.10.5, 1.10.6.)

One predicate decides every overlap: `a.begin <= b.end - 1 day and b.begin + 1 day <= a.end`, so that the days of admission and
discharge never count. Persons are equal by `person_key`; newborns under another's policy (NOVOR) are left out. Runs against
the cases of the month (pass `patient`) and accepted cases of earlier months (pass `history`). No pair is ever listed: a
person with thousands of stays costs a sort.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import polars as pl

from omsclaims import contract
from omsclaims.checks import regional
from omsclaims.checks.catalogue import Rule
from omsclaims.checks.frames import within, without
from omsclaims.checks.rules import Run, decimal, params_of, table

_INPATIENT: Final = 1  # V006
_DAY_HOSPITAL: Final = 2
_TWICE: Final = ["person", "date_1", "date_2", "usl_ok", "prvs", "profil"]
_STAY: Final = ["package", "idcase", "usl_ok"]
_WITNESS: Final = ["other_package", "other_case"]
#: Room for a row number under the day of an end, so that the running maximum of ends remembers whose end it is.
_ROWS: Final = 2**32


def people(run: Run) -> pl.DataFrame:
    """Cases of known persons that nothing refused so far: as View.people."""
    return run.once("people", lambda: _people(run))


def _people(run: Run) -> pl.DataFrame:
    refused = run.view.tables.get("refused")
    return run.view.people if refused is None else without(run.view.people, refused["case_key"], "z_row")


def _of_them(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of history (person_key) of people of this month, with their number here (person)."""
    numbers = run.once("persons", lambda: people(run).select("person_key", "person").unique("person"))
    return rows.join(numbers, on="person_key", how="inner")


# ---------------------------------------------------------------- the same care twice


def _sub_cases(run: Run, rule: Rule) -> pl.DataFrame:
    """Sub-cases that must not stand twice, with key, place and name of the case; ambulance calls and X-ray rooms may."""
    again = rule.parameters.among("other_conditions", pl.col("usl_ok")).fill_null(value=True)
    key = ("z_row", "person", "case_order", "package", "idcase", "usl_ok", "date_z_2")
    cases = people(run).select(*key, "file_kind").filter(pl.col("file_kind").is_in(rule.kinds) & ~again).drop("file_kind")
    other = rule.parameters.among("other_profiles", pl.col("profil")).fill_null(value=True)
    own = ("date_1", "date_2", "prvs", "profil")
    rows = run.view.table("sl").select(pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"), *own)
    return within(rows.drop_nulls(own), cases, "z_row").filter(~other).drop("date_z_2")


def _twice_in_month(run: Run, rule: Rule) -> pl.DataFrame:
    rows = _sub_cases(run, rule)
    # Hashes tell nearly all rows apart; only those that share one are looked at and put in order.
    alike = rows.filter(rows.select(pl.struct(_TWICE).hash()).to_series().is_duplicated()).sort("case_order", "sl_row")
    first = alike.unique(_TWICE, keep="first", maintain_order=True).select(
        *_TWICE,
        pl.col("sl_row").alias("first_row"),
        pl.col("package").alias("other_package"),
        pl.col("idcase").alias("other_case"),
    )
    return alike.join(first, on=_TWICE, how="inner", maintain_order="left").filter(pl.col("sl_row") != pl.col("first_row"))


@table("C135")
def twice_in_the_month(run: Run, rule: Rule) -> pl.DataFrame:
    """The same person, dates, conditions, specialty and profile as an earlier sub-case of the month."""
    return _sub_case_rows(run.once("twice", lambda: _twice_in_month(run, rule)))


@table("C136")
def paid_before(run: Run, rule: Rule) -> pl.DataFrame:
    """The same sub-case was accepted in an earlier month."""
    rows = _sub_cases(run, rule)
    days = rows.select(_span_of_days().unique()).to_series()  # few; most of a year's rows have other days
    before = (
        contract.history(run.view.tables)
        .filter(
            (pl.col("date_2") >= pl.lit(rows["date_2"].min(), dtype=pl.Date))
            & (pl.col("novor") == "0")
            & pl.col("file_kind").is_in(rule.kinds),
            _span_of_days().is_in(days.implode()),
        )
        .select("person_key", *_TWICE[1:], "month", "package", "idcase", "sl_id")
        .collect()
    )
    earlier = (
        _of_them(run, before)
        .join(rows.select(_TWICE), on=_TWICE, how="semi")
        .sort("month", "package", "idcase", "sl_id")
        .unique(_TWICE, keep="first", maintain_order=True)
        .select(*_TWICE, pl.col("package").alias("other_package"), pl.col("idcase").alias("other_case"))
    )
    met = rows.join(earlier, on=_TWICE, how="inner", maintain_order="left")
    return _sub_case_rows(met.sort("case_order", "sl_row"))


def _span_of_days() -> pl.Expr:
    """The days of a sub-case as one number."""
    return _days("date_1") * _ROWS + _days("date_2")


def _sub_case_rows(rows: pl.DataFrame) -> pl.DataFrame:
    params = {name: pl.col(name) for name in (*_WITNESS, "date_2")}
    return rows.select("sl_row", pl.col("date_1").cast(pl.String).alias("value"), params_of(params).alias("params"))


# ---------------------------------------------------------------- two places at once


def _days(column: str) -> pl.Expr:
    return pl.col(column).to_physical().cast(pl.Int64)


def _current(run: Run, usl_ok: int) -> pl.DataFrame:
    """Stays of the month: z_row, person, begin, end (days), case_order, other_package, other_case."""
    rows = people(run).filter((pl.col("usl_ok") == usl_ok) & (pl.col("date_z_1") <= pl.col("date_z_2")))
    return rows.select(
        "z_row", "person", "case_order", _days("date_z_1").alias("begin"), _days("date_z_2").alias("end"),
        pl.col("package").alias("other_package"), pl.col("idcase").alias("other_case"), "date_z_1", "date_z_2",
    )  # fmt: skip


def _historic(run: Run, usl_ok: int) -> pl.DataFrame:
    """Stays accepted in earlier months; history keeps sub-cases, a stay reaches from the first to the last of them."""
    return run.once("stays before", lambda: _stays_before(run)).filter(pl.col("usl_ok") == usl_ok).drop("usl_ok")


def _stays_before(run: Run) -> pl.DataFrame:
    """Stays under all conditions that a rule of this pass asks for, without those that ended too early to meet a case of the
    month: of a year of history most is not brought into memory."""
    conditions, days = {_INPATIENT, _DAY_HOSPITAL}, 0
    if "C151" in run.active:
        calls = run.active["C151"].parameters
        conditions.add(calls.latest("conditions")[0])
        days = calls.latest("days")
    begins = people(run)["date_z_1"].drop_nulls()
    first = (begins.min() if begins.len() else run.as_of) - timedelta(days=days)  # type: ignore[operator]
    before = contract.history(run.view.tables).filter(
        pl.col("usl_ok").is_in(sorted(conditions)) & (pl.col("novor") == "0") & pl.col("date_1").is_not_null()
    )
    late = before.filter(pl.col("date_2") >= first).select("person_key", *_STAY, "date_1", "date_2").collect()
    known = _of_them(run, late).drop("person_key")
    # A stay may have begun with a sub-case that ended earlier.
    its = pl.all_horizontal(pl.col(name).is_in(known[name].unique().implode()) for name in ("package", "idcase"))
    early = before.filter((pl.col("date_2") < first) & its).select(*_STAY, "date_1", "date_2").collect()
    early = early.join(known.select(*_STAY, "person").unique(_STAY), on=_STAY, how="inner").select(known.columns)
    stays = (
        pl.concat([known, early])
        .group_by("person", *_STAY)
        .agg(date_z_1=pl.col("date_1").min(), date_z_2=pl.col("date_2").max())
        .sort("person", "date_z_1", "date_z_2", "package", "idcase")
    )
    return stays.select(
        "person", "usl_ok", _days("date_z_1").alias("begin"), _days("date_z_2").alias("end"),
        pl.col("package").alias("other_package"), pl.col("idcase").alias("other_case"), "date_z_1", "date_z_2",
    )  # fmt: skip


def _remembered(stays: pl.DataFrame) -> pl.DataFrame:
    """Stays in order of person and begin, numbered, with `best`: the latest end so far of the person and whose it is."""
    ordered = stays.sort("person", "begin", *(["case_order"] if "case_order" in stays.columns else []), maintain_order=True)
    numbered = ordered.with_row_index("number").with_columns(pl.col("number").cast(pl.Int64))
    return numbered.with_columns(best=(pl.col("end") * _ROWS + pl.col("number")).cum_max().over("person"))


def _witnessed(rows: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """`rows` (with `best` and `first_end`) whose best stay ends late enough, with that stay beside them."""
    other = stays.select(
        (pl.col("number")).alias("other"), *_WITNESS, pl.col("date_z_1").alias("other_from"), pl.col("date_z_2").alias("other_to")
    )
    late = rows.filter(pl.col("best") // _ROWS >= pl.col("first_end")).with_columns(other=pl.col("best") % _ROWS)
    return late.drop(*_WITNESS, strict=False).join(other, on="other", how="left", maintain_order="left")


def _overlapping(rows: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """`rows` that overlap a stay of their person: stay.begin <= last_begin and stay.end >= first_end.

    rows   person, last_begin, first_end (days) and what the caller needs back
    stays  as of _current or _historic
    """
    kept = stays.join(rows.select("person").unique(), on="person", how="semi")
    asked = rows.join(kept.select("person").unique(), on="person", how="semi", maintain_order="left")
    if not kept.height or not asked.height:
        return asked.clear().with_columns(*(pl.lit(None).alias(name) for name in (*_WITNESS, "other_from", "other_to")))
    remembered = _remembered(kept)
    met = asked.drop(*_WITNESS, strict=False).sort("last_begin", maintain_order=True).join_asof(
        remembered.select("person", "begin", "best").sort("begin", maintain_order=True),
        left_on="last_begin", right_on="begin", by="person", strategy="backward", check_sortedness=False,
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
    before = pl.col("best").shift(1).over("person")
    # A stay within one day overlaps only what began on an earlier day; any other also what began with it and stands before it.
    earlier_days = pl.col("before").first().over("person", "begin")
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


_SERVICE: Final = ("_row", "date_in", "idserv", "profil", "code_usl", "vid_vme")


@table("C140")
def outpatient_during_a_stay(run: Run, rule: Rule) -> pl.DataFrame:
    """A service outside hospital on a day strictly inside a stay; the finding names the first such service.

    Left alone (C141): laboratories, dialysis, a mobile team, care by referral.
    """
    stays = _historic(run, _INPATIENT) if run.against_history else _current(run, _INPATIENT)
    # people() says who asks; only persons with a stay are looked at service by service.
    asking = people(run).select("z_row", "person", "date_z_2", "file_kind", "usl_ok")
    asking = asking.filter(pl.col("file_kind").is_in(rule.kinds) & rule.parameters.among("conditions", pl.col("usl_ok")))
    asking = asking.join(stays.select("person").unique(), on="person", how="semi", maintain_order="left")
    asking = within(asking, _not_called_to(run), "z_row")
    of_case = run.view.table("sl").select(pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"))
    of_case = within(of_case, asking.select("z_row", "person", "date_z_2"), "z_row")
    services = (
        within(run.view.table("usl").select(pl.col("_parent").alias("sl_row"), *_SERVICE), of_case, "sl_row")
        .rename({"_row": "usl_row"})
        .drop_nulls("date_in")
        .filter(~_lawful_inside(rule))
        .with_columns(last_begin=_days("date_in") - 1, first_end=_days("date_in") + 1)
    )
    inside = _overlapping(services, stays).sort("z_row", "sl_row", "usl_row").unique("z_row", keep="first", maintain_order=True)
    names = run.view.table("sl").select(pl.col("_row").alias("sl_row"), "sl_id")
    params = {name: pl.col(name) for name in (*_WITNESS, "other_from", "other_to")}
    return inside.join(names, on="sl_row", how="left", maintain_order="left").select(
        "z_row", "sl_row", "sl_id", "idserv", pl.col("date_in").cast(pl.String).alias("value"), params_of(params).alias("params")
    )


def _not_called_to(run: Run) -> pl.DataFrame:
    """Cases that did not come by referral and whose doctors did not come to the patient: z_row."""
    came = pl.col("npr_mo").is_not_null() | (pl.col("vbr") == 1).fill_null(value=False)
    return run.view.table("z_sl").filter(~came).select(pl.col("_row").alias("z_row"))


def _lawful_inside(rule: Rule) -> pl.Expr:
    """Services that another clinic may give to a person in hospital: by profile, or by the section of the nomenclature."""
    sections = list(rule.parameters.latest("other_services"))
    by_code = [_begins(column, sections) for column in ("code_usl", "vid_vme")]
    return pl.any_horizontal(rule.parameters.among("other_profiles", pl.col("profil")).fill_null(value=False), *by_code)


def _begins(column: str, sections: list[str]) -> pl.Expr:
    """Whether a code of the nomenclature lies in one of the sections (A09 is not A09X)."""
    inside = [(pl.col(column) == one) | pl.col(column).str.starts_with(f"{one}.") for one in sections]
    return pl.any_horizontal(inside).fill_null(value=False)


# ---------------------------------------------------------------- lines and chart numbers

#: Order of lines that would be refused one for another.
_LINE_ORDER: Final = ["case_order", "sl_row", "usl_row"]
_HUNDREDTHS: Final = 100  # KOL_USL has two decimals


def lines(run: Run) -> pl.DataFrame:
    """Services of persons whose cases nothing refused, in canonical order: usl_row, sl_row, z_row, person, case_order,
    package, file_kind, lpu, usl_ok, date_z_1, date_z_2, date_in, date_out, code_usl, vid_vme, code (either), kol_usl (0.01).
    """
    return run.once("lines", lambda: _lines(run))


def _lines(run: Run) -> pl.DataFrame:
    own = ("date_in", "date_out", "code_usl", "vid_vme", "kol_usl")
    cases = within(people(run).drop("idcase", "letters", "person_key"), run.view.cases("lpu"), "z_row")
    parents = run.view.table("sl").select(pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"))
    services = run.view.table("usl").select(pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), *own)
    rows = within(within(services, parents, "sl_row"), cases, "z_row").with_columns(code=pl.coalesce("code_usl", "vid_vme"))
    return rows.sort(_LINE_ORDER)


def _line_rows(rows: pl.DataFrame, value: pl.Expr, params: dict[str, pl.Expr]) -> pl.DataFrame:
    return rows.select("usl_row", value.cast(pl.String).alias("value"), params_of(params).alias("params"))


@table("C134")
def same_line_twice(run: Run, rule: Rule) -> pl.DataFrame:
    """A line of an invoice with the person, department, diagnosis, code, day and doctor of an earlier line of it."""
    key = ["package", "person", "podr", "ds", "code", "date_in", "doctor"]
    own = run.view.table("usl").select(pl.col("_row").alias("usl_row"), "podr", "ds", "profil", "code_md")
    rows = within(lines(run).drop_nulls(["code", "date_in"]), own, "usl_row")
    rows = rows.filter(~rule.parameters.among("other_profiles", pl.col("profil")).fill_null(value=False))
    if "C135" in run.active:  # whole sub-cases that stand twice are C135
        twice = run.once("twice", lambda: _twice_in_month(run, run.active["C135"]))
        rows = without(rows, twice["sl_row"], "sl_row")
    doctors = run.view.table("mr_usl_n").select(pl.col("_parent").alias("usl_row"), pl.col("code_md").alias("worker"))
    # Hashes of all but the doctor tell most lines apart; only those that share one are looked at.
    alike = rows.filter(rows.select(pl.struct(key[:-1]).hash()).to_series().is_duplicated())
    first = doctors.filter(pl.col("usl_row").is_in(alike["usl_row"].implode())).sort("usl_row", "worker")
    alike = alike.join(
        first.unique("usl_row", keep="first", maintain_order=True), on="usl_row", how="left", maintain_order="left"
    ).with_columns(doctor=pl.coalesce("code_md", "worker"))
    again = alike.filter(~pl.struct(key).is_first_distinct())
    return _line_rows(again, pl.col("code"), {"date_in": pl.col("date_in")})


def charts(run: Run) -> pl.DataFrame:
    """Sub-cases with a chart number, in canonical order: sl_row, z_row, person, case_order, lpu, nhistory, usl_ok, file_kind,
    n_ksg, date_1, date_2, other_package, other_case."""
    return run.once("charts", lambda: _charts(run))


def _charts(run: Run) -> pl.DataFrame:
    cases = people(run).select("z_row", "person", "case_order", "package", "idcase", "usl_ok", "file_kind")
    own = ("nhistory", "n_ksg", "date_1", "date_2")
    rows = run.view.table("sl").select(pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"), *own)
    return (
        within(rows.drop_nulls("nhistory"), within(cases, run.view.cases("lpu").drop_nulls(), "z_row"), "z_row")
        .rename({"package": "other_package", "idcase": "other_case"})
        .sort("case_order", "date_1", "sl_row")
    )


def _after_first(rows: pl.DataFrame, key: list[str], unlike: str) -> pl.DataFrame:
    """Rows that share `key` with an earlier row of another `unlike`; the first row of the key stands beside them."""
    first = rows.unique(key, keep="first", maintain_order=True).select(*key, pl.col(unlike).alias("@first"), *_WITNESS)
    met = rows.drop(*_WITNESS).join(first, on=key, how="inner", maintain_order="left")
    return met.filter(pl.col(unlike) != pl.col("@first"))


def _chart_params(*more: str) -> pl.Expr:
    return params_of({name: pl.col(name) for name in (*_WITNESS, *more)}).alias("params")


@table("C142")
def chart_with_two_discharges(run: Run, rule: Rule) -> pl.DataFrame:
    """A second completed stay of a person on one chart number of the clinic."""
    stays = charts(run).filter(pl.col("usl_ok").is_in(rule.parameters.latest("conditions")))
    again = _after_first(stays, ["lpu", "nhistory", "person"], "z_row").unique("z_row", keep="first", maintain_order=True)
    return again.select("z_row", pl.col("nhistory").alias("value"), _chart_params())


@table("C143")
def group_twice_in_a_stay(run: Run, rule: Rule) -> pl.DataFrame:
    """The same КСГ a second time on one chart number of a person."""
    stays = charts(run).filter(pl.col("usl_ok").is_in(rule.parameters.latest("conditions"))).drop_nulls("n_ksg")
    again = _after_first(stays, ["lpu", "nhistory", "person", "n_ksg"], "sl_row")
    return again.select("sl_row", pl.col("n_ksg").alias("value"), _chart_params("nhistory"))


@table("C144")
def two_groups_on_one_day(run: Run, rule: Rule) -> pl.DataFrame:
    """Two groups of one chart number that end on the same day."""
    stays = charts(run).filter(pl.col("usl_ok").is_in(rule.parameters.latest("conditions"))).drop_nulls(["n_ksg", "date_2"])
    again = _after_first(stays, ["lpu", "nhistory", "person", "date_2"], "sl_row")
    return again.select("sl_row", pl.col("date_2").cast(pl.String).alias("value"), _chart_params("nhistory"))


@table("C145")
def chart_of_another_person(run: Run, rule: Rule) -> pl.DataFrame:
    """A chart number that the clinic used for another person before in the month."""
    again = _after_first(charts(run), ["lpu", "nhistory"], "person")
    return again.select("sl_row", pl.col("nhistory").alias("value"), _chart_params())


# ---------------------------------------------------------------- services beside one another


def _pairs(run: Run, relation: str) -> pl.DataFrame:
    """Pairs of services of a relation (R101), each once with its validity."""
    rows = regional.table(run.books, "R101").filter(pl.col("relation") == relation)
    return rows.select("code", "other", "valid_from", "valid_to").drop_nulls(["code", "other"]).unique(maintain_order=True)


def _on_day(run: Run) -> tuple[list[str], pl.DataFrame]:
    """Lines with a code and a day, and what two of them share: person, clinic and day."""
    rows = lines(run).filter(pl.col("file_kind") != "X").drop_nulls(["code", "date_in", "lpu"])
    return ["person", "lpu", "date_in"], rows


@table("C146")
def included_in_another_service(run: Run, rule: Rule) -> pl.DataFrame:
    """A service whose price another service of the day includes; of two that include each other the later one is refused."""
    key, rows = _on_day(run)
    pairs = _pairs(run, "included")
    others = rows.group_by(*key, pl.col("code").alias("other"), maintain_order=True).agg(
        pl.struct(_LINE_ORDER).first().alias("@other")
    )
    asked = rows.join(pairs, on="code", how="inner", maintain_order="left").filter(regional.in_force(pl.col("date_in")))
    met = asked.join(others, on=[*key, "other"], how="inner", maintain_order="left").filter(pl.col("code") != pl.col("other"))
    turned = pairs.select(pl.col("code").alias("other"), pl.col("other").alias("code"), mutual=pl.lit(value=True)).unique()
    judged = met.join(turned, on=["code", "other"], how="left", maintain_order="left")
    before = pl.lit(value=False)
    same = pl.lit(value=True)
    for name in _LINE_ORDER:
        there = pl.col("@other").struct.field(name)
        before = before | (same & (there < pl.col(name)))
        same = same & (there == pl.col(name))
    found = judged.filter(pl.col("mutual").is_null() | before).unique("usl_row", keep="first", maintain_order=True)
    return _line_rows(found, pl.col("code"), {"other": pl.col("other"), "date_in": pl.col("date_in")})


@table("C147")
def without_its_companion(run: Run, rule: Rule) -> pl.DataFrame:
    """A service that needs another of the day, and none of those that would do stands there."""
    key, rows = _on_day(run)
    asked = rows.join(_pairs(run, "needed"), on="code", how="inner", maintain_order="left")
    asked = asked.filter(regional.in_force(pl.col("date_in")))
    there = rows.select(*key, pl.col("code").alias("other")).unique()
    done = asked.join(there, on=[*key, "other"], how="semi").select("usl_row").unique()
    alone = asked.join(done, on="usl_row", how="anti", maintain_order="left")
    found = alone.group_by("usl_row", maintain_order=True).agg(
        pl.col("code", "date_in").first(), other=pl.col("other").unique().sort().str.join(", ")
    )
    return _line_rows(found, pl.col("code"), {"other": pl.col("other"), "date_in": pl.col("date_in")})


def _limited(run: Run, name: str) -> pl.DataFrame:
    """Lines with a limit of R102 that is in force on their day, in canonical order: `limit` is its whole number."""
    limits = (
        regional.table(run.books, "R102").drop_nulls(name).select("code", pl.col(name).alias("limit"), "valid_from", "valid_to")
    )
    rows = lines(run).filter(pl.col("file_kind") != "X").drop_nulls(["code", "date_in", "kol_usl"])
    met = rows.join(limits, on="code", how="inner", maintain_order="left").filter(regional.in_force(pl.col("date_in")))
    return met.sort("limit", maintain_order=True).unique("usl_row", keep="first", maintain_order=True).sort(_LINE_ORDER)


def _above(rows: pl.DataFrame, key: list[str], limit: pl.Expr) -> pl.DataFrame:
    """Lines from the one on that makes the sum of quantities larger than the limit."""
    counted = rows.with_columns(taken=pl.col("kol_usl").cum_sum().over(key), most=limit)
    over = counted.filter(pl.col("taken") > pl.col("most") * _HUNDREDTHS)
    params = {"taken": decimal(pl.col("taken"), 2), "most": pl.col("most"), "date_in": pl.col("date_in")}
    return _line_rows(over, pl.col("code"), params)


@table("C148")
def too_often_in_a_day(run: Run, rule: Rule) -> pl.DataFrame:
    """More of a service for a person on one day than R102 allows; the lines after the last that fits are refused."""
    return _above(_limited(run, "per_day"), ["person", "code", "date_in"], pl.col("limit"))


@table("C149")
def too_often_in_a_month(run: Run, rule: Rule) -> pl.DataFrame:
    """More of a service for a person in the month than R102 allows; a stay above 30 days allows it for each begun 30 days."""
    rows = _limited(run, "per_month")
    days = (pl.col("date_z_2") - pl.col("date_z_1")).dt.total_days()
    months = pl.max_horizontal((days.max().over("person", "code") + 29) // 30, pl.lit(1))
    return _above(rows, ["person", "code"], pl.col("limit") * months)


@table("C154")
def two_dialyses_in_a_day(run: Run, rule: Rule) -> pl.DataFrame:
    """More than one session of dialysis of a person on a day, over all clinics; a line of several days has one for each."""
    sections = list(rule.parameters.latest("services"))
    rows = lines(run).filter((_begins("code_usl", sections) | _begins("vid_vme", sections)) & pl.col("date_in").is_not_null())
    days = (pl.coalesce("date_out", "date_in") - pl.col("date_in")).dt.total_days() + 1
    quantity = pl.col("kol_usl").fill_null(_HUNDREDTHS)
    single = rows.filter(days <= 1).with_columns(taken=quantity.cum_sum().over("person", "date_in"), most=pl.lit(1, pl.Int64))
    several = rows.filter(days > 1).with_columns(taken=quantity, most=days)
    over = pl.concat([single, several]).filter(pl.col("taken") > pl.col("most") * _HUNDREDTHS)
    params = {"taken": decimal(pl.col("taken"), 2), "most": pl.col("most"), "date_in": pl.col("date_in")}
    return _line_rows(over.sort(_LINE_ORDER), pl.col("code"), params)


# ---------------------------------------------------------------- selections: looked at by experts, refused by nobody


def _soon_again(rows: pl.DataFrame, earlier: pl.DataFrame, key: list[str], days: int) -> pl.DataFrame:
    """`rows` (key, begin, end in days) that begin up to `days` days after an earlier one of their key ended, with that one.

    earlier  key, end, other_package, other_case; of those in time the last that ended counts, of equal ones the last row
    """
    known = earlier.drop_nulls([*key, "end"]).sort("end", maintain_order=True)
    if not rows.height or not known.height:
        return rows.clear().with_columns(*(pl.lit(None).alias(name) for name in (*_WITNESS, "other_to")))
    met = rows.drop(*_WITNESS, strict=False).sort("begin", maintain_order=True).join_asof(
        known.select(*key, pl.col("end").alias("other_end"), *_WITNESS), left_on="begin", right_on="other_end", by=key,
        strategy="backward", check_sortedness=False,
    )  # fmt: skip
    soon = met.filter(pl.col("begin") - pl.col("other_end") <= days)
    return soon.with_columns(other_to=pl.from_epoch("other_end", time_unit="d"))


def _in_turn(rows: pl.DataFrame, key: list[str], days: int) -> pl.DataFrame:
    """`_soon_again` inside one frame: each row against the one before it of its key by begin and canonical order."""
    ordered = rows.drop_nulls([*key, "begin", "end"]).sort(*key, "begin", "case_order", maintain_order=True)
    last = [pl.col(name).shift(1).over(key).alias(f"@{name}") for name in ("end", *_WITNESS)]
    met = ordered.with_columns(*last).drop_nulls("@end")
    soon = met.filter(((pl.col("begin") - pl.col("@end")) >= 0) & ((pl.col("begin") - pl.col("@end")) <= days))
    return soon.drop(*_WITNESS).rename({f"@{name}": name for name in _WITNESS}).with_columns(
        other_to=pl.from_epoch("@end", time_unit="d")
    )  # fmt: skip


def _selected(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """Each row once; where several earlier ones came too soon before it, the one that ended last speaks."""
    shown = rows.sort("case_order", "other_to", *_WITNESS, descending=[False, True, False, False])
    shown = shown.unique(key, keep="first", maintain_order=True)
    params = params_of({name: pl.col(name) for name in (*_WITNESS, "other_to")}).alias("params")
    return shown.select(key, pl.from_epoch("begin", time_unit="d").cast(pl.String).alias("value"), params)


@table("C151")
def called_again(run: Run, rule: Rule) -> pl.DataFrame:
    """An ambulance call on the day of an earlier one of the person or the day after: within 24 hours as far as days can tell."""
    calls = _current(run, rule.parameters.latest("conditions")[0])
    days = rule.parameters.latest("days")
    if run.against_history:
        return _selected(_soon_again(calls, _historic(run, rule.parameters.latest("conditions")[0]), ["person"], days), "z_row")
    return _selected(_in_turn(calls, ["person"], days), "z_row")


@table("C155")
def admitted_again(run: Run, rule: Rule) -> pl.DataFrame:
    """Admission with a diagnosis that the person was discharged with up to 30 days before; the day of discharge counts."""
    diagnoses = run.view.subs("z_row", "ds1").drop("sl_row").drop_nulls().unique()
    stays = _current(run, _INPATIENT).join(diagnoses, on="z_row", how="inner", maintain_order="left")
    key, days = ["person", "ds1"], rule.parameters.latest("days")
    if not run.against_history:
        return _selected(_in_turn(stays, key, days), "z_row")
    first = pl.lit(stays["begin"].min(), dtype=pl.Int64) - days
    history = contract.history(run.view.tables).filter(
        (pl.col("usl_ok") == _INPATIENT) & (pl.col("novor") == "0") & (_days("date_2") >= first)
    )
    narrow = _of_them(run, history.select("person_key", "ds1", "date_2", "package", "idcase", "sl_id").collect())
    earlier = narrow.sort("date_2", "package", "idcase", "sl_id").select(
        *key, _days("date_2").alias("end"), pl.col("package").alias("other_package"), pl.col("idcase").alias("other_case")
    )
    return _selected(_soon_again(stays, earlier, key, days), "z_row")


@table("C156")
def episode_again(run: Run, rule: Rule) -> pl.DataFrame:
    """A second episode (обращение) of a person with the diagnosis and profile of one that ended up to 14 days before."""
    cases = people(run).select("z_row", "person", "case_order", "package", "idcase")
    rows = run.view.subs("z_row", "ds1", "profil", "p_cel", "date_1", "date_2", "usl_ok", "date_z_2").filter(
        rule.parameters.among("purposes", pl.col("p_cel"))
    )
    episodes = rows.join(cases, on="z_row", how="inner", maintain_order="left").select(
        "sl_row", "person", "case_order", "ds1", "profil", _days("date_1").alias("begin"), _days("date_2").alias("end"),
        pl.col("package").alias("other_package"), pl.col("idcase").alias("other_case"),
    )  # fmt: skip
    return _selected(_in_turn(episodes, ["person", "ds1", "profil"], rule.parameters.latest("days")), "sl_row")
