"""What changed between two editions: added, removed, changed with columns, in an order that does not depend on the files."""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.nsi import Book
from omsclaims.nsi.compare import COLUMNS, compare
from omsclaims.nsi.loader import load_book

from .nsi_samples import book, published, rule, rules, small


def lines(old: Book, new: Book) -> list[tuple[object, ...]]:
    return compare(old, new).lines.select("change", "code", "column", "old", "new").rows()


def test_equal_editions_do_not_differ() -> None:
    made = small(code=["1", "2"], name=["a", None])
    found = compare(made, made)
    assert (found.total, found.lines.height) == (0, 0)
    assert dict(found.lines.schema) == COLUMNS


def test_added_removed_changed() -> None:
    old = small(code=["1", "2", "3"], name=["a", "b", None], usl_ok=["1", "1", "1"])
    new = small(code=["1", "3", "4"], name=["A", "c", "d"], usl_ok=["1", "2", "1"])
    found = compare(old, new)
    assert (found.added, found.removed, found.changed, found.total) == (1, 1, 2, 4)
    assert found.lines.select("n", "change", "code", "column", "old", "new").rows() == [
        (1, "changed", "1", "name", "a", "A"), (2, "removed", "2", None, "name=b; usl_ok=1", None),
        (3, "changed", "3", "name", None, "c"), (3, "changed", "3", "usl_ok", "1", "2"),
        (4, "added", "4", None, None, "name=d; usl_ok=1"),
    ]  # fmt: skip


def test_a_corrected_date_is_a_change_and_no_new_row() -> None:
    old = small(code=["1"], valid_from=[date(2022, 1, 1)], valid_to=[None])
    new = small(code=["1"], valid_from=[date(2022, 2, 1)], valid_to=[date(2022, 12, 31)])
    assert lines(old, new) == [
        ("changed", "1", "valid_from", "2022-01-01", "2022-02-01"), ("changed", "1", "valid_to", None, "2022-12-31"),
    ]  # fmt: skip


def test_a_row_that_ends_and_its_successor() -> None:
    old = small(code=["1"], name=["a"], valid_from=[date(2022, 1, 1)], valid_to=[None])
    new = small(
        code=["1", "1"], name=["a", "b"], valid_from=[date(2022, 1, 1), date(2023, 1, 1)], valid_to=[date(2022, 12, 31), None]
    )
    assert lines(old, new) == [
        ("changed", "1", "valid_to", None, "2022-12-31"), ("added", "1", None, None, "name=b"),
    ]  # fmt: skip


def test_columns_of_one_edition_only() -> None:
    old, new = small(code=["1"], left=["x"]), small(code=["1"], right=["y"])
    assert lines(old, new) == [("changed", "1", "left", "x", None), ("changed", "1", "right", None, "y")]


def test_rows_of_one_code_are_paired_after_the_equal_ones() -> None:
    old = small("V019", code=["1"] * 3, diag=["a", "b", "c"])
    new = small("V019", code=["1"] * 3, diag=["c", "a", "B"])
    assert lines(old, new) == [("changed", "1", "diag", "b", "B")]


def test_the_place_in_the_file_is_no_difference() -> None:
    old = book(load_book(rules(rule("A"), rule("B")), "Q023.xml"))
    new = book(load_book(rules(rule("B"), rule("A")), "Q023.xml"))
    assert old.rows["row"].to_list() != new.rows["row"].to_list()
    assert compare(old, new).total == 0


def test_rows_of_the_grouper_are_added_and_removed_but_never_changed() -> None:
    old = small("KSG.ST.GROUPER", code=["st01.001"] * 2, ds1=["A00", "A01"])
    new = small("KSG.ST.GROUPER", code=["st01.001"] * 2, ds1=["A00", "A02"])
    assert sorted(line[0] for line in lines(old, new)) == ["added", "removed"]  # type: ignore[type-var]


_ROWS = st.lists(st.tuples(st.sampled_from("123"), st.sampled_from(["a", "b", None])), max_size=6)


@settings(deadline=None)
@given(_ROWS, _ROWS)
def test_counts_explain_the_sizes_and_the_other_way_round_is_the_mirror(
    old: list[tuple[str, str]], new: list[tuple[str, str]]
) -> None:
    left, right = (small("V019", code=[c for c, _ in rows] or ["0"], name=[n for _, n in rows] or [None]) for rows in (old, new))
    there, back = compare(left, right), compare(right, left)
    assert right.rows.height - left.rows.height == there.added - there.removed
    assert (there.added, there.removed, there.changed) == (back.removed, back.added, back.changed)
    shuffled = Book(right.name, right.edition, right.rows.reverse())
    assert compare(right, shuffled).total == 0
    assert (there.total == 0) == left.rows.select(pl.all()).sort(pl.all()).equals(right.rows.sort(pl.all()))


def test_the_published_book_and_one_made_of_it() -> None:
    (path,) = published("packages", "Q023.xml")
    old = book(load_book(path))
    data = path.read_bytes().replace(b"<version>2.35<", b"<version>2.36<", 1)
    first, second = data.index(b"<zap>"), data.index(b"<zap>", data.index(b"<zap>") + 1)
    new = book(load_book(data[:first] + data[second:], "Q023.xml"))
    found = compare(old, new)
    assert (found.removed, found.added, found.changed) == (1, 0, 0)
    assert found.lines["code"].to_list() == [old.rows.filter(pl.col("row") == 1)["code"][0]]
