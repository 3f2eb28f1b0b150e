"""Where does each voucher (талон) of high-tech care stand, which term runs, who waits, which places are free? (law.md 9.2-9.3.)

A voucher goes from state to state by the events of its register; which event may follow which is data (`voucher_stages.yaml`), an
event that may not is a finding and is left out. Terms are working days; quotas are places of a clinic, group and year. A refused
or lapsed voucher frees its place; those who wait are served in the order of the clinic's decision, then of creation, then of
number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import yaml

from omsclaims import contract, findings
from omsclaims.findings import Finding
from omsclaims.law import terms as law_terms
from omsclaims.periods import is_working_day
from omsclaims.settlement.identify import keys_of_enp, normal

if TYPE_CHECKING:
    from omsclaims.context import Context

REFUSED: Final = 2
#: Files of high-tech care.
VMP_FILES: Final = "T"
SECTION_ONE, SECTION_TWO = 1, 2
#: States in which the clinic has named a day of admission, or later ones: they hold a place of the quota.
HOLD: Final = ("accepted", "admitted", "treated", "closed")
#: Terms that the file of the path may name: parameters `vouchers.<term>`, and the planned day.
PLANNED: Final = "planned"
_TERMS: Final = (
    "papers_working_days", "authority_working_days", "clinic_working_days", "clinic_in_person_working_days",
    "extract_working_days", PLANNED,
)  # fmt: skip
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Path:
    """The path of vouchers as data: see voucher_stages.yaml."""

    states: Mapping[str, Mapping[str, bool]]
    events: tuple[str, ...]
    decisions: Mapping[str, tuple[str, ...]]
    moves: Mapping[tuple[str, str, str | None, int], str]
    waits: Mapping[tuple[str, int], Mapping[str, str]]


@cache
def path() -> Path:
    """The path as the program holds it. Raises ValueError when the file contradicts itself."""
    raw = yaml.load((resources.files(__package__) / "voucher_stages.yaml").read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506
    moves: dict[tuple[str, str, str | None, int], str] = {}
    for row in raw["moves"]:
        for start in row["from"]:
            for section in [row["section"]] if "section" in row else [SECTION_ONE, SECTION_TWO]:
                key = (start, row["event"], row.get("decision"), section)
                if key in moves or {start, row["to"]} - set(raw["states"]) or row["event"] not in raw["events"]:
                    raise ValueError(f"voucher_stages.yaml: {key} stands twice or names what there is not")
                moves[key] = row["to"]
    waits = {}
    for row in raw["waits"]:
        if not {row["term"], row.get("in_person", row["term"])} <= set(_TERMS):
            raise ValueError(f"voucher_stages.yaml: there is no term {row['term']}")
        for section in [row["section"]] if "section" in row else [SECTION_ONE, SECTION_TWO]:
            waits[row["state"], section] = row
    decisions = {event: tuple(listed) for event, listed in raw["decisions"].items()}
    return Path(raw["states"], tuple(raw["events"]), decisions, moves, waits)


@dataclass
class Standing:
    """A voucher as of a day: its register's columns, its state and since when, and the days on its way.

    answered_on  first answer to the whole path: a place, a place in the queue, a refusal, or its end
    decided_on   first decision of the clinic to take the patient: the order of the queue
    accepted_on  first decision that names a day of admission; planned_on: the day that the last one names
    """

    voucher: str
    section: int
    enp: str
    mo: str
    group: str
    created_on: date
    requested_on: date | None
    referred_on: date | None
    state: str = "created"
    since: date = date.min
    in_person: bool = False
    answered_on: date | None = None
    decided_on: date | None = None
    accepted_on: date | None = None
    planned_on: date | None = None
    ended_on: date | None = None
    steps: list[tuple[str, date, date, bool]] = field(default_factory=list)  # state left, its day, day it was left, in person

    @property
    def begun_on(self) -> date:
        """The day from which the whole path runs."""
        return self.requested_on or self.referred_on or self.created_on

    def year(self, as_of: date) -> int:
        """Year whose quota the voucher counts in: of the planned day; while it waits, the running one."""
        if self.planned_on is not None and self.state in HOLD:
            return self.planned_on.year
        return as_of.year


# ---- the way of each voucher -----------------------------------------------------------------------------------------------


def standings(tables: Mapping[str, pl.DataFrame], as_of: date) -> tuple[list[Standing], list[Finding]]:
    """Vouchers known on a day, by number, each where its events have brought it.

    tables    reg_voucher, reg_voucher_event
    findings  VT.1 an event of a voucher that the register does not hold, VT.2 an event that may not follow, VT.3 a number that
              stands twice, VT.4 a decision that names no day of admission
    """
    known, problems = _register(tables["reg_voucher"].filter(pl.col("created_on") <= as_of))
    order = {event: place for place, event in enumerate(path().events)}
    events = tables["reg_voucher_event"].filter(pl.col("event_on") <= as_of).with_columns(voucher=number(pl.col("voucher")))
    rows = sorted(
        events.to_dicts(),
        key=lambda row: (
            row["voucher"],
            row["event_on"],
            order.get(row["event"], 99),
            str(row["decision"]),
            str(row["planned_on"]),
        ),
    )
    for row in rows:
        standing = known.get(row["voucher"])
        if standing is None:
            problems.append(Finding("VT.1", value=row["voucher"], params={"event": row["event"], "on": row["event_on"]}))
        else:
            problems += _move(standing, row)
    return [known[name] for name in sorted(known)], problems


def number(voucher: pl.Expr) -> pl.Expr:
    """The number of a voucher for comparison: capital letters, no spaces; an empty one is null."""
    plain = voucher.str.to_uppercase().str.replace_all(r"\s+", "")
    return pl.when(plain == "").then(None).otherwise(plain)


def _register(reg_voucher: pl.DataFrame) -> tuple[dict[str, Standing], list[Finding]]:
    """Vouchers by number; of two rows of one number the one created first stands, finding VT.3."""
    columns = ["voucher", "section", "enp", "mo", "group", "created_on", "requested_on", "referred_on"]
    rows = reg_voucher.with_columns(voucher=number(pl.col("voucher"))).select(columns)
    known: dict[str, Standing] = {}
    problems = []
    for row in rows.sort("voucher", "created_on", *columns[1:5]).to_dicts():
        if row["voucher"] in known:
            problems.append(Finding("VT.3", value=row["voucher"], params={"on": known[row["voucher"]].created_on}))
            continue
        known[row["voucher"]] = Standing(**row, since=row["created_on"])
    return known, problems


def _move(standing: Standing, row: Mapping[str, Any]) -> list[Finding]:
    """Moves a voucher by one event; VT.2 or VT.4 where it may not be, and the event is left out."""
    event, on, decision = row["event"], row["event_on"], row["decision"]
    target = path().moves.get((standing.state, event, decision, standing.section))
    told = {"event": event, "on": on, "state": standing.state, "since": standing.since, "decision": decision or "-"}
    if target is None or on < standing.since:
        return [Finding("VT.2", value=standing.voucher, params=told)]
    if target == "accepted" and row["planned_on"] is None:
        return [Finding("VT.4", value=standing.voucher, params=told)]
    standing.steps.append((standing.state, standing.since, on, standing.in_person))
    standing.state, standing.since, standing.in_person = target, on, bool(row["in_person"])
    if target in ("accepted", "waiting", "refused", "lapsed"):
        standing.answered_on = standing.answered_on or on
    if target in ("accepted", "waiting"):
        standing.decided_on = standing.decided_on or on
    if target == "accepted":
        standing.accepted_on = standing.accepted_on or on
    standing.planned_on = row["planned_on"] if target == "accepted" else None if target == "waiting" else standing.planned_on
    if path().states[target].get("frees"):
        standing.ended_on = on
    return []


def of_the_dead(known: Sequence[Standing], reg_insured: pl.DataFrame, as_of: date) -> list[Finding]:
    """VT.7 for each voucher that is still on its way though the person has died: its place could be free."""
    died = reg_insured.filter(pl.col("died_on") <= as_of).select(normal(pl.col("enp")).alias("enp"), "died_on").drop_nulls()
    days = dict(died.group_by("enp").agg(pl.col("died_on").min()).iter_rows())
    ended = ("treated", *(state for state, about in path().states.items() if about.get("ends")))
    plain = {one.voucher: one.enp.replace(" ", "").upper() for one in known}
    return [
        Finding("VT.7", value=one.voucher, params={"died_on": days[plain[one.voucher]], "state": one.state, "mo": one.mo})
        for one in known
        if plain[one.voucher] in days and one.state not in ended
    ]


# ---- stages of the month ---------------------------------------------------------------------------------------------------


def voucher_register(tables: Mapping[str, pl.DataFrame], context: Context) -> dict[str, pl.DataFrame]:
    """Vouchers as control sees them, before the cases are held against them.

    tables   reg_voucher, reg_voucher_event
    returns  vouchers (contract; absent where the register of vouchers is empty: then nothing is held against it) and findings
             VT.1-VT.4 of `standings`
    """
    if tables["reg_voucher"].is_empty():
        return {"findings": findings.empty()}
    known, problems = standings(tables, context.as_of)
    columns = ("voucher", "section", "mo", "group", "created_on", "accepted_on", "ended_on", "state")
    rows = [{"person_key": None, **{name: getattr(one, name) for name in columns}} for one in known]
    schema = contract.TABLES["vouchers"].schema()
    keys = keys_of_enp(pl.Series("enp", [one.enp for one in known], dtype=pl.String), context.secret)
    table = pl.DataFrame(rows, schema=schema).with_columns(person_key=keys)
    return {"vouchers": contract.check("vouchers", table), "findings": findings.frame(problems)}


def voucher_uses(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Which accepted cases of high-tech care have used which voucher: contract table `voucher_uses`, sorted.

    tables   cases, sl, decisions (final)
    """
    accepted = tables["decisions"].filter(pl.col("oplata") != REFUSED).select("case_key")
    cases = tables["cases"].filter(pl.col("file_kind") == VMP_FILES).join(accepted, on="case_key", how="semi")
    named = tables["sl"].filter(pl.col("tal_num").is_not_null())  # one row in hundreds: only these are looked at as texts
    numbers = named.select("case_key", voucher=number(pl.col("tal_num"))).drop_nulls().unique()
    used = (
        cases.select("case_key", "package", "idcase").join(numbers, on="case_key").with_columns(month=pl.lit(str(context.month)))
    )
    return contract.check("voucher_uses", used.sort("voucher", "case_key"))


