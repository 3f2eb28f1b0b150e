"""What does the name of a package say, and what is wrong with it? The grammar of file names (formats.md 2.1, 2.2; order 79 of
FFOMS, appendix D).

`HM340001S34002_210101`: kind of data, sender, receiver, year, month, packet number. Inter-territorial: `R7846110001`: kind,
sending fund, receiving fund, year, ordinal in the year.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from omsclaims import messages

#: Letters of a main file -> letters of the file of persons that comes with it.
PERSON_LETTERS: Final[dict[str, str]] = {
    "H": "L", "T": "LT", "C": "LC",
    **{f"D{letter}": f"L{letter}" for letter in "PVOSUFDRAB"},
}  # fmt: skip
MIN_LENGTH: Final = 13
MAX_LENGTH: Final = 26

_PARTY: Final = r"(?:M\d{6}|S\d{5}|T\d{2})"
_NAME: Final = re.compile(
    rf"^(?P<letters>{'|'.join(PERSON_LETTERS)})(?P<sender>{_PARTY})(?P<receiver>{_PARTY})"
    r"_(?P<year>\d{2})(?P<month>0[1-9]|1[0-2])(?P<number>\d+)$",
    re.ASCII,
)
_INTERTERRITORIAL: Final = re.compile(
    r"^(?P<kind>[RDAY])(?P<sender>\d{2})(?P<receiver>\d{2})(?P<year>\d{2})(?P<number>\d{4})$", re.ASCII
)


@dataclass(frozen=True, slots=True)
class PackageName:
    """The parts of the name of a main file: HM340001S34002_210101."""

    kind: str  # H, T, C or X (all D*)
    letters: str  # H, T, C, DP, DV, ...
    sender_kind: str  # M clinic, S insurer, T fund
    sender: str
    receiver_kind: str
    receiver: str
    year: int  # of four digits
    month: int
    number: str  # packet number as written: leading zeros are part of the name

    @property
    def period(self) -> str:
        """The reporting month YYYY-MM."""
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def tail(self) -> str:
        """What main file and file of persons have in common."""
        parties = f"{self.sender_kind}{self.sender}{self.receiver_kind}{self.receiver}"
        return f"{parties}_{self.year % 100:02d}{self.month:02d}{self.number}"

    @property
    def stem(self) -> str:
        """The name of the main file without extension."""
        return self.letters + self.tail

    @property
    def person_stem(self) -> str:
        """The name of the file of persons without extension."""
        return PERSON_LETTERS[self.letters] + self.tail

    @property
    def archive(self) -> str:
        """The file that holds both: a ZIP named as the main file."""
        return f"{self.stem}.zip"


@dataclass(frozen=True, slots=True)
class InterterritorialName:
    """The parts of R7846110001: kind, sending and receiving fund, year, ordinal in the year."""

    kind: str  # R, D, A, Y
    sender: str  # fund of two digits
    receiver: str
    year: int
    number: int

    @property
    def stem(self) -> str:
        """The name without extension."""
        return f"{self.kind}{self.sender}{self.receiver}{self.year % 100:02d}{self.number:04d}"

    @property
    def archive(self) -> str:
        """The file that holds it: a ZIP with the extension of the exchange between territories."""
        return f"{self.stem}.oms"

    @property
    def journal(self) -> InterterritorialName:
        """The journal of format-logic control of an R or D: the same parties, year and number."""
        return InterterritorialName("Y", self.sender, self.receiver, self.year, self.number)


def parse_name(stem: str) -> PackageName | None:
    """The parts of a main file's name (no extension); None where it does not follow the grammar (S.802)."""
    match = _NAME.fullmatch(stem)
    if match is None or not MIN_LENGTH <= len(stem) <= MAX_LENGTH:
        return None
    letters, sender, receiver = match["letters"], match["sender"], match["receiver"]
    return PackageName(
        kind="X" if letters.startswith("D") else letters, letters=letters, sender_kind=sender[0], sender=sender[1:],
        receiver_kind=receiver[0], receiver=receiver[1:], year=2000 + int(match["year"]), month=int(match["month"]),
        number=match["number"],
    )  # fmt: skip


def parse_interterritorial(stem: str) -> InterterritorialName | None:
    """The parts of the name of an R, D, A or Y file; None where it does not follow the grammar."""
    match = _INTERTERRITORIAL.fullmatch(stem)
    if match is None:
        return None
    return InterterritorialName(
        match["kind"], match["sender"], match["receiver"], 2000 + int(match["year"]), int(match["number"])
    )


def build_name(letters: str, sender: str, receiver: str, period: str, number: int | str) -> PackageName:
    """The name of a main file: `letters` H T C DP ...; parties with their letter (M750001, S75001, T75); period YYYY-MM.

    Raises ValueError where the parts do not make a lawful name.
    """
    stem = f"{letters}{sender}{receiver}_{period[2:4]}{period[5:7]}{number}"
    name = parse_name(stem)
    if name is None:
        raise ValueError(f"not a lawful file name: {stem}")
    return name


def build_interterritorial(kind: str, sender: str, receiver: str, year: int, number: int) -> InterterritorialName:
    """The name of an R, D, A or Y file. Raises ValueError where the parts do not make a lawful name."""
    name = InterterritorialName(kind, sender, receiver, year, number)
    if parse_interterritorial(name.stem) != name:
        raise ValueError(f"not a lawful file name: {name.stem}")
    return name


