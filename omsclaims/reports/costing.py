"""What does a calculation of tariffs look like on paper? Tables of points 165-166, shares, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from omsclaims import messages
from omsclaims.law import Parameters, mark
from omsclaims.money import show_amount
from omsclaims.reports.sheets import Sheet, Workbook, show_date
from omsclaims.tariffs.costing import PARTS, Costing, Inputs

#: Kopecks that the number in a cell holds exactly (see sheets).
_LARGEST_CELL: Final = 2**53
#: Columns of money of the table, in the order of print.
MONEY: Final = (*PARTS[:3], "direct", "indirect", "cost")


def word(group: str, code: str, lang: str) -> str:
    """A code of ours in words; what is no code of ours stays as it is."""
    key = f"reports.costing.{group}.{code}"
    return messages.text(key, lang) if messages.has(key) else code


def scaled(value: int | None, decimals: int, lang: str) -> str:
    """A scaled integer as people write it, without needless noughts."""
    if value is None:
        return ""
    whole, rest = divmod(value, 10**decimals)
    text = f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if lang == "ru" else text


def workbook(inputs: Inputs, made: Costing, law: Parameters, lang: str) -> bytes:
    """The calculation as a workbook: five sheets, each beginning with whose costs and which day."""
    title = messages.text("reports.costing.title", lang, day=show_date(inputs.on, lang))
    book = Workbook(lang, title)
    for name, widths, fill in (
        ("table", (12, 34, 20, 12, *(15,) * len(MONEY)), _table),
        ("treated", (18, 22, 30, 12, 12, 14, 15, 15), _treated),
        ("spread", (34, 20, 26, 16, 12, 18), _spread),
        ("left_out", (24, 34, 20, 12, 16), _left_out),
    ):
        sheet = book.sheet(messages.text(f"reports.costing.sheet.{name}", lang), widths, landscape=True)
        said = {"territory": inputs.territory, "clinic": inputs.clinic, "reference": inputs.reference}
        sheet.heading(title, messages.text("reports.costing.subtitle", lang, **said))
        fill(sheet, made, lang)
    sheet = book.sheet(messages.text("reports.costing.sheet.basis", lang), (110,))
    sheet.heading(title)
    for used in made.used:
        sheet.line(messages.text("reports.costing.parameter", lang, name=used.name, since=used.since, reference=used.reference))
    for line in unconfirmed(made, law, lang):
        sheet.line(line, bold=True)
    return book.bytes()


def unconfirmed(made: Costing, law: Parameters, lang: str) -> list[str]:
    """A sentence for each unconfirmed parameter that was used."""
    return [mark(used, lang, law) for used in law.unconfirmed(made.sources)]


def _heads(sheet: Sheet, names: tuple[str, ...], lang: str) -> None:
    sheet.header([messages.text(f"reports.costing.col.{name}", lang) for name in names], repeat=True)


def _table(sheet: Sheet, made: Costing, lang: str) -> None:
    _heads(sheet, ("unit", "name", "kind", "volume", *MONEY), lang)
    for row in made.table.iter_rows(named=True):
        texts = (row["unit"], row["name"], word("kind", row["kind"], lang), scaled(row["volume4"], 4, lang))
        money: list[tuple[str, Any]] = [("money", row[f"{name}_kop"]) for name in MONEY]
        if row["cost_kop"] is None:
            money[-1] = ("text", messages.text("reports.costing.none", lang))
        sheet.cells([*(("text", text) for text in texts), *money])


def _treated(sheet: Sheet, made: Costing, lang: str) -> None:
    _heads(sheet, ("patient", "part", "item", "quantity", "frequency", "price", "amount", "tariff"), lang)
    for row in made.treated.iter_rows(named=True):
        sheet.cells(treated_cells(row, lang))


def treated_cells(row: Mapping[str, Any], lang: str) -> list[tuple[str, Any]]:
    """Cells of a line of a treated patient: kind and value."""
    numbers = (scaled(row["quantity4"], 4, lang), scaled(row["frequency4"], 4, lang), scaled(row["price4"], 4, lang))
    texts = (row["patient"], word("part", row["part"], lang), row["item"], *numbers)
    tariff = ("text", messages.text("reports.costing.none", lang)) if row["tariff_kop"] is None else ("money", row["tariff_kop"])
    return [*(("text", text) for text in texts), ("money", row["amount_kop"]), tariff]


def _spread(sheet: Sheet, made: Costing, lang: str) -> None:
    _heads(sheet, ("item", "kind", "base", "amount", "unit", "share"), lang)
    for row in made.spread.iter_rows(named=True):
        sheet.cells([
            ("text", row["item"]), ("text", word("cost", row["kind"], lang)), ("text", word("base", row["base"], lang)),
            ("money", row["amount_kop"]), ("text", row["unit"]), ("money", row["part_kop"]),
        ])  # fmt: skip


def _left_out(sheet: Sheet, made: Costing, lang: str) -> None:
    _heads(sheet, ("file", "item", "kind", "rule", "amount"), lang)
    for row in made.left_out.iter_rows(named=True):
        place = f"{row['file']}:{row['line']}"
        texts = (place, row["item"], word("cost", row["kind"], lang), row["rule"])
        sheet.cells([*(("text", text) for text in texts), ("money", row["amount_kop"])])
    total = messages.text("reports.costing.total", lang)
    amount = int(made.left_out["amount_kop"].sum())
    shown = ("money", amount) if amount < _LARGEST_CELL else ("text", show_amount(amount, lang))
    sheet.cells([("text", total), *(("text", "") for _ in range(3)), shown], bold=True)
