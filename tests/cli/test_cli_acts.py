"""Commands on acts and statements, end to end: what they print, write, and with which code they end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from omsclaims.workspace import Workspace
from tests.conftest import MakeTerritory, close_months

from .cli_samples import run

DAY = "2022-04-20"
NUMBER = "132/2022-03/75901/750913"


@pytest.fixture(scope="module")
def base(make_territory: MakeTerritory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("acts") / "ws"
    close_months(make_territory(200, 3), folder)
    return folder


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "ws"))


def act(*words: object, folder: Path, lang: str = "en") -> tuple[int, str]:
    said = run("act", *words, "--workspace", folder, lang=lang)
    return said.code, said.text


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_a_month_of_acts_from_drawing_to_signing(folder: Path, lang: str) -> None:
    assert act("draw", "2022-03", "--as-of", DAY, folder=folder, lang=lang)[0] == 0
    code, text = act("draw", "2022-03", "--as-of", DAY, folder=folder, lang=lang)
    assert code == 0 and ("unchanged" if lang == "en" else "без изменений") in text
    assert act("send", "2022-03", "--as-of", DAY, folder=folder, lang=lang)[0] == 0
    code, text = act("send", "2022-03", "--as-of", DAY, folder=folder, lang=lang)
    assert code == 0 and ("no acts" if lang == "en" else "актов нет") in text
    code, text = act("sign", NUMBER, "--as-of", DAY, "--on", "2022-04-21", folder=folder, lang=lang)
    assert code == 2 and "2022-04-21" in text
    assert act("sign", NUMBER, "--as-of", DAY, folder=folder, lang=lang)[0] == 0
    code, text = act("list", "--month", "2022-03", folder=folder, lang=lang)
    assert code == 0 and NUMBER in text and ("signed" if lang == "en" else "подписан") in text
    said = run("reopen", "2022-03", "--why", "x", "--workspace", folder, lang=lang)
    assert said.code == 2 and ("signed" if lang == "en" else "подписан") in said.text
    with Workspace.open(folder) as ws:
        assert ws.run("2022-03") is not None


def test_the_other_side_disagrees(folder: Path, tmp_path: Path) -> None:
    act("draw", "2022-03", "--as-of", DAY, folder=folder)
    own = folder / "reports" / "2022-03" / "acts" / "132-75901-750913.json"
    code, text = act("compare", own, folder=folder)
    assert code == 0 and "0 lines" in text
    said = json.loads(own.read_text(encoding="utf-8"))
    said["lines"]["billed_kop"] += 100
    said["lines"]["end_kop"] += 100
    other = tmp_path / "other.json"
    other.write_text(json.dumps(said), encoding="utf-8")
    code, text = act("compare", other, folder=folder)
    assert code == 1 and "AK.8" in text and "Billed" in text
    assert act("dispute", other, "--as-of", DAY, folder=folder)[0] == 1  # not sent yet: AK.9
    act("send", NUMBER, "--as-of", DAY, folder=folder)
    code, text = act("dispute", other, "--as-of", DAY, folder=folder)
    assert code == 1 and "Noted - 1" in text
    code, text = act("agree", NUMBER, "--figure", "x", "--why", "y", "--as-of", DAY, folder=folder)
    assert code == 2 and "neither ours nor theirs" in text
    code, text = act("agree", NUMBER, "--line", "billed_kop", "--why", "paper seen", "--as-of", DAY, folder=folder)
    assert code == 0 and "Lines still in dispute: 1" in text
    code, text = act("protocol", NUMBER, "--out", tmp_path / "p.xlsx", folder=folder)
    assert code == 0 and (tmp_path / "p.xlsx").read_bytes()[:2] == b"PK"
    code, text = act("list", "--number", NUMBER, folder=folder)
    assert code == 0 and "disputed" in text and "Balance at the end" in text
    assert act("agree", NUMBER, "--figure", "theirs", "--why", "z", "--as-of", DAY, folder=folder)[0] == 0
    assert "agreed" in act("list", "--number", NUMBER, folder=folder)[1]


@pytest.mark.parametrize("what", ["2022-05", "R1", "20221", "2021"])
def test_what_cannot_be_drawn_up_is_said(folder: Path, what: str) -> None:
    code, text = act("draw", what, "--as-of", DAY, folder=folder)
    assert code == 2 and "Traceback" not in text and text.strip()


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_statements_are_written(base: Path, tmp_path: Path, lang: str) -> None:
    said = run("statements", base, tmp_path / "out", "--as-of", DAY, lang=lang)
    assert said.code == 0 and said.text.count(str(tmp_path / "out")) == 4
    page = (tmp_path / "out" / "statements.html").read_text(encoding="utf-8")
    assert f'<html lang="{lang}">' in page and "75901" in page
    assert run("statements", tmp_path / "nowhere", tmp_path / "out", lang=lang).code in (2, 3)
