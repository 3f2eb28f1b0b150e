"""What does the fund of insurance do with bills of other territories? Takes R and D, answers with A, pays: the workspace half.

Rules 142, 144-145; law.md 11. Each step is one transaction: the file, its items, the money in the journal and the event of the
chain, or nothing. Persons of a bill lie in the people part only; what a later bill is held against is its care without names.
Whatever is wrong with a file itself refuses it whole and changes nothing; what is wrong with the care is a ground of the answer.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, cast

import polars as pl

from omsclaims import bank, between, between_back, between_store, closing, contract, findings, intake, journal
from omsclaims.context import Context
from omsclaims.findings import Finding
from omsclaims.law import Parameters, federal_parameters
from omsclaims.law import terms as law_terms
from omsclaims.periods import CalendarEndsError, Month
from omsclaims.registry import formats, numbering, reader, writer
from omsclaims.reports import answer_files
from omsclaims.settlement import territories
from omsclaims.settlement.between import book, checking, home, items, place, reading, terms
from omsclaims.workspace import Workspace, WorkspaceError

#: Findings that do not stop a file: it is taken, and they are said.
SAID_ONLY: Final = ("TB.6",)
#: Tables of a bill that are kept: in the people part, since records hold persons.
_NOT_KEPT: Final = ("exceptions", "extra")
_CARE, _FOUND = "care", "file_findings"
_KEY: Final = ["n_zap", "idcase"]


# ---- taking R and D -------------------------------------------------------------------------------------------------------


def take_bill(
    ws: Workspace, checked: intake.CheckedPackage, data: bytes, as_of: date, who: str, received_on: date,
    law: Parameters | None = None,
) -> between.Done:  # fmt: skip
    """Takes a file R or D that came in (inside `Workspace.writing`); `between.take_one` has seen that it is none known before.

    Refused whole, nothing booked: what sends a file back (S.*, official rows about the file), TB.4, TB.7, TB.8 it does not agree
    with itself, TB.5 another territory or OKATO, TB.9 same name with other content, TB.12 a number used, TH.11 a D of no bill
    here, TB.2, TB.3, TB.11 items of a D. TB.6 after its term: taken, said.
    """
    read = checked.read
    told = _with_sums(file_read_of(read))
    files = between_store.files(ws)
    context = context_of(ws, told, as_of, law)
    of_file = between.said_of_file(checked)
    found = [of_file, checking.self_checks(told), findings.frame(_parties(told, context)), findings.frame(_unusable(told))]
    found.append(findings.frame(book.name_problems(told, read.digest, files)))
    bill = _bill_of(ws, told, files) if told.kind == "D" else None
    if told.kind == "D":
        found.append(_items_of_d(ws, told, bill, files))
    found.append(findings.frame(_late(told, bill, files, received_on, context)))
    said = findings.concat(found)
    wrong = said.filter(pl.col("rule").str.starts_with("TB.") | (pl.col("rule") == "TH.11"))
    refused = read.refused or _sent_back(of_file) or not wrong.filter(~pl.col("rule").is_in(list(SAID_ONLY))).is_empty()
    late = not said.filter(pl.col("rule") == "TB.6").is_empty()
    row = {
        **_row(told), "about": None if bill is None else bill, "received_on": received_on, "late": late,
        "presented_kop": int(told.items["sump_kop"].sum() or 0), "state": "refused" if refused else "taken",
    }  # fmt: skip
    if refused:
        return between.keep(ws, row, told.items, data, said, as_of, who, kind="territory_take")
    problem = _book_bill(ws, told, bill, files, as_of, received_on, who, read.digest)
    if problem is not None:
        return between.keep(
            ws, {**row, "state": "refused"}, told.items, data, findings.concat([said, problem]), as_of, who, "territory_take"
        )
    people = {name: table for name, table in read.tables.items() if name not in _NOT_KEPT and table.width}
    controlled = control(ws, told.file_name, bill, people, context)
    people[_CARE], people[_FOUND] = controlled.care, of_file
    keyed = told.items.drop("person_key").join(
        controlled.care.select(*_KEY, "person_key"), on=_KEY, how="left", maintain_order="left"
    )
    rows = contract.check("between_items", keyed)
    return between.keep(ws, row, rows, data, findings.concat([said, controlled.findings]), as_of, who, "territory_take", people)


def _unusable(told: reading.FileRead) -> list[Finding]:
    """Items that no book can hold: TB.3 the same N_ZAP and IDCASE twice, TB.4 a number or sum that cannot be read."""
    rows = told.items.with_columns(pl.struct(*_KEY).is_duplicated().alias("_twice"))
    unread = pl.any_horizontal(pl.col(name).is_null() for name in (*_KEY, "sumv_kop", "sump_kop"))
    found = []
    for condition, rule, reason in ((pl.col("_twice"), "TB.3", "twice"), (unread, "TB.4", "sum")):
        for n_zap, idcase in rows.filter(condition).select(_KEY).unique(maintain_order=True).iter_rows():
            found.append(checking.item_finding(told, rule, reason, n_zap, idcase))
    return found


def _sent_back(of_file: pl.DataFrame) -> bool:
    """Whether rows of the official books on format and logic find the file itself wrong: it goes back whole."""
    return not of_file.filter((pl.col("level") == "file") & pl.col("rule").str.contains(r"^\d{3}F\.")).is_empty()


def file_read_of(read: reader.PackageRead) -> reading.FileRead:
    """A file read, as settlement sees it."""
    name = read.interterritorial
    assert name is not None and read.format is not None
    return reading.file_read(read.name, name.kind, name.sender, name.receiver, read.format.id, read.tables)


def _with_sums(told: reading.FileRead) -> reading.FileRead:
    """Edition 1.0 may leave SUMP out: then what was billed less the place fund's own sanctions is asked for."""
    asked = pl.coalesce("sump_kop", pl.col("sumv_kop") - pl.col("own_sank_kop"))
    return replace(told, items=told.items.with_columns(sump_kop=asked)) if told.version.endswith("1.0") else told


