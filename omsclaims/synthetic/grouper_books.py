"""Which diagnoses, operations and criteria make a КСГ in the made-up territory? Its own two workbooks of the grouper for 2022.

The columns are those of the official sheet «Группировщик» (law.md 8.1), the rows are made from the catalogue of care: what is
billed is what its rows give. Some diagnoses have two groups, of which the dearer one is the group of the case: an operation and
the care without it, a birth and the days before it, a disease and its class. None of the choice rules of 2026 holds here yet.

`computed` groups a case by these rows a second time, without the engine's grouper: what is planted is compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from omsclaims.synthetic import catalogue, deal
from omsclaims.synthetic.catalogue import Template

#: First day of the workbooks, which hold for the year.
SINCE: Final = "2022-01-01"
COLUMNS: Final = ("ds1", "ds2", "ds3", "service", "age", "sex", "duration", "criterion", "fractions")
_SETTINGS: Final = {"st": "ST", "ds": "DS"}
_NEWBORN, _CHILD = "1", "5"
_LAST_YEAR_OF_CHILDHOOD: Final = 17
#: Group -> codes of its lengths of stay. Both treat the same tumours by an operation.
_LENGTHS: Final = {"st19.038": ("1",), "st19.014": ("2", "3", "4")}
#: Range of fractions that a group is cut by; a bill states it as a criterion, and their number (K_FR) beside the dose.
_FRACTIONS: Final = {"st19.075": "fr01-05"}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the sheet: the group, and what a case must have of each column that is not empty."""

    ksg: str
    ds1: str = ""
    ds2: str = ""
    ds3: str = ""
    service: str = ""
    age: str = ""
    sex: str = ""
    duration: str = ""
    criterion: str = ""
    fractions: str = ""


#: Groups that a diagnosis may have beside the one that the catalogue gives it, all of them cheaper.
_BESIDE: Final = (
    # Who was admitted for a birth or a gallbladder and has no operation.
    *(Line("st02.001", ds1=code, sex="2") for code in ("O80.0", "O80.1", "O82.0", "O82.1")),
    *(Line("st27.003", ds1=code) for code in ("K80.0", "K80.1")),
    # Diseases of the vessels of the brain as a class, and pneumonia with the traces of a stroke.
    Line("st15.017", ds1="I60-I69"),
    Line("st27.010", ds1="J18.0", ds2="I69.1"),
    # Joints and backs by the letter of the class.
    Line("ds16.001", ds1="M."),
)


@cache
def lines() -> tuple[Line, ...]:
    """All rows, inpatient care first, by group."""
    templates = (
        *catalogue.INPATIENT, catalogue.NEWBORN, *catalogue.ONCO_INPATIENT, *catalogue.DAY, *catalogue.ONCO_DAY,
    )  # fmt: skip
    blood = Line(catalogue.BLOOD.code, service=catalogue.BLOOD_SERVICE)  # whatever the diagnosis
    made = [*(line for one in templates for line in _of_template(one)), *_BESIDE, blood]
    return tuple(sorted(made, key=lambda line: (line.ksg[:2] != "st", line.ksg, line.ds1, line.duration)))


def _of_template(template: Template) -> Iterator[Line]:
    """A row for each diagnosis of a kind of treatment, and for each of its lengths."""
    code = template.code
    newborn = template is catalogue.NEWBORN
    child = template.ages[1] <= _LAST_YEAR_OF_CHILDHOOD
    fractions = _FRACTIONS.get(code, "")
    for ds1 in template.diagnoses:
        for duration in _LENGTHS.get(code, ("",)):
            yield Line(
                code, ds1=ds1, service=operation(template.profil) if catalogue.KSG[code].surgical else "",
                age=_NEWBORN if newborn else _CHILD if child else "",
                sex=str(template.sex) if template.sex != catalogue.BOTH else "", duration=duration,
                criterion="" if fractions else catalogue.CRITERIA.get(code, ""), fractions=fractions,
            )  # fmt: skip


