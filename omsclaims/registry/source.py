"""Can these bytes be read at all, and as what? Encoding, DOCTYPE, root, version and period, before any parser sees them.

Files are windows-1251 by order 79 (formats.md 1); UTF-8 is read too. What else the declaration names, or bytes that are not
what it says, is refused: a guess would turn names and diagnoses into other ones.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

import polars as pl

from omsclaims import messages
from omsclaims.registry import names

#: The declaration as XML wants it, to the letter: what a parser could read in another way than this must not get to it.
_DECLARATION: Final = re.compile(
    rb"<\?xml\s+version\s*=\s*(?:\"1\.[0-9]{1,2}\"|'1\.[0-9]{1,2}')"
    rb"(?:\s+encoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]*)[\"'])?"
    rb"(?:\s+standalone\s*=\s*[\"'](?:yes|no)[\"'])?\s*\?>"
)
#: Each part is taken whole (atomic groups): a start without a root is seen at once, not tried in every other way.
_PROLOG: Final = re.compile(rb"(?>\s+|<\?.*?\?>|<!--.*?-->)*+<([^\s/>!?]+)([^>]*)>", re.DOTALL)
_BLANK: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*+\Z")
_TAIL_TEXT: Final = re.compile(rb"</[^<>]*+>\s*+[^<\s]")
_ATTRIBUTE: Final = re.compile(rb"<[A-Za-z_][^\s/>]*+\s+[^\s/>]")
#: A reference to an entity other than the five of XML.
_ENTITY: Final = re.compile(rb"&(?=[A-Za-z_:])(?!(?:amp|lt|gt|quot|apos);)[A-Za-z_:][\w.:-]*;")
#: Comments, CDATA, processing instructions; else (slash, name) of a tag of well-formed XML.
_TOKEN: Final = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(/?)([^\s/>!?]+)(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", re.DOTALL
)
#: Declarations of markup, and what asks for other files: style sheets and XInclude.
_MARKUP: Final = re.compile(
    rb"<!(?:[Dd][Oo][Cc][Tt][Yy][Pp][Ee]|[Ee][Nn][Tt][Ii][Tt][Yy]|[Ee][Ll][Ee][Mm][Ee][Nn][Tt]"
    rb"|[Aa][Tt][Tt][Ll][Ii][Ss][Tt]|[Nn][Oo][Tt][Aa][Tt][Ii][Oo][Nn])"
)
#: Each with the sign in it that files hardly hold.
_FOREIGN: Final = ((b"<?xml-stylesheet", b"?"), (b"http://www.w3.org/2001/XInclude", b":"))
_UTF8_BOM: Final = b"\xef\xbb\xbf"
_ENCODINGS: Final = {"windows-1251": "cp1251", "cp1251": "cp1251", "utf-8": "utf-8", "utf8": "utf-8"}
_RUSSIAN: Final = frozenset("Ёё№«»–—…\xa0")
_HEAD_BYTES: Final = 1 << 16
_DECLARATION_BYTES: Final = 400
_XML_START: Final = re.compile(rb"\s*+<\?[Xx][Mm][Ll]\s")
_PIECE: Final = 1 << 20
#: So many are rare; after them the word itself is looked for.
_RARE: Final = 256

#: Why a file is refused: rule, parameters of the text, line.
Refusal = tuple[str, dict[str, object], int]


@dataclass(frozen=True, slots=True)
class Head:
    """What the start of a file says."""

    root: str = ""
    version: str | None = None
    period: str | None = None  # YYYY-MM
    filename: str | None = None
    hint: str = "H"  # the kind that the header elements point to


def inspect(content: bytes) -> tuple[Refusal | None, Head]:
    """The first reason to refuse the bytes (S.805 encoding, S.806 DOCTYPE, S.807 no XML, S.808 empty), and the head."""
    if _BLANK.match(content):
        return ("S.808", {"root": "", "expected": ""}, 1), Head()
    refusal = _encoding_refusal(content) or _markup_refusal(content) or _entity_refusal(content)
    if refusal is not None:
        return refusal, Head()
    head = content[:_HEAD_BYTES].removeprefix(_UTF8_BOM)
    start = _PROLOG.match(head)
    if start is None:
        return ("S.807", {"line": 1, "column": 1, "message": "no root element"}, 1), Head()
    root = start[1].decode("ascii", "replace")
    if b"xmlns=" in start[2]:
        return ("S.808", {"root": f"{root} xmlns", "expected": root}, 1), Head()
    return None, _head(root, head)


def _head(root: str, start: bytes) -> Head:
    """Version, period and name as the header before the first record writes them."""
    end = min((at for at in (start.find(tag) for tag in (b"<ZAP", b"<PERS>", b"<PR>")) if at >= 0), default=len(start))
    head = start[:end]
    year, month = _leaf(head, b"YEAR"), _leaf(head, b"MONTH")
    period = None
    if year and month and year.isdigit() and month.isdigit() and len(year) == 4 and 1 <= int(month) <= 12:
        period = f"{year}-{int(month):02d}"
    hint = "R" if b"<C_OKATO1" in head else "A" if b"<OKATO_OMS" in head else "H"
    hint = {"PERS_LIST": "L", "FLK_P": "FLK_P"}.get(root, hint)
    return Head(root, _leaf(head, b"VERSION"), period, _leaf(head, b"FILENAME"), hint)


def _leaf(head: bytes, tag: bytes) -> str | None:
    found = re.search(rb"<" + tag + rb">\s*+([\x21-\x3b\x3d-\x7e]++)\s*+</" + tag + rb">", head)
    return None if found is None else found[1].decode("ascii")


def kind_of(stem: str, head: Head) -> str:
    """The kind of a file: by its name, else by the name its header gives, else by the header's elements."""
    for candidate in (stem, head.filename or ""):
        main, between = names.parse_name(candidate), names.parse_interterritorial(candidate)
        if main is not None:
            return main.kind
        if between is not None and (between.kind != "Y" or head.root == "FLK_P"):
            return between.kind
        if names.is_person_name(candidate):
            return "L"
    return head.hint


