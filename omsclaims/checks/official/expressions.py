"""How does a condition of the books become a column? Trees of `syntax` as polars expressions over the rows of one table.

The reading rules are those of checks.md 1.4a:

1. An absent element: `=`, `<`, `>` and sets are false, `<>` is true - except `X<>0` of a section below, which needs one to exist.
2. Of what repeats below: `X=v` is true if some value is v, `X<>v` if none is.
3. Conditions joined by И that speak of one section below bind to the same instance.
5. Numbers compare as numbers, codes as text.
6. What is allowed (VAL_EL) is silent where an operand is absent or unreadable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import reduce
from operator import and_, or_
from typing import Final

import polars as pl

from omsclaims.checks.official import classifiers, syntax
from omsclaims.checks.official.lines import Exists, Has, Member, Raw, Ref, Together, Value
from omsclaims.checks.official.resolve import Editions, Site
from omsclaims.checks.official.syntax import Condition, Name, Operand
from omsclaims.periods import age_expr
from omsclaims.registry.formats import Family

_SIGNS: Final[dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]]] = {
    "=": lambda a, b: a == b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
_FALSE: Final = pl.lit(False)
_TRUE: Final = pl.lit(True)
#: Parts of the name of a file and their columns.
_PARTS: Final[dict[str, tuple[str, str]]] = {
    "Pi": ("@pi", "T"), "Ni": ("@ni", "T"), "Pp": ("@pp", "T"), "Np": ("@np", "T"), "YY": ("@yy", "N"), "MM": ("@mm", "N"),
}  # fmt: skip


class UnsaidError(ValueError):
    """A condition that cannot be turned into a column; `why` is a key, `what` the part that is meant."""

    def __init__(self, why: str, what: object = "") -> None:
        self.why, self.what = why, str(what)
        super().__init__(f"{why}: {what}")


@dataclass(frozen=True)
class Term:
    """An operand as a column: T text, N number in units of 10^-scale, D date, V a literal that takes the type of the other."""

    expr: pl.Expr
    form: str
    scale: int = 0
    text: str = ""


@dataclass
class Scope:
    """Where names are looked for: the files' editions, the section of the row, and the table whose rows are looked at.

    refs  columns of other tables that the expressions need, by key
    """

    editions: Editions
    family: Family
    section: str
    grain: str
    refs: dict[str, Ref] = field(default_factory=dict)

    def at(self, grain: str) -> Scope:
        """The same line of names over the rows of another table, with references of its own."""
        return Scope(self.editions, self.family, self.section, grain)

    def use(self, ref: Ref) -> pl.Expr:
        """The column of a reference."""
        self.refs.setdefault(ref.key, ref)
        return pl.col(ref.key)

    def site(self, name: Name) -> Site:
        """The element that a name means here."""
        return self.editions.find(name.parts, self.family, self.section)

    def is_below(self, site: Site) -> bool:
        """Whether there may be many of it for one row."""
        return site.known and site.table not in self.editions.upward(self.grain)

    # ---------------------------------------------------------------- columns

    def value(self, site: Site) -> pl.Expr:
        """The values of an element; null where the edition has none."""
        if not site.known:
            return pl.lit(None, dtype={"T": pl.String(), "N": pl.Int64(), "D": pl.Date()}.get(site.form, pl.String()))
        return self.use(Value(f"{site.table}.{site.column}", site.table, site.column))

    def present(self, site: Site) -> pl.Expr:
        """Whether the element stands there, for what is not below."""
        if not site.known:
            return _FALSE
        if site.form != "S":
            return self.use(Has(f"?{site.table}.{site.column}", site.table, site.column))
        if site.own:
            return _TRUE if site.table == self.grain else self.exists(site.table, _TRUE, {}, "")
        edition = self.editions.edition(site.family)
        assert edition is not None
        parts = []
        for item in edition.children.get(site.path, ()):
            inner = self.editions.site(site.family, item.path)
            if inner is not None:
                below = self.is_below(inner)
                parts.append(self.exists(inner.table, _TRUE, {}, "") if below else self.present(inner))
        return reduce(or_, parts) if parts else _FALSE

    def filled(self, site: Site) -> pl.Expr:
        """Whether the element stands there with something in it, for what is not below."""
        if not site.known or site.form == "S":
            return self.present(site)
        return self.present(site) & (self.use(Raw(f"!{site.table}.{site.column}", site.table, site.column)).fill_null("?") != "")

    def exists(self, child: str, where: pl.Expr, refs: dict[str, Ref], what: object) -> pl.Expr:
        """Whether some row of `child` on this line meets `where` (an expression over `refs`, at the child's rows).

        what  says in words what `where` looks for: the same question is asked once
        """
        meeting = self.editions.meeting(self.grain, child)
        key = f"E{meeting}/{child}/{self.family}/{self.section}/{what}"
        return self.use(Exists(key, meeting, child, where, tuple(refs.values())))

    # ---------------------------------------------------------------- operands

    def term(self, operand: Operand) -> Term:
        """An operand as a column of the rows looked at."""
        if isinstance(operand, Name):
            site = self.site(operand)
            if site.form == "S":
                raise UnsaidError("structure", operand)
            return Term(self.value(site), site.form, site.scale)
        if isinstance(operand, syntax.Value):
            return Term(pl.lit(operand.text), "V", text=operand.text)
        if isinstance(operand, syntax.Today):
            return Term(self.use(Value("file.@today", "file", "@today")), "D")
        if isinstance(operand, syntax.NamePart):
            column, form = _PARTS[operand.part]
            return Term(self.use(Value(f"file.{column}", "file", column)), form)
        if isinstance(operand, syntax.FileKind):
            return Term(self.use(Value("file.@kind", "file", "@kind")), "T")
        if isinstance(operand, syntax.DatePart):
            day = self.term(operand.of).expr
            return Term((day.dt.year() if operand.part == "year" else day.dt.month()).cast(pl.Int64), "N")
        if isinstance(operand, syntax.Shifted):
            unit = {"years": "y", "months": "mo", "days": "d"}[operand.unit]
            return Term(self.term(operand.of).expr.dt.offset_by(f"{operand.by}{unit}"), "D")
        if isinstance(operand, syntax.Head):
            return Term(self.term(operand.of).expr.cast(pl.String).str.head(operand.letters), "T")
        if isinstance(operand, syntax.LastLetter):
            return Term(self.term(operand.of).expr.cast(pl.String).str.tail(1), "T")
        if isinstance(operand, syntax.Age):
            on = self.term(operand.on or Name(("DATE_Z_1",))).expr
            return Term(_units(self.term(Name(("DR",))).expr, on, operand.unit), "N")
        if isinstance(operand, syntax.DaysBetween):
            between = _units(self.term(operand.first).expr, self.term(operand.last).expr, operand.unit)
            return Term(between + 1 if operand.inclusive else between, "N")
        return self._total(operand)

    def _total(self, operand: syntax.Total) -> Term:
        """A sum; what is absent of it counts as nothing, but not all of it."""
        terms = [(sign, self.term(name)) for sign, name in operand.terms]
        scale = max(term.scale for _, term in terms)
        first = _scaled(terms[0][1], scale) * terms[0][0]
        return Term(reduce(lambda total, one: total + _scaled(one[1], scale).fill_null(0) * one[0], terms[1:], first), "N", scale)

    # ---------------------------------------------------------------- what is looked at

    def below(self, node: Condition | Operand) -> frozenset[str]:
        """Tables of the elements named in a condition of which there may be many for one row."""
        if isinstance(node, syntax.Every):
            return frozenset()
        found = set()
        for name in _names(node):
            site = self.site(name)
            if self.is_below(site):
                found.add(site.table)
        return frozenset(self._deepest(found))

    def _deepest(self, tables: set[str]) -> set[str]:
        """Of tables on one line the deepest alone: its rows see the others."""
        return {one for one in tables if not any(one != other and one in self.editions.upward(other) for other in tables)}

    # ---------------------------------------------------------------- conditions: true or false

    def truth(self, node: Condition) -> pl.Expr:
        """The condition as true or false, never null."""
        if isinstance(node, syntax.And):
            return self._all(node.parts)
        if isinstance(node, syntax.Or):
            return reduce(or_, [self.truth(part) for part in node.parts])
        if isinstance(node, syntax.Not):
            return ~self.truth(node.part)
        if isinstance(node, syntax.Every):
            return self._every(node)
        below = self.below(node)
        if not below:
            return self._plain(node)
        if len(below) > 1:
            raise UnsaidError("two_below", node)
        (child,) = below
        if _denies(node) and not _not_zero(node, self):
            denied = ~self._some(child, _contrary(node))
            # of a person whom no record of the main file names nothing is known there, not that it is otherwise
            return denied & self.exists(child, _TRUE, {}, "") if self._is_of_main(child) else denied
        return self._some(child, node)

    def _all(self, parts: tuple[Condition, ...]) -> pl.Expr:
        """Parts joined by И: those about one section below hold for one and the same instance of it."""
        made: list[pl.Expr] = []
        bound: dict[str, list[Condition]] = {}
        for part in parts:
            below = self.below(part)
            if len(below) == 1:
                bound.setdefault(next(iter(below)), []).append(part)
            else:
                made.append(self.truth(part))
        for child, conditions in bound.items():
            asserts = [part for part in conditions if not _denies(part) or _not_zero(part, self)]
            if asserts and len(conditions) > 1:
                made.append(self._some(child, syntax.And(tuple(conditions))))
            else:
                made += [self.truth(part) for part in conditions]
        return reduce(and_, made)

    def _is_of_main(self, child: str) -> bool:
        """Whether the rows below a row of the file of persons lie in the main file."""
        return self.family == "person" and child in self.editions.main.parents

    def _some(self, child: str, node: Condition) -> pl.Expr:
        inner = self.at(child)
        if not isinstance(node, syntax.And | syntax.Or) and inner.below(node):
            raise UnsaidError("two_below", f"{self.grain}: {node}")
        return self.exists(child, inner.truth(node), inner.refs, node)

    def _every(self, node: syntax.Every) -> pl.Expr:
        site = self.site(Name((node.section,)))
        if not site.known:
            return pl.lit(not node.some)
        inner = Scope(self.editions, site.family, site.path, site.table)
        condition = inner.truth(node.condition)
        if node.some:
            return self.exists(site.table, condition, inner.refs, node)
        return ~self.exists(site.table, ~condition, inner.refs, node)

    def _plain(self, node: Condition) -> pl.Expr:
        if isinstance(node, syntax.Present):
            found = self.present(self.site(node.name))
            return ~found if node.negated else found
        if isinstance(node, syntax.Filled):
            filled = self.filled(self.site(node.name))
            return ~filled if node.negated else filled
        held = self.silent(node)
        return held.fill_null(_denies(node))

    # ---------------------------------------------------------------- values: true, false or silent

    def silent(self, node: Condition) -> pl.Expr:
        """The condition, null where it cannot be said; for what is not below."""
        if isinstance(node, syntax.And | syntax.Or):
            join = and_ if isinstance(node, syntax.And) else or_
            return reduce(join, [self.silent(part) for part in node.parts])
        if isinstance(node, syntax.Not):
            return ~self.silent(node.part)
        if isinstance(node, syntax.Compare):
            return self._compare(node)
        if isinstance(node, syntax.Among):
            return self._among(node)
        if isinstance(node, syntax.Period):
            month = int(node.month.replace("-", ""))
            return _SIGNS[node.sign](self.use(Value("file.@period", "file", "@period")), pl.lit(month))
        if isinstance(node, syntax.Found):
            return self.member(self.site(node.name), node.book, classifiers.column_of(node.book, node.column))
        if isinstance(node, syntax.FoundRow):
            return self._found_row(node)
        if isinstance(node, syntax.Newborn):
            return self._newborn(self.site(node.name))
        return self._plain(node)

    def broken(self, node: Condition) -> pl.Expr:
        """Where what is allowed does not hold: never null; of what repeats below, for any instance."""
        if isinstance(node, syntax.And):
            return reduce(or_, [self.broken(part) for part in node.parts])
        if isinstance(node, syntax.Every):
            return ~self.truth(node)
        below = self.below(node)
        if not below:
            return (~self.silent(node)).fill_null(False)
        if len(below) > 1:
            raise UnsaidError("two_below", node)
        (child,) = below
        inner = self.at(child)
        if inner.below(node):
            raise UnsaidError("two_below", f"{self.grain}: {node}")
        return self.exists(child, inner.broken(node), inner.refs, f"not {node}")

    def member(self, site: Site, book: str, column: str) -> pl.Expr:
        """Whether the value is in a book on the day of care."""
        if not site.known:
            return pl.lit(None, dtype=pl.Boolean)
        day = self.day(site.table)
        key = f"M{site.table}.{site.column}/{book}.{column}"
        return self.use(Member(key, site.table, site.column, book, column, day))

    def _found_row(self, node: syntax.FoundRow) -> pl.Expr:
        """Whether a row of a book holds all the values on the day of care; null where one of them is missing."""
        of, columns, fixed = [], [], []
        for column, operand in node.pairs:
            ours = classifiers.pair_column(node.book, column)
            if isinstance(operand, syntax.Value):
                fixed.append((ours, operand.text))
                continue
            if not isinstance(operand, Name):
                raise UnsaidError("found_row", column)
            site = self.site(operand)
            if not site.known:
                return pl.lit(None, dtype=pl.Boolean)
            of.append(Value(f"{site.table}.{site.column}", site.table, site.column))
            columns.append(ours)
        key = f"T{self.grain}/{node}"
        return self.use(Together(key, self.grain, tuple(of), node.book, tuple(columns), self.day(self.grain), tuple(fixed)))

    def day(self, table: str) -> Ref | None:
        """The date on which codes of a table are looked up."""
        for above in self.editions.upward(table):
            if above in classifiers.DAYS and (above != "file" or table == "file"):
                where, column = classifiers.DAYS[above]
                return Value(f"{where}.{column}", where, column)
        return Value("file.dschet", "file", "dschet")

    def _compare(self, node: syntax.Compare) -> pl.Expr:
        left, right = self.term(node.left), self.term(node.right)
        if "V" in (left.form, right.form):
            known, literal = (left, right) if right.form == "V" else (right, left)
            made = _literal(literal.text, known)
            a, b = (known.expr, made) if known is left else (made, known.expr)
            return _SIGNS[node.sign](a, b)
        if isinstance(node.left, syntax.NamePart) and node.left.part == "YY":
            right = Term(right.expr % 100, "N", right.scale)
        if left.form == "N" and right.form == "N":
            scale = max(left.scale, right.scale)
            return _SIGNS[node.sign](_scaled(left, scale), _scaled(right, scale))
        if left.form != right.form:
            return _SIGNS[node.sign](left.expr.cast(pl.String), right.expr.cast(pl.String))
        return _SIGNS[node.sign](left.expr, right.expr)

    def _among(self, node: syntax.Among) -> pl.Expr:
        left = self.term(node.left)
        single = [one for one in node.values if isinstance(one, str)]
        parts: list[pl.Expr] = []
        if single:
            if left.form == "N":
                units = [_units_of(one, left.scale) for one in single]
                parts.append(left.expr.is_in([one for one in units if one is not None]))
            else:
                parts.append(left.expr.cast(pl.String).is_in(single))
        for one in node.values:
            if not isinstance(one, str):
                low, high = (_literal(end, left) for end in one)
                parts.append((left.expr >= low) & (left.expr <= high))
        held = reduce(or_, parts)
        return ~held if node.negated else held

    def _newborn(self, site: Site) -> pl.Expr:
        """ПДДММГГН: sex, birth date, number from 1 to 10, in agreement with W and DR of the same person (formats.md 14)."""
        text = self.value(site).cast(pl.String)
        sex = self.term(Name(("W",))).expr
        birth = self.term(Name(("DR",))).expr
        shaped = text.str.contains(r"^[12](?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])[0-9]{2}(?:[1-9]|10)$")
        same = text.str.slice(1, 6) == birth.dt.strftime("%d%m%y")
        return shaped & same.fill_null(True) & (text.str.head(1) == sex.cast(pl.String)).fill_null(True)


# ---------------------------------------------------------------- small things


def _names(node: Condition | Operand) -> tuple[Name, ...]:
    """Names of a condition, with those that an age means without naming them."""
    found = list(syntax.names_of(node))
    if _has_age(node):
        found += [Name(("DR",)), Name(("DATE_Z_1",))]
    return tuple(found)


def _has_age(node: object) -> bool:
    if isinstance(node, syntax.Age | syntax.Newborn):
        return isinstance(node, syntax.Age)
    if isinstance(node, tuple):
        return any(_has_age(part) for part in node)
    if hasattr(node, "__dataclass_fields__"):
        return any(_has_age(getattr(node, name)) for name in node.__dataclass_fields__)
    return False


def _denies(node: Condition) -> bool:
    """Whether the condition is true of what is absent."""
    if isinstance(node, syntax.Compare):
        return node.sign == "<>"
    if isinstance(node, syntax.Among | syntax.Present | syntax.Filled):
        return node.negated
    return isinstance(node, syntax.Not)


def _contrary(node: Condition) -> Condition:
    if isinstance(node, syntax.Compare):
        return syntax.Compare(node.left, "=", node.right)
    if isinstance(node, syntax.Among):
        return syntax.Among(node.left, node.values)
    if isinstance(node, syntax.Present):
        return syntax.Present(node.name)
    if isinstance(node, syntax.Filled):
        return syntax.Filled(node.name)
    assert isinstance(node, syntax.Not)
    return node.part


def _not_zero(node: Condition, scope: Scope) -> bool:
    """`S_SUM<>0` of a section below asks for one whose amount is not nothing."""
    if not (isinstance(node, syntax.Compare) and node.sign == "<>" and isinstance(node.left, Name)):
        return False
    return isinstance(node.right, syntax.Value) and node.right.text in ("0", "0.00") and scope.site(node.left).scale > 0


def _scaled(term: Term, scale: int) -> pl.Expr:
    return term.expr if term.scale == scale else term.expr * 10 ** (scale - term.scale)


def _units_of(text: str, scale: int) -> int | None:
    """A literal in units of 10^-scale; None where it is no number, or falls between two."""
    try:
        units = Decimal(text.replace(",", ".")).scaleb(scale)
    except InvalidOperation:
        return None
    return int(units) if units == units.to_integral_value() else None


def _literal(text: str, other: Term) -> pl.Expr:
    """A literal in the type of the column it is compared with."""
    if other.form == "N":
        units = _units_of(text, other.scale)
        if units is None:
            raise UnsaidError("number", text)
        return pl.lit(units, dtype=pl.Int64)
    if other.form == "D":
        try:
            day, month, year = text.split(".") if "." in text else reversed(text.split("-"))
            return pl.lit(date(int(year), int(month), int(day)))
        except ValueError:
            raise UnsaidError("date", text) from None
    return pl.lit(text)


def _units(first: pl.Expr, last: pl.Expr, unit: str) -> pl.Expr:
    """Whole years, months or days from one date to another; calendar_years: the difference of the years."""
    if unit == "years":
        return age_expr(first, last).cast(pl.Int64)
    if unit == "calendar_years":
        return (last.dt.year() - first.dt.year()).cast(pl.Int64)
    if unit == "days":
        return (last - first).dt.total_days()
    months = (last.dt.year() - first.dt.year()) * 12 + (last.dt.month() - first.dt.month()).cast(pl.Int32)
    return (months - (last.dt.day() < first.dt.day()).cast(pl.Int32)).cast(pl.Int64)
