"""Are the groups and weights of the agreement those of the federal books on each day? V023 and V024 beside it (law.md 8.1).

V023 gives every КСГ of a year with its weight (KOEF_Z). A territory may divide a group: a code whose beginning up to its last
point is a federal group is one of its subgroups, whose weight is the territory's own. Of the rows of a code in force on a day
those that begin last hold: the rows of 2017 end with 2018 and stand beside those of 2018. Where these still give several weights
(2018), each of them counts as right.

The rows of a year are in force without end until the next year's book is published. So a book proves nothing of years after its
newest rows: such days are not compared, and that is said (A.6).

Criteria are compared with V024 as a remark only (A.7): the book follows the workbooks of the grouper, it does not lead them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.law.agreement.model import Agreement
from omsclaims.law.agreement.rows import SETTINGS

#: Setting of the agreement -> conditions of care of the book (V006).
_CONDITIONS: Final = {"ksg_inpatient": "1", "ksg_day": "2"}
_FILE: Final = "ksg.csv"
_DAY: Final = timedelta(days=1)
_DECIMALS: Final = 5

Span = tuple[date, date]
#: Code -> weights in units of 0.00001 that a book gives it on a day, in order.
Weights = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Criteria:
    """Criteria of one workbook of the grouper: its name, the days that it is for, rows with `number` and `criterion`."""

    name: str
    first: date
    last: date
    rows: pl.DataFrame


def weights_on(groups: pl.DataFrame, setting: str, day: date) -> Weights:
    """The federal groups of a setting on a day with their weights: several where the book contradicts itself, none where it has
    none.

    groups   rows of V023: code, valid_from, valid_to, usl_ok, koef_z (units of 0.00001, as text or number)
    setting  ksg_inpatient or ksg_day
    """
    in_force = (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))
    rows = groups.filter(in_force & (pl.col("usl_ok").cast(pl.String) == _CONDITIONS[setting]))
    newest = rows.filter(pl.col("valid_from") == pl.col("valid_from").max().over("code"))
    found: dict[str, set[int]] = {}
    for code, weight in newest.select("code", pl.col("koef_z").cast(pl.Int64)).iter_rows():
        found.setdefault(code, set()).update(() if weight is None else (weight,))
    return {code: tuple(sorted(weights)) for code, weights in sorted(found.items())}


def federal_group(code: str, known: Iterable[str]) -> str | None:
    """The federal group that a code is, or is a subgroup of; None where it is neither."""
    names = set(known)
    beginning = code.rpartition(".")[0]
    return code if code in names else beginning if beginning in names else None


def against_groups(agreement: Agreement, groups: pl.DataFrame, days: Span, published: date | None = None) -> pl.DataFrame:
    """The table `ksg` beside V023 on each day of `days` on which both hold: rows of `findings.SCHEMA`.

    groups     rows of V023, as of `weights_on`
    published  day on which the book was published, where known: it proves something of that year, too

    A.3 a group that is neither federal nor a subgroup; A.4 another weight than KOEF_Z; A.5 a federal group that the table lacks;
    A.6 days of which the book proves nothing. A setting that the table has no group of is not compared.
    """
    table = agreement.table("ksg")
    first, last = max(days[0], agreement.head.valid_from), min(days[1], agreement.head.valid_to)
    found: list[Finding] = []
    for setting in SETTINGS:
        own = table.filter((pl.col("setting") == setting) & (pl.col("valid_from") <= last) & (pl.col("valid_to") >= first))
        theirs = groups.filter(pl.col("usl_ok").cast(pl.String) == _CONDITIONS[setting])
        if own.is_empty() or first > last:
            continue
        known = _known_days(theirs, published)
        begin, end = (max(first, known[0]), min(last, known[1])) if known else (last + _DAY, last)
        for left in ((first, min(last, begin - _DAY)), (max(begin, end + _DAY), last)) if begin <= end else ((first, last),):
            if left[0] <= left[1]:
                found.append(_said("A.6", left, setting, "V023"))
        if begin <= end:
            found += _compared(own, theirs, setting, (begin, end))
    return findings.frame(sorted(found, key=_order))


def _known_days(groups: pl.DataFrame, published: date | None) -> Span | None:
    """First and last day that a book proves something of: to the end of the year of its newest rows, or of its publication."""
    begins = groups["valid_from"].drop_nulls()
    if begins.is_empty():
        return None
    newest = max(begins.to_list())
    return min(begins.to_list()), date(max(newest.year, published.year if published else 0), 12, 31)


def _compared(own: pl.DataFrame, theirs: pl.DataFrame, setting: str, days: Span) -> Iterator[Finding]:
    """A.3-A.5 of a setting; what holds on days one after another is one finding."""
    unknown: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    wrong: defaultdict[tuple[str, str, int, tuple[int, ...]], list[Span]] = defaultdict(list)
    absent: defaultdict[str, list[Span]] = defaultdict(list)
    for span in _spans([own, theirs], days):
        federal = weights_on(theirs, setting, span[0])
        rows = own.filter((pl.col("valid_from") <= span[0]) & (pl.col("valid_to") >= span[0]))
        there = set()
        for code, weight, source in rows.select("code", "weight5", "source").iter_rows():
            group = federal_group(code, federal)
            if group is None:
                _add(unknown[code, source], span)
                continue
            there.add(group)
            if group == code and weight not in federal[code]:
                _add(wrong[code, source, weight, federal[code]], span)
        for code in federal.keys() - there:
            _add(absent[code], span)
    for (code, source), spans in unknown.items():
        yield from (_said("A.3", span, setting, code, source, "code") for span in spans)
    for (code, source, weight, known), spans in wrong.items():
        figures = {"weight": _decimal(weight), "federal": " / ".join(map(_decimal, known)) or "-"}
        yield from (_said("A.4", span, setting, code, source, "weight", **figures) for span in spans)
    for code, spans in absent.items():
        for span in spans:
            federal_weight = weights_on(theirs, setting, span[0])[code]
            yield _said("A.5", span, setting, code, federal=" / ".join(map(_decimal, federal_weight)) or "-")


def against_criteria(workbooks: Iterable[Criteria], criteria: pl.DataFrame, days: Span) -> pl.DataFrame:
    """Criteria of the workbooks that V024 lacks on days of `days` (A.7, a remark): rows of `findings.SCHEMA`.

    criteria  rows of V024: code, valid_from, valid_to
    """
    found = []
    for workbook in workbooks:
        first, last = max(days[0], workbook.first), min(days[1], workbook.last)
        asked = workbook.rows.filter(pl.col("criterion").is_not_null()).group_by("criterion").agg(
            number=pl.col("number").cast(pl.Int64).min(), rows=pl.len()
        )  # fmt: skip
        lacking: defaultdict[str, list[Span]] = defaultdict(list)
        for span in _spans([criteria], (first, last)) if first <= last else ():
            in_force = (pl.col("valid_from") <= span[0]) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= span[0]))
            known = set(criteria.filter(in_force)["code"])
            for criterion in asked["criterion"]:
                if criterion not in known:
                    _add(lacking[criterion], span)
        counts = {criterion: (number, rows) for criterion, number, rows in asked.iter_rows()}
        for criterion, spans in lacking.items():
            number, rows = counts[criterion]
            more = {"number": number, "rows": rows, "workbook": workbook.name}
            found += [_said("A.7", span, workbook.name, criterion, **more) for span in spans]
    return findings.frame(sorted(found, key=_order))


# ---- days and words --------------------------------------------------------------------------------------------------------


def _spans(tables: Iterable[pl.DataFrame], days: Span) -> Iterator[Span]:
    """The days cut where a row of some table begins or ends: within a span nothing changes."""
    first, last = days
    cuts = {first}
    for table in tables:
        cuts |= {day for day in table["valid_from"].drop_nulls().unique().to_list() if first < day <= last}
        cuts |= {day + _DAY for day in table["valid_to"].drop_nulls().unique().to_list() if first <= day < last}
    begins = sorted(cuts)
    yield from zip(begins, [*(day - _DAY for day in begins[1:]), last], strict=True)


def _add(spans: list[Span], span: Span) -> None:
    """Adds a span, joined to the one before it where no day lies between."""
    if spans and spans[-1][1] + _DAY == span[0]:
        spans[-1] = (spans[-1][0], span[1])
    else:
        spans.append(span)


def _decimal(units: int) -> str:
    """A weight in units of 0.00001 as it is written: 0.93."""
    return f"{Decimal(units).scaleb(-_DECIMALS).normalize():f}"


def _order(one: Finding) -> tuple[object, ...]:
    """By rule, setting or workbook, line, code, day."""
    return one.rule, str(one.params["setting"]), one.line or 0, one.value or "", str(one.params["begin"])


def _said(
    rule: str, span: Span, setting: str, value: str, source: str = "", column: str | None = None, **params: object
) -> Finding:  # fmt: skip
    """A finding with its days; at file and line where it is about a row of the agreement."""
    file, _, line = source.partition(":")
    said: Mapping[str, object] = {"begin": str(span[0]), "end": str(span[1]), "setting": setting, **params}
    where = str(params.get("workbook", _FILE))
    return Finding(
        rule, file=file or where, line=int(line) if line else None, element=column, value=value, params=said
    )  # fmt: skip
