"""What happened to a case after control? Acts of expertise and their money, appeals, resubmission: read, not computed (231n)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from omsclaims import expertise_chain, messages
from omsclaims import expertise_store as store
from omsclaims.checks.catalogue import rules
from omsclaims.law import Parameters, federal_parameters
from omsclaims.money import format_amount, show_amount
from omsclaims.workspace import Workspace

#: Clauses of what expertise does with money; the text of a ground stands in F014.
CLAUSE_MONEY = "231n; law 326-ФЗ art. 41"
CLAUSE_AGAIN = "Rules 158n 128"


def clause(rule: str, lang: str) -> str | None:
    """Where a rule of control stands: its reference in the catalogue; None for a rule of another room."""
    found = rules().get(rule)
    return None if found is None else messages.text("explain.clause", lang, reference=found.reference)


def lines(
    workspace: Workspace, month: str, package: str, n_zap: int | None, idcase: int | None, lang: str,
    law: Parameters | None = None,
) -> Iterator[str]:  # fmt: skip
    """Expertise, appeals and resubmission of one case; nothing where there was none."""
    named = pl.DataFrame(
        {"month": [month], "package": [package], "n_zap": [n_zap], "idcase": [idcase]},
        schema={"month": pl.String, "package": pl.String, "n_zap": pl.Int64, "idcase": pl.Int64},
    )
    yield from _expertise(workspace, named, lang)
    yield from _appeals(workspace, named, lang)
    yield from chain_lines(workspace, month, package, n_zap, idcase, lang, law=law)


def _expertise(workspace: Workspace, named: pl.DataFrame, lang: str) -> Iterator[str]:
    text = messages.text
    drawn = store.kept(workspace, "expertise_sample").join(named, on=store.CASE, how="semi", nulls_equal=True)
    for row in drawn.sort("sample", "list").iter_rows(named=True):
        name = text(f"expertise.list.{row['list']}", lang)
        yield text("explain.expertise.drawn", lang, sample=row["sample"], list=name, because=row["because"] or "-")
    acts = store.kept(workspace, "expertise_acts").join(named, on=store.CASE, how="semi", nulls_equal=True)
    posted = store.deductions_before(workspace, workspace.closed_months(), named)
    priced = {(row["by"], row["num_act"], row["code"]): row for row in posted.iter_rows(named=True)}
    for act in acts.sort("seq").iter_rows(named=True):
        yield text(
            "explain.expertise.act", lang, kind=text(f"expertise.kind.{act['kind']}", lang), num=act["num_act"],
            date=act["date_act"], s_tip=act["s_tip"], by=act["payer"], expert=act["code_exp"] or "-",
            ground=act["code"] or text("expertise.state.clean", lang),
        )  # fmt: skip
        if act["first_act"] is not None:
            yield text("explain.expertise.changes", lang, first=act["first_act"])
        money = priced.get((act["payer"], act["num_act"], act["code"]))
        if money is None:
            yield text("explain.expertise.waits", lang, month=act["settle_month"])
        else:
            yield from _money(money, act["settle_month"], lang)
    if posted.height:
        yield text(
            "explain.expertise.total", lang, withheld=show_amount(int(posted["s_sum"].sum()), lang),
            fines=show_amount(int(posted["fine_kop"].sum()), lang), clause=CLAUSE_MONEY,
        )  # fmt: skip


def _money(row: dict[str, Any], settled: str, lang: str) -> Iterator[str]:
    """The figures of one ground as the settlement left them."""
    text = messages.text
    if row["non_payment_kop"] is not None:
        yield text(
            "explain.expertise.non_payment", lang, rt=format_amount(row["rt_kop"]), k_no=_share(row["k_no5"]),
            amount=show_amount(row["non_payment_kop"], lang), taken=show_amount(row["s_sum"], lang),
        )  # fmt: skip
    if row["full_fine_kop"] is not None and row["k_sh5"]:
        yield text(
            "explain.expertise.fine", lang, rp=f"{row['rp4'] // 10_000}.{row['rp4'] % 10_000:04d}", k_sh=_share(row["k_sh5"]),
            amount=show_amount(row["full_fine_kop"], lang), taken=show_amount(row["fine_kop"], lang), reference=row["reference"],
        )  # fmt: skip
    elif row["k_sh5"]:
        yield text("explain.expertise.no_standard", lang)
    yield text("explain.expertise.state", lang, state=text(f"expertise.state.{row['state']}", lang), month=settled)


def _share(share5: int) -> str:
    return f"{share5 // 100_000}.{share5 % 100_000:05d}".rstrip("0").rstrip(".")


def _appeals(workspace: Workspace, named: pl.DataFrame, lang: str) -> Iterator[str]:
    appeals = store.kept(workspace, "expertise_appeals").join(named, on=store.CASE, how="semi", nulls_equal=True)
    for row in appeals.sort("seq").iter_rows(named=True):
        yield messages.text(
            "explain.expertise.appeal", lang, claim=row["claim"], act=row["num_act"], claimed=row["claimed_on"],
            claim_by=row["claim_by"], decide_by=row["decide_by"],
            state=messages.text(f"expertise.appeal.{row['state']}", lang), decided=row["decided_on"] or "-",
        )  # fmt: skip


def chain_lines(
    workspace: Workspace, month: str, package: str, n_zap: int | None, idcase: int | None, lang: str, *, detailed: bool = False,
    law: Parameters | None = None,
) -> Iterator[str]:  # fmt: skip
    """The chain of resubmissions of a case; detailed: with what changed from one to the next, element by element."""
    text = messages.text
    chain = expertise_chain.chain_of(workspace, month, package, n_zap, idcase, law or federal_parameters())
    if not chain or (len(chain) == 1 and not detailed and chain[0].pr_nov == 0):
        return
    yield text("explain.chain.head", lang, count=len(chain), clause=CLAUSE_AGAIN)
    for number, one in enumerate(chain, 1):
        yield text(
            "explain.chain.one", lang, number=number, name=f"{one.package}/{one.n_zap}/{one.idcase}", month=one.month,
            pr_nov=one.pr_nov, billed=show_amount(one.sumv_kop, lang), decision=text(f"explain.oplata.{one.oplata}", lang),
            ground=one.ground or "-", paid=show_amount(one.sump_kop, lang),
        )  # fmt: skip
        if one.due is not None:
            yield text("explain.chain.term", lang, act=one.num_act or "-", received=_day(one.received), due=_day(one.due))
        if detailed and number > 1:
            yield from _changed(workspace, chain[number - 2], one, lang)


def _changed(
    workspace: Workspace, before: expertise_chain.Submission, after: expertise_chain.Submission, lang: str
) -> Iterator[str]:
    found = expertise_chain.changes(workspace, before, after)
    if not found:
        yield messages.text("explain.chain.same", lang)
    for change in found:
        yield messages.text(
            "explain.chain.change", lang, path=change.path, before=change.before or "–", after=change.after or "–"
        )


def _day(day: date | None) -> str:
    return "-" if day is None else day.isoformat()
