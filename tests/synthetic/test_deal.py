"""Is what clean cases bill the price of the agreement - computed here another way, from the files alone?"""

from __future__ import annotations

import csv
from bisect import bisect_right
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from omsclaims.law.agreement import load_agreement
from omsclaims.synthetic import deal
from tests.synthetic.synthetic_made import Made

RESULTS_INTERRUPTED = {102, 103, 104, 105, 106, 107, 108, 110, 202, 203, 204, 205, 206, 207, 208}


class Papers:
    """The CSV files of an agreement, as an economist would look things up in them, in decimals."""

    def __init__(self, folder: Path) -> None:
        self.rows = {}
        for path in folder.glob("*.csv"):
            with path.open(encoding="utf-8", newline="") as stream:
                self.rows[path.stem] = list(csv.DictReader(stream))
        self.rate = {"ksg_inpatient": Decimal("25934.1275"), "ksg_day": Decimal("15412.335")}

    def one(self, table: str, **key: str) -> dict[str, str]:
        found = [row for row in self.rows[table] if all(row[name] == value for name, value in key.items())]
        assert len(found) == 1, (table, key, found)
        return found[0]

    def ksg(self, code: str, mo: str, rslt: int, days: int, kslp: list[str], moved: bool = False) -> Decimal:
        group = self.one("ksg", code=code)
        clinic = self.one("clinics", mo=mo)
        level = Decimal(self.one("levels", level=clinic["level"], setting=group["setting"])["coefficient"])
        kd = Decimal(self.one("places", place=clinic["place"])["kd"])
        rate, wages = self.rate[group["setting"]], Decimal(group["wage_share"])
        bracket = (1 - wages) + wages * Decimal(group["specificity"]) * (level if group["uses_level"] == "1" else 1) * kd
        amount = rate * Decimal(group["weight"]) * bracket
        for idsl in kslp:
            row = self.one("kslp", idsl=idsl)
            amount += rate * Decimal(row["value"]) * (kd if row["uses_territorial"] == "1" else 1)
        short = days <= 3
        if rslt in RESULTS_INTERRUPTED or moved or (short and group["optimal_short_stay"] == "0"):
            share = {("0", True): "0.3", ("1", True): "0.85", ("0", False): "0.7", ("1", False): "0.925"}[
                group["surgical"], short
            ]
            amount *= Decimal(share)
        return amount

    def outpatient(self, table: str, profil: int, purpose: str, mo: str) -> Decimal:
        rows = [row for row in self.rows[table] if row["profil"] == str(profil)]
        exact = [row for row in rows if row["p_cel"] == purpose] or [row for row in rows if row["p_cel"] == "*"]
        kind = table[:-1]
        return Decimal(exact[0]["tariff"]) * Decimal(self.one("clinic_coefficients", mo=mo, kind=kind)["coefficient"])


def _kopecks(amount: Decimal, step: str = "0.01") -> int:
    return int(amount.quantize(Decimal(step), ROUND_HALF_UP) * 100)


@pytest.fixture(scope="module")
def papers(made: Made) -> Papers:
    return Papers(made.folder / "agreement")


def test_the_engine_loads_the_agreement(made: Made) -> None:
    agreement = load_agreement(made.folder / "agreement")
    assert agreement.planned_kinds == frozenset(deal.PLANNED)
    assert agreement.head.territory == "75"
    assert not agreement.notes


def test_every_clean_case_bills_the_price_of_the_agreement(made: Made, papers: Papers) -> None:
    counts: dict[str, int] = {}
    with localcontext() as context:
        context.prec = 60
        for package in made.packages:
            sl = made.clean(package, "sl")
            z = made.clean(package, "z_sl").select(
                pl.col("_row").alias("_parent"), "usl_ok", "idsp", "lpu", "rslt", "vidpom", "sumv", "date_z_1"
            )
            rows = sl.join(z, on="_parent").sort("_row").to_dicts()
            koef = made.clean(package, "sl_koef") if made.packages[package].tables["sl_koef"].height else None
            usl = made.clean(package, "usl")
            people = made.packages[package].tables["person"].select("id_pac", "w", "dr")
            ids = made.clean(package, "patient").select("n_zap", "id_pac").join(people, on="id_pac")
            by_case = {n: (w, dr) for n, w, dr in ids.select("n_zap", "w", "dr").iter_rows()}
            stays = _stays(papers, rows, koef)
            for row in rows:
                kind, expected = stays.get(row["_row"]) or _expected(papers, package, row, koef, usl, by_case)
                assert row["sum_m"] == expected, (package, row["n_zap"], kind)
                counts[kind] = counts.get(kind, 0) + 1
            assert z["sumv"].sum() == sl["sum_m"].sum()
    of_stays = {"the dearest", "another class", "the list", "before birth", "nothing"}
    assert set(counts) == {"ksg", "visits", "episodes", "services", "per_capita", "calls", "exams", "vmp"} | of_stays
    assert sum(counts.values()) > 3_500


