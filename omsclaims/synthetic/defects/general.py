"""The first rules that were ever broken here: persons, stays, money, structure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import numpy as np

from omsclaims.identifiers import luhn_digit
from omsclaims.synthetic import catalogue, regional, regional_persons
from omsclaims.synthetic.defects.common import (
    BAD,
    KSG,
    P,
    Z,
    alone,
    by_doctor,
    call,
    calm,
    day_hospital,
    dearer,
    diagnosis,
    episode,
    exam,
    hospital,
    insured_elsewhere,
    kind,
    of_case,
    one_more_element,
    planned,
    profile,
    put,
    raw_text,
    repeated,
    secondary,
    stay,
    twice,
    vmp,
)
from omsclaims.synthetic.planting import SL_PATH, Defect, Expect, Tree, Ward, full_price, later, reprice

# ---- people and policies ---------------------------------------------------------------------------------------------------


def _wrong_digit(ward: Ward, tree: Tree) -> Sequence[Expect]:
    good = tree.z["enp"]
    tree.z["enp"] = good[:-1] + str((int(good[-1]) + 4) % 10)
    ward.own_person(tree)
    old_version = not ward.new_version[np.searchsorted(ward.case, tree.case)]
    return [of_case("C008", "1.5", P + ("NPOLIS" if old_version else "ENP"))]


def _short_certificate(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z.update(vpolis=2, npolis="12345678", enp=None)
    ward.own_person(tree, document=True)
    return [of_case("C008", "1.5", P + "NPOLIS")]


def _no_number(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z.update(
        vpolis=1, spolis="СТАР", npolis=None, enp=None, st_okato=catalogue.OTHERS[ward.people.home[tree.z["person"]]][0]
    )
    ward.own_person(tree, document=True)
    return [of_case("C008", "1.5", P + "NPOLIS")]


def _unknown_person(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A policy number that nobody has, of the year 2099, and no insurer."""
    body = f"98{tree.case % 10**13:013d}"
    tree.z.update(vpolis=3, spolis=None, npolis=None, enp=body + str(luhn_digit(body)), smo=None, smo_ok=None, st_okato=None)
    ward.own_person(tree)
    return [of_case("C009", "1.5", P + "NPOLIS")]


