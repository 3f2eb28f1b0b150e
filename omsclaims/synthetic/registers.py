"""Who works where, and which voucher stands behind a case of high-tech care?

Registers of the contract that follow from the clean cases (law.md 9.3; order 231n 1.9) and from what is planted: staff of every
clinic, vouchers with their steps and the quota of their places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

import polars as pl

from omsclaims.synthetic import catalogue
from omsclaims.synthetic.care import Tables
from omsclaims.synthetic.catalogue import doctor
from omsclaims.synthetic.people import People

Rows = list[tuple[Any, ...]]

#: Numbers of workers that something is wrong with: the certificate ran out, hired later, gone, in no register.
LAPSED, NOT_YET, GONE, STRANGER = 901, 902, 903, 999
_OPENED: Final = date(2019, 1, 1)
#: Places a year for each clinic and method of high-tech care.
_PLACES: Final = 100_000


def staff() -> Rows:
    """reg_staff: five workers of each specialty in each clinic, certified; and one of each that should not have worked.

    Of a certificate without an end the term is five years (231n 1.9).
    """
    rows: Rows = []
    for mo in (*catalogue.CLINICS, catalogue.CLOSED_CLINIC):
        for prvs in sorted(catalogue.SPECIALTIES):
            for number in range(1, catalogue.DOCTORS + 1):
                certified, until = (date(2018, 5, 14), None) if number % 2 else (date(2020, 9, 1), date(2025, 8, 31))
                rows.append((mo, doctor(mo, prvs, number), prvs, _OPENED, None, certified, until))
            rows += [
                (mo, doctor(mo, prvs, LAPSED), prvs, _OPENED, None, date(2016, 2, 1), None),
                (mo, doctor(mo, prvs, NOT_YET), prvs, date(2022, 6, 1), None, date(2021, 7, 1), None),
                (mo, doctor(mo, prvs, GONE), prvs, _OPENED, date(2021, 12, 31), date(2019, 7, 1), None),
            ]
    return rows


# ---- high-tech care --------------------------------------------------------------------------------------------------------


def vouchers(months: Iterable[Tables], people: People, edits: Mapping[str, Mapping[str, Any]]) -> dict[str, Rows]:
    """reg_voucher, reg_voucher_event, reg_quota: the voucher of each clean case of high-tech care, and its way.

    edits  number -> columns of reg_voucher that the fund has otherwise, and `steps` in the place of the usual ones
    """
    held: Rows = []
    steps: Rows = []
    places: set[tuple[str, str]] = set()
    for tables in months:
        cases = tables["sl"].filter(pl.col("tal_num").is_not_null()).join(
            tables["z"].select("case", "person", "clinic"), on="case", maintain_order="left"
        )  # fmt: skip
        columns = ("tal_num", "person", "clinic", "metod_hmp", "tal_d", "date_1", "date_2")
        for number, person, clinic, method, created, begin, end in cases.select(columns).iter_rows():
            own = {
                "section": 1, "enp": people.enp[person], "mo": clinic, "group": str(method), "created_on": created,
                "steps": usual_steps(created, begin, end), **edits.get(number, {}),
            }  # fmt: skip
            held.append((number, *(own[name] for name in ("section", "enp", "mo", "group", "created_on")), None, None))
            steps += [(number, *step) for step in own["steps"]]
            places.add((clinic, str(method)))
    quota: Rows = [(mo, group, 2022, _PLACES, date(2021, 12, 24)) for mo, group in sorted(places)]
    return {"reg_voucher": held, "reg_voucher_event": steps, "reg_quota": quota}


Step = tuple[str, date, str | None, date | None, bool | None]


def usual_steps(created: date, begin: date, end: date, *, section: int = 1) -> list[Step]:
    """The way of a voucher whose patient was taken: papers, decision with a day, admission, discharge, extract."""
    papers, decided = _within(created, 1, begin), _within(created, 3, begin)
    approved: list[Step] = [("authority", decided, "approved", None, None)] if section != 1 else []
    return [
        ("papers", papers, None, None, False), *approved, ("decision", decided, "date", begin, None),
        ("admitted", begin, None, None, None), ("treated", end, None, None, None),
        ("closed", end + timedelta(days=2), None, None, None),
    ]  # fmt: skip


def _within(created: date, days: int, begin: date) -> date:
    return min(created + timedelta(days=days), begin)