# ---- terms -----------------------------------------------------------------------------------------------------------------

#: Columns of `terms`; status: overdue | soon | open for what is awaited, late | kept for what was done.
TERMS: Final[dict[str, pl.DataType]] = {
    "voucher": pl.String(), "section": pl.Int64(), "mo": pl.String(), "group": pl.String(), "state": pl.String(),
    "event": pl.String(), "since": pl.Date(), "due": pl.Date(), "done_on": pl.Date(), "days_late": pl.Int64(),
    "status": pl.String(),
}  # fmt: skip
#: The event that the whole path waits for.
WHOLE_PATH: Final = "path"
REFERRAL: Final = "referral"


def terms(known: Iterable[Standing], context: Context) -> pl.DataFrame:
    """Every term of every voucher as of the day of knowledge: columns TERMS, sorted by due day and number.

    days_late are working days after the due day, to the day it was done or to the day of knowledge. A term ends on its n-th
    working day, that day included. The planned day of admission is a term, too, as it stands.
    """
    rows: list[dict[str, Any]] = []
    for one in known:
        waited = [(state, since, left, in_person) for state, since, left, in_person in one.steps]
        for state, since, left, in_person in [*waited, (one.state, one.since, None, one.in_person)]:
            found = _term(one, state, since, in_person, context)
            if found is not None:
                rows.append(_term_row(one, *found, since, left, context.as_of, context))
        rows += _wide_terms(one, context)
    return pl.DataFrame(rows, schema=TERMS).sort("due", "voucher", "event")