def _closed_policy(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.people.until[tree.z["person"]] = later(tree.z["date_z_1"], -1 - tree.case % 9)
    return [of_case("C001", "1.5", P + "NPOLIS")]


def _later_policy(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.people.later_start[tree.z["person"]] = later(tree.z["date_z_2"], 1 + tree.case % 5)
    return [of_case("C002", "1.5", P + "NPOLIS")]


def _other_birthday(ward: Ward, tree: Tree) -> Sequence[Expect]:
    born: date = ward.people.born[tree.z["person"]].astype(object)
    ward.own_person(tree, dr=later(born, 1 if tree.case % 2 else -10))
    return [of_case("C003", "1.5", "PERS/DR")]


def _other_sex(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, w=3 - int(ward.people.sex[tree.z["person"]]))
    return [of_case("C003", "1.5", "PERS/W")]


def _other_insurer(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["smo"] = next(code for code in catalogue.INSURERS if code != tree.z["smo"])
    ward.own_person(tree)
    return [of_case("C004", "1.5", P + "SMO")]


def _ancient(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, dr=date(1900, 1 + tree.case % 2, 5))
    return [of_case("C013", "1.5", "PERS/DR")]


def _unborn(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, dr=later(tree.z["date_z_1"], 3))
    return [of_case("C014", "1.5", "PERS/DR")]


def _bad_newborn(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["novor"] = ("330222221", "131022221", "1")[tree.case % 3]
    return [of_case("C018", "1.4.4", P + "NOVOR")]


def _died_inside(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.people.died[tree.z["person"]] = later(tree.z["date_z_1"], 1)
    return [of_case("C023", "1.4.4", Z + "DATE_Z_2")]


def _died_before(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.people.died[tree.z["person"]] = later(tree.z["date_z_1"], -1 - tree.case % 20)
    return [of_case("C024", "1.4.4", Z + "DATE_Z_1")]


def _bad_document(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree, document=True, doctype="99")
    return [of_case("C220", "1.4.4", "PERS/DOCTYPE")]


# ---- result, dates, diagnoses ----------------------------------------------------------------------------------------------


def _died_unwell(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Death with an outcome that is not worse: the price is that of a case that ended in death."""
    tree.z.update(rslt=tree.z["usl_ok"] * 100 + 5, ishod=tree.z["usl_ok"] * 100 + 3)
    reprice(tree)
    return [of_case("C027" if tree.z["usl_ok"] == 1 else "C028", "1.4.4", Z + "ISHOD")]


def _moved_and_well(ward: Ward, tree: Tree) -> Sequence[Expect]:
    inpatient = tree.z["usl_ok"] == 1
    tree.z.update(rslt=109 if inpatient else 202, ishod=101 if inpatient else 201)
    reprice(tree)
    return [of_case("C033" if inpatient else "C034", "1.4.4", Z + "ISHOD")]


def _begins_after_end(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["date_z_1"] = later(tree.z["date_z_2"], 1)
    return [of_case("C076", BAD, Z + "DATE_Z_1"), Expect("C078", BAD, SL_PATH + "DATE_1"), of_case("C079", BAD, Z + "DATE_Z_1")]


def _sl_backwards(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["date_1"] = later(tree.sl["date_2"], 1)
    found = [Expect("C077", BAD, SL_PATH + "DATE_1"), of_case("C079", BAD, Z + "DATE_Z_1")]
    if tree.z["kind"] == "call":
        found.append(Expect("C080", "1.4.4", SL_PATH + "USL/DATE_IN", "usl"))
    return found


def _sl_outside(ward: Ward, tree: Tree) -> Sequence[Expect]:
    if tree.case % 2:
        tree.z["date_z_1"] = later(tree.z["date_z_1"], 1)
        return [Expect("C078", BAD, SL_PATH + "DATE_1"), of_case("C079", BAD, Z + "DATE_Z_1")]
    tree.z["date_z_2"] = later(tree.z["date_z_2"], -1)
    return [Expect("C078", BAD, SL_PATH + "DATE_2"), of_case("C079", BAD, Z + "DATE_Z_2")]


def _usl_outside(ward: Ward, tree: Tree) -> Sequence[Expect]:
    if tree.case % 2:
        tree.usl["date_in"] = later(tree.sl["date_1"], -1)
        return [Expect("C080", "1.4.4", SL_PATH + "USL/DATE_IN", "usl")]
    tree.usl["date_out"] = later(tree.sl["date_2"], 2)
    return [Expect("C080", "1.4.4", SL_PATH + "USL/DATE_OUT", "usl")]


def _next_month(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["date_z_2"] = later(ward.plan.month.last, 1)
    found = [of_case("C081", "1.4.6", Z + "DATE_Z_2"), of_case("C083", "1.4.6", Z + "DATE_Z_2")]
    return [*found, of_case("C079", BAD, Z + "DATE_Z_2")]


def _after_bill(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["date_z_2"] = ward.plan.month.last
    return [of_case("C083", "1.4.6", Z + "DATE_Z_2"), of_case("C079", BAD, Z + "DATE_Z_2")]


# ---- profiles --------------------------------------------------------------------------------------------------------------


# ---- money -----------------------------------------------------------------------------------------------------------------


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
    return [of_case("C095", "1.4.5", Z + "SUMV")]


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
    ward.shared.vouchers[tree.sl["tal_num"]] = {"group": "52"}
    return [Expect("C107", "1.7.1", SL_PATH + "TARIF")]


def _many_days(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["kd"] += 30
    return [Expect("C089", "1.4.4", SL_PATH + "KD")]


def _one_visit(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """Of some diseases the territory says itself how many visits there are."""
    tree.usls[1] = tree.usls[1][:1]
    ds1, profil = tree.sl["ds1"], tree.sl["profil"]
    told = any(ds1.startswith(code) and own in (0, profil) for code, own in regional_persons.TWO_VISITS)
    few = [Expect("C229", BAD, SL_PATH + "DS1")] if told else []
    return [Expect("C091", BAD, SL_PATH + "P_CEL"), *few]


def _two_days(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["date_2"] = tree.z["date_z_2"] = later(tree.z["date_z_2"], 1)
    return [Expect("C092", "1.4.4", SL_PATH + "ED_COL")]


def _half_referral(ward: Ward, tree: Tree) -> Sequence[Expect]:
    absent = "npr_date" if tree.case % 2 else "npr_mo"
    tree.z[absent] = None
    return [of_case("C172", "1.4.3", Z + absent.upper())]


def _late_referral(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.z["npr_date"] = later(tree.z["date_z_1"], 1)
    return [of_case("C087", "1.4.4", Z + "NPR_DATE")]


def _treated_twice(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A voucher is one hospitalisation."""
    return [*twice("C135")(ward, tree), Expect("C263", "1.6.2", SL_PATH + "TAL_NUM")]


def _closed_clinic(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A clinic out of the register, by a doctor of its own."""
    tree.z["lpu"] = catalogue.CLOSED_CLINIC
    by_doctor(tree)
    return [of_case("C190", BAD, Z + "LPU"), of_case("C217", "1.4.1", Z + "LPU")]


def _late_voucher(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sl["tal_d"] = later(tree.sl["date_1"], 1)
    return [Expect("C129", "1.4.4", SL_PATH + "TAL_D"), Expect("C264", "1.4.4", SL_PATH + "TAL_D")]


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
    by_doctor(tree)
    reprice(tree)
    return [of_case("C194", "1.6.2", Z + "LPU")]


# ---- a person's cases, history ---------------------------------------------------------------------------------------------


def _second_stay(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A second stay that begins a day after the first and ends with it."""
    tree.shift(later(tree.z["date_z_1"], 1), tree.z["date_z_2"])
    reprice(tree)
    return [of_case("C138", "1.10.6", Z + "DATE_Z_1")]


def _inside_stay(kinds: tuple[str, ...], expect: Expect) -> Callable[[Ward, Tree], Sequence[Expect] | None]:
    """Another case, modelled on a clean one, of the same person inside the stay: the stay's clone becomes that case."""

    def change(ward: Ward, tree: Tree) -> Sequence[Expect] | None:
        mask = np.isin(ward.kind, kinds) & (ward.letters == "H") & ward.one_sl & ward.grown & (ward.age >= 18)
        mask &= np.isin(ward.profil, (53, 162, 97, 65, 112, 84)) & np.isin(ward.rslt, (201, 301, 401))
        # Care by referral is lawful inside a stay; a day hospital has nothing but that.
        models = np.flatnonzero(mask & (~ward.referred | (ward.kind == "ksg_day")))
        if not len(models):
            ward.added.remove(tree)
            return None
        model = ward.tree(int(models[int(ward.rng.integers(0, len(models)))])).copy(tree.case)
        begin, end, person = tree.z["date_z_1"], tree.z["date_z_2"], tree.z["person"]
        if model.z["kind"] == "ksg_day":
            model.shift(begin, end)
            reprice(model)
        else:
            day = later(begin, 1)
            if model.z["kind"] == "call":  # billed in its own month (C082)
                day = max(day, ward.plan.month.first)
            model.shift(day, day)
        ward.insure(model, person)
        ward.added[-1] = model
        return [expect]

    return change


def _second_exam(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """By another doctor: the lines themselves are not those of the first (C134)."""
    for usl in tree.usls[1]:
        usl["code_md"] = usl["code_md"][:-1] + "2"
    return [of_case("C160", "1.10.1", Z + "DATE_Z_2")]


# ---- structure -------------------------------------------------------------------------------------------------------------


def _repeated_sl(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.sls[1]["sl_id"] = tree.sls[0]["sl_id"]
    return [Expect("S.910", "1.4.4", SL_PATH + "SL_ID")]


def _repeated_service(ward: Ward, tree: Tree) -> Sequence[Expect]:
    tree.usls[1][1]["idserv"] = tree.usls[1][0]["idserv"]
    return [Expect("S.911", "1.4.4", SL_PATH + "USL/IDSERV", "usl")]


def _lost_person(ward: Ward, tree: Tree) -> Sequence[Expect]:
    ward.own_person(tree)
    tree.lost_person = True
    return [of_case("S.912", "1.4.3", P + "ID_PAC")]


def _spare_person(ward: Ward, tree: Tree) -> Sequence[Expect]:
    """A person in the file of persons that no case needs; the case itself stays clean."""
    ward.spare_persons.append((tree.z["package"], tree.z["person"]))
    return [Expect("S.913", "", "PERS/ID_PAC", "file")]


#: A result and an outcome that the territory does not take together.
_NO_PAIR: Final = of_case("C039", BAD, Z + "ISHOD")

#: Defects that only few cases can take: these are dealt first.
RARE: Final[tuple[Defect, ...]] = (
    # Persons that have only one case come first: there are few of them in a small territory.
    Defect("C023", lambda w: hospital(w) & w.own & w.final & w.steady & (w.days >= 3), _died_inside),
    Defect("C001", alone, _closed_policy),
    Defect("C002", alone, _later_policy),
    Defect("C024", lambda w: alone(w) & (w.kind == "visit"), _died_before),
    # Kinds of care that are rare come next.
    Defect("C107 vmp", vmp, _unagreed_method),
    Defect("C108 vmp", vmp, dearer("C108")),
    Defect("C129", vmp, _late_voucher),
    Defect("C130", vmp, put("sl", [Expect("C130", BAD, SL_PATH + "METOD_HMP")], vid_hmp="10")),
    Defect("C131", vmp, diagnosis("I10", "C131")),
    Defect("C135 vmp", vmp, _treated_twice, clones=True),
    Defect("S.910", lambda w: ~w.one_sl, _repeated_sl),
    # A stay and another case in it.
    Defect("C138", lambda w: stay(w) & ~w.kslp, _second_stay, clones=True),
    Defect("C139", stay, _inside_stay(("ksg_day",), of_case("C139", "1.10.6", Z + "DATE_Z_1")), clones=True),
    Defect("C140 visit", stay, _inside_stay(("visit",), Expect("C140", "1.10.5", SL_PATH + "USL/DATE_IN", "usl")), clones=True),
    Defect(
        "C140 call", lambda w: stay(w) & (w.end > np.datetime64(w.plan.month.first) + 1),
        _inside_stay(("call",), Expect("C140", "1.10.5", SL_PATH + "USL/DATE_IN", "usl")), clones=True,
    ),
    Defect("C138 history", lambda w: stay(w) & ~w.kslp, _second_stay, february=False, history=True),
    Defect("C139 history", stay, _inside_stay(("ksg_day",), of_case("C139", "1.10.6", Z + "DATE_Z_1")), february=False,
    history=True),
    Defect(
        "C140 history", stay, _inside_stay(("visit",), Expect("C140", "1.10.5", SL_PATH + "USL/DATE_IN", "usl")),
        february=False, history=True,
    ),
    Defect("C160", exam, _second_exam, clones=True),
    Defect("C160 history", exam, _second_exam, february=False, history=True),
)  # fmt: skip

USUAL: Final[tuple[Defect, ...]] = (
    # Hospital.
    Defect("C027", lambda w: hospital(w) & (w.age >= 40) & (w.days > 3), _died_unwell),
    Defect("C028", lambda w: day_hospital(w) & (w.days > 4), _died_unwell),
    Defect("C033", lambda w: hospital(w) & (w.days > 3), _moved_and_well),
    Defect("C034", lambda w: day_hospital(w) & (w.days > 4), _moved_and_well),
    Defect("C063", lambda w: hospital(w) & (w.profil != 53), profile(55, 90, Expect("C063", BAD, SL_PATH + "PROFIL"))),
    Defect("C087", planned, _late_referral),
    Defect("C089", hospital, _many_days),
    Defect("C111", hospital, put("sl", [Expect("C111", "1.7.1", KSG + "N_KSG")], n_ksg="st98.001")),
    Defect("C112", lambda w: hospital(w) | day_hospital(w), _coefficient),
    Defect("C113", lambda w: hospital(w) | day_hospital(w), dearer("C113")),
    Defect("C114", lambda w: hospital(w) & (w.days > 3), _billed_whole),
    Defect("C115", lambda w: hospital(w) & w.kslp, _half_complexity),
    Defect("C116", lambda w: hospital(w) & w.kslp, _complexity),
    Defect("P.1", lambda w: hospital(w) & ~w.kslp, _unknown_complexity),
    Defect("C171", planned, put("z", [of_case("C171", "1.4.3", Z + "NPR_MO")], npr_mo=None, npr_date=None)),
    Defect("C172", planned, _half_referral),
    # Where only the clinic of attachment may refer, this would be C174 as well.
    Defect("C173", lambda w: planned(w) & ~np.isin(w.clinic.astype(str), catalogue.BY_REFERRAL),
    put("z", [of_case("C173", BAD, Z + "NPR_MO")], npr_mo=catalogue.CLOSED_CLINIC)),
    Defect("C235", hospital, put("sl", [Expect("C235", "1.4.3", SL_PATH + "P_PER")], p_per=None)),
    Defect("C236", hospital, put("sl", [Expect("C236", "1.4.3", SL_PATH + "KD")], kd=None)),
    Defect(
        "C220 bed", lambda w: hospital(w) & ~np.isin(w.profil, regional.BEDS_OF),
        put("sl", [Expect("C220", BAD, SL_PATH + "PROFIL_K")], profil_k=999),
    ),
    Defect(
        "C220 form", lambda w: hospital(w) & (w.for_pom == 1), put("z", [of_case("C220", BAD, Z + "FOR_POM")], for_pom=9),
    ),
    Defect("S.904", lambda w: hospital(w) & w.new_version, put("sl", [Expect("S.904", BAD, SL_PATH + "P_PER")], p_per=9)),
    # Services, calls, per-capita money, examinations, обращения.
    Defect("C096", kind("service"), _wrong_sum_of_services),
    Defect("C107 service", kind("service"), _unknown_service),
    Defect("C109", kind("service"), _wrong_service_sum),
    Defect("C030", call, put("z", [of_case("C030", BAD, Z + "ISHOD")], rslt=405, ishod=401)),
    Defect("C035", call, put("z", [of_case("C035", BAD, Z + "ISHOD")], rslt=409, ishod=401)),
    Defect("C077 call", lambda w: call(w) & w.grown, _sl_backwards),
    Defect("C107 call", call, put("z", [Expect("C107", "1.7.1", SL_PATH + "TARIF")], vidpom=22)),
    Defect("C108 call", call, dearer("C108")),
    Defect("C150", kind("per_capita"), _paid_twice),
    Defect("C077 exam", exam, _sl_backwards),
    Defect("C108 exam", exam, dearer("C108")),
    Defect("C220 exam", exam, put("z", [of_case("C220", BAD, Z + "RSLT_D")], rslt_d=99)),
    Defect("C246", exam, put("sl", [Expect("C246", "1.4.3", SL_PATH + "PR_D_N")], pr_d_n=None)),
    Defect("C078", episode, _sl_outside),
    Defect("C080", episode, _usl_outside),
    Defect("C091", episode, _one_visit),
    Defect("C108 episode", episode, dearer("C108")),
    Defect("C135 episode", episode, twice("C135"), clones=True),
    Defect("C194", lambda w: (w.kind == "episode") & (w.age >= 1) & (w.age < 18) & w.own, _no_plan, february=False),
    Defect("S.911", episode, _repeated_service),
    # People insured elsewhere: nothing in the register contradicts the billed birth date.
    Defect("C008 digit", insured_elsewhere, _wrong_digit),
    Defect("C008 certificate", lambda w: insured_elsewhere(w) & w.new_version, _short_certificate),
    Defect("C008 old", lambda w: insured_elsewhere(w) & w.new_version, _no_number),
    Defect("C013", insured_elsewhere, _ancient),
    Defect("C014", insured_elsewhere, _unborn),
    # Visits, of which there are plenty.
    Defect("C003 birth", lambda w: calm(w) & w.own, _other_birthday),
    Defect("C003 sex", lambda w: calm(w) & w.own & (w.profil == 97), _other_sex),
    Defect("C004", lambda w: calm(w) & w.own, _other_insurer),
    Defect("C009", lambda w: calm(w) & w.own & (w.vpolis == 3), _unknown_person),
    Defect("C018", calm, _bad_newborn),
    Defect("C029", calm, put("z", [of_case("C029", BAD, Z + "ISHOD")], rslt=313, ishod=304)),
    Defect("C037", calm, put("z", [of_case("C037", BAD, Z + "RSLT"), _NO_PAIR], rslt=101)),
    Defect("C038", calm, put("z", [of_case("C038", BAD, Z + "ISHOD"), _NO_PAIR], ishod=401)),
    Defect("C043 main", calm, diagnosis("A98.77", "C043")),
    Defect("C043 second", calm, secondary("ds2", "Y99.9", Expect("C043", BAD, SL_PATH + "DS2"))),
    Defect("C046", calm, secondary("ds2", None, Expect("C046", BAD, SL_PATH + "DS1"))),
    Defect("C047", calm, secondary("ds2", "E66.8", Expect("C047", BAD, SL_PATH + "DS2"), ("ds3", "E66.8"))),
    Defect("C048", calm, diagnosis("P59.9", "C048")),
    Defect("C049", lambda w: calm(w) & (w.sex == 1), diagnosis("O26.8", "C049")),
    Defect("C061", calm, profile(20, 90, Expect("C061", BAD, SL_PATH + "PROFIL"))),
    Defect(
        "C062", lambda w: (w.kind == "visit") & (w.letters == "H") & (w.age >= 3) & (w.age <= 15) & (w.profil == 68),
        profile(29, 39, Expect("C062", BAD, SL_PATH + "PROFIL")),
    ),
    Defect("C064", calm, profile(14, 90, Expect("C064", BAD, SL_PATH + "PROFIL"))),
    Defect("C065", lambda w: calm(w) & (w.sex == 1), profile(136, 90, Expect("C065", BAD, SL_PATH + "PROFIL"))),
    Defect("C074", calm, put("sl", [Expect("C074", BAD, SL_PATH + "DET")], det=1)),
    Defect("C076", calm, _begins_after_end),
    Defect("C081", lambda w: calm(w) | episode(w), _next_month),
    Defect("C083", lambda w: (calm(w) | episode(w)) & w.even, _after_bill),
    Defect("C092", calm, _two_days),
    Defect("C095", calm, _wrong_total),
    Defect("C098", calm, _dear_tariff),
    Defect("C107 visit", calm, profile(catalogue.UNPRICED_PROFIL, catalogue.UNPRICED_PRVS, Expect("C107", "1.7.1",
    SL_PATH + "TARIF"), priced=False)),
    Defect("C107 kind", calm, put("z", [Expect("C107", "1.7.1", SL_PATH + "TARIF")], idsp=32)),
    Defect("C108 visit", calm, dearer("C108")),
    Defect("C135 visit", calm, twice("C135"), clones=True),
    Defect("C136", calm, twice("C136"), february=False, history=True),
    Defect("C180", calm, profile(catalogue.UNLICENSED_PROFIL, catalogue.UNLICENSED_PRVS, Expect("C180", "1.8.1",
    SL_PATH + "PROFIL"))),
    Defect("C181", calm, profile(catalogue.LAPSED_PROFIL, catalogue.LAPSED_PRVS, Expect("C181", "1.8.2", SL_PATH + "PROFIL"))),
    Defect(
        "C190", lambda w: calm(w) & np.isin(w.clinic, [mo for mo, (_, _,
        place) in catalogue.CLINICS.items() if place == "city"]),
        # The invoice stays that of the first clinic, so the case stands in a wrong invoice as well.
        _closed_clinic,
    ),
    Defect("C195", calm, put("z", [of_case("C195", BAD, Z + "VIDPOM")], vidpom=31)),
    Defect("C196", calm, put("z", [of_case("C196", BAD, Z + "FOR_POM")], for_pom=1)),
    Defect("C220 result", calm, put("z", [of_case("C220", BAD, Z + "RSLT"), _NO_PAIR], rslt=399)),
    Defect("C220 specialty", calm, put("sl", [Expect("C220", BAD, SL_PATH + "PRVS"),
    Expect("C182", "1.9", SL_PATH + "IDDOKT")], prvs=999)),
    Defect("C220 purpose", lambda w: calm(w) & ~np.isin(w.profil, (97, 112)),
    put("sl", [Expect("C220", BAD, SL_PATH + "P_CEL")], p_cel="9.9")),
    Defect("C220 character", calm, put("sl", [Expect("C220", BAD, SL_PATH + "C_ZAB")], c_zab=9)),
    Defect("C220 document", lambda w: calm(w) & (w.vpolis == 3), _bad_document),
    Defect("C238", calm, diagnosis("C50.9", "C238")),
    Defect("S.901", calm, one_more_element("SVED", "PROFIL", "что-то своё", Expect("S.901", "", SL_PATH + "SVED"))),
    Defect("S.902", calm, put("sl", [Expect("S.902", "1.4.3", SL_PATH + "IDDOKT")], iddokt=None)),
    Defect("S.903 date", calm, raw_text("usl", "date_in", "2022-02-30", Expect("S.903", BAD, SL_PATH + "USL/DATE_IN", "usl"))),
    Defect("S.903 decimals", calm, raw_text("usl", "tarif", "512.333", Expect("S.903", BAD, SL_PATH + "USL/TARIF", "usl"))),
    Defect("S.903 comma", calm, raw_text("usl", "tarif", "512,33", Expect("S.903", BAD, SL_PATH + "USL/TARIF", "usl"))),
    Defect("S.905", calm, one_more_element("IDDOKT", "ED_COL", "", Expect("S.905", "", SL_PATH + "IDDOKT"), moved="iddokt")),
    Defect("S.906", calm, one_more_element("P_CEL", "P_CEL", "1.0", Expect("S.906", BAD, SL_PATH + "P_CEL"))),
    Defect("S.907 optional", calm, raw_text("sl", "comentsl", "", Expect("S.907", "", SL_PATH + "COMENTSL"), "empty")),
    Defect("S.907 mandatory", calm, raw_text("sl", "nhistory", "", Expect("S.907", "1.4.3", SL_PATH + "NHISTORY"), "empty")),
    Defect("S.908", lambda w: calm(w) & ~w.first, repeated("n_zap", Expect("S.908", BAD, "ZAP/N_ZAP", "case"))),
    Defect("S.909", lambda w: calm(w) & ~w.first, repeated("idcase", Expect("S.909", BAD, Z + "IDCASE", "case"))),
    Defect("S.912", calm, _lost_person),
    Defect("S.913", calm, _spare_person),
)  # fmt: skip
