"""What does a file between territories say of each item? R, D, A of any edition as contract `between_items` (formats.md 11, 12).

The editions differ: 1.0 has no SANK but REFREASON and three sums by kind of control, 2.1 has sanctions without acts, 3.x has
cases within completed cases. Settlement sees one shape of all of them, and what the header says beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from omsclaims import contract
from omsclaims.settlement.between.items import CONTROLS, SOURCE

KEY: Final = ["n_zap", "idcase"]
_SANK: Final[dict[str, pl.DataType]] = {
    "_row": pl.Int64(), "_parent": pl.Int64(), "s_code": pl.String(), "s_sum": pl.Int64(), "s_osn": pl.Int64(),
    "s_tip": pl.Int64(), "s_ist": pl.Int64(),
}  # fmt: skip
_Z_SL: Final = ("idcase", "sumv", "oplata", "sump", "sank_it", *(f"sank_{name}" for name in CONTROLS))


@dataclass(frozen=True)
class FileRead:
    """A file R, D or A as settlement sees it: what its name and header say, and its items (contract `between_items`).

    Sums in kopecks, null where absent or unreadable.
    header    SANK_MEK, SANK_MEE, SANK_EKMP as the header states them, by kind of control (mek, mee, ekmp)
    controls  sums of the sanctions of the items by kind of control; of R only those with S_IST 1, which its header counts
    stated    SANK_IT of the items as written: n_zap, idcase, sank_it_kop
    """

    file_name: str
    kind: str
    sender: str
    receiver: str
    version: str
    c_okato1: str | None
    okato_oms: str | None
    year: int | None
    month: int | None
    nschet: str | None
    dschet: date | None
    data: date | None
    summav: int | None
    summap: int | None
    header: dict[str, int | None]
    controls: dict[str, int]
    items: pl.DataFrame
    stated: pl.DataFrame


def file_read(
    file_name: str, kind: str, sender: str, receiver: str, version: str, tables: Mapping[str, pl.DataFrame]
) -> FileRead:
    """A file from its canonical tables; name, kind and parties are those of the file's name."""
    header = tables["file"].row(0, named=True) if tables["file"].height else {}
    cases = _cases(tables)
    return FileRead(
        file_name=file_name, kind=kind, sender=sender, receiver=receiver, version=version,
        c_okato1=header.get("c_okato1"), okato_oms=header.get("okato_oms"), year=header.get("year"), month=header.get("month"),
        nschet=header.get("nschet"), dschet=header.get("dschet"), data=header.get("data"), summav=header.get("summav"),
        summap=header.get("summap"), header={name: header.get(f"sank_{name}") for name in CONTROLS},
        controls=_controls(kind, tables, cases), items=of_tables(file_name, kind, tables),
        stated=cases.select(*KEY, pl.col("sank_it").alias("sank_it_kop")).sort(KEY),
    )  # fmt: skip


