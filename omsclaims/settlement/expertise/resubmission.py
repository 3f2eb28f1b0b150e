"""Which refusal does a case billed again answer, and is it in time? (Rules 128; law.md 10.5; Q023 002K.59.0010-0040.)

A case refused whole by МЭК may be billed again (PR_NOV = 1), in full, within 25 working days of the clinic's receipt of the act;
a second refusal starts its own term. What was paid, if only in part, cannot come again. No federal format says which case is
meant; regions add elements, and where there are none the care itself tells:

- NSCHET_P, DSCHET_P, N_ZAP_P, IDCASE_P: bill, its date, record and case of the earlier registry
- REF/FIRST_CODE, FIRST_YEAR, FIRST_MONTH with FIRST_IDCASE: code and month of the primary bill and the case in it
- else person, clinic, conditions and dates of care; of several the one of the same IDCASE, then of the same record

A link that is given must lead to a case: it is not guessed past.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from omsclaims import contract
from omsclaims.settlement.payments import resubmit_by

if TYPE_CHECKING:
    from omsclaims.context import Context

REFUSED, PAID, NOT_REFUSED, NO_SUCH_CASE = "refused", "paid", "not_refused", "no_such_case"
_OPLATA_REFUSED: Final = 2
_OUTPATIENT: Final = 3
#: What tells the care of a case where nothing refers to the earlier one.
_CARE: Final = ("person_key", "code_mo", "usl_ok", "date_z_1", "date_z_2")
#: Elements of regions that refer to the earlier case: canonical table, column -> type.
_REFERENCES: Final[dict[str, dict[str, pl.DataType]]] = {
    "zap": {"nschet_p": pl.String(), "dschet_p": pl.Date(), "n_zap_p": pl.Int64(), "idcase_p": pl.Int64()},
    "z_sl": {"first_idcase": pl.Int64(), "idcase_p": pl.Int64()},
    "sl": {"idcase_p": pl.Int64()},
    "file": {"first_code": pl.Int64(), "first_year": pl.Int64(), "first_month": pl.Int64()},
}
_Row = Mapping[str, Any]


def link(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Contract table `resubmissions`: the cases of the month with PR_NOV = 1, in the order of case_key.

    tables  cases, identified; zap, z_sl, sl, file for elements that refer to the earlier case; refusals of earlier months,
            history, reg_receipt, where there are any
    state   refused: answers a refusal, `late` says whether in time; paid: what it means was accepted, whole or in part, or again
            since; not_refused: nothing of the kind was billed before; no_such_case: the reference leads nowhere
    """
    asked = _asked(tables)
    if asked.is_empty():
        return contract.TABLES["resubmissions"].empty()
    refusals = _concerned(tables.get("refusals", contract.TABLES["refusals"].empty()), asked)
    chains = _chains(refusals)
    receipts = _receipts(tables.get("reg_receipt", contract.TABLES["reg_receipt"].empty()))
    accepted = _accepted_care(asked, contract.history(tables))
    by_bill, by_code, by_care = _indexes(refusals)
    dues = cache(lambda received: resubmit_by(received, context.law))  # many acts are of one day
    rows = []
    for case in asked.iter_rows(named=True):
        reference = _reference(case)
        candidates = _referred(case, by_bill, by_code) if reference else by_care.get(tuple(case[name] for name in _CARE), [])
        found = _best(case, candidates)
        was_paid = case["case_key"] in accepted
        rows.append(_linked(case, reference, found, chains, receipts, was_paid, dues))
    columns = contract.TABLES["resubmissions"].schema()
    return contract.check("resubmissions", pl.DataFrame(rows, schema=columns).sort("case_key"))


