"""How does a stay go on in another department, and what is then billed? Sub-cases of one completed case, each with its group.

Some long stays are divided in two: a disease of another class, where both groups are paid and the first is interrupted; a disease
of the same class, of which one group is paid and the other billed with nothing; blood given back after an operation; the days
before a birth and the birth itself. What each costs is the business of `deal.stay_prices`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from omsclaims.synthetic import catalogue, deal
from omsclaims.synthetic.catalogue import Template

if TYPE_CHECKING:
    from omsclaims.synthetic.care import Tables
    from omsclaims.synthetic.people import Days, Ints

_BY_CODE: Final = {template.code: template for template in (*catalogue.INPATIENT, catalogue.BLOOD)}
#: Where a stay goes on: another class of diseases, the same class by its first letter; group and diagnosis.
_OTHER_CLASS: Final = ("st23.004", "J18.0")
_SAME_CLASS: Final = {
    "J": ("st23.004", "J18.0"), "I": ("st13.004", "I48.0"), "K": ("st04.005", "K86.1"), "G": ("st15.007", "G62.9"),
}  # fmt: skip
_BEFORE_BIRTH, _BIRTH = "st02.001", ("st02.003", "O80.0")
_HERNIA: Final = "st32.013"
#: Days before a birth: enough of them, too few of them; enough with a severe pre-eclampsia. A birth takes three.
_ENOUGH, _TOO_FEW, _OF_SEVERE, _DAYS_OF_BIRTH = 6, 5, 2, 3
#: Days of a stay that is divided, at least; of its first department.
_LONG, _FIRST, _FIRST_SHORT = 8, 4, 3
#: Shares of stays that are divided: long ones, those before a birth, hernias; of those before a birth with days enough.
_OF_LONG, _OF_BIRTHS, _OF_HERNIAS, _DAYS_ENOUGH = 0.25, 0.6, 0.25, 0.55
_AT_LEAST: Final = 2  # of each kind in a month, as far as there are stays for it
_RESULTS: Final = (101, 102)  # to the end, or transferred to another hospital: a reason of its own for both groups
_LONG_STAY_CODE: Final = 3


@dataclass(frozen=True, slots=True)
class Step:
    """How a stay goes on: position of the case, days of its first department and of the second, its group and diagnosis."""

    at: int
    first: int
    rest: int
    code: str
    ds1: str

    @property
    def template(self) -> Template:
        return _BY_CODE[self.code]


def divided(tables: Tables, closes: Days, age: Ints, rng: np.random.Generator) -> Tables:
    """Tables of inpatient cases of one SL each, in their order, with some of them divided in two.

    closes  last day on which each stay may end
    """
    steps = _steps(tables, closes, age, rng)
    if not steps:
        return tables
    of_case = {int(tables["sl"]["case"][step.at]): step for step in steps}
    rows = [row for row in tables["sl"].to_dicts() if row["case"] in of_case]
    of_z = {case: (lpu, rslt) for case, lpu, rslt in tables["z"].select("case", "lpu", "rslt").iter_rows()}
    kslp: dict[int, tuple[int, ...]] = {}
    for case, idsl in tables["sl_koef"].select("case", "idsl").iter_rows():
        kslp[case] = (*kslp.get(case, ()), idsl)
    firsts, seconds = [], []
    for row in rows:
        step = of_case[row["case"]]
        mo, rslt = of_z[row["case"]]
        first, second = _departments(row, step, mo, rslt, kslp.get(row["case"], ()))
        firsts.append(first)
        seconds.append(second)
    return _with(tables, firsts, seconds, of_case)


def _steps(tables: Tables, closes: Days, age: Ints, rng: np.random.Generator) -> list[Step]:
    """Which stays are divided, and how."""
    rolls = rng.random((tables["sl"].height, 3))
    # The complexity of a long stay would not be that of its first department.
    without = set(tables["sl_koef"].filter(pl.col("idsl") == _LONG_STAY_CODE)["case"].to_list())
    rows = zip(
        tables["sl"].select("case", "n_ksg", "ds1", "date_1", "date_2").iter_rows(), tables["z"]["rslt"], closes.tolist(),
        age.tolist(), rolls.tolist(), strict=True,
    )  # fmt: skip
    found: list[Step] = []
    taken: dict[str, int] = {}
    for at, ((case, code, ds1, begin, end), rslt, last, years, roll) in enumerate(rows):
        if rslt in _RESULTS and case not in without:
            kind = code if code in (_BEFORE_BIRTH, _HERNIA) else "same" if ds1[0] in _SAME_CLASS else "other"
            few = taken.get(kind, 0) < _AT_LEAST  # a small territory, too, has some of each
            lot = [0, 1 if kind == "same" else 0, 1] if few else roll
            step = _step(at, code, ds1, (end - begin).days, (last - begin).days, years, lot)
            if step is not None:
                found.append(step)
                taken[kind] = taken.get(kind, 0) + 1
    return found


def _step(at: int, code: str, ds1: str, days: int, room: int, years: int, roll: list[float]) -> Step | None:
    """How one stay goes on, or None.

    days  of the stay; room: most that it may have
    """
    if code == _BEFORE_BIRTH:
        first = _OF_SEVERE if ds1 in deal.SEVERE_BEFORE_BIRTH else _ENOUGH if roll[1] < _DAYS_ENOUGH else _TOO_FEW
        if roll[0] >= _OF_BIRTHS or room < first + _DAYS_OF_BIRTH:
            return None
        return Step(at, first, max(days - first, _DAYS_OF_BIRTH), *_BIRTH)
    if code == _HERNIA:
        return Step(at, days - 1, 1, catalogue.BLOOD.code, ds1) if roll[0] < _OF_HERNIAS and days > _FIRST else None
    if days < _LONG or roll[0] >= _OF_LONG:
        return None
    next_code, next_ds = _SAME_CLASS.get(ds1[0], _OTHER_CLASS)
    if next_code == code or (ds1[0] != _OTHER_CLASS[1][0] and roll[1] < 1 / 3):
        next_code, next_ds = _OTHER_CLASS
    low, high = _BY_CODE[next_code].ages
    if next_code == code or not low <= years <= high:
        return None
    first = _FIRST_SHORT if roll[2] < 1 / 4 else _FIRST
    return Step(at, first, days - first, next_code, next_ds)


def _departments(
    row: dict[str, Any], step: Step, mo: str, rslt: int, kslp: tuple[int, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rows of SL of both departments; the second one has no complexity."""
    one = step.template
    moved_on: date = row["date_1"] + timedelta(days=step.first)
    factors = deal.ksg_factors(one.code, mo)
    second = {
        **row, "sl_no": 2, "date_1": moved_on, "date_2": moved_on + timedelta(days=step.rest), "kd": step.rest * 10,
        "podr": 100 + one.profil, "profil": one.profil, "profil_k": one.bed, "prvs": one.prvs,
        "iddokt": catalogue.doctor(mo, one.prvs), "p_per": 4, "ds1": step.ds1, "n_ksg": one.code, "sl_k": 0, "it_sl": None,
        **{name: deal.units5(text) for name, text in zip(("koef_z", "koef_up", "koef_u", "koef_d"), factors, strict=True)},
    }  # fmt: skip
    first = {**row, "date_2": moved_on, "kd": step.first * 10}
    parts = (
        deal.Part(row["n_ksg"], row["ds1"], step.first, kslp), deal.Part(one.code, step.ds1, step.rest),
    )  # fmt: skip
    for made, part, price in zip((first, second), parts, deal.stay_prices(parts, mo, rslt), strict=True):
        # The tariff of the group stands there even where nothing is billed by it.
        made.update(sum_m=price, tarif=price or deal.ksg_price(part.code, mo, rslt, part.days, part.kslp))
    return first, second


