"""Where do several territories come from whose people travel? One pool of people, each insured somewhere, some treated elsewhere.

Each territory is the made-up one of `synthetic.territory` under its own codes: the same agreement and books, clinics TT09NN,
insurers TT90N that do not exist, policies that nobody issued. A month of care is visits, обращения, calls and treated cases of
hospitals; what travellers are given is billed to the fund of the place and goes between the funds from there (Rules 133-145).
`build` writes the same bytes for the same plan. Nothing here uses the engine's tariffs or checks.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from omsclaims.contract import TABLES
from omsclaims.periods import Month
from omsclaims.synthetic import books, care, catalogue, deal, files, registers
from omsclaims.synthetic.care import Plan, Tables
from omsclaims.synthetic.people import Ints, People, make_people, register_tables

#: Code of a territory -> its OKATO, both of the real book F010; all else about them is invented.
TERRITORIES: Final = {"75": "76000", "38": "25000", "54": "50000", "03": "81000", "70": "69000"}
INSURERS_EACH: Final = 3
#: Clinics of a territory in the order in which a smaller one has them: two that do nearly everything, ambulance, the rest.
CLINICS: Final = (
    "07", "08", "17", "01", "02", "09", "13", "03", "10", "04", "11", "05", "12", "06", "14", "16", "19", "20", "15", "18",
)  # fmt: skip
#: Share of each kind of care but visits.
SHARES: Final = {"ksg_inpatient": 0.12, "call": 0.08, "episode": 0.25}
#: Share of people of a month who are treated away from home, and of these: who are treated at home in the same month, too.
TRAVEL: Final = 0.03
BOTH: Final = 0.1
#: One visit in so many is billed a rouble above its tariff: control refuses it.
WRONG_ONE_IN: Final = 23
#: Cases of a month for one person.
CASES_PER_PERSON: Final = 2.0
FEWEST: Final = 60
#: A day before which all of them are born: the first month has no newborns.
_BORN_BY: Final = np.datetime64("2021-01-01")
_YEAR: Final = 2022
#: Money of a month: so many roubles a case by the standards, into the stock, as a treated traveller costs more; advances.
_PER_CASE, _NSZ_PER_CASE, _ADVANCE_PER_CASE = 14_000, 2_500, 700
#: Result of the treatment: the patient died. Such cases are left out, so that nobody is treated afterwards.
_DIED: Final = (105, 106, 205, 206, 313, 405, 406)
Progress = Callable[[str], None]


def account_of(party: str) -> str:
    """The bank account of a party, the same wherever it is written: a fund's, whether as `fund` or as `territory` of others."""
    return f"405038100{int(party.split(':')[1]):011d}"


