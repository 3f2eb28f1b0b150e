"""Which edition holds for a month, as known on a day; what may be loaded beside what."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import ClassVar

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.nsi import BUILT_IN, SINCE_EVER, Book, BookMissingError, Books, Edition, Library, built_in_books
from omsclaims.nsi.library import edition_of, version_key
from omsclaims.periods import Month

from .nsi_samples import day, one_finding, small

MARCH, APRIL = Month(2022, 3), Month(2022, 4)
LEARNED = date(2022, 3, 1)


def edition(version: str | None = None, since: str | None = None, codes: tuple[str, ...] = ("1",), **more: object) -> Book:
    """A book Q023 of a version, holding from a day."""
    published = day(since) if since else None
    book = small("Q023", f"{version} of {since}" if version else f"csv {codes}", code=codes)
    return replace(book, version=version, published=published, holds_from=published or SINCE_EVER, **more)  # type: ignore[arg-type]


def chosen(library: Library, month: Month, as_of: date = LEARNED) -> str | None:
    found = library.edition("Q023", month, as_of)
    return None if found is None else found.edition


OLD, NEW = edition("2.35", "2021-02-12"), edition("2.36", "2022-04-15", ("1", "2"))


def test_a_month_goes_by_the_edition_in_force_on_its_last_day() -> None:
    library = Library.of([(OLD, LEARNED), (NEW, LEARNED)])
    assert [chosen(library, month) for month in (MARCH, APRIL, Month(2023, 1))] == [OLD.edition, NEW.edition, NEW.edition]
    assert library.books(MARCH, LEARNED).require("Q023").rows["code"].to_list() == ["1"]
    assert library.books(APRIL, LEARNED).require("Q023").rows["code"].to_list() == ["1", "2"]
    last_day = Library.of([(OLD, LEARNED), (edition("2.36", "2022-03-31"), LEARNED)])
    assert chosen(last_day, MARCH) == "2.36 of 2022-03-31"
    assert chosen(Library.of([(OLD, LEARNED), (edition("2.36", "2022-04-01"), LEARNED)]), MARCH) == OLD.edition


def test_the_order_of_loading_does_not_matter() -> None:
    for order in ((OLD, NEW), (NEW, OLD)):
        library = Library.of([(book, LEARNED) for book in order])
        assert [(reign.edition.version, reign.first, reign.last) for reign in library.reigns("Q023", LEARNED)] == [
            ("2.35", date(2021, 2, 12), date(2022, 4, 14)), ("2.36", date(2022, 4, 15), None),
        ]  # fmt: skip


def test_before_the_first_edition_the_first_one_stands_in() -> None:
    assert chosen(Library.of([(OLD, LEARNED), (NEW, LEARNED)]), Month(2020, 12)) == OLD.edition


def test_what_was_learned_later_is_not_used() -> None:
    library = Library.of([(OLD, LEARNED), (NEW, LEARNED + timedelta(days=1))])
    assert chosen(library, APRIL, LEARNED) == OLD.edition
    assert chosen(library, APRIL, LEARNED + timedelta(days=1)) == NEW.edition
    before = LEARNED - timedelta(days=1)
    assert chosen(library, APRIL, before) is None
    books = library.books(APRIL, before)
    assert not books.has("Q023")
    with pytest.raises(BookMissingError) as raised:
        books.require("Q023")
    assert raised.value.learned_on == LEARNED
    with pytest.raises(BookMissingError) as raised:
        books.require("V777")
    assert raised.value.learned_on is None


def test_a_later_edition_never_changes_an_earlier_month() -> None:
    few = Library.of([(OLD, LEARNED)])
    many = Library.of([(OLD, LEARNED), (NEW, LEARNED), (edition("3.0", "2023-01-01"), LEARNED)])
    assert few.digests(MARCH, LEARNED) == many.digests(MARCH, LEARNED)


def test_two_editions_of_one_day() -> None:
    """The complete before the partial one, then the higher version, then the one learned last; versions go number by number."""
    first, second = edition("3.23", "2022-01-01"), edition("3.108", "2022-01-01")
    for order in ((first, second), (second, first)):
        assert chosen(Library.of([(book, LEARNED) for book in order]), MARCH) == second.edition
    part = replace(edition("9.9", "2022-01-01"), complete=False)
    assert chosen(Library.of([(first, LEARNED), (part, LEARNED)]), MARCH) == first.edition
    csv, later = edition(codes=("1",)), edition(codes=("2",))
    assert chosen(Library.of([(csv, LEARNED), (later, LEARNED)]), MARCH) == later.edition
    assert chosen(Library.of([(later, LEARNED), (csv, LEARNED)]), MARCH) == csv.edition
    assert version_key("3.108") > version_key("3.23") > version_key("x") == version_key(None) == ()


def test_built_in_books_hold_until_an_edition_begins() -> None:
    dated = replace(small("V009", "4.0", code=["1"]), version="4.0", holds_from=date(2022, 4, 1))
    library = replace(Library.of([(dated, LEARNED)]), base=built_in_books())
    assert library.books(MARCH, LEARNED).require("V009").edition == BUILT_IN
    assert library.books(APRIL, LEARNED).require("V009").rows["code"].to_list() == ["1"]
    assert library.digests(MARCH, LEARNED) == {}
    part = replace(small("V009", "csv", code=["1"]), complete=False)
    assert replace(Library.of([(part, LEARNED)]), base=built_in_books()).books(MARCH, LEARNED).require("V009").edition == BUILT_IN


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4), st.integers(0, 3), st.integers(0, 3), st.booleans(), st.sampled_from(["1.0", "1.1", "2.0", None])
        ),
        min_size=1, max_size=8,
    ),
    st.integers(0, 4), st.integers(0, 4),
)  # fmt: skip
def test_reigns_are_seamless_and_the_choice_is_the_reign(
    made: list[tuple[int, int, int, bool, str | None]], month: int, known: int
) -> None:
    editions = tuple(
        Edition(
            "B", f"{version or seq} {content}", version, None, Month(2022, 1 + since).first, date(2022, 1, 1 + learned), f"d{content}",
            complete, 1, "xml", (), "", seq,
        )
        for seq, (since, learned, content, complete, version) in enumerate(made, 1)
    )  # fmt: skip
    library, as_of = Library(editions), date(2022, 1, 1 + known)
    reigns = library.reigns("B", as_of)
    for before, after in pairwise(reigns):
        assert before.last is not None and before.last + timedelta(days=1) == after.first
    assert all(reign.edition.learned_on <= as_of for reign in reigns)
    assert not reigns or reigns[-1].last is None
    asked = Month(2022, 1 + month)
    found = library.edition("B", asked, as_of)
    ruling = [reign.edition for reign in reigns if reign.first <= asked.last and (reign.last is None or reign.last >= asked.last)]
    assert found == (ruling[0] if ruling else reigns[0].edition if reigns else None)
    shuffled = Library(tuple(reversed(editions)))
    assert shuffled.edition("B", asked, as_of) == found


# ---- what may be loaded


def admitted(library: Library, book: Book, digest: str = "new", replacing: bool = False) -> tuple[bool, pl.DataFrame]:
    from omsclaims import findings

    done = library.admit(book, digest, LEARNED, replacing)
    return done.store, findings.frame(done.findings)


def test_an_edition_that_begins_later_is_loaded_in_silence() -> None:
    stored, found = admitted(Library.of([(OLD, LEARNED)]), NEW)
    assert stored and found.is_empty()


def test_an_older_edition_is_loaded_beside_and_said() -> None:
    library = Library.of([(NEW, LEARNED)])
    stored, found = admitted(library, OLD)
    assert stored
    assert one_finding(found) == (
        "N.202", {"book": "Q023", "edition": OLD.edition, "later": NEW.edition, "until": "2022-04-14"},
    )  # fmt: skip
    stored, found = admitted(library, edition(codes=("7",)))
    assert stored and one_finding(found)[0] == "N.202"


def test_the_same_edition_again_changes_nothing() -> None:
    library = Library.of([(OLD, LEARNED)])
    done = library.admit(OLD, "memory-000001", LEARNED)
    assert (done.store, done.findings) == (False, ()) and done.known == library.editions[0]


def test_the_same_version_with_other_content_is_refused_unless_it_replaces() -> None:
    library = Library.of([(OLD, LEARNED)])
    other = replace(edition("2.35", "2021-02-12", ("1", "9")), published=date(2021, 2, 13))
    stored, found = admitted(library, other)
    rule, params = one_finding(found)
    assert (stored, rule, params["known"], params["rows"], params["new_rows"]) == (False, "N.009", OLD.edition, 1, 2)
    stored, found = admitted(library, replace(OLD, holds_from=date(2021, 3, 1)), "memory-000001")
    assert not stored and one_finding(found)[0] == "N.009"
    assert admitted(library, other, replacing=True)[0]


def test_the_replaced_content_stays_for_earlier_days_of_knowledge() -> None:
    later = LEARNED + timedelta(days=7)
    library = Library.of([(OLD, LEARNED), (edition("2.35", "2021-02-12", ("9",)), later)])
    assert library.books(MARCH, LEARNED).require("Q023").rows["code"].to_list() == ["1"]
    assert library.books(MARCH, later).require("Q023").rows["code"].to_list() == ["9"]
    assert [one.seq for one in library.known("Q023", later)] == [2]


def test_two_editions_of_one_day_are_said() -> None:
    twin = edition("2.36", "2021-02-12", ("2",))
    stored, found = admitted(Library.of([(OLD, LEARNED)]), twin)
    params = {"book": "Q023", "edition": twin.edition, "other": OLD.edition, "day": "2021-02-12", "holds": twin.edition}
    assert stored and one_finding(found) == ("N.203", params)
    stored, found = admitted(Library.of([(twin, LEARNED)]), OLD)
    assert stored and one_finding(found)[1]["holds"] == twin.edition
    part = replace(small("V009", "csv", code=["1"]), complete=False)
    stored, found = admitted(Library((), base=built_in_books()), part)
    assert stored and one_finding(found)[1]["holds"] == BUILT_IN


# ---- how it is used


def test_an_edition_is_found_by_name_version_and_digest() -> None:
    library = Library(
        (edition_of(OLD, "abcdef123456", LEARNED, seq=1),), base=Books({"Q023": small("Q023", BUILT_IN, code=["0"])})
    )
    for text in (OLD.edition, "2.35", "abcdef", "ABCDEF12"):
        found = library.find("Q023", text)
        assert found is not None and found.version == "2.35", text
    assert library.find("Q023", "abcde") is None  # too short to mean one
    assert library.find("Q023", "2.3") is None
    assert library.find("V009", "2.35") is None
    built_in = library.find("Q023", "built-in")
    assert built_in is not None and built_in.digest == ""


def test_books_are_opened_when_they_are_asked_for() -> None:
    class Counting(Library):
        opened: ClassVar[list[str]] = []

        def open(self, edition: Edition) -> Book:
            self.opened.append(edition.book)
            return super().open(edition)

    library = Counting.of([(OLD, LEARNED)])
    counting = Counting(library.editions, held=library.held, base=built_in_books())
    books = counting.books(MARCH, LEARNED)
    assert books.has("Q023") and "V009" in books.by_name and len(books.by_name) == 21
    more = books.with_books({"V777": small("V777", "1", code=["1"])})
    assert more.has("V777") and not books.has("V777")
    assert Counting.opened == []
    for _ in range(2):
        books.require("Q023")
    assert Counting.opened == ["Q023"]


def test_a_library_goes_to_another_process() -> None:
    library = replace(Library.of([(OLD, LEARNED)]), base=built_in_books())
    library.books(MARCH, LEARNED).require("Q023")
    there = pickle.loads(pickle.dumps(library))
    assert there.books(MARCH, LEARNED).require("Q023").rows.equals(OLD.rows)
    assert there.books(MARCH, LEARNED).require("V009").rows.height == built_in_books().require("V009").rows.height
