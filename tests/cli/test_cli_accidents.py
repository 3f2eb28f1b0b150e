"""Notices of severe accidents at work in a workspace: excluded before payment, withheld after it, reported with names."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from omsclaims import closing
from omsclaims.cli import common, demo
from omsclaims.workspace import Workspace
from tests.conftest import Closed

from .cli_samples import DAY, run

HEAD = "notice,received_on,decided_on,enp,fam,im,ot,dr,document,accident_on,care_from,care_to,ds1,mo,sent_on,reported_on\n"


@pytest.fixture(scope="module")
def noticed(closed: Closed, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object], dict[str, object]]:
    """A workspace in which March was run again after two notices: of a case paid in February, and of one billed in March."""
    folder = tmp_path_factory.mktemp("accidents") / "ws"
    shutil.copytree(closed.folder, folder)
    day = common.parse_as_of(DAY, "en")
    with Workspace.writing(folder) as store:
        people = store.registers()[0]["reg_insured"]
        chosen = [_case(store, month, people, skip) for month, skip in (("2022-02", None), ("2022-03", "2022-02"))]
        rows = [
            f"N{number},2022-04-08,,{case['enp']},,,,1980-01-01,паспорт,{case['date_z_1']},{case['date_z_1']},"
            f"{case['date_z_1']},{case['ds1']},{case['lpu']},,\n"
            for number, case in enumerate(chosen, 1)
        ]
    path = folder.parent / "reg_accident.csv"
    path.write_text(HEAD + "".join(rows), encoding="utf-8")
    said = run("register", "load", path, "--workspace", folder, "--as-of", DAY)
    assert said.code == 0, said.text
    with Workspace.writing(folder) as store:
        done = closing.close(store, demo.MONTHS[1], day, "tester", "a notice came", replace=True, lang="en")
    assert done.outcome == "replaced"
    return folder, chosen[0], chosen[1]


def _case(store: Workspace, month: str, people: pl.DataFrame, other: str | None) -> dict[str, object]:
    """An accepted hospital case of a person insured here, with the policy; none of a person who has cases in both months."""
    view = store.run_table(month, "cases_view").filter(
        (pl.col("oplata") == 1) & (pl.col("status") == "own") & (pl.col("usl_ok") == 1)
    )
    history = (
        store.run_table(month, "history_rows").select("package", "idcase", "ds1", "person_key").unique(["package", "idcase"])
    )
    alone = history.filter(pl.col("person_key").is_unique())
    from omsclaims.settlement.identify import keys_of_enp

    keys = keys_of_enp(people["enp"], store.secret())
    known = people.select("enp").with_columns(keys).drop_nulls().unique("person_key")
    found = view.join(alone, on=["package", "idcase", "person_key"]).join(known, on="person_key")
    if other is not None:
        found = found.join(store.run_table(other, "history_rows"), on="person_key", how="anti")
    return found.sort("case_key").row(0, named=True)


def test_what_was_paid_is_withheld_and_what_is_billed_is_refused(
    noticed: tuple[Path, dict[str, object], dict[str, object]], closed: Closed
) -> None:
    folder, paid, billed = noticed
    with Workspace.open(folder) as store, Workspace.open(closed.folder) as before:
        withheld = store.run_table("2022-03", "accident_deductions")
        assert withheld.select("notice", "package", "idcase", "amount_kop", "code").rows() == [
            ("N1", paid["package"], paid["idcase"], paid["sump_kop"], "1.6.4")
        ]
        decision = store.run_table("2022-03", "decisions").filter(case_key=billed["case_key"]).row(0, named=True)
        assert (decision["oplata"], decision["ground_rule"], decision["ground_code"]) == (2, "C199", "1.6.4")
        now, then = store.ledger_table("payments", "2022-03"), before.ledger_table("payments", "2022-03")
        more = now["withheld_mek_kop"].sum() - then["withheld_mek_kop"].sum()
        # The notices of the made-up territory are gone with its register: the cases that they excluded are paid now.
        excluded = before.run_table("2022-03", "decisions").filter(ground_rule="C199").select("case_key")
        paid_now = store.run_table("2022-03", "cases_view").join(excluded, on="case_key")
        assert paid_now.height and (paid_now["oplata"] == 1).all()
        assert more == paid["sump_kop"] + billed["sump_kop"] - paid_now["sump_kop"].sum()
        act = store.ledger_table("act_132", "2022-03").filter(payer=withheld["payer"][0], mo=withheld["mo"][0]).row(0, named=True)
        old = (
            before.ledger_table("act_132", "2022-03").filter(payer=withheld["payer"][0], mo=withheld["mo"][0]).row(0, named=True)
        )
        assert act["mek_kop"] - old["mek_kop"] >= paid["sump_kop"]
        assert store.ledger_table("balances", "2022-03")["amount_kop"].sum() == 0
        findings = store.run_table("2022-03", "findings")
        assert findings.filter(rule="C199").height == 1
    with Workspace.writing(folder) as store:
        again = closing.close(store, demo.MONTHS[1], common.parse_as_of(DAY, "en"), "tester", lang="en")
    assert again.outcome == "identical"
    assert all(identity.holds for identity in again.identities)


def test_the_list_has_no_names_and_the_report_has_them(noticed: tuple[Path, dict[str, object], dict[str, object]]) -> None:
    folder, paid, billed = noticed
    listed = run("accident", "list", "--workspace", folder, "--as-of", DAY)
    assert listed.code == 0, listed.text
    assert "N1" in listed.text and "2022-04-13" in listed.text and "to be sent" in listed.text
    assert str(paid["enp"]) not in listed.text
    late = run("accident", "list", "--workspace", folder, "--as-of", "2022-04-20", lang="ru")
    assert late.code == 1
    assert "передача просрочена" in late.text
    said = run("accident", "report", "--workspace", folder, "--as-of", DAY)
    assert said.code == 0, said.text
    written = sorted((folder / "restricted" / "accidents").glob("*.xlsx"))
    assert written and all(str(path) in said.text for path in written)
    cells = set()
    for path in written:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for row in openpyxl.load_workbook(path).worksheets[0].iter_rows():
            cells |= {str(cell.value) for cell in row}
    assert {str(paid["enp"]), str(billed["enp"])} <= cells
    assert any("paid in 2022-02" in cell and str(paid["idcase"]) in cell for cell in cells)
    assert any("excluded before payment" in cell and str(billed["idcase"]) in cell for cell in cells)


def test_a_workspace_without_notices(closed: Closed, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    Workspace.create(folder, "75", "fund", demo.AS_OF, "tester")
    with Workspace.writing(folder) as store:
        store.store_agreement(2022, closed.made / "agreement", demo.AS_OF)
    for command in ("list", "report"):
        said = run("accident", command, "--workspace", folder, "--as-of", DAY)
        assert said.code == 0
        assert "There are no notices" in said.text
