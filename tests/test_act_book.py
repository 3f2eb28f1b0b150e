"""Are acts drawn up from the books of both sides, and does nothing move them but a correction? (Rules 121, 132, 142, 144, 149-151)"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import openpyxl
import polars as pl
import pytest

from omsclaims import act_book, act_store, between, between_home, between_store, closing, findings, journal, verify
from omsclaims.periods import Month
from omsclaims.reports import act_files
from omsclaims.settlement import act_states
from omsclaims.workspace import Workspace, WorkspaceError, sha256_bytes
from tests import test_between_both as both
from tests.conftest import MakeTerritory, close_months

ROOT: Final = Path(__file__).resolve().parents[1]
MARCH: Final = Month(2022, 3)
DRAWN, SENT = date(2022, 11, 10), date(2022, 11, 14)
NO_ONE: Final = "tester"


@pytest.fixture(scope="module")
def funds(make_territory: MakeTerritory, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two funds after a bill that was questioned, corrected, refused in part and refunded: their folders and names."""
    folder = tmp_path_factory.mktemp("acts")
    place, home = folder / "place", folder / "home"
    close_months(make_territory(200, 3), place)
    with Workspace.writing(place) as ws:
        between.send(ws, MARCH, both.SENT, NO_ONE)
    with Workspace.open(place) as ws:
        files = between_store.files(ws).filter(pl.col("kind") == "R").sort("items", "file_name", descending=[True, False])
        row = files.row(0, named=True)
        data = between_store.original(ws, row)
    Workspace.create(home, str(row["receiver"]), "fund", date(2022, 1, 1), NO_ONE)
    with Workspace.writing(home) as ws:
        ws.store_agreement(2022, ROOT / "fixtures" / "agreements" / "small", date(2022, 1, 1))
        ws.store_register("reg_insured", both._insured(data, str(row["file_name"])), date(2022, 1, 1))
        ws.record("register", date(2022, 1, 1), NO_ONE, None, {})
    bill = row["file_name"]
    both.take(home, bill, data, both.CAME)
    with Workspace.writing(home) as ws:
        first = between_home.answer(ws, bill, both.ANSWERED, NO_ONE)
    assert first.data is not None
    both.take(place, first.file_name, first.data, both.ANSWERED)
    with Workspace.writing(place) as ws:
        part = between.correct(ws, bill, both.CORRECTED, NO_ONE)
    assert part.data is not None
    both.take(home, part.file_name, part.data, both.CORRECTED)
    with Workspace.writing(home) as ws:
        last = between_home.answer(ws, part.file_name, both.FINAL, NO_ONE)
    assert last.data is not None
    both.take(place, last.file_name, last.data, both.BACK)
    with Workspace.writing(home) as ws:
        paid = between_home.pay(ws, bill, both.BACK, NO_ONE)
    with Workspace.writing(place) as ws:
        event = {
            "event": "territory_refund", "date": date(2022, 6, 23), "document": f"{bill}/0", "document_date": both.BACK,
            "amount_kop": paid.amount_kop,
            "parties": f'{{"fund":"fund:{row["sender"]}","territory":"territory:{row["receiver"]}"}}',
        }  # fmt: skip
        assert journal.book(ws, pl.DataFrame([event]), "bank", date(2022, 6, 23), NO_ONE).txn is not None
    return {"place": place, "home": home, "row": row, "answer": first.file_name, "final": last.file_name, "paid": paid.amount_kop}


