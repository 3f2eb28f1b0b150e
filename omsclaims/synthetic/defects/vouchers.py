"""High-tech care that its voucher does not cover, and care for an accident at work (law.md 9.3; Rules 107, 120)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import numpy as np

from omsclaims.synthetic import catalogue
from omsclaims.synthetic.defects.common import BAD, Z, hospital, of_case, vmp
from omsclaims.synthetic.people import Bools
from omsclaims.synthetic.planting import SL_PATH, Defect, Expect, Tree, Ward, later
from omsclaims.synthetic.registers import usual_steps

_ABOVE: Final = "1.6.2"


def _of_voucher(rule: str, code: str = BAD, element: str = "TAL_NUM") -> Expect:
    return Expect(rule, code, SL_PATH + element)


def _unknown(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["tal_num"] = f"75.9922.{tree.case:07d}.122"
    return [_of_voucher("C133")]


def _held(expects: Sequence[Expect], **columns: object) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """The register holds the voucher otherwise."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        ward.shared.vouchers[tree.sl["tal_num"]] = columns
        return expects

    return change


def _other_person(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """The voucher was given to the next person of the register."""
    person = (tree.z["person"] + 1) % ward.people.count
    return _held([_of_voucher("C260")], enp=ward.people.enp[person])(ward, tree)


def _other_clinic(ward: Ward, tree: Tree) -> Sequence[Expect]:
    other = next(mo for mo in catalogue.PROVIDERS["vmp"] if mo != tree.z["lpu"])
    return _held([Expect("C261", BAD, Z + "LPU")], mo=other)(ward, tree)


def _other_group(ward: Ward, tree: Tree) -> Sequence[Expect]:
    group = "2580" if tree.sl["metod_hmp"] != 2580 else "44"
    return _held([_of_voucher("C262", element="METOD_HMP")], group=group)(ward, tree)


def _other_day(ward: Ward, tree: Tree) -> Sequence[Expect]:
    return _held([_of_voucher("C264", element="TAL_D")], created_on=later(tree.sl["tal_d"], -1))(ward, tree)


def _created_late(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Created the day after the admission: the day of the case is not that of the voucher, either."""
    z = tree.z
    created = later(z["date_z_1"], 1)
    expects = [_of_voucher("C265", element="DATE_1"), _of_voucher("C264", element="TAL_D")]
    return _held(expects, created_on=created, steps=usual_steps(created, created, z["date_z_2"]))(ward, tree)


def _taken_back(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Lapsed on the very day of admission, or refused by the clinic before."""
    begin, created = tree.z["date_z_1"], tree.sl["tal_d"]
    way = usual_steps(created, begin, begin)[:2]
    end = ("lapsed", begin, None, None, None) if tree.case % 2 else ("decision", begin, "refused", None, None)
    return _held([_of_voucher("C266", _ABOVE)], steps=[*way, end])(ward, tree)


def _decided_late(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """The clinic decided on the day after the admission; until then the patient waited for a place."""
    z, created = tree.z, tree.sl["tal_d"]
    steps = usual_steps(created, z["date_z_1"], z["date_z_2"])
    decided = later(z["date_z_1"], 1)
    steps[1] = ("decision", decided, "date", decided, None)
    steps[2] = ("admitted", decided, None, None, None)
    return _held([_of_voucher("C267", _ABOVE, "DATE_1")], steps=steps)(ward, tree)


def _section_two(ward: Ward, tree: Tree) -> Sequence[Expect]:
    steps = usual_steps(tree.sl["tal_d"], tree.z["date_z_1"], tree.z["date_z_2"], section=2)
    return _held([_of_voucher("C268", "1.6.1")], section=2, steps=steps)(ward, tree)


def _other_diagnosis(tree: Tree) -> str:
    """Another diagnosis of the method: that the same disease comes again is another defect (C155)."""
    return next(one for one in catalogue.VMP[tree.sl["metod_hmp"]].diagnoses.split(";") if one != tree.sl["ds1"])


def _used_twice(ward: Ward, tree: Tree) -> Sequence[Expect] | None:
    """The treatment goes on as a second case of the same voucher, from the last day of the first."""
    middle = later(tree.z["date_z_1"], 2)
    second = ward.clone(tree)
    second.shift(middle, tree.z["date_z_2"])
    second.sl["ds1"] = _other_diagnosis(tree)
    tree.shift(tree.z["date_z_1"], middle)
    ward.expect(second, [_of_voucher("C263", _ABOVE)], "C263")
    return None


def _used_before(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A second treatment by the voucher that February has paid."""
    begin = later(ward.plan.month.first, 2 + tree.case % 5)
    tree.sl["ds1"] = _other_diagnosis(tree)
    tree.shift(begin, later(begin, 6))
    return [_of_voucher("C263", _ABOVE)]


def _splits(w: Ward) -> Bools:
    """High-tech care long enough for two cases, both in the month."""
    begin = np.datetime64(w.plan.month.first) - np.timedelta64(2, "D")
    return np.asarray(vmp(w) & (w.days >= 4) & (w.begin >= begin), dtype=np.bool_)


def _compared(w: Ward) -> Bools:
    """Whose voucher is compared with the person: the territory's own, and those who showed the policy of the single kind."""
    return np.asarray(vmp(w) & (w.own | (w.vpolis == 3)), dtype=np.bool_)


def _accident(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A notice of the social insurance fund: the treatment that began on the day of the accident, by the category of its
    diagnosis. Every other notice names the person by name and birth date only.
    """
    person, begin = tree.z["person"], tree.z["date_z_1"]
    fam, im, ot = ward.people.fio(person)
    born: date = ward.people.born[person].astype(object)
    enp = ward.people.enp[person] if tree.case % 2 else None
    number = f"НС-{ward.plan.month.month:02d}-{tree.case:06d}"
    ward.shared.accidents.append(
        (number, later(begin, 3), later(begin, 2), enp, fam, im, ot, born, None, begin, begin, tree.z["date_z_2"],
         tree.sl["ds1"][:3], tree.z["lpu"], None, None)
    )  # fmt: skip
    return [of_case("C199", "1.6.4", Z + "IDCASE")]


RARE: Final[tuple[Defect, ...]] = (
    Defect("C263 history", lambda w: vmp(w) & w.final & w.steady & (w.vpolis == 3), _used_before, february=False, history=True),
    Defect("C263", lambda w: _splits(w) & w.steady, _used_twice),
    Defect("C133", vmp, _unknown),
    Defect("C260", _compared, _other_person),
    Defect("C261", vmp, _other_clinic),
    Defect("C262", vmp, _other_group),
    Defect("C264", vmp, _other_day),
    Defect("C265", vmp, _created_late),
    Defect("C266", vmp, _taken_back),
    Defect("C267", vmp, _decided_late),
    Defect("C268", vmp, _section_two),
)

USUAL: Final[tuple[Defect, ...]] = (Defect("C199", lambda w: hospital(w) & w.own & (w.vpolis == 3), _accident),)
