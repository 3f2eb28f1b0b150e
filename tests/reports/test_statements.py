"""Figures of the statements from a small journal: they are those of the journal, whatever was undone, and small counts are hidden."""

from __future__ import annotations

import io
import itertools
import re
from datetime import date
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsclaims import contract
from omsclaims.law import federal_parameters
from omsclaims.periods import Month, Partition, SexAgeGroup
from omsclaims.reports import statement_pages, statements
from omsclaims.settlement import financing, ledger
from omsclaims.settlement.between import reconcile

FIRST, LAST = date(2022, 1, 1), date(2022, 3, 31)
PARTIES = {
    "fund": "fund:75", "insurer": "insurer:75901", "payer": "insurer:75901", "clinic": "clinic:750901", "territory": "territory:38",
    "cost": "cost", "pot": "payment_reserve", "party": "fund:75", "account": "money",
}  # fmt: skip


def journal(*events: tuple[str, date, int], undone: tuple[int, ...] = ()) -> pl.DataFrame:
    """Rows of the journal: events (rule, day, kopecks); `undone` are undone again on the same day, once for each time named."""
    rows: list[dict[str, Any]] = []
    for number, (name, day, amount) in enumerate(events):
        rule = ledger.posting_rules()[name]
        names = {role: PARTIES[role] for role in rule.roles()}
        for debit, credit in rule.accounts(names):
            row = {"posting_id": str(len(rows)), "month": f"{day:%Y-%m}", "date": day, "document": str(number), "rule": name,
                   "debit": debit, "credit": credit, "amount_kop": amount, "reverses": None}  # fmt: skip
            rows.append(row)
            for _ in range(undone.count(number)):
                back = {
                    "posting_id": str(len(rows)),
                    "debit": row["credit"],
                    "credit": row["debit"],
                    "reverses": row["posting_id"],
                }
                row = row | back
                rows.append(row)
    schema = contract.TABLES["journal"].schema()
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema)


JANUARY, FEBRUARY, MARCH = date(2022, 1, 10), date(2022, 2, 10), date(2022, 3, 10)
EVENTS: tuple[tuple[str, date, int], ...] = (
    ("budget_money", date(2021, 12, 1), 1_000_00), ("nsz_set_aside", JANUARY, 300_00), ("standards", JANUARY, 500_00),
    ("spare_fill", JANUARY, 50_00), ("bill", FEBRUARY, 400_00), ("withheld_mek", FEBRUARY, 30_00), ("withheld_mee", MARCH, 20_00),
    ("returned_mee", MARCH, 5_00), ("final_payment", MARCH, 200_00), ("fine", MARCH, 7_00), ("territory_bill", FEBRUARY, 90_00),
    ("territory_refund", MARCH, 60_00), ("final_payment", MARCH, 11_00),
)  # fmt: skip


def rows() -> pl.DataFrame:
    return statements.sides(journal(*EVENTS, undone=(12,)))


def test_cash_is_what_came_and_went() -> None:
    found = {row["party"]: row for row in statements.cash(rows(), FIRST, LAST).to_dicts()}
    # fund: 1000 before; nothing between money and nsz; 500 to the insurer, 60 back from territory 38
    fund = found["fund:75"]
    assert (fund["start_kop"], fund["in_kop"], fund["out_kop"], fund["end_kop"]) == (1_000_00, 60_00, 500_00, 560_00)
    insurer = found["insurer:75901"]  # 500 in, 200 to the clinic; 50 from one pot to another; 11 paid and undone
    assert (insurer["in_kop"], insurer["out_kop"], insurer["end_kop"]) == (500_00, 200_00, 300_00)
    assert found["clinic:750901"]["in_kop"] == 200_00 and "territory:38" not in found
    for row in found.values():
        assert row["end_kop"] == row["start_kop"] + row["in_kop"] - row["out_kop"]


def test_an_event_that_was_undone_and_put_back_came_once() -> None:
    put_back = statements.cash(statements.sides(journal(*EVENTS, undone=(12, 8, 8))), FIRST, LAST)
    assert put_back.equals(statements.cash(rows(), FIRST, LAST))


