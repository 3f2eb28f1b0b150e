"""Which books do the made-up registries meet? The published ones that are at hand, and made-up ones for the others (books.yaml)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import polars as pl

from omsclaims.checks.official.compiling import Check
from omsclaims.checks.official.rows import CheckRow, check_rows
from omsclaims.nsi import Book, Books, built_in_books
from omsclaims.nsi.book import book_from_rows
from omsclaims.nsi.loader import load_book
from tests.checks.official.breaking.scenarios import read

SHARED: Final = Path(__file__).resolve().parents[5] / "shared" / "nsi"
CHECK_BOOKS: Final = ("Q015", "Q016", "Q022", "Q023")


@cache
def rows() -> tuple[CheckRow, ...]:
    """The rows of the four check books that are in force on the day of publication of their edition."""
    found: list[CheckRow] = []
    for name in CHECK_BOOKS:
        book = load_book(SHARED / "packages" / f"{name}.xml").book
        assert book is not None and book.published is not None, name
        day = book.published
        found += [row for row in check_rows(book) if row.valid_from <= day and (row.valid_to is None or row.valid_to >= day)]
    return tuple(found)


@cache
def _published() -> dict[str, Book]:
    """The published books, by name."""
    found = dict(built_in_books().by_name)
    for path in sorted((SHARED / "codes").glob("*.csv")):
        book = load_book(path).book
        if book is not None and book.name != "F011":  # ours has the masks of documents apart, as the published package
            found[book.name] = book
    return found


def books(checks: Iterable[Check]) -> Books:
    """All books, with every column that the checks look into."""
    wanted: dict[str, set[str]] = {}
    for check in checks:
        for name, column in check.books:
            wanted.setdefault(name, {"code"}).add(column)
    made = dict(_published())
    made["F002"] = _with_insurer(made["F002"])
    for name, codes in _described().items():
        made[name] = _of_pairs(name, codes) if isinstance(codes, dict) else _made(name, codes, sorted(wanted.get(name, {"code"})))
    return Books(made)


@cache
def _described() -> dict[str, Any]:
    """What books.yaml says of books that are made up."""
    return read(Path(__file__).parent / "books.yaml")


def _with_insurer(book: Book) -> Book:
    """F002 with a made-up insurer whose OGRN is of 15 figures: row 004F.00.0280 admits no other, and no insurer has one."""
    like = book.rows.head(1).with_columns(code=pl.lit("75099"), ogrn=pl.lit("100000000000001"))
    return replace(book, rows=pl.concat([book.rows, like]).sort("code", "valid_from", maintain_order=True))


def _of_pairs(name: str, columns: dict[str, list[str]]) -> Book:
    """A book whose rows are values that go together."""
    first = next(iter(columns.values()))
    frame = pl.DataFrame({"code": [str(place) for place, _ in enumerate(first, 1)], **columns})
    empty = pl.lit(None, dtype=pl.String)
    return book_from_rows(name, "made up", frame.with_columns(valid_from=empty, valid_to=empty))


def _made(name: str, codes: list[str], columns: list[str]) -> Book:
    """A book of made-up codes, with what is published of it, under every column that is asked for."""
    partly = _published().get(name)
    known = [] if partly is None else partly.rows["code"].to_list()
    listed = list(dict.fromkeys([*known, *codes]))
    data = dict.fromkeys(["code", *columns], listed)
    frame = pl.DataFrame(data, schema=dict.fromkeys(data, pl.String))
    empty = pl.lit(None, dtype=pl.String)
    return book_from_rows(name, "made up", frame.with_columns(valid_from=empty, valid_to=empty))
