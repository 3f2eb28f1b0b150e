"""Which group has each case of a month, and what stands in the way? Several workbooks and years together (law.md 0, 8.1).

A case is grouped by the edition for the day on which its sub-case ended. What lacks a diagnosis, an age, days or an edition, fits
no row, or hangs on a price that is not known, has no computed group and says why: a finding, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.nsi import Book, Books
from omsclaims.tariffs.grouper import cases as of_cases
from omsclaims.tariffs.grouper import rules
from omsclaims.tariffs.grouper.book import SETTINGS, Grouper, compile_grouper
from omsclaims.tariffs.grouper.choice import SCHEMA, decide
from omsclaims.tariffs.grouper.matching import candidates
from omsclaims.tariffs.grouper.rules import Rules

#: Candidates with the columns of their case -> {sl_key, ksg, price_kop}; a price that is not known is null or left out.
PricesOf = Callable[[pl.DataFrame], pl.DataFrame]
_SL: Final = "ZAP/Z_SL/SL/"
#: What the grouper cannot do without, and the element that gives it.
_NEEDED: Final = {"ds1": f"{_SL}DS1", "days": f"{_SL}DATE_2", "age_days": "PERS/DR", "w": "PERS/W"}
#: Why a case has no group -> the finding.
_PROBLEMS: Final = {"none": "T.70", "outside": "T.71", "unpriced": "T.72", "unknown": "T.73"}


def groupers_of(books: Books, chosen: Rules | None = None) -> list[Grouper]:
    """The workbooks among the books of a run, compiled; none where none is loaded. `chosen`: rules other than the program's."""
    found = []
    for setting in SETTINGS:
        rows, groups = f"KSG.{setting}.GROUPER", f"KSG.{setting}.GROUPS"
        if books.has(rows) and books.has(groups):
            found.append(_compiled(books.require(rows), books.require(groups), chosen))
    return found


#: Workbooks compiled by this process, by their content: a month asks for the same ones in every pass and every what-if.
_COMPILED: Final[dict[tuple[object, ...], Grouper]] = {}


def _compiled(grouper: Book, groups: Book, chosen: Rules | None) -> Grouper:
    of_books = tuple((book.name, book.edition, book.holds_from, int(book.rows.hash_rows().sum())) for book in (grouper, groups))
    content = (*of_books, None if chosen is None else chosen.model_dump_json())
    if content not in _COMPILED:
        _COMPILED[content] = compile_grouper(grouper, groups, chosen)
    return _COMPILED[content]


def group(cases: pl.DataFrame, groupers: Sequence[Grouper], prices_of: PricesOf) -> dict[str, pl.DataFrame]:
    """The contract tables `grouped` and `group_candidates` of cases (cases.CASES), in order of sl_key.

    groupers   one for each kind of payment and span of days; days that none is for stay without a group (`outside`)
    prices_of  gets sl_key, ksg, norm_days and all columns of the case that are no lists
    """
    lacking = pl.any_horizontal([pl.col(name).is_null() for name in _NEEDED]) | pl.col("day").is_null()
    usable = cases.filter(~lacking)
    parts, shown = [_without(cases.filter(lacking), "unknown")], [contract.TABLES["group_candidates"].empty()]
    left = usable
    for grouper in groupers:
        here = _of_grouper(grouper)
        mine, left = left.filter(here), left.filter(~here)
        if not mine.height:
            continue
        found = candidates(mine, grouper)
        asked = found.select("sl_key", "ksg", "norm_days").join(
            mine.drop("ds2", "ds3", "services", "criteria"), on="sl_key", how="left", maintain_order="left"
        )
        prices = prices_of(asked) if asked.height else asked.select("sl_key", "ksg", price_kop=pl.lit(None, dtype=pl.Int64))
        of_case, of_candidates = decide(mine, found, prices, grouper)
        parts.append(_with_billed_price(of_case, of_candidates))
        shown.append(contract.check("group_candidates", of_candidates))
    parts.append(_without(left, "outside"))
    grouped = pl.concat(parts).sort("sl_key")
    return {
        "grouped": contract.check("grouped", grouped),
        "group_candidates": pl.concat(shown).sort("sl_key", "ksg"),
    }


def _with_billed_price(of_case: pl.DataFrame, of_candidates: pl.DataFrame) -> pl.DataFrame:
    """`billed_price_kop`: the price of the billed group where it is a candidate."""
    billed = of_candidates.select("sl_key", pl.col("ksg").alias("billed"), pl.col("price_kop").alias("billed_price_kop"))
    return of_case.join(billed, on=["sl_key", "billed"], how="left", maintain_order="left")


def _without(cases: pl.DataFrame, decided: str) -> pl.DataFrame:
    """Cases that no grouper was asked about."""
    rows = cases.select("sl_key", "case_key", "payment_kind", "billed").with_columns(
        decided=pl.lit(decided), candidates=pl.lit(0, dtype=pl.Int64), tied=pl.lit(value=False)
    )
    schema = {**SCHEMA, "billed_price_kop": pl.Int64()}
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if name not in rows.columns]
    return rows.with_columns(missing).select(list(schema))