def _with(tables: Tables, firsts: list[dict[str, Any]], seconds: list[dict[str, Any]], steps: dict[int, Step]) -> Tables:
    """The tables with the first departments in place of the whole stays and the second ones behind."""
    sl, usl = tables["sl"], tables["usl"]
    divided_cases = pl.Series(sorted(steps), dtype=pl.Int64).implode()
    made = pl.DataFrame([*firsts, *seconds], schema=sl.schema, orient="row")
    first = {row["case"]: row for row in firsts}
    second = {row["case"]: row for row in seconds}
    services = []
    for row in usl.filter(pl.col("case").is_in(divided_cases)).to_dicts():
        one, other = first[row["case"]], second[row["case"]]
        surgical = catalogue.KSG[other["n_ksg"]].surgical
        code = f"A16.{other['profil']:02d}.001" if surgical else f"B01.{other['profil']:03d}.006"
        services.append({**row, "date_out": one["date_2"]})
        services.append(
            {
                **row, "sl_no": 2, "date_in": other["date_1"], "date_out": other["date_2"], "ds": other["ds1"],
                "podr": other["podr"], "profil": other["profil"], "prvs": other["prvs"], "code_md": other["iddokt"],
                "code_usl": catalogue.BLOOD_SERVICE if other["n_ksg"] == catalogue.BLOOD.code else code,
            }
        )  # fmt: skip
    ends = [
        (case, row["date_2"], (row["kd"] + first[case]["kd"]) // 10, row["sum_m"] + first[case]["sum_m"])
        for case, row in second.items()
    ]
    schema = {"case": pl.Int64(), "ends": pl.Date(), "days": pl.Int64(), "sum": pl.Int64()}
    known = tables["z"].join(pl.DataFrame(ends, schema=schema, orient="row"), on="case", how="left", maintain_order="left")
    z = known.with_columns(
        date_z_2=pl.coalesce("ends", "date_z_2"), kd_z=pl.coalesce("days", "kd_z"), sumv=pl.coalesce("sum", "sumv"),
        vb_p=pl.when(pl.col("ends").is_not_null()).then(1).otherwise("vb_p"),
    )  # fmt: skip
    return {
        **tables,
        "z": z.select(tables["z"].columns),
        "sl": pl.concat([sl.filter(~pl.col("case").is_in(divided_cases)), made]),
        "usl": pl.concat(
            [usl.filter(~pl.col("case").is_in(divided_cases)), pl.DataFrame(services, schema=usl.schema, orient="row")]
        ),
    }
