"""What stands in the elements of a made-up registry? Plausible values by tag and type; nobody in them exists.

Clinics, insurers and policy numbers begin with 98, a code that no territory issues. Names are put together from syllables.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

from omsclaims.identifiers import luhn_digit
from omsclaims.registry.formats import Field

TERRITORY: Final = "98"
CLINIC: Final = "980901"
INSURER: Final = "98001"
YEAR: Final = 2022
MONTH: Final = 3
_FIRST: Final = date(YEAR, MONTH, 1)

_DIAGNOSES: Final = (
    "J06.9", "J20.9", "I10", "I11.9", "I25.1", "E11.9", "M54.5", "K29.5", "N39.0", "H52.1", "L20.8", "J45.0", "G43.1",
    "K80.2", "N18", "S52.50", "M17.1", "I63.3", "J18.9", "K35.8", "E66.0", "D50.9", "H25.1",
)  # fmt: skip
_TUMOURS: Final = ("C50.4", "C34.1", "C18.7", "C61", "C16.2", "C20", "C56", "C64", "C73", "C44.3")
_ROOTS: Final = (
    "Бер", "Вол", "Гор", "Дуб", "Ель", "Жил", "Зор", "Кал", "Лес", "Мор", "Нов", "Ост", "Пол", "Руд", "Сер", "Тум", "Ух", "Фил",
    "Хол", "Цап", "Чел", "Шум", "Щеб", "Юр", "Яр",
)  # fmt: skip
_MIDDLES: Final = ("ез", "ин", "ат", "ов", "ем", "ар", "ук", "ич", "он", "ел", "аш", "ют")
_ENDS: Final = ("ов", "ев", "ин", "ский", "енко", "ян", "ук", "ой")
_NAMES: Final = (
    "Адриан", "Богдана", "Валерьян", "Глафира", "Дементий", "Евлампия", "Зиновий", "Иларион", "Капитолина", "Лукерья", "Мефодий",
    "Наина", "Онисим", "Прасковья", "Родион", "Серафима", "Тихон", "Устинья", "Фёкла", "Харлампий", "Эмма", "Юлиан", "Ярослава",
)  # fmt: skip
_FATHERS: Final = (
    "Адрианович",
    "Богдановна",
    "Валерьянович",
    "Зиновьевна",
    "Мефодьевич",
    "Онисимовна",
    "Родионович",
    "Тихоновна",
)
_TOWNS: Final = ("г. Верхнелесск", "пос. Заозёрный", "с. Новая Горка", "г. Усть-Каменка", "дер. Малые Ключи")
_REMARKS: Final = (
    "Повторный приём по записи", "Пациент направлен на консультацию", 'Обследование по программе "Здоровое сердце"',
    "Выписан с улучшением, явка через 10 дней", "Лечение продолжено амбулаторно", 'Отказ от прививки "подписан" в карте',
    "Осмотр на дому; температура 37,2", "Контроль через месяц № 2", "Снимок в двух проекциях: без патологии",
    "ЛФК & массаж назначены",
)  # fmt: skip
_OFFICES: Final = ("Отделом внутренних дел г. Верхнелесска", 'МП № 4 "Заозёрный"', "Миграционным пунктом Усть-Каменского района")


@dataclass
class Record:
    """One made-up record while it is being written: what its elements must agree on."""

    pick: Random
    stay: bool
    tumour: bool
    codes: dict[str, str]  # values that the scenario fixes
    start: date = _FIRST
    end: date = _FIRST
    diagnosis: str = ""
    profile: str = "97"
    specialty: str = "76"
    doctor: str = ""
    sex: str = "1"
    enp: str = ""
    guid: str = ""
    services: list[tuple[int, int]] = field(default_factory=list)  # (quantity, tariff in kopecks) of the case
    service: int = 0  # the one being written
    case_kop: int = 0
    ordinal: int = 0
    coefficient: int = 0

    def __post_init__(self) -> None:
        pick = self.pick
        days = pick.randint(3, 16) if self.stay else 0
        self.start = _FIRST + timedelta(days=pick.randrange(31 - days))
        self.end = self.start + timedelta(days=days)
        self.diagnosis = pick.choice(_TUMOURS if self.tumour else _DIAGNOSES)
        self.profile, self.specialty = pick.choice((("97", "76"), ("29", "25"), ("136", "2"), ("53", "39"), ("112", "71")))
        self.doctor = snils(pick)
        self.sex = pick.choice("12")
        body = TERRITORY + "".join(pick.choices("0123456789", k=13))
        self.enp = f"{body}{luhn_digit(body)}"
        self.guid = new_guid(pick)

    @property
    def days(self) -> int:
        """Length of the case in days, one at least."""
        return max((self.end - self.start).days, 1)

    def between(self) -> date:
        """A day of the case."""
        return self.start + timedelta(days=self.pick.randint(0, (self.end - self.start).days))


def new_guid(pick: Random) -> str:
    """A random identifier of 36 characters."""
    return str(uuid.UUID(int=pick.getrandbits(128), version=4))


def snils(pick: Random) -> str:
    """Eleven digits as insurance numbers are written; above the range that is issued."""
    return f"99{pick.randrange(10)}-{pick.randrange(1000):03d}-{pick.randrange(1000):03d} {pick.randrange(100):02d}"


def surname(pick: Random) -> str:
    """A last name of two or three syllables."""
    return (
        pick.choice(_ROOTS) + pick.choice(_MIDDLES) + (pick.choice(_MIDDLES) if pick.random() < 0.3 else "") + pick.choice(_ENDS)
    )


def roubles(kopecks: int) -> str:
    """1234.50"""
    return f"{kopecks // 100}.{kopecks % 100:02d}"


def _coefficient(record: Record, low: int, high: int) -> str:
    units = record.pick.randint(low, high)
    return f"{units // 100_000}.{units % 100_000:05d}"


def _remark(record: Record) -> str:
    return f"{record.pick.choice(_REMARKS)} ({surname(record.pick)})"


def _card(record: Record) -> str:
    number = record.pick.randrange(1000, 999_999)
    if record.pick.random() < 0.1:
        return f'"А"-{number}'
    return f"{number}/{YEAR % 100}" if record.stay else f"{record.pick.choice('АБВГД')}-{number}"


def _service_amount(record: Record) -> str:
    quantity, tariff = record.services[record.service]
    return roubles(quantity * tariff)


def _other_clinic(record: Record) -> str:
    return f"9809{record.pick.randrange(2, 60):02d}"


def _other_diagnosis(record: Record, half: int) -> str:
    """Not the main one; accompanying ones from one half of the list, complications from the other."""
    return record.pick.choice([code for code in _DIAGNOSES[half::2] if code != record.diagnosis])


def _counted(record: Record) -> str:
    record.ordinal += 1
    return str(record.ordinal)


def _born(record: Record) -> str:
    return (date(1931, 1, 1) + timedelta(days=record.pick.randrange(26_000))).isoformat()


def _short_code(record: Record) -> str:
    pick = record.pick
    return f"{pick.choice('AB')}{pick.randrange(1, 30):02d}.{pick.randrange(1, 40):02d}.{pick.randrange(1, 120):03d}"


def _remember_coefficient(record: Record) -> str:
    record.coefficient = record.pick.randrange(20_000, 60_000)
    return f"0.{record.coefficient:05d}"


Maker = Callable[[Record], str]

#: Values by tag. A tag that is not here gets a value of its type alone.
BY_TAG: Final[dict[str, Maker]] = {
    "PR_NOV": lambda r: "0",
    "VPOLIS": lambda r: "3",
    "ENP": lambda r: r.enp,
    "NPOLIS": lambda r: r.enp,
    "NOVOR": lambda r: "0",
    "SMO": lambda r: INSURER,
    "SMO_OK": lambda r: "98000",
    "ST_OKATO": lambda r: "98000",
    "SMO_NAM": lambda r: "Страховая «Здоровье»",
    "ID_PAC": lambda r: r.guid,
    "LPU": lambda r: CLINIC,
    "LPU_1": lambda r: f"{r.pick.randrange(1, 30):03d}",
    "PODR": lambda r: str(r.pick.randrange(1, 90)),
    "NPR_MO": _other_clinic,
    "NAPR_MO": _other_clinic,
    "NPR_DATE": lambda r: (r.start - timedelta(days=r.pick.randrange(1, 20))).isoformat(),
    "DATE_Z_1": lambda r: r.start.isoformat(),
    "DATE_1": lambda r: r.start.isoformat(),
    "DATE_IN": lambda r: r.start.isoformat(),
    "DATE_Z_2": lambda r: r.end.isoformat(),
    "DATE_2": lambda r: r.end.isoformat(),
    "DATE_OUT": lambda r: r.end.isoformat(),
    "KD_Z": lambda r: str(r.days),
    "KD": lambda r: str(r.days),
    "SL_ID": lambda r: new_guid(r.pick),
    "IDSERV": lambda r: new_guid(r.pick),
    "PROFIL": lambda r: r.profile,
    "PROFIL_K": lambda r: str(r.pick.randrange(1, 80)),
    "DET": lambda r: "0",
    "P_CEL": lambda r: r.pick.choice(("1.0", "1.2", "2.6")),
    "NHISTORY": _card,
    "P_PER": lambda r: r.pick.choice("1234"),
    "DS1": lambda r: r.diagnosis,
    "DS": lambda r: r.diagnosis,
    "DS0": lambda r: r.diagnosis,
    "DS2": lambda r: _other_diagnosis(r, 0),
    "DS3": lambda r: _other_diagnosis(r, 1),
    "C_ZAB": lambda r: r.pick.choice("123"),
    "DS_ONK": lambda r: "0",
    "VERS_SPEC": lambda r: "V021",
    "PRVS": lambda r: r.specialty,
    "IDDOKT": lambda r: r.doctor,
    "CODE_MD": lambda r: r.doctor,
    "NAZ_IDDOKT": lambda r: r.doctor,
    "ED_COL": lambda r: "1.00",
    "N_KSG": lambda r: f"st{r.pick.randrange(1, 38):02d}.{r.pick.randrange(1, 30):03d}",
    "VER_KSG": lambda r: str(YEAR),
    "KSG_PG": lambda r: "0",
    "KOEF_Z": lambda r: _coefficient(r, 40_000, 420_000),
    "KOEF_UP": lambda r: _coefficient(r, 80_000, 120_000),
    "KOEF_D": lambda r: "1.15700",
    "KOEF_U": lambda r: _coefficient(r, 85_000, 130_000),
    "SL_K": lambda r: "0",
    "BZTSZ": lambda r: "24322.61",
    "CRIT": lambda r: f"sh{r.pick.randrange(1, 999):04d}",
    "IDSL": lambda r: str(r.pick.randrange(1, 30)),
    "Z_SL": _remember_coefficient,
    "IT_SL": lambda r: _coefficient(r, 20_000, 150_000),
    "CODE_USL": _short_code,
    "VID_VME": _short_code,
    "NAPR_USL": _short_code,
    "NAZ_USL": _short_code,
    "USL": lambda r: "Приём врача-специалиста " + surname(r.pick).lower(),
    "KOL_USL": lambda r: f"{r.services[r.service][0]}.00",
    "SUMV_USL": _service_amount,
    "SUM_M": lambda r: roubles(r.case_kop),
    "SUMV": lambda r: roubles(r.case_kop),
    "SUMP": lambda r: roubles(r.case_kop),
    "MR_N": _counted,
    "NAZ_N": _counted,
    "COMENTSL": _remark,
    "COMENTU": _remark,
    "COMENTP": _remark,
    "DATA_INJ": lambda r: r.between().isoformat(),
    "DATE_INJ": lambda r: r.between().isoformat(),
    "REGNUM": lambda r: f"{r.pick.randrange(1, 2000):06d}",
    "CODE_SH": lambda r: f"sh{r.pick.randrange(1, 999):04d}",
    "DOSE_INJ": lambda r: roubles(r.pick.randrange(100, 50_000)),
    "VID_HMP": lambda r: f"09.00.{r.pick.randrange(1, 60):02d}.{r.pick.randrange(1, 9):03d}",
    "TAL_NUM": lambda r: f"98.0000.{r.pick.randrange(100_000):05d}.221",
    "TAL_D": lambda r: (r.start - timedelta(days=30)).isoformat(),
    "TAL_P": lambda r: r.start.isoformat(),
    "FAM": lambda r: surname(r.pick),
    "IM": lambda r: r.pick.choice(_NAMES),
    "OT": lambda r: r.pick.choice(_FATHERS),
    "FAM_P": lambda r: surname(r.pick),
    "IM_P": lambda r: r.pick.choice(_NAMES),
    "OT_P": lambda r: r.pick.choice(_FATHERS),
    "W": lambda r: r.sex,
    "W_P": lambda r: "2",
    "DR": _born,
    "DR_P": _born,
    "TEL": lambda r: f"+7 000 {r.pick.randrange(1000):03d}-{r.pick.randrange(100):02d}-{r.pick.randrange(100):02d}",
    "MR": lambda r: r.pick.choice(_TOWNS),
    "DOCTYPE": lambda r: "14",
    "DOCSER": lambda r: f"98 {r.pick.randrange(100):02d}",
    "DOCNUM": lambda r: f"{r.pick.randrange(10**6):06d}",
    "DOCDATE": lambda r: (date(2005, 1, 1) + timedelta(days=r.pick.randrange(6000))).isoformat(),
    "DOCORG": lambda r: r.pick.choice(_OFFICES),
    "SNILS": lambda r: snils(r.pick),
    "OKATOG": lambda r: "98000000000",
    "OKATOP": lambda r: "98000000000",
    "DOST": lambda r: "1",
}


def value(item: Field, record: Record) -> str:
    """A text for a leaf that its format accepts: what the scenario fixes, else by tag, else by type."""
    maker = BY_TAG.get(item.name)
    text = record.codes.get(item.name) or (_tariff(item, record) if item.name == "TARIF" else maker(record) if maker else "")
    if item.values and text not in item.values:
        return record.pick.choice(item.values)
    if item.form == "D":
        return text or record.between().isoformat()
    if item.form == "T":
        return text[: item.length] or str(record.pick.randrange(1, 10 ** min(item.length, 3)))
    whole, _, fraction = text.partition(".")
    if text and len(whole) <= item.length - item.decimals and len(fraction) <= item.decimals:
        return text
    whole = str(record.pick.randrange(1, 10 ** min(item.length - item.decimals, 2)))
    return f"{whole}.{record.pick.randrange(10**item.decimals):0{item.decimals}d}" if item.decimals else whole


def _tariff(item: Field, record: Record) -> str:
    """TARIF stands at the case and at the service."""
    return roubles(record.services[record.service][1] if item.parent.endswith("/USL") else record.case_kop)
