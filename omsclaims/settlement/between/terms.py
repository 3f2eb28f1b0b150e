"""Which step of which bill between territories is due, by when, and what is late? (Rules 133, 138-145, 149-151; law.md 11)

What makes a step late is the term in working days of points 141-145. The term of point 133, in calendar days, is shown beside it
and makes nothing late. The day of the event decides which value of a term holds, and never counts itself. A term that ends in a
year whose production calendar is not known has no day: the list says `no_calendar` and does not stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims.law import Parameters
from omsclaims.law import terms as law_terms
from omsclaims.periods import CalendarEndsError, Month

#: Steps in their order: the parameter of the term, that of the law's term beside it, and the point of the Rules.
STEPS: Final[dict[str, tuple[str, str | None, str]]] = {
    "clinic_bill": ("territories.clinic_bill_working_day", None, "138"),
    "bill": ("territories.bill_working_days", "territories.pay_clinic_days", "141"),
    "answer": ("territories.answer_working_days", "territories.refund_days", "142"),
    "corrected": ("territories.corrected_working_days", None, "143"),
    "final": ("territories.final_working_days", None, "144-145"),
    # Money has the term of the answer that accepts it.
    "refund": ("territories.answer_working_days", "territories.refund_days", "142"),
    "final_refund": ("territories.final_working_days", None, "145"),
}
#: Who has to do a step: the fund of the place of care or the home fund.
WHOSE: Final = {
    "clinic_bill": "clinic", "bill": "place", "answer": "home", "corrected": "place", "final": "home", "refund": "home",
    "final_refund": "home",
}  # fmt: skip
#: Kinds of papers: given up by letter, written off.
_PAPERS: Final = ("C", "W")
#: States of items whose last part was answered finally.
_LAST: Final = ("accepted_finally", "refused_finally")
STATES: Final = ("ok", "due_soon", "overdue", "late", "no_calendar")
#: Columns of `dates`.
ROWS: Final[dict[str, pl.DataType]] = {
    "bill": pl.String(), "territory": pl.String(), "step": pl.String(), "whose": pl.String(), "about": pl.String(),
    "event_on": pl.Date(), "due": pl.Date(), "law_due": pl.Date(), "done_on": pl.Date(), "state": pl.String(),
    "point": pl.String(),
}  # fmt: skip
#: Ages of what is open, in calendar days since the date of the bill; the last has no end.
AGES: Final = ((0, 25), (26, 60), (61, 90), (91, 180), (181, 365), (366, None))


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a bill: when its term began (None: not yet), and when it was done (None: not yet)."""

    name: str
    event_on: date | None
    done_on: date | None
    about: str | None = None  # the file that began it


def due(step: str, event_on: date, law: Parameters) -> date | None:
    """The last day of a step; None where the calendar ends. event_on of `clinic_bill` is a day of the month of care."""
    try:
        if step == "clinic_bill":
            return law_terms.due_in_month(law, STEPS[step][0], Month(event_on.year, event_on.month))
        return law_terms.due(law, STEPS[step][0], event_on)
    except CalendarEndsError:
        return None


def law_due(step: str, event_on: date, law: Parameters) -> date | None:
    """The last day of the law's term beside it (point 133), where there is one."""
    name = STEPS[step][1]
    return None if name is None else law_terms.due_or_none(law, name, event_on)


def state(due_on: date | None, done_on: date | None, on: date, law: Parameters) -> str:
    """ok: done in time, or not near; late: done after its day; overdue: not done after it; due_soon; no_calendar: day unknown.

    due_soon: the last day is not more than `territories.due_soon_working_days` working days ahead of `on`.
    """
    if due_on is None:
        return "no_calendar"
    if done_on is not None:
        return "late" if done_on > due_on else "ok"
    if on > due_on:
        return "overdue"
    soon = law_terms.due_or_none(law, "territories.due_soon_working_days", on)
    return "due_soon" if soon is None or due_on <= soon else "ok"


