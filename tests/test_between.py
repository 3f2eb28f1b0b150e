"""Do bills go out, answers come in and money move as Rules 138-145 say, and does bad input leave the books as they were?"""

from __future__ import annotations

import io
import shutil
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from lxml import etree

from omsclaims import between, between_store, closing, contract, findings, journal, messages
from omsclaims.periods import Month
from omsclaims.reports import between_editions
from omsclaims.settlement.between import items
from omsclaims.workspace import Workspace, WorkspaceError
from tests.between_samples import answer
from tests.conftest import MakeTerritory, close_months

SENT, CAME = date(2022, 5, 4), date(2022, 5, 20)
MARCH = Month(2022, 3)


@pytest.fixture(scope="module")
def base(make_territory: MakeTerritory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two closed months whose bills of March were sent on 4 May."""
    folder = tmp_path_factory.mktemp("between") / "ws"
    close_months(make_territory(200, 3), folder)
    with Workspace.writing(folder) as ws:
        done = between.send(ws, MARCH, SENT, "tester")
        assert done and {one.outcome for one in done} == {"sent"}
    return folder


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(base, tmp_path / "ws"))


def bill_of(folder: Path) -> tuple[dict[str, object], bytes]:
    """The bill of March with the most items, and its file."""
    with Workspace.open(folder) as ws:
        rows = between_store.files(ws).filter(pl.col("kind") == "R").sort("items", "file_name", descending=[True, False])
        row = rows.row(0, named=True)
        return row, between_store.original(ws, row)


def books(folder: Path) -> dict[str, int]:
    with Workspace.open(folder) as ws:
        return dict(journal.balances(ws).iter_rows())


def name_of(row: dict[str, object], number: int = 1) -> str:
    return f"A{row['receiver']}{row['sender']}22{number:04d}"


def take(folder: Path, tmp_path: Path, name: str, data: bytes, on: date = CAME) -> between.Done:
    path = tmp_path / f"{name}.oms"
    path.write_bytes(data)
    with Workspace.writing(folder) as ws:
        return between.take_one(ws, path, on, "tester")


def rules(done: between.Done) -> set[str]:
    return set(done.findings["rule"])


def test_bills_are_sent_once_and_given_again_as_they_were(folder: Path) -> None:
    with Workspace.open(folder) as ws:
        chain = ws.next_seq()
        states = between.states(ws, SENT)
        bills = ws.ledger_table("territory_bills", str(MARCH))
    assert set(states["state"]) == {"presented"}
    assert int(states["presented_kop"].sum()) == int(bills["amount_kop"].sum())
    with Workspace.writing(folder) as ws:
        again = between.send(ws, MARCH, date(2022, 6, 1), "tester")
        assert {one.outcome for one in again} == {"already"}
        assert ws.next_seq() == chain, "nothing was written"
    row, data = bill_of(folder)
    assert next(one.data for one in again if one.file_name == row["file_name"]) == data


def test_a_bill_is_not_sent_before_its_date_and_a_sent_month_not_replaced(folder: Path) -> None:
    with Workspace.writing(folder) as ws, pytest.raises(WorkspaceError, match=r"between\.too_early"):
        between.send(ws, Month(2022, 2), date(2022, 3, 1), "tester")
    with Workspace.writing(folder) as ws, pytest.raises(WorkspaceError, match=r"between\.month_sent"):
        closing.reopen(ws, MARCH, CAME, "tester", "another register")


def test_an_answer_moves_what_it_questions_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    row, data = bill_of(folder)
    before = books(folder)
    asked = int(row["presented_kop"])  # type: ignore[call-overload]
    with Workspace.open(folder) as ws:
        first = between_store.items(ws, [str(row["file_name"])]).row(0, named=True)
    taken = first["sump_kop"] // 3
    done = take(folder, tmp_path, name_of(row), answer(data, name_of(row), date(2022, 5, 19), {first["n_zap"]: (taken, 204)}))
    assert (done.outcome, done.late) == ("taken", False), done.findings.select("rule", "element", "value", "params").rows()
    after = books(folder)
    other = f"territory:{row['receiver']}"
    assert after[f"fund:75/refund/{other}"] == before[f"fund:75/refund/{other}"] - taken
    assert after[f"fund:75/refund_disputed/{other}"] == taken == -after[f"{other}/refund_disputed/fund:75"]
    with Workspace.open(folder) as ws:
        states = between.states(ws, CAME).filter(pl.col("bill") == row["file_name"])
    assert items.totals(states).row(0, named=True)["accepted_kop"] == asked - taken
    assert items.bill_state(states) == "act"
    with Workspace.writing(folder) as ws:
        seq = ws.next_seq()
    again = take(folder, tmp_path, name_of(row), answer(data, name_of(row), date(2022, 5, 19), {first["n_zap"]: (taken, 204)}))
    assert again.outcome == "already"
    with Workspace.open(folder) as ws:
        assert ws.next_seq() == seq
    assert books(folder) == after


def questioned(folder: Path, tmp_path: Path, count: int = 2) -> tuple[dict[str, object], bytes, list[tuple[int, int, int]]]:
    """The bill with its first items questioned whole: its row, its file, (N_ZAP, IDCASE, SUMP) of its items."""
    row, data = bill_of(folder)
    with Workspace.open(folder) as ws:
        rows = between_store.items(ws, [str(row["file_name"])]).select("n_zap", "idcase", "sump_kop").rows()
    decisions = {n: (amount, 204) for n, _, amount in rows[:count]}
    done = take(folder, tmp_path, name_of(row), answer(data, name_of(row), date(2022, 5, 19), decisions))
    assert done.outcome == "taken", done.findings.select("rule", "element", "value", "params").rows()
    return row, data, rows


def test_a_corrected_part_goes_out_and_its_final_answer_comes_in(folder: Path, tmp_path: Path) -> None:
    row, _, rows = questioned(folder, tmp_path)
    bill, other = str(row["file_name"]), f"territory:{row['receiver']}"
    before = books(folder)
    with Workspace.writing(folder) as ws:
        sent = between.correct(ws, bill, date(2022, 6, 1), "tester", agreed=[rows[1][:2]])
    assert sent.outcome == "sent" and sent.data is not None and sent.items == 2
    assert sent.file_name == f"D75{row['receiver']}220001" and sent.amount_kop == rows[0][2]
    after = books(folder)
    disputed = f"fund:75/refund_disputed/{other}"
    assert after[disputed] == before[disputed] - rows[1][2] == rows[0][2]
    with Workspace.open(folder) as ws:
        files, _ = between_store.of_bill(ws, bill)
        d = files.filter(pl.col("kind") == "D").row(0, named=True)
        states = between.states(ws, date(2022, 6, 1)).filter(pl.col("bill") == bill)
    assert (d["nschet"], d["about"]) == (f"{row['nschet']}-D1", bill)
    assert states["state"].to_list()[:2] == ["presented_again", "conceded"]
    final = answer(sent.data, name_of(row, 2), date(2022, 6, 8), {1: (rows[0][2], 204)}, s_ist=4)
    done = take(folder, tmp_path, name_of(row, 2), final, date(2022, 6, 9))
    assert (done.outcome, done.late) == ("taken", False), done.findings.select("rule", "element", "value", "params").rows()
    end = books(folder)
    assert disputed not in end
    lost = rows[0][2] + rows[1][2]
    assert end[f"{other}/care_elsewhere"] == before[f"{other}/care_elsewhere"] - lost
    with Workspace.open(folder) as ws:
        assert between.states(ws, CAME).filter(pl.col("bill") == bill)["state"].to_list()[:2] == ["refused_finally", "conceded"]
        assert int(between.open_items(ws, CAME).filter(pl.col("bill") == bill)["lost_kop"].sum()) == lost
    with Workspace.writing(folder) as ws:
        paper = between.write_off(ws, bill, date(2022, 6, 10), "tester", "no act of ours stands")
    assert (paper.outcome, paper.amount_kop) == ("booked", lost)
    assert books(folder)["fund:75/elsewhere_lost"] == lost
    with Workspace.writing(folder) as ws, pytest.raises(WorkspaceError, match=r"between\.nothing_left"):
        between.write_off(ws, bill, date(2022, 6, 10), "tester", "again")


def test_what_the_clinic_bore_is_not_written_off(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own act took 100.00 of the first item from the clinic before it was refused for good: the loss is the rest."""
    row, _, rows = questioned(folder, tmp_path)
    bill = str(row["file_name"])
    with Workspace.writing(folder) as ws:
        between.concede(ws, bill, date(2022, 7, 20), "tester", "the term has passed")
        key = between_store.items(ws, [bill]).filter(pl.col("n_zap") == rows[0][0])["case_key"][0]
    schema = contract.TABLES["deductions"].schema()
    act = {"case_key": key, "state": "stands", "s_sum": 10_000, "s_code": "1", "s_tip": 30}
    acts = pl.DataFrame([{name: act.get(name) for name in schema}], schema=schema)
    monkeypatch.setattr(between, "_deductions", lambda ws, row: acts)
    lost = rows[0][2] + rows[1][2] - 10_000
    with Workspace.open(folder) as ws:
        assert int(between.open_items(ws, CAME).filter(pl.col("bill") == bill)["lost_kop"].sum()) == lost
    with Workspace.writing(folder) as ws:
        assert between.write_off(ws, bill, date(2022, 7, 21), "tester", "for good").amount_kop == lost
    assert books(folder)["fund:75/elsewhere_lost"] == lost


def test_what_is_agreed_must_be_questioned(folder: Path, tmp_path: Path) -> None:
    row, _, _ = questioned(folder, tmp_path)
    before = books(folder)
    with Workspace.writing(folder) as ws:
        done = between.correct(ws, str(row["file_name"]), date(2022, 6, 1), "tester", agreed=[(99, 99)])
    assert done.outcome == "refused" and done.findings.select("rule", "n_zap").rows() == [("TB.11", 99)]
    assert books(folder) == before


def test_what_is_questioned_can_be_given_up_without_a_corrected_part(folder: Path, tmp_path: Path) -> None:
    row, _, rows = questioned(folder, tmp_path)
    bill = str(row["file_name"])
    with Workspace.writing(folder) as ws, pytest.raises(WorkspaceError, match=r"between\.why"):
        between.concede(ws, bill, CAME, "tester", " ")
    with Workspace.writing(folder) as ws:
        paper = between.concede(ws, bill, date(2022, 7, 20), "tester", "the term has passed")
    assert (paper.outcome, paper.amount_kop) == ("booked", rows[0][2] + rows[1][2])
    assert f"fund:75/refund_disputed/territory:{row['receiver']}" not in books(folder)


# ---- bad input: a clear refusal, the books as they were -------------------------------------------------------------------


def refused(folder: Path, tmp_path: Path, name: str, data: bytes, rule: str, on: date = CAME) -> between.Done:
    """The file is refused with the finding, which says what to do in both languages; no posting, no state is changed by it."""
    before, chain = books(folder), None
    with Workspace.open(folder) as ws:
        states = between.states(ws, on)
        chain = ws.next_seq()
    done = take(folder, tmp_path, name, data, on)
    assert done.outcome == "refused" and rule in rules(done), done.findings.select("rule", "element", "value", "params").rows()
    assert books(folder) == before
    with Workspace.open(folder) as ws:
        assert between.states(ws, on).equals(states)
        assert ws.next_seq() == chain + 1, "the file is kept and recorded as refused"
        kept = between_store.files(ws).filter((pl.col("file_name") == name) & (pl.col("state") == "refused"))
        assert between_store.original(ws, kept.row(0, named=True)) == data
    for lang in ("ru", "en"):
        texts = findings.with_text(done.findings.filter(pl.col("rule") == rule), lang)["text"]
        assert texts.str.len_chars().min() > 20  # type: ignore[operator]
        assert messages.text(f"rule.{rule}.todo", lang)
    assert take(folder, tmp_path, name, data, on).outcome == "refused"
    with Workspace.open(folder) as ws:
        assert ws.next_seq() == chain + 1, "the same file again is not recorded again"
    return done


def test_an_answer_to_an_unknown_bill(folder: Path, tmp_path: Path) -> None:
    row, data = bill_of(folder)
    made = answer(data, name_of(row), date(2022, 5, 19), header={"nschet": "38-2203-9999"})
    refused(folder, tmp_path, name_of(row), made, "TB.1")


def test_an_answer_for_items_already_final(folder: Path, tmp_path: Path) -> None:
    row, data = bill_of(folder)
    assert take(folder, tmp_path, name_of(row), answer(data, name_of(row), date(2022, 5, 19))).outcome == "taken"
    made = answer(data, name_of(row, 2), date(2022, 5, 19), {1: (100, 204)}, only=[1])
    refused(folder, tmp_path, name_of(row, 2), made, "TB.3")


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        ({"cases": {"sump": pl.col("sump") + 1}}, "TB.4"),
        ({"cases": {"sumv": pl.col("sumv") - 1, "sump": pl.col("sump") - 1}}, "TB.4"),
        ({"cases": {"oplata": pl.lit(2, dtype=pl.Int64)}}, "TB.4"),
        ({"cases": {"sank_it": pl.lit(777, dtype=pl.Int64)}}, "TB.4"),
        ({"header": {"summap": 1}}, "TB.8"),
        ({"header": {"sank_mek": 1}}, "TB.8"),
        ({"s_ist": 4}, "TB.7"),
        ({"header": {"okato_oms": "76000"}}, "TB.5"),
        ({"cases": {"idcase": pl.col("idcase") + 5000}}, "TB.2"),
    ],
    ids=["sum", "another sumv", "oplata", "sank_it", "summap", "sank_mek", "source", "okato", "unknown item"],
)
def test_an_answer_that_does_not_add_up(folder: Path, tmp_path: Path, spoil: dict[str, object], rule: str) -> None:
    row, data = bill_of(folder)
    made = answer(data, name_of(row), date(2022, 5, 19), {1: (100, 204)}, **spoil)  # type: ignore[arg-type]
    refused(folder, tmp_path, name_of(row), made, rule)


