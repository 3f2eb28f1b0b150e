"""Which cases does an expert look at? Seeded, stratified samples for МЭЭ and ЭКМП, and targeted lists (order 231n; law.md 10.1).

A planned sample takes from every condition of care (V006) the share of the rules in force, divided among clinics or payers by
largest remainder. Which cases of a stratum are taken is decided by the smallest keyed hash: SHA-256 over seed, kind of expertise
and the case's own name (month/package/N_ZAP/IDCASE). So the sample is the same for any order of input, number of threads and
version of libraries, and whoever knows the seed can draw it again with any tool. No generator of random numbers is asked.

Targeted lists have no limit: deaths, readmissions with the same diagnosis, repeated outpatient care, complaints, interrupted and
extended cases. A case refused whole by МЭК is in neither.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from omsclaims import contract, findings
from omsclaims.findings import Finding
from omsclaims.settlement.identify import KEY_DIGITS, normal

if TYPE_CHECKING:
    from omsclaims.context import Context

Kind = Literal["mee", "ekmp"]
Within = Literal["mo", "payer"]
KINDS: Final = ("mee", "ekmp")
WITHIN: Final = ("mo", "payer")
#: Lists in the order in which they are shown.
LISTS: Final = ("planned", "death", "readmission", "repeat_outpatient", "complaint", "interrupted", "extended")
_REFUSED: Final = 2
_INPATIENT, _DAY_HOSPITAL, _OUTPATIENT = 1, 2, 3
_ROW_IN_PACKAGE: Final = (1 << contract.PACKAGE_SHIFT) - 1
#: Shares travel as units of 0.000001.
_SHARE_UNITS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Draw:
    """What is drawn: kind of expertise, seed, whose insured only (None: all payers), strata inside conditions of care."""

    kind: Kind
    seed: int
    insurer: str | None = None
    within: Within = "mo"

    def sample_id(self, month: str) -> str:
        """Name of the sample: equal draws of a month have one name."""
        return "-".join(filter(None, (self.kind, month, str(self.seed), self.insurer, self.within)))


def sample(tables: Mapping[str, pl.DataFrame], context: Context, draw: Draw) -> dict[str, pl.DataFrame]:
    """The planned sample and the targeted lists of one closed month.

    tables   cases (columns of the contract that are named below), identified, decisions, priced_sl; sl (case_key, date_1, date_2,
             ds1, p_cel, n_ksg); history of the months before; reg_complaint
    context  month: the month that is drawn from; shares and terms are those in force on its last day
    returns  expertise_sample, expertise_strata (contract) and findings: E.30 a complaint that no accepted case answers to
    Sizes: each stratum is within one case of share x cases, each condition of care is the share rounded as the parameter says.
    """
    people = population(tables, context, draw)
    strata = _strata(people, context, draw)
    drawn = _drawn(people, strata, context, draw)
    targeted, unmatched = _targeted(people, tables, context, draw)
    name = draw.sample_id(str(context.month))
    rows = pl.concat([drawn, *targeted], how="diagonal").with_columns(
        sample=pl.lit(name), month=pl.lit(str(context.month)), kind=pl.lit(draw.kind), seed=pl.lit(draw.seed, dtype=pl.Int64),
        insurer=pl.lit(draw.insurer, dtype=pl.String), within=pl.lit(draw.within),
    )  # fmt: skip
    order = pl.col("list").replace_strict({found: place for place, found in enumerate(LISTS)}, return_dtype=pl.Int64)
    ordered = rows.sort(order, "usl_ok", "inner", "place", "package", "n_zap", "idcase", "case_key", nulls_last=True)
    columns = {part: list(contract.TABLES[part].schema()) for part in ("expertise_sample", "expertise_strata")}
    named = strata.with_columns(sample=pl.lit(name)).select(columns["expertise_strata"])
    return {
        "expertise_sample": contract.check("expertise_sample", ordered.select(columns["expertise_sample"])),
        "expertise_strata": contract.check("expertise_strata", named),
        "findings": findings.frame(unmatched),
    }


def population(tables: Mapping[str, pl.DataFrame], context: Context, draw: Draw) -> pl.DataFrame:
    """Cases that can be drawn: accepted whole or in part, of the insurer asked for; conditions 3 for X, payer, stratum, hash.

    The payer of own people is their insurer, of all others the fund (as in payments).
    """
    own = pl.col("status") == "own"
    cases = (
        tables["cases"]
        .select("case_key", "package", "n_zap", "idcase", "code_mo", "file_kind", "usl_ok", "date_z_1", "date_z_2", "rslt")
        .join(tables["decisions"].select("case_key", "oplata"), on="case_key", how="inner")
        .filter(pl.col("oplata") != _REFUSED)
        .join(tables["identified"].select("case_key", "person_key", "status", "smo", "died_on"), on="case_key", how="left")
        .with_columns(
            mo=pl.col("code_mo"),
            payer=pl.when(own).then("smo").otherwise(pl.lit(context.territory)),
            usl_ok=pl.col("usl_ok").fill_null(_OUTPATIENT),
        )
        .sort("package", "n_zap", "idcase", "case_key", nulls_last=True)
    )
    if draw.insurer is not None:
        cases = cases.filter(pl.col("payer") == draw.insurer)
    return cases.with_columns(inner=pl.col(draw.within))


def quotas(sizes: list[int], share: Fraction, rounding: str, order: list[str]) -> list[int]:
    """How many of each stratum: floor or ceiling of share x size, together the share of all, rounded (half_up | up).

    sizes  cases of each stratum; order: names of the strata, for ties of equal remainders (the smaller name first)
    """
    exact = [share * size for size in sizes]
    parts = [value.numerator // value.denominator for value in exact]
    whole = sum(exact, Fraction(0))
    total = -(-whole.numerator // whole.denominator) if rounding == "up" else (2 * whole + 1) // 2
    rest = [value - part for value, part in zip(exact, parts, strict=True)]
    # A stratum whose quota is whole gets nothing more: so each stays within one case of its norm.
    by_rest = sorted((i for i in range(len(sizes)) if rest[i]), key=lambda i: (-rest[i], order[i]))
    for i in by_rest[: int(total) - sum(parts)]:
        parts[i] += 1
    assert sum(parts) == total, "the strata of a sample must add up to the share of their condition of care"
    assert all(abs(part - value) < 1 for part, value in zip(parts, exact, strict=True))
    return parts


def draw_key(seed: int, kind: str, month: str, package: str, n_zap: int | None, idcase: int | None) -> str:
    """What decides whether a case is drawn: the smaller, the sooner. SHA-256 in hexadecimal digits of the text

    `seed|kind|month|package|N_ZAP|IDCASE`, decimal numbers without leading zeros, an empty text for a missing number.
    """
    parts = (seed, kind, month, package, "" if n_zap is None else n_zap, "" if idcase is None else idcase)
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


# ---- planned ---------------------------------------------------------------------------------------------------------------


def _strata(people: pl.DataFrame, context: Context, draw: Draw) -> pl.DataFrame:
    """usl_ok, inner, cases, share6, drawn, sorted."""
    day = context.month.last
    shares: Mapping[int, str] = context.law.value("expertise.sample_shares", day)[draw.kind]
    rounding = str(context.law.value("expertise.sample_rounding", day))
    counted = people.group_by("usl_ok", "inner").agg(cases=pl.len().cast(pl.Int64)).sort("usl_ok", "inner")
    parts = []
    for (usl_ok,), stratum in counted.partition_by("usl_ok", as_dict=True, maintain_order=True).items():
        share = Fraction(shares.get(int(usl_ok), "0"))
        names = [str(name) for name in stratum["inner"]]
        wanted = quotas(stratum["cases"].to_list(), share, rounding, names)
        parts.append(
            stratum.with_columns(
                share6=pl.lit(int(share * _SHARE_UNITS), dtype=pl.Int64), drawn=pl.Series("drawn", wanted, dtype=pl.Int64)
            )
        )
    schema = {name: kind for name, kind in contract.TABLES["expertise_strata"].schema().items() if name != "sample"}
    return pl.concat(parts).select(list(schema)) if parts else pl.DataFrame(schema=schema)


def _drawn(people: pl.DataFrame, strata: pl.DataFrame, context: Context, draw: Draw) -> pl.DataFrame:
    """The planned cases: the smallest keys of each stratum. A name that stands twice (a bad registry) is told by the row."""
    names = people.select("package", "n_zap", "idcase").iter_rows()
    keys = [draw_key(draw.seed, draw.kind, str(context.month), *name) for name in names]
    planned = int(context.law.value("expertise.planned_type", context.month.last)[draw.kind])
    return (
        people.with_columns(pl.Series("draw_key", keys, dtype=pl.String), row=pl.col("case_key") & pl.lit(_ROW_IN_PACKAGE))
        .join(strata.select("usl_ok", "inner", "drawn"), on=["usl_ok", "inner"], how="left")
        .sort("usl_ok", "inner", "draw_key", "package", "row")
        .with_columns(place=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("usl_ok", "inner"))
        .filter(pl.col("place") <= pl.col("drawn"))
        .with_columns(list=pl.lit("planned"), because=pl.lit(None, dtype=pl.String), s_tip=pl.lit(planned, dtype=pl.Int64))
    )


# ---- targeted --------------------------------------------------------------------------------------------------------------


def _targeted(
    people: pl.DataFrame, tables: Mapping[str, pl.DataFrame], context: Context, draw: Draw
) -> tuple[list[pl.DataFrame], list[Finding]]:
    """The targeted lists of the kind of expertise: rows of `people` with list, place, because, s_tip; findings E.30."""
    day = context.month.last
    reasons: Mapping[str, Mapping[str, int]] = context.law.value("expertise.targets", day)
    complaints, unmatched = _complaints(people, tables["reg_complaint"], context)
    found = {
        "death": _deaths(people, context),
        "readmission": _repeated(people, tables, context, _INPATIENT, "expertise.readmission_days"),
        "repeat_outpatient": _repeated(people, tables, context, _OUTPATIENT, "expertise.repeat_outpatient_days"),
        "complaint": complaints,
        "interrupted": _interrupted(people, tables["priced_sl"]),
        "extended": _extended(people, tables, context),
    }
    lists = []
    for name in LISTS[1:]:
        s_tip = reasons.get(name, {}).get(draw.kind)
        if s_tip is None:
            continue
        rows = found[name].sort("usl_ok", "inner", "package", "n_zap", "idcase", "case_key", nulls_last=True)
        lists.append(
            rows.with_columns(
                list=pl.lit(name), s_tip=pl.lit(int(s_tip), dtype=pl.Int64),
                place=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("usl_ok", "inner"),
            )
        )  # fmt: skip
    asked = "complaint" in reasons and draw.kind in reasons["complaint"]
    return lists, unmatched if asked else []


def _deaths(people: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Cases with a lethal result, or whose person died during them by the register."""
    lethal: list[int] = context.law.value("expertise.lethal_results", context.month.last)
    by_result = pl.col("rslt").is_in(lethal).fill_null(False)
    in_care = ((pl.col("died_on") >= pl.col("date_z_1")) & (pl.col("died_on") <= pl.col("date_z_2"))).fill_null(False)
    because = pl.when(by_result).then(pl.format("RSLT {}", "rslt")).otherwise(pl.col("died_on").cast(pl.String))
    return people.filter(by_result | in_care).with_columns(because=because)


