"""Does the home fund take bills, answer, pay and answer finally - and does bad input leave its books as they were? (law.md 11)"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from omsclaims import bank, between, between_home, between_return, between_store, contract, findings, journal
from omsclaims.identifiers import luhn_digit
from omsclaims.registry import formats, reader, writer
from omsclaims.settlement.between import book, home, items
from omsclaims.workspace import Workspace, WorkspaceError
from tests.reports.test_territory_files import BILL, built

ROOT: Final = Path(__file__).resolve().parents[1]
CAME, ANSWERED, CORRECTED, FINAL = date(2022, 5, 10), date(2022, 5, 20), date(2022, 6, 10), date(2022, 6, 20)
R: Final = BILL.file_name
D: Final = f"D{R[1:]}"
#: The bill: items 1-5 for 40,000.20, 1,600.00, 20,000.01, 9,100.00 and 200,000.00; the person of item 4 is not insured here.
SUMS: Final = {1: 4_000_020, 2: 160_000, 3: 2_000_001, 4: 910_000, 5: 20_000_000}


def enp(number: int) -> str:
    """A made-up policy number: no territory has the code 00."""
    body = f"00{number:013d}"
    return body + str(luhn_digit(body))


def tables(**header: Any) -> dict[str, pl.DataFrame]:
    """The bill with a person of its own for each item."""
    made = dict(built().tables)
    row = pl.int_range(1, pl.len() + 1)
    numbers = pl.Series([enp(number) for number in range(1, made["patient"].height + 1)])
    made["patient"] = made["patient"].with_columns(
        enp=numbers, policy=numbers, vpolis=pl.lit(3, dtype=pl.Int64), spolis=pl.lit(None, dtype=pl.String),
        npolis=pl.lit(None, dtype=pl.String), st_okato=pl.lit(None, dtype=pl.String),
    )  # fmt: skip
    assert made["zap"].select((pl.col("n_zap") == row).all()).item()
    made["usl"] = made["usl"].with_columns(prvs=pl.lit(76, dtype=pl.Int64))
    made["sl"] = made["sl"].with_columns(prvs=pl.lit(76, dtype=pl.Int64))
    made["file"] = made["file"].with_columns(pl.lit(value).alias(name) for name, value in header.items())
    return made


def packed(made: Mapping[str, pl.DataFrame], name: str, edition: str = "RD_3.2") -> bytes:
    stream = io.BytesIO()
    writer.write_package(stream, made, formats.get(edition), name=name)
    return stream.getvalue()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fund of territory 38 in whose register the persons of items 1, 2, 3 and 5 stand."""
    folder = tmp_path_factory.mktemp("home") / "ws"
    Workspace.create(folder, "38", "fund", date(2022, 1, 1), "tester")
    patient = tables()["patient"]
    rows = [
        {"enp": person["enp"], "fam": "Х", "im": "Х", "ot": "Х", "w": person["w"], "dr": person["dr"], "vpolis": 3, "smo": "38901",
         "policy_from": date(2020, 1, 1), "place": "Город"}
        for person in patient.to_dicts() if person["enp"] != enp(4)
    ]  # fmt: skip
    schema = contract.TABLES["reg_insured"].schema()
    register = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
    with Workspace.writing(folder) as ws:
        ws.store_agreement(2022, ROOT / "fixtures" / "agreements" / "small", date(2022, 1, 1))
        ws.store_register("reg_insured", register, date(2022, 1, 1))
        ws.store_register("reg_attachment", contract.TABLES["reg_attachment"].empty(), date(2022, 1, 1))
        ws.record("register", date(2022, 1, 1), "tester", None, {})
    return folder


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "ws"))


def take(folder: Path, data: bytes, name: str = R, on: date = CAME) -> between.Done:
    path = folder.parent / f"{name}.oms"
    path.write_bytes(data)
    with Workspace.writing(folder) as ws:
        return between.take_one(ws, path, on, "tester")


def answer(folder: Path, name: str = R, on: date = ANSWERED, **given: Any) -> between.Done:
    with Workspace.writing(folder) as ws:
        return between_home.answer(ws, name, on, "tester", **given)


