"""What does a bank statement say, and how is a payment order handed to the bank? The exchange text 1CClientBankExchange.

Not a format of the law: the text that accounting programs and banks exchange, version 1.03, as known to the trade (no official
description was seen). Lines `key=value` between section marks, in windows-1251 or cp866 (the line `Кодировка` says which).
Amounts are roubles with a point, days dd.mm.yyyy. Keys that nobody here needs are passed over.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.money import format_amount, parse_amount

FIRST_LINE: Final = "1CClientBankExchange"
LAST_LINE: Final = "КонецФайла"
#: A statement of a month of a fund has some thousands of lines; a file beyond this is no statement.
MOST_BYTES: Final = 64 << 20
_ENCODINGS: Final = {"windows": "cp1251", "dos": "cp866"}
_MOST_SAID: Final = 50
_VERSION: Final = "1.03"
#: Longest purpose of a payment.
PURPOSE: Final = 210

_S, _I, _D = pl.String(), pl.Int64(), pl.Date()
#: Payments of a file: as the bank states them, before anything is known about orders.
LINES: Final[dict[str, pl.DataType]] = {
    "line": _I, "number": _S, "date": _D, "amount_kop": _I, "payer_account": _S, "payer_inn": _S, "payer_name": _S,
    "receiver_account": _S, "receiver_inn": _S, "receiver_name": _S, "debited_on": _D, "credited_on": _D, "purpose": _S,
}  # fmt: skip
#: Accounts that a statement is about: balances and turnover of its days.
STATEMENTS: Final[dict[str, pl.DataType]] = {
    "line": _I, "account": _S, "first": _D, "last": _D, "opening_kop": _I, "in_kop": _I, "out_kop": _I, "closing_kop": _I,
}  # fmt: skip
_OF_LINES: Final = {
    "Номер": "number", "Дата": "date", "Сумма": "amount_kop", "ПлательщикСчет": "payer_account",
    "ПлательщикРасчСчет": "payer_account", "ПлательщикИНН": "payer_inn", "Плательщик": "payer_name", "Плательщик1": "payer_name",
    "ПолучательСчет": "receiver_account", "ПолучательРасчСчет": "receiver_account", "ПолучательИНН": "receiver_inn",
    "Получатель": "receiver_name", "Получатель1": "receiver_name", "ДатаСписано": "debited_on",
    "ДатаПоступило": "credited_on", "НазначениеПлатежа": "purpose",
}  # fmt: skip
_OF_STATEMENTS: Final = {
    "РасчСчет": "account", "ДатаНачала": "first", "ДатаКонца": "last", "НачальныйОстаток": "opening_kop",
    "ВсегоПоступило": "in_kop", "ВсегоСписано": "out_kop", "КонечныйОстаток": "closing_kop",
}  # fmt: skip
_NEEDED: Final = ("number", "date", "amount_kop", "payer_account", "receiver_account")
_DAY: Final = re.compile(r"(\d\d)\.(\d\d)\.(\d{4})", re.ASCII)
_AMOUNT: Final = re.compile(r"-?\d{1,15}([.,-]\d{1,2})?", re.ASCII)
_ACCOUNT: Final = re.compile(r"\d{20}", re.ASCII)


@dataclass(frozen=True)
class BankFile:
    """What was read.

    lines       payments (LINES), in the order of the file
    statements  accounts with their balances (STATEMENTS)
    findings    PB.5, PB.9, PB.10; a file with any is not to be used
    digest      SHA-256 of the bytes that were read
    """

    lines: pl.DataFrame
    statements: pl.DataFrame
    findings: pl.DataFrame
    digest: str

    @property
    def usable(self) -> bool:
        """Whether everything in the file could be read and adds up."""
        return self.findings.is_empty()


@dataclass
class _Work:
    """A file at work: sections that are open, rows, what is wrong."""

    name: str
    lines: list[dict[str, object]] = field(default_factory=list)
    statements: list[dict[str, object]] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)
    digest: str = ""
    row: dict[str, object] | None = None
    keys: Mapping[str, str] = field(default_factory=dict)

    def wrong(self, rule: str, line: int, element: str, value: str = "", **params: object) -> None:
        """Notes what is wrong at a line."""
        said = {"element": element, "line": line, **params}
        self.problems.append(Finding(rule, file=self.name, line=line, element=element, value=value, params=said))


def read_1c(source: Path | bytes, name: str | None = None) -> BankFile:
    """Reads an exchange text.

    Findings: PB.9 the file is no exchange text, is cut off, or a section is not closed; PB.10 a value that is none or is missing;
    PB.5 an account whose opening balance, income and expense do not make its closing balance.
    """
    work = _Work(name or (source.name if isinstance(source, Path) else ""))
    text = _text(work, source)
    if text is not None:
        _walk(work, text.splitlines())
        _adds_up(work)
    return BankFile(
        pl.DataFrame(work.lines, schema=LINES), pl.DataFrame(work.statements, schema=STATEMENTS),
        findings.frame(work.problems[:_MOST_SAID]), work.digest,
    )  # fmt: skip


def _text(work: _Work, source: Path | bytes) -> str | None:
    """The text by the encoding that it names; None where there is none."""
    try:
        if isinstance(source, Path) and source.stat().st_size > MOST_BYTES:
            work.wrong("PB.9", 1, FIRST_LINE)
            return None
        data = source.read_bytes() if isinstance(source, Path) else source
    except OSError as error:
        work.wrong("PB.9", 1, FIRST_LINE, error.strerror or "")
        return None
    work.digest = hashlib.sha256(data).hexdigest()
    head = data[:400].decode("cp1251", errors="replace").splitlines()
    if not head or head[0].lstrip("\ufeffп»ї").strip() != FIRST_LINE:
        work.wrong("PB.9", 1, FIRST_LINE)
        return None
    if data.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8-sig"
    else:
        said = next((key.partition("=")[2].strip().lower() for key in _heads(data) if key.startswith("Кодировка=")), "windows")
        encoding = _ENCODINGS.get(said, "cp1251")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        work.wrong("PB.9", data[: error.start].count(b"\n") + 1, "Кодировка", encoding)
        return None


def _heads(data: bytes) -> Iterator[str]:
    """The first lines in each encoding: the name of the encoding itself is written in it."""
    for encoding in _ENCODINGS.values():
        yield from data[:2000].decode(encoding, errors="replace").splitlines()


def _walk(work: _Work, texts: Sequence[str]) -> None:
    """Lines one after another."""
    opened, ended = (0, ""), False
    for number, raw in enumerate(texts, 1):
        key, _, value = raw.partition("=")
        key, value = key.strip(), value.strip()
        if key in ("СекцияДокумент", "СекцияРасчСчет"):
            if work.row is not None:
                work.wrong("PB.9", number, opened[1])
            opened = (number, key)
            work.keys = _OF_LINES if key == "СекцияДокумент" else _OF_STATEMENTS
            work.row = {"line": number}
        elif key in ("КонецДокумента", "КонецРасчСчет"):
            if work.row is None or (key == "КонецДокумента") != (opened[1] == "СекцияДокумент"):
                work.wrong("PB.9", number, key)
            else:
                _close(work, opened[1])
            work.row = None
        elif key == LAST_LINE:
            ended = True
            break
        elif work.row is not None and key in work.keys:
            _value(work, number, key, value)
    if work.row is not None or not ended:
        work.wrong("PB.9", len(texts), opened[1] if work.row is not None else LAST_LINE)


def _value(work: _Work, number: int, key: str, value: str) -> None:
    """One value of the open section; a key that stands twice keeps what it said first (Плательщик before Плательщик1)."""
    assert work.row is not None
    column = work.keys[key]
    if not value or column in work.row:
        return
    schema = {**LINES, **STATEMENTS}
    made: object = value
    if schema[column] == _D:
        made = _day(value)
    elif schema[column] == _I:
        made = _kopecks(value)
    elif column.endswith("account") and _ACCOUNT.fullmatch(value) is None:
        made = None
    if made is None:
        work.wrong("PB.10", number, key, value)
    else:
        work.row[column] = made


def _day(text: str) -> date | None:
    found = _DAY.fullmatch(text)
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None


def _kopecks(text: str) -> int | None:
    """Roubles with a point; banks also write a comma or the hyphen of old orders. A minus is read: PB.10 is for the document."""
    if _AMOUNT.fullmatch(text) is None:
        return None
    sign, figures = (-1, text[1:]) if text.startswith("-") else (1, text)
    return sign * parse_amount(figures.replace(",", ".").replace("-", "."))


def _close(work: _Work, section: str) -> None:
    """Takes a section; a payment needs its number, day, amount above zero and both accounts."""
    row = work.row
    assert row is not None
    line = int(str(row["line"]))
    if section == "СекцияРасчСчет":
        work.statements.append(row)
        return
    names = {column: key for key, column in reversed(_OF_LINES.items())}
    lacking = [names[column] for column in _NEEDED if column not in row]
    said = {finding.line for finding in work.problems}
    if lacking and not any(one is not None and one > line for one in said):
        work.wrong("PB.10", line, ", ".join(lacking))
    elif not lacking and int(str(row["amount_kop"])) <= 0:
        work.wrong("PB.10", line, "Сумма", format_amount(int(str(row["amount_kop"]))))
    else:
        work.lines.append(row)


def _adds_up(work: _Work) -> None:
    """PB.5 where balances and turnover of an account contradict each other."""
    for row in work.statements:
        figures = [row.get(name) for name in ("opening_kop", "in_kop", "out_kop", "closing_kop")]
        opening, came, went, closing = (None if one is None else int(str(one)) for one in figures)
        if opening is None or closing is None:
            continue  # a file of orders states no balances
        expected = opening + (came or 0) - (went or 0)
        if expected != closing:
            said = {"expected": format_amount(expected), "found": format_amount(closing), "account": row.get("account") or ""}
            work.wrong("PB.5", int(str(row["line"])), "КонечныйОстаток", format_amount(closing), **said)


# ---- writing ---------------------------------------------------------------------------------------------------------------

#: Columns of a party's bank details (contract: reg_bank) -> key of an order, after Плательщик or Получатель.
_DETAILS: Final = {
    "account": "Счет", "inn": "ИНН", "kpp": "КПП", "name": "1", "bank_account": "РасчСчет", "bank": "Банк1", "bik": "БИК",
    "corr_account": "Корсчет",
}  # fmt: skip


@dataclass(frozen=True)
class Order:
    """A payment order as the bank gets it; payer and receiver: details by the columns of `reg_bank`."""

    number: int
    day: date
    amount_kop: int
    payer: Mapping[str, str]
    receiver: Mapping[str, str]
    purpose: str


def write_1c(orders: Sequence[Order], created: date, account: str) -> bytes:
    """An exchange text of payment orders in windows-1251, lines ending as banks expect. Equal orders give equal bytes.

    account  own account that the orders draw on

    Raises ValueError for an order that is not above zero, or a value that would break a line.
    """
    first = min((order.day for order in orders), default=created)
    last = max((order.day for order in orders), default=created)
    lines = [
        FIRST_LINE, f"ВерсияФормата={_VERSION}", "Кодировка=Windows", "Отправитель=omsclaims", "Получатель=",
        f"ДатаСоздания={_said(created)}", f"ДатаНачала={_said(first)}", f"ДатаКонца={_said(last)}", f"РасчСчет={account}",
        "Документ=Платежное поручение",
    ]  # fmt: skip
    for order in orders:
        if order.amount_kop <= 0:
            raise ValueError(f"an order of {order.amount_kop} kopecks")
        lines += [
            "СекцияДокумент=Платежное поручение", f"Номер={order.number}", f"Дата={_said(order.day)}",
            f"Сумма={format_amount(order.amount_kop)}", *_party("Плательщик", order.payer),
            *_party("Получатель", order.receiver), "ВидОплаты=01", "Очередность=5",
            f"НазначениеПлатежа={_one_line(order.purpose)[:PURPOSE]}", "КонецДокумента",
        ]  # fmt: skip
    return ("\r\n".join([*lines, LAST_LINE]) + "\r\n").encode("cp1251", errors="replace")


def _party(role: str, details: Mapping[str, str]) -> list[str]:
    known = {**details, "bank_account": details.get("account", "")}
    return [f"{role}{key}={_one_line(known[column])}" for column, key in _DETAILS.items() if known.get(column)]


def _one_line(text: str) -> str:
    """A value that cannot end its line or open a section."""
    if any(ord(sign) < 32 for sign in text):
        raise ValueError(f"a value with a line break: {text!r}")
    return text


def _said(day: date) -> str:
    return day.strftime("%d.%m.%Y")
