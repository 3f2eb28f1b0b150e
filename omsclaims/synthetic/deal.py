"""What did the commission of the made-up territory agree, and what does a case cost under it?

`write_agreement` writes the folder that the engine loads; the functions below price cases from the same figures with exact
fractions and one rounding half up, in code of their own: the engine's tariffs are held against them (law.md 8.2, 8.5, 8.7, 9.1).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from omsclaims.money import round_ratio
from omsclaims.synthetic import catalogue

REFERENCE: Final = "тарифное соглашение вымышленной территории на 2022 год, приложение 1"
PLANNED: Final = ("ksg_inpatient", "ksg_day", "vmp", "service", "exam", "episode")
#: file kind, USL_OK, IDSP, kind of payment.
PAYMENT_KINDS: Final = (
    ("H", 1, 33, "ksg_inpatient"), ("C", 1, 33, "ksg_inpatient"), ("H", 2, 33, "ksg_day"), ("C", 2, 33, "ksg_day"),
    ("H", 3, 29, "visit"), ("C", 3, 29, "visit"), ("H", 3, 30, "episode"), ("C", 3, 30, "episode"), ("H", 3, 28, "service"),
    ("H", 3, 25, "per_capita"), ("H", 4, 24, "call"), ("X", None, 30, "exam"), ("T", 1, 32, "vmp"),
)  # fmt: skip
ROUNDING_STEP_KOP: Final = {
    "ksg_inpatient": 1, "ksg_day": 1, "visit": 1, "episode": 1, "service": 1, "per_capita": 1, "call": 10, "exam": 1, "vmp": 1,
}  # fmt: skip
#: Share paid of an interrupted case: (reasons, days, surgical, share). The share covers the complexity part, too.
INTERRUPTED: Final = (
    ((1, 8), (0, 3), "0", "0.30000"), ((1, 8), (0, 3), "1", "0.85000"),
    ((1, 7), (4, None), "0", "0.70000"), ((1, 7), (4, None), "1", "0.92500"),
)  # fmt: skip
#: Result of the case -> reason (law.md 8.5).
REASONS: Final = {
    102: 4, 202: 4, 103: 3, 203: 3, 104: 2, 204: 2, 105: 6, 106: 6, 205: 6, 206: 6, 107: 5, 108: 5, 110: 5, 207: 5, 208: 5,
}  # fmt: skip
#: Reason of a transfer into another department of the clinic.
TRANSFER: Final = 2
SHORT_STAY_DAYS: Final = 3
#: Groups that are paid beside any other one of the stay; before a birth so many days, fewer with some diagnoses (law.md 8.6).
BESIDE_ANY: Final = ("st36.009",)
BEFORE_BIRTH, BIRTHS, DAYS_BEFORE_BIRTH = "st02.001", ("st02.003", "st02.004"), 6
SEVERE_BEFORE_BIRTH, DAYS_OF_SEVERE = ("O14.1",), 2
#: Clinics that a visit or an обращение costs more in.
CLINIC_COEFFICIENTS: Final = {
    mo: {"city": "1.00000", "district": "1.04000", "north": "1.11350"}[place] for mo, (_, _, place) in catalogue.CLINICS.items()
}
#: Coefficients of the sex-age groups for the money of the insurers.
FINANCING: Final = {
    "m0": "1.92", "f0": "1.8", "m1-4": "1.11", "f1-4": "1.05", "m5-17": "0.78", "f5-17": "0.77", "m18-64": "0.72",
    "f18-64": "0.99",
    "m65": "1.71", "f65": "1.65",
}  # fmt: skip
#: Relative cost of outpatient care by sex and age: from it follows what the attached people of a clinic cost.
RELATIVE: Final = {
    "m0": "2.3105", "f0": "2.2417", "m1-4": "1.5236", "f1-4": "1.4871", "m5-17": "0.9122", "f5-17": "0.9305", "m18-64": "0.6408",
    "f18-64": "0.9936", "m65": "1.6", "f65": "1.6",
}  # fmt: skip
#: Rural points: code, name, clinic, residents, whether it meets the requirements.
RURAL_POINTS: Final = (
    ("F01", "Берёзовка", "750907", 412, 1), ("F02", "Сосновка", "750908", 955, 1), ("F03", "Ольховка", "750909", 1630, 0),
)  # fmt: skip
#: Norms of rural points by residents, roubles a year.
RURAL_NORMS: Final = (
    ("100-899", 100, 899, "1087700"), ("900-1499", 900, 1499, "1723100"), ("1500-1999", 1500, 1999, "1934900"),
)  # fmt: skip
#: Per-capita standards of the year by conditions of care: the base of fines by expertise.
FINE_STANDARDS: Final = {1: "5510.30", 2: "1280.55", 3: "4311.07", 4: "890.25"}
#: Rules of control that the catalogue has off and this territory switches on: rule -> why.
SWITCHED_ON: Final = {
    "C079": "случай начинается и кончается вместе с подслучаями", "C082": "вызов - в счёте своего месяца",
    "C088": "направление действует три месяца", "C106": "услуга стационара не имеет цены", "C224": "пациент не подтверждён",
    "C228": "перевод внутри стационара - два подслучая", "C232": "телемедицина - обращение",
    "C134": "строка счета один раз", "C142": "одна история болезни - одна выписка", "C143": "группа в истории болезни один раз",
    "C144": "группы истории болезни кончаются в разные дни", "C145": "номер истории болезни принадлежит одному пациенту",
    "C045": "травмы кодируются до пятого знака", "C055": "поводы осмотров по возрасту", "C060": "инсульт лечит невролог",
    "C166": "осмотр, в котором сделано мало, не закончен", "C179": "стационар ставит предварительный диагноз",
    "C201": "при подозрении нет онкологического блока", "C174": "направляет организация прикрепления",
    "C175": "организация не направляет чужих пациентов к себе", "C176": "краевые организации принимают по направлению",
    "C151": "отбор для экспертизы", "C155": "отбор для экспертизы", "C156": "отбор для экспертизы",
}  # fmt: skip
#: Those of them that hold for some clinics only.
SWITCHED_ON_FOR: Final = dict.fromkeys(("C174", "C175", "C176"), catalogue.BY_REFERRAL)
#: Parameters of rules that the territory sets: rule, parameter, first day of care, value, why.
RULE_PARAMETERS: Final[tuple[tuple[str, str, str, object, str], ...]] = (
    # Обращения may reach from one month into the next; calls may not.
    ("C162", "first_month", "2022-01-01", 2, "в январе 2022 года осмотры были приостановлены"),
    ("C082", "conditions", "2011-01-01", [4], "вызов скорой помощи подают в счёте своего месяца"),
)
#: What the territory adds to editions of files: clinics may state the result of a check-up by the book of results, too, and
#: may leave out whether the profile of a case is one of children, which the age tells; a record that is billed again may name
#: the one that it answers.
_OVERLAY_HEAD: Final = "op,after,path,form,length,decimals,must,repeats,book,values,min_length,table,column,meaning_en,meaning_ru"
_DET_MAY_BE_ABSENT: Final = "change,,ZAP/Z_SL/SL/DET,N,1,0,U,0,,0;1,,,,profile of children 0/1,профиль для детей 0/1"
_ANSWERS: Final = (
    "add,ZAP/PR_NOV,ZAP/NSCHET_P,T,15,0,U,0,,,,,,number of the bill that the record answers,номер счёта исправляемой записи",
    "add,ZAP/NSCHET_P,ZAP/N_ZAP_P,N,9,0,U,0,,,,,,number of the record that it answers,номер исправляемой записи",
)
OVERLAYS: Final = {
    "X_3.1_2021-08": (
        _OVERLAY_HEAD,
        "add,ZAP/Z_SL/RSLT_D,ZAP/Z_SL/RSLT,N,3,0,N,0,V009,,,,,result by the book of results,результат по справочнику результатов",
    ),
    "H_3.2": (_OVERLAY_HEAD, _DET_MAY_BE_ABSENT, *_ANSWERS),
}
_OUTPATIENT: Final = {**catalogue.OUTPATIENT_TARIFFS, **catalogue.SPECIAL_TARIFFS}
#: A visit with this purpose has a tariff of its own: profile, purpose -> tariff.
URGENT_VISITS: Final = {(97, "1.1"): "688.415", (68, "1.1"): "801.2", (112, "1.1"): "703.95"}


def write_agreement(folder: Path) -> None:
    """The folder of the agreement, in the layout of `omsclaims.law.agreement`."""
    folder.mkdir(parents=True, exist_ok=True)
    head = {
        "territory": catalogue.TERRITORY, "year": 2022, "title": "Тарифное соглашение вымышленной территории",
        "reference": REFERENCE,
        "valid_from": "2022-01-01", "valid_to": "2022-12-31", "wage_share_default": catalogue.WAGE_SHARE_DEFAULT,
        "exam_age": "on_start", "financing": {"partition": "partition", "average_number": "mean_of_month_starts"},
        "control": _control(),
        "payment_kinds": [
            {"file_kind": letter, **({} if usl_ok is None else {"usl_ok": usl_ok}), "idsp": idsp, "kind": kind,
            "plan": kind in PLANNED}
            for letter, usl_ok, idsp, kind in PAYMENT_KINDS
        ],
        "base_rates": [{"setting": setting, "rate": rate} for setting, rate in catalogue.BASE_RATES.items()],
        "rounding": [{"kind": kind, "step_kop": str(step), "mode": "once"} for kind, step in ROUNDING_STEP_KOP.items()],
        "kslp_rules": [{"rule": "add"}],
        "case_management": [{"rate": "0.01000"}],
        "capitation": [{"kind": "outpatient", "base": "148.37", "kdpv": "attached"}],
        "fine_standards": [{"usl_ok": usl_ok, "amount": amount} for usl_ok, amount in FINE_STANDARDS.items()],
    }  # fmt: skip
    text = yaml.safe_dump(head, allow_unicode=True, sort_keys=False, width=130)
    (folder / "agreement.yaml").write_text("# Вымышленное соглашение: все суммы придуманы.\n" + text, encoding="utf-8")
    (folder / "formats").mkdir(exist_ok=True)
    for edition, lines in OVERLAYS.items():
        (folder / "formats" / f"{edition}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, (columns, rows) in _tables().items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)


def _control() -> dict[str, object]:
    """Options of control: what is switched on, and the territory's own values of parameters."""
    own = [dict(zip(("rule", "name", "since", "value", "why"), row, strict=True)) for row in RULE_PARAMETERS]
    return {
        "first_stage_exam_letters": ["DP", "DO"],
        "enabled_rules": [
            {"rule": rule, **({"mo": list(SWITCHED_ON_FOR[rule])} if rule in SWITCHED_ON_FOR else {}), "why": why}
            for rule, why in sorted(SWITCHED_ON.items())
        ],
        **({"rule_parameters": own} if own else {}),
    }  # fmt: skip


