"""What is wrong with the cases of a registry or a month? Medical-economic control (МЭК) in passes (order 231n; checks.md 2.4).

`checks` only finds; `settlement` decides. Passes in their order: `registry` (one package alone), `person` (the register of
insured), `case` (price and licence), `patient` (a person's cases of the month), `history` (accepted cases of earlier months),
`volumes` (the plan of the commission). Cascades come last in their pass: what was refused takes its lines along. Rules are
declared in `control/<group>.yaml`, their predicates lie in `control/<group>.py`; `switches` says what the agreement has off.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from omsclaims import findings, messages
from omsclaims.checks import catalogue, regional, rules
from omsclaims.checks.catalogue import PASSES as PASSES
from omsclaims.checks.catalogue import CatalogueError, Rule, of_pass
from omsclaims.checks.control import books
from omsclaims.checks.frames import View as View
from omsclaims.checks.rules import EXPRESSIONS, Run
from omsclaims.checks.switches import ALL_ON, Switches, of_context, switches
from omsclaims.nsi import Books
from omsclaims.periods import Month

if TYPE_CHECKING:
    from omsclaims.context import Context
    from omsclaims.law.agreement import Control

#: Rules after which the whole package goes back to its sender.
REFUSES_PACKAGE: Final = frozenset({"C084", "C085"})


class Execution(NamedTuple):
    """Whether a rule was executed, and if not, or not for all, why: a key that `reason_text` puts into words."""

    rule: str
    executed: bool
    reason: str


def rule_problem(rule: str, name: str | None, value: object) -> str:
    """What is wrong with a rule that an agreement names, and with a parameter of it: unknown_rule, unknown_parameter,
    parameter_form (the value is not of the form that the catalogue has), or nothing."""
    declared = catalogue.rules().get(rule)
    if declared is None:
        return "unknown_rule"
    if name is None:
        return ""
    if name not in declared.parameters.by_name:
        return "unknown_parameter"
    try:
        catalogue.shaped(value, declared.parameters.latest(name))
    except CatalogueError:
        return "parameter_form"
    return ""


def check_registry(
    tables: Mapping[str, pl.DataFrame], books: Books, as_of: date, control: Control | None = None
) -> pl.DataFrame:  # fmt: skip
    """Findings of the pass `registry` on one package, as the reader gives its tables, or on several together.

    tables   canonical tables of the main file and of the file of persons; `_row`, `_parent` within the package. Of several
             packages of one month: `registry.bundle.Bundle`
    as_of    day of knowledge: no file comes from after it
    control  options of control of the region's agreement, None: those of the catalogue

    Returns findings: z_row is `_row` of z_sl, sl_row that of sl.
    """
    return _run(Run(View(tables), books, as_of, "registry"), "registry", package_switches(tables, control))


def package_switches(tables: Mapping[str, pl.DataFrame], control: Control | None) -> Switches:
    """The switches of an agreement in the reporting month of one package; none where the month cannot be read."""
    header = tables.get("file")
    if control is None or header is None or not header.height:
        return ALL_ON
    try:
        month = Month(int(header["year"][0]), int(header["month"][0]))
    except (TypeError, ValueError):
        return ALL_ON
    return switches(control.disabled_rules, control.enabled_rules, month, control.rule_parameters)


def run_pass(
    name: str, tables: Mapping[str, pl.DataFrame], context: Context, view: View | None = None
) -> pl.DataFrame:  # fmt: skip
    """Findings of one pass on the tables of a month (contract).

    tables  canonical tables with `package`; for later passes identified, priced_sl, priced, reg_*, history, refused as well.
            A rule whose table is absent is not executed: `executed` says so.
    view    the frames over these tables, where several passes share them

    Returns findings: z_row is case_key.
    """
    return _run(_month_run(name, View(tables) if view is None else view, context), name, of_context(context))


def switched(found: pl.DataFrame, tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Findings made at intake without those of rules that the agreement of the month switches off (it may be newer)."""
    return _without_switched_off(View(tables), found, of_context(context))


def executed(name: str, tables: Mapping[str, pl.DataFrame], context: Context) -> list[Execution]:
    """Every rule of a pass: executed or not, and why not; a protocol never hides a rule that was not executed."""
    return _executions(_month_run(name, View(tables), context), name, of_context(context))