def _sub_cases(people: pl.DataFrame, tables: Mapping[str, pl.DataFrame], usl_ok: int, length: int) -> pl.DataFrame:
    """Diagnoses of the cases of one condition of care: case_key, disease, p_cel, from the sub-cases of the month."""
    cases = people.filter(pl.col("usl_ok") == usl_ok).select("case_key")
    return (
        tables["sl"]
        .join(cases, on="case_key", how="semi")
        .select("case_key", "p_cel", disease=pl.col("ds1").str.head(length))
        .drop_nulls("disease")
        .unique(["case_key", "disease", "p_cel"], maintain_order=True)
    )


def _repeated(
    people: pl.DataFrame, tables: Mapping[str, pl.DataFrame], context: Context, usl_ok: int, parameter: str
) -> pl.DataFrame:
    """Cases that begin 1 to n days after the person's earlier case with the same disease ended; the later one is listed.

    The day on which the earlier case ended does not count (law.md 15); an admission on that day is a transfer. Earlier cases are
    those of the month and, from the history, of the months before. Newborns under another's policy are another person already.
    """
    day = context.month.last
    days = int(context.law.value(parameter, day))
    length = int(context.law.value("expertise.same_diagnosis_length", day))
    known = people.filter((pl.col("usl_ok") == usl_ok) & pl.col("person_key").is_not_null())
    diseases = _sub_cases(known, tables, usl_ok, length)
    if usl_ok == _OUTPATIENT:
        purposes: list[str] = context.law.value("expertise.repeat_outpatient_purposes", day)
        # Chapter Z is no disease: examinations, advice, contacts.
        diseases = diseases.filter(pl.col("p_cel").is_in(purposes) & ~pl.col("disease").str.starts_with("Z"))
    later = known.join(diseases.select("case_key", "disease").unique(maintain_order=True), on="case_key", how="inner").select(
        "case_key", "person_key", "disease", "date_z_1"
    )
    label = pl.concat_str([pl.col("package"), pl.col("idcase").cast(pl.String).fill_null("")], separator="/")
    in_month = _sub_cases(known, tables, usl_ok, length).select("case_key", "disease").unique(maintain_order=True)
    own = known.join(in_month, on="case_key").select("person_key", "disease", ended="date_z_2", other=label)
    before = (
        contract.history(tables)
        .filter(pl.col("usl_ok") == usl_ok)
        .select("person_key", "package", "idcase", "ds1", "date_2")
        .join(later.lazy().select("person_key").unique(), on="person_key", how="semi")
        .collect()
        .with_columns(disease=pl.col("ds1").str.head(length))
        .group_by("person_key", "disease", "package", "idcase")
        .agg(ended=pl.col("date_2").max())
        .select("person_key", "disease", "ended", other=label)
    )
    # The latest end before the day of beginning, by one sort: a person with thousands of cases has no list of pairs.
    ends = pl.concat([own, before]).drop_nulls("ended").sort("ended", "other", descending=[False, True])
    near = (
        later.drop_nulls("date_z_1")
        .with_columns(day_before=pl.col("date_z_1") - pl.duration(days=1))
        .sort("day_before")
        .join_asof(
            ends,
            left_on="day_before",
            right_on="ended",
            by=["person_key", "disease"],
            strategy="backward",
            check_sortedness=False,
        )
        .drop_nulls("ended")
        .with_columns(gap=(pl.col("date_z_1") - pl.col("ended")).dt.total_days())
        .filter(pl.col("gap") <= days)
        .sort("case_key", "gap", "other")
        .unique("case_key", keep="first", maintain_order=True)
    )
    because = pl.format("{} +{}", "other", "gap")
    return people.join(near.select("case_key", because=because), on="case_key", how="inner", maintain_order="left")


