"""Which care is for a severe accident at work, and what must be taken back of what was paid?

Rules 158n 106-109, 120, 131, 133; law.md 3.

The social insurance fund notifies of an accident; care for it is not paid from medical insurance. A case of the month is care for
it when it is of the person of the notice, begins in the treatment, has the diagnosis of the notice (by the category of three
characters) and was given by its clinic: control refuses it (1.6.4, C199). The same care in another clinic is only named: a person
decides. What was paid in an earlier month is withheld in the settlement of this one, on the line of МЭК, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.findings import Finding
from omsclaims.law import terms as law_terms
from omsclaims.settlement.identify import keys_of_enp, normal

if TYPE_CHECKING:
    from omsclaims.context import Context

REFUSED: Final = 2
GROUND: Final = "1.6.4"
OLD_GROUND: Final = "5.3.3"
#: Grounds of order 231n are those of care from this day on.
NEW_CODES_SINCE: Final = date(2021, 5, 25)
CASE: Final = ["month", "package", "n_zap", "idcase"]
#: Characters of a diagnosis that make its category.
CATEGORY: Final = 3
_OPEN: Final = date(9999, 12, 31)


# ---- who is meant ----------------------------------------------------------------------------------------------------------


def people_of(reg_accident: pl.DataFrame, reg_insured: pl.DataFrame) -> pl.DataFrame:
    """Notices with the ЕНП of the person: notice, found_enp (null where nobody or several people answer to it); personal.

    The policy of the notice counts where the register holds it; else surname, names and birth date, where they tell one person.
    """
    once = reg_accident.unique("notice", keep="first", maintain_order=True)
    asked = once.select("notice", normal(pl.col("enp")).alias("asked"), *_names(), "dr")
    known = reg_insured.select(normal(pl.col("enp")).alias("known"), *_names(), "dr").drop_nulls("known")
    by_policy = asked.join(known.select(asked="known").unique(), on="asked", how="semi").select("notice", found_enp="asked")
    rest = asked.join(by_policy, on="notice", how="anti").filter(pl.col("n_fam").is_not_null())
    who = ["n_fam", "n_im", "n_ot", "dr"]
    named = rest.join(known, on=who, how="inner", nulls_equal=True).select("notice", "known").unique()
    alone = named.filter(pl.col("notice").is_unique()).select("notice", found_enp="known")
    found = pl.concat([by_policy, alone])
    return asked.select("notice").join(found, on="notice", how="left", maintain_order="left")


def _names() -> list[pl.Expr]:
    return [normal(pl.col(name)).alias(f"n_{name}") for name in ("fam", "im", "ot")]


def notices(tables: Mapping[str, pl.DataFrame], secret: bytes) -> pl.DataFrame:
    """Notices without a name: notice, person_key (null: not found), mo, category, care_from, care_to, received_on, accident_on.

    tables  reg_accident, reg_insured. A notice that stands twice counts by its first row in the order of receipt.
    """
    first = tables["reg_accident"].sort("notice", "received_on", "care_from", "mo", "ds1").unique(
        "notice", keep="first", maintain_order=True
    )  # fmt: skip
    known = people_of(first, tables["reg_insured"])
    keyed = known.with_columns(person_key=keys_of_enp(known["found_enp"], secret)).select("notice", "person_key")
    return first.join(keyed, on="notice", how="left", maintain_order="left").select(
        "notice", "person_key", "mo", _category(pl.col("ds1")).alias("category"), "care_from", "care_to", "received_on",
        "accident_on",
    )  # fmt: skip


def _category(diagnosis: pl.Expr) -> pl.Expr:
    return diagnosis.str.to_uppercase().str.head(CATEGORY)


# ---- the month -------------------------------------------------------------------------------------------------------------


def accident_cases(tables: Mapping[str, pl.DataFrame], context: Context) -> dict[str, pl.DataFrame]:
    """Cases of the month that are care for an accident of which the fund knows, before control.

    tables   cases, sl, identified, reg_accident, reg_insured
    returns  accident_cases (contract), sorted; findings AC.1 a notice of a person whom the register does not tell, AC.2 care with
             the diagnosis of a notice in another clinic, which is not refused, AC.3 a notice that stands twice
    """
    known = tables["reg_accident"].filter(pl.col("received_on") <= context.as_of)
    if known.is_empty():
        return {"accident_cases": contract.TABLES["accident_cases"].empty(), "findings": findings.empty()}
    given = notices({**tables, "reg_accident": known}, context.secret)
    problems = [Finding("AC.1", value=number) for number in given.filter(pl.col("person_key").is_null())["notice"].sort()]
    twice = known.filter(pl.col("notice").is_duplicated())["notice"].unique().sort()
    problems += [Finding("AC.3", value=number) for number in twice]
    sick = tables["sl"].select("case_key", _category(pl.col("ds1")).alias("category")).drop_nulls().unique()
    cases = (
        tables["cases"].select("case_key", "package", "n_zap", "idcase", "lpu", "date_z_1")
        .join(tables["identified"].select("case_key", "person_key"), on="case_key")
        .join(given.drop_nulls("person_key").rename({"mo": "notice_mo"}), on="person_key")
        .join(sick, on=["case_key", "category"], how="semi")
        .filter(_in_treatment(pl.col("date_z_1")))
        .with_columns(same_clinic=(pl.col("lpu") == pl.col("notice_mo")).fill_null(value=False))
        .sort("case_key", "same_clinic", "received_on", "notice", descending=[False, True, False, False])
        .unique("case_key", keep="first", maintain_order=True)
    )  # fmt: skip
    elsewhere = cases.filter(~pl.col("same_clinic"))
    problems += [
        Finding("AC.2", level="case", package=row["package"], n_zap=row["n_zap"], idcase=row["idcase"], z_row=row["case_key"],
                element="ZAP/Z_SL/LPU", value=row["lpu"], params={"notice": row["notice"], "mo": row["notice_mo"]})
        for row in elsewhere.to_dicts()
    ]  # fmt: skip
    return {"accident_cases": contract.check("accident_cases", cases.sort("case_key")), "findings": findings.frame(problems)}


def _in_treatment(begun: pl.Expr) -> pl.Expr:
    """The case begins in the treatment of the notice, both ends included."""
    return (begun >= pl.col("care_from")) & (begun <= pl.col("care_to").fill_null(_OPEN))


def accident_deductions(tables: Mapping[str, pl.DataFrame], context: Context) -> dict[str, pl.DataFrame]:
    """What this month withholds of what earlier months paid for accidents: on the line of МЭК, the whole amount, once (131).

    tables   reg_accident, reg_insured, accident_history (absent: nothing was paid before), accident_deductions_before
    returns  accident_deductions (contract) and findings AC.4 a case of people insured elsewhere, whose bill to their territory
             has to be corrected
    """
    history = tables.get("accident_history")
    known = tables["reg_accident"].filter(pl.col("received_on") <= context.as_of)
    if history is None or history.is_empty() or known.is_empty():
        return {"accident_deductions": contract.TABLES["accident_deductions"].empty(), "findings": findings.empty()}
    given = notices({**tables, "reg_accident": known}, context.secret).drop_nulls("person_key").rename({"mo": "notice_mo"})
    before = tables.get("accident_deductions_before", contract.TABLES["accident_deductions"].empty())
    paid = (
        history.filter((pl.col("oplata") != REFUSED) & (pl.col("sump_kop") > 0))
        .with_columns(category=_category(pl.col("ds1")))
        .join(given, on=["person_key", "category"])
        .filter(_in_treatment(pl.col("date_z_1")) & (pl.col("lpu") == pl.col("notice_mo")))
        .sort(*CASE, "received_on", "notice", nulls_last=True)
        .unique(CASE, keep="first", maintain_order=True)
        .join(before, on=CASE, how="anti", nulls_equal=True)
    )
    codes = _codes(context)
    new = pl.col("date_z_1") >= NEW_CODES_SINCE
    taken = paid.with_columns(
        code=pl.when(new).then(pl.lit(GROUND)).otherwise(pl.lit(OLD_GROUND)),
        kod=pl.when(new).then(pl.lit(codes[GROUND], dtype=pl.Int64)).otherwise(pl.lit(codes[OLD_GROUND], dtype=pl.Int64)),
        amount_kop=pl.col("sump_kop"),
    )
    abroad = taken.filter(pl.col("payer") == context.territory)
    problems = [
        Finding("AC.4", level="case", package=row["package"], n_zap=row["n_zap"], idcase=row["idcase"], value=row["month"],
                params={"notice": row["notice"], "mo": row["mo"]})
        for row in abroad.to_dicts()
    ]  # fmt: skip
    table = contract.check("accident_deductions", taken.sort(*CASE, nulls_last=True))
    return {"accident_deductions": table, "findings": findings.frame(problems)}


def _codes(context: Context) -> dict[str, int | None]:
    """Kod of both grounds in F014 on a day on which they are in force; null where the book lacks them."""
    book = context.books.require("F014")
    found: dict[str, int | None] = {}
    for code, day in ((GROUND, context.month.last), (OLD_GROUND, date(2021, 5, 24))):
        rows = book.on(day).filter(pl.col("code") == code)
        found[code] = int(rows["kod"][0]) if rows.height else None
    return found


def without_accidents(expertise_cases: pl.DataFrame, *deductions: pl.DataFrame) -> pl.DataFrame:
    """Cases that expertise knows, those withheld for an accident as if МЭК had refused them: expertise takes nothing of them, and
    gives back what it had (law.md 10.3: a case refused by МЭК gets no money of expertise)."""
    withheld = pl.concat([part.select(*CASE, pl.col("code").alias("accident_code")) for part in deductions]).unique(CASE)
    joined = expertise_cases.join(withheld, on=CASE, how="left", nulls_equal=True, maintain_order="left")
    hit = pl.col("accident_code").is_not_null()
    return joined.with_columns(
        oplata=pl.when(hit).then(REFUSED).otherwise("oplata").cast(pl.Int64),
        mek_kop=pl.when(hit).then("sumv_kop").otherwise("mek_kop"),
        mek_code=pl.when(hit).then("accident_code").otherwise("mek_code"),
    ).drop("accident_code")


def by_pair(deductions: pl.DataFrame | None) -> dict[tuple[str, str], int]:
    """(payer, clinic) -> kopecks that the month withholds for accidents of earlier bills."""
    if deductions is None:
        return {}
    sums = deductions.group_by("payer", "mo").agg(pl.col("amount_kop").sum()).sort("payer", "mo")
    return {(payer, mo): int(amount) for payer, mo, amount in sums.iter_rows()}


# ---- terms -----------------------------------------------------------------------------------------------------------------

#: Columns of `terms`.
TERMS: Final[dict[str, pl.DataType]] = {
    "notice": pl.String(), "inform_by": pl.Date(), "received_on": pl.Date(), "accident_on": pl.Date(), "mo": pl.String(),
    "smo": pl.String(), "find_by": pl.Date(), "found": pl.Boolean(), "send_by": pl.Date(), "sent_on": pl.Date(),
    "report_by": pl.Date(), "reported_on": pl.Date(), "status": pl.String(),
}  # fmt: skip


def terms(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Every notice with its terms as of the day of knowledge: columns TERMS, sorted by receipt and number; no names.

    tables  reg_accident, reg_insured. smo: insurer on the day of the accident. status: not_found | to_send | send_overdue |
            to_report | report_overdue | done; the insurer's term runs from the day the notice was sent. inform_by: day by which
            the social insurance fund had to inform, where its decision is known.
    """
    known = tables["reg_accident"].filter(pl.col("received_on") <= context.as_of)
    first = known.sort("notice", "received_on").unique("notice", keep="first", maintain_order=True)
    people = people_of(first, tables["reg_insured"])
    held = insurers_of(people.join(first.select("notice", "accident_on"), on="notice"), tables["reg_insured"])
    rows = []
    for row in first.join(held, on="notice", how="left").sort("received_on", "notice").to_dicts():
        received, sent, decided = row["received_on"], row["sent_on"], row["decided_on"]
        dates = {
            "inform_by": None if decided is None
            else law_terms.due(context.law, "accidents.inform_days", decided),
            "find_by": law_terms.due(context.law, "accidents.find_working_days", received),
            "send_by": law_terms.due(context.law, "accidents.send_working_days", received),
            "report_by": None if sent is None else law_terms.due(context.law, "accidents.report_days", sent),
        }  # fmt: skip
        rows.append({**row, **dates, "found": row["smo"] is not None, "status": _status(row, dates, context.as_of)})
    return pl.DataFrame([{name: row[name] for name in TERMS} for row in rows], schema=TERMS)


def insurers_of(people: pl.DataFrame, reg_insured: pl.DataFrame) -> pl.DataFrame:
    """notice, smo: the insurer of the person on the day of the accident; of two the later policy."""
    policies = reg_insured.select(normal(pl.col("enp")).alias("found_enp"), "smo", "policy_from", "policy_to")
    return (
        people.drop_nulls("found_enp")
        .join(policies, on="found_enp")
        .filter(
            (pl.col("policy_from") <= pl.col("accident_on")) & (pl.col("policy_to").fill_null(_OPEN) >= pl.col("accident_on"))
        )
        .sort("notice", "policy_from", "smo", descending=[False, True, False])
        .unique("notice", keep="first", maintain_order=True)
        .select("notice", "smo")
    )


def _status(row: Mapping[str, object], dates: Mapping[str, date | None], as_of: date) -> str:
    """Where a notice stands."""
    if row["smo"] is None:
        return "not_found"
    if row["sent_on"] is None:
        send_by = dates["send_by"]
        return "send_overdue" if send_by is not None and send_by < as_of else "to_send"
    if row["reported_on"] is None:
        report_by = dates["report_by"]
        return "report_overdue" if report_by is not None and report_by < as_of else "to_report"
    return "done"
