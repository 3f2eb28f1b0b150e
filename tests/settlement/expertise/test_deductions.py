"""What does expertise take from a case, and does the money stay inside what is paid? (231n; law.md 10.2-10.4, checks.md 4.)"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.money import parse_amount
from omsclaims.nsi import built_in_books
from omsclaims.reports.answers import EKMP, MEE, MEK
from omsclaims.reports.expertise import all_sanctions, decided
from omsclaims.settlement.expertise.acts import grounds_on
from omsclaims.settlement.expertise.deductions import deduct, taken_by_pair
from tests.settlement import settlement_samples as samples

CASES = yaml.safe_load((Path(__file__).parents[3] / "fixtures/settlement/expertise_deductions.yaml").read_text(encoding="utf-8"))
S_TIP = {"mee": 50, "ekmp": 70}
GROUNDS = grounds_on(built_in_books(), date(2022, 3, 31))


def acts_of(given_acts: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of `expertise_acts` of one case, a row a ground, in the order given."""
    rows = []
    for act in given_acts:
        for code in act["grounds"]:
            rows.append(
                {
                    "payer": "75901", "num_act": act["act"], "date_act": date(2022, 3, 20), "kind": act["kind"],
                    "s_tip": S_TIP[act["kind"]], "mo": "750901", "month": "2022-02", "package": "P", "n_zap": 1, "idcase": 1,
                    "case_key": 0, "code": code, "kod": None if code is None else GROUNDS.get(code, {}).get("kod"),
                    "first_act": act.get("changes"), "origin": "act", "settle_month": str(act.get("month", "2022-03")),
                    "digest": "", "seq": len(rows) + 1,
                }
            )  # fmt: skip
    return samples.rows("expertise_acts", *rows)


