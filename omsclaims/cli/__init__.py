"""Which commands are there? The command line: thin files, one per family of commands.

Exit codes: 0 clean, 1 findings, 2 wrong usage, 3 unreadable.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

from omsclaims import interrupted, messages
from omsclaims.cli import common, words
from omsclaims.registry import compiling

#: Which file holds which command. A file is imported when its command is given: checking a package needs no made-up territory.
FAMILIES: Final = {
    "demo": ("demo",),
    "books": ("nsi",),
    "store": ("init", "register", "ingest", "withdraw", "status"),
    "agreement": ("agreement",),
    "files": ("check", "read", "write", "rewrite"),
    "formats": ("formats",),
    "checks": ("checks",),
    "bulk": ("convert", "warmup"),
    "plans": ("plan",),
    "vouchers": ("voucher",),
    "insured": ("insured",),
    "accidents": ("accident",),
    "pay": ("pay",),
    "months": ("run", "reopen", "explain"),
    "norms": ("norms",),
    "tariff": ("tariff",),
    "capitation": ("capitation",),
    "whatif": ("whatif",),
    "group": ("group",),
    "expertise": ("expertise",),
    "ledger": ("ledger",),
    "proof": ("verify", "backup", "restore"),
    "between": ("territory",),
    "abroad": ("abroad",),
    "acts": ("act",),
    "statements": ("statements",),
    "insurer": ("insurer",),
}


def build(lang: str, given: str | None = None) -> typer.Typer:
    """The command line with its help in `lang`; with all commands, or with those of the file that holds the command `given`."""
    app = words.group(lang, "cli.help")
    chosen = [name for name, commands in FAMILIES.items() if given in commands] or list(FAMILIES)
    for name in chosen:
        import_module(f"omsclaims.cli.{name}").add_to(app, lang)
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


def command_of(arguments: Sequence[str]) -> str | None:
    """The command among the arguments; None where it cannot be told, or help for all is asked for."""
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument == "--lang":
            skip = True
        elif not argument.startswith("--lang="):
            return None if argument.startswith("-") else argument
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: runs a command and exits with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    lang = language_of(given)
    if lang not in messages.LANGUAGES:
        common.err.print(messages.text("cli.bad_lang", messages.default_language()), style="bold red")
        sys.exit(common.USAGE)
    compiling.announce = lambda: common.err.print(messages.text("cli.compiling", lang), style="yellow")
    interrupted.command = " ".join(common.command_words(given))
    interrupted.announce = lambda what: _interrupted(what, lang)
    build(lang, command_of(given))(args=given)


def _interrupted(what: interrupted.Interruption, lang: str) -> None:
    """What became of a command that was killed."""
    key = "interrupted.complete" if what.complete else "interrupted.nothing"
    name = what.command or messages.text("interrupted.unnamed", lang)
    common.err.print(messages.text(key, lang, command=name, seq=what.seq), style="yellow", markup=False)
