"""What does a case of a КСГ cost? Weight, wage share, specificity, level, place, complexity, interruption (law.md 8.2-8.8).

SS = BS x KZ x ((1 - D) + D x KS x KUS x KD) + BS x KD* x sum of КСЛП from 2022; to 2021 the КСЛП multiply the first part. Of an
interrupted case a share is paid. Everything that is a figure comes from the agreement, the rule of the КСЛП from its law.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from omsclaims.law import Parameters
from omsclaims.law.agreement import Agreement, Decimals
from omsclaims.tariffs.amounts import amounts
from omsclaims.tariffs.lookup import dated_values, look_up
from omsclaims.tariffs.misses import misses

ONE: Final = 100_000  # 1 in the scale of coefficients, 5 decimals
_SL: Final = "ZAP/Z_SL/SL/"
SHORT_STAY: Final = 8  # reasons of interruption that the stay itself shows; the others come from the result (law.md 8.5)
SHORTER_THAN_NORM: Final = 9
TRANSFER: Final = 2  # inside the clinic: what the stay of several sub-cases shows (tariffs.stays)


@dataclass(frozen=True)
class Part:
    """Priced rows of some kinds of payment and the misses found on the way."""

    rows: pl.DataFrame
    misses: list[pl.DataFrame]


def price_ksg(sl: pl.DataFrame, sl_koef: pl.DataFrame, agreement: Agreement, law: Parameters) -> Part:
    """Rows of КСГ kinds with factors, formula, price_kop and full_price_kop.

    sl       sl_key, payment_kind, day, n_ksg, lpu, rslt, date_1, date_2, kd (0.1 day), step_kop, mode, sources; criterion_days
             where a criterion of the case states its norm; transferred (boolean) where a transfer inside the clinic interrupts
    sl_koef  sl_key, idsl
    """
    rows = _share(_of_group(_of_case(sl, agreement, law), agreement), agreement)
    rows = _complexity_rule(rows, agreement, law)
    complexity, unknown = _complexity(rows, sl_koef, agreement)
    rows = _complexity_total(rows.join(complexity, on="sl_key", how="left", maintain_order="left"))
    found = [*_missed(rows), unknown]
    rows = _priced(rows, complexity)
    return Part(_shown(rows), found)


def candidate_prices(asked: pl.DataFrame, sl: pl.DataFrame, agreement: Agreement, law: Parameters) -> pl.DataFrame:
    """What a case would cost by each group that it fits: without complexity, an interrupted case with its share (law.md 8.1).

    asked  sl_key, ksg, norm_days (of the criterion, or null)
    sl     as of price_ksg, one row a case

    Returns sl_key, ksg, price_kop in the order of `asked`; null where the agreement lacks a figure: the choice then hangs on it.
    """
    read = ("sl_key", "payment_kind", "day", "lpu", "rslt", "date_1", "date_2", "kd", "step_kop", "mode")
    of_case = _of_case(sl.select(*read, *(name for name in ("transferred",) if name in sl.columns)), agreement, law)
    named = asked.select("sl_key", pl.col("ksg").alias("n_ksg"), pl.col("norm_days").alias("criterion_days"))
    rows = named.join(of_case, on="sl_key", how="left", maintain_order="left")
    rows = _share(_of_group(rows, agreement), agreement).with_row_index("@at")
    group: list[tuple[str, ...]] = [("rate4", "kz5", "rest5"), ("rate4", "kz5", "dzp5", "ks5", "kus5", "kd5")]
    once = rows.filter(pl.col("mode") == "once")
    once = once.with_columns(price_kop=amounts(once, [(*product, "share5") for product in group])["amount_kop"])
    steps = rows.filter(pl.col("mode") == "each_step")
    of_group = _group_in_steps(steps)["group_kop"]
    steps = steps.with_columns(group_kop=of_group)
    steps = steps.with_columns(price_kop=amounts(steps, [("group_kop", "share5")])["amount_kop"])
    none = rows.filter(pl.col("mode").is_null()).with_columns(price_kop=pl.lit(None, dtype=pl.Int64))
    priced = pl.concat([part.select("@at", "sl_key", "n_ksg", "price_kop") for part in (once, steps, none)]).sort("@at")
    return priced.select("sl_key", pl.col("n_ksg").alias("ksg"), "price_kop")


def _of_case(sl: pl.DataFrame, agreement: Agreement, law: Parameters) -> pl.DataFrame:
    """What does not depend on the group: rate, level and place of the clinic, days, what the result says of an interruption."""
    rates = {"rate4": "rate4", "source": "source_rate"}
    rows = look_up(sl, agreement.table("base_rates"), {"payment_kind": "setting"}, rates)
    clinic = {"level": "level", "place": "place", "source": "source_clinic"}
    rows = look_up(rows, agreement.table("clinics"), {"lpu": "mo", "payment_kind": "setting"}, clinic)
    level = {"coefficient5": "level5", "source": "source_level"}
    rows = look_up(rows, agreement.table("levels"), {"level": "level", "payment_kind": "setting"}, level)
    rows = look_up(rows, agreement.table("places"), {"place": "place"}, {"kd5": "kd5", "source": "source_place"})
    results = {"reason": "reason_of_result", "source": "source_result"}
    rows = look_up(rows, agreement.table("interrupted_results"), {"rslt": "rslt"}, results)
    short = dated_values(law, "tariffs.short_stay_days", {"value": pl.Int64()})
    rows = look_up(rows, short, {}, {"value": "short_stay_days", "source": "source_short"})
    return rows.with_columns(days=_days())


def _of_group(rows: pl.DataFrame, agreement: Agreement) -> pl.DataFrame:
    """Factors of the group; null where the agreement has no such key."""
    ksg_columns = {
        "weight5": "kz5", "wage_share5": "dzp5", "uses_level": "uses_level", "uses_specificity": "uses_specificity",
        "specificity5": "specificity5", "surgical": "surgical", "optimal_short_stay": "optimal", "norm_days": "norm_days",
        "source": "source_ksg",
    }  # fmt: skip
    rows = look_up(rows, agreement.table("ksg"), {"n_ksg": "code", "payment_kind": "setting"}, ksg_columns)
    return rows.with_columns(
        ks5=pl.when("uses_specificity").then("specificity5").when(pl.col("kz5").is_not_null()).then(ONE),
        # Listed groups are paid with a level of 1 everywhere (law.md 8.3).
        kus5=pl.when("uses_level").then("level5").when(pl.col("kz5").is_not_null()).then(ONE),
        rest5=ONE - pl.col("dzp5"),
        # The norm of a rehabilitation or of hepatitis that the criterion of the case states goes before that of the group.
        norm_days=pl.coalesce("criterion_days", "norm_days") if "criterion_days" in rows.columns else pl.col("norm_days"),
    )


def _days() -> pl.Expr:
    """Days of the stay (law.md 8.7): discharge - admission, at least 1; day hospital: KD, without it both end days count."""
    between = (pl.col("date_2") - pl.col("date_1")).dt.total_days()
    billed = (pl.col("kd") + 9) // 10  # KD has one decimal: a begun day is a day
    day_hospital = pl.coalesce(billed, between + 1)
    return pl.when(pl.col("payment_kind") == "ksg_day").then(day_hospital).otherwise(pl.max_horizontal(between, pl.lit(1)))


def _share(rows: pl.DataFrame, agreement: Agreement) -> pl.DataFrame:
    """Reason of interruption, share paid and whether it covers the КСЛП (law.md 8.5).

    The result of the case goes first, then a transfer between sub-cases, then what the length of the stay shows.
    """
    by_stay = (
        pl.when(pl.col("days") < pl.col("norm_days"))
        .then(SHORTER_THAN_NORM)
        .when((pl.col("days") <= pl.col("short_stay_days")) & ~pl.col("optimal"))
        .then(SHORT_STAY)
    )
    moved = pl.when("transferred").then(TRANSFER) if "transferred" in rows.columns else pl.lit(None, dtype=pl.Int64)
    stated = pl.coalesce("reason_of_result", moved)
    rows = rows.with_columns(
        interrupted=pl.coalesce(stated, by_stay).cast(pl.Int64),
        source_short=pl.when(stated.is_null() & (by_stay == SHORT_STAY)).then("source_short"),
        surgical_number=pl.col("surgical").cast(pl.Int64),
    )
    within_days = (pl.col("days") >= pl.col("__days_from")) & (
        pl.col("__days_to").is_null() | (pl.col("days") <= pl.col("__days_to"))
    )
    rows = look_up(
        rows,
        agreement.table("interrupted").with_columns(pl.col("surgical").cast(pl.Int64)),
        {"surgical_number": "surgical"},
        {"share5": "share_found5", "applies_to_kslp": "covers_kslp", "source": "source_share"},
        where=pl.col("interrupted").is_between(pl.col("__reason_from"), pl.col("__reason_to")) & within_days,
        also=("interrupted", "days"),
    )
    whole = pl.col("interrupted").is_null()
    return rows.with_columns(
        share5=pl.when(whole).then(ONE).otherwise("share_found5"),
        covers_kslp=pl.when(whole).then(True).otherwise("covers_kslp"),
    )


def _complexity_rule(rows: pl.DataFrame, agreement: Agreement, law: Parameters) -> pl.DataFrame:
    """Rule and cap of the КСЛП on the day: of the agreement where it has one, else of the law (law.md 8.4)."""
    federal = dated_values(law, "tariffs.kslp_rule", {"rule": pl.String(), "cap": pl.String()})
    parse = Decimals(5, 10)
    caps = [None if cap is None else parse(cap) for cap in federal["cap"]]
    federal = federal.with_columns(pl.Series("cap5", caps, dtype=pl.Int64))
    columns = {"rule": "rule", "cap5": "cap5", "source": "source_rule"}
    own = {source: f"own_{target}" for source, target in columns.items()}
    rows = look_up(rows, federal, {}, columns)
    rows = look_up(rows, agreement.table("kslp_rules"), {}, own)
    has_own = pl.col("own_rule").is_not_null()
    return rows.with_columns(pl.when(has_own).then(f"own_{name}").otherwise(name).alias(name) for name in columns.values())


def _complexity(rows: pl.DataFrame, sl_koef: pl.DataFrame, agreement: Agreement) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Complexity of each case that has any: sums by kind, their amounts step by step, sources; and the codes not found.

    Columns: with_kd5, without_kd5 (sums that the territorial coefficient touches or not), ordinary5, after_cap5 (sums of K - 1),
    unknown_codes, steps_kop (each coefficient's amount rounded by itself), source_kslp.
    """
    listed = sl_koef.join(rows.select("sl_key", "payment_kind", "day", "rate4", "kd5", "step_kop"), on="sl_key")
    listed = listed.sort("sl_key", "idsl", maintain_order=True)
    columns = {"value5": "value5", "uses_territorial": "uses_kd", "after_cap": "after_cap", "source": "source"}
    listed = look_up(listed, agreement.table("kslp"), {"idsl": "idsl"}, columns)
    unknown = misses(
        listed,
        pl.col("value5").is_null() & pl.col("day").is_not_null(),
        "P.1",
        f"{_SL}KSG_KPG/SL_KOEF/IDSL",
        pl.col("idsl"),
        "kslp",
    )
    listed = listed.with_columns(kd_used5=pl.when("uses_kd").then("kd5").otherwise(ONE))
    listed = listed.with_columns(step_kop_of=amounts(listed, [("rate4", "kd_used5", "value5")])["amount_kop"])
    value, above = pl.col("value5"), pl.col("value5") - ONE
    shown = pl.format("{}({}={}*{})", "source", "idsl", "value5", pl.when("uses_kd").then(pl.lit("kd")).otherwise(pl.lit("1")))
    totals = listed.group_by("sl_key", maintain_order=True).agg(
        with_kd5=value.filter("uses_kd").sum(),
        without_kd5=value.filter(~pl.col("uses_kd")).sum(),
        ordinary5=above.filter(~pl.col("after_cap")).sum(),
        after_cap5=above.filter("after_cap").sum(),
        unknown_codes=value.is_null().sum().cast(pl.Int64),
        steps_kop=pl.when(pl.col("step_kop_of").is_not_null().all()).then(pl.col("step_kop_of").sum()),
        source_kslp=shown.drop_nulls().str.join(";"),
    )
    return totals, unknown


