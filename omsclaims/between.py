"""What does a fund send to other territories and take from them? The conductor between workspace, files and settlement.

Rules 138-145; law.md 11; formats.md 2.2, 11, 12. Sending a bill R, taking an answer A, presenting again (D), giving up and
writing off: each is one transaction - the file, its items, the money in the journal and the event of the audit chain, or nothing.
A file with anything wrong is kept as refused and changes nothing. What the home fund does with R and D is in
`omsclaims.between_home`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from omsclaims import between_back, between_store, closing, contract, expertise_store, findings, intake, journal
from omsclaims.context import Context
from omsclaims.findings import Finding
from omsclaims.law import Parameters, federal_parameters
from omsclaims.periods import Month
from omsclaims.registry import formats, numbering, reader, writer
from omsclaims.reports import between_editions, between_files, territory_files
from omsclaims.settlement.between import book, home, items, place, reading
from omsclaims.settlement.decide import MEK_KIND, kind_code
from omsclaims.workspace import RunRow, Workspace, WorkspaceError, sha256_file

Outcome = Literal["sent", "taken", "already", "refused", "booked"]

#: Rules of our catalogue of control: they judge what a clinic bills.
_OF_CONTROL: Final = r"^C[0-9]{3}$"
#: Upper ends of the classes of age, in days from the date of the bill; the last class is open (statements).
AGES: Final = (25, 60, 90, 180, 365)


@dataclass(frozen=True)
class Done:
    """What became of one file or paper.

    outcome   sent, taken, booked (a paper of our own): in the books now; already: it was before, nothing written; refused
    receiver  the fund it is for, or that sent it;  data: the file, where one is to be handed over
    """

    file_name: str
    outcome: Outcome
    receiver: str
    findings: pl.DataFrame
    data: bytes | None = None
    items: int = 0
    amount_kop: int = 0
    late: bool = False


# ---- sending bills --------------------------------------------------------------------------------------------------------


def send(ws: Workspace, of: Month, on: date, who: str, edition: str | None = None) -> list[Done]:
    """Marks the bills R of a closed month as sent and gives their files (inside `Workspace.writing`).

    on       day of sending, not before the date of the bill
    edition  RD_3.2 (the file made at the closing), or an older one, then the file is made anew; a bill that the edition cannot
             say is refused (RF.4, RF.5) and not sent
    A bill sent before is given again as it was sent: nothing is written. After this the month cannot be replaced.

    Raises WorkspaceError `workspace.not_closed`, `between.fund_only`, `between.too_early`.
    """
    run = _closed(ws, of)
    done = []
    sent = between_store.files(ws)
    wanted = edition or between_editions.edition_of(of)
    for bill in ws.ledger_table("territory_bills", str(of)).sort("territory").iter_rows(named=True):
        before = book.taken(sent).filter((pl.col("file_name") == bill["file_name"]) & (pl.col("kind") == "R"))
        if before.height:
            row = before.row(0, named=True)
            data = between_store.original(ws, row)
            done.append(
                Done(row["file_name"], "already", row["receiver"], findings.empty(), data, row["items"], row["presented_kop"])
            )
            continue
        made: bytes | None
        if wanted == territory_files.EDITION:
            made, found = _stored_bill(ws, of, bill["file_name"]), findings.empty()
        else:
            made, found = _bill_in(ws, of, run, bill, wanted)
        if made is None:
            done.append(Done(bill["file_name"], "refused", bill["territory"], found))
            continue
        done.append(_send(ws, of, bill, made, on, who, found))
    return done


def _closed(ws: Workspace, of: Month) -> RunRow:
    if ws.meta("role") != "fund":
        raise WorkspaceError("between.fund_only")
    run = ws.run(str(of))
    if run is None:
        raise WorkspaceError("workspace.not_closed", month=of)
    return run


def _stored_bill(ws: Workspace, of: Month, file_name: str) -> bytes:
    """File R as the closing made it. Raises WorkspaceError `between.document_changed` where it is not that any more."""
    for kind, name, path, digest in ws.documents(str(of)):
        if kind == "territory" and name == file_name:
            if not (ws.folder / path).exists() or sha256_file(ws.folder / path) != digest:
                raise WorkspaceError("between.document_changed", file=file_name)
            return (ws.folder / path).read_bytes()
    raise WorkspaceError("between.document_changed", file=file_name)


def _bill_in(
    ws: Workspace, of: Month, run: RunRow, bill: Mapping[str, Any], edition: str
) -> tuple[bytes | None, pl.DataFrame]:  # fmt: skip
    """File R made anew in another edition, or None and the findings that say what it cannot say."""
    head = _read(_stored_bill(ws, of, bill["file_name"]), bill["file_name"]).tables["file"].row(0, named=True)
    context, _ = closing.load_context(ws, of, run.as_of)
    tables, _ = closing.load_tables(ws, of)
    results = closing.stored(ws, of)
    made = territory_files.r_tables(
        bill["territory"], tables["cases"], tables,
        {name: tables[name] for name in ("person", "dost", "dost_p") if name in tables},
        results["decisions"], results["sanctions"],
        results["identified"].join(results["territory_items"].select("case_key"), on="case_key", how="semi"),
        territory_files.Bill(
            bill["file_name"], bill["nschet"], head["dschet"], head["data"], _okato(context)[context.territory], bill["okato"]
        ),
        of, edition=edition,
    )  # fmt: skip
    return (_packed(made.tables, edition, bill["file_name"]), made.findings) if made.sendable else (None, made.findings)


def _packed(tables: Mapping[str, pl.DataFrame], edition: str, file_name: str) -> bytes:
    stream = io.BytesIO()
    writer.write_package(stream, tables, formats.get(edition), name=file_name)
    return stream.getvalue()


def _read(data: bytes, file_name: str) -> reader.PackageRead:
    return reader.read_package(data, name=f"{file_name}.oms")


def _file_read(read: reader.PackageRead) -> reading.FileRead:
    """A file read, as settlement sees it."""
    name = read.interterritorial
    assert name is not None and read.format is not None
    return reading.file_read(read.name, name.kind, name.sender, name.receiver, read.format.id, read.tables)


def _okato(context: Context) -> dict[str, str]:
    """Code of a territory -> its OKATO (F010)."""
    rows = context.books.require("F010").on(context.month.last)
    return dict(rows.select("code", pl.col("okato").cast(pl.String)).iter_rows())


def _send(
    ws: Workspace, of: Month, bill: Mapping[str, Any], data: bytes, on: date, who: str, found: pl.DataFrame
) -> Done:  # fmt: skip
    """One bill becomes a sent file: its items are those of the file, with the cases of the month beside them."""
    told = _file_read(_read(data, bill["file_name"]))
    if told.data is None or on < told.data:
        raise WorkspaceError("between.too_early", file=bill["file_name"], day=told.data)
    keys = ws.stored_table(str(of), "territory_items").filter(pl.col("file_name") == bill["file_name"])
    rows = told.items.drop("case_key").join(keys.select("n_zap", "idcase", "case_key"), on=reading.KEY, how="left")
    own = contract.check("between_items", rows.sort(reading.KEY))
    asked = int(own["sump_kop"].sum())
    assert asked == bill["amount_kop"], f"{bill['file_name']} asks for {asked}, the month presented {bill['amount_kop']}"
    row = _row(told, "place", "out", asked, 0, own.height, sent_on=on)
    kept = between_store.store(ws, row, own, data)
    _record(ws, "territory_send", on, who, None, kept, asked)
    return Done(told.file_name, "sent", told.receiver, found, data, own.height, asked)


def _row(
    told: reading.FileRead, side: str, direction: str, presented: int, accepted: int, count: int, **more: object
) -> dict[str, Any]:
    """A row of `between_files` from what the file says of itself."""
    return {
        "file_name": told.file_name, "kind": told.kind, "side": side, "direction": direction, "sender": told.sender,
        "receiver": told.receiver, "year": told.year, "month": told.month, "nschet": told.nschet, "dschet": told.dschet,
        "data": told.data, "about": None, "version": told.version, "presented_kop": presented, "accepted_kop": accepted,
        "items": count, "sent_on": None, "received_on": None, "late": False, "state": "taken", **more,
    }  # fmt: skip


def _record(
    ws: Workspace, kind: str, as_of: date, who: str, why: str | None, kept: Mapping[str, Any], amount: int
) -> None:  # fmt: skip
    """The event of the chain: names, digests and sums, no number of a person or record."""
    told = {name: kept[name] for name in ("file_name", "kind", "about", "digest", "items", "state")}
    ws.record(kind, as_of, who, why, {**told, "amount_kop": amount})


# ---- taking files ---------------------------------------------------------------------------------------------------------


def take(
    ws: Workspace, paths: Sequence[Path], as_of: date, who: str, received_on: date | None = None, law: Parameters | None = None
) -> list[Done]:
    """Takes files that came in, in the order of their kinds (R, A, D) and names: each as `take_one`."""
    return [take_one(ws, path, as_of, who, received_on, law) for path in in_order(paths)]


def in_order(paths: Sequence[Path]) -> list[Path]:
    """Files in the order in which they are taken: R, A, D, each by name."""
    return sorted(paths, key=lambda path: ("RAD".find(path.name[:1]), path.name, str(path)))


def day_of_receipt(ws: Workspace, received_on: date | None, as_of: date) -> date:
    """The day a file came, by default `as_of`. Raises WorkspaceError `between.fund_only`, `between.future` for a later one."""
    if ws.meta("role") != "fund":
        raise WorkspaceError("between.fund_only")
    day = received_on or as_of
    if day > as_of:
        raise WorkspaceError("between.future", day=day)
    return day


def take_one(
    ws: Workspace, path: Path, as_of: date, who: str, received_on: date | None = None, law: Parameters | None = None
) -> Done:
    """Takes one file R, D or A (inside `Workspace.writing`): `.oms`, `.zip` or bare XML.

    received_on  the day it came, by default `as_of`; terms run from it
    law          parameters; those that note what they are asked for let the caller say it
    An A is held against the bills that we sent; R and D go to the home half. A file with structural errors that send it back
    whole, or with any finding but TB.6, is kept as refused and changes nothing; the same content again is `already`.
    """
    day = day_of_receipt(ws, received_on, as_of)
    checked = intake.check_package(path, ws.library(), as_of, to_the_end=True)
    read = checked.read
    name = read.interterritorial
    if name is None or name.kind not in "RAD" or read.format is None:
        wrong = Finding("TB.5", package=read.name, file=read.name, value=read.name, params={"expected": "R, D, A"})
        return Done(read.name, "refused", "", findings.concat([said_of_file(checked), findings.frame([wrong])]))
    known = between_store.known(ws, read.name, read.digest)
    if known is not None:
        other = known["sender"]
        return Done(read.name, "already", other, findings.empty(), None, known["items"], known["accepted_kop"], known["late"])
    if name.kind in "RD":
        return _home(ws, checked, path, as_of, who, day, law)
    return _take_answer(ws, checked, path.read_bytes(), as_of, who, day, law or federal_parameters())


def said_of_file(checked: intake.CheckedPackage) -> pl.DataFrame:
    """Findings about a file between territories: structure and official check books; the catalogue of control is for clinics."""
    return checked.findings.filter(~pl.col("rule").str.contains(_OF_CONTROL))


def _home(
    ws: Workspace, checked: intake.CheckedPackage, path: Path, as_of: date, who: str, received_on: date, law: Parameters | None
) -> Done:
    """R and D are for the home fund; without its half they are refused as intake refuses them."""
    if find_spec("omsclaims.between_home") is None:
        wrong = Finding("W.5", code="1.4.1", package=checked.read.name, file=checked.read.name, value=checked.read.name)
        return Done(checked.read.name, "refused", "", findings.concat([checked.findings, findings.frame([wrong])]))
    done: Done = import_module("omsclaims.between_home").take_bill(ws, checked, path.read_bytes(), as_of, who, received_on, law)
    return done


def _take_answer(
    ws: Workspace, checked: intake.CheckedPackage, data: bytes, as_of: date, who: str, received_on: date, law: Parameters
) -> Done:
    """An answer A: money that moves is booked, or the file is kept as refused."""
    read = checked.read
    told = _file_read(read)
    files = between_store.files(ws)
    of = intake.reporting_month(read) or Month(as_of.year, as_of.month)
    codes = ws.library().books(of, as_of).require("F010").on(of.last)
    okato = dict(codes.select("code", pl.col("okato").cast(pl.String)).iter_rows())
    clash = book.name_problems(told, read.digest, files)
    asked = place.asked_of(told, files)
    held = between_store.items(ws, []) if asked is None else between_store.of_bill(ws, book.bill_of(asked["file_name"], files))[1]
    answered = place.take_answer(told, files, held, ws.meta("territory"), okato, received_on, law)
    found = findings.concat([said_of_file(checked), answered.findings, findings.frame(clash)])
    refused = answered.refused or bool(clash) or read.refused
    events = answered.events
    if not refused:
        assert asked is not None
        bill = book.bill_of(asked["file_name"], files)
        stage: items.Stage = "answer" if asked["kind"] == "R" else "final"
        after = items.step(book.states_of(bill, files, held), answered.items, stage)
        dates = (told.data or received_on, received_on)
        events = between_back.with_debt_back(ws, events, "place", bill, told.sender, after, told.file_name, *dates)
    if not refused and events.height:
        booked = journal.book(ws, events, read.digest, as_of, who)
        if booked.txn is None:
            refused, found = True, findings.concat([found, _about(booked.findings, read.name)])
    accepted = int(told.items["sump_kop"].sum() or 0)
    presented = accepted + int(told.items["sank_it_kop"].sum() or 0)
    row = _row(
        told, "place", "in", presented, accepted, told.items.height, about=answered.about, received_on=received_on,
        late=answered.late, state="refused" if refused else "taken",
    )  # fmt: skip
    return keep(ws, row, told.items if refused else answered.items, data, found, as_of, who, kind="territory_take")


def _about(found: pl.DataFrame, name: str) -> pl.DataFrame:
    return found.with_columns(package=pl.lit(name), file=pl.lit(name))


def keep(
    ws: Workspace,
    row: Mapping[str, Any],
    rows: pl.DataFrame,
    data: bytes,
    found: pl.DataFrame,
    as_of: date,
    who: str,
    kind: str,
    people: Mapping[str, pl.DataFrame] | None = None,
) -> Done:
    """Keeps a file that came in and records it; one that was refused before with the same content is not recorded again.

    Used by both halves: `row` is one of `between_files` without digest and paths, `rows` its items, `found` all that was said.
    """
    refused = row["state"] == "refused"
    outcome: Outcome = "refused" if refused else "taken"
    amount = int(row["accepted_kop"] or row["presented_kop"])
    done = Done(row["file_name"], outcome, row["sender"], found, None, row["items"], amount, bool(row["late"]))
    if refused and _refused_before(ws, row["file_name"], data):
        return done
    if refused and between_store.taken_name(ws, row["file_name"]) is not None:
        row = {**row, "about": None}  # a file of this name counts already: the refused one speaks of nothing
    kept = between_store.store(ws, row, rows, data, people)
    _record(ws, kind, as_of, who, None, kept, amount)
    return done


def _refused_before(ws: Workspace, file_name: str, data: bytes) -> bool:
    digest = between_store.digest_of(data)
    files = between_store.files(ws)
    return not files.filter((pl.col("file_name") == file_name) & (pl.col("digest") == digest)).is_empty()


# ---- presenting again, giving up, writing off -----------------------------------------------------------------------------


def _bill(
    ws: Workspace, bill: str, sides: Sequence[str] = ("place",)
) -> tuple[dict[str, Any], pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The row of a bill that we sent (or got, by `sides`), all files, its items and those of what speaks of it.

    Raises WorkspaceError `between.no_bill`.
    """
    files, rows = between_store.of_bill(ws, bill)
    found = book.taken(files).filter((pl.col("file_name") == bill) & (pl.col("kind") == "R") & pl.col("side").is_in(list(sides)))
    if found.is_empty():
        raise WorkspaceError("between.no_bill", bill=bill)
    return found.row(0, named=True), files, rows, book.states_of(bill, files, rows)


