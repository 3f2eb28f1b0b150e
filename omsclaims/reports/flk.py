"""What is wrong with the files, in words? Findings as XLSX and HTML for people; FLK_P is the registry's (formats.md 9)."""

from __future__ import annotations

import polars as pl

from omsclaims.reports import listing, templates
from omsclaims.reports.acts import findings_table
from omsclaims.reports.sheets import Workbook
from omsclaims.reports.templates import t


def findings_xlsx(findings: pl.DataFrame, heading: str, lang: str, first: int = listing.FIRST) -> bytes:
    """Findings of any number of packages: a sheet of counts by rule, then a sheet per package (the first 30) with the findings.

    findings  frame of omsclaims.findings.SCHEMA; heading: what the list is about (a file name, a month)
    first     findings of one rule and package that are listed
    """
    book = Workbook(lang, heading)
    sheet = book.sheet(t("flk.sheet.counts", lang), (11, 11, 64, 13, 13))
    sheet.heading(t("flk.title", lang), heading)
    if findings.height:
        sheet.header([t(key, lang) for key in ("rule", "ground", "what", "findings", "cases")], repeat=True)
    else:
        sheet.line(t("no_findings", lang))
    for row in listing.counts(findings).iter_rows(named=True):
        texts = [("text", row["rule"]), ("text", row["code"]), ("text", listing.title(row["rule"], lang))]
        sheet.cells([*texts, ("count", row["findings"]), ("count", row["cases"])])
    packages = findings["package"].fill_null("").unique().sort().to_list() if findings.height else []
    for number, package in enumerate(packages[:_SHEETS]):
        name = f"{number + 1} {package}" if len(packages) > 1 else str(package)
        sheet = book.sheet(name or t("flk.sheet.findings", lang), (9, 10, 14, 10, 10, 30, 26, 62), landscape=True)
        findings_table(sheet, findings.filter(pl.col("package").fill_null("") == package), first, lang)
    return book.bytes()


_SHEETS = 30


def findings_html(findings: pl.DataFrame, heading: str, lang: str, first: int = listing.FIRST) -> str:
    """The same list as one self-contained page: counts by rule with what to do, then the findings of each package."""
    groups = []
    for (package,), own in sorted(findings.group_by("package"), key=lambda item: str(item[0][0])):
        listed = listing.with_text(listing.shown(own, first), lang)
        groups.append({"package": package or "", "all": own.height, "rows": listed.to_dicts()})
    counts = [
        row | {"title": listing.title(row["rule"], lang), "todo": listing.todo(row["rule"], lang)}
        for row in listing.counts(findings).iter_rows(named=True)
    ]
    return templates.render("findings.html.j2", lang, heading=heading, counts=counts, groups=groups, first=first)
