"""Does clean care keep what control asks for: no overlap, no visit in a stay, one examination a year, days inside the bill?"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from omsclaims.synthetic import care, catalogue, people
from tests.synthetic.synthetic_made import Made


@pytest.fixture(scope="module")
def months() -> tuple[people.People, list[tuple[care.Plan, care.Tables]]]:
    rng = np.random.default_rng(21)
    folk = people.make_people(rng, 1_400)
    plans = care.plans(3_000)
    slots = [care.make_slots(rng, folk, plan) for plan in plans]
    once = care.Once.nobody(folk.count)
    return folk, [(plan, care.make_month(rng, folk, plan, s, once)) for plan, s in zip(plans, slots, strict=True)]


def test_cases_of_a_person_never_share_a_day(months: tuple[people.People, list[tuple[care.Plan, care.Tables]]]) -> None:
    both = pl.concat([tables["z"].select("person", "date_z_1", "date_z_2") for _, tables in months[1]])
    ordered = both.sort("person", "date_z_1").with_columns(before=pl.col("date_z_2").shift(1).over("person"))
    assert ordered.filter(pl.col("before") >= pl.col("date_z_1")).height == 0
    assert ordered.filter(pl.col("before").is_not_null()).height > 2_000


def test_days_lie_inside_the_bill(months: tuple[people.People, list[tuple[care.Plan, care.Tables]]]) -> None:
    for plan, tables in months[1]:
        z, sl, usl = tables["z"], tables["sl"], tables["usl"]
        assert z.height == plan.cases
        assert z["date_z_2"].min() >= plan.month.first and z["date_z_2"].max() <= plan.closes
        assert z["date_z_1"].min() >= plan.opens
        assert all(plan.closes < plan.dschet(mo) <= plan.month.last < plan.data(mo) for mo in catalogue.CLINICS)
        inside = sl.join(z.select("case", "date_z_1", "date_z_2", "letters"), on="case")
        assert inside.filter((pl.col("date_1") < pl.col("date_z_1")) | (pl.col("date_2") > pl.col("date_z_2"))).height == 0
        services = usl.join(inside.select("case", "sl_no", "date_1", "date_2", "letters"), on=["case", "sl_no"])
        assert services.height == usl.height
        assert services.filter(pl.col("date_out") > pl.col("date_2")).height == 0
        assert services.filter((pl.col("date_in") < pl.col("date_1")) & ~pl.col("letters").str.starts_with("D")).height == 0


def test_one_examination_a_year(months: tuple[people.People, list[tuple[care.Plan, care.Tables]]]) -> None:
    both = pl.concat(
        [tables["z"].filter(pl.col("kind") == "exam").select("person", "letters", "date_z_2") for _, tables in months[1]]
    )
    first, second = both.filter(pl.col("letters") != "DV"), both.filter(pl.col("letters") == "DV")
    assert first.height > 200 and first["person"].n_unique() == first.height
    # A second stage comes behind the first stage of a dispensary examination of the same person.
    pairs = second.join(first.filter(pl.col("letters") == "DP"), on="person", suffix="_first")
    assert second.height > 3 and second["person"].n_unique() == second.height == pairs.height
    assert pairs.filter(pl.col("date_z_2_first") >= pl.col("date_z_2")).height == 0


def test_care_fits_age_and_sex(months: tuple[people.People, list[tuple[care.Plan, care.Tables]]]) -> None:
    folk = months[0]
    for _, tables in months[1]:
        z = tables["z"].filter(pl.col("novor") == "0")
        person = z["person"].to_numpy()
        age = people.ages(folk.born[person], z["date_z_1"].to_numpy().astype("datetime64[D]"))
        known = z.select("case").with_columns(age=pl.Series(age), sex=pl.Series(folk.sex[person]))
        sl = tables["sl"].join(known, on="case")
        assert sl.filter(pl.col("profil").is_in([17, 18, 19, 20, 21, 68, 86]) & (pl.col("age") >= 18)).height == 0
        assert sl.filter(pl.col("profil").is_in([29, 60, 108, 122]) & (pl.col("age") < 18)).height == 0
        assert sl.filter((pl.col("profil") == 14) & (pl.col("age") < 60)).height == 0
        assert sl.filter((pl.col("profil") == 136) & (pl.col("sex") == 1)).height == 0
        assert sl.filter(pl.col("ds1").str.starts_with("O") & (pl.col("sex") == 1)).height == 0
        assert sl.filter((pl.col("det") == 1) & (pl.col("age") >= 18)).height == 0


def test_newborns_are_billed_under_the_mother(months: tuple[people.People, list[tuple[care.Plan, care.Tables]]]) -> None:
    folk = months[0]
    for _, tables in months[1]:
        born = tables["z"].filter(pl.col("novor") != "0")
        assert born.height >= 1
        for row in born.iter_rows(named=True):
            day: date = row["child_dr"]
            assert row["novor"] == f"{row['child_w']}{day:%d%m%y}1"
            assert 0 <= (row["date_z_1"] - day).days <= 2
            assert folk.sex[row["person"]] == 2 and row["enp"] == folk.enp[row["person"]]


def test_all_kinds_of_care_in_their_shares(made: Made) -> None:
    cases = pl.concat(
        [read.tables["z_sl"].select(pl.lit(name).alias("package"), "usl_ok", "idsp") for name, read in made.packages.items()]
    )
    share = {
        kind: cases.filter(where).height / cases.height
        for kind, where in {
            "visits": pl.col("idsp").is_in([29, 30]) & (pl.col("usl_ok") == 3),
            "hospital": pl.col("usl_ok") == 1,
            "day": pl.col("usl_ok") == 2,
            "calls": pl.col("usl_ok") == 4,
            "exams": pl.col("usl_ok").is_null(),
            "services": pl.col("idsp") == 28,
            "per_capita": pl.col("idsp") == 25,
        }.items()
    }
    wanted = {
        "visits": 0.64,
        "hospital": 0.115,
        "day": 0.043,
        "calls": 0.045,
        "exams": 0.05,
        "services": 0.04,
        "per_capita": 0.05,
    }
    for kind, value in wanted.items():
        assert share[kind] == pytest.approx(value, abs=0.02), kind
