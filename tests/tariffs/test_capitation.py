"""Does the per-capita money of clinics come out as published, does it add up, and is whatever is missing a finding, never a zero?"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import findings
from omsclaims.law import federal_parameters
from omsclaims.law.agreement import Agreement, load_agreement
from omsclaims.law.rules import capitation_rules
from omsclaims.money import format_amount, round_fraction
from omsclaims.periods import Month
from omsclaims.tariffs.capitation import (
    Capitation,
    balance,
    capitate,
    least_of_place,
    of_places,
    performance_group,
    relative_cost,
    standard,
    weighted_mean,
)
from tests.tariffs.capitation_cases import AGREEMENTS, CLINICS, MARCH, context, person, registers, usual, without
from tests.test_vectors_inputs import relative
from tests.vectors.test_tariffs import hold, vector

#: Three clinics: children, adults, both.
PEOPLE = [
    *(person(n, "750001", dr=date(2021, 6, 1), w=1 + n % 2) for n in range(1, 6)),
    *(person(n, "750002") for n in range(6, 13)),
    *(person(n, "750003", w=2, dr=date(1950, 1, 1)) for n in range(13, 16)),
    *(person(n, "750003") for n in range(16, 20)),
]


def rules_of(made: Capitation) -> list[str]:
    for lang in ("ru", "en"):
        assert all(findings.with_text(made.findings, lang)["text"])
    return made.findings["rule"].to_list()


def amounts(made: Capitation) -> dict[str, int | None]:
    return dict(made.clinics.select("mo", "total_kop").iter_rows())


# ---- vectors ---------------------------------------------------------------------------------------------------------------


def test_s3_standards_of_ambulance() -> None:
    rows = vector("S3")
    agreement = load_agreement(AGREEMENTS / "s3_perm_2023")
    made = capitate(registers([]), context(agreement, Month(2023, 5)))
    assert rules_of(made) == []
    computed = [round_fraction(Fraction(text) * 100) for text in made.clinics["standard"]]
    assert len(computed) == 13
    assert made.clinics["kdpv"].to_list()[3] == str(Fraction("1.00966"))
    hold([(f"S3 {row['mo']}", kop, row["expected"], "0.005") for row, kop in zip(rows, computed, strict=True)])


def test_s3_with_the_printed_base() -> None:
    rows = vector("S3")
    names = ("kd", "kd_pv", "kd_ur", "kd_zp")
    computed = [standard(Fraction(row["pn_printed"]), [Fraction(row[name]) for name in names]) for row in rows]
    hold([(f"S3 {row['mo']}", round_fraction(v * 100), row["expected"], "0.011") for row, v in zip(rows, computed, strict=True)])


def test_s4_sums_of_fap() -> None:
    rows = vector("S4")
    made = capitate(registers([]), context(load_agreement(AGREEMENTS / "s4_mari_el_2022"), Month(2022, 10)))
    assert rules_of(made) == []
    assert made.faps["name"].to_list() == [row["fap"] for row in rows]
    months = [
        (f"S4 month {row['fap']}", kop, row["month_expected"], "0") for row, kop in zip(rows, made.faps["month_kop"], strict=True)
    ]
    # The year is printed in thousands of roubles with two decimals.
    years = [
        (f"S4 year {row['fap']}", round_fraction(Fraction(kop, 1000)), row["year_kRub_expected"], "0")
        for row, kop in zip(rows, made.faps["year_kop"], strict=True)
    ]
    hold([*months, *years])


def test_s4_has_two_true_ties() -> None:
    """77498.625 a month and 815.775 a year: half up, which neither half-even nor a float gives for the first."""
    made = capitate(registers([]), context(load_agreement(AGREEMENTS / "s4_mari_el_2022"), Month(2022, 10)))
    by_name = {row["name"]: row for row in made.faps.to_dicts()}
    assert Fraction(1_087_700) * Fraction("0.855") / 12 * 100 == Fraction("7749862.5")
    assert by_name["Alekseevsky"]["month_kop"] == 7_749_863
    assert by_name["Bizyurgubsky"]["year_kop"] == 81_577_500


KALM = relative("KALM", "outpatient")
KALM_KINDS = {"children": ("m0", "f0", "m1-4", "f1-4", "m5-17", "f5-17"), "adults": ("m18-64", "f18-64", "m65", "f65")}


@pytest.mark.parametrize(("served", "printed"), [("children", "1.47"), ("adults", "0.91")])
def test_s9_a_printed_mean_lies_within_its_groups(served: str, printed: str) -> None:
    """Children-only RDMC 1.47, adults-only polyclinic 0.91: some numbers of people give them exactly."""
    coefficients = KALM
    own = [coefficients[group] for group in KALM_KINDS[served]]
    assert min(own) <= Fraction(printed) <= max(own)
    low = min(KALM_KINDS[served], key=coefficients.__getitem__)
    high = max(KALM_KINDS[served], key=coefficients.__getitem__)
    share = (Fraction(printed) - coefficients[low]) / (coefficients[high] - coefficients[low])
    people = {low: share.denominator - share.numerator, high: share.numerator}
    assert relative_cost(people, coefficients) == Fraction(printed)


@settings(deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=10, max_size=10).filter(any))
def test_s9_a_mean_lies_between_the_least_and_the_most_of_the_served(counts: list[int]) -> None:
    people = dict(zip(KALM, counts, strict=True))
    own = [KALM[group] for group, count in people.items() if count]
    assert min(own) <= relative_cost(people, KALM) <= max(own)


# ---- formulas --------------------------------------------------------------------------------------------------------------


def test_the_mean_of_a_group_is_weighted_by_numbers() -> None:
    assert weighted_mean([(Fraction(2), 1), (Fraction(1), 3)]) == Fraction(5, 4)  # the plain mean would be 3/2
    with pytest.raises(ValueError, match="without people"):
        weighted_mean([(Fraction(2), 0)])


@pytest.mark.parametrize(
    ("residents", "expected"), [(0, "1.113"), (20_000, "1.113"), (20_001, "1.04"), (50_000, "1.04"), (50_001, "1")]
)
def test_the_bounds_of_places_are_in(residents: int, expected: str) -> None:
    assert least_of_place(residents, capitation_rules(federal_parameters(), date(2023, 1, 1))) == Fraction(expected)


def test_mixed_places() -> None:
    assert of_places([(Fraction(1), Fraction("1.113"))]) == Fraction("1.113")
    assert of_places([(Fraction("0.4"), Fraction("1.113")), (Fraction("0.1"), Fraction("1.04"))]) == Fraction("1.0492")
    assert of_places([]) == 1


@pytest.mark.parametrize(
    ("points2", "group"), [(0, "I"), (3_999, "I"), (4_000, "II"), (5_999, "II"), (6_000, "III"), (10_000, "III")]
)
def test_groups_of_performance(points2: int, group: str) -> None:
    assert performance_group(points2, 10_000, Fraction(2, 5), Fraction(3, 5)) == group


def test_a_standard_with_digits_is_rounded_half_up() -> None:
    assert standard(Fraction("78.625"), [Fraction(1)], 2) == Fraction("78.63")
    assert standard(Fraction("78.625"), [Fraction(1)]) == Fraction("78.625")


def test_the_balance_brings_the_standards_to_the_money() -> None:
    parts = [(Fraction("80.5"), 3), (Fraction("99.125"), 7)]
    factor = balance(123_457, parts)
    assert factor is not None
    assert sum(value * factor * count * 100 for value, count in parts) == 123_457
    assert balance(100, [(Fraction(0), 3)]) is None


# ---- the stage -------------------------------------------------------------------------------------------------------------


def test_money_of_three_clinics_step_by_step(tmp_path: Path) -> None:
    """The whole way again in plain fractions, by hand."""
    made = capitate(registers(PEOPLE), context(usual(tmp_path)))
    assert rules_of(made) == []
    people = {"750001": 5, "750002": 7, "750003": 7}
    assert dict(made.clinics.select("mo", "people").iter_rows()) == people
    # Born 2021-06-01, nine months old on 1 March: numbers 1, 3, 5 are women (w = 1 + n % 2), 2 and 4 men.
    kdpv = {
        "750001": (3 * Fraction("4.52") + 2 * Fraction("4.54")) / 5,
        "750002": Fraction(1),
        "750003": (3 * Fraction("1.6") + 4) / 7,
    }
    assert {mo: Fraction(text) for mo, text in made.clinics.select("mo", "kdpv").iter_rows()} == kdpv
    others = {
        "750001": Fraction(1),
        "750002": Fraction("0.98732") * Fraction("1.03275"),
        "750003": Fraction("1.00271") * Fraction("0.97"),
    }
    base = Fraction(100_001, 19 * 100)
    standards = {mo: base * kdpv[mo] * others[mo] * Fraction("1.1") for mo in people}
    assert {mo: Fraction(text) for mo, text in made.clinics.select("mo", "standard").iter_rows()} == standards
    whole = sum(standards[mo] * people[mo] for mo in people)
    exact = {mo: 100_001 * standards[mo] * people[mo] / whole for mo in people}
    paid = amounts(made)
    assert sum(value or 0 for value in paid.values()) == 100_001
    assert all(abs((paid[mo] or 0) - exact[mo]) < 1 for mo in people)
    (money,) = made.money.to_dicts()
    assert (money["people"], money["money_kop"], money["shared_kop"], money["left_kop"], money["why"]) == (
        19,
        100_001,
        100_001,
        0,
        None,
    )
    # FDPn n adds up to the money exactly, before kopecks.
    finals = [Fraction(text) * count * 100 for text, count in made.clinics.select("final_standard", "people").iter_rows()]
    assert sum(finals) == 100_001


def test_the_order_of_registers_does_not_matter(tmp_path: Path) -> None:
    agreement = usual(tmp_path)
    first = capitate(registers(PEOPLE), context(agreement))
    mixed = list(PEOPLE)
    random.Random(7).shuffle(mixed)
    second = capitate(registers(mixed), context(agreement))
    assert first.clinics.equals(second.clinics) and first.people.equals(second.people)
    assert first.findings.equals(second.findings) and first.sources == second.sources


@settings(deadline=None, max_examples=50)
@given(money=st.integers(0, 10**12), counts=st.lists(st.integers(1, 6), min_size=3, max_size=3))
def test_the_parts_are_the_money(tmp_path_factory: pytest.TempPathFactory, money: int, counts: list[int]) -> None:
    agreement = _cached(tmp_path_factory)
    kinds = agreement.table("capitation").with_columns(money2=pl.lit(money, dtype=pl.Int64))
    agreement = replace(agreement, tables={**agreement.tables, "capitation": kinds})
    clinics = [mo for mo, count in zip(("750001", "750002", "750003"), counts, strict=True) for _ in range(count)]
    people = [person(n, mo, dr=date(1950 + 4 * n, 1, 1)) for n, mo in enumerate(clinics, 1)]
    made = capitate(registers(people), context(agreement))
    paid = made.clinics["total_kop"].sum()
    assert paid == money
    assert rules_of(made) == []


_AGREEMENT: list[Agreement] = []


def _cached(factory: pytest.TempPathFactory) -> Agreement:
    if not _AGREEMENT:
        _AGREEMENT.append(usual(factory.mktemp("capitation")))
    return _AGREEMENT[0]


def test_clinics_of_a_group_have_one_coefficient(tmp_path: Path) -> None:
    text = CLINICS.replace("1.03275,", "1.03275,A").replace("0.97,", "0.97,A")
    made = capitate(registers(PEOPLE), context(usual(tmp_path, clinic_capitation=text)))
    kdpv = {mo: Fraction(value) for mo, value in made.clinics.select("mo", "kdpv").iter_rows()}
    assert kdpv["750002"] == kdpv["750003"] == (7 + 3 * Fraction("1.6") + 4) / 14
    assert sum(value or 0 for value in amounts(made).values()) == 100_001


def test_digits_of_the_agreement_bind(tmp_path: Path) -> None:
    options = "  - {kind: outpatient, base: 12.3456, money: 1000.01, kdpv: attached, coefficient_digits: 3, standard_digits: 2}\n"
    made = capitate(registers(PEOPLE), context(usual(tmp_path, options)))
    row = made.clinics.filter(pl.col("mo") == "750003").row(0, named=True)
    assert Fraction(row["kdpv"]) == Fraction("1.257")  # 8.8 / 7
    exact = Fraction("12.3456") * Fraction("1.257") * Fraction("1.00271") * Fraction("0.97") * Fraction("1.1")
    assert Fraction(row["standard"]) == Fraction(round_fraction(exact * 100), 100)
    assert Fraction(row["final_standard"]).denominator in (1, 2, 4, 5, 10, 20, 25, 50, 100)
    assert sum(value or 0 for value in amounts(made).values()) == 100_001  # the kopecks still are the money


def test_standards_without_a_balance_are_paid_as_they_are(tmp_path: Path) -> None:
    made = capitate(registers(PEOPLE), context(usual(tmp_path, "  - {kind: outpatient, base: 100.005, kdpv: attached}\n")))
    row = made.clinics.filter(pl.col("mo") == "750002").row(0, named=True)
    exact = Fraction("100.005") * Fraction("0.98732") * Fraction("1.03275") * Fraction("1.1")
    assert Fraction(row["final_standard"]) == exact
    assert row["total_kop"] == round_fraction(exact * 7 * 100)
    assert made.money["money_kop"].to_list() == [None]


def test_places_and_their_least_coefficients(tmp_path: Path) -> None:
    parts = "mo,place,residents,share,coefficient\n750001,A,20000,0.4,\n750001,B,20001,0.1,\n750002,C,900,1,1.2\n"
    made = capitate(registers(PEOPLE), context(usual(tmp_path, capitation_parts=parts)))
    kdot = {mo: Fraction(value) for mo, value in made.clinics.select("mo", "kdot").iter_rows()}
    assert kdot == {"750001": Fraction("1.0492"), "750002": Fraction("1.2"), "750003": Fraction(1)}
    assert any(source.startswith("law:capitation.place_coefficients@2021-01-01") for source in made.sources)
    row = made.clinics.filter(pl.col("mo") == "750001").row(0, named=True)
    assert "law:capitation.place_coefficients@2021-01-01" in row["sources"]
    other = made.clinics.filter(pl.col("mo") == "750002").row(0, named=True)
    assert "place_coefficients" not in other["sources"]  # its place has a coefficient of its own


POINTS = "mo,points,most\n750001,60,100\n750002,40,100\n750003,39.99,100\n"
SHARED = "  - {kind: outpatient, money: 1000.01, performance_share: 0.1, kdpv: attached}\n"


def test_the_performance_part(tmp_path: Path) -> None:
    made = capitate(registers(PEOPLE), context(usual(tmp_path, SHARED, performance=POINTS)))
    assert rules_of(made) == []
    rows = {row["mo"]: row for row in made.clinics.to_dicts()}
    assert [rows[mo]["performance_group"] for mo in sorted(rows)] == ["III", "II", "I"]
    # 10 % of 1000.01 are 100.001, so 100.00; 70 % by 5 and 7 people, 30 % to the only clinic of group III.
    assert [rows[mo]["numbers_kop"] for mo in sorted(rows)] == [2_917, 4_083, 0]
    assert [rows[mo]["points_kop"] for mo in sorted(rows)] == [3_000, 0, 0]
    assert sum(row["people_kop"] for row in rows.values()) == 90_001
    assert sum(row["total_kop"] for row in rows.values()) == 100_001
    assert any(source.startswith("law:capitation.performance@") for source in made.sources)


def test_performance_money_that_nobody_gets_is_left_and_told(tmp_path: Path) -> None:
    low = "mo,points,most\n750001,10,100\n750002,20,100\n750003,30,100\n"
    made = capitate(registers(PEOPLE), context(usual(tmp_path, SHARED, performance=low)))
    assert rules_of(made) == ["T.39", "T.39", "T.43"] or sorted(rules_of(made)) == ["T.39", "T.39", "T.43"]
    (money,) = made.money.to_dicts()
    assert (money["shared_kop"], money["left_kop"], money["why"]) == (90_001, 10_000, "T.39")
    none = capitate(registers(PEOPLE), context(usual(tmp_path, SHARED, performance=POINTS.replace("750001,60,100\n", ""))))
    assert sorted(rules_of(none)) == ["T.39", "T.40", "T.43"]  # no points: no performance money, and it is told


def test_rules_of_performance_end_with_2025(tmp_path: Path) -> None:
    agreement = usual(tmp_path, SHARED, performance=POINTS)
    law = federal_parameters()
    ended = law.with_value("capitation.performance", date(2022, 1, 1), None, "a test")
    made = capitate(registers(PEOPLE), context(agreement, law=ended))
    assert "T.41" in rules_of(made)
    assert made.money["left_kop"].to_list() == [10_000]


# ---- cases that an economist can read --------------------------------------------------------------------------------------

CASES = yaml.safe_load((AGREEMENTS.parent / "tariffs" / "capitation.yaml").read_text(encoding="utf-8"))


def people_of(case: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """People of a case, and the further rows of those with more than one policy or attachment."""
    found: list[dict[str, Any]] = []
    more: list[dict[str, Any]] = []
    for given_row in case["people"]:
        row = {"sex": 1, "born": date(1980, 5, 5), **given_row}
        others = {name: row[name] for name in row if name not in ("number", "sex", "born", "mo", "also", "policies")}
        for _ in range(row.get("number", 1)):
            one = person(len(found) + 1, row["mo"], w=row["sex"], dr=row["born"], **others)
            for policy in row.get("policies", ()):
                more.append({**one, "policy_to": None, **policy, "mo": None})
            if "also" in row:
                more.append({**one, "attached_to": None, **row["also"], "policy_from": None})
            found.append({**one, "policy_from": None} if "policies" in row else one)
    return found, more


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_cases_of_per_capita_money(tmp_path: Path, case: dict[str, Any]) -> None:
    parts = "mo,place,residents,share,coefficient\n"
    for mo, place in case.get("parts", {}).items():
        parts += f"{mo},A,{place['residents']},{place['share']},\n"
    clinics = "mo,kind,kd,kdpv,kdur,kdzp,group\n" + "".join(f"75000{n},outpatient,1,,1,1,\n" for n in (1, 2, 3))
    options = f"  - {{kind: outpatient, money: {case.get('money', '1000.01')}, kdpv: attached}}\n"
    agreement = usual(tmp_path, options, clinic_capitation=clinics, capitation_parts=parts)
    month = Month.parse(str(case.get("month", "2022-03")))
    if month.year != agreement.year:  # another year under the same agreement
        head = agreement.head.model_copy(update={"valid_from": date(month.year, 1, 1)})
        dated = {name: rows.with_columns(valid_from=pl.lit(head.valid_from)) for name, rows in agreement.tables.items()}
        agreement = replace(agreement, head=head, tables=dated)
    tables = registers(*people_of(case))
    ends = {mo: row["valid_to"] for mo, row in case.get("clinics", {}).items()}
    extra = tables["reg_clinic"].head(1).with_columns(mo=pl.lit("750009"))
    register = pl.concat([tables["reg_clinic"], extra])
    valid_to = register["mo"].map_elements(ends.get, return_dtype=pl.Date)
    made = capitate({**tables, "reg_clinic": register.with_columns(valid_to=valid_to)}, context(agreement, month))
    assert sorted(rules_of(made)) == sorted(case.get("findings", ()))
    paid = {mo: "-" if not kop else format_amount(kop) for mo, kop in amounts(made).items()}
    assert {mo: paid[mo] for mo in case["paid"]} == case["paid"]
    assert case["shows"] in ("caught", "not caught", "boundary")


# ---- people ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({}, 1),
        ({"attached_from": date(2022, 3, 1)}, 1),
        ({"attached_from": date(2022, 3, 2)}, 0),
        ({"attached_to": date(2022, 3, 1)}, 1),
        ({"attached_to": date(2022, 2, 28)}, 0),
        ({"died_on": date(2022, 3, 1)}, 1),
        ({"dr": date(2022, 3, 1)}, 1),
    ],
)
def test_the_day_of_attachment(tmp_path: Path, changes: dict[str, Any], counted: int) -> None:
    made = capitate(registers([*PEOPLE, person(99, "750002", **changes)]), context(usual(tmp_path)))
    assert rules_of(made) == []
    assert made.clinics.filter(pl.col("mo") == "750002")["people"].to_list() == [7 + counted]


@pytest.mark.parametrize(
    ("attached_on", "day"), [("month", date(2022, 3, 1)), ("quarter", date(2022, 1, 1)), ("year", date(2022, 1, 1))]
)
def test_the_day_named_in_the_agreement(tmp_path: Path, attached_on: str, day: date) -> None:
    options = f"  - {{kind: outpatient, money: 1000, kdpv: attached, attached_on: {attached_on}}}\n"
    late = person(99, "750002", attached_from=date(2022, 2, 1))
    made = capitate(registers([*PEOPLE, late]), context(usual(tmp_path, options)))
    assert made.money["day"].to_list() == [day]
    assert made.clinics.filter(pl.col("mo") == "750002")["people"].to_list() == [8 if attached_on == "month" else 7]


@pytest.mark.parametrize(
    ("dr", "day", "group"),
    [
        (date(2004, 3, 1), MARCH, "m18-64"),  # the birthday itself
        (date(2004, 3, 2), MARCH, "m5-17"),
        (date(2004, 2, 29), MARCH, "m18-64"),  # on 1 March of a common year
        (date(2021, 3, 1), MARCH, "m1-4"),
        (date(2021, 3, 2), MARCH, "m0"),
        (date(1957, 3, 1), MARCH, "m65"),
    ],
)
def test_birthdays(tmp_path: Path, dr: date, day: Month, group: str) -> None:
    made = capitate(registers([person(1, "750001", dr=dr)]), context(usual(tmp_path), day))
    assert made.people.select("group", "people").rows() == [(group, 1)]


@pytest.mark.parametrize(
    ("extra", "rule", "names"),
    [
        ([person(99, "750001"), person(99, "750002", attached_from=date(2021, 1, 1))], "T.30", ("750001", "750002")),
        ([person(99, "750001", policy_to=date(2022, 2, 28))], "T.31", ("750001",)),
        ([person(99, "750001", died_on=date(2022, 2, 28))], "T.31", ("750001",)),
        ([person(99, "750001", w=3)], "T.32", ("750001", "w")),
        ([person(99, "750001", dr=date(2022, 3, 2))], "T.32", ("750001", "dr")),
    ],
)
def test_people_who_do_not_count_once_are_findings(
    tmp_path: Path, extra: list[dict[str, Any]], rule: str, names: tuple[str, ...]
) -> None:
    made = capitate(registers([*PEOPLE, *extra]), context(usual(tmp_path)))
    assert rules_of(made) == [rule]
    for lang in ("ru", "en"):
        text = findings.with_text(made.findings, lang)["text"][0]
        assert all(name in text for name in names)
        assert "0000000000000099" not in text and "0000000000000099" not in str(made.findings.to_dicts())
    # Whoever is left still gets all the money; the one with two attachments counts where he came last.
    assert sum(value or 0 for value in amounts(made).values()) == 100_001
    more = 1 if rule == "T.30" else 0
    assert made.clinics["people"].sum() == 19 + more
    assert made.clinics.filter(pl.col("mo") == "750002")["people"].to_list() == [7 + more]


# ---- what is missing -------------------------------------------------------------------------------------------------------

FULL = "  - {kind: outpatient, money: 1000.01, performance_share: 0.1, kdpv: attached}\n  - {kind: ambulance, money: 500, base: 78.6244}\n"
AMBULANCE = "750001,ambulance,1.1,1.02,1,1,\n"
#: A row of each table that is taken away, the finding that must follow, and whose money is then left out.
MISSING: dict[str, tuple[pl.Expr, str, str | None]] = {
    "capitation": (pl.lit(value=True), "T.42", None),
    "clinic_capitation": (pl.col("mo") == "750002", "T.34", "outpatient"),
    "relative_coefficients": (pl.col("group") == "f65", "T.35", "outpatient"),
    "performance": (pl.col("mo") == "750001", "T.40", None),
    "ambulance_areas": (pl.col("place") == "town", "T.36", "ambulance"),
    "fap_norms": (pl.col("band") == "100-899", "T.38", None),
}


def full(folder: Path) -> Agreement:
    """An agreement with every table of per-capita money."""
    return usual(
        folder,
        FULL,
        clinic_capitation=CLINICS + AMBULANCE,
        performance=POINTS,
        capitation_parts="mo,place,residents,share,coefficient\n750001,A,20000,0.4,\n",
        ambulance_areas="place,mo\ntown,750001\nvillage,750001\n",
        fap="fap,mo,band,residents,meets_requirements,ks\nF1,750001,,500,1,1\nF2,750001,900-1499,,1,1\n",
        fap_norms="band,residents_from,residents_to,norm\n100-899,100,899,1087700\n900-1499,900,1499,1723100\n",
    )


def test_with_every_table_nothing_is_missing(tmp_path: Path) -> None:
    people = [*PEOPLE, person(98, None, place="village")]
    made = capitate(registers(people), context(full(tmp_path)))
    assert rules_of(made) == []
    assert made.money.select("kind", "people", "left_kop").rows() == [("ambulance", 20, 0), ("outpatient", 19, 0)]
    assert made.faps["month_kop"].to_list() == [9_064_167, 14_359_167]


@pytest.mark.parametrize("table", sorted(MISSING))
def test_a_missing_key_of_each_table_is_a_finding_never_a_zero(tmp_path: Path, table: str) -> None:
    which, rule, kind = MISSING[table]
    people = [*PEOPLE, person(98, None, place="village")]
    agreement = full(tmp_path)
    if table == "capitation":  # without ФАП either, nothing is agreed
        agreement = without(agreement, "fap", pl.lit(value=True))
    made = capitate(registers(people), context(without(agreement, table, which)))
    assert rule in rules_of(made)
    if kind is not None:
        row = made.money.filter(pl.col("kind") == kind).row(0, named=True)
        assert (row["shared_kop"], row["left_kop"]) == (0, row["money_kop"])
        assert rule in row["why"] and "T.43" in rules_of(made)
        assert made.clinics.filter(pl.col("kind") == kind)["total_kop"].drop_nulls().is_empty()
    other = made.money.filter(pl.col("kind") != (kind or ""))
    if table not in ("capitation", "performance"):
        assert other["left_kop"].to_list() == [0] * other.height  # other kinds are paid as before
    if table == "fap_norms":
        assert made.faps.select("month_kop", "year_kop").rows() == [(None, None), (14_359_167, 172_310_000)]


def test_every_table_of_per_capita_money_has_its_test() -> None:
    from tests.tariffs.test_pricing import PER_CAPITA

    elsewhere = {"partition", "municipalities"}  # money of the insurers
    assert set(MISSING) | {"capitation_parts", "fap"} | elsewhere == PER_CAPITA


def test_a_place_without_a_coefficient_where_no_federal_one_is_known(tmp_path: Path) -> None:
    law = federal_parameters().with_value("capitation.place_coefficients", date(2022, 1, 1), None, "a test")
    made = capitate(registers([*PEOPLE, person(98, None, place="village")]), context(full(tmp_path), law=law))
    assert "T.37" in rules_of(made)
    assert made.clinics.filter(pl.col("mo") == "750001", pl.col("kind") == "outpatient")["kdot"].to_list() == [None]


def test_without_a_balance_only_the_clinic_itself_gets_nothing(tmp_path: Path) -> None:
    text = CLINICS.replace("750002,outpatient,1.1,,0.98732,1.03275,\n", "")
    made = capitate(
        registers(PEOPLE), context(usual(tmp_path, "  - {kind: outpatient, base: 100, kdpv: attached}\n", clinic_capitation=text))
    )
    paid = amounts(made)
    assert paid["750002"] is None and all(paid[mo] for mo in ("750001", "750003"))
    assert sorted(rules_of(made)) == ["T.34", "T.43"]


def test_a_clinic_that_is_not_in_the_register(tmp_path: Path) -> None:
    made = capitate(registers(PEOPLE, clinics=("750001", "750003")), context(usual(tmp_path)))
    assert sorted(rules_of(made)) == ["T.33", "T.43"]
    assert made.money["left_kop"].to_list() == [100_001]
    alone = usual(tmp_path / "b", "  - {kind: outpatient, base: 100, kdpv: attached}\n")
    paid = amounts(capitate(registers(PEOPLE, clinics=("750001", "750003")), context(alone)))
    assert paid["750002"] is None and paid["750001"]


def test_a_clinic_without_people_is_told_and_takes_nothing(tmp_path: Path) -> None:
    made = capitate(registers([one for one in PEOPLE if one["mo"] != "750003"]), context(usual(tmp_path)))
    assert rules_of(made) == ["T.44"]
    assert sum(value or 0 for value in amounts(made).values()) == 100_001


def test_a_partition_that_there_is_not(tmp_path: Path) -> None:
    agreement = usual(tmp_path)
    law = federal_parameters().with_value("financing.partition", date(2022, 1, 1), None, "a test")
    made = capitate(registers(PEOPLE), context(agreement, law=law))
    assert rules_of(made) == ["T.45"] and made.clinics.is_empty()


@pytest.mark.parametrize(
    ("band", "residents", "expected"),
    [("", "100", 9_064_167), ("", "899", 9_064_167), ("", "900", 14_359_167), ("", "99", None), ("", "1500", None),
     ("100-899", "899", 9_064_167), ("100-899", "900", None), ("2000+", "", None)],
)  # fmt: skip
def test_the_size_of_a_fap(tmp_path: Path, band: str, residents: str, expected: int | None) -> None:
    made = capitate(
        registers([]),
        context(
            usual(
                tmp_path,
                fap=f"fap,mo,band,residents,meets_requirements,ks\nF1,750001,{band},{residents},1,1\n",
                fap_norms="band,residents_from,residents_to,norm\n100-899,100,899,1087700\n900-1499,900,1499,1723100\n",
            )
        ),
    )
    assert made.faps["month_kop"].to_list() == [expected]
    assert ("T.38" in rules_of(made)) == (expected is None)


def test_the_federal_norm_of_a_fap_where_the_agreement_has_none(tmp_path: Path) -> None:
    """S5 in use: 2020, norm of the band x KD x KS."""
    agreement = usual(tmp_path, fap="fap,mo,band,meets_requirements,kd,ks\nF1,750001,900-1499,1,1.2,0.9\n")
    law = federal_parameters().with_value(
        "capitation.fap_norms", date(2022, 1, 1), federal_parameters().value("capitation.fap_norms", date(2020, 1, 1)), "a test"
    )
    made = capitate(registers([]), context(agreement, law=law))
    assert made.faps["month_kop"].to_list() == [round_fraction(Fraction(1_516_400) * Fraction("1.08") * 100 / 12)]
    assert "law:capitation.fap_norms@2022-01-01" in made.faps["sources"][0]


def test_unconfirmed_parameters_are_told_wherever_they_were_used(tmp_path: Path) -> None:
    used: Callable[[Capitation], set[str]] = lambda made: {one.name for one in federal_parameters().unconfirmed(made.sources)}  # noqa: E731
    plain = capitate(registers(PEOPLE), context(usual(tmp_path / "a")))
    assert used(plain) == set()  # the partition of 2020 is printed in agreements
    everything = capitate(registers([*PEOPLE, person(98, None, place="village")]), context(full(tmp_path / "b")))
    assert used(everything) == {"capitation.place_coefficients", "capitation.performance"}
