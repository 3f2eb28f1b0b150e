"""nsi load, list, diff, show: editions beside each other, bad books named, the right edition for a date and a day of knowledge."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from omsclaims.workspace import SCHEMA_VERSION, Workspace

from ..nsi.nsi_samples import SHARED, package, row, rule, rules, workbook, zipped
from .cli_samples import Said, run

LEARNED = "2022-03-01"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ws"
    assert run("init", made, "--territory", "75", "--as-of", LEARNED).code == 0
    return made


def load(folder: Path, name: str, data: bytes, *more: object, lang: str = "en", as_of: str = LEARNED) -> Said:
    path = folder.parent / name
    path.write_bytes(data)
    return run("nsi", "load", path, "--workspace", folder, "--as-of", as_of, *more, lang=lang)


def nsi(folder: Path, *arguments: object, lang: str = "en") -> Said:
    return run("nsi", *arguments, "--workspace", folder, lang=lang)


def table(said: Said, book: str) -> list[list[str]]:
    """Cells of the lines of `nsi list` about a book."""
    lines = [[cell.strip() for cell in line.split("│")] for line in said.out.splitlines()]
    return [cells for cells in lines if cells[0] == book]


# ---- load and list


def test_editions_stand_beside_each_other(folder: Path) -> None:
    old, new = rules(rule("A"), rule("B")), rules(rule("A"), version="2.36", issued="05.03.2022")
    for lang, words in (("ru", "строк 2. Действует с: 2021-02-12"), ("en", "2 rows. Holds from: 2021-02-12")):
        said = load(folder, "Q023.zip", zipped({"Q023.xml": old}), lang=lang)
        assert said.code == 0
        assert (words in said.out) == (lang == "ru")  # the second time it is there already
    assert "loaded already, nothing changed" in said.out
    assert load(folder, "Q023.xml", new, as_of="2022-03-08").code == 0
    said = run("nsi", "list", "--book", "q023", "--workspace", folder, "--as-of", "2022-03-09")
    assert [cells[1:7] for cells in table(said, "Q023")] == [
        ["2.35 of 2021-02-12", "2021-02-12", "2021-02-12 - 2022-03-04", LEARNED, "2", "xml"],
        ["2.36 of 2022-03-05", "2022-03-05", "2022-03-05 - the next one", "2022-03-08", "1", "xml"],
    ]
    said = run("nsi", "list", "--book", "Q023", "--workspace", folder, "--as-of", LEARNED)
    assert [cells[3] for cells in table(said, "Q023")] == ["2021-02-12 - the next one", "not known yet"]
    with Workspace.open(folder) as store:
        kinds = [kind for (kind,) in store.rows("SELECT kind FROM chain ORDER BY seq")]
        assert kinds == ["init", "nsi load", "nsi load"] and not store.chain_breaks()
    assert "V009" in nsi(folder, "list").out  # the built-in books are in the list of all


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_what_is_loaded_with_a_word(folder: Path, lang: str) -> None:
    """Older, of the same day, with a hole, with a new column: loaded, and said with the remedy."""
    load(folder, "Q023.xml", rules(rule("A"), version="2.36", issued="05.03.2022"))
    words = {
        "N.202": ("Редакция старше загруженной", "Edition older than a loaded one"),
        "N.103": ("Дата правила", "Date of a rule"),
        "N.203": ("Две редакции с одного дня", "Two editions of one day"),
        "N.201": ("Неизвестный столбец", "Unknown column"),
    }
    for data, rule_id, remedy in (
        (rules(rule("A"), rule("B")), "N.202", "--from"),
        (rules(rule("A"), rule("B", begin="31.02.2022"), version="2.37", issued="06.03.2022"), "N.103", "--replace"),
        (rules(rule("A"), rule("C"), version="2.40", issued="06.03.2022"), "N.203", "--from"),
        (rules(rule("A", more="<NEW>x</NEW>"), version="2.41", issued="07.03.2022"), "N.201", ""),
    ):
        said = load(folder, "Q023.xml", data, lang=lang)
        assert said.code == 1, said.text
        assert f"{rule_id} {words[rule_id][lang == 'en']}" in said.out and remedy in said.out
        assert {"ru": "Загружено редакций: 1", "en": "Editions loaded: 1"}[lang] in said.out
    with Workspace.open(folder) as store:
        editions = {one.version: one for one in store.library().editions}
    assert {version: len(one.left_out) for version, one in editions.items()} == {
        "2.36": 0, "2.35": 0, "2.37": 1, "2.40": 0, "2.41": 0,
    }  # fmt: skip
    hole = editions["2.37"].left_out[0]
    assert (hole.row, hole.code, hole.rule, hole.column, hole.value) == (2, "B", "N.103", "DATEBEG", "31.02.2022")
    assert {"ru": "пропусков: 1", "en": "holes: 1"}[lang] in nsi(folder, "list", "--book", "Q023", lang=lang).out


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_what_is_refused_changes_nothing(folder: Path, lang: str) -> None:
    good = package(row("101"), row("102"))
    assert load(folder, "V009.xml", good).code == 0
    before = nsi(folder, "list", lang=lang).out
    for name, data, rule_id, code in (
        ("V009.xml", package(row("101"), row("102", begin="31.02.2022"), version="3.2"), "N.003", 1),
        ("V009.xml", package(row("101"), row(""), version="3.2"), "N.002", 1),
        ("V009.xml", package(row("101"), row("101"), version="3.2"), "N.004", 1),
        ("V009.xml", package(row("101"), version="3.1"), "N.009", 1),
        ("V009.xml", package("<KOD>1</KOD>", version="3.2"), "N.010", 1),
        ("V009.csv", b"code,valid_from,valid_to\n1,2022-01-01\n", "N.011", 1),
        ("F014.csv", b"Kod,Osn,K_NO\n1,1.1.,x\n", "N.006", 1),
        ("weather.xml", package(row(), kind="Weather"), "N.005", 1),
        ("V009.xml", b"nothing", "N.001", 3),
        ("V009.xml", package(row(), prolog="<!DOCTYPE x>"), "N.001", 3),
        ("V009.zip", zipped({"V009.xml": b"\x20" * (17 << 20)}), "N.001", 3),
        ("ksg2026.xlsx", workbook({"Лист1": [["a"]]}), "N.001", 3),
        ("grouper.xlsx", workbook({"КСГ": [["КСГ", "КЗ"], ["st01.001", 0.5]]}), "N.012", 1),
    ):
        said = load(folder, name, data, lang=lang)
        assert said.code == code, (rule_id, said.text)
        assert rule_id in said.out and "→" in said.out
        assert {"ru": "не загружено: 1", "en": "not loaded: 1"}[lang] in said.out
        assert "Traceback" not in said.err
    assert nsi(folder, "list", lang=lang).out == before


def test_one_bad_file_does_not_stop_the_others(folder: Path) -> None:
    books = folder.parent / "books"
    books.mkdir()
    (books / "V009.xml").write_bytes(package(row()))
    (books / "V006.xml").write_bytes(b"nothing")
    (books / "V012.csv").write_text("IDIZ,IZNAME,DL_USLOV\n101,x,1\n", encoding="utf-8")
    (books / "letter.txt").write_text("no book")
    said = nsi(folder, "load", books)
    assert said.code == 3 and "Editions loaded: 2; there already: 0; not loaded: 1." in said.out


def test_replacing_keeps_the_earlier_content_for_earlier_days(folder: Path) -> None:
    load(folder, "Q023.xml", rules(rule("A")))
    corrected = rules(rule("A", condition="USL_OK=1"))
    said = load(folder, "Q023.xml", corrected, as_of="2022-03-15")
    assert said.code == 1 and "N.009" in said.out and "--replace" in said.out
    assert load(folder, "Q023.xml", corrected, "--replace", as_of="2022-03-15").code == 0
    for as_of, there in ((LEARNED, False), ("2022-03-14", False), ("2022-03-15", True)):
        said = nsi(folder, "show", "Q023", "A", "--on", "2022-03-31", "--as-of", as_of)
        assert said.code == 0 and ("USL_OK=1" in said.out) == there
    said = run("nsi", "list", "--book", "Q023", "--workspace", folder, "--as-of", "2022-03-15")
    assert sorted(cells[3] for cells in table(said, "Q023")) == ["2021-02-12 - the next one", "replaced"]


def test_day_and_version_can_be_told(folder: Path) -> None:
    data = b"code,valid_from,valid_to,meaning_ru\n1,2022-01-01,,x\n"
    assert load(folder, "V020.csv", data).code == 0
    assert load(folder, "V020.csv", data.replace(b"x", b"y"), "--from", "2022-04-01", "--edition", "2.0").code == 0
    said = nsi(folder, "list", "--book", "V020")
    assert [(cells[1][:3], cells[3]) for cells in table(said, "V020")] == [
        ("csv", "ever - 2022-03-31"), ("2.0", "2022-04-01 - the next one"),
    ]  # fmt: skip
    assert "meaning_ru: x" in nsi(folder, "show", "V020", "1", "--on", "2022-03-31").out
    assert "meaning_ru: y" in nsi(folder, "show", "V020", "1", "--on", "2022-04-30").out
    assert load(folder, "V020.csv", data, "--from", "soon").code == 2


def test_what_was_learned_earlier_after_all(folder: Path) -> None:
    """Loaded today by mistake, then again with the right day: known from that day on."""
    load(folder, "Q023.xml", rules(rule("A")), as_of="2022-05-01")
    assert nsi(folder, "show", "Q023", "A", "--on", "2022-03-31", "--as-of", LEARNED).code == 2
    assert "loaded already" in load(folder, "Q023.xml", rules(rule("A")), as_of=LEARNED).out
    assert nsi(folder, "show", "Q023", "A", "--on", "2022-03-31", "--as-of", LEARNED).code == 0


# ---- show


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_a_code_on_a_date(folder: Path, lang: str) -> None:
    load(folder, "V009.xml", package(row("101", end="31.03.2022"), row("102")))
    said = nsi(folder, "show", "v009", "101", "--on", "2022-03-31", lang=lang)
    assert said.code == 0
    for line in ("code: 101", "valid_to: 2022-03-31", "meaning_ru: выписан", "usl_ok: 1", "3.1 of 2018-04-13"):
        assert line in said.out
    said = nsi(folder, "show", "V009", "101", "--on", "2022-04-01", lang=lang)
    assert said.code == 1
    words = {
        "ru": "код 101 на 2022-04-01 не действует. Ближайший срок: 2011-01-01 - 2022-03-31.",
        "en": "the code 101 is not in force on 2022-04-01. Nearest validity: 2011-01-01 - 2022-03-31.",
    }
    assert words[lang] in said.out
    said = nsi(folder, "show", "V009", "999", "--on", "2022-04-01", lang=lang)
    assert said.code == 1 and {"ru": "кода 999 нет ни на какую дату", "en": "has no code 999 on any date"}[lang] in said.out
    load(folder, "V020_partial.csv", b"IDK_PR\n1\n")
    said = nsi(folder, "show", "V020", "2", "--on", "2022-04-01", lang=lang)
    assert said.code == 1 and {"ru": "только часть", "en": "Only a part"}[lang] in said.out


def test_the_edition_is_that_of_the_month_of_the_day_unless_one_is_named(folder: Path) -> None:
    load(folder, "V009.xml", package(row("101").replace("выписан", "old"), issued="01.01.2020"))
    load(folder, "V009.xml", package(row("101").replace("выписан", "new"), version="3.2", issued="15.04.2022"))
    for on, more, meaning in (
        ("2022-03-31", (), "old"), ("2022-04-01", (), "new"), ("2022-04-01", ("--edition", "3.1"), "old"),
        ("2010-12-31", ("--edition", "built-in"), None), ("2012-12-31", ("--edition", "built-in"), "in"),
    ):  # fmt: skip
        said = nsi(folder, "show", "V009", "101", "--on", on, *more)
        assert said.code == (1 if meaning is None else 0), said.text
        assert meaning is None or meaning in said.out
    said = nsi(folder, "show", "V009", "101", "--on", "2022-04-01", "--edition", "9.9")
    assert said.code == 2 and "has no edition '9.9'" in said.text and "3.2 of 2022-04-15" in said.text


def test_books_that_are_not_there(folder: Path) -> None:
    said = nsi(folder, "show", "V777", "1", "--on", "2022-04-01")
    assert said.code == 2 and "The book V777 is not loaded" in said.text
    load(folder, "Q023.xml", rules(rule("A")), as_of="2022-03-15")
    said = nsi(folder, "show", "Q023", "A", "--on", "2022-04-01", "--as-of", LEARNED)
    assert said.code == 2 and "was loaded on 2022-03-15, after the day of the run" in said.text
    assert nsi(folder, "list", "--book", "V777").code == 2


def test_a_code_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "V009.xml"
    path.write_bytes(package(row("101")))
    assert "meaning_ru: выписан" in run("nsi", "show", path, "101", "--on", "2022-04-01").out
    assert run("nsi", "show", path, "999", "--on", "2022-04-01").code == 1
    path.write_bytes(b"nothing")
    assert run("nsi", "show", path, "101", "--on", "2022-04-01").code == 3


# ---- diff


def test_two_editions_of_a_book(folder: Path) -> None:
    old = rules(rule("A"), rule("B", condition="USL_OK=1"), rule("C"))
    load(folder, "Q023.xml", old)
    load(folder, "Q023.xml", rules(rule("A"), rule("B", condition="USL_OK=2"), rule("D"), version="2.36", issued="05.03.2022"))
    for lang, counts in (
        ("ru", "Различий 3: добавлено 1, убрано 1, изменено 1."),
        ("en", "3 differences: 1 added, 1 removed, 1 changed."),
    ):
        said = nsi(folder, "diff", "Q023", "2.35", "2.36", lang=lang)
        assert said.code == 1
        assert "~ B (2022-01-01) usl_test: «USL_OK=1» -> «USL_OK=2»" in said.out
        assert "- C (2022-01-01)" in said.out and "+ D (2022-01-01)" in said.out and counts in said.out
    said = nsi(folder, "diff", "Q023", "2.35", "2.36", "--limit", "1")
    assert "usl_test" in said.out and "+ D" not in said.out and "2" in said.out and said.code == 1
    said = nsi(folder, "diff", "Q023", "2.35", "2.35 of 2021-02-12", lang="ru")
    assert said.code == 0 and "одинаковы" in said.out
    assert nsi(folder, "diff", "Q023", "2.35", "7.7").code == 2
    assert nsi(folder, "diff", "Q023", "2.35").code == 2


def test_two_files(tmp_path: Path) -> None:
    old, new, other = tmp_path / "old.xml", tmp_path / "new.xml", tmp_path / "V009.xml"
    old.write_bytes(rules(rule("A")))
    new.write_bytes(rules(rule("A", end="31.12.2022")))
    other.write_bytes(package(row()))
    said = run("nsi", "diff", old, new)
    assert said.code == 1 and "valid_to: - -> «2022-12-31»" in said.out
    assert run("nsi", "diff", old, old).code == 0
    said = run("nsi", "diff", old, other)
    assert said.code == 2 and "different books: Q023; V009" in said.text


# ---- the published books


def test_everything_published_is_loaded_with_one_command(folder: Path) -> None:
    parts = [SHARED / name for name in ("codes", "packages", "ksg2026")]
    if not all(part.is_dir() for part in parts):
        pytest.skip(f"../shared is not here: {SHARED}")
    said = nsi(folder, "load", *parts, "--as-of", LEARNED)
    files = [path for part in parts for path in part.iterdir() if path.suffix in (".csv", ".xml", ".xlsx")]
    books = sum(10 if path.suffix == ".xlsx" else 1 for path in files)
    assert f"Editions loaded: {books}; there already: 0; not loaded: 0." in said.out
    with Workspace.open(folder) as store:
        heights = {one.book: one.rows for one in store.library().editions}
        counts = {
            "M001": 14_641,
            "V019": 4_012,
            "V024": 3_206,
            "Q015": 800,
            "Q023": 264,
            "KSG.ST.GROUPER": 37_531,
            "KSG.DS.GROUPER": 21_204,
        }
        assert {name: heights[name] for name in counts} == counts
    said = nsi(folder, "load", *parts, "--as-of", LEARNED)
    assert f"Editions loaded: 0; there already: {books}; not loaded: 0." in said.out
    said = nsi(folder, "show", "KSG.ST.GROUPS", "st02.001", "--on", "2026-03-01")
    assert said.code == 0 and "koef_z: 93000" in said.out
    assert (
        nsi(folder, "show", "KSG.ST.GROUPS", "st02.001", "--on", "2025-12-31").code == 1
    )  # the grouper of 2026 says nothing of 2025


def test_a_run_says_which_books_it_does_without(small: Path, folder: Path) -> None:
    load(folder, "Q023.xml", rules(rule("A")), as_of="2022-05-01")
    load(folder, "V009.xml", package(row()), as_of="2022-05-01")  # the built-in one is there
    package_file = min((small / "packages" / "2022-02").glob("HM*.zip"))
    for lang, words in (
        ("ru", "Справочники загружены позже дня 2022-04-12"),
        ("en", "Books were loaded after the day 2022-04-12"),
    ):
        said = run("ingest", package_file, "--workspace", folder, "--as-of", "2022-04-12", lang=lang)
        assert words in said.out and "Q023 (2022-05-01)" in said.out and "V009 (" not in said.out
    assert "Q023" not in run("ingest", package_file, "--workspace", folder, "--as-of", "2022-05-01").out


def test_books_without_a_workbook_do_not_wait_for_its_reader() -> None:
    code = (
        "import sys\nfrom omsclaims import cli\ncli.build('en', 'nsi')\nfrom omsclaims.nsi import loader\n"
        "loader.load_books(b'code,valid_from\\n1,2022-01-01\\n', 'V020.csv')\nprint('openpyxl' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_workspace_of_the_first_version_is_read_and_brought_up_to_date(folder: Path) -> None:
    import duckdb

    load(folder, "Q023.xml", rules(rule("A")))
    load(folder, "V020.csv", b"code,valid_from,valid_to\n1,2022-01-01,\n")
    for name in ("omsclaims.duckdb", "published.duckdb"):
        connection = duckdb.connect(str(folder / name))
        connection.execute(
            "CREATE TABLE books (name VARCHAR, edition VARCHAR, digest VARCHAR, loaded_on DATE, path VARCHAR, complete BOOLEAN, "
            "PRIMARY KEY (name, edition, digest))"
        )
        connection.execute("INSERT INTO books SELECT book, edition, digest, learned_on, path, complete FROM editions")
        connection.execute("DROP TABLE editions")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
        connection.close()
    kept = shutil.copytree(folder, folder.parent / "kept")
    for step in ("before", "after"):
        said = run("nsi", "list", "--book", "Q023", "--workspace", folder, "--as-of", LEARNED)
        assert [cells[1:7] for cells in table(said, "Q023")] == [
            ["2.35 of 2021-02-12", "2021-02-12", "2021-02-12 - the next one", LEARNED, "1", "xml"]
        ], step
        assert "code: 1" in nsi(folder, "show", "V020", "1", "--on", "2022-03-01", "--as-of", LEARNED).out
        load(folder, "V006.csv", b"IDUMP,UMPNAME\n1,x\n")
    with Workspace.open(folder) as store:
        assert store.meta("schema_version") == str(SCHEMA_VERSION)
    assert kept.exists()
