"""Every rule of the catalogue against the cases an economist wrote for it (fixtures/checks), and the rules against each other."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from omsclaims import checks, messages
from omsclaims.checks import catalogue, rules
from omsclaims.findings import SCHEMA, with_text
from omsclaims.nsi import built_in_books
from omsclaims.registry import reader
from tests.checks.checks_cases import TEMPLATES, Built, build

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "checks"
#: `boundary: true` marks a case that stands on the border of its rule: the last that is still lawful or the first that is not.
#: Keys of a case that go to the builder; the others are what is expected of it.
GIVEN = ("parameters", "history", "registers", "refused", "books", "as_of", "month", "disabled", "enabled", "grounds", "package")
EXPECTED = ("code", "element", "value", "level", "sl_id", "idserv")


def _written() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        for rule, written in yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER).items():
            assert rule not in found, f"{rule} stands in two files"
            for case in written:
                assert case.get("boundary", True) is True, f"{rule}: {case['name']}: boundary is true or absent"
            found[rule] = written
    return found


WRITTEN = _written()
CASES = [
    pytest.param(rule, case, id=f"{rule}: {case['name']}") for rule, cases in WRITTEN.items() for case in cases if "cases" in case
]
CHANGES = [
    pytest.param(rule, case, id=f"{rule}: {case['name']}")
    for rule, cases in WRITTEN.items()
    for case in cases
    if "cases" not in case
]
SOUND = FOLDER.parent / "packages" / "HM750908T75_220201.zip"


@dataclass(frozen=True)
class Judged:
    """What a pass found on the month of a written case, and what the tests need of that month."""

    found: pl.DataFrame
    keys: list[int]
    packages: dict[int, str]  # case_key -> package


_JUDGED: dict[int, Judged] = {}


def _build(rule: str, case: dict[str, Any]) -> Built:
    """The month of a written case; a rule that the catalogue has off is switched on for it."""
    unknown = set(case) - {"name", "boundary", "cases", "found", "pass", "params", *GIVEN, *EXPECTED}
    assert not unknown, unknown
    given = {key: case[key] for key in GIVEN if key in case}
    if not catalogue.rules()[rule].enabled:
        given.setdefault("enabled", [rule])
    return build(case["cases"], **given)


def _pass_of(rule: str, case: dict[str, Any]) -> str:
    """The pass in which a written case is judged."""
    return str(case.get("pass", catalogue.rules()[rule].passes[0]))


def _judged(rule: str, case: dict[str, Any]) -> Judged:
    """A case of WRITTEN, judged once however many tests look at it."""
    if id(case) not in _JUDGED:
        built = _build(rule, case)
        found = checks.run_pass(_pass_of(rule, case), built.tables, built.context)
        packages = dict(built.tables["z_sl"].select("_row", "package").iter_rows())
        _JUDGED[id(case)] = Judged(found, built.keys, packages)
    return _JUDGED[id(case)]


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_rule(rule: str, case: dict[str, Any]) -> None:
    judged = _judged(rule, case)
    declared = catalogue.rules()[rule]
    assert dict(judged.found.schema) == SCHEMA
    found = judged.found.filter(pl.col("rule") == rule)
    if declared.level == "file":
        numbers = [number for number, key in enumerate(judged.keys, 1) if judged.packages[key] in found["package"].to_list()]
    else:
        numbers = sorted({judged.keys.index(row) + 1 for row in found["z_row"]})
        assert found["idcase"].to_list() == [judged.keys.index(row) + 1 for row in found["z_row"]]
        assert found["n_zap"].null_count() == found["id_pac"].null_count() == 0
    assert numbers == case["found"]
    for column in EXPECTED:
        if column in case:
            assert set(found[column].to_list()) == {case[column]}, column
    for params in found["params"]:
        assert case.get("params", {}).items() <= json.loads(params).items()


@pytest.mark.parametrize(("rule", "case"), CHANGES)
def test_rule_of_structure(rule: str, case: dict[str, Any], tmp_path: Path) -> None:
    """A rule that is found where files are read: a sound package, changed at one place."""
    declared = catalogue.rules()[rule]
    assert set(case) <= {"name", "boundary", "find", "put", "persons", "found"}
    with zipfile.ZipFile(SOUND) as archive:
        texts = {name: archive.read(name).decode("windows-1251") for name in archive.namelist()}
    for name, text in texts.items():
        if "find" in case and name.startswith("L") == case.get("persons", False):
            texts[name], changes = re.subn(case["find"], case["put"], text, count=1)
            assert changes, "nothing was changed"
    path = tmp_path / SOUND.name
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text.encode("windows-1251"))
    found = set(reader.read_package(path).findings["rule"])
    assert found & set(declared.found_by) == set(case["found"]), found


@pytest.mark.parametrize("rule", list(catalogue.rules()))
def test_rule_has_cases_both_ways(rule: str) -> None:
    written = WRITTEN.get(rule, [])
    assert any(case["found"] for case in written), "no case that is caught"
    assert any(not case["found"] for case in written), "no case that is left alone"
    for name in catalogue.rules()[rule].passes[1:]:
        assert any(case.get("pass") == name for case in written), f"no case in the pass {name}"


@pytest.mark.parametrize("rule", list(catalogue.rules()))
def test_rule_has_a_case_on_its_border(rule: str) -> None:
    """Rules that are found elsewhere (structure, prices) as well: where a rule begins to hold is part of what it says."""
    assert any(case.get("boundary") for case in WRITTEN.get(rule, [])), "no case with boundary: true"


#: Borders that everybody asks for by name, and a case of each rule that stands on them.
NAMED = {
    "day of admission": {
        "C138": "a stay within one day on the day of admission of another",
        "C139": "day hospital up to the day of admission",
        "C140": "visits on the days of admission and discharge",
    },
    "day of discharge": {
        "C138": "discharge and admission on one day",
        "C139": "day hospital from the day of discharge",
        "C140": "visit on the last day of a stay of February",
    },
    "30th working day of a certificate": {"C001": "care on the 30th working day of a certificate and the day after"},
    "birthday": {"C061": "adult in paediatrics on the eighteenth birthday", "C016": "passport on the fourteenth birthday"},
    "29 February": {
        "C061": "born on 29 February: adult on 1 March of a common year",
        "C064": "born on 29 February - sixty on that day of a leap year",
        "C018": "29 February of a common year",
    },
    "change of insurer on the day of care": {
        "C004": "the insurer changed on the day of the visit - the new one is right and the old one is not"
    },
    "death on the last day of a stay": {
        "C023": "death on the last day of the stay",
        "C031": "death on the last day of a stay that ended well",
    },
}


@pytest.mark.parametrize(("border", "rule"), [(border, rule) for border, cases in NAMED.items() for rule in cases])
def test_named_borders_are_written(border: str, rule: str) -> None:
    on_border = [case["name"] for case in WRITTEN[rule] if case.get("boundary")]
    assert NAMED[border][rule] in on_border


def test_no_case_of_an_unknown_rule() -> None:
    assert set(WRITTEN) == set(catalogue.rules())


@pytest.mark.parametrize("name", checks.PASSES)
def test_sound_cases_are_left_alone(name: str) -> None:
    built = build([{"as": template} for template in TEMPLATES])
    assert checks.run_pass(name, built.tables, built.context).to_dicts() == []


def test_every_rule_has_one_predicate() -> None:
    found_elsewhere = {name for name, rule in catalogue.rules().items() if rule.found_by}
    assert set(rules.EXPRESSIONS) | set(rules.TABLES) == set(catalogue.rules()) - found_elsewhere


def test_grounds_are_in_the_book_on_their_dates() -> None:
    book = built_in_books().require("F014")
    today, before = (
        set(book.on(catalogue.NEW_CODES_SINCE)["code"]),
        set(book.on(catalogue.NEW_CODES_SINCE.replace(day=24))["code"]),
    )
    for rule in catalogue.rules().values():
        if rule.code:  # a rule about the payer's own sanctions refuses nothing
            assert rule.code in today, rule.id
            assert rule.old_code in before, rule.id
        else:
            assert not rule.old_code, rule.id


@pytest.mark.parametrize("rule", list(catalogue.rules()))
def test_every_rule_has_texts(rule: str) -> None:
    parts = ("title", "text", "todo", *(() if catalogue.rules()[rule].enabled else ("off",)))
    for part in parts:
        for lang in messages.LANGUAGES:
            assert messages.text(f"rule.{rule}.{part}", lang).strip()


def test_texts_name_what_was_found() -> None:
    """No text asks for a parameter that its rule does not give, nor leaves a gap in any case that was written."""
    for rule, written in WRITTEN.items():
        for case in written:
            if not case["found"] or "cases" not in case:
                continue
            found = _judged(rule, case).found.filter(pl.col("rule") == rule)
            for lang in messages.LANGUAGES:
                template = messages.catalogue()[f"rule.{rule}.text"][lang]
                for text, params in with_text(found, lang).select("text", "params").iter_rows():
                    asked = {part.split("}")[0] for part in template.split("{")[1:]} - {"value", "element"}
                    given = set(json.loads(params or "{}"))
                    assert asked <= given, (rule, asked - given)
                    assert "None" not in text
