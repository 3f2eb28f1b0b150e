"""What does one file say, read at the speed of memory? Chunks of whole records through the compiled scanner, side by side.

The same tables and findings as `strict` for the same bytes, or None: then the whole file is for `strict`. A chunk ends at the
end of a record. Comments and CDATA may hold what looks like one; such a chunk turns out incomplete, and reading goes on from
its last whole record with more bytes. Single records that the scanner does not accept go through `slow`.
"""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree

from omsclaims.registry import columns, compiling, kernel, plan, result, source, strict
from omsclaims.registry.columns import Collected, Parser
from omsclaims.registry.formats import EXCEPTIONS, Format, get
from omsclaims.registry.limits import Limits
from omsclaims.registry.plan import parsers_of
from omsclaims.registry.program import NotScannableError, Output, Program, compiled
from omsclaims.registry.result import Structure, Target, TooManyProblemsError, XmlRead
from omsclaims.registry.slow import SlowRecords

#: Bytes of a chunk: large enough that the fixed work per chunk does not show, small enough that the columns stay near.
CHUNK: Final = 4 << 20
#: Chunks that wait beside those being scanned, so that no thread waits for the one that takes the results.
AHEAD: Final = 2
#: The header is looked for in so many bytes.
_HEADER_BYTES: Final = 1 << 16
_FIRST_RECORD: Final = re.compile(rb"<(ZAP|PERS|PR)(?=[\s>/])")
_ROOT: Final = re.compile(rb"(?>\s+|<\?.*?\?>|<!--.*?-->)*+(<[^\s/>!?\"']+(?:[^>\"']|\"[^\"]*\"|'[^']*')*>)", re.DOTALL)
_BETWEEN: Final = re.compile(rb"<!--.*?-->|<\?.*?\?>", re.DOTALL)
_BLANKS: Final = b" \t\r\n"
_TRIES: Final = 8
_WINDOW: Final = 1 << 16
#: So many values of doubt in a batch are judged one by one; more of them column by column.
_ONE_BY_ONE: Final = 2_000
#: More records than this through lxml, one by one, are worth it only if they are not smaller than this on average.
_MANY_SLOW: Final = 2_000
_SMALL_SLOW: Final = 400
_EPOCH: Final = date(1970, 1, 1).toordinal()
_UNIQUE_IN_PARENT: Final = frozenset({("sl", "sl_id"), ("usl", "idserv"), ("sank", "s_code"), ("mr_usl_n", "mr_n")})
_UTF8_BOM: Final = b"\xef\xbb\xbf"

_INT64: Final = pa.int64()
_DATE: Final = pa.date32()
_STRING: Final = pa.string_view()

Bytes = npt.NDArray[np.uint8]
Opener = Callable[[], BinaryIO]
#: Head of the file -> what to read it as, or why it is refused.
Targeting = Callable[[source.Head], Target | source.Refusal]

#: A file that every part of the scanner has something to do with.
_SPECIMEN: Final = b"""<?xml version="1.0" encoding="windows-1251"?>
<ZL_LIST><ZGLV><VERSION>3.1</VERSION><DATA>2022-01-31</DATA><FILENAME>x</FILENAME></ZGLV>
<ZAP><N_ZAP>1</N_ZAP><PR_NOV>0</PR_NOV><Z_SL><IDCASE>1</IDCASE><SL><SL_ID>a</SL_ID><USL><IDSERV>b</IDSERV></USL></SL>
<SUMV>1.00</SUMV></Z_SL></ZAP></ZL_LIST>"""


def run_once() -> None:
    """Runs every compiled function, so that numba loads (or compiles) them now and not in the middle of a file."""
    target = Target(get("H_3.1"), exact=True, file="x", package="x", head=source.Head("ZL_LIST"))
    reader = Reader(lambda: io.BytesIO(_SPECIMEN), lambda _: target, Limits(), len(_SPECIMEN), 1)
    reader.look_for_repeats = True
    deque(reader.batches(), maxlen=0)


class DeclinedError(Exception):
    """The scanner does not accept the file as a whole; `strict` reads it."""


@dataclass(slots=True)
class Header:
    """Everything before the first record, read by lxml."""

    target: Target
    size: int  # bytes before the first record
    content: bytes
    opening: bytes  # start tag of the root
    encoding: str
    parts: dict[str, list[pl.DataFrame]]
    found: Collected
    structure: Structure
    lines: int