def dates(
    bill: str,
    files: pl.DataFrame,
    law: Parameters,
    on: date,
    states: pl.DataFrame | None = None,
    clinic_billed: date | None = None,
    unpaid_kop: int = 0,
) -> pl.DataFrame:
    """Every step of one bill that has begun: columns ROWS, in the order of the steps.

    bill           file_name of R; files: contract `between_files`, all of one side (taken ones count)
    states         contract `between_states` of the bill: with them a step is done when no item waits for it any more
    clinic_billed  place fund: the day the clinic presented its bill, where it is known; else the steps before R are not told
    unpaid_kop     accepted of the bill and not settled yet: with it the refund is a step, too, until it is paid. What the final
                   answer accepted is paid last; of an item answered in two parts all counts to the later

    The day of a file is that on which our side sent or received it; of a paper of our own the day that it bears.
    """
    own = files.filter(pl.col("state") == "taken")
    found = own.filter((pl.col("file_name") == bill) & (pl.col("kind") == "R"))
    if found.is_empty():
        return pl.DataFrame(schema=ROWS)
    head = found.row(0, named=True)
    waits = None if states is None else set(states.filter(pl.col("bill") == bill)["state"])
    territory = head["receiver"] if head["side"] == "place" else head["sender"]
    rows = [
        _row(bill, territory, step, law, on)
        for step in (*_before(head, clinic_billed), *_after(head, own, waits), *_unpaid(head, own, states, unpaid_kop))
        if step.event_on is not None
    ]
    return pl.DataFrame(rows, schema=ROWS)


def _row(bill: str, territory: str, step: Step, law: Parameters, on: date) -> dict[str, Any]:
    assert step.event_on is not None
    last = due(step.name, step.event_on, law)
    return {
        "bill": bill, "territory": territory, "step": step.name, "whose": WHOSE[step.name], "about": step.about,
        "event_on": step.event_on, "due": last, "law_due": law_due(step.name, step.event_on, law), "done_on": step.done_on,
        "state": state(last, step.done_on, on, law), "point": STEPS[step.name][2],
    }  # fmt: skip


def _before(head: dict[str, Any], clinic_billed: date | None) -> list[Step]:
    """Steps of the clinic and the place fund before R is sent."""
    if head["side"] != "place" or clinic_billed is None:
        return []
    month = Month(head["year"], head["month"])
    return [Step("clinic_bill", month.last, clinic_billed), Step("bill", clinic_billed, head["sent_on"])]


def _after(head: dict[str, Any], files: pl.DataFrame, waits: set[str] | None) -> list[Step]:
    """Steps that R, each A with refusals, and each D begin."""
    answers = _of(files, "A", head["file_name"])
    steps = [
        Step("answer", _day(head), _all_done(head, answers, None if waits is None else "presented" in waits), head["file_name"])
    ]
    given = _of(files, "D", head["file_name"]) + _of(files, "C", head["file_name"])
    for answer in answers:
        began = _day(answer)
        later = [day for day in map(_day, given) if day is not None and began is not None and day >= began]
        open_still = waits is not None and "questioned" in waits
        # Of answers that earlier versions took, what was presented is not told: their states say whether something waits.
        told = answer["presented_kop"] > 0
        if answer["accepted_kop"] < answer["presented_kop"] or (not told and (open_still or later)):
            steps.append(Step("corrected", began, None if open_still or not later else later[-1], answer["file_name"]))
    for part in _of(files, "D", head["file_name"]):
        finals = _of(files, "A", part["file_name"])
        waiting = None if waits is None else "presented_again" in waits
        steps.append(Step("final", _day(part), _all_done(part, finals, waiting), part["file_name"]))
    return steps


def _unpaid(head: dict[str, Any], files: pl.DataFrame, states: pl.DataFrame | None, unpaid_kop: int) -> list[Step]:
    """The refund of what was accepted and is not settled: its term began with R, that of the last part with the last D."""
    if unpaid_kop <= 0 or states is None:
        return []
    parts = _of(files, "D", head["file_name"])
    of_bill = states.filter(pl.col("bill") == head["file_name"])
    last = int(of_bill.filter(pl.col("state").is_in(list(_LAST)))["accepted_kop"].sum()) if parts else 0
    steps = [Step("refund", _day(head), None, head["file_name"])] if unpaid_kop > last else []
    return steps + ([Step("final_refund", _day(parts[-1]), None, parts[-1]["file_name"])] if last else [])


def _of(files: pl.DataFrame, kind: str, about: str) -> list[dict[str, Any]]:
    """Files of a kind about a file, by the day and the name."""
    rows = files.filter((pl.col("kind") == kind) & (pl.col("about") == about)).to_dicts()
    return sorted(rows, key=lambda row: (_day(row) or date.max, row["file_name"]))


