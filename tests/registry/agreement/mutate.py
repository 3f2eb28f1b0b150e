"""What may go wrong with a document on its way? Seeded mutations of bytes, tags, structures, values, whole files."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from omsclaims.registry import formats

from . import generate, markup, nasty
from .generate import Document
from .markup import Element

_TAGS: Final = (
    "ZAP",
    "PACIENT",
    "Z_SL",
    "SL",
    "USL",
    "PERS",
    "PR",
    "ZGLV",
    "SCHET",
    "ZL_LIST",
    "PERS_LIST",
    "SLUCH",
    "N_ZAP",
    "IDCASE",
    "SUMV",
)
_INTERESTING: Final = tuple(
    bytes([value]) for value in b"<>&;\"'/!?-[]= \t\r\n0x#.,+:_AZaz\x00\x01\x7f\x80\x98\xa0\xad\xb8\xc0\xd0\xed\xef\xf0\xfe\xff"
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a mutation may draw from: the random source, the codec of the file, the tags of its edition."""

    pick: random.Random
    codec: str
    names: tuple[bytes, ...]

    def text(self, choices: tuple[str, ...]) -> bytes:
        """One of the texts in the encoding of the file; now and then in the other one."""
        chosen = self.pick.choice(choices)
        codec = self.codec if self.pick.random() < 0.97 else "utf-8" if self.codec == "cp1251" else "cp1251"
        return nasty.encoded(chosen, codec)

    def name(self) -> bytes:
        """A tag: mostly one of the edition, else one that looks like it or like nothing."""
        sort = self.pick.random()
        if sort < 0.6:
            return self.pick.choice(self.names)
        if sort < 0.8:
            return self.pick.choice(_TAGS).encode()
        return self.text(nasty.NAMES)


Change = Callable[[bytes, Context], bytes]


@cache
def names_of(edition_id: str) -> tuple[bytes, ...]:
    """All tags of an edition."""
    edition = formats.get(edition_id)
    return tuple(dict.fromkeys([edition.root.encode(), *(item.name.encode() for item in edition.fields)]))


def _place(data: bytes, context: Context) -> int:
    return context.pick.randrange(len(data) + 1)


def _slice(data: bytes, context: Context, most: int = 40) -> tuple[int, int]:
    start = _place(data, context)
    return start, min(start + context.pick.randint(1, most), len(data))


# --- bytes -------------------------------------------------------------------------------------------------------------


def flip(data: bytes, context: Context) -> bytes:
    """One bit, or one byte by any other."""
    if not data:
        return data
    at = context.pick.randrange(len(data))
    value = data[at] ^ (1 << context.pick.randrange(8)) if context.pick.random() < 0.5 else context.pick.randrange(256)
    return data[:at] + bytes([value]) + data[at + 1 :]


def insert_byte(data: bytes, context: Context) -> bytes:
    """A byte that means something, somewhere."""
    at = _place(data, context)
    return data[:at] + context.pick.choice(_INTERESTING) + data[at:]


def insert_bytes(data: bytes, context: Context) -> bytes:
    """Bytes that are no letters of one encoding or of both, somewhere."""
    at = _place(data, context)
    return data[:at] + context.pick.choice(nasty.BYTES) + data[at:]


def delete_bytes(data: bytes, context: Context) -> bytes:
    """One byte, or some in a row."""
    start, end = _slice(data, context, context.pick.choice((1, 1, 1, 8, 60)))
    return data[:start] + data[end:]


def duplicate_bytes(data: bytes, context: Context) -> bytes:
    """Some bytes twice."""
    start, end = _slice(data, context)
    return data[:end] + data[start:end] + data[end:]


def swap_bytes(data: bytes, context: Context) -> bytes:
    """Two neighbouring bytes, or two neighbouring pieces, change places."""
    size = context.pick.choice((1, 1, 5, 20))
    at = _place(data, context)
    return data[:at] + data[at + size : at + 2 * size] + data[at : at + size] + data[at + 2 * size :]


def copy_bytes(data: bytes, context: Context) -> bytes:
    """A piece appears again elsewhere."""
    start, end = _slice(data, context)
    at = _place(data, context)
    return data[:at] + data[start:end] + data[at:]


# --- tags --------------------------------------------------------------------------------------------------------------


def _element(data: bytes, context: Context, *, leaf: bool | None = None) -> Element | None:
    found = [item for item in markup.elements(data) if leaf is None or item.leaf == leaf]
    return context.pick.choice(found) if found else None


