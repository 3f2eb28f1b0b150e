"""What is inside a package, and is it safe to open? ZIP packages of one main file and one file of persons (formats.md 2.1, 2.2).

Nothing is unpacked to disk. Sizes are counted while the bytes stream out, never believed from the directory of the archive.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from omsclaims import messages
from omsclaims.findings import Finding

_CHUNK: Final = 1 << 20
_UTF8_NAME: Final = 0x800
_ENCRYPTED: Final = 0x1
_NESTED: Final = frozenset({".zip", ".oms", ".7z", ".rar", ".gz", ".tar", ".arj", ".bz2", ".xz"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold before it is refused as dangerous."""

    entries: int = 16
    entry_bytes: int = 2 << 30
    total_bytes: int = 3 << 30
    ratio: int = 250  # uncompressed : compressed; registries reach 20-60
    ratio_from_bytes: int = 10 << 20  # small files may be packed denser


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Archive:
    """What came out: the members that are safe, and findings S.801 and S.804."""

    members: tuple[Member, ...]
    findings: tuple[Finding, ...]


class _TooBigError(Exception):
    """A member grew over a limit while it streamed."""


def open_archive(source: Path | bytes, limits: Limits | None = None, package: str = "") -> Archive:
    """All members of a ZIP in the order of its directory, read under `limits`.

    Findings: S.801 not a ZIP, broken or empty; S.804 an entry that is refused (params.reason says why).
    Never raises for bad data.
    """
    bounds = limits or Limits()
    data = source if isinstance(source, bytes) else source.read_bytes()
    if not data:
        return Archive((), (_finding("S.801", package, "", "empty"),))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            return _members(opened, bounds, package)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError, zlib.error):
        return Archive((), (_finding("S.801", package, "", "broken"),))


def _members(opened: zipfile.ZipFile, bounds: Limits, package: str) -> Archive:
    """Entries one by one; the first that breaks a limit of the whole archive ends the reading."""
    entries = [entry for entry in opened.infolist() if not entry.is_dir()]
    if not entries:
        return Archive((), (_finding("S.801", package, "", "no_files"),))
    if len(entries) > bounds.entries:
        return Archive((), (_finding("S.804", package, str(len(entries)), "too_many"),))
    members: list[Member] = []
    findings: list[Finding] = []
    seen: set[str] = set()
    left = bounds.total_bytes
    for entry in entries:
        name = _name_of(entry)
        reason = _danger(entry, name, seen)
        seen.add(name.lower())
        if reason is None:
            try:
                content = _read(opened, entry, min(bounds.entry_bytes, left), bounds)
            except _TooBigError:
                findings.append(_finding("S.804", package, name, "too_big"))
                break
            except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, zlib.error):
                findings.append(_finding("S.801", package, name, "broken"))
                continue
            left -= len(content)
            members.append(Member(name, content))
        else:
            findings.append(_finding("S.804", package, name, reason))
    return Archive(tuple(members), tuple(findings))


def _danger(entry: zipfile.ZipInfo, name: str, seen: set[str]) -> str | None:
    """Why an entry is refused unread; None when it may be read."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name:
        return "path"
    if len(path.parts) > 1:
        return "folder"
    if entry.flag_bits & _ENCRYPTED:
        return "encrypted"
    if path.suffix.lower() in _NESTED:
        return "nested"
    return "twice" if name.lower() in seen else None


def _read(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, bounds: Limits) -> bytes:
    """The bytes of one entry; _TooBigError as soon as a limit is passed."""
    parts: list[bytes] = []
    size = 0
    with opened.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            dense = size > bounds.ratio_from_bytes and size > bounds.ratio * max(entry.compress_size, 1)
            if size > most or dense:
                raise _TooBigError
            parts.append(chunk)
    return b"".join(parts)


def _name_of(entry: zipfile.ZipInfo) -> str:
    """The name as its writer meant it: UTF-8 when flagged, else cp866, the code page of Russian archivers."""
    if entry.flag_bits & _UTF8_NAME:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("cp866")
    except UnicodeError:
        return entry.filename


def reason_params(name: str, reason: str) -> dict[str, object]:
    """Parameters of S.801 and S.804: the entry and the reason, as code and in both languages."""
    told = {lang: messages.text(f"registry.reason.{reason}", lang) for lang in messages.LANGUAGES}
    return {"name": name, "reason": reason, **told}


def _finding(rule: str, package: str, name: str, reason: str) -> Finding:
    params = reason_params(name or package, reason)
    return Finding(rule, code="1.4.1", package=package, file=package, value=name or None, params=params)
