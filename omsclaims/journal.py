"""What stands in the books, over the years? The journal of a workspace: events, closings, corrections, balances at any time.

Design: law.md 10.8; the double entry of `settlement.ledger`, kept. The journal only grows. A closing writes its postings; a month
that is closed again writes the difference only; an event between closings (a payment, an answer of another fund) is booked on its
day, and on the first day of the open month when its own month is closed - with its true date beside it. What was wrong is undone
by a posting the other way round that names it. Each transaction has its event in the audit chain, which is the moment of
knowledge: balances can be asked for as of any date and as known at any moment, and what was known then never changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Literal, cast

import polars as pl

from omsclaims import contract, findings, ledger_rows, messages
from omsclaims.findings import Finding
from omsclaims.ledger_rows import OPENING, Row
from omsclaims.periods import Month
from omsclaims.reports import ledger as forms
from omsclaims.reports.sheets import show_date
from omsclaims.settlement import ledger as books
from omsclaims.settlement.month_books import FINANCING
from omsclaims.workspace import Workspace, WorkspaceError

Kind = Literal["opening", "close", "event", "correction"]

#: Columns of a row before it is written.
_ROW: Final = ("posting_id", *ledger_rows.SAYS, "document_date", "reverses")
_ORDER: Final = ("date", "document", "rule", "debit", "credit", "posting_id")
#: Events by which money goes to clinics; the closing makes them itself where payments are planned, as it does the financing.
_TRANSFERS: Final = frozenset({"advance", "final_payment", "spare_cover"})
#: What the codes of parties look like.
_PARTIES: Final = {
    "fund": r"fund:[0-9]{2}", "insurer": r"insurer:[0-9]{5}", "clinic": r"clinic:[0-9]{6}", "territory": r"territory:[0-9]{2}",
    "outside": r"outside:[0-9A-Za-z]{1,12}", "payer": r"(fund:[0-9]{2}|insurer:[0-9]{5})",
}  # fmt: skip
#: Columns of `ledger_events` that a list may leave out.
_OPTIONAL: Final = ("document_date", "order_id", "note", "month")


@dataclass(frozen=True)
class Txn:
    """A transaction of the journal.

    seq       number of its event in the chain; of an `already` one: of the event then
    rows      postings written by it
    outcome   new: written now; already: the books held all of it, nothing was written
    payload   what the chain says of it
    """

    txn: str
    seq: int
    rows: int
    outcome: Literal["new", "already"]
    payload: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Booked:
    """What became of events: the transaction, or None and why not. known: events of the list that the books held already."""

    txn: Txn | None
    findings: pl.DataFrame
    known: int = 0


# ---- reading ---------------------------------------------------------------------------------------------------------------


def balances(ws: Workspace, on: date | None = None, known: int | date | None = None, prefix: str = "") -> pl.DataFrame:
    """Contract table `balances`: accounts that are not zero, sorted.

    on      at the end of this day; None: of everything booked
    known   as known after this event of the chain, or at the end of this day; None: now
    prefix  only accounts that begin so (a party, a party and purpose)
    """
    _require(ws)
    where, values = _where(ws, known)
    if on is not None:
        where, values = f"{where} AND date <= ?", [*values, on]
    statement = (
        "SELECT account, CAST(sum(kop) AS BIGINT) AS amount_kop FROM ("  # noqa: S608 - fixed texts only
        f"SELECT debit AS account, amount_kop AS kop FROM journal WHERE {where} UNION ALL "
        f"SELECT credit, -amount_kop FROM journal WHERE {where}"
        ") WHERE starts_with(account, ?) GROUP BY account HAVING sum(kop) <> 0 ORDER BY account"
    )
    return ws.frame("balances", statement, [*values, *values, prefix])


def entries(
    ws: Workspace, prefix: str = "", first: date | None = None, last: date | None = None, known: int | date | None = None
) -> pl.DataFrame:
    """Contract table `journal`: postings that touch accounts beginning with `prefix`, of days from first to last, in the order of
    dates and of writing. known: as for `balances`."""
    _require(ws)
    where, values = _where(ws, known)
    for limit, day in (("date >= ?", first), ("date <= ?", last)):
        if day is not None:
            where, values = f"{where} AND {limit}", [*values, day]
    statement = (
        f"SELECT * FROM journal WHERE {where} AND (starts_with(debit, ?) OR starts_with(credit, ?)) "  # noqa: S608 - fixed texts
        "ORDER BY date, seq, document, rule, debit, credit, posting_id"
    )
    return ws.frame("journal", statement, [*values, prefix, prefix])


def grown(ws: Workspace, part: str, without: Sequence[str]) -> pl.DataFrame:
    """Net turnover by account and month of the accounts that hold `part` (`/care/clinic:`), of all events but some.

    Columns account, month, amount_kop (debit positive, not zero); sorted
    """
    _require(ws)
    marks = ", ".join("?" * len(without))
    known, values = _where(ws, None)
    where = f"{known} AND instr({{side}}, ?) > 0 AND rule NOT IN ({marks})"
    statement = (
        "SELECT account, month, CAST(sum(kop) AS BIGINT) AS amount_kop FROM ("  # noqa: S608 - fixed texts and question marks
        f"SELECT debit AS account, month, amount_kop AS kop FROM journal WHERE {where.format(side='debit')} UNION ALL "
        f"SELECT credit, month, -amount_kop FROM journal WHERE {where.format(side='credit')}"
        ") GROUP BY account, month HAVING sum(kop) <> 0 ORDER BY account, month"
    )
    values = [*values, part, *without]
    rows = ws.rows(statement, [*values, *values])
    return pl.DataFrame(rows, schema={"account": pl.String, "month": pl.String, "amount_kop": pl.Int64}, orient="row")


def _where(ws: Workspace, known: int | date | None) -> tuple[str, list[object]]:
    """Postings as known then, and not later than the workspace itself is looked at (Workspace.as_known)."""
    limits: list[tuple[str, object]] = [] if ws.known is None else [("seq <= ?", ws.known)]
    if known is not None:
        limits.append(("seq <= ?" if isinstance(known, int) else "known_on <= ?", known))
    return " AND ".join(["true", *(text for text, _ in limits)]), [value for _, value in limits]


def _require(ws: Workspace) -> None:
    if not ws.has_journal():
        raise WorkspaceError("journal.older_workspace", folder=ws.folder)


def month_events(ws: Workspace, of: Month) -> pl.DataFrame:
    """Contract table `event_postings`: what events and corrections booked in a month, sorted. An older copy has none."""
    return events_between(ws, of, of)


def events_between(ws: Workspace, first: Month | None, last: Month) -> pl.DataFrame:
    """`event_postings` of all months from first (None: ever) to last."""
    if not ws.has_journal():
        return contract.TABLES["event_postings"].empty()
    columns = ", ".join(f"j.{name}" for name in contract.TABLES["event_postings"].schema())
    statement = (
        f"SELECT {columns} FROM journal j JOIN ledger_txns t USING (txn) "  # noqa: S608 - columns are constants
        "WHERE t.kind IN ('event', 'correction') AND j.month >= ? AND j.month <= ? "
        "ORDER BY j.date, j.document, j.rule, j.debit, j.credit, j.posting_id"
    )
    return ws.frame("event_postings", statement, ["" if first is None else str(first), str(last)])


def event_sources(ws: Workspace, of: Month) -> dict[str, str]:
    """Transactions that booked events in a month, with the digests of their rows: what a closing names as its input."""
    if not ws.has_journal():
        return {}
    return dict(
        ws.rows(
            "SELECT DISTINCT t.txn, t.rows_digest FROM journal j JOIN ledger_txns t USING (txn) "
            "WHERE t.kind IN ('event', 'correction') AND j.month = ? ORDER BY t.txn",
            [str(of)],
        )
    )


def opened_on(ws: Workspace) -> date | None:
    """The day of the opening balances; None while the books have none."""
    found = ws.rows("SELECT max(date) FROM journal WHERE rule = ?", [OPENING]) if ws.has_journal() else [(None,)]
    return found[0][0] if found else None


def open_month(ws: Workspace) -> Month:
    """The first month that is not closed: events of earlier days are booked in it.

    Before anything is closed: the month after the opening, else the first month of which there are packages. Raises
    WorkspaceError `journal.no_month` where nothing says it.
    """
    found = _first_open(ws)
    if found is None:
        raise WorkspaceError("journal.no_month")
    return found


def _first_open(ws: Workspace) -> Month | None:
    closed = ws.closed_months()
    if closed:
        return Month.parse(closed[-1]).plus(1)
    opened = opened_on(ws)
    if opened is not None:
        first = opened + timedelta(days=1)  # the month of the day itself may be one before there were reporting months
        return Month(first.year, first.month)
    named = sorted({row.month for row in ws.packages() if row.state == "accepted"})
    return Month.parse(named[0]) if named else None


def export(
    ws: Workspace, folder: Path, first: date | None = None, last: date | None = None, kinds: Sequence[str] = ("csv", "xlsx"),
    lang: str = "ru", notes: Sequence[str] = (),
) -> list[Path]:  # fmt: skip
    """Writes postings of the days from first to last and the balances at the end of `last` into a folder; returns the files.

    kinds  csv: postings.csv, balances.csv; xlsx: ledger.xlsx with both. notes: sentences for the head of the workbook
    """
    rows, ends = entries(ws, first=first, last=last), balances(ws, on=last)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made: list[tuple[str, bytes]] = []
    if "csv" in kinds:
        made += [("postings.csv", forms.postings_csv(rows)), ("balances.csv", forms.balances_csv(ends))]
    if "xlsx" in kinds:
        days = [
            show_date(day, lang) for day in (first or rows["date"].min(), last or rows["date"].max()) if isinstance(day, date)
        ]
        about = messages.text("reports.ledger.about", lang, territory=ws.meta("territory"), days=" - ".join(days) or "-")
        made.append(("ledger.xlsx", forms.workbook(rows, ends, about, lang, notes)))
    for name, data in made:
        (folder / name).write_bytes(data)
    return [folder / name for name, _ in made]


# ---- writing ---------------------------------------------------------------------------------------------------------------


def append(ws: Workspace, postings: pl.DataFrame, kind: Kind, source: str, as_of: date, who: str, why: str | None = None) -> Txn:
    """Writes postings that the books do not hold yet as one transaction, with its event `ledger` in the chain.

    postings  contract `postings` or `event_postings`; ids are made anew from the content
    source    digest or name of what they come from: the same content from the same source is the same transaction

    The same again changes nothing and leaves no event. A posting that was undone since is written again only from another source.
    """
    rows = [dict(row) for row in postings.iter_rows(named=True)]
    return _append(ws, rows, kind, source, as_of, who, why)


def _append(ws: Workspace, rows: Sequence[Row], kind: Kind, source: str, as_of: date, who: str, why: str | None) -> Txn:
    month = min((str(row["month"]) for row in rows), default="")
    txn = ledger_rows.txn_id(kind, month, source, [ledger_rows.posting_id(row) for row in rows])
    done = _written(ws, txn)
    if done is not None:
        return done
    fresh = _numbered(ws, rows)
    if not fresh:
        held = ws.rows("SELECT coalesce(max(seq), 0) FROM ledger_txns")[0][0]
        return Txn(txn, int(held), 0, "already")
    made = _write(ws, txn, kind, month, source, as_of, who, why, fresh)
    ws.record("ledger", as_of, who, why, made.payload)
    return made


def _write(
    ws: Workspace, txn: str, kind: Kind, month: str, source: str, as_of: date, who: str, why: str | None, rows: Sequence[Row]
) -> Txn:
    """Rows with their ids into the journal. The caller records the event of the chain right afterwards."""
    assert all(isinstance(row["amount_kop"], int) and row["amount_kop"] > 0 for row in rows), "a posting is not above zero"
    schema = {name: contract.TABLES["journal"].schema()[name] for name in _ROW}
    table = pl.DataFrame([{name: row[name] for name in _ROW} for row in rows], schema=schema)
    _assert_whole(table)
    seq = ws.next_seq()
    payload = ws.write_journal(txn, kind, month, source, as_of, who, why, table)
    return Txn(txn, seq, table.height, "new", payload)


def _assert_whole(table: pl.DataFrame) -> None:
    """A transaction alone leaves the ledger, each party's books and each mutual pair at zero on each of its days."""
    for _, rows in table.group_by("date", maintain_order=True):
        moved: dict[str, int] = {}
        for debit, credit, amount in rows.select("debit", "credit", "amount_kop").iter_rows():
            moved[debit] = moved.get(debit, 0) + amount
            moved[credit] = moved.get(credit, 0) - amount
        books.assert_balanced(moved)


