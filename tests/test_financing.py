"""Does the money of a month reach the insurers once, on its day or with the closing, and do orders wait for it? (Rules 112-122)"""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims import bank, closing, financing, insurer, intake, journal, verify
from omsclaims.cli import common, demo
from omsclaims.periods import Month
from omsclaims.reports import insurer_files
from omsclaims.settlement.month_books import given_ahead
from omsclaims.settlement.own_month import Notice
from omsclaims.workspace import Workspace, WorkspaceError
from tests.cli.cli_samples import run
from tests.conftest import MakeTerritory

FEBRUARY, DAY, WHO, SMO = Month(2022, 2), date(2022, 2, 1), "tester", "75901"


@pytest.fixture(scope="module")
def made(make_territory: MakeTerritory) -> Path:
    return make_territory(200, 3)


@pytest.fixture(scope="module")
def prepared(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small territory, nothing booked: payments move by the bank; every insurer is asked for an advance by a clinic."""
    folder = tmp_path_factory.mktemp("financing") / "ws"
    demo.prepare(made, folder, "actual")
    with Workspace.writing(folder) as ws:
        clinic = ws.register("reg_clinic")["mo"].sort()[0]
        schema = ws.register("reg_advance").schema
        rows = [(str(FEBRUARY), smo, clinic, 10**12, False) for smo in ws.register("reg_insurer")["smo"].sort()]
        ws.store_register("reg_advance", pl.DataFrame(rows, schema=schema, orient="row"), demo.AS_OF)
        ws.store_register("reg_opening", ws.register("reg_opening").clear(), demo.AS_OF)
        ws.record("register load", demo.AS_OF, WHO, None, {})
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared, tmp_path / "ws")
    return tmp_path / "ws"


def chain(folder: Path) -> int:
    with Workspace.open(folder) as ws:
        return ws.next_seq()


def give(folder: Path, share5: int = 100_000, day: date = DAY, of: Month = FEBRUARY) -> financing.Ahead:
    with Workspace.writing(folder) as ws:
        return financing.give(ws, of, day, demo.AS_OF, WHO, share5)


def order(folder: Path, *kinds: str) -> bank.Ordered:
    with Workspace.writing(folder) as ws:
        return bank.order(ws, FEBRUARY, kinds, DAY, demo.AS_OF, WHO)


def pots(folder: Path) -> dict[str, int]:
    with Workspace.open(folder) as ws:
        return dict(journal.balances(ws).iter_rows())


def close(folder: Path, made: Path) -> closing.Closing:
    files = common.existing_files([made / "packages" / str(FEBRUARY)], "en")
    with Workspace.writing(folder) as ws:
        intake.ingest(ws, files, demo.AS_OF, WHO, 1)
    with Workspace.writing(folder) as ws:
        return closing.close(ws, FEBRUARY, demo.AS_OF, WHO)


def test_advances_wait_for_the_money_and_the_closing_gives_the_rest(folder: Path, made: Path) -> None:
    # Nothing is there: nothing is ordered, each insurer is told, and the books are as they were.
    before = chain(folder)
    refused = order(folder, "advance")
    assert refused.orders.is_empty() and set(refused.findings["rule"]) == {"PB.12"}
    assert refused.sources == (
        "law:payments.excess_reduces_next_advance@2011-01-01", "law:payments.short_of_money@2011-01-01",
    )  # fmt: skip
    assert chain(folder) == before
    # Half of the month, then the same again: once. The advance of each insurer is what it has.
    half = give(folder, 50_000)
    assert half.findings.is_empty() and half.events.height > 0
    assert half.sources
    before = chain(folder)
    assert give(folder, 50_000).events.is_empty() and give(folder, 20_000).events.is_empty()
    assert chain(folder) == before
    stands = pots(folder)
    ordered = order(folder, "advance")
    reserves = {name: kop for name, kop in stands.items() if name.endswith("/payment_reserve")}
    assert (
        reserves and dict(ordered.orders.select(pl.format("{}/payment_reserve", "payer"), "amount_kop").iter_rows()) == reserves
    )
    # What is ordered and not stated by the bank is spent: nothing more can be ordered until the other half comes.
    assert order(folder, "advance").orders.is_empty()
    assert give(folder).events.height == half.events.height
    more = order(folder, "advance")
    now = pots(folder)
    both = pl.concat([ordered.orders, more.orders]).group_by("payer").agg(pl.col("amount_kop").sum())
    assert dict(both.select(pl.format("{}/payment_reserve", "payer"), "amount_kop").iter_rows()) == {
        name: kop for name, kop in now.items() if name.endswith("/payment_reserve")
    }
    # The closing has nothing to give; its acts and the proof hold.
    done = close(folder, made)
    assert set(done.tables["postings"]["rule"]).isdisjoint(
        {"standards", "case_management", "budget_money", "nsz_set_aside", "spare_fill"}
    )
    assert all(one.holds for one in done.identities)
    by_standards = dict(done.tables["act_121"].select("smo", "by_standards_kop").iter_rows())
    assert by_standards == dict(done.tables["financing"].select("smo", "amount_kop").iter_rows())
    assert pots(folder).get("fund:75/money", 0) == 0  # the budget's money went where it was meant to go
    with Workspace.proving(folder) as ws:
        assert verify.verify(ws).findings.is_empty()


def test_whether_given_before_or_by_the_closing_the_month_ends_alike(
    folder: Path, prepared: Path, made: Path, tmp_path: Path
) -> None:
    shutil.copytree(prepared, tmp_path / "other")
    give(folder, 33_333, date(2022, 2, 14))
    ahead, at_once = close(folder, made), close(tmp_path / "other", made)
    assert ahead.tables["balances"].equals(at_once.tables["balances"])
    assert ahead.tables["act_121"].equals(at_once.tables["act_121"])
    assert not ahead.tables["postings"].equals(at_once.tables["postings"])
    with Workspace.writing(folder) as ws:
        closing.reopen(ws, FEBRUARY, demo.AS_OF, WHO, "again")
        assert closing.close(ws, FEBRUARY, demo.AS_OF, WHO).digest == ahead.digest
        # The money was not given at all: undone, the closing gives all of it.
        closing.reopen(ws, FEBRUARY, demo.AS_OF, WHO, "the order was not carried out")
        for row in journal.month_events(ws, FEBRUARY).unique("document", maintain_order=True).iter_rows(named=True):
            assert journal.correct(ws, row["posting_id"], demo.AS_OF, WHO, "not carried out").txn is not None
        assert given_ahead(journal.month_events(ws, FEBRUARY)) == {}
        again = closing.close(ws, FEBRUARY, demo.AS_OF, WHO)
        assert again.tables["act_121"].equals(at_once.tables["act_121"])
    assert give_refused(folder) == "financing.closed"


def give_refused(folder: Path, **how: object) -> str:
    before = chain(folder)
    with pytest.raises(WorkspaceError) as raised:
        give(folder, **how)  # type: ignore[arg-type]
    assert chain(folder) == before
    return str(raised.value.key)


def test_what_cannot_be_given_changes_nothing(folder: Path, tmp_path: Path) -> None:
    assert give_refused(folder, day=date(2022, 3, 1)) == "financing.day"
    assert give_refused(folder, share5=0) == "financing.share"
    assert give_refused(folder, share5=100_001) == "financing.share"
    Workspace.create(tmp_path / "insurer", "75", "insurer", DAY, WHO, payments="actual", smo=SMO)
    assert give_refused(tmp_path / "insurer") == "financing.fund_only"
    Workspace.create(tmp_path / "planned", "75", "fund", DAY, WHO)
    assert give_refused(tmp_path / "planned") == "bank.planned"
    with Workspace.writing(folder) as ws:  # a day that is not yet: the journal refuses the events, nothing is booked
        done = financing.give(ws, FEBRUARY, DAY, date(2022, 1, 20), WHO)
        assert set(done.findings["rule"]) == {"LB.4"} and done.events.is_empty() and journal.month_events(ws, FEBRUARY).is_empty()


def test_an_insurer_takes_the_notice_and_then_that_of_the_closing(folder: Path, made: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    Workspace.create(own, "75", "insurer", DAY, WHO, payments="actual", smo=SMO)
    paths = financing.write_notices(give(folder, 50_000).notices, tmp_path / "notices")
    path = next(one for one in paths if SMO in one.name)
    paper = insurer_files.read_paper(path.read_bytes(), "notice").paper
    assert isinstance(paper, Notice)
    with Workspace.writing(own) as ws:
        assert insurer.take_notice(ws, path, demo.AS_OF, WHO).outcome == "new"
        assert insurer.take_notice(ws, path, demo.AS_OF, WHO).outcome == "already"
    party = f"insurer:{SMO}/"
    assert {name: kop for name, kop in pots(folder).items() if name.startswith(party)} == {
        name: kop for name, kop in pots(own).items() if name.startswith(party)
    }
    close(folder, made)
    papers = folder / "reports" / str(FEBRUARY) / "insurers"
    last = insurer_files.read_paper((papers / f"notice-{SMO}.json").read_bytes(), "notice").paper
    assert isinstance(last, Notice) and last.standards_kop > paper.standards_kop > 0
    with Workspace.writing(own) as ws:
        assert insurer.take_notice(ws, papers / f"notice-{SMO}.json", demo.AS_OF, WHO).outcome == "replaced"
        taken = insurer.take_settlement(ws, papers / f"settlement-{SMO}.json", demo.AS_OF, WHO)
        assert taken.outcome == "new" and taken.findings.filter(pl.col("rule") != "B.2").is_empty()
        compared = insurer.compare_121(ws, folder / "reports" / str(FEBRUARY) / "acts" / f"121-{SMO}.json")
        assert compared.agrees, compared.rows.rows()


def test_a_list_of_events_may_say_what_was_given(folder: Path, made: Path, tmp_path: Path) -> None:
    """The money that really came, by the papers of the treasury: an event of the list, not reckoned; planned payments refuse it."""
    rows = [
        "event,date,document,amount,insurer",
        f"standards,2022-02-03,pp-17,1234.56,{SMO}",
        f"case_management,2022-02-03,pp-17,12.35,{SMO}",
    ]
    (tmp_path / "came.csv").write_text("\n".join(rows), encoding="utf-8")
    told = ("--workspace", folder, "--as-of", demo.AS_OF)
    assert run("ledger", "book", tmp_path / "came.csv", *told).code == 0
    assert pots(folder)[f"insurer:{SMO}/payment_reserve"] == 123_456 - 1_235
    done = close(folder, made)
    assert (
        dict(done.tables["act_121"].select("smo", "by_standards_kop").iter_rows())[SMO]
        == dict(done.tables["financing"].select("smo", "amount_kop").iter_rows())[SMO]
    )
    Workspace.create(tmp_path / "planned", "75", "fund", DAY, WHO)
    refused = run("ledger", "book", tmp_path / "came.csv", "--workspace", tmp_path / "planned", "--as-of", demo.AS_OF)
    assert refused.code == 1 and "LB.10" in refused.text


@pytest.mark.parametrize(("lang", "words"), [("en", "Nothing to book"), ("ru", "Проводить нечего")])
def test_the_commands(folder: Path, tmp_path: Path, lang: str, words: str) -> None:
    told = ("--workspace", folder, "--as-of", demo.AS_OF)
    short = run("pay", "orders", "2022-02", "--kind", "advance", "--day", "2022-02-01", *told, lang=lang)
    assert short.code == 1 and "PB.12" in short.text and "payments.short_of_money" in short.text
    assert ("Nothing can be ordered" if lang == "en" else "Выписать нечего") in short.text
    for bad in ("0", "1.5", "x", "0.000001", "NaN"):
        assert run("ledger", "finance", "2022-02", "--share", bad, *told, lang=lang).code == 2
    given = run(
        "ledger", "finance", "2022-02", "--day", "2022-02-01", "--share", "0.5", "--out", tmp_path / "out", *told, lang=lang
    )
    assert given.code == 0, given.text
    paper = json.loads((tmp_path / "out" / f"notice-{SMO}.json").read_text(encoding="utf-8"))
    assert (
        paper["standards_kop"]
        == pots(folder)[f"insurer:{SMO}/payment_reserve"] + paper["case_management_kop"] + paper["spare_fill_kop"]
    )
    again = run("ledger", "finance", "2022-02", "--day", "2022-02-02", "--share", "0.5", *told, lang=lang)
    assert again.code == 0 and words in again.text
    part = run("pay", "orders", "2022-02", "--kind", "advance", "--short", "pro_rata", "--day", "2022-02-01", *told, lang=lang)
    assert part.code == 1 and "payments.short_of_money" not in part.text  # the user said it: the law is not asked
    assert run("pay", "orders", "2022-02", "--kind", "advance", "--short", "nobody", *told, lang=lang).code == 2
