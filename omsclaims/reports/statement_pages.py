"""How do the statements look? A dashboard as one HTML page with charts of our own, the same as a workbook; the disclosure.

No script, no outside address, every text escaped; amounts in roubles and kopecks. What the insurer publishes (Rules 182-188) is a
page and workbook of its own: it holds counts and names of clinics only, small counts hidden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import polars as pl
from markupsafe import Markup, escape

from omsclaims.periods import Month
from omsclaims.reports import charts
from omsclaims.reports.act_forms import Named
from omsclaims.reports.sheets import Sheet, Workbook, month_name, show_date
from omsclaims.reports.statements import Forecast, suppressed, total_of
from omsclaims.reports.templates import number, render, roubles, t
from omsclaims.settlement.between.terms import AGES

#: Rows of a long table that the page shows; the workbook has them all.
FIRST: Final = 15
ACTUAL: Final = "#4f8fb8"
EXPECTED: Final = "#b9d0e0"
#: Over a column: (from so many roubles on, roubles of the unit, text).
_UNITS: Final = ((1_000_000_000, 1_000_000, "millions"), (1_000_000, 1_000, "thousands"))
EMPTY: Final = "#e3e8ed"
_FONT: Final = 'font-family="Segoe UI, Helvetica Neue, Arial, Liberation Sans, DejaVu Sans, sans-serif"'


@dataclass(frozen=True)
class Statements:
    """All figures of a period, tables as `reports.statements` makes them.

    own        territory of the fund, or its insurer's code;  named: names parties of the ledger
    unsent     side, territory, owed_kop: debts of the journal that no bill sent or taken tells of (bills not sent yet, openings)
    acts       kind, state, count of the acts of the period
    unconfirmed  a sentence for each value of the law that is not confirmed
    """

    own: str
    first: date
    last: date
    as_of: date
    named: Named
    cash: pl.DataFrame
    accrual: pl.DataFrame
    debts: pl.DataFrame
    savings: pl.DataFrame
    reserves: pl.DataFrame
    aging: pl.DataFrame
    unsent: pl.DataFrame
    forecast: Forecast
    acts: pl.DataFrame
    unconfirmed: Sequence[str] = field(default_factory=tuple)


def _s(key: str, lang: str, **params: object) -> str:
    return t(f"statements.{key}", lang, **params)


def _period(made: Statements, lang: str) -> str:
    return f"{show_date(made.first, lang)} - {show_date(made.last, lang)}"


def age_name(first: int, last: int | None, lang: str) -> str:
    """`0-25`, `более 365` / `over 365`: a class of age in days."""
    return _s("age.over", lang, days=first - 1) if last is None else f"{first}\u2013{last}"


def by_age(made: Statements, side: str) -> list[dict[str, Any]]:
    """A row a territory: code, amounts in the order of AGES, `other` (no bill), total. The total is the debt in the journal."""
    rows: dict[str, list[int]] = {}
    for row in made.aging.filter(pl.col("side") == side).iter_rows(named=True):
        place = [first for first, _ in AGES].index(row["age_from"])
        rows.setdefault(row["territory"], [0] * (len(AGES) + 1))[place] += row["owed_kop"]
    for row in made.unsent.filter(pl.col("side") == side).iter_rows(named=True):
        rows.setdefault(row["territory"], [0] * (len(AGES) + 1))[-1] += row["owed_kop"]
    return [{"territory": code, "amounts": amounts, "total": sum(amounts)} for code, amounts in sorted(rows.items())]


# ---- charts -----------------------------------------------------------------------------------------------------------


def columns(forecast: Forecast, lang: str, width: int = 1100) -> Markup:
    """Months as columns: НСЗ at their ends, past ones in full colour, expected ones pale. Lengths are whole pixels."""
    rows = forecast.months.to_dicts()
    if not rows:
        return Markup("")
    top, room, left = 46, 210, 20
    largest = max(abs(row["nsz_kop"]) for row in rows) or 1
    lowest = min(0, *(row["nsz_kop"] for row in rows))
    below = -lowest * room // largest
    step = (width - 2 * left) // len(rows)
    base = top + room
    height = base + below + 40
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(_s("nsz", lang))}" {_FONT} font-size="13">']
    for place, (key, colour) in enumerate((("actual", ACTUAL), ("forecast", EXPECTED))):
        parts.append(
            f'<rect x="{left + place * 200}" y="4" width="12" height="12" fill="{colour}"/>'
            f'<text x="{left + 18 + place * 200}" y="15" fill="{charts.SOFT}">{escape(_s(f"legend.{key}", lang))}</text>'
        )
    for place, row in enumerate(rows):
        tall = max(1, abs(row["nsz_kop"]) * room // largest)
        x, middle = left + place * step, left + place * step + step // 2
        y = base if row["nsz_kop"] < 0 else base - tall
        colour = ACTUAL if row["kind"] == "actual" else EXPECTED
        name = month_name(int(row["month"][:4]), int(row["month"][5:]), lang).split()[0]
        above = y - 6 if row["nsz_kop"] >= 0 else base - 6
        parts.append(
            f'<rect x="{x + 8}" y="{y}" width="{step - 16}" height="{tall}" fill="{colour}"/>'
            f'<text x="{middle}" y="{above}" text-anchor="middle" fill="{charts.INK}" font-size="11">'
            f"{escape(short_amount(row['nsz_kop'], largest, lang))}</text>"
            f'<text x="{middle}" y="{base + below + 18}" text-anchor="middle" fill="{charts.SOFT}" font-size="12">'
            f"{escape(name)}</text>"
        )
    parts.append(f'<path d="M{left} {base}H{width - left}" stroke="{charts.SOFT}"/>')
    return Markup("".join(parts) + "</svg>")  # noqa: S704 - every text above is escaped


def short_amount(kopecks: int, largest_kop: int, lang: str) -> str:
    """An amount over a column, short enough for its width: whole roubles, thousands or millions of them.

    largest_kop  the largest amount of the chart: all columns have its unit, so that they can be compared
    """
    unit, key = next(((unit, key) for least, unit, key in _UNITS if abs(largest_kop) >= least * 100), (1, None))
    whole = abs(kopecks) // (100 * unit)
    shown = number(whole, lang) if key is None else _s(key, lang, amount=number(whole, lang))
    return f"\u2212{shown}" if kopecks < 0 and whole else shown


def _bars(rows: Sequence[tuple[str, int, int, str]], title: str, one: str, two: str, second: str = charts.REFUSED) -> Markup:
    return charts.bars([charts.Bar(*row) for row in rows], title, one, two, second=second)


# ---- the page ---------------------------------------------------------------------------------------------------------


def page(made: Statements, lang: str) -> str:
    """The dashboard as HTML."""
    accrual = _by_payer(made, lang)
    reserves = _latest(made)
    return render(
        "statements.html.j2", lang, title=_s("title", lang), period=_period(made, lang), own=_who(made, lang),
        as_of=show_date(made.as_of, lang), tiles=_tiles(made, lang), unconfirmed=list(made.unconfirmed),
        cash=_cash_rows(made, lang)[:FIRST], cash_more=max(0, made.cash.height - FIRST), accrual=accrual,
        accrual_chart=_bars(
            [(row["name"], row["accepted_kop"], row["withheld_kop"], roubles(row["billed_kop"], lang)) for row in accrual],
            _s("accrual", lang), _s("accepted", lang), _s("withheld", lang),
        ),
        debts=_debt_rows(made, lang), savings=_saving_rows(made, lang), reserves=reserves,
        reserve_chart=_bars(
            [(f"{row['name']}: {_s(key, lang)}", row[f"{key}_kop"], max(0, (row[f"{key}_limit_kop"] or 0) - row[f"{key}_kop"]),
              roubles(row[f"{key}_kop"], lang)) for row in reserves for key in ("spare", "preventive")
             if row[f"{key}_limit_kop"] is not None],
            _s("reserves", lang), _s("held", lang), _s("room", lang), EMPTY,
        ),
        ages=[age_name(first, last, lang) for first, last in AGES],
        aging=[(side, [{**row, "name": made.named(f"territory:{row['territory']}", lang)} for row in by_age(made, side)])
               for side in ("place", "home")],
        nsz=_forecast_rows(made, lang), nsz_chart=columns(made.forecast, lang), forecast=made.forecast,
        acts=made.acts.to_dicts(),
    )  # fmt: skip


def _who(made: Statements, lang: str) -> str:
    return made.named(made.own, lang)


def _tiles(made: Statements, lang: str) -> list[dict[str, str]]:
    """The headline figures."""
    money = made.cash.filter(pl.col("party") == made.own)
    owed = -int(made.debts.filter(pl.col("kind").is_in(["care", "advance"]))["end_kop"].sum())
    receivable = sum(row["total"] for row in by_age(made, "place"))
    kept = int(made.savings["net_kop"].sum())
    over = _s("tile.over", lang) if owed < 0 else ""
    found = [
        ("money", int(money["end_kop"].sum()), "", ""), ("owed", owed, over, "amber" if owed > 0 else ""),
        ("receivable", receivable, "", ""), ("kept", kept, "", "good"),
    ]  # fmt: skip
    if made.forecast.months.height:
        end = made.forecast.year_end_kop
        found.append(("year_end", end, "", "bad" if end < 0 else "good"))
    return [
        {"name": _s(f"tile.{key}", lang), "big": roubles(amount, lang), "more": more, "tone": tone}
        for key, amount, more, tone in found
    ]


def _cash_rows(made: Statements, lang: str) -> list[dict[str, Any]]:
    """Funds and insurers first, then clinics by money."""
    rank = {"fund": 0, "insurer": 1}
    rows = [{**row, "name": made.named(row["party"], lang)} for row in made.cash.to_dicts()]
    rows.sort(key=lambda row: (rank.get(row["party"].split(":")[0], 2), -abs(row["in_kop"]), row["party"]))
    return rows


def _by_payer(made: Statements, lang: str) -> list[dict[str, Any]]:
    names = ("billed_kop", "mek_kop", "mee_kop", "ekmp_kop", "accepted_kop", "transferred_kop")
    table = made.accrual.group_by("payer").agg(pl.col(name).sum() for name in names).sort("payer")
    return [
        {**row, "name": made.named(row["payer"], lang), "withheld_kop": row["mek_kop"] + row["mee_kop"] + row["ekmp_kop"]}
        for row in table.to_dicts()
    ]


def _debt_rows(made: Statements, lang: str) -> list[dict[str, Any]]:
    """By kind of debt: at the start and at the end, what is owed to us and what we owe."""
    found = []
    for (kind,), rows in made.debts.group_by("kind", maintain_order=True):
        row: dict[str, Any] = {"name": _s(f"debt.{kind}", lang), "kind": kind, "pairs": rows.height}
        for end in ("start", "end"):
            column = pl.col(f"{end}_kop")
            row[f"{end}_to_us"] = int(rows.select(column.filter(column > 0).sum()).item())
            row[f"{end}_by_us"] = -int(rows.select(column.filter(column < 0).sum()).item())
        found.append(row)
    return found


def _saving_rows(made: Statements, lang: str) -> list[dict[str, Any]]:
    names = ("withheld_kop", "returned_kop", "net_kop")
    table = made.savings.group_by("kind", maintain_order=True).agg(pl.col(name).sum() for name in names)
    return [{**row, "name": _s(f"control.{row['kind']}", lang)} for row in table.to_dicts()]


def _latest(made: Statements) -> list[dict[str, Any]]:
    """Reserves at the end of the last month."""
    if made.reserves.is_empty():
        return []
    last = made.reserves.filter(pl.col("month") == pl.col("month").max())
    return [{**row, "name": row["smo"]} for row in last.to_dicts()]


def _forecast_rows(made: Statements, lang: str) -> list[dict[str, Any]]:
    return [
        {**row, "name": month_name(int(row["month"][:4]), int(row["month"][5:]), lang), "word": _s(f"legend.{row['kind']}", lang)}
        for row in made.forecast.months.to_dicts()
    ]


# ---- the workbook -----------------------------------------------------------------------------------------------------


def workbook(made: Statements, lang: str) -> bytes:
    """The same figures and all rows behind them, a sheet each."""
    book = Workbook(lang, f"{_s('title', lang)} {_period(made, lang)}")
    named = made.named
    _sheet(book, made, "cash", (38, 22, 22, 22, 22), ("party", "start_kop", "in_kop", "out_kop", "end_kop"),
           [{**row, "party": row["name"]} for row in _cash_rows(made, lang)], lang)  # fmt: skip
    amounts = ("billed_kop", "mek_kop", "mee_kop", "ekmp_kop", "accepted_kop", "transferred_kop")
    rows = [{**row, "payer": named(row["payer"], lang), "clinic": named(row["clinic"], lang)} for row in made.accrual.to_dicts()]
    _sheet(book, made, "accrual", (38, 40, *([20] * 6)), ("payer", "clinic", *amounts), rows, lang)
    rows = [
        {**row, "kind": _s(f"debt.{row['kind']}", lang), "party": named(row["party"], lang), "other": named(row["other"], lang)}
        for row in made.debts.to_dicts()
    ]
    _sheet(book, made, "debts", (48, 38, 40, 22, 22), ("kind", "party", "other", "start_kop", "end_kop"), rows, lang)
    rows = [
        {**row, "kind": _s(f"control.{row['kind']}", lang), "payer": named(row["payer"], lang)} for row in made.savings.to_dicts()
    ]
    names: tuple[str, ...] = ("kind", "payer", "withheld_kop", "returned_kop", "net_kop")
    _sheet(book, made, "savings", (40, 40, 22, 22, 22), names, rows, lang)
    names = ("smo", "month", "paid_kop", "payment_kop", "spare_kop", "spare_limit_kop", "preventive_kop", "preventive_limit_kop")
    rows = [{**row, "smo": named(f"insurer:{row['smo']}", lang)} for row in made.reserves.to_dicts()]
    _sheet(book, made, "reserves", (32, 12, *([20] * 6)), names, rows, lang, total=False)
    _aging_sheet(book, made, lang)
    names = ("month", "kind", "in_kop", "out_kop", "refunds_kop", "nsz_kop")
    rows = [{**row, "kind": row["word"], "month": row["name"]} for row in _forecast_rows(made, lang)]
    _sheet(book, made, "nsz", (20, 16, 22, 22, 22, 22), names, rows, lang, total=False)
    _doubts_sheet(book, made, lang)
    return book.bytes()


def _begun(book: Workbook, made: Statements, key: str, widths: Sequence[float], lang: str) -> Sheet:
    sheet = book.sheet(_s(f"sheet.{key}", lang), widths, landscape=True)
    sheet.heading(_s(key, lang), f"{_who(made, lang)}, {_period(made, lang)}")
    sheet.line(_s(f"note.{key}", lang), font_color="#44515E")
    sheet.gap()
    return sheet


def _sheet(
    book: Workbook, made: Statements, key: str, widths: Sequence[float], names: Sequence[str], rows: Sequence[Mapping[str, Any]],
    lang: str, total: bool = True,
) -> None:  # fmt: skip
    """A table with its heads, rows and totals."""
    sheet = _begun(book, made, key, widths, lang)
    sheet.header([_s(f"column.{name}", lang) for name in names], repeat=True)
    for row in rows:
        sheet.cells([("money" if name.endswith("_kop") else "text", row[name]) for name in names])
    if not rows:
        sheet.line(_s("nothing", lang), italic=True)
    elif total:
        texts = [name for name in names if not name.endswith("_kop")]
        sums = [("money", sum(int(row[name]) for row in rows)) for name in names if name.endswith("_kop")]
        sheet.cells([("text", t("total", lang)), *([("text", "")] * (len(texts) - 1)), *sums], bold=True)


def _aging_sheet(book: Workbook, made: Statements, lang: str) -> None:
    """Receivables and payables between territories by age, a part each."""
    sheet = _begun(book, made, "aging", (38, *([20] * (len(AGES) + 2))), lang)
    heads = [age_name(first, last, lang) for first, last in AGES]
    for side in ("place", "home"):
        sheet.line(_s(f"side.{side}", lang), bold=True)
        sheet.header([_s("column.territory", lang), *heads, _s("column.no_bill", lang), t("total", lang)])
        rows = by_age(made, side)
        for row in rows:
            name = made.named(f"territory:{row['territory']}", lang)
            sheet.cells([("text", name), *(("money", amount) for amount in row["amounts"]), ("money", row["total"])])
        sums = [sum(row["amounts"][place] for row in rows) for place in range(len(AGES) + 1)]
        sheet.cells([("text", t("total", lang)), *(("money", amount) for amount in sums), ("money", sum(sums))], bold=True)
        sheet.gap()


def _doubts_sheet(book: Workbook, made: Statements, lang: str) -> None:
    """What the figures stand on and is not confirmed: a sentence a row."""
    if made.unconfirmed:
        sheet = book.sheet(_s("sheet.unconfirmed", lang), (140.0,), landscape=True)
        sheet.heading(_s("unconfirmed", lang))
        for line in made.unconfirmed:
            sheet.line(line)


# ---- disclosure -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Disclosure:
    """What insurers publish (Rules 182-188): counts and codes, `reports.statements` tables; nobody's name.

    terms        working days to refresh (185), times a year in print and years to keep (186): refresh, media, kept
    unconfirmed  a sentence for each value of the law that is not confirmed
    """

    on: date
    months: Sequence[Month]
    names: Mapping[str, str]
    insured: pl.DataFrame
    clinics: pl.DataFrame
    violations: pl.DataFrame
    terms: Mapping[str, int] = field(default_factory=dict)
    unconfirmed: Sequence[str] = field(default_factory=tuple)


def _count(value: int | None, lang: str) -> str:
    return _s("hidden", lang) if value is None else number(value, lang)


def _range(total: tuple[int, int], lang: str) -> str:
    """A total: one number, or from - to where counts are hidden."""
    return "\u2013".join(number(one, lang) for one in dict.fromkeys(total))


def _of_insurer(made: Disclosure, smo: str, lang: str) -> dict[str, Any]:
    """The figures of one insurer as they may be published."""
    people = made.insured.filter(pl.col("smo") == smo)
    found = made.violations.filter(pl.col("smo") == smo)
    shown = suppressed(people, "people")
    told = suppressed(found, "cases")
    return {
        "name": f"{made.names.get(smo, '')} ({smo})".strip(),
        "total": _range(total_of(shown["people"].to_list()), lang),
        "places": [(row["place"] or "\u2013", _count(row["people"], lang)) for row in shown.to_dicts()],
        "clinics": [
            (row["name"] or row["mo"], ", ".join(map(str, row["usl_ok"])), ", ".join(map(str, row["vidpom"])))
            for row in made.clinics.filter(pl.col("smo") == smo).to_dicts()
        ],
        "violations": [(row["code"], _count(row["cases"], lang)) for row in told.to_dicts()],
        "violations_total": _range(total_of(told["cases"].to_list()), lang),
    }


def _insurers(made: Disclosure, lang: str) -> list[dict[str, Any]]:
    codes = sorted({*made.insured["smo"], *made.clinics["smo"], *made.violations["smo"]} - {None})
    return [_of_insurer(made, smo, lang) for smo in codes]


def disclosure_page(made: Disclosure, lang: str) -> str:
    """The figures of every insurer as one HTML page."""
    lead = _s("disclosure.lead", lang, day=show_date(made.on, lang), months=_months(made, lang))
    return render(
        "disclosure.html.j2", lang, title=_s("disclosure.title", lang), lead=lead, insurers=_insurers(made, lang),
        terms=_terms(made, lang), unconfirmed=list(made.unconfirmed),
    )  # fmt: skip


def _terms(made: Disclosure, lang: str) -> str:
    """How often it is to be refreshed and printed, and how long kept."""
    return _s("disclosure.terms", lang, **made.terms) if made.terms else ""


def _months(made: Disclosure, lang: str) -> str:
    return ", ".join(month_name(of.year, of.month, lang) for of in made.months)


def disclosure_workbook(made: Disclosure, lang: str) -> bytes:
    """The same as a workbook, a sheet for each kind of figures."""
    book = Workbook(lang, _s("disclosure.title", lang))
    lead = _s("disclosure.lead", lang, day=show_date(made.on, lang), months=_months(made, lang))
    insurers = _insurers(made, lang)
    parts: tuple[tuple[str, tuple[float, ...], tuple[str, ...]], ...] = (
        ("insured", (44.0, 44.0, 26.0), ("smo", "place", "people")),
        ("clinics", (44.0, 44.0, 20.0, 30.0), ("smo", "clinic", "usl_ok", "vidpom")),
        ("violations", (44.0, 24.0, 26.0), ("smo", "code", "cases")),
    )
    for key, widths, names in parts:
        sheet = book.sheet(_s(f"disclosure.{key}", lang), widths, landscape=True)
        sheet.heading(_s(f"disclosure.{key}", lang), lead)
        sheet.header([_s(f"column.{name}", lang) for name in names], repeat=True)
        for one in insurers:
            rows = one["places" if key == "insured" else key]
            for row in rows:
                last = ("figure" if key != "clinics" else "text", row[-1])
                sheet.cells([("text", one["name"]), *(("text", value) for value in row[:-1]), last])
            if key != "clinics" and rows:
                total = one["total" if key == "insured" else "violations_total"]
                sheet.cells([("text", one["name"]), ("text", t("total", lang)), ("figure", total)], bold=True)
        sheet.note(_s("disclosure.note", lang), _terms(made, lang), *made.unconfirmed)
    return book.bytes()
