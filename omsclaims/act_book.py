"""Which acts does this workspace have with whom, and what becomes of them? Draws up, sends, signs, disputes, agrees, compares.

Rules 121, 132 (months), 142, 144 (answers to other funds), 149-151 (years of two funds), 175-178 (clinics outside the
Federation). Each command is one transaction with its event in the audit chain, or nothing. Acts follow from the books and never
move them: an act that disagrees is a list of lines, each with a finding, and the books stay as they are until somebody books a
correction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from omsclaims import act_store, between_abroad, between_back, between_store, closing, contract, findings, journal, messages
from omsclaims.findings import Finding
from omsclaims.law import Parameters, federal_parameters
from omsclaims.law import terms as law_terms
from omsclaims.ledger_rows import OPENING
from omsclaims.periods import Month
from omsclaims.registry import reader
from omsclaims.reports import act_files, act_forms, doubts
from omsclaims.reports.sheets import show_date
from omsclaims.settlement import act_states, ledger
from omsclaims.settlement.act_states import KINDS, Act
from omsclaims.settlement.between import abroad, book, home, reconcile, terms
from omsclaims.workspace import Workspace, WorkspaceError, keep_file, sha256_bytes

Outcome = Literal["new", "already", "refused", "done", "agrees"]
#: Accounts of what another fund owes or is owed, without and in dispute, and back; the sign that makes its debt positive.
_ACCOUNTS: Final = {
    "place": ("refund", "refund_disputed", "refund_back", 1),
    "home": ("refund_due", "refund_due_disputed", "refund_back_due", -1),
}  # fmt: skip
_LOST: Final = {
    "place": ("territory_conceded", "territory_withdrawn", "territory_refused_finally"),
    "home": ("conceded_of_territory", "withdrawn_of_territory", "refused_of_territory"),
}  # fmt: skip
_STEP: Final = ["n_zap", "idcase"]


@dataclass(frozen=True)
class Done:
    """What became of one act.

    act       its name in the register, or its number where there is none;  outcome: new, already (as it stands), refused, done
              (a step was taken), agrees (the other side's act says the same: nothing to dispute)
    papers    files made of it, relative to the workspace;  lines: lines in dispute (contract `act_disagreements`)
    """

    act: str
    outcome: Outcome
    findings: pl.DataFrame
    papers: tuple[str, ...] = ()
    lines: pl.DataFrame | None = None


# ---- what can be drawn up ---------------------------------------------------------------------------------------------


def of_month(ws: Workspace, of: Month, law: Parameters | None = None) -> list[Act]:
    """Acts of points 121 and 132 of a closed month. Raises WorkspaceError `workspace.not_closed`."""
    if ws.run(str(of)) is None:
        raise WorkspaceError("workspace.not_closed", month=of)
    territory = ws.meta("territory")
    day = law_terms.due_in_month(law or federal_parameters(), "territories.clinic_bill_working_day", of)
    return [
        act_states.monthly(kind, row, of, territory, day)
        for kind, order in (("121", ["smo"]), ("132", ["payer", "mo"]))
        for row in ws.ledger_table(f"act_{kind}", str(of)).sort(order).iter_rows(named=True)
    ]


def of_year(ws: Workspace, year: int, on: date, law: Parameters | None = None) -> list[Act]:
    """Yearly acts with every other fund, in both roles (149), and with every clinic outside the Federation (176)."""
    held = law or federal_parameters()
    own, days = ws.meta("territory"), terms.reconciliation(year, held)
    found, files = [], (between_store.files(ws), between_store.items(ws))
    for side in ("place", "home"):
        for other in others(ws, side):
            act = reconcile.yearly(moves(ws, side, other, files), own, other, side, days, on)
            found += [act] if act.rows.height else []
    rows, of_clinics = between_abroad.act(ws, year, held)
    for (mo,), part in rows.partition_by("mo", as_dict=True, maintain_order=True).items():
        table = part.select(list(KINDS["176"].rows)).sort("nschet", "dschet")
        made = Act(
            "176", f"176/{year}/{mo}", of_clinics.begin, of_clinics.end, ledger.fund(own), abroad.party(str(mo)), on,
            act_states.sums(table, "176"), table,
        )  # fmt: skip
        found.append(act_states.sound(made))
    return found


def others(ws: Workspace, side: str) -> list[str]:
    """Funds with which there is a bill or a debt in one role."""
    files = book.taken(between_store.files(ws)).filter((pl.col("kind") == "R") & (pl.col("side") == side))
    named = set(files["receiver" if side == "place" else "sender"])
    first, *_ = _ACCOUNTS[side]
    prefix = f"{ledger.fund(ws.meta('territory'))}/{first}/territory:"
    if ws.has_journal():
        opened = journal.entries(ws, prefix).filter(pl.col("rule") == OPENING)
        for debit, credit in opened.select("debit", "credit").iter_rows():
            named |= {account.removeprefix(prefix) for account in (debit, credit) if account.startswith(prefix)}
    return sorted(named)


def _journal_of(ws: Workspace, side: str, other: str) -> pl.DataFrame:
    """Postings on what the other fund owes or is owed: rule, document, document_date, kop (owed to the place fund: above 0)."""
    if not ws.has_journal():
        return pl.DataFrame(schema={"rule": pl.String, "document": pl.String, "document_date": pl.Date, "kop": pl.Int64})
    *purposes, sign = _ACCOUNTS[side]
    fund = ledger.fund(ws.meta("territory"))
    accounts = [f"{fund}/{purpose}/{ledger.territory(other)}" for purpose in purposes]
    parts = [journal.entries(ws, account) for account in accounts]
    rows = pl.concat(parts).unique("posting_id", maintain_order=True)
    kop = pl.when(pl.col("debit").is_in(accounts)).then(pl.col("amount_kop")).otherwise(0) - pl.when(
        pl.col("credit").is_in(accounts)
    ).then(pl.col("amount_kop")).otherwise(0)
    return rows.select("rule", "document", "document_date", (kop * sign).alias("kop"))


def moves(ws: Workspace, side: str, other: str, held: tuple[pl.DataFrame, pl.DataFrame] | None = None) -> pl.DataFrame:
    """Movements of all bills with another fund: columns `reconcile.MOVES`, from its files and the refunds in the journal.

    held  contract `between_files` and `between_items`, where the caller has read them for many funds
    """
    rows = _journal_of(ws, side, other)
    paid = reconcile.payments(between_back.moved(ws, side).filter(pl.col("territory") == other))
    opening = int(rows.filter(pl.col("rule") == OPENING)["kop"].sum())
    files, items = held or (between_store.files(ws), between_store.items(ws))
    return reconcile.moves(files, items, paid, side, other, opening, journal.opened_on(ws))


def _by_the_books(ws: Workspace, act: Act) -> list[Finding]:
    """AK.13: what a yearly act of two funds says was refused in the period is not what the journal says."""
    if act.kind != "149":
        return []
    side = "place" if act.party.startswith("fund:") else "home"
    other = (act.other if side == "place" else act.party).split(":")[1]
    inside = pl.col("document_date").is_between(act.first, act.last) & pl.col("rule").is_in(list(_LOST[side]))
    booked = -int(_journal_of(ws, side, other).filter(inside)["kop"].sum())
    if booked == act.lines["refused_kop"]:
        return []
    params = {"act": act.number, "files": act.lines["refused_kop"], "ledger": booked}
    return [Finding("AK.13", package=act.number, file=act.number, value=str(booked), params=params)]


def of_file(ws: Workspace, name: str) -> list[Act]:
    """The act that goes with one file: 142 with an answer to a bill, 144 with the answer to a corrected part, 175 a notice.

    No act where nothing is refused. Raises WorkspaceError `act_book.what` for a file that has none.
    """
    files = book.taken(between_store.files(ws))
    found = files.filter((pl.col("file_name") == name) & (pl.col("side") == "home") & pl.col("kind").is_in(["A", "H"]))
    if found.is_empty():
        raise WorkspaceError("act_book.what", what=name)
    row = found.row(0, named=True)
    rows = between_store.items(ws, [name]).filter(pl.col("sank_it_kop") > 0)
    if rows.is_empty():
        return []
    own = ledger.fund(ws.meta("territory"))
    month = Month(row["year"], row["month"])
    if row["kind"] == "H":
        table = _items("175", rows, rows.select(*_STEP, pl.col("sumv_kop").alias("presented_kop")))
        lines = {"presented_kop": row["presented_kop"], "paid_kop": row["accepted_kop"]}
        lines["refused_kop"] = row["presented_kop"] - row["accepted_kop"]
        other, kind, number, day = abroad.party(row["sender"]), "175", f"175/{row['nschet']}/{name}", row["received_on"]
    else:
        asked = files.filter(pl.col("file_name") == row["about"]).row(0, named=True)
        kind = "142" if asked["kind"] == "R" else "144"
        of_asked = between_store.items(ws, [row["about"]]).select(*_STEP, pl.col("sump_kop").alias("presented_kop"))
        table = _items(kind, rows, of_asked)
        answered = between_store.items(ws, [name]).join(of_asked, on=_STEP, how="left")
        presented, accepted = int(answered["presented_kop"].sum()), int(answered["sump_kop"].sum())
        lines = {"presented_kop": presented, "accepted_kop": accepted, "refused_kop": presented - accepted}
        other, number, day = ledger.territory(row["receiver"]), f"SA{name[1:]}", row["sent_on"]
    return [act_states.sound(Act(kind, number, month.first, month.last, own, other, day, lines, table, name))]


def _items(kind: str, rows: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The list of an act of items: what is refused, wholly or in part, with its grounds."""
    taken = "paid_kop" if kind == "175" else "accepted_kop"
    table = rows.join(asked, on=_STEP, how="left").with_columns(
        pl.col("sump_kop").alias(taken), pl.col("sank_it_kop").alias("refused_kop"), pl.col("kods").alias("codes")
    )
    return table.select(pl.col(name).cast(wanted) for name, wanted in KINDS[kind].rows.items()).sort(_STEP)


def what(ws: Workspace, wanted: str, on: date, law: Parameters | None = None) -> list[Act]:
    """Acts that a word names: a month `2022-03`, a year `2022`, or a file. Raises WorkspaceError `act_book.what`."""
    if wanted.isdigit() and len(wanted) == 4:
        return of_year(ws, int(wanted), on, law)
    try:
        month = Month.parse(wanted)
    except ValueError:
        return of_file(ws, wanted)
    return of_month(ws, month, law)


def again(ws: Workspace, act: Act, seq: int) -> dict[str, Act] | None:
    """What the books said when an act of the register was drawn up, without what was booked from event `seq` on: by number.

    All acts of its month, its year, or its file. None: they cannot say it any more, the month was closed again since.
    """
    kind = KINDS[act.kind].period
    if kind == "month":
        of = Month(act.first.year, act.first.month)
        closed = ws.rows("SELECT seq FROM runs WHERE month = ?", [str(of)])
        if not closed or closed[0][0] >= seq:
            return None
        made = of_month(ws, of)
    elif kind == "year":
        made = of_year(ws.as_known(seq - 1), act.last.year, act.drawn_on)
    else:
        made = of_file(ws, str(act.about))
    return {one.number: one for one in made}


# ---- drawing up -------------------------------------------------------------------------------------------------------


def draw(
    ws: Workspace, acts: Sequence[Act], as_of: date, who: str, why: str | None = None, lang: str = "ru",
    law: Parameters | None = None,
) -> list[Done]:  # fmt: skip
    """Writes acts into the register with their papers (inside `Workspace.writing`), in one event of the chain.

    An act that says the same as the one that stands is `already`. One that was drawn and not sent gives way; one that was sent or
    is disputed gives way with a reason only (AK.9), a signed one never (AK.2). AK.13: the act does not follow from the books.
    """
    done = []
    drawn: dict[str, str] = {}
    known = act_store.index(ws)
    for act in acts:
        one = _draw(ws, act, known.get(act.number), as_of, who, why, lang, law or federal_parameters())
        done.append(one)
        if one.outcome == "new":
            drawn[one.act] = sha256_bytes(act_files.act_json(act))
    if drawn:
        ws.record("act_draw", as_of, who, why, {"acts": drawn})
    return done


def _draw(
    ws: Workspace, act: Act, stands: Mapping[str, Any] | None, as_of: date, who: str, why: str | None, lang: str, law: Parameters
) -> Done:  # fmt: skip
    """One act. stands: the act of this number in the register."""
    if stands is not None and stands["state"] != "void":
        old = act_files.read_act(act_store.body(ws, stands["act"])).act
        assert old is not None, "an act of the register that cannot be read"
        same = dataclasses.replace(act, drawn_on=old.drawn_on)
        if act_files.act_json(same) == act_files.act_json(old):
            return Done(stands["act"], "already", findings.empty())
        problems = act_states.step(stands, stands["act"], "void", as_of)
        if not problems and stands["state"] != "drawn" and not (why or "").strip():
            problems = [_needs_reason(stands)]
        if problems:
            return Done(stands["act"], "refused", findings.frame(problems))
    problems = _by_the_books(ws, act)
    if problems:
        return Done(act.number, "refused", findings.frame(problems))
    if stands is not None and stands["state"] != "void":
        act_store.add_event(ws, stands["act"], "void", as_of, who, why)
    body = act_files.act_json(act)
    name = act_store.name_for(ws, act.number)
    papers = _write_papers(ws, act, name, body, lang, law)
    row = {
        "act": name, "kind": act.kind, "month": act.period, "party": act.party, "other": act.other, "number": act.number,
        "drawn_on": act.drawn_on, "about": act.about, "document": sha256_bytes(body), "body": body.decode(),
    }  # fmt: skip
    act_store.add(ws, row, papers)
    return Done(name, "new", findings.empty(), papers)


def _needs_reason(row: Mapping[str, Any]) -> Finding:
    said = {f"{what}_{lang}": messages.text(key, lang) for lang in messages.LANGUAGES
            for what, key in (("step", "act_book.step.void"), ("state", f"act_book.state.{row['state']}"))}  # fmt: skip
    return Finding("AK.9", package=row["act"], file=row["act"], value=row["act"], params={"act": row["act"], **said})


def _write_papers(ws: Workspace, act: Act, name: str, body: bytes, lang: str, law: Parameters) -> tuple[str, ...]:
    """Paper and file of an act; those of a month were written with its closing. Names of the files tell drawings apart.

    They are written before the transaction names them (`act_store.add`); the sweep removes those of one that was broken off.
    """
    if KINDS[act.kind].period == "month":
        return ()
    persons = KINDS[act.kind].persons
    part = Path("restricted" if persons else "reports", f"acts-{act.period}")
    stem = act_files.file_name(act) + name.removeprefix(act.number).replace("#", "-")
    data = act_forms.paper(
        act, naming(ws), lang, _policies(ws, act) if persons else None, _bill(ws, act, lang), note(ws, act, lang, law)
    )
    made = {str(part / f"{stem}.xlsx"): data, str(part / f"{stem}.json"): body}
    for path, content in made.items():
        keep_file(ws.folder / path, content)
    return tuple(sorted(made))


def note(ws: Workspace, act: Act, lang: str, law: Parameters) -> str:
    """The sentence on unconfirmed values of the law that an act stands on: of the months it speaks of, and of its own dates."""
    noting = law.noting()
    if act.kind in ("149", "176"):
        terms.reconciliation(act.last.year, noting, "territories" if act.kind == "149" else "abroad")
    months = [name for name in ws.closed_months() if name <= f"{act.last:%Y-%m}"]
    return doubts.note([*closing.parameters_of(ws, months), *(noting.asked or ())], lang, noting)


def naming(ws: Workspace) -> act_forms.Named:
    """How a party of the ledger is called on papers: funds by their code, the others by their register."""
    names = {}
    for table, kind, code in (("reg_insurer", "insurer", "smo"), ("reg_clinic", "clinic", "mo")):
        rows = ws.register(table).sort(code, "valid_from")
        names.update({f"{kind}:{one}": name for one, name in rows.select(code, "name").iter_rows()})

    def called(party: str, lang: str) -> str:
        kind, _, code = party.partition(":")
        if kind in ("fund", "territory"):
            return messages.text("documents.fund", lang, territory=code)
        name = names.get(f"clinic:{code}" if kind == "outside" else party)
        return f"{name} ({code})" if name else code

    return called


def _bill(ws: Workspace, act: Act, lang: str) -> str:
    """Number and date of the bill that an act of items is about."""
    if act.about is None:
        return ""
    files = book.taken(between_store.files(ws))
    row = files.filter(pl.col("file_name") == act.about).row(0, named=True)
    asked = files.filter(pl.col("file_name") == (row["about"] or act.about)).row(0, named=True)
    return f"{asked['nschet']}, {show_date(asked['dschet'], lang)} ({asked['file_name']})"


def _policies(ws: Workspace, act: Act) -> pl.DataFrame:
    """Policy number of each item that an act names: n_zap, idcase, policy. Personal: for the restricted part only."""
    files = book.taken(between_store.files(ws))
    row = files.filter(pl.col("file_name") == act.about).row(0, named=True)
    asked = files.filter(pl.col("file_name") == (row["about"] or act.about)).row(0, named=True)
    data = between_store.original(ws, asked)
    name = asked["file_name"] if asked["kind"] == "H" else f"{asked['file_name']}.oms"
    read = reader.read_package(data, name=name)
    tables = abroad.tables(name, read.tables) if asked["kind"] == "H" else home.tables(name, read.tables)
    numbers = tables["patient"].select(pl.col("_parent").alias("zap_row"), "policy").unique("zap_row", keep="first")
    of_case = (
        tables["z_sl"].select(pl.col("_row").alias("case_key"), pl.col("_parent").alias("zap_row")).join(numbers, on="zap_row")
    )
    cases = tables["cases"].join(of_case, on="case_key", how="left", maintain_order="left")
    return cases.select(*_STEP, "policy").unique(_STEP, keep="first", maintain_order=True)


# ---- steps ------------------------------------------------------------------------------------------------------------


def named(ws: Workspace, wanted: str, event: str) -> list[str]:
    """Acts that a word names: a number, or a month or year - then all its acts that can take the step, in order."""
    rows = act_store.register(ws)
    of_period = rows.filter((pl.col("month") == wanted) & pl.col("state").is_in(list(act_states.STEPS[event])))
    return of_period["act"].to_list() if rows.filter(pl.col("month") == wanted).height else [wanted]


def move(
    ws: Workspace, numbers: Iterable[str], event: Literal["sent", "signed"], on: date, as_of: date, who: str,
    law: Parameters | None = None,
) -> list[Done]:  # fmt: skip
    """Acts are sent, or signed by the other side, on a day (inside `Workspace.writing`); one event of the chain for all.

    AK.1, AK.2, AK.9, AK.10, AK.11: the step may not be taken, the act stays. AK.5: taken, after its last day (150-151, 177-178).
    Raises WorkspaceError `act_book.future`.
    """
    _not_future(on, as_of)
    done: list[Done] = []
    known = act_store.index(ws)
    for number in numbers:
        row = known.get(number)
        problems = act_states.step(row, number if row is None else row["act"], event, on)
        if problems or row is None:
            done.append(Done(number, "refused", findings.frame(problems)))
            continue
        act_store.add_event(ws, row["act"], event, on, who)
        row.update(act_states.after(row, event, on))
        said = act_states.late(row, event, on, due_of(row, event, law or federal_parameters()))
        done.append(Done(row["act"], "done", findings.frame(said)))
    taken = [one.act for one in done if one.outcome == "done"]
    if taken:
        ws.record(f"act_{event}", as_of, who, None, {"acts": taken, "on": on.isoformat()})
    return done


def due_of(row: Mapping[str, Any], event: str, law: Parameters) -> date | None:
    """The last day of a step of a yearly act, as who has to take it: None where the law names none, or no calendar is known."""
    names = {"149": "territories", "176": "abroad"}
    if row["kind"] not in names or event not in ("sent", "signed"):
        return None
    days = terms.reconciliation(int(row["month"]), law, names[row["kind"]])
    return days.send_by if event == "sent" else days.return_by


def _not_future(on: date, as_of: date) -> None:
    if on > as_of:
        raise WorkspaceError("act_book.future", day=on)


def compare(ws: Workspace, data: bytes, name: str) -> tuple[Act | None, Act | None, reconcile.Compared]:
    """The other side's file against our act of the same kind, parties and period: ours, theirs, lines that differ.

    Nothing is written. AK.6 the file cannot be read, AK.3 it does not add up, AK.1 no such act of ours, AK.4, AK.7, AK.8.
    """
    empty = contract.TABLES["act_disagreements"].empty()
    read = act_files.read_act(data, name)
    if read.act is None or read.findings.height:
        return None, read.act, reconcile.Compared(empty, read.findings)
    ours = _ours(ws, read.act)
    if ours is None:
        wrong = Finding("AK.1", package=name, file=name, value=read.act.number, params={"act": read.act.number})
        return None, read.act, reconcile.Compared(empty, findings.frame([wrong]))
    return ours, read.act, reconcile.compare(ours, read.act)


def _ours(ws: Workspace, theirs: Act) -> Act | None:
    """Our living act of the same kind and parties: of the same period, else the newest (then AK.4 says so).

    Two funds have two yearly acts, one for each that treats the other's people: who is the party tells them apart.
    """
    rows = act_store.register(ws).filter((pl.col("kind") == theirs.kind) & (pl.col("state") != "void"))
    wanted = reconcile.same_parties(theirs.party, theirs.other)
    names = [row["act"] for row in rows.iter_rows(named=True) if reconcile.same_parties(row["party"], row["other"]) == wanted]
    found = [one for one in (act_files.read_act(act_store.body(ws, name)).act for name in names) if one is not None]
    if theirs.kind == "149":
        found = [one for one in found if _fund(one.party) == _fund(theirs.party)]
    same = [one for one in found if (one.first, one.last, one.about) == (theirs.first, theirs.last, theirs.about)]
    return same[-1] if same else found[-1] if found else None


def _fund(party: str) -> str:
    """A fund by one name: in its own books it is `fund:38`, in those of another one `territory:38`."""
    return party.replace("territory:", "fund:")


def dispute(ws: Workspace, data: bytes, name: str, on: date, as_of: date, who: str) -> Done:
    """The other side's act says otherwise: its lines become the protocol of disagreements (inside `Workspace.writing`).

    refused   the file is no act, does not add up, or cannot be compared; the act cannot be disputed now
    agrees    it says the same: nothing is written;  done: each line that differs has its finding (AK.8), the books are as before
    """
    _not_future(on, as_of)
    ours, _, compared = compare(ws, data, name)
    if ours is None or not compared.comparable:
        return Done(name if ours is None else ours.number, "refused", compared.findings)
    row = act_store.require(ws, ours.number)
    if compared.disagreements.is_empty():
        return Done(row["act"], "agrees", findings.empty())
    problems = act_states.step(row, row["act"], "disputed", on)
    if problems:
        return Done(row["act"], "refused", findings.concat([findings.frame(problems), compared.findings]))
    lines = compared.disagreements.with_columns(act=pl.lit(row["act"]))
    act_store.add_event(ws, row["act"], "disputed", on, who, None, sha256_bytes(data), data.decode("utf-8-sig"))
    act_store.add_lines(ws, lines, on)
    told = {"act": row["act"], "lines": lines.height, "document": sha256_bytes(data), "on": on.isoformat()}
    ws.record("act_disputed", as_of, who, None, told)
    return Done(row["act"], "done", compared.findings, (), lines)


def agree(
    ws: Workspace, number: str, on: date, as_of: date, who: str, why: str, figure: Literal["ours", "theirs"] | int = "ours",
    line: str | None = None, row_name: str | None = None,
) -> Done:  # fmt: skip
    """Says how lines in dispute were agreed (inside `Workspace.writing`): ours or theirs stands, or another figure in kopecks.

    line, row_name  one line, else all that are open. When none is open any more the act is agreed. A figure that is not ours is
                    booked by a correction of its own (journal); the act itself stays as it was drawn up, the next one holds it.

    AK.12 no such line. Raises WorkspaceError `act_book.why` without a reason, `act_book.future`.
    """
    if not why.strip():
        raise WorkspaceError("act_book.why")
    _not_future(on, as_of)
    row = act_store.find(ws, number)
    problems = act_states.step(row, number, "agreed", on)
    if problems or row is None:
        return Done(number, "refused", findings.frame(problems))
    held = act_states.open_lines(act_store.table(ws, "act_disagreements").filter(pl.col("act") == row["act"]))
    wanted = pl.col("agreed_kop").is_null()
    if line is not None:
        wanted = (pl.col("line") == line) & pl.col("row").eq_missing(pl.lit(row_name, dtype=pl.String))
    chosen = held.filter(wanted)
    if chosen.is_empty():
        params = {"act": row["act"], "row": row_name or "-", "line": line or "-"}
        return Done(row["act"], "refused", findings.frame([Finding("AK.12", package=row["act"], value=line, params=params)]))
    stands = pl.col(f"{figure}_kop") if isinstance(figure, str) else pl.lit(figure, dtype=pl.Int64)
    lines = chosen.with_columns(agreed_kop=stands, why=pl.lit(why))
    act_store.add_lines(ws, lines, on)
    left = held.filter(pl.col("agreed_kop").is_null()).join(chosen, on=["row", "line"], how="anti", nulls_equal=True)
    if left.is_empty():
        act_store.add_event(ws, row["act"], "agreed", on, who, why)
    told = {"act": row["act"], "lines": lines.height, "left": left.height, "on": on.isoformat()}
    ws.record("act_agreed", as_of, who, why, told)
    return Done(row["act"], "done", findings.empty(), (), left)


def protocol(ws: Workspace, number: str, lang: str) -> bytes:
    """The protocol of disagreements of an act as it stands. Raises WorkspaceError `act_book.unknown`."""
    row = act_store.require(ws, number)
    act = act_files.read_act(act_store.body(ws, row["act"])).act
    assert act is not None, "an act of the register that cannot be read"
    rows = act_states.open_lines(act_store.table(ws, "act_disagreements").filter(pl.col("act") == row["act"]))
    return act_forms.protocol(act, rows, naming(ws), lang, note(ws, act, lang, federal_parameters()))
