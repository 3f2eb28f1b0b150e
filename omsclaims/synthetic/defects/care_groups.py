"""Groups (КСГ), their complexity, high-tech care and what has no price: how are the rules about them broken?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from omsclaims.synthetic import catalogue, deal, regional, regional_persons
from omsclaims.synthetic.defects.common import KSG, Z, calm, hospital, of_case, put, vmp
from omsclaims.synthetic.people import Bools
from omsclaims.synthetic.planting import SL_PATH, Defect, Expect, Tree, Ward, later, reprice

_CODE: Final = KSG + "SL_KOEF/IDSL"
_NOT_SO: Final = "1.7.2"
_SCHEMES: Final = tuple(code for code, criterion in catalogue.CRITERIA.items() if criterion == catalogue.DRUG[0])
#: Surgical groups of which no table names the operation.
_NAMED: Final = {*regional.PAIRS, *regional_persons.OPERATIONS}
_OPERATIONS: Final = tuple(code for code, group in catalogue.KSG.items() if group.surgical and code not in _NAMED)


# ---- masks -----------------------------------------------------------------------------------------------------------------


def simple(w: Ward) -> Bools:
    """A stay without complexity."""
    return np.asarray(hospital(w) & ~w.kslp, dtype=np.bool_)


def of_groups(groups: Sequence[str], letters: str) -> Callable[[Ward], Bools]:
    """Treated to the end by one of some groups."""

    def mask(w: Ward) -> Bools:
        here = np.isin(w.n_ksg.astype(str), groups) & (w.letters == letters) & np.isin(w.rslt, (101, 201))
        return np.asarray(here & w.one_sl & w.grown & w.alive & w.steady, dtype=np.bool_)

    return mask


def unpaid_beside(w: Ward) -> Bools:
    """A stay with a group that costs nothing beside the dearer one."""
    free = w.tables["sl"].filter(pl.col("n_ksg").is_not_null() & (pl.col("sum_m") == 0))
    return np.asarray(~w.one_sl & np.isin(w.case, free["case"].to_numpy()), dtype=np.bool_)


def transferred(w: Ward) -> Bools:
    """A stay that another disease interrupted, and no result besides."""
    second = dict(w.tables["sl"].filter(pl.col("sl_no") == 2).select("case", "ds1").iter_rows())
    pairs = {case: (first, second[case]) for case, first in zip(w.case.tolist(), w.ds1, strict=True) if case in second}
    moved = [case for case, (a, b) in pairs.items() if deal.disease_class(a) != deal.disease_class(b)]
    return np.asarray(np.isin(w.case, moved) & (w.kind == "ksg_inpatient") & (w.rslt == 101), dtype=np.bool_)


def endocrinologist(w: Ward) -> Bools:
    """A visit whose standard is stated, early enough for another one behind it."""
    early = w.begin < np.datetime64(later(w.plan.closes, -3))
    return np.asarray((w.kind == "visit") & w.standard & w.grown & w.steady & w.alive & early, dtype=np.bool_)


# ---- changes ---------------------------------------------------------------------------------------------------------------


def complexity(idsl: int, rule: str) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """A complexity that the patient does not have, and its price."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        value = deal.kslp_total((idsl,))
        tree.small["sl_koef"] = [{"case": tree.case, "sl_no": 1, "idsl": idsl, "z_sl": value}]
        tree.sl.update(sl_k=1, it_sl=value)
        if rule == "C120":
            for table in ("ds2", "ds3"):
                tree.small[table] = []
        reprice(tree)
        return [Expect(rule, _NOT_SO, _CODE)]

    return change


