"""Does an insurer's workspace close its months from the fund's files, and name what the fund's act says otherwise? (121, 132)"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from omsclaims import bank, contract, findings, insurer, journal, messages
from omsclaims.periods import Month
from omsclaims.reports import act_files, insurer_files
from omsclaims.settlement import act_states, settle
from omsclaims.settlement import ledger as books
from omsclaims.settlement.own_month import told_by_fund
from omsclaims.workspace import Workspace, WorkspaceError
from tests import bank_samples
from tests.settlement.test_settle import Bill, context, month_tables, standards

SMO = "75901"
DAY, TODAY, WHO = date(2022, 4, 14), date(2022, 7, 1), "tester"
MARCH, APRIL, MAY = Month(2022, 3), Month(2022, 4), Month(2022, 5)


class Fund:
    """A fund that settles months and writes its files into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.before: dict[str, pl.DataFrame] = {}

    def closes(self, of: Month, bills: list[tuple[str, int, bool]], keep: bool = True, **registers: Any) -> Path:
        """Settles a month of insurer 75901: (clinic, kopecks, refused); half of the standards are its own."""
        used = context(str(of))
        made: list[Bill] = [("own", SMO, mo, amount, refused) for mo, amount, refused in bills]
        registers.setdefault("funding", [standards(200_000), {"what": "spare_fill", "smo": SMO, "amount_kop": 4_000}])
        tables = {**month_tables(made, used, **registers), **self.before}
        result = settle(tables, used)
        if keep:
            earlier = self.before.get("postings_before", contract.TABLES["postings"].empty())
            self.before = {"balances_before": result["balances"], "postings_before": pl.concat([earlier, result["postings"]])}
        place = self.folder / str(of)
        place.mkdir(exist_ok=True)
        for papers in told_by_fund({**tables, **result}, used, DAY):
            for paper in papers:
                (place / insurer_files.file_name(paper)).write_bytes(insurer_files.paper_json(paper))
        for kind in ("121", "132"):
            for row in result[f"act_{kind}"].iter_rows(named=True):
                act = act_states.monthly(kind, row, of, "75", DAY)
                (place / f"{act_files.file_name(act)}.json").write_bytes(act_files.act_json(act))
        return place


@pytest.fixture
def fund(tmp_path: Path) -> Fund:
    (tmp_path / "fund").mkdir()
    return Fund(tmp_path / "fund")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "insurer"
    Workspace.create(made, "75", "insurer", DAY, WHO, smo=SMO)
    return made


BILLS = [("750901", 60_000, False), ("750901", 5_000, True), ("750902", 20_000, False)]


def notice(folder: Path, place: Path) -> insurer.Taken:
    with Workspace.writing(folder) as ws:
        return insurer.take_notice(ws, place / f"notice-{SMO}.json", TODAY, WHO)


def settlement(folder: Path, place: Path, why: str | None = None) -> insurer.Taken:
    with Workspace.writing(folder) as ws:
        return insurer.take_settlement(ws, place / f"settlement-{SMO}.json", TODAY, WHO, why)


def taken(folder: Path, place: Path) -> None:
    assert notice(folder, place).outcome == "new"
    assert settlement(folder, place).outcome == "new"


def state(folder: Path) -> list[Any]:
    """Books, papers and chain."""
    with Workspace.open(folder) as ws:
        return [ws.rows("SELECT * FROM journal ORDER BY ALL"), insurer.papers(ws), ws.next_seq(), ws.closed_months()]


def compared(folder: Path, place: Path) -> Iterator[tuple[str, insurer.Compared]]:
    with Workspace.open(folder) as ws:
        yield "121", insurer.compare_121(ws, place / f"121-{SMO}.json")
        for path in sorted(place.glob(f"132-{SMO}-*.json")):
            yield path.stem, insurer.compare_132(ws, path)


