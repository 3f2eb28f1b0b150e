"""Does an item between territories go through its states as Rules 141-145 say, and never otherwise? Cases worked by hand in YAML."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import contract
from omsclaims.settlement.between import items

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "fixtures" / "between" / "items.yaml").read_text(encoding="utf-8")
)["cases"]
R, D, A1, A2 = "R0175220001", "D0175220001", "A7501220001", "A7501220002"
FILES = {"bill": R, "answer": A1, "corrected": D, "final": A2, "conceded": "C0175220001", "written_off": "W0175220001"}
AMOUNTS = ("accepted_kop", "questioned_kop", "conceded_kop", "refused_kop", "open_kop")


def kop(value: object) -> int:
    return int(Decimal(str(value)) * 100)


def item(stage: str, number: int, sumv: int, own: int, left: int, taken: int, **changes: Any) -> dict[str, Any]:
    """A row of between_items as a lawful file of the stage has it, save `changes`."""
    oplata = None if stage not in ("answer", "final") else 1 if taken == 0 else 2 if left == 0 else 3
    row = {
        "file_name": FILES[stage], "n_zap": number, "idcase": 100 + number, "sl_ids": f"s{number}", "sumv_kop": sumv, "own_sank_kop": own,
        "sump_kop": left, "sank_it_kop": taken, "oplata": oplata, "codes": None, "kods": None, "s_tip": None,
        "s_ist": items.SOURCE.get(stage) if taken else None, "case_key": None, "person_key": None,
    }  # fmt: skip
    return {**row, **changes}


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=contract.TABLES["between_items"].schema(), orient="row")


def rows_of(case: dict[str, Any], stage: str, rows: list[list[Any]]) -> pl.DataFrame:
    """Items of a step of a case; SUMV and the place fund's own part are those of the bill where it has the item."""
    own = {number: (kop(sumv), kop(taken)) for number, sumv, taken in case["bill"]}
    made = []
    for number, left, taken, *changes in rows:
        sumv, reduced = own.get(number, (kop(left) + kop(taken), 0))
        more = dict(changes[0]) if changes else {}
        if "sumv" in more:
            more["sumv_kop"] = kop(more.pop("sumv"))
        kept = reduced if stage == "corrected" else 0
        made.append(item(stage, number, sumv, kept, kop(left), kop(taken), **more))
    return frame(made)


def bill_of(case: dict[str, Any]) -> pl.DataFrame:
    return frame([item("bill", n, kop(sumv), kop(own), kop(sumv) - kop(own), 0) for n, sumv, own in case["bill"]])


@pytest.mark.parametrize("case", [one for one in CASES if "illegal" not in one], ids=lambda one: one["name"])
def test_every_lawful_step(case: dict[str, Any]) -> None:
    given = {stage: rows_of(case, stage, case[stage]) for stage in items.STAGES if stage in case}
    states = items.fold(bill_of(case), **given)
    expected = [(n, state, *(kop(amount) for amount in amounts)) for n, state, *amounts in case["states"]]
    assert states.select("n_zap", "state", *AMOUNTS).rows() == expected
    assert items.totals(states)["presented_kop"].to_list() == [int(bill_of(case)["sump_kop"].sum())]
    assert items.bill_state(states, kop(case.get("refunded", 0))) == case["bill_state"]
    if "moved" in case:
        last = list(given)[-1]
        before = items.fold(bill_of(case), **{stage: rows for stage, rows in given.items() if stage != last})
        moved = {name: kop(amount) for name, amount in case["moved"].items()}
        assert {name: amount for name, amount in items.moved(before, states).items() if amount} == moved


