"""What does the state say a file looks like, and where do we differ? The structure book Q018 and the format tables (order 79).

The official package (packet/zglv/zap) is read into the model of the format tables, one edition for each kind of file and day on
which it changed. The report goes through it element by element; every difference has an explanation in
structure_book_reasons.csv, or is shown as unexplained.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Final, Literal

import polars as pl

from omsclaims import findings, messages
from omsclaims.findings import Finding
from omsclaims.nsi.sources import Records, UnreadableError, read_records, unreadable
from omsclaims.registry import formats
from omsclaims.registry.formats import Format, FormatChoice, comparing
from omsclaims.registry.formats.model import HEADER_TABLE, family_of
from omsclaims.registry.formats.overlay import as_line
from omsclaims.registry.formats.tables import Line, fields_of

Aspect = Literal[
    "kind", "version", "missing_here", "missing_there", "order", "type", "length", "decimals", "obligation", "repeats"
]

#: Kinds that the book calls otherwise than we do.
_OUR_KIND: Final = {"V": "FLK_P"}
#: Differences between editions that are differences to the book; it has no values and no books of its own.
_ASPECTS: Final[dict[comparing.Aspect, Aspect]] = {
    "added": "missing_there", "removed": "missing_here", "moved": "order", "type": "type", "length": "length",
    "decimals": "decimals", "obligation": "obligation", "repeats": "repeats",
}  # fmt: skip
_MUST: Final = {"О": "O", "У": "U", "Н": "N", "O": "O", "Y": "U", "H": "N"}  # the second three are Latin letters
_COLUMNS: Final = frozenset({"idzap", "id_el", "type_d", "type_e", "form_e", "mxlen_e", "name_e", "datebeg", "dateend"})
_VERSION: Final = re.compile(r"«([0-9]\.[0-9])»")
#: What names look like: nothing else gets into reports.
_LIKE: Final = {
    "id_el": re.compile(r"[A-Z][A-Z0-9_]*(/[A-Z][A-Z0-9_]*)*"), "type_d": re.compile(r"[A-Z]{1,4}"),
    "idzap": re.compile(r"[A-Z][A-Z0-9_]*/[0-9]+"),
}  # fmt: skip
_FEW: Final = 100

#: The report: one line per difference.
REPORT: Final[dict[str, pl.DataType]] = {
    "kind": pl.String(), "path": pl.String(), "aspect": pl.String(), "ours": pl.String(), "book": pl.String(),
    "editions": pl.String(), "since": pl.String(), "row": pl.String(), "cause": pl.String(), "reason": pl.String(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BookRow:
    """One record of the book: an element of a kind of file while it is in force. `path` is without root."""

    id: str
    kind: str
    root: str
    path: str
    must: str
    repeats: bool
    form: str
    length: int  # digits in all, as in our tables: the book's 15.2 are 15 before the point and 2 behind it
    decimals: int
    name: str
    version: str  # the version that the description of ZGLV/VERSION names
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True)
class StructureBook:
    """The book as loaded."""

    edition: str
    rows: tuple[BookRow, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of files it describes, in its order."""
        return tuple(dict.fromkeys(row.kind for row in self.rows))

    def days(self, kind: str) -> tuple[date, ...]:
        """Days on which the description of a kind begins or changes."""
        return tuple(sorted({row.valid_from for row in self.rows if row.kind == kind}))

    def on(self, kind: str, day: date) -> tuple[BookRow, ...]:
        """Elements of a kind in force on a day, in file order."""
        here = [
            row for row in self.rows if row.kind == kind and row.valid_from <= day and (not row.valid_to or day <= row.valid_to)
        ]
        below: dict[str, list[BookRow]] = {}
        for row in sorted(here, key=lambda row: row.id):
            below.setdefault(row.path.rpartition("/")[0], []).append(row)

        def walk(parent: str) -> Iterator[BookRow]:
            for row in below.get(parent, ()):
                yield row
                yield from walk(row.path)

        return tuple(walk(""))

    def format_of(self, kind: str, day: date) -> Format:
        """A kind on a day as a format table; elements go where ours go, others get a table or column by their path.

        Raises KeyError where the book does not describe the kind on that day.
        """
        rows = self.on(kind, day)
        if not rows:
            raise KeyError(kind)
        our_kind = _OUR_KIND.get(kind, kind)
        version = next((row.version for row in rows if row.version), "")
        choice = _nearest(our_kind, version, day)
        ours = None if choice is None else choice.format
        header = HEADER_TABLE[family_of(our_kind)]
        what = f"Q018 {self.edition} {kind} {day.isoformat()}"
        return Format(
            id=what, kinds=(our_kind,), version=version, period_from=_month(day), period_to=None, root=rows[0].root,
            encoding="windows-1251", unconfirmed=False, result=None,
            fields=fields_of([_line(row, ours) for row in rows], header, what), source=self.edition,
        )  # fmt: skip