def _complaints(people: pl.DataFrame, complaints: pl.DataFrame, context: Context) -> tuple[pl.DataFrame, list[Finding]]:
    """Cases of the complaining persons whose care lies in the time they complain about; E.30 for a complaint without any."""
    enps = complaints.select(enp=normal(pl.col("enp")))["enp"]
    keys = [hmac.digest(context.secret, f"enp|{enp}".encode(), "sha256").hex()[:KEY_DIGITS] for enp in enps]
    asked = complaints.with_columns(pl.Series("person_key", keys, dtype=pl.String)).select(
        "number", "received", "person_key", "care_from", "care_to", complained="mo"
    )
    about = (
        people.join(asked, on="person_key", how="inner")
        .filter(pl.col("complained").is_null() | (pl.col("complained") == pl.col("mo")))
        .filter((pl.col("date_z_1") <= pl.col("care_to")) & (pl.col("date_z_2") >= pl.col("care_from")))
        .sort("case_key", "number")
    )
    # Only complaints about care that ended in the month can be missed here; the others belong to other months.
    of_month = asked.filter((pl.col("care_to") >= context.month.first) & (pl.col("care_to") <= context.month.last))
    missing = of_month.join(about.select("number"), on="number", how="anti").sort("number")
    problems = [Finding("E.30", value=number, params={"number": number}) for number in missing["number"]]
    rows = about.group_by("case_key", maintain_order=True).agg(
        because=pl.col("number").unique(maintain_order=True).str.join(", ")
    )
    return people.join(rows, on="case_key", how="inner", maintain_order="left"), problems