def problems(cases: pl.DataFrame, grouped: pl.DataFrame, sl: pl.DataFrame, groupers: Sequence[Grouper] = ()) -> pl.DataFrame:
    """Findings on cases that have no computed group, and on fractions that contradict themselves.

    sl  sl_key, case_key, sl_id, package, n_zap, idcase: where each case stands

    T.70 no row of the workbook applies; T.71 no workbook for the day; T.72 the choice hangs on a price that is not known;
    T.73 a field is missing that the grouper needs; T.74 K_FR and the criterion frNN-NN say different things; T.76 a row of a
    workbook could not be compiled.
    """
    of_case = cases.drop("case_key", "payment_kind", "billed")
    rows = grouped.join(of_case, on="sl_key", how="left", maintain_order="left")
    missing: pl.Expr = pl.lit(f"{_SL}DATE_2")
    for name, element in reversed(_NEEDED.items()):
        missing = pl.when(pl.col(name).is_null()).then(pl.lit(element)).otherwise(missing)
    unknown = pl.col("decided") == "unknown"
    named = rows.filter(pl.col("decided").is_in(list(_PROBLEMS))).select(
        "sl_key",
        rule=pl.col("decided").replace_strict(_PROBLEMS, return_dtype=pl.String),
        element=pl.when(unknown).then(missing).otherwise(pl.lit(f"{_SL}KSG_KPG/N_KSG")),
        value=pl.when(pl.col("decided") == "outside")
        .then(pl.col("day").cast(pl.String))
        .when(unknown)
        .then(None)
        .otherwise("billed"),
        params=pl.struct(pl.col("ds1").fill_null("-"), kind="payment_kind", candidates="candidates").struct.json_encode(),
    )
    placed = pl.concat([named, _fractions_differ(cases)]).join(sl, on="sl_key", how="left", maintain_order="left")
    found = placed.select(
        "rule", "element", "value", "params", "sl_id", "package", "n_zap", "idcase", pl.lit("sl").alias("level"),
        pl.col("package").alias("file"), pl.col("case_key").alias("z_row"), pl.col("sl_key").alias("sl_row"),
    )  # fmt: skip
    of_books = findings.frame([problem for grouper in groupers for problem in grouper.problems])
    return findings.concat([findings.conform(found), of_books])


def _fractions_differ(cases: pl.DataFrame) -> pl.DataFrame:
    """Cases whose K_FR lies outside the range that their criterion states: T.74. The criterion is believed."""
    known = rules.codes().fractions
    said = (
        cases.filter(pl.col("fractions").is_not_null())
        .select("sl_key", "fractions", "ds1", "payment_kind", pl.col("criteria").alias("criterion"))
        .explode("criterion", empty_as_null=False, keep_nulls=False)
        .filter(pl.col("criterion").is_in(list(known)))
    )
    low = pl.col("criterion").replace_strict({name: span[0] for name, span in known.items()}, return_dtype=pl.Int64)
    high = pl.col("criterion").replace_strict({name: (*span, 10**6)[1] for name, span in known.items()}, return_dtype=pl.Int64)
    wrong = said.filter(~pl.col("fractions").is_between(low, high))
    return wrong.select(
        "sl_key", rule=pl.lit("T.74"), element=pl.lit(f"{_SL}ONK_SL/K_FR"), value=pl.col("fractions").cast(pl.String),
        params=pl.struct("criterion", ds1=pl.col("ds1").fill_null("-"), kind="payment_kind").struct.json_encode(),
    )  # fmt: skip


def group_month(
    tables: Mapping[str, pl.DataFrame], books: Books, prices_of: PricesOf, chosen: Rules | None = None
) -> dict[str, pl.DataFrame]:
    """`grouped`, `group_candidates` and `findings` of a month: all КСГ cases by the workbooks among its books.

    tables     canonical tables of a month with `cases` and `identified` (month.assemble, settlement.identify)
    prices_of  prices of candidates by the agreement (see `group`)
    chosen     rules of the choice, None: those of the program

    Without any workbook nothing is grouped: the tables are empty, and C110 is told as not executed for want of the book.
    """
    groupers = groupers_of(books, chosen)
    if not groupers:
        empty = {name: contract.TABLES[name].empty() for name in ("grouped", "group_candidates")}
        return {**empty, "findings": findings.empty()}
    people = tables["identified"].select("case_key", "w", age_years="age_start", age_days="age_days_start")
    cases = of_cases.cases_of(tables, people)
    found = group(cases, groupers, prices_of)
    places = tables["cases"].select("case_key", "package", "n_zap", "idcase")
    sl = tables["sl"].select(pl.col("_row").alias("sl_key"), "case_key", "sl_id").join(places, on="case_key", how="left")
    return {**found, "findings": problems(cases, found["grouped"], sl, groupers)}


def prices_by_weight(groupers: Sequence[Grouper], rate_kop: int = 1_000_000) -> PricesOf:
    """Prices of candidates as one base rate x weight of the workbook: where no agreement is at hand.

    The order of the candidates is then that of their weights; levels, wage shares and interruptions are left out.
    """

    def prices(asked: pl.DataFrame) -> pl.DataFrame:
        parts = [grouper.weight_prices(asked.filter(_of_grouper(grouper)), rate_kop) for grouper in groupers]
        return pl.concat(parts) if parts else asked.select("sl_key", "ksg", price_kop=pl.lit(None, dtype=pl.Int64))

    return prices


def _of_grouper(grouper: Grouper) -> pl.Expr:
    """Cases that a grouper is for: kind of payment and day of the end."""
    until = pl.lit(value=True) if grouper.holds_to is None else pl.col("day") <= grouper.holds_to
    return (pl.col("payment_kind") == grouper.kind) & (pl.col("day") >= grouper.holds_from) & until