def _complexity_total(rows: pl.DataFrame) -> pl.DataFrame:
    """kslp5 by the rule of the year, and the factors of the two parts of the price; null where a code is unknown."""
    none = pl.col("unknown_codes").is_null()
    known = none | (pl.col("unknown_codes") == 0)
    multiplier = ONE + pl.min_horizontal("ordinary5", pl.col("cap5") - ONE) + pl.col("after_cap5")
    multiplied = pl.when(none).then(0).otherwise(multiplier)
    added = pl.col("with_kd5").fill_null(0) + pl.col("without_kd5").fill_null(0)
    adds = pl.col("rule") == "add"
    rows = rows.with_columns(
        kslp5=pl.when(known & adds).then(added).when(known).then(multiplied),
        add_kd5=pl.when(known & adds).then(pl.col("with_kd5").fill_null(0)).when(known).then(0),
        add_plain5=pl.when(known & adds).then(pl.col("without_kd5").fill_null(0)).when(known).then(0),
        multiplier5=pl.when(known & (adds | none)).then(ONE).when(known).then(multiplied),
        share_kslp5=pl.when("covers_kslp").then("share5").when(pl.col("share5").is_not_null()).then(ONE),
    )
    mixed = (pl.col("add_kd5") > 0) & (pl.col("add_plain5") > 0)
    covered = pl.col("multiplier5") * pl.col("share5")
    group_alone = (pl.col("share5") + pl.col("multiplier5") - ONE) * ONE
    return rows.with_columns(
        # Coefficients with and without KD in one case have no common KD*: the sources then list them one by one.
        kd_kslp5=pl.when(adds & ~mixed).then(pl.when(pl.col("add_plain5") > 0).then(ONE).otherwise("kd5")),
        # The multiplier and the share as one factor of 10 decimals.
        outer10=pl.when("covers_kslp").then(covered).otherwise(group_alone),
        multiplier10=pl.col("multiplier5") * ONE,
        whole5=pl.lit(ONE, dtype=pl.Int64),
    )


