"""Which acts of expertise go in, which stay out, and is every reason named? (law.md 10.1-10.3.)"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from omsclaims import contract, messages
from omsclaims.findings import with_text
from omsclaims.law import federal_parameters
from omsclaims.money import parse_amount
from omsclaims.nsi import built_in_books
from omsclaims.periods import Month
from omsclaims.registry.expertise_file import RAW
from omsclaims.settlement.expertise.acts import Accepted, Rules, accept, grounds_on, last_day, settle_month

CASES = yaml.safe_load((Path(__file__).parents[3] / "fixtures/settlement/expertise_acts.yaml").read_text(encoding="utf-8"))
LAW = federal_parameters()
CARE = {"2022-02": date(2022, 2, 10), "2021-05": date(2021, 5, 24)}
#: idcase, record, month, bill, МЭК
BILLED = ((1, 1, "2022-02", "B-1", 1), (2, 2, "2022-02", "B-1", 2), (3, 3, "2021-05", "B-0", 1), (5, 5, "2022-02", "B-1", 1),
          (5, 6, "2022-02", "B-1", 1))  # fmt: skip


def cases() -> pl.DataFrame:
    """The closed cases of the examples."""
    return pl.DataFrame(
        [
            {
                "month": month, "mo": "750901", "nschet": bill, "idcase": idcase, "n_zap": n_zap, "package": f"P{bill}",
                "case_key": n_zap, "payer": "75901", "date_z_2": CARE[month], "sumv_kop": 100_000, "oplata": oplata,
                "ground_code": "1.4.4" if oplata == 2 else None,
            }
            for idcase, n_zap, month, bill, oplata in BILLED
        ]
    )  # fmt: skip


def raw(acts: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of a file as they are read."""
    rows = []
    for number, act in enumerate(acts, 1):
        month = str(act.get("month", "2022-02"))
        rows.append(
            {
                "row": number, "mo": act.get("mo", "750901"), "year": int(month[:4]), "bill_month": int(month[5:]),
                "nschet": act.get("nschet", "B-1"), "payer": act.get("payer", "75901"), "n_zap": act.get("n_zap"),
                "idcase": act.get("idcase", 1), "sl_id": act.get("sl_id"), "s_tip": act.get("s_tip", 50),
                "code": act.get("code", "2.10"), "kod": act.get("kod"), "code_exp": act.get("expert"),
                "date_act": act.get("date", date(2022, 3, 20)), "num_act": act.get("num", "A"), "first_act": act.get("changes"),
                "stated_kop": parse_amount(act["stated"]) if "stated" in act else None, "bad": act.get("bad"),
            }
        )  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in RAW} for row in rows], schema=RAW)


def taken(case: dict[str, Any]) -> Accepted:
    """What becomes of the acts of an example, after those that were there before."""
    closed = [str(month) for month in case.get("closed", ["2021-05", "2022-02"])]
    rules = Rules(built_in_books(), LAW, case.get("today", date(2022, 4, 20)), "75", closed)
    sl = pl.DataFrame({"month": ["2022-02"], "case_key": [1], "sl_id": ["s1"]})
    kept = contract.TABLES["expertise_acts"].empty()
    if "before" in case:
        earlier = accept(raw(case["before"]), {"cases": cases(), "sl": sl, "expertise_acts": kept}, rules, "before.xml")
        assert not earlier.findings.height
        kept = earlier.rows
    return accept(raw(case["acts"]), {"cases": cases(), "sl": sl, "expertise_acts": kept}, rules, "acts.xml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_an_act(case: dict[str, Any]) -> None:
    done = taken(case)
    assert {number: outcome for (_, number), outcome in done.outcomes.items()} == case["outcomes"]
    assert sorted(set(done.findings["rule"].to_list())) == case.get("found", [])
    accepted = {number for number, outcome in case["outcomes"].items() if outcome == "accepted"}
    assert set(done.rows["num_act"]) == accepted
    if "settled" in case:
        assert done.rows["settle_month"].unique().to_list() == [case["settled"]]


def test_every_finding_names_act_case_and_remedy() -> None:
    seen = set()
    for case in CASES:
        for lang in messages.LANGUAGES:
            for row in with_text(taken(case).findings, lang).iter_rows(named=True):
                seen.add(row["rule"])
                assert json.loads(row["params"])["act"] in row["text"]
                # A dash in the text would be a value that the finding forgot.
                assert " - " not in row["text"].replace(" - the", "").replace(" - 2", ""), row["text"]
                assert messages.has(f"rule.{row['rule']}.todo")
    assert seen == {f"E.{number}" for number in (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)}


def test_a_row_that_could_not_be_read_keeps_its_act_out() -> None:
    done = taken({"acts": [{}, {"num": "B", "bad": "S_DATE"}, {"num": "B", "idcase": 5, "n_zap": 6}]})
    assert done.outcomes == {("75901", "A"): "accepted", ("75901", "B"): "refused"}


def test_rows_are_what_the_contract_says() -> None:
    done = taken({"acts": [{"code": None, "kod": 240}, {"num": "R", "payer": None, "s_tip": 59, "code": None, "changes": "A"}]})
    first, second = done.rows.sort("seq").iter_rows(named=True)
    assert (first["code"], first["kod"], first["kind"], first["origin"], first["package"]) == ("2.10", 240, "mee", "act", "PB-1")
    assert (second["code"], second["origin"], second["first_act"], second["payer"]) == (None, "recontrol", "A", "75")
    assert (first["seq"], second["seq"], first["n_zap"]) == (1, 2, 1)


def test_terms_and_months() -> None:
    # 31.05.2022 is a Tuesday; 28.02.2023 a Tuesday; the term of April 2021 ends on Saturday, 30.04.2022, and May begins with days off.
    assert last_day(Month(2021, 4), LAW) == date(2022, 5, 4)
    assert last_day(Month(2022, 2), LAW) == date(2023, 2, 28)
    # The calendar of 2027 is not known: the day stands.
    assert last_day(Month(2026, 8), LAW) == date(2027, 8, 31)
    assert settle_month(date(2022, 3, 20), []) == Month(2022, 3)
    assert settle_month(date(2022, 3, 20), ["2022-03"]) == Month(2022, 4)
    assert settle_month(date(2022, 12, 20), ["2022-12"]) == Month(2023, 1)


def test_a_kod_that_means_two_grounds_means_none() -> None:
    listed = grounds_on(built_in_books(), date(2022, 3, 1))
    assert listed["2.16.2"] is listed[247]
    assert listed["2.16.2"]["k_no5"] == 100_000
    codes = [row["kod"] for row in listed.values()]
    assert all(codes.count(kod) == 2 for kod in codes if kod in listed)
