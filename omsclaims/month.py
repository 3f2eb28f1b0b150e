"""In which order is a month settled? The conductor: the stages, one after another, and nothing else.

    packages --assemble--> tables --identify--> insured --group, price--> amounts --control--> decisions --settle--> postings

Everything here is a pure function of tables and the context; loading and storing is `omsclaims.closing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from omsclaims import checks, contract, findings, settlement, tariffs
from omsclaims.context import Context
from omsclaims.law.agreement import month_findings
from omsclaims.registry import bundle, formats, names
from omsclaims.settlement.between import place
from omsclaims.settlement.expertise import resubmission
from omsclaims.settlement.expertise.deductions import deduct

Tables = dict[str, pl.DataFrame]

#: Parts of a month that are made by the stages, beside the tables that came in.
RESULTS: Final = (
    "identified", "grouped", "group_candidates", "priced_sl", "priced", "decisions", "sanctions", "findings", "history_rows",
    "cases_view",
    "plan_items", "plan_lines", "voucher_uses", "accident_cases", "accident_deductions",
    "resubmissions", "refusal_rows", "deductions",
    "financing", "standards", "payments", "act_121", "act_132", "territory_bills", "territory_items", "postings",
    "balances",
)  # fmt: skip


@dataclass(frozen=True)
class Package:
    """An accepted package as it goes into a month: its name, its tables, and what was found at intake."""

    name: str
    tables: Mapping[str, pl.DataFrame]
    findings: pl.DataFrame


def assemble(packages: Iterable[Package]) -> Tables:
    """All packages of a month as one set of tables, with rows numbered over the month (contract: module docstring).

    The order of `packages` does not matter: they are numbered by name. Nothing of them is held when the tables are put together,
    so that a month does not lie in memory twice where the caller does not hold them either. Adds `cases` and `case_key` on sl
    and usl, and `intake_findings` with rows numbered likewise.
    """
    ordered = sorted(packages, key=lambda package: package.name, reverse=True)
    assert len({package.name for package in ordered}) == len(ordered), "a package stands twice in the month"
    collected: dict[str, list[pl.DataFrame]] = {}
    found: list[pl.DataFrame] = [findings.empty()]
    for ordinal in range(len(ordered)):
        package = ordered.pop()
        base = ordinal << contract.PACKAGE_SHIFT
        for name, table in package.tables.items():
            collected.setdefault(name, []).append(_renumbered(table, base, package.name))
        found.append(package.findings.with_columns(pl.col("z_row") + base, pl.col("sl_row") + base))
    del package
    tables = {name: bundle.stacked(collected.pop(name)) for name in list(collected)}
    for name in formats.canonical_tables():
        if name not in tables:
            empty = pl.DataFrame(schema={"package": pl.String(), **formats.canonical_columns(name)})
            tables[name] = empty
    keys = tables["sl"].select(pl.col("_row").alias("_parent"), pl.col("_parent").alias("case_key"))
    tables["usl"] = tables["usl"].join(keys, on="_parent", how="left", maintain_order="left")
    tables["sl"] = tables["sl"].with_columns(case_key=pl.col("_parent"))
    tables["cases"] = _cases(tables)
    tables["intake_findings"] = pl.concat(found)
    return tables


def _renumbered(table: pl.DataFrame, base: int, package: str) -> pl.DataFrame:
    """Rows of one package with month-unique numbers and the package's name."""
    shifted = [pl.col(column) + base for column in ("_row", "_parent") if column in table.columns]
    return table.with_columns(*shifted, package=pl.lit(package))


def _cases(tables: Tables) -> pl.DataFrame:
    """The contract table `cases`: each completed case with what its file, record and patient block say of it."""
    named = tables["file"].select("package").unique(maintain_order=True)
    kinds = [_parsed(name) for name in named["package"]]
    files = tables["file"].join(
        named.with_columns(
            pl.Series("file_kind", [kind.kind for kind in kinds], dtype=pl.String),
            pl.Series("letters", [kind.letters for kind in kinds], dtype=pl.String),
        ),
        on="package",
        how="left",
    )
    of_file = ("package", "file_kind", "letters", "version", "data", "code_mo", "year", "month", "nschet", "dschet", "plat")
    of_patient = ("id_pac", "vpolis", "smo", "st_okato", "smo_ok", "novor")
    zap = tables["zap"].select(pl.col("_row").alias("_parent"), "n_zap", "pr_nov", pl.col("_line").alias("line"))
    patient = tables["patient"].unique("_parent", keep="first", maintain_order=True).select("_parent", *of_patient)
    cases = (
        tables["z_sl"]
        .with_columns(case_key=pl.col("_row"))
        .join(zap, on="_parent", how="left", maintain_order="left")
        .join(patient, on="_parent", how="left", maintain_order="left")
        .join(files.unique("package", maintain_order=True).select(of_file), on="package", how="left", maintain_order="left")
    )
    return contract.check("cases", cases)


def _parsed(name: str) -> names.PackageName:
    parsed = names.parse_name(name)
    assert parsed is not None, f"an accepted package has a name of the grammar: {name}"
    return parsed