def pay(folder: Path, on: date = ANSWERED, amount: int | None = None) -> between.Done:
    with Workspace.writing(folder) as ws:
        return between_home.pay(ws, R, on, "tester", amount)


def books(folder: Path) -> dict[str, int]:
    """Balances of the fund's own accounts; all accounts sum to zero."""
    with Workspace.open(folder) as ws:
        held = dict(journal.balances(ws).iter_rows())
    assert sum(held.values()) == 0
    return {account.removeprefix("fund:38/"): kop for account, kop in held.items() if account.startswith("fund:38/") and kop}


def states(folder: Path) -> pl.DataFrame:
    with Workspace.open(folder) as ws:
        return book.states(between_store.files(ws), between_store.items(ws), "home")


def read(data: bytes, name: str) -> reader.PackageRead:
    return reader.read_package(data, name=f"{name}.oms")


def d_file(**changes: Any) -> bytes:
    """The corrected part of item 4 as the place fund sends it: nothing given up."""
    made = tables(code=1380001, nschet=f"{BILL.nschet}-D1"[:15], data=CORRECTED, dschet=CORRECTED, summav=SUMS[4], summap=SUMS[4])
    kept = made["zap"].filter(pl.col("n_zap") == 4)["_row"].to_list()
    made["zap"] = made["zap"].filter(pl.col("_row").is_in(kept))
    for name in ("patient", "z_sl"):
        made[name] = made[name].filter(pl.col("_parent").is_in(kept))
    made["file"] = made["file"].with_columns(pl.lit(value).alias(name) for name, value in changes.items())
    return packed(made, D)


def test_a_bill_from_receipt_to_the_last_answer(folder: Path) -> None:
    taken = take(folder, packed(tables(), R))
    assert taken.outcome == "taken", taken.findings.select("rule", "element", "value").rows()
    assert books(folder) == {"care_abroad": 27_070_021, "refund_due/territory:75": -27_070_021}
    first = answer(folder)
    assert (first.outcome, first.file_name, first.amount_kop) == ("sent", "A3875220001", 26_160_021)
    refused = states(folder).filter(pl.col("state") == "questioned")
    assert refused.select("n_zap", "questioned_kop").rows() == [(4, 910_000)]
    due = 27_070_021 - 910_000
    assert books(folder) == {
        "care_abroad": 27_070_021, "refund_due/territory:75": -due, "refund_due_disputed/territory:75": -910_000,
    }  # fmt: skip
    assert pay(folder).outcome == "booked"
    assert books(folder) == {"care_abroad": 27_070_021, "nsz": -due, "refund_due_disputed/territory:75": -910_000}
    corrected = take(folder, d_file(), D, CORRECTED)
    assert corrected.outcome == "taken", corrected.findings.select("rule", "element", "value", "params").rows()
    last = answer(folder, D, FINAL, waived=[(4, 4)])
    assert last.outcome == "sent" and last.data is not None
    assert states(folder).filter(pl.col("n_zap") == 4)["state"].to_list() == ["accepted_finally"]
    assert pay(folder, FINAL).amount_kop == 910_000
    assert books(folder) == {"care_abroad": 27_070_021, "nsz": -27_070_021}
    told = read(last.data, last.file_name).tables
    assert told["file"].select("nschet", "summap").rows() == [(f"{BILL.nschet}-D1"[:15], 910_000)]


def test_a_corrected_item_refused_for_good_leaves_the_books(folder: Path) -> None:
    take(folder, packed(tables(), R))
    answer(folder)
    take(folder, d_file(), D, CORRECTED)
    last = answer(folder, D, FINAL)
    assert last.data is not None
    sank = read(last.data, last.file_name).tables["sank"]
    assert sank.select("s_ist", "s_sum").rows() == [(4, 910_000)]
    rows = states(folder)
    assert rows.filter(pl.col("n_zap") == 4).select("state", "refused_kop").rows() == [("refused_finally", 910_000)]
    items.assert_equations(rows)
    left = 27_070_021 - 910_000
    assert books(folder) == {"care_abroad": left, "refund_due/territory:75": -left}


def questioned(amount: int) -> pl.DataFrame:
    row = {"n_zap": 4, "idcase": 4, "s_sum": amount, "s_tip": 30, "code": "1.4.5", "code_exp": None, "s_com": None}
    return pl.DataFrame([row], schema=home.QUESTIONS)


