"""checks list and checks show: every rule with its titles, dates, parameters, in both languages."""

from __future__ import annotations

import pytest

from omsclaims import messages
from omsclaims.checks import catalogue
from omsclaims.cli import common

from .cli_samples import run


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
