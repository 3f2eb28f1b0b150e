"""Is the catalogue whole: both languages, the same places for values, a text for every key that the code asks for?"""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
import yaml

from omsclaims import messages

ROOT = Path(messages.__file__).resolve().parents[1]


def fields(template: str) -> set[str]:
    """Values that a template names; a reason that was worded in both languages stands as {ru} in one and {en} in the other."""
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    return {"reason" if name in messages.LANGUAGES else name for name in names}


def test_texts_parsed_one_by_one_are_those_of_the_files() -> None:
    whole: dict[str, dict[str, str]] = {}
    for path in sorted(Path(messages.__file__).parent.glob("*.yaml")):
        whole |= yaml.safe_load(path.read_text(encoding="utf-8"))
    assert messages.catalogue() == {key: {lang: str(text) for lang, text in texts.items()} for key, texts in whole.items()}


def test_both_languages_name_the_same_values() -> None:
    off = {key: texts for key, texts in messages.catalogue().items() if fields(texts["ru"]) != fields(texts["en"])}
    assert not off


def test_no_text_reaches_into_its_values() -> None:
    """A template must not read attributes or items of a value: values come from files."""
    for key, texts in messages.catalogue().items():
        for template in texts.values():
            assert not re.search(r"\{\w+[.\[]", template), key


def test_every_literal_key_of_the_code_has_a_text() -> None:
    asked = set()
    for path in ROOT.rglob("*.py"):
        asked |= set(
            re.findall(r"""(?:messages\.|\b)text\(\s*["']([a-z_]+(?:\.[A-Za-z0-9_]+)+)["']""", path.read_text(encoding="utf-8"))
        )
        asked |= set(re.findall(r"""WorkspaceError\(\s*["']([a-z_.]+)["']""", path.read_text(encoding="utf-8")))
    assert len(asked) > 80
    assert not {key for key in asked if not messages.has(key)}


def test_rules_have_title_text_and_remedy() -> None:
    rules = {key.split(".text")[0] for key in messages.catalogue() if key.startswith("rule.") and key.endswith(".text")}
    assert len(rules) > 60
    lacking = [f"{rule}.{part}" for rule in sorted(rules) for part in ("title", "todo") if not messages.has(f"{rule}.{part}")]
    assert not lacking


def test_a_missing_text_is_an_error_and_a_missing_value_a_dash() -> None:
    with pytest.raises(messages.MissingMessageError):
        messages.text("no.such.key", "ru")
    assert messages.text("cli.no_file", "en") == "There is no file or folder -."
    assert messages.text("cli.no_file", "ru", path="x", key="y") == "Файла или папки x нет."


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "ru"),
        ({"LANG": "C.UTF-8"}, "ru"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8", "OMSCLAIMS_LANG": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "ru_RU.UTF-8"}, "ru"),
    ],
)
def test_the_language_comes_from_the_locale(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: str) -> None:
    for name in ("OMSCLAIMS_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert messages.default_language() == language