@dataclass(frozen=True)
class Size:
    """How large the federation is: territories, clinics of each, cases of a clinic and month, months of 2022 from January."""

    territories: int = 5
    clinics: int = 20
    cases: int = 2_000
    months: int = 12

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of its territories."""
        return tuple(TERRITORIES)[: self.territories]

    @property
    def of_territory(self) -> int:
        """Cases of one territory in a month."""
        return self.clinics * self.cases


@dataclass
class Pool:
    """Everybody: people by number, where each is insured."""

    people: People
    home: np.ndarray[Any, np.dtype[np.object_]]

    def of(self, code: str) -> Ints:
        """Numbers of those insured in a territory."""
        return np.flatnonzero(self.home == code)


class Federation:
    """A federation while it is written, month by month; what a person had earlier (a stay in hospital) is remembered.

    `found(code)` writes agreement, books and registers of a territory, `write(code, month)` its packages. Months of a territory
    must be written in order: chance runs through one generator for each territory, and one for the travellers.
    """

    def __init__(self, folder: Path, size: Size, seed: int) -> None:
        if not (2 <= size.territories <= len(TERRITORIES) and 2 <= size.clinics <= len(CLINICS) and size.cases >= 10):
            raise ValueError("a federation has 2 to 5 territories of 2 to 20 clinics with 10 cases or more each")
        self.folder, self.size = folder, size
        self._places = _places(size.clinics)
        each = max(FEWEST, round(size.of_territory / CASES_PER_PERSON))
        self.pool = _pool(np.random.default_rng([seed, 0]), size.codes, each)
        self._rng = {code: np.random.default_rng([seed, int(code)]) for code in size.codes}
        self._stayed = {code: np.zeros(self.pool.people.count, dtype=bool) for code in size.codes}
        self._travel = np.random.default_rng([seed, 1])
        self._away: dict[str, dict[str, Ints]] = {}

    # ---- surroundings -----------------------------------------------------------------------------------------------------

    def found(self, code: str) -> Path:
        """Agreement, books and registers of a territory; returns its folder."""
        folder = self.folder / code
        deal.write_agreement(folder / "agreement")
        _relabel_texts(folder / "agreement", code)
        books.write_books(folder / "books")
        _relabel_texts(folder / "books", code, only="R")
        _write_codes(folder / "books", self.size)
        people = replace(_chosen(self.pool.people, self.pool.of(code)), home=_same(catalogue.TERRITORY, self.pool.of(code)))
        held = register_tables(people)
        held["reg_attachment"] = held["reg_attachment"].with_columns(_moved("mo", code))
        books.write_registers(folder / "registers", held, [], {}, {"reg_staff": registers.staff()})
        _relabel_texts(folder / "registers", code)
        own = {
            "reg_insurer": [(f"{code}90{n}", f"Страховщик {n}", TERRITORIES[code], date(2019, 1, 1), None) for n in (1, 2, 3)],
            "reg_plan": self._plan(code), "reg_advance": self._advances(code), "reg_funding": self._funding(code),
            "reg_opening": self._opening(code), "reg_bank": self._bank(code),
        }  # fmt: skip
        for name, rows in own.items():
            pl.DataFrame(rows, schema=TABLES[name].schema(), orient="row").write_csv(folder / "registers" / f"{name}.csv")
        return folder

    def clinics(self, code: str) -> list[str]:
        """Clinics of a territory."""
        return [f"{code}09{number}" for number in sorted(CLINICS[: self.size.clinics])]

    def insurers(self, code: str) -> list[str]:
        """Insurers of a territory."""
        return [f"{code}90{number}" for number in range(1, INSURERS_EACH + 1)]

    def months(self) -> list[Month]:
        """Months that are simulated."""
        return [Month(_YEAR, number) for number in range(1, self.size.months + 1)]

    def _plan(self, code: str) -> list[tuple[Any, ...]]:
        lines = ("ksg_inpatient", "ksg_day", "vmp", "service", "exam", "episode")
        return [
            (mo, str(month), line, 1_000_000, None, date(2021, 12, 24))
            for mo in self.clinics(code) for month in self.months() for line in lines
        ]  # fmt: skip

    def _advances(self, code: str) -> list[tuple[Any, ...]]:
        """Every second clinic asks every insurer for an advance; one of them for far more than it can bill."""
        rows: list[tuple[Any, ...]] = []
        for month in self.months():
            for at, mo in enumerate(self.clinics(code)):
                for number, payer in enumerate(self.insurers(code)):
                    amount = _ADVANCE_PER_CASE * 100 * self.size.cases // (number + 1)
                    if (at + month.month) % 7 == 0:
                        amount *= 9
                    if at % 2 == 0:
                        rows.append((str(month), payer, mo, amount, (at + number) % 5 == 4))
        return rows

    def _funding(self, code: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        cases = self.size.of_territory
        for month in self.months():
            rows.append((str(month), "standards", None, _PER_CASE * 100 * cases))
            rows.append((str(month), "nsz", None, _NSZ_PER_CASE * 100 * cases))
            rows += [(str(month), "spare_fill", smo, 20 * 100 * cases) for smo in self.insurers(code)]
        return rows

    def _opening(self, code: str) -> list[tuple[str, int]]:
        """Reserves of the insurers, which they hold for the fund, and the stock of the fund before January."""
        cases, fund = self.size.of_territory, f"fund:{code}"
        payment, spare, stock = 350_000_55 * cases // 1000 + 17, 60_000_01 * cases // 1000 + 3, 4_000_00 * cases + 12_345
        rows = [(f"{fund}/nsz", stock), (f"{fund}/opening", -stock - INSURERS_EACH * (payment + spare))]
        for smo in self.insurers(code):
            party = f"insurer:{smo}"
            rows += [(f"{party}/payment_reserve", payment), (f"{party}/spare_reserve", spare)]
            rows += [(f"{party}/entrusted/{fund}", -payment - spare), (f"{fund}/entrusted/{party}", payment + spare)]
        return rows

    def _bank(self, code: str) -> list[tuple[Any, ...]]:
        """Accounts: of the own fund, insurers and clinics, of the funds of the other territories."""
        names = (
            [f"fund:{code}"] + [f"insurer:{smo}" for smo in self.insurers(code)] + [f"clinic:{mo}" for mo in self.clinics(code)]
        )
        names += [f"territory:{other}" for other in self.size.codes if other != code]
        since = date(2019, 1, 1)
        return [(name, name, None, None, account_of(name), None, None, None, since) for name in names]

    # ---- care -------------------------------------------------------------------------------------------------------------

    def write(self, code: str, month: Month) -> Path:
        """Packages of the clinics of a territory for a month; returns their folder."""
        who = self._who(code, month)
        rng = self._rng[code]
        there = np.where(self.pool.home[who] == code, catalogue.TERRITORY, "--").astype(object)
        people = replace(_chosen(self.pool.people, who), home=there)
        plan = _plan_of(month, self.size.of_territory)
        once = care.Once.nobody(people.count)
        once.stayed = self._stayed[code][who]
        slots = care.make_slots(rng, people, plan)
        made = care.make_month(rng, people, plan, slots, once, SHARES, self._places)
        self._stayed[code][who[once.stayed]] = True
        if month.month % 2 == 0:  # a stay is remembered for a month or two
            self._stayed[code][:] = False
        tables = self._relabelled(made, code, who)
        packed = files.prepare(plan, files.numbered(tables, ()), [], people, [], {})
        folder = self.folder / code / "packages" / str(month)
        shutil.rmtree(folder, ignore_errors=True)
        files.write_month(folder, packed, lambda _: None)
        return folder

    def _who(self, code: str, month: Month) -> Ints:
        """People who may be treated in a territory in a month: its own who stayed, and travellers of the others."""
        if str(month) not in self._away:
            self._away[str(month)] = self._travellers()
        away = self._away[str(month)]
        gone = np.concatenate([there for other, there in away.items() if other != code])
        home = np.setdiff1d(self.pool.of(code), gone[self._half_gone(gone)])
        return np.sort(np.concatenate([home, away[code]]))

    def _half_gone(self, gone: Ints) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whom of the travellers nobody treats at home: most of them, told by their number."""
        return np.asarray(gone % round(1 / BOTH) != 0)

    def _travellers(self) -> dict[str, Ints]:
        """Where the travellers of a month are: territory -> people of others; a person is in one place."""
        size = round(self.pool.people.count * TRAVEL)
        chosen = self._travel.permutation(self.pool.people.count)[: max(size, 6 * self.size.territories)]
        codes = np.array(self.size.codes, dtype=object)
        step = self._travel.integers(1, len(codes), len(chosen))
        at = np.searchsorted(np.sort(codes), self.pool.home[chosen])
        to = np.sort(codes)[(at + step) % len(codes)]
        return {code: np.sort(chosen[to == code]) for code in self.size.codes}

    def _relabelled(self, made: Tables, code: str, who: Ints) -> Tables:
        """Cases that ended well, in the codes of the territory; insurer and OKATO of each person's home."""
        keep = made["z"].filter(~pl.col("rslt").is_in(_DIED) & (pl.col("novor") == "0"))
        person = keep["person"].to_numpy()
        okato = [TERRITORIES[home] for home in self.pool.home[who[person]].tolist()]
        z = keep.with_columns(
            _moved("clinic", code), _moved("lpu", code), _moved("npr_mo", code), pl.Series("smo_ok", okato, dtype=pl.String),
            pl.col("package").str.replace_many([f"M{catalogue.TERRITORY}", f"T{catalogue.TERRITORY}"], [f"M{code}", f"T{code}"]),
        )  # fmt: skip
        tables = {name: table.join(z.select("case"), on="case", how="semi") for name, table in made.items() if name != "z"}
        dear = (pl.col("case") % WRONG_ONE_IN == 0) & pl.col("case").is_in(z.filter(pl.col("kind") == "visit")["case"].implode())
        more = pl.when(dear).then(100).otherwise(0)
        sl = tables["sl"].with_columns(pl.col("sum_m") + more, pl.col("tarif") + more)
        usl = tables["usl"].with_columns(_moved("lpu", code), pl.col("tarif") + more, pl.col("sumv_usl") + more)
        return {**tables, "z": z.with_columns(pl.col("sumv") + more), "sl": sl, "usl": usl}


