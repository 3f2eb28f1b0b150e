"""What-if: prices made again where a changed figure was used are those of a full run, whatever is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from omsclaims import closing
from omsclaims.cli import demo
from omsclaims.context import Context
from omsclaims.law import Parameters
from omsclaims.law.agreement import FILES, SECTIONS, Agreement
from omsclaims.tariffs import price, whatif
from omsclaims.workspace import Workspace
from tests.conftest import Closed

from . import tariff_cases
from .tariff_cases import agreement

SPECS = {**SECTIONS, **FILES}
#: Tables that no price of a case is made of.
NO_PRICE = {
    "case_management", "fine_standards", "financing", "plan_lines", "capitation", "municipalities", "partition",
    "relative_coefficients", "clinic_capitation", "capitation_parts", "performance", "fap", "fap_norms",
    "ambulance_areas",
}  # fmt: skip
#: Tables that the made-up agreement lacks: another agreement is changed for them, below.
OF_SMALL = {"dialysis", "uet"}


@pytest.fixture(scope="module")
def month(closed: Closed) -> tuple[dict[str, pl.DataFrame], Context]:
    """March as it was priced."""
    march = demo.MONTHS[-1]
    with Workspace.open(closed.folder) as store:
        context, _ = closing.load_context(store, march, demo.AS_OF)
        tables, _ = closing.load_tables(store, march)
    results = closed.closings[str(march)].tables
    return {**tables, **{name: results[name] for name in ("identified", "priced_sl", "priced")}}, context


def same_as_a_full_run(
    month: tuple[dict[str, pl.DataFrame], Context], agreement: Agreement, law: Parameters | None = None
) -> int:
    """How many rows were priced again, after holding the whole against a full run."""
    tables, context = month
    chosen = law or context.law
    made = whatif.reprice(tables, context, agreement, chosen)
    full = price(tables, replace(context, agreement=agreement, law=chosen))
    assert_frame_equal(made.priced_sl, full["priced_sl"])
    assert_frame_equal(made.priced, full["priced"])
    return made.rows


def test_nothing_changed(month: tuple[dict[str, pl.DataFrame], Context]) -> None:
    assert same_as_a_full_run(month, month[1].agreement) == 0


def _values(name: str) -> list[str]:
    """Columns of a table that are no key and no name of the row."""
    spec = SPECS[name]
    keys = {*spec.keys, *(column for pair in spec.ranges for column in pair), "valid_from", "valid_to", "source", "reference"}
    return [field for field in spec.row.model_fields if field not in keys]


def _changes(table: pl.DataFrame, name: str) -> Iterator[tuple[str, pl.DataFrame]]:
    """The table with one row gone, and with each value of one row changed; a few rows of each table."""
    for at in sorted({0, table.height // 2, table.height - 1}):
        yield f"without row {at}", table.filter(pl.int_range(pl.len()) != at)
        for column in table.columns:
            plain = column.rstrip("0123456789").removesuffix("_kop")
            if not any(plain == value or column == value for value in _values(name)):
                continue
            new: Any
            old = table[column][at]
            if isinstance(old, bool):
                new = not old
            elif isinstance(old, int):
                new = old + 1
            elif isinstance(old, str) and column in ("level", "place"):
                others = sorted(set(table[column].to_list()) - {old})
                if not others:
                    continue
                new = others[0]
            else:
                continue
            yield (
                f"{column} of row {at}",
                table.with_columns(
                    pl.when(pl.int_range(pl.len()) == at)
                    .then(pl.lit(new))
                    .otherwise(pl.col(column))
                    .cast(table.schema[column])
                    .alias(column)
                ),
            )


@pytest.mark.parametrize("name", sorted(set(SPECS) - NO_PRICE - OF_SMALL))
def test_any_table(name: str, month: tuple[dict[str, pl.DataFrame], Context]) -> None:
    agreement = month[1].agreement
    table = agreement.table(name)
    assert table.height, f"the made-up agreement has no rows in {name}: it belongs into OF_SMALL, with a test of its own"
    rows = [same_as_a_full_run(month, agreement.with_table(name, changed)) for _, changed in _changes(table, name)]
    assert rows
    # A row that comes: the month as it is without it, then with it.
    tables, context = month
    lacking = agreement.with_table(name, table.head(table.height - 1))
    made = price(tables, replace(context, agreement=lacking))
    poorer = ({**tables, "priced_sl": made["priced_sl"], "priced": made["priced"]}, replace(context, agreement=lacking))
    same_as_a_full_run(poorer, agreement)


@pytest.mark.parametrize("name", ["uet", "dialysis"])
def test_dental_units_and_dialysis(name: str) -> None:
    """The made-up territory has neither table, the made-up agreement with every table has."""
    day = {"lpu": "750001", "date_1": date(2022, 3, 1), "date_2": date(2022, 3, 11)}
    lines = [{"code_usl": "A18.05.002", "kol_usl": 100}, {"code_usl": "A18.30.001", "kol_usl": 300}]
    cases = [
        *({"kind": "visit", "profil": profil, "p_cel": "1.0", "det": det, "ed_col": 250, **day} for profil in (85, 86, 97) for det in (0, 1)),
        {"kind": "ksg_inpatient", "n_ksg": "st02.001", "rslt": 101, "usl": lines, **day},
        {"kind": "ksg_inpatient", "n_ksg": "st02.001", "rslt": 101, "usl": lines[:1], **day},
        {"kind": "ksg_inpatient", "n_ksg": "st02.001", "rslt": 101, **day},
        {"kind": "service", "usl": lines, **day},
    ]  # fmt: skip
    small = agreement("small")
    table = small.table(name)
    tables, surroundings = tariff_cases.tables(cases), tariff_cases.context(small)
    changes = [("gone", table.clear()), *_changes(table, name)]
    for _, changed in changes:
        for before, after in ((table, changed), (changed, table)):
            start = small.with_table(name, before)
            made = price(tables, replace(surroundings, agreement=start))
            held = ({**tables, "priced_sl": made["priced_sl"], "priced": made["priced"]}, replace(surroundings, agreement=start))
            same_as_a_full_run(held, small.with_table(name, after))
    dearer = table.with_columns(pl.col("tariff4") + 1)
    made = price(tables, surroundings)
    held = ({**tables, "priced_sl": made["priced_sl"], "priced": made["priced"]}, surroundings)
    assert same_as_a_full_run(held, small.with_table(name, dearer)) == {"uet": 4, "dialysis": 4}[name]


def test_no_table_is_left_out() -> None:
    assert set(SPECS) >= NO_PRICE | OF_SMALL, "a table that is none"


def test_one_base_rate_touches_its_setting_only(month: tuple[dict[str, pl.DataFrame], Context]) -> None:
    tables, context = month
    rates = context.agreement.table("base_rates")
    inpatient = pl.col("setting") == "ksg_inpatient"
    raised = rates.with_columns(pl.when(inpatient).then(pl.col("rate4") * 101 // 100).otherwise("rate4").alias("rate4"))
    rows = same_as_a_full_run(month, context.agreement.with_table("base_rates", raised))
    of_setting = tables["priced_sl"].filter(pl.col("payment_kind") == "ksg_inpatient").height
    other = (pl.col("payment_kind") != "ksg_inpatient").fill_null(value=True)
    unpriced = tables["priced_sl"].filter(pl.col("price_kop").is_null() & other).height
    assert 0 < rows <= of_setting + unpriced < tables["priced_sl"].height


def test_a_parameter_of_the_law(month: tuple[dict[str, pl.DataFrame], Context]) -> None:
    context = month[1]
    law = context.law.with_value("tariffs.short_stay_days", date(2022, 1, 1), 5, "a test")
    assert same_as_a_full_run(month, context.agreement, law) > 0


def test_a_source_is_not_the_beginning_of_another() -> None:
    priced = pl.DataFrame(
        {"sl_key": [1, 2, 3, 4], "payment_kind": ["visit"] * 4, "price_kop": [1, 1, 1, 1],
         "sources": ["a.csv:2;b.csv:1", "a.csv:25", "b.csv:7;kslp.csv:2(3=150000*kd)", "xa.csv:2"]}
    )  # fmt: skip
    assert whatif.Touched(("a.csv:2",), ()).rows(priced).to_list() == [True, False, False, False]
    assert whatif.Touched(("kslp.csv:2",), ()).rows(priced).to_list() == [False, False, True, False]


def test_the_difference_says_what_it_leaves_out() -> None:
    def rows(*prices: int | None) -> pl.DataFrame:
        return pl.DataFrame(
            {"sl_key": [1, 2, 3], "payment_kind": ["visit", "visit", "call"], "group": ["a", "b", None], "price_kop": prices},
            schema_overrides={"price_kop": pl.Int64},
        )

    about = pl.DataFrame(
        {"sl_key": [1, 2, 3], "mo": ["750001", "750001", "750002"], "profil": [1, 1, 2], "sex_age": ["m0", None, "f65"]}
    )
    found = whatif.difference(rows(100, 50, None), rows(110, None, 7), about)
    assert found.filter(pl.col("by") == "total").rows() == [("total", "", 3, 100, 110, 10, 1, 1)]
    assert found.filter(pl.col("by") == "mo").rows() == [
        ("mo", "750001", 2, 100, 110, 10, 0, 1),
        ("mo", "750002", 1, 0, 0, 0, 1, 0),
    ]
    assert found.filter(pl.col("by") == "sex_age")["key"].to_list() == ["-", "f65", "m0"]
    assert [row["key"] for row in whatif.largest(found, "mo", 5)] == ["750001"]