def _working(name: str, since: date, context: Context) -> date:
    """The day on which a federal term in working days ends that begins on a day."""
    return law_terms.due(context.law, f"vouchers.{name}", since)


def _term(one: Standing, state: str, since: date, in_person: bool, context: Context) -> tuple[str, date] | None:
    """Which event a voucher in a state waits for, and until when; None where no term runs."""
    wait = path().waits.get((state, one.section))
    if wait is None:
        return None
    if wait["term"] == PLANNED:
        # An admission of the past was planned for a day that a later decision may have moved: only the last one is known.
        return None if one.planned_on is None else (wait["event"], one.planned_on)
    start = (one.referred_on or since) if state == "created" else since
    name = wait["in_person"] if in_person and "in_person" in wait else wait["term"]
    return wait["event"], _working(name, start, context)


def _wide_terms(one: Standing, context: Context) -> list[dict[str, Any]]:
    """The referring commission's term, where its days are known, and the whole path to the clinic's decision."""
    rows = []
    if one.requested_on is not None:
        due = _working("referring_working_days", one.requested_on, context)
        done = one.referred_on or one.created_on
        rows.append(_term_row(one, REFERRAL, due, one.requested_on, done, context.as_of, context))
    due = _working("whole_path_working_days", one.begun_on, context)
    rows.append(_term_row(one, WHOLE_PATH, due, one.begun_on, one.answered_on, context.as_of, context))
    return rows


def _term_row(
    one: Standing, event: str, due: date, since: date, done_on: date | None, as_of: date, context: Context
) -> dict[str, Any]:
    late = working_days_after(due, done_on or as_of, law_terms.decree_days_off(context.law, due))
    if done_on is not None:
        status = "late" if late else "kept"
    elif late:
        status = "overdue"
    else:
        soon = law_terms.due(context.law, "vouchers.due_soon_working_days", as_of)
        status = "soon" if due <= soon else "open"
    return {
        "voucher": one.voucher, "section": one.section, "mo": one.mo, "group": one.group, "state": one.state, "event": event,
        "since": since, "due": due, "done_on": done_on, "days_late": late, "status": status,
    }  # fmt: skip