def context_of(ws: Workspace, told: reading.FileRead, as_of: date, law: Parameters | None = None) -> Context:
    """Surroundings of a bill: its month, the register and books of the day, the agreement of its year or that of today."""
    of = Month(told.year or as_of.year, told.month or as_of.month) if _is_month(told) else Month(as_of.year, as_of.month)
    year = of.year if of.year in ws.agreement_years() else as_of.year
    context, _ = closing.load_context(ws, Month(year, of.month), as_of)
    return replace(context, month=of, books=ws.library().books(of, as_of), law=law or context.law)


def _is_month(told: reading.FileRead) -> bool:
    return told.year is not None and told.month is not None and 2011 <= told.year <= 2100 and 1 <= told.month <= 12


def _parties(told: reading.FileRead, context: Context) -> list[Finding]:
    """TB.5: the file is not for us, or its OKATO are not those of the territories of its name (F010)."""
    rows = context.books.require("F010").on(context.month.last)
    okato = dict(rows.select("code", pl.col("okato").cast(pl.String)).iter_rows())

    def other(element: str | None, value: str | None, expected: str) -> Finding:
        return Finding(
            "TB.5", package=told.file_name, file=told.file_name, element=element, value=value, params={"expected": expected}
        )

    found = []
    if told.receiver != context.territory or told.sender == context.territory:
        found.append(other(None, told.receiver, context.territory))
    if told.sender not in okato:
        found.append(other(None, told.sender, "F010"))
    for element, value, code in (
        ("ZGLV/C_OKATO1", told.c_okato1, told.sender),
        ("ZGLV/OKATO_OMS", told.okato_oms, context.territory),
    ):
        if code in okato and value != okato[code]:
            found.append(other(element, value, okato[code]))
    return found


def _bill_of(ws: Workspace, told: reading.FileRead, files: pl.DataFrame) -> str | None:
    """The bill R that a corrected part is about: its number before `-D1`, else the only bill of the month with all its items."""
    ours = book.taken(files).filter(
        (pl.col("kind") == "R") & (pl.col("side") == "home") & (pl.col("sender") == told.sender) & (pl.col("year") == told.year)
    )
    number = (told.nschet or "").rpartition("-D")[0] or told.nschet
    named = ours.filter(pl.col("nschet") == number)["file_name"].to_list()
    if len(named) == 1:
        return str(named[0])
    keys = told.items.select(*_KEY, "sumv_kop")
    fits = []
    for name in ours.filter(pl.col("month") == told.month)["file_name"].sort():
        held = between_store.items(ws, [name]).select(*_KEY, "sumv_kop")
        if keys.height and keys.join(held, on=[*_KEY, "sumv_kop"], how="anti").is_empty():
            fits.append(str(name))
    return fits[0] if len(fits) == 1 else None


