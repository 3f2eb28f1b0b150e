"""What does a unit of care cost? Visits, обращения, calls, examinations, services, and the norm of a ВМП group.

Tariff x quantity, looked up on the date of care; dental units (УЕТ) by the tariff of one; services line by line, dialysis among
them by the table of its own; ВМП section I: N x (KD d + 1 - d) (law.md 9.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from omsclaims.law.agreement import ANY, Agreement
from omsclaims.tariffs.amounts import amounts
from omsclaims.tariffs.dialysis import TARIFF as DIALYSIS
from omsclaims.tariffs.dialysis import in_sections
from omsclaims.tariffs.dialysis import shown as dialysis_shown
from omsclaims.tariffs.ksg import ONE, Part
from omsclaims.tariffs.lookup import look_up
from omsclaims.tariffs.misses import misses

_SL: Final = "ZAP/Z_SL/SL/"
_TARIF: Final = f"{_SL}TARIF"
UNIT: Final = 100  # one unit in the scale of quantities, 2 decimals
_TARIFF: Final = {"tariff4": "rate4", "source": "source_tariff"}


def _with_any(rows: pl.DataFrame, table: pl.DataFrame, exact: dict[str, str], loose: str) -> pl.DataFrame:
    """Tariff by the exact key; where there is none, by the row that stands for any value of the column `loose`."""
    any_rows = table.filter(pl.col(exact[loose]) == ANY)
    own_rows = table.filter(pl.col(exact[loose]) != ANY)
    rest = {asked: column for asked, column in exact.items() if asked != loose}
    rows = look_up(rows, own_rows, exact, _TARIFF)
    rows = look_up(rows, any_rows, rest, {"tariff4": "any_rate4", "source": "any_source"})
    found = pl.col("rate4").is_not_null()
    return rows.with_columns(
        rate4=pl.coalesce("rate4", "any_rate4"),
        source_tariff=pl.when(found).then("source_tariff").otherwise("any_source"),
    )


def _of_clinic(rows: pl.DataFrame, agreement: Agreement) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Coefficient of the clinic (kus5) for kinds that have such a table; the clinics it lacks."""
    table = agreement.table("clinic_coefficients")
    rows = look_up(rows, table, {"lpu": "mo", "payment_kind": "kind"}, {"coefficient5": "kus5", "source": "source_coefficient"})
    used = pl.col("payment_kind").is_in(table["kind"].unique().to_list())
    known = pl.col("lpu").is_not_null() & pl.col("day").is_not_null()
    missed = misses(rows, used & pl.col("kus5").is_null() & known, "P.1", "ZAP/Z_SL/LPU", pl.col("lpu"), "clinic_coefficients")
    return rows.with_columns(clinic5=pl.when(used).then("kus5").otherwise(ONE), by_clinic=used), missed


def _finish(rows: pl.DataFrame, products: Sequence[Sequence[str]], group: pl.Expr, found: list[pl.DataFrame]) -> Part:
    """Price, formula and sources of rows that have all their factors."""
    money = amounts(rows, products)
    suffix = pl.when("by_clinic").then(pl.lit("_clinic")).otherwise(pl.lit(""))
    if "by_units" in rows.columns:
        suffix = pl.when("by_units").then(pl.lit("_uet")).otherwise(pl.lit("")) + suffix
    return Part(
        rows.with_columns(
            price_kop=money["amount_kop"],
            full_price_kop=money["amount_kop"],
            out_of_bounds=money["out_of_bounds"],
            formula=pl.concat_str(pl.col("payment_kind"), suffix),
            group=group,
            sources=pl.concat_str("sources", "source_tariff", "source_coefficient", separator=";", ignore_nulls=True),
        ),
        found,
    )