def test_an_insurer_that_takes_over_a_correction_counts_it_by_its_rule() -> None:
    """The fund's correction comes to an insurer as its own posting the other way round, which names none: money is taken back."""
    standing = journal(*EVENTS, undone=(12,)).with_columns(reverses=pl.lit(None, dtype=pl.String))
    assert statements.cash(statements.sides(standing), FIRST, LAST).equals(statements.cash(rows(), FIRST, LAST))
    back = statements.sides(journal(*EVENTS, undone=(1, 1, 1)).with_columns(reverses=pl.lit(None, dtype=pl.String)))
    assert statements.nsz_forecast(back, "75", LAST, {}, CLOSED).months.row(0, named=True)["in_kop"] == 0
    assert statements.nsz_forecast(back, "75", LAST, {}, CLOSED).months.row(0, named=True)["out_kop"] == 0


def test_balances_with_which_books_begin_came_in_and_opened_anew_count_once() -> None:
    first = journal(("opening", FIRST, 70_00), ("opening", FIRST, 90_00), undone=(0,))
    (row,) = statements.cash(statements.sides(first), FIRST, LAST).to_dicts()
    assert (row["party"], row["in_kop"], row["out_kop"], row["end_kop"]) == ("fund:75", 90_00, 0, 90_00)


def test_accruals_savings_and_debts() -> None:
    (row,) = statements.accrual(rows(), FIRST, LAST).to_dicts()
    assert (row["payer"], row["clinic"]) == ("insurer:75901", "clinic:750901")
    assert (row["billed_kop"], row["mek_kop"], row["mee_kop"], row["ekmp_kop"]) == (400_00, 30_00, 15_00, 0)
    assert (row["accepted_kop"], row["transferred_kop"]) == (355_00, 200_00)
    saved = {row["kind"]: (row["withheld_kop"], row["returned_kop"], row["net_kop"]) for row in
             statements.savings(rows(), FIRST, LAST).to_dicts()}  # fmt: skip
    assert saved == {"mek": (30_00, 0, 30_00), "mee": (20_00, 5_00, 15_00), "fine": (7_00, 0, 7_00)}
    owed = {(row["kind"], row["party"], row["other"]): (row["start_kop"], row["end_kop"]) for row in
            statements.debts(rows(), FIRST, LAST).to_dicts()}  # fmt: skip
    assert owed["care", "insurer:75901", "clinic:750901"] == (0, -155_00)  # 400 - 30 - 15 - 200
    assert owed["fine", "insurer:75901", "clinic:750901"] == (0, 7_00)
    assert owed["refund", "fund:75", "territory:38"] == (0, 30_00)
    assert owed["entrusted", "fund:75", "insurer:75901"][0] == 0 and not any(party == "clinic:750901" for _, party, _ in owed)
    later = statements.debts(rows(), date(2022, 3, 1), LAST).filter(pl.col("kind") == "care").row(0, named=True)
    assert (later["start_kop"], later["end_kop"]) == (-370_00, -155_00)


_EVENT = st.tuples(
    st.sampled_from(["standards", "bill", "withheld_mek", "withheld_mee", "returned_mee", "final_payment", "advance", "nsz_set_aside",
                     "territory_bill", "territory_refund", "fine", "spare_fill", "case_management"]),
    st.dates(date(2021, 11, 1), date(2022, 5, 31)), st.integers(1, 10**10),
)  # fmt: skip


