"""Commands on a month: run (close), reopen, explain."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from omsclaims import closing, documents, explain, messages
from omsclaims.cli import common, words
from omsclaims.cli.books import say_later
from omsclaims.law import Parameters, federal_parameters
from omsclaims.periods import CalendarEndsError
from omsclaims.reports import doubts, summary
from omsclaims.reports.sheets import show_date
from omsclaims.settlement import financing, territories
from omsclaims.workspace import Workspace


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    text = messages.text

    @words.command(app, "run", lang)
    def run(
        month: Annotated[str, typer.Argument(help=text("cli.run.month", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        replace: Annotated[bool, typer.Option("--replace", help=text("cli.run.replace", lang))] = False,
        why: Annotated[str | None, typer.Option("--why", help=text("cli.option.why", lang))] = None,
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        of = common.parse_month(month, lang)
        day = common.parse_as_of(as_of, lang)
        with Workspace.writing(workspace) as store, common.progress_bar(text("cli.run.progress", lang, month=of)) as bar:
            task = bar.task_ids[0]
            done = closing.close(
                store, of, day, common.who_am_i(), why, replace, lang,
                progress=lambda stage: bar.update(task, description=text(f"cli.stage.{stage}", lang)),
            )  # fmt: skip
            library, sources = store.library(), closing.parameters_of(store, [str(of)])
        show_closing(done, workspace, lang, sources)
        say_later(library, day, lang)
        raise typer.Exit(common.FINDINGS if done.outcome == "differs" or done.tables["findings"].height else common.CLEAN)

    @words.command(app, "reopen", lang)
    def reopen(
        month: Annotated[str, typer.Argument(help=text("cli.run.month", lang))],
        why: Annotated[str, typer.Option("--why", help=text("cli.option.why", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        of = common.parse_month(month, lang)
        with Workspace.writing(workspace) as store:
            closing.reopen(store, of, common.parse_as_of(as_of, lang), common.who_am_i(), why)
        common.out.print(text("cli.reopen.done", lang, month=of))

    @words.command(app, "explain", lang)
    def explain_case(
        case: Annotated[str, typer.Argument(help=text("cli.explain.case", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        with Workspace.open(workspace) as store:
            candidates = explain.find(store, case)
            if not candidates:
                raise typer.BadParameter(text("cli.explain.none", lang, case=case))
            if len(candidates) > 1:
                common.out.print(text("cli.explain.many", lang, case=case))
                for one in candidates:
                    common.out.print(f"  {one.name}  ({one.month})", markup=False)
                raise typer.Exit(common.USAGE)
            law = federal_parameters().noting()
            for line in explain.lines(store, candidates[0], lang, law):
                common.out.print(line, markup=False)
            common.print_unconfirmed([*explain.sources(store, candidates[0]), *(law.asked or ())], lang)


def show_closing(done: closing.Closing, workspace: Path, lang: str, sources: Sequence[str]) -> None:
    """The end of a run: what came of it, the totals and identities, where the outputs lie, what they used unconfirmed.

    sources  of closing.parameters_of: official XML cannot name them, so they are named here and on the page of the month
    """
    text = messages.text
    if done.outcome in ("identical", "differs"):
        style = "bold green" if done.outcome == "identical" else "bold yellow"
        common.out.print(text(f"cli.run.{done.outcome}", lang, month=done.month, digest=done.digest), style=style)
        if done.outcome == "identical" and done.differences:
            common.out.print(text("cli.run.inputs_differ", lang))
        for part, name, change in done.differences:
            common.out.print(f"  {text(f'cli.diff.{part}', lang)} {name}: {text(f'cli.diff.{change}', lang)}", markup=False)
        return
    shown = {**done.tables, "packages": documents.packages_frame(done.packages, lang)}
    for block in summary.summary(shown, done.identities, lang):
        common.out.print(block)
    common.out.print(text("cli.run.closed", lang, month=done.month, digest=done.digest), style="bold green")
    page = next((one for one in done.documents if one.kind == "page"), None)
    if page is not None:
        common.out.print(text("cli.run.page", lang, path=workspace / page.path), markup=False)
    common.out.print(
        text(
            "cli.run.documents",
            lang,
            count=len(done.documents),
            reports=workspace / "reports" / str(done.month),
            restricted=workspace / "restricted" / str(done.month),
        ),
        markup=False,
    )
    law = federal_parameters().noting()
    show_terms(done, law, lang)
    common.print_unconfirmed([*sources, *(law.asked or ())], lang)
    if doubts.names(sources):
        common.out.print(text("law.unconfirmed_xml", lang), style="yellow", markup=False)


def show_terms(done: closing.Closing, law: Parameters, lang: str) -> None:
    """Until when the money of the month is to be announced to the insurers, and the steps of bills to other territories taken.

    Rules 115, 138-145. Nothing where the calendar of working days ends before: then nobody knows the days.
    """
    text = messages.text
    try:
        if done.tables["financing"].height:
            day = show_date(financing.notice_date(done.month, law), lang)
            common.out.print(text("cli.run.notice", lang, day=day), markup=False)
        if done.tables["territory_bills"].height:
            last = territories.terms(done.month, law)
            days = {
                name: show_date(getattr(last, name), lang) for name in ("clinic_bill", "bill", "answer", "corrected", "final")
            }
            common.out.print(text("cli.run.territories", lang, **days), markup=False)
    except CalendarEndsError:
        return
