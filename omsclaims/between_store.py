"""Where does a workspace keep what goes between territories? The files of both directions, their items, and what holds persons.

    between_files (database)          a row for each file R, D, A and each paper of our own (contract `between_files`)
    tables/between/<name>-<digest>/   its items as Parquet (contract `between_items`): no personal values
    people/between/<name>-<digest>/   tables that hold persons, where the home fund keeps them
    restricted/between/<name>-<digest>.oms   the file itself, as it was sent or received

States of items are derived (`settlement.between.book`) and never stored. What no transaction names is swept as all else is: a
file is named in the same transaction that books its money (Rules 139-145; design: The workspace).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from omsclaims import contract
from omsclaims.periods import Month
from omsclaims.settlement.between import book
from omsclaims.workspace import Workspace, keep_file, read_tables, sha256_bytes, write_tables

_COLUMNS: Final = tuple(contract.TABLES["between_files"].schema())
#: What names of files on disk may hold of the name of a file that came in.
_SAFE: Final = re.compile(r"[^0-9A-Za-z_-]")


def files(ws: Workspace) -> pl.DataFrame:
    """All files and papers, refused ones too: contract `between_files`, in the order in which they came."""
    if not ws.holds("between_files"):
        return contract.TABLES["between_files"].empty()
    columns = ", ".join(f'"{name}"' for name in _COLUMNS)
    where, values = ("", []) if ws.known is None else ("WHERE seq <= ?", [ws.known])
    statement = f"SELECT {columns} FROM between_files {where} ORDER BY seq, file_name, digest"  # noqa: S608 - columns are constants
    found = ws.rows(statement, values)
    return pl.DataFrame(found, schema=contract.TABLES["between_files"].schema(), orient="row")


def items(ws: Workspace, names: Iterable[str] | None = None) -> pl.DataFrame:
    """Items of the files that were taken (all, or those of these names): contract `between_items`."""
    rows = book.taken(files(ws))
    wanted = None if names is None else set(names)
    named = rows.sort("file_name").select("file_name", "path").iter_rows()
    paths = [ws.folder / path / "items.parquet" for name, path in named if wanted is None or name in wanted]
    if not paths:
        return contract.TABLES["between_items"].empty()
    return contract.check("between_items", pl.read_parquet(paths))  # all in one reading: a year has hundreds


def of_bill(ws: Workspace, bill: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All files, and the items of those that speak of one bill."""
    known = files(ws)
    own = book.names_of(known).get(bill, {"bill": [bill]})
    return known, items(ws, [name for names in own.values() for name in names])


def store(
    ws: Workspace,
    row: Mapping[str, Any],
    rows: pl.DataFrame,
    data: bytes | None = None,
    people: Mapping[str, pl.DataFrame] | None = None,
) -> dict[str, Any]:
    """Keeps a file or paper (inside `Workspace.writing`); returns its row with digest, paths and the number of its event.

    row     columns of `between_files` save digest, path, people_path, original, seq. A file of the same name and content that was
            refused before is replaced
    rows    its items;  data: the file as sent or received (a paper has none);  people: tables that hold persons
    Call `record` of the workspace right afterwards: `seq` is the number that its event will have.
    """
    ws.make_table("between_files", ["file_name", "digest"])
    digest = sha256_bytes(data) if data is not None else sha256_bytes(rows.write_csv().encode() + str(dict(row)).encode())
    name = f"{_SAFE.sub('_', str(row['file_name']))[:40]}-{digest[:16]}"
    path = Path("tables", "between", f"{name}-{ws.next_seq()}")
    (ws.folder / path).parent.mkdir(mode=0o700, exist_ok=True)
    write_tables(ws.folder / path, {"items": contract.check("between_items", rows)})
    people_path: Path | None = None
    if people:
        people_path = Path("people", "between", f"{name}-{ws.next_seq()}")
        (ws.folder / people_path).parent.mkdir(mode=0o700, exist_ok=True)
        write_tables(ws.folder / people_path, people)
    original: Path | None = None
    if data is not None:
        original = Path("restricted", "between", f"{name}.oms")
        keep_file(ws.folder / original, data)
    full = {
        **row, "digest": digest, "path": str(path), "people_path": None if people_path is None else str(people_path),
        "original": None if original is None else str(original), "seq": ws.next_seq(),
    }  # fmt: skip
    marks = ", ".join("?" * len(_COLUMNS))
    ws.rows(f"INSERT OR REPLACE INTO between_files VALUES ({marks})", [full[name] for name in _COLUMNS])  # noqa: S608 - marks
    return full


def original(ws: Workspace, row: Mapping[str, Any]) -> bytes:
    """The file as it was sent or received."""
    path: Path = ws.folder / row["original"]
    return path.read_bytes()


def people(ws: Workspace, row: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """The tables with persons of a file that the home fund keeps; none where there are none."""
    return read_tables(ws.folder / row["people_path"]) if row["people_path"] else {}


def people_tables(ws: Workspace, rows: pl.DataFrame, name: str) -> pl.DataFrame | None:
    """One of the tables with persons of many files (contract `between_files`) one below the other; None of none."""
    paths = [ws.folder / path / f"{name}.parquet" for path in rows["people_path"]]
    return pl.read_parquet(paths) if paths else None


def known(ws: Workspace, file_name: str, digest: str) -> dict[str, Any] | None:
    """The row of a file that came before with the same name and content and was taken, else None."""
    rows = book.taken(files(ws)).filter((pl.col("file_name") == file_name) & (pl.col("digest") == digest))
    return rows.row(0, named=True) if rows.height else None


def taken_name(ws: Workspace, file_name: str) -> dict[str, Any] | None:
    """The row of the file of this name that counts, whatever its content, else None."""
    rows = book.taken(files(ws)).filter(pl.col("file_name") == file_name)
    return rows.row(0, named=True) if rows.height else None


def digest_of(data: bytes) -> str:
    """The digest under which a file is kept."""
    return sha256_bytes(data)


def month_sent(ws: Workspace, of: Month) -> str | None:
    """Why a month cannot be closed otherwise (closing.HOLDS): a bill of it was sent; what left the house is corrected by D."""
    if not ws.holds("between_files"):
        return None
    found = ws.rows(
        "SELECT 1 FROM between_files WHERE kind = 'R' AND side = 'place' AND state = 'taken' AND year = ? AND month = ? LIMIT 1",
        [of.year, of.month],
    )
    return "between.month_sent" if found else None
