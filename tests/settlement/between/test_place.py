"""What does the place fund present, take as answered, correct and lose? (Rules 138-145)"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from omsclaims import contract
from omsclaims.settlement.between import items, place
from omsclaims.settlement.territories import territory_bills
from tests.settlement import settlement_samples as samples
from tests.settlement.between.test_items import frame, item
from tests.settlement.test_territories import month_tables


def test_every_presented_case_has_its_number_in_its_bill() -> None:
    tables = month_tables()
    tables["territory_bills"] = territory_bills(tables, samples.context())
    rows = place.items(tables, samples.context())
    # Case 2 was refused (territory 38), 4 is insured here, 5 (territory 28) was refused: 03 has case 3, 38 has case 1.
    assert rows.select("territory", "file_name", "nschet", "n_zap", "idcase", "case_key", "presented_kop").rows() == [
        ("03", "R7503220001", "03-2203-0001", 1, 1, 3, 300),
        ("38", "R7538220002", "38-2203-0002", 1, 1, 1, 100),
    ]
    assert rows["sumv_kop"].to_list() == [300, 100]


def test_the_order_of_cases_does_not_show_in_the_numbers() -> None:
    tables = month_tables()
    accepted = {"sump_kop": pl.col("sumv_kop"), "sank_it_kop": pl.lit(0, dtype=pl.Int64), "oplata": pl.lit(1, dtype=pl.Int64)}
    tables["decisions"] = tables["decisions"].with_columns(**accepted)
    tables["territory_bills"] = territory_bills(tables, samples.context())
    rows = place.items(tables, samples.context())
    assert rows.filter(pl.col("territory") == "38").select("n_zap", "case_key").rows() == [(1, 1), (2, 2)]
    backwards = {name: table.reverse() for name, table in tables.items()}
    assert place.items(backwards, samples.context()).equals(rows)


def test_items_that_are_not_the_bill_break_an_invariant() -> None:
    tables = month_tables()
    bills = territory_bills(tables, samples.context())
    tables["territory_bills"] = bills.with_columns(amount_kop=pl.col("amount_kop") + 1)
    with pytest.raises(AssertionError, match="differ from the bill"):
        place.items(tables, samples.context())


def test_care_outside_the_base_programme_is_not_presented_and_said_so() -> None:
    """VIDPOM 4 (palliative care): case 1 of territory 38 is accepted, paid by the place fund and not presented (Rules 147)."""
    tables = month_tables()
    outside = pl.when(pl.col("case_key") == 1).then(4).otherwise(31).cast(pl.Int64)
    tables["cases"] = tables["cases"].with_columns(vidpom=outside)
    tables["territory_bills"] = territory_bills(tables, samples.context())
    assert tables["territory_bills"]["territory"].to_list() == ["03"]
    assert place.items(tables, samples.context())["case_key"].to_list() == [3]
    found = place.kept_out(tables, samples.context())
    assert found.select("rule", "value").rows() == [("TB.14", "4")]
    assert '"territory":"38"' in found["params"][0]


def bill(*amounts: int) -> pl.DataFrame:
    """Items of a bill with these sums asked for."""
    return frame([item("bill", n, amount, 0, amount, 0, case_key=n * 10) for n, amount in enumerate(amounts, 1)])


def questioned(*amounts: int) -> pl.DataFrame:
    """The states when A took these sums."""
    given = [item("answer", n, 1000, 0, 1000 - taken, taken, s_tip=10, kods="204") for n, taken in enumerate(amounts, 1)]
    return items.fold(bill(*[1000] * len(amounts)), frame(given))


def test_own_acts_that_stand_are_what_a_corrected_part_gives_up() -> None:
    """Two acts on case 10: 2.16.1 stands with 300, a lighter one with 0; an act on a case of another bill is left out."""
    base = dict.fromkeys(contract.TABLES["deductions"].schema())
    rows = [
        {**base, "case_key": 10, "s_code": "a", "s_sum": 300, "s_tip": 52, "kod": 231, "state": "stands", "num_act": "7"},
        {**base, "case_key": 10, "s_code": "b", "s_sum": 0, "s_tip": 72, "kod": 240, "state": "lighter", "num_act": "8"},
        {**base, "case_key": 20, "s_code": "c", "s_sum": 50, "s_tip": 52, "kod": 231, "state": "superseded", "num_act": "9"},
        {**base, "case_key": 99, "s_code": "d", "s_sum": 50, "s_tip": 52, "kod": 231, "state": "stands", "num_act": "9"},
    ]
    deductions = pl.DataFrame(rows, schema=contract.TABLES["deductions"].schema(), orient="row")
    sanctions = place.refined(bill(1000, 1000), deductions)
    assert sanctions.select("n_zap", "s_sum", "s_osn", "num_act").rows() == [(1, 300, 231, "7")]
    made, found = place.corrected("D0175220001", bill(1000, 1000), questioned(400, 1000), sanctions)
    assert found.is_empty()
    assert made.select("n_zap", "sump_kop", "sank_it_kop", "s_ist", "oplata").rows() == [
        (1, 700, 300, 3, 3),
        (2, 1000, 0, None, None),
    ]


def test_an_accident_takes_an_accepted_item_back_whole() -> None:
    accidents = pl.DataFrame(
        [{"month": "2022-03", "package": "P", "n_zap": 1, "idcase": 1, "case_key": 20, "payer": "75", "mo": "750901", "notice": "N1",
          "code": "1.6.4", "kod": 217, "amount_kop": 1000}],
        schema=contract.TABLES["accident_deductions"].schema(), orient="row",
    )  # fmt: skip
    sanctions = place.taken_back(bill(1000, 1000), accidents, 10, date(2022, 6, 1))
    made, found = place.corrected("D0175220001", bill(1000, 1000), questioned(400, 0), sanctions)
    assert found.is_empty()
    assert made.select("n_zap", "sump_kop", "sank_it_kop", "kods").rows() == [(1, 1000, 0, None), (2, 0, 1000, "217")]
    after = items.step(questioned(400, 0), made, "corrected")
    assert after["state"].to_list() == ["presented_again", "withdrawn"]
    assert items.moved(questioned(400, 0), after)["withdrawn"] == 1000
    told = place.given_back("D0175220001", questioned(400, 0), after)
    assert told.select("rule", "value").rows() == [("TB.13", "1000")]
    assert place.given_back("D0175220001", after, after).is_empty()


def test_what_is_agreed_repeats_the_ground_of_the_home_fund() -> None:
    states = questioned(400, 1000)
    answers = frame([item("answer", n, 1000, 0, 0, 0, s_tip=10, kods="204;205") for n in (1, 2)])
    which = pl.DataFrame({"n_zap": [2], "idcase": [102]})
    given = place.given_up(states, answers, which, "D0175220001", date(2022, 6, 1))
    assert given.select("n_zap", "s_sum", "s_tip", "s_osn", "num_act").rows() == [(2, 1000, 10, 204, "D0175220001")]


def test_a_bill_of_a_clinic_that_is_not_in_the_register_is_not_presented_and_said_so() -> None:
    """All clinics but that of case 3 (territory 03) are in the register; it left it on the day before the end of the care."""
    tables = month_tables()
    ends = tables["cases"].filter(pl.col("case_key") == 3)["date_z_2"][0]
    assert ends is not None
    tables["cases"] = tables["cases"].with_columns(
        code_mo=pl.when(pl.col("case_key") == 3).then(pl.lit("750977")).otherwise(pl.lit("750901"))
    )
    register = [("750901", "A", date(2020, 1, 1), None), ("750977", "B", date(2020, 1, 1), ends - timedelta(days=1))]
    schema = contract.TABLES["reg_clinic"].schema()
    tables["reg_clinic"] = pl.DataFrame(register, schema=schema, orient="row")
    tables["territory_bills"] = territory_bills(tables, samples.context())
    assert tables["territory_bills"]["territory"].to_list() == ["38"]
    assert place.items(tables, samples.context())["case_key"].to_list() == [1]
    found = place.kept_out(tables, samples.context())
    assert found.select("rule", "value").rows() == [("TB.10", "750977")]
    tables["reg_clinic"] = pl.DataFrame([*register[:1], ("750977", "B", date(2020, 1, 1), ends)], schema=schema, orient="row")
    assert place.kept_out(tables, samples.context()).is_empty()