Columns = dict[str, dict[str, pa.Array]]
#: One problem as columns.PROBLEM, one exception as formats.EXCEPTIONS without the frame around it.
ProblemRow = tuple[str, str | None, str, int, str, str | None, str]
ExceptionRow = tuple[str, int, str, str, str]


@dataclass(slots=True)
class Batch:
    """Some records as columns, those that have a value; rows count from the first of the batch (`numbered` makes them tables).

    Problems, exceptions and extras name rows of the batch: few of them one by one, many as frames.
    """

    columns: Columns
    rows: dict[str, int]
    problem_rows: list[ProblemRow]
    problems: list[pl.DataFrame]
    exception_rows: list[ExceptionRow]
    exceptions: list[pl.DataFrame]
    extras: list[tuple[str, int, str, str, str]]
    repeats: bool = False  # whether SL_ID or IDSERV may stand twice in one case (looked for where `look_for_repeats`)


def numbered(batch: Batch, before: dict[str, int], edition: Format, lines: int) -> dict[str, dict[str, pa.Array]]:
    """The columns of a batch with `_row`, `_parent` and `_line` as in the file.

    `before`: rows of each table before this batch, `lines`: line feeds before it.
    """
    found = {}
    for table, of_batch in batch.columns.items():
        start, count = before.get(table, 0), batch.rows[table]
        above = before.get(edition.parents.get(table, ""), 0)
        arrays = {"_row": pa.array(np.arange(start, start + count)), **of_batch}
        if above:
            arrays["_parent"] = pc.add(arrays["_parent"], above)
        if "_line" in arrays:
            arrays["_line"] = pc.add(arrays["_line"], lines + 1)
        found[table] = arrays
    return found


@dataclass(slots=True)
class Chunk:
    """Bytes of whole records, as far as can be seen."""

    buffer: Bytes
    end: int
    base: int  # offset of buffer[0] in the file
    final: bool


@dataclass(slots=True)
class Scanned:
    """A chunk after its scan."""

    batches: list[Batch]
    lines: int
    rest: int | None  # offset in the file from which to read again with more bytes; None: all was taken
    chunk: Chunk


def read(
    content: bytes, targeting: Targeting, limits: Limits, chunk_bytes: int | None = None, threads: int = 1
) -> XmlRead | None:
    """The file as canonical tables and findings; None if the scanner does not accept it as a whole."""
    compiling.prepare()
    try:
        reader = Reader(lambda: io.BytesIO(content), targeting, limits, chunk_bytes or min(CHUNK, max(len(content), 1)), threads)
        reader.look_for_repeats = True
        assembled = Assembled(reader.header)
        for batch in reader.batches():
            assembled.add(batch)
    except DeclinedError:
        return None
    return assembled.finished()


def accepts(content: bytes, targeting: Targeting, limits: Limits | None = None, chunk_bytes: int | None = None) -> bool:
    """Whether the scanner accepts the file (single records may have gone through lxml), without making tables."""
    try:
        size = chunk_bytes or min(CHUNK, max(len(content), 1))
        reader = Reader(lambda: io.BytesIO(content), targeting, limits or Limits(), size, 1)
        reader.only_scan = True
        deque(reader.batches(), maxlen=0)
    except DeclinedError:
        return False
    return True


# --- the file ------------------------------------------------------------------------------------------------------------