def price_visits(sl: pl.DataFrame, agreement: Agreement, kind: str, table: str) -> Part:
    """Visits or обращения: tariff by PROFIL, P_CEL (or any) and DET, times ED_COL (absent: one); dental ones: `_in_units`."""
    rows = sl.with_columns(det_text=pl.col("det").cast(pl.String), quantity2=pl.col("ed_col").fill_null(UNIT))
    keys = {"profil": "profil", "p_cel": "p_cel", "det_text": "det"}
    rows = _with_any(rows, agreement.table(table), keys, "p_cel")
    rows = _in_units(rows, agreement)
    rows, clinics_missed = _of_clinic(rows, agreement)
    group = pl.concat_str(pl.col("profil").cast(pl.String), pl.col("p_cel").fill_null("-"), "det_text", separator="/")
    asked = pl.all_horizontal(pl.col("day", "profil", "det").is_not_null())
    lacking = asked & pl.col("rate4").is_null()
    found = [
        misses(rows, lacking & ~pl.col("by_units"), "C107", _TARIF, group, table),
        misses(rows, lacking & pl.col("by_units"), "C107", _TARIF, group, "uet"),
        # How many units were done is nowhere else: to take one for granted would be a price made up.
        misses(rows, pl.col("by_units") & pl.col("quantity2").is_null(), "P.3", f"{_SL}ED_COL", pl.col("ed_col"), "uet"),
        clinics_missed,
    ]
    return _finish(rows, [("rate4", "quantity2", "clinic5")], group, found)


def _in_units(rows: pl.DataFrame, agreement: Agreement) -> pl.DataFrame:
    """Visits of a profile that the table `uet` has on the day (by_units): ED_COL units of dental work by the tariff of one.

    The tariff is that of PROFIL and DET; the table of visits then says nothing of them.
    """
    table = agreement.table("uet")
    if not table.height:
        return rows.with_columns(by_units=pl.lit(value=False))
    tariff = {"tariff4": "unit_rate4", "source": "unit_source"}
    rows = look_up(rows, table, {"profil": "profil", "det_text": "det"}, tariff)
    flags = []
    for det in table["det"].unique(maintain_order=True):
        flags.append(pl.col(f"units_of_{det}").is_not_null())
        rows = look_up(rows, table.filter(pl.col("det") == det), {"profil": "profil"}, {"source": f"units_of_{det}"})
    return rows.with_columns(by_units=pl.any_horizontal(flags)).with_columns(
        rate4=pl.when("by_units").then("unit_rate4").otherwise("rate4"),
        source_tariff=pl.when("by_units").then("unit_source").otherwise("source_tariff"),
        quantity2=pl.when("by_units").then("ed_col").otherwise("quantity2"),
    )


def price_calls(sl: pl.DataFrame, agreement: Agreement) -> Part:
    """Ambulance calls: tariff by VIDPOM (or any), times ED_COL (absent: one)."""
    rows = sl.with_columns(vidpom_text=pl.col("vidpom").cast(pl.String), quantity2=pl.col("ed_col").fill_null(UNIT))
    rows = _with_any(rows, agreement.table("calls"), {"vidpom_text": "vidpom"}, "vidpom_text")
    rows = rows.with_columns(rate4=pl.when(pl.col("vidpom").is_not_null()).then("rate4"))
    rows, clinics_missed = _of_clinic(rows, agreement)
    asked = pl.all_horizontal(pl.col("day", "vidpom").is_not_null())
    missed = misses(rows, asked & pl.col("rate4").is_null(), "C107", _TARIF, pl.col("vidpom_text"), "calls")
    return _finish(rows, [("rate4", "quantity2", "clinic5")], pl.col("vidpom_text"), [missed, clinics_missed])


def price_exams(sl: pl.DataFrame, identified: pl.DataFrame, agreement: Agreement) -> Part:
    """Completed examinations: tariff by letters of the file, sex and age (at the start, or reached in the year: an option).

    identified  case_key, w, age_start and, for the option in_year, age_in_year. An age below zero is no age: the birth date is
    wrong, which is a finding of the control, and the case stays without a price.
    """
    column = "age_start" if agreement.head.exam_age == "on_start" else "age_in_year"
    age = pl.col(column) if column in identified.columns else pl.lit(None, dtype=pl.Int64)
    people = identified.select("case_key", pl.col("w").cast(pl.String).alias("sex"), age.cast(pl.Int64).alias("age"))
    rows = sl.join(people, on="case_key", how="left", maintain_order="left").with_columns(quantity2=pl.lit(UNIT, dtype=pl.Int64))
    rows = look_up(
        rows,
        agreement.table("exams"),
        {"letters": "letters", "sex": "sex"},
        _TARIFF,
        where=pl.col("age").is_between(pl.col("__age_from"), pl.col("__age_to")),
        also=("age",),
    )
    rows, clinics_missed = _of_clinic(rows, agreement)
    group = pl.col("letters")
    known = pl.all_horizontal(pl.col("day", "letters", "sex").is_not_null())
    value = pl.concat_str("letters", "sex", pl.col("age").cast(pl.String), separator="/")
    missed = misses(rows, known & (pl.col("age") >= 0) & pl.col("rate4").is_null(), "C107", _TARIF, value, "exams")
    lacking = misses(
        rows, known & pl.lit(column not in identified.columns), "P.1", _TARIF, pl.lit(agreement.head.exam_age), "exam_age"
    )
    return _finish(rows, [("rate4", "quantity2", "clinic5")], group, [missed, lacking, clinics_missed])


