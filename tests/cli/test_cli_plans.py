"""plan report, plan check and voucher list, overdue, waiting, quota as a user gives them."""

from __future__ import annotations

import shutil
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from lxml import html

from omsclaims.workspace import Workspace
from tests.conftest import Closed

from .cli_samples import DAY, run


@pytest.fixture(scope="module")
def folder(closed: Closed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two closed months that these tests may add registers to."""
    made = tmp_path_factory.mktemp("plans") / "ws"
    shutil.copytree(closed.folder, made)
    return made


def test_the_report_on_the_screen(folder: Path) -> None:
    said = run("plan", "report", "2022-03", "--workspace", folder, "--as-of", DAY)
    assert said.code == 0, said.text
    assert "КСГ, inpatient" in said.text
    assert "2022-01 are not closed" in said.text
    assert "plan of the months to come" in said.text
    russian = run("plan", "report", "2022-03", "--workspace", folder, "--as-of", DAY, lang="ru")
    assert "Прогноз года: предъявленное к оплате" in russian.text


def test_the_report_as_a_page_and_a_workbook_says_what_the_months_say(folder: Path, tmp_path: Path) -> None:
    with Workspace.open(folder) as store:
        lines = pl.concat([store.run_table(month, "plan_lines") for month in ("2022-02", "2022-03")])
        decided = pl.concat([store.run_table(month, "cases_view") for month in ("2022-02", "2022-03")])
    # What the lines took is what was accepted of their cases.
    kinds = lines["line"].unique().to_list()
    accepted = decided.filter((pl.col("status") == "own") & pl.col("payment_kind").is_in(kinds) & (pl.col("oplata") != 2))
    assert lines["consumed_kop"].sum() == accepted["sump_kop"].sum() > 0
    assert lines["consumed_cases"].sum() == accepted.height
    assert lines["excess_cases"].sum() > 0
    page, book = tmp_path / "plan.html", tmp_path / "plan.xlsx"
    for path in (page, book):
        said = run("plan", "report", "2022-03", "--workspace", folder, "--as-of", DAY, "--out", path)
        assert said.code == 0 and str(path) in said.text
    assert len(html.fromstring(page.read_text(encoding="utf-8")).xpath("//svg")) == 3
    sheet = openpyxl.load_workbook(book).worksheets[0]
    found = [
        [cell.value for cell in row] for row in sheet.iter_rows() if str(row[0].value).endswith(")") and row[13].value is not None
    ]
    assert sum(round(row[13] * 100) for row in found) == lines["consumed_kop"].sum()


def test_what_the_report_refuses(folder: Path, tmp_path: Path) -> None:
    for arguments, words in (
        (("2022-05",), "omsclaims run 2022-05"),
        (("2022-03", "--out", tmp_path / "plan.pdf"), "not plan.pdf"),
        (("March",), "YYYY-MM"),
    ):
        said = run("plan", "report", *arguments, "--workspace", folder)
        assert said.code == 2
        assert words in said.text


def test_the_check_of_the_plan_names_its_holes(folder: Path) -> None:
    said = run("plan", "check", "2022", "--workspace", folder, "--as-of", DAY)
    assert said.code == 1
    assert "V.5 A hole in the plan of the year" in said.text
    assert "no plan for 2022-01, 2022-04" in said.text
    assert "refused (1.6.2)" in said.text
    assert run("plan", "check", "22", "--workspace", folder).code == 2


VOUCHER = "voucher,section,enp,mo,group,created_on,requested_on,referred_on\n"
EVENT = "voucher,event,event_on,decision,planned_on,in_person\n"


@pytest.fixture(scope="module")
def with_vouchers(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three vouchers, one place: one is treated, one waits, one is late."""
    given = tmp_path_factory.mktemp("given")
    (given / "reg_voucher.csv").write_text(
        VOUCHER + "75.1,1,7551230870000015,750901,498,2022-02-01,,\n75.2,1,7551230870000016,750901,498,2022-02-02,,\n"
        "75.3,1,7551230870000017,750901,498,2022-04-01,,\n",
        encoding="utf-8",
    )
    (given / "reg_voucher_event.csv").write_text(
        EVENT + "75.1,papers,2022-02-02,,,\n75.1,decision,2022-02-03,date,2022-02-14,\n75.1,admitted,2022-02-14,,,\n"
        "75.2,papers,2022-02-03,,,true\n75.2,decision,2022-02-04,waiting,,\n75.3,admitted,2022-04-04,,,\n",
        encoding="utf-8",
    )
    (given / "reg_quota.csv").write_text("mo,group,year,places,since\n750901,498,2022,1,2022-01-01\n", encoding="utf-8")
    said = run("register", "load", given, "--workspace", folder, "--as-of", DAY)
    assert said.code == 0, said.text
    return folder


def test_vouchers_of_a_workspace(with_vouchers: Path) -> None:
    common = ("--workspace", with_vouchers, "--as-of", DAY)
    listed = run("voucher", "list", *common)
    assert listed.code == 1  # an admission without a decision is a finding
    assert "VT.2" in listed.text and "75.3" in listed.text
    for number, state in (("75.1", "admitted"), ("75.2", "waiting"), ("75.3", "created")):
        row = next(line for line in listed.text.split("\n") if line.strip().startswith(number))
        assert state in row
    assert "755123087" not in listed.text  # no person in a list
    assert "75.2" not in run("voucher", "list", *common, "--state", "admitted").text
    assert run("voucher", "list", *common, "--state", "lost").code == 2
    overdue = run("voucher", "overdue", *common)
    assert overdue.code == 1
    assert "75.3" in overdue.text and "papers sent" in overdue.text and "2022-04-06" in overdue.text
    waiting = run("voucher", "waiting", *common, lang="ru")
    assert waiting.code == 0
    assert "75.2" in waiting.text and "нет" in waiting.text
    quota = run("voucher", "quota", *common)
    assert quota.code == 0
    row = next(line for line in quota.text.split("\n") if line.strip().startswith("750901"))
    assert [cell.strip() for cell in row.split("│")][2:] == ["1", "1", "0", "1", "0", "0"]
    assert "There are no such vouchers" in run("voucher", "waiting", *common, "--mo", "750902").text


def test_the_register_of_vouchers_lies_with_the_people(with_vouchers: Path) -> None:
    assert list((with_vouchers / "people").glob("reg_voucher-*.parquet"))
    assert not list((with_vouchers / "tables").glob("reg_voucher-*.parquet"))


def test_plans_that_add_up_from_the_start_of_the_year(closed: Closed, tmp_path: Path) -> None:
    """Declared lines and `cumulation: year`: what February left over is there in March, whatever the order of files."""
    agreement, folder = tmp_path / "agreement", tmp_path / "ws"
    shutil.copytree(closed.made / "agreement", agreement)
    shutil.copytree(closed.folder, folder)
    head = agreement / "agreement.yaml"
    head.write_text(head.read_text(encoding="utf-8") + "\nvolumes: {cumulation: year, without_plan: pass}\n", encoding="utf-8")
    (agreement / "plan_lines.csv").write_text(
        "line,name,kind,usl_ok,profil,group,unit,otherwise\nhospital,Стационар,,1,,,,\nwards,Дневные стационары,,2,,,,\n"
        "clinic,Поликлиника,,3,,,,\n",
        encoding="utf-8",
    )
    with Workspace.open(folder) as store:
        kinds = store.run_table("2022-02", "plan_lines")["mo"].unique().sort().to_list()
    plan = [
        f"{mo},{month},{line},{volume},,2022-01-01\n"
        for mo in kinds
        for line in ("hospital", "wards", "clinic")
        for month, volume in (("2022-02", 40), ("2022-03", 5))
    ]
    (tmp_path / "reg_plan.csv").write_text("mo,month,line,volume,money_kop,since\n" + "".join(plan), encoding="utf-8")
    common = ("--workspace", folder, "--as-of", DAY)
    assert run("agreement", "load", agreement, *common).code == 0
    assert run("register", "load", tmp_path / "reg_plan.csv", *common).code == 0
    for month in ("2022-03", "2022-02"):
        assert run("reopen", month, "--workspace", folder, "--why", "lines of the plan").code == 0
    for month in ("2022-02", "2022-03"):
        assert run("run", month, *common).code == 1
    with Workspace.open(folder) as store:
        february, march = (store.run_table(month, "plan_lines") for month in ("2022-02", "2022-03"))
        found = store.run_table("2022-03", "findings")
    assert set(march["line"]) == {"hospital", "wards", "clinic", "-"}  # examinations have no conditions of care: no line
    assert found.filter(rule="V.1").height > 0
    assert "V.4" not in found["rule"].to_list()
    both = march.join(february, on=["mo", "line"], suffix="_feb").filter(pl.col("plan_volume").is_not_null())
    assert both.height > 10
    left = (both["plan_volume_feb"] + both["plan_volume"]) * 100 - both["consumed_units2_feb"]
    assert both["limit_units2"].to_list() == left.to_list()
    full = both.filter(pl.col("excess_units2") > 0)
    assert full.height > 0
    assert full["consumed_units2"].to_list() == full["limit_units2"].to_list()  # cases are one unit each: the line is used up
    assert both.filter((pl.col("consumed_units2") > 500) & (pl.col("excess_units2") == 0)).height > 0
    said = run("plan", "report", "2022-03", *common)
    assert said.code == 0 and "Дневные стационары" in said.text
