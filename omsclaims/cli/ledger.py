"""Commands on the ledger over the years: ledger balances, entries, export, book, correct, finance."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

import csv
import io
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import typer
import yaml
from rich.text import Text

from omsclaims import closing, contract, financing, journal, messages, money
from omsclaims.cli import common, words
from omsclaims.periods import Month
from omsclaims.reports import doubts
from omsclaims.settlement.financing import UNIT5
from omsclaims.workspace import Workspace, canonical_json, sha256_bytes

#: Columns of a list of events that name no party.
_FIELDS: Final = ("event", "date", "document", "document_date", "amount", "order_id", "note", "month")
#: Roles of parties, and what a bare code in them stands for; a payer of two digits is a fund.
_ROLES: Final = ("fund", "insurer", "payer", "clinic", "territory", "outside", "pot", "cost")
_NO_PARTY: Final = ("pot", "cost")
_CODE_OF_FUND: Final = 2


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.ledger.help")
    app.add_typer(group, name="ledger")
    _add_balances(group, lang)
    _add_entries(group, lang)
    _add_export(group, lang)
    _add_book(group, lang)
    _add_correct(group, lang)
    _add_finance(group, lang)


def _day(given: str | None, lang: str) -> date | None:
    return None if given is None else common.parse_as_of(given, lang)


def _moment(given: str | None, lang: str) -> int | date | None:
    """`--known`: a day, or the number of an event of the audit chain."""
    if given is None or not given.isdecimal():
        return _day(given, lang)
    return int(given)


def _doubted(store: Workspace, until: date | None) -> list[str]:
    """What the closings asked the law for that the figures up to a day stand on."""
    months = [name for name in store.closed_months() if until is None or f"{name}-01" <= until.isoformat()]
    return closing.parameters_of(store, months)


def _add_balances(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "balances", lang, "ledger.balances")
    def ledger_balances(
        account: Annotated[str, typer.Argument(help=text("cli.ledger.account", lang))] = "",
        on: Annotated[str | None, typer.Option("--on", help=text("cli.ledger.on", lang))] = None,
        known: Annotated[str | None, typer.Option("--known", help=text("cli.ledger.known", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day, moment = _day(on, lang), _moment(known, lang)
        with Workspace.open(workspace) as store:
            rows = journal.balances(store, day, moment, account)
            sources = _doubted(store, day)
        heads = [(text("reports.ledger.col.account", lang), "left")]
        heads += [(text(f"reports.ledger.col.{side}_balance", lang), "right") for side in ("debit", "credit")]
        shown = common.table(text("reports.ledger.balances", lang), *heads)
        for name, kopecks in rows.iter_rows():
            amount = money.show_amount(abs(kopecks), lang)
            shown.add_row(Text(name), *((amount, "") if kopecks > 0 else ("", amount)))
        common.out.print(shown)
        common.print_unconfirmed(sources, lang)


def _add_entries(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "entries", lang, "ledger.entries")
    def ledger_entries(
        account: Annotated[str, typer.Argument(help=text("cli.ledger.account", lang))] = "",
        first: Annotated[str | None, typer.Option("--from", help=text("cli.ledger.first", lang))] = None,
        last: Annotated[str | None, typer.Option("--to", help=text("cli.ledger.last", lang))] = None,
        known: Annotated[str | None, typer.Option("--known", help=text("cli.ledger.known", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = _day(last, lang)
        with Workspace.open(workspace) as store:
            rows = journal.entries(store, account, _day(first, lang), day, _moment(known, lang))
            sources = _doubted(store, day)
        names = (("posting_id", "left"), ("date", "left"), ("amount", "right"), ("rule", "left"))
        heads = [(text(f"reports.ledger.col.{name}", lang), side) for name, side in names]
        shown = common.table(text("reports.ledger.postings", lang), *heads)
        shown.columns[0].no_wrap = True  # it is copied for `ledger correct`
        for row in rows.iter_rows(named=True):
            amount = money.show_amount(row["amount_kop"], lang)
            shown.add_row(Text(row["posting_id"]), Text(str(row["date"])), Text(amount), Text(_told(row, lang)))
        common.out.print(shown)
        common.print_unconfirmed(sources, lang)


def _told(row: dict[str, Any], lang: str) -> str:
    """What a posting is, on lines of their own: event and paper, debit and credit, what it undoes."""
    event = f"posting.{row['rule']}"
    named = messages.text(event, lang) if messages.has(event) else row["rule"]
    sides = [f"{messages.text(f'reports.ledger.col.{side}', lang)}: {row[side]}" for side in ("debit", "credit")]
    back = [f"{messages.text('reports.ledger.col.reverses', lang)}: {row['reverses']}"] if row["reverses"] else []
    return "\n".join([f"{named} · {row['document']}", *sides, *back])


def _add_export(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "export", lang, "ledger.export")
    def ledger_export(
        out_dir: Annotated[Path, typer.Argument(help=text("cli.ledger.export.dir", lang))],
        first: Annotated[str | None, typer.Option("--from", help=text("cli.ledger.first", lang))] = None,
        last: Annotated[str | None, typer.Option("--to", help=text("cli.ledger.last", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = _day(last, lang)
        with Workspace.open(workspace) as store:
            sources = _doubted(store, day)
            notes = doubts.lines(sources, lang)
            for path in journal.export(store, out_dir, _day(first, lang), day, lang=lang, notes=notes):
                common.out.print(text("cli.ledger.export.written", lang, path=path), markup=False)
        common.print_unconfirmed(sources, lang)


def _add_book(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "book", lang, "ledger.book")
    def ledger_book(
        file: Annotated[Path, typer.Argument(help=text("cli.ledger.book.file", lang))],
        why: Annotated[str | None, typer.Option("--why", help=text("cli.option.why", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        events, digest = read_events(file, lang)
        with Workspace.writing(workspace) as store:
            booked = journal.book(store, events, digest, day, common.who_am_i(), why)
        _show_booked(booked, lang)


def _add_correct(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "correct", lang, "ledger.correct")
    def ledger_correct(
        posting: Annotated[str, typer.Argument(help=text("cli.ledger.correct.posting", lang))],
        why: Annotated[str, typer.Option("--why", help=text("cli.option.why", lang))],
        on: Annotated[str | None, typer.Option("--on", help=text("cli.ledger.correct.on", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        with Workspace.writing(workspace) as store:
            done = journal.correct(store, posting, day, common.who_am_i(), why, _day(on, lang))
        _show_booked(done, lang)


def _add_finance(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "finance", lang, "ledger.finance")
    def ledger_finance(
        month: Annotated[str, typer.Argument(help=text("cli.ledger.finance.month", lang))],
        day: Annotated[str | None, typer.Option("--day", help=text("cli.ledger.finance.day", lang))] = None,
        share: Annotated[str, typer.Option("--share", help=text("cli.ledger.finance.share", lang))] = "1",
        out_dir: Annotated[Path | None, typer.Option("--out", help=text("cli.ledger.finance.out", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        of, today = common.parse_month(month, lang), common.parse_as_of(as_of, lang)
        share5 = _share5(share, lang)
        with Workspace.writing(workspace) as store:
            made = financing.give(store, of, _day(day, lang) or today, today, common.who_am_i(), share5)
        for path in [] if out_dir is None else financing.write_notices(made.notices, out_dir):
            common.out.print(text("cli.ledger.finance.notice", lang, path=path), markup=False)
        _show_given(made, of, lang)
        common.print_unconfirmed(made.sources, lang)
        if made.findings.height:
            common.print_findings(made.findings, lang)
            raise typer.Exit(common.FINDINGS)


def _share5(share: str, lang: str) -> int:
    """A part of the month, 0.5, in units of 0.00001."""
    try:
        part = Decimal(share) * UNIT5
    except InvalidOperation:
        part = Decimal(-1)
    if not part.is_finite() or part != part.to_integral_value() or not 0 < part <= UNIT5:
        raise typer.BadParameter(messages.text("financing.share", lang))
    return int(part)


def _show_given(made: financing.Ahead, of: Month, lang: str) -> None:
    """What was booked now, what the month was given in all."""
    now = dict(made.events.select(pl.concat_str("event", "parties"), "amount_kop").iter_rows())
    if made.events.is_empty():
        common.out.print(messages.text("cli.ledger.finance.nothing", lang), markup=False)
    heads = [(messages.text(f"cli.ledger.finance.col.{name}", lang), side) for name, side in
             (("event", "left"), ("insurer", "left"), ("now", "right"), ("given", "right"))]  # fmt: skip
    shown = common.table(messages.text("cli.ledger.finance.title", lang, month=of), *heads)
    for (event, smo), kop in made.given.items():
        fresh = sum(amount for key, amount in now.items() if key.startswith(event + "{") and (smo is None or f":{smo}" in key))
        amounts = [money.show_amount(amount, lang) for amount in (fresh, kop)]
        shown.add_row(*(Text(cell) for cell in (messages.text(f"posting.{event}", lang), smo or "", *amounts)))
    common.out.print(shown)


def _show_booked(booked: journal.Booked, lang: str) -> None:
    """What became of events or a correction; exit code 1 when they were refused."""
    if booked.findings.height:
        common.out.print(messages.text("cli.ledger.refused", lang), style="bold", markup=False)
        common.print_findings(booked.findings, lang, shown=20)
        raise typer.Exit(common.FINDINGS)
    txn = booked.txn
    if txn is None:
        common.out.print(messages.text("cli.ledger.nothing", lang))
        return
    said = messages.text(f"cli.ledger.{txn.outcome}", lang, rows=txn.rows, txn=txn.txn, seq=txn.seq)
    common.out.print(said, style="bold green", markup=False)
    if txn.outcome == "new" and booked.known:
        common.out.print(messages.text("cli.ledger.known_before", lang, count=booked.known), markup=False)


# ---- lists of events -------------------------------------------------------------------------------------------------------


def read_events(path: Path, lang: str) -> tuple[pl.DataFrame, str]:
    """Events of a CSV or YAML file as contract `ledger_events` with `month`, and the digest of the file.

    CSV: columns event, date, document, amount (roubles), and one for each role (payer, clinic, territory ...); document_date,
    order_id, note and month may be left out. YAML: a list of the same, parties under their roles or under `parties`. A bare code
    stands for the party of its role. What cannot be read is left empty: booking then says LB.11. Exits with 3 when it is no list.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
        rows = _from_yaml(text) if path.suffix.lower() in (".yaml", ".yml") else _from_csv(text)
    except (UnicodeDecodeError, csv.Error, yaml.YAMLError, ValueError) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        common.err.print(messages.text("cli.ledger.unreadable", lang, path=path, reason=reason), style="bold red", markup=False)
        raise typer.Exit(common.UNREADABLE) from error
    known = {*_FIELDS, *_ROLES, "parties"}
    odd = sorted({name for row in rows for name in row} - known)
    if odd:
        raise typer.BadParameter(messages.text("cli.ledger.columns", lang, path=path, columns=", ".join(odd)))
    schema = {**contract.TABLES["ledger_events"].schema(), "month": pl.String()}
    return pl.DataFrame([_event(row) for row in rows], schema=schema, orient="row"), sha256_bytes(data)


