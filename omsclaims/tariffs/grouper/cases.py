"""What does the grouper look at of a case? One row a sub-case (SL) of a КСГ kind (law.md 8.1, 8.7).

Age is that of the day of admission (DATE_Z_1), days are those of law.md 8.7. Fractions come from a criterion frNN-NN where the
case has one, else from K_FR.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from omsclaims.periods import age_expr
from omsclaims.tariffs.arrays import held
from omsclaims.tariffs.grouper import rules as tables
from omsclaims.tariffs.grouper.arrays import Encoded, Int32s
from omsclaims.tariffs.grouper.book import CATEGORY, Grouper, bit_places

_TEXT, _INT, _DATE, _LIST = pl.String(), pl.Int64(), pl.Date(), pl.List(pl.String())
#: Columns of the cases: name -> (type, meaning).
CASES: Final[dict[str, tuple[pl.DataType, str]]] = {
    "sl_key": (_INT, "_row of sl"),
    "case_key": (_INT, "completed case: several sub-cases of one stay"),
    "payment_kind": (_TEXT, "ksg_inpatient or ksg_day"),
    "day": (_DATE, "day that editions and rules are chosen by: DATE_2"),
    "billed": (_TEXT, "N_KSG as billed, or null"),
    "ds1": (_TEXT, "main diagnosis"),
    "ds2": (_LIST, "secondary diagnoses"),
    "ds3": (_LIST, "complications"),
    "services": (_LIST, "CODE_USL and VID_VME"),
    "criteria": (_LIST, "CRIT"),
    "fractions": (_INT, "K_FR, or null"),
    "w": (_INT, "sex, V005"),
    "age_years": (_INT, "whole years on the day of admission; null: not known"),
    "age_days": (_INT, "days since birth on it"),
    "days": (_INT, "days of the stay, law.md 8.7"),
    "rslt": (_INT, "V009"),
    "first_of_stay": (pl.Boolean(), "no other sub-case of the stay began before, or on the same day and ended later"),
}
SCHEMA: Final = {name: kind for name, (kind, _) in CASES.items()}
_KINDS: Final = {1: "ksg_inpatient", 2: "ksg_day"}
#: Lists of a case: the table below sl and its columns. A code of the nomenclature stands in CODE_USL or, where a region has codes
#: of its own there, in VID_VME; what is no code of the workbook asks for nothing.
_BELOW: Final = {
    "ds2": ("ds2", "ds2"), "ds3": ("ds3", "ds3"), "services": ("usl", "code_usl", "vid_vme"), "criteria": ("crit", "crit"),
}  # fmt: skip
_FRACTIONS: Final = r"^fr\d\d-\d\d$"


def encode(cases: pl.DataFrame, grouper: Grouper) -> Encoded:
    """Cases (columns of CASES) as numbers of a grouper."""
    cases = cases.rechunk()
    exact, category = _diagnoses(cases["ds1"], grouper)
    service_first, service = _codes(cases["services"], grouper.services)
    criterion_first, criterion = _codes(cases["criteria"], grouper.criteria)
    ds2_first, flat2 = _flat(cases["ds2"])
    ds3_first, flat3 = _flat(cases["ds3"])
    ds2, ds2_category = _diagnoses(flat2, grouper)
    ds3, ds3_category = _diagnoses(flat3, grouper)
    parts = (
        exact, category, _have(cases), service_first, service, criterion_first, criterion, ds2_first, ds2, ds2_category,
        ds3_first, ds3, ds3_category,
    )  # fmt: skip
    return Encoded(*(held(part) for part in parts))


def _numbers(codes: pl.Series, kind: pl.Enum) -> pl.Series:
    """Number of each code from 1, 0 for what the list does not have."""
    return codes.cast(kind, strict=False).to_physical().cast(pl.Int32).fill_null(-1) + 1


def _diagnoses(codes: pl.Series, grouper: Grouper) -> tuple[Int32s, Int32s]:
    """Number of each diagnosis in the book (0: not there) and its category of three characters (the last: it has none)."""
    known = _numbers(codes, grouper.exact)
    category = codes.str.head(3).cast(CATEGORY, strict=False).to_physical().cast(pl.Int32).fill_null(len(CATEGORY.categories))
    return known.to_numpy(), category.to_numpy()


def _flat(lists: pl.Series) -> tuple[Int32s, pl.Series]:
    """Where the values of each list begin, and all values one after another; an empty list and none are the same."""
    counts = lists.list.len().fill_null(0).to_numpy()
    first = np.zeros(len(lists) + 1, dtype=np.int32)
    np.cumsum(counts, out=first[1:])
    return first, lists.explode(empty_as_null=False, keep_nulls=False)


def _codes(lists: pl.Series, kind: pl.Enum) -> tuple[Int32s, Int32s]:
    """Known codes of each list: where those of a case begin, and their numbers."""
    first, flat = _flat(lists)
    numbers = _numbers(flat, kind).to_numpy()
    known = numbers > 0
    before = np.zeros(len(numbers) + 1, dtype=np.int32)
    np.cumsum(known, out=before[1:])
    return before[first], numbers[known]


def any_of(lists: pl.Series, test: Callable[[pl.Series], pl.Series]) -> npt.NDArray[np.bool_]:
    """For each list whether some of its values pass a test; the test sees all values one after another."""
    first, flat = _flat(lists)
    hits = np.zeros(len(flat) + 1, dtype=np.int64)
    np.cumsum(test(flat).fill_null(value=False).to_numpy(), out=hits[1:])
    return np.asarray(hits[first[1:]] > hits[first[:-1]])


def _have(cases: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Bits that each case has; what is not known has no bit."""
    known, places = tables.codes(), bit_places()
    bits: list[pl.Expr] = []

    def bit(when: pl.Expr, place: int) -> None:
        bits.append(when.fill_null(value=False).cast(pl.Int64) * (1 << place))

    for code, place in places["sex"].items():
        bit(pl.col("w") == int(code), place)
    for age, bounds in known.ages.items():
        tests = [_within(pl.col("age_days"), bounds.days), _within(pl.col("age_years"), bounds.years)]
        bit(pl.all_horizontal(tests) & (pl.col("age_days") >= 0), places["age"][str(age)])
    for duration, days in known.durations.items():
        bit(_within(pl.col("days"), days), places["duration"][str(duration)])
    have = cases.select(pl.sum_horizontal(bits).alias("have"))["have"].to_numpy()
    return np.asarray(have | _fractions(cases, places["fractions"]))


