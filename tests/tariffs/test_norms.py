"""Per-capita standards: who is in which cell, coefficients and the floor, against counting one by one and figures by hand."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.law import federal_parameters
from omsclaims.periods import Partition, age_on, parse_partition
from omsclaims.tariffs import norms
from omsclaims.tariffs.norms import Options

DAYS = [date(2011, 1, 1), date(2016, 2, 29), date(2020, 1, 1), date(2022, 3, 1)]


def partition(on: date = date(2022, 1, 1)) -> Partition:
    return parse_partition(federal_parameters().value("financing.partition", on))


def cells(*rows: tuple[str, str, int], of: str = "people") -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema={"place": pl.String, "group": pl.String, of: pl.Int64}, orient="row")


# ---------------------------------------------------------------- people


MEMBERS = {
    "person": pl.UInt32, "place": pl.String, "w": pl.Int64, "dr": pl.Date, "insured_from": pl.Date, "insured_to": pl.Date,
    "died_on": pl.Date,
}  # fmt: skip
_days = st.dates(date(1895, 1, 1), date(2022, 12, 31))
_near = st.sampled_from([day + timedelta(days=by) for day in DAYS for by in (-1, 0, 1)])
_rows = st.lists(
    st.tuples(
        st.integers(0, 8), st.sampled_from(["A", "B", "C", None]), st.sampled_from([1, 2, 2, 1, 3, None]),
        st.one_of(_days, _near, st.none(), st.sampled_from([date(2012, 2, 29), date(1956, 2, 29), date(1956, 3, 1)])),
        st.one_of(_near, _days), st.one_of(st.none(), _near), st.one_of(st.none(), _near),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(rows=_rows, on=st.sampled_from(DAYS), known=st.sampled_from([None, ["A", "B"]]))
def test_people_as_counted_one_by_one(rows: list[tuple], on: date, known: list[str] | None) -> None:  # type: ignore[type-arg]
    division = partition(on)
    members = pl.DataFrame(rows, schema=MEMBERS, orient="row")
    counted, problems = norms.count(members, division, [on], known)
    speaks: dict[int, tuple] = {}  # type: ignore[type-arg]
    for row in sorted(rows, key=lambda row: row[4]):
        if row[4] <= on and (row[5] is None or row[5] >= on) and (row[6] is None or row[6] >= on):
            speaks[row[0]] = row
    expected: Counter[tuple[str, str]] = Counter()
    nowhere = odd = 0
    for _, place, sex, born, *_rest in speaks.values():
        lawful = sex in (1, 2) and born is not None and born <= on
        if not lawful:
            odd += 1
        elif place is None or (known is not None and place not in known):
            nowhere += 1
        else:
            expected[place, division.group_of(sex, age_on(born, on))] += 1
    assert {(place, group): people for _, place, group, people in counted.iter_rows()} == dict(expected)
    assert {one.rule: one.value for one in problems} == {
        rule: str(number) for rule, number in (("T.3", nowhere), ("T.4", odd)) if number
    }


@pytest.mark.parametrize("on", [date(2020, 2, 28), date(2020, 2, 29), date(2020, 3, 1), date(2021, 2, 28), date(2021, 3, 1)])
def test_thresholds_are_birthdays(on: date) -> None:
    """Everybody born within four years and around each birthday: the same group as by whole years."""
    division = partition(on)
    births = [on - timedelta(days=days) for days in (*range(1500), *range(4 * 366, 110 * 366, 97))]
    births += [date(year, 2, 29) for year in range(1904, 2021, 4) if date(year, 2, 29) <= on]
    rows = [(number, "A", sex, born, born, None, None) for sex in (1, 2) for number, born in enumerate(births, sex * 10**5)]
    counted, problems = norms.count(pl.DataFrame(rows, schema=MEMBERS, orient="row"), division, [on])
    expected = Counter(division.group_of(sex, age_on(born, on)) for sex in (1, 2) for born in births)
    assert dict(counted.select("group", "people").iter_rows()) == dict(expected)
    assert not problems


def test_several_days_at_once() -> None:
    born = date(2021, 1, 15)
    members = pl.DataFrame([(1, "A", 1, born, born, date(2022, 5, 31), None)], schema=MEMBERS, orient="row")
    days = [date(2021, 1, 1), date(2022, 1, 1), date(2022, 2, 1), date(2022, 6, 1)]
    counted, _ = norms.count(members, partition(), days)
    assert counted.select("day", "group").rows() == [(date(2022, 1, 1), "m0"), (date(2022, 2, 1), "m1-4")]


def test_the_register_as_members() -> None:
    """A policy that began last speaks for the person; who has no ENP is told apart by number, then by name."""
    row = {"enp": None, "fam": "А", "im": "Б", "ot": None, "w": 1, "dr": date(1980, 1, 1), "vpolis": 3, "spolis": None,
           "npolis": None, "smo": "75001", "policy_from": date(2020, 1, 1), "policy_to": None, "place": "A", "died_on": None}  # fmt: skip
    changed = [
        {"enp": "1"}, {"enp": "1", "policy_from": date(2021, 1, 1), "place": "B"}, {"npolis": "7"}, {"npolis": "7", "spolis": "x"},
        {"fam": "В"}, {"fam": "В", "place": "C", "policy_from": date(2019, 1, 1)},
    ]  # fmt: skip
    from omsclaims import contract

    register = pl.DataFrame([{**row, **one} for one in changed], schema=contract.TABLES["reg_insured"].schema())
    members = norms.members_of(register)
    assert not {"fam", "im", "ot", "enp", "npolis"} & set(members.columns)
    counted, _ = norms.count(members, partition(), [date(2020, 6, 1), date(2021, 6, 1)])
    assert counted.select("day", "place", "people").rows() == [
        (date(2020, 6, 1), "A", 4), (date(2021, 6, 1), "A", 3), (date(2021, 6, 1), "B", 1),
    ]  # fmt: skip


# ---------------------------------------------------------------- coefficients


def test_by_hand() -> None:
    """400 people cost 40 000 roubles in 2 months: P = 50. m0 of A: 10 000 / (50 x 2) = 100 a month, KD 2."""
    made = norms.coefficients(
        cells(("A", "m0", 1_000_000), ("A", "f65", 2_000_000), ("B", "m0", 1_000_000), of="cost_kop"),
        cells(("A", "m0", 50), ("A", "f65", 150), ("B", "m0", 200)), 2, partition(),
    )  # fmt: skip
    assert made.average_cost == 50
    assert made.coefficients() == {("A", "m0"): 2, ("A", "f65"): Fraction(4, 3), ("B", "m0"): Fraction(1, 2)}
    assert made.complete
    assert made.findings.is_empty()
    table = norms.frame(norms.with_standards(made, 2_000_000, Fraction(801, 2)), {("A", "m0"): Fraction(8, 5)})
    assert table.select("place", "group", "kd", "kd_exact", "standard_exact", "kd_last", "change_percent").rows() == [
        ("A", "m0", "2", "2/1", "80000/801", "1.6", "25.00"),
        ("A", "f65", "1.3333333333", "4/3", "160000/2403", None, None),
        ("B", "m0", "0.5", "1/2", "20000/801", None, None),
    ]


_numbers = st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**13)), min_size=2, max_size=30)


@settings(max_examples=200, deadline=None)
@given(numbers=_numbers, floor=st.sampled_from([None, Fraction(8, 5), Fraction(1), Fraction(3)]))
def test_the_weighted_mean_is_one(numbers: list[tuple[int, int]], floor: Fraction | None) -> None:
    """sum KD Ch = Ch, with and without the floor; no cell of old people lies below it (law.md 4.2, 4.3)."""
    codes = [group.code for group in partition().groups]
    where = [(f"P{number // len(codes)}", codes[number % len(codes)]) for number in range(len(numbers))]
    people = cells(*((place, code, ch) for (place, code), (ch, _) in zip(where, numbers, strict=True)))
    spent = cells(*((place, code, z) for (place, code), (_, z) in zip(where, numbers, strict=True)), of="cost_kop")
    made = norms.coefficients(spent, people, 12, partition(), Options(floor=floor))
    if not made.complete:
        assert made.findings["rule"].to_list() == ["T.7"]
        assert made.coefficients() == {}
        return
    assert sum(kd * norm.people for norm in made.norms if (kd := norm.kd) is not None) == made.people
    if floor is not None:
        assert all(norm.kd is not None and norm.kd >= floor for norm in made.norms if norm.group in ("m65", "f65"))
        young = {
            norm.kd / norm.kd_before_floor
            for norm in made.norms
            if norm.group not in ("m65", "f65") and norm.kd and norm.kd_before_floor
        }
        assert len(young) <= 1, "the younger groups take one factor"


def test_the_floor_by_hand() -> None:
    """65+ of A stands at 1.2 and is raised to 1.6, of B at 2.0 and keeps it; the others keep their proportions."""
    spent = cells(("A", "m18-64", 800), ("A", "m65", 1200), ("B", "m18-64", 0), ("B", "m65", 2000), of="cost_kop")
    people = cells(("A", "m18-64", 2), ("A", "m65", 1), ("B", "m65", 1))
    made = norms.coefficients(spent.filter(pl.col("cost_kop") > 0), people, 1, partition(), Options(floor=Fraction(8, 5)))
    assert made.coefficients() == {("A", "m18-64"): Fraction(1, 5), ("A", "m65"): Fraction(8, 5), ("B", "m65"): 2}


def test_published_digits_bind() -> None:
    made = norms.coefficients(
        cells(("A", "m0", 1), ("A", "f0", 2), of="cost_kop"), cells(("A", "m0", 1), ("A", "f0", 1)), 1, partition(),
        Options(kd_digits=4, standard_digits=2),
    )  # fmt: skip
    assert made.coefficients() == {("A", "m0"): Fraction(6667, 10000), ("A", "f0"): Fraction(13333, 10000)}
    table = norms.frame(norms.with_standards(made, 100_000, Fraction(2)))
    assert table.select("kd", "standard").rows() == [("0.6667", "333.35"), ("1.3333", "666.65")]


# ---------------------------------------------------------------- what is wrong


def test_cost_without_people_and_people_without_cost() -> None:
    spent = cells(("A", "m0", 500), ("B", "f0", 100), of="cost_kop")
    people = cells(("A", "m0", 5), ("A", "f65", 7))
    made = norms.coefficients(spent, people, 1, partition())
    assert made.findings.select("rule", "value").sort("rule").rows() == [("T.1", "1.00"), ("T.2", "7")]
    assert not made.complete
    assert made.coefficients().keys() == {("A", "m0")}
    allowed = norms.coefficients(spent, people, 1, partition(), Options(may_cost_nothing=frozenset({"f65"})))
    assert allowed.findings["rule"].to_list() == ["T.1"]
    assert allowed.coefficients()["A", "f65"] == 0


@pytest.mark.parametrize(
    ("spent", "people", "months"),
    [(cells(of="cost_kop"), cells(("A", "m0", 1)), 1), (cells(("A", "m0", 5), of="cost_kop"), cells(), 1),
     (cells(("A", "m0", 5), of="cost_kop"), cells(("A", "m0", 1)), 0)],
)  # fmt: skip
def test_nothing_to_compute_from(spent: pl.DataFrame, people: pl.DataFrame, months: int) -> None:
    made = norms.coefficients(spent, people, months, partition())
    assert "T.6" in made.findings["rule"].to_list()


def test_costs_by_cell() -> None:
    accepted = pl.DataFrame(
        {
            "place": ["A", "A", None, "B", "B"],
            "w": [1, 1, 2, 2, 3],
            "age_years": [0, 0, 70, 64, 30],
            "sump_kop": [100, 50, 7, 0, 9],
        }
    )
    found, problems = norms.costs(accepted, partition())
    assert found.rows() == [("A", "m0", 150)]
    assert [(one.rule, one.value) for one in problems] == [("T.5", "0.16")]
