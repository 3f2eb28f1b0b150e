"""Where do the elements of a document stand? Byte ranges of tags and elements, for documents that may be broken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_TOKEN: Final = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(/?)([^\s<>/!?]*)[^<>]*?(/?)>", re.DOTALL)


@dataclass(slots=True)
class Element:
    """One element as byte ranges: [start, inner) the opening tag, [inner, inner_end) the content, up to `end` the closing tag."""

    name: bytes
    start: int
    inner: int
    inner_end: int
    end: int
    depth: int
    leaf: bool


def elements(data: bytes) -> list[Element]:
    """The elements that have both ends, in the order of their opening tags; what has no other end is passed over."""
    found: list[Element] = []
    open_ones: list[Element] = []
    for match in _TOKEN.finditer(data):
        closing, name, empty = match[1], match[2], match[3]
        if not name:
            continue
        start, end = match.span()
        if closing:
            at = next((number for number in range(len(open_ones) - 1, -1, -1) if open_ones[number].name == name), None)
            if at is not None:
                last = open_ones[at]
                last.inner_end, last.end = start, end
                del open_ones[at:]
            continue
        if open_ones:
            open_ones[-1].leaf = False
        element = Element(name, start, end, end, end if empty else -1, len(open_ones), True)
        found.append(element)
        if not empty:
            open_ones.append(element)
    return [element for element in found if element.end >= 0]


def tokens(data: bytes) -> list[tuple[int, int]]:
    """Byte ranges of all tags, comments, CDATA sections and processing instructions."""
    return [match.span() for match in _TOKEN.finditer(data)]


def cuts(data: bytes, depth: int) -> list[bytes]:
    """The document as consecutive pieces, cut at the ends of every element that is not deeper than `depth`."""
    places = {0, len(data)}
    for element in elements(data):
        if element.depth <= depth:
            places |= {element.start, element.end}
    ordered = sorted(places)
    return [data[start:end] for start, end in pairwise(ordered)]
