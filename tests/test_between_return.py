"""Do two funds settle what is owed back of a refunded bill, through real files, and is bad input refused? (law.md 11)"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from omsclaims import (
    act_book,
    act_store,
    bank,
    between,
    between_back,
    between_home,
    between_return,
    between_store,
    closing,
    contract,
    expertise,
    expertise_store,
    findings,
    intake,
    journal,
    verify,
)
from omsclaims.cli import common, demo
from omsclaims.periods import Month
from omsclaims.registry import expertise_file
from omsclaims.settlement import ledger
from omsclaims.settlement.between import book, reconcile
from omsclaims.workspace import Workspace, WorkspaceError
from tests import test_between_both as both
from tests.cli.cli_samples import run
from tests.conftest import MakeTerritory
from tests.test_bank import register

WHO: Final = "tester"
MONTHS: Final = (Month(2022, 2), Month(2022, 3))
LATER, SETTLED, ACT = date(2022, 7, 5), date(2022, 7, 20), date(2022, 11, 10)
KOD, S_TIP = 246, 50


def account(party: str) -> str:
    return "40501810000000000" + "".join(str(ord(letter) % 10) for letter in party)[-3:]


def setup_bank(folder: Path, own: str, other: str) -> None:
    rows = [
        (party, party, None, None, account(party), None, None, None, date(2022, 1, 1))
        for party in (f"fund:{own}", f"territory:{other}")
    ]
    with Workspace.writing(folder) as ws:
        ws.store_register("reg_bank", register("reg_bank", *rows), date(2022, 1, 1))
        ws.record("register", date(2022, 1, 1), WHO, None, {})


@pytest.fixture(scope="module")
def made(make_territory: MakeTerritory, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two bills of a place fund to one home fund, answered; the first is refunded, then two of its accepted items are taken back.

    February is closed, billed, answered and refunded; own experts find something in it; their acts are settled with March.
    """
    folder = tmp_path_factory.mktemp("back")
    place, home = folder / "place", folder / "home"
    source = make_territory(400, 3)
    demo.prepare(source, place)
    close(place, source, MONTHS[0])
    other, names = "", {"place": place, "home": home}
    for month, sent, which in ((MONTHS[0], date(2022, 3, 21), "first"), (MONTHS[1], both.SENT, "second")):
        if which == "second":
            find(place, names, date(2022, 3, 28))
            close(place, source, month)
        with Workspace.writing(place) as ws:
            between.send(ws, month, sent, WHO)
        with Workspace.open(place) as ws:
            files = between_store.files(ws).filter((pl.col("kind") == "R") & (pl.col("month") == month.month))
            mine = (
                files.filter(pl.col("receiver") == other) if other else files.sort("items", "file_name", descending=[True, False])
            )
            row = mine.row(0, named=True)
            data = between_store.original(ws, row)
        bill = row["file_name"]
        if not other:
            other = row["receiver"]
            names |= {"own": row["sender"], "other": other}
            open_home(home, names)
        with Workspace.writing(home) as ws:
            known = ws.register("reg_insured")
            people = pl.concat([known, both._insured(data, bill)]).unique("enp", keep="first", maintain_order=True)
            ws.store_register("reg_insured", people, sent)
            ws.record("register", sent, WHO, None, {})
        names[which] = bill
        both.take(home, bill, data, sent)
        with Workspace.writing(home) as ws:
            answer = between_home.answer(ws, bill, sent, WHO)
        assert answer.data is not None
        both.take(place, answer.file_name, answer.data, sent)
        if which == "first":
            with Workspace.writing(home) as ws:
                paid = between_home.pay(ws, bill, sent, WHO)
            came(place, names, bill, paid.amount_kop, "0", sent)
    with Workspace.writing(place) as ws:
        part = between.correct(ws, names["first"], LATER, WHO)
    assert part.data is not None and "TB.13" in part.findings["rule"].to_list()
    both.take(home, part.file_name, part.data, LATER)
    return {**names, "paid": paid.amount_kop, "D": part.file_name}