def _day(row: dict[str, Any]) -> date | None:
    """The day a file was sent by us or reached us; a paper that is no file has its own."""
    day: date | None = row["received_on"] if row["direction"] == "in" else row["sent_on"]
    return row["data"] if day is None and row["kind"] in _PAPERS else day


def _all_done(asked: dict[str, Any], answers: list[dict[str, Any]], open_still: bool | None) -> date | None:
    """The day of the last answer when every item has one; by the states where they are known, else by the number of items."""
    if not answers:
        return None
    waiting = sum(answer["items"] for answer in answers) < asked["items"] if open_still is None else open_still
    return None if waiting else _day(answers[-1])


def due_list(
    files: pl.DataFrame, states: pl.DataFrame, law: Parameters, on: date, side: str | None = None,
    unpaid: Mapping[str, int] | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Steps of all bills that somebody still has to do: columns ROWS, the longest overdue first.

    side    place | home: bills in which we are this side; None: both
    unpaid  bill -> kopecks that were accepted and are not settled yet
    """
    owed = unpaid or {}
    bills = files.filter((pl.col("kind") == "R") & (pl.col("state") == "taken"))
    if side is not None:
        bills = bills.filter(pl.col("side") == side)
    told = [
        dates(bill, files.filter(pl.col("side") == of), law, on, states, unpaid_kop=owed.get(bill, 0))
        for bill, of in bills.select("file_name", "side").rows()
    ]
    rows = pl.concat([pl.DataFrame(schema=ROWS), *told])
    return rows.filter(pl.col("done_on").is_null()).sort("due", "bill", "step", "about", nulls_last=True)


def age_bounds(days: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """First and last day (null: no end) of the age, one of AGES, that a number of days falls into."""
    begin, end = pl.lit(None, dtype=pl.Int64), pl.lit(None, dtype=pl.Int64)
    for first, last in reversed(AGES):
        inside = days >= first if last is None else (days >= first) & (days <= last)
        begin = pl.when(inside).then(pl.lit(first, dtype=pl.Int64)).otherwise(begin)
        end = pl.when(inside).then(pl.lit(last, dtype=pl.Int64)).otherwise(end)
    return begin, end


def aging(states: pl.DataFrame, files: pl.DataFrame, on: date) -> pl.DataFrame:
    """What is open, in kopecks: territory, side, age_from, age_to (null: no end), bills, items, open_kop.

    The age of an item is that of its bill: calendar days from the date of the bill (DSCHET). Every open kopeck is in one row.
    """
    heads = files.filter((pl.col("kind") == "R") & (pl.col("state") == "taken")).select(
        pl.col("file_name").alias("bill"), "side", "dschet",
        pl.when(pl.col("side") == "place").then("receiver").otherwise("sender").alias("territory"),
    )  # fmt: skip
    old = states.filter(pl.col("open_kop") > 0).join(heads, on="bill", how="inner")
    assert old["open_kop"].sum() == states["open_kop"].sum(), "an open item without its bill"
    days = pl.max_horizontal((pl.lit(on) - pl.col("dschet")).dt.total_days(), pl.lit(0))
    begin, end = age_bounds(days)
    return (
        old.with_columns(age_from=begin, age_to=end)
        .group_by("territory", "side", "age_from", "age_to")
        .agg(
            pl.col("bill").n_unique().cast(pl.Int64).alias("bills"),
            pl.len().cast(pl.Int64).alias("items"),
            pl.col("open_kop").sum(),
        )
        .sort("territory", "side", "age_from")
    )


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The yearly reconciliation (Rules 149-151; clinics outside the Federation 176-178): its period and its days."""

    begin: date
    end: date
    send_by: date | None  # None: the calendar of the year is not known
    return_by: date | None


def reconciliation(year: int, law: Parameters, of: str = "territories") -> Reconciliation:
    """Days of the reconciliation that is drawn up in a year. of: territories | abroad."""
    first = date(year, 1, 1)
    begin, end = (str(law.value(f"{of}.reconcile_{name}", first)).split("-") for name in ("from", "to"))
    days: list[date | None] = []
    for name in ("send", "return"):
        try:
            days.append(law_terms.due_in_year(law, f"{of}.reconcile_{name}", year))
        except CalendarEndsError:
            days.append(None)
    return Reconciliation(date(year - 1, int(begin[0]), int(begin[1])), date(year, int(end[0]), int(end[1])), days[0], days[1])
