"""Rules of age and sex, dates, death, results, format, policies and sums: how are they broken?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from omsclaims.identifiers import luhn_digit
from omsclaims.synthetic import catalogue, regional, regional_persons
from omsclaims.synthetic.defects.common import (
    BAD,
    KSG,
    P,
    Z,
    call,
    calm,
    day_hospital,
    episode,
    exam,
    hospital,
    insured_elsewhere,
    kind,
    of_case,
    planned,
    put,
    stay,
)
from omsclaims.synthetic.people import Bools
from omsclaims.synthetic.planting import SL_PATH, Defect, Expect, Tree, Ward, later, reprice

USL: Final = SL_PATH + "USL/"
SCHET: Final = "SCHET/"
_MALE, _FEMALE = 1, 2
#: What a bill says of the group.
_GROUP: Final = (
    "n_ksg", "ver_ksg", "ksg_pg", "koef_z", "koef_up", "bztsz", "koef_d", "koef_u", "sl_k", "it_sl",
)  # fmt: skip


# ---- masks -----------------------------------------------------------------------------------------------------------------


def childs_visit(low: int, high: int) -> Callable[[Ward], Bools]:
    """A visit of a child of these ages to a paediatrician."""
    return lambda w: (w.kind == "visit") & (w.letters == "H") & (w.profil == 68) & (w.age >= low) & (w.age <= high) & w.grown


def therapist(w: Ward) -> Bools:
    """A calm visit to a therapist."""
    return np.asarray(calm(w) & (w.profil == 97), dtype=np.bool_)


def mother(w: Ward) -> Bools:
    """A calm visit of a woman under whose policy a newborn may be treated."""
    return np.asarray(calm(w) & w.own & (w.sex == _FEMALE) & (w.vpolis == 3), dtype=np.bool_)


def known_here(w: Ward) -> Bools:
    """A calm visit of an own person with a single policy."""
    return np.asarray(calm(w) & w.own & (w.vpolis == 3), dtype=np.bool_)


def once_in_clinic(w: Ward) -> Bools:
    """A calm visit of a person insured elsewhere who has no other case in the clinic in the month."""
    _, place, counts = np.unique(np.char.add(w.person.astype(str), w.clinic.astype(str)), return_inverse=True, return_counts=True)
    return np.asarray(insured_elsewhere(w) & (counts[place] == 1), dtype=np.bool_)


def begins_in_month(w: Ward) -> Bools:
    """Nothing of the person began before the month."""
    first = np.full(w.people.count, np.datetime64("2100-01-01"))
    np.minimum.at(first, w.person, w.begin)
    return np.asarray(first[w.person] >= np.datetime64(w.plan.month.first), dtype=np.bool_)


def _visits_too(w: Ward) -> Bools:
    """The hospital also has visits."""
    return np.isin(w.clinic, catalogue.PROVIDERS["visit"])


def _suspicious(w: Ward) -> Bools:
    """Cancer is suspected."""
    return np.isin(w.case, w.tables["sl"].filter(pl.col("ds_onk") == 1)["case"].to_numpy())


def _with_result(rslt_d: int) -> Callable[[Ward], Bools]:
    return lambda w: exam(w) & (w.tables["z"]["rslt_d"].fill_null(0).to_numpy() == rslt_d)


# ---- changes shared --------------------------------------------------------------------------------------------------------


def doctor(prvs: int, rule: str) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """Another specialty of the sub-case; the service keeps its own."""
    return put("sl", [Expect(rule, BAD, SL_PATH + "PRVS")], prvs=prvs)


def service(code: str, rule: str, ground: str = BAD) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """Another service of the visit."""
    return put("usl", [Expect(rule, ground, USL + "CODE_USL", "usl")], code_usl=code)


def own_bill(*expects: Expect, **header: Any) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """A bill of its own whose header says something else."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        ward.own_package(tree, **header)
        return expects

    return change


def _mate(ward: Ward, tree: Tree, mask: Bools) -> Tree | None:
    """A clean case of the same clinic that goes into the package of `tree`, if there is one."""
    found = ward.draw(mask & (ward.clinic == tree.z["clinic"]), 1)
    if not found:
        return None
    mate = ward.touch(found[0])
    mate.z["package"] = tree.z["package"]
    return mate