def test_an_answer_of_another_territory(folder: Path, tmp_path: Path) -> None:
    row, data = bill_of(folder)
    stranger = "A1275220001" if row["receiver"] != "12" else "A1375220001"
    refused(folder, tmp_path, stranger, answer(data, stranger, date(2022, 5, 19)), "TB.5")
    misled = f"A{row['receiver']}01220001"
    refused(folder, tmp_path, misled, answer(data, misled, date(2022, 5, 19)), "TB.5")


def test_an_answer_after_its_term_is_taken_and_marked(folder: Path, tmp_path: Path) -> None:
    """Sent on 4 May 2022: 25 working days are 5, 6, 11-13, 16-20, 23-27, 30-31 May (17), 1-3, 6-9 June (24), 10 June (25)."""
    row, data = bill_of(folder)
    made = answer(data, name_of(row), date(2022, 6, 10))
    in_time = Path(shutil.copytree(folder, tmp_path / "in_time"))
    assert take(in_time, tmp_path, name_of(row), made, date(2022, 6, 10)).late is False
    done = take(folder, tmp_path, name_of(row), made, date(2022, 6, 14))
    assert (done.outcome, done.late, "TB.6" in rules(done)) == ("taken", True, True)
    with Workspace.open(folder) as ws:
        assert between_store.files(ws).filter(pl.col("kind") == "A")["late"].to_list() == [True]


