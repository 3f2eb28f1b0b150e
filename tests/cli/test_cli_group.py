"""Does `omsclaims group` group packages and lists by the workbooks it is given, and say what it cannot do?"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from omsclaims.tariffs.grouper import rules
from tests.nsi.nsi_samples import workbook
from tests.tariffs.grouper.grouper_cases import read

from .cli_samples import DAY, run

PACKAGES = Path(__file__).resolve().parents[2] / "fixtures" / "packages"
HEADINGS = {
    "ds1": "Код по МКБ 10", "ds2": "Код по МКБ 10(2)", "ds3": "Код по МКБ 10(3)", "service": "Код услуги", "age": "Возраст",
    "sex": "Пол", "duration": "Длительность", "criterion": "Иной классификационный критерий", "fractions": "Диапазон фракций",
}  # fmt: skip
#: Rows of the year of the committed packages: another group than billed, the billed one beside a cheaper one.
OF_2022 = [{"ksg": "st12.002", "ds1": "J06.9"}, {"ksg": "st12.001", "ds1": "A08.3"}, {"ksg": "st12.002", "ds1": "A08.3"}]


def made(folder: Path, name: str, rows: list[dict[str, str]], groups: dict[str, str]) -> Path:
    """A grouper workbook with these rows."""
    sheet = [["№", *HEADINGS.values(), "КСГ"]]
    sheet += [[str(n), *(row.get(field) for field in HEADINGS), row["ksg"]] for n, row in enumerate(rows, 1)]  # type: ignore[list-item]
    table = [
        ["№", "КСГ", "Наименование КСГ", "КЗ"],
        *([str(n), code, code, kz] for n, (code, kz) in enumerate(groups.items(), 1)),
    ]
    path = folder / name
    path.write_bytes(workbook({"КСГ": table, "Группировщик": sheet}))
    return path


@pytest.fixture
def books(tmp_path: Path) -> list[object]:
    """The small workbooks of fixtures/grouper as options of the command."""
    found: list[object] = []
    for setting, body in read("workbook.yaml").items():
        found += ["--books", made(tmp_path, f"ksg2026_{setting}.xlsx", body["rows"], body["groups"])]
    return found


def listed(folder: Path, *lines: str) -> Path:
    """A list of cases."""
    path = folder / "cases.csv"
    path.write_text("\n".join(["case,usl_ok,ds1,services,w,dr,date_1,date_2,rslt,n_ksg", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("lang", "words"), [("ru", "НЕ ПОДТВЕРЖДЕНО"), ("en", "NOT CONFIRMED")])
def test_an_unconfirmed_rule_of_the_choice_is_named(
    tmp_path: Path, books: list[object], monkeypatch: pytest.MonkeyPatch, lang: str, words: str
) -> None:
    cases = listed(tmp_path, "1,1,O10.0,B01.001.009 A16.20.005,2,1990-01-01,2026-03-02,2026-03-08,101,st02.003")
    assert words not in run("group", cases, *books, lang=lang).text
    known = rules.rules()
    unsure = {name: row.model_copy(update={"sure": "unconfirmed"}) for name, row in known.exceptions.items()}
    doubtful = known.model_copy(update={"exceptions": unsure})
    monkeypatch.setattr(rules, "rules", lambda: doubtful)
    said = run("group", cases, *books, lang=lang).text
    assert words in said and "grouper:caesarean" in said
    assert "grouper:polytrauma" not in said  # no case of it


def test_a_list_of_cases(tmp_path: Path, books: list[object]) -> None:
    cases = listed(
        tmp_path,
        "1,1,O10.0,B01.001.009 A16.20.005,2,1990-01-01,2026-03-02,2026-03-08,101,st02.003",
        "2,1,J18.9,,1,1970-01-01,2026-03-02,2026-03-12,101,st23.001",
        "3,2,I20.0,A06.10.006,1,1970-01-01,2026-03-02,2026-03-04,201,",
    )
    out = tmp_path / "out.csv"
    said = run("group", cases, *books, "--out", out)
    assert said.code == 1
    assert "Cases of a КСГ kind: 3; grouped 3; as billed 1, different 1." in said.out
    assert "diagnosis O10.0, billed st02.003, the grouper gives st02.004" in said.out
    assert "st02.004: special rule - caesarean section, operation (service A16)" in said.out
    russian = run("group", cases, *books, lang="ru")
    assert "st02.004: особый порядок — кесарево сечение, операция (услуга A16)" in russian.out
    rows = pl.read_csv(out, infer_schema=False)
    assert rows.select("sl_id", "billed", "ksg", "same", "decided").rows() == [
        ("1", "st02.003", "st02.004", "no", "exception"), ("2", "st23.001", "st23.001", "yes", "only"),
        ("3", None, "ds25.001", "-", "priority"),
    ]  # fmt: skip
    assert rows["fits"][0] == "st02.001 st02.003 st02.004"
    alone = listed(tmp_path, "2,1,J18.9,,1,1970-01-01,2026-03-02,2026-03-12,101,st23.001")
    assert run("group", alone, *books).code == 0


def test_what_cannot_be_grouped_is_said(tmp_path: Path, books: list[object]) -> None:
    cases = listed(
        tmp_path,
        "1,1,J99.9,,1,1970-01-01,2026-03-02,2026-03-12,101,",
        "2,1,J18.9,,1,1970-01-01,2025-03-02,2025-03-12,101,",
        "3,1,J18.9,,1,2026-03-03,2026-03-02,2026-03-12,101,",
        "4,3,J18.9,,1,1970-01-01,2026-03-02,2026-03-12,101,",
        "5,,J18.9,,1,1970-01-01,2026-03-02,2026-03-12,101,",
        "6,1,J18.9,,1,soon,2026-03-02,2026-03-12,101,",
    )
    said = run("group", cases, *books)
    assert said.code == 1
    assert "Cases of a КСГ kind: 4; grouped 0" in said.out
    for rule, count in (("T.70", 1), ("T.71", 1), ("T.73", 2), ("T.75", 3)):
        assert any(line.startswith(f"{rule} ") and line.rstrip().endswith(f"· {count}") for line in said.out.splitlines()), rule
    assert "PERS/DR" in said.out
    assert "2026-03-03" not in said.out  # a birth date is not shown


def test_a_package(tmp_path: Path) -> None:
    book = made(tmp_path, "ksg2022_inpatient.xlsx", OF_2022, {"st12.001": "0.50", "st12.002": "0.60"})
    said = run("group", PACKAGES / "HM750911T75_220201.zip", "--books", book)
    assert said.code == 1
    assert "Cases of a КСГ kind: 1; grouped 1; as billed 0, different 1." in said.out
    assert "diagnosis J06.9, billed st12.011, the grouper gives st12.002" in said.out
    right = run("group", PACKAGES / "HM750908T75_220201.zip", "--books", book)
    assert "Cases of a КСГ kind: 1; grouped 1; as billed 1, different 0." in right.out
    assert right.code == 0


def test_the_workbook_of_a_workspace(tmp_path: Path) -> None:
    """Each year has its workbook: a case is grouped by that of the year in which it ended, whichever is the newest."""
    folder = tmp_path / "fund"
    assert run("init", folder, "--territory", "75", "--role", "fund").code == 0
    for year, rows in ((2022, OF_2022), (2026, [{"ksg": "st12.009", "ds1": "A08.3"}])):
        book = made(tmp_path, f"ksg{year}_inpatient.xlsx", rows, {row["ksg"]: "1.00" for row in rows})
        assert run("nsi", "load", book, "--workspace", folder, "--as-of", DAY).code == 0
    said = run("group", PACKAGES / "HM750908T75_220201.zip", "--workspace", folder, "--as-of", DAY)
    assert "as billed 0, different 1" in said.out  # two groups of one weight: the smaller code
    assert "st12.001: prices are equal, the smaller code is taken" in said.out
    before = run("group", PACKAGES / "HM750908T75_220201.zip", "--workspace", folder, "--as-of", "2022-01-01")
    assert before.code == 2
    assert "There is no grouper for these cases" in before.err


def test_usage(tmp_path: Path, books: list[object]) -> None:
    cases = listed(tmp_path, "1,1,J18.9,,1,1970-01-01,2026-03-02,2026-03-12,101,")
    assert "one of the two" in run("group", cases).err
    assert "одно" in run("group", cases, *books, "--workspace", tmp_path, lang="ru").err
    assert "ends in .csv" in run("group", cases, *books, "--out", tmp_path / "x.xlsx").err
    assert run("group", tmp_path / "no.csv", *books).code == 2
