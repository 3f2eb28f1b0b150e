"""What is a posting known by, and what undoes it? Rows of the journal as plain values: ids, reversals, opening (law.md 10.8).

A posting is never changed. Its id is made of its content; so the same event written twice is the same posting. What was wrong is
undone by a posting with debit and credit exchanged that names the one it undoes; amounts are never negative. A reversal can be
undone in the same way: then the first posting stands again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

#: Hexadecimal digits of the id of a posting.
ID_DIGITS: Final = 32
#: What every posting says (contract `postings` without its id).
SAYS: Final = ("month", "date", "document", "rule", "debit", "credit", "amount_kop", "reference")
#: The rule and the clause of the rows with which books begin.
OPENING: Final = "opening"
OPENING_CLAUSE: Final = "opening balances"

Row = dict[str, object]


def _digest(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def posting_id(row: Mapping[str, object], n: int = 0) -> str:
    """The id of a posting: a hash of all that it says.

    A document of another day than the posting and the posting that is undone are part of it; n tells how often the same content
    was undone before, so that it can be written once more. Without these three it is the id of a posting of a closing.
    """
    said = {name: row[name] for name in SAYS}
    if row.get("document_date") not in (None, row["date"]):
        said["document_date"] = row["document_date"]
    if row.get("reverses") is not None:
        said["reverses"] = row["reverses"]
    if n:
        said["n"] = n
    return _digest(said)[:ID_DIGITS]


def reversal(row: Mapping[str, object], month: str, on: date, document_date: date) -> Row:
    """The posting that undoes another one, without its id: debit and credit exchanged, same event, document and amount."""
    return {
        "month": month, "date": on, "document": row["document"], "document_date": document_date, "rule": row["rule"],
        "debit": row["credit"], "credit": row["debit"], "amount_kop": row["amount_kop"], "reference": row["reference"],
        "reverses": row["posting_id"],
    }  # fmt: skip


def opening_rows(balances: Mapping[str, int], month: str, on: date) -> list[Row]:
    """Balances as postings against the account `opening` of each party, without ids, sorted by account.

    balances  account -> kopecks, debit positive; each party's books must sum to zero: the account `opening` itself follows
    """
    rows: list[Row] = []
    for account, amount in sorted(balances.items()):
        party = account.split("/")[0]
        other = f"{party}/{OPENING}"
        if amount == 0 or account == other:
            continue
        debit, credit = (account, other) if amount > 0 else (other, account)
        rows.append(
            {
                "month": month, "date": on, "document": f"{OPENING}-{month}", "document_date": on, "rule": OPENING,
                "debit": debit, "credit": credit, "amount_kop": abs(amount), "reference": OPENING_CLAUSE, "reverses": None,
            }
        )  # fmt: skip
    return rows


def undone(rows: Iterable[tuple[str, str | None]]) -> set[str]:
    """Ids of postings that are undone now. A reversal that is itself undone counts for nothing.

    rows  (posting_id, reverses) in the order in which they were written
    """
    found: set[str] = set()
    for posting, reverses in reversed(list(rows)):
        if reverses is not None and posting not in found:
            found.add(reverses)
    return found


def rows_digest(ids: Iterable[str]) -> str:
    """Hash over the ids of the postings of a transaction, in their order."""
    return _digest(list(ids))


def txn_id(kind: str, month: str, source: str, contents: Iterable[str]) -> str:
    """The id of a transaction: kind, month, where it comes from, and what it says (ids of its postings with n = 0)."""
    return _digest([kind, month, source, sorted(contents)])[:ID_DIGITS]
