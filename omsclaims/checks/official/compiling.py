"""How does a row of a check book become a check? Row and edition -> an expression that is true where the row is broken.

What a row means follows from its category (Q017; checks.md 1.2): 001F and 005F the value is in a classifier on the date, 002F in
a set, 003F an element must or must not be there, 004F lengths, mask and characters, 006F and the rows of control (Q016, Q023)
what is allowed under a condition. What a row says in words only is a predicate written by hand under its id (`predicates`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, reduce
from operator import or_
from typing import Final, Literal

import polars as pl

from omsclaims.checks import catalogue
from omsclaims.checks.official import classifiers, masks, predicates, syntax
from omsclaims.checks.official.expressions import Scope, UnsaidError
from omsclaims.checks.official.grammar import ConditionError
from omsclaims.checks.official.lines import Raw, Ref, Value
from omsclaims.checks.official.resolve import Editions, Site, UnknownElementError
from omsclaims.checks.official.rows import CheckRow, unsaid
from omsclaims.registry.formats import Family, Field

#: What became of a row: an expression as the book has it, with a stated correction, by hand; executed by rules of the catalogue
#: of control, which see more than one package; or why it is not executed.
Way = Literal["compiled", "corrected", "by_hand", "control", "reserved", "not_applicable", "failed"]


#: Tables of one row each: what a file says of itself.
_HEADERS: Final = frozenset({"file", "person_file"})


@dataclass(frozen=True)
class Check:
    """A row that can be executed on the files of one pair of editions.

    grain   table whose rows are looked at
    broken  true where the row is broken; never null
    value   what is found there, as text
    refs    columns that both need
    books   (book, column) that are looked up
    element path from below the root, for the finding
    """

    row: CheckRow
    way: Way
    grain: str
    broken: pl.Expr
    value: pl.Expr
    refs: tuple[Ref, ...]
    element: str
    books: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Skipped:
    """A row that is not executed on these editions. `why` is a key of messages, `what` what is meant."""

    row: CheckRow
    way: Way
    why: str
    what: str = ""


@dataclass(frozen=True)
class Program:
    """All rows of a book for the files of one package: executed and not."""

    checks: tuple[Check, ...]
    skipped: tuple[Skipped, ...]


@dataclass
class _Making:
    """One row on its way: where its element lies and what was asked for."""

    row: CheckRow
    site: Site
    scope: Scope
    books: list[tuple[str, str]] = field(default_factory=list)

    def check(self, broken: pl.Expr, value: pl.Expr | None, way: Way) -> Check:
        shown = pl.lit(None, dtype=pl.String) if value is None else value
        return Check(
            self.row, way, self.scope.grain, broken, shown, tuple(self.scope.refs.values()), self.site.path, tuple(self.books)
        )


def compiled(rows: Iterable[CheckRow], editions: Editions, kind: str) -> Program:
    """The rows that concern a file of `kind` (H T C X R D A) and its file of persons, each executed or with the reason why not.

    Rows of other kinds are left out without a word: they are about other files.
    """
    checks: list[Check] = []
    skipped: list[Skipped] = []
    for row in rows:
        if not concerns(row, kind):
            continue
        made = one(row, editions)
        (checks if isinstance(made, Check) else skipped).append(made)  # type: ignore[arg-type]
    return Program(tuple(checks), tuple(skipped))


def concerns(row: CheckRow, kind: str) -> bool:
    """Whether a row is about files of a kind: rows of persons (L) come with every file that has a file of persons."""
    return kind in row.kinds or ("L" in row.kinds and row.family == "person" and kind in "HTCX")


def one(row: CheckRow, editions: Editions) -> Check | Skipped:
    """One row for one pair of editions."""
    if row.reserved:
        return Skipped(row, "reserved", "reserved")
    family: Family = row.family
    if editions.edition(family) is None:
        return Skipped(row, "not_applicable", "no_person_file")
    site = editions.site(family, row.path)
    by_hand = predicates.of(row)
    if site is None and by_hand is None:
        return Skipped(row, "not_applicable", "no_element", row.path)
    contradiction = "" if site is None else contradicts(row, site, editions)
    if contradiction:
        return Skipped(row, "not_applicable", "later_format", contradiction)
    try:
        if by_hand is not None:
            return _by_hand(row, site, editions, by_hand)
        assert site is not None
        if predicates.regional_book(row.id):
            return _in_classifier(row, site, editions)
        if (row.book, row.id) in unsaid():
            control = by_control().get(row.id)
            if control:
                return Skipped(row, "control", "control", ", ".join(control))
            return Skipped(row, "failed", "needs", unsaid()[row.book, row.id])
        return _COMPILERS.get(row.category, _stated)(row, site, editions)
    except ConditionError as error:
        return Skipped(row, "failed", "condition", error.text("en"))
    except UnknownElementError as error:
        return Skipped(row, "failed", "unknown_element", error.name)
    except UnsaidError as error:
        return Skipped(row, "failed", f"unsaid_{error.why}", error.what)
    except masks.MaskError as error:
        return Skipped(row, "failed", "mask", error.part)


@cache
def by_control() -> dict[str, tuple[str, ...]]:
    """Rows of the books -> rules of the catalogue of control that check the same (`same_as`), those that are on."""
    found: dict[str, list[str]] = {}
    for rule in catalogue.rules().values():
        for row in rule.same_as if rule.enabled else ():
            found.setdefault(row, []).append(rule.id)
    return {row: tuple(rules) for row, rules in found.items()}


def contradicts(row: CheckRow, site: Site, editions: Editions) -> str:
    """What in a later edition of the format contradicts a row of an older book; empty where nothing does (checks.md 1.4).

    A book knows the formats of its time. A row that wants another VERSION, another type, or an element that is there no more (or
    must be there by now) does not speak about files that came later.
    """
    edition = editions.edition(site.family)
    assert edition is not None
    if row.issued is None or edition.period_from <= f"{row.issued:%Y-%m}":
        return ""
    item = edition.by_path[site.path]
    if item.name == "VERSION" and row.category in ("002F", "004F"):
        return f"VERSION {edition.version}"
    if row.category == "004F" and _wider(item, row):
        return f"{item.name} {item.type_text}"
    if row.absent_wanted and item.must == "O":
        return f"{item.name} {item.must}"
    if row.presence == "present" and not row.condition and item.must != "O":
        return f"{item.name} {item.must}"
    if row.category in ("001F", "005F") and row.book_name and item.book and item.book != row.book_name:
        return f"{item.name} {item.book}"
    if row.category == "002F" and item.values and row.allowed and not set(item.values) <= set(_literals(row)):
        return f"{item.name} {', '.join(item.values)}"
    return ""


def _wider(item: Field, row: CheckRow) -> bool:
    """Whether lawful values of the format break the lengths or the mask of the row."""
    if item.form == "N":
        figures = masks.number_mask(row.mask) if row.mask else None
        return figures is not None and (item.length - item.decimals > figures.most or item.decimals > figures.decimals)
    return item.form == "T" and row.max_length is not None and item.length > row.max_length


def _literals(row: CheckRow) -> list[str]:
    allowed = row.allowed_tree
    if isinstance(allowed, syntax.Among) and not allowed.negated:
        return [one for one in allowed.values if isinstance(one, str)]
    if isinstance(allowed, syntax.Compare) and isinstance(allowed.right, syntax.Value):
        return [allowed.right.text]
    return []


# ---------------------------------------------------------------- by category


def _making(row: CheckRow, site: Site, editions: Editions, grain: str | None = None, section: str | None = None) -> _Making:
    return _Making(row, site, Scope(editions, site.family, site.section if section is None else section, grain or site.table))


def _when(making: _Making) -> pl.Expr:
    """The condition of the row, true where it has none."""
    condition = making.row.condition_tree
    if condition is None:
        return pl.lit(True)
    for name in _found_in(condition):
        making.books.append(name)
    return making.scope.truth(condition)


def _found_in(node: object) -> list[tuple[str, str]]:
    if isinstance(node, syntax.Found):
        return [(node.book, classifiers.column_of(node.book, node.column))]
    if isinstance(node, syntax.FoundRow):
        return [(node.book, classifiers.pair_column(node.book, column)) for column, _ in node.pairs]
    if isinstance(node, tuple):
        return [one for part in node for one in _found_in(part)]
    if hasattr(node, "__dataclass_fields__"):
        return [one for name in node.__dataclass_fields__ for one in _found_in(getattr(node, name))]
    return []


def _way(row: CheckRow) -> Way:
    return "corrected" if row.corrected else "compiled"


def _unreadable(making: _Making) -> pl.Expr:
    """Whether the value is none of its type."""
    site = making.site
    return making.scope.use(Raw(f"!{site.table}.{site.column}", site.table, site.column)).is_not_null()


def text_of(making: _Making) -> pl.Expr:
    """The value of the row's element as the file has it (numbers in the usual spelling)."""
    site, scope = making.site, making.scope
    value = scope.value(site)
    if site.form == "N" and site.scale:
        size, unit = value.abs(), 10**site.scale
        sign = pl.when(value < 0).then(pl.lit("-")).otherwise(pl.lit(""))
        value = sign + (size // unit).cast(pl.String) + "." + (size % unit).cast(pl.String).str.zfill(site.scale)
    elif site.form == "D":
        value = value.dt.strftime("%Y-%m-%d")
    else:
        value = value.cast(pl.String)
    raw = scope.use(Raw(f"!{site.table}.{site.column}", site.table, site.column))
    return pl.coalesce(raw, value)


def _in_classifier(row: CheckRow, site: Site, editions: Editions) -> Check | Skipped:
    """001F, 005F: the value is in the classifier on the date of care."""
    if row.allowed or row.presence is not None:  # a correction says it otherwise
        return _stated(row, site, editions)
    if site.form == "S":
        return Skipped(row, "failed", "unsaid_structure", site.path)
    making = _making(row, site, editions)
    book = row.book_name or predicates.regional_book(row.id)
    if not book and (row.mask or row.min_length is not None or row.max_length is not None):
        return _shape(row, site, editions)
    if not book:
        return Skipped(row, "failed", "no_book", row.id)
    column = classifiers.column_of(book, row.book_column)
    making.books.append((book, column))
    held = making.scope.member(site, book, column)
    wrong = (~held).fill_null(False) | _unreadable(making)
    return making.check(_when(making) & wrong, text_of(making), _way(row))


def _judged(making: _Making, allowed: syntax.Condition) -> str:
    """The table whose rows are judged: what a header must agree with in every case is a matter of the case that differs, not of
    the whole file."""
    scope, condition = making.scope, making.row.condition_tree
    if making.site.table not in _HEADERS or (condition is not None and scope.below(condition)):
        return making.site.table
    below = scope.below(allowed)
    return next(iter(below)) if len(below) == 1 else making.site.table


def _allowed(row: CheckRow, site: Site, editions: Editions) -> Check | Skipped:
    """002F, 006F and rows of control: what is allowed, under a condition."""
    allowed = row.allowed_tree
    if allowed is None:
        return Skipped(row, "failed", "says_nothing", row.id)
    making = _making(row, site, editions, grain=_judged(_making(row, site, editions), allowed))
    making.books.extend(_found_in(allowed))
    wrong = making.scope.broken(allowed)
    if row.category == "002F" and site.form != "S":
        wrong = wrong | _unreadable(making)
    value = None if site.form == "S" else text_of(making)
    return making.check(_when(making) & wrong, value, _way(row))


def _stated(row: CheckRow, site: Site, editions: Editions) -> Check | Skipped:
    """002F, 003F, 006F and rows of control: an element must be there or must not, or has values that are allowed."""
    if row.presence == "present" and row.allowed and not site.own and site.form != "S":
        return _there_and_allowed(row, site, editions)
    if row.presence is not None:
        return _presence(row, site, editions)
    if row.allowed:
        return _allowed(row, site, editions)
    if row.book_name:
        return _in_classifier(row, site, editions)
    if row.mask or row.min_length is not None or row.max_length is not None:
        return _shape(row, site, editions)
    return Skipped(row, "failed", "says_nothing", row.id)


def _there_and_allowed(row: CheckRow, site: Site, editions: Editions) -> Check | Skipped:
    """A value must be there and be one that is allowed."""
    making = _making(row, site, editions)
    allowed = row.allowed_tree
    assert allowed is not None
    making.books.extend(_found_in(allowed))
    wrong = ~making.scope.present(site) | making.scope.broken(allowed)
    return making.check(_when(making) & wrong, text_of(making), _way(row))


def _presence(row: CheckRow, site: Site, editions: Editions) -> Check | Skipped:
    """An element must be there, or must not."""
    parent = editions.site(site.family, site.section) if site.section else None
    owner = editions.parents.get(site.table, site.table) if site.own else site.table
    making = _making(row, site, editions, grain=owner)
    if site.table in _HEADERS and not site.own and row.condition_tree is not None:
        below = making.scope.below(row.condition_tree)
        if len(below) == 1:  # the header lacks what one case asks for: a matter of that case
            making = _making(row, site, editions, grain=next(iter(below)))
    if row.absent_wanted and site.own and site.form == "S" and _speaks_of_itself(making):
        making = _making(row, site, editions, grain=site.table, section=site.path)
        return making.check(_when(making), None, _way(row))
    scope = making.scope
    there = scope.exists(site.table, pl.lit(True), {}, "") if site.own else scope.present(site)
    wrong = there if row.absent_wanted else ~there
    if parent is not None and parent.form == "S" and not parent.own and site.section not in ("ZGLV", "SCHET"):
        wrong = wrong & scope.present(parent)
    value = text_of(making) if row.absent_wanted and not site.own and site.form != "S" else None
    return making.check(_when(making) & wrong, value, _way(row))


def _speaks_of_itself(making: _Making) -> bool:
    """Whether the condition names what stands in the element itself: `Z_SL must be absent if SUMV<=0`."""
    condition = making.row.condition_tree
    if condition is None:
        return False
    inside = f"{making.site.path}/"
    return any(making.scope.site(name).path.startswith(inside) for name in syntax.names_of(condition))


def _shape(row: CheckRow, site: Site, editions: Editions) -> Check | Skipped:
    """004F: lengths, mask, list of characters."""
    shaped = row.mask or row.min_length or row.max_length
    too = row.presence == "present" and shaped and not site.own  # 004F.45.1000: it must be there, and have the shape
    if row.allowed or (row.presence is not None and not too) or not (shaped or row.comment):
        return _stated(row, site, editions)
    making = _making(row, site, editions)
    if site.form == "S":
        return Skipped(row, "failed", "unsaid_structure", site.path)
    raw = making.scope.use(Raw(f"!{site.table}.{site.column}", site.table, site.column))
    figures = masks.number_mask(row.mask) if row.mask else None
    tests = _text_tests(row)
    if site.form == "N" and (figures is not None or not row.mask):
        wrong = _number_outside(row, site, making.scope.value(site), figures) | tests(raw).fill_null(False)
    elif site.form == "T":
        wrong = tests(pl.coalesce(raw, making.scope.value(site))).fill_null(False)
    else:
        wrong = tests(raw).fill_null(False)
    if too:
        wrong = wrong | ~making.scope.present(site)
    return making.check(_when(making) & wrong, text_of(making), _way(row))


def _text_tests(row: CheckRow) -> Callable[[pl.Expr], pl.Expr]:
    """What is wrong with a text: null where there is none."""
    patterns = [masks.pattern(row.mask)] if row.mask else []
    letters = masks.characters(row.comment)
    patterns += [letters] if letters else []

    def wrong(text: pl.Expr) -> pl.Expr:
        found = [~text.str.contains(pattern) for pattern in patterns]
        if row.min_length is not None:
            found.append(text.str.len_chars() < row.min_length)
        if row.max_length is not None:
            found.append(text.str.len_chars() > row.max_length)
        return reduce(or_, found) if found else pl.lit(False)

    return wrong


def _number_outside(row: CheckRow, site: Site, value: pl.Expr, figures: masks.NumberMask | None) -> pl.Expr:
    """A number that the mask or the lengths do not admit, compared as a number."""
    unit = 10**site.scale
    if figures is None:
        least, most, decimals = row.min_length or 1, row.max_length or 18, site.scale
        if site.scale:  # lengths count the point and what is behind it
            least, most = max(1, least - site.scale - 1), max(1, most - site.scale - 1)
    else:
        least, most, decimals = figures.least, figures.most, figures.decimals
    wrong = (value < 0) | (value >= 10**most * unit if most + site.scale <= 18 else pl.lit(False))
    if least > 1:
        wrong = wrong | (value < 10 ** (least - 1) * unit)
    if decimals < site.scale:
        wrong = wrong | (value % 10 ** (site.scale - decimals) != 0)
    return wrong.fill_null(False)


def _by_hand(row: CheckRow, site: Site | None, editions: Editions, predicate: predicates.Predicate) -> Check | Skipped:
    """A predicate written for the row."""
    family: Family = row.family
    place = site or Site(family, row.path, "file", "", "S", known=False)
    made = predicate(row, place, editions)
    if made is None:
        return Skipped(row, "not_applicable", "no_element", row.path)
    value = pl.lit(None, dtype=pl.String) if made.value is None else made.value
    return Check(row, "by_hand", made.grain, made.broken, value, made.refs, made.element or place.path, made.books)


_COMPILERS: Final[Mapping[str, Callable[[CheckRow, Site, Editions], Check | Skipped]]] = {
    "001F": _in_classifier, "005F": _in_classifier, "004F": _shape,
}  # fmt: skip

__all__ = ["Check", "Program", "Ref", "Skipped", "Value", "Way", "compiled", "concerns", "contradicts", "one", "text_of"]
