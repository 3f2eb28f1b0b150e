"""Do the tables of per-capita money contradict themselves, which partition holds on a date? (Rules 152-168; law.md 4, 7)"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims.law import ParameterError, Parameters
from omsclaims.law.agreement.model import Agreement, Head, Problem
from omsclaims.law.agreement.rows import (
    Capitation,
    CapitationPart,
    ClinicCapitation,
    Fap,
    PartitionGroup,
    Performance,
    Read,
    RelativeCoefficient,
    Row,
)
from omsclaims.periods import Partition, SexAgeGroup, parse_partition

#: What `financing.partition` says where the territory has groups of its own.
OWN_PARTITION: Final = "own"
#: Tables that `per_capita_problems` looks at.
LOOKED_AT: Final = (
    "partition", "capitation", "clinic_capitation", "relative_coefficients", "capitation_parts", "performance", "fap",
    "ambulance_areas",
)  # fmt: skip
_ONE: Final = 10**5
_SEXES: Final = {"m": (1,), "f": (2,)}


def partition_on(agreement: Agreement, law: Parameters, on: date) -> tuple[Partition, str]:
    """The sex-age groups in force on a date, proved to hold everybody once, and their source: `law:name@since` or the file.

    Those of the agreement where its financing says `own`, else the federal parameter that it names; without financing the federal
    ones of the date. Raises ParameterError where nothing holds, ValueError for groups with a gap.
    """
    options = agreement.head.financing
    name = "partition" if options is None else options.partition
    if name == OWN_PARTITION:
        rows = agreement.table("partition").filter((pl.col("valid_from") <= on) & (pl.col("valid_to") >= on))
        if rows.is_empty():
            raise ParameterError("partition.csv", on)
        groups = [
            {"code": row["code"], "sex": row["sex"], "from": row["age_from"], "to": row["age_to"]}
            for row in rows.iter_rows(named=True)
        ]
        return parse_partition(groups), "partition.csv"
    used = law.use(name if "." in name else f"financing.{name}", on)
    return parse_partition(used.value), f"law:{used.name}@{used.since}"


def per_capita_problems(root: Path, head: Head, rows: Mapping[str, list[Read]]) -> list[Problem]:
    """Files and values that per-capita money needs and the folder lacks, and what contradicts itself in its tables."""
    return [
        *_needed(root, head, rows),
        *_partition_gaps(rows["partition"]),
        *_shares(rows["capitation_parts"]),
        *_points(rows["performance"]),
        *_sizes(rows["fap"]),
    ]


def _needed(root: Path, head: Head, rows: Mapping[str, list[Read]]) -> list[Problem]:
    """What a kind of per-capita money cannot be computed without."""
    problems = []
    if head.financing is not None and head.financing.partition == OWN_PARTITION and not rows["partition"]:
        problems.append(Problem("partition.csv", 1, "", "no_file", (("kinds", "financing"),)))
    clinics = {read.row.kind for read in rows["clinic_capitation"] if isinstance(read.row, ClinicCapitation)}
    relative = {read.row.kind for read in rows["relative_coefficients"] if isinstance(read.row, RelativeCoefficient)}
    for read in rows["capitation"]:
        row = read.row
        assert isinstance(row, Capitation)
        lacking = [] if row.kind in clinics else ["clinic_capitation"]
        if row.kdpv == "attached" and row.kind not in relative:
            lacking.append("relative_coefficients")
        if row.performance_share and not rows["performance"]:
            lacking.append("performance")
        if row.kind == "ambulance" and row.money is not None and not rows["ambulance_areas"]:
            lacking.append("ambulance_areas")
        for name in lacking:
            code = "no_rows" if (root / f"{name}.csv").is_file() else "no_file"
            problems.append(Problem(f"{name}.csv", 1, "", code, (("kinds", row.kind),)))
        if row.money is None and (row.base is None or row.performance_share):
            problems.append(Problem(read.file, read.line, "money", "missing"))
    for read in rows["clinic_capitation"]:
        row = read.row
        assert isinstance(row, ClinicCapitation)
        computed = {one.row.kdpv for one in rows["capitation"] if isinstance(one.row, Capitation) and one.row.kind == row.kind}
        if row.kdpv is None and "table" in computed:
            problems.append(Problem(read.file, read.line, "kdpv", "missing"))
    return problems


def _starts(found: Iterable[Read]) -> list[date]:
    """Days on which the rows of a table change: the first days of their validity, and the days after the last."""
    days: set[date] = set()
    for read in found:
        assert read.row.valid_from is not None and read.row.valid_to is not None, "rows are dated before they are compared"
        days |= {read.row.valid_from, read.row.valid_to + timedelta(days=1)}
    return sorted(days)[:-1]


def _holding(found: Iterable[Read], on: date) -> list[Read]:
    return [read for read in found if _from(read.row) <= on <= _to(read.row)]


def _from(row: Row) -> date:
    assert row.valid_from is not None
    return row.valid_from


def _to(row: Row) -> date:
    assert row.valid_to is not None
    return row.valid_to


def _partition_gaps(found: list[Read]) -> list[Problem]:
    """Ages that no group of the territory's own partition holds, on any day; a code that stands for two groups of one sex."""
    problems = []
    for day in _starts(found):
        held = _holding(found, day)
        groups: list[SexAgeGroup] = []
        seen: dict[tuple[str, str], int] = {}
        for read in held:
            row = read.row
            assert isinstance(row, PartitionGroup)
            groups.append(SexAgeGroup(row.code, _SEXES[row.sex], row.age_from, row.age_to))
            first = seen.setdefault((row.code, row.sex), read.line)
            if first != read.line:
                said = (("other", str(first)), ("row", row.code))
                problems.append(Problem(read.file, read.line, "code", "two_rows", said))
        nobody = [(sex, age) for sex, age, number in Partition(tuple(groups)).gaps() if number == 0]
        if nobody and held:
            sex, age = nobody[0]
            params = (("age", str(age)), ("day", str(day)), ("sex", str(sex)))
            problems.append(Problem(held[-1].file, held[-1].line, "age_from", "partition_gap", params))
    return sorted(set(problems))


def _shares(found: list[Read]) -> list[Problem]:
    """Shares of a clinic's people that live in places: more than all of them."""
    problems = []
    for day in _starts(found):
        sums: dict[str, int] = defaultdict(int)
        for read in _holding(found, day):
            row = read.row
            assert isinstance(row, CapitationPart)
            sums[row.mo] += row.share
            if sums[row.mo] > _ONE:
                problems.append(Problem(read.file, read.line, "share", "shares_above_one", (("value", row.mo),)))
    return sorted(set(problems))


def _points(found: list[Read]) -> list[Problem]:
    """More points than the most, or a most of nothing."""
    problems = []
    for read in found:
        row = read.row
        assert isinstance(row, Performance)
        if row.points > row.most or not row.most:
            problems.append(Problem(read.file, read.line, "points", "range"))
    return problems


def _sizes(found: list[Read]) -> list[Problem]:
    """A ФАП of which nothing says how large it is."""
    return [
        Problem(read.file, read.line, "band", "missing")
        for read in found
        if isinstance(read.row, Fap) and read.row.band is None and read.row.residents is None
    ]
