"""Is everything in a workspace as the program left it? The proof of chain, ledger, acts and stored outputs (law.md 10.8).

Each part is held against another one that says the same: events against their hashes, postings against their content and the
chain, balances, acts and results of closed months against the journal and their digests, rows and files against their seals,
refunds between territories against the accounts, payments against the postings. What differs is a finding that names it. Nothing
is changed, and what cannot be read is a finding, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import duckdb
import polars as pl

from omsclaims import (
    act_book,
    act_store,
    bank,
    between_back,
    between_store,
    closing,
    contract,
    findings,
    journal,
    ledger_rows,
    messages,
)
from omsclaims.findings import Finding
from omsclaims.periods import Month
from omsclaims.reports import act_files
from omsclaims.seals import PAPERS, PATHS, files_told
from omsclaims.settlement import bank as payments
from omsclaims.settlement import identities
from omsclaims.settlement import ledger as books
from omsclaims.settlement.act_states import KINDS, Act
from omsclaims.settlement.acts import act_121, act_132
from omsclaims.settlement.between import back, book
from omsclaims.workspace import (
    LEDGER_TABLES,
    PARTS,
    PUBLISHED,
    Workspace,
    WorkspaceError,
    canonical_json,
    chain_hash,
    read_head,
    sha256_bytes,
    sha256_file,
)

#: Columns that name each act, and what an act is called in findings.
_ACTS: Final = {"act_121": ("smo",), "act_132": ("payer", "mo")}
#: Events that bring refunds into the accounts or settle them; all others move them with the states of the items.
_BILLED: Final = {
    "place": ("territory_bill", "territory_refund", "territory_owed_back", "territory_netted"),
    "home": ("bill_of_territory", "refund_paid", "owed_back_of_territory", "netted_of_territory"),
}  # fmt: skip
#: Accounts of refunds by our role: owed, and in dispute.
_REFUNDS: Final = {"place": ("refund", "refund_disputed"), "home": ("refund_due", "refund_due_disputed")}
#: Kinds of files between funds whose sums follow from their items: the column of their row.
_SUMS: Final = {"R": "presented_kop", "D": "presented_kop", "A": "accepted_kop"}
#: Files named of an event whose list is not that of the chain.
_LISTED: Final = 8
#: What reading a damaged part may raise: it becomes a finding, and the proof goes on.
_UNREADABLE: Final = (
    OSError, ValueError, KeyError, TypeError, IndexError, AssertionError, pl.exceptions.PolarsError, duckdb.Error, WorkspaceError,
)  # fmt: skip


@dataclass
class Proof:
    """What a proof found, how much it looked at, and the head of the chain.

    findings  VF.1-VF.24, in the order of the parts
    counts    part -> number of things held against another (keys of `verify.count.<part>`)
    head      number and hash of the last event
    """

    findings: pl.DataFrame
    counts: dict[str, int]
    head: dict[str, Any]


@dataclass
class _Work:
    """A proof at work."""

    ws: Workspace
    quick: bool
    counts: dict[str, int] = field(default_factory=dict)
    chain: list[tuple[Any, ...]] = field(default_factory=list)

    def count(self, name: str, number: int = 1) -> None:
        """So many more of a kind were held against something."""
        self.counts[name] = self.counts.get(name, 0) + number


def verify(ws: Workspace, head: str | None = None, quick: bool = False) -> Proof:
    """Proves a workspace (inside `Workspace.proving`).

    head   hash of an event that was noted outside: it must be the last of the chain, or stand in it
    quick  the results of closed months are proven by the bytes of their files only, not table by table as well
    """
    work = _Work(ws, quick)
    if not ws.has_seals():
        return Proof(findings.frame([_finding("VF.22", ws.folder.name)]), {}, ws.head())
    found: list[Finding] = []
    for name, part in _PARTS:
        try:
            found += part(work) if name != "chain" else _chain(work, head)
        except _UNREADABLE as error:
            reason = str(error).partition("\n")[0][:200]
            found.append(
                _finding("VF.23", messages.text(f"verify.part.{name}", "en"), reason=reason, **_both(f"verify.part.{name}"))
            )
    last = ws.head() if work.chain else {"seq": 0, "hash": ""}
    return Proof(findings.frame(found), work.counts, last)


def _finding(rule: str, what: str, **params: object) -> Finding:
    return Finding(rule, file=what, value=what, params=params)


def _both(key: str, name: str = "what") -> dict[str, str]:
    """A word of the catalogue in each language, for the text of a finding."""
    return {f"{name}_{lang}": messages.text(key, lang) for lang in messages.LANGUAGES}


# ---- the chain ---------------------------------------------------------------------------------------------------------------


def _chain(work: _Work, head: str | None) -> Iterator[Finding]:
    """VF.1 an event that is not what its hash says or does not follow from the one before; VF.2 events missing; VF.3 the end."""
    work.chain = work.ws.rows("SELECT seq, as_of, kind, who, why, payload, previous, hash FROM chain ORDER BY seq")
    previous, expected = "0" * 64, 1
    for seq, as_of, kind, who, why, text, named, digest in work.chain:
        if seq != expected:
            yield _finding("VF.2", f"event {seq}", first=expected, last=seq - 1)
        elif chain_hash(seq, as_of, kind, who, why, text, named) != digest:
            yield _finding("VF.1", f"event {seq}", seq=seq, kind=kind)
        elif named != previous:  # this one is whole: the one before was rewritten with its hash, or this one with its link
            yield _finding("VF.1", f"event {seq - 1}", seq=f"{seq - 1}, {seq}", kind=kind)
        previous, expected = digest, seq + 1
        work.count("events")
    hashes = {digest for *_, digest in work.chain}
    noted = read_head(work.ws.folder)
    if noted.get("hash") not in (None, previous):
        yield _finding("VF.3", "head.json", seq=noted.get("seq"), hash=str(noted["hash"])[:16])
    if head is not None and not any(digest.startswith(head) for digest in hashes):
        yield _finding("VF.3", head[:16], seq="?", hash=head[:16])


# ---- the ledger --------------------------------------------------------------------------------------------------------------


def _journal(work: _Work) -> Iterator[Finding]:
    """VF.4 a posting or transaction of the journal that contradicts itself or the chain; VF.5 books that do not balance."""
    ws = work.ws
    documents = dict(ws.rows("SELECT posting_id, document FROM journal"))
    for kind, name in journal.problems(ws):
        params = {"document": documents.get(name, "-"), "id": name}
        said = {f"what_{lang}": messages.text(f"verify.journal.{kind}", lang, **params) for lang in messages.LANGUAGES}
        yield _finding("VF.4", name, **params, **said)
    moments = "SELECT posting_id FROM journal j JOIN ledger_txns t USING (txn) WHERE j.seq <> t.seq OR j.known_on < t.as_of "
    later = "OR j.known_on > (SELECT max(w.as_of) FROM ledger_txns w WHERE w.seq <= t.seq) ORDER BY posting_id"
    for (name,) in ws.rows(moments + later):
        params = {"document": documents.get(name, "-"), "id": name}
        said = {f"what_{lang}": messages.text("verify.journal.moment", lang, **params) for lang in messages.LANGUAGES}
        yield _finding("VF.4", name, **params, **said)
    work.count("transactions", int(ws.rows("SELECT count(*) FROM ledger_txns")[0][0]))
    work.count("postings", len(documents))
    try:
        books.assert_balanced(books.as_dict(journal.balances(ws)))
    except AssertionError as error:
        yield _finding("VF.5", "-", reason=str(error))


def _months(work: _Work) -> Iterator[Finding]:
    """VF.5-VF.8: balances, postings and acts of closed months against the journal."""
    for name in work.ws.closed_months():
        of = Month.parse(name)
        yield from _balances(work, of)
        yield from _postings(work, of)
        yield from _acts(work, of)
        work.count("months")


def _balances(work: _Work, of: Month) -> Iterator[Finding]:
    """VF.6: an account at the end of a month, as the closing left it and by the journal."""
    stored = books.as_dict(work.ws.ledger_table("balances", str(of)))
    by_journal = books.as_dict(journal.balances(work.ws, on=of.last))
    for account in sorted(set(stored) | set(by_journal)):
        ours, theirs = stored.get(account, 0), by_journal.get(account, 0)
        if ours != theirs:
            yield _finding("VF.6", account, month=str(of), stored=ours, journal=theirs)
    work.count("balances", len(by_journal))


def _postings(work: _Work, of: Month) -> Iterator[Finding]:
    """VF.7: a posting of a closing that the journal does not hold, or one of the journal that no closing made."""
    stored = {row["posting_id"]: row for row in work.ws.ledger_table("postings", str(of)).iter_rows(named=True)}
    standing = {row["posting_id"]: content for content, row in journal.standing(work.ws, "close", str(of)).items()}
    for content, row in sorted(stored.items()):
        if ledger_rows.posting_id(row) != content or content not in standing.values():
            yield _finding("VF.7", str(content), month=str(of), document=row["document"])
    for posting, content in sorted(standing.items()):
        if content not in stored:
            yield _finding("VF.7", str(posting), month=str(of), document="-")


def _acts(work: _Work, of: Month) -> Iterator[Finding]:
    """VF.8: a line of an act that is not what the journal says, an act too many or missing; VF.5: books that give no acts."""
    ws = work.ws
    opening = books.as_dict(journal.balances(ws, on=of.first - timedelta(days=1)))
    columns = list(contract.TABLES["postings"].schema())
    rows = journal.entries(ws, first=of.first, last=of.last)
    moved = rows.filter((pl.col("month") == str(of)) & (pl.col("rule") != ledger_rows.OPENING)).select(columns)
    after, territory = journal.balances(ws, on=of.last), ws.meta("territory")
    for name, draw in (("act_121", act_121), ("act_132", act_132)):
        try:
            drawn = draw(opening, moved, after, territory)
        except AssertionError as error:
            yield _finding("VF.5", name, reason=f"{of}: {error}")
            continue
        yield from _lines(name, of, _by_key(drawn, _ACTS[name]), _by_key(ws.ledger_table(name, str(of)), _ACTS[name]))
        work.count("acts", drawn.height)


def _by_key(table: pl.DataFrame, keys: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Lines of each act by the parties that it names; what is null is nothing."""
    return {
        "-".join(str(row[key]) for key in keys): {name: value or 0 for name, value in row.items() if name not in keys}
        for row in table.iter_rows(named=True)
    }


