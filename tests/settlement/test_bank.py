"""What is ordered, and which payment of a statement settles which debt; what is refused changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import contract, findings
from omsclaims.money import parse_amount
from omsclaims.registry.bank_file import LINES
from omsclaims.settlement import bank
from omsclaims.settlement.payments import Advance

INSURER, FUND, CLINIC, OTHER, IRKUTSK = "insurer:75901", "fund:75", "clinic:750901", "clinic:750902", "territory:38"
ACCOUNTS = {INSURER: "1" * 20, FUND: "2" * 20, CLINIC: "3" * 20, OTHER: "4" * 20, IRKUTSK: "5" * 20}
DAY, TODAY = date(2022, 4, 5), date(2022, 4, 20)
REG = pl.DataFrame(
    [
        {"party": party, "name": party, "inn": None, "kpp": None, "account": account, "bik": None, "bank": None,
         "corr_account": None, "since": date(2022, 1, 1)}
        for party, account in ACCOUNTS.items()
    ],
    schema=contract.TABLES["reg_bank"].schema(),
)  # fmt: skip
NO_ORDERS, NO_LINES = contract.TABLES["payment_orders"].empty(), contract.TABLES["bank_lines"].empty()


def payments(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """number, kopecks, payer, receiver; perhaps the day on which the money moved."""
    made = [
        {
            "line": at, "number": number, "date": DAY, "amount_kop": kop, "payer_account": ACCOUNTS.get(payer, payer),
            "receiver_account": ACCOUNTS.get(receiver, receiver), "debited_on": more[0] if more else None,
        }
        for at, (number, kop, payer, receiver, *more) in enumerate(rows, 1)
    ]  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in LINES} for row in made], schema=LINES)


def made(
    dues: Iterable[bank.Due], month: str, orders: pl.DataFrame = NO_ORDERS, paid: pl.DataFrame = NO_LINES, closed: str = ""
) -> pl.DataFrame:
    return bank.orders_of(bank.not_ordered(dues, month, orders, paid, closed), month, DAY, orders)


def ordered(
    *dues: bank.Due, orders: pl.DataFrame = NO_ORDERS, paid: pl.DataFrame = NO_LINES, month: str = "2022-03"
) -> pl.DataFrame:
    return pl.concat([orders, made(dues, month, orders, paid)])


def matched(
    lines: pl.DataFrame, orders: pl.DataFrame = NO_ORDERS, taken: pl.DataFrame = NO_LINES, **balances: int
) -> bank.Matched:
    named = {account.replace("__", "/").replace("_of_", ":"): kop for account, kop in balances.items()}
    return bank.match(lines, "digest", orders, taken, named, REG, TODAY)


# ---- orders


def test_advances_less_the_excess() -> None:
    asked = {(INSURER, CLINIC): Advance(50_000), (INSURER, OTHER): Advance(10_000, excepted=True), (FUND, CLINIC): Advance(700)}
    balances = {f"{INSURER}/excess/{CLINIC}": 20_000, f"{INSURER}/excess/{OTHER}": 3_000, f"{FUND}/excess/{CLINIC}": 900}
    found = bank.advances_due(balances, asked, reduces=True)
    assert [(due.payer, due.receiver, due.amount_kop) for due in found] == [(INSURER, CLINIC, 30_000), (INSURER, OTHER, 10_000)]
    whole = bank.advances_due(balances, asked, reduces=False)
    assert sorted(due.amount_kop for due in whole) == [700, 10_000, 50_000]


def test_what_is_owed_is_due_and_what_is_owed_to_us_is_not() -> None:
    balances = {
        f"{INSURER}/care/{CLINIC}": -700, f"{CLINIC}/care/{INSURER}": 700, f"{INSURER}/care/{OTHER}": 200,
        f"{FUND}/refund_due/{IRKUTSK}": -80, f"{IRKUTSK}/refund_due/{FUND}": 80, f"{FUND}/care/{OTHER}": 0,
    }  # fmt: skip
    assert bank.finals_due(balances) == [bank.Due("final", INSURER, CLINIC, 700)]


def test_nothing_is_ordered_twice() -> None:
    advance = bank.Due("advance", INSURER, CLINIC, 300)
    first = ordered(advance, bank.Due("final", INSURER, OTHER, 50))
    assert first.select("number", "kind", "amount_kop").rows() == [(1, "advance", 300), (2, "final", 50)]
    assert made([advance], "2022-03", first).is_empty()
    # The advance of the next month is another one. The debt of March holds what the advance of March, on its way, will settle.
    dues = [bank.Due("advance", INSURER, CLINIC, 300), bank.Due("final", INSURER, CLINIC, 1_000)]
    later = made(dues, "2022-04", first, closed="2022-03")
    assert later.select("number", "kind", "amount_kop").rows() == [(3, "advance", 300), (4, "final", 700)]
    earlier = made(dues, "2022-04", first, closed="2022-02")
    assert earlier["amount_kop"].to_list() == [300, 1_000]
    cancelled = first.with_columns(state=pl.lit(bank.CANCELLED))
    again = made([advance], "2022-03", cancelled)
    assert again.select("number", "amount_kop").rows() == [(3, 300)]


def stated(orders: pl.DataFrame, number: int, amount: int) -> pl.DataFrame:
    """A statement that paid so much of an order."""
    order = orders.filter(pl.col("number") == number).row(0, named=True)
    lines = payments((str(number), amount, order["payer"], order["receiver"]))
    open_again = orders.with_columns(state=pl.lit(bank.OPEN))
    kind = {"advance": {}, "final": {f"{order['payer']}/care/{order['receiver']}": -amount}}[order["kind"]]
    done = bank.match(lines, "digest", open_again, NO_LINES, kind, REG, TODAY)
    assert done.lines["state"].to_list() == [bank.BOOKED]
    return done.lines


def test_what_was_paid_of_a_cancelled_advance_is_not_ordered_again() -> None:
    advance = bank.Due("advance", INSURER, CLINIC, 300)
    first = ordered(advance)
    cancelled = first.with_columns(state=pl.lit(bank.CANCELLED))
    assert made([advance], "2022-03", cancelled, stated(first, 1, 60))["amount_kop"].to_list() == [240]
    assert made([advance], "2022-03", cancelled, stated(first, 1, 300)).is_empty()
    by_hand = bank.Advanced(by_hand={(INSURER, CLINIC): 100})
    assert [due.amount_kop for due in bank.not_ordered([advance], "2022-03", NO_ORDERS, NO_LINES, advanced=by_hand)] == [200]


def test_an_advance_that_came_after_its_month_was_closed_pays_what_is_due() -> None:
    """March is closed with 1,000 owed, its advance of 300 on the way: 700 are ordered, both are paid, nothing is due any more."""
    first = ordered(bank.Due("advance", INSURER, CLINIC, 300), bank.Due("advance", INSURER, OTHER, 50))
    paid = stated(first, 1, 300)
    balances = {f"{INSURER}/advance/{CLINIC}": 300, f"{INSURER}/care/{CLINIC}": -300, f"{INSURER}/advance/{OTHER}": 0}
    late = bank.late_advances(balances, first, paid, {}, "2022-03")
    assert late == {(INSURER, CLINIC): 300}
    dues = bank.finals_due(balances)
    assert bank.not_ordered(dues, "2022-04", first, paid, "2022-03", bank.Advanced(late=late)) == []
    # Of a month that is still open it pays the care of that month.
    assert bank.late_advances(balances, first, paid, {}, "2022-02") == {}
    assert bank.late_advances(balances, NO_ORDERS, NO_LINES, {(INSURER, CLINIC): 300}, "2022-02") == {}


# ---- money that does not suffice


def load(name: str) -> Any:
    path = Path(__file__).parents[2] / "fixtures" / "settlement" / f"{name}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


SHORT_CASES = load("short_of_money")["cases"]


@pytest.mark.parametrize("case", SHORT_CASES, ids=[case["title"] for case in SHORT_CASES])
def test_money_that_does_not_suffice_by_hand(case: dict[str, Any]) -> None:
    payer = case["payer"]
    moved = [
        (f"{payer}/care/clinic:{one['clinic']}", one["month"], -parse_amount(one["amount"])) for one in case.get("debts", [])
    ]
    grown = pl.DataFrame(moved, schema={"account": pl.String, "month": pl.String, "amount_kop": pl.Int64}, orient="row")
    owed: dict[str, int] = {}
    for account, _, kop in moved:
        owed[account] = owed.get(account, 0) + kop
    dues = [bank.Due("advance", payer, f"clinic:{mo}", parse_amount(kop)) for mo, kop in case.get("advances", {}).items()]
    dues += [due for due in bank.finals_due(owed) if due.payer == payer]
    money = bank.Money(*(parse_amount(case["money"].get(name, "0.00")) for name in ("there", "under_way", "spare")))
    found = bank.afford(dues, {payer: money}, bank.ages_of(grown), case["month"], lambda: case["rule"], case.get("cover", False))
    said = {(due.kind, due.receiver.partition(":")[2]): due.amount_kop for due in found.dues}
    wanted = {(kind, mo): parse_amount(kop) for kind, of in case["ordered"].items() for mo, kop in of.items()}
    assert said == wanted
    short = [(one.covered_kop, one.missing_kop) for one in found.short]
    assert short == ([(parse_amount(case["covered"]), parse_amount(case["missing"]))] if "missing" in case else [])


KOP = st.integers(0, 10**6)


@settings(max_examples=200)
@given(
    finals=st.dictionaries(st.sampled_from(["750901", "750902", "750903"]), KOP), advances=st.dictionaries(st.sampled_from(["750901", "750904"]), KOP),
    there=st.integers(-(10**6), 2 * 10**6), under_way=KOP, spare=KOP, cover=st.booleans(), rule=st.sampled_from(bank.SHORT),
    grown=st.lists(st.tuples(st.sampled_from(["750901", "750902"]), st.integers(1, 6), st.integers(-(10**6), 10**6)), max_size=8),
)  # fmt: skip
def test_nobody_orders_more_than_there_is(
    finals: dict[str, int], advances: dict[str, int], there: int, under_way: int, spare: int, cover: bool, rule: str,
    grown: list[tuple[str, int, int]],
) -> None:  # fmt: skip
    dues = [
        bank.Due(kind, INSURER, f"clinic:{mo}", kop)
        for kind, of in (("final", finals), ("advance", advances)) for mo, kop in of.items() if kop
    ]  # fmt: skip
    rows = [(f"{INSURER}/care/clinic:{mo}", f"2022-0{month}", kop) for mo, month, kop in grown]
    ages = bank.ages_of(
        pl.DataFrame(rows, schema={"account": pl.String, "month": pl.String, "amount_kop": pl.Int64}, orient="row")
    )
    money = bank.Money(there, under_way, spare)
    found = bank.afford(dues, {INSURER: money}, ages, "2022-06", lambda: rule, cover)
    wanted = {(due.kind, due.receiver): due.amount_kop for due in dues}
    got = {(due.kind, due.receiver): due.amount_kop for due in found.dues}
    assert all(0 < kop <= wanted[key] for key, kop in got.items())
    covered = sum(one.covered_kop for one in found.short)
    missing = sum(one.missing_kop for one in found.short)
    assert covered <= (spare if cover else 0)
    assert sum(got.values()) == min(sum(wanted.values()), money.free_kop + covered)  # nothing that is there is kept back
    assert sum(wanted.values()) - sum(got.values()) == missing
    # The spare reserve is for care that was billed: advances never draw on it (Rules 193).
    assert sum(kop for (kind, _), kop in got.items() if kind == "advance") <= money.free_kop
    again = bank.afford(list(reversed(dues)), {INSURER: money}, ages, "2022-06", lambda: rule, cover)
    assert {(due.kind, due.receiver): due.amount_kop for due in again.dues} == got


def test_what_is_ordered_and_not_stated_is_spent() -> None:
    orders = ordered(bank.Due("advance", INSURER, CLINIC, 300), bank.Due("final", FUND, OTHER, 50))
    balances = {f"{INSURER}/payment_reserve": 1_000, f"{INSURER}/spare_reserve": 70, f"{FUND}/nsz": 40}
    rest = bank.remaining(orders, NO_LINES)
    assert bank.money_of(INSURER, balances, orders, rest) == bank.Money(1_000, 300, 70)
    assert bank.money_of(FUND, balances, orders, rest).free_kop == 0  # ordered above what is there: by hand, long ago
    paid = matched(payments(("1", 100, INSURER, CLINIC)), orders).lines
    assert (
        bank.money_of(INSURER, {**balances, f"{INSURER}/payment_reserve": 900}, orders, bank.remaining(orders, paid)).free_kop
        == 700
    )
    cancelled = orders.with_columns(state=pl.lit(bank.CANCELLED))
    assert bank.money_of(INSURER, balances, cancelled, bank.remaining(cancelled, NO_LINES)).free_kop == 1_000


# ---- statements


def test_a_payment_in_parts_settles_its_order() -> None:
    orders = ordered(bank.Due("final", INSURER, CLINIC, 700))
    one = matched(payments(("1", 300, INSURER, CLINIC, date(2022, 4, 6)), ("1", 400, INSURER, CLINIC)), orders)
    assert one.findings.is_empty()
    assert one.lines["state"].to_list() == [bank.BOOKED] * 2
    assert one.events.select("event", "date", "amount_kop", "order_id").rows() == [
        ("final_payment", date(2022, 4, 6), 300, orders["order_id"][0]), ("final_payment", DAY, 400, orders["order_id"][0]),
    ]  # fmt: skip
    assert json.loads(one.events["parties"][0]) == {"payer": INSURER, "clinic": CLINIC}
    assert bank.remaining(orders, one.lines) == {orders["order_id"][0]: 0}
    # The same statement again: its lines are known, nothing is booked.
    again = matched(payments(("1", 300, INSURER, CLINIC, date(2022, 4, 6)), ("1", 400, INSURER, CLINIC)), orders, one.lines)
    assert (again.known, again.lines.height, again.events.height) == (2, 0, 0)


def test_money_that_comes_in() -> None:
    balances = {"fund_of_75__refund__territory_of_38": 1_000, "insurer_of_75901__fine__clinic_of_750901": 60}
    found = matched(payments(("9", 900, IRKUTSK, FUND), ("4", 60, CLINIC, INSURER)), **balances)
    assert found.events.select("event", "amount_kop", "parties").rows() == [
        ("territory_refund", 900, '{"fund":"fund:75","territory":"territory:38"}'),
        ("fine_paid", 60, '{"clinic":"clinic:750901","payer":"insurer:75901"}'),
    ]
    # What one line of a statement settled is not there for the next.
    above = matched(payments(("9", 900, IRKUTSK, FUND), ("10", 101, IRKUTSK, FUND), ("11", 100, IRKUTSK, FUND)), **balances)
    assert above.lines["state"].to_list() == [bank.BOOKED, bank.REFUSED, bank.BOOKED]
    assert above.findings.select("rule", "line").rows() == [("PB.3", 2)]


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        ("Возмещение по счёту R7538220007 за март", "R7538220007/"), ("R7538220007, R7538220007", "R7538220007/"), ("без номера", ""),
        (None, ""), ("R7538220007 и R7538220008", ""), ("R3875220007", ""), ("XR7538220007", ""), ("R75382200071", ""),
    ],
)  # fmt: skip
def test_a_refund_names_its_bill(purpose: str | None, expected: str) -> None:
    """One bill of ours to the fund that pays, in the purpose of the payment: the document of the posting begins with it."""
    lines = payments(("1", 900, IRKUTSK, FUND)).with_columns(purpose=pl.lit(purpose, dtype=pl.String))
    made = matched(lines, fund_of_75__refund__territory_of_38=1_000)
    assert made.events["document"].to_list() == [f"{expected}bank-territory-38-1-2022-04-05"]
    assert made.lines["line_id"].to_list() == matched(payments(("1", 900, IRKUTSK, FUND))).lines["line_id"].to_list()


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([("1", 300, INSURER, CLINIC), ("1", 300, INSURER, CLINIC)], "PB.1"),
        ([("1", 300, INSURER, OTHER)], "PB.2"),
        ([("1", 701, INSURER, CLINIC)], "PB.3"),
        ([("1", 400, INSURER, CLINIC), ("1", 301, INSURER, CLINIC)], "PB.3"),
        ([("1", 300, INSURER, "9" * 20)], "PB.4"),
        ([("1", 300, "9" * 20, CLINIC)], "PB.4"),
        ([("1", 300, INSURER, CLINIC, date(2022, 4, 21))], "PB.6"),
        ([("2", 300, INSURER, CLINIC)], "PB.8"),
        ([("x1", 300, INSURER, CLINIC)], "PB.8"),
        ([("1", 300, FUND, CLINIC)], "PB.8"),
        ([("1", 300, CLINIC, OTHER)], "PB.8"),
        ([("1", 300, FUND, INSURER)], "PB.8"),
        ([("1", 300, FUND, IRKUTSK)], "PB.22"),
        ([("5", 300, CLINIC, INSURER)], "PB.3"),
        ([("5", 300, IRKUTSK, FUND)], "PB.3"),
    ],
)
def test_what_is_refused_is_told_and_the_rest_is_booked(lines: list[tuple[Any, ...]], rule: str) -> None:
    orders = ordered(bank.Due("final", INSURER, CLINIC, 700), bank.Due("final", INSURER, OTHER, 50))
    orders = orders.with_columns(number=pl.when(pl.col("receiver") == OTHER).then(77).otherwise("number"))
    found = matched(payments(*lines, ("77", 50, INSURER, OTHER)), orders)
    assert found.findings["rule"].to_list() == [rule]
    assert found.events.filter(pl.col("amount_kop") == 50).height == 1
    assert found.events.height == len(lines)  # all but the one that is refused, and the last
    for lang in ("ru", "en"):
        assert "{" not in findings.with_text(found.findings, lang)["text"][0]


def test_a_cancelled_order_is_not_paid() -> None:
    orders = ordered(bank.Due("final", INSURER, CLINIC, 700)).with_columns(state=pl.lit(bank.CANCELLED))
    assert matched(payments(("1", 300, INSURER, CLINIC)), orders).findings["rule"].to_list() == ["PB.8"]


def test_a_refused_line_is_looked_at_again() -> None:
    lines = payments(("1", 700, INSURER, CLINIC))
    refused = matched(lines)
    assert refused.lines["rule"].to_list() == ["PB.8"]
    orders = ordered(bank.Due("final", INSURER, CLINIC, 700))
    later = matched(lines, orders, refused.lines)
    assert (later.known, later.lines["state"].to_list()) == (0, [bank.BOOKED])
    assert later.lines["line_id"].to_list() == refused.lines["line_id"].to_list()


# ---- bills that shrank after their refund

OURS, THEIRS = "R7538220007", "R3875220003"


def of_fund(amount: int, purpose: str | None, number: str = "1") -> pl.DataFrame:
    return payments((number, amount, IRKUTSK, FUND)).with_columns(purpose=pl.lit(purpose, dtype=pl.String))


def judged(lines: pl.DataFrame, bills: dict[str, bank.OfBill], **balances: int) -> bank.Matched:
    named = {account.replace("__", "/").replace("_of_", ":"): kop for account, kop in balances.items()}
    return bank.match(lines, "digest", NO_ORDERS, NO_LINES, named, REG, TODAY, bills)


def test_a_refund_that_was_on_its_way_when_the_bill_shrank_is_taken() -> None:
    """Accepted 1,000, of which 300 were taken back while all 1,000 were paid: 700 are due, 300 may come above it, no more."""
    known = {OURS: bank.OfBill(due_kop=700, late_kop=300, back_kop=0)}
    owed = {"fund_of_75__refund__territory_of_38": 700}
    made = judged(of_fund(1_000, OURS), known, **owed)
    assert made.events.select("event", "amount_kop").rows() == [("territory_refund", 1_000)]
    assert judged(of_fund(1_001, OURS), known, **owed).findings["rule"].to_list() == ["PB.3"]
    # Without the name of the bill nobody knows what it was for: above the debt.
    assert judged(of_fund(1_000, None), known, **owed).findings["rule"].to_list() == ["PB.3"]
    # What is above the bill lowers no other debt: the second payment finds what its own bill is owed.
    other = "R7538220008"
    both = pl.concat([of_fund(1_000, OURS), of_fund(50, other, "2").with_columns(line=pl.lit(2, dtype=pl.Int64))])
    more = judged(both, {**known, other: bank.OfBill(50, 0, 0)}, fund_of_75__refund__territory_of_38=750)
    assert more.findings.is_empty() and more.events["amount_kop"].to_list() == [1_000, 50]
    twice = pl.concat([of_fund(1_000, OURS), of_fund(1, OURS, "2").with_columns(line=pl.lit(2, dtype=pl.Int64))])
    assert judged(twice, known, **owed).findings.select("rule", "line").rows() == [("PB.3", 2)]


def test_a_refund_of_a_bill_does_not_take_the_debt_of_another() -> None:
    """700 are due on one bill, 900 on another: paid twice on the first, the second payment is above its bill."""
    known = {OURS: bank.OfBill(700, 0, 0), "R7538220008": bank.OfBill(900, 0, 0)}
    twice = pl.concat([of_fund(700, OURS), of_fund(700, OURS, "2").with_columns(line=pl.lit(2, dtype=pl.Int64))])
    made = judged(twice, known, fund_of_75__refund__territory_of_38=1_600)
    assert made.findings.select("rule", "line").rows() == [("PB.3", 2)]
    assert json.loads(made.findings["params"][0])["most"] == "0"
    assert made.events["amount_kop"].to_list() == [700]


def test_money_that_names_a_bill_that_is_not_here_is_no_refund_while_something_is_owed_back() -> None:
    owed = {"fund_of_75__refund_back_due__territory_of_38": 300, "fund_of_75__refund__territory_of_38": 900}
    known = {THEIRS: bank.OfBill(0, 0, 300), OURS: bank.OfBill(900, 0, 0)}
    assert judged(of_fund(300, "R3875220009"), known, **owed).findings["rule"].to_list() == ["PB.20"]


def test_refunds_that_we_made_are_not_booked_by_the_statement() -> None:
    lines = pl.concat(
        [
            payments(("901", 500, FUND, IRKUTSK)), payments(("902", 500, FUND, IRKUTSK)).with_columns(line=pl.lit(2, dtype=pl.Int64)),
        ]
    )  # fmt: skip
    made = bank.match(lines, "digest", NO_ORDERS, NO_LINES, {}, REG, TODAY, {}, {(IRKUTSK, 500): 1})
    assert made.findings.select("rule", "line").rows() == [("PB.21", 1), ("PB.22", 2)]
    assert made.events.is_empty() and made.lines["state"].to_list() == [bank.REFUSED] * 2


def test_a_return_names_its_bill() -> None:
    known = {THEIRS: bank.OfBill(0, 0, 300), OURS: bank.OfBill(900, 0, 0)}
    owed = {"fund_of_75__refund_back_due__territory_of_38": 300, "fund_of_75__refund__territory_of_38": 900}
    made = judged(of_fund(300, f"Возврат по {THEIRS}"), known, **owed)
    assert made.events.select("event", "document", "parties").rows() == [
        ("returned_of_territory", f"{THEIRS}/bank-territory-38-1-2022-04-05", '{"fund":"fund:75","territory":"territory:38"}')
    ]
    assert judged(of_fund(301, THEIRS), known, **owed).findings["rule"].to_list() == ["PB.3"]
    for purpose in (None, "возврат", f"{THEIRS} и {OURS}", "R3875220003, R3875220004"):
        assert judged(of_fund(300, purpose), known, **owed).findings["rule"].to_list() == ["PB.20"], purpose
    refund = judged(of_fund(300, f"Возмещение {OURS}"), known, **owed)
    assert refund.events["event"].to_list() == ["territory_refund"]
    # Two returns of one statement: the second finds what the first left.
    twice = pl.concat([of_fund(200, THEIRS), of_fund(101, THEIRS, "2").with_columns(line=pl.lit(2, dtype=pl.Int64))])
    assert judged(twice, known, **owed).findings.select("rule", "line").rows() == [("PB.3", 2)]
    # Returned in full before: the bill is known, nothing is owed back of it, it is no refund either.
    assert judged(of_fund(300, THEIRS), {THEIRS: bank.OfBill(0, 0, 0)}, **owed).findings["rule"].to_list() == ["PB.3"]


def test_an_order_of_return_is_paid() -> None:
    row: dict[str, Any] = {"number": 5, "day": DAY, "month": OURS, "kind": bank.RETURN, "payer": FUND, "receiver": IRKUTSK,
                           "amount_kop": 300, "state": bank.OPEN}  # fmt: skip
    orders = pl.DataFrame([{"order_id": bank.order_id(row), **row}], schema=contract.TABLES["payment_orders"].schema())
    lines = payments(("5", 300, FUND, IRKUTSK))
    account = {"fund:75/refund_back/territory:38": -300}
    made = bank.match(lines, "digest", orders, NO_LINES, account, REG, TODAY, {OURS: bank.OfBill(0, 0, 300)})
    assert made.events.select("event", "document", "parties", "order_id").rows() == [
        (
            "territory_returned",
            f"{OURS}/bank-fund-75-5-2022-04-05",
            '{"fund":"fund:75","territory":"territory:38"}',
            orders["order_id"][0],
        )
    ]
    # It was set off after the order was made: no more is owed back than the rest.
    less = bank.match(lines, "digest", orders, NO_LINES, account, REG, TODAY, {OURS: bank.OfBill(0, 0, 299)})
    assert less.findings["rule"].to_list() == ["PB.3"] and less.events.is_empty()
    wrong = bank.match(payments(("5", 300, FUND, CLINIC)), "digest", orders, NO_LINES, account, REG, TODAY)
    assert wrong.findings["rule"].to_list() == ["PB.2"]


def test_a_return_that_was_on_its_way_when_more_was_accepted_is_taken() -> None:
    """700 were owed back and are sent; the final answer accepts 500 of the bill, which settles 500 of it: 200 and 500 may come."""
    known = {THEIRS: bank.OfBill(0, 0, 200, inside_kop=500)}
    owed = {"fund_of_75__refund_back_due__territory_of_38": 200}
    made = judged(of_fund(700, THEIRS), known, **owed)
    assert made.events.select("event", "amount_kop").rows() == [("returned_of_territory", 700)]
    assert judged(of_fund(701, THEIRS), known, **owed).findings["rule"].to_list() == ["PB.3"]
    twice = pl.concat([of_fund(700, THEIRS), of_fund(1, THEIRS, "2").with_columns(line=pl.lit(2, dtype=pl.Int64))])
    assert judged(twice, known, **owed).findings.select("rule", "line").rows() == [("PB.3", 2)]
