"""What is wrong with the register of insured persons, how long does a certificate hold, who gets those who chose no insurer?

Rules 158n 5-18, 31-37, 59; law.md 1, 2, 7.7. A register is never corrected here: what contradicts it is a finding that names the
person by a masked policy number. `with_certificates` is what identification reads; `apportion` hands persons to insurers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.identifiers import enp_valid_expr
from omsclaims.law import Parameters
from omsclaims.law import terms as law_terms
from omsclaims.money import share_rows
from omsclaims.periods import Month

if TYPE_CHECKING:
    from omsclaims.context import Context

CERTIFICATE: Final = 2  # F008
_OPEN: Final = date(9999, 12, 31)
#: A clinic may leave during the year for one of these reasons only (Rules 100).
LAWFUL_REASONS: Final = ("liquidation", "licence", "bankruptcy")
REASONS: Final = (*LAWFUL_REASONS, "notice", "contract")


# ---- certificates ----------------------------------------------------------------------------------------------------------


def certificate_ends(issued_on: date, received_on: date | None, law: Parameters) -> date:
    """The last day of a temporary certificate: the day the policy was received, at most the 30th working day from issue.

    The day of issue does not count, the 30th working day is in (law.md 1.2, 15).
    """
    last = law_terms.due(law, "insured.certificate_working_days", issued_on)
    return last if received_on is None else min(last, received_on)


def with_certificates(reg_insured: pl.DataFrame, reg_certificate: pl.DataFrame, law: Parameters) -> pl.DataFrame:
    """The register of insured with the end of every temporary certificate that is known where its row says a later one or none.

    A row is a certificate by VPOLIS 2 and its number; a number that was issued twice holds to the later end.
    """
    if reg_certificate.is_empty():
        return reg_insured
    issued = reg_certificate.select("npolis", "issued_on", "received_on")
    days = {
        (start, received): certificate_ends(start, received, law)
        for start, received in issued.select("issued_on", "received_on").unique().iter_rows()
    }  # fmt: skip
    ends = [days[start, received] for _, start, received in issued.iter_rows()]
    known = issued.with_columns(ends_on=pl.Series(ends, dtype=pl.Date)).group_by("npolis").agg(pl.col("ends_on").max())
    joined = reg_insured.join(known, on="npolis", how="left", maintain_order="left")
    certificate = (pl.col("vpolis") == CERTIFICATE) & pl.col("ends_on").is_not_null()
    capped = pl.min_horizontal(pl.col("policy_to").fill_null(_OPEN), "ends_on")
    return joined.with_columns(policy_to=pl.when(certificate).then(capped).otherwise("policy_to")).drop("ends_on")


# ---- findings --------------------------------------------------------------------------------------------------------------


def register_findings(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """What is wrong with the registers of insured, attachment, insurers and clinics as of the day of knowledge.

    tables    reg_insured, reg_attachment, reg_certificate, reg_insurer, reg_clinic, reg_exclusion
    findings  RI.1-RI.10 of policies, RI.11-RI.15 of attachments, RI.16-RI.19 of insurers and clinics; policy numbers masked
    """
    known = tables["reg_insured"].filter(pl.col("policy_from") <= context.as_of)
    insured = with_certificates(known, tables["reg_certificate"], context.law)
    insured = insured.with_columns(who=_who(), ends=pl.col("policy_to").fill_null(_OPEN))
    found = [
        *_rows_of_policies(insured), *_overlaps(insured), *_changes_of_insurer(insured, tables["reg_insurer"], context),
        *_certificates(known, tables["reg_certificate"], context), *_strange_insurers(insured, tables["reg_insurer"]),
        *_one_number_two_people(insured), *_attachments(tables, insured, context),
        *_members(tables["reg_clinic"], tables["reg_exclusion"], "mo"),
        *_members(tables["reg_insurer"], tables["reg_exclusion"], "smo"),
    ]  # fmt: skip
    return findings.frame(found)


def _who() -> pl.Expr:
    """What tells a person in the register: the ЕНП, else series and number of the policy."""
    number = pl.concat_str([pl.col("spolis").fill_null(""), pl.col("npolis")], separator="|")
    return pl.coalesce("enp", number)


def _about(rule: str, rows: pl.DataFrame, *columns: str) -> list[Finding]:
    """A finding for each row, about the person in `who`, with the columns as parameters; in the order of person and day."""
    order = [name for name in ("who", "policy_from", "attached_from") if name in rows.columns]
    found = []
    for row in rows.sort(*order, *columns, nulls_last=True).iter_rows(named=True):
        params = {name: "-" if row[name] is None else str(row[name]) for name in columns}
        found.append(Finding(rule, level="person", value=findings.mask(row["who"]), params=params))
    return found


def _rows_of_policies(insured: pl.DataFrame) -> list[Finding]:
    """RI.1 ends before it begins, RI.6 open after death, RI.7 begins before birth, RI.8 an impossible ЕНП."""
    ended = insured.filter(pl.col("ends") < pl.col("policy_from"))
    dead = insured.filter(pl.col("died_on").is_not_null() & (pl.col("ends") > pl.col("died_on")))
    unborn = insured.filter(pl.col("policy_from") < pl.col("dr"))
    wrong = insured.filter(pl.col("enp").is_not_null() & ~enp_valid_expr(pl.col("enp"))).unique("who", keep="first")
    return [
        *_about("RI.1", ended, "smo", "policy_from", "policy_to"), *_about("RI.6", dead, "smo", "died_on", "policy_to"),
        *_about("RI.7", unborn, "smo", "policy_from"), *_about("RI.8", wrong, "smo"),
    ]  # fmt: skip


def _with_next(rows: pl.DataFrame, begin: str, names: Iterable[str]) -> pl.DataFrame:
    """Periods of a person in order, each with what the next one has (`next_<name>`)."""
    ordered = rows.sort("who", begin, *names, nulls_last=True)
    return ordered.with_columns(pl.col(name).shift(-1).over("who").alias(f"next_{name}") for name in (begin, *names))


def _overlaps(insured: pl.DataFrame) -> list[Finding]:
    """RI.2: a policy with one insurer begins while one with another still holds."""
    chained = _with_next(insured.filter(pl.col("ends") >= pl.col("policy_from")), "policy_from", ("smo",))
    both = chained.filter((pl.col("next_policy_from") <= pl.col("ends")) & (pl.col("next_smo") != pl.col("smo")))
    return _about("RI.2", both, "smo", "next_smo", "next_policy_from")


def _changes_of_insurer(insured: pl.DataFrame, reg_insurer: pl.DataFrame, context: Context) -> list[Finding]:
    """RI.3 a second change in a calendar year, RI.4 a change after 1 November.

    A change is a period with another insurer than the one before; it counts on the day the new policy begins. A change of
    residence and an insurer that left are an excuse.
    """
    chained = _with_next(insured, "policy_from", ("smo", "place"))
    changes = chained.filter(pl.col("next_smo").is_not_null() & (pl.col("next_smo") != pl.col("smo")))
    gone = reg_insurer.group_by("smo").agg(gone_on=pl.col("valid_to").max(), stays=pl.col("valid_to").is_null().any())
    left = changes.join(gone, on="smo", how="left").with_columns(
        excused=(pl.col("place") != pl.col("next_place")).fill_null(value=False)
        | (~pl.col("stays") & (pl.col("gone_on") < pl.col("next_policy_from"))).fill_null(value=False),
        year=pl.col("next_policy_from").dt.year(),
    )
    plain = left.filter(~pl.col("excused")).sort("who", "next_policy_from")
    allowed = int(context.law.value("insured.changes_of_insurer_a_year", context.as_of))
    numbered = plain.with_columns(number=pl.int_range(1, pl.len() + 1).over("who", "year"))
    again = numbered.filter(pl.col("number") > allowed)
    month, day = (int(part) for part in context.law.value("insured.insurer_change_last_day", context.as_of).split("-"))
    late = plain.filter(pl.col("next_policy_from") > pl.date(pl.col("year"), month, day))
    columns = ("smo", "next_smo", "next_policy_from", "year")
    return [*_about("RI.3", again, *columns), *_about("RI.4", late, *columns)]


def _certificates(insured: pl.DataFrame, reg_certificate: pl.DataFrame, context: Context) -> list[Finding]:
    """RI.5: a certificate older than its term for which no policy was received; the row itself holds no longer."""
    waiting = reg_certificate.filter(pl.col("received_on").is_null() & (pl.col("issued_on") <= context.as_of))
    last = [certificate_ends(day, None, context.law) for day in waiting["issued_on"]]
    over = waiting.with_columns(who=pl.col("npolis"), last=pl.Series(last, dtype=pl.Date)).filter(pl.col("last") < context.as_of)
    return _about("RI.5", over, "smo", "issued_on", "last")


def _strange_insurers(insured: pl.DataFrame, reg_insurer: pl.DataFrame) -> list[Finding]:
    """RI.9: on its first day the policy is with an insurer that the register does not hold; one finding an insurer."""
    pairs = insured.select("smo", "policy_from").unique()
    held = pairs.join(reg_insurer.select("smo", "valid_from", "valid_to"), on="smo").filter(
        (pl.col("valid_from") <= pl.col("policy_from"))
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("policy_from")))
    )
    strange = insured.join(held, on=["smo", "policy_from"], how="anti").group_by("smo").agg(
        pl.len().alias("policies"), pl.col("policy_from").min()
    )  # fmt: skip
    return [
        Finding("RI.9", value=smo, params={"smo": smo, "policies": count, "policy_from": first})
        for smo, count, first in strange.sort("smo").iter_rows()
    ]


def _one_number_two_people(insured: pl.DataFrame) -> list[Finding]:
    """RI.10: rows of one policy number differ in birth date or sex."""
    mixed = insured.group_by("who").agg(people=pl.struct("dr", "w").n_unique()).filter(pl.col("people") > 1)
    return _about("RI.10", mixed, "people")


def _attachments(tables: Mapping[str, pl.DataFrame], insured: pl.DataFrame, context: Context) -> list[Finding]:
    """RI.11 two clinics at once, RI.12 a second change in a calendar year without change of residence, RI.13 a clinic that is
    not in the register, RI.14 a person whom the register of insured does not hold, RI.15 a period that ends before it begins or
    begins after death."""
    known = tables["reg_attachment"].filter(pl.col("attached_from") <= context.as_of)
    attached = known.with_columns(who=pl.col("enp"), ends=pl.col("attached_to").fill_null(_OPEN))
    right = attached.filter(pl.col("ends") >= pl.col("attached_from"))
    chained = _with_next(right, "attached_from", ("mo",))
    twice = chained.filter(pl.col("next_attached_from") <= pl.col("ends"))
    people = insured.group_by("who").agg(pl.col("died_on").max())
    strangers = attached.join(people, on="who", how="anti").unique("who", keep="first", maintain_order=True)
    wrong = attached.join(people, on="who", how="left").filter(
        (pl.col("ends") < pl.col("attached_from")) | (pl.col("attached_from") > pl.col("died_on"))
    )
    return [
        *_about("RI.11", twice, "mo", "next_mo", "next_attached_from"), *_changes_of_clinic(chained, insured, context),
        *_strange_clinics(right, tables["reg_clinic"]), *_about("RI.14", strangers, "mo"),
        *_about("RI.15", wrong, "mo", "attached_from", "attached_to"),
    ]  # fmt: skip


def _changes_of_clinic(chained: pl.DataFrame, insured: pl.DataFrame, context: Context) -> list[Finding]:
    """RI.12. A person has moved in a year when the register of insured has two places of him in it."""
    changes = chained.filter(pl.col("next_mo") != pl.col("mo")).with_columns(year=pl.col("next_attached_from").dt.year())
    years = changes.select("who", "year").unique()
    first, last = pl.date(pl.col("year"), 1, 1), pl.date(pl.col("year"), 12, 31)
    moved = (
        years.join(insured.select("who", "place", "policy_from", "ends"), on="who")
        .filter((pl.col("policy_from") <= last) & (pl.col("ends") >= first))
        .group_by("who", "year")
        .agg(places=pl.col("place").n_unique())
        .filter(pl.col("places") > 1)
    )
    plain = changes.join(moved, on=["who", "year"], how="anti").sort("who", "next_attached_from")
    allowed = int(context.law.value("insured.changes_of_clinic_a_year", context.as_of))
    numbered = plain.with_columns(number=pl.int_range(1, pl.len() + 1).over("who", "year"))
    return _about("RI.12", numbered.filter(pl.col("number") > allowed), "mo", "next_mo", "next_attached_from", "year")


def _strange_clinics(attached: pl.DataFrame, reg_clinic: pl.DataFrame) -> list[Finding]:
    """RI.13: people are attached to a clinic on a day on which the register does not hold it; one finding a clinic."""
    pairs = attached.select("mo", "attached_from").unique()
    held = pairs.join(reg_clinic.select("mo", "valid_from", "valid_to"), on="mo").filter(
        (pl.col("valid_from") <= pl.col("attached_from"))
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("attached_from")))
    )
    strange = attached.join(held, on=["mo", "attached_from"], how="anti").group_by("mo").agg(
        pl.len().alias("people"), pl.col("attached_from").min()
    )  # fmt: skip
    return [
        Finding("RI.13", value=mo, params={"mo": mo, "people": count, "attached_from": first})
        for mo, count, first in strange.sort("mo").iter_rows()
    ]


def _members(register: pl.DataFrame, reg_exclusion: pl.DataFrame, code: str) -> list[Finding]:
    """Registers of clinics (mo) and insurers (smo): RI.16 ends before it begins or overlaps, RI.17 left without a stated reason,
    RI.18 a clinic left during the year for a reason that the Rules do not allow, RI.19 a reason that there is not."""
    rows = register.with_columns(who=pl.col(code), ends=pl.col("valid_to").fill_null(_OPEN))
    chained = _with_next(rows, "valid_from", ())
    wrong = chained.filter((pl.col("ends") < pl.col("valid_from")) | (pl.col("next_valid_from") <= pl.col("ends")))
    stated = reg_exclusion.sort("reason").select("code", "excluded_on", "reason")
    reasons = {(party, day): reason for party, day, reason in stated.iter_rows()}
    found = [
        Finding("RI.16", value=party, params={"code": party, "valid_from": begin, "valid_to": end or "-"})
        for party, begin, end in wrong.sort("who", "valid_from").select("who", "valid_from", "valid_to").iter_rows()
    ]
    # Whoever comes back the next day never left.
    back = (pl.col("next_valid_from") <= pl.col("valid_to") + pl.duration(days=1)).fill_null(value=False)
    left = chained.filter(pl.col("valid_to").is_not_null() & ~back)
    for party, end in left.sort("who", "valid_to").select("who", "valid_to").iter_rows():
        reason = reasons.get((party, end))
        told = {"code": party, "valid_to": end, "reason": reason or "-"}
        if reason is None:
            found.append(Finding("RI.17", value=party, params=told))
        elif reason not in REASONS:
            found.append(Finding("RI.19", value=party, params={**told, "known": ", ".join(REASONS)}))
        elif code == "mo" and reason not in LAWFUL_REASONS and (end.month, end.day) != (12, 31):
            found.append(Finding("RI.18", value=party, params=told))
    return found


# ---- those who chose no insurer --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Apportionment:
    """Persons handed to insurers (Rules 13).

    persons   enp, working, smo: personal, sorted by enp
    insurers  smo, insured, working, non_working, persons; sorted by smo
    notify_by last day of the notice to the persons (Rules 14)
    findings  RI.20 nobody is insured with anybody: nothing to share by; RI.21 a person who has an insurer already is left out
    """

    persons: pl.DataFrame
    insurers: pl.DataFrame
    notify_by: date
    findings: pl.DataFrame


def apportion(tables: Mapping[str, pl.DataFrame], context: Context, month: Month) -> Apportionment:
    """Hands those who chose no insurer by the end of a month to the insurers of the territory.

    tables  reg_unchosen, reg_insured, reg_insurer

    Each class, working and not, is shared by the number of insured of each insurer on the first day of the month: largest
    remainder, ties to the smaller code. So the ratio of the classes is that of all persons for every insurer, up to one person.
    Who goes where is drawn without anybody's choice: persons stand in the order of SHA-256 of month and policy number.
    """
    weights = insured_of(tables["reg_insured"], tables["reg_insurer"], month.first)
    waiting, problems = _unchosen(tables, month)
    notify_by = law_terms.due(context.law, "insured.apportionment_notice_working_days", context.as_of)
    rows: list[dict[str, object]] = []
    counts: dict[bool, dict[str, int]] = {}
    if waiting.height and not any(weights.values()):
        problems.append(Finding("RI.20", params={"persons": waiting.height, "month": str(month)}))
        waiting = waiting.clear()
    people = {
        working: sorted(waiting.filter(pl.col("working") == working)["enp"], key=lambda enp: _draw(month, enp))
        for working in (True, False)
    }
    codes = sorted(weights)
    splits = _splits([len(named) for named in people.values()], [weights[code] for code in codes], codes)
    for (working, named), parts in zip(people.items(), splits, strict=True):
        counts[working] = dict(zip(codes, parts, strict=True))
        dealt = [code for code, part in zip(codes, parts, strict=True) for _ in range(part)]
        rows += [{"enp": enp, "working": working, "smo": smo} for enp, smo in zip(named, dealt, strict=True)]
    persons = pl.DataFrame(rows, schema={"enp": pl.String, "working": pl.Boolean, "smo": pl.String}).sort("enp")
    insurers = pl.DataFrame(
        [
            {"smo": code, "insured": weights[code], "working": counts[True][code], "non_working": counts[False][code],
             "persons": counts[True][code] + counts[False][code]}
            for code in sorted(weights)
        ],
        schema={"smo": pl.String, **dict.fromkeys(("insured", "working", "non_working", "persons"), pl.Int64)},
    )  # fmt: skip
    assert insurers["persons"].sum() == persons.height == waiting.height, "a person is lost or handed out twice"
    return Apportionment(persons, insurers, notify_by, findings.frame(problems))


def _splits(totals: Sequence[int], weights: Sequence[int], codes: Sequence[str]) -> list[list[int]]:
    """Each total shared by the same weights, ties to the smaller code: a list of parts for each."""
    rows = np.tile(np.array(weights, dtype=np.int64), len(totals))
    of_split = np.repeat(np.arange(len(totals), dtype=np.int64), len(codes))
    parts = share_rows(np.array(totals, dtype=np.int64), rows, of_split, np.tile(np.array(codes, dtype=np.str_), len(totals)))
    return [part.tolist() for part in parts.reshape(len(totals), len(codes))]


def _draw(month: Month, enp: str) -> str:
    return hashlib.sha256(f"{month}|{enp}".encode()).hexdigest()


def insured_of(reg_insured: pl.DataFrame, reg_insurer: pl.DataFrame, day: date) -> dict[str, int]:
    """Number of insured of each insurer that the register holds on a day; 0 for one without anybody. A person counts once."""
    members = reg_insurer.filter((pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day)))
    held = _holding(reg_insured, day).filter(pl.col("smo").is_in(members["smo"].implode()))
    once = held.sort("who", "policy_from", "smo", descending=[False, True, False]).unique("who", keep="first")
    counted = dict(once.group_by("smo").len().iter_rows())
    return {smo: int(counted.get(smo, 0)) for smo in sorted(set(members["smo"]))}


def _holding(reg_insured: pl.DataFrame, day: date) -> pl.DataFrame:
    """Policies that hold on a day, of people who live on it."""
    holds = (pl.col("policy_from") <= day) & (pl.col("policy_to").is_null() | (pl.col("policy_to") >= day))
    alive = pl.col("died_on").is_null() | (pl.col("died_on") >= day)
    return reg_insured.filter(holds & alive).with_columns(who=_who())


def _unchosen(tables: Mapping[str, pl.DataFrame], month: Month) -> tuple[pl.DataFrame, list[Finding]]:
    """Those who have chosen nobody by the end of the month, each once (who stands in both classes counts as working); RI.21."""
    waiting = tables["reg_unchosen"].filter(pl.col("since") <= month.last).sort("enp", "working", descending=[False, True])
    waiting = waiting.unique("enp", keep="first", maintain_order=True)
    insured = _holding(tables["reg_insured"], month.last).select(pl.col("enp"), pl.col("smo")).drop_nulls("enp")
    already = waiting.join(insured.unique("enp", keep="first"), on="enp", how="inner").with_columns(who=pl.col("enp"))
    return waiting.join(already, on="enp", how="anti"), _about("RI.21", already, "smo")
