"""What is compiled of a grouper workbook? Rows of «Группировщик» as arrays and look-ups (law.md 8.1; checks.md 3.1).

A row applies to a case when every filled column matches. Main diagnosis, service and criterion are looked up together by one
hash; age, sex, duration and fractions are bits that a case has or has not; secondary diagnoses are compared one by one. So a
case touches some ten rows instead of all of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from omsclaims.findings import Finding
from omsclaims.nsi import Book
from omsclaims.tariffs.grouper import rules as tables
from omsclaims.tariffs.grouper.arrays import Int32s, Int64s, RowArrays, RuleArrays
from omsclaims.tariffs.grouper.kernel import place_of
from omsclaims.tariffs.grouper.rules import Choice, Rules

#: Setting of the books and kind of payment.
SETTINGS: Final = {"ST": "ksg_inpatient", "DS": "ksg_day"}
COLUMNS: Final = ("ds1", "ds2", "ds3", "service", "age", "sex", "duration", "criterion", "fractions")
_CATEGORIES: Final = [f"{letter}{number:02d}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for number in range(100)]
CATEGORY: Final = pl.Enum(_CATEGORIES)
_RANGE: Final = re.compile(r"([A-Z]\d\d)-([A-Z]\d\d)", re.ASCII)
_LETTER: Final = re.compile(r"([A-Z])\.", re.ASCII)
_NORM: Final = r"d(\d+)$"
#: Bits of what a row needs and a case has: sex 1-2, then ages, durations, fractions by their place in codes.yaml.
_SEX_BITS: Final = {"1": 0, "2": 1}
_AGE_FROM: Final = 2
#: Bits that the rules of the choice may take: their sets are counted.
_BITS: Final = 20
_ANY: Final = 0


@dataclass(frozen=True)
class Grouper:
    """One edition of one workbook, compiled.

    kind           kind of payment: ksg_inpatient or ksg_day
    edition        name of the edition
    holds_from     first day (of the end of a case) that it is for; holds_to: the last one, None: open
    groups         codes of the КСГ in order; a candidate names its group by the place here
    table          group, weight5 (null: none in the workbook), wage_share4 (null: none), in order of `groups`
    rows           the rows as they stand, with № as `number`, for the path of a decision
    rules, chosen  the rules of the choice and their ids, in order of RuleArrays
    problems       T.76: rows of the workbook that could not be compiled, and are not asked
    """

    kind: str
    edition: str
    holds_from: date
    holds_to: date | None
    groups: tuple[str, ...]
    table: pl.DataFrame
    rows: pl.DataFrame
    exact: pl.Enum
    services: pl.Enum
    criteria: pl.Enum
    arrays: RowArrays
    rules: Rules
    chosen: tuple[tuple[str, Choice], ...]
    rule_arrays: RuleArrays
    problems: tuple[Finding, ...] = ()

    def weight_prices(self, candidates: pl.DataFrame, rate_kop: int) -> pl.DataFrame:
        """Prices {sl_key, ksg, price_kop} of candidates as base rate x weight: for a choice without an agreement.

        rate_kop  whole thousands of roubles, so that weights of five decimals give whole kopecks and nothing is rounded
        """
        if rate_kop % 100_000:
            raise ValueError("weights are compared by a rate of whole thousands of roubles")
        weights = self.table.select(pl.col("group").alias("ksg"), "weight5")
        priced = candidates.join(weights, on="ksg", how="left", maintain_order="left")
        return priced.select("sl_key", "ksg", price_kop=pl.col("weight5") * (rate_kop // 100_000))


def compile_grouper(grouper: Book, groups: Book, rules: Rules | None = None, holds_to: date | None = None) -> Grouper:
    """The books KSG.<setting>.GROUPER and KSG.<setting>.GROUPS as a Grouper.

    holds_to  last day of the edition; by default the last day of the year that it begins in, None stays open for books that
              hold since ever

    Findings (`problems`): T.76 a row with a code that codes.yaml does not know, or a diagnosis that is no code, range or letter.
    """
    kind = SETTINGS[grouper.name.split(".")[1]]
    chosen = tables.rules() if rules is None else rules
    assert len(chosen.exceptions) + len(chosen.priorities) < _BITS, "more rules than there are bits"
    rows, problems = _usable(_text_rows(grouper))
    names = tuple(sorted({*rows["ksg"].to_list(), *groups.rows["code"].to_list()}))
    choices = [(name, row, exception) for name, row, exception in chosen.choices() if kind in row.settings]
    patterns = _patterns(rows)
    services = sorted(rows["service"].drop_nulls().unique())
    criteria = sorted(rows["criterion"].drop_nulls().unique())
    exact = sorted(text for text in patterns if not _RANGE.fullmatch(text) and not _LETTER.fullmatch(text))
    arrays = _row_arrays(rows, names, patterns, services, criteria, choices)
    end = holds_to if holds_to is not None or grouper.holds_from.year < 2000 else date(grouper.holds_from.year, 12, 31)
    return Grouper(
        kind, grouper.edition, grouper.holds_from, end, names, _group_table(groups, names), rows, pl.Enum(exact),
        pl.Enum(services), pl.Enum(criteria), arrays, chosen, tuple((name, row) for name, row, _ in choices),
        _rule_arrays(choices, names), tuple(problems),
    )  # fmt: skip


def _text_rows(book: Book) -> pl.DataFrame:
    """Rows in order of the sheet: number, ksg and the columns, as text; a column that a book has not is empty."""
    has = book.rows.columns
    columns = [pl.col(name).cast(pl.String) if name in has else pl.lit(None, dtype=pl.String).alias(name) for name in COLUMNS]
    number = pl.col("number").cast(pl.Int64) if "number" in has else pl.col("row").cast(pl.Int64)
    return book.rows.sort("row").select(number.alias("number"), pl.col("code").alias("ksg"), *columns)


def _usable(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[Finding]]:
    """Rows whose codes are known; the others as findings."""
    known = tables.codes()
    plain = r"^([A-Z]\d\d(\.\d{1,2})?|[A-Z]\d\d-[A-Z]\d\d|[A-Z]\.)$"
    tests = {
        **{name: pl.col(name).str.contains(plain) for name in ("ds1", "ds2", "ds3")},
        "age": pl.col("age").is_in([str(code) for code in known.ages]),
        "sex": pl.col("sex").is_in(list(_SEX_BITS)),
        "duration": pl.col("duration").is_in([str(code) for code in known.durations]),
        "fractions": pl.col("fractions").is_in(list(known.fractions)),
    }
    wrong = pl.coalesce([pl.when(~test.fill_null(value=True)).then(pl.lit(name)) for name, test in tests.items()])
    marked = rows.with_columns(wrong=wrong)
    problems = [
        Finding("T.76", value=row[row["wrong"]], params={"number": row["number"], "ksg": row["ksg"], "column": row["wrong"]})
        for row in marked.filter(pl.col("wrong").is_not_null()).iter_rows(named=True)
    ]
    return marked.filter(pl.col("wrong").is_null()).drop("wrong"), problems


def _patterns(rows: pl.DataFrame) -> dict[str, int]:
    """Every code, range and letter of the three columns of diagnoses -> its number from 1, codes first and in order."""
    texts = set().union(*(rows[name].drop_nulls().to_list() for name in ("ds1", "ds2", "ds3")))
    exact = sorted(text for text in texts if not _RANGE.fullmatch(text) and not _LETTER.fullmatch(text))
    wide = sorted(texts - set(exact))
    return {text: place for place, text in enumerate([*exact, *wide], 1)}


def _row_arrays(
    rows: pl.DataFrame, names: tuple[str, ...], patterns: dict[str, int], services: list[str], criteria: list[str],
    choices: list[tuple[str, Choice, bool]],
) -> RowArrays:  # fmt: skip
    """The rows, put in order of their keys, with the hash table over these."""
    service_of = {code: place for place, code in enumerate(services, 1)}
    criterion_of = {code: place for place, code in enumerate(criteria, 1)}
    group_of = {code: place for place, code in enumerate(names)}
    keyed = rows.with_columns(
        p=_numbered("ds1", patterns), s=_numbered("service", service_of), c=_numbered("criterion", criterion_of),
        d2=_numbered("ds2", patterns), d3=_numbered("ds3", patterns), need=pl.Series(_needs(rows), dtype=pl.Int64),
        marks=pl.Series(_marks(rows, choices), dtype=pl.Int64), place=_numbered("ksg", group_of),
    ).sort("p", "s", "c", "number")  # fmt: skip
    first, table = _hashed(keyed)
    category_first, category_patterns = _categories(patterns)
    has = [
        _together(keyed, "p", len(patterns), "s", "c"),
        _together(keyed, "s", len(services), "p", "c"),
        _together(keyed, "c", len(criteria), "p"),
    ]
    columns = {name: keyed[name].to_numpy().astype(np.int32) for name in ("d2", "d3", "place", "number")}
    return RowArrays(
        first, table[:, 0].copy(), table[:, 1].copy(), keyed["need"].to_numpy().copy(), columns["d2"], columns["d3"],
        columns["place"], columns["number"], keyed["marks"].to_numpy().copy(), category_first, category_patterns, *has,
    )  # fmt: skip


def _together(keyed: pl.DataFrame, of: str, count: int, *others: str) -> npt.NDArray[np.uint8]:
    """Per value of one part of the key: bit i whether some row with it asks for part i of the others, too."""
    has = np.zeros(count + 1, dtype=np.uint8)
    for bit, other in enumerate(others):
        np.bitwise_or.at(has, keyed[of].to_numpy(), (keyed[other].to_numpy() != 0).astype(np.uint8) << bit)
    return has


def _numbered(column: str, numbers: dict[str, int]) -> pl.Expr:
    """Codes as their numbers, 0 where the column is empty."""
    return (
        pl.col(column).replace_strict(list(numbers), list(numbers.values()), default=None, return_dtype=pl.Int64).fill_null(_ANY)
    )


def _needs(rows: pl.DataFrame) -> list[int]:
    """Bits that each row needs."""
    bits = bit_places()
    found = []
    for sex, age, duration, fractions in rows.select("sex", "age", "duration", "fractions").iter_rows():
        need = 0
        for kind, code in (("sex", sex), ("age", age), ("duration", duration), ("fractions", fractions)):
            if code is not None:
                need |= 1 << bits[kind][code]
        found.append(need)
    return found


def bit_places() -> dict[str, dict[str, int]]:
    """Place of the bit of each code of sex, age, duration and fractions."""
    known = tables.codes()
    places: dict[str, dict[str, int]] = {"sex": dict(_SEX_BITS), "age": {}, "duration": {}, "fractions": {}}
    listed = [("age", str(code)) for code in known.ages] + [("duration", str(code)) for code in known.durations]
    for place, (kind, code) in enumerate(listed + [("fractions", code) for code in known.fractions], _AGE_FROM):
        places[kind][code] = place
    return places


def _marks(rows: pl.DataFrame, choices: list[tuple[str, Choice, bool]]) -> list[int]:
    """Bits of the rules whose demand on the row of the workbook (`row`) it meets; bit of a rule: its place among `choices`."""
    asked = [(place, choice.row) for place, (_, choice, _) in enumerate(choices) if choice.row != tables.OfRow()]
    found = []
    for service, duration in rows.select("service", "duration").iter_rows():
        mark = 0
        for place, of_row in asked:
            begins = not of_row.service_begins or (service or "").startswith(of_row.service_begins)
            spared = not of_row.service_not or (service is not None and service not in of_row.service_not)
            lasts = not of_row.duration or duration in of_row.duration
            mark |= int(begins and spared and lasts) << place
        found.append(mark)
    return found


def _hashed(keyed: pl.DataFrame) -> tuple[Int64s, Int32s]:
    """Hash table over the keys: key per slot, and (first, last) row of it; open addressing, at most a quarter full."""
    runs = keyed.with_row_index("at").group_by("p", "s", "c", maintain_order=True).agg(
        first=pl.col("at").first(), count=pl.len()
    )  # fmt: skip
    size = 1 << max(4, int(np.ceil(np.log2(max(runs.height, 1) * 4))))
    keys = np.full(size, -1, dtype=np.int64)
    spans = np.full((size, 2), -1, dtype=np.int32)
    for p, s, c, first, count in runs.iter_rows():
        slot = place_of(p, s, c, size - 1)
        while keys[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        keys[slot] = (p << 40) | (s << 20) | c
        spans[slot] = (first, first + count)
    return keys, spans


def _categories(patterns: dict[str, int]) -> tuple[Int32s, Int32s]:
    """For each category of three characters (and one for a text that is none, the last): the ranges and letters it lies in."""
    wide: defaultdict[int, list[int]] = defaultdict(list)
    place_of_category = {category: place for place, category in enumerate(_CATEGORIES)}
    for text, number in patterns.items():
        span, letter = _RANGE.fullmatch(text), _LETTER.fullmatch(text)
        low, high = (span[1], span[2]) if span else (f"{letter[1]}00", f"{letter[1]}99") if letter else ("", "")
        if low:
            for place in range(place_of_category[low], place_of_category[high] + 1):
                wide[place].append(number)
    counts = [len(wide[place]) for place in range(len(_CATEGORIES) + 1)]
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    flat = [number for place in range(len(_CATEGORIES) + 1) for number in wide[place]]
    return first, np.array(flat or [0], dtype=np.int32)


def _group_table(groups: Book, names: tuple[str, ...]) -> pl.DataFrame:
    """Weight and wage share of each group, null where the workbook gives none."""
    wage = pl.col("wage_share").cast(pl.Int64) if "wage_share" in groups.rows.columns else pl.lit(None, dtype=pl.Int64)
    known = groups.rows.select(group="code", weight5=pl.col("koef_z").cast(pl.Int64), wage_share4=wage)
    return pl.DataFrame({"group": names}, schema={"group": pl.String()}).join(
        known, on="group", how="left", maintain_order="left"
    )


def _rule_arrays(choices: list[tuple[str, Choice, bool]], names: tuple[str, ...]) -> RuleArrays:
    """The rules over the groups of the book."""

    def per_group(lists: list[tuple[str, ...]], empty_means_all: bool = False) -> Int64s:
        return np.array(
            [_bits(tables.listed(name, groups) or (empty_means_all and not groups) for groups in lists) for name in names],
            dtype=np.int64,
        )

    rows = [choice for _, choice, _ in choices]
    return RuleArrays(
        _bits(exception for _, _, exception in choices),
        per_group([choice.groups for choice in rows], empty_means_all=True),
        _bits(choice.row != tables.OfRow() for choice in rows),
        per_group([choice.if_possible for choice in rows]),
        _bits(bool(choice.if_possible) for choice in rows),
        per_group([choice.unless_possible for choice in rows]),
    )


def _bits(flags: Iterable[bool]) -> int:
    """Flags as bits, the first the lowest."""
    return sum(1 << place for place, flag in enumerate(flags) if flag)
