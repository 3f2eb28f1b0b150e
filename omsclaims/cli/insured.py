"""Commands on the register of insured: insured load, check, apportion."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

import os
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from omsclaims import closing, messages
from omsclaims.cli import common, words
from omsclaims.periods import Month
from omsclaims.registry import insured_file
from omsclaims.settlement import insured
from omsclaims.workspace import Workspace


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.insured.help")
    app.add_typer(group, name="insured")
    _add_load(group, lang)
    _add_check(group, lang)
    _add_apportion(group, lang)


def _add_load(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "load", lang, "insured.load")
    def insured_load(
        file: Annotated[Path, typer.Argument(help=text("cli.insured.load.file", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        if not file.is_file():
            raise typer.BadParameter(text("cli.no_file", lang, path=file))
        tables, found = insured_file.read(file)
        if found.height:
            common.print_findings(found, lang)
            raise typer.Exit(common.UNREADABLE if (found["rule"] == "IN.1").any() else common.FINDINGS)
        with Workspace.writing(workspace) as store:
            for name, table in tables.items():
                before = store.register_digest(name)
                digest = store.store_register(name, table, day)
                payload = {"register": name, "digest": digest, "rows": table.height}
                if digest != before:
                    store.record("register load", day, common.who_am_i(), None, payload)
        counts = {"insured": tables["reg_insured"].height, "attached": tables["reg_attachment"].height}
        common.out.print(text("cli.insured.load.done", lang, **counts))


def _add_check(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "check", lang, "insured.check")
    def insured_check(
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        with Workspace.open(workspace) as store:
            context, _ = closing.load_context(store, Month(day.year, day.month), day)
            registers, _ = store.registers()
        found = insured.register_findings(registers, context)
        if found.is_empty():
            counts = {"insured": registers["reg_insured"].height, "attached": registers["reg_attachment"].height}
            common.out.print(text("cli.insured.check.clean", lang, **counts))
            common.print_unconfirmed(context.law.asked or (), lang, context.law)
            return
        common.print_findings(found, lang)
        common.print_unconfirmed(context.law.asked or (), lang, context.law)
        raise typer.Exit(common.FINDINGS)


def _add_apportion(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "apportion", lang, "insured.apportion")
    def insured_apportion(
        month: Annotated[str, typer.Argument(help=text("cli.insured.apportion.month", lang))],
        out_file: Annotated[Path, typer.Option("--out", help=text("cli.insured.apportion.out", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        of, day = common.parse_month(month, lang), common.parse_as_of(as_of, lang)
        with Workspace.open(workspace) as store:
            context, _ = closing.load_context(store, of, day)
            registers, _ = store.registers()
        done = insured.apportion(registers, context, of)
        write_private(out_file, done.persons)
        heads = ("smo", "insured", "working", "non_working", "persons")
        shown = common.table(
            text("cli.insured.apportion.title", lang, month=of),
            *((text(f"cli.insured.col.{name}", lang), "left" if name == "smo" else "right") for name in heads),
        )
        for row in done.insurers.select(heads).iter_rows():
            shown.add_row(*map(str, row))
        common.out.print(shown)
        said = text("cli.insured.apportion.done", lang, persons=done.persons.height, path=out_file, day=done.notify_by)
        common.out.print(said, markup=False)
        common.print_unconfirmed(context.law.asked or (), lang, context.law)
        if done.findings.height:
            common.print_findings(done.findings, lang)
            raise typer.Exit(common.FINDINGS)


def write_private(path: Path, rows: pl.DataFrame) -> None:
    """A CSV with personal data, readable by its owner only from the first byte."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        path.chmod(0o600)
        stream.write(rows.write_csv().encode())
