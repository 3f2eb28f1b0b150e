"""Does the measuring over blocks say what a reading of one byte after the other says?"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.findings import Finding
from omsclaims.registry import measure as module
from omsclaims.registry.formats import get
from omsclaims.registry.limits import Limits
from omsclaims.registry.measure import bytes_of, measure, refusal, suspicious

from .documents import document, main_document

SMALL = Limits(
    depth=4, text_bytes=20, tag_bytes=24, comment_bytes=16, comments=3, attributes=2, record_bytes=90, record_elements=6,
    header_elements=5,
)  # fmt: skip
_TOKEN = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>|[^<]+", re.DOTALL)
_VALUE = re.compile(rb"\"[^\"]*\"|'[^']*'")


def slow(content: bytes, limits: Limits) -> tuple[str, int] | None:
    """The first break by reading token after token: limit, offset."""
    found: list[tuple[int, str, int]] = []
    depth = comments = outside = count = text = 0
    text_at = start = 0
    record = False
    for match in _TOKEN.finditer(content):
        token, at, end = match[0], match.start(), match.end()
        hidden = token.startswith((b"<!--", b"<?"))
        if hidden or not token.startswith(b"<") or token.startswith(b"<!["):
            text = end - text_at
            if text > limits.text_bytes:
                found.append((text_at + limits.text_bytes, "text_bytes", text_at))
            comments += hidden
            if hidden and comments > limits.comments:
                found.append((at, "comments", at))
            if hidden and len(token) > limits.comment_bytes:
                found.append((at + limits.comment_bytes, "comment_bytes", at))
            continue
        text_at = end
        if len(token) > limits.tag_bytes:
            found.append((at + limits.tag_bytes, "tag_bytes", at))
        values = list(_VALUE.finditer(token))
        if len(values) > limits.attributes:
            found.append((at + values[limits.attributes].start(), "attributes", at))
        if token.startswith(b"</"):
            depth -= 1
            if depth == 1 and at - start > limits.record_bytes:
                found.append((start + limits.record_bytes, "record_bytes", start))
            continue
        depth += 1
        if depth > limits.depth:
            found.append((at, "depth", at))
        if depth == 2:
            start, count = at, 0
            record = re.match(rb"<(ZAP|PERS|PR)[ \t\r\n>/]", token) is not None
        if depth >= 2:
            count += 1
            outside += not record
            if count > limits.record_elements:
                found.append((at, "record_elements", start))
            if not record and outside > limits.header_elements:
                found.append((at, "header_elements", at))
        depth -= token.endswith(b"/>")
    first = min(found, default=None)
    return None if first is None else (first[1], first[2])


def fast(content: bytes, limits: Limits, size: int) -> tuple[str, int] | None:
    found = measure((content[at : at + size] for at in range(0, len(content), size)), limits)
    if found is None:
        return None
    assert found[1]["line"] == content.count(b"\n", 0, int(str(found[1]["offset"]))) + 1
    return found[0], int(str(found[1]["offset"]))


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Well-formed documents that break small limits now and then."""
    filler = st.sampled_from([
        b"", b"x", b"text", b"\n", b"a > b", b"='y'", b'="', b"/>", b"<!-- < /> -->", b"<![CDATA[</ZAP>]]>", b"<?p q?>", b"long text " * 2,
        b"<!-- a long comment -->", b"<![CDATA[ long <data> ]]>",
    ])  # fmt: skip
    names = st.sampled_from([b"ZAP", b"ZAPX", b"PR", b"A", b"B", b"LONGNAME" * 2])
    attributes = st.sampled_from([b"", b"", b"", b" a='>'", b' a = "/>"', b" a='1' b=\"'2\"", b" a='' b='' c=''"])

    def element(level: int) -> bytes:
        name, attribute = draw(names), draw(attributes)
        if draw(st.integers(0, 3)) == 0:
            return b"<" + name + attribute + draw(st.sampled_from([b"/>", b" />"]))
        inner = b"".join(
            draw(filler) + (element(level + 1) if level < 5 else b"") for _ in range(draw(st.integers(0, 3 if level else 5)))
        )
        return b"<" + name + attribute + b">" + inner + draw(filler) + b"</" + name + b">"

    return (
        draw(st.sampled_from([b"", b"<?xml version='1.0'?>", b"\n<!-- p -->"])) + element(0) + draw(st.sampled_from([b"", b"\n"]))
    )


@settings(max_examples=300, deadline=None)
@given(
    documents(),
    st.integers(1, 40),
    st.sampled_from([SMALL, replace(SMALL, depth=3, text_bytes=60), replace(SMALL, record_bytes=40)]),
)
def test_blocks_find_what_tokens_find(content: bytes, size: int, limits: Limits) -> None:
    expected = slow(content, limits)
    was = module._BLOCK
    try:
        module._BLOCK = size  # type: ignore[misc]
        assert fast(content, limits, size) == expected
    finally:
        module._BLOCK = was  # type: ignore[misc]
    assert fast(content, limits, max(len(content), 1)) == expected
    found = measure(content, limits)
    assert (None if found is None else (found[0], found[1]["offset"])) == expected


