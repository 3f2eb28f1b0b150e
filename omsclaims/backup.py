"""How is a workspace copied away and brought back? A folder or .tar with a manifest; restored only whole (law.md 10.8).

    manifest.json     path, SHA-256 and size of every file of the copy; the head of the chain at that moment
    workspace/...     the files: the database, what its rows name, the papers of closed months, the secret key

A backup is made under the lock of the one writer, of a workspace in order. A backup is not trusted when it is read: names that
lead out of the folder, links, files too many or too few and other contents are refused before a workspace stands there.
The secret key is in it: whoever has the backup can tell persons by their keys, and has their registers.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from omsclaims.workspace import (
    DATABASE,
    HEAD,
    PARTS,
    PUBLISHED,
    Workspace,
    WorkspaceError,
    canonical_json,
    sha256_bytes,
    sha256_file,
)

MANIFEST: Final = "manifest.json"
INSIDE: Final = "workspace"
VERSION: Final = 1
#: Files beside the parts of a workspace that a copy has.
_TOP: Final = (DATABASE, PUBLISHED, HEAD, "secret.key")
#: The largest manifest that is read.
_MOST_MANIFEST: Final = 256 << 20
_PIECE: Final = 1 << 20


@dataclass(frozen=True)
class Made:
    """What was copied or brought back."""

    files: int
    bytes: int
    head: dict[str, Any]


# ---- making ------------------------------------------------------------------------------------------------------------------


def backup(folder: Path, target: Path) -> Made:
    """Copies a workspace into a new folder, or a new file where the name ends in `.tar`; both are private to their owner.

    Raises WorkspaceError `workspace.none`, `workspace.busy`, `backup.exists` where the target is there and not empty,
    `backup.inside` where it lies in the workspace.
    """
    folder, target = folder.resolve(), target.resolve()  # `.` has no name to put another one beside
    if folder == target or folder in target.parents:
        raise WorkspaceError("backup.inside", target=target, folder=folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir()) or _is_tar(target)):
        raise WorkspaceError("backup.exists", target=target)
    with Workspace.proving(folder) as ws:
        head = ws.head()
        names = _files_of(folder)
        fresh = target.with_name(f".{target.name}.new")
        _remove(fresh)
        listed: dict[str, dict[str, object]] = {}
        (_write_tar if _is_tar(target) else _write_folder)(folder, names, fresh, listed, head)
        _into_place(fresh, target)
    return Made(len(listed), sum(int(str(one["bytes"])) for one in listed.values()), head)


def _into_place(fresh: Path, target: Path) -> None:
    """A copy that is whole under its name; the folder that the user stands in stays the same one and gets what is in the copy."""
    if target == Path.cwd():
        for name in (INSIDE, MANIFEST):  # without its manifest it is no backup
            (fresh / name).replace(target / name)
        fresh.rmdir()
        target.chmod(0o700)
        return
    if target.exists():
        target.rmdir()
    fresh.replace(target)


def _is_tar(target: Path) -> bool:
    return target.suffix.lower() == ".tar"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _files_of(folder: Path) -> list[str]:
    """The files of a workspace, relative to it, sorted; links are none of its files."""
    found = [name for name in _TOP if (folder / name).is_file()]
    for part in PARTS:
        for path in (folder / part).rglob("*"):
            if path.is_file() and not path.is_symlink():
                found.append(path.relative_to(folder).as_posix())
    return sorted(found)


def _listing(listed: dict[str, dict[str, object]], head: dict[str, Any]) -> bytes:
    return canonical_json({"version": VERSION, "files": listed, "head": head}).encode()


def _write_folder(
    folder: Path, names: list[str], target: Path, listed: dict[str, dict[str, object]], head: dict[str, Any]
) -> None:
    for name in names:
        place = target / INSIDE / name
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with (folder / name).open("rb") as source, os.fdopen(handle, "wb") as copy:
            shutil.copyfileobj(source, copy, _PIECE)
            copy.flush()
            os.fsync(copy.fileno())
        listed[name] = {"sha256": sha256_file(place), "bytes": place.stat().st_size}
    target.chmod(0o700)
    (target / MANIFEST).write_bytes(_listing(listed, head))
    (target / MANIFEST).chmod(0o600)


def _write_tar(folder: Path, names: list[str], target: Path, listed: dict[str, dict[str, object]], head: dict[str, Any]) -> None:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in names:
                listed[name] = {"sha256": sha256_file(folder / name), "bytes": (folder / name).stat().st_size}
            data = _listing(listed, head)
            archive.addfile(_entry(MANIFEST, len(data)), io.BytesIO(data))
            for name in names:
                with (folder / name).open("rb") as source:
                    archive.addfile(_entry(f"{INSIDE}/{name}", (folder / name).stat().st_size), source)
        stream.flush()
        os.fsync(stream.fileno())


def _entry(name: str, size: int) -> tarfile.TarInfo:
    """A file of the archive without the names and times of this machine."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


# ---- bringing back -----------------------------------------------------------------------------------------------------------


