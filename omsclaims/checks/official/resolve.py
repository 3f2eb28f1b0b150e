"""Which column does a condition mean by a name? Elements of the books bound to the tables of a registry (checks.md 1.4a, 4).

A name is looked for in the section of the element that the row is about, then in its parents up to ZAP, then in PACIENT, SCHET,
ZGLV and in the person; only a name that stands nowhere on this line is looked for among what lies below. What an edition has no
element for is absent there, if some edition has it: USL_OK in a file X. What no edition has is a mistake of the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

from omsclaims.registry import formats
from omsclaims.registry.formats import Family, Format

#: Header sections of a main file, in the order in which names are looked for there.
_HEADERS: Final = ("SCHET", "ZGLV")
#: Tables of one row for the whole file.
_WHOLE: Final = ("file", "person_file")


class UnknownElementError(LookupError):
    """A row names an element that no edition of the exchange files has."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no edition has an element {name}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Site:
    """Where an element lies: its path without root, and the table and column of its values.

    form    T text, N number (units of 10^-scale), D date, S structure
    own     every instance is a row of `table`; else a column of it (or, a structure, some of its columns)
    known   False: this edition has no such element, its values are absent
    """

    family: Family
    path: str
    table: str
    column: str
    form: str
    scale: int = 0
    own: bool = False
    known: bool = True

    @property
    def section(self) -> str:
        """Path of the structure it stands in."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True)
class Editions:
    """The editions of the files of one package: main, and persons where there is such a file."""

    main: Format
    person: Format | None = None

    @cached_property
    def key(self) -> tuple[str, ...]:
        """What tells pairs of editions apart."""
        return tuple(f"{one.id}|{one.overlay or ''}" for one in (self.main, self.person) if one is not None)

    def edition(self, family: Family) -> Format | None:
        """The edition of the main file or of the file of persons."""
        return self.main if family == "main" else self.person

    @cached_property
    def parents(self) -> dict[str, str]:
        """Table -> parent table, over both files."""
        return {**(self.person.parents if self.person else {}), **self.main.parents}

    def site(self, family: Family, path: str) -> Site | None:
        """The element at a path; None where the edition has none."""
        edition = self.edition(family)
        field = None if edition is None else edition.by_path.get(path)
        if field is None or edition is None:
            return None
        scale = edition.scale(field.table, field.column) if field.form == "N" else 0
        return Site(family, path, field.table, field.column, field.form, scale, field.own)

    def find(self, parts: tuple[str, ...], family: Family, section: str) -> Site:
        """The element that a name means in a row about `section` (the path of the structure its element stands in).

        Raises UnknownElementError.
        """
        parts = parts[1:] if parts[0] in ("ZL_LIST", "PERS_LIST") and len(parts) > 1 else parts
        if parts[0] == "PERS" and len(parts) > 1 and self.person is None:
            parts = parts[1:]  # between territories the person stands in PACIENT: PERS.OT of 003F.00.0470 is its OT
        tail = "/".join(parts)
        if family == "person" and parts[0] == "PERS_LIST":
            tail = "/".join(parts[1:])
        for where, path in self._candidates(tail, family, section):
            found = self.site(where, path)
            if found is not None:
                return found
        below = self._below(tail, family, section)
        if below is not None:
            return below
        elsewhere = _anywhere(parts[-1])
        if elsewhere is None:
            raise UnknownElementError(".".join(parts))
        return elsewhere

    def _candidates(self, tail: str, family: Family, section: str) -> Iterator[tuple[Family, str]]:
        """Paths on the line of a section, the nearest first."""
        place = section
        while place:
            yield family, f"{place}/{tail}"
            if place.rpartition("/")[2] == tail.partition("/")[0]:  # `SL.DATE_2` in SL itself
                yield family, f"{place}/{tail.partition('/')[2]}"
            place = place.rpartition("/")[0]
        yield family, tail
        if family == "person":
            yield "person", f"PERS/{tail}"
            yield "person", f"ZGLV/{tail}"
        yield "main", tail
        yield "main", f"ZAP/PACIENT/{tail}"
        for header in _HEADERS:
            yield "main", f"{header}/{tail}"
        yield "person", tail
        yield "person", f"PERS/{tail}"

    def _below(self, tail: str, family: Family, section: str) -> Site | None:
        """The nearest element below the section that ends with the name, or below the nearest parent that has one."""
        for where in dict.fromkeys((family, "main", "person")):
            edition = self.edition(where)
            if edition is None:
                continue
            place = section if where == family else ""
            while True:
                prefix = f"{place}/" if place else ""
                found = [path for path in edition.by_path if path.startswith(prefix) and f"/{path}".endswith(f"/{tail}")]
                if found:
                    return self.site(where, min(found, key=lambda path: (path.count("/"), path)))
                if not place:
                    break
                place = place.rpartition("/")[0]
        return None

    def upward(self, table: str) -> tuple[str, ...]:
        """Tables of which a row of `table` has one row at most, itself first, then the nearest."""
        return _upward(table, tuple(sorted(self.parents.items())), self.person is not None)

    def meeting(self, grain: str, other: str) -> str:
        """The nearest table above `grain` that `other` hangs on, too."""
        above = set(self.upward(other))
        for table in self.upward(grain):
            if table in above:
                return table
        return "file"


@cache
def _upward(table: str, parents: tuple[tuple[str, str], ...], persons: bool) -> tuple[str, ...]:
    above = dict(parents)
    found = [table]
    while found[-1] in above:
        found.append(above[found[-1]])
    line = [one for one in found if one not in _WHOLE]
    if "zap" in line or "patient" in line:
        line += [one for one in ("patient", *(("person",) if persons else ())) if one not in line]
    return (*line, *_WHOLE[: 2 if persons else 1]) if "person" not in found else (*line, "person_file", "file")


@cache
def _anywhere(name: str) -> Site | None:
    """An element that other editions have: absent here, but of a known form."""
    for format_id in formats.format_ids():
        edition = formats.get(format_id)
        for field in edition.fields:
            if field.name == name and field.form != "S":
                scale = edition.scale(field.table, field.column) if field.form == "N" else 0
                return Site(edition.family, field.path, field.table, field.column, field.form, scale, field.own, known=False)
    for format_id in formats.format_ids():
        for field in formats.get(format_id).fields:
            if field.name == name:
                return Site(formats.get(format_id).family, field.path, field.table, "", "S", 0, field.own, known=False)
    return None
