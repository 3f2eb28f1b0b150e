"""Do both sides of an identity come from different columns, so that a difference shows?"""

from __future__ import annotations

import polars as pl

from omsclaims import messages
from omsclaims.settlement import identities
from omsclaims.settlement.identities import _IDENTITIES


def tables() -> dict[str, pl.DataFrame]:
    return {
        "cases": pl.DataFrame({"package": ["a", "a", "b"], "sumv": [100, 50, 30]}),
        "file": pl.DataFrame({"package": ["a", "b", "not of the month"], "summav": [150, 30, 999]}),
        "decisions": pl.DataFrame({"case_key": [1, 2, 3], "oplata": [1, 1, 2], "sumv_kop": [100, 50, 30], "sank_it_kop": [0, 0, 30], "sump_kop": [100, 50, 0]}),
        "sl": pl.DataFrame({"_row": [11, 12, 21, 31], "case_key": [1, 1, 2, 3], "sum_m": [60, 40, 50, 31]}),
        "usl": pl.DataFrame({"_parent": [21, 21, 31], "sumv_usl": [20, 30, 5]}),
        "priced_sl": pl.DataFrame({"sl_key": [11, 12, 21, 31], "case_key": [1, 1, 2, 3], "payment_kind": ["visit", "visit", "service", "service"]}),
    }  # fmt: skip


def test_sums_of_the_registries() -> None:
    assert [(one.name, one.left, one.right) for one in identities(tables())] == [
        ("sum_m_sumv", 150, 150), ("sumv_summav", 180, 180), ("sumv_usl_sum_m", 50, 50), ("billed_accepted_refused", 180, 180),
    ]  # fmt: skip


def test_a_difference_of_a_kopeck_shows() -> None:
    changed = tables()
    changed["sl"] = changed["sl"].with_columns(sum_m=pl.col("sum_m") + (pl.col("_row") == 21))
    off = {one.name for one in identities(changed) if not one.holds}
    assert off == {"sum_m_sumv", "sumv_usl_sum_m"}


def test_every_identity_has_a_text() -> None:
    keys = [key for key in messages.catalogue() if key.startswith("identity.")]
    assert {one.name for one in identities(tables())} <= {key.removeprefix("identity.") for key in keys}
    assert len(_IDENTITIES) == 12
    assert identities({}) == []
