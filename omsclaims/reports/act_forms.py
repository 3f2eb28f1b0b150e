"""Which papers go with the acts between funds? Forms of points 142, 144, 149, 175, 176, and the protocol of disagreements.

Each function gives the bytes of one XLSX. What is said is said by the act (`settlement.act_states.Act`): a paper never shows a
figure that its file does not have. Policy numbers stand only on the papers of items (142, 144, 175), which belong into the
restricted part; names of people stand on none, the law asks for the number of the item and of the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import polars as pl

from omsclaims import messages
from omsclaims.reports.sheets import Sheet, Workbook, show_date
from omsclaims.settlement.act_states import KINDS, Act

#: Party of the ledger -> how a person calls it, in a language.
Named = Callable[[str, str], str]
#: Columns of the list of a kind with their widths: kind of cell, column.
_ITEMS: Final = (("n_zap", "plain", 9.0), ("idcase", "plain", 12.0), ("policy", "text", 24.0), ("codes", "text", 16.0))
_MONEY: Final = 22.0


def _t(key: str, lang: str, **params: object) -> str:
    """A text of the papers."""
    return messages.text(f"act_book.{key}", lang, **params)


def line_name(kind: str, column: str, lang: str) -> str:
    """What a line or column is called on the papers of a kind."""
    own = f"act_book.line.{kind}.{column}"
    return messages.text(own if messages.has(own) else f"act_book.line.{column}", lang)


def paper(act: Act, named: Named, lang: str, policies: pl.DataFrame | None = None, bill: str = "", note: str = "") -> bytes:
    """The paper of an act of kinds 142, 144, 149, 175, 176.

    named     names a party of the ledger;  note: values that are not confirmed (doubts.note)
    policies  columns n_zap, idcase, policy: for papers of items
    bill      number and date of the bill that an act of items is about, as shown
    """
    wide = act.kind in ("149", "176")
    kind = KINDS[act.kind]
    columns = [("nschet", "text", 26.0), ("dschet", "text", 13.0)] if wide else list(_ITEMS)
    amounts = [(name, "money", _MONEY) for name in kind.rows if name.endswith("_kop")]
    shown = [*columns, *amounts]
    book = Workbook(lang, f"{_t(f'paper.{act.kind}.short', lang)} {act.number}")
    sheet = book.sheet(_t(f"paper.{act.kind}.sheet", lang), tuple(width for *_, width in shown), landscape=True)
    _head(sheet, act, named, lang, bill)
    sheet.header([line_name(act.kind, name, lang) for name, *_ in shown], repeat=True)
    rows = act.rows if policies is None else act.rows.join(policies, on=["n_zap", "idcase"], how="left", maintain_order="left")
    for row in rows.iter_rows(named=True):
        sheet.cells([(cell, _value(row.get(name), name, lang)) for name, cell, _ in shown])
    if not act.rows.height:
        sheet.line(_t("paper.no_rows", lang), italic=True)
    of_rows = {name: int(act.rows[name].sum()) for name, *_ in amounts}
    blank = [("text", "")] * (len(columns) - 1)
    sheet.cells([("text", _t("paper.total", lang)), *blank, *(("money", of_rows[name]) for name, *_ in amounts)], bold=True)
    if not wide:
        _sums(sheet, act, lang, len(shown))
    sheet.line(_t(f"paper.{act.kind}.identity", lang), italic=True, font_color="#44515E")
    sides = [(_t(f"paper.{act.kind}.side.{side}", lang), named(party, lang)) for side, party in _sides(act)]
    sheet.signatures(*(sides[:1] if act.kind in ("142", "144", "175") else sides))
    sheet.note(note)
    return book.bytes()


def _sides(act: Act) -> list[tuple[str, str]]:
    return [("party", act.party), ("other", act.other)]


def _value(value: object, name: str, lang: str) -> object:
    if name == "dschet":
        return show_date(value, lang)  # type: ignore[arg-type]
    if name == "nschet" and value == "-":
        return _t("paper.no_bill", lang)
    return value


def _head(sheet: Sheet, act: Act, named: Named, lang: str, bill: str) -> None:
    """Title, number, period or bill, parties."""
    sheet.heading(
        _t(f"paper.{act.kind}.title", lang), _t("paper.subtitle", lang, number=act.number, date=show_date(act.drawn_on, lang))
    )
    if KINDS[act.kind].period == "year":
        period = f"{show_date(act.first, lang)} - {show_date(act.last, lang)}"
        sheet.line(_t("paper.period", lang, period=period))
    else:
        sheet.line(_t("paper.bill", lang, bill=bill or act.about or ""))
    for side, party in _sides(act):
        sheet.line(f"{_t(f'paper.{act.kind}.side.{side}', lang)}: {named(party, lang)}")
    sheet.line(_t("paper.unit", lang), font_color="#44515E")
    sheet.gap()


def _sums(sheet: Sheet, act: Act, lang: str, width: int) -> None:
    """The sums of the whole file under a list that holds only what was refused."""
    sheet.gap()
    for name in KINDS[act.kind].lines:
        blank = [("text", "")] * (width - 2)
        sheet.cells([("text", ""), *blank, ("money", act.lines[name])], bold=True)
        sheet.row -= 1
        sheet.span(0, width - 2, line_name(f"{act.kind}.whole", name, lang), align="left", indent=1, bold=True, **sheet.boxed())
        sheet.row += 1


# ---- the protocol of disagreements ------------------------------------------------------------------------------------


def protocol(act: Act, disagreements: pl.DataFrame, named: Named, lang: str, note: str = "") -> bytes:
    """The protocol of disagreements of an act: each line with both figures, the difference, and what was agreed.

    disagreements  contract `act_disagreements`, the rows as they stand (`act_states.open_lines`)
    """
    widths = (36.0, 40.0, _MONEY, _MONEY, _MONEY, _MONEY)
    book = Workbook(lang, f"{_t('protocol.short', lang)} {act.number}")
    sheet = book.sheet(_t("protocol.sheet", lang), widths, landscape=True)
    sheet.heading(
        _t("protocol.title", lang), _t("protocol.subtitle", lang, number=act.number, date=show_date(act.drawn_on, lang))
    )
    period = f"{show_date(act.first, lang)} - {show_date(act.last, lang)}"
    sheet.line(_t("paper.period", lang, period=period))
    for key, party in (("ours", act.party), ("theirs", act.other)):
        sheet.line(f"{_t(f'protocol.{key}', lang)}: {named(party, lang)}")
    sheet.gap()
    heads = ("row", "line", "ours_kop", "theirs_kop", "difference_kop", "agreed_kop")
    sheet.header([_t(f"protocol.column.{name}", lang) for name in heads], repeat=True)
    for row in disagreements.iter_rows(named=True):
        sheet.cells([
            ("text", _row_name(row, lang)), ("text", line_name(act.kind, row["line"], lang)), ("money", row["ours_kop"]),
            ("money", row["theirs_kop"]), ("money", row["theirs_kop"] - row["ours_kop"]), ("money", row["agreed_kop"]),
        ])  # fmt: skip
    left = disagreements.filter(pl.col("agreed_kop").is_null()).height
    sheet.line(_t("protocol.left", lang, count=left, all=disagreements.height), italic=True)
    sheet.signatures((_t("protocol.ours", lang), named(act.party, lang)), (_t("protocol.theirs", lang), named(act.other, lang)))
    sheet.note(note)
    return book.bytes()


def _row_name(row: Mapping[str, Any], lang: str) -> str:
    """The row of a list, or the whole act; and where only one side has it."""
    name = row["row"] or _t("protocol.whole", lang)
    why = row["why"]
    return f"{name} ({_t(f'protocol.{why}', lang)})" if why in ("missing_here", "missing_there") else str(name)