def _keys(which: Iterable[tuple[int, int]] | None) -> pl.DataFrame | None:
    """Items named by N_ZAP and IDCASE as a table."""
    if which is None:
        return None
    return pl.DataFrame(sorted(set(which)), schema={"n_zap": pl.Int64, "idcase": pl.Int64}, orient="row")


def correct(
    ws: Workspace,
    bill: str,
    on: date,
    who: str,
    which: Iterable[tuple[int, int]] | None = None,
    agreed: Iterable[tuple[int, int]] = (),
) -> Done:
    """Presents again what was questioned of a bill: file D, its items and what it gives up (inside `Workspace.writing`).

    which   items to present, by default all that are questioned (and accepted ones that our own acts take back)
    agreed  items of which we accept the refusal without an examination of our own
    What our own acts of expertise took from the clinics (contract `deductions`) stands in D as S_IST 3. Refused with TB.11,
    nothing written, where an item is not questioned. Raises WorkspaceError `between.no_bill`, `between.nothing_questioned`.
    """
    row, files, rows, states = _bill(ws, bill)
    frames = book.stages_of(bill, files, rows)
    every = files.filter(pl.col("kind") == "D")["file_name"].to_list()
    name = numbering.next_interterritorial(every, "D", row["sender"], row["receiver"], row["year"])
    told = between_files.Corrected(name.stem, between_files.number_of(row["nschet"], len(_about_bill(files, bill, "D"))), on)
    chosen, giving = _keys(which), _keys(agreed)
    assert giving is not None
    answers = frames.get("answer", rows.clear())
    back = place.taken_back(frames["bill"], _accidents(ws, row), _mek(ws, on), on)
    agreeing = place.given_up(states, answers, giving, name.stem, on).join(back, on=reading.KEY, how="anti")
    found_by_us = place.refined(frames["bill"], _deductions(ws, row)).join(
        pl.concat([back, agreeing]), on=reading.KEY, how="anti"
    )
    sanctions = pl.concat([back, agreeing, found_by_us])
    if chosen is not None:
        chosen = pl.concat([chosen, giving]).unique(maintain_order=True)
    made, found = place.corrected(name.stem, frames["bill"], states, sanctions, chosen)
    if chosen is None:  # whatever is named must be there, though all that is questioned goes out
        found = findings.concat([found, place.corrected(name.stem, frames["bill"], states, sanctions, giving)[1]])
    if found.height:
        return Done(name.stem, "refused", row["receiver"], found)
    if made.is_empty():
        raise WorkspaceError("between.nothing_questioned", bill=bill)
    edition = formats.get(row["version"])
    sent = _read(between_store.original(ws, row), bill)
    tables = between_files.d_tables(sent.tables, edition, made, sanctions, told)
    data = _packed(tables, edition.id, name.stem)
    after = items.step(states, made, "corrected")
    out = _row(
        _file_read(_read(data, name.stem)), "place", "out", int(made["sump_kop"].sum()), 0, made.height, about=bill, sent_on=on
    )
    return _paper_or_d(ws, out, made, states, after, data, on, who, None)


