"""Lists of findings for people: counts, texts, escaping."""

from __future__ import annotations

import io

import openpyxl
import polars as pl

from omsclaims import findings
from omsclaims.reports import flk, listing
from tests.reports import reports_data as data


def test_xlsx_has_counts_and_a_sheet_for_each_package() -> None:
    book = openpyxl.load_workbook(io.BytesIO(flk.findings_xlsx(data.month()["findings"], data.FORMULA, "ru")))
    assert [sheet.title for sheet in book.worksheets] == [
        "Итоги",
        "1 DOM750902T75_220301",
        "2 HM750901T75_220301",
        "3 TM750901T75_220301",
    ]
    counts = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows(min_row=5)]
    assert [(row[0], row[1], row[3], row[4]) for row in counts] == [
        ("C009", "1.5", 1, 1),
        ("C013", "1.4.4", 1, 1),
        ("C180", "1.8.1", 1, 1),
    ]
    assert not [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_html_escapes_what_was_found() -> None:
    page = flk.findings_html(data.month()["findings"], data.HOSTILE, "en")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "http" not in page
    assert "HM750901T75_220301" in page


def test_nothing_found() -> None:
    assert "Замечаний нет" in flk.findings_html(findings.empty(), "x", "ru")
    book = openpyxl.load_workbook(io.BytesIO(flk.findings_xlsx(findings.empty(), "x", "en")))
    assert [sheet.title for sheet in book.worksheets] == ["Counts"]


def test_shown_counts_by_rule_and_package() -> None:
    one = data.month()["findings"]
    many = pl.concat([one] * 5)
    shown = listing.shown(many, 2)
    assert shown.height == 2 * one.height
    assert shown["_of"].unique().to_list() == [5]


def test_a_rule_without_text_is_named_by_its_id() -> None:
    assert listing.sentence("Z.999", "{}", None, None, "ru") == "Z.999"
    assert "RSLT" in listing.sentence("RF.2", '{"letters":"DO"}', "5", "ZAP/Z_SL/RSLT", "en")
