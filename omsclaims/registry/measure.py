"""Is this XML safe to give to a parser? The first limit of XML that a file breaks, without building anything (rule S.815).

Depth, texts, tags, comments, attributes, records and elements are counted over blocks of a megabyte with numpy, from the
places of `<` alone. Only what may hide a `<` or a `>` - comments, CDATA, instructions, tags with attributes - is looked at
one by one and blanked out first. The counts are right up to the first place where the bytes stop being well-formed XML; no
parser gets further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from omsclaims import messages
from omsclaims.registry.limits import Limits

_BLOCK: Final = 1 << 20
_OPENS, _CLOSES, _SLASH, _BANG, _QUESTION, _NEWLINE = (ord(sign) for sign in "<>/!?\n")
_ATTRIBUTE: Final = re.compile(rb"=[ \t\r\n]*+[\"']")
_QUOTED: Final = re.compile(rb"\"[^\"]*+\"|'[^']*+'")
#: A tag with attributes: a quoted value may hold `>`.
_TAG: Final = re.compile(rb"<[^<>\"']*+(?:(?:\"[^\"]*+\"|'[^']*+')[^<>\"']*+)*+>")
#: What hides markup: its beginning, its end, whether it counts as a comment.
_HIDING: Final = ((b"<!--", b"-->", True), (b"<![CDATA[", b"]]>", False), (b"<?", b"?>", True))
_HIDDEN: Final = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)
_OTHER_SIGNS: Final = bytes(code for code in range(256) if code not in b"<\1")
#: Tags of records, the children of the root that a file may hold any number of.
_RECORDS: Final = (b"ZAP", b"PERS", b"PR")
_RECORD_ENDS: Final = tuple(b"</" + name + b">" for name in _RECORDS)
_STRETCH: Final = 4 << 20
#: So much of a stretch is looked at first.
_PROBE: Final = 4096
_AFTER_NAME: Final = np.frombuffer(b" \t\r\n>/", dtype=np.uint8)

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.int64]
_Counts = npt.NDArray[np.int32]
_Flags = npt.NDArray[np.bool_]


class _Break(NamedTuple):
    """A limit that is broken: at which byte, which one, and where the thing begins that is too large."""

    at: int
    limit: str
    start: int
    line: int | None = None


@dataclass(slots=True)
class _Child:
    """The child of the root that is open at the end of a block."""

    start: int
    line: int
    elements: int
    record: bool


def measure(content: bytes | Iterable[bytes], limits: Limits | None = None) -> tuple[str, dict[str, object]] | None:
    """The first XML limit, in the order of the bytes, that `content` breaks: name in `Limits`, parameters; None: all is well.

    `content`: a whole file, or its parts in order, of any size; the answer is the same. Parameters are those of the text of
    S.815: limit, allowed, line and offset of the thing that is too large, its name in both languages. Time is linear in the
    bytes, memory is some megabytes and the largest text allowed. The encoding must keep ASCII, so its check goes first.
    """
    bounds = limits or Limits()
    if isinstance(content, bytes) and _surely_small(content, bounds):
        return None
    found = _Meter(bounds).run(_blocks(content))
    if found is None:
        return None
    return found.limit, broken(found.limit, getattr(bounds, found.limit), found.start, found.line or 1)


def broken(limit: str, allowed: int, offset: int = 0, line: int = 1) -> dict[str, object]:
    """Parameters of the text of S.815."""
    told = {lang: messages.text(f"registry.limit.{limit}", lang) for lang in messages.LANGUAGES}
    return {"limit": limit, "allowed": allowed, "offset": offset, "line": line, **told}


def suspicious(content: bytes) -> bool:
    """Whether no record ends for longer than any lawful record is: then measuring goes first, before more memory is spent.

    Looks at some bytes of each stretch only. A file that is not suspicious may break limits all the same.
    """
    at, endings = 0, _RECORD_ENDS
    while len(content) - at > _STRETCH:
        places = ((content.rfind(ending, at, at + _STRETCH), ending) for ending in endings)
        found, ending = next((place for place in places if place[0] >= 0), (-1, b""))
        if found < 0:
            return True
        at, endings = found + 1, (ending, *(other for other in _RECORD_ENDS if other != ending))
    return False


def bytes_of(path: Path, limits: Limits) -> bytes:
    """A file to be read; of a text that goes on without markup for longer than all limits only what breaks them.

    The rest of such a file would only take memory: it is refused for what is there. An archive (PK) is no text.
    """
    most = max(limits.text_bytes, limits.tag_bytes, limits.comment_bytes, limits.record_bytes)
    with path.open("rb") as stream:
        size, last = path.stat().st_size, -1
        if size > 2 * most and stream.read(2) != b"PK":
            end = 0  # of the last piece with markup in it
            for at in range(0, size, _STRETCH):
                if at - end > most:
                    last = at
                    break
                for probe in (_PROBE, _STRETCH):  # nearly always the first few bytes tell
                    stream.seek(at)
                    if b"<" in stream.read(probe):
                        end = at + _STRETCH
                        break
        stream.seek(0)
        return stream.read(last)


def refusal(content: bytes | Iterable[bytes], limits: Limits | None = None) -> tuple[str, dict[str, object], int] | None:
    """As `measure`, in the shape of the refusals of `source`: rule S.815, parameters, line."""
    found = measure(content, limits)
    return None if found is None else ("S.815", found[1], int(str(found[1]["line"])))


def _surely_small(content: bytes, limits: Limits) -> bool:
    """Whether a short file (or a single record) cannot break any limit, by counts that are never too low."""
    if len(content) > min(limits.text_bytes, limits.tag_bytes, limits.comment_bytes, limits.record_bytes):
        return False
    if content.count(b"<") > min(limits.record_elements, limits.header_elements) or content.count(b"=") > limits.attributes:
        return False
    plain = content
    if b"<!" in content or b"<?" in content:
        plain, hidden = _HIDDEN.subn(b"", content)
        if hidden > limits.comments:
            return False
    if b"\1" in plain:
        return False
    # Only opening (<) and closing (1) signs stay; every round takes away the innermost elements, so rounds count the depth.
    # An empty element has no closing sign: it stays, and is counted as if all were inside each other.
    signs = plain.replace(b"</", b"\1").translate(None, _OTHER_SIGNS)
    for rounds in range(limits.depth + 1):
        fewer = signs.replace(b"<\1", b"")
        if len(fewer) == len(signs):
            return rounds + len(signs) <= limits.depth
        signs = fewer
    return False


def _blocks(content: bytes | Iterable[bytes]) -> Iterator[bytes]:
    """The content in blocks of about a megabyte: small parts are put together, large ones cut."""
    if isinstance(content, bytes | bytearray | memoryview):
        whole = memoryview(content)
        for at in range(0, len(whole), _BLOCK):
            yield bytes(whole[at : at + _BLOCK])
        return
    kept: list[bytes] = []
    size = 0
    for part in content:
        if len(part) > _BLOCK:
            if kept:
                yield b"".join(kept)
            kept, size = [], 0
            yield from _blocks(bytes(part))
            continue
        kept.append(part)
        size += len(part)
        if size >= _BLOCK:
            yield b"".join(kept)
            kept, size = [], 0
    if kept:
        yield b"".join(kept)


class _Meter:
    """The state of measuring one file: where the buffer begins, what is open there, what was counted before."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.base = 0  # offset of the buffer in the file
        self.lines = 0  # line ends before the buffer
        self.depth = 0  # elements open at the start of the buffer
        self.comments = 0
        self.header_elements = 0
        self.child: _Child | None = None
        self.broken: list[_Break] = []

    def run(self, blocks: Iterable[bytes]) -> _Break | None:
        """All blocks; the buffer is always cut at the last tag, which begins the next one."""
        rest = b""
        for block in blocks:
            buffer = rest + block
            # A lone `<` at the end may begin a tag or hide one: it waits for the next byte.
            known = buffer[:-1] if buffer.endswith(b"<") else buffer
            rest = buffer[self._step(known, last=False) :]
            if self.broken:
                return self._first(buffer)
        self._step(rest, last=True)
        return self._first(rest) if self.broken else None

    def _first(self, buffer: bytes) -> _Break:
        """The earliest break, with its line. `base` still is that of the buffer, for `_step` stops at a break."""
        first = min(self.broken)
        if first.line is not None:
            return first
        return first._replace(line=self.lines + buffer.count(b"\n", 0, max(first.start - self.base, 0)) + 1)

    def _break(self, limit: str, at: int, start: int, line: int | None = None) -> None:
        """A break, with places of the buffer (negative: before it)."""
        self.broken.append(_Break(self.base + at, limit, self.base + start, line))

    def _step(self, buffer: bytes, *, last: bool) -> int:
        """Measure a buffer; how many of its bytes are done with (up to the last tag, or all of them)."""
        raw = np.frombuffer(buffer, dtype=np.uint8)
        comments: list[int] = []
        text: bytes | bytearray = buffer
        data, end = raw, len(buffer)
        places, follow = _tags(raw)
        special = places[(follow == _BANG) | (follow == _QUESTION)]
        if len(special) or (b"=" in buffer and _ATTRIBUTE.search(buffer)):
            text, end = self._blank(buffer, special, comments)
            data = np.frombuffer(text, dtype=np.uint8)[:end]
            places, follow = _tags(data)
        self._comments(comments)
        self._lengths(text, places, end)
        # The last tag may not be whole yet: it waits for the next block, unless it is too late for that.
        done = len(places) if last or self.broken else max(len(places) - 1, 0)
        cut = len(buffer) if last else int(places[-1]) if len(places) else 0
        reach = int(places[done]) if done < len(places) else end
        state = self._structure(data, text, places[:done], follow[:done], reach)
        if not self.broken:
            self._move(raw, cut, comments, state)
        return cut

    def _move(self, raw: _Bytes, cut: int, comments: list[int], state: tuple[int, int, _Child | None]) -> None:
        """The buffer is done up to `cut`: what was counted before it becomes the state of the next one."""
        depth, header_elements, child = state
        if child is not None and child.line == 0:
            child.line = self.lines + int(np.count_nonzero(raw[: child.start - self.base] == _NEWLINE)) + 1
        self.depth, self.header_elements, self.child = depth, header_elements, child
        self.comments += sum(1 for place in comments if place < cut)
        self.lines += int(np.count_nonzero(raw[:cut] == _NEWLINE))
        self.base += cut

    # --- what hides markup --------------------------------------------------------------------------------------------

    def _blank(self, buffer: bytes, special: _Places, comments: list[int]) -> tuple[bytearray, int]:
        """The buffer with comments, CDATA, instructions and attributes as spaces, and where it ends: at a tag that is not closed.

        A comment or CDATA that is not closed is text up to the end.
        """
        work = bytearray(buffer)
        candidates = iter([*special.tolist(), len(buffer)])
        hidden = next(candidates)
        attribute = _ATTRIBUTE.search(buffer)
        cursor = 0
        while True:
            while hidden < cursor:
                hidden = next(candidates)
            if attribute is not None and attribute.start() < cursor:
                attribute = _ATTRIBUTE.search(buffer, cursor)
            at = len(buffer) if attribute is None else attribute.start()
            if hidden == at == len(buffer):
                return work, len(buffer)
            if hidden < at:
                after = self._hide(buffer, work, hidden, comments)
                if after is None:
                    return work, len(buffer)
            else:
                tag = buffer.rfind(b"<", cursor, at)
                if tag < 0 or buffer.find(b">", tag, at) >= 0:
                    following = buffer.find(b"<", at)  # in a text: the next tag is the next place to look at
                    after = len(buffer) if following < 0 else following
                else:
                    after = self._attributes(buffer, work, tag)
                    if after is None:  # where it broke a limit, it counts as far as it goes
                        return work, len(buffer) if self.broken else tag
            cursor = after

    def _hide(self, buffer: bytes, work: bytearray, start: int, comments: list[int]) -> int | None:
        """Blank what begins at `start`; where it ends, None when it is not closed in the buffer."""
        for opening, closing, counts in _HIDING:
            if not buffer.startswith(opening, start):
                continue
            found = buffer.find(closing, start + len(opening))
            end = len(buffer) if found < 0 else found + len(closing)
            work[start:end] = b" " * (end - start)
            if counts:
                comments.append(start)
                if end - start > self.limits.comment_bytes:
                    self._break("comment_bytes", start + self.limits.comment_bytes, start)
            return None if found < 0 else end
        # Cut off in the middle of its first bytes, or a declaration, which is refused elsewhere.
        work[start] = ord(" ")
        return None if len(buffer) - start < len(b"<![CDATA[") else start + 2

    def _attributes(self, buffer: bytes, work: bytearray, start: int) -> int | None:
        """Count and blank the attributes of the tag at `start`; where it ends, None when it is not closed in the buffer."""
        found = _TAG.match(buffer, start)
        end = len(buffer) if found is None else found.end()
        for number, value in enumerate(_QUOTED.finditer(buffer, start, end)):
            if number >= self.limits.attributes:
                self._break("attributes", value.start(), start)
                break
            work[value.start() : value.end()] = b" " * (value.end() - value.start())
        if found is None and end - start > self.limits.tag_bytes:
            self._break("tag_bytes", start + self.limits.tag_bytes, start)
        return None if found is None else end

    def _comments(self, comments: list[int]) -> None:
        """How many comments there may be."""
        left = self.limits.comments - self.comments
        if len(comments) > left:
            self._break("comments", comments[left], comments[left])

    # --- lengths ------------------------------------------------------------------------------------------------------

    def _lengths(self, text: bytes | bytearray, places: _Places, end: int) -> None:
        """Tags and texts: only where two `<` lie further apart than both limits need, the `>` between them is looked for."""
        tag_bytes, text_bytes = self.limits.tag_bytes, self.limits.text_bytes
        if not len(places) or places[0] > text_bytes:
            if min(end, int(places[0]) if len(places) else end) > text_bytes:
                self._break("text_bytes", text_bytes, 0)
            if not len(places):
                return
        gaps = np.diff(places, append=end)
        if int(gaps.max()) <= min(tag_bytes, text_bytes):
            return
        for number in np.flatnonzero(gaps > min(tag_bytes, text_bytes)).tolist():
            start = int(places[number])
            stop = start + int(gaps[number])
            closed = text.find(b">", start, stop)
            after = stop if closed < 0 else closed + 1
            if after - start > tag_bytes:
                self._break("tag_bytes", start + tag_bytes, start)
            if stop - after > text_bytes:
                self._break("text_bytes", after + text_bytes, after)

    # --- structure ----------------------------------------------------------------------------------------------------

    def _structure(
        self, data: _Bytes, text: bytes | bytearray, places: _Places, follow: _Bytes, reach: int
    ) -> tuple[int, int, _Child | None]:  # fmt: skip
        """Depth, records, elements over these tags (their text ends at `reach`): depth, elements of the header, open child."""
        if not len(places):
            return self.depth, self.header_elements, self.child
        closing = follow == _SLASH
        # As many slashes as closing tags: there is no other, and nothing to look for.
        spare = int(np.count_nonzero(data == _SLASH)) - int(np.count_nonzero(closing))
        empty = _empty_tags(data, places) if spare and b"/>" in text else None
        step = np.int8(1) - (closing.view(np.int8) << 1)
        if empty is not None:
            step[empty] = 0
        depth: _Counts = np.cumsum(step, dtype=np.int32)
        depth += self.depth
        level = depth if empty is None else depth + empty
        if int(level.max()) > self.limits.depth:
            deep = int(places[int(np.argmax(level > self.limits.depth))])
            self._break("depth", deep, deep)
        elements: _Counts = np.cumsum(~closing, dtype=np.int32)
        header, child = self._children(data, places, reach, level, depth, closing, elements, empty)
        return int(depth[-1]), header, child

    def _children(
        self, data: _Bytes, places: _Places, reach: int, level: _Counts, depth: _Counts, closing: _Flags, elements: _Counts,
        empty: _Flags | None,
    ) -> tuple[int, _Child | None]:  # fmt: skip
        """Children of the root: bytes and elements of each, and elements of those that are no records."""
        starts = np.flatnonzero((level == 2) & ~closing)
        finished = (depth == 1) & closing
        ends = np.flatnonzero(finished if empty is None else finished | ((level == 2) & empty))
        header = self.header_elements
        if self.child is not None:
            header = self._carried(self.child, places, elements, int(ends[0]) if len(ends) else -1, reach)
            if not len(ends):
                grown = self.child.elements + int(elements[-1])
                return header, _Child(self.child.start, self.child.line, grown, self.child.record)
            ends = ends[1:]
        closed_at, spots = ends[: len(starts)], places[ends[: len(starts)]]
        open_child = len(starts) > len(closed_at)
        if open_child:
            closed_at, spots = np.append(closed_at, len(places) - 1), np.append(spots, reach)
        starts = starts[: len(closed_at)]
        if not len(starts):
            return header, None
        records = _are_records(data, places[starts])
        counts = elements[closed_at] - elements[starts] + 1
        self._records(places, starts, spots, elements, counts)
        header += self._outside(places, starts, elements, counts, records, header)
        if not open_child:
            return header, None
        return header, _Child(self.base + int(places[starts[-1]]), 0, int(counts[-1]), bool(records[-1]))

    def _carried(self, child: _Child, places: _Places, elements: _Counts, end: int, reach: int) -> int:
        """The child that was open before this buffer, up to the tag `end` (-1: it stays open); elements of the header with it."""
        start = child.start - self.base
        if (reach if end < 0 else int(places[end])) - start > self.limits.record_bytes:
            self._break("record_bytes", start + self.limits.record_bytes, start, child.line)
        more = int(elements[end])
        if child.elements + more > self.limits.record_elements:
            at = int(places[int(np.searchsorted(elements, self.limits.record_elements - child.elements + 1))])
            self._break("record_elements", at, start, child.line)
        if child.record:
            return self.header_elements
        if self.header_elements + more > self.limits.header_elements:
            at = int(places[int(np.searchsorted(elements, self.limits.header_elements - self.header_elements + 1))])
            self._break("header_elements", at, at)
        return self.header_elements + more

    def _records(self, places: _Places, starts: _Places, ends: _Places, elements: _Counts, counts: _Counts) -> None:
        """Bytes and elements of every child of the root that begins in this buffer; `ends`: the places where they end."""
        large = np.flatnonzero(ends - places[starts] > self.limits.record_bytes)
        if len(large):
            start = int(places[starts[large[0]]])
            self._break("record_bytes", start + self.limits.record_bytes, start)
        many = np.flatnonzero(counts > self.limits.record_elements)
        if len(many):
            first = int(starts[many[0]])
            at = int(np.searchsorted(elements, int(elements[first]) + self.limits.record_elements))
            self._break("record_elements", int(places[at]), int(places[first]))

    def _outside(
        self, places: _Places, starts: _Places, elements: _Counts, counts: _Counts, records: _Flags, before: int
    ) -> int:  # fmt: skip
        """Elements of the children that are no records."""
        outside = np.where(records, 0, counts)
        total = int(outside.sum())
        if before + total > self.limits.header_elements:
            running = before + np.cumsum(outside)
            child = int(np.argmax(running > self.limits.header_elements))
            spare = self.limits.header_elements - (int(running[child]) - int(outside[child]))
            at = int(places[int(np.searchsorted(elements, int(elements[starts[child]]) + spare))])
            self._break("header_elements", at, at)
        return total


