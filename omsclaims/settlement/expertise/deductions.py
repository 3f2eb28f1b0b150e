"""What does a ground of expertise cost the clinic? Non-payment N = RT x K_NO, fine Sh = RP x K_SH (231n; law.md 10.2-10.4).

All acts on a case are allocated together, in the order in which they were settled: an act takes only what its ground asks above
what already stands, on its own row; several grounds of one act are not added, the largest N stands (ties: the smaller number),
the fine is that of the chosen ground. An act that was reversed or changed by a later one no longer counts. What a month posts is
the allocation after it less what earlier months posted: so a reversal, a change and a heavier ground are one and the same
difference, and closed months stay as they are. Where the region adds grounds (`several_grounds: sum_capped`), N and fines are
added, N up to the amount of the case.

RT is the amount of the case as it was billed at the tariff on the date of care (a bill off the tariff is refused by МЭК), RP the
per-capita standard of the agreement by conditions of care on that date. A row of F014 without coefficients stays unpriced (E.20),
a missing standard leaves the fine unpriced (E.21): neither is 0. Money never exceeds what is still paid for the case.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.findings import Finding
from omsclaims.money import Term, exact_amounts
from omsclaims.settlement.decide import S_CODE_LENGTH, code_order
from omsclaims.settlement.expertise.acts import CASE, KINDS, ground_day, grounds_on, note_acceptance

if TYPE_CHECKING:
    from omsclaims.context import Context

_REFUSED: Final = 2
#: Rows by the case that they are about (and more).
_ByCase = Mapping[tuple[Any, ...], Mapping[str, Any]]
#: What a row of a month's result keeps of its pricing, so that a later month never prices it anew.
_PRICED: Final = ("k_no5", "k_sh5", "rp4", "non_payment_kop", "full_fine_kop", "reference")
STANDS, LIGHTER, CLEAN, UNPRICED, SUPERSEDED, BY_MEK = "stands", "lighter", "clean", "unpriced", "superseded", "refused_by_mek"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a month takes from a clinic for a payer by expertise, and gives back: kopecks by kind, never below zero."""

    withheld: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    returned: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    fines: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    fines_returned: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def net(self, kind: str) -> int:
        """Non-payment of a kind less what is given back."""
        return self.withheld[kind] - self.returned[kind]

    def net_fine(self, kind: str) -> int:
        """Fines of a kind less what is given back."""
        return self.fines[kind] - self.fines_returned[kind]


def deduct(tables: Mapping[str, pl.DataFrame], context: Context) -> dict[str, pl.DataFrame]:
    """Deductions and fines of one month.

    tables   expertise_acts (all acts on the cases that this month touches), expertise_cases, deductions_before, fine_standards;
             any of them may be absent where there is no expertise
    returns  deductions (contract): the state of every touched case after the month, and what the month posts;
             findings: E.20 no coefficients, E.21 no standard for a fine, E.23 an act whose case is there no longer
    Asserts: 0 <= S_SUM, their sum with МЭК at most the amount of the case; rows without money have none.
    """
    acts = tables.get("expertise_acts", contract.TABLES["expertise_acts"].empty())
    cases = tables.get("expertise_cases", contract.TABLES["expertise_cases"].empty())
    before = tables.get("deductions_before", contract.TABLES["deductions"].empty())
    standards = tables.get("fine_standards", contract.TABLES["fine_standards"].empty())
    note_acceptance(acts, context.law)
    known = {_case_of(row): row for row in cases.iter_rows(named=True)}
    posted = {(*_case_of(row), row["s_code"]): row for row in before.iter_rows(named=True)}
    lost = [act for act in acts.iter_rows(named=True) if _case_of(act) not in known]
    rows, problems = _priced(_rows_of(acts, known, posted), known, standards, context)
    problems += [_finding("E.23", {**act, "sl_id": None}, {}) for act in lost]
    added = context.agreement.head.control.several_grounds == "sum_capped"
    by_case: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        by_case.setdefault(_case_of(row), []).append(row)
    for case, own in by_case.items():
        allocate(own, known[case], added)
    result = [_with_change(row, posted.get((*_case_of(row), row["s_code"]))) for row in rows]
    columns = contract.TABLES["deductions"].schema()
    table = pl.DataFrame([{name: row[name] for name in columns} for row in result], schema=columns)
    assert_within(table, cases)
    return {"deductions": contract.check("deductions", table), "findings": findings.frame(problems)}