def test_a_corrected_part_of_an_item_that_was_not_refused(folder: Path, tmp_path: Path) -> None:
    row, _, rows = questioned(folder, tmp_path, count=1)
    before = books(folder)
    with Workspace.writing(folder) as ws:
        done = between.correct(ws, str(row["file_name"]), date(2022, 6, 1), "tester", which=[rows[0][:2], rows[1][:2]])
    assert done.outcome == "refused" and rules(done) == {"TB.11"} and done.findings["n_zap"].to_list() == [rows[1][0]]
    assert books(folder) == before
    with Workspace.open(folder) as ws:
        assert between_store.files(ws).filter(pl.col("kind") == "D").is_empty()


def test_the_same_name_with_other_content(folder: Path, tmp_path: Path) -> None:
    row, data = bill_of(folder)
    assert take(folder, tmp_path, name_of(row), answer(data, name_of(row), date(2022, 5, 19), only=[1])).outcome == "taken"
    refused(folder, tmp_path, name_of(row), answer(data, name_of(row), date(2022, 5, 19), only=[2]), "TB.9")


def test_an_interrupted_transaction_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    row, data = bill_of(folder)
    path = tmp_path / f"{name_of(row)}.oms"
    path.write_bytes(answer(data, name_of(row), date(2022, 5, 19), {1: (100, 204)}))
    before = books(folder)
    with pytest.raises(RuntimeError), Workspace.writing(folder) as ws:
        assert between.take_one(ws, path, CAME, "tester").outcome == "taken"
        raise RuntimeError
    assert books(folder) == before
    assert not list((folder / "restricted" / "between").glob("A*")) and not list((folder / "tables" / "between").glob("A*"))
    with Workspace.writing(folder) as ws:
        assert between.take_one(ws, path, CAME, "tester").outcome == "taken"
    assert list((folder / "restricted" / "between").glob("A*")) and list((folder / "tables" / "between").glob("A*"))


