"""What does the scanner have to know of an edition? A format table as the arrays that `kernel.scan` reads and fills.

`Program` is worked out once per edition; `Output` is the memory of one scan, allocated once and used again for every chunk:
fresh memory is slower than the scan itself on many machines.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from omsclaims.registry import kernel as k
from omsclaims.registry.formats import Field, Format
from omsclaims.registry.values import MAX_DIGITS

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

#: A tag and its `>` are compared as sixteen bytes.
_LONGEST_TAG: Final = 15
#: Marks of "seen" per structure: two words.
_MOST_CHILDREN: Final = 128
_TYPES: Final = {"T": k.TEXT, "N": k.NUMBER, "D": k.DATE}
_YEARS: Final = range(1900, 2100)
_EPOCH: Final = date(1970, 1, 1).toordinal()


class NotScannableError(ValueError):
    """An edition that the scanner has no room for (an overlay with very long tags): it is read by lxml."""


@dataclass(frozen=True)
class Program:
    """An edition as arrays. `tables` numbers the tables, `leaves` the fields, `elements` the entries of the kernel."""

    edition: Format
    record: str
    tables: tuple[str, ...]
    leaves: tuple[Field, ...]
    elements: tuple[Field, ...]
    record_entry: int
    keys: Words
    entries: Ints
    states: Ints
    mandatory: Words
    fields: Ints
    allowed: Words
    table_of: tuple[int, ...]  # of each leaf
    type_of: tuple[int, ...]


@cache
def _calendar() -> tuple[Ints, Ints]:
    """Day numbers of the firsts of the months since 1970, and their lengths."""
    months = [(year, month) for year in _YEARS for month in range(1, 13)]
    starts = [date(year, month, 1).toordinal() - _EPOCH for year, month in months]
    return np.array(starts, np.int64), np.array([calendar.monthrange(*month)[1] for month in months], np.int64)


@cache
def _letters() -> Words:
    """windows-1251 -> UTF-8: bytes in the low half, their number in the high half; 0 where there is no letter."""
    table = np.zeros(256, np.uint64)
    for code in range(256):
        try:
            encoded = bytes([code]).decode("cp1251").encode()
        except UnicodeDecodeError:
            continue
        table[code] = int.from_bytes(encoded, "little") | len(encoded) << 32
    return table


CONSTANTS: Final = (np.array([10**power for power in range(19)], np.int64), *_calendar(), _letters())


def _key(tag: str) -> tuple[int, int, int, int]:
    """Tag and `>` as two words, and their masks."""
    text = tag.encode() + b">"
    mask = (b"\xff" * len(text)).ljust(16, b"\0")
    padded = text.ljust(16, b"\0")
    return tuple(int.from_bytes(part, "little") for part in (padded[:8], padded[8:], mask[:8], mask[8:]))  # type: ignore[return-value]


def _enumeration(item: Field, scale: int) -> tuple[int, bool]:
    """(Bit mask of the allowed values, whether every value goes to the grammar instead)."""
    if not item.values:
        return 0, False
    if item.form == "N" and scale == 0 and all(value.isascii() and value.isdigit() and int(value) < 64 for value in item.values):
        return sum(1 << int(value) for value in set(item.values)), False
    return 0, True


class _Compiling:
    """The state of turning one edition into arrays."""

    def __init__(self, edition: Format, record: str) -> None:
        self.edition, self.record = edition, record
        self.tables: dict[str, int] = {}
        self.leaves: list[Field] = []
        self.elements: list[Field] = []
        self.keys: list[int] = []
        self.entries: list[int] = []
        self.states: list[list[int]] = []
        self.mandatory: list[int] = []
        self.fields: list[int] = []
        self.allowed: list[int] = []

    def table(self, name: str) -> int:
        return self.tables.setdefault(name, len(self.tables))

    def entry(self, item: Field) -> int:
        """A new entry; its target is filled in later."""
        tag = item.name
        if len(tag) > _LONGEST_TAG or not tag.isascii():
            raise NotScannableError(tag)
        self.elements.append(item)
        self.keys += _key(tag)
        siblings = self.edition.children.get(item.parent, ())
        marks = (k.E_REPEATS if item.repeats else 0) | (k.E_STRUCTURE if item.form == "S" else 0)
        self.entries.append(len(tag) | siblings.index(item) << k.E_ORDER | marks)
        return len(self.elements) - 1

    def aim(self, entry: int, target: int) -> None:
        """The field or the state of an entry."""
        if target > k.E_TARGET_MASK:
            raise NotScannableError(self.elements[entry].path)
        self.entries[entry] |= target << k.E_TARGET

    def structure(self, item: Field, entry: int, parent: int) -> None:
        """A state and all below it."""
        number = len(self.states)
        children = self.edition.children.get(item.path, ())
        if len(children) > _MOST_CHILDREN or not children:
            raise NotScannableError(item.path)
        state = [len(self.elements), len(children), parent, entry, self.table(item.table), int(item.own),
                 self.table(item.owner or item.table), self.table(item.twin) if item.twin else -1]  # fmt: skip
        self.states.append(state)
        self.aim(entry, number)
        marks = sum(1 << order for order, child in enumerate(children) if child.must == "O")
        self.mandatory += [marks & (2**64 - 1), marks >> 64]
        numbers = [self.entry(child) for child in children]
        for child, child_entry in zip(children, numbers, strict=True):
            if child.form == "S":
                self.structure(child, child_entry, number)
            else:
                self.aim(child_entry, self.leaf(child))

    def leaf(self, item: Field) -> int:
        scale = self.edition.scale(item.table, item.column) if item.form == "N" else 0
        mask, defer = _enumeration(item, scale)
        whole = min(item.length, MAX_DIGITS) - item.decimals if item.form == "N" else 0
        table, owner, length = self.table(item.table), self.table(item.owner or item.table), min(item.length, k.F_LENGTH_MASK)
        if max(table, owner) > k.F_TABLE_MASK or max(item.decimals, scale) > k.F_DIGITS_MASK:
            raise NotScannableError(item.path)
        marks = (k.F_LIST if item.own else 0) | (k.F_DEFER if defer or item.length > length else 0)
        self.fields.append(
            table | _TYPES[item.form] << k.F_TYPE | marks | owner << k.F_OWNER | whole << k.F_WHOLE
            | item.decimals << k.F_DECIMALS | scale << k.F_SCALE | length << k.F_LENGTH
        )  # fmt: skip
        self.allowed.append(mask)
        self.leaves.append(item)
        return len(self.leaves) - 1


def compiled(edition: Format, record: str) -> Program:
    """The program of an edition whose records are `record` elements. Raises NotScannableError."""
    known = _PROGRAMS.get((id(edition), record))
    if known is not None and known.edition is edition:
        return known
    work = _Compiling(edition, record)
    top = edition.by_path[record]
    entry = work.entry(top)
    work.structure(top, entry, -1)
    program = Program(
        edition=edition, record=record, tables=tuple(work.tables), leaves=tuple(work.leaves), elements=tuple(work.elements),
        record_entry=entry, keys=np.array(work.keys, np.uint64), entries=np.array(work.entries, np.int64),
        states=np.array(work.states, np.int64).ravel(), mandatory=np.array(work.mandatory, np.uint64),
        fields=np.array(work.fields, np.int64), allowed=np.array(work.allowed, np.uint64),
        table_of=tuple(word & k.F_TABLE_MASK for word in work.fields),
        type_of=tuple((word >> k.F_TYPE) & k.F_TYPE_MASK for word in work.fields),
    )  # fmt: skip
    _PROGRAMS[id(edition), record] = program
    return program


_PROGRAMS: dict[tuple[int, str], Program] = {}


@dataclass
class Output:
    """The arrays that one scan fills. `room`: bytes of a chunk; tables that turn out too small grow (`grow`)."""

    program: Program
    room: int
    capacity: Ints = field(init=False)
    row: Ints = field(init=False)
    last: Ints = field(init=False)

    def __post_init__(self) -> None:
        # Rows are short in registries of visits and long in those of stays: a start that is right most of the time.
        tables = len(self.program.tables)
        self.capacity = np.full(tables, max(self.room // 200, 64), np.int64)
        self.buffers = max(self.room // 16, 1 << 12)
        self.row = np.full(tables, -1, np.int64)
        self.before = np.full(tables, -1, np.int64)
        self.last = np.full(len(self.program.leaves), -1, np.int64)
        self.nulls = np.zeros(len(self.program.leaves), np.int64)
        self.control = np.zeros(k.CONTROL_SIZE, np.int64)
        states, elements = len(self.program.states) // k.S_WIDTH, len(self.program.elements)
        self.after = np.zeros(elements + states, np.int64)
        self._guess()
        self.seen = np.zeros(2 * states, np.uint64)
        self.highest = np.zeros(states, np.int64)
        self.side = np.empty(self.room + (1 << 16), np.uint8)
        self._allocate()

    def _guess(self) -> None:
        """What may follow an element: at first the next sibling, round to the first."""
        states = self.program.states.reshape(-1, k.S_WIDTH)
        elements = len(self.program.elements)
        for number, state in enumerate(states):
            first, count = int(state[k.S_FIRST]), int(state[k.S_COUNT])
            self.after[elements + number] = first
            for place in range(count):
                self.after[first + place] = first + (place + 1) % count

    def _allocate(self) -> None:
        """Pools of values with the place of every column in them."""
        leaves = len(self.program.leaves)
        self.bases = np.zeros(leaves, np.int64)
        self.validity_base = np.zeros(leaves, np.int64)
        pools = [0, 0, 0]
        bits = 0
        for number, (table, kind) in enumerate(zip(self.program.table_of, self.program.type_of, strict=True)):
            rows = int(self.capacity[table])
            self.bases[number] = pools[kind]
            pools[kind] += rows
            self.validity_base[number] = bits
            bits += (rows + 63) // 64 * 8
        self.texts = np.empty(2 * pools[k.TEXT] + 2, np.uint64)
        self.numbers = np.empty(pools[k.NUMBER] + 1, np.int64)
        self.dates = np.empty(pools[k.DATE] + 1, np.int32)
        self.validity = np.empty(bits + 8, np.uint8)
        self.parent_base = np.concatenate([[0], np.cumsum(self.capacity)[:-1]]).astype(np.int64)
        self.parents = np.empty(int(self.capacity.sum()), np.int64)
        records = int(self.capacity[self.program.tables.index(self.program.edition.by_path[self.program.record].table)])
        self.offsets = np.empty(records, np.int64)
        self.lines_of = np.empty(records, np.int64)
        self.deferred = np.empty(k.D_WIDTH * self.buffers, np.int64)
        self.problems = np.empty(k.P_WIDTH * self.buffers, np.int64)
        self.raw = np.empty(16 * self.buffers, np.uint8)

    def reset(self) -> None:
        """Forgets the rows of the last scan."""
        self.row.fill(-1)
        self.last.fill(-1)
        self.control[: k.LINES] = 0

    def grow(self) -> None:
        """Twice the room for what was full. Only between scans: what was scanned is lost."""
        table = int(self.control[k.FULL_TABLE])
        if table >= 0:
            self.capacity[table] *= 2
        else:
            self.buffers *= 2
            self.side = np.empty(2 * len(self.side), np.uint8)
        self._allocate()
        self.reset()

    def scan(
        self, buf: Bytes, start: int, end: int, *, windows: bool, max_text: int, base: int = 0, clean: bool = False
    ) -> tuple[int, int]:
        """kernel.scan over buf[start:end]; (how it ended, where)."""
        program, control = self.program, self.control
        control[k.OFFSET], control[k.MAX_TEXT], control[k.WINDOWS] = base, max_text, windows
        control[k.CLEAN], control[k.RECORD] = clean, program.record_entry
        ended, at = k.scan(
            buf, start, end, control, program.keys, program.entries, program.states, program.mandatory, program.fields,
            self.bases, program.allowed, *CONSTANTS, self.row, self.before, self.capacity, self.last, self.parents,
            self.parent_base, self.numbers, self.dates, self.texts, self.side, self.raw, self.deferred, self.problems,
            self.offsets, self.lines_of, self.after, self.seen, self.highest,
        )  # fmt: skip
        return int(ended), int(at)

    def finish(self) -> None:
        """kernel.finish: fills the ends of the columns, bits of validity and counts of nulls."""
        k.finish(
            self.program.fields,
            self.bases,
            self.row,
            self.last,
            self.numbers,
            self.dates,
            self.texts,
            self.validity,
            self.validity_base,
            self.nulls,
        )
