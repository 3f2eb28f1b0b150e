"""How does an insurer keep its own books? Notices and lists of the fund taken, months closed, acts drawn and compared (121, 132).

    insurer_papers (database)   what the fund told: notices and lists as they were taken, the last one of a month counts

A list closes its month in the insurer's OWN journal, from its own balances and payments (settlement.own_month): the closing is
protected as a fund's is, a list that says otherwise replaces it only with a reason. Nothing of the fund's act is copied: the acts
are drawn from the own journal, and `compare_121`, `compare_132` name every line in which the fund's file says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Literal, cast

import polars as pl

from omsclaims import closing, contract, findings, journal, messages, month
from omsclaims.context import Payments
from omsclaims.findings import Finding
from omsclaims.law import Parameters, federal_parameters
from omsclaims.law import terms as law_terms
from omsclaims.periods import Month
from omsclaims.reports import act_files, acts, doubts, insurer_files
from omsclaims.settlement import act_states, insurer_year, own_month
from omsclaims.settlement import ledger as books
from omsclaims.settlement.acts import act_121, act_132
from omsclaims.settlement.between import reconcile
from omsclaims.settlement.own_month import Listing, Notice
from omsclaims.workspace import (
    RunRow,
    Workspace,
    WorkspaceError,
    canonical_json,
    pending_folder,
    sha256_bytes,
    write_tables,
)

Outcome = Literal["new", "already", "replaced", "refused"]
#: Own acts by month and kind: `own_tables`.
Drawn = dict[Month, dict[str, pl.DataFrame]]

_DDL: Final = (
    "CREATE TABLE IF NOT EXISTS insurer_papers (kind VARCHAR NOT NULL, month VARCHAR NOT NULL, digest VARCHAR NOT NULL, "
    "as_of DATE NOT NULL, seq BIGINT NOT NULL, content VARCHAR NOT NULL, PRIMARY KEY (kind, month, seq))"
)


@dataclass(frozen=True)
class Taken:
    """What became of a file of the fund.

    outcome   new: taken now; already: it was taken before, nothing changed; replaced: a closed month was closed again by it;
              refused: the findings say why, the books are as they were
    month     of the file, where it could be read
    findings  IY.11-IY.16; of a month that was closed also B.1-B.4, E.22 as of a fund's closing
    sources   values of the law that the closing stands on
    """

    outcome: Outcome
    month: Month | None
    findings: pl.DataFrame
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compared:
    """Our act and the fund's: lines that differ (contract act_disagreements; none: both say the same), and findings.

    Findings: AK.8 a line that differs; AK.3, AK.6 a file that does not add up or cannot be read, AK.4, AK.7 of another period,
    kind or other parties, IY.17 a month that is not closed here: then nothing is compared.
    """

    number: str
    rows: pl.DataFrame
    findings: pl.DataFrame

    @property
    def agrees(self) -> bool:
        """Whether both sides say the same."""
        return self.rows.is_empty() and self.findings.is_empty()


# ---- whose books -----------------------------------------------------------------------------------------------------------


def own_smo(ws: Workspace) -> str:
    """The insurer whose books these are. Raises WorkspaceError `insurer.not_insurer` in a fund's workspace."""
    smo = ws.smo() if ws.meta("role") == "insurer" else None
    if smo is None:
        raise WorkspaceError("insurer.not_insurer", folder=ws.folder)
    return smo


def papers(ws: Workspace) -> list[tuple[str, str, str, date]]:
    """(kind, month, digest, day it was taken) of the papers that count now, by month."""
    if not _has_papers(ws):
        return []
    return ws.rows(
        "SELECT kind, month, digest, as_of FROM insurer_papers p WHERE seq = "
        "(SELECT max(seq) FROM insurer_papers o WHERE o.kind = p.kind AND o.month = p.month) ORDER BY month, kind"
    )


def _has_papers(ws: Workspace) -> bool:
    return ws.holds("insurer_papers")