def _lines(name: str, of: Month, drawn: Mapping[str, dict[str, int]], stored: Mapping[str, dict[str, int]]) -> Iterator[Finding]:
    number = name.removeprefix("act_")
    for parties in sorted(set(drawn) | set(stored)):
        ours, theirs = stored.get(parties, {}), drawn.get(parties, {})
        for line in sorted(set(ours) | set(theirs)):
            if ours.get(line, 0) != theirs.get(line, 0):
                params = {"month": str(of), "line": line, "stored": ours.get(line, 0), "journal": theirs.get(line, 0)}
                yield _finding("VF.8", f"{number}-{parties}", **params)


# ---- what closed months left -------------------------------------------------------------------------------------------------


def _runs(work: _Work) -> Iterator[Finding]:
    """VF.9 a table of results that is not that of its digest; VF.10 a closing that is not that of the chain; VF.21 identities."""
    told = _closings(work.chain)
    for name in work.ws.closed_months():
        run = work.ws.run(name)
        assert run is not None
        event = told.pop(name, {})
        papers = {path: digest for _, _, path, digest in work.ws.documents(name)}
        outputs = run.inputs.get("outputs", {})
        as_told = (event.get("digest"), canonical_json(event.get("inputs")), canonical_json(event.get("documents")))
        if as_told != (run.digest, canonical_json(run.inputs), canonical_json(papers)):
            yield _finding("VF.10", name, digest=run.digest[:12])
        if sha256_bytes(canonical_json(outputs).encode()) != run.digest:
            yield _finding("VF.10", name, digest=run.digest[:12])
        yield from _tables(work, name, outputs)
    for name in sorted(told):
        yield _finding("VF.10", name, digest="-")


