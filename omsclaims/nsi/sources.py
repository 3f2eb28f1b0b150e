"""What stands in a published file, before anybody asks what it means? Bytes -> records (formats.md 13.1).

Read are packages of the form `packet/zglv/zap`, the forms of F001-F003 (a record with nested sections) and of the ministry
(`book/entries/entry`), in windows-1251 or UTF-8, plain or as the only one in a ZIP, and CSV. Limits hold for what is packed and
what is unpacked; a DOCTYPE or an entity is refused before any parser sees it; nothing outside the file is ever read.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lxml import etree

from omsclaims import messages
from omsclaims.findings import Finding
from omsclaims.nsi.layouts import BEGIN, END

#: More than any published book: bytes of the file, bytes unpacked, entries of an archive, how densely it may be packed (from so
#: many unpacked bytes on), columns of a book.
MAX_PACKED: Final = 256 << 20
MAX_BYTES: Final = 512 << 20
MAX_ENTRIES: Final = 1000
MAX_RATIO: Final = 200
RATIO_FROM: Final = 16 << 20
MAX_COLUMNS: Final = 400

#: Elements that are records in the forms that we know; others are found by being the ones that repeat.
RECORDS: Final = frozenset({"zap", "inscompany", "medcompany", "entry"})
_HEAD: Final = frozenset({"type", "version", "date"})
_PERSONAL: Final = re.compile(r"(?:fam|im|ot)(?:_\w+)?|snils|phone\w*|tel|fax|e_?mail")
_SIGNS: Final = (b"<!DOCTYPE", b"<!ENTITY")


class UnreadableError(Exception):
    """The file is not a book at all; `reason` is a key of nsi.reason.*, and N.001 says it."""

    def __init__(self, reason: str, **params: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.params = params

    def finding(self, file_name: str) -> Finding:
        """The error as a finding about the file, worded in both languages."""
        return unreadable(file_name, self.reason, **self.params)


def unreadable(file_name: str, reason: str, **params: object) -> Finding:
    """N.001: a file that is no book."""
    told = {lang: messages.text(f"nsi.reason.{reason}", lang, **params) for lang in messages.LANGUAGES}
    return Finding("N.001", file=file_name, params={"reason": reason, **told})


@dataclass(frozen=True)
class Records:
    """Records of a published file as found: lower-case column -> text without outer white space; the header; all columns.

    numbers  ordinal of the record of each row in the file, from 1 (one record may give several rows)
    lines    line of each row in the file, 0 where there is none
    broken   rows that could not be split into cells: ordinal, line, cells found
    """

    type: str | None
    version: str | None
    issued: str | None
    rows: list[dict[str, str]]
    lines: list[int]
    columns: frozenset[str]
    numbers: list[int] = field(default_factory=list)
    broken: list[tuple[int, int, int]] = field(default_factory=list)


def read_records(source: Path | bytes, file_name: str = "") -> Records:
    """Records of a published file (XML, ZIP with one XML, CSV) as they stand, for books that are no list of codes (Q018).

    Raises UnreadableError; an entity or a DOCTYPE is refused before any parser sees it.
    """
    inner, content = unpacked(file_name, bytes_of(source))
    read = records_of(inner, content)
    if read.broken:
        raise UnreadableError("cells", line=read.broken[0][1])
    return read


def bytes_of(source: Path | bytes) -> bytes:
    """The bytes of a file. Raises UnreadableError for one that is empty or too large to be a book."""
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if not size:
        raise UnreadableError("empty")
    if size > MAX_PACKED:
        raise UnreadableError("size", limit=MAX_PACKED >> 20)
    return source if isinstance(source, bytes) else source.read_bytes()


def records_of(inner: str, content: bytes) -> Records:
    """Records of an unpacked file: CSV by its name, else XML. Raises UnreadableError."""
    return read_csv(content) if Path(inner).suffix.lower() == ".csv" else read_xml(content)


# ---------------------------------------------------------------- archives


def safe_members(archive: zipfile.ZipFile, packed: int) -> list[zipfile.ZipInfo]:
    """Files of an archive, after a look at what it promises. `zipfile` reads no byte more of an entry than it promises.

    Raises UnreadableError for too many entries, too much, too densely packed, or encrypted.
    """
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MAX_ENTRIES:
        raise UnreadableError("entries", count=len(entries), limit=MAX_ENTRIES)
    total = sum(entry.file_size for entry in entries)
    if total > MAX_BYTES:
        raise UnreadableError("size", limit=MAX_BYTES >> 20)
    densest = max((entry.file_size / max(entry.compress_size, 1) for entry in entries if entry.file_size > RATIO_FROM), default=0)
    if densest > MAX_RATIO or (total > RATIO_FROM and total > MAX_RATIO * packed):
        raise UnreadableError("ratio", limit=MAX_RATIO)
    if any(entry.flag_bits & 1 for entry in entries):
        raise UnreadableError("encrypted")
    return entries


def unpacked(name: str, data: bytes) -> tuple[str, bytes]:
    """The one XML or CSV inside a ZIP, or the file itself: its name and bytes. Raises UnreadableError."""
    if not data.startswith(b"PK"):
        return name, data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = safe_members(archive, len(data))
            members = [entry for entry in entries if Path(entry.filename).suffix.lower() in (".xml", ".csv")]
            if len(members) != 1:
                raise UnreadableError("members", count=len(members))
            return members[0].filename, archive.read(members[0])
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise UnreadableError("zip") from error


def refuse_entities(content: bytes) -> None:
    """Raises UnreadableError where XML declares a type or an entity, or is written in an encoding that would hide it."""
    if b"\x00" in content or any(sign in content for sign in _SIGNS):
        raise UnreadableError("doctype")


# ---------------------------------------------------------------- XML


def read_xml(content: bytes) -> Records:
    """Records of a package. Nested and repeated leaves of a record are joined with `;` under the leaf's name.

    A section of validity that repeats in a record (the periods in which an insurer was in the register) gives a row each.
    Raises UnreadableError.
    """
    refuse_entities(content)
    found = _Package(RECORDS)
    _walk(content, found)
    if not found.rows:
        repeated = _repeated(content)
        if repeated:
            found = _Package(frozenset({repeated}))
            _walk(content, found)
    if not found.rows:
        raise UnreadableError("no_records")
    head = found.head
    columns = frozenset(found.columns)
    return Records(head.get("type"), head.get("version"), head.get("date"), found.rows, found.lines, columns, found.numbers)


class _Package:
    """What has been read of a package so far."""

    def __init__(self, records: frozenset[str]) -> None:
        self.records = records
        self.head: dict[str, str] = {}
        self.rows: list[dict[str, str]] = []
        self.lines: list[int] = []
        self.numbers: list[int] = []
        self.columns: set[str] = set()
        self.count = 0

    def take(self, record: etree._Element) -> None:
        """The rows of one record."""
        self.count += 1
        line = record.sourceline if isinstance(record.sourceline, int) else 0
        for row in _rows_of(record):
            self.rows.append(row)
            self.lines.append(line)
            self.numbers.append(self.count)
            self.columns |= row.keys()
        if len(self.columns) > MAX_COLUMNS:
            raise UnreadableError("columns", limit=MAX_COLUMNS)


def _walk(content: bytes, found: _Package) -> None:
    """Goes through a package once; a record is forgotten when it has been read."""
    depth, inside = 0, 0
    try:
        for event, item in _events(content):
            if event == "start":
                depth += 1
                if depth == 1:
                    found.head |= {name: text for name, text in _attributes(item).items() if name in _HEAD}
                if not inside and depth > 1 and _tag(item) in found.records:
                    inside = depth
                continue
            if inside == depth:
                found.take(item)
                inside = 0
            if not inside:
                parent = item.getparent()
                if _tag(item) in _HEAD and len(item) == 0 and parent is not None and _is_head(parent, depth):
                    found.head.setdefault(_tag(item), (item.text or "").strip())
                if _tag(item) not in _HEAD and depth > 1:
                    item.clear()
                    while item.getprevious() is not None and parent is not None:
                        del parent[0]
            depth -= 1
    except etree.XMLSyntaxError as error:
        raise UnreadableError("xml", said=str(error.msg or error).split("\n")[0][:200]) from error


def _events(content: bytes) -> Iterator[tuple[str, etree._Element]]:
    """Beginnings and ends of elements; nothing outside the bytes is read, and no entity resolved."""
    options: dict[str, Any] = {
        "resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False, "remove_comments": True,
        "remove_pis": True,
    }  # fmt: skip
    if not content.lstrip().startswith(b"<?xml") and not _is_utf8(content):
        options["encoding"] = "windows-1251"  # packages without a declaration are written in it
    yield from etree.iterparse(io.BytesIO(content), events=("start", "end"), **options)


def _is_head(parent: etree._Element, depth: int) -> bool:
    """Whether an element lies in the header of a package: in zglv, or right below the root."""
    return depth == 2 or (depth == 3 and _tag(parent) == "zglv")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _repeated(content: bytes) -> str | None:
    """The element that repeats below the root, or below its only child: the record of a form that we do not know by name."""
    counts: dict[int, Counter[str]] = {2: Counter(), 3: Counter()}
    depth = 0
    leaves: set[str] = set()
    try:
        for event, item in _events(content):
            depth += 1 if event == "start" else 0
            if event == "start":
                continue
            if depth in counts and _tag(item) not in _HEAD:
                counts[depth][_tag(item)] += 1
                if len(item) == 0 and not item.attrib:
                    leaves.add(_tag(item))
            if depth == 3:
                item.clear()
            depth -= 1
    except etree.XMLSyntaxError:  # pragma: no cover - the first reading would have found it
        return None
    level = counts[3] if len(counts[2]) == 1 and max(counts[2].values(), default=0) == 1 else counts[2]
    tags = [(count, tag) for tag, count in level.items() if tag not in leaves and tag != "zglv"]
    return max(tags)[1] if tags else None


def _tag(item: etree._Element) -> str:
    """Tag in lower case without namespace; empty for comments and instructions."""
    return etree.QName(item).localname.lower() if isinstance(item.tag, str) else ""


def _attributes(item: etree._Element) -> dict[str, str]:
    """Attributes by name in lower case: some books keep their header in them."""
    return {etree.QName(key).localname.lower(): str(value).strip() for key, value in item.attrib.items()}


def _rows_of(record: etree._Element) -> list[dict[str, str]]:
    """Rows of a record: one, or one for each of its repeated sections of validity."""
    dated = [section for section in record if len(section) and any(_tag(leaf) in (*BEGIN, *END) for leaf in section)]
    repeated = {tag for tag, count in Counter(map(_tag, dated)).items() if count > 1}
    apart = [section for section in dated if _tag(section) in repeated]
    base = _attributes(record) | _leaves(item for item in record if item not in apart)
    rows = [base | _leaves([section]) for section in apart] or [base]
    return [{column: text for column, text in row.items() if not _PERSONAL.fullmatch(column)} for row in rows]


def _leaves(items: Iterable[etree._Element]) -> dict[str, str]:
    """Leaves of some elements by name; the values of one that repeats are joined with `;`."""
    row: dict[str, str] = {}
    for item in items:
        for leaf in item.iter():
            if len(leaf) == 0 and _tag(leaf):
                text = (leaf.text or "").strip()
                row[_tag(leaf)] = f"{row[_tag(leaf)]};{text}" if row.get(_tag(leaf)) and text else row.get(_tag(leaf)) or text
    return row


# ---------------------------------------------------------------- CSV


def read_csv(content: bytes) -> Records:
    """Records of a CSV: comma or semicolon, UTF-8 or windows-1251. Rows with other cells than the head has are `broken`.

    Raises UnreadableError.
    """
    if b"\x00" in content:
        raise UnreadableError("not_csv", said="NUL")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("windows-1251", errors="replace")
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",")
    rows: list[dict[str, str]] = []
    lines: list[int] = []
    numbers: list[int] = []
    broken: list[tuple[int, int, int]] = []
    number = 0
    try:
        names = _heading(next(reader, []))
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            number += 1
            if len(cells) != len(names):
                broken.append((number, reader.line_num, len(cells)))
                continue
            rows.append(dict(zip(names, (cell.strip() for cell in cells), strict=True)))
            lines.append(reader.line_num)
            numbers.append(number)
    except csv.Error as error:
        raise UnreadableError("not_csv", said=str(error)) from error
    if not number:
        raise UnreadableError("no_records")
    columns = frozenset(name for name in names if not _PERSONAL.fullmatch(name))
    return Records(None, None, None, rows, lines, columns, numbers, broken)


def _heading(cells: Sequence[str]) -> list[str]:
    """Names of the columns. Raises UnreadableError where two are called the same: one would hide the other."""
    names = [cell.strip().lower() for cell in cells]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise UnreadableError("two_columns", column=twice.upper() or "''")
    if len(names) > MAX_COLUMNS:
        raise UnreadableError("columns", limit=MAX_COLUMNS)
    return names
