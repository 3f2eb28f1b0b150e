"""What would care cost under other tariffs? Prices of a month again, only where a changed figure was used (design: What-if).

A priced row names in `sources` every row of the agreement and every parameter of the law that it was made of. A figure that
changes touches the rows that name it; a key that did not exist before may touch every row of the kinds that look it up; so does
a parameter of the law, whose absence in `sources` says nothing. What is touched is priced by the stage itself, by the same code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import polars as pl
from polars.dataframe.group_by import GroupBy

from omsclaims import contract, findings
from omsclaims.context import Context
from omsclaims.law import Parameters
from omsclaims.law.agreement import FILES, KINDS, SECTIONS, SETTINGS, Agreement
from omsclaims.nsi import Books
from omsclaims.tariffs.grouper.beside import ONLY
from omsclaims.tariffs.grouper.rules import Rules
from omsclaims.tariffs.pricing import group, price

Tables = Mapping[str, pl.DataFrame]
#: Kinds of payment that look a table up, where `needed` of its declaration does not say all.
_KINDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "payment_kinds": KINDS, "rounding": KINDS, "base_rates": SETTINGS, "kslp_rules": SETTINGS, "clinic_coefficients": KINDS,
    "interrupted": SETTINGS, "interrupted_results": SETTINGS, "kslp": SETTINGS,
    "dialysis": (*SETTINGS, "service"), "uet": ("visit", "episode"),
}  # fmt: skip
#: Parameters of the law that prices read; a change of one touches all rows of КСГ.
_LAW: Final = "tariffs."
#: Dimensions of the difference.
BY: Final = ("mo", "payment_kind", "profil", "group", "sex_age")
DIFFERENCE: Final[dict[str, pl.DataType]] = {
    "by": pl.String(), "key": pl.String(), "cases": pl.Int64(), "cases_after": pl.Int64(), "before_kop": pl.Int64(),
    "after_kop": pl.Int64(), "difference_kop": pl.Int64(), "unpriced_before": pl.Int64(), "unpriced_after": pl.Int64(),
}  # fmt: skip


@dataclass(frozen=True)
class Touched:
    """Which priced rows a change may concern.

    sources  rows of the agreement that changed or are gone, as `sources` names them
    kinds    kinds of payment of which every row is touched
    """

    sources: tuple[str, ...]
    kinds: tuple[str, ...]

    def rows(self, priced_sl: pl.DataFrame) -> pl.Series:
        """Whether each row of `priced_sl` is touched; rows without a price always are: they may find what they lacked."""
        if not self.sources and not self.kinds:
            return pl.Series([False]).new_from_index(0, priced_sl.height)
        where = pl.col("price_kop").is_null() | pl.col("payment_kind").is_null() | pl.col("payment_kind").is_in(self.kinds)
        if self.sources:
            names = "|".join(re.escape(source) for source in self.sources)
            # A source stands between separators; those of complexity bear their code in brackets.
            where = where | pl.col("sources").str.contains(rf"(?:^|;)(?:{names})(?:;|\(|$)").fill_null(value=True)
        return priced_sl.select(where.alias("touched"))["touched"]


def touched(before: Agreement, after: Agreement, law_before: Parameters, law_after: Parameters) -> Touched:
    """What the change from one agreement and law to another may concern."""
    sources: set[str] = set()
    kinds: set[str] = set()
    for name, spec in {**SECTIONS, **FILES}.items():
        old, new = before.table(name), after.table(name)
        if old.equals(new):
            continue
        columns = list(old.columns)
        gone = old.join(new, on=columns, how="anti", nulls_equal=True)
        come = new.join(old, on=columns, how="anti", nulls_equal=True)
        sources.update(gone["source"].to_list())
        if _new_keys(come, gone, [*spec.keys, *(column for pair in spec.ranges for column in pair)]):
            kinds.update({*spec.needed, *_KINDS_OF.get(name, ())})
    if before.head.exam_age != after.head.exam_age:
        kinds.add("exam")
    changed = [name for name, parameter in law_after.by_name.items() if law_before.by_name.get(name) != parameter]
    if any(name.startswith(_LAW) for name in changed):
        kinds.update(SETTINGS)
    return Touched(tuple(sorted(sources)), tuple(sorted(kinds)))


def _new_keys(come: pl.DataFrame, gone: pl.DataFrame, key: list[str]) -> bool:
    """Whether a row speaks of a key, or of days of it, that no row spoke of before: a miss may become a hit."""
    numbered = come.with_row_index("@row")
    ends = gone.select(*key, pl.col("valid_from").alias("@from"), pl.col("valid_to").alias("@to"))
    both = numbered.join(ends, on=key, how="inner", nulls_equal=True) if key else numbered.join(ends, how="cross")
    inside = both.filter((pl.col("@from") <= pl.col("valid_from")) & (pl.col("valid_to") <= pl.col("@to")))
    return inside["@row"].n_unique() < come.height


@dataclass(frozen=True)
class Repriced:
    """What was priced again under the changed figures, and the whole month with it.

    tables    of the month as they were, with priced_sl and priced
    before    rows of priced_sl that were priced again, as they were; after: as they are now, in the same order
    findings  of the rows that were priced again
    """

    tables: Tables
    before: pl.DataFrame
    after: pl.DataFrame
    findings: pl.DataFrame

    @property
    def rows(self) -> int:
        """How many rows were priced again."""
        return self.after.height

    @cached_property
    def priced_sl(self) -> pl.DataFrame:
        """All rows of the month (contract: priced_sl)."""
        was = self.tables["priced_sl"]
        if not self.rows:
            return was
        kept = was.join(self.after.select("sl_key"), on="sl_key", how="anti")
        return contract.check("priced_sl", pl.concat([kept, self.after]).sort("sl_key"))

    @cached_property
    def priced(self) -> pl.DataFrame:
        """All completed cases of the month (contract: priced)."""
        was = self.tables["priced"]
        if not self.rows:
            return was
        again = self.priced_sl.join(self.after.select("case_key").unique(), on="case_key", how="semi", maintain_order="left")
        totals = again.group_by("case_key", maintain_order=True).agg(
            payment_kind=pl.col("payment_kind").first(),
            price_kop=pl.when(pl.col("price_kop").is_not_null().all()).then(pl.col("price_kop").sum()),
        )
        kept = was.join(totals, on="case_key", how="anti")
        return contract.check("priced", pl.concat([kept, totals]).sort("case_key"))


def reprice(
    tables: Tables, context: Context, agreement: Agreement, law: Parameters, regrouped: Regrouped | None = None
) -> Repriced:
    """Prices of the month of `context` under another agreement and law, and of cases billed with another group.

    tables     cases, sl, usl, sl_koef, identified (contract), grouped where the month has it, and priced_sl, priced as they are
               now
    regrouped  cases that a changed grouper moves
    """
    was = tables["priced_sl"]
    asked = touched(context.agreement, agreement, context.law, law).rows(was)
    if regrouped is not None:
        moved = pl.concat([regrouped.moved["sl_key"], regrouped.again])
        asked = asked | was["sl_key"].is_in(moved.implode())
        if regrouped.chosen is not None:  # other reasons to pay two groups of one stay
            asked = asked | _several(was)
        tables = regrouped.billed(tables)
    before = _whole_stays(was, asked).sort("sl_key")
    if not before.height:
        return Repriced(tables, before, before, findings.empty())
    chosen = None if regrouped is None else regrouped.chosen
    made = price(_part(tables, before.select("sl_key", "case_key")), replace(context, agreement=agreement, law=law), chosen)
    return Repriced(tables, before, made["priced_sl"], _with_lost_groups(made["findings"], regrouped))


def _whole_stays(was: pl.DataFrame, asked: pl.Series) -> pl.DataFrame:
    """Rows that are asked for, and all others of their stays with several groups: another one may become the dearest."""
    several = _several(was)
    cases = was["case_key"].filter(asked & several)
    if cases.is_empty():
        return was.filter(asked)
    return was.filter(asked | (several & was["case_key"].is_in(cases.unique().implode())))


def _several(rows: pl.DataFrame) -> pl.Series:
    """Sub-cases of stays with several groups."""
    return (rows["beside"] != ONLY).fill_null(value=False)


def _with_lost_groups(found: pl.DataFrame, regrouped: Regrouped | None) -> pl.DataFrame:
    """Findings of the prices; of a case that has no group any more it is said why, not that its empty group has no tariff."""
    if regrouped is None:
        return found
    lost = regrouped.moved.filter(pl.col("ksg").is_null())["sl_key"]
    of_price = found.filter(~((pl.col("rule") == "C111") & pl.col("sl_row").is_in(lost.implode()).fill_null(value=False)))
    return findings.concat([of_price, regrouped.findings])


def _part(tables: Tables, asked: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables of the rows that are priced again."""
    cases = asked.select("case_key").unique()
    part = {"sl": tables["sl"].join(asked.select(pl.col("sl_key").alias("_row")), on="_row", how="semi", maintain_order="left")}
    for name in ("cases", "identified"):
        if name in tables:
            part[name] = tables[name].join(cases, on="case_key", how="semi", maintain_order="left")
    if "grouped" in tables:
        part["grouped"] = tables["grouped"].join(asked.select("sl_key"), on="sl_key", how="semi", maintain_order="left")
    for name in ("usl", "sl_koef"):
        if name in tables:
            of = asked.select(pl.col("sl_key").alias("_parent"))
            part[name] = tables[name].join(of, on="_parent", how="semi", maintain_order="left")
    return part