def _closings(chain: Iterable[tuple[Any, ...]]) -> dict[str, dict[str, Any]]:
    """What the chain says of the months that are closed now."""
    told: dict[str, dict[str, Any]] = {}
    for _, _, kind, _, _, text, _, _ in chain:
        if kind in ("close", "reopen"):
            said = json.loads(text)
            if kind == "close":
                told[said["month"]] = said
            else:
                told.pop(said["month"], None)
    return told


def _tables(work: _Work, name: str, outputs: Mapping[str, str]) -> Iterator[Finding]:
    """The tables of a closed month, one at a time: those of a whole month are large."""
    small: dict[str, pl.DataFrame] = {}
    for table_name, digest in sorted(outputs.items()):
        of_ledger = table_name in LEDGER_TABLES
        if work.quick and not of_ledger:
            continue
        try:
            table = work.ws.ledger_table(table_name, name) if of_ledger else _parquet(work.ws, name, table_name)
            right = closing.output_digest(table_name, table) == digest
        except _UNREADABLE:
            right, table = False, pl.DataFrame()
        if not right:
            yield _finding("VF.9", f"{name}/{table_name}", month=name, table=table_name)
        elif table_name in _OF_IDENTITIES:
            small[table_name] = table
        work.count("tables")
    if work.ws.meta("role") == "fund":  # what was given of a month before it was closed counts as well
        small["event_postings"] = journal.month_events(work.ws, Month.parse(name))
    for identity in identities(small):
        if not identity.holds:
            said = {f"text_{lang}": identity.text(lang) for lang in messages.LANGUAGES}
            yield _finding("VF.21", identity.name, month=name, left=identity.left, right=identity.right, **said)
        work.count("identities")


