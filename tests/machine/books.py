"""Where does the machine keep its books? In memory: what `omsclaims.journal` asks of a workspace, over sqlite.

The journal itself is the real one: booking, closing, correcting, balances at any date and moment. Only the shelf is another, so
that a run takes milliseconds; a command that is killed leaves nothing, as a transaction of a workspace does.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

import polars as pl

from omsclaims import contract, ledger_rows
from omsclaims.workspace import Workspace

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_KINDS: Final[dict[pl.DataType, str]] = {pl.String(): "TEXT", pl.Int64(): "INTEGER", pl.Date(): "TEXT"}
_CHAIN: Final = "CREATE TABLE chain (seq INTEGER, as_of TEXT, kind TEXT, who TEXT, why TEXT, payload TEXT)"


class KilledError(Exception):
    """The process died here."""


@dataclass(frozen=True)
class _Book:
    rows: pl.DataFrame


class _Library:
    """The one official book that the journal asks for: codes of territories."""

    def __init__(self, territories: Iterable[str]) -> None:
        self._codes = _Book(pl.DataFrame({"code": sorted(territories)}))

    def books(self, *_: object) -> _Library:
        return self

    def require(self, name: str) -> _Book:
        assert name == "F010"
        return self._codes


class Memory:
    """Books of one fund in memory; `die_after` writes the next command dies (None: it lives)."""

    def __init__(self, territory: str, territories: Iterable[str], payments: str) -> None:
        self._meta = {"role": "fund", "territory": territory}
        self._payments = payments
        self._library = _Library(territories)
        self._registers = {name: contract.TABLES[name].empty() for name in ("reg_insurer", "reg_clinic", "reg_opening")}
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        self._db.create_function("starts_with", 2, lambda text, prefix: str(text).startswith(prefix), deterministic=True)
        for name in ("journal", "ledger_txns"):
            columns = ", ".join(f'"{column}" {_KINDS[kind]}' for column, kind in contract.TABLES[name].schema().items())
            self._db.execute(f"CREATE TABLE {name} ({columns})")
        self._db.execute(_CHAIN)
        self._db.execute("CREATE TABLE runs (month TEXT PRIMARY KEY, digest TEXT)")
        self.die_after: int | None = None
        self.known: int | None = None  # these books are always looked at as they are known now

    @property
    def workspace(self) -> Workspace:
        """As the journal sees it."""
        return cast(Workspace, self)

    # ---- what the journal asks for ----------------------------------------------------------------------------------------

    def has_journal(self) -> bool:
        return True

    def meta(self, key: str) -> str:
        return self._meta[key]

    def payments(self) -> str:
        return self._payments

    def library(self) -> _Library:
        return self._library

    def register(self, name: str) -> pl.DataFrame:
        return self._registers[name]

    def packages(self, month: str | None = None) -> list[Any]:
        return []

    def closed_months(self) -> list[str]:
        return [month for (month,) in self.rows("SELECT month FROM runs ORDER BY month")]

    def rows(self, statement: str, parameters: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        values = [value.isoformat() if isinstance(value, date) else value for value in parameters]
        return [tuple(_read(value) for value in row) for row in self._db.execute(statement, values)]

    def frame(self, name: str, statement: str, parameters: Iterable[object] = ()) -> pl.DataFrame:
        return pl.DataFrame(self.rows(statement, parameters), schema=contract.TABLES[name].schema(), orient="row")

    def next_seq(self) -> int:
        return int(self.rows("SELECT coalesce(max(seq), 0) + 1 FROM chain")[0][0])

    def record(self, kind: str, as_of: date, who: str, why: str | None, payload: Mapping[str, object]) -> str:
        self._write("chain", [(self.next_seq(), as_of, kind, who, why, json.dumps(payload, default=str))])
        return ""

    def write_journal(
        self, txn: str, kind: str, month: str, source: str, as_of: date, who: str, why: str | None, rows: pl.DataFrame
    ) -> dict[str, object]:
        """As `Workspace.write_journal`."""
        seq = self.next_seq()
        known = self.rows("SELECT max(known_on) FROM journal")[0][0]
        known_on = max(as_of, known) if known is not None else as_of
        digest = ledger_rows.rows_digest(rows["posting_id"])
        self._write("ledger_txns", [(txn, seq, kind, month, source, as_of, who, why, rows.height, digest)])
        full = rows.with_columns(txn=pl.lit(txn), known_on=pl.lit(known_on), seq=pl.lit(seq, dtype=pl.Int64))
        self._write("journal", full.select(list(contract.TABLES["journal"].schema())).rows())
        return {"txn": txn, "kind": kind, "month": month, "source": source, "rows": rows.height, "rows_digest": digest}

    # ---- transactions -----------------------------------------------------------------------------------------------------

    def store_run(self, month: str, digest: str) -> None:
        """A month is closed."""
        self._write("runs", [(month, digest)], "INSERT OR REPLACE")

    def _write(self, table: str, rows: Iterable[tuple[object, ...]], how: str = "INSERT") -> None:
        if self.die_after is not None:
            if self.die_after <= 0:
                raise KilledError
            self.die_after -= 1
        for row in rows:
            values = [value.isoformat() if isinstance(value, date) else value for value in row]
            self._db.execute(f"{how} INTO {table} VALUES ({', '.join('?' * len(values))})", values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing."""
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def size(self) -> tuple[int, int, int]:
        """Rows of the journal, transactions, events of the chain."""
        counts = [self.rows(f"SELECT count(*) FROM {name}")[0][0] for name in ("journal", "ledger_txns", "chain")]
        return counts[0], counts[1], counts[2]

    def dump(self) -> list[tuple[Any, ...]]:
        """Every posting, in the order of writing."""
        return self._db.execute("SELECT * FROM journal ORDER BY rowid").fetchall()

    def transfers(self) -> list[tuple[str, str, int]]:
        """Debit, credit, kopecks of the transfers to clinics, without what corrections took back."""
        return self.rows(
            "SELECT j.debit, j.credit, j.amount_kop FROM journal j JOIN ledger_txns t USING (txn) "
            "WHERE t.kind <> 'correction' AND j.rule IN ('advance', 'final_payment')"
        )


def _read(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) and _DAY.fullmatch(value) else value
