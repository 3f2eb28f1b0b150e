"""Which books and registers does the made-up territory come with? Codes that are real and meanings of our own; clinics,
licences, plans.

Books: M001, V018, V019, V020, V021, V024 and those of oncology (N) in part - what the territory uses -, F002 and F003 with
insurers and clinics that do not exist, the workbooks of the grouper (KSG), tables of the region (R).
Registers: tables of the contract; the two of persons as Parquet, the others as CSV that a person can open.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl

from omsclaims.contract import TABLES
from omsclaims.synthetic import catalogue, grouper_books, regional, regional_persons
from omsclaims.synthetic.truth import PlanLine

_HEAD: Final = ("code", "valid_from", "valid_to", "meaning_ru", "meaning_en")
_SINCE: Final = "2019-01-01"


def write_books(folder: Path) -> None:
    """The books as CSV in the layout of the built-in ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (attributes, rows) in {**_books(), **grouper_books.books(), **_regional()}.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow((*_HEAD, *attributes))
            writer.writerows(rows)


def _books() -> dict[str, tuple[tuple[str, ...], list[Sequence[object]]]]:
    """Name -> names of attributes, rows."""
    diagnoses = [(code, "", "", *_said(code)) for code in catalogue.diagnoses()]
    beds = [(code, "", "", f"койки {ru}", f"beds: {en}") for code, (ru, en) in sorted(catalogue.BEDS.items())]
    doctors = [(code, "", "", ru, en) for code, (ru, en) in sorted(catalogue.SPECIALTIES.items())]
    kinds = sorted({vmp.kind for vmp in catalogue.VMP.values()} | {"10"}, key=int)
    hightech = [(kind, "2022-01-01", "", f"вид {kind}", f"kind {kind}") for kind in kinds]
    methods = [
        (method, "2022-01-01", "", f"метод {method}", f"method {method}", vmp.kind, vmp.diagnoses)
        for method, vmp in sorted(catalogue.VMP.items())
    ]
    insurers = [(code, _SINCE, "", name, name, catalogue.OKATO) for code, name in catalogue.INSURERS.items()]
    insurers += [
        (code, _SINCE, "", f"страховщик территории {t}", f"insurer of territory {t}", okato)
        for t, (okato, code) in catalogue.OTHERS.items()
    ]
    # Clinics of the territory bill its fund, which stands as payer in the bills.
    insurers.append(
        (catalogue.TERRITORY, _SINCE, "", "фонд территории как плательщик", "the fund of the territory as payer", catalogue.OKATO)
    )
    clinics = [(mo, _SINCE, "", name, name) for mo, (name, _, _) in catalogue.CLINICS.items()]
    clinics.append((catalogue.CLOSED_CLINIC, _SINCE, "", "Закрытая клиника", "closed clinic"))
    clinics.append((catalogue.CLINIC_ELSEWHERE, _SINCE, "", "Клиника другой территории", "a clinic of another territory"))
    return _oncology() | {
        "M001": ((), list(diagnoses)), "V020": ((), list(beds)), "V021": ((), list(doctors)), "V018": ((), list(hightech)),
        "V019": (("hvid", "diag"), list(methods)), "F002": (("okato",), list(insurers)), "F003": ((), list(clinics)),
    }  # fmt: skip


def _regional() -> dict[str, tuple[tuple[str, ...], list[Sequence[object]]]]:
    """The tables that the territory keeps for control, in force without end; they need no wording."""
    return {
        name: (columns, [(row[0], "", "", "таблица территории", "table of the territory", *row[1:]) for row in rows])
        for name, (columns, rows) in {**regional.tables(), **regional_persons.tables()}.items()
    }


