"""Would the harness see it? Readers with planted faults must be found out, and the documents that show them made small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from omsclaims import findings
from omsclaims.registry.parsing import XmlRead

from . import compare, corpus, generate, markup, mutate, units
from .adapter import Accepted, Named, Readers, readers
from .units import Outcome, Unit

Spoil = Callable[[XmlRead], XmlRead]


def other_value(read: XmlRead) -> XmlRead:
    """A date is another one where it is the 29th of a month."""
    person = read.tables["person"]
    moved = person.with_columns(
        pl.when(pl.col("dr").dt.day() == 29).then(pl.col("dr").dt.offset_by("1d")).otherwise("dr").alias("dr")
    )
    return replace(read, tables=read.tables | {"person": moved})


def blanks_trimmed(read: XmlRead) -> XmlRead:
    """Texts lose the blanks around them."""
    person = read.tables["person"]
    return replace(read, tables=read.tables | {"person": person.with_columns(pl.col(pl.String).str.strip_chars())})


def finding_lost(read: XmlRead) -> XmlRead:
    """Missing elements are not told."""
    return replace(read, findings=read.findings.filter(pl.col("rule") != "S.902"))


def offset_shifted(read: XmlRead) -> XmlRead:
    """The place of a finding is one byte further."""
    return replace(read, findings=read.findings.with_columns(pl.col("offset") + 1))


def other_type(read: XmlRead) -> XmlRead:
    """A column has another type, its values look the same."""
    person = read.tables["person"]
    return replace(read, tables=read.tables | {"person": person.with_columns(pl.col("w").cast(pl.Int32))})


def other_order(read: XmlRead) -> XmlRead:
    """The findings come in another order."""
    return replace(read, findings=read.findings.reverse())


def extra_lost(read: XmlRead) -> XmlRead:
    """What no table knows is lost."""
    return replace(read, tables=read.tables | {"extra": read.tables["extra"].clear()})


def flag(read: XmlRead) -> XmlRead:
    """The edition is said to be the right one."""
    return replace(read, exact=not read.exact)


def spoiled(spoil: Spoil) -> Readers:
    """The strict reader against itself with a fault."""
    pair = readers()

    def fast(data: bytes, named: Named, _chunk: int | None, _threads: int) -> XmlRead:
        return spoil(pair.strict(data, named))

    return replace(pair, fast=fast)


def lenient() -> Readers:
    """A scanner that takes anything."""

    def accepts(_data: bytes, _named: Named) -> Accepted:
        return 0

    return replace(readers(), accepts=accepts, scanner=lambda *_: lambda _record: 0)


def person_unit(kind: str, size: int) -> Unit:
    """A unit of the edition L 3.2."""
    return next(unit for number in range(1000) if (unit := Unit(kind, number, 2, size)).edition == "L_3.2")


@pytest.mark.parametrize(
    "spoil", [other_value, blanks_trimmed, finding_lost, offset_shifted, other_type, other_order, extra_lost, flag]
)
def test_planted_faults_are_found(spoil: Spoil) -> None:
    outcome = Outcome()
    for kind, size in (("documents", 250), ("mutations", 600)):
        outcome.add(units.run_with(person_unit(kind, size), spoiled(spoil)))
    assert outcome.figures["differences"] > 0
    failure = min(outcome.failures, key=lambda failure: len(failure.smallest))
    assert failure.told_of_smallest and len(failure.smallest) < max(len(failure.data) // 2, 300)


def test_a_scanner_that_accepts_too_much_is_found() -> None:
    outcome = units.run_with(person_unit("mutations", 60), lenient())
    told = [failure for failure in outcome.failures if failure.told == "the scanner accepts what libxml2 does not"]
    assert told and outcome.figures["differences"] == outcome.figures["mutations malformed"]
    assert not units.well_formed(told[0].smallest)


def test_a_reader_that_raises_is_found() -> None:
    def raising(_read: XmlRead) -> XmlRead:
        raise ZeroDivisionError("planted")

    outcome = units.run_with(person_unit("documents", 10), spoiled(raising))
    assert "the fast reader raised ZeroDivisionError" in outcome.failures[0].told


def test_chunks_that_change_the_result_are_found() -> None:
    pair = readers()

    def fast(data: bytes, named: Named, chunk: int | None, _threads: int) -> XmlRead:
        read = pair.strict(data, named)
        return flag(read) if chunk == 100 else read

    outcome = units.run_with(person_unit("chunks", 1), replace(pair, fast=fast))
    assert outcome.figures["differences"] == 1
    assert outcome.failures[0].told.startswith("chunks of 100 bytes: exact")


def test_the_first_difference_is_told_with_its_place() -> None:
    base = corpus.PERSONS
    read = readers().strict(base.whole(), base.named)
    assert compare.difference(read, read) is None
    told = compare.difference(
        read, replace(read, tables=read.tables | {"person": read.tables["person"].with_columns(w=pl.lit(2, pl.Int64))})
    )
    assert told is not None and told.startswith("person, row 0 of 2 and 2: w: strict 1, fast 2; strict row {'_row': 0")
    shorter = replace(read, tables=read.tables | {"person": read.tables["person"].head(1)})
    assert str(compare.difference(read, shorter)).startswith(
        "person: strict 2 rows, fast 1; the first one more of strict: {'_row': 1"
    )
    assert str(compare.difference(read, other_type(read))) == "person: columns differ: w: strict Int64, fast Int32"
    one = findings.frame([findings.Finding("S.917", package="x")])
    assert str(compare.difference(replace(read, findings=one), replace(read, findings=one.clear()))).startswith(
        "findings: strict 1 rows, fast 0"
    )


def test_shrinking_leaves_what_is_needed() -> None:
    base = corpus.PERSONS
    data = base.whole((*base.records, *base.records[:1] * 20, base.records[1].replace("Пётр", "Пётр<X/>")))
    smallest = compare.shrink(data, lambda one: "has X" if b"<X/>" in one else None)
    assert smallest == b"<X/>"


def test_documents_and_mutations_repeat() -> None:
    for edition in ("H_3.2", "FLK_P"):
        first, again = (generate.document(edition, generate.seeded("a", 1)) for _ in range(2))
        assert first == again
        changed = [mutate.document(first, mutate.context(edition, "cp1251", 5)) for _ in range(2)]
        assert changed[0] == changed[1]
        assert generate.document(edition, generate.seeded("a", 2)) != first


def test_elements_of_broken_markup() -> None:
    data = b"<a><b>1</b><c/><!-- <d> --><e>2<f></e></a><g>"
    found = {item.name: data[item.start : item.end] for item in markup.elements(data)}
    assert found == {b"a": data[:-3], b"b": b"<b>1</b>", b"c": b"<c/>", b"e": b"<e>2<f></e>"}
    assert b"".join(markup.cuts(data, 1)) == data
