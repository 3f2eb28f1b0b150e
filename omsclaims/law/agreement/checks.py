"""What of a loaded agreement will show as findings of cases, and where does it depart from federal lists? (law.md 8.3)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import Any, Final

import polars as pl

from omsclaims.law import ParameterError, Parameters
from omsclaims.law.agreement.model import Agreement, Problem
from omsclaims.law.agreement.percapita import partition_on
from omsclaims.law.agreement.rows import SETTINGS
from omsclaims.law.rules import capitation_rules, norm_rules

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
        *_places(agreement, law),
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


def _places(agreement: Agreement, law: Parameters) -> Iterator[Problem]:
    """Coefficients of small places below the least ones of their size (law.md 7.3)."""
    for row in agreement.table("capitation_parts").iter_rows(named=True):
        least = next((p for p in capitation_rules(law, row["valid_from"]).places if row["residents"] <= p.to), None)
        if least and row["coefficient5"] is not None and Fraction(row["coefficient5"], ONE) < least.least:
            yield _doubt(row, "coefficient", "place_below_least", value=row["place"], least=float(least.least))


def _known(law: Parameters, name: str, on: date) -> Any:
    """A federal value on a day; None where no edition is known for it."""
    try:
        return law.value(name, on)
    except ParameterError:
        return None
