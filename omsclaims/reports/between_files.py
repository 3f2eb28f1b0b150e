"""How does the place fund present again what was questioned? File D: the items of R as they were sent, with what was examined.

Rules 143; formats.md 11. A corrected item stands whole: its care and its sanctions S_IST 1 as in R, sanctions S_IST 3 of the
examination beside them, SUMP = SUMV less both. So D is made of the file R itself and has its edition and its numbers N_ZAP and
IDCASE; only the name, the number and the date of the bill and its code are its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from omsclaims.registry import formats
from omsclaims.registry.formats import Format
from omsclaims.reports.answers import named_sub_cases
from omsclaims.settlement.between.items import CONTROLS, SOURCE

#: Codes of corrected parts: R has DDNNNN, D has this before it, so that both are one row of numbers of a year.
_CODE_OF_D: Final = "1"
_KEY: Final = ["n_zap", "idcase"]
_CONTROL_OF: Final = {code: name for name, codes in CONTROLS.items() for code in codes}

Tables = dict[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a D is called and dated: name of the file, number of the bill (at most 15 characters), day of both."""

    file_name: str
    nschet: str
    day: date

    @property
    def code(self) -> int:
        """SCHET/CODE: 1, charged fund, ordinal; never that of an R."""
        return int(_CODE_OF_D + self.file_name[3:5] + self.file_name[7:])


def number_of(nschet: str, before: int) -> str:
    """NSCHET of the next corrected part of a bill: R's number and -D1, -D2, ... (`before`: corrected parts that it has)."""
    return f"{nschet}-D{before + 1}"


def d_tables(
    sent: Mapping[str, pl.DataFrame], edition: Format, items: pl.DataFrame, sanctions: pl.DataFrame, bill: Corrected
) -> Tables:
    """Canonical tables of a D in the edition of its R.

    sent       tables of the R as it was sent (read back from the file)
    items      contract `between_items` of the D: which cases, SUMP, OPLATA
    sanctions  S_IST 3 of these items (`place.REFINED`)
    SUMMAP = SUMMAV less all sanctions is asserted, with the three sums of the header by kind of control.
    """
    kept = _only(sent, items)
    where = kept["z_sl"].select(pl.col("_row").alias("_parent"), "idcase", pl.col("_parent").alias("_zap")).join(
        kept["zap"].select(pl.col("_row").alias("_zap"), "n_zap"), on="_zap"
    )  # fmt: skip
    rows = sanctions.join(where.select("_parent", *_KEY), on=_KEY, how="inner").drop(_KEY)
    with_sank = "sank" in edition.tables
    old_kinds = edition.by_path[f"{_case(edition)}/SANK/S_TIP"].length == 1 if with_sank else True
    rows = _numbered(rows, kept, old_kinds)
    sums = _sums(kept, rows)
    if with_sank:
        _add_sanctions(kept, rows, edition)
    else:
        _add_old_sanctions(kept, rows)
    _say_items(kept, items, where, sums)
    kept["file"] = _header(kept, bill, sums)
    return kept


def _case(edition: Format) -> str:
    return "ZAP/Z_SL" if "ZAP/Z_SL" in edition.by_path else "ZAP/SLUCH"


def _only(sent: Mapping[str, pl.DataFrame], items: pl.DataFrame) -> Tables:
    """The tables of R with the records of the items alone; rows whose record is not there are left out by the writer."""
    zap = sent["zap"].select(pl.col("_row").alias("_parent"), "n_zap")
    z_sl = sent["z_sl"].join(zap, on="_parent", maintain_order="left").join(items.select(_KEY), on=_KEY, how="semi").drop("n_zap")
    kept = {name: table for name, table in sent.items() if name not in ("exceptions", "extra")}
    kept["z_sl"] = z_sl.sort("_row")
    kept["zap"] = sent["zap"].join(z_sl.select(pl.col("_parent").alias("_row")), on="_row", how="semi").sort("_row")
    for name, above in (("patient", "zap"), ("sl", "z_sl"), ("sank", "z_sl"), ("refreason", "z_sl")):
        if name in kept and kept[name].height:
            kept[name] = (
                kept[name].join(kept[above].select(pl.col("_row").alias("_parent")), on="_parent", how="semi").sort("_row")
            )
    return kept


def _numbered(rows: pl.DataFrame, kept: Tables, old_kinds: bool) -> pl.DataFrame:
    """The new sanctions as rows of `sank`, numbered after those that stand; their codes are unique in the case."""
    last = int(kept["sank"]["_row"].max() or 0) if kept["sank"].height else 0  # type: ignore[arg-type]
    kinds = {code: number for number, codes in enumerate(CONTROLS.values(), 1) for code in codes}
    table = rows.sort("_parent", "s_code").with_columns(
        _row=pl.int_range(last + 1, last + 1 + pl.len(), dtype=pl.Int64), s_code=pl.lit("3-") + pl.col("s_code"),
        s_ist=pl.lit(SOURCE["corrected"], dtype=pl.Int64), _control=pl.col("s_tip").replace_strict(_CONTROL_OF, default="mek"),
    )  # fmt: skip
    if not old_kinds:
        return table
    return table.with_columns(s_tip=pl.col("s_tip").replace_strict(kinds, default=1, return_dtype=pl.Int64))


