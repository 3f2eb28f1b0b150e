"""Is the person insured, and does the registry say who it is? Policy, person, age, newborn (231n 1.5; Q015 004F, 006F)."""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.rules import Broken, Run, on, params_of, table
from omsclaims.identifiers import enp_valid_expr

_SINGLE, _TEMPORARY, _OLD = 3, 2, 1  # F008
_POLICY = pl.coalesce("enp", "npolis")


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
    """NOVOR is 0, or sex, birth date DDMMYY and ordinal of the child (formats.md 14)."""
    novor = pl.col("novor")
    shaped = novor.str.contains(r"^[12][0-9]{7,8}$")
    real = novor.str.slice(1, 6).str.to_date("%d%m%y", strict=False).is_not_null()
    return Broken((novor != "0") & ~(shaped & real))


# ---------------------------------------------------------------- against the register of insured


def _identified(run: Run) -> pl.DataFrame:
    """Cases with what identification says of them (contract: identified)."""
    return run.view.case.join(
        run.view.tables["identified"].rename({"case_key": "z_row", "smo": "register_smo", "w": "billed_w"}),
        on="z_row", how="inner", maintain_order="left",
    )  # fmt: skip


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
