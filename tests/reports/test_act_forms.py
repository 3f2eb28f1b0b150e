"""Papers of points 142, 144, 149, 175, 176 and the protocol: what stands in the cells, that nothing is cut, both languages."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from omsclaims import contract, messages
from omsclaims.reports import act_forms
from omsclaims.settlement import act_states
from omsclaims.settlement.act_states import KINDS, Act

BEGIN, END, DAY = date(2021, 10, 1), date(2022, 9, 30), date(2022, 11, 10)
LARGE = 98_765_432_109_87  # 98.8 billion roubles
PARTIES = {
    "142": ("fund:38", "territory:75"), "144": ("fund:38", "territory:75"), "149": ("fund:75", "territory:38"),
    "175": ("fund:75", "outside:X1"), "176": ("fund:75", "outside:X1"),
}  # fmt: skip


def named(party: str, lang: str) -> str:
    return f"Государственное бюджетное учреждение «Очень длинное имя, которое не помещается» {party} {lang}"


def made(kind: str, rows: int = 3) -> Act:
    """An act with large sums, one row of which is below zero."""
    of = KINDS[kind]
    table: list[dict[str, Any]] = []
    for number in range(rows):
        row: dict[str, Any] = {"n_zap": number + 1, "idcase": number + 1, "nschet": f"38-2203-{number:04d}", "dschet": DAY,
                               "codes": "204;210"}  # fmt: skip
        row |= dict.fromkeys(of.lines, LARGE // (number + 1))
        column, parts = of.equations[0]
        row[column] = sum(sign * row[name] for name, sign in parts.items())
        table.append({name: row[name] for name in of.rows})
    frame = pl.DataFrame(table, schema=dict(of.rows))
    lines = act_states.sums(frame, kind)
    return act_states.sound(Act(kind, f"{kind}/1", BEGIN, END, *PARTIES[kind], DAY, lines, frame, None))


def sheet_of(content: bytes) -> Worksheet:
    return openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]


def texts(sheet: Worksheet) -> list[str]:
    return [str(cell.value) for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]


def money(sheet: Worksheet) -> list[Any]:
    return [
        cell for row in sheet.iter_rows() for cell in row
        if cell.data_type == "n" and cell.value is not None and cell.number_format == "#,##0.00"
    ]  # fmt: skip


def width_of(sheet: Worksheet, column: int) -> float:
    held = [one for one in sheet.column_dimensions.values() if one.min <= column <= one.max]
    return float(held[0].width)


@pytest.mark.parametrize("lang", messages.LANGUAGES)
@pytest.mark.parametrize("kind", list(PARTIES))
def test_a_paper_shows_the_act_and_cuts_nothing(kind: str, lang: str) -> None:
    act = made(kind)
    policies = pl.DataFrame({"n_zap": [1, 2, 3], "idcase": [1, 2, 3], "policy": ["0012345678901234", "=1+1", "12 3456"]})
    persons = KINDS[kind].persons
    sheet = sheet_of(act_forms.paper(act, named, lang, policies if persons else None, "38-2203-0001, 14.04.2022"))
    said, amounts = texts(sheet), money(sheet)
    assert not any("act_book." in text or "{" in text for text in said)
    assert ("=1+1" in said) == persons
    values = [round(cell.value * 100) for cell in amounts]
    for row in act.rows.to_dicts():
        assert all(row[name] in values for name in KINDS[kind].lines)
    assert all(act.lines[name] in values for name in KINDS[kind].lines)
    assert {cell.alignment.horizontal for cell in amounts} == {"right"}
    for cell in amounts:
        letters = len(f"{cell.value:,.2f}") * (1.08 if cell.font.b else 1)
        assert letters + 2 <= width_of(sheet, cell.column), cell.coordinate
    for cell in (cell for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)):
        merged = [span for span in sheet.merged_cells.ranges if cell.coordinate in span]
        last = merged[0].max_col if merged else cell.column
        room = sum(width_of(sheet, column) for column in range(cell.column, last + 1))
        longest = max((len(word) for word in cell.value.split()), default=0)
        assert longest * (cell.font.sz / 10) <= room + 2, f"{cell.coordinate} {cell.value}"


@pytest.mark.parametrize("lang", messages.LANGUAGES)
def test_the_protocol_shows_both_figures_and_what_was_agreed(lang: str) -> None:
    act = made("149")
    rows = [
        {"act": act.number, "row": "38-2203-0000/2022-11-10", "line": "refunded_kop", "ours_kop": LARGE, "theirs_kop": LARGE - 1,
         "why": "amount", "agreed_kop": LARGE},
        {"act": act.number, "row": "38-2203-0009/2022-11-10", "line": "start_kop", "ours_kop": 0, "theirs_kop": 5_00, "why": "missing_here"},
    ]  # fmt: skip
    schema = contract.TABLES["act_disagreements"].schema()
    table = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
    sheet = sheet_of(act_forms.protocol(act, table, named, lang))
    values = [round(cell.value * 100) for cell in money(sheet)]
    assert values == [LARGE, LARGE - 1, -1, LARGE, 0, 500, 500]
    said = texts(sheet)
    assert messages.text("act_book.protocol.left", lang, count=1, all=2) in said
    assert any("38-2203-0009" in text and messages.text("act_book.protocol.missing_here", lang) in text for text in said)


def test_equal_acts_give_equal_papers() -> None:
    assert act_forms.paper(made("149"), named, "ru") == act_forms.paper(made("149"), named, "ru")


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_line_has_a_name(kind: str) -> None:
    for lang in messages.LANGUAGES:
        names = [act_forms.line_name(kind, column, lang) for column in (*KINDS[kind].lines, *KINDS[kind].rows)]
        assert len(set(names)) == len({*KINDS[kind].lines, *KINDS[kind].rows})