class Reader:
    """One file being read: header at once, then `batches` in file order. Raises DeclinedError at any point."""

    def __init__(self, opener: Opener, targeting: Targeting, limits: Limits, chunk_bytes: int, threads: int) -> None:
        self.opener, self.limits, self.chunk_bytes, self.threads = opener, limits, chunk_bytes, threads
        self.only_scan = False
        self.look_for_repeats = False
        with opener() as stream:
            self.header = _header(stream, targeting)
        try:
            self.program = compiled(self.header.target.edition, self.header.target.record)
        except NotScannableError as error:
            raise DeclinedError from error
        self.parsers = parsers_of(self.program.edition, self.program.leaves)
        self.windows = self.header.encoding != "utf-8"
        self.proved = not self.windows  # windows-1251: some byte has been seen that UTF-8 cannot have
        self.letters = False  # windows-1251: letters beyond ASCII have been seen
        self.records = 0
        self.markers = 0
        self.problems = 0
        self.slow_count = 0
        self.slow_bytes = 0
        self.buffers: list[Bytes] = []
        self.outputs: list[Output] = []
        self.slow: list[SlowRecords] = []

    def batches(self) -> Iterator[Batch]:
        """All batches in file order; rows and lines count from the start of the batch, offsets from that of the file."""
        position: int | None = self.header.size
        size = self.chunk_bytes
        while position is not None:
            before = position
            position = yield from self._run(before, size)
            # No whole record in all these bytes: more of them. Else the cut was at fault, and the next one is another.
            size = 2 * size if position == before else self.chunk_bytes + 1
            if position is not None and size > 2 * max(self.limits.record_bytes, self.chunk_bytes + 1):
                raise DeclinedError
        if not self.records or (self.letters and not self.proved) or self.markers > self.limits.comments:
            raise DeclinedError

    def _run(self, position: int, size: int) -> Generator[Batch, None, int | None]:
        """Chunks from an offset on, `threads` at once; returns the offset to go on from, or None at the end."""
        with self.opener() as stream:
            _skip(stream, position)
            chunks = self._chunks(stream, position, size)
            if self.threads <= 1:
                for chunk in chunks:
                    scanned = self._scan(chunk)
                    yield from self._handed_out(scanned)
                    if scanned.rest is not None:
                        return scanned.rest
                return None
            with ThreadPoolExecutor(self.threads) as pool:
                waiting: deque[Future[Scanned]] = deque()
                try:
                    for chunk in chunks:
                        waiting.append(pool.submit(self._scan, chunk))
                        if len(waiting) >= self.threads + AHEAD:
                            scanned = waiting.popleft().result()
                            yield from self._handed_out(scanned)
                            if scanned.rest is not None:
                                return scanned.rest
                    while waiting:
                        scanned = waiting.popleft().result()
                        yield from self._handed_out(scanned)
                        if scanned.rest is not None:
                            return scanned.rest
                finally:
                    for future in waiting:
                        future.cancel()
        return None

    def _handed_out(self, scanned: Scanned) -> Iterator[Batch]:
        """The batches of a chunk, placed in the file; afterwards its memory is free again."""
        for batch in scanned.batches:
            self.problems += len(batch.problem_rows) + sum(part.height for part in batch.problems)
            if self.problems > self.limits.most_findings(scanned.chunk.base + scanned.chunk.end):
                raise DeclinedError  # whether they are too many for the whole file, the strict reader says
            self.records += batch.rows.get(self.program.edition.by_path[self.program.record].table, 0)
            yield batch
        self.header.lines += scanned.lines
        self.buffers.append(scanned.chunk.buffer)

    def _chunks(self, stream: BinaryIO, position: int, size: int) -> Iterator[Chunk]:
        """The file cut behind ends of records; what follows the last one is carried over."""
        ending = b"</" + self.program.record.encode() + b">"
        most = max(self.limits.record_bytes, size) + size
        carried = b""
        while True:
            buffer = self._buffer(len(carried) + size)
            have = len(carried)
            buffer[:have] = np.frombuffer(carried, np.uint8)
            while True:
                got = _fill(stream, buffer, have, have + size)
                have += got
                final = got < size
                if final:
                    cut = have
                    break
                cut = _last(buffer, max(0, have - got - len(ending)), have, ending)
                if cut >= 0:
                    break
                if have > most:
                    raise DeclinedError
                if have + size + kernel.PADDING > len(buffer):
                    larger = np.empty(2 * have + size + kernel.PADDING, np.uint8)
                    larger[:have] = buffer[:have]
                    buffer = larger
            carried = bytes(memoryview(buffer)[cut:have])  # type: ignore[arg-type]
            buffer[cut : cut + kernel.PADDING] = 0
            buffer[cut] = 60
            yield Chunk(buffer, cut, position, final)
            position += cut
            if final:
                return

    def _buffer(self, size: int) -> Bytes:
        """A buffer for `size` bytes and the padding, used before if there is one."""
        while self.buffers:
            buffer = self.buffers.pop()
            if len(buffer) >= size + kernel.PADDING:
                return buffer
        return np.empty(size + kernel.PADDING + (1 << 16), np.uint8)

    # --- one chunk ----------------------------------------------------------------------------------------------------

    def _scan(self, chunk: Chunk) -> Scanned:
        """All records of a chunk. Runs in a thread of its own; raises DeclinedError."""
        if not self.proved:
            self._prove(chunk)
        slow = self.slow.pop() if self.slow else None
        scan = _Scan(self, chunk, slow)
        try:
            done = scan.run()
        except TooManyProblemsError as error:
            raise DeclinedError from error
        if scan.slow is not None:
            self.slow.append(scan.slow)
        return done

    def _prove(self, chunk: Chunk) -> None:
        """windows-1251 that is valid UTF-8 from end to end is not windows-1251 (source: `disagrees`)."""
        content = bytes(memoryview(chunk.buffer)[: chunk.end])  # type: ignore[arg-type]
        if content.isascii():
            return
        self.letters = True
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            self.proved = True

    def output(self, room: int) -> Output:
        """Arrays to scan into, used before if there are some."""
        while self.outputs:
            output = self.outputs.pop()
            if output.room >= room:
                output.reset()
                return output
        return Output(self.program, room)

    def slow_records(self) -> SlowRecords:
        """A reader of single records."""
        return SlowRecords(self.header.target, self.header.opening, self.header.encoding, self.limits)


