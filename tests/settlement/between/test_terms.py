"""Do the terms of the law end on the days that were counted by hand? Through the functions that the program uses (law.md 15)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
import yaml

from omsclaims import contract
from omsclaims.law import Parameters, federal_parameters
from omsclaims.law import terms as law_terms
from omsclaims.periods import CalendarEndsError, Month
from omsclaims.settlement import accidents, financing, insured, payments, territories
from omsclaims.settlement.between import abroad, terms
from omsclaims.settlement.expertise import appeals
from tests.settlement import settlement_samples as samples

ROOT: Final = Path(__file__).resolve().parents[3]
WRITTEN: Final = yaml.safe_load((ROOT / "fixtures" / "settlement" / "terms.yaml").read_text(encoding="utf-8"))["blocks"]
LAW: Final = federal_parameters()


def _worked() -> Parameters:
    """The law under which days by decree are worked, on every day."""
    law = LAW
    for value in LAW.by_name["calendar.decree_days_off"].values:
        law = law.with_value("calendar.decree_days_off", value.since, value=False, reference="a switch of the test")
    return law


def _accident(name: str, event: date, law: Parameters) -> date:
    """A term of a notice through the list of terms of accidents."""
    row: dict[str, Any] = {"notice": "1", "received_on": event, "accident_on": event, "dr": date(1980, 1, 1), "mo": "750001"}
    row |= {"fam": "Х", "im": "Х", "ot": "Х", "decided_on": event, "sent_on": event}
    tables = {"reg_accident": samples.rows("reg_accident", row), "reg_insured": contract.TABLES["reg_insured"].empty()}
    context = samples.context(str(Month(event.year, event.month)), as_of=date(2030, 1, 1))
    object.__setattr__(context, "law", law)
    found: date = accidents.terms(tables, context)[name][0]
    return found


def _apportionment(event: date, law: Parameters) -> date:
    tables = {name: contract.TABLES[name].empty() for name in ("reg_unchosen", "reg_insured", "reg_insurer")}
    context = samples.context(str(Month(event.year, event.month)), as_of=event)
    object.__setattr__(context, "law", law)
    return insured.apportion(tables, context, Month(event.year, event.month)).notify_by


def _territory(step: str) -> Callable[[date, Parameters], date | None]:
    """The step through the list of terms; the first also through the terms of a bill of the month."""

    def found(event: date, law: Parameters) -> date | None:
        last = terms.due(step, event, law)
        if step == "bill":
            assert last == territories.terms(Month(event.year, event.month), law, clinic_billed=event).bill
        return last

    return found


#: Functions of the program; a term that has none of its own is counted by `law.terms` alone.
THROUGH: Final[dict[str, Callable[[Any, Parameters], date | None]]] = {
    "insured.certificate_working_days": lambda event, law: insured.certificate_ends(event, None, law),
    "insured.apportionment_notice_working_days": _apportionment,
    "accidents.find_working_days": lambda event, law: _accident("find_by", event, law),
    "accidents.send_working_days": lambda event, law: _accident("send_by", event, law),
    "accidents.report_days": lambda event, law: _accident("report_by", event, law),
    "accidents.inform_days": lambda event, law: _accident("inform_by", event, law),
    "expertise.appeal_working_days": appeals.claim_by,
    "expertise.decision_working_days": appeals.decide_by,
    "payments.resubmission_working_days": payments.resubmit_by,
    "territories.bill_working_days": _territory("bill"),
    "territories.answer_working_days": _territory("answer"),
    "territories.corrected_working_days": _territory("corrected"),
    "territories.final_working_days": _territory("final"),
    "territories.pay_clinic_days": lambda event, law: terms.law_due("bill", event, law),
    "territories.refund_days": lambda event, law: terms.law_due("answer", event, law),
    "abroad.mek_working_days": lambda event, law: abroad.terms(Month(2022, 1), event, law).mek_by,
    "abroad.pay_days": lambda event, law: abroad.terms(Month(2022, 1), event, law).pay_by,
    "financing.notice_working_day": financing.notice_date,
    "territories.clinic_bill_working_day": lambda month, law: territories.terms(month, law).clinic_bill,
    "abroad.clinic_bill_working_day": lambda month, law: abroad.terms(month, None, law).bill_by,
    "territories.reconcile_send": lambda year, law: terms.reconciliation(year, law).send_by,
    "territories.reconcile_return": lambda year, law: terms.reconciliation(year, law).return_by,
    "abroad.reconcile_send": lambda year, law: terms.reconciliation(year, law, "abroad").send_by,
    "abroad.reconcile_return": lambda year, law: terms.reconciliation(year, law, "abroad").return_by,
}
ROWS: Final = [(block, name) for block in WRITTEN for name in block["terms"]]


def _ends(name: str, case: dict[str, Any], law: Parameters) -> date | None:
    event = Month.parse(case["month"]) if "month" in case else case.get("event", case.get("year"))
    if name not in THROUGH:
        return law_terms.due(law, name, case["event"])
    return THROUGH[name](event, law)


@pytest.mark.parametrize(("block", "name"), ROWS, ids=[name for _, name in ROWS])
def test_terms_end_on_the_days_counted_by_hand(block: dict[str, Any], name: str) -> None:
    assert LAW.by_name[name].unit == block["unit"]
    worked = _worked()
    assert len(block["cases"]) >= 4
    for case in block["cases"]:
        assert str(_ends(name, case, LAW)) == str(case["due"]), case
        assert str(_ends(name, case, worked)) == str(case.get("decree_worked", case["due"])), case


def test_every_term_of_the_law_is_in_the_table() -> None:
    """A parameter counted in days of the law is a term: it stands in the table, or it is no term of the sections asked for."""
    others = {  # lengths that begin with no day of a case: lists, choices of the program, terms of high-tech care (law.md 9)
        "control.mek_act_working_days", "expertise.act_term_months", "financing.return_unused_working_days",
        "reserves.preventive_limit_days", "reserves.spare_limit_months", "tariffs.short_stay_days", "territories.due_soon_working_days",
    }  # fmt: skip
    counted = {name for name, parameter in LAW.by_name.items() if parameter.unit in law_terms.UNITS}
    written = {name for _, name in ROWS}
    left = {name for name in counted - written - others if not name.startswith("vouchers.")}
    assert left == {"insured.insurer_change_last_day"}, left  # a day of a policy, held against 1 November by the register's check
    assert written <= counted


@pytest.mark.parametrize("block", WRITTEN, ids=lambda block: f"{block['length']} {block['unit']}")
def test_the_counts_that_are_written_add_up(block: dict[str, Any]) -> None:
    """The written count itself: so many working days in all as the term is long, and it ends on the day written."""
    for case in block["cases"]:
        if not block["unit"].startswith("working day"):
            continue
        spans = [part for part in case["count"].split("; ") if " = " in part]
        assert sum(int(span.split(" = ")[1].split(" ")[0]) for span in spans) == block["length"], case
        assert spans[-1].split(" = ")[0].split("-")[-1] == f"{case['due']:%d.%m}", case


def test_every_block_goes_over_each_kind_of_day() -> None:
    for block in WRITTEN:
        said = {case["over"] for case in block["cases"]}
        if block["unit"] in ("working days", "days", "months", "working day of the month"):
            assert {"weekend", "New Year", "decree 2020", "decree 2021"} <= said, block["length"]
            assert said & {"transferred day", "worked Saturday"}


def test_a_calendar_that_ends_is_said_and_stops_nothing() -> None:
    assert terms.due("answer", date(2026, 12, 20), LAW) is None
    with pytest.raises(CalendarEndsError):
        law_terms.due(LAW, "territories.answer_working_days", date(2026, 12, 20))
    bill = _file("R0175260001", "R", sent_on=date(2026, 12, 20), presented_kop=100, items=1)
    rows = terms.dates("R0175260001", samples.rows("between_files", bill), LAW, date(2026, 12, 25))
    assert rows.select("step", "due", "state").rows() == [("answer", None, "no_calendar")]
    assert abroad.terms(Month(2026, 12), date(2026, 12, 30), LAW) == abroad.Terms(None, None, None)
    assert terms.reconciliation(2031, LAW).send_by is None


def _file(name: str, kind: str, **given: Any) -> dict[str, Any]:
    """A row of between_files as the place fund 01 keeps it."""
    out = kind in "RDC"
    usual = {
        "file_name": name, "kind": kind, "side": "place", "direction": "out" if out else "in", "sender": "01" if out else "75",
        "receiver": "75" if out else "01", "year": 2022, "month": 2, "nschet": "75-2202-0001", "dschet": date(2022, 3, 15),
        "state": "taken", "presented_kop": 0, "accepted_kop": 0, "items": 0, "late": False, "seq": 1,
    }  # fmt: skip
    return usual | given


def test_steps_of_a_bill() -> None:
    """Bill of 15.03.2022 sent 01.04; answered in two parts, the second late; D and its answer."""
    r, a1, a2, d, a3 = "R0175220001", "A7501220001", "A7501220002", "D0175220001", "A7501220003"
    files = samples.rows(
        "between_files",
        _file(r, "R", sent_on=date(2022, 4, 1), presented_kop=1000, items=3),
        _file(a1, "A", about=r, received_on=date(2022, 5, 6), presented_kop=600, accepted_kop=600, items=2),
        _file(a2, "A", about=r, received_on=date(2022, 5, 13), presented_kop=400, accepted_kop=100, items=1),
        _file(d, "D", about=r, sent_on=date(2022, 6, 10), presented_kop=300, items=1),
    )
    rows = terms.dates(r, files, LAW, date(2022, 6, 20), clinic_billed=date(2022, 3, 14))
    # 25 working days after 01.04: 04-08.04 5, 11-15.04 10, 18-22.04 15, 25-29.04 20, 04-06.05 23, 11-12.05 25 (02-03, 09-10 off)
    # after 13.05: 16-20.05 5, 23-27.05 10, 30.05-03.06 15, 06-10.06 20, 14-17.06 24 (13.06 off), 20.06 25
    # 10 after 10.06: 14-17.06 4, 20-24.06 9, 27.06 10
    told = rows.select("step", "about", "event_on", "due", "done_on", "state").rows()
    assert told == [
        ("clinic_bill", None, date(2022, 2, 28), date(2022, 3, 15), date(2022, 3, 14), "ok"),
        ("bill", None, date(2022, 3, 14), date(2022, 4, 18), date(2022, 4, 1), "ok"),
        ("answer", r, date(2022, 4, 1), date(2022, 5, 12), date(2022, 5, 13), "late"),
        ("corrected", a2, date(2022, 5, 13), date(2022, 6, 20), date(2022, 6, 10), "ok"),
        ("final", d, date(2022, 6, 10), date(2022, 6, 27), None, "due_soon"),
    ]
    assert rows["law_due"].to_list() == [None, date(2022, 4, 8), date(2022, 4, 26), None, None]
    over = terms.dates(r, files, LAW, date(2022, 6, 28)).row(-1, named=True)
    assert (over["state"], over["done_on"], over["whose"]) == ("overdue", None, "home")
    closed = samples.rows("between_files", *files.to_dicts(), _file(a3, "A", about=d, received_on=date(2022, 6, 27), items=1))
    assert terms.dates(r, closed, LAW, date(2022, 7, 1))["state"].to_list()[-1] == "ok"
    assert terms.dates("R0175229999", files, LAW, date(2022, 7, 1)).is_empty()


def _states(**amounts: int) -> pl.DataFrame:
    """Items of the bill by state: accepted kopecks."""
    zero = {
        "conceded_kop": 0,
        "refused_kop": 0,
        "questioned_kop": 0,
        "overdue": False,
        "open_kop": 0,
        "bill": "R0175220001",
        "idcase": 1,
    }
    rows = [
        {"n_zap": number, "state": state, "presented_kop": 500, "accepted_kop": accepted, **zero}
        for number, (state, accepted) in enumerate(amounts.items(), 1)
    ]
    return samples.rows("between_states", *rows)


def test_the_corrected_part_waits_whatever_the_answer_says_of_what_was_presented() -> None:
    """An answer taken by an earlier version does not tell what was presented; a paper C of our own ends the wait."""
    r, a = "R0175220001", "A7501220001"
    rows = [
        _file(r, "R", sent_on=date(2022, 4, 1), presented_kop=1000, items=2),
        _file(a, "A", about=r, received_on=date(2022, 5, 6), accepted_kop=600, items=2),
    ]
    files = samples.rows("between_files", *rows)
    waiting = terms.due_list(files, _states(accepted=500, questioned=100), LAW, date(2022, 12, 1), "place")
    assert waiting.select("step", "whose", "state").rows() == [("corrected", "place", "overdue")]
    paper = _file("C0175220001-1", "C", about=r, data=date(2022, 6, 1), items=1)
    given_up = samples.rows("between_files", *rows, paper)
    after = _states(accepted=500, conceded=100)
    assert terms.due_list(given_up, after, LAW, date(2022, 12, 1), "place").is_empty()
    assert terms.dates(r, given_up, LAW, date(2022, 12, 1), after).select("step", "done_on").rows() == [
        ("answer", date(2022, 5, 6)), ("corrected", date(2022, 6, 1)),
    ]  # fmt: skip
    nothing = terms.due_list(files, _states(accepted=500, accepted_finally=100), LAW, date(2022, 12, 1), "place")
    assert nothing.is_empty()


def test_accepted_money_has_a_term_of_its_own() -> None:
    """Answered in time and not paid: overdue on the 26th working day. What the last answer accepted has 10 days from the D."""
    r, d = "R0175220001", "D0175220001"
    files = samples.rows(
        "between_files",
        _file(r, "R", sent_on=date(2022, 4, 1), presented_kop=1000, items=2),
        _file("A7501220001", "A", about=r, received_on=date(2022, 5, 6), presented_kop=1000, accepted_kop=600, items=2),
        _file(d, "D", about=r, sent_on=date(2022, 6, 10), presented_kop=400, items=1),
        _file("A7501220002", "A", about=d, received_on=date(2022, 6, 20), presented_kop=400, accepted_kop=400, items=1),
    )
    states = _states(accepted=600, accepted_finally=400)

    def due(unpaid: int, on: date) -> list[tuple[object, ...]]:
        return terms.due_list(files, states, LAW, on, unpaid={r: unpaid}).select("step", "about", "due", "state").rows()

    # 25 working days after 01.04 end on 12.05, 10 after 10.06 on 27.06 (counted above)
    main, last = ("refund", r, date(2022, 5, 12)), ("final_refund", d, date(2022, 6, 27))
    assert due(1_000, date(2022, 5, 12)) == [(*main, "due_soon"), (*last, "ok")]
    assert due(1_000, date(2022, 6, 28)) == [(*main, "overdue"), (*last, "overdue")]
    assert due(400, date(2022, 6, 27)) == [(*last, "due_soon")]
    assert due(0, date(2022, 6, 28)) == []


def test_a_partly_answered_bill_still_waits() -> None:
    r = "R0175220001"
    files = samples.rows(
        "between_files",
        _file(r, "R", sent_on=date(2022, 4, 1), presented_kop=1000, items=3),
        _file("A7501220001", "A", about=r, received_on=date(2022, 5, 6), presented_kop=600, accepted_kop=600, items=2),
    )
    assert terms.dates(r, files, LAW, date(2022, 5, 12)).select("done_on", "state").rows() == [(None, "due_soon")]
    assert terms.dates(r, files, LAW, date(2022, 5, 13)).select("done_on", "state").rows() == [(None, "overdue")]


def test_ages_of_what_is_open() -> None:
    files = samples.rows(
        "between_files",
        _file("R0175220001", "R", dschet=date(2022, 3, 15)),
        _file("R0138220002", "R", receiver="38", dschet=date(2021, 3, 15)),
    )
    zero = {"accepted_kop": 0, "conceded_kop": 0, "refused_kop": 0, "questioned_kop": 0, "overdue": False}
    states = samples.rows(
        "between_states",
        {"bill": "R0175220001", "n_zap": 1, "idcase": 1, "state": "presented", "presented_kop": 700, "open_kop": 700, **zero},
        {"bill": "R0175220001", "n_zap": 2, "idcase": 2, "state": "presented", "presented_kop": 50, "open_kop": 50, **zero},
        {"bill": "R0138220002", "n_zap": 1, "idcase": 1, "state": "presented", "presented_kop": 9, "open_kop": 9, **zero},
    )
    for on, age in (
        (date(2022, 3, 15), (0, 25)),
        (date(2022, 4, 9), (0, 25)),
        (date(2022, 4, 10), (26, 60)),
        (date(2022, 5, 15), (61, 90)),
    ):
        rows = terms.aging(states, files, on).filter(pl.col("territory") == "75")
        assert rows.select("age_from", "age_to", "bills", "items", "open_kop").rows() == [(*age, 1, 2, 750)]
    assert terms.aging(states, files, date(2022, 3, 16)).filter(pl.col("territory") == "38")["age_from"].to_list() == [366]
