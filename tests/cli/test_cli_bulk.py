"""convert and warmup: files to Parquet without a workspace, and the compiled reader ahead of time."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from omsclaims.registry import compiling
from omsclaims.registry.reader import read_package
from omsclaims.workspace import Workspace
from tests.registry.documents import NAME, main_document, package

from .cli_samples import run


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_a_package_becomes_two_folders_of_parquet(tmp_path: Path, lang: str) -> None:
    source = tmp_path / f"{NAME}.zip"
    source.write_bytes(package())
    said = run("convert", source, "--to", tmp_path / "out", lang=lang)
    assert said.code == 0, said.text
    assert ("записей 3, формат H_3.2" if lang == "ru" else "3 records, format H_3.2") in said.text
    read = read_package(source)
    for folder, tables in ((NAME, ("file", "zap", "patient", "z_sl", "sl", "usl")), (f"L{NAME[1:]}", ("person_file", "person"))):
        for table in tables:
            assert pl.read_parquet(tmp_path / "out" / folder / f"{table}.parquet").equals(read.tables[table]), table


def test_findings_lie_beside_and_nothing_is_overwritten(tmp_path: Path) -> None:
    source = tmp_path / f"{NAME}.xml"
    source.write_bytes(main_document().replace(b"<SUMV>100.00<", b"<SUMV>1e2<", 1))
    said = run("convert", source, "--to", tmp_path / "out", "--threads", "1")
    assert said.code == 1 and "findings 1" not in said.text
    found = pl.read_parquet(tmp_path / "out" / NAME / "findings.parquet")
    assert found["rule"].to_list() == ["S.903"] and found["offset"].null_count() == 0
    again = run("convert", source, "--to", tmp_path / "out", lang="en")
    assert again.code == 2 and "is there already" in again.text
    assert pl.read_parquet(tmp_path / "out" / NAME / "findings.parquet").equals(found)


def test_a_bad_file_stops_nothing_else(tmp_path: Path) -> None:
    good, bad, torn = tmp_path / f"{NAME}.zip", tmp_path / "HM750001T75_22049.zip", tmp_path / "HM750001T75_22048.zip"
    good.write_bytes(package())
    bad.write_bytes(b"PK no archive")
    data = bytearray(package(name="HM750001T75_22048"))
    data[200] ^= 0xFF
    torn.write_bytes(data)
    said = run("convert", bad, torn, good, "--to", tmp_path / "out", lang="en")
    assert said.code == 3, said.text
    assert "S.801" in said.text and "HM750001T75_22048.xml" in said.text and "3 records, format H_3.2" in said.text
    assert not (tmp_path / "out" / "HM750001T75_22048").exists()
    assert not any(path.name.startswith(".") for path in (tmp_path / "out").iterdir())
    assert (tmp_path / "out" / NAME / "zap.parquet").exists()


@pytest.mark.parametrize(
    ("content", "rule"),
    [(main_document()[:-20], "S.807"), (main_document().replace(b"?>", b"?><!DOCTYPE ZL_LIST>", 1), "S.806")],
    ids=["torn off", "DOCTYPE"],
)
def test_a_file_that_cannot_be_read_says_so_by_its_code(tmp_path: Path, content: bytes, rule: str) -> None:
    source = tmp_path / f"{NAME}.xml"
    source.write_bytes(content)
    said = run("convert", source, "--to", tmp_path / "out", lang="en")
    assert said.code == 3, said.text
    assert pl.read_parquet(tmp_path / "out" / NAME / "findings.parquet")["rule"].to_list() == [rule]


def test_warmup_says_whether_there_was_something_to_do() -> None:
    run("warmup")
    assert compiling.is_warm()
    assert "compiled already" in run("warmup", lang="en").text
    assert "уже было скомпилировано" in run("warmup", lang="ru").text


def test_the_first_use_announces_that_it_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(compiling, "_done", False)
    monkeypatch.setattr(compiling, "announce", lambda: told.append("compiling"))
    monkeypatch.setattr(compiling, "is_kept", lambda function: False)
    assert compiling.prepare() is True and told == ["compiling"]
    assert compiling.prepare() is False and told == ["compiling"]


def test_limits_of_a_file_hold_for_every_command_that_reads(tmp_path: Path) -> None:
    source, wide, narrow = tmp_path / f"{NAME}.zip", tmp_path / "wide.yaml", tmp_path / "narrow.yaml"
    source.write_bytes(package())
    wide.write_text("entries: 20\n")
    narrow.write_text("entries: 1\n")
    run("init", tmp_path / "space", "--territory", "75", "--role", "fund")
    for number, words in enumerate(
        (
            ("check", source),
            ("read", source, "--out", tmp_path / "read"),
            ("rewrite", source, "--out", tmp_path / "new.zip"),
            ("convert", source, "--to", tmp_path / "out"),
            ("ingest", source, "--workspace", tmp_path / "space", "--as-of", "2022-04-05"),
        )
    ):
        refused = run(*words, "--limits", narrow, lang="en")
        assert "S.804" in refused.text or "is unreadable" in refused.text, (number, refused.text)
        assert refused.code in (1, 3), (number, refused.text)
        taken = run(*words, "--limits", wide, lang="en")
        assert "S.804" not in taken.text and taken.code in (0, 1), (number, taken.text)
    with Workspace.open(tmp_path / "space") as store:
        told = [
            json.loads(row[0])["limits"] for row in store.rows("SELECT payload FROM chain WHERE kind = 'ingest' ORDER BY seq")
        ]
    assert told == [{"entries": 1}, {"entries": 20}]


def test_a_file_of_limits_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    source, limits = tmp_path / f"{NAME}.zip", tmp_path / "limits.yaml"
    source.write_bytes(package())
    limits.write_text("entrys: 3\ndepth: 0\n")
    said = run("check", source, "--limits", limits, lang="en")
    assert said.code == 2 and "there is no limit entrys" in said.text and "the limit depth must be" in said.text
    assert run("check", source, "--limits", tmp_path / "none.yaml").code == 3
