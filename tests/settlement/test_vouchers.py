"""Where do vouchers stand, which terms run, who waits, which places are free? (law.md 9.3)"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from omsclaims import messages
from omsclaims.findings import frame, with_text
from omsclaims.law import federal_parameters
from omsclaims.periods import Month
from omsclaims.settlement import voucher_register, voucher_uses, vouchers
from omsclaims.settlement.identify import identify
from tests.settlement.settlement_samples import case, context, rows

WRITTEN = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "fixtures" / "settlement" / "vouchers.yaml").read_text(encoding="utf-8")
)


def registers(written: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Registers of a case of the fixture: `voucher` (or a list) with `events` as [event, day, decision, planned_on, in_person]."""
    found, events = [], []
    for row in written["vouchers"]:
        plain = {
            "voucher": "77.1",
            "section": 1,
            "enp": "1",
            "mo": "750901",
            "group": "498",
            "created_on": date(2022, 2, 1),
            **row,
        }
        for event, on, *more in plain.pop("events", ()):
            decision, planned_on, in_person = [*more, None, None, None][:3]
            events.append({"voucher": plain["voucher"], "event": event, "event_on": on, "decision": decision, "planned_on": planned_on,
                           "in_person": in_person})  # fmt: skip
        found.append(plain)
    events += written.get("strange_events", [])
    quota = [{"mo": "750901", "group": "498", "year": 2022, "since": date(2022, 1, 1), **row} for row in written.get("quota", ())]
    return {
        "reg_voucher": rows("reg_voucher", *found), "reg_voucher_event": rows("reg_voucher_event", *events),
        "reg_quota": rows("reg_quota", *quota),
    }  # fmt: skip


def on(day: date) -> Any:
    return context(str(Month(day.year, day.month)), as_of=day)


@pytest.mark.parametrize("written", WRITTEN, ids=lambda written: written["name"])
def test_vouchers_of_the_fixture(written: dict[str, Any]) -> None:
    day = written["as_of"]
    tables = registers(written)
    known, problems = vouchers.standings(tables, day)
    assert [one.state for one in known] == written["states"]
    places, over = vouchers.quota(known, tables["reg_quota"], day.year, day)
    if "quota_found" in written:
        columns = ("places", "held", "treated", "waiting", "freed", "free")
        assert places.select(columns).rows() == [tuple(written["quota_found"])]
    if "waiting" in written:
        waiting = vouchers.waiting_list(known, tables["reg_quota"], day)
        assert [list(row) for row in waiting.select("voucher", "place_is_free").iter_rows()] == written["waiting"]
        assert waiting["place"].to_list() == list(range(1, waiting.height + 1))
    if "terms" in written:
        terms = vouchers.terms(known, on(day)).filter(~pl.col("event").is_in(written.get("without", ["path"])))
        found = [list(row) for row in terms.select("event", "due", "days_late", "status").iter_rows()]
        assert found == written["terms"]
    assert [one.rule for one in (*problems, *(over if "quota_found" in written else ()))] == written.get("findings", [])
    for lang in messages.LANGUAGES:
        assert all("None" not in text for text in with_text(frame(problems), lang)["text"])


def test_the_file_of_the_path_is_whole() -> None:
    """Every state can be reached, every state that does not end can be left, every term has a parameter and every state a name."""
    path = vouchers.path()
    reached = {"created", *path.moves.values()}
    assert reached == set(path.states)
    left = {start for start, *_ in path.moves}
    assert {state for state, about in path.states.items() if not about.get("ends")} == left
    for (state, _), wait in path.waits.items():
        assert state in path.states
        for name in (wait["term"], wait.get("in_person", "planned")):
            assert name == "planned" or federal_parameters().value(f"vouchers.{name}", date(2022, 1, 1)) > 0
        assert messages.has(f"vouchers.event.{wait['event']}")
    for (_, event, decision, _), target in path.moves.items():
        assert (decision is None) == (event not in path.decisions)
        assert decision is None or decision in path.decisions[event]
        assert target in path.states
    assert all(messages.has(f"vouchers.state.{state}") for state in path.states)
    law = federal_parameters()
    parts = ["referring", "papers", "authority", "clinic"]
    whole = law.value("vouchers.whole_path_working_days", date(2022, 1, 1))
    assert whole == sum(law.value(f"vouchers.{part}_working_days", date(2022, 1, 1)) for part in parts)


