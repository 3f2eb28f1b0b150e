"""What does another territory send? A bill for people insured here, of which one case costs nothing (Q015 003F.00.0070).

A month is made of the bills of clinics: such a file is checked and goes back to its sender whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from omsclaims.registry.formats import find_format
from omsclaims.registry.names import build_interterritorial
from omsclaims.registry.writer import write_package
from omsclaims.synthetic import catalogue
from omsclaims.synthetic.files import BadPackage, MonthFiles, cut_package, edition_of

_SENDER: Final = "03"
_MONEY: Final = ("sumv", "sum_m", "tarif", "sumv_usl")
_NAMES: Final = ("fam", "im", "ot", "w", "dr")


def write_bill(folder: Path, files: MonthFiles) -> list[BadPackage]:
    """The bill of another territory: two visits of a clean package as if they had been made there, the second of no money.

    Returns what must be found; nothing where there are no two such visits.
    """
    month = str(files.plan.month)
    name = build_interterritorial("R", _SENDER, catalogue.TERRITORY, files.plan.month.year, 1)
    visits = (pl.col("kind") == "visit") & (pl.col("vpolis") == 3) & pl.col("smo").is_in(list(catalogue.INSURERS))
    visits &= (pl.col("novor") == "0") & ~pl.col("case").is_in(sorted(files.planted))
    # The file has a place for the single number (ENP), as the newest edition of clinics has.
    alike = [one for one in sorted(files.main) if "ZAP/PACIENT/ENP" in edition_of(one, month).by_path]
    donor = next((one for one in alike if files.main[one]["z_sl"].filter(visits).height > 1), None)
    if donor is None:
        return []
    cases = files.main[donor]["z_sl"].filter(visits).head(2)
    tables, persons = cut_package(files, donor, donor, cases)
    last = cases.row(1, named=True)
    tables["patient"] = tables["patient"].join(
        persons["person"].select("id_pac", *_NAMES), on="id_pac", how="left", maintain_order="left"
    )
    tables["z_sl"] = _free(tables["z_sl"].with_columns(lpu=pl.lit(catalogue.CLINIC_ELSEWHERE)), "_row", [last["_row"]])
    tables["sl"] = _free(tables["sl"].with_columns(ds_onk=pl.lit(0)), "_parent", [last["_row"]])
    of_last = tables["sl"].filter(pl.col("_parent") == last["_row"])["_row"].to_list()
    named = tables["usl"].with_columns(usl=pl.lit("приём врача"), lpu=pl.lit(catalogue.CLINIC_ELSEWHERE))
    tables["usl"] = _free(named, "_parent", of_last)
    total = int(tables["z_sl"]["sumv"].sum())
    tables["file"] = tables["file"].with_columns(
        c_okato1=pl.lit(catalogue.OTHERS[_SENDER][0]), okato_oms=pl.lit(catalogue.OKATO), version=pl.lit("3.2"),
        summav=pl.lit(total), summap=pl.lit(total),
    )  # fmt: skip
    write_package(folder / name.archive, tables, find_format("R", "3.2", month).format)
    note, number = "a bill of another territory", (last["n_zap"], last["idcase"])
    return [
        BadPackage(name.stem, month, "W.5", "1.4.1", "", note),
        BadPackage(name.stem, month, "C097", "1.4.5", "ZAP/Z_SL/SUMV", f"{note}: a case of no money", *number),
    ]  # fmt: skip


def _free(table: pl.DataFrame, key: str, rows: list[int]) -> pl.DataFrame:
    """Rows that cost nothing."""
    money = [name for name in _MONEY if name in table.columns]
    return table.with_columns(pl.when(pl.col(key).is_in(rows)).then(0).otherwise(pl.col(name)).alias(name) for name in money)
