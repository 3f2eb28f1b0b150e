"""What does the place fund present, take as answered, correct and lose? (Rules 138-145)"""

from __future__ import annotations

import polars as pl
import pytest

from omsclaims.settlement.between import place
from omsclaims.settlement.territories import territory_bills
from tests.settlement import settlement_samples as samples
from tests.settlement.test_territories import month_tables


def test_every_presented_case_has_its_number_in_its_bill() -> None:
    tables = month_tables()
    tables["territory_bills"] = territory_bills(tables, samples.context())
    rows = place.items(tables, samples.context())
    # Case 2 was refused (territory 38), 4 is insured here, 5 (territory 28) was refused: 03 has case 3, 38 has case 1.
    assert rows.select("territory", "file_name", "nschet", "n_zap", "idcase", "case_key", "presented_kop").rows() == [
        ("03", "R7503220001", "03-2203-0001", 1, 1, 3, 300),
        ("38", "R7538220002", "38-2203-0002", 1, 1, 1, 100),
    ]
    assert rows["sumv_kop"].to_list() == [300, 100]


def test_the_order_of_cases_does_not_show_in_the_numbers() -> None:
    tables = month_tables()
    accepted = {"sump_kop": pl.col("sumv_kop"), "sank_it_kop": pl.lit(0, dtype=pl.Int64), "oplata": pl.lit(1, dtype=pl.Int64)}
    tables["decisions"] = tables["decisions"].with_columns(**accepted)
    tables["territory_bills"] = territory_bills(tables, samples.context())
    rows = place.items(tables, samples.context())
    assert rows.filter(pl.col("territory") == "38").select("n_zap", "case_key").rows() == [(1, 1), (2, 2)]
    backwards = {name: table.reverse() for name, table in tables.items()}
    assert place.items(backwards, samples.context()).equals(rows)


def test_items_that_are_not_the_bill_break_an_invariant() -> None:
    tables = month_tables()
    bills = territory_bills(tables, samples.context())
    tables["territory_bills"] = bills.with_columns(amount_kop=pl.col("amount_kop") + 1)
    with pytest.raises(AssertionError, match="differ from the bill"):
        place.items(tables, samples.context())