# ---------------------------------------------------------------- another grouper


@dataclass(frozen=True)
class Regrouped:
    """What a changed grouper moves: clinics are taken to bill what the grouper says.

    moved     sl_key, ksg: the new group, null where there is none any more
    again     sl_key of cases whose group is the same, but not the norm of the stay that its row states
    grouped   the contract table `grouped` under the changed grouper
    findings  of the moved cases that have no group any more (T.70-T.73)
    chosen    rules of the changed grouper, None: those of the program
    """

    moved: pl.DataFrame
    again: pl.Series
    grouped: pl.DataFrame
    findings: pl.DataFrame
    chosen: Rules | None = None

    def billed(self, tables: Tables) -> Tables:
        """The tables of the month as if the moved cases had been billed with their new groups."""
        new = self.moved.select(pl.col("sl_key").alias("_row"), pl.col("ksg").alias("@ksg"), pl.lit(value=True).alias("@moved"))
        sl = tables["sl"].join(new, on="_row", how="left", maintain_order="left")
        sl = sl.with_columns(n_ksg=pl.when("@moved").then("@ksg").otherwise("n_ksg")).drop("@ksg", "@moved")
        moved = pl.col("sl_key").is_in(self.moved["sl_key"].implode())
        return {**tables, "sl": sl, "grouped": self.grouped.with_columns(billed=pl.when(moved).then("ksg").otherwise("billed"))}