def _from_csv(text: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise ValueError(f"line {reader.line_num}: not as many values as columns")
        rows.append({str(name).strip(): value for name, value in row.items()})
    return rows


def _from_yaml(text: str) -> list[dict[str, Any]]:
    found = yaml.safe_load(text) or []
    rows = found.get("events") if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("not a list of events")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _event(row: dict[str, Any]) -> dict[str, object]:
    """One event as the contract has it; null for what is empty or cannot be read."""
    given = row.get("parties")
    parties = dict(given) if isinstance(given, dict) else {}
    parties |= {role: row[role] for role in _ROLES if str(row.get(role) or "").strip()}
    return {
        "event": _text(row.get("event")), "date": _date(row.get("date")), "document": _text(row.get("document")),
        "document_date": _date(row.get("document_date")), "amount_kop": _kopecks(row.get("amount")),
        "parties": canonical_json({str(role): _party(str(role), str(value).strip()) for role, value in sorted(_items(parties))}),
        "order_id": _text(row.get("order_id")), "note": _text(row.get("note")), "month": _text(row.get("month")),
    }  # fmt: skip


def _items(parties: dict[Any, Any]) -> Iterable[tuple[str, object]]:
    return [(str(role), value) for role, value in parties.items()]


def _party(role: str, value: str) -> str:
    if ":" in value or role in _NO_PARTY:
        return value
    kind = ("fund" if len(value) == _CODE_OF_FUND else "insurer") if role == "payer" else role
    return f"{kind}:{value}"


def _text(value: object) -> str | None:
    said = "" if value is None else str(value).strip()
    return said or None


def _date(value: object) -> date | None:
    try:
        return value if isinstance(value, date) else date.fromisoformat(str(value).strip())
    except ValueError:
        return None


def _kopecks(value: object) -> int | None:
    """Roubles as text; a number of YAML with a fraction is not taken: it may have been rounded already."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    try:
        return money.parse_amount(str(value).strip())
    except money.AmountError:
        return None