@given(st.lists(_EVENT, max_size=20), st.sets(st.integers(0, 19)))
def test_figures_are_those_of_the_journal(events: list[tuple[str, date, int]], undone: set[int]) -> None:
    held = journal(*events, undone=tuple(undone))
    both = statements.sides(held)
    assert both["kop"].sum() == 0
    cash = statements.cash(both, FIRST, LAST)
    moved = {}
    for debit, credit, amount, day in held.select("debit", "credit", "amount_kop", "date").iter_rows():
        if day <= LAST:
            moved[debit] = moved.get(debit, 0) + amount
            moved[credit] = moved.get(credit, 0) - amount
    for row in cash.to_dicts():
        kind = row["party"].split(":")[0]
        assert row["end_kop"] == sum(moved.get(f"{row['party']}/{name}", 0) for name in statements.CASH[kind])
        assert row["end_kop"] == row["start_kop"] + row["in_kop"] - row["out_kop"]
    for row in statements.debts(both, FIRST, LAST).to_dicts():
        purposes = statements.DEBTS[row["kind"]]
        assert row["end_kop"] == sum(moved.get(f"{row['party']}/{name}/{row['other']}", 0) for name in purposes)


# ---- reserves, ages, forecast ------------------------------------------------------------------------------------------


def test_reserves_stand_beside_their_limits() -> None:
    contracts = contract.TABLES["reg_contract"].empty()
    months = [Month(2022, 1), Month(2022, 2), Month(2022, 3)]
    found = statements.reserves(journal(*EVENTS, undone=(12,)), months, contracts, federal_parameters()).to_dicts()
    assert [row["month"] for row in found] == ["2022-01", "2022-02", "2022-03"]
    last = found[-1]
    # paid since 1 January: 200.00 in 3 months and 90 days: a month 66.66, 14 days 31.11
    assert (last["paid_kop"], last["spare_limit_kop"], last["preventive_limit_kop"]) == (200_00, 66_66, 31_11)
    assert (last["payment_kop"], last["spare_kop"], last["preventive_kop"]) == (250_00, 50_00, 0)


def bills(*entries: tuple[str, date, str, date, int]) -> pl.DataFrame:
    schema = {**reconcile.MOVES, "side": pl.String(), "territory": pl.String()}
    return pl.DataFrame(
        [(bill, bill, dschet, what, on, kop, "place", "38") for bill, dschet, what, on, kop in entries],
        schema=schema,
        orient="row",
    )


@pytest.mark.parametrize(("days", "expected"), [(0, 0), (25, 0), (26, 26), (60, 26), (61, 61), (90, 61), (91, 91), (180, 91),
                                                (181, 181), (365, 181), (366, 366), (900, 366)])  # fmt: skip
def test_the_age_of_a_debt_counts_from_its_bill(days: int, expected: int) -> None:
    on = date(2022, 9, 30)
    born = date.fromordinal(on.toordinal() - days)
    (row,) = statements.aging(bills(("R1", born, "presented", born, 100), ("R1", born, "refunded", on, 40)), on).to_dicts()
    assert (row["age_from"], row["owed_kop"], row["bills"]) == (expected, 60, 1)


def test_what_is_paid_or_later_has_no_age() -> None:
    on = date(2022, 9, 30)
    rows_of = bills(
        ("R1", on, "presented", on, 100), ("R1", on, "refused", on, 100), ("R2", on, "presented", date(2022, 10, 1), 5)
    )
    assert statements.aging(rows_of, on).is_empty()


def states(*found: tuple[str, int, int, int, int]) -> pl.DataFrame:
    """bill, presented, accepted, refused, open."""
    schema = contract.TABLES["between_states"].schema()
    table = [
        {"bill": bill, "n_zap": n, "idcase": n, "presented_kop": p, "accepted_kop": a, "refused_kop": r, "open_kop": o,
         "conceded_kop": 0}
        for n, (bill, p, a, r, o) in enumerate(found)
    ]  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in table], schema=schema)


