"""Do the samples of old editions say what formats.md 12.0 says is wrong with them, and is nothing taken from them?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims import contract
from omsclaims.law import federal_parameters
from omsclaims.registry import reader
from omsclaims.settlement.between import checking, place, reading

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "samples"


def sample(name: str, stem: str) -> reader.PackageRead:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"../shared is not here: {name}")
    return reader.read_package(path.read_bytes(), name=f"{stem}.xml")


def told(read: reader.PackageRead) -> reading.FileRead:
    name = read.interterritorial
    assert name is not None and read.format is not None
    return reading.file_read(read.name, name.kind, name.sender, name.receiver, read.format.id, read.tables)


def kinds(found: pl.DataFrame) -> set[tuple[str, str | None]]:
    return set(found.select("rule", "element").iter_rows())


def test_an_answer_of_2011_is_read_and_refused() -> None:
    """A_2.1.xml: an element that its edition lacks, a month that is not its edition's, sums that do not add up, S_IST 1."""
    read = sample("A_2.1.xml", "A0121110001")
    file = told(read)
    structure = set(read.findings["rule"])
    assert "S.809" in structure  # version 2.1 with a period of 2011
    assert any("ENP" in str(one) for one in read.findings["element"].to_list())
    found = checking.self_checks(file)
    assert {
        ("TB.8", "SCHET/SUMMAV"), ("TB.4", "ZAP/SLUCH/SANK_IT"), ("TB.4", "ZAP/SLUCH/OPLATA"), ("TB.7", "ZAP/SLUCH/SANK/S_IST"),
        ("TB.8", "SCHET/SANK_MEK"), ("TB.8", "SCHET/SANK_MEE"), ("TB.8", "SCHET/SANK_EKMP"),
    } <= kinds(found)  # fmt: skip
    files, items = contract.TABLES["between_files"].empty(), contract.TABLES["between_items"].empty()
    okato = {"01": file.okato_oms or "", "21": "97000"}
    taken = place.take_answer(file, files, items, "21", okato, date(2011, 10, 1), federal_parameters())
    assert taken.refused and taken.events.is_empty() and taken.items.is_empty()
    assert "TB.1" in set(taken.findings["rule"])


def test_a_bill_of_2011_is_read_with_what_is_wrong_with_it() -> None:
    """R_1.0.xml: SUMMAV 377.20 where the cases sum to 492.94, refusals that take nothing, ground 0."""
    file = told(sample("R_1.0.xml", "R2101110001"))
    found = checking.self_checks(file)
    assert ("TB.8", "SCHET/SUMMAV") in kinds(found)
    header = found.filter(pl.col("element") == "SCHET/SUMMAV").row(0, named=True)
    assert header["value"] == "37720" and "492" in header["params"]
    assert {("TB.4", "ZAP/SLUCH/SUMP"), ("TB.4", "ZAP/SLUCH/OPLATA"), ("TB.7", "ZAP/SLUCH/REFREASON")} <= kinds(found)
    assert {("TB.8", "SCHET/SANK_MEK"), ("TB.8", "SCHET/SANK_MEE"), ("TB.8", "SCHET/SANK_EKMP")} & kinds(found)
