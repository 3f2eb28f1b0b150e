"""Do the insurers get the month's money, to the kopeck and by hand? (law.md 4)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.law import federal_parameters
from omsclaims.money import parse_amount
from omsclaims.periods import Month, parse_partition
from omsclaims.settlement.financing import case_management, final_amounts, finance, notice_date
from tests.settlement import settlement_samples as samples

CASES = Path(__file__).parents[2] / "fixtures" / "settlement"


def load(name: str) -> Any:
    return yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))


def person(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "enp": f"{number:016d}", "smo": "75901", "w": 1, "dr": date(1980, 1, 1), "policy_from": date(2020, 1, 1), "policy_to": None,
        "place": "north", "died_on": None, **changes,
    }  # fmt: skip


def given_tables(people: list[dict[str, Any]], money_kop: int | None = 100_000) -> dict[str, pl.DataFrame]:
    smos = sorted({row["smo"] for row in people})
    funding = [] if money_kop is None else [{"month": "2022-03", "what": "standards", "smo": None, "amount_kop": money_kop}]
    return {
        "reg_insured": samples.rows("reg_insured", *people),
        "reg_insurer": samples.rows("reg_insurer", *({"smo": smo, "valid_from": date(2020, 1, 1)} for smo in smos)),
        "reg_funding": samples.rows("reg_funding", *funding),
    }


def all_cells(kd5: int = 100_000) -> dict[tuple[str, str], int]:
    groups = federal_parameters().value("financing.partition", date(2022, 3, 1))
    return {("north", group["code"]): kd5 for group in groups}


def test_three_insurers_by_hand() -> None:
    case = load("financing_three_insurers")
    people = []
    for row in case["people"]:
        for _ in range(row["number"]):
            people.append(person(len(people), smo=row["smo"], w=row["sex"], dr=row["born"], policy_to=row["until"]))
    agreement = samples.agreement({("north", group): kd5 for group, kd5 in case["coefficients"].items()})
    result = finance(given_tables(people, parse_amount(case["money"])), samples.context(agreement=agreement))
    assert result.findings.is_empty()
    expected = [
        (row["smo"], row["insured_half"], *(parse_amount(row[name]) for name in ("preliminary", "amount", "case_management")))
        for row in case["expected"]
    ]
    assert result.financing.rows() == expected
    assert result.standards.select("smo", "standard").rows() == [(row["smo"], row["standard"]) for row in case["expected"]]


@pytest.mark.parametrize("case", load("largest_remainder"), ids=lambda case: case["total"])
def test_parts_add_up_and_ties_go_to_the_smaller_code(case: dict[str, Any]) -> None:
    total = parse_amount(case["total"])
    weights = {smo: Fraction(weight) for smo, weight in case["weights"].items()} if total else {}
    assert final_amounts(weights, total) == {smo: parse_amount(part) for smo, part in case["parts"].items()}


def test_a_cell_without_a_coefficient_stops_the_standards_and_names_the_cell() -> None:
    cells = all_cells()
    del cells["north", "m65"]
    people = [person(1), person(2, dr=date(1950, 1, 1), policy_to=date(2022, 3, 10)), person(3, place="south")]
    result = finance(given_tables(people), samples.context(agreement=samples.agreement(cells)))
    assert result.findings["rule"].to_list() == ["F.1", "F.1"]
    assert result.findings["params"].to_list() == [
        '{"group":"m65","insured":"0.5","place":"north"}', '{"group":"m18-64","insured":"1","place":"south"}',
    ]  # fmt: skip
    assert result.financing.select("smo", "insured_half", "amount_kop", "case_management_kop").rows() == [("75901", 5, 0, 0)]
    assert result.standards.filter(pl.col("coefficient").is_null()).height == 2


@pytest.mark.parametrize("broken", [{"place": None}, {"w": None}, {"dr": None}, {"w": 3}, {"dr": date(2022, 4, 15)}])
def test_a_person_without_a_cell_is_found(broken: dict[str, Any]) -> None:
    result = finance(given_tables([person(1), person(2, **broken)]), samples.context(agreement=samples.agreement(all_cells())))
    assert result.findings["rule"].to_list() == ["F.2"]
    assert result.financing["amount_kop"].to_list() == [0]


def test_unknown_insurer_no_money_and_no_partition_are_found() -> None:
    context = samples.context(agreement=samples.agreement(all_cells()))
    tables = given_tables([person(1)])
    stranger = {**tables, "reg_insurer": tables["reg_insurer"].clear()}
    result = finance(stranger, context)
    assert result.findings.select("rule", "value").rows() == [("F.3", "75901")]
    assert result.financing["amount_kop"].to_list() == [100_000]
    assert finance(given_tables([person(1)], None), context).findings["rule"].to_list() == ["F.4"]
    head = context.agreement.head
    lost = head.model_copy(update={"financing": head.financing.model_copy(update={"partition": "financing.nothing"})})  # type: ignore[union-attr]
    nothing = finance(tables, samples.replace(context, agreement=samples.replace(context.agreement, head=lost)))
    assert nothing.findings.select("rule", "value").rows() == [("F.5", "financing.nothing")]
    assert nothing.financing.is_empty()


def test_the_dead_and_the_second_policy_do_not_count() -> None:
    people = [
        person(1), person(1, smo="75902", policy_from=date(2022, 3, 20)),  # changed the insurer, the old policy still open
        person(2, died_on=date(2022, 3, 15)),
    ]  # fmt: skip
    result = finance(given_tables(people), samples.context(agreement=samples.agreement(all_cells())))
    # 1 March: both with 75901; 1 April: the first with 75902, the second has died.
    assert dict(result.financing.select("smo", "insured_half").iter_rows()) == {"75901": 2, "75902": 1}


def test_people_without_any_number_are_people() -> None:
    """Nobody falls out of the count, or into another, for want of a number; a row that stands twice is one person."""
    names = [("ИВАНОВ", "ИВАН"), ("ПЕТРОВА", "АННА"), ("ИВАНОВ", "ПЁТР"), ("ИВАНОВ", "ПЁТР")]
    people = [person(0, enp=None, fam=fam, im=im) for fam, im in names]
    result = finance(given_tables(people), samples.context(agreement=samples.agreement(all_cells())))
    assert dict(result.financing.select("smo", "insured_half").iter_rows()) == {"75901": 6}


def test_rows_of_one_person_are_told_by_what_they_say() -> None:
    people = [person(1, place="north"), person(1, place="south"), person(1, place="east")]
    cells = {(place, group): kd5 for place in ("north", "south", "east") for (_, group), kd5 in all_cells().items()}
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        given = given_tables([people[i] for i in order])
        result = finance(given, samples.context(agreement=samples.agreement(cells)))
        assert result.standards["place"].to_list() == ["east"]


def test_an_agreement_may_count_on_the_first_day_only() -> None:
    agreement = samples.agreement(all_cells())
    options = agreement.head.financing.model_copy(update={"average_number": "month_start"})  # type: ignore[union-attr]
    agreement = samples.replace(agreement, head=agreement.head.model_copy(update={"financing": options}))
    people = [person(1), person(2, policy_to=date(2022, 3, 10)), person(3, policy_from=date(2022, 3, 5))]
    result = finance(given_tables(people), samples.context(agreement=agreement))
    assert result.financing["insured_half"].to_list() == [4]


def test_case_management_is_rounded_half_up() -> None:
    assert [case_management(amount, 1_000) for amount in (49, 50, 149, 150)] == [0, 1, 1, 2]
    assert case_management(100_000, 1_150) == 1_150


def test_notice_by_the_fifth_working_day() -> None:
    # April 2022 begins on a Friday: 1, 4, 5, 6, 7.
    assert notice_date(Month(2022, 3), federal_parameters()) == date(2022, 4, 7)


def test_every_partition_holds_everybody_once() -> None:
    values = federal_parameters().by_name["financing.partition"].values
    assert [len(parse_partition(value.value).groups) for value in values] == [8, 10, 10]


@settings(max_examples=40, deadline=None)
@given(
    money=st.integers(0, 10**12),
    people=st.lists(
        st.tuples(st.sampled_from(["75901", "75902", "75903"]), st.integers(1, 2), st.dates(date(1930, 1, 1), date(2022, 3, 1)), st.booleans()),
        min_size=1, max_size=12,
    ),
    kd5=st.integers(1, 500_000),
)  # fmt: skip
def test_shares_add_up_whatever_the_people(money: int, people: list[tuple[str, int, date, bool]], kd5: int) -> None:
    register = [
        person(i, smo=smo, w=sex, dr=born, policy_to=date(2022, 3, 9) if leaves else None)
        for i, (smo, sex, born, leaves) in enumerate(people)
    ]
    result = finance(given_tables(register, money), samples.context(agreement=samples.agreement(all_cells(kd5))))
    assert result.financing["amount_kop"].sum() == money
    assert (result.financing["amount_kop"] >= 0).all()
    assert result.financing["insured_half"].sum() == sum(1 if leaves else 2 for *_, leaves in people)
    backwards = finance(given_tables(register[::-1], money), samples.context(agreement=samples.agreement(all_cells(kd5))))
    assert backwards.financing.equals(result.financing)