def test_open_bills_come_in_at_the_share_accepted_so_far() -> None:
    day = date(2022, 3, 1)
    # of 1000 decided 800 were accepted: 80 %. Owed 500: 300 of it accepted and unpaid, 200 open or not sent: 300 + 160
    moved = bills(("R1", day, "presented", day, 1000), ("R1", day, "refused", day, 200), ("R1", day, "refunded", day, 500),
                  ("R2", day, "presented", day, 200))  # fmt: skip
    found = statements.open_bills(
        moved, {"place": states(("R1", 1000, 800, 200, 0), ("R2", 200, 0, 0, 200))}, {"place": 500}, LAST
    )
    assert found == {"place": 300 + 160}
    nothing = statements.open_bills(moved, {"place": states(("R2", 200, 0, 0, 200))}, {"place": 200}, LAST)
    assert nothing == {"place": 200}  # nothing decided yet: all of it
    assert statements.open_bills(moved.clear(), {"place": states()}, {"place": -5}, LAST) == {"place": 0}


CLOSED = ("2022-01", "2022-02", "2022-03")


def test_a_month_with_events_only_does_not_pull_the_mean_down() -> None:
    """Where money moves by events an open month has advances, financing and money of the reserve long before it is closed."""
    april, end = date(2022, 4, 10), date(2022, 4, 30)
    events = statements.sides(
        journal(*EVENTS, ("advance", april, 5_00), ("standards", april, 7_00), ("nsz_set_aside", april, 3_00))
    )
    made = statements.nsz_forecast(events, "75", end, {}, CLOSED).months
    assert made.row(3, named=True)["in_kop"] == 3_00  # shown as it is
    assert made["in_kop"].to_list()[4:] == [100_00] * 8  # 300 of three months, not 303 of four
    closed = statements.nsz_forecast(events, "75", end, {}, (*CLOSED, "2022-04", "2022-05")).months
    assert closed["in_kop"].to_list()[4:] == [75_75] * 8  # 303 / 4
    assert statements.nsz_forecast(events, "75", end, {}, ()).months["in_kop"].to_list()[4:] == [0] * 8


def test_the_forecast_goes_on_by_the_mean_and_ends_in_december() -> None:
    made = statements.nsz_forecast(rows(), "75", LAST, {"place": 100_00, "home": 40_00}, CLOSED)
    table = made.months
    assert table["month"].to_list() == [f"2022-{number:02d}" for number in range(1, 13)]
    assert table["kind"].to_list() == ["actual"] * 3 + ["forecast"] * 9
    # January 300 set aside; March a refund of 60. Three months are closed: mean in 300 / 3 = 100
    assert table["nsz_kop"].to_list()[:3] == [300_00, 300_00, 360_00]
    assert table.row(3, named=True) | {"month": "", "kind": ""} == {
        "month": "", "kind": "", "in_kop": 100_00, "out_kop": 0, "refunds_kop": 60_00, "nsz_kop": 520_00,
    }  # fmt: skip
    assert made.year_end_kop == 520_00 + 8 * 100_00
    later = statements.nsz_forecast(rows(), "75", date(2022, 5, 31), {}, CLOSED).months  # April, May: no closing yet
    assert later.row(5, named=True)["in_kop"] == 100_00 and later["nsz_kop"].to_list()[4] == 360_00


# ---- disclosure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "shown", "total"),
    [
        ([10, 20], [10, 20], (30, 30)), ([0, 7], [0, 7], (7, 7)), ([3, 20, 10], [None, 20, 10], (31, 34)),
        ([1, 5, 50], [None, 5, 50], (56, 59)), ([1, 1, 5, 90], [None, None, 5, 90], (97, 103)), ([4, 5, 5], [None, 5, 5], (11, 14)),
        ([2], [None], (1, 4)), ([3, 4], [None, None], (2, 8)), ([4, 0], [None, 0], (1, 4)), ([5], [5], (5, 5)), ([], [], (0, 0)),
        ([0], [0], (0, 0)),
    ],
)  # fmt: skip
def test_small_counts_are_hidden_and_the_total_is_what_it_may_be(
    counts: list[int], shown: list[int | None], total: tuple[int, int]
) -> None:
    assert statements.suppress(counts) == shown
    assert statements.total_of(shown) == total


def published(counts: list[int]) -> tuple[list[int | None], tuple[int, int]]:
    shown = statements.suppress(counts)
    return shown, statements.total_of(shown)


