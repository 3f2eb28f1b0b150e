"""Are federal figures read as values of their own types, with the parameters they were read from, and are doubts named?"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from omsclaims.law import ParameterError, federal_parameters, unconfirmed, unconfirmed_lines
from omsclaims.law.rules import capitation_rules, costing_rules, norm_rules
from tests.vectors.test_tariffs import vector

LAW = federal_parameters()


def test_the_floor_holds_from_2021() -> None:
    assert norm_rules(LAW, date(2020, 12, 31)).floor is None
    rules = norm_rules(LAW, date(2021, 1, 1))
    assert rules.floor is not None and (rules.floor.least, rules.floor.from_age) == (Fraction(8, 5), 65)
    assert rules.used["rescaling"].sure == "unconfirmed"
    assert (rules.average_number, rules.one_coefficient, rules.cost_age) == ("mean_of_month_starts", True, "end")
    assert rules.used["cost_age"].source == "law:norms.cost_age@2011-01-01"


def test_s5_norms_of_2020() -> None:
    """Vector S5 loads as federal parameters; its bands are printed with the bound of the next."""
    rules = capitation_rules(LAW, date(2020, 5, 1))
    printed = [(row["band"], Fraction(row["norm_kRub"]) * 1000) for row in vector("S5 (inputs, no expected value)")]
    assert len(printed) == 3
    ours = [(f"{band.residents_from}-{(band.residents_to or 0) + 1}", band.norm) for band in rules.fap_norms]
    assert ours == printed
    assert capitation_rules(LAW, date(2021, 1, 1)).fap_norms == ()
    assert capitation_rules(LAW, date(2019, 12, 31)).fap_norms == ()


def test_performance_ends_with_2025() -> None:
    rules = capitation_rules(LAW, date(2025, 12, 31)).performance
    assert rules is not None
    assert rules.by_numbers + rules.by_points == 1
    assert (rules.second, rules.third) == (Fraction(2, 5), Fraction(3, 5))
    assert capitation_rules(LAW, date(2026, 1, 1)).performance is None


def test_what_a_tariff_may_hold() -> None:
    limits = [costing_rules(LAW, date(year, 1, 1)).equipment_limit_kop for year in (2011, 2021, 2022, 2024)]
    assert limits == [10_000_000, 10_000_000, 40_000_000, 100_000_000]
    items = costing_rules(LAW, date(2022, 1, 1)).items
    assert (items["wages"], items["equipment"]) == ("base", "regional")
    with pytest.raises(ParameterError):
        costing_rules(LAW, date(2010, 1, 1))


def test_unconfirmed_parameters_are_found_in_sources() -> None:
    sources = [
        "ksg.csv:2;law:tariffs.short_stay_days@2013-01-01;kslp.csv:3(1=20000*kd)", None, "",
        "law:tariffs.kslp_rule@2022-01-01", "law:tariffs.short_stay_days@2013-01-01", "law:no.such@2011-01-01",
        "law:tariffs.short_stay_days@2014-02-03",
    ]  # fmt: skip
    assert [used.source for used in LAW.named(sources)] == [
        "law:tariffs.kslp_rule@2022-01-01",
        "law:tariffs.short_stay_days@2013-01-01",
    ]
    assert [used.name for used in unconfirmed(sources)] == ["tariffs.short_stay_days"]
    for lang, words in (("ru", "НЕ ПОДТВЕРЖДЕНО"), ("en", "NOT CONFIRMED")):
        (line,) = unconfirmed_lines(sources, lang)
        assert line.startswith(words) and "tariffs.short_stay_days" in line and "2013-01-01" in line
    assert unconfirmed_lines(["ksg.csv:2"], "ru") == []


def test_every_value_of_every_parameter_is_found_by_its_source() -> None:
    """The form of a source must carry every name that the files have."""
    values = [(name, dated) for name, parameter in LAW.by_name.items() for dated in parameter.values if dated.value is not None]
    for name, dated in values:
        (used,) = LAW.named([f"law:{name}@{dated.since}"])
        assert (used.name, used.since, used.sure) == (name, dated.since, dated.sure)


def test_a_changed_value_holds_to_the_next_and_is_marked() -> None:
    changed = LAW.with_value("financing.case_management_rate", date(2022, 1, 1), 1150, "what if")
    assert changed.value("financing.case_management_rate", date(2021, 12, 31)) == 1000
    used = changed.use("financing.case_management_rate", date(2022, 1, 1))
    assert (used.value, used.sure) == (1150, "unconfirmed")
    assert LAW.value("financing.case_management_rate", date(2022, 1, 1)) == 1000
    with pytest.raises(ParameterError):
        LAW.with_value("financing.no_such", date(2022, 1, 1), 1, "what if")
