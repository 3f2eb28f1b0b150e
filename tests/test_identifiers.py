"""Check digits against the vectors of formats.md 14, and scalar against column form."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import identifiers as ids


@pytest.mark.parametrize("enp", ["7856130840000017", "7856510844000446"])
def test_enp_vectors(enp: str) -> None:
    assert ids.enp_is_valid(enp)
    for place in range(16):  # Luhn sees every single wrong digit
        wrong = enp[:place] + str((int(enp[place]) + 1) % 10) + enp[place + 1 :]
        assert not ids.enp_is_valid(wrong)


def test_enp_carries_birth_date_and_sex() -> None:
    assert ids.build_enp("78", date(1984, 3, 5), 1, 44) == "7856510844000446"
    assert ids.enp_matches("7856510844000446", date(1984, 3, 5), 1)
    assert not ids.enp_matches("7856510844000446", date(1984, 3, 5), 2)
    assert not ids.enp_matches("7856510844000446", date(1984, 3, 6), 1)


@pytest.mark.parametrize(
    ("born", "month"), [(date(1950, 12, 31), "67"), (date(1951, 1, 1), "58"), (date(2000, 12, 1), "47"), (date(2001, 1, 1), "98")]
)
def test_enp_century_stands_in_the_month(born: date, month: str) -> None:
    assert ids.enp_facet("75", born, 2)[2:4] == month


@pytest.mark.parametrize("enp", ["", "785613084000001", "78561308400000170", "785613084000001x", "٧٨٥٦١٣٠٨٤٠٠٠٠٠١٧"])
def test_enp_of_wrong_shape(enp: str) -> None:
    assert not ids.enp_is_valid(enp)


@pytest.mark.parametrize(
    ("territory", "sex", "serial"), [("7", 1, 1), ("75", 3, 1), ("75", 1, 0), ("75", 1, 100_000), ("аб", 1, 1)]
)
def test_enp_that_cannot_be_written(territory: str, sex: int, serial: int) -> None:
    with pytest.raises(ValueError, match="policy number"):
        ids.build_enp(territory, date(1984, 3, 5), sex, serial)


@given(
    territory=st.integers(1, 86),
    born=st.dates(date(1900, 1, 1), date(2030, 12, 31)),
    sex=st.sampled_from([1, 2]),
    serial=st.integers(1, 99_999),
)
@settings(max_examples=200, deadline=None)
def test_built_enp_is_valid_and_matches(territory: int, born: date, sex: int, serial: int) -> None:
    enp = ids.build_enp(f"{territory:02d}", born, sex, serial)
    assert len(enp) == 16
    assert ids.enp_matches(enp, born, sex)


@given(st.lists(st.from_regex(r"[0-9]{15,17}", fullmatch=True), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_enp_column_form_agrees(numbers: list[str]) -> None:
    numbers = [*numbers, *(number[:15] + str(ids.luhn_digit(number[:15])) for number in numbers)]
    frame = pl.DataFrame({"enp": [*numbers, None, "", "x" * 16]}, schema={"enp": pl.String})
    found = frame.select(ids.enp_valid_expr(pl.col("enp"))).to_series().to_list()
    assert found == [*map(ids.enp_is_valid, numbers), None, False, False]


@pytest.mark.parametrize(
    ("snils", "valid"),
    [
        ("035-967-393 00", True),
        ("035-967-393 01", False),
        ("112-233-445 95", True),
        ("11223344595", True),
        ("001-001-998 77", True),  # given out before check numbers
        ("001-001-999 77", False),
        ("112-233-445", False),
    ],
)
def test_snils(snils: str, valid: bool) -> None:
    assert ids.snils_is_valid(snils) is valid
    frame = pl.DataFrame({"s": [snils, None]}, schema={"s": pl.String})
    assert frame.select(ids.snils_valid_expr(pl.col("s"))).to_series().to_list() == [valid, None]


@given(st.integers(0, 999_999_999), st.integers(0, 99))
@settings(max_examples=200, deadline=None)
def test_snils_column_form_agrees(body: int, check: int) -> None:
    snils = f"{body:09d}{check:02d}"
    frame = pl.DataFrame({"s": [snils]})
    assert frame.select(ids.snils_valid_expr(pl.col("s"))).to_series().to_list() == [ids.snils_is_valid(snils)]


def test_ogrn_and_inn() -> None:
    # Made-up numbers: 123456789012 mod 11 = 7 and 30450011600015 mod 13 = 7.
    assert ids.ogrn_is_valid("1234567890127")
    assert not ids.ogrn_is_valid("1234567890128")
    assert ids.ogrn_is_valid("304500116000157")
    assert not ids.ogrn_is_valid("304500116000158")
    assert not ids.ogrn_is_valid("102010069527")
    assert ids.inn_is_valid("7830002293")  # worked by the weights of formats.md 14
    assert not ids.inn_is_valid("7830002292")
    assert ids.inn_is_valid("500100732259")
    assert not ids.inn_is_valid("500100732258")
    assert not ids.inn_is_valid("50010073225")
