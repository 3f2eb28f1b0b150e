"""Lists of findings for people: counts, texts, money, escaping, what is shown of very many."""

from __future__ import annotations

import io
import re

import openpyxl
import polars as pl
import pytest

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.reports import flk, listing
from tests.reports import reports_data as data

NAME = "HM750901T75_220301"


def book_of(found: pl.DataFrame, lang: str = "ru", **more: object) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(flk.findings_xlsx(found, data.FORMULA, lang, **more)))  # type: ignore[arg-type]


def rows_of(sheet: openpyxl.worksheet.worksheet.Worksheet, first: int) -> list[list[object]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows(min_row=first)]


def one(**more: object) -> Finding:
    known = {
        "rule": "S.904", "level": "sl", "code": "1.4.4", "package": NAME, "file": NAME, "n_zap": 3, "idcase": 103, "sl_id": "s3",
        "element": "ZAP/Z_SL/SL/DET", "value": "7", "line": 40, "offset": 1812, "z_row": 2, "sl_row": 2, "params": {"allowed": "0, 1", "ru": "детский профиль"},
    }  # fmt: skip
    return Finding(**(known | more))  # type: ignore[arg-type]


def test_workbook_has_counts_and_one_row_per_finding() -> None:
    book = book_of(data.month()["findings"])
    assert [sheet.title for sheet in book.worksheets] == ["Итоги", "Замечания"]
    counts, listed = book.worksheets
    start = next(number for number, row in enumerate(rows_of(counts, 1), 1) if row[0] == "Правило")
    assert [(row[0], row[1], row[4], row[5]) for row in rows_of(counts, start + 1)] == [
        ("C009", "1.5", 1, 1), ("C013", "1.4.4", 1, 1), ("C180", "1.8.1", 1, 1),
    ]  # fmt: skip
    heads, *rows = rows_of(listed, 1)
    assert heads[:2] == ["Пакет", "N_ZAP"] and "Что сделать" in heads
    assert len(rows) == data.month()["findings"].height
    assert not [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_a_row_says_all_that_a_person_needs() -> None:
    book = book_of(findings.frame([one()]), "en")
    heads, row = rows_of(book.worksheets[1], 1)
    assert dict(zip(heads, row, strict=True)) == {
        "N_ZAP": 3, "IDCASE": 103, "Rule": "S.904", "Ground": "1.4.4", "What is wrong": "Value outside the enumeration",
        "Finding": 'The value "7" of element ZAP/Z_SL/SL/DET (-) is not one of: 0, 1', "What to do": "Use one of the values: 0, 1",
        "Element": "ZAP/Z_SL/SL/DET", "Value": "7", "SL_ID": "s3", "Line": 40, "Byte": 1812,
    }  # fmt: skip


def test_heads_stay_in_sight_and_every_column_has_a_filter() -> None:
    sheet = book_of(findings.frame([one(n_zap=number) for number in range(5)])).worksheets[1]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:{sheet.cell(6, sheet.max_column).coordinate}"
    assert all(sheet.column_dimensions[letter].width >= 8 for letter in "ABCDEF")


def test_data_never_become_formulas_or_links() -> None:
    hostile = ['=HYPERLINK("http://x")', "+1+1", "@SUM(1)", "http://example.org", "-2+3", "\x0b\ufffe"]
    sheet = book_of(findings.frame([one(value=text, n_zap=number) for number, text in enumerate(hostile)])).worksheets[1]
    column = rows_of(sheet, 1)[0].index("Значение") + 1
    shown = [sheet.cell(number, column) for number in range(2, 8)]
    assert [cell.data_type for cell in shown] == ["s"] * 6 and not any(cell.hyperlink for cell in shown)
    assert [cell.value for cell in shown[:5]] == hostile[:5]


def test_counts_say_how_much_money_is_concerned() -> None:
    """Each case once, whatever the number of its findings; nothing where no amount is known."""
    found = findings.frame(
        [
            one(),
            one(sl_id="s4"),
            one(z_row=5),
            one(rule="S.811", code=None, z_row=None, params={"stated": "a", "expected": "b"}),
            one(z_row=9, rule="S.903"),
        ]
    )
    billed = pl.DataFrame({"package": [NAME] * 3, "z_row": [2, 5, 9], "sumv_kop": [10_050, 200, None]})
    assert listing.counts(found, billed).select("rule", "findings", "cases", "sumv_kop").rows() == [
        ("S.904", 3, 2, 10_250), ("S.811", 1, 0, None), ("S.903", 1, 1, None),
    ]  # fmt: skip
    counts = rows_of(book_of(found, billed=billed).worksheets[0], 1)
    row = next(row for row in counts if row[0] == "S.904")
    assert row[4:7] == [3, 2, 102.5]
    assert "102,50" in flk.findings_html(found, "x", "ru", billed=billed)


def test_html_escapes_what_was_found() -> None:
    page = flk.findings_html(data.month()["findings"], data.HOSTILE, "en")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "HM750901T75_220301" in page


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_page_needs_nothing_from_outside(lang: str) -> None:
    page = flk.findings_html(findings.frame([one(), one(package="HM750902T75_220301")]), "x", lang)
    assert "http" not in page and "@import" not in page and "url(" not in page
    assert not re.search(r"<(?:script|link|img|iframe)\b", page)
    assert "@media print" in page and "max-width: 720px" in page  # paper and telephone


def test_the_page_says_where_and_what_to_do() -> None:
    page = flk.findings_html(
        findings.frame(
            [
                one(),
                one(
                    rule="S.811",
                    level="file",
                    n_zap=None,
                    idcase=None,
                    sl_id=None,
                    line=3,
                    params={"stated": "a", "expected": "b"},
                ),
            ]
        ),
        "x",
        "ru",
    )
    text = re.sub(r"<[^>]+>", "|", page)
    assert re.search(r"N_ZAP\|+3", text) and re.search(r"IDCASE\|+103", text) and re.search(r"Строка\|+40", text)
    assert "Укажите одно из значений: 0, 1" in text and "файл целиком" in text


def test_nothing_found() -> None:
    assert "Замечаний нет" in flk.findings_html(findings.empty(), "x", "ru")
    assert [sheet.title for sheet in book_of(findings.empty(), "en").worksheets] == ["Counts"]


def test_very_many_findings_are_counted_in_full_and_shown_in_part() -> None:
    many = findings.frame([one(n_zap=number, value=str(number % 7)) for number in range(900)])
    book = book_of(many, "en", first=20)
    counts = rows_of(book.worksheets[0], 1)
    assert any("20 of 900 findings are shown" in str(row[0]) for row in counts)
    assert next(row for row in counts if row[0] == "S.904")[4] == 900
    assert len(rows_of(book.worksheets[1], 2)) == 20
    page = flk.findings_html(many, "x", "en", first=20)
    assert page.count("<b>Value outside") == 20 and "20 of 900 are shown" in page


def test_a_page_that_would_be_too_long_ends_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flk, "PAGE_ROWS", 3)
    found = findings.frame([one(package=package, n_zap=number) for package in ("HM1", "HM2", "HM3") for number in range(2)])
    page = flk.findings_html(found, "x", "en")
    assert page.count("<b>Value outside") == 3 and "lists the first 3 findings" in page
    assert all(f">{package}</" in page for package in ("HM1", "HM2", "HM3"))


