"""How much may a package hold before it is refused as dangerous? One set of numbers for archives and for XML (formats.md 1, 2).

The order sets no limits; these are far above what a region sends and far below what hurts a machine. Each can be changed by a
YAML file (`load`), whole or in part: a fund that really sends more raises the number, nobody switches the guard off. What breaks
a limit of an archive is S.804, what breaks one of XML is S.815, and the file is not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import yaml

from omsclaims import messages

_KIB: Final = 1 << 10
_MIB: Final = 1 << 20
_GIB: Final = 1 << 30
_UNITS: Final = {"": 1, "kib": _KIB, "mib": _MIB, "gib": _GIB}
_SIZE: Final = re.compile(r"([0-9]{1,18})\s*([KkMmGg][Ii][Bb])?", re.ASCII)
#: No limit may be larger: sizes stay far from the ends of 64-bit numbers.
_MOST: Final = 1 << 50
#: A file of limits is a page of text; a larger one is not such a file.
_FILE_BYTES: Final = 64 * _KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes are bytes as they stand in the file; sizes of entries are those after unpacking, counted while they stream."""

    # --- archive (S.804) ---
    entries: int = 16  #: a package has two files; answers and enclosures a few more
    directory_bytes: int = 64 * _KIB  #: central directory of the archive: 16 entries take about 2 KB
    name_bytes: int = 255  #: one name, as file systems have it
    package_bytes: int = 3 * _GIB  #: the package itself, a ZIP or a bare XML
    entry_bytes: int = 2 * _GIB  #: one file unpacked: the largest months of a region are some hundred MB
    total_bytes: int = 3 * _GIB  #: all files unpacked
    ratio: int = 250  #: unpacked : packed; registries reach 20-60
    ratio_from_bytes: int = 10 * _MIB  #: from this unpacked size on; small files may be packed denser

    # --- XML (S.815) ---
    depth: int = 64  #: elements inside each other; the deepest edition has 9
    text_bytes: int = _MIB  #: all that stands between two tags, comments and CDATA included; the longest text has 2000 letters
    tag_bytes: int = 16 * _KIB  #: one tag from `<` to `>`
    comment_bytes: int = 64 * _KIB  #: one comment or processing instruction
    comments: int = 10_000  #: comments and processing instructions of a file; the exchange has one, the declaration
    attributes: int = 64  #: attributes of one tag; the exchange has none
    record_bytes: int = 16 * _MIB  #: one child of the root (a ZAP has 1-100 KB): it is held in memory as a tree
    record_elements: int = 200_000  #: elements of one child of the root
    header_elements: int = 10_000  #: elements outside of all records (ZAP, PERS, PR); the header has less than 100
    findings: int = 50_000  #: problems that one file may have, and one more for every 100 bytes: `<SL/>` alone has 13

    def __post_init__(self) -> None:
        """A limit is a whole number from 1 on."""
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
                raise ValueError(f"{item.name}: a limit is a whole number from 1 to {_MOST}, not {value!r}")

    @property
    def changed(self) -> dict[str, int]:
        """The limits that differ from the default, by name."""
        return {item.name: getattr(self, item.name) for item in fields(self) if getattr(self, item.name) != item.default}

    def most_findings(self, size: int) -> int:
        """How many problems a file of `size` bytes may have; one with more is no registry, and each takes near a kilobyte."""
        return self.findings + size // 100


class LimitsError(ValueError):
    """A file of limits that cannot be used; `problems` are keys of messages with their parameters."""

    def __init__(self, file: str, problems: tuple[tuple[str, Mapping[str, object]], ...]) -> None:
        self.file, self.problems = file, problems
        super().__init__(self.text("en"))

    def text(self, lang: str) -> str:
        """All problems, one line each."""
        return "\n".join(messages.text(key, lang, file=self.file, **params) for key, params in self.problems)


def load(path: Path) -> Limits:
    """Limits of a YAML file `name: number` (or `16 MiB`); names left out keep their default.

    Raises LimitsError naming what is wrong: no YAML, no mapping, an unknown or repeated name, no whole number from 1 on;
    OSError where the file cannot be read.
    """
    with path.open("rb") as stream:
        content = stream.read(_FILE_BYTES + 1)
    if len(content) > _FILE_BYTES:
        raise LimitsError(path.name, (("limits.file.too_large", {"bytes": _FILE_BYTES}),))
    return parse(content, path.name)


def parse(content: bytes, file: str = "") -> Limits:
    """As `load`, from the bytes of the file."""
    try:
        raw = yaml.load(content.decode("utf-8-sig"), Loader=_Plain)  # noqa: S506 - a safe loader
    except UnicodeDecodeError as error:
        raise LimitsError(file, (("limits.file.not_utf8", {"offset": error.start}),)) from error
    except _TwiceError as error:
        raise LimitsError(file, (("limits.file.twice", {"name": error.name, "line": error.line}),)) from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise LimitsError(file, (("limits.file.not_yaml", {"line": 1 if mark is None else mark.line + 1}),)) from error
    if raw is None:
        return Limits()
    if not isinstance(raw, dict):
        raise LimitsError(file, (("limits.file.not_a_mapping", {}),))
    return _validated(raw, file)


def _validated(raw: dict[Any, Any], file: str) -> Limits:
    """The mapping as limits, checked by a model made from the dataclass itself: one list of names for both."""
    from pydantic import ConfigDict, Field, ValidationError, create_model

    shape: Any = {item.name: (int, Field(default=item.default, ge=1, le=_MOST, strict=True)) for item in fields(Limits)}
    model = create_model("LimitsFile", __config__=ConfigDict(extra="forbid"), **shape)
    try:
        checked = model.model_validate({str(name): _number(value) for name, value in raw.items()})
    except ValidationError as error:
        raise LimitsError(file, tuple(_problem(item) for item in error.errors())) from error
    return Limits(**checked.model_dump())


def _number(value: object) -> object:
    """`16 MiB` as a number of bytes; everything else as it is."""
    size = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    return value if size is None else int(size[1]) * _UNITS[(size[2] or "").lower()]


def _problem(item: Any) -> tuple[str, Mapping[str, object]]:
    """An error of pydantic as a key of messages."""
    name = ".".join(str(part) for part in item["loc"])[:60]
    if item["type"] == "extra_forbidden":
        return "limits.file.unknown", {"name": name, "known": ", ".join(part.name for part in fields(Limits))}
    return "limits.file.not_a_number", {"name": name, "value": str(item["input"])[:40], "most": _MOST}


class _TwiceError(Exception):
    """A name that stands twice: YAML would take the last without a word."""

    def __init__(self, name: str, line: int) -> None:
        super().__init__(name)
        self.name, self.line = name, line


class _Plain(yaml.SafeLoader):
    """The safe loader, without anchors (nothing to multiply) and with names that stand once."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """An alias is not part of a file of limits."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "alias", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose names stand once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "no name", key.start_mark)
            if key.value in seen:
                raise _TwiceError(str(key.value)[:60], key.start_mark.line + 1)
            seen.add(key.value)
        return super().construct_mapping(node, deep)
