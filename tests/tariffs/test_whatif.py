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
from omsclaims import whatif as months_again
from omsclaims.cli import demo
from omsclaims.context import Context
from omsclaims.law import Parameters
from omsclaims.law.agreement import FILES, SECTIONS, Agreement
from omsclaims.nsi import Book, Books
from omsclaims.tariffs import price, pricing, whatif
from omsclaims.tariffs.grouper.rules import rules
from omsclaims.tariffs.pricing import group
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
    assert found.filter(pl.col("by") == "total").rows() == [("total", "", 3, 3, 100, 110, 10, 1, 1)]
    assert found.filter(pl.col("by") == "mo").rows() == [
        ("mo", "750001", 2, 2, 100, 110, 10, 0, 1),
        ("mo", "750002", 1, 1, 0, 0, 0, 1, 0),
    ]
    assert found.filter(pl.col("by") == "sex_age")["key"].to_list() == ["-", "f65", "m0"]
    assert [row["key"] for row in whatif.largest(found, "mo", 5)] == ["750001"]


# ---- another grouper


def of_month(month: tuple[dict[str, pl.DataFrame], Context]) -> Books:
    """A workbook made of a month: every main diagnosis of inpatient care has the group it was billed with most."""
    tables, context = month
    rows = (
        tables["sl"]
        .join(tables["cases"].filter((pl.col("usl_ok") == 1) & (pl.col("file_kind") != "T")), on="case_key", how="semi")
        .drop_nulls(["n_ksg", "ds1"])
        .group_by("ds1")
        .agg(pl.col("n_ksg").mode().sort().first())
        .sort("ds1")
    )
    day = context.month.first.replace(month=1)
    dated = {"valid_from": pl.lit(day), "valid_to": pl.lit(None, dtype=pl.Date)}
    lines = rows.select("ds1", code="n_ksg").with_columns(**dated, row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    weights = rows.select(code="n_ksg").unique().sort("code").with_columns(**dated, koef_z=pl.lit(100_000))
    made = [Book(f"KSG.ST.{name}", "made up", frame, holds_from=day) for name, frame in (("GROUPER", lines), ("GROUPS", weights))]
    return Books().with_books({book.name: book for book in made})


def test_another_grouper(month: tuple[dict[str, pl.DataFrame], Context]) -> None:
    """Cases that a changed workbook moves cost what a full run says of a month that is billed with the new groups."""
    tables, context = month
    books = of_month(month)
    context = replace(context, books=books)
    grouped = group(tables, context)["grouped"]
    tables = {**tables, "grouped": grouped}
    tables |= {name: table for name, table in price(tables, context).items() if name != "findings"}
    rows = books.require("KSG.ST.GROUPER").rows
    common = grouped.filter(pl.col("ksg") == pl.col("billed"))["ksg"].value_counts().sort("count", "ksg")["ksg"].to_list()
    otherwise = grouped.filter((pl.col("ksg") != pl.col("billed")) & pl.col("ksg").is_in(common))
    most = otherwise["ksg"].mode().sort()[0]
    next_one = next(ksg for ksg in reversed(common) if ksg != most)
    code = pl.when(pl.col("code") == most).then(pl.lit(next_one)).otherwise("code").alias("code")
    gone = rows.filter(pl.col("code") == common[0])["ds1"][0]
    after_rows = rows.with_columns(code).filter(pl.col("ds1") != gone)
    changed = books.with_books({"KSG.ST.GROUPER": replace(books.require("KSG.ST.GROUPER"), rows=after_rows)})

    found = whatif.regroup(tables, context, context.agreement, context.law, changed, None)
    made = whatif.reprice(tables, context, context.agreement, context.law, found)

    now = group(tables, replace(context, books=changed))["grouped"].select("sl_key", new="ksg")
    both = grouped.select("sl_key", "ksg", "billed").join(now, on="sl_key")
    new = {
        key: ksg
        for key, was, billed, ksg in both.iter_rows()
        if (was is not None or ksg is not None) and was in (None, billed) and billed != ksg
    }
    stay = otherwise.filter(pl.col("ksg") == most)["sl_key"].to_list()
    assert stay
    assert not set(stay) & set(new)
    assert set(new.values()) >= {next_one, None}
    assert new == dict(found.moved.iter_rows())
    key = pl.col("_row")
    of_new = key.replace_strict(list(new), list(new.values()), default=None, return_dtype=pl.String)
    sl = tables["sl"].with_columns(n_ksg=pl.when(key.is_in(list(new))).then(of_new).otherwise("n_ksg"))
    full = price({**tables, "sl": sl, "grouped": made_of(sl, found.grouped)}, context)
    assert_frame_equal(made.priced_sl, full["priced_sl"])
    assert_frame_equal(made.priced, full["priced"])
    assert made.rows < tables["sl"].height

    about = tables["sl"].select(sl_key="_row", mo=pl.lit("-"), profil=pl.lit(None, dtype=pl.Int64), sex_age=pl.lit("-"))
    told = whatif.difference(tables["priced_sl"], made.priced_sl, about)
    of_groups = {row["key"]: row for row in told.filter(pl.col("by") == "group").iter_rows(named=True)}
    moved_there = sum(1 for ksg in new.values() if ksg == next_one)
    assert of_groups[next_one]["cases_after"] - of_groups[next_one]["cases"] == moved_there
    assert of_groups["-"]["cases_after"] - of_groups.get("-", {}).get("cases", 0) == sum(1 for ksg in new.values() if ksg is None)
    whole = told.filter(pl.col("by") == "total").row(0, named=True)
    for name in ("cases", "cases_after", "before_kop", "after_kop", "unpriced_after"):
        assert sum(row[name] for row in of_groups.values()) == whole[name], name
    base = whatif.difference(tables["priced_sl"], tables["priced_sl"], about)
    assert_frame_equal(whatif.changed(base, made, about), whatif.added([told]))
    lost = made.findings.filter(pl.col("sl_row").is_in([one for one, ksg in new.items() if ksg is None]))
    assert set(lost["rule"]) == {"T.70"}


def made_of(sl: pl.DataFrame, grouped: pl.DataFrame) -> pl.DataFrame:
    """`grouped` with the groups that the rows are billed with."""
    return grouped.drop("billed").join(sl.select(sl_key="_row", billed="n_ksg"), on="sl_key", how="left", maintain_order="left")


def test_the_same_grouper_moves_nothing(month: tuple[dict[str, pl.DataFrame], Context]) -> None:
    tables, context = month
    context = replace(context, books=of_month(month))
    tables = {**tables, "grouped": group(tables, context)["grouped"]}
    billed_otherwise = tables["grouped"].filter(pl.col("ksg") != pl.col("billed"))
    assert billed_otherwise.height
    found = whatif.regroup(tables, context, context.agreement, context.law, context.books, None)
    assert found.moved.is_empty()
    assert found.findings.is_empty()
    assert found.again.is_empty()


def test_other_rules_of_a_stay(month: tuple[dict[str, pl.DataFrame], Context]) -> None:
    """Rules without any reason to pay a second group: every stay with several groups is priced again, as a full run does."""
    tables, context = month
    context = replace(context, books=of_month(month))
    tables = {**tables, "grouped": group(tables, context)["grouped"]}
    chosen = rules().model_copy(update={"beside": {}})
    found = whatif.regroup(tables, context, context.agreement, context.law, context.books, chosen)
    made = whatif.reprice(tables, context, context.agreement, context.law, found)
    full = price(found.billed(tables), context, chosen)
    assert_frame_equal(made.priced_sl, full["priced_sl"])
    assert_frame_equal(made.priced, full["priced"])
    paid = tables["priced_sl"]["beside"].is_in([*rules().beside])
    assert paid.any()
    assert (made.priced_sl.filter(paid)["price_kop"] == 0).all()


def test_what_is_loaded_is_what_prices_read() -> None:
    """A column that prices read and what-if does not load would be null there: another price than that of a full run."""
    read = {"sl": pricing._SL, "usl": pricing._USL, "sl_koef": pricing._KOEF}
    for name, columns in read.items():
        assert set(columns) - {"case_key"} <= set(months_again._COLUMNS[name]), name
