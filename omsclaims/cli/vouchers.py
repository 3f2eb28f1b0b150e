"""Commands on vouchers of high-tech care: voucher list, overdue, waiting, quota."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import typer
from rich.text import Text

from omsclaims import closing, contract, findings, messages
from omsclaims.cli import common, words
from omsclaims.periods import Month
from omsclaims.settlement import vouchers
from omsclaims.workspace import Workspace

_REGISTERS: Final = ("reg_quota", "reg_voucher", "reg_voucher_event", "reg_insured")
#: Rows shown on the screen; the count always is.
SHOWN: Final = 200


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.voucher.help")
    app.add_typer(group, name="voucher")
    _add_list(group, lang)
    _add_overdue(group, lang)
    _add_waiting(group, lang)
    _add_quota(group, lang)


def _add_list(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "list", lang, "voucher.list")
    def voucher_list(
        mo: Annotated[str | None, typer.Option("--mo", help=text("cli.voucher.mo", lang))] = None,
        state: Annotated[str | None, typer.Option("--state", help=text("cli.voucher.state", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        if state is not None and state not in vouchers.path().states:
            known = ", ".join(vouchers.path().states)
            raise typer.BadParameter(text("cli.voucher.bad_state", lang, value=state, known=known))
        registers = _registers(workspace)
        known_vouchers, problems = vouchers.standings(registers, day)
        problems += vouchers.of_the_dead(known_vouchers, registers["reg_insured"], day)
        chosen = [one for one in known_vouchers if mo in (None, one.mo) and state in (None, one.state)]
        rows = [
            {**vars(one), "state": text(f"vouchers.state.{one.state}", lang)} for one in chosen
        ]  # fmt: skip
        columns = ("voucher", "section", "mo", "group", "state", "since", "planned_on")
        _show(text("cli.voucher.title.list", lang, day=day), columns, rows, lang)
        _finish(problems, lang)


def _add_overdue(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "overdue", lang, "voucher.overdue")
    def voucher_overdue(
        mo: Annotated[str | None, typer.Option("--mo", help=text("cli.voucher.mo", lang))] = None,
        late: Annotated[bool, typer.Option("--late", help=text("cli.voucher.late", lang))] = False,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        with Workspace.open(workspace) as store:
            context, _ = closing.load_context(store, Month(day.year, day.month), day)
            registers, _ = store.registers()
        known, _ = vouchers.standings(registers, day)
        wanted = ["overdue", "soon", *(["late"] if late else [])]
        terms = vouchers.terms(known, context).filter(pl.col("status").is_in(wanted))
        rows = [
            {
                **row,
                "awaits": text(f"vouchers.event.{row['event']}", lang),
                "status": text(f"vouchers.status.{row['status']}", lang),
            }
            for row in terms.to_dicts()
            if mo in (None, row["mo"])
        ]
        columns = ("voucher", "mo", "group", "awaits", "due", "done_on", "days_late", "status")
        _show(text("cli.voucher.title.overdue", lang, day=day), columns, rows, lang)
        common.print_unconfirmed(context.law.asked or (), lang, context.law)
        raise typer.Exit(common.FINDINGS if rows else common.CLEAN)


def _add_waiting(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "waiting", lang, "voucher.waiting")
    def voucher_waiting(
        mo: Annotated[str | None, typer.Option("--mo", help=text("cli.voucher.mo", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        registers = _registers(workspace)
        known, _ = vouchers.standings(registers, day)
        waiting = vouchers.waiting_list(known, registers["reg_quota"], day)
        rows = [
            {**row, "place_is_free": text("reports.page.yes" if row["place_is_free"] else "reports.page.no", lang)}
            for row in waiting.to_dicts()
            if mo in (None, row["mo"])
        ]
        _show(text("cli.voucher.title.waiting", lang, day=day), tuple(vouchers.WAITING), rows, lang)


def _add_quota(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "quota", lang, "voucher.quota")
    def voucher_quota(
        mo: Annotated[str | None, typer.Option("--mo", help=text("cli.voucher.mo", lang))] = None,
        year: Annotated[int | None, typer.Option("--year", min=2011, help=text("cli.voucher.year", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        registers = _registers(workspace)
        known, _ = vouchers.standings(registers, day)
        places, problems = vouchers.quota(known, registers["reg_quota"], year or day.year, day)
        rows = [row for row in places.to_dicts() if mo in (None, row["mo"])]
        columns = ("mo", "group", "places", "held", "treated", "waiting", "freed", "free")
        _show(text("cli.voucher.title.quota", lang, year=year or day.year, day=day), columns, rows, lang)
        _finish([one for one in problems if mo in (None, one.params["mo"])], lang)


def _registers(workspace: Path) -> dict[str, pl.DataFrame]:
    with Workspace.open(workspace) as store:
        tables, _ = store.registers()
    return {name: tables[name] for name in contract.TABLES if name in _REGISTERS}


def _show(title: str, columns: Sequence[str], rows: Sequence[dict[str, Any]], lang: str) -> None:
    """A table of rows; a person is never in it."""
    if not rows:
        common.out.print(messages.text("cli.voucher.none", lang))
        return
    numbers = ("section", "days_late", "place", "places", "held", "treated", "waiting", "freed", "free")
    heads = [(messages.text(f"cli.voucher.col.{name}", lang), "right" if name in numbers else "left") for name in columns]
    shown = common.table(title, *heads)
    for row in rows[:SHOWN]:
        shown.add_row(*(Text(_cell(row[name])) for name in columns))
    common.out.print(shown)
    if len(rows) > SHOWN:
        common.out.print(messages.text("cli.and_more", lang, count=len(rows) - SHOWN))


def _cell(value: object) -> str:
    return "–" if value is None else value.isoformat() if isinstance(value, date) else str(value)


def _finish(problems: Iterable[findings.Finding], lang: str) -> None:
    """Prints findings and ends with the code that they give."""
    found = findings.frame(problems)
    if found.height:
        common.print_findings(found, lang)
        raise typer.Exit(common.FINDINGS)
