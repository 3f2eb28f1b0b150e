"""Does each rouble of a source go where the table of its year says, and no reserve above its limit? (law.md 13)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from omsclaims.law import federal_parameters
from omsclaims.money import parse_amount
from omsclaims.settlement.reserves import PARTS, Limits, UnknownSourceError, limits, overflow, split

CASES = yaml.safe_load((Path(__file__).parents[2] / "fixtures/settlement/reserve_split.yaml").read_text(encoding="utf-8"))
VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "vectors.md"
LAW = federal_parameters()
TABLES = [(value.since, value.value) for value in LAW.by_name["reserves.split"].values]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['day']}-{case['source']}-{case['amount']}")
def test_split_by_hand(case: dict[str, Any]) -> None:
    parts = split(case["source"], parse_amount(case["amount"]), case["day"], LAW)
    expected = tuple(parse_amount(case[name]) for name in ("payment", "preventive", "running", "leaves"))
    assert (parts.payment_kop, parts.preventive_kop, parts.running_kop, parts.leaves_payment_kop) == expected


def test_published_split_of_2011() -> None:
    if not VECTORS.is_file():
        pytest.skip("../shared is not here: vectors.md S13")
    names = {"MEK": "mek_savings", "MEE": "mee_savings", "EKMP": "ekmp_savings"}
    block = VECTORS.read_text(encoding="utf-8").split("## S13")[1].split("```csv")[1].split("```")[0].strip().splitlines()
    assert len(block) == 6
    for line in block[1:]:
        source, *amounts = line.split(",")
        amount, *expected = (parse_amount(text) for text in amounts)
        parts = split(names.get(source, source), amount, date(2011, 12, 31), LAW)
        assert [parts.payment_kop, parts.preventive_kop, parts.running_kop] == expected, source


@pytest.mark.parametrize(("since", "table"), TABLES, ids=lambda value: str(value)[:10])
def test_rows_sum_to_one(since: date, table: dict[str, dict[str, Any]]) -> None:
    for source, row in table.items():
        assert sum(Fraction(row[part]) for part in PARTS) == 1, (since, source)
        assert isinstance(row["standing"], bool)


@given(
    source=st.sampled_from(sorted(TABLES[0][1])),
    amount=st.integers(0, 10**13),
    on=st.sampled_from([since for since, _ in TABLES]),
)
def test_parts_add_up(source: str, amount: int, on: date) -> None:
    parts = split(source, amount, on, LAW)
    assert parts.payment_kop + parts.preventive_kop + parts.running_kop == amount
    assert min(parts.payment_kop, parts.preventive_kop, parts.running_kop) >= 0
    assert 0 <= parts.leaves_payment_kop <= amount


def test_a_source_the_law_does_not_name_is_an_error() -> None:
    with pytest.raises(UnknownSourceError, match="lottery"):
        split("lottery", 1, date(2022, 1, 1), LAW)


def test_limits_are_one_mean_month_and_two_mean_weeks_cut_to_kopecks() -> None:
    # 100.00 in two months of 59 days: 50.00 a month; 14 x 100.00 / 59 = 23.728...
    assert limits(10_000, 2, 59, date(2022, 2, 28), LAW) == Limits(5_000, 2_372)
    assert (overflow(5_001, 5_000), overflow(4_999, 5_000)) == (1, 0)
