"""Which words is a condition of the official check books made of? Text -> tokens with their places, or where it cannot be read.

Names and codes (Latin), words (Cyrillic), numbers, dates, quoted texts, signs of comparison, brackets, separators, the dash and
the end. A Cyrillic letter inside a Latin name is a slip of the book that looks right on paper (`SMO_ОК`): it is never read as
the letter it looks like, but reported at its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from omsclaims import messages

Kind = Literal["name", "code", "word", "number", "date", "text", "sign", "bracket", "separator", "dash", "end"]
#: What may be wrong: nothing there, a sign or a letter that does not belong, an open quote, a wrong value, a word that stands
#: where another is due, the end where something is due, brackets inside brackets without end.
ErrorCode = Literal["empty", "character", "lookalike", "quote", "value", "unexpected", "ended", "deep"]


class ConditionError(ValueError):
    """A condition cannot be read.

    code      what is wrong; its sentence is `official.condition.<code>`
    position  place of the first letter that does not fit, from 0
    found     what stands there
    expected  what is due there; its words are `official.expected.<expected>`
    """

    def __init__(self, code: ErrorCode, position: int, found: str = "", expected: str = "") -> None:
        self.code, self.position, self.found, self.expected = code, position, found, expected
        super().__init__(self.text("en"))

    def text(self, lang: str) -> str:
        """The sentence for a person, with the place counted from 1."""
        due = messages.text(f"official.expected.{self.expected}", lang) if self.expected else ""
        return messages.text(f"official.condition.{self.code}", lang, place=self.position + 1, found=self.found, expected=due)


@dataclass(frozen=True, slots=True)
class Token:
    """One word: what kind, its letters (quotes taken off, signs in one spelling), its place, whether space stands before it."""

    kind: Kind
    text: str
    at: int


_SIGNS: Final[dict[str, str]] = {
    "<=": "<=", "=<": "<=", "≤": "<=", ">=": ">=", "=>": ">=", "≥": ">=", "<>": "<>", "!=": "<>", "≠": "<>",
    "<": "<", ">": ">", "=": "=",
}  # fmt: skip
#: Opening quote -> signs that close it. The books close ’ with ’, and Word turns quotes round.
_QUOTES: Final[dict[str, str]] = {
    '"': '"', "«": "»", "“": "”“", "„": "”“", "'": "'’‘", "’": "'’‘", "‘": "'’‘", "`": "`'’",
}  # fmt: skip
_LATIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[./][A-Za-z0-9_]+)*")
_CYRILLIC: Final = re.compile(r"[А-Яа-яЁё][А-Яа-яЁё0-9]*")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)|\d{2}\.\d{2}\.\d{4}(?![\d.])")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)*")
_SIGN: Final = re.compile("|".join(re.escape(sign) for sign in _SIGNS))
_DASH: Final = re.compile(r"\.{3}|[…‐‑‒–—-]")
#: Codes as the classifiers write them: a capital and two digits (C16.1, V021, A18.05.002), small letters and figures (sh0001,
#: st19.027, gemop1). `ds1` is an element in small letters, as some regions write them.
_CODE: Final = re.compile(r"[A-Z]\d\d|[a-z]+\d\d|[a-z]{3,}\d")
#: Connectives that the books write without a space behind a code: `D10или`.
_GLUED: Final = frozenset({"и", "или"})


def tokens(text: str) -> list[Token]:
    """All words of a condition, with one of kind `end` behind them. Raises ConditionError."""
    return [*_tokens(text), Token("end", "", len(text.rstrip()))]


def is_code(text: str) -> bool:
    """Whether a Latin word has the shape of a code of a classifier rather than of the name of an element."""
    return "/" not in text and _CODE.match(text) is not None


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token, at = _next(text, at)
        yield token


def _next(text: str, at: int) -> tuple[Token, int]:
    """The word that begins at a place, and where the next one may."""
    if text[at] in _QUOTES:
        return _quoted(text, at)
    if match := _LATIN.match(text, at):
        _not_mixed(text, match.end())
        return Token("code" if is_code(match[0]) else "name", match[0], at), match.end()
    if match := _CYRILLIC.match(text, at):
        following = text[match.end() : match.end() + 1]
        if following and ((following.isascii() and following.isalpha()) or following == "_"):
            raise ConditionError("lookalike", at, _whole(text, at))
        return Token("word", match[0], at), match.end()
    if match := _DATE.match(text, at):
        return Token("date", _iso(match[0], at), at), match.end()
    if match := _NUMBER.match(text, at):
        return Token("number", match[0], at), match.end()
    if match := _SIGN.match(text, at):
        return Token("sign", _SIGNS[match[0]], at), match.end()
    if match := _DASH.match(text, at):
        return Token("dash", "…" if match[0][0] in ".…" else "-", at), match.end()
    if text[at] in "(){}":
        return Token("bracket", text[at], at), at + 1
    if text[at] in ",;+":
        return Token("separator", text[at], at), at + 1
    raise ConditionError("character", at, text[at])


def _quoted(text: str, at: int) -> tuple[Token, int]:
    closing = _QUOTES[text[at]]
    for end in range(at + 1, len(text)):
        if text[end] in closing:
            return Token("text", text[at + 1 : end], at), end + 1
    raise ConditionError("quote", at, text[at])


def _not_mixed(text: str, end: int) -> None:
    """Raises where a Cyrillic letter goes on a Latin word, unless it begins a connective."""
    glued = _CYRILLIC.match(text, end)
    if glued and glued[0].lower() not in _GLUED:
        raise ConditionError("lookalike", end, _whole(text, end))


def _whole(text: str, at: int) -> str:
    """The run of letters, digits and underscores around a place."""
    start = at
    while start and (text[start - 1].isalnum() or text[start - 1] in "_."):
        start -= 1
    match = re.compile(r"[\w.]+").match(text, start)
    return match[0] if match else text[at]


def _iso(text: str, at: int) -> str:
    """A date as YYYY-MM-DD; only its figures are looked at here."""
    year, month, day = text.split("-") if "-" in text else text.split(".")[::-1]
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        raise ConditionError("value", at, text, "date")
    return f"{year}-{month}-{day}"
