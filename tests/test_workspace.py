"""Is the workspace one writer's, whole after every interruption, and honest about its chain?"""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from omsclaims import contract, interrupted, journal, seals
from omsclaims.interrupted import Interruption
from omsclaims.nsi import Book, LeftOut, book_from_rows
from omsclaims.periods import Month
from omsclaims.settlement.acts import act_121
from omsclaims.settlement.ledger import Ledger, as_dict, balances_of
from omsclaims.workspace import (
    DATABASE,
    HEAD,
    LEDGER_TABLES,
    MAKING,
    PROVEN_OTHERWISE,
    PUBLISHED,
    PackageRow,
    RunRow,
    Workspace,
    WorkspaceError,
    pending_folder,
    read_head,
    read_tables,
    sha256_file,
    table_digest,
    write_tables,
)

DAY = date(2022, 4, 12)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ws"
    Workspace.create(made, "75", "fund", DAY, "tester")
    return made


def clinics(*names: str) -> pl.DataFrame:
    rows = [{"mo": f"75090{i}", "name": name, "valid_from": date(2020, 1, 1), "valid_to": None} for i, name in enumerate(names)]
    return pl.DataFrame(rows, schema=contract.TABLES["reg_clinic"].schema())


def package(name: str, digest: str, folder: Path) -> PackageRow:
    tables, people = Path("tables/2022-03") / f"{name}-{digest}", Path("people/2022-03") / f"{name}-{digest}"
    write_tables(folder / tables, {"z_sl": pl.DataFrame({"_row": [0]}), "findings": pl.DataFrame({"rule": ["x"]})})
    write_tables(folder / people, {"patient": pl.DataFrame({"_row": [0]})})
    return PackageRow(
        "2022-03", name, digest, "accepted", DAY, "750901", "H", "H_3.2", 1, 100, 1, "", str(tables), str(people), ""
    )