def rename(data: bytes, context: Context) -> bytes:
    """An element gets another name; mostly at both ends."""
    item = _element(data, context)
    if item is None:
        return data
    name, sort = context.name(), context.pick.random()
    if sort < 0.15:
        name = context.pick.choice(
            (item.name.lower(), item.name + b"1", item.name[:-1] or b"A", item.name + item.name, item.name.title())
        )
    opened, closed = data[item.start : item.inner], data[item.inner_end : item.end]
    if sort < 0.9:
        opened = opened.replace(item.name, name, 1)
    if sort > 0.25 or sort < 0.15:
        closed = closed.replace(item.name, name, 1)
    return data[: item.start] + opened + data[item.inner : item.inner_end] + closed + data[item.end :]


def tag_gone(data: bytes, context: Context) -> bytes:
    """An opening or a closing tag is missing."""
    item = _element(data, context)
    if item is None:
        return data
    start, end = (item.start, item.inner) if context.pick.random() < 0.5 else (item.inner_end, item.end)
    return data[:start] + data[end:]


def tag_twice(data: bytes, context: Context) -> bytes:
    """A tag stands twice, or somewhere else again."""
    spans = markup.tokens(data)
    if not spans:
        return data
    start, end = context.pick.choice(spans)
    at = end if context.pick.random() < 0.5 else context.pick.choice(spans)[1]
    return data[:at] + data[start:end] + data[at:]


def tags_swapped(data: bytes, context: Context) -> bytes:
    """Two tags that follow each other change places."""
    spans = markup.tokens(data)
    if len(spans) < 2:
        return data
    at = context.pick.randrange(len(spans) - 1)
    (first, first_end), (second, second_end) = spans[at], spans[at + 1]
    return data[:first] + data[second:second_end] + data[first_end:second] + data[first:first_end] + data[second_end:]


def tag_spelled(data: bytes, context: Context) -> bytes:
    """The same tag in another spelling: blanks, an empty element, an attribute, an end that is none."""
    item = _element(data, context)
    if item is None:
        return data
    name, content = item.name, data[item.inner : item.inner_end]
    sort = context.pick.random()
    if sort < 0.45:
        opened = b"<" + name + context.text(nasty.ATTRIBUTES) + b">"
        made = opened + content + b"</" + name + b">"
    elif sort < 0.6:
        made = context.pick.choice(
            (b"<%s/>", b"<%s />", b"<%s\n/>", b"<%s></%s>", b"<%s></%s >", b"<%s/ >", b"<%s / >", b"</%s>", b"<%s")
        ).replace(b"%s", name)
    else:
        made = (
            b"<"
            + context.pick.choice((b"", b"", b"", b" ", b"\n", b"/"))
            + name
            + context.pick.choice((b" ", b"\n", b"\t", b"\r\n", b"", b"\x00", b"/"))
            + b">"
        )
        made += (
            content
            + b"<"
            + context.pick.choice((b"/", b"/", b"/", b" /", b"/ ", b"//"))
            + name
            + context.pick.choice((b"", b" ", b"\n", b" a='1'", b"/"))
            + b">"
        )
    return data[: item.start] + made + data[item.end :]


# --- structures --------------------------------------------------------------------------------------------------------


def delete(data: bytes, context: Context) -> bytes:
    """An element is gone."""
    item = _element(data, context)
    return data if item is None else data[: item.start] + data[item.end :]


def duplicate(data: bytes, context: Context) -> bytes:
    """An element stands twice; now and then many times."""
    item = _element(data, context, leaf=context.pick.choice((None, True, False)))
    if item is None:
        return data
    times = context.pick.choice((1, 1, 1, 2, 30))
    return data[: item.end] + data[item.start : item.end] * times + data[item.end :]


def move(data: bytes, context: Context) -> bytes:
    """An element goes where another one starts or ends, or stands there as well."""
    found = markup.elements(data)
    if not found:
        return data
    item, target = context.pick.choice(found), context.pick.choice(found)
    at = context.pick.choice((target.start, target.inner, target.inner_end, target.end))
    moved = data[item.start : item.end]
    if item.start < at < item.end or context.pick.random() < 0.3:
        return data[:at] + moved + data[at:]
    if at <= item.start:
        return data[:at] + moved + data[at : item.start] + data[item.end :]
    return data[: item.start] + data[item.end : at] + moved + data[at:]


