"""Examinations and the follow-up of patients: how are the rules about them broken?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from omsclaims.synthetic import catalogue
from omsclaims.synthetic.defects.common import BAD, Z, calm, exam, of_case, put
from omsclaims.synthetic.people import Bools, ages, attached
from omsclaims.synthetic.planting import SL_PATH, Defect, Expect, Tree, Ward, later, reprice

_NAZ: Final = SL_PATH + "NAZ/"
_USL: Final = SL_PATH + "USL/"
_ABSENT: Final = "1.4.3"
#: A doctor of a laboratory.
_LABORATORY: Final = 26
#: Blood pressure is taken by a nurse: in the place of the visit to the therapist.
_NO_DOCTOR: Final = "A02.12.002"


# ---- masks -----------------------------------------------------------------------------------------------------------------


def reached(w: Ward) -> Any:
    """Years that a person reaches in the year of care."""
    born = w.people.born[w.person].astype("datetime64[Y]").astype(np.int64) + 1970
    return w.plan.month.year - born


def preventive_between(w: Ward) -> Bools:
    """A preventive examination in a year in which the dispensary one does not come."""
    years = reached(w)
    return np.asarray(exam(w) & (w.letters == "DO") & (years >= 18) & (years <= 39) & (years % 3 != 0), dtype=np.bool_)


def preventive_in_turn(w: Ward) -> Bools:
    """A preventive examination in a year in which the dispensary one may come."""
    years = reached(w)
    return np.asarray(exam(w) & (w.letters == "DO") & ((years >= 40) | (years % 3 == 0)), dtype=np.bool_)


def dispensary(w: Ward) -> Bools:
    return np.asarray(exam(w) & (w.letters == "DP"), dtype=np.bool_)


def sent_on(w: Ward) -> Bools:
    return np.asarray(exam(w) & w.sent_on, dtype=np.bool_)


def with_tests(w: Ward) -> Bools:
    """An examination of several services."""
    services = np.diff(w.usl_rows)
    return np.asarray(exam(w) & (services >= 3), dtype=np.bool_)


# ---- changes ---------------------------------------------------------------------------------------------------------------


def _out_of_turn(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """The preventive examination is billed as the dispensary one."""
    tree.z.update(letters="DP", package="DP" + tree.z["package"][2:])
    position = int(np.searchsorted(ward.case, tree.case))
    reprice(tree, int(ward.age[position]), int(ward.sex[position]))
    return [of_case("C161", BAD, Z + "DATE_Z_2")]


def _second_stage(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """The preventive examination is billed as the second stage of a dispensary one, of which there was no first."""
    tree.z.update(letters="DV", package="DV" + tree.z["package"][2:])
    position = int(np.searchsorted(ward.case, tree.case))
    reprice(tree, int(ward.age[position]), int(ward.sex[position]))
    return [of_case("C162", BAD, Z + "DATE_Z_2")]


def _child(ward: Ward, tree: Tree) -> Sequence[Expect] | None:
    """The examination of adults of a child, which has no price either."""
    people, month = ward.people, ward.plan.month
    day = np.array([tree.z["date_z_1"]], dtype="datetime64[D]")
    free = people.own & ~ward.shared.claimed & (ward.shared.total == 0) & np.isnat(people.change) & (people.vpolis == 3)
    years = month.year - (people.born.astype("datetime64[Y]").astype(np.int64) + 1970)
    children = np.flatnonzero(free & (years >= 3) & (years <= 17) & (ages(people.born, np.repeat(day, people.count)) >= 2))
    here = children[attached(people, children, month.first) == tree.z["lpu"]]
    if not len(here):
        ward.changed.pop(tree.case)
        return None
    person = int(here[0])
    ward.shared.claimed[person] = True
    ward.insure(tree, person)
    for row in (*tree.sls, *tree.usls[1]):
        row["det"] = None
    return [of_case("C159", BAD, "PERS/DR"), Expect("C107", "1.7.1", SL_PATH + "TARIF")]


def _elsewhere(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Another clinic examines."""
    scarce = {mo for mo, line, _ in catalogue.SCARCE if line == "exam"}
    other = next(mo for mo in catalogue.PROVIDERS["exam"] if mo != tree.z["lpu"] and mo not in scarce)
    tree.z.update(package=tree.z["package"].replace(tree.z["clinic"], other), clinic=other, lpu=other)
    for usl in tree.usls[1]:
        usl["lpu"] = other
    return [of_case("C163", BAD, Z + "LPU")]


def _old_test(ward: Ward, tree: Tree) -> Sequence[Expect]:
    usl = tree.usls[1][-1]
    usl["date_in"] = usl["date_out"] = later(tree.z["date_z_1"], -367 - tree.case % 30)
    return [Expect("C164", BAD, _USL + "DATE_IN", "usl", usl_no=usl["usl_no"])]


def _no_therapist(ward: Ward, tree: Tree) -> Sequence[Expect]:
    for usl in tree.usls[1]:
        usl["prvs"] = _LABORATORY
    tree.usl["code_usl"] = _NO_DOCTOR
    return [of_case("C165", _ABSENT, _USL + "CODE_USL")]


def _little_done(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.usls[1][-1]["p_otk"] = 1
    return [of_case("C166", BAD, _USL + "P_OTK")]


def _nothing_prescribed(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.small["naz"] = []
    return [of_case("C167", _ABSENT, SL_PATH + "NAZ")]


def _sent(expect: Expect, suspicion: int, **values: Any) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """What the first line of what is prescribed says, and nothing else."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        said: dict[str, Any] = dict.fromkeys(("naz_pmp", "naz_pk", "naz_v", "naz_usl", "napr_date", "napr_mo"))
        tree.small["naz"][0].update(said | values)
        tree.sl["ds_onk"] = suspicion
        return [expect]

    return change


RARE: Final[tuple[Defect, ...]] = (
    Defect("C161", preventive_between, _out_of_turn),
    Defect("C167", sent_on, _nothing_prescribed),
    Defect("C247 hospital", sent_on, _sent(Expect("C247", _ABSENT, _NAZ + "NAZ_PMP"), 0, naz_r=4)),
    Defect("C247 rehabilitation", sent_on, _sent(Expect("C247", _ABSENT, _NAZ + "NAZ_PK"), 0, naz_r=6)),
    Defect("C248", sent_on, _sent(Expect("C248", _ABSENT, _NAZ + "NAPR_DATE"), 1, naz_r=3, naz_v=1)),
    Defect("C162", preventive_in_turn, _second_stage),
    # Not in February: a second stage of March may lean on the first.
    Defect("C159", dispensary, _child, february=False),
    Defect("C165", dispensary, _no_therapist),
    Defect("C163", exam, _elsewhere),
    Defect("C164", with_tests, _old_test),
    Defect("C166", with_tests, _little_done),
)

USUAL: Final[tuple[Defect, ...]] = (
    Defect("C170", lambda w: calm(w) & (w.p_cel == "1.3"), put("sl", [Expect("C170", _ABSENT, SL_PATH + "DN")], dn=None)),
)
