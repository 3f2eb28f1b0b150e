"""Identities: each holds on sound tables, and each one sees the kopeck that is off."""

from __future__ import annotations

import polars as pl
import pytest
import reports_data as data

from omsclaims import messages
from omsclaims.periods import Month
from omsclaims.reports.identities import Identity, month_identities


def broken(table: str, column: str) -> dict[str, pl.DataFrame]:
    """The month with one kopeck more in the first row of a column."""
    tables = data.month()
    first = pl.int_range(pl.len()) == 0
    return tables | {table: tables[table].with_columns(pl.col(column) + pl.when(first).then(1).otherwise(0))}


def test_all_hold_on_a_sound_month() -> None:
    found = month_identities(data.month())
    assert [item.name for item in found if not item.holds] == []
    assert [item.name for item in found] == [
        "summav", "sum_m", "sumv_usl", "billed_accepted_refused", "sanctions", "payers", "territories", "act_121", "act_121_each", "act_132",
        "act_132_each", "ledger",
    ]  # fmt: skip
    billed = next(item for item in found if item.name == "billed_accepted_refused")
    assert billed.left == sum(row[2] for row in data.CASES)


@pytest.mark.parametrize(("table", "column", "names"), [
    ("cases", "sumv", {"summav"}), ("sl", "sum_m", {"sum_m"}), ("sanctions", "s_sum", {"sanctions"}),
    ("payments", "accepted_kop", {"payers"}), ("territory_bills", "amount_kop", {"territories"}),
    ("act_121", "spent_kop", {"act_121", "act_121_each"}), ("act_132", "end_kop", {"act_132", "act_132_each"}),
    ("balances", "amount_kop", {"ledger"}), ("decisions", "sumv_kop", {"billed_accepted_refused", "sum_m"}),
])  # fmt: skip
def test_a_kopeck_is_seen(table: str, column: str, names: set[str]) -> None:
    assert {item.name for item in month_identities(broken(table, column)) if not item.holds} == names


def test_two_acts_that_are_off_against_each_other_are_seen() -> None:
    tables = data.month()
    swing = pl.when(pl.int_range(pl.len()) == 0).then(5).when(pl.int_range(pl.len()) == 1).then(-5).otherwise(0)
    tables["act_132"] = tables["act_132"].with_columns(pl.col("end_kop") + swing)
    assert [item.name for item in month_identities(tables) if not item.holds] == ["act_132_each"]


def test_standards_of_the_month_only() -> None:
    financing = data.frame("financing", [{"smo": "75001", "amount_kop": 70}, {"smo": "75002", "amount_kop": 30}])
    funding = data.frame("reg_funding", [
        {"month": "2022-02", "what": "standards", "amount_kop": 1}, {"month": "2022-03", "what": "standards", "amount_kop": 100},
        {"month": "2022-03", "what": "nsz", "smo": "75001", "amount_kop": 9},
    ])  # fmt: skip
    found = month_identities({"financing": financing, "reg_funding": funding}, Month(2022, 3))
    assert [(item.name, item.left, item.right) for item in found] == [("standards_shared", 100, 100)]


def test_each_identity_has_words() -> None:
    for name in ("standards_shared", *(item.name for item in month_identities(data.month()))):
        assert all(messages.text(f"reports.identity.{name}", lang) for lang in messages.LANGUAGES)


def test_identities_of_settlement_have_their_own_words() -> None:
    assert Identity("sumv_summav", 1, 1).text("en") == messages.text("identity.sumv_summav", "en")
