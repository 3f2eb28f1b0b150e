"""Which step may follow which, and what must add up in an act of each kind."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsclaims import contract, findings
from omsclaims.settlement import act_states
from omsclaims.settlement.act_states import KINDS, Act

DAY = date(2022, 11, 10)


def drawn(*names: str) -> pl.DataFrame:
    schema = contract.TABLES["act_drawn"].schema()
    rows = [{"act": name, "number": name.split("#")[0], "kind": "149", "month": "2022", "drawn_on": DAY, "seq": n + 1}
            for n, name in enumerate(names)]  # fmt: skip
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema)


def events(*steps: tuple[str, str, date]) -> pl.DataFrame:
    schema = contract.TABLES["act_events"].schema()
    rows = [{"act": act, "event": event, "on": on, "seq": 100 + n} for n, (act, event, on) in enumerate(steps)]
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema)


#: Every pair of state and step, by hand: what the state is afterwards, or the finding.
TABLE: dict[tuple[str, str], str] = {
    ("drawn", "sent"): "sent", ("drawn", "signed"): "AK.9", ("drawn", "disputed"): "AK.9", ("drawn", "agreed"): "AK.9", ("drawn", "void"): "void",
    ("sent", "sent"): "AK.9", ("sent", "signed"): "signed", ("sent", "disputed"): "disputed", ("sent", "agreed"): "AK.9", ("sent", "void"): "void",
    ("disputed", "sent"): "AK.9", ("disputed", "signed"): "AK.9", ("disputed", "disputed"): "AK.9", ("disputed", "agreed"): "agreed",
    ("disputed", "void"): "void",
    ("agreed", "sent"): "AK.9", ("agreed", "signed"): "signed", ("agreed", "disputed"): "AK.9", ("agreed", "agreed"): "AK.9", ("agreed", "void"): "AK.9",
    **{("signed", step): "AK.2" for step in act_states.STEPS}, **{("void", step): "AK.10" for step in act_states.STEPS},
}  # fmt: skip
#: Steps that lead to a state.
WAY: dict[str, tuple[str, ...]] = {
    "drawn": (), "sent": ("sent",), "disputed": ("sent", "disputed"), "agreed": ("sent", "disputed", "agreed"),
    "signed": ("sent", "signed"), "void": ("void",),
}  # fmt: skip


@pytest.mark.parametrize(
    ("pair", "expected"), TABLE.items(), ids=lambda value: "-".join(value) if isinstance(value, tuple) else value
)
def test_every_step_from_every_state(pair: tuple[str, str], expected: str) -> None:
    state, step = pair
    steps = [("A", one, DAY) for one in (*WAY[state], step)]
    register, wrong = act_states.apply(drawn("A"), events(*steps))
    assert register["state"].to_list() == [state if expected.startswith("AK.") else expected]
    assert wrong["rule"].to_list() == ([expected] if expected.startswith("AK.") else [])
    for lang in ("ru", "en"):
        assert all("{" not in text for text in findings.with_text(wrong, lang)["text"])


def test_days_do_not_go_back() -> None:
    before = date(2022, 11, 9)
    _, wrong = act_states.apply(drawn("A"), events(("A", "sent", before)))
    assert wrong["rule"].to_list() == ["AK.11"]
    register, wrong = act_states.apply(drawn("A"), events(("A", "sent", DAY), ("A", "signed", before), ("A", "signed", DAY)))
    assert wrong["rule"].to_list() == ["AK.11"]
    assert register.select("state", "sent_on", "signed_on").rows() == [("signed", DAY, DAY)]


@pytest.mark.parametrize(
    ("kind", "printed", "made", "first"),
    [
        ("121", date(2022, 4, 14), date(2022, 4, 5), date(2022, 4, 5)), ("132", date(2022, 4, 14), date(2022, 4, 5), date(2022, 4, 5)),
        ("132", date(2022, 4, 14), date(2022, 4, 20), date(2022, 4, 14)), ("132", date(2022, 4, 14), None, date(2022, 4, 14)),
        ("149", DAY, date(2022, 11, 1), DAY), ("142", DAY, date(2022, 11, 20), DAY),
    ],
)  # fmt: skip
def test_an_act_of_a_month_goes_out_from_the_day_on_which_it_was_drawn_up(
    kind: str, printed: date, made: date | None, first: date
) -> None:
    """10th working day of April 2022: Thursday, the 14th; a month may be closed and its acts drawn up long before."""
    acts = drawn("A").with_columns(kind=pl.lit(kind), drawn_on=pl.lit(printed))
    days = {} if made is None else {"A": made}
    _, wrong = act_states.apply(acts, events(("A", "sent", first - timedelta(days=1))), days)
    assert wrong["rule"].to_list() == ["AK.11"] and f"{first}" in findings.with_text(wrong, "en")["text"][0]
    register, wrong = act_states.apply(acts, events(("A", "sent", first), ("A", "signed", first)), days)
    assert wrong.is_empty() and register.select("state", "drawn_on", "made_on").rows() == [("signed", printed, made)]


def test_an_event_of_no_act_changes_nothing() -> None:
    register, wrong = act_states.apply(drawn("A"), events(("B", "sent", DAY)))
    assert register["state"].to_list() == ["drawn"] and wrong["rule"].to_list() == ["AK.1"]


@given(st.lists(st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(list(act_states.STEPS)), st.dates(date(2022, 11, 1), date(2022, 12, 31))),
                max_size=14))  # fmt: skip
def test_a_signed_or_void_act_never_moves_again(steps: list[tuple[str, str, date]]) -> None:
    ended: dict[str, Any] = {}
    for count in range(len(steps) + 1):
        register, _ = act_states.apply(drawn("A", "B"), events(*steps[:count]))
        for row in register.iter_rows(named=True):
            if row["act"] in ended:
                assert row == ended[row["act"]]
            if row["state"] in ("signed", "void"):
                ended[row["act"]] = row
            assert row["signed_on"] is None or (row["sent_on"] is not None and row["sent_on"] <= row["signed_on"])


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_kopeck_off_is_found_in_every_kind(kind: str) -> None:
    of = KINDS[kind]
    row = {"n_zap": 1, "idcase": 1, "nschet": "1", "dschet": DAY, "codes": None} | dict.fromkeys(of.lines, 0)
    rows = pl.DataFrame([{name: row[name] for name in of.rows}] if of.rows else [], schema=dict(of.rows))
    act = Act(kind, "1", DAY, DAY, "fund:75", "fund:38", DAY, dict.fromkeys(of.lines, 0), rows)
    assert act_states.problems(act).is_empty()
    bound = {name for column, parts in of.equations for name in (column, *parts)}
    for name in of.lines:
        wrong = Act(kind, "1", DAY, DAY, "fund:75", "fund:38", DAY, dict(act.lines) | {name: 1}, rows)
        assert (act_states.problems(wrong).height > 0) == (name in bound)
    if of.rows:
        for name in of.lines:
            off = Act(
                kind, "1", DAY, DAY, "fund:75", "fund:38", DAY, act.lines, rows.with_columns(pl.lit(1).cast(pl.Int64).alias(name))
            )
            assert act_states.problems(off).height > 0
            with pytest.raises(AssertionError, match="act 1"):
                act_states.sound(off)


def test_lines_as_they_stand_are_the_last_ones() -> None:
    schema = contract.TABLES["act_disagreements"].schema()
    rows = [
        {"act": "A", "row": None, "line": "end_kop", "ours_kop": 5, "theirs_kop": 6, "why": "amount", "seq": 3},
        {"act": "A", "row": "1", "line": "end_kop", "ours_kop": 1, "theirs_kop": 2, "why": "amount", "seq": 3},
        {"act": "A", "row": None, "line": "end_kop", "ours_kop": 5, "theirs_kop": 6, "why": "x", "agreed_kop": 6, "seq": 4},
    ]  # fmt: skip
    table = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
    assert act_states.open_lines(table).select("row", "agreed_kop").rows() == [(None, 6), ("1", None)]
