"""Do files of acts survive writing and reading, and does a bad file stay a finding? (formats.md 10.)"""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.registry.expertise_file import RAW, read, read_xlsx, read_xml, workbook_fields, write_xml
from omsclaims.reports.expertise import acts_xlsx

DAY = date(2022, 4, 1)


def row(**changes: Any) -> dict[str, Any]:
    """An act of an insurer on one case."""
    return {
        "row": 1, "mo": "750901", "year": 2022, "bill_month": 2, "nschet": "H-02-1", "dschet": date(2022, 2, 28), "payer": "75901",
        "n_zap": 5, "idcase": 1000015, "sl_id": "s1", "code_exp": "75000001", "stated_kop": 12_345, "s_tip": 70, "kod": 255,
        "s_com": "не назначено <обследование> & «прочее»", "date_act": date(2022, 3, 20), "num_act": "ЭКМП-1", **changes,
    }  # fmt: skip


def raw(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: one.get(name) for name in RAW} for one in rows], schema=RAW)


def test_xml_comes_back_as_it_was() -> None:
    rows = raw(row(), row(row=2, idcase=7, first_act="A-1", stated_kop=0, code_exp=None, s_ist=1, osn_ts="77"))
    content = write_xml(rows, "acts", DAY)
    assert b"windows-1251" in content[:60]
    done = read_xml(content, "acts.xml")
    assert done.findings.is_empty()
    assert done.rows.equals(rows)


