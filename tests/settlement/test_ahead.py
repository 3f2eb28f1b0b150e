"""Is a month financed once, whatever of it was given before it is closed, by both the fund's books and the insurer's? (Rules 112-121)"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import contract
from omsclaims.law import federal_parameters
from omsclaims.ledger_rows import posting_id
from omsclaims.money import parse_amount
from omsclaims.periods import Month
from omsclaims.settlement import ahead, identities, own_month, settle
from omsclaims.settlement.ledger import event_rows, posting_rules
from omsclaims.settlement.month_books import FINANCING, given_ahead
from tests.settlement.test_settle import balance, context, load, month_tables

CASES = load("financing_ahead")["cases"]
SMO, MARCH, DAY = "75901", Month(2022, 3), date(2022, 4, 14)
PARTIES = {"fund": "fund:75", "insurer": f"insurer:{SMO}"}
EMPTY = contract.TABLES["event_postings"].empty()


def rows_of(event: str, day: date, amount: int, document: str, reverses: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Postings of an event; reverses: accounts of a posting -> id of what it undoes, the sides exchanged."""
    found = []
    for row in event_rows(posting_rules()[event], MARCH, day, document, amount, PARTIES):
        undone = None if reverses is None else reverses[str(row["debit"])]
        sides = {} if undone is None else {"debit": row["credit"], "credit": row["debit"]}
        whole = {**row, **sides, "document_date": day, "reverses": undone}
        found.append({"posting_id": posting_id(whole), **whole})
    return found


def happened(events: list[dict[str, Any]]) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(events):
        amount, name = parse_amount(one["amount"]), one["event"]
        if one.get("undoes_earlier"):
            made = rows_of(name, one["date"], amount, f"paper-{number}")
            rows += rows_of(name, one["date"], amount, f"paper-{number}", {str(row["debit"]): "earlier" for row in made})
            continue
        made = rows_of(name, one["date"], amount, f"paper-{number}")
        rows += made
        if "undone_on" in one:
            ids = {str(row["debit"]): str(row["posting_id"]) for row in made}
            rows += rows_of(name, one["undone_on"], amount, f"paper-{number}", ids)
    return pl.DataFrame(rows, schema=EMPTY.schema)


def funding_of(case: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"what": what, "smo": None if what == "standards" else SMO, "amount_kop": parse_amount(amount)}
        for what, amount in case["funding"].items()
    ]


def opening_of(case: dict[str, Any]) -> list[dict[str, Any]]:
    kop = parse_amount(case.get("opening", "0.00"))
    pot = [{"account": f"insurer:{SMO}/payment_reserve", "amount_kop": kop}, {"account": "fund:75/opening", "amount_kop": -kop}]
    return pot if kop else []


def settled(funding: list[dict[str, Any]], opening: list[dict[str, Any]], events: pl.DataFrame) -> dict[str, pl.DataFrame]:
    used = replace(context(str(MARCH)), payments="actual")
    tables = month_tables([], used, funding=funding, opening=opening)
    given_tables = {**tables, "event_postings": events}
    result = settle(given_tables, used)
    assert all(one.holds for one in identities({**given_tables, **result}))
    return {**given_tables, **result}


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_financing_ahead_by_hand(case: dict[str, Any]) -> None:
    made = settled(funding_of(case), opening_of(case), happened(case["events"]))
    lead = {
        "standards": "payment_reserve",
        "nsz_to_insurer": "payment_reserve",
        "spare_fill": "spare_reserve",
        "case_management": "own_money",
    }
    of_smo = pl.struct("rule", "debit", "credit").map_elements(lambda one: _is_lead(one, lead), return_dtype=pl.Boolean)
    posted = dict(made["postings"].filter(of_smo).select("rule", "amount_kop").iter_rows())
    assert posted == {rule: parse_amount(amount) for rule, amount in case["closing"].items()}
    act = made["act_121"].filter(pl.col("smo") == SMO).row(0, named=True)
    wanted = {f"{name}_kop": parse_amount(amount) for name, amount in case["act_121"].items()}
    assert {name: act[name] for name in wanted} == wanted
    assert sorted(made["findings"]["rule"]) == sorted(case.get("found", []))


def _is_lead(one: dict[str, str], lead: dict[str, str]) -> bool:
    """Of the lines of an event the one that shows the money of insurer 75901: its pot, debit of a giving, credit of a way back."""
    rule, side = (one["rule"].removesuffix("_back"), "credit") if one["rule"].endswith("_back") else (one["rule"], "debit")
    return rule in lead and one[side] == f"insurer:{SMO}/{lead[rule]}"


AMOUNT = st.integers(0, 3_000_00)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["standards", "case_management", "nsz_to_insurer", "spare_fill"]),
        st.integers(1, 2_000_00),
        st.integers(0, 2),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(standards=AMOUNT, nsz=AMOUNT, fill=AMOUNT, events=EVENTS)