def close(place: Path, source: Path, month: Month) -> None:
    files = common.existing_files([source / "packages" / str(month)], "en")
    with Workspace.writing(place) as ws:
        intake.ingest(ws, files, demo.AS_OF, WHO)
    with Workspace.writing(place) as ws:
        closing.close(ws, month, demo.AS_OF, WHO)


def open_home(home: Path, names: dict[str, Any]) -> None:
    Workspace.create(home, names["other"], "fund", date(2022, 1, 1), WHO, payments="actual")
    with Workspace.writing(home) as ws:
        ws.store_agreement(2022, both.ROOT / "fixtures" / "agreements" / "small", date(2022, 1, 1))
        ws.record("register", date(2022, 1, 1), WHO, None, {})
        stock = ledger.complete_opening({f"fund:{names['other']}/nsz": 10**11}, f"fund:{names['other']}")
        journal.open_ledger(ws, Month(2022, 1), stock, "test", date(2022, 1, 1), WHO)
    setup_bank(home, names["other"], names["own"])


def came(place: Path, names: dict[str, Any], bill: str, amount: int, mark: str, on: date) -> None:
    """A refund comes, entered by hand: the payments of this place fund do not go through the bank."""
    event = {
        "event": "territory_refund", "date": on, "document": f"{bill}/{mark}", "document_date": on, "amount_kop": amount,
        "parties": f'{{"fund":"fund:{names["own"]}","territory":"territory:{names["other"]}"}}',
    }  # fmt: skip
    with Workspace.writing(place) as ws:
        assert journal.book(ws, pl.DataFrame([event]), "bank", on, WHO).txn is not None


def find(place: Path, names: dict[str, Any], on: date) -> None:
    """Own experts find something in two accepted items of the first bill."""
    bill = names["first"]
    with Workspace.open(place) as ws:
        files, rows = between_store.of_bill(ws, bill)
        accepted = book.states_of(bill, files, rows).filter(pl.col("state") == "accepted")
        keys = accepted.join(
            ws.stored_table("2022-02", "territory_items").filter(pl.col("file_name") == bill), on=["n_zap", "idcase"]
        )
        view = expertise_store.closed_view(ws, "2022-02")
    chosen = keys.sort("n_zap").select("case_key").head(2)
    cases = view.join(chosen, on="case_key", how="semi").sort("mo", "package", "n_zap", "idcase")
    assert cases.height == 2
    whole = {"year": 2022, "bill_month": 2, "kod": KOD, "s_tip": S_TIP, "s_ist": 1}
    raw = cases.with_columns(
        *(pl.lit(value, dtype=pl.Int64).alias(name) for name, value in whole.items()),
        date_act=pl.lit(on), num_act=pl.format("back-{}", "mo"), row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
    )  # fmt: skip
    table = raw.select(
        pl.col(name).cast(kind) if name in raw.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in expertise_file.RAW.items()
    )
    path = place.parent / "acts.xml"
    path.write_bytes(expertise_file.write_xml(table, path.stem, on))
    with Workspace.writing(place) as ws:
        (done,) = expertise.load_acts(ws, [path], on, WHO)
    assert "refused" not in set(done.outcomes.values()), done.findings.select("rule", "value", "params").rows()


