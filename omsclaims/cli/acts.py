"""Commands on acts: act draw, send, sign, compare, dispute, agree, protocol, list."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import polars as pl
import typer
from rich.text import Text

from omsclaims import act_book, act_store, closing, findings, messages, money
from omsclaims.cli import common, words
from omsclaims.law import federal_parameters
from omsclaims.reports import act_forms
from omsclaims.settlement import act_states
from omsclaims.workspace import Workspace, WorkspaceError

_SHOWN: Final = ("act", "month", "party", "other", "drawn_on", "sent_on", "signed_on", "state")
_LINES: Final = ("row", "line", "ours_kop", "theirs_kop", "agreed_kop")


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.act.help")
    app.add_typer(group, name="act")
    _add_draw(group, lang)
    _add_step(group, lang, "send", "sent")
    _add_step(group, lang, "sign", "signed")
    _add_compare(group, lang)
    _add_dispute(group, lang)
    _add_agree(group, lang)
    _add_protocol(group, lang)
    _add_list(group, lang)


def _add_draw(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "draw", lang, "act.draw")
    def draw(
        what: Annotated[str, typer.Argument(help=text("cli.act.what", lang))],
        why: Annotated[str | None, typer.Option("--why", help=text("cli.act.why_draw", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day, law = common.parse_as_of(as_of, lang), federal_parameters().noting()
        with Workspace.writing(workspace) as store:
            acts = act_book.what(store, what, day, law)
            if not acts:
                raise WorkspaceError("act_book.nothing", what=what)
            done = act_book.draw(store, acts, day, common.who_am_i(), why, lang, law)
            sources = [*closing.parameters_of(store, store.closed_months()), *(law.asked or ())]
        for one in done:
            for path in one.papers:
                common.out.print(text("cli.act.paper", lang, path=path), markup=False)
        _finish(done, sources, lang)


def _add_step(group: typer.Typer, lang: str, name: str, event: Literal["sent", "signed"]) -> None:
    text = messages.text

    @words.command(group, name, lang, f"act.{name}")
    def step(
        numbers: Annotated[list[str], typer.Argument(help=text("cli.act.numbers", lang))],
        on: Annotated[str | None, typer.Option("--on", help=text("cli.act.on", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day, law = common.parse_as_of(as_of, lang), federal_parameters().noting()
        when = day if on is None else common.parse_as_of(on, lang)
        with Workspace.writing(workspace) as store:
            wanted = [act for number in numbers for act in act_book.named(store, number, event)]
            done = act_book.move(store, wanted, event, when, day, common.who_am_i(), law)
        if not done:
            common.out.print(text("cli.act.none", lang, what=", ".join(numbers)), markup=False)
        _finish(done, sorted(law.asked or ()), lang)


def _add_compare(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "compare", lang, "act.compare")
    def compare(
        file: Annotated[Path, typer.Argument(help=text("cli.act.file", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        (path,) = common.named_files([file], {".json"}, "*", "cli.empty_folder", lang)
        with Workspace.open(workspace) as store:
            ours, _, compared = act_book.compare(store, path.read_bytes(), path.name)
            sources = closing.parameters_of(store, store.closed_months())
        if ours is not None and compared.comparable:
            _show_lines(ours.kind, compared.disagreements, ours.number, lang)
        if compared.findings.height:
            common.print_findings(compared.findings, lang)
        common.print_unconfirmed(sources, lang)
        raise typer.Exit(common.FINDINGS if compared.findings.height else common.CLEAN)


def _add_dispute(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "dispute", lang, "act.dispute")
    def dispute(
        file: Annotated[Path, typer.Argument(help=text("cli.act.file", lang))],
        on: Annotated[str | None, typer.Option("--on", help=text("cli.act.on", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        (path,) = common.named_files([file], {".json"}, "*", "cli.empty_folder", lang)
        day = common.parse_as_of(as_of, lang)
        when = day if on is None else common.parse_as_of(on, lang)
        with Workspace.writing(workspace) as store:
            done = act_book.dispute(store, path.read_bytes(), path.name, when, day, common.who_am_i())
        _finish([done], [], lang)


def _add_agree(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "agree", lang, "act.agree")
    def agree(
        number: Annotated[str, typer.Argument(help=text("cli.act.number", lang))],
        why: Annotated[str, typer.Option("--why", help=text("cli.act.why", lang))],
        figure: Annotated[str, typer.Option("--figure", help=text("cli.act.figure", lang))] = "ours",
        line: Annotated[str | None, typer.Option("--line", help=text("cli.act.line", lang))] = None,
        row: Annotated[str | None, typer.Option("--row", help=text("cli.act.row", lang))] = None,
        on: Annotated[str | None, typer.Option("--on", help=text("cli.act.on", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        when = day if on is None else common.parse_as_of(on, lang)
        stands: Literal["ours", "theirs"] | int
        if figure in ("ours", "theirs"):
            stands = "ours" if figure == "ours" else "theirs"
        else:
            try:
                stands = money.parse_amount(figure)
            except ValueError as error:
                raise typer.BadParameter(text("cli.act.bad_figure", lang, value=figure)) from error
        with Workspace.writing(workspace) as store:
            done = act_book.agree(store, number, when, day, common.who_am_i(), why, stands, line, row)
        if done.outcome == "done" and done.lines is not None:
            common.out.print(text("cli.act.left", lang, count=done.lines.height), markup=False)
        _finish([done], [], lang)


def _add_protocol(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "protocol", lang, "act.protocol")
    def protocol(
        number: Annotated[str, typer.Argument(help=text("cli.act.number", lang))],
        out: Annotated[Path, typer.Option("--out", help=text("cli.act.out", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        with Workspace.open(workspace) as store:
            made = act_book.protocol(store, number, lang)
        out.write_bytes(made)
        common.out.print(text("cli.act.paper", lang, path=out), markup=False)


def _add_list(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "list", lang, "act.list")
    def list_acts(
        month: Annotated[str | None, typer.Option("--month", help=text("cli.act.month", lang))] = None,
        number: Annotated[str | None, typer.Option("--number", help=text("cli.act.number", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        with Workspace.open(workspace) as store:
            rows = act_store.register(store)
            lines = act_states.open_lines(act_store.table(store, "act_disagreements"))
            named = act_store.require(store, number)["act"] if number is not None else None
        if month is not None:
            rows = rows.filter(pl.col("month") == month)
        if named is not None:
            rows, lines = rows.filter(pl.col("act") == named), lines.filter(pl.col("act") == named)
        heads = [(text(f"cli.act.col.{name}", lang), "left") for name in _SHOWN]
        shown = common.table(text("cli.act.title", lang, count=rows.height), *heads)
        for row in rows.iter_rows(named=True):
            shown.add_row(*(Text(_cell(name, row[name], lang)) for name in _SHOWN))
        common.out.print(shown)
        if named is not None and lines.height:
            _show_lines(str(rows["kind"][0]), lines, named, lang)


def _show_lines(kind: str, lines: pl.DataFrame, number: str, lang: str) -> None:
    """Lines in dispute on the screen."""
    heads = [(messages.text(f"cli.act.col.{name}", lang), "right" if name.endswith("_kop") else "left") for name in _LINES]
    shown = common.table(messages.text("cli.act.lines", lang, act=number, count=lines.height), *heads)
    for row in lines.iter_rows(named=True):
        named = {**row, "line": act_forms.line_name(kind, row["line"], lang)}
        shown.add_row(*(Text(_cell(name, named[name], lang)) for name in _LINES))
    common.out.print(shown)


def _cell(name: str, value: Any, lang: str) -> str:
    if name == "state":
        return messages.text(f"act_book.state.{value}", lang)
    if value is None:
        return "\u2013"
    return money.show_amount(value, lang) if name.endswith("_kop") else str(value)


def _finish(done: Sequence[act_book.Done], sources: Sequence[str], lang: str) -> None:
    """Says what became of the acts; findings; unconfirmed values; exit code."""
    counts: dict[str, int] = {}
    for one in done:
        counts[one.outcome] = counts.get(one.outcome, 0) + 1
    for outcome, count in sorted(counts.items()):
        names = ", ".join(one.act for one in done if one.outcome == outcome and count <= common.SHOWN_OF_A_RULE)
        common.out.print(messages.text(f"cli.act.outcome.{outcome}", lang, count=count, names=names).rstrip(" :"), markup=False)
    found = findings.concat([one.findings for one in done])
    if found.height:
        common.print_findings(found, lang)
    common.print_unconfirmed(sources, lang)
    raise typer.Exit(common.FINDINGS if found.height else common.CLEAN)
