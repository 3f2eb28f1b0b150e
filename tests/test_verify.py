"""Does the proof of a workspace name each thing that was tampered with, and nothing in one that was not?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl
import pytest

from omsclaims import bank, between, between_store, findings, intake, messages, verify
from omsclaims.periods import Month
from omsclaims.workspace import DATABASE, HEAD, PUBLISHED, Workspace, WorkspaceError, canonical_json, chain_hash, sha256_bytes
from tests.bank_samples import APRIL, CLINIC, DAY, INSURER, TODAY, make_payer, write_statement
from tests.between_samples import answer
from tests.cli.cli_samples import run
from tests.conftest import MakeTerritory, close_months

MARCH = Month(2022, 3)
SENT, CAME, BACK = date(2022, 5, 4), date(2022, 5, 20), date(2022, 6, 10)


@pytest.fixture(scope="module")
def fund(make_territory: MakeTerritory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two closed months; the bills of March sent, the largest answered, its questioned case presented again."""
    folder = tmp_path_factory.mktemp("verify") / "fund"
    close_months(make_territory(200, 3), folder)
    with Workspace.writing(folder) as ws:
        between.send(ws, MARCH, SENT, "tester")
    with Workspace.open(folder) as ws:
        files = between_store.files(ws).sort("items", "file_name", descending=[True, False])
        row = files.row(0, named=True)
        data = between_store.original(ws, row)
        first = between_store.items(ws, [row["file_name"]]).row(0, named=True)
    name = f"A{row['receiver']}{row['sender']}220001"
    path = folder.parent / f"{name}.oms"
    path.write_bytes(answer(data, name, date(2022, 5, 19), {first["n_zap"]: (first["sump_kop"] // 3, 204)}))
    with Workspace.writing(folder) as ws:
        assert between.take_one(ws, path, CAME, "tester").outcome == "taken"
    with Workspace.writing(folder) as ws:
        assert between.correct(ws, row["file_name"], BACK, "tester", agreed=[(first["n_zap"], first["idcase"])]).outcome == "sent"
    return folder


@pytest.fixture(scope="module")
def payer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose payments are actual: an advance and a debt ordered, the advance paid, a payment too many refused."""
    folder = tmp_path_factory.mktemp("verify") / "payer"
    make_payer(folder)
    with Workspace.writing(folder) as ws:
        assert bank.order(ws, APRIL, ("advance", "final"), DAY, TODAY, "tester").orders.height == 2
    payments = [("1", 120, INSURER, CLINIC), ("2", 900, INSURER, CLINIC)]
    statement = write_statement(folder.parent / "statement.txt", payments)
    with Workspace.writing(folder) as ws:
        assert bank.load(ws, statement, TODAY, "tester").lines["state"].to_list() == ["booked", "refused"]
    return folder


def proven(folder: Path, head: str | None = None, quick: bool = True) -> verify.Proof:
    with Workspace.proving(folder) as ws:
        return verify.verify(ws, head, quick)


# ---- tampering ---------------------------------------------------------------------------------------------------------------


class Hand:
    """Who tampers with a workspace, behind the program's back. Also the copy for readers is made to say the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        connection = duckdb.connect(str(self.folder / DATABASE))
        for statement in statements:
            found = connection.execute(statement).fetchall()
        connection.close()
        shutil.copyfile(self.folder / DATABASE, self.folder / PUBLISHED)
        return found

    def one(self, statement: str) -> str:
        return str(self.sql(statement)[0][0])

    def file(self, pattern: str, remove: bool = False) -> str:
        path = sorted(one for one in self.folder.glob(pattern) if one.is_file())[0]
        if remove:
            path.unlink()
        else:
            data = path.read_bytes()
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        return path.relative_to(self.folder).as_posix()

    def rehash(self, seq: int) -> None:
        """Gives an event the hash of what it says now: the careful forger."""
        seq, as_of, kind, who, why, text, previous = self.sql(
            f"SELECT seq, as_of, kind, who, why, payload, previous FROM chain WHERE seq = {seq}"
        )[0]
        self.sql(f"UPDATE chain SET hash = '{chain_hash(seq, as_of, kind, who, why, text, previous)}' WHERE seq = {seq}")


Act = Callable[[Hand], tuple[str, str]]  # tampers; returns the rule that must find it and what the finding must name
OF_FUND: Final[dict[str, Act]] = {}
OF_PAYER: Final[dict[str, Act]] = {}
#: What does not hide anything else: one proof must find all of them.
APART: Final[dict[str, Act]] = {}


def tampering(register: dict[str, Act]) -> Callable[[Act], Act]:
    def add(act: Act) -> Act:
        register[act.__name__] = act
        return act

    return add


POSTING: Final = "SELECT min(posting_id) FROM journal WHERE month = '2022-03' AND rule = 'bill'"


def of_posting(change: str) -> Act:
    def act(hand: Hand) -> tuple[str, str]:
        posting = hand.one(POSTING)
        hand.sql(f"UPDATE journal SET {change} WHERE posting_id = '{posting}'")
        return "VF.4", posting

    return act


for column, changed in {
    "amount": "amount_kop = amount_kop + 1", "account": "credit = 'clinic:750999/income'", "day": "date = date - 1",
    "document": "document = 'other'", "clause": "reference = 'p 1'", "moment_of_knowledge": "known_on = known_on - 30",
    "event_of_knowledge": "seq = seq - 1",
}.items():  # fmt: skip
    OF_FUND[f"{column}_of_a_posting"] = of_posting(changed)


@tampering(OF_FUND)
def a_posting_deleted(hand: Hand) -> tuple[str, str]:
    posting = hand.one(POSTING)
    hand.sql(f"DELETE FROM journal WHERE posting_id = '{posting}'")
    return "VF.7", posting


@tampering(OF_FUND)
def a_posting_added(hand: Hand) -> tuple[str, str]:
    hand.sql(f"INSERT INTO journal SELECT '{'a' * 32}', * EXCLUDE posting_id FROM journal WHERE posting_id = ({POSTING})")
    return "VF.4", "a" * 32


@tampering(OF_FUND)
def two_ids_of_postings_exchanged(hand: Hand) -> tuple[str, str]:
    first, second = (row[0] for row in hand.sql("SELECT posting_id FROM journal WHERE rule = 'bill' ORDER BY 1 LIMIT 2"))
    for old, new in ((first, "x"), (second, first), ("x", second)):
        hand.sql(f"UPDATE journal SET posting_id = '{new}' WHERE posting_id = '{old}'")
    return "VF.4", first


@tampering(OF_FUND)
def a_whole_transaction_removed(hand: Hand) -> tuple[str, str]:
    txn = hand.one("SELECT txn FROM ledger_txns WHERE kind = 'event' ORDER BY seq LIMIT 1")
    hand.sql(f"DELETE FROM journal WHERE txn = '{txn}'", f"DELETE FROM ledger_txns WHERE txn = '{txn}'")
    return "VF.4", txn


@tampering(OF_FUND)
def source_of_a_transaction(hand: Hand) -> tuple[str, str]:
    txn = hand.one("SELECT txn FROM ledger_txns ORDER BY seq DESC LIMIT 1")
    hand.sql(f"UPDATE ledger_txns SET source = 'elsewhere' WHERE txn = '{txn}'")
    return "VF.4", txn


@tampering(APART)
def author_of_a_transaction(hand: Hand) -> tuple[str, str]:
    txn = hand.one("SELECT txn FROM ledger_txns ORDER BY seq DESC LIMIT 1")
    hand.sql(f"UPDATE ledger_txns SET who = 'nobody' WHERE txn = '{txn}'")
    return "VF.14", f"ledger_txns {txn}"


@tampering(OF_FUND)
def what_an_event_says(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE chain SET payload = replace(payload, '2022-02', '2022-01') WHERE seq = 3")
    return "VF.1", "event 3"


@tampering(OF_FUND)
def author_of_an_event(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE chain SET who = 'nobody' WHERE seq = 3")
    return "VF.1", "event 3"


@tampering(OF_FUND)
def an_event_with_its_hash(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE chain SET who = 'nobody' WHERE seq = 3")
    hand.rehash(3)
    return "VF.1", "event 3"


@tampering(OF_FUND)
def an_event_deleted(hand: Hand) -> tuple[str, str]:
    hand.sql("DELETE FROM chain WHERE seq = 3")
    return "VF.2", "event 4"


@tampering(OF_FUND)
def the_tail_of_the_chain_cut(hand: Hand) -> tuple[str, str]:
    hand.sql("DELETE FROM chain WHERE seq = (SELECT max(seq) FROM chain)")
    return "VF.3", "head.json"


@tampering(OF_FUND)
def an_event_added_at_the_end(hand: Hand) -> tuple[str, str]:
    last = int(hand.one("SELECT max(seq) FROM chain"))
    hand.sql(f"INSERT INTO chain SELECT {last + 1}, as_of, kind, who, why, payload, hash, '' FROM chain WHERE seq = {last}")
    hand.rehash(last + 1)
    return "VF.3", "head.json"


@tampering(OF_FUND)
def digest_of_a_closing(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE runs SET digest = repeat('a', 64) WHERE month = '2022-03'")
    shutil.rmtree(hand.folder / "reports" / "none", ignore_errors=True)
    return "VF.10", "2022-03"


@tampering(APART)
def who_closed_a_month(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE runs SET closed_by = 'nobody' WHERE month = '2022-03'")
    return "VF.14", "runs 2022-03"


@tampering(APART)
def a_document_replaced(hand: Hand) -> tuple[str, str]:
    return "VF.12", hand.file("reports/2022-03/acts/121-*.xlsx")


@tampering(APART)
def a_document_removed(hand: Hand) -> tuple[str, str]:
    return "VF.11", hand.file("reports/2022-03/acts/132-*.xlsx", remove=True)


@tampering(OF_FUND)
def a_document_no_longer_listed(hand: Hand) -> tuple[str, str]:
    path = hand.one("SELECT min(path) FROM documents WHERE kind = 'act_132' AND month = '2022-03'")
    hand.sql(f"DELETE FROM documents WHERE path = '{path}'")
    return "VF.13", path


@tampering(OF_FUND)
def a_document_with_its_digest(hand: Hand) -> tuple[str, str]:
    path = hand.file("reports/2022-03/acts/register.xlsx")
    digest = sha256_bytes((hand.folder / path).read_bytes())
    hand.sql(f"UPDATE documents SET sha256 = '{digest}' WHERE path = '{path}'")
    return "VF.14", f"documents 2022-03/{path}"


@tampering(APART)
def care_of_a_package(hand: Hand) -> tuple[str, str]:
    return "VF.12", hand.file("tables/2022-03/HM*/z_sl.parquet")


@tampering(APART)
def persons_of_a_package(hand: Hand) -> tuple[str, str]:
    return "VF.12", hand.file("people/2022-03/HM*/person.parquet")


@tampering(APART)
def a_package_as_received(hand: Hand) -> tuple[str, str]:
    return "VF.12", hand.file("restricted/packages/*.zip")


@tampering(APART)
def money_of_a_package_row(hand: Hand) -> tuple[str, str]:
    package = hand.one("SELECT min(package) FROM packages WHERE state = 'accepted' AND month = '2022-03'")
    hand.sql(f"UPDATE packages SET sumv_kop = sumv_kop + 1 WHERE package = '{package}'")
    return "VF.14", f"packages 2022-03/{package}"


@tampering(OF_FUND)
def a_package_row_with_its_seal(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE packages SET state = 'withdrawn' WHERE state = 'refused'", "DELETE FROM row_seals WHERE name = 'packages'")
    key = "concat_ws('/', month, package, digest)"
    hand.sql(f"INSERT INTO row_seals SELECT 'packages', {key}, sha256(CAST(to_json(t) AS VARCHAR)) FROM packages t")
    return "VF.15", "packages"


@tampering(APART)
def a_register(hand: Hand) -> tuple[str, str]:
    return "VF.12", hand.file("tables/reg_clinic-*.parquet")


@tampering(APART)
def a_register_of_persons_removed(hand: Hand) -> tuple[str, str]:
    return "VF.11", hand.file("people/reg_insured-*.parquet", remove=True)


@tampering(OF_FUND)
def a_register_row_that_names_another_file(hand: Hand) -> tuple[str, str]:
    other = hand.one("SELECT path FROM registers WHERE name = 'reg_insurer'")
    hand.sql(f"UPDATE registers SET path = '{other}' WHERE name = 'reg_clinic'")
    return "VF.14", "registers reg_clinic"


@tampering(APART)
def a_book(hand: Hand) -> tuple[str, str]:
    return "VF.12", hand.file("tables/book-*.parquet")


@tampering(APART)
def the_first_day_of_a_book(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE editions SET holds_from = holds_from + 1 WHERE seq = 1")
    return "VF.14", "editions 1"


@tampering(APART)
def the_agreement(hand: Hand) -> tuple[str, str]:
    return "VF.12", hand.file("agreement/*/agreement.yaml")


@tampering(APART)
def the_secret_key(hand: Hand) -> tuple[str, str]:
    hand.file("secret.key")
    return "VF.17", "secret.key"


@tampering(OF_FUND)
def the_copy_for_readers(hand: Hand) -> tuple[str, str]:
    connection = duckdb.connect(str(hand.folder / PUBLISHED))
    connection.execute("UPDATE act_132 SET end_kop = end_kop + 1")
    connection.close()
    return "VF.18", "act_132"


@tampering(OF_FUND)
def the_copy_for_readers_cut(hand: Hand) -> tuple[str, str]:
    path = hand.folder / PUBLISHED
    path.write_bytes(path.read_bytes()[:5_000])
    return "VF.18", PUBLISHED


@tampering(OF_FUND)
def a_balance(hand: Hand) -> tuple[str, str]:
    account = hand.one("SELECT min(account) FROM balances WHERE run_month = '2022-03' AND starts_with(account, 'insurer:')")
    hand.sql(f"UPDATE balances SET amount_kop = amount_kop + 1 WHERE run_month = '2022-03' AND account = '{account}'")
    return "VF.6", account


@tampering(OF_FUND)
def a_line_of_an_act_with_an_insurer(hand: Hand) -> tuple[str, str]:
    smo = hand.one("SELECT min(smo) FROM act_121 WHERE run_month = '2022-03'")
    hand.sql(f"UPDATE act_121 SET spent_kop = spent_kop + 1, end_kop = end_kop - 1 WHERE run_month = '2022-03' AND smo = '{smo}'")
    return "VF.8", f"121-{smo}"


@tampering(OF_FUND)
def a_line_of_an_act_with_a_clinic(hand: Hand) -> tuple[str, str]:
    payer, mo = hand.sql("SELECT payer, mo FROM act_132 WHERE run_month = '2022-02' ORDER BY ALL LIMIT 1")[0]
    hand.sql(f"UPDATE act_132 SET mek_kop = mek_kop + 1 WHERE run_month = '2022-02' AND payer = '{payer}' AND mo = '{mo}'")
    return "VF.8", f"132-{payer}-{mo}"


@tampering(OF_FUND)
def an_act_deleted(hand: Hand) -> tuple[str, str]:
    payer, mo = hand.sql("SELECT payer, mo FROM act_132 WHERE run_month = '2022-03' AND billed_kop > 0 ORDER BY ALL LIMIT 1")[0]
    hand.sql(f"DELETE FROM act_132 WHERE run_month = '2022-03' AND payer = '{payer}' AND mo = '{mo}'")
    return "VF.8", f"132-{payer}-{mo}"


@tampering(OF_FUND)
def a_posting_of_a_closing(hand: Hand) -> tuple[str, str]:
    posting = hand.one("SELECT min(posting_id) FROM postings WHERE run_month = '2022-03'")
    hand.sql(f"UPDATE postings SET amount_kop = amount_kop + 1 WHERE posting_id = '{posting}'")
    return "VF.7", posting


@tampering(OF_FUND)
def what_clinics_are_paid(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE payments SET cases = cases + 1 WHERE run_month = '2022-03'")
    return "VF.9", "2022-03/payments"


@tampering(OF_FUND)
def a_sum_of_the_financing(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE financing SET amount_kop = amount_kop + 1 WHERE run_month = '2022-03'")
    return "VF.9", "2022-03/financing"


@tampering(APART)
def decisions_of_a_month(hand: Hand) -> tuple[str, str]:
    return "VF.12", hand.file("tables/2022-03/run-*/decisions.parquet")


@tampering(OF_FUND)
def decisions_of_a_month_with_their_digest(hand: Hand) -> tuple[str, str]:
    path = next((hand.folder / "tables" / "2022-03").glob("run-*/decisions.parquet"))
    table = pl.read_parquet(path).with_columns(sump_kop=pl.col("sump_kop") + 1)
    table.write_parquet(path, compression="zstd", statistics=False)
    name = path.relative_to(hand.folder).as_posix()
    digest, size = sha256_bytes(path.read_bytes()), path.stat().st_size
    hand.sql(f"UPDATE files SET sha256 = '{digest}', bytes = {size} WHERE owner || '/' || name = '{name}'")
    return "VF.16", path.parent.relative_to(hand.folder).as_posix()


@tampering(APART)
def a_file_that_nobody_stored(hand: Hand) -> tuple[str, str]:
    (hand.folder / "reports" / "2022-03" / "acts" / "121-75999.xlsx").write_bytes(b"PK")
    return "VF.13", "reports/2022-03/acts/121-75999.xlsx"


@tampering(APART)
def a_bill_as_sent(hand: Hand) -> tuple[str, str]:
    return "VF.12", hand.file("restricted/between/R*.oms")


@tampering(APART)
def an_answer_as_received(hand: Hand) -> tuple[str, str]:
    return "VF.11", hand.file("restricted/between/A*.oms", remove=True)


@tampering(OF_FUND)
def cases_of_a_bill(hand: Hand) -> tuple[str, str]:
    return "VF.12", hand.file("tables/between/R*/items.parquet")


@tampering(OF_FUND)
def what_an_answer_accepted(hand: Hand) -> tuple[str, str]:
    name = hand.one("SELECT file_name FROM between_files WHERE kind = 'A'")
    hand.sql(f"UPDATE between_files SET accepted_kop = accepted_kop + 1 WHERE file_name = '{name}'")
    return "VF.19", name


@tampering(OF_FUND)
def a_corrected_part_undone(hand: Hand) -> tuple[str, str]:
    name, receiver = hand.sql("SELECT file_name, receiver FROM between_files WHERE kind = 'D'")[0]
    hand.sql(f"UPDATE between_files SET state = 'withdrawn' WHERE file_name = '{name}'")
    return "VF.19", f"fund:75/refund_disputed/territory:{receiver}"


@tampering(OF_FUND)
def the_territory_of_the_workspace(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE meta SET value = 'insurer' WHERE key = 'role'")
    return "VF.14", "meta role"


@tampering(OF_PAYER)
def amount_of_an_order(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE payment_orders SET amount_kop = amount_kop + 1 WHERE number = 2")
    return "VF.20", f"{INSURER} 2"


@tampering(OF_PAYER)
def an_order_cancelled(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE payment_orders SET state = 'cancelled' WHERE number = 2")
    return "VF.20", f"{INSURER} 2"


@tampering(OF_PAYER)
def an_order_below_its_payment(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE payment_orders SET amount_kop = 10 WHERE number = 1")
    return "VF.20", f"{INSURER} 1"


@tampering(OF_PAYER)
def a_refused_line_made_booked(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE bank_lines SET state = 'booked', event = 'final_payment' WHERE number = '2'")
    return "VF.20", f"{INSURER} 2 2022-04-06"


@tampering(OF_PAYER)
def amount_of_a_line(hand: Hand) -> tuple[str, str]:
    hand.sql("UPDATE bank_lines SET amount_kop = amount_kop - 1 WHERE number = '1'")
    return "VF.20", f"{INSURER} 1 2022-04-06"


@tampering(OF_PAYER)
def a_line_removed(hand: Hand) -> tuple[str, str]:
    hand.sql("DELETE FROM bank_lines WHERE number = '1'")
    return "VF.20", "bank-insurer-75901-1-2022-04-06"


@tampering(OF_PAYER)
def the_posting_of_a_payment_removed(hand: Hand) -> tuple[str, str]:
    hand.sql("DELETE FROM journal WHERE rule = 'advance'")
    return "VF.20", f"{INSURER} 1 2022-04-06"


def finds(folder: Path, act: Act) -> None:
    rule, named = act(Hand(folder))
    found = proven(folder).findings
    is_named(found, rule, named)
    assert found.filter(pl.col("rule") == "VF.23").is_empty() or rule in ("VF.12", "VF.11"), found.select("rule", "params").rows()


def is_named(found: pl.DataFrame, rule: str, named: str) -> None:
    named_by = [value for value in found.filter(pl.col("rule") == rule)["value"] if named in str(value)]
    listed = [text for text in found.filter(pl.col("rule") == rule)["params"] if named in str(text)]
    assert named_by or listed, f"{rule} {named}: {found.select('rule', 'value', 'params').rows()}"
    for lang in messages.LANGUAGES:
        assert all(findings.with_text(found, lang)["text"])
        assert all(messages.text(f"rule.{name}.todo", lang) for name in found["rule"].unique())


@pytest.fixture(scope="module")
def all_apart(fund: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, tuple[str, str]], pl.DataFrame]:
    """All of APART done to one workspace, and what one proof finds in it."""
    hand = Hand(Path(shutil.copytree(fund, tmp_path_factory.mktemp("verify") / "apart")))
    done = {name: act(hand) for name, act in APART.items()}
    return done, proven(hand.folder).findings


@pytest.mark.parametrize("name", APART)
def test_each_of_many_tamperings_is_found_by_name(
    all_apart: tuple[dict[str, tuple[str, str]], pl.DataFrame], name: str
) -> None:  # fmt: skip
    done, found = all_apart
    is_named(found, *done[name])


@pytest.mark.parametrize("name", OF_FUND)
def test_a_tampering_is_found_by_name(fund: Path, tmp_path: Path, name: str) -> None:
    finds(Path(shutil.copytree(fund, tmp_path / "ws")), OF_FUND[name])


@pytest.mark.parametrize("name", OF_PAYER)
def test_a_tampering_with_payments_is_found_by_name(payer: Path, tmp_path: Path, name: str) -> None:
    finds(Path(shutil.copytree(payer, tmp_path / "ws")), OF_PAYER[name])


def test_more_than_thirty_kinds_of_tampering_are_tried() -> None:
    assert len(OF_FUND) + len(OF_PAYER) + len(APART) >= 60


def test_results_are_proven_table_by_table_against_the_digest_of_the_closing(fund: Path, tmp_path: Path) -> None:
    """Also where the list of files was made to fit; the quick proof then knows the folder only."""
    folder = Path(shutil.copytree(fund, tmp_path / "ws"))
    decisions_of_a_month_with_their_digest(Hand(folder))
    found = proven(folder, quick=False).findings
    assert found.filter(pl.col("rule") == "VF.9")["value"].to_list() == ["2022-03/decisions"]


def test_an_untouched_workspace_is_whole_and_says_what_was_proven(fund: Path, payer: Path) -> None:
    of_fund, of_payer = proven(fund, quick=False), proven(payer, quick=False)
    for proof in (of_fund, of_payer):
        assert proof.findings.is_empty(), proof.findings.select("rule", "value", "params").rows()
        assert proof.counts["events"] == proof.head["seq"]
    with Workspace.open(fund) as ws:
        assert of_fund.counts["postings"] == ws.rows("SELECT count(*) FROM journal")[0][0] > 0
        assert of_fund.counts["months"] == 2
        assert of_fund.counts["between_files"] == between_store.files(ws).height
    assert {"acts", "tables", "identities", "rows", "files", "copies", "between_items", "balances"} <= set(of_fund.counts)
    assert (of_payer.counts["orders"], of_payer.counts["lines"]) == (2, 2)


def test_a_head_noted_elsewhere_is_looked_for(fund: Path) -> None:
    head = proven(fund).head["hash"]
    assert proven(fund, head).findings.is_empty()
    assert proven(fund, "0" * 64).findings["rule"].to_list() == ["VF.3"]


def test_an_older_workspace_is_sealed_by_the_next_command(payer: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(payer, tmp_path / "ws"))
    hand = Hand(folder)
    previous = "0" * 64
    for seq, text in hand.sql("SELECT seq, payload FROM chain ORDER BY seq"):  # events of then said nothing of seals
        said = {name: value for name, value in json.loads(text).items() if name != "sealed"}
        hand.sql(f"UPDATE chain SET payload = '{canonical_json(said)}', previous = '{previous}' WHERE seq = {seq}")
        hand.rehash(seq)
        previous = hand.one(f"SELECT hash FROM chain WHERE seq = {seq}")
    hand.sql("DROP TABLE files", "DROP TABLE row_seals", "DELETE FROM meta WHERE key = 'secret'")
    (folder / HEAD).unlink()
    assert proven(folder).findings["rule"].to_list() == ["VF.22"]
    with Workspace.writing(folder):
        pass
    proof = proven(folder)
    assert proof.findings.is_empty(), proof.findings.rows()
    with Workspace.open(folder) as ws:
        (text,) = ws.rows("SELECT payload FROM chain ORDER BY seq DESC LIMIT 1")[0]
    assert {"registers", "payment_orders", "meta"} <= set(json.loads(text)["sealed"]["tables"])


def test_a_database_that_is_none_is_said(payer: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(payer, tmp_path / "ws"))
    (folder / DATABASE).write_bytes(b"no database" * 1000)
    with pytest.raises(WorkspaceError) as raised:
        proven(folder)
    assert raised.value.key == "workspace.damaged"


@pytest.mark.parametrize(("lang", "whole", "differs"), [("ru", "Всё сходится", "Не сходится"), ("en", "agrees", "not agree")])
def test_the_command_says_it_and_its_exit_code(payer: Path, tmp_path: Path, lang: str, whole: str, differs: str) -> None:
    said = run("verify", payer, lang=lang)
    assert said.code == 0 and whole in said.text and proven(payer).head["hash"] in said.text
    folder = Path(shutil.copytree(payer, tmp_path / "ws"))
    Hand(folder).sql("UPDATE payment_orders SET amount_kop = amount_kop + 1 WHERE number = 2")
    told = run("verify", folder, lang=lang)
    assert told.code == 1 and differs in told.text and f"{INSURER} 2" in told.text


def test_packages_given_again_leave_no_event(fund: Path, make_territory: MakeTerritory, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(fund, tmp_path / "ws"))
    with Workspace.open(folder) as ws:
        accepted = {row.package for row in ws.packages(str(MARCH)) if row.state == "accepted"}
        before = ws.head()
    packages = (make_territory(200, 3) / "packages" / str(MARCH)).glob("*.zip")
    with Workspace.writing(folder) as ws:
        done = intake.ingest(ws, sorted(path for path in packages if path.stem in accepted)[:5], TODAY, "tester")
    assert [one.state for one in done] == ["already"] * 5
    with Workspace.open(folder) as ws:
        assert ws.head() == before
    assert proven(folder).findings.is_empty()


def test_the_logical_digest_tells_content_not_history(payer: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(payer, tmp_path / "ws"))

    def digest() -> str:
        with Workspace.open(folder) as ws:
            return verify.logical_digest(ws)

    before = digest()
    with Workspace.writing(folder) as ws:
        ws.record("nothing", TODAY, "tester", None, {})
    assert digest() == before
    Hand(folder).sql("UPDATE payment_orders SET amount_kop = amount_kop + 1 WHERE number = 2")
    assert digest() != before