@pytest.fixture
def two(made: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Copies of both, to be changed."""
    return {**made, **{side: Path(shutil.copytree(made[side], tmp_path / side)) for side in ("place", "home")}}


def debts(two: dict[str, Any], bill: str | None = None) -> tuple[tuple[int, int], tuple[int, int]]:
    """(owed for care, owed back) of a bill by the place fund's books, and by the home fund's; the same must stand on the accounts."""
    found = []
    for side in ("place", "home"):
        with Workspace.open(two[side]) as ws:
            one = between_back.positions(ws, side)[bill or two["first"]]
            held = dict(journal.balances(ws).iter_rows())
            all_back = sum(each.booked_kop for each in between_back.positions(ws, side).values())
            own, other = (two["own"], two["other"]) if side == "place" else (two["other"], two["own"])
            purpose, sign = ("refund_back", -1) if side == "place" else ("refund_back_due", 1)
            assert sign * held.get(f"fund:{own}/{purpose}/territory:{other}", 0) == all_back
            assert one.back_kop == one.booked_kop
            found.append((max(0, one.due_kop), one.booked_kop))
    return found[0], found[1]


def proof(folder: Path) -> list[tuple[Any, ...]]:
    with Workspace.proving(folder) as ws:
        return verify.verify(ws).findings.select("rule", "value", "params").rows()


def give_back(folder: Path, bill: str, amount: int | None = None, on: date = SETTLED) -> between.Done:
    with Workspace.writing(folder) as ws:
        return between_return.give_back(ws, bill, on, WHO, amount)[0]


def net(
    folder: Path, two: dict[str, Any], amount: int | None = None, bill: str | None = None, of: str | None = None
) -> between.Done:
    with Workspace.writing(folder) as ws:
        return between_return.net(ws, bill or two["second"], of or two["first"], SETTLED, WHO, "letter 17", amount)


def statement(two: dict[str, Any], amount: int, purpose: str, number: str = "501") -> Path:
    own, other = two["own"], two["other"]
    lines = [
        "1CClientBankExchange", "Кодировка=Windows", "СекцияДокумент=Платежное поручение", f"Номер={number}", f"Дата={SETTLED:%d.%m.%Y}",
        f"Сумма={amount / 100:.2f}", f"ПлательщикСчет={account(f'territory:{own}')}", f"ПолучательСчет={account(f'fund:{other}')}",
        f"НазначениеПлатежа={purpose}", "КонецДокумента", "КонецФайла",
    ]  # fmt: skip
    path = two["home"].parent / f"statement-{number}.txt"
    path.write_bytes("\r\n".join(lines).encode("cp1251"))
    return path


def load(two: dict[str, Any], path: Path, on: date = SETTLED) -> bank.Loaded:
    with Workspace.writing(two["home"]) as ws:
        return bank.load(ws, path, on, WHO)


def acts(two: dict[str, Any]) -> list[Any]:
    """The yearly act of the place fund's bills, as both sides draw it up."""
    found = []
    for side in ("place", "home"):
        with Workspace.open(two[side]) as ws:
            number = reconcile.number_149(two["own"], two["other"], 2022)
            (act,) = [one for one in act_book.of_year(ws, 2022, ACT) if one.number == number]
            found.append(act)
    return found


# ---- the debt ---------------------------------------------------------------------------------------------------------------


def test_a_bill_that_shrinks_after_its_refund_leaves_the_same_debt_in_both_books(two: dict[str, Any]) -> None:
    ours, theirs = debts(two)
    assert ours == theirs and ours[0] == 0 and ours[1] > 0
    with Workspace.open(two["place"]) as ws:
        accepted = between_back.positions(ws, "place")[two["first"]].accepted_kop
        rows = between_back.owed(ws, SETTLED, {})
    assert ours[1] == two["paid"] - accepted
    assert rows.select("side", "bill", "territory", "back_kop").rows() == [("place", two["first"], two["other"], ours[1])]
    assert proof(two["place"]) == [] and proof(two["home"]) == []


def test_it_is_returned_in_two_parts_and_the_year_of_both_funds_agrees(two: dict[str, Any]) -> None:
    _, (_, back) = debts(two)
    before = acts(two)
    assert before[0].rows.equals(before[1].rows)
    part = back // 3
    assert give_back(two["place"], two["first"], part).outcome == "booked"
    assert load(two, statement(two, part, f"Возврат возмещения по счёту {two['first']}")).findings.is_empty()
    assert debts(two) == ((0, back - part), (0, back - part))
    assert give_back(two["place"], two["first"]).amount_kop == back - part
    assert load(two, statement(two, back - part, f"Возврат по {two['first']}", "502")).findings.is_empty()
    assert debts(two) == ((0, 0), (0, 0))
    ours, theirs = acts(two)
    assert ours.rows.equals(theirs.rows) and ours.lines == theirs.lines
    assert ours.lines["refunded_kop"] == two["paid"] - back
    assert proof(two["place"]) == [] and proof(two["home"]) == []
    with Workspace.writing(two["place"]) as ws:
        assert [one.outcome for one in act_book.draw(ws, [ours], ACT, WHO)] == ["new"]
        body = act_store.body(ws, ours.number)
    with Workspace.writing(two["home"]) as ws:
        act_book.draw(ws, [theirs], ACT, WHO)
        assert act_book.compare(ws, body, "SV.json")[2].findings.is_empty()


def test_it_is_set_off_against_the_next_bill_which_is_paid_less(two: dict[str, Any]) -> None:
    (_, back), _ = debts(two)
    due, _ = debts(two, two["second"])[1]
    assert due > 0
    with Workspace.writing(two["home"]) as ws:
        netted, paid = between_return.pay_less(ws, two["second"], two["first"], SETTLED, WHO, "letter 17")
    part = min(due, back)
    assert netted.amount_kop == part and (0 if paid is None else paid.amount_kop) == due - part
    assert net(two["place"], two).amount_kop == part
    if paid is not None:
        came(two["place"], two, two["second"], paid.amount_kop, "0", SETTLED)
    assert debts(two, two["second"]) == ((0, 0), (0, 0))
    assert debts(two) == ((0, back - part), (0, back - part))
    ours, theirs = acts(two)
    assert ours.rows.equals(theirs.rows)
    # The set-off lowers what the first bill was refunded, and raises that of the second: of both together only money counts.
    assert ours.lines["refunded_kop"] == two["paid"] + due - part
    by_bill = {row["nschet"]: row["refunded_kop"] for row in ours.rows.to_dicts()}
    assert sorted(by_bill.values()) == sorted([two["paid"] - part, due])
    assert proof(two["place"]) == [] and proof(two["home"]) == []


def test_money_that_was_on_its_way_when_the_bill_shrank_is_taken_and_owed_back(made: dict[str, Any], tmp_path: Path) -> None:
    """A fund whose payments go through the bank: D goes out first, then the refund of all that had been accepted comes in."""
    two = {**made, **{side: Path(shutil.copytree(made[side], tmp_path / side)) for side in ("place", "home")}}
    with Workspace.writing(two["place"]) as ws:  # undo the payment: it has not come yet
        rows = journal.entries(ws, f"fund:{two['own']}/refund/").filter(pl.col("rule") == "territory_refund")
        assert journal.correct(ws, rows["posting_id"][0], LATER, WHO, "not yet").txn is not None
        one = between_back.for_bank(ws)[two["first"]]
        accepted = between_back.positions(ws, "place")[two["first"]].accepted_kop
    assert one.due_kop == accepted and one.late_kop == two["paid"] - accepted


# ---- bad input: the books unchanged -----------------------------------------------------------------------------------------


def unchanged(two: dict[str, Any], side: str, what: Any, rule: str) -> None:
    with Workspace.open(two[side]) as ws:
        before = ws.next_seq(), journal.entries(ws).height
    found = what()
    assert rule in found.findings["rule"].to_list(), found.findings.select("rule", "params").rows()
    for lang in ("ru", "en"):
        told = findings.with_text(found.findings, lang)
        assert not told.filter(pl.col("text").str.contains("{", literal=True)).height
    with Workspace.open(two[side]) as ws:
        assert (ws.next_seq(), journal.entries(ws).height) == before


def test_a_return_above_the_debt_or_twice_or_of_a_bill_that_owes_nothing(two: dict[str, Any]) -> None:
    (_, back), _ = debts(two)
    for amount in (back + 1, 0, -5):
        unchanged(two, "place", lambda amount=amount: give_back(two["place"], two["first"], amount), "TB.15")
    unchanged(two, "place", lambda: give_back(two["place"], two["second"]), "TB.15")
    assert give_back(two["place"], two["first"]).outcome == "booked"
    unchanged(two, "place", lambda: give_back(two["place"], two["first"]), "TB.15")
    unchanged(two, "place", lambda: give_back(two["place"], two["first"], back), "TB.15")


def test_a_set_off_above_either_debt_or_of_the_wrong_bills(two: dict[str, Any]) -> None:
    (_, back), _ = debts(two)
    due, _ = debts(two, two["second"])[0]
    for side in ("place", "home"):
        for amount in (min(back, due) + 1, 0, -1):
            unchanged(two, side, lambda side=side, amount=amount: net(two[side], two, amount), "TB.16")
        unchanged(two, side, lambda side=side: net(two[side], two, None, two["first"], two["second"]), "TB.16")
        unchanged(two, side, lambda side=side: net(two[side], two, 1, two["first"], two["first"]), "TB.17")
    with Workspace.open(two["place"]) as ws:
        others = between_store.files(ws).filter((pl.col("kind") == "R") & (pl.col("receiver") != two["other"]))["file_name"]
    unchanged(two, "place", lambda: net(two["place"], two, 1, others[0]), "TB.17")


def test_words_that_are_missing_are_said(two: dict[str, Any]) -> None:
    for key, call in {
        "between.no_file": lambda ws: between_return.give_back(ws, "R9999990001", SETTLED, WHO),
        "between.why": lambda ws: between_return.net(ws, two["second"], two["first"], SETTLED, WHO, " "),
        "between.by_bank": lambda ws: between_return.give_back(ws, two["first"], SETTLED, WHO),
    }.items():
        with pytest.raises(WorkspaceError) as caught, Workspace.writing(two["home"]) as ws:
            call(ws)
        assert caught.value.key == key


@pytest.mark.parametrize(
    ("more", "purpose", "rule"),
    [(1, "Возврат по счёту {first}", "PB.3"), (0, "Возврат", "PB.20"), (0, "Возврат по {first} и {second}", "PB.20"),
     (0, "Возврат по {second}", "PB.3")],
)  # fmt: skip
def test_money_that_comes_back_must_say_of_which_bill_and_not_be_too_much(
    two: dict[str, Any], more: int, purpose: str, rule: str
) -> None:
    _, (_, back) = debts(two)
    made = load(two, statement(two, back + more, purpose.format(**two)))
    assert made.findings["rule"].to_list() == [rule]
    assert debts(two)[1] == (0, back)


def test_the_same_return_is_taken_once(two: dict[str, Any]) -> None:
    _, (_, back) = debts(two)
    path = statement(two, back, f"Возврат по {two['first']}")
    assert load(two, path).findings.is_empty()
    again = load(two, path)
    assert again.known == 1 and again.findings.is_empty()
    later = load(two, statement(two, back, f"Возврат по {two['first']}", "777"))
    assert later.findings["rule"].to_list() == ["PB.3"]
    assert debts(two)[1] == (0, 0)


# ---- commands ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_commands_say_what_they_did(two: dict[str, Any], lang: str) -> None:
    (_, back), _ = debts(two)
    place, home = ["--workspace", two["place"], "--as-of", "2022-07-20"], ["--workspace", two["home"], "--as-of", "2022-07-20"]
    said = run("territory", "list", *place, lang=lang)
    assert two["first"] in said.text
    said = run("territory", "due", "--side", "home", *home, lang=lang)
    assert two["first"] in said.text
    said = run("territory", "pay", two["second"], "--against", two["first"], "--why", "17", *home, lang=lang)
    assert said.code == 0 and two["first"] in said.text and "territories.return_ways" in said.text, said.text
    said = run("territory", "net", two["second"], "--against", two["first"], "--why", "17", *place, lang=lang)
    assert said.code == 0 and two["first"] in said.text, said.text
    assert debts(two)[0][1] == debts(two)[1][1]
    said = run("territory", "return", two["first"], "--amount", f"{back / 100 + 1:.2f}", *place, lang=lang)
    assert said.code != 0 and "TB.15" in said.text
    left = debts(two)[0][1]
    if left:
        said = run("territory", "return", two["first"], *place, lang=lang)
        assert said.code == 0 and debts(two)[0][1] == 0, said.text


def test_the_schema_of_the_list() -> None:
    assert (
        set(between_back.OWED) >= {"back_kop", "ordered_kop"}
        and contract.TABLES["payment_orders"].schema()["month"] == pl.String()
    )