def _last(ws: Workspace, kind: str, of: Month) -> tuple[str, bytes] | None:
    """Digest and content of the paper of a month that counts."""
    if not _has_papers(ws):
        return None
    found = ws.rows(
        "SELECT digest, content FROM insurer_papers WHERE kind = ? AND month = ? ORDER BY seq DESC LIMIT 1", [kind, str(of)]
    )
    return (str(found[0][0]), str(found[0][1]).encode()) if found else None


def _keep(ws: Workspace, kind: str, of: Month, file: _File, as_of: date) -> None:
    ws.rows(_DDL)
    values = [kind, str(of), file.digest, as_of, ws.next_seq(), file.content.decode()]
    ws.rows("INSERT INTO insurer_papers VALUES (?, ?, ?, ?, ?, ?)", values)


@dataclass(frozen=True)
class _File:
    """A file of the fund: the paper, its canonical content and the digest of it; or the findings that refuse it."""

    paper: Notice | Listing | None
    content: bytes
    findings: pl.DataFrame

    @property
    def digest(self) -> str:
        """Of the content: how a file is laid out does not count."""
        return sha256_bytes(self.content)


def _read(ws: Workspace, path: Path, kind: Literal["notice", "settlement"]) -> _File:
    """The paper of a file; IY.11 when it cannot be read, IY.12 when it is not meant for these books."""
    smo, territory = own_smo(ws), ws.meta("territory")
    read = insurer_files.read_paper(path.read_bytes(), kind, path.name)
    if read.paper is None:
        return _File(None, b"", read.findings)
    if (read.paper.smo, read.paper.territory) != (smo, territory):
        params = {"smo": read.paper.smo, "territory": read.paper.territory, "own_smo": smo, "own": territory}
        return _File(None, b"", findings.frame([_finding("IY.12", path, **params)]))
    return _File(read.paper, insurer_files.paper_json(read.paper), findings.empty())


def _finding(rule: str, path: Path, **params: object) -> Finding:
    return Finding(
        rule, package=path.name, file=path.name, value=path.name, params={name: str(value) for name, value in params.items()}
    )


def _refused(of: Month, *problems: Finding) -> Taken:
    return Taken("refused", of, findings.frame(problems))


# ---- what the fund tells ---------------------------------------------------------------------------------------------------


def take_notice(ws: Workspace, path: Path, as_of: date, who: str) -> Taken:
    """Takes the fund's notice of a month's money and books it (inside `Workspace.writing`).

    Another notice of the month takes the place of the one before: the journal gets what differs. Of a month that is closed it is
    kept and not booked (IY.16): the month has to be closed again by its list. Refused: IY.11 unreadable, IY.12 not for these
    books, IY.14 a month before the books begin or before the first closed one.
    """
    file = _read(ws, path, "notice")
    paper, digest = file.paper, file.digest
    if not isinstance(paper, Notice):
        return Taken("refused", None, file.findings)
    of, closed = paper.month, ws.closed_months()
    before = _last(ws, "notice", of)
    if before is not None and before[0] == digest:
        return Taken("already", of, findings.empty())
    expected = _expected(ws)
    if str(of) not in closed and expected is not None and of < expected:
        return _refused(of, _finding("IY.14", path, month=of, expected=expected))
    _keep(ws, "notice", of, file, as_of)
    problems = [_finding("IY.16", path, month=of)] if str(of) in closed else []
    if str(of) not in closed:
        _open(ws, of, as_of, who)
        rows, problems = own_month.money_postings(paper)
        written = journal.close_month(ws, of, rows, digest, as_of, who, None)
        if written.outcome == "new":
            ws.record("ledger", as_of, who, None, written.payload)
    ws.record("notice", as_of, who, None, {"month": str(of), "digest": digest, "booked": str(of) not in closed})
    return Taken("new" if before is None else "replaced", of, findings.frame(problems))


