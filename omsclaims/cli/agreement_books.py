"""Which books is an agreement held against? V023, V024 and workbooks of the grouper from files, or those of its workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import typer

from omsclaims import messages
from omsclaims.cli import common
from omsclaims.cli.files import _with_books
from omsclaims.law.agreement import Agreement
from omsclaims.law.agreement.federal import Criteria, against_criteria, against_groups
from omsclaims.law.agreement.rows import MAIN_FILE
from omsclaims.nsi import SINCE_EVER, Book
from omsclaims.workspace import DATABASE, Workspace

_GROUPS, _CRITERIA = "V023", "V024"
_WORKBOOKS: Final = ("KSG.ST.GROUPER", "KSG.DS.GROUPER")


@dataclass(frozen=True)
class Compared:
    """Findings of the comparison (A.3-A.6), remarks on criteria (A.7), and whether groups were compared at all."""

    findings: pl.DataFrame
    remarks: pl.DataFrame
    groups: bool


def compare(
    loaded: Agreement, folder: Path, book_files: list[Path] | None, days: tuple[date, date], as_of: date, lang: str
) -> Compared | None:  # fmt: skip
    """The agreement beside the books named, or beside those of the workspace in `folder`; None where there are no books.

    days   the days that are asked about
    as_of  day of knowledge, for a workspace

    Raises BadParameter where books are named and neither V023 nor V024 is among them.
    """
    if book_files:
        chosen = _with_books(book_files, lang)
        books = {name: chosen.require(name) for name in (_GROUPS, _CRITERIA, *_WORKBOOKS) if chosen.has(name)}
        if not {_GROUPS, _CRITERIA} & books.keys():
            raise typer.BadParameter(messages.text("cli.agreement.check.no_books", lang))
    elif (folder / MAIN_FILE).is_file() or not (folder / DATABASE).exists():
        return None
    else:
        books = _of_workspace(folder, days[1], as_of)
        if not {_GROUPS, _CRITERIA} & books.keys():
            return None
    groups, criteria = books.get(_GROUPS), books.get(_CRITERIA)
    nothing = pl.DataFrame(schema=against_criteria((), pl.DataFrame(), days).schema)
    found = nothing if groups is None else against_groups(loaded, groups.rows, days, groups.published)
    workbooks = [_criteria(books[name], days) for name in _WORKBOOKS if name in books]
    remarks = nothing if criteria is None else against_criteria(workbooks, criteria.rows, days)
    return Compared(found, remarks, groups is not None)


def show_compared(compared: Compared | None, loaded: Agreement, days: tuple[date, date], lang: str) -> int:
    """Tells what a comparison found; how many findings it has. Remarks on criteria are told and not counted."""
    if compared is None:
        return 0
    for name, found in (("federal", compared.findings), ("criteria", compared.remarks)):
        if found.height:
            common.out.print(messages.text(f"cli.agreement.check.{name}", lang, count=found.height), style="bold")
            common.print_findings(found, lang)
    if compared.groups and "A.6" not in compared.findings["rule"].to_list():
        begin, end = max(days[0], loaded.head.valid_from), min(days[1], loaded.head.valid_to)
        rows = loaded.table("ksg").height
        said = messages.text("cli.agreement.check.compared", lang, rows=rows, begin=begin, end=end)
        common.out.print(said, markup=False)
    return compared.findings.height


def _of_workspace(folder: Path, day: date, as_of: date) -> dict[str, Book]:
    """The editions of a workspace in force on a day, as known on another."""
    found = {}
    with Workspace.open(folder) as store:
        library = store.library()
        for name in (_GROUPS, _CRITERIA, *_WORKBOOKS):
            edition = library.edition_on(name, day, as_of)
            if edition is not None:
                found[name] = library.open(edition)
    return found


def _criteria(workbook: Book, days: tuple[date, date]) -> Criteria:
    """Criteria of a workbook for its year; one without a day is for all days asked about."""
    first, last = days
    if workbook.holds_from != SINCE_EVER:
        first, last = workbook.holds_from, date(workbook.holds_from.year, 12, 31)
    text = [
        pl.col(name) if name in workbook.rows.columns else pl.lit(None, dtype=pl.String).alias(name)
        for name in ("number", "criterion")
    ]
    return Criteria(workbook.name, first, last, workbook.rows.select(text))
