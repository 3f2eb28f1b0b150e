"""The page of the month: figures, both languages, escaping, nothing from outside, the same bytes."""

from __future__ import annotations

import re
from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest
from lxml import html

from omsclaims import messages
from omsclaims.reports import page
from omsclaims.settlement import Identity
from omsclaims.settlement import identities as month_identities
from tests.reports import reports_data as data

CONTEXT = SimpleNamespace(month=data.MONTH, as_of=date(2022, 4, 12), territory="75")
LINKS = [
    page.Link("acts", data.HOSTILE, "acts/act 1.xlsx"),
    page.Link("answers", "HT75M750901_220301", "answers/HT75M750901_220301.zip"),
]


def made(lang: str = "ru", tables: dict[str, pl.DataFrame] | None = None) -> str:
    found = data.month() if tables is None else tables
    return page.month_page(found, month_identities(found), LINKS, CONTEXT, lang, digest="abc123")


@pytest.mark.parametrize("lang", messages.LANGUAGES)
def test_nothing_from_outside_and_nothing_that_runs(lang: str) -> None:
    text = made(lang)
    tree = html.fromstring(text)
    assert not re.search(r"https?:|//|@import|url\(|javascript:", text)
    assert not tree.xpath("//script|//link|//img|//iframe|//object|//*[@onload or @onclick]")
    assert tree.xpath("//svg")
    assert [node.get("href") for node in tree.xpath("//a")] == ["acts/act 1.xlsx", "answers/HT75M750901_220301.zip"]


@pytest.mark.parametrize("lang", messages.LANGUAGES)
def test_hostile_names_are_text(lang: str) -> None:
    text = made(lang)
    assert "<script" not in text.lower()
    tree = html.fromstring(text)
    assert tree.xpath("//a")[0].text == data.HOSTILE
    cells = [node.text_content() for node in tree.xpath("//td")]
    assert f"Поликлиника {data.HOSTILE}" in cells
    assert f"S.807 {data.HOSTILE}" in cells
    assert data.FORMULA in cells


def test_figures_of_the_headline() -> None:
    tree = html.fromstring(made("ru"))
    tiles = {node.xpath("./div")[0].text: node.xpath("./div")[1].text for node in tree.xpath("//div[contains(@class,'tile ')]")}
    billed = sum(row[2] for row in data.CASES)
    refused = sum(row[2] for row in data.CASES if row[4])
    assert billed == 62_969_042
    assert tiles["Предъявлено"] == "629\u00a0690,42"
    assert tiles["Принято к оплате"] == "405\u00a0644,75"
    assert refused == 22_404_567
    assert tiles["Отказано по контролю"] == "224\u00a0045,67"
    assert tiles["Пакетов принято к рассмотрению"] == "6"
    assert tiles["Должны другие территории"] == "315\u00a0144,65"
    assert tiles["Контрольные равенства"] == "14 / 14"


def test_identity_that_does_not_hold_is_marked() -> None:
    text = page.month_page(data.month(), [Identity("ledger_zero", 1, 0)], [], CONTEXT, "en")
    tree = html.fromstring(text)
    assert tree.xpath("//td[@class='off']")[0].text == "✗ no"
    assert "some do not hold" in text


def test_plan_in_force_for_the_month() -> None:
    tables = data.month()
    later = data.frame(
        "reg_plan", [{"mo": "750901", "month": "2022-04", "line": "exam", "volume": 1000, "since": date(2022, 1, 1)}]
    )
    tables["reg_plan"] = pl.concat([tables["reg_plan"], later])
    rows = {
        row[0].text: [cell.text for cell in row[1:]]
        for row in html.fromstring(made("en", tables)).xpath("//tr[td]")
        if len(row) == 7
    }
    # own accepted inpatient cases: C 1, H3.1 3, H3.2 1 = 3 of 5; the second decision of the commission holds
    assert rows["КСГ, inpatient"] == ["5", "3", "60.0\u00a0%", "80,000.00", "89,000.10", "111.3\u00a0%"]
    assert rows["Examination, completed case"] == ["10", "1", "10.0\u00a0%", "–", "1,500.00", "–"]


def test_same_tables_same_page_in_any_order() -> None:
    tables = data.month()
    turned = {name: table.reverse() for name, table in tables.items()}
    assert made("ru", tables) == made("ru", turned)


def test_what_is_absent_is_left_out() -> None:
    text = page.month_page({}, [], [], CONTEXT, "en")
    assert "OMS settlement of the month: March 2022" in text
    assert "<table" not in text


def test_empty_tables_do_not_break_the_page() -> None:
    tables = {name: table.clear() for name, table in data.month().items()}
    assert made("en", tables).count("<svg") == 0


@pytest.mark.parametrize("href", ["http://x", "javascript:alert(1)", "/etc/passwd", "//x"])
def test_links_are_relative(href: str) -> None:
    with pytest.raises(ValueError, match="relative"):
        page.Link("acts", "x", href)