def operation(profil: int) -> str:
    """The operation of a profile, as surgical cases bill it."""
    return f"A16.{profil:02d}.001"


def books() -> dict[str, tuple[tuple[str, ...], list[Sequence[object]]]]:
    """KSG.ST.GROUPER, KSG.ST.GROUPS and the same of the day hospital: names of attributes, rows in the layout of the books."""
    found: dict[str, tuple[tuple[str, ...], list[Sequence[object]]]] = {}
    for begin, setting in _SETTINGS.items():
        own = [line for line in lines() if line.ksg.startswith(begin)]
        rows = [
            (line.ksg, SINCE, "", "строка группировщика", "row of the grouper", number, *(getattr(line, c) for c in COLUMNS))
            for number, line in enumerate(own, 1)
        ]
        groups = [
            (code, SINCE, "", f"группа {code}", f"group {code}", deal.units5(one.weight), deal.units5(one.wage_share) // 10)
            for code, one in sorted(catalogue.KSG.items())
            if code.startswith(begin)
        ]
        found[f"KSG.{setting}.GROUPER"] = (("number", *COLUMNS), list(rows))
        found[f"KSG.{setting}.GROUPS"] = (("koef_z", "wage_share"), list(groups))
    return found


# ---- the group of a case, a second time ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """What a grouper looks at of a case. Age on the day of admission; days of the stay (law.md 8.7); fractions as ONK_SL says."""

    inpatient: bool
    ds1: str | None
    ds2: Collection[str]
    ds3: Collection[str]
    services: Collection[str]
    criteria: Collection[str]
    sex: int
    years: int
    age_days: int
    days: int
    fractions: int | None = None


def computed(case: Seen, price: Callable[[str], int]) -> str | None:
    """The dearest group that some row gives, of equal ones the smaller code; None where no row applies.

    price  what the case would cost by a group, without complexity, with the share of an interrupted one
    """
    found = candidates(case)
    return min(found, key=lambda code: (-price(code), code)) if found else None


def candidates(case: Seen) -> set[str]:
    """All groups that some row gives a case."""
    begin = "st" if case.inpatient else "ds"
    return {line.ksg for line in lines() if line.ksg.startswith(begin) and _applies(line, case)}


def _applies(line: Line, case: Seen) -> bool:
    """Whether a case has all that a row asks for."""
    ages = {_NEWBORN: case.age_days <= 28, _CHILD: case.years <= _LAST_YEAR_OF_CHILDHOOD, "": True}
    lengths = {"": True, "1": case.days <= 3, "2": 4 <= case.days <= 10, "3": 11 <= case.days <= 20, "4": 21 <= case.days <= 30}
    return (
        _is(line.ds1, [case.ds1 or ""]) and _is(line.ds2, case.ds2) and _is(line.ds3, case.ds3)
        and (not line.service or line.service in case.services)
        and (not line.criterion or line.criterion in case.criteria)
        and (not line.fractions or _irradiated(line.fractions, case))
        and line.sex in ("", str(case.sex)) and ages[line.age] and lengths[line.duration]
    )  # fmt: skip


def _irradiated(asked: str, case: Seen) -> bool:
    """Whether the fractions of a case lie in a range fr01-05: as its criterion says, without one as their number does."""
    said = [one for one in case.criteria if one.startswith("fr")]
    low, high = asked.removeprefix("fr").split("-")
    return asked in said if said else case.fractions is not None and int(low) <= case.fractions <= int(high)


def _is(asked: str, diagnoses: Collection[str]) -> bool:
    """Whether one of some diagnoses is what a column asks for: a code, a range of categories, a letter; nothing is always."""
    if not asked:
        return True
    if "-" in asked:
        low, high = asked.split("-")
        return any(low <= one[:3] <= high for one in diagnoses)
    if asked.endswith("."):
        return any(one.startswith(asked[0]) for one in diagnoses)
    return asked in diagnoses