def _expected(ws: Workspace) -> Month | None:
    """The month whose list comes next: after the last closed one, or the first of the books; None where any may begin them."""
    closed = ws.closed_months()
    if closed:
        return Month.parse(closed[-1]).plus(1)
    opened = journal.opened_on(ws)
    if opened is None:
        return None
    first = opened + timedelta(days=1)
    return Month(first.year, first.month)


def _open(ws: Workspace, of: Month, as_of: date, who: str) -> None:
    """The opening register into the journal, while no month is closed; nothing where it stands there."""
    if not ws.closed_months():
        journal.open_ledger(ws, of, journal.register_opening(ws), "reg_opening", as_of, who)


def take_settlement(ws: Workspace, path: Path, as_of: date, who: str, why: str | None = None, lang: str = "ru") -> Taken:
    """Takes the fund's list of a month and closes the month by the own books (inside `Workspace.writing`).

    why   reason for closing a closed month again, where its papers say otherwise now
    lang  language of the acts on paper

    The same papers again change nothing. Refused: IY.11, IY.12 as a notice, IY.13 no notice of the month, IY.14 not the next
    month, IY.15 the month is closed by other papers and there is no reason. Raises WorkspaceError `month.later_closed` and what
    closing.HOLDS say, when a month that others stand on is to be closed again.
    """
    file = _read(ws, path, "settlement")
    paper, digest = file.paper, file.digest
    if not isinstance(paper, Listing):
        return Taken("refused", None, file.findings)
    of, run = paper.month, ws.run(str(paper.month))
    notice = _last(ws, "notice", of)
    if notice is None:
        return _refused(of, _finding("IY.13", path, month=of))
    told = {"notice": notice[0], "settlement": digest}
    if run is not None and run.inputs["papers"] == told:
        return Taken("already", of, findings.empty(), tuple(run.inputs["parameters"]))
    expected = _expected(ws)
    if run is None and expected is not None and of != expected:
        return _refused(of, _finding("IY.14", path, month=of, expected=expected))
    if run is not None and not (why or "").strip():
        return _refused(of, _finding("IY.15", path, month=of, closed_on=run.as_of))
    if run is not None:
        closing.reopen(ws, of, as_of, who, why or "")
    _open(ws, of, as_of, who)
    _keep(ws, "settlement", of, file, as_of)
    given = insurer_files.read_paper(notice[1], "notice").paper
    assert isinstance(given, Notice)
    results, sources = _close(ws, given, paper, told, as_of, who, why, lang)
    return Taken("new" if run is None else "replaced", of, results["findings"], sources)


def _close(
    ws: Workspace, notice: Notice, listing: Listing, told: Mapping[str, str], as_of: date, who: str, why: str | None, lang: str
) -> tuple[Mapping[str, pl.DataFrame], tuple[str, ...]]:
    """Settles the month by the own books and writes it: run, papers, journal, the event of the chain."""
    of = notice.month
    law = federal_parameters().noting()
    corrections = own_month.correction_postings(listing)
    if corrections.height:
        journal.append(ws, corrections, "event", f"corrections/{told['settlement']}", as_of, who)
    tables = {
        "balances_before": journal.balances(ws, on=of.first - timedelta(days=1)),
        "postings_before": closing.postings_before(ws, of),
        "event_postings": journal.month_events(ws, of),
        "reg_contract": ws.register("reg_contract"),
    }
    found = own_month.settle_own(notice, listing, tables, law, cast(Payments, ws.payments()))
    results = {**found, **_no_cases()}
    day = _act_day(law, of)
    sources = tuple(sorted(law.asked or ()))
    outputs = {name: closing.output_digest(name, table) for name, table in sorted(results.items())}
    digest = sha256_bytes(canonical_json(outputs).encode())
    inputs: dict[str, Any] = {
        "papers": dict(told), "events": journal.event_sources(ws, of), "outputs": outputs, "parameters": list(sources),
        "sources": {"program": closing.program_digest()},
    }  # fmt: skip
    folder = Path("tables") / str(of) / f"run-{digest[:16]}"
    if not (ws.folder / folder).exists():
        write_tables(ws.folder / folder, results)
    documents = _write_acts(ws, results, of, digest, day, sources, lang)
    ws.store_run(RunRow(str(of), digest, inputs, who, why, as_of, str(folder)), results, documents)
    written = journal.close_month(ws, of, results["postings"], digest, as_of, who, why)
    stands = journal.balances(ws, on=of.last)
    assert stands.equals(results["balances"]), f"the journal and the closing of {of} differ"
    paper_digests = {path: sha for _, _, path, sha in documents}
    ledger = [written.payload] if written.payload else []
    event = {"month": str(of), "digest": digest, "inputs": inputs, "documents": paper_digests, "ledger": ledger}
    ws.record("close", as_of, who, why, event)
    return results, sources


