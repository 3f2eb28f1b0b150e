"""What of a loaded agreement will show as findings of cases, and where does it depart from federal lists? (law.md 8.3)"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from omsclaims.law import ParameterError, Parameters
from omsclaims.law.agreement.model import Agreement, Problem
from omsclaims.law.agreement.rows import SETTINGS


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
    """Specificities that the federal lists in force on the row's first day do not allow (law.md 8.3); they do not stop a run."""
    found = []
    for row in agreement.table("ksg").iter_rows(named=True):
        specificity = row["specificity5"] if row["uses_specificity"] else 10**5
        profile = str(row["code"]).split(".", maxsplit=1)[0]
        rules = (
            ("specificity_is_one", profile, specificity != 10**5),
            ("specificity_not_lowered", row["code"], specificity < 10**5),
            ("specificity_not_raised", row["code"], specificity > 10**5),
        )
        for name, listed, departs in rules:
            if departs and listed in _listed(law, f"tariffs.{name}", row["valid_from"]):
                file, line = str(row["source"]).split(":")
                found.append(Problem(file, int(line), "specificity", name, (("value", row["code"]),)))
    return tuple(sorted(found))


def _listed(law: Parameters, name: str, on: date) -> tuple[str, ...]:
    """Codes of a federal list on a day; none before the first edition that is known."""
    try:
        return tuple(law.value(name, on))
    except ParameterError:
        return ()