def _tables() -> dict[str, tuple[tuple[str, ...], Sequence[Sequence[object]]]]:
    """Name -> columns and rows of the CSV tables of the agreement."""
    ksg = [
        (code, _setting(code), k.weight, k.wage_share, int(k.uses_level), 1, int(k.surgical), int(k.short_stay), k.specificity)
        for code, k in sorted(catalogue.KSG.items())
    ]
    levels = [(level, s, c[i]) for level, c in catalogue.LEVELS.items() for i, s in enumerate(("ksg_inpatient", "ksg_day"))]
    outpatient: dict[str, list[Sequence[object]]] = {
        name: [(profil, "*", "*", pair[i]) for profil, pair in sorted(_OUTPATIENT.items())]
        for i, name in enumerate(("visits", "episodes"))
    }
    outpatient["visits"] += [(profil, purpose, "*", tariff) for (profil, purpose), tariff in URGENT_VISITS.items()]
    coefficients = [
        (mo, kind, value if kind in ("visit", "episode") else "1.00000")
        for mo, value in CLINIC_COEFFICIENTS.items()
        for kind in ("visit", "episode", "call", "exam", "service")
    ]
    closed = (catalogue.CLOSED_CLINIC, *catalogue.CLINICS["750920"][1:])
    return {
        "ksg": (
            ("code", "setting", "weight", "wage_share", "uses_level", "uses_specificity", "surgical", "optimal_short_stay",
            "specificity"),
            list(ksg),
        ),
        "levels": (("level", "setting", "coefficient"), list(levels)),
        "clinics": (
            ("mo", "setting", "level", "place"),
            [(mo, "*", level, place) for mo, (_, level, place) in catalogue.CLINICS.items()] + [(closed[0], "*", closed[1],
            closed[2])],
        ),
        "places": (("place", "kd"), list(catalogue.PLACES.items())),
        "kslp": (("idsl", "value", "uses_territorial"), [(str(i), value, int(t)) for i, (value, t) in catalogue.KSLP.items()]),
        "interrupted": (
            ("reason_from", "reason_to", "days_from", "days_to", "surgical", "share", "applies_to_kslp"),
            [(*reasons, days[0], "" if days[1] is None else days[1], surgical, share, 1) for reasons, days, surgical,
            share in INTERRUPTED],
        ),
        "interrupted_results": (("rslt", "reason"), sorted(REASONS.items())),
        "visits": (("profil", "p_cel", "det", "tariff"), outpatient["visits"]),
        "episodes": (("profil", "p_cel", "det", "tariff"), outpatient["episodes"]),
        "calls": (("vidpom", "tariff"), list(catalogue.CALL_TARIFFS.items())),
        "exams": (("letters", "sex", "age_from", "age_to", "tariff"), list(catalogue.EXAM_TARIFFS)),
        "services": (("code_usl", "tariff"), list(catalogue.SERVICE_TARIFFS.items())),
        "vmp": (
            ("group", "norm", "wage_share"), [(str(method), v.norm, v.wage_share) for method,
            v in catalogue.VMP.items() if v.agreed],
        ),
        "financing": (("place", "group", "kd"), _financing()),
        "relative_coefficients": (("kind", "group", "coefficient"), [("outpatient", *row) for row in RELATIVE.items()]),
        "clinic_capitation": (
            ("mo", "kind", "kd", "kdur", "kdzp"),
            [
                (mo, "outpatient", catalogue.PLACES[catalogue.CLINICS[mo][2]], "1", "1")
                for mo in (*catalogue.POLYCLINICS, *catalogue.DISTRICT_HOSPITALS)
            ],
        ),
        "fap": (
            ("fap", "name", "mo", "residents", "meets_requirements", "kd", "ks"),
            [(code, name, mo, people, meets, "1", "1" if meets else "0.85") for code, name, mo, people, meets in RURAL_POINTS],
        ),
        "fap_norms": (("band", "residents_from", "residents_to", "norm"), list(RURAL_NORMS)),
        "clinic_coefficients": (
            ("mo", "kind", "coefficient"),
            coefficients + [(catalogue.CLOSED_CLINIC, kind, "1.00000") for kind in ("visit", "episode", "call", "exam",
            "service")],
        ),
    }  # fmt: skip


