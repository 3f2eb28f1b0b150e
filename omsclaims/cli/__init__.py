"""Which commands are there? The command line: thin files, one per family of commands.

Exit codes: 0 clean, 1 findings, 2 wrong usage, 3 unreadable.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from omsclaims import messages
from omsclaims.cli import common


def build(lang: str) -> typer.Typer:
    """The command line with its help in `lang`."""
    from omsclaims.cli import demo, files, months, store

    app = typer.Typer(
        name="omsclaims",
        help=messages.text("cli.help", lang),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for family in (demo, store, files, months):
        family.add_to(app, lang)
    return app


def language_of(arguments: Sequence[str]) -> str:
    """The language asked for by `--lang ru|en` anywhere in the arguments, else that of the locale."""
    for index, argument in enumerate(arguments):
        value = argument.partition("=")[2] if argument.startswith("--lang=") else None
        if argument == "--lang" and index + 1 < len(arguments):
            value = arguments[index + 1]
        if value is not None:
            return value
    return messages.default_language()


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: runs a command and exits with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    lang = language_of(given)
    if lang not in messages.LANGUAGES:
        common.err.print(messages.text("cli.bad_lang", messages.default_language()), style="bold red")
        sys.exit(common.USAGE)
    with common.errors_shown(lang):
        build(lang)(args=given, standalone_mode=True)