def _no_cases() -> dict[str, pl.DataFrame]:
    """Tables of a closing that are read of any closed month and that an insurer has no rows of: cases, bills to territories."""
    empty = {name: contract.TABLES[name].empty() for name in ("cases", "identified", "priced", "decisions")}
    return {
        "cases_view": month.cases_view(empty), "history_rows": contract.TABLES["history"].empty(),
        "territory_bills": contract.TABLES["territory_bills"].empty(),
    }  # fmt: skip


def _act_day(law: Parameters, of: Month) -> date:
    """The day that the acts of a month bear: the one of the fund's papers (Rules 138)."""
    return law_terms.due_in_month(law, "territories.clinic_bill_working_day", of)


def _write_acts(
    ws: Workspace, results: Mapping[str, pl.DataFrame], of: Month, digest: str, day: date, sources: tuple[str, ...], lang: str
) -> list[tuple[str, str, str, str]]:
    """The acts as papers and as files, beside their place; returns (kind, name, path, sha256) of each."""
    territory = ws.meta("territory")
    fund, note = messages.text("documents.fund", lang, territory=territory), doubts.note(list(sources), lang)
    names = {"smo": _names(ws, "reg_insurer", "smo"), "mo": _names(ws, "reg_clinic", "mo")}
    pending = ws.folder / pending_folder("reports", str(of), digest)
    made: list[tuple[str, str, str, bytes]] = []
    payments = {row["mo"]: row for row in results["payments"].iter_rows(named=True)}
    for kind in ("121", "132"):
        for row in results[f"act_{kind}"].iter_rows(named=True):
            act = act_states.monthly(kind, row, of, territory, day)
            head = acts.Act(act.number, day, of, fund)
            paper = (
                acts.act_121(row, head, names["smo"], lang, note)
                if kind == "121"
                else acts.act_132(row, head, names["smo"], names["mo"], lang, payments.get(row["mo"]), note)
            )
            stem = act_files.file_name(act)
            made += [
                (f"act_{kind}", act.number, f"{stem}.xlsx", paper),
                ("act_file", act.number, f"{stem}.json", act_files.act_json(act)),
            ]
    (pending / "acts").mkdir(parents=True, exist_ok=True, mode=0o700)
    listed = []
    for what, number, name, data in made:
        (pending / "acts" / name).write_bytes(data)
        listed.append((what, number, str(Path("reports", str(of), "acts", name)), sha256_bytes(data)))
    return listed


def _names(ws: Workspace, register: str, code: str) -> dict[str, str]:
    return dict(ws.register(register).sort(code, "valid_from").select(code, "name").iter_rows())


# ---- acts ------------------------------------------------------------------------------------------------------------------


def act_lines(ws: Workspace, kind: Literal["121", "132"], of: Month, mo: str = "") -> dict[str, int] | None:
    """Lines of the own act of a month (kopecks by line of act_states.KINDS), drawn from the own journal now.

    mo  clinic of the act of point 132. None where nothing moved and nothing stands.
    """
    act = _own_act(ws, kind, of, mo)
    return None if act is None else dict(act.lines)