def regroup(
    tables: Tables, context: Context, agreement: Agreement, law: Parameters, books: Books, chosen: Rules | None
) -> Regrouped:
    """The cases of a month that another grouper puts into another group.

    tables  as of `pricing.group`, and `grouped` as the month has it

    A case that is billed as the grouper of the month says, or that this one does not group, moves to what the changed grouper
    says. What is billed otherwise stays as billed: control refuses it. So does what neither of them groups.
    """
    made = group(tables, replace(context, agreement=agreement, law=law, books=books), chosen)
    was = tables["grouped"].select("sl_key", was="ksg", days_before="norm_days")
    both = made["grouped"].join(was, on="sl_key", how="left", maintain_order="left")
    neither = pl.col("was").is_null() & pl.col("ksg").is_null()
    follows = pl.col("was").is_null() | pl.col("was").eq_missing(pl.col("billed"))
    moved = both.filter(~neither & follows & pl.col("billed").ne_missing(pl.col("ksg"))).select("sl_key", "ksg")
    gone = moved.filter(pl.col("ksg").is_null())
    told = made["findings"].join(gone.select(pl.col("sl_key").alias("sl_row")), on="sl_row", how="semi", maintain_order="left")
    again = both.filter((pl.col("was") == pl.col("ksg")) & pl.col("norm_days").ne_missing(pl.col("days_before")))["sl_key"]
    return Regrouped(moved, again, made["grouped"], told, chosen)