def _items_of_d(ws: Workspace, told: reading.FileRead, bill: str | None, files: pl.DataFrame) -> pl.DataFrame:
    """What of a D may not be: TH.11 no such bill here, TB.2, TB.3, TB.4, TB.7, TB.11 items."""
    if bill is None:
        return findings.frame(
            [Finding("TH.11", package=told.file_name, file=told.file_name, element="SCHET/NSCHET", value=told.nschet)]
        )
    held = between_store.items(ws, _names_about(bill, files))
    states = book.states_of(bill, files, held)
    against = held.filter(pl.col("file_name") == bill)
    return place.item_findings(told, items.illegal(against, states, told.items, "corrected"), checked=checking.self_checks(told))


def _names_about(bill: str, files: pl.DataFrame) -> list[str]:
    """Files that were taken and speak of a bill, itself among them."""
    bills = book.bills_of(files)
    return [name for name in book.taken(files)["file_name"] if bills[name] == bill]


def _late(
    told: reading.FileRead, bill: str | None, files: pl.DataFrame, received_on: date, context: Context
) -> list[Finding]:  # fmt: skip
    """TB.6: a bill after the last day of 138 and 141, a corrected part after 25 working days from our last answer (143)."""
    due: date | None = None
    if told.kind == "R":
        try:
            due = territories.terms(context.month, context.law).bill
        except CalendarEndsError:
            due = None
    elif bill is not None:
        sent = book.taken(files).filter((pl.col("kind") == "A") & (pl.col("about") == bill))["sent_on"].drop_nulls()
        if sent.len():
            due = law_terms.due_or_none(context.law, "territories.corrected_working_days", sent.max())  # type: ignore[arg-type]
    if due is None or received_on <= due:
        return []
    params = {"due": due.isoformat(), "received": received_on.isoformat(), "asked": bill or told.file_name}
    return [Finding("TB.6", package=told.file_name, file=told.file_name, value=received_on.isoformat(), params=params)]


def _row(told: reading.FileRead) -> dict[str, Any]:
    """A row of `between_files` for a file that came in."""
    return {
        "file_name": told.file_name, "kind": told.kind, "side": "home", "direction": "in", "sender": told.sender,
        "receiver": told.receiver, "year": told.year, "month": told.month, "nschet": told.nschet, "dschet": told.dschet,
        "data": told.data, "about": None, "version": told.version, "presented_kop": 0, "accepted_kop": 0,
        "items": told.items.height, "sent_on": None, "received_on": None, "late": False, "state": "taken",
    }  # fmt: skip


def _book_bill(
    ws: Workspace, told: reading.FileRead, bill: str | None, files: pl.DataFrame, as_of: date, on: date, who: str, source: str
) -> pl.DataFrame | None:
    """Books what a bill or corrected part moves; the findings of the journal where it refuses."""
    after = None
    if told.kind == "R":
        moved = {"bill": int(told.items["sump_kop"].sum())}
    else:
        assert bill is not None
        before = book.states_of(bill, files, between_store.items(ws, _names_about(bill, files)))
        after = items.step(before, told.items, "corrected")
        moved = items.moved(before, after)
    return _book(ws, moved, told.sender, told.file_name, told.data or on, on, as_of, who, source, bill, after)


def _book(
    ws: Workspace, moved: Mapping[str, int], other: str, document: str, dated: date, on: date, as_of: date, who: str, source: str,
    bill: str | None = None, after: pl.DataFrame | None = None,
) -> pl.DataFrame | None:  # fmt: skip
    """Books what moved and, where `after` (states of `bill`) leaves less than was paid, what is owed back to us."""
    events = home.money_events(moved, ws.meta("territory"), other, document, dated, on)
    if after is not None and bill is not None:
        events = between_back.with_debt_back(ws, events, "home", bill, other, after, document, dated, on)
    if events.is_empty():
        return None
    booked = journal.book(ws, events, source, as_of, who)
    return None if booked.txn is not None else booked.findings.with_columns(package=pl.lit(document), file=pl.lit(document))


