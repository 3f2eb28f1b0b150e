"""How does an act go to the other side so that a program can read it? Its file beside the paper (Rules 121, 132, 149-151).

One canonical JSON for every kind of act: sorted keys, whole kopecks, ISO dates, no floats. Equal acts are equal bytes. A file has
no names or policy numbers of people, whatever stands on the paper: rows are told by bill and record. What comes from another
side is not trusted: everything that is not exactly of this shape is a finding, and nothing of it is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NoReturn

import polars as pl

from omsclaims import findings, messages
from omsclaims.findings import Finding
from omsclaims.reports.json_files import BadFileError, load_object
from omsclaims.settlement.act_states import KINDS, Act, problems

FORMAT: Final = "omsclaims.act/1"
#: Longest file that is read: an act of a year lists bills, not people.
LONGEST: Final = 64 << 20
_TEXT: Final = re.compile("[^\x00-\x1f\x7f\ud800-\udfff]{1,80}")
_PARTY: Final = re.compile(r"(fund|territory):[0-9]{2}|insurer:[0-9]{5}|clinic:[0-9]{6}|outside:[0-9A-Za-z]{1,12}", re.ASCII)
_HEAD: Final = frozenset(
    {"format", "kind", "number", "first", "last", "party", "other", "drawn_on", "about", "unit", "lines", "rows"}
)
_MOST: Final = 2**62


@dataclass(frozen=True)
class ActRead:
    """A file as it was read: the act, or None, and findings: AK.6 unreadable, AK.3 it does not add up (then it is given, too)."""

    act: Act | None
    findings: pl.DataFrame


def act_json(act: Act) -> bytes:
    """The file of an act. Asserts nothing of its sums: what a party said stays as it said it."""
    kind = KINDS[act.kind]
    table = act.rows.sort(kind.key, nulls_last=False) if kind.key else act.rows
    rows = [{name: _plain(row[name]) for name in kind.rows} for row in table.iter_rows(named=True)]
    said = {
        "format": FORMAT, "kind": act.kind, "number": act.number, "first": act.first.isoformat(), "last": act.last.isoformat(),
        "party": act.party, "other": act.other, "drawn_on": act.drawn_on.isoformat(), "about": act.about, "unit": "kopeck",
        "lines": {name: act.lines[name] for name in kind.lines}, "rows": rows,
    }  # fmt: skip
    return (json.dumps(said, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def file_name(act: Act) -> str:
    """Name of the file of an act without its ending: `121-75901`, `132-75901-750901`, `149-75-38-2022`."""
    if KINDS[act.kind].period == "month":
        return "-".join(act.number.split("/")[i] for i in (0, *range(2, len(act.number.split("/")))))
    return re.sub(r"[^0-9A-Za-z_-]", "-", f"{act.kind}-{act.number}" if act.kind not in act.number else act.number)


def read_act(data: bytes, name: str = "") -> ActRead:
    """The act of a file. `name`: of the file, for the findings.

    AK.6: it is not UTF-8 JSON of this format, a line or column is missing or unknown, an amount is no whole number. AK.3: the
    lines or rows do not satisfy the equations of the kind.
    """
    try:
        act = _act(_loaded(data))
    except BadFileError as error:
        reason = str(error)
        said = {"reason_ru": _words(reason, "ru"), "reason_en": _words(reason, "en")}
        return ActRead(None, findings.frame([Finding("AK.6", package=name, file=name, value=name, params=said)]))
    return ActRead(act, problems(act))


def _words(reason: str, lang: str) -> str:
    key, _, what = reason.partition(" ")
    return messages.text(f"act_book.file.{key}", lang, what=what)


def _bad(reason: str) -> NoReturn:
    raise BadFileError(reason)


def _loaded(data: bytes) -> Mapping[str, Any]:
    """The object of the file, with the fields of an act."""
    found = load_object(data, LONGEST, FORMAT)
    if set(found) != _HEAD or found["unit"] != "kopeck":
        _bad("head")
    return found


def _act(said: Mapping[str, Any]) -> Act:
    kind = said["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        _bad("kind")
    for column in ("party", "other"):
        if not isinstance(said[column], str) or not _PARTY.fullmatch(said[column]):
            _bad(f"head_value {column}")
    about = said["about"]
    if about is not None:
        _text(about, "about")
    first, last, drawn_on = (_day(said[column], column) for column in ("first", "last", "drawn_on"))
    if last < first:
        _bad("head_value last")
    lines = said["lines"]
    if not isinstance(lines, dict) or set(lines) != set(KINDS[kind].lines):
        _bad("lines")
    amounts = {column: _amount(lines[column], column) for column in KINDS[kind].lines}
    return Act(
        kind, _text(said["number"], "number"), first, last, said["party"], said["other"], drawn_on, amounts,
        _rows(said["rows"], kind), about,
    )  # fmt: skip


def _rows(said: object, kind: str) -> pl.DataFrame:
    """The list as a table, sorted by its key, which no two rows share."""
    schema = dict(KINDS[kind].rows)
    if not isinstance(said, list) or (said and not schema):
        _bad("rows")
    made = []
    for row in said:
        if not isinstance(row, dict) or set(row) != set(schema):
            _bad("rows")
        made.append({name: _cell(row[name], name, wanted) for name, wanted in schema.items()})
    table = pl.DataFrame(made, schema=schema)
    key = list(KINDS[kind].key)
    if key and table.select(key).is_duplicated().any():
        _bad("row_twice")
    return table.sort(key, nulls_last=False) if key else table


def _cell(value: object, name: str, wanted: pl.DataType) -> object:
    if wanted == pl.Int64():
        return _amount(value, name)
    if wanted == pl.Date():
        return _day(value, name)
    return None if value is None and name == "codes" else _text(value, name)


def _amount(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _MOST:
        _bad(f"amount {name}")
    return value


def _day(value: object, name: str) -> date:
    if not isinstance(value, str) or len(value) != 10:
        _bad(f"day {name}")
    try:
        return date.fromisoformat(value)
    except ValueError:
        _bad(f"day {name}")


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not _TEXT.fullmatch(value):
        _bad(f"text {name}")
    return value
