"""Which refusal does a case billed again answer, and until when was it in time? (Rules 128; law.md 10.5.)"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from omsclaims.settlement.expertise.resubmission import link, refusal_rows
from tests.settlement import settlement_samples as samples

CASES = yaml.safe_load(
    (Path(__file__).parents[3] / "fixtures/settlement/expertise_resubmission.yaml").read_text(encoding="utf-8")
)
CHAIN = "2022-02/P2/4/5"


def refusal(**changes: Any) -> dict[str, Any]:
    """The refusal of February."""
    return {
        "month": "2022-02", "package": "P2", "bill_code": 101, "nschet": "B-1", "dschet": date(2022, 2, 28), "code_mo": "750901",
        "n_zap": 4, "idcase": 5, "person_key": "A", "usl_ok": 3, "date_z_1": date(2022, 2, 10), "date_z_2": date(2022, 2, 10),
        "sumv_kop": 50_000, "oplata": 2, "ground_code": "1.4.4", "num_act": "M-2", "date_act": date(2022, 3, 2), "pr_nov": 0,
        "chain": CHAIN, **changes,
    }  # fmt: skip


def tables_of(example: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Tables of a month with one case billed again."""
    case = example["case"]
    refers = case.get("refers", {})
    refusals = [refusal(date_act=example.get("refused_on", date(2022, 3, 2)))]
    if "again" in example:
        second = example["again"]
        refused = second["oplata"] == 2
        refusals.append(
            refusal(
                month="2022-03", package="P3", bill_code=201, nschet="B-2", n_zap=1, idcase=9, oplata=second["oplata"], pr_nov=1,
                num_act="M-3" if refused else None, date_act=second.get("refused_on"), ground_code="1.5" if refused else None,
            )
        )  # fmt: skip
    received = [] if "received" not in example else [{"mo": "750901", "num_act": "M-2", "received_on": example["received"]}]
    mo = case.get("mo", "750901")
    history = {
        "person_key": "C", "code_mo": "750901", "usl_ok": 3, "date_1": date(2022, 2, 15), "date_2": date(2022, 2, 15),
        "month": "2022-02", "package": "P2", "idcase": 6, "sl_id": "1",
    }  # fmt: skip
    begin = case.get("begin", date(2022, 2, 10))
    billed = {
        "case_key": 0, "package": "P", "code_mo": mo, "n_zap": 1, "idcase": 1, "pr_nov": 1, "usl_ok": 3, "date_z_1": begin,
        "date_z_2": case.get("end", begin), "sumv": 50_000, "data": case.get("filed", date(2022, 4, 5)), "file_kind": "H",
    }  # fmt: skip
    new = {**billed, "case_key": 1, "pr_nov": 0}
    return {
        "cases": samples.rows("cases", billed, new),
        "identified": samples.rows(
            "identified", {"case_key": 0, "person_key": case.get("person", "A")}, {"case_key": 1, "person_key": "A"}
        ),
        "zap": pl.DataFrame({"_row": [0, 1], **{name: [refers[name], None] for name in ("nschet_p", "dschet_p", "n_zap_p") if name in refers}}),
        "z_sl": pl.DataFrame({"_row": [0, 1], "_parent": [0, 1], **{name: [refers[name], None] for name in ("first_idcase",) if name in refers}}),
        "sl": pl.DataFrame({"_row": [0, 1], "_parent": [0, 1], **{name: [refers[name], None] for name in ("idcase_p",) if name in refers}}),
        "file": pl.DataFrame(
            {"package": ["P"], "code": [301], **{name: [refers[name]] for name in ("first_code", "first_year", "first_month") if name in refers}}
        ),
        "refusals": samples.rows("refusals", *refusals),
        "history": samples.rows("history", history),
        "reg_receipt": samples.rows("reg_receipt", *received),
    }  # fmt: skip


@pytest.mark.parametrize("example", CASES, ids=lambda example: str(example["name"]))
def test_a_case_billed_again(example: dict[str, Any]) -> None:
    found = link(tables_of(example), samples.context(str(example.get("month", "2022-03"))))
    (row,) = found.iter_rows(named=True)  # the case with PR_NOV = 0 is not asked about
    for name in ("state", "by", "due", "late", "attempt"):
        if name in example:
            assert row[name] == example[name], name
    if row["by"] != "none":
        assert row["chain"] == CHAIN


def test_of_several_refusals_the_one_of_the_same_case_then_record_is_meant() -> None:
    example: dict[str, Any] = {"case": {}}
    tables = tables_of(example)
    others = [
        refusal(n_zap=7, idcase=8, chain="x"),
        refusal(n_zap=8, idcase=1, chain="by idcase"),
        refusal(n_zap=1, idcase=9, chain="by record"),
        refusal(month="2022-01", n_zap=1, idcase=1, chain="older"),
    ]
    for rows in (others, others[::-1]):
        tables["refusals"] = samples.rows("refusals", *rows)
        assert link(tables, samples.context())["chain"].to_list() == ["by idcase"]


def test_nothing_billed_again() -> None:
    tables = tables_of({"case": {}})
    tables["cases"] = tables["cases"].filter(pl.col("pr_nov") == 0)
    assert link(tables, samples.context()).is_empty()


def test_refusals_of_the_month_are_kept_for_the_next() -> None:
    tables = tables_of({"case": {}})
    tables["cases"] = pl.concat(
        [
            tables["cases"],
            samples.rows(
                "cases",
                {"case_key": 2, "package": "P", "n_zap": 3, "idcase": 3, "pr_nov": 0, "code_mo": "750901", "nschet": "B-3"},
            ),
        ]
    )
    tables["identified"] = pl.concat([tables["identified"], samples.rows("identified", {"case_key": 2, "person_key": "Z"})])
    tables["resubmissions"] = link(tables, samples.context())
    tables["decisions"] = samples.rows(
        "decisions",
        {"case_key": 0, "oplata": 1},
        {"case_key": 1, "oplata": 1},
        {"case_key": 2, "oplata": 2, "ground_code": "1.5"},
    )
    tables["sanctions"] = samples.rows(
        "sanctions", {"case_key": 2, "num_act": "M-9", "date_act": date(2022, 4, 1), "s_code": "a"}
    )
    rows = refusal_rows(tables, samples.context())
    shown = rows.select("n_zap", "oplata", "pr_nov", "chain", "num_act", "bill_code").rows()
    # What was billed again is kept whatever became of it, in its chain; what was refused begins a chain of its own.
    assert shown == [(1, 1, 1, CHAIN, None, 301), (3, 2, 0, "2022-03/P/3/3", "M-9", 301)]
