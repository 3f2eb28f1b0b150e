"""Official packages and CSV become editions; what is broken is refused as a whole or left out and listed, naming the row."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import messages, nsi
from omsclaims.findings import with_text
from omsclaims.nsi import LeftOut
from omsclaims.nsi.loader import Loaded, Told, load_book, load_books

from .nsi_samples import book, only, package, published, row, rule, rules, workbook, zipped


@pytest.mark.parametrize("encoding", ["windows-1251", "utf-8"])
@pytest.mark.parametrize("packed", [False, True])
def test_package(encoding: str, packed: bool) -> None:
    data = package(row(), row("102", "01.01.2011", "31.12.2020"), row("102", "01.01.2021"), encoding=encoding)
    loaded = book(
        load_book(zipped({"V009.xml": data, "readme.txt": b"x"}) if packed else data, "V009.zip" if packed else "V009.xml")
    )
    assert (loaded.name, loaded.edition, loaded.complete) == ("V009", "3.1 of 2018-04-13", True)
    assert (loaded.version, loaded.published, loaded.holds_from, loaded.source) == (
        "3.1", date(2018, 4, 13), date(2018, 4, 13), "xml",
    )  # fmt: skip
    assert loaded.rows.select("code", "valid_from", "valid_to", "meaning_ru", "usl_ok").rows() == [
        ("101", date(2011, 1, 1), None, "выписан", "1"),
        ("102", date(2011, 1, 1), date(2020, 12, 31), "выписан", "1"),
        ("102", date(2021, 1, 1), None, "выписан", "1"),
    ]


def test_the_header_says_which_book_it_is() -> None:
    assert book(load_book(package(row(), kind="Rezult"), "download (3).xml")).name == "V009"


def test_what_is_told_counts_more_than_the_file() -> None:
    told = Told(version="3.2", holds_from=date(2019, 1, 1))
    loaded = book(load_book(package(row()), "V009.xml", told))
    assert (loaded.version, loaded.edition) == ("3.2", "3.2 of 2018-04-13")
    assert (loaded.published, loaded.holds_from) == (date(2018, 4, 13), date(2019, 1, 1))
    csv = b"code,valid_from,valid_to\n1,2022-01-01,\n"
    assert book(load_book(csv, "V009.csv")).holds_from == nsi.SINCE_EVER
    assert book(load_book(csv, "V009.csv", told)).edition == "3.2"
    assert book(load_book(csv, "V009.csv", Told(holds_from=date(2019, 1, 1)))).edition.startswith("2019-01-01 ")


def test_a_workbook_in_our_layout_holds_from_the_first_day_of_its_rows() -> None:
    csv = b"code,valid_from,valid_to,number,ds1\nst01.001,2022-02-01,,1,A00\nst01.001,2022-01-01,,2,A01\n"
    loaded = book(load_book(csv, "KSG.ST.GROUPER.csv"))
    assert (loaded.name, loaded.holds_from) == ("KSG.ST.GROUPER", date(2022, 1, 1))
    assert book(load_book(csv, "KSG.ST.GROUPER.csv", Told(holds_from=date(2022, 3, 1)))).holds_from == date(2022, 3, 1)
    since_ever = b"code,valid_from,valid_to,koef_z\nst01.001,,,50000\n"
    assert book(load_book(since_ever, "KSG.ST.GROUPS.csv")).holds_from == nsi.SINCE_EVER


def test_no_beginning_means_since_ever() -> None:
    assert book(load_book(package(row(begin="")), "V009.xml")).rows["valid_from"].to_list() == [nsi.SINCE_EVER]


def test_coefficients_are_whole_units_and_the_final_point_goes() -> None:
    text = "Kod;Osn;Naim;DATEBEG;DATEEND;K_NO;K_SH\n207;1.4.4.;поле;20210525;;1.00000;0.30000\n"
    for data in (text.encode("utf-8-sig"), text.encode("windows-1251"), text.replace(";", ",").encode()):
        loaded = book(load_book(data, "F014.csv"))
        assert loaded.rows.select("code", "kod", "k_no", "k_sh", "meaning_ru").rows() == [
            ("1.4.4", "207", "100000", "30000", "поле")
        ]


def test_own_layout_and_partial_books() -> None:
    data = b"code,valid_from,valid_to,meaning_ru,meaning_en,hvid\n498,2022-01-01,2022-12-31,x,y,14.00.37.001\n"
    loaded = book(load_book(data, "V019.csv"))
    assert loaded.complete
    assert loaded.rows["hvid"].to_list() == ["14.00.37.001"]
    part = book(load_book(data, "V019_partial.csv"))
    assert part.name == "V019" and not part.complete


def test_a_file_whose_name_is_not_that_of_its_book() -> None:
    assert book(load_book(b"RSLT_V009,ISHOD_V012\n105,104\n", "V009_to_V012_pairs.csv")).name == "V009.V012"
    assert book(load_book(b"KOD_TF,KOD_OKATO\n75,76000\n", "F010_from_F001.csv")).name == "F010"
    assert book(load_book(b"code,meaning\n1,x\n", "OS_SLUCH.csv")).rows["meaning_ru"].to_list() == ["x"]


# ---- what refuses a list of codes as a whole


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "V009.xml", "empty"),
        (b"PK\x03\x04broken", "V009.zip", "zip"),
        (zipped({}), "V009.zip", "members"),
        (zipped({"a.xml": b"<a/>", "b.xml": b"<a/>"}), "V009.zip", "members"),
        (b"<packet><zap></packet>", "V009.xml", "xml"),
        (b"<packet><zglv/></packet>", "V009.xml", "no_records"),
        (package(row(), prolog='<!DOCTYPE packet [<!ENTITY a "b">]>'), "V009.xml", "doctype"),
        (package(row(), encoding="utf-16"), "V009.xml", "doctype"),
        (b"code,valid_from\n", "V009.csv", "no_records"),
        (b"code,code\n1,2\n", "V009.csv", "two_columns"),
        (b"no book at all", "V009.xml", "xml"),
    ],
)  # fmt: skip
def test_unreadable(data: bytes, name: str, reason: str) -> None:
    found, params = only(load_book(data, name))
    assert (found, params["reason"]) == ("N.001", reason)
    assert params["ru"] and params["en"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert only(load_book(tmp_path / "V009.xml"))[0] == "N.001"


def test_row_without_a_code() -> None:
    loaded = load_book(package(row(), row(code="")), "V009.xml")
    assert only(loaded) == ("N.002", {"book": "V009", "column": "IDRMP", "row": 2, "code": "-"})
    assert loaded.findings["line"].to_list() == [3]


@pytest.mark.parametrize(("begin", "end", "column", "value"), [
    ("31.02.2020", "", "DATEBEG", "31.02.2020"), ("01.01.2020", "soon", "DATEEND", "soon"), ("02.01.2020", "01.01.2020", "DATEEND", "01.01.2020"),
])  # fmt: skip
def test_bad_date(begin: str, end: str, column: str, value: str) -> None:
    loaded = load_book(package(row(), row("102", begin=begin, end=end)), "V009.xml")
    assert only(loaded) == ("N.003", {"book": "V009", "column": column, "row": 2, "code": "102"})
    assert loaded.findings["value"].to_list() == [value]


def test_overlapping_validity() -> None:
    loaded = load_book(package(row(end="01.06.2020"), row(begin="01.06.2020")), "V009.xml")
    params = {"book": "V009", "day": "2020-06-01", "row": 2, "column": "DATEBEG", "code": "101"}
    assert only(loaded) == ("N.004", params)
    inside = load_book(package(row(), row(begin="01.06.2020", end="02.06.2020"), row("102"), row(begin="01.01.2021")), "V009.xml")
    assert inside.book is None
    assert [json.loads(params)["row"] for params in inside.findings["params"]] == [2, 4]
    touching = load_book(package(row(end="31.05.2020"), row(begin="01.06.2020")), "V009.xml")
    assert book(touching).rows.height == 2


def test_a_code_that_lawfully_repeats() -> None:
    data = b"IDHM,HMNAME,DIAG,HVID,DATEBEG,DATEEND\n1,x,K86.0,01.00.1.001,20131226,\n1,x,K86.1,01.00.1.002,20131226,\n"
    assert book(load_book(data, "V019.csv")).rows.height == 2


def test_unknown_book() -> None:
    assert only(load_book(package(row(), kind="Weather"), "download.xml")) == ("N.005", {"name": "Weather"})
    assert only(load_book(b"a,b\n1,2\n", "V777.csv")) == ("N.005", {"name": "V777"})


def test_no_number() -> None:
    for value in ("one", "0.123456", "NaN", "1e999999999"):
        data = f"Kod,Osn,DATEBEG,DATEEND,K_NO,K_SH\n1,1.1.,20210525,,{value},0\n".encode()
        params = {"book": "F014", "column": "K_NO", "row": 1, "code": "1.1."}
        assert only(load_book(data, "F014.csv")) == ("N.006", params)


def test_key_column_missing() -> None:
    """One finding, not one for every row."""
    data = package(*["<KOD>1</KOD><NAME>x</NAME>"] * 3)
    assert only(load_book(data, "V009.xml")) == ("N.010", {"book": "V009", "column": "IDRMP"})
    assert only(load_book(b"number,name\n1,x\n", "V006.csv")) == ("N.010", {"book": "V006", "column": "IDUMP"})
    data = rules("<ID_TEST>001F.75.0010</ID_TEST><DATEBEG>01.01.2022</DATEBEG>")
    assert only(load_book(data, "Q023.xml")) == ("N.010", {"book": "Q023", "column": "ID_EL"})


def test_a_row_of_other_cells_than_columns() -> None:
    for line, cells in (("2,2022-01-01,extra,more", 4), ("2", 1)):
        data = f"code,valid_from,valid_to\n1,2022-01-01,\n{line}\n3,2022-01-01,\n".encode()
        loaded = load_book(data, "V009.csv")
        params = {"book": "V009", "row": 2, "column": "", "code": "-", "cells": cells, "columns": 3}
        assert only(loaded) == ("N.011", params)
        assert loaded.findings["line"].to_list() == [3]


def test_findings_of_a_hopeless_book_are_few() -> None:
    loaded = load_book(package(*[row(code="")] * 500), "V009.xml")
    assert loaded.book is None
    assert loaded.findings.height == 100


# ---- what is left out of a list of rules


def _with_holes(loaded: Loaded) -> tuple[list[str], tuple[LeftOut, ...]]:
    assert loaded.book is not None
    for lang in messages.LANGUAGES:
        assert all("{" not in text for text in with_text(loaded.findings, lang)["text"])
    return loaded.findings["rule"].to_list(), loaded.book.left_out


def test_a_rule_that_cannot_be_read_is_left_out_and_listed() -> None:
    data = rules(
        rule("A"), rule(""), rule("B", begin="31.02.2022"), rule("C", "01.02.2022", "01.01.2022"), rule("D", end="never")
    )
    loaded = load_book(data, "Q023.xml")
    found, holes = _with_holes(loaded)
    assert found == ["N.102", "N.103", "N.103", "N.103"]
    assert holes == (
        LeftOut(2, "", "N.102", "ID_TEST", ""), LeftOut(3, "B", "N.103", "DATEBEG", "31.02.2022"),
        LeftOut(4, "C", "N.103", "DATEEND", "01.01.2022"), LeftOut(5, "D", "N.103", "DATEEND", "never"),
    )  # fmt: skip
    assert loaded.book is not None
    assert loaded.book.rows.select("code", "row").rows() == [("A", 1)]


def test_a_rule_whose_cells_cannot_be_told_apart() -> None:
    data = b"ID_TEST;ID_EL;TYPE_D;DATEBEG;DATEEND\nA;ZL_LIST/ZAP;H,C;01.01.2022;\nB;x;y\n"
    found, holes = _with_holes(load_book(data, "Q023.csv"))
    assert found == ["N.111"]
    assert holes == (LeftOut(2, "", "N.111", "", "3"),)


def test_a_rule_that_stands_twice_word_for_word() -> None:
    loaded = load_book(rules(rule("A"), rule("B"), rule("A"), rule("A", condition="x")), "Q023.xml")
    found, holes = _with_holes(loaded)
    assert found == ["N.104", "N.204"]  # the fourth is another rule of the same id: it stays, and is said
    assert holes == (LeftOut(3, "A", "N.104", "ID_TEST", "A"),)
    assert loaded.book is not None
    assert loaded.book.rows.sort("row").select("row", "code").rows() == [(1, "A"), (2, "B"), (4, "A")]
    assert [json.loads(params)["row"] for params in loaded.findings["params"]] == [3, "4"]


def test_rules_of_one_id_one_after_the_other_say_nothing() -> None:
    loaded = book(load_book(rules(rule("A", end="31.03.2022"), rule("A", begin="01.04.2022", condition="x")), "Q023.xml"))
    assert loaded.rows.select("code", "valid_from", "usl_test", "row").rows() == [
        ("A", date(2022, 1, 1), None, 1), ("A", date(2022, 4, 1), "x", 2),
    ]  # fmt: skip


def test_a_book_of_rules_without_a_rule_left_is_refused() -> None:
    loaded = load_book(rules(rule(""), rule("B", begin="x")), "Q023.xml")
    assert loaded.book is None
    assert loaded.findings["rule"].to_list() == ["N.102", "N.103"]


def test_texts_of_a_rule_are_kept_as_they_are() -> None:
    text = "  USL_OK = {1,  2}\n   и  REAB &lt;&gt; 1\t "
    data = rules(rule(condition=text, letters=("C", "H", "LT"), more="<MASK_VAL> Х9 </MASK_VAL>"))
    loaded = book(load_book(data, "Q023.xml"))
    assert loaded.rows.select("usl_test", "mask_val", "type_d", "nsi_obj", "min_len").row(0) == (
        "USL_OK = {1,  2}\n   и  REAB <> 1", "Х9", "C;H;LT", None, None,
    )  # fmt: skip


def test_letters_in_other_nestings() -> None:
    for kinds in (
        "<TYPE_D>C</TYPE_D><TYPE_D>H</TYPE_D>", "<TYPE_MD>C, H</TYPE_MD>", "<TYPE_D>C;H</TYPE_D>",
        "<TYPES><TYPE_MD><TYPE_D>C</TYPE_D></TYPE_MD><TYPE_MD><TYPE_D>H</TYPE_D></TYPE_MD></TYPES>",
    ):  # fmt: skip
        data = rules(f"<ID_TEST>A</ID_TEST><ID_EL>ZL_LIST/ZAP</ID_EL>{kinds}<DATEBEG>01.01.2022</DATEBEG>")
        assert book(load_book(data, "Q022.xml")).rows["type_d"].to_list() == ["C;H"], kinds


def test_every_book_of_checks_has_the_columns_of_a_rule() -> None:
    wanted = {
        "code", "valid_from", "valid_to", "row", "id_el", "type_d", "nsi_obj", "nsi_el", "usl_test", "val_el", "min_len",
        "max_len", "mask_val", "comment", "desc_test",
    }  # fmt: skip
    for kind in ("FLK_MPF", "MEK_MPF", "FLK_MPR", "MEK_MPR"):
        loaded = load_book(package("<ID_TEST>A</ID_TEST><ID_EL>ZL_LIST</ID_EL>", kind=kind), "x.xml")
        assert set(book(loaded).rows.columns) == wanted


# ---- what is kept and said


def test_unknown_columns_are_kept_and_said() -> None:
    loaded = load_book(package(row() + "<NEW_1>x</NEW_1><OTHER>y</OTHER>", row("102")), "V009.xml")
    assert loaded.book is not None
    assert loaded.findings["rule"].to_list() == ["N.201"]
    assert json.loads(loaded.findings["params"][0]) == {"book": "V009", "columns": "NEW_1, OTHER"}
    assert loaded.book.rows.select("new_1", "other").rows() == [("x", "y"), (None, None)]


def test_columns_that_name_persons_are_not_kept() -> None:
    data = b"tf_okato,mcod,nam_mok,fam_ruk,im_ruk,ot_ruk,phone,e_mail\n76000,750901,x,Petrov,P,P,123,a@b\n"
    columns = book(load_book(data, "F003.csv")).rows.columns
    assert not {"fam_ruk", "im_ruk", "ot_ruk", "phone", "e_mail"} & set(columns)
    assert {"code", "okato", "meaning_ru"} <= set(columns)


def test_several_books_of_one_file() -> None:
    data = workbook({"КСГ": [["№", "КСГ", "Наименование КСГ", "КЗ"], [1, "st01.001", "a", 0.5]], "Прочее": [["a"]]})
    (loaded,) = load_books(data, "ksg2026.xlsx")
    assert (book(loaded).name, book(loaded).edition) == ("KSG.ST.GROUPS", "2026")
    (refused,) = load_books(data, "grouper.xlsx")
    assert only(refused) == ("N.012", {"name": "KSG.ST"})
    (told,) = load_books(data, "grouper.xlsx", Told(holds_from=date(2025, 1, 1)))
    assert (book(told).edition, book(told).holds_from) == ("2025", date(2025, 1, 1))


# ---- anything at all


@settings(deadline=None, max_examples=150)
@given(
    name=st.sampled_from(["V009.csv", "Q023.csv", "F014.csv", "V020_partial.csv", "V777.csv", "F003.csv"]),
    head=st.lists(
        st.sampled_from([
            "code", "valid_from", "valid_to", "meaning_ru", "idrmp", "rmpname", "datebeg", "DATEEND", "row", "AT", "__at", "FIRST",
            "id_test", "id_el", "type_d", "type_md", "osn", "k_no", "naim", "kod", "idk_pr", "mcod", "d_begin", "fam_ruk", "", "x",
        ]),
        unique=True, min_size=1, max_size=9,
    ),
    data=st.data(),
)  # fmt: skip
def test_no_table_breaks_the_loader(name: str, head: list[str], data: st.DataObject) -> None:
    """Whatever stands in a CSV, it is a book or findings; what is loaded has its columns once and its dates as dates."""
    cell = st.sampled_from(["", "1", "101", "01.01.2022", "2022-13-01", "20220101", "31.12.2021", "0.5", "x;y", " ", "é\n"])
    rows = data.draw(st.lists(st.lists(cell, min_size=len(head), max_size=len(head) + 1), max_size=6))
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([head, *rows])
    for one in load_books(stream.getvalue().encode(), name):
        if one.book is None:
            assert one.findings.height
            continue
        assert one.book.rows.schema["valid_from"] == one.book.rows.schema["valid_to"] == pl.Date
        assert one.book.rows.height + len(one.book.left_out) >= 1
        assert not {"fam_ruk", "AT", "FIRST"} & set(one.book.rows.columns)


@settings(deadline=None)
@given(content=st.binary(max_size=200), name=st.sampled_from(["V009.xml", "V009.zip", "V009.csv", "V009.xlsx", "Q023.xml"]))
def test_no_bytes_break_the_loader(content: bytes, name: str) -> None:
    for one in load_books(content, name):
        assert one.book is not None or one.findings.height


# ---- the published books


def test_the_published_f014_is_the_built_in_one() -> None:
    (path,) = published("codes", "F014.csv")
    loaded = book(load_book(path))
    built_in = nsi.built_in_books().require("F014")
    for day in (date(2020, 1, 1), date(2021, 5, 25), date(2022, 3, 31)):
        columns = ["code", "kod", "k_no", "k_sh"]
        assert set(loaded.on(day).select(columns).iter_rows()) == set(built_in.on(day).select(pl.col(columns)).iter_rows())
