"""Does the home fund owe what another territory presents for its people? Control of a bill R or D, and the answer to it.

Rules 158n 133, 142, 144-145, 147; law.md 11. A file becomes the tables that `settlement.identify` knows; control holds every item
against the register of insured, the bill itself, what was accepted before - of bills of territories and in own months - and the
notices of severe accidents; the decision takes one ground an item: S_IST 2 on the main part, 4 on the corrected part. Pure: the
workspace half is `omsclaims.between_home`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.law import Parameters
from omsclaims.settlement import ledger
from omsclaims.settlement.accidents import accident_cases
from omsclaims.settlement.between.items import SOURCE, Stage
from omsclaims.settlement.decide import code_order, kind_code
from omsclaims.settlement.identify import identify

if TYPE_CHECKING:
    from omsclaims.context import Context

KEY: Final = ("n_zap", "idcase")
RULES: Final = tuple(f"TH.{number}" for number in range(1, 11))
#: Care of an item, kept of every bill taken, without a name: what a later bill is held against (TH.5, TH.6).
CARE: Final[dict[str, pl.DataType]] = {
    "file_name": pl.String(), "n_zap": pl.Int64(), "idcase": pl.Int64(), "person_key": pl.String(), "novor": pl.String(),
    "lpu": pl.String(), "usl_ok": pl.Int64(), "profil": pl.Int64(), "ds1": pl.String(), "date_1": pl.Date(), "date_2": pl.Date(),
}  # fmt: skip
#: A ground that experts of the home fund name by hand, and how much of the item they question.
QUESTIONS: Final[dict[str, pl.DataType]] = {
    "n_zap": pl.Int64(), "idcase": pl.Int64(), "s_sum": pl.Int64(), "s_tip": pl.Int64(), "code": pl.String(),
    "code_exp": pl.String(), "s_com": pl.String(),
}  # fmt: skip
#: A sanction of the answer.
SANCTIONS: Final[dict[str, pl.DataType]] = {
    "n_zap": pl.Int64(), "idcase": pl.Int64(), "s_code": pl.String(), "s_sum": pl.Int64(), "s_tip": pl.Int64(),
    "s_osn": pl.Int64(), "code": pl.String(), "s_ist": pl.Int64(), "date_act": pl.Date(), "num_act": pl.String(),
    "code_exp": pl.String(), "s_com": pl.String(),
}  # fmt: skip
#: What moved between two states of the items (`items.moved`) -> event in the books of the home fund.
EVENTS: Final = {
    "questioned": "questioned_of_territory", "conceded": "conceded_of_territory", "withdrawn": "withdrawn_of_territory",
    "accepted_finally": "accepted_of_territory", "refused_finally": "refused_of_territory",
}  # fmt: skip
_STAYS: Final = (1, 2)  # USL_OK: round-the-clock and day hospital


def grounds(law: Parameters, on: date) -> dict[str, str]:
    """Ground of refusal (F014 number without final point) of each finding TH.* for care on a day."""
    return {str(rule): str(code) for rule, code in law.value("territories.grounds", on).items()}


# ---- the file as tables of settlement ---------------------------------------------------------------------------------


def tables(file_name: str, read: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """A file R or D as tables of settlement: cases (contract), z_sl, sl, patient, person (personal), rows as in the file.

    read  canonical tables of any edition. A record is a patient, with the number N_ZAP as ID_PAC; a record may hold several
          cases: an item is N_ZAP and IDCASE. Where an edition has no completed cases its dates are those of the case.
    """
    zap = read["zap"].select(
        pl.col("_row").alias("zap_row"),
        "n_zap",
        pl.col("_line").alias("line") if "_line" in read["zap"].columns else pl.lit(None).alias("line"),
    )
    patient = _wide(read["patient"], _PATIENT)
    patient = patient.with_columns(policy=pl.coalesce("policy", "enp", "npolis"))
    file_row = read["file"].row(0, named=True) if read["file"].height else {}
    dates = _dates(read)
    z_sl = _wide(
        read["z_sl"], {name: kind for name, kind in contract.TABLES["cases"].schema().items() if name not in _NOT_OF_Z_SL}
    )
    of_patient = patient.select(pl.col("_parent").alias("zap_row"), "vpolis", "st_okato", "novor").unique(
        "zap_row", keep="first", maintain_order=True
    )
    joined = (
        z_sl.rename({"_row": "case_key", "_parent": "zap_row"})
        .join(zap, on="zap_row", how="left", maintain_order="left")
        .join(of_patient, on="zap_row", how="left", maintain_order="left")
        .join(dates, on="case_key", how="left", maintain_order="left")
        .with_columns(date_z_1=pl.coalesce("date_z_1", "_first"), date_z_2=pl.coalesce("date_z_2", "_last"))
    )  # fmt: skip
    given = {
        "package": file_name, "file_kind": "H", "letters": file_name[:1], "version": file_row.get("version"),
        "data": file_row.get("data"), "year": file_row.get("year"), "month": file_row.get("month"),
        "nschet": file_row.get("nschet"), "dschet": file_row.get("dschet"),
    }  # fmt: skip
    schema = contract.TABLES["cases"].schema()
    named = joined.with_columns(
        *(pl.lit(value, dtype=schema[name]).alias(name) for name, value in given.items()),
        code_mo=pl.col("lpu"), id_pac=pl.col("n_zap").cast(pl.String),
    )  # fmt: skip
    cases = _wide(named, schema).select(list(schema)).sort("case_key")
    person = patient.join(zap, left_on="_parent", right_on="zap_row", how="left", maintain_order="left").select(
        pl.lit(file_name).alias("package"), pl.col("n_zap").cast(pl.String).alias("id_pac"), "fam", "im", "ot", "w", "dr"
    )
    sl = _wide(read["sl"], {"ds1": pl.String(), "profil": pl.Int64(), "sum_m": pl.Int64()}).with_columns(
        case_key=pl.col("_parent")
    )
    return {
        "cases": contract.check("cases", cases), "z_sl": read["z_sl"].select("_row", "_parent"), "sl": sl,
        "patient": patient.select("_parent", "policy", "spolis"), "person": person,
    }  # fmt: skip


#: What is asked of PACIENT.
_PATIENT: Final[dict[str, pl.DataType]] = {
    **{name: pl.String() for name in ("policy", "spolis", "npolis", "enp", "st_okato", "novor", "fam", "im", "ot")},
    "vpolis": pl.Int64(), "w": pl.Int64(), "dr": pl.Date(),
}  # fmt: skip
#: Columns of `cases` that do not come from Z_SL.
_NOT_OF_Z_SL: Final = {
    "case_key", "package", "file_kind", "letters", "version", "data", "code_mo", "year", "month", "nschet", "dschet", "plat",
    "n_zap", "id_pac", "vpolis", "st_okato", "novor", "line",
}  # fmt: skip


def _wide(table: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """`table` with every column of `schema`, empty where the edition has none."""
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if name not in table.columns]
    return table.with_columns(*missing, *(pl.col(name).cast(kind) for name, kind in schema.items() if name in table.columns))


def _dates(read: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """case_key, first and last day of the cases within a completed case."""
    sl = _wide(read["sl"], {"date_1": pl.Date(), "date_2": pl.Date()})
    return sl.group_by(pl.col("_parent").alias("case_key"), maintain_order=True).agg(
        pl.col("date_1").min().alias("_first"), pl.col("date_2").max().alias("_last")
    )


def care_of(file_name: str, made: Mapping[str, pl.DataFrame], identified: pl.DataFrame) -> pl.DataFrame:
    """The care of every item without a name: columns CARE, sorted by number."""
    first = made["sl"].sort("case_key", "_row").group_by("case_key", maintain_order=True).agg(pl.col("ds1", "profil").first())
    rows = (
        made["cases"].select("case_key", *KEY, "novor", "lpu", "usl_ok", date_1="date_z_1", date_2="date_z_2")
        .join(identified.select("case_key", "person_key"), on="case_key", how="left", maintain_order="left")
        .join(first, on="case_key", how="left", maintain_order="left")
        .with_columns(file_name=pl.lit(file_name), novor=pl.col("novor").fill_null("0"))
    )  # fmt: skip
    return rows.select(pl.col(name).cast(kind) for name, kind in CARE.items()).sort(KEY)


# ---- control ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Controlled:
    """A file held against all that the home fund knows.

    findings    TH.* with the ground on the date of care and the key of the case (z_row); I.* of identification beside them
    identified  contract `identified`, by case_key; care: columns CARE
    """

    findings: pl.DataFrame
    identified: pl.DataFrame
    care: pl.DataFrame


def control(given: Mapping[str, pl.DataFrame], context: Context) -> Controlled:
    """МЭК of another territory's bill (Rules 142).

    given  what `tables` made, and: reg_insured, reg_attachment, reg_certificate, reg_accident; accepted (columns CARE): items of
           other bills that were accepted; history (contract, may be absent): own accepted cases of the person

    TH.1 not insured here on DATE_Z_2       TH.6 a stay overlaps another accepted stay, or an earlier one of the bill
    TH.2 policy not in force then           TH.7 care outside the base programme (Rules 147)
    TH.3 died before the care began         TH.8 severe accident at work (Rules 133)
    TH.4 twice in the bill                  TH.9 SUMV is not the sum of its cases, or not above zero
    TH.5 paid before                        TH.10 care after the month of the bill
    """
    made = identify(given, context)
    identified = made["identified"]
    file_name = str(given["cases"]["package"][0]) if given["cases"].height else ""
    care = care_of(file_name, given, identified)
    view = given["cases"].join(identified.drop("smo", "okato"), on="case_key", how="left", maintain_order="left").join(
        care.select(*KEY, "profil", "ds1"), on=KEY, how="left", maintain_order="left"
    ).with_columns(novor=pl.col("novor").fill_null("0")).sort("n_zap", "idcase", "case_key")  # fmt: skip
    own = pl.col("status") == "own"
    start, end = pl.col("date_z_1"), pl.col("date_z_2")
    of_bill = pl.date(pl.col("year"), pl.col("month"), 1).dt.month_end()
    gone = (pl.col("policy_from") > end) | (pl.col("policy_to") < end)
    outside = [int(code) for code in context.law.value("territories.outside_base", context.month.last)["vidpom"]]
    again = findings.concat([_twice(view, context), _paid_before(view, given, context)])
    found = [
        _found(view.filter(~own | own.is_null()), "TH.1", "ZAP/PACIENT", context, status=pl.col("status")),
        _found(view.filter(own & gone), "TH.2", "ZAP/Z_SL/DATE_Z_2", context,
               begin=pl.col("policy_from"), end=pl.col("policy_to")),
        _found(view.filter(own & (pl.col("died_on") < start)), "TH.3", "ZAP/Z_SL/DATE_Z_1", context, died=pl.col("died_on")),
        again,
        _overlaps(view, given, again, context),
        _found(view.filter(pl.col("vidpom").is_in(outside)), "TH.7", "ZAP/Z_SL/VIDPOM", context, value=pl.col("vidpom")),
        _accidents(view, given, identified, context),
        _sums(view, given, context),
        _found(view.filter(end > of_bill), "TH.10", "ZAP/Z_SL/DATE_Z_2", context, day=end, last=of_bill),
    ]  # fmt: skip
    return Controlled(findings.concat([*found, made["findings"]]), identified, care)


def _found(rows: pl.DataFrame, rule: str, element: str, context: Context, **said: pl.Expr) -> pl.DataFrame:
    """One finding a row of `rows`, with the ground on the date of care and the parameters said; no personal value."""
    if rows.is_empty():
        return findings.empty()
    named = rows.select(
        "package", "n_zap", "idcase", "case_key", pl.coalesce("date_z_2", "date_z_1", pl.lit(context.month.last)).alias("_of"),
        *(expression.cast(pl.String).fill_null("-").alias(f"_{name}") for name, expression in said.items()),
    )  # fmt: skip
    made = [
        findings.Finding(
            rule, code=grounds(context.law, row["_of"]).get(rule), level="case", package=row["package"], file=row["package"],
            n_zap=row["n_zap"], idcase=row["idcase"], element=element, value=row.get("_value"), z_row=row["case_key"],
            params={"item": f"{row['n_zap']}/{row['idcase']}", **{name: row[f"_{name}"] for name in said if name != "value"}},
        )
        for row in named.iter_rows(named=True)
    ]  # fmt: skip
    return findings.frame(made)


#: What makes two items the same care of the same person.
_SAME: Final = ["person_key", "novor", "usl_ok", "lpu", "date_z_1", "date_z_2", "ds1", "profil"]


def _twice(view: pl.DataFrame, context: Context) -> pl.DataFrame:
    """TH.4: the same care again; the first by number stands. NOVOR tells the children of one birth."""
    held = view.filter(pl.col("person_key").is_not_null() & pl.col("date_z_2").is_not_null())
    first = (pl.col("n_zap").cast(pl.String) + "/" + pl.col("idcase").cast(pl.String)).first().over(_SAME)
    again = held.with_columns(_number=pl.int_range(pl.len()).over(_SAME), _other=first).filter(pl.col("_number") > 0)
    return _found(again, "TH.4", "ZAP/Z_SL/IDCASE", context, other=pl.col("_other"))


def _paid_before(view: pl.DataFrame, given: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """TH.5: the same care in an accepted item of another bill, or in an own accepted case (there in another clinic)."""
    held = view.filter(pl.col("person_key").is_not_null())
    accepted = given["accepted"].select(
        "person_key", "novor", "usl_ok", "lpu", "ds1", "profil", date_z_1="date_1", date_z_2="date_2",
        _where=pl.col("file_name") + " " + pl.col("n_zap").cast(pl.String) + "/" + pl.col("idcase").cast(pl.String),
    ).sort("_where").unique(_SAME, keep="first", maintain_order=True)  # fmt: skip
    in_bills = held.join(accepted, on=_SAME, how="inner", nulls_equal=True, maintain_order="left")
    own = _history(held, given).select(
        "person_key", "usl_ok", "ds1", "profil", date_z_1="date_1", date_z_2="date_2", _newborn=pl.col("novor") != "0",
        _where=pl.col("month") + " " + pl.col("code_mo"),
    )  # fmt: skip
    same = ["person_key", "usl_ok", "ds1", "profil", "date_z_1", "date_z_2", "_newborn"]
    left = held.join(in_bills.select("case_key"), on="case_key", how="anti").with_columns(_newborn=pl.col("novor") != "0")
    in_months = left.join(
        own.sort("_where").unique(same, keep="first", maintain_order=True), on=same, how="inner", maintain_order="left"
    )
    columns = [*view.columns, "_where"]
    return _found(
        pl.concat([in_bills.select(columns), in_months.select(columns)]), "TH.5", "ZAP/Z_SL", context, other=pl.col("_where")
    )


def _history(held: pl.DataFrame, given: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Own accepted cases of the people of the bill."""
    people = held.select("person_key").unique()
    return contract.history(given).join(people.lazy(), on="person_key", how="semi").filter(pl.col("sump_kop") > 0).collect()


