"""What does each case of the month cost by the tariff agreement? The stage `price` (Rules 158n chapter XI; law.md 7-9, 16)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import polars as pl

from omsclaims import contract
from omsclaims.context import Context
from omsclaims.law.agreement import KINDS, SETTINGS, Agreement
from omsclaims.tariffs.dialysis import add_dialysis
from omsclaims.tariffs.grouper import grouping
from omsclaims.tariffs.grouper.rules import Rules
from omsclaims.tariffs.ksg import Part, candidate_prices, price_ksg
from omsclaims.tariffs.lookup import look_up
from omsclaims.tariffs.misses import as_findings, misses
from omsclaims.tariffs.stays import several_groups
from omsclaims.tariffs.units import (
    price_calls,
    price_exams,
    price_per_capita,
    price_services,
    price_visits,
    price_vmp,
)

Tables = Mapping[str, pl.DataFrame]

_CASE: Final = ("package", "n_zap", "idcase", "file_kind", "letters", "usl_ok", "idsp", "lpu", "vidpom", "rslt", "date_z_2")
#: Columns of sl that prices read; a month without КСГ or ВМП need not have theirs.
_SL: Final[dict[str, pl.DataType]] = {
    "_row": pl.Int64(), "case_key": pl.Int64(), "sl_id": pl.String(), "n_ksg": pl.String(), "date_1": pl.Date(),
    "date_2": pl.Date(), "kd": pl.Int64(), "ds1": pl.String(), "profil": pl.Int64(), "p_cel": pl.String(), "det": pl.Int64(),
    "ed_col": pl.Int64(), "vid_hmp": pl.String(), "metod_hmp": pl.Int64(),
}  # fmt: skip
_USL: Final[dict[str, pl.DataType]] = {
    "_row": pl.Int64(), "_parent": pl.Int64(), "idserv": pl.String(), "code_usl": pl.String(), "kol_usl": pl.Int64(),
    "vid_vme": pl.String(), "date_out": pl.Date(),
}  # fmt: skip
_KOEF: Final[dict[str, pl.DataType]] = {"_parent": pl.Int64(), "idsl": pl.Int64()}
_IDENTIFIED: Final[dict[str, pl.DataType]] = {"case_key": pl.Int64(), "w": pl.Int64(), "age_start": pl.Int64()}
#: Kinds whose tariff is that of the day the completed case ended; the others: of the day the case (SL) ended.
_BY_COMPLETED_CASE: Final = ("vmp", "exam")


def price(tables: Tables, context: Context, chosen: Rules | None = None) -> dict[str, pl.DataFrame]:
    """Prices of all cases of the month: {'priced_sl', 'priced', 'findings'} (columns: `contract.TABLES`, `findings.SCHEMA`).

    tables  cases and sl; usl, sl_koef, identified, grouped where the month has any (`contract`; sl with case_key, usl and
            sl_koef with _parent = _row of sl)
    chosen  rules of the groups of one stay, None: those of the program

    Findings: C107 no tariff or no kind of payment fits, C111 no such КСГ, P.1 another key is missing or a factor is out of
    bounds, P.3 no number of dental units. A row that lacks anything has no price, and no completed case with such a row has one.
    Other null operands are silent: their absence is the business of the structure check.
    """
    agreement = context.agreement
    sl = _with_criterion(_with_kind(_joined(tables), agreement), tables.get("grouped"))
    usl = _typed(tables.get("usl"), _USL).rename({"_parent": "sl_key"})
    koef = _typed(tables.get("sl_koef"), _KOEF).rename({"_parent": "sl_key"}).with_columns(pl.col("idsl").cast(pl.String))
    identified = tables.get("identified", pl.DataFrame(schema=_IDENTIFIED))
    of_kind = {kind: sl.filter(pl.col("payment_kind") == kind) for kind in KINDS}
    ksg = sl.filter(pl.col("payment_kind").is_in(SETTINGS))
    groups = several_groups(price_ksg(ksg, koef, agreement, context.law), ksg, koef, agreement, context.law, chosen)
    parts = [
        add_dialysis(groups, usl, agreement),
        price_visits(of_kind["visit"], agreement, "visit", "visits"),
        price_visits(of_kind["episode"], agreement, "episode", "episodes"),
        price_calls(of_kind["call"], agreement),
        price_exams(of_kind["exam"], identified, agreement),
        price_services(of_kind["service"], usl, agreement),
        price_per_capita(of_kind["per_capita"], usl),
        price_vmp(of_kind["vmp"], agreement),
        Part(sl.filter(pl.col("payment_kind").is_null()), []),
    ]
    priced_sl = _priced_sl([part.rows for part in parts])
    found = [_no_kind(sl), _no_rounding(sl), *(_out_of_bounds(part.rows) for part in parts)]
    for part in parts:
        found.extend(part.misses)
    return {"priced_sl": priced_sl, "priced": _priced(tables["cases"], priced_sl), "findings": as_findings(found, sl)}


def group(tables: Tables, context: Context, chosen: Rules | None = None) -> dict[str, pl.DataFrame]:
    """Groups of the КСГ cases of a month by the workbooks among its books: {'grouped', 'group_candidates', 'findings'}.

    tables  as of `price`, with identified, and ds2, ds3, crit where the month has any
    chosen  rules of the choice, None: those of the program

    The choice between groups goes by what they would cost the clinic (law.md 8.1). Findings T.70-T.76 (tariffs.grouper).
    """
    sl = _with_kind(_joined(tables), context.agreement)
    prices = partial(_candidate_prices, sl=sl, context=context)
    return grouping.group_month(tables, context.books, prices, chosen)


def _candidate_prices(asked: pl.DataFrame, sl: pl.DataFrame, context: Context) -> pl.DataFrame:
    return candidate_prices(asked, sl, context.agreement, context.law)


def _with_criterion(sl: pl.DataFrame, grouped: pl.DataFrame | None) -> pl.DataFrame:
    """criterion_days: the norm of the stay that a criterion states, where the billed group is the computed one."""
    if grouped is None or grouped.is_empty():
        return sl
    norms = grouped.filter(pl.col("billed") == pl.col("ksg")).select("sl_key", pl.col("norm_days").alias("criterion_days"))
    return sl.join(norms, on="sl_key", how="left", maintain_order="left")


def _typed(table: pl.DataFrame | None, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Columns of `schema` of a table; what it does not have is null."""
    if table is None:
        return pl.DataFrame(schema=dict(schema))
    return table.select(
        pl.col(name).cast(kind) if name in table.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in schema.items()
    )


