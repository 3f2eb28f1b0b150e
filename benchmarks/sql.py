"""Duplicates and overlaps as a good SQL script would find them: DuckDB over the same tables, beside the rules of control.

The rival is written as plainly and as fast as SQL allows: window functions for duplicates, joins on the person with a condition
on days for overlaps, semi joins instead of lists of pairs, all in one connection with both cores. Ours are the predicates of the
catalogue over the same canonical tables, frames included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb
import polars as pl

from omsclaims.checks import catalogue, rules
from omsclaims.checks.control import duplicates
from omsclaims.checks.frames import View
from omsclaims.checks.rules import Run
from omsclaims.context import Context

#: Rule and pass, as named in results.
RULES: Final = ("C135", "C136", "C138", "C139", "C140", "C138 history", "C139 history", "C140 history")


def ours(tables: Mapping[str, pl.DataFrame], context: Context) -> dict[str, frozenset[int]]:
    """Rows (sl for C135 and C136, z_sl for overlaps) that break each rule, by the predicates of control."""
    assert duplicates, "registers the predicates"
    found: dict[str, frozenset[int]] = {}
    view = View(tables)
    of_catalogue = catalogue.rules()
    for stage, wanted in (("patient", ("C135", "C138", "C139", "C140")), ("history", ("C136", "C138", "C139", "C140"))):
        run = Run(view, context.books, context.as_of, stage, month=str(context.month))
        run.active.update({rule: of_catalogue[rule] for rule in wanted})
        for rule in wanted:
            rows = rules.TABLES[rule](run, of_catalogue[rule])
            assert isinstance(rows, pl.DataFrame)
            name = f"{rule} history" if stage == "history" and rule != "C136" else rule
            found[name] = frozenset(rows["sl_row" if rule in ("C135", "C136") else "z_row"].to_list())
    return found


class Rival:
    """The tables handed to DuckDB once; `found` runs all rules."""

    def __init__(self, tables: Mapping[str, pl.DataFrame], history: Sequence[str]) -> None:
        self.connection = duckdb.connect()
        for name in ("z_sl", "zap", "patient", "file", "sl", "usl", "cases", "identified"):
            self.connection.register(name, tables[name].to_arrow())
        self.history = list(history)

    def found(self) -> dict[str, frozenset[int]]:
        """As `ours`."""
        run = self.connection.execute
        run("CREATE OR REPLACE TEMP TABLE people AS " + _PEOPLE)
        run("CREATE OR REPLACE TEMP TABLE subs AS " + _SUBS, _lists("C135", "kinds", "other_conditions", "other_profiles"))
        run("CREATE OR REPLACE TEMP TABLE twice AS " + _TWICE)
        run("CREATE OR REPLACE TEMP TABLE asking AS " + _ASKING, _lists("C140", "kinds", "conditions"))
        lawful = _lists("C140", "other_profiles", "other_services")
        run("CREATE OR REPLACE TEMP TABLE services AS " + _SERVICES, lawful)
        run("CREATE OR REPLACE TEMP VIEW history AS SELECT * FROM read_parquet([" + self._paths() + "])")
        run("CREATE OR REPLACE TEMP TABLE before AS " + _BEFORE)
        queries = {
            "C135": "SELECT sl_row FROM twice",
            "C136": _PAID_BEFORE,
            "C138": _TWO_HOSPITALS,
            "C139": _overlap("usl_ok = 2", "SELECT person_key, d1, d2 FROM people WHERE usl_ok = 1 AND d1 <= d2"),
            "C140": _outside("SELECT person_key, d1, d2 FROM people WHERE usl_ok = 1 AND d1 <= d2"),
            "C138 history": _overlap("usl_ok = 1", "SELECT person_key, d1, d2 FROM before WHERE usl_ok = 1"),
            "C139 history": _overlap("usl_ok = 2", "SELECT person_key, d1, d2 FROM before WHERE usl_ok = 1")
            + " UNION " + _overlap("usl_ok = 1", "SELECT person_key, d1, d2 FROM before WHERE usl_ok = 2"),
            "C140 history": _outside("SELECT person_key, d1, d2 FROM before WHERE usl_ok = 1"),
        }  # fmt: skip
        answers: dict[str, frozenset[int]] = {}
        for rule, query in queries.items():
            parameters = [list(catalogue.rules()["C136"].kinds)] if rule == "C136" else []
            answers[rule] = frozenset(row[0] for row in run(query, parameters).fetchall())
        return answers

    def _paths(self) -> str:
        return ", ".join("'" + path.replace("'", "''") + "'" for path in self.history)


def _lists(rule_id: str, *names: str) -> list[Any]:
    rule = catalogue.rules()[rule_id]
    return [list(rule.kinds) if name == "kinds" else list(rule.parameters.latest(name)) for name in names]


#: Cases of known persons, newborns left out, with their order.
_PEOPLE: Final = """
SELECT c.case_key, i.person_key, c.package, c.idcase, c.file_kind, c.usl_ok, c.date_z_1 AS d1, c.date_z_2 AS d2, c.npr_mo, z.vbr,
       row_number() OVER (ORDER BY c.data, c.package, c.n_zap, c.idcase, c.case_key) AS place
