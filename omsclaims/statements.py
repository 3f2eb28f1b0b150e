"""What do the books of a workspace say of a period, on one page? Gathers journal, bills, registers; writes papers only.

The figures are made by `reports.statements` from what is gathered here; the statements of a fund hold both of its roles between
territories, those of an insurer what its own journal has. The disclosure (Rules 182-188) is apart: it is for publishing.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims import act_book, act_store, between_store, closing, contract, expertise_store, journal
from omsclaims.law import Parameters, federal_parameters
from omsclaims.periods import Month
from omsclaims.reports import doubts, statement_pages, statements
from omsclaims.settlement import ledger
from omsclaims.settlement.between import book, reconcile
from omsclaims.workspace import Workspace, WorkspaceError

#: Accounts of debts between territories, by our role, and the sign that makes a debt to the place fund positive.
_ROLES: Final = {
    "place": (("refund", "refund_disputed", "refund_back"), 1),
    "home": (("refund_due", "refund_due_disputed", "refund_back_due"), -1),
}  # fmt: skip


def last_day(ws: Workspace) -> date:
    """End of the last closed month; of books without one the end of the last month with a posting.

    Raises WorkspaceError `statements.nothing` where nothing is booked.
    """
    closed = ws.closed_months()
    if closed:
        return Month.parse(closed[-1]).last
    found = ws.rows("SELECT max(date) FROM journal")[0][0] if ws.has_journal() else None
    if found is None:
        raise WorkspaceError("statements.nothing")
    return Month(found.year, found.month).last


def gather(
    ws: Workspace, on: date, as_of: date, lang: str, law: Parameters | None = None, first: date | None = None
) -> statement_pages.Statements:
    """The figures of the days from `first` (1 January of the year) to `on`, as the books stand now.

    lang  of the sentences on unconfirmed values;  law: parameters that note what they are asked for
    """
    held = law or federal_parameters().noting()
    begin = first or date(on.year, 1, 1)
    rows = journal.entries(ws, last=on)
    both = statements.sides(rows)
    own = ledger.insurer(str(ws.smo())) if ws.meta("role") == "insurer" else ledger.fund(ws.meta("territory"))
    moved = _moves(ws)
    sides = {side: book.states(between_store.files(ws), between_store.items(ws), side) for side in _ROLES}
    forecast = None
    month = Month(on.year, on.month)
    full = on if month.last == on else month.first - timedelta(days=1)  # a forecast begins with the last full month of the year
    if own.startswith("fund:") and full.year == on.year:
        expected = statements.open_bills(moved, sides, _owed(both.filter(pl.col("date") <= full)), full)
        forecast = statements.nsz_forecast(both, ws.meta("territory"), full, expected, ws.closed_months())
    months = [Month(on.year, number) for number in range(begin.month if begin.year == on.year else 1, on.month + 1)]
    reserves = statements.reserves(rows, [of for of in months if of.last <= on], ws.register("reg_contract"), held)
    sources = [*closing.parameters_of(ws, ws.closed_months()), *(held.asked or ())]
    return statement_pages.Statements(
        own=own, first=begin, last=on, as_of=as_of, named=act_book.naming(ws), cash=statements.cash(both, begin, on),
        accrual=statements.accrual(both, begin, on), debts=statements.debts(both, begin, on),
        savings=statements.savings(both, begin, on), reserves=reserves, aging=statements.aging(moved, on),
        unsent=_unsent(both, moved, on), forecast=forecast or statements.Forecast(pl.DataFrame(), {}),
        acts=_acts(ws, begin, on), unconfirmed=doubts.lines(sources, lang, held),
    )  # fmt: skip


def _moves(ws: Workspace) -> pl.DataFrame:
    """Movements of the bills with every other fund, both roles: columns `reconcile.MOVES`, and side, territory."""
    files = (between_store.files(ws), between_store.items(ws))
    schema = {**reconcile.MOVES, "side": pl.String(), "territory": pl.String()}
    parts = [pl.DataFrame(schema=schema)]
    for side in _ROLES:
        for other in act_book.others(ws, side):
            table = act_book.moves(ws, side, other, files)
            parts.append(table.with_columns(side=pl.lit(side), territory=pl.lit(other)))
    return pl.concat(parts)


def _unsent(both: pl.DataFrame, moved: pl.DataFrame, on: date) -> pl.DataFrame:
    """Debts between territories in the journal that no bill tells of: side, territory, owed_kop. With the bills they are all."""
    sign = pl.when(pl.col("what") == "presented").then(pl.col("amount_kop")).otherwise(-pl.col("amount_kop"))
    told = moved.filter(pl.col("on") <= on).group_by("side", "territory").agg(sign.sum().alias("told"))
    parts = []
    for side, (purposes, of) in _ROLES.items():
        rows = both.filter(pl.col("purpose").is_in(list(purposes)) & pl.col("party").str.starts_with("fund:"))
        parts.append(
            rows.group_by(pl.lit(side).alias("side"), pl.col("other").str.split(":").list.get(1).alias("territory")).agg(
                (pl.col("kop").sum() * of).alias("booked")
            )
        )
    full = pl.concat(parts).join(told, on=["side", "territory"], how="full", coalesce=True)
    owed = pl.col("booked").fill_null(0) - pl.col("told").fill_null(0)
    return full.select("side", "territory", owed.alias("owed_kop")).filter(pl.col("owed_kop") != 0).sort("side", "territory")


def _owed(both: pl.DataFrame) -> dict[str, int]:
    """Debts between territories in the journal, by our role."""
    return {
        side: of
        * int(both.filter(pl.col("purpose").is_in(list(purposes)) & pl.col("party").str.starts_with("fund:"))["kop"].sum())
        for side, (purposes, of) in _ROLES.items()
    }


def _acts(ws: Workspace, first: date, last: date) -> pl.DataFrame:
    """Acts of the period that are not void: kind, state, count."""
    held = act_store.register(ws).filter(
        (pl.col("state") != "void") & (pl.col("month") >= f"{first.year}") & (pl.col("month") <= f"{last:%Y-%m}")
    )
    return held.group_by("kind", "state").agg(pl.len().cast(pl.Int64).alias("count")).sort("kind", "state")


#: Figures of chapter XIII that the disclosure shows, by their names on the page.
_TERMS: Final = {"refresh": "refresh_working_days", "media": "media_a_year", "kept": "kept_years"}


def disclose(ws: Workspace, on: date, lang: str = "ru", law: Parameters | None = None) -> statement_pages.Disclosure:
    """What the insurers of the register publish as of a day: insured, clinics and kinds of care, violations found at requests.

    Insured are those of the day; clinics and violations those of the months of its year that are closed, as the page says.
    """
    held = law or federal_parameters().noting()
    terms = {name: int(held.value(f"disclosure.{key}", on)) for name, key in _TERMS.items()}
    closed = [Month.parse(name) for name in ws.closed_months() if name <= f"{on:%Y-%m}" and name.startswith(f"{on.year}-")]
    columns = ["smo", "code_mo", "usl_ok", "vidpom", "oplata", "status"]
    parts = [ws.run_table(str(of), "cases_view").select(columns) for of in closed]
    schema = {"smo": pl.String, "mo": pl.String, "usl_ok": pl.Int64, "vidpom": pl.Int64}
    cases = pl.DataFrame(schema=schema)
    if parts:
        taken = pl.concat(parts).filter((pl.col("status") == "own") & (pl.col("oplata") != 2))
        cases = taken.select("smo", pl.col("code_mo").alias("mo"), "usl_ok", "vidpom")
    insurers, hospitals = (
        dict(ws.register(name).sort(code, "valid_from").select(code, "name").iter_rows())
        for name, code in (("reg_insurer", "smo"), ("reg_clinic", "mo"))
    )
    sample = expertise_store.kept(ws, "expertise_sample").filter(pl.col("list") == "complaint")
    acts = contract.check("expertise_acts", expertise_store.kept(ws, "expertise_acts"))
    named = statements.insured(ws.register("reg_insured"), on).filter(pl.col("smo").is_in(list(insurers)))
    return statement_pages.Disclosure(
        on, closed, insurers, named, statements.clinics(cases, hospitals).filter(pl.col("smo").is_in(list(insurers))),
        statements.violations(acts, sample, on, closed), terms,
        doubts.lines([*closing.parameters_of(ws, map(str, closed)), *(held.asked or ())], lang, held),
    )  # fmt: skip


def write(ws: Workspace, folder: Path, on: date, as_of: date, lang: str, law: Parameters | None = None) -> list[Path]:
    """Writes statements.html, statements.xlsx and, for a fund, disclosure.html, disclosure.xlsx into a folder; returns them."""
    made = gather(ws, on, as_of, lang, law)
    papers = {
        "statements.html": statement_pages.page(made, lang).encode(), "statements.xlsx": statement_pages.workbook(made, lang),
    }  # fmt: skip
    if ws.meta("role") == "fund":
        shown = disclose(ws, on, lang)
        papers["disclosure.html"] = statement_pages.disclosure_page(shown, lang).encode()
        papers["disclosure.xlsx"] = statement_pages.disclosure_workbook(shown, lang)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, data in papers.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in papers]
