"""Does `omsclaims capitation` say what each clinic gets and why, on the screen, as a workbook and as exact fractions?"""

from __future__ import annotations

import csv
import io
from fractions import Fraction
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from tests.tariffs.capitation_cases import CLINICS, person, registers
from tests.tariffs.test_capitation import FULL, PEOPLE, POINTS, full, usual

from .cli_samples import DAY, run

NAME = "3" * 16


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A workspace with people, clinics and an agreement that has every table of per-capita money."""
    folder, agreement, files = tmp_path / "ws", tmp_path / "agreement", tmp_path / "reg"
    full(agreement)
    files.mkdir()
    for name, rows in registers([*PEOPLE, person(98, None, place="village")]).items():
        filled = rows
        if name == "reg_insured":
            filled = rows.with_columns(fam=pl.lit("Тестов"), im=pl.lit("Тест"), npolis=pl.lit(None, dtype=pl.String))
        filled.write_parquet(files / f"{name}.parquet")
    assert run("init", folder, "--territory", "75", "--as-of", DAY).code == 0
    loaded = run("register", "load", files, "--workspace", folder, "--as-of", DAY)
    assert loaded.code == 0, loaded.text
    said = run("agreement", "load", agreement, "--workspace", folder, "--as-of", DAY)
    assert said.code == 0, said.text
    return folder


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("ru", ("Подушевое финансирование за март 2022", "Амбулаторная помощь", "выделено 1 000,01, распределено 1 000,01, осталось 0,00")),
        ("en", ("Per-capita money for March 2022", "Outpatient care", "set aside 1,000.01, shared 1,000.01, left 0.00")),
    ],
)  # fmt: skip
def test_the_money_of_a_month(desk: Path, lang: str, words: tuple[str, ...]) -> None:
    said = run("capitation", "2022-03", "--workspace", desk, "--as-of", DAY, lang=lang)
    assert said.code == 0, said.text
    text = said.text.replace("\u00a0", " ")
    assert all(word in text for word in words)
    # Used and unconfirmed: places and performance.
    mark = "НЕ ПОДТВЕРЖДЕНО" if lang == "ru" else "NOT CONFIRMED"
    assert said.text.count(mark) == 2
    assert "capitation.place_coefficients" in said.text and "capitation.performance" in said.text


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_one_clinic_step_by_step(desk: Path, lang: str) -> None:
    said = run("capitation", "2022-03", "--clinic", "750003", "--workspace", desk, "--as-of", DAY, lang=lang)
    assert said.code == 0
    point = "," if lang == "ru" else "."
    assert f"(1{point}60000 x 3 + 1{point}00000 x 4) / 7 = 1{point}25714" in said.text
    assert "clinic_capitation.csv:4" in said.text and "made up for tests" in said.text
    assert "law" in said.text if lang == "en" else "закон" in said.text
    other = run("capitation", "2022-03", "--clinic", "750001", "--workspace", desk, "--as-of", DAY, lang=lang)
    assert ("НЕ ПОДТВЕРЖДЕНО" if lang == "ru" else "NOT CONFIRMED") in other.text  # its places
    assert run("capitation", "2022-03", "--clinic", "759999", "--workspace", desk, "--as-of", DAY, lang=lang).code == 2


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_annex_adds_up_and_names_what_is_unconfirmed(desk: Path, tmp_path: Path, lang: str) -> None:
    path = tmp_path / "annex.xlsx"
    assert run("capitation", "2022-03", "--out", path, "--workspace", desk, "--as-of", DAY, lang=lang).code == 0
    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))
    assert len(book.sheetnames) == 4
    texts = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    mark = "НЕ ПОДТВЕРЖДЕНО" if lang == "ru" else "NOT CONFIRMED"
    assert sum(mark in text for text in texts) == 4  # above the table, and among the sources
    assert not any(text.startswith("=") for text in texts)
    totals = [
        [cell.value for cell in row] for row in book.worksheets[0].iter_rows() if row[0].value in ("Итого", "Total")
    ]  # fmt: skip
    assert sorted(round(row[13], 2) for row in totals) == [500.0, 1000.01]
    assert NAME not in "".join(texts) and "Тестов" not in "".join(texts)
    again = tmp_path / "again.xlsx"
    assert run("capitation", "2022-03", "--out", again, "--workspace", desk, "--as-of", DAY, lang=lang).code == 0
    assert again.read_bytes() == path.read_bytes()


def test_exact_fractions_for_other_programs(desk: Path, tmp_path: Path) -> None:
    path = tmp_path / "exact.csv"
    assert run("capitation", "2022-03", "--out", path, "--workspace", desk, "--as-of", DAY).code == 0
    rows = [row for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()) if row["kind"] == "outpatient"]
    assert sum(int(row["total_kop"]) for row in rows) == 100_001
    assert sum(Fraction(row["final_standard"]) * int(row["people"]) * 100 for row in rows) == 90_001
    assert Fraction(next(row["kdpv"] for row in rows if row["mo"] == "750003")) == Fraction("8.8") / 7
    assert run("capitation", "2022-03", "--out", tmp_path / "x.docx", "--workspace", desk, "--as-of", DAY).code == 2


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_money_that_is_left_out_is_said_and_shown(desk: Path, tmp_path: Path, lang: str) -> None:
    lacking = tmp_path / "lacking"
    usual(
        lacking, FULL.split("  - {kind: ambulance")[0], performance=POINTS, clinic_capitation=CLINICS.replace("750002", "750009")
    )
    assert run("agreement", "load", lacking, "--workspace", desk, "--as-of", DAY).code == 0
    said = run("capitation", "2022-03", "--workspace", desk, "--as-of", DAY, lang=lang)
    assert said.code == 1
    text = said.text.replace("\u00a0", " ")
    assert all(rule in text for rule in ("T.34", "T.43", "T.44"))
    assert ("осталось 1 000,01" if lang == "ru" else "left 1,000.01") in text
    alone = run("capitation", "2022-03", "--clinic", "750002", "--workspace", desk, "--as-of", DAY, lang=lang)
    assert ("сумма не рассчитана" if lang == "ru" else "no sum is computed") in alone.text
    path = tmp_path / "annex.xlsx"
    assert run("capitation", "2022-03", "--out", path, "--workspace", desk, "--as-of", DAY, lang=lang).code == 1
    cells = [str(cell.value) for sheet in openpyxl.load_workbook(path) for row in sheet.iter_rows() for cell in row if cell.value]
    assert any(text.startswith("T.34") for text in cells)


def test_an_agreement_without_per_capita_money(desk: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    usual(bare)
    path = bare / "agreement.yaml"
    path.write_text(path.read_text(encoding="utf-8").split("capitation:")[0], encoding="utf-8")
    assert run("agreement", "load", bare, "--workspace", desk, "--as-of", DAY).code == 0
    said = run("capitation", "2022-03", "--workspace", desk, "--as-of", DAY, lang="en")
    assert said.code == 1 and "T.42" in said.text
