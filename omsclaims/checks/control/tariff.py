"""Does the billed amount agree with the tariff agreement? Reads computed prices, computes none (231n 1.7.2, 1.4.5, 1.10.4).

КСГ cases first say which factor is wrong (C112, C116, C114), or that their group is not paid (C121), and only then that the
amount is wrong (C113).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims import money
from omsclaims.checks.catalogue import Rule
from omsclaims.checks.frames import within
from omsclaims.checks.rules import Run, decimal, needs, params_of, roubles, table

_KSG: Final = ["ksg_inpatient", "ksg_day"]
_OTHERS: Final = ["visit", "episode", "call", "exam", "service", "vmp"]
_WHOLE: Final = 100_000  # share of a case that was not interrupted, 5 decimals
_PREFIX: Final = "ZAP/Z_SL/SL/KSG_KPG/"
#: Billed coefficient -> computed one, in the order in which they are named.
_COEFFICIENTS: Final = {"koef_z": "kz5", "koef_up": "ks5", "koef_u": "kus5", "koef_d": "kd5", "bztsz": "rate_kop"}


def _priced(run: Run) -> pl.DataFrame:
    """Sub-cases with the price that the agreement gives them (contract: priced_sl)."""
    return run.once("priced sub-cases", lambda: _with_prices(run))


def _with_prices(run: Run) -> pl.DataFrame:
    prices = run.view.tables["priced_sl"].select(
        pl.col("sl_key").alias("sl_row"), "payment_kind", "price_kop", "full_price_kop", "group", "rate4", "kz5", "ks5", "kus5",
        "kd5", "kslp5", "share5", "interrupted", "beside",
    )  # fmt: skip
    return within(run.view.subs("z_row", "sum_m", "it_sl", *_COEFFICIENTS), prices, "sl_row")


def _ksg(run: Run) -> pl.DataFrame:
    """КСГ sub-cases with the answers to each question: wrong_factor (its name), wrong_kslp, unshared, unpaid, wrong_sum."""
    return run.once("priced groups", lambda: _answered(run))


def _answered(run: Run) -> pl.DataFrame:
    rows = _priced(run).filter(
        pl.col("payment_kind").is_in(_KSG) & pl.col("price_kop").is_not_null() & pl.col("sum_m").is_not_null()
    )
    # BZTSZ has two decimals, the rate of the agreement four.
    rates = rows.select("rate4").drop_nulls().unique().sort("rate4")
    rounded = rates.with_columns(
        pl.Series("rate_kop", money.exact_amounts([money.Term((rates["rate4"].to_numpy(),), 4)]), dtype=pl.Int64)
    )
    rows = rows.join(rounded, on="rate4", how="left", maintain_order="left")
    wrong_factor = pl.coalesce(
        [
            pl.when(pl.col(billed) != pl.col(computed)).then(pl.lit(billed)).otherwise(None)
            for billed, computed in _COEFFICIENTS.items()
        ]
    )
    return rows.with_columns(
        wrong_factor=wrong_factor,
        wrong_kslp=(pl.col("it_sl").fill_null(0) != pl.col("kslp5")).fill_null(value=False),
        unshared=(
            (pl.col("share5") < _WHOLE) & (pl.col("sum_m") == pl.col("full_price_kop")) & (pl.col("sum_m") != pl.col("price_kop"))
        ).fill_null(value=False),
        # Billed although a dearer group of the stay is paid instead: C121 says so and takes the money.
        unpaid=(pl.col("beside") == "none").fill_null(value=False) & (pl.col("sum_m") > pl.col("price_kop")),
        wrong_sum=pl.col("sum_m") != pl.col("price_kop"),
    )


@table("C112")
def wrong_coefficient(run: Run, rule: Rule) -> pl.DataFrame:
    """A billed coefficient or the base rate differs from the agreement; the element is the first that does."""
    rows = _ksg(run).filter(pl.col("wrong_factor").is_not_null())
    billed: pl.Expr = pl.lit(None, dtype=pl.String)
    expected: pl.Expr = pl.lit(None, dtype=pl.String)
    for name, computed in _COEFFICIENTS.items():
        show = roubles if name == "bztsz" else _coefficient
        here = pl.col("wrong_factor") == name
        billed = pl.when(here).then(show(pl.col(name))).otherwise(billed)
        expected = pl.when(here).then(show(pl.col(computed))).otherwise(expected)
    params = {"expected": expected, "group": pl.col("group"), "tag": pl.col("wrong_factor").str.to_uppercase()}
    return rows.select(
        "sl_row",
        (pl.lit(_PREFIX) + pl.col("wrong_factor").str.to_uppercase()).alias("element"),
        billed.alias("value"),
        params_of(params).alias("params"),
    )


def _coefficient(units: pl.Expr) -> pl.Expr:
    return decimal(units, 5)


@table("C116")
def wrong_complexity(run: Run, rule: Rule) -> pl.DataFrame:
    """IT_SL (0 when absent) differs from what the billed codes give by the agreement."""
    rows = _ksg(run).filter(pl.col("wrong_kslp"))
    params = {"expected": decimal(pl.col("kslp5"), 5), "group": pl.col("group")}
    return rows.select("sl_row", decimal(pl.col("it_sl").fill_null(0), 5).alias("value"), params_of(params).alias("params"))


@table("C114")
def interrupted_billed_whole(run: Run, rule: Rule) -> pl.DataFrame:
    """An interrupted case billed as if it were whole."""
    return _amounts(_ksg(run).filter(pl.col("unshared")))


@table("C113")
def wrong_ksg_amount(run: Run, rule: Rule) -> pl.DataFrame:
    """The amount of a КСГ case differs and neither a factor nor another group of the stay explains it."""
    explained = pl.col("wrong_factor").is_not_null() | pl.col("wrong_kslp") | pl.col("unshared") | pl.col("unpaid")
    return _amounts(_ksg(run).filter(pl.col("wrong_sum") & ~explained))


@table("C110")
def other_group(run: Run, rule: Rule) -> pl.DataFrame:
    """Billed by another group than the grouper gives. Of two groups that cost the same either may be billed."""
    rows = run.view.tables["grouped"].rename({"sl_key": "sl_row"})
    same_price = (pl.col("tied") & (pl.col("billed_price_kop") == pl.col("price_kop"))).fill_null(value=False)
    wrong = rows.filter((pl.col("billed") != pl.col("ksg")).fill_null(value=False) & ~same_price).sort("sl_row")
    params = {"expected": pl.col("ksg"), "candidates": pl.col("candidates")}
    return wrong.select("sl_row", pl.col("billed").alias("value"), params_of(params).alias("params"))


@needs("C110")
def _some_grouper(run: Run, rule: Rule) -> str:
    """Nothing is grouped where neither workbook is loaded: that is no proof that the groups are right."""
    books = ("KSG.ST.GROUPER", "KSG.DS.GROUPER")
    grouped = run.view.tables["grouped"].height > 0
    return "" if grouped or any(run.books.has(name) for name in books) else f"book:{', '.join(books)}"


@table("C108")
def wrong_tariff(run: Run, rule: Rule) -> pl.DataFrame:
    """A visit, episode, call, check-up, service or high-tech case billed at another amount than the agreement's."""
    return _amounts(_priced(run).filter(pl.col("payment_kind").is_in(_OTHERS) & (pl.col("sum_m") != pl.col("price_kop"))))


@table("C150")
def billed_inside_per_capita(run: Run, rule: Rule) -> pl.DataFrame:
    """Care inside the per-capita money billed with an amount of its own."""
    return _amounts(_priced(run).filter((pl.col("payment_kind") == "per_capita") & (pl.col("sum_m") > 0)))


@table("P.2")
def let_through_without_a_price(run: Run, rule: Rule) -> pl.DataFrame:
    """Nothing refused the case, and it has no price: what a missing field kept every other rule of price silent about."""
    refused = run.view.tables["refused"].select(pl.col("case_key").alias("z_row"))
    rows = _priced(run).filter(pl.col("price_kop").is_null()).join(refused, on="z_row", how="anti", maintain_order="left")
    return _amounts(rows)


def _amounts(rows: pl.DataFrame) -> pl.DataFrame:
    params = {
        "expected": roubles(pl.col("price_kop")), "group": pl.col("group"), "share": decimal(pl.col("share5"), 5),
        "interrupted": pl.col("interrupted"),
    }  # fmt: skip
    return rows.select("sl_row", roubles(pl.col("sum_m")).alias("value"), params_of(params).alias("params"))
