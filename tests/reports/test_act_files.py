"""Files of acts: equal acts are equal bytes, what is written is read, what is not of this shape is a finding."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsclaims import findings
from omsclaims.periods import Month
from omsclaims.reports import act_files
from omsclaims.settlement import act_states
from omsclaims.settlement.act_states import Act
from tests.reports import reports_data as data

DAY = date(2022, 4, 14)


def act_121() -> Act:
    return act_states.monthly("121", data.month()["act_121"].row(0, named=True), Month(2022, 3), "75", DAY)


def act_149() -> Act:
    rows = pl.DataFrame(
        [("38-2201-0001", date(2022, 2, 14), 0, 100_00, 60_00, 15_00, 25_00), ("38-2108-0001", date(2021, 9, 14), 7_00, 0, 7_00, 0, 0)],
        schema=dict(act_states.KINDS["149"].rows), orient="row",
    )  # fmt: skip
    lines = act_states.sums(rows, "149")
    return Act("149", "SV7538220001", date(2021, 10, 1), date(2022, 9, 30), "fund:75", "territory:38", DAY, lines, rows)


@pytest.mark.parametrize("act", [act_121(), act_149()], ids=lambda act: act.kind)
def test_an_act_comes_back_as_it_was_written(act: Act) -> None:
    written = act_files.act_json(act)
    read = act_files.read_act(written, "a.json")
    assert read.findings.is_empty() and read.act is not None
    assert act_files.act_json(read.act) == written
    assert (read.act.number, read.act.lines, read.act.period) == (act.number, dict(act.lines), act.period)
    assert read.act.rows.sort("nschet").equals(act.rows.sort("nschet")) if act.kind == "149" else read.act.rows.is_empty()


def test_the_act_of_a_month_says_what_the_ledger_says() -> None:
    row = data.month()["act_121"].row(0, named=True)
    act = act_121()
    assert (act.number, act.party, act.other) == ("121/2022-03/75001", "fund:75", "insurer:75001")
    assert (act.first, act.last, act.drawn_on) == (date(2022, 3, 1), date(2022, 3, 31), DAY)
    assert act.lines["end_kop"] == row["end_kop"] and set(act.lines) == {name for name in row if name != "smo"}
    fund = data.month()["act_132"].filter(pl.col("payer") == "75").row(0, named=True)
    other = act_states.monthly("132", fund, Month(2022, 3), "75", DAY)
    assert (other.party, other.other) == ("fund:75", f"clinic:{fund['mo']}")
    assert act_files.file_name(act) == "121-75001" and act_files.file_name(other) == f"132-75-{fund['mo']}"


def test_a_file_holds_no_person() -> None:
    for kind in act_states.KINDS.values():
        assert not {"fam", "im", "ot", "dr", "enp", "npolis", "spolis", "person_key"} & set(kind.rows)


def test_an_act_that_does_not_add_up_is_told_line_by_line() -> None:
    said = json.loads(act_files.act_json(act_149()))
    said["rows"][1]["end_kop"] += 1  # of 38-2201-0001: its equation, and the sum of the line
    read = act_files.read_act(json.dumps(said).encode(), "a.json")
    assert read.act is not None
    assert read.findings["rule"].to_list() == ["AK.3", "AK.3"]
    assert sorted(json.loads(text)["row"] for text in read.findings["params"]) == ["-", "38-2201-0001/2022-02-14"]
    said["lines"]["end_kop"] += 1
    assert act_files.read_act(json.dumps(said).encode()).findings.height == 2  # the row, and the equation of the lines


def changed(**values: Any) -> bytes:
    return json.dumps(json.loads(act_files.act_json(act_149())) | values).encode()


@pytest.mark.parametrize(
    "data_of_file",
    [
        b"", b"{", b"\xff\xfe{}", b"[]", b"null", b'{"format": "other"}', b"[" * 200_000, b'{"a": NaN}',
        changed(kind="999"), changed(unit="rouble"), changed(party="clinic:75"), changed(other=5), changed(first="2022-13-01"),
        changed(last="2021-01-01"), changed(lines={}), changed(rows={}), changed(rows=[{}]), changed(number=""),
        changed(number="=1+1\n"), changed(number="\ud800"), changed(drawn_on=None), changed(extra=1), changed(about=7),
        act_files.act_json(act_149()).replace(b"2500", b"25.0"), act_files.act_json(act_149()).replace(b"2500", b"true"),
        act_files.act_json(act_149()).replace(b"2500", b"9" * 30), act_files.act_json(act_149()).replace(b"2500", b"9" * 6000),
        act_files.act_json(act_149()).replace(b"38-2108-0001", b"38-2201-0001").replace(b"2021-09-14", b"2022-02-14"),
        act_files.act_json(act_149()).replace(b'"about"', b'"kind": "149", "about"'),
    ],
)  # fmt: skip
def test_what_is_no_act_is_a_finding(data_of_file: bytes) -> None:
    read = act_files.read_act(data_of_file, "a.json")
    assert read.act is None and read.findings["rule"].to_list() == ["AK.6"]
    for lang in ("ru", "en"):
        text = findings.with_text(read.findings, lang)["text"][0]
        assert text.startswith("a.json: ") and "{" not in text


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_stop_the_reader(junk: bytes) -> None:
    assert act_files.read_act(junk).act is None
