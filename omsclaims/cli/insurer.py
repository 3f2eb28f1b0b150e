"""Commands on an insurer's own books and on its year: insurer take, compare, receive, spend, year-end, early-end."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from omsclaims import insurer, messages, money
from omsclaims.cli import common, words
from omsclaims.reports import act_forms, insurer_files
from omsclaims.settlement.insurer_year import SOURCES
from omsclaims.workspace import Workspace

#: What can be received: sources of the split table, and fines that clinics pay.
_RECEIVED: Final = (*SOURCES, "fine")
_SHOWN: Final = 50


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.insurer.help")
    app.add_typer(group, name="insurer")
    _add_take(group, lang)
    _add_compare(group, lang)
    _add_receive(group, lang)
    _add_spend(group, lang)
    _add_return(group, lang, "year-end", insurer.year_end)
    _add_return(group, lang, "early-end", insurer.early_end)


def _add_take(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "take", lang, "insurer.take")
    def take(
        files: Annotated[list[Path], typer.Argument(help=text("cli.insurer.files", lang))],
        why: Annotated[str | None, typer.Option("--why", help=text("cli.option.why", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day, who = common.parse_as_of(as_of, lang), common.who_am_i()
        given = common.named_files(files, {".json"}, "*", "cli.empty_folder", lang)
        named = {path: insurer_files.kind_of(path.read_bytes()) for path in given}
        wrong, sources = False, set[str]()
        for path in sorted(given, key=lambda one: (*named[one], one)):  # a month's notice first; each file is a transaction
            with Workspace.writing(workspace) as store:
                if named[path][1] == "notice":
                    taken = insurer.take_notice(store, path, day, who)
                else:
                    taken = insurer.take_settlement(store, path, day, who, why, lang)
            said = text(f"cli.insurer.taken.{taken.outcome}", lang, file=path.name, month=taken.month or "")
            common.out.print(said, markup=False)
            sources.update(taken.sources)
            if taken.findings.height:
                common.print_findings(taken.findings, lang)
                wrong = True
        common.print_unconfirmed(sorted(sources), lang)
        raise typer.Exit(common.FINDINGS if wrong else common.CLEAN)


def _add_compare(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "compare", lang, "insurer.compare")
    def compare(
        files: Annotated[list[Path], typer.Argument(help=text("cli.insurer.acts", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        wrong, months, drawn = False, set[str](), insurer.Drawn()
        with Workspace.open(workspace) as store:
            for path in common.named_files(files, {".json"}, "*", "cli.empty_folder", lang):
                made = insurer.compare(store, path, drawn)
                wrong |= not made.agrees
                months.update(made.number.split("/")[1:2])
                if made.agrees:
                    common.out.print(text("cli.insurer.agrees", lang, act=made.number), markup=False)
                elif made.rows.height:
                    _show(made, lang)
                else:
                    common.print_findings(made.findings, lang, shown=_SHOWN)
            sources = insurer.sources_of(store, sorted(months))
        common.print_unconfirmed(sources, lang)
        raise typer.Exit(common.FINDINGS if wrong else common.CLEAN)


def _show(made: insurer.Compared, lang: str) -> None:
    """Lines that differ, with both figures."""
    heads = [
        (messages.text(f"cli.insurer.col.{name}", lang), "left" if name == "line" else "right")
        for name in ("line", "ours", "theirs")
    ]
    shown = common.table(messages.text("cli.insurer.differs", lang, act=made.number), *heads)
    kind = made.number.split("/", maxsplit=1)[0]
    for line, ours, theirs in made.rows.select("line", "ours_kop", "theirs_kop").iter_rows():
        cells = (act_forms.line_name(kind, line, lang), money.show_amount(ours, lang), money.show_amount(theirs, lang))
        shown.add_row(*(Text(cell) for cell in cells))
    common.out.print(shown)


def _kopecks(amount: str, lang: str) -> int:
    try:
        return money.parse_amount(amount)
    except money.AmountError as error:
        raise typer.BadParameter(messages.text("cli.insurer.bad_amount", lang, value=amount)) from error


def _day(on: str | None, today: date, lang: str) -> date:
    return today if on is None else common.parse_as_of(on, lang)


def _add_receive(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "receive", lang, "insurer.receive")
    def receive(
        amount: Annotated[str, typer.Argument(help=text("cli.insurer.amount", lang))],
        source: Annotated[str, typer.Option("--source", help=text("cli.insurer.source", lang))],
        document: Annotated[str, typer.Option("--document", help=text("cli.insurer.document", lang))],
        clinic: Annotated[str | None, typer.Option("--clinic", help=text("cli.insurer.clinic", lang))] = None,
        on: Annotated[str | None, typer.Option("--on", help=text("cli.insurer.on", lang))] = None,
        smo: Annotated[str | None, typer.Option("--smo", help=text("cli.insurer.smo", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        if source not in _RECEIVED:
            raise typer.BadParameter(text("cli.insurer.bad_source", lang, value=source, known=", ".join(_RECEIVED)))
        if source == "fine" and clinic is None:
            raise typer.BadParameter(text("cli.insurer.no_clinic", lang))
        kopecks, today = _kopecks(amount, lang), common.parse_as_of(as_of, lang)
        with Workspace.writing(workspace) as store:
            whose = insurer.books_of(store, smo)
            day = _day(on, today, lang)
            made = insurer.receive(store, whose, source, kopecks, day, document, today, common.who_am_i(), clinic)
        _finish(made, lang)


def _add_spend(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "spend", lang, "insurer.spend")
    def spend(
        amount: Annotated[str, typer.Argument(help=text("cli.insurer.amount", lang))],
        document: Annotated[str, typer.Option("--document", help=text("cli.insurer.document", lang))],
        on: Annotated[str | None, typer.Option("--on", help=text("cli.insurer.on", lang))] = None,
        smo: Annotated[str | None, typer.Option("--smo", help=text("cli.insurer.smo", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        kopecks, today = _kopecks(amount, lang), common.parse_as_of(as_of, lang)
        with Workspace.writing(workspace) as store:
            whose = insurer.books_of(store, smo)
            made = insurer.spend(store, whose, kopecks, _day(on, today, lang), document, today, common.who_am_i())
        _finish(made, lang)


def _add_return(group: typer.Typer, lang: str, name: str, give_back: Callable[..., insurer.Booked]) -> None:
    text = messages.text

    @words.command(group, name, lang, f"insurer.{name}")
    def return_(
        end: Annotated[str, typer.Argument(help=text("cli.insurer.end", lang))],
        on: Annotated[str | None, typer.Option("--on", help=text("cli.insurer.on", lang))] = None,
        smo: Annotated[str | None, typer.Option("--smo", help=text("cli.insurer.smo", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        last, today = common.parse_as_of(end, lang), common.parse_as_of(as_of, lang)
        with Workspace.writing(workspace) as store:
            whose = insurer.books_of(store, smo)
            made = give_back(store, whose, last, _day(on, today, lang), today, common.who_am_i())
        _finish(made, lang)


def _finish(made: insurer.Booked, lang: str) -> None:
    """What was booked, the term, findings, unconfirmed values; exit code."""
    if made.rows:
        common.out.print(messages.text("cli.insurer.booked", lang, rows=made.rows), style="bold green", markup=False)
    elif made.findings.is_empty():
        common.out.print(messages.text("cli.insurer.held", lang), markup=False)
    if made.due is not None:
        common.out.print(messages.text("cli.insurer.due", lang, due=made.due), markup=False)
    if made.findings.height:
        common.print_findings(made.findings, lang, shown=_SHOWN)
    common.print_unconfirmed(made.sources, lang)
    raise typer.Exit(common.FINDINGS if made.findings.height else common.CLEAN)
