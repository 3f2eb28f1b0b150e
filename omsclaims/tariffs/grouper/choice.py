"""Which of the candidates is the group of the case? Exceptions, then priorities, then the price (checks.md 3.2; law.md 8.1).

Where an exception applies to some candidate, only such candidates are looked at; among them (or all) those with a priority go
first; of those the dearest is taken, of equal prices the smaller code. Prices come in: those of the agreement, without КСЛП and
with the share of an interrupted case. Where the choice hangs on a price that is not known, the case stays without a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from omsclaims.tariffs.arrays import held
from omsclaims.tariffs.grouper.arrays import Bools, Int64s
from omsclaims.tariffs.grouper.book import Grouper
from omsclaims.tariffs.grouper.cases import any_of
from omsclaims.tariffs.grouper.kernel import DECIDED, choose
from omsclaims.tariffs.grouper.rules import Choice, Rules, source_of

#: Columns of the choice, one row a case.
SCHEMA: Final[dict[str, pl.DataType]] = {
    "sl_key": pl.Int64(),
    "case_key": pl.Int64(),
    "payment_kind": pl.String(),
    "billed": pl.String(),  # N_KSG as billed
    "ksg": pl.String(),  # computed group; null where none could be
    "decided": pl.String(),  # kernel.DECIDED, or outside | unknown (grouping.py)
    "rules": pl.String(),  # ids of the exceptions and priorities that apply to the chosen candidate, ;-separated
    "number": pl.Int64(),  # № of the row of the workbook
    "candidates": pl.Int64(),  # how many groups the case could have
    "tied": pl.Boolean(),  # another candidate had the same price, the smaller code was taken
    "price_kop": pl.Int64(),  # price of the candidate, as given
    "norm_days": pl.Int64(),
    "edition": pl.String(),
    "sources": pl.String(),  # workbook and rules, ;-separated
}


def decide(cases: pl.DataFrame, found: pl.DataFrame, prices: pl.DataFrame, grouper: Grouper) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The group of each case (SCHEMA, in order of `cases`), and the candidates with price, rules that apply and `chosen`.

    cases   cases.CASES of one kind of payment
    found   candidates(cases, grouper)
    prices  {sl_key, ksg, price_kop}; a candidate without a row or with null has no known price
    """
    priced = _with_prices(found, prices)
    first = np.searchsorted(found["case"].to_numpy(), np.arange(cases.height + 1)).astype(np.int64)
    asked = _flags(cases, found, grouper)
    applied = np.zeros(found.height, dtype=np.int64)
    chosen = np.empty(cases.height, dtype=np.int64)
    decided = np.empty(cases.height, dtype=np.int64)
    tied = np.empty(cases.height, dtype=np.bool_)
    group, marks, price = found["group"].to_numpy(), found["marks"].to_numpy(), priced["price_kop"].fill_null(-1).to_numpy()
    choose(held(first), held(group), held(marks), held(price), held(asked), grouper.rule_arrays, applied, chosen, decided, tied)
    taken = np.zeros(found.height, dtype=np.bool_)
    taken[chosen[chosen >= 0]] = True
    said, spoken, sources = _named(applied, grouper)
    shown = priced.with_columns(rules=spoken.gather(said), chosen=pl.Series(taken))
    at = pl.select(pl.when(pl.Series(chosen) >= 0).then(pl.Series(chosen)).alias("at"))["at"]
    gathered = {name: shown[name].gather(at) for name in ("ksg", "rules", "number", "price_kop", "norm_days")}
    result = cases.select("sl_key", "case_key", "payment_kind", "billed").with_columns(
        *(series.alias(name) for name, series in gathered.items()),
        sources.gather(said.gather(at)).fill_null(_book(grouper)).alias("sources"),
        decided=pl.Series(DECIDED, dtype=pl.String).gather(pl.Series(decided)),
        candidates=pl.Series(np.diff(first), dtype=pl.Int64),
        tied=pl.Series(tied),
        edition=pl.lit(f"{grouper.kind} {grouper.edition}"),
    )
    return result.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()), shown.drop("case", "group", "marks")


def _book(grouper: Grouper) -> str:
    """How a workbook is named among the sources of a result."""
    return f"book:KSG/{grouper.kind}@{grouper.edition}"


