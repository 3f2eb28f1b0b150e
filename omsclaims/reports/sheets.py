"""How does a table become a sheet that people print? One place for XLSX: styles, widths, money, fixed dates (Rules 121, 132).

Every text is written as text: a value that looks like a formula, a link or a number stays what it is. Kopecks are shown as
roubles with two decimals; up to 2^53 kopecks the number in the cell is exactly the amount.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
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
    """A workbook in memory. `bytes()` closes it and gives its contents.

    `long`: rows go to a file as soon as the next one begins, so that a list may have any length; sheets are filled from the top.
    """

    def __init__(self, lang: str, title: str, *, long: bool = False) -> None:
        self.lang = lang
        self._stream = io.BytesIO()
        options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        options["constant_memory" if long else "in_memory"] = True
        self.book = xlsxwriter.Workbook(self._stream, options)
        self.book.set_properties({"title": clean(title), "author": "omsclaims", "created": _CREATED})
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def style(self, **properties: Any) -> Any:
        """A cell style; equal properties share one."""
        wanted = {"font_name": "Arial", "font_size": 10, "valign": "vcenter", **properties}
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
        """A text in the current row; nothing where it is empty."""
        text, cell = clean(value), self.book.style(**style)
        if text:
            self.sheet.write_string(self.row, column, text, cell)
        else:
            self.sheet.write_blank(self.row, column, None, cell)

    def money(self, column: int, kopecks: int | None, **style: Any) -> None:
        """Kopecks as roubles, right-aligned; empty where there is no amount."""
        wanted = self.book.style(**{"num_format": MONEY_FORMAT, "align": "right", "indent": 1, **style})
        if kopecks is None:
            self.sheet.write_blank(self.row, column, None, wanted)
        else:
            assert abs(kopecks) < 2**53, "an amount that a cell cannot hold exactly"
            self.sheet.write_number(self.row, column, kopecks / KOPECKS_PER_ROUBLE, wanted)

    def count(self, column: int, number: int | None, **style: Any) -> None:
        """A whole number, right-aligned."""
        wanted = self.book.style(**{"num_format": COUNT_FORMAT, "align": "right", "indent": 1, **style})
        if number is None:
            self.sheet.write_blank(self.row, column, None, wanted)
        else:
            self.sheet.write_number(self.row, column, number, wanted)

    def plain(self, column: int, number: int | None, **style: Any) -> None:
        """A number that is a name (N_ZAP, IDCASE): no groups, centred."""
        self.count(column, number, **{"num_format": "0", "align": "center", "indent": 0, **style})

    def line(self, value: object, **style: Any) -> None:
        """A text over all columns, then the next row."""
        self.span(0, len(self.widths) - 1, value, text_wrap=True, **style)
        self.row += 1

    def span(self, first: int, last: int, value: object, **style: Any) -> None:
        """A text over several columns of the current row, which grows with it: merged cells do not grow by themselves."""
        cell = self.book.style(**style)
        if last > first:
            self.sheet.merge_range(self.row, first, self.row, last, "", cell)
        self.sheet.write_string(self.row, first, clean(value), cell)
        self._grow(_lines(value, sum(self.widths[first : last + 1]), style), style)

    def heading(self, title: object, subtitle: object | None = None) -> None:
        """Title and subtitle of the sheet."""
        self.line(title, bold=True, font_size=14, align="center")
        if subtitle is not None:
            self.line(subtitle, align="center", font_color="#44515E")
        self.row += 1

    def gap(self, rows: int = 1) -> None:
        """Empty rows."""
        self.row += rows

    def header(self, titles: Sequence[str], repeat: bool = False) -> None:
        """The heads of a table; `repeat` prints them on every page and keeps them in sight."""
        style = self.head_style()
        for column, title in enumerate(titles):
            self.text(column, title, **style)
        self._grow(max(_lines(title, width, style) for title, width in zip(titles, self.widths, strict=False)), style)
        if repeat:
            self.sheet.repeat_rows(self.row)
            self.sheet.freeze_panes(self.row + 1, 0)
        self.row += 1

    def head_style(self) -> dict[str, Any]:
        """The style of the heads of a table."""
        return {"bold": True, "text_wrap": True, "align": "center", "bg_color": _GREY, **self.boxed()}

    @staticmethod
    def boxed() -> dict[str, Any]:
        """The frame of cells of a table."""
        return {"border": 1, "border_color": _LINE}

    def cells(self, values: Sequence[tuple[str, Any]], **style: Any) -> None:
        """A row of a table: pairs of kind (text, figure, money, count, plain) and value; as high as its longest text."""
        writers: dict[str, Callable[..., None]] = {
            "text": self._boxed_text,
            "money": self.money,
            "count": self.count,
            "plain": self.plain,
            "figure": self._boxed_figure,
        }
        for column, (kind, value) in enumerate(values):
            writers[kind](column, value, **self.boxed(), **style)
        self._grow(
            max(
                _lines(value, width, style) if kind == "text" else 1
                for (kind, value), width in zip(values, self.widths, strict=False)
            ),
            style,
        )
        self.row += 1

    def _boxed_text(self, column: int, value: object, **style: Any) -> None:
        self.text(column, value, **{"text_wrap": True, "align": "left", "indent": 1, **style})

    def _boxed_figure(self, column: int, value: object, **style: Any) -> None:
        """A number that is a text, because a cell could not hold it exactly."""
        self.text(column, value, **{"align": "right", "indent": 1, **style})

    def _grow(self, lines: int, style: Mapping[str, Any]) -> None:
        """The height of the current row for a number of lines."""
        self.sheet.set_row(self.row, lines * (style.get("font_size", 10) * 1.32) + 3)

    def signatures(self, *parties: tuple[str, str]) -> None:
        """One block for each party: for whom, then lines for office, signature, name and date."""
        for side, name in parties:
            self.gap()
            self.line(f"{side}: {name}", bold=True)
            self.span_at_height(messages.text("reports.sign", self.book.lang), 30)

    def note(self, *lines: str) -> None:
        """Small print at the end of a paper; nothing where there is none."""
        said = [line for line in lines if line]
        if said:
            self.gap()
        for line in said:
            self.line(line, font_size=8, font_color="#5B6875")

    def span_at_height(self, value: object, height: float) -> None:
        """A text over all columns at the bottom of a row of a given height, then the next row."""
        self.span(0, len(self.widths) - 1, value, valign="bottom")
        self.sheet.set_row(self.row, height)
        self.row += 1


def _lines(value: object, width: float, style: Mapping[str, Any]) -> int:
    """How many lines a text takes in a column: a letter of Arial 10 is a little narrower than the unit of column widths."""
    size = style.get("font_size", 10) / 10 * (0.98 if style.get("bold") else 0.9)
    room = max(width - 2.5, 4)
    words = clean(value).split(" ")
    lines, used = 1, 0.0
    for word in words:
        length = len(word) * size
        if used and used + size + length > room:
            lines, used = lines + 1, 0.0
        while length > room:
            lines, length = lines + 1, length - room
        used += length + (size if used else 0)
    return lines
