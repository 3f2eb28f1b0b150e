"""Commands on bills of clinics outside the Federation: abroad take, pay, act."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from omsclaims import between_abroad, messages, money
from omsclaims.cli import common, words
from omsclaims.law import federal_parameters
from omsclaims.workspace import Workspace

_NOTICE: Final = ("n_zap", "idcase", "presented_kop", "paid_kop", "refused_kop", "code")
_ACT: Final = ("mo", "nschet", "dschet", "start_kop", "presented_kop", "paid_kop", "refused_kop", "end_kop")


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.abroad.help")
    app.add_typer(group, name="abroad")
    _add_take(group, lang)
    _add_pay(group, lang)
    _add_act(group, lang)


def _add_take(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "take", lang, "abroad.take")
    def take(
        package: Annotated[Path, typer.Argument(help=text("cli.abroad.package", lang))],
        received: Annotated[str | None, typer.Option("--received", help=text("cli.territory.received", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        came = None if received is None else common.parse_as_of(received, lang)
        (path,) = common.existing_files([package], lang)
        law = federal_parameters().noting()
        with Workspace.writing(workspace) as store:
            taken = between_abroad.take(store, path, day, common.who_am_i(), came, law)
        done = taken.done
        amount = money.show_amount(done.amount_kop, lang)
        said = {"file": done.file_name, "clinic": done.receiver, "items": done.items, "amount": amount}
        common.out.print(text(f"cli.abroad.{done.outcome}", lang, **said), markup=False)
        if done.findings.height:
            common.print_findings(done.findings, lang)
        if taken.notice.height:
            _show(text("cli.abroad.notice", lang, file=done.file_name), _NOTICE, taken.notice.to_dicts(), lang)
        if taken.terms is not None:
            days = {name: _cell("", value, lang) for name, value in (("mek", taken.terms.mek_by), ("pay", taken.terms.pay_by))}
            common.out.print(text("cli.abroad.terms", lang, **days), markup=False)
        common.print_unconfirmed(sorted(law.asked or ()), lang)
        raise typer.Exit(common.FINDINGS if done.outcome == "refused" or done.findings.height else common.CLEAN)


def _add_pay(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "pay", lang, "abroad.pay")
    def pay(
        bill: Annotated[str, typer.Argument(help=text("cli.abroad.bill", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        with Workspace.writing(workspace) as store:
            done = between_abroad.pay(store, bill, day, common.who_am_i())
        amount = money.show_amount(done.amount_kop, lang)
        said = {"file": done.file_name, "clinic": done.receiver, "items": done.items, "amount": amount}
        common.out.print(text(f"cli.abroad.{done.outcome}", lang, **said), markup=False)
        if done.findings.height:
            common.print_findings(done.findings, lang)
        raise typer.Exit(common.FINDINGS if done.outcome == "refused" else common.CLEAN)


def _add_act(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "act", lang, "abroad.act")
    def act(
        year: Annotated[int, typer.Argument(help=text("cli.abroad.year", lang), min=2012, max=2100)],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        law = federal_parameters().noting()
        with Workspace.open(workspace) as store:
            rows, days = between_abroad.act(store, year, law)
        _show(text("cli.abroad.title", lang, begin=days.begin, end=days.end), _ACT, rows.to_dicts(), lang)
        send, back = _cell("", days.send_by, lang), _cell("", days.return_by, lang)
        common.out.print(text("cli.abroad.act_days", lang, send=send, back=back), markup=False)
        common.print_unconfirmed(sorted(law.asked or ()), lang)


def _show(title: str, columns: Sequence[str], rows: Sequence[dict[str, Any]], lang: str) -> None:
    heads = [(messages.text(f"cli.abroad.col.{name}", lang), "right" if name.endswith("_kop") else "left") for name in columns]
    shown = common.table(title, *heads)
    for row in rows:
        shown.add_row(*(Text(_cell(name, row[name], lang)) for name in columns))
    common.out.print(shown)


def _cell(name: str, value: object, lang: str) -> str:
    if value is None:
        return "\u2013"
    if isinstance(value, int) and name.endswith("_kop"):
        return money.show_amount(value, lang)
    return value.isoformat() if isinstance(value, date) else str(value)