def test_months_are_closed_by_the_own_books_and_agree_with_the_fund(folder: Path, fund: Fund) -> None:
    for of, bills in ((MARCH, BILLS), (APRIL, [("750902", 30_000, False)]), (MAY, [])):
        place = fund.closes(of, bills, advance=[{"payer": SMO, "mo": "750902", "amount_kop": 25_000, "excepted": False}])
        taken(folder, place)
        results = dict(compared(folder, place))
        assert set(results) == {"121", *(path.stem for path in place.glob(f"132-{SMO}-*.json"))}
        assert all(one.agrees for one in results.values()), results
    with Workspace.open(folder) as ws:
        assert ws.closed_months() == ["2022-03", "2022-04", "2022-05"]
        assert journal.problems(ws) == [] and ws.chain_breaks() == []
        # March: 1,000.00 - 10.00 - 600.00 - 250.00; the advance of 250.00 is 50.00 above the bill of 200.00.
        lines = insurer.act_lines(ws, "121", MARCH)
        assert lines is not None
        assert [lines[name] for name in ("by_standards_kop", "case_management_kop", "spent_kop", "end_kop", "end_spare_kop")] == [
            100_000, 1_000, 85_000, 14_000, 4_000,
        ]  # fmt: skip
        # April: 20.00 of it are taken off the advance (250.00 asked less 50.00 of excess); 300.00 billed less 250.00 had before.
        of_clinic = insurer.act_lines(ws, "132", APRIL, "750902")
        assert of_clinic is not None
        assert [of_clinic[name] for name in ("start_kop", "billed_kop", "transferred_kop", "end_kop")] == [
            -5_000,
            30_000,
            25_000,
            0,
        ]
        papers = sorted(path.name for path in (folder / "reports" / "2022-03" / "acts").iterdir())
    assert papers == sorted(
        f"{stem}.{kind}" for stem in (f"121-{SMO}", f"132-{SMO}-750901", f"132-{SMO}-750902") for kind in ("json", "xlsx")
    )


def test_the_same_files_again_change_nothing(folder: Path, fund: Fund) -> None:
    place = fund.closes(MARCH, BILLS)
    taken(folder, place)
    before = state(folder)
    path = place / f"notice-{SMO}.json"
    path.write_text(json.dumps(json.loads(path.read_text())), encoding="utf-8")  # laid out otherwise, it says the same
    assert notice(folder, place).outcome == "already"
    assert settlement(folder, place).outcome == "already"
    assert state(folder) == before


def test_a_notice_is_booked_when_it_comes_and_the_list_adds_the_rest(folder: Path, fund: Fund) -> None:
    place = fund.closes(MARCH, BILLS)
    notice(folder, place)
    with Workspace.open(folder) as ws:
        held = dict(journal.balances(ws, prefix=f"insurer:{SMO}/").iter_rows())
        assert held[f"insurer:{SMO}/payment_reserve"] == 100_000 - 1_000 - 4_000
        assert journal.problems(ws) == []
    other = fund.closes(MARCH, BILLS, keep=False, funding=[standards(300_000)])
    assert notice(folder, other).outcome == "replaced"
    with Workspace.open(folder) as ws:
        held = dict(journal.balances(ws, prefix=f"insurer:{SMO}/").iter_rows())
        assert held[f"insurer:{SMO}/payment_reserve"] == 150_000 - 1_500
        assert journal.problems(ws) == []
    assert settlement(folder, other).outcome == "new"
    with Workspace.open(folder) as ws:
        assert journal.problems(ws) == [] and ws.chain_breaks() == []


def test_a_closed_month_is_replaced_with_a_reason_only(folder: Path, fund: Fund) -> None:
    first = fund.closes(MARCH, BILLS, keep=False)
    taken(folder, first)
    again = fund.closes(MARCH, [*BILLS, ("750903", 1_000, False)], keep=False, funding=[standards(220_000)])
    held = notice(folder, again)
    assert (held.outcome, held.findings["rule"].to_list()) == ("replaced", ["IY.16"])
    before = state(folder)
    refused = settlement(folder, again)
    assert (refused.outcome, refused.findings["rule"].to_list()) == ("refused", ["IY.15"])
    assert state(folder) == before
    assert settlement(folder, again, "the fund closed March again").outcome == "replaced"
    assert all(one.agrees for _, one in compared(folder, again))
    with Workspace.open(folder) as ws:
        assert journal.problems(ws) == [] and ws.chain_breaks() == []
        assert ws.closed_months() == ["2022-03"]
    taken(folder, Fund(fund.folder).closes(APRIL, []))
    third = fund.closes(MARCH, BILLS, keep=False)
    notice(folder, third)
    with pytest.raises(WorkspaceError) as error:
        settlement(folder, third, "and again")
    assert error.value.key == "month.later_closed"


