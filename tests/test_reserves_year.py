"""Does a year of reserves, reckoned by hand, come out of closings and journal to the kopeck - in both houses? (Rules 189-198)"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from omsclaims import closing, contract, insurer, journal
from omsclaims.context import Context
from omsclaims.law import federal_parameters
from omsclaims.money import parse_amount
from omsclaims.periods import Month
from omsclaims.reports import act_files, insurer_files
from omsclaims.settlement import act_states, identities, insurer_year, settle
from omsclaims.settlement import ledger as books
from omsclaims.settlement.own_month import told_by_fund
from omsclaims.settlement.reserves import limits
from omsclaims.workspace import LEDGER_TABLES, RunRow, Workspace
from tests.settlement import settlement_samples as samples
from tests.settlement.test_settle import Bill, month_tables

CASE = yaml.safe_load((Path(__file__).parents[1] / "fixtures/settlement/reserves_year.yaml").read_text(encoding="utf-8"))
LAW = federal_parameters()
SMO, MO, WHO = "75901", "750901", "accountant"
PARTY = f"insurer:{SMO}"
POTS = {"payment": "payment_reserve", "spare": "spare_reserve", "preventive": "preventive_reserve", "own": "own_money"}


def kop(text: str | None) -> int:
    return parse_amount(text or "0.00")


def surroundings(of: Month) -> Context:
    """The fund's surroundings of a month of any year: coefficients of 1, РВД 1 %."""
    cells = {("north", group["code"]): 100_000 for group in LAW.value("financing.partition", of.first)}
    agreement = samples.agreement(cells)
    whole = {"valid_from": pl.lit(date(2011, 1, 1)), "valid_to": pl.lit(date(2020, 12, 31))}
    tables = {
        name: table.with_columns(**whole) if name in ("financing", "case_management") else table
        for name, table in agreement.tables.items()
    }
    return samples.context(str(of), agreement=replace(agreement, tables=tables))


def events_of(entry: dict[str, Any], of: Month, balances: dict[str, int]) -> pl.DataFrame:
    """The insurer's events of a month, as the program makes them."""
    made = []
    for number, one in enumerate(entry.get("events", [])):
        day, amount, paper = date(of.year, of.month, one["day"]), kop(one["amount"]), f"paper-{of}-{number}"
        if one["what"] == "measures":
            made.append(insurer_year.measures(SMO, amount, day, paper, balances))
        elif one["what"] == "fine":
            made.append(insurer_year.fine_received(SMO, MO, amount, day, paper, balances))
        else:
            made.append(insurer_year.recovered(SMO, amount, one["what"], day, paper, LAW))
    assert all(one.findings.is_empty() for one in made)
    return pl.concat([contract.TABLES["ledger_events"].empty(), *(one.events for one in made)])


def given_tables(entry: dict[str, Any], used: Context) -> dict[str, pl.DataFrame]:
    """Standards, filling, bills, control and expertise of a month."""
    given = {name: kop(text) for name, text in entry["given"].items()}
    bills: list[Bill] = [("own", SMO, MO, given["billed"] - given.get("mek", 0), False)]
    if "mek" in given:
        bills.append(("own", SMO, MO, given["mek"], True))
    funding = [{"what": "standards", "smo": None, "amount_kop": given["standards"]}]
    funding += [{"what": what, "smo": SMO, "amount_kop": given[what]} for what in ("spare_fill", "nsz") if what in given]
    tables = month_tables(bills, used, funding=funding, opening=opening())
    rows = [
        {"payer": SMO, "mo": MO, "kind": kind, "change_kop": given.get(kind, 0), "fine_change_kop": given.get("fine", 0) if kind == "ekmp" else 0}
        for kind in ("mee", "ekmp") if kind in given
    ]  # fmt: skip
    one, long_ago = pl.col("smo") == SMO, pl.lit(date(2010, 1, 1))
    return {
        **tables, "reg_insured": tables["reg_insured"].filter(one).with_columns(policy_from=long_ago),
        "reg_insurer": tables["reg_insurer"].filter(one).with_columns(valid_from=long_ago),
        "deductions": samples.rows("deductions", *rows),
    }  # fmt: skip


