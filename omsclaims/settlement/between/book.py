"""Which files speak of which bill, and how far is each of its items? The files of both directions as one book (Rules 139-145).

A bill is a file R. Answers A speak of an R or a D, a D of an R; papers of our own say that the rest was given up (C) or written
off (W). Only files that were taken count. The same functions serve the fund that sent the bill and the fund that got it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract
from omsclaims.findings import Finding
from omsclaims.law import terms as law_terms
from omsclaims.settlement.between.items import Stage, fold

if TYPE_CHECKING:
    from datetime import date

    from omsclaims.law import Parameters
    from omsclaims.settlement.between.reading import FileRead

#: Kind of a file and of the file that it is about -> what it is for the items.
STAGE: Final[dict[tuple[str, str], Stage]] = {
    ("A", "R"): "answer", ("D", "R"): "corrected", ("A", "D"): "final", ("C", "R"): "conceded", ("W", "R"): "written_off",
}  # fmt: skip


def taken(files: pl.DataFrame) -> pl.DataFrame:
    """The files that count: sent or taken, not refused or withdrawn."""
    return files.filter(pl.col("state") == "taken")


def bill_of(file_name: str, files: pl.DataFrame) -> str:
    """The bill R that a file speaks of: itself, or what it is about, or what that is about."""
    return _root(file_name, _about(files))


def bills_of(files: pl.DataFrame) -> dict[str, str]:
    """File -> the bill R that it speaks of, as `bill_of` tells of one."""
    about = _about(files)
    return {name: _root(name, about) for name in files["file_name"]}


def _about(files: pl.DataFrame) -> dict[str, str]:
    return dict(files.filter(pl.col("about").is_not_null()).select("file_name", "about").iter_rows())


def _root(name: str, about: Mapping[str, str]) -> str:
    while name in about:
        name = about[name]
    return name


def names_of(files: pl.DataFrame) -> dict[str, dict[str, list[str]]]:
    """Bill -> what it is (bill, or a stage) -> names of the files that were taken, in the order in which they came."""
    held = taken(files).sort("seq", "file_name")
    kinds, about = dict(held.select("file_name", "kind").iter_rows()), _about(held)
    found: dict[str, dict[str, list[str]]] = {name: {"bill": [name]} for name, kind in kinds.items() if kind == "R"}
    for name, kind in kinds.items():
        stage = STAGE.get((kind, kinds.get(about.get(name, ""), "")))
        bill = _root(name, about)
        if stage is not None and bill in found:
            found[bill].setdefault(stage, []).append(name)
    return found


def stages_of(bill: str, files: pl.DataFrame, items: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Items of the files of one bill by what they are: bill, answer, corrected, conceded, final, written_off."""
    names = names_of(files).get(bill, {"bill": [bill]})
    return {stage: items.filter(pl.col("file_name").is_in(own)) for stage, own in names.items()}


def states_of(bill: str, files: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """States of the items of one bill from its files: contract `between_states`, terms empty."""
    frames = stages_of(bill, files, items)
    return fold(frames.pop("bill"), **frames)


def states(files: pl.DataFrame, items: pl.DataFrame, side: str) -> pl.DataFrame:
    """States of all bills in which our role is `side` (place, home), sorted by bill and number."""
    bills = taken(files).filter((pl.col("side") == side) & (pl.col("kind") == "R"))["file_name"]
    names = names_of(files)
    rows = [(name, bill, stage) for bill in bills for stage, own in names[bill].items() for name in own]
    if not rows:
        return contract.TABLES["between_states"].empty()
    named = pl.DataFrame(rows, schema={"file_name": pl.String, "bill": pl.String, "stage": pl.String}, orient="row")
    of_bills = items.join(named, on="file_name", how="inner", maintain_order="left")
    frames = {str(stage): part for (stage,), part in of_bills.partition_by("stage", as_dict=True, include_key=False).items()}
    return fold(frames.pop("bill", of_bills.clear()), **frames)


def dated(rows: pl.DataFrame, files: pl.DataFrame, law: Parameters, as_of: date) -> pl.DataFrame:
    """`rows` (states) with the last day of the next step, whether it has passed on `as_of`, and the term of point 133 beside it.

    presented        answer of the home fund: 142, from the bill (sent, or received where we are the home fund)
    questioned       corrected part: 143, from the answer;  presented_again: final answer and payment: 145, from the D
    The calendar may end before a term does: then the term is empty, not the list.
    """
    held, names = taken(files), names_of(files)
    days = dict(held.select("file_name", pl.coalesce("received_on", "sent_on", "data")).iter_rows())
    table: list[tuple[str, str, date | None, date | None]] = []
    for bill, state in sorted(set(rows.select("bill", "state").iter_rows())):
        if state not in _BEGAN:
            continue
        began = [days[name] for name in names.get(bill, {}).get(_BEGAN[state], []) if days[name] is not None]
        event = max(began, default=None)  # terms of a later part of an answer begin later
        if event is None:
            continue
        beside = law_terms.due_or_none(law, "territories.refund_days", event) if state == "presented" else None
        table.append((bill, state, law_terms.due_or_none(law, TERMS[state], event), beside))
    schema = {"bill": pl.String, "state": pl.String, "_due": pl.Date, "_law": pl.Date}
    full = rows.join(pl.DataFrame(table, schema=schema, orient="row"), on=["bill", "state"], how="left", maintain_order="left")
    return contract.check(
        "between_states",
        full.with_columns(due=pl.col("_due"), law_term=pl.col("_law"), overdue=(pl.col("_due") < as_of).fill_null(value=False)),
    )


#: State of an item -> the file by which the term of its next step began.
_BEGAN: Final = {"presented": "bill", "questioned": "answer", "presented_again": "corrected"}
#: State of an item -> the term of the step that comes next.
TERMS: Final = {
    "presented": "territories.answer_working_days", "questioned": "territories.corrected_working_days",
    "presented_again": "territories.final_working_days",
}  # fmt: skip


def name_problems(read: FileRead, digest: str, files: pl.DataFrame) -> list[Finding]:
    """TB.9 a file of this name was taken with other content; TB.12 the number of a bill was used by another file of the sender.

    The same content again is no problem: the caller has nothing to do then.
    """
    found = []
    same = taken(files).filter((pl.col("file_name") == read.file_name) & (pl.col("digest") != digest))
    if same.height:
        found.append(Finding("TB.9", package=read.file_name, file=read.file_name, value=read.file_name))
    if read.kind in "RD":
        used = taken(files).filter(
            (pl.col("kind") == read.kind) & (pl.col("sender") == read.sender) & (pl.col("year") == read.year)
            & (pl.col("nschet") == read.nschet) & (pl.col("file_name") != read.file_name)
        )  # fmt: skip
        if used.height:
            params = {"other": used["file_name"][0]}
            found.append(
                Finding(
                    "TB.12", package=read.file_name, file=read.file_name, element="SCHET/NSCHET", value=read.nschet, params=params
                )
            )
    return found
