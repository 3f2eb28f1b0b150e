"""What does one row of an official check book say? Rows of Q015, Q016, Q022, Q023 as records, slips of the books corrected.

A row has an id KKKK.RR.NNNN (category of Q017, region, number), the path of an element, the kinds of files it is about, and what
it wants: a classifier, lengths and mask, a condition (USL_TEST) under which the element must be there, must not, or has values
that are allowed (VAL_EL) (checks.md 1.1-1.4).

The books have slips, and some rows say in words what the language can say (checks.md 1.4a.11). `corrections.yaml` states how such
a row is read and why; `unsaid.yaml` lists the rows that the language cannot say, by what they need. A correction holds for the
text it was made for: when an edition changes the row, the row is read as it stands and a finding says so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, cached_property
from importlib import resources
from typing import Any, Final, Literal

import polars as pl
import yaml

from omsclaims import findings, nsi
from omsclaims.checks.official import syntax
from omsclaims.checks.official.grammar import ConditionError, parse_allowed, parse_condition
from omsclaims.checks.official.syntax import Condition, Name
from omsclaims.findings import Finding
from omsclaims.registry.formats import Family

Presence = Literal["present", "absent"]

#: The safe loader, in C where there is one.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ID: Final = re.compile(r"^\d{3}[FK]\.\d{2}\.\d{4}$", re.ASCII)
_ROOTS: Final[dict[str, Family]] = {"ZL_LIST": "main", "PERS_LIST": "person"}
#: Children of the root of a main file: regions write paths without their root.
_TOP: Final = frozenset({"ZGLV", "SCHET", "ZAP"})
#: Words of a comment by which the element must not be there.
_UNWANTED: Final = re.compile(r"долж\w*\s+(?:отсу\w+|отст\w+|осут\w+)|не\s+долж\w*\s+присут\w+", re.IGNORECASE)
_RESERVED: Final = re.compile(r"^\s*не\s+пред\w*смотрен", re.IGNORECASE)
#: Compulsory insurance in its present form begins in 2011; a row that is valid from before that has a slip in its date.
_FIRST_YEAR: Final = 2011


@dataclass(frozen=True, slots=True)
class Correction:
    """How a row is read instead of as it stands, and why. What is None stays as the book has it.

    why       key of messages: `official.why.<why>`
    reads     fingerprint of the texts for which this was stated
    presence  the element must be there (present), must not (absent), or neither is asked (either)
    """

    why: str
    reads: str
    condition: str | None = None
    allowed: str | None = None
    element: str | None = None
    presence: Literal["present", "absent", "either"] | None = None
    book: str | None = None
    column: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    mask: str | None = None


@dataclass(frozen=True)
class CheckRow:
    """A row of a check book, with its stated correction already in it.

    book, ordinal   name of the book and the row's number in the published file, from 1
    issued          day of publication of the edition, where the book says it
    family          file of the element: main or person
    element         tags of its path below the root; empty: the root itself, or a path that cannot be read (`problems`)
    kinds           letters of the kinds of files (TYPE_D)
    book_name       classifier of the values (NSI_OBJ) and its column (book_column, NSI_EL); empty: none
    condition       when (USL_TEST) and what is allowed (allowed, VAL_EL), in the language of `grammar`; empty: always, anything
    min_length ...  lengths in characters and mask; None or empty: none
    comment         COMMENT and DESC_TEST (description) in the words of the book
    correction      the correction that was applied
    problems        findings about the row itself
    """

    book: str
    id: str
    ordinal: int
    issued: date | None
    family: Family
    element: tuple[str, ...]
    kinds: tuple[str, ...]
    book_name: str
    book_column: str
    condition: str
    allowed: str
    min_length: int | None
    max_length: int | None
    mask: str
    comment: str
    description: str
    valid_from: date
    valid_to: date | None
    correction: Correction | None = None
    problems: tuple[Finding, ...] = field(default=(), compare=False)

    @property
    def category(self) -> str:
        """Category of Q017: 001F to 006F, 001K to 003K."""
        return self.id[:4]

    @property
    def region(self) -> str:
        """Code of the fund that made the row; 00 is the federal fund."""
        return self.id[5:7]

    @property
    def path(self) -> str:
        """The element's path below the root: ZAP/Z_SL/SL/DS1."""
        return "/".join(self.element)

    @property
    def target(self) -> Name | None:
        """The element as a condition names it."""
        return Name((self.element[-1],)) if self.element else None

    @property
    def reserved(self) -> bool:
        """Whether the row only keeps its number: no check is laid down."""
        return _RESERVED.match(self.description) is not None or _RESERVED.match(self.comment) is not None

    @property
    def corrected(self) -> bool:
        """Whether the row is read otherwise than it stands."""
        return self.correction is not None

    @cached_property
    def presence(self) -> Presence | None:
        """Whether the element must be there or must not, when the condition holds; None: the row does not ask that.

        Rows of 003F ask it, as the comment has it; so do rows whose allowed value is that the element is filled.
        """
        if self.correction is not None and self.correction.presence is not None:
            return None if self.correction.presence == "either" else self.correction.presence
        if self.category == "003F":
            return "absent" if _UNWANTED.search(self.comment) else "present"
        return "present" if self._wants_itself() else None

    @property
    def absent_wanted(self) -> bool:
        """Whether the element must not be there when the condition holds."""
        return self.presence == "absent"

    @cached_property
    def condition_tree(self) -> Condition | None:
        """The tree of the condition; None: always. Raises ConditionError."""
        return parse_condition(self.condition, self.target) if self.condition else None

    @cached_property
    def allowed_tree(self) -> Condition | None:
        """The tree of what is allowed; None: nothing is said of it. Raises ConditionError."""
        return parse_allowed(self.allowed, self.target) if self.allowed else None

    @property
    def demands(self) -> bool:
        """Whether the row asks anything at all: presence, values, a classifier, a length or a mask."""
        shape = self.mask or self.min_length is not None or self.max_length is not None
        return bool(self.presence or self.allowed or self.book_name or shape)

    def errors(self) -> tuple[tuple[Literal["condition", "allowed"], ConditionError], ...]:
        """What of the row does not parse."""
        found: list[tuple[Literal["condition", "allowed"], ConditionError]] = []
        try:
            _ = self.condition_tree
        except ConditionError as error:
            found.append(("condition", error))
        try:
            _ = self.allowed_tree
        except ConditionError as error:
            found.append(("allowed", error))
        return tuple(found)

    def _wants_itself(self) -> bool:
        try:
            allowed = self.allowed_tree
        except ConditionError:
            return False
        parts = allowed.parts if isinstance(allowed, syntax.And) else (allowed,)
        return any(isinstance(one, syntax.Filled) and not one.negated and one.name == self.target for one in parts)


