"""How does a table become a sheet that people print? One place for XLSX: styles, widths, money, fixed dates (Rules 121, 132, 141).

Every text is written as text: a value that looks like a formula, a link or a number stays what it is. Kopecks are shown as roubles
with two decimals; up to 2^53 kopecks the number in the cell is exactly the amount.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import xlsxwriter

from omsclaims import messages
from omsclaims.money import KOPECKS_PER_ROUBLE

#: Dates inside the file are fixed, so that equal contents are equal bytes.
_CREATED: Final = datetime(2011, 1, 1)  # noqa: DTZ001 - a constant, no clock
#: The viewer puts in its own separators: 1 234 567,89 or 1,234,567.89.
MONEY_FORMAT: Final = "#,##0.00"
COUNT_FORMAT: Final = "#,##0"
_LONGEST: Final = 32_000
_FORBIDDEN: Final = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ud800-\\udfff\\ufffe\\uffff]")
_GREY: Final = "#F1F4F7"
_LINE: Final = "#9AA7B2"


def clean(value: object) -> str:
    """A value as text that XML can hold, not longer than a cell."""
    text = "" if value is None else value.isoformat() if isinstance(value, date) else str(value)
    return _FORBIDDEN.sub("\ufffd", text)[:_LONGEST]


def month_name(year: int, month: int, lang: str) -> str:
    """`март 2022` / `March 2022`."""
    return f"{messages.text('reports.months', lang).split()[month - 1]} {year}"


def show_date(day: date | None, lang: str) -> str:
    """`31.03.2022` in Russian, `2022-03-31` in English; a blank line where there is no date."""
    if day is None:
        return "____________"
    return f"{day:%d.%m.%Y}" if lang == "ru" else day.isoformat()


class Workbook:
    """A workbook in memory. `bytes()` closes it and gives its contents."""

    def __init__(self, lang: str, title: str) -> None:
        self.lang = lang
        self._stream = io.BytesIO()
        options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self.book = xlsxwriter.Workbook(self._stream, options)
        self.book.set_properties({"title": clean(title), "author": "omsclaims", "created": _CREATED})
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def style(self, **properties: Any) -> Any:
        """A cell style; equal properties share one."""
        wanted = {"font_name": "Calibri", "font_size": 11, "valign": "top", **properties}
        key = tuple(sorted(wanted.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format(wanted)
        return self._formats[key]

    def sheet(self, name: str, widths: Sequence[float], landscape: bool = False) -> Sheet:
        """A new sheet with column widths in characters, A4, one page wide."""
        return Sheet(self, name, widths, landscape)

    def bytes(self) -> bytes:
        """The finished file."""
        self.book.close()
        return self._stream.getvalue()


class Sheet:
    """A sheet that is filled from the top: `row` is the next free row."""

    def __init__(self, book: Workbook, name: str, widths: Sequence[float], landscape: bool) -> None:
        self.book, self.row, self.widths = book, 0, list(widths)
        self.sheet = book.book.add_worksheet(clean(name)[:31])
        for column, width in enumerate(widths):
            self.sheet.set_column(column, column, width)
        if landscape:
            self.sheet.set_landscape()
        self.sheet.set_paper(9)
        self.sheet.set_margins(left=0.6, right=0.5, top=0.6, bottom=0.6)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.hide_gridlines(2)
        self.sheet.set_footer("&R&P / &N")

    def text(self, column: int, value: object, **style: Any) -> None:
        """A text in the current row."""
        self.sheet.write_string(self.row, column, clean(value), self.book.style(**style))

    def money(self, column: int, kopecks: int | None, **style: Any) -> None:
        """Kopecks as roubles, right-aligned; empty where there is no amount."""
        wanted = self.book.style(**{"num_format": MONEY_FORMAT, "align": "right", **style})
        if kopecks is None:
            self.sheet.write_blank(self.row, column, None, wanted)
        else:
            assert abs(kopecks) < 2**53, "an amount that a cell cannot hold exactly"
            self.sheet.write_number(self.row, column, kopecks / KOPECKS_PER_ROUBLE, wanted)

    def count(self, column: int, number: int | None, **style: Any) -> None:
        """A whole number, right-aligned."""
        wanted = self.book.style(**{"num_format": COUNT_FORMAT, "align": "right", **style})
        if number is None:
            self.sheet.write_blank(self.row, column, None, wanted)
        else:
            self.sheet.write_number(self.row, column, number, wanted)

    def line(self, value: object, height: float | None = None, **style: Any) -> None:
        """A text over all columns, then the next row."""
        cell = self.book.style(text_wrap=True, **style)
        if len(self.widths) > 1:
            self.sheet.merge_range(self.row, 0, self.row, len(self.widths) - 1, "", cell)
        self.sheet.write_string(self.row, 0, clean(value), cell)
        if height is not None:
            self.sheet.set_row(self.row, height)
        self.row += 1

    def heading(self, title: object, subtitle: object | None = None) -> None:
        """Title and subtitle of the sheet. Long ones get a second line of height: merged cells do not grow by themselves."""
        room = sum(self.widths) * 0.8
        self.line(title, 21 * (1 + int(len(str(title)) // room)), bold=True, font_size=14, align="center")
        if subtitle is not None:
            self.line(subtitle, 16 * (1 + int(len(str(subtitle)) // (room * 1.2))), align="center", font_color="#44515E")
        self.row += 1

    def gap(self, rows: int = 1) -> None:
        """Empty rows."""
        self.row += rows

    def header(self, titles: Sequence[str], repeat: bool = False) -> None:
        """The heads of a table; `repeat` prints them on every page and keeps them in sight."""
        lines = max(1 + int(len(title) * 1.15 // max(width, 1)) for title, width in zip(titles, self.widths, strict=False))
        self.sheet.set_row(self.row, 15.5 * lines + 3)
        for column, title in enumerate(titles):
            self.text(column, title, bold=True, text_wrap=True, align="center", valign="vcenter", **self.boxed(), bg_color=_GREY)
        if repeat:
            self.sheet.repeat_rows(self.row)
            self.sheet.freeze_panes(self.row + 1, 0)
        self.row += 1

    @staticmethod
    def boxed() -> dict[str, Any]:
        """The frame of cells of a table."""
        return {"border": 1, "border_color": _LINE}

    def cells(self, values: Sequence[tuple[str, Any]], **style: Any) -> None:
        """A row of a table: pairs of kind (text, money, count) and value."""
        for column, (kind, value) in enumerate(values):
            {"text": self._boxed_text, "money": self.money, "count": self.count}[kind](column, value, **self.boxed(), **style)
        self.row += 1

    def _boxed_text(self, column: int, value: object, **style: Any) -> None:
        self.text(column, value, text_wrap=True, **style)

    def signatures(self, left: tuple[str, str], right: tuple[str, str]) -> None:
        """Two parties side by side: who, name of the party, lines for office, signature, name and date; `left` takes half."""
        lang = self.book.lang
        middle = _middle(self.widths)
        last = len(self.widths) - 1
        self.gap()
        for part, style, height in ((0, {"bold": True}, 16), (1, {"text_wrap": True}, 32)):
            for first, end, party in ((0, middle, left), (middle + 1, last, right)):
                self._span(first, end, party[part], **style)
            self.sheet.set_row(self.row, height)
            self.row += 1
        for key in ("office", "signature", "day"):
            for first, end in ((0, middle), (middle + 1, last)):
                self._span(first, end, messages.text(f"reports.sign.{key}", lang))
            self.sheet.set_row(self.row, 26)
            self.row += 1

    def _span(self, first: int, last: int, value: object, **style: Any) -> None:
        """A text over several columns of the current row."""
        cell = self.book.style(**{"valign": "bottom", **style})
        if last > first:
            self.sheet.merge_range(self.row, first, self.row, last, "", cell)
        self.sheet.write_string(self.row, first, clean(value), cell)


def _middle(widths: Sequence[float]) -> int:
    """The column after which about half of the width is used, so that two parties fit side by side."""
    half, used = sum(widths) / 2, 0.0
    for column, width in enumerate(widths[:-1]):
        used += width
        if used >= half - 1:
            return column
    return max(0, len(widths) - 2)