texts = (
    st.text(st.characters(blacklist_categories=("Cs", "Cc"), max_codepoint=0xFFFD), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)


@settings(max_examples=60, deadline=None)
@given(
    number=texts,
    remark=texts,
    kopecks=st.integers(0, 10**15 - 1),
    idcase=st.integers(0, 10**11 - 1),
    day=st.dates(date(2011, 1, 1)),
)
def test_any_act_comes_back(number: str, remark: str, kopecks: int, idcase: int, day: date) -> None:
    """Texts of any language, amounts to the last kopeck; what the encoding lacks is written so that it can be read back."""
    rows = raw(row(num_act=number, s_com=remark, stated_kop=kopecks, idcase=idcase, date_act=day))
    done = read_xml(write_xml(rows, "acts", DAY), "acts.xml")
    assert done.findings.is_empty()
    assert done.rows.equals(rows)


def test_a_workbook_comes_back_as_it_was() -> None:
    rows = raw(row(kod=None, code="2.10"), row(row=2, idcase=7, code="2.1", kod=None, first_act="A-1"))
    done = read_xlsx(acts_xlsx(rows, "ru"), "acts.xlsx")
    assert done.findings.is_empty()
    # The row of the sheet is the row of the finding: meanings and names come first.
    assert done.rows["row"].to_list() == [3, 4]
    assert done.rows.drop("row").equals(rows.drop("row"))


def test_an_empty_template_has_no_acts_and_an_unfilled_row_is_counted() -> None:
    empty = read_xlsx(acts_xlsx(pl.DataFrame(schema=RAW), "ru", 200), "acts.xlsx")
    assert empty.rows.is_empty() and empty.findings.is_empty()
    left = raw(row(num_act=None, date_act=None, code_exp=None, kod=None, s_com=None, stated_kop=None))
    done = read_xlsx(acts_xlsx(left, "en"), "acts.xlsx")
    assert done.rows.is_empty()
    assert done.findings.select("rule", "params").rows() == [("E.16", '{"count":1}')]


def sheet(*cells: dict[str, Any]) -> bytes:
    """A workbook as people write it: numbers and dates in cells."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    tags = [field.tag for field in workbook_fields()]
    page.append(["a title"])
    page.append(tags)
    base = {"CODE_MO": 750901, "YEAR": 2022, "MONTH": 2, "NSCHET": "H-02-1", "PLAT": 75901, "ID": 7.0, "S_TIP": 50, "OSN": "2.10",
            "S_DATE": datetime(2022, 3, 20), "S_ZAKL": "A", "S_SUM": 123.45}  # noqa: DTZ001  # fmt: skip
    for one in cells:
        page.append([{**base, **one}.get(tag) for tag in tags])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_numbers_and_dates_of_a_sheet_are_read_as_what_they_mean() -> None:
    done = read_xlsx(sheet({}, {"S_DATE": "21.03.2022", "S_SUM": 0.1}), "acts.xlsx")
    assert done.findings.is_empty()
    first, second = done.rows.iter_rows(named=True)
    assert (first["mo"], first["payer"], first["idcase"], first["code"], first["stated_kop"]) == (
        "750901",
        "75901",
        7,
        "2.10",
        12_345,
    )
    assert (first["date_act"], second["date_act"], second["stated_kop"]) == (date(2022, 3, 20), date(2022, 3, 21), 10)


@pytest.mark.parametrize(
    ("cells", "tag", "problem"),
    [
        ({"OSN": 2.1}, "OSN", "ground_number"),
        ({"OSN": "=2.1"}, "OSN", "formula"),
        ({"S_SUM": "=SUM(A1:A9)"}, "S_SUM", "formula"),
        ({"S_ZAKL": '=HYPERLINK("x")'}, "S_ZAKL", "formula"),
        ({"S_SUM": 0.001}, "S_SUM", "amount"),
        ({"S_SUM": "12,50"}, "S_SUM", "amount"),
        ({"ID": 7.5}, "ID", "number"),
        ({"ID": "-7"}, "ID", "number"),
        ({"YEAR": 20222}, "YEAR", "number"),
        ({"S_DATE": "31.02.2022"}, "S_DATE", "date"),
        ({"S_ZAKL": "x" * 31}, "S_ZAKL", "long"),
        ({"CODE_MO": None}, "CODE_MO", "missing"),
        ({"S_TIP": True}, "S_TIP", "number"),
    ],
)
def test_a_bad_cell_is_named_and_its_row_marked(cells: dict[str, Any], tag: str, problem: str) -> None:
    done = read_xlsx(sheet({}, cells), "acts.xlsx")
    assert done.findings["rule"].to_list() == ["E.2"]
    assert f'"problem":"{problem}"' in done.findings["params"][0]
    assert f'"tag":"{tag}"' in done.findings["params"][0]
    assert done.rows["bad"].to_list() == [None, tag]


def test_an_element_twice_is_named() -> None:
    content = write_xml(raw(row()), "acts", DAY).replace(b"<S_TIP>70</S_TIP>", b"<S_TIP>70</S_TIP><S_TIP>71</S_TIP>")
    done = read_xml(content, "acts.xml")
    assert done.rows["bad"].to_list() == ["S_TIP"]
    assert '"problem":"twice"' in done.findings["params"][0]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "S.808"),
        (b"no xml at all", "S.807"),
        (b'<?xml version="1.0" encoding="windows-1251"?><ZL_LIST><EXP></ZL_LIST>', "S.807"),
        (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><ZL_LIST><EXP><ID>&x;</ID></EXP></ZL_LIST>', "S.806"),
        (b'<?xml version="1.0" encoding="koi8-r"?><ZL_LIST/>', "S.805"),
        (b"<?xml version=\"1.0\" encoding=\"utf-8\"?><OTHER/>", "E.1"),
        (b"<ZL_LIST>" + b"<a>" * 100 + b"</a>" * 100 + b"</ZL_LIST>", "S.815"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_one_finding(content: bytes, rule: str) -> None:
    done = read_xml(content, "acts.xml")
    assert done.rows.is_empty()
    assert done.findings["rule"].to_list() == [rule]


def test_a_workbook_that_is_none_or_unsafe(tmp_path: Path) -> None:
    path = tmp_path / "acts.xlsx"
    path.write_bytes(b"PK\x03\x04 nonsense")
    assert read(path).findings["rule"].to_list() == ["E.1"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>')
    assert '"reason":"doctype"' in read(path).findings["params"][0]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"\0" * (64 << 20))
    assert '"reason":"size"' in read(path).findings["params"][0]
    book = openpyxl.Workbook()
    book.save(path)
    assert '"reason":"columns"' in read(path).findings["params"][0]


def test_a_file_is_read_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "acts.xml"
    path.write_bytes(acts_xlsx(raw(row(kod=None, code="3.2.1")), "ru"))
    assert read(path).rows["code"].to_list() == ["3.2.1"]