def _about_bill(files: pl.DataFrame, bill: str, kind: str) -> list[str]:
    return files.filter((pl.col("kind") == kind) & (pl.col("about") == bill))["file_name"].to_list()


def _accidents(ws: Workspace, row: Mapping[str, Any]) -> pl.DataFrame:
    """Cases of the month of a bill that later months withheld as care for severe accidents: contract `accident_deductions`."""
    month = f"{row['year']}-{row['month']:02d}"
    parts = [ws.stored_table(closed, "accident_deductions") for closed in ws.closed_months() if closed > month]
    held = pl.concat([contract.TABLES["accident_deductions"].empty(), *parts])
    return held.filter((pl.col("month") == month) & (pl.col("payer") == row["sender"]))


def _mek(ws: Workspace, on: date) -> int:
    """Code of МЭК in F006 on a day."""
    return kind_code(ws.library().books(Month(on.year, on.month), on), MEK_KIND, on)


def _deductions(ws: Workspace, row: Mapping[str, Any]) -> pl.DataFrame:
    """What our own acts of expertise stand by on the cases of a bill: contract `deductions`, the newest state."""
    month = f"{row['year']}-{row['month']:02d}"
    held = ws.stored_table(month, "territory_items").filter(pl.col("file_name") == row["file_name"])
    cases = held.select(
        pl.lit(month).alias("month"), "package", pl.col("billed_n_zap").alias("n_zap"), pl.col("billed_idcase").alias("idcase")
    )
    return expertise_store.deductions_before(ws, ws.closed_months(), cases)