def _fractions(cases: pl.DataFrame, places: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """Bits of the fractions: of the criteria frNN-NN where a case has some, else of K_FR."""
    spans = tables.codes().fractions
    tests = [
        _within(pl.col("fractions"), span).fill_null(value=False).cast(pl.Int64) * (1 << places[name])
        for name, span in spans.items()
    ]
    by_number = cases.select(pl.sum_horizontal(tests).alias("bits"))["bits"].to_numpy()
    first, flat = _flat(cases["criteria"])
    said = flat.str.starts_with("fr").fill_null(value=False)
    if not said.any():
        return by_number
    by_text = np.zeros(cases.height, dtype=np.int64)
    owner = np.repeat(np.arange(cases.height), np.diff(first))
    bit = flat.replace_strict(list(places), [1 << place for place in places.values()], default=0, return_dtype=pl.Int64)
    np.bitwise_or.at(by_text, owner, np.where(flat.str.contains(_FRACTIONS).fill_null(value=False), bit.fill_null(0), 0))
    return np.where(by_text != 0, by_text, by_number)


def _within(column: pl.Expr, bounds: tuple[int, ...]) -> pl.Expr:
    """Whether a number lies between bounds (both included); one bound: open above; none: true."""
    if not bounds:
        return pl.lit(value=True)
    return column >= bounds[0] if len(bounds) == 1 else column.is_between(bounds[0], bounds[1])


def stay_days() -> pl.Expr:
    """Days of a stay (law.md 8.7) of date_1, date_2, kd (0.1 day), payment_kind: discharge - admission, at least 1; day hospital:
    KD, a begun day is a day; without KD both end days count."""
    between = (pl.col("date_2") - pl.col("date_1")).dt.total_days()
    day_hospital = pl.coalesce((pl.col("kd") + 9) // 10, between + 1)
    return pl.when(pl.col("payment_kind") == "ksg_day").then(day_hospital).otherwise(pl.max_horizontal(between, pl.lit(1)))


def ages(birth: pl.Expr, day: pl.Expr) -> dict[str, pl.Expr]:
    """age_years and age_days on a day; null where the birth is not known or lies after it."""
    born = birth <= day
    return {
        "age_years": pl.when(born).then(age_expr(birth, day).cast(pl.Int64)),
        "age_days": pl.when(born).then((day - birth).dt.total_days()),
    }


def cases_of(tables_: Mapping[str, pl.DataFrame], people: pl.DataFrame) -> pl.DataFrame:
    """Sub-cases of a month or package that are billed or to be paid by КСГ, as CASES, in order of sl_key.

    tables_  canonical tables cases (or z_sl with case_key), sl, and where they are: usl, ds2, ds3, crit, onk_sl columns of sl
    people   case_key, w, age_years, age_days (on the day of admission)

    A sub-case is taken when its conditions of care are inpatient or day hospital and it is no high-tech care (file T).
    """
    of_case = tables_["cases"].select("case_key", "usl_ok", "file_kind", "rslt")
    sl = tables_["sl"].rename({"_row": "sl_key"})
    optional = {"kd": pl.Int64(), "k_fr": pl.Int64(), "n_ksg": pl.String()}
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in optional.items() if name not in sl.columns]
    rows = (
        sl.with_columns(missing)
        .select("sl_key", "case_key", "ds1", "date_1", "date_2", "kd", "k_fr", pl.col("n_ksg").alias("billed"))
        .join(of_case, on="case_key", how="inner")
        .filter(pl.col("usl_ok").is_in(list(_KINDS)) & (pl.col("file_kind") != "T"))
        .with_columns(payment_kind=pl.col("usl_ok").replace_strict(_KINDS, return_dtype=pl.String))
        .join(people.select("case_key", "w", "age_years", "age_days"), on="case_key", how="left")
    )
    for name, (table, *columns) in _BELOW.items():
        rows = rows.join(_listed(tables_.get(table), columns).rename({"values": name}), on="sl_key", how="left")
    rows = rows.with_columns(days=stay_days(), day=pl.col("date_2"), fractions=pl.col("k_fr"), first_of_stay=_first_of_stay())
    empty = [pl.col(name).fill_null([]) for name in ("ds2", "ds3", "services", "criteria")]
    return rows.with_columns(empty).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort("sl_key")


def _first_of_stay() -> pl.Expr:
    """Whether a sub-case began the stay: the earliest; of those of one day the one that ended last; then the first row."""
    order = pl.struct(pl.col("date_1"), -pl.col("date_2").dt.epoch("d"), pl.col("sl_key"))
    return order.rank("ordinal").over("case_key") == 1


def _listed(table: pl.DataFrame | None, columns: list[str]) -> pl.DataFrame:
    """sl_key and the list of the values of a table below sl, in the order of the file; of several columns side by side."""
    there = [] if table is None else [name for name in columns if name in table.columns]
    if table is None or not there:
        return pl.DataFrame(schema={"sl_key": _INT, "values": _LIST})
    rows = table.select(pl.col("_parent").alias("sl_key"), pl.concat_list(there).alias("values"))
    flat = rows.explode("values", empty_as_null=False, keep_nulls=False).drop_nulls()
    return flat.group_by("sl_key", maintain_order=True).agg("values")
