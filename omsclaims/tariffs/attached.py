"""Who is attached to which clinic on a day, or served by which ambulance, in which group? (Rules 167-168; law.md 7.1, 7.7)

A person counts once: where two attachments hold on the day, at the clinic of the one that began last (then the smaller code).
Whoever has no policy on the day, or whose sex or birth date fits no group, does not count and is a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from omsclaims import findings, registers
from omsclaims.findings import Finding
from omsclaims.periods import Partition, age_expr

#: People by clinic and sex-age group.
SCHEMA: Final[dict[str, pl.DataType]] = {"mo": pl.String(), "group": pl.String(), "people": pl.Int64()}
#: Persons named one by one in findings of a kind; the rest are counted.
NAMED: Final = 50


@dataclass(frozen=True)
class Counted:
    """People by clinic and group (`SCHEMA`, sorted), and what could not be counted."""

    people: pl.DataFrame
    findings: list[Finding]


def attached(tables: Mapping[str, pl.DataFrame], partition: Partition, day: date) -> Counted:
    """Attached persons of each clinic on a day.

    tables    reg_attachment, reg_insured
    findings  T.30 attached to two clinics, T.31 without a policy on the day, T.32 no group for sex and birth date
    """
    register = tables["reg_attachment"]
    holds = (pl.col("attached_from") <= day) & (pl.col("attached_to").is_null() | (pl.col("attached_to") >= day))
    held = register.filter(holds).sort("enp", "attached_from", "mo", descending=[False, True, False])
    once = held.unique("enp", keep="first", maintain_order=True).select("enp", "mo")
    others = held.select("enp", other="mo").join(once, on="enp").filter(pl.col("other") != pl.col("mo")).unique()
    twice = others.group_by("mo", "other").len("people").sort("mo", "other")
    found = [
        Finding("T.30", value=mo, params={"mo": mo, "other": other, "people": people, "day": day})
        for mo, other, people in twice.iter_rows()
    ]
    insured = _insured(tables["reg_insured"], day).filter(pl.col("enp").is_not_null())
    joined = once.join(insured.select("enp", "w", "dr", here=pl.lit(value=True)), on="enp", how="left")
    lost = joined.filter(pl.col("here").is_null()).group_by("mo").len("people").sort("mo")
    found += [Finding("T.31", value=mo, params={"mo": mo, "people": people, "day": day}) for mo, people in lost.iter_rows()]
    return _grouped(joined.filter(pl.col("here")), partition, day, found)


def served(tables: Mapping[str, pl.DataFrame], areas: pl.DataFrame, partition: Partition, day: date) -> Counted:
    """People served by each ambulance clinic on a day: the insured who live in its places.

    tables    reg_insured
    areas     rows of `ambulance_areas` in force: place, mo
    findings  T.36 people in a place that no clinic serves, T.32 no group for sex and birth date
    """
    insured = _insured(tables["reg_insured"], day)
    joined = insured.select("enp", "place", "w", "dr").join(areas.select("place", "mo"), on="place", how="left")
    lost = joined.filter(pl.col("mo").is_null()).group_by(pl.col("place").fill_null("-")).len("people").sort("place")
    found = [
        Finding("T.36", value=place, params={"place": place, "people": people, "day": day}) for place, people in lost.iter_rows()
    ]
    return _grouped(joined.filter(pl.col("mo").is_not_null()), partition, day, found)


def _insured(register: pl.DataFrame, day: date) -> pl.DataFrame:
    """Each person once with a policy that holds on the day, by the policy that began last; the dead are not insured."""
    alive = pl.col("died_on").is_null() | (pl.col("died_on") >= day)
    holds = (pl.col("policy_from") <= day) & (pl.col("policy_to").is_null() | (pl.col("policy_to") >= day))
    return registers.in_turn(register.filter(holds & alive)).unique("who", keep="last", maintain_order=True)


def _grouped(persons: pl.DataFrame, partition: Partition, day: date, found: list[Finding]) -> Counted:
    """People by clinic and group; T.32 for whom no group holds, the first of them by a masked policy number."""
    born = pl.when(pl.col("dr") <= day).then(pl.col("dr"))
    group = partition.group_expr(pl.col("w"), age_expr(born, pl.lit(day)))
    known = persons.with_columns(group=group)
    nowhere = known.filter(pl.col("group").is_null()).sort("mo", "enp", nulls_last=True)
    for row in nowhere.head(NAMED).iter_rows(named=True):
        what = "dr" if row["dr"] is None or row["dr"] > day else "w"
        params = {"mo": row["mo"], "day": day, "element": what}
        found.append(Finding("T.32", level="person", element=what, value=findings.mask(row["enp"]), params=params))
    if nowhere.height > NAMED:
        more = {"mo": "-", "day": day, "element": f"+{nowhere.height - NAMED}"}
        found.append(Finding("T.32", level="person", element="-", value=f"+{nowhere.height - NAMED}", params=more))
    counted = known.filter(pl.col("group").is_not_null()).group_by("mo", "group").len("people")
    return Counted(counted.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort("mo", "group"), found)