def test_every_line_that_differs_is_named(folder: Path, fund: Fund) -> None:
    place = fund.closes(MARCH, BILLS)
    taken(folder, place)
    path = place / f"132-{SMO}-750901.json"
    said = json.loads(path.read_text())
    said["lines"] |= {"billed_kop": 66_000, "withheld_kop": 6_000, "mek_kop": 6_000}
    path.write_text(json.dumps(said), encoding="utf-8")
    results = dict(compared(folder, place))
    rows = results[f"132-{SMO}-750901"].rows.select("line", "ours_kop", "theirs_kop").rows()
    assert rows == [("billed_kop", 65_000, 66_000), ("withheld_kop", 5_000, 6_000), ("mek_kop", 5_000, 6_000)]
    assert results["121"].agrees
    # A clinic that the own books know nothing of: each line that is not zero.
    said |= {"number": f"132/2022-03/{SMO}/750907", "other": "clinic:750907"}
    path.write_text(json.dumps(said), encoding="utf-8")
    with Workspace.open(folder) as ws:
        unknown = insurer.compare_132(ws, path)
        assert set(unknown.rows["ours_kop"]) == {0} and unknown.rows.height == 4
        # An act of another kind, month or insurer, or one that does not add up, is not compared.
        wrong = {
            "AK.7": insurer.compare_121(ws, path), "IY.17": insurer.compare_121(ws, _with(place, "121", month="2022-04")),
            "AK.3": insurer.compare_121(ws, _with(place, "121", lines={"spent_kop": 1})), "AK.6": insurer.compare_121(ws, place / f"notice-{SMO}.json"),
        }  # fmt: skip
        assert {rule: one.findings["rule"][0] for rule, one in wrong.items()} == {rule: rule for rule in wrong}
        for month, told in (("2009-03", "2009-03-01 - 2009-03-31"), ("2010-12", "2010-12-01"), ("2101-01", "2101-01-01")):
            of_no_month = insurer.compare_121(ws, _with(place, "121", month=month))
            assert of_no_month.findings["rule"].to_list() == ["AK.4"] and of_no_month.rows.is_empty()
            for lang in messages.LANGUAGES:
                (text,) = findings.with_text(of_no_month.findings, lang)["text"]
                assert told in text and "2022-03;" in text and "{" not in text
        other = _with(place, "121", party="insurer:75902")
        assert insurer.compare_121(ws, other).findings["rule"].to_list() == ["AK.7"]
        for lang in messages.LANGUAGES:
            for one in (*wrong.values(), unknown):
                assert all(findings.with_text(one.findings, lang)["text"])


def _with(place: Path, kind: str, month: str = "2022-03", lines: dict[str, int] | None = None, party: str = "") -> Path:
    said = json.loads((place / f"{kind}-{SMO}.json").read_text())
    said["first"], said["last"] = f"{month}-01", f"{month}-{30 if month.endswith('04') else 31}"
    said["lines"] |= lines or {}
    said["other"] = party or said["other"]
    path = place / "changed.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    return path


def _file(place: Path, name: str, **changes: Any) -> None:
    path = place / f"{name}-{SMO}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes), encoding="utf-8")


