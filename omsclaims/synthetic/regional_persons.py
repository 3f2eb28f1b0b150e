"""Which tables about persons, results and services does the made-up territory keep for control? R001, R007 to R014.

Beside `regional`. Clean care keeps to all of them and is exercised by most rows; a few codes stand here only to be planted.
Layouts: `omsclaims.checks.regional`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omsclaims.synthetic import catalogue

#: Result and outcome that the territory does not take together, although both belong to care outside stays.
ODD_PAIR: Final = (304, 302)
_RESULTS: Final = {1: range(101, 111), 2: range(201, 209), 3: range(301, 375), 4: range(401, 418)}
_OUTCOMES: Final = {1: range(101, 105), 2: range(201, 205), 3: range(301, 307), 4: range(401, 404)}
#: A visit to a gynaecologist, to a paediatrician, to a geriatrician.
OF_WOMEN, OF_CHILDREN, OF_THE_AGED = "B01.136.001", "B01.068.001", "B01.014.001"
#: A clinic for children only, and one for adults only; services for adults only: one that is given, one that is planted.
CHILDRENS_CLINIC, ADULTS_CLINIC = "750919", "750918"
FOR_ADULTS, FOR_ADULTS_PLANTED = "A06.23.004", "A04.20.002"
#: Last days on which bills are filed, by reporting month.
LAST_DAYS: Final = {"2022-01": "2022-02-08", "2022-02": "2022-03-08", "2022-03": "2022-04-07"}
#: A service that few may give, and who.
ADMITTED_SERVICE, ADMITTED_CLINIC = "A26.08.027", "750913"
#: Diseases of which обращения need two visits, one of them with a therapist only.
TWO_VISITS: Final = (("E11", 0), ("K29.3", 97))
#: Disease of which обращения need three visits.
THREE_VISITS: Final = "M42"
#: Groups that an operation makes.
OPERATIONS: Final = {"st32.001": "A16.112.001", "st32.011": "A16.112.001"}


def tables() -> dict[str, tuple[tuple[str, ...], list[Sequence[object]]]]:
    """Name of the table -> its columns beside the code, rows of code and columns."""
    pairs = [(r, i) for kind, results in _RESULTS.items() for r in results for i in _OUTCOMES[kind] if (r, i) != ODD_PAIR]
    given = [(code, mo) for code in ("A05.03.002", "A05.04.001") for mo in catalogue.PROVIDERS["service"]]
    return {
        "R001": (("ishod",), list(pairs)),
        "R007": (
            ("w", "unit", "age_from", "age_to", "injury"),
            [(OF_WOMEN, 2, "", "", "", ""), (OF_CHILDREN, "", "y", "", 17, ""), (OF_THE_AGED, "", "y", 60, "", "")],
        ),
        "R008": (("serves",), [(CHILDRENS_CLINIC, "children"), (ADULTS_CLINIC, "adults")]),
        "R009": (("serves",), [(FOR_ADULTS, "adults"), (FOR_ADULTS_PLANTED, "adults"), (OF_CHILDREN, "children")]),
        "R010": (("last_day",), list(LAST_DAYS.items())),
        "R011": (("mo",), [(ADMITTED_SERVICE, ADMITTED_CLINIC), *given]),
        "R012": (("profil", "visits"), [*((code, profil or "", 2) for code, profil in TWO_VISITS), (THREE_VISITS, "", 3)]),
        "R013": (("code_usl", "lines"), [(group, code, 1) for group, code in OPERATIONS.items()]),
        "R014": ((), [(code,) for code in catalogue.IMPLANTS]),
    }  # fmt: skip
