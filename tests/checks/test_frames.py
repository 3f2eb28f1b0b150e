"""Is what is put beside one another what a join would give?"""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from omsclaims.checks.frames import View, beside

_KEYS = st.lists(st.integers(0, 12), max_size=12)


@given(asked=st.lists(st.one_of(st.none(), st.integers(0, 12)), max_size=14), known=_KEYS, ordered=st.booleans())
def test_beside_is_a_left_join(asked: list[int | None], known: list[int], ordered: bool) -> None:
    keys = list(dict.fromkeys(known))
    right = pl.DataFrame(
        {"key": sorted(keys) if ordered else keys, "what": [f"w{key}" for key in keys]},
        schema={"key": pl.Int64, "what": pl.String},
    )
    left = pl.DataFrame({"key": asked, "row": list(range(len(asked)))}, schema={"key": pl.Int64, "row": pl.Int64})
    for mine in (left, left.sort("key"), right.select("key", row=pl.int_range(pl.len()))):
        joined = mine.join(right, on="key", how="left", maintain_order="left")
        assert_frame_equal(beside(mine, right, "key"), joined)


def test_sums_of_sub_cases_do_not_depend_on_their_order() -> None:
    parents, amounts = [0, 0, 1, 3], [100, 250, 70, None]
    for order in ([0, 1, 2, 3], [3, 1, 2, 0]):
        sl = pl.DataFrame(
            {
                "_row": list(range(4)), "_parent": [parents[at] for at in order], "sum_m": [amounts[at] for at in order],
            },
            schema={"_row": pl.Int64, "_parent": pl.Int64, "sum_m": pl.Int64},
        )  # fmt: skip
        z_sl = View({}).table("z_sl").clear().select("_row", "_parent")
        cases = pl.DataFrame({"_row": [0, 1, 2, 3], "_parent": [0, 1, 2, 3]}, schema=z_sl.schema)
        view = View(
            {
                "sl": pl.concat([View({}).table("sl").clear(), sl], how="diagonal"),
                "z_sl": pl.concat([View({}).table("z_sl").clear(), cases], how="diagonal"),
            }
        )
        found = view.case.select("z_row", "sl_sum", "sl_sums_known").rows()
        assert found == [(0, 350, True), (1, 70, True), (2, None, None), (3, 0, False)]
