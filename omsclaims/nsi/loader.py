"""How does a published book become ours? Official packages and CSV -> Book, or findings naming the wrong row (formats.md 13.1).

Read are `packet/zglv/zap` packages (windows-1251 or UTF-8, plain or in a ZIP), the forms of F002 (`insCompany`) and of the
ministry (`book/entries/entry`), CSV with official column names, and CSV in the layout of the built-in books. A book is loaded
whole or not at all: one broken row refuses it, because a hole in a book would refuse care that is right. Entities and DOCTYPE
are refused.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml
from lxml import etree

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.nsi import KEY_COLUMNS, SINCE_EVER, Book, book_from_rows

#: The safe loader, in C where there is one: every command that reads a book waits for the layouts.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: More than any published book; a ZIP that promises less and grows beyond is refused while it streams.
MAX_BYTES: Final = 1 << 30
_RECORDS: Final = frozenset({"zap", "inscompany", "medcompany", "entry"})
_BEGIN: Final = ("datebeg", "d_begin", "valid_from")
_END: Final = ("dateend", "d_end", "valid_to")
_NAME: Final = re.compile(r"^([A-Z]\d{3})(?![A-Za-z0-9])", re.ASCII)
_FEW: Final = 100  # findings of one book: a column of wrong dates needs no list of thousands


@dataclass(frozen=True)
class Loaded:
    """What came of one file: a book, or None and the findings that refused it."""

    book: Book | None
    findings: pl.DataFrame


@dataclass(frozen=True)
class Layout:
    """How one book is read (keys.yaml)."""

    key: tuple[str, ...]
    name: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    scaled: Mapping[str, int] = field(default_factory=dict)
    strip: str = ""
    repeats: bool = False


@dataclass(frozen=True)
class Records:
    """Records of a published file as found: lower-case column -> text, with the line of each; the header; all columns."""

    type: str | None
    version: str | None
    issued: str | None
    rows: list[dict[str, str]]
    lines: list[int]
    columns: frozenset[str]


class UnreadableError(Exception):
    """The file is not a book at all; the message is the reason of N.001."""


def read_records(source: Path | bytes, file_name: str = "") -> Records:
    """Records of a published file (XML, ZIP with one XML, CSV) as they stand, for books that are no list of codes (Q018).

    Raises UnreadableError; an entity or a DOCTYPE is refused before any parser sees it.
    """
    data = source if isinstance(source, bytes) else source.read_bytes()
    inner, content = _unpacked(file_name, data)
    return _read_csv(content) if Path(inner).suffix.lower() == ".csv" else _read_xml(content)


@cache
def _keys() -> dict[str, dict[str, Any]]:
    """The layouts as keys.yaml has them."""
    text = resources.files(__package__).joinpath("keys.yaml").read_text(encoding="utf-8")
    raw: dict[str, dict[str, Any]] = yaml.load(text, Loader=_LOADER)  # noqa: S506
    return raw


@cache
def layouts() -> dict[str, Layout]:
    """Layouts of the known books by name."""
    return {
        name: Layout(
            key=(entry["key"], *entry.get("aliases", ())), name=entry.get("name"), columns=entry.get("columns", {}),
            scaled=entry.get("scaled", {}), strip=entry.get("strip", ""), repeats=entry.get("repeats", False),
        )
        for name, entry in _keys().items()
    }  # fmt: skip


@cache
def _names_of_types() -> dict[str, str]:
    """ZGLV/TYPE in lower case -> name of the book."""
    return {kind.lower(): name for name, entry in _keys().items() for kind in entry.get("type", ())}


def load_book(source: Path | bytes, file_name: str | None = None) -> Loaded:
    """Reads one book from a file (XML, ZIP with one XML or CSV).

    file_name  name of the file where `source` is bytes; a name such as V009.xml says which book it is where the header does not,
               `V020_partial.csv` that only part of the book is here

    Findings: N.001 unreadable, N.002 row without a code, N.003 bad date, N.004 two rows of one code on one day, N.005 unknown
    book, N.006 a value that is no number. Any of them refuses the book as a whole.
    """
    name = file_name or (source.name if isinstance(source, Path) else "")
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
        inner, content = _unpacked(name, data)
        read = _read_csv(content) if Path(inner).suffix.lower() == ".csv" else _read_xml(content)
        return _book(name, inner, content, read)
    except UnreadableError as reason:
        return Loaded(None, findings.frame([Finding("N.001", file=name, params={"reason": str(reason)})]))
    except OSError as error:
        return Loaded(None, findings.frame([Finding("N.001", file=name, params={"reason": error.strerror or "?"})]))


# ---------------------------------------------------------------- bytes -> records


def _unpacked(name: str, data: bytes) -> tuple[str, bytes]:
    """The one file inside a ZIP, or the file itself."""
    if not data:
        raise UnreadableError("empty")
    if not data.startswith(b"PK"):
        return name, data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [entry for entry in archive.infolist() if Path(entry.filename).suffix.lower() in (".xml", ".csv")]
            if len(members) != 1:
                raise UnreadableError(f"zip: {len(members)} x xml/csv")
            with archive.open(members[0]) as stream:
                content = stream.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise UnreadableError("zip") from error
    if len(content) > MAX_BYTES:
        raise UnreadableError("size")
    return members[0].filename, content


def _read_xml(content: bytes) -> Records:
    """Records of a package. Nested and repeated leaves of a record are joined with `;` under the leaf's name."""
    # UTF-16 would hide the words that are looked for, and no book is published in it.
    if b"\x00" in content or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise UnreadableError("doctype")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableError(f"xml: {error.msg}") from error
    head = next((item for item in root if _tag(item) == "zglv"), root)
    header = {_tag(item): (item.text or "").strip() for item in head if _tag(item) in ("type", "version", "date")}
    header |= {key: value for key, value in _attributes(root).items() if key in ("type", "version", "date")}
    rows: list[dict[str, str]] = []
    lines: list[int] = []
    columns: set[str] = set()
    for record in root.iter():
        if _tag(record) in _RECORDS:
            row = _record(record)
            rows.append(row)
            lines.append(record.sourceline if isinstance(record.sourceline, int) else 0)
            columns |= set(row)
    if not rows:
        raise UnreadableError("no records")
    return Records(header.get("type"), header.get("version"), header.get("date"), rows, lines, frozenset(columns))


