"""What do all commands share? Options, consoles, progress, errors as sentences, exit codes."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from omsclaims import findings, messages
from omsclaims.periods import CalendarEndsError, Month
from omsclaims.registry import limits
from omsclaims.registry.limits import Limits, LimitsError

if TYPE_CHECKING:
    from omsclaims.law import Parameters

CLEAN: Final = 0
FINDINGS: Final = 1
USAGE: Final = 2
UNREADABLE: Final = 3

#: Findings after which a file could not be read at all.
UNREADABLE_RULES: Final = frozenset({"S.801", "S.804", "S.805", "S.806", "S.807", "S.808", "S.815"})
#: Findings of one rule shown on the screen; the full count always is.
SHOWN_OF_A_RULE: Final = 5

#: Commands in the order of work, for the help.
ORDER_OF_WORK: Final = (
    "demo", "init", "nsi load", "nsi list", "nsi diff", "nsi show",
    "register load", "agreement check", "agreement load", "agreement show", "agreement diff", "ingest", "withdraw", "run",
    "reopen", "explain", "status", "plan check", "plan report", "norms", "tariff cost", "capitation", "group", "whatif",
    "voucher list", "voucher overdue", "voucher waiting", "voucher quota", "insured load", "insured check", "insured apportion",
    "accident list", "accident report",
    "check", "read", "write", "rewrite", "convert", "warmup", "formats list", "formats show", "formats compare", "formats book",
    "checks list", "checks show", "checks coverage",
    "expertise sample", "expertise template", "expertise load", "expertise export", "expertise appeal", "expertise appeals",
    "expertise results", "expertise chain",
    "territory send", "territory take", "territory list", "territory correct", "territory concede", "territory write-off",
    "territory answer", "territory pay", "territory due", "territory return", "territory net",
    "abroad take", "abroad pay", "abroad act",
    "act draw", "act send", "act sign", "act compare", "act dispute", "act agree", "act protocol", "act list", "statements",
    "ledger balances", "ledger entries", "ledger export", "ledger book", "ledger correct", "ledger finance",
    "pay orders", "pay load", "pay list", "pay cancel",
    "insurer take", "insurer compare", "insurer receive", "insurer spend", "insurer year-end", "insurer early-end",
    "verify", "backup", "restore",
)  # fmt: skip

#: Files of a folder that are taken for packages.
PACKAGE_SUFFIXES: Final = frozenset({".zip", ".oms", ".xml"})

#: Width of what goes into a file or a pipe, where no terminal says how wide it is.
_WIDTH_OF_FILES: Final = 120


def _console(stderr: bool) -> Console:
    made = Console(stderr=stderr, highlight=False, soft_wrap=True)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _WIDTH_OF_FILES
    return made


out = _console(stderr=False)
err = _console(stderr=True)


def command_words(arguments: Sequence[str]) -> list[str]:
    """The command among the arguments, without what it is given: `run`, `pay load`."""
    known = [one.split() for one in ORDER_OF_WORK]
    given = [one for one in arguments if not one.startswith("-")]
    for at in range(len(given)):
        for words in sorted(known, key=len, reverse=True):
            if given[at : at + len(words)] == words:
                return words
    return []


def today() -> date:
    """The day of the clock: the only place where the program looks at it for a date."""
    return datetime.now(UTC).astimezone().date()


def parse_as_of(text: str | None, lang: str) -> date:
    """The day whose knowledge is used; by default today."""
    if text is None:
        return today()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(messages.text("cli.bad_date", lang, value=text)) from error


def parse_month(text: str, lang: str) -> Month:
    """A reporting month YYYY-MM."""
    try:
        return Month.parse(text)
    except ValueError as error:
        raise typer.BadParameter(messages.text("cli.bad_month", lang, value=text)) from error


def parse_months(text: str, lang: str) -> list[Month]:
    """`2021-01..2021-12` or one month, month by month."""
    first, _, last = text.partition("..")
    start, end = parse_month(first, lang), parse_month(last or first, lang)
    if end < start:
        raise typer.BadParameter(messages.text("cli.bad_period", lang, value=text))
    found = [start]
    while found[-1] < end:
        found.append(found[-1].plus(1))
    return found


def limits_of(path: Path | None) -> Limits | None:
    """The limits of safety in a file of `--limits`; None for the usual ones."""
    return None if path is None else limits.load(path)


def who_am_i() -> str:
    """The user of the operating system: named in the audit chain."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@contextmanager
def errors_shown(lang: str) -> Iterator[None]:
    """Turns what the program cannot go on from into a sentence and an exit code."""
    try:
        yield
    except OSError as error:
        place = error.filename or messages.text("cli.some_file", lang)
        err.print(messages.text("cli.os_error", lang, path=place, reason=error.strerror or error), style="bold red", markup=False)
        sys.exit(UNREADABLE)
    except Exception as error:
        sentence = _sentence(error, lang)
        if sentence is None:
            raise
        err.print(sentence, style="bold red", markup=False)
        sys.exit(USAGE)