def test_the_order_of_rows_does_not_matter() -> None:
    written = next(one for one in WRITTEN if "waiting" in one)
    tables = registers(written)
    turned = {name: table.reverse() for name, table in tables.items()}
    day = written["as_of"]
    one, two = (vouchers.standings(each, day)[0] for each in (tables, turned))
    assert one == two
    assert vouchers.waiting_list(one, tables["reg_quota"], day).equals(vouchers.waiting_list(two, turned["reg_quota"], day))


def test_a_voucher_of_a_person_who_has_died() -> None:
    """On the day of death and after it; one that was treated before, or of somebody alive, is left alone."""
    enps = [f"{number:016d}" for number in (1, 2, 3)]
    treated = [["papers", date(2022, 2, 3)], ["decision", date(2022, 2, 4), "date", date(2022, 2, 7)], ["admitted", date(2022, 2, 7)],
               ["treated", date(2022, 2, 14)]]  # fmt: skip
    written = [{"voucher": f"77.{place}", "enp": enp} for place, enp in enumerate(enps, 1)]
    tables = registers({"vouchers": [{**written[0]}, {**written[1], "events": treated}, written[2]]})
    people = rows(
        "reg_insured",
        *({"enp": enp, "died_on": died} for enp, died in zip(enps, (date(2022, 3, 1), date(2022, 3, 1), None), strict=True)),
    )
    for day, found in ((date(2022, 2, 28), []), (date(2022, 3, 1), ["77.1"])):
        known, _ = vouchers.standings(tables, day)
        assert [one.value for one in vouchers.of_the_dead(known, people, day)] == found


def test_control_sees_a_voucher_without_the_person() -> None:
    """The key is the one that identification gives to the cases of the person; neither policy nor name is in the table."""
    enp = "7551230870000015"
    made = context(as_of=date(2022, 4, 1))
    tables = registers(
        {
            "vouchers": [
                {"enp": enp, "events": [["papers", date(2022, 2, 3)], ["decision", date(2022, 2, 4), "date", date(2022, 2, 20)]]}
            ]
        }
    )
    found = voucher_register(tables, made)["vouchers"]
    month = {
        "cases": rows("cases", case(1)), "z_sl": pl.DataFrame({"_row": [1], "_parent": [1]}),
        "patient": pl.DataFrame({"_parent": [1], "policy": [enp], "spolis": [None]}, schema_overrides={"spolis": pl.String}),
        "person": pl.DataFrame(
            {"package": ["HM750901T75_220301"], "id_pac": ["p1"], "fam": ["A"], "im": ["B"], "ot": ["C"], "w": [1], "dr": [date(1980, 1, 1)]}
        ),
        "reg_insured": rows("reg_insured"), "reg_attachment": rows("reg_attachment"),
    }  # fmt: skip
    assert found["person_key"].to_list() == identify(month, made)["identified"]["person_key"].to_list()
    assert found.select("accepted_on", "state").row(0) == (date(2022, 2, 4), "accepted")
    assert enp not in str(found.to_dicts())
    assert "vouchers" not in voucher_register({name: table.clear() for name, table in tables.items()}, made)


def test_which_cases_have_used_a_voucher() -> None:
    tables = {
        "cases": rows("cases", case(1, file_kind="T"), case(2, file_kind="T"), case(3, file_kind="H"), case(4, file_kind="T")),
        "sl": pl.DataFrame({"case_key": [1, 1, 2, 3, 4], "tal_num": ["77. 1", "77.1", "77.2", "77.3", None]}),
        "decisions": rows("decisions", *[{"case_key": key, "oplata": 2 if key == 2 else 1} for key in (1, 2, 3, 4)]),
    }
    used = voucher_uses(tables, context())
    assert used.rows() == [("77.1", "2022-03", "HM750901T75_220301", 1, 1)]
