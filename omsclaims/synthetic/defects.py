"""Which rules are broken on purpose, and how? One entry per way to break a rule, with what must be found.

Rules are those of the control catalogue (checks C001-C246), of structure (S.*) and of missing tariffs (P.1). Not planted, and
why:
C084, C085 refuse the whole package. C191, C192 (plan runs out) are worked out in `truth`, C194 is planted here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import numpy as np

from omsclaims.identifiers import luhn_digit
from omsclaims.synthetic import catalogue
from omsclaims.synthetic.people import Bools
from omsclaims.synthetic.planting import SL_PATH, Defect, Expect, Tree, Ward, full_price, later, reprice

Z: Final = "ZAP/Z_SL/"
P: Final = "ZAP/PACIENT/"
KSG: Final = SL_PATH + "KSG_KPG/"


def _set(where: str, expects: Sequence[Expect], **values: Any) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """A change that only puts values into z, the first sl or its first usl."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        {"z": tree.z, "sl": tree.sl, "usl": tree.usl}[where].update(values)
        return expects

    return change


def _case(rule: str, code: str, element: str) -> Expect:
    return Expect(rule, code, element, "case")


# ---- masks -----------------------------------------------------------------------------------------------------------------


def _calm(w: Ward) -> Bools:
    return np.asarray(w.calm, dtype=np.bool_)


def _kind(*kinds: str) -> Callable[[Ward], Bools]:
    return lambda w: np.isin(w.kind, kinds) & w.one_sl & w.grown & (w.letters != "C")


def _hospital(w: Ward) -> Bools:
    """Inpatient КСГ, file H, one SL, an adult, discharged."""
    return np.asarray(
        (w.kind == "ksg_inpatient") & (w.letters == "H") & w.one_sl & w.grown & (w.rslt == 101) & (w.age >= 18) & w.alive,
        dtype=np.bool_,
    )


def _stay(w: Ward) -> Bools:
    """A hospital stay long enough for another case inside it."""
    return np.asarray(_hospital(w) & (w.days >= 4) & w.steady, dtype=np.bool_)


def _planned(w: Ward) -> Bools:
    return np.asarray(_hospital(w) & w.referred & (w.for_pom == 3), dtype=np.bool_)


def _day_hospital(w: Ward) -> Bools:
    return np.asarray((w.kind == "ksg_day") & (w.letters == "H") & (w.rslt == 201) & (w.age >= 18), dtype=np.bool_)


def _episode(w: Ward) -> Bools:
    return np.asarray((w.kind == "episode") & (w.age >= 20) & w.steady & (w.days >= 2), dtype=np.bool_)


def _call(w: Ward) -> Bools:
    return np.asarray((w.kind == "call") & (w.age >= 20), dtype=np.bool_)


def _exam(w: Ward) -> Bools:
    return np.asarray((w.kind == "exam") & (w.letters != "") & w.steady, dtype=np.bool_)


def _vmp(w: Ward) -> Bools:
    return np.asarray(w.kind == "vmp", dtype=np.bool_)


def _insured_elsewhere(w: Ward) -> Bools:
    """A visit of a person insured elsewhere, insurer known, with a policy number."""
    return np.asarray(_calm(w) & ~w.own & (w.vpolis == 3), dtype=np.bool_)


def _alone(w: Ward) -> Bools:
    """The only case of an own person in both months, one policy, an adult."""
    return np.asarray(w.own & w.alone & w.steady & w.grown & (w.age >= 18) & (w.vpolis == 3) & w.alive, dtype=np.bool_)


# ---- people and policies ---------------------------------------------------------------------------------------------------


def _wrong_digit(ward: Ward, tree: Tree) -> Sequence[Expect]:
    good = tree.z["enp"]
    tree.z["enp"] = good[:-1] + str((int(good[-1]) + 4) % 10)
    old_version = not ward.new_version[np.searchsorted(ward.case, tree.case)]
    return [_case("C008", "1.5", P + ("NPOLIS" if old_version else "ENP"))]