def _written(ws: Workspace, txn: str) -> Txn | None:
    found = ws.rows("SELECT seq, rows FROM ledger_txns WHERE txn = ?", [txn])
    return Txn(txn, int(found[0][0]), int(found[0][1]), "already") if found else None


def _held(ws: Workspace, months: Iterable[str]) -> tuple[set[str], set[str]]:
    """Ids of the postings of months, and those of them that are undone now (wherever that was booked)."""
    wanted = sorted(set(months))
    marks = ", ".join("?" * len(wanted))
    statement = f"SELECT posting_id FROM journal WHERE month IN ({marks})"  # noqa: S608 - only question marks
    ids = {row[0] for row in ws.rows(statement, wanted)} if wanted else set()
    return ids, _undone(ws) & ids


def _undone(ws: Workspace) -> set[str]:
    """Ids of the postings that are undone now: reversals are written after what they undo."""
    rows = ws.rows("SELECT posting_id, reverses FROM journal WHERE reverses IS NOT NULL ORDER BY seq, rowid")
    return ledger_rows.undone([(posting, reverses) for posting, reverses in rows])


def _numbered(ws: Workspace, rows: Sequence[Row]) -> list[Row]:
    """Rows with their ids, without those that stand already; content that was undone gets the next free id."""
    ids, undone = _held(ws, (str(row["month"]) for row in rows))
    fresh: list[Row] = []
    for row in rows:
        whole = {"document_date": row["date"], "reverses": None, **row}
        whole["document_date"] = whole["document_date"] or whole["date"]
        n = 0
        while (posting := ledger_rows.posting_id(whole, n)) in ids and posting in undone:
            n += 1
        if posting not in ids:
            ids.add(posting)
            fresh.append({**whole, "posting_id": posting})
    return fresh