def _unpaid_billed(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """The department whose group is not paid beside the dearer one bills its tariff all the same."""
    cheaper = next(sl for sl in tree.sls if not sl["sum_m"])
    cheaper["sum_m"] = cheaper["tarif"]
    tree.set_total()
    return [Expect("C121", _NOT_SO, KSG + "N_KSG", sl_no=int(cheaper["sl_no"]))]


def _by_a_kopeck(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """The least that can be billed of it."""
    found = _unpaid_billed(ward, tree)
    tree.sls[found[0].sl_no - 1]["sum_m"] = 1
    tree.set_total()
    return found


def _whole_before_a_transfer(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """The first department bills the whole tariff, as if another disease had not interrupted its treatment."""
    kslp = tuple(row["idsl"] for row in tree.small.get("sl_koef", []) if row["sl_no"] == 1)
    days = (tree.sl["date_2"] - tree.sl["date_1"]).days
    tree.sl["sum_m"] = deal.ksg_price(tree.sl["n_ksg"], tree.z["lpu"], tree.z["rslt"], days, kslp, whole=True)
    tree.set_total()
    return [Expect("C114", _NOT_SO, SL_PATH + "SUM_M")]


def _too_short(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Fewer days than the scheme takes; the price is that of a short stay."""
    tree.shift(tree.z["date_z_1"], later(tree.z["date_z_1"], regional.SCHEME_DAYS - 2))
    reprice(tree)
    return [Expect("C122", _NOT_SO, KSG + "CRIT")]


def _other_treatment(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A group of drug therapy for a treatment of symptoms."""
    nothing = ("hir_tip", "lek_tip_l", "lek_tip_v", "luch_tip", "regnum", "code_sh", "date_inj")
    tree.small["onk_usl"][0].update(dict.fromkeys(nothing), usl_tip=5)
    return [Expect("C123", _NOT_SO, KSG + "N_KSG")]


def _no_criterion(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.small["crit"] = []
    return [Expect("C124", _NOT_SO, KSG + "CRIT")]


def _without_quota(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Another clinic of the same town treats by the voucher, and has no place of high-tech care in the year."""
    z, clinic = tree.z, catalogue.WITHOUT_QUOTA
    ward.shared.vouchers[tree.sl["tal_num"]] = {"mo": clinic}
    z.update(package=z["package"].replace(z["clinic"], clinic), clinic=clinic, lpu=clinic)
    tree.sl["iddokt"] = clinic[3:] + tree.sl["iddokt"][3:]
    tree.usl.update(lpu=clinic, code_md=tree.sl["iddokt"])
    return [of_case("C132", "1.8.1", Z + "LPU")]


def _again_too_soon(ward: Ward, tree: Tree) -> Sequence[Expect] | None:
    """The visit once more on a later day that is free, by the same standard."""
    when = _free_day(ward, tree)
    if when is None:
        ward.added.remove(tree)
        return None
    tree.shift(when, when)
    return [Expect("C127", _NOT_SO, SL_PATH + "CODE_MES1")]


def _free_day(ward: Ward, tree: Tree) -> date | None:
    """The first day behind the case on which its person has no other care."""
    own = ward.person == tree.z["person"]
    when = later(tree.z["date_z_2"], 1)
    while when <= ward.plan.closes:
        at = np.datetime64(when)
        if not ((ward.begin[own] <= at) & (ward.end[own] >= at)).any():
            return when
        when = later(when, 1)
    return None


RARE: Final[tuple[Defect, ...]] = (
    Defect("C121", unpaid_beside, _unpaid_billed),
    Defect("C121 kopeck", unpaid_beside, _by_a_kopeck),
    Defect("C114 transfer", transferred, _whole_before_a_transfer),
    Defect(
        "C126", of_groups(tuple(regional.PAIRS), "H"),
        put("sl", [Expect("C126", _NOT_SO, KSG + "N_KSG")], ds1="K80.1"),
    ),
    Defect("C122", of_groups(_SCHEMES, "C"), _too_short),
    Defect("C123", of_groups(_SCHEMES, "C"), _other_treatment),
    Defect("C124", of_groups(tuple(catalogue.CRITERIA), "C"), _no_criterion),
    Defect("C125", of_groups(_OPERATIONS, "H"), put("usl", [Expect("C125", _NOT_SO, SL_PATH + "USL")], code_usl="B01.001.006")),
    Defect("C127", endocrinologist, _again_too_soon, clones=True),
    Defect("C132", vmp, _without_quota),
    Defect(
        "C128", vmp,
        put("sl", [Expect("C128", "1.4.3", SL_PATH + "TAL_NUM"), Expect("S.902", "1.4.3", SL_PATH + "TAL_NUM")], tal_num=None),
    ),
)  # fmt: skip

USUAL: Final[tuple[Defect, ...]] = (
    Defect("C117", lambda w: simple(w) & (w.days <= catalogue.LONG_STAY), complexity(3, "C117")),
    Defect("C118", lambda w: simple(w) & (w.age < catalogue.OLD_AGE), complexity(1, "C118")),
    Defect("C119", lambda w: simple(w) & (w.age > catalogue.CHILD), complexity(4, "C119")),
    Defect("C120", simple, complexity(2, "C120")),
    # The territory lets DET be absent from a case, and a visit has no price without it: nothing else notices.
    Defect("P.2", lambda w: calm(w) & w.new_version, put("sl", [Expect("P.2", "1.7.1", SL_PATH + "SUM_M")], det=None)),
)
