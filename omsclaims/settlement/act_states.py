"""Which acts do the parties sign, what must add up in each, and how far is each? (Rules 121, 132, 142, 144, 149-151, 175-178)

An act says the same of both sides' books. It is drawn up by one party, sent, and signed by the other; or the other sends its own
figures, then the lines that differ are disputed, and line by line it is agreed whose figure stands. A signed or agreed act holds
the month that it is about: what was signed is corrected by later events, never by closing the month otherwise (law.md 4.7, 10.8).

    drawn -> sent -> signed
             sent -> disputed -> agreed -> signed
    drawn, sent, disputed -> void      the month was replaced, or another drawing took its place

States are derived from the events and never stored. All amounts are kopecks; the equations of a kind hold in its lines and in
each of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims import contract, findings, messages
from omsclaims.findings import Finding
from omsclaims.periods import Month
from omsclaims.settlement import ledger

_TEXT, _NUMBER, _DAY = pl.String(), pl.Int64(), pl.Date()

#: Equation: column -> the columns whose signed sum it is.
Equation = tuple[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Kind:
    """What an act of a kind has.

    point      point of the Rules;  period: month | year | file (a bill or an answer)
    lines      amounts of the whole act, in the order of the paper
    equations  what must hold in the lines and, where all its columns are there, in each row
    rows       columns of its list, or none; the first ones name the row (`key`), those in `lines` sum to the line
    persons    the paper names people: it belongs into the restricted part. The file never does.
    """

    point: str
    period: str
    lines: tuple[str, ...]
    equations: tuple[Equation, ...]
    rows: Mapping[str, pl.DataType] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    persons: bool = False


_ITEM: Final = {"n_zap": _NUMBER, "idcase": _NUMBER}
_BILL: Final = {"nschet": _TEXT, "dschet": _DAY}
_REFUSED: Final = ("presented_kop", "accepted_kop", "refused_kop")
_REFUSED_ROWS: Final = {**_ITEM, **dict.fromkeys(_REFUSED, _NUMBER), "codes": _TEXT}
_REFUSED_SUM: Final = ("accepted_kop", {"presented_kop": 1, "refused_kop": -1})

_LINES_149: Final = ("start_kop", "presented_kop", "refunded_kop", "refused_kop", "end_kop")
_LINES_176: Final = ("start_kop", "presented_kop", "paid_kop", "refused_kop", "end_kop")

#: Kinds of acts by their point.
KINDS: Final[dict[str, Kind]] = {
    "121": Kind(
        "121", "month",
        (
            "start_kop", "start_spare_kop", "start_preventive_kop", "received_kop", "by_standards_kop", "from_nsz_kop",
            "other_received_kop", "returned_kop", "case_management_kop", "spent_kop", "preventive_spent_kop", "end_kop",
            "end_payment_kop", "end_spare_kop", "end_preventive_kop",
        ),
        (
            ("end_kop", {"start_kop": 1, "received_kop": 1, "case_management_kop": -1, "spent_kop": -1}),
            ("end_kop", {"end_payment_kop": 1, "end_spare_kop": 1, "end_preventive_kop": 1}),
            ("received_kop", {"by_standards_kop": 1, "from_nsz_kop": 1, "other_received_kop": 1, "returned_kop": -1}),
        ),
    ),
    "132": Kind(
        "132", "month",
        ("start_kop", "billed_kop", "withheld_kop", "mek_kop", "mee_kop", "ekmp_kop", "transferred_kop", "end_kop"),
        (
            ("end_kop", {"start_kop": 1, "billed_kop": 1, "withheld_kop": -1, "transferred_kop": -1}),
            ("withheld_kop", {"mek_kop": 1, "mee_kop": 1, "ekmp_kop": 1}),
        ),
    ),
    "142": Kind("142", "file", _REFUSED, (_REFUSED_SUM,), _REFUSED_ROWS, tuple(_ITEM), persons=True),
    "144": Kind("144", "file", _REFUSED, (_REFUSED_SUM,), _REFUSED_ROWS, tuple(_ITEM), persons=True),
    "149": Kind(
        "149-151", "year", _LINES_149,
        (("end_kop", {"start_kop": 1, "presented_kop": 1, "refunded_kop": -1, "refused_kop": -1}),),
        {**_BILL, **dict.fromkeys(_LINES_149, _NUMBER)}, tuple(_BILL),
    ),
    "175": Kind(
        "175", "file", ("presented_kop", "paid_kop", "refused_kop"),
        (("paid_kop", {"presented_kop": 1, "refused_kop": -1}),),
        {**_ITEM, **dict.fromkeys(("presented_kop", "paid_kop", "refused_kop"), _NUMBER), "codes": _TEXT},
        tuple(_ITEM), persons=True,
    ),
    "176": Kind(
        "176-178", "year", _LINES_176,
        (("end_kop", {"start_kop": 1, "presented_kop": 1, "paid_kop": -1, "refused_kop": -1}),),
        {**_BILL, **dict.fromkeys(_LINES_176, _NUMBER)}, tuple(_BILL),
    ),
}  # fmt: skip
#: Kinds whose lines are the sums of their rows. Of the others (142, 144, 175) the rows are only what was refused.
_SUMMED: Final = ("149", "176")


@dataclass(frozen=True)
class Act:
    """What an act says. The one shape of it in tables, files and papers.

    kind, number   `121`, `121/2022-03/75901`;  first, last: days of the period (of a file: its month)
    party, other   who drew it up and with whom: names of the ledger (`fund:75`, `insurer:75901`, `clinic:..`, `territory:38`)
    lines          amounts in kopecks: exactly the lines of its kind;  rows: its list, columns of the kind, sorted by its key
    about          file that it speaks of (142, 144: the answer A; 175: the bill), else null
    """

    kind: str
    number: str
    first: date
    last: date
    party: str
    other: str
    drawn_on: date
    lines: Mapping[str, int]
    rows: pl.DataFrame
    about: str | None = None

    @property
    def period(self) -> str:
        """`2022-03`, or the year of the last day for a yearly act."""
        return str(self.last.year) if KINDS[self.kind].period == "year" else f"{self.first:%Y-%m}"


def no_rows(kind: str) -> pl.DataFrame:
    """The empty list of a kind."""
    return pl.DataFrame(schema=dict(KINDS[kind].rows))


def monthly(kind: str, row: Mapping[str, Any], of: Month, territory: str, drawn_on: date) -> Act:
    """The act of a month from a row of contract `act_121` or `act_132`; asserts its equations.

    territory  of the fund; the act of point 121 is between it and the insurer, that of 132 between the payer and the clinic
    """
    if kind == "121":
        party, other, number = ledger.fund(territory), ledger.insurer(row["smo"]), f"121/{of}/{row['smo']}"
    else:
        party, other = ledger.payer_party(row["payer"], territory), ledger.clinic(row["mo"])
        number = f"132/{of}/{row['payer']}/{row['mo']}"
    lines = {name: int(row.get(name) or 0) for name in KINDS[kind].lines}
    return sound(Act(kind, number, of.first, of.last, party, other, drawn_on, lines, no_rows(kind)))


def sound(act: Act) -> Act:
    """The act itself. Raises AssertionError naming the first equation that does not hold: such an act is never made."""
    wrong = problems(act)
    assert wrong.is_empty(), f"act {act.number}: {wrong['params'][0]}"
    return act


def problems(act: Act) -> pl.DataFrame:
    """AK.3: equations that do not hold, in the lines, in a row, or between a line and the sum of the rows (findings frame)."""
    kind = KINDS[act.kind]
    found = [_off(act, equation, act.lines, None) for equation in kind.equations]
    for row in act.rows.iter_rows(named=True):
        named = "/".join(str(row[name]) for name in kind.key)
        found += [_off(act, equation, row, named) for equation in kind.equations]
    for name in kind.lines if act.kind in _SUMMED else ():
        total = int(act.rows[name].sum())
        if total != act.lines[name]:
            found.append(_wrong(act, name, act.lines[name], total, None))
    return findings.frame(one for one in found if one is not None)


def _off(act: Act, equation: Equation, row: Mapping[str, Any], named: str | None) -> Finding | None:
    column, parts = equation
    total = sum(sign * int(row[name]) for name, sign in parts.items())
    return None if row[column] == total else _wrong(act, column, int(row[column]), total, named)


def _wrong(act: Act, column: str, said: int, expected: int, named: str | None) -> Finding:
    params: dict[str, object] = {"act": act.number, "line": column, "row": named or "-", "said": said, "expected": expected}
    return Finding("AK.3", package=act.number, file=act.number, element=column, value=str(said), params=params)


def sums(rows: pl.DataFrame, kind: str) -> dict[str, int]:
    """The lines of an act whose lines are the sums of its rows."""
    return {name: int(rows[name].sum()) for name in KINDS[kind].lines}


def line_names(kind: str) -> Sequence[str]:
    """Columns of the lines of a kind, in the order of the paper."""
    return KINDS[kind].lines


# ---- how far an act is --------------------------------------------------------------------------------------------------

#: Step -> states in which it may be taken.
STEPS: Final[dict[str, tuple[str, ...]]] = {
    "sent": ("drawn",), "signed": ("sent", "agreed"), "disputed": ("sent",), "agreed": ("disputed",),
    "void": ("drawn", "sent", "disputed"),
}  # fmt: skip
#: States in which an act holds its month.
HOLDING: Final = ("signed", "agreed")


def apply(
    acts: pl.DataFrame, events: pl.DataFrame, made: Mapping[str, date] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """How far each act is: contract `act_register`, sorted by seq of drawing; and findings of events that may not be.

    acts    contract `act_drawn`;  events: contract `act_events`, taken in the order of their numbers in the chain
    made    act -> day on which it was really drawn up (see `first_day`), where that is known

    AK.1 an event of no act; AK.2, AK.9, AK.10, AK.11 as `step`. Such an event changes nothing.
    """
    rows: dict[str, dict[str, Any]] = {}
    for act in acts.sort("seq", "act").iter_rows(named=True):
        made_on = (made or {}).get(act["act"])
        rows[act["act"]] = {**act, "made_on": made_on, "sent_on": None, "signed_on": None, "state": "drawn"}
    wrong: list[Finding] = []
    for event in events.sort("seq", "act", "event").iter_rows(named=True):
        row = rows.get(event["act"])
        problems_of_event = step(row, event["act"], event["event"], event["on"])
        if problems_of_event or row is None:
            wrong += problems_of_event
            continue
        row.update(after(row, event["event"], event["on"]), seq=event["seq"])
    schema = contract.TABLES["act_register"].schema()
    table = pl.DataFrame([{name: row[name] for name in schema} for row in rows.values()], schema=schema)
    return table, findings.frame(wrong)


def after(row: Mapping[str, Any], event: str, on: date) -> dict[str, Any]:
    """What a lawful step changes."""
    changed: dict[str, Any] = {"state": event}
    if event == "sent":
        changed["sent_on"] = on
    if event in HOLDING:
        changed["signed_on"] = row["signed_on"] or on
    return changed


def step(row: Mapping[str, Any] | None, act: str, event: str, on: date) -> list[Finding]:
    """Why a step may not be taken; empty: it may.

    AK.1 no such act; AK.2 it is signed; AK.9 not in this state; AK.10 it is void; AK.11 a day before the step before.
    """
    said = {
        "act": act,
        "on": on.isoformat(),
        **{f"step_{lang}": messages.text(f"act_book.step.{event}", lang) for lang in _LANGS},
    }
    if row is None:
        return [Finding("AK.1", package=act, file=act, value=act, params=said)]
    state = row["state"]
    said |= {f"state_{lang}": messages.text(f"act_book.state.{state}", lang) for lang in _LANGS}
    if state == "signed":
        return [Finding("AK.2", package=act, file=act, value=act, params={**said, "on": str(row["signed_on"])})]
    if state == "void":
        return [Finding("AK.10", package=act, file=act, value=act, params=said)]
    if state not in STEPS[event]:
        return [Finding("AK.9", package=act, file=act, value=act, params=said)]
    before = row["signed_on"] or row["sent_on"] or first_day(row)
    if event != "void" and on < before:
        return [Finding("AK.11", package=act, file=act, value=str(on), params={**said, "before": before.isoformat()})]
    return []


def first_day(row: Mapping[str, Any]) -> date:
    """The day before which an act cannot have been sent.

    The paper of an act of a month bears the last day of its term (121, 132), also where the month was closed sooner: such an act
    goes out from the day on which it was drawn up. No other act is dated ahead of that day.
    """
    printed: date = row["drawn_on"]
    made_on: date | None = row["made_on"]
    return min(printed, made_on) if made_on is not None and KINDS[row["kind"]].period == "month" else printed


_LANGS: Final = ("ru", "en")


def late(row: Mapping[str, Any], event: str, on: date, due: date | None) -> list[Finding]:
    """AK.5: a step after its last day (150-151, 177-178): it counts all the same. due: None where none is known."""
    if due is None or on <= due:
        return []
    names = {f"step_{lang}": messages.text(f"act_book.step.{event}", lang) for lang in _LANGS}
    params = {"act": row["act"], "on": on.isoformat(), "due": due.isoformat(), **names}
    return [Finding("AK.5", package=row["act"], file=row["act"], value=on.isoformat(), params=params)]


def open_lines(disagreements: pl.DataFrame) -> pl.DataFrame:
    """Lines in dispute as they stand: the last row of each act, row and line (contract `act_disagreements`), sorted."""
    key = ["act", "row", "line"]
    return disagreements.sort("seq", nulls_last=False, maintain_order=True).unique(key, keep="last", maintain_order=True).sort(
        key, nulls_last=False
    )  # fmt: skip
