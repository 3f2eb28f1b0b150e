"""How does an accountant take the books out? Postings and balances as CSV and XLSX, amounts in roubles and kopecks.

Nothing of the data can become a formula: cells of the workbook are texts and numbers, and a text of a CSV that a table program
would take for a formula gets an apostrophe in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from omsclaims import messages
from omsclaims.money import format_amount
from omsclaims.reports.sheets import Workbook, show_date

#: Columns of the postings in both forms.
POSTINGS: Final = (
    "date", "document", "document_date", "rule", "debit", "credit", "amount", "month", "reference", "posting_id", "reverses",
    "known_on", "seq",
)  # fmt: skip
_WIDTHS: Final = (11, 30, 11, 34, 34, 34, 16, 9, 28, 34, 34, 11, 8)
#: What table programs take for the beginning of a formula.
_FORMULA: Final = "^[=+\\-@\t\r]"


def _amount(kopecks: pl.Expr) -> pl.Expr:
    return kopecks.map_elements(format_amount, return_dtype=pl.String)


def _harmless(table: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    texts = [name for name in columns if table.schema[name] == pl.String]
    return table.with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA)).then(pl.concat_str(pl.lit("'"), name)).otherwise(name).alias(name)
        for name in texts
    )


def postings_csv(journal: pl.DataFrame) -> bytes:
    """Postings (contract `journal`) as CSV, UTF-8, in the order given; `amount` in roubles with a point."""
    table = journal.with_columns(amount=_amount(pl.col("amount_kop"))).select(POSTINGS)
    return _harmless(table, [name for name in POSTINGS if name != "amount"]).write_csv().encode()


def balances_csv(balances: pl.DataFrame) -> bytes:
    """Balances (contract `balances`) as CSV: account and amount in roubles, debit positive."""
    table = balances.select("account", amount=_amount(pl.col("amount_kop")))
    return _harmless(table, ["account"]).write_csv().encode()


def workbook(journal: pl.DataFrame, balances: pl.DataFrame, about: str, lang: str, notes: Sequence[str] = ()) -> bytes:
    """Both as a workbook of two sheets. about: whose books and of which days; notes: what the figures stand on."""
    text = messages.text
    book = Workbook(lang, text("reports.ledger.title", lang))
    sheet = book.sheet(text("reports.ledger.balances", lang), (44, 20, 20), landscape=False)
    sheet.heading(text("reports.ledger.balances", lang), about)
    for note in notes:
        sheet.line(note, font_color="#8A5A00")
    sheet.header(
        [text(f"reports.ledger.col.{name}", lang) for name in ("account", "debit_balance", "credit_balance")], repeat=True
    )
    for account, amount in balances.select("account", "amount_kop").iter_rows():
        sides = (amount, None) if amount > 0 else (None, -amount)
        sheet.cells([("text", account), *(("money", side) for side in sides)])
    debit = int(balances.filter(pl.col("amount_kop") > 0)["amount_kop"].sum())
    credit = -int(balances.filter(pl.col("amount_kop") < 0)["amount_kop"].sum())
    sheet.cells([("text", text("reports.ledger.total", lang)), ("money", debit), ("money", credit)], bold=True)
    rows = book.sheet(text("reports.ledger.postings", lang), _WIDTHS, landscape=True)
    rows.heading(text("reports.ledger.postings", lang), about)
    rows.header([text(f"reports.ledger.col.{name}", lang) for name in POSTINGS], repeat=True)
    for row in journal.iter_rows(named=True):
        rule = f"posting.{row['rule']}"
        said = {
            **row, "rule": text(rule, lang) if messages.has(rule) else row["rule"],
            **{name: show_date(row[name], lang) for name in ("date", "document_date", "known_on")},
        }  # fmt: skip
        rows.cells(
            [
                ("money", row["amount_kop"]) if name == "amount" else ("plain" if name == "seq" else "text", said[name])
                for name in POSTINGS
            ]
        )
    return book.bytes()
