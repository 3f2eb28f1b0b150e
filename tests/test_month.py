"""What does the conductor hand on? (Stages are tested in their rooms, the whole month in test_end_to_end.)"""

from __future__ import annotations

import polars as pl

from omsclaims import month
from tests.conftest import Closed


def test_the_birth_date_in_novor_is_not_handed_on() -> None:
    """NOVOR is sex, birth date and number of a child: what leaves the people part says only whether there is one."""
    given = pl.DataFrame({"novor": ["0", "21503221", "junk", None]})
    assert given.select(month._newborn())["literal"].to_list() == ["0", "1", "1", "1"]


def test_results_of_a_month_hold_no_birth_dates(closed: Closed) -> None:
    for done in closed.closings.values():
        for name in ("cases_view", "history_rows"):
            assert set(done.tables[name]["novor"]) <= {"0", "1"}
        columns = {column for table in done.tables.values() for column in table.columns}
        assert not columns & {"fam", "im", "ot", "dr", "enp", "npolis", "spolis", "policy", "days_old"}
