"""The registers against the Rules, the term of a certificate, and who gets those who chose no insurer (law.md 1, 2, 7.7)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import messages
from omsclaims.findings import with_text
from omsclaims.identifiers import build_enp
from omsclaims.law import federal_parameters
from omsclaims.periods import Month
from omsclaims.settlement import insured
from omsclaims.settlement.identify import identify
from tests.settlement.settlement_samples import case, context, rows

WRITTEN = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "fixtures" / "settlement" / "insured.yaml").read_text(encoding="utf-8")
)
BORN = date(1980, 5, 15)
ENP = {number: build_enp("75", BORN, 2, number) for number in (1, 2)}


def registers(written: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Registers of a case of the fixture."""
    policies = [
        {"enp": ENP[row.pop("person", 1)], "w": 2, "dr": BORN, "vpolis": 3, "smo": "75901", "policy_from": date(2015, 1, 1),
         "place": "city", **row}
        for row in ({**one} for one in written.get("policies", ()))
    ]  # fmt: skip
    attachments = [
        {"enp": ENP[row.pop("person", 1)], "mo": "750901", "attached_from": date(2019, 1, 1), **row}
        for row in ({**one} for one in written.get("attachments", ()))
    ]
    since = {"valid_from": date(2011, 1, 1), "name": "X"}
    clinics = written.get("clinics", [{"mo": "750901"}, {"mo": "750902"}])
    insurers = written.get("insurers", [{"smo": "75901"}, {"smo": "75902"}])
    certificates = [{"npolis": "123456789", "smo": "75901", **row} for row in written.get("certificates", ())]
    return {
        "reg_insured": rows("reg_insured", *policies), "reg_attachment": rows("reg_attachment", *attachments),
        "reg_clinic": rows("reg_clinic", *({**since, **row} for row in clinics)),
        "reg_insurer": rows("reg_insurer", *({**since, "okato": "76000", **row} for row in insurers)),
        "reg_certificate": rows("reg_certificate", *certificates),
        "reg_exclusion": rows("reg_exclusion", *written.get("reasons", ())),
    }  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN, ids=lambda written: written["name"])
def test_the_registers_of_the_fixture(written: dict[str, Any]) -> None:
    tables = registers(written)
    made = context(as_of=written.get("as_of", date(2022, 12, 31)))
    found = insured.register_findings(tables, made)
    assert found["rule"].to_list() == written["found"]
    turned = {name: table.reverse() for name, table in tables.items()}
    assert insured.register_findings(turned, made).equals(found)
    for lang in messages.LANGUAGES:
        texts = " ".join(with_text(found, lang)["text"])
        assert "None" not in texts
        assert not any(enp in texts for enp in ENP.values()), "a policy number in full"


# ---- certificates ----------------------------------------------------------------------------------------------------------


def test_the_thirtieth_working_day_counts() -> None:
    """Issued on Thursday 23 December 2021, counted by hand: 24, 27-30 December (5; the 31st is a day off), 10-14, 17-21, 24-28 and
    31 January (16), 1-4 and 7-11 February (9).
    """
    law = federal_parameters()
    counted = [date(2021, 12, day) for day in (24, 27, 28, 29, 30)]
    counted += [date(2022, 1, day) for day in (*range(10, 15), *range(17, 22), *range(24, 29), 31)]
    counted += [date(2022, 2, day) for day in (*range(1, 5), *range(7, 12))]
    assert (len(counted), counted[29]) == (30, date(2022, 2, 11))
    assert insured.certificate_ends(date(2021, 12, 23), None, law) == counted[29]
    assert insured.certificate_ends(date(2021, 12, 23), date(2022, 1, 14), law) == date(2022, 1, 14)
    assert insured.certificate_ends(date(2021, 12, 23), date(2022, 6, 1), law) == counted[29]


def month_of(day: date) -> dict[str, pl.DataFrame]:
    """One case of one day under the certificate 123456789, for identification."""
    return {
        "cases": rows("cases", case(1, vpolis=2, date_z_1=day, date_z_2=day)),
        "z_sl": pl.DataFrame({"_row": [1], "_parent": [1]}),
        "patient": pl.DataFrame({"_parent": [1], "policy": ["123456789"], "spolis": [None]}, schema_overrides={"spolis": pl.String}),
        "person": pl.DataFrame(
            {"package": ["HM750901T75_220301"], "id_pac": ["p1"], "fam": ["A"], "im": ["B"], "ot": ["C"], "w": [2], "dr": [BORN]}
        ),
        "reg_attachment": rows("reg_attachment"),
    }  # fmt: skip


