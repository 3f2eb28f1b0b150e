"""Which groups can a case have? Those of which some row of the workbook applies to it (law.md 8.1; checks.md 3.2, step 1)."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from omsclaims.tariffs.grouper.book import Grouper
from omsclaims.tariffs.grouper.cases import encode
from omsclaims.tariffs.grouper.kernel import match
from omsclaims.tariffs.grouper.rules import listed

#: Columns of the candidates.
SCHEMA: Final[dict[str, pl.DataType]] = {
    "sl_key": pl.Int64(),  # the case
    "ksg": pl.String(),  # a group that it can have
    "number": pl.Int64(),  # № of the first row of the workbook that applies
    "norm_days": pl.Int64(),  # norm of the stay that the criterion of this row states, for the groups that have one
    "marks": pl.Int64(),  # bits of the rules of the choice whose demands on the row are met by the rows that apply
    "case": pl.Int32(),  # place of the case in the frame that was asked
    "group": pl.Int32(),  # place of the group in the grouper
}
#: Candidates that the first attempt has room for, per case; a case has three on the average.
_ROOM: Final = 6
#: Cases that one attempt has room for: memory does not grow with the month.
_BLOCK: Final = 250_000


def candidates(cases: pl.DataFrame, grouper: Grouper) -> pl.DataFrame:
    """All groups (SCHEMA) of the cases (cases.CASES) by one grouper, in order of the cases and, within one, of the groups.

    A case that no row applies to has no row here. Cases of another kind of payment must not be asked.
    """
    encoded = encode(cases, grouper)
    groups = len(grouper.groups)
    parts: list[np.ndarray[tuple[int, ...], np.dtype[np.int64]]] = []
    at, total = 0, cases.height
    while at < total:
        out = np.empty((min(total - at, _BLOCK) * _ROOM + groups, 4), dtype=np.int64)
        at, filled = match(at, encoded, grouper.arrays, groups, out)
        parts.append(out[:filled].copy())
    found = np.concatenate(parts) if parts else np.empty((0, 4), dtype=np.int64)
    rows = pl.DataFrame(
        {"case": found[:, 0], "group": found[:, 1], "number": found[:, 2], "marks": found[:, 3]},
        schema={"case": pl.Int64(), "group": pl.Int64(), "number": pl.Int64(), "marks": pl.Int64()},
    )
    names = pl.Series("ksg", grouper.groups, dtype=pl.String)
    normed = rows.with_columns(
        sl_key=cases["sl_key"].gather(rows["case"]), ksg=names.gather(rows["group"]), norm_days=_norm_days(rows, grouper)
    )
    return normed.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _norm_days(rows: pl.DataFrame, grouper: Grouper) -> pl.Series:
    """Days that the criterion of the row states after its last d, for the groups that have a norm; else null (law.md 8.5)."""
    normed = [place for place, name in enumerate(grouper.groups) if listed(name, grouper.rules.norm_days.groups)]
    by_number = grouper.rows.select("number", days=pl.col("criterion").str.extract(r"d(\d+)$").cast(pl.Int64)).drop_nulls()
    asked = rows.select("number", pl.col("group").is_in(normed).alias("normed"))
    if not asked["normed"].any():
        return pl.Series("norm_days", [None], dtype=pl.Int64).new_from_index(0, rows.height)
    found = asked.join(by_number, on="number", how="left", maintain_order="left")
    return found.select(pl.when("normed").then("days"))["days"]
