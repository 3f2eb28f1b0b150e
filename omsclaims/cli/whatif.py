"""Command on other tariffs: whatif."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from omsclaims import messages, money, whatif
from omsclaims.cli import common, words
from omsclaims.law.agreement import AgreementError, Change, read_overlay
from omsclaims.periods import Month
from omsclaims.reports import doubts
from omsclaims.reports import whatif as report
from omsclaims.tariffs import whatif as figures
from omsclaims.tariffs.grouper.overlay import wants
from omsclaims.workspace import Workspace

#: Rows of a dimension on the screen.
_SHOWN = 8


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the command."""
    text = messages.text

    @words.command(app, "whatif", lang)
    def whatif_command(
        overlay: Annotated[Path, typer.Argument(help=text("cli.whatif.overlay", lang))],
        month: Annotated[str, typer.Option("--month", help=text("cli.whatif.month", lang))],
        out_file: Annotated[Path | None, typer.Option("--out", help=text("cli.whatif.out", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        months = common.parse_months(month, lang)
        if out_file is not None and out_file.suffix.lower() not in (".xlsx", ".html"):
            raise typer.BadParameter(text("cli.whatif.bad_out", lang, value=out_file.name))
        common.existing_files([overlay], lang)
        with Workspace.open(workspace) as store:
            lacking = [str(one) for one in months if store.run(str(one)) is None]
            if lacking:
                raise typer.BadParameter(text("cli.norms.not_closed", lang, months=", ".join(lacking)))
            to_group = wants(overlay)
            loaded = [whatif.load(store, one, common.parse_as_of(as_of, lang), to_group) for one in months]
            registers, _ = store.registers()
        try:
            found = whatif.asked(loaded, overlay)
        except AgreementError as error:
            raise typer.BadParameter(text("cli.whatif.bad_overlay", lang, path=overlay, problems=error.text(lang))) from error
        made = _report(found, dict(registers["reg_clinic"].select("mo", "name").iter_rows()), overlay, months, lang)
        if out_file is None:
            show(made, lang)
        else:
            data = report.workbook(made, lang) if out_file.suffix.lower() == ".xlsx" else report.page(made, lang).encode()
            out_file.write_bytes(data)
            common.out.print(text("cli.whatif.written", lang, path=out_file), markup=False)
        if found.findings.height:
            common.print_findings(found.findings, lang)
            raise typer.Exit(common.FINDINGS)


def _report(found: whatif.Answer, clinics: dict[str, str], overlay: Path, months: list[Month], lang: str) -> report.Report:
    shown = str(months[0]) if len(months) == 1 else f"{months[0]}..{months[-1]}"
    raw, _, _ = read_overlay(overlay)
    title = messages.text("reports.whatif.title", lang, name=raw.get("title") or overlay.stem, months=shown)
    changes = [_told(change, lang) for change in found.changes]
    if found.moved:
        changes.append(messages.text("cli.whatif.moved", lang, count=found.moved))
    return report.Report(
        title, found.difference, found.by_month, changes, clinics,
        found.context.territory, found.context.agreement.head.reference, found.repriced, found.rows,
        doubts.lines([*found.sources, *(found.context.law.asked or ())], lang, found.law),
    )  # fmt: skip


def _told(change: Change, lang: str) -> str:
    """One change in a line: what, from what to what, since when."""
    said = {"table": change.table, "key": change.key, "column": change.column}
    values = {"before": "–" if change.before is None else change.before, "after": "–" if change.after is None else change.after}
    return messages.text("cli.whatif.changed", lang, **said, **values, since=change.valid_from, why=change.why)


def show(made: report.Report, lang: str) -> None:
    """The whole, what was changed, and the largest changes of each dimension."""
    text = messages.text
    common.out.print(made.title, markup=False)
    for line in (*made.changes, *made.unconfirmed):
        common.out.print(f"  {line}", markup=False)
    names = ("cases", "before", "after", "difference", "percent")
    for by in ("total", *figures.BY):
        rows = [report.total(made)] if by == "total" else figures.largest(made.difference, by, _SHOWN)
        if not rows:
            continue
        heads = [(text(f"reports.whatif.col.{name}", lang), "right") for name in names]
        title = text("reports.whatif.total" if by == "total" else f"reports.whatif.by.{by}", lang)
        shown = common.table(title, ("", "left"), *heads)
        for row in rows:
            amounts = [money.show_amount(int(str(row[f"{name}_kop"])), lang) for name in ("before", "after", "difference")]
            name = "" if by == "total" else report.label(by, str(row["key"]), made, lang)
            shown.add_row(Text(name), report.cases(row, lang), *amounts, report.percent(row, lang))
        common.out.print(shown)
