"""May the clinic still dispute an act, has the fund decided in time, and what becomes of the act? (law.md 10.6; control orders.)

A clinic claims within 15 working days of the receipt of the act, the fund decides within 30 working days of the claim. A decision
for the clinic is an act of repeated expertise of the fund that reverses the disputed one for the case (upheld) or puts another
ground in its place (changed); its difference is posted in the month of the decision, closed months stay as they are. A claim
after its term is kept and named, but decides nothing. A decision after its term counts and is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.findings import Finding
from omsclaims.law import Parameters
from omsclaims.law import terms as law_terms
from omsclaims.settlement.expertise.acts import CASE, Rules, act_digest, ground, ground_day, settle_month

CLAIMED, LATE, UPHELD, REJECTED, CHANGED = "claimed", "late", "upheld", "rejected", "changed"
DECIDED: Final = (UPHELD, REJECTED, CHANGED)
#: Columns of a file of claims, one row a case (or a whole act, where no case is named), with the decision where there is one.
RAW: Final[dict[str, pl.DataType]] = {
    "claim": pl.String(), "mo": pl.String(), "payer": pl.String(), "num_act": pl.String(), "month": pl.String(),
    "n_zap": pl.Int64(), "idcase": pl.Int64(), "claimed_on": pl.Date(), "outcome": pl.String(), "decided_on": pl.Date(),
    "decision": pl.String(), "code": pl.String(), "s_com": pl.String(),
}  # fmt: skip
MUST: Final = ("claim", "mo", "num_act", "claimed_on")
#: Findings that are remarks: the claim goes in.
REMARKS: Final = frozenset({"E.42", "E.45"})
_CLAIM: Final = ("claim", "mo", "payer", "num_act", *CASE)


@dataclass(frozen=True)
class Claims:
    """What became of a file of claims: all appeals after it, acts that decisions made, findings, number of rows by outcome."""

    appeals: pl.DataFrame
    acts: pl.DataFrame
    findings: pl.DataFrame
    outcomes: dict[str, int]


def claim_by(received: date, law: Parameters) -> date:
    """The last day on which the clinic may claim."""
    return law_terms.due(law, "expertise.appeal_working_days", received)


def note_terms(appeals: pl.DataFrame, law: Parameters) -> None:
    """Asks the law for what the terms of appeals (contract table `expertise_appeals`) and decisions on them were made of."""
    for claimed in appeals["claimed_on"].unique().sort():
        claim_by(claimed, law)
        decide_by(claimed, law)


def decide_by(claimed: date, law: Parameters) -> date:
    """The last day on which the fund may decide."""
    return law_terms.due(law, "expertise.decision_working_days", claimed)


def register(raw: pl.DataFrame, tables: Mapping[str, pl.DataFrame], rules: Rules, file: str) -> Claims:
    """Takes claims and decisions. A row that is there already changes nothing; a decision completes the claim it belongs to.

    raw     columns of `RAW`; payer empty: the fund made the act; n_zap and idcase empty: every case of the act
    tables  expertise_acts, expertise_appeals, expertise_cases (date_z_2 of the cases), reg_receipt

    Findings: E.40 no such act on the case, E.41 a claim or decision that says otherwise before, E.43 what a decision lacks, E.44
    impossible dates; remarks E.42 claimed after the term, E.45 decided after the term.
    """
    known = {tuple(row[name] for name in _CLAIM): row for row in tables["expertise_appeals"].iter_rows(named=True)}
    work = _Work(known, tables, rules, file)
    for number, row in enumerate(raw.sort(list(RAW), nulls_last=True).iter_rows(named=True), 1):
        work.take(number, {**row, "payer": row["payer"] or rules.territory})
    columns = contract.TABLES["expertise_appeals"].schema()
    appeals = pl.DataFrame(list(work.known.values()), schema=columns).sort("seq", *_CLAIM, nulls_last=True)
    return Claims(
        contract.check("expertise_appeals", appeals), _acts_of(work, rules), findings.frame(work.problems), work.outcomes
    )


def overdue(appeals: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Claims that wait for a decision whose term has passed on a day, the oldest first; `days` since then."""
    late = appeals.filter((pl.col("state") == CLAIMED) & (pl.col("decide_by") < as_of))
    return late.with_columns(days=(pl.lit(as_of) - pl.col("decide_by")).dt.total_days()).sort(
        "decide_by", *_CLAIM, nulls_last=True
    )


