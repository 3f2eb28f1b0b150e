"""The billed group is not the one that the grouper gives (law.md 8.1): planted, and as what follows from other defects.

A diagnosis, an operation or a criterion that a defect changes may be what made the group. What the case is then grouped into is
worked out by `grouper_books`, apart from the engine: another group (C110), or none because no row of the workbook applies (T.70).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from omsclaims.synthetic import deal, grouper_books
from omsclaims.synthetic.defects.common import KSG, day_hospital, hospital
from omsclaims.synthetic.people import Bools, People, ages
from omsclaims.synthetic.planting import Defect, Expect, Row, Tree, Ward, reprice

_KINDS: Final = ("ksg_inpatient", "ksg_day")
_OTHER: Final = Expect("C110", "1.7.2", KSG + "N_KSG")
_NONE: Final = Expect("T.70", "", KSG + "N_KSG")
#: Group of the case -> a group of other diseases that costs more, or less, with the same price otherwise.
DEARER: Final = {
    "st15.017": "st15.014", "st27.005": "st27.008", "st27.010": "st23.004", "st27.001": "st04.001", "st29.004": "st29.005",
    "st12.001": "st23.005", "ds13.001": "ds35.001", "ds16.001": "ds29.004",
}  # fmt: skip
CHEAPER: Final = {
    "st15.014": "st15.017", "st27.008": "st27.010", "st23.004": "st27.010", "st23.005": "st12.001", "st29.005": "st29.004",
    "st13.004": "st27.005", "ds35.001": "ds13.001", "ds15.001": "ds30.001",
}  # fmt: skip


# ---- planted ---------------------------------------------------------------------------------------------------------------


def _of(groups: Mapping[str, str]) -> Callable[[Ward], Bools]:
    """Treated to the end by one of some groups."""
    return lambda w: np.asarray((hospital(w) | day_hospital(w)) & w.one_sl & np.isin(w.n_ksg.astype(str), list(groups)), np.bool_)


def _billed_as(groups: Mapping[str, str]) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """The bill names another group, with all its coefficients and its price: nothing but the grouper sees it."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        before = tree.z["sumv"]
        tree.sl["n_ksg"] = groups[tree.sl["n_ksg"]]
        reprice(tree)
        assert (tree.z["sumv"] > before) == (groups is DEARER), "the other group costs what it is listed for"
        return [_OTHER]

    return change


RARE: Final[tuple[Defect, ...]] = ()
USUAL: Final[tuple[Defect, ...]] = (
    Defect("C110 dearer", _of(DEARER), _billed_as(DEARER)),
    Defect("C110 cheaper", _of(CHEAPER), _billed_as(CHEAPER)),
)


# ---- what follows from other defects ---------------------------------------------------------------------------------------


def add_consequences(ward: Ward) -> None:
    """Puts C110 and T.70 behind the rows of each defect that changed the group of its case.

    Only cases that defects have changed or added are asked: the clean ones have the group that is billed.
    """
    plants = {row.case: row.plant for row in ward.rows if row.case is not None}
    told = {(row.case, row.sl_no) for row in ward.rows if row.expect.rule == "C110"}
    found = []
    for tree in (*ward.changed.values(), *ward.added):
        if tree.z["kind"] not in _KINDS:
            continue
        for sl in tree.sls:
            expect = _found(tree, sl, ward.people)
            if expect is None or (tree.case, sl["sl_no"]) in told:
                continue
            assert tree.case in plants, "a case that nothing is wrong with keeps its group"
            found.append(Row(plants[tree.case], "consequence", tree.case, sl["sl_no"], None, expect, "the group that follows"))
    ward.rows = sorted([*ward.rows, *found], key=lambda row: row.plant)


def _found(tree: Tree, sl: dict[str, Any], people: People) -> Expect | None:
    """What is found of the group of a sub-case: none by the workbook, another than the billed one, or nothing."""
    case = seen(tree, sl, people)
    group = grouper_books.computed(case, lambda code: deal.ksg_price(code, tree.z["lpu"], tree.z["rslt"], case.days))
    if group is None:
        return _NONE
    return _OTHER if sl["n_ksg"] not in (None, group) else None


def seen(tree: Tree, sl: dict[str, Any], people: People) -> grouper_books.Seen:
    """A sub-case as a grouper looks at it: the patient as the bill describes them."""
    z, number = tree.z, sl["sl_no"]
    if z["novor"] == "0":
        own = tree.person or {}
        born = own.get("dr", people.born[z["person"]])
        sex = own.get("w", int(people.sex[z["person"]]))
    else:
        born, sex = z["child_dr"], z["child_w"]
    on, birth = np.array([z["date_z_1"]], dtype="datetime64[D]"), np.array([born], dtype="datetime64[D]")
    inpatient = z["usl_ok"] == 1
    days = max((sl["date_2"] - sl["date_1"]).days, 1) if inpatient else int(sl["kd"]) // 10
    of = {name: {row[name] for row in tree.small.get(name, []) if row["sl_no"] == number} for name in ("ds2", "ds3", "crit")}
    services = {code for usl in tree.usls.get(number, []) for code in (usl["code_usl"], usl["vid_vme"]) if code}
    return grouper_books.Seen(
        inpatient, sl["ds1"], of["ds2"], of["ds3"], services, of["crit"], sex, int(ages(birth, on)[0]),
        int((on - birth)[0].astype(int)), days, sl["k_fr"],
    )  # fmt: skip
