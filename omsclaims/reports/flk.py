"""What is wrong with the files, in words? Findings as a workbook and a page for people; FLK_P and JSON lines are the registry's
(formats.md 9).

One row per finding: rule, what is wrong, what to do, where it stands. A list can have millions of findings: the first of each
rule and package are shown, counts are always of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import polars as pl
from xlsxwriter.utility import xl_col_to_name

from omsclaims.checks import official
from omsclaims.reports import listing, templates
from omsclaims.reports.sheets import Workbook
from omsclaims.reports.templates import t

#: Findings that one page lists; a browser must be able to show them, the workbook has the others.
PAGE_ROWS: Final = 5_000
#: Rows of one sheet; a list that is longer goes on on the next.
_SHEET_ROWS: Final = 1_000_000
#: Columns of the list: message key, width, kind of cell, name in the list.
_COLUMNS: Final[tuple[tuple[str, float, str, str], ...]] = (
    ("package", 20, "text", "package"), ("n_zap", 8, "plain", "n_zap"), ("idcase", 10, "plain", "idcase"),
    ("rule", 9, "text", "rule"), ("ground", 11, "text", "code"), ("what", 22, "text", "title"),
    ("column.text", 42, "text", "text"), ("todo", 32, "text", "todo"), ("column.element", 21, "text", "element"),
    ("column.value", 16, "text", "value"), ("sl_id", 14, "text", "sl_id"), ("flk.idserv", 14, "text", "idserv"),
    ("flk.id_pac", 14, "text", "id_pac"), ("flk.file", 20, "text", "file"),
    ("flk.line", 8, "plain", "line"), ("flk.offset", 10, "plain", "offset"),
)  # fmt: skip
#: Columns that stay away where no finding has anything in them.
_SPARE: Final = frozenset({"n_zap", "idcase", "code", "element", "value", "sl_id", "idserv", "id_pac", "line", "offset"})


def findings_xlsx(
    findings: pl.DataFrame, heading: str, lang: str, first: int = listing.FIRST, billed: pl.DataFrame | None = None,
    executions: pl.DataFrame | None = None,
) -> bytes:  # fmt: skip
    """Findings of any number of packages as a workbook: a sheet of counts by rule, and a sheet with one row per finding.

    findings  frame of omsclaims.findings.SCHEMA; heading: what the list is about (a file name, a month)
    first     findings of one rule and package that are listed
    billed    package, z_row, sumv_kop of the cases, where they are known: the counts then say how much money is concerned
    executions  what became of the rows of the check books (checks.official.EXECUTIONS): those not executed are listed with why
    """
    book = Workbook(lang, heading, long=True)
    listed = _listed(findings, first, lang)
    _counts_sheet(book, findings, heading, lang, _notes(findings, listed.height, first, lang, billed), billed)
    if findings.height:
        for number, part in enumerate(listed.iter_slices(_SHEET_ROWS)):
            name = t("flk.sheet.findings", lang)
            _findings_sheet(book, name if number == 0 else f"{name} {number + 1}", part, lang, packages=_packages(findings))
    if executions is not None and executions.height:
        _rows_sheet(book, executions, lang)
    return book.bytes()


def findings_html(
    findings: pl.DataFrame, heading: str, lang: str, first: int = listing.FIRST, billed: pl.DataFrame | None = None,
    executions: pl.DataFrame | None = None,
) -> str:  # fmt: skip
    """The same list as one self-contained page: counts by rule with what to do, then the findings of each package."""
    whole = _listed(findings, first, lang)
    listed = whole.head(PAGE_ROWS)
    rows = {package: part.to_dicts() for (package,), part in listed.partition_by("package", as_dict=True).items()}
    sizes = findings.group_by(pl.col("package").fill_null("")).len().sort("package")
    groups = [{"package": package, "all": size, "rows": rows.get(package, [])} for package, size in sizes.iter_rows()]
    notes = list(_notes(findings, listed.height, first, lang, billed))
    if listed.height < whole.height:
        notes.insert(0, t("flk.page_ends", lang, rows=PAGE_ROWS))
    return templates.render(
        "findings.html.j2", lang, heading=heading, counts=_counts(findings, lang, billed), groups=groups,
        billed=billed is not None, findings=findings.height, packages=_packages(findings),
        notes=notes, rows_told=[] if executions is None else official.told(executions, lang),
        rows_left=[] if executions is None else official.not_executed(executions, lang),
    )  # fmt: skip


def _packages(findings: pl.DataFrame) -> int:
    return findings["package"].n_unique() if findings.height else 0


def _counts(findings: pl.DataFrame, lang: str, billed: pl.DataFrame | None) -> list[dict[str, Any]]:
    """Counts by rule with its texts, for both forms."""
    found = {
        rule: part.select("params", "value", "element").unique().rows()
        for (rule,), part in findings.partition_by("rule", as_dict=True).items()
    }
    return [
        {
            "sumv_kop": None,
            **row,
            "title": listing.title(row["rule"], lang),
            "todo": listing.todo(row["rule"], lang, found[row["rule"]]),
        }
        for row in listing.counts(findings, billed).iter_rows(named=True)
    ]


def _listed(findings: pl.DataFrame, first: int, lang: str) -> pl.DataFrame:
    """The findings that are shown, by package, with title, text and what to do."""
    shown = listing.with_text(listing.shown(findings, first), lang)
    return shown.with_columns(pl.col("package").fill_null("")).sort("package", maintain_order=True)


# --- the workbook ------------------------------------------------------------------------------------------------------


def _counts_sheet(
    book: Workbook, findings: pl.DataFrame, heading: str, lang: str, notes: Iterable[str], billed: pl.DataFrame | None
) -> None:  # fmt: skip
    """What was found, by rule: the most frequent first."""
    widths = (9, 10, 42, 52, 12, 12) + ((18,) if billed is not None else ())
    sheet = book.sheet(t("flk.sheet.counts", lang), widths, landscape=True)
    sheet.heading(t("flk.title", lang), heading)
    if not findings.height:
        sheet.line(t("no_findings", lang))
        return
    sheet.line(t("flk.total", lang, findings=findings.height, packages=_packages(findings)))
    for note in notes:
        sheet.line(note, font_color="#5B6875")
    keys = ["rule", "ground", "what", "todo", "findings", "cases"] + (["flk.billed"] if billed is not None else [])
    sheet.header([t(key, lang) for key in keys], repeat=True)
    for row in _counts(findings, lang, billed):
        texts = [("text", row["rule"]), ("text", row["code"]), ("text", row["title"]), ("text", row["todo"])]
        money = [("money", row["sumv_kop"])] if billed is not None else []
        sheet.cells([*texts, ("count", row["findings"]), ("count", row["cases"]), *money], valign="top")


def _rows_sheet(book: Workbook, executions: pl.DataFrame, lang: str) -> None:
    """Rows of the check books that were not executed, by reason: a protocol hides none."""
    sheet = book.sheet(t("flk.sheet.rows", lang), (10, 60, 10, 100), landscape=True)
    sheet.heading(t("flk.rows.title", lang))
    for line in official.told(executions, lang):
        if not line.startswith(" "):
            sheet.line(line)
    sheet.header([t(f"flk.rows.{name}", lang) for name in ("book", "why", "count", "ids")], repeat=True)
    for name, why, count, rows in official.not_executed(executions, lang):
        sheet.cells([("text", name), ("text", why), ("count", count), ("text", rows)], valign="top")


def _notes(findings: pl.DataFrame, shown: int, first: int, lang: str, billed: pl.DataFrame | None) -> Iterator[str]:
    """What a reader of the counts must know."""
    if shown < findings.height:
        yield t("flk.shown", lang, shown=shown, all=findings.height, first=first) + " " + t("flk.all_in", lang)
    if billed is not None:
        yield t("flk.billed_note", lang)


def _findings_sheet(book: Workbook, name: str, listed: pl.DataFrame, lang: str, packages: int) -> None:
    """One row per finding, heads in sight, with a filter on every column."""
    away = {value for value in _SPARE if listed[value].null_count() == listed.height}
    if packages == 1:
        away.add("package")
    if (listed["file"].fill_null(listed["package"]) == listed["package"]).all():
        away.add("file")
    columns = [column for column in _COLUMNS if column[3] not in away]
    sheet = book.sheet(name, [width for _, width, _, _ in columns], landscape=True)
    sheet.header([t(key, lang) for key, *_ in columns], repeat=True)
    for row in listed.iter_rows(named=True):
        sheet.cells([(kind, row[value]) for _, _, kind, value in columns], valign="top", font_size=9)
    sheet.sheet.autofilter(f"A1:{xl_col_to_name(len(columns) - 1)}{sheet.row}")
