"""What is wrong with the cases of a registry or a month? Medical-economic control (МЭК) in passes (order 231n; checks.md 2.4).

`checks` only finds; `settlement` decides. Passes in their order: `registry` (one package alone), `person` (the register of
insured), `case` (price and licence), `patient` (a person's cases of the month), `history` (accepted cases of earlier months),
`volumes` (the plan of the commission). Rules are declared in
`control/<group>.yaml`, their predicates lie in `control/<group>.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from omsclaims import messages
from omsclaims.checks import rules
from omsclaims.checks.catalogue import PASSES as PASSES
from omsclaims.checks.catalogue import Rule, of_pass
from omsclaims.checks.control import books
from omsclaims.checks.frames import View
from omsclaims.checks.rules import EXPRESSIONS, Run
from omsclaims.nsi import Books

if TYPE_CHECKING:
    from omsclaims.context import Context

#: Rules after which the whole package goes back to its sender.
REFUSES_PACKAGE: Final = frozenset({"C084", "C085"})


class Execution(NamedTuple):
    """Whether a rule was executed, and if not, or not for all, why: a key that `reason_text` puts into words."""

    rule: str
    executed: bool
    reason: str


def check_registry(tables: Mapping[str, pl.DataFrame], books: Books, as_of: date) -> pl.DataFrame:
    """Findings of the pass `registry` on one package, as the reader gives its tables.

    tables  canonical tables of the main file and of the file of persons; `_row`, `_parent` within the package
    as_of   day of knowledge: no file comes from after it

    Returns findings: z_row is `_row` of z_sl, sl_row that of sl.
    """
    run = Run(View(tables), books, as_of, "registry")
    return _run(run, "registry", frozenset())


def run_pass(name: str, tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Findings of one pass on the tables of a month (contract).

    tables  canonical tables with `package`; for later passes identified, priced_sl, priced, reg_*, history, refused as well.
            A rule whose table is absent is not executed: `executed` says so.

    Returns findings: z_row is case_key.
    """
    return _run(_month_run(name, tables, context), name, disabled_rules(context))


def executed(name: str, tables: Mapping[str, pl.DataFrame], context: Context) -> list[Execution]:
    """Every rule of a pass: executed or not, and why not; a protocol never hides a rule that was not executed."""
    return _executions(_month_run(name, tables, context), name, disabled_rules(context))


def executed_registry(tables: Mapping[str, pl.DataFrame], books: Books) -> list[Execution]:
    """As `executed`, for one package without a workspace."""
    return _executions(Run(View(tables), books, date.max, "registry"), "registry", frozenset())


def reason_text(reason: str, lang: str) -> str:
    """The reason of an Execution in words; empty for a rule that was executed in full."""
    key, _, what = reason.partition(":")
    return messages.text(f"checks.not_executed.{key}", lang, what=what) if key else ""


def disabled_rules(context: Context) -> frozenset[str]:
    """Rules that the agreement of the region switches off."""
    agreement = context.agreement
    clauses = getattr(getattr(agreement, "head", None), "control", None)
    return frozenset(getattr(agreement, "disabled_rules", None) or getattr(clauses, "disabled_rules", None) or ())


# ---------------------------------------------------------------- inside


def _month_run(name: str, tables: Mapping[str, pl.DataFrame], context: Context) -> Run:
    clauses = getattr(getattr(context.agreement, "head", None), "control", None)
    return Run(
        View(tables), context.books, context.as_of, name, territory=context.territory, month=str(context.month),
        planned_kinds=frozenset(context.agreement.planned_kinds),
        letters=getattr(clauses, "first_stage_exam_letters", None),
    )  # fmt: skip


def _reason(rule: Rule, run: Run, disabled: frozenset[str]) -> str:
    """Why a rule is not executed; empty when it is."""
    if not rule.enabled:
        return "off"
    if rule.id in disabled:
        return "agreement"
    missing = [name for name in rule.books if books.whole_book(run.books, name) is None]
    if missing:
        return f"book:{', '.join(missing)}"
    wanted = [*rule.tables, *(["history"] if run.against_history else [])]
    absent = [name for name in wanted if not run.view.has(name)]
    return f"table:{', '.join(absent)}" if absent else ""


def _executions(run: Run, name: str, disabled: frozenset[str]) -> list[Execution]:
    found = []
    for rule in of_pass(name):
        reason = _reason(rule, run, disabled)
        executed = not reason
        if executed and rule.id == "C220":
            missing = books.books_missing(rule, run.books, run.view)
            reason = f"in_part:{', '.join(missing)}" if missing else ""
        found.append(Execution(rule.id, executed, reason))
    return found


def _run(run: Run, name: str, disabled: frozenset[str]) -> pl.DataFrame:
    """All rules of a pass that can be executed: expressions level by level, then the functions over tables."""
    chosen = [rule for rule in of_pass(name) if not _reason(rule, run, disabled)]
    run.active.update({rule.id: rule for rule in chosen})
    found = []
    for level in ("file", "case", "sl", "usl"):
        of_level = [rule for rule in chosen if rule.id in EXPRESSIONS and rule.level == level]
        found += rules.evaluate(run, level, of_level)
    found += rules.evaluate_tables(run, [rule for rule in chosen if rule.id not in EXPRESSIONS])
    return rules.all_findings(run, found)