@dataclass(frozen=True)
class Loaded:
    """What came of one file: the book, or None and the findings that refused it."""

    book: StructureBook | None
    findings: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why ours and the book may differ: a line of structure_book_reasons.csv. Empty `ours`, `book`: whatever they say."""

    kinds: tuple[str, ...]
    path: str  # pattern of fnmatch
    aspect: str
    ours: str
    book: str
    cause: str
    reason_en: str
    reason_ru: str
    line: int

    def fits(self, found: Difference) -> bool:
        """Whether it explains a difference."""
        return (
            self.aspect == found.aspect
            and (self.kinds == ("*",) or found.kind in self.kinds)
            and self.ours in ("", found.ours)
            and self.book in ("", found.book)
            and fnmatchcase(found.path, self.path)
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that ours and the book tell differently."""

    kind: str
    path: str
    aspect: Aspect
    ours: str
    book: str
    editions: tuple[str, ...] = ()  # of ours
    since: tuple[date, ...] = ()  # days of the book
    row: str = ""  # number of the record

    @property
    def explanation(self) -> Explanation | None:
        """The first explanation that fits; None: nobody has looked at it."""
        return next((one for one in explanations() if one.fits(self)), None)


@cache
def explanations() -> tuple[Explanation, ...]:
    """All explanations, in the order of the file."""
    text = resources.files(__package__).joinpath("structure_book_reasons.csv").read_text(encoding="utf-8")
    return tuple(
        Explanation(
            tuple(line["kind"].split()), line["path"], line["aspect"], line["ours"], line["book"], line["cause"],
            line["reason_en"], line["reason_ru"], number,
        )
        for number, line in enumerate(csv.DictReader(text.splitlines()), 2)
    )  # fmt: skip


# --- loading ----------------------------------------------------------------------------------------------------------


def load(source: Path | bytes, file_name: str | None = None) -> Loaded:
    """Reads the book from an official package (XML, or a ZIP of one). It is loaded whole or not at all.

    Findings: N.001 unreadable or another book, N.002 record without an element, N.003 bad date, N.004 an element twice on one
    day, N.006 a length that is none, N.007 a value that the book does not have, N.008 an element outside any structure.
    """
    name = file_name or (source.name if isinstance(source, Path) else "")
    try:
        records = read_records(source, name)
    except UnreadableError as error:
        return _refused([error.finding(name)])
    except OSError as error:
        return _refused([unreadable(name, "os", said=error.strerror or "?")])
    lacking = sorted(_COLUMNS - records.columns)
    if lacking:
        return _refused([unreadable(name, "lacks", columns=", ".join(lacking).upper())])
    problems: list[Finding] = []
    rows = _rows(name, records, problems)
    book = StructureBook(" ".join(filter(None, (records.type, records.version, records.issued))), tuple(rows))
    problems += [] if problems else _contradictions(name, book)
    return _refused(problems) if problems else Loaded(book, findings.empty())


def _refused(problems: list[Finding]) -> Loaded:
    return Loaded(None, findings.frame(problems[:_FEW]))