def _oncology() -> dict[str, tuple[tuple[str, ...], list[Sequence[object]]]]:
    """Books of oncology in part: stages, histology and markers with their diagnoses, schemes and criteria, drugs of schemes."""
    stages = [(category, codes) for category, codes in catalogue.STAGES.items()]
    found: dict[str, tuple[tuple[str, ...], list[Sequence[object]]]] = {
        name: ((f"ds_{what}",), [_row(codes[i], category) for category, codes in stages])
        for i, (name, what) in enumerate((("N002", "st"), ("N003", "t"), ("N004", "n"), ("N005", "m")))
    }
    scheme, substance = catalogue.DRUG
    schemes = (*catalogue.CRITERIA.values(), scheme, catalogue.OTHER_SCHEME, catalogue.CORONAVIRUS_SCHEME)
    found |= {
        "N007": ((), [_row(code) for code in sorted({code for _, code in catalogue.HISTOLOGY})]),
        "N008": (("id_mrf",), [_row(result, code) for result, code in catalogue.HISTOLOGY_RESULTS]),
        "N009": (("ds_mrf", "id_mrf"), [_row(i, *pair) for i, pair in enumerate(catalogue.HISTOLOGY, 1)]),
        "N010": ((), [_row(code) for code in sorted({code for _, code in catalogue.MARKERS})]),
        "N011": (("id_igh",), [_row(result, code) for result, code in catalogue.MARKER_RESULTS]),
        "N012": (("ds_igh", "id_igh"), [_row(i, *pair) for i, pair in enumerate(catalogue.MARKERS, 1)]),
        "N020": ((), [_row(code) for code in (substance, catalogue.OTHER_DRUG)]),
        "N021": (("code_sh", "id_lekp"), [_row(1, scheme, substance)]),
        "V024": ((), [_row(code) for code in sorted(set(schemes))]),
    }  # fmt: skip
    return found


def _row(code: object, *attributes: object) -> Sequence[object]:
    return (code, _SINCE, "", f"код {code}", f"code {code}", *attributes)


def _said(code: str) -> tuple[str, str]:
    ru, en = catalogue.CHAPTERS[code[0]]
    return f"{ru}, {code}", f"{en}, {code}"


# ---- registers -------------------------------------------------------------------------------------------------------------


def write_registers(
    folder: Path, people: dict[str, pl.DataFrame], plan: Iterable[PlanLine], paid: dict[str, dict[str, int]],
    of_cases: dict[str, list[tuple[Any, ...]]],
) -> None:  # fmt: skip
    """All registers of the contract. `people`: reg_insured, reg_attachment; `paid`: month -> payer -> kopecks billed;
    `of_cases`: rows of registers that follow from cases.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in people.items():
        table.write_parquet(folder / f"{name}.parquet", compression="zstd")
    for name, rows in {**_registers(plan, paid), **of_cases}.items():
        schema = TABLES[name].schema()
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        frame.write_csv(folder / f"{name}.csv")


def _registers(plan: Iterable[PlanLine], paid: dict[str, dict[str, int]]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of the registers without persons, in the order of the contract's columns."""
    since = date(2019, 1, 1)
    clinics: list[tuple[Any, ...]] = [(mo, name, since, None) for mo, (name, _, _) in catalogue.CLINICS.items()]
    clinics.append((catalogue.CLOSED_CLINIC, "Закрытая клиника", since, date(2021, 12, 31)))
    return {
        "reg_clinic": clinics,
        "reg_insurer": [(code, name, catalogue.OKATO, since, None) for code, name in catalogue.INSURERS.items()],
        "reg_licence": _licences(),
        "reg_plan": [(p.mo, p.month, p.line, p.volume, p.money_kop, date(2021, 12, 24)) for p in plan],
        "reg_advance": _advances(paid),
        "reg_funding": _funding(paid),
        "reg_opening": _opening(),
    }