def check_rows(book: nsi.Book) -> list[CheckRow]:
    """The rows of an edition of a check book, in the order of id and validity, corrections applied.

    What is wrong with a row stands in its `problems`: Q.101 a length that is no number, Q.102 a path that is none, Q.103 an id
    that is none, Q.104 a validity that begins before there was this insurance, Q.105 a correction stated for another text.
    """
    return [_row(book, raw, number) for number, raw in enumerate(book.rows.iter_rows(named=True), 1)]


def problems(rows: Iterable[CheckRow]) -> pl.DataFrame:
    """Findings about the rows themselves (findings.SCHEMA)."""
    return findings.concat([findings.frame(row.problems) for row in rows if row.problems])


def fingerprint(raw: Mapping[str, Any]) -> str:
    """What tells whether a row still reads as it did: of its path, condition, allowed values, comment and description."""
    texts = (" ".join(str(raw.get(column) or "").split()) for column in ("id_el", "usl_test", "val_el", "comment", "desc_test"))
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:10]


@cache
def corrections() -> dict[tuple[str, str], Correction]:
    """The stated corrections by book and id."""
    return {
        (book, row): Correction(**entry) for book, entries in _yaml("corrections.yaml").items() for row, entry in entries.items()
    }


@cache
def unsaid() -> dict[tuple[str, str], str]:
    """Rows that the language cannot say, by book and id: what they need, a key `official.need.<need>` of messages."""
    return {
        (book, row): need
        for book, needs in _yaml("unsaid.yaml").items()
        for need, rows in needs.items()
        for row in rows
    }  # fmt: skip


