"""Which rules of control are off, and for whom? The agreement of a region switches rules off and on, for all or for some clinics.

`control.disabled_rules` and `control.enabled_rules` of agreement.yaml are lists of (rule, clinics or none for all, since, until,
why); `control.rule_parameters` are values that the region sets for parameters of rules, by date of care. A switch is in force
for a package when the last day of its reporting month lies in since..until: a package is checked as a whole, by one set of
rules. What is off anywhere is said by `executed`: a protocol hides nothing (order 231n, checks.md 2.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Protocol

import polars as pl

from omsclaims.checks.catalogue import Dated, Rule, rules, shaped
from omsclaims.periods import Month

if TYPE_CHECKING:
    from omsclaims.context import Context
    from omsclaims.law.agreement import RuleParameter


class Switch(Protocol):
    """One entry of the agreement's lists (omsclaims.law.agreement.RuleSwitch)."""

    @property
    def rule(self) -> str:
        """Id of the rule."""

    @property
    def mo(self) -> tuple[str, ...]:
        """Clinics; empty for all."""

    def holds(self, day: date) -> bool:
        """Whether the switch is in force."""


@dataclass(frozen=True)
class Switches:
    """What the agreement says of rules in one reporting month.

    off, on     rules switched off or on for all clinics
    off_for     rules switched off for some clinics: rule -> their codes
    on_for      rules that are off in the catalogue and on for some clinics: rule -> their codes
    parameters  values of the region: rule -> parameter -> values by date of care, as text
    """

    off: frozenset[str] = frozenset()
    on: frozenset[str] = frozenset()
    off_for: Mapping[str, frozenset[str]] = field(default_factory=dict)
    on_for: Mapping[str, frozenset[str]] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, tuple[Dated, ...]]] = field(default_factory=dict)

    def applied(self, rule: Rule) -> Rule:
        """The rule with the region's values of its parameters: from their dates on they stand in the place of the catalogue's."""
        own = self.parameters.get(rule.id)
        if not own:
            return rule
        by_name = dict(rule.parameters.by_name)
        for name, values in own.items():
            form = by_name[name][-1].value
            first = values[0].since
            kept = [dated for dated in by_name[name] if dated.since < first]
            by_name[name] = (*kept, *(Dated(dated.since, shaped(dated.value, form)) for dated in values))
        return replace(rule, parameters=replace(rule.parameters, by_name=by_name))

    def why_off(self, rule: Rule) -> str:
        """Why a rule runs for nobody: `agreement`, `off` (the catalogue), empty when it runs for somebody."""
        if rule.id in self.off:
            return "agreement"
        return "" if rule.enabled or rule.id in self.on or rule.id in self.on_for else "off"

    def in_part(self, rule: Rule) -> str:
        """The clinics that a rule is off for, or the only ones it is on for, as a reason of an Execution; empty for all."""
        said = []
        if rule.id in self.off_for:
            said.append(f"off_for:{', '.join(sorted(self.off_for[rule.id]))}")
        if not rule.enabled and rule.id not in self.on:
            said.append(f"on_for:{', '.join(sorted(self.on_for.get(rule.id, ())))}")
        return "|".join(said)

    def kept(self, rows: pl.DataFrame, rule: str, clinic: str) -> pl.DataFrame:
        """`rows` without those whose rule (column `rule`) does not run for their clinic (column `clinic`)."""
        dropped = [(pl.col(rule) == name) & pl.col(clinic).is_in(sorted(mo)) for name, mo in sorted(self.off_for.items())]
        declared = rules()
        for name, mo in sorted(self.on_for.items()):
            if name not in self.on and name in declared and not declared[name].enabled:
                dropped.append((pl.col(rule) == name) & ~pl.col(clinic).is_in(sorted(mo)).fill_null(value=False))
        if self.off:
            dropped.append(pl.col(rule).is_in(sorted(self.off)))
        if not dropped or not rows.height:
            return rows
        return rows.filter(~pl.any_horizontal(dropped).fill_null(value=False))


ALL_ON = Switches()


def switches(off: Iterable[Switch], on: Iterable[Switch], month: Month, own: Iterable[RuleParameter] = ()) -> Switches:
    """The switches in force for a reporting month, and the region's parameters. A rule that is switched on and off is off."""
    day = month.last
    everywhere: dict[bool, set[str]] = {False: set(), True: set()}
    somewhere: dict[bool, dict[str, set[str]]] = {False: {}, True: {}}
    for wanted, listed in ((False, off), (True, on)):
        for switch in listed:
            if not switch.holds(day):
                continue
            if switch.mo:
                somewhere[wanted].setdefault(switch.rule, set()).update(switch.mo)
            else:
                everywhere[wanted].add(switch.rule)
    return Switches(
        off=frozenset(everywhere[False]), on=frozenset(everywhere[True]),
        off_for={rule: frozenset(mo) for rule, mo in somewhere[False].items() if rule not in everywhere[False]},
        on_for={rule: frozenset(mo) for rule, mo in somewhere[True].items()}, parameters=_own_parameters(own),
    )  # fmt: skip


def _own_parameters(own: Iterable[RuleParameter]) -> dict[str, dict[str, tuple[Dated, ...]]]:
    """Values of the region by rule and parameter, in order of time; of a rule or parameter that is not there any more: none."""
    found: dict[str, dict[str, tuple[Dated, ...]]] = {}
    declared = rules()
    for given in sorted(own, key=lambda given: (given.rule, given.name, given.since)):
        if given.rule in declared and given.name in declared[given.rule].parameters.by_name:
            of_rule = found.setdefault(given.rule, {})
            of_rule[given.name] = (*of_rule.get(given.name, ()), Dated(given.since, given.value))
    return found


def of_context(context: Context) -> Switches:
    """The switches of the month that is settled."""
    clauses = context.agreement.head.control
    return switches(clauses.disabled_rules, clauses.enabled_rules, context.month, clauses.rule_parameters)