def _joined(tables: Tables) -> pl.DataFrame:
    """sl with what prices need of its completed case, in order of sl."""
    cases = tables["cases"].select("case_key", *_CASE)
    sl = _typed(tables["sl"], _SL).rename({"_row": "sl_key"})
    return sl.join(cases, on="case_key", how="inner").sort("sl_key")


def _with_kind(sl: pl.DataFrame, agreement: Agreement) -> pl.DataFrame:
    """Kind of payment, the day its tariff is asked for, and the rounding of the kind on that day."""
    none = -1  # USL_OK is absent in examinations: an absent value is a key of its own
    kinds = agreement.table("payment_kinds").with_columns(pl.col("usl_ok").fill_null(none))
    keyed = sl.with_columns(usl_ok_key=pl.col("usl_ok").fill_null(none))
    keys = {"file_kind": "file_kind", "usl_ok_key": "usl_ok", "idsp": "idsp"}
    taken = {"kind": "payment_kind", "source": "source_kind"}
    rows = look_up(keyed, kinds, keys, taken, day="date_z_2").drop("usl_ok_key")
    by_completed = pl.col("payment_kind").is_in(_BY_COMPLETED_CASE)
    rows = rows.with_columns(day=pl.when(by_completed).then("date_z_2").otherwise("date_2"))
    rounding = {"step_kop": "step_kop", "mode": "mode", "source": "source_rounding"}
    rows = look_up(rows, agreement.table("rounding"), {"payment_kind": "kind"}, rounding)
    return rows.with_columns(sources=pl.concat_str("source_kind", "source_rounding", separator=";", ignore_nulls=True))


def _no_kind(sl: pl.DataFrame) -> pl.DataFrame:
    """C107 where no kind of payment fits what is billed."""
    known = pl.all_horizontal(pl.col("file_kind", "idsp", "date_z_2").is_not_null())
    complete = known & (pl.col("usl_ok").is_not_null() | (pl.col("file_kind") == "X"))
    billed = pl.concat_str(
        "file_kind", pl.col("usl_ok").cast(pl.String).fill_null("-"), pl.col("idsp").cast(pl.String), separator="/"
    )
    return misses(sl, complete & pl.col("payment_kind").is_null(), "C107", "ZAP/Z_SL/SL/TARIF", billed, "payment_kinds")


def _no_rounding(sl: pl.DataFrame) -> pl.DataFrame:
    """P.1 where the agreement has no rounding for the kind on the day."""
    asked = pl.col("payment_kind").is_not_null() & pl.col("day").is_not_null() & (pl.col("payment_kind") != "per_capita")
    return misses(sl, asked & pl.col("step_kop").is_null(), "P.1", "ZAP/Z_SL/IDSP", pl.col("idsp").cast(pl.String), "rounding")


def _out_of_bounds(rows: pl.DataFrame) -> pl.DataFrame:
    """P.1 where a factor is negative or the amount beyond what the formats carry."""
    if "out_of_bounds" not in rows.columns:
        rows = rows.with_columns(out_of_bounds=pl.lit(False))
    value = pl.col("ed_col").cast(pl.String)
    return misses(rows, pl.col("out_of_bounds"), "P.1", "ZAP/Z_SL/SL/SUM_M", value, "bounds")


def _priced_sl(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """All parts with the columns of the contract, in order of sl."""
    schema = contract.TABLES["priced_sl"].schema()
    rows = pl.concat([_typed(part, schema) for part in parts]).sort("sl_key")
    return contract.check("priced_sl", rows)


def _priced(cases: pl.DataFrame, priced_sl: pl.DataFrame) -> pl.DataFrame:
    """Sum over the SL of each completed case, in order of case_key; null when one is missing or there is none."""
    totals = priced_sl.group_by("case_key", maintain_order=True).agg(
        payment_kind=pl.col("payment_kind").first(),
        price_kop=pl.when(pl.col("price_kop").is_not_null().all()).then(pl.col("price_kop").sum()),
    )
    priced = cases.select("case_key").join(totals, on="case_key", how="left").sort("case_key")
    return contract.check("priced", priced)
