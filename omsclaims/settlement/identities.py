"""Do the sums of the month agree with one another, to the kopeck? Both sides of every identity, as figures for printing.

Identities of the formats (SUM_M, SUMV, SUMMAV, SUMV_USL: formats.md 9.3), of control (law.md 10.4), of the acts (Rules 121, 132)
and of the ledger. Nothing is asserted here: whoever prints them shows both sides. The text of a key is identity.<key>.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from omsclaims import messages
from omsclaims.settlement.month_books import given_ahead

_REFUSED: Final = 2


@dataclass(frozen=True, slots=True)
class Identity:
    """One equation: both sides in kopecks (`unit` money) or whole numbers (`count`). The text is `identity.<name>`."""

    name: str
    left: int
    right: int
    unit: Literal["money", "count"] = "money"

    @property
    def holds(self) -> bool:
        """Whether both sides are equal, to the kopeck."""
        return self.left == self.right

    def text(self, lang: str) -> str:
        """What the equation says, in `lang`."""
        return messages.text(f"identity.{self.name}", lang)


def identities(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    """Every identity whose tables are given, in a fixed order.

    tables  any of cases, file (package, summav), sl (_row, case_key, sum_m), usl (_parent, sumv_usl), priced_sl, decisions,
            sanctions, payments, financing, territory_bills, act_121, act_132, postings, balances
    SUM_M and SUMV_USL are held over accepted cases: a case whose sums differ is refused for that (C095, C096).
    """
    found: list[Identity] = []
    for needs, identity in _IDENTITIES:
        if all(name in tables for name in needs):
            found += identity(tables)
    return found


def _sum(table: pl.DataFrame, column: str) -> int:
    return int(table[column].fill_null(0).sum())


def _accepted(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return tables["decisions"].filter(pl.col("oplata") != _REFUSED).select("case_key", "sumv_kop")


def _of_cases(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    accepted = _accepted(tables)
    parts = tables["sl"].join(accepted, on="case_key", how="semi")
    return [Identity("sum_m_sumv", _sum(parts, "sum_m"), _sum(accepted, "sumv_kop"))]


def _of_packages(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    packages = tables["file"].join(tables["cases"].select("package").unique(), on="package", how="semi")
    return [Identity("sumv_summav", _sum(tables["cases"], "sumv"), _sum(packages, "summav"))]


def _of_services(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    paid_by_service = tables["priced_sl"].filter(pl.col("payment_kind") == "service").select("sl_key", "case_key")
    accepted = paid_by_service.join(_accepted(tables), on="case_key", how="semi")
    services = tables["usl"].join(accepted, left_on="_parent", right_on="sl_key", how="semi")
    parts = tables["sl"].join(accepted, left_on="_row", right_on="sl_key", how="semi")
    return [Identity("sumv_usl_sum_m", _sum(services, "sumv_usl"), _sum(parts, "sum_m"))]


def _of_control(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    decisions = tables["decisions"]
    billed = _sum(decisions, "sumv_kop")
    return [Identity("billed_accepted_refused", billed, _sum(decisions, "sump_kop") + _sum(decisions, "sank_it_kop"))]


def _of_sanctions(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    return [Identity("sank_it_s_sum", _sum(tables["decisions"], "sank_it_kop"), _sum(tables["sanctions"], "s_sum"))]


def _of_payments(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    decisions, payments = tables["decisions"], tables["payments"]
    return [
        Identity("billed_payments", _sum(decisions, "sumv_kop"), _sum(payments, "billed_kop")),
        # Accepted in the month; expertise takes from bills of any month, accidents from earlier ones.
        Identity("accepted_payments", _sum(decisions, "sump_kop"), _sum(payments, "accepted_kop") + _of_earlier_bills(tables)),
    ]


def _of_earlier_bills(tables: Mapping[str, pl.DataFrame]) -> int:
    """What the month withholds beside the control of its own bills: expertise, and care for accidents that was paid before."""
    accidents = tables.get("accident_deductions")
    return _by_expertise(tables["payments"]) + (0 if accidents is None else _sum(accidents, "amount_kop"))


def _by_expertise(payments: pl.DataFrame) -> int:
    return _sum(payments, "withheld_mee_kop") + _sum(payments, "withheld_ekmp_kop")


def _of_expertise(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    deductions, postings = tables["deductions"], tables["postings"]
    in_act = [f"fine_{way}_{kind}" for way in ("in", "out") for kind in ("mee", "ekmp")]
    fines = _sum(deductions, "fine_change_kop") if postings.filter(pl.col("rule").is_in(in_act)).height else 0
    return [Identity("expertise_payments", _sum(deductions, "change_kop") + fines, _by_expertise(tables["payments"]))]


def _of_act_132(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    act, payments = tables["act_132"], tables["payments"]
    by_lines = _sum(act, "start_kop") + _sum(act, "billed_kop") - _sum(act, "withheld_kop") - _sum(act, "transferred_kop")
    paid = _sum(payments, "advance_kop") + _sum(payments, "payment_kop")
    each = act.filter(
        pl.col("end_kop") == pl.col("start_kop") + pl.col("billed_kop") - pl.col("withheld_kop") - pl.col("transferred_kop")
    )
    return [
        Identity("act_132_each", each.height, act.height, "count"),
        Identity("act_132", _sum(act, "end_kop"), by_lines),
        Identity("act_132_payments", _sum(act, "transferred_kop"), paid),
    ]


def _of_act_121(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    act = tables["act_121"]
    by_lines = _sum(act, "start_kop") + _sum(act, "received_kop") - _sum(act, "case_management_kop") - _sum(act, "spent_kop")
    reserves = sum(_sum(act, f"end_{pot}_kop") for pot in ("payment", "spare", "preventive"))
    each = act.filter(
        pl.col("end_kop") == pl.col("start_kop") + pl.col("received_kop") - pl.col("case_management_kop") - pl.col("spent_kop")
    )
    return [
        Identity("act_121_each", each.height, act.height, "count"),
        Identity("act_121", _sum(act, "end_kop"), by_lines),
        Identity("act_121_reserves", _sum(act, "end_kop"), reserves),
    ]


def _of_financing(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    """The standards of the month are what its closing and the events before it gave; where none are computed, what was given."""
    financing, postings = tables["financing"], tables["postings"]
    ahead = given_ahead(tables["event_postings"]) if "event_postings" in tables else {}
    before = sum(amount for (rule, _), amount in ahead.items() if rule == "standards")
    of_fund = [
        _sum(postings.filter((pl.col("rule") == rule) & pl.col("debit").str.starts_with("fund:")), "amount_kop")
        for rule in ("standards", "standards_back")
    ]
    return [Identity("standards_shares", _sum(financing, "amount_kop") or before, before + of_fund[0] - of_fund[1])]


def _of_territories(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    bills = tables["territory_bills"]
    presented = tables["identified"].filter(pl.col("status") == "other").join(tables["decisions"], on="case_key")
    if "territory_items" in tables:  # what territories do not settle with one another is not presented
        presented = presented.join(tables["territory_items"].select("case_key"), on="case_key", how="semi")
    return [Identity("territory_bills", _sum(bills, "amount_kop"), _sum(presented, "sump_kop"))]


def _of_ledger(tables: Mapping[str, pl.DataFrame]) -> list[Identity]:
    balances = tables["balances"]
    debit, credit = balances.filter(pl.col("amount_kop") > 0), balances.filter(pl.col("amount_kop") < 0)
    return [Identity("ledger_zero", _sum(debit, "amount_kop"), -_sum(credit, "amount_kop"))]


_IDENTITIES: Final = (
    (("sl", "decisions"), _of_cases),
    (("cases", "file"), _of_packages),
    (("sl", "usl", "priced_sl", "decisions"), _of_services),
    (("decisions",), _of_control),
    (("decisions", "sanctions"), _of_sanctions),
    (("decisions", "payments"), _of_payments),
    (("deductions", "payments", "postings"), _of_expertise),
    (("act_132", "payments"), _of_act_132),
    (("act_121",), _of_act_121),
    (("financing", "postings"), _of_financing),
    (("territory_bills", "identified", "decisions"), _of_territories),
    (("balances",), _of_ledger),
)