def _sentence(error: Exception, lang: str) -> str | None:
    """What a person can do about an error of ours; None for a defect of the program."""
    # Imported here: a command that needs neither workspace nor law must not wait for them.
    from omsclaims.law import ParameterError, ParameterFileError
    from omsclaims.nsi import BookMissingError
    from omsclaims.workspace import WorkspaceError

    if isinstance(error, WorkspaceError):
        return messages.text(error.key, lang, **error.params)
    if isinstance(error, BookMissingError):
        key = "cli.book_missing" if error.learned_on is None else "cli.book_later"
        return messages.text(key, lang, book=error.name, day=error.learned_on)
    if isinstance(error, ParameterError):
        return messages.text("cli.parameter", lang, name=error.name, on=error.on)
    if isinstance(error, CalendarEndsError):
        return messages.text("cli.calendar", lang, year=error.year)
    if isinstance(error, LimitsError):
        return error.text(lang)
    if isinstance(error, ParameterFileError):
        return messages.text("cli.parameter_file", lang, reason=error)
    return None


@contextmanager
def progress_bar(label: str, total: int | None = None) -> Iterator[Progress]:
    """A progress bar on the error stream; silent where nobody watches."""
    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        bar.add_task(label, total=total)
        yield bar


def print_unconfirmed(sources: Iterable[str | None], lang: str, law: Parameters | None = None) -> None:
    """A sentence for each value of the law that the figures above stand on and that nobody has seen in its text."""
    from omsclaims.reports import doubts  # not above: checking a package needs neither law nor reports

    for line in doubts.lines(sources, lang, law):
        out.print(line, style="yellow", markup=False)


def print_findings(found: pl.DataFrame, lang: str, shown: int = SHOWN_OF_A_RULE) -> None:
    """Findings for people: per rule its title, count, ground, the first `shown` with place and text, and what to do."""
    for rule, rows in found.sort("rule").group_by("rule", maintain_order=True):
        name = str(rule[0])
        head = messages.text(findings.rule_key(name, "title"), lang)
        code = rows["code"].drop_nulls()
        ground = f" · {messages.text('cli.ground', lang)} {code[0]}" if code.len() else ""
        out.print(f"{name} {head} · {rows.height}{ground}", style="bold", markup=False)
        for row in findings.with_text(rows.head(shown), lang).iter_rows(named=True):
            out.print(f"  {place(row, lang)}: {row['text']}", markup=False)
        if rows.height > shown:
            out.print("  " + messages.text("cli.and_more", lang, count=rows.height - shown), markup=False)
        if messages.has(findings.rule_key(name, "todo")):
            params = _params(rows.row(0, named=True))
            out.print("  → " + messages.text(findings.rule_key(name, "todo"), lang, **params), style="cyan", markup=False)


def _params(row: dict[str, object]) -> dict[str, object]:
    import json

    return {"value": row["value"] or "", "element": row["element"] or "", **json.loads(str(row["params"] or "{}"))}


def place(row: dict[str, object], lang: str) -> str:
    """Where a finding is: file, record, case, service, element, line - as far as known."""
    parts = [str(row["file"] or row["package"] or "")]
    for column, label in (("n_zap", "N_ZAP"), ("idcase", "IDCASE"), ("sl_id", "SL_ID"), ("idserv", "IDSERV")):
        if row[column] is not None:
            parts.append(f"{label} {row[column]}")
    if row["element"]:
        parts.append(str(row["element"]))
    if row["line"] is not None:
        parts.append(messages.text("cli.line", lang, line=row["line"]))
    return ", ".join(parts)


def table(title: str, *columns: tuple[str, str]) -> Table:
    """A table for the screen; columns are (heading, left | right)."""
    made = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for heading, side in columns:
        made.add_column(heading, justify="right" if side == "right" else "left", no_wrap=side == "right")
    return made


def existing_files(paths: list[Path], lang: str) -> list[Path]:
    """Packages named on the command line; a folder stands for the packages anywhere in it (see `named_files`)."""
    return named_files(paths, PACKAGE_SUFFIXES, "**/*", "cli.empty_folder", lang)


def named_files(paths: list[Path], suffixes: Collection[str], inside: str, nothing_key: str, lang: str) -> list[Path]:
    """Files named on the command line, and the files of named folders that have one of the suffixes, in order of name.

    inside       pattern of the files of a folder: `*` itself only, `**/*` folders in it, too
    nothing_key  the sentence for a folder without such files

    Raises BadParameter for what is not there and for a folder with nothing in it.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            files = sorted(one for one in path.glob(inside) if one.suffix.lower() in suffixes and one.is_file())
            if not files:
                raise typer.BadParameter(messages.text(nothing_key, lang, folder=path, suffixes=", ".join(sorted(suffixes))))
            found.extend(files)
        elif path.exists():
            found.append(path)
        else:
            raise typer.BadParameter(messages.text("cli.no_file", lang, path=path))
    return found
