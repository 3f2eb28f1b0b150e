"""Which cases fit into the plan of the commission, and how will the year end? (Rules 158n 122-123; 231n 1.6.2, 1.6.3; law.md 5.)

The commission sets each clinic's volume and money for the year, by line and month, with dated corrections (`reg_plan`). A line is
declared in `plan_lines.csv` of the agreement - conditions of care, profile, group, kind of payment - or, where the agreement
declares none, is a kind of payment. A payable case consumes the most specific line that takes it. Cases are taken in one stated
order (date of the file, name of the file, N_ZAP, IDCASE); the first that does not fit whole and all after it in its line do not
fit: the same cases for any order of files and number of threads. Volumes are units of 0.01 (`units2`), money is kopecks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from omsclaims import contract, findings, messages
from omsclaims.findings import Finding
from omsclaims.money import format_amount, round_ratio
from omsclaims.periods import Month

if TYPE_CHECKING:
    from omsclaims.context import Context

KEY: Final = ["mo", "line"]
#: A case or a month without a row of the plan has this line in findings.
NO_LINE: Final = "-"
REFUSED: Final = 2
#: Whole units of the plan in units of 0.01.
UNIT2: Final = 100
#: Months of the period over which plans add up.
_PERIOD_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}


def consume(tables: Mapping[str, pl.DataFrame], context: Context) -> dict[str, pl.DataFrame]:
    """Which payable cases of the month fit into the plan: before the pass of control that refuses the others.

    tables   cases, sl, identified, priced, priced_sl, reg_plan; decisions so far (without them everything is payable and counts
             in full); plan_lines_before of the earlier months of the year, where plans add up over more than a month
    returns  plan_items (contract): own payable cases of planned kinds with their line, place in it and state
             (fits | over_volume | over_money | no_plan | passed); findings V.1 a hole whose cases are let through, V.2 two
             decisions of one day, V.3 an impossible figure, V.4 earlier months whose consumption is not known
    """
    in_force, problems = in_force_plan(tables["reg_plan"], context)
    limits = limits_of(in_force, tables, context)
    claimed = _claimed(tables, context)
    lined = _with_line(claimed, in_force, tables, context)
    items = _judged(lined.join(limits, on=KEY, how="left", maintain_order="left"), context)
    problems += _unknown_months(tables, context)
    if context.agreement.head.volumes.without_plan == "pass":
        problems += _holes_let_through(items, context)
    _assert_fits(items)
    return {
        "plan_items": contract.check("plan_items", items.sort("case_key")),
        "findings": findings.frame(problems),
    }


def line_use(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """What each line of the plan was asked for and gave in the month: contract table `plan_lines`, sorted by clinic and line.

    tables   plan_items, decisions (final), reg_plan, plan_lines_before. A line that was planned and not used stands with zeros.
    Consumed is what stays accepted, excess what the pass of volumes refused; they add up to what was payable, line by line.
    """
    in_force, _ = in_force_plan(tables["reg_plan"], context)
    limits = limits_of(in_force, tables, context)
    refused = tables["decisions"].filter(pl.col("oplata") == REFUSED).select("case_key", refused=pl.lit(value=True))
    items = tables["plan_items"].join(refused, on="case_key", how="left").with_columns(
        pl.col("refused").fill_null(value=False), pl.col("line").fill_null(NO_LINE)
    )  # fmt: skip
    kept, over = ~pl.col("refused"), pl.col("refused")
    sums = items.group_by(KEY).agg(
        pl.col("unit").first(),
        pl.len().cast(pl.Int64).alias("cases"), pl.col("units2").sum().alias("billed_units2"),
        pl.col("amount_kop").sum().alias("billed_kop"),
        kept.sum().cast(pl.Int64).alias("consumed_cases"), pl.col("units2").filter(kept).sum().alias("consumed_units2"),
        pl.col("amount_kop").filter(kept).sum().alias("consumed_kop"),
        over.sum().cast(pl.Int64).alias("excess_cases"), pl.col("units2").filter(over).sum().alias("excess_units2"),
        pl.col("amount_kop").filter(over).sum().alias("excess_kop"),
    )  # fmt: skip
    both = limits.join(sums, on=KEY, how="full", coalesce=True).with_columns(
        pl.col("^(cases|billed|consumed|excess).*$").fill_null(0),
        month=pl.lit(str(context.month)),
        unit=pl.coalesce("unit", unit_of_line(pl.col("line"), context)),
    )
    broken = both.filter(
        (pl.col("consumed_units2") + pl.col("excess_units2") != pl.col("billed_units2"))
        | (pl.col("consumed_kop") + pl.col("excess_kop") != pl.col("billed_kop"))
    )
    assert broken.is_empty(), f"consumed and excess are not what was billed: {broken.head(3).to_dicts()}"
    return contract.check("plan_lines", both.sort(KEY))


# ---- the plan --------------------------------------------------------------------------------------------------------------


def in_force_plan(reg_plan: pl.DataFrame, context: Context) -> tuple[pl.DataFrame, list[Finding]]:
    """Plan rows of the year as of the day of knowledge: the latest decision of each clinic, line and month.

    Findings V.2 two decisions of one day that differ (the larger volume, then the larger money holds), V.3 a volume or money
    below zero, or no month of the year (the row is left out).
    """
    year = f"{context.month.year}-"
    known = reg_plan.filter(pl.col("month").str.starts_with(year) & (pl.col("since") <= context.as_of))
    possible = (pl.col("volume") >= 0) & (pl.col("money_kop").is_null() | (pl.col("money_kop") >= 0))
    problems = [
        _about_row("V.3", row) for row in known.filter(~possible.fill_null(value=False)).sort("mo", "line", "month").to_dicts()
    ]
    keys = ["mo", "line", "month"]
    # No limit of money is more than any limit.
    ordered = (
        known.filter(possible)
        .with_columns(most=pl.col("money_kop").fill_null(2**62))
        .sort(*keys, "since", "volume", "most")
        .with_columns(last_day=pl.col("since").max().over(keys))
    )
    last = ordered.filter(pl.col("since") == pl.col("last_day"))
    several = last.group_by(keys).agg(pl.struct("volume", "most").n_unique().alias("told"), pl.col("since", "volume").last())
    problems += [_about_row("V.2", row) for row in several.filter(pl.col("told") > 1).sort(keys).to_dicts()]
    chosen = last.unique(keys, keep="last", maintain_order=True)
    return chosen.select(*keys, "volume", "money_kop", "since"), problems


def _about_row(rule: str, row: Mapping[str, object]) -> Finding:
    """A finding that names the clinic, line, month and day of decision of a row of the plan."""
    params = {name: str(row[name]) for name in ("mo", "line", "month", "since")}
    return Finding(rule, value=str(row["volume"]), params=params)


def period_months(month: Month, cumulation: str) -> list[str]:
    """Months whose plans add up for a month: itself, or from the first of its quarter or year."""
    length = _PERIOD_MONTHS[cumulation]
    first = (month.month - 1) // length * length + 1
    return [str(Month(month.year, number)) for number in range(first, month.month + 1)]


def limits_of(in_force: pl.DataFrame, tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """What each line with a row for the month may still take in it.

    Columns: mo, line, plan_volume, plan_kop (of the month), since, limit_units2, limit_kop. A limit is the plan of the period so
    far less what its earlier months consumed; it may be below zero after a cut. Money without a limit in any month of the period
    has none.
    """
    months = period_months(context.month, context.agreement.head.volumes.cumulation)
    of_period = in_force.filter(pl.col("month").is_in(months))
    sums = of_period.group_by(KEY).agg(
        volumes=pl.col("volume").sum(),
        monies=pl.when(pl.col("money_kop").null_count() == 0).then(pl.col("money_kop").sum()),
    )
    before = tables.get("plan_lines_before")
    used = contract.TABLES["plan_lines"].empty() if before is None else before
    used = used.filter(pl.col("month").is_in(months)).group_by(KEY).agg(
        used_units2=pl.col("consumed_units2").sum(), used_kop=pl.col("consumed_kop").sum()
    )  # fmt: skip
    return (
        in_force.filter(pl.col("month") == str(context.month))
        .select(*KEY, pl.col("volume").alias("plan_volume"), pl.col("money_kop").alias("plan_kop"), "since")
        .join(sums, on=KEY, how="left")
        .join(used, on=KEY, how="left")
        .with_columns(
            limit_units2=pl.col("volumes") * UNIT2 - pl.col("used_units2").fill_null(0),
            limit_kop=pl.col("monies") - pl.col("used_kop").fill_null(0),
        )
        .drop("volumes", "monies", "used_units2", "used_kop")
        .sort(KEY)
    )


def _unknown_months(tables: Mapping[str, pl.DataFrame], context: Context) -> list[Finding]:
    """V.4: earlier months of the period that were closed, whose consumption of the plan is not stored."""
    earlier = period_months(context.month, context.agreement.head.volumes.cumulation)[:-1]
    if not earlier:
        return []
    before = tables.get("plan_lines_before")
    known = set() if before is None else set(before["month"])
    closed = set(contract.history(tables).select(pl.col("month").unique()).collect()["month"])
    return [Finding("V.4", params={"month": month}) for month in earlier if month in closed - known]


# ---- the line of a case ----------------------------------------------------------------------------------------------------


def unit_of_line(line: pl.Expr, context: Context) -> pl.Expr:
    """Unit of a line by its code: what the agreement declares, else cases."""
    units = dict(context.agreement.table("plan_lines").select("line", "unit").iter_rows())
    return line.replace_strict(units, default="case", return_dtype=pl.String) if units else pl.lit("case")


def declared_lines(context: Context) -> pl.DataFrame:
    """Rows of `plan_lines.csv` in force on the first day of the month, the most specific first.

    A row that names the group is more specific than one that names the profile, then the kind of payment, then the conditions of
    care; of two groups the one written out, then the longer pattern. Adds `stem`, the group without its final `*`.
    """
    first = context.month.first
    table = context.agreement.table("plan_lines")
    rows = table.filter((pl.col("valid_from") <= first) & (pl.col("valid_to") >= first))
    ranked = rows.with_columns(
        pl.col("group").str.strip_suffix("*").alias("stem"),
        pl.col("group").is_null().alias("rank_1"),
        pl.col("group").str.ends_with("*").fill_null(value=False).alias("rank_2"),
        (-pl.col("group").str.len_chars().cast(pl.Int64)).fill_null(0).alias("rank_3"),
        pl.col("profil").is_null().alias("rank_4"),
        pl.col("kind").is_null().alias("rank_5"),
        pl.col("usl_ok").is_null().alias("rank_6"),
    )
    ranks = [f"rank_{number}" for number in range(1, 7)]
    return ranked.sort(*ranks, "group", "profil", "kind", "usl_ok", "line").drop(ranks).with_row_index("rank")


def _claimed(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Own cases of planned kinds that nothing refused, in the order of consumption: case_key, mo, kind, usl_ok, amount_kop."""
    own = tables["identified"].filter(pl.col("status") == "own").select("case_key")
    kinds = tables["priced"].filter(pl.col("payment_kind").is_in(sorted(context.agreement.planned_kinds)))
    cases = (
        tables["cases"]
        .filter(pl.col("lpu").is_not_null())
        .select("case_key", "data", "package", "n_zap", "idcase", "usl_ok", "sumv", pl.col("lpu").alias("mo"))
        .join(own, on="case_key", how="semi")
        .join(kinds.select("case_key", kind="payment_kind"), on="case_key", how="inner")
    )
    payable = pl.col("sumv")
    if "decisions" in tables:
        decided = tables["decisions"].select("case_key", "oplata", "sump_kop")
        cases = cases.join(decided, on="case_key", how="left").filter(pl.col("oplata").is_null() | (pl.col("oplata") != REFUSED))
        payable = pl.coalesce("sump_kop", "sumv")
    return (
        cases.with_columns(amount_kop=payable.fill_null(0).clip(lower_bound=0))
        .sort("data", "package", "n_zap", "idcase", "case_key")
        .select("case_key", "mo", "kind", "usl_ok", "amount_kop")
    )


