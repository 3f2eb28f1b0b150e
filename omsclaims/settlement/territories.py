"""What do other territories owe for their insured, and by when? Bills of the place fund (Rules 133-145; law.md 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract
from omsclaims.law import Parameters
from omsclaims.law import terms as law_terms
from omsclaims.periods import Month

if TYPE_CHECKING:
    from omsclaims.context import Context

_ORDINALS: Final = 9999


@dataclass(frozen=True, slots=True)
class Terms:
    """Last days of the steps that follow one event (Rules 138-145)."""

    clinic_bill: date
    bill: date
    answer: date
    corrected: date
    final: date


def terms(month: Month, law: Parameters, clinic_billed: date | None = None) -> Terms:
    """Terms of a month's care when every step is taken on its last day.

    month          of the care
    clinic_billed  the day the clinic presented its bill to the place fund; by default the last one
    """
    clinic_bill = law_terms.due_in_month(law, "territories.clinic_bill_working_day", month)
    bill = law_terms.due(law, "territories.bill_working_days", clinic_billed or clinic_bill)
    answer = law_terms.due(law, "territories.answer_working_days", bill)
    corrected = law_terms.due(law, "territories.corrected_working_days", answer)
    return Terms(
        clinic_bill=clinic_bill,
        bill=bill,
        answer=answer,
        corrected=corrected,
        final=law_terms.due(law, "territories.final_working_days", corrected),
    )


def territory_bills(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Bills of the month, one for each territory with accepted care: contract table `territory_bills`, sorted by territory.

    tables  cases, identified (status other), decisions; territory_bills_before: bills of earlier months of the year, or absent
    `cases` and `amount_kop` are those presented, `billed_kop` and `withheld_kop` what the clinics billed and МЭК took. The number
    in the name is the ordinal of the fund's main parts in the year of the month; a territory with nothing accepted gets no bill.
    Only what territories settle with one another is presented (`settled_between`).
    """
    decided = (
        settled_between(tables, context)
        .select("case_key")
        .join(tables["identified"].filter(pl.col("status") == "other").select("case_key", "territory", "okato"), on="case_key")
        .join(tables["decisions"].select("case_key", "sumv_kop", "sank_it_kop", "sump_kop", "oplata"), on="case_key")
    )
    sums = (
        decided.group_by("territory")
        .agg(
            pl.col("okato").first(),
            (pl.col("sump_kop") > 0).sum().cast(pl.Int64).alias("cases"),
            pl.col("sumv_kop").sum().alias("billed_kop"),
            pl.col("sank_it_kop").sum().alias("withheld_kop"),
            pl.col("sump_kop").sum().alias("amount_kop"),
        )
        .filter(pl.col("amount_kop") > 0)
        .sort("territory")
    )
    first = next_ordinal(tables.get("territory_bills_before"), context)
    ordinals = range(first, first + sums.height)
    if sums.height:
        assert ordinals[-1] <= _ORDINALS, "more than 9999 bills in a year: the name of the file has no room"
    year, month = context.month.year % 100, context.month.month
    codes = sums["territory"].to_list()
    names = [f"R{context.territory}{code}{year:02d}{number:04d}" for code, number in zip(codes, ordinals, strict=True)]
    bills = [f"{code}-{year:02d}{month:02d}-{number:04d}" for code, number in zip(codes, ordinals, strict=True)]
    named = sums.with_columns(file_name=pl.Series(names, dtype=pl.String), nschet=pl.Series(bills, dtype=pl.String))
    return contract.check("territory_bills", named)


def settled_between(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """The cases of a month that territories settle with one another, columns of contract.cases.

    Without care outside the base programme (Rules 133, 147) and without what a clinic billed that was not in the register on the
    last day of care (Rules 100; table reg_clinic, where one was loaded). Severe accidents at work are kept out by control (C199),
    which refuses them. `place.kept_out` says what was left out and why.
    """
    return tables["cases"].filter(~outside_base(context)).join(out_of_register(tables), on="case_key", how="anti")


def outside_base(context: Context) -> pl.Expr:
    """Whether a case is care outside the base programme, by VIDPOM."""
    kinds = [int(code) for code in context.law.value("territories.outside_base", context.month.last)["vidpom"]]
    return pl.col("vidpom").is_in(kinds).fill_null(value=False)


def out_of_register(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """case_key of cases billed by a clinic that was not in the register on their last day; none where no register is loaded."""
    cases = tables["cases"].select("case_key", "code_mo", "date_z_2")
    register = tables.get("reg_clinic")
    if register is None or register.is_empty():
        return cases.select("case_key").clear()
    held = cases.join(register.select("mo", "valid_from", "valid_to"), left_on="code_mo", right_on="mo", how="inner").filter(
        (pl.col("valid_from") <= pl.col("date_z_2")) & (pl.col("valid_to").is_null() | (pl.col("date_z_2") <= pl.col("valid_to")))
    )
    return cases.filter(pl.col("date_z_2").is_not_null()).join(held, on="case_key", how="anti").select("case_key")


def next_ordinal(before: pl.DataFrame | None, context: Context) -> int:
    """The next number of a main part: one above the greatest of the year in the names of earlier bills."""
    if before is None or before.is_empty():
        return 1
    year = f"{context.month.year % 100:02d}"
    numbers = [int(name[7:11]) for name in before["file_name"] if name[1:3] == context.territory and name[5:7] == year]
    return max(numbers, default=0) + 1
