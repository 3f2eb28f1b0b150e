"""Do the commands of expertise say what they did, in both languages, with the right exit code?"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import openpyxl
import pytest

from tests.cli.cli_samples import DAY, run
from tests.conftest import Closed


@pytest.fixture
def folder(closed: Closed, tmp_path: Path) -> Path:
    """The closed territory of the tests, to be changed."""
    target = tmp_path / "ws"
    shutil.copytree(closed.folder, target)
    return target


def sample(folder: Path, *more: object, lang: str = "en") -> str:
    said = run(
        "expertise", "sample", "2022-02", "--kind", "mee", "--seed", "7", "--workspace", folder, "--as-of", DAY, *more, lang=lang
    )
    assert said.code == 0, said.text
    return said.text


def test_from_the_sample_to_the_next_month(folder: Path, tmp_path: Path) -> None:
    """Both months are closed: acts go into April, nothing of them shows in March."""
    listed = tmp_path / "sample.xlsx"
    said = sample(folder, "--xlsx", listed)
    assert "The sample mee-2022-02-7-mo is stored" in said and "hospital" in said and "6.00 %" in said
    assert "Выборка mee-2022-02-7-mo та же" in sample(folder, lang="ru")
    book = openpyxl.load_workbook(listed)
    assert [page.title for page in book.worksheets] == ["Cases", "Strata"]
    form = tmp_path / "acts.xlsx"
    said = run("expertise", "template", form, "--sample", "mee-2022-02-7-mo", "--workspace", folder).text
    assert f"Written {form}" in said
    page = openpyxl.load_workbook(form)
    rows = page.worksheets[0]
    heads = {str(cell.value): cell.column for cell in rows[2]}
    for number, code in ((3, "2.16.1"), (4, None)):
        for name, value in (("S_DATE", "2022-04-01"), ("S_ZAKL", f"A-{number}"), ("OSN", code)):
            rows.cell(number, heads[name]).value = value
    page.save(form)
    left = rows.max_row - 4
    said = run("expertise", "load", form, "--workspace", folder, "--as-of", DAY)
    assert said.code == (1 if left else 0), said.text
    assert "acts.xlsx: 2 acts taken, 0 here already, 0 not taken" in said.text
    assert "go into the settlement of 2022-04: 2" in said.text
    again = run("expertise", "load", form, "--workspace", folder, "--as-of", DAY, lang="ru")
    assert "принято актов 0, уже приняты 2, не приняты 0" in again.text
    xml = tmp_path / "out.xml"
    said = run("expertise", "export", xml, "--workspace", folder, "--as-of", DAY)
    assert "2 acts, 2 rows" in said.text and xml.read_bytes().startswith(b"<?xml")
    assert run("expertise", "load", xml, "--workspace", folder, "--as-of", DAY).code == 0
    done = run("expertise", "results", "2022-03", "--out", tmp_path / "results", "--workspace", folder)
    assert done.code == 0 and "Registries in" in done.text and (tmp_path / "results" / "expertise-2022-03.xlsx").exists()


def test_claims_and_their_terms(folder: Path, tmp_path: Path) -> None:
    claims = tmp_path / "claims.csv"
    claims.write_text("claim,mo,num_act,claimed_on\nC-1,750901,Z,2022-04-01\n", encoding="utf-8")
    said = run("expertise", "appeal", claims, "--workspace", folder, "--as-of", DAY)
    assert said.code == 1 and "E.40" in said.text and "0 rows taken" in said.text
    said = run("expertise", "appeals", "--overdue", "--workspace", folder, "--as-of", DAY, lang="ru")
    assert said.code == 0 and "Без решения после срока на 2022-04-12: 0" in said.text


@pytest.mark.parametrize(
    ("words", "ru", "en"),
    [
        (("sample", "2022-02", "--kind", "mek", "--seed", "1"), "Вид экспертизы «mek» неизвестен", "The kind of expertise 'mek' is unknown"),
        (("sample", "2022-02", "--kind", "mee", "--seed", "1", "--within", "x"), "Слоёв «x» нет", "There are no strata 'x'"),
        (("sample", "2022-05", "--kind", "mee", "--seed", "1"), "Месяц 2022-05 не закрыт", "The month 2022-05 is not closed"),
        (("sample", "2022-02", "--kind", "mee", "--seed", "1", "--insurer", "75999"), "У 75999 нет принятых случаев", "75999 has no cases"),
        (("template", "x.xlsx", "--sample", "none"), "Выборки «none» нет", "There is no sample 'none'"),
        (("results", "2022-05", "--out", "x"), "Месяц 2022-05 не закрыт", "The month 2022-05 is not closed"),
        (("chain", "7"), "Случая 7 в закрытых месяцах нет", "No closed month holds the case 7"),
        (("load", "absent.xml"), "absent.xml нет", "absent.xml"),
    ],
)  # fmt: skip
def test_wrong_usage_is_a_sentence(closed: Closed, words: tuple[str, ...], ru: str, en: str) -> None:
    for lang, sentence in (("ru", ru), ("en", en)):
        said = run("expertise", *words, "--workspace", closed.folder, lang=lang)
        assert said.code == 2, said.text
        assert sentence in said.text
        assert "Traceback" not in said.text


def test_an_unreadable_file_of_acts_has_its_own_exit_code(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "acts.xml"
    path.write_bytes(b'<?xml version="1.0"?><OTHER/>')
    said = run("expertise", "load", path, "--workspace", folder, "--as-of", DAY, lang="ru")
    assert said.code == 3 and "E.1" in said.text


def test_chain_of_a_refused_case(closed: Closed) -> None:
    refused = run("explain", "1000003", "--workspace", closed.folder).text
    name = re.search(r"\S+/\d+/1000003", refused)
    assert name is not None
    for lang in ("ru", "en"):
        assert run("expertise", "chain", name[0], "--workspace", closed.folder, lang=lang).code == 0
