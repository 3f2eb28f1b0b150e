"""What does a ФАП get for a year and a month? `year = norm x KD x KS`, month = 1/12 of the unrounded year (law.md 7.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Final

import polars as pl

from omsclaims.findings import Finding
from omsclaims.law import Parameters
from omsclaims.law.agreement import Agreement
from omsclaims.law.rules import FapBand, capitation_rules
from omsclaims.money import KOPECKS_PER_ROUBLE, round_fraction

_UNIT: Final = 10**5
_MONTHS: Final = 12
#: One row a ФАП; norm4 in 0.0001 rouble a year, kd5 and ks5 in 0.00001; sums null where no norm is known.
SCHEMA: Final[dict[str, pl.DataType]] = {
    "fap": pl.String(), "name": pl.String(), "mo": pl.String(), "band": pl.String(), "residents": pl.Int64(),
    "meets_requirements": pl.Boolean(), "norm4": pl.Int64(), "kd5": pl.Int64(), "ks5": pl.Int64(), "year_kop": pl.Int64(),
    "month_kop": pl.Int64(), "sources": pl.String(),
}  # fmt: skip


@dataclass(frozen=True)
class FapSums:
    """Rows of `SCHEMA` sorted by fap, and finding T.38 for each without a norm."""

    rows: pl.DataFrame
    findings: list[Finding]


def month_of(norm: Fraction, kd: Fraction, ks: Fraction) -> int:
    """Kopecks of a month: norm in roubles a year; the year is not rounded before it is divided."""
    return round_fraction(norm * kd * ks * KOPECKS_PER_ROUBLE / _MONTHS)


def year_of(norm: Fraction, kd: Fraction, ks: Fraction) -> int:
    """Kopecks of a year: norm in roubles a year."""
    return round_fraction(norm * kd * ks * KOPECKS_PER_ROUBLE)


def fap_sums(agreement: Agreement, law: Parameters, on: date) -> FapSums:
    """Sums of the ФАП in force on a day, by the norm of the agreement, else the federal one of its band.

    findings  T.38 no norm for its band or number of residents, or the two contradict each other
    """
    bands = _bands(agreement, law, on)
    rows: list[dict[str, Any]] = []
    found = []
    for row in _on(agreement, "fap", on).sort("fap").iter_rows(named=True):
        norm, source = _norm(row, bands)
        made = {name: row[name] for name in ("fap", "name", "mo", "residents", "meets_requirements", "kd5", "ks5")}
        band = row["band"] if norm is None else norm.band
        made |= {"band": band, "norm4": None, "year_kop": None, "month_kop": None, "sources": row["source"]}
        if norm is None:
            size = row["band"] if row["residents"] is None else f"{row['band'] or '-'} / {row['residents']}"
            found.append(Finding("T.38", value=row["fap"], params={"fap": row["fap"], "size": size, "place": row["source"]}))
        else:
            kd, ks = Fraction(row["kd5"], _UNIT), Fraction(row["ks5"], _UNIT)
            made |= {"norm4": int(norm.norm * 10**4), "sources": f"{row['source']};{source}"}
            made |= {"year_kop": year_of(norm.norm, kd, ks), "month_kop": month_of(norm.norm, kd, ks)}
        rows.append(made)
    return FapSums(pl.DataFrame(rows, schema=SCHEMA, orient="row"), found)


def _bands(agreement: Agreement, law: Parameters, on: date) -> list[tuple[FapBand, str]]:
    """Norms in force with their sources: those of the agreement, and after them the federal ones."""
    own = [
        (FapBand(row["band"], row["residents_from"], row["residents_to"], Fraction(row["norm4"], 10**4)), str(row["source"]))
        for row in _on(agreement, "fap_norms", on).iter_rows(named=True)
    ]
    rules = capitation_rules(law, on)
    return own + [(band, rules.used["fap_norms"].source) for band in rules.fap_norms]


def _norm(row: dict[str, Any], bands: list[tuple[FapBand, str]]) -> tuple[FapBand | None, str]:
    """The first norm that fits both the band and the residents, as far as they are given."""
    for band, source in bands:
        fits = row["band"] in (None, band.band)
        if row["residents"] is not None:
            upper = band.residents_to is None or row["residents"] <= band.residents_to
            fits = fits and band.residents_from <= row["residents"] and upper
        if fits:
            return band, source
    return None, ""


def _on(agreement: Agreement, name: str, on: date) -> pl.DataFrame:
    return agreement.table(name).filter((pl.col("valid_from") <= on) & (pl.col("valid_to") >= on))