#: Results of which the identities of a month are made.
_OF_IDENTITIES: Final = frozenset(
    {"decisions", "sanctions", "payments", "financing", "territory_bills", "territory_items", "identified", "act_121", "act_132",
     "postings", "balances", "deductions", "accident_deductions"}
)  # fmt: skip


def _parquet(ws: Workspace, month: str, name: str) -> pl.DataFrame:
    run = ws.run(month)
    assert run is not None
    return pl.read_parquet(ws.folder / run.path / f"{name}.parquet")


# ---- files and rows ----------------------------------------------------------------------------------------------------------


def _files(work: _Work) -> Iterator[Finding]:
    """VF.11 a stored file missing, VF.12 changed, VF.13 one that no row names; VF.16 the list of files is not the chain's."""
    ws = work.ws
    known = {one.path: one.sha256 for one in ws.sealed_files()}
    owners = {one.owner for one in ws.sealed_files()}
    papers: dict[str, str] = dict(ws.rows("SELECT path, sha256 FROM documents"))
    for path, digest in sorted({**known, **papers}.items()):
        place = ws.folder / path
        if not place.is_file():
            yield _finding("VF.11", path)
        elif sha256_file(place) != digest:
            yield _finding("VF.12", path)
        work.count("files")
    for owner in sorted(ws.named_files() - owners):
        yield _finding("VF.11", owner)
    for part in PARTS:
        for place in sorted(one for one in (ws.folder / part).rglob("*") if one.is_file()):
            name = place.relative_to(ws.folder).as_posix()
            if name not in known and name not in papers:
                yield _finding("VF.13", name)
    told = {seq: json.loads(text).get("sealed", {}).get("files") for seq, *_, text, _, _ in work.chain}
    noted = ws.files_by_event()
    for seq in sorted(set(noted) | {seq for seq, said in told.items() if said is not None}):
        rows = noted.get(seq, [])
        if (files_told(rows) if rows else None) != told.get(seq):
            some = sorted({one.owner for one in rows})
            listed = ", ".join(some[:_LISTED]) + (", ..." if len(some) > _LISTED else "")
            yield _finding("VF.16", f"event {seq}", seq=seq, files=listed)


