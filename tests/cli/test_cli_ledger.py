"""The commands on the ledger over the years: balances, entries, export, book, correct; both languages, refusals, nothing lost."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest

from omsclaims import journal
from omsclaims.workspace import Workspace

from .cli_samples import chain, run

DAY = "2022-04-20"
HEAD = "event,date,document,amount,territory,payer,clinic,note\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ws"
    assert run("init", made, "--territory", "75", "--payments", "actual", "--as-of", DAY).code == 0
    return made


def listed(folder: Path, *rows: str, name: str = "events.csv") -> Path:
    path = folder.parent / name
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def booked(folder: Path) -> Path:
    path = listed(folder, "territory_refund,2022-04-05,=1+1,7.00,38,,,", "advance,2022-04-06,pp-2,300.50,,75901,750901,")
    said = run("ledger", "book", path, "--workspace", folder, "--as-of", DAY)
    assert said.code == 0 and "Booked: 4 posting(s)" in said.text
    return path


def test_init_says_who_pays(folder: Path, tmp_path: Path) -> None:
    with Workspace.open(folder) as store:
        assert store.payments() == "actual"
    for lang, words in (("ru", "planned или actual"), ("en", "planned or actual")):
        said = run("init", tmp_path / "other", "--territory", "75", "--payments", "later", lang=lang)
        assert said.code == 2 and words in said.text
    assert not (tmp_path / "other").exists()


def test_events_of_a_file_are_booked_once(folder: Path) -> None:
    path = booked(folder)
    events = chain(folder)
    assert [kind for kind, _ in events] == ["init", "ledger"]
    for lang, words in (("ru", "уже проведено"), ("en", "booked already")):
        said = run("ledger", "book", path, "--workspace", folder, "--as-of", DAY, lang=lang)
        assert said.code == 0 and words in said.text
    assert chain(folder) == events
    shown = run("ledger", "balances", "clinic:", "--workspace", folder, lang="ru").text
    assert "clinic:750901/money" in shown and "300,50" in shown and "fund:75" not in shown
    assert "300.50" not in run("ledger", "balances", "--on", "2022-04-05", "--workspace", folder, lang="en").text
    assert "300.50" not in run("ledger", "balances", "--known", "1", "--workspace", folder, lang="en").text


def test_yaml_says_the_same(folder: Path) -> None:
    path = folder.parent / "events.yaml"
    path.write_text(
        "- {event: territory_refund, date: 2022-04-05, document: pp-1, amount: '7.00', parties: {territory: 'territory:38'}}\n"
        "- {event: money_to_nsz, date: 2022-04-05, document: pp-2, amount: 5}\n",
        encoding="utf-8",
    )
    assert run("ledger", "book", path, "--workspace", folder, "--as-of", DAY).code == 0
    with Workspace.open(folder) as store:
        assert dict(journal.balances(store, prefix="fund:75/").iter_rows()) == {
            "fund:75/money": -500, "fund:75/nsz": 1_200, "fund:75/refund/territory:38": -700,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("territory_refund,2022-04-05,pp-9,0.00,38,,,", "LB.2"), ("territory_refund,2022-04-05,pp-9,-7.00,38,,,", "LB.2"),
        ("territory_refund,05.04.2022,pp-9,7.00,38,,,", "LB.11"), ("territory_refund,2022-04-05,pp-9,\"7,00\",38,,,", "LB.11"),
        ("territory_refund,2022-04-05,pp-9,7.001,38,,,", "LB.11"), ("gift,2022-04-05,pp-9,7.00,38,,,", "LB.1"),
        ("territory_refund,2022-04-05,pp-9,7.00,75,,,", "LB.3"), ("territory_refund,2022-05-05,pp-9,7.00,38,,,", "LB.4"),
        ("bill,2022-04-05,pp-9,7.00,,75901,750901,", "LB.10"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_told_with_its_number_and_nothing_is_booked(folder: Path, row: str, rule: str) -> None:
    booked(folder)
    before = run("ledger", "entries", "--workspace", folder).text, chain(folder)
    path = listed(folder, "territory_refund,2022-04-05,good,1.00,38,,,", row, name="wrong.csv")
    for lang, words in (("ru", "книга не изменена"), ("en", "the books are as they were")):
        said = run("ledger", "book", path, "--workspace", folder, "--as-of", DAY, lang=lang)
        assert said.code == 1
        assert rule in said.text and words in said.text and "→" in said.text
        assert ("строка 2" if lang == "ru" else "line 2") in said.text
    assert (run("ledger", "entries", "--workspace", folder).text, chain(folder)) == before


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("torn.csv", b"event,date\nrefund\n", 3), ("bytes.csv", b"\xff\xfe\x00", 3), ("odd.csv", b"event,favour\nx,y\n", 2),
        ("text.yaml", b"{: [", 3), ("number.yaml", b"5", 3), ("empty.csv", b"", 0),
    ],
)  # fmt: skip
def test_what_is_no_list_of_events_changes_nothing(folder: Path, name: str, data: bytes, code: int) -> None:
    path = folder.parent / name
    path.write_bytes(data)
    events = chain(folder)
    for lang in ("ru", "en"):
        assert run("ledger", "book", path, "--workspace", folder, "--as-of", DAY, lang=lang).code == code
    assert chain(folder) == events


def test_a_correction_names_what_it_undoes(folder: Path) -> None:
    booked(folder)
    shown = run("ledger", "entries", "clinic:750901", "--workspace", folder).text
    posting = re.search(r"[0-9a-f]{32}", shown)[0]  # type: ignore[index]
    assert run("ledger", "correct", posting, "--workspace", folder, "--as-of", DAY).code == 2  # no reason
    assert run("ledger", "correct", posting, "--why", " ", "--workspace", folder, "--as-of", DAY).code == 2
    assert run("ledger", "correct", posting, "--why", "wrong clinic", "--workspace", folder, "--as-of", DAY).code == 0
    assert chain(folder)[-1] == ("ledger", "wrong clinic")
    assert "clinic:750901" not in run("ledger", "balances", "--workspace", folder).text
    assert run("ledger", "entries", "clinic:750901", "--workspace", folder).text.count(posting) == 2
    for lang, words in (("ru", "уже отменена"), ("en", "was undone before")):
        said = run("ledger", "correct", posting, "--why", "again", "--workspace", folder, "--as-of", DAY, lang=lang)
        assert said.code == 1 and "LB.7" in said.text and words in said.text
        assert "LB.6" in run("ledger", "correct", "0" * 32, "--why", "x", "--workspace", folder, lang=lang).text


def test_the_books_are_taken_out_without_formulas(folder: Path, tmp_path: Path) -> None:
    booked(folder)
    out = tmp_path / "out"
    said = run("ledger", "export", out, "--workspace", folder, lang="ru")
    assert said.code == 0 and "Записан файл" in said.text
    assert sorted(path.name for path in out.iterdir()) == ["balances.csv", "ledger.xlsx", "postings.csv"]
    text = (out / "postings.csv").read_text(encoding="utf-8")
    assert "'=1+1" in text and ",7.00," in text and "300.50" in text
    assert "fund:75/refund/territory:38,-7.00" in (out / "balances.csv").read_text(encoding="utf-8")
    book = openpyxl.load_workbook(out / "ledger.xlsx")
    assert book.sheetnames == ["Остатки счетов", "Проводки"]
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert all(cell.data_type != "f" for cell in cells)
    values = [cell.value for cell in cells]
    assert "=1+1" in values and 300.5 in values and "Возмещение от другой территории" in values
    again = tmp_path / "again"
    run("ledger", "export", again, "--workspace", folder, lang="ru")
    assert all((again / path.name).read_bytes() == path.read_bytes() for path in out.iterdir())
