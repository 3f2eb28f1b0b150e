"""How does the year stand against the plan of the commission? Plan, fact, remainder and forecast as a page and a workbook.

Rules 158n 122-123; law.md 5. Nothing here computes: the figures come from `settlement.volumes.outlook`. The page is HTML with
drawings made by hand: no script, no outside address, the same bytes for the same figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from markupsafe import Markup, escape

from omsclaims.context import Context
from omsclaims.reports import charts
from omsclaims.reports.acts import party
from omsclaims.reports.sheets import Sheet, Workbook, month_name, show_date
from omsclaims.reports.templates import number, render, roubles, t
from omsclaims.settlement.volumes import Outlook

#: Lines of the plan that are kinds of payment have names of their own.
KINDS: Final = ("ksg_inpatient", "ksg_day", "visit", "episode", "call", "exam", "vmp", "service", "per_capita")
PLAN: Final = "#c9d4dd"
BILLED: Final = "#d9795f"
CONSUMED: Final = "#2f6f9f"
#: Clinics that have a bar of their own on the page; the others are in the table.
_CLINICS_SHOWN: Final = 15
_FONT: Final = 'font-family="Segoe UI, Helvetica Neue, Arial, Liberation Sans, DejaVu Sans, sans-serif"'
_SUMS: Final = tuple(
    f"{name}_{of}"
    for of in ("units2", "kop")
    for name in ("plan_year", "plan_to_date", "billed", "consumed", "excess", "left", "forecast", "beyond")
)


@dataclass(frozen=True)
class Report:
    """What the page and the workbook show.

    outlook  of `settlement.volumes.outlook`
    clinics  names of clinics by code
    lines    names of lines by code
    unconfirmed  sentences on values used that are not confirmed (doubts.lines)
    """

    outlook: Outlook
    context: Context
    clinics: Mapping[str, str]
    lines: Mapping[str, str]
    unconfirmed: Sequence[str] = ()


def report(
    outlook: Outlook, context: Context, reg_clinic: pl.DataFrame, lang: str, unconfirmed: Sequence[str] = ()
) -> Report:  # fmt: skip
    """The report with the names that the register and the agreement give; a kind of payment has its own."""
    last = context.month.last
    held = reg_clinic.sort("mo", (pl.col("valid_from") <= last).cast(pl.Int8), "valid_from", "name")
    declared = dict(context.agreement.table("plan_lines").select("line", "name").iter_rows())
    kinds = {kind: t(f"kind.{kind}", lang) for kind in KINDS}
    return Report(outlook, context, dict(held.select("mo", "name").iter_rows()), {**kinds, **declared}, unconfirmed)


def totals(rows: pl.DataFrame, by: str) -> pl.DataFrame:
    """Sums of `outlook` rows by `line` or `mo`; money of the plan is that of the rows that have a limit, null where none has."""
    sums = [
        pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name) for name in _SUMS if name.endswith("kop")
    ]
    volumes = [pl.col(name).sum() for name in _SUMS if name.endswith("units2")]
    return rows.group_by(by).agg(pl.col("unit").first(), *volumes, *sums).sort(by)


def units(value: int | None, lang: str) -> str:
    """Units of 0.01 for people: whole where they are whole."""
    if value is None:
        return "–"
    whole, rest = divmod(abs(value), 100)
    text = number(whole, lang) + ("" if not rest else ("," if lang == "ru" else ".") + f"{rest:02d}")
    return f"−{text}" if value < 0 else text


def _percent(part: int | None, whole: int | None, lang: str) -> str:
    """A share with one decimal, half up, in integers."""
    if not whole or whole <= 0 or part is None:
        return "–"
    tenths = (2 * part * 1000 + whole) // (2 * whole)
    text = f"{tenths // 10}.{tenths % 10}"
    return (text.replace(".", ",") if lang == "ru" else text) + "\u00a0%"


# ---- page ------------------------------------------------------------------------------------------------------------------


def page(made: Report, lang: str) -> str:
    """The page: the year month by month, lines and clinics as bars, all figures as tables."""
    rows, context = made.outlook.rows, made.context
    lines = [_shown(row, made.lines.get(row["line"], row["line"]), lang) for row in totals(rows, "line").to_dicts()]
    clinics = totals(rows, "mo").sort(_weight(rows), "mo", descending=[True, False]).to_dicts()
    shown = [_shown(row, party(row["mo"], made.clinics), lang) for row in clinics]
    details = [
        _shown(row, party(row["mo"], made.clinics), lang) | {"line": made.lines.get(row["line"], row["line"])}
        for row in rows.to_dicts()
    ]
    return render(
        "plan.html.j2", lang, month=month_name(context.month.year, context.month.month, lang), year=context.month.year,
        territory=context.territory, as_of=show_date(context.as_of, lang), reference=context.agreement.head.reference,
        method=t(f"plan.method.{made.outlook.method}", lang), lacking=", ".join(made.outlook.lacking),
        period=t(f"plan.period.{context.agreement.head.volumes.cumulation}", lang),
        curve=curve(made.outlook, lang), line_chart=bars(lines, "plan.chart.lines", lang),
        clinic_chart=bars(shown[:_CLINICS_SHOWN], "plan.chart.clinics", lang), lines=lines, clinics=shown, details=details,
        unconfirmed=list(made.unconfirmed),
    )  # fmt: skip


def _weight(rows: pl.DataFrame) -> str:
    """What clinics are ordered by: money where anything was billed, else volume."""
    return "billed_kop" if rows["billed_kop"].sum() else "plan_year_units2"


def _shown(row: Mapping[str, Any], label: str, lang: str) -> dict[str, Any]:
    """A row as texts, with the raw figures for the drawings."""
    texts = {name: units(row[name], lang) if name.endswith("units2") else roubles(row[name], lang) for name in _SUMS}
    return {
        "label": label, "raw": dict(row), "unit": t(f"plan.unit.{row['unit']}", lang), **texts,
        "done_units2": _percent(row["consumed_units2"], row["plan_year_units2"], lang),
        "done_kop": _percent(row["consumed_kop"], row["plan_year_kop"], lang),
        "short": (row["beyond_units2"] or 0) > 0 or (row["beyond_kop"] or 0) > 0,
    }  # fmt: skip


def bars(rows: Sequence[Mapping[str, Any]], title: str, lang: str) -> Markup:
    """Horizontal bars: the plan of the year as a pale bar, accepted over it, excess beyond it, the forecast as a mark.

    In money where every row has a limit of money, else in shares of the plan of its own volume.
    """
    in_money = bool(rows) and all(row["raw"]["plan_year_kop"] for row in rows)
    of = "kop" if in_money else "units2"
    drawn = [row for row in rows if in_money or row["raw"]["plan_year_units2"]]
    if not drawn:
        return Markup("")
    width, labels, amounts, step, top = 1100, 290, 200, 30, 34
    room = width - labels - amounts
    scale = [_scaled(row["raw"], of, in_money) for row in drawn]
    largest = max(max(plan, used + over, forecast) for plan, used, over, forecast in scale) or 1
    height = top + step * len(drawn) + 6
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(t(title, lang))}" {_FONT} font-size="13">']
    parts += _legend(labels, lang)
    for place, (row, (plan, used, over, forecast)) in enumerate(zip(drawn, scale, strict=True)):
        y = top + step * place
        tenth = [value * room * 10 // largest for value in (plan, used, over, forecast)]
        at = labels * 10
        parts.append(
            f'<text x="{labels - 10}" y="{y + 16}" text-anchor="end" fill="{charts.INK}">{escape(_cut(row["label"], 40))}</text>'
            + _rect(at, y + 2, tenth[0], 20, PLAN) + _rect(at, y + 7, tenth[1], 10, CONSUMED)
            + _rect(at + tenth[1], y + 7, tenth[2], 10, BILLED)
            + f'<path d="M{_px(at + tenth[3])} {y}v24" stroke="{charts.INK}" stroke-width="2"/>'
            + f'<text x="{_px(at + max(tenth[0], tenth[1] + tenth[2], tenth[3]) + 100)}" y="{y + 16}" fill="{charts.INK}">'
            + f"{escape(row[f'done_{of}'])} · {escape(row[f'forecast_{of}'])}</text>"
        )  # fmt: skip
    return Markup("".join(parts) + "</svg>")  # noqa: S704 - every text above is escaped


def _scaled(raw: Mapping[str, Any], of: str, in_money: bool) -> tuple[int, int, int, int]:
    """Plan, accepted, excess, forecast on one scale: kopecks, or hundredths of a percent of the row's own plan."""
    found = [int(raw[f"{name}_{of}"] or 0) for name in ("plan_year", "consumed", "excess", "forecast")]
    if not in_money:
        found = [value * 10_000 // found[0] for value in found]
    plan, used, over, forecast = found
    return plan, used, over, forecast


def _legend(x: int, lang: str) -> list[str]:
    """The colours of the bars."""
    parts = []
    for key, colour, shift in (("plan", PLAN, 0), ("consumed", CONSUMED, 150), ("excess", BILLED, 270)):
        parts.append(
            f'<rect x="{x + shift}" y="6" width="12" height="12" fill="{colour}"/><text x="{x + shift + 18}" y="17"'
            f' fill="{charts.SOFT}">{escape(t(f"plan.legend.{key}", lang))}</text>'
        )
    mark = x + 440
    return [*parts, f'<path d="M{mark} 3v17" stroke="{charts.INK}" stroke-width="2"/><text x="{mark + 10}" y="17"'
            f' fill="{charts.SOFT}">{escape(t("plan.legend.forecast", lang))}</text>']  # fmt: skip


def _px(tenths: int) -> str:
    return f"{tenths // 10}.{tenths % 10}"


def _rect(x10: int, y: int, width10: int, height: int, colour: str) -> str:
    return f'<rect x="{_px(x10)}" y="{y}" width="{_px(width10)}" height="{height}" fill="{colour}"/>' if width10 else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# ---- the year month by month -----------------------------------------------------------------------------------------------


def series(outlook: Outlook) -> tuple[str, dict[str, list[int | None]]]:
    """What the curve draws: kop or units2, and running sums by month: plan, consumed, billed and, from the last month counted on,
    forecast (the way of the plan, so that it ends at the forecast of the year)."""
    of = "kop" if outlook.by_month["plan_kop"].sum() else "units2"
    plan = outlook.by_month[f"plan_{of}"].to_list()
    found: dict[str, list[int | None]] = {"plan": _running(plan), "consumed": [], "billed": [], "forecast": [None] * 12}
    for name in ("consumed", "billed"):
        monthly = dict(outlook.by_month.select("month", f"{name}_{of}").iter_rows())
        known = [monthly[month] if month in outlook.months else None for month in monthly]
        found[name] = _running(known)
    if not outlook.months:
        return of, found
    last = int(outlook.months[-1][5:])
    rows = outlook.rows if of == "units2" else outlook.rows.filter(pl.col("plan_year_kop").is_not_null())
    now, end = found["billed"][last - 1] or 0, int(rows[f"forecast_{of}"].sum() or 0)
    later = plan[last:]
    steps = [sum(later[: place + 1]) for place in range(len(later))]
    whole = steps[-1] if steps and steps[-1] else 0
    for place in range(12 - last):
        share = (end - now) * (steps[place] if whole else place + 1) // (whole or 12 - last)
        found["forecast"][last + place] = now + share
    found["forecast"][last - 1] = now
    return of, found


def _running(values: Sequence[int | None]) -> list[int | None]:
    """Running sums; null before the first and after the last known value."""
    known = [place for place, value in enumerate(values) if value is not None]
    if not known:
        return [None] * len(values)
    total, found = 0, []
    for place, value in enumerate(values):
        total += value or 0
        found.append(total if known[0] <= place <= known[-1] else None)
    return found


def curve(outlook: Outlook, lang: str) -> Markup:
    """Plan, accepted, billed and forecast as running sums over the months of the year."""
    of, drawn = series(outlook)
    largest = max((value for values in drawn.values() for value in values if value is not None), default=0)
    if not largest:
        return Markup("")
    width, height, left, right, top, bottom = 1100, 330, 130, 190, 26, 34
    across, down = (width - left - right) // 11, height - top - bottom
    names = t("plan.months", lang).split()
    title = escape(t("plan.curve", lang))
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}" {_FONT} font-size="13">']
    step = _round_step(largest)
    for value in range(0, largest + 1, step):
        y = top + down - down * value // largest
        text = roubles(value, lang) if of == "kop" else units(value, lang)
        parts.append(
            f'<path d="M{left} {y}H{left + across * 11}" stroke="#e3e8ed"/><text x="{left - 8}" y="{y + 4}" text-anchor="end"'
            f' fill="{charts.SOFT}" font-size="12">{escape(text.removesuffix(",00").removesuffix(".00"))}</text>'
        )
    for place, name in enumerate(names):
        x = left + across * place
        parts.append(
            f'<text x="{x}" y="{height - 12}" text-anchor="middle" fill="{charts.SOFT}" font-size="12">{escape(name)}</text>'
        )
    looks = (("plan", "#8fa0ae", 3, ""), ("forecast", BILLED, 2, "6 5"), ("billed", BILLED, 2, ""), ("consumed", CONSUMED, 3, ""))
    ends: list[tuple[int, str, str]] = []
    for key, colour, thick, dashes in looks:
        points = [(left + across * place, top + down - down * value // largest) for place, value in enumerate(drawn[key])
                  if value is not None]  # fmt: skip
        if not points:
            continue
        path = "M" + "L".join(f"{x} {y}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{thick}"{dashed} stroke-linejoin="round"/>')
        if len(points) == 1:
            parts.append(f'<circle cx="{points[0][0]}" cy="{points[0][1]}" r="4" fill="{colour}"/>')
        ends.append((points[-1][1], key, colour))
    parts += _line_names(ends, left + across * 11 + 12, lang)
    return Markup("".join(parts) + "</svg>")  # noqa: S704 - every text above is escaped


def _round_step(largest: int) -> int:
    """A step of the scale: 1, 2 or 5 with zeros, in whole roubles or units, three to seven of them up to `largest`."""
    step = 100
    while True:
        for factor in (1, 2, 5):
            if largest <= 6 * step * factor:
                return step * factor
        step *= 10


def _line_names(ends: Sequence[tuple[int, str, str]], x: int, lang: str) -> list[str]:
    """Names of the lines at the right, at the heights where they end, none over another."""
    parts, free = [], 0
    for y, key, colour in sorted(ends):
        at = max(y, free)
        free = at + 18
        dashed = ' stroke-dasharray="6 5"' if key == "forecast" else ""
        name = escape(t(f"plan.legend.{key}", lang))
        parts.append(f'<path d="M{x} {at}h16" stroke="{colour}" stroke-width="3"{dashed}/>')
        parts.append(f'<text x="{x + 22}" y="{at + 4}" fill="{charts.INK}">{name}</text>')
    return parts


# ---- workbook --------------------------------------------------------------------------------------------------------------


def workbook(made: Report, lang: str) -> bytes:
    """The workbook: all clinics and lines; totals by line and by clinic; the year month by month with its chart."""
    context = made.context
    when = month_name(context.month.year, context.month.month, lang)
    book = Workbook(lang, t("plan.title", lang, month=when))
    _sheet(book, made, made.outlook.rows, ("mo", "line"), "plan.sheet.all", when, lang)
    _sheet(book, made, totals(made.outlook.rows, "line"), ("line",), "plan.sheet.lines", when, lang)
    _sheet(book, made, totals(made.outlook.rows, "mo"), ("mo",), "plan.sheet.clinics", when, lang)
    _year_sheet(book, made, when, lang)
    return book.bytes()


def _sheet(book: Workbook, made: Report, rows: pl.DataFrame, keys: Sequence[str], name: str, when: str, lang: str) -> None:
    """One sheet of figures: keys, volumes, money."""
    widths = [*(34 if key == "mo" else 28 for key in keys), 10, *[11] * 7, *[17] * 7]
    sheet = book.sheet(t(name, lang), widths, landscape=True)
    sheet.heading(t("plan.title", lang, month=when), _subtitle(made, lang))
    shown = ("plan_year", "plan_to_date", "billed", "consumed", "excess", "left", "forecast")
    heads = [*(t(f"plan.col.{key}", lang) for key in keys), t("plan.col.unit", lang)]
    heads += [t(f"plan.col.{column}", lang) for column in shown] + [t(f"plan.col.{column}_kop", lang) for column in shown]
    sheet.header(heads, repeat=True)
    for row in rows.to_dicts():
        named = [("text", party(row["mo"], made.clinics) if key == "mo" else _line(row["line"], made.lines)) for key in keys]
        style = {"bg_color": "#FBEDE8"} if (row["beyond_units2"] or 0) > 0 or (row["beyond_kop"] or 0) > 0 else {}
        cells = [*named, ("text", t(f"plan.unit.{row['unit']}", lang))]
        cells += [_volume_cell(row[f"{column}_units2"], lang) for column in shown]
        cells += [("money", row[f"{column}_kop"]) for column in shown]
        sheet.cells(cells, **style)
    sheet.note(*made.unconfirmed)


def _volume_cell(value: int | None, lang: str) -> tuple[str, Any]:
    """Units of 0.01 as a cell: a number where they are whole."""
    return ("text", units(value, lang)) if value is not None and value % 100 else ("count", value and value // 100)


def _line(code: str, names: Mapping[str, str]) -> str:
    return f"{names[code]} ({code})" if code in names and code not in KINDS else names.get(code, code)


def _subtitle(made: Report, lang: str) -> str:
    """Whose plan it is, as of which day, by which method, and which months are not counted."""
    outlook, context = made.outlook, made.context
    said = t(
        "plan.lead", lang, territory=context.territory, as_of=show_date(context.as_of, lang),
        method=t(f"plan.method.{outlook.method}", lang),
    )  # fmt: skip
    return said if not outlook.lacking else f"{said} {t('plan.lacking', lang, months=', '.join(outlook.lacking))}"


def _year_sheet(book: Workbook, made: Report, when: str, lang: str) -> None:
    """Running sums by month with a chart made by the spreadsheet from the cells."""
    of, drawn = series(made.outlook)
    sheet = book.sheet(t("plan.sheet.year", lang), [12, *[19] * 4], landscape=True)
    sheet.heading(t("plan.curve", lang), t(f"plan.curve.{of}", lang))
    keys = ("plan", "consumed", "billed", "forecast")
    sheet.header([t("plan.col.month", lang), *(t(f"plan.legend.{key}", lang) for key in keys)])
    first = sheet.row
    for place, month in enumerate(made.outlook.by_month["month"]):
        kind = "money" if of == "kop" else "count"
        values = [drawn[key][place] for key in keys]
        sheet.cells([("text", month), *((kind, value if of == "kop" or value is None else value // 100) for value in values)])
    _add_chart(book, sheet, first, t("plan.sheet.year", lang), lang)


def _add_chart(book: Workbook, sheet: Sheet, first: int, name: str, lang: str) -> None:
    """A line chart over the twelve rows from `first`."""
    chart = book.book.add_chart({"type": "line"})
    looks = (("plan", PLAN, "solid"), ("consumed", CONSUMED, "solid"), ("billed", BILLED, "solid"), ("forecast", BILLED, "dash"))
    for column, (key, colour, dash) in enumerate(looks, 1):
        chart.add_series(
            {
                "name": t(f"plan.legend.{key}", lang), "categories": [name, first, 0, first + 11, 0],
                "values": [name, first, column, first + 11, column], "line": {"color": colour, "width": 2.5, "dash_type": dash},
            }
        )  # fmt: skip
    chart.set_y_axis({"num_format": "#,##0", "major_gridlines": {"visible": True, "line": {"color": "#E3E8ED"}}})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 900, "height": 360})
    chart.set_title({"name": t("plan.curve", lang), "name_font": {"size": 12}})
    sheet.sheet.insert_chart(sheet.row + 1, 0, chart)
