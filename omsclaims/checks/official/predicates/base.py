"""How is a predicate of a row written? Over the rows of one table, with columns of others named `table.column`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import polars as pl

from omsclaims.checks.official import classifiers
from omsclaims.checks.official.lines import Aggregate, Computed, Exists, Has, Lines, Member, Ref, Together, Value
from omsclaims.checks.official.resolve import Editions, Site


class Row(Protocol):
    """What a predicate needs to know of its row."""

    @property
    def id(self) -> str:
        """ID_TEST."""


@dataclass(frozen=True)
class Made:
    """Where a row is broken: true over the rows of `grain`; what is shown; what both need."""

    grain: str
    broken: pl.Expr
    refs: tuple[Ref, ...]
    value: pl.Expr | None = None
    element: str | None = None
    books: tuple[tuple[str, str], ...] = ()


@dataclass
class At:
    """The rows of one table, as a predicate sees them: columns by `table.column`, of its own or of tables above."""

    editions: Editions
    grain: str
    refs: dict[str, Ref] = field(default_factory=dict)
    books: list[tuple[str, str]] = field(default_factory=list)

    def _use(self, ref: Ref) -> pl.Expr:
        self.refs.setdefault(ref.key, ref)
        return pl.col(ref.key)

    def __call__(self, name: str) -> pl.Expr:
        """The values of a column."""
        table, _, column = name.partition(".")
        return self._use(Value(name, table, column))

    def has(self, name: str) -> pl.Expr:
        """Whether there is a value."""
        table, _, column = name.partition(".")
        return self._use(Has(f"?{name}", table, column))

    def any(self, child: str, where: Callable[[At], pl.Expr], what: str) -> pl.Expr:
        """Whether some row of a table below meets a condition; `what` names the question."""
        inner = At(self.editions, child)
        made = where(inner)
        meeting = self.editions.meeting(self.grain, child)
        return self._use(Exists(f"A{meeting}/{child}/{what}", meeting, child, made, tuple(inner.refs.values())))

    def _over(
        self, how: str, child: str, of: Callable[[At], pl.Expr], where: Callable[[At], pl.Expr] | None, what: str
    ) -> pl.Expr:
        inner = At(self.editions, child)
        made, kept = of(inner), pl.lit(True) if where is None else where(inner)
        meeting = self.editions.meeting(self.grain, child)
        key = f"A{meeting}/{child}/{how}/{what}"
        return self._use(Aggregate(key, meeting, child, how, made, kept, tuple(inner.refs.values())))

    def sum(self, name: str, where: Callable[[At], pl.Expr] | None = None, what: str = "") -> pl.Expr:
        """The sum of a column of a table below, in its units; `what` names the condition."""
        return self._over("sum", name.partition(".")[0], lambda at: at(name), where, f"{name} {what}")

    def max(self, name: str) -> pl.Expr:
        """The largest value of a column of a table below; null where there is none."""
        return self._over("max", name.partition(".")[0], lambda at: at(name), None, name)

    def count(self, child: str, where: Callable[[At], pl.Expr] | None = None, what: str = "") -> pl.Expr:
        """The number of rows of a table below."""
        return self._over("count", child, lambda at: pl.lit(1), where, what)

    def member(self, name: str, book: str, column: str, day: str) -> pl.Expr:
        """Whether a value is in a column of a book on a day (`table.column`); null without value or day."""
        table, _, of = name.partition(".")
        where, _, when = day.partition(".")
        self.books.append((book, classifiers.column_of(book, column)))
        ref = Member(f"M{name}/{book}.{column}", table, of, book, classifiers.column_of(book, column), Value(day, where, when))
        return self._use(ref)

    def together(self, names: tuple[str, ...], book: str, columns: tuple[str, ...], day: str) -> pl.Expr:
        """Whether values stand together in one row of a book on a day; null where one of them is missing."""
        ours = tuple(classifiers.column_of(book, column) for column in columns)
        self.books.extend((book, column) for column in ours)
        of = tuple(Value(name, *name.split(".")) for name in names)
        key = f"T{'+'.join(names)}/{book}.{'+'.join(ours)}"
        return self._use(Together(key, self.grain, of, book, ours, Value(day, *day.split("."))))

    def computed(self, what: str, make: Callable[[Lines], pl.Series], table: str | None = None) -> pl.Expr:
        """A column that is computed from the tables of the package; `what` names it."""
        return self._use(Computed(f"C{table or self.grain}/{what}", table or self.grain, make))

    def made(self, broken: pl.Expr, value: pl.Expr | None = None, element: str | None = None) -> Made:
        """The predicate's answer."""
        shown = None if value is None else value.cast(pl.String)
        return Made(self.grain, broken.fill_null(False), tuple(self.refs.values()), shown, element, tuple(self.books))

    def roubles(self, kopecks: pl.Expr) -> pl.Expr:
        """An amount as the files write it."""
        size = kopecks.abs()
        sign = pl.when(kopecks < 0).then(pl.lit("-")).otherwise(pl.lit(""))
        return sign + (size // 100).cast(pl.String) + "." + (size % 100).cast(pl.String).str.zfill(2)


#: Row, place of its element, editions -> where it is broken; None where these editions lack what the row speaks of.
Predicate = Callable[[Row, Site, Editions], Made | None]
_PREDICATES: Final[dict[str, Predicate]] = {}


def by_hand(*ids: str) -> Callable[[Predicate], Predicate]:
    """Registers a predicate for rows by their id."""

    def register(predicate: Predicate) -> Predicate:
        for row_id in ids:
            assert row_id not in _PREDICATES, f"{row_id} has two predicates"
            _PREDICATES[row_id] = predicate
        return predicate

    return register


def of(row: Row) -> Predicate | None:
    """The predicate of a row, where one is written."""
    return _PREDICATES.get(row.id)


def registered() -> frozenset[str]:
    """Ids of all rows with a predicate."""
    return frozenset(_PREDICATES)
