"""Are tariffs by costing what a hand comes to, and is every row that cannot be used named? (Rules 155-166)"""

from __future__ import annotations

import re
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import findings, messages
from omsclaims.law import federal_parameters
from omsclaims.reports import costing as report
from omsclaims.tariffs.costing import PARTS, Costing, Inputs, cost
from omsclaims.tariffs.costing_files import FILES, MAIN_FILE, read_folder
from tests.cli.cli_samples import run

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "costing"
CLINIC = FIXTURES / "clinic"
WORKED: dict[str, Any] = yaml.load((FIXTURES / "worked.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def kop(text: str) -> int:
    roubles, kopecks = text.split(".")
    return int(roubles) * 100 + int(kopecks)


def made_of(folder: Path) -> tuple[Inputs, Costing]:
    inputs = read_folder(folder)
    assert isinstance(inputs, Inputs)
    return inputs, cost(inputs, federal_parameters())


def costs(made: Costing) -> dict[str, int | None]:
    return dict(made.table.select("unit", "cost_kop").iter_rows())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CLINIC, tmp_path / "clinic"))


def put(folder: Path, change: dict[str, str]) -> None:
    """One line of a file of the folder replaced."""
    path = folder / change["file"]
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[int(change["line"]) - 1] = change["text"]
    path.write_text("\n".join(lines), encoding="utf-8")


def test_the_worked_example_to_the_kopeck() -> None:
    _, made = made_of(CLINIC)
    assert not made.findings.height
    found = {row["unit"]: {name: row[f"{name}_kop"] for name in (*PARTS, "cost")} for row in made.table.iter_rows(named=True)}
    assert found == {unit: {name: kop(text) for name, text in row.items()} for unit, row in WORKED["units"].items()}
    for row in made.table.iter_rows(named=True):
        assert row["direct_kop"] + row["indirect_kop"] == row["cost_kop"]
    spread: dict[str, dict[str, int]] = {}
    for row in made.spread.iter_rows(named=True):
        spread.setdefault(row["item"], {})[row["unit"]] = row["part_kop"]
    assert spread == {item: {unit: kop(text) for unit, text in parts.items()} for item, parts in WORKED["spread"].items()}
    wanted = WORKED["treated"]["pneumonia"]
    assert made.treated["tariff_kop"].unique().to_list() == [kop(wanted["tariff"])]
    assert dict(made.treated.select("item", "amount_kop").iter_rows()) == {
        item: kop(text) for item, text in wanted["lines"].items()
    }
    assert made.left_out.height == 0


@pytest.mark.parametrize("case", WORKED["cases"], ids=lambda case: case["name"])
def test_cases(case: dict[str, Any], copy: Path) -> None:
    for name in ("change", "also", "third"):
        if name in case:
            put(copy, case[name])
    _, made = made_of(copy)
    found = costs(made)
    assert sorted(unit for unit, value in found.items() if value is not None) == case["costed"]
    if "finding" in case:
        wanted = {**case["finding"], "line": int(case["finding"]["line"])}
        rows = made.findings.filter(pl.col("rule") == wanted["rule"]).select("rule", "file", "line", "element").to_dicts()
        assert wanted in rows
        assert "{" not in "".join(findings.with_text(made.findings, "ru")["text"])
    else:
        assert not made.findings.height
    for unit, text in case.get("cost", {}).items():
        assert found[unit] == kop(text)
    if "left_out" in case:
        assert made.left_out["amount_kop"].sum() == kop(case["left_out"])
    if "treated" in case:
        assert made.treated["tariff_kop"].null_count() == made.treated.height > 0
    if "unconfirmed" in case:
        assert any(case["unconfirmed"] in line for line in report.unconfirmed(made, federal_parameters(), "en"))
    uncosted = {unit for unit, value in found.items() if value is None}
    assert uncosted <= set(made.findings.filter(pl.col("rule") == "T.59")["value"])


def test_what_was_used_unconfirmed_is_said() -> None:
    _, made = made_of(CLINIC)
    said = " ".join(report.unconfirmed(made, federal_parameters(), "en"))
    assert "costing.tariff_items" in said
    assert "tariff_calculation.share_base" not in said  # the folder names its own base
    assert all("law:tariff_calculation.units@2013-12-22" in text for text in made.table["sources"])


def test_the_default_base_is_the_law_s(copy: Path) -> None:
    put(copy, {"file": "costing.yaml", "line": "6", "text": ""})
    _, made = made_of(copy)
    assert costs(made) == costs(made_of(CLINIC)[1])
    assert any("tariff_calculation.share_base" in line for line in report.unconfirmed(made, federal_parameters(), "en"))


def test_any_order_of_rows_gives_the_same_table(copy: Path) -> None:
    for name in FILES:
        path = copy / f"{name}.csv"
        head, *rows = path.read_text(encoding="utf-8").strip().split("\n")
        path.write_text("\n".join([head, *rows[::-1]]), encoding="utf-8")
    assert made_of(copy)[1].table.equals(made_of(CLINIC)[1].table)


