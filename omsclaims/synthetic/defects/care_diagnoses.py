"""Diagnoses and referrals: how are the rules about them broken?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from omsclaims.synthetic import catalogue, regional
from omsclaims.synthetic.defects.common import BAD, Z, calm, diagnosis, discharged, hospital, insured_elsewhere, of_case, put
from omsclaims.synthetic.people import Bools, attached
from omsclaims.synthetic.planting import SL_PATH, Defect, Expect, Tree, Ward

_NEUROLOGY: Final = 53
_MALE, _FEMALE = 1, 2


# ---- masks -----------------------------------------------------------------------------------------------------------------


def not_neurology(w: Ward) -> Bools:
    return np.asarray(calm(w) & (w.profil != _NEUROLOGY), dtype=np.bool_)


def infected(w: Ward) -> Bools:
    """A stay of an adult with the coronavirus, in files that have its fields."""
    return np.asarray(discharged(w) & w.new_version & np.isin(w.ds1, catalogue.CORONAVIRUS), dtype=np.bool_)


def by_referral(*kinds: str) -> Callable[[Ward], Bools]:
    """Planned care of an own adult in a clinic that asks for a referral of the clinic of attachment."""

    def mask(w: Ward) -> Bools:
        here = np.isin(w.kind, kinds) & (w.letters == "H") & np.isin(w.clinic.astype(str), catalogue.BY_REFERRAL)
        return np.asarray(here & w.referred & (w.for_pom == 3) & w.own & w.grown & w.steady & w.one_sl, dtype=np.bool_)

    return mask


def tomography(w: Ward) -> Bools:
    return np.asarray((w.kind == "service") & np.isin(w.code_usl.astype(str), list(regional.IMAGES)), dtype=np.bool_)


# ---- changes ---------------------------------------------------------------------------------------------------------------


def unpaid(code: str, rule: str) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """A main diagnosis that the programme does not pay."""
    return put("sl", [Expect(rule, "1.6.1", SL_PATH + "DS1")], ds1=code)


def _no_reason_to_examine(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl.update(ds1="Z00.0", c_zab=None)
    tree.usl["ds"] = "Z00.0"
    return [Expect("C054", BAD, SL_PATH + "USL/CODE_USL", "usl")]


def _no_drugs(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.small["lek_pr"] = []
    return [Expect("C244", "1.4.3", SL_PATH + "LEK_PR")]


def _of_another_clinic(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A referral of a polyclinic that the patient is not attached to."""
    home = _home(ward, tree)
    tree.z["npr_mo"] = next(mo for mo in catalogue.POLYCLINICS if mo not in (home, tree.z["lpu"]))
    return [of_case("C174", BAD, Z + "NPR_MO")]


def _to_itself(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """The clinic that treats refers a patient of another clinic: it is not the clinic of attachment either."""
    tree.z["npr_mo"] = tree.z["lpu"]
    return [of_case("C175", "1.10.4", Z + "NPR_MO"), of_case("C174", BAD, Z + "NPR_MO")]


def _home(ward: Ward, tree: Tree) -> str:
    return str(attached(ward.people, np.array([tree.z["person"]]), ward.plan.month.first)[0])


RARE: Final[tuple[Defect, ...]] = (
    Defect("C244 weight", infected, put("sl", [Expect("C244", "1.4.3", SL_PATH + "WEI")], wei=None)),
    Defect("C244 drugs", infected, _no_drugs),
    Defect(
        "C054", lambda w: (w.kind == "per_capita") & (w.code_usl == regional.EXAMINATION) & (w.age >= 18),
        _no_reason_to_examine,
    ),
    Defect("C174", by_referral("ksg_inpatient", "ksg_day"), _of_another_clinic),
    Defect("C175", by_referral("ksg_inpatient", "ksg_day", "visit"), _to_itself),
    Defect("C176", by_referral("visit"), put("z", [of_case("C176", "1.10.4", Z + "NPR_MO")], npr_mo=None, npr_date=None)),
    Defect("C178", tomography, put("sl", [Expect("C178", "1.4.3", SL_PATH + "DS0")], ds0=None)),
    Defect("C179", hospital, put("sl", [Expect("C179", "1.4.3", SL_PATH + "DS0")], ds0=None)),
    Defect("C051", insured_elsewhere, unpaid("F32.0", "C051")),
)  # fmt: skip

USUAL: Final[tuple[Defect, ...]] = (
    Defect("C044", calm, diagnosis("J20", "C044")),
    Defect("C045", calm, diagnosis("S42.0", "C045")),
    Defect("C050 women", lambda w: calm(w) & (w.sex == _MALE), diagnosis("N76.0", "C050")),
    Defect("C050 men", lambda w: calm(w) & (w.sex == _FEMALE), diagnosis("N40", "C050")),
    Defect("C052", calm, unpaid(f"{regional.UNPAID}.1", "C052")),
    Defect("C053", calm, diagnosis("B96.2", "C053")),
    Defect("C055", calm, diagnosis("Z02.0", "C055")),
    Defect("C056", calm, diagnosis("I21.4", "C056")),
    Defect("C057", not_neurology, unpaid("G40.3", "C057")),
    Defect("C058", calm, diagnosis("H35.1", "C058")),
    Defect("C059", calm, put("sl", [Expect("C059", "1.4.3", SL_PATH + "C_ZAB")], c_zab=None)),
    Defect("C060", not_neurology, put("sl", [Expect("C060", BAD, SL_PATH + "PROFIL")], ds1="G45.9")),
)