class _Scan:
    """One chunk being scanned."""

    def __init__(self, reader: Reader, chunk: Chunk, slow: SlowRecords | None) -> None:
        self.reader, self.chunk, self.slow = reader, chunk, slow
        self.output = reader.output(chunk.end)
        self.output.control[kernel.LINES] = 0
        self.most = reader.limits.most_findings(chunk.base + chunk.end)
        self.structure = Structure(reader.program.edition, most=self.most)
        self.batches: list[Batch] = []
        self.max_text = min(reader.limits.text_bytes, reader.limits.record_bytes) - 64

    def run(self) -> Scanned:
        """Scans until the end, the tail of the file, or a record that is not whole."""
        at, rest = 0, None
        chunk, output = self.chunk, self.output
        while True:
            ended, at = output.scan(
                chunk.buffer, at, chunk.end, windows=self.reader.windows, max_text=self.max_text, base=chunk.base
            )
            if ended == kernel.FULL:
                self._full()
            elif ended == kernel.SLOW or (ended == kernel.OTHER and self._is_record(at)):
                after = self._slow(at)
                if after is None:
                    if chunk.final:
                        raise DeclinedError
                    rest = chunk.base + at
                    break
                at = after
            elif ended == kernel.OTHER:
                after = self._between(at)
                if after is None:
                    if not chunk.final:
                        rest = chunk.base + at
                    break
                at = after
            else:
                if chunk.final:
                    raise DeclinedError  # no end of the root
                break
        self._emit(last=True)
        return Scanned(self.batches, int(output.control[kernel.LINES]), rest, chunk)

    def _full(self) -> None:
        """Hands out what is there; where one record alone is too much, more room."""
        if self.output.row[0] >= 0:
            self._emit(last=False)
        lines = int(self.output.control[kernel.LINES])
        self.output.grow()
        self.output.control[kernel.LINES] = lines

    def _slow(self, at: int) -> int | None:
        """One record through lxml; where it ends, or None if no whole record stands there."""
        chunk, output, reader = self.chunk, self.output, self.reader
        if self.slow is None:
            self.slow = reader.slow_records()
        found = self.slow.element(memoryview(chunk.buffer)[at : chunk.end])  # type: ignore[arg-type]
        if found is None:
            return None
        length, element = found
        reader.slow_count += 1
        reader.slow_bytes += length
        if reader.slow_count > _MANY_SLOW and reader.slow_bytes < _SMALL_SLOW * reader.slow_count:
            raise DeclinedError  # one by one such tiny records would take longer than all of them at once
        reader.markers += self.slow.markers
        self.slow.markers = 0
        names = reader.program.tables
        lines = int(output.control[kernel.LINES])
        while True:
            told = Structure(reader.program.edition, most=self.most)
            rows = {name: int(output.row[number]) for number, name in enumerate(names)}
            clean = self.slow.rewritten(element, rows, told)
            buffer = np.zeros(len(clean) + kernel.PADDING, np.uint8)
            buffer[: len(clean)] = np.frombuffer(clean, np.uint8)
            buffer[len(clean)] = 60
            ended, _ = output.scan(buffer, 0, len(clean), windows=False, max_text=self.max_text, clean=True)
            if ended != kernel.FULL:
                break
            output.control[kernel.LINES] = lines
            self._full()
        if ended != kernel.DONE:
            raise DeclinedError
        record = int(output.row[0])
        output.offsets[record] = chunk.base + at
        output.lines_of[record] = lines
        passed = int(np.count_nonzero(chunk.buffer[at : at + length] == 10))
        output.control[kernel.LINES] = lines + passed
        self.structure.problems += told.problems
        self.structure.extras += told.extras
        return at + length

    def _is_record(self, at: int) -> bool:
        """Whether a record with attributes, or one that is an empty tag, starts here."""
        name = b"<" + self.reader.program.record.encode()
        start = bytes(memoryview(self.chunk.buffer)[at : at + len(name) + 1])  # type: ignore[arg-type]
        return start[:-1] == name and start[-1:] in (b" ", b"\t", b"\r", b"\n", b"/")

    def _between(self, at: int) -> int | None:
        """Behind a comment or instruction between records; None at the lawful end of the file, or inside a comment."""
        chunk = self.chunk
        rest = memoryview(chunk.buffer)[at : chunk.end]  # type: ignore[arg-type]
        content = bytes(rest[: self.reader.limits.comment_bytes + 8])
        marker = _BETWEEN.match(content)
        if marker is None:
            closing = rb"</" + re.escape(self.reader.header.target.head.root.encode()) + rb"[ \t\r\n]*>[ \t\r\n]*"
            # A comment may hold what looks like the end of a record; then the chunk ends inside it.
            cut = not chunk.final and content.startswith((b"<!--", b"<?"))
            if not cut and (not chunk.final or re.fullmatch(closing, bytes(rest)) is None):
                raise DeclinedError
            return None
        if self.slow is None:
            self.slow = self.reader.slow_records()
        if self.slow.fragment(marker[0]) is None:
            raise DeclinedError
        self.reader.markers += self.slow.markers
        self.slow.markers = 0
        self.output.control[kernel.LINES] += marker[0].count(b"\n")
        return at + marker.end()

    # --- columns ------------------------------------------------------------------------------------------------------

    def _emit(self, *, last: bool) -> None:
        """What is in the arrays becomes a batch."""
        output, reader = self.output, self.reader
        if output.row[0] < 0 or reader.only_scan:
            if not (reader.only_scan and output.row[0] >= 0):
                if last:
                    reader.outputs.append(output)
                return
            rows = {reader.program.tables[0]: int(output.row[0]) + 1}
            self.batches.append(Batch({}, rows, [], [], [], [], []))
            if last:
                reader.outputs.append(output)
            return
        found = Collected()
        _judge(output, reader.parsers, found)
        _told(output, reader.program, self.structure)
        output.finish()
        repeats = reader.look_for_repeats and _repeats(output, reader.program)
        of_batch = _arrow(output, reader.program)
        rows = {name: int(output.row[number]) + 1 for number, name in enumerate(reader.program.tables)}
        batch = Batch(
            of_batch, rows, [*self.structure.problems, *found.problem_rows], found.problems, found.exception_rows,
            found.exceptions, self.structure.extras,
        )  # fmt: skip
        batch.repeats = repeats
        if last:
            reader.outputs.append(output)
        self.structure = Structure(reader.program.edition, most=self.most)
        self.batches.append(batch)