def open_ledger(
    ws: Workspace, first: Month, opening: Mapping[str, int], source: str, as_of: date, who: str, why: str | None = None,
    *, record: bool = True,
) -> Txn:  # fmt: skip
    """Writes the balances with which the books begin, on the day before month `first`; later only what differs from them.

    opening  account -> kopecks, completed (settlement.ledger.complete_opening): each party's books sum to zero
    record   whether the event of the chain is made here; a closing names the transaction in its own
    """
    books.assert_balanced(opening)
    day = opened_on(ws) or first.first - timedelta(days=1)
    month = f"{day:%Y-%m}"
    return _replace(ws, OPENING, month, ledger_rows.opening_rows(opening, month, day), source, as_of, who, why, record)


def close_month(ws: Workspace, of: Month, postings: pl.DataFrame, source: str, as_of: date, who: str, why: str | None) -> Txn:
    """Writes the postings of a closing (contract `postings`); of a month closed before only the difference.

    What the closing does no longer say is undone, what is new is added, the rest stays as it is. The caller records the event of
    the closing in the chain right afterwards, with `payload` in it.
    """
    return _replace(ws, "close", str(of), list(postings.iter_rows(named=True)), source, as_of, who, why, record=False)


def _replace(
    ws: Workspace, kind: Kind, month: str, rows: Sequence[Row], source: str, as_of: date, who: str, why: str | None, record: bool
) -> Txn:
    """Makes the postings of a kind in a month say what `rows` say: reversals of what is gone, then what is new."""
    stands = standing(ws, kind, month)
    wanted = {ledger_rows.posting_id(row): row for row in rows}
    gone = [row for content, row in sorted(stands.items()) if content not in wanted]
    back = [_reversal_of_same_day(row) for row in gone]
    new = [row for content, row in wanted.items() if content not in stands]
    both = [*back, *sorted(new, key=lambda row: tuple(str(row[name]) for name in _ORDER if name in row))]
    txn = ledger_rows.txn_id(kind, month, source, [ledger_rows.posting_id(row) for row in both])
    if not both:
        held = ws.rows("SELECT coalesce(max(seq), 0) FROM ledger_txns WHERE month = ? AND kind = ?", [month, kind])[0][0]
        return Txn(txn, int(held), 0, "already")
    if _written(ws, txn) is not None:  # the same month closed to and fro between two states: the moment tells them apart
        txn = ledger_rows.txn_id(kind, month, f"{source}/{ws.next_seq()}", [ledger_rows.posting_id(row) for row in both])
    made = _write(ws, txn, kind, month, source, as_of, who, why, _numbered(ws, both))
    if record:
        ws.record("ledger", as_of, who, why, made.payload)
    return made


