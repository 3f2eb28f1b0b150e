"""Are unconfirmed values found in sources of every form, spoken in both languages, and told apart by the cases of a paper?"""

from __future__ import annotations

import polars as pl
import pytest

from omsclaims.law import federal_parameters
from omsclaims.reports import doubts

LAW = federal_parameters()
SHORT = "law:tariffs.short_stay_days@2013-01-01"
STAGED = "grouper:staged_cancer_surgery@2022-01-01"
SOURCES = [
    f"ksg.csv:2;{SHORT};kslp.csv:3(1=20000*kd)",
    None,
    "law:tariffs.kslp_rule@2022-01-01",
    f"book:KSG/ksg_day@2022;{STAGED}",
]


@pytest.mark.parametrize(("lang", "words"), [("ru", "НЕ ПОДТВЕРЖДЕНО"), ("en", "NOT CONFIRMED")])
def test_law_and_grouper_are_spoken_alike(lang: str, words: str) -> None:
    of_law, of_grouper = doubts.lines(SOURCES, lang)
    assert of_law.startswith(words) and "tariffs.short_stay_days" in of_law
    assert of_grouper.startswith(words) and "grouper:staged_cancer_surgery" in of_grouper and "law.md 8.6" in of_grouper


def test_the_note_of_a_paper_is_one_sentence_or_nothing() -> None:
    note = doubts.note(SOURCES, "en")
    assert "tariffs.short_stay_days (2013-01-01), grouper:staged_cancer_surgery (2022-01-01)" in note and "\n" not in note
    assert doubts.note(["ksg.csv:2", None, "law:tariffs.kslp_rule@2022-01-01"], "ru") == ""


def test_a_list_as_a_whole_stands_for_its_unconfirmed_rows() -> None:
    """A group that no row speaks for is unpaid by all of them."""
    names = doubts.names(["ksg.csv:2;grouper:beside"])
    assert {"grouper:staged_cancer_surgery (2022-01-01)", "grouper:rehabilitation_after_treatment (2022-01-01)"} <= set(names)
    assert not any("other_class" in name for name in names)  # confirmed in a production system


def test_what_is_not_known_is_left_out() -> None:
    assert (
        doubts.lines(["law:no.such@2013-01-01;grouper:no_such@2022-01-01;grouper:staged_cancer_surgery@2021-01-01"], "ru") == []
    )


def test_sources_of_rows_without_those_of_the_agreement() -> None:
    table = pl.DataFrame({"case_key": [1, 2, 3, 4], "sources": SOURCES})
    assert doubts.of_rows(table, None) == [STAGED, "law:tariffs.kslp_rule@2022-01-01", SHORT]


def test_a_paper_names_what_its_cases_used() -> None:
    found = doubts.cases([pl.DataFrame({"case_key": [1, 2, 3, 4, 4, 1], "sources": [*SOURCES, SHORT, SHORT]})], LAW)
    assert sorted(found.rows()) == [(1, SHORT), (4, STAGED), (4, SHORT)]


def test_decisions_stand_on_what_is_asked_for_before_the_money() -> None:
    asked = [
        "law:control.coefficient_date@2011-01-01",
        "law:norms.one_coefficient@2011-01-01",
        "law:expertise.sample_inner@2011-01-01",
    ]
    assert doubts.of_decisions(asked) == asked[:1]
    assert doubts.of_decisions(asked, keep=("expertise.",)) == [asked[0], asked[2]]
