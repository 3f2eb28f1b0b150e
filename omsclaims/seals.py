"""What did a transaction leave, row by row and file by file? Seals: digests of both, told to the audit chain (law.md 10.8).

    files       each file that a row of the database names: its SHA-256 as it was when the transaction named it
    row_seals   SHA-256 of each row of the tables that are not proven otherwise (journal and results have digests of their own)

The last event of each transaction carries a digest over what changed in both. So a proof can name the row or the file that is not
as it was left, and whoever changes the seals as well is still contradicted by the chain. A table counts from its first row on,
whoever made it; whatever its columns of PATHS name is kept by the sweep and sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Columns by which tables name a file or folder of the workspace, relative to it.
PATHS: Final = ("path", "people_path", "original")
#: Papers of closed months bear their digests themselves, and lie elsewhere until the closing is published.
PAPERS: Final = "documents"
#: Tables that are no part of the seals: the chain itself, the seals.
_OWN: Final = ("chain", "files", "row_seals")

DDL: Final = (
    "CREATE TABLE files (owner VARCHAR NOT NULL, name VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, bytes BIGINT NOT NULL, "
    "seq BIGINT NOT NULL, gone BIGINT)",
    # No key: a row that is deleted and written again in one transaction is a conflict for the database.
    "CREATE TABLE row_seals (name VARCHAR NOT NULL, key VARCHAR NOT NULL, sha256 VARCHAR NOT NULL)",
)
_FILES: Final = {"owner": pl.String, "name": pl.String, "sha256": pl.String, "bytes": pl.Int64, "seq": pl.Int64}


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file as it was sealed: what named it (a file or folder), its name in that folder ("" for a file), digest and size."""

    owner: str
    name: str
    sha256: str
    bytes: int

    @property
    def path(self) -> str:
        """Relative to the workspace."""
        return f"{self.owner}/{self.name}" if self.name else self.owner


def _rows(connection: DuckDBPyConnection, statement: str, parameters: Iterable[object] = ()) -> list[tuple[Any, ...]]:
    return connection.execute(statement, list(parameters)).fetchall()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# ---- which tables, which files -----------------------------------------------------------------------------------------------


def tables(connection: DuckDBPyConnection, without: Iterable[str]) -> dict[str, list[str]]:
    """Tables that are sealed row by row -> the columns of their key (none: the whole row), sorted by name."""
    left_out = {*_OWN, *without}
    names = sorted(name for (name,) in _rows(connection, _TABLES) if name not in left_out)
    keys = {name: list(columns) for name, columns in _rows(connection, _KEYS)}
    return {name: keys.get(name, []) for name in names}


_COLUMNS: Final = "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal ORDER BY 1, 2"
_TABLES: Final = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' AND table_type = 'BASE TABLE'"
_KEYS: Final = (
    "SELECT table_name, constraint_column_names FROM duckdb_constraints() "
    "WHERE schema_name = 'main' AND constraint_type = 'PRIMARY KEY'"
)


def named(connection: DuckDBPyConnection, without: Iterable[str] = ()) -> set[str]:
    """Files and folders that rows of the database name, relative to the workspace; papers of closed months are not among them.

    without  columns that are left out: people_path may name a folder in which nothing lies
    """
    parts = [
        f"SELECT {_quoted(column)} AS named FROM {_quoted(table)}"  # noqa: S608 - names of our own tables
        for table, column in _naming(connection)
        if column not in without
    ]
    return {path for (path,) in _rows(connection, " UNION ".join(parts)) if path} if parts else set()


def _naming(connection: DuckDBPyConnection) -> list[tuple[str, str]]:
    """(table, column) of PATHS in all tables that may name a file."""
    columns = _rows(connection, _COLUMNS)
    return [(table, column) for table, column in columns if column in PATHS and table not in (PAPERS, *_OWN)]


def files_of(folder: Path, owner: str) -> list[Sealed]:
    """The files of a file or folder as they are now, sorted; none where it is not there."""
    place = folder / owner
    if place.is_file():
        return [Sealed(owner, "", _sha256(place), place.stat().st_size)]
    inside = sorted(path for path in place.rglob("*") if path.is_file())
    return [Sealed(owner, path.relative_to(place).as_posix(), _sha256(path), path.stat().st_size) for path in inside]


# ---- sealing -------------------------------------------------------------------------------------------------------------------


def seal(
    connection: DuckDBPyConnection, folder: Path, seq: int, without: Iterable[str], wrote: Collection[str] | None = None
) -> dict[str, object]:
    """Seals what this transaction changed; returns what its event of the chain must say: `files`, `tables`; nothing changed: {}.

    seq      number of that event;  without: tables that are proven otherwise
    wrote    tables that the transaction wrote to: a row of another one that is not as it was left was changed by somebody else,
             and its seal stays broken. None: all of them are sealed
    """
    told: dict[str, object] = {}
    own = {name: keys for name, keys in tables(connection, without).items() if wrote is None or name in wrote}
    if wrote is None or not set(wrote).isdisjoint(table for table, _ in _naming(connection)):
        of_files = _seal_files(connection, folder, seq)
        if of_files:
            told["files"] = of_files
    changed = {name: digest for name, keys in own.items() if (digest := _seal_rows(connection, name, keys))}
    if changed:
        told["tables"] = changed
    return told