def standing(ws: Workspace, kind: Kind, month: str) -> dict[str, Row]:
    """Postings of a kind in a month that no transaction of this kind undid, by content (their id with n = 0)."""
    columns = ", ".join(f"j.{name}" for name in contract.TABLES["journal"].schema())
    found = ws.frame(
        "journal",
        f"SELECT {columns} FROM journal j JOIN ledger_txns t USING (txn) "  # noqa: S608 - columns are constants
        "WHERE t.kind = ? AND j.month = ? ORDER BY j.seq, j.rowid",
        [kind, month],
    )
    undone = ledger_rows.undone(found.select("posting_id", "reverses").rows())
    rows = [row for row in found.iter_rows(named=True) if row["reverses"] is None and row["posting_id"] not in undone]
    return {ledger_rows.posting_id(row): row for row in rows}


def _reversal_of_same_day(row: Row) -> Row:
    day, document_date = row["date"], row["document_date"]
    assert isinstance(day, date) and isinstance(document_date, date)
    return ledger_rows.reversal(row, str(row["month"]), day, document_date)


# ---- events ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Books:
    """What events are held against: whose books these are, what is closed, who is known."""

    role: str
    territory: str
    payments: str
    opened_on: date | None
    first_open: Month | None
    insurers: frozenset[str]
    clinics: frozenset[str]
    territories: frozenset[str]


def _books_of(ws: Workspace, as_of: date) -> _Books:
    named = {account.split("/")[0] for (account,) in ws.rows("SELECT DISTINCT debit FROM journal")}
    insurers = {books.insurer(code) for code in ws.register("reg_insurer")["smo"].drop_nulls()}
    clinics = {books.clinic(code) for code in ws.register("reg_clinic")["mo"].drop_nulls()}
    codes = ws.library().books(Month(as_of.year, as_of.month), as_of).require("F010").rows["code"]
    first_open, opened, closed = _first_open(ws), opened_on(ws), ws.closed_months()
    begun = Month.parse(closed[0]) if closed else first_open
    return _Books(
        role=ws.meta("role"),
        territory=ws.meta("territory"),
        payments=ws.payments(),
        # Books that begin with nothing begin with their first closed month, before it with the first of which there are packages.
        opened_on=opened if opened is not None or begun is None else begun.first - timedelta(days=1),
        first_open=first_open,
        # Without a register (the books of an insurer may have none) the form of the code must do.
        insurers=frozenset(insurers and insurers | {name for name in named if name.startswith("insurer:")}),
        clinics=frozenset(clinics and clinics | {name for name in named if name.startswith("clinic:")}),
        territories=frozenset(books.territory(code) for code in codes),
    )


