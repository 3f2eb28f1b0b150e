"""A built territory as the tests look at it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from omsclaims.registry.reader import PackageRead
from omsclaims.synthetic import territory

CASES = 3_000
#: Rules after which a package goes back whole.
WHOLE = ("S.8", "S.915", "S.916", "C084", "C085", "W.5")


@dataclass(frozen=True)
class Made:
    """A built territory: its folder, summary, planted rows, and its accepted packages as read."""

    folder: Path
    summary: territory.TerritorySummary
    planted: list[dict[str, str]]
    packages: dict[str, PackageRead]

    def planted_cases(self, package: str) -> set[int]:
        """N_ZAP of the cases that something was planted in (of both, where N_ZAP repeats)."""
        return {int(row["n_zap"]) for row in self.planted if row["package"] == package and row["n_zap"]}

    def clean(self, package: str, table: str) -> pl.DataFrame:
        """Rows of a table of a package that belong to clean cases, with n_zap."""
        tables = self.packages[package].tables
        zap = tables["zap"].select(pl.col("_row").alias("zap_row"), "n_zap")
        owner = tables["z_sl"].select(pl.col("_row").alias("z_row"), pl.col("_parent").alias("zap_row")).join(zap, on="zap_row")
        keep = owner.filter(~pl.col("n_zap").is_in(sorted(self.planted_cases(package))))
        if table == "z_sl":
            return tables["z_sl"].join(keep, left_on="_row", right_on="z_row")
        if table == "patient":
            return tables["patient"].join(keep, left_on="_parent", right_on="zap_row")
        sl = tables["sl"].join(keep, left_on="_parent", right_on="z_row")
        if table == "sl":
            return sl
        above = sl.select(pl.col("_row").alias("sl_row"), "n_zap")
        return tables[table].join(above, left_on="_parent", right_on="sl_row")
