"""What can a condition of the official check books say? The tree that the parser makes of it and the compiler reads (Q015-Q023).

The books write conditions in a small language of their own (checks.md 1.4): comparisons, sets, ranges, presence, И / ИЛИ,
parentheses, the age of the patient, parts of the file name, reporting periods. How a condition is to be read where the books do
not say is checks.md 1.4a. Literals stay texts here: whether they are numbers, dates or codes depends on the element.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

#: Comparison signs after normalisation (`≤`, `=<`, `<=`, `>=`, `!=` ...).
Sign = Literal["=", "<>", "<", "<=", ">", ">="]
#: Parts of the name of a file: sender, its code, receiver, its code, year, month (order 79; formats.md 2.1).
NamePartCode = Literal["Pi", "Ni", "Pp", "Np", "YY", "MM"]
AgeUnit = Literal["years", "months", "days", "calendar_years"]
ShiftUnit = Literal["years", "months", "days"]


@dataclass(frozen=True, slots=True)
class Name:
    """An element as the condition names it: `("DS1",)`, `("SANK", "S_TIP")`, `("ZL_LIST", "ZAP", "Z_SL", "P_OTK")`; upper case.

    `at` is the place of its first letter in the condition, from 0; where it stands does not make it another name.
    """

    parts: tuple[str, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        """As written in the books."""
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Value:
    """A value: `1`, `C00.0`, `нет`, `2.6`; without quotes."""

    text: str


@dataclass(frozen=True, slots=True)
class Today:
    """The day on which the file is processed: the day of knowledge of the run."""


@dataclass(frozen=True, slots=True)
class Age:
    """The age of the patient in whole units on the day `on` (None: DATE_Z_1); calendar_years: difference of the years alone."""

    unit: AgeUnit = "years"
    on: Name | None = None


@dataclass(frozen=True, slots=True)
class DaysBetween:
    """Whole units from `first` to `last`, negative where `last` is earlier; `inclusive`: both days counted (days alone)."""

    first: Name
    last: Name
    unit: AgeUnit = "days"
    inclusive: bool = False


@dataclass(frozen=True, slots=True)
class NamePart:
    """A part of the name of the file."""

    part: NamePartCode


@dataclass(frozen=True, slots=True)
class FileKind:
    """The letter of the kind of the main file, as in TYPE_D: H, T, C, X, R, D, A; for a file of persons that of its main file."""


@dataclass(frozen=True, slots=True)
class DatePart:
    """The year or the month of a date, as a number."""

    part: Literal["year", "month"]
    of: Name


@dataclass(frozen=True, slots=True)
class Shifted:
    """A date moved by whole units: `DATE_Z_1 - 3 месяца` is by=-3; a day that a month lacks is its last day."""

    of: Name
    by: int
    unit: ShiftUnit


@dataclass(frozen=True, slots=True)
class LastLetter:
    """The last letter of a value."""

    of: Name


@dataclass(frozen=True, slots=True)
class Head:
    """The first letters of a value: the rubric of a diagnosis is its first three (C16.1 is of C16)."""

    of: Name
    letters: int


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of elements with signs: `SUMMAV - (SANK_MEK + SANK_MEE)` is ((+1, SUMMAV), (-1, SANK_MEK), (-1, SANK_MEE))."""

    terms: tuple[tuple[int, Name], ...]


Operand = Name | Value | Today | Age | DaysBetween | NamePart | FileKind | DatePart | Shifted | LastLetter | Head | Total


@dataclass(frozen=True, slots=True)
class Compare:
    """`left sign right`."""

    left: Operand
    sign: Sign
    right: Operand


@dataclass(frozen=True, slots=True)
class Among:
    """`left = {a, b, c-d}`; `negated`: none of them. A range is a pair (low, high), ends included."""

    left: Operand
    values: tuple[str | tuple[str, str], ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    """The element stands there (an empty one, too); `negated`: it does not."""

    name: Name
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """The element stands there and is not empty (`BSA заполнен`, `X<>""`, NOT NULL); `negated`: it is absent or empty."""

    name: Name
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The value of `name` is in the column of a classifier (`DS1 найден в N009`); no column: its code."""

    name: Name
    book: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A classifier has one row that holds all these values: pairs of its column and the operand that must stand in it."""

    book: str
    pairs: tuple[tuple[str, Operand], ...]


@dataclass(frozen=True, slots=True)
class Period:
    """The reporting period of the file against a month: `с отчетного периода "ноябрь 2019"` is >= 2019-11."""

    sign: Sign
    month: str  # YYYY-MM


@dataclass(frozen=True, slots=True)
class Newborn:
    """The value has the shape of the mark of a newborn, ПДДММГГН, and agrees with sex and birth date (formats.md 14)."""

    name: Name


@dataclass(frozen=True, slots=True)
class Every:
    """The condition holds for every instance of a section below (`во всех элементах SL`); `some`: for at least one."""

    section: str
    condition: Condition
    some: bool = False


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Its contrary."""

    part: Condition


Condition = Compare | Among | Present | Filled | Found | FoundRow | Period | Newborn | Every | And | Or | Not


def names_of(node: Condition | Operand) -> tuple[Name, ...]:
    """All elements that a condition names, in the order of writing."""
    found: list[Name] = []
    _collect(node, found)
    return tuple(found)


def _collect(node: object, found: list[Name]) -> None:
    if isinstance(node, Name):
        found.append(node)
    elif isinstance(node, tuple):
        for part in node:
            _collect(part, found)
    elif hasattr(node, "__dataclass_fields__"):
        for name in node.__dataclass_fields__:
            _collect(getattr(node, name), found)