def book(ws: Workspace, events: pl.DataFrame, source: str, as_of: date, who: str, why: str | None = None) -> Booked:
    """Books events as one transaction: all of them, or none and the findings that say why.

    events  contract `ledger_events`; document_date, order_id, note may be left out; a column `month` may name the accounting
            month asked for. `parties` is JSON role -> party (fund:75, insurer:75901, clinic:750901, territory:38,
            outside:<code>); `fund` is the own one, `pot` and `cost` follow from the payer, unless they are named
    source  digest of the file or name of the paper that they come from

    An event whose month is closed is booked on the first day of the open month, its own day kept as the date of its document
    (unless the document has one). An event that the books hold already is not booked again (`known` counts them), whatever was
    closed or opened since; the same list again changes nothing. `Finding.line` is the number of the event in the list.

    Findings, the books unchanged: LB.1 unknown event, LB.2 amount not above zero, LB.3 party, LB.4 day after as_of, LB.5 day
    before the opening, LB.8 a closed or another month asked for, LB.9 twice in the list, LB.10 the closing posts that itself,
    LB.11 a field is empty.
    """
    _require(ws)
    of_books = _books_of(ws, as_of)
    known_columns = {**contract.TABLES["ledger_events"].schema(), "month": pl.String()}
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in known_columns.items() if name not in events.columns]
    given = events.with_columns(missing).select(list(known_columns))
    found: list[Finding] = []
    rows: list[Row] = []
    seen: set[str] = set()
    per_event: list[list[str]] = []
    moved = _Moved(ws)
    elsewhere = 0
    for line, event in enumerate(given.iter_rows(named=True), 1):
        problems = _problems(event, of_books, as_of)
        made = [] if problems else _rows_of(event, of_books)
        ids = [ledger_rows.posting_id(row) for row in made]
        if seen & set(ids):
            problems = [Finding("LB.9", value=str(event["document"]), params={"event": event["event"]})]
        seen |= set(ids)
        found += [_placed(problem, line, event) for problem in problems]
        if made and moved.holds(made, cast(date, event["date"])):
            elsewhere += 1
            ids, made = [], []
        rows += made
        per_event.append(ids)
    if found:
        return Booked(None, findings.frame(found))
    if not rows:
        return Booked(moved.last if elsewhere else None, findings.empty(), elsewhere)
    ids_held, undone = _held(ws, (str(row["month"]) for row in rows))
    clash = [(line, ids) for line, ids in enumerate(per_event, 1) if ids and set(ids) & ids_held and not set(ids) <= ids_held]
    if clash:  # one of its lines says what another event says already
        named = [(line, given.row(line - 1, named=True)) for line, _ in clash]
        return Booked(
            None, findings.frame(_placed(Finding("LB.9", value=str(one["document"])), line, one) for line, one in named)
        )
    _open_before_events(ws, of_books, rows, as_of, who)
    txn = _append(ws, rows, "event", source, as_of, who, why)
    own = [set(ids) for ids in per_event if ids]
    known = len(own) if txn.outcome == "already" else sum(ids <= ids_held - undone for ids in own)
    return Booked(txn, findings.empty(), known + elsewhere)


class _Moved:
    """Events that stand in the books under another month than they would be booked in today.

    A month was closed since, or opened again: then the same event comes to another month and day, and so to other ids. It can
    stand on its own day, or on the first day of a later month.
    """

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._months: list[str] | None = None
        self._held: dict[str, tuple[set[str], set[str]]] = {}
        self.last = Txn("", 0, 0, "already")

    def holds(self, rows: Sequence[Row], day: date) -> bool:
        """Whether an event of a day, whose postings would be `rows` now, stands with all its lines under another month."""
        own = str(Month(day.year, day.month))
        if self._months is None:
            found = self._ws.rows("SELECT DISTINCT month FROM journal ORDER BY month") if self._ws.has_journal() else []
            self._months = [month for (month,) in found]
        for month in self._months:
            if month < own or month == str(rows[0]["month"]):
                continue
            on = day if month == own else Month.parse(month).first
            if month not in self._held:
                self._held[month] = _held(self._ws, [month])
            ids, undone = self._held[month]
            if all(_stands({**row, "month": month, "date": on}, ids, undone) for row in rows):
                return True
        return False


