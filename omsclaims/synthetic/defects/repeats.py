"""The same care twice: lines, chart numbers, services that do not go together, care that comes again (order 231n 1.10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import numpy as np

from omsclaims.synthetic import catalogue
from omsclaims.synthetic.defects.common import BAD, KSG, Z, by_doctor, call, calm, episode, hospital, of_case
from omsclaims.synthetic.people import Bools
from omsclaims.synthetic.planting import SL_PATH, Defect, Expect, Tree, Ward, later, reprice

_DIALYSIS, _OTHER_DIALYSIS = catalogue.DIALYSIS
_TWICE: Final = "1.10.2"
_CODE: Final = SL_PATH + "USL/CODE_USL"


# ---- lines -----------------------------------------------------------------------------------------------------------------


def _add_line(tree: Tree, code: str, day: date, quantity: int = 100) -> int:
    """One more service of a stay, which has no price of its own; its number."""
    rows = tree.usls[1]
    number = len(rows) + 1
    changes = {"usl_no": number, "idserv": str(number), "code_usl": code, "date_in": day, "date_out": day, "kol_usl": quantity}
    rows.append({**rows[0], **changes, "vid_vme": None})
    return number


def _lines(rule: str, code: str, element: str, *services: tuple[str, int, int]) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """Adds services (code, day of the stay, quantity in hundredths) of which the last is refused."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        number = 0
        for service, day, quantity in services:
            number = _add_line(tree, service, later(tree.z["date_z_1"], day), quantity)
        return [Expect(rule, code, SL_PATH + element, "usl", usl_no=number)]

    return change


def _same_line(ward: Ward, tree: Tree) -> Sequence[Expect]:
    number = _add_line(tree, tree.usl["code_usl"], tree.usl["date_in"])
    return [Expect("C134", _TWICE, _CODE, "usl", usl_no=number)]


# ---- a stay in two cases ---------------------------------------------------------------------------------------------------


def _long(w: Ward) -> Bools:
    """A stay that divides into two cases of the month: no complexity, which a part of the stay would not have."""
    enough = w.end >= np.datetime64(w.plan.month.first) + np.timedelta64(3, "D")
    return np.asarray(hospital(w) & (w.days >= 5) & w.steady & ~w.kslp & enough, dtype=np.bool_)


def _undialysed(w: Ward) -> Bools:
    """Without the lines that a stay for dialysis has of its own."""
    return np.asarray(_long(w) & (w.n_ksg != catalogue.DIALYSIS_GROUP), dtype=np.bool_)


def _second(ward: Ward, tree: Tree) -> Tree:
    """Ends the stay two days earlier; a second case of the same clinic begins on that day."""
    middle = later(tree.z["date_z_2"], -2)
    second = ward.clone(tree)
    second.shift(middle, tree.z["date_z_2"])
    tree.shift(tree.z["date_z_1"], middle)
    reprice(tree)
    reprice(second)
    return second


def _on_one_chart(tree: Tree, second: Tree) -> None:
    second.sl["nhistory"] = tree.sl["nhistory"]


_PNEUMONIA: Final = next(one for one in catalogue.INPATIENT if one.code == "st23.004")


def _as_pneumonia(tree: Tree) -> None:
    """Another group and disease of the same stay."""
    one = _PNEUMONIA
    tree.sl.update(n_ksg=one.code, profil=one.profil, profil_k=one.bed, prvs=one.prvs, ds1="J18.0")
    tree.usl.update(profil=one.profil, prvs=one.prvs, ds="J18.0", code_usl=f"B01.{one.profil:03d}.006")
    by_doctor(tree)
    reprice(tree)


def _no_lungs(w: Ward) -> Bools:
    return np.asarray(_long(w) & (w.profil != _PNEUMONIA.profil), dtype=np.bool_)


def _two_discharges(ward: Ward, tree: Tree) -> None:
    second = _second(ward, tree)
    _on_one_chart(tree, second)
    _as_pneumonia(second)
    ward.expect(second, [of_case("C142", "1.10.6", SL_PATH + "NHISTORY")], "C142")


_DISEASES: Final = {one.code: one.diagnoses for one in catalogue.INPATIENT if len(one.diagnoses) > 1}


def _group_twice(ward: Ward, tree: Tree) -> None:
    """The group again, with its other diagnosis: that the same disease comes again is another defect."""
    second = _second(ward, tree)
    _on_one_chart(tree, second)
    second.sl["ds1"] = next(one for one in _DISEASES[tree.sl["n_ksg"]] if one != tree.sl["ds1"])
    expects = [Expect("C143", "1.10.6", KSG + "N_KSG"), of_case("C142", "1.10.6", SL_PATH + "NHISTORY")]
    ward.expect(second, expects, "C143")


def _two_ends(ward: Ward, tree: Tree) -> None:
    """A second group on the last day of the stay alone."""
    end = tree.z["date_z_2"]
    second = ward.clone(tree)
    second.shift(end, end)
    _on_one_chart(tree, second)
    _as_pneumonia(second)
    expects = [Expect("C144", BAD, SL_PATH + "DATE_2"), of_case("C142", "1.10.6", SL_PATH + "NHISTORY")]
    ward.expect(second, expects, "C144")


