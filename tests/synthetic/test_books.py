"""Do the made-up territory's books load, and are their codes and links real?"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims.checks import regional
from omsclaims.nsi import Book, book_from_rows
from omsclaims.synthetic import catalogue
from tests.synthetic.synthetic_made import Made

SHARED = Path(__file__).parents[3] / "shared" / "nsi" / "codes"
DAY = "20220315"


@pytest.fixture(scope="module")
def books(made: Made) -> dict[str, Book]:
    return {
        path.stem: book_from_rows(path.stem, "made-up", pl.read_csv(path, infer_schema=False))
        for path in (made.folder / "books").glob("*.csv")
    }


def _official(name: str) -> list[dict[str, str]]:
    if not SHARED.is_dir():
        pytest.skip("../shared is not here: no official books to compare with")
    with (SHARED / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _in_force(row: dict[str, str]) -> bool:
    return row["DATEBEG"] <= DAY and (not row["DATEEND"] or row["DATEEND"] >= DAY)


def test_books_hold_a_code_once(books: dict[str, Book]) -> None:
    of_region = {name for name in books if name.startswith("R")}
    oncology = {"N002", "N003", "N004", "N005", "N007", "N008", "N009", "N010", "N011", "N012", "N020", "N021", "V024"}
    assert set(books) - of_region >= {"M001", "V018", "V019", "V020", "V021", "F002", "F003"} | oncology
    assert of_region <= set(regional.layouts())
    groupers = {"KSG.ST.GROUPER", "KSG.DS.GROUPER"}  # a group has many rows
    assert groupers | {"KSG.ST.GROUPS", "KSG.DS.GROUPS"} <= set(books)
    for name in set(books) - of_region - groupers:
        assert books[name].on(date(2022, 3, 15))["code"].is_duplicated().sum() == 0, name
    for book in books.values():
        assert book.rows.filter(pl.col("meaning_ru").is_null() | pl.col("meaning_en").is_null()).height == 0


def test_every_code_that_is_billed_stands_in_the_books(made: Made, books: dict[str, Book]) -> None:
    for package in made.packages:
        sl, usl = made.clean(package, "sl"), made.clean(package, "usl")
        billed = {
            "M001": pl.concat([sl["ds1"], usl["ds"]]), "V020": sl["profil_k"], "V021": pl.concat([sl["prvs"], usl["prvs"]]),
            "V019": sl["metod_hmp"], "V018": sl["vid_hmp"], "F003": made.clean(package, "z_sl")["lpu"],
            "F002": made.clean(package, "patient")["smo"],
        }  # fmt: skip
        for name, codes in billed.items():
            asked = set(codes.drop_nulls().cast(pl.String).to_list())
            assert asked <= set(books[name].rows["code"].to_list()), (package, name)


def test_diagnoses_are_real() -> None:
    real = {row["IDDS"] for row in _official("M001.csv")}
    # COVID-19 was added to the classification after the copy at hand was made.
    assert set(catalogue.diagnoses()) - real <= {"U07", "U07.1", "U07.2"}
    assert 400 < len(catalogue.diagnoses()) < 1_000


def test_weights_are_those_of_2022() -> None:
    weights = {row["K_KSG"]: row["KOEF_Z"] for row in _official("V023.csv") if _in_force(row)}
    assert len(catalogue.KSG) >= 60
    for code, group in catalogue.KSG.items():
        assert weights[code] == group.weight, code


def test_codes_of_oncology_are_those_of_the_books() -> None:
    for number, (name, what) in enumerate((("N002", "St"), ("N003", "T"), ("N004", "N"), ("N005", "M"))):
        official = {(row[f"ID_{what}"], row[f"DS_{what}"]) for row in _official(f"{name}.csv")}
        for category, codes in catalogue.STAGES.items():
            assert (str(codes[number]), category) in official, (name, category)
    of_diagnosis = {(row["DS_Mrf"], row["ID_Mrf"]) for row in _official("N009.csv")}
    assert {(category, str(code)) for category, code in catalogue.HISTOLOGY} <= of_diagnosis
    results = {(row["ID_R_M"], row["ID_Mrf"]) for row in _official("N008.csv")}
    assert {(str(result), str(code)) for result, code in catalogue.HISTOLOGY_RESULTS} <= results
    markers = {(row["DS_Igh"], row["ID_Igh"]) for row in _official("N012.csv")}
    assert {(category, str(code)) for category, code in catalogue.MARKERS} <= markers
    found = {(row["ID_R_I"], row["ID_Igh"]) for row in _official("N011.csv")}
    assert {(str(result), str(code)) for result, code in catalogue.MARKER_RESULTS} <= found
    criteria = {row["IDDKK"] for row in _official("V024.csv") if _in_force(row)}
    assert {*catalogue.CRITERIA.values(), catalogue.DRUG[0], catalogue.OTHER_SCHEME} <= criteria


def test_methods_kinds_and_diagnoses_agree_as_in_the_books() -> None:
    kinds = {row["IDHVID"] for row in _official("V018.csv") if _in_force(row)}
    methods: dict[str, list[dict[str, str]]] = {}
    for row in _official("V019.csv"):
        if _in_force(row):
            methods.setdefault(row["IDHM"], []).append(row)
    for number, vmp in catalogue.VMP.items():
        (row,) = methods[str(number)]
        assert vmp.kind == row["HVID"] and vmp.kind in kinds
        assert set(vmp.diagnoses.split(";")) == {code.strip() for code in row["DIAG"].split(";")}
    for template in catalogue.METHODS:
        assert set(template.diagnoses) <= set(catalogue.VMP[int(template.code)].diagnoses.split(";"))


def test_insurers_do_not_exist() -> None:
    real = {row["smocod"] for row in _official("F002.csv")}
    assert not real & {*catalogue.INSURERS, *(code for _, code in catalogue.OTHERS.values())}


def test_profiles_and_tnm_codes_are_real() -> None:
    profiles = {row["IDPR"] for row in _official("V002.csv")}
    assert {str(template.profil) for template in catalogue.ALL_TEMPLATES} <= profiles
    for number, name, key in ((0, "N002", "St"), (1, "N003", "T"), (2, "N004", "N"), (3, "N005", "M")):
        of_category = {(row[f"ID_{key}"], row[f"DS_{key}"]) for row in _official(f"{name}.csv")}
        for category, codes in catalogue.STAGES.items():
            assert {(str(codes[number]), category), (str(codes[number]), "")} & of_category, (name, category)