@pytest.mark.parametrize("by_hand", [None, 500_000])
def test_the_last_answer_refuses_no_more_than_is_open(folder: Path, by_hand: int | None) -> None:
    """3,000.00 of item 4 are in dispute, 6,100.00 were accepted: control, which would refuse it whole, takes the open part."""
    take(folder, packed(tables(), R))
    answer(folder, waived=[(4, 4)], questions=questioned(300_000))
    take(folder, d_file(), D, CORRECTED)
    asked = None if by_hand is None else questioned(by_hand)
    last = answer(folder, D, FINAL, questions=asked)
    assert last.outcome == "sent" and last.data is not None
    rows = states(folder).filter(pl.col("n_zap") == 4)
    assert rows.select("state", "accepted_kop", "refused_kop").rows() == [("refused_finally", 610_000, 300_000)]
    said = last.findings.filter(pl.col("rule") == "TH.13")
    expected = [] if by_hand is None else [("500000", {"item": "4/4", "most": 300_000})]
    assert [(row["value"], json.loads(row["params"])) for row in said.iter_rows(named=True)] == expected
    assert read(last.data, last.file_name).tables["z_sl"]["sump"].to_list() == [610_000]


def test_what_the_place_fund_gave_up_by_letter_leaves_the_books_and_no_corrected_part_is_taken_after_it(folder: Path) -> None:
    """No file tells the home fund of a paper C of the place fund: without this the item would stay in dispute for ever."""
    take(folder, packed(tables(), R))
    answer(folder)
    with Workspace.writing(folder) as ws:
        done = between.concede(ws, R, CORRECTED, "tester", "letter 7 of 10.06.2022")
    assert (done.outcome, done.receiver, done.items, done.amount_kop) == ("booked", "75", 1, 910_000)
    left = 27_070_021 - 910_000
    assert books(folder) == {"care_abroad": left, "refund_due/territory:75": -left}
    rows = states(folder)
    assert rows.filter(pl.col("n_zap") == 4).select("state", "conceded_kop").rows() == [("conceded", 910_000)]
    items.assert_equations(rows)
    late = take(folder, d_file(), D, CORRECTED + timedelta(days=1))
    assert late.outcome == "refused" and "TB.11" in set(late.findings["rule"])
    with Workspace.writing(folder) as ws, pytest.raises(WorkspaceError) as error:
        between.concede(ws, R, FINAL, "tester", "once more")
    assert error.value.key == "between.nothing_left"
    with Workspace.writing(folder) as ws, pytest.raises(WorkspaceError) as error:
        between.write_off(ws, R, FINAL, "tester", "only the place fund writes off")
    assert error.value.key == "between.no_bill"
    assert books(folder) == {"care_abroad": left, "refund_due/territory:75": -left}


def test_the_answer_says_what_was_decided_and_is_given_again_as_it_was(folder: Path) -> None:
    take(folder, packed(tables(), R))
    first = answer(folder)
    assert first.data is not None
    told = read(first.data, first.file_name).tables
    assert told["file"].select("okato_oms", "nschet", "summav", "summap", "sank_mek").rows() == [
        ("25000", BILL.nschet, 27_070_021, 26_160_021, 910_000)
    ]
    before = books(folder)
    again = answer(folder, on=FINAL)
    assert (again.outcome, again.data) == ("already", first.data)
    assert books(folder) == before


def test_persons_lie_in_the_people_part_only(folder: Path) -> None:
    take(folder, packed(tables(), R))
    answer(folder)
    numbers = [enp(number).encode() for number in range(1, 6)]
    for path in folder.rglob("*"):
        if path.is_file() and not {"people", "restricted"} & set(path.relative_to(folder).parts):
            content = path.read_bytes()
            assert not any(number in content for number in numbers), path


