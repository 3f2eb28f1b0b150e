"""Which file speaks of which bill, what comes next and until when, and which names and numbers were used? (Rules 139-145)"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from omsclaims import contract
from omsclaims.law import federal_parameters
from omsclaims.settlement.between import book, items, reading
from tests.settlement.between.test_items import frame, item

R, D, A1, A2 = "R0175220001", "D0175220001", "A7501220001", "A7501220002"


def file(name: str, about: str | None, on: date, seq: int, **more: Any) -> dict[str, Any]:
    """A row of between_files of the place fund."""
    out = name[0] in "RDCW"
    row: dict[str, Any] = dict.fromkeys(contract.TABLES["between_files"].schema())
    row |= {
        "file_name": name, "kind": name[0], "side": "place", "direction": "out" if out else "in", "sender": "01" if out else "75",
        "receiver": "75" if out else "01", "year": 2022, "month": 3, "nschet": f"n-{name}", "data": on, "about": about,
        "sent_on": on if out else None, "received_on": None if out else on, "digest": f"d-{name}", "state": "taken", "seq": seq,
    }  # fmt: skip
    return {**row, **more}


def files(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=contract.TABLES["between_files"].schema(), orient="row")


SENT = file(R, None, date(2022, 5, 4), 1)
ANSWERED = file(A1, R, date(2022, 5, 20), 2)
CORRECTED = file(D, R, date(2022, 6, 1), 3)
FINAL = file(A2, D, date(2022, 6, 9), 4)


def held() -> pl.DataFrame:
    """Item 1 questioned whole and presented again, item 2 accepted, item 3 without an answer."""
    return frame([
        *(item("bill", n, 1000, 0, 1000, 0) for n in (1, 2, 3)),
        item("answer", 1, 1000, 0, 0, 1000), item("answer", 2, 1000, 0, 1000, 0),
        item("corrected", 1, 1000, 0, 1000, 0), item("final", 1, 1000, 0, 400, 600),
    ])  # fmt: skip


def test_files_find_their_bill_and_refused_ones_do_not_count() -> None:
    known = files(FINAL, ANSWERED, CORRECTED, SENT)
    assert book.names_of(known) == {R: {"bill": [R], "answer": [A1], "corrected": [D], "final": [A2]}}
    assert {book.bill_of(name, known) for name in (R, A1, D, A2)} == {R}
    refused = files(SENT, ANSWERED, CORRECTED, {**FINAL, "state": "refused"})
    assert "final" not in book.names_of(refused)[R]
    strangers = files(SENT, file("A7501220009", "R0175220099", date(2022, 5, 20), 2))
    assert book.names_of(strangers) == {R: {"bill": [R]}}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((SENT,), ["presented", "presented", "presented"]),
        ((SENT, ANSWERED), ["questioned", "accepted", "presented"]),
        ((SENT, ANSWERED, CORRECTED), ["presented_again", "accepted", "presented"]),
        ((SENT, ANSWERED, CORRECTED, FINAL), ["refused_finally", "accepted", "presented"]),
    ],
    ids=["sent", "answered", "corrected", "final"],
)
def test_states_follow_from_the_files_that_are_there(rows: tuple[dict[str, Any], ...], expected: list[str]) -> None:
    found = book.states(files(*rows), held(), "place")
    assert found["state"].to_list() == expected
    assert found.equals(book.states_of(R, files(*rows), held()))
    assert book.states(files(*rows), held(), "home").is_empty()
    items.assert_equations(found)


def test_every_open_item_has_the_term_of_its_next_step() -> None:
    """Answer, 25 working days from 4 May 2022: 5, 6, 11-13, 16-20, 23-27, 30, 31 May (17), 1-3, 6-9 June (24), 10 June.

    Corrected part, 25 from 20 May: 23-27, 30, 31 May (7), 1-3, 6-10, 14-17, 20-24 June (24; 13 June is off), 27 June.
    Final answer, 10 from 1 June: 2, 3, 6-10 (7), 14, 15, 16 June.
    """
    law = federal_parameters()
    answered = book.states(files(SENT, ANSWERED), held(), "place")
    found = book.dated(answered, files(SENT, ANSWERED), law, date(2022, 6, 14))
    assert found.select("state", "due", "overdue").rows() == [
        ("questioned", date(2022, 6, 27), False), ("accepted", None, False), ("presented", date(2022, 6, 10), True),
    ]  # fmt: skip
    again = book.states(files(SENT, ANSWERED, CORRECTED), held(), "place")
    found = book.dated(again, files(SENT, ANSWERED, CORRECTED), law, date(2022, 6, 16))
    assert found.select("state", "due", "overdue").rows()[0] == ("presented_again", date(2022, 6, 16), False)


def test_a_term_that_ends_after_the_calendar_is_unknown_and_stops_nothing() -> None:
    late = files({**SENT, "sent_on": date(2026, 12, 20), "data": date(2026, 12, 20)})
    found = book.dated(book.states(late, held(), "place"), late, federal_parameters(), date(2026, 12, 25))
    assert found["due"].to_list() == [None] * 3 and not found["overdue"].any()


def test_names_and_numbers_that_were_used() -> None:
    def read(name: str, nschet: str) -> reading.FileRead:
        tables = {
            "file": pl.DataFrame({"year": [2022], "month": [3], "nschet": [nschet]}), "zap": pl.DataFrame(schema={"_row": pl.Int64, "n_zap": pl.Int64}),
            "z_sl": pl.DataFrame(schema={"_row": pl.Int64, "_parent": pl.Int64}),
        }  # fmt: skip
        return reading.file_read(name, name[0], name[1:3], name[3:5], "RD_3.2", tables)

    known = files(SENT)
    assert [one.rule for one in book.name_problems(read(R, f"n-{R}"), f"d-{R}", known)] == []
    assert [one.rule for one in book.name_problems(read(R, f"n-{R}"), "other", known)] == ["TB.9"]
    assert [one.rule for one in book.name_problems(read("R0175220002", f"n-{R}"), "other", known)] == ["TB.12"]
    assert [one.rule for one in book.name_problems(read("R0175220002", "another"), "other", known)] == []
