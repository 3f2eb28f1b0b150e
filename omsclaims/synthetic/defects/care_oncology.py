"""Oncology: how are the rules about files C broken?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from omsclaims.synthetic import catalogue
from omsclaims.synthetic.defects.common import BAD, put
from omsclaims.synthetic.people import Bools
from omsclaims.synthetic.planting import SL_PATH, Defect, Expect, Tree, Ward, later

_ONK: Final = SL_PATH + "ONK_SL/"
_USL: Final = _ONK + "ONK_USL/"
_DRUG: Final = _USL + "LEK_PR/"
_ABSENT: Final = "1.4.3"
_BLOCK: Final = ("ds1_t", "stad", "onk_t", "onk_n", "onk_m", "mtstz", "sod", "k_fr", "onk_wei", "hei", "bsa")


# ---- masks -----------------------------------------------------------------------------------------------------------------


def cancer(w: Ward) -> Bools:
    """An established cancer: a solid tumour of a person treated or seen."""
    solid = np.isin(w.ds1.astype("<U3"), list(catalogue.INDICATORS))
    return np.asarray((w.letters == "C") & solid & w.grown, dtype=np.bool_)


def seen(w: Ward) -> Bools:
    return np.asarray(cancer(w) & (w.kind == "visit"), dtype=np.bool_)


def suspected(w: Ward) -> Bools:
    return np.asarray((w.letters == "C") & (w.ds1 == catalogue.SUSPICION), dtype=np.bool_)


def treated(kind: int, *, solid: bool = True) -> Callable[[Ward], Bools]:
    """Treated by surgery (1), drugs (2) or rays (3)."""
    groups = [code for code, treatment in catalogue.ONCO_TREATMENT.items() if treatment == kind and code]
    return lambda w: (cancer(w) if solid else (w.letters == "C") & ~cancer(w)) & np.isin(w.n_ksg.astype(str), groups)


# ---- changes ---------------------------------------------------------------------------------------------------------------


def row(table: str, expects: Sequence[Expect], **values: Any) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """Puts values into the first row of a table below SL."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        tree.small[table][0].update(values)
        return expects

    return change


