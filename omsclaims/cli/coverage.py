"""Command: checks coverage - how much of an official check book is executed, row by row."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

import csv
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from omsclaims import messages
from omsclaims.checks import official
from omsclaims.checks.official.coverage import Covered, covered
from omsclaims.checks.official.rows import Correction, check_rows, problems
from omsclaims.cli import common, words
from omsclaims.nsi import Book, loader

#: What may become of a row, in the order of the table.
WAYS: Final = ("compiled", "corrected", "by_hand", "control", "reserved", "not_applicable", "failed")
#: Columns of the list of rows.
COLUMNS: Final = ("book", "row", "element", "kinds", "way", "why", "what", "on", "needs", "correction")


def add_to(group: typer.Typer, lang: str) -> None:
    """Adds the command to the family `checks`."""
    text = messages.text

    @words.command(group, "coverage", lang, "checks.coverage")
    def checks_coverage(
        files: Annotated[list[Path], typer.Argument(help=text("cli.checks.coverage.files", lang))],
        on: Annotated[str | None, typer.Option("--on", help=text("cli.checks.coverage.on", lang))] = None,
        out_file: Annotated[Path | None, typer.Option("--csv", help=text("cli.checks.coverage.csv", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        told: list[Covered] = []
        worst = common.CLEAN
        for path in common.named_files(files, {".xml", ".zip", ".csv"}, "*", "cli.nothing_to_load", lang):
            loaded = loader.load_book(path)
            if loaded.findings.height:
                common.print_findings(loaded.findings, lang)
                worst = common.FINDINGS
            if loaded.book is None:
                worst = common.UNREADABLE
                continue
            rows = check_rows(loaded.book)
            wrong = problems(rows)
            if wrong.height:
                common.print_findings(wrong, lang)
                worst = max(worst, common.FINDINGS)
            day = common.parse_as_of(on, lang) if on is not None else loaded.book.published or common.today()
            found = covered(rows, day)
            _show(loaded.book, day, found, lang)
            told += found
        if out_file is not None:
            write_rows(out_file, told, lang)
            common.out.print(text("cli.checks.coverage.written", lang, out=out_file, rows=len(told)), markup=False)
        raise typer.Exit(worst)


def _show(book: Book, day: date, found: list[Covered], lang: str) -> None:
    """The table of a book and its rows that are not executed. A row that could not be read counts as one in force."""
    text = messages.text
    counts = Counter((one.row.category, one.way) for one in found)
    ways = [way for way in WAYS if any(one.way == way for one in found)]
    shown = Table(
        title=text("cli.checks.coverage.title", lang, book=book.name, edition=book.edition, day=day),
        title_justify="left",
        show_edge=False,
        pad_edge=False,
    )
    shown.add_column(text("cli.checks.col.category", lang))
    for name in ("active", *ways):
        shown.add_column(text(f"checks.way.{name}", lang), justify="right")
    for category in sorted({one.row.category for one in found}):
        cells = [counts[category, way] for way in ways]
        shown.add_row(category, str(sum(cells)), *(str(cell or "") for cell in cells))
    totals = [sum(one.way == way for one in found) for way in ways]
    shown.add_row(text("cli.checks.coverage.all", lang), str(len(found)), *(str(total) for total in totals), style="bold")
    common.out.print(shown)
    live = [one for one in found if one.way != "reserved"]
    rows = len(live) + len(book.left_out)
    executed = sum(one.executed for one in live)
    alone = sum(one.way in ("compiled", "corrected") for one in live)
    common.out.print(
        text(
            "cli.checks.coverage.share", lang, executed=executed, rows=rows, share=_share(executed, rows), alone=alone,
            alone_share=_share(alone, rows), hand=sum(one.way == "by_hand" for one in live),
        ),
        style="bold", markup=False,
    )  # fmt: skip
    needs = sorted({book for one in live for book in one.needs})
    common.out.print(text("cli.checks.coverage.needs", lang, books=", ".join(needs) or "-"), markup=False)
    for one in live:
        if not one.executed:
            line = Text(f"  {one.row.id} {one.row.path}: {why(one, lang)}")
            common.out.print(line)
    for hole in book.left_out:
        common.out.print(Text(f"  {official.unread(hole)}: {official.reason('left_out', official.told_of(hole), lang)}"))


def why(one: Covered, lang: str) -> str:
    """Why a row is not executed, in words."""
    return official.reason(one.why, one.what, lang)


def correction_text(correction: Correction | None, lang: str) -> str:
    """Why a row is read otherwise than it stands; empty where it is not."""
    return "" if correction is None else messages.text(f"official.why.{correction.why}", lang)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"


def write_rows(path: Path, told: list[Covered], lang: str) -> None:
    """Every row with what became of it, as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for one in told:
            row = one.row
            reason = "" if one.executed else why(one, lang)
            writer.writerow(
                [
                    row.book,
                    row.id,
                    row.path,
                    "".join(sorted(row.kinds)),
                    one.way,
                    one.why,
                    reason,
                    one.on,
                    " ".join(one.needs),
                    correction_text(row.correction, lang),
                ]
            )