def _with_line(
    claimed: pl.DataFrame, in_force: pl.DataFrame, tables: Mapping[str, pl.DataFrame], context: Context
) -> pl.DataFrame:
    """`claimed` plus line (null where no line takes the case), unit and units2, in the same order."""
    if context.agreement.table("plan_lines").is_empty():
        return claimed.with_columns(line="kind", unit=pl.lit("case"), units2=pl.lit(UNIT2, dtype=pl.Int64))
    lines = declared_lines(context)
    told = claimed.join(_first_sub_case(tables, lines), on="case_key", how="left", maintain_order="left")
    features = ["kind", "usl_ok", "profil", "group"]
    of_features = _line_of_features(told.select(features).unique(), lines)
    taken = told.join(of_features, on=features, how="left", nulls_equal=True, maintain_order="left")
    resolved = _resolved(taken.select("mo", "line").drop_nulls().unique(), in_force, lines)
    placed = taken.join(resolved, on=["mo", "line"], how="left", maintain_order="left").with_columns(line="resolved")
    units = lines.select("line", "unit").unique(maintain_order=True)
    told_units = placed.join(units, on="line", how="left", maintain_order="left").with_columns(pl.col("unit").fill_null("case"))
    if not (lines["unit"] == "quantity").any():
        counted = told_units.with_columns(units2=pl.lit(UNIT2, dtype=pl.Int64))
    else:
        quantities = tables["priced_sl"].group_by("case_key").agg(quantity2=pl.col("quantity2").sum())
        counted = told_units.join(quantities, on="case_key", how="left", maintain_order="left").with_columns(
            units2=pl.when(pl.col("unit") == "quantity").then("quantity2").otherwise(UNIT2).fill_null(UNIT2)
        )
    return counted.select(*claimed.columns, "line", "unit", "units2")


