"""Property: the price of a КСГ is the exact sum of products of law.md 8.2, whatever the factors, rounding and rule."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.law.agreement import Agreement
from omsclaims.money import round_fraction
from omsclaims.tariffs import explain, price, pricing
from omsclaims.tariffs.ksg import candidate_prices

from .tariff_cases import agreement, context, priced, stay, tables
from .test_explain import calculated

#: Coefficients with the figures that hurt: 0, 1, neighbours of 1, ties, the bounds.
coefficient = st.one_of(st.sampled_from([0, 1, 50_000, 99_999, 100_000, 100_001, 1_000_000]), st.integers(0, 1_000_000))
share = st.one_of(st.sampled_from([0, 50_000, 100_000]), st.integers(0, 100_000))

factors = st.fixed_dictionaries(
    {
        "rate4": st.one_of(st.sampled_from([1, 50, 10_000, 243_226_000]), st.integers(1, 10**11)),
        "weight5": st.one_of(st.just(100_000), st.integers(0, 10_000_000)),
        "wage_share5": share,
        "specificity5": coefficient,
        "level5": coefficient,
        "kd5": coefficient,
        "kslp": st.lists(st.tuples(coefficient, st.booleans()), max_size=3),
        "share5": share,
        "covers": st.booleans(),
        "step_kop": st.sampled_from([1, 10, 100]),
        "mode": st.sampled_from(["once", "each_step"]),
        "rule": st.sampled_from(["add", "multiply"]),
        "cap5": st.sampled_from([None, 180_000]),
    }
)


def made(f: dict[str, Any]) -> Agreement:
    """The made-up agreement with these factors in its tables."""
    small = agreement("small")

    def fill(name: str, **columns: Any) -> None:
        nonlocal small
        table = small.table(name)
        small = small.with_table(
            name, table.with_columns(pl.lit(value, dtype=table.schema[column]).alias(column) for column, value in columns.items())
        )

    fill("base_rates", rate4=f["rate4"])
    fill("ksg", weight5=f["weight5"], wage_share5=f["wage_share5"], specificity5=f["specificity5"])
    fill("levels", coefficient5=f["level5"])
    fill("places", kd5=f["kd5"])
    fill("interrupted", share5=f["share5"], applies_to_kslp=f["covers"])
    fill("rounding", step_kop=f["step_kop"], mode=f["mode"])
    validity = {"valid_from": date(2022, 1, 1), "valid_to": date(2022, 12, 31), "reference": "test"}
    rule = {**validity, "rule": f["rule"], "cap5": f["cap5"], "source": "agreement.yaml:1"}
    small = small.with_table("kslp_rules", pl.DataFrame([rule], schema=small.table("kslp_rules").schema))
    codes = [
        {**validity, "idsl": str(i), "value5": value + (100_000 if f["rule"] == "multiply" else 0), "uses_territorial": uses_kd,
         "after_cap": i == 2, "source": f"kslp.csv:{i + 2}"}
        for i, (value, uses_kd) in enumerate(f["kslp"])
    ]  # fmt: skip
    return small.with_table("kslp", pl.DataFrame(codes, schema=small.table("kslp").schema))


def expected(f: dict[str, Any], part: Fraction, covers: bool) -> int:
    """The price in kopecks by the words of law.md 8.2, 8.4, 8.8, in fractions; `part` is the share paid."""
    step = f["step_kop"]

    def cut(roubles: Fraction) -> Fraction:
        return Fraction(round_fraction(roubles * 100, step), 100) if f["mode"] == "each_step" else roubles

    def of(name: str) -> Fraction:
        return Fraction(f[name], 10**5)

    rate = Fraction(f["rate4"], 10**4)
    d = of("wage_share5")
    group = cut(cut(rate * of("weight5")) * ((1 - d) + d * of("specificity5") * of("level5") * of("kd5")))
    values = [(Fraction(value, 10**5), uses_kd) for value, uses_kd in f["kslp"]]
    if f["rule"] == "add":
        extra = sum((cut(rate * value * (of("kd5") if uses_kd else 1)) for value, uses_kd in values), Fraction(0))
    else:
        ordinary = sum((value for value, _ in values[:2]), Fraction(0))  # K - 1 of each: the values are K here
        multiplier = 1 + (ordinary if f["cap5"] is None else min(ordinary, Fraction(8, 10)))
        multiplier += sum((value for value, _ in values[2:]), Fraction(0))
        extra = cut(group * multiplier) - group
    total = cut((group + extra) * part) if covers else cut(group * part) + extra
    return round_fraction(total * 100, step)


@settings(max_examples=150, deadline=None)
@given(factors)
def test_price_is_the_exact_sum_of_products(f: dict[str, Any]) -> None:
    koef = list(range(len(f["kslp"])))
    of = made(f)
    rows, found = priced(of, stay("st29.002", 10, koef=koef), stay("st29.002", 10, koef=koef, rslt=105))
    assert found == []
    whole, interrupted = rows
    assert whole["price_kop"] == whole["full_price_kop"] == expected(f, Fraction(1), True)
    assert interrupted["full_price_kop"] == whole["price_kop"]
    assert interrupted["price_kop"] == expected(f, Fraction(f["share5"], 10**5), f["covers"])
    for row in rows:
        results = calculated(explain(row, "en"))
        if f["mode"] == "once":
            assert [int(amount * 100) for amount in results] == [row["price_kop"]]


def test_a_candidate_costs_what_its_group_costs_without_complexity() -> None:
    """Billed group or another one: the price is that of the case billed so, its complexity left out, its interruption not."""
    of = agreement("small")
    codes = of.table("ksg").filter(pl.col("setting") == "ksg_inpatient")["code"].unique().sort().to_list()
    cases = [stay(code, days) for code in codes for days in (2, 10)]
    made = tables(cases)
    seen: list[pl.DataFrame] = []

    def asked(wanted: pl.DataFrame) -> pl.DataFrame:
        seen.append(candidate_prices(wanted, pricing._with_kind(pricing._joined(made), of), of, context(of).law))
        return seen[-1]

    keys = made["sl"]["_row"].to_list()
    every = pl.DataFrame(
        [(key, code, None) for key in keys for code in codes], schema={"sl_key": pl.Int64, "ksg": pl.String, "norm_days": pl.Int64},
        orient="row",
    )  # fmt: skip
    found = asked(every)
    assert found.select("sl_key", "ksg").rows() == every.select("sl_key", "ksg").rows()
    prices = price(made, context(of))["priced_sl"].select("sl_key", ksg="group", billed_kop="price_kop")
    both = found.join(prices, on=["sl_key", "ksg"])
    assert both.height == len(keys)
    assert both["price_kop"].to_list() == both["billed_kop"].to_list()
    # Each case asked about another group costs what the case of that group with the same days costs.
    by = {(row["sl_key"], row["ksg"]): row["price_kop"] for row in found.to_dicts()}
    first = keys[::2]
    assert [by[first[0], code] for code in codes] == [by[key, code] for key, code in zip(first, codes, strict=True)]


def test_the_norm_of_the_criterion_goes_before_that_of_the_group() -> None:
    of = agreement("small")
    with_norm = of.table("ksg").filter((pl.col("setting") == "ksg_inpatient") & pl.col("norm_days").is_not_null())
    code, norm = with_norm.select("code", "norm_days").row(0)
    made = tables([stay(code, norm)])
    sl = pricing._with_kind(pricing._joined(made), of)
    key = made["sl"]["_row"][0]
    schema = {"sl_key": pl.Int64, "ksg": pl.String, "norm_days": pl.Int64}
    rows = pl.DataFrame([(key, code, None), (key, code, norm + 10)], schema=schema, orient="row")
    whole, interrupted = candidate_prices(rows, sl, of, context(of).law)["price_kop"].to_list()
    assert interrupted < whole
