"""Where do samples, acts and appeals of expertise lie in a workspace, and how do they meet a month? (law.md 10; Rules 126-132.)

They are kept as registers of the workspace under the names of their contract tables: every state is an immutable table with its
digest, the newest one counts, the audit chain says when it came. A month is settled from the acts that name it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final, cast

import polars as pl

from omsclaims import contract
from omsclaims.law.agreement import kept_agreement
from omsclaims.periods import Month
from omsclaims.workspace import Workspace, WorkspaceError, read_table, table_digest

#: Contract tables that are kept as registers, besides the registers that people load.
KEPT: Final = ("expertise_sample", "expertise_strata", "expertise_acts", "expertise_appeals")
#: A case by its place in a workspace.
CASE: Final = ("month", "package", "n_zap", "idcase")
_OUTPATIENT: Final = 3
_VIEW_COLUMNS: Final = (
    "case_key", "package", "n_zap", "idcase", "code_mo", "nschet", "dschet", "file_kind", "usl_ok", "date_z_1", "date_z_2",
    "rslt", "sumv_kop", "oplata", "sank_it_kop", "ground_code", "status",
)  # fmt: skip


def kept(workspace: Workspace, name: str) -> pl.DataFrame:
    """Newest state of a table of `KEPT`; without rows before the first."""
    found = workspace.rows("SELECT path FROM registers WHERE name = ? ORDER BY seq DESC LIMIT 1", [name])
    if not found:
        return contract.TABLES[name].empty()
    return pl.read_parquet(workspace.folder / found[0][0])


def keep(workspace: Workspace, name: str, table: pl.DataFrame, as_of: date) -> str:
    """Stores a new state of a table of `KEPT`, sorted, and returns its digest. The caller records the event in the chain."""
    assert name in KEPT
    rows = contract.check(name, table)
    return workspace.store_register(name, rows.sort(rows.columns, nulls_last=True), as_of)


def closed_view(workspace: Workspace, month: str) -> pl.DataFrame:
    """Cases of a closed month: month, name, dates, decision, payer, mo. No personal values.

    Raises WorkspaceError `workspace.not_closed`.
    """
    run = workspace.run(month)
    if run is None:
        raise WorkspaceError("workspace.not_closed", month=month)
    folder = workspace.folder / run.path
    cases = pl.read_parquet(folder / "cases_view.parquet", columns=list(_VIEW_COLUMNS))
    insurers = pl.read_parquet(folder / "identified.parquet", columns=["case_key", "smo"])
    own = pl.col("status") == "own"
    return cases.join(insurers, on="case_key", how="left", maintain_order="left").with_columns(
        month=pl.lit(month), mo=pl.col("code_mo"),
        payer=pl.when(own).then("smo").otherwise(pl.lit(workspace.meta("territory"))),
        usl_ok=pl.col("usl_ok").fill_null(_OUTPATIENT),
    )  # fmt: skip


def no_cases() -> pl.DataFrame:
    """`closed_view` of no month: its columns, no rows."""
    texts = ("package", "code_mo", "nschet", "file_kind", "ground_code", "status", "smo", "month", "mo", "payer")
    days = ("dschet", "date_z_1", "date_z_2")
    columns = (*_VIEW_COLUMNS, "smo", "month", "mo", "payer")
    kinds = {name: pl.String() if name in texts else pl.Date() if name in days else pl.Int64() for name in columns}
    return pl.DataFrame(schema=kinds)


def sub_cases(workspace: Workspace, month: str, cases: pl.DataFrame) -> pl.DataFrame:
    """Sub-cases of a closed month: case_key, sl_id, date_1, date_2, ds1, p_cel, n_ksg.

    cases  case_key and package of the month: the upper half of a key is the package's number in it
    """
    in_package = pl.col("case_key") & pl.lit((1 << contract.PACKAGE_SHIFT) - 1)
    base = dict(cases.select("package", pl.col("case_key") - in_package).unique().iter_rows())
    wanted = {"sl_id": pl.String, "date_1": pl.Date, "date_2": pl.Date, "ds1": pl.String, "p_cel": pl.String, "n_ksg": pl.String}
    parts = [pl.DataFrame(schema={"case_key": pl.Int64, **wanted})]
    for row in workspace.packages(month):
        if row.state == "accepted" and row.package in base:
            sl = read_table(workspace.folder / row.path / "sl.parquet")
            found = [
                pl.col(name).cast(kind) if name in sl.columns else pl.lit(None, dtype=kind()).alias(name)
                for name, kind in wanted.items()
            ]
            parts.append(sl.select((pl.col("_parent") + base[row.package]).alias("case_key"), *found))
    return pl.concat(parts)


def sample_tables(workspace: Workspace, of: Month) -> dict[str, pl.DataFrame]:
    """What a sample of a closed month is drawn from (see `sampling.sample`)."""
    run = workspace.run(str(of))
    if run is None:
        raise WorkspaceError("workspace.not_closed", month=of)
    cases = closed_view(workspace, str(of))
    registers, _ = workspace.registers()
    return {
        "cases": cases,
        "decisions": cases.select("case_key", "oplata"),
        "identified": workspace.run_table(str(of), "identified"),
        "priced_sl": workspace.run_table(str(of), "priced_sl").select("case_key", "interrupted"),
        "sl": sub_cases(workspace, str(of), cases),
        "history": cast(pl.DataFrame, workspace.history(str(of))),  # a scan: contract.history
        "reg_complaint": registers["reg_complaint"],
        "reg_receipt": registers["reg_receipt"],
    }


# ---- what a month is settled from ------------------------------------------------------------------------------------------


def month_tables(
    workspace: Workspace, of: Month, also: pl.DataFrame | None = None
) -> tuple[dict[str, pl.DataFrame], dict[str, str]]:  # fmt: skip
    """What expertise brings into the settlement of a month, and digests of it for the record of the closing.

    also  further cases (columns of `CASE`) that the month may touch: those that were paid and now are an accident's

    expertise_acts     acts of the month and all earlier acts on the same cases, as far as they were settled before it
    expertise_cases    the cases they are about
    deductions_before  what earlier months posted on those cases, the newest state of each
    fine_standards     of all agreements
    refusals           of the earlier closed months
    """
    acts = kept(workspace, "expertise_acts").filter(pl.col("settle_month") <= str(of))
    touched = acts.filter(pl.col("settle_month") == str(of)).select(CASE).unique()
    if also is not None:
        with_acts = also.join(acts, on=CASE, how="semi", nulls_equal=True)
        touched = pl.concat([touched, with_acts]).unique(maintain_order=True)
    acts = acts.join(touched, on=CASE, how="semi", nulls_equal=True, maintain_order="left")
    before = [name for name in workspace.closed_months() if name < str(of)]
    tables = {
        "expertise_acts": acts,
        "expertise_cases": cases_of(workspace, touched),
        "deductions_before": deductions_before(workspace, before, touched),
        "fine_standards": fine_standards(workspace),
        "refusals": refusals(workspace, before),
    }
    digests = {"expertise_acts": table_digest(acts)} if acts.height else {}
    return tables, digests


def cases_of(workspace: Workspace, named: pl.DataFrame) -> pl.DataFrame:
    """Contract table `expertise_cases` of the cases that `named` (columns of `CASE`) names."""
    parts = [contract.TABLES["expertise_cases"].empty()]
    for month in sorted(named["month"].unique().to_list()):
        own = named.filter(pl.col("month") == month)
        found = own.join(closed_view(workspace, month), on=CASE, how="inner", nulls_equal=True)
        parts.append(
            found.select(
                *CASE, "case_key", "payer", "mo", "usl_ok", "date_z_2", "sumv_kop", "oplata", mek_kop="sank_it_kop",
                mek_code="ground_code",
            )
        )  # fmt: skip
    return contract.check("expertise_cases", pl.concat(parts).sort(*CASE, "case_key", nulls_last=True))


def deductions_before(workspace: Workspace, months: Iterable[str], named: pl.DataFrame) -> pl.DataFrame:
    """What earlier closed months posted on the cases named: rows of `deductions`, only the newest state of each case."""
    found = contract.TABLES["deductions"].empty()
    for month in sorted(months):
        here = run_table(workspace, month, "deductions").join(named, on=CASE, how="semi", nulls_equal=True)
        found = pl.concat([found.join(here, on=CASE, how="anti", nulls_equal=True), here])
    return found


def refusals(workspace: Workspace, months: Iterable[str]) -> pl.DataFrame:
    """Contract table `refusals` of the closed months named."""
    found = [run_table(workspace, month, "refusal_rows", "refusals") for month in sorted(months)]
    return pl.concat([contract.TABLES["refusals"].empty(), *found])


def run_table(workspace: Workspace, month: str, name: str, like: str | None = None) -> pl.DataFrame:
    """A table of a closed month; without rows where the month was closed before there was such a table.

    like  name in the contract, where it differs
    """
    run = workspace.run(month)
    assert run is not None
    path: Path = workspace.folder / run.path / f"{name}.parquet"
    return pl.read_parquet(path) if path.exists() else contract.TABLES[like or name].empty()


def fine_standards(workspace: Workspace) -> pl.DataFrame:
    """Contract table `fine_standards`: per-capita standards of all agreements, by conditions of care and date."""
    parts = [contract.TABLES["fine_standards"].empty()]
    for year in workspace.agreement_years():
        rows = kept_agreement(*workspace.agreement(year)).table("fine_standards")
        parts.append(rows.select("usl_ok", "amount4", "valid_from", "valid_to", "reference"))
    return contract.check("fine_standards", pl.concat(parts).sort("usl_ok", "valid_from"))
