"""In which words does the program speak? One catalogue of all user-facing text, in Russian and English.

Each YAML file here belongs to one room and holds `key: {ru: ..., en: ...}`. Keys of rules are `rule.<id>.title` (short name),
`rule.<id>.text` (what is wrong, with the found values), `rule.<id>.todo` (what to do). A key may stand in one file only.
"""

from __future__ import annotations

import os
import re
from functools import cache
from importlib import resources
from typing import Final

import yaml

LANGUAGES: Final = ("ru", "en")
#: The safe loader, in C where there is one: every command waits for the catalogue.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Where an entry begins: a key in the first column.
_ENTRY: Final = re.compile(r"^(?=[A-Za-z_])", re.MULTILINE)


class MissingMessageError(KeyError):
    """A text was asked for that the catalogue does not hold: a defect of the program, not of the data."""


class _Gap(dict[str, object]):
    """Parameters of a text; one that was not given shows as a dash instead of stopping the output."""

    def __missing__(self, key: str) -> str:
        return "-"


@cache
def _entries() -> dict[str, tuple[str, str]]:
    """Key -> (file, its lines there). A command needs a few texts of a thousand: an entry is parsed when it is asked for."""
    found: dict[str, tuple[str, str]] = {}
    for entry in sorted(resources.files(__package__).iterdir(), key=lambda item: item.name):
        if not entry.name.endswith(".yaml"):
            continue
        for lines in _ENTRY.split(entry.read_text(encoding="utf-8"))[1:]:
            key = lines.partition(":")[0]
            if key in found:
                raise ValueError(f"message {key} stands twice (again in {entry.name})")
            found[key] = entry.name, lines
    return found


@cache
def _texts(key: str) -> dict[str, str]:
    """The templates of one key by language; KeyError where there is none, ValueError where a language is missing."""
    name, lines = _entries()[key]
    value = yaml.load(lines, Loader=_LOADER)[key]  # noqa: S506
    if set(value) != set(LANGUAGES):
        raise ValueError(f"message {key} in {name} must have exactly {LANGUAGES}")
    return {lang: str(template) for lang, template in value.items()}


def catalogue() -> dict[str, dict[str, str]]:
    """All texts: key -> language -> template. A key that stands twice, or lacks a language, is an error."""
    return {key: _texts(key) for key in _entries()}


def text(key: str, lang: str, /, **params: object) -> str:
    """The text `key` in `lang` with `params` put in. Raises MissingMessageError when the catalogue lacks it."""
    try:
        template = _texts(key)[lang]
    except KeyError as error:
        raise MissingMessageError(f"{key} ({lang})") from error
    return template.format_map(_Gap(params))


def has(key: str) -> bool:
    """Whether the catalogue holds `key`."""
    return key in _entries()


def default_language() -> str:
    """Russian unless the locale of the user names another language: OMSCLAIMS_LANG, LC_ALL, LC_MESSAGES, LANG."""
    named = os.environ.get("OMSCLAIMS_LANG") or next(
        (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), ""
    )
    return "en" if named.lower().startswith("en") else "ru"
