"""Command on the books as a whole: statements."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from omsclaims import closing, messages, statements
from omsclaims.cli import common, words
from omsclaims.law import federal_parameters
from omsclaims.workspace import Workspace


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the command of this family."""
    text = messages.text

    @words.command(app, "statements", lang)
    def write(
        folder: Annotated[Path, typer.Argument(help=text("cli.option.workspace", lang))],
        out: Annotated[Path, typer.Argument(help=text("cli.statements.out", lang))],
        on: Annotated[str | None, typer.Option("--on", help=text("cli.statements.on", lang))] = None,
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        law = federal_parameters().noting()
        with Workspace.open(folder) as store:
            last: date = statements.last_day(store) if on is None else common.parse_as_of(on, lang)
            made = statements.write(store, out, last, day, lang, law)
            sources = closing.parameters_of(store, store.closed_months())
        for path in made:
            common.out.print(text("cli.act.paper", lang, path=path), markup=False)
        common.print_unconfirmed([*sources, *(law.asked or ())], lang)
