"""Does the report on plan and fact say what the outlook says, in both languages, without a script and without foreign markup?"""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import openpyxl
import pytest
from lxml import html

from omsclaims.reports import plans
from omsclaims.settlement import volumes
from tests.settlement.settlement_samples import SINCE, rows
from tests.settlement.volumes_samples import made_context

NASTY = '<script>alert(1)</script> "Clinic" & =1+1'
LINES = ({"line": "hospital", "name": "Стационар", "usl_ok": 1}, {"line": "clinic", "name": NASTY, "usl_ok": 3})


def made(month: int = 3, money: bool = True, facts: bool = True) -> plans.Report:
    """Two clinics, two lines, 10 cases a month for 1000.00 each; the second clinic bills 12 and gets 10."""
    names = [f"2022-{number:02d}" for number in range(1, 13)]
    plan = [
        {"mo": mo, "month": name, "line": line, "volume": 10, "money_kop": 1_000_000 if money else None, "since": SINCE}
        for mo in ("750901", "750902") for name in names for line in ("hospital", "clinic")
    ]  # fmt: skip
    fact: list[dict[str, Any]] = []
    for mo, billed in (("750901", 8), ("750902", 12)):
        for line in ("hospital", "clinic"):
            over = max(0, billed - 10)
            fact += [
                {"month": name, "mo": mo, "line": line, "unit": "case", "billed_units2": billed * 100, "billed_kop": billed * 100_000,
                 "consumed_units2": (billed - over) * 100, "consumed_kop": (billed - over) * 100_000, "excess_units2": over * 100,
                 "excess_kop": over * 100_000}
                for name in names[:month]
            ]  # fmt: skip
    context = made_context(f"2022-{month:02d}", date(2022, 5, 1), LINES)
    found = volumes.outlook(rows("reg_plan", *plan), rows("plan_lines", *(fact if facts else ())), context)
    clinics = rows(
        "reg_clinic",
        {"mo": "750901", "name": NASTY, "valid_from": SINCE},
        {"mo": "750902", "name": "Вторая", "valid_from": SINCE},
    )
    return plans.report(found, context, clinics, "ru")


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_page_says_the_figures(lang: str) -> None:
    text = plans.page(made(), lang)
    tree = html.fromstring(text)
    assert not tree.xpath("//script")
    assert "alert(1)" in text and "<script>" not in text
    assert not tree.xpath("//@src | //link")
    cells = [[cell.text_content().replace("\xa0", " ") for cell in row] for row in tree.xpath("//table[1]//tr[td]")]
    first = {row[0]: row[1:] for row in cells[:2]}
    money = "60 000,00" if lang == "ru" else "60,000.00"
    # 240 a year for the line; 54 accepted of 60 billed in a quarter; forecast 240, no more than the plan
    assert first["Стационар"][:6] == ["240", "60", "54", "6", "186", "240"]
    assert first["Стационар"][7] == ("240 000,00" if lang == "ru" else "240,000.00")
    assert money not in first["Стационар"]
    assert len(tree.xpath("//svg")) == 3


def test_lines_that_will_not_suffice_are_marked() -> None:
    tree = html.fromstring(plans.page(made(), "en"))
    marked = [row[0].text_content() for row in tree.xpath("//tr[@class='short']")]
    assert set(marked) == {"Вторая (750902)"}


def test_the_same_figures_are_the_same_bytes() -> None:
    assert plans.page(made(), "ru") == plans.page(made(), "ru")
    assert plans.workbook(made(), "ru") == plans.workbook(made(), "ru")


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_workbook(lang: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(plans.workbook(made(), lang)))
    every = book.worksheets[0]
    found = [[cell.value for cell in row] for row in every.iter_rows()]
    heads = next(number for number, row in enumerate(found) if row[0] in ("Клиника", "Clinic"))
    body = [row for row in found[heads + 1 :] if row[0]]
    assert len(body) == 4
    assert body[0][0] == f"{NASTY} (750901)"
    by_key = {(row[0], row[1]): row for row in body}
    row = by_key["Вторая (750902)", "Стационар (hospital)"]
    assert row[3:10] == [120, 30, 36, 30, 6, 90, 144]
    assert row[10:] == [120_000, 30_000, 36_000, 30_000, 6_000, 90_000, 144_000]
    year = book.worksheets[3]
    assert year._charts, "the chart of the year"
    values = [[cell.value for cell in line] for line in year.iter_rows() if str(line[0].value).startswith("2022-")]
    assert [row[1] for row in values] == [40_000 * number for number in range(1, 13)]
    assert [row[3] for row in values[:4]] == [40_000, 80_000, 120_000, None]
    assert values[11][4] == 480_000
    for sheet in book.worksheets:
        assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)


def test_a_plan_without_money_is_drawn_in_volumes() -> None:
    report = made(money=False)
    of, drawn = plans.series(report.outlook)
    assert of == "units2"
    assert drawn["plan"][11] == 48_000
    assert (drawn["billed"][2], drawn["billed"][3], drawn["forecast"][11]) == (12_000, None, 48_000)
    assert "–" in plans.page(report, "en")


def test_a_year_without_facts_and_an_empty_plan() -> None:
    report = made(facts=False)
    assert plans.series(report.outlook)[1]["consumed"] == [None] * 12
    assert "2022-01, 2022-02, 2022-03" in plans.page(report, "en")
    context = made_context()
    empty = volumes.outlook(rows("reg_plan"), rows("plan_lines"), context)
    nothing = plans.report(empty, context, rows("reg_clinic"), "ru")
    assert "<svg" not in plans.page(nothing, "ru")
    assert plans.workbook(nothing, "ru")


def test_totals_add_up() -> None:
    report = made()
    for by in ("line", "mo"):
        sums = plans.totals(report.outlook.rows, by)
        for name in ("plan_year_kop", "consumed_kop", "excess_kop", "billed_units2", "forecast_units2"):
            assert sums[name].sum() == report.outlook.rows[name].sum(), name
    assert plans.totals(made(money=False).outlook.rows, "line")["plan_year_kop"].to_list() == [None, None]


def test_steps_of_the_scale_are_round() -> None:
    for largest in (1, 99, 100, 7_345_678, 10**13):
        step = plans._round_step(largest)
        assert str(step).strip("0") in ("1", "2", "5")
        assert largest <= 6 * step


def test_units_for_people() -> None:
    assert [plans.units(value, "ru") for value in (None, 0, 100, 1_234_500, 250, -100)] == [
        "–",
        "0",
        "1",
        "12\xa0345",
        "2,50",
        "−1",
    ]
    assert plans.units(250, "en") == "2.50"
