"""Do the commands on the agreement name file and line, show what holds on a day, and tell two agreements apart?"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from .cli_samples import run
from .conftest import Desk

AGREEMENTS = Path(__file__).resolve().parents[2] / "fixtures" / "agreements"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the made-up agreement without the key that ends in June."""
    made = Path(shutil.copytree(AGREEMENTS / "small", tmp_path / "small"))
    path = made / "visits.csv"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "2022-06-30" not in line]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return made


def put(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(("lang", "words"), [("ru", "замечаний нет"), ("en", "no remarks")])
def test_a_whole_agreement_has_no_remarks(folder: Path, lang: str, words: str) -> None:
    said = run("agreement", "check", folder, lang=lang)
    assert (said.code, words in said.text) == (0, True)
    assert run("agreement", "check", folder, "--month", "2022-12", lang=lang).code == 0


def test_missing_and_contradictory_values_are_named_with_file_and_line(folder: Path) -> None:
    put(folder / "ksg.csv", "st02.001,ksg_inpatient,0.93", "st02.001,ksg_inpatient,")
    put(folder / "levels.csv", "\n1,ksg_inpatient", "\n2,ksg_inpatient")
    said = run("agreement", "check", folder)
    assert said.code == 3
    assert "ksg.csv:2: weight is missing" in said.text
    assert "levels.csv:3: level, setting = 2, ksg_inpatient: line 2 already holds" in said.text


def test_an_agreement_that_stops_before_the_month(folder: Path) -> None:
    put(folder / "agreement.yaml", "valid_to: 2022-12-31", "valid_to: 2022-11-15")
    whole = run("agreement", "check", folder)
    assert whole.code == 0  # within its own time it is whole
    said = run("agreement", "check", folder, "--month", "2022-11", lang="en")
    assert said.code == 1
    assert "the agreement holds from 2022-01-01 to 2022-11-15 and leaves days of the time open" in said.text
    assert run("agreement", "check", folder, "--month", "2022-10").code == 0


def test_a_key_that_stops_before_the_month(folder: Path) -> None:
    put(folder / "agreement.yaml", "{setting: ksg_day, rate: 13915.7}", "{setting: ksg_day, rate: 13915.7, valid_to: 2022-09-30}")
    assert run("agreement", "check", folder, "--month", "2022-09").code == 0
    said = run("agreement", "check", folder, "--month", "2022-10", lang="ru")
    assert said.code == 1
    assert "agreement.yaml:27: setting=ksg_day: с 2022-10-01 по 2022-10-31 ни одна строка не действует" in said.text


def test_departures_from_federal_lists_are_told_apart() -> None:
    said = run("agreement", "check", AGREEMENTS / "s6_volgograd_2026")
    assert said.code == 1
    assert "Departs from federal lists and values: 2" in said.text
    assert "ksg.csv:4: surgical = 1 of the group st00.001" in said.text


def test_show_says_what_holds_on_a_day_and_where_it_stands(folder: Path) -> None:
    head = run("agreement", "show", folder, lang="en")
    assert head.code == 0
    assert "territory 75, year 2022, holds from 2022-01-01 to 2022-12-31" in head.text
    assert "norms.floor" in head.text and "clinics" in head.text
    rates = run("agreement", "show", folder, "--table", "base_rates", "--key", "ksg_inpatient", "--on", "2022-07-01", lang="en")
    assert "base_rates: 1 rows" in rates.text
    assert "25000" in rates.text and "agreement.yaml:26" in rates.text and "24322.6" not in rates.text
    unknown = run("agreement", "show", folder, "--table", "ksgs", lang="ru")
    assert unknown.code == 2 and "ksgs" in unknown.text


def test_the_federal_rule_in_the_place_of_the_agreement_is_marked(folder: Path) -> None:
    assert "NOT CONFIRMED" not in run("agreement", "show", folder, lang="en").text  # read in production code
    for path in folder.glob("*.*"):
        path.write_text(path.read_text(encoding="utf-8").replace("2022", "2019"), encoding="utf-8")
    assert "NOT CONFIRMED by the text of the law" in run("agreement", "show", folder, lang="en").text


def test_diff_of_two_folders_and_of_an_overlay(folder: Path, tmp_path: Path) -> None:
    same = run("agreement", "diff", folder, folder, lang="en")
    assert (same.code, "Rows and options are equal" in same.text) == (0, True)
    overlay = tmp_path / "up.yaml"
    overlay.write_text(
        "agreement:\n  - {table: base_rates, where: {setting: ksg_day}, multiply: {rate: 1.01}}\n"
        "law:\n  - {name: tariffs.short_stay_days, value: 2, since: 2022-03-01}\n",
        encoding="utf-8",
    )
    out = tmp_path / "diff.csv"
    said = run("agreement", "diff", folder, overlay, "--out", out, lang="en")
    assert said.code == 1
    assert "federal parameter tariffs.short_stay_days: 3 -> 2 since 2022-03-01" in said.text
    (row,) = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    assert (row["table"], row["key"], row["column"]) == ("base_rates", "setting=ksg_day", "rate")
    assert (row["before"], row["after"]) == ("13915.7", "14054.857")
    put(overlay, "base_rates", "base_rate")
    bad = run("agreement", "diff", folder, overlay, lang="ru")
    assert bad.code == 3
    assert "up.yaml:2: «base_rate» - такого имени нет; есть, например: base_rates" in bad.text


def test_a_workspace_stands_for_its_agreement(desk: Desk) -> None:
    shown = run("agreement", "show", desk.folder, lang="en")
    assert shown.code == 0 and "territory 75, year 2022" in shown.text
    assert run("agreement", "diff", desk.folder, desk.folder).code == 0


def test_a_folder_without_an_agreement(tmp_path: Path) -> None:
    said = run("agreement", "check", tmp_path, lang="en")
    assert said.code == 3
    assert "agreement.yaml:1: there is no agreement.yaml in the folder" in said.text


# ---- beside the federal books --------------------------------------------------------------------------------------------------


def _v023(folder: Path, *, year: int = 2022, of: dict[str, str] | None = None, without: str = "") -> Path:
    """A made-up V023 with the groups of the small agreement; `of`: code -> another weight."""
    lines = ["IDUMP,K_KSG,N_KSG,KOEF_Z,DATEBEG,DATEEND"]
    with (AGREEMENTS / "small" / "ksg.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            code, usl_ok = row["code"], "1" if row["setting"] == "ksg_inpatient" else "2"
            begin = (row["valid_from"] or f"{year}-01-01").replace("-", "")
            end = row["valid_to"].replace("-", "")
            weight = (of or {}).get(code, row["weight"])
            lines += [] if code == without else [f"{usl_ok},{code},Группа,{weight},{begin},{end}"]
    path = folder / "V023.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_an_agreement_that_agrees_with_v023(folder: Path, tmp_path: Path) -> None:
    said = run("agreement", "check", folder, "--books", _v023(tmp_path), lang="ru")
    assert said.code == 0
    assert "сверены с V023 по дням с 2022-01-01 по 2022-12-31" in said.text and "замечаний нет" in said.text


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("ru", ("КСГ st12.012 (ksg_inpatient)", "в соглашении 1.85, в V023 1.9", "строка 3", "Исправьте weight")),
        ("en", ("group st12.012 (ksg_inpatient)", "the agreement has 1.85, V023 has 1.9", "line 3", "Correct the weight")),
    ],
)
def test_departures_from_v023_name_line_days_and_figures(folder: Path, tmp_path: Path, lang: str, words: tuple[str, ...]) -> None:
    path = _v023(tmp_path, of={"st12.012": "1.90"}, without="st02.001")
    said = run("agreement", "check", folder, "--books", path, "--month", "2022-02", lang=lang)
    assert said.code == 1
    for word in ("A.3", "A.4", "st02.001", "ksg.csv", "2022-02-01", "2022-02-28", *words):
        assert word in said.text, word