def _tag(item: etree._Element) -> str:
    """Tag in lower case without namespace; empty for comments and instructions."""
    return etree.QName(item).localname.lower() if isinstance(item.tag, str) else ""


def _attributes(item: etree._Element) -> dict[str, str]:
    """Attributes by name in lower case: some books keep their header in them."""
    return {str(key).lower(): str(value).strip() for key, value in item.attrib.items()}


def _record(record: etree._Element) -> dict[str, str]:
    row = _attributes(record)
    for leaf in record.iterdescendants():
        if len(leaf) == 0 and _tag(leaf):
            text = (leaf.text or "").strip()
            row[_tag(leaf)] = f"{row[_tag(leaf)]};{text}" if row.get(_tag(leaf)) else text
    return row


def _read_csv(content: bytes) -> Records:
    """Records of a CSV: comma or semicolon, UTF-8 or windows-1251."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("windows-1251", errors="replace")
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",")
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        rows, lines = [], []
        for cells in reader:
            if len(cells) > len(names):
                raise UnreadableError(f"csv: {reader.line_num}")
            if any(cell.strip() for cell in cells):
                rows.append(dict(zip(names, (cell.strip() for cell in cells), strict=False)))
                lines.append(reader.line_num)
    except csv.Error as error:
        raise UnreadableError(f"csv: {error}") from error
    if not rows:
        raise UnreadableError("no records")
    return Records(None, None, None, rows, lines, frozenset(names))


# ---------------------------------------------------------------- records -> book


def _book(file_name: str, inner: str, content: bytes, read: Records) -> Loaded:
    """The book of the records, or what is wrong with them."""
    name = _name_of(read.type, inner) or _name_of(None, file_name)
    layout = layouts().get(name or "")
    own = "code" in read.columns and "valid_from" in read.columns
    if name is None or (layout is None and not own):
        params = {"name": name or read.type or Path(inner).stem}
        return Loaded(None, findings.frame([Finding("N.005", file=file_name, params=params)]))
    used = Layout(key=("code",), repeats=layout.repeats if layout else False) if own or layout is None else layout
    problems: list[Finding] = []
    rows = list(_rows(file_name, name, used, read, problems))
    problems += [] if problems or used.repeats else _overlaps(file_name, name, rows)
    if problems:
        return Loaded(None, findings.frame(problems[:_FEW]))
    complete = "partial" not in Path(inner).stem.lower() and "partial" not in Path(file_name).stem.lower()
    frame = pl.DataFrame([row for row, _, _ in rows], infer_schema_length=None)
    typed = frame.with_columns(pl.col(column).cast(kind) for column, kind in KEY_COLUMNS.items())
    return Loaded(book_from_rows(name, _edition(content, read), typed, complete), findings.empty())


def _name_of(kind: str | None, file_name: str) -> str | None:
    """Name of the book by the type in the header, else by the name of the file."""
    if kind:
        known = _names_of_types().get(kind.lower())
        if known is not None or kind.upper() in layouts():
            return known or kind.upper()
    match = _NAME.match(Path(file_name).stem.upper().replace("_", " "))
    return match[1] if match else None


def _edition(content: bytes, read: Records) -> str:
    """Version and date as published; a CSV has neither and is named by its content."""
    if read.version:
        issued = _day(read.issued or "")
        return f"{read.version} of {issued}" if isinstance(issued, date) else read.version
    return f"csv {hashlib.sha256(content).hexdigest()[:12]}"


def _rows(
    file_name: str, book: str, layout: Layout, read: Records, problems: list[Finding]
) -> Iterator[tuple[dict[str, object], int, int]]:
    """Rows as the book has them, with number and line; what is wrong goes to `problems`."""
    key = next((column for column in layout.key if column in read.columns), layout.key[0])
    begin, end = (next((name for name in names if name in read.columns), "") for names in (_BEGIN, _END))
    named = layout.name if layout.name in read.columns else None
    official = set(layout.columns.values()) | {key, begin, end, named}
    others = sorted(read.columns - official - set(KEY_COLUMNS) - set(layout.columns))
    for number, (raw, line) in enumerate(zip(read.rows, read.lines, strict=True), 1):

        def wrong(rule: str, column: str, value: str, number: int = number, line: int = line) -> None:
            params = {"book": book, "row": number, "column": column.upper()}
            problems.append(Finding(rule, file=file_name, line=line or None, value=value, params=params))

        code = raw.get(key, "")
        code = code.rstrip(layout.strip) if layout.strip else code
        if not code:
            wrong("N.002", key, "")
        days = [_day(raw.get(column, "")) for column in (begin, end)]
        for column, day in zip((begin, end), days, strict=True):
            if isinstance(day, str):
                wrong("N.003", column, day)
        first, last = (day if isinstance(day, date) else None for day in days)
        if first and last and last < first:
            wrong("N.003", end, raw.get(end, ""))
        row: dict[str, object] = {"code": code, "valid_from": first, "valid_to": last}
        if named:
            row["meaning_ru"] = raw.get(named) or None
        for ours, column in layout.columns.items():
            value = raw.get(column) or None
            if value is not None and ours in layout.scaled:
                value = _scaled(value, layout.scaled[ours])
                if value is None:
                    wrong("N.006", column, raw[column])
            row[ours] = value
        row.update({column: raw.get(column) or None for column in others})
        yield row, number, line


def _day(text: str) -> date | str | None:
    """A date of a book: dd.mm.yyyy, yyyymmdd or yyyy-mm-dd; None when empty; the text itself when it is none."""
    if not text:
        return None
    for pattern in (r"(?P<d>\d{2})\.(?P<m>\d{2})\.(?P<y>\d{4})", r"(?P<y>\d{4})-?(?P<m>\d{2})-?(?P<d>\d{2})"):
        match = re.fullmatch(pattern, text, re.ASCII)
        if match:
            try:
                return date(int(match["y"]), int(match["m"]), int(match["d"]))
            except ValueError:
                return text
    return text


def _scaled(text: str, decimals: int) -> str | None:
    """A decimal in units of 10^-decimals as text; None when it is no number or has more decimals."""
    try:
        units = Decimal(text.replace(",", ".")).scaleb(decimals)
    except InvalidOperation:
        return None
    return str(int(units)) if units.is_finite() and units == units.to_integral_value() else None


def _overlaps(file_name: str, book: str, rows: list[tuple[dict[str, object], int, int]]) -> list[Finding]:
    """Rows of one code whose validity meets that of the row before."""
    frame = pl.DataFrame(
        [(row["code"], row["valid_from"], row["valid_to"], number, line) for row, number, line in rows],
        schema={**KEY_COLUMNS, "number": pl.Int64(), "line": pl.Int64()}, orient="row",
    )  # fmt: skip
    ordered = frame.with_columns(pl.col("valid_from").fill_null(SINCE_EVER)).sort("code", "valid_from", "number")
    until = pl.col("valid_to").fill_null(date.max)
    met = ordered.with_columns(before=until.cum_max().shift(1).over("code")).filter(pl.col("before") >= pl.col("valid_from"))
    return [
        Finding("N.004", file=file_name, line=line or None, value=code, params={"book": book, "row": number, "day": str(first)})
        for code, first, _, number, line, _ in met.sort("number").iter_rows()
    ]