def tables_of(case: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Tables of the one case of a written example."""
    mek = case.get("mek", {"taken": "0.00", "code": None})
    amount, taken = parse_amount(case["amount"]), parse_amount(mek["taken"])
    billed = {
        "month": "2022-02", "package": "P", "n_zap": 1, "idcase": 1, "case_key": 0, "payer": "75901", "mo": "750901",
        "usl_ok": case.get("usl_ok", 3), "date_z_2": case.get("ended", date(2022, 2, 10)), "sumv_kop": amount,
        "oplata": 2 if mek["code"] and taken >= amount else 3 if taken else 1, "mek_kop": taken, "mek_code": mek["code"],
    }  # fmt: skip
    standards = [
        {
            "usl_ok": usl_ok, "amount4": parse_amount(roubles) * 100, "valid_from": date(2021, 1, 1),
            "valid_to": date(2022, 12, 31), "reference": "agreement",
        }
        for usl_ok, roubles in case.get("standards", {}).items()
    ]  # fmt: skip
    return {
        "expertise_acts": acts_of(case["acts"]),
        "expertise_cases": samples.rows("expertise_cases", billed),
        "fine_standards": samples.rows("fine_standards", *standards),
    }


def settled(case: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """The month that the example asks about, after the months before it were settled in their order."""
    tables = tables_of(case)
    months = sorted({*tables["expertise_acts"]["settle_month"], str(case.get("settle", "2022-03"))})
    agreement = samples.agreement(several_grounds=case.get("policy", "max"))
    result: dict[str, pl.DataFrame] = {}
    for month in months:
        acts = tables["expertise_acts"].filter(pl.col("settle_month") <= month)
        before = {} if not result else {"deductions_before": result["deductions"]}
        result = deduct({**tables, **before, "expertise_acts": acts}, samples.context(month, agreement=agreement))
    return result


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_what_a_case_loses(case: dict[str, Any]) -> None:
    result = settled(case)
    order = {(row["num_act"], row["code"]): row for row in result["deductions"].iter_rows(named=True)}
    rows = [order[act["act"], code] for act in case["acts"] for code in act["grounds"]]
    shown = [(row["state"], row["s_sum"], row["fine_kop"]) for row in rows]
    assert shown == [(state, parse_amount(kept), parse_amount(fine)) for state, kept, fine in case["rows"]]
    posted = {
        kind: (int(part["change_kop"].sum()), int(part["fine_change_kop"].sum()))
        for (kind,), part in result["deductions"].partition_by("kind", as_dict=True).items()
    }
    wanted = {kind: tuple(parse_amount(amount) for amount in amounts) for kind, amounts in case["posted"].items()}
    assert {kind: sums for kind, sums in posted.items() if sums != (0, 0)} == wanted
    assert result["findings"]["rule"].to_list() == case.get("found", [])


def test_what_is_taken_and_what_is_given_back_stand_apart() -> None:
    case = next(one for one in CASES if one["name"].startswith("the reversed act stood before"))
    taken = taken_by_pair(settled(case)["deductions"])["75901", "750901"]
    assert (taken.withheld, taken.returned) == ({"mee": 0, "ekmp": 50_000}, {"mee": 50_000, "ekmp": 0})
    assert (taken.net("mee"), taken.net("ekmp"), taken.net_fine("mee")) == (-50_000, 50_000, -50_000)


def test_a_price_once_posted_is_not_made_anew() -> None:
    """Another standard in a later edition of the agreement: the earlier month's figures stand (law.md 0)."""
    case = {"amount": "1000.00", "standards": {3: "1000.00"}, "acts": [{"act": "A", "kind": "mee", "grounds": ["2.10"]}]}
    tables = tables_of(case)
    first = deduct(tables, samples.context("2022-03"))["deductions"]
    later = {
        "act": "B", "kind": "ekmp", "month": "2022-04", "grounds": ["3.1.4"],
    }  # fmt: skip
    tables["expertise_acts"] = acts_of([*case["acts"], later])  # type: ignore[list-item]
    doubled = tables["fine_standards"].with_columns(pl.col("amount4") * 2)
    second = deduct({**tables, "fine_standards": doubled, "deductions_before": first}, samples.context("2022-04"))["deductions"]
    assert second.filter(pl.col("num_act") == "A")["full_fine_kop"].to_list() == [50_000]
    assert second.filter(pl.col("num_act") == "A")["fine_change_kop"].to_list() == [0]
    assert second.filter(pl.col("num_act") == "B")["full_fine_kop"].to_list() == [200_000]


def test_an_act_whose_case_is_gone_is_named_and_takes_nothing() -> None:
    tables = tables_of({"amount": "1000.00", "acts": [{"act": "A", "kind": "mee", "grounds": ["2.10"]}]})
    tables["expertise_cases"] = tables["expertise_cases"].clear()
    result = deduct(tables, samples.context("2022-03"))
    assert result["deductions"].is_empty()
    assert result["findings"]["rule"].to_list() == ["E.23"]


def test_no_expertise_is_nothing() -> None:
    result = deduct({}, samples.context("2022-03"))
    assert result["deductions"].height == result["findings"].height == 0


CODES = {
    "mee": ["2.1", "2.2", "2.9", "2.10", "2.13", "2.14", "2.15", "2.16.1", "2.16.2", None],
    "ekmp": ["3.1.1", "3.1.4", "3.1.5", "3.2.2", "3.4", "3.10", "3.12", None],
}


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Any]:
    """A case and a history of acts on it: kinds, grounds, some of them changing an earlier one."""
    acts: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["mee", "ekmp"]))
        codes = draw(st.lists(st.sampled_from(CODES[kind]), min_size=1, max_size=3, unique=True))
        if None in codes:
            codes = [None]
        earlier = [act["act"] for act in acts if act["kind"] == kind]
        changes = draw(st.sampled_from([None, *earlier]))
        month = draw(st.sampled_from(["2022-03", "2022-04", "2022-05"]))
        month = max([month, *(act["month"] for act in acts if act["act"] == changes)])
        acts.append({"act": f"A{number}", "kind": kind, "grounds": codes, "changes": changes, "month": month})
    amount = draw(st.integers(0, 10**7))
    partly = draw(st.integers(0, max(amount - 1, 0))) if draw(st.booleans()) else 0
    return {
        "amount": f"{amount // 100}.{amount % 100:02d}", "acts": acts, "settle": "2022-05", "standards": {3: "4311.07"},
        "mek": {"taken": f"{partly // 100}.{partly % 100:02d}", "code": "1.7.2" if partly else None},
        "policy": draw(st.sampled_from(["max", "sum_capped"])),
    }  # fmt: skip


