"""What is presented to which territory, under which number, by when? (law.md 11)"""

from __future__ import annotations

from datetime import date

import polars as pl

from omsclaims import findings
from omsclaims.law import federal_parameters
from omsclaims.periods import Month
from omsclaims.settlement import decide
from omsclaims.settlement.territories import Terms, terms, territory_bills
from tests.settlement import settlement_samples as samples


def month_tables() -> dict[str, pl.DataFrame]:
    cases = samples.rows("cases", *(samples.case(key, sumv=key * 100) for key in range(1, 6)))
    who = [
        ("other", "38", "25000"),
        ("other", "38", "25000"),
        ("other", "03", "81000"),
        ("own", "75", "76000"),
        ("other", "28", "10000"),
    ]
    identified = samples.rows(
        "identified",
        *(
            {"case_key": key, "status": status, "territory": code, "okato": okato}
            for key, (status, code, okato) in enumerate(who, 1)
        ),
    )
    refusals = findings.frame([samples.found("C076", "1.4.4", 2), samples.found("C076", "1.4.4", 5)])
    decisions = decide(refusals, {"cases": cases}, samples.context(), "registry", None)
    return {"cases": cases, "identified": identified, "decisions": decisions}


def test_one_bill_a_territory_of_what_was_accepted() -> None:
    bills = territory_bills(month_tables(), samples.context())
    # Territory 28 has nothing accepted: no bill, no number.
    assert bills.rows() == [
        ("03", "81000", "R7503220001", "03-2203-0001", 1, 300, 0, 300),
        ("38", "25000", "R7538220002", "38-2203-0002", 1, 300, 200, 100),
    ]


def test_cases_of_nothing_are_not_counted_as_presented() -> None:
    """Care inside the per-capita money is accepted with 0 roubles; the file R holds what is asked for."""
    tables = month_tables()
    free = pl.when(pl.col("case_key") == 1).then(0)
    tables["decisions"] = tables["decisions"].with_columns(
        free.otherwise(pl.col(name)).alias(name) for name in ("sumv_kop", "sump_kop")
    )
    bills = territory_bills(tables, samples.context())
    assert bills.select("territory", "cases").rows() == [("03", 1)]


def test_numbers_go_on_within_the_year() -> None:
    before = pl.concat(
        [territory_bills(month_tables(), samples.context("2022-02")), territory_bills(month_tables(), samples.context("2021-12"))]
    )
    tables = {**month_tables(), "territory_bills_before": before}
    assert territory_bills(tables, samples.context())["file_name"].to_list() == ["R7503220003", "R7538220004"]
    assert territory_bills(tables, samples.context("2023-01"))["file_name"].to_list() == ["R7503230001", "R7538230002"]


def test_terms_of_march_2022() -> None:
    # The clinic bills on 14 April (10th working day). 25 working days: 15, 18-22, 25-29 April (11), 4-6, 11-13, 16-20 (22), 23-25 May.
    # Then 26 May to 30 June without 13 June (12 June falls on a Sunday): 25; to 4 August: 25; 10 more.
    assert terms(Month(2022, 3), federal_parameters(), date(2022, 4, 14)) == Terms(
        clinic_bill=date(2022, 4, 14), bill=date(2022, 5, 25), answer=date(2022, 6, 30), corrected=date(2022, 8, 4), final=date(2022, 8, 18),
    )  # fmt: skip
