"""How often was a case billed, what was decided each time, and what did the clinic change in between? (Rules 128; law.md 10.5.)

A chain begins with a refusal by МЭК and goes on with every resubmission (PR_NOV = 1) that answers it. The record as it was sent
is kept with its package: two of them are compared element by element; personal values are masked.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Any, Final

import polars as pl
from lxml import etree

from omsclaims import expertise_store as store
from omsclaims.findings import mask
from omsclaims.law import Parameters
from omsclaims.registry import archive
from omsclaims.registry.formats import PERSONAL
from omsclaims.settlement.payments import resubmit_by
from omsclaims.workspace import Workspace

#: What differs in every submission by itself and says nothing about the correction.
_NUMBERS: Final = frozenset({"ZAP/N_ZAP", "ZAP/PR_NOV", "ZAP/Z_SL/IDCASE"})


@dataclass(frozen=True)
class Submission:
    """One time that a case was billed: where, how much, what was decided, until when it could come again.

    received  day on which the clinic got the act of МЭК, due: last day to bill again; None for an accepted case
    """

    month: str
    package: str
    n_zap: int | None
    idcase: int | None
    pr_nov: int
    sumv_kop: int
    sump_kop: int
    oplata: int
    ground: str | None
    num_act: str | None
    received: date | None
    due: date | None


@dataclass(frozen=True)
class Change:
    """An element that two submissions have differently; None where one has it not. Personal values are masked."""

    path: str
    before: str | None
    after: str | None


def chain_of(
    workspace: Workspace, month: str, package: str, n_zap: int | None, idcase: int | None, law: Parameters
) -> list[Submission]:
    """Submissions of the chain that a case belongs to, in the order of time; empty for a case that was billed once and paid."""
    rows = store.refusals(workspace, workspace.closed_months())
    of_case = (
        (pl.col("month") == month) & (pl.col("package") == package) & pl.col("n_zap").eq_missing(pl.lit(n_zap, dtype=pl.Int64))
        & pl.col("idcase").eq_missing(pl.lit(idcase, dtype=pl.Int64))
    )  # fmt: skip
    own = rows.filter(of_case)
    if own.is_empty():
        return []
    receipts = workspace.register("reg_receipt").sort("received_on", descending=True)
    received = {(mo, act): day for mo, act, day in receipts.select("mo", "num_act", "received_on").iter_rows()}
    chain = rows.filter(pl.col("chain") == own["chain"][0]).sort("month", "package", "n_zap", "idcase", nulls_last=True)
    return [_submission(workspace, row, received, law) for row in chain.iter_rows(named=True)]


def _submission(workspace: Workspace, row: dict[str, Any], received: dict[tuple[str, str], date], law: Parameters) -> Submission:
    refused = row["oplata"] == 2
    day = received.get((row["code_mo"], row["num_act"]), row["date_act"]) if refused else None
    paid = 0
    if not refused:
        view = store.closed_view(workspace, row["month"])
        own = view.filter((pl.col("package") == row["package"]) & pl.col("idcase").eq_missing(row["idcase"]))
        paid = int((own["sumv_kop"] - own["sank_it_kop"]).sum())
    return Submission(
        row["month"], row["package"], row["n_zap"], row["idcase"], row["pr_nov"] or 0, row["sumv_kop"] or 0, paid, row["oplata"],
        row["ground_code"], row["num_act"], day, None if day is None else resubmit_by(day, law),
    )  # fmt: skip


def changes(workspace: Workspace, before: Submission, after: Submission) -> list[Change]:
    """What the record and the person of a later submission have otherwise than the earlier one, element by element."""
    old, new = (elements(workspace, one) for one in (before, after))
    paths = sorted({*old, *new})
    return [
        Change(path, _shown(path, old.get(path)), _shown(path, new.get(path)))
        for path in paths
        if old.get(path) != new.get(path) and path not in _NUMBERS
    ]


def _shown(path: str, value: str | None) -> str | None:
    tag = path.rpartition("/")[2].partition("[")[0]
    return mask(value) if tag.lower() in PERSONAL else value


def elements(workspace: Workspace, one: Submission) -> dict[str, str]:
    """Leaves of the record (ZAP) and of its person (PERS) as the clinic sent them: path -> text.

    An element that repeats in its parent is numbered from 1: ZAP/Z_SL/SL[2]/USL[1]/CODE_USL.
    """
    row = next(row for row in workspace.packages(one.month) if row.package == one.package and row.state == "accepted")
    path = workspace.folder / row.original
    members = [archive.Member.of_path(path)] if path.suffix == ".xml" else archive.open_archive(path, verify=False).members
    found: dict[str, str] = {}
    for member in members:
        main = PurePosixPath(member.name).stem.upper() == one.package.upper() or len(members) == 1
        if main:
            record = _record(member.data, "ZAP", lambda zap: _is_record(zap, one))
            if record is not None:
                found |= dict(_leaves(record, "ZAP"))
    person = found.get("ZAP/PACIENT/ID_PAC")
    for member in members:
        if person is not None and PurePosixPath(member.name).stem.upper() != one.package.upper():
            record = _record(member.data, "PERS", lambda pers: pers.findtext("ID_PAC") == person)
            if record is not None:
                found |= dict(_leaves(record, "PERS"))
    return found


def _is_record(zap: etree._Element, one: Submission) -> bool:
    named = zap.findtext("N_ZAP") == str(one.n_zap)
    return named and any(case.findtext("IDCASE") == str(one.idcase) for case in zap.iter("Z_SL", "SLUCH"))


def _record(content: bytes, tag: str, wanted: Callable[[etree._Element], bool]) -> etree._Element | None:
    """The first record that is wanted; the others are forgotten as they pass. The file was accepted: it is well formed."""
    events = etree.iterparse(
        io.BytesIO(content), events=("end",), tag=tag, resolve_entities=False, no_network=True, load_dtd=False
    )
    for _, record in events:
        found: etree._Element = record
        if wanted(found):
            return found
        found.clear()
    return None


def _leaves(element: etree._Element, path: str) -> Iterator[tuple[str, str]]:
    """Leaves below an element with their paths."""
    tags = [str(child.tag) for child in element if isinstance(child.tag, str)]
    many = {tag for tag, count in Counter(tags).items() if count > 1}
    seen: Counter[str] = Counter()
    for child in element:
        if not isinstance(child.tag, str):
            continue
        seen[child.tag] += 1
        name = f"{path}/{child.tag}[{seen[child.tag]}]" if child.tag in many else f"{path}/{child.tag}"
        if len(child):
            yield from _leaves(child, name)
        else:
            yield name, (child.text or "").strip()
