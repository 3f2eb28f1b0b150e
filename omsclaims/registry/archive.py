"""What is inside a package, and is it safe to open? ZIP packages of one main file and one file of persons (formats.md 2.1, 2.2).

Nothing is unpacked to disk. The directory of an archive is only a claim (`zipdir`): sizes, ratio and checksum are counted while
the bytes stream out, and a stream stops at the first byte too many. Limits are those of `limits`.
"""

from __future__ import annotations

import io
import stat
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from omsclaims import messages
from omsclaims.findings import Finding
from omsclaims.registry import zipdir
from omsclaims.registry.limits import Limits
from omsclaims.registry.zipdir import Entry, Source, ZipError

__all__ = ["Archive", "Limits", "Member", "MemberError", "open_archive", "reason_params"]

_CHUNK: Final = 1 << 20
_PACKED_CHUNK: Final = 1 << 16
_STORED, _DEFLATED = 0, 8
#: Members up to this size are kept from the first look at them; larger ones are unpacked again when they are read.
_KEPT: Final = 32 << 20
_NESTED: Final = frozenset(
    {".zip", ".oms", ".7z", ".rar", ".gz", ".tgz", ".tar", ".arj", ".bz2", ".xz", ".zst", ".cab", ".lzh", ".ace", ".iso", ".jar"}
)
_MAGIC: Final = (
    zipdir.LOCAL_MARK, b"PK\x05\x06", b"PK\x07\x08", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd", b"MSCF", b"\x60\xea", b"\x1f\x9d", b"\x1f\xa0", b"MZ",
)  # fmt: skip
_TAR_MARK: Final = (257, b"ustar")
_HEAD: Final = 512
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)}
)
_FOLDER_ATTRIBUTE, _LABEL_ATTRIBUTE = 0x10, 0x08
#: Reasons for which the archive, or an entry, cannot be read (S.801); all others refuse what could be read (S.804).
_UNREADABLE: Final = frozenset({"empty", "not_zip", "broken", "truncated", "ambiguous", "multi_disk", "no_files", "crc"})