def swap(data: bytes, context: Context) -> bytes:
    """Two elements change places."""
    found = markup.elements(data)
    if len(found) < 2:
        return data
    first, second = sorted(context.pick.sample(found, 2), key=lambda item: item.start)
    if second.start < first.end:
        return data
    return (
        data[: first.start]
        + data[second.start : second.end]
        + data[first.end : second.start]
        + data[first.start : first.end]
        + data[second.end :]
    )


def wrap(data: bytes, context: Context) -> bytes:
    """An element, or its content, stands inside another element."""
    item = _element(data, context)
    if item is None:
        return data
    name = context.name()
    start, end = (item.start, item.end) if context.pick.random() < 0.6 else (item.inner, item.inner_end)
    return data[:start] + b"<" + name + b">" + data[start:end] + b"</" + name + b">" + data[end:]


def unwrap(data: bytes, context: Context) -> bytes:
    """The content of an element stands there without it."""
    item = _element(data, context)
    return data if item is None else data[: item.start] + data[item.inner : item.inner_end] + data[item.end :]


def insert(data: bytes, context: Context) -> bytes:
    """Something new between two tags: an element of the edition or not, text, a comment, anything of the slow path."""
    spans = markup.tokens(data)
    at = context.pick.choice(spans)[context.pick.randrange(2)] if spans else 0
    sort, name = context.pick.random(), context.name()
    if sort < 0.35:
        value = context.text(context.pick.choice((nasty.NUMBERS, nasty.DATES, nasty.TEXTS)))
        new = b"<" + name + b">" + value + b"</" + name + b">"
    elif sort < 0.45:
        new = b"<" + name + context.pick.choice((b"/>", b" />", b"><A>1</A></" + name + b">", b"></" + name + b">"))
    elif sort < 0.7:
        new = context.text(nasty.MARKUP)
    else:
        new = context.text(nasty.TEXTS)
    return data[:at] + new + data[at:]


# --- values ------------------------------------------------------------------------------------------------------------


def value(data: bytes, context: Context) -> bytes:
    """A leaf gets another content."""
    item = _element(data, context, leaf=True)
    if item is None or item.end == item.inner_end:
        return data
    sort = context.pick.random()
    if sort < 0.85:
        content = context.text(context.pick.choice((nasty.NUMBERS, nasty.DATES, nasty.TEXTS)))
    else:
        content = context.text(nasty.MARKUP)
    return data[: item.inner] + content + data[item.inner_end :]


def value_edge(data: bytes, context: Context) -> bytes:
    """Something before, behind or amid the content of a leaf."""
    item = _element(data, context, leaf=True)
    if item is None or item.end == item.inner_end:
        return data
    at = context.pick.choice((item.inner, item.inner_end, context.pick.randint(item.inner, item.inner_end)))
    return data[:at] + context.text(context.pick.choice((nasty.TEXTS, nasty.TEXTS, nasty.MARKUP))) + data[at:]


def value_digits(data: bytes, context: Context) -> bytes:
    """A digit, a sign or a point more, less or other in a leaf."""
    item = _element(data, context, leaf=True)
    if item is None or item.end == item.inner_end:
        return data
    at = context.pick.randint(item.inner, item.inner_end)
    gone = context.pick.choice((0, 0, 1)) if at < item.inner_end else 0
    return data[:at] + context.pick.choice((b"0", b"9", b"1", b"00", b".", b"-", b"", b" ", b",")) + data[at + gone :]


def value_referred(data: bytes, context: Context) -> bytes:
    """A letter of a leaf is written as a reference, or the whole content as CDATA: the same value in another spelling."""
    item = _element(data, context, leaf=True)
    if item is None or item.inner_end <= item.inner or b"&" in data[item.inner : item.inner_end]:
        return data
    if context.pick.random() < 0.2:
        return data[: item.inner] + b"<![CDATA[" + data[item.inner : item.inner_end] + b"]]>" + data[item.inner_end :]
    try:
        text = data[item.inner : item.inner_end].decode(context.codec)
    except UnicodeDecodeError:
        return data
    at = context.pick.randrange(len(text))
    reference = context.pick.choice(("&#{};", "&#x{:x};", "&#x{:X};", "&#0{};")).format(ord(text[at]))
    return data[: item.inner] + nasty.encoded(text[:at] + reference + text[at + 1 :], context.codec) + data[item.inner_end :]


def value_long(data: bytes, context: Context) -> bytes:
    """The content of a leaf many times over."""
    item = _element(data, context, leaf=True)
    if item is None or item.inner_end <= item.inner:
        return data
    return (
        data[: item.inner_end] + data[item.inner : item.inner_end] * context.pick.choice((1, 3, 10, 50)) + data[item.inner_end :]
    )