def _seal_files(connection: DuckDBPyConnection, folder: Path, seq: int) -> dict[str, object]:
    """Notes the files that are named now and were not before; those that no row names any more are gone."""
    now = named(connection)
    held = {owner for (owner,) in _rows(connection, "SELECT DISTINCT owner FROM files WHERE gone IS NULL")}
    for owner in sorted(held - now):
        connection.execute("UPDATE files SET gone = ? WHERE owner = ? AND gone IS NULL", [seq, owner])
    fresh = [one for owner in sorted(now - held) for one in files_of(folder, owner)]
    if not fresh:
        return {}
    rows = pl.DataFrame([(one.owner, one.name, one.sha256, one.bytes, seq) for one in fresh], schema=_FILES, orient="row")
    connection.register("incoming", rows.to_arrow())
    connection.execute("INSERT INTO files BY NAME SELECT *, NULL AS gone FROM incoming")
    connection.unregister("incoming")
    return files_told(fresh)


def files_told(rows: Collection[Sealed]) -> dict[str, object]:
    """What an event says of the files that its transaction named."""
    lines = sorted(f"{one.path}:{one.sha256}:{one.bytes}" for one in rows)
    return {"rows": len(rows), "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest()}


def _sealing(name: str, keys: list[str]) -> str:
    """Query: name, key and digest of each row of a table."""
    key = "concat_ws('/', " + ", ".join(f"CAST({_quoted(column)} AS VARCHAR)" for column in keys) + ")" if keys else "''"
    digest = "sha256(CAST(to_json(t) AS VARCHAR))"
    return f"SELECT '{name}' AS name, {key} AS key, {digest} AS sha256 FROM {_quoted(name)} t"  # noqa: S608 - our own tables


def _seal_rows(connection: DuckDBPyConnection, name: str, keys: list[str]) -> str | None:
    """Renews the seals of a table; returns its digest where a row was added, changed or removed."""
    held = "SELECT name, key, sha256 FROM row_seals WHERE name = ?"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE sealing AS {_sealing(name, keys)}")  # hashed once, compared both ways
    gone = _rows(connection, f"({held} EXCEPT ALL FROM sealing) LIMIT 1", [name])
    if not gone and not _rows(connection, f"(FROM sealing EXCEPT ALL {held}) LIMIT 1", [name]):
        return None
    if gone:
        connection.execute("DELETE FROM row_seals WHERE name = ?", [name])
        connection.execute("INSERT INTO row_seals FROM sealing")
    else:
        connection.execute(f"INSERT INTO row_seals (FROM sealing EXCEPT ALL {held})", [name])
    return table_digest(connection, name)


def table_digest(connection: DuckDBPyConnection, name: str) -> str:
    """Digest over the seals of a table."""
    lines = "string_agg(key || ':' || sha256, chr(10) ORDER BY key, sha256)"
    statement = f"SELECT sha256(coalesce({lines}, '')) FROM row_seals WHERE name = ?"  # noqa: S608 - a constant
    return str(_rows(connection, statement, [name])[0][0])


# ---- proof ---------------------------------------------------------------------------------------------------------------------


def broken_rows(connection: DuckDBPyConnection, without: Iterable[str]) -> list[tuple[str, str, str]]:
    """Rows that are not as they were left: (table, key or digest, added | changed | removed), sorted."""
    found: list[tuple[str, str, str]] = []
    own = tables(connection, without)
    for name, keys in own.items():
        held = "SELECT name, key, sha256 FROM row_seals WHERE name = ?"
        now = _sealing(name, keys)
        gone = {key or digest[:16] for _, key, digest in _rows(connection, f"{held} EXCEPT ALL {now}", [name])}
        fresh = {key or digest[:16] for _, key, digest in _rows(connection, f"{now} EXCEPT ALL {held}", [name])}
        for key in sorted(gone | fresh):
            kind = "changed" if key in gone and key in fresh else "removed" if key in gone else "added"
            found.append((name, key, kind))
    orphans = {name for (name,) in _rows(connection, "SELECT DISTINCT name FROM row_seals")} - set(own)
    return found + [(name, "", "removed") for name in sorted(orphans)]


def contents(connection: DuckDBPyConnection) -> dict[str, tuple[int, str]]:
    """Number of rows and digest over them, whatever their order, of every table."""
    found = {}
    for (name,) in sorted(_rows(connection, _TABLES)):
        lines = "string_agg(sha256, chr(10) ORDER BY sha256)"
        statement = f"SELECT count(*), sha256(coalesce({lines}, '')) FROM ({_sealing(name, [])})"  # noqa: S608 - our own tables
        count, digest = _rows(connection, statement)[0]
        found[str(name)] = (int(count), str(digest))
    return found


def live_files(connection: DuckDBPyConnection) -> list[Sealed]:
    """The files that rows name now, as they were sealed, sorted."""
    found = _rows(connection, "SELECT owner, name, sha256, bytes FROM files WHERE gone IS NULL ORDER BY owner, name")
    return [Sealed(*row) for row in found]


def files_by_event(connection: DuckDBPyConnection) -> dict[int, list[Sealed]]:
    """Number of an event -> the files that its transaction named."""
    groups: dict[int, list[Sealed]] = {}
    for owner, name, digest, size, seq in _rows(connection, "SELECT owner, name, sha256, bytes, seq FROM files ORDER BY seq"):
        groups.setdefault(int(seq), []).append(Sealed(owner, name, digest, size))
    return groups
