"""Do the same cases fit into the plan for any order of files, and does every line of the year add up? (Rules 122-123.)"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from polars.testing import assert_frame_equal

from omsclaims import messages
from omsclaims.findings import with_text
from omsclaims.settlement import volumes
from tests.settlement.settlement_samples import SINCE, rows
from tests.settlement.volumes_samples import (
    CLINICS,
    CUT,
    MO,
    THIRTEENTH,
    Year,
    digest_of,
    made_context,
    made_month,
    made_year,
    of_clinic,
    settled_year,
    turned,
)

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = yaml.safe_load((ROOT / "fixtures" / "settlement" / "volumes.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("written", WRITTEN, ids=lambda written: written["name"])
def test_what_becomes_of_each_case(written: dict[str, Any]) -> None:
    tables, context = made_month(written)
    done = volumes.consume(tables, context)
    items = done["plan_items"]
    states, lines = (dict(items.select("case_key", name).iter_rows()) for name in ("state", "line"))
    keys = range(1, len(written["cases"]) + 1)
    assert [states.get(key) for key in keys] == written["found"]
    if "lines_found" in written:
        assert [lines[key] for key in keys] == written["lines_found"]
    assert done["findings"]["rule"].to_list() == written.get("findings", [])
    assert done["findings"]["code"].null_count() == done["findings"].height  # none of them refuses anything
    for lang in messages.LANGUAGES:
        assert not [text for text in with_text(done["findings"], lang)["text"] if " - " in text and "None" in text]


# ---- the year, and after it ------------------------------------------------------------------------------------------------


def account(year: Year, cumulation: str, last_as_of: date = date(2023, 1, 15)) -> dict[str, set[int]]:
    """Which cases are beyond the plan, month by month: the rule in plain loops, written apart from the engine."""
    spent: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    beyond: dict[str, set[int]] = {}
    plan = list(year.reg_plan.iter_rows(named=True))
    for name, tables in year.months.items():
        number = int(name[5:])
        as_of = last_as_of if number == 12 else date(2022, number + 1, 10)
        known = sorted((row for row in plan if row["since"] <= as_of), key=lambda row: row["since"])
        latest = {(row["mo"], row["line"], row["month"]): row for row in known}
        own = {row["case_key"] for row in tables["identified"].to_dicts() if row["status"] == "own"}
        own -= {row["case_key"] for row in tables["decisions"].to_dicts() if row["oplata"] == 2}
        sub = {row["case_key"]: row for row in tables["priced_sl"].to_dicts()}
        profile = {row["case_key"]: row["profil"] for row in tables["sl"].to_dicts()}
        kind = {row["case_key"]: row["payment_kind"] for row in tables["priced"].to_dicts()}
        full: set[tuple[str, str]] = set()
        if cumulation == "month":
            spent.clear()
        beyond[name] = set()
        for row in sorted(tables["cases"].to_dicts(), key=lambda row: (row["data"], row["package"], row["n_zap"], row["idcase"])):
            key, mo = row["case_key"], row["lpu"]
            if key not in own:
                continue
            line, units = _line_by_hand(row, kind[key], profile[key], sub[key], mo)
            months = [name] if cumulation == "month" else [month for month in year.months if month <= name]
            held = [latest[mo, line, month] for month in months if (mo, line, month) in latest]
            volume = sum(one["volume"] for one in held) * 100
            money = None if any(one["money_kop"] is None for one in held) else sum(one["money_kop"] for one in held)
            used = spent[mo, line]
            fits = used[0] + units <= volume and (money is None or used[1] + row["sumv"] <= money)
            if (mo, line) in full or not fits:
                full.add((mo, line))
                beyond[name].add(key)
            else:
                used[0] += units
                used[1] += row["sumv"]
    return beyond


def _line_by_hand(row: dict[str, Any], kind: str, profil: int, sub: dict[str, Any], mo: str) -> tuple[str, int]:
    if sub["group"].startswith("st19."):
        return "hospital", 100  # nobody has a plan for cancer: the line in its place
    if profil == 29 and row["usl_ok"] == 1:
        return ("hospital" if mo == "750903" else "heart"), 100
    if kind == "service":
        return "scans", sub["quantity2"]
    return ("hospital" if row["usl_ok"] == 1 else "clinic"), 100


def beyond_of(items: dict[str, pl.DataFrame]) -> dict[str, set[int]]:
    return {name: set(table.filter(pl.col("state") != "fits")["case_key"]) for name, table in items.items()}


@pytest.mark.parametrize("cumulation", ["month", "year"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_year_with_a_cut_in_its_middle(seed: int, cumulation: str) -> None:
    """The same cases as by hand; consumed + excess = billed, line by line; nothing beyond what the decisions in force gave."""
    year = made_year(seed)
    items, lines = settled_year(year, cumulation)
    assert beyond_of(items) == account(year, cumulation)
    assert sum(len(found) for found in beyond_of(items).values()) > 20
    assert (lines["consumed_units2"] + lines["excess_units2"]).to_list() == lines["billed_units2"].to_list()
    assert (lines["consumed_kop"] + lines["excess_kop"]).to_list() == lines["billed_kop"].to_list()
    for name, table in items.items():
        own = lines.filter(month=name)
        assert own["billed_kop"].sum() == table["amount_kop"].sum()
        assert own["billed_units2"].sum() == table["units2"].sum()
        assert own["cases"].sum() == table.height
    whole = lines.group_by("mo", "line").agg(pl.col("^.*_kop$|^.*_units2$").sum())
    assert (whole["consumed_kop"] + whole["excess_kop"]).to_list() == whole["billed_kop"].to_list()


@pytest.mark.parametrize("cumulation", ["month", "quarter", "year"])
def test_neither_order_nor_partition_shows(cumulation: str) -> None:
    """The 13th-month proof: the excess stands on the same items for any order of rows and any cut by clinics."""
    year = made_year(11, 90)
    items, lines = settled_year(year, cumulation)
    assert any(table.filter(pl.col("since") == CUT).filter(pl.col("state") != "fits").height for table in items.values())
    for seed in (1, 2, 3):
        again, lines_again = settled_year(turned(year, seed), cumulation)
        assert digest_of(again, lines_again) == digest_of(items, lines)
    parts = [settled_year(of_clinic(year, mo), cumulation) for mo in CLINICS]
    for name, table in items.items():
        assert_frame_equal(pl.concat([part[name] for part, _ in parts]).sort("case_key"), table)
    assert_frame_equal(pl.concat([part for _, part in parts]).sort("month", "mo", "line"), lines.sort("month", "mo", "line"))


@pytest.mark.parametrize("cumulation", ["month", "year"])
def test_the_thirteenth_month(cumulation: str) -> None:
    """A decision after the year's end changes December alone, when it is run again with that knowledge; on the same items for any
    order."""
    year = made_year(5, 90)
    items, _ = settled_year(year, cumulation)
    later, lines_later = settled_year(year, cumulation, THIRTEENTH)
    assert [name for name in items if not items[name].equals(later[name])] == ["2022-12"]
    assert beyond_of(later) == account(year, cumulation, THIRTEENTH)
    assert digest_of(*settled_year(turned(year, 9), cumulation, THIRTEENTH)) == digest_of(later, lines_later)
    assert (lines_later["consumed_kop"] + lines_later["excess_kop"]).to_list() == lines_later["billed_kop"].to_list()


def test_the_number_of_threads_does_not_show() -> None:
    said = set()
    for threads in ("1", "2", "5"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.settlement.volumes_samples"], cwd=ROOT, check=True, capture_output=True, text=True,
            env={**os.environ, "POLARS_MAX_THREADS": threads},
        )  # fmt: skip
        said.add(done.stdout)
    assert len(said) == 1
    assert len(said.pop().split()[0]) == 13 * 8


def test_a_line_that_nobody_used_stands_with_zeros() -> None:
    tables, context = made_month(
        {"plan": [{"line": "visit", "volume": 3}, {"line": "vmp", "volume": 2, "money": 10.00}], "cases": [{}]}
    )
    tables |= volumes.consume(tables, context)
    lines = volumes.line_use(tables, context)
    assert lines.select("line", "plan_volume", "cases", "consumed_kop", "excess_kop").rows() == [
        ("visit", 3, 1, 50_000, 0),
        ("vmp", 2, 0, 0, 0),
    ]


# ---- the plan as a register ------------------------------------------------------------------------------------------------


def test_holes_and_strangers_in_the_plan_of_the_year() -> None:
    plan = [
        {"mo": MO, "month": f"2022-{number:02d}", "line": "visit", "volume": 5, "since": SINCE}
        for number in range(1, 13)
        if number not in (4, 7)
    ]
    plan += [{"mo": MO, "month": f"2022-{number:02d}", "line": "teeth", "volume": 5, "since": SINCE} for number in range(1, 13)]
    plan += [
        {"mo": "750999", "month": f"2022-{number:02d}", "line": "visit", "volume": 5 if number == 6 else 0, "since": SINCE}
        for number in range(1, 13)
    ]
    clinic = {"mo": MO, "valid_from": date(2022, 2, 1)}
    tables = {"reg_plan": rows("reg_plan", *plan), "reg_clinic": rows("reg_clinic", clinic)}
    found = volumes.plan_findings(tables, made_context(), "en")
    assert found["rule"].to_list() == ["V.5", "V.6", "V.7", "V.7"]
    texts = with_text(found, "en")["text"].to_list()
    assert "750901, line visit: no plan for 2022-04, 2022-07. Cases of these months are refused (1.6.2)" in texts[0]
    assert "teeth" in texts[1] and "ksg_inpatient" in texts[1]
    assert "750901 has a plan for 2022-01" in texts[2]
    assert "750999 has a plan for 2022-06" in texts[3]
    let_through = volumes.plan_findings(tables, made_context(without_plan="pass"), "ru")
    assert "будут приняты" in with_text(let_through, "ru")["text"][0]


# ---- plan, fact, forecast --------------------------------------------------------------------------------------------------


def facts(month: str, line: str, cases: int, money: int, excess: int = 0) -> dict[str, Any]:
    return {
        "month": month, "mo": MO, "line": line, "unit": "case", "billed_units2": cases * 100, "billed_kop": money,
        "consumed_units2": (cases - excess) * 100, "consumed_kop": money - excess * 1_000, "excess_units2": excess * 100,
        "excess_kop": excess * 1_000,
    }  # fmt: skip


def season() -> pl.DataFrame:
    """A plan of 10 a month, 40 in each month of the last quarter, with money of 100 roubles a case."""
    volumes_of = {f"2022-{number:02d}": 40 if number > 9 else 10 for number in range(1, 13)}
    return rows("reg_plan", *[
        {"mo": MO, "month": month, "line": "visit", "volume": volume, "money_kop": volume * 10_000, "since": SINCE}
        for month, volume in volumes_of.items()
    ])  # fmt: skip


def test_a_forecast_follows_the_seasons_of_the_plan() -> None:
    found = volumes.outlook(
        season(), rows("plan_lines", *[facts(f"2022-0{number}", "visit", 12, 130_000, 2) for number in (1, 2, 3)]), made_context()
    )
    row = found.rows.row(0, named=True)
    assert (row["plan_year_units2"], row["plan_to_date_units2"], row["billed_units2"]) == (21_000, 3_000, 3_600)
    assert (row["consumed_units2"], row["excess_units2"], row["left_units2"]) == (3_000, 600, 18_000)
    # 36 so far; 180 of the plan are to come for 30 of it so far: 36 + 36 x 180 / 30.
    assert (row["forecast_units2"], row["beyond_units2"]) == (25_200, 4_200)
    assert (row["forecast_kop"], row["beyond_kop"]) == (390_000 * 7, 390_000 * 7 - 2_100_000)
    assert (found.months, found.lacking, found.method) == (("2022-01", "2022-02", "2022-03"), (), "seasonal")


def test_a_linear_forecast_and_a_year_that_begins_late() -> None:
    context = made_context(forecast="linear")
    found = volumes.outlook(
        season(), rows("plan_lines", *[facts(f"2022-0{number}", "visit", 12, 130_001) for number in (2, 3)]), context
    )
    row = found.rows.row(0, named=True)
    assert (row["forecast_units2"], row["forecast_kop"]) == (2_400 + 2_400 * 9 // 2, 260_002 + 260_002 * 9 // 2)
    assert found.lacking == ("2022-01",)


def test_a_line_without_a_plan_and_a_plan_without_a_fact() -> None:
    found = volumes.outlook(season(), rows("plan_lines", facts("2022-03", "teeth", 3, 1_000)), made_context())
    teeth, visit = found.rows.to_dicts()
    assert (teeth["line"], teeth["plan_year_units2"], teeth["forecast_units2"], teeth["left_kop"]) == ("teeth", None, 3_000, None)
    assert (visit["line"], visit["billed_units2"], visit["forecast_units2"], visit["left_units2"]) == ("visit", 0, 0, 21_000)
    assert volumes.outlook(season().clear(), rows("plan_lines"), made_context()).rows.is_empty()