def test_a_new_workspace_is_private_and_says_what_it_is(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("secret.key", DATABASE, PUBLISHED):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    with Workspace.open(folder) as workspace:
        assert (workspace.meta("territory"), workspace.meta("role")) == ("75", "fund")
        assert workspace.chain_breaks() == []
        assert len(workspace.secret()) == 32


def test_a_folder_in_use_is_not_made_a_workspace(folder: Path) -> None:
    with pytest.raises(WorkspaceError) as raised:
        Workspace.create(folder, "75", "fund", DAY, "tester")
    assert raised.value.key == "workspace.not_empty"


def test_what_is_no_workspace_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as raised, Workspace.open(tmp_path):
        pass
    assert raised.value.key == "workspace.none"


def test_one_writer_at_a_time(folder: Path) -> None:
    with Workspace.writing(folder):
        with pytest.raises(WorkspaceError) as raised, Workspace.writing(folder):
            pass
        assert raised.value.key == "workspace.busy"
        with Workspace.open(folder) as reader:  # readers go on with the published copy
            assert reader.meta("territory") == "75"
    with Workspace.writing(folder) as workspace:
        assert workspace.meta("territory") == "75"


def test_a_failed_transaction_leaves_nothing(folder: Path) -> None:
    with pytest.raises(RuntimeError, match="power cut"), Workspace.writing(folder) as workspace:
        workspace.add_package(package("HM750901T75_220301", "a" * 16, folder))
        workspace.store_register("reg_clinic", clinics("A"), DAY)
        raise RuntimeError("power cut")
    with Workspace.open(folder) as workspace:
        assert workspace.packages() == []
        assert workspace.registers()[1] == {}
    assert not any((folder / "tables" / "2022-03").iterdir())
    assert not any((folder / "people" / "2022-03").iterdir())
    assert not list((folder / "tables").glob("*.parquet"))


def test_remains_of_a_killed_writer_are_swept_and_published_tables_stay(folder: Path) -> None:
    with Workspace.writing(folder) as workspace:
        workspace.add_package(package("HM750901T75_220301", "a" * 16, folder))
    package("HM750902T75_220301", "b" * 16, folder)  # written, never named: as after kill -9
    with Workspace.writing(folder) as workspace:
        row = workspace.packages()[0]
        assert set(workspace.package_tables(row)) == {"z_sl", "findings", "patient"}
    left = {path.name for path in (folder / "tables" / "2022-03").iterdir()}
    assert left == {"HM750901T75_220301-" + "a" * 16}


def test_registers_keep_their_newest_state(folder: Path) -> None:
    with Workspace.writing(folder) as workspace:
        first = workspace.store_register("reg_clinic", clinics("A"), DAY)
        workspace.record("register load", DAY, "tester", None, {"digest": first})
        second = workspace.store_register("reg_clinic", clinics("A", "B"), DAY)
        assert first != second
    with Workspace.open(folder) as workspace:
        tables, digests = workspace.registers()
        assert tables["reg_clinic"]["name"].to_list() == ["A", "B"]
        assert digests == {"reg_clinic": second}
        assert tables["reg_insured"].height == 0


def rules(version: str, since: date, *codes: str, **more: object) -> Book:
    """An edition of a book of checks."""
    rows = pl.DataFrame({"code": codes, "valid_from": [None] * len(codes), "valid_to": [None] * len(codes)})
    made = book_from_rows("Q023", f"{version} of {since}", rows.with_columns(pl.col("valid_from", "valid_to").cast(pl.Date)))
    return replace(made, version=version, published=since, holds_from=since, source="xml", **more)  # type: ignore[arg-type]


def test_editions_are_kept_with_all_that_is_known_of_them(folder: Path) -> None:
    hole = LeftOut(2, "B", "N.103", "DATEBEG", "31.02.2022")
    old, new = rules("2.35", date(2021, 2, 12), "A", left_out=(hole,)), rules("2.36", date(2022, 4, 1), "A", "B", complete=False)
    with Workspace.writing(folder) as workspace:
        stored = workspace.store_book(old, DAY)
        assert (stored.stored, stored.findings.height) == (True, 0)
        assert workspace.store_book(new, DAY).digest != stored.digest
        again = workspace.store_book(old, DAY)
        assert (again.stored, again.known, again.digest) == (False, True, stored.digest)
    with Workspace.open(folder) as workspace:
        library = workspace.library()
        assert [(one.version, one.published, one.holds_from, one.learned_on, one.rows, one.source, one.complete, one.seq)
                for one in library.editions] == [
            ("2.35", date(2021, 2, 12), date(2021, 2, 12), DAY, 1, "xml", True, 1),
            ("2.36", date(2022, 4, 1), date(2022, 4, 1), DAY, 2, "xml", False, 2),
        ]  # fmt: skip
        march, april = (library.books(month, DAY).require("Q023") for month in (Month(2022, 3), Month(2022, 4)))
        assert (march.version, march.left_out, march.rows.equals(old.rows)) == ("2.35", (hole,), True)
        assert (april.version, april.rows.equals(new.rows)) == ("2.36", True)
        assert library.digests(Month(2022, 3), DAY) == {"Q023": stored.digest}
        assert not library.books(Month(2022, 3), DAY - timedelta(days=1)).has("Q023")
        assert library.books(Month(2022, 3), DAY).has("V009")


def test_other_content_of_a_version_is_refused_unless_it_replaces(folder: Path) -> None:
    since = date(2021, 2, 12)
    with Workspace.writing(folder) as workspace:
        workspace.store_book(rules("2.35", since, "A"), DAY)
        refused = workspace.store_book(rules("2.35", since, "B"), DAY)
        assert (refused.stored, refused.known, refused.findings["rule"].to_list()) == (False, False, ["N.009"])
        later = DAY + timedelta(days=1)
        assert workspace.store_book(rules("2.35", since, "B"), later, replace=True).stored
        library = workspace.library()
        held = [library.books(Month(2022, 3), day).require("Q023").rows["code"].to_list() for day in (DAY, later)]
        assert held == [["A"], ["B"]]


def test_the_rows_of_an_edition_that_was_not_published_are_swept(folder: Path) -> None:
    with pytest.raises(RuntimeError, match="power cut"), Workspace.writing(folder) as workspace:
        workspace.store_book(rules("2.35", DAY, "A"), DAY)
        raise RuntimeError("power cut")
    assert not list((folder / "tables").glob("book-*"))
    with Workspace.open(folder) as workspace:
        assert workspace.library().editions == ()


def test_persons_lie_in_the_people_part(folder: Path) -> None:
    insured = contract.TABLES["reg_insured"].empty()
    with Workspace.writing(folder) as workspace:
        workspace.store_register("reg_insured", insured, DAY)
    assert [path.name[:11] for path in (folder / "people").glob("*.parquet")] == ["reg_insured"]
    assert not list((folder / "tables").glob("reg_insured*"))


def test_a_register_with_wrong_columns_is_refused(folder: Path) -> None:
    with Workspace.writing(folder) as workspace, pytest.raises(AssertionError, match="columns missing"):
        workspace.store_register("reg_clinic", clinics("A").drop("name"), DAY)


@pytest.mark.parametrize("change", ["UPDATE chain SET who = 'other' WHERE seq = 2", "DELETE FROM chain WHERE seq = 2"])
def test_a_changed_chain_is_seen(folder: Path, change: str) -> None:
    with Workspace.writing(folder) as workspace:
        for number in range(3):
            workspace.record("event", DAY, "tester", None, {"number": number})
        assert workspace.chain_breaks() == []
    connection = duckdb.connect(str(folder / DATABASE))
    connection.execute(change)
    connection.close()
    with Workspace.writing(folder) as workspace:
        assert workspace.chain_breaks()


def test_digests_tell_content_not_order() -> None:
    table = pl.DataFrame({"b": [2, 1, None], "a": ["x", None, ""], "l": [["p", "q"], [], None]})
    shuffled = table.select("l", "a", "b").sort("b", nulls_last=False)
    assert table_digest(table) == table_digest(shuffled)
    assert table_digest(table) != table_digest(table.with_columns(a=pl.col("a").fill_null("")))
    assert table_digest(table) != table_digest(table.with_columns(b=pl.col("b").cast(pl.Int32)))
    assert table_digest(table) != table_digest(table.head(2))


def test_the_database_reaches_nothing_outside(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    with Workspace.open(folder) as workspace:
        with pytest.raises(duckdb.Error):
            workspace.rows("SELECT * FROM read_csv(?)", [str(outside)])
        with pytest.raises(duckdb.Error):
            workspace.rows("SET enable_external_access = true")
        with pytest.raises(duckdb.Error):
            workspace.rows("INSTALL httpfs")


def closed_run(month: str, digest: str) -> RunRow:
    return RunRow(month, digest, {}, "tester", None, DAY, "")


def store(workspace: Workspace, run: RunRow) -> None:
    ledger = {name: contract.TABLES[name].empty() for name in LEDGER_TABLES}
    workspace.store_run(run, ledger, [("page", run.month, f"reports/{run.month}/index.html", "0" * 64)])


def write_papers(folder: Path, month: str, digest: str, text: str) -> None:
    pending = folder / pending_folder("reports", month, digest)
    pending.mkdir(parents=True)
    (pending / "index.html").write_text(text)


def test_papers_come_with_the_closing_that_is_published(folder: Path) -> None:
    page = folder / "reports" / "2022-03" / "index.html"
    with Workspace.writing(folder) as workspace:
        write_papers(folder, "2022-03", "a" * 64, "first")
        store(workspace, closed_run("2022-03", "a" * 64))
        assert not page.exists()
    assert page.read_text() == "first"
    with pytest.raises(RuntimeError), Workspace.writing(folder) as workspace:
        write_papers(folder, "2022-03", "b" * 64, "second")
        store(workspace, closed_run("2022-03", "b" * 64))
        raise RuntimeError("power cut before the commit")
    assert page.read_text() == "first"
    assert [path.name for path in (folder / "reports").iterdir()] == ["2022-03"]


def test_papers_of_a_kill_after_the_commit_are_put_in_place_by_the_next_writer(folder: Path) -> None:
    with Workspace.writing(folder) as workspace:
        store(workspace, closed_run("2022-03", "a" * 64))
    write_papers(folder, "2022-03", "a" * 64, "published, not yet moved")  # as kill -9 between commit and move leaves it
    with Workspace.writing(folder):
        pass
    assert (folder / "reports" / "2022-03" / "index.html").read_text() == "published, not yet moved"


def test_papers_of_an_opened_month_are_void(folder: Path) -> None:
    with Workspace.writing(folder) as workspace:
        write_papers(folder, "2022-03", "a" * 64, "x")
        store(workspace, closed_run("2022-03", "a" * 64))
    with Workspace.writing(folder) as workspace:
        workspace.forget_run("2022-03")
    assert not (folder / "reports" / "2022-03").exists()
    with Workspace.open(folder) as workspace:
        assert workspace.documents("2022-03") == []


def test_columns_without_values_come_back_as_they_were(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {"a": [None, None], "b": [1, None], "c": [None, None], "d": ["x", None], "e": [None, None]},
        schema={"a": pl.String, "b": pl.Int64, "c": pl.Date, "d": pl.String, "e": pl.List(pl.Int64)},
    )
    tables = {"some": table, "none": table.clear(), "whole": table.select("b", "d")}
    write_tables(tmp_path / "narrow", tables, filled_only=True)
    write_tables(tmp_path / "wide", tables)
    narrow, wide = read_tables(tmp_path / "narrow"), read_tables(tmp_path / "wide")
    for name, kept in tables.items():
        assert_frame_equal(narrow[name], kept)
        assert_frame_equal(wide[name], kept)
    assert pl.read_parquet(tmp_path / "narrow" / "some.parquet").columns == ["b", "d", "e"]
    assert pl.read_parquet(tmp_path / "wide" / "some.parquet").columns == table.columns


def version_2(folder: Path) -> None:
    """Makes a workspace look as before there was a journal: two closed months, the tables and columns of then."""
    ledger = {name: contract.TABLES[name].empty() for name in LEDGER_TABLES}
    balances = {"insurer:75901/payment_reserve": 1_000, "insurer:75901/opening": -1_000}
    with Workspace.writing(folder) as workspace:
        for month, amount in (("2022-02", 300), ("2022-03", 200)):
            made = Ledger(Month.parse(month), balances)
            made.post(
                "final_payment", amount, f"pay-{month}", payer="insurer:75901", clinic="clinic:750901", pot="payment_reserve"
            )
            table = balances_of(balances, made.postings())
            balances = as_dict(table)
            acts = act_121({}, made.postings().clear(), table.clear(), "75")
            tables = {**ledger, "postings": made.postings(), "balances": table, "act_121": acts}
            workspace.store_run(closed_run(month, "a" * 64), tables, [])
            workspace.record("close", DAY, "tester", None, {"month": month})
    for name in (DATABASE, PUBLISHED):
        connection = duckdb.connect(str(folder / name))
        connection.execute("DROP TABLE journal")
        connection.execute("DROP TABLE ledger_txns")
        for column in ("other_received_kop", "returned_kop", "preventive_spent_kop"):
            connection.execute(f"ALTER TABLE act_121 DROP COLUMN {column}")
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'schema_version'")
        connection.execute("DELETE FROM meta WHERE key = 'payments'")
        connection.close()


def test_an_older_workspace_gets_its_journal_from_its_closed_months(folder: Path) -> None:
    version_2(folder)
    with Workspace.open(folder) as workspace:  # readers of the old copy are told what to do
        with pytest.raises(WorkspaceError) as raised:
            journal.balances(workspace)
        assert raised.value.key == "journal.older_workspace"
        assert workspace.payments() == "planned"
        assert journal.month_events(workspace, Month(2022, 3)).is_empty()
        ids = [posting for month in ("2022-02", "2022-03") for posting in workspace.ledger_table("postings", month)["posting_id"]]
    with Workspace.writing(folder):
        pass
    with Workspace.open(folder) as workspace:
        assert workspace.meta("schema_version") == "4"
        assert workspace.rows("SELECT kind, month FROM ledger_txns ORDER BY seq") == [
            ("opening", "2022-01"), ("close", "2022-02"), ("close", "2022-03"),
        ]  # fmt: skip
        assert sorted(journal.entries(workspace, first=date(2022, 2, 1))["posting_id"]) == sorted(ids)
        for month in (Month(2022, 2), Month(2022, 3)):
            assert journal.balances(workspace, on=month.last).equals(workspace.ledger_table("balances", str(month)))
        assert as_dict(journal.balances(workspace, on=date(2022, 1, 31))) == {
            "insurer:75901/payment_reserve": 1_000, "insurer:75901/opening": -1_000,
        }  # fmt: skip
        assert workspace.chain_breaks() == []
        assert "other_received_kop" in workspace.ledger_table("act_121", "2022-03").columns
    with Workspace.writing(folder) as workspace:  # once only
        assert workspace.rows("SELECT count(*) FROM ledger_txns") == [(3,)]


def test_opening_a_month_again_leaves_the_journal_as_it_is(folder: Path) -> None:
    with Workspace.writing(folder) as workspace:
        made = Ledger(Month(2022, 3), {})
        made.post("bill", 500, "bill", payer="insurer:75901", clinic="clinic:750901", cost="cost")
        journal.close_month(workspace, Month(2022, 3), made.postings(), "a", DAY, "tester", None)
        store(workspace, closed_run("2022-03", "a" * 64))
        workspace.record("close", DAY, "tester", None, {})
        before = journal.entries(workspace)
        workspace.forget_run("2022-03")
        assert before.height == 2 and journal.entries(workspace).equals(before)


def test_what_changes_nothing_leaves_no_trace(folder: Path, tmp_path: Path) -> None:
    agreement = tmp_path / "agreement"
    (agreement / "formats").mkdir(parents=True)
    (agreement / "agreement.yaml").write_text("year: 2022")
    (agreement / "formats" / "more.yaml").write_text("x: 1")
    with Workspace.writing(folder) as workspace:
        workspace.store_register("reg_clinic", clinics("A"), DAY)
        workspace.store_agreement(2022, agreement, DAY)
        workspace.record("load", DAY, "tester", None, {})
    with Workspace.writing(folder) as workspace:
        before = workspace.rows("SELECT * FROM chain")
        workspace.store_register("reg_clinic", clinics("A"), DAY)
        workspace.store_agreement(2022, agreement, DAY)
    with Workspace.open(folder) as workspace:
        assert workspace.rows("SELECT * FROM chain") == before
        assert workspace.rows("SELECT count(*) FROM registers") == [(1,)]
        copied = workspace.agreement(2022)[0]
    assert (copied / "formats" / "more.yaml").read_text() == "x: 1"
    assert [path.name for path in (folder / "agreement").iterdir()] == [copied.name]


def test_half_an_agreement_is_swept_and_copied_anew(folder: Path, tmp_path: Path) -> None:
    agreement = tmp_path / "agreement"
    agreement.mkdir()
    (agreement / "agreement.yaml").write_text("year: 2022")
    with Workspace.writing(folder) as workspace:
        digest = workspace.store_agreement(2022, agreement, DAY)
        name = workspace.agreement(2022)[0].name
        workspace.rows("DELETE FROM agreements")
    (folder / "agreement" / f".{name}").mkdir()  # as a kill while copying leaves it
    (folder / "agreement" / name).mkdir()  # as an older version left it
    with Workspace.writing(folder) as workspace:
        assert list((folder / "agreement").iterdir()) == []
        assert workspace.store_agreement(2022, agreement, DAY) == digest
        assert (workspace.agreement(2022)[0] / "agreement.yaml").read_text() == "year: 2022"


@pytest.mark.parametrize("left", [("tables",), ("tables", "people", "secret.key"), ("tables", DATABASE, f"{PUBLISHED}.new")])
def test_a_killed_init_is_said_and_can_be_given_again(tmp_path: Path, left: tuple[str, ...]) -> None:
    made = tmp_path / "ws"
    made.mkdir()
    for name in (MAKING, *left):
        (made / name).mkdir() if name in ("tables", "people") else (made / name).touch()
    with pytest.raises(WorkspaceError) as raised, Workspace.open(made):
        pass
    assert raised.value.key == "workspace.half_made"
    Workspace.create(made, "75", "fund", DAY, "tester")
    with Workspace.open(made) as workspace:
        assert (workspace.meta("territory"), workspace.chain_breaks()) == ("75", [])
    assert not (made / MAKING).exists()


def test_init_never_clears_what_it_did_not_make(tmp_path: Path) -> None:
    made = tmp_path / "ws"
    made.mkdir()
    for name in (MAKING, "letters.txt"):
        (made / name).touch()
    with pytest.raises(WorkspaceError) as raised:
        Workspace.create(made, "75", "fund", DAY, "tester")
    assert raised.value.key == "workspace.not_empty"
    assert (made / "letters.txt").exists()


def left_by_a_kill(folder: Path, commit: bool) -> None:
    """What a command leaves that is killed before its transaction ends, or right after it."""
    saved = {name: (folder / name).read_bytes() for name in (DATABASE, PUBLISHED)}
    before = read_head(folder)["seq"]
    with Workspace.writing(folder) as workspace:
        workspace.store_register("reg_clinic", clinics("A"), DAY)
        workspace.record("register load", DAY, "tester", None, {})
    (folder / PUBLISHED).write_bytes(saved[PUBLISHED])
    if not commit:
        (folder / DATABASE).write_bytes(saved[DATABASE])
    (folder / HEAD).write_text(f'{{"before":{before},"writing":"register load"}}')


@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("reading", [True, False])
def test_the_next_opening_says_what_became_of_a_killed_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, commit: bool, reading: bool
) -> None:
    told: list[Interruption] = []
    monkeypatch.setattr(interrupted, "announce", told.append)
    left_by_a_kill(folder, commit)
    for _ in range(2):  # said once
        with Workspace.open(folder) if reading else Workspace.writing(folder) as workspace:
            assert set(workspace.registers()[1]) == ({"reg_clinic"} if commit else set())
    assert told == [Interruption("register load", commit, 1)]
    assert bool(list((folder / "tables").glob("reg_clinic*"))) == commit
    assert (folder / DATABASE).read_bytes() == (folder / PUBLISHED).read_bytes()


def test_the_seals_of_a_transaction_stand_in_its_last_event(folder: Path) -> None:
    with Workspace.writing(folder) as workspace:
        workspace.record("first", DAY, "tester", None, {"n": 1})
        workspace.store_register("reg_clinic", clinics("A"), DAY)
        workspace.record("second", DAY, "tester", None, {"n": 2})
    with Workspace.open(folder) as workspace:
        first, second = (json.loads(text) for (text,) in workspace.rows("SELECT payload FROM chain WHERE seq > 1 ORDER BY seq"))
        assert workspace.chain_breaks() == []
        assert first == {"n": 1}
        assert second["n"] == 2 and set(second["sealed"]["tables"]) == {"registers"} and second["sealed"]["files"]["rows"] == 1
        assert seals.broken_rows(workspace._connection, PROVEN_OTHERWISE) == []
        (held,) = seals.live_files(workspace._connection)
        assert (held.path, held.sha256) == (f"tables/{held.owner.split('/')[1]}", sha256_file(folder / held.path))


def test_what_a_transaction_did_not_write_it_does_not_seal(folder: Path) -> None:
    """A row that somebody edits beside the program stays found, whatever honest work is done afterwards."""
    with Workspace.writing(folder) as workspace:
        workspace.store_register("reg_clinic", clinics("A"), DAY)
        workspace.record("first", DAY, "tester", None, {})
    connection = duckdb.connect(str(folder / DATABASE))
    connection.execute("UPDATE registers SET loaded_on = DATE '2020-02-02'")
    connection.close()
    with Workspace.writing(folder) as workspace:
        workspace.rows("CREATE TABLE others (name VARCHAR PRIMARY KEY)")
        workspace.rows("INSERT INTO others VALUES (?)", ["one"])
        workspace.record("second", DAY, "tester", None, {})
    with Workspace.proving(folder) as workspace:
        assert [(table, kind) for table, _, kind in workspace.broken_seals()] == [("registers", "changed")]
        assert set(workspace.sealed_digests()) >= {"others", "registers"}
    with Workspace.writing(folder) as workspace:  # a statement that names no table: everything is sealed again
        workspace.rows("COMMENT ON TABLE others IS 'theirs'")
        workspace.record("third", DAY, "tester", None, {})
    with Workspace.proving(folder) as workspace:
        assert workspace.broken_seals() == []
