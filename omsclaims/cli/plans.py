"""Commands on the plan of the commission: plan report, plan check."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer
from rich.text import Text

from omsclaims import closing, contract, messages, money
from omsclaims.cli import common, words
from omsclaims.periods import Month
from omsclaims.reports import doubts, plans
from omsclaims.settlement import volumes
from omsclaims.workspace import Workspace

#: Columns of the table on the screen.
SHOWN: Final = ("plan_year", "consumed", "excess", "left", "forecast")


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.plan.help")
    app.add_typer(group, name="plan")
    _add_report(group, lang)
    _add_check(group, lang)


def _add_report(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "report", lang, "plan.report")
    def plan_report(
        month: Annotated[str, typer.Argument(help=text("cli.plan.report.month", lang))],
        out_file: Annotated[Path | None, typer.Option("--out", help=text("cli.plan.report.out", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        of, day = common.parse_month(month, lang), common.parse_as_of(as_of, lang)
        if out_file is not None and out_file.suffix.lower() not in (".xlsx", ".html"):
            raise typer.BadParameter(text("cli.plan.report.bad_out", lang, value=out_file.name))
        with Workspace.open(workspace) as store:
            if store.run(str(of)) is None:
                raise typer.BadParameter(text("cli.plan.report.not_closed", lang, month=of))
            context, _ = closing.load_context(store, of, day)
            registers, _ = store.registers()
            found = volumes.outlook(registers["reg_plan"], facts(store, of), context)
            accepted = doubts.of_decisions(closing.parameters_of(store, found.months))
        said = doubts.lines([*accepted, *(context.law.asked or ())], lang, context.law)
        made = plans.report(found, context, registers["reg_clinic"], lang, said)
        if out_file is None:
            show(made, lang)
            return
        data = plans.workbook(made, lang) if out_file.suffix.lower() == ".xlsx" else plans.page(made, lang).encode()
        out_file.write_bytes(data)
        common.out.print(text("cli.plan.report.written", lang, path=out_file), markup=False)


def facts(store: Workspace, of: Month) -> pl.DataFrame:
    """plan_lines of the closed months of the year up to a month."""
    closed = [name for name in store.closed_months() if f"{of.year}-01" <= name <= str(of)]
    return pl.concat([contract.TABLES["plan_lines"].empty(), *(store.stored_table(name, "plan_lines") for name in closed)])


def show(made: plans.Report, lang: str) -> None:
    """Totals by line on the screen: volumes, then money."""
    rows = plans.totals(made.outlook.rows, "line").to_dicts()
    title = messages.text("reports.plan.title", lang, month=made.context.month)
    for of, part in (("units2", "volume"), ("kop", "money")):
        heads = [(messages.text("reports.plan.col.line", lang), "left")]
        heads += [(messages.text(f"reports.plan.col.{name}", lang), "right") for name in SHOWN]
        shown = common.table(f"{title}. {messages.text(f'reports.plan.{part}', lang)}", *heads)
        for row in rows:
            figures = [row[f"{name}_{of}"] for name in SHOWN]
            cells = [plans.units(value, lang) if of == "units2" else _amount(value, lang) for value in figures]
            shown.add_row(Text(made.lines.get(row["line"], row["line"])), *cells)
        common.out.print(shown)
    common.out.print(messages.text(f"reports.plan.method.{made.outlook.method}", lang), markup=False)
    if made.outlook.lacking:
        common.out.print(messages.text("reports.plan.lacking", lang, months=", ".join(made.outlook.lacking)), markup=False)
    for line in made.unconfirmed:
        common.out.print(line, style="yellow", markup=False)


def _amount(kopecks: int | None, lang: str) -> str:
    return "–" if kopecks is None else money.show_amount(kopecks, lang)


def _add_check(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "check", lang, "plan.check")
    def plan_check(
        year: Annotated[str, typer.Argument(help=text("cli.plan.check.year", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        if not (year.isdecimal() and len(year) == 4):
            raise typer.BadParameter(text("cli.plan.check.bad_year", lang, value=year))
        of = common.parse_month(f"{year}-12", lang)
        with Workspace.open(workspace) as store:
            context, _ = closing.load_context(store, of, day)
            registers, _ = store.registers()
        found = volumes.plan_findings(registers, context, lang)
        rows = registers["reg_plan"].filter(pl.col("month").str.starts_with(f"{year}-")).height
        if found.is_empty():
            common.out.print(text("cli.plan.check.clean", lang, year=year, rows=rows))
            common.print_unconfirmed(context.law.asked or (), lang, context.law)
            return
        common.print_findings(found, lang, shown=20)
        common.print_unconfirmed(context.law.asked or (), lang, context.law)
        raise typer.Exit(common.FINDINGS)
