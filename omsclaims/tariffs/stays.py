"""What do several groups of one stay cost? The dearest is paid, others for a reason; a transfer interrupts (law.md 8.5, 8.6).

Only stays with more than one КСГ sub-case come here. Each is priced as if it stood alone, then held against the others of its
stay by the size of payment; dialysis comes on top afterwards, whether its group is paid or not.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims.law import Parameters
from omsclaims.law.agreement import Agreement
from omsclaims.tariffs.grouper.beside import NONE, ONLY, UNKNOWN, paid_groups
from omsclaims.tariffs.grouper.rules import Rules
from omsclaims.tariffs.ksg import Part, price_ksg

#: What the formula of a group ends in that is not paid beside a dearer one.
UNPAID: Final = "_unpaid"
#: Columns of a priced row that a stay may change, beside its formula.
_OWN: Final = ("price_kop", "full_price_kop", "interrupted", "share5", "out_of_bounds", "sources")


def several_groups(
    part: Part, sl: pl.DataFrame, sl_koef: pl.DataFrame, agreement: Agreement, law: Parameters, chosen: Rules | None = None
) -> Part:
    """Rows of КСГ kinds with `beside` and `beside_group` (contract: priced_sl), and the prices that follow.

    part         as of `price_ksg`, which was asked for `sl` and `sl_koef`
    chosen       rules with the list of reasons, None: those of the program

    A sub-case that is not paid has price_kop and full_price_kop 0 and a formula that ends in UNPAID; its factors stay, for they
    say what it would have been. One that a transfer interrupts is priced once more with reason 2, unless its result gives one.
    Where a group or a price of a stay is not known, no sub-case of it has a price. Finding P.1: no share for the transfer.
    """
    rows = part.rows
    positions = _together(rows["case_key"]).arg_true()
    said = [pl.repeat(ONLY, rows.height, eager=True).alias("beside"), pl.Series("beside_group", [None], dtype=pl.String)]
    told = rows.with_columns(said[0], said[1].new_from_index(0, rows.height))
    if positions.is_empty():
        return Part(told, part.misses)
    several = rows[positions]
    decided = paid_groups(_asked(several), chosen)
    moved = _moved(several, decided).implode()
    again = price_ksg(sl.filter(pl.col("sl_key").is_in(moved)).with_columns(transferred=True), sl_koef, agreement, law)
    kept = several.filter(~pl.col("sl_key").is_in(moved))
    both = pl.concat([part.select("sl_key", *_OWN, "formula") for part in (kept, _with_sources(again.rows, several))])
    made = _decided(both, decided).sort("sl_key")
    # Stays with one group are most of a month: nothing of them is copied or sorted again.
    changed = [told[name].clone().scatter(positions, made[name]) for name in (*_OWN, "formula", "beside", "beside_group")]
    return Part(told.with_columns(changed), [*part.misses, *again.misses])


def _together(cases: pl.Series) -> pl.Series:
    """Whether each row shares its case with another one; sub-cases of a case mostly stand side by side."""
    if cases.null_count() or not cases.is_sorted():
        return cases.is_duplicated()
    return ((cases == cases.shift(1)) | (cases == cases.shift(-1))).fill_null(value=False)


def _asked(rows: pl.DataFrame) -> pl.DataFrame:
    """Sub-cases as `paid_groups` takes them."""
    columns = ("price_kop", "day", "date_1", "date_2", "days")
    return rows.select("case_key", "sl_key", pl.col("n_ksg").alias("ksg"), "ds1", *columns)


def _moved(rows: pl.DataFrame, decided: pl.DataFrame) -> pl.Series:
    """Sub-cases that a transfer interrupts and whose result gives no reason of its own: their sl_key."""
    interrupted = decided.filter("interrupted").select("sl_key")
    return rows.filter(pl.col("reason_of_result").is_null()).join(interrupted, on="sl_key", how="semi")["sl_key"]


def _with_sources(again: pl.DataFrame, first: pl.DataFrame) -> pl.DataFrame:
    """Rows priced again; their sources name the share of the first pricing, too: it said which group is the dearest."""
    was = first.select("sl_key", first_short="source_short", first_share="source_share")
    rows = again.join(was, on="sl_key", how="left", maintain_order="left")
    share = pl.when(pl.col("first_share").ne_missing(pl.col("source_share"))).then("first_share")
    sources = pl.concat_str("sources", "first_short", share, separator=";", ignore_nulls=True)
    return rows.with_columns(sources=sources).drop("first_short", "first_share")


def _decided(rows: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Prices, formulas and sources of the sub-cases of a stay after the decision."""
    told = decided.select("sl_key", beside="reason", beside_group="dearest", source_beside="sources")
    rows = rows.join(told, on="sl_key", how="left", maintain_order="left")
    none, unknown = pl.col("beside") == NONE, pl.col("beside") == UNKNOWN
    money = [
        pl.when(none).then(pl.lit(0, dtype=pl.Int64)).when(~unknown).then(name).alias(name)
        for name in ("price_kop", "full_price_kop")
    ]
    return rows.with_columns(
        *money,
        formula=pl.when(none).then(pl.col("formula") + UNPAID).otherwise("formula"),
        sources=pl.concat_str("sources", pl.col("source_beside").replace("", None), separator=";", ignore_nulls=True),
    )