def taking_back(*also: int) -> bytes:
    """A corrected part that takes the accepted item 2 back whole and presents the items `also` again, nothing of them given up."""
    made = tables(
        code=1380001,
        nschet=f"{BILL.nschet}-D1"[:15],
        data=CORRECTED,
        dschet=CORRECTED,
        summav=sum(SUMS[number] for number in (2, *also)),
        summap=sum(SUMS[number] for number in also),
        sank_mek=SUMS[2],
    )
    kept = made["zap"].filter(pl.col("n_zap").is_in([2, *also]))["_row"].to_list()
    made["zap"] = made["zap"].filter(pl.col("_row").is_in(kept))
    for name in ("patient", "z_sl"):
        made[name] = made[name].filter(pl.col("_parent").is_in(kept))
    case = made["z_sl"]["_row"][0]
    given_up = {"_row": 0, "_parent": case, "s_code": "3-1", "s_sum": SUMS[2], "s_tip": 1, "s_osn": 214, "s_ist": 3}
    given_up |= {"date_act": CORRECTED, "num_act": "1"}
    schema = formats.canonical_columns("sank", "main")
    made["sank"] = pl.DataFrame([{column: given_up.get(column) for column in schema}], schema=schema)
    names = made["sl"].filter(pl.col("_parent") == case)["sl_id"].to_list()
    below = {"_row": range(len(names)), "_parent": [0] * len(names), "sl_id": names}
    made["sank_sl_id"] = pl.DataFrame(below, schema=formats.canonical_columns("sank_sl_id", "main"))
    of_item = pl.col("_row") == case
    made["z_sl"] = made["z_sl"].with_columns(
        oplata=pl.when(of_item).then(pl.lit(2, dtype=pl.Int64)), sump=pl.when(of_item).then(0).otherwise("sump"),
        sank_it=pl.when(of_item).then(pl.lit(SUMS[2], dtype=pl.Int64)),
    )  # fmt: skip
    return packed(made, D)


def test_an_accepted_item_taken_back_after_it_was_paid_is_owed_to_us(folder: Path) -> None:
    """The place fund finds an accident of item 2 later: 1,600.00 come back, first as a debt of its own, then off what is paid next."""
    take(folder, packed(tables(), R))
    answer(folder)
    pay(folder)
    taken = take(folder, taking_back(), D, CORRECTED)
    assert taken.outcome == "taken", taken.findings.select("rule", "element", "value", "params").rows()
    assert states(folder).filter(pl.col("n_zap") == 2).select("state", "conceded_kop").rows() == [("withdrawn", 160_000)]
    held = books(folder)
    assert held["refund_back_due/territory:75"] == 160_000 and "refund_due/territory:75" not in held  # a debit: they owe us
    with Workspace.open(folder) as ws:
        assert between_home.refund_of(ws, R).due_kop == -160_000
    assert pay(folder, FINAL).outcome == "refused"
    last = answer(folder, D, FINAL)
    assert last.outcome == "sent" and last.amount_kop == 0
    assert states(folder).filter(pl.col("n_zap") == 2)["state"].to_list() == ["withdrawn"]


def test_money_that_was_sent_back_is_taken_though_the_last_answer_crossed_it(folder: Path) -> None:
    """1,600.00 of the paid bill are owed back; the last answer accepts 9,100.00 more, of which they are set off. The money that
    was under way comes all the same: then 9,100.00 are due, as the place fund has it."""
    take(folder, packed(tables(), R))
    answer(folder)
    assert pay(folder).outcome == "booked"
    take(folder, taking_back(4), D, CORRECTED)
    assert answer(folder, D, FINAL, waived=[(4, 4)]).outcome == "sent"
    due = {"refund_due/territory:75": -(910_000 - 160_000)}
    assert {name: kop for name, kop in books(folder).items() if name.startswith("refund")} == due

    def came(amount: int) -> between.Done:
        with Workspace.writing(folder) as ws:
            return between_return.give_back(ws, R, FINAL, "tester", amount)[0]

    unchanged(folder, books(folder), came(160_001), "TB.15")
    assert came(160_000).outcome == "booked"
    assert {name: kop for name, kop in books(folder).items() if name.startswith("refund")} == {
        "refund_due/territory:75": -910_000
    }
    unchanged(folder, books(folder), came(1), "TB.15")
    assert pay(folder, FINAL).amount_kop == 910_000


# ---- bad input: the books unchanged ---------------------------------------------------------------------------------------


