"""Which object does a JSON file of another party hold? Read strictly: what two readers could take differently is refused."""

from __future__ import annotations

import json
from typing import Any


class BadFileError(ValueError):
    """A file that cannot be read: the key of the reason, after it what it is about."""


def load_object(data: bytes, longest: int, fmt: str) -> dict[str, Any]:
    """The object of a file of the format `fmt`: UTF-8, no repeated keys, no NaN, not deeper than Python reads.

    Raises BadFileError: `too_long` above `longest` bytes, `json`, `repeated` (a key), `format`.
    """
    if len(data) > longest:
        raise BadFileError("too_long")
    try:
        found = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number)
    except BadFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise BadFileError("json") from error
    if not isinstance(found, dict) or found.get("format") != fmt:
        raise BadFileError("format")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise BadFileError("repeated")
    return made


def _no_number(name: str) -> None:
    raise BadFileError("json")