def _with_prices(found: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Candidates with their price; prices mostly come in the order of the candidates, then nothing has to be joined."""
    keys = ("sl_key", "ksg")
    prices = prices.with_columns(pl.col("price_kop").cast(pl.Int64))
    if prices.height == found.height and all((prices[name] == found[name]).all() for name in keys):
        return found.with_columns(prices["price_kop"])
    return found.join(prices.select(*keys, "price_kop"), on=keys, how="left", maintain_order="left")


def _named(applied: Int64s, grouper: Grouper) -> tuple[pl.Series, pl.Series, pl.Series]:
    """The rules whose bits are set: place of each in two lists of distinct texts, their ids and the sources of a result."""
    there = np.bincount(applied, minlength=1) > 0
    distinct, place = np.flatnonzero(there), np.cumsum(there)[applied] - 1
    rules = [[one for at, one in enumerate(grouper.chosen) if bits >> at & 1] for bits in distinct.tolist()]
    spoken = [";".join(name for name, _ in some) for some in rules]
    sources = [";".join([_book(grouper), *(source_of(name, row) for name, row in some)]) for some in rules]
    return pl.Series(place), pl.Series(spoken, dtype=pl.String), pl.Series(sources, dtype=pl.String)


def _flags(cases: pl.DataFrame, found: pl.DataFrame, grouper: Grouper) -> Int64s:
    """Bits of the rules whose demands on the case itself are met, per case; a rule that asks nothing of it has its bit.

    Only cases with a candidate that a rule is about are asked.
    """
    asked = np.full(cases.height, -1, dtype=np.int64)
    group, case, marks = (found[name].to_numpy() for name in ("group", "case", "marks"))
    rules = grouper.rule_arrays
    met = rules.groups[group] & (marks | ~rules.asks_row)
    for place, (_, choice) in enumerate(grouper.chosen):
        if not _asks(choice, grouper):
            continue
        bit = np.int64(1 << place)
        asked &= ~bit
        concerned = np.zeros(cases.height, dtype=np.bool_)
        concerned[case[(met & bit) != 0]] = True
        at = np.flatnonzero(concerned)
        if at.size:
            asked[at[_answers(cases[at], choice, grouper)]] |= bit
    return asked


def _asks(choice: Choice, grouper: Grouper) -> bool:
    """Whether a rule asks anything of the case itself."""
    ends = choice.until is not None and (grouper.holds_to is None or choice.until < grouper.holds_to)
    of_case = (
        choice.main_begins, choice.services_any, choice.services_none, choice.diagnoses_any, choice.criteria, choice.regions,
        choice.results_not, choice.first_of_stay is not None,
    )  # fmt: skip
    return ends or choice.since > grouper.holds_from or any(of_case)


def _answers(cases: pl.DataFrame, choice: Choice, grouper: Grouper) -> Bools:
    """Whether what a rule asks of a case holds, for each case."""
    main = cases["ds1"]
    found = (cases["day"] >= choice.since).fill_null(value=False).to_numpy().copy()
    if choice.until is not None:
        found &= (cases["day"] <= choice.until).fill_null(value=False).to_numpy()
    if choice.main_begins:
        begins = [main.str.starts_with(begin).fill_null(value=False).to_numpy() for begin in choice.main_begins]
        found &= np.logical_or.reduce(begins)
    if choice.services_any:
        found &= _some(cases["services"], choice.services_any)
    if choice.services_none:
        found &= ~_some(cases["services"], choice.services_none)
    if choice.diagnoses_any:
        found &= _is_in(main, choice.diagnoses_any) | _some(cases["ds2"], choice.diagnoses_any)
    if choice.criteria is not None:
        low, high = choice.criteria
        found &= any_of(cases["criteria"], lambda values: (values >= low) & (values <= high))
    if choice.regions is not None:
        found &= _regions(cases, choice.regions.at_least, choice.regions.or_any, grouper.rules)
    if choice.results_not:
        found &= ~cases["rslt"].is_in(list(choice.results_not)).fill_null(value=False).to_numpy()
    if choice.first_of_stay is not None:
        found &= (cases["first_of_stay"] == choice.first_of_stay).fill_null(value=False).to_numpy()
    return found


def _is_in(codes: pl.Series, listed: Sequence[str]) -> Bools:
    return np.asarray(codes.is_in(list(listed)).fill_null(value=False).to_numpy())


def _some(lists: pl.Series, codes: Sequence[str]) -> Bools:
    """Whether a list of the case has one of some codes."""
    return any_of(lists, lambda values: values.is_in(list(codes)))


def _regions(cases: pl.DataFrame, at_least: int, or_any: str, rules: Rules) -> Bools:
    """Whether the diagnoses of the case, main or not, touch so many regions of the body, or the one that is enough."""
    touched = {
        name: _is_in(cases["ds1"], codes) | _some(cases["ds2"], codes) | _some(cases["ds3"], codes)
        for name, codes in rules.trauma.items()
    }
    return np.asarray((np.sum(list(touched.values()), axis=0) >= at_least) | touched[or_any])
