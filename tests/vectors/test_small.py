"""Vectors S11, S12, S13 of ../shared/vectors/vectors.md: the need of a programme, working days, the split of savings."""

from __future__ import annotations

import re
from datetime import date

from omsclaims.law import federal_parameters
from omsclaims.money import parse_amount
from omsclaims.periods import is_working_day, working_days
from omsclaims.settlement.reserves import split
from omsclaims.tariffs import norms
from tests.vectors.test_tariffs import VECTORS, hold, vector

SOURCES = {"MEK": "mek_savings", "MEE": "mee_savings", "EKMP": "ekmp_savings"}


def test_s11_need_of_a_programme() -> None:
    vector("S12")  # skips where the vectors are not here
    text = VECTORS.read_text(encoding="utf-8").split("## S11. ")[1].split("\n## ")[0]
    found = re.search(r"(\d+) - (\d+) = (\d+)", text)
    assert found is not None
    thousand = 100_000
    cost, receipts = (int(number) * thousand for number in found.groups()[:2])
    hold([("S11 need", norms.need(cost, receipts), f"{int(found[3]) * 1000}.00", "0")])


def test_s12_working_days() -> None:
    rows = []
    for row in vector("S12"):
        year, published = int(row["year"]), row["working_days"]
        both = re.fullmatch(r"(\d+) \((\d+) with the presidential days\)", published)
        with_decree = both[2] if both else published
        rows.append((f"S12 {year}", working_days(year) * 100, with_decree, "0"))
        rows.append(
            (
                f"S12 {year} without days of decrees",
                working_days(year, decree_days_off=False) * 100,
                both[1] if both else published,
                "0",
            )
        )
        if row["working_weekend_days"]:
            rows.append(
                (
                    f"S12 {row['working_weekend_days']}",
                    is_working_day(date.fromisoformat(row["working_weekend_days"])) * 100,
                    "1",
                    "0",
                )
            )
    hold(rows)


def test_s13_split_of_savings() -> None:
    rows = []
    for row in vector("S13"):
        source = row["source"]
        parts = split(SOURCES.get(source, source), parse_amount(row["amount"]), date(2011, 12, 31), federal_parameters())
        for what, kop in (
            ("payment_reserve", parts.payment_kop),
            ("preventive_reserve", parts.preventive_kop),
            ("running_costs", parts.running_kop),
        ):
            rows.append((f"S13 {source} {what}", kop, row[f"to_{what}"], "0"))
    hold(rows)