def settle_month(tables: Tables, context: Context) -> Tables:
    """Decides and prices a month: input tables of `assemble`, registers (`reg_*`), `history`, `balances_before`,
    `postings_before`, `territory_bills_before`, `plan_lines_before`, `voucher_uses_before`, `accident_history`,
    `accident_deductions_before`; returns the tables of `RESULTS`, each as the contract has it.
    """
    work = dict(tables)
    identified = settlement.identify(work, context)
    work["identified"] = contract.check("identified", identified["identified"])
    work["resubmissions"] = resubmission.link(work, context)
    groups = tariffs.group(work, context)
    for name in ("grouped", "group_candidates"):
        contract.check(name, groups[name])
        if groups[name].height:  # without a workbook nothing is grouped, and the rules that ask say so
            work[name] = groups[name]
    prices = tariffs.price(work, context)
    work["priced_sl"] = contract.check("priced_sl", prices["priced_sl"])
    work["priced"] = contract.check("priced", prices["priced"])
    intake = checks.switched(tables["intake_findings"], work, context)
    held = settlement.voucher_register(work, context)
    if "vouchers" in held:
        work["vouchers"] = contract.check("vouchers", held["vouchers"])
    of_case = findings.concat([groups["findings"], prices["findings"], held["findings"]])
    accidents = settlement.accident_cases(work, context)
    work["accident_cases"] = accidents["accident_cases"]
    of_person = findings.concat([identified["findings"], accidents["findings"]])
    known_before = {"registry": intake, "person": of_person, "case": of_case}
    decisions, found = control(work, context, known_before)
    work["decisions"] = decisions
    work["findings"] = found
    work["plan_lines"] = settlement.line_use(work, context)
    work["voucher_uses"] = settlement.voucher_uses(work, context)
    work["sanctions"] = contract.check("sanctions", settlement.sanctions(found, decisions, work, context))
    work["refusal_rows"] = resubmission.refusal_rows(work, context)
    paid_before = _withhold_paid_accidents(work, context)
    expertise = deduct(work, context)
    work["deductions"] = expertise["deductions"]
    money = settlement.settle(work, context)
    of_agreement = month_findings(context.agreement, context.month)
    work["findings"] = findings.concat([found, paid_before, expertise["findings"], money.pop("findings"), of_agreement])
    work.update(money)
    work["territory_items"] = place.items(work, context)
    work["findings"] = findings.concat([work["findings"], place.kept_out(work, context)])
    work["cases_view"] = cases_view(work)
    work["history_rows"] = _history(work, context)
    return {name: work[name] if name in work else contract.TABLES[name].empty() for name in RESULTS}


def _withhold_paid_accidents(work: Tables, context: Context) -> pl.DataFrame:
    """What earlier months paid for severe accidents is withheld now; expertise takes nothing of such cases (Rules 131)."""
    found = settlement.accident_deductions(work, context)
    work["accident_deductions"] = found["accident_deductions"]
    if "expertise_cases" in work:
        before = work.get("accident_deductions_before", contract.TABLES["accident_deductions"].empty())
        work["expertise_cases"] = settlement.without_accidents(work["expertise_cases"], before, work["accident_deductions"])
    return found["findings"]


def control(work: Tables, context: Context, given: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Control in passes: each reads the decisions of the ones before (design: Control in passes).

    work   tables of the month with identified, priced, priced_sl (contract); plan_items and refused are added
    given  findings made elsewhere, by the pass that they belong to: those of intake under `registry`

    Returns decisions and all findings, as the contract has them.
    """
    decisions: pl.DataFrame | None = None
    found: list[pl.DataFrame] = []
    view = checks.View(work)  # what lies on one line is put there once for all passes
    for name in checks.PASSES:
        work["refused"] = contract.TABLES["refused"].empty() if decisions is None else settlement.refused(decisions)
        here = [given[name]] if name in given else []
        if name == "volumes":  # what nothing has refused so far asks for a place in the plan
            asked = settlement.consume({**work, **({} if decisions is None else {"decisions": decisions})}, context)
            work["plan_items"] = asked["plan_items"]
            here.append(asked["findings"])
        if name != "registry":  # the registry pass ran at intake, package by package
            here.append(checks.run_pass(name, work, context, view))
        of_pass = findings.concat(here)
        found.append(of_pass)
        decisions = contract.check("decisions", settlement.decide(of_pass, work, context, name, decisions))
    assert decisions is not None
    return decisions, findings.concat(found)


def cases_view(work: Tables) -> pl.DataFrame:
    """Rows of the public view `v_cases`: case, person key, price and decision side by side. No personal values."""
    return (
        work["cases"]
        .with_columns(novor=_newborn())
        .join(work["identified"].drop("smo"), on="case_key", how="left", maintain_order="left")
        .join(work["priced"], on="case_key", how="left", maintain_order="left")
        .join(work["decisions"], on="case_key", how="left", maintain_order="left")
        .sort("package", "n_zap", "idcase", "case_key")
    )


def _newborn() -> pl.Expr:
    """NOVOR without what is personal: it spells the birth date of the child; whether there is one is all that others need."""
    return pl.when(pl.col("novor") == "0").then(pl.lit("0")).otherwise(pl.lit("1"))


def _history(work: Tables, context: Context) -> pl.DataFrame:
    """Accepted cases of this month as later months see them: narrow, sorted by person and date."""
    accepted = work["decisions"].filter(pl.col("oplata") != 2)
    rows = (
        work["sl"]
        .join(accepted.select("case_key", "sump_kop"), on="case_key", how="inner")
        .join(work["cases"].drop("package"), on="case_key", how="inner", suffix="_z")
        .join(work["identified"].select("case_key", "person_key"), on="case_key", how="inner")
        .with_columns(month=pl.lit(str(context.month)), usl_ok=pl.col("usl_ok").fill_null(3), novor=_newborn())
        .select(list(contract.TABLES["history"].schema()))
        .sort("person_key", "date_1", "date_2", "package", "idcase", "sl_id")
    )
    return contract.check("history", rows)