def _sums(kept: Tables, rows: pl.DataFrame) -> dict[str, int]:
    """All sanctions of the file by kind of control: S_IST 1 as sent and S_IST 3."""
    own = (
        kept["sank"].with_columns(_control=pl.col("s_tip").replace_strict(_CONTROL_OF, default="mek"))
        if kept["sank"].height
        else None
    )
    found = {}
    for name in CONTROLS:
        amount = int(rows.filter(pl.col("_control") == name)["s_sum"].sum() or 0)
        if own is not None:
            amount += int(own.filter(pl.col("_control") == name)["s_sum"].sum() or 0)
        column = f"sank_{name}"
        if column in kept["z_sl"].columns:
            amount += int(kept["z_sl"][column].sum() or 0)
        found[name] = amount
    return found


def _add_sanctions(kept: Tables, rows: pl.DataFrame, edition: Format) -> None:
    """The rows as SANK, with the cases within a case that they are about and the expert, where the edition has room for them."""
    kept["sank"] = pl.concat([kept["sank"], _conform("sank", rows)])
    for name, made in (("sank_sl_id", named_sub_cases(rows, kept["sl"])), ("code_exp", _experts(rows))):
        if name in edition.tables:
            before = kept.get(name, formats.empty_table(name, "main"))
            first = int(before["_row"].max() or 0) + 1 if before.height else 0  # type: ignore[arg-type]
            after = _conform(name, made.with_columns(_row=pl.int_range(first, first + pl.len(), dtype=pl.Int64)))
            kept[name] = pl.concat([before, after])


def _experts(rows: pl.DataFrame) -> pl.DataFrame:
    """CODE_EXP below SANK."""
    named = rows.filter(pl.col("code_exp").is_not_null())
    return named.select(pl.col("_row").alias("_parent"), "code_exp")


def _add_old_sanctions(kept: Tables, rows: pl.DataFrame) -> None:
    """Edition 1.0: grounds as REFREASON, sums by kind of control in the case."""
    sums = rows.group_by("_parent", maintain_order=True).agg(
        pl.col("s_sum").filter(pl.col("_control") == name).sum().alias(f"_{name}") for name in CONTROLS
    )
    z_sl = kept["z_sl"].join(sums, left_on="_row", right_on="_parent", how="left", maintain_order="left")
    total = {name: pl.col(f"sank_{name}").fill_null(0) + pl.col(f"_{name}").fill_null(0) for name in CONTROLS}
    kept["z_sl"] = z_sl.with_columns(
        pl.when(amount != 0).then(amount).alias(f"sank_{name}") for name, amount in total.items()
    ).drop([f"_{name}" for name in CONTROLS])
    before = kept["refreason"]
    first = int(before["_row"].max() or 0) + 1 if before.height else 0  # type: ignore[arg-type]
    grounds = rows.filter(pl.col("s_osn").is_not_null()).select(
        pl.int_range(first, first + pl.len(), dtype=pl.Int64).alias("_row"), "_parent", pl.col("s_osn").alias("refreason")
    )
    both = pl.concat([before, _conform("refreason", grounds)])
    kept["refreason"] = both.unique(["_parent", "refreason"], keep="first", maintain_order=True)


def _say_items(kept: Tables, items: pl.DataFrame, where: pl.DataFrame, sums: Mapping[str, int]) -> None:
    """SUMP, OPLATA and SANK_IT of the cases. Asserts that the file asks for SUMV less its sanctions."""
    total = (pl.col("sank_it_kop") + pl.col("own_sank_kop")).alias("_it")
    said = where.join(items, on=_KEY).select(
        pl.col("_parent").alias("_row"), pl.col("sump_kop").alias("_sump"), pl.col("oplata").alias("_oplata"), total
    )
    table = kept["z_sl"].join(said, on="_row", how="left", maintain_order="left")
    sanctioned = pl.col("_it") != 0
    kept["z_sl"] = table.with_columns(
        sump=pl.col("_sump"), oplata=pl.col("_oplata"), sank_it=pl.when(sanctioned).then(pl.col("_it"))
    ).drop("_sump", "_oplata", "_it")
    asked, billed = int(kept["z_sl"]["sump"].sum()), int(kept["z_sl"]["sumv"].sum())
    assert asked == billed - sum(sums.values()), f"SUMMAP of the corrected part: {asked} is not {billed} less {sums}"


def _header(kept: Tables, bill: Corrected, sums: Mapping[str, int]) -> pl.DataFrame:
    """ZGLV and SCHET: those of R save date, number, code and sums."""
    by_kind = {f"sank_{name}": pl.lit(amount or None, dtype=pl.Int64) for name, amount in sums.items()}
    return kept["file"].with_columns(
        data=pl.lit(bill.day), code=pl.lit(bill.code, dtype=kept["file"].schema["code"]), nschet=pl.lit(bill.nschet),
        dschet=pl.lit(bill.day), summav=pl.lit(int(kept["z_sl"]["sumv"].sum())), summap=pl.lit(int(kept["z_sl"]["sump"].sum())),
        **by_kind,
    )  # fmt: skip


def _conform(name: str, table: pl.DataFrame) -> pl.DataFrame:
    """Exactly the canonical columns of `name`; what the rows do not have is null."""
    return table.select(
        pl.col(column).cast(kind) if column in table.columns else pl.lit(None, dtype=kind).alias(column)
        for column, kind in formats.canonical_columns(name, "main").items()
    )