def _rows(name: str, records: Records, problems: list[Finding]) -> list[BookRow]:
    """Records as rows; what is wrong goes to `problems`. The root, where a kind has a record of it, is left out."""
    found = []
    for number, (raw, line) in enumerate(zip(records.rows, records.lines, strict=True), 1):

        def wrong(rule: str, column: str, number: int = number, line: int = line, raw: dict[str, str] = raw) -> None:
            params = {"book": "Q018", "row": number, "column": column.upper()}
            problems.append(Finding(rule, file=name, line=line or None, value=raw.get(column, ""), params=params))

        root, _, path = raw.get("id_el", "").partition("/")
        if not root or not raw.get("type_d"):
            wrong("N.002", "id_el" if not root else "type_d")
            continue
        unlike = next((column for column, pattern in _LIKE.items() if not pattern.fullmatch(raw.get(column, ""))), None)
        if unlike is not None:
            wrong("N.007", unlike)
            continue
        first, last = (_day(raw.get(column, "")) for column in ("datebeg", "dateend"))
        if first is None or (raw.get("dateend") and (last is None or last < first)):
            wrong("N.003", "datebeg" if first is None else "dateend")
            continue
        must, form = _MUST.get(raw.get("type_e", "")[:1], ""), raw.get("form_e", "")
        if not must or raw["type_e"][1:] not in ("", "М", "M") or form not in ("S", "T", "N", "D"):
            wrong("N.007", "form_e" if must else "type_e")
            continue
        size = re.fullmatch(r"([0-9]{1,4})(?:[.,]([0-9]{1,2}))?", raw.get("mxlen_e", ""))
        if (form == "S") != (size is None) or (size is not None and size[2] and form != "N"):
            wrong("N.006", "mxlen_e")
            continue
        decimals = int(size[2] or 0) if size else 0
        version = _VERSION.search(raw.get("desc_e", "")) if path == "ZGLV/VERSION" else None
        if path:
            found.append(
                BookRow(
                    id=raw.get("idzap", ""), kind=raw["type_d"], root=root, path=path, must=must, repeats=len(raw["type_e"]) > 1,
                    form=form, length=int(size[1]) + decimals if size else 0, decimals=decimals, name=raw.get("name_e", ""),
                    version=version[1] if version else "", valid_from=first, valid_to=last,
                )
            )  # fmt: skip
    return found


def _day(text: str) -> date | None:
    match = re.fullmatch(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})", text)
    try:
        return date(int(match[3]), int(match[2]), int(match[1])) if match else None
    except ValueError:
        return None


def _contradictions(name: str, book: StructureBook) -> list[Finding]:
    """Elements that stand twice on one day, or in no structure."""
    found = []
    for kind in book.kinds:
        for day in book.days(kind):
            seen: dict[str, BookRow] = {}
            for row in book.rows:
                if row.kind == kind and row.valid_from <= day and (not row.valid_to or day <= row.valid_to):
                    if row.path in seen:
                        params: dict[str, object] = {"book": "Q018", "row": row.id, "day": row.valid_from.isoformat()}
                        found.append(Finding("N.004", file=name, value=f"{kind} {row.path}", params=params))
                    seen[row.path] = row
            for row in seen.values():
                parent = row.path.rpartition("/")[0]
                if parent and (parent not in seen or seen[parent].form != "S"):
                    params = {"book": "Q018", "row": row.id, "parent": parent}
                    found.append(Finding("N.008", file=name, value=f"{kind} {row.path}", params=params))
    return found


def _nearest(our_kind: str, version: str, day: date) -> FormatChoice | None:
    """Our edition for a kind, version and day; None where we do not have the kind."""
    try:
        return formats.find_format(our_kind, version or None, _month(day))
    except KeyError:
        return None


def _month(day: date) -> str:
    return f"{day.year:04d}-{day.month:02d}"