def _licences() -> list[tuple[Any, ...]]:
    """Licences: each clinic for the profiles of the care it gives; one profile whose licence ended in 2021."""
    groups = {
        "visit": (3, (*catalogue.OUTPATIENT,)), "episode": (3, (*catalogue.OUTPATIENT,)), "per_capita": (3, catalogue.PER_CAPITA),
        "service": (3, catalogue.SERVICES), "ksg_day": (2, catalogue.DAY),
        "ksg_inpatient": (1, (*catalogue.INPATIENT, catalogue.NEWBORN)),
        "call": (4, catalogue.CALLS), "vmp": (1, catalogue.METHODS),
    }  # fmt: skip
    held = {
        (mo, usl_ok, t.profil)
        for kind, (usl_ok, templates) in groups.items()
        for mo in catalogue.PROVIDERS[kind]
        for t in templates
    }
    held |= {(catalogue.WITHOUT_QUOTA, 1, t.profil) for t in catalogue.METHODS}
    held |= {(mo, usl_ok, 60) for mo in catalogue.PROVIDERS["onco"] for usl_ok in (1, 2, 3)}
    outpatient = {*catalogue.PROVIDERS["visit"], *catalogue.PROVIDERS["episode"]}
    held |= {(mo, 3, profil) for mo in outpatient for profil in (catalogue.UNPRICED_PROFIL, catalogue.OUTSIDE_PROFIL)}
    held |= {(catalogue.CLOSED_CLINIC, 3, t.profil) for t in catalogue.OUTPATIENT}
    since = date(2019, 1, 1)
    rows: list[tuple[Any, ...]] = [(mo, usl_ok, profil, since, None) for mo, usl_ok, profil in sorted(held)]
    return rows + [(mo, 3, catalogue.LAPSED_PROFIL, since, date(2021, 12, 31)) for mo in sorted(outpatient)]


def _advances(paid: dict[str, dict[str, int]]) -> list[tuple[Any, ...]]:
    """Advances of some clinics, an even sum near half of a clinic's share; one of February above anything it can bill."""
    rows: list[tuple[Any, ...]] = []
    for month, by_payer in sorted(paid.items()):
        for number, payer in enumerate(sorted(by_payer)):
            share = by_payer[payer] // 50 // 100_000 * 100_000
            for mo in ("750907", "750908", "750913", "750914"):
                if share:
                    rows.append((month, payer, mo, share, payer == "75902" and mo == "750908"))
            if number == 0 and month.endswith("-02"):
                rows.append((month, payer, "750920", by_payer[payer] // 20 // 100_000 * 100_000 + 100_000, False))
    return rows


def _funding(paid: dict[str, dict[str, int]]) -> list[tuple[Any, ...]]:
    """Money of each month: three times what is billed by the standards, something into the spare reserve, stock for others'
    care.
    """
    rows: list[tuple[Any, ...]] = []
    for month, by_payer in sorted(paid.items()):
        own = sum(amount for payer, amount in by_payer.items() if payer != catalogue.TERRITORY)
        rows.append((month, "standards", None, 3 * own // 100_000 * 100_000 + 100_000))
        rows.append((month, "nsz", None, 3 * by_payer.get(catalogue.TERRITORY, 0) // 100_000 * 100_000 + 100_000))
        rows += [(month, "spare_fill", smo, own // 200 // 100_000 * 100_000) for smo in catalogue.INSURERS]
    return rows


def _opening() -> list[tuple[Any, ...]]:
    """Balances at the end of January: reserves of the insurers held for the fund, the fund's stock."""
    fund = f"fund:{catalogue.TERRITORY}"
    rows: list[tuple[Any, ...]] = []
    for number, smo in enumerate(catalogue.INSURERS):
        payment, spare = 35_000_000 + number * 4_100_055, 6_000_000 + number * 1_000_010
        party = f"insurer:{smo}"
        rows += [
            (f"{party}/payment_reserve", payment), (f"{party}/spare_reserve", spare),
            (f"{party}/entrusted/{fund}", -payment - spare),
            (f"{fund}/entrusted/{party}", payment + spare), (f"{fund}/opening", -payment - spare),
        ]  # fmt: skip
    merged: dict[str, int] = {}
    for account, amount in [*rows, (f"{fund}/nsz", 12_345_678), (f"{fund}/opening", -12_345_678)]:
        merged[account] = merged.get(account, 0) + amount
    return sorted(merged.items())