@pytest.fixture
def two(funds: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Copies of both, to be changed."""
    return {**funds, **{name: Path(shutil.copytree(funds[name], tmp_path / name)) for name in ("place", "home")}}


def draw(folder: Path, what: str, on: date = DRAWN, why: str | None = None) -> list[act_book.Done]:
    with Workspace.writing(folder) as ws:
        return act_book.draw(ws, act_book.what(ws, what, on), on, NO_ONE, why)


def move(folder: Path, number: str, event: Literal["sent", "signed"], on: date) -> act_book.Done:
    with Workspace.writing(folder) as ws:
        (done,) = act_book.move(ws, [number], event, on, on, NO_ONE)
    return done


def state(folder: Path, number: str) -> str:
    with Workspace.open(folder) as ws:
        return str(act_store.require(ws, number)["state"])


def books_of(folder: Path) -> tuple[Any, ...]:
    """All that moves money: the journal, the files, the closed months."""
    with Workspace.open(folder) as ws:
        return (
            journal.entries(ws).rows(), between_store.files(ws).rows(), ws.rows("SELECT month, digest FROM runs ORDER BY month"),
        )  # fmt: skip


def acts_of(folder: Path) -> tuple[Any, ...]:
    with Workspace.open(folder) as ws:
        return tuple(act_store.table(ws, name).rows() for name in act_store.TABLES)


def number_of(two: dict[str, Any]) -> str:
    return f"SV{two['row']['sender']}{two['row']['receiver']}220001"


# ---- acts of a month ---------------------------------------------------------------------------------------------------


def test_acts_of_a_month_say_what_its_closing_says(two: dict[str, Any]) -> None:
    done = draw(two["place"], "2022-03", date(2022, 4, 20))
    assert {one.outcome for one in done} == {"new"}
    with Workspace.open(two["place"]) as ws:
        expected = ws.ledger_table("act_121", "2022-03").height + ws.ledger_table("act_132", "2022-03").height
        assert len(done) == expected > 20
        papers = {name: path for kind, name, path, _ in ws.documents("2022-03") if kind == "act_file"}
        for one in done:  # the file that the closing wrote beside the paper is the act of the register
            assert (ws.folder / papers[one.act]).read_bytes() == act_store.body(ws, one.act)
    assert {one.outcome for one in draw(two["place"], "2022-03", date(2022, 4, 21))} == {"already"}
    with Workspace.open(two["place"]) as ws:
        assert ws.rows("SELECT count(*) FROM chain WHERE kind = 'act_draw'") == [(1,)]


def test_a_signed_act_holds_its_month(two: dict[str, Any]) -> None:
    place = two["place"]
    draw(place, "2022-02", date(2022, 4, 20))
    number = "121/2022-02/75901"
    assert move(place, number, "signed", date(2022, 4, 21)).findings["rule"].to_list() == ["AK.9"]
    assert move(place, number, "sent", date(2022, 4, 21)).outcome == "done"
    assert move(place, number, "sent", date(2022, 4, 21)).findings["rule"].to_list() == ["AK.9"]
    assert move(place, number, "signed", date(2022, 4, 20)).findings["rule"].to_list() == ["AK.11"]
    assert move(place, number, "signed", date(2022, 4, 22)).outcome == "done"
    assert move(place, number, "signed", date(2022, 4, 22)).findings["rule"].to_list() == ["AK.2"]
    with Workspace.open(place) as ws:
        assert act_store.month_signed(ws, Month(2022, 2)) == "act_book.month_signed"
        assert act_store.month_signed(ws, MARCH) is None


def test_acts_of_a_month_are_sent_before_the_last_day_of_their_term(two: dict[str, Any]) -> None:
    """March drawn up on 5 April 2022: the paper bears 14 April, the 10th working day, and goes out on the 7th."""
    place, number = two["place"], "132/2022-03/75901/750901"
    early = date(2022, 4, 5)
    assert number in {one.act for one in draw(place, "2022-03", early)}
    assert move(place, number, "sent", date(2022, 4, 4)).findings["rule"].to_list() == ["AK.11"]
    assert move(place, number, "sent", date(2022, 4, 7)).outcome == "done"
    assert move(place, number, "signed", date(2022, 4, 6)).findings["rule"].to_list() == ["AK.11"]
    assert move(place, number, "signed", date(2022, 4, 8)).outcome == "done"
    with Workspace.open(place) as ws:
        row = act_store.require(ws, number)
    days = [row[name] for name in ("made_on", "sent_on", "signed_on", "drawn_on")]
    assert days == [early, date(2022, 4, 7), date(2022, 4, 8), date(2022, 4, 14)]


def test_acts_of_a_month_that_is_opened_are_void_and_are_drawn_again(make_territory: MakeTerritory, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    close_months(make_territory(200, 3), folder)
    draw(folder, "2022-03", date(2022, 4, 20))
    number = "121/2022-03/75901"
    move(folder, number, "sent", date(2022, 4, 20))
    day = date(2022, 4, 21)
    with Workspace.writing(folder) as ws:
        closing.reopen(ws, MARCH, day, NO_ONE, "a package was late")
    assert state(folder, number) == "void"
    assert move(folder, number, "signed", day).findings["rule"].to_list() == ["AK.10"]
    with Workspace.writing(folder) as ws:
        assert closing.close(ws, MARCH, day, NO_ONE).outcome == "closed"
    assert number in {one.act.partition("#")[0] for one in draw(folder, "2022-03", day)}
    assert state(folder, number) == "drawn" and state(folder, f"{number}#2") == "drawn"
    move(folder, number, "sent", day)
    move(folder, number, "signed", day)
    assert state(folder, f"{number}#2") == "signed"
    with pytest.raises(WorkspaceError) as caught, Workspace.writing(folder) as ws:
        closing.reopen(ws, MARCH, day, NO_ONE, "again")
    assert caught.value.key == "act_book.month_signed"
    with Workspace.open(folder) as ws:
        assert ws.run("2022-03") is not None and not ws.chain_breaks()


# ---- the year of two funds ---------------------------------------------------------------------------------------------


def test_both_funds_draw_up_the_same_year(two: dict[str, Any]) -> None:
    number = number_of(two)
    bodies = {}
    for side in ("place", "home"):
        done = draw(two[side], "2022")
        assert number in {one.act for one in done} and {one.outcome for one in done} == {"new"}
        with Workspace.open(two[side]) as ws:
            bodies[side] = act_store.body(ws, number)
    ours = act_files.read_act(bodies["place"]).act
    assert ours is not None
    refused = two["row"]["presented_kop"] - two["paid"]
    assert ours.rows.drop("dschet").rows() == [
        (two["row"]["nschet"], 0, two["row"]["presented_kop"], two["paid"], refused, 0)
    ] and refused > 0  # fmt: skip
    before = books_of(two["place"])
    with Workspace.open(two["place"]) as ws:
        mine, theirs, compared = act_book.compare(ws, bodies["home"], "SV.json")
        assert mine is not None and theirs is not None and compared.findings.is_empty() and compared.comparable
    with Workspace.writing(two["place"]) as ws:
        assert act_book.dispute(ws, bodies["home"], "SV.json", DRAWN, DRAWN, NO_ONE).outcome == "agrees"
    assert books_of(two["place"]) == before


def test_papers_of_a_year_lie_beside_their_files(two: dict[str, Any]) -> None:
    (done,) = [one for one in draw(two["place"], "2022") if one.act == number_of(two)]
    assert [Path(path).suffix for path in done.papers] == [".json", ".xlsx"]
    assert all(path.startswith("reports/acts-2022/") for path in done.papers)
    sheet = openpyxl.load_workbook(two["place"] / done.papers[1]).worksheets[0]
    numbers = [cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "n" and cell.value is not None]
    assert numbers[:5] == numbers[5:10] == [0, two["row"]["presented_kop"] / 100, two["paid"] / 100, numbers[3], 0]
    with Workspace.open(two["place"]) as ws:
        assert (ws.folder / done.papers[0]).read_bytes() == act_store.body(ws, done.act)


def test_the_days_of_the_year_act(two: dict[str, Any]) -> None:
    number = number_of(two)
    draw(two["place"], "2022")
    late = move(two["place"], number, "sent", date(2022, 11, 16))  # 15.11.2022 is a Tuesday
    assert late.outcome == "done" and late.findings["rule"].to_list() == ["AK.5"]
    assert "2022-11-15" in findings.with_text(late.findings, "en")["text"][0]
    assert move(two["place"], number, "signed", date(2022, 12, 15)).findings.is_empty()
    draw(two["home"], "2022")
    assert move(two["home"], number, "sent", date(2022, 11, 15)).findings.is_empty()
    assert move(two["home"], number, "signed", date(2022, 12, 16)).findings["rule"].to_list() == ["AK.5"]


def changed(body: bytes, **amounts: int) -> bytes:
    """The act of a year with other amounts in its first row, its lines added up again."""
    said = json.loads(body)
    said["rows"][0] |= amounts
    row = said["rows"][0]
    row["end_kop"] = row["start_kop"] + row["presented_kop"] - row["refunded_kop"] - row["refused_kop"]
    said["lines"] = {name: sum(one[name] for one in said["rows"]) for name in said["lines"]}
    return json.dumps(said).encode()


def test_an_act_that_disagrees_changes_no_book_and_is_agreed_line_by_line(two: dict[str, Any]) -> None:
    place, number = two["place"], number_of(two)
    draw(place, "2022")
    move(place, number, "sent", SENT)
    with Workspace.open(place) as ws:
        body = act_store.body(ws, number)
    before = books_of(place)
    other = changed(body, refunded_kop=two["paid"] - 1)
    with Workspace.writing(place) as ws:
        done = act_book.dispute(ws, other, "SV.json", SENT, SENT, NO_ONE)
    row = f"{two['row']['nschet']}/{two['row']['dschet']}"
    assert done.outcome == "done" and done.findings["rule"].to_list() == ["AK.8", "AK.8"]
    assert done.lines is not None and done.lines.select("row", "line", "theirs_kop").rows() == [
        (row, "refunded_kop", two["paid"] - 1), (row, "end_kop", 1),
    ]  # fmt: skip
    assert books_of(place) == before and state(place, number) == "disputed"
    assert move(place, number, "signed", SENT).findings["rule"].to_list() == ["AK.9"]
    with Workspace.writing(place) as ws:
        missing = act_book.agree(ws, number, SENT, SENT, NO_ONE, "x", "ours", "start_kop", row)
        assert missing.findings["rule"].to_list() == ["AK.12"]
        one = act_book.agree(ws, number, SENT, SENT, NO_ONE, "payment of 21.06 found", "ours", "refunded_kop", row)
        assert one.lines is not None and one.lines["line"].to_list() == ["end_kop"]
    assert state(place, number) == "disputed"
    with Workspace.open(place) as ws:
        sheet = openpyxl.load_workbook(io.BytesIO(act_book.protocol(ws, number, "ru"))).worksheets[0]
    texts = [str(cell.value) for line in sheet.iter_rows() for cell in line if cell.value is not None]
    assert "Не согласовано строк: 1 из 2" in texts and row in texts
    with Workspace.writing(place) as ws:
        act_book.agree(ws, number, SENT, SENT, NO_ONE, "the other side corrects its books")
    assert state(place, number) == "agreed" and books_of(place) == before
    assert move(place, number, "signed", date(2022, 12, 1)).outcome == "done"


def test_the_act_of_the_other_role_is_not_taken_for_ours(two: dict[str, Any]) -> None:
    """Two funds have two yearly acts: of the bills of each. The other fund's act on its own bills is not held against ours."""
    draw(two["place"], "2022")
    with Workspace.open(two["place"]) as ws:
        said = json.loads(act_store.body(ws, number_of(two)))
        own, other = two["row"]["sender"], two["row"]["receiver"]
        said |= {"party": f"fund:{other}", "other": f"territory:{own}", "number": f"SV{other}{own}220001"}
        ours, theirs, compared = act_book.compare(ws, json.dumps(said).encode(), "SV.json")
    assert ours is None and theirs is not None and compared.findings["rule"].to_list() == ["AK.1"]


def period(body: bytes) -> bytes:
    return json.dumps(json.loads(body) | {"first": "2020-10-01", "last": "2021-09-30"}).encode()


def party(body: bytes) -> bytes:
    return json.dumps(json.loads(body) | {"other": "territory:99"}).encode()


def sums(body: bytes) -> bytes:
    said = json.loads(body)
    said["lines"]["end_kop"] += 1
    return json.dumps(said).encode()


@pytest.mark.parametrize(
    ("spoil", "rule"), [(period, "AK.4"), (party, "AK.1"), (sums, "AK.3"), (lambda body: body[:-9], "AK.6")],
    ids=["period", "party", "sums", "torn"],
)  # fmt: skip
def test_a_file_that_cannot_be_compared_changes_nothing(two: dict[str, Any], spoil: Callable[[bytes], bytes], rule: str) -> None:
    place, number = two["place"], number_of(two)
    draw(place, "2022")
    move(place, number, "sent", SENT)
    with Workspace.open(place) as ws:
        body = act_store.body(ws, number)
    before, acts, chain = books_of(place), acts_of(place), chain_of(place)
    with Workspace.writing(place) as ws:
        done = act_book.dispute(ws, spoil(body), "SV.json", SENT, SENT, NO_ONE)
    assert done.outcome == "refused" and set(done.findings["rule"]) == {rule}
    assert (books_of(place), acts_of(place), chain_of(place)) == (before, acts, chain)
    for lang in ("ru", "en"):
        assert "{" not in "".join(findings.with_text(done.findings, lang)["text"])


def chain_of(folder: Path) -> list[tuple[Any, ...]]:
    with Workspace.open(folder) as ws:
        return ws.rows("SELECT seq, hash FROM chain ORDER BY seq")


def test_an_act_that_was_sent_gives_way_with_a_reason_only(two: dict[str, Any]) -> None:
    place, number = two["place"], number_of(two)
    draw(place, "2022")
    move(place, number, "sent", SENT)
    correction = {
        "event": "territory_refund", "date": date(2022, 9, 1), "document": f"{two['row']['file_name']}/x",
        "document_date": date(2022, 9, 1), "amount_kop": 5,
        "parties": f'{{"fund":"fund:{two["row"]["sender"]}","territory":"territory:{two["row"]["receiver"]}"}}',
    }  # fmt: skip
    with Workspace.writing(place) as ws:
        assert journal.book(ws, pl.DataFrame([correction]), "late", SENT, NO_ONE).txn is not None
    refused = {one.act: one for one in draw(place, "2022", SENT)}[number]
    assert refused.outcome == "refused" and refused.findings["rule"].to_list() == ["AK.9"]
    (again,) = [one for one in draw(place, "2022", SENT, "a refund was found") if one.act.startswith(number)]
    assert (again.act, again.outcome, state(place, number)) == (f"{number}#2", "new", "drawn")
    with Workspace.open(place) as ws:
        old, new = (act_files.read_act(act_store.body(ws, name)).act for name in (number, f"{number}#2"))
        assert old is not None and new is not None and new.lines["refunded_kop"] == old.lines["refunded_kop"] + 5
        assert all((ws.folder / path).exists() for path in again.papers) and "-2.xlsx" in again.papers[1]


def test_an_act_that_the_journal_contradicts_is_not_drawn_up(two: dict[str, Any]) -> None:
    place = two["place"]
    with Workspace.writing(place) as ws:
        rows = journal.entries(ws, f"fund:{two['row']['sender']}/refund").filter(pl.col("rule") == "territory_refused_finally")
        journal.correct(ws, rows["posting_id"][0], date(2022, 6, 24), NO_ONE, "by mistake")
    done = {one.act: one for one in draw(place, "2022")}[number_of(two)]
    assert done.outcome == "refused" and done.findings["rule"].to_list() == ["AK.13"]


# ---- acts of items ------------------------------------------------------------------------------------------------------


def test_acts_of_items_name_policies_on_restricted_paper_only(two: dict[str, Any]) -> None:
    home = two["home"]
    (first,) = draw(home, two["answer"], date(2022, 6, 30))
    (second,) = draw(home, two["final"], date(2022, 6, 30))
    assert (first.act, second.act) == (f"SA{two['answer'][1:]}", f"SA{two['final'][1:]}")
    for done, kind in ((first, "142"), (second, "144")):
        assert all(path.startswith("restricted/acts-2022-03/") for path in done.papers)
        with Workspace.open(home) as ws:
            act = act_files.read_act(act_store.body(ws, done.act)).act
            assert act is not None and act.kind == kind and act_states.problems(act).is_empty()
            items = between_store.items(ws, [str(act.about)]).filter(pl.col("sank_it_kop") > 0)
            assert act.rows.height == items.height and act.lines["refused_kop"] == int(items["sank_it_kop"].sum())
        sheet = openpyxl.load_workbook(home / done.papers[1]).worksheets[0]
        texts = {str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None}
        with Workspace.open(home) as ws:
            policies = act_book._policies(ws, act).join(items, on=["n_zap", "idcase"], how="semi")["policy"].to_list()
        assert policies and all(policy in texts for policy in policies)
        assert not any(policy.encode() in (home / done.papers[0]).read_bytes() for policy in policies)
        assert b"policy" not in (home / done.papers[0]).read_bytes()


def papers_in(folder: Path) -> set[str]:
    """Whatever lies in the folders of acts of years and files."""
    return {
        path.relative_to(folder).as_posix()
        for part in ("reports", "restricted")
        for path in (folder / part).glob("acts-*/*")
    }  # fmt: skip


@pytest.mark.parametrize("killed", [False, True])
def test_nothing_stays_of_a_drawing_that_was_broken_off(two: dict[str, Any], tmp_path: Path, killed: bool) -> None:
    """Papers are written before the commit: of a command that was killed, or that failed, none is left, and the rest is."""
    home = two["home"]
    (first,) = draw(home, two["answer"], date(2022, 6, 30))
    kept = set(first.papers)
    with pytest.raises(KeyboardInterrupt), Workspace.writing(home) as ws:
        for what in (two["final"], "2022"):
            act_book.draw(ws, act_book.what(ws, what, DRAWN), DRAWN, NO_ONE)
        written = papers_in(home) - kept
        if killed:  # what a kill at this moment leaves on the disk
            home = Path(shutil.copytree(home, tmp_path / "killed"))
        raise KeyboardInterrupt
    assert {path.split("-")[0] for path in written} == {"reports/acts", "restricted/acts"} and len(written) >= 4
    if killed:
        assert papers_in(home) == kept | written
        with Workspace.open(home):  # whoever opens it next puts it in order
            pass
    assert papers_in(home) == kept
    assert proof(home).findings.is_empty()
    (second,) = draw(home, two["final"], date(2022, 6, 30))
    years = [path for one in draw(home, "2022") for path in one.papers]
    assert papers_in(home) == kept | set(second.papers) | set(years) and written <= papers_in(home)
    assert proof(home).findings.is_empty()


def test_what_has_no_act_is_said(two: dict[str, Any]) -> None:
    for what in ("R9999999999", "A0000000000", "20222", two["row"]["file_name"]):
        with pytest.raises(WorkspaceError) as caught:
            draw(two["home"], what)
        assert caught.value.key == "act_book.what"
    with pytest.raises(WorkspaceError) as caught:
        draw(two["home"], "2022-03")
    assert caught.value.key == "workspace.not_closed"
    assert move(two["home"], "SV1", "sent", DRAWN).findings["rule"].to_list() == ["AK.1"]


# ---- acts held against the books ---------------------------------------------------------------------------------------


def proof(folder: Path) -> verify.Proof:
    with Workspace.proving(folder) as ws:
        return verify.verify(ws)


def test_acts_are_proven_by_the_books_as_they_were_when_drawn(two: dict[str, Any]) -> None:
    """What is booked later changes no act that was drawn up; an act that says otherwise is named, whoever sealed it."""
    place, home = two["place"], two["home"]
    monthly = len(draw(place, "2022-03", date(2022, 4, 20)))
    for folder, name in ((home, two["answer"]), (home, two["final"])):
        draw(folder, name)
    number = number_of(two)
    for folder in (place, home):
        draw(folder, "2022")
    with Workspace.open(place) as ws:
        end = json.loads(act_store.body(ws, number))["lines"]["end_kop"]
    with Workspace.writing(place) as ws:  # a refund that the act did not know, of a day in its year
        event = {
            "event": "territory_refund", "date": date(2022, 6, 24), "document": "later", "document_date": date(2022, 6, 23),
            "amount_kop": 4_321, "parties": f'{{"fund":"fund:{two["row"]["sender"]}","territory":"territory:{two["row"]["receiver"]}"}}',
        }  # fmt: skip
        assert journal.book(ws, pl.DataFrame([event]), "later", date(2022, 11, 1), NO_ONE).txn is not None
    with Workspace.open(place) as ws:
        later = next(act for act in act_book.of_year(ws, 2022, DRAWN) if act.number == number)
        assert later.lines["end_kop"] == end - 4_321
    assert (proof(place).findings.rows(), proof(place).counts["drawn"]) == ([], monthly + act_count(place, "149"))
    assert (proof(home).findings.rows(), proof(home).counts["drawn"]) == ([], 2 + act_count(home, "149"))
    with Workspace.writing(place) as ws:  # by the program's own hand: chain and seals are whole
        told = json.loads(act_store.body(ws, number))
        for one in (told["lines"], told["rows"][0]):  # its equation holds
            one["presented_kop"] += 100
            one["end_kop"] += 100
        body = json.dumps(told, indent=1, sort_keys=True)
        values = [body, sha256_bytes(body.encode()), number]
        ws.rows("UPDATE act_drawn SET body = ?, document = ? WHERE act = ?", values)
        ws.record("act_draw", DRAWN, NO_ONE, None, {"acts": {number: values[1]}})
    ((rule, value, said, booked),) = [
        (row["rule"], row["value"], *(json.loads(row["params"])[name] for name in ("said", "booked")))
        for row in proof(place).findings.iter_rows(named=True)
    ]
    assert (rule, value) == ("VF.24", number)
    assert told["lines"]["end_kop"] == end + 100
    presented = told["lines"]["presented_kop"]
    assert said == f"end_kop {end + 100}, presented_kop {presented}"
    assert booked == f"end_kop {end}, presented_kop {presented - 100}"


def act_count(folder: Path, kind: str) -> int:
    with Workspace.open(folder) as ws:
        return act_store.table(ws, "act_drawn").filter(pl.col("kind") == kind).height