@given(st.lists(st.integers(0, 60) | st.integers(0, 6), max_size=8))
def test_what_is_shown_never_tells_a_small_count(counts: list[int]) -> None:
    """Whoever knows the rule asks which lists give just this publication: each hidden count may be any small one, apart."""
    shown, total = published(counts)
    small = [place for place, count in enumerate(counts) if 0 < count <= statements.SMALL]
    assert [place for place, one in enumerate(shown) if one is None] == small
    for place in small:
        for other in range(1, statements.SMALL + 1):
            assert published([*counts[:place], other, *counts[place + 1 :]]) == (shown, total)
    assert total[0] <= sum(counts) <= total[1] and (total[0] == total[1]) == (not small)


def test_every_list_that_fits_is_told_alike() -> None:
    """All lists of three counts up to 9, by what is published of them: no group knows a hidden count better than 1-4."""
    groups: dict[str, list[tuple[int, ...]]] = {}
    for counts in itertools.product(range(10), repeat=3):
        groups.setdefault(repr(published(list(counts))), []).append(counts)
    for of_group in groups.values():
        for values in zip(*of_group, strict=True):
            assert len(set(values)) == 1 or set(values) == set(range(1, statements.SMALL + 1))


def test_the_insured_are_counted_once_on_the_day() -> None:
    people = [
        {"enp": "1", "smo": "75901", "place": "a", "policy_from": FIRST}, {"enp": "1", "smo": "75901", "place": "a", "policy_from": FIRST},
        {"enp": "2", "smo": "75901", "place": "a", "policy_from": FIRST, "policy_to": date(2022, 3, 30)},
        {"enp": "3", "smo": "75901", "place": "b", "policy_from": FIRST, "died_on": LAST},
        {"spolis": "x", "npolis": "4", "smo": "75902", "place": "b", "policy_from": LAST},
        {"spolis": "x", "npolis": "5", "smo": "75902", "place": "b", "policy_from": LAST},
        {"enp": "6", "smo": "75901", "place": "a", "policy_from": date(2022, 4, 1)},
    ]  # fmt: skip
    # 3 died on the day: the standards of it pay for 3, too
    assert statements.insured(insured(*people), LAST).rows() == [("75901", "a", 1), ("75901", "b", 1), ("75902", "b", 2)]
    assert statements.insured(insured(), LAST).rows() == []


def insured(*people: dict[str, Any]) -> pl.DataFrame:
    schema = contract.TABLES["reg_insured"].schema()
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in people], schema=schema)


def test_who_went_to_another_insurer_counts_with_the_new_one_only() -> None:
    """The old policy was left open in the register: the person is paid for, and published, with the policy that began last."""
    moved = [{"enp": "1", "smo": smo, "place": "a", "policy_from": day} for smo, day in (("75901", FIRST), ("75902", MARCH))]
    assert statements.insured(insured(*moved), LAST).rows() == [("75902", "a", 1)]
    assert statements.insured(insured(*moved), FEBRUARY).rows() == [("75901", "a", 1)]


def test_people_without_a_number_are_told_apart_by_name_and_birth() -> None:
    named = [{"fam": fam, "im": "Я", "dr": day, "smo": "75901", "place": None, "policy_from": FIRST}
             for fam, day in (("А", FIRST), ("Б", FIRST), ("Б", MARCH), ("Б", MARCH))]  # fmt: skip
    assert statements.insured(insured(*named), LAST).rows() == [("75901", None, 3)]


_PERSON = st.fixed_dictionaries({
    "enp": st.sampled_from([None, "1", "2"]), "npolis": st.sampled_from([None, "3"]), "fam": st.sampled_from([None, "А", "Б"]),
    "smo": st.sampled_from(["75901", "75902"]), "place": st.sampled_from([None, "a", "b"]),
    "policy_from": st.sampled_from([FIRST, FEBRUARY, LAST]), "policy_to": st.sampled_from([None, MARCH, LAST]),
    "died_on": st.sampled_from([None, MARCH, LAST]),
})  # fmt: skip