def _overlaps(view: pl.DataFrame, given: Mapping[str, pl.DataFrame], said: pl.DataFrame, context: Context) -> pl.DataFrame:
    """TH.6: two stays of one person at once, save a day of transfer: accepted before, or earlier in the bill.

    said  findings TH.4, TH.5: the same care again needs no second ground
    """
    stays = view.filter(
        pl.col("person_key").is_not_null() & pl.col("usl_ok").is_in(_STAYS) & (pl.col("date_z_1") < pl.col("date_z_2"))
    )
    place = pl.col("n_zap").cast(pl.String) + "/" + pl.col("idcase").cast(pl.String)
    in_bill = stays.select("person_key", "novor", _from="date_z_1", _to="date_z_2", _order=pl.int_range(pl.len()), _where=place)
    before = given["accepted"].filter(pl.col("usl_ok").is_in(_STAYS)).select(
        "person_key", "novor", _from="date_1", _to="date_2", _order=pl.lit(-1, dtype=pl.Int64),
        _where=pl.col("file_name") + " " + place,
    )  # fmt: skip
    months = _history(stays, given).filter(pl.col("usl_ok").is_in(_STAYS)).select(
        "person_key", "novor", _from="date_1", _to="date_2", _order=pl.lit(-1, dtype=pl.Int64),
        _where=pl.col("month") + " " + pl.col("code_mo"),
    )  # fmt: skip
    others = pl.concat([in_bill, before, months]).with_columns(_newborn=pl.col("novor") != "0")
    pairs = (
        stays.with_columns(_own=pl.int_range(pl.len()), _newborn=pl.col("novor") != "0")
        .join(others.drop("novor").rename({"_newborn": "_other_newborn"}), on="person_key", how="inner", maintain_order="left")
        .filter((pl.col("_order") < pl.col("_own")) & (pl.col("_newborn") == pl.col("_other_newborn")))
        .filter((pl.col("_from") < pl.col("date_z_2")) & (pl.col("date_z_1") < pl.col("_to")))
        .join(said.select(case_key="z_row"), on="case_key", how="anti")
        .sort("case_key", "_where").unique("case_key", keep="first", maintain_order=True)
    )  # fmt: skip
    return _found(pairs, "TH.6", "ZAP/Z_SL/DATE_Z_1", context, other=pl.col("_where"), begin=pl.col("_from"), end=pl.col("_to"))


