"""checks list and checks show: every rule with its titles, dates, parameters, in both languages."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from omsclaims import messages
from omsclaims.checks import catalogue
from omsclaims.cli import common
from omsclaims.workspace import Workspace

from .cli_samples import DAY, pack, run
from .conftest import MONTH, Desk


@pytest.mark.parametrize("lang", messages.LANGUAGES)
def test_list_names_every_rule(lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common.out, "width", 400)
    said = run("checks", "list", lang=lang)
    assert said.code == 0
    rows = {
        line.split("│")[0].strip(): [cell.strip() for cell in line.split("│")] for line in said.text.split("\n") if "│" in line
    }
    for rule in catalogue.rules().values():
        cells = rows[rule.id]
        assert cells[1] == messages.text(f"rule.{rule.id}.title", lang)
        assert cells[4] == (rule.code or "-")
        assert cells[5] == messages.text("cli.checks.on" if rule.enabled else "cli.checks.off", lang)
        assert cells[6] == rule.reference
    assert str(len(catalogue.rules())) in said.text.split("\n")[-2]


def test_list_of_a_pass_and_a_group() -> None:
    declared = catalogue.rules().values()
    said = run("checks", "list", "--pass", "history", "--group", "duplicates")
    wanted = {rule.id for rule in declared if "history" in rule.passes and rule.group == "duplicates"}
    found = {line.split("│")[0].strip() for line in said.text.split("\n") if "│" in line} - {"", "rule"}
    assert found == wanted
    assert run("checks", "list", "--pass", "night").code == 2
    assert "passes are: registry" in run("checks", "list", "--pass", "night").text
    assert "группы:" in run("checks", "list", "--group", "night", lang="ru").text


@pytest.mark.parametrize("lang", messages.LANGUAGES)
@pytest.mark.parametrize("rule", list(catalogue.rules()))
def test_show_says_everything(rule: str, lang: str) -> None:
    declared = catalogue.rules()[rule]
    said = run("checks", "show", rule.lower(), lang=lang)
    assert said.code == 0
    flat = " ".join(said.text.split())
    assert declared.reference in flat
    assert messages.text(f"cli.checks.scope.{declared.scope}", lang) in flat
    assert all(row in flat for row in (*declared.same_as, *declared.covers, *declared.found_by, *declared.books))
    if not declared.enabled:
        assert messages.text(f"rule.{rule}.off", lang) in flat
    for name, values in declared.parameters.by_name.items():
        assert all(f"{name} с {value.since}" in flat or f"{name} since {value.since}" in flat for value in values)


def test_show_of_a_table_of_the_region_says_its_columns() -> None:
    said = run("checks", "show", "C072", lang="ru").text
    assert "таблица региона R007" in said
    assert "age_from (number)" in said


def test_a_rule_that_is_not_there() -> None:
    said = run("checks", "show", "C999")
    assert said.code == 2
    assert "there is no rule C999" in said.text


def _agreement(desk: Desk, folder: Path, switches: str) -> Path:
    """The agreement of the made-up territory with switches of control."""
    made = Path(shutil.copytree(desk.made / "agreement", folder / f"agreement-{len(list(folder.iterdir()))}"))
    text = (made / "agreement.yaml").read_text(encoding="utf-8")
    assert "\ncontrol:\n" in text
    (made / "agreement.yaml").write_text(text.replace("\ncontrol:\n", f"\ncontrol:\n{switches}"), encoding="utf-8")
    return made


def test_a_rule_switched_off_in_the_agreement_is_not_looked_at(desk: Desk, tmp_path: Path) -> None:
    """At intake by the agreement of the day, at closing by that of the month; an unknown rule is named with file and line."""
    package = desk.base.changed("<NHISTORY>", "<NHISTORY>№")
    pack(desk.inbox, package)
    wrong = _agreement(desk, tmp_path, "  disabled_rules:\n  - {rule: C999, why: no such rule}\n")
    said = run("agreement", "load", wrong, "--workspace", desk.folder, "--as-of", DAY)
    assert said.code == 3
    lines = (wrong / "agreement.yaml").read_text(encoding="utf-8").split("\n")
    line = next(number for number, text in enumerate(lines, 1) if "C999" in text)
    assert f"agreement.yaml:{line}: there is no rule of control C999" in said.text

    clinic = package.between("CODE_MO")
    off = f'  disabled_rules:\n  - {{rule: C223, mo: ["{clinic}"], why: old charts}}\n'
    load = ("agreement", "load", _agreement(desk, tmp_path, off), "--workspace", desk.folder, "--as-of", DAY)
    assert run("ingest", desk.inbox, "--workspace", desk.folder, "--as-of", DAY, "--threads", 1).code == 1
    assert run(*load).code == 0
    closed = run("run", MONTH, "--workspace", desk.folder, "--as-of", DAY)
    assert "is closed" in closed.text
    with Workspace.open(desk.folder) as store:
        assert store.run_table(MONTH, "findings").filter(pl.col("rule") == "C223").is_empty()
        assert store.run_table(MONTH, "decisions").filter(pl.col("oplata") != 1).is_empty()

    # Taken in under this agreement, nothing is found at all.
    folder = tmp_path / "again"
    shutil.copytree(desk.prepared, folder)
    assert run("agreement", "load", load[2], "--workspace", folder, "--as-of", DAY).code == 0
    assert run("ingest", desk.inbox, "--workspace", folder, "--as-of", DAY, "--threads", 1).code == 0