def unchanged(folder: Path, before: dict[str, int], done: between.Done, rule: str) -> None:
    """Refused with a finding that says what to do in both languages; books and states as before."""
    assert done.outcome == "refused"
    assert rule in set(done.findings["rule"]), done.findings.select("rule", "element", "value").rows()
    for lang in ("ru", "en"):
        texts = findings.with_text(done.findings.filter(pl.col("rule") == rule), lang)["text"]
        assert all(text and "{" not in text for text in texts)
    assert books(folder) == before


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("R7503220001", {}),  # for another fund
        ("R9938220001", {}),  # of a territory that does not exist
        (R, {"c_okato1": "25000"}),  # OKATO of another territory than the name says
        (R, {"okato_oms": "81000"}),
    ],
)
def test_a_bill_of_a_wrong_territory(folder: Path, name: str, header: dict[str, Any]) -> None:
    before = books(folder)
    unchanged(folder, before, take(folder, packed(tables(**header), name), name), "TB.5")
    assert states(folder).is_empty()


def test_the_same_bill_twice(folder: Path) -> None:
    data = packed(tables(), R)
    take(folder, data)
    before = books(folder)
    assert take(folder, data).outcome == "already"
    assert books(folder) == before
    unchanged(folder, before, take(folder, packed(tables(data=CAME), R)), "TB.9")
    other = f"{R[:-1]}2"
    unchanged(folder, before, take(folder, packed(tables(), other), other), "TB.12")
    assert states(folder).height == 5


def test_a_bill_that_does_not_add_up(folder: Path) -> None:
    unchanged(folder, books(folder), take(folder, packed(tables(summap=1), R)), "TB.8")


def test_a_bill_with_an_item_twice_or_without_a_sum(folder: Path) -> None:
    before = books(folder)
    twice = tables()
    twice["zap"] = twice["zap"].with_columns(n_zap=pl.when(pl.col("n_zap") == 2).then(1).otherwise(pl.col("n_zap")))
    twice["z_sl"] = twice["z_sl"].with_columns(idcase=pl.when(pl.col("idcase") == 2).then(1).otherwise(pl.col("idcase")))
    unchanged(folder, before, take(folder, packed(twice, R)), "TB.3")
    empty = tables()
    empty["z_sl"] = empty["z_sl"].with_columns(sump=pl.when(pl.col("idcase") == 2).then(None).otherwise(pl.col("sump")))
    unchanged(folder, before, take(folder, packed(empty, R)), "TB.4")
    assert states(folder).is_empty()


def test_a_bill_after_its_term_is_taken_and_said(folder: Path) -> None:
    # Care of March: 10th working day of April is 14.04.2022; 25 more: 15.04 1, 18-22 6, 25-29 11, 04-06.05 14, 11-13 17, 16-20 22, 23-25 25
    last = date(2022, 5, 25)
    late = take(folder, packed(tables(), R), on=last + timedelta(days=1))
    assert (late.outcome, late.late) == ("taken", True)
    assert "TB.6" in set(late.findings["rule"])
    assert books(folder)["care_abroad"] == 27_070_021


def test_a_bill_on_the_last_day_is_not_late(folder: Path) -> None:
    assert not take(folder, packed(tables(), R), on=date(2022, 5, 25)).late


def test_a_corrected_item_that_was_not_refused(folder: Path) -> None:
    take(folder, packed(tables(), R))
    answer(folder, waived=[(4, 4)])
    unchanged(folder, books(folder), take(folder, d_file(), D, CORRECTED), "TB.11")


def test_a_corrected_part_of_no_bill(folder: Path) -> None:
    unchanged(folder, books(folder), take(folder, d_file(), D, CORRECTED), "TH.11")


def test_an_item_paid_before_is_refused_in_the_answer(folder: Path) -> None:
    """The same care again under another number: accepted of the first bill, so refused as 1.10.1 of the second."""
    take(folder, packed(tables(), R))
    answer(folder)
    other = f"{R[:-1]}2"
    assert take(folder, packed(tables(code=380002, nschet="75-38-2022-04"), other), other).outcome == "taken"
    second = answer(folder, other)
    assert second.data is not None
    found = second.findings.filter(pl.col("rule").str.starts_with("TH"))
    assert sorted(found.select("rule", "code", "n_zap").rows()) == [
        ("TH.1", "1.5", 4), ("TH.5", "1.10.1", 1), ("TH.5", "1.10.1", 2), ("TH.5", "1.10.1", 3), ("TH.5", "1.10.1", 5),
    ]  # fmt: skip
    assert read(second.data, second.file_name).tables["file"]["summap"].to_list() == [0]


