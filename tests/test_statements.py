"""Do the statements of a workspace say what its journal and acts say, on page and sheet? (Rules 121, 132-134, 192-194)"""

from __future__ import annotations

import io
import re
import shutil
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from omsclaims import act_book, between, between_store, contract, expertise_store, journal, statements
from omsclaims.money import round_ratio
from omsclaims.periods import Month
from omsclaims.reports import statement_pages
from omsclaims.reports.templates import roubles
from omsclaims.workspace import Workspace, WorkspaceError
from tests.conftest import MakeTerritory, close_months

ON, AS_OF = date(2022, 3, 31), date(2022, 5, 5)


@pytest.fixture(scope="module")
def folder(make_territory: MakeTerritory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fund of two closed months that has sent its bills of March and drawn up its acts."""
    made = tmp_path_factory.mktemp("statements") / "ws"
    close_months(make_territory(200, 3), made)
    with Workspace.writing(made) as ws:
        between.send(ws, Month(2022, 3), date(2022, 5, 4), "tester")
    with Workspace.writing(made) as ws:
        act_book.draw(ws, act_book.of_month(ws, Month(2022, 3)), AS_OF, "tester")
    return made


@pytest.fixture(scope="module")
def made(folder: Path) -> statement_pages.Statements:
    with Workspace.open(folder) as ws:
        return statements.gather(ws, ON, AS_OF, "ru")


def test_figures_are_those_of_the_journal_and_the_acts(folder: Path, made: statement_pages.Statements) -> None:
    with Workspace.open(folder) as ws:
        balances = dict(journal.balances(ws, on=ON).iter_rows())
        acts = pl.concat([ws.ledger_table("act_132", month) for month in ("2022-02", "2022-03")])
        insurers = ws.ledger_table("act_121", "2022-03")
    for row in made.cash.to_dicts():
        kind = row["party"].split(":")[0]
        held = {"fund": ("money", "nsz"), "clinic": ("money",)}.get(
            kind, ("payment_reserve", "spare_reserve", "preventive_reserve", "own_money")
        )
        assert row["end_kop"] == sum(balances.get(f"{row['party']}/{name}", 0) for name in held)
    sums = {name: int(acts[name].sum()) for name in ("billed_kop", "mek_kop", "mee_kop", "ekmp_kop", "transferred_kop")}
    assert sums == {name: int(made.accrual[name].sum()) for name in sums} and sums["billed_kop"] > 0
    last = made.reserves.filter(pl.col("month") == "2022-03").sort("smo")
    assert last["spare_kop"].to_list() == insurers.sort("smo")["end_spare_kop"].to_list()
    assert (last["spare_kop"] <= last["spare_limit_kop"]).all()
    assert made.forecast.months.row(2, named=True)["nsz_kop"] == balances["fund:75/nsz"]
    debts = {(row["kind"], row["other"]): row["end_kop"] for row in made.debts.to_dicts() if row["kind"] == "refund"}
    assert debts == {
        ("refund", account.split("/")[2]): kop for account, kop in balances.items() if account.startswith("fund:75/refund/")
    }


def test_a_day_within_a_month_has_the_forecast_of_the_last_full_month(folder: Path, made: statement_pages.Statements) -> None:
    with Workspace.open(folder) as ws:
        within = statements.gather(ws, date(2022, 4, 12), AS_OF, "ru").forecast
        first = statements.gather(ws, date(2022, 1, 12), AS_OF, "ru").forecast
    months = within.months
    assert months["kind"].to_list() == ["actual"] * 3 + ["forecast"] * 9 and first.months.is_empty()
    known = made.forecast.months.filter(pl.col("kind") == "actual")
    closed = known.filter(pl.col("month").is_in(["2022-02", "2022-03"]))["in_kop"]  # January is not
    assert set(months["in_kop"][3:]) == {round_ratio(int(closed.sum()), 2)} != {0}
    assert months.filter(pl.col("kind") == "actual").equals(known) and known["nsz_kop"][-1] != 0


def test_debts_of_territories_are_all_there_by_age(folder: Path, made: statement_pages.Statements) -> None:
    later = date(2022, 5, 31)
    for day, shown in ((ON, made), (later, None)):
        with Workspace.open(folder) as ws:
            one = shown or statements.gather(ws, day, AS_OF, "ru")
            booked = journal.balances(ws, on=day).filter(pl.col("account").str.starts_with("fund:75/refund"))
            sent = between_store.files(ws).filter(pl.col("kind") == "R")
        rows = statement_pages.by_age(one, "place")
        assert sum(row["total"] for row in rows) == int(booked["amount_kop"].sum()) > 0
        in_bills = sum(sum(row["amounts"][:-1]) for row in rows)
        assert in_bills == (0 if day == ON else int(sent["presented_kop"].sum()))
    assert one.forecast.months.filter(pl.col("kind") == "actual").height == 5


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_page_and_workbook_show_the_same(folder: Path, made: statement_pages.Statements, lang: str) -> None:
    page = statement_pages.page(made, lang)
    assert page == statement_pages.page(made, lang)
    assert "<script" not in page and "http" not in page and "{{" not in page and "reports." not in page
    book = openpyxl.load_workbook(io.BytesIO(statement_pages.workbook(made, lang)))
    assert len(book.worksheets) == 8 and made.unconfirmed
    cells = {cell.value for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "n"}
    for row in made.cash.to_dicts()[-3:]:
        assert row["end_kop"] / 100 in cells
    fund = made.cash.filter(pl.col("party") == "fund:75").row(0, named=True)
    assert roubles(fund["end_kop"], lang) in page and roubles(made.forecast.year_end_kop, lang) in page
    for sheet in book:  # money stands right, with two decimals
        money = [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "n" and cell.value is not None]
        assert {cell.number_format for cell in money} <= {"#,##0.00"} and {cell.alignment.horizontal for cell in money} <= {
            "right"
        }
        for cell in money:
            assert len(f"{abs(cell.value):,.2f}") + 3 <= width_of(sheet, cell.column), cell.coordinate


def width_of(sheet: Worksheet, column: int) -> float:
    """Width of a column; equal neighbours are stored as one."""
    held = [one for one in sheet.column_dimensions.values() if one.min <= column <= one.max]
    return float(held[0].width)


def test_no_person_is_named(folder: Path, tmp_path: Path) -> None:
    with Workspace.open(folder) as ws:
        papers = statements.write(ws, tmp_path / "out", ON, AS_OF, "ru")
        people = ws.register("reg_insured")
    names = {name for column in ("enp", "npolis") for name in people[column].drop_nulls().head(500)}
    for path in papers:
        if path.suffix == ".html":
            text = path.read_text(encoding="utf-8")
        else:
            book = openpyxl.load_workbook(path)
            text = "\n".join(
                str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None
            )
        assert not any(name in text for name in names if len(name) > 5)
        assert not re.search(r"\b[0-9]{16}\b", text)
    assert [path.name for path in papers] == ["statements.html", "statements.xlsx", "disclosure.html", "disclosure.xlsx"]


def test_the_disclosure_of_a_workspace_is_that_of_its_day(folder: Path, tmp_path: Path) -> None:
    """Insured as they are paid for, violations of the closed months of the year until the day, as they stand after appeals."""
    copy = Path(shutil.copytree(folder, tmp_path / "ws"))

    def rows(name: str, *made: dict[str, object]) -> pl.DataFrame:
        schema = contract.TABLES[name].schema()
        return pl.DataFrame([{column: row.get(column) for column in schema} for row in made], schema=schema)

    start = date(2022, 1, 1)
    people = [{"enp": str(number), "smo": "75901", "place": place, "policy_from": start}
              for number, place in enumerate("a" + "b" * 5 + "c" * 50)]  # fmt: skip
    people += [{"enp": "0", "smo": "75902", "place": "a", "policy_from": date(2021, 1, 1)}]  # left open when 0 went to 75901
    people += [{"fam": fam, "im": "Я", "smo": "75902", "place": "a", "policy_from": start} for fam in ("А", "Б", "В", "Г", "Д")]
    case = {"package": "H", "n_zap": 1, "idcase": 1}
    sample = [{**case, "month": month, "list": "complaint"} for month in ("2021-12", "2022-02", "2022-03")]
    acts = [
        {**case, "month": month, "payer": payer, "num_act": number, "first_act": first, "code": code, "date_act": day, "seq": seq,
         "settle_month": "2022-03"}
        for seq, (month, payer, number, first, code, day) in enumerate([
            ("2022-02", "75901", "1", None, "2.16.1", ON), ("2022-02", "75901", "2", None, "3.1.1", date(2022, 4, 1)),
            ("2021-12", "75901", "3", None, "3.2.1", ON), ("2022-03", "75901", "4", None, "2.16.1", date(2022, 3, 20)),
            ("2022-03", "75", "A1", "4", None, date(2022, 3, 25)),
        ])
    ]  # fmt: skip
    with Workspace.writing(copy) as ws:
        ws.store_register("reg_insured", rows("reg_insured", *people), ON)
        expertise_store.keep(ws, "expertise_sample", rows("expertise_sample", *sample), ON)
        expertise_store.keep(ws, "expertise_acts", rows("expertise_acts", *acts), ON)
        ws.record("register", ON, "tester", None, {})
    with Workspace.open(copy) as ws:
        made = statements.disclose(ws, ON, "en")
    assert made.months == [Month(2022, 2), Month(2022, 3)]
    assert made.insured.rows() == [("75901", "a", 1), ("75901", "b", 5), ("75901", "c", 50), ("75902", "a", 5)]
    assert made.violations.rows() == [("75901", "2.16.1", 1)]
    page = statement_pages.disclosure_page(made, "en")
    assert re.findall(r'<td class="n">([^<]*)</td>', page) == [
        "hidden", "5", "50", "56\u201359", "hidden", "1\u20134", "5", "5", "0",  # the third insurer has nobody
    ]  # fmt: skip


def test_the_same_books_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "ws"))
    made = []
    for one, place in ((folder, "a"), (copy, "b")):
        with Workspace.open(one) as ws:
            made.append([path.read_bytes() for path in statements.write(ws, tmp_path / place, ON, AS_OF, "en")])
    assert made[0] == made[1]


@pytest.mark.parametrize("smo", [None, "75901"])
def test_empty_books_say_so(tmp_path: Path, smo: str | None) -> None:
    role = "fund" if smo is None else "insurer"
    Workspace.create(tmp_path / "ws", "75", role, date(2022, 1, 1), "tester", smo=smo)
    with Workspace.open(tmp_path / "ws") as ws:
        with pytest.raises(WorkspaceError) as caught:
            statements.last_day(ws)
        assert caught.value.key == "statements.nothing"
        assert statement_pages.page(statements.gather(ws, ON, AS_OF, "en"), "en").startswith("<!DOCTYPE html>")
        made = statements.write(ws, tmp_path / "out", ON, AS_OF, "en")
    assert len(made) == (4 if smo is None else 2)  # an insurer's own workspace has no registers to publish from