def test_whatever_was_given_the_month_and_both_books_agree(
    standards: int, nsz: int, fill: int, events: list[tuple[str, int, int]]
) -> None:
    """Given, given and undone, or undoing an earlier month: the act holds, and the insurer's own books come to the same."""
    named = [
        {"event": event, "date": date(2022, 3, 5), "amount": f"{kop // 100}.{kop % 100:02d}"}
        | ({}, {"undone_on": date(2022, 3, 6)}, {"undoes_earlier": True})[how]
        for event, kop, how in events
    ]  # fmt: skip
    case = {"opening": "100000.00", "funding": {
        what: f"{kop // 100}.{kop % 100:02d}" for what, kop in (("standards", standards), ("nsz", nsz), ("spare_fill", fill)) if kop
    }}  # fmt: skip
    tables = settled(funding_of(case), opening_of(case), happened(named))
    used = replace(context(str(MARCH)), payments="actual")
    told = {notice.smo: (notice, listing) for notice, listing in own_month.told_by_fund(tables, used, DAY)}
    notice, listing = told[SMO]
    own = own_month.settle_own(
        notice, listing,
        {
            "balances_before": _own_opening(), "postings_before": contract.TABLES["postings"].empty(),
            "event_postings": own_month.correction_postings(listing).with_columns(
                posting_id=pl.int_range(pl.len()).cast(pl.String)
            ),
            "reg_contract": contract.TABLES["reg_contract"].empty(),
        },
        federal_parameters(), "actual",
    )  # fmt: skip
    fund_says = tables["act_121"].filter(pl.col("smo") == SMO)
    assert own["act_121"].equals(fund_says)
    for pot in ("payment_reserve", "spare_reserve", "own_money"):
        assert balance(own, f"insurer:{SMO}/{pot}") == balance(tables, f"insurer:{SMO}/{pot}")


def _own_opening() -> pl.DataFrame:
    rows = [
        (f"fund:75/entrusted/insurer:{SMO}", 10_000_000), ("fund:75/opening", -10_000_000),
        (f"insurer:{SMO}/entrusted/fund:75", -10_000_000), (f"insurer:{SMO}/payment_reserve", 10_000_000),
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=contract.TABLES["balances"].schema(), orient="row")


@settings(max_examples=60)
@given(
    standards=st.dictionaries(st.sampled_from(["75901", "75902"]), AMOUNT), nsz=AMOUNT, to_insurer=AMOUNT, fill=AMOUNT,
    parts=st.lists(st.integers(1, 100_000), min_size=1, max_size=4),
)  # fmt: skip
def test_parts_of_a_month_add_up(standards: dict[str, int], nsz: int, to_insurer: int, fill: int, parts: list[int]) -> None:
    """Part after part comes to the largest of them; the same part again gives nothing; all of it is what the closing would give."""
    financing = pl.DataFrame(
        [{"smo": smo, "insured_half": 2, "preliminary_kop": kop, "amount_kop": kop, "case_management_kop": 0} for smo, kop in standards.items()],
        schema=contract.TABLES["financing"].schema(),
    )  # fmt: skip
    funding = [("nsz", None, nsz), ("nsz", SMO, to_insurer), ("spare_fill", SMO, fill)]
    register = pl.DataFrame(
        [(str(MARCH), what, smo, kop) for what, smo, kop in funding], schema=contract.TABLES["reg_funding"].schema(), orient="row"
    )
    so_far: dict[Any, int] = {}
    for number, share5 in enumerate(parts, 1):
        want = ahead.wanted(financing, register, MARCH, 1_000, share5)
        made = ahead.events(want, so_far, MARCH, date(2022, 3, 2), "75", number)
        assert set(made["event"]) <= set(FINANCING) and made["document"].is_unique().all()
        rows = [
            {"posting_id": f"{number}-{at}-{line}", **row, "document_date": row["date"], "reverses": None}
            for at, one in enumerate(made.iter_rows(named=True))
            for line, row in enumerate(event_rows(
                posting_rules()[one["event"]], MARCH, one["date"], one["document"], one["amount_kop"], _parties(one["parties"])
            ))
        ]  # fmt: skip
        for key, kop in given_ahead(pl.DataFrame(rows, schema=EMPTY.schema)).items():
            so_far[key] = so_far.get(key, 0) + kop
        assert ahead.events(want, so_far, MARCH, date(2022, 3, 2), "75", number + 1).is_empty()
    biggest = ahead.wanted(financing, register, MARCH, 1_000, max(parts))
    assert all(so_far.get(key, 0) >= kop for key, kop in biggest.items())
    whole = ahead.wanted(financing, register, MARCH, 1_000, 100_000)
    assert {smo: kop for (rule, smo), kop in whole.items() if rule == "standards"} == standards
    assert whole["budget_money", None] == sum(standards.values()) + nsz


def _parties(text: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(text)
    return found
