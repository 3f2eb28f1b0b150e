"""Which cases can take a defect, and what changes do several defects share? Masks over the ward and changes of a tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from omsclaims.synthetic import catalogue
from omsclaims.synthetic.catalogue import doctor
from omsclaims.synthetic.people import Bools
from omsclaims.synthetic.planting import CALM_PROFILES, SL_PATH, Expect, Tree, Ward, reprice

Z: Final = "ZAP/Z_SL/"
P: Final = "ZAP/PACIENT/"
KSG: Final = SL_PATH + "KSG_KPG/"
#: The ground of a value that cannot be.
BAD: Final = "1.4.4"


def put(where: str, expects: Sequence[Expect], **values: Any) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """A change that only puts values into z, the first sl or its first usl."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        {"z": tree.z, "sl": tree.sl, "usl": tree.usl}[where].update(values)
        return expects

    return change


def of_case(rule: str, code: str, element: str) -> Expect:
    """A finding at the level of the case."""
    return Expect(rule, code, element, "case")


# ---- masks -----------------------------------------------------------------------------------------------------------------


def calm(w: Ward) -> Bools:
    return np.asarray(w.calm, dtype=np.bool_)


def kind(*kinds: str) -> Callable[[Ward], Bools]:
    return lambda w: np.isin(w.kind, kinds) & w.one_sl & w.grown & (w.letters != "C")


def discharged(w: Ward) -> Bools:
    """Inpatient КСГ, file H, one SL, an adult, discharged."""
    return np.asarray(
        (w.kind == "ksg_inpatient") & (w.letters == "H") & w.one_sl & w.grown & (w.rslt == 101) & (w.age >= 18) & w.alive,
        dtype=np.bool_,
    )


def hospital(w: Ward) -> Bools:
    """The same without the coronavirus, which is rare and has rules of its own."""
    return np.asarray(discharged(w) & (w.n_ksg != catalogue.CORONAVIRUS_GROUP), dtype=np.bool_)


def stay(w: Ward) -> Bools:
    """A hospital stay long enough for another case inside it."""
    return np.asarray(hospital(w) & (w.days >= 4) & w.steady, dtype=np.bool_)


def planned(w: Ward) -> Bools:
    return np.asarray(hospital(w) & w.referred & (w.for_pom == 3), dtype=np.bool_)


def day_hospital(w: Ward) -> Bools:
    return np.asarray((w.kind == "ksg_day") & (w.letters == "H") & (w.rslt == 201) & (w.age >= 18), dtype=np.bool_)


def episode(w: Ward) -> Bools:
    return np.asarray((w.kind == "episode") & (w.age >= 20) & w.steady & (w.days >= 2), dtype=np.bool_)


def call(w: Ward) -> Bools:
    return np.asarray((w.kind == "call") & (w.age >= 20), dtype=np.bool_)


def exam(w: Ward) -> Bools:
    """A first-stage examination that no second stage leans on."""
    return np.asarray((w.kind == "exam") & w.steady & ~np.isin(w.person, list(w.shared.staged)), dtype=np.bool_)


def vmp(w: Ward) -> Bools:
    return np.asarray(w.kind == "vmp", dtype=np.bool_)


def insured_elsewhere(w: Ward) -> Bools:
    """A visit of a person insured elsewhere, insurer known, with a policy number."""
    calm_visit = (w.kind == "visit") & (w.letters == "H") & w.grown & (w.age >= 18) & np.isin(w.profil, CALM_PROFILES)
    return np.asarray(calm_visit & ~w.own & (w.vpolis == 3) & ~w.referred, dtype=np.bool_)


def alone(w: Ward) -> Bools:
    """The only case of an own person in both months, one policy, an adult."""
    return np.asarray(w.own & w.alone & w.steady & w.grown & (w.age >= 18) & (w.vpolis == 3) & w.alive, dtype=np.bool_)


# ---- changes ----


def by_doctor(tree: Tree, number: int = 1) -> None:
    """The doctor of the clinic with the specialty of each sub-case and service (its register of staff has five of each)."""
    mo = tree.z["lpu"]
    for sl in tree.sls:
        if sl["prvs"] is not None:
            sl["iddokt"] = doctor(mo, sl["prvs"], number)
        for usl in tree.usls[sl["sl_no"]]:
            usl["code_md"] = doctor(mo, usl["prvs"], number)


def diagnosis(code: str, rule: str) -> Callable[[Ward, Tree], Sequence[Expect]]:
    return put("sl", [Expect(rule, "1.4.4", SL_PATH + "DS1")], ds1=code)


def secondary(
    table: str, code: str | None, expect: Expect, other: tuple[str, str] | None = None
) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """Adds a secondary diagnosis (None: DS1 itself) and perhaps one more."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        for name, value in ((table, code), other or ("", None)):
            if name:
                tree.small.setdefault(name, []).append({"case": tree.case, "sl_no": 1, name: value or tree.sl["ds1"]})
        return [expect]

    return change


def profile(profil: int, prvs: int, *expects: Expect, priced: bool = True) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """Another profile and specialty, and the price that goes with them."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        tree.sl.update(profil=profil, prvs=prvs)
        tree.usl.update(profil=profil, prvs=prvs)
        by_doctor(tree)
        if priced and tree.z["kind"] == "visit":
            if tree.sl["p_cel"] == "1.1":  # other profiles have no tariff of an urgent visit
                tree.sl["p_cel"], tree.z["for_pom"] = "1.0", 3
            reprice(tree)
        return expects

    return change


def dearer(rule: str) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """SUM_M above the price."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        tree.sl["sum_m"] += 1 + 137 * (1 + tree.case % 50)
        tree.set_total()
        return [Expect(rule, "1.4.5" if rule == "C113" else "1.7.2", SL_PATH + "SUM_M")]

    return change


def twice(rule: str) -> Callable[[Ward, Tree], Sequence[Expect]]:
    code = "1.10.2" if rule == "C135" else "1.10.1"
    return lambda ward, tree: [Expect(rule, code, SL_PATH + "DATE_1")]


def raw_text(table: str, column: str, text: str, expect: Expect, kind: str = "bad") -> Callable[[Ward, Tree], Sequence[Expect]]:
    """A text that is no value of its element."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        row = {"sl": tree.sl, "usl": tree.usl}[table]
        if column in row:
            row[column] = None
        tree.exceptions.append((table, 1, 1, column, text, kind))
        return [expect]

    return change


def one_more_element(
    tag: str, after: str, text: str, expect: Expect, moved: str = ""
) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """One more element inside SL; `moved`: the column whose element it takes the place of."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        value = text
        if moved:
            value, tree.sl[moved] = str(tree.sl[moved]), None
        tree.extra.append(("sl", 1, SL_PATH + tag, after, f"<{tag}>{value}</{tag}>"))
        return [expect]

    return change


def repeated(what: str, expect: Expect) -> Callable[[Ward, Tree], Sequence[Expect]]:
    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        tree.repeats = what
        return [expect]

    return change
