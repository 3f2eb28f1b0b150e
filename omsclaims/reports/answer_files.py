"""What does the home fund answer to another territory's bill? File A on a file R or D, in the edition that belongs to it.

Rules 142, 144-145; formats.md 12. An answer names the records and cases of the file answered (N_ZAP, IDCASE, SL_ID) with what is
accepted of each and the sanctions of the home fund: S_IST 2 on the main part, 4 on the corrected part. It may not repeat those
of the place fund, so SUMP = what was asked for less the sanctions of the answer, and SANK_IT is their sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from omsclaims import findings
from omsclaims.registry import formats
from omsclaims.reports import between_editions
from omsclaims.reports.answers import named_sub_cases
from omsclaims.settlement.between.home import MEK_TIPS, Decided
from omsclaims.settlement.between.items import CONTROLS, SOURCE

#: The edition that is written first; older ones are made of it.
EDITION: Final = "A_3.1"
_KEY: Final = ["n_zap", "idcase"]
#: Edition of the file that is answered -> edition of the answer; every later one is answered by A 3.1 (formats.md 12).
_ANSWERS: Final = {"RD_1.0": "A_1.0", "RD_2.1": "A_2.1"}

Tables = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class AFile:
    """One file A: canonical tables for the writer, its edition, findings RF.* (what an older edition cannot say)."""

    tables: Tables
    edition: str
    findings: pl.DataFrame

    @property
    def sendable(self) -> bool:
        """Whether the file says all that was decided."""
        return self.findings.filter(pl.col("rule").is_in(list(between_editions.BLOCKING))).is_empty()


def edition_for(version: str) -> str:
    """Edition of the answer to a file of an edition."""
    return _ANSWERS.get(version, EDITION)


def a_tables(bill: Mapping[str, pl.DataFrame], decided: Decided, name: str, day: date, edition: str = EDITION) -> AFile:
    """File A: the records of `bill` that were decided, in the order of their numbers.

    bill     canonical tables of the file R or D that is answered;  decided: items and sanctions of the answer
    name     name of the file A;  day: DATA, not before the bill
    edition  A_3.1, A_2.1, A_1.0: what the older ones cannot say is finding RF.4, RF.5, and such a file must not be sent

    Sums of the header are those of the cases; SUMMAP = what was asked for - sanctions is asserted.
    """
    z_sl = _cases(bill, decided)
    zap = bill["zap"].join(z_sl.select(pl.col("_parent").alias("_row")).unique(), on="_row", how="semi").sort("n_zap", "_row")
    patient = bill["patient"].join(zap.select(pl.col("_row").alias("_parent")), on="_parent", how="semi").sort("_parent")
    sl = bill["sl"].join(z_sl.select(pl.col("_row").alias("_parent")), on="_parent", how="semi").sort("_parent", "_row")
    sank = _sank(z_sl, decided)
    sub_cases = named_sub_cases(sank.with_columns(sl_id=pl.lit(None, dtype=pl.String)), sl) if "sl_id" in sl.columns else None
    experts = sank.filter(pl.col("code_exp").is_not_null()).select(pl.col("_row").alias("_parent"), "code_exp")
    made = {
        "file": _header(bill["file"], z_sl, sank, day), "zap": zap, "patient": _asked_of_patient(patient), "z_sl": z_sl, "sl": sl,
        "sank": sank, "sank_sl_id": sub_cases, "code_exp": experts.with_row_index("_row").cast({"_row": pl.Int64}),
    }  # fmt: skip
    tables = {table: _conform(table, made[table]) for table in formats.get(EDITION).tables}
    _assert_sums(tables, decided)
    if edition == EDITION:
        return AFile(tables, edition, findings.empty())
    older, found = between_editions.as_edition(tables, edition, name)
    return AFile(older, edition, found)


def _cases(bill: Mapping[str, pl.DataFrame], decided: Decided) -> pl.DataFrame:
    """Z_SL of the answer: IDCASE, IDSP, SUMV as in the bill, OPLATA, SUMP, SANK_IT as decided."""
    number = bill["zap"].select(pl.col("_row").alias("_parent"), "n_zap")
    said = decided.items.select(*_KEY, "oplata", pl.col("sump_kop").alias("sump"), pl.col("sank_it_kop").alias("_it"))
    kept = bill["z_sl"].select("_row", "_parent", "idcase", "idsp", "sumv")
    table = kept.join(number, on="_parent", how="inner", maintain_order="left").join(said, on=_KEY, how="inner")
    assert table.height == decided.items.height, "an item of the answer is not in the bill"
    return table.with_columns(sank_it=pl.when(pl.col("_it") != 0).then("_it")).sort("n_zap", "idcase", "_row")


def _sank(z_sl: pl.DataFrame, decided: Decided) -> pl.DataFrame:
    """SANK of the answer. With S_IST 2 an act belongs to МЭК alone, and no expert is named (formats.md 12.1)."""
    rows = decided.sanctions.join(z_sl.select(*_KEY, pl.col("_row").alias("_parent")), on=_KEY, how="inner")
    acted = pl.col("s_tip").is_in(list(MEK_TIPS)) | (pl.col("s_ist") == SOURCE["final"])
    return (
        rows.with_columns(
            pl.when(acted).then("date_act").alias("date_act"), pl.when(acted).then("num_act").alias("num_act"),
            pl.when(pl.col("s_ist") == SOURCE["final"]).then("code_exp").alias("code_exp"),
        )
        .sort("n_zap", "idcase", "s_code").with_row_index("_row").cast({"_row": pl.Int64})
    )  # fmt: skip


def _asked_of_patient(patient: pl.DataFrame) -> pl.DataFrame:
    """An answer has the kind, series and number of the policy: a unified one in ENP, others in NPOLIS."""
    unified = pl.col("vpolis") == _UNIFIED
    return patient.with_columns(
        spolis=pl.when(pl.col("vpolis") == 1).then("spolis"),
        npolis=pl.when(~unified).then("npolis"), enp=pl.when(unified).then(pl.coalesce("enp", "npolis")),
    )  # fmt: skip


#: VPOLIS of a unified policy.
_UNIFIED: Final = 3


def _header(file: pl.DataFrame, z_sl: pl.DataFrame, sank: pl.DataFrame, day: date) -> pl.DataFrame:
    """ZGLV and SCHET: the bill that is answered, and the sums of the answer; sums by kind of control where they are not zero."""
    kinds = {
        f"sank_{name}": pl.lit(int(sank.filter(pl.col("s_tip").is_in(list(codes)))["s_sum"].sum() or 0) or None, dtype=pl.Int64)
        for name, codes in CONTROLS.items()
    }
    return file.head(1).with_columns(
        version=pl.lit(formats.get(EDITION).version), data=pl.lit(day), summav=pl.lit(int(z_sl["sumv"].sum())),
        summap=pl.lit(int(z_sl["sump"].sum())), **kinds,
    )  # fmt: skip


def _assert_sums(tables: Tables, decided: Decided) -> None:
    """The header is the sum of the cases, SANK_IT that of the sanctions (the official check book asks neither of an A)."""
    head = tables["file"].row(0, named=True)
    assert head["summap"] == int(decided.items["sump_kop"].sum()), "SUMMAP of the answer"
    by_case = tables["sank"].group_by("_parent").agg(pl.col("s_sum").sum())
    off = (
        tables["z_sl"]
        .join(by_case, left_on="_row", right_on="_parent", how="left")
        .filter(pl.col("sank_it").fill_null(0) != pl.col("s_sum").fill_null(0))
    )
    assert off.is_empty(), "SANK_IT of the answer"


def _conform(table: str, rows: pl.DataFrame | None) -> pl.DataFrame:
    """Exactly the canonical columns of `table`."""
    if rows is None:
        return formats.empty_table(table, "main")
    return rows.select(
        pl.col(name).cast(kind) if name in rows.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in formats.canonical_columns(table, "main").items()
    )
