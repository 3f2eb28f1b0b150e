"""Commands on payments through the bank: pay orders, load, list, cancel."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.text import Text

from omsclaims import bank, messages, money
from omsclaims.cli import common, words
from omsclaims.settlement import bank as stage
from omsclaims.workspace import Workspace


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.pay.help")
    app.add_typer(group, name="pay")
    _add_orders(group, lang)
    _add_load(group, lang)
    _add_list(group, lang)
    _add_cancel(group, lang)


def _add_orders(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "orders", lang, "pay.orders")
    def pay_orders(
        month: Annotated[str, typer.Argument(help=text("cli.pay.month", lang))],
        kind: Annotated[list[str], typer.Option("--kind", help=text("cli.pay.kind", lang))],
        day: Annotated[str | None, typer.Option("--day", help=text("cli.pay.day", lang))] = None,
        cover: Annotated[bool, typer.Option("--cover", help=text("cli.pay.cover", lang))] = False,
        short: Annotated[str | None, typer.Option("--short", help=text("cli.pay.rule", lang))] = None,
        out_dir: Annotated[Path | None, typer.Option("--out", help=text("cli.pay.out", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        of, today = common.parse_month(month, lang), common.parse_as_of(as_of, lang)
        for one in kind:
            if one not in bank.KINDS:
                raise typer.BadParameter(text("cli.pay.bad_kind", lang, value=one, known=", ".join(bank.KINDS)))
        if short is not None and short not in stage.SHORT:
            raise typer.BadParameter(text("cli.pay.bad_kind", lang, value=short, known=", ".join(stage.SHORT)))
        on = today if day is None else common.parse_as_of(day, lang)
        with Workspace.writing(workspace) as store:
            made = bank.order(store, of, kind, on, today, common.who_am_i(), rule=short, cover=cover)
            _written(store, made.orders, out_dir, lang)
        if made.orders.is_empty():
            said = "short" if made.findings["rule"].is_in(["PB.12", "PB.13"]).any() else "nothing"
            common.out.print(text(f"cli.pay.{said}", lang), markup=False)
        else:
            _show(made.orders, dict(made.orders.select("order_id", "amount_kop").iter_rows()), lang)
        if made.covered_kop:
            common.out.print(text("cli.pay.covered", lang, amount=money.show_amount(made.covered_kop, lang)), markup=False)
        common.print_unconfirmed(made.sources, lang)
        if made.findings.height:
            common.print_findings(made.findings, lang)
            raise typer.Exit(common.FINDINGS)


def _add_load(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "load", lang, "pay.load")
    def pay_load(
        files: Annotated[list[Path], typer.Argument(help=text("cli.pay.files", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        today = common.parse_as_of(as_of, lang)
        common.existing_files(files, lang)
        wrong = False
        for path in files:  # each file is a transaction of its own: one that cannot be taken does not hold back the others
            with Workspace.writing(workspace) as store:
                made = bank.load(store, path, today, common.who_am_i())
            done = made.lines.filter(pl.col("state") == stage.BOOKED)
            amount = money.show_amount(int(done["amount_kop"].sum()), lang)
            said = {"booked": done.height, "amount": amount, "refused": made.lines.height - done.height, "known": made.known}
            common.out.print(text("cli.pay.loaded", lang, file=path.name, **said), markup=False)
            if made.findings.height:
                common.print_findings(made.findings, lang)
                wrong = True
        if wrong:
            raise typer.Exit(common.FINDINGS)


def _add_list(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "list", lang, "pay.list")
    def pay_list(
        out_dir: Annotated[Path | None, typer.Option("--out", help=text("cli.pay.out", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        with Workspace.open(workspace) as store:
            rows = bank.orders(store)
            rest = stage.remaining(rows, bank.lines(store))
            _written(store, rows.filter(pl.col("order_id").is_in([key for key, left in rest.items() if left])), out_dir, lang)
        _show(rows, rest, lang)


def _add_cancel(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "cancel", lang, "pay.cancel")
    def pay_cancel(
        number: Annotated[int, typer.Argument(help=text("cli.pay.number", lang))],
        payer: Annotated[str, typer.Option("--payer", help=text("cli.pay.payer", lang))],
        why: Annotated[str, typer.Option("--why", help=text("cli.pay.why", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        with Workspace.writing(workspace) as store:
            bank.cancel(store, payer, number, common.parse_as_of(as_of, lang), common.who_am_i(), why)
        common.out.print(text("cli.pay.cancelled", lang, number=number), markup=False)


def _written(store: Workspace, rows: pl.DataFrame, folder: Path | None, lang: str) -> None:
    for path in [] if folder is None else bank.write(store, rows, folder, lang):
        common.out.print(messages.text("cli.pay.written", lang, path=path), markup=False)


def _show(rows: pl.DataFrame, rest: dict[str, int], lang: str) -> None:
    """Orders and what is left of each."""
    names = ("number", "day", "kind", "payer", "receiver", "amount", "left", "state")
    right = ("number", "amount", "left")
    heads = [(messages.text(f"cli.pay.col.{name}", lang), "right" if name in right else "left") for name in names]
    shown = common.table(messages.text("cli.pay.title", lang), *heads)
    for row in rows.iter_rows(named=True):
        left = rest[row["order_id"]]
        state = "paid" if row["state"] == stage.OPEN and not left else row["state"]
        amounts = [money.show_amount(kop, lang) for kop in (row["amount_kop"], left)]
        words_of = [messages.text(f"bank.kind.{row['kind']}", lang), row["payer"], row["receiver"]]
        cells = [str(row["number"]), str(row["day"]), *words_of, *amounts, messages.text(f"bank.state.{state}", lang)]
        shown.add_row(*(Text(cell) for cell in cells))
    common.out.print(shown)
