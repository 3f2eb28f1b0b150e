"""How does a file look in the order and spelling of its edition? Reading, writing and the list of what that changed (order 79).

A file that a schema refuses for decimals, empty structures or the order of elements is brought into form here; nothing else in it
is changed, and whatever changed is told element by element.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import polars as pl

from omsclaims import findings
from omsclaims.registry import compare, names, positions, writer
from omsclaims.registry.archive import Member, open_archive
from omsclaims.registry.formats import Format
from omsclaims.registry.limits import Limits
from omsclaims.registry.reader import PackageRead, read_package

_PACKAGES: Final = frozenset({".zip", ".oms"})


@dataclass(frozen=True)
class Rewritten:
    """What came of it. `findings`: of reading, and S.830 of writing; `changes`: file, kind, path, record, before, after."""

    read: PackageRead
    findings: pl.DataFrame
    changes: pl.DataFrame

    @property
    def same(self) -> bool:
        """Whether the new file says what the old one said: only spellings changed."""
        return set(self.changes["kind"].to_list()) <= compare.SPELLINGS


def rewrite(source: Path, target: Path, limits: Limits | None = None) -> Rewritten | None:
    """Writes the package or bare XML `source` anew as `target` (.zip, .oms, or .xml for a main file); None if it is unreadable.

    Values of personal elements are masked in `changes`.
    """
    read = read_package(source, limits=limits)
    if read.format is None:
        return None
    if target.suffix.lower() in _PACKAGES:
        writer.write_package(target, read.tables, read.format, read.tables, read.person_format, name=read.name)
    else:
        with target.open("wb") as stream:
            writer.write_xml_to(stream, read.tables, read.format)
    wrong = writer.unwritable(read.tables, read.format, read.name)
    if read.person_format is not None:
        wrong = findings.concat([wrong, writer.unwritable(read.tables, read.person_format, read.name)])
    return Rewritten(read, findings.concat([read.findings, wrong]), _changes(source, target, read, limits))


def _changes(source: Path, target: Path, read: PackageRead, limits: Limits | None) -> pl.DataFrame:
    """Changes of the main file and, where both have one, of the file of persons."""
    old, new = _members(source, limits), _members(target, limits)
    found = []
    for role, edition in (("main", read.format), ("person", read.person_format)):
        if edition is not None and role in old and role in new:
            made = compare.frame(compare.changes(old[role].data, new[role].data, edition))
            file = PurePosixPath(old[role].name).stem
            found.append(_masked(made, edition).select(pl.lit(file).alias("file"), pl.all()))
    return pl.concat(found)


def _members(path: Path, limits: Limits | None) -> dict[str, Member]:
    """The files of a package by what they are: main or person."""
    if path.suffix.lower() not in _PACKAGES:
        return {"main": Member.of_path(path)}
    roles: dict[str, Member] = {}
    for member in open_archive(path, limits).members:
        role = "person" if names.is_person_name(PurePosixPath(member.name).stem) else "main"
        roles.setdefault(role, member)
    return roles


def _masked(changes: pl.DataFrame, edition: Format) -> pl.DataFrame:
    """Values as a finding may show them; of a structure its tag alone."""

    def shown(path: str, text: str | None) -> str | None:
        if text is not None and text.startswith("<"):
            return f"<{path.rpartition('/')[2]}>…"
        return positions.shown(path, text, known=path in edition.by_path)

    return changes.with_columns(
        pl.Series(name, [shown(path, text) for path, text in changes.select("path", name).rows()], dtype=pl.String)
        for name in ("before", "after")
    )