@pytest.mark.parametrize("name", [MAIN_FILE, *(f"{name}.csv" for name in FILES)])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'"a', b"a,b\n1,2\n", b"a: [\n", b"on: 2021-02-30\n"], ids=range(6))
def test_a_spoilt_file_is_a_finding(name: str, content: bytes, copy: Path) -> None:
    (copy / name).write_bytes(content)
    read = read_folder(copy)
    problems = read if isinstance(read, list) else read.problems
    assert any(problem.file == name and problem.rule == "T.50" for problem in problems)
    for problem in problems:
        assert problem.text("ru") and "{" not in problem.text("en")
    if isinstance(read, Inputs):
        made = cost(read, federal_parameters())
        assert name == "treated.csv" or set(made.table["cost_kop"]) <= {None}, (
            "a file that cannot be read must not count as no cost"
        )


def test_a_file_that_is_not_there(copy: Path) -> None:
    (copy / "units.csv").unlink()
    _, made = made_of(copy)
    assert made.table.height == 0
    assert ("T.50", "units.csv") in set(made.findings.select("rule", "file").iter_rows())
    (copy / MAIN_FILE).unlink()
    assert isinstance(read_folder(copy), list)


@settings(max_examples=60, deadline=None)
@given(
    payrolls=st.lists(st.integers(0, 10**10), min_size=1, max_size=6),
    volumes=st.lists(st.integers(1, 10**8), min_size=6, max_size=6),
    amount=st.integers(0, 10**12),
    base=st.sampled_from(["payroll", "volume", "area"]),
)
def test_shared_costs_come_back_whole(payrolls: list[int], volumes: list[int], amount: int, base: str) -> None:
    """Parts of an indirect cost add up to it; rows add up; unit costs times volumes are the costs but for their rounding."""
    place = {"file": "x.csv", "line": 1}
    units = [
        {**place, "unit": f"u{i}", "name": "", "kind": "service", "volume": volumes[i], "area": volumes[-i]} for i in range(len(payrolls))
    ]  # fmt: skip
    staff = [
        {**place, "unit": f"u{i}", "post": "p", "payroll": pay, "accruals": 30_200, "fund_hours": 18_000_000, "norm_hours": 7_777}
        for i, pay in enumerate(payrolls)
    ]
    indirect = [{**place, "item": "a", "kind": "household", "amount": amount, "base": base, "price": None}]
    from datetime import date

    made = cost(Inputs(date(2021, 1, 1), units=units, staff=staff, indirect=indirect), federal_parameters())
    if base == "payroll" and not any(payrolls):
        assert set(made.findings["rule"]) == {"T.54", "T.59"}
        assert made.left_out["amount_kop"].sum() == amount
        return
    assert made.spread["part_kop"].sum() == amount
    spent = Fraction(0)
    for row in made.table.iter_rows(named=True):
        assert sum(row[f"{part}_kop"] for part in PARTS) == row["cost_kop"]
        spent += Fraction(row["cost_kop"] * row["volume4"], 10**4)
    exact = Fraction(amount) + sum(
        (
            Fraction(pay) * Fraction(1302, 1000) / 1800 * Fraction(7777, 10**4) * Fraction(volume, 10**4)
            for pay, volume in zip(payrolls, volumes, strict=False)
        ),
        Fraction(0),
    )
    assert abs(spent - exact) <= sum(Fraction(volume, 2 * 10**4) for volume in volumes[: len(payrolls)])


def test_the_command_shows_the_table_and_writes_the_workbook(tmp_path: Path, copy: Path) -> None:
    out = tmp_path / "tariffs.xlsx"
    said = run("tariff", "cost", CLINIC, "--out", out)
    assert said.code == 0, said.text
    for figure in ("visit", "Ультразвуковое исследование", "361.48", "525.68", "1,578.97", "17,682.13", "costing.tariff_items"):
        assert figure in said.out
    book = openpyxl.load_workbook(out)
    assert len(book.worksheets) == 5
    values = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
    assert any(row[0] == "bed" and row[9] == 1578.97 and row[4:9] == [781.2, 470.55, 61.65, 1313.4, 265.57] for row in values)
    assert any("costing.tariff_items" in str(row[0].value) for row in book.worksheets[4].iter_rows())
    put(copy, {"file": "indirect.csv", "line": "5", "text": "=1+1,equipment,90000.00,volume,100000.01"})
    said = run("tariff", "cost", copy, "--out", out, lang="ru")
    assert said.code == 1
    assert "T.53" in said.out and "indirect.csv" in said.out and re.search(r"90\s000,00", said.out)
    left = openpyxl.load_workbook(out).worksheets[3]
    assert any(cell.value == "=1+1" and cell.data_type == "s" for row in left.iter_rows() for cell in row)


def test_the_command_refuses_what_it_cannot_use(tmp_path: Path, copy: Path) -> None:
    assert run("tariff", "cost", tmp_path / "nothing").code == 2
    assert run("tariff", "cost", copy, "--out", tmp_path / "a.pdf").code == 2
    (copy / MAIN_FILE).unlink()
    assert run("tariff", "cost", copy).code == 3


def test_every_reason_has_its_words() -> None:
    for number in range(50, 61):
        for part in ("title", "text", "todo"):
            assert messages.has(f"rule.T.{number}.{part}")