def without(table: str, expect: Expect) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """A table below SL without rows."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        tree.small[table] = []
        return [expect]

    return change


def _no_block(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl.update(dict.fromkeys(_BLOCK))
    for table in ("onk_usl", "b_diag", "b_prot"):
        tree.small[table] = []
    return [Expect("C200", _ABSENT, SL_PATH + "ONK_SL")]


def _block_at_suspicion(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["ds_onk"] = 1
    referral = {"napr_date": tree.sl["date_1"], "napr_mo": catalogue.PROVIDERS["onco"][0], "napr_v": 1}
    tree.small["napr"] = [{"case": tree.case, "sl_no": 1, **referral}]
    return [Expect("C201", BAD, SL_PATH + "ONK_SL")]


def _other_stage(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """STAD, T, N or M of the tumour of another organ."""
    number = tree.case % 4
    name = ("stad", "onk_t", "onk_n", "onk_m")[number]
    other = next(codes for category, codes in catalogue.STAGES.items() if category != tree.sl["ds1"][:3])
    tree.sl[name] = other[number]
    return [Expect("C202", BAD, _ONK + name.upper())]


def _after_the_end(ward: Ward, tree: Tree) -> Sequence[Expect]:
    refusal = {"case": tree.case, "sl_no": 1, "prot": 4, "d_prot": later(tree.sl["date_2"], 1 + tree.case % 5)}
    tree.small["b_prot"] = [refusal]
    return [Expect("C214", BAD, _ONK + "B_PROT/D_PROT")]


def _no_services(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.usls.clear()
    return [Expect("C239", _ABSENT, SL_PATH + "USL"), Expect("S.902", _ABSENT, SL_PATH + "USL")]


def _given_too_late(ward: Ward, tree: Tree) -> Sequence[Expect]:
    when = later(tree.sl["date_2"], 1) if tree.case % 2 else later(tree.sl["date_1"], -1)
    return row("onk_usl", [Expect("C210", BAD, _DRUG + "DATE_INJ")], date_inj=when)(ward, tree)


RARE: Final[tuple[Defect, ...]] = (
    Defect("C206", treated(1), row("onk_usl", [Expect("C206", _ABSENT, _USL + "HIR_TIP")], hir_tip=None)),
    Defect("C208 kind", treated(3), row("onk_usl", [Expect("C208", _ABSENT, _USL + "LUCH_TIP")], luch_tip=None)),
    Defect("C208 dose", treated(3), put("sl", [Expect("C208", _ABSENT, _ONK + "SOD")], sod=None)),
    Defect(
        "C241", treated(2, solid=False), row("onk_usl", [Expect("C241", BAD, _DRUG + "CODE_SH")], code_sh=catalogue.DRUG[0]),
    ),
    Defect("C215", suspected, without("napr", Expect("C215", _ABSENT, SL_PATH + "NAPR"))),
    Defect("C200", seen, _no_block),
    Defect("C201", seen, _block_at_suspicion),
    Defect("C239", seen, _no_services),
    Defect("C240", seen, put("usl", [Expect("C240", _ABSENT, SL_PATH + "USL/VID_VME", "usl")], vid_vme=None)),
    Defect("C207 line", treated(2), row("onk_usl", [Expect("C207", _ABSENT, _USL + "LEK_TIP_L")], lek_tip_l=None)),
    Defect(
        "C207 drug", treated(2),
        row("onk_usl", [Expect("C207", _ABSENT, _USL + "LEK_PR")], regnum=None, code_sh=None, date_inj=None),
    ),
    Defect("C209", treated(2), row("onk_usl", [Expect("C209", BAD, _DRUG + "CODE_SH")], code_sh=catalogue.OTHER_SCHEME)),
    Defect("C210", treated(2), _given_too_late),
    Defect("C211 weight", treated(2), put("sl", [Expect("C211", _ABSENT, _ONK + "WEI")], onk_wei=None)),
    Defect("C211 height", treated(2), put("sl", [Expect("C211", _ABSENT, _ONK + "HEI")], hei=261)),
    Defect("C212", treated(2), row("onk_usl", [Expect("C212", BAD, _DRUG + "REGNUM")], regnum=catalogue.OTHER_DRUG)),
    Defect("C243 drugs", treated(2), row("onk_usl", [Expect("C243", BAD, _USL + "HIR_TIP")], hir_tip=1)),
    Defect("C243 visit", seen, row("onk_usl", [Expect("C243", BAD, _USL + "LUCH_TIP")], luch_tip=1)),
    Defect("C202", cancer, _other_stage),
    Defect("C203", cancer, put("sl", [Expect("C203", BAD, _ONK + "ONK_N")], onk_n=None)),
    Defect("C204 unknown", cancer, row("b_diag", [Expect("C204", BAD, _ONK + "B_DIAG/DIAG_CODE")], diag_code=99, diag_rslt=None)),
    Defect(
        "C204 organ", cancer, row("b_diag", [Expect("C204", BAD, _ONK + "B_DIAG/DIAG_CODE")], diag_code=3, diag_rslt=5),
    ),
    Defect("C204 result", cancer, row("b_diag", [Expect("C204", BAD, _ONK + "B_DIAG/DIAG_RSLT")], diag_rslt=5)),
    Defect("C205 none", cancer, without("cons", Expect("C205", _ABSENT, SL_PATH + "CONS"))),
    Defect("C205 undated", cancer, row("cons", [Expect("C205", _ABSENT, SL_PATH + "CONS/DT_CONS")], dt_cons=None)),
    Defect("C214", cancer, _after_the_end),
    Defect("C237", cancer, put("sl", [Expect("C237", _ABSENT, SL_PATH + "C_ZAB")], c_zab=None)),
    Defect("C242", cancer, put("sl", [Expect("C242", BAD, _ONK + "MTSTZ")], mtstz=1)),
)  # fmt: skip

USUAL: Final[tuple[Defect, ...]] = ()
