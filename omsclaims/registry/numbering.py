"""Which number does the next package get? Packet numbers of a month, ordinals of a year (formats.md 2.1, 2.2; order 79).

The number of a packet grows from 1 within sender, receiver and reporting month; that of an inter-territorial file within kind,
both funds and year. A number once used is never given again, so the next one is above all that exist: gaps stay gaps.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from omsclaims.registry import names
from omsclaims.registry.names import InterterritorialName, PackageName

#: Ordinals of a year have four digits.
MOST_IN_A_YEAR: Final = 9999
_EXTENSIONS: Final = frozenset({".xml", ".zip", ".oms"})


def next_packet(existing: Iterable[str], sender: str, receiver: str, period: str, letters: str | None = None) -> int:
    """The packet number that follows those of `existing` (names or file names, in any order; others are left alone).

    sender, receiver   with their letter: M340001, S34002, T34; period YYYY-MM
    letters            H, T, C, DP, ...: count this kind alone; else all kinds of files together share their numbers
    """
    used = [0]
    for name in map(_parsed, existing):
        parties = (name.sender_kind + name.sender, name.receiver_kind + name.receiver) if name else ()
        if name and parties == (sender, receiver) and name.period == period and letters in (None, name.letters):
            used.append(int(name.number))
    return max(used) + 1


def next_name(
    existing: Iterable[str], letters: str, sender: str, receiver: str, period: str, *, digits: int = 1, alone: bool = False
) -> PackageName:  # fmt: skip
    """The name of the next package; `digits`: at least so many in its number, `alone`: numbers of this kind of file alone.

    Raises ValueError where the parts do not make a lawful name, as the 26 characters of a name do when numbers run out.
    """
    number = next_packet(existing, sender, receiver, period, letters if alone else None)
    return names.build_name(letters, sender, receiver, period, f"{number:0{digits}d}")


def next_ordinal(existing: Iterable[str], kind: str, sender: str, receiver: str, year: int) -> int:
    """The ordinal in the year that follows those of `existing`: kind R, D or A, funds of two digits.

    A journal Y bears the number of its R or D instead (`InterterritorialName.journal`). Raises ValueError after 9999.
    """
    used = [0]
    for stem in map(_stem, existing):
        name = names.parse_interterritorial(stem)
        if name and (name.kind, name.sender, name.receiver, name.year) == (kind, sender, receiver, year):
            used.append(name.number)
    if max(used) >= MOST_IN_A_YEAR:
        raise ValueError(f"no number is left for {kind}{sender}{receiver} in {year}")
    return max(used) + 1


def next_interterritorial(existing: Iterable[str], kind: str, sender: str, receiver: str, year: int) -> InterterritorialName:
    """The name of the next R, D or A of a year."""
    return names.build_interterritorial(kind, sender, receiver, year, next_ordinal(existing, kind, sender, receiver, year))


def _parsed(existing: str) -> PackageName | None:
    return names.parse_name(_stem(existing))


def _stem(existing: str) -> str:
    """The name without folder and extension."""
    path = PurePosixPath(existing.replace("\\", "/"))
    return path.stem if path.suffix.lower() in _EXTENSIONS else path.name