def _admitted_again(ward: Ward, tree: Tree) -> None:
    ward.expect(_second(ward, tree), [of_case("C155", "", Z + "DATE_Z_1")], "C155")


def _lately(w: Ward) -> Bools:
    """A stay of the month before that ended in the thirty days before the first days of this one, and no care after it."""
    late = w.end >= np.datetime64(w.plan.month.first) + np.timedelta64(6, "D")
    return np.asarray(hospital(w) & late & w.final & w.steady & (w.vpolis == 3) & ~w.kslp & (w.days <= 12), dtype=np.bool_)


def _admitted_in_march(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """The disease of a stay of February, in the first days of March."""
    begin = later(ward.plan.month.first, 1 + tree.case % 4)
    tree.shift(begin, later(begin, 7))
    reprice(tree)
    return [of_case("C155", "", Z + "DATE_Z_1")]


# ---- chart numbers, calls, обращения ---------------------------------------------------------------------------------------


def _chart_of_another(ward: Ward, tree: Tree) -> Sequence[Expect] | None:
    """The chart number of an earlier case of the same bill, of a person whom nothing else befalls."""
    same = (ward.package == tree.z["package"]) & (ward.case < tree.case) & ward.grown
    same &= ~ward.shared.claimed[ward.person] & (ward.person != tree.z["person"]) & ward.own
    found = np.flatnonzero(same)
    if not len(found):
        ward.changed.pop(tree.case)
        return None
    other = int(found[0])
    ward.shared.claimed[int(ward.person[other])] = True
    tree.sl["nhistory"] = ward.tree(other).sl["nhistory"]
    return [Expect("C145", BAD, SL_PATH + "NHISTORY")]


def _called_again(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Once more on the same day, by another doctor: the lines differ."""
    number = 1 + int(tree.usl["code_md"][-1]) % 5
    by_doctor(tree, number)
    return [of_case("C151", "", Z + "DATE_Z_1")]


def _long_episode(w: Ward) -> Bools:
    enough = w.end >= np.datetime64(w.plan.month.first) + np.timedelta64(3, "D")
    return np.asarray(episode(w) & (w.letters == "H") & (w.days >= 5) & enough & w.own, dtype=np.bool_)


def _episode_again(ward: Ward, tree: Tree) -> None:
    """The обращение ends two days earlier, and another of the same doctor for the same disease begins on that day."""
    z = tree.z
    middle = later(z["date_z_2"], -2)
    tree.usls[1] = tree.usls[1][:2]
    second = ward.clone(tree)
    _visits(second, middle, z["date_z_2"])
    _visits(tree, z["date_z_1"], middle)
    ward.expect(second, [Expect("C156", "", SL_PATH + "DATE_1")], "C156")


def _visits(tree: Tree, begin: date, end: date) -> None:
    """Puts an обращение of two visits on other days."""
    tree.shift(begin, end)
    for usl, day in zip(tree.usls[1], (begin, end), strict=True):
        usl.update(date_in=day, date_out=day)


_COUNTED: Final = catalogue.COUNTED_SERVICE

RARE: Final[tuple[Defect, ...]] = (
    Defect(
        "C155 history", _lately, _admitted_in_march, february=False, history=True,
    ),
    Defect("C142", _no_lungs, _two_discharges),
    Defect("C143", lambda w: _long(w) & np.isin(w.n_ksg, list(_DISEASES)), _group_twice),
    Defect("C144", _no_lungs, _two_ends),
    Defect("C155", _long, _admitted_again),
)  # fmt: skip

USUAL: Final[tuple[Defect, ...]] = (
    Defect("C134", hospital, _same_line),
    Defect("C145", lambda w: calm(w) & w.own & ~w.first, _chart_of_another),
    Defect("C146", _undialysed, _lines(
        "C146", "1.10.3", "USL/CODE_USL", (_DIALYSIS, 1, 100), (catalogue.COMPANION, 1, 100), (catalogue.INCLUDED, 1, 100),
    )),
    Defect("C147", _undialysed, _lines("C147", BAD, "USL/CODE_USL", (_DIALYSIS, 1, 100))),
    Defect("C148", _undialysed, _lines("C148", _TWICE, "USL/KOL_USL", (_COUNTED, 2, catalogue.PER_DAY * 100 + 100))),
    Defect("C149", _undialysed, _lines(
        "C149", _TWICE, "USL/KOL_USL", *((_COUNTED, day, catalogue.PER_DAY * 100) for day in range(4)),
    )),
    Defect("C151", lambda w: call(w) & w.own, _called_again, clones=True),
    Defect("C154", _undialysed, _lines(
        "C154", _TWICE, "USL/CODE_USL", (_DIALYSIS, 1, 100), (catalogue.COMPANION, 1, 100), (_OTHER_DIALYSIS, 1, 100),
    )),
    Defect("C156", _long_episode, _episode_again),
)  # fmt: skip
