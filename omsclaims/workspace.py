"""Where does a fund or an insurer keep its months? A folder: a DuckDB file and the Parquet tables that its transactions publish.

    omsclaims.duckdb   books, registers, packages, runs, the journal, documents, the audit chain: what is published
    published.duckdb   a copy for readers, renewed after every transaction
    tables/            registries and results as immutable Parquet, a folder per month
    people/            the tables that hold persons: registers of the insured, `patient` and `person` of packages
    restricted/        documents that the law wants with names: packages as received, answers, files R
    reports/           acts, protocols, the page of the month
    agreement/         tariff agreements by year, as loaded
    secret.key         the key of the person keys; never leaves the folder
    head.json          the last event of the chain, and whether a command is writing

Parquet is written first, under a name made of its content, and synced; the DuckDB transaction that names it publishes it. What no
transaction names is swept, under the lock only. One writer at a time; readers get the published copy (design: The workspace). Who
opens a workspace whose last writer was killed puts it in order first, and says what became of that command (interrupted).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from dataclasses import replace as replace_fields
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from omsclaims import contract, findings, interrupted, ledger_rows, seals
from omsclaims.nsi import SINCE_EVER, Book, Edition, LeftOut, Library, built_in_books

if TYPE_CHECKING:
    import duckdb

SCHEMA_VERSION: Final = 4
DATABASE: Final = "omsclaims.duckdb"
PUBLISHED: Final = "published.duckdb"
HEAD: Final = "head.json"
#: A folder with this file is a workspace that is being made, or whose making was killed.
MAKING: Final = ".making"
#: Parts of the folder.
PARTS: Final = ("tables", "people", "restricted", "reports", "agreement")

#: Tables of a package that hold persons: they lie in the people part of the folder.
PERSON_TABLES: Final = frozenset({"patient", "person", "person_file", "dost", "dost_p", "tel", "exceptions", "extra"})
#: Parts of the folder that hold the documents of closed months, a folder per month.
DOCUMENT_PARTS: Final = ("reports", "restricted")
PERSON_REGISTERS: Final = frozenset(
    {"reg_insured", "reg_attachment", "reg_complaint", "reg_voucher", "reg_certificate", "reg_unchosen", "reg_accident"}
)

_DDL: Final = """
CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
CREATE TABLE chain (seq BIGINT PRIMARY KEY, as_of DATE NOT NULL, kind VARCHAR NOT NULL, who VARCHAR NOT NULL, why VARCHAR,
  payload VARCHAR NOT NULL, previous VARCHAR NOT NULL, hash VARCHAR NOT NULL);
CREATE TABLE registers (name VARCHAR, digest VARCHAR, loaded_on DATE, path VARCHAR, seq BIGINT, PRIMARY KEY (name, digest, seq));
CREATE TABLE agreements (year INTEGER, digest VARCHAR, loaded_on DATE, path VARCHAR, seq BIGINT, PRIMARY KEY (year, digest, seq));
CREATE TABLE packages (month VARCHAR, package VARCHAR, digest VARCHAR, state VARCHAR, as_of DATE, mo VARCHAR, file_kind VARCHAR,
  formats VARCHAR, cases BIGINT, sumv_kop BIGINT, findings BIGINT, reasons VARCHAR, path VARCHAR, people_path VARCHAR,
  original VARCHAR, PRIMARY KEY (month, package, digest));
CREATE TABLE runs (month VARCHAR PRIMARY KEY, digest VARCHAR, inputs VARCHAR, closed_by VARCHAR, why VARCHAR, as_of DATE,
  seq BIGINT, path VARCHAR);
CREATE TABLE documents (month VARCHAR, kind VARCHAR, name VARCHAR, path VARCHAR, sha256 VARCHAR, PRIMARY KEY (month, path));
"""

#: Editions of reference books, a row for each content and first day that was loaded; `left_out` is JSON (nsi.LeftOut).
_EDITIONS_DDL: Final = """
CREATE TABLE editions (book VARCHAR NOT NULL, edition VARCHAR NOT NULL, version VARCHAR, published DATE, holds_from DATE NOT NULL,
  learned_on DATE NOT NULL, digest VARCHAR NOT NULL, complete BOOLEAN NOT NULL, row_count BIGINT NOT NULL,
  source VARCHAR NOT NULL, left_out VARCHAR NOT NULL, path VARCHAR NOT NULL, seq BIGINT PRIMARY KEY)
