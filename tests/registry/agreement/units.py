"""How are a hundred thousand documents and a million mutations read twice within the hour? Packed, in units that repeat exactly.

A fixed cost of some milliseconds per file would dominate. So each mutated record is judged alone only by libxml2 (is it well
formed?) and by the scanner (is it accepted?): the scanner must never accept what is not well formed. The records it accepts are
packed into files of some hundreds, which both readers read; where they differ, the file is made small again. A unit depends on
its number and the seed alone, so that any number of processes gives the same figures.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import gcd
from typing import Final

from lxml import etree

from omsclaims.registry import formats

from . import compare, generate, mutate
from .adapter import Accepted, Named, Readers, readers
from .compare import Fails, Failure
from .generate import Document

#: Records to a packed file.
PACK: Final = 200
#: Records that the mutations of a unit start from.
BASES: Final = 60
#: One document, one malformed record, one record with something beside it in so many is also read alone by both readers.
ALONE: Final = 25
MALFORMED_ALONE: Final = 200
LOOSE_ALONE: Final = 4
#: Failures of a unit that are made small; more are only counted.
SHRUNK: Final = 2
CODECS: Final = ("cp1251", "utf-8")
_NUMBER: Final = re.compile(rb"<(N_ZAP|ID_PAC|IDCASE)>[^<]*</\1>")


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of the run: `kind` documents, mutations, files or chunks; `size` in documents, mutations, files."""

    kind: str
    number: int
    seed: int
    size: int

    @property
    def edition(self) -> str:
        """The edition of the unit: all in turn, in long steps, so that a short run sees many kinds."""
        ids = formats.format_ids()
        step = next(step for step in range(len(ids) * 3 // 8, len(ids)) if gcd(step, len(ids)) == 1)
        return ids[self.number * step % len(ids)]

    @property
    def codec(self) -> str:
        """The encoding of the unit: each edition comes in both."""
        turn, place = divmod(self.number, len(formats.format_ids()))
        return CODECS[(turn + place) % 2]


@dataclass(slots=True)
class Outcome:
    """What came out of a unit: figures and failures."""

    figures: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Both together."""
        self.figures.update(other.figures)
        self.failures += other.failures


def run(unit: Unit) -> Outcome:
    """One unit with the readers of the program; for worker processes."""
    return run_with(unit, readers())


def run_with(unit: Unit, pair: Readers) -> Outcome:
    """One unit with any pair of readers."""
    work = _Work(unit, pair)
    {"documents": work.documents, "mutations": work.mutations, "files": work.files, "chunks": work.chunks}[unit.kind]()
    return work.outcome


def parsed(data: bytes) -> etree._Element | None:
    """The root, where libxml2 takes the bytes for XML without resolving anything."""
    try:
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False))
    except (etree.XMLSyntaxError, ValueError):
        return None


def well_formed(data: bytes) -> bool:
    """Whether libxml2 takes the bytes for XML."""
    return parsed(data) is not None


class _Work:
    """The state of one unit."""

    def __init__(self, unit: Unit, pair: Readers) -> None:
        self.unit, self.pair = unit, pair
        self.outcome = Outcome()
        self.figures = self.outcome.figures
        self.pick = generate.seeded(unit.kind, unit.number, unit.seed)
        self.context = mutate.context(unit.edition, unit.codec, unit.kind, unit.number, unit.seed)

    # --- kinds of work ------------------------------------------------------------------------------------------------

    def documents(self) -> None:
        """Random documents: their records by the scanner alone and packed; one document in ALONE by itself, header and all."""
        made = [self.document() for _ in range(self.unit.size)]
        frame = next((item for item in made if self.accepts(item.data, item.named) is not None), None)
        judged = None if frame is None else self.pair.scanner(frame.head, frame.records[0], frame.tail, frame.named)
        heads: list[Document] = []
        kept: list[bytes] = []
        for number, item in enumerate(made):
            self.figures["documents"] += 1
            counts = [judged(record) for record in item.records] if judged else [None]
            slow = None if None in counts else sum(count or 0 for count in counts)
            self.figures["documents " + _way(slow)] += 1
            if slow is not None:
                kept += item.records
            if number % ALONE == 0:
                self.figures["documents read alone"] += 1
                self.both(item.data, item.named)
                if self.accepts(item.data, item.named) is not None:
                    heads.append(item)
        if frame is not None:
            self.packed(kept, heads or [frame])

    def mutations(self) -> None:
        """Random changes of single records, each judged alone under the head of one document."""
        frame, records, judged = self.frame()
        tag = generate.record_tag(formats.get(self.unit.edition))
        kept: list[bytes] = []
        loose: list[bytes] = []
        for number in range(self.unit.size):
            changed = mutate.record(self.pick.choice(records), self.context)
            if number % 2:
                changed = _NUMBER.sub(rb"<\1>%d</\1>" % number, changed, count=3)
            root = self.mutated(frame, changed, judged)
            if root is not None:
                (kept if changed.lstrip().startswith(b"<" + tag.encode()) and _is_records(root, tag) else loose).append(changed)
        self.packed(kept, [frame])
        # Where something stands beside a record, only the last one of a file may be for the scanner: no packing.
        for number, changed in enumerate(loose):
            self.figures["mutations beside a record"] += 1
            if number % LOOSE_ALONE == 0:
                self.figures["mutations beside a record read alone"] += 1
                self.both(frame.head + changed + frame.tail, frame.named)

    def frame(self) -> tuple[Document, list[bytes], Callable[[bytes], Accepted]]:
        """A document whose head is accepted, records of many documents that are accepted under it, and what judges more of them.

        Most of them are records that the scanner reads all by itself: a change often makes a slow one of them anyway.
        """
        frame = self.document()
        while self.accepts(frame.data, frame.named) is None:
            frame = self.document()
        judged = self.pair.scanner(frame.head, frame.records[0], frame.tail, frame.named)
        records: list[bytes] = []
        while len(records) < BASES:
            for record in self.document().records:
                slow = judged(record)
                if slow == 0 or (slow and self.pick.random() < 0.2):
                    records.append(record)
        return frame, records, judged

    def mutated(self, frame: Document, record: bytes, judged: Callable[[bytes], Accepted]) -> etree._Element | None:
        """One changed record alone; the file as a tree, where both readers are to read it."""
        data, named = frame.head + record + frame.tail, frame.named
        self.figures["mutations"] += 1
        try:
            slow = judged(record)
        except Exception as error:
            told = f"the scanner raised {type(error).__name__}: {error}"
            self.failed("scanner", told, data, lambda one: _raises(self.pair, one, named))
            return None
        root = parsed(data)
        if root is not None:
            self.figures["mutations well-formed"] += 1
            self.figures["mutations " + _way(slow)] += 1
            return None if slow is None else root
        self.figures["mutations malformed"] += 1
        if slow is not None:
            self.failed("malformed", "the scanner accepts what libxml2 does not", data, lambda one: self._wrongly(one, named))
        elif self.figures["mutations malformed"] % MALFORMED_ALONE == 0:
            self.refused(data, named)
        return None

    def files(self) -> None:
        """Changes of whole files, read one by one."""
        for number in range(self.unit.size):
            made = self.document()
            data = mutate.document(made, self.context)
            named = made.named if number % 5 else Named()
            self.figures["files"] += 1
            self.both(data, named, counted="files")

    def chunks(self) -> None:
        """A small document (a changed one every other time) with chunks of every size up to its own."""
        made = min((self.document() for _ in range(40 * self.unit.size)), key=lambda item: abs(len(item.data) - 700))
        data = made.data
        while self.unit.number % 2:
            changed = made.head + b"".join(mutate.record(record, self.context) for record in made.records) + made.tail
            if well_formed(changed):
                data = changed
                break
        strict = compare.read(self.pair, data, made.named)
        whole = compare.read_fast(self.pair, data, made.named, None, 1)
        self.figures["chunked documents"] += 1
        self.figures["chunked documents declined"] += whole is None
        for size in range(1, len(data) + 2):
            fast = compare.read_fast(self.pair, data, made.named, size, 1 + size % 2)
            self.figures["chunk boundaries"] += 1
            self.figures["chunk boundaries declined"] += fast is None and whole is not None
            told = compare.between(strict, fast)
            if told is not None:
                again = _differs(self.pair, made.named, size, 1 + size % 2)
                self.failed("chunks", f"chunks of {size} bytes: {told}", data, again)
                break

    # --- reading ------------------------------------------------------------------------------------------------------

    def document(self) -> Document:
        """A random document of the unit's edition and encoding."""
        return generate.document(self.unit.edition, self.pick, self.unit.codec)

    def accepts(self, data: bytes, named: Named) -> Accepted:
        """As Readers.accepts; what it raises is a failure."""
        try:
            return self.pair.accepts(data, named)
        except Exception as error:
            told = f"the scanner raised {type(error).__name__}: {error}"
            self.failed("scanner", told, data, lambda one: _raises(self.pair, one, named))
            return None

    def both(self, data: bytes, named: Named, counted: str = "") -> None:
        """One file by both readers, whatever it is."""
        chunk, threads = self.how(len(data))
        fast = compare.read_fast(self.pair, data, named, chunk, threads)
        strict = compare.read(self.pair, data, named)
        if counted:
            readable = not isinstance(strict, str) and not compare.unreadable(strict)
            self.figures[f"{counted} {'readable' if readable else 'refused'}"] += 1
            self.figures[f"{counted} accepted"] += fast is not None
        told = compare.between(strict, fast)
        if told is not None:
            self.failed("file", told, data, _differs(self.pair, named, chunk, threads))

    def refused(self, data: bytes, named: Named) -> None:
        """A file that is not well formed: the strict reader refuses it, the fast one does not read it."""
        self.figures["mutations malformed read alone"] += 1
        told = self._strictly(data, named)
        if told is not None:
            self.failed("strict", told, data, lambda one: self._strictly(one, named))
        self.both(data, named)

    def how(self, size: int) -> tuple[int | None, int]:
        """Chunk bytes and threads of one reading."""
        chunk = self.pick.choice((None, None, self.pick.randint(1, max(size, 2)), self.pick.randint(2_000, 60_000)))
        return chunk, self.pick.choice((1, 1, 2))

    def packed(self, records: list[bytes], frames: list[Document]) -> None:
        """Records of many documents in files of PACK each, under the headers of some of them."""
        self.pick.shuffle(records)
        for number, first in enumerate(range(0, len(records), PACK)):
            frame = frames[number % len(frames)]
            self.pack(frame, records[first : first + PACK])

    def pack(self, frame: Document, records: list[bytes]) -> None:
        """One packed file. Where it is not accepted, its halves are tried, so that one record does not hide the others."""
        data = frame.head + b"".join(records) + frame.tail
        chunk, threads = self.how(len(data))
        fast = compare.read_fast(self.pair, data, frame.named, chunk, threads)
        self.figures["packed files"] += 1
        if fast is None:
            self.figures["packed files declined"] += 1
            if len(records) > 1:
                self.pack(frame, records[: len(records) // 2])
                self.pack(frame, records[len(records) // 2 :])
            return
        self.figures["records compared"] += len(records)
        told = compare.between(compare.read(self.pair, data, frame.named), fast)
        if told is not None:
            self.failed("packed", told, data, _differs(self.pair, frame.named, chunk, threads))

    # --- failures -----------------------------------------------------------------------------------------------------

    def failed(self, name: str, told: str, data: bytes, fails: Fails) -> None:
        """Counts a failure; the first ones of a unit are made small and explained anew."""
        self.figures["differences"] += 1
        number = len(self.outcome.failures)
        if number < SHRUNK:
            unit = self.unit
            smallest = compare.shrink(data, fails)
            label = f"{name}-{unit.kind}-{unit.number}-{number} {unit.edition} {unit.codec} seed {unit.seed}"
            self.outcome.failures.append(Failure(label, told, data, smallest, fails(smallest) or told))

    def _wrongly(self, data: bytes, named: Named) -> str | None:
        wrong = not well_formed(data) and self.pair.accepts(data, named) is not None
        return "the scanner accepts what libxml2 does not" if wrong else None

    def _strictly(self, data: bytes, named: Named) -> str | None:
        """What the strict reader says of a file that is not well formed, where it does not refuse it."""
        strict = compare.read(self.pair, data, named)
        if isinstance(strict, str):
            return strict
        wrong = not well_formed(data) and not compare.unreadable(strict)
        return "the strict reader reads what is not well formed" if wrong else None


def _is_records(root: etree._Element, tag: str) -> bool:
    """Whether nothing but records and blanks stands from the first record on."""
    first = root.find(tag)
    if first is None:
        return False
    rest = [first, *first.itersiblings()]
    return all(item.tag == tag and not (item.tail or "").strip() for item in rest)


def _way(slow: Accepted) -> str:
    return "declined" if slow is None else "by the slow path" if slow else "by the scanner"


def _differs(pair: Readers, named: Named, chunk: int | None, threads: int) -> Fails:
    return lambda data: compare.disagreement(pair, data, named, chunk, threads)


def _raises(pair: Readers, data: bytes, named: Named) -> str | None:
    try:
        pair.accepts(data, named)
    except Exception as error:
        return f"the scanner raised {type(error).__name__}: {error}"
    return None


def plan(documents: int, mutations: int, files: int, chunked: int, seed: int) -> list[Unit]:
    """All units of a run. Sizes are those that one process does in some seconds."""
    sizes = (("documents", documents, 250), ("mutations", mutations, 2_000), ("files", files, 100), ("chunks", chunked, 1))
    return [unit for kind, total, size in sizes for unit in _units(kind, total, size, seed)]


def _units(kind: str, total: int, size: int, seed: int) -> Iterable[Unit]:
    for number, first in enumerate(range(0, total, size)):
        yield Unit(kind, number, seed, min(size, total - first))