@pytest.mark.parametrize(("day", "ends"), [(date(2022, 2, 11), date(2022, 2, 11)), (date(2022, 2, 14), date(2022, 2, 11))])
def test_identification_ends_a_certificate_on_its_thirtieth_working_day(day: date, ends: date) -> None:
    """Care on the 30th working day is within the policy; on the next one the policy has ended before (rule C001 refuses it)."""
    written = {
        "policies": [{"vpolis": 2, "enp": None, "npolis": "123456789", "policy_from": date(2021, 12, 23)}],
        "certificates": [{"issued_on": date(2021, 12, 23)}],
    }
    tables = registers(written)
    found = identify({**month_of(day), **tables}, context("2022-02"))["identified"].row(0, named=True)
    assert (found["status"], found["policy_to"]) == ("own", ends)
    assert (found["policy_to"] < day) == (day > ends)
    without = identify({**month_of(day), "reg_insured": tables["reg_insured"]}, context("2022-02"))["identified"]
    assert without["policy_to"].to_list() == [None]


# ---- those who chose no insurer --------------------------------------------------------------------------------------------


def territory(numbers: dict[str, int], working: int, other: int) -> dict[str, pl.DataFrame]:
    """Insurers with so many insured, and people without one."""
    policies, serial = [], 0
    for smo, count in numbers.items():
        for _ in range(count):
            serial += 1
            policies.append({"enp": f"{serial:016d}", "w": 1, "dr": BORN, "vpolis": 3, "smo": smo, "policy_from": date(2015, 1, 1),
                             "place": "city"})  # fmt: skip
    unchosen = [
        {"enp": f"9{number:015d}", "working": number < working, "since": date(2022, 2, 10)} for number in range(working + other)
    ]
    members = [{"smo": smo, "name": smo, "okato": "76000", "valid_from": date(2011, 1, 1)} for smo in numbers]
    return {
        "reg_insured": rows("reg_insured", *policies), "reg_insurer": rows("reg_insurer", *members),
        "reg_unchosen": rows("reg_unchosen", *unchosen),
    }  # fmt: skip


FEBRUARY = Month(2022, 2)


def test_a_territory_by_hand() -> None:
    """60, 30 and 10 insured; 7 working: 4.2, 2.1, 0.7 -> 4, 2, 1; 12 others: 7.2, 3.6, 1.2 -> 7, 4, 1."""
    done = insured.apportion(territory({"75901": 60, "75902": 30, "75903": 10}, 7, 12), context(as_of=date(2022, 3, 4)), FEBRUARY)
    assert done.insurers.rows() == [("75901", 60, 4, 7, 11), ("75902", 30, 2, 4, 6), ("75903", 10, 1, 1, 2)]
    assert done.persons.height == done.persons["enp"].n_unique() == 19
    by_hand = done.persons.group_by("smo", "working").len().sort("smo", "working")
    assert by_hand["len"].to_list() == [7, 4, 4, 2, 1, 1]
    assert done.notify_by == date(2022, 3, 10)  # 5 March is worked, 7 and 8 are days off: 5, 9, 10
    assert done.findings.is_empty()


def test_ties_go_to_the_smaller_code_and_the_draw_is_nobodys_choice() -> None:
    tables = territory({"75902": 1, "75901": 1}, 1, 0)
    made = context()
    done = insured.apportion(tables, made, FEBRUARY)
    assert done.persons["smo"].to_list() == ["75901"]
    large = territory({"75901": 1, "75902": 1}, 40, 40)
    one = insured.apportion(large, made, FEBRUARY).persons
    turned = insured.apportion({name: table.reverse() for name, table in large.items()}, made, FEBRUARY).persons
    assert one.equals(turned)
    # Not by number: neither insurer gets a block of neighbours; another month is another draw.
    assert one["smo"].rle().len() > 20
    assert not insured.apportion(large, made, Month(2022, 3)).persons.equals(one)


def test_who_is_left_out_and_who_is_nobody() -> None:
    tables = territory({"75901": 2, "75902": 0}, 1, 0)
    known = {"enp": f"{1:016d}", "working": False, "since": date(2022, 2, 1)}
    later = {"enp": "9" * 16, "working": True, "since": date(2022, 3, 1)}
    tables["reg_unchosen"] = pl.concat([tables["reg_unchosen"], rows("reg_unchosen", known, later)])
    done = insured.apportion(tables, context(), FEBRUARY)
    assert done.insurers.select("smo", "persons").rows() == [("75901", 1), ("75902", 0)]
    assert done.findings["rule"].to_list() == ["RI.21"]
    nobody = insured.apportion({**tables, "reg_insured": tables["reg_insured"].clear()}, context(), FEBRUARY)
    assert nobody.persons.is_empty()
    assert nobody.findings["rule"].to_list() == ["RI.20"]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5).filter(any), st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_every_class_is_shared_within_one_person(numbers: list[int], working: int, other: int) -> None:
    """Each insurer's part of each class differs from its exact share by less than one, so the ratio is equal as far as it can be."""
    tables = territory({f"7590{place}": count for place, count in enumerate(numbers)}, working, other)
    done = insured.apportion(tables, context(), FEBRUARY)
    whole = sum(numbers)
    for row in done.insurers.to_dicts():
        for name, people in (("working", working), ("non_working", other)):
            assert abs(row[name] * whole - people * row["insured"]) < whole
    assert done.insurers["persons"].sum() == working + other
