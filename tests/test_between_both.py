"""Do the books of two funds agree, kopeck by kopeck, whatever goes between them in files? (Rules 139-145; law.md 11)"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from omsclaims import between, between_home, between_store, contract, journal
from omsclaims.periods import Month
from omsclaims.registry import reader
from omsclaims.settlement.between import book
from omsclaims.workspace import Workspace
from tests.conftest import MakeTerritory, close_months

ROOT: Final = Path(__file__).resolve().parents[1]
SENT, CAME, ANSWERED = date(2022, 5, 4), date(2022, 5, 10), date(2022, 5, 20)
CORRECTED, FINAL, BACK = date(2022, 6, 10), date(2022, 6, 20), date(2022, 6, 21)


@pytest.fixture(scope="module")
def pair(make_territory: MakeTerritory, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any], bytes]:
    """A place fund that sent its bills of March, and the home fund of the largest, which does not know the person of its first item."""
    folder = tmp_path_factory.mktemp("both")
    place = folder / "place"
    close_months(make_territory(200, 3), place)
    with Workspace.writing(place) as ws:
        between.send(ws, Month(2022, 3), SENT, "tester")
    with Workspace.open(place) as ws:
        files = between_store.files(ws).filter(pl.col("kind") == "R").sort("items", "file_name", descending=[True, False])
        row = files.row(0, named=True)
        data = between_store.original(ws, row)
    home = folder / "home"
    Workspace.create(home, str(row["receiver"]), "fund", date(2022, 1, 1), "tester")
    with Workspace.writing(home) as ws:
        ws.store_agreement(2022, ROOT / "fixtures" / "agreements" / "small", date(2022, 1, 1))
        ws.store_register("reg_insured", _insured(data, str(row["file_name"])), date(2022, 1, 1))
        ws.record("register", date(2022, 1, 1), "tester", None, {})
    return place, home, row, data


def _insured(data: bytes, name: str) -> pl.DataFrame:
    """Policies of all persons of the bill save that of the first record."""
    patient = reader.read_package(data, name=f"{name}.oms").tables["patient"].sort("_row").slice(1)
    schema = contract.TABLES["reg_insured"].schema()
    usual = {"fam": "Х", "im": "Х", "ot": "Х", "smo": "38901", "policy_from": date(2015, 1, 1), "place": "Город"}
    rows = [
        {**usual, "enp": person["enp"] or f"00{number:014d}", "spolis": person["spolis"], "npolis": person["npolis"], "w": person["w"],
         "dr": person["dr"], "vpolis": person["vpolis"]}
        for number, person in enumerate(patient.to_dicts())
    ]  # fmt: skip
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema).unique(["enp"])


def take(folder: Path, name: str, data: bytes, on: date) -> between.Done:
    path = folder.parent / f"{name}.oms"
    path.write_bytes(data)
    with Workspace.writing(folder) as ws:
        done = between.take_one(ws, path, on, "tester")
    assert done.outcome == "taken", done.findings.select("rule", "element", "value", "params").rows()
    return done


def debts(folder: Path, own: str, other: str, purposes: tuple[str, str]) -> tuple[int, int]:
    """What one fund's books say of the other: owed, and in dispute."""
    with Workspace.open(folder) as ws:
        held = dict(journal.balances(ws).iter_rows())
    assert sum(held.values()) == 0
    owed, disputed = (held.get(f"fund:{own}/{purpose}/territory:{other}", 0) for purpose in purposes)
    return owed, disputed


def states(folder: Path, bill: str) -> pl.DataFrame:
    with Workspace.open(folder) as ws:
        files = between_store.files(ws)
        return book.states_of(bill, files, between_store.of_bill(ws, bill)[1])


def agree(pair: tuple[Path, Path, dict[str, Any], bytes]) -> tuple[int, int]:
    """Both funds' books say the same of this bill; what they say."""
    place, home, row, _ = pair
    ours = debts(place, row["sender"], row["receiver"], ("refund", "refund_disputed"))
    theirs = debts(home, row["receiver"], row["sender"], ("refund_due", "refund_due_disputed"))
    assert states(place, row["file_name"]).equals(states(home, row["file_name"]))
    assert ours[1] == -theirs[1]
    return ours[0] + theirs[0], theirs[1]


def test_two_funds_from_the_bill_to_the_last_kopeck(pair: tuple[Path, Path, dict[str, Any], bytes]) -> None:
    place, home, row, data = pair
    bill, presented = row["file_name"], row["presented_kop"]
    take(home, bill, data, CAME)
    # The place fund's account holds the bills of all its months to that fund; what is beyond this bill stays as it is.
    beyond, _ = agree(pair)
    with Workspace.writing(home) as ws:
        first = between_home.answer(ws, bill, ANSWERED, "tester")
    assert first.data is not None
    take(place, first.file_name, first.data, ANSWERED)
    questioned = states(place, bill).filter(pl.col("state") == "questioned")
    assert questioned.height >= 1 and 1 in questioned["n_zap"].to_list()
    lost = int(questioned["questioned_kop"].sum())
    assert agree(pair) == (beyond, -lost)
    with Workspace.writing(place) as ws:
        part = between.correct(ws, bill, CORRECTED, "tester")
    assert part.data is not None
    take(home, part.file_name, part.data, CORRECTED)
    assert agree(pair) == (beyond, -lost)
    waived = [(n_zap, idcase) for n_zap, idcase in questioned.select("n_zap", "idcase").rows() if n_zap != 1]
    with Workspace.writing(home) as ws:
        last = between_home.answer(ws, part.file_name, FINAL, "tester", waived=waived)
    assert last.data is not None
    take(place, last.file_name, last.data, BACK)
    assert agree(pair) == (beyond, 0)
    refused = int(states(place, bill).filter(pl.col("state") == "refused_finally")["refused_kop"].sum())
    assert refused == questioned.filter(pl.col("n_zap") == 1)["questioned_kop"].item() > 0
    with Workspace.writing(home) as ws:
        paid = between_home.pay(ws, bill, BACK, "tester")
    assert paid.amount_kop == presented - refused
    assert debts(home, row["receiver"], row["sender"], ("refund_due", "refund_due_disputed")) == (0, 0)
    with Workspace.writing(place) as ws:  # the money that comes in, as the bank of the place fund says it
        event = {
            "event": "territory_refund", "date": BACK, "document": bill, "document_date": BACK, "amount_kop": paid.amount_kop,
            "parties": f'{{"fund":"fund:{row["sender"]}","territory":"territory:{row["receiver"]}"}}',
        }  # fmt: skip
        assert journal.book(ws, pl.DataFrame([event]), "bank", BACK, "tester").txn is not None
    assert agree(pair) == (beyond, 0)
