"""How does an element become a row? The reading plan of one edition, keyed on (parent structure, tags of its children).

A structure of a file repeats the same list of child tags again and again; all that can be said about such a list - where each
column is, what is unknown, missing, repeated or out of order - is worked out once and kept (`Signature`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from omsclaims.registry.columns import Parser, parser
from omsclaims.registry.formats import Field, Format

#: Lists of child tags kept per structure; more different ones than this only cost time.
_KEPT_SIGNATURES: Final = 5_000

#: And none that is longer: what was made to be large must not stay.
_KEPT_TAGS: Final = 500
#: Plans kept for the next file, per edition.
_KEPT_PLANS: Final = 4

Texts = list[str | None]


@dataclass(slots=True)
class Problem:
    """Something wrong with a list of child tags: the rule, the element's path and which child it is (None: it is missing)."""

    rule: str
    path: str
    child: int | None


@dataclass(slots=True)
class Signature:
    """What one list of child tags means for its structure."""

    values: Callable[[Texts], tuple[str | None, ...]]
    absent: int  # columns without an element: more nulls than this are empty elements
    leaves: tuple[tuple[int, int], ...]  # (child, column) of the leaves, to find the empty ones
    lists: tuple[tuple[int, Leaf], ...]  # repeated leaves
    blocks: tuple[tuple[int, Block], ...]  # structures
    extras: tuple[tuple[int, str], ...]  # children to keep as they are, with the known tag they follow
    problems: tuple[Problem, ...]
    steps: tuple[tuple[int, Block | None], ...] = ()  # children that have a place, in order; a structure with its block


@dataclass(slots=True)
class Leaf:
    """A repeated leaf: a table of one value column."""

    item: Field
    parsers: tuple[Parser, ...]
    rows: Texts = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    done: int = 0  # rows already flushed


@dataclass(slots=True)
class Block:
    """A structure of the edition: columns, children, and the rows collected since the last flush."""

    path: str
    table: str
    twin: str  # second table of one row per instance, or empty
    own: bool  # has a table of its own, else flattened into the table of its parent
    fields: tuple[Field, ...]  # children in file order
    columns: tuple[Field, ...]  # leaves that do not repeat
    parsers: tuple[Parser, ...]  # of the columns
    order: dict[str, int]  # tag -> place among the fields
    column_of: dict[str, int]  # tag -> place among the columns
    mandatory: tuple[Field, ...]
    lists: dict[str, Leaf]
    blocks: dict[str, Block]
    signatures: dict[tuple[str, ...], Signature] = field(default_factory=dict)
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)  # own: row of the parent table; flattened: row of the owner
    done: int = 0

    def signature(self, tags: tuple[str, ...]) -> Signature:
        """The meaning of a list of child tags, worked out on first sight."""
        found = _signature(self, tags)
        if len(self.signatures) < _KEPT_SIGNATURES and len(tags) <= _KEPT_TAGS:
            self.signatures[tags] = found
        return found


def build(edition: Format) -> Block:
    """The plan of an edition: the block of its root, with all others below, without rows. `give_back` it after use."""
    free = _FREE.get((edition.id, edition.overlay))
    while free:
        known, root = free.pop()
        if known is edition:
            return root
    return _block(edition, None)


def give_back(edition: Format, root: Block) -> None:
    """Keeps a plan for the next file of the edition, with all that it has learned about lists of tags."""
    _clear(root)
    free = _FREE.setdefault((edition.id, edition.overlay), [])
    if len(free) < _KEPT_PLANS:
        free.append((edition, root))


def _clear(block: Block) -> None:
    """Forgets the rows of a plan."""
    block.rows.clear()
    block.parents.clear()
    block.done = 0
    for leaf in block.lists.values():
        leaf.rows.clear()
        leaf.parents.clear()
        leaf.done = 0
    for below in block.blocks.values():
        _clear(below)


_FREE: dict[tuple[str, str | None], list[tuple[Format, Block]]] = {}


def _block(edition: Format, structure: Field | None) -> Block:
    """The block of a structure; None: of the root."""
    path = "" if structure is None else structure.path
    fields = edition.children.get(path, ())
    blocks = {item.name: _block(edition, item) for item in fields if item.form == "S"}
    leaves = [item for item in fields if item.form != "S"]
    columns = tuple(item for item in leaves if not item.own)
    return Block(
        path=path, table=edition.header_table if structure is None else structure.table,
        twin="" if structure is None else structure.twin, own=structure is None or structure.own,
        fields=fields, columns=columns, parsers=parsers_of(edition, columns),
        order={item.name: number for number, item in enumerate(fields)},
        column_of={item.name: number for number, item in enumerate(columns)},
        mandatory=tuple(item for item in fields if item.must == "O"),
        lists={item.name: Leaf(item, parsers_of(edition, (item,))) for item in leaves if item.own}, blocks=blocks,
    )  # fmt: skip


_PARSERS: dict[tuple[Field, int], Parser] = {}


def parsers_of(edition: Format, items: tuple[Field, ...]) -> tuple[Parser, ...]:
    """Parsers of fields of an edition, made once."""
    found = []
    for item in items:
        scale = edition.scale(item.table, item.column) if item.form == "N" else 0
        if (item, scale) not in _PARSERS:
            _PARSERS[item, scale] = parser(item, scale)
        found.append(_PARSERS[item, scale])
    return tuple(found)


def _signature(block: Block, tags: tuple[str, ...]) -> Signature:
    """Each child tag against the fields of the structure, in order."""
    at = [-1] * len(block.columns)
    prefix = f"{block.path}/" if block.path else ""
    leaves: list[tuple[int, int]] = []
    lists: list[tuple[int, Leaf]] = []
    blocks: list[tuple[int, Block]] = []
    extras: list[tuple[int, str]] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    highest, last = -1, ""
    misplaced = False
    for child, tag in enumerate(tags):
        number = block.order.get(tag)
        if number is None:
            problems.append(Problem("S.901", prefix + str(tag), child))
            extras.append((child, last))
            continue
        item = block.fields[number]
        if number < highest and not misplaced:
            misplaced = True
            problems.append(Problem("S.905", item.path, child))
        highest = max(highest, number)
        again = tag in seen and not item.repeats
        if again:
            problems.append(Problem("S.906", item.path, child))
        if item.form == "S" and not (again and not block.blocks[tag].own):
            blocks.append((child, block.blocks[tag]))
        elif again:
            extras.append((child, tag))
        elif item.own:
            lists.append((child, block.lists[tag]))
        else:
            at[block.column_of[tag]] = child
            leaves.append((child, block.column_of[tag]))
        seen.add(tag)
        last = tag
    problems += [Problem("S.902", item.path, None) for item in block.mandatory if item.name not in seen]
    return Signature(
        values=_getter(at), absent=at.count(-1), leaves=tuple(leaves), lists=tuple(lists), blocks=tuple(blocks),
        extras=tuple(extras), problems=tuple(problems),
        steps=tuple(sorted([*blocks, *((child, None) for child, _ in (*leaves, *lists))], key=_first)),
    )  # fmt: skip


def _first(step: tuple[int, Block | None]) -> int:
    return step[0]


def _getter(at: list[int]) -> Callable[[Texts], tuple[str | None, ...]]:
    """Texts of the children (and a null at the end) -> values of the columns; -1 takes the null."""
    if not at:
        return lambda texts: ()
    if len(at) == 1:
        only = at[0]
        return lambda texts: (texts[only],)
    getter: Callable[[Texts], tuple[str | None, ...]] = itemgetter(*at)
    return getter