def opening() -> list[dict[str, Any]]:
    rows = [{"account": f"{PARTY}/{pot}", "amount_kop": kop(CASE["opening"][name])} for name, pot in POTS.items()]
    return [*rows, {"account": "fund:75/opening", "amount_kop": -sum(row["amount_kop"] for row in rows)}]


def register_of_opening(ws: Workspace) -> None:
    ws.store_register("reg_opening", samples.rows("reg_opening", *opening()), date(2011, 1, 1))


class Houses:
    """The fund's workspace and, where `both`, the insurer's own, through a year."""

    def __init__(self, folder: Path, year: int, both: bool = True) -> None:
        self.year, self.as_of = year, date(year + 1, 3, 1)
        self.fund, self.insurer, self.papers = folder / "fund", folder / "insurer", folder / "papers"
        self.papers.mkdir()
        Workspace.create(self.fund, "75", "fund", date(year, 1, 1), WHO)
        Workspace.create(self.insurer, "75", "insurer", date(year, 1, 1), WHO, smo=SMO)
        self.places = (self.fund, self.insurer) if both else (self.fund,)
        for place in self.places:
            with Workspace.writing(place) as ws:
                register_of_opening(ws)
                journal.open_ledger(ws, Month(year, 1), journal.register_opening(ws), "reg_opening", self.as_of, WHO)

    def month(self, entry: dict[str, Any], of: Month) -> dict[str, pl.DataFrame]:
        """Both houses book the events and close the month; the fund's result."""
        used = surroundings(of)
        for place in self.places if "events" in entry else ():
            with Workspace.writing(place) as ws:
                events = events_of(entry, of, books.as_dict(journal.balances(ws)))
                assert journal.book(ws, events, f"events-{of}", self.as_of, WHO).findings.is_empty()
        with Workspace.writing(self.fund) as ws:
            tables = {
                **given_tables(entry, used), "balances_before": journal.balances(ws, on=of.first.replace(day=1)).clear(),
                "event_postings": journal.month_events(ws, of), "postings_before": closing.postings_before(ws, of),
            }  # fmt: skip
            if ws.closed_months():
                tables["balances_before"] = ws.ledger_table("balances", ws.closed_months()[-1])
            result = settle(tables, used)
            assert all(identity.holds for identity in identities({**tables, **result}))
            txn = journal.close_month(ws, of, result["postings"], str(of), self.as_of, WHO, None)
            kept = {name: result[name] for name in LEDGER_TABLES}
            ws.store_run(RunRow(str(of), f"{of}", {}, WHO, None, self.as_of, ""), kept, [])
            ws.record("close", self.as_of, WHO, None, {"month": str(of), "ledger": [txn.payload]})
            assert journal.balances(ws, on=of.last).equals(result["balances"])
        if len(self.places) > 1:
            self.tell(tables, result, used)
        return result

    def tell(self, tables: dict[str, pl.DataFrame], result: dict[str, pl.DataFrame], used: Context) -> None:
        """The insurer takes the fund's files; its own act says the same."""
        made_on = date(self.year + 1, 2, 1)
        ((notice, listing),) = told_by_fund({**tables, **result}, used, made_on)
        act = act_states.monthly("121", result["act_121"].row(0, named=True), used.month, "75", made_on)
        for name, data in (
            ("notice", insurer_files.paper_json(notice)), ("settlement", insurer_files.paper_json(listing)), ("121", act_files.act_json(act)),
        ):  # fmt: skip
            (self.papers / f"{name}.json").write_bytes(data)
        with Workspace.writing(self.insurer) as ws:
            assert insurer.take_notice(ws, self.papers / "notice.json", self.as_of, WHO).outcome == "new"
            taken = insurer.take_settlement(ws, self.papers / "settlement.json", self.as_of, WHO)
            assert (taken.outcome, taken.findings.height) == ("new", 0)
            assert insurer.compare_121(ws, self.papers / "121.json").agrees


def pots(result: dict[str, pl.DataFrame]) -> dict[str, int]:
    held = dict(result["balances"].iter_rows())
    return {name: held.get(f"{PARTY}/{pot}", 0) for name, pot in POTS.items()}