def _model(ward: Ward, tree: Tree, when: date) -> Tree | None:
    """A visit to the clinic of `tree` on a day by the same person, modelled on a clean one; it is added to the month."""
    mask = calm(ward) & (ward.clinic == tree.z["clinic"]) & ~ward.referred
    models = np.flatnonzero(mask & np.isin(ward.profil, (53, 162, 97, 65, 112)))
    if not len(models):
        return None
    visit = ward.clone(ward.tree(int(models[int(ward.rng.integers(0, len(models)))])))
    visit.shift(when, when)
    ward.insure(visit, tree.z["person"])
    return visit


def newborn(ward: Ward, tree: Tree, born: date) -> None:
    """The visit becomes one of a child without a policy to a paediatrician, under the policy of the mother."""
    tree.z.update(novor=f"1{born:%d%m%y}1", child_w=_MALE, child_dr=born, for_pom=3, id_pac=f"X{tree.case:08d}")
    tree.sl.update(profil=68, prvs=49, det=1, ds1="J06.9", p_cel="1.0", dn=None)
    tree.usl.update(profil=68, prvs=49, det=1, ds="J06.9", code_usl=regional_persons.OF_CHILDREN)
    reprice(tree)


# ---- dates -----------------------------------------------------------------------------------------------------------------