def _financing() -> list[Sequence[object]]:
    """Coefficients of the differentiated standards: by sex-age group, dearer outside the town (law.md 4.2, groups of 2020)."""
    return [
        (place, group, _text5(Fraction(kd) * Fraction(weight)))
        for place, weight in (("city", "0.95"), ("district", "1.04"), ("north", "1.22"))
        for group, kd in FINANCING.items()
    ]


def _text5(value: Fraction) -> str:
    """A coefficient with five decimals."""
    units = round_ratio((value * 100_000).numerator, (value * 100_000).denominator)
    return f"{units // 100_000}.{units % 100_000:05d}"


def _setting(code: str) -> str:
    return "ksg_inpatient" if code.startswith("st") else "ksg_day"


# ---- prices: exact, in roubles as fractions, rounded once ------------------------------------------------------------------


def _kopecks(roubles: Fraction, kind: str) -> int:
    kopecks = roubles * 100
    return round_ratio(kopecks.numerator, kopecks.denominator, ROUNDING_STEP_KOP[kind])


def units5(text: str) -> int:
    """A coefficient written as text in units of 0.00001."""
    return int(Fraction(text) * 100_000)


def clinic_level_place(mo: str) -> tuple[str, str]:
    """Level and place of a clinic in the agreement."""
    if mo == catalogue.CLOSED_CLINIC:
        mo = "750920"
    _, level, place = catalogue.CLINICS[mo]
    return level, place