def _stands(row: Row, ids: set[str], undone: set[str]) -> bool:
    """Whether the content of a posting stands among `ids`, as often as it was undone and written again."""
    n = 0
    while (posting := ledger_rows.posting_id(row, n)) in ids and posting in undone:
        n += 1
    return posting in ids


def _placed(problem: Finding, line: int, event: Mapping[str, object]) -> Finding:
    params = {"event": event["event"] or "", "document": event["document"] or "", **problem.params}
    return Finding(problem.rule, element=problem.element, value=problem.value, line=line, params=params)


def _problems(event: Mapping[str, object], of: _Books, as_of: date) -> list[Finding]:
    """Why an event cannot be booked: all reasons that can be told apart."""
    empty = [name for name in ("event", "date", "document", "amount_kop", "parties") if event[name] in (None, "")]
    if empty:
        return [Finding("LB.11", element=name, params={"column": name}) for name in empty]
    name, amount, day = str(event["event"]), event["amount_kop"], event["date"]
    assert isinstance(amount, int) and isinstance(day, date)
    found = []
    if amount <= 0:
        found.append(Finding("LB.2", element="amount_kop", value=str(amount)))
    rule = books.posting_rules().get(name)
    if rule is None or name == OPENING:
        return [*found, Finding("LB.1", element="event", value=name)]
    if of.role == "fund" and rule.day != "given" and not (of.payments == "actual" and name in {*_TRANSFERS, *FINANCING}):
        found.append(Finding("LB.10", element="event", value=name))
    found += _dates(event, day, of, as_of)
    _, problem = _parties(rule, str(event["parties"]), of)
    return [*found, problem] if problem else found


def _dates(event: Mapping[str, object], day: date, of: _Books, as_of: date) -> list[Finding]:
    """LB.4, LB.5, LB.8: a day that is not yet, a day before the books begin, an accounting month that cannot be."""
    found = []
    for column in ("date", "document_date"):
        stated = event[column]
        if isinstance(stated, date) and stated > as_of:
            found.append(Finding("LB.4", element=column, value=str(stated), params={"as_of": str(as_of)}))
    before = of.opened_on or date(2010, 12, 31)
    if day <= before:
        return [*found, Finding("LB.5", element="date", value=str(day), params={"opened_on": str(before + timedelta(days=1))})]
    asked = event["month"]
    if not found and asked and str(asked) != str(_accounting(day, of)[0]):
        open_month = str(_accounting(day, of)[0])
        found.append(Finding("LB.8", element="month", value=str(asked), params={"date": str(day), "open_month": open_month}))
    return found


def _accounting(day: date, of: _Books) -> tuple[Month, date]:
    """Month and day on which an event is booked: its own, or the first day of the open month when its own is closed."""
    own = Month(day.year, day.month)
    if of.first_open is not None and own < of.first_open:
        return of.first_open, of.first_open.first
    return own, day


def _parties(rule: books.PostingRule, given: str, of: _Books) -> tuple[dict[str, str], Finding | None]:
    """Parties and accounts of an event by role, or LB.3: what is missing, unknown, or not of these books."""
    own_fund = books.fund(of.territory)

    def wrong(role: str, value: object) -> tuple[dict[str, str], Finding]:
        return {}, Finding("LB.3", element="parties", value=str(value), params={"role": role, "territory": of.territory})

    try:
        named = json.loads(given)
    except ValueError:
        return wrong("parties", given)
    if not isinstance(named, dict):
        return wrong("parties", given)
    roles = rule.roles()
    parties = {str(role): str(value) for role, value in named.items() if role in roles and value is not None}
    if odd := sorted(set(map(str, named)) - set(roles)):
        return wrong(odd[0], named[odd[0]])
    if "fund" in roles:
        parties.setdefault("fund", own_fund)
    payer = parties.get("payer", "")
    if "pot" in roles and payer:
        parties.setdefault("pot", "nsz" if payer == own_fund else "payment_reserve")
    if "cost" in roles and payer:
        parties.setdefault("cost", "elsewhere" if payer == own_fund else "cost")
    for role in roles:
        if role not in parties:
            return wrong(role, "")
        if not _is_known(role, parties[role], payer, of):
            return wrong(role, parties[role])
    return parties, None


def _is_known(role: str, value: str, payer: str, of: _Books) -> bool:
    """Whether a party (or account) may stand in a role in these books."""
    own_fund = books.fund(of.territory)
    if role == "pot":
        return value == "nsz" if payer == own_fund else value == "payment_reserve" if payer else value in books.POTS
    if role == "cost":
        return value == ("elsewhere" if payer == own_fund else "cost")
    if re.fullmatch(_PARTIES.get(role, ""), value) is None:
        return False
    kind, _, _ = value.partition(":")
    if kind == "fund":
        return value == own_fund
    if kind == "territory":
        return value in of.territories and value != books.territory(of.territory)
    known = {"insurer": of.insurers, "clinic": of.clinics}.get(kind, frozenset())
    return not known or value in known


