"""Does high-tech care fit its voucher, kind and method? (231n 1.4.4; Q015 006F.00.0312-0315; Q016 003K.00.0530-0540.)"""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.control.narrow import first_of, over
from omsclaims.checks.rules import Broken, Run, needs, on, params_of, table

_SL: Final = "ZAP/Z_SL/SL/"


@on("C129")
def voucher_at_a_wrong_time(parameters: Parameters) -> Broken:
    """The voucher is given out before care, and after birth."""
    where = (pl.col("tal_d") > pl.col("date_1")) | (pl.col("tal_d") < pl.col("dr"))
    return Broken(where, params={"date_1": pl.col("date_1")})


def _methods(run: Run) -> pl.DataFrame:
    """Sub-cases of T with each row of V019 that their method has on DATE_2: sl_row, vid_hmp, ds1, hvid, diag."""
    book = run.books.require("V019").rows.select("code", "valid_from", "valid_to", "hvid", "diag")
    rows = (
        run.view.sl.lazy()
        .filter(pl.col("file_kind") == "T")
        .select("sl_row", "vid_hmp", "ds1", "date_2", "metod_hmp", pl.col("metod_hmp").cast(pl.String).alias("code"))
        .collect()
    )
    return rows.join(book, on="code", how="inner", maintain_order="left").filter(
        (pl.col("valid_from") <= pl.col("date_2")) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("date_2")))
    )


@table("C130")
def method_of_another_kind(run: Run, rule: Rule) -> pl.DataFrame:
    """No row of the method belongs to the kind that is billed; an unknown method is C220."""
    methods = _methods(run).drop_nulls(["vid_hmp", "hvid"])
    kinds = methods.group_by("sl_row", maintain_order=True).agg(
        pl.col("vid_hmp", "metod_hmp").first(),
        right=(pl.col("hvid") == pl.col("vid_hmp")).any(),
        hvid=pl.col("hvid").unique().sort().str.join(", "),
    )
    params = {"vid_hmp": pl.col("vid_hmp"), "hvid": pl.col("hvid")}
    return kinds.filter(~pl.col("right")).select(
        "sl_row", pl.col("metod_hmp").cast(pl.String).alias("value"), params_of(params).alias("params")
    )


@table("C131")
def method_for_another_diagnosis(run: Run, rule: Rule) -> pl.DataFrame:
    """DS1 is none of the diagnoses of the method; the book names categories (I20) as well as whole codes (I20.0)."""
    methods = _methods(run).drop_nulls(["ds1", "diag"])
    listed = methods.with_columns(pl.col("diag").str.split(";")).explode("diag").with_columns(pl.col("diag").str.strip_chars())
    known = (
        listed.filter(pl.col("diag") != "")
        .group_by("sl_row", maintain_order=True)
        .agg(pl.col("ds1", "metod_hmp").first(), right=pl.col("ds1").str.starts_with(pl.col("diag")).any())
    )
    return known.filter(~pl.col("right")).select(
        "sl_row", pl.col("ds1").alias("value"), params_of({"metod_hmp": pl.col("metod_hmp")}).alias("params")
    )


def high_tech(run: Run) -> pl.DataFrame:
    """Sub-cases of files T: sl_row, z_row, file_kind, date_z_2, lpu, voucher and kind of care."""
    return run.once("high-tech", lambda: _high_tech(run))


def _high_tech(run: Run) -> pl.DataFrame:
    cases = run.view.case.lazy().filter(pl.col("file_kind") == "T").select("z_row", "file_kind", "date_z_2", "lpu").collect()
    rows = run.view.table("sl").select(
        pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"), "tal_num", "tal_d", "vid_hmp", "metod_hmp"
    )
    return rows.join(cases, on="z_row", how="inner", maintain_order="left")


@over(high_tech, "C128")
def no_voucher(parameters: Parameters) -> Broken:
    """High-tech care without the number or day of its voucher, or without its kind."""
    return first_of(*((pl.col(name).is_null(), _SL + name.upper(), None) for name in ("tal_num", "tal_d", "vid_hmp")))


@table("C132")
def clinic_without_quota(run: Run, rule: Rule) -> pl.DataFrame:
    """The clinic was given no place of high-tech care in the year, as far as the day of knowledge tells."""
    known = run.view.tables["reg_quota"].filter(pl.col("since") <= run.as_of)
    last = known.sort("mo", "group", "year", "since", "places").unique(["mo", "group", "year"], keep="last", maintain_order=True)
    given = last.filter(pl.col("places") > 0).select(pl.col("mo").alias("lpu"), "year").unique()
    rows = high_tech(run).select("z_row", "lpu", year=pl.col("date_z_2").dt.year().cast(pl.Int64)).drop_nulls().unique()
    alone = rows.join(given, on=["lpu", "year"], how="anti").sort("z_row")
    return alone.select("z_row", pl.col("lpu").alias("value"), params_of({"year": pl.col("year")}).alias("params"))


@needs("C132")
def quotas_are_known(run: Run, rule: Rule) -> str:
    """A territory that keeps no quotas says nothing of anybody."""
    return "" if run.view.tables["reg_quota"].height else "table:reg_quota"