def _first_sub_case(tables: Mapping[str, pl.DataFrame], lines: pl.DataFrame) -> pl.DataFrame:
    """case_key, profil, group of the first sub-case of each case; null where no line asks for this profile or group."""
    profiles = lines["profil"].drop_nulls().unique()
    asked = lines.filter(pl.col("group").is_not_null()).select("group", "stem").unique()
    if not profiles.len() and asked.is_empty():
        return pl.DataFrame(schema={"case_key": pl.Int64, "profil": pl.Int64, "group": pl.String})
    first = tables["sl"].group_by("case_key").agg(sl_key=pl.col("_row").min())
    own = tables["sl"].select(pl.col("_row").alias("sl_key"), "profil")
    groups = tables["priced_sl"].select("sl_key", "group")
    pairs = groups.select("group").unique().drop_nulls().join(asked.rename({"group": "pattern"}), how="cross")
    named = pairs.filter(_group_holds(pl.col("pattern"), pl.col("stem"), pl.col("group")))["group"].unique()
    return (
        first.join(own, on="sl_key", how="left")
        .join(groups, on="sl_key", how="left")
        .select(
            "case_key", pl.when(pl.col("profil").is_in(profiles.implode())).then("profil").alias("profil"),
            pl.when(pl.col("group").is_in(named.implode())).then("group").alias("group"),
        )
    )  # fmt: skip


