"""Is a bill of a clinic outside the Federation controlled, paid and reconciled as chapter XII says? (law.md 12)"""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims import findings, messages
from omsclaims.law import federal_parameters
from omsclaims.periods import Month
from omsclaims.settlement import ledger
from omsclaims.settlement.between import abroad, terms
from tests.settlement import settlement_samples as samples
from tests.settlement.between.home_samples import bill, item, registers

LAW: Final = federal_parameters()
OF: Final = samples.context("2022-02", as_of=date(2022, 3, 20))
PACKAGE: Final = "HM990001T75_220201"


def package(*rows: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """An H package: persons apart, as file L has them."""
    made = bill(*rows, name=PACKAGE)
    number = made["zap"].select(pl.col("_row").alias("_parent"), pl.col("n_zap").cast(pl.String).alias("_pac"))
    patient = made["patient"].join(number, on="_parent").with_columns(id_pac=pl.col("_pac")).drop("_pac")
    person = patient.select("id_pac", "fam", "im", "ot", "w", "dr")
    bare = patient.with_columns(pl.lit(None).cast(patient.schema[name]).alias(name) for name in ("fam", "im", "ot", "w", "dr"))
    return {**made, "patient": bare, "person": person}


def controlled(*rows: dict[str, Any], **given: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    known = registers(**given)
    decisions, found, _ = abroad.control({**abroad.tables(PACKAGE, package(*rows)), **known}, date(2022, 3, 20), OF)
    return decisions, found


def test_control_notice_and_sums() -> None:
    """Three items of 1,000.00; the second is of a person who is not insured here."""
    decisions, found = controlled(item(1), item(2, enp="0099999999999999"), item(3))
    assert decisions.rows() == [
        (1, 1, 100_000, 100_000, None, None),
        (2, 2, 100_000, 0, "1.5", 210),
        (3, 3, 100_000, 100_000, None, None),
    ]
    assert [row for row in found["rule"] if row.startswith("TH")] == ["TH.1"]
    notice = abroad.notice("990001", "7", decisions)
    assert notice.rows() == [("990001", "7", 2, 2, 100_000, 0, 100_000, "1.5", 210)]
    told = abroad.bill_row("990001", "7", date(2022, 3, 10), decisions)
    assert told.rows() == [("990001", "7", date(2022, 3, 10), 300_000, 0, 100_000)]


def test_persons_of_the_file_l_are_known() -> None:
    decisions, _ = controlled(item(1, vidpom=4), item(2))
    assert decisions.select("sump_kop", "code").rows() == [(0, "1.6.1"), (100_000, None)]


def test_a_bill_in_the_books_and_paid_leaves_no_debt() -> None:
    decisions, _ = controlled(item(1), item(2, enp="0099999999999999"))
    told = abroad.bill_row("990001", "7", date(2022, 3, 10), decisions)
    rows = abroad.events("75", told, date(2022, 3, 20), date(2022, 4, 1))
    assert rows.select("event", "date", "amount_kop").rows() == [
        ("bill_abroad", date(2022, 3, 20), 200_000), ("withheld_abroad", date(2022, 3, 20), 100_000),
        ("payment_to_clinic_abroad", date(2022, 4, 1), 100_000),
    ]  # fmt: skip
    assert json.loads(rows["parties"][0]) == {"fund": "fund:75", "outside": "outside:990001"}
    assert set(rows["event"]) <= set(ledger.posting_rules())
    everything = abroad.bill_row("990001", "8", date(2022, 3, 10), decisions.filter(pl.col("n_zap") == 1))
    assert abroad.events("75", everything, date(2022, 3, 20))["event"].to_list() == ["bill_abroad"]


def moves(*rows: tuple[str, date, str, date, int]) -> pl.DataFrame:
    table = [("990001", nschet, dschet, what, on, amount) for nschet, dschet, what, on, amount in rows]
    return pl.DataFrame(table, schema=abroad.MOVES, orient="row")


def test_the_yearly_act_by_hand() -> None:
    """Bill 1 of August stands with 500.00 at the start and is paid in October; bill 2: 900.00 less 100.00, 300.00 paid;
    bill 3 was paid before the period; bill 4 is of the next one."""
    given = moves(
        ("1", date(2021, 8, 10), "presented", date(2021, 8, 10), 50_000), ("1", date(2021, 8, 10), "paid", date(2021, 10, 5), 50_000),
        ("2", date(2022, 1, 12), "presented", date(2022, 1, 12), 90_000), ("2", date(2022, 1, 12), "refused", date(2022, 1, 20), 10_000),
        ("2", date(2022, 1, 12), "paid", date(2022, 9, 30), 30_000), ("2", date(2022, 1, 12), "paid", date(2022, 10, 1), 50_000),
        ("3", date(2021, 5, 10), "presented", date(2021, 5, 10), 70_000), ("3", date(2021, 5, 10), "paid", date(2021, 9, 30), 70_000),
        ("4", date(2022, 10, 3), "presented", date(2022, 10, 3), 10_000),
    )  # fmt: skip
    year = terms.reconciliation(2022, LAW, "abroad")
    assert (year.begin, year.end, year.send_by, year.return_by) == (
        date(2021, 10, 1), date(2022, 9, 30), date(2022, 11, 15), date(2022, 12, 15),
    )  # fmt: skip
    act = abroad.yearly_act(given, year.begin, year.end)
    assert act.drop("mo", "dschet").rows() == [("1", 50_000, 0, 50_000, 0, 0), ("2", 0, 90_000, 30_000, 10_000, 50_000)]
    assert abroad.yearly_act(given.reverse(), year.begin, year.end).equals(act)
    following = abroad.yearly_act(given, date(2022, 10, 1), date(2023, 9, 30))
    # What stands at the end of one act stands at the start of the next.
    assert following.filter(pl.col("nschet") == "2")["start_kop"].to_list() == [50_000]


def test_a_late_bill_is_said_and_a_clinic_not_in_the_register_too() -> None:
    # 10th working day of March 2022: 01-05.03 5 (worked Saturday), 09-11.03 8, 14-15.03 10
    assert abroad.late(Month(2022, 2), date(2022, 3, 15), LAW) == []
    (late,) = abroad.late(Month(2022, 2), date(2022, 3, 16), LAW)
    assert late.rule == "TA.1" and dict(late.params)["due"] == "2022-03-15"
    clinics = samples.rows(
        "reg_clinic", {"mo": "990001", "name": "x", "valid_from": date(2022, 1, 1), "valid_to": date(2022, 2, 10)}
    )
    assert abroad.unknown_clinic("990001", clinics, date(2022, 2, 10)).is_empty()
    for mo, on in (("990001", date(2022, 2, 11)), ("990001", date(2021, 12, 31)), ("990002", date(2022, 2, 1))):
        found = abroad.unknown_clinic(mo, clinics, on)
        assert found["rule"].to_list() == ["TA.2"]
        for lang in ("ru", "en"):
            assert mo in findings.with_text(found, lang)["text"][0] and messages.text("rule.TA.2.todo", lang)