def _missed(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """What the agreement does not have, each key once: a level is asked for only where its clinic is known."""
    dated = pl.col("day").is_not_null()
    grouped = dated & pl.col("kz5").is_not_null()
    on_day = pl.col("day").cast(pl.String)
    clinic = pl.col("source_clinic").is_not_null()
    share = grouped & pl.col("interrupted").is_not_null() & pl.col("share5").is_null()
    no_level = grouped & clinic & pl.col("uses_level") & pl.col("level5").is_null()
    return [
        misses(rows, dated & pl.col("kz5").is_null(), "C111", f"{_SL}KSG_KPG/N_KSG", pl.col("n_ksg"), "ksg"),
        misses(rows, dated & pl.col("rate4").is_null(), "P.1", f"{_SL}KSG_KPG/BZTSZ", on_day, "base_rates"),
        misses(rows, grouped & ~clinic & pl.col("lpu").is_not_null(), "P.1", "ZAP/Z_SL/LPU", pl.col("lpu"), "clinics"),
        misses(rows, no_level, "P.1", "ZAP/Z_SL/LPU", pl.coalesce("level", "lpu"), "levels"),
        misses(rows, grouped & clinic & pl.col("kd5").is_null(), "P.1", "ZAP/Z_SL/LPU", pl.col("place"), "places"),
        misses(rows, share, "P.1", "ZAP/Z_SL/RSLT", pl.format("{}/{}", "interrupted", "days"), "interrupted"),
        misses(rows, dated & pl.col("rule").is_null(), "P.1", f"{_SL}KSG_KPG/IT_SL", on_day, "kslp_rules"),
    ]


def _priced(rows: pl.DataFrame, complexity: pl.DataFrame) -> pl.DataFrame:
    """Price and full price by the rounding mode of the row."""
    once = rows.filter(pl.col("mode") == "once")
    steps = rows.filter(pl.col("mode") == "each_step")
    neither = rows.filter(pl.col("mode").is_null()).with_columns(
        price_kop=pl.lit(None, dtype=pl.Int64), full_price_kop=pl.lit(None, dtype=pl.Int64), out_of_bounds=pl.lit(False)
    )
    return pl.concat([_priced_once(once), _priced_in_steps(steps), neither], how="diagonal").sort("sl_key")


def _products(outer: str, share: str) -> list[tuple[str, ...]]:
    """The sum of products of law.md 8.2: outer is multiplier and share of the group, share that of the added complexity."""
    return [
        ("rate4", "kz5", "rest5", outer),
        ("rate4", "kz5", "dzp5", "ks5", "kus5", "kd5", outer),
        ("rate4", "kd5", "add_kd5", share),
        ("rate4", "add_plain5", share),
    ]


def _priced_once(rows: pl.DataFrame) -> pl.DataFrame:
    """One rounding at the end."""
    paid = amounts(rows, _products("outer10", "share_kslp5"))
    full = amounts(rows, _products("multiplier10", "whole5"))
    return rows.with_columns(
        price_kop=paid["amount_kop"],
        full_price_kop=full["amount_kop"],
        out_of_bounds=paid["out_of_bounds"] | full["out_of_bounds"],
    )


def _group_in_steps(rows: pl.DataFrame) -> pl.DataFrame:
    """Price of the group alone, rounded after BS x KZ and after the bracket: {group_kop, out_of_bounds}, in the order of rows."""
    weighted = amounts(rows, [("rate4", "kz5")])
    rows = rows.with_columns(weighted_kop=weighted["amount_kop"])
    group = amounts(rows, [("weighted_kop", "rest5"), ("weighted_kop", "dzp5", "ks5", "kus5", "kd5")])
    return pl.DataFrame({"group_kop": group["amount_kop"], "out_of_bounds": weighted["out_of_bounds"] | group["out_of_bounds"]})


def _priced_in_steps(rows: pl.DataFrame) -> pl.DataFrame:
    """Rounding after BS x KZ, after the bracket, of each КСЛП amount, and of the share (law.md 8.8)."""
    group = _group_in_steps(rows)
    rows = rows.with_columns(group["group_kop"])
    multiplied = amounts(rows, [("group_kop", "multiplier5")])
    added = pl.when(pl.col("unknown_codes").is_null() | (pl.col("rule") == "multiply")).then(0).otherwise("steps_kop")
    rows = rows.with_columns(extra_kop=added + multiplied["amount_kop"] - pl.col("group_kop"))
    rows = rows.with_columns(full_price_kop=pl.col("group_kop") + pl.col("extra_kop"))
    together = amounts(rows, [("full_price_kop", "share5")])
    alone = amounts(rows, [("group_kop", "share5")])
    parts = (group, multiplied, together, alone)
    out = pl.DataFrame([part["out_of_bounds"].alias(f"out_{i}") for i, part in enumerate(parts)])
    return rows.with_columns(
        price_kop=pl.when("covers_kslp").then(together["amount_kop"]).otherwise(alone["amount_kop"] + pl.col("extra_kop")),
        out_of_bounds=out.select(pl.any_horizontal(pl.all()).alias("out_of_bounds"))["out_of_bounds"],
    ).drop("group_kop", "extra_kop")


def _shown(rows: pl.DataFrame) -> pl.DataFrame:
    """Columns for priced_sl: formula (rule of the КСЛП, share of the group alone, rounding in steps) and the keys used."""
    group_alone = (pl.col("share5") != ONE) & ~pl.col("covers_kslp")
    formula = pl.concat_str(
        pl.lit("ksg_"),
        pl.col("rule"),
        pl.when(group_alone).then(pl.lit("_group")).otherwise(pl.lit("")),
        pl.when(pl.col("mode") == "each_step").then(pl.lit("_steps")).otherwise(pl.lit("")),
    )
    used_level = pl.when("uses_level").then("source_level")
    used_rule = pl.when(pl.col("unknown_codes").is_not_null()).then("source_rule")
    sources = pl.concat_str(
        "sources", "source_rate", "source_ksg", used_level, "source_clinic", "source_place", "source_kslp", used_rule,
        "source_result", "source_short", "source_share", separator=";", ignore_nulls=True,
    )  # fmt: skip
    complete = pl.col("price_kop").is_not_null() & pl.col("full_price_kop").is_not_null()
    return rows.with_columns(
        formula=formula,
        sources=sources,
        group=pl.col("n_ksg"),
        price_kop=pl.when(complete).then("price_kop"),
        full_price_kop=pl.when(complete).then("full_price_kop"),
    )
