"""Does a notice or list read back as it was written, and is everything else refused by name? (Rules 115-116, 121)"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from omsclaims import findings, messages
from omsclaims.periods import Month
from omsclaims.reports.insurer_files import FORMAT, file_name, paper_json, read_paper
from omsclaims.settlement.own_month import ADVANCES, CLINICS, CORRECTIONS, Listing, Notice

MARCH = Month(2022, 3)
NOTICE = Notice("75", "75901", MARCH, date(2022, 4, 14), 3, 99_999, 100_000, 1_000, 500, 4_000)


def listing() -> Listing:
    clinic = dict.fromkeys(CLINICS, 0) | {
        "mo": "750901",
        "cases": 3,
        "billed_kop": 10_000,
        "withheld_kop": 1_000,
        "fine_mee_kop": 7,
    }
    correction = {
        "date": date(2022, 3, 1), "document": "bill-2022-02-75901-750901", "document_date": date(2022, 3, 14), "rule": "bill",
        "debit": "insurer:75901/care/clinic:750901", "credit": "insurer:75901/cost", "amount_kop": 200, "reference": "Rules",
    }  # fmt: skip
    mirror = {**correction, "debit": "clinic:750901/income", "credit": "clinic:750901/care/insurer:75901"}
    return Listing(
        "75", "75901", MARCH, date(2022, 4, 14), False, pl.DataFrame([clinic], schema=dict(CLINICS)),
        pl.DataFrame([("750901", 500, True)], schema=dict(ADVANCES), orient="row"),
        pl.DataFrame([mirror, correction], schema=dict(CORRECTIONS)),
    )  # fmt: skip


def test_a_notice_reads_back() -> None:
    data = paper_json(NOTICE)
    assert read_paper(data, "notice").paper == NOTICE
    assert file_name(NOTICE) == "notice-75901.json"
    assert json.loads(data)["standards_kop"] == 100_000
    assert b"." not in data.replace(FORMAT.encode(), b"")  # no roubles, no floats


def test_a_list_reads_back() -> None:
    made = listing()
    read = read_paper(paper_json(made), "settlement").paper
    assert isinstance(read, Listing)
    assert file_name(made) == "settlement-75901.json"
    assert (read.smo, read.month, read.made_on, read.fines_in_act) == ("75901", MARCH, date(2022, 4, 14), False)
    for name in ("clinics", "advances", "corrections"):
        assert getattr(read, name).equals(getattr(made, name)), name
    assert paper_json(read) == paper_json(made)


def changed(paper: Notice | Listing, change: Callable[[dict[str, Any]], None]) -> bytes:
    said = json.loads(paper_json(paper))
    change(said)
    return json.dumps(said).encode()


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda said: said.update({name: value})


def _half(number: int) -> Callable[[dict[str, Any]], None]:
    return lambda said: said["corrections"].pop(number)


def _again(number: int, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda said: said["corrections"].append({**said["corrections"][number], **changes})


def _in(table: str, name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda said: said[table][0].update({name: value})


WRONG_NOTICE: list[tuple[str, bytes]] = [
    ("nothing", b""), ("text", b"notice"), ("list", b"[]"), ("bytes", b"\xff\xfe"), ("deep", b"[" * 100_000),
    ("twice", paper_json(NOTICE).replace(b'"smo"', b'"month"')), ("nan", paper_json(NOTICE).replace(b"100000", b"NaN")),
    ("format", changed(NOTICE, _set("format", "omsclaims.act/1"))), ("kind", changed(NOTICE, _set("kind", "settlement"))),
    ("kind number", changed(NOTICE, _set("kind", 7))), ("unit", changed(NOTICE, _set("unit", "rouble"))),
    ("missing", changed(NOTICE, lambda said: said.pop("nsz_kop"))), ("unknown", changed(NOTICE, _set("x\x1b[31m", 1))),
    ("smo", changed(NOTICE, _set("smo", "7590a"))), ("smo digits", changed(NOTICE, _set("smo", "٧٥٩٠١"))),
    ("month", changed(NOTICE, _set("month", "2022-13"))), ("month before the Rules", changed(NOTICE, _set("month", "2010-12"))),
    ("first month of a century", changed(NOTICE, _set("month", "2000-01"))), ("day", changed(NOTICE, _set("made_on", "2022-02-30"))),
    ("float", changed(NOTICE, _set("standards_kop", 100_000.0))), ("negative", changed(NOTICE, _set("nsz_kop", -1))),
    ("true", changed(NOTICE, _set("nsz_kop", True))), ("huge", changed(NOTICE, _set("standards_kop", 2**63))),
    ("parts", changed(NOTICE, _set("case_management_kop", 96_001))),
]  # fmt: skip
WRONG_LIST: list[tuple[str, bytes]] = [
    ("month before the Rules", changed(listing(), _set("month", "2010-12"))),
    ("fines", changed(listing(), _set("fines", "maybe"))), ("clinics", changed(listing(), _set("clinics", {}))),
    ("row", changed(listing(), lambda said: said["clinics"][0].pop("cases"))),
    ("clinic twice", changed(listing(), lambda said: said["clinics"].append(said["clinics"][0]))),
    ("withheld", changed(listing(), _in("clinics", "withheld_kop", 10_001))), ("refused", changed(listing(), _in("clinics", "refused_cases", 4))),
    ("mo", changed(listing(), _in("clinics", "mo", "../x"))), ("excepted", changed(listing(), _in("advances", "excepted", 1))),
    ("rule", changed(listing(), _in("corrections", "rule", "gift"))), ("own", changed(listing(), _in("corrections", "rule", "final_payment"))),
    ("two books", changed(listing(), _in("corrections", "credit", "fund:75/money"))), ("account", changed(listing(), _in("corrections", "debit", "x y/z"))),
    ("without its mirror", changed(listing(), _half(0))), ("the mirror alone", changed(listing(), _half(1))),
    ("another sum", changed(listing(), _in("corrections", "amount_kop", 199))), ("another day", changed(listing(), _in("corrections", "date", "2022-03-02"))),
    ("another clinic", changed(listing(), _in("corrections", "credit", "clinic:750901/care/insurer:75902"))),
    ("of another event", changed(listing(), _in("corrections", "document", "bill-7"))), ("a line more", changed(listing(), _again(1, reference="p. 1"))),
    ("zero", changed(listing(), _in("corrections", "amount_kop", 0))), ("month", changed(listing(), _in("corrections", "date", "2022-04-01"))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "data"), [("notice", data) for _, data in WRONG_NOTICE] + [("settlement", data) for _, data in WRONG_LIST],
    ids=[name for name, _ in (*WRONG_NOTICE, *WRONG_LIST)],
)  # fmt: skip
def test_what_is_not_of_this_shape_is_refused_with_the_reason(kind: Any, data: bytes) -> None:
    read = read_paper(data, kind, "file.json")
    assert read.paper is None
    assert read.findings["rule"].to_list() == ["IY.11"]
    for lang in messages.LANGUAGES:
        (text,) = findings.with_text(read.findings, lang)["text"]
        assert "file.json" in text and "{" not in text and "\x1b" not in text


def test_a_line_that_is_said_twice_counts_once() -> None:
    """As in the journal, which holds a posting once: an event said twice is whole."""
    twice = changed(listing(), lambda said: said["corrections"].extend(said["corrections"]))
    assert read_paper(twice, "settlement").paper is not None
    half = changed(listing(), lambda said: said["corrections"].extend([said["corrections"][0]] * 2))
    assert read_paper(half, "settlement").paper is not None
    other = {"debit": "clinic:750901/opening"}  # sums that agree only while the line that stands twice is counted twice
    odd = changed(
        listing(), lambda said: said["corrections"].extend([said["corrections"][1], {**said["corrections"][0], **other}])
    )
    assert read_paper(odd, "settlement").findings["rule"].to_list() == ["IY.11"]


def test_a_list_is_no_notice() -> None:
    assert read_paper(paper_json(listing()), "notice").paper is None
    assert read_paper(paper_json(NOTICE), "settlement").paper is None
