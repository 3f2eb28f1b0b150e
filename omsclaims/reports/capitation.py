"""What does the per-capita money of clinics look like on paper, how did one come to its sum? (Rules 167-168; law.md 7)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import polars as pl

from omsclaims import findings, messages
from omsclaims.law import Parameters, unconfirmed_lines
from omsclaims.law.agreement import Agreement
from omsclaims.money import KOPECKS_PER_ROUBLE, round_fraction, show_amount
from omsclaims.periods import Month
from omsclaims.reports.sheets import Sheet, Workbook, month_name, show_date
from omsclaims.tariffs.capitation import Capitation

#: Digits of coefficients and standards on paper; the exact ones are in the CSV.
DIGITS: Final = 5
_HEAD: Final = {"bold": True, "bg_color": "#F1F4F7", "border": 1, "border_color": "#9AA7B2", "text_wrap": True, "align": "center"}
_CELL: Final = {"border": 1, "border_color": "#9AA7B2"}
_FIGURES: Final = ("kdpv", "kdur", "kdzp", "kdot", "kd", "standard", "final_standard")
_MONEY: Final = ("people_kop", "numbers_kop", "points_kop", "total_kop")
CLINICS: Final = ("mo", "people", *_FIGURES, "people_kop", "performance_group", "numbers_kop", "points_kop", "total_kop")
FAPS: Final = ("fap", "name", "mo", "band", "norm", "kd", "ks", "year_kop", "month_kop")


@dataclass(frozen=True)
class About:
    """Whose computation it is: month, territory, agreement, law."""

    month: Month
    territory: str
    agreement: Agreement
    law: Parameters


def fraction(text: str | None) -> Fraction | None:
    """A figure of the frames (a/b)."""
    return None if text is None else Fraction(text)


def figure(value: Fraction | None, lang: str, digits: int = DIGITS) -> str:
    """A coefficient or standard for people: rounded half up, an endless one with all its digits."""
    if value is None:
        return "–"
    scaled = round_fraction(value * 10**digits)
    text = f"{scaled // 10**digits}.{scaled % 10**digits:0{digits}d}"
    return text.replace(".", ",") if lang == "ru" else text


def money_lines(made: Capitation, lang: str) -> list[str]:
    """A sentence on the money of each kind, and what its sums leave out."""
    lines = []
    for row in made.money.iter_rows(named=True):
        said = {"kind": messages.text(f"capitation.kind.{row['kind']}", lang), "day": show_date(row["day"], lang)}
        said |= {"people": str(row["people"]), "shared": show_amount(row["shared_kop"], lang)}
        if row["money_kop"] is None:
            lines.append(messages.text("capitation.no_balance", lang, **said))
        else:
            sums = {"money": show_amount(row["money_kop"], lang), "left": show_amount(row["left_kop"], lang)}
            lines.append(messages.text("capitation.money", lang, **said, **sums))
        if row["why"] is not None:
            lines.append(messages.text("capitation.why", lang, why=row["why"]))
    return lines


def clinic_cells(row: Mapping[str, Any], lang: str) -> dict[str, str]:
    """A row of clinics as texts."""
    cells = {name: figure(fraction(row[name]), lang) for name in _FIGURES}
    cells |= {name: "–" if row[name] is None else show_amount(row[name], lang) for name in _MONEY}
    return {**cells, "mo": row["mo"], "people": str(row["people"]), "performance_group": row["performance_group"] or ""}


def fap_cells(row: Mapping[str, Any], lang: str) -> dict[str, str]:
    """A row of ФАП as texts."""
    norm = None if row["norm4"] is None else Fraction(row["norm4"], 10**4)
    sums = {name: "–" if row[name] is None else show_amount(row[name], lang) for name in ("year_kop", "month_kop")}
    figures = {"norm": figure(norm, lang, 2), "kd": figure(Fraction(row["kd5"], 10**5), lang)}
    figures["ks"] = figure(Fraction(row["ks5"], 10**5), lang)
    band = row["band"] if row["residents"] is None else f"{row['band'] or '–'} ({row['residents']})"
    return {"fap": row["fap"], "name": row["name"] or "", "mo": row["mo"], "band": band or "–", **figures, **sums}


# ---- workbook --------------------------------------------------------------------------------------------------------------


def workbook(made: Capitation, about: About, lang: str) -> bytes:
    """The annex: clinics by kind, ФАП, people by group, sources with what is unconfirmed and what is wrong."""
    title = messages.text("capitation.title", lang, month=month_name(about.month.year, about.month.month, lang))
    book = Workbook(lang, title)
    sheet = book.sheet(messages.text("capitation.sheet.clinics", lang), [12, 9, *[10] * 7, 16, 8, 15, 15, 16], landscape=True)
    said = {"territory": about.territory, "reference": about.agreement.head.reference}
    sheet.heading(title, messages.text("capitation.subtitle", lang, **said))
    for line in money_lines(made, lang):
        sheet.line(line)
    for line in unconfirmed_lines(made.sources, lang, about.law):
        sheet.line(line, font_color="#9A3B26")
    sheet.line(messages.text("capitation.digits", lang, digits=DIGITS), font_color="#44515E")
    for kind in made.clinics["kind"].unique(maintain_order=True):
        sheet.gap()
        sheet.line(messages.text(f"capitation.kind.{kind}", lang), bold=True)
        _clinics(sheet, made.clinics.filter(pl.col("kind") == kind), lang)
    _faps(book, made.faps, lang)
    _people(book, made.people, lang)
    _sources(book, made, about, lang)
    return book.bytes()


def _heads(sheet: Sheet, names: Iterable[str], lang: str) -> None:
    for column, name in enumerate(names):
        sheet.text(column, messages.text(f"capitation.col.{name}", lang), **_HEAD)
    sheet.row += 1


def _clinics(sheet: Sheet, rows: pl.DataFrame, lang: str) -> None:
    """Clinics of one kind and their total."""
    _heads(sheet, CLINICS, lang)
    for row in rows.iter_rows(named=True):
        cells = clinic_cells(row, lang)
        for column, name in enumerate(CLINICS):
            if name in _MONEY:
                sheet.money(column, row[name], **_CELL)
            elif name == "people":
                sheet.count(column, row[name], **_CELL)
            else:
                sheet.text(column, cells[name], align="left" if name == "mo" else "right", **_CELL)
        sheet.row += 1
    sheet.text(0, messages.text("capitation.total", lang), bold=True, **_CELL)
    sheet.count(1, int(rows["people"].sum()), bold=True, **_CELL)
    for column, name in enumerate(CLINICS):
        if name in _MONEY:
            sheet.money(column, int(rows[name].sum()), bold=True, **_CELL)
    sheet.row += 1


def _faps(book: Workbook, rows: pl.DataFrame, lang: str) -> None:
    if rows.is_empty():
        return
    sheet = book.sheet(messages.text("capitation.sheet.faps", lang), [12, 28, 12, 16, 16, 10, 10, 16, 16], landscape=True)
    _heads(sheet, FAPS, lang)
    for row in rows.iter_rows(named=True):
        cells = fap_cells(row, lang)
        for column, name in enumerate(FAPS):
            if name.endswith("_kop"):
                sheet.money(column, row[name], **_CELL)
            else:
                sheet.text(column, cells[name], align="right" if name in ("norm", "kd", "ks") else "left", **_CELL)
        sheet.row += 1
    sheet.text(0, messages.text("capitation.total", lang), bold=True, **_CELL)
    for column, name in ((7, "year_kop"), (8, "month_kop")):
        sheet.money(column, int(rows[name].sum()), bold=True, **_CELL)
    sheet.row += 1


def _people(book: Workbook, people: pl.DataFrame, lang: str) -> None:
    """People by clinic and group; no person is in it."""
    if people.is_empty():
        return
    sheet = book.sheet(messages.text("capitation.sheet.people", lang), [22, 12, 12, 12])
    _heads(sheet, ("kind", "mo", "group", "people"), lang)
    for row in people.iter_rows(named=True):
        sheet.text(0, messages.text(f"capitation.kind.{row['kind']}", lang), **_CELL)
        sheet.text(1, row["mo"], **_CELL)
        sheet.text(2, row["group"], **_CELL)
        sheet.count(3, row["people"], **_CELL)
        sheet.row += 1


def _sources(book: Workbook, made: Capitation, about: About, lang: str) -> None:
    sheet = book.sheet(messages.text("capitation.sheet.sources", lang), [140])
    parts = {
        "capitation.sources": source_lines(made.sources, about, lang),
        "capitation.doubts": unconfirmed_lines(made.sources, lang, about.law),
        "capitation.remarks": [f"{row['rule']}: {row['text']}" for row in findings.with_text(made.findings, lang).to_dicts()],
    }
    for key, lines in parts.items():
        if lines:
            sheet.line(messages.text(key, lang), bold=True)
            for line in lines:
                sheet.line(line)
            sheet.gap()


def source_lines(sources: Iterable[str], about: About, lang: str) -> list[str]:
    """Rows of the agreement by their reference, then parameters of the law with theirs."""
    by_reference: dict[str, list[str]] = {}
    for source in sorted(set(sources)):
        if not source.startswith("law:"):
            by_reference.setdefault(about.agreement.reference_of(source), []).append(source)
    lines = [
        messages.text("capitation.explain.source", lang, source=", ".join(rows), reference=f" - {reference}").strip()
        for reference, rows in by_reference.items()
    ]
    for used in about.law.named(sources):
        parameter = about.law.by_name[used.name]
        meaning = parameter.meaning_ru if lang == "ru" else parameter.meaning_en
        said = {"name": used.name, "value": used.value, "since": used.since, "meaning": meaning, "reference": used.reference}
        lines.append(messages.text("priced.law", lang, **said))
    return lines


# ---- one clinic ------------------------------------------------------------------------------------------------------------


def explain(made: Capitation, mo: str, about: About, lang: str) -> list[str]:
    """How a clinic came to its sums, kind by kind: formula, figures, sources; [] for a clinic that is not in it."""
    lines: list[str] = []
    for row in made.clinics.filter(pl.col("mo") == mo).iter_rows(named=True):
        kind = messages.text(f"capitation.kind.{row['kind']}", lang)
        lines.append(messages.text("capitation.explain.head", lang, kind=kind, mo=mo, people=row["people"]))
        lines += _steps(made, row, about, lang)
        sources = str(row["sources"]).split(";")
        lines += ["  " + line for line in source_lines(sources, about, lang)]
        lines += ["  " + line for line in unconfirmed_lines(sources, lang, about.law)]
    return lines


def _steps(made: Capitation, row: Mapping[str, Any], about: About, lang: str) -> list[str]:
    """The formula with its figures, as far as it was computed."""
    shown = {name: figure(fraction(row[name]), lang) for name in (*_FIGURES, "base", "balance")}
    lines = _by_age(made, row, about, lang, shown["kdpv"])
    if row["standard"] is not None:
        lines.append(messages.text("capitation.explain.standard", lang, **{**shown, "value": shown["standard"]}))
    if row["people_kop"] is None:
        rules = sorted({rule for rule in made.findings["rule"] if rule in ("T.33", "T.34", "T.35", "T.36", "T.37", "T.44")})
        return [*lines, messages.text("capitation.explain.none", lang, why=", ".join(rules) or "–")]
    if row["balance"] != "1/1":
        lines.append(messages.text("capitation.explain.final", lang, **{**shown, "value": shown["final_standard"]}))
    whole = (fraction(row["final_standard"]) or Fraction(0)) * row["people"]
    said = {"standard": shown["final_standard"], "people": row["people"], "exact": figure(whole, lang)}
    lines.append(messages.text("capitation.explain.amount", lang, **said, amount=show_amount(row["people_kop"], lang)))
    if row["performance_group"] is not None:
        parts = {name: show_amount(row[f"{name}_kop"], lang) for name in ("numbers", "points")}
        lines.append(messages.text("capitation.explain.performance", lang, group=row["performance_group"], **parts))
    return lines


def _by_age(made: Capitation, row: Mapping[str, Any], about: About, lang: str, value: str) -> list[str]:
    """KDpv of the people, group by group, where it was computed from them."""
    first = about.month.first
    table = about.agreement.table("relative_coefficients")
    table = table.filter((pl.col("valid_from") <= first) & (pl.col("valid_to") >= first) & (pl.col("kind") == row["kind"]))
    used = set(str(row["sources"]).split(";"))
    relative = {group: k for group, k, source in table.select("group", "coefficient5", "source").iter_rows() if source in used}
    people = made.people.filter((pl.col("kind") == row["kind"]) & (pl.col("mo") == row["mo"]))
    parts = [
        f"{figure(Fraction(relative[group], 10**5), lang)} x {count}"
        for group, count in people.select("group", "people").iter_rows()
        if group in relative
    ]
    if not parts or len(parts) < people.height:  # a group has no coefficient: nothing was computed
        return []
    own = sum((Fraction(relative[group], 10**5) * n for group, n in people.select("group", "people").iter_rows()), Fraction(0))
    mean = own / row["people"]
    said = {"parts": " + ".join(parts), "people": row["people"], "value": figure(mean, lang)}
    lines = [messages.text("capitation.explain.kdpv", lang, **said)]
    if fraction(row["kdpv"]) not in (None, mean):  # the mean of its group of clinics, or digits of the agreement
        lines.append(messages.text("capitation.explain.binding", lang, value=value))
    return lines


def exact_csv(made: Capitation) -> bytes:
    """Clinics with exact fractions and kopecks, as other programs read them."""
    assert KOPECKS_PER_ROUBLE == 100, "the columns are kopecks"
    return made.clinics.write_csv().encode()
