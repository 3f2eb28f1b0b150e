"""How do two editions differ? Element by element: added, removed, changed, moved (order 79 of FFOMS as amended)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from omsclaims.registry.formats.model import Field, Format

Aspect = Literal[
    "added", "removed", "moved", "type", "length", "decimals", "obligation", "repeats", "values", "min_length", "book"
]

#: Aspects of an element that stands in both editions, beside its type: how it is told, in the words of the tables.
_ASPECTS: Final[tuple[tuple[Aspect, Callable[[Field], str]], ...]] = (
    ("obligation", lambda field: field.must),
    ("repeats", lambda field: "many" if field.repeats else "one"),
    ("values", lambda field: ";".join(field.values)),
    ("min_length", lambda field: str(field.min_length)),
    ("book", lambda field: field.book),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: an element's path, what of it differs, and how either edition has it (empty: not at all)."""

    path: str
    aspect: Aspect
    old: str
    new: str


def changes(old: Format, new: Format) -> tuple[Change, ...]:
    """All differences, in the order of the elements of `new`, what was removed at the place it had.

    type and length are told as the type is written; of a moved element, the sibling it stands behind (empty: first).
    """
    found = [Change(field.path, "removed", described(field), "") for field in old.fields if field.path not in new.by_path]
    for field in new.fields:
        before = old.by_path.get(field.path)
        if before is None:
            found.append(Change(field.path, "added", "", described(field)))
        else:
            found.extend(_changed(before, field))
    found.extend(_moved(old, new))
    place = {path: number for number, path in enumerate(_merged(old, new))}
    return tuple(sorted(found, key=lambda change: place[change.path]))


def described(field: Field) -> str:
    """An element in short: type, obligation, `*` where it repeats."""
    return f"{field.type_text} {field.must}{'*' if field.repeats else ''}"


def _changed(before: Field, after: Field) -> Iterator[Change]:
    if before.form != after.form:
        yield Change(after.path, "type", before.type_text, after.type_text)
    else:
        if before.length != after.length:
            yield Change(after.path, "length", before.type_text, after.type_text)
        if before.decimals != after.decimals:
            yield Change(after.path, "decimals", str(before.decimals), str(after.decimals))
    for aspect, told in _ASPECTS:
        if told(before) != told(after):
            yield Change(after.path, aspect, told(before), told(after))


def _moved(old: Format, new: Format) -> Iterator[Change]:
    """Elements of both editions that stand elsewhere among those of both: as few as can be."""
    for parent in new.children:
        before = [field.path for field in old.children.get(parent, ()) if field.path in new.by_path]
        after = [field.path for field in new.children[parent] if field.path in old.by_path]
        if before != after:
            number = {path: at for at, path in enumerate(before)}
            kept = {after[at] for at in _longest_rising([number[path] for path in after])}
            for at, path in enumerate(after):
                if path not in kept:
                    behind = before[number[path] - 1] if number[path] else ""
                    yield Change(path, "moved", behind, after[at - 1] if at else "")


def _longest_rising(numbers: Sequence[int]) -> list[int]:
    """Places of a longest rising selection of different numbers."""
    ends: list[int] = []
    places: list[int] = []
    came_from: list[int] = []
    for at, number in enumerate(numbers):
        length = bisect_left(ends, number)
        came_from.append(places[length - 1] if length else -1)
        ends[length:] = [number, *ends[length + 1 :]]
        places[length:] = [at, *places[length + 1 :]]
    found = []
    at = places[-1] if places else -1
    while at >= 0:
        found.append(at)
        at = came_from[at]
    return found[::-1]


def _merged(old: Format, new: Format) -> list[str]:
    """Paths of both editions: those of `new` in order, each removed one behind the path before it in `old`."""
    order = [field.path for field in new.fields]
    known = set(order)
    last = ""
    for field in old.fields:
        if field.path not in known:
            order.insert(order.index(last) + 1 if last else 0, field.path)
            known.add(field.path)
        last = field.path
    return order
