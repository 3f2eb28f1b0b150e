"""Do the registers of the made-up territory know everybody who treats, and every voucher that is billed?"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from omsclaims.law import federal_parameters
from omsclaims.settlement.payments import resubmit_by
from omsclaims.settlement.vouchers import standings
from omsclaims.synthetic import catalogue, registers
from omsclaims.synthetic.defects.registers import working_day
from tests.synthetic.synthetic_made import Made


def _register(made: Made, name: str) -> pl.DataFrame:
    texts = dict.fromkeys(("mo", "code", "enp", "group"), pl.String)
    return pl.read_csv(made.folder / "registers" / f"{name}.csv", try_parse_dates=True, schema_overrides=texts)


def test_clean_care_is_given_by_workers_of_the_clinic_in_their_specialty(made: Made) -> None:
    staff = _register(made, "reg_staff").filter(pl.col("hired_on") <= date(2022, 1, 1), pl.col("left_on").is_null())
    known = set(staff.select("mo", "code", "prvs").iter_rows())
    count = 0
    for package in made.packages:
        clinics = made.clean(package, "z_sl").select(pl.col("_row").alias("_parent"), "lpu")
        for table, column in (("sl", "iddokt"), ("usl", "code_md")):
            rows = made.clean(package, table)
            if table == "usl":
                rows = rows.drop("_parent", "lpu").with_columns(lpu=pl.lit(package[2:8]))
            else:
                rows = rows.join(clinics, on="_parent")
            billed = rows.select("lpu", column, "prvs").drop_nulls()
            assert set(billed.iter_rows()) <= known, (package, table)
            count += billed.height
    assert count > 4_000


def test_certificates_hold_but_of_one_worker_in_each_specialty(made: Made) -> None:
    staff = _register(made, "reg_staff")
    day = date(2022, 3, 31)
    last = pl.coalesce("certified_to", pl.col("certified_on").dt.offset_by("5y"))
    lapsed = staff.filter(last < day)
    assert set(lapsed["code"].str.slice(-3).unique()) == {str(registers.LAPSED)}
    assert lapsed.height == (len(catalogue.CLINICS) + 1) * len(catalogue.SPECIALTIES)


def test_every_clean_case_of_high_tech_care_has_a_voucher_that_was_decided_in_time(made: Made) -> None:
    tables = {name: _register(made, name) for name in ("reg_voucher", "reg_voucher_event")}
    known, problems = standings(tables, date(2022, 4, 12))
    assert not problems
    held = {one.voucher: one for one in known}
    assert len(held) == tables["reg_voucher"].height
    count = 0
    for package in made.packages:
        if package.startswith("T"):
            rows = made.clean(package, "sl").select("tal_num", "metod_hmp", "tal_d", "date_1")
            for number, method, issued, begin in rows.iter_rows():
                one = held[number]
                assert (one.group, one.created_on, one.mo, one.section) == (str(method), issued, package[2:8], 1)
                assert one.accepted_on is not None and one.accepted_on <= begin and one.state == "closed"
                count += 1
    assert count > 5


@pytest.mark.parametrize("received", [date(2022, 3, day) for day in (2, 3, 4, 5, 9, 14)])
def test_terms_of_this_spring_are_those_of_the_law(received: date) -> None:
    assert working_day(received, 25) == resubmit_by(received, federal_parameters())


def test_the_way_of_a_voucher_keeps_its_order() -> None:
    created, begin, end = date(2022, 2, 27), date(2022, 3, 1), date(2022, 3, 9)
    for section in (1, 2):
        steps = registers.usual_steps(created, begin, end, section=section)
        days = [day for _, day, *_ in steps]
        assert days == sorted(days) and days[0] > created and max(days[:-3]) <= begin
        assert [name for name, *_ in steps].count("authority") == section - 1