def test_advice_names_what_all_findings_have_in_common() -> None:
    assert listing.todo("S.904", "en", [('{"allowed":"0, 1"}', "7", "A")] * 2) == "Use one of the values: 0, 1"
    assert (
        listing.todo("S.904", "en", [('{"allowed":"0, 1"}', "7", "A"), ('{"allowed":"2"}', "7", "A")])
        == "Use one of the values: …"
    )
    assert listing.todo("S.904", "en") == "Use one of the values: …"
    assert listing.todo("Z.999", "en") == ""


def test_shown_counts_by_rule_and_package() -> None:
    month = data.month()["findings"]
    shown = listing.shown(pl.concat([month] * 5), 2)
    assert shown.height == 2 * month.height
    assert shown["_of"].unique().to_list() == [5]


def test_a_rule_without_text_is_named_by_its_id() -> None:
    assert listing.sentence("Z.999", "{}", None, None, "ru") == "Z.999"
    assert "RSLT" in listing.sentence("RF.2", '{"letters":"DO"}', "5", "ZAP/Z_SL/RSLT", "en")


def test_the_order_of_findings_does_not_matter() -> None:
    found = pl.concat([data.month()["findings"], findings.frame([one(n_zap=number) for number in range(9)])])
    mixed = found.sample(fraction=1, shuffle=True, seed=3)
    assert flk.findings_xlsx(mixed, "x", "ru") == flk.findings_xlsx(found, "x", "ru")
    assert flk.findings_html(mixed, "x", "ru") == flk.findings_html(found, "x", "ru")