def _tags(data: _Bytes) -> tuple[_Places, _Bytes]:
    """Places of `<`, and the byte after each."""
    places = np.flatnonzero(data == _OPENS)
    return places, np.take(data, places + 1, mode="clip") if len(places) else np.empty(0, dtype=np.uint8)


def _empty_tags(data: _Bytes, places: _Places) -> _Flags | None:
    """Which tags are closed in themselves; None: none of them. `/>` counts where it holds the first `>` behind a `<`."""
    ends = np.flatnonzero(data == _CLOSES)
    ends = ends[ends > 0]
    slashed = ends[data[ends - 1] == _SLASH]
    if not len(slashed):
        return None
    number = np.searchsorted(places, slashed) - 1
    kept = number >= 0
    slashed, number = slashed[kept], number[kept]
    first = ends[np.searchsorted(ends, places[number])]
    # `</>` and `</x/>` are no tags at all; a parser stops there.
    real = number[(first == slashed) & (slashed - places[number] > 1)]
    flags = np.zeros(len(places), dtype=np.bool_)
    flags[real] = True
    flags &= np.take(data, places + 1, mode="clip") != _SLASH
    return flags


def _are_records(data: _Bytes, starts: _Places) -> _Flags:
    """Which of these tags are those of records."""
    found = np.zeros(len(starts), dtype=np.bool_)
    for name in _RECORDS:
        same = np.isin(np.take(data, starts + len(name) + 1, mode="clip"), _AFTER_NAME)
        for number, letter in enumerate(name):
            same &= np.take(data, starts + number + 1, mode="clip") == letter
        found |= same
    return found