# ---- control --------------------------------------------------------------------------------------------------------------


def control(
    ws: Workspace, file_name: str, bill: str | None, tables: Mapping[str, pl.DataFrame], context: Context
) -> home.Controlled:
    """A bill, or a corrected part of `bill`, held against registers, other bills and own months as they stand today."""
    registers, _ = ws.registers()
    empty = {name: contract.TABLES[name].empty() for name in ("reg_insured", "reg_attachment", "reg_certificate", "reg_accident")}
    given: dict[str, pl.DataFrame] = {
        **empty, **registers, **home.tables(file_name, tables), "accepted": accepted_care(ws, {file_name, bill or file_name}),
        "history": cast(pl.DataFrame, ws.history("9999-12")),  # a scan: contract.history
    }  # fmt: skip
    return home.control(given, context)


def accepted_care(ws: Workspace, without: Iterable[str]) -> pl.DataFrame:
    """Care of the accepted items of all bills save those named: columns `home.CARE`."""
    files, left_out = between_store.files(ws), list(set(without))
    held = between_store.items(ws)
    taken = book.taken(files).filter((pl.col("side") == "home") & ~pl.col("file_name").is_in(left_out)).sort("file_name")
    states = book.states(files, held, "home").filter(pl.col("accepted_kop") > 0)
    of_funds = states.select(pl.col("bill").alias("file_name"), *_KEY)
    of_clinics = held.filter(pl.col("sump_kop") > 0).select("file_name", *_KEY)  # bills of clinics outside the Federation
    parts = [pl.DataFrame(schema=home.CARE)]
    for kind, accepted in (("R", of_funds), ("H", of_clinics)):
        kept = accepted.join(taken.filter(pl.col("kind") == kind).select("file_name"), on="file_name", how="semi")
        bills = taken.join(kept.select("file_name"), on="file_name", how="semi", maintain_order="left")
        care = between_store.people_tables(ws, bills, _CARE)
        if care is not None:
            parts.append(care.join(kept, on=["file_name", *_KEY], how="semi", maintain_order="left").select(list(home.CARE)))
    return pl.concat(parts)


# ---- answering ------------------------------------------------------------------------------------------------------------


def answer(
    ws: Workspace,
    file_name: str,
    on: date,
    who: str,
    waived: Iterable[tuple[int, int]] = (),
    questions: pl.DataFrame | None = None,
    law: Parameters | None = None,
) -> between.Done:
    """Answers a bill R or a corrected part D: file A, and what it moves in the books (inside `Workspace.writing`).

    waived     items that are accepted though control found something (N_ZAP, IDCASE)
    questions  what experts question by hand: columns `home.QUESTIONS`
    A file answered before is given again as it was sent: nothing is written. What an old edition cannot say refuses the answer.

    Raises WorkspaceError `between.no_file`, `between.future`, `between.not_booked`.
    """
    files = between_store.files(ws)
    row = _asked(files, file_name)
    known = book.taken(files).filter((pl.col("kind") == "A") & (pl.col("about") == file_name))
    if known.height:
        old = known.sort("seq").row(-1, named=True)
        data = between_store.original(ws, old)
        return between.Done(
            old["file_name"], "already", row["sender"], findings.empty(), data, old["items"], old["accepted_kop"], old["late"]
        )
    if row["received_on"] is not None and on < row["received_on"]:
        raise WorkspaceError("between.too_early", file=file_name, day=row["received_on"])
    tables = between_store.people(ws, row)
    asked = between_store.items(ws, [file_name])
    context = replace(context_of(ws, _heads(row, asked), on, law), as_of=on)
    stage: items.Stage = "answer" if row["kind"] == "R" else "final"
    name = numbering.next_interterritorial(_answers(files), "A", row["receiver"], row["sender"], row["year"]).stem
    bill = book.bill_of(row["file_name"], files)
    held = between_store.items(ws, _names_about(bill, files))
    before = book.states_of(bill, files, held)
    decided, said = _decided(ws, row, tables, asked, stage, name, on, context, waived, questions, before)
    edition = answer_files.edition_for(row["version"])
    made = answer_files.a_tables(tables, decided, name, on, edition)
    if not made.sendable:
        return between.Done(name, "refused", row["sender"], findings.concat([said, made.findings]))
    return _sent(ws, row, decided, made, stage, name, on, who, bill, before, said, context.law)


