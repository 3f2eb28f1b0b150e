"""Who may treat where, how care is paid and asked for, and what comes again after a refusal (order 231n 1.8, 1.9; Rules 128)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np

from omsclaims.synthetic import catalogue, regional
from omsclaims.synthetic.defects.common import (
    BAD,
    Z,
    calm,
    hospital,
    insured_elsewhere,
    of_case,
    profile,
    put,
)
from omsclaims.synthetic.people import Bools
from omsclaims.synthetic.planting import SL_PATH, Defect, Expect, Tree, Ward
from omsclaims.synthetic.registers import GONE, LAPSED, NOT_YET, STRANGER

_PR_NOV: Final = "ZAP/PR_NOV"


def _new(ward: Ward, tree: Tree) -> bool:
    """Whether the clinic sends the newer edition of file H."""
    return bool(ward.new_version[np.searchsorted(ward.case, tree.case)])


# ---- staff -----------------------------------------------------------------------------------------------------------------


def _worker(rule: str, code: str, number: int) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """The sub-case is answered for by somebody who should not have; every other time the service is."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        if tree.case % 2:
            tree.sl["iddokt"] = catalogue.doctor(tree.z["lpu"], tree.sl["prvs"], number)
            return [Expect(rule, code, SL_PATH + "IDDOKT")]
        tree.usl["code_md"] = catalogue.doctor(tree.z["lpu"], tree.usl["prvs"], number)
        element = "USL/MR_USL_N/CODE_MD" if _new(ward, tree) else "USL/CODE_MD"
        return [Expect(rule, code, SL_PATH + element, "usl")]

    return change


# ---- profiles, specialties, beds, places -----------------------------------------------------------------------------------


def _visit(profiles: Sequence[int]) -> Callable[[Ward], Bools]:
    """A visit of a grown person to a doctor of one of the profiles."""
    return lambda w: np.asarray(
        (w.kind == "visit") & (w.letters == "H") & (w.age >= 20) & w.steady & w.grown & np.isin(w.profil, profiles),
        dtype=np.bool_,
    )


