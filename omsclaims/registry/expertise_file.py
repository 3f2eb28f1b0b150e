"""How do acts of expertise travel? The file of acts as XML and as a workbook: read into raw rows, written from kept ones (231n).

XML: `ZL_LIST/ZGLV(VERSION, DATA, FILENAME)/EXP*`, the layout of formats.md 10 (regional, lengths unconfirmed). One EXP is one
ground (or none) of one act on one case. Read here as: ID - IDCASE, ID_SL - SL_ID, S_EXP_CODE - the expert, S_DATE and S_ZAKL -
date and number of the act, S_SUM - the non-payment as the sender computed it. N_ZAP and S_ZAKL_P (the act that this one
changes) are additions of this program and may be absent.

Workbook: the same fields as columns, named by their elements in one row; OSN is the number of the ground (2.16.1) as text. A
number in that cell is refused: a spreadsheet turns 2.10 into 2.1. A formula is refused, too: nothing is computed from data. A
row of a template that nobody filled in is left out and counted (E.16).

Reading never raises for what a file says: E.1 is a file that cannot be read, E.2 a field that is none; its row says so in `bad`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import polars as pl
from lxml import etree

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.money import AmountError, format_amount, parse_amount
from omsclaims.registry import measure, source

VERSION: Final = "1.0"
ROOT, RECORD = "ZL_LIST", "EXP"
#: A workbook of acts may hold so much, packed and unpacked; so many rows.
_PACKED_BYTES, _UNPACKED_BYTES, _RATIO, _ROWS = 64 << 20, 512 << 20, 200, 1_000_000
#: What an expert fills in: a row of a workbook without any of it is a case that was not examined.
_FILLED: Final = frozenset({"S_ZAKL", "S_DATE", "OSN", "S_EXP_CODE", "S_COM", "S_SUM", "S_ZAKL_P"})
#: The row of column names lies among so many first rows.
_HEADING_WITHIN: Final = 10


@dataclass(frozen=True, slots=True)
class Field:
    """An element of EXP: our column, form (T text, N whole number, M money, D date), length, whether it must be there.

    where  xml | xlsx | both: the ground is a Kod in XML and a number of the list in the workbook
    """

    tag: str
    column: str
    form: str
    length: int
    must: bool = False
    where: str = "both"


FIELDS: Final = (
    Field("CODE_MO", "mo", "T", 6, must=True), Field("YEAR", "year", "N", 4, must=True),
    Field("MONTH", "bill_month", "N", 2, must=True), Field("NSCHET", "nschet", "T", 15, must=True),
    Field("DSCHET", "dschet", "D", 10), Field("PLAT", "payer", "T", 5), Field("N_ZAP", "n_zap", "N", 8),
    Field("ID", "idcase", "N", 11, must=True), Field("ID_SL", "sl_id", "T", 36), Field("S_CODE", "s_code", "T", 36),
    Field("S_EXP_CODE", "code_exp", "T", 25), Field("S_SUM", "stated_kop", "M", 18),
    Field("S_TIP", "s_tip", "N", 2, must=True), Field("S_OSN", "kod", "N", 3, where="xml"),
    Field("OSN", "code", "T", 10, where="xlsx"), Field("S_OSN_TS", "osn_ts", "T", 6, where="xml"),
    Field("S_COM", "s_com", "T", 250), Field("S_DATE", "date_act", "D", 10, must=True),
    Field("S_ZAKL", "num_act", "T", 30, must=True), Field("S_IST", "s_ist", "N", 1, where="xml"),
    Field("S_ZAKL_P", "first_act", "T", 30),
)  # fmt: skip
_TYPES: Final[dict[str, pl.DataType]] = {"T": pl.String(), "N": pl.Int64(), "M": pl.Int64(), "D": pl.Date()}
#: Raw rows: the fields, `row` (from 1; of a workbook the row of the sheet) and `bad` (elements that could not be read, or null).
RAW: Final[dict[str, pl.DataType]] = {
    "row": pl.Int64(),
    **{field.column: _TYPES[field.form] for field in FIELDS},
    "bad": pl.String(),
}


@dataclass(frozen=True)
class ActsRead:
    """What a file of acts says: raw rows and findings E.1, E.2 or those of an XML that cannot be read (S.805-S.808, S.815)."""

    rows: pl.DataFrame
    findings: pl.DataFrame


def read(path: Path) -> ActsRead:
    """Rows of a file of acts, XML or workbook by its content. Raises OSError where the file cannot be opened."""
    content = path.read_bytes()
    if content.startswith(b"PK"):
        return read_xlsx(content, path.name)
    return read_xml(content, path.name)


def read_xml(content: bytes, name: str) -> ActsRead:
    """Rows of an XML of acts. Encoding, DOCTYPE, entities and sizes are looked at before any parser sees the bytes."""
    refusal = source.inspect(content)[0] or measure.refusal(content)
    if refusal is not None:
        rule, params, line = refusal
        return _unreadable(Finding(rule, file=name, line=line, params=params))
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        line, column = max(error.position[0], 1), max(error.position[1], 1)
        params = {"line": line, "column": column, "message": error.msg or ""}
        return _unreadable(Finding("S.807", file=name, line=line, params=params))
    if root.tag != ROOT:
        return _unreadable(Finding("E.1", file=name, value=str(root.tag), params={"reason": "root", "expected": ROOT}))
    wanted = {field.tag: field for field in FIELDS if field.where != "xlsx"}
    records = ((number, _leaves(element)) for number, element in enumerate(root.iterchildren(RECORD), 1))
    return _rows(records, wanted, name)


def _leaves(element: etree._Element) -> list[tuple[str, Any]]:
    """Elements of a record with their texts; an empty one says nothing."""
    return [(str(leaf.tag), leaf.text.strip()) for leaf in element if leaf.text and leaf.text.strip()]


def read_xlsx(content: bytes, name: str) -> ActsRead:
    """Rows of a workbook of acts: the first sheet, columns by their names, blank rows left out."""
    problem = _unsafe(content)
    if problem is not None:
        return _unreadable(Finding("E.1", file=name, params={"reason": problem, "expected": "XLSX"}))
    import openpyxl  # not above: only this kind of file needs it

    wanted = {field.tag: field for field in FIELDS if field.where != "xml"}
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False)
        try:
            rows = enumerate(book.worksheets[0].iter_rows(values_only=True), 1)
            heading = _heading(rows, wanted)
            lacking = [tag for tag, field in wanted.items() if field.must and tag not in heading]
            if lacking:
                return _unreadable(
                    Finding("E.1", file=name, value=", ".join(lacking), params={"reason": "columns", "expected": "XLSX"})
                )
            return _filled_rows(rows, heading, wanted, name)
        finally:
            book.close()
    except Exception as error:  # openpyxl raises whatever a broken part makes it stumble over
        return _unreadable(
            Finding("E.1", file=name, value=type(error).__name__, params={"reason": "workbook", "expected": "XLSX"})
        )


def _filled_rows(
    rows: Iterator[tuple[int, tuple[Any, ...]]], heading: Mapping[str, int], wanted: Mapping[str, Field], name: str
) -> ActsRead:
    """Rows of a sheet that an expert filled in; the others are counted (E.16)."""
    filled: list[tuple[int, list[tuple[str, Any]]]] = []
    left = 0
    for number, cells in rows:
        leaves = [(tag, _said(cells[place])) for tag, place in heading.items() if place < len(cells) and _is_said(cells[place])]
        if any(tag in _FILLED for tag, _ in leaves):
            filled.append((number, leaves))
        else:
            left += bool(leaves)
    made = _rows(filled, wanted, name)
    unfilled = [Finding("E.16", file=name, params={"count": left})] if left else []
    return ActsRead(made.rows, findings.concat([made.findings, findings.frame(unfilled)]))


def _unsafe(content: bytes) -> str | None:
    """Why a workbook is not opened: sizes, density, encryption, a DOCTYPE in one of its parts; None: it may be."""
    if len(content) > _PACKED_BYTES:
        return "size"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            total = sum(entry.file_size for entry in entries)
            if total > _UNPACKED_BYTES or (total > 16 << 20 and total > _RATIO * len(content)):
                return "size"
            if any(entry.flag_bits & 1 for entry in entries):
                return "encrypted"
            if any(_declares(archive.read(entry)) for entry in entries if entry.filename.endswith((".xml", ".rels"))):
                return "doctype"
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError):
        return "workbook"
    return None


def _declares(part: bytes) -> bool:
    """Whether a part holds a declaration of markup, in one of the encodings that a parser would believe."""
    return any(sign in part or sign.decode().encode("utf-16-le") in part for sign in (b"<!DOCTYPE", b"<!ENTITY"))


def _is_said(cell: Any) -> bool:
    """Whether a cell says anything."""
    return cell is not None and str(cell).strip() != ""


class _Formula(str):
    """A cell that begins as a formula does: it is shown in the finding and never a value."""

    __slots__ = ()


def _said(cell: Any) -> Any:
    """The value of a cell; a formula is marked."""
    return _Formula(cell) if isinstance(cell, str) and cell.lstrip().startswith("=") else cell


def _heading(rows: Iterator[tuple[int, tuple[Any, ...]]], wanted: Mapping[str, Field]) -> dict[str, int]:
    """Column of each element, from the row that names most of them; takes the rows up to it."""
    for number, cells in rows:
        found: dict[str, int] = {}
        for place, cell in enumerate(cells):
            name = str(cell).strip().upper() if cell is not None else ""
            if name in wanted:
                found.setdefault(name, place)
        if len(found) >= 3 or number >= _HEADING_WITHIN:
            return found
    return {}


def _unreadable(finding: Finding) -> ActsRead:
    return ActsRead(pl.DataFrame(schema=RAW), findings.frame([finding]))


def _rows(records: Iterable[tuple[int, list[tuple[str, Any]]]], wanted: Mapping[str, Field], name: str) -> ActsRead:
    """Raw rows of records; a field that is missing, twice, or not what it must be is E.2."""
    rows: list[dict[str, Any]] = []
    problems: list[Finding] = []
    for number, leaves in records:
        if len(rows) >= _ROWS:
            problems.append(Finding("E.1", file=name, params={"reason": "rows", "expected": str(_ROWS)}))
            break
        row: dict[str, Any] = {"row": number}
        bad: list[str] = []
        given: dict[str, Any] = {}
        for tag, value in leaves:
            if tag in given:
                bad.append(tag)
                problems.append(_field(name, number, tag, value, "twice"))
            given[tag] = value
        for tag, field in wanted.items():
            if isinstance(given.get(tag), _Formula):
                value, problem = None, "formula"
            elif tag in given:
                value, problem = typed(given[tag], field)
            else:
                value, problem = None, "missing" if field.must else ""
            row[field.column] = value
            if problem:
                bad.append(tag)
                problems.append(_field(name, number, tag, given.get(tag), problem))
        rows.append({**row, "bad": ", ".join(dict.fromkeys(bad)) or None})
    table = pl.DataFrame([{column: row.get(column) for column in RAW} for row in rows], schema=RAW)
    return ActsRead(table, findings.frame(problems))


def _field(name: str, row: int, tag: str, value: Any, problem: str) -> Finding:
    shown = None if value is None else str(value)[:100]
    return Finding(
        "E.2",
        level="case",
        file=name,
        element=f"{RECORD}/{tag}",
        value=shown,
        params={"row": row, "tag": tag, "problem": problem},
    )


def typed(value: Any, field: Field) -> tuple[Any, str]:
    """A field of a file as its column holds it, and what is wrong with it (a word that E.2 explains; empty: nothing)."""
    if field.form == "T":
        if field.tag == "OSN" and not isinstance(value, str):
            return None, "ground_number"
        text = _text(value)
        return (None, "long") if len(text) > field.length else (text or None, "")
    if field.form == "D":
        return _date(value)
    text = _text(value)
    if field.form == "M":
        try:
            return parse_amount(text), ""
        except AmountError:
            return None, "amount"
    if not text.isascii() or not text.isdigit() or len(text.lstrip("0")) > field.length:
        return None, "number"
    return int(text), ""


def _text(value: Any) -> str:
    """A cell or text without outer white space; a number of a sheet as the shortest decimal that means it."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        exact = Decimal(repr(value))
        return str(int(exact)) if exact == exact.to_integral_value() else f"{exact:f}"
    return str(value).strip()