def test_a_person_not_insured_here_is_refused(folder: Path) -> None:
    taken = take(folder, packed(tables(), R))
    assert ("TH.1", 4) in taken.findings.select("rule", "n_zap").rows()
    answer(folder)
    assert states(folder).filter(pl.col("state") == "questioned")["n_zap"].to_list() == [4]


def test_payments_above_the_debt_and_of_nothing(folder: Path) -> None:
    take(folder, packed(tables(), R))
    unchanged(folder, books(folder), pay(folder), "TH.12")
    answer(folder)
    before = books(folder)
    for amount in (26_160_022, 0, -5):
        unchanged(folder, before, pay(folder, amount=amount), "TH.12")
    assert pay(folder, amount=60_021).outcome == "booked"
    assert pay(folder, amount=60_021).outcome == "booked"  # the same sum once more is another payment
    with Workspace.open(folder) as ws:
        assert between_home.refund_of(ws, R).due_kop == 26_160_021 - 2 * 60_021
    pay(folder)
    unchanged(folder, books(folder), pay(folder), "TH.12")


def test_a_refund_ends_where_the_stock_does(folder: Path) -> None:
    """Where payments are actual the stock (НСЗ) pays what it has: 600.21 of the 261,600.21 that are owed, and not a kopeck above."""
    take(folder, packed(tables(), R))
    answer(folder)
    with Workspace.writing(folder) as ws:
        ws._connection.execute("UPDATE meta SET value = 'actual' WHERE key = 'payments'")
        fund = f"fund:{ws.meta('territory')}"
    before = books(folder)
    unchanged(folder, before, pay(folder), "PB.14")
    came = [("money_to_nsz", ANSWERED, "paper", ANSWERED, 60_021, json.dumps({"fund": fund}), None, None)]
    with Workspace.writing(folder) as ws:
        schema = contract.TABLES["ledger_events"].schema()
        assert journal.book(ws, pl.DataFrame(came, schema=schema, orient="row"), "test", ANSWERED, "tester").txn is not None
    before = books(folder)
    unchanged(folder, before, pay(folder, amount=60_022), "PB.14")
    assert pay(folder, amount=60_021).outcome == "booked"
    unchanged(folder, books(folder), pay(folder, amount=1), "PB.14")
    with Workspace.open(folder) as ws:
        assert bank.money_of(ws, fund).pot_kop == 0


def test_what_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(WorkspaceError) as said:
        answer(folder, "R7538229999")
    assert said.value.key == "between.no_file"
    with pytest.raises(WorkspaceError) as said:
        pay(folder)
    assert said.value.key == "between.no_file"
    take(folder, packed(tables(), R))
    with pytest.raises(WorkspaceError) as said:
        answer(folder, waived=[(9, 9)])
    assert said.value.key == "between.no_item"
    with pytest.raises(WorkspaceError) as said:
        answer(folder, on=CAME - timedelta(days=1))
    assert said.value.key == "between.too_early"


def test_what_is_due_and_how_old(folder: Path) -> None:
    take(folder, packed(tables(), R))
    with Workspace.open(folder) as ws:
        steps, ages = between_home.due(ws, date(2022, 6, 16), "home")
    # 25 working days after 10.05: 11-13.05 3, 16-20 8, 23-27 13, 30.05-03.06 18, 06-10.06 23, 14-15.06 25 (13.06 off)
    assert steps.select("step", "whose", "due", "state").rows() == [("answer", "home", date(2022, 6, 15), "overdue")]
    assert ages.select("territory", "age_from", "age_to", "items", "open_kop").rows() == [("75", 26, 60, 5, 27_070_021)]
    answer(folder)
    with Workspace.open(folder) as ws:
        steps, ages = between_home.due(ws, date(2022, 6, 23), "home")
    assert steps.select("step", "whose", "state").rows() == [("refund", "home", "overdue"), ("corrected", "place", "due_soon")]
    assert ages["open_kop"].to_list() == [910_000]
