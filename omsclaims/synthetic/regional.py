"""Which tables does the made-up territory keep for control beside the federal books? Layouts: `omsclaims.checks.regional`.

Each table is written with the books. Clean care keeps to all of them; what is planted does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from omsclaims.synthetic import catalogue

#: Diagnoses: not paid at all; conditions of care; the only doctor (specialty, profile); ages in years.
UNPAID: Final = "Z41"
CONDITIONS: Final = {"I21": (1, 4)}
DOCTORS: Final = {"G40": (35, 53)}
AGES: Final = {"H35.1": (0, 3)}
#: An examination that is paid with this reason of a visit only.
EXAMINATION, REASON = "A06.09.007", "Z01"
#: Computed and magnetic resonance tomography.
IMAGES: Final = {
    "A06.30.005": "ct", "A06.23.004": "ct", "A06.09.005": "ct", "A05.23.009": "mri", "A05.04.001": "mri", "A05.03.002": "mri",
}  # fmt: skip
#: Groups whose operation and diagnosis are fixed: group -> service, categories.
PAIRS: Final = {"st32.013": ("A16.112.001", ("K40", "K42")), "st21.002": ("A16.65.001", ("H25", "H26"))}
#: Profiles whose specialty, and whose bed, the territory has written down; a service of few clinics.
DOCTORS_OF, BEDS_OF = (108, 122, 100, 16, 11), (53, 112, 108, 29, 11)
PLACED_SERVICE: Final = "A05.10.006"
#: Days that a treatment by a scheme takes at least, the first and the last among them.
SCHEME_DAYS: Final = 3


def tables() -> dict[str, tuple[tuple[str, ...], list[Sequence[object]]]]:
    """Name of the table -> its columns beside the code, rows of code and columns."""
    return {
        "R002": ((), [(UNPAID,)]),
        "R003": (("ds1",), [(EXAMINATION, REASON)]),
        "R004": (("usl_ok",), [(code, one) for code, found in CONDITIONS.items() for one in found]),
        "R005": (("prvs", "profil"), [(code, *doctor) for code, doctor in DOCTORS.items()]),
        "R006": (("unit", "age_from", "age_to"), [(code, "y", low, high) for code, (low, high) in AGES.items()]),
        "R101": (("other", "relation"), list(_together())),
        "R102": (
            ("per_day", "per_month", "days_between"),
            [(catalogue.STANDARD, "", "", catalogue.STANDARD_DAYS),
             (catalogue.COUNTED_SERVICE, catalogue.PER_DAY, catalogue.PER_MONTH, "")],
        ),
        "R103": (("kind",), list(IMAGES.items())),
        "R104": (("prvs",), list(_profiles(lambda one: one.prvs, DOCTORS_OF))),
        "R105": (("profil_k",), list(_profiles(lambda one: one.bed, BEDS_OF))),
        "R106": (("what",), [(catalogue.OUTSIDE_PROFIL, "profil"), (catalogue.OUTSIDE_PRVS, "prvs")]),
        "R107": (("mo", "podr"), [(PLACED_SERVICE, mo, "") for mo in catalogue.PROVIDERS["per_capita"]]),
        "R108": (("need", "value"), list(_complexity())),
        "R109": (("need", "value"), list(_groups())),
        "R110": (("code_usl", "ds1"), [(code, usl, ds) for code, (usl, found) in PAIRS.items() for ds in found]),
        "R111": (("days",), [(catalogue.DRUG[0], SCHEME_DAYS)]),
    }  # fmt: skip


def _profiles(of: Callable[[catalogue.Template], int], profiles: tuple[int, ...]) -> Iterator[tuple[object, ...]]:
    """Profiles and what goes with each in the care that clinics give."""
    yield from sorted({(one.profil, of(one)) for one in catalogue.ALL_TEMPLATES if one.profil in profiles and of(one)})


def _together() -> Iterator[tuple[object, ...]]:
    """Which service needs another of the day, and which one the price of another includes."""
    session = catalogue.DIALYSIS[0]
    yield session, catalogue.COMPANION, "needed"
    yield session, "A12.28.007", "needed"
    yield catalogue.INCLUDED, session, "included"


def _complexity() -> Iterator[tuple[object, ...]]:
    """What each code of complexity needs: an age, a severe second disease, a long stay, a child with a parent beside it."""
    yield 1, "age_from", catalogue.OLD_AGE
    for category in catalogue.SEVERE:
        yield 2, "diagnosis", category
    yield 3, "days_over", catalogue.LONG_STAY
    yield 4, "age_to", catalogue.CHILD


def _groups() -> Iterator[tuple[object, ...]]:
    """What each group needs: the kind of treatment of cancer, the criterion, an operation."""
    for code, treatment in catalogue.ONCO_TREATMENT.items():
        if code:
            yield code, "usl_tip", treatment
    for code, criterion in catalogue.CRITERIA.items():
        yield code, "criterion", criterion
    for code, group in catalogue.KSG.items():
        if group.surgical:
            yield code, "service", "A16"
