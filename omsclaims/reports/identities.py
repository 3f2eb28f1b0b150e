"""Do the sums of the month hold together to the kopeck? The identities printed with every run (law.md 4.7, 10.4, 10.8, 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from omsclaims import messages
from omsclaims.periods import Month

Tables = Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Identity:
    """One equation: both sides in kopecks (`unit` money) or whole numbers (`count`). The text is `reports.identity.<name>`,
    else `identity.<name>` (the identities of settlement)."""

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
        own = f"reports.identity.{self.name}"
        return messages.text(own if messages.has(own) else f"identity.{self.name}", lang)


def _total(table: pl.DataFrame, column: str) -> int:
    return int(table[column].sum() or 0) if table.height else 0


def month_identities(tables: Tables, month: Month | None = None) -> list[Identity]:
    """The identities that the tables at hand allow, always in the same order.

    tables  contract tables by name (cases, decisions, sanctions, payments, act_121, act_132, balances, financing, reg_funding,
            territory_bills, identified, priced) and, for the sums inside the files, the month's `file`, `sl`, `usl` with case_key
    month   which rows of reg_funding are meant; None: all of them are of the month
    """
    found: list[Identity] = []
    if "decisions" in tables:
        found += _control(tables)
    if "act_121" in tables:
        act = tables["act_121"]
        start, plus = _total(act, "start_kop"), _total(act, "received_kop")
        minus = _total(act, "case_management_kop") + _total(act, "spent_kop")
        found.append(Identity("act_121", _total(act, "end_kop"), start + plus - minus))
        off = act.filter(
            pl.col("end_kop")
            != pl.col("start_kop") + pl.col("received_kop") - pl.col("case_management_kop") - pl.col("spent_kop")
        )
        found.append(Identity("act_121_each", act.height - off.height, act.height, "count"))
    if "act_132" in tables:
        act = tables["act_132"]
        right = (
            _total(act, "start_kop") + _total(act, "billed_kop") - _total(act, "withheld_kop") - _total(act, "transferred_kop")
        )
        found.append(Identity("act_132", _total(act, "end_kop"), right))
        off = act.filter(
            pl.col("end_kop") != pl.col("start_kop") + pl.col("billed_kop") - pl.col("withheld_kop") - pl.col("transferred_kop")
        )
        found.append(Identity("act_132_each", act.height - off.height, act.height, "count"))
    if "financing" in tables and "reg_funding" in tables:
        standards = tables["reg_funding"].filter(pl.col("what") == "standards")
        if month is not None:
            standards = standards.filter(pl.col("month") == str(month))
        if standards.height:
            found.append(Identity("standards_shared", _total(tables["financing"], "amount_kop"), _total(standards, "amount_kop")))
    if "balances" in tables:
        found.append(Identity("ledger", _total(tables["balances"], "amount_kop"), 0))
    return found


def _control(tables: Tables) -> list[Identity]:
    """Identities of billing and control: the files, billed = accepted + refused, sanctions, payers, territories."""
    decisions = tables["decisions"]
    billed, accepted = _total(decisions, "sumv_kop"), _total(decisions, "sump_kop")
    found = _inside_files(tables)
    found.append(Identity("billed_accepted_refused", billed, accepted + _total(decisions, "sank_it_kop")))
    if "sanctions" in tables:
        found.append(Identity("sanctions", _total(tables["sanctions"], "s_sum"), _total(decisions, "sank_it_kop")))
    if "payments" in tables:
        found.append(Identity("payers", _total(tables["payments"], "accepted_kop"), accepted))
    if "territory_bills" in tables and "identified" in tables:
        other = tables["identified"].filter(pl.col("status") == "other").select("case_key")
        owed = decisions.join(other, on="case_key", how="semi")
        found.append(Identity("territories", _total(tables["territory_bills"], "amount_kop"), _total(owed, "sump_kop")))
    return found


def _inside_files(tables: Tables) -> list[Identity]:
    """SUMMAV = sum SUMV of packages taken; of cases accepted in full sum SUM_M = SUMV and, per service, sum SUMV_USL = SUM_M."""
    found: list[Identity] = []
    decisions = tables["decisions"]
    full = decisions.filter(pl.col("oplata") == 1)
    if "file" in tables and "cases" in tables and "package" in tables["file"].columns:
        taken = tables["file"].join(tables["cases"].select("package").unique(), on="package", how="semi")
        found.append(Identity("summav", _total(taken, "summav"), _total(tables["cases"], "sumv")))
    if "sl" in tables and "case_key" in tables["sl"].columns:
        sl = tables["sl"].join(full.select("case_key"), on="case_key", how="semi")
        found.append(Identity("sum_m", _total(sl, "sum_m"), _total(full, "sumv_kop")))
        if "usl" in tables and "priced" in tables and "case_key" in tables["usl"].columns:
            by_service = tables["priced"].filter(pl.col("payment_kind") == "service").select("case_key")
            usl = (
                tables["usl"].join(full.select("case_key"), on="case_key", how="semi").join(by_service, on="case_key", how="semi")
            )
            paid = sl.join(by_service, on="case_key", how="semi")
            found.append(Identity("sumv_usl", _total(usl, "sumv_usl"), _total(paid, "sum_m")))
    return found
