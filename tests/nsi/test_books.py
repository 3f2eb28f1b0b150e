"""Built-in books: shape, dates that do not contradict, and codes, dates and coefficients equal to the published ones."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from omsclaims import nsi

SHARED = Path(__file__).resolve().parents[3] / "shared" / "nsi" / "codes"
NAMES = [
    "F005",
    "F006",
    "F008",
    "F010",
    "F011",
    "F012",
    "F014",
    "V002",
    "V005",
    "V006",
    "V008",
    "V009",
    "V010",
    "V012",
    "V014",
    "V017",
    "V025",
    "V027",
    "V028",
    "V029",
]


def test_the_built_in_books_are_these() -> None:
    assert sorted(nsi.built_in_books().by_name) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_no_code_stands_twice_on_a_day(name: str) -> None:
    book = nsi.built_in_books().require(name)
    assert book.complete
    assert book.rows["meaning_ru"].null_count() == 0
    assert book.rows["meaning_en"].null_count() == 0
    ordered = book.rows.sort("code", "valid_from").with_columns(
        before=pl.col("valid_to").fill_null(date(9999, 12, 31)).shift(1).over("code")
    )
    assert ordered.filter(pl.col("before") >= pl.col("valid_from")).is_empty()
    assert ordered.filter(pl.col("valid_to") < pl.col("valid_from")).is_empty()


def test_f014_before_and_after_order_231n() -> None:
    asked = pl.DataFrame(
        {
            "code": ["1.4.4", "5.1.4", "1.4.4", "5.1.4", "1.5", "1.5"],
            "day": [date(2021, 5, 25)] * 2 + [date(2021, 5, 24)] * 2 + [date(2022, 3, 31), date(2021, 1, 1)],
        }
    )
    book = nsi.built_in_books().require("F014")
    found = book.with_attributes(asked, "code", "day", {"kod": "kod", "k_no": "k_no", "k_sh": "k_sh"})
    assert found["kod"].to_list() == ["207", None, None, "53", "210", "9"]
    assert found["k_no"].to_list() == ["100000", None, None, None, "100000", None]
    assert found["k_sh"].to_list() == ["0", None, None, None, "0", None]


def test_every_refusal_of_mek_is_whole_and_without_fine() -> None:
    rows = nsi.built_in_books().require("F014").on(date(2022, 3, 31))
    mek = rows.filter(pl.col("code").str.contains(r"^1\.(4|5|6|7|8|9|10)(\.|$)"))
    assert mek.height == 23
    assert mek["k_no"].unique().to_list() == ["100000"]
    assert mek["k_sh"].unique().to_list() == ["0"]


def test_territory_75_has_its_okato() -> None:
    rows = nsi.built_in_books().require("F010").rows
    assert rows.filter(pl.col("code") == "75")["okato"].to_list() == ["76000"]


# ---- against the published books beside the project

KEYS = {
    "F005": "IDIDST", "F006": "IDVID", "F008": "IDDoc", "F011": "IDDoc", "F012": "Kod", "V002": "IDPR", "V005": "IDPOL",
    "V006": "IDUMP", "V008": "IDVMP", "V009": "IDRMP", "V010": "IDSP", "V012": "IDIZ", "V014": "IDFRMMP", "V017": "IDDR",
    "V025": "IDPC", "V027": "IDCZ", "V028": "IDVN", "V029": "IDMET",
}  # fmt: skip


def _published(name: str) -> list[dict[str, str]]:
    path = SHARED / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"../shared is not here: {path}")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def _day(text: str | None) -> date | None:
    if not text:
        return None
    for form in ("%Y%m%d", "%d.%m.%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar date has no zone
        except ValueError:
            continue
    raise AssertionError(text)


@pytest.mark.parametrize("name", sorted(KEYS))
def test_codes_and_dates_are_the_published_ones(name: str) -> None:
    published = {
        (row[KEYS[name]], _day(row.get("DATEBEG")) or nsi.SINCE_EVER, _day(row.get("DATEEND"))) for row in _published(name)
    }
    ours = set(nsi.built_in_books().require(name).rows.select("code", "valid_from", "valid_to").iter_rows())
    assert ours == published


def test_f014_agrees_with_the_published_book_on_every_day_that_matters() -> None:
    published = _published("F014")
    days = sorted({day for row in published for day in (_day(row["DATEBEG"]), _day(row["DATEEND"])) if day})
    book = nsi.built_in_books().require("F014")
    for day in days:
        expected = {
            (row["Osn"].strip().rstrip("."), row["Kod"], _units(row["K_NO"]), _units(row["K_SH"]))
            for row in published
            if (_day(row["DATEBEG"]) or nsi.SINCE_EVER) <= day <= (_day(row["DATEEND"]) or date(9999, 12, 31))
        }
        assert set(book.on(day).select("code", "kod", "k_no", "k_sh").iter_rows()) == expected, day


def _units(text: str) -> str | None:
    """A coefficient of five decimals in units of 0.00001."""
    return text.replace(".", "").lstrip("0") or "0" if text else None


def test_f010_codes_and_okato_are_the_published_ones() -> None:
    published = {(row["KOD_TF"], row["KOD_OKATO"]) for row in _published("F010_from_F001")}
    assert set(nsi.built_in_books().require("F010").rows.select("code", "okato").iter_rows()) == published
