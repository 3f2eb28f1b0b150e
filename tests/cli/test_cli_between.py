"""Do the commands on bills between territories do what they say, in both languages, with the exit codes they promise?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from omsclaims import between_store, closing
from omsclaims.cli import common, demo
from omsclaims.intake import ingest
from omsclaims.workspace import Workspace
from tests.between_samples import answer
from tests.conftest import MakeTerritory

from .cli_samples import run

FEBRUARY = "2022-02"


@pytest.fixture(scope="module")
def folder(make_territory: MakeTerritory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which February is closed."""
    made, folder = make_territory(200, 3), tmp_path_factory.mktemp("cli-between") / "ws"
    demo.prepare(made, folder)
    with Workspace.writing(folder) as store:
        ingest(store, common.existing_files([made / "packages" / FEBRUARY], "en"), demo.AS_OF, "tester", 1)
    with Workspace.writing(folder) as store:
        closing.close(store, demo.MONTHS[0], demo.AS_OF, "tester", lang="ru")
    return folder


def test_a_bill_from_sending_to_writing_off(folder: Path, tmp_path: Path) -> None:
    """One bill after the other command, as an economist gives them."""
    ws = ("--workspace", folder)
    early = run("territory", "send", FEBRUARY, "--out", tmp_path, *ws, "--as-of", "2022-03-01", lang="ru")
    assert early.code == 2 and "раньше этого дня его нельзя отправить" in early.text
    sent = run("territory", "send", FEBRUARY, "--out", tmp_path / "out", *ws, "--as-of", "2022-03-15", lang="en")
    assert sent.code == 0, sent.text
    files = sorted((tmp_path / "out").glob("*/R*.oms"))
    assert files and all(f"{path.stem}: sent to territory {path.parent.name}" in sent.text for path in files)
    assert all(path.stat().st_mode & 0o077 == 0 for path in files), "files with names are private"
    again = run("territory", "send", FEBRUARY, "--out", tmp_path / "again", *ws, "--as-of", "2022-03-20", lang="ru")
    assert again.code == 0 and again.text.count("уже в книгах, ничего не записано") == len(files)
    assert [path.read_bytes() for path in sorted((tmp_path / "again").glob("*/R*.oms"))] == [path.read_bytes() for path in files]
    reopened = run("reopen", FEBRUARY, "--why", "test", *ws, lang="en")
    assert reopened.code == 2 and "corrected by a corrected part (territory correct)" in reopened.text

    bill = max(files, key=lambda path: path.stat().st_size)
    name = f"A{bill.parent.name}75220001"
    taken = tmp_path / f"{name}.oms"
    taken.write_bytes(answer(bill.read_bytes(), name, date(2022, 4, 1), {1: (100, 204), 2: (100, 204)}))
    came = run("territory", "take", taken, *ws, "--as-of", "2022-04-05", lang="en")
    assert came.code == 0, came.text
    assert f"{name}: taken from territory {bill.parent.name}" in came.text
    spoiled = tmp_path / f"{name[:-1]}2.oms"
    spoiled.write_bytes(answer(bill.read_bytes(), spoiled.stem, date(2022, 4, 1), {1: (100, 204)}))
    for lang, words in (("ru", "не принят, книги не изменены"), ("en", "refused, the books are unchanged")):
        said = run("territory", "take", spoiled, *ws, "--as-of", "2022-04-05", lang=lang)
        assert said.code == 1 and words in said.text and "TB.3" in said.text

    listed = run("territory", "list", *ws, "--as-of", "2022-04-06", lang="ru")
    assert listed.code == 0 and bill.stem in listed.text and "оспорено" in listed.text
    late = run("territory", "list", *ws, "--as-of", "2022-06-06", lang="en")
    assert late.code == 1 and "overdue" in late.text

    wrong = run("territory", "correct", bill.stem, "--items", "1-1", "--out", tmp_path, *ws, lang="ru")
    assert wrong.code == 2 and "не позиция. Пишите N_ZAP/IDCASE" in wrong.text
    absent = run(
        "territory", "correct", bill.stem, "--items", "1/1,999/999", "--out", tmp_path, *ws, "--as-of", "2022-04-20", lang="en"
    )
    assert absent.code == 1 and "TB.11" in absent.text
    corrected = run(
        "territory", "correct", bill.stem, "--items", "1/1", "--out", tmp_path / "d", *ws, "--as-of", "2022-04-20", lang="ru"
    )
    assert corrected.code == 0, corrected.text
    assert [path.name for path in (tmp_path / "d").glob("*/*.oms")] == [f"D75{bill.parent.name}220001.oms"]
    blank = run("territory", "concede", bill.stem, "--why", " ", *ws, "--as-of", "2022-05-20", lang="en")
    assert blank.code == 2 and "A reason is needed" in blank.text
    given = run("territory", "concede", bill.stem, "--why", "the term has passed", *ws, "--as-of", "2022-05-20", lang="en")
    assert given.code == 0 and "booked for 1 items, 1.00" in given.text
    lost = run("territory", "write-off", bill.stem, "--why", "nobody pays", *ws, "--as-of", "2022-05-21", lang="ru")
    assert lost.code == 0 and "записано по 1 позициям, 1,00" in lost.text
    nothing = run("territory", "write-off", bill.stem, "--why", "again", *ws, "--as-of", "2022-05-21", lang="en")
    assert nothing.code == 2 and "can be given up or written off" in nothing.text
    with Workspace.open(folder) as store:
        assert between_store.files(store)["kind"].value_counts().sort("kind").rows()[0] == ("A", 2)
        assert store.chain_breaks() == []


def test_an_edition_that_is_not_there_and_one_that_cannot_say_it(folder: Path, tmp_path: Path) -> None:
    said = run("territory", "send", FEBRUARY, "--out", tmp_path, "--edition", "RD_9.9", "--workspace", folder, lang="en")
    assert said.code == 2 and "There is no edition 'RD_9.9'" in said.text
    none = run("territory", "concede", "R7500220099", "--why", "test", "--workspace", folder, lang="ru")
    assert none.code == 2 and "Счет R7500220099 не отправляли" in none.text
