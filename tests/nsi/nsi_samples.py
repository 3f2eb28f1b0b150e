"""Books made up for the tests: packages, archives, workbooks, and what a finding says."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from omsclaims import messages
from omsclaims.findings import with_text
from omsclaims.nsi import Book, book_from_rows
from omsclaims.nsi.loader import Loaded

SHARED = Path(__file__).resolve().parents[3] / "shared" / "nsi"

ROW = "<IDRMP>{code}</IDRMP><RMPNAME>выписан</RMPNAME><DL_USLOV>1</DL_USLOV><DATEBEG>{begin}</DATEBEG><DATEEND>{end}</DATEEND>"


def package(
    *rows: str, kind: str = "V009", encoding: str = "windows-1251", prolog: str = "", version: str = "3.1",
    issued: str = "13.04.2018",
) -> bytes:  # fmt: skip
    """An official package of the usual form."""
    body = "".join(f"<zap>{row}</zap>" for row in rows)
    text = f"""<?xml version="1.0" encoding="{encoding}"?>{prolog}
<packet><zglv><type>{kind}</type><version>{version}</version><date>{issued}</date></zglv>
{body}</packet>"""
    return text.encode(encoding)


def row(code: str = "101", begin: str = "01.01.2011", end: str = "") -> str:
    """A row of V009."""
    return ROW.format(code=code, begin=begin, end=end)


def rule(
    code: str = "001F.75.0010", begin: str = "01.01.2022", end: str = "", letters: Sequence[str] = ("H",), condition: str = "",
    element: str = "ZL_LIST/ZAP/N_ZAP", more: str = "",
) -> str:  # fmt: skip
    """A row of a book of checks."""
    kinds = "".join(f"<TYPE_D>{letter}</TYPE_D>" for letter in letters)
    return (
        f"<ID_TEST>{code}</ID_TEST><ID_EL>{element}</ID_EL><TYPE_MD>{kinds}</TYPE_MD><NSI_OBJ/><NSI_EL/>"
        f"<USL_TEST>{condition}</USL_TEST><VAL_EL/>{more}<COMMENT/><DATEBEG>{begin}</DATEBEG><DATEEND>{end}</DATEEND>"
    )


def rules(*rows: str, version: str = "2.35", issued: str = "12.02.2021") -> bytes:
    """A package of Q023."""
    return package(*rows, kind="MEK_MPR", version=version, issued=issued)


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """An XLSX with these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for cells in rows:
            sheet.append(list(cells))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def only(loaded: Loaded) -> tuple[str, dict[str, object]]:
    """The rule and parameters of the one finding that refused a book; its texts are there in both languages."""
    assert loaded.book is None
    return one_finding(loaded.findings)


def one_finding(found: pl.DataFrame) -> tuple[str, dict[str, object]]:
    """The rule and parameters of the one finding; its texts are there in both languages."""
    assert found.height == 1, found.select("rule", "params").rows()
    line = found.row(0, named=True)
    for lang in messages.LANGUAGES:
        text = with_text(found, lang)["text"][0]
        assert "{" not in text, text
        assert messages.text(f"rule.{line['rule']}.todo", lang)
    return line["rule"], json.loads(line["params"])


def book(loaded: Loaded) -> Book:
    """The book that was loaded without a word."""
    assert loaded.book is not None, loaded.findings.select("rule", "value", "params").rows()
    assert loaded.findings.is_empty(), loaded.findings.select("rule", "value", "params").rows()
    return loaded.book


def small(name: str = "V009", edition: str = "1", /, **columns: Sequence[object]) -> Book:
    """A book of the columns given; validity is since ever unless said."""
    height = len(next(iter(columns.values())))
    frame = {"valid_from": [None] * height, "valid_to": [None] * height, **columns}
    return book_from_rows(name, edition, pl.DataFrame(frame, schema_overrides={"valid_from": pl.Date, "valid_to": pl.Date}))


def published(folder: str, pattern: str) -> list[Path]:
    """Published books beside the project; the test is skipped where they are not there."""
    found = sorted((SHARED / folder).glob(pattern))
    if not found:
        pytest.skip(f"../shared is not here: {SHARED / folder}")
    return found


def day(text: str) -> date:
    """A date."""
    return date.fromisoformat(text)
