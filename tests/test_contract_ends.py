"""Does a contract that ends early close in the order of the law: debts, advances held, then the pots? (Rules 197)"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from omsclaims import contract, insurer, journal
from omsclaims.money import parse_amount
from omsclaims.periods import Month
from omsclaims.settlement.ledger import POTS
from omsclaims.workspace import Workspace
from tests.settlement import settlement_samples as samples
from tests.test_insurer import SMO, Fund, notice, settlement

CASE = yaml.safe_load((Path(__file__).parents[1] / "fixtures/settlement/contract_early_end.yaml").read_text(encoding="utf-8"))
PARTY, TODAY, WHO = f"insurer:{SMO}", date(2022, 7, 1), "accountant"
MARCH, APRIL = Month(2022, 3), Month(2022, 4)


def book(ws: Workspace, name: str, mo: str, day: date, amount: str) -> None:
    event = {
        "event": name, "date": day, "document": f"{name}-{mo}-{day}", "document_date": None, "amount_kop": parse_amount(amount),
        "parties": json.dumps({"payer": PARTY, "clinic": f"clinic:{mo}"}), "order_id": None, "note": None,
    }  # fmt: skip
    rows = pl.DataFrame([event], schema=contract.TABLES["ledger_events"].schema())
    assert journal.book(ws, rows, str(event["document"]), TODAY, WHO).findings.is_empty()


def pots(ws: Workspace, on: date) -> dict[str, int]:
    held = dict(journal.balances(ws, on=on).iter_rows())
    return {pot: held.get(f"{PARTY}/{pot}", 0) for pot in POTS}


def kopecks(said: dict[str, str]) -> dict[str, int]:
    return {name: parse_amount(text) for name, text in said.items()}


def opened(folder: Path) -> None:
    """The insurer's workspace with its opening and its contract."""
    Workspace.create(folder, "75", "insurer", date(2022, 3, 1), WHO, payments="actual", smo=SMO)
    opening = [{"account": f"{PARTY}/{pot}", "amount_kop": kop} for pot, kop in kopecks(CASE["opening"]).items()]
    with Workspace.writing(folder) as ws:
        ws.store_register("reg_opening", samples.rows("reg_opening", *opening), TODAY)
        ws.store_register("reg_contract", samples.rows("reg_contract", {"smo": SMO, "number": "1", **CASE["contract"]}), TODAY)


def month(fund: Fund, folder: Path, of: Month, bills: list[dict[str, Any]]) -> None:
    place = fund.closes(of, [(one["mo"], parse_amount(one["amount"]), False) for one in bills], funding=[])
    assert notice(folder, place).outcome == "new"
    taken = settlement(folder, place)
    assert (taken.outcome, taken.findings.height) == ("new", 0)


def test_the_order_of_an_early_end(tmp_path: Path) -> None:
    folder, papers = tmp_path / "ws", tmp_path / "fund"
    papers.mkdir()
    fund = Fund(papers)
    opened(folder)
    end = CASE["contract"]["till"]
    with Workspace.writing(folder) as ws:
        journal.open_ledger(ws, MARCH, journal.register_opening(ws), "reg_opening", TODAY, WHO)
        for one in CASE["march"]["advances"]:
            book(ws, "advance", one["mo"], one["day"], one["amount"])
        assert insurer.early_end(ws, SMO, end, date(2022, 4, 4), TODAY, WHO).findings["rule"].to_list() == ["IY.8"]
    month(fund, folder, MARCH, CASE["march"]["bills"])
    with Workspace.open(folder) as ws:
        assert pots(ws, end) == kopecks(CASE["march"]["end"])
    for step in CASE["april"]:
        with Workspace.writing(folder) as ws:
            if "event" in step:
                book(ws, step["event"], step["mo"], step["day"], step["amount"])
                continue
            made = insurer.early_end(ws, SMO, end, step["day"], TODAY, WHO)
            assert made.findings["rule"].to_list() == step["asked"], step
            assert made.due == CASE["due"] and (made.rows > 0) == ("returned" in step)
            if "returned" in step:
                gone = journal.entries(ws, PARTY, first=step["day"], last=step["day"]).filter(pl.col("rule") == "unused_returned")
                own = gone.filter(pl.col("credit").str.starts_with(PARTY))
                assert {account.split("/")[1]: kop for account, kop in own.select("credit", "amount_kop").iter_rows()} == kopecks(
                    step["returned"]
                )
    month(fund, folder, APRIL, [])
    with Workspace.open(folder) as ws:
        lines = insurer.act_lines(ws, "121", APRIL)
        assert lines is not None
        assert {name: lines[f"{name}_kop"] for name in CASE["act_121"]} == kopecks(CASE["act_121"])
        assert journal.problems(ws) == []