def test_what_is_refused_leaves_the_books_as_they_were(folder: Path, fund: Fund) -> None:
    march, april, may = (fund.closes(of, BILLS) for of in (MARCH, APRIL, MAY))
    before = state(folder)
    assert settlement(folder, march).findings["rule"].to_list() == ["IY.13"]
    assert state(folder) == before
    taken(folder, march)
    notice(folder, april)
    notice(folder, may)
    before = state(folder)
    wrong: list[tuple[str, insurer.Taken]] = [("IY.14", settlement(folder, may))]
    _file(april, "settlement", smo="75902")
    wrong.append(("IY.12", settlement(folder, april)))
    _file(april, "settlement", smo=SMO, territory="38")
    wrong.append(("IY.12", settlement(folder, april)))
    _file(april, "settlement", territory="75", clinics=[{}])
    wrong.append(("IY.11", settlement(folder, april)))
    half = {
        "date": "2022-04-01", "document": "bill-7", "document_date": "2022-03-14", "rule": "bill", "amount_kop": 200, "reference": "Rules",
        "debit": f"insurer:{SMO}/cost", "credit": f"insurer:{SMO}/care/clinic:750901",
    }  # fmt: skip
    _file(april, "settlement", clinics=[], corrections=[half])
    wrong.append(("IY.11", settlement(folder, april)))
    assert "bill-7" in findings.with_text(wrong[-1][1].findings, "ru")["text"][0]
    (april / f"notice-{SMO}.json").write_bytes(b"\x00")
    wrong.append(("IY.11", notice(folder, april)))
    _file(march, "notice", month="2022-02")
    wrong.append(("IY.14", notice(folder, march)))
    for rule, one in wrong:
        assert (one.outcome, one.findings["rule"].to_list()) == ("refused", [rule])
        for lang in messages.LANGUAGES:
            text = findings.with_text(one.findings, lang)["text"][0]
            assert ".json" in text and messages.has(f"rule.{rule}.todo")
    assert state(folder) == before


def test_own_payments_and_events_move_the_own_books_only(tmp_path: Path, fund: Fund) -> None:
    """Payments by the own bank: the fund's act says paid in March, the own books say in April."""
    made = tmp_path / "actual"
    Workspace.create(made, "75", "insurer", DAY, WHO, payments="actual", smo=SMO)
    place = fund.closes(MARCH, [("750901", 60_000, False)])
    taken(made, place)
    with Workspace.writing(made) as ws:
        event = {
            "event": "final_payment", "date": date(2022, 4, 12), "document": "pp-7", "document_date": None, "amount_kop": 60_000,
            "parties": json.dumps({"payer": f"insurer:{SMO}", "clinic": "clinic:750901"}), "order_id": None, "note": None,
        }  # fmt: skip
        rows = pl.DataFrame([event], schema=contract.TABLES["ledger_events"].schema())
        assert journal.book(ws, rows, "bank", TODAY, WHO).txn is not None
    rows = dict(compared(made, place))[f"132-{SMO}-750901"].rows.select("line", "ours_kop", "theirs_kop").rows()
    assert rows == [("transferred_kop", 0, 60_000), ("end_kop", 60_000, 0)]
    taken(made, fund.closes(APRIL, []))
    with Workspace.open(made) as ws:
        lines = insurer.act_lines(ws, "132", APRIL, "750901")
        assert lines is not None and (lines["transferred_kop"], lines["end_kop"]) == (60_000, 0)


def test_a_fund_is_no_insurer(tmp_path: Path, fund: Fund) -> None:
    Workspace.create(tmp_path / "ws", "75", "fund", DAY, WHO)
    with pytest.raises(WorkspaceError) as error:
        notice(tmp_path / "ws", fund.closes(MARCH, BILLS))
    assert error.value.key == "insurer.not_insurer"