def price_vmp(sl: pl.DataFrame, agreement: Agreement) -> Part:
    """ВМП section I: T = N x (KD d + 1 - d); the group is METOD_HMP, or VID_HMP where the method has no row (law.md 9.1)."""
    norm = {"norm4": "rate4", "wage_share5": "dzp5", "source": "source_tariff", "group": "group_found"}
    table = agreement.table("vmp").with_columns(key=pl.col("group"))
    rows = sl.with_columns(method=pl.col("metod_hmp").cast(pl.String))
    rows = look_up(rows, table, {"method": "key"}, norm)
    rows = look_up(rows, table, {"vid_hmp": "key"}, {source: f"kind_{target}" for source, target in norm.items()})
    of_method = pl.col("rate4").is_not_null()
    rows = rows.with_columns(
        pl.when(of_method).then(name).otherwise(f"kind_{name}").alias(name) for name in norm.values()
    ).with_columns(rest5=ONE - pl.col("dzp5"), quantity2=pl.lit(UNIT, dtype=pl.Int64))
    clinic = {"place": "place", "source": "source_clinic"}
    rows = look_up(rows, agreement.table("clinics"), {"lpu": "mo", "payment_kind": "setting"}, clinic)
    rows = look_up(rows, agreement.table("places"), {"place": "place"}, {"kd5": "kd5", "source": "source_place"})
    dated = pl.col("day").is_not_null()
    known = dated & pl.col("rate4").is_not_null()
    clinic_known = pl.col("source_clinic").is_not_null()
    asked = pl.coalesce("method", "vid_hmp")
    no_clinic = known & ~clinic_known & pl.col("lpu").is_not_null()
    found = [
        misses(rows, dated & asked.is_not_null() & pl.col("rate4").is_null(), "C107", _TARIF, asked, "vmp"),
        misses(rows, no_clinic, "P.1", "ZAP/Z_SL/LPU", pl.col("lpu"), "clinics"),
        misses(rows, known & clinic_known & pl.col("kd5").is_null(), "P.1", "ZAP/Z_SL/LPU", pl.col("place"), "places"),
    ]
    rows = rows.with_columns(
        by_clinic=pl.lit(False),
        source_coefficient=pl.concat_str("source_clinic", "source_place", separator=";", ignore_nulls=True),
    )
    return _finish(rows, [("rate4", "dzp5", "kd5"), ("rate4", "rest5")], pl.col("group_found"), found)