def _yaml(name: str) -> dict[str, Any]:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=_LOADER)  # type: ignore[no-any-return] # noqa: S506


# ---------------------------------------------------------------- one row


def _row(book: nsi.Book, raw: Mapping[str, Any], number: int) -> CheckRow:
    """A row as the book has it, then with its correction."""
    found: list[Finding] = []
    ordinal = int(raw.get("row") or number)

    def wrong(rule: str, column: str, value: object) -> None:
        params = {"book": book.name, "row": ordinal, "id": raw["code"], "column": column.upper()}
        found.append(Finding(rule, file=book.name, value=str(value), params=params))

    if not _ID.match(raw["code"]):
        wrong("Q.103", "id_test", raw["code"])
    if raw["valid_from"] != nsi.SINCE_EVER and raw["valid_from"].year < _FIRST_YEAR:
        wrong("Q.104", "datebeg", raw["valid_from"])
    correction = corrections().get((book.name, raw["code"]))
    if correction is not None and correction.reads != fingerprint(raw):
        wrong("Q.105", "id_test", fingerprint(raw))
        correction = None
    path = (correction.element if correction else None) or _text(raw, "id_el")
    place = _place(path)
    if place is None:
        wrong("Q.102", "id_el", path)
    family, element = place or ("main", ())
    lengths = {}
    for column in ("min_len", "max_len"):
        lengths[column] = _length(_text(raw, column))
        if lengths[column] is None and _text(raw, column):
            wrong("Q.101", column, _text(raw, column))
    row = CheckRow(
        book=book.name, id=raw["code"], ordinal=ordinal, issued=book.published, family=family, element=element,
        kinds=tuple(sorted(set(re.findall(r"[A-Z]+", _text(raw, "type_d").upper())))),
        book_name=_text(raw, "nsi_obj").upper(), book_column=_text(raw, "nsi_el"),
        condition=_text(raw, "usl_test"), allowed=_text(raw, "val_el"),
        min_length=lengths["min_len"], max_length=lengths["max_len"], mask=_text(raw, "mask_val"),
        comment=_text(raw, "comment"), description=_text(raw, "desc_test"),
        valid_from=raw["valid_from"], valid_to=raw["valid_to"], problems=tuple(found),
    )  # fmt: skip
    return row if correction is None else _corrected(row, correction)


def _corrected(row: CheckRow, by: Correction) -> CheckRow:
    changes: dict[str, Any] = {
        "condition": by.condition, "allowed": by.allowed, "book_name": by.book, "book_column": by.column,
        "min_length": by.min_length, "max_length": by.max_length, "mask": by.mask,
    }  # fmt: skip
    return replace(row, correction=by, **{name: value for name, value in changes.items() if value is not None})


def _text(raw: Mapping[str, Any], column: str) -> str:
    """A text of the row without space around it; the spaces of the books are not all of one kind."""
    text = str(raw.get(column) or "").replace("\xa0", " ").strip()
    return "" if text == "_" else text  # an underscore keeps a field open in regional books


def _place(path: str) -> tuple[Family, tuple[str, ...]] | None:
    """The file and the tags below its root that a path means; None where it begins with no root."""
    root, *tags = path.split("/")
    if root in _ROOTS and all(tags):
        return _ROOTS[root], tuple(tags)
    return ("main", (root, *tags)) if root in _TOP and all(tags) else None


def _length(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