class MemberError(Exception):
    """A member turned out bad while it streamed: `rule` S.801 or S.804, `reason` a key of registry.reason.*."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason
        self.rule = _rule(reason)

    def finding(self, package: str) -> Finding:
        """The error as a finding about the package."""
        return _finding(package, self.name, self.reason)


class Member:
    """One file of a package. `open()` streams it anew each time; `data` holds it whole."""

    __slots__ = ("_data", "_opener", "name")

    def __init__(self, name: str, data: bytes | None = None, opener: Callable[[], BinaryIO] | None = None) -> None:
        if (data is None) == (opener is None):
            raise ValueError("a member has either bytes or a way to open it")
        self.name, self._data, self._opener = name, data, opener

    @classmethod
    def of_path(cls, path: Path) -> Member:
        """A bare file on disk."""
        return cls(path.name, opener=lambda: path.open("rb"))

    def open(self) -> BinaryIO:
        """A stream of the bytes from the start. Reading raises MemberError at the first byte that breaks a limit or a promise."""
        if self._opener is None or self._data is not None:
            return io.BytesIO(self._data or b"")
        return self._opener()

    @property
    def data(self) -> bytes:
        """All bytes, kept from the first call on. Raises MemberError as reading does."""
        if self._data is None:
            with self.open() as stream:
                self._data = stream.read()
        return self._data


@dataclass(frozen=True, slots=True)
class Archive:
    """What came out: the members that are safe, and findings S.801 and S.804."""

    members: tuple[Member, ...]
    findings: tuple[Finding, ...]


def open_archive(source: Path | bytes, limits: Limits | None = None, package: str = "", *, verify: bool = True) -> Archive:
    """The members of a ZIP in the order of its directory, under `limits`.

    `verify`: every member is unpacked once to see that it keeps its promises (large ones without being held), so that later
    reading does not fail; without it the promises are checked while a member is read, which then may raise MemberError.

    Findings: S.801 not a ZIP, broken, empty, or a damaged entry; S.804 what is refused (params.reason says why). What concerns
    the archive as a whole leaves no members. Never raises for bad data; OSError where a path cannot be read.
    """
    bounds = limits or Limits()
    origin = Source(source)
    try:
        if not origin.size:
            raise ZipError("empty")
        if origin.size > bounds.package_bytes:
            raise ZipError("too_big")
        entries, directory_at = zipdir.directory(origin, bounds)
        return _members(origin, entries, directory_at, bounds, package, verify=verify)
    except ZipError as error:
        return Archive((), (_finding(package, error.name, error.reason),))


def _members(
    origin: Source, entries: list[Entry], directory_at: int, bounds: Limits, package: str, *, verify: bool
) -> Archive:  # fmt: skip
    """Entries one by one; what concerns all of them together (bytes shared, sum of sizes) is a ZipError."""
    # What the directory says is the least that an entry takes; the headers before the bytes may add to it.
    if zipdir.overlapping([entry.least for entry in entries]):
        raise ZipError("overlap")
    findings: list[Finding] = []
    safe: list[tuple[str, Entry]] = []
    spans: list[tuple[int, int]] = []
    seen: set[str] = set()
    files = 0
    for entry in entries:
        name = _name_of(entry)
        reason = _danger(entry, name, seen, bounds)
        seen |= _spellings(entry)
        folder = name.endswith("/") and reason is None
        files += not folder
        found = zipdir.placed(origin, entry, directory_at)
        if isinstance(found, str):
            if found == "overlap":
                raise ZipError("overlap", name)
            reason = reason or found
        else:
            entry = found[0]  # noqa: PLW2901
            spans.append((entry.offset, found[1]))
        if reason is not None:
            findings.append(_finding(package, name, reason))
        elif not folder:
            safe.append((name, entry))
    if zipdir.overlapping(spans):
        raise ZipError("overlap")
    if not files:
        raise ZipError("no_files")
    _whole(origin, entries, bounds)
    members: list[Member] = []
    for name, entry in safe:
        try:
            members.append(_member(origin, name, entry, bounds, verify=verify))
        except MemberError as error:
            findings.append(error.finding(package))
    return Archive(tuple(members), tuple(findings))


def _whole(origin: Source, entries: list[Entry], bounds: Limits) -> None:
    """The claimed sizes together; a stream that grows beyond its own claim is stopped, so the sum holds for the truth, too."""
    total = sum(entry.size for entry in entries)
    if total > bounds.total_bytes:
        raise ZipError("too_big")
    if total > bounds.ratio_from_bytes and total > bounds.ratio * origin.size:
        raise ZipError("ratio")


def _member(origin: Source, name: str, entry: Entry, bounds: Limits, *, verify: bool) -> Member:
    """A member; verified ones are streamed to the end, and small ones kept."""

    def opener() -> BinaryIO:
        return io.BufferedReader(_Stream(origin, name, entry, bounds), _CHUNK)

    member = Member(name, opener=opener)
    if entry.size > bounds.entry_bytes:
        raise MemberError(name, "too_big")
    if entry.size > bounds.ratio_from_bytes and entry.size > bounds.ratio * max(entry.packed, 1):
        raise MemberError(name, "ratio")
    if verify and entry.size <= _KEPT:
        _ = member.data
    elif verify:
        with member.open() as stream:
            while stream.read(_CHUNK):
                pass
    return member


class _Stream(io.RawIOBase):
    """The bytes of an entry as they unpack; every limit and promise is checked on the way."""

    def __init__(self, origin: Source, name: str, entry: Entry, bounds: Limits) -> None:
        self._source: BinaryIO = io.BytesIO(origin.origin) if isinstance(origin.origin, bytes) else origin.origin.open("rb")
        self._source.seek(entry.start)
        self._name, self._entry, self._bounds = name, entry, bounds
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method == _DEFLATED else None
        self._left = entry.packed  # packed bytes not yet taken from the source
        self._rest = b""  # packed bytes taken, not yet unpacked
        self._size = self._crc = 0
        self._head = b""
        self._ended = False

    def readable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """Close the source, too."""
        self._source.close()
        super().close()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Up to len(buffer) bytes; 0 at the end, which is reached only when size and checksum are those promised."""
        part = self._checked(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def readall(self) -> bytes:
        """All that is left."""
        parts = iter(lambda: self._checked(_CHUNK), b"")
        return b"".join(parts)

    def _checked(self, most: int) -> bytes:
        """The next bytes, looked at; empty at the end."""
        if self._ended or not most:
            return b""
        part = self._next(most)
        self._size += len(part)
        self._crc = zlib.crc32(part, self._crc)
        if part:
            self._look(part)
        else:
            self._finish()
        return part

    def _next(self, most: int) -> bytes:
        """The next unpacked bytes, at most `most`; empty at the end of the packed bytes."""
        while True:
            if not self._rest and self._left:
                self._rest = self._source.read(min(_PACKED_CHUNK if self._inflate else most, self._left))
                self._left -= len(self._rest)
                if not self._rest:
                    raise MemberError(self._name, "truncated")
            if self._inflate is None:
                part, self._rest = self._rest[:most], self._rest[most:]
                return part
            if self._inflate.eof:
                if self._rest or self._left:  # packed bytes behind the end of what they unpack to
                    raise MemberError(self._name, "lie")
                return b""
            try:
                part = self._inflate.decompress(self._rest, most)
            except zlib.error as error:
                raise MemberError(self._name, "broken") from error
            self._rest = self._inflate.unconsumed_tail or self._inflate.unused_data
            if part:
                return part
            if not self._rest and not self._left and not self._inflate.eof:
                raise MemberError(self._name, "truncated")

    def _look(self, part: bytes) -> None:
        """Limits and promises that hold for every byte."""
        packed = max(self._entry.packed, 1)
        if self._size > self._bounds.entry_bytes:
            raise MemberError(self._name, "too_big")
        if self._size > self._bounds.ratio_from_bytes and self._size > self._bounds.ratio * packed:
            raise MemberError(self._name, "ratio")
        if self._size > self._entry.size:
            raise MemberError(self._name, "lie")
        if len(self._head) < _HEAD:
            self._head += part[: _HEAD - len(self._head)]
            if len(self._head) >= min(_HEAD, self._entry.size) and _is_archive(self._head):
                raise MemberError(self._name, "nested")

    def _finish(self) -> None:
        """Promises that only the end can tell."""
        self._ended = True
        if self._size != self._entry.size:
            raise MemberError(self._name, "lie")
        if self._crc != self._entry.crc:
            raise MemberError(self._name, "crc")


def _is_archive(head: bytes) -> bool:
    """Whether a file begins as archives and programs do."""
    at, mark = _TAR_MARK
    return head.startswith(_MAGIC) or head[at : at + len(mark)] == mark


# --- names ------------------------------------------------------------------------------------------------------------


def _danger(entry: Entry, name: str, seen: set[str], bounds: Limits) -> str | None:
    """Why an entry is refused unread; None when it may be read."""
    if len(entry.raw_name) > bounds.name_bytes or len(name.encode("utf-8", "replace")) > 2 * bounds.name_bytes:
        return "name_long"
    for spelling in sorted(_spelled(entry)):
        # Where a field tells the name, the plain one may have `?` for letters that it lacks.
        wrong = _wrong_name(spelling if spelling == name else spelling.replace("?", "_"))
        if wrong is not None:
            return wrong
    if entry.flags & zipdir.ENCRYPTED or entry.aes:
        return "encrypted"
    kind = stat.S_IFMT(entry.mode)
    allowed = (0, stat.S_IFDIR) if name.endswith("/") else (0, stat.S_IFREG)
    if kind not in allowed or entry.attributes & _LABEL_ATTRIBUTE:
        return "mode"
    if entry.method not in (_STORED, _DEFLATED) or entry.flags & zipdir.PATCHED:
        return "method"
    if name.endswith("/"):
        return "folder" if entry.size or entry.packed > 2 else None
    if entry.attributes & _FOLDER_ATTRIBUTE:
        return "folder"
    if _two_names(entry):
        return "two_names"
    return "twice" if seen & _spellings(entry) else None


def _wrong_name(name: str) -> str | None:
    """What is wrong with a name in itself."""
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") or sign == "\ufffd" for sign in name):
        return "name"
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in name:
        return "path"
    file = name.removesuffix("/")
    if "/" in file or "\\" in file:
        return "folder"
    if file != file.strip() or file.endswith(".") or any(sign in file for sign in '<>"|?*'):
        return "name"
    if file.split(".")[0].lower() in _RESERVED:
        return "name"
    return "nested" if path.suffix.lower() in _NESTED else None


def _name_of(entry: Entry) -> str:
    """The name as its writer meant it: the field of the name in UTF-8, the mark for UTF-8, else cp866 (Russian archivers)."""
    if entry.path_field is not None:
        return entry.path_field.decode("utf-8", "replace")
    if entry.flags & zipdir.UTF8_NAME:
        return entry.raw_name.decode("utf-8", "replace")
    return entry.raw_name.decode("cp866")


def _spelled(entry: Entry) -> set[str]:
    """The name in every way that a program may read it, whatever its mark says."""
    spelled = {_name_of(entry)}
    if not entry.flags & zipdir.UTF8_NAME:  # the mark is heeded everywhere
        spelled.add(entry.raw_name.decode("cp866"))
    try:
        return spelled | {entry.raw_name.decode("utf-8")}
    except UnicodeDecodeError:
        return spelled


def _folded(name: str) -> str:
    """A name without case, form of Unicode, and dots and spaces at the end: what two names must not share."""
    return unicodedata.normalize("NFKC", name).casefold().rstrip(". ")


def _spellings(entry: Entry) -> set[str]:
    return {_folded(name) for name in _spelled(entry)}


def _two_names(entry: Entry) -> bool:
    """Whether the field of the UTF-8 name tells another name than the plain one, which could have told it."""
    raw = entry.raw_name
    if entry.path_field is None or b"?" in raw or b"#U" in raw:  # signs that the plain one lacks
        return False
    plain = {raw.decode(page, "replace") for page in ("utf-8", "cp866", "cp1251")}
    return _folded(_name_of(entry)) not in {_folded(name) for name in plain}


def reason_params(name: str, reason: str) -> dict[str, object]:
    """Parameters of S.801 and S.804: the entry and the reason, as code and in both languages."""
    told = {lang: messages.text(f"registry.reason.{reason}", lang) for lang in messages.LANGUAGES}
    return {"name": name, "reason": reason, **told}


def _rule(reason: str) -> str:
    return "S.801" if reason in _UNREADABLE else "S.804"


def _finding(package: str, name: str, reason: str) -> Finding:
    shown = "".join(sign if sign.isprintable() else "?" for sign in name[:100])
    params = reason_params(shown or package, reason)
    return Finding(_rule(reason), code="1.4.1", package=package, file=package, value=shown or None, params=params)