def taken_by_pair(deductions: pl.DataFrame) -> dict[tuple[str, str], Taken]:
    """(payer, clinic) -> what the month takes and gives back; rows that change nothing count for nothing."""
    found: dict[tuple[str, str], Taken] = {}
    columns = ("payer", "mo", "kind", "change_kop", "fine_change_kop")
    for payer, mo, kind, change, fine in deductions.select(columns).iter_rows():
        taken = found.setdefault((payer, mo), Taken())
        taken.withheld[kind] += max(change, 0)
        taken.returned[kind] += max(-change, 0)
        taken.fines[kind] += max(fine, 0)
        taken.fines_returned[kind] += max(-fine, 0)
    return found


def _case_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in CASE)


# ---- rows and their prices -------------------------------------------------------------------------------------------------


def s_code(by: str, num_act: str, case: Sequence[Any], code: str | None) -> str:
    """S_CODE of a row: made of act, case and ground, so that it is the same in every month."""
    text = "|".join("" if part is None else str(part) for part in (by, num_act, *case, code))
    return hashlib.sha256(text.encode()).hexdigest()[:S_CODE_LENGTH]


def _rows_of(acts: pl.DataFrame, known: _ByCase, posted: _ByCase) -> list[dict[str, Any]]:
    """Rows of all acts in the order in which they count: settled month, date, order of coming in, ground."""
    found = []
    for act in acts.iter_rows(named=True):
        case = known.get(_case_of(act))
        if case is None:  # its package was withdrawn after the act came in: E.23
            continue
        code = s_code(act["payer"], act["num_act"], _case_of(act), act["code"])
        old = posted.get((*_case_of(act), code), {})
        found.append(
            {
                **act, "by": act["payer"], "payer": case["payer"], "mo": case["mo"], "case_key": case["case_key"], "s_code": code,
                "rt_kop": case["sumv_kop"], **{name: old.get(name) for name in _PRICED}, "state": UNPRICED, "s_sum": 0,
                "fine_kop": 0,
            }
        )  # fmt: skip
    order = ("settle_month", "date_act", "seq")
    return sorted(
        found, key=lambda row: (tuple(str(part) for part in _case_of(row)), *(row[name] for name in order), row["s_code"])
    )


def _priced(
    rows: list[dict[str, Any]], known: _ByCase, standards: pl.DataFrame, context: Context
) -> tuple[list[dict[str, Any]], list[Finding]]:
    """The rows with coefficients, standard, N and Sh in full; what an earlier month priced stays as it was."""
    fresh = [row for row in rows if row["code"] is not None and row["non_payment_kop"] is None]
    problems: list[Finding] = []
    lists: dict[date, Any] = {}
    for row in fresh:
        case = known[_case_of(row)]
        on = ground_day(case["date_z_2"], row["date_act"], context.law)
        context.law.use("expertise.grounds_of_kind", on)  # the ground was accepted by it
        if on not in lists:
            lists[on] = grounds_on(context.books, on)
        held = lists[on].get(row["code"], {})
        row["k_no5"], row["k_sh5"] = held.get("k_no5"), held.get("k_sh5")
        if row["k_no5"] is None or row["k_sh5"] is None:
            problems.append(_finding("E.20", row, {"ground": row["code"], "on": on}))
            continue
        standard = _standard(standards, case["usl_ok"], case["date_z_2"])
        if standard is not None:
            row["rp4"], row["reference"] = standard
        elif row["k_sh5"]:
            problems.append(_finding("E.21", row, {"ground": row["code"], "usl_ok": case["usl_ok"], "on": case["date_z_2"]}))
    priced = [row for row in fresh if row["k_no5"] is not None and row["k_sh5"] is not None]
    for row, amount in zip(priced, _products([(row["rt_kop"], row["k_no5"]) for row in priced], 2), strict=True):
        row["non_payment_kop"] = min(amount, row["rt_kop"])
    fined = [row for row in priced if row["rp4"] is not None or not row["k_sh5"]]
    for row, amount in zip(fined, _products([(row["rp4"] or 0, row["k_sh5"]) for row in fined], 4), strict=True):
        row["full_fine_kop"] = amount
    return rows, problems