def test_a_v023_of_another_year_proves_nothing(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "V023.csv"
    path.write_text(
        "IDUMP,K_KSG,N_KSG,KOEF_Z,DATEBEG,DATEEND\n1,st02.001,x,0.5,20210101,\n2,ds1,x,1,20210101,\n", encoding="utf-8"
    )
    said = run("agreement", "check", folder, "--books", path, lang="en")
    assert said.code == 1 and "A.6" in said.text and "A.4" not in said.text
    assert "compared with V023 day by day" not in said.text


def test_criteria_that_v024_lacks_are_only_a_remark(folder: Path, tmp_path: Path) -> None:
    books = tmp_path / "books"
    books.mkdir()
    (books / "V024.csv").write_text("IDDKK,DKKNAME,DATEBEG,DATEEND\nsh0001,x,20220101,\n", encoding="utf-8")
    head = "code,valid_from,valid_to,number,ds1,criterion\n"
    (books / "KSG.ST.GROUPER.csv").write_text(
        head + "st19.108,2022-01-01,,1,C34.1,sh0001\nst19.108,2022-01-01,,2,C34.1,sh0002\n", encoding="utf-8"
    )
    said = run("agreement", "check", folder, "--books", books, lang="en")
    assert said.code == 0
    assert "A.7" in said.text and "criterion sh0002 (rows: 1, the first № 2)" in said.text and "sh0001" not in said.text
    assert "no remarks" in said.text or "0 remarks" in said.text


def test_books_without_v023_and_v024_are_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "V006.csv"
    path.write_text("IDUMP,UMPNAME,DATEBEG,DATEEND\n1,x,20110101,\n", encoding="utf-8")
    said = run("agreement", "check", folder, "--books", path, lang="en")
    assert said.code == 2 and "neither V023 nor V024" in said.text


def test_the_books_of_a_workspace(folder: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    assert run("init", workspace, "--territory", "75", "--as-of", "2022-01-10").code == 0
    assert run("agreement", "load", folder, "--workspace", workspace, "--as-of", "2022-01-10").code in (0, 1)
    assert "V023" not in run("agreement", "check", workspace, lang="en").text
    loaded = run("nsi", "load", _v023(tmp_path, of={"st12.012": "1.90"}), "--workspace", workspace, "--as-of", "2022-01-11")
    assert loaded.code == 0
    said = run("agreement", "check", workspace, "--as-of", "2022-01-12", lang="en")
    assert said.code == 1 and "the agreement has 1.85, V023 has 1.9" in said.text
    # Before it was learned there was no such book.
    assert "A.4" not in run("agreement", "check", workspace, "--as-of", "2022-01-10", lang="en").text
