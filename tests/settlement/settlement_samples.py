"""Small tables for the tests of the room: a context, cases of one line each, findings of one line each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from omsclaims import contract, findings
from omsclaims.context import Context
from omsclaims.law import federal_parameters
from omsclaims.law.agreement import FILES, SECTIONS, Agreement, Control, Financing, Head, frame_schema
from omsclaims.nsi import built_in_books
from omsclaims.periods import Month

SINCE = date(2022, 1, 1)


def agreement(coefficients: dict[tuple[str, str], int] | None = None, rate5: int = 1000, **control: Any) -> Agreement:
    """An agreement with coefficients KD (units of 0.00001) by (place, group) and a РВД rate."""
    tables = {name: pl.DataFrame(schema=frame_schema(spec.row)) for name, spec in {**SECTIONS, **FILES}.items()}
    year_end = date(2022, 12, 31)
    common = {"valid_from": SINCE, "valid_to": year_end, "reference": "test", "source": "test:1"}
    rows = [{"place": place, "group": group, "kd5": kd, **common} for (place, group), kd in (coefficients or {}).items()]
    tables["financing"] = pl.DataFrame(rows, schema=tables["financing"].schema)
    tables["case_management"] = pl.DataFrame([{"rate5": rate5, **common}], schema=tables["case_management"].schema)
    head = Head(
        territory="75",
        year=2022,
        title="test",
        reference="test",
        valid_from=SINCE,
        valid_to=year_end,
        wage_share_default="1",
        financing=Financing(partition="financing.partition", average_number="mean_of_month_starts"),
        control=Control(**control),
    )
    return Agreement(head, tables, (), "0")


def context(month: str = "2022-03", **changes: Any) -> Context:
    """Surroundings of a run of fund 75 with the built-in books and the federal parameters."""
    made = Context(
        month=Month.parse(month),
        as_of=date(2022, 5, 1),
        territory="75",
        role="fund",
        books=built_in_books(),
        law=federal_parameters(),
        agreement=agreement(),
        secret=b"secret of a test",
    )
    return replace(made, **changes)


def rows(table: str, *found: dict[str, Any]) -> pl.DataFrame:
    """A contract table of the rows given; columns that are not named are null."""
    schema = contract.TABLES[table].schema()
    unknown = {name for row in found for name in row} - set(schema)
    assert not unknown, f"not columns of {table}: {unknown}"
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in found], schema=schema)


def case(key: int, **changes: Any) -> dict[str, Any]:
    """A case of March 2022 of clinic 750901."""
    return {
        "case_key": key, "package": "HM750901T75_220301", "file_kind": "H", "letters": "H", "data": date(2022, 4, 4),
        "code_mo": "750901", "lpu": "750901", "n_zap": key, "idcase": key, "id_pac": f"p{key}", "vpolis": 3, "novor": "0",
        "date_z_1": date(2022, 3, 1), "date_z_2": date(2022, 3, 10), "sumv": 10_000, "usl_ok": 3, **changes,
    }  # fmt: skip


def found(rule: str, code: str | None, z_row: int | None, **changes: Any) -> findings.Finding:
    """A finding about a case of the sample package."""
    place: dict[str, Any] = {"package": "HM750901T75_220301", "level": "case", **changes}
    return findings.Finding(rule=rule, code=code, z_row=z_row, **place)