def _products(pairs: Sequence[tuple[int, int]], decimals: int) -> list[int]:
    """Kopecks of amount (so many decimals of a rouble) times coefficient (0.00001), each exact and rounded once half up."""
    if not pairs:
        return []
    columns = [pl.Series([pair[place] for pair in pairs], dtype=pl.Int64).to_numpy() for place in (0, 1)]
    return [int(amount) for amount in exact_amounts([Term((columns[0], columns[1]), decimals + 5)])]


def _standard(standards: pl.DataFrame, usl_ok: int, on: date) -> tuple[int, str] | None:
    """The per-capita standard of a condition of care on a day and where it stands; of two that overlap the later one."""
    in_force = (pl.col("valid_from") <= on) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= on))
    found = standards.filter((pl.col("usl_ok") == usl_ok) & in_force).sort("valid_from")
    return None if found.is_empty() else (int(found["amount4"][-1]), str(found["reference"][-1]))


def _finding(rule: str, row: Mapping[str, Any], params: Mapping[str, object]) -> Finding:
    about = {"act": row["num_act"], "date": row["date_act"], "month": row["month"], "mo": row["mo"]}
    return Finding(
        rule, level="case", package=row["package"], file=row["package"], n_zap=row["n_zap"], idcase=row["idcase"],
        sl_id=row["sl_id"], element="EXP/S_OSN", value=row["code"], params={**about, **params},
    )  # fmt: skip


# ---- allocation ------------------------------------------------------------------------------------------------------------


def allocate(rows: list[dict[str, Any]], case: Mapping[str, Any], added: bool) -> None:
    """Fills state, s_sum, fine_kop of all rows of ONE case, given in the order in which they count.

    case   sumv_kop, oplata, mek_kop and mek_code: what МЭК decided; a case refused by it gets no money of expertise
    added  whether grounds are added up to the amount of the case; otherwise the largest stands
    """
    gone = superseded(rows)
    standing = _Standing(case["mek_kop"], case["mek_code"], 0)
    for act in _by_act(rows):
        for row in act:
            row["state"] = _state_without_money(row, case, gone)
        judged = [row for row in act if row["state"] == ""]
        if not judged:
            continue
        # The heaviest first: largest N, then the smaller number, part by part.
        judged.sort(key=lambda row: (-row["non_payment_kop"], code_order(row["code"]), row["s_code"]))
        for row in judged:
            row["state"] = LIGHTER
        (_add if added else _take_largest)(judged, standing, case["sumv_kop"])


@dataclass
class _Standing:
    """What stands against a case so far: non-payment, its ground, fines."""

    kop: int
    code: str | None
    fine_kop: int


