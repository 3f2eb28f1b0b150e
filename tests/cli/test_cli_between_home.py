"""The commands of the home fund: answer, pay, due; and on clinics outside the Federation; both languages, refusals, files written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from omsclaims.money import show_amount
from tests import test_between_abroad, test_between_home
from tests.test_between_home import R, packed, tables

from .cli_samples import run

home_base = test_between_home.base
abroad_base = test_between_abroad.base


@pytest.fixture
def folder(home_base: Path, tmp_path: Path) -> Path:
    made = Path(shutil.copytree(home_base, tmp_path / "ws"))
    (tmp_path / f"{R}.oms").write_bytes(packed(tables(), R))
    assert run("territory", "take", tmp_path / f"{R}.oms", "--workspace", made, "--as-of", "2022-05-10").code == 1
    return made


def test_answer_pay_and_due(folder: Path, tmp_path: Path) -> None:
    words = ("--workspace", folder, "--as-of", "2022-06-16")
    for lang, said in (("ru", "просрочено"), ("en", "overdue")):
        shown = run("territory", "due", "--side", "home", *words, lang=lang)
        assert shown.code == 1 and said in shown.text and R in shown.text
    out = tmp_path / "out"
    answered = run("territory", "answer", R, "--out", out, *words, lang="en")
    assert answered.code == 1 and show_amount(26_160_021, "en") in answered.text
    assert [path.name for path in out.rglob("*.oms")] == ["A3875220001.oms"]
    assert "territories.grounds" in answered.text  # what is not confirmed is named
    for lang in ("ru", "en"):
        paid = run("territory", "pay", R, "--amount", "1000.00", *words, lang=lang)
        assert paid.code == 0 and show_amount(100_000, lang) in paid.out
    assert run("territory", "pay", R, "--amount", "999999999.00", *words, lang="en").code == 1
    assert run("territory", "due", "--side", "place", *words, lang="en").code == 0


def test_a_file_of_questions(folder: Path, tmp_path: Path) -> None:
    words = ("--out", tmp_path / "out", "--workspace", folder, "--as-of", "2022-05-20")
    path = tmp_path / "questions.csv"
    path.write_text("n_zap,idcase,sum,s_tip,code,code_exp,s_com\n1,1,100.00,70,3.1.1.,,\n", encoding="utf-8")
    assert run("territory", "answer", R, "--accept", "4/4", "--questions", path, *words, lang="en").code == 1
    shown = run("territory", "due", "--workspace", folder, "--as-of", "2022-05-25", lang="en")
    assert "corrected part" in shown.text and "100.00" in shown.text


@pytest.mark.parametrize("row", ["1,1,-5.00,70,3.1.1,,", "1,1,x,70,3.1.1,,", "1,1,5.00,70,,,", "a,1,5.00,70,3.1.1,,", "1,1"])
def test_questions_that_cannot_be_read(folder: Path, tmp_path: Path, row: str) -> None:
    path = tmp_path / "questions.csv"
    path.write_text(f"n_zap,idcase,sum,s_tip,code,code_exp,s_com\n{row}\n", encoding="utf-8")
    for lang, said in (("ru", "не читается"), ("en", "cannot be read")):
        shown = run("territory", "answer", R, "--out", tmp_path, "--questions", path, "--workspace", folder, lang=lang)
        assert shown.code == 2 and said in shown.text


@pytest.mark.parametrize(
    ("words", "russian", "english"),
    [
        (("due", "--side", "left"), "Сторона «left» неизвестна", "There is no side 'left'"),
        (("pay", R, "--amount", "много"), "не сумма", "is not an amount"),
        (("answer", R, "--out", "x", "--accept", "4"), "не позиция", "is not"),
    ],
)
def test_wrong_usage(folder: Path, words: tuple[str, ...], russian: str, english: str) -> None:
    for lang, said in (("ru", russian), ("en", english)):
        shown = run("territory", *words, "--workspace", folder, lang=lang)
        assert shown.code == 2 and said in shown.text


def test_a_bill_of_a_clinic_abroad(abroad_base: Path, tmp_path: Path) -> None:
    made = Path(shutil.copytree(abroad_base, tmp_path / "ws"))
    words = ("--workspace", made, "--as-of", "2022-03-10")
    taken = run("abroad", "take", test_between_abroad.PACKAGE, *words, lang="en")
    assert taken.code == 1 and "Notice" in taken.text and "by 2022-03-24" in taken.text
    assert "ничего не записано" in run("abroad", "take", test_between_abroad.PACKAGE, *words, lang="ru").text
    assert run("abroad", "pay", test_between_abroad.NAME, *words, lang="ru").code == 0
    assert run("abroad", "pay", test_between_abroad.NAME, *words, lang="en").code == 1
    shown = run("abroad", "act", "2022", "--workspace", made, lang="ru")
    assert shown.code == 0 and "750908" in shown.text and "2022-11-15" in shown.text
