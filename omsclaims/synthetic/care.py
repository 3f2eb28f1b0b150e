"""Who was treated where in a month, and what was billed? The clean cases: every rule of control holds for them by construction.

A person's month is cut into as many stretches as there are cases, and each case lies inside its own: stays do not overlap, no
visit
lies inside a stay, no two cases share their dates. What a case is (`Template`) fits the age and sex of the person on its first
day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from omsclaims.periods import Month
from omsclaims.synthetic import catalogue, deal, transfers
from omsclaims.synthetic.catalogue import BOTH, Template
from omsclaims.synthetic.people import Bools, Days, Ints, People, ages, attached, nulled

#: Share of each kind of care; what is left are visits.
SHARES: Final = {
    "vmp": 0.008, "onco": 0.014, "exam": 0.05, "second": 0.004, "ksg_inpatient": 0.087, "ksg_day": 0.04, "service": 0.04,
    "call": 0.045,
    "per_capita": 0.05, "episode": 0.275,
}  # fmt: skip
#: So many cases of each kind at least, so that a small territory has all of them.
AT_LEAST: Final = 6
#: High-tech care and oncology are rare and have many rules: one case in so many at least, up to so many of them.
ENOUGH: Final = {"vmp": (75, 60), "onco": (22, 140)}
#: A person has at most so many cases in a month.
MOST_CASES: Final = 5
_DAY: Final = np.timedelta64(1, "D")
#: Share of treated cases with a severe second disease.
_SEVERE: Final = 0.12
#: Body mass of a patient with the coronavirus, 0.1 kg.
_WEIGHT: Final = 805


@dataclass(frozen=True)
class Plan:
    """One month: how many cases, the days in which clean care lies, when the bills are dated."""

    month: Month
    cases: int
    opens: date  # first day on which a treatment that ends in the month may begin
    closes: date  # last day of clean care

    def dschet(self, mo: str) -> date:
        """Date of a clinic's bill: the last day of the month, or the day before for clinics with an even number."""
        return self.month.last - timedelta(days=int(mo) % 2 == 0)

    def data(self, mo: str) -> date:
        """Date of a clinic's file: one of the first days of the next month."""
        return self.month.last + timedelta(days=1 + int(mo) % 5)


