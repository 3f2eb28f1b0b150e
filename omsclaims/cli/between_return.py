"""Commands on what is owed back of refunded bills: territory return, net (in the group of `cli.between`), and the list of it."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from omsclaims import bank, between, between_back, between_return, messages, money
from omsclaims.cli import common, words
from omsclaims.law import federal_parameters
from omsclaims.workspace import Workspace

#: Shows files, findings and unconfirmed parameters and ends with the code: `cli.between._finish`.
Finish = Callable[..., None]
_SHOWN: Final = (
    "side", "bill", "territory", "accepted_kop", "refunded_kop", "netted_kop", "returned_kop", "back_kop", "ordered_kop", "age",
)  # fmt: skip


def add_to(group: typer.Typer, lang: str, finish: Finish) -> None:
    """Adds the commands of this family to the group `territory`."""
    _add_return(group, lang, finish)
    _add_net(group, lang, finish)


def kopecks(amount: str | None, lang: str) -> int | None:
    """An amount of the command line, in roubles, as kopecks."""
    if amount is None:
        return None
    try:
        return money.parse_amount(amount)
    except ValueError as error:
        raise typer.BadParameter(messages.text("cli.territory.bad_amount", lang, value=amount)) from error


def _add_return(group: typer.Typer, lang: str, finish: Finish) -> None:
    text = messages.text

    @words.command(group, "return", lang, "territory.return")
    def give_back(
        bill: Annotated[str, typer.Argument(help=text("cli.territory.back_bill", lang))],
        amount: Annotated[str | None, typer.Option("--amount", help=text("cli.territory.amount", lang))] = None,
        out: Annotated[Path | None, typer.Option("--out", help=text("cli.territory.order_out", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day, wanted = common.parse_as_of(as_of, lang), kopecks(amount, lang)
        law = federal_parameters().noting()
        with Workspace.writing(workspace) as store:
            done, orders = between_return.give_back(store, bill, day, common.who_am_i(), wanted, law)
            paths = [] if out is None or orders.is_empty() else bank.write(store, orders, out, lang)
        if done.outcome == "refused":
            finish([done], None, [], lang, sorted(law.asked or ()))
        key = "cli.territory.return_ordered" if done.outcome == "sent" else "cli.territory.returned"
        said = {"file": bill, "territory": done.receiver, "amount": money.show_amount(done.amount_kop, lang)}
        common.out.print(text(key, lang, **said), style="green", markup=False)
        for path in paths:
            common.out.print(text("cli.pay.written", lang, path=path), markup=False)
        common.print_unconfirmed(sorted(law.asked or ()), lang)


def _add_net(group: typer.Typer, lang: str, finish: Finish) -> None:
    text = messages.text

    @words.command(group, "net", lang, "territory.net")
    def net(
        bill: Annotated[str, typer.Argument(help=text("cli.territory.net_bill", lang))],
        against: Annotated[str, typer.Option("--against", help=text("cli.territory.against", lang))],
        why: Annotated[str, typer.Option("--why", help=text("cli.territory.net_why", lang))],
        amount: Annotated[str | None, typer.Option("--amount", help=text("cli.territory.amount", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day, wanted = common.parse_as_of(as_of, lang), kopecks(amount, lang)
        law = federal_parameters().noting()
        with Workspace.writing(workspace) as store:
            done = between_return.net(store, bill, against, day, common.who_am_i(), why, wanted, law)
        if done.outcome == "refused":
            finish([done], None, [], lang, sorted(law.asked or ()))
        say_netted(done, against, lang)
        common.print_unconfirmed(sorted(law.asked or ()), lang)


def say_netted(done: between.Done, against: str, lang: str) -> None:
    """Which bills were set off against each other, with whom, how much."""
    said = {"file": done.file_name, "against": against, "territory": done.receiver}
    amount = money.show_amount(done.amount_kop, lang)
    common.out.print(messages.text("cli.territory.netted", lang, **said, amount=amount), style="green", markup=False)


def show_owed_back(store: Workspace, day: date, side: str | None, lang: str) -> bool:
    """The bills of which something is owed back, as a table; whether there is any."""
    under_way = between_back.ordered(bank.orders(store), bank.lines(store))
    rows = between_back.owed(store, day, under_way, side).to_dicts()
    if not rows:
        return False
    heads = [
        (messages.text(f"cli.territory.back.{name}", lang), "right" if name.endswith("_kop") or name == "age" else "left")
        for name in _SHOWN
    ]
    shown = common.table(messages.text("cli.territory.title.back", lang, day=day), *heads)
    for row in rows:
        shown.add_row(*(Text(_cell(name, row, lang)) for name in _SHOWN))
    common.out.print(shown)
    return True


def _cell(name: str, row: dict[str, object], lang: str) -> str:
    if name == "side":
        return messages.text(f"cli.territory.back.{row['side']}", lang)
    if name == "age":
        if row["age_to"] is None:
            return messages.text("cli.territory.due.over", lang, days=int(str(row["age_from"])) - 1)
        return f"{row['age_from']}\u2013{row['age_to']}"
    value = row[name]
    return money.show_amount(value, lang) if isinstance(value, int) else str(value)