def test_an_insurer_pays_by_orders_and_statements_of_its_own(tmp_path: Path, fund: Fund) -> None:
    made = tmp_path / "ws"
    Workspace.create(made, "75", "insurer", DAY, WHO, payments="actual", smo=SMO)
    taken(made, fund.closes(MARCH, [("750901", 60_000, False)]))
    with Workspace.writing(made) as ws:
        rows = [
            (party, party, None, None, account, None, None, None, date(2022, 1, 1))
            for party, account in bank_samples.ACCOUNTS.items()
        ]
        ws.store_register("reg_bank", bank_samples.register("reg_bank", *rows), DAY)
        ordered = bank.order(ws, MARCH, ["final"], date(2022, 4, 5), TODAY, WHO)
        assert ordered.orders.select("payer", "receiver", "amount_kop").rows() == [(f"insurer:{SMO}", "clinic:750901", 60_000)]
    path = bank_samples.write_statement(tmp_path / "statement.txt", [("1", 600, f"insurer:{SMO}", "clinic:750901")])
    with Workspace.writing(made) as ws:
        assert bank.load(ws, path, TODAY, WHO).lines["state"].to_list() == ["booked"]
    taken(made, fund.closes(APRIL, []))
    with Workspace.open(made) as ws:
        lines = insurer.act_lines(ws, "121", APRIL)
        assert lines is not None and (lines["spent_kop"], lines["end_kop"]) == (60_000, 99_000 + 99_000 - 60_000)
        assert journal.problems(ws) == []


# ---- the year --------------------------------------------------------------------------------------------------------------

DECEMBER, YEAR_END, IN_JANUARY = Month(2022, 12), date(2022, 12, 31), date(2023, 2, 1)


def december(folder: Path, fund: Fund, billed: int, why: str | None = None) -> Path:
    """December closed: 95,000 kopecks less the bill are left in the payment reserve, 4,000 in the spare one."""
    place = fund.closes(DECEMBER, [("750901", billed, False)], keep=False)
    with Workspace.writing(folder) as ws:
        insurer.take_notice(ws, place / f"notice-{SMO}.json", IN_JANUARY, WHO)
        taken = insurer.take_settlement(ws, place / f"settlement-{SMO}.json", IN_JANUARY, WHO, why)
    assert taken.outcome == ("new" if why is None else "replaced")
    return place


def sent_back(folder: Path, on: date) -> tuple[int, list[str], int]:
    """The year's end returned on a day: postings written, findings, what of the payment reserve has gone back in all."""
    with Workspace.writing(folder) as ws:
        made = insurer.year_end(ws, SMO, YEAR_END, on, IN_JANUARY, WHO)
    with Workspace.open(folder) as ws:
        postings = journal.entries(ws, f"insurer:{SMO}/payment_reserve")
        assert journal.problems(ws) == [] and ws.chain_breaks() == []
    gone = books.turnover(postings, ["unused_returned"], "credit", f"insurer:{SMO}/payment_reserve")
    return made.rows, made.findings["rule"].to_list(), gone


def test_the_year_goes_back_once_on_whatever_day_it_is_asked_for(folder: Path, fund: Fund) -> None:
    place = december(folder, fund, 85_000)
    path = place / f"notice-{SMO}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"month": "2023-01"}), encoding="utf-8")
    with Workspace.writing(folder) as ws:  # the money of January lies in the same pots
        assert insurer.take_notice(ws, path, IN_JANUARY, WHO).outcome == "new"
    assert sent_back(folder, date(2023, 1, 10)) == (4, [], 10_000)
    for day in (10, 11, 31):
        assert sent_back(folder, date(2023, 1, day)) == (0, [], 10_000)


def test_a_year_closed_again_sends_the_difference_back(folder: Path, fund: Fund) -> None:
    december(folder, fund, 85_000)
    assert sent_back(folder, date(2023, 1, 10)) == (4, [], 10_000)
    december(folder, fund, 75_000, "a bill was too high")
    assert sent_back(folder, date(2023, 1, 10)) == (2, [], 20_000)  # the same sum on the same day, another paper
    assert sent_back(folder, date(2023, 1, 11)) == (0, [], 20_000)
    december(folder, fund, 80_000, "it was not so high")
    assert sent_back(folder, date(2023, 1, 12)) == (0, ["IY.9"], 20_000)
    with Workspace.writing(folder) as ws:
        last = journal.entries(ws, f"insurer:{SMO}/payment_reserve").filter(pl.col("document").str.ends_with("-2"))
        assert journal.correct(ws, last["posting_id"][0], IN_JANUARY, WHO, "too much").txn is not None
    assert sent_back(folder, date(2023, 1, 12)) == (2, [], 15_000)
