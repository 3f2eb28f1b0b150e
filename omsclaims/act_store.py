"""Where does a workspace keep its acts? The register: what was drawn up, every step of it, every line in dispute (Rules 121-178).

    act_drawn          an act as it was drawn up, its file beside it; never changed
    act_events         its steps: sent, signed, disputed, agreed, void
    act_disagreements  lines in which the other side's act differs, and the figures that were agreed
    act_papers         papers on the disk that were made for it (those of months are documents of the closing)

States are derived (`settlement.act_states.apply`) and never stored. Each step is named in the event of the chain that follows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims import contract
from omsclaims.periods import Month
from omsclaims.settlement import act_states
from omsclaims.workspace import Workspace, WorkspaceError

TABLES: Final = ("act_drawn", "act_events", "act_disagreements")


def _held(ws: Workspace) -> bool:
    return ws.holds("act_drawn")


def _make(ws: Workspace) -> None:
    """The tables, in the transaction of the first act."""
    if _held(ws):
        return
    for name in TABLES:
        ws.make_table(name, ["act"] if name == "act_drawn" else [])
    ws.rows("CREATE TABLE IF NOT EXISTS act_papers (path VARCHAR PRIMARY KEY, act VARCHAR NOT NULL)")


def table(ws: Workspace, name: str) -> pl.DataFrame:
    """One of TABLES, in the order in which it was written."""
    assert name in TABLES
    if not _held(ws):
        return contract.TABLES[name].empty()
    return ws.frame(name, f"SELECT * FROM {name} ORDER BY seq, rowid")  # noqa: S608 - a constant


def register(ws: Workspace) -> pl.DataFrame:
    """All acts and how far each is: contract `act_register`, in the order in which they were drawn up."""
    rows, wrong = act_states.apply(table(ws, "act_drawn"), table(ws, "act_events"), _made_on(ws))
    assert wrong.is_empty(), f"a step of an act that may not be: {wrong.row(0, named=True)}"
    return rows


def _made_on(ws: Workspace) -> dict[str, date]:
    """Day of the event with which each act was drawn up; none for those that are being drawn up now."""
    return dict(ws.rows("SELECT act, as_of FROM act_drawn JOIN chain USING (seq)")) if _held(ws) else {}


def index(ws: Workspace) -> dict[str, dict[str, Any]]:
    """Acts by what they may be called: each by its name in the register, and a number as the newest that is not void, else the
    newest. Read once for many acts; the caller keeps it up to date."""
    found: dict[str, dict[str, Any]] = {}
    for row in register(ws).iter_rows(named=True):
        before = found.get(row["number"])
        if before is None or row["state"] != "void" or before["state"] == "void":
            found[row["number"]] = row
        if row["act"] != row["number"]:
            found[row["act"]] = row
    return found


def find(ws: Workspace, number: str) -> dict[str, Any] | None:
    """The act of this name; of a number the newest that is not void, else the newest; None: there is none."""
    return index(ws).get(number)


def body(ws: Workspace, act: str) -> bytes:
    """The file of an act as it was drawn up."""
    return str(ws.rows("SELECT body FROM act_drawn WHERE act = ?", [act])[0][0]).encode()


def name_for(ws: Workspace, number: str) -> str:
    """Name of the next drawing of a number: itself, then number#2, #3."""
    drawn = int(ws.rows("SELECT count(*) FROM act_drawn WHERE number = ?", [number])[0][0]) if _held(ws) else 0
    return number if drawn == 0 else f"{number}#{drawn + 1}"


def add(ws: Workspace, row: Mapping[str, Any], papers: Iterable[str] = ()) -> None:
    """Writes a drawn act (columns of `act_drawn` save seq) and names its papers; the event of the chain follows."""
    _make(ws)
    _insert(ws, "act_drawn", {**row, "seq": ws.next_seq()})
    for path in papers:
        ws.rows("INSERT OR REPLACE INTO act_papers VALUES (?, ?)", [path, row["act"]])


def add_event(
    ws: Workspace, act: str, event: str, on: date, who: str, why: str | None = None, document: str | None = None,
    text: str | None = None,
) -> None:  # fmt: skip
    """Writes a step of an act; the event of the chain follows."""
    row = {"act": act, "event": event, "on": on, "who": who, "why": why, "document": document, "body": text}
    _insert(ws, "act_events", {**row, "seq": ws.next_seq()})


def add_lines(ws: Workspace, rows: pl.DataFrame, on: date) -> None:
    """Writes lines in dispute, or as they were agreed (contract `act_disagreements`)."""
    for row in rows.iter_rows(named=True):
        _insert(ws, "act_disagreements", {**row, "on": on, "seq": ws.next_seq()})


def _insert(ws: Workspace, name: str, row: Mapping[str, Any]) -> None:
    columns = list(contract.TABLES[name].schema())
    marks = ", ".join("?" * len(columns))
    ws.rows(f"INSERT INTO {name} VALUES ({marks})", [row[column] for column in columns])  # noqa: S608 - a constant and marks


def month_signed(ws: Workspace, of: Month) -> str | None:
    """Why a month cannot be closed otherwise (closing.HOLDS): an act of it is signed; that is corrected by later events."""
    if not _held(ws):
        return None
    holding = register(ws).filter((pl.col("month") == str(of)) & pl.col("state").is_in(list(act_states.HOLDING)))
    return "act_book.month_signed" if holding.height else None


def void_month(ws: Workspace, of: Month, on: date, who: str, why: str) -> list[str]:
    """Makes the acts of a month void that is opened again; returns their names, for the event of the chain that follows.

    Acts of its files and years stay: what left the house forbids replacing the month in the first place.
    """
    if not _held(ws):
        return []
    living = register(ws).filter(
        (pl.col("month") == str(of))
        & pl.col("kind").is_in(["121", "132"])
        & pl.col("state").is_in(list(act_states.STEPS["void"]))
    )
    for act in living["act"]:
        add_event(ws, act, "void", on, who, why)
    return living["act"].to_list()


def require(ws: Workspace, number: str) -> dict[str, Any]:
    """As `find`. Raises WorkspaceError `act_book.unknown`."""
    found = find(ws, number)
    if found is None:
        raise WorkspaceError("act_book.unknown", number=number)
    return found
