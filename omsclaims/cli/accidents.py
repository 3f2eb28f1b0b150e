"""Commands on severe accidents at work: accident list, report."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import typer
from rich.text import Text

from omsclaims import closing, messages, money
from omsclaims.cli import common, words
from omsclaims.periods import Month
from omsclaims.reports import accidents as documents
from omsclaims.reports import doubts
from omsclaims.settlement import accidents
from omsclaims.workspace import Workspace

_SHOWN: Final = ("notice", "received_on", "smo", "find_by", "send_by", "sent_on", "report_by", "reported_on", "status")
_LATE: Final = ("not_found", "send_overdue", "report_overdue")


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.accident.help")
    app.add_typer(group, name="accident")
    _add_list(group, lang)
    _add_report(group, lang)


def _add_list(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "list", lang, "accident.list")
    def accident_list(
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        with Workspace.open(workspace) as store:
            context, _ = closing.load_context(store, Month(day.year, day.month), day)
            registers, _ = store.registers()
        rows = accidents.terms(registers, context).to_dicts()
        if not rows:
            common.out.print(text("cli.accident.none", lang))
            return
        heads = [(text(f"cli.accident.col.{name}", lang), "left") for name in _SHOWN]
        shown = common.table(text("cli.accident.title", lang, day=day), *heads)
        for row in rows:
            said = {**row, "status": text(f"accidents.status.{row['status']}", lang)}
            shown.add_row(*(Text(_cell(said[name])) for name in _SHOWN))
        common.out.print(shown)
        common.print_unconfirmed(context.law.asked or (), lang, context.law)
        raise typer.Exit(common.FINDINGS if any(row["status"] in _LATE for row in rows) else common.CLEAN)


def _cell(value: object) -> str:
    return "–" if value is None else value.isoformat() if isinstance(value, date) else str(value)


def _add_report(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "report", lang, "accident.report")
    def accident_report(
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        with Workspace.open(workspace) as store:
            registers, _ = store.registers()
            done = what_was_done(store, lang)
            sources = doubts.of_decisions(closing.parameters_of(store, store.closed_months()))
        known = registers["reg_accident"].filter(pl.col("received_on") <= day).unique("notice", keep="first", maintain_order=True)
        people = accidents.people_of(known, registers["reg_insured"])
        held = accidents.insurers_of(people.join(known.select("notice", "accident_on"), on="notice"), registers["reg_insured"])
        nothing = text("reports.accident.nothing", lang)
        rows = known.join(people, on="notice", how="left").join(held, on="notice").with_columns(
            done=pl.col("notice").replace_strict(done, default=nothing, return_dtype=pl.String)
        )  # fmt: skip
        if rows.is_empty():
            common.out.print(text("cli.accident.none", lang))
            return
        folder = workspace / "restricted" / "accidents"
        folder.mkdir(mode=0o700, exist_ok=True)
        for (smo,), own in sorted(rows.partition_by("smo", as_dict=True).items()):
            path = folder / f"{day}-{smo}.xlsx"
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(documents.workbook(own, str(smo), day, lang, doubts.note(sources, lang)))
            common.out.print(text("cli.accident.written", lang, smo=smo, path=path), markup=False)
        common.print_unconfirmed(sources, lang)


def what_was_done(store: Workspace, lang: str) -> dict[str, str]:
    """Notice -> what closed months excluded before payment, withheld afterwards or only named, in words."""
    found: dict[str, list[str]] = {}
    for month in store.closed_months():
        cases = store.run_table(month, "cases_view").select("case_key", "package", "idcase", "sumv_kop", "ground_code")
        matched = store.stored_table(month, "accident_cases").join(cases, on="case_key", how="inner")
        for row in matched.sort("notice", "package", "idcase").to_dicts():
            refused = row["same_clinic"] and row["ground_code"] in (accidents.GROUND, accidents.OLD_GROUND)
            found.setdefault(row["notice"], []).append(_words("excluded" if refused else "named", row, row["sumv_kop"], lang))
        for row in store.stored_table(month, "accident_deductions").sort("notice", "month", "package", "idcase").to_dicts():
            found.setdefault(row["notice"], []).append(_words("withheld", row, row["amount_kop"], lang))
    return {notice: "; ".join(parts) for notice, parts in found.items()}


def _words(key: str, row: dict[str, Any], amount_kop: int, lang: str) -> str:
    told = {name: row[name] for name in ("package", "idcase", "month") if name in row}
    return messages.text(f"reports.accident.{key}", lang, amount=money.show_amount(amount_kop, lang), **told)
