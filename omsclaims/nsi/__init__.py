"""What did a code mean on a date? Reference books (НСИ) as dated tables with as-of look-ups, and their editions.

A book is one frame: `code`, `valid_from`, `valid_to` (null: still in force) and the book's own attributes in lower case. The
same code may stand in several rows with different validity. Codes are looked up on the date of care, editions are chosen by the
reporting period and by what was known on the day of the run, never by today (Rules 158n; design: law.md 0-1; checks.md 1.4a.10).
A miss is the caller's coded finding, never a zero.

    book       Book, Books: one edition, and the editions chosen for a run
    library    Library: all editions of a workspace; which holds for a month
    layouts    how the known books are read (keys.yaml)
    sources    bytes -> records: XML, CSV, ZIP; workbook: XLSX
    loader     records -> books, or findings
    compare    what changed between two editions
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import resources

import polars as pl

from omsclaims.nsi.book import KEY_COLUMNS, SINCE_EVER, Book, BookMissingError, Books, LeftOut, Shelf, book_from_rows
from omsclaims.nsi.library import BUILT_IN, Edition, Library, Reign

__all__ = [
    "BUILT_IN", "KEY_COLUMNS", "SINCE_EVER", "Book", "BookMissingError", "Books", "Edition", "LeftOut", "Library", "Reign",
    "Shelf", "book_from_rows", "built_in_books",
]  # fmt: skip


@cache
def built_in_books() -> Books:
    """The small federal books that come with the program (`omsclaims/nsi/books/*.csv`, our own layout and wording)."""
    found: dict[str, Book] = {}
    folder = resources.files("omsclaims") / "nsi" / "books"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".csv"):
            name = entry.name.removesuffix(".csv")
            rows = pl.read_csv(entry.read_text(encoding="utf-8").encode(), infer_schema=False)
            found[name] = replace(book_from_rows(name, BUILT_IN, rows), source=BUILT_IN)
    return Books(found)
