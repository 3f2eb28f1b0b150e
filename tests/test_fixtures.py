"""Do the small packages that come with the project read, check and write as their README says?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from omsclaims import intake
from omsclaims.nsi import built_in_books
from omsclaims.registry import reader, writer

PACKAGES = Path(__file__).resolve().parents[1] / "fixtures" / "packages"
CLEAN = {
    "HM750911T75_220201": "H_3.2", "HM750908T75_220201": "H_3.1", "TM750913T75_220201": "T_3.1", "CM750915T75_220201": "C_3.1",
    "DPM750901T75_220201": "X_3.1_2021-08",
}  # fmt: skip
DAY = date(2022, 4, 12)


def test_every_package_is_named_here() -> None:
    assert {path.stem for path in PACKAGES.glob("*.zip")} == {*CLEAN, "HM750903T75_220301", "HM750901T75_220302"}


@pytest.mark.parametrize(("name", "edition"), CLEAN.items())
def test_clean_packages_have_no_findings(name: str, edition: str) -> None:
    read, found, refused, _ = intake.check_package(PACKAGES / f"{name}.zip", built_in_books(), DAY)
    assert (read.format_ids, found.height, refused) == ((edition, "L_3.2"), 0, False)
    assert read.tables["z_sl"].height > 0


def test_findings_and_refusal() -> None:
    _, found, refused, _ = intake.check_package(PACKAGES / "HM750903T75_220301.zip", built_in_books(), DAY)
    assert set(found["rule"]) == {"C038", "C061", "C062", "C066", "C067", "C091", "C198"} and not refused
    _, found, refused, _ = intake.check_package(PACKAGES / "HM750901T75_220302.zip", built_in_books(), DAY)
    assert found["rule"].to_list() == ["S.916"] and refused


@pytest.mark.parametrize("name", CLEAN)
def test_written_back_they_are_the_same(name: str, tmp_path: Path) -> None:
    read = reader.read_package(PACKAGES / f"{name}.zip")
    assert read.format is not None and read.person_format is not None
    target = tmp_path / f"{name}.zip"
    writer.write_package(target, read.tables, read.format, read.tables, read.person_format)
    again = reader.read_package(target)
    assert again.findings.height == 0
    for table, rows in read.tables.items():
        assert rows.drop("_line", "_offset", strict=False).equals(again.tables[table].drop("_line", "_offset", strict=False)), (
            table
        )