def _interrupted(people: pl.DataFrame, priced_sl: pl.DataFrame) -> pl.DataFrame:
    """Cases that were priced as interrupted (law.md 8.5), with the reason 1-9."""
    reasons = (
        priced_sl.filter(pl.col("interrupted").is_not_null())
        .group_by("case_key")
        .agg(reason=pl.col("interrupted").min())
        .select("case_key", because=pl.format("{}", "reason"))
    )
    return people.join(reasons, on="case_key", how="inner", maintain_order="left")


def _extended(people: pl.DataFrame, tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Stays longer than the mean of their group by the percentage of the parameter; groups of too few cases have no mean.

    The mean is that of the accepted cases of the month and the months before, in whole days from admission to discharge.
    """
    day = context.month.last
    percent = int(context.law.value("expertise.extended_percent", day))
    least = int(context.law.value("expertise.extended_least_cases", day))
    stays = pl.col("usl_ok").is_in([_INPATIENT, _DAY_HOSPITAL])
    length = (pl.col("date_2") - pl.col("date_1")).dt.total_days()
    now = (
        people.filter(stays)
        .select("case_key", "usl_ok")
        .join(tables["sl"].select("case_key", "n_ksg", "date_1", "date_2"), on="case_key", how="inner")
        .select("case_key", "usl_ok", "n_ksg", days=length)
        .drop_nulls(["n_ksg", "days"])
    )
    before = contract.history(tables).filter(stays).select(
        pl.lit(None, dtype=pl.Int64).alias("case_key"), "usl_ok", "n_ksg", days=length
    ).drop_nulls(["n_ksg", "days"]).collect()  # fmt: skip
    means = pl.concat([now, before]).group_by("usl_ok", "n_ksg").agg(cases=pl.len().cast(pl.Int64), whole=pl.col("days").sum())
    longer = (
        now.join(means, on=["usl_ok", "n_ksg"], how="left")
        .filter((pl.col("cases") >= least) & (pl.col("days") * pl.col("cases") * 100 > pl.col("whole") * percent))
        .sort("case_key", "days", descending=[False, True])
        .unique("case_key", keep="first", maintain_order=True)
        # The mean is shown in whole tenths of a day, cut; the comparison above is exact.
        .with_columns(tenths=pl.col("whole") * 10 // pl.col("cases"))
    )
    mean = pl.format("{}.{}", pl.col("tenths") // 10, pl.col("tenths") % 10)
    shown = longer.select("case_key", because=pl.concat_str([pl.format("{} > {}", "days", mean), "n_ksg"], separator=" "))
    return people.join(shown, on="case_key", how="inner", maintain_order="left")


def within_one(strata: pl.DataFrame) -> pl.DataFrame:
    """Strata that are off their norm by a case or more: empty, or the sample is wrong."""
    off = (pl.col("drawn") * _SHARE_UNITS - pl.col("cases") * pl.col("share6")).abs()
    return strata.filter(off >= _SHARE_UNITS)


__all__ = ["KINDS", "LISTS", "WITHIN", "Draw", "draw_key", "population", "quotas", "sample", "within_one"]