def _date(value: Any) -> tuple[date | None, str]:
    if isinstance(value, datetime):
        return value.date(), ""
    if isinstance(value, date):
        return value, ""
    text = str(value).strip()
    for shape in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, shape).date(), ""  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    return None, "date"


# ---- writing ---------------------------------------------------------------------------------------------------------------


def write_xml(rows: pl.DataFrame, name: str, day: date) -> bytes:
    """The file of acts of raw rows (columns of `RAW` as far as there are), windows-1251, in the order given.

    A sign that windows-1251 lacks is written as a character reference, which every parser reads back.
    """
    root = etree.Element(ROOT)
    header = etree.SubElement(root, "ZGLV")
    for tag, text in (("VERSION", VERSION), ("DATA", day.isoformat()), ("FILENAME", name)):
        etree.SubElement(header, tag).text = text
    for row in rows.iter_rows(named=True):
        record = etree.SubElement(root, RECORD)
        for field in FIELDS:
            value = row.get(field.column)
            if value is not None and field.where != "xlsx":
                etree.SubElement(record, field.tag).text = shown(value, field)
    body = etree.tostring(root, encoding="windows-1251", xml_declaration=True, pretty_print=True)
    return body if isinstance(body, bytes) else body.encode("cp1251")


def shown(value: Any, field: Field) -> str:
    """A value as the file writes it."""
    if field.form == "M":
        return format_amount(int(value))
    return value.isoformat() if isinstance(value, date) else str(value)


def workbook_fields() -> Sequence[Field]:
    """Fields of the workbook, in the order of its columns."""
    return tuple(field for field in FIELDS if field.where != "xml")