def _asked(files: pl.DataFrame, file_name: str) -> dict[str, Any]:
    """The row of a bill or corrected part that we hold. Raises WorkspaceError `between.no_file`."""
    found = book.taken(files).filter(
        (pl.col("file_name") == file_name) & (pl.col("side") == "home") & pl.col("kind").is_in(["R", "D"])
    )
    if found.is_empty():
        raise WorkspaceError("between.no_file", file=file_name)
    return found.row(0, named=True)


def _answers(files: pl.DataFrame) -> list[str]:
    return files.filter((pl.col("kind") == "A") & (pl.col("direction") == "out"))["file_name"].to_list()


def _heads(row: Mapping[str, Any], asked: pl.DataFrame) -> reading.FileRead:
    """A file as kept, as far as its surroundings are asked for."""
    nothing: dict[str, int | None] = {}
    return reading.FileRead(
        row["file_name"], row["kind"], row["sender"], row["receiver"], row["version"], None, None, row["year"], row["month"],
        row["nschet"], row["dschet"], row["data"], None, None, nothing, {}, asked, asked.select(*_KEY, "sank_it_kop"),
    )  # fmt: skip


def _decided(
    ws: Workspace, row: Mapping[str, Any], tables: Mapping[str, pl.DataFrame], asked: pl.DataFrame, stage: items.Stage, name: str,
    on: date, context: Context, waived: Iterable[tuple[int, int]], questions: pl.DataFrame | None, before: pl.DataFrame,
) -> tuple[home.Decided, pl.DataFrame]:  # fmt: skip
    """Control as of today, the file's own findings with a ground beside it, and the decision on every item."""
    controlled = control(ws, row["file_name"], row["about"], tables, context)
    of_file = (
        tables[_FOUND].filter(pl.col("code").is_not_null() & pl.col("n_zap").is_not_null())
        if _FOUND in tables
        else findings.empty()
    )
    said = findings.concat([controlled.findings, _of_items(of_file, asked)])
    left = pl.DataFrame(sorted(set(waived)), schema={"n_zap": pl.Int64, "idcase": pl.Int64}, orient="row")
    standing = said.join(left, on=_KEY, how="anti")
    unknown = left.join(asked.select(_KEY), on=_KEY, how="anti")
    if questions is not None:
        unknown = pl.concat([unknown, questions.select(_KEY).join(asked.select(_KEY), on=_KEY, how="anti")])
    if unknown.height:
        names = ", ".join(f"{n_zap}/{idcase}" for n_zap, idcase in unknown.unique().sort(_KEY).iter_rows())
        raise WorkspaceError("between.no_item", file=row["file_name"], items=names)
    if questions is not None:
        said = findings.concat([said, home.over_asked(questions, asked, before)])
    return home.decide(asked, standing, stage, name, on, controlled.care, context, questions, before), said