@pytest.mark.parametrize("case", [one for one in CASES if "illegal" in one], ids=lambda one: one["name"])
def test_every_unlawful_step(case: dict[str, Any]) -> None:
    bill = bill_of(case)
    given = {stage: rows_of(case, stage, case[stage]) for stage in items.STAGES if stage in case}
    if "next" in case:
        stage, rows = case["next"]["stage"], rows_of(case, case["next"]["stage"], case["next"]["rows"])
    else:
        stage, rows = list(given.items())[-1]
        del given[stage]
    states = items.fold(bill, **given)
    against = given["corrected"] if stage == "final" else bill
    found = items.illegal(against, states, rows, stage, voluntary=case.get("voluntary", True))
    assert found.select("n_zap", "rule", "reason").rows() == [tuple(one) for one in case["illegal"]]
    if "next" not in case and case.get("voluntary", True):
        with pytest.raises(AssertionError, match=found["rule"][0]):
            items.fold(bill, **given, **{stage: rows})


def test_every_state_and_every_reason_has_a_case() -> None:
    states = {row[1] for case in CASES for row in case.get("states", ())}
    assert states == {*items.OPEN, *items.FINAL}
    reasons = {(row[1], row[2]) for case in CASES for row in case.get("illegal", ())}
    stages = [items._conditions(stage, voluntary=True) for stage in items.STAGES]
    expected = {(rule, reason) for conditions in stages for _, rule, reason in conditions}
    assert expected - reasons == {("TB.11", "twice")}, "reasons without a case"


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_whatever_happens_no_kopeck_is_lost_and_order_does_not_matter(data: st.DataObject) -> None:
    """Lawful steps drawn at random, item by item: the equations hold after each, and the order of rows does not show."""
    bill, answer, corrected, final = [], [], [], []
    for number in range(1, data.draw(st.integers(1, 5)) + 1):
        sumv = data.draw(st.integers(1, 10**9))
        own = data.draw(st.integers(0, sumv - 1))
        p = sumv - own
        bill.append(item("bill", number, sumv, own, p, 0))
        if not data.draw(st.booleans()):
            continue
        x = data.draw(st.integers(0, p))
        answer.append(item("answer", number, sumv, 0, p - x, x))
        y = data.draw(st.integers(0, p))
        if not data.draw(st.booleans()) or (x == 0 and y == 0):
            continue
        corrected.append(item("corrected", number, sumv, own, p - y, y))
        if x > y and data.draw(st.booleans()):
            z = data.draw(st.integers(0, x - y))
            final.append(item("final", number, sumv, 0, p - y - z, z))
    frames = {"answer": frame(answer), "corrected": frame(corrected), "final": frame(final)}
    states = items.fold(frame(bill), **frames)
    shuffled = items.fold(frame(bill[::-1]), **{name: table.reverse() for name, table in frames.items()})
    assert states.equals(shuffled)
    before = items.fold(frame(bill))
    disputed = 0
    for stage in ("answer", "corrected", "final"):
        after = items.step(before, frames[stage], stage)
        items.assert_equations(after)
        money = items.moved(before, after)
        assert all(amount >= 0 for amount in money.values())
        disputed += money["questioned"] - money["conceded"] - money["accepted_finally"] - money["refused_finally"]
        assert disputed == int(after["questioned_kop"].sum())
        before = after
    assert before.equals(states)
    # Many bills at once come to the same as each by itself, however far each is.
    name = states["bill"][0]
    answered = items.fold(frame(bill), answer=frames["answer"])

    def of(table: pl.DataFrame, other: str, only: bool = False) -> pl.DataFrame:
        renamed = table.with_columns(pl.lit(other).alias("file_name")) if only else table
        return renamed.with_columns(bill=pl.lit(other))

    many = {stage: of(table, name) for stage, table in frames.items()}
    many["answer"] = pl.concat([of(frames["answer"], "R0000000000"), many["answer"]])
    both = items.fold(pl.concat([of(frame(bill), name), of(frame(bill), "R0000000000", only=True)]), **many)
    assert both.filter(pl.col("bill") == name).equals(states)
    assert both.filter(pl.col("bill") != name).drop("bill").equals(answered.drop("bill"))
    assert both["bill"].is_sorted()
