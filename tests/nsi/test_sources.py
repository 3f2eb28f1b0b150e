"""What stands in a file: the forms of packages, CSV, and what is refused before a parser sees it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.nsi import sources
from omsclaims.nsi.sources import UnreadableError, read_csv, read_records, read_xml

from .nsi_samples import package, row, zipped


def _reason(data: bytes | Path, name: str = "V009.xml") -> str:
    with pytest.raises(UnreadableError) as raised:
        read_records(data, name)
    assert all(raised.value.finding(name).params[lang] for lang in ("ru", "en"))
    return raised.value.reason


# ---- forms


def test_the_usual_form() -> None:
    read = read_xml(package(row("101"), row("102")))
    assert (read.type, read.version, read.issued) == ("V009", "3.1", "13.04.2018")
    assert [one["idrmp"] for one in read.rows] == ["101", "102"]
    assert (read.lines, read.numbers) == ([3, 3], [1, 2])


def test_a_form_with_attributes_and_nested_sections() -> None:
    """F002: the header in attributes of the root, sections in the record."""
    data = b"""<?xml version="1.0"?><PACKET VERSION="1.5" DATE="01.02.2022">
    <insCompany><TF_OKATO>76000</TF_OKATO><smocod>75001</smocod><jurAddress><index_j>1</index_j></jurAddress>
    <insInclude><d_begin>01.01.2012</d_begin><d_end/></insInclude></insCompany></PACKET>"""
    read = read_xml(data)
    assert (read.version, read.issued) == ("1.5", "01.02.2022")
    assert read.rows == [{"tf_okato": "76000", "smocod": "75001", "index_j": "1", "d_begin": "01.01.2012", "d_end": ""}]


def test_repeated_sections_of_validity_are_rows() -> None:
    """F003: a clinic that was in the register twice; other sections that repeat are lists."""
    data = b"""<packet><medCompany><mcod>750901</mcod><doc><n_doc>A</n_doc></doc><doc><n_doc>B</n_doc></doc>
    <medInclude><d_begin>01.01.2012</d_begin><d_end>31.12.2015</d_end></medInclude>
    <medInclude><d_begin>01.01.2018</d_begin><name_e>x</name_e></medInclude></medCompany></packet>"""
    read = read_xml(data)
    assert [(one["mcod"], one["n_doc"], one["d_begin"], one.get("d_end")) for one in read.rows] == [
        ("750901", "A;B", "01.01.2012", "31.12.2015"), ("750901", "A;B", "01.01.2018", None),
    ]  # fmt: skip
    assert read.numbers == [1, 1]


def test_the_form_of_the_ministry() -> None:
    data = """<book><version>2.1</version><date>01.03.2022</date><entries>
    <entry><ID>1</ID><MKB_CODE>A00</MKB_CODE><MKB_NAME>Холера</MKB_NAME></entry>
    <entry><ID>2</ID><MKB_CODE>A00.0</MKB_CODE></entry></entries></book>""".encode()
    read = read_xml(data)
    assert (read.version, read.issued) == ("2.1", "01.03.2022")
    assert [one["mkb_code"] for one in read.rows] == ["A00", "A00.0"]


@pytest.mark.parametrize("outer", [("<packet>", "</packet>"), ("<packet><list>", "</list></packet>")])
def test_a_form_whose_record_we_do_not_know_by_name(outer: tuple[str, str]) -> None:
    """F001 and others have roots of their own: the record is the element that repeats."""
    data = f"{outer[0]}<fund><tf_kod>75</tf_kod></fund><fund><tf_kod>01</tf_kod></fund>{outer[1]}".encode()
    assert [one["tf_kod"] for one in read_xml(data).rows] == ["75", "01"]


def test_a_package_without_a_declaration_is_windows_1251() -> None:
    data = "<packet><zap><IDRMP>101</IDRMP><RMPNAME>выписан</RMPNAME></zap></packet>"
    for encoding in ("windows-1251", "utf-8"):
        assert read_xml(data.encode(encoding)).rows[0]["rmpname"] == "выписан"


def test_texts_lose_outer_space_only_and_comments_are_no_text() -> None:
    data = b"<packet><zap><A>\n a  <!-- c --> b\t</A><?x y?><B><![CDATA[ <c> ]]></B></zap></packet>"
    assert read_xml(data).rows == [{"a": "a   b", "b": "<c>"}]


def test_a_namespace_is_no_part_of_a_name() -> None:
    assert read_xml(b'<p:packet xmlns:p="u"><p:zap><p:A>1</p:A></p:zap></p:packet>').rows == [{"a": "1"}]


# ---- CSV


def test_csv_of_both_separators_and_encodings() -> None:
    for text in ("Code;Name\n1;да\n", "Code,Name\n1,да\n", '"Code","Name"\r\n"1","да"\r\n\r\n'):
        for encoding in ("utf-8", "utf-8-sig", "windows-1251"):
            assert read_csv(text.encode(encoding)).rows == [{"code": "1", "name": "да"}]


def test_rows_of_other_cells_are_told_apart() -> None:
    read = read_csv(b"a,b\n1,2\n3\n4,5,6\n\n7,8\n")
    assert [(number, one["a"]) for number, one in zip(read.numbers, read.rows, strict=True)] == [(1, "1"), (4, "7")]
    assert read.broken == [(2, 3, 1), (3, 4, 3)]
    assert _reason(b"a,b\n1\n", "V009.csv") == "cells"


@settings(deadline=None)
@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_any_csv_that_is_written_is_read(rows: list[list[str]]) -> None:
    import csv
    import io

    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([["a", "b"], *rows])
    kept = [
        dict(zip("ab", (cell.strip() for cell in cells), strict=True)) for cells in rows if any(cell.strip() for cell in cells)
    ]
    if not kept:
        return
    read = read_csv(stream.getvalue().encode())
    assert [{key: value.replace("\r\n", "\n") for key, value in one.items()} for one in read.rows] == [
        {key: value.replace("\r\n", "\n") for key, value in one.items()} for one in kept
    ]


# ---- what is refused


@pytest.mark.parametrize(
    "prolog",
    [
        "<!DOCTYPE packet>",
        '<!DOCTYPE p [<!ENTITY a "b">]>',
        '<!DOCTYPE p SYSTEM "file:///etc/passwd">',
        " " * 9999 + "<!DOCTYPE p>",
    ],
)
def test_entities_are_refused(prolog: str) -> None:
    assert _reason(package(row(), prolog=prolog)) == "doctype"
    assert _reason(zipped({"V009.xml": package(row(), prolog=prolog)})) == "doctype"
    assert _reason(package(row(), encoding="utf-16")) == "doctype"


def test_a_bomb_is_refused_by_what_it_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped({"V009.xml": b"\x20" * (sources.RATIO_FROM + 1)})
    assert len(bomb) < 100_000
    assert _reason(bomb) == "ratio"
    monkeypatch.setattr(sources, "MAX_BYTES", 1000)
    assert _reason(zipped({"V009.xml": b"x" * 1001})) == "size"
    monkeypatch.setattr(sources, "MAX_PACKED", 10)
    assert _reason(b"x" * 11) == "size"


def test_a_bomb_that_lies_about_itself_is_not_unpacked_beyond_its_word() -> None:
    """The directory says 10 bytes, the stream has millions: no more than was promised is read, and the checksum gives it away."""
    data = bytearray(zipped({"V009.xml": b"\x20" * 5_000_000}))
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = data.index(mark) + offset
        data[at : at + 4] = (10).to_bytes(4, "little")
    assert _reason(bytes(data)) == "zip"


def test_many_entries_a_password_a_foreign_way_of_packing() -> None:
    assert _reason(zipped({f"{n}.txt": b"" for n in range(sources.MAX_ENTRIES + 1)})) == "entries"
    locked = bytearray(zipped({"V009.xml": package(row())}))
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        locked[locked.index(mark) + offset] |= 1
    assert _reason(bytes(locked)) == "encrypted"
    strange = bytearray(zipped({"V009.xml": package(row())}, zipfile.ZIP_STORED))
    for mark, offset in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        at = strange.index(mark) + offset
        strange[at : at + 2] = (97).to_bytes(2, "little")
    assert _reason(bytes(strange)) == "zip"


def test_a_book_of_thousands_of_columns_is_none() -> None:
    wide = "".join(f"<C{n}/>" for n in range(sources.MAX_COLUMNS + 1))
    assert _reason(package(wide)) == "columns"
    assert _reason(",".join(map(str, range(sources.MAX_COLUMNS + 1))).encode() + b"\n1\n", "V009.csv") == "columns"


def test_a_package_that_breaks_off() -> None:
    assert _reason(package(row(), row())[:-20]) == "xml"
    assert _reason(b"\xff\xfe\x00", "V009.csv") == "not_csv"