def bztsz_kop(code: str) -> int:
    """Base rate of a group's setting as the registry shows it: kopecks."""
    rate = Fraction(catalogue.BASE_RATES[_setting(code)]) * 100
    return round_ratio(rate.numerator, rate.denominator)


def ksg_factors(code: str, mo: str) -> tuple[str, str, str, str]:
    """KOEF_Z, KOEF_UP, KOEF_U, KOEF_D of a group in a clinic, as text."""
    group = catalogue.KSG[code]
    level, place = clinic_level_place(mo)
    by_setting = catalogue.LEVELS[level][0 if code.startswith("st") else 1]
    return group.weight, group.specificity, by_setting if group.uses_level else "1", catalogue.PLACES[place]


def interrupted_share(code: str, rslt: int, days: int, moved: bool = False) -> str | None:
    """Share paid when the case is interrupted, else None.

    moved  into another department because of another disease
    """
    group = catalogue.KSG[code]
    reason = REASONS.get(rslt, TRANSFER if moved else None)
    if reason is None and days <= SHORT_STAY_DAYS and not group.short_stay:
        reason = 8
    if reason is None:
        return None
    for (low, high), (first, last), surgical, share in INTERRUPTED:
        if low <= reason <= high and first <= days and (last is None or days <= last) and surgical == str(int(group.surgical)):
            return share
    raise LookupError(f"the agreement says nothing of reason {reason}, {days} days")