def person_name(main_stem: str) -> str | None:
    """The name of the file of persons that belongs to a main file; None where the main name is not lawful."""
    name = parse_name(main_stem)
    return None if name is None else name.person_stem


_PERSON: Final = re.compile(
    rf"^(?:{'|'.join(sorted(PERSON_LETTERS.values(), key=len, reverse=True))}){_PARTY}{_PARTY}_(\d{{2}})(0[1-9]|1[0-2])\d+$",
    re.ASCII,
)


def is_person_name(stem: str) -> bool:
    """Whether a name is that of a file of persons."""
    return _PERSON.fullmatch(stem) is not None


def person_period(stem: str) -> str | None:
    """The reporting month YYYY-MM in the name of a file of persons; None where the name is not lawful."""
    match = _PERSON.fullmatch(stem)
    return None if match is None else f"20{match[1]}-{match[2]}"


# --- what is wrong with a name -----------------------------------------------------------------------------------------

#: Letters of a party -> how many digits its number has: clinic, insurer, fund.
PARTY_DIGITS: Final[dict[str, int]] = {"M": 6, "S": 5, "T": 2}
_LETTERS: Final = frozenset({*PERSON_LETTERS, *PERSON_LETTERS.values()})
_LOOK_ALIKE: Final = str.maketrans("АВСЕНКМОРТУХавсеорух", "ABCEHKMOPTYXabceopyx")
_BETWEEN: Final = re.compile(r"[A-Z][0-9]*", re.ASCII)
_PARTS: Final = re.compile(
    r"(?P<letters>[A-Z]*)(?P<sender>[0-9]*)(?P<kind>[A-Z]*)(?P<receiver>[0-9]*)(?P<rest>.*)", re.ASCII | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a name: its code and what the text of it needs."""

    code: str
    params: dict[str, object] = field(default_factory=dict)

    def text(self, lang: str) -> str:
        """What is wrong, in words."""
        return messages.text(f"registry.name.{self.code}", lang, **self.params)


def mistakes(stem: str) -> tuple[Mistake, ...]:
    """What is wrong with the name of a package or of a file of persons, part by part; empty for a lawful name.

    Cyrillic look-alikes and small letters are named and then read as the letters that were meant, so that the other parts can be
    judged too.
    """
    if parse_name(stem) or parse_interterritorial(stem) or is_person_name(stem):
        return ()
    found = list(_wrong_characters(stem))
    meant = stem.translate(_LOOK_ALIKE).upper()
    if not meant:
        return (Mistake("empty"),)
    if _BETWEEN.fullmatch(meant) and meant[0] in "RDAY":
        found += _between_mistakes(meant)
    else:
        found += _main_mistakes(meant)
        if len(stem) > MAX_LENGTH:
            found.append(Mistake("long", {"length": len(stem), "most": MAX_LENGTH}))
    return tuple(found or [Mistake("other")])


def mistakes_text(stem: str, lang: str) -> str:
    """All mistakes of a name as one sentence; empty for a lawful name."""
    return "; ".join(mistake.text(lang) for mistake in mistakes(stem))


def _wrong_characters(stem: str) -> Iterator[Mistake]:
    """Characters that no name has: Cyrillic letters that look like Latin ones, small letters, anything else."""
    for at, letter in enumerate(stem, 1):
        latin = letter.translate(_LOOK_ALIKE)
        if latin != letter:
            yield Mistake("cyrillic", {"at": at, "letter": letter, "latin": latin.upper()})
        elif not (letter.isascii() and (letter.isalnum() or letter == "_")):
            yield Mistake("character", {"at": at, "letter": letter if letter.isprintable() else f"U+{ord(letter):04X}"})
        elif letter.islower():
            yield Mistake("small", {"at": at, "letter": letter})


def _between_mistakes(meant: str) -> Iterator[Mistake]:
    """R7846110001: a letter and ten digits."""
    if len(meant) != 11:
        yield Mistake("between_length", {"length": len(meant)})


def _main_mistakes(meant: str) -> Iterator[Mistake]:
    """HM340001S34002_210101: each part from the left."""
    head, line, tail = meant.partition("_")
    parts = _PARTS.fullmatch(head)
    assert parts is not None
    letters, kind = parts["letters"][:-1], parts["letters"][-1:]
    if letters not in _LETTERS:
        yield Mistake("letters", {"found": letters, "known": ", ".join(sorted(PERSON_LETTERS))})
    yield from _party_mistakes("sender", kind, parts["sender"], parts["letters"])
    yield from _party_mistakes("receiver", parts["kind"], parts["receiver"] + parts["rest"], parts["kind"])
    if not line:
        yield Mistake("line")
        return
    digits = re.match(r"[0-9]*", tail, re.ASCII)
    assert digits is not None
    if digits[0] != tail:
        yield Mistake("tail", {"found": tail})
    elif len(tail) < 4:
        yield Mistake("period", {"found": tail})
    else:
        if not "01" <= tail[2:4] <= "12":
            yield Mistake("month", {"found": tail[2:4]})
        if len(tail) == 4:
            yield Mistake("number")


def _party_mistakes(party: str, kind: str, number: str, found: str) -> Iterator[Mistake]:
    """A party: M, S or T and the digits of its number."""
    if kind not in PARTY_DIGITS:
        yield Mistake(f"{party}_kind", {"found": found})
    elif not (number.isascii() and number.isdigit() and len(number) == PARTY_DIGITS[kind]):
        yield Mistake(party, {"kind": kind, "found": number, "digits": PARTY_DIGITS[kind]})