def of_tables(file_name: str, kind: str, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Items of a file: contract `between_items`, sorted by N_ZAP and IDCASE (a patient of R may have several cases).

    kind  R, D or A: in R and D sanctions with S_IST 1 are the place fund's own (`own_sank_kop`), in D and A the others are what
          the file decides (`sank_it_kop`). A D of edition 1.0 names no source: all its sanctions stand in sank_it_kop
    """
    table = (
        _cases(tables)
        .join(_sanctions(kind, tables), left_on="_row", right_on="_parent", how="left", maintain_order="left")
        .join(_joined(tables, "refreason", "refreason"), left_on="_row", right_on="_parent", how="left", maintain_order="left")
        .join(_joined(tables, "sl", "sl_id"), left_on="_row", right_on="_parent", how="left", maintain_order="left")
    )
    own, decided = pl.col("_own").fill_null(0), pl.col("_decided").fill_null(0)
    three = pl.sum_horizontal(pl.col(f"sank_{name}").fill_null(0) for name in CONTROLS)  # edition 1.0
    shaped = table.select(
        pl.lit(file_name).alias("file_name"), *KEY, pl.col("sl_id").alias("sl_ids"), pl.col("sumv").alias("sumv_kop"),
        (own + three if kind == "R" else own).alias("own_sank_kop"), pl.col("sump").alias("sump_kop"),
        (decided if kind == "R" else decided + three).alias("sank_it_kop"), "oplata", "codes",
        pl.coalesce("kods", "refreason").alias("kods"), "s_tip", "s_ist", pl.lit(None, dtype=pl.Int64).alias("case_key"),
        pl.lit(None, dtype=pl.String).alias("person_key"),
    )  # fmt: skip
    return contract.check("between_items", shaped.sort(KEY))


def _cases(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Completed cases in the order of the file: _row, n_zap and the leaves of _Z_SL, null where the edition has none."""
    zap = tables["zap"].select(pl.col("_row").alias("_parent"), pl.col("n_zap").cast(pl.Int64))
    z_sl = tables["z_sl"]
    leaves = [_or_null(z_sl, name, pl.Int64()) for name in _Z_SL]
    return z_sl.select("_row", "_parent", *leaves).join(zap, on="_parent", how="left", maintain_order="left").drop("_parent")


def _or_null(table: pl.DataFrame, name: str, kind: pl.DataType) -> pl.Expr:
    return pl.col(name).cast(kind) if name in table.columns else pl.lit(None, dtype=kind).alias(name)


def _sank(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Sanctions in the order of the file, whatever leaves the edition has."""
    held = tables.get("sank")
    if held is None or not held.height:
        return pl.DataFrame(schema=_SANK)
    return held.select(_or_null(held, name, kind) for name, kind in _SANK.items()).sort("_parent", "_row")


def _sanctions(kind: str, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """By completed case: the place fund's own sum, what the file decides, codes, grounds, kind and source of the latter."""
    own = (pl.col("s_ist") == SOURCE["R"]).fill_null(value=False)
    counts_own = own if kind in "RD" else pl.lit(value=False)
    decides = ~own if kind in "RD" else pl.lit(value=True)  # R: what is not its own has no place in it and is seen as decided
    source = pl.col("s_ist").filter(decides if kind != "R" else pl.lit(value=True)).drop_nulls()
    return (
        _sank(tables)
        .group_by("_parent", maintain_order=True)
        .agg(
            pl.col("s_sum").filter(counts_own).sum().alias("_own"),
            pl.col("s_sum").filter(decides).sum().alias("_decided"),
            pl.col("s_code").drop_nulls().str.join(";").alias("codes"),
            pl.col("s_osn").drop_nulls().cast(pl.String).str.join(";").replace("", None).alias("kods"),
            pl.col("s_tip").filter(pl.col("s_sum") != 0).first().alias("s_tip"),
            pl.when(source.n_unique() > 1).then(pl.lit(-1, dtype=pl.Int64)).otherwise(source.first()).alias("s_ist"),
        )
    )


def _joined(tables: Mapping[str, pl.DataFrame], name: str, leaf: str) -> pl.DataFrame:
    """Values of a leaf by completed case, ;-separated: SL_ID sorted, REFREASON in the order of the file."""
    held = tables.get(name)
    if held is None or leaf not in held.columns or not held.height:
        return pl.DataFrame(schema={"_parent": pl.Int64, leaf: pl.String})
    rows = held.filter(pl.col(leaf).is_not_null()).sort("_parent", leaf if leaf == "sl_id" else "_row")
    return rows.group_by("_parent", maintain_order=True).agg(pl.col(leaf).cast(pl.String).str.join(";"))


def _controls(kind: str, tables: Mapping[str, pl.DataFrame], cases: pl.DataFrame) -> dict[str, int]:
    """Sums of the sanctions by kind of control, as the header of a file of this kind counts them."""
    sank = _sank(tables)
    rows = sank.filter(pl.col("s_ist") == SOURCE["R"]) if kind == "R" else sank
    sums = {name: int(rows.filter(pl.col("s_tip").is_in(list(kinds)))["s_sum"].sum() or 0) for name, kinds in CONTROLS.items()}
    return {name: sums[name] + int(cases[f"sank_{name}"].sum() or 0) for name in CONTROLS}
