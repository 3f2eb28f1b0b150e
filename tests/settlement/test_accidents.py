"""Which care is for an accident, what is withheld of what was paid, which terms run? (Rules 106-109, 120, 131)"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from omsclaims import messages
from omsclaims.findings import with_text
from omsclaims.identifiers import build_enp
from omsclaims.settlement import accidents
from omsclaims.settlement.expertise.deductions import deduct
from omsclaims.settlement.identify import keys_of_enp
from tests.settlement.settlement_samples import case, context, rows

WRITTEN = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "fixtures" / "settlement" / "accidents.yaml").read_text(encoding="utf-8")
)
BORN = date(1980, 5, 15)
ENP = {number: build_enp("75", BORN, 2, number) for number in (1, 2, 3)}
NAMES = {1: "ИВАНОВА", 2: "ДВОЙНИК", 3: "ДВОЙНИК"}


def key_of(person: int) -> str:
    return str(keys_of_enp(pl.Series([ENP[person]]), context().secret)[0])


def registers(written: dict[str, Any]) -> dict[str, pl.DataFrame]:
    notices = [
        {"notice": "17", "received_on": date(2022, 3, 20), "enp": ENP[1], "dr": BORN, "accident_on": date(2022, 2, 28),
         "care_from": date(2022, 3, 1), "ds1": "S72.0", "mo": "750901", **row}
        for row in written["notices"]
    ]  # fmt: skip
    policies = [
        {"enp": enp, "fam": NAMES[number], "im": "АННА", "dr": BORN, "w": 2, "vpolis": 3, "smo": "75901",
         "policy_from": date(2015, 1, 1), "place": "city"}
        for number, enp in ENP.items()
    ]  # fmt: skip
    return {"reg_accident": rows("reg_accident", *notices), "reg_insured": rows("reg_insured", *policies)}


def month(written: dict[str, Any]) -> dict[str, pl.DataFrame]:
    cases, identified, sl = [], [], []
    for key, row in enumerate(written.get("cases", ()), 1):
        given = {"person": 1, "ds1": "S72.1", "lpu": "750901", "date_z_1": date(2022, 3, 1), **row}
        cases.append(case(key, lpu=given["lpu"], date_z_1=given["date_z_1"]))
        identified.append({"case_key": key, "person_key": key_of(given["person"]), "status": "own"})
        sl += [{"case_key": key, "ds1": code} for code in ([given["ds1"]] if isinstance(given["ds1"], str) else given["ds1"])]
    return {
        "cases": rows("cases", *cases), "identified": rows("identified", *identified),
        "sl": pl.DataFrame(sl, schema={"case_key": pl.Int64, "ds1": pl.String}),
    }  # fmt: skip


def paid_before(written: dict[str, Any]) -> dict[str, pl.DataFrame]:
    history, before = [], []
    for key, row in enumerate(written.get("paid", ()), 1):
        given = {"ds1": "S72.1", "lpu": "750901", "payer": "75901", "oplata": 1, **row}
        named = {"month": "2022-02", "package": "HM750901T75_220201", "n_zap": key, "idcase": key, "case_key": key,
                 "payer": given["payer"], "mo": "750901"}  # fmt: skip
        for code in [given["ds1"]] if isinstance(given["ds1"], str) else given["ds1"]:
            history.append({**named, "lpu": given["lpu"], "person_key": key_of(1), "date_z_1": given["date_z_1"], "ds1": code,
                            "oplata": given["oplata"], "sump_kop": int(given["sump"] * 100)})  # fmt: skip
        if row.get("withheld_before"):
            before.append({**named, "notice": "17", "code": "1.6.4", "amount_kop": int(given["sump"] * 100)})
    return {
        "accident_history": rows("accident_history", *history), "accident_deductions_before": rows("accident_deductions", *before)
    }  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN, ids=lambda written: written["name"])
def test_notices_of_the_fixture(written: dict[str, Any]) -> None:
    tables = {**registers(written), **month(written), **paid_before(written)}
    made = context(as_of=date(2022, 4, 20))
    here = accidents.accident_cases(tables, made)
    found = {
        key: "clinic" if same else "elsewhere"
        for key, same in here["accident_cases"].select("case_key", "same_clinic").iter_rows()
    }
    assert [found.get(key) for key in range(1, len(written.get("cases", ())) + 1)] == written.get("found", [])
    before = accidents.accident_deductions(tables, made)
    assert before["accident_deductions"]["amount_kop"].to_list() == [int(kop * 100) for kop in written.get("withheld", [])]
    assert set(before["accident_deductions"]["code"]) <= {"1.6.4"}
    assert before["accident_deductions"]["kod"].null_count() == 0
    problems = pl.concat([here["findings"], before["findings"]])
    assert problems["rule"].to_list() == written.get("findings", [])
    assert problems["code"].null_count() == problems.height  # C199 refuses, these only say
    turned = {name: table.reverse() for name, table in tables.items()}
    assert accidents.accident_cases(turned, made)["accident_cases"].equals(here["accident_cases"])
    assert accidents.accident_deductions(turned, made)["accident_deductions"].equals(before["accident_deductions"])
    for lang in messages.LANGUAGES:
        texts = " ".join(with_text(problems, lang)["text"])
        assert not any(secret in texts for secret in (*ENP.values(), *NAMES.values()))


def test_care_before_the_new_numbering_is_withheld_by_the_old_ground() -> None:
    written = {"notices": [{"care_from": date(2021, 5, 1)}], "paid": [{"date_z_1": date(2021, 5, 24), "sump": 5.0}]}
    tables = {**registers(written), **paid_before(written)}
    found = accidents.accident_deductions(tables, context())["accident_deductions"]
    assert found.select("code", "kod").rows() == [("5.3.3", 63)]


def test_expertise_takes_nothing_of_what_is_withheld() -> None:
    named = {"month": "2022-02", "package": "P", "n_zap": 1, "idcase": 1}
    cases = rows(
        "expertise_cases",
        {**named, "sumv_kop": 100, "oplata": 1, "mek_kop": 0},
        {**named, "idcase": 2, "sumv_kop": 70, "oplata": 1, "mek_kop": 0},
    )
    withheld = rows("accident_deductions", {**named, "code": "1.6.4"})
    done = accidents.without_accidents(cases, withheld.clear(), withheld)
    assert done.select("idcase", "oplata", "mek_kop", "mek_code").rows() == [(1, 2, 100, "1.6.4"), (2, 1, 0, None)]
    assert done.columns == cases.columns


@pytest.mark.parametrize(
    ("change", "as_of", "status"),
    [
        ({}, date(2022, 3, 9), "to_send"),
        ({}, date(2022, 3, 10), "send_overdue"),
        ({"enp": "7599999999999999"}, date(2022, 3, 4), "not_found"),
        ({"sent_on": date(2022, 3, 4)}, date(2022, 3, 9), "to_report"),
        ({"sent_on": date(2022, 3, 4)}, date(2022, 3, 10), "report_overdue"),
        ({"sent_on": date(2022, 3, 4), "reported_on": date(2022, 3, 5)}, date(2022, 3, 10), "done"),
    ],
)
def test_terms_of_a_notice(change: dict[str, Any], as_of: date, status: str) -> None:
    """Received on Tuesday 1 March 2022: working days are 2, 3, 4, the worked Saturday 5 and, after two days off, 9. The three days
    of a report from the 4th end on the 7th, a day off, so on the 9th."""
    written = {"notices": [{"received_on": date(2022, 3, 1), "decided_on": date(2022, 2, 20), **change}]}
    row = accidents.terms(registers(written), context(as_of=as_of)).row(0, named=True)
    assert (row["find_by"], row["send_by"]) == (date(2022, 3, 4), date(2022, 3, 9))
    assert row["inform_by"] == date(2022, 3, 2)
    assert row["report_by"] == (date(2022, 3, 9) if "sent_on" in change else None)
    assert row["status"] == status
    assert row["smo"] == (None if status == "not_found" else "75901")


def test_expertise_gives_back_what_it_had_of_a_case_that_is_withheld() -> None:
    """МЭЭ took 500.00 of 1000.00 in March; in April the accident takes all of it, so МЭЭ gives its part back: 1000.00 in all."""
    named = {"month": "2022-02", "package": "P", "n_zap": 1, "idcase": 1, "case_key": 0, "payer": "75901", "mo": "750901"}
    billed = rows(
        "expertise_cases", {**named, "usl_ok": 3, "date_z_2": date(2022, 2, 10), "sumv_kop": 100_000, "oplata": 1, "mek_kop": 0}
    )
    act = {**named, "num_act": "1", "date_act": date(2022, 3, 20), "kind": "mee", "s_tip": 50, "code": "2.10", "origin": "act",
           "settle_month": "2022-03", "digest": "", "seq": 1}  # fmt: skip
    standards = rows(
        "fine_standards",
        {"usl_ok": 3, "amount4": 1_000_000, "valid_from": date(2021, 1, 1), "valid_to": date(2022, 12, 31), "reference": "x"},
    )
    tables = {"expertise_acts": rows("expertise_acts", act), "expertise_cases": billed, "fine_standards": standards}
    march = deduct(tables, context("2022-03"))["deductions"]
    assert march["change_kop"].to_list() == [50_000]
    withheld = rows("accident_deductions", {**named, "notice": "17", "code": "1.6.4", "amount_kop": 100_000})
    patched = accidents.without_accidents(billed, withheld)
    april = deduct({**tables, "expertise_cases": patched, "deductions_before": march}, context("2022-04"))["deductions"]
    assert april.select("state", "s_sum", "change_kop").rows() == [("refused_by_mek", 0, -50_000)]
    assert march["change_kop"].sum() + april["change_kop"].sum() + withheld["amount_kop"].sum() == 100_000
