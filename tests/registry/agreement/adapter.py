"""Which two readers are held against each other? The only place that knows how they are called."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from omsclaims.registry import fast, parsing, slow, source
from omsclaims.registry.limits import Limits
from omsclaims.registry.parsing import XmlRead
from omsclaims.registry.result import Target

_BLANKS = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Named:
    """What a file is called and taken for: `kind` and `period` decide the edition where the name does not."""

    stem: str = "x"
    package: str = "x"
    kind: str | None = None
    period: str | None = None


#: How many records of a file the scanner gave to the slow path; None where it does not accept the file.
Accepted = int | None


@dataclass(frozen=True, slots=True)
class Readers:
    """Two readers, and the scanner of the fast one alone, which makes no tables.

    `fast` (chunk bytes, threads) gives None for a file that it does not accept. `scanner` takes a faultless file of one record as
    head, record and tail, and gives what judges other records in its place, thousands of times under one reading of the head.
    """

    strict: Callable[[bytes, Named], XmlRead]
    fast: Callable[[bytes, Named, int | None, int], XmlRead | None]
    accepts: Callable[[bytes, Named], Accepted]
    scanner: Callable[[bytes, bytes, bytes, Named], Callable[[bytes], Accepted]]


def readers() -> Readers:
    """The readers of the program."""
    return Readers(_strict, _fast, _accepts, _scanner)


def _strict(data: bytes, named: Named) -> XmlRead:
    return parsing.read_xml(data, named.stem, named.package, named.period, named.kind, path="strict")


def _fast(data: bytes, named: Named, chunk_bytes: int | None, threads: int) -> XmlRead | None:
    return parsing.read_xml(
        data, named.stem, named.package, named.period, named.kind, path="fast", chunk_bytes=chunk_bytes, threads=threads
    )


def _targeting(named: Named) -> Callable[[source.Head], Target | source.Refusal]:
    return lambda head: parsing.target_of(head, named.stem, named.package, named.period, named.kind)


def _accepts(data: bytes, named: Named) -> Accepted:
    with _counted() as counted:
        return counted.count if fast.accepts(data, _targeting(named)) else None


def _scanner(head: bytes, record: bytes, tail: bytes, named: Named) -> Callable[[bytes], Accepted]:
    content = head + record.lstrip(_BLANKS) + tail
    opening = record.lstrip(_BLANKS)[: record.lstrip(_BLANKS).index(b">")]
    reader = fast.Reader(lambda: io.BytesIO(content), _targeting(named), Limits(), len(content) + (1 << 16), 1)
    reader.only_scan = True

    def accepts(changed: bytes) -> Accepted:
        nonlocal content
        changed = changed.lstrip(_BLANKS)
        content = head + changed + tail
        if not changed.startswith(opening):  # what stands before a record would belong to the head
            return _accepts(content, named)
        reader.records, reader.markers, reader.letters, reader.proved = 0, 0, False, not reader.windows
        with _counted() as counted:
            try:
                deque(reader.batches(), maxlen=0)
            except fast.DeclinedError:
                return None
            return counted.count

    return accepts


class _CountedRecords(slow.SlowRecords):
    """The slow path of records, counting them: how many, is for the figures alone."""

    count = 0

    def element(self, data: bytes | bytearray | memoryview) -> tuple[int, object] | None:  # type: ignore[override]
        _CountedRecords.count += 1
        return super().element(data)


@contextmanager
def _counted() -> Iterator[type[_CountedRecords]]:
    """The scanner of one thread, with its slow records counted."""
    used = getattr(fast, "SlowRecords")  # noqa: B009  # a name that the module imports
    _CountedRecords.count = 0
    setattr(fast, "SlowRecords", _CountedRecords)  # noqa: B010
    try:
        yield _CountedRecords
    finally:
        setattr(fast, "SlowRecords", used)  # noqa: B010
