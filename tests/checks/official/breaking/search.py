"""Which change of a clean registry breaks a row with the fewest others firing? Many changes tried, the best of each row proposed.

A row that is proposed here is read by a person before it is pinned: every row that fires with it must be a true consequence.
Changes inside one record are tried many at a time, one record each; changes of the header one file each. What is proposed is run
again alone, because rows of the whole file (totals, name of the file) are seen only there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any, Final

from omsclaims.checks.official import syntax
from omsclaims.checks.official.compiling import Check
from omsclaims.checks.official.expressions import Scope
from omsclaims.checks.official.grammar import ConditionError
from omsclaims.checks.official.resolve import UnknownElementError
from omsclaims.registry.formats import Field
from tests.checks.official.breaking import replay, scenarios
from tests.checks.official.breaking.documents import Document, Edit, Tree, found, places

#: Places that number or name things: taken as they are, or the records of a batch would meet.
_KEPT: Final = frozenset({"ZAP/N_ZAP", "ZAP/PACIENT/ID_PAC", "L:PERS/ID_PAC"})
_DAYS: Final = (-36500, -5600, -4000, -400, -40, -10, -1, 1, 10, 40, 400)

Edits = tuple[Edit, ...]


# ---------------------------------------------------------------- values


@cache
def pool(family: str) -> Mapping[str, tuple[Any, ...]]:
    """Path -> the values and structures that stand there in some clean registry."""
    found_: dict[str, dict[str, Any]] = {}
    for document in scenarios.documents().values():
        tree = document.tree if family == "main" else document.persons
        if tree is not None:
            _gather(tree, "", found_)
    return {path: tuple(values.values()) for path, values in found_.items()}


def _gather(node: Tree, path: str, into: dict[str, dict[str, Any]]) -> None:
    for tag, value in node.items():
        place = f"{path}/{tag}" if path else tag
        for one in value if isinstance(value, list) else [value]:
            into.setdefault(place, {}).setdefault(repr(one), one)
            if isinstance(one, dict):
                _gather(one, place, into)


@cache
def said(kind: str, main: str, person: str | None, region: str) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """(family, path) -> values that rows name for the element, and lengths that they admit as texts `len:n`."""
    known: dict[tuple[str, str], dict[str, None]] = {}
    for check in replay.program(kind, main, person, region)[0].checks:
        row = check.row
        here = known.setdefault((row.family, row.path), {})
        for length in (row.min_length, row.max_length):
            if length is not None:
                here[f"len:{length}"] = None
        for tree in _trees(check):
            scope = Scope(_editions(main, person), row.family, row.path.rpartition("/")[0], check.grain)
            for name, values in _values(tree):
                try:
                    site = scope.site(name)
                except UnknownElementError:
                    continue
                if site.known:
                    known.setdefault((site.family, site.path), {}).update(dict.fromkeys(values))
    return {place: tuple(values) for place, values in known.items()}


def _editions(main: str, person: str | None) -> Any:
    from omsclaims.checks.official.resolve import Editions
    from omsclaims.registry import formats

    return Editions(formats.get(main), formats.get(person) if person else None)


def _trees(check: Check) -> Iterator[object]:
    for part in ("condition_tree", "allowed_tree"):
        try:
            yield getattr(check.row, part)
        except ConditionError:
            continue


def _values(node: object) -> Iterator[tuple[syntax.Name, tuple[str, ...]]]:
    """Names and the values they are held against."""
    if isinstance(node, syntax.Compare) and isinstance(node.right, syntax.Value):
        for name in syntax.names_of(node.left):
            yield name, (node.right.text,)
    elif isinstance(node, syntax.Among):
        ends = tuple(end for one in node.values for end in (one if isinstance(one, tuple) else (one,)))
        for name in syntax.names_of(node.left):
            yield name, ends
    elif isinstance(node, tuple):
        for part in node:
            yield from _values(part)
    elif hasattr(node, "__dataclass_fields__"):
        for name in node.__dataclass_fields__:
            yield from _values(getattr(node, name))


def _tried(document: Document, item: Field, family: str, old: str | None) -> Iterator[str | None]:
    """Values to try for an element: those of rows and their neighbours, those of others, and what has no right shape."""
    if old is not None:
        yield None
        yield ""
    named = said(document.kind, document.main.id, document.person.id if document.person else None, document.region)
    for text in named.get((family, item.path), ()):
        if text.startswith("len:"):
            for length in (int(text[4:]) - 1, int(text[4:]) + 1):
                if length > 0:
                    yield "1" * length
                    yield "A" * length
                    yield "Ж" * length
        else:
            yield text
            if item.form == "N" and text.replace(".", "").isdigit() and "." not in text:
                yield str(int(text) + 1)
                yield str(int(text) - 1)
    for value in pool(family).get(item.path, ()):
        if isinstance(value, str):
            yield value
    yield from _bent(item, old)


def _bent(item: Field, old: str | None) -> Iterator[str]:
    if item.form == "D":
        yield from ("2021-13-01", "14.01.2021")
        try:
            day = date.fromisoformat(old or "2021-01-14")
        except ValueError:
            return
        for step in _DAYS:
            yield (day + timedelta(days=step)).isoformat()
    elif item.form == "N":
        yield from ("0", "-1", "x", "99", "1.5", "1" + "0" * (item.length + 1), "9" * item.length, "0.001", "2600.001")
        if old is not None and old.replace(".", "").isdigit():
            whole, _, rest = old.partition(".")
            for step in (-3, -1, 1, 100):
                if int(whole) + step >= 0:
                    yield f"{int(whole) + step}{'.' + rest if rest else ''}"
    else:
        yield from (
            "#",
            "zz",
            "Ъ9",
            "999999",
            "A99",
            "A99.9",
            "Z99.9",
            "9" * 9,
            "9" * 16,
            "9" * 15,
            "A" * (item.length + 1),
            "A1*",
        )
        if old:
            yield from (old + "9", old[:-1], old[:-1] + "#", old + "#", old.lower())


# ---------------------------------------------------------------- changes of one record


def inside(document: Document, number: int) -> list[Edits]:
    """Changes inside one record (from 1) and its person."""
    made: dict[str, Edits] = {}
    record = "ZAP" if number == 1 else f"ZAP[{number}]"
    for item in document.main.fields:
        if item.path.startswith("ZAP/") and item.path not in _KEPT:
            _changes(document, item, "main", "", f"{record}/", "ZAP/", made)
    if document.person is not None:
        person = "PERS" if number == 1 else f"PERS[{number}]"
        for item in document.person.fields:
            if item.path.startswith("PERS/") and f"L:{item.path}" not in _KEPT:
                _changes(document, item, "person", "L:", f"{person}/", "PERS/", made)
    return list(made.values())


def header(document: Document) -> list[Edits]:
    """Changes of the headers, of the name of the file, and of whole records."""
    made: dict[str, Edits] = {}
    for family, edition, mark in (("main", document.main, ""), ("person", document.person, "L:")):
        for item in () if edition is None else edition.fields:
            if not item.path.startswith(("ZAP/", "PERS/")):
                _changes(document, item, family, mark, item.path.partition("/")[0] + "/", item.path.partition("/")[0] + "/", made)
    for new in _stems(document):
        made[f"@file {new}"] = (Edit("@file", document.file, new),)
    return list(made.values())


def _stems(document: Document) -> Iterator[str]:
    stem = document.file
    for old, new in (
        ("750001", "750002"),
        ("75001", "75008"),
        ("_2101", "_2001"),
        ("_2101", "_2102"),
        ("7545", "7746"),
        ("7545", "7577"),
    ):
        if old in stem:
            yield stem.replace(old, new)


def _changes(document: Document, item: Field, family: str, mark: str, root: str, path_root: str, into: dict[str, Edits]) -> None:
    tree = document.tree_of(family)
    if "/" not in item.path:
        prefixes = [""]
    else:
        prefixes = [f"{place}/" for place in places(tree, item.parent) if f"{place}/".startswith(root)][:2]
    for prefix in prefixes:
        standing = [place for place in places(tree, item.path) if place.startswith(prefix)]
        spots = [mark + place for place in standing][:2]
        following = f"{mark}{prefix}{item.name}" + (f"[{len(standing) + 1}]" if standing else "")
        if item.repeats or not standing:
            spots.append(following)
        for spot in spots:
            old = found(document, spot)
            values: Iterable[Any]
            if item.form == "S":
                values = [*([None] if old is not None else []), *(() if old is not None else pool(family).get(item.path, ())[:6])]
            else:
                values = _tried(document, item, family, old)
            for new in values:
                if new != old:
                    into.setdefault(f"{spot} {new!r}", (Edit(spot, old, new),))
