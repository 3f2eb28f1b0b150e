"""What is care in the made-up territory? Clinics, groups, services, diagnoses: real codes, typed in, with our own short wording.

Codes, weights of the КСГ (V023 of 2022) and links of ВМП methods (V018, V019 of 2022) are facts of the official books; tariffs,
rates
and everything about clinics and insurers are invented. Nothing here is read by the engine: it only decides what the clinics bill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TERRITORY: Final = "75"
OKATO: Final = "76000"
#: Insurers that do not exist in the real book.
INSURERS: Final = {"75901": "Север-М", "75902": "Даурия-Полис", "75903": "Забота-75"}
#: Territory code -> (OKATO, insurer that does not exist in the real book).
OTHERS: Final = {"03": ("81000", "03901"), "38": ("25000", "38901"), "54": ("50000", "54901")}
PLACES: Final = {"city": "1.20000", "district": "1.34500", "north": "1.50000"}

MALE, FEMALE, BOTH = 1, 2, 0


@dataclass(frozen=True, slots=True)
class Template:
    """A typical case: where, by whom, for whom, with which diagnoses.

    code is the КСГ, the service or the method; empty for visits. days: length of the treatment from-to.
    """

    code: str
    profil: int
    bed: int
    prvs: int
    sex: int
    ages: tuple[int, int]
    diagnoses: tuple[str, ...]
    days: tuple[int, int] = (1, 1)
    share: int = 1


def _group(line: str) -> Template:
    """`code profil bed prvs sex age-age days-days share diagnoses`, separated by blanks."""
    code, profil, bed, prvs, sex, ages, days, share, diagnoses = line.split()
    low, high = ages.split("-")
    first, last = days.split("-")
    return Template(
        code if code != "-" else "", int(profil), int(bed), int(prvs), {"m": MALE, "f": FEMALE, "a": BOTH}[sex],
        (int(low), int(high)), tuple(diagnoses.split(",")), (int(first), int(last)), int(share),
    )  # fmt: skip


def _groups(text: str) -> tuple[Template, ...]:
    return tuple(_group(line) for line in text.strip().splitlines())


#: Inpatient groups, general care (file H).
INPATIENT: Final = _groups("""
st02.001 136 2 2 f 16-45 4-9 4 O21.0,O26.8,O47.0,O14.1
st02.003 136 1 2 f 16-45 3-6 5 O80.0,O80.1
st02.004 136 1 2 f 16-45 5-8 3 O82.0,O82.1
st02.010 136 6 2 f 18-70 2-3 2 N84.0,N92.0
st04.001 11 14 8 a 18-90 7-12 3 K25.3,K26.3
st04.005 11 14 8 a 18-90 7-12 3 K86.1
st12.001 28 24 24 a 18-90 4-8 3 A08.4,A09.9
st12.002 28 24 24 a 0-17 4-8 5 A08.0,A08.3
st12.011 28 24 24 a 0-17 2-6 6 J06.9,J04.0
st12.015 28 24 24 a 18-99 7-14 5 U07.1
st13.001 29 28 25 a 35-95 7-12 4 I20.0,I21.4
st13.004 29 26 25 a 18-95 6-10 4 I48.0,I47.1
st15.003 53 34 35 a 40-95 8-12 2 G20,G30.1
st15.007 53 34 35 a 18-90 8-12 3 G62.9,G54.4
st15.014 53 34 35 a 40-99 10-16 4 I63.3,I63.4
st15.017 53 34 35 a 40-99 8-12 4 I67.8,I67.2
st16.003 53 34 35 a 18-90 7-11 4 M51.1,M54.4
st16.005 54 38 36 a 0-90 2-4 3 S06.0
st18.001 56 41 38 a 18-90 8-14 2 N18.4,N18.5
st20.005 162 50 45 a 18-80 3-5 3 J34.2,J35.0
st21.002 65 52 46 a 45-95 2-3 5 H25.1,H26.2
st22.002 68 55 49 a 1-17 5-9 5 K29.5,K59.0
st23.004 75 63 55 a 0-99 8-12 7 J18.0,J18.9
st23.005 75 63 55 a 18-90 8-11 3 J45.0,J45.1
st25.008 112 79 90 a 18-80 4-7 3 I83.9,I83.1
st27.001 97 71 76 a 18-95 6-9 3 K29.3,K20
st27.003 97 71 76 a 18-95 6-9 3 K80.2,K81.1
st27.005 97 71 76 a 18-99 6-10 6 I11.9,I10
st27.008 97 71 76 a 35-99 7-11 4 I50.0,I42.9
st27.010 97 71 76 a 18-95 5-9 4 J20.9,J40
st27.011 75 63 55 a 40-99 8-11 4 J44.1,J44.8
st29.004 100 74 79 a 0-99 3-7 4 S42.00,S22.30
st29.005 100 74 79 a 0-99 3-8 4 S82.60,S83.6
st29.009 100 74 79 a 18-90 4-8 3 M20.1,M23.2
st30.002 108 77 84 a 18-90 4-8 3 N20.0,N20.1
st30.004 108 77 84 m 45-95 6-9 3 N40,N41.1
st30.006 108 77 84 m 18-90 3-5 2 N43.3,N47
st31.002 112 79 90 a 18-95 3-6 3 L72.1,D17.1
st31.012 77 65 59 a 40-95 8-12 3 M17.0,M15.0
st32.001 112 79 90 a 18-90 5-8 4 K80.1,K80.0
st32.011 112 79 90 a 18-90 4-6 3 K35.8,K36
st32.013 112 79 90 a 18-90 4-6 4 K40.9,K42.9
st10.003 20 22 21 a 1-17 5-7 4 K35.8,K36
st11.001 21 23 22 a 1-17 8-11 2 E10.9,E10.7
st35.001 122 85 92 a 18-95 8-11 4 E11.7,E11.6
st38.001 14 71 11 a 65-99 9-13 2 R54,I69.8
""")
#: A newborn, treated before the registration of its birth (NOVOR).
NEWBORN: Final = _group("st17.005 55 39 37 a 0-0 4-8 1 P59.9,P36.9")
#: Blood given back to the patient after an operation: a group beside that of the operation (law.md 8.6), and its service.
BLOOD: Final = _group("st36.009 112 79 90 a 18-90 1-1 1 K40.9,K42.9")
BLOOD_SERVICE: Final = "A16.20.078"
#: Day-hospital groups, general care (file H).
DAY: Final = _groups("""
ds02.002 136 6 2 f 18-70 6-9 3 N70.1,N80.0
ds04.001 11 14 8 a 18-90 7-10 4 K29.3,K86.1
ds12.007 28 24 24 a 1-17 5-8 3 B27.9,A08.3
ds13.001 29 26 25 a 18-95 7-10 5 I25.1,I11.9
ds15.001 53 34 35 a 18-95 7-10 5 G62.9,G54.4
ds16.001 53 34 35 a 18-95 7-10 5 M51.1,M42.1
ds18.004 56 41 38 a 18-90 7-10 2 N11.1,N11.0
ds20.001 162 50 45 a 18-90 5-8 2 H66.1,J32.0
ds21.002 65 52 46 a 45-95 1-2 4 H25.1,H26.2
ds22.002 68 55 49 a 1-17 6-9 4 K29.5,K59.0
ds23.001 75 63 55 a 18-95 7-10 4 J44.8,J45.0
ds29.004 77 65 59 a 40-95 7-10 4 M17.1,M15.0
ds30.001 108 77 84 a 18-90 6-9 3 N30.1,N30.2
ds32.003 112 79 90 a 18-90 3-5 2 K40.9,K42.9
ds35.001 122 85 92 a 18-95 7-10 4 E11.7,E11.6
""")
#: Oncology (file C): drug therapy, radiotherapy, surgery; the last field of a diagnosis is its category for stages.
ONCO_INPATIENT: Final = _groups("""
st19.004 60 44 41 a 35-90 8-12 2 C18.7,C18.2
st19.014 60 42 41 f 30-90 7-10 3 C50.4,C50.8
st19.108 60 42 41 a 25-90 2-4 4 C34.1,C16.2
st19.111 60 42 41 a 25-90 2-5 3 C50.4,C18.7
st19.038 60 42 41 a 25-90 1-2 1 C50.4,C16.2
st19.075 60 42 41 a 25-90 4-8 2 C34.1,C50.8
st19.094 60 42 41 a 25-90 4-8 2 C83.3
""")
ONCO_DAY: Final = _groups("""
ds19.080 60 42 41 a 25-90 4-6 3 C50.4,C18.7
ds19.082 60 42 41 a 25-90 4-6 3 C34.1,C16.2
ds19.085 60 42 41 a 25-90 4-7 2 C18.2,C50.8
""")
#: Visits and обращения: profile and specialty of the doctor.
OUTPATIENT: Final = _groups("""
- 97 0 76 a 18-99 6-15 30 I11.9,J06.9,K29.3,M54.5,J20.9,I25.1
- 57 0 39 a 18-99 6-15 10 J06.9,I10,K59.0,M54.2
- 68 0 49 a 0-17 5-12 60 J06.9,J20.9,J00,L20.8,K59.0
- 53 0 35 a 18-95 6-15 8 M54.4,G54.4,I67.8
- 29 0 25 a 18-95 6-15 7 I25.1,I48.0,I11.9
- 122 0 92 a 18-95 6-15 6 E11.7,E03.8,E04.1
- 108 0 84 a 18-95 6-15 4 N30.1,N20.0,N11.1
- 136 0 2 f 15-80 6-15 10 N76.0,N72,N92.0
- 65 0 46 a 3-99 5-12 7 H10.1,H52.1,H25.1
- 162 0 45 a 3-95 5-12 7 H66.1,J32.0,J35.0
- 112 0 90 a 18-95 5-12 7 L02.4,S61.0,K40.9
- 100 0 79 a 5-95 6-15 6 S82.60,S93.4,M17.0
- 20 0 21 a 1-17 5-12 6 L02.4,K40.9,S61.0
- 21 0 22 a 1-17 6-15 3 E10.9,E03.8
- 171 0 69 a 18-95 5-10 9 K02.1,K04.0,K05.3
- 86 0 68 a 3-17 5-10 9 K02.1,K04.0
- 16 0 17 a 1-95 5-12 4 L20.8,L30.8
- 11 0 8 a 18-95 6-15 3 K29.3,K86.1
- 14 0 11 a 65-99 6-15 3 R54,I69.8
""")
ONCO_OUTPATIENT: Final = _groups("""
- 60 0 41 a 25-95 6-12 1 C50.4,C34.1,C18.7,C16.2
""")
#: Services paid one by one: CODE_USL, profile of radiology.
SERVICES: Final = _groups("""
A06.30.005 78 0 60 a 18-95 1-1 3 M51.1,K86.1
A06.23.004 78 0 60 a 18-95 1-1 3 G54.4,I67.8
A06.09.005 78 0 60 a 18-95 1-1 4 J18.9,J44.8
A05.23.009 78 0 60 a 18-95 1-1 3 I67.8,G62.9
A05.04.001 78 0 60 a 18-95 1-1 2 M17.0,M51.1
A05.03.002 78 0 60 a 5-95 1-1 2 M51.1,M54.4
A04.16.001 106 0 81 a 5-95 1-1 4 K29.3,K81.1
""")
#: Ultrasound of the belly and of one organ in it: these may stand in one case, tomography may not.
ULTRASOUND: Final = ("A04.16.001", "A04.14.001")
#: Two ways of dialysis, one session a day of either; what a session is not paid without, and what its price includes.
DIALYSIS, COMPANION, INCLUDED = ("A18.05.002", "A18.05.011"), "A12.28.006", "A11.12.001"
#: A service with limits for one person: a day, a month.
COUNTED_SERVICE, PER_DAY, PER_MONTH = "A05.10.004", 3, 10
#: The inpatient group whose stays have dialysis.
DIALYSIS_GROUP: Final = "st18.001"
#: Inside the per-capita money: counted, not paid.
PER_CAPITA: Final = _groups("""
B03.016.002 34 0 26 a 0-99 1-1 4 Z01.7,Z00.0
A05.10.006 111 0 89 a 18-99 1-1 3 Z01.8,I11.9
A04.16.001 106 0 81 a 5-99 1-1 3 Z01.8,K29.3
A06.09.007 78 0 60 a 18-99 1-1 2 Z01.6,J20.9
""")
CALLS: Final = _groups("""
B01.044.001 84 0 66 a 18-99 1-1 8 I11.9,I20.0,J45.0,R10.4
B01.044.002 84 0 66 a 0-17 1-1 6 R50.9,J06.9,J38.5
""")
#: First-stage examinations: services of the examination, each listed at no price of its own.
EXAM_SERVICES: Final = ("B04.047.001", "A02.26.015", "A05.10.002", "A09.05.026", "A06.09.006")
#: ВМП of section I: method (V019), the rest as above; kind (V018) and norm stand in VMP.
METHODS: Final = _groups("""
44 81 66 65 a 40-85 5-9 4 I20.8,I25.1
1061 100 74 79 a 40-85 8-12 3 M16.4,M16.5
1063 100 74 79 a 35-85 8-12 2 M16.2,M16.3
3 65 52 46 a 45-90 3-6 3 H40.1,H26.1
1097 122 85 92 a 18-80 8-12 2 E11.5,E11.7
1240 112 79 90 a 25-80 8-14 1 K86.0,K86.1
21 108 77 84 a 18-80 6-9 2 N28.1,N13.0
2580 162 50 45 a 18-80 5-8 1 D14.0,D14.1
""")


@dataclass(frozen=True, slots=True)
class Vmp:
    """A method of V019: its kind in V018, the group of the norm, diagnoses of the book, norm and wage share of the agreement."""

    kind: str
    diagnoses: str
    norm: str
    wage_share: str
    agreed: bool = True


VMP: Final = {
    3: Vmp("182", "Q15.0;H26.0;H26.1;H26.2;H26.3;H26.4;H40.1;H40.2;H40.3;H40.4;H40.5;H40.6;H40.8", "69314.25", "0.37"),
    21: Vmp("186", "N28.1;Q61.0;N13.0;N13.1;N13.2;I86.1;N28.0;N28.8;N28.9", "112846.5", "0.23"),
    44: Vmp("183", "I20.1;I20.8;I25.0;I25.1;I25.2;I25.3;I25.4;I25.5;I25.6;I25.8;I25.9", "171337.17", "0.18"),
    1061: Vmp("223", "M16.4;M16.5", "190142.3", "0.31"),
    1063: Vmp("223", "M16.2;M16.3", "190142.3", "0.31"),
    1097: Vmp("212", "E10.2;E10.4;E10.5;E10.7;E11.2;E11.4;E11.5;E11.7", "118223.71", "0.14"),
    1240: Vmp("1", "K86.0;K86.1;K86.2;K86.3;K86.8", "187663.43", "0.29"),
    2580: Vmp("457", "D14.0;D14.1;D10.0;D10.1;D10.2;D10.3;D10.4;D10.5;D10.6;D10.7;D10.9", "86123.9", "0.33"),
    # A method of the book without a norm in the agreement: what a clinic may bill and nobody agreed to pay.
    52: Vmp("189", "M34.0;M34.1;M34.2;M34.8;M34.9", "", "", agreed=False),
}

#: КСГ -> (weight, wage share, surgical, optimal stay up to three days, specificity). Weights are those of V023 in 2022; the
#: wage shares are invented, as a territory would print them.
_KSG_TEXT: Final = """
st02.001 0.93 0.6242 0 1 1
st02.003 0.98 0.6351 1 1 1
st02.004 1.01 0.6288 1 1 1
st02.010 0.39 0.5918 1 1 1
st04.001 0.89 0.4912 0 0 0.95
st04.005 0.87 0.4876 0 0 1
st12.001 0.58 0.6109 0 0 0.8
st12.002 0.62 0.6187 0 0 1
st12.011 0.50 0.6298 0 1 1
st12.015 2.87 0.5513 0 0 1
st13.001 1.42 0.4689 0 0 1
st13.004 1.12 0.4901 0 0 1
st15.003 0.84 0.5432 0 0 1
st15.007 1.02 0.5377 0 0 1
st15.014 2.52 0.4719 0 0 1.1
st15.017 0.82 0.5511 0 0 0.8
st16.003 0.68 0.5629 0 0 0.8
st16.005 0.40 0.5902 0 1 1
st17.005 1.39 0.5833 0 0 1
st18.001 1.66 0.4378 0 0 1
st20.005 0.84 0.5718 1 1 1
st21.002 0.79 0.4927 1 1 1
st22.002 0.39 0.6199 0 0 1
st23.004 1.28 0.5266 0 0 1.15
st23.005 1.11 0.5128 0 0 1
st25.008 1.20 0.5047 1 0 1
st27.001 0.74 0.5681 0 0 0.8
st27.003 0.72 0.5594 0 0 0.8
st27.005 0.70 0.5743 0 0 0.8
st27.008 0.78 0.5512 0 0 0.9
st27.010 0.75 0.5637 0 0 0.8
st27.011 0.89 0.5461 0 0 1
st29.004 0.56 0.5822 0 0 1
st29.005 0.74 0.5719 0 0 1
st29.009 0.79 0.5399 1 0 1
st30.002 0.49 0.5917 0 0 1
st30.004 0.73 0.5648 0 0 1
st30.006 1.20 0.5372 1 1 1
st31.002 0.55 0.5839 1 0 1
st31.012 0.76 0.5511 0 0 0.8
st32.001 1.15 0.5244 1 0 1.05
st32.011 0.73 0.5527 1 0 1
st32.013 0.86 0.5436 1 0 1
st10.003 0.77 0.5588 1 0 1
st11.001 1.51 0.4933 0 0 1
st35.001 1.02 0.5094 0 0 1
st38.001 1.50 0.5417 0 0 1
st36.009 2.05 0.2914 1 1 1
st19.004 3.05 0.4618 1 0 1
st19.014 2.79 0.4722 1 0 1
st19.108 1.37 0.1863 0 0 1
st19.111 3.53 0.0914 0 0 1
st19.038 1.24 0.2317 1 1 1
st19.075 0.79 0.4411 0 0 1
st19.094 1.46 0.3125 0 0 1
ds02.002 0.66 0.5961 0 0 1
ds04.001 0.89 0.5513 0 0 1
ds12.007 0.97 0.5429 0 0 1
ds13.001 0.80 0.5694 0 0 1
ds15.001 0.98 0.5521 0 0 1
ds16.001 0.94 0.5478 0 0 1
ds18.004 0.80 0.5606 0 0 1
ds20.001 0.74 0.5622 0 0 1
ds21.002 0.67 0.4839 1 1 1
ds22.002 0.89 0.5718 0 0 1
ds23.001 0.90 0.5537 0 0 1
ds29.004 1.05 0.5402 0 0 1
ds30.001 0.80 0.5573 0 0 1
ds32.003 1.57 0.5018 1 0 1
ds35.001 1.08 0.5466 0 0 1
ds19.080 0.49 0.3127 0 0 1
ds19.082 2.03 0.1246 0 0 1
ds19.085 4.93 0.0638 0 0 1
"""


@dataclass(frozen=True, slots=True)
class Ksg:
    """One line of the group table of the agreement, decimals as text."""

    weight: str
    wage_share: str
    surgical: bool
    short_stay: bool
    specificity: str
    uses_level: bool


#: Groups that the level of the clinic does not touch (as some are in the real list).
_NO_LEVEL: Final = frozenset({"st12.015", "st19.108", "st19.111", "ds19.080", "ds19.082", "ds19.085", "st13.001", "st36.009"})
KSG: Final = {
    code: Ksg(weight, share, surgical == "1", short == "1", specificity, code not in _NO_LEVEL)
    for code, weight, share, surgical, short, specificity in (line.split() for line in _KSG_TEXT.strip().splitlines())
}
#: КСЛП of the agreement: code -> (value, territorial coefficient applies): old age, a severe second disease, a long stay, a
#: parent beside a child; drugs of cancer.
KSLP: Final = {
    1: ("0.20000", True), 2: ("0.60000", True), 3: ("0.15500", True), 4: ("0.20000", True), 15: ("0.29000", False),
}  # fmt: skip
#: What they ask for: whole years at least, categories of the second disease, days over, whole years at most.
OLD_AGE, SEVERE, LONG_STAY, CHILD = 75, ("I69",), 9, 17

#: Level of the inpatient clinic -> coefficients inpatient, day.
LEVELS: Final = {
    "1": ("0.85000", "0.95000"),
    "2": ("1.00000", "1.00000"),
    "2.5": ("1.08500", "1.00000"),
    "3": ("1.25000", "1.10000"),
}
BASE_RATES: Final = {"ksg_inpatient": "25934.1275", "ksg_day": "15412.335"}
WAGE_SHARE_DEFAULT: Final = "0.55"

#: Tariffs in roubles: profile -> (visit, обращение).
OUTPATIENT_TARIFFS: Final = {
    97: ("512.3325", "1438.75"), 57: ("498.16", "1402.2"), 68: ("634.5075", "1711.94"), 53: ("588.41", "1633.08"),
    29: ("671.235", "1802.17"),
    122: ("655.8", "1798.6"), 108: ("540.27", "1499.31"), 136: ("601.445", "1688.02"), 65: ("430.19", "1204.53"),
    162: ("447.385", "1253.67"),
    112: ("455.06", "1287.4"), 100: ("472.91", "1333.33"), 20: ("549.7", "1522.48"), 21: ("702.115", "1899.99"),
    171: ("601.2", "1322.64"),
    86: ("661.32", "1454.9"), 16: ("402.55", "1131.07"), 11: ("533.17", "1477.77"), 14: ("580.0", "1599.5"),
    60: ("712.605", "1946.3"),
}  # fmt: skip
#: A profile that clinics are licensed for and the agreement has no tariff of.
UNPRICED_PROFIL, UNPRICED_PRVS = 4, 3
#: A profile with a tariff that no clinic is licensed for.
UNLICENSED_PROFIL, UNLICENSED_PRVS = 77, 59
#: A profile whose licence ended in 2021 everywhere, with a tariff.
LAPSED_PROFIL, LAPSED_PRVS = 56, 38
#: A profile with a tariff and licences that the basic programme does not have: psychiatry; a specialty: manual therapy.
OUTSIDE_PROFIL, OUTSIDE_PRVS = 72, 33
#: A nurse, who has no appointments of her own.
NURSE: Final = 206
SPECIAL_TARIFFS: Final = {77: ("612.4", "1703.2"), 56: ("644.9", "1777.1"), OUTSIDE_PROFIL: ("633.3", "1740.2")}
#: In kopecks: a registry shows the tariff with two decimals and SUMV_USL is KOL_USL times it.
SERVICE_TARIFFS: Final = {
    "A06.30.005": "3412.66", "A06.23.004": "2876.1", "A06.09.005": "2954.34", "A05.23.009": "4018.9", "A05.04.001": "3897.25",
    "A05.03.002": "4120.0", "A04.16.001": "1066.4", "A04.14.001": "588.91",
}  # fmt: skip
CALL_TARIFFS: Final = {"2": "3127.655", "21": "4218.3"}
#: letters, sex, ages, tariff. The gap of the oldest is not in any file: nobody of that age is examined.
EXAM_TARIFFS: Final = (
    ("DP", "1", 18, 39, "2144.37"), ("DP", "2", 18, 39, "2418.605"), ("DP", "1", 40, 64, "2986.12"),
    ("DP", "2", 40, 64, "3311.445"),
    ("DP", "*", 65, 99, "2511.9"), ("DO", "1", 18, 39, "1688.235"), ("DO", "2", 18, 39, "1902.5"),
    ("DO", "*", 40, 99, "2015.775"), ("DV", "*", 18, 99, "1377.4"),
)  # fmt: skip

#: What a clinic does: kinds of care by number of the clinic, its level, its place.
POLYCLINICS: Final = ("750901", "750902", "750903", "750904", "750905", "750906")
DISTRICT_HOSPITALS: Final = ("750907", "750908", "750909", "750910", "750911", "750912")
CITY_HOSPITALS: Final = ("750913", "750914", "750916", "750919")
CLINICS: Final = {
    "750901": ("Поликлиника 1", "1", "city"), "750902": ("Поликлиника 2", "1", "city"), "750903": ("Поликлиника 3", "1", "city"),
    "750904": ("Поликлиника 4", "2", "city"), "750905": ("Поликлиника 5", "1", "district"),
    "750906": ("Поликлиника 6", "1", "district"),
    "750907": ("Районная больница 1", "1", "district"), "750908": ("Районная больница 2", "1", "district"),
    "750909": ("Районная больница 3", "1", "district"), "750910": ("Районная больница 4", "2", "district"),
    "750911": ("Районная больница 5", "1", "north"), "750912": ("Районная больница 6", "1", "north"),
    "750913": ("Краевая больница", "3", "city"), "750914": ("Городская больница 1", "2.5", "city"),
    "750915": ("Онкологический центр", "3", "city"), "750916": ("Городская больница 2", "2", "city"),
    "750917": ("Станция скорой помощи", "1", "city"), "750918": ("Диагностический центр", "2", "city"),
    "750919": ("Детская больница", "2.5", "city"), "750920": ("Клиника «Семья»", "1", "city"),
}  # fmt: skip
#: A clinic that could give high-tech care and has no quota of it.
WITHOUT_QUOTA: Final = "750916"
#: A clinic that left the register at the end of 2021 and is still in the federal book.
CLOSED_CLINIC: Final = "750921"
#: A clinic of another territory that does not exist either.
CLINIC_ELSEWHERE: Final = "030901"


#: Doctors of a specialty in a clinic.
DOCTORS: Final = 5


def doctor(mo: str, prvs: int, number: int = 1) -> str:
    """Code of a worker of a clinic by specialty and number."""
    return f"{mo[3:]}{prvs:03d}{number:03d}"


#: Where each kind of care is given.
PROVIDERS: Final = {
    "visit": (*POLYCLINICS, *DISTRICT_HOSPITALS, "750913", "750919", "750920"),
    "episode": (*POLYCLINICS, *DISTRICT_HOSPITALS, "750920"),
    "per_capita": (*POLYCLINICS, *DISTRICT_HOSPITALS),
    "service": ("750913", "750914", "750918"),
    "ksg_day": (*POLYCLINICS[:4], *DISTRICT_HOSPITALS[:4], "750916"),
    "ksg_inpatient": (*DISTRICT_HOSPITALS, *CITY_HOSPITALS),
    "call": ("750917",),
    "exam": ("750901", "750903", "750905", "750907", "750910"),
    "vmp": ("750913", "750914"),
    "onco": ("750915", "750916"),
}
#: A standard of care (CODE_MES1) of endocrinology that is paid once in so many days.
STANDARD, STANDARD_PROFIL, STANDARD_DAYS = "75.122.1", 122, 20
#: Clinics that take planned patients by referral of the clinic of attachment only.
BY_REFERRAL: Final = ("750913", "750916", "750918")
#: Clinics that still send version 3.1 of file H, by month.
OLD_VERSION: Final = {
    "2022-02": ("750902", "750903", "750904", "750908", "750913", "750919"),
    "2022-03": ("750902", "750908", "750919"),
}
#: A line that the commission never decided a plan of (March): clinic, line. It gets a handful of cases of its own.
UNPLANNED: Final = ("750919", "episode")
#: Lines of March that run out: clinic, line, what ends first.
SCARCE: Final = (("750910", "exam", "volume"), ("750918", "service", "money"))

#: Stage and TNM codes of N002-N005 by category of the diagnosis: (STAD, ONK_T, ONK_N, ONK_M).
STAGES: Final = {
    "C16": (5, 7, 2, 1), "C18": (23, 28, 12, 5), "C34": (132, 176, 87, 49), "C50": (257, 297, 191, 119),
    "C83": (165, 192, 107, 62),
}  # fmt: skip
#: A tumour of which a cancer is suspected.
SUSPICION: Final = "D24"
#: Group of oncology -> kind of treatment (USL_TIP); a visit is for diagnosis.
ONCO_TREATMENT: Final = {
    "": 6, "st19.004": 1, "st19.014": 1, "st19.108": 2, "st19.111": 2, "st19.038": 5, "st19.075": 3, "st19.094": 2,
    "ds19.080": 2, "ds19.082": 2, "ds19.085": 2,
}  # fmt: skip
#: Group -> criterion of V024 that it needs.
CRITERIA: Final = {
    "st12.015": "stt1", "st19.075": "fr01-05",
    **dict.fromkeys(("st19.108", "st19.111", "ds19.080", "ds19.082", "ds19.085"), "sh0052"),
}  # fmt: skip
#: Histology (1) and markers (2) by category of the diagnosis: kind, code of N007 or N010, result of N008 or N011.
INDICATORS: Final = {"C16": ((1, 1, 1),), "C18": ((1, 1, 1),), "C34": ((1, 4, 9),), "C50": ((1, 1, 1), (2, 8, 17))}
#: Which indicator is asked of which category (N009, N012), and which result belongs to which indicator (N008, N011).
HISTOLOGY: Final = (("C16", 1), ("C18", 1), ("C34", 1), ("C34", 4), ("C50", 1), ("C56", 3))
HISTOLOGY_RESULTS: Final = ((1, 1), (2, 1), (5, 3), (9, 4), (10, 4))
MARKERS: Final = (("C16", 1), ("C18", 4), ("C34", 5), ("C50", 8), ("C50", 9))
MARKER_RESULTS: Final = ((1, 1), (9, 4), (11, 5), (17, 8), (18, 8), (19, 9))
#: Categories of lymphoid tissue, whose drugs belong to no scheme, and the word that stands in its place.
WITHOUT_SCHEME, NO_SCHEME = ("C83",), "нет"
#: The coronavirus, the scheme of its drugs, in files of edition 3.2.
CORONAVIRUS: Final = ("U07.1", "U07.2")
CORONAVIRUS_GROUP, CORONAVIRUS_SCHEME = "st12.015", "covid1"
#: Drug scheme and substance: CODE_SH of V024, REGNUM of N020.
DRUG: Final = ("sh0052", "000830")
#: A criterion of antimicrobial therapy, which is no scheme of cancer; a substance of no scheme here.
OTHER_SCHEME, OTHER_DRUG = "amt01", "000764"

#: Services that implant a device: the artificial lens of the eye.
IMPLANTS: Final = ("A16.65.001",)
#: A consultation at a distance.
TELEMEDICINE: Final = "A23.30.099.005"
#: A device of the book of medical devices.
DEVICE: Final = 152690

BEDS: Final = {
    1: ("акушерские", "maternity"), 2: ("патологии беременности", "pathology of pregnancy"),
    6: ("гинекологические", "gynaecology"),
    14: ("гастроэнтерологические", "gastroenterology"), 22: ("детские хирургические", "paediatric surgery"),
    23: ("детские эндокринологические", "paediatric endocrinology"), 24: ("инфекционные", "infectious diseases"),
    26: ("кардиологические", "cardiology"), 28: ("для больных с инфарктом", "infarction"), 34: ("неврологические", "neurology"),
    38: ("нейрохирургические", "neurosurgery"), 39: ("для новорождённых", "newborns"), 41: ("нефрологические", "nephrology"),
    42: ("онкологические", "oncology"), 44: ("онкологические абдоминальные", "abdominal oncology"),
    50: ("ЛОР", "ear, nose and throat"),
    52: ("глазные", "eye"), 55: ("педиатрические", "paediatric"), 63: ("пульмонологические", "pulmonology"),
    65: ("ревматологические", "rheumatology"), 66: ("кардиохирургические", "heart surgery"), 71: ("терапевтические", "therapy"),
    74: ("травматологические", "trauma"), 77: ("урологические", "urology"), 79: ("хирургические", "surgery"),
    85: ("эндокринологические", "endocrinology"),
}  # fmt: skip
SPECIALTIES: Final = {
    2: ("акушер-гинеколог", "obstetrician"), 3: ("аллерголог", "allergist"), 8: ("гастроэнтеролог", "gastroenterologist"),
    11: ("гериатр", "geriatrician"), 17: ("дерматолог", "dermatologist"), 21: ("детский хирург", "paediatric surgeon"),
    22: ("детский эндокринолог", "paediatric endocrinologist"), 24: ("инфекционист", "infectious disease doctor"),
    25: ("кардиолог", "cardiologist"), 26: ("врач лаборатории", "laboratory doctor"), 35: ("невролог", "neurologist"),
    36: ("нейрохирург", "neurosurgeon"), 37: ("неонатолог", "neonatologist"), 38: ("нефролог", "nephrologist"),
    39: ("семейный врач", "family doctor"), 41: ("онколог", "oncologist"), 45: ("ЛОР", "ENT doctor"),
    46: ("окулист", "eye doctor"),
    49: ("педиатр", "paediatrician"), 55: ("пульмонолог", "pulmonologist"), 59: ("ревматолог", "rheumatologist"),
    60: ("рентгенолог", "radiologist"), 65: ("сердечно-сосудистый хирург", "heart surgeon"),
    66: ("врач скорой", "ambulance doctor"),
    68: ("детский стоматолог", "paediatric dentist"), 69: ("стоматолог", "dentist"), 76: ("терапевт", "therapist"),
    79: ("травматолог", "trauma doctor"), 81: ("врач УЗД", "ultrasound doctor"), 84: ("уролог", "urologist"),
    89: ("врач функциональной диагностики", "functional diagnostics doctor"), 90: ("хирург", "surgeon"),
    92: ("эндокринолог", "endocrinologist"), OUTSIDE_PRVS: ("мануальный терапевт", "manual therapist"),
    NURSE: ("лечебное дело", "medical care"),
}  # fmt: skip

#: First letters of ICD-10 codes in our own words, for the book M001 of the territory.
CHAPTERS: Final = {
    "A": ("инфекция", "infection"), "B": ("инфекция", "infection"), "C": ("злокачественная опухоль", "malignant tumour"),
    "D": ("опухоль или болезнь крови", "tumour or blood disease"), "E": ("обмен веществ", "metabolism"),
    "F": ("психика", "mental health"),
    "G": ("нервная система", "nervous system"), "H": ("глаз или ухо", "eye or ear"), "I": ("кровообращение", "circulation"),
    "J": ("дыхание", "breathing"), "K": ("пищеварение", "digestion"), "L": ("кожа", "skin"),
    "M": ("кости и суставы", "bones and joints"),
    "N": ("мочеполовая система", "urogenital system"), "O": ("беременность и роды", "pregnancy and birth"),
    "P": ("новорождённый", "newborn"),
    "Q": ("врождённое", "congenital"), "R": ("симптом", "symptom"), "S": ("травма", "injury"),
    "T": ("отравление или ожог", "poisoning or burn"),
    "U": ("особый код", "special code"), "Z": ("осмотр и наблюдение", "examination and observation"),
}  # fmt: skip
#: Other diagnoses of the book, `category digits`: so that it is a few hundred codes long.
_MORE: Final = (
    "A02 0189 A04 0123456789 A05 012489 A08 01234 A09 09 A15 0123 A41 0123458 A46 - B01 0189 B02 012389 B15 09 B16 0129 "
    "B18 0129 B27 019 B34 0129 B37 0123489 C16 012345689 C18 0123456789 C34 01239 C50 012345689 C61 - C73 - C20 - "
    "B96 2 D24 - G45 9 Z02 0 Z41 1 "
    "D17 01234567 D25 0129 D50 0189 D64 0123489 E03 012348 E04 01289 E05 0129 E10 012345679 E11 012345679 E66 01289 "
    "E78 012345 F32 0123 F41 0123 G20 - G30 0189 G40 012345 G43 01239 G54 0123448 G62 01289 G93 0123 H10 012345 H25 0129 "
    "H26 012348 H35 012345 H40 012345 H52 012345 H66 012349 I10 - I11 09 I20 0189 I21 0123449 I25 01234 I42 0129 "
    "I47 0129 I48 0129 I50 019 I63 0123459 I67 0123456789 I69 01348 I83 0129 J00 - J01 01234 J02 09 J03 089 J04 012 "
    "J06 089 J18 012 J20 0123459 J31 012 J32 01234 J34 01238 J35 01238 J38 0123456 J40 - J44 0189 J45 0189 K02 01234 "
    "K04 01234 K05 0123 K20 - K25 0134579 K26 0134579 K29 0123456789 K35 238 K36 - K40 0139 K42 019 K59 01289 K80 0123 "
    "K81 019 K86 0128 L02 01234 L20 08 L30 01238 L72 01 M15 0189 M16 0123459 M17 0123459 M20 0123 M23 0123 M42 019 "
    "M51 0123 M54 012345 N10 - N11 0189 N13 0123 N18 12345 N20 0129 N28 0189 N30 012389 N40 - N41 0123 N43 0123 N47 - "
    "N70 019 N72 - N76 0123 N80 0123 N84 0123 N92 012345 O21 012 O26 012 O47 019 O80 01 O82 012 P22 0189 P36 019 "
    "P07 0123 P39 0129 P59 0189 P92 0129 R05 - R10 01234 R50 9 R51 - R54 - S06 0123 S22 0123 S42 0123 S52 0123 S61 0189 "
    "S82 0123568 S83 023456 S93 0345 T51 0129 U07 12 Z00 0123 Z01 0123678 "
)


def diagnoses() -> tuple[str, ...]:
    """All codes of the territory's book M001, sorted."""
    found = {code for group in ALL_TEMPLATES for code in group.diagnoses}
    words = _MORE.split()
    for category, digits in zip(words[::2], words[1::2], strict=True):
        found |= {category} if digits == "-" else {f"{category}.{digit}" for digit in digits}
    for method in VMP.values():
        found |= set(method.diagnoses.split(";"))
    # Categories stand in the book beside what they divide into.
    return tuple(sorted(found | {code[:3] for code in found}))


ALL_TEMPLATES: Final = (
    *INPATIENT, NEWBORN, *DAY, *ONCO_INPATIENT, *ONCO_DAY, *OUTPATIENT, *ONCO_OUTPATIENT, *SERVICES, *PER_CAPITA, *CALLS,
    *METHODS,
)  # fmt: skip
