"""Where do two readings of one file differ? The first difference told for a person, and the smallest document that shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Final

import polars as pl

from omsclaims.registry.parsing import XmlRead

from . import markup
from .adapter import Named, Readers

#: Rules after which a file was not read at all: encoding, DOCTYPE, no XML, another root, over a limit.
UNREADABLE: Final = frozenset({"S.805", "S.806", "S.807", "S.808", "S.815"})
#: How often a document that differs is read again while it is made smaller.
SHRINK_READS: Final = 250
_SHOWN: Final = 300

#: What is wrong with the reading of a document; None where nothing is.
Fails = Callable[[bytes], str | None]


@dataclass(frozen=True, slots=True)
class Failure:
    """A document on which the readers differ (or one of them raised), what differs, and the document made small."""

    name: str
    told: str
    data: bytes
    smallest: bytes
    told_of_smallest: str


def unreadable(read: XmlRead) -> bool:
    """Whether a file was refused before or while it was parsed."""
    return read.findings["rule"].is_in(sorted(UNREADABLE)).any()


def difference(strict: XmlRead, fast: XmlRead) -> str | None:
    """The first difference of two readings, None where there is none: edition, flags, tables with types and values, findings."""
    for field in fields(strict):
        left, right = getattr(strict, field.name), getattr(fast, field.name)
        if field.name == "tables":
            told = _tables(left, right)
        elif isinstance(left, pl.DataFrame) and isinstance(right, pl.DataFrame):
            told = _frames(field.name, left, right)
        elif field.name == "format":
            ids = [None if edition is None else edition.id for edition in (left, right)]
            told = None if left == right else f"format: strict {ids[0]}, fast {ids[1]}"
        else:
            told = None if left == right else f"{field.name}: strict {left!r}, fast {right!r}"
        if told is not None:
            return told
    return None if strict.refused == fast.refused else f"refused: strict {strict.refused}, fast {fast.refused}"


def _tables(left: dict[str, pl.DataFrame], right: dict[str, pl.DataFrame]) -> str | None:
    if list(left) != list(right):
        return f"tables: strict {list(left)}, fast {list(right)}"
    for name, frame in left.items():
        told = _frames(name, frame, right[name])
        if told is not None:
            return told
    return None


def _frames(name: str, left: pl.DataFrame, right: pl.DataFrame) -> str | None:
    """Types and values of two frames; rows in order."""
    if left.schema != right.schema or left.columns != right.columns:
        only = [f"{column}: strict {left.schema.get(column)}, fast {right.schema.get(column)}"
                for column in dict.fromkeys([*left.columns, *right.columns])
                if left.schema.get(column) != right.schema.get(column)]  # fmt: skip
        return f"{name}: columns differ: {'; '.join(only) or 'their order'}"
    if left.equals(right):
        return None
    for number in range(min(left.height, right.height)):
        one, other = left.row(number, named=True), right.row(number, named=True)
        if one != other:
            cells = [f"{key}: strict {_short(one[key])}, fast {_short(other[key])}" for key in one if one[key] != other[key]]
            return f"{name}, row {number} of {left.height} and {right.height}: {'; '.join(cells)}; strict row {_short(one)}"
    longer, whose = (left, "strict") if left.height > right.height else (right, "fast")
    row = longer.row(min(left.height, right.height), named=True)
    return f"{name}: strict {left.height} rows, fast {right.height}; the first one more of {whose}: {_short(row)}"


def _short(value: object) -> str:
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if item is not None}
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"


def read(readers: Readers, data: bytes, named: Named) -> XmlRead | str:
    """The strict reading, or what it raised: bad input must never raise."""
    try:
        return readers.strict(data, named)
    except Exception as error:  # whatever it is, it is what we look for
        return f"the strict reader raised {type(error).__name__}: {_short(str(error))}"


def read_fast(readers: Readers, data: bytes, named: Named, chunk_bytes: int | None, threads: int) -> XmlRead | str | None:
    """The fast reading, None where it does not accept the file, or what it raised."""
    try:
        return readers.fast(data, named, chunk_bytes, threads)
    except Exception as error:
        return f"the fast reader raised {type(error).__name__}: {_short(str(error))}"


def disagreement(
    readers: Readers, data: bytes, named: Named, chunk_bytes: int | None = None, threads: int = 1
) -> str | None:  # fmt: skip
    """What two readers say differently about one file; a file that the fast one does not accept is no difference."""
    fast = read_fast(readers, data, named, chunk_bytes, threads)
    strict = read(readers, data, named)
    return between(strict, fast)


def between(strict: XmlRead | str, fast: XmlRead | str | None) -> str | None:
    """As `disagreement`, for readings that are at hand."""
    for result in (strict, fast):
        if isinstance(result, str):
            return result
    if fast is None:
        return None
    assert not isinstance(strict, str) and not isinstance(fast, str)
    return difference(strict, fast)


# --- the smallest document ---------------------------------------------------------------------------------------------


def shrink(data: bytes, fails: Fails, reads: int = SHRINK_READS) -> bytes:
    """A smaller document for which `fails` still tells something: records go first, then structures, leaves, tokens and bytes."""
    left = reads

    def still(candidate: bytes) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and fails(candidate) is not None

    for depth in (1, 2, 3, 4, 6, 8):
        data = _fewer(markup.cuts(data, depth), still)
        if left <= 0:
            return data
    pieces = [data[start:end] for start, end in _tokens(data)]
    data = _fewer(pieces, still)
    if len(data) <= 4_000:
        data = _fewer([data[at : at + 1] for at in range(len(data))], still)
    return data


def _tokens(data: bytes) -> list[tuple[int, int]]:
    places = sorted({0, len(data), *(place for span in markup.tokens(data) for place in span)})
    return list(pairwise(places))


def _fewer(pieces: list[bytes], still: Callable[[bytes], bool]) -> bytes:
    """Delta debugging: as many of the pieces taken out as the failure survives."""
    size = max(len(pieces) // 2, 1)
    while True:
        at, removed = 0, False
        while at < len(pieces):
            candidate = pieces[:at] + pieces[at + size :]
            if candidate and still(b"".join(candidate)):
                pieces, removed = candidate, True
            else:
                at += size
        if size == 1:
            if not removed or len(pieces) < 2:
                return b"".join(pieces)
        else:
            size //= 2