def restore(source: Path, folder: Path) -> Made:
    """Brings a backup back into a new or empty folder: all of it, as its manifest says, or nothing.

    Raises WorkspaceError `workspace.not_empty`, `backup.none` (no backup there), `backup.damaged` with what is wrong in it.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkspaceError("workspace.not_empty", folder=folder)
    fresh = folder.with_name(f".{folder.name}.restoring")
    _remove(fresh)
    fresh.mkdir(parents=True, mode=0o700)
    try:
        with _opened(source) as backed:
            told, stated = backed.manifest()
            backed.copy(told, fresh)
        for part in PARTS:
            (fresh / part).mkdir(mode=0o700, exist_ok=True)
        if folder.exists():
            for entry in fresh.iterdir():  # the folder itself may be the one that the user stands in
                entry.replace(folder / entry.name)
            fresh.rmdir()
            folder.chmod(0o700)
        else:
            fresh.replace(folder)
    except BaseException:
        _remove(fresh)
        raise
    return Made(len(told), sum(size for _, size in told.values()), stated)


def _damaged(what: str, name: str = "") -> WorkspaceError:
    """A backup that cannot be brought back: the key of what is wrong, and where."""
    return WorkspaceError(f"backup.{what}", name=name[:200])


class _Backup(ABC):
    """A backup that is being read: the files that lie there, under the names of the manifest."""

    @abstractmethod
    def names(self) -> list[str]:
        """All that lies there, beside the manifest."""

    @abstractmethod
    def stream(self, name: str) -> IO[bytes]:
        """A file of it."""

    def manifest(self) -> tuple[dict[str, tuple[str, int]], dict[str, Any]]:
        """Path -> digest and size, and the head, as the manifest states them; names are looked at before anything is written."""
        with self.stream(MANIFEST) as stream:
            data = stream.read(_MOST_MANIFEST + 1)
        try:
            said: Any = json.loads(data) if len(data) <= _MOST_MANIFEST else None
            files = {str(name): (str(one["sha256"]), int(one["bytes"])) for name, one in said["files"].items()}
            head = dict(said["head"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _damaged("damaged_manifest") from error
        for name in files:
            if not _is_safe(name):
                raise _damaged("damaged_name", name)
        found = set(self.names())
        for name in sorted({f"{INSIDE}/{one}" for one in files} ^ found):
            raise _damaged("damaged_missing" if name not in found else "damaged_unknown", name)
        if not set(_TOP) - {HEAD} <= set(files):
            raise _damaged("damaged_missing", ", ".join(sorted(set(_TOP) - set(files))))
        return files, head

    def copy(self, files: dict[str, tuple[str, int]], target: Path) -> None:
        """Writes the files, each held against its digest and size."""
        for name, (digest, size) in sorted(files.items()):
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with self.stream(f"{INSIDE}/{name}") as source, os.fdopen(handle, "wb") as copy:
                shutil.copyfileobj(source, copy, _PIECE)
                copy.flush()
                os.fsync(copy.fileno())
            if (place.stat().st_size, sha256_file(place)) != (size, digest):
                raise _damaged("damaged_file", name)


def _is_safe(name: str) -> bool:
    """Whether a name of a manifest stays in the workspace and in the parts that a workspace has."""
    path = PurePosixPath(name)
    plain = str(path) == name and not path.is_absolute() and "\\" not in name and "\0" not in name and ".." not in path.parts
    return plain and (name in _TOP or (len(path.parts) > 1 and path.parts[0] in PARTS))


class _Folder(_Backup):
    """A backup that is a folder."""

    def __init__(self, source: Path) -> None:
        self.source = source

    def names(self) -> list[str]:
        found = []
        for path in sorted(self.source.rglob("*")):
            name = path.relative_to(self.source).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise _damaged("damaged_name", name)
            if path.is_file() and name != MANIFEST:
                found.append(name)
        return found

    def stream(self, name: str) -> IO[bytes]:
        return (self.source / name).open("rb")


class _Tar(_Backup):
    """A backup that is an archive. Nothing of it is unpacked but the files of the manifest, one by one."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self.entries: dict[str, tarfile.TarInfo] = {}
        self.archive = archive
        for entry in archive:
            if not entry.isreg() or entry.name in self.entries:
                raise _damaged("damaged_name", entry.name)
            self.entries[entry.name] = entry

    def names(self) -> list[str]:
        return [name for name in self.entries if name != MANIFEST]

    def stream(self, name: str) -> IO[bytes]:
        found = self.archive.extractfile(self.entries[name]) if name in self.entries else None
        if found is None:
            raise _damaged("damaged_missing", name)
        return found


@contextmanager
def _opened(source: Path) -> Iterator[_Backup]:
    if source.is_dir() and (source / MANIFEST).is_file():
        yield _Folder(source)
    elif source.is_file():
        try:
            with tarfile.open(source, mode="r:") as archive:
                yield _Tar(archive)
        except tarfile.TarError as error:
            raise WorkspaceError("backup.none", source=source) from error
    else:
        raise WorkspaceError("backup.none", source=source)


def fingerprint(source: Path) -> str:
    """Digest of the manifest of a backup: noted elsewhere, it tells this backup from any other."""
    with _opened(source) as backed, backed.stream(MANIFEST) as stream:
        return sha256_bytes(stream.read(_MOST_MANIFEST))
