"""Is a person of the register of insured one person, whoever counts, and does one row speak for them?"""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import registers
from omsclaims.periods import parse_partition
from omsclaims.settlement.financing import NOWHERE, count_insured, count_on
from omsclaims.tariffs import norms
from tests.settlement import settlement_samples as samples

DAY = date(2022, 3, 1)
#: Groups at whose bounds nobody of the rows stands.
GROUPS = [
    {"code": f"{sex}{place}", "sex": sex, "from": low, "to": high}
    for sex in "mf"
    for place, (low, high) in enumerate(((0, 17), (18, None)))
]


def row(**changes: Any) -> dict[str, Any]:
    usual = {
        "enp": None, "spolis": None, "npolis": None, "vpolis": None, "smo": "75901", "w": 1, "fam": "А", "im": "Б", "ot": None,
        "dr": date(1980, 1, 1), "policy_from": date(2020, 1, 1), "policy_to": None, "place": "north", "died_on": None,
    }  # fmt: skip
    return {**usual, **changes}


def who(*rows: dict[str, Any]) -> int:
    return registers.in_turn(samples.rows("reg_insured", *rows))["who"].n_unique()


def test_one_number_is_one_person() -> None:
    assert who(row(enp="1" * 16), row(enp="1" * 16, fam="В")) == 1
    assert who(row(enp="1" * 16), row(enp="2" * 16)) == 2
    assert who(row(npolis="7"), row(npolis="7", fam="В")) == 1
    assert who(row(npolis="7"), row(npolis="7", spolis="АА")) == 2
    assert who(row(), row(smo="75902")) == 1
    assert who(row(), row(dr=date(1980, 1, 2))) == 2


def test_the_policy_that_began_last_speaks() -> None:
    rows = [row(enp="1" * 16, place="south", policy_from=date(2021, 5, 1)), row(enp="1" * 16)]
    assert registers.in_turn(samples.rows("reg_insured", *rows))["place"].to_list() == ["north", "south"]
    equal = [row(enp="1" * 16, smo="75902"), row(enp="1" * 16, smo="75901")]
    assert registers.in_turn(samples.rows("reg_insured", *equal))["smo"].to_list()[-1] == "75901"


ROWS = st.lists(
    st.builds(
        row,
        enp=st.sampled_from([None, "1" * 16, "2" * 16]), npolis=st.sampled_from([None, "7", "8"]), w=st.sampled_from([1, 2]),
        smo=st.sampled_from(["75901", "75902"]), place=st.sampled_from(["north", "south", None]),
        dr=st.sampled_from([date(1980, 1, 1), date(2010, 6, 1), date(1947, 2, 28)]),
        policy_from=st.sampled_from([date(2019, 1, 1), date(2022, 2, 1), date(2022, 3, 1), date(2022, 3, 2)]),
        policy_to=st.sampled_from([None, date(2022, 2, 28), date(2022, 3, 1)]),
        died_on=st.sampled_from([None, date(2022, 2, 28), date(2022, 3, 1)]),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_tariffs_and_settlement_count_the_same_people(rows: list[dict[str, Any]]) -> None:
    """People of known places by place and group: the count of the standards and that of the month's money."""
    register = samples.rows("reg_insured", *rows)
    partition = parse_partition(GROUPS)
    people, _ = norms.count(norms.members_of(register), partition, [DAY])
    by_tariffs = {(place, group): number for place, group, number in people.select("place", "group", "people").iter_rows()}
    by_money: dict[tuple[str, str], int] = {}
    for (_, place, group), number in count_on(register, partition, DAY).items():
        if NOWHERE not in (place, group):
            by_money[place, group] = by_money.get((place, group), 0) + number
    assert by_money == by_tariffs


def test_count_insured_is_of_both_month_starts() -> None:
    partition = parse_partition(GROUPS)
    found = count_insured(samples.rows("reg_insured", row(enp="1" * 16)), partition, samples.context())
    assert sum(found.values()) == 2