def _rows(work: _Work) -> Iterator[Finding]:
    """VF.14 a row that is not as it was left; VF.15 the seals of a table are not those of the chain; VF.17 the secret key."""
    ws = work.ws
    for table, key, kind in ws.broken_seals():
        yield _finding("VF.14", f"{table} {key}".strip(), table=table, key=key or "-", **_both(f"verify.row.{kind}"))
    told: dict[str, str] = {}
    for _, _, _, _, _, text, _, _ in work.chain:
        told.update(json.loads(text).get("sealed", {}).get("tables", {}))
    noted = ws.sealed_digests()
    empty = sha256_bytes(b"")
    for table in sorted(set(told) | set(noted)):
        if noted.get(table, empty) != told.get(table, empty):
            yield _finding("VF.15", table)
    work.count("rows", int(ws.rows("SELECT count(*) FROM row_seals")[0][0]))
    if [(ws.secret_fingerprint(),)] != ws.rows("SELECT value FROM meta WHERE key = 'secret'"):
        yield _finding("VF.17", "secret.key")


def _published(work: _Work) -> Iterator[Finding]:
    """VF.18: a table of the copy for readers that is not that of the database."""
    ws = work.ws
    try:
        with Workspace.open(ws.folder) as copy:
            ours, theirs = ws.contents(), copy.contents()
    except duckdb.Error:
        yield _finding("VF.18", PUBLISHED)
        return
    for table in sorted(set(ours) | set(theirs)):
        if ours.get(table) != theirs.get(table):
            yield _finding("VF.18", table)
    work.count("copies", len(ours))


# ---- between territories -----------------------------------------------------------------------------------------------------


def _between(work: _Work) -> Iterator[Finding]:
    """VF.19: sums of files against their items, lawful states, refunds of each territory against the accounts."""
    ws = work.ws
    files = between_store.files(ws)
    rows = between_store.items(ws)
    for row in book.taken(files).iter_rows(named=True):
        own = rows.filter(pl.col("file_name") == row["file_name"])
        if row["kind"] in _SUMS and int(own["sump_kop"].sum()) != row[_SUMS[row["kind"]]]:
            params = {"told": row[_SUMS[row["kind"]]], "items": int(own["sump_kop"].sum())}
            yield _finding("VF.19", row["file_name"], **params, **_both("verify.between.sum"))
        work.count("between_files")
    for side in _REFUNDS:
        yield from _refunds(work, files, rows, side)


def _refunds(work: _Work, files: pl.DataFrame, rows: pl.DataFrame, side: str) -> Iterator[Finding]:
    """What the states of the items say is in dispute, and moved out of what is owed, against the accounts of each territory."""
    ws = work.ws
    states = book.states(files, rows, side)
    other = "receiver" if side == "place" else "sender"
    whose = files.select(pl.col("file_name").alias("bill"), pl.col(other).alias("territory")).unique("bill")
    lost = pl.col("presented_kop") - pl.col("accepted_kop")
    unanswered = pl.when(pl.col("state") == "presented").then(pl.col("presented_kop")).otherwise(0)
    sums = (
        states.join(whose, on="bill", how="left")
        .group_by("territory")
        .agg(disputed=pl.col("questioned_kop").sum(), moved=(lost - unanswered).sum(), presented=pl.col("presented_kop").sum())
    )
    told = {row["territory"]: row for row in sums.iter_rows(named=True)}
    owed, disputed = _REFUNDS[side]
    sign = 1 if side == "place" else -1
    fund = books.fund(ws.meta("territory"))
    held = books.as_dict(journal.balances(ws))
    moved = _moved(ws, f"{fund}/{owed}/territory:", _BILLED[side])
    before = _moved(ws, f"{fund}/{disputed}/territory:", (), opening_only=True)
    named = {account.rpartition(":")[2] for account in held if account.startswith((f"{fund}/{owed}/", f"{fund}/{disputed}/"))}
    for code in sorted({*told, *(name for name in named)}):
        one = told.get(code, {"disputed": 0, "moved": 0})
        account = f"{fund}/{disputed}/{books.territory(code)}"
        said = sign * held.get(account, 0) - sign * before.get(account, 0)
        if said != one["disputed"]:
            yield _finding("VF.19", account, told=one["disputed"], items=said, **_both("verify.between.disputed"))
        account = f"{fund}/{owed}/{books.territory(code)}"
        if -sign * moved.get(account, 0) != one["moved"]:
            yield _finding(
                "VF.19", account, told=one["moved"], items=-sign * moved.get(account, 0), **_both("verify.between.owed")
            )
    work.count("between_items", states.height)
    yield from _owed_back(work, files, rows, side, held)


