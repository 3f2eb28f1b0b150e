"""Is the person insured, and does the registry say who it is? Policy, person, age, newborn (231n 1.5; Q015 004F, 006F)."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.frames import within
from omsclaims.checks.rules import Broken, Run, on, params_of, table
from omsclaims.identifiers import enp_valid_expr
from omsclaims.periods import age_expr

_SINGLE, _TEMPORARY, _OLD = 3, 2, 1  # F008
_POLICY = pl.coalesce("enp", "npolis")
_INSURER_DIGITS: Final = 5  # F002; the code of a fund (F010) has two
_NEVER: Final = date(9999, 12, 31)
#: Digits, Russian letters, blank, point and dashes (Q015 004F.00.1580).
_NAME: Final = r"^[0-9А-ЯЁа-яё .\-‐-―]+$"
_MASK_SIGNS: Final = {
    "9": "[0-9]", "0": "[0-9]?", "Б": "[А-ЯЁа-яё]", "R": "[IVXLCDM]+", "S": ".?", "-": "-", " ": " ",
}  # fmt: skip


@on("C008")
def policy_of_wrong_form(parameters: Parameters) -> Broken:
    """Single policy: 16 digits with the check digit; temporary certificate: its digits; old policy: a number at all."""
    digits = parameters.number("temporary_digits").cast(pl.String)
    temporary = _POLICY.str.contains(r"^[0-9]+$") & (_POLICY.str.len_chars().cast(pl.String) == digits)
    wrong = (
        pl.when(pl.col("vpolis") == _SINGLE)
        .then(~enp_valid_expr(_POLICY))
        .when(pl.col("vpolis") == _TEMPORARY)
        .then(~temporary)
        .when(pl.col("vpolis") == _OLD)
        .then(pl.col("npolis").is_null())
        .otherwise(None)
    )
    element = pl.when(pl.col("enp").is_not_null()).then(pl.lit("ZAP/PACIENT/ENP")).otherwise(pl.lit("ZAP/PACIENT/NPOLIS"))
    return Broken(wrong, value=_POLICY, element=element, params={"vpolis": pl.col("vpolis")})


@on("C013")
def too_old(parameters: Parameters) -> Broken:
    """Age on the first day of care above the highest believed."""
    return Broken(pl.col("age") > parameters.number("oldest_years"), params={"age": pl.col("age")})


@on("C014")
def born_after_care(parameters: Parameters) -> Broken:
    """Birth date later than the first day of care; care on the day of birth is right."""
    return Broken(pl.col("dr") > pl.col("date_z_1"), params={"date_z_1": pl.col("date_z_1")})


@on("C018")
def newborn_flag(parameters: Parameters) -> Broken:
    """NOVOR is 0, or sex, birth date DDMMYY and ordinal of the child from 1 to 10 (formats.md 14)."""
    novor = pl.col("novor")
    shaped = novor.str.contains(r"^[12][0-9]{6}(?:[1-9]|10)$")
    real = novor.str.slice(1, 6).str.to_date("%d%m%y", strict=False).is_not_null()
    return Broken((novor != "0") & ~(shaped & real))


@on("C006")
def other_payer(parameters: Parameters) -> Broken:
    """The insurer of the patient is not the payer of the invoice; an invoice to the fund names no insurer."""
    to_insurer = pl.col("plat").str.len_chars() == _INSURER_DIGITS
    return Broken(to_insurer & (pl.col("smo") != pl.col("plat")), params={"plat": pl.col("plat")})


@on("C007")
def territories_differ(parameters: Parameters) -> Broken:
    """For policies of other kinds than the single one the territories of insurance and of the insurer are one."""
    where = (pl.col("vpolis") != _SINGLE) & (pl.col("smo_ok") != pl.col("st_okato"))
    return Broken(where, params={"st_okato": pl.col("st_okato")})


@on("C019")
def newborn_too_old(parameters: Parameters) -> Broken:
    """A child billed under the policy of another although old enough for one of its own, on the first day of care."""
    born = pl.col("novor").str.slice(1, 6).str.to_date("%d%m%y", strict=False)
    limit = born.dt.offset_by(parameters.number("months").cast(pl.String) + "mo")
    where = (pl.col("novor") != "0") & (pl.col("date_z_1") > limit)
    return Broken(where, params={"months": parameters.number("months"), "date_z_1": pl.col("date_z_1")})


@table("C020")
def weight_of_newborn(run: Run, rule: Rule) -> pl.DataFrame:
    """A birth weight outside its bounds, or none although the diagnosis is a low one. Grams; VNOV_M are twins."""
    parameters = rule.parameters
    cases = run.view.case.filter(pl.col("file_kind").is_in(rule.kinds))
    outside = (pl.col("weight") <= parameters.number("above")) | (pl.col("weight") >= parameters.number("below"))
    own = cases.select("z_row", "date_z_2", pl.col("vnov_d").alias("weight"), pl.lit("ZAP/PACIENT/VNOV_D").alias("element"))
    born = run.view.table("vnov_m").select(pl.col("_parent").alias("z_row"), pl.col("vnov_m").alias("weight"))
    of_mother = born.join(cases.select("z_row", "date_z_2"), on="z_row", how="inner").with_columns(
        element=pl.lit("ZAP/Z_SL/VNOV_M")
    )
    weighed = pl.concat([own, of_mother.select(own.columns)]).filter(pl.col("weight").is_not_null())
    wrong = weighed.filter(outside).with_columns(value=pl.col("weight").cast(pl.String))
    low = run.view.sl.lazy().filter(parameters.in_ranges("diagnoses", pl.col("ds1"))).select("z_row").collect().unique()
    absent = own.join(low, on="z_row", how="semi").join(weighed.select("z_row"), on="z_row", how="anti")
    found = pl.concat([wrong, absent.with_columns(value=pl.lit(None, dtype=pl.String))])
    return (
        found.select("z_row", "element", "value")
        .sort("z_row", "element", "value")
        .unique("z_row", keep="first", maintain_order=True)
    )


@table("C245")
def no_single_policy_number(run: Run, rule: Rule) -> pl.DataFrame:
    """A single policy without ENP, in the editions that have the element; in earlier ones the number stands in NPOLIS."""
    packages = run.view.having("ZAP/PACIENT/ENP")
    absent = (pl.col("vpolis") == _SINGLE) & pl.col("enp").is_null() & pl.col("package").is_in(packages)
    return run.view.case.lazy().filter(absent).select("z_row").collect()


# ---------------------------------------------------------------- what the file of persons says


def _on_cases(run: Run, persons: pl.DataFrame, *of_case: str) -> pl.DataFrame:
    """Rows about persons (person_row) against each case of the person: z_row, novor, and columns of the case."""
    cases = run.view.case.select("z_row", "person_row", "novor", *of_case)
    return cases.join(persons, on="person_row", how="inner", maintain_order="left")


def _persons(run: Run, *columns: str) -> pl.DataFrame:
    """Rows of the file of persons: person_row and columns; of a person that stands twice the first is joined to cases."""
    return run.view.table("person").select(pl.col("_row").alias("person_row"), *columns)


@table("C012")
def bad_name(run: Run, rule: Rule) -> pl.DataFrame:
    """A part of a name with characters that no name has, or an empty one whose absence DOST does not state.

    A newborn under the policy of another has no name of its own (NOVOR); then only characters are looked at.
    """
    parts = ("fam", "im", "ot", "fam_p", "im_p", "ot_p")
    persons = _persons(run, *parts)
    stated = run.view.table("dost").select(pl.col("_parent").alias("person_row"), "dost")
    found = []
    for part in parts:
        names = persons.select(pl.col(part).drop_nulls().unique())  # there are few names, and many who bear them
        bad = names.filter(~pl.col(part).str.contains(_NAME))[part]
        found.append(_name_rows(persons.filter(pl.col(part).is_in(bad.implode())), part, "", pl.col(part)))
    for tag, excuse in rule.parameters.latest("excused").items():
        nameless = persons.filter(pl.col(tag.lower()).is_null())
        excused = stated.filter(pl.col("dost") == excuse).select("person_row")
        found.append(_name_rows(nameless.join(excused, on="person_row", how="anti"), tag, "0", pl.lit(None, dtype=pl.String)))
    cases = _on_cases(run, pl.concat(found))
    named = cases.filter((pl.col("only_novor") == "") | (pl.col("only_novor") == pl.col("novor")))
    return named.sort("z_row", "element").unique("z_row", keep="first", maintain_order=True).select("z_row", "element", "value")


def _name_rows(persons: pl.DataFrame, tag: str, novor: str, value: pl.Expr) -> pl.DataFrame:
    return persons.select(
        "person_row", pl.lit(f"PERS/{tag.upper()}").alias("element"), value.alias("value"),
        pl.lit(novor).alias("only_novor"),
    )  # fmt: skip


@table("C015")
def representative_too_young(run: Run, rule: Rule) -> pl.DataFrame:
    """The representative of a child was not yet of age to be a parent when the child was born; age as everywhere (law.md 4.1)."""
    persons = _persons(run, "dr_p", "dr").drop_nulls(["dr_p", "dr"]).with_columns(years=age_expr(pl.col("dr_p"), pl.col("dr")))
    cases = _on_cases(run, persons, "date_z_2").filter(pl.col("years").cast(pl.Int64) < rule.parameters.number("years"))
    return cases.select(
        "z_row", pl.col("dr_p").cast(pl.String).alias("value"), params_of({"years": pl.col("years")}).alias("params")
    )


@table("C016")
def document_of_an_adult(run: Run, rule: Rule) -> pl.DataFrame:
    """A child has a document that is issued from fourteen on; age on the first day of care. Newborns (NOVOR) are left out."""
    wanted = {value for dated in rule.parameters.by_name["documents"] for value in dated.value}
    persons = _persons(run, "doctype").filter(pl.col("doctype").is_in(sorted(wanted)))
    cases = _on_cases(run, persons, "age", "date_z_2").filter(
        (pl.col("novor") == "0")
        & rule.parameters.among("documents", pl.col("doctype"))
        & (pl.col("age") < rule.parameters.number("years"))
    )
    return cases.select("z_row", pl.col("doctype").alias("value"), params_of({"age": pl.col("age")}).alias("params"))


@table("C017")
def document_off_its_mask(run: Run, rule: Rule) -> pl.DataFrame:
    """Series or number of a document do not have the form that F011 gives it; a form that the book has not is silent."""
    persons = _persons(run, "doctype", "docser", "docnum").drop_nulls("doctype")
    masks = run.books.require("F011").rows.filter(pl.col("code").is_in(persons["doctype"].unique().implode()))
    columns = ("code", "valid_from", "valid_to", "series_mask", "number_mask")
    found = [_off_mask(persons, *row) for row in masks.select(columns).iter_rows()]
    if not found:
        return run.view.case.clear().select("z_row")
    days = pl.col("date_z_2").is_between(pl.col("begins"), pl.coalesce("ends", pl.lit(_NEVER)))
    cases = _on_cases(run, pl.concat(found), "date_z_2").filter(days)
    first = cases.sort("z_row", "element").unique("z_row", keep="first", maintain_order=True)
    return first.select(
        "z_row", "element", "value", params_of({"mask": pl.col("mask"), "doctype": pl.col("doctype")}).alias("params")
    )


def _off_mask(
    persons: pl.DataFrame, code: str, begins: date, ends: date | None, series: str | None, number: str | None
) -> pl.DataFrame:  # fmt: skip
    """Persons whose document of one kind is off the masks of one row of F011."""
    of_kind = persons.filter(pl.col("doctype") == code)
    parts = []
    for column, tag, mask in (("docser", "PERS/DOCSER", series), ("docnum", "PERS/DOCNUM", number)):
        form = pattern_of(mask)
        off = pl.lit(value=False) if form is None else ~pl.col(column).str.contains(form)
        parts.append(
            of_kind.filter(off.fill_null(value=False)).select(
                "person_row", "doctype", pl.col(column).alias("value"), pl.lit(tag).alias("element"),
                pl.lit(mask or "").alias("mask"),
                pl.lit(begins).cast(pl.Date).alias("begins"), pl.lit(ends).cast(pl.Date).alias("ends"),
            )
        )  # fmt: skip
    return pl.concat(parts)


def pattern_of(mask: str | None) -> str | None:
    """A mask of F011 as a pattern: 9 digit, 0 optional digit, Б Russian letter, R Roman number, S any sign or none.

    None for a mask that is empty or has other signs: then nothing can be said.
    """
    if not mask or not set(mask) <= set(_MASK_SIGNS):
        return None
    return "^" + "".join(_MASK_SIGNS[sign] for sign in mask) + "$"


# ---------------------------------------------------------------- against the register of insured


@table("C005")
def billed_to_the_wrong_territory(run: Run, rule: Rule) -> pl.DataFrame:
    """The invoice goes to an insurer, but the person is insured in another territory: such care is billed through the fund."""
    cases = _identified(run).filter((pl.col("status") == "other") & (pl.col("plat").str.len_chars() == _INSURER_DIGITS))
    return cases.select(
        "z_row",
        pl.col("okato").alias("value"),
        params_of({"plat": pl.col("plat"), "territory": pl.col("territory")}).alias("params"),
    )


def _unconfirmed(run: Run) -> pl.DataFrame:
    """Cases that nothing refused, of persons whom no register here confirms, with what the file of persons calls them.

    Who is insured here is compared with the register (C003), whom nobody knows is refused for that (C009): what is left are
    people of other territories. Columns: z_row, code_mo, vpolis, policy, and fam, im, ot (capitals, Е for Ё), w, dr.
    """
    return run.once("unconfirmed", lambda: _of_nobody_here(run))


def _of_nobody_here(run: Run) -> pl.DataFrame:
    refused = run.view.tables.get("refused")
    cases = _identified(run).filter((pl.col("status") == "other") & (pl.col("novor") == "0"))
    if refused is not None:
        cases = cases.join(refused.select(pl.col("case_key").alias("z_row")), on="z_row", how="anti", maintain_order="left")
    named = [pl.col(part).str.to_uppercase().str.replace_all("Ё", "Е").alias(part) for part in ("fam", "im", "ot")]
    asked = cases.select("person_row").unique()
    people = _persons(run, "fam", "im", "ot").join(asked, on="person_row", how="semi").select("person_row", *named)
    return (
        cases.select("z_row", "person_row", "code_mo", "vpolis", "dr", pl.col("billed_w").alias("w"), _POLICY.alias("policy"))
        .join(people, on="person_row", how="left", maintain_order="left")
        .sort("z_row")
    )


def _several(cases: pl.DataFrame, of: list[str], what: list[str]) -> pl.DataFrame:
    """Cases in whose group `of` there is more than one `what`; rows without any of them are left out."""
    known = cases.drop_nulls([*of, *what])
    kinds = known.select(*of, *what).unique().group_by(of).len().filter(pl.col("len") > 1)
    return known.join(kinds, on=of, how="inner", maintain_order="left")


@table("C010")
def one_policy_of_several(run: Run, rule: Rule) -> pl.DataFrame:
    """In one clinic and month a policy number stands for persons of different birth date, sex or first name: all of them.

    Whose policy it is cannot be told, so no case of it is left; a changed last name is the same person.
    """
    found = _several(_unconfirmed(run), ["code_mo", "policy"], ["dr", "w", "im"])
    return _rows(found, pl.col("policy"), persons=pl.col("len"))


@table("C011")
def one_person_of_several_policies(run: Run, rule: Rule) -> pl.DataFrame:
    """In one clinic and month a person of one full name, sex and birth date has two policies of one kind: all the cases."""
    who = ["code_mo", "fam", "im", "ot", "w", "dr", "vpolis"]
    named = _unconfirmed(run).with_columns(pl.col("ot").fill_null(""))
    found = _several(named, who, ["policy"])
    return _rows(found, pl.col("policy"), policies=pl.col("len"))


def _identified(run: Run) -> pl.DataFrame:
    """Cases with what identification says of them (contract: identified)."""
    return run.once("identified cases", lambda: _with_identity(run))


def _with_identity(run: Run) -> pl.DataFrame:
    own = ("code_mo", "plat", "vpolis", "npolis", "enp", "smo", "novor", "dr", "person_row", "date_z_1", "date_z_2")
    identity = run.view.tables["identified"].rename({"case_key": "z_row", "smo": "register_smo", "w": "billed_w"})
    return within(run.view.cases(*own), identity, "z_row")


def _rows(cases: pl.DataFrame, value: pl.Expr, **params: pl.Expr) -> pl.DataFrame:
    return cases.select("z_row", value.cast(pl.String).alias("value"), params_of(params).alias("params"))


@table("C009")
def not_identified(run: Run, rule: Rule) -> pl.DataFrame:
    """Nobody knows where the person is insured."""
    return _rows(_identified(run).filter(pl.col("status") == "unknown"), _POLICY)


@table("C001")
def policy_ended_before(run: Run, rule: Rule) -> pl.DataFrame:
    """The policy ended before care began; one that ends on the first day still covers it."""
    cases = _identified(run).filter((pl.col("status") == "own") & (pl.col("policy_to") < pl.col("date_z_1")))
    return _rows(cases, _POLICY, policy_to=pl.col("policy_to"), date_z_1=pl.col("date_z_1"))


@table("C002")
def policy_began_after(run: Run, rule: Rule) -> pl.DataFrame:
    """The policy began after care ended; one that begins on the last day covers it."""
    cases = _identified(run).filter((pl.col("status") == "own") & (pl.col("policy_from") > pl.col("date_z_2")))
    return _rows(cases, _POLICY, policy_from=pl.col("policy_from"), date_z_2=pl.col("date_z_2"))


@table("C003")
def person_differs(run: Run, rule: Rule) -> pl.DataFrame:
    """Birth date or sex is not that of the register; the element is the sex where only it differs."""
    birth, sex = (
        pl.col("birth_differs").fill_null(value=False),
        (pl.col("register_w") != pl.col("billed_w")).fill_null(value=False),
    )
    cases = _identified(run).filter((pl.col("status") == "own") & (birth | sex))
    return cases.select(
        "z_row",
        pl.when(birth).then(pl.lit("PERS/DR")).otherwise(pl.lit("PERS/W")).alias("element"),
        pl.when(birth).then(pl.col("dr").cast(pl.String)).otherwise(pl.col("billed_w").cast(pl.String)).alias("value"),
        params_of({"register_w": pl.col("register_w"), "w": pl.col("billed_w")}).alias("params"),
    )


@table("C004")
def other_insurer(run: Run, rule: Rule) -> pl.DataFrame:
    """On the last day of care the policy is valid, but with another insurer than the one billed."""
    valid = (pl.col("policy_from") <= pl.col("date_z_2")) & (
        pl.col("policy_to").is_null() | (pl.col("policy_to") >= pl.col("date_z_2"))
    )
    cases = _identified(run).filter((pl.col("status") == "own") & valid & (pl.col("smo") != pl.col("register_smo")))
    return _rows(cases, pl.col("smo"), register_smo=pl.col("register_smo"), date_z_2=pl.col("date_z_2"))
