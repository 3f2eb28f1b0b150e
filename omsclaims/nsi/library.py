"""Which edition of a book holds for a reporting month, as far as we knew on a day? (law.md 0-1; checks.md 1.4, 1.4a.10)

Decided here, because no order says it:

* An edition holds from its day (the day of publication in its header, or the one given at loading) until the day before the next
  one. Books without a day hold since ever. A reporting month uses the edition in force on the LAST day of the month: a month that
  an edition is published in is checked by it; the rows of a book carry their own dates within it.
* Before the first edition that we have, the first one stands in: official editions are cumulative, and their rows are dated.
* Only editions learned on or before the day of the run (`as_of`) are used: the same run on the same day of knowledge finds the
  same books, however many were loaded since. A later edition never changes an earlier month.
* Of two editions of one day holds the complete one before the partial one, then the higher version, then the one learned last.
* Of one version holds the content learned last: it was loaded with `--replace`, and earlier days of knowledge keep the earlier.
* The built-in books are editions that hold since ever and have always been known.

Nothing here looks at the clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims.findings import Finding
from omsclaims.nsi.book import SINCE_EVER, Book, Books, LeftOut, Shelf
from omsclaims.periods import Month

#: Name of the edition, and source, of the books that come with the program.
BUILT_IN: Final = "built-in"
_DIGEST_LEAST: Final = 6  # so many characters of a digest name an edition


@dataclass(frozen=True, slots=True)
class Edition:
    """What a workspace knows of one edition of a book, without its rows.

    holds_from  first day of its validity: as published, or as given at loading
    learned_on  day on which the workspace came to know it: `--as-of` of the loading
    digest      over its rows; complete False where it is only a part of the book
    source      xml, csv, xlsx or built-in
    left_out    rows of a check book that could not be read
    path        its rows as Parquet, relative to the workspace
    seq         order of loading
    """

    book: str
    edition: str
    version: str | None
    published: date | None
    holds_from: date
    learned_on: date
    digest: str
    complete: bool
    rows: int
    source: str
    left_out: tuple[LeftOut, ...] = ()
    path: str = ""
    seq: int = 0

    @property
    def identity(self) -> str:
        """What makes it this edition of its book: the version; without one its own name."""
        return self.version or self.edition

    @property
    def order(self) -> tuple[date, bool, tuple[int, ...], date, int]:
        """Editions by the day they hold from; of one day the one that holds comes last."""
        return self.holds_from, self.complete, version_key(self.version), self.learned_on, self.seq


@dataclass(frozen=True, slots=True)
class Reign:
    """The days on which an edition holds; `last` is null for the newest one."""

    edition: Edition
    first: date
    last: date | None


@dataclass(frozen=True, slots=True)
class Admission:
    """What becomes of a book that is to be loaded.

    store     False: refused, or already there
    known     the edition with the same version, content and first day, if it is already there
    findings  N.009 refused; N.202, N.203 loaded, with something to be known
    """

    store: bool
    known: Edition | None
    findings: tuple[Finding, ...]


def version_key(version: str | None) -> tuple[int, ...]:
    """A version as numbers, so that 3.108 comes after 3.23; empty where it is none."""
    return tuple(map(int, version.split("."))) if version and re.fullmatch(r"\d+(\.\d+)*", version, re.ASCII) else ()


@dataclass
class Library:
    """All editions of all books that a workspace holds, over those that come with the program (`base`).

    folder  the workspace; the rows of an edition are read from it when they are first asked for
    held    rows in memory by digest, where there is no folder
    """

    editions: tuple[Edition, ...]
    folder: Path | None = None
    base: Books = field(default_factory=Books)
    held: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    _opened: dict[Edition, Book] = field(default_factory=dict, repr=False)
    _chosen: dict[tuple[Month, date], Books] = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, object]:
        # Worker processes open what they need themselves.
        return {**self.__dict__, "_opened": {}, "_chosen": {}}

    @staticmethod
    def of(books: Iterable[tuple[Book, date]], base: Books | None = None) -> Library:
        """A library in memory, of books with the day each was learned on."""
        editions, held = [], {}
        for seq, (book, learned_on) in enumerate(books, 1):
            digest = f"memory-{seq:06d}"
            editions.append(edition_of(book, digest, learned_on, seq=seq))
            held[digest] = book.rows
        return Library(tuple(editions), base=base or Books(), held=held)

    def names(self) -> list[str]:
        """Names of all books, the built-in ones among them."""
        return sorted({edition.book for edition in self.editions} | set(self.base.by_name))

    def all_of(self, book: str) -> list[Edition]:
        """Every edition of a book in the order in which they hold, replaced ones among them."""
        found = [edition for edition in self.editions if edition.book == book]
        built_in = self.base.by_name.get(book)
        if built_in is not None:
            found.append(edition_of(built_in, "", SINCE_EVER))
        return sorted(found, key=lambda edition: edition.order)

    def known(self, book: str, as_of: date) -> list[Edition]:
        """Editions of a book known on a day, in the order in which they hold; of each version the content learned last."""
        last: dict[str, Edition] = {}
        for edition in sorted(self.all_of(book), key=lambda one: (one.learned_on, one.seq)):
            if edition.learned_on <= as_of:
                last[edition.identity] = edition
        return sorted(last.values(), key=lambda edition: edition.order)

    def reigns(self, book: str, as_of: date) -> list[Reign]:
        """Which edition holds when. An edition that another one of the same day precedes is not among them."""
        by_day = {edition.holds_from: edition for edition in self.known(book, as_of)}
        days = sorted(by_day)
        ends = {first: after - timedelta(days=1) for first, after in pairwise(days)}
        return [Reign(by_day[first], first, ends.get(first)) for first in days]

    def edition(self, book: str, month: Month, as_of: date) -> Edition | None:
        """The edition for a reporting month: in force on its last day, else the first there is. None: no edition was known."""
        return self.edition_on(book, month.last, as_of)

    def edition_on(self, book: str, day: date, as_of: date) -> Edition | None:
        """The edition in force on a day, else the first there is. None: no edition was known."""
        reigns = self.reigns(book, as_of)
        in_force = [reign for reign in reigns if reign.first <= day]
        return in_force[-1].edition if in_force else reigns[0].edition if reigns else None

    def find(self, book: str, text: str) -> Edition | None:
        """The edition that a person means: by name, version, or beginning of its digest or of a word of its name.

        Where several are meant, the one loaded last.
        """
        editions = sorted(self.all_of(book), key=lambda one: -one.seq)
        exact = [edition for edition in editions if text in (edition.edition, edition.version)]
        begun = [
            edition
            for edition in editions
            if len(text) >= _DIGEST_LEAST and any(w.startswith(text.lower()) for w in (edition.digest, *edition.edition.split()))
        ]
        return next(iter([*exact, *begun]), None)

    def open(self, edition: Edition) -> Book:
        """An edition with its rows."""
        if edition.source == BUILT_IN:
            return self.base.by_name[edition.book]
        if edition not in self._opened:
            rows = self.held.get(edition.digest)
            if rows is None:
                assert self.folder is not None, "an edition without rows"
                rows = pl.read_parquet(self.folder / edition.path)
            self._opened[edition] = Book(
                edition.book, edition.edition, rows, edition.complete, edition.version, edition.published, edition.holds_from,
                edition.source, edition.left_out,
            )  # fmt: skip
        return self._opened[edition]

    def books(self, month: Month, as_of: date) -> Books:
        """The books for a reporting month as of a day of knowledge. A book is read when it is first asked for."""
        if (month, as_of) not in self._chosen:
            chosen = {name: self.edition(name, month, as_of) for name in self.names()}
            shelf = Shelf({name: _Opener(self, edition) for name, edition in chosen.items() if edition is not None})
            self._chosen[(month, as_of)] = Books(shelf, self.later(as_of))
        return self._chosen[(month, as_of)]

    def later(self, as_of: date) -> dict[str, date]:
        """Books with editions learned only after a day: name -> the first day on which something of it was learned."""
        days: dict[str, date] = {}
        for edition in self.editions:
            if edition.learned_on > as_of:
                days[edition.book] = min(edition.learned_on, days.get(edition.book, edition.learned_on))
        return dict(sorted(days.items()))

    def digests(self, month: Month, as_of: date) -> dict[str, str]:
        """Digests of the editions chosen for a month, by book; the built-in ones are part of the program and not among them."""
        chosen = ((name, self.edition(name, month, as_of)) for name in self.names())
        return {name: edition.digest for name, edition in chosen if edition is not None and edition.source != BUILT_IN}

    def admit(self, book: Book, digest: str, learned_on: date, replacing: bool = False) -> Admission:
        """Whether a book may be loaded, and what is to be said about it.

        Findings:
          N.009  the version is there with other content or another first day: refused, unless `replacing`
          N.202  an edition that begins later is there: loaded beside it, holds only until that one begins
          N.203  an edition of the same day is there: loaded, with which of the two holds
        """
        new = edition_of(book, digest, learned_on, seq=1 + max((edition.seq for edition in self.editions), default=0))
        same = [edition for edition in self.editions if (edition.book, edition.identity) == (new.book, new.identity)]
        newest = max(same, key=lambda edition: (edition.learned_on, edition.seq), default=None)
        if newest is not None and (newest.digest, newest.holds_from) == (new.digest, new.holds_from):
            return Admission(False, newest, ())
        params = {"book": new.book, "edition": new.edition}
        if newest is not None and not replacing:
            known = {"known": newest.edition, "day": _shown(newest.holds_from), "rows": newest.rows, "new_rows": new.rows}
            return Admission(False, None, (Finding("N.009", value=new.edition, params={**params, **known}),))
        found = []
        after = Library((*self.editions, new), base=self.base)
        reigns = after.reigns(new.book, max(edition.learned_on for edition in after.editions))
        later = [reign.edition for reign in reigns if reign.first > new.holds_from]
        if later:
            until = _shown(later[0].holds_from - timedelta(days=1))
            found.append(Finding("N.202", value=new.edition, params={**params, "later": later[0].edition, "until": until}))
        holding = next((reign.edition for reign in reigns if reign.first == new.holds_from), new)
        rivals = [one for one in self.editions if one.book == new.book and one.holds_from == new.holds_from]
        other = next((one for one in reversed(rivals) if one.identity != new.identity), None)
        if holding.identity != new.identity or (other is not None and new.holds_from != SINCE_EVER):
            beside = holding if holding.identity != new.identity else other
            assert beside is not None
            said = {"other": beside.edition, "day": _shown(new.holds_from), "holds": holding.edition}
            found.append(Finding("N.203", value=new.edition, params={**params, **said}))
        return Admission(True, None, tuple(found))


@dataclass(frozen=True, slots=True)
class _Opener:
    """Opens one edition when it is asked for."""

    library: Library
    edition: Edition

    def __call__(self) -> Book:
        return self.library.open(self.edition)


def edition_of(book: Book, digest: str, learned_on: date, path: str = "", seq: int = 0) -> Edition:
    """What is kept of a book beside its rows."""
    return Edition(
        book.name, book.edition, book.version, book.published, book.holds_from, learned_on, digest, book.complete,
        book.rows.height, book.source, book.left_out, path, seq,
    )  # fmt: skip


def _shown(day: date) -> str:
    """A day for texts; the beginning of time is a dash."""
    return "-" if day == SINCE_EVER else str(day)
