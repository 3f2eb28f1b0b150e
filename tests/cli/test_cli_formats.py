"""Do the commands on structures show what the tables hold, in both languages, with the exit code they promise?"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import polars as pl
import pytest

from omsclaims.registry import formats, structure_book

from ..registry.documents import shared
from ..registry.test_structure_book import ROWS, package
from .cli_samples import run

OVERLAY = Path(__file__).resolve().parents[2] / "fixtures" / "agreements" / "small" / "formats" / "RESULT_H_3.2.csv"


def words(text: str) -> set[str]:
    return set(text.replace("│", " ").split())


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_list_names_every_edition(lang: str) -> None:
    said = run("formats", "list", lang=lang)
    assert said.code == 0 and set(formats.format_ids()) <= words(said.text)
    unconfirmed = sum(formats.get(name).unconfirmed for name in formats.format_ids())
    assert re.search(rf"\b{len(formats.format_ids())}\b.*\b{unconfirmed}\b", said.text.splitlines()[-1])


def test_list_of_a_kind() -> None:
    said = run("formats", "list", "--kind", "D")
    assert said.code == 0 and {"RD_1.0", "RD_2.1", "RD_3.0", "RD_3.1", "RD_3.2"} <= words(said.text) and "H_3.2" not in said.text
    assert "5 editions, 1 of them" in said.text
    assert run("formats", "list", "--kind", "Q").code == 2


@pytest.mark.parametrize(("lang", "meaning", "must"), [("ru", "диагноз", "О"), ("en", "main diagnosis", "mandatory")])
def test_show_has_elements_with_their_meaning(lang: str, meaning: str, must: str) -> None:
    said = run("formats", "show", "H_3.2", lang=lang)
    assert said.code == 0 and meaning in said.text and must in words(said.text)
    assert {field.name for field in formats.get("H_3.2").fields} <= words(said.text)
    assert "sl.ds1" in said.text and "M001" in said.text and "2022-01" in said.text


def test_show_of_an_unconfirmed_edition_says_so() -> None:
    assert "Unconfirmed" in run("formats", "show", "H_5.1").text
    assert "Не подтверждена" in run("formats", "show", "H_5.1", lang="ru").text
    assert "Unconfirmed" not in run("formats", "show", "H_3.2").text


def test_show_as_csv_has_one_line_for_each_element() -> None:
    said = run("formats", "show", "RD_1.0", "--csv")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [row["element"] for row in rows] == [field.path for field in formats.get("RD_1.0").fields]
    goes = {row["element"]: row["goes_to"] for row in rows}
    assert goes["ZAP/SLUCH"] == "z_sl + sl" and goes["ZAP/SLUCH/DS1"] == "sl.ds1" and goes["ZAP/SLUCH/DS2"] == "ds2.ds2"


def test_show_with_the_additions_of_a_region(tmp_path: Path) -> None:
    said = run("formats", "show", "RESULT_H_3.2", "--overlay", OVERLAY)
    assert said.code == 0 and {"EXPERTISE", "SUM_MP"} <= words(said.text)
    broken = tmp_path / "H_3.2.csv"
    broken.write_text(OVERLAY.read_text(encoding="utf-8").replace("ZAP/Z_SL/IDCASE,", "ZAP/NONE,"), encoding="utf-8")
    for lang, advice in (("ru", "не сосед"), ("en", "is no sibling")):
        said = run("formats", "show", "RESULT_H_3.2", "--overlay", broken, lang=lang)
        assert said.code == 2 and "H_3.2.csv:2: ZAP/Z_SL/SLUCH_Z_ID" in said.text and advice in said.text
    assert run("formats", "show", "H_3.2", "--overlay", tmp_path / "none.csv").code == 2


def test_an_edition_that_is_not_there() -> None:
    said = run("formats", "show", "H_9.9")
    assert said.code == 2 and "H_3.2" in said.text and "formats list" in said.text
    assert run("formats", "compare", "H_3.2", "h 3.1").code == 2


def test_compare_tells_what_was_added_removed_changed() -> None:
    said = run("formats", "compare", "H_3.1", "H_3.2")
    assert said.code == 0 and "20 elements added, 4 removed, 2 changed." in said.text
    lines = {line.split("│")[0].strip(): line for line in said.text.splitlines() if "│" in line}
    assert "added" in lines["ZAP/PACIENT/ENP"] and "removed" in lines["ZAP/PACIENT/SMO_OK"]
    assert "N(3)" in run("formats", "compare", "H_3.1", "H_3.2", lang="ru").text
    assert "do not differ" in run("formats", "compare", "C_3.1", "C_3.2").text


def test_book_of_ours_with_a_difference_nobody_explained(tmp_path: Path) -> None:
    book = tmp_path / "Q018.xml"
    book.write_bytes(package())
    made = tmp_path / "differences.csv"
    said = run("formats", "book", book, "--csv", made)
    assert said.code == 1 and "unexplained" in said.text and "SCHET/NEW" in said.text
    rows = pl.read_csv(made)
    result = structure_book.load(book)
    assert result.book is not None
    assert rows.columns == list(structure_book.REPORT) and rows.height == len(structure_book.differences(result.book))
    assert run("formats", "book", book, lang="ru").text.count("не объяснено") == 2


def test_a_broken_book_is_refused_with_its_record(tmp_path: Path) -> None:
    book = tmp_path / "Q018.xml"
    book.write_bytes(package(ROWS.replace("N 15.2", "N many")))
    said = run("formats", "book", book)
    assert said.code == 3 and "N.006" in said.text and "MXLEN_E" in said.text
    assert run("formats", "book", tmp_path / "none.xml").code == 2


@pytest.mark.parametrize(("lang", "end"), [("ru", "отличий 327, не объяснено 0"), ("en", "327 differences, 0 unexplained")])
def test_the_official_book_is_explained(lang: str, end: str) -> None:
    said = run("formats", "book", shared("nsi", "packages", "Q018.xml"), lang=lang)
    assert said.code == 0 and end in said.text and "ZAP/Z_SL/SL/PODR" in said.text and "H_3.2" in said.text


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_help_is_in_the_language_asked_for(lang: str) -> None:
    said = run("formats", "--help", lang=lang)
    assert said.code == 0 and {"list", "show", "compare", "book"} <= words(said.text)
    assert ("structures of exchange files" in said.text) == (lang == "en")
