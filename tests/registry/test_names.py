from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsclaims.registry import names


def test_parts_of_a_main_name() -> None:
    name = names.parse_name("HM340001S34002_210101")
    assert name is not None
    assert (name.kind, name.letters, name.sender_kind, name.sender, name.receiver_kind, name.receiver) == (
        "H",
        "H",
        "M",
        "340001",
        "S",
        "34002",
    )
    assert (name.year, name.month, name.number, name.period) == (2021, 1, "01", "2021-01")
    assert name.stem == "HM340001S34002_210101"


@pytest.mark.parametrize(
    ("main", "kind", "person"),
    [
        ("HM750001T75_22031", "H", "LM750001T75_22031"), ("TM750001T75_22031", "T", "LTM750001T75_22031"),
        ("CM750001T75_22031", "C", "LCM750001T75_22031"), ("DPM750001T75_22031", "X", "LPM750001T75_22031"),
        ("DOM750052T75_21041", "X", "LOM750052T75_21041"), ("DAS75001M750001_220312", "X", "LAS75001M750001_220312"),
    ],
)  # fmt: skip
def test_file_of_persons(main: str, kind: str, person: str) -> None:
    name = names.parse_name(main)
    assert name is not None and name.kind == kind
    assert names.person_name(main) == person
    assert names.is_person_name(person) and not names.is_person_name(main)
    assert names.person_period(person) == name.period


@pytest.mark.parametrize(
    "stem",
    [
        "", "HM750001T75", "HM750001T75_2203", "HM750001T75_22131", "HM75001T75_22031", "HM750001S750_22031", "QM750001T75_22031",
        "hm750001t75_22031", "HM750001T75_2203A", "HM750001T75_22031\n", "HM750001T75_220312345678901234567890", "DXM750001T75_22031",
    ],
)  # fmt: skip
def test_names_that_are_not(stem: str) -> None:
    assert names.parse_name(stem) is None
    assert names.person_name(stem) is None


def test_interterritorial() -> None:
    name = names.parse_interterritorial("R7846110001")
    assert name == names.InterterritorialName("R", "78", "46", 2011, 1)
    assert names.build_interterritorial("A", "46", "78", 2022, 12).stem == "A4678220012"
    assert names.parse_interterritorial("R784611001") is None
    with pytest.raises(ValueError, match="not a lawful file name"):
        names.build_interterritorial("Z", "46", "78", 2022, 12)


@given(
    st.sampled_from(sorted(names.PERSON_LETTERS)), st.integers(0, 999999), st.integers(0, 99999), st.integers(2011, 2099),
    st.integers(1, 12), st.integers(1, 999),
)  # fmt: skip
def test_built_names_are_read_back(letters: str, clinic: int, insurer: int, year: int, month: int, number: int) -> None:
    built = names.build_name(letters, f"M{clinic:06d}", f"S{insurer:05d}", f"{year}-{month:02d}", number)
    assert names.parse_name(built.stem) == built
    assert (built.year, built.month, built.number) == (year, month, str(number))


def test_builder_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="not a lawful file name"):
        names.build_name("H", "M75", "T75", "2022-03", 1)