def _judge(output: Output, parsers: tuple[Parser, ...], found: Collected) -> None:
    """Values that the scanner left to the grammar: judged as the strict reader judges them, and put into the columns."""
    count = int(output.control[kernel.DEFERRED])
    if not count:
        return
    noted = output.deferred[: kernel.D_WIDTH * count].reshape(-1, kernel.D_WIDTH)
    raw = output.raw[: int(output.control[kernel.RAW_USED])].tobytes()
    if count > _ONE_BY_ONE:
        _judge_columns(output, parsers, found, noted, raw)
        return
    for leaf, row, place, size in noted.tolist():
        value = columns.judged(raw[place : place + size].decode("utf-8"), parsers[leaf], row, found)
        if value is None:
            continue
        spot = int(output.bases[leaf]) + row
        if isinstance(value, int):
            output.numbers[spot] = value
        elif isinstance(value, date):
            output.dates[spot] = value.toordinal() - _EPOCH
        else:
            _put_texts(output, [spot], [value])


def _judge_columns(
    output: Output, parsers: tuple[Parser, ...], found: Collected, noted: npt.NDArray[np.int64], raw: bytes
) -> None:
    """Many values: column by column."""
    noted = noted[np.argsort(noted[:, 0], kind="stable")]
    starts = np.flatnonzero(np.diff(noted[:, 0], prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(noted)], strict=True):
        part = noted[start:end]
        leaf = int(part[0, 0])
        texts = [raw[place : place + size].decode("utf-8") for place, size in part[:, 2:].tolist()]
        rows = pl.Series("_row", part[:, 1])
        column = columns.typed(pl.Series(texts, dtype=pl.String), parsers[leaf], rows, found)
        base, kind = int(output.bases[leaf]), output.program.type_of[leaf]
        there = column.is_not_null()
        if not there.any():
            continue
        places = base + part[:, 1][there.to_numpy()]
        if kind == kernel.NUMBER:
            output.numbers[places] = column.drop_nulls().to_numpy()
        elif kind == kernel.DATE:
            output.dates[places] = column.drop_nulls().to_physical().to_numpy()
        else:
            _put_texts(output, places.tolist(), column.drop_nulls().to_list())