def _rows_of(event: Mapping[str, object], of: _Books) -> list[Row]:
    """The postings of an event that has no problems, without ids."""
    rule = books.posting_rules()[str(event["event"])]
    parties, _ = _parties(rule, str(event["parties"]), of)
    day, amount = event["date"], event["amount_kop"]
    assert isinstance(day, date) and isinstance(amount, int)
    month, booked_on = _accounting(day, of)
    rows = books.event_rows(rule, month, booked_on, str(event["document"]), amount, parties)
    return [{**row, "document_date": event["document_date"] or day, "reverses": None} for row in rows]


def _open_before_events(ws: Workspace, of: _Books, rows: Sequence[Row], as_of: date, who: str) -> None:
    """The first event of books that nothing was written in: the opening register comes first."""
    if opened_on(ws) is not None or ws.closed_months():
        return
    first = of.first_open or Month.parse(min(str(row["month"]) for row in rows))
    opening = register_opening(ws)
    if opening:
        open_ledger(ws, first, opening, "reg_opening", as_of, who)


def register_opening(ws: Workspace) -> dict[str, int]:
    """The opening register with the other sides of its accounts (settlement.ledger.complete_opening)."""
    register = ws.register("reg_opening").select("account", "amount_kop").drop_nulls()
    return books.complete_opening(books.as_dict(register), books.fund(ws.meta("territory")))


# ---- corrections -----------------------------------------------------------------------------------------------------------


def correct(ws: Workspace, posting_id: str, as_of: date, who: str, why: str, on: date | None = None) -> Booked:
    """Undoes the event that a posting belongs to, by postings the other way round that name the ones they undo.

    on  the day on which the mistake was put right: by default the posting's own day, or the first day of the open month when its
        month is closed (then the day of knowledge, as_of, is the date of the document)

    All lines of the event are undone together: the books of both parties stay equal. Findings, the books unchanged: LB.6 no such
    posting, LB.7 undone already, LB.4 a day after as_of, LB.8 a day in a closed month, LB.10 a posting that the closing of an
    open month makes itself, or the opening. The same correction again changes nothing. Raises WorkspaceError `journal.why`
    without a reason.
    """
    _require(ws)
    if not why.strip():
        raise WorkspaceError("journal.why")
    found = ws.frame("journal", "SELECT * FROM journal WHERE posting_id = ?", [posting_id])
    if found.is_empty():
        return _refused("LB.6", posting_id)
    row = found.row(0, named=True)
    before = ws.rows("SELECT posting_id, txn FROM journal WHERE reverses = ? ORDER BY seq", [posting_id])
    if posting_id in _undone(ws):
        by, txn = before[-1]
        told = ws.rows("SELECT kind, as_of, who, why FROM ledger_txns WHERE txn = ?", [txn])[0]
        done = _written(ws, txn) if told == ("correction", as_of, who, why) else None
        return _refused("LB.7", posting_id, by=by) if done is None else Booked(done, findings.empty(), 1)
    kind = ws.rows("SELECT kind FROM ledger_txns WHERE txn = ?", [row["txn"]])[0][0]
    first_open = _first_open(ws)
    is_open = first_open is None or Month.parse(row["month"]) >= first_open
    if kind == OPENING or (kind == "close" and is_open):
        return _refused("LB.10", row["rule"])
    floor = None if first_open is None else first_open.first
    if on is not None and floor is not None and on < floor:
        return _refused("LB.8", str(on), date=str(on), open_month=str(first_open))
    day = on or (row["date"] if is_open or floor is None else floor)
    if (on or day) > as_of and not (on is None and not is_open):
        return _refused("LB.4", str(day), as_of=str(as_of))
    document_date = on or (row["document_date"] if is_open else as_of)
    month = str(Month(day.year, day.month))
    rows = [ledger_rows.reversal(one, month, day, document_date) for one in _event_of(ws, row)]
    named = f"correct/{posting_id}" + (f"/{len(before)}" if before else "")
    return Booked(_append(ws, rows, "correction", named, as_of, who, why), findings.empty())


def _refused(rule: str, value: str, **params: object) -> Booked:
    return Booked(None, findings.frame([Finding(rule, value=value, params={"event": "", "document": "", **params})]))


def _event_of(ws: Workspace, row: Mapping[str, object]) -> list[Row]:
    """All postings of the event that a posting belongs to, itself among them, that stand now."""
    together = ws.frame(
        "journal",
        "SELECT * FROM journal WHERE txn = ? AND rule = ? AND document = ? AND amount_kop = ? AND date = ? ORDER BY posting_id",
        [row["txn"], row["rule"], row["document"], row["amount_kop"], row["date"]],
    )
    undone = _undone(ws)
    is_reversal = row["reverses"] is not None  # a closing again undoes and books anew in one transaction
    rows = [
        one for one in together.iter_rows(named=True)
        if one["posting_id"] not in undone and (one["reverses"] is not None) == is_reversal
    ]  # fmt: skip
    rule = books.posting_rules().get(str(row["rule"]))
    return rows if rule is None else _of_same_parties(rule, row, rows)


