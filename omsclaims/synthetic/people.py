"""Who lives in the made-up territory, and who is insured elsewhere? Names, birth dates, policies, attachments, deaths.

Names are drawn from short lists, policy numbers begin with 98, a code that no territory issues. Policies have a history: some
people
changed the insurer in the middle of a month, some have a temporary certificate or a policy of the old kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from omsclaims.contract import TABLES
from omsclaims.synthetic import catalogue

Ints = npt.NDArray[np.int64]
Days = npt.NDArray[np.datetime64]
Bools = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

ISSUER: Final = "98"
_EPOCH: Final = np.datetime64("2022-03-01")
_MOVED_ON: Final = date(2022, 3, 1)

_SURNAMES: Final = (
    "Агеев", "Баранов", "Беляков", "Власов", "Гаврилов", "Дорофеев", "Ермаков", "Жданов", "Зайцев", "Игнатов", "Кириллов",
    "Ларионов", "Макаров", "Никифоров", "Орехов", "Панов", "Рогов", "Савин", "Терентьев", "Уваров", "Фомин", "Харитонов",
    "Цветков", "Чернов", "Шестаков", "Щукин", "Юдин", "Ямпольцев", "Бурцев", "Гордеев",
)  # fmt: skip
_MALE: Final = (
    "Александр", "Борис", "Виктор", "Григорий", "Денис", "Егор", "Иван", "Кирилл", "Леонид", "Максим", "Никита", "Олег",
    "Павел", "Роман", "Семён", "Тимур",
)  # fmt: skip
_FEMALE: Final = (
    "Алина", "Вера", "Галина", "Дарья", "Елена", "Жанна", "Зоя", "Ирина", "Ксения", "Любовь", "Мария", "Нина", "Ольга",
    "Полина", "Римма", "Софья",
)  # fmt: skip
_FATHERS: Final = (
    "Андреев", "Борисов", "Викторов", "Денисов", "Иванов", "Кириллов", "Львов", "Михайлов", "Николаев", "Олегов", "Петров",
    "Романов", "Сергеев", "Фёдоров",
)  # fmt: skip


@dataclass
class People:
    """All persons, one array element each; `edits` and `deaths` are laid over the register when it is written.

    group   0 own, 1 insured elsewhere
    periods of policies: arrays of person, insurer, first and last day (NaT: open)
    """

    sex: Ints
    born: Days
    surname: Ints
    name: Ints
    father: Ints
    enp: npt.NDArray[np.object_]
    vpolis: Ints
    series: npt.NDArray[np.object_]
    number: npt.NDArray[np.object_]
    home: npt.NDArray[np.object_]  # territory of insurance
    place: npt.NDArray[np.object_]
    change: Days  # day on which the second policy begins, NaT: never
    first_smo: npt.NDArray[np.object_]
    second_smo: npt.NDArray[np.object_]
    since: Days
    without_smo: Bools  # insured elsewhere with a policy of the old kind, the insurer unknown to the clinic
    until: dict[int, date] = field(default_factory=dict)  # last day of the only policy
    later_start: dict[int, date] = field(default_factory=dict)  # first day of the only policy
    died: dict[int, date] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of persons."""
        return len(self.sex)

    @property
    def own(self) -> Bools:
        """Insured in the territory."""
        return np.asarray(self.home == catalogue.TERRITORY, dtype=np.bool_)

    def fio(self, person: int) -> tuple[str, str, str]:
        """Last name, first name, patronymic."""
        male = self.sex[person] == 1
        names = _MALE if male else _FEMALE
        return (
            _SURNAMES[int(self.surname[person])] + ("" if male else "а"),
            names[int(self.name[person])],
            _FATHERS[int(self.father[person])] + ("ич" if male else "на"),
        )

    def smo_on(self, persons: Ints, days: Days) -> npt.NDArray[np.object_]:
        """Insurer of each person on each day; None for people whose clinic does not know it."""
        changed = ~np.isnat(self.change[persons]) & (self.change[persons] <= days)
        chosen = np.where(changed, self.second_smo[persons], self.first_smo[persons])
        return nulled(chosen, self.without_smo[persons])


