"""Does high-tech care stand on its voucher? (Rules of the voucher: law.md 9.2-9.3; 231n 1.4.4, 1.6.1, 1.6.2.)

Every sub-case of T names a voucher (TAL_NUM). It is held against the voucher as of the day of knowledge (contract: vouchers): it
exists, is of this person, clinic and group, of this day, has one use, and is in a state that allows the admission. Where the
territory keeps no register of vouchers the rules are not executed, and that is said.
"""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Rule
from omsclaims.checks.rules import Run, params_of, table

_SINGLE_POLICY = 3  # F008
_KNOWN_BEFORE = "history"


def _billed(run: Run) -> pl.DataFrame:
    """Sub-cases of T with the number of their voucher: sl_row, z_row, number as billed, voucher for comparison, own columns."""
    of_sl = run.view.table("sl").select(pl.col("_row").alias("sl_row"), "tal_num")
    of_case = run.view.cases("idcase", "vpolis").join(
        run.view.tables["identified"].select(pl.col("case_key").alias("z_row"), "person_key", "status"), on="z_row", how="left"
    )
    plain = pl.col("tal_num").str.to_uppercase().str.replace_all(r"\s+", "")
    return (
        run.view.subs("file_kind", "z_row", "date_1", "tal_d", "vid_hmp", "metod_hmp", "lpu", "novor")
        .filter(pl.col("file_kind") == "T")
        .drop("file_kind")
        .join(of_sl, on="sl_row", how="left", maintain_order="left")
        .join(of_case, on="z_row", how="left", maintain_order="left")
        .with_columns(voucher=pl.when(plain == "").then(None).otherwise(plain))
    )


def _held(run: Run) -> pl.DataFrame:
    """Sub-cases whose voucher the register holds, with the voucher's columns as `of_*`."""
    register = run.view.tables["vouchers"]
    renamed = register.rename({name: f"of_{name}" for name in register.columns if name != "voucher"})
    return run.once(
        "held vouchers", lambda: _billed(run).join(renamed, on="voucher", how="inner", maintain_order="left")
    )  # fmt: skip


def _rows(rows: pl.DataFrame, value: pl.Expr, **params: pl.Expr) -> pl.DataFrame:
    told = {"voucher": pl.col("tal_num"), **params}
    return rows.select("sl_row", value.cast(pl.String).alias("value"), params_of(told).alias("params"))


@table("C133")
def unknown_voucher(run: Run, rule: Rule) -> pl.DataFrame:
    """The register holds no voucher of this number; a case without a number is a matter of structure."""
    known = run.view.tables["vouchers"].select("voucher")
    return _rows(_billed(run).filter(pl.col("voucher").is_not_null()).join(known, on="voucher", how="anti"), pl.col("tal_num"))


@table("C260")
def voucher_of_another_person(run: Run, rule: Rule) -> pl.DataFrame:
    """The voucher was given to another person; a newborn is treated under the policy of another and is not compared."""
    known = (pl.col("status") == "own") | (pl.col("vpolis") == _SINGLE_POLICY)
    other = pl.col("person_key") != pl.col("of_person_key")
    adult = pl.col("novor").fill_null("0") == "0"
    return _rows(_held(run).filter(known & other & adult), pl.col("tal_num"))


@table("C261")
def voucher_of_another_clinic(run: Run, rule: Rule) -> pl.DataFrame:
    """Another clinic was to treat the patient."""
    return _rows(_held(run).filter(pl.col("lpu") != pl.col("of_mo")), pl.col("lpu"), mo=pl.col("of_mo"))


@table("C262")
def voucher_of_another_group(run: Run, rule: Rule) -> pl.DataFrame:
    """The voucher's group is neither the method nor the kind billed, nor the group that the price was taken from."""
    group = run.view.tables["priced_sl"].select(pl.col("sl_key").alias("sl_row"), pl.col("group").alias("priced_group"))
    rows = _held(run).join(group, on="sl_row", how="left", maintain_order="left")
    same = [
        (pl.col("of_group") == one).fill_null(value=False)
        for one in (pl.col("metod_hmp").cast(pl.String), pl.col("vid_hmp"), pl.col("priced_group"))
    ]
    other = rows.filter(~pl.any_horizontal(*same))
    return _rows(other, pl.col("metod_hmp"), group=pl.col("of_group"), vid_hmp=pl.col("vid_hmp"))


@table("C263")
def voucher_used_twice(run: Run, rule: Rule) -> pl.DataFrame:
    """A voucher is one hospitalisation: of two cases the first in canonical order keeps it, one paid earlier always."""
    rows = _held(run)
    if run.against_history:
        before = run.view.tables["voucher_uses_before"].sort("month", "package", "idcase")
        first_use = before.unique("voucher", keep="first", maintain_order=True)
        used = first_use.select("voucher", pl.col("idcase").alias("other"), pl.col("month").alias("when"))
        again = rows.join(used, on="voucher", how="inner", maintain_order="left")
        return _rows(again, pl.col("tal_num"), other=pl.col("other"), when=pl.col("when"))
    refused = run.view.tables.get("refused")
    if refused is not None:
        rows = rows.join(refused.rename({"case_key": "z_row"}), on="z_row", how="anti")
    ordered = rows.join(run.view.case_order, on="z_row", how="left").with_columns(
        first=pl.col("case_order").min().over("voucher")
    )
    first = ordered.filter(pl.col("case_order") == pl.col("first")).select("voucher", pl.col("idcase").alias("other"))
    again = ordered.filter(pl.col("case_order") > pl.col("first")).join(first.unique("voucher"), on="voucher", how="left")
    return _rows(again.sort("sl_row"), pl.col("tal_num"), other=pl.col("other"), when=pl.lit(run.month))


@table("C264")
def voucher_of_another_day(run: Run, rule: Rule) -> pl.DataFrame:
    """TAL_D is not the day on which the voucher was created."""
    return _rows(_held(run).filter(pl.col("tal_d") != pl.col("of_created_on")), pl.col("tal_d"), day=pl.col("of_created_on"))


@table("C265")
def voucher_after_admission(run: Run, rule: Rule) -> pl.DataFrame:
    """The voucher was created after the admission; one of the same day is in time."""
    rows = _held(run).filter(pl.col("of_created_on") > pl.col("date_1"))
    return _rows(rows, pl.col("date_1"), day=pl.col("of_created_on"))


@table("C266")
def voucher_taken_back(run: Run, rule: Rule) -> pl.DataFrame:
    """The voucher was refused or had lapsed by the day of admission: its place was free for another."""
    rows = _held(run).filter(pl.col("of_ended_on") <= pl.col("date_1"))
    return _rows(rows, pl.col("tal_num"), state=pl.col("of_state"), day=pl.col("of_ended_on"))


@table("C267")
def voucher_without_a_place(run: Run, rule: Rule) -> pl.DataFrame:
    """By the day of admission the receiving clinic had not decided to take the patient; a decision of the same day is in time."""
    undecided = pl.col("of_accepted_on").is_null() | (pl.col("of_accepted_on") > pl.col("date_1"))
    ended = (pl.col("of_ended_on") <= pl.col("date_1")).fill_null(value=False)
    early = pl.col("of_created_on") > pl.col("date_1")
    rows = _held(run).filter(undecided & ~ended & ~early)
    return _rows(rows, pl.col("date_1"), state=pl.col("of_state"))


@table("C268")
def voucher_of_section_two(run: Run, rule: Rule) -> pl.DataFrame:
    """Section II is not paid by the fund."""
    return _rows(_held(run).filter(pl.col("of_section") == 2), pl.col("tal_num"))