@settings(max_examples=300, deadline=None)
@given(documents(), st.integers(1, 8), st.integers(1, 4))
def test_the_short_way_lets_nothing_through(content: bytes, depth: int, attributes: int) -> None:
    """Sizes cannot be broken here; depth, attributes and comments can, and the way for short files must not miss them."""
    limits = Limits(depth=depth, attributes=attributes, comments=2)
    found = measure(content, limits)
    assert (None if found is None else (found[0], found[1]["offset"])) == slow(content, limits)


RECORDS = b"<ZAP><A>1</A></ZAP>\n"


@pytest.mark.parametrize(
    ("content", "limits", "expected"),
    [
        (b"<a><b><c/></b></a>", Limits(depth=2), ("depth", 6, 1)),
        (b"<a>\n<b>\n\n<c>x</c></b></a>", Limits(depth=2), ("depth", 9, 4)),
        (b"<a>12345</a>", Limits(text_bytes=4), ("text_bytes", 3, 1)),
        (b"<a>1<!-- 2 --><![CDATA[3]]>4</a>", Limits(text_bytes=20), ("text_bytes", 3, 1)),
        (b"<a>12345</a>", Limits(text_bytes=5), None),
        (b"<a>\n<bcdefg/></a>", Limits(tag_bytes=8), ("tag_bytes", 4, 2)),
        (b"<a b='>>>>>>>>>>'/>", Limits(tag_bytes=18), ("tag_bytes", 0, 1)),
        (b"<a b='1' c=\"2\" d = '3'/>", Limits(attributes=2), ("attributes", 0, 1)),
        (b"<a>b='1' c='2'</a>", Limits(attributes=1), None),
        (b"<a><!-- no end", Limits(comment_bytes=10), ("comment_bytes", 3, 1)),
        (b"<?xml version='1.0'?><a><!----><?p?></a>", Limits(comments=2), ("comments", 31, 1)),
        (b"<r>" + RECORDS * 3 + b"</r>", Limits(record_bytes=12), ("record_bytes", 3, 1)),
        (b"<r>" + RECORDS * 3 + b"</r>", Limits(record_elements=2, header_elements=1), None),
        (b"<r>" + RECORDS * 2 + b"<ZAP><A/><B/></ZAP></r>", Limits(record_elements=2), ("record_elements", 43, 3)),
        (b"<r><H/>" + RECORDS * 9 + b"<H/></r>", Limits(header_elements=1), ("header_elements", 187, 10)),
        (b"<r><ZAPX/><ZAPX/></r>", Limits(header_elements=1), ("header_elements", 10, 1)),
    ],
)  # fmt: skip
def test_each_limit_and_its_place(content: bytes, limits: Limits, expected: tuple[str, int, int] | None) -> None:
    for whole in (content, [content[at : at + 1] for at in range(len(content))]):
        found = measure(whole, limits)
        assert (None if found is None else (found[0], found[1]["offset"], found[1]["line"])) == expected


def test_a_refusal_is_told_in_both_languages() -> None:
    found = refusal(b"<a>\n<b><c/></b></a>", Limits(depth=2))
    assert found is not None
    rule, params, line = found
    finding = Finding(rule, line=line, params=params)
    assert (rule, line, params["limit"], params["allowed"], params["offset"]) == ("S.815", 2, "depth", 2, 7)
    assert finding.text("ru") == "Файл не прочитан: вложенность элементов - больше 2 (depth); строка 2, байт 7"
    assert finding.text("en") == "The file was not read: elements inside each other - more than 2 (depth); line 2, byte 7"


@pytest.mark.parametrize("edition", ["H_3.2", "C_3.1", "L_3.2", "RD_3.2", "FLK_P"])
def test_documents_of_every_kind_are_within_the_limits(edition: str) -> None:
    for full in (False, True):
        assert measure(document(get(edition), full=full, records=3)) is None
    assert measure(b"") is None and measure([]) is None and measure([b"", b"<a/>", b""]) is None


def test_only_what_has_no_records_for_megabytes_is_suspicious() -> None:
    start, record = main_document(1).split(b"<ZAP>")
    record = b"<ZAP>" + record.removesuffix(b"</ZL_LIST>")
    large = start + record * ((9 << 20) // len(record)) + b"</ZL_LIST>"
    assert not suspicious(main_document()) and not suspicious(large) and not suspicious(large.replace(b"ZAP>", b"PERS>"))
    for filler in (b" ", b"<X/>", b"<!-- x -->"):
        assert suspicious(large[: len(large) // 2] + filler * (5 << 20) + large[len(large) // 2 :])
    assert suspicious(large.decode("cp1251").encode("utf-16"))


def test_of_a_text_without_end_only_what_breaks_a_limit_is_read(tmp_path: Path) -> None:
    limits = Limits(record_bytes=5 << 20)
    start, filler = b"<ZL_LIST><ZAP><X>", b"x" * (40 << 20)
    path = tmp_path / "long.xml"
    for before in (b"", b"<Y>1</Y>" * (1 << 20)):
        whole = start + before + filler + b"</X></ZAP></ZL_LIST>"
        path.write_bytes(whole)
        read = bytes_of(path, limits)
        assert whole.startswith(read) and len(before) + (5 << 20) < len(read) < len(before) + (20 << 20)
        assert measure(read, limits) == measure(whole, limits) is not None
    for all_of_it in (b"PK" + filler, (start + b"x" * (4 << 20)) * 5, b"<a>1</a>", b""):
        path.write_bytes(all_of_it)
        assert bytes_of(path, limits) == all_of_it
