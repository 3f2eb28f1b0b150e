"""What is in a grouper workbook? Each sheet of the official КСГ workbooks as the records of a book (law.md 8.1, checks.md 3.1).

The headings of keys.yaml say which column is what; sheets that only repeat others in words (the detailed grouper, the
description of the sheets) are left alone. Shares and coefficients lie there as binary floats and mean four or five decimals.
A workbook is a ZIP of XML: the limits of `sources` hold, and a part with a DOCTYPE is refused before it is parsed. Cells are
values only: formulas give what was last computed, and nothing is ever executed.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol

from omsclaims.nsi.layouts import Sheet, settings, sheets
from omsclaims.nsi.sources import MAX_COLUMNS, Records, UnreadableError, refuse_entities, safe_members

_YEAR: Final = re.compile(r"(?<!\d)(20\d\d)(?!\d)", re.ASCII)
_YES: Final = frozenset({"true", "истина", "1"})
#: The heading lies among so many first rows of a sheet.
_HEADING_WITHIN: Final = 5


@dataclass(frozen=True)
class SheetRecords:
    """A sheet as records: columns are `code`, `meaning_ru` and our attributes; `unknown` headings are among them, too.

    name  name of the book, KSG.ST.GROUPER
    year  the year that the name of the file gives
    """

    name: str
    year: int | None
    records: Records
    unknown: tuple[str, ...]


class _Rows(Protocol):
    """A sheet, as far as it is used here."""

    def iter_rows(self, *, values_only: bool) -> Iterable[Sequence[Any]]: ...


def read_workbook(file_name: str, data: bytes) -> list[SheetRecords]:
    """The sheets of a workbook that are books, in their order. Raises UnreadableError: no workbook, unsafe, or another one."""
    _look_inside(data)
    import openpyxl  # not above: only this kind of file needs it

    year = _YEAR.search(Path(file_name).stem)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        try:
            by_title = {sheet.title.strip().casefold(): sheet for sheet in book.worksheets}
            wanted = [(sheet, by_title[sheet.title.casefold()]) for sheet in sheets() if sheet.title.casefold() in by_title]
            found = [(sheet, *_records(sheet, content)) for sheet, content in wanted]
        finally:
            book.close()
    except UnreadableError:
        raise
    except Exception as error:  # openpyxl raises whatever a broken part makes it stumble over
        raise UnreadableError("workbook", said=f"{type(error).__name__}: {error}"[:200]) from error
    if not found:
        raise UnreadableError("sheets", sheets=", ".join(sheet.title for sheet in sheets()))
    setting = _setting([record for _, record, _ in found])
    return [
        SheetRecords(f"KSG.{setting}.{sheet.name}", int(year[1]) if year else None, records, unknown)
        for sheet, records, unknown in found
    ]


def _look_inside(data: bytes) -> None:
    """Limits and entities, before any part is parsed."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in safe_members(archive, len(data)):
                if Path(entry.filename).suffix.lower() in (".xml", ".rels", ".vml"):
                    refuse_entities(archive.read(entry))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise UnreadableError("zip") from error


def _setting(found: list[Records]) -> str:
    """Inpatient or day hospital: what the codes of the groups begin with. Raises UnreadableError where they do not say it."""
    for records in found:
        for row in records.rows:
            group = row.get("ksg") or row.get("code", "")
            if group[:2] in settings():
                return settings()[group[:2]]
    raise UnreadableError("setting")


def _records(sheet: Sheet, content: _Rows) -> tuple[Records, tuple[str, ...]]:
    """Rows of a sheet under our names, and the headings that are not known. Blank rows and footnotes are no rows."""
    rows = enumerate(content.iter_rows(values_only=True), 1)
    headings: list[str] = []
    for number, cells in rows:
        found = [cell_text(cell) for cell in cells]
        if sheet.key in found or number >= _HEADING_WITHIN:
            headings = found
            break
    if sheet.key not in headings:
        raise UnreadableError("heading", sheet=sheet.title, column=sheet.key)
    if len(headings) > MAX_COLUMNS:
        raise UnreadableError("columns", limit=MAX_COLUMNS)
    names, unknown = _names(sheet, headings)
    kept: list[dict[str, str]] = []
    lines: list[int] = []
    for number, cells in rows:
        row = _row(names, cells)
        if not row or (row.keys() == {"code"} and re.search(r"\s", row["code"])):
            continue
        kept.append(row)
        lines.append(number)
    if not kept:
        raise UnreadableError("no_records")
    columns = frozenset(filter(None, names))
    return Records(None, None, None, kept, lines, columns, list(range(1, len(kept) + 1))), unknown


def _names(sheet: Sheet, headings: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Our name of each column; groups of several columns share the name `ksg`. Unknown headings keep theirs in lower case."""
    ours = {heading: attribute for attribute, heading in sheet.columns.items()}
    ours |= {sheet.key: "code"} | ({sheet.meaning: "meaning_ru"} if sheet.meaning else {})
    groups = re.compile(rf"{re.escape(sheet.groups)}\s?\d*") if sheet.groups else None
    names, unknown = [], []
    for heading in headings:
        if heading in ours:
            names.append(ours[heading])
        elif groups is not None and groups.fullmatch(heading):
            names.append("ksg")
        else:
            names.append(heading.lower())
            unknown += [heading] if heading else []
    return names, tuple(unknown)


def _row(names: list[str], cells: Sequence[Any]) -> dict[str, str]:
    """The filled cells of a row by name."""
    row: dict[str, str] = {}
    for name, cell in zip(names, cells, strict=False):
        text = "" if cell is None or not name else cell_text(cell)
        if not text:
            continue
        if name == "ksg":
            row[name] = f"{row[name]};{text}" if name in row else text
        elif name == "used":
            row[name] = "true" if text.casefold() in _YES else "false"
        else:
            row.setdefault(name, text)
    return row


def cell_text(value: Any) -> str:
    """A cell as text without outer white space. A float is the shortest decimal that means it to ten decimals: 0.2276."""
    if type(value) is str:  # nearly all cells that are not empty
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        shortened = Decimal(repr(value)).quantize(Decimal("1e-10")) if abs(value) < 1e15 else Decimal(repr(value))
        return f"{shortened.normalize():f}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
    return value.isoformat() if isinstance(value, date) else str(value).strip()
