"""Vectors S8, S9, S10 of ../shared/vectors/vectors.md: published inputs load as agreements, value by value; S5 is in tests/law."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest

from omsclaims.law import federal_parameters
from omsclaims.law.agreement import against_law, load_agreement, partition_on
from omsclaims.law.rules import norm_rules
from tests.vectors.test_tariffs import vector

AGREEMENTS = Path(__file__).resolve().parents[1] / "fixtures" / "agreements"
UNIT = 10**5
REGIONS = {"EAO2022": "s9_eao_2022", "AMUR2024": "s9_amur_2024", "X2024": "s9_unnamed_2024", "KALM": "s9_kalmykia"}
LAW = federal_parameters()


def relative(region: str, kind: str) -> dict[str, Fraction]:
    """Group -> coefficient of an agreement."""
    table = load_agreement(AGREEMENTS / REGIONS[region]).table("relative_coefficients").filter(pl.col("kind") == kind)
    return {group: Fraction(value, UNIT) for group, value in table.select("group", "coefficient5").iter_rows()}


def test_s8_base_rates() -> None:
    rows = vector("S8 (inputs, no expected value)")
    table = load_agreement(AGREEMENTS / "s8_volgograd").table("base_rates")
    settings = {"hospital": "ksg_inpatient", "day_hospital": "ksg_day"}
    printed = {
        (settings[row["setting"]], date.fromisoformat(row["from"]), date.fromisoformat(row["to"])): Decimal(row["base_rate"])
        for row in rows
    }
    loaded = {
        (setting, begin, end): Decimal(rate) / 10**4
        for setting, begin, end, rate in table.select("setting", "valid_from", "valid_to", "rate4").iter_rows()
    }
    assert len(printed) == 11
    assert loaded == printed


def test_s9_relative_coefficients() -> None:
    rows = vector("S9 (inputs, no expected value)")
    kinds = {"outpatient": "outpatient", "smp": "ambulance"}
    assert len(rows) == 6
    for row in rows:
        printed = {name.replace("_", "-"): Fraction(value) for name, value in row.items() if name not in ("region", "kind")}
        assert relative(row["region"], kinds[row["kind"]]) == printed


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_s9_groups_are_those_of_the_year_and_old_people_are_not_below_the_floor(region: str) -> None:
    agreement = load_agreement(AGREEMENTS / REGIONS[region])
    on = agreement.head.valid_from
    partition, _ = partition_on(agreement, LAW, on)
    coefficients = relative(region, "outpatient")
    assert set(coefficients) == {group.code for group in partition.groups}
    floor = norm_rules(LAW, on).floor
    assert floor is not None
    old = [group.code for group in partition.groups if group.age_from >= floor.from_age]
    assert len(old) == 2 and all(coefficients[code] >= floor.least for code in old)
    assert against_law(agreement, LAW) == ()


@pytest.mark.parametrize("name", ["s10_samara_2014", "s10_krasnoyarsk_2016", "s10_mari_el_2020", "s10_smolensk_2021"])
def test_s10_case_management(name: str) -> None:
    agreement = load_agreement(AGREEMENTS / name)
    row = next(row for row in vector("S10 (inputs, no expected value)") if int(row["year"]) == agreement.year)
    assert agreement.table("case_management")["rate5"].to_list() == [int(Decimal(row["rate"]) * UNIT)]
    assert agreement.head.reference == row["source"]