#: Changes of a record with their weights.
_CHANGES: Final[tuple[tuple[Change, int], ...]] = (
    (flip, 6),
    (insert_byte, 6),
    (insert_bytes, 4),
    (delete_bytes, 4),
    (duplicate_bytes, 3),
    (swap_bytes, 4),
    (copy_bytes, 2),
    (rename, 8),
    (tag_gone, 3),
    (tag_twice, 3),
    (tags_swapped, 3),
    (tag_spelled, 8),
    (delete, 6),
    (duplicate, 6),
    (move, 8),
    (swap, 6),
    (wrap, 5),
    (unwrap, 4),
    (insert, 10),
    (value, 16),
    (value_edge, 8),
    (value_digits, 8),
    (value_referred, 6),
    (value_long, 3),
)
_RECORD_CHANGES: Final = tuple(change for change, weight in _CHANGES for _ in range(weight))


def record(data: bytes, context: Context) -> bytes:
    """One record (or any other piece of XML) with one to three changes."""
    for _ in range(context.pick.choice((1, 1, 1, 2, 3))):
        data = context.pick.choice(_RECORD_CHANGES)(data, context)
    return data


# --- whole files -------------------------------------------------------------------------------------------------------


def _declaration(made: Document, context: Context) -> bytes:
    """Another declaration over the same bytes, or over bytes of another encoding."""
    end = made.head.index(b"?>") + 2
    rest = made.data[end:]
    sort = context.pick.random()
    if sort < 0.4:
        codec = context.pick.choice(
            ("utf-8", "cp1251", "koi8-r", "iso8859-5", "cp866", "utf-16", "utf-16-le", "utf-32", "latin-1")
        )
        rest = _recoded(rest, made.codec, codec)
    declaration = nasty.encoded(context.pick.choice(nasty.DECLARATIONS), "latin-1") if sort > 0.2 else made.head[:end]
    return declaration + rest


def _recoded(data: bytes, codec: str, other: str) -> bytes:
    return data.decode(codec, "replace").encode(other, "xmlcharrefreplace")


def _recoded_part(made: Document, context: Context) -> bytes:
    """A part of the file in the other encoding, as when files are joined."""
    other = "utf-8" if made.codec == "cp1251" else "cp1251"
    at = context.pick.randrange(len(made.records) + 1)
    parts = [_recoded(item, made.codec, other) if number >= at else item for number, item in enumerate(made.records)]
    return made.head + b"".join(parts) + made.tail


def _marked(made: Document, context: Context) -> bytes:
    """A byte order mark before the file, or where none belongs."""
    mark = context.pick.choice(
        (
            b"\xef\xbb\xbf",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"\xfe\xff",
            b"\xef\xbb",
            b"\x00\x00\xfe\xff",
            b"\xef\xbb\xbf\xef\xbb\xbf",
        )
    )
    data = made.data
    at = 0 if context.pick.random() < 0.8 else _place(data, context)
    return data[:at] + mark + data[at:]


def _root(made: Document, context: Context) -> bytes:
    """The root: another name, attributes, twice, none, nested in itself, empty."""
    data = made.data
    found = markup.elements(data)
    if not found:
        return data
    root = found[0]
    name, body = root.name, data[root.inner : root.inner_end]
    before, closed = data[: root.start], b"</" + root.name + b">"
    other = context.pick.choice((context.name(), b"ZL_LIST", b"PERS_LIST", b"FLK_P", name.lower(), name + b"S"))
    spelled = b"<" + name + context.text(nasty.ATTRIBUTES) + b">"
    return context.pick.choice(
        (
            before + b"<" + other + b">" + body + b"</" + other + b">",
            before + b"<" + other + b">" + body + closed,
            before + spelled + body + closed,
            before + body,
            before,
            before + b"<" + name + b"/>",
            before + b"<" + name + b">" + closed,
            data + data[root.start :],
            data + data,
            data + b"<" + name + b"/>",
            before + b"<" + name + b">" + data[root.start :] + closed,
            before + b"<" + name + b">" + body,
            before + body + closed,
            before + b"<" + name + b">" + body + b"</" + name + b" >\n",
            before + b"<A>" + data[root.start :] + b"</A>",
        )
    )


