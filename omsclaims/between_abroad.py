"""What does a fund do with bills of clinics outside the Federation? Takes, controls, pays, reconciles: the workspace half.

Rules, chapter XII (169-181); law.md 12. Such a bill is a package H of the clinic itself. It is no part of a month: it is
controlled as another territory's bill is, booked, and paid from НСЗ. Each step is one transaction, or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

import polars as pl

from omsclaims import bank, between, between_home, between_store, closing, contract, findings, intake, journal
from omsclaims.context import Context
from omsclaims.findings import Finding
from omsclaims.law import Parameters, federal_parameters
from omsclaims.periods import Month
from omsclaims.settlement import ledger
from omsclaims.settlement.between import abroad, book, terms
from omsclaims.workspace import Workspace, WorkspaceError

#: Kind of such a bill in `between_files`.
KIND: Final = "H"
_KEY: Final = ["n_zap", "idcase"]


@dataclass(frozen=True)
class Taken:
    """What became of a bill: as between funds, and the rows of the notice of what is not paid (175)."""

    done: between.Done
    notice: pl.DataFrame
    terms: abroad.Terms | None


def take(
    ws: Workspace, path: Path, as_of: date, who: str, received_on: date | None = None, law: Parameters | None = None
) -> Taken:
    """Takes a bill (inside `Workspace.writing`): control, what is accepted and refused in the books, the notice.

    Refused whole, nothing booked: what sends a package back, TA.2 a clinic that is not in the register on the last day of care,
    TA.3 the same name or number with other content. TA.1 after its term: taken, said.
    """
    day = between.day_of_receipt(ws, received_on, as_of)
    checked = intake.check_package(path, ws.library(), as_of, to_the_end=True)
    read = checked.read
    known = between_store.known(ws, read.name, read.digest)
    if known is not None:
        told = between.Done(read.name, "already", known["sender"], findings.empty(), None, known["items"], known["accepted_kop"])
        return Taken(told, pl.DataFrame(schema=abroad.NOTICE), None)
    head = read.tables["file"].row(0, named=True) if "file" in read.tables and read.tables["file"].height else {}
    wrong = [checked.findings.filter(pl.col("level") == "file")] if read.refused else []
    if not read.refused:
        wrong = [found for found in (_unknown(ws, head, read.tables), _used(ws, read.name, head)) if found.height]
    if wrong:
        told = between.Done(read.name, "refused", str(head.get("code_mo") or ""), findings.concat([checked.findings, *wrong]))
        return Taken(told, pl.DataFrame(schema=abroad.NOTICE), None)
    return _taken(ws, read.name, read.tables, head, path.read_bytes(), as_of, day, who, read.digest, law)


def _unknown(ws: Workspace, head: Mapping[str, Any], tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    registers, _ = ws.registers()
    clinics = registers.get("reg_clinic", contract.TABLES["reg_clinic"].empty())
    last = cast(date | None, tables["z_sl"]["date_z_2"].max()) or head["dschet"]
    return abroad.unknown_clinic(str(head["code_mo"]), clinics, last)


def _used(ws: Workspace, name: str, head: Mapping[str, Any]) -> pl.DataFrame:
    """TA.3: a bill of this name, or of this clinic and number in the year, was taken with other content."""
    held = book.taken(between_store.files(ws)).filter(pl.col("kind") == KIND)
    same = (pl.col("sender") == head["code_mo"]) & (pl.col("nschet") == head["nschet"]) & (pl.col("year") == head["year"])
    found = held.filter(same | (pl.col("file_name") == name))
    if found.is_empty():
        return findings.empty()
    return findings.frame([Finding("TA.3", package=name, file=name, value=name, params={"other": found["file_name"][0]})])


def _context(ws: Workspace, head: Mapping[str, Any], as_of: date, law: Parameters | None) -> Context:
    """Surroundings of the bill: its month, the books of the day; the agreement of its year or of today (none of it is priced)."""
    of = Month(head["year"], head["month"])
    year = of.year if of.year in ws.agreement_years() else as_of.year
    context, _ = closing.load_context(ws, Month(year, of.month), as_of)
    return replace(context, month=of, books=ws.library().books(of, as_of), law=law or context.law)


def _taken(
    ws: Workspace, name: str, tables: Mapping[str, pl.DataFrame], head: Mapping[str, Any], data: bytes, as_of: date, day: date,
    who: str, digest: str, law: Parameters | None,
) -> Taken:  # fmt: skip
    """Control, books, file."""
    context, mo = _context(ws, head, as_of, law), str(head["code_mo"])
    registers, _ = ws.registers()
    empty = {
        table: contract.TABLES[table].empty() for table in ("reg_insured", "reg_attachment", "reg_certificate", "reg_accident")
    }
    given: dict[str, pl.DataFrame] = {
        **empty, **registers, **abroad.tables(name, tables), "accepted": between_home.accepted_care(ws, {name}),
        "history": cast(pl.DataFrame, ws.history("9999-12")),
    }  # fmt: skip
    decisions, found, care = abroad.control(given, day, context)
    bill = abroad.bill_row(mo, str(head["nschet"]), head["dschet"], decisions)
    said = findings.concat([found, findings.frame(abroad.late(context.month, day, context.law))])
    booked = journal.book(ws, abroad.events(ws.meta("territory"), bill, day), digest, as_of, who)
    if booked.txn is None and booked.findings.height:
        told = between.Done(name, "refused", mo, findings.concat([said, booked.findings]))
        return Taken(told, pl.DataFrame(schema=abroad.NOTICE), None)
    rows = _items(name, decisions)
    accepted = int(decisions["sump_kop"].sum())
    late = not said.filter(pl.col("rule") == "TA.1").is_empty()
    row = {
        "file_name": name, "kind": KIND, "side": "home", "direction": "in", "sender": mo, "receiver": ws.meta("territory"),
        "year": head["year"], "month": head["month"], "nschet": head["nschet"], "dschet": head["dschet"], "data": head["data"],
        "about": None, "version": head["version"], "presented_kop": int(decisions["sumv_kop"].sum()), "accepted_kop": accepted,
        "items": decisions.height, "sent_on": None, "received_on": day, "late": late, "state": "taken",
    }  # fmt: skip
    people = {"care": care}
    done = between.keep(ws, row, rows, data, said, as_of, who, "abroad_take", people)
    done = replace(done, amount_kop=accepted)
    return Taken(done, abroad.notice(mo, str(head["nschet"]), decisions), abroad.terms(context.month, day, context.law))


def _items(name: str, decisions: pl.DataFrame) -> pl.DataFrame:
    """The items of the bill as they are kept: contract `between_items`."""
    refused = pl.col("sumv_kop") - pl.col("sump_kop")
    said = {
        "file_name": pl.lit(name), "n_zap": pl.col("n_zap"), "idcase": pl.col("idcase"), "sumv_kop": pl.col("sumv_kop"),
        "own_sank_kop": pl.lit(0), "sump_kop": pl.col("sump_kop"), "sank_it_kop": refused, "kods": pl.col("kod"),
        "oplata": pl.when(refused == 0).then(1).otherwise(2),
    }  # fmt: skip
    schema = contract.TABLES["between_items"].schema()
    return decisions.select(said.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in schema.items()).sort(_KEY)


def _bill(ws: Workspace, name: str) -> dict[str, Any]:
    """The row of a bill. Raises WorkspaceError `between.no_file`."""
    found = book.taken(between_store.files(ws)).filter((pl.col("file_name") == name) & (pl.col("kind") == KIND))
    if found.is_empty():
        raise WorkspaceError("between.no_file", file=name)
    return found.row(0, named=True)


def _payments(ws: Workspace, row: Mapping[str, Any]) -> pl.DataFrame:
    """Payments on a bill: document_date, amount_kop (undone ones below zero).

    A payment names the file of its bill. Those of earlier versions name clinic and number, which a clinic may use again in
    another year: they are of the first bill of that number.
    """
    debt = f"{ledger.fund(ws.meta('territory'))}/care/{abroad.party(row['sender'])}"
    files = book.taken(between_store.files(ws)).filter((pl.col("kind") == KIND) & (pl.col("sender") == row["sender"]))
    of_number = files.filter(pl.col("nschet") == row["nschet"]).sort("seq")["file_name"].to_list()
    names = [row["file_name"], *([f"{row['sender']}/{row['nschet']}"] if of_number[:1] == [row["file_name"]] else [])]
    rows = journal.entries(ws, debt).filter(
        (pl.col("rule") == "payment_to_clinic_abroad") & pl.col("document").str.replace("/[0-9]+$", "").is_in(names)
    )
    amount = pl.when(pl.col("debit") == debt).then(pl.col("amount_kop")).otherwise(-pl.col("amount_kop"))
    return rows.select("document_date", amount.alias("amount_kop"))


def pay(ws: Workspace, name: str, on: date, who: str) -> between.Done:
    """Pays what was accepted of a bill and not paid yet (175).

    Refused, nothing booked: TA.4 nothing is due, PB.14 the stock (НСЗ) has not the money.
    """
    row = _bill(ws, name)
    paid = int(_payments(ws, row)["amount_kop"].sum())
    due = row["accepted_kop"] - paid
    if due <= 0:
        wrong = Finding("TA.4", package=name, file=name, value=name, params={"paid": paid})
        return between.Done(name, "refused", row["sender"], findings.frame([wrong]))
    short = bank.beyond_stock(ws, due)
    if short is not None:
        return between.Done(name, "refused", row["sender"], findings.frame([short]))
    parties = {"fund": ledger.fund(ws.meta("territory")), "outside": abroad.party(row["sender"])}
    event = {
        "event": "payment_to_clinic_abroad", "date": on, "document": f"{name}/{paid}",
        "document_date": on, "amount_kop": due, "parties": json.dumps(parties, sort_keys=True, separators=(",", ":")),
        "order_id": None, "note": None,
    }  # fmt: skip
    schema = contract.TABLES["ledger_events"].schema()
    # The moment tells a payment from one of the same sum that was undone; a repeat finds nothing due.
    booked = journal.book(ws, pl.DataFrame([event], schema=schema), f"{name}/{paid}/{ws.next_seq()}", on, who)
    if booked.txn is None:
        return between.Done(name, "refused", row["sender"], booked.findings)
    return between.Done(name, "booked", row["sender"], findings.empty(), None, row["items"], due)


def act(ws: Workspace, year: int, law: Parameters | None = None) -> tuple[pl.DataFrame, terms.Reconciliation]:
    """The yearly act with every clinic (176): columns `abroad.ACT`, and the days of 177-178."""
    days = terms.reconciliation(year, law or federal_parameters(), "abroad")
    moves = [pl.DataFrame(schema=abroad.MOVES)]
    for row in book.taken(between_store.files(ws)).filter(pl.col("kind") == KIND).sort("file_name").iter_rows(named=True):
        refused = row["presented_kop"] - row["accepted_kop"]
        told = [("presented", row["dschet"], row["presented_kop"]), ("refused", row["received_on"], refused)]
        told += [("paid", on, amount) for on, amount in _payments(ws, row).iter_rows()]
        rows = [(row["sender"], row["nschet"], row["dschet"], what, on, amount) for what, on, amount in told if amount]
        moves.append(pl.DataFrame(rows, schema=abroad.MOVES, orient="row"))
    return abroad.yearly_act(pl.concat(moves), days.begin, days.end), days
