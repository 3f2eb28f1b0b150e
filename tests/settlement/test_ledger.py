"""Does every posting stay in the books of one party, and does the whole sum to zero? (law.md 10.8)"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import messages
from omsclaims.periods import Month
from omsclaims.settlement.ledger import (
    Ledger,
    as_dict,
    assert_balanced,
    balances_of,
    complete_opening,
    mirror,
    payer_party,
    posting_rules,
    turnover,
)

PARTIES = {
    "fund": "fund:75", "insurer": "insurer:75901", "payer": "insurer:75901", "clinic": "clinic:750901", "territory": "territory:38",
    "pot": "payment_reserve", "cost": "cost", "outside": "outside:9901", "party": "fund:75", "account": "money",
}  # fmt: skip
DAY = date(2022, 3, 10)
#: What a closing of a month posts by itself.
OF_CLOSING = {
    "budget_money", "nsz_set_aside", "standards", "nsz_to_insurer", "case_management", "spare_fill", "advance", "bill",
    "withheld_mek", "withheld_mee", "withheld_ekmp", "returned_mee", "returned_ekmp", "fine", "fine_returned", "fine_in_mee",
    "fine_in_ekmp", "fine_out_mee", "fine_out_ekmp", "sanctions_entrusted", "sanctions_given_back", "savings_preventive",
    "savings_running", "savings_preventive_back", "savings_running_back", "care_withdrawn", "care_restored", "care_accepted",
    "excess_applied", "advance_applied", "spare_cover", "final_payment", "excess_carried", "spare_overflow",
    "preventive_overflow", "territory_bill", "standards_back", "case_management_back", "spare_fill_back", "advance_reopened", "excess_reopened",
}  # fmt: skip
#: What happens on a day that the event says.
OF_A_DAY = {
    "opening", "excess_returned", "money_to_nsz", "territory_refund", "territory_questioned", "territory_conceded",
    "territory_withdrawn", "withdrawn_of_territory", "territory_owed_back", "territory_netted", "territory_returned",
    "owed_back_of_territory", "netted_of_territory", "returned_of_territory",
    "territory_accepted_finally", "territory_refused_finally", "territory_written_off", "bill_of_territory",
    "questioned_of_territory", "conceded_of_territory", "refused_of_territory", "accepted_of_territory", "refund_paid",
    "fine_paid", "fines_entrusted", "fines_given_back", "damages_recovered", "osago_recovered", "recovery_running",
    "penalty_recovered", "recovery_preventive",
    "contract_penalty", "preventive_spent", "unused_returned", "bill_abroad", "withheld_abroad", "payment_to_clinic_abroad",
}  # fmt: skip


def test_every_rule_has_a_clause_a_text_and_lines_of_one_party() -> None:
    named = {"first": OF_CLOSING, "last": OF_CLOSING, "given": OF_A_DAY}
    assert set(posting_rules()) >= OF_CLOSING | OF_A_DAY
    for name, rule in posting_rules().items():
        assert rule.clause
        assert name in named[rule.day] or name not in OF_CLOSING | OF_A_DAY
        assert set(rule.roles()) <= set(PARTIES)
        assert messages.text(f"posting.{name}", "ru") != messages.text(f"posting.{name}", "en")
        assert rule.lines


@settings(max_examples=50)
@given(events=st.lists(st.tuples(st.sampled_from(sorted(posting_rules())), st.integers(0, 10**12)), max_size=20))
def test_any_events_leave_ledger_books_and_pairs_at_zero(events: list[tuple[str, int]]) -> None:
    ledger = Ledger(Month(2022, 3), {"insurer:75901/payment_reserve": 5, "insurer:75901/opening": -5})
    for i, (event, amount) in enumerate(events):
        ledger.post(event, amount, f"document-{i}", DAY if posting_rules()[event].day == "given" else None, **PARTIES)
    balances = balances_of(ledger.opening, ledger.postings())
    assert_balanced(as_dict(balances))
    assert all(ledger.balance(account) == amount for account, amount in balances.iter_rows())


def test_a_posting_is_known_by_its_content() -> None:
    def made(document: str) -> pl.DataFrame:
        ledger = Ledger(Month(2022, 3), {})
        ledger.post("bill", 100, document, **PARTIES)
        return ledger.postings()

    assert made("a").equals(made("a"))
    assert not set(made("a")["posting_id"]) & set(made("b")["posting_id"])
    assert made("a")["posting_id"].str.len_chars().to_list() == [32, 32]
    twice = pl.concat([made("a"), made("a")])
    with pytest.raises(AssertionError, match="two postings say the same"):
        balances_of({}, twice)


def test_nothing_is_posted_for_zero_and_less_is_a_broken_invariant() -> None:
    ledger = Ledger(Month(2022, 3), {})
    ledger.post("bill", 0, "a", **PARTIES)
    assert ledger.postings().is_empty()
    with pytest.raises(AssertionError, match="-1 kopecks"):
        ledger.post("bill", -1, "a", **PARTIES)


def test_an_event_that_says_its_day_is_dated_on_it_and_nowhere_else() -> None:
    ledger = Ledger(Month(2022, 3), {})
    ledger.post("territory_refund", 700, "38-2203", DAY, **PARTIES)
    assert ledger.postings().select("date", "debit", "credit").rows() == [
        (DAY, "fund:75/nsz", "fund:75/refund/territory:38"), (DAY, "territory:38/refund/fund:75", "territory:38/money"),
    ]  # fmt: skip
    for wrong in (None, date(2022, 4, 1)):
        with pytest.raises(AssertionError, match="dated"):
            ledger.post("territory_refund", 700, "38-2203", wrong, **PARTIES)


def test_turnover_is_net_of_what_was_undone() -> None:
    ledger = Ledger(Month(2022, 3), {})
    ledger.post("final_payment", 500, "a", **PARTIES)
    paid = ledger.postings()
    back = (
        paid.rename({"debit": "credit", "credit": "debit"})
        .select(paid.columns)
        .with_columns(amount_kop=pl.lit(200, dtype=pl.Int64))
    )
    both = pl.concat([paid, back])
    assert turnover(both, ["final_payment"], "credit", "insurer:75901/payment_reserve") == 300
    assert turnover(both, ["final_payment"], "debit", "insurer:75901/care/") == 300


def test_every_purpose_that_two_parties_share_is_compared() -> None:
    """An account party/purpose/party that is not listed would be balanced by nobody."""
    accounts = {side for rule in posting_rules().values() for line in rule.accounts(PARTIES) for side in line}
    three = {account for account in accounts if account.count("/") == 2}
    assert three and all(mirror(account) in three for account in three)


@pytest.mark.parametrize(
    ("balances", "what"),
    [
        ({"fund:75/money": 1}, "the ledger sums to 1"),
        ({"fund:75/money": 1, "budget/money": -1}, "books that do not sum to zero"),
        ({"insurer:1/care/clinic:2": -5, "insurer:1/cost": 5}, "clinic:2/care/insurer:1 = 0"),
    ],
)
def test_what_does_not_balance_is_named(balances: dict[str, int], what: str) -> None:
    with pytest.raises(AssertionError, match=what):
        assert_balanced(balances)


def test_mirrors() -> None:
    assert mirror("insurer:1/care/clinic:2") == "clinic:2/care/insurer:1"
    assert mirror("insurer:1/payment_reserve") is None
    assert (payer_party("75", "75"), payer_party("75901", "75")) == ("fund:75", "insurer:75901")


def test_an_opening_is_completed_from_what_an_accountant_knows() -> None:
    opening = complete_opening(
        {"insurer:75901/payment_reserve": 100, "insurer:75901/care/clinic:2": -30, "fund:75/nsz": 7}, "fund:75"
    )
    assert opening == {
        "clinic:2/care/insurer:75901": 30, "clinic:2/opening": -30,
        "fund:75/entrusted/insurer:75901": 70, "fund:75/nsz": 7, "fund:75/opening": -77,
        "insurer:75901/care/clinic:2": -30, "insurer:75901/entrusted/fund:75": -70, "insurer:75901/payment_reserve": 100,
    }  # fmt: skip
    assert_balanced(opening)
    assert complete_opening(opening, "fund:75") == opening


@given(
    st.dictionaries(
        st.sampled_from(
            ["insurer:1/payment_reserve", "insurer:1/spare_reserve", "insurer:1/excess/clinic:2", "insurer:1/care/clinic:2", "fund:75/money",
             "fund:75/care/clinic:2", "fund:75/refund/territory:38", "clinic:2/money", "insurer:1/entrusted/fund:75", "budget/money"]
        ),
        st.integers(-(10**9), 10**9),
    )
)  # fmt: skip
def test_any_opening_can_be_completed(given_accounts: dict[str, int]) -> None:
    opening = complete_opening(given_accounts, "fund:75")
    assert_balanced(opening)
    assert all(opening.get(account, 0) == amount for account, amount in given_accounts.items())


@pytest.mark.parametrize("name", sorted(posting_rules()))
def test_a_posting_tells_which_way_round_it_stands(name: str) -> None:
    rule = posting_rules()[name]
    parties = {role: PARTIES[role] for role in rule.roles()}
    others = parties | {role: f"{value}9" for role, value in parties.items() if ":" in value}
    for debit, credit in rule.accounts(parties):
        assert not rule.is_turned(debit, credit) and rule.is_turned(credit, debit)
        known = rule.parties_of(credit, debit)
        assert known == rule.parties_of(debit, credit)
        assert known is not None and known.items() <= parties.items()
        assert rule.is_of(debit, credit, parties, turned=False) and rule.is_of(credit, debit, parties, turned=True)
        assert not rule.is_of(debit, credit, parties, turned=True) and not rule.is_of(debit, credit, others, turned=False)
    assert rule.parties_of("fund:75/nothing", "fund:75/of the kind") is None
