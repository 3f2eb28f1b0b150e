"""Are bills of clinics outside the Federation taken, paid and reconciled, and does bad input leave the books as they were? (law.md 12)"""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from omsclaims import between_abroad, contract, findings, journal
from omsclaims.registry import reader
from omsclaims.workspace import Workspace, WorkspaceError

ROOT: Final = Path(__file__).resolve().parents[1]
NAME: Final = "HM750908T75_220201"
PACKAGE: Final = ROOT / "fixtures" / "packages" / f"{NAME}.zip"
CAME, PAID = date(2022, 3, 10), date(2022, 3, 25)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fund that insures everybody of the package save the first person; its only clinic abroad left the register in May."""
    folder = tmp_path_factory.mktemp("abroad") / "ws"
    Workspace.create(folder, "75", "fund", date(2022, 1, 1), "tester")
    read = reader.read_package(PACKAGE.read_bytes(), name=PACKAGE.name).tables
    people = (
        read["patient"]
        .select("_row", "id_pac", "policy")
        .join(read["person"].select("id_pac", "w", "dr"), on="id_pac")
        .sort("_row")
    )
    schema = contract.TABLES["reg_insured"].schema()
    usual = {"fam": "Х", "im": "Х", "ot": "Х", "smo": "75901", "policy_from": date(2015, 1, 1), "place": "Город", "vpolis": 3}
    rows = [
        {**usual, "enp": person["policy"], "w": person["w"], "dr": person["dr"]}
        for person in people.to_dicts()[1:] if person["policy"] and person["policy"] != people["policy"][0]
    ]  # fmt: skip
    register = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema).unique("enp")
    clinic = {"mo": "750908", "name": "x", "valid_from": date(2020, 1, 1), "valid_to": date(2022, 5, 1)}
    with Workspace.writing(folder) as ws:
        ws.store_agreement(2022, ROOT / "fixtures" / "agreements" / "small", date(2022, 1, 1))
        ws.store_register("reg_insured", register, date(2022, 1, 1))
        ws.store_register("reg_clinic", pl.DataFrame([clinic], schema=contract.TABLES["reg_clinic"].schema()), date(2022, 1, 1))
        ws.record("register", date(2022, 1, 1), "tester", None, {})
    return folder


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "ws"))


def take(folder: Path, path: Path = PACKAGE, on: date = CAME) -> between_abroad.Taken:
    with Workspace.writing(folder) as ws:
        return between_abroad.take(ws, path, on, "tester")


def books(folder: Path) -> dict[str, int]:
    with Workspace.open(folder) as ws:
        held = dict(journal.balances(ws).iter_rows())
    assert sum(held.values()) == 0
    return {account.removeprefix("fund:75/"): kop for account, kop in held.items() if account.startswith("fund:75/") and kop}


def test_a_bill_is_controlled_booked_paid_and_reconciled(folder: Path) -> None:
    taken = take(folder)
    assert taken.done.outcome == "taken", taken.done.findings.select("rule", "value").rows()
    accepted = taken.done.amount_kop
    refused = int(taken.notice["refused_kop"].sum())
    assert accepted > 0 and refused > 0
    assert set(taken.notice["code"]) <= {"1.5", "1.10.2", "1.10.6", "1.6.1", "1.4.5"}
    debt = "care/outside:750908"
    assert books(folder) == {"care_outside": accepted, debt: -accepted}
    # 10 working days after 10.03.2022: 11.03 1, 14-18.03 6, 21-24.03 10; 25 calendar days: 04.04, a working day
    assert taken.terms is not None and (taken.terms.mek_by, taken.terms.pay_by) == (date(2022, 3, 24), date(2022, 4, 4))
    with Workspace.writing(folder) as ws:
        assert between_abroad.pay(ws, NAME, PAID, "tester").amount_kop == accepted
    assert books(folder) == {"care_outside": accepted, "nsz": -accepted}
    with Workspace.open(folder) as ws:
        act, days = between_abroad.act(ws, 2022)
    assert act.select("start_kop", "presented_kop", "paid_kop", "refused_kop", "end_kop").rows() == [
        (0, accepted + refused, accepted, refused, 0)
    ]
    assert days.send_by == date(2022, 11, 15)


def renamed(tmp_path: Path, name: str, **head: str) -> Path:
    """The package under another name, with other elements of SCHET."""
    made = tmp_path / f"{name}.zip"
    with zipfile.ZipFile(PACKAGE) as given, zipfile.ZipFile(made, "w") as written:
        for old in given.namelist():
            text = given.read(old).decode("windows-1251").replace(NAME[1:], name[1:])
            for element, value in head.items():
                text = re.sub(f"<{element}>[^<]*</{element}>", f"<{element}>{value}</{element}>", text, count=1)
            written.writestr(old.replace(NAME[1:], name[1:]), text.encode("windows-1251"))
    return made


def test_payments_of_a_bill_are_told_from_those_of_another_with_nearly_its_number(folder: Path, tmp_path: Path) -> None:
    """Bills 12/1 and 12: what was paid on the first is paid on no other, in the words of earlier versions neither."""
    names = [f"{NAME[:-1]}{number}" for number in (2, 3)]
    taken = [
        take(folder, renamed(tmp_path, name, NSCHET=number)).done for name, number in zip(names, ("12/1", "12"), strict=True)
    ]
    assert [done.outcome for done in taken] == ["taken", "taken"]
    accepted = taken[0].amount_kop
    parties = '{"fund":"fund:75","outside":"outside:750908"}'
    old = {"event": "payment_to_clinic_abroad", "date": PAID, "document": "750908/12/1/0", "amount_kop": 100, "parties": parties}
    schema = {name: kind for name, kind in contract.TABLES["ledger_events"].schema().items() if name in old}
    with Workspace.writing(folder) as ws:
        journal.book(ws, pl.DataFrame([old], schema=schema), "old", PAID, "tester")
        assert between_abroad.pay(ws, names[0], PAID, "tester").amount_kop == accepted - 100
    with Workspace.open(folder) as ws:
        act, _ = between_abroad.act(ws, 2022)
    assert dict(act.select("nschet", "paid_kop").iter_rows()) == {"12/1": accepted, "12": 0}


def test_a_payment_that_was_undone_is_made_again_on_the_same_day(folder: Path) -> None:
    accepted = take(folder).done.amount_kop
    debt = "care/outside:750908"
    for _ in range(2):
        with Workspace.writing(folder) as ws:
            assert between_abroad.pay(ws, NAME, PAID, "tester").outcome == "booked"
        assert books(folder) == {"care_outside": accepted, "nsz": -accepted}
        with Workspace.writing(folder) as ws:
            rows = journal.entries(ws, f"fund:75/{debt}").filter(pl.col("rule") == "payment_to_clinic_abroad")
            last = rows.filter(pl.col("reverses").is_null())["posting_id"][-1]
            journal.correct(ws, last, PAID, "tester", "the bank sent it back")
        assert books(folder) == {"care_outside": accepted, debt: -accepted}


def unchanged(folder: Path, before: dict[str, int], found: pl.DataFrame, rule: str) -> None:
    assert rule in set(found["rule"])
    for lang in ("ru", "en"):
        assert all("{" not in text for text in findings.with_text(found.filter(pl.col("rule") == rule), lang)["text"])
    assert books(folder) == before


def test_the_same_bill_again_and_another_of_its_number(folder: Path, tmp_path: Path) -> None:
    take(folder)
    before = books(folder)
    assert take(folder).done.outcome == "already"
    assert books(folder) == before
    other = tmp_path / f"{NAME}.zip"
    other.write_bytes(packed_anew())
    again = take(folder, other)
    assert again.done.outcome == "refused"
    unchanged(folder, before, again.done.findings, "TA.3")


def packed_anew() -> bytes:
    """The package with other bytes of the same meaning."""
    stream = io.BytesIO()
    with zipfile.ZipFile(PACKAGE) as given, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as made:
        for name in given.namelist():
            made.writestr(name, given.read(name))
    return stream.getvalue()


def test_a_clinic_that_is_not_in_the_register(folder: Path) -> None:
    with Workspace.writing(folder) as ws:
        gone = {"mo": "750908", "name": "x", "valid_from": date(2020, 1, 1), "valid_to": date(2022, 1, 1)}
        ws.store_register("reg_clinic", pl.DataFrame([gone], schema=contract.TABLES["reg_clinic"].schema()), date(2022, 1, 2))
        ws.record("register", date(2022, 1, 2), "tester", None, {})
    before = books(folder)
    taken = take(folder)
    assert taken.done.outcome == "refused"
    unchanged(folder, before, taken.done.findings, "TA.2")


def test_a_bill_of_the_tenth_working_day_is_in_time(folder: Path) -> None:
    # 10th working day of March 2022: 01-05.03 5 (worked Saturday), 09-11.03 8, 14-15.03 10
    assert not take(folder, on=date(2022, 3, 15)).done.late


def test_after_the_tenth_working_day_it_is_late(folder: Path) -> None:
    taken = take(folder, on=date(2022, 3, 16))
    assert taken.done.late and taken.done.outcome == "taken"
    assert "TA.1" in set(taken.done.findings["rule"])


def test_the_stock_pays_what_it_has(folder: Path) -> None:
    """Where payments are actual a bill from abroad waits for the money of the stock (НСЗ)."""
    take(folder)
    with Workspace.writing(folder) as ws:
        ws._connection.execute("UPDATE meta SET value = 'actual' WHERE key = 'payments'")
    before = books(folder)
    with Workspace.writing(folder) as ws:
        done = between_abroad.pay(ws, NAME, PAID, "tester")
    unchanged(folder, before, done.findings, "PB.14")


def test_nothing_is_paid_twice_or_without_a_bill(folder: Path) -> None:
    take(folder)
    with Workspace.writing(folder) as ws:
        between_abroad.pay(ws, NAME, PAID, "tester")
    before = books(folder)
    with Workspace.writing(folder) as ws:
        done = between_abroad.pay(ws, NAME, PAID, "tester")
    assert done.outcome == "refused"
    unchanged(folder, before, done.findings, "TA.4")
    with Workspace.writing(folder) as ws, pytest.raises(WorkspaceError) as said:
        between_abroad.pay(ws, "HM000000T75_220301", PAID, "tester")
    assert said.value.key == "between.no_file"