def own_tables(ws: Workspace, of: Month) -> dict[str, pl.DataFrame]:
    """Contract `act_121` and `act_132` of a month as the own journal has it now, by kind."""
    opening = books.as_dict(journal.balances(ws, on=of.first - timedelta(days=1)))
    postings = journal.entries(ws, first=of.first, last=of.last)
    balances, territory = journal.balances(ws, on=of.last), ws.meta("territory")
    return {
        "121": act_121(opening, postings, balances, territory),
        "132": act_132(opening, postings, balances, territory),
    }  # fmt: skip


def _own_act(
    ws: Workspace, kind: Literal["121", "132"], of: Month, mo: str, drawn: Drawn | None = None
) -> act_states.Act | None:  # fmt: skip
    smo, territory = own_smo(ws), ws.meta("territory")
    held = {} if drawn is None else drawn
    if of not in held:
        held[of] = own_tables(ws, of)
    table = held[of][kind]
    own = table.filter(pl.col("smo") == smo) if kind == "121" else table.filter((pl.col("payer") == smo) & (pl.col("mo") == mo))
    rows = list(own.iter_rows(named=True))
    if not rows:
        return None
    return act_states.monthly(kind, rows[0], of, territory, _act_day(federal_parameters(), of))


def compare_121(ws: Workspace, path: Path, drawn: Drawn | None = None) -> Compared:
    """Holds the fund's act of point 121 (its file) against the own books, line by line. drawn: see `compare`."""
    return _compare(ws, path, "121", drawn)


def compare_132(ws: Workspace, path: Path, drawn: Drawn | None = None) -> Compared:
    """Holds the fund's act of point 132 (its file) of one clinic against the own books, line by line. drawn: see `compare`."""
    return _compare(ws, path, "132", drawn)


def compare(ws: Workspace, path: Path, drawn: Drawn | None = None) -> Compared:
    """`compare_121` or `compare_132`, by what the file is of; AK.7 for an act of another kind.

    drawn  own acts of months met so far, kept by who compares many files of books that do not change meanwhile
    """
    said = act_files.read_act(path.read_bytes(), path.name).act
    return compare_132(ws, path, drawn) if said is not None and said.kind == "132" else compare_121(ws, path, drawn)


def sources_of(ws: Workspace, months: list[str]) -> list[str]:
    """Values of the law that the own closings of these months stand on."""
    return closing.parameters_of(ws, months)


def _compare(ws: Workspace, path: Path, kind: Literal["121", "132"], drawn: Drawn | None) -> Compared:
    smo, territory = own_smo(ws), ws.meta("territory")
    nothing = contract.TABLES["act_disagreements"].empty()
    read = act_files.read_act(path.read_bytes(), path.name)
    if read.act is None or read.findings.height:
        return Compared("", nothing, read.findings)
    theirs = read.act
    of = _month_of(theirs.first)
    if of is None:
        closed = ws.closed_months()
        params = {"ours": " - ".join(sorted({closed[0], closed[-1]})) if closed else "-"}
        params["theirs"] = f"{theirs.first} - {theirs.last}"
        return Compared(theirs.number, nothing, findings.frame([_finding("AK.4", path, **params)]))
    mo = next((party.split(":")[1] for party in (theirs.party, theirs.other) if party.startswith("clinic:")), "")
    if str(of) not in ws.closed_months():
        return Compared(theirs.number, nothing, findings.frame([_finding("IY.17", path, month=of)]))
    ours = _own_act(ws, kind, of, mo, drawn)
    if ours is None:  # the own books know nothing of it: every line that is not zero differs
        row = {"smo": smo} if kind == "121" else {"payer": smo, "mo": mo}
        ours = act_states.monthly(kind, row, of, territory, theirs.drawn_on)
    compared = reconcile.compare(ours, theirs)
    return Compared(theirs.number, compared.disagreements, compared.findings)


def _month_of(day: date) -> Month | None:
    """The reporting month of a day; None before the Rules and beyond the years that are reckoned with."""
    try:
        return Month(day.year, day.month)
    except ValueError:
        return None