def _of_items(found: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Findings about a record as findings about each of its items."""
    whole = found.filter(pl.col("idcase").is_null()).drop("idcase").join(asked.select(_KEY), on="n_zap", how="inner")
    return findings.concat([found.filter(pl.col("idcase").is_not_null()), findings.conform(whole)])


def _sent(
    ws: Workspace, row: Mapping[str, Any], decided: home.Decided, made: answer_files.AFile, stage: items.Stage, name: str,
    on: date, who: str, bill: str, before: pl.DataFrame, said: pl.DataFrame, law: Parameters,
) -> between.Done:  # fmt: skip
    """Books the answer and keeps its file."""
    wrong = items.illegal(between_store.items(ws, [row["file_name"]]), before, decided.items, stage)
    assert wrong.is_empty(), f"an answer that may not be: {wrong.row(0, named=True)}"
    after = items.step(before, decided.items, stage)
    items.assert_equations(after)
    stream = io.BytesIO()
    writer.write_package(stream, made.tables, formats.get(made.edition), name=name)
    problem = _book(ws, items.moved(before, after), row["sender"], name, on, on, on, who, name, bill, after)
    if problem is not None:
        raise WorkspaceError("between.not_booked", file=name, rules=", ".join(problem["rule"].unique().sort()))
    last = terms.due("answer" if stage == "answer" else "final", row["received_on"], law)
    accepted = int(decided.items["sump_kop"].sum())
    out = {
        **{column: row[column] for column in ("year", "month", "nschet", "dschet")}, "file_name": name, "kind": "A",
        "side": "home", "direction": "out", "sender": row["receiver"],
        "receiver": row["sender"], "data": on, "about": row["file_name"],
        "version": made.edition, "presented_kop": row["presented_kop"], "accepted_kop": accepted, "items": decided.items.height,
        "sent_on": on, "received_on": None, "late": last is not None and on > last, "state": "taken",
    }  # fmt: skip
    kept = between_store.store(ws, out, decided.items, stream.getvalue())
    told = {column: kept[column] for column in ("file_name", "kind", "about", "digest", "items", "state")}
    ws.record("territory_answer", on, who, None, {**told, "amount_kop": accepted})
    return between.Done(name, "sent", row["sender"], said, stream.getvalue(), out["items"], accepted, bool(out["late"]))


# ---- paying, what is due --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refund:
    """What a bill is owed and was paid, in kopecks; due below zero: the place fund owes us (it gave back more than was open).

    paid_kop     money that left;  settled_kop: that, and set-offs, less what came back
    """

    bill: str
    territory: str
    accepted_kop: int
    paid_kop: int
    settled_kop: int

    @property
    def due_kop(self) -> int:
        """What is still to be paid."""
        return self.accepted_kop - self.settled_kop


def refund_of(ws: Workspace, bill: str) -> Refund:
    """Accepted of a bill so far and paid on it. Raises WorkspaceError `between.no_file`."""
    files = between_store.files(ws)
    row = _asked(files, bill)
    states = book.states_of(bill, files, between_store.items(ws, _names_about(bill, files)))
    now = between_back.of_bill(ws, bill, "home", row["sender"], states)
    return Refund(bill, row["sender"], now.accepted_kop, now.refunded_kop, now.settled_kop)


def pay(ws: Workspace, bill: str, on: date, who: str, amount_kop: int | None = None) -> between.Done:
    """Pays what was accepted of a bill, or a part of it (Rules 142, 145; inside `Workspace.writing`).

    Refused, nothing booked: TH.12 nothing is due, or more than is due; PB.14 the stock (НСЗ) has not the money.
    """
    owed = refund_of(ws, bill)
    amount = owed.due_kop if amount_kop is None else amount_kop
    if amount <= 0 or amount > owed.due_kop:
        wrong = Finding("TH.12", package=bill, file=bill, value=str(amount), params={"due": owed.due_kop, "paid": owed.paid_kop})
        return between.Done(bill, "refused", owed.territory, findings.frame([wrong]))
    short = bank.beyond_stock(ws, amount)
    if short is not None:
        return between.Done(bill, "refused", owed.territory, findings.frame([short]))
    document = f"{bill}/{owed.paid_kop}"  # unique: what was paid before tells one payment from the next
    # The moment tells a payment from one of the same sum that was undone; a repeat finds nothing due.
    problem = _book(ws, {"refunded": amount}, owed.territory, document, on, on, on, who, f"{document}/{ws.next_seq()}")
    if problem is not None:
        return between.Done(bill, "refused", owed.territory, problem)
    return between.Done(bill, "booked", owed.territory, findings.empty(), None, 0, amount)


def due(ws: Workspace, on: date, side: str | None = None, law: Parameters | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Steps that somebody still has to do (`terms.due_list`) and what is open by age (`terms.aging`), on a day."""
    files, held = between_store.files(ws), between_store.items(ws)
    sides = ("place", "home") if side is None else (side,)
    states = pl.concat([book.states(files, held, one) for one in sides])
    unpaid = {
        bill: one.due_kop
        for of in sides
        for bill, one in between_back.positions(ws, of, (files, held)).items()
        if one.due_kop > 0
    }
    return terms.due_list(files, states, law or federal_parameters(), on, side, unpaid), terms.aging(states, files, on)