def _of_same_parties(rule: books.PostingRule, row: Mapping[str, object], rows: list[Row]) -> list[Row]:
    """Of the postings of a rule those with the parties of `row`: a paper may name several events of the same amount."""
    debit, credit = str(row["debit"]), str(row["credit"])
    parties, turned = rule.parties_of(debit, credit) or {}, rule.is_turned(debit, credit)
    return [one for one in rows if rule.is_of(str(one["debit"]), str(one["credit"]), parties, turned)]


#: What an event of the chain says of a transaction.
_TOLD: Final = ("txn", "kind", "month", "source", "rows", "rows_digest")

# ---- proof -----------------------------------------------------------------------------------------------------------------


def problems(ws: Workspace) -> list[tuple[str, str]]:
    """What in the journal contradicts itself or the audit chain: (what, id), in a fixed order; nothing when it is whole.

    posting    a posting whose id is not that of its content
    reversal   a posting that undoes one that is not there, or is not its mirror
    orphan     a posting of a transaction that is not there
    rows       a transaction whose postings are not those that it was written with
    unbalanced a transaction that leaves a ledger, books or a pair off zero
    chain      a transaction that the chain does not tell of as it stands, or tells of and is not there
    """
    _require(ws)
    columns = ", ".join(contract.TABLES["journal"].schema())
    rows = ws.frame("journal", f"SELECT {columns} FROM journal ORDER BY seq, rowid")  # noqa: S608 - columns are constants
    txns = ws.frame("ledger_txns", "SELECT * FROM ledger_txns ORDER BY seq, txn")
    found = [*_wrong_postings(rows), *(("orphan", txn) for txn in sorted(set(rows["txn"]) - set(txns["txn"])))]
    told = _told_by_chain(ws)
    parts = {str(key[0]): part for key, part in rows.group_by("txn", maintain_order=True)}
    for txn in txns.iter_rows(named=True):
        name = txn["txn"]
        part = parts.get(name, rows.clear())
        if (part.height, ledger_rows.rows_digest(part["posting_id"])) != (txn["rows"], txn["rows_digest"]):
            found.append(("rows", name))
        try:
            _assert_whole(part)
        except AssertionError:
            found.append(("unbalanced", name))
        said = {name: txn[name] for name in _TOLD}
        if told.pop((txn["seq"], name), None) != said:
            found.append(("chain", name))
    return [*found, *(("chain", name) for _, name in sorted(told))]


def _wrong_postings(rows: pl.DataFrame) -> list[tuple[str, str]]:
    """Postings that do not follow from their content. The n of an id counts the same content written before."""
    found = []
    seen: dict[str, int] = {}
    known = {row["posting_id"]: row for row in rows.iter_rows(named=True)}
    for row in rows.iter_rows(named=True):
        content = ledger_rows.posting_id(row)
        n = seen.get(content, 0)
        seen[content] = n + 1
        if ledger_rows.posting_id(row, n) != row["posting_id"]:
            found.append(("posting", row["posting_id"]))
        undone = known.get(row["reverses"])
        mirror = undone is not None and (undone["credit"], undone["debit"], undone["amount_kop"], undone["rule"]) == (
            row["debit"], row["credit"], row["amount_kop"], row["rule"],
        )  # fmt: skip
        if row["reverses"] is not None and not mirror:
            found.append(("reversal", row["posting_id"]))
    return found


def _told_by_chain(ws: Workspace) -> dict[tuple[int, str], dict[str, object]]:
    """What the events of the chain say of transactions, by (number of the event, transaction)."""
    told = {}
    for seq, kind, payload in ws.rows("SELECT seq, kind, payload FROM chain WHERE kind IN ('ledger', 'close') ORDER BY seq"):
        said = json.loads(payload)
        for one in [said] if kind == "ledger" else said.get("ledger", []):
            told[int(seq), str(one["txn"])] = {name: one.get(name) for name in _TOLD}
    return told


def corrected_later(ws: Workspace, of: Month) -> str | None:
    """Why a closed month may not be replaced: an event of it was undone since by a correction (`closing.HOLDS`)."""
    if not ws.has_journal():
        return None
    undone = _undone(ws)
    corrections = ws.rows(
        "SELECT j.reverses FROM journal j JOIN ledger_txns t USING (txn) JOIN journal o ON o.posting_id = j.reverses "
        "JOIN ledger_txns w ON w.txn = o.txn "
        "WHERE t.kind = 'correction' AND w.kind = 'close' AND o.month = ?",
        [str(of)],
    )
    return "journal.hold_corrected" if any(posting in undone for (posting,) in corrections) else None
