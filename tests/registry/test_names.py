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


@pytest.mark.parametrize(
    ("stem", "codes"),
    [
        ("HM750001T75_22031", []), ("LTM750001T75_22031", []), ("R7846110001", []),
        ("", ["empty"]),
        ("HM750001T75", ["line"]),
        ("HM750001T75_2203", ["number"]),
        ("HM750001T75_220", ["period"]),
        ("HM750001T75_22131", ["month"]),
        ("HM750001T75_22001", ["month"]),
        ("HM75001T75_22031", ["sender"]),
        ("HM750001S750_22031", ["receiver"]),
        ("HM750001_22031", ["receiver_kind"]),
        ("H750001T75_22031", ["letters", "sender_kind"]),
        ("QM750001T75_22031", ["letters"]),
        ("DXM750001T75_22031", ["letters"]),
        ("HM750001T75_2203A", ["tail"]),
        ("HM750001T75A_22031", ["receiver"]),
        ("hM750001T75_22031", ["small"]),
        ("НM750001T75_22031", ["cyrillic"]),  # a Russian letter
        ("HM750001T75 _22031", ["character", "receiver"]),
        ("HM750001T75_22031\n", ["character", "tail"]),
        ("HM75001T750_22131", ["sender", "receiver", "month"]),
        ("HM750001T75_220312345678901", ["long"]),
        ("R784611001", ["between_length"]), ("R78461100012", ["between_length"]),
    ],
)  # fmt: skip
def test_every_mistake_is_named(stem: str, codes: list[str]) -> None:
    assert [mistake.code for mistake in names.mistakes(stem)] == codes
    for lang in ("ru", "en"):
        assert ("; ".join(mistake.text(lang) for mistake in names.mistakes(stem))) == names.mistakes_text(stem, lang)


def test_mistakes_say_where_and_what() -> None:
    assert names.mistakes_text("HM75001T75_22131", "en") == (
        "the number of sender M must have 6 digits, found '75001'; there is no month '13'"
    )
    assert names.mistakes_text("НM750001T75_22031", "ru") == "1-й знак «Н» - русская буква, нужна латинская H"


@given(st.text(alphabet="HMTSDLCR0123456789_мН ", max_size=30))
def test_a_name_has_mistakes_exactly_if_it_is_not_lawful(stem: str) -> None:
    lawful = names.parse_name(stem) or names.parse_interterritorial(stem) or names.is_person_name(stem)
    assert bool(names.mistakes(stem)) == (not lawful)


def test_archives_and_journals() -> None:
    name = names.parse_name("HM750001T75_22031")
    between = names.parse_interterritorial("D7846220007")
    assert name is not None and between is not None
    assert (name.archive, between.archive, between.journal.archive) == (
        "HM750001T75_22031.zip",
        "D7846220007.oms",
        "Y7846220007.oms",
    )
