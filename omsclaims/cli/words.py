"""In which words do help and errors of usage speak? Those of the catalogue, in the language asked for: nothing is left to typer.

`group` and `command` make what typer would make, with help and errors of their own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from omsclaims import messages
from omsclaims.cli import common

PROGRAM: Final = "omsclaims"
_Function = TypeVar("_Function", bound=Callable[..., Any])

#: What the parser says in English, and the key of the same in the catalogue; groups become {0}, {1}.
_USAGE: Final = (
    (r"Missing (?:argument|option|parameter):? '?([^']*?)'?\..*", "cli.usage.missing"),
    (r"No such option: (\S+).*", "cli.usage.no_option"),
    (r"No such command '([^']*)'\. Did you mean (.+)\?", "cli.usage.did_you_mean"),
    (r"No such command '([^']*)'.*", "cli.usage.no_command"),
    (r"Missing command\.", "cli.usage.no_command_given"),
    (r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", "cli.usage.extra"),
    (r"Option '?([^ ']+)'? requires .*", "cli.usage.needs_value"),
    (r"Option '?([^ ']+)'? does not take a value.*", "cli.usage.takes_no_value"),
    (r"Invalid value for '?([^':]*)'?: Input should be a valid integer.*", "cli.usage.not_integer"),
    (r"Invalid value for '?([^':]*)'?: Input should be greater than or equal to (\S+).*", "cli.usage.too_small"),
)


def group(lang: str, help_key: str) -> typer.Typer:
    """A group of commands; it takes `--lang`, too, so that the option may stand before the command."""
    app = typer.Typer(
        help=messages.text(help_key, lang), cls=_GROUPS[lang], no_args_is_help=True, add_completion=False,
        pretty_exceptions_enable=False, rich_markup_mode=None,
    )  # fmt: skip

    @app.callback()
    def options(lang: str = typer.Option(lang, "--lang", help=messages.text("cli.option.lang", lang))) -> None:
        """Read by `language_of` before the commands are made."""

    return app


def command(app: typer.Typer, name: str, lang: str, key: str | None = None) -> Callable[[_Function], _Function]:
    """Decorator: the function becomes the command `name` of `app`; `cli.<key>.help` says what it does."""
    return app.command(name, help=messages.text(f"cli.{key or name}.help", lang), cls=_COMMANDS[lang])


# ---------------------------------------------------------------- help


def _metavar(parameter: Any, lang: str) -> str:
    """What stands for the value of a parameter: ПАПКА, FILE ..."""
    key = f"cli.meta.{parameter.name}"
    return messages.text(key, lang) if messages.has(key) else str(parameter.name).upper()


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _label(parameter: Any, lang: str) -> str:
    """A parameter as it is written: FILE..., --out DIR, --json."""
    if _is_argument(parameter):
        return _metavar(parameter, lang) + ("..." if parameter.nargs != 1 else "")
    names = ", ".join(parameter.opts)
    return names if parameter.is_flag or parameter.name == "help" else f"{names} {_metavar(parameter, lang)}"


def _meaning(parameter: Any, lang: str) -> str:
    """The help of a parameter with its default."""
    if parameter.name == "help":
        return messages.text("cli.option.help", lang)
    text = str(parameter.help or "")
    if _is_argument(parameter) or parameter.is_flag:
        return text
    if parameter.required:
        return f"{text}  [{messages.text('cli.help.required', lang)}]"
    if parameter.default is None:
        return text
    return f"{text}  [{messages.text('cli.help.default', lang, value=parameter.default)}]"


def _write_help(made: TyperCommand | TyperGroup, context: Any, formatter: Any, lang: str) -> None:
    parameters = made.get_params(context)
    arguments = [one for one in parameters if _is_argument(one)]
    options = [one for one in parameters if not _is_argument(one)]
    wanted = [_label(one, lang) for one in [*arguments, *(one for one in options if one.required)]]
    if isinstance(made, TyperGroup):
        wanted.append(messages.text("cli.help.command", lang))
    usage = [f"[{messages.text('cli.help.options_given', lang)}]", *wanted]
    formatter.write_usage(context.command_path, " ".join(usage), prefix=f"{messages.text('cli.help.usage', lang)}: ")
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(made.help or "")
    for heading, rows in (
        ("arguments", [(_label(one, lang), _meaning(one, lang)) for one in arguments]),
        ("options", [(_label(one, lang), _meaning(one, lang)) for one in options]),
        ("commands", _commands(made) if isinstance(made, TyperGroup) else []),
    ):
        if rows:
            with formatter.section(messages.text(f"cli.help.{heading}", lang)):
                formatter.write_dl(rows)


def _commands(made: TyperGroup) -> list[tuple[str, str]]:
    """Commands of a group and of the groups in it, in the order of work."""
    rows = []
    for name, one in made.commands.items():
        inner = _commands(one) if isinstance(one, TyperGroup) else [("", one.help or "")]
        rows += [(f"{name} {rest}".rstrip(), text) for rest, text in inner]
    order = {name: place for place, name in enumerate(common.ORDER_OF_WORK)}
    return sorted(rows, key=lambda row: order.get(row[0], len(order)))


# ---------------------------------------------------------------- errors


def _say(error: TyperException, lang: str) -> None:
    """An error of usage: what is wrong, and where help is."""
    said = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":  # the message is the help itself
        common.err.print(said, markup=False)
        return
    common.err.print(f"{messages.text('cli.usage.error', lang)}: {_translated(said, lang)}", style="bold red", markup=False)
    context = getattr(error, "ctx", None)
    if context is not None:
        common.err.print(messages.text("cli.usage.hint", lang, command=context.command_path), markup=False)


def _translated(said: str, lang: str) -> str:
    for pattern, key in _USAGE:
        match = re.fullmatch(pattern, said, re.DOTALL)
        if match:
            given = [str(part or "") for part in match.groups()]
            if given and messages.has(f"cli.meta.{given[0]}"):
                given[0] = messages.text(f"cli.meta.{given[0]}", lang)
            return messages.text(key, lang, **{f"p{number}": value for number, value in enumerate(given)})
    return re.sub(r"^Invalid value(?: for [^:]*)?: ", "", said)


class _Command(TyperCommand):
    lang: ClassVar[str]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help of a command, in the words of the catalogue."""
        _write_help(self, ctx, formatter, self.lang)


class _Group(TyperGroup):
    lang: ClassVar[str]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help of a group, in the words of the catalogue."""
        _write_help(self, ctx, formatter, self.lang)

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None, complete_var: str | None = None,
        standalone_mode: bool = True, windows_expand_args: bool = True, **extra: Any,
    ) -> Any:  # fmt: skip
        """Runs the command and exits with its code; what cannot go on is a sentence."""
        with common.errors_shown(self.lang):
            try:
                code = super().main(args, PROGRAM, complete_var, False, windows_expand_args, **extra)
            except TyperException as error:
                _say(error, self.lang)
                sys.exit(error.exit_code)
            except typer.Abort:
                sys.exit(common.FINDINGS)
        sys.exit(code if isinstance(code, int) else common.CLEAN)


_COMMANDS: Final = {lang: type(f"Command_{lang}", (_Command,), {"lang": lang}) for lang in messages.LANGUAGES}
_GROUPS: Final = {lang: type(f"Group_{lang}", (_Group,), {"lang": lang}) for lang in messages.LANGUAGES}
