from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsclaims.registry import names, numbering

EXISTING = [
    "HM750001T75_22031.zip", "in/2022/HM750001T75_220303.zip", "C:\\out\\TM750001T75_22032.ZIP", "HM750001T75_22047.zip",
    "HM750001S75001_22039.zip", "HM750002T75_22038.zip", "LM750001T75_220399.xml", "notes.txt", "R7846220004.oms", "R7846210009.oms",
    "A4678220006.oms", "D7846220002.oms",
]  # fmt: skip


def test_packets_of_a_month() -> None:
    assert numbering.next_packet(EXISTING, "M750001", "T75", "2022-03") == 4
    assert numbering.next_packet(EXISTING, "M750001", "T75", "2022-03", "T") == 3
    assert numbering.next_packet(EXISTING, "M750001", "T75", "2022-05") == 1
    assert numbering.next_name(EXISTING, "C", "M750001", "T75", "2022-03").stem == "CM750001T75_22034"
    assert numbering.next_name(EXISTING, "C", "M750001", "T75", "2022-03", alone=True, digits=3).stem == "CM750001T75_2203001"


def test_ordinals_of_a_year() -> None:
    assert numbering.next_ordinal(EXISTING, "R", "78", "46", 2022) == 5
    assert numbering.next_ordinal(EXISTING, "A", "78", "46", 2022) == 1
    assert numbering.next_interterritorial(EXISTING, "D", "78", "46", 2022).archive == "D7846220003.oms"
    with pytest.raises(ValueError, match="no number is left for R7846 in 2022"):
        numbering.next_ordinal([*EXISTING, "R7846229999"], "R", "78", "46", 2022)


def test_numbers_run_out_with_the_length_of_a_name() -> None:
    last = "DPM750001S75001_2203999999"
    assert len(last) == names.MAX_LENGTH
    with pytest.raises(ValueError, match="not a lawful file name"):
        numbering.next_name([last], "DP", "M750001", "S75001", "2022-03")


@given(st.lists(st.integers(1, 500), max_size=20))
def test_a_name_is_never_given_twice(numbers: list[int]) -> None:
    existing = [f"HM750001T75_2203{number}.zip" for number in numbers]
    for _ in range(3):
        name = numbering.next_name(existing, "H", "M750001", "T75", "2022-03")
        assert name.archive not in existing
        existing.insert(0, name.archive)