def period_of(stem: str) -> str | None:
    """The reporting month that a lawful name carries (also that of a file of persons); else None."""
    main = names.parse_name(stem)
    if main is not None:
        return main.period
    return names.person_period(stem)


def _encoding_refusal(content: bytes) -> Refusal | None:
    """S.805: an encoding other than windows-1251 and UTF-8, or bytes that are not what the declaration says."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:_HEAD_BYTES]:
        return _encoding("utf-16", "unsupported", content, 0)
    bom = content.startswith(_UTF8_BOM)
    start = content[:_DECLARATION_BYTES].removeprefix(_UTF8_BOM)
    declaration = _DECLARATION.match(start)
    if declaration is None and _XML_START.match(start):
        return "S.807", {"line": 1, "column": 1, "message": "malformed XML declaration"}, 1
    declared = (declaration[1] or b"utf-8").decode("ascii") if declaration else "utf-8"
    encoding = _ENCODINGS.get(declared.lower())
    if encoding is None:
        return _encoding(declared, "unsupported", content, 0)
    if encoding == "utf-8":
        return _undecodable(content, declared)
    if bom:
        return _encoding(declared, "disagrees", content, 0)
    if not content.isascii() and _undecodable(content, declared) is None and _is_russian(content.decode("utf-8")):
        return _encoding(declared, "disagrees", content, 0)  # before 0x98: a capital И of UTF-8 ends with it
    if 0x98 in content:
        return _encoding(declared, "undecodable", content, content.index(0x98))
    return None


def _is_russian(text: str) -> bool:
    """Whether most letters beyond ASCII are those of Russian texts. What windows-1251 makes UTF-8 by chance are other letters."""
    beyond = [letter for letter in text if letter > "\x7f"]
    return 2 * sum("А" <= letter <= "я" or letter in _RUSSIAN for letter in beyond) > len(beyond)


def _undecodable(content: bytes, declared: str) -> Refusal | None:
    """S.805 at the first byte that is not UTF-8. In pieces: a whole text would take up to four times the bytes."""
    at = 0
    while at < len(content):
        piece = content[at : at + _PIECE]
        try:
            at += codecs.utf_8_decode(piece, "strict", at + len(piece) == len(content))[1]
        except UnicodeDecodeError as error:
            return _encoding(declared, "undecodable", content, at + error.start)
    return None


def _encoding(declared: str, problem: str, content: bytes, at: int) -> Refusal:
    line = content.count(b"\n", 0, at) + 1
    told = {lang: messages.text(f"registry.encoding.{problem}", lang) for lang in messages.LANGUAGES}
    return "S.805", {"declared": declared[:40], "problem": problem, "offset": at, "line": line, **told}, line


def _markup_refusal(content: bytes) -> Refusal | None:
    """S.806: any markup declaration anywhere, whatever hides it; and what asks for other files."""
    places = [_find(content, word, sign) for word, sign in _FOREIGN]
    first = content.find(b"!")
    if first > 0 and (found := _MARKUP.search(content, first - 1)):
        places.append(found.start())
    at = min((place for place in places if place >= 0), default=-1)
    if at < 0:
        return None
    line = content.count(b"\n", 0, at) + 1
    return "S.806", {"line": line, "offset": at}, line


def _find(content: bytes, word: bytes, sign: bytes) -> int:
    """Where `word` stands, by way of a rare sign in it: one sign is found ten times faster than a word."""
    before, at = word.index(sign), -1
    for _ in range(_RARE):
        at = content.find(sign, at + 1)
        if at < 0:
            return -1
        if at >= before and content.startswith(word, at - before):
            return at - before
    return content.find(word, max(at - before, 0))


def _entity_refusal(content: bytes) -> Refusal | None:
    """S.807: a reference to any entity beyond the five of XML; nothing can define it, and no parser is asked to."""
    match = _ENTITY.search(content) if b"&" in content and b";" in content else None
    if match is None:
        return None
    at = match.start()
    line, column = content.count(b"\n", 0, at) + 1, at - content.rfind(b"\n", 0, at)
    return "S.807", {"line": line, "column": column, "message": f"undefined entity {match[0][:60].decode('ascii')}"}, line


def encoding_of(content: bytes) -> str:
    """The encoding that a start of a file declares, as Python names it: cp1251 or utf-8. Only for what `inspect` let through."""
    declaration = _DECLARATION.match(content[:_DECLARATION_BYTES].removeprefix(_UTF8_BOM))
    return "utf-8" if declaration is None or not declaration[1] else _ENCODINGS[declaration[1].decode("ascii").lower()]


def forbidden(content: bytes, encoding: str) -> bool:
    """Whether a part of a file holds what the whole is refused for: markup declarations, entities, bytes of no letter."""
    wrong = encoding == "cp1251" and b"\x98" in content
    return wrong or _markup_refusal(content) is not None or _entity_refusal(content) is not None


def needs_care(content: bytes) -> bool:
    """Whether there are attributes or text between elements: then every element is looked at closely."""
    if b"<!" in content or content.count(b"<?") > 1:
        return True  # what stands behind a comment, or in CDATA, follows no tag
    start = _PROLOG.match(content[:_HEAD_BYTES].removeprefix(_UTF8_BOM))
    after_root = start.end() if start else 0
    if content.find(b"=", after_root) >= 0 and _ATTRIBUTE.search(content, after_root):
        return True
    return _TAIL_TEXT.search(content) is not None


def count_elements(content: bytes) -> int:
    """Elements of the bytes: closing tags and empty ones. Text may hold `/>`: then a little too many."""
    return content.count(b"</") + content.count(b"/>")


def places(content: bytes, tag: str, lines: list[int]) -> list[pl.Series]:
    """`_line` and `_offset` of every record of a well-formed file; `lines` says how many there are."""
    pattern = re.compile(rb"<" + tag.encode() + rb"(?=[\s>/])")
    offsets = [match.start() for match in pattern.finditer(content)]
    if len(offsets) != len(lines) or b"<!" in content or content.count(b"<?") > 1:
        offsets = _children(content, tag.encode())
    if len(offsets) != len(lines):  # elements of a namespace bear the same name and are no records
        nowhere = pl.Series("_offset", [None] * len(lines), dtype=pl.Int64)
        return [pl.Series("_line", lines, dtype=pl.Int64), nowhere]
    counted, line, last = [], 1, 0
    for offset in offsets:
        line += content.count(b"\n", last, offset)
        last = offset
        counted.append(line)
    return [pl.Series("_line", counted, dtype=pl.Int64), pl.Series("_offset", offsets, dtype=pl.Int64)]


def _children(content: bytes, tag: bytes) -> list[int]:
    """Where the children of the root with this tag start, tag by tag: comments and CDATA may hold what looks like one."""
    depth, found = 0, []
    for match in _TOKEN.finditer(content):
        name = match[2]
        if name is None:
            continue
        if match[1]:
            depth -= 1
            continue
        if depth == 1 and name == tag:
            found.append(match.start())
        if not match[0].endswith(b"/>"):
            depth += 1
    return found


def first_record(content: bytes, tag: str) -> int:
    """Where the first thing that looks like a record starts: what stands before it belongs to the header; else the end."""
    found = re.search(rb"<" + tag.encode() + rb"(?=[\s>/])", content)
    return len(content) if found is None else found.start()


def line_of(content: bytes, tag: str) -> int | None:
    """The line of the first element with this tag; for elements of the header."""
    match = re.search(rb"<" + re.escape(tag.encode()) + rb"[\s>/]", content)
    return None if match is None else content.count(b"\n", 0, match.start()) + 1
