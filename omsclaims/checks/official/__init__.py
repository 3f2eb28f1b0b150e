"""What do the official check books (Q015 format and logic, Q016 МЭК, Q022 and Q023 regional) find in a registry?

The books are data: a row says which element it is about, when, and what is allowed. They are loaded and executed, not rewritten:

    syntax, grammar    the tree of a condition; text -> tree, with the place of what does not parse (lexing, words, operands)
    spelling           tree -> text, in one normal spelling
    rows               a row as a record, with its stated correction (corrections.yaml); what cannot be said (unsaid.yaml)
    resolve            names of elements -> tables and columns of the files at hand
    expressions        trees -> columns; masks: lengths, masks, lists of characters; classifiers: look-ups on the date of care
    compiling          a row and the editions of the files -> a check, or the reason why not; predicates: rows in words, by hand
    programs           the rows of a book for a kind of file, a month and a region
    lines, running     the tables of packages -> columns on one line -> findings with their place and ground (grounds.yaml)
    coverage           how much of a book is executed

Every run says which rows it executed and which not, and why: `Checked.executions`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from omsclaims import findings, messages
from omsclaims.checks.official.resolve import Editions
from omsclaims.nsi import Book, Books, LeftOut
from omsclaims.periods import Month
from omsclaims.registry import names
from omsclaims.registry.bundle import Bundle
from omsclaims.registry.formats import Format

#: The check books, in the order of checking: format and logic before control, federal before regional.
BOOKS: Final = ("Q015", "Q022", "Q016", "Q023")
#: Rows not executed for one reason that a line names; lists have all.
SHOWN_ROWS: Final = 6
#: What became of the rows of the books on one package: a row each.
EXECUTIONS: Final[dict[str, pl.DataType]] = {
    "book": pl.String(), "edition": pl.String(), "row": pl.String(), "ordinal": pl.Int64(), "way": pl.String(),
    "executed": pl.Boolean(), "why": pl.String(), "what": pl.String(), "findings": pl.Int64(),
}  # fmt: skip


@dataclass(frozen=True)
class Checked:
    """What the books found in a package, and what became of their rows (EXECUTIONS)."""

    findings: pl.DataFrame
    executions: pl.DataFrame

    @property
    def refuses_package(self) -> bool:
        """Whether format and logic find the file itself wrong: it goes back whole."""
        wrong = self.findings.filter((pl.col("level") == "file") & pl.col("rule").str.contains(r"^\d{3}F\."))
        return wrong.height > 0


def loaded(books: Books) -> tuple[Book, ...]:
    """The check books that are loaded."""
    return tuple(books.require(name) for name in BOOKS if books.has(name))


def check(
    tables: Mapping[str, pl.DataFrame], main: Format, person: Format | None, books: Books, package: str, today: date,
) -> Checked:  # fmt: skip
    """What the loaded check books find in one package, as the reader gives its tables (rows numbered from 0).

    main, person  editions of its files
    package       its name: it says who sends it to whom, and which region's rows apply
    today         the day of processing

    Rows are chosen by the reporting period of the bill (checks.md 1.4a.10), codes by the date of care.
    """
    return check_together(Bundle.one(package, tables), main, person, books, today)[0]


def alike(package: str, tables: Mapping[str, pl.DataFrame], main: Format, person: Format | None, today: date) -> Hashable:
    """What packages must have in common to be checked together: editions, kind, reporting month, region."""
    kind, territory = _kind_and_territory(package, main)
    return Editions(main, person).key, kind, _month(tables) or Month(today.year, today.month), territory


def parents_of(main: Format, person: Format | None) -> dict[str, str]:
    """Table -> parent table, over both files of a package."""
    return Editions(main, person).parents


def check_together(
    packages: Bundle, main: Format, person: Format | None, books: Books, today: date,
) -> list[Checked]:  # fmt: skip
    """As `check`, for packages that are `alike`: what the books find in each, in the order of their names."""
    chosen = loaded(books)
    if not chosen:
        return [Checked(findings.empty(), pl.DataFrame(schema=EXECUTIONS))] * len(packages.names)
    from omsclaims.checks.official import programs, running
    from omsclaims.checks.official.lines import Lines

    editions = Editions(main, person)
    kind, territory = _kind_and_territory(packages.names[0], main)
    month = _month(packages.tables) or Month(today.year, today.month)
    lines = Lines(packages, editions, books, today)
    found, told, counts = [], [], []
    for book in chosen:
        of_book, executions = running.run(programs.of(book, editions, kind, month, territory), lines)
        found.append(of_book)
        for one in executions:
            told.append((one.book, book.edition, one.row, one.ordinal, one.way, one.executed, one.why, one.what, 0))
            counts.append(one.findings)
        for row in book.left_out:
            told.append((book.name, book.edition, unread(row), row.row, "failed", False, "left_out", told_of(row), 0))
            counts.append(())
    parts = packages.parted(findings.concat(found))
    rows = pl.DataFrame(told, schema=EXECUTIONS, orient="row")
    return [
        Checked(part, rows.with_columns(findings=pl.Series([of[number] if of else 0 for of in counts], dtype=pl.Int64)))
        for number, part in enumerate(parts)
    ]


def _kind_and_territory(package: str, main: Format) -> tuple[str, str]:
    """Kind of the file and region of who sends it (between territories: who gets it), by the name of the package."""
    parsed, between = names.parse_name(package), names.parse_interterritorial(package)
    if parsed is not None:
        return parsed.kind, parsed.sender[:2]
    return (main.kind, "") if between is None else (between.kind, between.receiver)


def unread(row: LeftOut) -> str:
    """The id of a row that could not be read; where it has none, its number in the file."""
    return row.code or f"#{row.row}"


def told_of(row: LeftOut) -> str:
    """What is wrong with a row that could not be read: finding and column."""
    return f"{row.rule} {row.column}".strip()


def summed(executions: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """What became of each row over several packages (EXECUTIONS): executed if on one of them, findings added up."""
    together = pl.concat([pl.DataFrame(schema=EXECUTIONS), *executions])
    keys = ["book", "edition", "row", "ordinal"]
    ordered = together.sort("executed", descending=True, maintain_order=True)
    first = [pl.col(name).first() for name in ("way", "executed", "why", "what")]
    return ordered.group_by(keys, maintain_order=True).agg(*first, pl.col("findings").sum()).sort(keys).select(list(EXECUTIONS))


def not_executed(executions: pl.DataFrame, lang: str) -> list[tuple[str, str, int, str]]:
    """Book, reason in words, how many rows, their ids: of the rows that were not executed."""
    told = []
    skipped = executions.filter(~pl.col("executed"))
    for (book, why, what), part in skipped.partition_by("book", "why", "what", as_dict=True, maintain_order=True).items():
        told.append((str(book), reason(str(why), str(what), lang), part.height, ", ".join(part["row"].to_list())))
    return told


def reason(why: str, what: str, lang: str) -> str:
    """Why a row is not executed, in words."""
    if why == "needs":
        what = messages.text(f"official.need.{what}", lang)
    return messages.text(f"checks.why.{why}", lang, what=what)


def told(executions: pl.DataFrame, lang: str) -> list[str]:
    """Lines for people: of each book how many rows were executed, and which not, by reason."""
    lines = []
    for (book, edition), part in executions.partition_by("book", "edition", as_dict=True, maintain_order=True).items():
        done = int(part["executed"].sum())
        lines.append(messages.text("official.executed", lang, book=book, edition=edition, executed=done, rows=part.height))
        skipped = part.filter(~pl.col("executed"))
        for (why,), of_reason in skipped.partition_by("why", as_dict=True, maintain_order=True).items():
            meant = of_reason["what"].unique(maintain_order=True).to_list()
            if why == "needs":
                meant = [messages.text(f"official.need.{what}", lang) for what in meant]
            said = messages.text(f"checks.why.{why}", lang, what=_few(meant))
            rows = _few(of_reason["row"].to_list())
            lines.append(messages.text("official.not_executed", lang, why=said, count=of_reason.height, rows=rows))
    return lines


def _few(items: list[str]) -> str:
    """The first of a list, with three dots for the others."""
    return ", ".join(items[:SHOWN_ROWS]) + (" …" if len(items) > SHOWN_ROWS else "")


def _month(tables: Mapping[str, pl.DataFrame]) -> Month | None:
    """The reporting month of the bill; None where it is none."""
    header = tables.get("file")
    if header is None or not header.height:
        return None
    try:
        return Month(int(header["year"][0]), int(header["month"][0]))
    except (TypeError, ValueError):
        return None


__all__ = [
    "BOOKS",
    "EXECUTIONS",
    "Checked",
    "alike",
    "check",
    "check_together",
    "loaded",
    "not_executed",
    "parents_of",
    "reason",
    "summed",
    "told",
    "told_of",
    "unread",
]
