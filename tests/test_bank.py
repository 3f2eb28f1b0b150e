"""Orders and statements in a workspace: each one transaction, a retry harmless, a refused file without a trace."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims import bank, contract, findings, journal, messages
from omsclaims.registry import bank_file
from omsclaims.settlement.bank import BOOKED, REFUSED
from omsclaims.workspace import Workspace, WorkspaceError
from tests.bank_samples import APRIL, CLINIC, DAY, INSURER, TODAY, make_payer, register, write_statement
from tests.cli.cli_samples import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_payer(tmp_path / "ws")


def statement(folder: Path, *rows: tuple[str, int, str, str], closing: int | None = None) -> Path:
    return write_statement(folder.parent / "statement.txt", rows, closing, purpose="Иванов Иван Иванович")


def order(folder: Path, *kinds: str) -> bank.Ordered:
    with Workspace.writing(folder) as ws:
        return bank.order(ws, APRIL, kinds, DAY, TODAY, "tester")


def load(folder: Path, path: Path) -> bank.Loaded:
    with Workspace.writing(folder) as ws:
        return bank.load(ws, path, TODAY, "tester")


def events(folder: Path) -> int:
    with Workspace.open(folder) as ws:
        return ws.next_seq()


def balance(folder: Path, account: str) -> int:
    with Workspace.open(folder) as ws:
        return dict(journal.balances(ws).iter_rows()).get(account, 0)


def test_an_order_is_made_once_and_written_for_the_bank(folder: Path, tmp_path: Path) -> None:
    made = order(folder, "advance", "final")
    assert made.orders.select("number", "kind", "amount_kop").rows() == [(1, "advance", 12_000), (2, "final", 30_000)]
    assert made.findings.is_empty()
    assert made.sources == ("law:payments.excess_reduces_next_advance@2011-01-01",)
    before = events(folder)
    assert order(folder, "advance", "final").orders.is_empty()
    assert events(folder) == before
    with Workspace.open(folder) as ws:
        (path,) = bank.write(ws, bank.orders(ws), tmp_path / "out")
        (again,) = bank.write(ws, bank.orders(ws), tmp_path / "again")
    assert path.name == "orders-insurer-75901-1-2.txt"
    assert path.read_bytes() == again.read_bytes()
    read = bank_file.read_1c(path)
    assert read.lines.select("number", "amount_kop", "receiver_account").rows() == [
        ("1", 12_000, "3" * 20),
        ("2", 30_000, "3" * 20),
    ]


def test_a_statement_moves_the_money_once(folder: Path) -> None:
    order(folder, "final")
    path = statement(folder, ("1", 200, INSURER, CLINIC))
    taken = load(folder, path)
    assert taken.lines["state"].to_list() == [BOOKED]
    assert balance(folder, f"{INSURER}/care/{CLINIC}") == -10_000
    assert balance(folder, f"{INSURER}/payment_reserve") == 80_000
    before = events(folder)
    assert load(folder, path).known == 1
    assert events(folder) == before
    assert balance(folder, f"{INSURER}/payment_reserve") == 80_000
    with Workspace.open(folder) as ws:
        held = json.dumps(ws.rows("SELECT * FROM chain"), default=str) + json.dumps(bank.lines(ws).to_dicts(), default=str)
    assert "Иванов" not in held  # purposes of payments may name people


@pytest.mark.parametrize(
    ("rows", "closing", "rule"),
    [
        ([("1", 301, INSURER, CLINIC)], None, "PB.3"),
        ([("2", 300, INSURER, CLINIC)], None, "PB.8"),
        ([("1", 300, INSURER, "9" * 20)], None, "PB.4"),
        ([("1", 300, INSURER, CLINIC)], 5, "PB.5"),
        ([("1", 0, INSURER, CLINIC)], None, "PB.10"),
    ],
)
def test_what_is_refused_leaves_the_books_as_they_are(
    folder: Path, rows: list[tuple[str, int, str, str]], closing: int | None, rule: str
) -> None:
    order(folder, "final")
    with Workspace.open(folder) as ws:
        before = journal.entries(ws)
    taken = load(folder, statement(folder, *rows, closing=closing))
    assert taken.findings["rule"].to_list() == [rule]
    with Workspace.open(folder) as ws:
        assert journal.entries(ws).equals(before)
        assert set(bank.lines(ws)["state"]) <= {REFUSED}


def test_a_cancelled_order_is_due_again(folder: Path) -> None:
    order(folder, "final")
    with Workspace.writing(folder) as ws:
        bank.cancel(ws, INSURER, 1, TODAY, "tester", "wrong day")
    assert order(folder, "final").orders.select("number", "amount_kop").rows() == [(2, 30_000)]
    with Workspace.writing(folder) as ws, pytest.raises(WorkspaceError, match="no_order"):
        bank.cancel(ws, INSURER, 1, TODAY, "tester", "again")


def test_an_order_that_was_paid_is_not_cancelled_and_what_was_paid_of_one_is_not_due_again(folder: Path) -> None:
    order(folder, "final")
    load(folder, statement(folder, ("1", 200, INSURER, CLINIC)))
    with Workspace.writing(folder) as ws:
        bank.cancel(ws, INSURER, 1, TODAY, "tester", "the rest by another order")
    assert order(folder, "final").orders.select("number", "amount_kop").rows() == [(2, 10_000)]
    load(folder, statement(folder, ("2", 100, INSURER, CLINIC)))
    with Workspace.writing(folder) as ws, pytest.raises(WorkspaceError, match="paid_order"):
        bank.cancel(ws, INSURER, 2, TODAY, "tester", "too late")
    assert order(folder, "final").orders.is_empty()


def test_an_advance_that_was_booked_by_hand_is_not_ordered_again(folder: Path) -> None:
    asks(folder, ("2022-04", "75901", "750901", 50_000, False))
    parties = json.dumps({"payer": INSURER, "clinic": CLINIC})
    event = {"event": "advance", "date": DAY, "document": "pp-77", "amount_kop": 20_000, "parties": parties}
    schema = {name: kind for name, kind in contract.TABLES["ledger_events"].schema().items() if name in event}
    with Workspace.writing(folder) as ws:
        assert journal.book(ws, pl.DataFrame([event], schema=schema), "hand", TODAY, "tester").txn is not None
    assert order(folder, "advance").orders["amount_kop"].to_list() == [30_000]
    with Workspace.writing(folder) as ws:
        named = journal.entries(ws, f"{INSURER}/advance").filter(pl.col("document") == "pp-77")["posting_id"][0]
        journal.correct(ws, named, TODAY, "tester", "the bank sent it back")
        back = journal.entries(ws, f"{INSURER}/advance").filter(pl.col("reverses") == named)["posting_id"][0]
        journal.correct(ws, back, TODAY, "tester", "it did not, the clinic has it")
    assert order(folder, "advance").orders.is_empty()
    with Workspace.writing(folder) as ws:
        journal.correct(ws, named, TODAY, "tester", "it did at last")
    assert order(folder, "advance").orders["amount_kop"].to_list() == [20_000]


def asks(folder: Path, *rows: tuple[object, ...]) -> None:
    with Workspace.writing(folder) as ws:
        ws.store_register("reg_advance", register("reg_advance", *rows), DAY)
        ws.record("register load", DAY, "tester", None, {})


def test_no_order_goes_to_a_clinic_that_is_in_no_register(folder: Path) -> None:
    asks(folder, ("2022-04", "75901", "750901", 700, False), ("2022-04", "75901", "750999", 500, False))
    with Workspace.writing(folder) as ws:
        rows = [("750901", "one", date(2020, 1, 1), None), ("750999", "gone", date(2020, 1, 1), date(2022, 3, 31))]
        ws.store_register("reg_clinic", register("reg_clinic", *rows), DAY)
        ws.store_register("reg_insurer", register("reg_insurer", ("75901", "one", "76000", date(2020, 1, 1), None)), DAY)
        ws.record("register load", DAY, "tester", None, {})
    made = order(folder, "advance")
    assert made.orders.select("receiver", "amount_kop").rows() == [("clinic:750901", 700)]
    left_out = made.findings.filter(pl.col("rule") == "B.4")
    assert left_out["value"].to_list() == ["500"] and "reg_clinic" in findings.with_text(left_out, "en")["text"][0]


def test_orders_end_where_the_money_does(folder: Path) -> None:
    """1,000.00 there; 300.00 owed of March, 900.00 asked for in April: the debt whole, 700.00 of the advance; 200.00 are missing."""
    asks(folder, ("2022-04", "75901", "750901", 90_000, False))
    made = order(folder, "advance", "final")
    assert made.orders.select("kind", "amount_kop").rows() == [("advance", 70_000), ("final", 30_000)]
    short = made.findings.row(0, named=True)
    assert (made.findings.height, short["rule"], short["value"]) == (1, "PB.12", "20000")
    told = {"payer": INSURER, "due": 120_000, "there": 100_000, "under_way": 0, "spare": 0, "missing": 20_000}
    assert json.loads(short["params"]) == told
    assert made.sources == (
        "law:payments.excess_reduces_next_advance@2011-01-01",
        "law:payments.short_of_money@2011-01-01",
    )
    # All of it is under way: nothing more is ordered, nothing is written, and the same is said of what is still missing.
    before = events(folder)
    again = order(folder, "advance", "final")
    assert again.orders.is_empty() and events(folder) == before
    assert json.loads(again.findings["params"][0]) == {**told, "due": 20_000, "under_way": 100_000}
    # The bank states a part: paid money is not there twice. An order taken back frees its money.
    load(folder, statement(folder, ("2", 100, INSURER, CLINIC)))
    assert order(folder, "advance", "final").orders.is_empty()
    with Workspace.writing(folder) as ws:
        bank.cancel(ws, INSURER, 2, TODAY, "tester", "wrong day")
    freed = order(folder, "advance", "final")
    assert freed.orders.select("kind", "amount_kop").rows() == [("final", 20_000)]
    with Workspace.open(folder) as ws:
        assert bank.money_of(ws, INSURER).free_kop == 0
    assert balance(folder, f"{INSURER}/payment_reserve") == 90_000


def test_the_same_share_for_everybody(folder: Path) -> None:
    """1,000.00 for 300.00 and 900.00: 5/6 of each, 250.00 and 750.00."""
    asks(folder, ("2022-04", "75901", "750901", 90_000, False))
    with Workspace.writing(folder) as ws:
        made = bank.order(ws, APRIL, ("advance", "final"), DAY, TODAY, "tester", rule="pro_rata")
    assert made.orders.select("kind", "amount_kop").rows() == [("advance", 75_000), ("final", 25_000)]
    assert made.sources == ("law:payments.excess_reduces_next_advance@2011-01-01",)


def test_the_spare_reserve_covers_care_when_it_is_asked_to(folder: Path) -> None:
    """950.00 of the payment reserve become the spare one: 50.00 and 300.00 owed. 250.00 of the spare reserve cover it."""
    party = f'{{"insurer":"{INSURER}"}}'
    schema = contract.TABLES["ledger_events"].schema()
    moved = pl.DataFrame([("spare_fill", DAY, "paper", DAY, 95_000, party, None, None)], schema=schema, orient="row")
    with Workspace.writing(folder) as ws:
        assert journal.book(ws, moved, "test", TODAY, "tester").txn is not None
    said = run("pay", "orders", "2022-04", "--kind", "final", "--day", DAY, "--cover", "--workspace", folder, "--as-of", TODAY)
    assert said.code == 0 and "Taken from spare reserves: 250.00" in said.text
    with Workspace.open(folder) as ws:
        assert bank.orders(ws)["amount_kop"].to_list() == [30_000]
        cover = journal.entries(ws, f"{INSURER}/spare_reserve").filter(pl.col("rule") == "spare_cover")
        assert cover.select("date", "amount_kop").rows() == [(DAY, 25_000)]
    assert [balance(folder, f"{INSURER}/{pot}") for pot in ("payment_reserve", "spare_reserve")] == [30_000, 70_000]
    with Workspace.writing(folder) as ws:  # a second time nothing is due, and nothing is covered
        assert bank.order(ws, APRIL, ("final",), DAY, TODAY, "tester", cover=True).covered_kop == 0


def test_the_fund_orders_within_its_stock(folder: Path) -> None:
    """Care of people insured elsewhere is paid from НСЗ: the fund owes 80.00 and has nothing there."""
    parties = json.dumps({"clinic": CLINIC, "payer": "fund:75"})
    schema = contract.TABLES["ledger_events"].schema()
    asks(folder, ("2022-04", "75", "750901", 8_000, False))
    made = order(folder, "advance")
    assert made.orders.is_empty() and made.findings["rule"].to_list() == ["PB.13"]
    came = pl.DataFrame(
        [("money_to_nsz", DAY, "paper", DAY, 5_000, '{"fund":"fund:75"}', None, None)], schema=schema, orient="row"
    )
    with Workspace.writing(folder) as ws:
        assert journal.book(ws, came, "test", TODAY, "tester").txn is not None
    assert order(folder, "advance").orders.select("payer", "amount_kop").rows() == [("fund:75", 5_000)]
    paid = pl.DataFrame([("advance", DAY, "by hand", DAY, 3_000, parties, None, None)], schema=schema, orient="row")
    with Workspace.writing(folder) as ws:  # paid past the orders: less is there than is under way
        assert journal.book(ws, paid, "by hand", TODAY, "tester").txn is not None
        assert bank.money_of(ws, "fund:75").free_kop == 0


def test_before_anything_is_booked_the_opening_register_counts(tmp_path: Path) -> None:
    made = tmp_path / "fresh"
    Workspace.create(made, "75", "insurer", DAY, "tester", payments="actual", smo="75901")
    with Workspace.writing(made) as ws:
        rows = [(f"{INSURER}/payment_reserve", 500), (f"{INSURER}/care/{CLINIC}", -400)]
        ws.store_register("reg_opening", register("reg_opening", *rows), DAY)
    assert order(made, "final").orders["amount_kop"].to_list() == [400]


@pytest.mark.parametrize("rule", ["PB.12", "PB.13"])
@pytest.mark.parametrize("lang", messages.LANGUAGES)
def test_what_is_missing_is_said_in_words(rule: str, lang: str) -> None:
    params = {"payer": INSURER, "due": 120_000, "there": 100_000, "under_way": 7, "spare": 3, "missing": 20_000}
    text = messages.text(findings.rule_key(rule, "text"), lang, **params)
    assert all(str(value) in text for name, value in params.items() if name != "spare" or rule == "PB.12")
    assert messages.has(findings.rule_key(rule, "todo"))


def test_where_the_closing_pays_there_are_no_orders(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "planned", "75", "fund", DAY, "tester")
    with Workspace.writing(tmp_path / "planned") as ws, pytest.raises(WorkspaceError, match="planned"):
        bank.order(ws, APRIL, ["final"], DAY, TODAY, "tester")


def test_the_commands(folder: Path, tmp_path: Path) -> None:
    told = ("--workspace", folder, "--as-of", "2022-04-20")
    said = run("pay", "orders", "2022-04", "--kind", "final", "--day", "2022-04-05", "--out", tmp_path / "out", *told)
    assert said.code == 0, said.text
    assert "300.00" in said.text
    assert (tmp_path / "out" / "orders-insurer-75901-1-1.txt").exists()
    assert run("pay", "orders", "2022-04", "--kind", "final", *told).code == 0
    paid = run("pay", "load", statement(folder, ("1", 100, INSURER, CLINIC), ("1", 900, INSURER, CLINIC)), *told)
    assert paid.code == 1
    assert "PB.3" in paid.text
    listed = run("pay", "list", "--workspace", folder)
    assert "200.00" in listed.text
    gone = run("pay", "cancel", "1", "--payer", INSURER, "--why", "test", *told)
    assert gone.code == 0, gone.text
    assert run("pay", "cancel", "1", "--payer", INSURER, "--why", "test", *told).code != 0
    assert run("pay", "orders", "2022-04", "--kind", "salary", *told).code == 2