def nulled(values: npt.NDArray[Any], where: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    """`values` as objects, None where the mask says so."""
    found = values.astype(object)
    found[where] = None
    return found


def ages(born: Days, on: Days) -> Ints:
    """Whole years of age on a day (law.md 4.1)."""
    years = on.astype("datetime64[Y]").astype(np.int64) - born.astype("datetime64[Y]").astype(np.int64)
    return np.asarray(years - (_month_day(on) < _month_day(born)), dtype=np.int64)


def _month_day(day: Days) -> Ints:
    month = day.astype("datetime64[M]")
    within = (day - month.astype("datetime64[D]")).astype(np.int64)
    return np.asarray((month.astype(np.int64) % 12) * 100 + within, dtype=np.int64)


def make_people(rng: np.random.Generator, count: int) -> People:
    """`count` persons, about 6 % of them insured in other territories."""
    sex = rng.integers(1, 3, count)
    kind = rng.random(count)
    years = np.where(
        kind < 0.2, rng.integers(0, 18, count), np.where(kind < 0.8, rng.integers(18, 65, count), rng.integers(65, 94, count))
    )
    born = _EPOCH - (years * 365.2425 + rng.integers(40, 365, count)).astype(np.int64).astype("timedelta64[D]")
    others = np.array([catalogue.TERRITORY, *catalogue.OTHERS], dtype=object)
    home = others[np.where(rng.random(count) < 0.06, rng.integers(1, len(others), count), 0)]
    own = home == catalogue.TERRITORY
    first, second = _insurers(rng, count, home, own)
    vpolis = np.where(rng.random(count) < 0.97, 3, np.where(rng.random(count) < 0.7, 2, 1))
    vpolis = np.where(own, vpolis, np.where(rng.random(count) < 0.85, 3, 1))
    changes = np.array(["NaT", "2022-03-01", "2022-02-15", "2022-03-16"], dtype="datetime64[D]")
    which = np.where(own & (vpolis == 3) & (rng.random(count) < 0.05), rng.integers(1, 4, count), 0)
    since = np.where(
        vpolis == 2,
        np.datetime64("2022-01-24"),
        np.datetime64("2016-01-01") + rng.integers(0, 1500, count).astype("timedelta64[D]"),
    )
    temporary = _texts(100_000_000 + np.arange(count))
    old_number = _texts(rng.integers(10_000_000, 99_999_999, count) * 1_000_000 + np.arange(count))
    return People(
        sex=sex, born=born, surname=rng.integers(0, len(_SURNAMES), count), name=rng.integers(0, 16, count),
        father=rng.integers(0, len(_FATHERS), count), enp=_policy_numbers(sex, born), vpolis=vpolis,
        series=nulled(np.full(count, "СТАР"), vpolis != 1),
        number=nulled(np.where(vpolis == 2, temporary, old_number), vpolis == 3),
        home=home, place=np.array(list(catalogue.PLACES), dtype=object)[rng.choice(3, count, p=[0.55, 0.3, 0.15])],
        change=changes[which], first_smo=first, second_smo=second,
        since=np.maximum(since, born).astype("datetime64[D]"), without_smo=~own & (vpolis == 1),
    )  # fmt: skip


def _insurers(rng: np.random.Generator, count: int, home: npt.NDArray[np.object_], own: Bools) -> tuple[Any, Any]:
    """First insurer, and the one that a person who changes goes to."""
    codes = np.array(list(catalogue.INSURERS), dtype=object)
    first = rng.choice(3, count, p=[0.5, 0.3, 0.2])
    second = (first + rng.integers(1, 3, count)) % 3
    elsewhere = np.array([catalogue.OTHERS[t][1] if t in catalogue.OTHERS else "" for t in home], dtype=object)
    return np.where(own, codes[first], elsewhere), np.where(own, codes[second], elsewhere)


def _texts(numbers: Ints) -> npt.NDArray[np.object_]:
    return numbers.astype(str).astype(object)


def _policy_numbers(sex: Ints, born: Days) -> npt.NDArray[np.object_]:
    """Policy numbers with a right check digit; people of one birth date and sex are numbered through (formats.md 14)."""
    year = born.astype("datetime64[Y]").astype(np.int64) + 1970
    month = born.astype("datetime64[M]").astype(np.int64) % 12 + 1
    day = (born - born.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    month_code = 99 - (month + np.where(year <= 1950, 20, np.where(year <= 2000, 40, 0)))
    digits = [9 - (year // 10**place) % 10 for place in range(4)]  # the last figure of the year first
    year_code = digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3]
    day_code = 99 - (day + np.where(sex == 1, 50, 0))
    facet = ((int(ISSUER) * 100 + month_code) * 10_000 + year_code) * 100 + day_code
    serial = pl.DataFrame({"facet": facet}).select(pl.int_range(1, pl.len() + 1).over("facet")).to_series().to_numpy()
    body = facet * 100_000 + serial
    total = np.zeros(len(body), dtype=np.int64)
    for place in range(15):
        digit = (body // 10**place) % 10
        doubled = digit * 2
        total += np.where(place % 2 == 0, np.where(doubled > 9, doubled - 9, doubled), digit)
    return _texts(body * 10 + (-total) % 10)


def register_tables(people: People) -> dict[str, pl.DataFrame]:
    """reg_insured and reg_attachment of the contract: own people only."""
    own = np.flatnonzero(people.own)
    changed = own[~np.isnat(people.change[own])]
    never = np.full(len(own), np.datetime64("NaT"), dtype="datetime64[D]")
    before_change = people.change[own] - np.timedelta64(1, "D")
    persons = np.concatenate([own, changed])
    names = [people.fio(int(person)) for person in persons]
    begin = np.concatenate([people.since[own], people.change[changed]])
    end = np.concatenate([np.where(np.isnat(people.change[own]), never, before_change), never[: len(changed)]])
    frame = pl.DataFrame(
        {
            "enp": people.enp[persons].tolist(), "fam": [n[0] for n in names], "im": [n[1] for n in names],
            "ot": [n[2] for n in names],
            "w": people.sex[persons], "dr": people.born[persons], "vpolis": people.vpolis[persons],
            "spolis": people.series[persons].tolist(), "npolis": people.number[persons].tolist(),
            "smo": np.concatenate([people.first_smo[own], people.second_smo[changed]]).tolist(),
            "policy_from": begin, "policy_to": end, "place": people.place[persons].tolist(), "person": persons,
        },
        schema_overrides={"spolis": pl.String, "npolis": pl.String},
    )  # fmt: skip
    frame = frame.with_columns(pl.col("dr", "policy_from", "policy_to").cast(pl.Date), pl.col("w", "vpolis").cast(pl.Int64))
    frame = _laid_over(frame, people)
    insured = frame.select(list(TABLES["reg_insured"].schema())).sort("enp", "policy_from")
    return {"reg_insured": insured, "reg_attachment": _attachments(people, own)}


def _laid_over(frame: pl.DataFrame, people: People) -> pl.DataFrame:
    """Ends and beginnings of policies and deaths, where they were set person by person."""
    for column, found in (("end", people.until), ("begin", people.later_start), ("died_on", people.died)):
        edits = pl.DataFrame({"person": list(found), column: list(found.values())}, schema={"person": pl.Int64, column: pl.Date})
        frame = frame.join(edits, on="person", how="left", maintain_order="left")
    last = pl.col("policy_from") == pl.col("policy_from").max().over("person")
    return frame.with_columns(
        policy_from=pl.coalesce("begin", "policy_from"),
        policy_to=pl.when(last).then(pl.coalesce("end", "policy_to")).otherwise("policy_to"),
    )


def attached(people: People, persons: Ints, on: date) -> npt.NDArray[np.object_]:
    """Clinic of attachment on a day: a polyclinic or district hospital of the place; one in thirty moved on 1 March."""
    by_place: dict[str, list[str]] = {}
    for mo in (*catalogue.POLYCLINICS, *catalogue.DISTRICT_HOSPITALS):
        by_place.setdefault(catalogue.CLINICS[mo][2], []).append(mo)
    polyclinics = catalogue.POLYCLINICS
    return np.array(
        [
            polyclinics[p % len(polyclinics)] if on >= _MOVED_ON and p % 30 == 7 else by_place[place][p % len(by_place[place])]
            for p, place in zip(persons.tolist(), people.place[persons].tolist(), strict=True)
        ],
        dtype=object,
    )


def _attachments(people: People, own: Ints) -> pl.DataFrame:
    """Attachment of own people, before and after some of them moved."""
    clinics = attached(people, own, _MOVED_ON - timedelta(days=1)).tolist()
    moved = own % 30 == 7
    frame = pl.DataFrame(
        {
            "enp": people.enp[own].tolist(), "mo": clinics, "attached_from": np.maximum(people.born[own],
            np.datetime64("2019-01-01")),
            "attached_to": np.where(moved, np.datetime64("2022-02-28"), np.datetime64("NaT")).astype("datetime64[D]"),
        }
    )  # fmt: skip
    second = pl.DataFrame(
        {
            "enp": people.enp[own[moved]].tolist(),
            "mo": attached(people, own[moved], _MOVED_ON).tolist(),
            "attached_from": [_MOVED_ON] * int(moved.sum()), "attached_to": [None] * int(moved.sum()),
        },
        schema=frame.schema,
    )  # fmt: skip
    return pl.concat([frame, second]).select(
        pl.col("enp"), pl.col("mo"), pl.col("attached_from").cast(pl.Date), pl.col("attached_to").cast(pl.Date)
    ).sort("enp", "attached_from")  # fmt: skip
