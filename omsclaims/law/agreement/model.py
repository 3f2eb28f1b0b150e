"""What is a tariff agreement once it is loaded: its head and options, its tables, and what is wrong with one that is not?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import polars as pl

from omsclaims import messages
from omsclaims.law.agreement.rows import ClinicCode, Day, Digits, Model, Share, Whole


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with an agreement: file, line, column or key, message key `agreement.<code>` and its parameters."""

    file: str
    line: int
    column: str
    code: str
    params: tuple[tuple[str, str], ...] = ()

    def text(self, lang: str) -> str:
        """The sentence for a person, beginning with file and line."""
        body = messages.text(f"agreement.{self.code}", lang, column=self.column, **dict(self.params))
        return f"{self.file}:{self.line}: {body}"


class AgreementError(ValueError):
    """The folder is not a usable agreement; `problems` lists everything that is wrong with it."""

    def __init__(self, folder: str, problems: Iterable[Problem]) -> None:
        self.folder = folder
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(problem.text("en") for problem in self.problems))

    def text(self, lang: str) -> str:
        """All problems, one a line."""
        return "\n".join(problem.text(lang) for problem in self.problems)


class Financing(Model):
    """Money of the insurers: the sex-age partition, how the average number is counted.

    partition  name of a federal parameter (`partition`), or `own`: partition.csv of the agreement
    """

    partition: str
    average_number: Literal["mean_of_month_starts", "month_start"]


class Norms(Model):
    """Per-capita standards (Rules 152-154; law.md 4.2-4.4): figures that bind, the floor of old people, groups without cost.

    coefficient_digits  digits of published coefficients; without them they are exact and bind as such
    standard_digits     digits of published standards in roubles
    floor               for whom the least coefficient of people of 65 and more holds: the per-capita money of clinics, the
                        standards of insurers, both or nobody
    may_cost_nothing    groups that may have people and no cost: their coefficient is then 0
    """

    coefficient_digits: Digits | None = None
    standard_digits: Digits | None = None
    floor: Literal["nobody", "clinics", "insurers", "both"] = "clinics"
    may_cost_nothing: tuple[str, ...] = ()

    def floor_for(self, whom: Literal["clinics", "insurers"]) -> bool:
        """Whether the floor holds for clinics or for insurers."""
        return self.floor in (whom, "both")


class RuleSwitch(Model):
    """A rule of control switched off (or on) by the region: for clinics or for all, in a time (reporting months), and why.

    source  file and line, filled by the loader
    """

    rule: str
    mo: tuple[ClinicCode, ...] = ()
    since: Day | None = None
    until: Day | None = None
    why: str
    source: str = ""

    def holds(self, day: date) -> bool:
        """Whether the switch is in force on a day; both ends are part of its time."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


class RuleParameter(Model):
    """A value of a parameter of a rule of control that the region sets, from a date of care on, and why.

    value   as the catalogue has it (`omsclaims checks show RULE`); numbers are text until the rule is run
    source  file and line, filled by the loader
    """

    rule: str
    name: str
    since: Day
    value: Any
    why: str
    source: str = ""


class Control(Model):
    """Options of control: several grounds in one case; what a file-level ground refuses; letters of first-stage examinations;
    rules that are off (or, where the catalogue has them off, on) here, and parameters of rules that are the region's own.
    """

    several_grounds: Literal["max", "sum_capped"] = "max"
    fines: Literal["apart", "in_act_132"] = "apart"
    package_refusal: Literal["whole_package", "cases_only"] = "whole_package"
    first_stage_exam_letters: tuple[str, ...] = ("DP", "DO")
    disabled_rules: tuple[RuleSwitch, ...] = ()
    enabled_rules: tuple[RuleSwitch, ...] = ()
    rule_parameters: tuple[RuleParameter, ...] = ()

    @property
    def switches(self) -> tuple[RuleSwitch, ...]:
        """All switches in the order of the file."""
        return (*self.disabled_rules, *self.enabled_rules)


class Volumes(Model):
    """Volumes of the commission (Rules 122-123): over which period the plans of months add up; whether a case without a row of
    the plan is refused (1.6.2) or let through; how the rest of the year is foretold.
    """

    cumulation: Literal["month", "quarter", "year"] = "month"
    without_plan: Literal["refuse", "pass"] = "refuse"
    forecast: Literal["seasonal", "linear"] = "seasonal"


class Head(Model):
    """agreement.yaml without its lists."""

    territory: str
    year: Whole
    title: str
    reference: str
    valid_from: Day
    valid_to: Day
    wage_share_default: Share
    exam_age: Literal["on_start", "in_year"] = "on_start"
    financing: Financing | None = None
    control: Control = Control()
    volumes: Volumes = Volumes()
    norms: Norms = Norms()


@dataclass(frozen=True)
class Agreement:
    """A tariff agreement as it was loaded.

    head    territory, year, reference, validity, options
    tables  every list and CSV by name (`SECTIONS`, `FILES`): its columns, decimals as scaled integers with their number behind
            the name, valid_from and valid_to filled, `source` = file:line, `reference` of the row or of the agreement
    notes   what is not wrong but will show as findings of cases (a level without a coefficient)
    digest  sha256 over the files: what enters the audit chain
    """

    head: Head
    tables: Mapping[str, pl.DataFrame]
    notes: tuple[Problem, ...]
    digest: str

    @property
    def territory(self) -> str:
        """Two-digit code of the territory."""
        return self.head.territory

    @property
    def year(self) -> int:
        """Year of the agreement."""
        return self.head.year

    @property
    def title(self) -> str:
        """Name of the agreement, for people."""
        return self.head.title

    def table(self, name: str) -> pl.DataFrame:
        """A table by name; without rows where the folder has no such file."""
        return self.tables[name]

    def with_table(self, name: str, rows: pl.DataFrame) -> Agreement:
        """The same agreement with another table in the place of `name` (what-if; the digest then is that of both)."""
        if rows.schema != self.tables[name].schema:
            raise ValueError(f"the table {name} has other columns")
        changed = hashlib.sha256(f"{self.digest}:{name}:{rows.write_json()}".encode()).hexdigest()
        return replace(self, tables={**self.tables, name: rows}, digest=changed)

    @property
    def planned_kinds(self) -> frozenset[str]:
        """Kinds of payment that the volumes of the commission bind, on any date of the agreement."""
        kinds = self.table("payment_kinds")
        return frozenset(kinds.filter(pl.col("plan"))["kind"])

    def reference_of(self, source: str) -> str:
        """The reference of a row by its source (`ksg.csv:12`); that of the agreement when the row is unknown."""
        for rows in self.tables.values():
            found = rows.filter(pl.col("source") == source)
            if found.height:
                return str(found["reference"][0])
        return self.head.reference
