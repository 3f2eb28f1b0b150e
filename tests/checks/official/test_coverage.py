"""How much of the published books is executed? The figures that the README promises, and every row that is not, by id."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from omsclaims.checks.official.coverage import Covered, covered
from omsclaims.checks.official.rows import check_rows
from omsclaims.nsi import loader
from tests.cli.cli_samples import run
from tests.registry.documents import shared


def of_book(name: str) -> list[Covered]:
    book = loader.load_book(shared("nsi", "packages", f"{name}.xml")).book
    assert book is not None and book.published is not None
    return covered(check_rows(book), book.published)


def test_format_and_logic() -> None:
    told = of_book("Q015")
    ways = Counter(one.way for one in told)
    assert len(told) == 750 and not ways["not_applicable"]
    assert (ways["compiled"] + ways["corrected"]) / 750 >= 0.92 and sum(one.executed for one in told) / 750 >= 0.99
    # The amount of a coefficient by the methods of payment is the grouper's business, not a relation inside the file.
    assert [one.row.id for one in told if not one.executed] == ["006F.00.1350"]


def test_medical_economic_control() -> None:
    told = of_book("Q016")
    live = [one for one in told if one.way != "reserved"]
    assert (len(told), len(live)) == (291, 105)
    assert [one.row.id for one in live if not one.executed] == ["003K.00.0970", "003K.00.0980", "003K.00.1010"]


@pytest.mark.parametrize(("name", "least"), [("Q022", 20), ("Q023", 90)])
def test_regional_books(name: str, least: int) -> None:
    told = of_book(name)
    assert sum(one.executed for one in told) >= least
    assert all(one.why for one in told if not one.executed)


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_command_says_the_figures_and_every_row_that_is_not_executed(lang: str, tmp_path: Path) -> None:
    path = shared("nsi", "packages", "Q015.xml")
    out = tmp_path / "rows.csv"
    said = run("checks", "coverage", path, "--csv", out, lang=lang)
    assert said.code == 0, said.text
    assert ("Исполняется 749 из 750" if lang == "ru" else "Executed 749 of 750") in said.text and "006F.00.1350" in said.text
    assert len(out.read_text(encoding="utf-8").splitlines()) == 751


def test_a_file_that_is_no_book_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "Q015.xml"
    wrong.write_text("<packet><zglv><type>FLK_MPF</type></zglv></packet>", encoding="utf-8")
    said = run("checks", "coverage", wrong, lang="en")
    assert said.code == 3 and "N.001" in said.text