def _put_texts(output: Output, places: list[int], texts: list[str]) -> None:
    """Texts into their column, long ones behind the others in `side`."""
    for place, text in zip(places, texts, strict=True):
        data = text.encode()
        size = len(data)
        if size <= 12:
            padded = data.ljust(12, b"\0")
            words = int.from_bytes(size.to_bytes(4, "little") + padded, "little")
        else:
            used = int(output.control[kernel.SIDE_USED])
            if used + size > len(output.side):
                output.side = np.concatenate([output.side, np.empty(len(output.side) + size, np.uint8)])
            output.side[used : used + size] = np.frombuffer(data, np.uint8)
            output.control[kernel.SIDE_USED] = used + size
            words = int.from_bytes(
                size.to_bytes(4, "little") + data[:4] + (0).to_bytes(4, "little") + used.to_bytes(4, "little"), "little"
            )
        output.texts[2 * place], output.texts[2 * place + 1] = words & (2**64 - 1), words >> 64


def _told(output: Output, program: Program, structure: Structure) -> None:
    """Missing and misplaced elements that the scanner noted."""
    count = int(output.control[kernel.PROBLEMS])
    if not count:
        return
    by_path = program.edition.by_path
    noted = output.problems[: kernel.P_WIDTH * count].reshape(-1, kernel.P_WIDTH).tolist()
    raw = output.raw[: int(output.control[kernel.RAW_USED])].tobytes()
    for kind, entry, row, place, size in noted:
        item = program.elements[entry]
        table = by_path[item.parent].table
        if kind == kernel.MISSING:
            structure.told("S.902", table, row, item.path, None)
        else:
            text = raw[place : place + size].decode("utf-8") if size > 0 else None
            structure.told("S.905", table, row, item.path, text)


def _repeats(output: Output, program: Program) -> bool:
    """Whether a value that is unique in its parent row may stand there twice."""
    # Some editions have the number under another name, and it is copied into its column after reading.
    copied = {(source, of) for target, column, source, of in program.edition.copies if (target, column) in _UNIQUE_IN_PARENT}
    for leaf, item in enumerate(program.leaves):
        if (item.table, item.column) not in _UNIQUE_IN_PARENT | copied or output.last[leaf] < 0:
            continue
        table, base = program.table_of[leaf], int(output.bases[leaf])
        if program.type_of[leaf] == kernel.NUMBER:
            if _repeats_number(output, table, base):
                return True
        elif kernel.repeats(
            output.parents, output.parent_base[table], output.row[table] + 1, output.texts, base, output.side
        ):  # fmt: skip
            return True
    return False