def _line(row: BookRow, ours: Format | None) -> Line:
    """A row as the line of a format table. What only the book has gets a table or column by its path, which nothing else has."""
    known = ours.by_path.get(row.path) if ours else None
    alone = "_".join(row.path.lower().split("/")[1:]) or row.path.lower()
    place = alone if row.repeats else ""
    if known is not None and known.own:
        place = as_line(known)["table"]
    return {
        "path": row.path, "form": row.form, "length": str(row.length), "decimals": str(row.decimals), "must": row.must,
        "repeats": str(int(row.repeats)), "book": "", "values": "", "min_length": "", "table": place,
        "column": "" if row.form == "S" else (known.column if known else alone), "meaning_en": "", "meaning_ru": row.name,
    }  # fmt: skip


# --- the report -------------------------------------------------------------------------------------------------------


def differences(book: StructureBook) -> tuple[Difference, ...]:
    """Every difference between the book and our editions of the same version and time, each told once.

    An edition is held against the book as it was on each day on which the book changed while that edition held. Editions of
    other times are not held against it: `not_described` names them.
    """
    found: list[Difference] = []
    for kind, day, theirs, choice in _pairs(book):
        if choice is None:
            found.append(Difference(kind, "", "kind", "", f"{theirs.root}: {len(theirs.fields)}", (), (day,)))
            continue
        ours = choice.format
        if theirs.version and not choice.exact:
            found.append(Difference(kind, "", "version", ours.version, theirs.version, (ours.id,), (day,)))
        found.extend(_held(kind, day, ours, theirs, {row.path: row.id for row in book.on(kind, day)}))
    return tuple(_merged(found))


def _pairs(book: StructureBook) -> Iterator[tuple[str, date, Format, FormatChoice | None]]:
    """The book kind by kind and day by day of change, with our edition of that version and time."""
    for kind in book.kinds:
        for day in book.days(kind):
            theirs = book.format_of(kind, day)
            yield kind, day, theirs, _nearest(theirs.kind, theirs.version, day)


def _held(kind: str, day: date, ours: Format, theirs: Format, numbers: dict[str, str]) -> Iterator[Difference]:
    """Differences of one edition on one day."""
    for change in comparing.changes(theirs, ours):
        aspect = _ASPECTS.get(change.aspect)
        if aspect is not None:
            yield Difference(kind, change.path, aspect, change.new, change.old, (ours.id,), (day,), numbers.get(change.path, ""))


def _merged(found: list[Difference]) -> Iterator[Difference]:
    """The same difference of several editions and days told once, kind by kind in the order of the book."""
    places: dict[str, int] = {}
    for one in found:
        places.setdefault(one.kind, len(places))

    def key(one: Difference) -> tuple[int, str, str, str, str]:
        return places[one.kind], one.path, one.aspect, one.ours, one.book

    for _, group in groupby(sorted(found, key=key), key):
        same = list(group)
        editions = tuple(dict.fromkeys(name for one in same for name in one.editions))
        days = tuple(dict.fromkeys(day for one in same for day in one.since))
        yield Difference(same[0].kind, same[0].path, same[0].aspect, same[0].ours, same[0].book, editions, days, same[0].row)


def not_described(book: StructureBook) -> tuple[str, ...]:
    """Our editions of the kinds of the book that it does not describe: of other versions, or begun after its last change."""
    held = {choice.format.id for _, _, _, choice in _pairs(book) if choice is not None}
    kinds = {_OUR_KIND.get(kind, kind) for kind in book.kinds}
    return tuple(name for name in formats.format_ids() if name not in held and kinds & set(formats.get(name).kinds))


def report(book: StructureBook, lang: str) -> pl.DataFrame:
    """The differences as a table (columns of REPORT), with cause and reason in `lang`; null reason: unexplained."""
    rows = []
    for one in differences(book):
        why = one.explanation
        reason = None if why is None else (why.reason_ru if lang == "ru" else why.reason_en)
        cause = None if why is None else messages.text(f"formats.cause.{why.cause}", lang)
        since = ", ".join(day.isoformat() for day in one.since)
        rows.append((one.kind, one.path, one.aspect, one.ours, one.book, ", ".join(one.editions), since, one.row, cause, reason))
    return pl.DataFrame(rows, schema=REPORT, orient="row")
