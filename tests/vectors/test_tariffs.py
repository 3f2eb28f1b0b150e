"""Vectors S1, S2, S6, S7 of ../shared/vectors/vectors.md: published figures, entered as agreements, priced as cases."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.tariffs.tariff_cases import agreement, priced

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "vectors.md"


def vector(number: str) -> list[dict[str, str]]:
    """Rows of the table of a vector, read where the vectors are kept."""
    if not VECTORS.exists():
        pytest.skip("../shared is not here: vectors.md is read from there")
    section = VECTORS.read_text(encoding="utf-8").split(f"## {number}. ")[1]
    table = section.split("```csv\n")[1].split("```")[0]
    return list(csv.DictReader(table.splitlines()))


#: Everything that was held against a published figure, for the table of `python -m tests.vectors`.
HELD: list[tuple[str, int, str, str]] = []


def hold(rows: Sequence[tuple[str, int, str, str]]) -> None:
    """Print each row (what, computed hundredths, expected, tolerance) and assert all of them. `what` begins with its set."""
    off = []
    HELD.extend(rows)
    for what, computed, expected, tolerance in rows:
        difference = Decimal(computed) / 100 - Decimal(expected)
        fits = abs(difference) <= Decimal(tolerance)
        print(f"{what:40} {Decimal(computed) / 100:>12} expected {expected:>12} +- {tolerance} {'ok' if fits else 'OFF'}")
        if not fits:
            off.append((what, computed, expected))
    assert rows, "no rows to hold"
    assert not off


def case(lpu: str, n_ksg: str, **more: Any) -> dict[str, Any]:
    base = {"kind": "ksg_inpatient", "lpu": lpu, "n_ksg": n_ksg, "rslt": 101}
    return {**base, "date_1": date(2025, 3, 1), "date_2": date(2025, 3, 11), **more}


def test_s1_inpatient_with_levels() -> None:
    rows = vector("S1")
    cases = [case(f"08000{level}", row["ksg"]) for row in rows for level in "123"]
    found, problems = priced(agreement("s1_kalmykia"), *cases)
    assert problems == []
    expected = [(f"S1 {row['ksg']} level {level}", row[f"expected_{level}"]) for row in rows for level in "123"]
    assert len(expected) == 39
    hold([(what, line["price_kop"], value, "0.005") for (what, value), line in zip(expected, found, strict=True)])


def test_s2_day_hospital_with_sublevels() -> None:
    rows = vector("S2")
    levels = ["1.1", "1.2", "1.3", "1.4", "2.1", "2.2", "2.3"]
    day = {"kind": "ksg_day", "date_1": date(2024, 3, 1), "date_2": date(2024, 3, 11), "kd": 70}
    cases = [case("0000" + level.replace(".", ""), row["ksg"], **day) for row in rows for level in levels]
    found, problems = priced(agreement("s2_day_hospital"), *cases)
    assert problems == []
    expected = [(f"S2 {row['ksg']} level {level}", row[f"e_{level}"]) for row in rows for level in levels]
    assert len(expected) == 28
    assert all(line["price_kop"] % 10 == 0 for line in found)  # rounded to 0.1 rouble
    hold([(what, line["price_kop"], value, "0.05") for (what, value), line in zip(expected, found, strict=True)])


#: Group of the S6 fixtures by (reason, surgical) and the result that means the reason.
RESULTS = {1: 191, 2: 104, 3: 103, 4: 102, 5: 107, 6: 105, 7: 197, 8: 101, 9: 101}


def interrupted_case(reason: int, surgical: str, days: int) -> dict[str, Any]:
    groups = {"0": "st02.005", "1": "st00.001"} if reason != 9 else {"0": "st00.002", "1": "st00.003"}
    first = date(2026, 3, 1)
    last = date.fromordinal(first.toordinal() + days)
    return case("000002", groups[surgical], rslt=RESULTS[reason], date_1=first, date_2=last)


def s6_cases(rows: list[dict[str, str]]) -> list[tuple[int, str, int, str]]:
    """Every (reason, surgical, days, share) that the rows of a set describe, at the edges of their ranges."""
    found = []
    for row in rows:
        reasons = range(1, 10) if row["reason"] == "any" else range(int(row["reason"][0]), int(row["reason"][-1]) + 1)
        days = {"any": (2, 3, 4, 13), "<=3": (1, 2, 3), ">3": (4, 13)}[row["days"]]
        for reason in reasons:
            stays = [d for d in days if reason != 8 or d <= 3]  # reason 8 is a stay of at most 3 days
            found += [(reason, row["surgical_or_thrombolysis"], d, row["k"]) for d in stays]
    return found


@pytest.mark.parametrize(
    ("name", "rows_of"),
    [("s6_volgograd_2026", "VLG2026"), ("s6_medflk_2026", "MEDFLK2026"), ("s6_medflk_2026_once", "MEDFLK2026")],
)
def test_s6_every_share(name: str, rows_of: str) -> None:
    described = s6_cases([row for row in vector("S6") if row["set"] == rows_of])
    assert len(described) > 40
    found, problems = priced(agreement(name), *(interrupted_case(r, s, d) for r, s, d, _ in described))
    assert problems == []
    for (reason, *_), line in zip(described, found, strict=True):
        assert line["interrupted"] == reason
    hold(
        [
            (f"S6 {rows_of} reason {reason} surgical {surgical} days {days}", line["share5"], str(Decimal(share) * 1000), "0")
            for (reason, surgical, days, share), line in zip(described, found, strict=True)
        ]
    )


def test_s6_worked_examples() -> None:
    by_refusal_of_clinic = interrupted_case(4, "0", 10)
    two_days = interrupted_case(4, "0", 2)
    volgograd = priced(agreement("s6_volgograd_2026"), by_refusal_of_clinic)[0][0]
    steps = priced(agreement("s6_medflk_2026"), two_days)[0][0]
    once = priced(agreement("s6_medflk_2026_once"), two_days)[0][0]
    assert steps["full_price_kop"] == once["full_price_kop"] == 2618075
    hold(
        [
            ("S6 VLG2026 reason 4, whole roubles", volgograd["price_kop"], "15708.00", "0"),
            ("S6 MEDFLK2026 2 days, each step", steps["price_kop"], "13090.38", "0"),
            ("S6 MEDFLK2026 2 days, once", once["price_kop"], "13090.37", "0"),
        ]
    )


#: IDSL of the S7 fixture by year and value.
CODES = {("2021", "1.2"): 1, ("2021", "1.4"): 2, ("2021", "1.5"): 3, ("2021", "1.6"): 4, ("2022", "0.2"): 1, ("2022", "0.6"): 2}


def test_s7_rule_of_the_year() -> None:
    """Totals as published; the application is shown by the price: the group times K to 2021, plus BS x KD x K from 2022."""
    rows = vector("S7")
    cases = []
    for row in rows:
        era = "2021" if row["year"] == "2021" else "2022"
        koef = [CODES[era, value] for value in row["kslp_list"].split(";")]
        year = int(row["year"])
        cases.append(case("000002", "st02.005", koef=koef, date_1=date(year, 3, 1), date_2=date(year, 3, 11)))
    found, problems = priced(agreement("s7_complexity"), *cases)
    assert problems == []
    rate, kd = Decimal("24322.6"), Decimal("1.1")
    group = rate * Decimal("0.74") * Decimal("1.05") * kd
    prices = []
    for row, line in zip(rows, found, strict=True):
        total = Decimal(row["total_expected"])
        prices.append((f"S7 {row['year']} {row['kslp_list']} total", line["kslp5"], str(total * 1000), "0"))
        assert line["formula"] == ("ksg_multiply" if row["application"].startswith("multiply") else "ksg_add")
        amount = group * total if row["application"].startswith("multiply") else group + rate * kd * total
        prices.append((f"S7 {row['year']} {row['kslp_list']} price", line["price_kop"], str(amount), "0.005"))
    hold(prices)
