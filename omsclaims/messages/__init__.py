"""In which words does the program speak? One catalogue of all user-facing text, in Russian and English.

Each YAML file here belongs to one room and holds `key: {ru: ..., en: ...}`. Keys of rules are `rule.<id>.title` (short name),
`rule.<id>.text` (what is wrong, with the found values), `rule.<id>.todo` (what to do). A key may stand in one file only.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from typing import Final

import yaml

LANGUAGES: Final = ("ru", "en")
#: The safe loader, in C where there is one: every command waits for the catalogue.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class MissingMessageError(KeyError):
    """A text was asked for that the catalogue does not hold: a defect of the program, not of the data."""


class _Gap(dict[str, object]):
    """Parameters of a text; one that was not given shows as a dash instead of stopping the output."""

    def __missing__(self, key: str) -> str:
        return "-"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """All texts: key -> language -> template. A key that stands twice, or lacks a language, is an error."""
    texts: dict[str, dict[str, str]] = {}
    for entry in sorted(resources.files(__package__).iterdir(), key=lambda item: item.name):
        if not entry.name.endswith(".yaml"):
            continue
        for key, value in (yaml.load(entry.read_text(encoding="utf-8"), Loader=_LOADER) or {}).items():  # noqa: S506
            if key in texts:
                raise ValueError(f"message {key} stands twice (again in {entry.name})")
            if set(value) != set(LANGUAGES):
                raise ValueError(f"message {key} in {entry.name} must have exactly {LANGUAGES}")
            texts[key] = {lang: str(template) for lang, template in value.items()}
    return texts


def text(key: str, lang: str, /, **params: object) -> str:
    """The text `key` in `lang` with `params` put in. Raises MissingMessageError when the catalogue lacks it."""
    try:
        template = catalogue()[key][lang]
    except KeyError as error:
        raise MissingMessageError(f"{key} ({lang})") from error
    return template.format_map(_Gap(params))


def has(key: str) -> bool:
    """Whether the catalogue holds `key`."""
    return key in catalogue()


def default_language() -> str:
    """Russian unless the locale of the user names another language: OMSCLAIMS_LANG, LC_ALL, LC_MESSAGES, LANG."""
    named = os.environ.get("OMSCLAIMS_LANG") or next(
        (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), ""
    )
    return "en" if named.lower().startswith("en") else "ru"
