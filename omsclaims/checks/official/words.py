"""Where are we in a condition, and what stands here? The words of one text and the place among them, for the parser.

Everything that asks "is it this word" and everything that is one word long stands here; a word that does not fit is an error with
its place.
"""

from __future__ import annotations

from typing import Final

from omsclaims.checks.official.lexing import ConditionError, Token, tokens
from omsclaims.checks.official.syntax import Name, ShiftUnit, Sign

#: Latin words of the language; no element is called so.
RESERVED: Final = frozenset({"AND", "OR", "NOT", "IN", "IS", "NULL", "NIL", "BETWEEN", "ISNULL"})
OR: Final = frozenset({"или", "or"})
AND: Final = frozenset({"и", "and"})
LITERALS: Final = frozenset({"number", "date", "text", "code"})
UNITS: Final[dict[str, ShiftUnit]] = {
    **dict.fromkeys(("год", "года", "лет", "годах"), "years"),
    **dict.fromkeys(("месяц", "месяца", "месяцев", "месяцах"), "months"),
    **dict.fromkeys(("день", "дня", "дней", "днях"), "days"),
}  # fmt: skip
#: Brackets inside brackets; the books have four.
_DEEPEST: Final = 50


class Words:
    """The words of one text and where we are among them."""

    def __init__(self, text: str, target: Name | None) -> None:
        self.words = tokens(text)
        self.at = 0
        self.target = target
        #: Whether a sign or a list may stand without an operand before it: it is said of the target.
        self.relative = False
        self.depth = 0
        if self.words[0].kind == "end":
            raise ConditionError("empty", 0)

    # ---------------------------------------------------------------- words

    @property
    def here(self) -> Token:
        return self.words[self.at]

    def ahead(self, steps: int) -> Token:
        return self.words[min(self.at + steps, len(self.words) - 1)]

    def next(self) -> Token:
        token = self.here
        self.at += token.kind != "end"
        return token

    def fail(self, expected: str, token: Token | None = None) -> ConditionError:
        """The error that something else is due here."""
        found = token or self.here
        return ConditionError("ended" if found.kind == "end" else "unexpected", found.at, found.text, expected)

    def is_(self, *texts: str, steps: int = 0) -> bool:
        """Whether these words (Cyrillic or Latin, in any case) stand here one after the other."""
        return all(plain(self.ahead(steps + number)) == text for number, text in enumerate(texts))

    def one_of(self, texts: frozenset[str] | tuple[str, ...], steps: int = 0) -> bool:
        return plain(self.ahead(steps)) in texts

    def take(self, *texts: str) -> bool:
        """Steps over these words if they stand here."""
        if not self.is_(*texts):
            return False
        self.at += len(texts)
        return True

    def must(self, expected: str, *texts: str) -> None:
        for text in texts:
            if not self.take(text):
                raise self.fail(expected)

    def mark(self, text: str) -> bool:
        """Steps over a bracket or separator if it stands here."""
        if self.here.kind in ("bracket", "separator") and self.here.text == text:
            self.at += 1
            return True
        return False

    def name(self, expected: str = "name") -> Name:
        token = self.here
        if token.kind != "name" or token.text.upper() in RESERVED:
            raise self.fail(expected)
        self.at += 1
        return Name(tuple(token.text.upper().replace("/", ".").split(".")), token.at)

    def own(self) -> Name:
        if self.target is None:
            raise self.fail("name")
        return self.target

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ConditionError("deep", self.here.at)

    def sign(self) -> Sign:
        token = self.next()
        if token.kind != "sign":
            raise self.fail("sign", token)
        return token.text  # type: ignore[return-value]

    def unit(self) -> ShiftUnit:
        token = self.next()
        if plain(token) not in UNITS:
            raise self.fail("unit", token)
        return UNITS[plain(token)]

    def number(self) -> int:
        token = self.next()
        if token.kind != "number" or not token.text.isdigit():
            raise self.fail("number", token)
        return int(token.text)

    def book(self) -> str:
        return self.word_of_book("book")

    def word_of_book(self, expected: str) -> str:
        token = self.next()
        if token.kind not in ("name", "code"):
            raise self.fail(expected, token)
        return token.text.upper()


def plain(token: Token) -> str:
    """A word in small letters without ё; empty for what is no word."""
    return token.text.lower().replace("ё", "е") if token.kind in ("word", "name") else ""


def is_word_value(token: Token) -> bool:
    """Whether a Cyrillic word stands for itself: an abbreviation in capitals (ДВ4), or the one word that is a value."""
    if token.kind != "word":
        return False
    letters = token.text
    if len(letters) == 1 and letters in "ИСВК":
        return False  # a preposition or a connective in capitals
    return (letters.isupper() and letters.lower() not in AND | OR | {"не"}) or letters.lower() == "нет"
