"""Lists of findings as files of the command check, and the command rewrite, in both languages."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest
from lxml import etree

from omsclaims.registry import formats
from tests.registry.documents import document

from .cli_samples import pack, run
from .conftest import Desk


def spoiled(desk: Desk) -> Path:
    return pack(desk.inbox, desk.base.changed(f"<SUMV>{desk.base.between('SUMV')}<", "<SUMV>1.00<"))


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_check_writes_the_lists_of_all_files(desk: Desk, tmp_path: Path, lang: str) -> None:
    paths = {form: tmp_path / f"all.{form}" for form in ("xlsx", "html", "jsonl")}
    options = [word for form, path in paths.items() for word in (f"--{form}", path)]
    said = run("check", spoiled(desk), desk.good, *options, lang=lang)
    assert said.code == 1, said.text
    lines = [json.loads(line) for line in paths["jsonl"].read_text(encoding="utf-8").splitlines()]
    assert {"C095", "S.916"} <= {line["rule"] for line in lines}
    book = openpyxl.load_workbook(io.BytesIO(paths["xlsx"].read_bytes()))
    assert len(book.worksheets) == 2 and book.worksheets[1].max_row == len(lines) + 1
    page = paths["html"].read_text(encoding="utf-8")
    assert desk.base.name in page and desk.base.between("IDCASE") in page
    assert f'lang="{lang}"' in page


def test_check_without_findings_writes_lists_that_say_so(desk: Desk, tmp_path: Path) -> None:
    said = run("check", desk.good, "--html", tmp_path / "a.html", "--jsonl", tmp_path / "a.jsonl", "--flk", tmp_path / "a.xml")
    assert said.code == 0, said.text
    assert "No findings" in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert (tmp_path / "a.jsonl").read_text(encoding="utf-8") == ""
    assert [item.tag for item in etree.parse(tmp_path / "a.xml").getroot()] == ["FNAME", "FNAME_I"]


def test_one_protocol_for_one_package(desk: Desk, tmp_path: Path) -> None:
    target = tmp_path / "flk.xml"
    assert run("check", spoiled(desk), "--flk", target).code == 1
    root = etree.parse(target).getroot()
    assert root.findtext("FNAME_I") == desk.base.name and root.findall("PR")
    two = run("check", desk.good, spoiled(desk), "--flk", target)
    assert two.code == 2 and "there are 2 files" in two.text.replace("\n", " ")


def test_a_file_between_territories_gets_a_journal(tmp_path: Path) -> None:
    source, folder = tmp_path / "R7846220001.xml", tmp_path / "protocols"
    source.write_bytes(document(formats.get("RD_3.2"), full=False))
    assert run("check", source, "--protocol", folder, "--flk", tmp_path / "y.xml").code == 1
    assert {path.name for path in folder.iterdir()} == {f"Y7846220001.{form}" for form in ("XML", "xlsx", "html", "jsonl")}
    assert (folder / "Y7846220001.XML").read_bytes() == (tmp_path / "y.xml").read_bytes()
    assert etree.parse(tmp_path / "y.xml").getroot().findtext("FNAME") == "Y7846220001"


@pytest.mark.parametrize(
    ("lang", "kind", "end"),
    [("ru", "написание числа", "Значения и состав элементов не изменились."), ("en", "spelling of a number", "Values and elements are what they were.")],
)  # fmt: skip
def test_rewrite_shows_what_it_changed(desk: Desk, tmp_path: Path, lang: str, kind: str, end: str) -> None:
    amount = desk.base.between("SUMV")
    path = pack(desk.inbox, desk.base.changed(f"<SUMV>{amount}<", f"<SUMV>0{amount}<"))
    target = tmp_path / path.name
    said = run("rewrite", path, "--out", target, lang=lang)
    assert said.code == 0, said.text
    assert kind in said.text and f"0{amount} → {amount}" in said.text.replace("\n", " ") and end in said.text.replace("\n", " ")
    with zipfile.ZipFile(target) as opened:
        assert f"<SUMV>{amount}<".encode() in opened.read(f"{desk.base.name}.xml")
    again = run("rewrite", target, "--out", tmp_path / "again.zip", lang=lang)
    assert again.code == 0 and "→" not in again.text


def test_rewrite_of_no_registry(tmp_path: Path) -> None:
    source = tmp_path / "HM750001T75_22041.zip"
    source.write_bytes(b"nothing")
    said = run("rewrite", source, "--out", tmp_path / "new.zip")
    assert said.code == 3, said.text
    assert "nothing to write anew" in said.text.replace("\n", " ")


@pytest.mark.parametrize(
    ("lang", "words"), [("ru", "Структура H_4.0 собрана по косвенным"), ("en", "The structure H_4.0 is put together")]
)
def test_check_says_that_an_edition_is_unconfirmed(tmp_path: Path, lang: str, words: str) -> None:
    name = "HM750001T75_24061"
    path = tmp_path / f"{name}.xml"
    path.write_bytes(document(formats.get("H_4.0"), full=False, records=1, overrides={"ZGLV/FILENAME": name}))
    assert words in run("check", path, lang=lang).text
    assert "H_3.2" not in run("check", path, lang=lang).text