FROM cases c JOIN identified i USING (case_key) JOIN z_sl z ON z._row = c.case_key
WHERE i.status IN ('own', 'other') AND i.person_key IS NOT NULL AND c.novor = '0'
"""
_SUBS: Final = """
SELECT s._row AS sl_row, p.case_key, p.person_key, p.place, s.date_1, s.date_2, p.usl_ok, s.prvs, s.profil
FROM sl s JOIN people p USING (case_key)
WHERE list_contains(?, p.file_kind) AND NOT list_contains(?, p.usl_ok) AND NOT list_contains(?, s.profil)
  AND s.date_1 IS NOT NULL AND s.date_2 IS NOT NULL AND p.usl_ok IS NOT NULL AND s.prvs IS NOT NULL AND s.profil IS NOT NULL
"""
_TWICE: Final = """
SELECT sl_row, case_key FROM subs
QUALIFY row_number() OVER (PARTITION BY person_key, date_1, date_2, usl_ok, prvs, profil ORDER BY place, sl_row) > 1
"""
_PAID_BEFORE: Final = """
SELECT s.sl_row FROM subs s SEMI JOIN (SELECT * FROM history WHERE novor = '0' AND list_contains(?, file_kind)) h
  USING (person_key, date_1, date_2, usl_ok, prvs, profil)
"""
_BEFORE: Final = """
SELECT person_key, usl_ok, min(date_1) AS d1, max(date_2) AS d2
FROM history WHERE novor = '0' AND usl_ok IN (1, 2) AND person_key IN (SELECT person_key FROM people)
GROUP BY person_key, usl_ok, package, idcase HAVING d1 IS NOT NULL AND d2 IS NOT NULL
"""
_TWO_HOSPITALS: Final = """
WITH stays AS (
  SELECT case_key, person_key, d1, d2, place FROM people
  WHERE usl_ok = 1 AND d1 <= d2 AND case_key NOT IN (SELECT case_key FROM twice)
)
SELECT DISTINCT a.case_key FROM stays a JOIN stays b
  ON a.person_key = b.person_key AND b.d1 <= a.d2 - 1 AND a.d1 + 1 <= b.d2
    AND (b.d1 < a.d1 OR (b.d1 = a.d1 AND b.place < a.place))
"""
_ASKING: Final = """
SELECT case_key, person_key FROM people
WHERE list_contains(?, file_kind) AND list_contains(?, usl_ok) AND npr_mo IS NULL AND vbr IS DISTINCT FROM 1
"""
_SERVICES: Final = """
SELECT u.case_key, a.person_key, u.date_in FROM usl u JOIN asking a USING (case_key)
WHERE u.date_in IS NOT NULL AND NOT coalesce(list_contains(?, u.profil), false)
  AND NOT list_bool_or(list_transform(?, lambda x: coalesce(u.code_usl = x OR starts_with(u.code_usl, x || '.'), false)
                                             OR coalesce(u.vid_vme = x OR starts_with(u.vid_vme, x || '.'), false)))
"""


def _overlap(which: str, stays: str) -> str:
    return (
        f"SELECT DISTINCT a.case_key FROM people a JOIN ({stays}) b ON a.person_key = b.person_key "
        f"AND b.d1 <= a.d2 - 1 AND a.d1 + 1 <= b.d2 WHERE a.{which} AND a.d1 <= a.d2"
    )


def _outside(stays: str) -> str:
    return (
        f"SELECT DISTINCT a.case_key FROM services a JOIN ({stays}) b ON a.person_key = b.person_key "
        "AND b.d1 <= a.date_in - 1 AND a.date_in + 1 <= b.d2"
    )