def _borne(ws: Workspace, row: Mapping[str, Any], bill: pl.DataFrame) -> pl.DataFrame:
    """n_zap, idcase, borne_kop: what our own acts took from the clinics of items of a bill that we sent. Nobody has to refund
    that: it is no loss.

    bill  its items (contract `between_items`)
    """
    acts = [place.refined(bill, _deductions(ws, row)), place.taken_back(bill, _accidents(ws, row), 0, row["dschet"])]
    return pl.concat(acts).group_by(reading.KEY, maintain_order=True).agg(pl.col("s_sum").sum().alias("borne_kop"))


def _lost(items_lost: pl.DataFrame, borne: pl.DataFrame) -> pl.DataFrame:
    """`items_lost` (n_zap, idcase, lost_kop) less what the clinics bore."""
    both = items_lost.join(borne, on=reading.KEY, how="left", maintain_order="left")
    return both.with_columns(lost_kop=pl.max_horizontal(pl.col("lost_kop") - pl.col("borne_kop").fill_null(0), 0)).drop(
        "borne_kop"
    )


def concede(
    ws: Workspace, bill: str, on: date, who: str, why: str, which: Iterable[tuple[int, int]] | None = None
) -> Done:  # fmt: skip
    """Gives up what is questioned of a bill, without a D (Rules 143): all of it or the items `which`; a reason is needed.

    Of a bill that we got it says that the place fund gave it up: by its letter, on whose day both funds have it then, or because
    its term of 143 has passed. No file tells the home fund of that.
    """
    return _paper(ws, "C", bill, on, who, why, which)


