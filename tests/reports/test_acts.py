"""Acts and protocols: what stands in the cells, that texts stay texts, that equal tables are equal bytes."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import Any

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from omsclaims.reports import acts
from tests.reports import reports_data as data

ACT = acts.Act("121/2022-03/75001", date(2022, 4, 8), data.MONTH, "Фонд 75")


def opened(content: bytes) -> list[Worksheet]:
    return list(openpyxl.load_workbook(io.BytesIO(content)).worksheets)


def values(sheet: Worksheet) -> list[list[Any]]:
    rows = [[cell.value for cell in row if cell.value is not None] for row in sheet.iter_rows()]
    return [row for row in rows if row]


def lines(sheet: Worksheet) -> dict[str, Any]:
    """Number of the line -> amount."""
    return {str(row[0]): row[-1] for row in values(sheet) if len(row) == 3}


def test_act_121_has_the_lines_of_the_law() -> None:
    row = data.month()["act_121"].row(0, named=True)
    sheet = opened(acts.act_121(row, ACT, data.INSURERS, "ru"))[0]
    found = lines(sheet)
    assert list(found) == ["№", "1", "1.1", "1.2", "2", "2.1", "2.2", "3", "4", "5", "5.1", "5.2", "5.3"]
    assert found["1"] == 10_000
    assert found["2"] == row["received_kop"] / 100
    assert round(found["1"] + found["2"] - found["3"] - found["4"], 2) == found["5"]
    texts = [str(row[0]) for row in values(sheet)]
    assert any("март 2022" in text for text in texts)
    assert "№ 121/2022-03/75001 от 08.04.2022" in texts
    assert any("СМО «Первая» (75001)" in text for text in texts)


def test_money_cells_are_roubles_with_two_decimals() -> None:
    sheet = opened(acts.act_121(data.month()["act_121"].row(0, named=True), ACT, data.INSURERS, "en"))[0]
    money = [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "n" and cell.value is not None]
    assert len(money) == 12
    assert {cell.number_format for cell in money} == {"#,##0.00"}
    assert {cell.alignment.horizontal for cell in money} == {"right"}


def test_other_money_of_an_insurer_is_shown_where_there_is_any() -> None:
    row = data.month()["act_121"].row(0, named=True)
    moved = {"other_received_kop": 5_000, "returned_kop": 2_000, "preventive_spent_kop": 1_000}
    changed = row | moved | {"received_kop": row["received_kop"] + 3_000, "spent_kop": row["spent_kop"] + 1_000}
    changed |= {name: row[name] + 2_000 for name in ("end_kop", "end_payment_kop")}
    for lang in ("ru", "en"):
        found = lines(opened(acts.act_121(changed, ACT, data.INSURERS, lang))[0])
        assert {name: found[name] for name in ("2.3", "2.4", "4.1")} == {"2.3": 50, "2.4": 20, "4.1": 10}
        assert not {"2.3", "2.4", "4.1"} & set(lines(opened(acts.act_121(row, ACT, data.INSURERS, lang))[0]))
    with pytest.raises(AssertionError, match="parts of line 2"):
        acts.act_121(changed | {"returned_kop": 0}, ACT, data.INSURERS, "ru")


@pytest.mark.parametrize("column", ["end_kop", "by_standards_kop", "end_spare_kop"])
def test_act_121_that_does_not_add_up_is_not_made(column: str) -> None:
    row = data.month()["act_121"].row(0, named=True)
    with pytest.raises(AssertionError, match="121/2022-03/75001"):
        acts.act_121(row | {column: row[column] + 1}, ACT, data.INSURERS, "ru")


def test_act_132_and_its_notes() -> None:
    tables = data.month()
    fund = tables["act_132"].filter(pl.col("payer") == "75", pl.col("mo") == "750901").row(0, named=True)
    payment = tables["payments"].filter(pl.col("payer") == "75", pl.col("mo") == "750901").row(0, named=True)
    sheet = opened(acts.act_132(fund, ACT, data.INSURERS, data.CLINICS, "en", payment))[0]
    assert lines(sheet) == {
        "No.": "Amount, roubles", "1": 10.5, "2": 264_444.45, "3": 0, "3.1": 0, "3.2": 0, "3.3": 0, "4": 264_461.95, "5": -7,
    }  # fmt: skip
    pairs = {row[0]: row[1] for row in values(sheet) if len(row) == 2}
    assert pairs["Cases billed"] == 3
    assert pairs["Advance of the month"] == 88_148.15
    assert any("Fund" in str(row[0]) or "Фонд 75, for people insured elsewhere" in str(row[0]) for row in values(sheet))
    with pytest.raises(AssertionError):
        acts.act_132(fund | {"mek_kop": 1}, ACT, data.INSURERS, data.CLINICS, "en")


def test_register_of_acts_has_a_row_for_each_and_totals() -> None:
    tables = data.month()
    first, second = opened(
        acts.acts_register(tables["act_121"], tables["act_132"].reverse(), ACT, data.INSURERS, data.CLINICS, "ru")
    )
    assert values(first)[-1][0] == "Итого"
    rows = values(second)
    numbers = [row[0] for row in rows if str(row[0]).startswith("132/")]
    assert numbers == sorted(numbers)
    assert len(numbers) == tables["act_132"].height
    assert rows[-1] == [
        "Итого",
        *(
            tables["act_132"][name].sum() / 100
            for name in ("start_kop", "billed_kop", "withheld_kop", "transferred_kop", "end_kop")
        ),
    ]


def protocol(first: int = 200, lang: str = "ru") -> bytes:
    tables = data.month()
    return acts.mek_protocol(
        "HM750901T75_220301", tables["cases"], tables["decisions"], tables["findings"], ACT, data.CLINICS, lang, first
    )


def test_protocol_of_a_package() -> None:
    totals, listed = opened(protocol())
    rows = values(totals)
    assert [4, 106_790.12] in [row[1:] for row in rows if row[0] == "Предъявлено"]
    assert [3, 94_444.45] in [row[1:] for row in rows if row[0] == "Принято"]
    assert [1, 12_345.67] in [row[1:] for row in rows if row[0] == "Отказано"]
    assert any(row[0] == "C013" and row[-2:] == [1, 12_345.67] for row in rows)
    assert values(listed)[1][:2] == [1, 101]


def test_values_that_look_like_formulas_stay_texts() -> None:
    for sheet in opened(protocol()) + opened(
        acts.acts_register(data.month()["act_121"], data.month()["act_132"], ACT, data.INSURERS, data.CLINICS, "en")
    ):
        assert not [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    cells = [cell for row in opened(protocol())[1].iter_rows() for cell in row if cell.value == data.FORMULA]
    assert [cell.data_type for cell in cells] == ["s"]
    with zipfile.ZipFile(io.BytesIO(protocol())) as archive:
        assert not any(b"<f>" in archive.read(name) for name in archive.namelist())
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_first_of_a_rule_with_the_full_count() -> None:
    tables = data.month()
    many = pl.concat([tables["findings"].filter(pl.col("rule") == "C013")] * 7)
    content = acts.mek_protocol(
        "HM750901T75_220301", tables["cases"], tables["decisions"], many, ACT, data.CLINICS, "en", first=3
    )
    totals, listed = opened(content)
    assert values(listed)[0] == ["3 of 7 are shown: the first 3 of each rule and package"]
    assert len(values(listed)) == 2 + 3
    assert any(row[0] == "C013" and row[-2] == 7 for row in values(totals))


def test_equal_tables_are_equal_bytes() -> None:
    assert protocol() == protocol()
    assert protocol(lang="en") != protocol()


def test_control_characters_and_long_texts_do_not_break_the_file() -> None:
    nasty = data.month()["act_121"].row(0, named=True)
    sheet = opened(
        acts.act_121(nasty, acts.Act("x\x00\x1f" + "y" * 40_000, None, data.MONTH, "a\x0bb"), {"75001": "n\ud800"}, "ru")
    )[0]
    assert any("a\ufffdb" in str(row[0]) for row in values(sheet))