# ---------------------------------------------------------------- the difference


def difference(before: pl.DataFrame, after: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Prices before and after by clinic, kind of payment, profile, group of the tariff, and sex and age (DIFFERENCE).

    before, after  priced_sl
    rows           sl_key, mo, profil, sex_age: what the rows are told apart by

    A row counts where it has a price both times; what has none stands in `unpriced_before` and `unpriced_after` beside it, not
    in the sums: a total says what it leaves out. `by` = total is the month. A case that another grouper moves stands in `cases`
    and `before_kop` of its old group, in `cases_after` and `after_kop` of its new one.
    """
    now = after.select("sl_key", pl.col("price_kop").alias("after_kop"), group_after="group")
    both = before.select("sl_key", "payment_kind", "group", pl.col("price_kop").alias("before_kop"))
    both = both.join(now, on="sl_key", how="left", maintain_order="left").join(
        rows, on="sl_key", how="left", maintain_order="left"
    )
    if not both.height:
        return pl.DataFrame(schema=DIFFERENCE)
    parts = [both.select(by=pl.lit("total"), key=pl.lit("")).head(1).hstack(both.select(*_BEFORE, *_AFTER))]
    for name in BY:
        then, there = _by(both, name), _by(both, "group_after" if name == "group" else name)
        whole = then.agg(_BEFORE).join(there.agg(_AFTER), on="key", how="full", coalesce=True)
        parts.append(whole.with_columns(pl.exclude("key").fill_null(0), by=pl.lit(name)).sort("key"))
    told = pl.concat(parts, how="diagonal").with_columns(difference_kop=pl.col("after_kop") - pl.col("before_kop"))
    return told.select(list(DIFFERENCE))


_PRICED: Final = pl.col("before_kop").is_not_null() & pl.col("after_kop").is_not_null()
_BEFORE: Final = (
    pl.len().cast(pl.Int64).alias("cases"),
    pl.col("before_kop").filter(_PRICED).sum(),
    pl.col("before_kop").is_null().sum().cast(pl.Int64).alias("unpriced_before"),
)
_AFTER: Final = (
    pl.len().cast(pl.Int64).alias("cases_after"),
    pl.col("after_kop").filter(_PRICED).sum(),
    pl.col("after_kop").is_null().sum().cast(pl.Int64).alias("unpriced_after"),
)


def _by(rows: pl.DataFrame, name: str) -> GroupBy:
    return rows.group_by(pl.col(name).cast(pl.String).fill_null("-").alias("key"))


def changed(base: pl.DataFrame, made: Repriced, rows: pl.DataFrame) -> pl.DataFrame:
    """The difference of a month from that of its rows priced again (DIFFERENCE): all others cost what they did.

    base  `difference` of the month with itself
    """
    if not made.rows:
        return base
    of_rows = rows.join(made.before.select("sl_key"), on="sl_key", how="semi", maintain_order="left")
    sums = [name for name in DIFFERENCE if name not in ("by", "key")]
    gone = difference(made.before, made.before, of_rows).with_columns(-pl.col(sums))
    come = difference(made.before, made.after, of_rows)
    return added([base, gone, come])


def added(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Differences added up: the whole first, then the dimensions in their order, keys sorted; keys without a row are gone."""
    sums = [name for name in DIFFERENCE if name not in ("by", "key")]
    order = {name: at for at, name in enumerate(("total", *BY))}
    whole = (
        pl.concat(parts)
        .group_by("by", "key")
        .agg(pl.col(sums).sum())
        .filter((pl.col("cases") != 0) | (pl.col("cases_after") != 0))
    )
    return whole.sort(pl.col("by").replace_strict(order, return_dtype=pl.Int64), "key").select(list(DIFFERENCE))


def largest(found: pl.DataFrame, by: str, number: int) -> Sequence[dict[str, object]]:
    """The keys of a dimension that change most, the largest change first."""
    rows = found.filter((pl.col("by") == by) & (pl.col("difference_kop") != 0))
    return rows.sort(pl.col("difference_kop").abs(), "key", descending=[True, False]).head(number).to_dicts()
