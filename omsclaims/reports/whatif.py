"""What does a change of tariffs come to? The difference by clinic, kind, profile, group, sex and age as a page and a workbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from markupsafe import Markup, escape

from omsclaims.reports import charts
from omsclaims.reports.acts import party
from omsclaims.reports.plans import KINDS
from omsclaims.reports.sheets import Sheet, Workbook
from omsclaims.reports.templates import number, render, roubles, t
from omsclaims.tariffs import whatif

MORE: Final = "#2f6f9f"
LESS: Final = "#d9795f"
#: Bars of a dimension on the page; the tables have all.
_SHOWN: Final = 12
_FONT: Final = 'font-family="Segoe UI, Helvetica Neue, Arial, Liberation Sans, DejaVu Sans, sans-serif"'


@dataclass(frozen=True)
class Report:
    """What is shown.

    difference  whatif.DIFFERENCE; by_month its `total` rows with `month`
    changes     what was changed, a line each, in words
    clinics     names of clinics by code
    unconfirmed lines about parameters used that are not confirmed
    """

    title: str
    difference: pl.DataFrame
    by_month: pl.DataFrame
    changes: Sequence[str]
    clinics: Mapping[str, str]
    territory: str
    reference: str
    repriced: int
    rows: int
    unconfirmed: Sequence[str] = ()


def label(by: str, key: str, made: Report, lang: str) -> str:
    """A key in words: names of clinics and kinds of payment."""
    if by == "mo":
        return party(key, made.clinics)
    if by == "payment_kind":
        return t(f"kind.{key}", lang) if key in KINDS else t("whatif.no_kind", lang)
    return key


def percent(row: Mapping[str, Any], lang: str) -> str:
    """The change in per cent of what it was, two decimals, half up."""
    before, change = int(row["before_kop"]), int(row["difference_kop"])
    if before <= 0:
        return "–"
    size = (2 * abs(change) * 10_000 + before) // (2 * before)
    text = f"{size // 100}.{size % 100:02d}"
    sign = "" if not change else "+" if change > 0 else "−"
    return sign + (text.replace(".", ",") if lang == "ru" else text) + "\u00a0%"


def cases(row: Mapping[str, Any], lang: str) -> str:
    """Cases of a key; where another grouper moved some, before and after."""
    before, after = int(row["cases"]), int(row["cases_after"])
    return number(before, lang) if before == after else f"{number(before, lang)} → {number(after, lang)}"


def _row(row: Mapping[str, Any], made: Report, lang: str) -> dict[str, str]:
    unpriced = int(row["unpriced_after"])
    return {
        "label": label(str(row["by"]), str(row["key"]), made, lang), "cases": cases(row, lang),
        "before": roubles(row["before_kop"], lang), "after": roubles(row["after_kop"], lang),
        "difference": roubles(row["difference_kop"], lang), "percent": percent(row, lang),
        "unpriced": number(unpriced, lang) if unpriced else "–",
    }  # fmt: skip


def total(made: Report) -> dict[str, Any]:
    """The row of the whole."""
    return made.difference.filter(pl.col("by") == "total").row(0, named=True)


def page(made: Report, lang: str) -> str:
    """The page: what was changed, the sum, the largest changes as bars, all figures as tables."""
    parts = []
    for by in whatif.BY:
        rows = made.difference.filter(pl.col("by") == by).to_dicts()
        drawn = whatif.largest(made.difference, by, _SHOWN)
        parts.append(
            {
                "title": t(f"whatif.by.{by}", lang),
                "rows": [_row(row, made, lang) for row in rows],
                "chart": bars(drawn, made, lang),
            }
        )
    months = [{**_row({**row, "key": row["month"]}, made, lang), "label": row["month"]} for row in made.by_month.to_dicts()]
    return render(
        "whatif.html.j2", lang, title=made.title, lead=_lead(made, lang), changes=list(made.changes), parts=parts, months=months,
        total=_row(total(made), made, lang), unconfirmed=list(made.unconfirmed), reference=made.reference,
    )  # fmt: skip


def _lead(made: Report, lang: str) -> str:
    whole = total(made)
    return t(
        "whatif.lead", lang, territory=made.territory, rows=number(made.rows, lang), repriced=number(made.repriced, lang),
        before=roubles(whole["before_kop"], lang), after=roubles(whole["after_kop"], lang),
        difference=roubles(whole["difference_kop"], lang), percent=percent(whole, lang),
        unpriced=number(whole["unpriced_after"], lang),
    )  # fmt: skip


def bars(rows: Sequence[Mapping[str, Any]], made: Report, lang: str) -> Markup:
    """The largest changes: to the right what costs more, to the left what costs less."""
    if not rows:
        return Markup("")
    width, labels, amounts, step, top = 1100, 300, 210, 26, 8
    room = width - labels - amounts
    up = max((int(row["difference_kop"]) for row in rows), default=0)
    down = max((-int(row["difference_kop"]) for row in rows), default=0)
    up, down = max(up, 0), max(down, 0)
    whole = up + down or 1
    zero = labels + room * down // whole
    height = top + step * len(rows) + 6
    title = escape(t("whatif.chart", lang))
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}" {_FONT} font-size="13">']
    parts.append(f'<path d="M{zero} {top - 4}V{height - 2}" stroke="{charts.SOFT}"/>')
    for place, row in enumerate(rows):
        y, change = top + step * place, int(row["difference_kop"])
        length = room * abs(change) // whole
        name = label(str(row["by"]), str(row["key"]), made, lang)
        shown = name if len(name) <= 40 else name[:39].rstrip() + "…"
        start = zero if change > 0 else zero - length
        said = f"{roubles(change, lang)} ({percent(row, lang)})"
        parts.append(
            f'<text x="{labels - 10}" y="{y + 15}" text-anchor="end" fill="{charts.INK}">{escape(shown)}</text>'
            f'<rect x="{start}" y="{y + 3}" width="{max(length, 1)}" height="16" fill="{MORE if change > 0 else LESS}"/>'
            f'<text x="{max(zero, start + length) + 8}" y="{y + 15}" fill="{charts.INK}">{escape(said)}</text>'
        )
    return Markup("".join(parts) + "</svg>")  # noqa: S704 - every text above is escaped


def workbook(made: Report, lang: str) -> bytes:
    """The workbook: the whole and what was changed, then a sheet for each dimension; that of the clinics has a chart."""
    book = Workbook(lang, made.title)
    sheet = book.sheet(t("whatif.sheet.total", lang), [44, 12, 19, 19, 19, 12, 13], landscape=True)
    sheet.heading(made.title, _lead(made, lang))
    for line in made.changes:
        sheet.line(line)
    for line in made.unconfirmed:
        sheet.line(line, font_color="#A33B20")
    sheet.gap()
    _header(sheet, "month", lang)
    for row in made.by_month.to_dicts():
        _cells(sheet, row, str(row["month"]), lang)
    _cells(sheet, total(made), t("whatif.total", lang), lang, bold=True)
    for by in whatif.BY:
        _sheet(book, made, by, lang)
    return book.bytes()


def _header(sheet: Sheet, by: str, lang: str) -> None:
    names = ("cases", "before", "after", "difference", "percent", "unpriced", *(("cases_after",) if by == "group" else ()))
    sheet.header([t(f"whatif.by.{by}", lang), *(t(f"whatif.col.{name}", lang) for name in names)], repeat=True)


def _cells(sheet: Sheet, row: Mapping[str, Any], name: str, lang: str, **style: Any) -> None:
    sheet.cells(
        [
            ("text", name), ("count", row["cases"]), ("money", row["before_kop"]), ("money", row["after_kop"]),
            ("money", row["difference_kop"]), ("figure", percent(row, lang)), ("count", row["unpriced_after"] or None),
            *([("count", row["cases_after"])] if row["by"] == "group" else []),
        ],
        **style,
    )  # fmt: skip


def _sheet(book: Workbook, made: Report, by: str, lang: str) -> None:
    name = t(f"whatif.by.{by}", lang)
    widths = [44, 12, 19, 19, 19, 12, 13, *([13] if by == "group" else [])]
    sheet = book.sheet(name, widths, landscape=True)
    sheet.heading(name, made.title)
    _header(sheet, by, lang)
    first = sheet.row
    rows = made.difference.filter(pl.col("by") == by).sort(pl.col("difference_kop").abs(), "key", descending=[True, False])
    for row in rows.to_dicts():
        _cells(sheet, row, label(by, str(row["key"]), made, lang), lang)
    if by != "mo" or not rows.height:
        return
    last = first + min(rows.height, _SHOWN) - 1
    drawn = book.book.add_chart({"type": "bar"})
    drawn.add_series(
        {
            "name": t("whatif.col.difference", lang), "categories": [name, first, 0, last, 0],
            "values": [name, first, 4, last, 4], "fill": {"color": MORE},
            "invert_if_negative": True, "invert_if_negative_color": LESS,
        }
    )  # fmt: skip
    drawn.set_y_axis({"reverse": True})
    drawn.set_x_axis({"num_format": "#,##0", "major_gridlines": {"visible": True, "line": {"color": "#E3E8ED"}}})
    drawn.set_legend({"none": True})
    drawn.set_size({"width": 900, "height": 380})
    drawn.set_title({"name": t("whatif.chart", lang), "name_font": {"size": 12}})
    sheet.sheet.insert_chart(sheet.row + 1, 0, drawn)
