"""Commands on bills between territories: send, take, correct, concede, write-off, list; answer, pay, due, return, net."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from omsclaims import between, closing, messages, money
from omsclaims.cli import between_home, between_return, common, words
from omsclaims.law import federal_parameters
from omsclaims.reports import doubts
from omsclaims.workspace import Workspace

#: Items on the command line: N_ZAP/IDCASE, separated by commas.
_ITEM: Final = re.compile(r"([0-9]{1,8})/([0-9]{1,11})", re.ASCII)
_EDITIONS: Final = ("RD_3.2", "RD_3.1", "RD_3.0", "RD_2.1", "RD_1.0")
_SUFFIXES: Final = frozenset({".oms", ".zip", ".xml"})


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.territory.help")
    app.add_typer(group, name="territory")
    _add_send(group, lang)
    _add_take(group, lang)
    _add_correct(group, lang)
    _add_papers(group, lang)
    _add_list(group, lang)
    between_home.add_to(group, lang, _finish)
    between_return.add_to(group, lang, _finish)


def _items(text: str | None, lang: str) -> list[tuple[int, int]] | None:
    """`1/1,2/2` as numbers of records and cases."""
    if text is None:
        return None
    found = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        match = _ITEM.fullmatch(part)
        if match is None:
            raise typer.BadParameter(messages.text("cli.territory.bad_item", lang, value=part))
        found.append((int(match[1]), int(match[2])))
    return found


def _add_send(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "send", lang, "territory.send")
    def send(
        month: Annotated[str, typer.Argument(help=text("cli.run.month", lang))],
        out: Annotated[Path, typer.Option("--out", help=text("cli.territory.out", lang))],
        edition: Annotated[str | None, typer.Option("--edition", help=text("cli.territory.edition", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        of, day = common.parse_month(month, lang), common.parse_as_of(as_of, lang)
        if edition is not None and edition not in _EDITIONS:
            raise typer.BadParameter(text("cli.territory.bad_edition", lang, value=edition, known=", ".join(_EDITIONS)))
        with Workspace.writing(workspace) as store:
            done = between.send(store, of, day, common.who_am_i(), edition)
            sources = closing.parameters_of(store, [str(of)])
        if not done:
            common.out.print(text("cli.territory.no_bills", lang, month=of))
        _finish(done, out, sources, lang)


def _add_take(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "take", lang, "territory.take")
    def take(
        paths: Annotated[list[Path], typer.Argument(help=text("cli.territory.paths", lang))],
        received: Annotated[str | None, typer.Option("--received", help=text("cli.territory.received", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        came = None if received is None else common.parse_as_of(received, lang)
        files = common.named_files(paths, _SUFFIXES, "**/*", "cli.empty_folder", lang)
        law = federal_parameters().noting()
        done = []
        for path in between.in_order(files):  # a file is a transaction: one that is refused does not stop the others
            with Workspace.writing(workspace) as store:
                done.append(between.take_one(store, path, day, common.who_am_i(), came, law))
        with Workspace.open(workspace) as store:
            sources = closing.parameters_of(store, store.closed_months())
        _finish(done, None, sources, lang, sorted(law.asked or ()))


def _add_correct(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "correct", lang, "territory.correct")
    def correct(
        bill: Annotated[str, typer.Argument(help=text("cli.territory.bill", lang))],
        out: Annotated[Path, typer.Option("--out", help=text("cli.territory.out", lang))],
        items: Annotated[str | None, typer.Option("--items", help=text("cli.territory.items", lang))] = None,
        agreed: Annotated[str | None, typer.Option("--agreed", help=text("cli.territory.agreed", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        which, agreeing = _items(items, lang), _items(agreed, lang) or []
        with Workspace.writing(workspace) as store:
            done = between.correct(store, bill, day, common.who_am_i(), which, agreeing)
            sources = closing.parameters_of(store, store.closed_months())
        _finish([done], out, sources, lang)


def _add_papers(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "concede", lang, "territory.concede")
    def concede(
        bill: Annotated[str, typer.Argument(help=text("cli.territory.bill", lang))],
        why: Annotated[str, typer.Option("--why", help=text("cli.option.why", lang))],
        items: Annotated[str | None, typer.Option("--items", help=text("cli.territory.items_all", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day, which = common.parse_as_of(as_of, lang), _items(items, lang)
        with Workspace.writing(workspace) as store:
            done = between.concede(store, bill, day, common.who_am_i(), why, which)
            sources = closing.parameters_of(store, store.closed_months())
        _finish([done], None, sources, lang)

    @words.command(group, "write-off", lang, "territory.write_off")
    def write_off(
        bill: Annotated[str, typer.Argument(help=text("cli.territory.bill", lang))],
        why: Annotated[str, typer.Option("--why", help=text("cli.option.why", lang))],
        items: Annotated[str | None, typer.Option("--items", help=text("cli.territory.items_all", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day, which = common.parse_as_of(as_of, lang), _items(items, lang)
        with Workspace.writing(workspace) as store:
            done = between.write_off(store, bill, day, common.who_am_i(), why, which)
            sources = closing.parameters_of(store, store.closed_months())
        _finish([done], None, sources, lang)


def _finish(done: Sequence[between.Done], out: Path | None, sources: Sequence[str], lang: str, asked: Sequence[str] = ()) -> None:
    """The files into their folders, what became of each, its findings, what the figures used unconfirmed; then the exit code."""
    text = messages.text
    for one in done:
        amount = money.show_amount(one.amount_kop, lang)
        told = {"file": one.file_name, "territory": one.receiver, "items": one.items, "amount": amount}
        style = "yellow" if one.outcome == "refused" else "green"
        answered = one.outcome == "sent" and one.file_name.startswith("A")
        key = "answered" if answered else one.outcome
        common.out.print(text(f"cli.territory.{key}", lang, **told), style=style, markup=False)
        if one.findings.height:
            common.print_findings(one.findings, lang)
        if one.data is not None and out is not None:
            folder = out / one.receiver
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = folder / f"{one.file_name}.oms"
            path.write_bytes(one.data)
            path.chmod(0o600)
            common.out.print(text("cli.territory.written", lang, path=path), markup=False)
    common.print_unconfirmed([*doubts.of_decisions(list(sources)), *asked], lang)
    bad = any(one.outcome == "refused" or one.findings.height for one in done)
    raise typer.Exit(common.FINDINGS if bad else common.CLEAN)


def _add_list(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "list", lang, "territory.list")
    def territory_list(
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        law = federal_parameters().noting()
        with Workspace.open(workspace) as store:
            rows = between.open_items(store, day, law=law).to_dicts()
            sources = closing.parameters_of(store, store.closed_months())
            back = between_return.show_owed_back(store, day, "place", lang)
        if not rows:
            if not back:
                common.out.print(text("cli.territory.nothing_open", lang))
            return
        right = ("items", "open_kop", "lost_kop", "age")
        heads = [(text(f"cli.territory.col.{name}", lang), "right" if name in right else "left") for name in _SHOWN]
        shown = common.table(text("cli.territory.title", lang, day=day), *heads)
        for row in rows:
            shown.add_row(*(Text(_cell(name, row[name], lang)) for name in _SHOWN))
        common.out.print(shown)
        common.print_unconfirmed([*doubts.of_decisions(sources), *(law.asked or ())], lang)
        raise typer.Exit(common.FINDINGS if any(row["overdue"] for row in rows) else common.CLEAN)


_SHOWN: Final = ("bill", "territory", "state", "items", "open_kop", "lost_kop", "due", "overdue", "law_term", "age")


def _cell(name: str, value: object, lang: str) -> str:
    if name == "state":
        return messages.text(f"between.state.{value}", lang)
    if name == "overdue":
        return messages.text("cli.territory.overdue", lang) if value else ""
    if isinstance(value, int) and name.endswith("_kop"):
        return money.show_amount(value, lang)
    if value is None:
        return "\u2013"
    return value.isoformat() if isinstance(value, date) else str(value)
