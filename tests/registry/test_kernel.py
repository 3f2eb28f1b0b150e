"""What the scanner takes for a number, a date or a letter is what the one grammar of values, and Python, take for it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omsclaims.registry import formats, kernel, values
from omsclaims.registry.program import _LONGEST_TAG, CONSTANTS, NotScannableError, compiled

POWERS, STARTS, LENGTHS, LETTERS = CONSTANTS
ODD = st.text(alphabet="0123456789.-+ e,", min_size=1, max_size=20)


def padded(data: bytes) -> np.ndarray:
    return np.frombuffer(data + b"<" + bytes(kernel.PADDING), np.uint8).copy()


@settings(max_examples=400, deadline=None)
@given(
    text=ODD | st.from_regex(r"[0-9]{1,17}(\.[0-9]{1,6})?", fullmatch=True), length=st.integers(1, 17), decimals=st.integers(0, 5)
)
@example(text="12345678", length=15, decimals=2)
@example(text="0.10", length=15, decimals=2)
@example(text="9999999999999.99", length=15, decimals=2)
def test_a_number_is_the_grammars_number_or_left_to_it(text: str, length: int, decimals: int) -> None:
    decimals = min(decimals, length - 1)
    whole = min(length, values.MAX_DIGITS) - decimals
    data = text.encode()
    for scale in {decimals, 5}:
        found = int(kernel.number(padded(data), 0, len(data), whole, decimals, scale, POWERS))
        expected = values.parse_number(text, length, decimals, scale)
        assert found == -1 or found == expected
        if expected is not None and expected > 0 and len(text) < 10 and text[0] != "0":
            assert found == expected  # common numbers are not left to anybody


@settings(max_examples=400, deadline=None)
@given(text=st.dates().map(str) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True) | ODD)
@example(text="2000-02-29")
@example(text="1900-02-29")
@example(text="2099-12-31")
def test_a_date_is_the_grammars_date_or_left_to_it(text: str) -> None:
    data = text.encode()
    found = int(kernel.day(padded(data), 0, len(data), STARTS, LENGTHS))
    expected = values.parse_date(text)
    days = None if expected is None else expected.toordinal() - date(1970, 1, 1).toordinal()
    assert found == kernel.NO_DATE or found == days
    if expected is not None and 1900 <= expected.year <= 2099:
        assert found == days


def decoded(data: bytes, *, windows: bool) -> tuple[str | None, int, int]:
    side = np.zeros(3 * len(data) + 64, np.uint8)
    at, end, characters, lines, status = kernel.decode(padded(data), 0, side, 0, windows, False, LETTERS)
    if status != kernel.DONE or at != len(data):
        return None, 0, 0
    return side[:end].tobytes().decode(), int(characters), int(lines)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=24))
def test_utf8_is_what_python_and_xml_take_for_it(data: bytes) -> None:
    try:
        text: str | None = data.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and (
        set(text) & set("<&]\r") or any(ord(one) < 32 and one not in "\t\n" for one in text) or set(text) & {"\ufffe", "\uffff"}
    ):
        return  # told apart elsewhere
    if text is None and set(data) & set(b"<&]\r"):
        return
    found, characters, lines = decoded(data, windows=False)
    assert found == text
    if text is not None:
        assert (characters, lines) == (len(text), text.count("\n"))


@pytest.mark.parametrize("letter", range(0x20, 0x100))
def test_windows_1251_is_what_python_takes_for_it(letter: int) -> None:
    data = bytes([0x61, letter, 0x61])
    if letter in b"<&":
        return
    expected = None if letter == 0x98 else data.decode("cp1251")
    assert decoded(data, windows=True)[0] == expected


def test_entities_and_line_ends() -> None:
    found, characters, lines = decoded(b"a&lt;&gt;&amp;&quot;&apos;\r\nb\rc]] >", windows=True)
    assert (found, characters, lines) == ("a<>&\"'\nb\nc]] >", 14, 1)
    for bad in (b"a]]>", b"&#65;", b"&nbsp;", b"\x01", b"&amp", b"& "):
        assert decoded(bad, windows=True)[0] is None, bad


def test_rows_of_one_parent_with_the_same_text() -> None:
    def answer(parents: list[int], texts: list[bytes]) -> bool:
        side, views = b"", []
        for text in texts:
            if len(text) <= 12:
                words = int.from_bytes(len(text).to_bytes(4, "little") + text.ljust(12, b"\0"), "little")
            else:
                words = int.from_bytes(
                    len(text).to_bytes(4, "little") + text[:4] + bytes(4) + len(side).to_bytes(4, "little"), "little"
                )
                side += text
            views += [words & (2**64 - 1), words >> 64]
        made = np.array(views, np.uint64), 0, np.frombuffer(side + bytes(16), np.uint8).copy()
        return bool(kernel.repeats(np.array(parents), 0, len(parents), *made))

    long, other = b"0123456789abcdef", b"0123456789abcdeF"
    assert answer([0, 0], [b"a", b"a"]) and answer([1, 1], [long, long])
    assert not answer([0, 1], [b"a", b"a"]) and not answer([0, 0], [long, other]) and not answer([0, 0], [b"", b""])
    assert answer([0] * 70, [str(number).encode() for number in range(70)])  # too many to look at here


def test_every_edition_has_a_program_and_a_very_long_tag_has_none() -> None:
    for name in formats.format_ids():
        edition = formats.get(name)
        record = {"main": "ZAP", "person": "PERS", "protocol": "PR"}[edition.family]
        program = compiled(edition, record)
        assert len(program.elements) == sum(
            1 for item in edition.fields if item.path == record or item.path.startswith(f"{record}/")
        )
        assert max(len(item.name) for item in program.elements) <= _LONGEST_TAG
    long = {"op": "add", "after": "ZAP/N_ZAP", "path": f"ZAP/{'X' * 16}", "form": "T", "length": "3", "must": "N", "repeats": "0"}
    overlaid = formats.overlaid(formats.get("H_3.1"), [long | dict.fromkeys(
        ("decimals", "book", "values", "min_length", "table", "column"), "") | {"meaning_en": "ours", "meaning_ru": "наше"}])  # fmt: skip
    with pytest.raises(NotScannableError):
        compiled(overlaid, "ZAP")
