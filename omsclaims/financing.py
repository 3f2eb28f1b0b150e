"""How is a month financed before it is closed? The fund's money of the month booked on its day: the workspace half.

Rules 112, 114-116, 192-193. One transaction of the journal holds what is given; the same command again gives nothing more. Each
insurer is told by a notice, which its own books take (`insurer take`), and which the notice of the closing replaces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from omsclaims import closing, findings, journal
from omsclaims.periods import Month
from omsclaims.reports import insurer_files
from omsclaims.settlement import ahead, own_month
from omsclaims.settlement.financing import UNIT5, Financing, case_management_rate, finance
from omsclaims.settlement.month_books import Given, given_ahead
from omsclaims.workspace import Workspace, WorkspaceError


@dataclass(frozen=True)
class Ahead:
    """What became of the financing of a month before its closing.

    given     everything that the month was given so far, this included: (event, insurer or None) -> kopecks
    events    what was booked now (contract ledger_events); findings: F.1-F.5 of the standards, LB.* of the journal
    notices   what each insurer is told, sorted; sources: values of the law and rates that were used
    """

    given: dict[Given, int]
    events: pl.DataFrame
    findings: pl.DataFrame
    notices: tuple[own_month.Notice, ...]
    sources: tuple[str, ...]


def give(ws: Workspace, of: Month, day: date, as_of: date, who: str, share5: int = UNIT5) -> Ahead:
    """Books the money of a month, or a part of it, as far as it was not given yet (inside `Workspace.writing`).

    day     day on which the money moves, inside the month; share5: part of the month in units of 0.00001, to be reached in all

    Where the standards cannot be computed (F.1, F.2, F.5) only the stock is given. Nothing left to give: no event in the chain.
    Raises WorkspaceError `financing.fund_only`, `bank.planned`, `financing.closed`, `financing.day`, `financing.share`.
    """
    _may_give(ws, of, day, share5)
    context, _ = closing.load_context(ws, of, as_of)
    registers, _ = ws.registers()
    money = finance(registers, context)
    stands = journal.month_events(ws, of)
    want = ahead.wanted(money.financing, registers["reg_funding"], of, case_management_rate(context), share5)
    made = ahead.events(want, given_ahead(stands), of, day, context.territory, _number(stands, of))
    sources = tuple(sorted(context.law.asked or ()))
    found = money.findings
    if made.height:
        booked = journal.book(ws, made, f"financing/{of}/{day}/{_number(stands, of)}", as_of, who)
        if booked.txn is None:  # the books refuse an event: nothing is given
            return Ahead(given_ahead(stands), made.clear(), findings.concat([found, booked.findings]), (), sources)
    given = given_ahead(journal.month_events(ws, of))
    return Ahead(given, made, found, _notices(money, given, of, day, context.territory), sources)


def _may_give(ws: Workspace, of: Month, day: date, share5: int) -> None:
    if ws.meta("role") != "fund":
        raise WorkspaceError("financing.fund_only", folder=ws.folder)
    if ws.payments() != "actual":
        raise WorkspaceError("bank.planned", folder=ws.folder)
    if str(of) in ws.closed_months():
        raise WorkspaceError("financing.closed", month=of)
    if not of.first <= day <= of.last:
        raise WorkspaceError("financing.day", month=of, day=day)
    if not 0 < share5 <= UNIT5:
        raise WorkspaceError("financing.share")


def _number(stands: pl.DataFrame, of: Month) -> int:
    """Number of the next giving in the month: what was undone keeps its number."""
    form = re.compile(rf"-ahead-{re.escape(str(of))}-([0-9]+)")
    found = [int(match[1]) for name in stands["document"].unique() if (match := form.search(name))]
    return max(found, default=0) + 1


def _notices(money: Financing, given: dict[Given, int], of: Month, day: date, territory: str) -> tuple[own_month.Notice, ...]:
    """What each insurer is told: all that it was given of the month so far."""
    numbers = {
        smo: (half, kop) for smo, half, kop in money.financing.select("smo", "insured_half", "preliminary_kop").iter_rows()
    }
    told = []
    for smo in sorted({smo for _, smo in given if smo}):
        half, preliminary = numbers.get(smo, (0, 0))
        sums = [given.get((rule, smo), 0) for rule in ("standards", "case_management", "nsz_to_insurer", "spare_fill")]
        told.append(own_month.Notice(territory, smo, of, day, half, preliminary, *sums))
    return tuple(told)


def write_notices(notices: tuple[own_month.Notice, ...], folder: Path) -> list[Path]:
    """Files of the notices, `notice-<insurer>.json`; returns them. Equal notices give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths = []
    for notice in notices:
        paths.append(folder / insurer_files.file_name(notice))
        paths[-1].write_bytes(insurer_files.paper_json(notice))
    return paths
