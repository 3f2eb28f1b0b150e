"""What did writing a file again change? Two XML files element by element: path, order, value (order 79; formats.md 1).

Reading and writing keeps every element, its order and its value, but for spellings that mean the same: decimals and leading zeros
of numbers (144782 -> 144782.00, 04 -> 4), structures without content, elements that stood out of order, and what no edition has a
place for (attributes, text between elements). All of them are listed here, one `Change` each.
"""

from __future__ import annotations

import io
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Final, Literal

import polars as pl
from lxml import etree

from omsclaims.registry.formats import Format

Kind = Literal["number", "empty", "moved", "stray", "value", "missing", "added"]

#: Changes that leave every value what it was: a file whose changes are all of these kinds says the same.
SPELLINGS: Final = frozenset({"number", "empty", "moved"})
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_RECORD: Final = {"main": "ZAP", "person": "PERS", "protocol": "PR"}
_SCHEMA: Final[dict[str, pl.DataType]] = {
    "kind": pl.String(), "path": pl.String(), "record": pl.Int64(), "before": pl.String(), "after": pl.String(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two files.

    kind    number: the same number, spelled differently; empty: an element without content is gone; moved: it stands elsewhere
            among its siblings; stray: an attribute or text between elements is gone; value, missing, added: the files differ
    path    of the element, without root; `record` the ordinal of its record from 1, 0 for the header
    before, after   the texts, None where there is no element
    """

    kind: Kind
    path: str
    record: int
    before: str | None
    after: str | None


def changes(before: bytes | Path, after: bytes | Path, edition: Format) -> Iterator[Change]:
    """All changes between two files of `edition`, records in file order and the header last. Memory is that of one record.

    Raises lxml.etree.XMLSyntaxError where a file is no XML, as reading it would refuse it with a finding.
    """
    heads: tuple[list[etree._Element], list[etree._Element]] = ([], [])
    tag = _RECORD[edition.family]
    for number, (old, new) in enumerate(zip_longest(_records(before, tag, heads[0]), _records(after, tag, heads[1])), 1):
        yield from _paired(old, new, tag, number, edition)
    header = list(_children(_marked_once(heads[0], tag), _marked_once(heads[1], tag), "", 0, edition))
    yield from header
    split = [sum(element.tag == tag for element in head) for head in heads]
    if split[0] != split[1] and not any(change.kind == "moved" for change in header):
        yield Change("moved", tag, 0, None, None)


def _marked_once(elements: list[etree._Element], tag: str) -> list[etree._Element]:
    """Children of the root with one mark for all records: something between records moves out of them."""
    first = next((number for number, element in enumerate(elements) if element.tag == tag), None)
    return [element for number, element in enumerate(elements) if element.tag != tag or number == first]


def frame(found: Iterable[Change]) -> pl.DataFrame:
    """Changes as a frame: kind, path, record, before, after."""
    rows = [(change.kind, change.path, change.record, change.before, change.after) for change in found]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def counted(found: pl.DataFrame) -> pl.DataFrame:
    """Changes by kind and path: `count`, and the first of each as an example (`record`, `before`, `after`)."""
    return (
        found.group_by("kind", "path", maintain_order=True)
        .agg(pl.len().alias("count"), pl.first("record"), pl.first("before"), pl.first("after"))
        .sort("kind", "path")
    )


def _records(source: bytes | Path, tag: str, others: list[etree._Element]) -> Iterator[etree._Element]:
    """The records of a file one by one; children of the root that are none go to `others`, a mark stands where records stood."""
    depth = 0
    stream = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    with stream:
        events = etree.iterparse(
            stream, events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True,
            remove_pis=True, huge_tree=False,
        )  # fmt: skip
        for event, element in events:
            depth += 1 if event == "start" else -1
            if event == "start" or depth != 1:
                continue
            if element.tag != tag:
                others.append(element)
                continue
            yield element
            if not others or others[-1].tag != tag:
                others.append(etree.Element(tag))
            parent = element.getparent()
            element.clear()
            if parent is not None:
                parent.remove(element)


def _paired(
    old: etree._Element | None, new: etree._Element | None, path: str, record: int, edition: Format
) -> Iterator[Change]:  # fmt: skip
    """Two elements of the same tag, of which one may be missing."""
    if old is None or new is None:
        if old is not None and not _has_content(old):
            yield Change("empty", path, record, _text(old), None)
        else:
            yield Change("missing" if new is None else "added", path, record, _whole(old), _whole(new))
        return
    if _same(old, new):
        return
    for name, value in old.attrib.items():
        if new.get(name) != value:
            yield Change("stray", f"{path}/@{name!s}", record, str(value), None)
    if len(old) or len(new):
        for stray in (old.text, *(child.tail for child in old)):
            if stray is not None and stray.strip() and stray.strip() != (new.text or "").strip():
                yield Change("stray", f"{path}/#text", record, stray.strip(), None)
        yield from _children(list(old), list(new), path, record, edition)
    elif _text(old) != _text(new):
        item = edition.by_path.get(path)
        number = _number(_text(old)) if item is not None and item.form == "N" else None
        same = number is not None and number == _number(_text(new))
        yield Change("number" if same else "value", path, record, _text(old), _text(new))


def _children(
    old: Sequence[etree._Element], new: Sequence[etree._Element], path: str, record: int, edition: Format
) -> Iterator[Change]:  # fmt: skip
    """The children of two elements: the n-th of a tag belongs to the n-th of that tag."""
    places: dict[tuple[str, int], int] = {key: at for at, key in enumerate(_keys(new))}
    order: list[tuple[int, str]] = []
    for key, element in zip(_keys(old), old, strict=True):
        at = places.pop(key, None)
        below = f"{path}/{key[0]}" if path else key[0]
        if at is not None:
            order.append((at, below))
        yield from _paired(element, None if at is None else new[at], below, record, edition)
    for below in _moved(order):
        yield Change("moved", below, record, None, None)
    for key, at in places.items():
        yield from _paired(None, new[at], f"{path}/{key[0]}" if path else key[0], record, edition)


def _keys(elements: Sequence[etree._Element]) -> list[tuple[str, int]]:
    """Tag and ordinal among those of the same tag."""
    seen: dict[str, int] = {}
    keys = []
    for element in elements:
        tag = str(element.tag)
        seen[tag] = seen.get(tag, 0) + 1
        keys.append((tag, seen[tag]))
    return keys


def _moved(order: Sequence[tuple[int, str]]) -> list[str]:
    """Paths of the elements that left the longest run of elements in the old order."""
    ends: list[int] = []  # least last place of a run of each length
    runs: list[int] = []  # length of the longest run that ends with each element
    for at, _ in order:
        length = bisect_left(ends, at)
        ends[length : length + 1] = [at]
        runs.append(length)
    wanted, moved = len(ends) - 1, []
    for (_, path), run in zip(reversed(order), reversed(runs), strict=True):
        if run == wanted:
            wanted -= 1
        else:
            moved.append(path)
    return moved[::-1]


def _same(old: etree._Element, new: etree._Element) -> bool:
    """Whether two elements are equal to the letter (blanks between elements do not count)."""
    return _flat(old) == _flat(new)


def _flat(element: etree._Element) -> list[tuple[str, str, str, tuple[tuple[str, str], ...]]]:
    """Tag, text, text behind and attributes of an element and all below, in order."""
    return [
        (
            str(item.tag), (item.text or "").strip() if len(item) else _text(item),
            "" if item is element else (item.tail or "").strip(), tuple((str(k), str(v)) for k, v in item.attrib.items()),
        )
        for item in element.iter()
    ]  # fmt: skip


def _has_content(element: etree._Element) -> bool:
    """Whether an element holds any text or attribute, itself or below."""
    return any((item.text or "").strip() or item.attrib for item in element.iter())


def _text(element: etree._Element) -> str:
    return element.text or ""


def _whole(element: etree._Element | None) -> str | None:
    """The text of a leaf, the XML of a structure."""
    if element is None:
        return None
    return etree.tostring(element, encoding="unicode", with_tail=False) if len(element) else _text(element)


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None