def flows(result: dict[str, pl.DataFrame]) -> dict[str, int]:
    """What moved between the pots: kopecks by name of the case, those of 0 left out."""

    def net(rule: str, pot: str) -> int:
        return books.turnover(result["postings"], [rule], "debit", f"{PARTY}/{pot}")

    moved = {
        "spare_cover": net("spare_cover", "payment_reserve"), "spare_overflow": net("spare_overflow", "payment_reserve"),
        "preventive_overflow": net("preventive_overflow", "payment_reserve"),
        "to_preventive": net("savings_preventive", "preventive_reserve") + net("savings_preventive_back", "preventive_reserve"),
        "to_running": net("savings_running", "own_money") + net("savings_running_back", "own_money"),
    }  # fmt: skip
    return {name: amount for name, amount in moved.items() if amount}


def test_the_year_2011_by_hand(tmp_path: Path) -> None:
    houses = Houses(tmp_path, 2011)
    whole: dict[str, int] = {}
    for entry in CASE["months"]:
        of = Month.parse(str(entry["month"]))
        result = houses.month(entry, of)
        said = entry["limits"]
        found = limits(kop(said["paid"]), said["months"], said["days"], of.last, LAW)
        assert (found.spare_kop, found.preventive_kop) == (kop(said["spare"]), kop(said["preventive"])), of
        assert (of.last - date(2011, 1, 1)).days + 1 == said["days"] and of.month == said["months"]
        assert pots(result) == {name: kop(text) for name, text in entry["end"].items()}, of
        assert flows(result) == {name: kop(text) for name, text in entry["flows"].items()}, of
        act = result["act_121"].row(0, named=True)
        assert act["end_kop"] == sum(kop(entry["end"][name]) for name in ("payment", "spare", "preventive"))
        for name in CASE["year"]:
            whole[name] = act[f"{name}_kop"] if name == "end" else whole.get(name, 0 if name != "start" else act["start_kop"])
            whole[name] += act[f"{name}_kop"] if name not in ("start", "end") else 0
        paid = books.turnover(closing_postings(houses, of), ["advance", "final_payment"], "credit", f"{PARTY}/payment_reserve")
        assert paid == kop(said["paid"]), of
    assert whole == {name: kop(text) for name, text in CASE["year"].items()}
    year_end(houses)


def closing_postings(houses: Houses, of: Month) -> pl.DataFrame:
    with Workspace.open(houses.fund) as ws:
        return closing.postings_before(ws, of.plus(1)) if of.month < 12 else journal.entries(ws, first=date(of.year, 1, 1))


def year_end(houses: Houses) -> None:
    """What is left goes back in January; the year is closed by then."""
    said = CASE["year_end"]
    for place in houses.places:
        with Workspace.writing(place) as ws:
            back = insurer.year_end(ws, SMO, said["end"], said["sent"], houses.as_of, WHO)
            assert (back.due, back.findings.height, back.rows) == (said["due"], 0, 2 * len(said["returned"]))
            rows = journal.entries(ws, PARTY, first=date(2012, 1, 1)).filter(pl.col("credit").str.starts_with(PARTY))
            assert {account.split("/")[1]: amount for account, amount in rows.select("credit", "amount_kop").iter_rows()} == {
                pot: kop(text) for pot, text in said["returned"].items()
            }
            left = books.as_dict(journal.balances(ws, prefix=PARTY))
            assert {account for account in left if account.split("/")[1] in books.POTS} == set()
            for day in (said["sent"], said["due"], date(2012, 2, 29)):  # the same again, on whatever day
                again = insurer.year_end(ws, SMO, said["end"], day, houses.as_of, WHO)
                assert (again.rows, again.findings.height) == (0, 0)
    empty = {"given": {"standards": "0.00", "billed": "0.00"}}
    act = houses.month(empty, Month(2012, 1))["act_121"].row(0, named=True)
    assert {name: act[f"{name}_kop"] for name in said["january"]} == {name: kop(text) for name, text in said["january"].items()}


@pytest.mark.parametrize("later", CASE["later"], ids=lambda later: str(later["year"]))
def test_the_same_year_under_a_later_table(later: dict[str, Any], tmp_path: Path) -> None:
    houses = Houses(tmp_path, later["year"], both=False)
    assert len(later["months"]) == len(CASE["months"]) == 12
    for number, (entry, expected) in enumerate(zip(CASE["months"], later["months"], strict=True), 1):
        result = houses.month(entry, Month(later["year"], number))
        assert pots(result) == {name: kop(text) for name, text in expected["end"].items()}, number
        assert "to_preventive" not in flows(result)