#: Two groups of age: those of the standards are summed.
PARTITION = Partition((SexAgeGroup("1", (1, 2), 0, 17), SexAgeGroup("2", (1, 2), 18, None)))


@given(st.lists(_PERSON, max_size=8))
def test_insured_are_those_of_the_standards(people: list[dict[str, Any]]) -> None:
    found = statements.insured(insured(*people), LAST)
    paid = financing.count_on(insured(*people), PARTITION, LAST)
    expected: dict[tuple[str, str], int] = {}
    for (smo, place, _), count in paid.items():
        expected[smo, place] = expected.get((smo, place), 0) + count
    assert {(smo, place or "-"): count for smo, place, count in found.iter_rows()} == expected


def acts(*made: tuple[str, int, str | None, str, str | None, str, date]) -> pl.DataFrame:
    """payer, case, ground, number, first act, month of the case, day; each settled in the month of its day, in this order."""
    schema = contract.TABLES["expertise_acts"].schema()
    rows = [
        {"payer": payer, "n_zap": n, "idcase": n, "code": code, "num_act": number, "first_act": first, "month": month, "package": "H",
         "date_act": day, "settle_month": f"{day:%Y-%m}", "seq": seq}
        for seq, (payer, n, code, number, first, month, day) in enumerate(made)
    ]  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


COMPLAINTS = pl.DataFrame(
    [(month, "H", n, n) for month in ("2021-12", "2022-02", "2022-03") for n in (1, 2, 3)],
    schema={"month": pl.String, "package": pl.String, "n_zap": pl.Int64, "idcase": pl.Int64}, orient="row",
)  # fmt: skip
TOLD = [Month(2022, 2), Month(2022, 3)]


def told(*made: tuple[str, int, str | None, str, str | None, str, date]) -> list[tuple[Any, ...]]:
    return statements.violations(acts(*made), COMPLAINTS, LAST, TOLD).rows()


def test_violations_are_those_of_complaints_only() -> None:
    found = [("75901", 1, "2.16.1"), ("75901", 1, "2.16.1"), ("75901", 2, "2.16.1"), ("75901", 3, None), ("75901", 4, "3.1.1"),
             ("75", 1, "2.16.1")]  # fmt: skip
    made = [(payer, n, code, str(n), None, "2022-02", MARCH) for payer, n, code in found]
    assert told(*made) == [("75901", "2.16.1", 2)]
    assert told() == []


def test_violations_are_those_of_the_day_and_months_that_the_page_names() -> None:
    inside = ("75901", 1, "2.16.1", "1", None, "2022-03", LAST)
    later = ("75901", 2, "2.16.1", "2", None, "2022-03", date(2022, 4, 1))
    of_last_year = ("75901", 1, "2.16.1", "3", None, "2021-12", MARCH)
    of_open_month = ("75901", 1, "2.16.1", "4", None, "2022-04", LAST)
    assert told(inside, later, of_last_year, of_open_month) == [("75901", "2.16.1", 1)]
    assert told(later, of_last_year, of_open_month) == []


FOUND = ("75901", 1, "2.16.1", "7", None, "2022-02", MARCH)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([("75", 1, None, "A1", "7", "2022-02", LAST)], []),  # the appeal was upheld: nothing is left
        ([("75", 1, "3.1.1", "A1", "7", "2022-02", LAST)], [("75901", "3.1.1", 1)]),  # changed: the ground that is left
        ([("75", 1, None, "7", "7", "2022-02", LAST)], []),  # numbers of two makers may be the same
        ([("75901", 1, None, "8", "7", "2022-02", LAST)], []),  # the insurer itself reversed it
        ([("75", 1, "3.1.1", "A1", "7", "2022-02", MARCH), ("75", 1, "3.2.1", "A2", "A1", "2022-02", LAST)], [("75901", "3.2.1", 1)]),
        ([("75", 1, "3.1.1", "A1", "7", "2022-02", MARCH), ("75", 1, None, "A2", "7", "2022-02", LAST)], []),  # the later counts
        ([("75", 1, None, "A1", "7", "2022-02", date(2022, 4, 1))], [("75901", "2.16.1", 1)]),  # on the day it still stood
        ([("75", 2, None, "A1", "7", "2022-02", LAST)], [("75901", "2.16.1", 1)]),  # of another case
        ([("75", 1, "3.1.1", "A1", "A1", "2022-02", LAST)], [("75901", "2.16.1", 1)]),  # a fund's act about itself
    ],
)  # fmt: skip
def test_a_violation_that_was_overturned_is_not_published(later: list[Any], expected: list[tuple[str, str, int]]) -> None:
    assert told(FOUND, *later) == expected


