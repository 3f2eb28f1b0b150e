"""Which papers do the parties of a month sign? Acts of points 121 and 132, protocol of МЭК, register of acts (law.md 4.7, 10.8).

Each function gives the bytes of one XLSX file. Names of parties are a mapping code -> name; a code without a name stands alone.
The identity of an act is asserted before it is written: an act that does not add up is never made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims import messages
from omsclaims.periods import Month
from omsclaims.reports import listing
from omsclaims.reports.sheets import Sheet, Workbook, month_name, show_date

Names = Mapping[str, str]

#: Lines of the act of point 121: number, message key, column of contract.act_121 (law.md 4.7).
LINES_121: Final = (
    ("1", "start", "start_kop"), ("1.1", "spare", "start_spare_kop"), ("1.2", "preventive", "start_preventive_kop"),
    ("2", "received", "received_kop"), ("2.1", "by_standards", "by_standards_kop"), ("2.2", "from_nsz", "from_nsz_kop"),
    ("2.3", "other_received", "other_received_kop"), ("2.4", "returned", "returned_kop"),
    ("3", "case_management", "case_management_kop"), ("4", "spent", "spent_kop"),
    ("4.1", "preventive_spent", "preventive_spent_kop"),
    ("5", "end", "end_kop"),
    ("5.1", "payment_reserve", "end_payment_kop"), ("5.2", "spare", "end_spare_kop"), ("5.3", "preventive", "end_preventive_kop"),
)  # fmt: skip

#: Lines that the Rules do not name: they stand in the act only where something moved.
ONLY_WHERE_MOVED: Final = frozenset({"other_received_kop", "returned_kop", "preventive_spent_kop"})

#: Lines of the act of point 132: number, message key, column of contract.act_132 (law.md 10.8).
LINES_132: Final = (
    ("1", "start", "start_kop"), ("2", "billed", "billed_kop"), ("3", "withheld", "withheld_kop"), ("3.1", "mek", "mek_kop"),
    ("3.2", "mee", "mee_kop"), ("3.3", "ekmp", "ekmp_kop"), ("4", "transferred", "transferred_kop"), ("5", "end", "end_kop"),
)  # fmt: skip

#: For information under the act of point 132: message key, column of contract.payments, kind of cell.
NOTES_132: Final = (
    ("cases", "cases", "count"), ("refused_cases", "refused_cases", "count"), ("accepted", "accepted_kop", "money"),
    ("advance", "advance_kop", "money"), ("excess_before", "excess_before_kop", "money"), ("payment", "payment_kop", "money"),
    ("excess_after", "excess_after_kop", "money"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """What an act is called and dated; `fund` is the name of the territorial fund."""

    number: str
    day: date | None
    month: Month
    fund: str


def number_121(month: Month, smo: str) -> str:
    """Number of the act of an insurer with the fund: `121/2022-03/75001`."""
    return f"121/{month}/{smo}"


def number_132(month: Month, payer: str, mo: str) -> str:
    """Number of the act of a payer with a clinic: `132/2022-03/75001/750901`."""
    return f"132/{month}/{payer}/{mo}"


def party(code: str | None, names: Names) -> str:
    """`Name (code)`, or the code alone."""
    name = names.get(code or "", "")
    return f"{name} ({code})" if name else str(code or "")


def _t(key: str, lang: str, **params: object) -> str:
    return messages.text(f"reports.{key}", lang, **params)


def act_121(row: Mapping[str, Any], act: Act, insurers: Names, lang: str, note: str = "") -> bytes:
    """The monthly act of an insurer and the fund. `row`: one row of contract.act_121 as a mapping; `note`: see doubts.note.

    Asserts end = start + received - case management - spent, and that the parts of lines 2 and 5 add up.
    """
    moved = row["start_kop"] + row["received_kop"] - row["case_management_kop"] - row["spent_kop"]
    assert row["end_kop"] == moved, f"act {act.number}: the balance at the end does not follow from the lines"
    other, returned = row.get("other_received_kop") or 0, row.get("returned_kop") or 0
    received = row["by_standards_kop"] + row["from_nsz_kop"] + other - returned
    assert row["received_kop"] == received, f"act {act.number}: parts of line 2"
    parts = row["end_payment_kop"] + row["end_spare_kop"] + row["end_preventive_kop"]
    assert row["end_kop"] == parts, f"act {act.number}: parts of line 5"
    insurer = party(str(row["smo"]), insurers)
    book, sheet = _begun("121", act, lang, fund=act.fund, insurer=insurer)
    _lines(sheet, [line for line in LINES_121 if line[2] not in ONLY_WHERE_MOVED or row.get(line[2])], row, "121", lang)
    sheet.line(_t("act.121.identity", lang), italic=True, font_color="#44515E")
    sheet.signatures((_t("act.side.fund", lang), act.fund), (_t("act.side.insurer", lang), insurer))
    sheet.note(note)
    return book.bytes()


def act_132(
    row: Mapping[str, Any], act: Act, payers: Names, clinics: Names, lang: str, payment: Mapping[str, Any] | None = None,
    note: str = "",
) -> bytes:  # fmt: skip
    """The monthly act of a payer and a clinic. `row`: contract.act_132; `payment`: the row of contract.payments, for information;
    `note`: values that are not confirmed (doubts.note).

    Asserts end = start + billed - withheld - transferred, and withheld = МЭК + МЭЭ + ЭКМП.
    """
    moved = row["start_kop"] + row["billed_kop"] - row["withheld_kop"] - row["transferred_kop"]
    assert row["end_kop"] == moved, f"act {act.number}: the debt at the end does not follow from the lines"
    assert row["withheld_kop"] == row["mek_kop"] + row["mee_kop"] + row["ekmp_kop"], f"act {act.number}: parts of line 3"
    payer, clinic = _payer(str(row["payer"]), payers, act, lang), party(str(row["mo"]), clinics)
    book, sheet = _begun("132", act, lang, payer=payer, clinic=clinic)
    _lines(sheet, LINES_132, row, "132", lang)
    sheet.line(_t("act.132.identity", lang), italic=True, font_color="#44515E")
    if payment is not None:
        sheet.gap()
        sheet.line(_t("act.132.notes", lang), bold=True)
        for key, column, kind in NOTES_132:
            sheet.cells([("text", ""), ("text", _t(f"act.132.note.{key}", lang)), (kind, payment[column])])
    sheet.signatures((_t("act.side.payer", lang), payer), (_t("act.side.clinic", lang), clinic))
    sheet.note(note)
    return book.bytes()


def _payer(code: str, payers: Names, act: Act, lang: str) -> str:
    """The payer by name; a code of two digits is the fund itself, paying for people insured elsewhere."""
    return _t("act.fund_elsewhere", lang, fund=act.fund) if len(code) == 2 and code not in payers else party(code, payers)


def _begun(kind: str, act: Act, lang: str, **parties: str) -> tuple[Workbook, Sheet]:
    """Title, month, number, parties and the heads of the lines."""
    month = month_name(act.month.year, act.month.month, lang)
    book = Workbook(lang, f"{_t(f'act.{kind}.short', lang)} {act.number}")
    sheet = book.sheet(_t(f"act.{kind}.sheet", lang), (7, 66, 22))
    sheet.heading(_t(f"act.{kind}.title", lang), _t("act.subtitle", lang, number=act.number, date=show_date(act.day, lang)))
    sheet.line(_t("act.month", lang, month=month))
    for key, name in parties.items():
        sheet.line(f"{_t(f'act.party.{key}', lang)}: {name}")
    sheet.gap()
    sheet.header([_t("act.column.number", lang), _t("act.column.line", lang), _t("act.column.roubles", lang)])
    return book, sheet


def _lines(sheet: Sheet, lines: Iterable[tuple[str, str, str]], row: Mapping[str, Any], kind: str, lang: str) -> None:
    """The numbered lines: main lines bold, parts indented."""
    for number, key, column in lines:
        main = "." not in number
        style: dict[str, Any] = {"bold": True} if main else {}
        sheet.cells([("text", number), ("text", _t(f"act.{kind}.{key}", lang)), ("money", int(row[column]))], **style)
        if not main:  # parts stand a little to the right of their line
            sheet.row -= 1
            sheet.text(1, _t(f"act.{kind}.{key}", lang), text_wrap=True, align="left", indent=3, **sheet.boxed())
            sheet.row += 1


def acts_register(
    acts_121: pl.DataFrame, acts_132: pl.DataFrame, act: Act, insurers: Names, clinics: Names, lang: str, note: str = ""
) -> bytes:
    """The register of the month's acts: one sheet for point 121, one for 132, each with its totals.

    acts_121, acts_132  contract tables; `act.number` is not used, numbers are made by number_121 and number_132
    note                values that are not confirmed (doubts.note), under each table
    """
    month = month_name(act.month.year, act.month.month, lang)
    book = Workbook(lang, _t("acts.title", lang, month=month))
    columns = ("start_kop", "received_kop", "case_management_kop", "spent_kop", "end_kop")
    sheet = book.sheet(_t("act.121.sheet", lang), (24, 40, *([20] * len(columns))), landscape=True)
    sheet.heading(_t("acts.title", lang, month=month), _t("act.121.short", lang))
    heads = [_t(f"act.121.{name.removesuffix('_kop')}", lang) for name in columns]
    sheet.header([_t("acts.number", lang), _t("act.party.insurer", lang), *heads], repeat=True)
    for row in acts_121.sort("smo").iter_rows(named=True):
        names = [("text", number_121(act.month, row["smo"])), ("text", party(row["smo"], insurers))]
        sheet.cells([*names, *(("money", row[name]) for name in columns)])
    _total(sheet, 2, acts_121, columns, lang)
    sheet.note(note)
    columns_132 = ("start_kop", "billed_kop", "withheld_kop", "transferred_kop", "end_kop")
    sheet = book.sheet(_t("act.132.sheet", lang), (28, 38, 38, *([18] * len(columns_132))), landscape=True)
    sheet.heading(_t("acts.title", lang, month=month), _t("act.132.short", lang))
    heads = [_t(f"act.132.{name.removesuffix('_kop')}", lang) for name in columns_132]
    sheet.header([_t("acts.number", lang), _t("act.party.payer", lang), _t("act.party.clinic", lang), *heads], repeat=True)
    for row in acts_132.sort("payer", "mo").iter_rows(named=True):
        number = number_132(act.month, row["payer"], row["mo"])
        elsewhere = len(row["payer"]) == 2 and row["payer"] not in insurers
        payer = _t("fund_elsewhere", lang) if elsewhere else party(row["payer"], insurers)
        who = (number, payer, party(row["mo"], clinics))
        sheet.cells([*(("text", name) for name in who), *(("money", row[name]) for name in columns_132)])
    _total(sheet, 3, acts_132, columns_132, lang)
    sheet.note(note)
    return book.bytes()


def _total(sheet: Sheet, before: int, table: pl.DataFrame, columns: tuple[str, ...], lang: str) -> None:
    """The row of totals, counted in kopecks here: no formula."""
    blank = [("text", "")] * (before - 1)
    sums = [("money", int(table[name].sum() or 0)) for name in columns]
    sheet.cells([("text", _t("total", lang)), *blank, *sums], bold=True)


def mek_protocol(
    package: str,
    cases: pl.DataFrame,
    decisions: pl.DataFrame,
    findings: pl.DataFrame,
    act: Act,
    clinics: Names,
    lang: str,
    first: int = listing.FIRST,
    note: str = "",
) -> bytes:
    """The protocol of МЭК of one package: totals, refusals by ground, and the findings with their text (values masked as found).

    cases, decisions, findings  contract tables and findings frame; rows of other packages are left alone
    first                       findings of one rule that are listed; the full count always stands beside
    note                        values that are not confirmed (doubts.note)
    """
    own = cases.filter(pl.col("package") == package)
    decided = own.select("case_key", "code_mo").join(decisions, on="case_key", how="inner")
    found = findings.filter(pl.col("package") == package)
    book = Workbook(lang, f"{_t('mek.title', lang)} {package}")
    sheet = book.sheet(_t("mek.sheet.totals", lang), (11, 13, 50, 13, 18))
    clinic = party(str(own["code_mo"][0]), clinics) if own.height else ""
    sheet.heading(_t("mek.title", lang), _t("act.subtitle", lang, number=act.number, date=show_date(act.day, lang)))
    for key, value in (("package", package), ("clinic", clinic), ("month", month_name(act.month.year, act.month.month, lang))):
        sheet.line(f"{_t(f'mek.{key}', lang)}: {value}")
    sheet.gap()
    _mek_totals(sheet, decided, lang)
    sheet.gap()
    _mek_grounds(sheet, decided, found, lang)
    sheet.signatures((_t("act.side.fund", lang), act.fund), (_t("act.side.clinic", lang), clinic))
    sheet.note(note)
    _mek_findings(book, found, first, lang)
    return book.bytes()


def _mek_totals(sheet: Sheet, decided: pl.DataFrame, lang: str) -> None:
    """Cases and roubles: billed, accepted, refused."""
    refused = decided.filter(pl.col("oplata") == 2)
    taken = decided.filter(pl.col("oplata") != 2)
    sheet.header(["", "", "", _t("cases", lang), _t("act.column.roubles", lang)])
    sheet.row -= 1
    sheet.span(0, 2, _t("mek.totals", lang), **sheet.head_style())
    sheet.row += 1
    for key, table, column in (
        ("billed", decided, "sumv_kop"), ("accepted", taken, "sump_kop"), ("refused", refused, "sank_it_kop"),
    ):  # fmt: skip
        total = decided if key == "refused" else table
        sheet.cells([("text", ""), ("text", ""), ("text", ""), ("count", table.height), ("money", int(total[column].sum() or 0))])
        sheet.row -= 1
        sheet.span(0, 2, _t(key, lang), align="left", indent=1, **sheet.boxed())
        sheet.row += 1


def _mek_grounds(sheet: Sheet, decided: pl.DataFrame, found: pl.DataFrame, lang: str) -> None:
    """By rule: findings counted, cases and roubles refused on this ground."""
    money = decided.filter(pl.col("ground_rule").is_not_null()).group_by("ground_rule").agg(
        pl.len().alias("refused"), pl.col("sank_it_kop").sum()
    )  # fmt: skip
    table = listing.counts(found).join(money, left_on="rule", right_on="ground_rule", how="left", maintain_order="left")
    sheet.header([_t("rule", lang), _t("ground", lang), _t("what", lang), _t("findings", lang), _t("refused_roubles", lang)])
    seen: set[str] = set()
    for row in table.iter_rows(named=True):
        again = row["rule"] in seen
        seen.add(row["rule"])
        amount = None if again else row["sank_it_kop"]
        texts = [("text", row["rule"]), ("text", row["code"]), ("text", listing.title(row["rule"], lang))]
        sheet.cells([*texts, ("count", row["findings"]), ("money", amount)])


def _mek_findings(book: Workbook, found: pl.DataFrame, first: int, lang: str) -> None:
    """The sheet of findings, in canonical order."""
    sheet = book.sheet(_t("mek.sheet.findings", lang), (9, 10, 14, 10, 10, 30, 26, 62), landscape=True)
    findings_table(sheet, found, first, lang)


def findings_table(sheet: Sheet, found: pl.DataFrame, first: int, lang: str) -> None:
    """Findings as a table of eight columns: N_ZAP, IDCASE, SL_ID, rule, ground, element, value, text."""
    if not found.height:
        sheet.line(_t("no_findings", lang))
        return
    listed = listing.with_text(listing.shown(found, first), lang)
    if listed.height < found.height:
        sheet.line(_t("first_of", lang, shown=f"{listed.height}", all=f"{found.height}", first=first), italic=True)
    heads = ("n_zap", "idcase", "sl_id", "rule", "ground", "element", "value", "text")
    sheet.header([_t(f"column.{name}" if name in ("element", "value", "text") else name, lang) for name in heads], repeat=True)
    for row in listed.iter_rows(named=True):
        sheet.cells([
            ("plain", row["n_zap"]), ("plain", row["idcase"]), ("text", row["sl_id"]), ("text", row["rule"]),
            ("text", row["code"]),
            ("text", row["element"]), ("text", row["value"]), ("text", row["text"]),
        ])  # fmt: skip
