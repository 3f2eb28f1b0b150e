"""Does each dated partition hold every person in exactly one group on every day? The fast form of `make partitions`."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from omsclaims.periods import Partition, SexAgeGroup, age_on
from tests.partitions.sweep import birthdays_passed, births, editions, prove


@pytest.mark.parametrize("since", [value.since for value, _ in editions()], ids=str)
def test_each_edition_is_a_partition_in_the_year_around_it(since: date) -> None:
    """Births near 29 February and New Year, and every 61st day of 120 years; every seventh date."""
    (partition,) = (partition for value, partition in editions() if value.since == since)
    proof = prove(since, partition, every_birth=61, every_date=7)
    assert proof.cells > 100_000
    assert (proof.not_one, proof.wrong_age) == (0, 0)
    assert proof.groups == len(partition.groups)  # every group is reached by somebody


def test_there_are_the_editions_that_the_notes_on_the_law_name() -> None:
    assert [(value.since.year, len(partition.groups)) for value, partition in editions()] == [(2011, 8), (2014, 10), (2020, 10)]


def test_a_hole_and_an_overlap_are_counted() -> None:
    whole = [SexAgeGroup("m", (1,), 0, None), SexAgeGroup("f0", (2,), 0, 17)]
    hole, overlap = SexAgeGroup("f", (2,), 19, None), SexAgeGroup("f", (2,), 17, None)
    for last in (hole, overlap):
        proof = prove(date(2020, 1, 1), Partition((*whole, last)), every_birth=61, every_date=61)
        assert 0 < proof.not_one < proof.cells / 50


def test_the_sweep_counts_birthdays_as_the_law_does() -> None:
    """The age of the sweep's own counting, of columns and of single dates agree around 29 February."""
    everyone = births(date(2024, 3, 2), 24).filter(pl.col("sex") == 1)
    assert date(2004, 2, 29) in everyone["born"]
    for offset in range(-3, 3):
        on = date(2023, 2, 28) + timedelta(days=offset)
        born = everyone.filter(pl.col("born") <= on).with_columns(age=birthdays_passed(pl.col("born"), on))
        assert born["age"].to_list() == [age_on(day, on) for day in born["born"]]
