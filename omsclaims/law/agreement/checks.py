"""What of a loaded agreement will show as findings of cases, and where does it depart from federal lists? (law.md 8.3)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Final

import polars as pl

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.law import ParameterError, Parameters
from omsclaims.law.agreement.model import Agreement, Problem
from omsclaims.law.agreement.percapita import partition_on
from omsclaims.law.agreement.rows import FILES, MAIN_FILE, SECTIONS, SETTINGS, key_text, spec_of
from omsclaims.law.rules import capitation_rules, norm_rules
from omsclaims.periods import Month

ONE: Final = 10**5


def notes_of(tables: Mapping[str, pl.DataFrame]) -> list[Problem]:
    """Clinics whose level or place has no coefficient: their cases will be findings."""
    notes: list[Problem] = []
    levelled = set(tables["levels"].select("level", "setting").iter_rows())
    placed = set(tables["places"]["place"])
    for row in tables["clinics"].iter_rows(named=True):
        file, line = str(row["source"]).split(":")
        if row["setting"] in SETTINGS and row["level"] is not None and (row["level"], row["setting"]) not in levelled:
            notes.append(Problem(file, int(line), "level", "no_level", (("setting", row["setting"]), ("value", row["level"]))))
        if row["place"] not in placed:
            notes.append(Problem(file, int(line), "place", "no_place", (("value", row["place"]),)))
    return sorted(set(notes))


def against_law(agreement: Agreement, law: Parameters) -> tuple[Problem, ...]:
    """Where the agreement departs from the federal lists in force on the row's first day (law.md 4.3, 7.3, 8.2-8.5).

    It stops no run: the agreement is the commission's. A list that no edition of is known for the day says nothing.
    """
    found = [
        *_groups(agreement, law), *_complexity(agreement, law), *_results(agreement, law), *_old_people(agreement, law),
        *_places(agreement, law), *_partition(agreement, law), *_sex_age(agreement, law),
    ]  # fmt: skip
    return tuple(sorted(set(found)))


def _doubt(row: Mapping[str, Any], column: str, code: str, **params: object) -> Problem:
    """A departure of a row, at its file and line."""
    file, line = str(row["source"]).split(":")
    return Problem(file, int(line), column, code, tuple(sorted((name, str(value)) for name, value in params.items())))


def _groups(agreement: Agreement, law: Parameters) -> Iterator[Problem]:
    """КСГ: specificities that the lists do not allow, level, surgery, best length of stay that depart from the lists."""
    flags = {"uses_level": ("without_level", False), "surgical": ("surgical", True)}
    flags["optimal_short_stay"] = ("optimal_short_stay", True)
    lists: dict[tuple[str, date], frozenset[Any]] = {}

    def listed(name: str, on: date) -> frozenset[Any]:
        if (name, on) not in lists:
            lists[name, on] = frozenset(_known(law, f"tariffs.{name}", on) or ())
        return lists[name, on]

    for row in agreement.table("ksg").iter_rows(named=True):
        on, code = row["valid_from"], row["code"]
        specificity = row["specificity5"] if row["uses_specificity"] else ONE
        profile = str(code).split(".", maxsplit=1)[0]
        rules = (
            ("specificity_is_one", profile, specificity != ONE),
            ("specificity_not_lowered", code, specificity < ONE),
            ("specificity_not_raised", code, specificity > ONE),
        )
        for name, member, departs in rules:
            if departs and member in listed(name, on):
                yield _doubt(row, "specificity", name, value=code)
        for column, (name, when_listed) in flags.items():
            codes = listed(name, on)
            if codes and row[column] != ((code in codes) == when_listed):
                yield _doubt(row, column, "flag_departs", value=code, found=int(row[column]), list=f"tariffs.{name}")


def _complexity(agreement: Agreement, law: Parameters) -> Iterator[Problem]:
    """КСЛП: values other than those known, drug therapy that the territorial coefficient touches."""
    for row in agreement.table("kslp").iter_rows(named=True):
        values = _known(law, "tariffs.kslp_values", row["valid_from"]) or {}
        known = {str(code): value for code, value in values.items()}.get(row["idsl"])
        if known is not None and Fraction(known) != Fraction(row["value5"], ONE):
            yield _doubt(row, "value", "kslp_departs", value=row["idsl"], known=known)
        plain = _known(law, "tariffs.kslp_without_territorial", row["valid_from"]) or ()
        if row["uses_territorial"] and row["idsl"] in {str(code) for code in plain}:
            yield _doubt(row, "uses_territorial", "kslp_territorial", value=row["idsl"])


def _results(agreement: Agreement, law: Parameters) -> Iterator[Problem]:
    """Interrupted cases: a result that is another reason than the federal one."""
    for row in agreement.table("interrupted_results").iter_rows(named=True):
        known = (_known(law, "tariffs.interrupted_results", row["valid_from"]) or {}).get(row["rslt"])
        if known is not None and known != row["reason"]:
            yield _doubt(row, "reason", "reason_departs", value=row["rslt"], known=known)


def _old_people(agreement: Agreement, law: Parameters) -> Iterator[Problem]:
    """Relative coefficients of old people below the floor, where the agreement says that it holds for clinics (law.md 4.3)."""
    for row in agreement.table("relative_coefficients").iter_rows(named=True):
        floor = norm_rules(law, row["valid_from"]).floor
        if floor is None or row["kind"] != "outpatient" or not agreement.head.norms.floor_for("clinics"):
            continue
        try:
            groups, _ = partition_on(agreement, law, row["valid_from"])
        except (ParameterError, ValueError):
            continue  # told by itself
        begins = {group.code: group.age_from for group in groups.groups}
        if begins.get(row["group"], 0) >= floor.from_age and Fraction(row["coefficient5"], ONE) < floor.least:
            yield _doubt(row, "coefficient", "below_floor", value=row["group"], least=float(floor.least))


def _sex_age(agreement: Agreement, law: Parameters) -> Iterator[Problem]:
    """Coefficients of groups that the partition of their day does not have, and groups of it without a relative coefficient."""
    groups: dict[date, list[str]] = {}

    def codes(on: date) -> list[str]:
        if on not in groups:
            try:
                groups[on] = [group.code for group in partition_on(agreement, law, on)[0].groups]
            except (ParameterError, ValueError):
                groups[on] = []  # told by itself
        return groups[on]

    for name in ("relative_coefficients", "financing"):
        for row in agreement.table(name).iter_rows(named=True):
            known = codes(row["valid_from"])
            if known and row["group"] not in known:
                yield _doubt(row, "group", "group_unknown", value=row["group"], known=", ".join(known))
    for (_, on), rows in agreement.table("relative_coefficients").group_by("kind", "valid_from", maintain_order=True):
        for code in codes(on):
            if code not in set(rows["group"]) and not _holds_before(agreement, rows["kind"][0], code, on):
                yield _doubt(rows.row(-1, named=True), "group", "group_missing", value=code)


def _holds_before(agreement: Agreement, kind: str, group: str, on: date) -> bool:
    """Whether an earlier row of a relative coefficient still holds on a day on which others begin."""
    rows = agreement.table("relative_coefficients").filter((pl.col("kind") == kind) & (pl.col("group") == group))
    return bool(((rows["valid_from"] <= on) & (rows["valid_to"] >= on)).any())


def _places(agreement: Agreement, law: Parameters) -> Iterator[Problem]:
    """Coefficients of small places below the least ones of their size (law.md 7.3)."""
    for row in agreement.table("capitation_parts").iter_rows(named=True):
        least = next((p for p in capitation_rules(law, row["valid_from"]).places if row["residents"] <= p.to), None)
        if least and row["coefficient5"] is not None and Fraction(row["coefficient5"], ONE) < least.least:
            yield _doubt(row, "coefficient", "place_below_least", value=row["place"], least=float(least.least))


def _partition(agreement: Agreement, law: Parameters) -> Iterator[Problem]:
    """A partition that the financing names and that there is not on the first day of the agreement."""
    options = agreement.head.financing
    try:
        partition_on(agreement, law, agreement.head.valid_from)
    except (ParameterError, ValueError) as error:
        if options is not None:
            params = (("reason", str(error)), ("value", options.partition))
            yield Problem(MAIN_FILE, 1, "financing.partition", "partition_unknown", params)


def _known(law: Parameters, name: str, on: date) -> Any:
    """A federal value on a day; None where no edition is known for it."""
    try:
        return law.value(name, on)
    except ParameterError:
        return None


def coverage(agreement: Agreement, first: date, last: date) -> tuple[Problem, ...]:
    """Days of a time on which the agreement, or a key of one of its tables, does not hold, though it does on others.

    `stops`: the agreement itself; `key_stops`: rows of a key begin late, end early, or leave days between them. A key without any
    row is no matter of this: whoever needs it finds out.
    """
    head = agreement.head
    found = []
    if first < head.valid_from or last > head.valid_to:
        params = (("from", str(head.valid_from)), ("to", str(head.valid_to)))
        found.append(Problem(MAIN_FILE, 1, "valid_to", "stops", params))
    first, last = max(first, head.valid_from), min(last, head.valid_to)
    for name in (*SECTIONS, *FILES) if first <= last else ():
        found += _stopping(agreement, name, first, last)
    return tuple(sorted(set(found)))


def _stopping(agreement: Agreement, name: str, first: date, last: date) -> list[Problem]:
    """Keys of a table whose rows do not hold on each day of a time; at the last of their rows."""
    spec = spec_of(name)
    keys = [*spec.keys, *(column for pair in spec.ranges for column in pair)]
    table = agreement.table(name)
    partly = table.filter((pl.col("valid_from") > first) | (pl.col("valid_to") < last))
    if partly.is_empty():
        return []
    asked = table.join(partly.select(keys).unique(), on=keys, how="semi", nulls_equal=True) if keys else table
    found = []
    for rows in asked.sort("valid_from", maintain_order=True).partition_by(keys, maintain_order=True) if keys else [asked]:
        missing, day = [], first
        for begin, end in rows.sort("valid_from").select("valid_from", "valid_to").iter_rows():
            if begin > day:
                missing.append((day, min(begin - timedelta(days=1), last)))
            day = max(day, end + timedelta(days=1))
            if day > last:
                break
        if day <= last:
            missing.append((day, last))
        for begin, end in missing:
            if begin <= end:
                row = rows.row(-1, named=True)
                found.append(_doubt(row, "valid_to", "key_stops", value=key_text(spec, row) or name, begin=begin, end=end))
    return found


def month_findings(agreement: Agreement, month: Month) -> pl.DataFrame:
    """A.1 the agreement does not hold on all days of a month, A.2 a key of a table does not: rows of `findings.SCHEMA`."""
    rules = {"stops": "A.1", "key_stops": "A.2"}
    found = []
    for problem in coverage(agreement, month.first, month.last):
        params = {**dict(problem.params), "month": str(month), "place": f"{problem.file}:{problem.line}"}
        value = params.get("value", agreement.title)
        found.append(Finding(rules[problem.code], element=problem.column, value=value, line=problem.line, params=params))
    return findings.frame(found)