def _repeats_number(output: Output, table: int, base: int) -> bool:
    """As kernel.repeats, of a column of numbers."""
    rows, start = int(output.row[table]) + 1, int(output.parent_base[table])
    parents, values = output.parents[start : start + rows], output.numbers[base : base + rows]
    if not (parents[1:] == parents[:-1]).any():
        return False
    pairs = np.stack([parents, values], axis=1)[values != kernel.NO_NUMBER]
    return len(np.unique(pairs, axis=0)) < len(pairs)


def _arrow(output: Output, program: Program) -> Columns:
    """The arrays as Arrow columns: `_parent`, places of records, then the columns that have a value."""
    side = _buffer_of(output.side[: max(int(output.control[kernel.SIDE_USED]), 1)])
    rows = (output.row + 1).tolist()
    found: list[dict[str, pa.Array]] = []
    for count, base in zip(rows, output.parent_base.tolist(), strict=True):
        found.append({"_parent": _plain(output.parents[base : base + count], _INT64)})
    found[0]["_line"] = _plain(output.lines_of[: rows[0]], _INT64)
    found[0]["_offset"] = _plain(output.offsets[: rows[0]], _INT64)
    places = zip(program.table_of, output.bases.tolist(), program.type_of, output.nulls.tolist(), strict=True)
    for leaf, (table, base, kind, nulls) in enumerate(places):
        count = rows[table]
        if nulls == count:
            continue
        validity = None
        if nulls:
            start = int(output.validity_base[leaf])
            validity = _buffer_of(output.validity[start : start + (count + 7) // 8])
        if kind == kernel.TEXT:
            buffers = [validity, _buffer_of(output.texts[2 * base : 2 * (base + count)]), side]
            array = pa.Array.from_buffers(_STRING, count, buffers, nulls)
        elif kind == kernel.NUMBER:
            array = pa.Array.from_buffers(_INT64, count, [validity, _buffer_of(output.numbers[base : base + count])], nulls)
        else:
            array = pa.Array.from_buffers(_DATE, count, [validity, _buffer_of(output.dates[base : base + count])], nulls)
        found[table][program.leaves[leaf].column] = array
    return {name: found[number] for number, name in enumerate(program.tables) if rows[number]}


def _plain(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [None, _buffer_of(values)], 0)


def _buffer_of(values: npt.NDArray[Any]) -> pa.Buffer:
    """An array as an Arrow buffer: a copy, in memory that Arrow's allocator keeps when it was used before."""
    buffer = pa.allocate_buffer(values.nbytes)
    np.frombuffer(buffer, values.dtype)[:] = values
    return buffer


# --- the header ----------------------------------------------------------------------------------------------------------


def _header(stream: BinaryIO, targeting: Targeting) -> Header:
    """Reads what stands before the first record. Raises DeclinedError where that is not of the usual kind."""
    start = stream.read(_HEADER_BYTES)
    at = 0
    for _ in range(_TRIES):
        first = _FIRST_RECORD.search(start, at)
        if first is None:
            raise DeclinedError
        at = first.end()
        content = start[: first.start()]
        root = _ROOT.match(content.removeprefix(_UTF8_BOM))
        refusal, head = source.inspect(content)
        if refusal is not None or root is None:
            continue
        try:
            closed = content + b"</" + head.root.encode() + b">"
            top = etree.fromstring(closed, strict_parser())
        except (etree.XMLSyntaxError, ValueError):
            continue
        target = targeting(head)
        if not isinstance(target, Target) or target.record != first[1].decode():
            raise DeclinedError
        if any(element.tag == target.record for element in top):  # its bytes were judged otherwise up to the record before
            raise DeclinedError
        return _read_header(top, content, root[1], target)
    raise DeclinedError


def strict_parser() -> etree.XMLParser:
    """libxml2 with the settings of the strict reader."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True, huge_tree=False,
        collect_ids=False,
    )  # fmt: skip


def _read_header(top: etree._Element, content: bytes, opening: bytes, target: Target) -> Header:
    """The header as the strict reader reads it."""
    reading = strict.Reading(target, careful=True)
    elements = list(top)
    reading.root_texts([top.text, *(element.tail for element in elements)])
    reading.header(elements, (*(str(element.tag) for element in elements), target.record))
    reading.flush()
    plan.give_back(target.edition, reading.root)
    encoding = source.encoding_of(content)
    return Header(
        target, len(content), content, opening, encoding, reading.parts, reading.found, reading.structure, content.count(b"\n")
    )


def _skip(stream: BinaryIO, count: int) -> None:
    """Moves on by `count` bytes."""
    if stream.seekable():
        stream.seek(count)
        return
    while count > 0:
        got = len(stream.read(min(count, 1 << 20)))
        if not got:
            return
        count -= got


def _last(buffer: Bytes, start: int, end: int, ending: bytes) -> int:
    """Where the last `ending` of the bytes ends, looked for from behind; -1 for none."""
    high = end
    while high > start:
        low = max(start, high - _WINDOW)
        found = buffer[low : min(high + len(ending), end)].tobytes().rfind(ending)
        if found >= 0:
            return low + found + len(ending)
        high = low
    return -1


def _fill(stream: BinaryIO, buffer: Bytes, start: int, end: int) -> int:
    """Reads until `end` or the end of the stream; the number of bytes."""
    have = start
    view = memoryview(buffer)  # type: ignore[arg-type]
    while have < end:
        got = stream.readinto(view[have:end])  # type: ignore[attr-defined]
        if not got:
            break
        have += got
    return have - start


# --- the whole ----------------------------------------------------------------------------------------------------------


@dataclass
class Assembled:
    """Batches put together to the tables of the whole file."""

    header: Header
    parts: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    problem_rows: list[ProblemRow] = field(default_factory=list)
    problems: list[pl.DataFrame] = field(default_factory=list)
    exception_rows: list[ExceptionRow] = field(default_factory=list)
    exceptions: list[pl.DataFrame] = field(default_factory=list)
    extras: list[tuple[str, int, str, str, str]] = field(default_factory=list)
    repeats: bool = False  # whether in some batch a number may stand twice in its case

    def __post_init__(self) -> None:
        self.parts = {table: list(parts) for table, parts in self.header.parts.items()}
        self.problems = [self.header.structure.frame(), *self.header.found.all_problems()]
        self.exceptions = self.header.found.all_exceptions()
        self.extras = list(self.header.structure.extras)

    def add(self, batch: Batch) -> None:
        """One more batch: its rows count on from those before."""
        before = dict(self.rows)
        self.repeats = self.repeats or batch.repeats
        for table, arrays in numbered(batch, before, self.header.target.edition, self.header.lines).items():
            frame = pl.from_arrow(pa.Table.from_pydict(arrays))
            self.parts.setdefault(table, []).append(frame)  # type: ignore[arg-type]
        for rule, code, table, row, *place in batch.problem_rows:
            self.problem_rows.append((rule, code, table, row + before.get(table, 0), *place))  # type: ignore[arg-type]
        for table, row, *text in batch.exception_rows:
            self.exception_rows.append((table, row + before.get(table, 0), *text))  # type: ignore[arg-type]
        self.problems += [_moved(part, before) for part in batch.problems]
        self.exceptions += [_moved(part, before) for part in batch.exceptions]
        for table, row, *text in batch.extras:
            self.extras.append((table, row + before.get(table, 0), *text))  # type: ignore[arg-type]
        for table, count in batch.rows.items():
            self.rows[table] = self.rows.get(table, 0) + count

    def finished(self) -> XmlRead:
        """Tables and findings of the whole file."""
        target = self.header.target
        exceptions = list(self.exceptions)
        if self.exception_rows:
            exceptions.append(pl.DataFrame(self.exception_rows, schema=EXCEPTIONS, orient="row"))
        problems = list(self.problems)
        if self.problem_rows:
            problems.append(pl.DataFrame(self.problem_rows, schema=columns.PROBLEM, orient="row"))
        tables = result.canonical(target.edition, self.parts, exceptions, self.extras)
        found = result.all_findings(target, problems, tables, self.header.content, in_cases=self.repeats)
        return XmlRead(target.edition, tables, found, target.exact)


def _moved(part: pl.DataFrame, before: dict[str, int]) -> pl.DataFrame:
    """Problems or exceptions with the rows of the file."""
    if not any(before.values()):
        return part
    offset = pl.col("table").replace_strict(before, default=0, return_dtype=pl.Int64)
    return part.with_columns(pl.col("_row") + offset)
