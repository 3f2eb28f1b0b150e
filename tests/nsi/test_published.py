"""Do all published books beside the project load, with every row that a plain count of the files finds?"""

from __future__ import annotations

import csv
from pathlib import Path

import openpyxl
import pytest
from lxml import etree

from omsclaims.nsi.layouts import sheets
from omsclaims.nsi.loader import load_books

from .nsi_samples import SHARED, published

#: Sheets that become books; the others say the same in words, or describe the sheets.
_SHEETS = {sheet.title: sheet.name for sheet in sheets()}
_FILES = [f"{folder}/{path.name}" for folder, ending in (("codes", "csv"), ("packages", "xml"), ("ksg2026", "xlsx"))
          for path in sorted((SHARED / folder).glob(f"*.{ending}"))]  # fmt: skip


def counted(path: Path) -> dict[str, int]:
    """Rows of a file by name of the book (the last part of it for sheets), counted without the loader."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return {"": sum(1 for cells in csv.reader(stream) if any(cells)) - 1}
    if path.suffix == ".xml":
        return {"": int(etree.parse(path).xpath("count(//zap)"))}  # type: ignore[arg-type]
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    counts = {}
    for sheet in book.worksheets:
        if sheet.title in _SHEETS:
            rows = sum(1 for cells in sheet.iter_rows(min_row=2, values_only=True) if sum(cell is not None for cell in cells) > 1)
            counts[_SHEETS[sheet.title]] = rows
    return counts


def test_there_are_published_books() -> None:
    published("codes", "*.csv")
    assert len(_FILES) >= 70


@pytest.mark.parametrize("name", _FILES)
def test_every_row_of_a_published_book_is_there(name: str) -> None:
    """Nothing is refused, nothing left out; what the CSV have beyond the official columns is said, and nothing else."""
    path = SHARED / name
    loaded = load_books(path)
    assert all(one.book is not None for one in loaded), [one.findings.select("rule", "params").rows() for one in loaded]
    found = {rule for one in loaded for rule in one.findings["rule"].to_list()}
    assert found <= {"N.201"}
    books = [one.book for one in loaded if one.book is not None]
    assert not any(one.left_out for one in books)
    expected = counted(path)
    key = (lambda one: "") if len(books) == 1 and "" in expected else (lambda one: one.name.rpartition(".")[2])
    assert {key(one): one.rows.height for one in books} == expected
    assert all(one.complete == ("partial" not in name) for one in books)