def plans(cases: int) -> tuple[Plan, Plan]:
    """February (half as many cases) and March. Care of March may have begun after the 25th of February, the last day of
    February's.
    """
    return (
        Plan(Month(2022, 2), cases // 2, date(2022, 1, 29), date(2022, 2, 25)),
        Plan(Month(2022, 3), cases, date(2022, 2, 26), date(2022, 3, 29)),
    )


#: Columns of the wide table of cases. Times of money: kopecks; other decimals as in the canonical tables.
Z: Final[dict[str, pl.DataType]] = {
    "case": pl.Int64(), "kind": pl.String(), "package": pl.String(), "letters": pl.String(), "clinic": pl.String(),
    "person": pl.Int64(),
    "id_pac": pl.String(), "novor": pl.String(), "child_w": pl.Int64(), "child_dr": pl.Date(), "vpolis": pl.Int64(),
    "spolis": pl.String(), "npolis": pl.String(), "enp": pl.String(), "st_okato": pl.String(), "smo": pl.String(),
    "smo_ok": pl.String(),
    "pr_nov": pl.Int64(), "nschet_p": pl.String(), "n_zap_p": pl.Int64(),
    "idcase": pl.Int64(), "usl_ok": pl.Int64(), "vidpom": pl.Int64(), "for_pom": pl.Int64(), "npr_mo": pl.String(),
    "npr_date": pl.Date(),
    "lpu": pl.String(), "date_z_1": pl.Date(), "date_z_2": pl.Date(), "kd_z": pl.Int64(), "rslt": pl.Int64(), "ishod": pl.Int64(),
    "vb_p": pl.Int64(), "idsp": pl.Int64(), "sumv": pl.Int64(), "vbr": pl.Int64(), "p_otk": pl.Int64(), "rslt_d": pl.Int64(),
    "vnov_d": pl.Int64(), "oplata": pl.Int64(), "sump": pl.Int64(), "sank_it": pl.Int64(),
}  # fmt: skip
SL: Final[dict[str, pl.DataType]] = {
    "case": pl.Int64(), "sl_no": pl.Int64(), "sl_id": pl.String(), "podr": pl.Int64(), "profil": pl.Int64(),
    "profil_k": pl.Int64(),
    "det": pl.Int64(), "p_cel": pl.String(), "nhistory": pl.String(), "p_per": pl.Int64(), "date_1": pl.Date(),
    "date_2": pl.Date(),
    "kd": pl.Int64(), "ds0": pl.String(), "ds1": pl.String(), "c_zab": pl.Int64(), "dn": pl.Int64(), "n_ksg": pl.String(),
    "ver_ksg": pl.Int64(), "ksg_pg": pl.Int64(), "koef_z": pl.Int64(), "koef_up": pl.Int64(), "bztsz": pl.Int64(),
    "koef_d": pl.Int64(),
    "koef_u": pl.Int64(), "sl_k": pl.Int64(), "it_sl": pl.Int64(), "prvs": pl.Int64(), "vers_spec": pl.String(),
    "iddokt": pl.String(),
    "ed_col": pl.Int64(), "tarif": pl.Int64(), "sum_m": pl.Int64(), "vid_hmp": pl.String(), "metod_hmp": pl.Int64(),
    "tal_d": pl.Date(),
    "tal_num": pl.String(), "tal_p": pl.Date(), "ds_onk": pl.Int64(), "ds1_t": pl.Int64(), "stad": pl.Int64(),
    "onk_t": pl.Int64(),
    "onk_n": pl.Int64(), "onk_m": pl.Int64(), "onk_wei": pl.Int64(), "hei": pl.Int64(), "bsa": pl.Int64(), "pr_d_n": pl.Int64(),
    "wei": pl.Int64(), "mtstz": pl.Int64(), "sod": pl.Int64(), "k_fr": pl.Int64(),
}  # fmt: skip
USL: Final[dict[str, pl.DataType]] = {
    "case": pl.Int64(), "sl_no": pl.Int64(), "usl_no": pl.Int64(), "idserv": pl.String(), "lpu": pl.String(), "podr": pl.Int64(),
    "profil": pl.Int64(), "vid_vme": pl.String(), "det": pl.Int64(), "date_in": pl.Date(), "date_out": pl.Date(),
    "ds": pl.String(),
    "code_usl": pl.String(), "kol_usl": pl.Int64(), "tarif": pl.Int64(), "sumv_usl": pl.Int64(), "prvs": pl.Int64(),
    "code_md": pl.String(), "p_otk": pl.Int64(),
}  # fmt: skip
_OF_SL: Final = {"case": pl.Int64(), "sl_no": pl.Int64()}
#: Small tables below SL, and their columns.
SMALL: Final[dict[str, dict[str, pl.DataType]]] = {
    "ds2": {**_OF_SL, "ds2": pl.String()}, "ds3": {**_OF_SL, "ds3": pl.String()},
    "sl_koef": {**_OF_SL, "idsl": pl.Int64(), "z_sl": pl.Int64()},
    "cons": {**_OF_SL, "pr_cons": pl.Int64(), "dt_cons": pl.Date()},
    # A treatment with its one drug and the day of its injection, which are tables of their own in the files.
    "onk_usl": {
        **_OF_SL, "usl_tip": pl.Int64(), "hir_tip": pl.Int64(), "lek_tip_l": pl.Int64(), "lek_tip_v": pl.Int64(),
        "luch_tip": pl.Int64(), "regnum": pl.String(), "code_sh": pl.String(), "date_inj": pl.Date(),
    },
    "napr": {**_OF_SL, "napr_date": pl.Date(), "napr_mo": pl.String(), "napr_v": pl.Int64()},
    "b_diag": {
        **_OF_SL, "diag_tip": pl.Int64(), "diag_date": pl.Date(), "diag_code": pl.Int64(), "diag_rslt": pl.Int64(),
        "rec_rslt": pl.Int64(),
    },
    "b_prot": {**_OF_SL, "prot": pl.Int64(), "d_prot": pl.Date()},
    "crit": {**_OF_SL, "crit": pl.String()},
    "code_mes1": {**_OF_SL, "code_mes1": pl.String()},
    "lek_pr": {**_OF_SL, "data_inj": pl.Date(), "code_sh": pl.String()},
    "naz": {
        **_OF_SL, "naz_n": pl.Int64(), "naz_r": pl.Int64(), "naz_iddokt": pl.String(), "naz_pmp": pl.Int64(),
        "naz_pk": pl.Int64(), "naz_v": pl.Int64(), "naz_usl": pl.String(), "napr_date": pl.Date(), "napr_mo": pl.String(),
    },
}  # fmt: skip
#: Small tables below Z_SL: clinics send none of them, defects may.
OF_CASE: Final[dict[str, dict[str, pl.DataType]]] = {
    "sank": {
        "case": pl.Int64(), "s_code": pl.String(), "s_sum": pl.Int64(), "s_tip": pl.Int64(), "s_osn": pl.Int64(),
        "date_act": pl.Date(), "num_act": pl.String(), "s_ist": pl.Int64(), "sl_id": pl.String(), "code_exp": pl.String(),
    },
}  # fmt: skip
SCHEMAS: Final = {"z": Z, "sl": SL, "usl": USL, **SMALL, **OF_CASE}
Tables = dict[str, pl.DataFrame]


@dataclass
class Slots:
    """Places for cases: person, the stretch of days of the case, whether it is the last of the person so far."""

    person: Ints
    opens: Days
    closes: Days
    last: Bools

    def of(self, which: Ints) -> Slots:
        """Some of them."""
        return Slots(self.person[which], self.opens[which], self.closes[which], self.last[which])


def make_slots(rng: np.random.Generator, people: People, plan: Plan) -> Slots:
    """`plan.cases` places, spread over the persons at random, at most MOST_CASES each."""
    if plan.cases > people.count * MOST_CASES:
        raise ValueError("more cases than the persons can have")
    person = np.sort(rng.permutation(people.count * MOST_CASES)[: plan.cases] % people.count)
    number = np.bincount(person, minlength=people.count)[person]
    start = np.searchsorted(person, person, side="left")
    ordinal = np.arange(len(person)) - start
    opens, closes = np.datetime64(plan.opens), np.datetime64(plan.closes)
    length = ((closes - opens).astype(np.int64) + 1) // number
    begin = opens + (ordinal * length).astype("timedelta64[D]")
    return Slots(person, begin, begin + (length - 1).astype("timedelta64[D]"), ordinal == number - 1)


@dataclass
class Once:
    """Persons who had what comes once: the examination of the year, its first stage of two, its second; a stay in hospital, which
    no other follows within 30 days.
    """

    examined: Bools
    dispensary: Bools
    stayed: Bools

    @classmethod
    def nobody(cls, persons: int) -> Once:
        """Before the first month."""
        return cls(*(np.zeros(persons, dtype=bool) for _ in range(3)))


#: Kinds of which a person has one at most: in a month, and of stays in both months.
_STAYS: Final = ("vmp", "onco", "ksg_inpatient")
_SINGLE: Final = (*_STAYS, "exam", "second", "call", "episode")


def share_kinds(
    rng: np.random.Generator, people: People, plan: Plan, slots: Slots, once: Once, shares: Mapping[str, float] = SHARES
) -> npt.NDArray[np.str_]:
    """The kind of care of each place; `once` is kept up to date. shares: of each kind but visits.

    A person has one stay, one call and one обращение at most: what would be drawn for expertise as care that comes again
    (C151, C155, C156) is planted.
    """
    age = ages(people.born[slots.person], slots.opens)
    own = people.own[slots.person]
    room = (slots.closes - slots.opens).astype(np.int64) + 1
    at_home = np.isin(attached(people, slots.person, plan.month.first), catalogue.PROVIDERS["exam"])
    fits = {
        "vmp": (age >= 25) & (age <= 79) & (room >= 9), "onco": (age >= 30) & (age <= 88) & (room >= 9),
        "exam": (age >= 18) & (age <= 92) & own & at_home & ~once.examined[slots.person],
        "second": at_home & once.dispensary[slots.person], "ksg_inpatient": room >= 6,
        "ksg_day": (age >= 1) & (room >= 6),
        "service": age >= 18, "call": np.ones(len(age), dtype=bool), "per_capita": own, "episode": room >= 6,
    }  # fmt: skip
    kinds = np.full(len(age), "visit", dtype="<U13")
    order = rng.permutation(len(age))
    for kind, share in shares.items():
        wanted = max(AT_LEAST, round(share * plan.cases))
        if kind in ENOUGH:
            one_in, enough = ENOUGH[kind]
            wanted = max(wanted, min(enough, plan.cases // one_in))
        free = order[fits[kind][order] & (kinds[order] == "visit")]
        if kind in _STAYS:
            free = free[~once.stayed[slots.person[free]]]
        if kind in _SINGLE:
            free = free[np.sort(np.unique(slots.person[free], return_index=True)[1])]
        chosen = free[:wanted]
        kinds[chosen] = kind
        if kind == "exam":
            once.examined[slots.person[chosen]] = True
        if kind in _STAYS:
            once.stayed[slots.person[chosen]] = True
    return kinds


def _pick(rng: np.random.Generator, templates: tuple[Template, ...], sex: Ints, age: Ints) -> Ints:
    """For each person the number of a template that fits sex and age, by the shares of the templates."""
    chosen = np.zeros(len(sex), dtype=np.int64)
    group = sex * 1000 + age
    for value in np.unique(group):
        of_sex, years = divmod(int(value), 1000)
        able = [i for i, t in enumerate(templates) if t.sex in (BOTH, of_sex) and t.ages[0] <= years <= t.ages[1]]
        if not able:
            raise LookupError(f"no template for sex {of_sex}, age {years}")
        weights = np.array([templates[i].share for i in able], dtype=np.float64)
        where = np.flatnonzero(group == value)
        chosen[where] = rng.choice(np.array(able), len(where), p=weights / weights.sum())
    return chosen


@dataclass
class _Batch:
    """Cases of one kind while they are made: their places, templates, days, and columns gathered so far."""

    rng: np.random.Generator
    people: People
    plan: Plan
    kind: str
    slots: Slots
    case: Ints
    begin: Days
    end: Days
    age: Ints
    templates: tuple[Template, ...]
    pick: Ints
    clinic: npt.NDArray[np.object_]

    @property
    def count(self) -> int:
        return len(self.case)

    def of(self, name: str) -> Ints:
        """A whole-number field of each case's template."""
        return np.array([getattr(t, name) for t in self.templates], dtype=np.int64)[self.pick]

    def code(self) -> npt.NDArray[np.object_]:
        return np.array([t.code for t in self.templates], dtype=object)[self.pick]

    def diagnosis(self) -> npt.NDArray[np.object_]:
        """One of the diagnoses of each case's template."""
        roll = self.rng.integers(0, 60, self.count)
        return np.array(
            [self.templates[p].diagnoses[r % len(self.templates[p].diagnoses)] for p, r in zip(self.pick, roll, strict=True)],
            dtype=object,
        )

    def one_of(self, values: list[Any], shares: list[float]) -> npt.NDArray[Any]:
        """A random value for each case."""
        return np.asarray(np.array(values)[self.rng.choice(len(values), self.count, p=shares)])


def _batch(
    rng: np.random.Generator, people: People, plan: Plan, kind: str, slots: Slots, case: Ints, templates: tuple[Template, ...],
    providers: tuple[str, ...], *, long: bool,
) -> _Batch:  # fmt: skip
    """Days, template and clinic of each case. `long`: the treatment takes the days of its template, as far as the stretch
    allows.
    """
    first = np.datetime64(plan.month.first)
    room = (slots.closes - slots.opens).astype(np.int64)
    if long:
        begin = slots.opens + (rng.integers(0, 2, len(case)) * (room > 7)).astype("timedelta64[D]")
    else:
        low = np.maximum(slots.opens, first)
        begin = low + (rng.random(len(case)) * ((slots.closes - low).astype(np.int64) + 1)).astype(np.int64).astype(
            "timedelta64[D]"
        )
    age = ages(people.born[slots.person], begin)
    pick = _pick(rng, templates, people.sex[slots.person], age)
    days = np.zeros(len(case), dtype=np.int64)
    if long:
        low_days = np.array([t.days[0] for t in templates], dtype=np.int64)[pick]
        high_days = np.array([t.days[1] for t in templates], dtype=np.int64)[pick]
        days = low_days + (rng.random(len(case)) * (high_days - low_days + 1)).astype(np.int64)
        days = np.minimum(days, (slots.closes - begin).astype(np.int64))
    end = np.maximum(begin + days.astype("timedelta64[D]"), first)
    clinic = np.array(providers, dtype=object)[rng.integers(0, len(providers), len(case))]
    return _Batch(rng, people, plan, kind, slots, case, begin, end, age, templates, pick, clinic)


def _frame(schema: dict[str, pl.DataType], columns: dict[str, Any], rows: int) -> pl.DataFrame:
    """Columns as a frame of `schema`; single values are repeated, what is not given is null."""
    series = []
    for name, kind in schema.items():
        value = columns.get(name)
        if isinstance(value, np.ndarray):
            made = pl.Series(name, value.tolist() if value.dtype == object else value)
            series.append(made.cast(kind))
        elif isinstance(value, (list, pl.Series)):
            series.append(pl.Series(name, value, dtype=kind))
        else:
            series.append(pl.Series(name, [value], dtype=kind).new_from_index(0, rows))
    return pl.DataFrame(series)


def _finish(
    batch: _Batch, letters: str | npt.NDArray[Any], z: dict[str, Any], sl: dict[str, Any], usl: dict[str, Any],
    small: Tables | None = None
) -> Tables:  # fmt: skip
    """One SL and one USL per case from the columns given and those that every case has."""
    n, days = batch.count, np.maximum((batch.end - batch.begin).astype(np.int64), 1)
    child = (batch.age < 18).astype(np.int64)
    of_sl: dict[str, Any] = {
        "case": batch.case, "sl_no": 1, "podr": 100 + batch.of("profil"), "profil": batch.of("profil"), "prvs": batch.of("prvs"),
        "date_1": batch.begin, "date_2": batch.end, "det": child, "ds1": batch.diagnosis(), "vers_spec": "V021", "ed_col": 100,
        "nhistory": [f"{batch.plan.month.month:02d}/{c}" for c in batch.case.tolist()], "iddokt": _doctors(batch), **sl,
    }  # fmt: skip
    of_usl: dict[str, Any] = {
        "case": batch.case, "sl_no": 1, "usl_no": 1, "lpu": batch.clinic, "podr": of_sl["podr"], "profil": of_sl["profil"],
        "det": child,
        "date_in": batch.begin, "date_out": batch.end, "ds": of_sl["ds1"], "kol_usl": 100, "tarif": 0, "sumv_usl": 0,
        "prvs": batch.of("prvs"), "code_md": of_sl["iddokt"], **usl,
    }  # fmt: skip
    of_z: dict[str, Any] = {
        "case": batch.case, "kind": batch.kind, "letters": letters, "clinic": batch.clinic, "person": batch.slots.person,
        "novor": "0",
        "lpu": batch.clinic, "date_z_1": batch.begin, "date_z_2": batch.end, "sumv": of_sl["sum_m"], **z,
    }  # fmt: skip
    if of_z.get("usl_ok") in (1, 2):
        of_z.setdefault("kd_z", days)
    tables = {"z": _frame(Z, of_z, n), "sl": _frame(SL, of_sl, n), "usl": _frame(USL, of_usl, n)}
    return {**tables, **(small or {})}


def _doctors(batch: _Batch) -> list[str]:
    """A doctor of the clinic and specialty: a made-up code."""
    roll = batch.rng.integers(1, 6, batch.count)
    return [
        catalogue.doctor(mo, prvs, r)
        for mo, prvs, r in zip(batch.clinic.tolist(), batch.of("prvs").tolist(), roll.tolist(), strict=True)
    ]


def _referral(batch: _Batch, planned: Bools) -> dict[str, Any]:
    """NPR_MO and NPR_DATE of planned treatments: the clinic of attachment, or any polyclinic for people insured elsewhere; up to
    two weeks before, never before birth.
    """
    persons = batch.slots.person
    anywhere = np.array(catalogue.POLYCLINICS, dtype=object)[batch.rng.integers(0, 6, batch.count)]
    clinics = np.where(batch.people.own[persons], attached(batch.people, persons, batch.plan.month.first), anywhere)
    day = np.maximum(batch.begin - batch.rng.integers(1, 15, batch.count).astype("timedelta64[D]"), batch.people.born[persons])
    return {
        "npr_mo": nulled(clinics, ~planned),
        "npr_date": np.where(planned, day, np.datetime64("NaT")).astype("datetime64[D]"),
    }


# ---- the kinds of care -----------------------------------------------------------------------------------------------------


def _visits(batch: _Batch, letters: str) -> Tables:
    onco, onco_tables = _oncology(batch, letters)
    profil = batch.of("profil")
    roll = batch.rng.random(batch.count)
    urgent = np.isin(profil, (97, 68, 112)) & (roll < 0.12)
    purpose = np.where(urgent, "1.1", np.where(roll > 0.9, "1.3", np.where(roll > 0.8, "2.6", "1.0"))).astype(object)
    price = [
        deal.outpatient_price("visit", p, c, mo)
        for p, c, mo in zip(profil.tolist(), purpose.tolist(), batch.clinic.tolist(), strict=True)
    ]
    sl = {
        "p_cel": purpose, "dn": [1 if c == "1.3" else None for c in purpose.tolist()],
        "c_zab": batch.rng.integers(1, 4, batch.count),
        "tarif": price, "sum_m": price, **onco,
    }  # fmt: skip
    z = {
        "usl_ok": 3, "vidpom": np.where(np.isin(profil, (97, 57, 68)), 12, 13), "for_pom": np.where(urgent, 2, 3), "idsp": 29,
        "rslt": batch.one_of([301, 304, 314], [0.7, 0.2, 0.1]), "ishod": batch.one_of([301, 303, 304], [0.3, 0.5, 0.2]),
        **_referral(batch, np.isin(batch.clinic.astype(str), catalogue.BY_REFERRAL)),
    }  # fmt: skip
    codes = [f"B01.{p:03d}.001" for p in profil.tolist()]
    usl = {"code_usl": codes, "tarif": price, "sumv_usl": price, "vid_vme": codes if letters == "C" else None}
    standards = _standards(batch, profil) if letters == "H" else {}
    return _finish(batch, letters, z, sl, usl, {**onco_tables, **standards})


def _standards(batch: _Batch, profil: Ints) -> Tables:
    """The standard of care (CODE_MES1) of visits to an endocrinologist, on the last place of a person: once a month at most."""
    cases = batch.case[(profil == catalogue.STANDARD_PROFIL) & batch.slots.last]
    return {"code_mes1": pl.DataFrame({"case": cases, "sl_no": 1, "code_mes1": catalogue.STANDARD}, schema=SMALL["code_mes1"])}


def _episodes(batch: _Batch) -> Tables:
    """Обращения: two or three visits of one doctor, paid as a whole."""
    batch.end = np.maximum(batch.end, batch.begin + 2 * _DAY)
    profil = batch.of("profil")
    price = [deal.outpatient_price("episode", p, "3.0", mo) for p, mo in zip(profil.tolist(), batch.clinic.tolist(), strict=True)]
    sl = {"p_cel": "3.0", "c_zab": batch.rng.integers(1, 4, batch.count), "tarif": price, "sum_m": price}
    z = {
        "usl_ok": 3, "vidpom": np.where(np.isin(profil, (97, 57, 68)), 12, 13), "for_pom": 3, "idsp": 30, "rslt": 301,
        "ishod": batch.one_of([301, 303, 304], [0.5, 0.4, 0.1]),
    }  # fmt: skip
    codes = [f"B01.{p:03d}.001" for p in profil.tolist()]
    tables = _finish(batch, "H", z, sl, {"code_usl": codes, "date_out": batch.begin})
    usl = tables["usl"]
    again = [c.replace(".001", ".002") for c in codes]
    last = usl.with_columns(
        pl.Series("code_usl", again),
        usl_no=pl.lit(2, dtype=pl.Int64),
        date_in=pl.Series(batch.end),
        date_out=pl.Series(batch.end),
    )
    middle = batch.begin + _DAY
    third = (batch.rng.random(batch.count) < 0.3) & (middle < batch.end)
    between = usl.with_columns(
        pl.Series("code_usl", again), usl_no=pl.lit(3, dtype=pl.Int64), date_in=pl.Series(middle), date_out=pl.Series(middle)
    )
    tables["usl"] = pl.concat([usl, last.cast(usl.schema), between.filter(pl.Series(third)).cast(usl.schema)])
    return tables


def _services(batch: _Batch) -> Tables:
    """Services paid one by one by referral: one service once or twice; of ultrasound sometimes a second one."""
    code = batch.code()
    quantity = np.where(batch.rng.random(batch.count) < 0.15, 200, 100)
    first, another = catalogue.ULTRASOUND
    second = (code == first) & (batch.rng.random(batch.count) < 0.4)
    other = np.full(batch.count, another, dtype=object)
    money = [deal.service_price(c, q) for c, q in zip(code.tolist(), quantity.tolist(), strict=True)]
    extra = [deal.service_price(c, 100) if s else 0 for c, s in zip(other.tolist(), second.tolist(), strict=True)]
    total = [a + b for a, b in zip(money, extra, strict=True)]
    diagnosis = batch.diagnosis()
    sl = {"p_cel": "1.0", "c_zab": 3, "ed_col": np.where(second, 200, 100), "sum_m": total, "ds0": diagnosis, "ds1": diagnosis}
    z = {
        "usl_ok": 3, "vidpom": 13, "for_pom": 3, "idsp": 28, "rslt": 301, "ishod": 304,
        **_referral(batch, np.ones(batch.count, dtype=bool)),
    }  # fmt: skip
    usl = {"code_usl": code, "kol_usl": quantity, "tarif": [deal.service_tariff(c) for c in code.tolist()], "sumv_usl": money}
    tables = _finish(batch, "H", z, sl, usl)
    more = tables["usl"].with_columns(
        pl.Series("code_usl", other.tolist()), pl.Series("tarif", extra, dtype=pl.Int64),
        pl.Series("sumv_usl", extra, dtype=pl.Int64),
        usl_no=pl.lit(2, dtype=pl.Int64), kol_usl=pl.lit(100, dtype=pl.Int64),
    )  # fmt: skip
    tables["usl"] = pl.concat([tables["usl"], more.filter(pl.Series(second))])
    return tables


def _per_capita(batch: _Batch) -> Tables:
    z = {"usl_ok": 3, "vidpom": 12, "for_pom": 3, "idsp": 25, "rslt": 301, "ishod": 304}
    diagnosis = batch.diagnosis()
    sl = {
        "p_cel": "2.6", "tarif": 0, "sum_m": np.zeros(batch.count, dtype=np.int64), "ds1": diagnosis,
        "c_zab": [None if d.startswith("Z") else 3 for d in diagnosis.tolist()],
    }  # fmt: skip
    return _finish(batch, "H", z, sl, {"code_usl": batch.code()})


def _calls(batch: _Batch) -> Tables:
    vidpom = np.where(batch.rng.random(batch.count) < 0.12, 21, 2)
    price = [deal.call_price(v) for v in vidpom.tolist()]
    rslt = batch.one_of([401, 403, 408], [0.62, 0.34, 0.04])
    z = {
        "usl_ok": 4, "vidpom": vidpom, "for_pom": batch.one_of([1, 2], [0.6, 0.4]), "idsp": 24, "rslt": rslt,
        "ishod": np.where(rslt == 401, 401, np.where(rslt == 408, 402, 403)),
    }  # fmt: skip
    return _finish(batch, "H", z, {"tarif": price, "sum_m": price}, {"code_usl": batch.code()})


def _first_stages(batch: _Batch) -> npt.NDArray[np.object_]:
    """Letters of first-stage examinations: DP dispensary, DO preventive."""
    letters = batch.one_of(["DP", "DO"], [0.6, 0.4]).astype(object)
    # From 18 to 39 the dispensary examination comes when the age of the year divides by three; else the preventive one.
    reached = batch.plan.month.year - (batch.people.born[batch.slots.person].astype("datetime64[Y]").astype(np.int64) + 1970)
    letters[(reached <= 39) & (reached % 3 != 0)] = "DO"
    return letters


def _exams(batch: _Batch, letters: npt.NDArray[np.object_]) -> Tables:
    """Examinations: several services at no price of their own."""
    sex = batch.people.sex[batch.slots.person]
    price = [deal.exam_price(le, s, a) for le, s, a in zip(letters.tolist(), sex.tolist(), batch.age.tolist(), strict=True)]
    rslt = batch.one_of([1, 2, 31, 32], [0.3, 0.35, 0.25, 0.1])
    z = {"vidpom": 12, "idsp": 30, "vbr": (batch.rng.random(batch.count) < 0.1).astype(np.int64), "p_otk": 0, "rslt_d": rslt}
    sl: dict[str, Any] = {
        "profil": None, "prvs": None, "det": None, "podr": None, "vers_spec": None, "iddokt": None, "ed_col": 100, "tarif": price,
        "sum_m": price, "ds1": "Z00.0", "ds_onk": 0, "pr_d_n": 3,
    }  # fmt: skip
    doctors = [catalogue.doctor(mo, 76) for mo in batch.clinic.tolist()]
    usl = {
        "podr": None, "profil": None, "det": None, "ds": None, "kol_usl": None, "p_otk": 0,
        "code_usl": catalogue.EXAM_SERVICES[0],
        "prvs": 76, "code_md": doctors,
    }  # fmt: skip
    tables = _finish(batch, letters, z, sl, usl)
    parts = [tables["usl"]]
    for number, code in enumerate(catalogue.EXAM_SERVICES[1:], start=2):
        keep = pl.Series(batch.rng.random(batch.count) < 0.8)
        # A service done before the examination began counts in it: only in these files DATE_IN may lie before DATE_1.
        earlier = pl.Series(batch.begin - np.where(batch.rng.random(batch.count) < 0.2, 12, 0).astype("timedelta64[D]")).cast(
            pl.Date
        )
        more = tables["usl"].with_columns(
            usl_no=pl.lit(number, dtype=pl.Int64), code_usl=pl.lit(code), date_in=earlier, date_out=earlier
        )
        parts.append(more.filter(keep))
    tables["usl"] = pl.concat(parts)
    sent = np.isin(rslt, (31, 32))
    tables["naz"], suspected = _sent_on(batch, sent, doctors)
    tables["sl"] = tables["sl"].with_columns(ds_onk=pl.col("case").is_in(suspected.tolist()).cast(pl.Int64))
    return tables


def _sent_on(batch: _Batch, sent: Bools, doctors: list[str]) -> tuple[pl.DataFrame, Ints]:
    """Where those of health group III are sent: to a doctor, to look for cancer, to hospital, to rehabilitation.

    The second result: cases with a suspicion of cancer.
    """
    kinds = np.where(sent, batch.one_of([1, 3, 4, 6], [0.4, 0.2, 0.2, 0.2]), 0)
    rows = [
        (
            case, 1, 1, kind, doctor, 97 if kind == 4 else None, 71 if kind == 6 else None, 1 if kind == 3 else None, None,
            when if kind == 3 else None, catalogue.PROVIDERS["onco"][0] if kind == 3 else None,
        )
        for case, kind, doctor, when in zip(batch.case.tolist(), kinds.tolist(), doctors, batch.begin.tolist(), strict=True)
        if kind
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SMALL["naz"], orient="row"), batch.case[kinds == 3]


def _ksg(batch: _Batch, letters: str, usl_ok: int) -> Tables:
    """Treated cases of a hospital or day hospital, by group."""
    onco, onco_tables = _oncology(batch, letters)
    n, code = batch.count, batch.code()
    days = np.maximum((batch.end - batch.begin).astype(np.int64), 1)
    kd = days if usl_ok == 1 else np.minimum(days + 1, np.maximum(days, 1) - days // 7 + 1)  # a day hospital rests on Sunday
    short = np.array([catalogue.KSG[c].short_stay for c in code.tolist()], dtype=np.bool_)
    rslt, ishod = _hospital_result(batch, usl_ok, short)
    planned = np.ones(n, dtype=bool) if usl_ok == 2 or letters == "C" else batch.rng.random(n) < 0.45
    second = batch.rng.random(n)
    kslp = _complexity(batch, code, usl_ok, kd, second < _SEVERE)
    clinics = batch.clinic.tolist()
    factors = [deal.ksg_factors(c, mo) for c, mo in zip(code.tolist(), clinics, strict=True)]
    price = [
        deal.ksg_price(c, mo, r, d, k)
        for c, mo, r, d, k in zip(code.tolist(), clinics, rslt.tolist(), kd.tolist(), kslp, strict=True)
    ]
    sl = {
        "profil_k": batch.of("bed"), "p_per": batch.one_of([1, 2], [0.7, 0.3]) if usl_ok == 1 else 1, "kd": kd * 10,
        "n_ksg": code,
        "ver_ksg": 2022, "ksg_pg": 0, "koef_z": [deal.units5(f[0]) for f in factors],
        "koef_up": [deal.units5(f[1]) for f in factors],
        "koef_u": [deal.units5(f[2]) for f in factors], "koef_d": [deal.units5(f[3]) for f in factors],
        "bztsz": [deal.bztsz_kop(c) for c in code.tolist()], "sl_k": [int(bool(k)) for k in kslp],
        "it_sl": [deal.kslp_total(k) if k else None for k in kslp], "sum_m": price, "tarif": price, "ds1": batch.diagnosis(),
        **onco,
    }  # fmt: skip
    z = {
        "usl_ok": usl_ok, "vidpom": 31, "for_pom": np.where(planned, 3, np.where(batch.rng.random(n) < 0.2, 2,
        1)) if usl_ok == 1 else 3,
        "idsp": 33, "rslt": rslt, "ishod": ishod, "kd_z": kd, **_referral(batch, planned),
    }  # fmt: skip
    surgical = [catalogue.KSG[c].surgical for c in code.tolist()]
    codes = [f"A16.{p:02d}.001" if s else f"B01.{p:03d}.006" for p, s in zip(batch.of("profil").tolist(), surgical, strict=True)]
    usl = {"code_usl": codes, "vid_vme": codes if letters == "C" else None}
    koef = [(c, 1, i, deal.units5(catalogue.KSLP[i][0])) for c, k in zip(batch.case.tolist(), kslp, strict=True) for i in k]
    criteria = [
        (c, 1, catalogue.CRITERIA[k]) for c, k in zip(batch.case.tolist(), code.tolist(), strict=True) if k in catalogue.CRITERIA
    ]
    if usl_ok == 1:
        sl["ds0"] = sl["ds1"]
    infected = np.isin(sl["ds1"], catalogue.CORONAVIRUS)
    sl["wei"] = np.where(infected, _WEIGHT, 0).astype(object)
    sl["wei"][~infected] = None
    small = {
        "lek_pr": _coronavirus_drugs(batch, infected),
        "crit": pl.DataFrame(criteria, schema=SMALL["crit"], orient="row"),
        "sl_koef": pl.DataFrame(koef, schema=SMALL["sl_koef"], orient="row"),
        **_secondary(batch, second),
        **onco_tables,
    }
    tables = _finish(batch, letters, z, sl, usl, small)
    if letters != "H" or usl_ok != 1:
        return tables
    return transfers.divided(tables, batch.slots.closes, batch.age, batch.rng)


def _hospital_result(batch: _Batch, usl_ok: int, short: Bools) -> tuple[Ints, Ints]:
    """RSLT and ISHOD. Only the last treatment of a person may end in death, and groups meant to be short are not interrupted."""
    roll, base = batch.rng.random(batch.count), usl_ok * 100
    rslt = np.full(batch.count, base + 1)
    transferred = ~short & (roll < 0.02)
    left = ~short & (roll >= 0.02) & (roll < 0.035)
    died = ~short & (roll >= 0.035) & (roll < 0.05) & batch.slots.last & (batch.age >= 40) & (usl_ok == 1)
    rslt = np.where(transferred, base + 2, np.where(left, base + 7, np.where(died, base + 5, rslt)))
    good = batch.one_of([1, 2, 3], [0.4, 0.5, 0.1])
    return rslt, base + np.where(died, 4, np.where(transferred | left, 3, good))


def _coronavirus_drugs(batch: _Batch, infected: Bools) -> pl.DataFrame:
    """The drug of each stay with the coronavirus, by its scheme, on the first day."""
    return pl.DataFrame(
        {
            "case": batch.case[infected], "sl_no": 1, "data_inj": batch.begin[infected],
            "code_sh": catalogue.CORONAVIRUS_SCHEME,
        },
        schema=SMALL["lek_pr"],
    )  # fmt: skip


def _complexity(batch: _Batch, code: npt.NDArray[np.object_], usl_ok: int, kd: Ints, severe: Bools) -> list[tuple[int, ...]]:
    """КСЛП of each case: old age and a long stay, a severe second disease, a parent beside a child; that of cancer drugs.

    kd      days of each case
    severe  cases with a second disease that the severe one is paid for
    """
    roll = batch.rng.random(batch.count)
    found: list[tuple[int, ...]] = []
    cases = zip(code.tolist(), batch.age.tolist(), roll.tolist(), kd.tolist(), severe.tolist(), strict=True)
    for c, age, r, days, ill in cases:
        if usl_ok != 1:
            found.append(())
        elif c in ("st19.108", "st19.111"):
            found.append((15,) if r < 0.3 else ())
        elif age >= catalogue.OLD_AGE and r < 0.6:
            found.append((1, 3) if days > catalogue.LONG_STAY else (1,))
        elif age <= catalogue.CHILD and r < 0.3:
            found.append((4,))
        else:
            found.append((2,) if ill and r < 0.6 else (3,) if days > catalogue.LONG_STAY and r < 0.3 else ())
    return found


def _secondary(batch: _Batch, roll: npt.NDArray[np.float64]) -> Tables:
    """DS2 and DS3 of some cases by a roll for each, never equal to each other or to DS1 of any template."""
    rows2 = [(c, 1, "E66.8") for c, r in zip(batch.case.tolist(), roll.tolist(), strict=True) if r < 0.3]
    rows2 += [(c, 1, "I69.1") for c, r in zip(batch.case.tolist(), roll.tolist(), strict=True) if r < _SEVERE]
    rows3 = [(c, 1, "R50.9") for c, r in zip(batch.case.tolist(), roll.tolist(), strict=True) if 0.25 < r < 0.32]
    return {
        "ds2": pl.DataFrame(rows2, schema=SMALL["ds2"], orient="row"),
        "ds3": pl.DataFrame(rows3, schema=SMALL["ds3"], orient="row"),
    }  # fmt: skip


def _vmp(batch: _Batch) -> Tables:
    method = np.array([int(c) for c in batch.code().tolist()], dtype=np.int64)
    diagnosis = batch.diagnosis()
    price = [deal.vmp_price(m, mo) for m, mo in zip(method.tolist(), batch.clinic.tolist(), strict=True)]
    issued = np.maximum(
        batch.begin - batch.rng.integers(5, 25, batch.count).astype("timedelta64[D]"), batch.people.born[batch.slots.person]
    )
    sl = {
        "profil_k": batch.of("bed"), "vid_hmp": [catalogue.VMP[m].kind for m in method.tolist()], "metod_hmp": method,
        "tal_d": issued, "ds0": diagnosis, "ds1": diagnosis, "tal_p": batch.begin,
        "tal_num": [f"75.{batch.plan.month.month:02d}22.{c:07d}.122" for c in batch.case.tolist()], "ds_onk": 0,
        "tarif": price, "sum_m": price,
    }  # fmt: skip
    z = {
        "usl_ok": 1, "vidpom": 32, "for_pom": 3, "idsp": 32, "rslt": 101, "ishod": batch.one_of([101, 102], [0.5, 0.5]),
        **_referral(batch, np.ones(batch.count, dtype=bool)),
    }  # fmt: skip
    return _finish(
        batch,
        "T",
        z,
        sl,
        {"code_usl": [f"A16.{p:02d}.900" for p in batch.of("profil").tolist()], "vid_vme": [str(m) for m in method.tolist()]},
    )


def _oncology(batch: _Batch, letters: str) -> tuple[dict[str, Any], Tables]:
    """What only file C has: fields of SL, and its tables. A visit may be a mere suspicion, which has a referral and no more."""
    if letters != "C":
        return {}, {}
    suspected = (batch.code() == "") & (batch.rng.random(batch.count) < 0.3)
    diagnosis = np.where(suspected, catalogue.SUSPICION, batch.diagnosis()).astype(object)
    treatment = np.array([catalogue.ONCO_TREATMENT[code] for code in batch.code().tolist()])
    codes = [catalogue.STAGES.get(d[:3], (None,) * 4) for d in diagnosis.tolist()]
    drugs, rays = treatment == 2, treatment == 3
    sl = {
        "ds1": diagnosis, "c_zab": 2, "ds_onk": suspected.astype(np.int64), "ds1_t": nulled(np.zeros(batch.count), suspected),
        "stad": [c[0] for c in codes], "onk_t": [c[1] for c in codes], "onk_n": [c[2] for c in codes],
        "onk_m": [c[3] for c in codes],
        # Dose in hundredths of a gray and fractions of radiotherapy.
        "sod": nulled(np.full(batch.count, 3000), ~rays), "k_fr": nulled(np.full(batch.count, 5), ~rays),
        # What doses are reckoned by: kilograms with one decimal, centimetres, square metres with two.
        "onk_wei": nulled(500 + batch.case % 450, ~drugs), "hei": nulled(150 + batch.case % 40, ~drugs),
        "bsa": nulled(150 + batch.case % 60, ~drugs),
    }  # fmt: skip
    return sl, _onco_tables(batch, diagnosis, treatment, suspected)


def _onco_tables(batch: _Batch, diagnosis: npt.NDArray[np.object_], treatment: Ints, suspected: Bools) -> Tables:
    """Consilium, treatment with its drug, histology and markers, refusals of surgery; referrals at a suspicion."""
    refused = batch.rng.random(batch.count) < 0.15
    scheme, substance = catalogue.DRUG
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in ("onk_usl", "cons", "b_diag", "b_prot", "napr")}
    before = (batch.begin - 10 * _DAY).tolist()
    cases = zip(
        batch.case.tolist(), diagnosis.tolist(), treatment.tolist(), batch.begin.tolist(), before, suspected.tolist(),
        refused.tolist(), strict=True,
    )  # fmt: skip
    for case, ds1, kind, day, earlier, suspicion, refusal in cases:
        if suspicion:
            rows["napr"].append((case, 1, day, catalogue.PROVIDERS["onco"][0], 1))
            continue
        drug = (substance, catalogue.NO_SCHEME if ds1[:3] in catalogue.WITHOUT_SCHEME else scheme, day)
        own = (1 if kind == 1 else None, *((1, 1) if kind == 2 else (None, None)), 1 if kind == 3 else None)
        rows["onk_usl"].append((case, 1, kind, *own, *(drug if kind == 2 else (None,) * 3)))
        rows["cons"].append((case, 1, 2, day))
        rows["b_diag"] += [
            (case, 1, tip, earlier, code, result, 1) for tip, code, result in catalogue.INDICATORS.get(ds1[:3], ())
        ]
        if refusal and kind != 1:
            rows["b_prot"].append((case, 1, 4, earlier))
    return {name: pl.DataFrame(found, schema=SMALL[name], orient="row") for name, found in rows.items()}


def _mothers(people: People, slots: Slots, hospital: Ints, plan: Plan) -> tuple[Ints, Ints]:
    """A few places of the hospital for newborns treated under the policy of the mother, and all other places."""
    person = slots.person[hospital]
    age = ages(people.born[person], slots.opens[hospital])
    able = people.own[person] & (people.sex[person] == 2) & (age >= 18) & (age <= 42) & (people.vpolis[person] == 3)
    chosen = hospital[able][: max(1, plan.cases // 4000)]
    return chosen, np.setdiff1d(hospital, chosen)


def _newborns(rng: np.random.Generator, people: People, plan: Plan, slots: Slots, case: Ints) -> Tables:
    """Children before the registration of birth: NOVOR, the mother's policy, a birth date up to two days before the treatment."""
    clinic = np.array(catalogue.DISTRICT_HOSPITALS, dtype=object)[rng.integers(0, 6, len(case))]
    nobody = np.zeros(len(case), dtype=np.int64)
    first = np.datetime64(plan.month.first)
    end = np.maximum(slots.opens + np.minimum((slots.closes - slots.opens).astype(np.int64), 6).astype("timedelta64[D]"), first)
    batch = _Batch(
        rng, people, plan, "ksg_inpatient", slots, case, slots.opens, end, nobody, (catalogue.NEWBORN,), nobody, clinic,
    )  # fmt: skip
    tables = _ksg(batch, "H", 1)
    sex = rng.integers(1, 3, len(case))
    born = slots.opens - rng.integers(0, 3, len(case)).astype("timedelta64[D]")
    texts = [f"{s}{d:%d%m%y}1" for s, d in zip(sex.tolist(), born.tolist(), strict=True)]
    tables["z"] = tables["z"].with_columns(
        pl.Series("novor", texts, dtype=pl.String), pl.Series("child_w", sex, dtype=pl.Int64),
        pl.Series("child_dr", born).cast(pl.Date),
        pl.lit(1, dtype=pl.Int64).alias("for_pom"), pl.lit(None, dtype=pl.String).alias("npr_mo"),
        pl.lit(None, dtype=pl.Date).alias("npr_date"),
    )  # fmt: skip
    return tables


# ---- the month -------------------------------------------------------------------------------------------------------------


def make_month(
    rng: np.random.Generator, people: People, plan: Plan, slots: Slots, once: Once, shares: Mapping[str, float] = SHARES,
    places: Mapping[str, tuple[str, ...]] = catalogue.PROVIDERS,
) -> Tables:  # fmt: skip
    """All clean cases of a month: tables of `SCHEMAS`, without package names and numbers inside the files.

    shares  of each kind of care but visits;  places: clinics of each kind
    """
    kinds = share_kinds(rng, people, plan, slots, once, shares)
    numbers = rng.permutation(plan.cases) + 1
    parts: list[Tables] = []

    def batch(kind: str, which: Ints, templates: tuple[Template, ...], *, long: bool, providers: str | None = None) -> _Batch:
        of_kind = places[providers or kind]
        return _batch(rng, people, plan, kind, slots.of(which), numbers[which], templates, of_kind, long=long)

    where = {kind: np.flatnonzero(kinds == kind) for kind in [*SHARES, "visit"]}
    onco = np.array_split(where["onco"], [len(where["onco"]) * 4 // 10, len(where["onco"]) * 7 // 10])
    parts.append(_visits(batch("visit", where["visit"], catalogue.OUTPATIENT, long=False), "H"))
    parts.append(_visits(batch("visit", onco[2], catalogue.ONCO_OUTPATIENT, long=False, providers="onco"), "C"))
    parts.append(_episodes(batch("episode", where["episode"], catalogue.OUTPATIENT, long=True)))
    parts.append(_services(batch("service", where["service"], catalogue.SERVICES, long=False)))
    parts.append(_per_capita(batch("per_capita", where["per_capita"], catalogue.PER_CAPITA, long=False)))
    parts.append(_calls(batch("call", where["call"], catalogue.CALLS, long=False)))
    exams = batch("exam", where["exam"], (_EXAM,), long=False)
    seconds = batch("exam", where["second"], (_EXAM,), long=False)
    for one in (exams, seconds):
        one.clinic = attached(people, one.slots.person, plan.month.first)  # only the clinic of attachment examines
    parts.append(_exams(exams, _first_stages(exams)))
    parts.append(_exams(seconds, np.full(seconds.count, "DV", dtype=object)))
    first = parts[-2]["z"].filter(pl.col("letters") == "DP")["person"].to_numpy()
    once.dispensary[first] = True
    parts.append(_vmp(batch("vmp", where["vmp"], catalogue.METHODS, long=True)))
    mothers, others = _mothers(people, slots, where["ksg_inpatient"], plan)
    parts.append(_newborns(rng, people, plan, slots.of(mothers), numbers[mothers]))
    parts.append(_ksg(batch("ksg_inpatient", others, catalogue.INPATIENT, long=True), "H", 1))
    parts.append(_ksg(batch("ksg_day", where["ksg_day"], catalogue.DAY, long=True), "H", 2))
    parts.append(_ksg(batch("ksg_inpatient", onco[0], catalogue.ONCO_INPATIENT, long=True, providers="onco"), "C", 1))
    parts.append(_ksg(batch("ksg_day", onco[1], catalogue.ONCO_DAY, long=True, providers="onco"), "C", 2))
    tables = {name: _together(parts, name) for name in SCHEMAS}
    tables["usl"] = pl.concat([tables["usl"], _dialysis(tables)])
    return named(tables, people, plan)


def _dialysis(tables: Tables) -> pl.DataFrame:
    """Further services of stays with dialysis: a session every other day with its companion, a catheter on a day between, one
    examination. Rows of USL.
    """
    stays = tables["sl"].filter((pl.col("n_ksg") == catalogue.DIALYSIS_GROUP) & (pl.col("sl_no") == 1))
    days = pl.int_ranges(0, (pl.col("date_2") - pl.col("date_1")).dt.total_days())
    of_day = stays.select("case", "date_1", day=days).explode("day").drop_nulls("day").with_columns(
        code_usl=pl.when(pl.col("day") == 0).then(pl.lit([catalogue.COUNTED_SERVICE]))
        .when(pl.col("day") % 2 == 0).then(pl.lit([catalogue.DIALYSIS[0], catalogue.COMPANION]))
        .when(pl.col("day") == 1).then(pl.lit([catalogue.INCLUDED]))
    ).explode("code_usl").drop_nulls("code_usl").sort("case", "day", maintain_order=True)  # fmt: skip
    first = tables["usl"].filter((pl.col("sl_no") == 1) & (pl.col("usl_no") == 1))
    on = pl.col("date_1") + pl.duration(days=pl.col("day"))
    rows = first.drop("code_usl").join(of_day, on="case", maintain_order="right").with_columns(
        usl_no=pl.int_range(2, pl.len() + 2).over("case").cast(pl.Int64), date_in=on, date_out=on,
    )  # fmt: skip
    return rows.select(pl.col(name).cast(kind) for name, kind in USL.items())


def _together(parts: list[Tables], name: str) -> pl.DataFrame:
    """A table of all kinds of care; without rows where none has it."""
    schema = pl.Schema(SCHEMAS[name])
    return pl.concat([pl.DataFrame(schema=schema), *(part[name].cast(schema) for part in parts if name in part)])


#: What an examination needs of a template: nobody in particular.
_EXAM: Final = Template("", 97, 0, 76, BOTH, (0, 200), ("Z00.0",))


def named(tables: Tables, people: People, plan: Plan) -> Tables:
    """Numbers of SL and USL, the package, and the person's policy as the clinic knew it on the last day."""
    z = tables["z"].sort("case")
    person = z["person"].to_numpy()
    smo = people.smo_on(person, z["date_z_2"].to_numpy().astype("datetime64[D]"))
    own = people.own[person]
    okato = np.where(
        own, catalogue.OKATO, np.array([catalogue.OTHERS.get(t, ("", ""))[0] for t in people.home[person]], dtype=object)
    )
    old = people.vpolis[person] == 1
    stem = pl.concat_str(
        pl.col("letters"),
        pl.lit("M"),
        pl.col("clinic"),
        pl.lit(f"T{catalogue.TERRITORY}_{plan.month.year % 100:02d}{plan.month.month:02d}01"),
    )
    named_z = z.with_columns(
        stem.alias("package"), pl.Series("id_pac", [f"{'P' if n == '0' else 'N'}{p:08d}" for p, n in zip(person.tolist(),
        z["novor"].to_list(), strict=True)]),
        pl.Series("vpolis", people.vpolis[person]), pl.Series("spolis", people.series[person].tolist(), dtype=pl.String),
        pl.Series("npolis", people.number[person].tolist(), dtype=pl.String),
        pl.Series("enp", nulled(people.enp[person], people.vpolis[person] != 3).tolist(), dtype=pl.String),
        pl.Series("smo", smo.tolist(), dtype=pl.String), pl.Series("st_okato", nulled(okato, ~old).tolist(),
        dtype=pl.String),
        pl.Series("smo_ok", nulled(okato, ~people.without_smo[person]).tolist(), dtype=pl.String),
    )  # fmt: skip
    sl = tables["sl"].sort("case", "sl_no").with_columns(sl_id=pl.format("{}-{}", "case", "sl_no"))
    usl = tables["usl"].sort("case", "sl_no", "usl_no").with_columns(idserv=pl.col("usl_no").cast(pl.String))
    return {**tables, "z": named_z.select(list(Z)), "sl": sl.select(list(SL)), "usl": usl.select(list(USL))}
