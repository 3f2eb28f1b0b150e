"""Are the made-up people well-formed: policy numbers, ages, policies without gaps and overlaps?"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from omsclaims import contract
from omsclaims.identifiers import build_enp, enp_is_valid
from omsclaims.periods import age_on
from omsclaims.synthetic import catalogue, people


@given(st.dates(date(1925, 1, 1), date(2022, 3, 1)), st.integers(0, 36_000))
def test_ages_are_those_of_the_law(born: date, days: int) -> None:
    on = born + timedelta(days=days)
    assert people.ages(np.array([born], dtype="datetime64[D]"), np.array([on], dtype="datetime64[D]"))[0] == age_on(born, on)


def test_policy_numbers_are_right_unique_and_of_no_territory() -> None:
    made = people.make_people(np.random.default_rng(3), 5_000)
    assert len(set(made.enp.tolist())) == 5_000
    for person in range(0, 5_000, 7):
        enp = made.enp[person]
        assert enp_is_valid(enp) and enp.startswith("98")
        born, sex = made.born[person].astype(object), int(made.sex[person])
        assert enp == build_enp("98", born, sex, int(enp[10:15]))


def test_shares_are_near_what_is_wanted() -> None:
    made = people.make_people(np.random.default_rng(4), 20_000)
    assert 0.05 < 1 - made.own.mean() < 0.07
    assert set(made.home.tolist()) == {catalogue.TERRITORY, *catalogue.OTHERS}
    age = people.ages(made.born, np.full(20_000, np.datetime64("2022-03-01")))
    assert age.min() >= 0 and age.max() < 95
    assert 0.18 < (age < 18).mean() < 0.22


def test_a_person_has_one_policy_on_a_day() -> None:
    made = people.make_people(np.random.default_rng(5), 4_000)
    tables = people.register_tables(made)
    insured = contract.check("reg_insured", tables["reg_insured"])
    assert insured["enp"].n_unique() == int(made.own.sum())
    ordered = insured.sort("enp", "policy_from").with_columns(
        following=pl.col("policy_from").shift(-1).over("enp"), next_smo=pl.col("smo").shift(-1).over("enp")
    )
    changed = ordered.filter(pl.col("following").is_not_null())
    assert changed.height > 50
    gaps = changed.select((pl.col("following") - pl.col("policy_to")).dt.total_days()).to_series()
    assert set(gaps.to_list()) == {1}
    assert (changed["smo"] != changed["next_smo"]).all()


def test_edits_of_the_register_reach_it() -> None:
    made = people.make_people(np.random.default_rng(6), 1_000)
    steady = np.flatnonzero(made.own & np.isnat(made.change))
    first, second, third = (int(steady[i]) for i in (0, 1, 2))
    made.until[first], made.later_start[second], made.died[third] = date(2022, 3, 3), date(2022, 3, 9), date(2022, 3, 5)
    insured = people.register_tables(made)["reg_insured"]
    assert insured.filter(pl.col("enp") == made.enp[first])["policy_to"].to_list() == [date(2022, 3, 3)]
    assert insured.filter(pl.col("enp") == made.enp[second])["policy_from"].to_list() == [date(2022, 3, 9)]
    assert insured.filter(pl.col("enp") == made.enp[third])["died_on"].to_list() == [date(2022, 3, 5)]
    assert insured["died_on"].null_count() == insured.height - 1


def test_insurer_follows_the_day() -> None:
    made = people.make_people(np.random.default_rng(7), 2_000)
    moved = np.flatnonzero(~np.isnat(made.change))[:20]
    before = made.change[moved] - np.timedelta64(1, "D")
    assert made.smo_on(moved, before).tolist() == made.first_smo[moved].tolist()
    assert made.smo_on(moved, made.change[moved]).tolist() == made.second_smo[moved].tolist()
    assert all(a != b for a, b in zip(made.first_smo[moved], made.second_smo[moved], strict=True))
    unknown = np.flatnonzero(made.without_smo)
    assert made.smo_on(unknown, made.since[unknown]).tolist() == [None] * len(unknown)
