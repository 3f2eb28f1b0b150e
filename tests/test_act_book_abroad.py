"""Notice and yearly act of a clinic outside the Federation: drawn up from its bill, with terms and on restricted paper. (175-178)"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from omsclaims import act_book, act_store, between_abroad, journal
from omsclaims.reports import act_files
from omsclaims.workspace import Workspace
from tests import test_between_abroad as abroad

base = abroad.base


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    """A bill taken and paid."""
    made = Path(shutil.copytree(base, tmp_path / "ws"))
    abroad.take(made)
    with Workspace.writing(made) as ws:
        between_abroad.pay(ws, abroad.NAME, abroad.PAID, "tester")
    return made


def draw(folder: Path, what: str, on: date) -> list[act_book.Done]:
    with Workspace.writing(folder) as ws:
        return act_book.draw(ws, act_book.what(ws, what, on), on, "tester")


def test_the_notice_names_items_and_policies(folder: Path) -> None:
    (done,) = draw(folder, abroad.NAME, date(2022, 3, 28))
    assert done.outcome == "new" and all(path.startswith("restricted/acts-2022-02/175-") for path in done.papers)
    with Workspace.open(folder) as ws:
        act = act_files.read_act(act_store.body(ws, done.act)).act
        balance = dict(journal.balances(ws).iter_rows())
    assert act is not None and act.kind == "175" and act.other == "outside:750908"
    assert act.lines["paid_kop"] == balance["fund:75/care_outside"]
    assert (
        act.lines["presented_kop"] - act.lines["paid_kop"] == act.lines["refused_kop"] == int(act.rows["refused_kop"].sum()) > 0
    )
    sheet = openpyxl.load_workbook(folder / done.papers[1]).worksheets[0]
    policies = {str(row[2]) for row in sheet.iter_rows(values_only=True) if isinstance(row[0], int)}
    assert len(policies) >= 1 and all(len(policy) >= 11 for policy in policies)
    assert not any(policy.encode() in (folder / done.papers[0]).read_bytes() for policy in policies)


def test_the_year_with_the_clinic(folder: Path) -> None:
    (done,) = draw(folder, "2022", date(2022, 11, 10))
    assert done.act == "176/2022/750908" and all(path.startswith("reports/acts-2022/176-2022-750908") for path in done.papers)
    with Workspace.open(folder) as ws:
        act = act_files.read_act(act_store.body(ws, done.act)).act
    assert act is not None and (act.lines["start_kop"], act.lines["end_kop"]) == (0, 0) and act.lines["paid_kop"] > 0
    with Workspace.writing(folder) as ws:
        (sent,) = act_book.move(ws, [done.act], "sent", date(2022, 11, 16), date(2022, 11, 16), "tester")
        (signed,) = act_book.move(ws, [done.act], "signed", date(2022, 12, 15), date(2022, 12, 15), "tester")
    assert (sent.findings["rule"].to_list(), signed.findings["rule"].to_list()) == (["AK.5"], [])
    assert {one.outcome for one in draw(folder, "2022", date(2022, 12, 20))} == {"already"}
