"""What does a record say that the scanner did not accept? One record through libxml2, rewritten into what it does accept.

The scanner knows tags and plain text. Comments, CDATA, attributes, unknown and repeated elements are taken out here, told as the
strict reader tells them, and kept; what stays is written anew and goes through the scanner, so that rows and values come from
one place only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from omsclaims.registry import measure, plan, source
from omsclaims.registry.limits import Limits
from omsclaims.registry.plan import Block
from omsclaims.registry.result import Structure, Target

#: A record may hold what looks like its end (in a comment, in CDATA, as an element of the same name): so many are tried.
_TRIES: Final = 8
#: The end of a record is looked for in so many bytes at first.
_WINDOW: Final = 1 << 14


@dataclass(slots=True)
class SlowRecords:
    """Reads single records of one file; one for each thread, because a plan and a parser are not shared."""

    target: Target
    opening: bytes  # start tag of the root, as found
    encoding: str
    limits: Limits
    plan: Block = field(init=False)
    parser: etree.XMLParser = field(init=False)
    closed: re.Pattern[bytes] = field(init=False)  # a record that is one empty tag
    markers: int = 0  # comments and processing instructions passed

    def __post_init__(self) -> None:
        name = re.escape(self.target.record.encode())
        self.closed = re.compile(rb"<" + name + rb"(?=[\s/])(?:[^<>\"']|\"[^<\"]*\"|'[^<']*')*/>")
        self.plan = plan.build(self.target.edition).blocks[self.target.record]
        self.parser = etree.XMLParser(
            encoding=self.encoding, resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True,
            remove_pis=True, huge_tree=False, collect_ids=False,
        )  # fmt: skip

    def element(self, data: bytes | bytearray | memoryview) -> tuple[int, etree._Element] | None:
        """The record at the start of `data`: (its length, the element); None if there is none that is whole and well formed.

        Bytes that are well-formed content with exactly one element in front are read by every parser alike, whatever follows.
        """
        # A window that grows: the chunk behind the record is not copied for every one of thousands of records.
        most = min(len(data), self.limits.record_bytes + 1)
        content = bytes(data[: min(_WINDOW, most)])
        closed = self.closed.match(content)
        if closed is not None:
            found = self.fragment(closed[0])
            return None if found is None or len(found) != 1 else (closed.end(), found[0])
        ending = b"</" + self.target.record.encode()
        at = close = 0
        for _ in range(_TRIES):
            while True:
                at = content.find(ending, close)
                close_at = content.find(b">", at) + 1 if at >= 0 else 0
                if close_at > 0:
                    break
                if len(content) == most:
                    return None
                content = bytes(data[: min(4 * len(content), most)])
            close = close_at
            found = self.fragment(content[:close])
            if found is not None and len(found) == 1 and found[0].tag == self.target.record and not (found.text or "").strip():
                return close, found[0]
        return None

    def fragment(self, content: bytes) -> etree._Element | None:
        """`content` inside the root; None where it is not well formed or holds what the whole file is refused for."""
        if source.forbidden(content, self.encoding) or measure.refusal(self.wrapped(content), self.limits) is not None:
            return None
        try:
            found = etree.fromstring(self.wrapped(content), self.parser)
        except etree.XMLSyntaxError:
            return None
        self.markers += content.count(b"<!--") + content.count(b"<?")
        return found

    def wrapped(self, content: bytes) -> bytes:
        """`content` as the only content of a root like the file's."""
        return b"".join((self.opening, content, b"</", self.target.head.root.encode(), b">"))

    def rewritten(self, element: etree._Element, rows: dict[str, int], structure: Structure) -> bytes:
        """The record as the scanner takes it (UTF-8, not judged again); what is wrong with it goes into `structure`.

        `rows`: number of the last row of each table before this record; moved on.
        """
        out: list[str] = []
        self._structure(element, self.plan, 0, rows, structure, out)
        return "".join(out).encode()

    def _structure(
        self, element: etree._Element, block: Block, parent: int, rows: dict[str, int], structure: Structure, out: list[str]
    ) -> None:
        children: list[etree._Element] = element[:]  # type: ignore[index, assignment]
        tags = tuple([child.tag for child in children])
        signature = block.signatures.get(tags) or block.signature(tags)
        row = parent
        if block.own:
            row = rows[block.table] = rows.get(block.table, -1) + 1
        structure.look(element, block, row, signature, children)
        structure.look_closely(element, block, row, signature, children)
        out.append(f"<{element.tag}>")
        for number, below in signature.steps:
            child = children[number]
            if below is not None:
                self._structure(child, below, row, rows, structure, out)
                continue
            text = child.text or ""
            if "&" in text or "<" in text or ">" in text:
                text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            out.append(f"<{tags[number]}>{text}</{tags[number]}>")
        out.append(f"</{element.tag}>")