def executed_registry(tables: Mapping[str, pl.DataFrame], books: Books, control: Control | None = None) -> list[Execution]:
    """As `executed`, for one package without a workspace."""
    return _executions(Run(View(tables), books, date.max, "registry"), "registry", package_switches(tables, control))


def reason_text(reason: str, lang: str) -> str:
    """The reasons of an Execution in words; empty for a rule that was executed in full."""
    said = [part.partition(":") for part in reason.split("|") if part]
    return "; ".join(messages.text(f"checks.not_executed.{key}", lang, what=what) for key, _, what in said)


# ---------------------------------------------------------------- inside


def _month_run(name: str, view: View, context: Context) -> Run:
    return Run(
        view, context.books, context.as_of, name, territory=context.territory, month=str(context.month),
        planned_kinds=frozenset(context.agreement.planned_kinds),
        letters=context.agreement.head.control.first_stage_exam_letters,
    )  # fmt: skip


def _reason(rule: Rule, run: Run, switched: Switches) -> str:
    """Why a rule is not executed; empty when it is."""
    off = switched.why_off(rule)
    if off:
        return off
    missing = [name for name in rule.books if books.whole_book(run.books, name) is None]
    if missing:
        return f"book:{', '.join(missing)}"
    lacking = [f"{name} ({', '.join(columns)})" for name, columns in _columns_missing(rule, run.books)]
    if lacking:
        return f"columns:{'; '.join(lacking)}"
    wanted = [*rule.tables, *(["history"] if run.against_history else [])]
    absent = [name for name in wanted if not run.view.has(name)]
    if absent:
        return f"table:{', '.join(absent)}"
    return rules.NEEDS[rule.id](run, switched.applied(rule)) if rule.id in rules.NEEDS else ""


def _columns_missing(rule: Rule, chosen: Books) -> list[tuple[str, tuple[str, ...]]]:
    """Books of a rule that lack columns which it needs, with those columns."""
    found = []
    for name in rule.books:
        book = chosen.require(name)
        lacking = (
            *regional.columns_missing(book),
            *(one for one in rule.attributes.get(name, ()) if one not in book.rows.columns),
        )
        if lacking:
            found.append((name, lacking))
    return found


def _executions(run: Run, name: str, switched: Switches) -> list[Execution]:
    found = []
    for rule in of_pass(name):
        reason = _reason(rule, run, switched)
        executed = not reason
        if executed:
            missing = books.books_missing(rule, run.books, run.view) if rule.id == "C220" else ()
            parts = [f"in_part:{', '.join(missing)}"] if missing else []
            reason = "|".join([*parts, *([switched.in_part(rule)] if switched.in_part(rule) else [])])
        found.append(Execution(rule.id, executed, reason))
    return found


def _run(run: Run, name: str, switched: Switches) -> pl.DataFrame:
    """All rules of a pass that can be executed: expressions level by level, functions over tables, then the cascades."""
    chosen = [switched.applied(rule) for rule in of_pass(name) if not rule.found_by and not _reason(rule, run, switched)]
    run.active.update({rule.id: rule for rule in chosen})
    found = []
    for level in ("file", "case", "sl", "usl"):
        of_level = [rule for rule in chosen if rule.id in EXPRESSIONS and rule.level == level]
        found += rules.evaluate(run, level, of_level)
    found += rules.evaluate_tables(run, [rule for rule in chosen if rule.id not in EXPRESSIONS and not rule.cascade])
    whole = _without_switched_off(run.view, rules.all_findings(run, found), switched)
    for kind in catalogue.CASCADES:
        of_kind = [rule for rule in chosen if rule.cascade == kind]
        if of_kind:
            rules.note_refused(run, whole)
            along = rules.all_findings(run, rules.evaluate_tables(run, of_kind))
            whole = findings.concat([whole, _without_switched_off(run.view, along, switched)])
    return whole


def _without_switched_off(view: View, found: pl.DataFrame, switched: Switches) -> pl.DataFrame:
    """Findings without those of rules that do not run for the clinic of their package."""
    if not found.height or switched == ALL_ON:
        return found
    clinics = view.files.select("package", pl.col("code_mo").alias("@mo"))
    placed = found.join(clinics, on="package", how="left", maintain_order="left")
    return switched.kept(placed, "rule", "@mo").drop("@mo")
