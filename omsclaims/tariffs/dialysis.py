"""What does dialysis add to the price of a stay? Each service by its tariff, on top of the group (checks.md 3.3; law.md 8, 16).

Only where the agreement has the table `dialysis`. A line of a case is dialysis when its code (CODE_USL, else VID_VME) stands in
that table or belongs to a section of the nomenclature that the table has: what stands before the first point of a code, A18 as a
rule. So a service that the table lacks is a finding and not a service given for nothing. Neither the share of an interrupted case
nor the coefficients of the group touch it.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims.law.agreement import Agreement
from omsclaims.tariffs.amounts import amounts
from omsclaims.tariffs.ksg import Part
from omsclaims.tariffs.lookup import look_up
from omsclaims.tariffs.misses import misses

_USL: Final = "ZAP/Z_SL/SL/USL/"
#: Elements that may hold the code, the first goes before the second.
_CODES: Final = ("code_usl", "vid_vme")
TARIFF: Final = {"tariff4": "dialysis_rate4", "coefficient5": "dialysis5", "source": "dialysis_source"}


def _section(code: pl.Expr) -> pl.Expr:
    return code.str.extract(r"^([^.]+)", 1)


def in_sections(code: str, table: pl.DataFrame) -> pl.Expr:
    """Whether the column `code` holds a service of the sections that the table `dialysis` has; false where it is null."""
    sections = table.select(_section(pl.col("code_usl")).unique().alias("section"))["section"].to_list()
    return _section(pl.col(code)).is_in(sections).fill_null(value=False)


def _lines(usl: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """The lines of dialysis, the element that says so (`by`) and its code: one that the table has goes before its section."""
    known = table["code_usl"].unique().to_list()
    by_table = [pl.when(pl.col(name).is_in(known)).then(pl.lit(name)) for name in _CODES]
    by_section = [pl.when(in_sections(name, table)).then(pl.lit(name)) for name in _CODES]
    lines = usl.with_columns(by=pl.coalesce(*by_table, *by_section)).filter(pl.col("by").is_not_null())
    return lines.with_columns(code=pl.when(pl.col("by") == "code_usl").then("code_usl").otherwise("vid_vme"))


def add_dialysis(part: Part, usl: pl.DataFrame, agreement: Agreement) -> Part:
    """Priced rows of КСГ with the dialysis of their cases on top, in price_kop and full_price_kop alike.

    part  as of `price_ksg`
    usl   sl_key, _row, idserv, code_usl, vid_vme, kol_usl (0.01), date_out

    Each line is tariff x KOL_USL x coefficient of the kind of dialysis, by the tariff of the day of the service (DATE_OUT, else
    the end of the case), rounded by itself to the step of the case. Its figures stand in `sources`; the formula ends in
    `_dialysis`.
    Finding C107: the table has no row for a service of its sections on the day; the case then has no price.
    """
    table = agreement.table("dialysis")
    if not table.height:
        return part
    carried = part.rows.select("sl_key", "payment_kind", "step_kop", pl.col("day").alias("day_of_case"))
    lines = _lines(usl, table).join(carried, on="sl_key").sort("sl_key", "_row")
    if not lines.height:
        return part
    lines = lines.with_columns(day=pl.coalesce("date_out", "day_of_case")).rename({"kol_usl": "quantity2"})
    lines = look_up(lines, table, {"code": "code_usl"}, TARIFF)
    missed = pl.col("dialysis_rate4").is_null() & pl.col("day").is_not_null()
    found = [
        misses(lines, missed & (pl.col("by") == name), "C107", _USL + name.upper(), pl.col("code"), "dialysis", pl.col("idserv"))
        for name in _CODES
    ]
    money = amounts(lines, [("dialysis_rate4", "quantity2", "dialysis5")])
    totals = (
        lines.with_columns(line_kop=money["amount_kop"], line_out=money["out_of_bounds"])
        .group_by("sl_key", maintain_order=True)
        .agg(
            dialysis_kop=pl.when(pl.col("line_kop").is_not_null().all()).then(pl.col("line_kop").sum()),
            dialysis_out=pl.col("line_out").any(),
            source_dialysis=shown("code").drop_nulls().str.join(";"),
        )
    )
    return Part(_on_top(part.rows, totals), [*part.misses, *found])


def shown(code: str) -> pl.Expr:
    """The figures of a line of dialysis as `sources` bear them: where the tariff stands, code, tariff, quantity, coefficient."""
    return pl.format("{}({}={}*{}*{})", "dialysis_source", code, "dialysis_rate4", "quantity2", "dialysis5")


def _on_top(rows: pl.DataFrame, totals: pl.DataFrame) -> pl.DataFrame:
    """Prices, formula and sources of the rows that have dialysis; the others stay as they are."""
    rows = rows.join(totals, on="sl_key", how="left", maintain_order="left")
    has = pl.col("dialysis_out").is_not_null()
    added = {
        "price_kop": pl.col("price_kop") + pl.col("dialysis_kop"),
        "full_price_kop": pl.col("full_price_kop") + pl.col("dialysis_kop"),
        "out_of_bounds": pl.col("out_of_bounds") | pl.col("dialysis_out"),
        "formula": pl.col("formula") + "_dialysis",
        "sources": pl.concat_str("sources", pl.col("source_dialysis").replace("", None), separator=";", ignore_nulls=True),
    }
    return rows.with_columns(pl.when(has).then(new).otherwise(pl.col(name)).alias(name) for name, new in added.items())
