"""Do the books of two funds say the same of a year? The yearly act of points 149-151, and the comparison of any two acts.

The place fund draws the act up from its files and payments, the home fund from its own. Its rows are the bills with a balance at
the start or a movement in the period, by the dates of the documents, which both sides hold, not by the days on which one booked
them. So an answer that came after a month was closed stands in the same row of both acts. Of every bill, and of all:

    end = start + presented - refunded - refused

`refused` is what was given up (D, paper C) or refused for good (A on D); what is only questioned is still owed (law.md 11).
`refunded` is what the place fund has in the end: what it returned is taken off it, a set-off lowers it on the bill that was owed
back and raises it on the bill that it pays [own reading: the act has no column for either].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.findings import Finding
from omsclaims.settlement import act_states, ledger
from omsclaims.settlement.act_states import KINDS, Act
from omsclaims.settlement.between import book
from omsclaims.settlement.between.terms import Reconciliation

#: A movement of a bill: presented | refunded | refused, by the date of its document.
MOVES: Final[dict[str, pl.DataType]] = {
    "bill": pl.String(), "nschet": pl.String(), "dschet": pl.Date(), "what": pl.String(), "on": pl.Date(),
    "amount_kop": pl.Int64(),
}  # fmt: skip
#: A refund between two funds: its document (bill and what stood paid before, or any number of the bank), the document's date.
#: Returns and set-offs have the name of the bill that they lower or raise.
PAYMENTS: Final[dict[str, pl.DataType]] = {"document": pl.String(), "on": pl.Date(), "amount_kop": pl.Int64()}
#: Name of the row of what no bill of ours tells: the balance with which the books began, a payment above all debts.
NO_BILL: Final = "-"
_KEY: Final = ["n_zap", "idcase"]


def moves(
    files: pl.DataFrame, items: pl.DataFrame, payments: pl.DataFrame, side: str, other: str,
    opening_kop: int = 0, opened_on: date | None = None,
) -> pl.DataFrame:  # fmt: skip
    """All movements with one other fund: columns MOVES, sorted by bill, day and what.

    files, items  contract `between_files`, `between_items`: those that were taken count
    payments      columns PAYMENTS: refunds booked with that fund, undone ones below zero
    side          our role: place (they owe us) or home (we owe them); other: two digits of the other fund
    opening_kop   what was owed before the books began, on the day `opened_on`

    A payment whose document begins with the name of a bill pays that bill; another one pays the oldest bills first (by date and
    number), as far as they are accepted; what is left of it stands on the row NO_BILL [own rule: the law names none].
    """
    held = book.taken(files)
    party = "receiver" if side == "place" else "sender"
    bills = held.filter((pl.col("kind") == "R") & (pl.col("side") == side) & (pl.col(party) == other)).select(
        pl.col("file_name").alias("bill"), "nschet", "dschet", pl.coalesce("dschet", "data").alias("on"), "presented_kop"
    )
    presented = bills.select("bill", pl.lit("presented").alias("what"), "on", pl.col("presented_kop").alias("amount_kop"))
    refused = _refused(held, items, bills)
    owed = (
        pl.concat([presented, refused.with_columns(pl.col("amount_kop").neg())])
        .group_by("bill").agg(pl.col("amount_kop").sum()).join(bills, on="bill").sort("on", "nschet", "bill")
    )  # fmt: skip
    debts = {NO_BILL: opening_kop, **dict(owed.select("bill", "amount_kop").iter_rows())}
    refunded = _allocated(payments, debts)
    rows = pl.concat([presented, refused, refunded]).filter(pl.col("amount_kop") != 0)
    if opening_kop and opened_on is not None:
        first = pl.DataFrame([(NO_BILL, "presented", opened_on, opening_kop)], schema=rows.schema, orient="row")
        rows = pl.concat([first, rows])
    days = [day for day in (opened_on, payments["on"].min(), bills["on"].min()) if isinstance(day, date)]
    none = pl.DataFrame([(NO_BILL, NO_BILL, min(days) if days else None)], schema=bills.select("bill", "nschet", "dschet").schema,
                        orient="row")  # fmt: skip
    named = pl.concat([none, bills.select("bill", "nschet", "dschet")])
    table = rows.join(named, on="bill", how="left", maintain_order="left")
    return table.select(pl.col(name).cast(kind) for name, kind in MOVES.items()).sort("bill", "on", "what", "amount_kop")


def payments(moved: pl.DataFrame) -> pl.DataFrame:
    """What moved in money or by set-off (columns `back.MONEY`, of one fund) as it works on each bill: columns PAYMENTS."""
    amount = pl.col("amount_kop")
    netted = moved.filter((pl.col("what") == "netted") & (pl.col("bill") != pl.col("of")))
    parts = [
        moved.filter(pl.col("what") == "refunded").select("document", "on", amount),
        moved.filter(pl.col("what") == "returned").select("document", "on", amount.neg()),
        netted.select("document", "on", amount),
        netted.select(pl.format("{}/netted", "of").alias("document"), "on", amount.neg()),
    ]
    return pl.concat([pl.DataFrame(schema=PAYMENTS), *parts])


def _refused(held: pl.DataFrame, items: pl.DataFrame, bills: pl.DataFrame) -> pl.DataFrame:
    """What was given up or refused for good of each bill, by the date of the file: D and C (143), final A (144)."""
    stages = [
        (name, stage, bill)
        for bill, names in book.names_of(held).items()
        for stage in ("corrected", "conceded", "final")
        for name in names.get(stage, [])
    ]
    schema = {"file_name": pl.String, "stage": pl.String, "bill": pl.String}
    told = pl.DataFrame(stages, schema=schema, orient="row").join(bills.select("bill"), on="bill", how="semi")
    day = held.select("file_name", pl.coalesce("data", "sent_on", "received_on").alias("on")).unique("file_name", keep="last")
    own = items.join(told, on="file_name", how="inner").join(day, on="file_name", how="left")
    asked = items.select(pl.col("file_name").alias("bill"), *_KEY, pl.col("sump_kop").alias("_asked"))
    amount = pl.when(pl.col("stage") == "corrected").then(pl.col("_asked") - pl.col("sump_kop")).otherwise("sank_it_kop")
    return (
        own.join(asked, on=["bill", *_KEY], how="left")
        .group_by("bill", "file_name", "on")
        .agg(amount.sum().alias("amount_kop"))
        .select("bill", pl.lit("refused").alias("what"), "on", "amount_kop")
        .filter(pl.col("amount_kop") != 0)
        .sort("bill", "on", "amount_kop")
    )


def _allocated(payments: pl.DataFrame, debts: Mapping[str, int]) -> pl.DataFrame:
    """Refunds by bill. debts: what is owed of each bill in all, the oldest first."""
    left = dict(debts)
    found: list[tuple[str, str, date, int]] = []
    by_day = payments.sort("on", "document", "amount_kop")
    waiting: list[tuple[date, int]] = []
    for document, on, amount in by_day.iter_rows():
        name = str(document).split("/", 1)[0]
        if name in left and name != NO_BILL:
            left[name] -= amount
            found.append((name, "refunded", on, amount))
        else:
            waiting.append((on, amount))
    for on, amount in waiting:
        rest = amount
        for bill in left if amount > 0 else ():
            part = max(0, min(rest, left[bill]))
            if part:
                left[bill] -= part
                rest -= part
                found.append((bill, "refunded", on, part))
        if rest:
            found.append((NO_BILL, "refunded", on, rest))
    schema = {"bill": pl.String(), "what": pl.String(), "on": pl.Date(), "amount_kop": pl.Int64()}
    return pl.DataFrame(found, schema=schema, orient="row").group_by("bill", "what", "on").agg(pl.col("amount_kop").sum()).sort(
        "bill", "on"
    )  # fmt: skip


def act_149(moved: pl.DataFrame, begin: date, end: date) -> pl.DataFrame:
    """Rows of the yearly act: columns of `KINDS["149"].rows`, sorted by number and date of the bill.

    moved  columns MOVES;  begin, end: first and last day of the period, by document date
    """
    sign = pl.when(pl.col("what") == "presented").then(pl.col("amount_kop")).otherwise(-pl.col("amount_kop"))
    inside = pl.col("on") >= begin

    def within(what: str) -> pl.Expr:
        return pl.col("amount_kop").filter(inside & (pl.col("what") == what)).sum().alias(f"{what}_kop")

    amounts = ("start_kop", "presented_kop", "refunded_kop", "refused_kop")
    rows = (
        moved.filter(pl.col("on") <= end)
        .group_by("nschet", "dschet")
        .agg(sign.filter(~inside).sum().alias("start_kop"), *(within(what) for what in ("presented", "refunded", "refused")))
        .filter(pl.any_horizontal(pl.col(name) != 0 for name in amounts))
        .with_columns(end_kop=pl.col("start_kop") + pl.col("presented_kop") - pl.col("refunded_kop") - pl.col("refused_kop"))
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in KINDS["149"].rows.items()).sort("nschet", "dschet")


def number_149(place: str, home: str, year: int, ordinal: int = 1) -> str:
    """Number of the act of a year: `SV` place, home, year, ordinal (formats.md 2.2)."""
    return f"SV{place}{home}{year % 100:02d}{ordinal:04d}"


def yearly(moved: pl.DataFrame, own: str, other: str, side: str, days: Reconciliation, drawn_on: date) -> Act:
    """The yearly act as our side would draw it up, from either side; its equations are asserted.

    The party is always the place fund, as the law says who draws it up; both sides' acts of a year bear the same number.
    """
    place, home = (own, other) if side == "place" else (other, own)
    rows = act_149(moved, days.begin, days.end)
    names = (ledger.fund(own), ledger.territory(other))
    party, with_whom = names if side == "place" else names[::-1]
    number = number_149(place, home, days.end.year)
    return act_states.sound(
        Act("149", number, days.begin, days.end, party, with_whom, drawn_on, act_states.sums(rows, "149"), rows)
    )


# ---- two acts, line by line -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """Lines in which two acts differ (contract `act_disagreements`), and a finding for each, or why they cannot be compared."""

    disagreements: pl.DataFrame
    findings: pl.DataFrame

    @property
    def comparable(self) -> bool:
        """Both are acts of one kind, of the same parties and period."""
        return self.findings.filter(pl.col("rule").is_in(["AK.4", "AK.7"])).is_empty()


def same_parties(party: str, other: str) -> tuple[str, ...]:
    """Both parties, whoever drew the act up: another fund is `territory:38` in our books and `fund:38` in its own."""
    return tuple(sorted(name.replace("territory:", "fund:") for name in (party, other)))


def compare(ours: Act, theirs: Act) -> Compared:
    """Our act and the other side's, line by line. Nothing is changed by it.

    Findings: AK.7 another kind or other parties, AK.4 another period (nothing is compared then); AK.8 a line that differs: of a
    kind whose lines are the sums of its rows each row and column, else each line.
    """
    empty = contract.TABLES["act_disagreements"].empty()
    if ours.kind != theirs.kind or same_parties(ours.party, ours.other) != same_parties(theirs.party, theirs.other):
        params = {"ours": _told(ours), "theirs": _told(theirs)}
        return Compared(empty, findings.frame([_finding("AK.7", ours, theirs.number, params)]))
    if (ours.first, ours.last) != (theirs.first, theirs.last) or ours.about != theirs.about:
        params = {"ours": f"{ours.first} - {ours.last}", "theirs": f"{theirs.first} - {theirs.last}"}
        return Compared(empty, findings.frame([_finding("AK.4", ours, theirs.number, params)]))
    rows = _rows_that_differ(ours, theirs)
    if not rows:
        rows = [
            (None, name, ours.lines[name], theirs.lines[name], "amount")
            for name in KINDS[ours.kind].lines
            if ours.lines[name] != theirs.lines[name]
        ]
    schema = contract.TABLES["act_disagreements"].schema()
    table = pl.DataFrame(
        [
            {"act": ours.number, "row": row, "line": line, "ours_kop": mine, "theirs_kop": other, "why": why, "agreed_kop": None,
             "on": None, "seq": None}
            for row, line, mine, other, why in rows
        ],
        schema=schema,
    )  # fmt: skip
    return Compared(contract.check("act_disagreements", table), findings.frame([_differs(ours, row) for row in table.to_dicts()]))


def _told(act: Act) -> str:
    return f"{act.kind} {act.party} - {act.other}"


def _finding(rule: str, ours: Act, value: str, params: Mapping[str, object]) -> Finding:
    return Finding(rule, package=ours.number, file=ours.number, value=value, params={"act": ours.number, **params})


def _differs(ours: Act, row: Mapping[str, Any]) -> Finding:
    params = {"row": row["row"] or "-", "line": row["line"], "ours": row["ours_kop"], "theirs": row["theirs_kop"]}
    params["difference"] = row["theirs_kop"] - row["ours_kop"]
    return _finding("AK.8", ours, str(row["theirs_kop"]), params)


_Row = tuple[str | None, str, int, int, str]


def _rows_that_differ(ours: Act, theirs: Act) -> list[_Row]:
    """Rows of the lists that differ, column by column; a row that one side does not have is compared with zeros."""
    kind = KINDS[ours.kind]
    amounts = [name for name, wanted in kind.rows.items() if wanted == pl.Int64() and name not in kind.key]
    if not amounts:
        return []
    mine, other = (
        {"/".join(str(row[name]) for name in kind.key): row for row in act.rows.iter_rows(named=True)} for act in (ours, theirs)
    )
    found: list[_Row] = []
    for named in sorted(mine.keys() | other.keys()):
        why = "amount" if named in mine and named in other else "missing_there" if named in mine else "missing_here"
        one, two = mine.get(named, {}), other.get(named, {})
        found += [
            (named, name, one.get(name, 0), two.get(name, 0), why) for name in amounts if one.get(name, 0) != two.get(name, 0)
        ]
    return found
