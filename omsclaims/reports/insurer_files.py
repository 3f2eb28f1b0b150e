"""How does the fund tell an insurer its month so that a program can read it? Notice and list as files (Rules 115-132).

Canonical JSON: sorted keys, whole kopecks, ISO dates, no floats; equal papers are equal bytes. Nothing about people is in them:
sums by clinic. What comes from another house is not trusted: what is not exactly of this shape is a finding, and nothing of it is
used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, NoReturn

import polars as pl

from omsclaims import findings, messages
from omsclaims.findings import Finding
from omsclaims.periods import Month
from omsclaims.reports.json_files import BadFileError, load_object
from omsclaims.settlement.ledger import assert_balanced, posting_rules
from omsclaims.settlement.own_month import ADVANCES, CLINICS, CORRECTIONS, OWN_EVENTS, Listing, Notice

FORMAT: Final = "omsclaims.insurer/1"
#: Longest file that is read: a list has a row for each clinic.
LONGEST: Final = 16 << 20
_MOST: Final = 2**62
_HEAD: Final = ("format", "kind", "unit", "territory", "smo", "month", "made_on")
_SUMS: Final = ("insured_half", "preliminary_kop", "standards_kop", "case_management_kop", "nsz_kop", "spare_fill_kop")
_TABLES: Final = {"clinics": CLINICS, "advances": ADVANCES, "corrections": CORRECTIONS}
_CODES: Final = {"territory": r"[0-9]{2}", "smo": r"[0-9]{5}", "mo": r"[0-9A-Za-z]{1,12}"}
_TEXT: Final = re.compile("[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
_ACCOUNT: Final = re.compile(r"[a-z]+(:[0-9A-Za-z]{1,12})?/[a-z_]+(/[a-z]+:[0-9A-Za-z]{1,12})?", re.ASCII)


@dataclass(frozen=True)
class PaperRead:
    """A file as it was read: the paper, or None, and the finding IY.11 that says why."""

    paper: Notice | Listing | None
    findings: pl.DataFrame


def file_name(paper: Notice | Listing) -> str:
    """`notice-75901.json`, `settlement-75901.json`."""
    return f"{_kind(paper)}-{paper.smo}.json"


def _kind(paper: Notice | Listing) -> Literal["notice", "settlement"]:
    return "notice" if isinstance(paper, Notice) else "settlement"


def paper_json(paper: Notice | Listing) -> bytes:
    """The file of a paper."""
    said: dict[str, Any] = {
        "format": FORMAT, "kind": _kind(paper), "unit": "kopeck", "territory": paper.territory, "smo": paper.smo,
        "month": str(paper.month), "made_on": paper.made_on.isoformat(),
    }  # fmt: skip
    if isinstance(paper, Notice):
        said |= {name: getattr(paper, name) for name in _SUMS}
    else:
        said["fines"] = "in_act_132" if paper.fines_in_act else "apart"
        for name in _TABLES:
            rows = getattr(paper, name).to_dicts()
            said[name] = [{column: _plain(value) for column, value in row.items()} for row in rows]
    return (json.dumps(said, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def kind_of(data: bytes) -> tuple[str, Literal["notice", "settlement"]]:
    """(month, kind) that a file says of itself, for sorting: a notice comes before the list of its month. What cannot be read is
    taken for a notice and refused as one."""
    try:
        said = _loaded(data, "settlement")
    except BadFileError:
        return _month_of(data), "notice"
    return str(said["month"]), "settlement"


def _month_of(data: bytes) -> str:
    try:
        return str(_loaded(data, "notice")["month"])
    except BadFileError:
        return ""


def read_paper(data: bytes, kind: Literal["notice", "settlement"], name: str = "") -> PaperRead:
    """The paper of a file. IY.11: not UTF-8 JSON of this format and kind, a field is missing, unknown or impossible.

    Amounts are whole kopecks and none is below zero; РВД and the filling of the spare reserve are a part of the standards; what
    is withheld of a bill is at most the bill; a correction is one of the posting table, in the books of one party, and stands
    with the lines of the other parties of its event.
    """
    try:
        said = _loaded(data, kind)
        return PaperRead(_notice(said) if kind == "notice" else _listing(said), findings.empty())
    except BadFileError as error:
        key, _, what = str(error).partition(" ")
        params = {f"reason_{lang}": messages.text(f"insurer.file.{key}", lang, what=what) for lang in messages.LANGUAGES}
        return PaperRead(None, findings.frame([Finding("IY.11", package=name, file=name, value=name, params=params)]))


def _bad(reason: str) -> NoReturn:
    raise BadFileError(reason)


def _loaded(data: bytes, kind: str) -> Mapping[str, Any]:
    """The object of the file, with no other fields than its kind has."""
    said = load_object(data, LONGEST, FORMAT)
    if said.get("kind") != kind:
        _bad(f"kind {said.get('kind') if said.get('kind') in ('notice', 'settlement') else '?'}")
    wanted = {*_HEAD, *(_SUMS if kind == "notice" else ("fines", *_TABLES))}
    for field in sorted(wanted ^ set(said)):
        _bad(f"field {field if field in wanted else '?'}")
    if said["unit"] != "kopeck":
        _bad("field unit")
    return said


def _head(said: Mapping[str, Any]) -> tuple[str, str, Month, date]:
    return _code(said["territory"], "territory"), _code(said["smo"], "smo"), _of(said["month"]), _day(said["made_on"], "made_on")


def _of(value: object) -> Month:
    if not isinstance(value, str) or not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", value, re.ASCII):
        _bad("field month")
    try:
        return Month.parse(value)
    except ValueError:  # a month before the Rules
        _bad("field month")


def _notice(said: Mapping[str, Any]) -> Notice:
    made = Notice(*_head(said), *(_amount(said[name], name) for name in _SUMS))
    if made.case_management_kop + made.spare_fill_kop > made.standards_kop:
        _bad("sums standards_kop")
    return made


def _listing(said: Mapping[str, Any]) -> Listing:
    if said["fines"] not in ("apart", "in_act_132"):
        _bad("field fines")
    clinics, advances, corrections = (_table(said[name], name, columns) for name, columns in _TABLES.items())
    made = Listing(*_head(said), said["fines"] == "in_act_132", clinics, advances, corrections)
    if clinics["mo"].is_duplicated().any():
        _bad("twice clinics")
    if clinics.filter((pl.col("withheld_kop") > pl.col("billed_kop")) | (pl.col("refused_cases") > pl.col("cases"))).height:
        _bad("sums withheld_kop")
    for row in made.corrections.iter_rows(named=True):
        _lawful(row, made)
    _whole(made.corrections)
    return made


def _lawful(row: Mapping[str, Any], made: Listing) -> None:
    """A correction is of the posting table, in the books of one party, of the month, and not what the insurer books itself."""
    sides = [row["debit"], row["credit"]]
    if row["rule"] not in posting_rules() or row["rule"] in OWN_EVENTS or not all(_ACCOUNT.fullmatch(side) for side in sides):
        _bad("correction")
    if sides[0].split("/")[0] != sides[1].split("/")[0] or row["amount_kop"] <= 0:
        _bad("correction")
    if not made.month.first <= row["date"] <= made.month.last:
        _bad("correction")


def _whole(corrections: pl.DataFrame) -> None:
    """Every event stands with the lines of all its parties, so that the journal takes it: ledger, books and pairs sum to zero.

    A line that stands twice counts once, as it does in the journal.
    """
    said = corrections.unique(["date", "document", "rule", "debit", "credit", "amount_kop", "reference"], maintain_order=True)
    for (_, document, *_), lines in said.group_by("date", "document", "rule", "amount_kop", maintain_order=True):
        moved: dict[str, int] = {}
        for debit, credit, amount in lines.select("debit", "credit", "amount_kop").iter_rows():
            moved[debit] = moved.get(debit, 0) + amount
            moved[credit] = moved.get(credit, 0) - amount
        try:
            assert_balanced(moved)
        except AssertionError:
            _bad(f"half {document}")


def _table(said: object, name: str, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    if not isinstance(said, list):
        _bad(f"field {name}")
    rows = []
    for row in said:
        if not isinstance(row, dict) or set(row) != set(columns):
            _bad(f"row {name}")
        rows.append({column: _READ[str(kind)](row[column], column) for column, kind in columns.items()})
    return pl.DataFrame(rows, schema=dict(columns)).sort(list(columns))


def _amount(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        _bad(f"amount {name}")
    return value


def _day(value: object, name: str) -> date:
    if not isinstance(value, str) or len(value) != len("2022-03-31"):
        _bad(f"field {name}")
    try:
        return date.fromisoformat(value)
    except ValueError:
        _bad(f"field {name}")


def _code(value: object, name: str) -> str:
    if not isinstance(value, str) or (name in _CODES and not re.fullmatch(_CODES[name], value, re.ASCII)):
        _bad(f"field {name}")
    if not _TEXT.fullmatch(value):
        _bad(f"field {name}")
    return value


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        _bad(f"field {name}")
    return value


_READ: Final[Mapping[str, Callable[[object, str], object]]] = {
    str(pl.String()): _code, str(pl.Int64()): _amount, str(pl.Date()): _day, str(pl.Boolean()): _flag,
}  # fmt: skip