def _owed_back(work: _Work, files: pl.DataFrame, rows: pl.DataFrame, side: str, held: Mapping[str, int]) -> Iterator[Finding]:
    """What is owed back of bills: by files and payments, by the postings, and all of them by the account."""
    told: dict[str, int] = {}
    for bill, one in between_back.positions(work.ws, side, (files, rows)).items():
        account = f"{books.fund(work.ws.meta('territory'))}/{back.ACCOUNTS[side][1]}/{books.territory(one.territory)}"
        told[account] = told.get(account, 0) + one.booked_kop
        if one.back_kop != one.booked_kop:
            yield _finding("VF.19", bill, told=one.back_kop, items=one.booked_kop, **_both("verify.between.back"))
    sign = -1 if side == "place" else 1
    prefix = f"{books.fund(work.ws.meta('territory'))}/{back.ACCOUNTS[side][1]}/territory:"
    before = _moved(work.ws, prefix, (), opening_only=True)
    for account in sorted({*told, *(name for name in held if name.startswith(prefix))}):
        booked = sign * (held.get(account, 0) - before.get(account, 0))
        if booked != told.get(account, 0):
            yield _finding("VF.19", account, told=told.get(account, 0), items=booked, **_both("verify.between.back_account"))


def _moved(ws: Workspace, prefix: str, without: tuple[str, ...], opening_only: bool = False) -> dict[str, int]:
    """Net turnover of the accounts that begin with `prefix`, save by these events and the opening; or by the opening only."""
    found: dict[str, int] = {}
    for row in journal.entries(ws, prefix=prefix).iter_rows(named=True):
        of_opening = row["rule"] == ledger_rows.OPENING
        if of_opening != opening_only or row["rule"] in without:
            continue
        for side, sign in (("debit", 1), ("credit", -1)):
            if row[side].startswith(prefix):
                found[row[side]] = found.get(row[side], 0) + sign * row["amount_kop"]
    return found


# ---- acts drawn up -----------------------------------------------------------------------------------------------------------


def _drawn(work: _Work) -> Iterator[Finding]:
    """VF.24: an act of the register that is not what the books said when it was drawn up."""
    made: dict[tuple[str, str, int], dict[str, Act] | None] = {}  # acts of one month, year or file at a time are made at once
    for row in act_store.table(work.ws, "act_drawn").iter_rows(named=True):
        act = act_files.read_act(str(row["body"]).encode()).act
        if act is None or sha256_bytes(str(row["body"]).encode()) != row["document"]:
            yield _finding("VF.24", row["act"], said="-", booked="-")
            continue
        key = (KINDS[act.kind].period, act.about or act.period, int(row["seq"]))
        if key not in made:
            made[key] = act_book.again(work.ws, act, int(row["seq"]))
        of_books = made[key]
        if of_books is None:
            continue  # closed again since: what it stood on is gone
        work.count("drawn")
        yield from _same_act(row["act"], act, of_books.get(act.number))


def _same_act(name: str, act: Act, books_say: Act | None) -> Iterator[Finding]:
    """An act against what the books said: its lines, and its list."""
    if books_say is not None and dict(books_say.lines) == dict(act.lines) and books_say.rows.equals(act.rows):
        return
    other = {} if books_say is None else books_say.lines
    differ = [line for line in sorted({*act.lines, *other}) if act.lines.get(line) != other.get(line)]

    def told(lines: Mapping[str, int]) -> str:
        return ", ".join(f"{line} {lines[line]}" for line in differ if line in lines) or "-"

    yield _finding("VF.24", name, said=told(act.lines), booked=told(other))


