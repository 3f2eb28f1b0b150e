"""Command on tariffs by costing: tariff cost (Rules 155-166)."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from omsclaims import findings, messages, money
from omsclaims.cli import common, words
from omsclaims.law import federal_parameters
from omsclaims.reports import costing as report
from omsclaims.tariffs import costing, costing_files


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the command."""
    text = messages.text
    group = words.group(lang, "cli.tariff.help")
    app.add_typer(group, name="tariff")

    @words.command(group, "cost", lang, "tariff.cost")
    def cost(
        folder: Annotated[Path, typer.Argument(help=text("cli.tariff.cost.folder", lang))],
        out_file: Annotated[Path | None, typer.Option("--out", help=text("cli.tariff.cost.out", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        if not folder.is_dir():
            raise typer.BadParameter(text("cli.tariff.cost.no_folder", lang, path=folder))
        if out_file is not None and out_file.suffix.lower() != ".xlsx":
            raise typer.BadParameter(text("cli.tariff.cost.bad_out", lang, value=out_file.name))
        inputs = costing_files.read_folder(folder)
        if isinstance(inputs, list):
            common.print_findings(findings.frame(inputs), lang)
            raise typer.Exit(common.UNREADABLE)
        law = federal_parameters()
        made = costing.cost(inputs, law)
        show(made, lang)
        for line in report.unconfirmed(made, law, lang):
            common.out.print(line, markup=False)
        if out_file is not None:
            out_file.write_bytes(report.workbook(inputs, made, law, lang))
            common.out.print(text("cli.tariff.cost.written", lang, path=out_file), markup=False)
        if made.findings.height:
            common.print_findings(made.findings, lang)
            raise typer.Exit(common.FINDINGS)


def show(made: costing.Costing, lang: str) -> None:
    """The table of point 165, the treated patients, and what the tariffs leave out."""
    text = messages.text
    none = text("reports.costing.none", lang)
    heads = [(text(f"reports.costing.col.{name}", lang), "left") for name in ("unit", "name")]
    figures = [(text(f"cli.tariff.cost.col.{name}", lang), "right") for name in report.MONEY]
    shown = common.table(text("cli.tariff.cost.title", lang), *heads, *figures)
    for row in made.table.iter_rows(named=True):
        amounts = [_amount(row[f"{name}_kop"], none if name == "cost" else "–", lang) for name in report.MONEY]
        shown.add_row(Text(row["unit"]), Text(row["name"]), *amounts)
    common.out.print(shown)
    if made.treated.height:
        _show_treated(made, none, lang)
    costed, left_out = made.table["cost_kop"].drop_nulls().len(), int(made.left_out["amount_kop"].sum())
    said = {
        "costed": costed,
        "units": made.table.height,
        "left_out": money.show_amount(left_out, lang),
        "rows": made.left_out.height,
    }
    common.out.print(text("cli.tariff.cost.done", lang, **said), style="bold", markup=False)


def _amount(kopecks: int | None, none: str, lang: str) -> str:
    return none if kopecks is None else money.show_amount(kopecks, lang)


def _show_treated(made: costing.Costing, none: str, lang: str) -> None:
    names = (
        ("patient", "left"),
        ("part", "left"),
        ("item", "left"),
        ("quantity", "right"),
        ("frequency", "right"),
        ("price", "right"),
    )
    heads = [
        (messages.text(f"reports.costing.col.{name}", lang), side)
        for name, side in (*names, ("amount", "right"), ("tariff", "right"))
    ]
    shown = common.table(messages.text("reports.costing.sheet.treated", lang), *heads)
    for row in made.treated.iter_rows(named=True):
        cells = [str(value) for kind, value in report.treated_cells(row, lang) if kind == "text"][:6]
        shown.add_row(*map(Text, cells), _amount(row["amount_kop"], "–", lang), _amount(row["tariff_kop"], none, lang))
    common.out.print(shown)