def refusal_rows(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Contract table `refusals` of the month: cases refused whole, and every case billed again whatever became of it.

    tables  cases, identified, decisions, sanctions (act of МЭК), resubmissions, file (code of the bill)
    """
    bills = tables["file"].select("package", bill_code=_column(tables["file"], "code", pl.Int64()))
    acts = tables["sanctions"].select("case_key", "num_act", "date_act").unique("case_key", keep="first", maintain_order=True)
    name = pl.concat_str(
        [pl.lit(str(context.month)), "package", pl.col("n_zap").cast(pl.String).fill_null(""),
         pl.col("idcase").cast(pl.String).fill_null("")], separator="/",
    )  # fmt: skip
    rows = (
        tables["cases"]
        .drop("month")
        .join(tables["decisions"].select("case_key", "oplata", "ground_code"), on="case_key", how="inner")
        .filter((pl.col("oplata") == _OPLATA_REFUSED) | (pl.col("pr_nov") == 1))
        .join(tables["identified"].select("case_key", "person_key"), on="case_key", how="left")
        .join(bills.unique("package", keep="first", maintain_order=True), on="package", how="left")
        .join(acts, on="case_key", how="left")
        .join(tables["resubmissions"].select("case_key", "chain"), on="case_key", how="left")
        .with_columns(
            month=pl.lit(str(context.month)), usl_ok=pl.col("usl_ok").fill_null(_OUTPATIENT), sumv_kop=pl.col("sumv"),
            chain=pl.coalesce("chain", name),
        )
        .sort("package", "n_zap", "idcase", "case_key", nulls_last=True)
    )  # fmt: skip
    return contract.check("refusals", rows.select(list(contract.TABLES["refusals"].schema())))


# ---- what is asked ---------------------------------------------------------------------------------------------------------


def _column(table: pl.DataFrame, name: str, kind: pl.DataType) -> pl.Expr:
    """A column that a region may have added; nulls where it has not."""
    return pl.col(name).cast(kind, strict=False) if name in table.columns else pl.lit(None, dtype=kind)


def _asked(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Cases with PR_NOV = 1: who, which care, when filed, and what refers to the earlier case."""
    cases = tables["cases"].filter(pl.col("pr_nov") == 1)
    if cases.is_empty():
        return pl.DataFrame(schema={"case_key": pl.Int64()})
    people = tables["identified"].select("case_key", "person_key")
    z_sl = _referring(tables, "z_sl", "_row", "case_key").join(_zap_of(tables), on="case_key", how="left")
    zap = _referring(tables, "zap", "_row", "zap_row").rename({"idcase_p": "idcase_p_zap"})
    sl = _referring(tables, "sl", "_parent", "case_key").rename({"idcase_p": "idcase_p_sl"}).drop_nulls("idcase_p_sl")
    files = _referring(tables, "file", "package", "package")
    return (
        cases.select(
            "case_key", "package", "code_mo", "n_zap", "idcase", "date_z_1", "date_z_2", "sumv",
            usl_ok=pl.col("usl_ok").fill_null(_OUTPATIENT), filed=pl.coalesce("data", "dschet"),
        )
        .join(people, on="case_key", how="left")
        .join(z_sl, on="case_key", how="left")
        .join(zap.unique("zap_row", keep="first", maintain_order=True), on="zap_row", how="left")
        .join(sl.unique("case_key", keep="first", maintain_order=True), on="case_key", how="left")
        .join(files.unique("package", keep="first", maintain_order=True), on="package", how="left")
        .with_columns(idcase_p=pl.coalesce("idcase_p", "idcase_p_zap", "idcase_p_sl"))
        .sort("case_key")
    )  # fmt: skip


def _zap_of(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Record of each case."""
    return tables["z_sl"].select(case_key="_row", zap_row="_parent")


def _referring(tables: Mapping[str, pl.DataFrame], name: str, key: str, renamed: str) -> pl.DataFrame:
    """The columns of a table that may refer to the earlier case, with its key."""
    table = tables[name]
    wanted = [_column(table, column, kind).alias(column) for column, kind in _REFERENCES[name].items()]
    return table.select(pl.col(key).alias(renamed), *wanted)


def _reference(case: _Row) -> str | None:
    """What the record says it answers, as one text; None where it says nothing."""
    named = ("nschet_p", "dschet_p", "n_zap_p", "idcase_p", "first_code", "first_year", "first_month", "first_idcase")
    given = [f"{name.upper()} {case[name]}" for name in named if case[name] is not None]
    # The header of a corrected bill alone does not name a case.
    return (
        ", ".join(given) if any(case[name] is not None for name in ("nschet_p", "n_zap_p", "idcase_p", "first_idcase")) else None
    )


# ---- what was refused ------------------------------------------------------------------------------------------------------


def _concerned(refusals: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The chains that a case of the month may answer, whole: of a year's refusals a few."""
    wanted: tuple[tuple[dict[str, str], list[str]], ...] = (
        ({name: name for name in _CARE}, list(_CARE)),
        ({"code_mo": "code_mo", "nschet": "nschet_p"}, ["code_mo", "nschet"]),
        ({"code_mo": "code_mo", "idcase": "first_idcase"}, ["code_mo", "idcase"]),
    )
    met = [
        refusals.join(asked.select(**{name: pl.col(source) for name, source in columns.items()}), on=keys, how="semi").select(
            "chain"
        )
        for columns, keys in wanted
    ]
    return refusals.join(pl.concat(met).unique(), on="chain", how="semi")


def _indexes(refusals: pl.DataFrame) -> tuple[dict[Any, list[_Row]], dict[Any, list[_Row]], dict[Any, list[_Row]]]:
    """Refusals by (clinic, number of the bill), by (clinic, IDCASE) and by care."""
    by_bill: dict[Any, list[_Row]] = {}
    by_code: dict[Any, list[_Row]] = {}
    by_care: dict[Any, list[_Row]] = {}
    for row in refusals.iter_rows(named=True):
        by_bill.setdefault((row["code_mo"], row["nschet"]), []).append(row)
        by_code.setdefault((row["code_mo"], row["idcase"]), []).append(row)
        by_care.setdefault(tuple(row[name] for name in _CARE), []).append(row)
    return by_bill, by_code, by_care


def _referred(case: _Row, by_bill: Mapping[Any, list[_Row]], by_code: Mapping[Any, list[_Row]]) -> list[_Row]:
    """Refusals that the reference of a case leads to: everything that it says must agree."""
    if any(case[name] is not None for name in ("nschet_p", "n_zap_p", "idcase_p")):
        # Without the number of the bill N_ZAP and IDCASE name nothing: they begin anew in every bill.
        rows = by_bill.get((case["code_mo"], case["nschet_p"]), [])
        said = {"dschet": case["dschet_p"], "n_zap": case["n_zap_p"], "idcase": case["idcase_p"]}
    else:
        rows = by_code.get((case["code_mo"], case["first_idcase"]), [])
        said = {"bill_code": case["first_code"]}
        if case["first_year"] is not None and case["first_month"] is not None:
            said["month"] = f"{case['first_year']}-{case['first_month']:02d}"
    return [row for row in rows if all(value is None or row[name] == value for name, value in said.items())]


def _best(case: _Row, candidates: list[_Row]) -> _Row | None:
    """Of several refusals the latest; of one month that of the same IDCASE, then of the same record, then by name."""
    ordered = sorted(
        candidates,
        key=lambda row: (
            row["month"], row["idcase"] == case["idcase"], row["n_zap"] == case["n_zap"], row["sumv_kop"] == case["sumv"],
        ),
        reverse=True,
    )  # fmt: skip
    return ordered[0] if ordered else None


def _chains(refusals: pl.DataFrame) -> dict[str, list[_Row]]:
    """Submissions of each chain in the order of time."""
    chains: dict[str, list[_Row]] = {}
    for row in refusals.sort("month", "package", "n_zap", "idcase", nulls_last=True).iter_rows(named=True):
        chains.setdefault(row["chain"], []).append(row)
    return chains


def _receipts(register: pl.DataFrame) -> dict[tuple[str, str], date]:
    """(clinic, act) -> first day on which the clinic had it."""
    rows = register.sort("received_on", descending=True)
    return {(mo, number): received for mo, number, received in rows.select("mo", "num_act", "received_on").iter_rows()}


def _accepted_care(asked: pl.DataFrame, history: pl.LazyFrame) -> set[int]:
    """Cases whose care was accepted in an earlier month: person, clinic, conditions, and a sub-case that ends with the case."""
    wanted = asked.select("case_key", "person_key", "code_mo", "usl_ok", "date_z_1", "date_z_2").drop_nulls()
    if wanted.is_empty():
        return set()
    first, last = wanted["date_z_2"].min(), wanted["date_z_2"].max()
    of_people = (
        # The days come first: months whose care ended on other days are not read, however many are closed.
        history.filter(pl.col("date_2").is_between(first, last))
        .select("person_key", "code_mo", "usl_ok", "date_1", "date_2")
        .join(wanted.lazy().select("person_key").unique(), on="person_key", how="semi")
        .collect()
    )
    met = of_people.join(wanted, on=["person_key", "code_mo", "usl_ok"], how="inner")
    same = met.filter((pl.col("date_2") == pl.col("date_z_2")) & (pl.col("date_1") >= pl.col("date_z_1")))
    return set(same["case_key"].to_list())


def _linked(
    case: _Row, reference: str | None, found: _Row | None, chains: Mapping[str, list[_Row]],
    receipts: Mapping[tuple[str, str], date], was_paid: bool, dues: Callable[[date], date],
) -> dict[str, Any]:  # fmt: skip
    """The row of `resubmissions` of one case. A refusal of an unknown act is dated by nothing: it is not late."""
    row: dict[str, Any] = dict.fromkeys(contract.TABLES["resubmissions"].schema())
    row |= {"case_key": case["case_key"], "link": reference, "filed": case["filed"], "late": False, "attempt": 1}
    if found is None:
        state = PAID if was_paid else NO_SUCH_CASE if reference else NOT_REFUSED
        return {**row, "state": state, "by": "none"}
    chain = chains[found["chain"]]
    last = chain[-1]
    row |= {
        "by": "link" if reference else "care", "chain": found["chain"], "refused_month": last["month"],
        "refused_package": last["package"], "refused_n_zap": last["n_zap"], "refused_idcase": last["idcase"],
        "attempt": sum(one["pr_nov"] == 1 for one in chain) + 1,
    }  # fmt: skip
    if last["oplata"] != _OPLATA_REFUSED:
        return {**row, "state": PAID}
    received = receipts.get((case["code_mo"], last["num_act"]), last["date_act"])
    due = None if received is None else dues(received)
    late = due is not None and case["filed"] is not None and case["filed"] > due
    return {
        **row, "state": REFUSED, "refused_code": last["ground_code"], "num_act": last["num_act"], "received_on": received,
        "due": due, "late": late,
    }  # fmt: skip