def _group_holds(pattern: pl.Expr, stem: pl.Expr, group: pl.Expr) -> pl.Expr:
    """Whether a group is the one written out, or begins as a pattern with a final `*` does."""
    return pl.when(pattern.str.ends_with("*")).then(group.str.starts_with(stem)).otherwise(pattern == group)


def _line_of_features(features: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """What a case is like -> the most specific line that takes it; what no line takes is left out."""
    wanted = lines.select("rank", "line", "stem", pl.col("group", "profil", "kind", "usl_ok").name.prefix("is_"))
    pairs = features.join(wanted, how="cross")
    same = [pl.col(f"is_{name}").is_null() | (pl.col(f"is_{name}") == pl.col(name)) for name in ("profil", "kind", "usl_ok")]
    group = pl.col("is_group").is_null() | _group_holds(pl.col("is_group"), pl.col("stem"), pl.col("group"))
    holds = pl.all_horizontal(*same, group).fill_null(value=False)
    names = features.columns
    return pairs.filter(holds).sort(*names, "rank").unique(names, keep="first", maintain_order=True).select(*names, "line")


def _resolved(asked: pl.DataFrame, in_force: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """(mo, line) -> `resolved`: the line itself where the clinic has it in the plan of the year, else the line that the agreement
    names in its place (`otherwise`), and so on; where the clinic has none of them, the line itself: a hole."""
    planned = set(in_force.select("mo", "line").iter_rows())
    otherwise = dict(lines.select("line", "otherwise").iter_rows())
    rows = []
    for mo, line in asked.sort("mo", "line").iter_rows():
        found: str | None = line
        while found is not None and (mo, found) not in planned:
            found = otherwise.get(found)
        rows.append({"mo": mo, "line": line, "resolved": found or line})
    return pl.DataFrame(rows, schema={"mo": pl.String, "line": pl.String, "resolved": pl.String})


# ---- what fits -------------------------------------------------------------------------------------------------------------


def _judged(items: pl.DataFrame, context: Context) -> pl.DataFrame:
    """`items` in the order of consumption, with place in the line and state.

    After the first item that does not fit nothing is consumed: what ended the line first, volume or money, refuses all the rest;
    where both end at one item, volume does.
    """
    without = "no_plan" if context.agreement.head.volumes.without_plan == "refuse" else "passed"
    counted = items.with_columns(
        place=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(KEY),
        too_many=(pl.col("units2").cum_sum().over(KEY) > pl.col("limit_units2")).fill_null(value=False),
        too_dear=(pl.col("amount_kop").cum_sum().over(KEY) > pl.col("limit_kop")).fill_null(value=False),
    ).with_columns(
        first_many=pl.when("too_many").then("place").min().over(KEY),
        first_dear=pl.when("too_dear").then("place").min().over(KEY),
    )
    never = pl.lit(2**62)
    many, dear = pl.col("first_many").fill_null(never), pl.col("first_dear").fill_null(never)
    return counted.with_columns(
        state=pl.when(pl.col("plan_volume").is_null()).then(pl.lit(without))
        .when((many <= dear) & (pl.col("place") >= many)).then(pl.lit("over_volume"))
        .when((dear < many) & (pl.col("place") >= dear)).then(pl.lit("over_money"))
        .otherwise(pl.lit("fits")),
    )  # fmt: skip


def _assert_fits(items: pl.DataFrame) -> None:
    """What fits is not more than the line has, and stands before all that does not."""
    fits = pl.col("state") == "fits"
    sums = items.filter(pl.col("plan_volume").is_not_null()).group_by(KEY).agg(
        pl.col("units2").filter(fits).sum().alias("units2"), pl.col("amount_kop").filter(fits).sum().alias("amount_kop"),
        pl.col("place").filter(fits).max().alias("last"), pl.col("place").filter(~fits).min().alias("over"),
        pl.col("limit_units2", "limit_kop").first(),
    )  # fmt: skip
    some = pl.col("last").is_not_null()
    broken = sums.filter(
        (
            some
            & ((pl.col("units2") > pl.col("limit_units2")) | (pl.col("amount_kop") > pl.col("limit_kop"))).fill_null(value=False)
        )
        | (pl.col("last") >= pl.col("over")).fill_null(value=False)
    )
    assert broken.is_empty(), f"more fits than the line has: {broken.head(3).to_dicts()}"


def _holes_let_through(items: pl.DataFrame, context: Context) -> list[Finding]:
    """V.1 for each clinic and line without a row for the month, whose cases the agreement lets through."""
    holes = (
        items.filter(pl.col("state") == "passed")
        .with_columns(pl.col("line").fill_null(NO_LINE))
        .group_by(KEY)
        .agg(pl.len().alias("cases"), pl.col("amount_kop").sum())
        .sort(KEY)
    )
    return [
        Finding("V.1", value=mo, params={"mo": mo, "line": line, "month": str(context.month), "cases": cases,
                                         "amount": format_amount(amount)})
        for mo, line, cases, amount in holes.iter_rows()
    ]  # fmt: skip


# ---- the plan as a register ------------------------------------------------------------------------------------------------


def plan_findings(tables: Mapping[str, pl.DataFrame], context: Context, lang: str) -> pl.DataFrame:
    """What is wrong with the plan of the year itself: what a commission looks at before the year begins.

    tables    reg_plan, reg_clinic
    lang      ru | en: the language of the fate of cases in a hole
    findings  V.2 two decisions of one day, V.3 an impossible figure, V.5 a month without a row in a line that has others, V.6 a
              line that the agreement does not know, V.7 a clinic that is not in the register in the month
    """
    in_force, problems = in_force_plan(tables["reg_plan"], context)
    months = [str(Month(context.month.year, number)) for number in range(1, 13)]
    found = list(problems)
    fate = messages.text(f"plans.fate.{context.agreement.head.volumes.without_plan}", lang)
    for (mo, line), rows in in_force.sort("mo", "line", "month").group_by(KEY, maintain_order=True):
        lacking = [month for month in months if month not in set(rows["month"])]
        if lacking:
            params = {"mo": mo, "line": line, "months": ", ".join(lacking), "fate": fate}
            found.append(Finding("V.5", value=str(mo), params=params))
    known = _known_lines(context)
    for mo, line in in_force.filter(~pl.col("line").is_in(sorted(known))).select(KEY).unique().sort(KEY).iter_rows():
        found.append(Finding("V.6", value=line, params={"mo": mo, "line": line, "known": ", ".join(sorted(known))}))
    return findings.frame(found + _outside_register(in_force, tables["reg_clinic"]))


def _known_lines(context: Context) -> set[str]:
    """Codes of lines that some case can consume at some time of the year."""
    table = context.agreement.table("plan_lines")
    return set(table["line"]) if table.height else set(context.agreement.planned_kinds)


def _outside_register(in_force: pl.DataFrame, reg_clinic: pl.DataFrame) -> list[Finding]:
    """V.7 for each clinic and month of the plan, once, without a day of the clinic in the register."""
    first = pl.col("month").str.to_date("%Y-%m")
    asked = (
        in_force.filter(pl.col("volume") > 0).select("mo", "month").unique().with_columns(first=first, last=first.dt.month_end())
    )
    held = asked.join(reg_clinic.select("mo", "valid_from", "valid_to"), on="mo").filter(
        (pl.col("valid_from") <= pl.col("last")) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("first")))
    )
    rows = asked.join(held, on=["mo", "month"], how="anti").sort("mo", "month")
    return [Finding("V.7", value=mo, params={"mo": mo, "month": month}) for mo, month in rows.select("mo", "month").iter_rows()]