def _short_certificate(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z.update(vpolis=2, npolis="12345678", enp=None)
    ward.own_person(tree, document=True)
    return [_case("C008", "1.5", P + "NPOLIS")]


def _no_number(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z.update(
        vpolis=1, spolis="СТАР", npolis=None, enp=None, st_okato=catalogue.OTHERS[ward.people.home[tree.z["person"]]][0]
    )
    ward.own_person(tree, document=True)
    return [_case("C008", "1.5", P + "NPOLIS")]


def _unknown_person(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A policy number that nobody has, of the year 2099, and no insurer."""
    body = f"98{tree.case % 10**13:013d}"
    tree.z.update(vpolis=3, spolis=None, npolis=None, enp=body + str(luhn_digit(body)), smo=None, smo_ok=None, st_okato=None)
    ward.own_person(tree)
    return [_case("C009", "1.5", P + "NPOLIS")]


def _closed_policy(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.people.until[tree.z["person"]] = later(tree.z["date_z_1"], -1 - tree.case % 9)
    return [_case("C001", "1.5", P + "NPOLIS")]


def _later_policy(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.people.later_start[tree.z["person"]] = later(tree.z["date_z_2"], 1 + tree.case % 5)
    return [_case("C002", "1.5", P + "NPOLIS")]


def _other_birthday(ward: Ward, tree: Tree) -> Sequence[Expect]:
    born: date = ward.people.born[tree.z["person"]].astype(object)
    ward.own_person(tree, dr=later(born, 1 if tree.case % 2 else -10))
    return [_case("C003", "1.5", "PERS/DR")]


def _other_sex(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, w=3 - int(ward.people.sex[tree.z["person"]]))
    return [_case("C003", "1.5", "PERS/W")]


def _other_insurer(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["smo"] = next(code for code in catalogue.INSURERS if code != tree.z["smo"])
    return [_case("C004", "1.5", P + "SMO")]


def _ancient(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, dr=date(1900, 1 + tree.case % 2, 5))
    return [_case("C013", "1.5", "PERS/DR")]


def _unborn(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, dr=later(tree.z["date_z_1"], 3))
    return [_case("C014", "1.5", "PERS/DR")]


def _bad_newborn(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["novor"] = ("330222221", "131022221", "1")[tree.case % 3]
    return [_case("C018", "1.4.4", P + "NOVOR")]


def _died_inside(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.people.died[tree.z["person"]] = later(tree.z["date_z_1"], 1)
    return [_case("C023", "1.4.4", Z + "DATE_Z_2")]


def _died_before(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.people.died[tree.z["person"]] = later(tree.z["date_z_1"], -1 - tree.case % 20)
    return [_case("C024", "1.4.4", Z + "DATE_Z_1")]


def _bad_document(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, document=True, doctype="99")
    return [_case("C220", "1.4.4", "PERS/DOCTYPE")]


# ---- result, dates, diagnoses ----------------------------------------------------------------------------------------------


def _died_unwell(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Death with an outcome that is not worse: the price is that of a case that ended in death."""
    tree.z.update(rslt=tree.z["usl_ok"] * 100 + 5, ishod=tree.z["usl_ok"] * 100 + 3)
    reprice(tree)
    return [_case("C027" if tree.z["usl_ok"] == 1 else "C028", "1.4.4", Z + "ISHOD")]


def _moved_and_well(ward: Ward, tree: Tree) -> Sequence[Expect]:
    inpatient = tree.z["usl_ok"] == 1
    tree.z.update(rslt=109 if inpatient else 202, ishod=101 if inpatient else 201)
    reprice(tree)
    return [_case("C033" if inpatient else "C034", "1.4.4", Z + "ISHOD")]


def _begins_after_end(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["date_z_1"] = later(tree.z["date_z_2"], 1)
    return [_case("C076", "1.4.4", Z + "DATE_Z_1"), Expect("C078", "1.4.4", SL_PATH + "DATE_1")]


def _sl_backwards(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["date_1"] = later(tree.sl["date_2"], 1)
    found = [Expect("C077", "1.4.4", SL_PATH + "DATE_1")]
    if tree.z["kind"] == "call":
        found.append(Expect("C080", "1.4.4", SL_PATH + "USL/DATE_IN", "usl"))
    return found


def _sl_outside(ward: Ward, tree: Tree) -> Sequence[Expect]:
    if tree.case % 2:
        tree.z["date_z_1"] = later(tree.z["date_z_1"], 1)
        return [Expect("C078", "1.4.4", SL_PATH + "DATE_1")]
    tree.z["date_z_2"] = later(tree.z["date_z_2"], -1)
    return [Expect("C078", "1.4.4", SL_PATH + "DATE_2")]


def _usl_outside(ward: Ward, tree: Tree) -> Sequence[Expect]:
    if tree.case % 2:
        tree.usl["date_in"] = later(tree.sl["date_1"], -1)
        return [Expect("C080", "1.4.4", SL_PATH + "USL/DATE_IN", "usl")]
    tree.usl["date_out"] = later(tree.sl["date_2"], 2)
    return [Expect("C080", "1.4.4", SL_PATH + "USL/DATE_OUT", "usl")]


def _next_month(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["date_z_2"] = later(ward.plan.month.last, 1)
    return [_case("C081", "1.4.6", Z + "DATE_Z_2"), _case("C083", "1.4.6", Z + "DATE_Z_2")]


def _after_bill(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["date_z_2"] = ward.plan.month.last
    return [_case("C083", "1.4.6", Z + "DATE_Z_2")]


def _diagnosis(code: str, rule: str) -> Callable[[Ward, Tree], Sequence[Expect]]:
    return _set("sl", [Expect(rule, "1.4.4", SL_PATH + "DS1")], ds1=code)


def _secondary(
    table: str, code: str | None, expect: Expect, other: tuple[str, str] | None = None
) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """Adds a secondary diagnosis (None: DS1 itself) and perhaps one more."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        for name, value in ((table, code), other or ("", None)):
            if name:
                tree.small.setdefault(name, []).append({"case": tree.case, "sl_no": 1, name: value or tree.sl["ds1"]})
        return [expect]

    return change


# ---- profiles --------------------------------------------------------------------------------------------------------------


def _profile(profil: int, prvs: int, *expects: Expect, priced: bool = True) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """Another profile and specialty, and the price that goes with them."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        tree.sl.update(profil=profil, prvs=prvs)
        tree.usl.update(profil=profil, prvs=prvs)
        if priced and tree.z["kind"] == "visit":
            if tree.sl["p_cel"] == "1.1":  # other profiles have no tariff of an urgent visit
                tree.sl["p_cel"], tree.z["for_pom"] = "1.0", 3
            reprice(tree)
        return expects

    return change


# ---- money -----------------------------------------------------------------------------------------------------------------


def _dearer(rule: str) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """SUM_M above the price."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        tree.sl["sum_m"] += 1 + 137 * (1 + tree.case % 50)
        tree.set_total()
        return [Expect(rule, "1.4.5" if rule == "C113" else "1.7.2", SL_PATH + "SUM_M")]

    return change


def _wrong_sum_of_services(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["sum_m"] += 10_000
    tree.set_total()
    return [Expect("C096", "1.4.5", SL_PATH + "SUM_M"), Expect("C108", "1.7.2", SL_PATH + "SUM_M")]


def _paid_twice(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["sum_m"] = 5_000 + tree.case % 1_000
    tree.set_total()
    return [Expect("C150", "1.10.4", SL_PATH + "SUM_M")]


def _wrong_total(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["sumv"] += 100
    return [_case("C095", "1.4.5", Z + "SUMV")]


def _billed_whole(ward: Ward, tree: Tree) -> Sequence[Expect] | None:
    tree.z.update(rslt=102, ishod=103)
    tree.sl["sum_m"] = full_price(tree)
    tree.sl["tarif"] = tree.sl["sum_m"]
    tree.set_total()
    return [Expect("C114", "1.7.2", SL_PATH + "SUM_M")]


def _coefficient(ward: Ward, tree: Tree) -> Sequence[Expect]:
    name = ("koef_z", "koef_up", "koef_u", "koef_d", "bztsz")[tree.case % 5]
    tree.sl[name] += 1_000
    return [Expect("C112", "1.7.2", KSG + name.upper())]


def _complexity(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["it_sl"] += 5_000
    return [Expect("C116", "1.7.2", KSG + "IT_SL")]


def _half_complexity(ward: Ward, tree: Tree) -> Sequence[Expect]:
    if tree.case % 2:
        tree.sl["it_sl"] = None
    else:
        tree.small["sl_koef"] = []
    return [Expect("C115", "1.4.3", KSG + "IT_SL"), Expect("C116", "1.7.2", KSG + "IT_SL")]


def _unknown_complexity(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.small["sl_koef"] = [{"case": tree.case, "sl_no": 1, "idsl": 99, "z_sl": 20_000}]
    tree.sl.update(sl_k=1, it_sl=20_000)
    return [Expect("P.1", "1.7.1", KSG + "SL_KOEF/IDSL")]


def _unknown_service(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.usl["code_usl"] = "A06.99.999"
    return [Expect("C107", "1.7.1", SL_PATH + "USL/CODE_USL", "usl")]


def _unagreed_method(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl.update(metod_hmp=52, vid_hmp=catalogue.VMP[52].kind, ds1="M34.0")
    return [Expect("C107", "1.7.1", SL_PATH + "TARIF")]


def _many_days(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["kd"] += 30
    return [Expect("C089", "1.4.4", SL_PATH + "KD")]


def _one_visit(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.usls[1] = tree.usls[1][:1]
    return [Expect("C091", "1.4.4", SL_PATH + "P_CEL")]


def _two_days(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["date_2"] = tree.z["date_z_2"] = later(tree.z["date_z_2"], 1)
    return [Expect("C092", "1.4.4", SL_PATH + "ED_COL")]


def _half_referral(ward: Ward, tree: Tree) -> Sequence[Expect]:
    absent = "npr_date" if tree.case % 2 else "npr_mo"
    tree.z[absent] = None
    return [_case("C172", "1.4.3", Z + absent.upper())]


def _late_referral(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["npr_date"] = later(tree.z["date_z_1"], 1)
    return [_case("C087", "1.4.4", Z + "NPR_DATE")]


def _late_voucher(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["tal_d"] = later(tree.sl["date_1"], 1)
    return [Expect("C129", "1.4.4", SL_PATH + "TAL_D")]


def _wrong_service_sum(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.usl["tarif"] -= 1_500
    return [Expect("C109", "1.4.5", SL_PATH + "USL/SUMV_USL", "usl")]


def _dear_tariff(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["tarif"] += 500
    return [Expect("C098", "1.4.5", SL_PATH + "TARIF")]


def _no_plan(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Moves an обращение to the clinic whose line of the plan was never decided."""
    clinic = catalogue.UNPLANNED[0]
    package = tree.z["package"].replace(tree.z["clinic"], clinic)
    tree.z.update(clinic=clinic, lpu=clinic, package=package)
    for usl in tree.usls[1]:
        usl["lpu"] = clinic
    reprice(tree)
    return [_case("C194", "1.6.2", Z + "LPU")]


# ---- a person's cases, history ---------------------------------------------------------------------------------------------


def _twice(rule: str) -> Callable[[Ward, Tree], Sequence[Expect]]:
    code = "1.10.2" if rule == "C135" else "1.10.1"
    return lambda ward, tree: [Expect(rule, code, SL_PATH + "DATE_1")]


def _second_stay(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A second stay that begins a day after the first and ends with it."""
    tree.shift(later(tree.z["date_z_1"], 1), tree.z["date_z_2"])
    reprice(tree)
    return [_case("C138", "1.10.6", Z + "DATE_Z_1")]


def _inside_stay(kinds: tuple[str, ...], expect: Expect) -> Callable[[Ward, Tree], Sequence[Expect] | None]:
    """Another case, modelled on a clean one, of the same person inside the stay: the stay's clone becomes that case."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect] | None:
        mask = np.isin(ward.kind, kinds) & (ward.letters == "H") & ward.one_sl & ward.grown & (ward.age >= 18)
        mask &= np.isin(ward.profil, (53, 162, 97, 65, 112, 84)) & np.isin(ward.rslt, (201, 301, 401))
        models = np.flatnonzero(mask)
        if not len(models):
            ward.added.remove(tree)
            return None
        model = ward.tree(int(models[int(ward.rng.integers(0, len(models)))])).copy(tree.case)
        begin, end, person = tree.z["date_z_1"], tree.z["date_z_2"], tree.z["person"]
        if model.z["kind"] == "ksg_day":
            model.shift(begin, end)
            reprice(model)
        else:
            model.shift(later(begin, 1), later(begin, 1))
        ward.insure(model, person)
        ward.added[-1] = model
        return [expect]

    return change


def _second_exam(ward: Ward, tree: Tree) -> Sequence[Expect]:
    return [_case("C160", "1.10.1", Z + "DATE_Z_2")]


# ---- structure -------------------------------------------------------------------------------------------------------------


def _raw(table: str, column: str, text: str, expect: Expect, kind: str = "bad") -> Callable[[Ward, Tree], Sequence[Expect]]:
    """A text that is no value of its element."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        row = {"sl": tree.sl, "usl": tree.usl}[table]
        if column in row:
            row[column] = None
        tree.exceptions.append((table, 1, 1, column, text, kind))
        return [expect]

    return change


def _element(tag: str, after: str, text: str, expect: Expect, moved: str = "") -> Callable[[Ward, Tree], Sequence[Expect]]:
    """One more element inside SL; `moved`: the column whose element it takes the place of."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        value = text
        if moved:
            value, tree.sl[moved] = str(tree.sl[moved]), None
        tree.extra.append(("sl", 1, SL_PATH + tag, after, f"<{tag}>{value}</{tag}>"))
        return [expect]

    return change


def _repeat(what: str, expect: Expect) -> Callable[[Ward, Tree], Sequence[Expect]]:
    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        tree.repeats = what
        return [expect]

    return change


def _repeated_sl(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sls[1]["sl_id"] = tree.sls[0]["sl_id"]
    return [Expect("S.910", "1.4.4", SL_PATH + "SL_ID")]


def _repeated_service(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.usls[1][1]["idserv"] = tree.usls[1][0]["idserv"]
    return [Expect("S.911", "1.4.4", SL_PATH + "USL/IDSERV", "usl")]


def _lost_person(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree)
    tree.lost_person = True
    return [_case("S.912", "1.4.3", P + "ID_PAC")]


def _spare_person(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A person in the file of persons that no case needs; the case itself stays clean."""
    ward.spare_persons.append((tree.z["package"], tree.z["person"]))
    return [Expect("S.913", "", "PERS/ID_PAC", "file")]


_BAD: Final = "1.4.4"

#: Everything that is planted. Names: the rule, and what is done where a rule has several ways.
DEFECTS: Final[tuple[Defect, ...]] = (
    # Persons that have only one case come first: there are few of them in a small territory.
    Defect("C023", lambda w: _hospital(w) & w.own & w.final & w.steady & (w.days >= 3), _died_inside),
    Defect("C001", _alone, _closed_policy),
    Defect("C002", _alone, _later_policy),
    Defect("C024", lambda w: _alone(w) & (w.kind == "visit"), _died_before),
    # Kinds of care that are rare come next.
    Defect("C107 vmp", _vmp, _unagreed_method),
    Defect("C108 vmp", _vmp, _dearer("C108")),
    Defect("C129", _vmp, _late_voucher),
    Defect("C130", _vmp, _set("sl", [Expect("C130", _BAD, SL_PATH + "METOD_HMP")], vid_hmp="10")),
    Defect("C131", _vmp, _diagnosis("I10", "C131")),
    Defect("C135 vmp", _vmp, _twice("C135"), clones=True),
    Defect("S.910", lambda w: ~w.one_sl, _repeated_sl),
    # A stay and another case in it.
    Defect("C138", _stay, _second_stay, clones=True),
    Defect("C139", _stay, _inside_stay(("ksg_day",), _case("C139", "1.10.6", Z + "DATE_Z_1")), clones=True),
    Defect("C140 visit", _stay, _inside_stay(("visit",), Expect("C140", "1.10.5", SL_PATH + "USL/DATE_IN", "usl")), clones=True),
    Defect("C140 call", _stay, _inside_stay(("call",), Expect("C140", "1.10.5", SL_PATH + "USL/DATE_IN", "usl")), clones=True),
    Defect("C138 history", _stay, _second_stay, february=False, history=True),
    Defect("C139 history", _stay, _inside_stay(("ksg_day",), _case("C139", "1.10.6", Z + "DATE_Z_1")), february=False,
    history=True),
    Defect(
        "C140 history", _stay, _inside_stay(("visit",), Expect("C140", "1.10.5", SL_PATH + "USL/DATE_IN", "usl")),
        february=False, history=True,
    ),
    Defect("C160", _exam, _second_exam, clones=True),
    Defect("C160 history", _exam, _second_exam, february=False, history=True),
    # Hospital.
    Defect("C027", lambda w: _hospital(w) & (w.age >= 40) & (w.days > 3), _died_unwell),
    Defect("C028", lambda w: _day_hospital(w) & (w.days > 4), _died_unwell),
    Defect("C033", lambda w: _hospital(w) & (w.days > 3), _moved_and_well),
    Defect("C034", lambda w: _day_hospital(w) & (w.days > 4), _moved_and_well),
    Defect("C063", _hospital, _profile(55, 90, Expect("C063", _BAD, SL_PATH + "PROFIL"))),
    Defect("C087", _planned, _late_referral),
    Defect("C089", _hospital, _many_days),
    Defect("C111", _hospital, _set("sl", [Expect("C111", "1.7.1", KSG + "N_KSG")], n_ksg="st98.001")),
    Defect("C112", lambda w: _hospital(w) | _day_hospital(w), _coefficient),
    Defect("C113", lambda w: _hospital(w) | _day_hospital(w), _dearer("C113")),
    Defect("C114", lambda w: _hospital(w) & (w.days > 3), _billed_whole),
    Defect("C115", lambda w: _hospital(w) & w.kslp, _half_complexity),
    Defect("C116", lambda w: _hospital(w) & w.kslp, _complexity),
    Defect("P.1", lambda w: _hospital(w) & ~w.kslp, _unknown_complexity),
    Defect("C171", _planned, _set("z", [_case("C171", "1.4.3", Z + "NPR_MO")], npr_mo=None, npr_date=None)),
    Defect("C172", _planned, _half_referral),
    Defect("C173", _planned, _set("z", [_case("C173", _BAD, Z + "NPR_MO")], npr_mo=catalogue.CLOSED_CLINIC)),
    Defect("C235", _hospital, _set("sl", [Expect("C235", "1.4.3", SL_PATH + "P_PER")], p_per=None)),
    Defect("C236", _hospital, _set("sl", [Expect("C236", "1.4.3", SL_PATH + "KD")], kd=None)),
    Defect("C220 bed", _hospital, _set("sl", [Expect("C220", _BAD, SL_PATH + "PROFIL_K")], profil_k=999)),
    Defect(
        "C220 form", lambda w: _hospital(w) & (w.for_pom == 1), _set("z", [_case("C220", _BAD, Z + "FOR_POM")], for_pom=9),
    ),
    Defect("S.904", lambda w: _hospital(w) & w.new_version, _set("sl", [Expect("S.904", _BAD, SL_PATH + "P_PER")], p_per=9)),
    # Services, calls, per-capita money, examinations, обращения.
    Defect("C096", _kind("service"), _wrong_sum_of_services),
    Defect("C107 service", _kind("service"), _unknown_service),
    Defect("C109", _kind("service"), _wrong_service_sum),
    Defect("C030", _call, _set("z", [_case("C030", _BAD, Z + "ISHOD")], rslt=405, ishod=401)),
    Defect("C035", _call, _set("z", [_case("C035", _BAD, Z + "ISHOD")], rslt=409, ishod=401)),
    Defect("C077 call", lambda w: _call(w) & w.grown, _sl_backwards),
    Defect("C107 call", _call, _set("z", [Expect("C107", "1.7.1", SL_PATH + "TARIF")], vidpom=22)),
    Defect("C108 call", _call, _dearer("C108")),
    Defect("C150", _kind("per_capita"), _paid_twice),
    Defect("C077 exam", _exam, _sl_backwards),
    Defect("C108 exam", _exam, _dearer("C108")),
    Defect("C220 exam", _exam, _set("z", [_case("C220", _BAD, Z + "RSLT_D")], rslt_d=99)),
    Defect("C246", _exam, _set("sl", [Expect("C246", "1.4.3", SL_PATH + "PR_D_N")], pr_d_n=None)),
    Defect("C078", _episode, _sl_outside),
    Defect("C080", _episode, _usl_outside),
    Defect("C091", _episode, _one_visit),
    Defect("C108 episode", _episode, _dearer("C108")),
    Defect("C135 episode", _episode, _twice("C135"), clones=True),
    Defect("C194", lambda w: (w.kind == "episode") & (w.age >= 1) & (w.age < 18) & w.own, _no_plan, february=False),
    Defect("S.911", _episode, _repeated_service),
    # People insured elsewhere: nothing in the register contradicts the billed birth date.
    Defect("C008 digit", _insured_elsewhere, _wrong_digit),
    Defect("C008 certificate", lambda w: _insured_elsewhere(w) & w.new_version, _short_certificate),
    Defect("C008 old", lambda w: _insured_elsewhere(w) & w.new_version, _no_number),
    Defect("C013", _insured_elsewhere, _ancient),
    Defect("C014", _insured_elsewhere, _unborn),
    # Visits, of which there are plenty.
    Defect("C003 birth", lambda w: _calm(w) & w.own, _other_birthday),
    Defect("C003 sex", lambda w: _calm(w) & w.own & (w.profil == 97), _other_sex),
    Defect("C004", lambda w: _calm(w) & w.own, _other_insurer),
    Defect("C009", lambda w: _calm(w) & w.own & (w.vpolis == 3), _unknown_person),
    Defect("C018", _calm, _bad_newborn),
    Defect("C029", _calm, _set("z", [_case("C029", _BAD, Z + "ISHOD")], rslt=313, ishod=304)),
    Defect("C037", _calm, _set("z", [_case("C037", _BAD, Z + "RSLT")], rslt=101)),
    Defect("C038", _calm, _set("z", [_case("C038", _BAD, Z + "ISHOD")], ishod=401)),
    Defect("C043 main", _calm, _diagnosis("A98.77", "C043")),
    Defect("C043 second", _calm, _secondary("ds2", "Y99.9", Expect("C043", _BAD, SL_PATH + "DS2"))),
    Defect("C046", _calm, _secondary("ds2", None, Expect("C046", _BAD, SL_PATH + "DS1"))),
    Defect("C047", _calm, _secondary("ds2", "E66.8", Expect("C047", _BAD, SL_PATH + "DS2"), ("ds3", "E66.8"))),
    Defect("C048", _calm, _diagnosis("P59.9", "C048")),
    Defect("C049", lambda w: _calm(w) & (w.sex == 1), _diagnosis("O26.8", "C049")),
    Defect("C061", _calm, _profile(20, 90, Expect("C061", _BAD, SL_PATH + "PROFIL"))),
    Defect(
        "C062", lambda w: (w.kind == "visit") & (w.letters == "H") & (w.age >= 3) & (w.age <= 15) & (w.profil == 68),
        _profile(29, 39, Expect("C062", _BAD, SL_PATH + "PROFIL")),
    ),
    Defect("C064", _calm, _profile(14, 90, Expect("C064", _BAD, SL_PATH + "PROFIL"))),
    Defect("C065", lambda w: _calm(w) & (w.sex == 1), _profile(136, 90, Expect("C065", _BAD, SL_PATH + "PROFIL"))),
    Defect("C074", _calm, _set("sl", [Expect("C074", _BAD, SL_PATH + "DET")], det=1)),
    Defect("C076", _calm, _begins_after_end),
    Defect("C081", lambda w: _calm(w) | _episode(w), _next_month),
    Defect("C083", lambda w: (_calm(w) | _episode(w)) & w.even, _after_bill),
    Defect("C092", _calm, _two_days),
    Defect("C095", _calm, _wrong_total),
    Defect("C098", _calm, _dear_tariff),
    Defect("C107 visit", _calm, _profile(catalogue.UNPRICED_PROFIL, catalogue.UNPRICED_PRVS, Expect("C107", "1.7.1",
    SL_PATH + "TARIF"), priced=False)),
    Defect("C107 kind", _calm, _set("z", [Expect("C107", "1.7.1", SL_PATH + "TARIF")], idsp=32)),
    Defect("C108 visit", _calm, _dearer("C108")),
    Defect("C135 visit", _calm, _twice("C135"), clones=True),
    Defect("C136", _calm, _twice("C136"), february=False, history=True),
    Defect("C180", _calm, _profile(catalogue.UNLICENSED_PROFIL, catalogue.UNLICENSED_PRVS, Expect("C180", "1.8.1",
    SL_PATH + "PROFIL"))),
    Defect("C181", _calm, _profile(catalogue.LAPSED_PROFIL, catalogue.LAPSED_PRVS, Expect("C181", "1.8.2", SL_PATH + "PROFIL"))),
    Defect(
        "C190", lambda w: _calm(w) & np.isin(w.clinic, [mo for mo, (_, _,
        place) in catalogue.CLINICS.items() if place == "city"]),
        # The invoice stays that of the first clinic, so the case stands in a wrong invoice as well.
        _set("z", [_case("C190", _BAD, Z + "LPU"), _case("C217", "1.4.1", Z + "LPU")], lpu=catalogue.CLOSED_CLINIC),
    ),
    Defect("C195", _calm, _set("z", [_case("C195", _BAD, Z + "VIDPOM")], vidpom=31)),
    Defect("C196", _calm, _set("z", [_case("C196", _BAD, Z + "FOR_POM")], for_pom=1)),
    Defect("C220 result", _calm, _set("z", [_case("C220", _BAD, Z + "RSLT")], rslt=399)),
    Defect("C220 specialty", _calm, _set("sl", [Expect("C220", _BAD, SL_PATH + "PRVS")], prvs=999)),
    Defect("C220 purpose", lambda w: _calm(w) & ~np.isin(w.profil, (97, 112)),
    _set("sl", [Expect("C220", _BAD, SL_PATH + "P_CEL")], p_cel="9.9")),
    Defect("C220 character", _calm, _set("sl", [Expect("C220", _BAD, SL_PATH + "C_ZAB")], c_zab=9)),
    Defect("C220 document", lambda w: _calm(w) & (w.vpolis == 3), _bad_document),
    Defect("C238", _calm, _diagnosis("C50.9", "C238")),
    Defect("S.901", _calm, _element("SVED", "PROFIL", "что-то своё", Expect("S.901", "", SL_PATH + "SVED"))),
    Defect("S.902", _calm, _set("sl", [Expect("S.902", "1.4.3", SL_PATH + "IDDOKT")], iddokt=None)),
    Defect("S.903 date", _calm, _raw("usl", "date_in", "2022-02-30", Expect("S.903", _BAD, SL_PATH + "USL/DATE_IN", "usl"))),
    Defect("S.903 decimals", _calm, _raw("usl", "tarif", "512.333", Expect("S.903", _BAD, SL_PATH + "USL/TARIF", "usl"))),
    Defect("S.903 comma", _calm, _raw("usl", "tarif", "512,33", Expect("S.903", _BAD, SL_PATH + "USL/TARIF", "usl"))),
    Defect("S.905", _calm, _element("IDDOKT", "ED_COL", "", Expect("S.905", "", SL_PATH + "IDDOKT"), moved="iddokt")),
    Defect("S.906", _calm, _element("P_CEL", "P_CEL", "1.0", Expect("S.906", _BAD, SL_PATH + "P_CEL"))),
    Defect("S.907 optional", _calm, _raw("sl", "comentsl", "", Expect("S.907", "", SL_PATH + "COMENTSL"), "empty")),
    Defect("S.907 mandatory", _calm, _raw("sl", "nhistory", "", Expect("S.907", "1.4.3", SL_PATH + "NHISTORY"), "empty")),
    Defect("S.908", lambda w: _calm(w) & ~w.first, _repeat("n_zap", Expect("S.908", _BAD, "ZAP/N_ZAP", "case"))),
    Defect("S.909", lambda w: _calm(w) & ~w.first, _repeat("idcase", Expect("S.909", _BAD, Z + "IDCASE", "case"))),
    Defect("S.912", _calm, _lost_person),
    Defect("S.913", _calm, _spare_person),
)  # fmt: skip

#: Ways to break a rule that only a handful of cases allow: one each.
ONCE: Final = frozenset({"S.913", "S.908", "S.909"})


def rules() -> frozenset[str]:
    """Rules that `DEFECTS` break as the defect itself."""
    return frozenset(defect.name.split(" ")[0] for defect in DEFECTS)