def in_steps(case: dict[str, Any]) -> tuple[pl.DataFrame, int, int]:
    """The last state after settling month by month, and the sums of what the months posted."""
    tables = tables_of(case)
    agreement = samples.agreement(several_grounds=case["policy"])
    state, posted, fines = None, 0, 0
    for month in ("2022-03", "2022-04", "2022-05"):
        acts = tables["expertise_acts"].filter(pl.col("settle_month") <= month)
        before = {} if state is None else {"deductions_before": state}
        state = deduct({**tables, **before, "expertise_acts": acts}, samples.context(month, agreement=agreement))["deductions"]
        posted, fines = posted + int(state["change_kop"].sum()), fines + int(state["fine_change_kop"].sum())
    assert state is not None
    return state, posted, fines


@settings(max_examples=60, deadline=None)
@given(case=histories())
def test_the_closed_algebra_of_any_history(case: dict[str, Any]) -> None:
    """law.md 10.4 and checks.md 4 after any history of acts, whatever the month of each."""
    state, posted, fines = in_steps(case)
    # What the months posted adds up to what stands: nothing is taken twice, nothing is lost.
    assert (posted, fines) == (int(state["s_sum"].sum()), int(state["fine_kop"].sum()))
    billed = tables_of(case)["expertise_cases"].row(0, named=True)
    mek = samples.rows(
        "decisions",
        {
            "case_key": 0, "sumv_kop": billed["sumv_kop"], "oplata": billed["oplata"], "sank_it_kop": billed["mek_kop"],
            "sump_kop": billed["sumv_kop"] - billed["mek_kop"], "ground_code": billed["mek_code"],
        },
    )  # fmt: skip
    decision = decided(mek, state).row(0, named=True)
    sumv, sank_it, sump = decision["sumv_kop"], decision["sank_it_kop"], decision["sump_kop"]
    assert sump == sumv - sank_it
    if decision["oplata"] == 1:
        assert sank_it == 0
    elif decision["oplata"] == 2:
        assert sump == 0
    else:
        assert 0 < sank_it < sumv
    own = {
        "case_key": 0, "s_code": "m", "s_sum": billed["mek_kop"], "s_tip": 1, "s_osn": 216, "rule": "C1", "code": "1.7.2",
        "date_act": date(2022, 3, 1), "num_act": "M", "s_ist": 1,
    }  # fmt: skip
    rows = all_sanctions(samples.rows("sanctions", own), state)
    by_kind = [int(rows.filter(pl.col("s_tip").is_in(kinds))["s_sum"].sum()) for kinds in (MEK, MEE, EKMP)]
    assert sum(by_kind) == sank_it  # SANK_MEK + SANK_MEE + SANK_EKMP = Σ SANK_IT
    assert rows.filter((pl.col("s_sum") != 0) & pl.col("s_osn").is_null()).is_empty()
    assert rows["s_code"].is_unique().all()
    if case["policy"] == "max":
        weighed = state.filter(~pl.col("state").is_in(["superseded", "clean"]))
        largest = max([billed["mek_kop"], *weighed["non_payment_kop"].drop_nulls().to_list()])
        assert sank_it == largest  # the largest ground, never a sum


@settings(max_examples=30, deadline=None)
@given(case=histories(), data=st.data())
def test_the_order_of_rows_does_not_matter(case: dict[str, Any], data: st.DataObject) -> None:
    tables = tables_of(case)
    rows = list(range(tables["expertise_acts"].height))
    shuffled = tables["expertise_acts"][data.draw(st.permutations(rows))]
    context = samples.context("2022-05", agreement=samples.agreement(several_grounds=case["policy"]))
    assert deduct(tables, context)["deductions"].equals(deduct({**tables, "expertise_acts": shuffled}, context)["deductions"])