#: First categories of the chapters of ICD-10.
_CHAPTERS = [
    "A00",
    "C00",
    "D50",
    "E00",
    "F00",
    "G00",
    "H00",
    "H60",
    "I00",
    "J00",
    "K00",
    "L00",
    "M00",
    "N00",
    "O00",
    "P00",
    "Q00",
    "R00",
    "S00",
    "U00",
    "V01",
    "Z00",
]


def _stays(papers: Papers, rows: list[dict[str, Any]], koef: pl.DataFrame | None) -> dict[int, tuple[str, int]]:
    """What departments of stays with several groups are paid and why, by row of SL: dates, diagnoses and groups of the files."""
    by_case: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        if row["n_ksg"] is not None:
            by_case.setdefault(row["_parent"], []).append(row)
    found: dict[int, tuple[str, int]] = {}
    for stay in by_case.values():
        if len(stay) < 2:
            continue
        one, two = sorted(stay, key=lambda row: row["date_1"])  # the territory makes no stays with more
        price = {row["_row"]: _kopecks(_alone(papers, row, koef)) for row in stay}
        top = one if price[one["_row"]] >= price[two["_row"]] else two
        other = two if top is one else one
        chapters = {bisect_right(_CHAPTERS, row["ds1"][:3]) for row in stay}
        days = (one["date_2"] - one["date_1"]).days
        birth = one["n_ksg"] == "st02.001" and two["n_ksg"] in ("st02.003", "st02.004")
        reason = "nothing"
        if len(chapters) == 2:
            reason = "another class"
            price[one["_row"]] = _kopecks(_alone(papers, one, koef, moved=True))
        elif "st36.009" in (one["n_ksg"], two["n_ksg"]):
            reason = "the list"
        elif birth and days >= (2 if one["ds1"] == "O14.1" else 6):
            reason = "before birth"
        found[top["_row"]] = ("the dearest", price[top["_row"]])
        found[other["_row"]] = (reason, price[other["_row"]] if reason != "nothing" else 0)
    return found


def _alone(papers: Papers, row: dict[str, Any], koef: pl.DataFrame | None, moved: bool = False) -> Decimal:
    codes = [] if koef is None else [str(i) for i in koef.filter(pl.col("_parent") == row["_row"])["idsl"].to_list()]
    return papers.ksg(row["n_ksg"], row["lpu"], row["rslt"], max((row["date_2"] - row["date_1"]).days, 1), codes, moved)