def write_off(
    ws: Workspace, bill: str, on: date, who: str, why: str, which: Iterable[tuple[int, int]] | None = None
) -> Done:  # fmt: skip
    """Writes off what was given up or refused for good: it stays care that nobody refunds (Rules 134); a reason is needed.

    What our own acts took from the clinics of it is no loss: less is booked then, or nothing.
    """
    return _paper(ws, "W", bill, on, who, why, which)


def _paper(
    ws: Workspace, kind: str, bill: str, on: date, who: str, why: str, which: Iterable[tuple[int, int]] | None
) -> Done:  # fmt: skip
    """A paper C or W of our own about a bill. Raises WorkspaceError `between.why`, `between.no_bill`, `between.nothing_left`."""
    if not why.strip():
        raise WorkspaceError("between.why")
    row, files, rows, states = _bill(ws, bill, ("place", "home") if kind == "C" else ("place",))
    name = f"{kind}{bill[1:]}-{len(_about_bill(files, bill, kind)) + 1}"
    frames = book.stages_of(bill, files, rows)
    made, found = place.paper(kind, name, frames["bill"], states, _keys(which))
    if found.height:
        return Done(name, "refused", row["receiver"], found)
    if made.is_empty():
        raise WorkspaceError("between.nothing_left", bill=bill)
    after = items.step(states, made, "conceded" if kind == "C" else "written_off")
    out = {
        **{column: row[column] for column in ("sender", "receiver", "year", "month", "nschet", "dschet", "version")},
        "file_name": name, "kind": kind, "side": row["side"], "direction": row["direction"], "data": on, "about": bill,
        "presented_kop": 0, "accepted_kop": 0, "items": made.height, "sent_on": None, "received_on": None, "late": False,
        "state": "taken",
    }  # fmt: skip
    written = None
    if kind == "W":
        of_items = made.select(*reading.KEY, lost_kop="sank_it_kop")
        written = int(_lost(of_items, _borne(ws, row, frames["bill"]))["lost_kop"].sum())
    return _paper_or_d(ws, out, made, states, after, None, on, who, why, written)


