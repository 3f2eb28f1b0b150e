"""Command on the per-capita money of clinics: capitation."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer
from rich.text import Text

from omsclaims import closing, messages
from omsclaims.cli import common, words
from omsclaims.law import unconfirmed_lines
from omsclaims.reports import capitation as report
from omsclaims.reports.sheets import month_name
from omsclaims.tariffs.capitation import Capitation, capitate
from omsclaims.workspace import Workspace

FORMS: Final = (".xlsx", ".csv")
_COLUMNS: Final = ("mo", "people", "kdpv", "kdot", "standard", "final_standard", "people_kop", "performance_group", "total_kop")


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the command."""
    text = messages.text

    @words.command(app, "capitation", lang)
    def capitation(
        month: Annotated[str, typer.Argument(help=text("cli.capitation.month", lang))],
        clinic: Annotated[str | None, typer.Option("--clinic", help=text("cli.capitation.clinic", lang))] = None,
        out_file: Annotated[Path | None, typer.Option("--out", help=text("cli.capitation.out", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        of, day = common.parse_month(month, lang), common.parse_as_of(as_of, lang)
        if out_file is not None and out_file.suffix.lower() not in FORMS:
            raise typer.BadParameter(text("cli.capitation.bad_out", lang, value=out_file.name))
        with Workspace.open(workspace) as store:
            context, _ = closing.load_context(store, of, day)
            registers, _ = store.registers()
        made = capitate(registers, context)
        about = report.About(of, context.territory, context.agreement, context.law)
        if clinic is not None:
            lines = report.explain(made, clinic, about, lang)
            if not lines:
                raise typer.BadParameter(text("cli.capitation.no_clinic", lang, mo=clinic))
            for line in lines:
                common.out.print(line, markup=False)
        elif out_file is None:
            _show(made, about, lang)
        if out_file is not None:
            book = out_file.suffix.lower() == ".xlsx"
            out_file.write_bytes(report.workbook(made, about, lang) if book else report.exact_csv(made))
            common.out.print(text("cli.capitation.written", lang, path=out_file), markup=False)
        for line in unconfirmed_lines(made.sources, lang, context.law) if clinic is None else ():
            common.out.print(line, style="yellow", markup=False)
        if made.findings.height:
            common.print_findings(made.findings, lang)
            raise typer.Exit(common.FINDINGS)


def _show(made: Capitation, about: report.About, lang: str) -> None:
    """Clinics by kind and ФАП on the screen."""
    title = messages.text("capitation.title", lang, month=month_name(about.month.year, about.month.month, lang))
    common.out.print(title, style="bold")
    for line in report.money_lines(made, lang):
        common.out.print(line, markup=False)
    for kind in made.clinics["kind"].unique(maintain_order=True):
        rows = made.clinics.filter(pl.col("kind") == kind)
        shown = common.table(messages.text(f"capitation.kind.{kind}", lang), *_heads(_COLUMNS, lang))
        for row in rows.iter_rows(named=True):
            cells = report.clinic_cells(row, lang)
            shown.add_row(*(Text(cells[name]) for name in _COLUMNS))
        common.out.print(shown)
    if made.faps.height:
        columns = ("fap", "mo", "band", "norm", "kd", "ks", "year_kop", "month_kop")
        shown = common.table(messages.text("capitation.sheet.faps", lang), *_heads(columns, lang))
        for row in made.faps.iter_rows(named=True):
            cells = report.fap_cells(row, lang)
            shown.add_row(*(Text(cells[name]) for name in columns))
        common.out.print(shown)


def _heads(columns: tuple[str, ...], lang: str) -> list[tuple[str, str]]:
    left = ("mo", "fap", "band", "performance_group")
    return [(messages.text(f"capitation.col.{name}", lang), "left" if name in left else "right") for name in columns]