# ---- plan, fact, forecast --------------------------------------------------------------------------------------------------

#: Columns of `outlook`: volumes in units of 0.01, money in kopecks; null: the plan sets no limit of money.
OUTLOOK: Final[dict[str, pl.DataType]] = {
    "mo": pl.String(), "line": pl.String(), "unit": pl.String(),
    **{f"{name}_{of}": pl.Int64() for of in ("units2", "kop")
       for name in ("plan_year", "plan_to_date", "billed", "consumed", "excess", "left", "forecast", "beyond")},
}  # fmt: skip


@dataclass(frozen=True)
class Outlook:
    """Plan, fact, remainder and forecast of a year after a month.

    rows     one row a clinic and line, columns `OUTLOOK`, sorted
    by_month the year month by month over the lines with a limit of money (all, where none has one): month, plan_units2, plan_kop,
             billed_units2, billed_kop, consumed_units2, consumed_kop; the fact is null in months that are not counted
    months   months of the year whose fact is counted
    lacking  earlier months of the year that are not closed: their fact is not in it
    method   seasonal | linear
    """

    rows: pl.DataFrame
    by_month: pl.DataFrame
    months: tuple[str, ...]
    lacking: tuple[str, ...]
    method: str


def outlook(reg_plan: pl.DataFrame, facts: pl.DataFrame, context: Context) -> Outlook:
    """Plan of the year, fact so far, what is left, and where the year will end if it goes on like this.

    facts  plan_lines of the closed months of the year up to the month of the context

    The forecast is of what will be billed and payable, refused for want of volume or not: it shows by how much the plan falls
    short. Seasonal: billed so far x plan of the months to come / plan of the months counted, so that the seasons are those that
    the commission planned; a line without a plan in the months counted, and the method linear, takes the number of months
    instead. What is to come is rounded half up to whole units and to kopecks.
    """
    in_force, _ = in_force_plan(reg_plan, context)
    counted = facts.filter((pl.col("month") <= str(context.month)) & pl.col("month").str.starts_with(f"{context.month.year}-"))
    months = sorted(counted["month"].unique())
    until = [str(Month(context.month.year, number)) for number in range(1, context.month.month + 1)]
    method = context.agreement.head.volumes.forecast
    sums = counted.group_by(KEY).agg(
        *(pl.col(f"{name}_{of}").sum() for name in ("billed", "consumed", "excess") for of in ("units2", "kop"))
    )
    plans = _plan_sums(in_force, str(context.month), months)
    both = plans.join(sums, on=KEY, how="full", coalesce=True).sort(KEY)
    later = 12 - context.month.month
    rows = [_outlook_row(row, method, len(months), later) for row in both.to_dicts()]
    units = dict(context.agreement.table("plan_lines").select("line", "unit").iter_rows())
    table = pl.DataFrame([{**row, "unit": units.get(row["line"], "case")} for row in rows], schema=OUTLOOK)
    return Outlook(
        table,
        _by_month(in_force, counted, table, context.month.year),
        tuple(months),
        tuple(month for month in until if month not in months),
        method,
    )