"""

#: Contract tables of a closed month that live in DuckDB; the others are Parquet of the run.
LEDGER_TABLES: Final = ("postings", "balances", "act_121", "act_132", "payments", "financing", "territory_bills")
#: Contract tables of the journal, and what no two of their rows share. Nothing is ever changed in them or deleted from them.
JOURNAL_TABLES: Final = {"journal": "posting_id", "ledger_txns": "txn"}
#: Tables that seals leave out: the journal and the results of closed months have digests of their own in the chain.
PROVEN_OTHERWISE: Final = (*LEDGER_TABLES, "journal")
#: Who pays: `planned` - the closing makes advances and final payments itself; `actual` - money moves by events only.
PAYMENT_MODES: Final = ("planned", "actual")


#: What a statement wrote to that does not say it.
_ANY: Final = "*"
_WORD: Final = re.compile(r"\s*(\w+)")
#: First words of statements that write nothing.
_READS: Final = frozenset({"SELECT", "WITH"})
#: Statements that write, and the table they write to.
_WRITES: Final = re.compile(
    r"\s*(INSERT(?: OR REPLACE)? INTO|UPDATE|DELETE FROM|(?:CREATE|DROP|ALTER) TABLE)(?: IF NOT EXISTS)? \"?(\w+)", re.IGNORECASE
)


class WorkspaceError(Exception):
    """The workspace cannot do what was asked; carries a key of the catalogue and its parameters."""

    def __init__(self, key: str, **params: object) -> None:
        super().__init__(key, params)
        self.key = key
        self.params = params


def sha256_bytes(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values are equal texts."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def table_digest(table: pl.DataFrame) -> str:
    """SHA-256 over the logical content of a table: columns by name, rows sorted, nulls told from empty texts.

    Neither the order of files, nor the number of threads, nor the way Parquet lays out pages shows in it.
    """
    columns = sorted(table.columns)
    flat = table.select(
        pl.col(name).cast(pl.String)
        if not isinstance(table.schema[name], pl.List)
        else pl.col(name).cast(pl.List(pl.String)).list.join("\x1f")
        for name in columns
    )
    ordered = flat.sort(columns, nulls_last=True) if columns else flat
    text = ordered.write_csv(null_value="\\N", quote_style="always" if ordered.width else "necessary")
    schema = canonical_json({name: str(table.schema[name]) for name in columns})
    return sha256_bytes(schema.encode() + b"\n" + text.encode())


def _sync(path: Path) -> None:
    """Makes a written file or folder durable before something names it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def keep_file(path: Path, data: bytes) -> None:
    """Writes a private file whose name is made of its content: whole and synced before it bears the name.

    One that is there already is left alone: a transaction may name it.
    """
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.exists() and path.read_bytes() == data:
        return
    fresh = path.with_name(f".{path.name}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)


#: Under this key of its metadata a Parquet file names the columns that have no value in any row and are not written.
_WITHOUT_VALUES: Final = "omsclaims.without_values"
_TYPES: Final = {str(kind): kind for kind in (pl.String(), pl.Int64(), pl.Date(), pl.Boolean())}


def write_tables(folder: Path, tables: Mapping[str, pl.DataFrame], *, filled_only: bool = False) -> None:
    """Writes each table as `<name>.parquet` into a new folder and syncs it. Empty tables are written, too.

    filled_only  columns without a value in any row are only named: of the tables of a package about half are of other editions.
                 `read_tables` gives them back; for what is read by other programs this is not meant
    """
    folder.mkdir(parents=True, mode=0o700)
    for name, table in sorted(tables.items()):
        path = folder / f"{name}.parquet"
        bare = [
            column.name
            for column in (table.iter_columns() if filled_only and table.height else ())
            if column.null_count() == table.height and str(column.dtype) in _TYPES
        ]
        order = {column: str(kind) if column in bare else "" for column, kind in table.schema.items()} if bare else {}
        metadata = {_WITHOUT_VALUES: json.dumps(order)} if bare else None
        # What every later month looks into tells which days it holds: months of other days are passed over.
        statistics = name == "history_rows"
        table.drop(bare).write_parquet(path, compression="zstd", statistics=statistics, metadata=metadata)
        _sync(path)
    _sync(folder)


def pending_folder(part: str, month: str, digest: str) -> Path:
    """Where the documents of a closing lie until it is published, relative to the workspace."""
    return Path(part) / f".{month}-{digest[:16]}"


def read_tables(folder: Path) -> dict[str, pl.DataFrame]:
    """All tables of a folder written by `write_tables`."""
    return {path.stem: read_table(path) for path in sorted(folder.glob("*.parquet"))}


def read_table(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """One table written by `write_tables`. columns: read only those of these names that it has."""
    order = json.loads(pl.read_parquet_metadata(path).get(_WITHOUT_VALUES, "{}"))
    if columns is None:
        table = pl.read_parquet(path)
    else:
        held = pl.read_parquet_schema(path)
        table = pl.read_parquet(path, columns=[column for column in columns if column in held])
        order = {column: kind for column, kind in order.items() if column in columns}
    if not order:
        return table
    # Constants take no room, however many rows there are.
    return table.select(
        pl.lit(None, dtype=_TYPES[kind]).alias(column) if kind else pl.col(column) for column, kind in order.items()
    )


@dataclass(frozen=True)
class PackageRow:
    """A package as the workspace knows it."""

    month: str
    package: str
    digest: str
    state: str  # accepted | refused | withdrawn
    as_of: date
    mo: str | None
    file_kind: str | None
    formats: str
    cases: int
    sumv_kop: int
    findings: int
    reasons: str
    path: str
    people_path: str
    original: str


@dataclass(frozen=True)
class StoredBook:
    """What became of a book: its digest, whether it was stored or there already, and what is to be said (N.009, N.202, N.203)."""

    digest: str
    stored: bool
    known: bool
    findings: pl.DataFrame


#: Columns of the table `editions`: the fields of nsi.Edition, its `rows` as `row_count`.
EDITION_COLUMNS: Final = (
    "book", "edition", "version", "published", "holds_from", "learned_on", "digest", "complete", "row_count", "source",
    "left_out", "path", "seq",
)  # fmt: skip


@dataclass(frozen=True)
class RunRow:
    """A closed month."""

    month: str
    digest: str
    inputs: dict[str, Any]
    closed_by: str
    why: str | None
    as_of: date
    path: str


class Workspace:
    """An open workspace. Use `Workspace.create`, `Workspace.open` (reading) and `Workspace.writing` (one writer)."""

    def __init__(
        self, folder: Path, connection: duckdb.DuckDBPyConnection, writable: bool, known: int | None = None
    ) -> None:  # fmt: skip
        self.folder = folder
        self._connection = connection
        self.writable = writable
        self.known = known  # journal and files between funds as known after this event of the chain; None: as of now
        self._names: frozenset[str] | None = None  # tables of the database, until one is made or dropped
        self._settings: dict[str, str] | None = None  # rows of `meta`, until one is written
        self._written: set[str] = set()  # tables that this transaction wrote

    # -- opening ---------------------------------------------------------------------------------------------------

    @staticmethod
    def create(
        folder: Path, territory: str, role: str, as_of: date, who: str, payments: str = "planned", smo: str | None = None
    ) -> None:
        """Makes a new workspace in an empty or absent folder, private to its owner. payments: see PAYMENT_MODES.

        smo  code of the insurer whose books these are, in the role `insurer`

        Raises WorkspaceError `workspace.not_empty` when the folder holds something already.
        """
        folder.mkdir(parents=True, exist_ok=True)
        _clear_half_made(folder)
        if any(folder.iterdir()):
            raise WorkspaceError("workspace.not_empty", folder=folder)
        folder.chmod(0o700)
        (folder / MAKING).touch(mode=0o600)
        for part in PARTS:
            (folder / part).mkdir(mode=0o700)
        key = folder / "secret.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(32))
        _sync(key)
        connection = _connect(folder / DATABASE, folder, read_only=False)
        connection.execute("BEGIN")
        for statement in filter(str.strip, [*_DDL.split(";"), _EDITIONS_DDL, *seals.DDL]):
            connection.execute(statement)
        for name in LEDGER_TABLES:
            connection.execute(_ledger_ddl(name))
        workspace = Workspace(folder, connection, writable=True)
        settings = {
            "schema_version": str(SCHEMA_VERSION), "territory": territory, "role": role, "payments": payments,
            "secret": workspace.secret_fingerprint(),
        }  # fmt: skip
        for meta_key, value in settings.items():
            connection.execute("INSERT INTO meta VALUES (?, ?)", [meta_key, value])
        workspace._create_journal()
        told: dict[str, object] = {"territory": territory, "role": role, "schema_version": SCHEMA_VERSION}
        if smo is not None:
            connection.execute("INSERT INTO meta VALUES ('smo', ?)", [smo])
            told["smo"] = smo
        workspace.record("init", as_of, who, None, told if payments == "planned" else {**told, "payments": payments})
        workspace._seal(0, everything=True)
        connection.execute("COMMIT")
        head = workspace.head()
        connection.close()
        (folder / DATABASE).chmod(0o600)
        _write_head(folder, head)
        workspace._publish()
        (folder / MAKING).unlink()

    @staticmethod
    @contextmanager
    def open(folder: Path, views: bool = False) -> Iterator[Workspace]:
        """The published copy, for reading; with `views`, the public views `v_cases`, `v_findings`, `v_acts` are bound to it."""
        _require(folder)
        _put_in_order(folder)
        source = folder / PUBLISHED
        connection = _connect(source, folder, read_only=True)
        try:
            workspace = Workspace(folder, connection, writable=False)
            if views:
                workspace._bind_views()
            yield workspace
        finally:
            connection.close()

    @staticmethod
    @contextmanager
    def writing(folder: Path) -> Iterator[Workspace]:
        """The one writer. Everything executed inside is one transaction: all of it or none is published.

        Raises WorkspaceError `workspace.busy` when another process writes.
        """
        _require(folder)
        with _locked(folder):
            Workspace._recover(folder)
            connection = _connect(folder / DATABASE, folder, read_only=False)
            workspace = Workspace(folder, connection, writable=True)
            begun = False
            try:
                workspace._upgrade()
                workspace._settle_documents()
                workspace._sweep()
                before = workspace.next_seq() - 1
                _write_head(folder, {"writing": interrupted.command, "before": before})
                connection.execute("BEGIN")
                begun = True
                workspace._written.clear()
                yield workspace
                workspace._seal(before)
                connection.execute("COMMIT")
            except BaseException:
                if not begun:
                    raise
                connection.execute("ROLLBACK")
                workspace._settle_documents()
                workspace._sweep()
                _write_head(folder, workspace.head())
                raise
            else:
                workspace._settle_documents()
                workspace._sweep()
                head = workspace.head()
            finally:
                connection.close()
            workspace._publish()
            _write_head(folder, head)

    @staticmethod
    @contextmanager
    def proving(folder: Path) -> Iterator[Workspace]:
        """The database itself, not its copy for readers, for reading while nobody writes. Raises `workspace.busy`."""
        _require(folder)
        import duckdb

        with _locked(folder):
            try:
                Workspace._recover(folder)
                connection = _connect(folder / DATABASE, folder, read_only=True)
            except duckdb.Error as error:
                raise WorkspaceError("workspace.damaged", folder=folder, reason=str(error).partition("\n")[0]) from error
            try:
                yield Workspace(folder, connection, writable=False)
            finally:
                connection.close()

    @staticmethod
    def _recover(folder: Path) -> None:
        """Under the lock: puts in order what a killed command left, and says what became of it."""
        (folder / MAKING).unlink(missing_ok=True)
        state = read_head(folder)
        if "writing" not in state:
            return
        connection = _connect(folder / DATABASE, folder, read_only=False)
        workspace = Workspace(folder, connection, writable=True)
        try:
            workspace._settle_documents()
            workspace._sweep()
            head = workspace.head()
        finally:
            connection.close()
        workspace._publish()
        _write_head(folder, head)
        before = int(state["before"])
        interrupted.tell(interrupted.Interruption(str(state["writing"]), head["seq"] > before, before))

    def as_known(self, seq: int) -> Workspace:
        """The same workspace with the journal, and files between funds, as known after an event of the chain; for reading."""
        return Workspace(self.folder, self._connection, writable=False, known=seq)

    def head(self) -> dict[str, Any]:
        """Number and hash of the last event of the chain."""
        seq, digest = self.rows("SELECT seq, hash FROM chain ORDER BY seq DESC LIMIT 1")[0]
        return {"seq": int(seq), "hash": str(digest)}

    def sealed_tables(self) -> dict[str, list[str]]:
        """Tables that are sealed row by row, and the columns of their keys."""
        return seals.tables(self._connection, PROVEN_OTHERWISE)

    def broken_seals(self) -> list[tuple[str, str, str]]:
        """Rows that are not as their transaction left them: seals.broken_rows."""
        return seals.broken_rows(self._connection, PROVEN_OTHERWISE)

    def sealed_digests(self) -> dict[str, str]:
        """Digest over the seals of each table that has any."""
        named = [str(name) for (name,) in self.rows("SELECT DISTINCT name FROM row_seals ORDER BY name")]
        return {name: seals.table_digest(self._connection, name) for name in named}

    def named_files(self) -> set[str]:
        """Files and folders that rows name and in which something must lie; papers of closed months are not among them."""
        return seals.named(self._connection, without=("people_path",))

    def sealed_files(self) -> list[seals.Sealed]:
        """The files that rows name, as they were when a transaction named them."""
        return seals.live_files(self._connection)

    def files_by_event(self) -> dict[int, list[seals.Sealed]]:
        """The files that the transaction of each event of the chain named."""
        return seals.files_by_event(self._connection)

    def contents(self) -> dict[str, tuple[int, str]]:
        """Number of rows and digest over them, in no order, of every table: two databases that agree hold the same."""
        return seals.contents(self._connection)

    def _seal(self, before: int, everything: bool = False) -> None:
        """Seals what the transaction changed in its last event; an event of its own says it where the transaction made none.

        Only tables that it wrote: what somebody else changed in the others stays broken. everything: nothing is sealed yet
        """
        last = self.next_seq() - 1
        wrote = None if everything or _ANY in self._written else frozenset(self._written)
        told = seals.seal(self._connection, self.folder, max(last, before + 1), PROVEN_OTHERWISE, wrote)
        if not told:
            return
        if last == before:
            as_of, who = self.rows("SELECT as_of, who FROM chain WHERE seq = ?", [last])[0] if last else (date(1, 1, 1), "")
            self.record("store", as_of, who, None, {"sealed": told})
            return
        seq, as_of, kind, who, why, text, previous = self.rows(
            "SELECT seq, as_of, kind, who, why, payload, previous FROM chain ORDER BY seq DESC LIMIT 1"
        )[0]
        sealed = canonical_json({**json.loads(text), "sealed": told})
        digest = chain_hash(seq, as_of, kind, who, why, sealed, previous)
        self._execute("UPDATE chain SET payload = ?, hash = ? WHERE seq = ?", [sealed, digest, seq])

    def _publish(self) -> None:
        """Renews the copy for readers: written beside, synced, then put in place in one step."""
        fresh = self.folder / f"{PUBLISHED}.new"
        shutil.copyfile(self.folder / DATABASE, fresh)
        fresh.chmod(0o600)
        _sync(fresh)
        fresh.replace(self.folder / PUBLISHED)

    def _settle_documents(self) -> None:
        """Moves the documents of published closings to their place and discards those of closings that were not published.

        Runs after each transaction and before the next, so that a kill between the two loses nothing.
        """
        published: dict[str, str] = dict(self.rows("SELECT month, digest FROM runs"))
        for part in DOCUMENT_PARTS:
            for pending in (self.folder / part).glob(".*-*"):
                month, _, digest = pending.name[1:].rpartition("-")
                if published.get(month, "").startswith(digest) and digest:
                    target = self.folder / part / month
                    shutil.rmtree(target, ignore_errors=True)
                    pending.replace(target)
                else:
                    shutil.rmtree(pending)
            for folder in (self.folder / part).glob("[0-9][0-9][0-9][0-9]-[0-9][0-9]"):
                if folder.name not in published:  # opened again: its papers are void, the chain keeps what they were
                    shutil.rmtree(folder)

    def _sweep(self) -> None:
        """Removes what no transaction names: the remains of an interrupted write. Only under the lock."""
        named = seals.named(self._connection)

        def kept(entry: Path) -> bool:
            return str(entry.relative_to(self.folder)) in named

        for part in ("tables", "people"):
            for month in (self.folder / part).iterdir():
                entries = [month] if month.is_file() and month.suffix == ".parquet" else []
                for entry in entries or (month.iterdir() if month.is_dir() else ()):
                    if not kept(entry):
                        _remove(entry)
        for entry in (self.folder / "agreement").iterdir():
            if not kept(entry):
                _remove(entry)
        # Acts of years and files lie in folders of their own, papers with names of people apart from the others.
        acts = [folder for part in DOCUMENT_PARTS for folder in (self.folder / part).glob("acts-*")]
        for folder in (*(self.folder / "restricted" / name for name in ("packages", "between")), *acts):
            for entry in folder.glob("*"):
                if not kept(entry):
                    _remove(entry)

    # -- basics ----------------------------------------------------------------------------------------------------

    def rows(self, statement: str, parameters: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query. Values are always parameters, never text of the statement."""
        return self._execute(statement, parameters).fetchall()

    def _execute(self, statement: str, parameters: Iterable[object] = ()) -> duckdb.DuckDBPyConnection:
        """Runs a statement and notes what it writes to: what a transaction did not write it does not seal again."""
        word = _WORD.match(statement)
        if word is None or word[0].upper() not in _READS:
            wrote = _WRITES.match(statement)
            self._written.add(wrote[2] if wrote is not None else _ANY)
            if wrote is None or wrote[2] == "meta":
                self._settings = None
            if wrote is None or wrote[1].upper().endswith("TABLE"):
                self._names = None
        return self._connection.execute(statement, list(parameters))

    def holds(self, name: str) -> bool:
        """Whether the database has this table: those of later versions, and of parts that are not used, it has not."""
        if self._names is None:
            found = self._connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'").fetchall()
            self._names = frozenset(table for (table,) in found)
        return name in self._names

    def _meta(self) -> dict[str, str]:
        if self._settings is None:
            self._settings = dict(self.rows("SELECT key, value FROM meta"))
        return self._settings

    def meta(self, key: str) -> str:
        """A setting of the workspace: territory, role, schema_version."""
        return str(self._meta()[key])

    def payments(self) -> str:
        """Who pays in this workspace, see PAYMENT_MODES; one made before there was a choice plans its payments."""
        return self._meta().get("payments", "planned")

    def smo(self) -> str | None:
        """Code of the insurer whose books these are; None in the workspace of a fund."""
        return self._meta().get("smo")

    def secret(self) -> bytes:
        """The key from which person keys are made."""
        return (self.folder / "secret.key").read_bytes()

    def secret_fingerprint(self) -> str:
        """By which the secret key can be known again: a hash that says nothing of it."""
        return sha256_bytes(b"omsclaims secret.key " + self.secret())

    def record(self, kind: str, as_of: date, who: str, why: str | None, payload: Mapping[str, object]) -> str:
        """Appends an event to the audit chain and returns its hash. No personal value may be in the payload."""
        last = self.rows("SELECT seq, hash FROM chain ORDER BY seq DESC LIMIT 1")
        seq, previous = (last[0][0] + 1, last[0][1]) if last else (1, "0" * 64)
        text = canonical_json(payload)
        digest = chain_hash(seq, as_of, kind, who, why, text, previous)
        self._execute("INSERT INTO chain VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [seq, as_of, kind, who, why, text, previous, digest])
        return digest

    def chain_breaks(self) -> list[int]:
        """Numbers of the events whose hash, or link to the event before, does not hold. Empty: the chain is whole."""
        breaks, previous = [], "0" * 64
        for seq, as_of, kind, who, why, text, named_previous, digest in self.rows("SELECT * FROM chain ORDER BY seq"):
            if named_previous != previous or chain_hash(seq, as_of, kind, who, why, text, previous) != digest:
                breaks.append(seq)
            previous = digest
        return breaks

    def next_seq(self) -> int:
        """Number that the next event of the chain will have."""
        return int(self.rows("SELECT coalesce(max(seq), 0) + 1 FROM chain")[0][0])

    # -- books, registers, agreements ------------------------------------------------------------------------------

    def store_register(self, name: str, table: pl.DataFrame, as_of: date) -> str:
        """Stores a register of the territory (contract table `reg_*`) in its newest state; returns its digest.

        The newest state once more changes nothing (`register_digest` tells before).
        """
        contract.check(name, table)
        digest = table_digest(table)
        if self.register_digest(name) == digest:
            return digest
        part = "people" if name in PERSON_REGISTERS else "tables"
        path = Path(part) / f"{name}-{digest[:16]}.parquet"
        if not (self.folder / path).exists():
            table.write_parquet(self.folder / path, compression="zstd", statistics=False)
            _sync(self.folder / path)
        self._execute("INSERT INTO registers VALUES (?, ?, ?, ?, ?)", [name, digest, as_of, str(path), self.next_seq()])
        return digest

    def register_digest(self, name: str) -> str | None:
        """Digest of the newest state of a register; None before the first."""
        found = self.rows("SELECT digest FROM registers WHERE name = ? ORDER BY seq DESC LIMIT 1", [name])
        return str(found[0][0]) if found else None

    def registers(self) -> tuple[dict[str, pl.DataFrame], dict[str, str]]:
        """Newest state of every register, and its digests. A register never loaded is an empty table."""
        tables = {name: table.empty() for name, table in contract.TABLES.items() if name.startswith("reg_")}
        digests = {}
        for name, digest, path in self.rows("SELECT name, digest, path FROM registers ORDER BY seq"):
            tables[name] = pl.read_parquet(self.folder / path)
            digests[name] = digest
        return tables, digests

    def register(self, name: str) -> pl.DataFrame:
        """Newest state of one register; one never loaded is an empty table."""
        found = self.rows("SELECT path FROM registers WHERE name = ? ORDER BY seq DESC LIMIT 1", [name])
        return pl.read_parquet(self.folder / found[0][0]) if found else contract.TABLES[name].empty()

    def store_book(self, book: Book, as_of: date, replace: bool = False) -> StoredBook:
        """Stores an edition of a reference book beside those that are there, if `Library.admit` lets it in.

        as_of    the day on which we learn of it: runs as of an earlier day do not use it
        replace  the version may be there with other content or another first day: as of `as_of` the new one holds in its place

        The same edition again changes nothing; only that it was learned earlier is noted. Findings: N.009, N.202, N.203.
        """
        digest = table_digest(book.rows)
        admission = self.library().admit(book, digest, as_of, replace)
        if admission.known is not None and as_of < admission.known.learned_on:
            self._execute("UPDATE editions SET learned_on = ? WHERE seq = ?", [as_of, admission.known.seq])
        if admission.store:
            path = Path("tables") / f"book-{book.name}-{digest[:16]}.parquet"
            if not (self.folder / path).exists():
                book.rows.write_parquet(self.folder / path, compression="zstd", statistics=False)
                _sync(self.folder / path)
            seq = self.rows("SELECT coalesce(max(seq), 0) + 1 FROM editions")[0][0]
            left_out = canonical_json([asdict(one) for one in book.left_out])
            values = [
                book.name, book.edition, book.version, book.published, book.holds_from, as_of, digest, book.complete,
                book.rows.height, book.source, left_out, str(path), seq,
            ]  # fmt: skip
            self._execute("INSERT INTO editions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        found = [replace_fields(finding, file=finding.file or book.name) for finding in admission.findings]
        return StoredBook(digest, admission.store, admission.known is not None, findings.frame(found))

    def library(self) -> Library:
        """All editions of all books, over the built-in ones; their rows are read when they are asked for."""
        columns = ", ".join(EDITION_COLUMNS)
        query = f"SELECT {columns} FROM editions ORDER BY seq"  # noqa: S608 - columns are constants
        found = self.rows(query) if self.holds("editions") else self._first_editions()
        editions = []
        for row in found:
            values = dict(zip(EDITION_COLUMNS, row, strict=True))
            holes = tuple(LeftOut(**one) for one in json.loads(values.pop("left_out")))
            editions.append(Edition(rows=values.pop("row_count"), left_out=holes, **values))
        return Library(tuple(editions), self.folder, built_in_books())

    def _first_editions(self) -> list[tuple[Any, ...]]:
        """Rows of `editions` from the table that workspaces of version 1 had; what it does not say is since ever and unknown."""
        rows = self.rows("SELECT name, edition, loaded_on, digest, complete, path FROM books ORDER BY loaded_on, rowid")
        made = []
        for seq, (name, edition, learned_on, digest, complete, path) in enumerate(rows, 1):
            match = re.fullmatch(r"(\S+) of (\d{4}-\d{2}-\d{2})", edition)
            version, published = (match[1], date.fromisoformat(match[2])) if match else (None, None)
            height = pl.scan_parquet(self.folder / path).select(pl.len()).collect().item()
            source = "xml" if match else "csv"
            holds_from = published or SINCE_EVER
            made.append(
                (name, edition, version, published, holds_from, learned_on, digest, complete, height, source, "[]", path, seq)
            )
        return made

    def _upgrade(self) -> None:
        """Brings a workspace of an older version to this one; under the lock, before anything else is written."""
        steps = (
            (not self.holds("editions"), self._add_editions),
            (not self.has_journal(), self._add_journal),
            (not self.has_seals(), self._add_seals),
        )
        for needed, step in steps:
            if not needed:
                continue
            before = self.next_seq() - 1
            self._connection.execute("BEGIN")
            try:
                step()
                self._execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(SCHEMA_VERSION)])
                if self.has_seals():
                    self._seal(before, everything=True)
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise

    def _add_editions(self) -> None:
        """Version 1 to 2: the table of editions."""
        made = self._first_editions()
        self._execute(_EDITIONS_DDL)
        for row in made:
            self._execute("INSERT INTO editions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", list(row))
        self._execute("DROP TABLE books")

    def has_seals(self) -> bool:
        """Whether rows and files are sealed: the readers' copy of an older workspace has no seals."""
        return self.holds("row_seals")

    def _add_seals(self) -> None:
        """Version 3 to 4: seals of what is there, in an event of the chain. What was changed before nobody can tell."""
        for statement in seals.DDL:
            self._execute(statement)
        self._execute("INSERT OR REPLACE INTO meta VALUES ('secret', ?)", [self.secret_fingerprint()])
        as_of, who = self.rows("SELECT as_of, who FROM chain ORDER BY seq DESC LIMIT 1")[0]
        self.record("upgrade", as_of, who, None, {"schema_version": SCHEMA_VERSION})

    # -- journal ---------------------------------------------------------------------------------------------------

    def has_journal(self) -> bool:
        """Whether the ledger over the years is there: the readers' copy of an older workspace lacks it."""
        return self.holds("journal")

    def _create_journal(self) -> None:
        for name, key in JOURNAL_TABLES.items():
            columns = ", ".join(_columns_ddl(name))
            self._execute(f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({key}))")

    def _add_journal(self) -> None:
        """Version 2 to 3: the journal, with the opening and the postings of the months that are closed, ids unchanged."""
        self._create_journal()
        held = {row[0] for row in self.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'act_121'")}
        for name in ("other_received_kop", "returned_kop", "preventive_spent_kop"):
            if name not in held:
                self._execute(f"ALTER TABLE act_121 ADD COLUMN {name} BIGINT DEFAULT 0")
        for month in self.closed_months():
            run = self.run(month)
            assert run is not None
            postings = self.ledger_table("postings", month)
            if not self.rows("SELECT 1 FROM ledger_txns LIMIT 1"):
                self._open_journal(month, postings, run)
            rows = postings.with_columns(document_date=pl.col("date"), reverses=pl.lit(None, dtype=pl.String))
            self._note_taken_over("close", month, run, rows)

    def _open_journal(self, month: str, postings: pl.DataFrame, run: RunRow) -> None:
        """The opening of the first closed month: its balances less its postings, on the day before it."""
        balances: dict[str, int] = dict(self.ledger_table("balances", month).select("account", "amount_kop").iter_rows())
        for debit, credit, amount in postings.select("debit", "credit", "amount_kop").iter_rows():
            balances[debit] = balances.get(debit, 0) - amount
            balances[credit] = balances.get(credit, 0) + amount
        day = date.fromisoformat(f"{month}-01") - timedelta(days=1)
        rows = ledger_rows.opening_rows(balances, f"{day:%Y-%m}", day)
        if rows:
            made = [{"posting_id": ledger_rows.posting_id(row), **row} for row in rows]
            schema = {name: kind for name, kind in contract.TABLES["journal"].schema().items() if name in made[0]}
            self._note_taken_over(ledger_rows.OPENING, f"{day:%Y-%m}", run, pl.DataFrame(made, schema=schema))

    def _note_taken_over(self, kind: str, month: str, run: RunRow, rows: pl.DataFrame) -> None:
        """Writes what an older workspace held as a transaction of the journal, with an event of its own in the chain."""
        txn = ledger_rows.txn_id(kind, month, run.digest, rows["posting_id"])
        written = self.write_journal(txn, kind, month, run.digest, run.as_of, run.closed_by, run.why, rows)
        self.record("ledger", run.as_of, run.closed_by, "journal of an older workspace", written)

    def write_journal(
        self, txn: str, kind: str, month: str, source: str, as_of: date, who: str, why: str | None, rows: pl.DataFrame
    ) -> dict[str, object]:
        """Writes one transaction into the journal; returns what the NEXT event of the chain must carry in its payload.

        rows  columns of contract `journal` without txn, known_on and seq, in their order. Call `record` right afterwards.
        """
        seq = self.next_seq()
        known = self.rows("SELECT max(known_on) FROM journal")[0][0]
        known_on = max(as_of, known) if known is not None else as_of
        digest = ledger_rows.rows_digest(rows["posting_id"])
        values = [txn, seq, kind, month, source, as_of, who, why, rows.height, digest]
        self._execute("INSERT INTO ledger_txns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        table = rows.with_columns(txn=pl.lit(txn), known_on=pl.lit(known_on, dtype=pl.Date), seq=pl.lit(seq, dtype=pl.Int64))
        self._insert("journal", contract.check("journal", table))
        return {"txn": txn, "kind": kind, "month": month, "source": source, "rows": rows.height, "rows_digest": digest}

    def make_table(self, name: str, key: Sequence[str] = ()) -> None:
        """Makes the table of a contract where it is not there yet. key: columns that no two rows share."""
        if self.holds(name):
            return
        columns = _columns_ddl(name) + ([f"PRIMARY KEY ({', '.join(key)})"] if key else [])
        self._execute(f"CREATE TABLE {name} ({', '.join(columns)})")

    def insert(self, name: str, rows: pl.DataFrame, replace: bool = False) -> None:
        """Rows of a contract table into the database (inside `writing`). replace: in place of those with the same key."""
        self._insert(name, contract.check(name, rows), " OR REPLACE" if replace else "")

    def _insert(self, name: str, table: pl.DataFrame, how: str = "") -> None:
        """Rows into a table of the database, column by column by name."""
        if table.is_empty():
            return
        self._connection.register("incoming", table.to_arrow())
        self._execute(f"INSERT{how} INTO {name} BY NAME SELECT * FROM incoming")  # noqa: S608 - name is a constant
        self._connection.unregister("incoming")

    def frame(self, name: str, statement: str, parameters: Iterable[object] = ()) -> pl.DataFrame:
        """Rows of a query as the contract table `name`. Values are always parameters, never text of the statement."""
        found = self._connection.sql(statement, params=list(parameters))
        return contract.check(name, _frame(found, contract.TABLES[name].schema()))

    def store_agreement(self, year: int, source: Path, as_of: date) -> str:
        """Copies the folder of a tariff agreement into the workspace; returns the digest over its files."""
        files = sorted(path for path in source.rglob("*") if path.is_file())
        digest = sha256_bytes(canonical_json([(str(path.relative_to(source)), sha256_file(path)) for path in files]).encode())
        held = self.rows("SELECT digest FROM agreements WHERE year = ? ORDER BY seq DESC LIMIT 1", [year])
        if held == [(digest,)]:
            return digest
        target = Path("agreement") / f"{year}-{digest[:16]}"
        if not (self.folder / target).exists():
            fresh = self.folder / "agreement" / f".{target.name}"  # what a kill leaves of it is swept
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(source, fresh)
            for path in [*fresh.rglob("*"), fresh]:
                _sync(path)
            fresh.replace(self.folder / target)
        self._execute("INSERT INTO agreements VALUES (?, ?, ?, ?, ?)", [year, digest, as_of, str(target), self.next_seq()])
        return digest

    def agreement_years(self) -> list[int]:
        """Years that an agreement is loaded for."""
        return [int(row[0]) for row in self.rows("SELECT DISTINCT year FROM agreements ORDER BY year")]

    def agreement(self, year: int) -> tuple[Path, str]:
        """Folder and digest of the agreement of a year. Raises WorkspaceError `workspace.no_agreement`."""
        found = self.rows("SELECT path, digest FROM agreements WHERE year = ? ORDER BY seq DESC LIMIT 1", [year])
        if not found:
            raise WorkspaceError("workspace.no_agreement", year=year)
        return self.folder / found[0][0], str(found[0][1])

    # -- packages --------------------------------------------------------------------------------------------------

    def packages(self, month: str | None = None) -> list[PackageRow]:
        """Packages of a month (or all), sorted by month and name."""
        where, values = ("WHERE month = ?", [month]) if month else ("", [])
        found = self.rows(f"SELECT * FROM packages {where} ORDER BY month, package, digest", values)  # noqa: S608 - fixed text
        return [PackageRow(*row) for row in found]

    def add_package(self, row: PackageRow) -> None:
        """Names a package whose tables have been written: publishes it with the transaction.

        The same content that was refused or withdrawn before is replaced; the audit chain keeps what became of it then.
        """
        values = list(row.__dict__.values())
        marks = ", ".join("?" * len(values))
        self._execute(f"INSERT OR REPLACE INTO packages VALUES ({marks})", values)  # noqa: S608 - only question marks

    def set_package_state(self, package: str, digest: str, state: str) -> None:
        """Changes the state of a package: withdrawn."""
        self._execute("UPDATE packages SET state = ? WHERE package = ? AND digest = ?", [state, package, digest])

    def package_tables(self, row: PackageRow) -> dict[str, pl.DataFrame]:
        """All tables of a package, persons included."""
        return {**read_tables(self.folder / row.path), **read_tables(self.folder / row.people_path)}

    # -- closed months ---------------------------------------------------------------------------------------------

    def run(self, month: str) -> RunRow | None:
        """The closing of a month, or None while it is open."""
        found = self.rows("SELECT month, digest, inputs, closed_by, why, as_of, path FROM runs WHERE month = ?", [month])
        if not found:
            return None
        name, digest, inputs, closed_by, why, as_of, path = found[0]
        return RunRow(name, digest, json.loads(inputs), closed_by, why, as_of, path)

    def closed_months(self) -> list[str]:
        """Months that are closed, in order of time."""
        return [row[0] for row in self.rows("SELECT month FROM runs ORDER BY month")]

    def store_run(self, row: RunRow, ledger: Mapping[str, pl.DataFrame], documents: Iterable[tuple[str, str, str, str]]) -> None:
        """Publishes a closing: the run, its ledger tables and its documents, in place of an earlier closing of the month."""
        self.forget_run(row.month)
        self._execute(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [row.month, row.digest, canonical_json(row.inputs), row.closed_by, row.why, row.as_of, self.next_seq(), row.path],
        )
        for name in LEDGER_TABLES:
            self._insert(name, contract.check(name, ledger[name]).select(pl.lit(row.month).alias("run_month"), pl.all()))
        for kind, name, path, digest in documents:
            self._execute("INSERT INTO documents VALUES (?, ?, ?, ?, ?)", [row.month, kind, name, path, digest])

    def forget_run(self, month: str) -> None:
        """Opens a month again: its run, its tables and documents are no longer named (the chain keeps what they were).

        The journal stays as it is: the next closing of the month writes what differs.
        """
        for name in (*LEDGER_TABLES,):
            self._execute(f"DELETE FROM {name} WHERE run_month = ?", [month])  # noqa: S608 - name is a constant
        self._execute("DELETE FROM documents WHERE month = ?", [month])
        self._execute("DELETE FROM runs WHERE month = ?", [month])

    def ledger_table(self, name: str, month: str) -> pl.DataFrame:
        """A ledger table of a closed month, as the contract has it."""
        if name not in LEDGER_TABLES:
            raise KeyError(name)
        statement = f"SELECT * EXCLUDE run_month FROM {name} WHERE run_month = ?"  # noqa: S608 - name is a constant
        return _frame(self._connection.sql(statement, params=[month]), contract.TABLES[name].schema())

    def documents(self, month: str) -> list[tuple[str, str, str, str]]:
        """(kind, name, path, sha256) of the documents of a closed month."""
        return [
            tuple(row)
            for row in self.rows("SELECT kind, name, path, sha256 FROM documents WHERE month = ? ORDER BY path", [month])
        ]

    def run_table(self, month: str, name: str) -> pl.DataFrame:
        """A Parquet table of a closed month's results; columns that the contract has got since are null.

        Raises WorkspaceError `workspace.not_closed`.
        """
        run = self.run(month)
        if run is None:
            raise WorkspaceError("workspace.not_closed", month=month)
        table = pl.read_parquet(self.folder / run.path / f"{name}.parquet")
        schema = contract.TABLES[name].schema() if name in contract.TABLES else {}
        return table.with_columns(
            pl.lit(None, dtype=kind).alias(column) for column, kind in schema.items() if column not in table.columns
        )

    def history(self, before: str) -> pl.LazyFrame:
        """Contract table `history`: accepted cases of all closed months earlier than `before`, as a scan that reads on demand."""
        parts = []
        for month in self.closed_months():
            run = self.run(month) if month < before else None
            if run is not None:
                parts.append(pl.scan_parquet(self.folder / run.path / "history_rows.parquet"))
        return pl.concat(parts) if parts else contract.TABLES["history"].empty().lazy()

    def stored_table(self, month: str, name: str) -> pl.DataFrame:
        """As `run_table`, without rows where the month was closed before the contract had the table `name`."""
        run = self.run(month)
        if run is None or not (self.folder / run.path / f"{name}.parquet").exists():
            return contract.TABLES[name].empty()
        return self.run_table(month, name)

    def _bind_views(self) -> None:
        """Makes the public views `v_cases`, `v_findings`, `v_acts` for this session, over all closed months.

        The views are bound when the folder is opened, so that it can be moved. Columns: contract tables `cases` with decision and
        price; findings; act_132 and act_121 in one.
        """
        parts = {"v_cases": "cases_view", "v_findings": "findings"}
        for view, table in parts.items():
            paths = [
                str(self.folder / path / f"{table}.parquet") for (path,) in self.rows("SELECT path FROM runs ORDER BY month")
            ]
            if paths:
                quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
                self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM read_parquet([{quoted}])")  # noqa: S608
        self._connection.execute(
            "CREATE OR REPLACE TEMP VIEW v_acts AS "
            "SELECT run_month AS month, '132' AS act, payer AS party, mo, start_kop, billed_kop, withheld_kop, "
            "transferred_kop, end_kop FROM act_132 UNION ALL "
            "SELECT run_month, '121', smo, NULL, start_kop, received_kop, case_management_kop, spent_kop, end_kop FROM act_121"
        )


def chain_hash(seq: int, as_of: date, kind: str, who: str, why: str | None, payload: str, previous: str) -> str:
    """Hash of an event of the audit chain: over its whole content and the hash before it."""
    return sha256_bytes(canonical_json([seq, str(as_of), kind, who, why, payload, previous]).encode())


def _require(folder: Path) -> None:
    if not (folder / DATABASE).exists() or not (folder / PUBLISHED).exists():
        raise WorkspaceError("workspace.half_made" if (folder / MAKING).exists() else "workspace.none", folder=folder)


def _clear_half_made(folder: Path) -> None:
    """Removes what a killed `create` left; what it did not make itself stays."""
    if not (folder / MAKING).exists() or (folder / PUBLISHED).exists():
        return
    for name in (*PARTS, DATABASE, f"{DATABASE}.wal", f"{PUBLISHED}.new", HEAD, f"{HEAD}.new", "secret.key", MAKING):
        _remove(folder / name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The lock of the one writer. Raises WorkspaceError `workspace.busy` when another process holds it."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WorkspaceError("workspace.busy", folder=folder) from error
        yield


def read_head(folder: Path) -> dict[str, Any]:
    """What `head.json` says: `seq` and `hash` of the last event, or `writing` (a command) and `before`; {}: an older one."""
    path = folder / HEAD
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _write_head(folder: Path, state: Mapping[str, Any]) -> None:
    """Puts `head.json` in place in one step."""
    fresh = folder / f"{HEAD}.new"
    fresh.write_text(canonical_json(state), encoding="utf-8")
    fresh.chmod(0o600)
    _sync(fresh)
    fresh.replace(folder / HEAD)


def _put_in_order(folder: Path) -> None:
    """Before reading: where the last writer was killed and none is at work, what it left is put in order."""
    if "writing" not in read_head(folder):
        return
    try:
        with _locked(folder):
            Workspace._recover(folder)
    except (WorkspaceError, PermissionError):  # a writer is at work, or the folder may only be read: the copy is whole
        return


def _connect(path: Path, folder: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    """DuckDB without extensions and without access to anything outside the workspace's own tables."""
    import duckdb  # not above: checking one file opens no workspace

    connection = duckdb.connect(
        str(path),
        read_only=read_only,
        config={"allow_community_extensions": False, "autoinstall_known_extensions": False, "autoload_known_extensions": False},
    )
    connection.execute("SET allowed_directories = ?", [[str((folder / "tables").resolve())]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _frame(found: duckdb.DuckDBPyRelation, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Rows of a query, column by column, with the types of a contract."""
    table = pl.DataFrame(found.to_arrow_table())
    return table.cast({name: schema[name] for name in table.columns})


def _columns_ddl(name: str) -> list[str]:
    """Columns of a contract table with the types of the database."""
    kinds: dict[pl.DataType, str] = {pl.String(): "VARCHAR", pl.Int64(): "BIGINT", pl.Date(): "DATE", pl.Boolean(): "BOOLEAN"}
    return [f'"{column}" {kinds[kind]}' for column, kind in contract.TABLES[name].schema().items()]


def _ledger_ddl(name: str) -> str:
    return f"CREATE TABLE {name} ({', '.join(['run_month VARCHAR NOT NULL', *_columns_ddl(name)])})"


Progress = Callable[[str, int, int], None]