def _accidents(view: pl.DataFrame, given: Mapping[str, pl.DataFrame], identified: pl.DataFrame, context: Context) -> pl.DataFrame:
    """TH.8: care for an accident of which this fund has a notice (Rules 133, 107)."""
    known = given.get("reg_accident", contract.TABLES["reg_accident"].empty())
    made = accident_cases({**given, "identified": identified, "reg_accident": known}, context)["accident_cases"]
    rows = view.join(made.filter("same_clinic").select("case_key", "notice"), on="case_key", how="inner", maintain_order="left")
    return _found(rows, "TH.8", "ZAP/Z_SL", context, notice=pl.col("notice"))


def _sums(view: pl.DataFrame, given: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """TH.9: SUMV is missing, not above zero, or not the sum of SUM_M where the edition has it."""
    parts = (
        given["sl"]
        .group_by("case_key", maintain_order=True)
        .agg(pl.col("sum_m").sum().alias("_parts"), pl.col("sum_m").is_not_null().any().alias("_told"))
    )
    rows = view.join(parts, on="case_key", how="left", maintain_order="left")
    sumv = pl.col("sumv")
    off = sumv.is_null() | (sumv <= 0) | (pl.col("_told").fill_null(value=False) & (pl.col("_parts") != sumv))
    return _found(rows.filter(off), "TH.9", "ZAP/Z_SL/SUMV", context, value=sumv, parts=pl.col("_parts"))


# ---- decision ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Decided:
    """The answer to a file: items (contract `between_items` of the file A) and their sanctions (columns SANCTIONS)."""

    items: pl.DataFrame
    sanctions: pl.DataFrame


def decide(
    bill: pl.DataFrame,
    found: pl.DataFrame,
    stage: Stage,
    answer: str,
    day: date,
    care: pl.DataFrame,
    context: Context,
    questions: pl.DataFrame | None = None,
    states: pl.DataFrame | None = None,
) -> Decided:
    """What the home fund accepts of each item: `answer` of the main part (S_IST 2), `final` of the corrected part (S_IST 4).

    bill       items of R, or of D, that are answered; sump_kop is what each asks for
    found      findings with a ground, z_row unused: an item is told by N_ZAP and IDCASE; any of them refuses the whole item
    states     contract `between_states` of the bill before the answer: of a corrected part only what is still open of an item can
               be refused, the rest was accepted for good (144); an item with nothing open has no ground. None: all is open
    answer     name of the file A; day: date of the act, whose number is `SA...` as the paper of the answer (formats.md 2.2)
    questions  columns QUESTIONS: what experts question by hand, a part or the whole of an item

    One row SANK of an item bears the money: the largest, of equal ones the smaller ground; the others stand with 0. In the answer
    SUMP = what was asked - the sum of its own sanctions: those of the place fund (S_IST 1, 3) it may not repeat.
    """
    assert stage in ("answer", "final")
    refusable = _refusable(bill, states)
    rows = _grounds_of(refusable, found, care, context)
    if questions is not None and questions.height:
        rows = pl.concat([rows, _asked_by_hand(refusable, questions, context)])
    ranks = {code: rank for rank, code in enumerate(sorted(set(rows["code"]), key=code_order))}
    ordered = rows.with_columns(_rank=pl.col("code").replace_strict(ranks, return_dtype=pl.Int64) if ranks else pl.lit(0)).sort(
        *KEY, "s_sum", "_rank", descending=[False, False, True, False], maintain_order=True
    )
    once = ordered.unique([*KEY, "code", "s_tip"], keep="first", maintain_order=True)
    number = pl.int_range(1, pl.len() + 1).over(KEY)
    mek = pl.col("s_tip").is_in(MEK_TIPS)
    acted = mek | pl.lit(stage == "final")
    sanctions = once.with_columns(
        s_code=number.cast(pl.String), s_sum=pl.when(number == 1).then("s_sum").otherwise(0), s_ist=pl.lit(SOURCE[stage]),
        date_act=pl.when(acted).then(pl.lit(day)), num_act=pl.when(acted).then(pl.lit(f"SA{answer[1:]}")),
        code_exp=pl.when(pl.lit(stage == "final")).then("code_exp"),
    ).select(pl.col(name).cast(kind) for name, kind in SANCTIONS.items())  # fmt: skip
    return Decided(_answered(bill, sanctions, answer, stage), sanctions)


#: Kinds of МЭК in F006 (formats.md 12.1).
MEK_TIPS: Final = (1, 10, 11, 12)


def _refusable(bill: pl.DataFrame, states: pl.DataFrame | None) -> pl.DataFrame:
    """n_zap, idcase, most_kop: what of each item an answer may refuse; items of which nothing is left out."""
    asked = bill.select(*KEY, most_kop="sump_kop")
    if states is None:
        return asked
    still = asked.join(states.select(*KEY, "open_kop"), on=KEY, how="left", maintain_order="left")
    most = pl.min_horizontal("most_kop", pl.col("open_kop").fill_null(0))
    # What asks for nothing stays: it is listed and controlled. What was given up or taken back is no longer examined.
    return still.filter((pl.col("open_kop") > 0) | (pl.col("most_kop") == 0)).select(*KEY, most_kop=most)


def over_asked(questions: pl.DataFrame, bill: pl.DataFrame, states: pl.DataFrame) -> pl.DataFrame:
    """TH.13: experts question more of an item than is open; only that is taken."""
    told = questions.join(bill.select(*KEY), on=KEY, how="semi").join(_refusable(bill, states), on=KEY, how="left")
    most = told.with_columns(pl.col("most_kop").fill_null(0)).filter(pl.col("s_sum") > pl.col("most_kop"))
    return findings.frame(
        [
            findings.Finding(
                "TH.13", level="case", n_zap=row["n_zap"], idcase=row["idcase"], value=str(row["s_sum"]),
                params={"item": f"{row['n_zap']}/{row['idcase']}", "most": row["most_kop"]},
            )
            for row in most.sort(KEY).iter_rows(named=True)
        ]
    )  # fmt: skip


def _grounds_of(asked: pl.DataFrame, found: pl.DataFrame, care: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Every ground of control of an item, with all that may be refused of it; Kod and kind of control as on the date of care."""
    asked = asked.join(care.select(*KEY, day=pl.coalesce("date_2", "date_1")), on=KEY, how="left")
    told = (
        found.filter(pl.col("code").is_not_null()).select(*KEY, "code").unique()
        .join(asked.with_columns(pl.col("day").fill_null(context.month.last)), on=KEY, how="inner")
        .sort(*KEY, "code")
    )  # fmt: skip
    kinds = {day: kind_code(context.books, "mek", day) for day in told["day"].unique().sort()}
    return _with_kods(told, context).with_columns(
        s_sum=pl.col("most_kop"), s_tip=pl.col("day").replace_strict(kinds, return_dtype=pl.Int64, default=None),
        code_exp=pl.lit(None, dtype=pl.String), s_com=pl.lit(None, dtype=pl.String),
    ).select(*KEY, "code", "s_osn", "s_sum", "s_tip", "code_exp", "s_com")  # fmt: skip


def _asked_by_hand(asked: pl.DataFrame, questions: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Grounds that experts named; never more than may be refused. Items that are not of the file are left out."""
    told = questions.join(asked, on=KEY, how="inner", maintain_order="left").with_columns(
        s_sum=pl.min_horizontal("s_sum", "most_kop"), day=pl.lit(context.as_of)
    )
    return _with_kods(told, context).select(*KEY, "code", "s_osn", "s_sum", "s_tip", "code_exp", "s_com")


def _with_kods(told: pl.DataFrame, context: Context) -> pl.DataFrame:
    """`told` (code, day) with s_osn, the Kod of F014 on the day; a ground that the book does not hold then has none (null)."""
    named = context.books.require("F014").with_attributes(told, "code", "day", {"kod": "s_osn"})
    return named.with_columns(pl.col("s_osn").cast(pl.Int64, strict=False))


def _answered(bill: pl.DataFrame, sanctions: pl.DataFrame, answer: str, stage: Stage) -> pl.DataFrame:
    """Items of the file A: SUMP, OPLATA and what the sanctions say."""
    of_item = sanctions.group_by(KEY, maintain_order=True).agg(
        pl.col("s_sum").sum().alias("_sank"), pl.col("s_code").str.join(";").alias("_codes"),
        pl.col("s_osn").drop_nulls().cast(pl.String).str.join(";").alias("_kods"), pl.col("s_tip").first().alias("_tip"),
    )  # fmt: skip
    sank = pl.col("_sank").fill_null(0)
    left = pl.col("sump_kop") - sank
    rows = bill.join(of_item, on=KEY, how="left", maintain_order="left").with_columns(
        file_name=pl.lit(answer), own_sank_kop=pl.lit(0, dtype=pl.Int64), sump_kop=left, sank_it_kop=sank,
        oplata=pl.when(sank == 0).then(1).when(left == 0).then(2).otherwise(3).cast(pl.Int64), codes=pl.col("_codes"),
        kods=pl.col("_kods").replace("", None), s_tip=pl.when(sank != 0).then("_tip"),
        s_ist=pl.when(pl.col("_sank").is_not_null()).then(pl.lit(SOURCE[stage], dtype=pl.Int64)),
    )  # fmt: skip
    made = contract.check("between_items", rows.sort(KEY))
    assert made.filter((pl.col("sump_kop") < 0) | (pl.col("sank_it_kop") < 0)).is_empty(), "more is refused than was asked for"
    return made


# ---- money ------------------------------------------------------------------------------------------------------------


def money_events(moved: Mapping[str, int], fund: str, other: str, document: str, document_date: date, on: date) -> pl.DataFrame:
    """Events of the home fund's books: contract `ledger_events`, one for each kind that is not zero.

    moved  what moved between the states of the items (`items.moved`), and: bill (a bill R came), refunded (money left)
    """
    parties = json.dumps({"fund": ledger.fund(fund), "territory": ledger.territory(other)}, sort_keys=True, separators=(",", ":"))
    known = {"bill": "bill_of_territory", **EVENTS, "refunded": "refund_paid"}
    rows = [
        {"event": event, "date": on, "document": document, "document_date": document_date, "amount_kop": moved[name],
         "parties": parties, "order_id": None, "note": None}
        for name, event in known.items() if moved.get(name)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=contract.TABLES["ledger_events"].schema())
