"""How much money does each insurer get for the month? Differentiated per-capita standards (Rules 115-116, 152-154; law.md 4).

`N_avg = S / n`, `DPN_ij = N_avg KD_ij`, `F_k = sum DPN_ij n_kij`, `K = S / sum F_k`; in kopecks by largest remainder, ties to the
smaller insurer code, so that the parts are S exactly. All of it is exact until the last step.

When any cell with people has no coefficient, or a person has no cell, nobody is financed by the standards that month: a standard
made without them would give their money to others. The findings F.1 and F.2 name what is missing; the act then shows nothing
received by the standards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract, findings, registers
from omsclaims.findings import Finding
from omsclaims.law import ParameterError, Parameters
from omsclaims.law import terms as law_terms
from omsclaims.law.agreement import partition_on
from omsclaims.money import KOPECKS_PER_ROUBLE, round_fraction, round_ratio, share_out
from omsclaims.periods import Month, Partition, age_expr

if TYPE_CHECKING:
    from omsclaims.context import Context

#: Coefficients and rates of the agreement are units of 0.00001.
UNIT5: Final = 100_000
#: Stands in a count for a person whose place or group is not known.
NOWHERE: Final = "-"


@dataclass(frozen=True)
class Financing:
    """Money by standards of a month: contract tables `financing` and `standards`, findings F.1-F.5."""

    financing: pl.DataFrame
    standards: pl.DataFrame
    findings: pl.DataFrame


def finance(tables: Mapping[str, pl.DataFrame], context: Context) -> Financing:
    """The month's money of each insurer.

    tables   reg_insured (counted on the first day of the month and of the next), reg_insurer, reg_funding (what = standards)
    returns  amounts in kopecks that add up to the money of the month; case-management money (РВД) of each insurer
    findings F.1 people in a cell without a coefficient, F.2 people without a cell, F.3 an insurer with people that is not in the
             register, F.4 no money by the standards in the month's funding, F.5 no usable sex-age partition or financing options
    """
    month_money = money_of_month(tables["reg_funding"], context.month)
    partition, problems = _partition(context)
    if partition is None:
        return Financing(contract.TABLES["financing"].empty(), contract.TABLES["standards"].empty(), findings.frame(problems))
    numbers = count_insured(tables["reg_insured"], partition, context)
    coefficients = coefficients_on(context)
    problems += _missing_cells(numbers, coefficients)
    problems += _unknown_insurers(numbers, tables["reg_insurer"], context.month)
    if month_money == 0:
        problems.append(Finding("F.4", params={"month": str(context.month)}))
    complete = not any(problem.rule in ("F.1", "F.2") for problem in problems)
    shared = month_money if complete else 0
    preliminary = preliminary_amounts(numbers, coefficients, shared)
    amounts = final_amounts(preliminary, shared)
    if sum(preliminary.values()) != shared:
        context.law.use("norms.one_coefficient", context.month.first)  # noted: the reading that the coefficient K rests on
    rate5 = case_management_rate(context)
    per_insurer = _numbers_of_insurers(numbers)
    rows = [
        {
            "smo": smo, "insured_half": per_insurer[smo], "preliminary_kop": round_fraction(preliminary.get(smo, Fraction(0))),
            "amount_kop": amounts.get(smo, 0), "case_management_kop": case_management(amounts.get(smo, 0), rate5),
        }
        for smo in sorted(per_insurer)
    ]  # fmt: skip
    table = pl.DataFrame(rows, schema=contract.TABLES["financing"].schema())
    assert table["amount_kop"].sum() == (shared if per_insurer else 0), "the parts of the month's money do not add up to it"
    return Financing(table, _standards(numbers, coefficients, shared), findings.frame(problems))


def money_of_month(reg_funding: pl.DataFrame, month: Month) -> int:
    """S: what the fund sets aside for the standards of the month, kopecks."""
    rows = reg_funding.filter((pl.col("month") == str(month)) & (pl.col("what") == "standards") & pl.col("smo").is_null())
    return int(rows.filter(pl.col("amount_kop") > 0)["amount_kop"].sum())


def count_insured(reg_insured: pl.DataFrame, partition: Partition, context: Context) -> dict[tuple[str, str, str], int]:
    """(insurer, place, group) -> average number of insured of the month, in halves (law.md 4.5).

    A person counts once on a day, with the policy that began last; the age is that of the day.
    """
    options, first = context.agreement.head.financing, context.month.first
    counted = context.law.value("norms.average_number", first) if options is None else options.average_number
    both = counted == "mean_of_month_starts"
    days = [context.month.first, context.month.plus(1).first] if both else [context.month.first] * 2
    numbers: dict[tuple[str, str, str], int] = defaultdict(int)
    for day in days:
        for key, count in count_on(reg_insured, partition, day).items():
            numbers[key] += count
    return dict(sorted(numbers.items()))


def count_on(reg_insured: pl.DataFrame, partition: Partition, day: date) -> dict[tuple[str, str, str], int]:
    """(insurer, place, group) -> number of insured on a day; `NOWHERE` where the register gives no place, sex or birth date."""
    alive = pl.col("died_on").is_null() | (pl.col("died_on") >= day)
    holds = (pl.col("policy_from") <= day) & (pl.col("policy_to").is_null() | (pl.col("policy_to") >= day))
    held = reg_insured.filter(holds & alive & pl.col("smo").is_not_null())
    once = registers.in_turn(held).unique("who", keep="last", maintain_order=True)
    born_before = pl.when(pl.col("dr") <= day).then(pl.col("dr"))
    group = partition.group_expr(pl.col("w"), age_expr(born_before, pl.lit(day)))
    counted = (
        once.select("smo", place=pl.col("place").fill_null(NOWHERE), group=group.fill_null(NOWHERE))
        .group_by("smo", "place", "group")
        .len()
    )
    return {(smo, place, code): int(count) for smo, place, code, count in counted.iter_rows()}


def coefficients_on(context: Context) -> dict[tuple[str, str], Fraction]:
    """(place, group) -> KD of the agreement in force on the first day of the month."""
    first = context.month.first
    table = context.agreement.table("financing").filter((pl.col("valid_from") <= first) & (pl.col("valid_to") >= first))
    return {(place, group): Fraction(kd5, UNIT5) for place, group, kd5 in table.select("place", "group", "kd5").iter_rows()}


def preliminary_amounts(
    numbers: Mapping[tuple[str, str, str], int], coefficients: Mapping[tuple[str, str], Fraction], month_money: int
) -> dict[str, Fraction]:
    """F_k by insurer: exact kopecks. {} when there is no money or nobody is insured."""
    halves = sum(numbers.values())
    if not month_money or not halves:
        return {}
    weights: dict[str, Fraction] = defaultdict(Fraction)
    for (smo, place, group), count in numbers.items():
        weights[smo] += coefficients[place, group] * count
    # N_avg = S / (halves / 2) and n = count / 2: the halves cancel.
    return {smo: Fraction(month_money, halves) * weight for smo, weight in sorted(weights.items())}


def final_amounts(preliminary: Mapping[str, Fraction], month_money: int) -> dict[str, int]:
    """F_k times one coefficient K for all, in kopecks that add up to the month's money (law.md 4.5)."""
    if not preliminary:
        return {}
    codes = sorted(preliminary)
    return dict(zip(codes, share_out(month_money, [preliminary[code] for code in codes], codes), strict=True))


