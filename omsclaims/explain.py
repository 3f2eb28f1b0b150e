"""Why this amount, why refused? Reads the columns that the stages left beside their results; computes nothing a second time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from omsclaims import contract, explain_expertise, findings, messages, tariffs
from omsclaims.law import Parameters
from omsclaims.law.agreement import kept_agreement
from omsclaims.money import show_amount
from omsclaims.workspace import Workspace


@dataclass(frozen=True)
class CaseName:
    """A case of a closed month: PACKAGE/N_ZAP/IDCASE, its month and its key."""

    month: str
    package: str
    n_zap: int
    idcase: int
    case_key: int

    @property
    def name(self) -> str:
        """As it is written on the command line."""
        return f"{self.package}/{self.n_zap}/{self.idcase}"


def find(workspace: Workspace, text: str) -> list[CaseName]:
    """Cases that `text` names: PACKAGE/N_ZAP/IDCASE, or a bare IDCASE (which may name several)."""
    parts = text.split("/")
    if len(parts) not in (1, 3) or not parts[-1].isdigit() or (len(parts) == 3 and not parts[1].isdigit()):
        return []
    wanted = pl.col("idcase") == int(parts[-1])
    if len(parts) == 3:
        wanted = wanted & (pl.col("package") == parts[0]) & (pl.col("n_zap") == int(parts[1]))
    found: list[CaseName] = []
    for month in workspace.closed_months():
        rows = workspace.run_table(month, "cases_view").filter(wanted).select("package", "n_zap", "idcase", "case_key")
        found.extend(CaseName(month, *row) for row in rows.sort("package", "n_zap", "case_key").iter_rows())
    return found


def lines(workspace: Workspace, case: CaseName, lang: str, law: Parameters | None = None) -> Iterator[str]:
    """The explanation, line by line: the case, who pays, each priced part with its figures, findings, the decision.

    law  asked for terms, so that it can note them; the program's own where none is given
    """
    text = messages.text
    row = _row(workspace, case, "cases_view")
    yield text("explain.head", lang, name=case.name, month=case.month)
    yield text(
        "explain.case", lang, clinic=row["code_mo"], begin=row["date_z_1"], end=row["date_z_2"],
        kind="-" if row["payment_kind"] is None else text(f"kind.{row['payment_kind']}", lang), billed=_amount(row["sumv"], lang),
    )  # fmt: skip
    status = text(f"explain.status.{row['status']}", lang)
    yield text(
        "explain.insured", lang, status=status, evidence=text(f"explain.evidence.{row['evidence']}", lang),
        territory=_or_dash(row["territory"]), person=row["person_key"][:12],
    )  # fmt: skip
    priced = workspace.run_table(case.month, "priced_sl").filter(pl.col("case_key") == case.case_key).sort("sl_key")
    agreement = kept_agreement(*workspace.agreement(int(case.month[:4])))
    grouped, candidates = (_grouped(workspace, case, name) for name in ("grouped", "group_candidates"))
    for part in priced.iter_rows(named=True):
        yield ""
        yield from tariffs.explain(part, lang, agreement)
        for row_of in grouped.filter(pl.col("sl_key") == part["sl_key"]).iter_rows(named=True):
            yield text("explain.group", lang, billed=_or_dash(row_of["billed"]), ksg=_or_dash(row_of["ksg"]))
            of_row = candidates.filter(pl.col("sl_key") == part["sl_key"])
            yield from (f"  {line}" for line in tariffs.path_of_group(row_of, of_row, lang))
    if priced.height > 1:
        yield text("explain.sum", lang, amount=_amount(row["price_kop"], lang))
    yield ""
    yield from _decision(workspace, case, row, lang)
    yield from explain_expertise.lines(workspace, case.month, case.package, case.n_zap, case.idcase, lang, law)


def sources(workspace: Workspace, case: CaseName) -> list[str]:
    """What the case stands on besides the rows of the agreement: its own prices and groups, and what its month's control used."""
    run = workspace.run(case.month)
    asked = [] if run is None else list(run.inputs.get("parameters", ()))
    own = [_grouped(workspace, case, name)["sources"] for name in ("priced_sl", "grouped")]
    of_rows = [text for column in own for text in column.drop_nulls().to_list()]
    return [*of_rows, *(source for source in asked if not source.startswith(_OF_ROWS))]


#: Sources that rows of prices and groups name themselves: a case has those of its own rows.
_OF_ROWS: Final = ("law:tariffs.", "grouper:")


def _grouped(workspace: Workspace, case: CaseName, name: str) -> pl.DataFrame:
    """A table of the grouper for the sub-cases of a case; without rows in months that were closed without one."""
    run = workspace.run(case.month)
    if run is None or not (workspace.folder / run.path / f"{name}.parquet").exists():
        return contract.TABLES[name].empty()
    keys = workspace.run_table(case.month, "priced_sl").filter(pl.col("case_key") == case.case_key)["sl_key"]
    return workspace.run_table(case.month, name).filter(pl.col("sl_key").is_in(keys.implode()))


def _decision(workspace: Workspace, case: CaseName, row: dict[str, Any], lang: str) -> Iterator[str]:
    text = messages.text
    found = workspace.run_table(case.month, "findings").filter(
        (pl.col("z_row") == case.case_key) & (pl.col("package") == case.package)
    )
    if not found.height:
        yield text("explain.clean", lang)
    for finding in findings.with_text(found, lang).iter_rows(named=True):
        key = "explain.remark" if finding["code"] is None else "explain.finding"
        yield text(key, lang, rule=finding["rule"], code=finding["code"], text=finding["text"])
        where = explain_expertise.clause(finding["rule"], lang)
        if where is not None:
            yield where
    if row["ground_rule"] is not None:
        yield text(
            "explain.ground", lang, rule=row["ground_rule"], code=row["ground_code"], kod=row["ground_kod"],
            title=text(findings.rule_key(row["ground_rule"], "title"), lang),
            pass_name=text(f"explain.pass.{row['pass_name']}", lang), amount=_amount(row["sank_it_kop"], lang),
        )  # fmt: skip
    yield text(
        "explain.decision", lang, oplata=text(f"explain.oplata.{row['oplata']}", lang), billed=_amount(row["sumv_kop"], lang),
        refused=_amount(row["sank_it_kop"], lang), accepted=_amount(row["sump_kop"], lang),
    )  # fmt: skip


def _row(workspace: Workspace, case: CaseName, table: str) -> dict[str, Any]:
    rows = workspace.run_table(case.month, table).filter(pl.col("case_key") == case.case_key)
    return rows.row(0, named=True)


def _amount(kopecks: int | None, lang: str) -> str:
    return "-" if kopecks is None else show_amount(kopecks, lang)


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
