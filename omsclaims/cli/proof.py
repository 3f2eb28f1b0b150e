"""Commands that prove and save a workspace: verify, backup, restore."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from pathlib import Path
from typing import Annotated

import typer

from omsclaims import backup as copies
from omsclaims import messages
from omsclaims import verify as proofs
from omsclaims.cli import common, words
from omsclaims.workspace import Workspace

#: Findings of one rule that a proof shows; it is about few things, and each is named.
SHOWN = 50


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    _add_verify(app, lang)
    _add_backup(app, lang)
    _add_restore(app, lang)


def _add_verify(app: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(app, "verify", lang)
    def verify(
        folder: Annotated[Path, typer.Argument(help=text("cli.verify.folder", lang))] = Path("."),
        head: Annotated[str | None, typer.Option("--head", help=text("cli.verify.head", lang))] = None,
        quick: Annotated[bool, typer.Option("--quick", help=text("cli.verify.quick", lang))] = False,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        raise typer.Exit(_prove(folder, lang, head, quick))


def _prove(folder: Path, lang: str, head: str | None = None, quick: bool = False) -> int:
    """Proves a workspace, prints what was found or how much was proven; returns the exit code."""
    text = messages.text
    with Workspace.proving(folder) as store:
        proof = proofs.verify(store, head, quick)
    common.print_findings(proof.findings, lang, SHOWN)
    heads = ((text("cli.verify.part", lang), "left"), (text("cli.verify.held", lang), "right"))
    shown = common.table(text("cli.verify.title", lang, folder=folder), *heads)
    for name, number in proof.counts.items():
        shown.add_row(text(f"verify.count.{name}", lang), str(number))
    common.out.print(shown)
    common.out.print(text("cli.verify.at", lang, seq=proof.head["seq"], hash=proof.head["hash"]), markup=False)
    if proof.findings.height:
        common.out.print(text("cli.verify.differs", lang, count=proof.findings.height), style="bold red", markup=False)
        return common.FINDINGS
    common.out.print(text("cli.verify.whole", lang), style="green", markup=False)
    return common.CLEAN


def _add_backup(app: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(app, "backup", lang)
    def backup(
        folder: Annotated[Path, typer.Argument(help=text("cli.verify.folder", lang))],
        target: Annotated[Path, typer.Argument(help=text("cli.backup.target", lang))],
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        made = copies.backup(folder, target)
        params = {"target": target, "files": made.files, "bytes": made.bytes, "seq": made.head["seq"]}
        common.out.print(text("cli.backup.done", lang, **params, digest=copies.fingerprint(target)), style="green", markup=False)
        common.out.print(text("cli.backup.secret", lang), style="yellow", markup=False)


def _add_restore(app: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(app, "restore", lang)
    def restore(
        source: Annotated[Path, typer.Argument(help=text("cli.restore.source", lang))],
        folder: Annotated[Path, typer.Argument(help=text("cli.restore.folder", lang))],
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        made = copies.restore(source, folder)
        params = {"folder": folder, "files": made.files, "bytes": made.bytes, "seq": made.head.get("seq", "?")}
        common.out.print(text("cli.restore.done", lang, **params), style="green", markup=False)
        raise typer.Exit(_prove(folder, lang, str(made.head.get("hash", "")) or None))