# ---- the bank ----------------------------------------------------------------------------------------------------------------


def _bank(work: _Work) -> Iterator[Finding]:
    """VF.20: orders and payments that are not what their ids say, that no posting tells of, or above their order."""
    ws = work.ws
    orders, lines = bank.orders(ws), bank.lines(ws)
    cancelled = {json.loads(text).get("order_id") for _, _, kind, _, _, text, _, _ in work.chain if kind == "order_cancelled"}
    settled: dict[str, int] = {}
    for row in lines.filter(pl.col("state") == payments.BOOKED).iter_rows(named=True):
        settled[str(row["order_id"])] = settled.get(str(row["order_id"]), 0) + row["amount_kop"]
    for row in orders.iter_rows(named=True):
        name = f"{row['payer']} {row['number']}"
        if payments.order_id(row) != row["order_id"] or (row["order_id"] in cancelled) != (row["state"] == payments.CANCELLED):
            yield _finding("VF.20", name, **_both("verify.bank.order"))
        if settled.get(row["order_id"], 0) > row["amount_kop"]:
            yield _finding("VF.20", name, **_both("verify.bank.above"))
        work.count("orders")
    # A refund between territories bears the bill that it is for before the name of its payment.
    booked = {
        (row["document"].rpartition("/")[2], row["rule"], row["amount_kop"])
        for row in journal.entries(ws).filter(pl.col("document").str.contains(r"^(R\d{10}/)?bank-")).iter_rows(named=True)
    }
    for row in lines.iter_rows(named=True):
        name = f"{row['payer'] or row['payer_account']} {row['number']} {row['date']}"
        key = (f"bank-{str(row['payer']).replace(':', '-')}-{row['number']}-{row['date']}", row["event"], row["amount_kop"])
        if payments.line_id(row) != row["line_id"]:
            yield _finding("VF.20", name, **_both("verify.bank.line"))
        if row["state"] == payments.BOOKED and key not in booked:
            yield _finding("VF.20", name, **_both("verify.bank.no_posting"))
        booked.discard(key)
        work.count("lines")
    for document, _, _ in sorted(booked):
        yield _finding("VF.20", document, **_both("verify.bank.no_line"))


_PARTS: Final[tuple[tuple[str, Callable[[_Work], Iterator[Finding]]], ...]] = (
    ("chain", lambda work: _chain(work, None)), ("journal", _journal), ("months", _months), ("runs", _runs), ("rows", _rows),
    ("files", _files), ("published", _published), ("between", _between), ("acts", _drawn), ("bank", _bank),
)  # fmt: skip


# ---- two workspaces compared -------------------------------------------------------------------------------------------------

#: Tables that tell how something came about, not what is so.
_HISTORY: Final = ("chain", "files", "row_seals", "meta")


def logical_digest(ws: Workspace) -> str:
    """Digest of what a workspace holds, whatever became of it on the way.

    Rows without numbers of events and names of folders, files by content. Two workspaces with the same secret that were given the
    same are equal.
    """
    sealed: dict[str, list[tuple[str, str]]] = {}
    for one in ws.sealed_files():
        sealed.setdefault(one.owner, []).append((one.name, one.sha256))
    parts: dict[str, list[str]] = {}
    for name in sorted({*ws.sealed_tables(), *LEDGER_TABLES, "journal"} - set(_HISTORY)):
        columns = [str(one) for (one,) in ws.rows(_COLUMNS, [name])]
        listed = ", ".join(f'"{one}"' for one in columns)
        rows = []
        for row in ws.rows(f'SELECT {listed} FROM "{name}"'):  # noqa: S608 - names of our own tables
            said = dict(zip(columns, row, strict=True))
            if name != PAPERS:
                said |= {column: sealed.get(str(said[column]), []) for column in PATHS if column in said}
            rows.append(canonical_json({column: value for column, value in said.items() if column != "seq"}))
        if rows:
            parts[name] = sorted(rows)
    return sha256_bytes(canonical_json(parts).encode())


_COLUMNS: Final = "SELECT column_name FROM information_schema.columns WHERE table_name = ? ORDER BY column_name"