class _Work:
    """The state of taking in a file of claims."""

    def __init__(self, known: dict[tuple[Any, ...], dict[str, Any]], tables: Mapping[str, pl.DataFrame], rules: Rules, file: str):
        self.known, self.rules, self.file = known, rules, file
        self.problems: list[Finding] = []
        self.outcomes: dict[str, int] = {"taken": 0, "already": 0, "refused": 0}
        self.decided: list[dict[str, Any]] = []
        self.acts: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for act in tables["expertise_acts"].iter_rows(named=True):
            self.acts.setdefault((act["payer"], act["num_act"]), []).append(act)
        self.ends = {
            tuple(row[name] for name in CASE): row["date_z_2"] for row in tables["expertise_cases"].iter_rows(named=True)
        }
        receipts = tables["reg_receipt"].sort("received_on", descending=True)
        self.receipts = {(mo, act): day for mo, act, day in receipts.select("mo", "num_act", "received_on").iter_rows()}

    def problem(self, rule: str, row: Mapping[str, Any], **params: object) -> None:
        """A finding about a row of the file."""
        about = {"claim": row["claim"], "act": row["num_act"], "mo": row["mo"]}
        self.problems.append(
            Finding(rule, level="case", file=self.file, n_zap=row["n_zap"], idcase=row["idcase"], params={**about, **params})
        )

    def take(self, number: int, row: dict[str, Any]) -> None:
        """One row: every case of the act that it names."""
        lacking = [name for name in MUST if row[name] is None]
        if lacking:
            self.problem("E.43", row, reason="missing", what=", ".join(lacking))
            self.outcomes["refused"] += 1
            return
        acts = [act for act in self.acts.get((row["payer"], row["num_act"]), []) if _is_about(row, act)]
        cases = {tuple(act[name] for name in CASE): act for act in acts}
        if not cases:
            self.problem("E.40", row, payer=row["payer"])
            self.outcomes["refused"] += 1
        for case, act in sorted(cases.items(), key=lambda item: tuple(map(str, item[0]))):
            self.one(number, {**row, **dict(zip(CASE, case, strict=True))}, act)

    def one(self, number: int, row: dict[str, Any], act: Mapping[str, Any]) -> None:
        """One case of a row."""
        key = tuple(row[name] for name in _CLAIM)
        before = self.known.get(key)
        received = self.receipts.get((row["mo"], row["num_act"]), act["date_act"])
        if row["claimed_on"] < received or row["claimed_on"] > self.rules.as_of:
            self.problem("E.44", row, day=row["claimed_on"], since=received, until=self.rules.as_of)
            self.outcomes["refused"] += 1
            return
        made = self.claimed(number, row, received) if before is None else before
        if before is not None and before["claimed_on"] != row["claimed_on"]:
            self.problem("E.41", row, state=before["state"])
            self.outcomes["refused"] += 1
            return
        if row["outcome"] is None:
            if before is None:
                self.note_late(row, made)
            self.known[key] = made
            self.outcomes["taken" if before is None else "already"] += 1
            return
        if before is None:
            self.note_late(row, made)
        self.outcomes[self.decision(key, row, made, act)] += 1

    def claimed(self, number: int, row: Mapping[str, Any], received: date) -> dict[str, Any]:
        """A new claim with its terms."""
        until = claim_by(received, self.rules.law)
        state = CLAIMED if row["claimed_on"] <= until else LATE
        first = max((one["seq"] for one in self.known.values()), default=0) + 1
        return {
            **{name: row.get(name) for name in contract.TABLES["expertise_appeals"].schema()}, "received_on": received,
            "claim_by": until, "decide_by": decide_by(row["claimed_on"], self.rules.law), "state": state, "decided_on": None,
            "decision": None, "code": None, "seq": first,
        }  # fmt: skip

    def note_late(self, row: Mapping[str, Any], made: Mapping[str, Any]) -> None:
        """E.42: the claim came after its term."""
        if made["state"] == LATE:
            self.problem("E.42", row, day=row["claimed_on"], until=made["claim_by"])

    def decision(self, key: tuple[Any, ...], row: dict[str, Any], made: dict[str, Any], act: Mapping[str, Any]) -> str:
        """Completes a claim with the fund's decision: taken, already or refused."""
        self.known[key] = made  # the claim is kept, whatever is wrong with the decision
        if made["state"] in DECIDED:
            same = all(made[name] == row[name] for name in ("decided_on", "decision", "code")) and made["state"] == row["outcome"]
            if not same:
                self.problem("E.41", row, state=made["state"])
            return "already" if same else "refused"
        wrong = self.wrong_decision(row, made, act)
        if wrong is not None:
            rule, params = wrong
            self.problem(rule, row, **params)
            return "refused"
        if row["decided_on"] > made["decide_by"]:
            self.problem("E.45", row, day=row["decided_on"], until=made["decide_by"])
        self.known[key] = {
            **made, "state": row["outcome"], "decided_on": row["decided_on"], "decision": row["decision"], "code": row["code"],
            "s_com": row["s_com"] if row["s_com"] is not None else made["s_com"],
        }  # fmt: skip
        if row["outcome"] != REJECTED:
            self.decided.append({**row, "act": act})
        return "taken"

    def wrong_decision(
        self, row: Mapping[str, Any], made: Mapping[str, Any], act: Mapping[str, Any]
    ) -> tuple[str, dict[str, object]] | None:
        """What keeps a decision from counting: rule and parameters of the finding; None: nothing."""
        lacking = [name for name in ("decided_on", "decision") if row[name] is None]
        if row["outcome"] not in DECIDED or lacking:
            return "E.43", {"reason": "outcome" if row["outcome"] not in DECIDED else "missing", "what": ", ".join(lacking)}
        if made["state"] == LATE and row["outcome"] != REJECTED:
            return "E.43", {"reason": "late", "what": str(made["claim_by"])}
        if not row["claimed_on"] <= row["decided_on"] <= self.rules.as_of:
            return "E.44", {"day": row["decided_on"], "since": row["claimed_on"], "until": self.rules.as_of}
        if (self.rules.territory, row["decision"]) in self.acts:
            return "E.43", {"reason": "number", "what": row["decision"]}
        if (row["outcome"] == CHANGED) != (row["code"] is not None):
            return "E.43", {"reason": "ground", "what": row["code"] or "-"}
        if row["code"] is not None and self.other_ground(row, act) is None:
            return "E.43", {"reason": "ground", "what": row["code"]}
        return None

    def other_ground(self, row: Mapping[str, Any], act: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The ground that a decision leaves, when it is one of the kind of the disputed act on the date of care."""
        care = self.ends.get(tuple(act[name] for name in CASE), act["date_act"])
        on = ground_day(care, row["decided_on"], self.rules.law)
        beginnings = tuple(self.rules.law.value("expertise.grounds_of_kind", on)[act["kind"]])
        found = ground(self.rules.grounds(on), row["code"], None)
        return found if found is not None and str(found["code"]).startswith(beginnings) else None


def _is_about(row: Mapping[str, Any], act: Mapping[str, Any]) -> bool:
    """Whether a row of claims means the case of an act's row; what the row leaves empty agrees with anything."""
    return row["mo"] == act["mo"] and all(row[name] is None or row[name] == act[name] for name in ("month", "n_zap", "idcase"))


def _acts_of(work: _Work, rules: Rules) -> pl.DataFrame:
    """Acts of repeated expertise that the decisions make: contract table `expertise_acts`, one number one act."""
    columns = contract.TABLES["expertise_acts"].schema()
    first = max((act["seq"] for acts in work.acts.values() for act in acts), default=0) + 1
    rows: list[dict[str, Any]] = []
    for row in sorted(
        work.decided, key=lambda one: (str(one["decided_on"]), one["decision"], *(str(one[name]) for name in CASE))
    ):
        act = row["act"]
        left = work.other_ground(row, act) if row["code"] is not None else None
        rows.append(
            {
                **{name: act.get(name) for name in columns}, "payer": rules.territory, "num_act": row["decision"],
                "date_act": row["decided_on"], "s_tip": repeated_type(act, row["decided_on"], rules),
                "code": None if left is None else left["code"], "kod": None if left is None else left["kod"],
                "s_com": row["s_com"], "stated_kop": None, "first_act": act["num_act"], "origin": "appeal",
                "settle_month": str(settle_month(row["decided_on"], rules.closed)), "seq": first + len(rows), "digest": "",
            }
        )  # fmt: skip
    digests = {
        number: act_digest([one for one in rows if one["num_act"] == number]) for number in {one["num_act"] for one in rows}
    }
    made = [{**row, "digest": digests[row["num_act"]]} for row in rows]
    return contract.check("expertise_acts", pl.DataFrame(made, schema=columns))


def repeated_type(act: Mapping[str, Any], on: date, rules: Rules) -> int:
    """The kind of control of repeated expertise of the act's kind on a day; the act's own where the book has none."""
    kinds = rules.kinds(on)
    codes = [int(code) for code in rules.law.value("expertise.repeated_types", on) if kinds.get(int(code)) == act["kind"]]
    return min(codes, default=int(act["s_tip"]))