def _expected(
    papers: Papers, package: str, row: dict, koef: pl.DataFrame | None, usl: pl.DataFrame, by_case: dict
) -> tuple[str, int]:  # fmt: skip
    if package.startswith("D"):
        sex, born = by_case[row["n_zap"]]
        on = row["date_z_1"]
        age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
        found = [
            r for r in papers.rows["exams"]
            if r["letters"] == package[:2] and r["sex"] in ("*", str(sex)) and int(r["age_from"]) <= age <= int(r["age_to"])
        ]  # fmt: skip
        return "exams", _kopecks(Decimal(found[0]["tariff"]))
    if package.startswith("T"):
        norm, clinic = papers.one("vmp", group=str(row["metod_hmp"])), papers.one("clinics", mo=row["lpu"])
        kd, wages = Decimal(papers.one("places", place=clinic["place"])["kd"]), Decimal(norm["wage_share"])
        return "vmp", _kopecks(Decimal(norm["norm"]) * (kd * wages + 1 - wages))
    if row["idsp"] == 33:
        codes = [] if koef is None else [str(i) for i in koef.filter(pl.col("_parent") == row["_row"])["idsl"].to_list()]
        days = row["kd"] // 10 if row["usl_ok"] == 2 else max((row["date_2"] - row["date_1"]).days, 1)
        return "ksg", _kopecks(papers.ksg(row["n_ksg"], row["lpu"], row["rslt"], days, codes))
    if row["idsp"] == 24:
        tariff = papers.one("calls", vidpom=str(row["vidpom"]))["tariff"]
        return "calls", _kopecks(Decimal(tariff), "0.1")
    if row["idsp"] == 28:
        lines = usl.filter(pl.col("_parent") == row["_row"])
        total = sum(
            Decimal(papers.one("services", code_usl=code)["tariff"]) * Decimal(quantity) / 100
            for code, quantity in lines.select("code_usl", "kol_usl").iter_rows()
        )
        return "services", _kopecks(Decimal(total))
    if row["idsp"] == 25:
        return "per_capita", 0
    table = "visits" if row["idsp"] == 29 else "episodes"
    return table, _kopecks(papers.outpatient(table, row["profil"], row["p_cel"], row["lpu"]))


def test_shares_of_interrupted_cases() -> None:
    assert deal.interrupted_share("st27.005", 101, 8) is None
    assert deal.interrupted_share("st27.005", 101, 3) == "0.30000"
    assert deal.interrupted_share("st27.005", 105, 8) == "0.70000"
    assert deal.interrupted_share("st02.003", 101, 2) is None  # meant to be short
    assert deal.interrupted_share("st32.013", 102, 2) == "0.85000"
    whole = deal.ksg_price("st27.005", "750913", 102, 8, whole=True)
    assert deal.ksg_price("st27.005", "750913", 101, 8) == whole > deal.ksg_price("st27.005", "750913", 102, 8)


def test_a_price_by_hand() -> None:
    # st27.005 in a district hospital of level 1: 25934.1275 x 0.70 x (0.4257 + 0.5743 x 0.8 x 0.85 x 1.345)
    assert deal.ksg_price("st27.005", "750907", 101, 8) == 1_726_353
    assert deal.bztsz_kop("st27.005") == 2_593_413
    assert deal.bztsz_kop("ds13.001") == 1_541_234


def test_several_groups_of_one_stay() -> None:
    mo = "750913"

    def prices(*parts: deal.Part, rslt: int = 101) -> list[int]:
        return deal.stay_prices(parts, mo, rslt)

    heart, lungs = deal.Part("st13.004", "I48.0", 5), deal.Part("st23.004", "J18.0", 8)
    whole, moved = (deal.ksg_price("st13.004", mo, 101, 5, moved=one) for one in (False, True))
    assert prices(heart, lungs) == [moved, deal.ksg_price("st23.004", mo, 101, 8)] and moved < whole
    assert prices(lungs, heart)[1] == whole  # whoever came later stays to the end
    vessels = deal.Part("st27.005", "I10", 5)
    assert prices(heart, vessels) == [whole, 0] and prices(vessels, heart) == [0, whole]
    assert prices(heart, heart) == [whole, 0]
    # The result gives a reason of its own, and takes its share of what is paid.
    assert prices(heart, lungs, rslt=102)[0] == deal.ksg_price("st13.004", mo, 102, 5)
    hernia, blood = deal.Part("st32.013", "K40.9", 5), deal.Part("st36.009", "K40.9", 1)
    assert prices(hernia, blood) == [deal.ksg_price(part.code, mo, 101, part.days) for part in (hernia, blood)]
    birth = deal.Part("st02.003", "O80.0", 3)
    for diagnosis, days, paid in (("O47.0", 6, True), ("O47.0", 5, False), ("O14.1", 2, True), ("O14.1", 1, False)):
        before = deal.Part("st02.001", diagnosis, days)
        assert [price > 0 for price in prices(before, birth)] == [paid, True], (diagnosis, days)
        assert 0 in prices(birth, before)
    assert deal.disease_class("D48.9") == deal.disease_class("C34.1") != deal.disease_class("D50.0")
    assert deal.disease_class("H59.0") != deal.disease_class("H60.0") and deal.disease_class("S06.0") == deal.disease_class(
        "T51.0"
    )