def _paper_or_d(
    ws: Workspace,
    row: Mapping[str, Any],
    made: pl.DataFrame,
    before: pl.DataFrame,
    after: pl.DataFrame,
    data: bytes | None,
    on: date,
    who: str,
    why: str | None,
    written_kop: int | None = None,
) -> Done:
    """Books what moved and keeps the file or paper. WorkspaceError `between.not_booked` where the journal refuses it.

    written_kop  of a paper W: what is lost of it, less than was refused where the clinics bore some
    """
    items.assert_equations(after)
    name = row["file_name"]
    moved, parties = items.moved(before, after), (row["sender"], row["receiver"])
    if written_kop is not None:
        moved["written_off"] = written_kop
    if row["side"] == "place":
        events = place.money_events(moved, *parties, name, on, on)
    else:
        events = home.money_events(moved, *parties[::-1], name, on, on)
    other = row["receiver"] if row["side"] == "place" else row["sender"]
    events = between_back.with_debt_back(ws, events, row["side"], row["about"], other, after, name, on, on)
    if events.height:
        booked = journal.book(ws, events, name, on, who, why)
        if booked.txn is None:
            raise WorkspaceError("between.not_booked", file=name, rules=", ".join(booked.findings["rule"].unique().sort()))
    kept = between_store.store(ws, row, made, data)
    amount = int(made["sump_kop"].sum()) if data is not None else int(made["sank_it_kop"].sum())
    amount = amount if written_kop is None else written_kop
    _record(
        ws,
        {"D": "territory_correct", "C": "territory_concede", "W": "territory_write_off"}[row["kind"]],
        on,
        who,
        why,
        kept,
        amount,
    )
    outcome: Outcome = "sent" if data is not None else "booked"
    return Done(name, outcome, other, place.given_back(name, before, after), data, made.height, amount)