def disclosed(people: list[int], cases: list[int]) -> statement_pages.Disclosure:
    insured_of = pl.DataFrame({"smo": ["75901"] * len(people), "place": list("abcd")[: len(people)], "people": people})
    found = pl.DataFrame({"smo": ["75901"] * len(cases), "code": ["2.16.1", "3.1.1"][: len(cases)], "cases": cases})
    clinics = pl.DataFrame({"smo": ["75901"], "mo": ["750901"], "name": ["<b>x"], "usl_ok": [[1, 3]], "vidpom": [[12]]})
    return statement_pages.Disclosure(LAST, [Month(2022, 3)], {"75901": "Первая"}, insured_of, clinics, found)


def cells(text: str) -> list[str]:
    """What stands in the cells of a page whose numbers are right-aligned."""
    return re.findall(r'<td class="n">([^<]*)</td>', text)


def test_the_disclosure_hides_small_counts_on_page_and_sheet() -> None:
    for lang, hidden in (("ru", "скрыто"), ("en", "hidden")):
        made = disclosed([1, 5, 50], [2, 7])
        page = statement_pages.disclosure_page(made, lang)
        assert cells(page) == [hidden, "5", "50", "56\u201359", hidden, "7", "8\u201311"]
        assert cells(statement_pages.disclosure_page(disclosed([5, 2200], [7]), lang)) == [
            "5", f"2{separator(lang)}200", f"2{separator(lang)}205", "7", "7",
        ]  # fmt: skip
        assert "<b>x" not in page and "&lt;b&gt;x" in page
        book = openpyxl.load_workbook(io.BytesIO(statement_pages.disclosure_workbook(made, lang)))
        texts = [row[2].value for name in (0, 2) for row in book.worksheets[name].iter_rows(min_col=1, max_col=3) if row[2].value]
        assert [text for text in texts if text[0].isdigit() or text == hidden] == cells(page)


def separator(lang: str) -> str:
    return "\u00a0" if lang == "ru" else ","


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_papers_that_differ_in_hidden_counts_only_are_the_same_byte_by_byte(lang: str) -> None:
    one, other = disclosed([1, 5, 50, 4], [2, 7]), disclosed([3, 5, 50, 1], [4, 7])
    assert statement_pages.disclosure_page(one, lang) == statement_pages.disclosure_page(other, lang)
    assert statement_pages.disclosure_workbook(one, lang) == statement_pages.disclosure_workbook(other, lang)


@pytest.mark.parametrize(("kop", "largest", "shown"), [
    (0, 1, "0"), (99, 99, "0"), (123_45, 999_999_99, "123"), (999_999_99, 999_999_99, "999,999"), (-5_00, 6_00, "\u22125"),
    (1_234_567_89, 1_234_567_89, "1,234 K"), (123_45, 1_000_000_00, "0 K"), (999_999_999_99, 999_999_999_99, "999,999 K"),
    (47_961_761_029_57, 47_961_761_029_57, "47,961 M"), (-260_000_123_45, 1_000_000_000_00, "\u2212260 M"), (-1_00, 1_000_000_00, "0 K"),
])  # fmt: skip
def test_amounts_over_columns_are_short_and_of_one_unit(kop: int, largest: int, shown: str) -> None:
    assert statement_pages.short_amount(kop, largest, "en") == shown