def _by_month(in_force: pl.DataFrame, counted: pl.DataFrame, rows: pl.DataFrame, year: int) -> pl.DataFrame:
    """Plan and fact of each month of the year over the lines that can be compared in money."""
    limited = rows.filter(pl.col("plan_year_kop").is_not_null())
    kept = (limited if limited.height else rows).select(KEY)
    plan = in_force.join(kept, on=KEY, how="semi").group_by("month").agg(
        plan_units2=pl.col("volume").sum() * UNIT2, plan_kop=pl.col("money_kop").sum()
    )  # fmt: skip
    names = [f"{name}_{of}" for name in ("billed", "consumed") for of in ("units2", "kop")]
    fact = counted.join(kept, on=KEY, how="semi").group_by("month").agg(pl.col(names).sum())
    months = pl.DataFrame({"month": [str(Month(year, number)) for number in range(1, 13)]})
    both = months.join(plan, on="month", how="left").join(fact, on="month", how="left").sort("month")
    return both.with_columns(pl.col("plan_units2", "plan_kop").fill_null(0))


def _plan_sums(in_force: pl.DataFrame, month: str, counted: Sequence[str]) -> pl.DataFrame:
    """Plan of each line: of the year, to date, of the months whose fact is counted (base) and of the months to come (later)."""
    parts = {
        "plan_year": pl.lit(value=True), "plan_to_date": pl.col("month") <= month,
        "base": pl.col("month").is_in(list(counted)), "later": pl.col("month") > month,
    }  # fmt: skip
    unlimited = pl.col("money_kop").null_count() > 0
    return in_force.group_by(KEY).agg(
        *((pl.col("volume").filter(part).sum() * UNIT2).alias(f"{name}_units2") for name, part in parts.items()),
        *(pl.when(~unlimited).then(pl.col("money_kop").filter(part).sum()).alias(f"{name}_kop") for name, part in parts.items()),
    )


