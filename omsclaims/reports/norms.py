"""What do the per-capita standards look like on paper? Annex of the order as a workbook, a page with a chart (Rules 152-154).

Nothing here computes but the weighted mean of a group over the municipalities, which is what the chart shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from markupsafe import Markup, escape

from omsclaims.money import round_fraction
from omsclaims.periods import Month
from omsclaims.reports import charts
from omsclaims.reports.sheets import Sheet, Workbook, month_name, show_date
from omsclaims.reports.templates import number, render, roubles, t
from omsclaims.tariffs.norms import Cell, Norm, Norms, decimal

MONTHS = 12
NOW = "#2f6f9f"
LAST = "#c9d4dd"
_FONT = 'font-family="Segoe UI, Helvetica Neue, Arial, Liberation Sans, DejaVu Sans, sans-serif"'
#: Digits of a mean in the chart, and of figures on paper where the agreement gives none.
_CHART_DIGITS = 4
_PAPER_DIGITS = 5
_STANDARD_DIGITS = 2


@dataclass(frozen=True)
class Report:
    """What the annex and the page show.

    period      months whose accepted cost was counted
    people_on   day on which the insured were counted
    month       the month that the standards are for, None: coefficients alone
    groups      codes in the order of the partition
    last        coefficients in force so far
    unconfirmed lines about parameters used that are not confirmed
    programme_norm_kop  norm of the federal programme for one insured person a year, where it is known
    """

    norms: Norms
    period: Sequence[Month]
    people_on: date
    month: Month | None
    territory: str
    reference: str
    groups: Sequence[str]
    last: Mapping[Cell, Fraction]
    unconfirmed: Sequence[str] = ()
    programme_norm_kop: int | None = None

    @property
    def places(self) -> list[str]:
        """Places in the order of the norms."""
        return list(dict.fromkeys(norm.place for norm in self.norms.norms))

    @property
    def by_cell(self) -> dict[Cell, Norm]:
        """The norms by place and group."""
        return {(norm.place, norm.group): norm for norm in self.norms.norms}


def means(made: Report) -> list[tuple[str, Fraction | None, Fraction | None]]:
    """By group: the coefficient over all municipalities weighted by people, and that of last year by the same people."""
    found = []
    for group in made.groups:
        cells = [norm for norm in made.norms.norms if norm.group == group and norm.people]
        now = _mean([(norm.kd, norm.people) for norm in cells])
        found.append((group, now, _mean([(made.last.get((norm.place, group)), norm.people) for norm in cells])))
    return found


def _mean(weighted: Sequence[tuple[Fraction | None, int]]) -> Fraction | None:
    known = [(value, weight) for value, weight in weighted if value is not None]
    people = sum(weight for _, weight in known)
    return sum((value * weight for value, weight in known), Fraction(0)) / people if people else None


def _kd(value: Fraction | None, made: Report, lang: str) -> str:
    digits = made.norms.options.kd_digits
    return _shown(value, _PAPER_DIGITS if digits is None else digits, lang)


def _standard(value: Fraction | None, made: Report, lang: str) -> str:
    digits = made.norms.options.standard_digits
    return _shown(value, _STANDARD_DIGITS if digits is None else digits, lang)


def _shown(value: Fraction | None, digits: int, lang: str) -> str:
    """A decimal with groups of three before the point."""
    text = decimal(value, digits)
    if text is None:
        return "–"
    whole, point, rest = text.removeprefix("-").partition(".")
    shown = number(int(whole), lang) + (("," if lang == "ru" else ".") + rest if point else "")
    return f"−{shown}" if text.startswith("-") else shown


def _change(now: Fraction | None, last: Fraction | None, lang: str) -> str:
    """The change in per cent with one decimal."""
    if now is None or not last:
        return "–"
    value = (now / last - 1) * 100
    return ("+" if value > 0 else "") + _shown(value, 1, lang) + "\u00a0%"


def _period(made: Report, lang: str) -> str:
    first, last = made.period[0], made.period[-1]
    names = [month_name(one.year, one.month, lang) for one in (first, last)]
    return names[0] if first == last else " – ".join(names)


def _lead(made: Report, lang: str) -> str:
    said = t(
        "norms.lead", lang, territory=made.territory, period=_period(made, lang), months=len(made.period),
        day=show_date(made.people_on, lang), people=number(made.norms.people, lang), cost=roubles(made.norms.cost_kop, lang),
        average=roubles(round_fraction(made.norms.average_cost * 100), lang),
    )  # fmt: skip
    if made.programme_norm_kop is None:
        return said
    year = roubles(round_fraction(made.norms.average_cost * 100 * MONTHS), lang)
    return f"{said} {t('norms.programme', lang, year=year, norm=roubles(made.programme_norm_kop, lang))}"


def _title(made: Report, lang: str) -> str:
    month = made.month
    return t("norms.title", lang) if month is None else t("norms.title_of", lang, month=month_name(month.year, month.month, lang))


# ---- page ------------------------------------------------------------------------------------------------------------------


def page(made: Report, lang: str) -> str:
    """The page: a chart of the groups against last year, the annex as a table, what is unconfirmed and what is wrong."""
    rows = [
        {
            "place": norm.place, "group": norm.group, "people": number(norm.people, lang), "cost": roubles(norm.cost_kop, lang),
            "kd": _kd(norm.kd, made, lang), "last": _kd(made.last.get((norm.place, norm.group)), made, lang),
            "change": _change(norm.kd, made.last.get((norm.place, norm.group)), lang),
            "standard": _standard(norm.standard, made, lang),
        }
        for norm in made.norms.norms
    ]  # fmt: skip
    return render(
        "norms.html.j2", lang, title=_title(made, lang), lead=_lead(made, lang), rows=rows, chart=chart(made, lang),
        reference=made.reference, unconfirmed=list(made.unconfirmed), complete=made.norms.complete,
        average="" if made.norms.average is None else _standard(made.norms.average, made, lang),
    )  # fmt: skip


def chart(made: Report, lang: str) -> Markup:
    """Two bars for each group: the coefficient now and last year, over all municipalities; a line where the mean of all is 1."""
    shown = [(group, now, last) for group, now, last in means(made) if now is not None or last is not None]
    largest = max((value for _, now, last in shown for value in (now, last) if value is not None), default=Fraction(0))
    if not largest:
        return Markup("")
    width, left, right, step, top = 1100, 90, 190, 40, 34
    room, height = width - left - right, top + step * len(shown) + 26
    title = escape(t("norms.chart", lang))
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}" {_FONT} font-size="13">']
    for at, (key, colour) in enumerate((("now", NOW), ("last", LAST))):
        parts.append(
            f'<rect x="{left + at * 220}" y="6" width="12" height="12" fill="{colour}"/><text x="{left + 18 + at * 220}" y="17"'
            f' fill="{charts.SOFT}">{escape(t(f"norms.legend.{key}", lang))}</text>'
        )
    one = left + int(room / largest)
    parts.append(f'<path d="M{one} {top - 4}V{height - 22}" stroke="{charts.SOFT}" stroke-dasharray="4 4"/>')
    parts.append(f'<text x="{one}" y="{height - 8}" text-anchor="middle" fill="{charts.SOFT}" font-size="12">1</text>')
    for place, (group, now, last) in enumerate(shown):
        y = top + step * place
        parts.append(f'<text x="{left - 10}" y="{y + 20}" text-anchor="end" fill="{charts.INK}">{escape(group)}</text>')
        for value, shift, thick, colour in ((now, 2, 16, NOW), (last, 19, 9, LAST)):
            if value is not None:
                parts.append(
                    f'<rect x="{left}" y="{y + shift}" width="{int(value * room / largest)}" height="{thick}" fill="{colour}"/>'
                )
        end = left + int(max(value for value in (now, last) if value is not None) * room / largest)
        said = f"{_shown(now, _CHART_DIGITS, lang)} ({_change(now, last, lang)})" if last else _shown(now, _CHART_DIGITS, lang)
        parts.append(f'<text x="{end + 10}" y="{y + 16}" fill="{charts.INK}">{escape(said)}</text>')
    return Markup("".join(parts) + "</svg>")  # noqa: S704 - every text above is escaped


# ---- workbook --------------------------------------------------------------------------------------------------------------


def workbook(made: Report, lang: str) -> bytes:
    """The annex: standards and coefficients by municipality and group, all figures cell by cell, the groups with a chart."""
    book = Workbook(lang, _title(made, lang))
    if made.norms.average is not None:
        _matrix(book, made, "standard", lang)
    _matrix(book, made, "kd", lang)
    _figures(book, made, lang)
    _groups(book, made, lang)
    return book.bytes()


def _heading(sheet: Sheet, made: Report, title: str, lang: str) -> None:
    sheet.heading(title, _lead(made, lang))
    if not made.norms.complete:
        sheet.line(t("norms.incomplete", lang), bold=True, font_color="#A33B20")
    for line in made.unconfirmed:
        sheet.line(line, font_color="#A33B20")


def _matrix(book: Workbook, made: Report, of: str, lang: str) -> None:
    """Places down, groups across."""
    sheet = book.sheet(t(f"norms.sheet.{of}", lang), [28, *[11] * len(made.groups)], landscape=True)
    _heading(sheet, made, _title(made, lang) if of == "standard" else t("norms.sheet.kd", lang), lang)
    if of == "standard":
        sheet.line(t("norms.average", lang, average=_standard(made.norms.average, made, lang)))
    sheet.header([t("norms.col.place", lang), *made.groups], repeat=True)
    cells = made.by_cell
    for place in made.places:
        found = [cells.get((place, group)) for group in made.groups]
        texts = [
            "–" if norm is None else _standard(norm.standard, made, lang) if of == "standard" else _kd(norm.kd, made, lang)
            for norm in found
        ]
        sheet.cells([("text", place), *(("figure", text) for text in texts)])


def _figures(book: Workbook, made: Report, lang: str) -> None:
    sheet = book.sheet(t("norms.sheet.figures", lang), [28, 10, 13, 18, 14, 14, 14, 12, 14], landscape=True)
    _heading(sheet, made, t("norms.sheet.figures", lang), lang)
    names = ("place", "group", "people", "cost", "before_floor", "kd", "last", "change", "standard")
    sheet.header([t(f"norms.col.{name}", lang) for name in names], repeat=True)
    for norm in made.norms.norms:
        last = made.last.get((norm.place, norm.group))
        style = {} if norm.kd is not None else {"bg_color": "#FBEDE8"}
        sheet.cells(
            [
                ("text", norm.place), ("text", norm.group), ("count", norm.people), ("money", norm.cost_kop),
                ("figure", _kd(norm.kd_before_floor, made, lang)), ("figure", _kd(norm.kd, made, lang)),
                ("figure", _kd(last, made, lang)), ("figure", _change(norm.kd, last, lang)),
                ("figure", _standard(norm.standard, made, lang)),
            ],
            **style,
        )  # fmt: skip
    sheet.cells(
        [("text", t("norms.total", lang)), ("text", ""), ("count", made.norms.people), ("money", made.norms.cost_kop)], bold=True
    )


def _groups(book: Workbook, made: Report, lang: str) -> None:
    """Means by group with a chart made by the spreadsheet from the cells."""
    name = t("norms.sheet.groups", lang)
    sheet = book.sheet(name, [14, 16, 16, 12])
    sheet.heading(t("norms.chart", lang))
    sheet.header([t(f"norms.col.{column}", lang) for column in ("group", "kd", "last", "change")])
    first = sheet.row
    rows = means(made)
    for group, now, last in rows:
        for column, value in ((1, now), (2, last)):
            _decimal(sheet, column, value)
        sheet.text(0, group, **sheet.boxed())
        sheet.text(3, _change(now, last, lang), align="right", **sheet.boxed())
        sheet.row += 1
    drawn = book.book.add_chart({"type": "column"})
    for column, (key, colour) in enumerate((("now", NOW), ("last", LAST)), 1):
        drawn.add_series(
            {
                "name": t(f"norms.legend.{key}", lang), "categories": [name, first, 0, first + len(rows) - 1, 0],
                "values": [name, first, column, first + len(rows) - 1, column], "fill": {"color": colour},
            }
        )  # fmt: skip
    drawn.set_y_axis({"num_format": "0.0", "major_gridlines": {"visible": True, "line": {"color": "#E3E8ED"}}})
    drawn.set_legend({"position": "bottom"})
    drawn.set_size({"width": 820, "height": 340})
    drawn.set_title({"name": t("norms.chart", lang), "name_font": {"size": 12}})
    sheet.sheet.insert_chart(sheet.row + 1, 0, drawn)


def _decimal(sheet: Sheet, column: int, value: Fraction | None) -> None:
    """A coefficient as a number that a chart can draw: shown with four digits, no amount of money hangs on it."""
    style = sheet.book.style(num_format="0.0000", align="right", indent=1, **sheet.boxed())
    if value is None:
        sheet.sheet.write_blank(sheet.row, column, None, style)
    else:
        sheet.sheet.write_number(sheet.row, column, float(value), style)