def _late_sub_case(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """The case begins a day before its only sub-case."""
    begin = tree.z["date_z_1"] = later(tree.z["date_z_1"], -1)
    if tree.z["npr_date"] is not None:
        tree.z["npr_date"] = min(tree.z["npr_date"], begin)
    return [of_case("C079", BAD, Z + "DATE_Z_1")]


def _last_month(ward: Ward, tree: Tree) -> Sequence[Expect]:
    day = later(ward.plan.month.first, -1)
    tree.shift(day, day)
    return [Expect("C082", "1.4.6", USL + "DATE_IN", "usl")]


def _filed_late(ward: Ward, tree: Tree) -> Sequence[Expect]:
    last = date.fromisoformat(regional_persons.LAST_DAYS[str(ward.plan.month)])
    ward.own_package(tree, dschet=later(last, 1), data=later(last, 2))
    return [Expect("C086", "1.4.6", SCHET + "DSCHET", "file")]


def _old_referral(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["npr_date"] = later(tree.z["date_z_1"], -100)
    return [of_case("C088", BAD, Z + "NPR_DATE")]


def _few_days(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["kd"] -= 10
    return [Expect("C090", BAD, SL_PATH + "KD")]


def _before_birth(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A visit on the day of birth whose sub-case begins the day before."""
    born = tree.z["date_z_1"]
    ward.own_person(tree, dr=born)
    tree.sl["date_1"] = later(born, -1)
    return [
        Expect("C093", BAD, SL_PATH + "DATE_1"), Expect("C078", BAD, SL_PATH + "DATE_1"),
        of_case("C079", BAD, Z + "DATE_Z_1"), Expect("C092", BAD, SL_PATH + "ED_COL"),
    ]  # fmt: skip


# ---- death -----------------------------------------------------------------------------------------------------------------


def _died_on_last_day(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.people.died[tree.z["person"]] = tree.z["date_z_2"]
    return [of_case("C031", "1.4.3", Z + "RSLT")]


def _visit_after_death(ward: Ward, tree: Tree) -> Sequence[Expect] | None:
    """A stay ends in death, of which the register does not know, and a visit follows."""
    visit = _model(ward, tree, later(tree.z["date_z_2"], 1))
    if visit is None:
        return None
    tree.z.update(rslt=105, ishod=104)
    reprice(tree)
    ward.expect(visit, [of_case("C025", BAD, Z + "DATE_Z_1")], "C025")
    return None


# ---- results ---------------------------------------------------------------------------------------------------------------


def _suspected(rule: str, element: str, **values: Any) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """An examination that ends in the first health group although cancer is suspected."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        tree.z.update(values)
        tree.sl["ds_onk"] = 1
        return [Expect(rule, BAD, element)]

    return change


def _other_check_up(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A bill of check-ups of adults: one ends with a result of children's, one with its own."""
    ward.own_package(tree, disp="ДВ4")
    tree.z["rslt"] = 332
    mate = _mate(ward, tree, exam(ward) & (ward.letters == "DP"))
    if mate is not None:
        mate.z["rslt"] = 318
    return [of_case("C042", BAD, Z + "RSLT")]


# ---- format, cascades ------------------------------------------------------------------------------------------------------


def _person_refused(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Two visits of a person on a day to two doctors: one names a wrong insurer, the other falls with it."""
    ward.own_person(tree)
    other = ward.clone(tree)
    other.z["id_pac"] = tree.z["id_pac"]
    profil, prvs = (57, 39) if tree.sl["profil"] == 97 else (97, 76)
    other.sl.update(profil=profil, prvs=prvs, nhistory=f"{tree.sl['nhistory']}-2", p_cel="1.0", dn=None)
    other.usl.update(profil=profil, prvs=prvs, code_usl=f"B01.{profil:03d}.001")
    other.z["for_pom"] = 3
    reprice(other)
    tree.z["smo"] = next(code for code in catalogue.INSURERS if code != tree.z["smo"])
    ward.expect(other, [of_case("C224", "1.4.3", P + "ID_PAC")], "C224")
    return [of_case("C004", "1.5", P + "SMO")]


def _stay_refused(ward: Ward, tree: Tree) -> Sequence[Expect] | None:
    """A stay with too many days, and a visit of the same chart inside it."""
    visit = _model(ward, tree, later(tree.z["date_z_1"], 1))
    if visit is None:
        return None
    visit.sl["nhistory"] = tree.sl["nhistory"]
    tree.sl["kd"] += 30
    ward.expect(visit, [of_case("K.1", "1.4.3", SL_PATH + "NHISTORY")], "K.1")
    return [Expect("C089", BAD, SL_PATH + "KD")]


def _no_group(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Paid by groups, and the whole block of the group is absent."""
    tree.sl.update(dict.fromkeys(_GROUP))
    for table in ("sl_koef", "crit"):
        tree.small[table] = []
    return [Expect("C233", "1.4.3", KSG + "N_KSG"), Expect("C111", "1.7.1", KSG + "N_KSG")]


def _other_clinic(ward: Ward, tree: Tree) -> Sequence[Expect]:
    place = catalogue.CLINICS[tree.z["clinic"]][2]
    tree.z["lpu"] = next(mo for mo in catalogue.POLYCLINICS if mo != tree.z["clinic"] and catalogue.CLINICS[mo][2] == place)
    return [of_case("C217", "1.4.1", Z + "LPU")]


# ---- what else a case shows ------------------------------------------------------------------------------------------------


def _few_visits(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.usls[1] = tree.usls[1][:2]
    tree.sl["ds1"] = "M42.1"
    return [Expect("C229", BAD, SL_PATH + "DS1")]


def _no_device(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.usl["code_usl"] = catalogue.IMPLANTS[0]
    tree.no_device = True
    return [Expect("C231", "1.4.3", USL + "MED_DEV", "usl")]


# ---- policies --------------------------------------------------------------------------------------------------------------


def _payer(ward: Ward, tree: Tree, insurer: str) -> None:
    """A bill to one insurer, with a case of its own that says rightly that it is paid in full."""
    ward.own_package(tree, plat=insurer, summap=lambda z: int(z["sumv"].sum()), sank_mek=0)
    of_insurer = ward.tables["z"]["smo"].fill_null("").to_numpy() == insurer
    mate = _mate(ward, tree, known_here(ward) & of_insurer)
    if mate is not None:
        mate.z.update(oplata=1, sump=mate.z["sumv"], sank_it=0)


def _other_payer(ward: Ward, tree: Tree) -> Sequence[Expect]:
    _payer(ward, tree, next(code for code in catalogue.INSURERS if code != tree.z["smo"]))
    return [of_case("C006", BAD, P + "SMO")]


def _stranger_to_insurer(ward: Ward, tree: Tree) -> Sequence[Expect]:
    _payer(ward, tree, next(iter(catalogue.INSURERS)))
    return [of_case("C005", "1.5", P + "ST_OKATO"), of_case("C006", BAD, P + "SMO")]


def _two_territories(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A policy of the old kind whose insurer is said to be in another territory than the policy."""
    home = catalogue.OTHERS[ward.people.home[tree.z["person"]]][0]
    other = next(okato for okato, _ in catalogue.OTHERS.values() if okato != home)
    tree.z.update(vpolis=1, spolis="СТАР", npolis=f"{tree.case:08d}", enp=None, st_okato=home, smo=None, smo_ok=other)
    ward.own_person(tree, document=True)
    return [of_case("C007", BAD, P + "SMO_OK")]


def _one_policy_for_two(ward: Ward, tree: Tree) -> Sequence[Expect]:
    other = ward.clone(tree)
    born: date = ward.people.born[tree.z["person"]].astype(object)
    ward.own_person(other, dr=born + timedelta(days=400))
    found = [of_case("C010", "1.5", P + "NPOLIS")]
    ward.expect(other, found, "C010")
    ward.own_person(tree)
    return found


def _two_policies_of_one(ward: Ward, tree: Tree) -> Sequence[Expect]:
    other = ward.clone(tree)
    body = str(int(other.z["enp"][:15]) + 70_000)
    other.z["enp"] = body + str(luhn_digit(body))
    ward.own_person(other)
    found = [of_case("C011", "1.5", P + "NPOLIS")]
    ward.expect(other, found, "C011")
    ward.own_person(tree)
    return found


def _latin_name(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, fam="Ivanov")
    return [of_case("C012", "1.5", "PERS/FAM")]


def _nameless(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, im=None)
    return [of_case("C012", "1.5", "PERS/IM")]


def _young_parent(ward: Ward, tree: Tree) -> Sequence[Expect]:
    born: date = ward.people.born[tree.z["person"]].astype(object)
    ward.own_person(tree, fam_p="Петрова", im_p="Вера", ot_p="Олеговна", w_p=_FEMALE, dr_p=date(born.year - 13, born.month, 15))
    return [of_case("C015", BAD, "PERS/DR_P")]


def _passport_of_child(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, document=True, doctype="14", docser="76 10", docnum="123456")
    return [of_case("C016", BAD, "PERS/DOCTYPE")]


def _series_off_mask(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, document=True, docser="7610")
    return [of_case("C017", "1.5", "PERS/DOCSER")]


def _number_off_mask(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, document=True, docnum="12345")
    return [of_case("C017", "1.5", "PERS/DOCNUM")]


def _old_newborn(ward: Ward, tree: Tree) -> Sequence[Expect]:
    newborn(ward, tree, later(tree.z["date_z_1"], -200))
    return [of_case("C019", BAD, P + "NOVOR")]


def _heavy_newborn(ward: Ward, tree: Tree) -> Sequence[Expect]:
    newborn(ward, tree, later(tree.z["date_z_1"], -20))
    tree.z["vnov_d"] = 2500
    return [of_case("C020", BAD, P + "VNOV_D")]


def _unweighed(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A diagnosis of a low weight at birth, and no weight."""
    newborn(ward, tree, later(tree.z["date_z_1"], -10))
    tree.sl["ds1"] = "P07.1"
    return [of_case("C020", BAD, P + "VNOV_D")]


def _number_in_another_place(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z.update(npolis=tree.z["enp"], enp=None)
    return [of_case("C245", "1.4.3", P + "ENP")]


# ---- sums ------------------------------------------------------------------------------------------------------------------


def _accepted(oplata: int, sump: int, sank_it: int) -> Callable[[Ward, Tree], Sequence[Expect]]:
    """What the payer would write, in shares of the amount (0 nothing, 1 a kopeck, 2 all, 3 all but a kopeck)."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect]:
        amount = tree.z["sumv"]
        shares = (0, 1, amount, amount - 1)
        tree.z.update(oplata=oplata, sump=shares[sump], sank_it=shares[sank_it])
        return [of_case("C099", "1.4.5", Z + "SUMP")]

    return change


def _sanction(tree: Tree, number: int, kopecks: int, **values: Any) -> None:
    """A sanction of the payer's own control in the bill."""
    row = {
        "case": tree.case, "s_code": f"{tree.case}-{number}", "s_sum": kopecks, "s_tip": 1, "s_osn": 53, "s_ist": 1,
        "date_act": tree.z["date_z_2"], "num_act": f"{number}", "sl_id": tree.sl["sl_id"], "code_exp": None, **values,
    }  # fmt: skip
    tree.small.setdefault("sank", []).append(row)


def _sanctions_added(ward: Ward, tree: Tree) -> Sequence[Expect]:
    _sanction(tree, 1, 10_000)
    _sanction(tree, 2, 5_000)
    tree.z["sank_it"] = 15_000
    return [of_case("C100", "", Z + "SANK_IT")]


def _sanction_of_nothing(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Money withheld of no sub-case; the total is right."""
    _sanction(tree, 1, 10_000, sl_id=None)
    tree.z["sank_it"] = 10_000
    return [of_case("C250", "", Z + "SANK/SL_ID")]


def _sanction_without_expert(ward: Ward, tree: Tree) -> Sequence[Expect]:
    _sanction(tree, 1, 0, s_tip=41)
    tree.z["sank_it"] = 0
    return [of_case("C250", "", Z + "SANK/CODE_EXP")]


def _service_with_price(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.usl["sumv_usl"] = 5_000 + tree.case % 100
    return [Expect("C106", "1.4.5", USL + "SUMV_USL", "usl")]


def _billed(change: int) -> Callable[[Any], int]:
    """SUMMAP that is off what is billed."""
    return lambda z: int(z["sumv"].sum()) + change


RARE: Final[tuple[Defect, ...]] = (
    Defect("C031", lambda w: hospital(w) & w.own & w.final & w.steady & (w.days >= 2), _died_on_last_day),
    Defect("C025", lambda w: stay(w) & w.own & w.final & (w.age >= 25) & _visits_too(w), _visit_after_death),
    Defect("K.1", lambda w: stay(w) & w.own & (w.age >= 25) & _visits_too(w), _stay_refused),
    Defect("C007", lambda w: insured_elsewhere(w) & ~w.new_version, _two_territories),
    Defect("C010", once_in_clinic, _one_policy_for_two),
    Defect("C011", once_in_clinic, _two_policies_of_one),
    Defect("C005", insured_elsewhere, _stranger_to_insurer),
    Defect("C093", lambda w: childs_visit(0, 17)(w) & ~w.own & (w.vpolis == 3) & ~w.referred, _before_birth),
    Defect("C082", lambda w: call(w) & begins_in_month(w) & w.steady, _last_month),
    Defect("C042", lambda w: exam(w) & (w.letters == "DP") & ~_suspicious(w), _other_check_up),
    Defect(
        "C075", lambda w: calm(w) & (w.clinic == regional_persons.CHILDRENS_CLINIC),
        service(regional_persons.FOR_ADULTS_PLANTED, "C075"),
    ),
    Defect(
        "C230", lambda w: hospital(w) & np.isin(w.n_ksg, list(regional_persons.OPERATIONS)),
        put("usl", [Expect("C230", "1.4.3", USL + "CODE_USL")], code_usl="A16.112.009"),
    ),
)  # fmt: skip

USUAL: Final[tuple[Defect, ...]] = (
    # Age and sex.
    Defect("C066", therapist, doctor(49, "C066")),
    Defect("C067", childs_visit(0, 17), doctor(25, "C067")),
    Defect("C068", childs_visit(0, 14), doctor(76, "C068")),
    Defect("C069", therapist, doctor(11, "C069")),
    Defect("C070", therapist, doctor(37, "C070")),
    Defect("C071", lambda w: therapist(w) & (w.sex == _MALE), doctor(2, "C071")),
    Defect("C072 sex", lambda w: calm(w) & (w.sex == _MALE), service(regional_persons.OF_WOMEN, "C072")),
    Defect("C072 age", calm, service(regional_persons.OF_THE_AGED, "C072")),
    # Dates.
    Defect("C079", calm, _late_sub_case),
    Defect("C086", calm, _filed_late),
    Defect("C088", planned, _old_referral),
    Defect("C090", lambda w: hospital(w) & (w.days >= 4) & ~w.kslp, _few_days),
    # Results.
    Defect("C036", calm, put("z", [of_case("C036", BAD, Z + "RSLT")], rslt=304, ishod=306)),
    Defect(
        "C039", calm,
        put("z", [of_case("C039", BAD, Z + "ISHOD")], rslt=regional_persons.ODD_PAIR[0], ishod=regional_persons.ODD_PAIR[1]),
    ),
    Defect("C040", _with_result(2), _suspected("C040", Z + "RSLT", rslt=317)),
    Defect("C041", _with_result(1), _suspected("C041", Z + "RSLT_D")),
    # Format.
    Defect("C217", lambda w: calm(w) & np.isin(w.clinic, catalogue.POLYCLINICS), _other_clinic),
    Defect("C223", calm, put("sl", [Expect("C223", BAD, SL_PATH + "NHISTORY")], nhistory="12#34")),
    Defect("C233", lambda w: hospital(w) | day_hospital(w), _no_group),
    Defect("C224", known_here, _person_refused),
    # What else a case shows.
    Defect(
        "C225", lambda w: calm(w) & (w.clinic != regional_persons.ADMITTED_CLINIC),
        service(regional_persons.ADMITTED_SERVICE, "C225", "1.8.1"),
    ),
    Defect("C228", hospital, put("z", [of_case("C228", BAD, Z + "VB_P")], vb_p=1)),
    Defect("C229", episode, _few_visits),
    # A group whose operation is fixed would not be that group any more (C126, C230).
    Defect(
        "C231",
        lambda w: hospital(w) & w.new_version & ~np.isin(w.n_ksg.astype(str), [*regional.PAIRS, *regional_persons.OPERATIONS]),
        _no_device,
    ),
    Defect(
        "C232", calm,
        put("usl", [Expect("C232", BAD, SL_PATH + "P_CEL", "usl"), Expect("C232", BAD, Z + "VIDPOM", "usl")],
        code_usl=catalogue.TELEMEDICINE),
    ),
    # Policies.
    Defect("C006", known_here, _other_payer),
    Defect("C012 letters", calm, _latin_name),
    Defect("C012 absent", calm, _nameless),
    Defect("C015", childs_visit(0, 17), _young_parent),
    Defect("C016", lambda w: childs_visit(0, 13)(w) & (w.vpolis == 3), _passport_of_child),
    Defect("C017 series", lambda w: calm(w) & (w.vpolis == 3), _series_off_mask),
    Defect("C017 number", lambda w: calm(w) & (w.vpolis == 3), _number_off_mask),
    Defect("C019", mother, _old_newborn),
    Defect("C020", mother, _heavy_newborn),
    Defect("C020 unweighed", mother, _unweighed),
    Defect("C245", lambda w: calm(w) & (w.vpolis == 3) & w.new_version, _number_in_another_place),
    # Sums.
    Defect("C099 paid", calm, _accepted(1, 3, 1)),
    Defect("C099 refused", calm, _accepted(2, 1, 3)),
    Defect("C099 partly", calm, _accepted(3, 2, 0)),
    Defect("C100", calm, _sanctions_added),
    Defect("C250", calm, _sanction_of_nothing),
    Defect("C250 expert", calm, _sanction_without_expert),
    Defect("C101", calm, own_bill(Expect("C101", "1.4.2", SCHET + "SANK_MEK", "file"), sank_mek=10_000)),
    Defect("C102", calm, own_bill(Expect("C102", "1.4.2", SCHET + "SUMMAP", "file"), summap=_billed(-1))),
    Defect("C103", calm, put("sl", [Expect("C103", BAD, SL_PATH + "ED_COL")], ed_col=None)),
    Defect("C104", kind("service"), put("sl", [Expect("C104", BAD, SL_PATH + "ED_COL")], ed_col=500)),
    Defect("C105", exam, put("z", [of_case("C105", "1.4.5", Z + "SUMV")], p_otk=1)),
    Defect("C106", hospital, _service_with_price),
)  # fmt: skip

#: Each of these makes a bill of its own.
ONCE: Final = frozenset({"C005", "C006", "C042", "C086", "C101", "C102"})