def working_days_after(due: date, day: date, decree_days_off: bool = True) -> int:
    """Working days after `due` up to `day`, that day included; 0 when it is not later."""
    count, at = 0, due
    while at < day:
        at += timedelta(days=1)
        count += is_working_day(at, decree_days_off)
    return count


# ---- places ----------------------------------------------------------------------------------------------------------------

#: Columns of `quota`: places of a clinic and group in a year; null places: no row of reg_quota.
QUOTA: Final[dict[str, pl.DataType]] = {
    "mo": pl.String(), "group": pl.String(), "year": pl.Int64(), "places": pl.Int64(), "held": pl.Int64(),
    "treated": pl.Int64(), "waiting": pl.Int64(), "freed": pl.Int64(), "free": pl.Int64(),
}  # fmt: skip
#: Columns of `waiting_list`: place in the queue of its clinic and group, and whether a place is free for it now.
WAITING: Final[dict[str, pl.DataType]] = {
    "mo": pl.String(), "group": pl.String(), "place": pl.Int64(), "voucher": pl.String(), "decided_on": pl.Date(),
    "created_on": pl.Date(), "place_is_free": pl.Boolean(),
}  # fmt: skip


def quota(known: Iterable[Standing], reg_quota: pl.DataFrame, year: int, as_of: date) -> tuple[pl.DataFrame, list[Finding]]:
    """Places of a year by clinic and group: set, held (a day of admission is named, or later), of them treated, waiting, freed by
    refused and lapsed vouchers, free.

    Findings VT.5 vouchers hold places where no quota is set, VT.6 more hold a place than there are.
    """
    set_places = _places(reg_quota, year, as_of)
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: {"held": 0, "treated": 0, "waiting": 0, "freed": 0})
    for one in known:
        key = (one.mo, one.group)
        if one.state in HOLD and one.year(as_of) == year:
            counts[key]["held"] += 1
            counts[key]["treated"] += one.state in ("treated", "closed")
        elif one.state == "waiting" and one.year(as_of) == year:
            counts[key]["waiting"] += 1
        elif one.ended_on is not None and one.accepted_on is not None and one.ended_on.year == year:
            counts[key]["freed"] += 1
    rows, problems = [], []
    for mo, group in sorted({*counts, *set_places}):
        row, places = counts[mo, group], set_places.get((mo, group))
        free = None if places is None else places - row["held"]
        rows.append({"mo": mo, "group": group, "year": year, "places": places, **row, "free": free})
        told = {"mo": mo, "group": group, "year": year, "held": row["held"], "places": places}
        if places is None and row["held"]:
            problems.append(Finding("VT.5", value=mo, params=told))
        elif free is not None and free < 0:
            problems.append(Finding("VT.6", value=mo, params=told))
    return pl.DataFrame(rows, schema=QUOTA), problems


def _places(reg_quota: pl.DataFrame, year: int, as_of: date) -> dict[tuple[str, str], int]:
    """(clinic, group) -> places of the year by the latest decision known; of two of one day the larger."""
    rows = reg_quota.filter((pl.col("year") == year) & (pl.col("since") <= as_of)).sort("mo", "group", "since", "places")
    return {(mo, group): places for mo, group, places in rows.select("mo", "group", "places").iter_rows()}


def waiting_list(known: Iterable[Standing], reg_quota: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Who waits for a place, in the order in which places are given: columns WAITING, sorted by clinic, group and place.

    The order is that of the clinic's decision, then of creation, then of number; when a voucher is refused or lapses, the first
    who waits has a free place.
    """
    listed = list(known)
    free = {
        (row["mo"], row["group"]): row["free"] or 0 for row in quota(listed, reg_quota, as_of.year, as_of)[0].to_dicts()
    }  # fmt: skip
    queue: dict[tuple[str, str], list[Standing]] = defaultdict(list)
    for one in sorted(listed, key=lambda one: (one.decided_on or date.max, one.created_on, one.voucher)):
        if one.state == "waiting":
            queue[one.mo, one.group].append(one)
    rows = [
        {"mo": mo, "group": group, "place": place, "voucher": one.voucher, "decided_on": one.decided_on,
         "created_on": one.created_on, "place_is_free": place <= free.get((mo, group), 0)}
        for (mo, group), waiting in sorted(queue.items()) for place, one in enumerate(waiting, 1)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=WAITING)
