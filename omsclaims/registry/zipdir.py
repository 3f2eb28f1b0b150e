"""What does the directory of a ZIP claim, and is the claim possible? (formats.md 2.1: packages are ZIP archives)

The directory stands at the end of an archive and may say anything. It is read here by hand, before memory is spent on it: first
the numbers at the very end (entries, bytes of the directory), then the directory itself, then the header in front of each entry,
which must say the same. Two entries may not share bytes, and nothing may stand before the first entry or after the end.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from omsclaims.registry.limits import Limits

_END: Final = struct.Struct("<4s4H2LH")
_END_MARK: Final = b"PK\x05\x06"
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_END64_MARK: Final = b"PK\x06\x06"
_LOCATOR: Final = struct.Struct("<4sLQL")
_LOCATOR_MARK: Final = b"PK\x06\x07"
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_CENTRAL_MARK: Final = b"PK\x01\x02"
_LOCAL: Final = struct.Struct("<4s5H3L2H")
LOCAL_MARK: Final = b"PK\x03\x04"
_DESCRIPTOR_MARK: Final = b"PK\x07\x08"
_MOST_COMMENT: Final = 0xFFFF
_ALL16: Final = 0xFFFF
_ALL32: Final = 0xFFFFFFFF
_ZIP64_FIELD, _AES_FIELD, _PATH_FIELD = 0x0001, 0x9901, 0x7075

ENCRYPTED: Final = 0x1 | 0x40 | 0x2000  #: traditional, strong, hidden directory
_SIZES_FOLLOW: Final = 0x8
PATCHED: Final = 0x20
UTF8_NAME: Final = 0x800
AES: Final = 99


class ZipError(Exception):
    """The archive as a whole is refused; `reason` is a key of registry.reason.*."""

    def __init__(self, reason: str, name: str = "") -> None:
        super().__init__(reason)
        self.reason, self.name = reason, name


class Source:
    """The bytes of a package, in memory or on disk: any range of them, without reading the others."""

    def __init__(self, origin: Path | bytes) -> None:
        self.origin = origin
        self.size = len(origin) if isinstance(origin, bytes) else origin.stat().st_size

    def read(self, at: int, size: int) -> bytes:
        """`size` bytes from `at`; fewer where the source ends."""
        if at < 0 or size <= 0:
            return b""
        if isinstance(self.origin, bytes):
            return self.origin[at : at + size]
        with self.origin.open("rb") as stream:
            stream.seek(at)
            return stream.read(size)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the directory tells it; `start` and `end` bound its packed bytes, once the header before them agreed."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mode: int  # Unix file mode, 0 where there is none
    attributes: int  # DOS attributes
    path_field: bytes | None  # the name in UTF-8 of the field 0x7075, where it belongs to this name
    aes: bool
    start: int = 0
    end: int = 0

    @property
    def least(self) -> tuple[int, int]:
        """The bytes that the entry takes at least, header and all."""
        return self.offset, self.offset + _LOCAL.size + len(self.raw_name) + self.packed


@dataclass(frozen=True, slots=True)
class _End:
    """The end of the archive."""

    entries: int
    size: int  # of the directory
    start: int  # of the directory
    at: int  # where the directory must end


def directory(source: Source, limits: Limits) -> tuple[list[Entry], int]:
    """Entries of an archive in the order of its directory, and where the directory begins.

    Raises ZipError: not_zip, truncated, broken, ambiguous, multi_disk (unreadable), too_many, directory, appended, prepended, lie
    (refused).
    """
    end = _end(source)
    if end.entries > limits.entries:
        raise ZipError("too_many", str(end.entries))
    if end.size > limits.directory_bytes:
        raise ZipError("directory", str(end.size))
    if end.start + end.size != end.at:
        raise ZipError(_displaced(source, end))
    content = source.read(end.start, end.size)
    entries: list[Entry] = []
    at = 0
    while at < len(content):
        if len(entries) == end.entries:
            raise ZipError("lie")
        entry, at = _central(content, at)
        entries.append(entry)
    if len(entries) != end.entries:
        raise ZipError("lie")
    if entries and min(entry.offset for entry in entries) > 0:
        raise ZipError("prepended")
    return entries, end.start


def _displaced(source: Source, end: _End) -> str:
    """Why the directory is not where it should be: bytes before the archive push everything back."""
    moved = end.at - end.size
    found = source.read(moved, 4) in (_CENTRAL_MARK, _END_MARK, _END64_MARK)
    return "prepended" if moved > end.start and found else "broken"


def _end(source: Source) -> _End:
    """The record at the end of the archive, which must be the only one and end with the file."""
    tail_at = max(source.size - _END.size - _MOST_COMMENT, 0)
    tail = source.read(tail_at, source.size - tail_at)
    fits: list[int] = []
    short = False
    at = tail.find(_END_MARK)
    while at >= 0:
        if len(tail) - at >= _END.size:
            ends = at + _END.size + int(_END.unpack_from(tail, at)[7])
            if ends == len(tail):
                fits.append(at)
            short = short or ends < len(tail)
        at = tail.find(_END_MARK, at + 1)
    if len(fits) > 1:
        raise ZipError("ambiguous")
    if not fits:
        if short:
            raise ZipError("appended")
        raise ZipError("truncated" if source.read(0, 2) == b"PK" else "not_zip")
    _, disk, first_disk, here, entries, size, start, _ = _END.unpack_from(tail, fits[0])
    found = _End(entries, size, start, tail_at + fits[0])
    return _end64(source, found, (disk, first_disk, here))


def _end64(source: Source, end: _End, disks: tuple[int, int, int]) -> _End:
    """The 64-bit record before the end, where there is one; numbers that stand in both must be equal."""
    locator = source.read(end.at - _LOCATOR.size, _LOCATOR.size)
    if not locator.startswith(_LOCATOR_MARK):
        if disks[0] or disks[1] or disks[2] != end.entries:
            raise ZipError("multi_disk")
        return end
    _, disk, at, count = _LOCATOR.unpack(locator)
    record = source.read(at, _END64.size)
    if disk or count > 1:
        raise ZipError("multi_disk")
    if len(record) < _END64.size or not record.startswith(_END64_MARK):
        raise ZipError("lie")
    _, length, _, _, disk, first_disk, here, entries, size, start = _END64.unpack(record)
    if disk or first_disk or here != entries:
        raise ZipError("multi_disk")
    told = ((end.entries, entries, _ALL16), (disks[2], here, _ALL16), (end.size, size, _ALL32), (end.start, start, _ALL32))
    if at + 12 + length != end.at - _LOCATOR.size or any(short not in (full, mark) for short, full, mark in told):
        raise ZipError("lie")
    return _End(entries, size, start, at)


def _central(content: bytes, at: int) -> tuple[Entry, int]:
    """One entry of the directory, and where the next begins."""
    if len(content) - at < _CENTRAL.size or content[at : at + 4] != _CENTRAL_MARK:
        raise ZipError("broken")
    found = _CENTRAL.unpack_from(content, at)
    flags, method, crc, packed, size = found[3], found[4], found[7], found[8], found[9]
    names, extras, remarks, disk, attributes, offset = *found[10:14], found[15], found[16]
    name_end = at + _CENTRAL.size + names
    end = name_end + extras + remarks
    if end > len(content):
        raise ZipError("broken")
    name = content[at + _CENTRAL.size : name_end]
    fields = _fields(content[name_end : name_end + extras])
    wide = _wide(fields, [size, packed, offset])
    if wide is None:
        raise ZipError("lie", name.decode("cp866"))
    if disk not in (0, _ALL16):
        raise ZipError("multi_disk")
    size, packed, offset = wide
    entry = Entry(
        name, flags, method, crc, packed, size, offset, attributes >> 16, attributes & 0xFF, _path(fields, name),
        _AES_FIELD in fields or method == AES,
    )  # fmt: skip
    return entry, end


def _fields(extra: bytes) -> dict[int, bytes]:
    """Extra fields by number; the first of equal ones. A rest that is no field is padding."""
    fields: dict[int, bytes] = {}
    at = 0
    while len(extra) - at >= 4:
        number, size = struct.unpack_from("<2H", extra, at)
        if at + 4 + size > len(extra):
            break
        fields.setdefault(number, extra[at + 4 : at + 4 + size])
        at += 4 + size
    return fields


def _wide(fields: dict[int, bytes], numbers: list[int]) -> list[int] | None:
    """Sizes and offset with those taken from the 64-bit field that say so; None: it lacks one."""
    wide = fields.get(_ZIP64_FIELD, b"")
    at = 0
    found: list[int] = []
    for number in numbers:
        if number != _ALL32:
            found.append(number)
            continue
        if len(wide) - at < 8:
            return None
        found.append(int.from_bytes(wide[at : at + 8], "little"))
        at += 8
    return found


def _path(fields: dict[int, bytes], name: bytes) -> bytes | None:
    """The name in UTF-8 of the field 0x7075, if it was made for this very name."""
    field = fields.get(_PATH_FIELD, b"")
    if len(field) < 6 or field[0] != 1 or int.from_bytes(field[1:5], "little") != binascii.crc32(name):
        return None
    return field[5:]


def placed(source: Source, entry: Entry, directory_at: int) -> tuple[Entry, int] | str:
    """The entry with the bounds of its packed bytes, and where it ends with all that belongs to it; or why it is refused.

    The header before the bytes must name the same name, method, flags, checksum and sizes as the directory.
    """
    header = source.read(entry.offset, _LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(LOCAL_MARK):
        return "broken"
    _, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL.unpack(header)
    variable = source.read(entry.offset + _LOCAL.size, names + extras)
    start = entry.offset + _LOCAL.size + names + extras
    end = start + entry.packed
    wide = _wide(_fields(variable[names:]), [size, packed])
    if wide is None or variable[:names] != entry.raw_name or method != entry.method:
        return "lie"
    if (flags ^ entry.flags) & (ENCRYPTED | UTF8_NAME | PATCHED):
        return "lie"
    told, known = (crc, wide[0], wide[1]), (entry.crc, entry.size, entry.packed)
    later = bool(flags & _SIZES_FOLLOW)
    if any(number != right and not (later and number == 0) for number, right in zip(told, known, strict=True)):
        return "lie"
    if entry.method == 0 and entry.size != entry.packed and not entry.flags & ENCRYPTED:
        return "lie"
    if end > directory_at:
        return "overlap"
    belongs = _descriptor(source, entry, end) if later and told != known else 0
    if belongs is None:
        return "lie"
    bounded = Entry(
        entry.raw_name, entry.flags, entry.method, entry.crc, entry.packed, entry.size, entry.offset, entry.mode,
        entry.attributes, entry.path_field, entry.aes, start, end,
    )  # fmt: skip
    return bounded, end + belongs


def _descriptor(source: Source, entry: Entry, at: int) -> int | None:
    """Length of the checksum and sizes behind the bytes, with or without mark, of 4 or 8 bytes; None: they say otherwise."""
    content = source.read(at, 24)
    for mark in (_DESCRIPTOR_MARK, b""):
        for size in ("<L2L", "<L2Q"):
            wanted = mark + struct.pack("<L", entry.crc)
            try:
                wanted = mark + struct.pack(size, entry.crc, entry.packed, entry.size)
            except struct.error:
                continue  # does not fit into 4 bytes
            if content.startswith(wanted):
                return len(wanted)
    return None


def overlapping(spans: list[tuple[int, int]]) -> bool:
    """Whether two of the spans (start, end) share a byte: many names for the same packed bytes are a bomb."""
    ordered = sorted(spans)
    return any(following[0] < previous[1] for previous, following in pairwise(ordered))