def price_services(sl: pl.DataFrame, usl: pl.DataFrame, agreement: Agreement) -> Part:
    """Services paid one by one: sum over USL of tariff(CODE_USL on DATE_OUT) x KOL_USL, each line rounded.

    usl  sl_key, idserv, code_usl, kol_usl (0.01), date_out, _row. A case without services has nothing to be paid by: C107.

    Where the agreement has the table `dialysis`, its services are paid by it: tariff x KOL_USL x coefficient of the kind.
    """
    rows, clinics_missed = _of_clinic(sl, agreement)
    carried = rows.select("sl_key", "payment_kind", "step_kop", "clinic5", pl.col("day").alias("day_of_case"))
    lines = usl.join(carried, on="sl_key").sort("sl_key", "_row")
    lines = lines.with_columns(day=pl.coalesce("date_out", "day_of_case"))
    lines = look_up(lines, agreement.table("services"), {"code_usl": "code_usl"}, _TARIFF)
    asked = pl.col("code_usl").is_not_null() & pl.col("day").is_not_null()
    lines, of_dialysis, shown = _with_dialysis(lines.rename({"kol_usl": "quantity2"}), agreement)
    lacking = asked & pl.col("rate4").is_null()
    unknown = [
        misses(lines, lacking & where, "C107", f"{_SL}USL/CODE_USL", pl.col("code_usl"), table, pl.col("idserv"))
        for table, where in (("services", ~of_dialysis), ("dialysis", of_dialysis))
    ]
    money = amounts(lines, [("rate4", "quantity2", "clinic5", "dialysis5")])
    lines = lines.with_columns(line_kop=money["amount_kop"], line_out=money["out_of_bounds"])
    one = pl.len() == 1
    totals = lines.group_by("sl_key", maintain_order=True).agg(
        price_kop=pl.when(pl.col("line_kop").is_not_null().all()).then(pl.col("line_kop").sum()),
        out_of_bounds=pl.col("line_out").any(),
        group=pl.col("code_usl").drop_nulls().unique(maintain_order=True).str.join("+"),
        rate4=pl.when(one).then(pl.col("rate4").first()),
        quantity2=pl.when(one).then(pl.col("quantity2").first()),
        source_tariff=shown.drop_nulls().str.join(";"),
    )
    rows = rows.join(totals, on="sl_key", how="left", maintain_order="left")
    none = pl.col("out_of_bounds").is_null() & pl.col("day").is_not_null()
    empty = misses(rows, none, "C107", f"{_SL}USL", pl.lit(None, dtype=pl.String), "services")
    suffix = pl.when("by_clinic").then(pl.lit("_clinic")).otherwise(pl.lit(""))
    rows = rows.with_columns(
        out_of_bounds=pl.col("out_of_bounds").fill_null(False),
        full_price_kop=pl.col("price_kop"),
        formula=pl.concat_str(pl.col("payment_kind"), suffix),
        sources=pl.concat_str("sources", "source_tariff", "source_coefficient", separator=";", ignore_nulls=True),
    )
    return Part(rows, [*unknown, empty, clinics_missed])


def _with_dialysis(lines: pl.DataFrame, agreement: Agreement) -> tuple[pl.DataFrame, pl.Expr, pl.Expr]:
    """Lines with the tariff (rate4, source_tariff) and coefficient (dialysis5; others: 1) of dialysis where they are any.

    Beside them: whether a line is of the sections of that table, and its figures for `sources`. A service of these sections that
    only the table of services has is paid by that.
    """
    plain = pl.format("{}({}={}*{})", "source_tariff", "code_usl", "rate4", "quantity2")
    table = agreement.table("dialysis")
    if not table.height:
        return lines.with_columns(dialysis5=pl.lit(ONE, dtype=pl.Int64)), pl.lit(value=False), plain
    lines = look_up(lines, table, {"code_usl": "code_usl"}, DIALYSIS)
    found = pl.col("dialysis_rate4").is_not_null()
    lines = lines.with_columns(
        rate4=pl.when(found).then("dialysis_rate4").otherwise("rate4"),
        source_tariff=pl.when(found).then("dialysis_source").otherwise("source_tariff"),
        dialysis5=pl.when(found).then("dialysis5").otherwise(ONE),
    )
    return lines, in_sections("code_usl", table), pl.when(found).then(dialysis_shown("code_usl")).otherwise(plain)


def price_per_capita(sl: pl.DataFrame, usl: pl.DataFrame) -> Part:
    """Care inside the per-capita money: services are counted, nothing is paid again (law.md 7.8)."""
    counted = usl.group_by("sl_key", maintain_order=True).agg(quantity2=pl.col("kol_usl").sum())
    rows = sl.join(counted, on="sl_key", how="left", maintain_order="left")
    nothing = pl.lit(0, dtype=pl.Int64)
    return Part(
        rows.with_columns(
            price_kop=nothing, full_price_kop=nothing, out_of_bounds=pl.lit(False), formula=pl.lit("per_capita"),
            group=pl.lit(None, dtype=pl.String),
        ),
        [],
    )  # fmt: skip