@pytest.mark.parametrize("edition", ["RD_3.2", "RD_2.1", "RD_1.0"])
def test_bills_of_a_month_are_valid_in_the_edition_asked_for(folder: Path, edition: str) -> None:
    """February of the made-up territory: what an edition cannot say is told by RF.4 and not sent; what is sent is valid."""
    path = Path(__file__).resolve().parents[2] / "shared" / "xsd" / f"{edition}.xsd"
    if not path.exists():
        pytest.skip(f"../shared is not here: {edition}.xsd")
    schema = etree.XMLSchema(etree.parse(path))
    with Workspace.writing(folder) as ws:
        done = between.send(ws, Month(2022, 2), SENT, "tester", edition=edition)
        files = between_store.files(ws).filter(pl.col("month") == 2)
    for one in done:
        blocked = not rules(one).isdisjoint(between_editions.BLOCKING)
        assert one.outcome == ("refused" if blocked else "sent"), one.findings.select("rule", "element").rows()
        if one.data is not None:
            with zipfile.ZipFile(io.BytesIO(one.data)) as packed:
                assert schema.validate(etree.fromstring(packed.read(f"{one.file_name}.xml"))), schema.error_log
    assert files.height == sum(one.outcome == "sent" for one in done) > 0
    assert files["version"].unique().to_list() == [edition]
    found = set().union(*(rules(one) for one in done))
    answered = answer(done[-1].data or b"", f"A{done[-1].receiver}75220001", date(2022, 5, 19), edition=_ANSWERS[edition])
    assert found <= {"RF.1", "RF.4", "RF.5", "RF.6"}
    took = take(folder, folder.parent, f"A{done[-1].receiver}75220001", answered)
    assert took.outcome == "taken", took.findings.select("rule", "element", "value").rows()


_ANSWERS = {"RD_3.2": "A_3.1", "RD_2.1": "A_2.1", "RD_1.0": "A_1.0"}