def _other_specialty(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """The specialty of a therapist in a profile that the territory's table gives to another.

    USL has its specialty beside the profile in edition 3.1 only; in 3.2 it stands with the workers.
    """
    tree.sl["prvs"] = tree.usl["prvs"] = 76
    of_service = Expect("C185", BAD, SL_PATH + "USL/PROFIL", "usl")
    return [Expect("C185", BAD, SL_PATH + "PROFIL"), *([] if _new(ward, tree) else [of_service])]


def _nurse(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A nurse in specialised care."""
    tree.z["vidpom"] = 13
    tree.sl["prvs"] = catalogue.NURSE
    return [Expect("C186", BAD, SL_PATH + "PRVS")]


_outside_profile = profile(
    catalogue.OUTSIDE_PROFIL, 76,
    Expect("C187", "1.6.1", SL_PATH + "PROFIL"), Expect("C187", "1.6.1", SL_PATH + "USL/PROFIL", "usl"),
)  # fmt: skip


def _outside_specialty(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["prvs"] = catalogue.OUTSIDE_PRVS
    return [Expect("C187", "1.6.1", SL_PATH + "PRVS")]


def _other_bed(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["profil_k"] = 1
    return [Expect("C188", BAD, SL_PATH + "PROFIL_K")]


def _elsewhere(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.usl["code_usl"] = regional.PLACED_SERVICE
    return [Expect("C189", BAD, SL_PATH + "USL/CODE_USL", "usl")]


# ---- payment and form ------------------------------------------------------------------------------------------------------


def _per_capita_elsewhere(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Inside the money for attached people, of whom the patient is none: insured in another territory."""
    tree.z["idsp"] = 25
    tree.sl.update(tarif=0, sum_m=0)
    tree.usl.update(tarif=0, sumv_usl=0)
    tree.set_total()
    return [of_case("C197", BAD, Z + "IDSP")]


# ---- billed again ----------------------------------------------------------------------------------------------------------


def _answers_nothing(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Refers to a record of a bill that there never was."""
    tree.z.update(pr_nov=1, nschet_p="H-01-99", n_zap_p=tree.case)
    return [of_case("C137", BAD, _PR_NOV)]


def _never_billed(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["pr_nov"] = 1
    return [of_case("C252", "1.10.1", _PR_NOV)]


def _was_paid(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A case of February that was accepted, billed again: the same care was paid, too."""
    tree.z["pr_nov"] = 1
    return [of_case("C252", "1.10.1", _PR_NOV), Expect("C136", "1.10.1", SL_PATH + "DATE_1")]


def _refused_before(ward: Ward, tree: Tree) -> None:
    """Gives the case of February a wrong total, for which it is refused; what comes again in March is right."""
    assert ward.before is not None
    earlier = ward.before.touch(ward.origin)
    earlier.z["sumv"] += 100
    ward.before.expect(earlier, [of_case("C095", "1.4.5", Z + "SUMV")], "C095")
    tree.z["pr_nov"] = 1


def _billed_again(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """In time, in the usual bill of March: nothing is found."""
    _refused_before(ward, tree)
    return []


def _on_the_last_day(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """In a bill of its own on the last day of the term: nothing is found."""
    _refused_before(ward, tree)
    ward.own_package(tree, data=_due(ward, tree))
    return []


def _too_late(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """In a bill of its own on the working day after the term."""
    _refused_before(ward, tree)
    ward.own_package(tree, data=working_day(_due(ward, tree), 1))
    return [of_case("C251", "1.4.6", "ZGLV/DATA")]


#: Working days after the receipt of the act (Rules 158n 128).
_TERM: Final = 25
#: Days off of March 2022 beside Saturdays and Sundays, and the Saturday that was worked for one of them.
_OFF, _WORKED = (date(2022, 3, 7), date(2022, 3, 8)), (date(2022, 3, 5),)


def working_day(day: date, number: int) -> date:
    """The n-th working day after a day of this spring."""
    while number:
        day += timedelta(days=1)
        number -= day in _WORKED or (day.weekday() < 5 and day not in _OFF)
    return day


def _due(ward: Ward, tree: Tree) -> date:
    """The last day on which a refusal of February's bill may be answered.

    The act is of the working day after the file; the clinic of RECEIVED_LATER says that it got it a working day after that.
    """
    assert ward.before is not None
    mo = tree.z["clinic"]
    received = working_day(ward.before.plan.data(mo), 1)
    if mo == _RECEIVED_LATER:
        received = working_day(received, 1)
        package = ward.before.tables["z"]["package"][ward.origin]
        receipt = (mo, "МЭК-" + package[-26:], received)
        if receipt not in ward.shared.receipts:
            ward.shared.receipts.append(receipt)
    return working_day(received, _TERM)


_RECEIVED_LATER: Final = "750905"


def _refusable(w: Ward) -> Bools:
    """A visit of an own person, steady in insurance: what was refused is the bill alone."""
    return np.asarray(calm(w) & w.own & (w.vpolis == 3), dtype=np.bool_)


def _early(w: Ward) -> Bools:
    """Of a clinic that files on the first days of the month: its terms end before what is known."""
    return np.asarray(
        _refusable(w) & np.isin(w.clinic, [mo for mo in catalogue.CLINICS if int(mo) % 5 in (0, 1)]), dtype=np.bool_
    )


RARE: Final[tuple[Defect, ...]] = (
    Defect("C251", _early, _too_late, february=False, history=True),
    Defect("C251 on the last day", _early, _on_the_last_day, february=False, history=True, sound=True),
    Defect("C251 in time", _refusable, _billed_again, february=False, history=True, sound=True),
    Defect("C252 paid", _refusable, _was_paid, february=False, history=True),
)

USUAL: Final[tuple[Defect, ...]] = (
    Defect("C137", lambda w: _refusable(w) & w.new_version, _answers_nothing),
    Defect("C252 new", _refusable, _never_billed),
    Defect("C182", calm, _worker("C182", "1.9", LAPSED)),
    Defect("C183", calm, _worker("C183", BAD, STRANGER)),
    Defect("C184 later", calm, _worker("C184", BAD, NOT_YET)),
    Defect("C184 gone", calm, _worker("C184", BAD, GONE)),
    Defect("C185", _visit(regional.DOCTORS_OF), _other_specialty),
    Defect("C186", lambda w: calm(w) & ~np.isin(w.profil, (97, 57)), _nurse),
    Defect("C187 profile", calm, _outside_profile),
    Defect("C187 specialty", calm, _outside_specialty),
    Defect("C188", lambda w: hospital(w) & np.isin(w.profil, regional.BEDS_OF), _other_bed),
    Defect("C189", lambda w: calm(w) & ~np.isin(w.clinic, catalogue.PROVIDERS["per_capita"]), _elsewhere),
    Defect("C197", insured_elsewhere, _per_capita_elsewhere),
    Defect("C198", lambda w: calm(w) & (w.for_pom == 3), put("z", [Expect("C198", BAD, Z + "FOR_POM")], for_pom=2)),
)  # fmt: skip

#: Each is a bill of its own: thousands of bills of one case would be no month that anybody has seen.
ONCE: Final = frozenset({"C251", "C251 on the last day"})
