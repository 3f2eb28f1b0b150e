"""Is a claim in time, is the decision, and what becomes of the act? (law.md 10.6.)"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from omsclaims import messages
from omsclaims.findings import with_text
from omsclaims.law import federal_parameters
from omsclaims.nsi import built_in_books
from omsclaims.settlement.expertise.acts import Rules
from omsclaims.settlement.expertise.appeals import RAW, Claims, claim_by, decide_by, overdue, register
from tests.settlement import settlement_samples as samples

CASES = yaml.safe_load((Path(__file__).parents[3] / "fixtures/settlement/expertise_appeals.yaml").read_text(encoding="utf-8"))
LAW = federal_parameters()


def rules() -> Rules:
    return Rules(built_in_books(), LAW, date(2022, 6, 30), "75", ["2022-02", "2022-03", "2022-04", "2022-05"])


def tables(received: date | None = None) -> dict[str, pl.DataFrame]:
    """The disputed act on two cases."""
    acts = [
        {
            "payer": "75901", "num_act": "A", "date_act": date(2022, 4, 25), "kind": "mee", "s_tip": 50, "mo": "750901",
            "month": "2022-02", "package": "P", "n_zap": number, "idcase": number, "case_key": number, "code": "2.10", "kod": 240,
            "origin": "act", "settle_month": "2022-04", "digest": "x", "seq": number,
        }
        for number in (1, 2)
    ]  # fmt: skip
    cases = [
        {"month": "2022-02", "package": "P", "n_zap": number, "idcase": number, "date_z_2": date(2022, 2, 10)}
        for number in (1, 2)
    ]
    receipts = [] if received is None else [{"mo": "750901", "num_act": "A", "received_on": received}]
    return {
        "expertise_acts": samples.rows("expertise_acts", *acts),
        "expertise_appeals": samples.rows("expertise_appeals"),
        "expertise_cases": samples.rows("expertise_cases", *cases),
        "reg_receipt": samples.rows("reg_receipt", *receipts),
    }


def raw(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of a file of claims."""
    made = [
        {
            "claim": row.get("claim", "C"), "mo": row.get("mo", "750901"), "payer": "75901", "num_act": row.get("act", "A"),
            "idcase": row.get("idcase", 1), "claimed_on": row.get("claimed", date(2022, 5, 11)), "outcome": row.get("outcome"),
            "decided_on": row.get("decided"), "decision": row.get("decision"), "code": row.get("code"),
        }
        for row in rows
    ]  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in RAW} for row in made], schema=RAW)


def taken(case: dict[str, Any]) -> Claims:
    """The files of an example, a row a file, so that their order is the order of time."""
    state = tables(case.get("received"))
    found, outcomes = [], {"taken": 0, "already": 0, "refused": 0}
    for row in case["file"]:
        done = register(raw(row), state, rules(), "claims.csv")
        state = {**state, "expertise_appeals": done.appeals, "expertise_acts": pl.concat([state["expertise_acts"], done.acts])}
        found.append(done.findings)
        outcomes = {name: outcomes[name] + done.outcomes[name] for name in outcomes}
    return Claims(state["expertise_appeals"], state["expertise_acts"], pl.concat(found), outcomes)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_a_claim(case: dict[str, Any]) -> None:
    done = taken(case)
    assert done.appeals["state"].to_list() == case["states"]
    assert done.findings["rule"].to_list() == case.get("found", [])
    made = done.acts.filter(pl.col("origin") == "appeal")
    shown = [list(row) for row in made.sort("seq").select("num_act", "first_act", "code", "settle_month").iter_rows()]
    assert shown == [[*row[:3], str(row[3])] for row in case.get("acts", [])]
    for name in ("claim_by", "decide_by"):
        if name in case:
            assert done.appeals[name].unique().to_list() == [case[name]]


def test_a_decision_is_an_act_of_repeated_expertise_of_the_fund() -> None:
    case = {"file": [{"outcome": "changed", "decided": date(2022, 6, 1), "decision": "D-1", "code": "2.13"}]}
    act = taken(case).acts.filter(pl.col("origin") == "appeal").row(0, named=True)
    assert (act["payer"], act["s_tip"], act["kind"], act["kod"], act["seq"]) == ("75", 59, "mee", 243, 3)
    assert (act["month"], act["package"], act["n_zap"], act["idcase"], act["mo"]) == ("2022-02", "P", 1, 1, "750901")


def test_the_same_file_again_changes_nothing() -> None:
    state = tables()
    file = raw({}, {"idcase": 2, "outcome": "upheld", "decided": date(2022, 6, 1), "decision": "D-1"})
    first = register(file, state, rules(), "claims.csv")
    assert first.outcomes == {"taken": 2, "already": 0, "refused": 0}
    state = {**state, "expertise_appeals": first.appeals, "expertise_acts": pl.concat([state["expertise_acts"], first.acts])}
    again = register(file, state, rules(), "claims.csv")
    assert again.outcomes == {"taken": 0, "already": 2, "refused": 0}
    assert again.appeals.equals(first.appeals)
    assert again.acts.is_empty() and again.findings.is_empty()


def test_overdue_is_after_the_last_day() -> None:
    appeals = taken({"file": [{}]}).appeals
    until = appeals["decide_by"][0]
    assert until == date(2022, 6, 23)
    assert overdue(appeals, until).is_empty()
    assert overdue(appeals, date(2022, 6, 24))["days"].to_list() == [1]
    decided = taken({"file": [{"outcome": "rejected", "decided": date(2022, 6, 1), "decision": "D"}]}).appeals
    assert overdue(decided, date(2022, 12, 1)).is_empty()


def test_terms_are_working_days() -> None:
    # 21-24 and 27-30 December are eight days, 31.12.2021 and 1-9 January are days off, 10-14, 17 and 18 January the other seven.
    assert claim_by(date(2021, 12, 20), LAW) == date(2022, 1, 18)
    assert decide_by(date(2021, 12, 20), LAW) == date(2022, 2, 8)


def test_every_finding_is_a_sentence() -> None:
    for case in CASES:
        for lang in messages.LANGUAGES:
            for row in with_text(taken(case).findings, lang).iter_rows(named=True):
                assert "{" not in row["text"]
                assert messages.has(f"rule.{row['rule']}.title")