# ---- what is open ---------------------------------------------------------------------------------------------------------


def states(ws: Workspace, as_of: date, side: str = "place", law: Parameters | None = None) -> pl.DataFrame:
    """States of all items of all bills of one side, with terms: contract `between_states`."""
    files = between_store.files(ws)
    rows = book.states(files, between_store.items(ws), side)
    return book.dated(rows, files, law or federal_parameters(), as_of)


def open_items(ws: Workspace, as_of: date, side: str = "place", law: Parameters | None = None) -> pl.DataFrame:
    """What is open, by bill and state: bill, territory, nschet, dschet, state, items, open_kop, lost_kop, due, overdue, law_term,
    age (days since the date of the bill), up_to (upper end of its class of age, null above the last).

    lost_kop  given up or refused for good and not written off yet, less what the clinics bore of it. Sorted by due day, those
              without one last.
    """
    files = book.taken(between_store.files(ws)).filter((pl.col("kind") == "R") & (pl.col("side") == side))
    other = "receiver" if side == "place" else "sender"
    heads = files.select(pl.col("file_name").alias("bill"), pl.col(other).alias("territory"), "nschet", "dschet")
    lost = pl.when(pl.col("state").is_in(["refused_finally", "conceded", "withdrawn"])).then(
        pl.col("conceded_kop") + pl.col("refused_kop")
    ).otherwise(0)  # fmt: skip
    age = (pl.lit(as_of) - pl.col("dschet")).dt.total_days()
    up_to = pl.lit(None, dtype=pl.Int64)
    for most in reversed(AGES):
        up_to = pl.when(age <= most).then(pl.lit(most, dtype=pl.Int64)).otherwise(up_to)
    found = states(ws, as_of, side, law).with_columns(lost.alias("lost_kop"))
    if side == "place":
        found = _less_borne(ws, found)
    return (
        found.filter((pl.col("open_kop") > 0) | (pl.col("lost_kop") > 0))
        .group_by("bill", "state", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("items"), pl.col("open_kop").sum(), pl.col("lost_kop").sum(), pl.col("due").min(),
            pl.col("overdue").any(), pl.col("law_term").min(),
        )
        .join(heads, on="bill", how="left", maintain_order="left")
        .with_columns(age.alias("age"), up_to.alias("up_to"))
        .select(
            "bill", "territory", "nschet", "dschet", "state", "items", "open_kop", "lost_kop", "due", "overdue", "law_term",
            "age", "up_to",
        )
        .sort("due", "bill", "state", nulls_last=True)
    )  # fmt: skip


def _less_borne(ws: Workspace, found: pl.DataFrame) -> pl.DataFrame:
    """`found` (states with lost_kop) of bills that we sent, less what the clinics bore of what is lost."""
    parts = [found.clear()]
    for (bill,), rows in found.group_by("bill", maintain_order=True):
        if not int(rows["lost_kop"].sum()):
            parts.append(rows)
            continue
        row, files, held, _ = _bill(ws, str(bill))
        borne = _borne(ws, row, book.stages_of(str(bill), files, held)["bill"])
        parts.append(_lost(rows, borne).select(found.columns))
    return pl.concat(parts)
