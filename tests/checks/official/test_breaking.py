"""Both ways: every executed row of the check books is caught when a registry breaks it, no row fires on a clean registry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.checks.official.breaking import pins, replay, scenarios, shelf, table
from tests.checks.official.breaking.documents import Edit, edited, found


@pytest.fixture(autouse=True)
def _shared() -> Iterator[None]:
    if not shelf.SHARED.exists():
        pytest.skip("../shared is not here: the check books of the state are read from it")
    yield


def test_every_executed_row_has_a_change_that_breaks_it_or_a_reason() -> None:
    known = {one.row for one in pins.breaks()} | set(pins.unbroken())
    assert sorted(set(table.executed()) - known) == []


def test_no_change_is_pinned_for_a_row_that_is_not_executed() -> None:
    assert sorted({one.row for one in pins.breaks()} - set(table.executed())) == []


def test_a_third_of_the_changes_fires_exactly_what_is_pinned(capsys: pytest.CaptureFixture[str]) -> None:
    made = table.outcomes(pins.breaks()[:: table.SHARE])
    with capsys.disabled():
        print("\n" + table.told(made, {}, 0, table.SHARE))
    wrong = {one.of.row: (sorted(one.of.expected), sorted(one.fired)) for one in made if not one.as_said}
    assert made and not wrong


def test_a_third_of_the_clean_registries_fires_nothing() -> None:
    assert table.firing(table.clean_names()[:: table.SHARE]) == {}


def test_a_change_that_does_not_fit_its_registry_is_refused() -> None:
    with pytest.raises(ValueError, match="not '4'"):
        edited(scenarios.document("H.visit"), (Edit("ZAP/Z_SL/USL_OK", "4", "2"),))


def test_a_file_of_copies_fires_as_each_alone() -> None:
    document = scenarios.document("H.visit")
    changes = [(Edit("ZAP/Z_SL/RSLT", found(document, "ZAP/Z_SL/RSLT"), new),) for new in ("999", "101", None, "", "x")]
    many = replay.together(document, 1, changes)
    assert many.whole == frozenset()
    assert list(many.each) == [replay.replayed(edited(document, change)).fired for change in changes]


def test_written_changes_are_read_back() -> None:
    assert pins.BREAKS.read_text(encoding="utf-8") == pins.written(pins.breaks())


@pytest.mark.parametrize(
    ("scenario", "changes"),
    [
        ("X.first_stage", {"ZAP/Z_SL/SL/USL/DATE_IN": "2020-01-14"}),  # 12 months to the day
        ("X.infant", {"ZAP/Z_SL/SL/USL/DATE_IN": "2020-12-14"}),  # a month to the day
        ("H.newborn", {"L:PERS/DR_P": "2007-01-12"}),  # 14 years old on the day of birth
        ("H.ward", {"ZAP/Z_SL/SL/KD": "10"}),  # both days counted
        (
            "H.ward",
            {"ZAP/Z_SL/DATE_Z_2": "2021-01-11", "ZAP/Z_SL/SL/DATE_2": "2021-01-11", "ZAP/Z_SL/KD_Z": "1", "ZAP/Z_SL/SL/KD": "1"},
        ),
        ("X.young_adult", {"L:PERS/DR": "2003-12-31"}),  # 18 by the year of birth
        ("C.cancer_ward", {"ZAP/Z_SL/SL/ONK_SL/WEI": "499.9", "ZAP/Z_SL/SL/ONK_SL/HEI": "259"}),
        ("H.newborn", {"ZAP/PACIENT/VNOV_D": "2499"}),
    ],
)
def test_what_is_just_allowed_fires_nothing(scenario: str, changes: dict[str, str]) -> None:
    document = scenarios.document(scenario)
    edits = tuple(Edit(place, found(document, place), new) for place, new in changes.items())
    assert replay.replayed(edited(document, edits)).fired == frozenset()