@cache
def ksg_price(
    code: str, mo: str, rslt: int, days: int, kslp: tuple[int, ...] = (), whole: bool = False, moved: bool = False
) -> int:
    """Kopecks of a treated case (law.md 8.2): group and complexity part, times the share of an interrupted case unless
    `whole`; `moved` as in `interrupted_share`.
    """
    group = catalogue.KSG[code]
    base = Fraction(catalogue.BASE_RATES[_setting(code)])
    weight, specificity, level, kd = (Fraction(text) for text in ksg_factors(code, mo))
    wages = Fraction(group.wage_share)
    amount = base * weight * (1 - wages + wages * specificity * level * kd)
    for idsl in kslp:
        value, territorial = catalogue.KSLP[idsl]
        amount += base * Fraction(value) * (kd if territorial else 1)
    share = interrupted_share(code, rslt, days, moved)
    if share is not None and not whole:
        amount *= Fraction(share)
    return _kopecks(amount, _setting(code))


# ---- several groups of one stay --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """A department of a stay: its group, main diagnosis, days, complexity."""

    code: str
    diagnosis: str
    days: int
    kslp: tuple[int, ...] = ()


def stay_prices(parts: Sequence[Part], mo: str, rslt: int) -> list[int]:
    """Kopecks of each department of a stay, in the order of time (law.md 8.5, 8.6).

    The dearest is paid, of equal ones the first; another one for a reason that links the two: a disease of another class, which
    interrupts the earlier of them; a group of the list; days before a birth. What has no reason costs nothing.
    """
    alone = [ksg_price(part.code, mo, rslt, part.days, part.kslp) for part in parts]
    top = alone.index(max(alone))
    paid, moved = {top}, set()
    for at, part in enumerate(parts):
        if at == top:
            continue
        if disease_class(part.diagnosis) != disease_class(parts[top].diagnosis):
            paid.add(at)
            moved.add(min(at, top))
        elif {part.code, parts[top].code} & set(BESIDE_ANY) or _before_birth(parts[min(at, top)], parts[max(at, top)]):
            paid.add(at)
    return [
        ksg_price(part.code, mo, rslt, part.days, part.kslp, moved=at in moved) if at in paid else 0
        for at, part in enumerate(parts)
    ]