def _moved(column: str, code: str) -> pl.Expr:
    """Codes of clinics of the first territory as those of another."""
    return (pl.lit(code) + pl.col(column).str.slice(len(catalogue.TERRITORY))).alias(column)


def _places(clinics: int) -> dict[str, tuple[str, ...]]:
    """Clinics of each kind of care, of those that a territory of this size has."""
    held = {f"{catalogue.TERRITORY}09{number}" for number in CLINICS[:clinics]}
    found = {kind: tuple(mo for mo in places if mo in held) for kind, places in catalogue.PROVIDERS.items()}
    everywhere = tuple(sorted(held))
    return {kind: places or everywhere for kind, places in found.items()}


def _plan_of(month: Month, cases: int) -> Plan:
    """Care of a month that begins and ends in it: what reaches over its end would meet the next month's."""
    return Plan(month, cases, month.first, date(month.year, month.month, 27))


def _same(value: str, like: Ints) -> np.ndarray[Any, np.dtype[np.object_]]:
    return np.full(len(like), value, dtype=object)


def _pool(rng: np.random.Generator, codes: tuple[str, ...], each: int) -> Pool:
    """People of all territories: `each` of them, with a policy of the unified kind and an insurer of their territory."""
    made = make_people(rng, round(each * len(codes) * 1.2) + 50)
    born = np.flatnonzero(made.born < _BORN_BY)[: each * len(codes)]
    people = _chosen(made, born)
    home = np.array(codes, dtype=object)[np.arange(people.count) % len(codes)]
    numbers = rng.choice(INSURERS_EACH, people.count, p=[0.5, 0.3, 0.2])
    first = np.array([f"{t}90{n + 1}" for t, n in zip(home.tolist(), numbers.tolist(), strict=True)], dtype=object)
    second = np.array(
        [f"{t}90{(n + 1) % INSURERS_EACH + 1}" for t, n in zip(home.tolist(), numbers.tolist(), strict=True)], dtype=object
    )
    never = np.zeros(people.count, dtype=bool)
    nothing = _same("", home)
    nothing[:] = None
    return Pool(
        replace(
            people, home=home, first_smo=first, second_smo=second, vpolis=np.full(people.count, 3, dtype=np.int64),
            series=nothing, number=nothing, without_smo=never,
            since=np.maximum(np.datetime64("2016-01-01"), people.born).astype("datetime64[D]"),
        ), home,
    )  # fmt: skip


