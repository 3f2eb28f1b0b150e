"""What may a value look like? Masks, lengths and lists of characters of the check books (category 004F; checks.md 1.4a, 8).

In a mask 9 is a digit, X (Latin or Cyrillic) a digit that may be left out, A a Latin letter, everything else itself; ГГГГ-ММ-ДД
is a date. What stands behind a point and may be left out whole may be left out with its point: `A99.XX`, `A99.99X.999.XXX`. Mask,
both lengths and the list of characters must all hold. A number is compared as a number: the file may write 100 for 100.00.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

#: A date as figures.
DATE_MASK: Final = "ГГГГ-ММ-ДД"
_OPTIONAL: Final = "XХ"
#: Phrases of the lists of characters and what they stand for, the longest first. Dashes of all lengths are one separator.
_PHRASES: Final[tuple[tuple[str, str], ...]] = (
    ("буквы русского и латинского алфавита", "А-Яа-яЁёA-Za-z"),
    ("буквы русского алфавита", "А-Яа-яЁё"),
    ("буквы латинского алфавита", "A-Za-z"),
    ("вертикальные и наклонные разделители", r"|/\\"),
    ("горизонтальные и наклонные разделители", r"\-‐‑‒–—/\\"),
    ("горизонтальные разделители и наклонные разделители", r"\-‐‑‒–—/\\"),
    ("горизонтальные разделители", r"\-‐‑‒–—"),
    ("нижнее подчеркивание", "_"),
    ("знак подчеркивания", "_"),
    ('знак "+"', "+"),
    ("двоеточие", ":"),
    ("кавычки", "\"'«»“”„’‘"),
    ("пробел", " "),
    ("точка", "."),
    ("точки", "."),
    ("запятая", ","),
    ("цифры", "0-9"),
)
_ANY: Final = re.compile(r"допустимы любые символы", re.IGNORECASE)
_LIST: Final = re.compile(r"допустимы\s+(?:только\s+)?(?P<list>.+)", re.IGNORECASE | re.DOTALL)


class MaskError(ValueError):
    """A mask or a list of characters that cannot be read; `part` is what is not understood."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


@dataclass(frozen=True, slots=True)
class NumberMask:
    """A mask of nothing but digits and one point: how many figures before and behind it."""

    least: int  # figures before the point
    most: int
    decimals: int


def pattern(mask: str) -> str:
    """A mask as a regular expression for the whole text. Raises MaskError."""
    if mask == DATE_MASK:
        return r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"
    if not re.fullmatch(r"[0-9XХA.\- ]+", mask):
        raise MaskError(mask)
    head, point, tail = mask.rpartition(".")
    if point and tail and not tail.strip(_OPTIONAL):
        return f"^{_letters(head)}(?:\\.[0-9]{{1,{len(tail)}}})?$"
    return f"^{_letters(mask)}$"


def _letters(mask: str) -> str:
    return "".join(
        "[0-9]" if one == "9" else "[0-9]?" if one in _OPTIONAL else "[A-Z]" if one == "A" else re.escape(one) for one in mask
    )


def number_mask(mask: str) -> NumberMask | None:
    """A mask of a number; None where it has anything but digits and one point."""
    match = re.fullmatch(r"(?P<may>[XХ]*)(?P<must>9+)(?:\.(?P<behind>9+))?", mask)
    if match is None:
        return None
    must = len(match["must"])
    return NumberMask(must, must + len(match["may"]), len(match["behind"] or ""))


def characters(comment: str) -> str | None:
    """The list of characters of a comment as a regular expression for the whole text; None: any, or the comment lists none.

    Raises MaskError for a word of the list that is not known.
    """
    if _ANY.search(comment) or not (found := _LIST.search(comment)):
        return None
    rest = found["list"].lower().replace("строчные и прописные", "").replace("ё", "е")
    allowed = ""
    for phrase, letters in _PHRASES:
        if phrase in rest:
            rest = rest.replace(phrase, "")
            allowed += letters
    left = re.sub(r"[\s,.;]|\bи\b", "", rest)
    if left:
        raise MaskError(rest.strip(" ,.;"))
    return f"^[{allowed}]*$"
