"""Grouper workbooks: sheets become books, headings say which column is what, and what is unsafe is not opened."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from io import BytesIO

import pytest

from omsclaims.nsi.loader import load_books
from omsclaims.nsi.sources import UnreadableError
from omsclaims.nsi.workbook import cell_text, read_workbook

from .nsi_samples import book, only, published, workbook

GROUPER = [
    ["№", "Код по МКБ 10", "Код по МКБ 10(2)", "Код услуги", "Возраст", "КСГ", "№ группы заболеваний, состояний"],
    [None] * 7,
    [1, "A00", None, None, "5", "ds01.001", 1],
    [2, "C.", "I50", "A16.20.005", None, "ds01.002", 2],
    [3, "A00", None, None, "5", "ds01.001", 1],
]
GROUPS = [
    ["№", "КСГ", "Наименование КСГ", "КЗ", "Код профиля", "Профиль", "Доля з/п и прочих расходов"],
    [1, "ds01.001", " a ", 0.83, 1, "p", 0.22760000000000002],
    [2, "ds01.002", "b", 2, 1, "p", None],
    [None] * 7,
]
SCHEMES = [
    [
        "Код схемы",
        "МНН лекарственных препаратов",
        "Наименование и описание схемы ",
        "Количество дней введения в тарифе",
        "КСГ",
        "Новое",
    ],
    ["sh0001", "x", "x 1 мг", 30, "ds19.165", "?"],
    ["sh0002", "y", "y 1 мг", "28(30)", None, None],
    [None] * 6,
    ["* пояснение под таблицей", None, None, None, None, None],
]
DIAGNOSES = [
    ["Код по МКБ 10", "Диагноз", "КСГ 1", "КСГ 2", "КСГ 3", "Использовано в КСГ"],
    ["A00", "x", None, None, None, None],
    ["A00.0", "y", "ds12.001", None, "ds12.002", True],
    ["A00.1", "z", "ds12.001", None, None, "ИСТИНА"],
]


def test_sheets_become_books() -> None:
    data = workbook(
        {"КСГ": GROUPS, "МКБ 10": DIAGNOSES, "Группировщик": GROUPER, "Группировщик детальный": GROUPER, "x": [["a"]]}
    )
    books = {one.name: one for one in map(book, load_books(data, "ksg2026_day.xlsx"))}
    assert list(books) == ["KSG.DS.GROUPS", "KSG.DS.DIAGNOSES", "KSG.DS.GROUPER"]
    grouper = books["KSG.DS.GROUPER"]
    assert (grouper.edition, grouper.version, grouper.holds_from, grouper.source) == ("2026", "2026", date(2026, 1, 1), "xlsx")
    assert grouper.rows.sort("row").select("row", "code", "ds1", "ds2", "service", "age", "number", "valid_from").rows() == [
        (1, "ds01.001", "A00", None, None, "5", "1", date(2026, 1, 1)),
        (2, "ds01.002", "C.", "I50", "A16.20.005", None, "2", date(2026, 1, 1)),
        (3, "ds01.001", "A00", None, None, "5", "3", date(2026, 1, 1)),
    ]
    groups = books["KSG.DS.GROUPS"].rows.select("code", "meaning_ru", "koef_z", "wage_share")
    assert groups.rows() == [("ds01.001", "a", "83000", "2276"), ("ds01.002", "b", "200000", None)]
    diagnoses = books["KSG.DS.DIAGNOSES"].rows.select("code", "ksg", "used")
    assert diagnoses.rows() == [("A00", None, None), ("A00.0", "ds12.001;ds12.002", "true"), ("A00.1", "ds12.001", "true")]


def test_footnotes_are_no_rows_and_new_columns_are_said() -> None:
    (loaded,) = load_books(workbook({"Онкология, схемы ЛТ": SCHEMES}), "ksg2026.xlsx")
    assert loaded.book is not None
    assert loaded.book.rows.select("code", "days", "новое").rows() == [("sh0001", "30", "?"), ("sh0002", "28(30)", None)]
    assert loaded.findings.select("rule", "value").rows() == [("N.201", "Новое")]


def test_a_share_that_is_none_refuses_its_sheet_and_no_other() -> None:
    for wrong in ("много", 0.123456):
        rows = [GROUPS[0], [*GROUPS[1][:6], wrong]]
        refused, kept = load_books(workbook({"КСГ": rows, "Группировщик": GROUPER}), "ksg2026.xlsx")
        assert only(refused) == ("N.006", {"book": "KSG.DS.GROUPS", "row": 1, "column": GROUPS[0][6], "code": "ds01.001"})
        assert refused.findings["line"].to_list() == [2]
        assert book(kept).rows.height == 3


def _reason(data: bytes) -> str:
    with pytest.raises(UnreadableError) as raised:
        read_workbook("ksg2026.xlsx", data)
    return raised.value.reason


def test_what_is_no_grouper_is_refused() -> None:
    assert _reason(b"no workbook") == "zip"
    assert _reason(workbook({"Лист1": [["a"]]})) == "sheets"
    assert _reason(workbook({"КСГ": [["a", "b"], [1, 2]]})) == "heading"
    assert _reason(workbook({"КСГ": GROUPS[:1]})) == "no_records"
    assert _reason(workbook({"КСГ": [GROUPS[0], [1, "xx01.001", "a", 1, 1, "p", None]]})) == "setting"


def test_an_unsafe_workbook_is_not_opened() -> None:
    data = workbook({"КСГ": GROUPS})
    for old, new, reason in (
        (b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet', "doctype"),
        (b"<worksheet", b"<worksheet>\x00", "doctype"),
        (b"<sheetData>", b"<sheetData><row>", "workbook"),
    ):
        made = BytesIO()
        with zipfile.ZipFile(BytesIO(data)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
            for name in source.namelist():
                target.writestr(name, source.read(name).replace(old, new) if "sheet1" in name else source.read(name))
        assert _reason(made.getvalue()) == reason


def test_cells_as_text() -> None:
    assert [cell_text(value) for value in (None, " a ", 3, 0.1 + 0.2, 28.0, 1e-05, -0.5, True)] == [
        "", "a", "3", "0.3", "28", "0.00001", "-0.5", "true",
    ]  # fmt: skip
    assert cell_text(datetime(2026, 1, 2)) == "2026-01-02"  # noqa: DTZ001 - cells have no zone
    assert cell_text(date(2026, 1, 2)) == "2026-01-02"


def test_the_published_groupers() -> None:
    """law.md 8.1: 37,531 rows after a blank one, 21,204 with no blank; the filled columns of checks.md 3.1."""
    inpatient = {one.name: one for path in published("ksg2026", "*inpatient.xlsx") for one in map(book, load_books(path))}
    grouper = inpatient["KSG.ST.GROUPER"].rows
    assert grouper.height == 37_531
    filled = {column: grouper.height - grouper[column].null_count() for column in grouper.columns}
    assert {column: filled[column] for column in ("ds1", "ds2", "ds3", "service", "age", "sex", "duration", "criterion", "fractions")} == {
        "ds1": 25_714, "ds2": 2_501, "ds3": 107, "service": 20_563, "age": 7_818, "sex": 10, "duration": 663, "criterion": 12_540,
        "fractions": 7_049,
    }  # fmt: skip
    groups = inpatient["KSG.ST.GROUPS"].rows
    assert groups.height == grouper["code"].n_unique() == 468
    assert groups["wage_share"].drop_nulls().str.contains(r"^\d{1,5}$").all()
    day = {one.name: one for path in published("ksg2026", "*day_hospital.xlsx") for one in map(book, load_books(path))}
    assert day["KSG.DS.GROUPER"].rows.height == 21_204
    assert day["KSG.DS.GROUPS"].rows.height == 224
    assert "2276" in day["KSG.DS.GROUPS"].rows["wage_share"].to_list()  # in the workbook: 0.22760000000000002
