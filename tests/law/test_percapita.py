"""Are contradictions in the tables of per-capita money named with file and line, and does the partition of a date hold everybody?"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims.law import ParameterError, federal_parameters
from omsclaims.law.agreement import AgreementError, load_agreement, partition_on

AGREEMENTS = Path(__file__).resolve().parents[2] / "fixtures" / "agreements"
OWN = "code,sex,age_from,age_to\nchild,mf,0,17\nman,m,18,64\nwoman,f,18,\nold,m,65,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the made-up agreement, to be spoilt."""
    return Path(shutil.copytree(AGREEMENTS / "small", tmp_path / "small"))


def problems(folder: Path) -> list[tuple[str, int, str, str]]:
    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)
    for problem in caught.value.problems:  # every problem has a text in both languages
        for lang in ("ru", "en"):
            assert problem.text(lang).startswith(f"{problem.file}:{problem.line}: ")
    return [(problem.file, problem.line, problem.column, problem.code) for problem in caught.value.problems]


def put(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_values_of_per_capita_money_are_scaled(folder: Path) -> None:
    found = load_agreement(folder)
    money = found.table("capitation").filter(pl.col("kind") == "outpatient").row(0, named=True)
    assert (money["base4"], money["money2"], money["performance_share5"]) == (1_205_000, 100_000_000, 5_000)
    assert (money["attached_on"], money["coefficient_digits"]) == ("month", None)
    assert found.table("relative_coefficients").filter(pl.col("group").is_in(["m0", "f0"]))["coefficient5"].to_list() == [
        1_079_260,
        1_029_500,
    ]
    assert found.table("clinic_capitation")["kdpv5"].to_list() == [98_071, None, None, None]
    assert found.table("fap").select("fap", "kd5", "ks5", "band").rows() == [
        ("F1", 120_000, 90_000, "100-899"),
        ("F2", 100_000, 100_000, None),
    ]
    assert found.head.norms.floor_for("clinics") and not found.head.norms.floor_for("insurers")


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("relative_coefficients.csv", "10.2950", "100.5", ("relative_coefficients.csv", 2, "coefficient", "too_large")),
        ("relative_coefficients.csv", "10.2950", "10.2950001", ("relative_coefficients.csv", 2, "coefficient", "too_many_decimals")),
        ("relative_coefficients.csv", ",f0", ",m0", ("relative_coefficients.csv", 3, "kind, group", "two_rows")),
        ("clinic_capitation.csv", "\n750002", "\n750001", ("clinic_capitation.csv", 4, "mo, kind", "two_rows")),
        ("clinic_capitation.csv", "\n750002", "\n75-2", ("clinic_capitation.csv", 4, "mo", "not_a_clinic")),
        ("clinic_capitation.csv", "0.98732,1.03", ",1.03", ("clinic_capitation.csv", 4, "kdur", "missing")),
        ("capitation_parts.csv", "0.6", "0.60001", ("capitation_parts.csv", 4, "share", "shares_above_one")),
        ("performance.csv", "61.5", "100.01", ("performance.csv", 2, "points", "range")),
        ("fap.csv", "100-899", "many", ("fap.csv", 2, "band", "not_a_band")),
        ("fap.csv", "950", "", ("fap.csv", 3, "band", "missing")),
        ("agreement.yaml", "money: 1000000", "money: 1000000.005", ("agreement.yaml", 36, "money", "too_many_decimals")),
        ("agreement.yaml", "base: 120.5, money: 1000000, ", "", ("agreement.yaml", 36, "money", "missing")),
        ("agreement.yaml", "kdpv: attached", "kdpv: table", ("clinic_capitation.csv", 3, "kdpv", "missing")),
        ("clinic_capitation.csv", "750001,ambulance", "750004,outpatient", ("clinic_capitation.csv", 1, "", "no_rows")),
        ("agreement.yaml", "partition: partition", "partition: own", ("partition.csv", 1, "", "no_file")),
    ],
)  # fmt: skip
def test_what_is_missing_or_contradicts_is_named(
    folder: Path, file: str, old: str, new: str, expected: tuple[str, int, str, str]
) -> None:
    load_agreement(folder)
    put(folder / file, old, new)
    assert expected in problems(folder)


@pytest.mark.parametrize("name", ["clinic_capitation", "relative_coefficients", "performance", "ambulance_areas"])
def test_a_table_that_per_capita_money_needs_is_named_when_it_is_not_there(folder: Path, name: str) -> None:
    (folder / f"{name}.csv").unlink()
    assert (f"{name}.csv", 1, "", "no_file") in problems(folder)


def test_the_partition_of_the_territory(folder: Path) -> None:
    put(folder / "agreement.yaml", "partition: partition", "partition: own")
    (folder / "partition.csv").write_text(OWN, encoding="utf-8")
    partition, source = partition_on(load_agreement(folder), federal_parameters(), date(2022, 5, 1))
    assert source == "partition.csv"
    assert [partition.group_of(sex, age) for sex, age in [(1, 17), (2, 0), (1, 18), (1, 64), (1, 65), (2, 99)]] == [
        "child", "child", "man", "man", "old", "woman",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("man,m,18,64", "man,m,18,63", ("partition.csv", 5, "age_from", "partition_gap")),
        ("man,m,18,64", "man,m,17,64", ("partition.csv", 3, "sex", "two_rows")),
        ("old,m", "man,m", ("partition.csv", 5, "code", "two_rows")),
    ],
)
def test_a_partition_that_loses_or_doubles_people_is_named(
    folder: Path, old: str, new: str, expected: tuple[str, int, str, str]
) -> None:
    put(folder / "agreement.yaml", "partition: partition", "partition: own")
    (folder / "partition.csv").write_text(OWN.replace(old, new), encoding="utf-8")
    assert expected in problems(folder)


def test_a_partition_may_change_within_the_year_but_not_have_a_gap(folder: Path) -> None:
    put(folder / "agreement.yaml", "partition: partition", "partition: own")
    first = "code,sex,age_from,age_to,valid_from,valid_to\nall,mf,0,,,2022-06-30\n"
    second = "young,mf,0,64,2022-07-01,\nold,mf,65,,2022-07-01,\n"
    (folder / "partition.csv").write_text(first + second, encoding="utf-8")
    found = load_agreement(folder)
    for day, codes in ((date(2022, 6, 30), ["all", "all"]), (date(2022, 7, 1), ["young", "old"])):
        partition, _ = partition_on(found, federal_parameters(), day)
        assert [partition.group_of(2, age) for age in (64, 65)] == codes
    with pytest.raises(ParameterError):
        partition_on(found, federal_parameters(), date(2023, 1, 1))
    (folder / "partition.csv").write_text(first + second.replace("old,mf,65", "old,mf,66"), encoding="utf-8")
    assert ("partition.csv", 4, "age_from", "partition_gap") in problems(folder)


def test_the_federal_partition_is_named_with_its_edition() -> None:
    agreement = load_agreement(AGREEMENTS / "s1_kalmykia")
    partition, source = partition_on(agreement, federal_parameters(), date(2025, 3, 1))
    assert source == "law:financing.partition@2020-01-01"
    assert partition.group_of(2, 65) == "f65"
    assert agreement.table("partition").schema["age_to"] == pl.Int64
