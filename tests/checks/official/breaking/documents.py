"""How does a made-up registry become a file? A tree of texts -> XML of an edition -> the archive as it would be sent.

The tree is written as it is: a value may be anything, also what no edition admits, because these documents are made to be broken.
Elements stand in the order of the edition; what the edition does not have stands behind them.
"""

from __future__ import annotations

import copy
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final
from xml.sax.saxutils import escape

from omsclaims.registry import formats, names
from omsclaims.registry.formats import Format

#: An element: its text, what stands in it, or all of its instances.
Tree = dict[str, Any]
_STEP: Final = re.compile(r"(?P<tag>\w+)(?:\[(?P<number>\d+)\])?")
_STAMP: Final = (2021, 2, 2, 12, 0, 0)


@dataclass(frozen=True)
class Document:
    """A registry before it is a file.

    kind        letter of the kind; main, person: editions
    file        name of the package, without ending
    tree        main file below its root; persons: file of persons below its root, None where the kind has none
    region      fund whose own rows hold for it, 00: none
    today       day of processing, ISO
    """

    name: str
    kind: str
    main: Format
    person: Format | None
    file: str
    tree: Tree
    persons: Tree | None
    region: str = "00"
    today: str = "2021-02-28"

    def tree_of(self, family: str) -> Tree:
        """The main file or the file of persons."""
        if family == "main":
            return self.tree
        assert self.persons is not None, self.name
        return self.persons


@dataclass(frozen=True)
class Edit:
    """One change of a document. `place`: `ZAP/Z_SL/SL[2]/DS1`, of the file of persons `L:PERS/W`, or `@file`, `@today`.

    old, new  text or tree of the element; None: it is not there
    """

    place: str
    old: Any
    new: Any

    @property
    def family(self) -> str:
        """The file that is changed."""
        return "person" if self.place.startswith("L:") else "main"


def edited(document: Document, edits: tuple[Edit, ...]) -> Document:
    """The document with the changes. Raises ValueError where it does not read as `old`."""
    made = document
    for edit in edits:
        if edit.place.startswith("@"):
            made = replace(made, **{edit.place[1:]: edit.new})
            continue
        if found(made, edit.place) != edit.old:
            raise ValueError(f"{document.name} has {found(made, edit.place)!r} at {edit.place}, not {edit.old!r}")
        changed = _with(made.tree_of(edit.family), _steps(edit.place), copy.deepcopy(edit.new))
        made = replace(made, tree=changed) if edit.family == "main" else replace(made, persons=changed)
    return made


def found(document: Document, place: str) -> Any:
    """What stands at a place; None: nothing."""
    node: Any = document.tree_of("person" if place.startswith("L:") else "main")
    for tag, number in _steps(place):
        if not isinstance(node, dict) or tag not in node:
            return None
        node = node[tag]
        if isinstance(node, list):
            if number >= len(node):
                return None
            node = node[number]
        elif number:
            return None
    return node


def _steps(place: str) -> list[tuple[str, int]]:
    steps = []
    for step in place.removeprefix("L:").split("/"):
        match = _STEP.fullmatch(step)
        assert match is not None, place
        steps.append((match["tag"], int(match["number"] or 1) - 1))
    return steps


def _with(node: Tree, steps: list[tuple[str, int]], new: Any) -> Tree:
    """The tree with one element put in, changed or taken away; what is not on the way to it is shared."""
    (tag, number), *further = steps
    here = node.get(tag)
    many = list(here) if isinstance(here, list) else [] if here is None else [here]
    if further:
        many[number] = _with(many[number], further, new)
    elif new is None:
        del many[number]
    elif number < len(many):
        many[number] = new
    else:
        many.append(new)
    if many:
        return {**node, tag: many if len(many) > 1 else many[0]}
    return {other: value for other, value in node.items() if other != tag}


def places(tree: Tree, path: str, prefix: str = "") -> Iterator[str]:
    """Places of all elements of a path (`ZAP/Z_SL/SL/DS2`): first, second ... of each that repeats."""
    tag, _, rest = path.partition("/")
    here = tree.get(tag)
    if here is None:
        return
    for number, node in enumerate(here if isinstance(here, list) else [here], 1):
        place = f"{prefix}{tag}" + (f"[{number}]" if number > 1 else "")
        if not rest:
            yield place
        elif isinstance(node, dict):
            yield from places(node, rest, f"{place}/")


# ---------------------------------------------------------------- to bytes


def rendered(tree: Tree, edition: Format) -> bytes:
    """The XML of a file in the edition's encoding."""
    lines = [f'<?xml version="1.0" encoding="{edition.encoding}"?>', f"<{edition.root}>"]
    _render(tree, "", edition, lines)
    lines.append(f"</{edition.root}>")
    return "\n".join(lines).encode(edition.encoding, errors="xmlcharrefreplace")


@cache
def _order(edition: str, path: str) -> dict[str, int]:
    """Places of the elements of a structure in an edition."""
    return {item.name: place for place, item in enumerate(formats.get(edition).children.get(path, ()))}


def _render(node: Tree, path: str, edition: Format, lines: list[str]) -> None:
    known = _order(edition.id, path)
    for tag in sorted(node, key=lambda one: known.get(one, len(known))):
        for one in node[tag] if isinstance(node[tag], list) else [node[tag]]:
            if isinstance(one, dict):
                lines.append(f"<{tag}>")
                _render(one, f"{path}/{tag}" if path else tag, edition, lines)
                lines.append(f"</{tag}>")
            else:
                lines.append(f"<{tag}>{escape(one)}</{tag}>")


def archive(document: Document) -> tuple[bytes, str]:
    """The archive of a document and its name."""
    buffer = io.BytesIO()
    parsed = names.parse_name(document.file)
    members = {f"{document.file}.xml": rendered(document.tree, document.main)}
    if document.persons is not None and document.person is not None:
        stem = parsed.person_stem if parsed is not None else f"L{document.file[1:]}"
        members[f"{stem}.xml"] = rendered(document.persons, document.person)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for name, content in members.items():
            target.writestr(zipfile.ZipInfo(name, _STAMP), content)
    return buffer.getvalue(), f"{document.file}.{'oms' if document.persons is None else 'zip'}"