def _chosen(people: People, who: Ints) -> People:
    """Some of the people, numbered anew."""
    names = (
        "sex", "born", "surname", "name", "father", "enp", "vpolis", "series", "number", "home", "place", "change", "first_smo",
        "second_smo", "since", "without_smo",
    )  # fmt: skip
    return People(**{name: getattr(people, name)[who] for name in names})


# ---- texts of a territory --------------------------------------------------------------------------------------------------

_CLINIC: Final = re.compile(rf"(?<![0-9.]){catalogue.TERRITORY}(09[0-9][0-9])(?![0-9])")
_INSURER: Final = re.compile(rf"(?<![0-9.]){catalogue.TERRITORY}(90[0-9])(?![0-9])")
_HEAD: Final = re.compile(rf"^territory: '{catalogue.TERRITORY}'", re.MULTILINE)


def _relabel_texts(folder: Path, code: str, only: str = "") -> None:
    """Codes of clinics, insurers and of the territory in the text files of a folder whose names begin with `only`."""
    for path in sorted(folder.rglob(f"{only}*")):
        if path.suffix in (".csv", ".yaml"):
            text = path.read_text(encoding="utf-8")
            for pattern, new in ((_CLINIC, rf"{code}\g<1>"), (_INSURER, rf"{code}\g<1>"), (_HEAD, f"territory: '{code}'")):
                text = pattern.sub(new, text)
            path.write_text(text, encoding="utf-8")


def _write_codes(folder: Path, size: Size) -> None:
    """Books F002 and F003 with everybody of the federation: nobody of them is in the real ones."""
    since = date(2019, 1, 1).isoformat()
    insurers = [
        f"{code}90{n},{since},,страховщик {n},insurer {n},{TERRITORIES[code]}"
        for code in size.codes for n in range(1, INSURERS_EACH + 1)
    ]  # fmt: skip
    insurers += [f"{code},{since},,фонд как плательщик,the fund as payer,{TERRITORIES[code]}" for code in size.codes]
    clinics = [f"{code}09{n},{since},,клиника {n},clinic {n}" for code in size.codes for n in sorted(CLINICS)]
    clinics += [f"{code}0921,{since},,закрытая клиника,closed clinic" for code in size.codes]
    head = "code,valid_from,valid_to,meaning_ru,meaning_en"
    (folder / "F002.csv").write_text("\n".join([f"{head},okato", *insurers, ""]), encoding="utf-8")
    (folder / "F003.csv").write_text("\n".join([head, *clinics, ""]), encoding="utf-8")


def taken_apart(folder: Path) -> Mapping[str, list[Path]]:
    """Packages by month of a territory's folder, sorted."""
    return {one.name: sorted(one.glob("*.zip")) for one in sorted((folder / "packages").iterdir())}