def case_management(amount_kop: int, rate5: int) -> int:
    """РВД of an insurer: rate x money received by the standards, rounded half up (law.md 4.5-4.6)."""
    return round_ratio(amount_kop * rate5, UNIT5)


def case_management_rate(context: Context) -> int:
    """Rate of РВД in 0.00001: of the agreement on the first day of the month, else the federal parameter."""
    first = context.month.first
    table = context.agreement.table("case_management")
    rows = table.filter((pl.col("valid_from") <= first) & (pl.col("valid_to") >= first))
    return int(rows["rate5"][0]) if rows.height else int(context.law.value("financing.case_management_rate", first))


def notice_date(month: Month, law: Parameters) -> date:
    """The day by which the fund makes the amounts known: n-th working day of the month after (Rules 115)."""
    return law_terms.due_in_month(law, "financing.notice_working_day", month)


def _partition(context: Context) -> tuple[Partition | None, list[Finding]]:
    """The partition named by the agreement, its own or a federal one, or finding F.5."""
    options = context.agreement.head.financing
    name = "financing.partition" if options is None else options.partition
    try:
        return partition_on(context.agreement, context.law, context.month.first)[0], []
    except (ParameterError, ValueError) as error:
        return None, [Finding("F.5", value=name, params={"reason": str(error)})]


def _missing_cells(
    numbers: Mapping[tuple[str, str, str], int], coefficients: Mapping[tuple[str, str], Fraction]
) -> list[Finding]:
    """F.1 for each (place, group) with people and no coefficient, F.2 for each insurer with people of no place or group."""
    cells: dict[tuple[str, str], int] = defaultdict(int)
    lost: dict[str, int] = defaultdict(int)
    for (smo, place, group), halves in numbers.items():
        if NOWHERE in (place, group):
            lost[smo] += halves
        elif (place, group) not in coefficients:
            cells[place, group] += halves
    no_coefficient = [
        Finding("F.1", params={"place": place, "group": group, "insured": _people(halves)})
        for (place, group), halves in sorted(cells.items())
    ]
    return no_coefficient + [
        Finding("F.2", params={"smo": smo, "insured": _people(halves)}) for smo, halves in sorted(lost.items())
    ]


def _people(halves: int) -> str:
    """A number in halves for people: 3 -> 1.5."""
    return f"{halves // 2}.5" if halves % 2 else str(halves // 2)


def _unknown_insurers(numbers: Mapping[tuple[str, str, str], int], reg_insurer: pl.DataFrame, month: Month) -> list[Finding]:
    """F.3: an insurer with people that the register of insurers does not hold in the month."""
    held = reg_insurer.filter(
        (pl.col("valid_from") <= month.last) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= month.first))
    )
    unknown = {smo for smo, _, _ in numbers} - set(held["smo"])
    return [Finding("F.3", value=smo, params={"smo": smo}) for smo in sorted(unknown)]


def _numbers_of_insurers(numbers: Mapping[tuple[str, str, str], int]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for (smo, _, _), halves in numbers.items():
        found[smo] += halves
    return found


def _standards(
    numbers: Mapping[tuple[str, str, str], int], coefficients: Mapping[tuple[str, str], Fraction], month_money: int
) -> pl.DataFrame:
    """Contract table `standards`; a standard is exact roubles a month as a/b, null coefficient where there is none."""
    halves = sum(numbers.values())
    average = Fraction(2 * month_money, halves * KOPECKS_PER_ROUBLE) if halves else Fraction(0)
    rows = []
    for (smo, place, group), count in numbers.items():
        kd = coefficients.get((place, group))
        rows.append(
            {
                "smo": smo, "place": place, "group": group, "insured_half": count,
                "coefficient": None if kd is None else _exact(kd), "standard": None if kd is None else _exact(average * kd),
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema=contract.TABLES["standards"].schema())


def _exact(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
