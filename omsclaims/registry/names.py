"""What does the name of a package say? The grammar of file names (formats.md 2.1, 2.2; order 79 of FFOMS, appendix D).

`HM340001S34002_210101`: kind of data, sender, receiver, year, month, packet number. Inter-territorial: `R7846110001`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

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