def _outlook_row(row: Mapping[str, Any], method: str, counted: int, later: int) -> dict[str, Any]:
    """A row of `outlook`: remainder and forecast in units and in kopecks."""
    made: dict[str, Any] = {"mo": row["mo"], "line": row["line"]}
    for of in ("units2", "kop"):
        plan, fact = row[f"plan_year_{of}"], row[f"billed_{of}"] or 0
        consumed = row[f"consumed_{of}"] or 0
        base, to_come = row[f"base_{of}"], row[f"later_{of}"]
        if plan is None:  # money without a limit goes the way of the volumes
            base, to_come = row["base_units2"], row["later_units2"]
        if method == "linear" or not base:
            base, to_come = counted, later
        forecast = fact + (round_ratio(fact * to_come, base, UNIT2 if of == "units2" else 1) if base else 0)
        made |= {
            f"plan_year_{of}": plan, f"plan_to_date_{of}": row[f"plan_to_date_{of}"], f"billed_{of}": fact,
            f"consumed_{of}": consumed, f"excess_{of}": row[f"excess_{of}"] or 0,
            f"left_{of}": None if plan is None else plan - consumed, f"forecast_{of}": forecast,
            f"beyond_{of}": None if plan is None else forecast - plan,
        }  # fmt: skip
    return made