def superseded(rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Acts (maker, number) of a case that another act reverses or changes; of two that change the same one the later counts.

    rows  by, num_act, first_act of the acts of ONE case, in the order in which they count (settled month, date, coming in)
    """
    numbered: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        numbered.setdefault(row["num_act"], set()).add((row["by"], row["num_act"]))
    gone: set[tuple[str, str]] = set()
    changing: dict[str, tuple[str, str]] = {}
    for row in rows:
        own, first = (row["by"], row["num_act"]), row["first_act"]
        if first is None:
            continue
        gone |= numbered.get(first, set()) - {own}
        if changing.get(first, own) != own:
            gone.add(changing[first])
        changing[first] = own
    return gone


def _by_act(rows: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows of each act, acts in the order of their first row."""
    acts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        acts.setdefault((row["by"], row["num_act"]), []).append(row)
    return list(acts.values())


def _state_without_money(row: Mapping[str, Any], case: Mapping[str, Any], gone: set[tuple[str, str]]) -> str:
    """The state of a row that takes nothing whatever it says; empty for one whose ground is weighed."""
    if (row["by"], row["num_act"]) in gone:
        return SUPERSEDED
    if row["code"] is None:
        return CLEAN
    if case["oplata"] == _REFUSED:
        return BY_MEK
    return UNPRICED if row["non_payment_kop"] is None else ""


def _take_largest(judged: Sequence[dict[str, Any]], standing: _Standing, amount_kop: int) -> None:
    """The heaviest ground of the act takes what it asks above what stands; the fine likewise, of this ground only."""
    best = judged[0]
    heavier = best["non_payment_kop"] > standing.kop
    # Of equal non-payment the smaller number stands; a case without any ground so far takes the first (fine-only grounds).
    equal = best["non_payment_kop"] == standing.kop
    if not heavier and not (equal and (standing.code is None or code_order(best["code"]) < code_order(standing.code))):
        return
    best["state"] = STANDS
    best["s_sum"] = max(0, min(best["non_payment_kop"], amount_kop) - standing.kop)
    best["fine_kop"] = max(0, (best["full_fine_kop"] or 0) - standing.fine_kop)
    standing.kop += best["s_sum"]
    standing.code = best["code"]
    standing.fine_kop += best["fine_kop"]


def _add(judged: Sequence[dict[str, Any]], standing: _Standing, amount_kop: int) -> None:
    """All grounds of the act are added, up to what is still paid; the heaviest row bears the money of the act."""
    best = judged[0]
    best["state"] = STANDS
    best["s_sum"] = min(sum(row["non_payment_kop"] for row in judged), amount_kop - standing.kop)
    best["fine_kop"] = sum(row["full_fine_kop"] or 0 for row in judged)
    standing.kop += best["s_sum"]
    standing.code = best["code"]
    standing.fine_kop += best["fine_kop"]


def _with_change(row: dict[str, Any], posted: Mapping[str, Any] | None) -> dict[str, Any]:
    """The row with what this month posts: its money now less what stood before."""
    before = (0, 0) if posted is None else (posted["s_sum"], posted["fine_kop"])
    return {**row, "change_kop": row["s_sum"] - before[0], "fine_change_kop": row["fine_kop"] - before[1]}


def assert_within(deductions: pl.DataFrame, cases: pl.DataFrame) -> None:
    """No row below zero, none with money that does not stand, МЭК and expertise together at most the amount of the case."""
    assert deductions.filter((pl.col("s_sum") < 0) | (pl.col("fine_kop") < 0)).is_empty(), "a deduction below zero"
    idle = deductions.filter((pl.col("state") != STANDS) & ((pl.col("s_sum") != 0) | (pl.col("fine_kop") != 0)))
    assert idle.is_empty(), f"a ground that does not stand bears money: {idle.head(2).to_dicts()}"
    sums = deductions.group_by(CASE, maintain_order=True).agg(pl.col("s_sum").sum())
    held = sums.join(cases, on=CASE, how="left", nulls_equal=True)
    over = held.filter(pl.col("s_sum") + pl.col("mek_kop") > pl.col("sumv_kop"))
    assert over.is_empty(), f"more is taken than the case is worth: {over.head(2).to_dicts()}"
    assert deductions.select(*CASE, "s_code").is_unique().all(), "S_CODE stands twice in a case"