def _ends(made: Document, context: Context) -> bytes:
    """Something before the root or behind it."""
    data = made.data
    at = (
        data.index(b"<", 1)
        if context.pick.random() < 0.2
        else len(data)
        if context.pick.random() < 0.7
        else made.head.index(b"?>") + 2
    )
    new = context.pick.choice(
        (
            b"\n",
            b"   ",
            b"text",
            b"\x00",
            b"\x1a",
            b"<!-- a -->",
            b"<!-- </ZAP> -->",
            b"<!-- <ZAP> -->",
            b"<?a b?>",
            b"<a/>",
            b"<ZAP></ZAP>",
            b"&amp;",
            b"&#32;",
            b"<![CDATA[ ]]>",
            b"</ZL_LIST>",
            b"<",
            b">",
            b"<!DOCTYPE a>",
            b"<?xml version='1.0'?>",
            b"\xa0",
            b"\xef\xbb\xbf",
            b"<!--",
            b"<!-- a",
            b"\x98",
            b"\xc0",
            b"\r",
            b"<!",
            b"<?",
            b"</",
        )
    )
    return data[:at] + new + data[at:]


def _order(made: Document, context: Context) -> bytes:
    """Header and records in another order, header twice, records within records, nothing of one of them."""
    end = made.head.index(b"?>") + 2
    opened = next((item for item in markup.elements(made.data)), None)
    if opened is None:
        return made.data
    declaration, header = made.head[: opened.inner], made.head[opened.inner :]
    records = b"".join(made.records)
    tail = made.tail
    return context.pick.choice(
        (
            declaration + records + header + tail,
            declaration + header + records + header + tail,
            declaration + header + header + records + tail,
            declaration + records + tail,
            declaration + header + tail,
            declaration + tail,
            made.head[:end] + header + records,
            declaration + header + made.records[0] + header + records + tail,
            declaration + records + header + records + tail,
            declaration + header + b"<A>" + records + b"</A>" + tail,
            declaration + header + b"<ZAP>" + records + b"</ZAP>" + tail,
            declaration + header + b"<!--" + made.records[0] + b"-->" + records + tail,
            declaration + header + b"<![CDATA[" + made.records[0] + b"]]>" + records + tail,
            declaration + b"<!-- <ZAP> -->" + header + records + tail,
            declaration + header + records * 3 + tail,
            declaration + header + b"text" + records + tail,
            declaration + header + records + b"text" + tail,
        )
    )


def _newlines(made: Document, context: Context) -> bytes:
    """Other ends of lines, everywhere."""
    data = made.data.replace(b"\r\n", b"\n")
    if b"\n" not in data:
        data = data.replace(b"><", b">\n<")
    return data.replace(b"\n", context.pick.choice((b"\r\n", b"\r", b"\n\r", b"\n\n", b" ", b"\x85")))


def _cut(made: Document, context: Context) -> bytes:
    """The file breaks off, or starts in the middle."""
    data = made.data
    at = _place(data, context)
    return data[:at] if context.pick.random() < 0.8 else data[at:]


def _long_header(made: Document, context: Context) -> bytes:
    """The first record stands far into the file."""
    filler = context.pick.choice(
        ((b"<!--" + b"x" * 30_000 + b"-->") * 3, b"\n" * 70_000, b"<!-- <ZAP> -->" * 6_000, (b"<?a " + b"y" * 30_000 + b"?>") * 3)
    )
    at = context.pick.choice((made.head.index(b"?>") + 2, len(made.head)))
    return made.head[:at] + filler + made.head[at:] + b"".join(made.records) + made.tail


def _header(made: Document, context: Context) -> bytes:
    """The header changed as a record is."""
    end = made.head.index(b"?>") + 2
    return made.head[:end] + record(made.head[end:], context) + b"".join(made.records) + made.tail


def _anywhere(made: Document, context: Context) -> bytes:
    """The whole file changed as a record is."""
    return record(made.data, context)


_FILE_CHANGES: Final[tuple[Callable[[Document, Context], bytes], ...]] = (
    *[_header] * 5,
    *[_anywhere] * 6,
    *[_declaration] * 3,
    _recoded_part,
    _marked,
    *[_root] * 3,
    *[_ends] * 3,
    *[_order] * 3,
    _newlines,
    *[_cut] * 2,
    _long_header,
)


def document(made: Document, context: Context) -> bytes:
    """The whole file with one change of the kinds that only a file has; now and then another one on top."""
    data = context.pick.choice(_FILE_CHANGES)(made, context)
    return record(data, context) if context.pick.random() < 0.1 else data


def context(edition_id: str, codec: str, *seed: object) -> Context:
    """What mutations of documents of an edition draw from."""
    return Context(generate.seeded("mutate", edition_id, codec, *seed), codec, names_of(edition_id))