# ---- the year --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Booked:
    """What became of events of an insurer: postings written (0: the books held them, or they are refused), last day of the term,
    findings IY.1-IY.9 or what the journal refuses (LB.*), values of the law that were used."""

    rows: int
    due: date | None
    findings: pl.DataFrame
    sources: tuple[str, ...]


def books_of(ws: Workspace, smo: str | None) -> str:
    """The insurer that is meant: the own one, or the one named in a fund's workspace. Raises WorkspaceError `insurer.which`."""
    own = ws.smo()
    if (own or smo) is None or (own is not None and smo not in (None, own)):
        raise WorkspaceError("insurer.which", folder=ws.folder)
    return str(own or smo)


def receive(
    ws: Workspace, smo: str, source: str, amount_kop: int, on: date, document: str, as_of: date, who: str, mo: str | None = None
) -> Booked:
    """Books money that an insurer received beside the fund's (inside `Workspace.writing`).

    source  of insurer_year.SOURCES, divided by the table of the day; or `fine`, paid by clinic `mo`, which the closing divides
    """
    law = federal_parameters().noting()
    if source == "fine":
        made = insurer_year.fine_received(smo, mo or "", amount_kop, on, document, _balances(ws))
    else:
        made = insurer_year.recovered(smo, amount_kop, source, on, document, law)
    return _book(ws, made, f"{source}/{document}", as_of, who, law)


def spend(ws: Workspace, smo: str, amount_kop: int, on: date, document: str, as_of: date, who: str) -> Booked:
    """Books measures against illness, paid from the preventive reserve (inside `Workspace.writing`)."""
    made = insurer_year.measures(smo, amount_kop, on, document, _balances(ws))
    return _book(ws, made, f"measures/{document}", as_of, who, federal_parameters().noting())


def year_end(ws: Workspace, smo: str, end: date, on: date, as_of: date, who: str) -> Booked:
    """Sends what is left of the reserves back to the fund at the end of a year (198; inside `Workspace.writing`).

    end  last day of the year, whose month must be closed (IY.8); on: day of the payment. The same again, on
    that day or another, changes nothing; of a month that was closed again since the difference goes back.
    """
    return _give_back(ws, smo, end, on, as_of, who, early=False)


def early_end(ws: Workspace, smo: str, end: date, on: date, as_of: date, who: str) -> Booked:
    """Sends all target money back to the fund after an early end of the contract (197), as `year_end`; nothing left is IY.3."""
    return _give_back(ws, smo, end, on, as_of, who, early=True)


def _give_back(ws: Workspace, smo: str, end: date, on: date, as_of: date, who: str, early: bool) -> Booked:
    law = federal_parameters().noting()
    of = Month(end.year, end.month)
    if str(of) not in ws.closed_months():
        problem = Finding("IY.8", value=str(end), params={"smo": smo, "month": str(of)})
        return Booked(0, None, findings.frame([problem]), ())
    contracts, now = ws.register("reg_contract"), _balances(ws)
    returned = journal.entries(ws, f"{books.insurer(smo)}/").filter(pl.col("rule") == "unused_returned")
    if early:
        made = insurer_year.early_end(smo, end, on, now, returned, contracts, law)
    else:
        at_end = books.as_dict(journal.balances(ws, on=end))
        made = insurer_year.year_end(smo, end, on, at_end, now, returned, contracts, law)
    return _book(ws, made, f"return/{end}/{smo}", as_of, who, law)


def _balances(ws: Workspace) -> dict[str, int]:
    return books.as_dict(journal.balances(ws))


def _book(ws: Workspace, made: insurer_year.Events, source: str, as_of: date, who: str, law: Parameters) -> Booked:
    """Events into the journal, all or none."""
    sources = tuple(sorted(law.asked or ()))
    if made.events.is_empty():
        return Booked(0, made.due, made.findings, sources)
    booked = journal.book(ws, made.events, source, as_of, who)
    rows = booked.txn.rows if booked.txn is not None and booked.txn.outcome == "new" else 0
    return Booked(rows, made.due, findings.concat([made.findings, booked.findings]), sources)
