"""Does a month settle to the kopeck, and the next one from its balances? (Rules 115-141; law.md 4, 10.7-10.8, 11, 13)"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import contract, findings, messages
from omsclaims.law import federal_parameters
from omsclaims.money import parse_amount
from omsclaims.settlement import decide, identities, settle
from tests.settlement import settlement_samples as samples

CASES = Path(__file__).parents[2] / "fixtures" / "settlement"
CELLS = {("north", group["code"]): 100_000 for group in federal_parameters().value("financing.partition", date(2022, 3, 1))}
Bill = tuple[str, str | None, str, int, bool]  # status, insurer or territory, clinic, kopecks, refused


def load(name: str) -> Any:
    return yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))


def context(month: str = "2022-03") -> Any:
    return samples.context(month, agreement=samples.agreement(CELLS))


def month_tables(bills: list[Bill], used: Any, **registers: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    """Tables of a month from bills and rows of registers; one insured man with 75901 and one with 75902."""
    cases = samples.rows(
        "cases", *(samples.case(key, code_mo=mo, sumv=amount) for key, (_, _, mo, amount, _) in enumerate(bills, 1))
    )
    identified = samples.rows(
        "identified",
        *(
            {
                "case_key": key, "status": status, "smo": who if status == "own" else None,
                "territory": {"own": "75", "other": who}.get(status), "okato": "25000" if status == "other" else None,
            }
            for key, (status, who, *_) in enumerate(bills, 1)
        ),
    )  # fmt: skip
    refusals = findings.frame([samples.found("C009", "1.5", key) for key, bill in enumerate(bills, 1) if bill[4]])
    people = [
        {"enp": smo, "smo": smo, "w": 1, "dr": date(1980, 1, 1), "policy_from": date(2020, 1, 1), "place": "north"}
        for smo in ("75901", "75902")
    ]
    insurers = [{"smo": smo, "valid_from": date(2020, 1, 1)} for smo in ("75901", "75902")]
    return {
        "cases": cases,
        "identified": identified,
        "decisions": decide(refusals, {"cases": cases}, used, "person", None),
        "reg_insured": samples.rows("reg_insured", *people),
        "reg_insurer": samples.rows("reg_insurer", *insurers),
        "reg_advance": samples.rows("reg_advance", *({"month": str(used.month), **row} for row in registers.get("advance", []))),
        "reg_funding": samples.rows("reg_funding", *({"month": str(used.month), **row} for row in registers.get("funding", []))),
        "reg_opening": samples.rows("reg_opening", *registers.get("opening", [])),
    }


def standards(kopecks: int) -> dict[str, Any]:
    return {"what": "standards", "smo": None, "amount_kop": kopecks}


def balance(result: dict[str, pl.DataFrame], account: str) -> int:
    return dict(result["balances"].iter_rows()).get(account, 0)


def test_a_month_of_all_parties_by_hand() -> None:
    used = context()
    bills: list[Bill] = [
        ("own", "75901", "750901", 60_000, False), ("own", "75901", "750901", 5_000, True), ("own", "75902", "750901", 20_000, False),
        ("own", "75902", "750902", 0, False), ("other", "38", "750901", 7_000, False), ("other", "38", "750902", 1_000, True),
        ("unknown", None, "750902", 900, True),
    ]  # fmt: skip
    advance = [
        {"payer": "75901", "mo": "750901", "amount_kop": 10_000, "excepted": False},
        {"payer": "75902", "mo": "750901", "amount_kop": 30_000, "excepted": False},
        {"payer": "75", "mo": "750901", "amount_kop": 2_000, "excepted": False},
    ]
    funding = [
        standards(200_000), {"what": "nsz", "smo": None, "amount_kop": 8_000}, {"what": "nsz", "smo": "75901", "amount_kop": 500},
        {"what": "spare_fill", "smo": "75901", "amount_kop": 4_000},
    ]  # fmt: skip
    result = settle(month_tables(bills, used, advance=advance, funding=funding), used)
    assert result["findings"].is_empty()
    assert result["financing"].select("smo", "amount_kop", "case_management_kop").rows() == [
        ("75901", 100_000, 1_000),
        ("75902", 100_000, 1_000),
    ]
    columns = [
        "payer",
        "mo",
        "cases",
        "refused_cases",
        "billed_kop",
        "withheld_mek_kop",
        "accepted_kop",
        "advance_kop",
        "payment_kop",
        "excess_after_kop",
    ]
    assert result["payments"].select(columns).rows() == [
        ("75", "750901", 1, 0, 7_000, 0, 7_000, 2_000, 5_000, 0),
        ("75", "750902", 2, 2, 1_900, 1_900, 0, 0, 0, 0),
        ("75901", "750901", 2, 1, 65_000, 5_000, 60_000, 10_000, 50_000, 0),
        ("75902", "750901", 1, 0, 20_000, 0, 20_000, 30_000, 0, 10_000),
        ("75902", "750902", 1, 0, 0, 0, 0, 0, 0, 0),
    ]
    # 75901: 100,000 + 500 - 1,000 - 60,000 = 39,500, of which 4,000 spare; 75902: 100,000 - 1,000 - 30,000.
    assert result["act_121"].select(
        "smo",
        "start_kop",
        "received_kop",
        "by_standards_kop",
        "from_nsz_kop",
        "case_management_kop",
        "spent_kop",
        "end_kop",
        "end_spare_kop",
    ).rows() == [
        ("75901", 0, 100_500, 100_000, 500, 1_000, 60_000, 39_500, 4_000),
        ("75902", 0, 100_000, 100_000, 0, 1_000, 30_000, 69_000, 0),
    ]
    assert result["act_132"].select("payer", "mo", "start_kop", "billed_kop", "mek_kop", "transferred_kop", "end_kop").rows() == [
        ("75", "750901", 0, 7_000, 0, 7_000, 0),
        ("75", "750902", 0, 1_900, 1_900, 0, 0),
        ("75901", "750901", 0, 65_000, 5_000, 60_000, 0),
        ("75902", "750901", 0, 20_000, 0, 30_000, -10_000),
    ]
    assert result["territory_bills"].select("territory", "cases", "billed_kop", "withheld_kop", "amount_kop").rows() == [
        ("38", 1, 8_000, 1_000, 7_000)
    ]
    # НСЗ: 8,000 in, 500 to the insurer, 7,000 to the clinic; the refund is owed by Irkutsk, so care elsewhere costs the fund nothing.
    assert balance(result, "fund:75/nsz") == 500
    assert balance(result, "fund:75/refund/territory:38") == 7_000
    assert balance(result, "fund:75/elsewhere") == 0
    assert balance(result, "insurer:75902/excess/clinic:750901") == 10_000
    assert balance(result, "clinic:750901/money") == 97_000


def test_advance_larger_than_accepted_is_carried_over_three_months() -> None:
    before: dict[str, pl.DataFrame] = {}
    opening = [
        {"account": "insurer:75901/payment_reserve", "amount_kop": 1_000_000},
        {"account": "fund:75/opening", "amount_kop": -1_000_000},
    ]
    for expected in load("advance_carry_over")["months"]:
        used = context(str(expected["month"]))
        bills: list[Bill] = [
            ("own", "75901", "750901", parse_amount(bill["sumv"]), bill["refused"]) for bill in expected["bills"]
        ]
        advance = [
            {"payer": "75901", "mo": "750901", "amount_kop": parse_amount(expected["asked"]), "excepted": expected["excepted"]}
        ]
        tables = {**month_tables(bills, used, advance=advance, opening=opening, funding=[standards(100)]), **before}
        result = settle(tables, used)
        assert result["findings"].is_empty()
        row = result["payments"].row(0, named=True)
        names = {
            "advance": "advance_kop",
            "payment": "payment_kop",
            "excess_before": "excess_before_kop",
            "excess_after": "excess_after_kop",
        }
        assert {name: row[column] for name, column in names.items()} == {name: parse_amount(expected[name]) for name in names}
        act = result["act_132"].row(0, named=True)
        assert {name: act[f"{name}_kop"] for name in expected["act"]} == {
            name: parse_amount(text) for name, text in expected["act"].items()
        }
        before = {"balances_before": result["balances"]}


def test_an_advance_left_open_before_the_first_month_counts_as_an_excess() -> None:
    used = context()
    opening = [
        {"account": "insurer:75901/payment_reserve", "amount_kop": 1_000}, {"account": "insurer:75901/advance/clinic:750901", "amount_kop": 300},
        {"account": "insurer:75901/excess/clinic:750901", "amount_kop": 50}, {"account": "fund:75/opening", "amount_kop": -1_350},
    ]  # fmt: skip
    result = settle(month_tables([("own", "75901", "750901", 400, False)], used, opening=opening, funding=[standards(100)]), used)
    assert result["payments"].select("excess_before_kop", "payment_kop", "excess_after_kop").rows() == [(350, 50, 0)]
    assert result["act_132"].select("start_kop", "end_kop").rows() == [(-350, 0)]


def test_shortage_is_covered_from_the_spare_reserve_then_found_and_paid_later() -> None:
    case = load("shortage")
    used = context()
    opening = [
        {"account": f"insurer:75901/{pot}", "amount_kop": parse_amount(case[pot])} for pot in ("payment_reserve", "spare_reserve")
    ] + [{"account": "fund:75/opening", "amount_kop": -15_000}]
    bills: list[Bill] = [("own", "75901", mo, parse_amount(due), False) for mo, due in case["due"].items()]
    result = settle(month_tables(bills, used, opening=opening), used)
    found = result["findings"].filter(pl.col("rule") == "B.1")
    assert found["value"].to_list() == ["3000"]
    assert "3000" in findings.with_text(found, "ru")["text"][0]
    assert dict(result["payments"].select("mo", "payment_kop").iter_rows()) == {
        mo: parse_amount(text) for mo, text in case["paid"].items()
    }
    assert dict(result["act_132"].select("mo", "end_kop").iter_rows()) == {
        mo: parse_amount(text) for mo, text in case["debt"].items()
    }
    act = result["act_121"].row(0, named=True)
    assert {name: act[f"{name}_kop"] for name in case["act_121"]} == {
        name: parse_amount(text) for name, text in case["act_121"].items()
    }
    later = context("2022-04")
    funding = [{"what": "nsz", "smo": "75901", "amount_kop": parse_amount(case["next_month_nsz"])}]
    again = settle({**month_tables([], later, funding=funding), "balances_before": result["balances"]}, later)
    assert again["act_132"]["end_kop"].to_list() == [0, 0]
    assert again["payments"]["payment_kop"].to_list() == [2_000, 1_000]
    # НСЗ was empty: the fund gave what it did not have, and its books say so.
    assert balance(again, "fund:75/nsz") == -3_000


def test_reserves_above_their_limits_flow_back_after_the_payments() -> None:
    used = context()
    opening = [
        {"account": "insurer:75901/payment_reserve", "amount_kop": 100_000}, {"account": "insurer:75901/spare_reserve", "amount_kop": 70_000},
        {"account": "insurer:75901/preventive_reserve", "amount_kop": 40_000},
    ]  # fmt: skip
    bills: list[Bill] = [("own", "75901", "750901", 62_000, False)]
    tables = month_tables(bills, used, opening=[*opening, {"account": "fund:75/opening", "amount_kop": -210_000}])
    result = settle(tables, used)
    # One month paid 620.00: spare 620.00; 14 of 31 days: 280.00.
    act = result["act_121"].row(0, named=True)
    assert (act["end_payment_kop"], act["end_spare_kop"], act["end_preventive_kop"]) == (
        100_000 - 62_000 + 8_000 + 12_000,
        62_000,
        28_000,
    )
    february = settle(
        month_tables(
            [("own", "75901", "750901", 20_000, False)],
            context("2022-02"),
            opening=[
                {"account": "insurer:75901/payment_reserve", "amount_kop": 20_000},
                {"account": "budget/opening", "amount_kop": -20_000},
            ],
        ),
        context("2022-02"),
    )
    result = settle({**tables, "postings_before": february["postings"]}, used)
    # Two months paid 820.00: 410.00 a month; 14 x 820.00 / 59 days = 194.57 cut down.
    act = result["act_121"].row(0, named=True)
    assert (act["end_spare_kop"], act["end_preventive_kop"]) == (41_000, 19_457)


def test_impossible_inputs_are_found_and_the_month_still_settles() -> None:
    used = context()
    tables = month_tables(
        [("own", "75901", "750901", 100, False)], used,
        advance=[{"payer": "75902", "mo": "750901", "amount_kop": 5, "excepted": False}, {"payer": "75901", "mo": "750901", "amount_kop": -5, "excepted": False}],
        funding=[{"what": "nsz", "smo": "75901", "amount_kop": -7}, {"what": "spare_fill", "smo": "75901", "amount_kop": 50}],
        opening=[{"account": "insurer:75901/payment_reserve", "amount_kop": 1_000}],
    )  # fmt: skip
    result = settle(tables, used)
    assert sorted(result["findings"]["rule"]) == ["B.2", "B.3", "B.4", "B.5", "B.6", "F.4"]
    for lang in messages.LANGUAGES:
        assert all(text and "-" not in text.split()[0] for text in findings.with_text(result["findings"], lang)["text"])
    assert result["act_132"].select("payer", "transferred_kop").rows() == [("75901", 100), ("75902", 5)]


def test_a_case_without_a_decision_is_a_broken_invariant() -> None:
    used = context()
    tables = month_tables([("own", "75901", "750901", 100, False)], used)
    with pytest.raises(AssertionError, match="without a decision"):
        settle({**tables, "decisions": tables["decisions"].clear()}, used)


BILLS = st.lists(
    st.one_of(
        st.tuples(st.just("own"), st.sampled_from(["75901", "75902"]), st.sampled_from(["750901", "750902"]), st.integers(0, 10**6), st.booleans()),
        st.tuples(st.just("other"), st.sampled_from(["38", "03"]), st.sampled_from(["750901", "750902"]), st.integers(0, 10**6), st.booleans()),
        st.tuples(st.just("unknown"), st.none(), st.just("750901"), st.integers(0, 10**6), st.just(True)),
    ),
    max_size=8,
)  # fmt: skip
ADVANCES = st.lists(
    st.fixed_dictionaries(
        {
            "payer": st.sampled_from(["75901", "75902", "75"]),
            "mo": st.sampled_from(["750901", "750902"]),
            "amount_kop": st.integers(0, 10**6),
            "excepted": st.booleans(),
        }
    ),
    max_size=4,
)
FUNDING = st.lists(
    st.fixed_dictionaries(
        {
            "what": st.sampled_from(["standards", "nsz", "spare_fill"]),
            "smo": st.sampled_from([None, "75901", "75902"]),
            "amount_kop": st.integers(-5, 3 * 10**6),
        }
    ),
    max_size=4,
)


@settings(max_examples=25, deadline=None)
@given(months=st.lists(st.tuples(BILLS, ADVANCES, FUNDING), min_size=1, max_size=3))
def test_any_months_keep_every_identity(months: list[tuple[list[Bill], list[dict[str, Any]], list[dict[str, Any]]]]) -> None:
    before: dict[str, pl.DataFrame] = {}
    in_total = out_total = 0
    for i, (bills, advance, funding) in enumerate(months):
        used = context(f"2022-{i + 1:02d}")
        tables = {**month_tables(bills, used, advance=advance, funding=funding), **before}
        result = settle(tables, used)
        for name, table in result.items():
            if name != "findings":
                contract.check(name, table)
        for identity in identities({**tables, **result}):
            assert identity.holds, identity
        shuffled = {name: table.sample(fraction=1, shuffle=True, seed=i) for name, table in tables.items()}
        assert all(table.equals(result[name]) for name, table in settle(shuffled, used).items())
        postings = pl.concat([before["postings_before"], result["postings"]]) if before else result["postings"]
        before = {
            "balances_before": result["balances"],
            "postings_before": postings,
            "territory_bills_before": result["territory_bills"],
        }
        in_total += sum(
            row["amount_kop"] for row in funding if row["what"] == "standards" and row["smo"] is None and row["amount_kop"] > 0
        )
        in_total += sum(
            row["amount_kop"] for row in funding if row["what"] == "nsz" and row["smo"] is None and row["amount_kop"] > 0
        )
        out_total = -sum(amount for account, amount in result["balances"].iter_rows() if account == "fund:75/subvention/budget")
    assert in_total == out_total
    # Money is nowhere made: what came from the budget lies with somebody.
    money = ("money", "nsz", "payment_reserve", "spare_reserve", "preventive_reserve", "own_money")
    held = sum(amount for account, amount in before["balances_before"].iter_rows() if account.split("/")[1] in money)
    assert held == 0
