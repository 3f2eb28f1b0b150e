"""What does the home fund refuse of another territory's bill, on what ground, and what of it is owed? (law.md 11)"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
import yaml

from omsclaims import findings, messages
from omsclaims.law import federal_parameters
from omsclaims.settlement.between import home, items, reading
from tests.settlement import settlement_samples as samples
from tests.settlement.between.home_samples import ENPS, NAME, bill, insured, item, registers

OF: Final = samples.context("2022-02", as_of=date(2022, 4, 10))
ANSWER: Final = "A7538220003"
FIXTURE: Final = Path(__file__).resolve().parents[3] / "fixtures" / "between" / "home.yaml"
WRITTEN: Final[list[dict[str, Any]]] = yaml.safe_load(FIXTURE.read_text(encoding="utf-8"))["cases"]


def controlled(*rows: dict[str, Any], given: dict[str, pl.DataFrame] | None = None) -> home.Controlled:
    return home.control({**home.tables(NAME, bill(*rows)), **(given or registers())}, OF)


def told(made: home.Controlled) -> list[tuple[str, str, int]]:
    found = made.findings.filter(pl.col("rule").str.starts_with("TH"))
    return sorted(found.select("rule", "code", "n_zap").rows())


def accepted(*rows: dict[str, Any], name: str = "R3875220001") -> pl.DataFrame:
    """Care of items of an earlier bill."""
    made = home.tables(name, bill(*rows, name=name))
    return home.care_of(name, made, home.control({**made, **registers()}, OF).identified)


def test_a_bill_without_defects_has_no_finding() -> None:
    assert told(controlled(*(item(number) for number in (1, 2, 3)))) == []


NOTICE: Final = {
    "notice": "N-1", "received_on": date(2022, 3, 1), "accident_on": date(2022, 1, 31), "enp": ENPS[0], "dr": date(1980, 1, 1),
    "care_from": date(2022, 2, 1), "ds1": "I10", "mo": "380001", "fam": "Х", "im": "Х", "ot": "Х",
}  # fmt: skip


@pytest.mark.parametrize("case", WRITTEN, ids=[case["name"] for case in WRITTEN])
def test_each_ground_as_written(case: dict[str, Any]) -> None:
    given = registers(insured(ENPS[0], **case.get("policy", {})), insured(ENPS[1]))
    expected = [(rule, code, 1) for rule, code in case["found"]]
    assert told(controlled(item(1, **case.get("item", {})), item(2), given=given)) == expected, case["count"]


def test_the_same_care_twice_in_the_bill_but_not_twins() -> None:
    same = item(2, enp=ENPS[0])
    assert told(controlled(item(1), same)) == [("TH.4", "1.10.2", 2)]
    child = {"enp": ENPS[0], "dr": date(2022, 2, 1)}
    assert told(controlled(item(1, novor="10102221", **child), item(2, novor="10102222", **child))) == []
    assert told(controlled(item(1, novor="10102221", **child), item(2, novor="10102221", **child))) == [("TH.4", "1.10.2", 2)]


def test_paid_before_in_another_bill_and_in_an_own_month() -> None:
    before = registers(accepted=accepted(item(9, enp=ENPS[0])))
    assert told(controlled(item(1), item(2), given=before)) == [("TH.5", "1.10.1", 1)]
    assert told(controlled(item(1, ds1="I11"), given=before)) == [("TH.6", "1.10.6", 1)]  # another stay on the same days
    assert told(controlled(item(1, ds1="I11", usl_ok=3), given=before)) == []
    key = controlled(item(1)).identified["person_key"][0]
    own = {
        "person_key": key,
        "month": "2022-02",
        "usl_ok": 1,
        "date_1": date(2022, 2, 1),
        "date_2": date(2022, 2, 8),
        "profil": 97,
    }
    own |= {"ds1": "I10", "novor": "0", "code_mo": "750901", "sump_kop": 5}
    assert told(controlled(item(1), given=registers(history=samples.rows("history", own)))) == [("TH.5", "1.10.1", 1)]
    refused = samples.rows("history", {**own, "sump_kop": 0})
    assert told(controlled(item(1), given=registers(history=refused))) == []


@pytest.mark.parametrize(
    ("first", "last", "refused"),
    [
        (date(2022, 2, 8), date(2022, 2, 12), False),
        (date(2022, 2, 7), date(2022, 2, 12), True),
        (date(2022, 1, 20), date(2022, 2, 1), False),
    ],
)
def test_stays_overlap_save_a_day_of_transfer(first: date, last: date, refused: bool) -> None:
    other = item(9, enp=ENPS[0], date_z_1=first, date_z_2=last)
    expected = [("TH.6", "1.10.6", 1)] if refused else []
    assert told(controlled(item(1), given=registers(accepted=accepted(other)))) == expected
    in_bill = told(controlled(item(1), item(2, enp=ENPS[0], date_z_1=first, date_z_2=last)))
    assert in_bill == ([("TH.6", "1.10.6", 2)] if refused else [])


def test_severe_accident() -> None:
    given = registers(reg_accident=samples.rows("reg_accident", NOTICE))
    assert told(controlled(item(1), item(2), given=given)) == [("TH.8", "1.6.4", 1)]


def decided(
    rows: list[dict[str, Any]], stage: items.Stage = "answer", questions: pl.DataFrame | None = None, **given: Any
) -> home.Decided:
    made = controlled(*rows, **given)
    asked = reading.of_tables(NAME, "R", bill(*rows))
    return home.decide(asked, made.findings, stage, ANSWER, date(2022, 4, 10), made.care, OF, questions)


def test_the_last_answer_has_no_ground_for_what_was_given_up() -> None:
    """D gave up the 300.00 that were questioned of item 1: the rest was accepted, whatever control finds in it today."""
    row = item(1, enp="0099999999999999")
    asked = reading.of_tables(NAME, "R", bill(row))
    one = items.fold(asked).with_columns(
        state=pl.lit("conceded"), accepted_kop=pl.lit(70_000), conceded_kop=pl.lit(30_000), open_kop=pl.lit(0)
    )
    corrected = asked.with_columns(sump_kop=pl.lit(70_000))
    made = controlled(row)
    assert told(made)
    day = date(2022, 4, 10)
    last = home.decide(corrected, made.findings, "final", ANSWER, day, made.care, OF, states=one)
    assert last.sanctions.is_empty()
    assert last.items.select("sump_kop", "sank_it_kop", "oplata").rows() == [(70_000, 0, 1)]
    assert items.illegal(corrected, one, last.items, "final").is_empty()


def test_a_refused_item_of_a_bill_that_the_place_fund_reduced() -> None:
    """Item 1: 1,000.00 less 200.00 of its own control, asked for 800.00, not insured here. Item 2 is accepted."""
    made = decided([item(1, enp="0099999999999999", own=20_000), item(2)])
    columns = ("n_zap", "sumv_kop", "own_sank_kop", "sump_kop", "sank_it_kop", "oplata", "s_tip", "s_ist", "kods")
    assert made.items.select(columns).rows() == [
        (1, 100_000, 0, 0, 80_000, 2, 1, 2, "210"),
        (2, 100_000, 0, 100_000, 0, 1, None, None, None),
    ]
    asked = ("s_code", "s_sum", "s_tip", "s_osn", "s_ist", "date_act", "num_act")
    assert made.sanctions.select(asked).rows() == [("1", 80_000, 1, 210, 2, date(2022, 4, 10), "SA7538220003")]


def test_the_decision_is_lawful_for_both_funds_and_money_follows() -> None:
    rows = [item(1, enp="0099999999999999", own=20_000), item(2), item(3, vidpom=4)]
    asked = reading.of_tables(NAME, "R", bill(*rows))
    made = decided(rows)
    before = items.fold(asked)
    assert items.illegal(asked, before, made.items, "answer").is_empty()
    after = items.fold(asked, answer=made.items)
    moved = {"bill": int(asked["sump_kop"].sum()), **items.moved(before, after)}
    events = home.money_events(moved, "75", "38", NAME, date(2022, 3, 15), date(2022, 4, 10))
    # 800.00 + 1,000.00 + 1,000.00 asked for; items 1 and 3 questioned
    assert events.select("event", "amount_kop").rows() == [("bill_of_territory", 280_000), ("questioned_of_territory", 180_000)]
    assert set(events["parties"]) == {'{"fund":"fund:75","territory":"territory:38"}'}


def test_several_grounds_one_takes_the_money() -> None:
    made = decided([item(1, enp="0099999999999999", vidpom=4)])
    assert made.sanctions.select("code", "s_sum", "s_code").rows() == [("1.5", 100_000, "1"), ("1.6.1", 0, "2")]
    assert made.items.select("sank_it_kop", "codes", "kods").rows() == [(100_000, "1;2", "210;211")]


def test_experts_question_a_part() -> None:
    row = {"n_zap": 1, "idcase": 1, "s_sum": 30_000, "s_tip": 70, "code": "1.6.1", "code_exp": "38000001"}
    questions = pl.DataFrame([{name: row.get(name) for name in home.QUESTIONS}], schema=home.QUESTIONS)
    made = decided([item(1)], questions=questions)
    assert made.items.select("sump_kop", "sank_it_kop", "oplata", "s_tip").rows() == [(70_000, 30_000, 3, 70)]
    # With S_IST 2 only МЭК has an act; experts are named from the final stage on.
    assert made.sanctions.select("date_act", "num_act", "code_exp").rows() == [(None, None, None)]
    final = decided([item(1)], stage="final", questions=questions)
    assert final.sanctions.select("s_ist", "date_act", "code_exp").rows() == [(4, date(2022, 4, 10), "38000001")]
    too_much = questions.with_columns(s_sum=pl.lit(999_999_999, dtype=pl.Int64))
    assert decided([item(1)], questions=too_much).items["sump_kop"].to_list() == [0]


def test_order_of_items_does_not_show() -> None:
    rows = [item(1), item(2, enp=ENPS[0]), item(3, vidpom=4), item(4, date_z_2=date(2022, 2, 20))]
    straight, turned = decided(rows), decided(rows[::-1])
    assert straight.items.equals(turned.items)
    assert straight.sanctions.equals(turned.sanctions)


def test_findings_speak_both_languages_and_hold_no_personal_value() -> None:
    made = controlled(item(1, enp="0099999999999999"), item(2, vidpom=4), item(3, sum_m=1), item(4, enp=ENPS[1]))
    for lang in ("ru", "en"):
        for text in findings.with_text(made.findings, lang)["text"]:
            assert "ИВАН" not in text and not any(enp in text for enp in ENPS) and "{" not in text
    for rule in home.RULES:
        for part in ("title", "text", "todo"):
            assert messages.has(f"rule.{rule}.{part}")


def test_every_finding_has_a_ground_on_every_day() -> None:
    for day in (date(2011, 1, 1), date(2021, 5, 24), date(2021, 5, 25), date(2022, 2, 1)):
        assert set(home.grounds(federal_parameters(), day)) == set(home.RULES)
