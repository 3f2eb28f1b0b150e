"""Is a file refused before any parser sees it, whatever hides the reason, and is the start of a lawful one understood?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsclaims.registry import source

from .documents import main_document


def rule(content: bytes) -> str | None:
    refusal, _ = source.inspect(content)
    return None if refusal is None else refusal[0]


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        (b'<?xml version="1.0" encoding="windows-1251"?>', None), (b"<?xml version='1.0' encoding='WINDOWS-1251' standalone='yes' ?>", None),
        (b'<?xml\n version = "1.0"\n encoding = "utf-8" ?>', None), (b'<?xml version="1.0"?>', None), (b'<?xml version="1.1"?>', None), (b"", None),
        (b'<?xml version="1.0" encoding="utf-7"?>', "S.805"), (b'<?xml version="1.0" encoding="utf-16"?>', "S.805"),
        (b'<?xml encoding="utf-8"?>', "S.807"), (b'<?xml version="encoding=\'utf-8\'" encoding="utf-7"?>', "S.807"),
        (b'<?xml version="1.0" x="y" encoding="utf-7"?>', "S.807"), (b'<?xml version="1.0" standalone="yes" encoding="utf-7"?>', "S.807"),
        (b'<?xml version="1.0"' + b" " * 500 + b'encoding="utf-7"?>', "S.807"), (b'\n<?xml version="1.0" encoding="utf-7"?>', "S.807"),
        (b'<?XML version="1.0" encoding="utf-7"?>', "S.807"), (b'<?xml version="1.0" encoding=""?>', "S.807"),
        (b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>", None), (b"\xef\xbb\xbf<?xml version='1.0' encoding='windows-1251'?>", "S.805"),
    ],
)  # fmt: skip
def test_a_declaration_is_read_to_the_letter(declaration: bytes, expected: str | None) -> None:
    assert rule(declaration + b"<ZL_LIST></ZL_LIST>") == expected


@pytest.mark.parametrize(
    ("markup", "place"),
    [
        (b"<!DOCTYPE a>", 0), (b"<!doctype a>", 0), (b"<!EnTiTy a 'b'>", 0), (b"<!ELEMENT a ANY>", 0), (b"<!ATTLIST a b CDATA #IMPLIED>", 0),
        (b"<!NOTATION a SYSTEM 'b'>", 0), (b"<![CDATA[<!DOCTYPE a>]]>", 9), (b"<!-- <!ENTITY --> -->", 5), (b"<?xml-stylesheet href='a'?>", 0),
        (b"<x:a xmlns:x='http://www.w3.org/2001/XInclude'/>", 14), (b"<!DOCTYPE a><?xml-stylesheet href='a'?>", 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", [b"", b"!?:" * 300, b"x" * 3_000_000], ids=["nothing", "many signs", "much"])
def test_markup_is_found_wherever_it_stands(markup: bytes, place: int, before: bytes) -> None:
    refusal, _ = source.inspect(b"<ZL_LIST>\n" + before + markup + b"</ZL_LIST>")
    assert refusal == ("S.806", {"line": 2, "offset": 10 + len(before) + place}, 2)


@pytest.mark.parametrize(
    "content", [b"<a>!DOCTYPE</a>", b"<a>http://www.w3.org/2001/</a>", b"<a>?xml-stylesheet</a>", b"<!-- DOCTYPE --><a/>", b"!"]
)
def test_words_alone_are_no_markup(content: bytes) -> None:
    assert rule(content) != "S.806"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "S.808"), (b" \n\t", "S.808"), (b"\xef\xbb\xbf", "S.808"), (b" " * 70_000 + b"<a/>", "S.807"), (b" " * 70_000, "S.808"),
        (b"<?a?>" * 20_000, "S.807"), (b"<!--" * 20_000, "S.807"), (b"<!-- a -->" * 3 + b"\n<a/>", None), (b"x<a/>", "S.807"),
        (b"<a>" + b"<YEAR>1 " * 8000, None), (b"<a>&b;</a>", "S.807"), (b"<a>&amp;&lt;&#65;</a>", None), (b"<a xmlns='b'/>", "S.808"),
    ],
)  # fmt: skip
def test_starts_are_seen_through_at_once(content: bytes, expected: str | None) -> None:
    """Each of them once held the search for a root, or for a year, for minutes."""
    assert rule(content) == expected


def test_stray_text_is_looked_for_once() -> None:
    assert not source.needs_care(b"</" * 300_000)
    assert source.needs_care(b"<a><b>1</b>x</a>") and not source.needs_care(b"<a><b>1</b>\n</a>")


@given(st.integers(0, 5), st.sampled_from(["я", "€", "😀", "x"]), st.binary(max_size=3))
def test_utf_8_is_judged_in_pieces_as_at_once(before: int, letter: str, after: bytes) -> None:
    was = source._PIECE
    content = b"<a>" + b"x" * before + letter.encode() * 40 + after + b"</a>"
    try:
        source._PIECE = 16  # type: ignore[misc]
        found = source._undecodable(content, "utf-8")
    finally:
        source._PIECE = was  # type: ignore[misc]
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        assert found is not None and found[1]["offset"] == error.start
    else:
        assert found is None


def test_the_head_of_a_lawful_file() -> None:
    refusal, head = source.inspect(main_document())
    assert refusal is None
    assert (head.root, head.version, head.period, head.filename) == ("ZL_LIST", "3.2", "2022-04", "HM750001T75_22041")
