"""Made-up registers and agreements for tests of per-capita money: people are few and invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from omsclaims import contract
from omsclaims.context import Context
from omsclaims.law import Parameters, federal_parameters
from omsclaims.law.agreement import Agreement, load_agreement
from omsclaims.nsi import Books
from omsclaims.periods import Month

AGREEMENTS = Path(__file__).resolve().parents[2] / "fixtures" / "agreements"
MARCH = Month(2022, 3)
MAIN = """territory: "75"
year: 2022
title: "Made-up per-capita money"
reference: "made up for tests"
valid_from: 2022-01-01
valid_to: 2022-12-31
wage_share_default: 1
payment_kinds:
  - {file_kind: H, usl_ok: 3, idsp: 25, kind: per_capita, plan: no}
rounding:
  - {kind: "*", step_kop: 1, mode: once}
capitation:
"""
CLINICS = """mo,kind,kd,kdpv,kdur,kdzp,group
750001,outpatient,1.1,,1,1,
750002,outpatient,1.1,,0.98732,1.03275,
750003,outpatient,1.1,,1.00271,0.97,
"""
#: Two groups are named by hand; the others are one.
RELATIVE = {"m0": "4.54", "f0": "4.52", "m65": "1.6", "f65": "1.6"}
GROUPS = ("m0", "f0", "m1-4", "f1-4", "m5-17", "f5-17", "m18-64", "f18-64", "m65", "f65")


def relative_csv(values: Mapping[str, str] = RELATIVE) -> str:
    """relative_coefficients.csv with all groups of the partition of 2020."""
    return "kind,group,coefficient\n" + "".join(f"outpatient,{group},{values.get(group, '1')}\n" for group in GROUPS)


def made(folder: Path, capitation: str, tables: Mapping[str, str]) -> Agreement:
    """An agreement from its rows of `capitation` and its CSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agreement.yaml").write_text(MAIN + capitation, encoding="utf-8")
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return load_agreement(folder)


def usual(folder: Path, capitation: str = "  - {kind: outpatient, money: 1000.01, kdpv: attached}\n", **tables: str) -> Agreement:
    """Three clinics whose KDpv comes from their people."""
    return made(folder, capitation, {"clinic_capitation": CLINICS, "relative_coefficients": relative_csv(), **tables})


def context(agreement: Agreement, month: Month = MARCH, law: Parameters | None = None) -> Context:
    """Surroundings of a month."""
    return Context(month, date(2022, 4, 12), "75", "fund", Books({}, month), law or federal_parameters(), agreement, b"secret")


def person(number: int, mo: str | None, **changes: Any) -> dict[str, Any]:
    """A person with a policy and an attachment (mo None: none)."""
    base = {
        "enp": f"{number:016d}", "w": 1, "dr": date(1980, 5, 5), "smo": "75901", "policy_from": date(2015, 1, 1), "policy_to": None,
        "place": "town", "died_on": None, "vpolis": 3, "mo": mo, "attached_from": date(2020, 1, 1), "attached_to": None,
    }  # fmt: skip
    return {**base, **changes}


def registers(
    people: Sequence[Mapping[str, Any]],
    more: Sequence[Mapping[str, Any]] = (),
    clinics: Sequence[str] = ("750001", "750002", "750003"),
) -> dict[str, pl.DataFrame]:
    """reg_insured, reg_attachment, reg_clinic; `more`: further policies (without mo) and attachments (without policy_from)."""

    def rows(table: str, found: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        schema = contract.TABLES[table].schema()
        return pl.DataFrame([{name: row.get(name) for name in schema} for row in found], schema=schema)

    everybody = [*people, *more]
    insured = {(one["enp"], one["policy_from"]): one for one in everybody if one["policy_from"] is not None}
    return {
        "reg_insured": rows("reg_insured", list(insured.values())),
        "reg_attachment": rows("reg_attachment", [one for one in everybody if one["mo"] is not None]),
        "reg_clinic": rows("reg_clinic", [{"mo": mo, "name": mo, "valid_from": date(2011, 1, 1)} for mo in clinics]),
    }


def without(agreement: Agreement, table: str, which: pl.Expr) -> Agreement:
    """The agreement without some rows of a table."""
    return replace(agreement, tables={**agreement.tables, table: agreement.table(table).filter(~which)})