def _before_birth(earlier: Part, later: Part) -> bool:
    """Whether one department treated before the birth in the next one, long enough."""
    enough = DAYS_OF_SEVERE if earlier.diagnosis in SEVERE_BEFORE_BIRTH else DAYS_BEFORE_BIRTH
    return earlier.code == BEFORE_BIRTH and later.code in BIRTHS and earlier.days >= enough


def disease_class(diagnosis: str) -> str:
    """A name of the class of ICD-10: the letter, where it shares a class or is divided between two, what they are."""
    letter, number = diagnosis[0], diagnosis[1:3]
    if letter == "D":
        return "tumour" if number < "50" else "blood"
    if letter == "H":
        return "eye" if number < "60" else "ear"
    shared = {"A": "infection", "B": "infection", "C": "tumour", "S": "injury", "T": "injury"}
    return shared.get(letter, "cause" if letter in "VWXY" else letter)


@cache
def outpatient_price(kind: str, profil: int, purpose: str, mo: str) -> int:
    """Kopecks of a visit or an обращение."""
    pair = _OUTPATIENT[profil]
    tariff = URGENT_VISITS.get((profil, purpose), pair[0]) if kind == "visit" else pair[1]
    coefficient = CLINIC_COEFFICIENTS.get(mo, "1")
    return _kopecks(Fraction(tariff) * Fraction(coefficient), kind)


@cache
def service_price(code: str, quantity2: int) -> int:
    """Kopecks of a service times its quantity (hundredths)."""
    return _kopecks(Fraction(catalogue.SERVICE_TARIFFS[code]) * Fraction(quantity2, 100), "service")


@cache
def service_tariff(code: str) -> int:
    """Kopecks that stand as TARIF of one service."""
    return _kopecks(Fraction(catalogue.SERVICE_TARIFFS[code]), "service")


@cache
def call_price(vidpom: int) -> int:
    """Kopecks of an ambulance call."""
    return _kopecks(Fraction(catalogue.CALL_TARIFFS[str(vidpom)]), "call")


@cache
def exam_price(letters: str, sex: int, age: int) -> int:
    """Kopecks of a completed examination."""
    for known, of_sex, low, high, tariff in catalogue.EXAM_TARIFFS:
        if known == letters and of_sex in ("*", str(sex)) and low <= age <= high:
            return _kopecks(Fraction(tariff), "exam")
    raise LookupError((letters, sex, age))


@cache
def vmp_price(method: int, mo: str) -> int:
    """Kopecks of a ВМП case of section I: norm x (KD x d + 1 - d) (law.md 9.1)."""
    vmp = catalogue.VMP[method]
    wages, kd = Fraction(vmp.wage_share), Fraction(catalogue.PLACES[clinic_level_place(mo)[1]])
    return _kopecks(Fraction(vmp.norm) * (kd * wages + 1 - wages), "vmp")


def kslp_total(kslp: Iterable[int]) -> int:
    """IT_SL in units of 0.00001: the sum of the values (rule of 2022)."""
    return sum(units5(catalogue.KSLP[idsl][0]) for idsl in kslp)
