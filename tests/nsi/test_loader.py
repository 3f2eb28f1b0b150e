"""Official packages and CSV become books; what is broken is refused as a whole, naming the row."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims import messages, nsi
from omsclaims.findings import with_text
from omsclaims.nsi.loader import Loaded, load_book

SHARED = Path(__file__).resolve().parents[3] / "shared" / "nsi"


def _package(*rows: str, kind: str = "V009", encoding: str = "windows-1251", prolog: str = "") -> bytes:
    body = "".join(f"<zap>{row}</zap>" for row in rows)
    text = f"""<?xml version="1.0" encoding="{encoding}"?>{prolog}
<packet><zglv><type>{kind}</type><version>3.1</version><date>13.04.2018</date></zglv>
{body}</packet>"""
    return text.encode(encoding)


ROW = "<IDRMP>{code}</IDRMP><RMPNAME>выписан</RMPNAME><DL_USLOV>1</DL_USLOV><DATEBEG>{begin}</DATEBEG><DATEEND>{end}</DATEEND>"


def _row(code: str = "101", begin: str = "01.01.2011", end: str = "") -> str:
    return ROW.format(code=code, begin=begin, end=end)


def _zip(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_xml", ".xml").replace("_txt", ".txt"), data)
    return stream.getvalue()


def _only(loaded: Loaded) -> tuple[str, dict[str, object]]:
    """The rule and parameters of the one finding that refused a book."""
    assert loaded.book is None
    assert loaded.findings.height == 1
    row = loaded.findings.row(0, named=True)
    for lang in messages.LANGUAGES:
        text = with_text(loaded.findings, lang)["text"][0]
        assert "{" not in text and " - " not in text.split("(")[0], text
        assert messages.text(f"rule.{row['rule']}.todo", lang)
    return row["rule"], json.loads(row["params"])


@pytest.mark.parametrize("encoding", ["windows-1251", "utf-8"])
@pytest.mark.parametrize("packed", [False, True])
def test_package(encoding: str, packed: bool) -> None:
    data = _package(_row(), _row("102", "01.01.2011", "31.12.2020"), _row("102", "01.01.2021"), encoding=encoding)
    loaded = load_book(_zip(V009_xml=data, readme_txt=b"x") if packed else data, "V009.zip" if packed else "V009.xml")
    assert loaded.findings.is_empty()
    assert loaded.book is not None
    assert (loaded.book.name, loaded.book.edition, loaded.book.complete) == ("V009", "3.1 of 2018-04-13", True)
    assert loaded.book.rows.select("code", "valid_from", "valid_to", "meaning_ru", "usl_ok").rows() == [
        ("101", date(2011, 1, 1), None, "выписан", "1"),
        ("102", date(2011, 1, 1), date(2020, 12, 31), "выписан", "1"),
        ("102", date(2021, 1, 1), None, "выписан", "1"),
    ]


def test_the_header_says_which_book_it_is() -> None:
    loaded = load_book(_package(_row(), kind="Rezult"), "download (3).xml")
    assert loaded.book is not None
    assert loaded.book.name == "V009"


def test_no_beginning_means_since_ever() -> None:
    loaded = load_book(_package(_row(begin="")), "V009.xml")
    assert loaded.book is not None
    assert loaded.book.rows["valid_from"].to_list() == [nsi.SINCE_EVER]


def test_coefficients_are_whole_units_and_the_final_point_goes() -> None:
    text = "Kod;Osn;Naim;DATEBEG;DATEEND;K_NO;K_SH\n207;1.4.4.;поле;20210525;;1.00000;0.30000\n"
    for data in (text.encode("utf-8-sig"), text.encode("windows-1251"), text.replace(";", ",").encode()):
        loaded = load_book(data, "F014.csv")
        assert loaded.book is not None
        assert loaded.book.rows.select("code", "kod", "k_no", "k_sh", "meaning_ru").rows() == [
            ("1.4.4", "207", "100000", "30000", "поле")
        ]


def test_own_layout_and_partial_books() -> None:
    data = b"code,valid_from,valid_to,meaning_ru,meaning_en,hvid\n498,2022-01-01,2022-12-31,x,y,14.00.37.001\n"
    loaded = load_book(data, "V019.csv")
    assert loaded.book is not None and loaded.book.complete
    assert loaded.book.rows["hvid"].to_list() == ["14.00.37.001"]
    part = load_book(data, "V019_partial.csv")
    assert part.book is not None and part.book.name == "V019" and not part.book.complete


def test_a_form_with_attributes_and_nested_lists() -> None:
    data = b"""<?xml version="1.0"?><PACKET VERSION="1.5" DATE="01.02.2022">
    <insCompany><TF_OKATO>76000</TF_OKATO><smocod>75001</smocod><nam_smok>x</nam_smok><insInclude><d_begin>01.01.2012</d_begin></insInclude></insCompany></PACKET>"""
    loaded = load_book(data, "F002.xml")
    assert loaded.book is not None
    assert loaded.book.edition == "1.5 of 2022-02-01"
    assert loaded.book.rows.select("code", "okato", "valid_from").rows() == [("75001", "76000", date(2012, 1, 1))]


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "V009.xml", "empty"),
        (b"PK\x03\x04broken", "V009.zip", "zip"),
        (_zip(), "V009.zip", "zip: 0 x xml/csv"),
        (_zip(a_xml=b"<a/>", b_xml=b"<a/>"), "V009.zip", "zip: 2 x xml/csv"),
        (b"<packet><zap></packet>", "V009.xml", "xml: "),
        (b"<packet><zglv/></packet>", "V009.xml", "no records"),
        (_package(_row(), prolog='<!DOCTYPE packet [<!ENTITY a "b">]>'), "V009.xml", "doctype"),
        (_package(_row(), encoding="utf-16"), "V009.xml", "doctype"),
        (b"code,valid_from\n1,2022-01-01,extra\n", "V009.csv", "csv: 2"),
        (b"code,valid_from\n", "V009.csv", "no records"),
    ],
)  # fmt: skip
def test_unreadable(data: bytes, name: str, reason: str) -> None:
    rule, params = _only(load_book(data, name))
    assert rule == "N.001"
    assert str(params["reason"]).startswith(reason)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert _only(load_book(tmp_path / "V009.xml"))[0] == "N.001"


def test_row_without_a_code() -> None:
    loaded = load_book(_package(_row(), _row(code="")), "V009.xml")
    assert _only(loaded) == ("N.002", {"book": "V009", "column": "IDRMP", "row": 2})
    assert loaded.findings["line"].to_list() == [3]


@pytest.mark.parametrize(("begin", "end", "column", "value"), [
    ("31.02.2020", "", "DATEBEG", "31.02.2020"), ("01.01.2020", "soon", "DATEEND", "soon"), ("02.01.2020", "01.01.2020", "DATEEND", "01.01.2020"),
])  # fmt: skip
def test_bad_date(begin: str, end: str, column: str, value: str) -> None:
    loaded = load_book(_package(_row(begin=begin, end=end)), "V009.xml")
    assert _only(loaded) == ("N.003", {"book": "V009", "column": column, "row": 1})
    assert loaded.findings["value"].to_list() == [value]


def test_overlapping_validity() -> None:
    loaded = load_book(_package(_row(end="01.06.2020"), _row(begin="01.06.2020")), "V009.xml")
    assert _only(loaded) == ("N.004", {"book": "V009", "day": "2020-06-01", "row": 2})
    inside = load_book(
        _package(_row(), _row(begin="01.06.2020", end="02.06.2020"), _row("102"), _row(begin="01.01.2021")), "V009.xml"
    )
    assert [json.loads(params)["row"] for params in inside.findings["params"]] == [2, 4]


def test_unknown_book() -> None:
    assert _only(load_book(_package(_row(), kind="Weather"), "download.xml")) == ("N.005", {"name": "Weather"})
    assert _only(load_book(b"a,b\n1,2\n", "V777.csv")) == ("N.005", {"name": "V777"})


def test_no_number() -> None:
    for value in ("one", "0.123456", "NaN"):
        data = f"Kod,Osn,DATEBEG,DATEEND,K_NO,K_SH\n1,1.1.,20210525,,{value},0\n".encode()
        assert _only(load_book(data, "F014.csv")) == ("N.006", {"book": "F014", "column": "K_NO", "row": 1})


def test_findings_of_a_hopeless_book_are_few() -> None:
    loaded = load_book(_package(*[_row(code="")] * 500), "V009.xml")
    assert loaded.book is None
    assert loaded.findings.height == 100


def _published(folder: str, pattern: str) -> list[Path]:
    found = sorted((SHARED / folder).glob(pattern))
    if not found:
        pytest.skip(f"../shared is not here: {SHARED / folder}")
    return found


def test_published_books_load() -> None:
    books = [path for path in _published("codes", "*.csv") if path.stem[1:4].isdigit() and "_to_" not in path.stem]
    for path in books:
        loaded = load_book(path)
        assert loaded.book is not None, (path.name, loaded.findings.to_dicts()[:1])
        assert loaded.book.complete == ("partial" not in path.name)
    assert len(books) > 50


def test_published_packages_load() -> None:
    rows = {}
    for path in _published("packages", "Q*.xml"):
        loaded = load_book(path)
        assert loaded.book is not None, path.name
        rows[loaded.book.name] = loaded.book.rows.height
    assert rows == {"Q015": 800, "Q016": 314, "Q018": 1187, "Q022": 62, "Q023": 264}


def test_the_published_f014_is_the_built_in_one() -> None:
    (path,) = _published("codes", "F014.csv")
    loaded = load_book(path)
    assert loaded.book is not None
    built_in = nsi.built_in_books().require("F014")
    for day in (date(2020, 1, 1), date(2021, 5, 25), date(2022, 3, 31)):
        columns = ["code", "kod", "k_no", "k_sh"]
        assert set(loaded.book.on(day).select(columns).iter_rows()) == set(built_in.on(day).select(pl.col(columns)).iter_rows())
