"""What would closed months have cost under other tariffs? Loads what prices need, overlays the agreement and the law, compares.

Nothing is stored: what comes out is a report. Each month keeps its own context; the overlay is laid over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims import closing, contract, findings
from omsclaims.context import Context
from omsclaims.law import Parameters
from omsclaims.law.agreement import Change, apply_overlay, partition_on
from omsclaims.periods import Month, Partition
from omsclaims.tariffs import whatif
from omsclaims.tariffs.grouper.overlay import changed_grouper
from omsclaims.workspace import PackageRow, Workspace, read_table

#: What prices read of the stored tables of a package.
_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "sl": (
        "_row", "_parent", "sl_id", "n_ksg", "date_1", "date_2", "kd", "ds1", "profil", "p_cel", "det", "ed_col", "vid_hmp",
        "metod_hmp",
    ),
    "usl": ("_row", "_parent", "idserv", "code_usl", "vid_vme", "kol_usl", "date_out"),
    "sl_koef": ("_row", "_parent", "idsl"),
}  # fmt: skip
#: What the grouper reads beside them.
_OF_GROUPER: Final[dict[str, tuple[str, ...]]] = {
    "sl": ("k_fr",), "ds2": ("_row", "_parent", "ds2"), "ds3": ("_row", "_parent", "ds3"),
    "crit": ("_row", "_parent", "crit"),
}  # fmt: skip
_NOWHERE: Final = "-"


@dataclass(frozen=True)
class Loaded:
    """What a closed month was priced from, and its prices: tables of `tariffs.whatif.reprice`, `about` of its `difference`, the
    difference of the month with itself, and the parameters of the law that its prices name."""

    context: Context
    tables: dict[str, pl.DataFrame]
    about: pl.DataFrame
    base: pl.DataFrame
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The difference over all months, findings of what lost its price, and what was changed.

    difference  whatif.DIFFERENCE, summed over the months
    by_month    the rows `total` month by month, with `month`
    changes     what the overlay changes, in order
    repriced    rows that were priced again; rows: all
    sources     parameters and rows of the law used by the changed prices
    """

    months: tuple[Month, ...]
    difference: pl.DataFrame
    by_month: pl.DataFrame
    findings: pl.DataFrame
    changes: tuple[Change, ...]
    repriced: int
    rows: int
    moved: int
    context: Context
    law: Parameters
    sources: tuple[str, ...]


def load(workspace: Workspace, of: Month, as_of: date, to_group: bool = False) -> Loaded:
    """The tables of a closed month. Raises WorkspaceError `workspace.not_closed`.

    to_group  also what the grouper reads: for an overlay that changes it
    """
    context, _ = closing.load_context(workspace, of, as_of)
    tables = {name: workspace.run_table(str(of), name) for name in ("identified", "priced_sl", "priced")}
    tables["grouped"] = workspace.stored_table(str(of), "grouped")
    tables["cases"] = workspace.run_table(str(of), "cases_view")
    accepted = sorted((row for row in workspace.packages(str(of)) if row.state == "accepted"), key=lambda row: row.package)
    more = _OF_GROUPER if to_group else {}
    for name in dict.fromkeys((*_COLUMNS, *more)):
        tables[name] = _of_packages(workspace, accepted, name, (*_COLUMNS.get(name, ()), *more.get(name, ())))
    tables["sl"] = tables["sl"].with_columns(case_key=pl.col("_parent"))
    partition, _ = partition_on(context.agreement, context.law, of.first)
    about, priced = about_rows(tables, partition), tables["priced_sl"]
    return Loaded(context, tables, about, whatif.difference(priced, priced, about), tuple(_of_law(priced)))


def _of_packages(workspace: Workspace, rows: Sequence[PackageRow], name: str, columns: tuple[str, ...]) -> pl.DataFrame:
    """A table of all packages, numbered over the month as the conductor numbers them (contract: module docstring)."""
    parts = []
    for ordinal, row in enumerate(rows):
        path = workspace.folder / row.path / f"{name}.parquet"
        if path.exists():
            base = ordinal << contract.PACKAGE_SHIFT
            parts.append(read_table(path, columns).with_columns(pl.col("_row") + base, pl.col("_parent") + base))
    empty = pl.DataFrame(schema={"_row": pl.Int64(), "_parent": pl.Int64()})
    return pl.concat(parts, how="diagonal") if parts else empty


def about_rows(tables: dict[str, pl.DataFrame], partition: Partition) -> pl.DataFrame:
    """What rows of prices are told apart by: clinic that gave the care, profile, sex-age group."""
    group = partition.group_expr(pl.col("w"), pl.col("age_end"))
    people = tables["identified"].select("case_key", sex_age=group.fill_null(_NOWHERE))
    clinics = tables["cases"].select("case_key", pl.col("lpu").alias("mo"))
    profil = pl.col("profil") if "profil" in tables["sl"].columns else pl.lit(None, dtype=pl.Int64).alias("profil")
    rows = tables["sl"].select(pl.col("_row").alias("sl_key"), "case_key", profil)
    both = rows.join(clinics, on="case_key", how="left", maintain_order="left")
    return both.join(people, on="case_key", how="left", maintain_order="left").drop("case_key")


def asked(loaded: Sequence[Loaded], overlay: Path) -> Answer:
    """The answer for months that are loaded. Raises AgreementError for an overlay that does not fit."""
    parts, totals, found = [], [], []
    changes: tuple[Change, ...] = ()
    repriced = rows = moved = 0
    sources: set[str] = set()
    law = loaded[0].context.law
    for one in loaded:
        agreement, law, changed = apply_overlay(one.context.agreement, one.context.law, overlay)
        regrouped = None
        grouper = changed_grouper(one.context.books, overlay, one.context.month.first)
        if grouper.changes:
            regrouped = whatif.regroup(one.tables, one.context, agreement, law, grouper.books, grouper.rules)
            moved += regrouped.moved.height
        made = whatif.reprice(one.tables, one.context, agreement, law, regrouped)
        difference = whatif.changed(one.base, made, one.about)
        parts.append(difference)
        totals.append(difference.filter(pl.col("by") == "total").with_columns(month=pl.lit(str(one.context.month))))
        found.append(_of_lost(made))
        changes = changes or (*changed, *grouper.changes)
        sources.update(one.sources, _of_law(made.after))
        repriced, rows = repriced + made.rows, rows + one.tables["priced_sl"].height
    months = tuple(one.context.month for one in loaded)
    return Answer(
        months, whatif.added(parts), pl.concat(totals), findings.concat(found), changes, repriced, rows, moved,
        loaded[-1].context, law, tuple(sorted(sources)),
    )  # fmt: skip


def _of_lost(made: whatif.Repriced) -> pl.DataFrame:
    """Findings of rows that had a price and have none under the changed figures; what lacked one before is no news."""
    had = made.before.filter(pl.col("price_kop").is_not_null()).select("sl_key")
    lost = made.after.filter(pl.col("price_kop").is_null()).join(had, on="sl_key", how="semi")
    return made.findings.join(lost.select(pl.col("sl_key").alias("sl_row")), on="sl_row", how="semi", maintain_order="left")


def _of_law(priced_sl: pl.DataFrame) -> list[str]:
    """The parameters of the law and the rows of the grouper that prices name."""
    named = priced_sl["sources"].drop_nulls().unique()
    return named.str.extract_all(r"(?:law|grouper):[^;(]+").explode().drop_nulls().unique().to_list()
