"""Does every posting stay in the books of one party, and does the whole sum to zero? (law.md 10.8)"""

from __future__ import annotations

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
)

PARTIES = {
    "fund": "fund:75", "insurer": "insurer:75901", "payer": "insurer:75901", "clinic": "clinic:750901", "territory": "territory:38",
    "pot": "payment_reserve", "cost": "cost",
}  # fmt: skip


def test_every_rule_has_a_clause_a_text_and_lines_of_one_party() -> None:
    assert len(posting_rules()) == 36
    for name, rule in posting_rules().items():
        assert rule.clause
        assert rule.day in ("first", "last")
        assert messages.text(f"posting.{name}", "ru") != messages.text(f"posting.{name}", "en")
        assert rule.lines


@settings(max_examples=50)
@given(events=st.lists(st.tuples(st.sampled_from(sorted(posting_rules())), st.integers(0, 10**12)), max_size=20))
def test_any_events_leave_ledger_books_and_pairs_at_zero(events: list[tuple[str, int]]) -> None:
    ledger = Ledger(Month(2022, 3), {"insurer:75901/payment_reserve": 5, "insurer:75901/opening": -5})
    for i, (event, amount) in enumerate(events):
        ledger.post(event, amount, f"document-{i}", **PARTIES)
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
