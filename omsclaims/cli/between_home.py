"""Commands of the home fund on bills of other territories: territory answer, pay, due (in the group of `cli.between`)."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

import csv
import io
import re
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import typer
from rich.text import Text

from omsclaims import between_home, messages, money
from omsclaims import between_return as settling
from omsclaims.cli import between_return, common, words
from omsclaims.law import federal_parameters
from omsclaims.settlement.between import home
from omsclaims.workspace import Workspace

_ITEM: Final = re.compile(r"([0-9]{1,8})/([0-9]{1,11})", re.ASCII)
#: Columns of a file of questions; `sum` in roubles.
_QUESTIONS: Final = ("n_zap", "idcase", "sum", "s_tip", "code", "code_exp", "s_com")
_STEPS: Final = ("bill", "territory", "step", "about", "event_on", "due", "law_due", "state", "point")
_AGES: Final = ("territory", "side", "age", "bills", "items", "open_kop")
#: Shows files, findings and unconfirmed parameters and ends with the code: `cli.between._finish`.
Finish = Callable[..., None]


def add_to(group: typer.Typer, lang: str, finish: Finish) -> None:
    """Adds the commands of this family to the group `territory`."""
    _add_answer(group, lang, finish)
    _add_pay(group, lang, finish)
    _add_due(group, lang)


def _add_answer(group: typer.Typer, lang: str, finish: Finish) -> None:
    text = messages.text

    @words.command(group, "answer", lang, "territory.answer")
    def answer(
        bill: Annotated[str, typer.Argument(help=text("cli.territory.asked", lang))],
        out: Annotated[Path, typer.Option("--out", help=text("cli.territory.out", lang))],
        accept: Annotated[str | None, typer.Option("--accept", help=text("cli.territory.accept", lang))] = None,
        questions: Annotated[Path | None, typer.Option("--questions", help=text("cli.territory.questions", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        waived = _items(accept, lang)
        asked = None if questions is None else _read_questions(questions, lang)
        law = federal_parameters().noting()
        with Workspace.writing(workspace) as store:
            done = between_home.answer(store, bill, day, common.who_am_i(), waived, asked, law)
        finish([done], out, [], lang, sorted(law.asked or ()))


def _items(given: str | None, lang: str) -> list[tuple[int, int]]:
    """`1/1,2/2` as numbers of records and cases."""
    found = []
    for part in filter(None, (one.strip() for one in (given or "").split(","))):
        match = _ITEM.fullmatch(part)
        if match is None:
            raise typer.BadParameter(messages.text("cli.territory.bad_item", lang, value=part))
        found.append((int(match[1]), int(match[2])))
    return found


def _read_questions(path: Path, lang: str) -> pl.DataFrame:
    """A CSV of what experts question (columns `_QUESTIONS`) as columns `home.QUESTIONS`; a row that cannot be read is said."""
    rows: list[dict[str, Any]] = []
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), strict=True)
        for row in reader:
            number = {name: int(row[name]) for name in ("n_zap", "idcase", "s_tip")}
            amount = money.parse_amount(row["sum"])
            if amount <= 0 or not row["code"]:
                raise ValueError(reader.line_num)
            texts = {name: row.get(name) or None for name in ("code_exp", "s_com")}
            rows.append({**number, "s_sum": amount, "code": row["code"].rstrip("."), **texts})
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        columns = ",".join(_QUESTIONS)
        raise typer.BadParameter(messages.text("cli.territory.bad_questions", lang, path=path, columns=columns)) from error
    return pl.DataFrame(rows, schema=home.QUESTIONS)


def _add_pay(group: typer.Typer, lang: str, finish: Finish) -> None:
    text = messages.text

    @words.command(group, "pay", lang, "territory.pay")
    def pay(
        bill: Annotated[str, typer.Argument(help=text("cli.territory.asked_bill", lang))],
        amount: Annotated[str | None, typer.Option("--amount", help=text("cli.territory.amount", lang))] = None,
        against: Annotated[str | None, typer.Option("--against", help=text("cli.territory.pay_against", lang))] = None,
        why: Annotated[str, typer.Option("--why", help=text("cli.territory.net_why", lang))] = "",
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day, kopecks = common.parse_as_of(as_of, lang), between_return.kopecks(amount, lang)
        law = federal_parameters().noting()
        with Workspace.writing(workspace) as store:
            if against is None:
                done = between_home.pay(store, bill, day, common.who_am_i(), kopecks)
            else:
                netted, rest = settling.pay_less(store, bill, against, day, common.who_am_i(), why, kopecks, law)
                done = rest or netted
        if done.outcome == "refused":
            finish([done], None, [], lang, sorted(law.asked or ()))
        if against is not None:
            between_return.say_netted(netted, against, lang)
            common.print_unconfirmed(sorted(law.asked or ()), lang)
            if rest is None:
                return
        paid = {"file": bill, "territory": done.receiver, "amount": money.show_amount(done.amount_kop, lang)}
        common.out.print(text("cli.territory.paid", lang, **paid), style="green", markup=False)


def _add_due(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "due", lang, "territory.due")
    def due(
        side: Annotated[str | None, typer.Option("--side", help=text("cli.territory.side", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        if side not in (None, "place", "home"):
            raise typer.BadParameter(text("cli.territory.bad_side", lang, value=side))
        law = federal_parameters().noting()
        with Workspace.open(workspace) as store:
            steps, ages = between_home.due(store, day, side, law)
            back = between_return.show_owed_back(store, day, side, lang)
        if steps.is_empty() and ages.is_empty():
            if not back:
                common.out.print(text("cli.territory.nothing_due", lang))
            return
        _show("due", _STEPS, steps.to_dicts(), day, lang)
        _show("ages", _AGES, [{**row, "age": _age(row, lang)} for row in ages.to_dicts()], day, lang)
        common.print_unconfirmed(sorted(law.asked or ()), lang)
        raise typer.Exit(common.FINDINGS if "overdue" in set(steps["state"]) else common.CLEAN)


def _show(name: str, columns: Sequence[str], rows: Sequence[dict[str, Any]], day: date, lang: str) -> None:
    right = ("bills", "items", "open_kop")
    heads = [(messages.text(f"cli.territory.due.{column}", lang), "right" if column in right else "left") for column in columns]
    shown = common.table(messages.text(f"cli.territory.title.{name}", lang, day=day), *heads)
    for row in rows:
        shown.add_row(*(Text(_cell(column, row[column], lang)) for column in columns))
    common.out.print(shown)


def _age(row: dict[str, Any], lang: str) -> str:
    """Days since the date of the bill, from-to."""
    if row["age_to"] is None:
        return messages.text("cli.territory.due.over", lang, days=row["age_from"] - 1)
    return f"{row['age_from']}\u2013{row['age_to']}"


def _cell(column: str, value: object, lang: str) -> str:
    if value is None:
        return "\u2013"
    if column in ("step", "state", "side"):
        return messages.text(f"between.{column}.{value}" if column != "state" else f"between.due.{value}", lang)
    if isinstance(value, int) and column.endswith("_kop"):
        return money.show_amount(value, lang)
    return value.isoformat() if isinstance(value, date) else str(value)
