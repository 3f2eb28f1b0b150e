"""Do deductions and fines reach the payments, act 132, act 121 and the reserves, to the kopeck? (Rules 121, 127, 132, 192-195.)"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import contract
from omsclaims.settlement import identities, settle
from tests.settlement import settlement_samples as samples
from tests.settlement.test_settle import CELLS, balance, month_tables, standards

Row = tuple[str, str, int, int]  # payer, kind, non-payment and fine that the month posts


def deductions(*rows: Row, mo: str = "750901") -> pl.DataFrame:
    """Rows of `deductions` that post these amounts."""
    made = [
        {
            "month": "2022-02", "package": "P", "n_zap": n, "idcase": n, "payer": payer, "mo": mo, "kind": kind, "num_act": f"A{n}",
            "change_kop": change, "fine_change_kop": fine, "s_code": str(n),
        }
        for n, (payer, kind, change, fine) in enumerate(rows)
    ]  # fmt: skip
    return samples.rows("deductions", *made)


def settled(
    table: pl.DataFrame, month: str = "2022-03", before: pl.DataFrame | None = None, **control: Any
) -> dict[str, pl.DataFrame]:
    """March: 75901 is billed 600.00 by clinic 750901, the fund 70.00; 10,000.00 by the standards, half for each insurer."""
    used = samples.context(month, agreement=samples.agreement(CELLS, **control))
    bills = [("own", "75901", "750901", 60_000, False), ("other", "38", "750901", 7_000, False)]
    tables = month_tables(bills, used, funding=[standards(1_000_000), {"what": "nsz", "smo": None, "amount_kop": 50_000}])  # type: ignore[arg-type]
    tables["deductions"] = table
    if before is not None:
        tables["balances_before"] = before
    result = settle(tables, used)
    for identity in identities({**tables, **result}):
        assert identity.holds, identity
    return result


def act(result: dict[str, pl.DataFrame], payer: str, mo: str = "750901") -> dict[str, Any]:
    return result["act_132"].filter((pl.col("payer") == payer) & (pl.col("mo") == mo)).row(0, named=True)


def test_non_payment_lowers_the_payment_of_the_month_of_the_act() -> None:
    result = settled(deductions(("75901", "mee", 10_000, 3_000), ("75901", "ekmp", 5_000, 0), ("75", "mee", 1_000, 0)))
    line = act(result, "75901")
    assert [line[name] for name in ("billed_kop", "mek_kop", "mee_kop", "ekmp_kop", "withheld_kop", "transferred_kop", "end_kop")] == [
        60_000, 0, 10_000, 5_000, 15_000, 45_000, 0,
    ]  # fmt: skip
    payment = result["payments"].filter(pl.col("payer") == "75901").row(0, named=True)
    assert (payment["withheld_mee_kop"], payment["withheld_ekmp_kop"], payment["accepted_kop"], payment["payment_kop"]) == (
        10_000, 5_000, 45_000, 45_000,
    )  # fmt: skip
    assert act(result, "75")["mee_kop"] == 1_000
    # The fine stands apart: a claim of the insurer on the clinic, no line of the act.
    assert balance(result, "insurer:75901/fine/clinic:750901") == 3_000
    assert balance(result, "clinic:750901/fine/insurer:75901") == -3_000


def test_the_insurer_keeps_its_share_of_the_savings() -> None:
    """2022: 15 % of МЭЭ and 25 % of ЭКМП go to running costs; they stand in line 3 of act 121, the rest stays for care."""
    plain = settled(deductions())
    result = settled(deductions(("75901", "mee", 10_000, 0), ("75901", "ekmp", 5_000, 0)))
    kept = 1_500 + 1_250
    assert balance(result, "insurer:75901/own_money") - balance(plain, "insurer:75901/own_money") == kept
    rows = {
        name: found["act_121"].filter(pl.col("smo") == "75901").row(0, named=True)
        for name, found in (("plain", plain), ("now", result))
    }
    assert rows["now"]["case_management_kop"] - rows["plain"]["case_management_kop"] == kept
    assert rows["plain"]["spent_kop"] - rows["now"]["spent_kop"] == 15_000
    assert rows["now"]["end_payment_kop"] - rows["plain"]["end_payment_kop"] == 15_000 - kept
    # The fund saves nothing by itself: what it withholds stays in its stock.
    assert settled(deductions(("75", "mee", 1_000, 0)))["act_121"].equals(plain["act_121"])


def test_fines_inside_the_act_where_the_contract_says_so() -> None:
    table = deductions(("75901", "mee", 10_000, 3_000), ("75901", "ekmp", 0, 2_000), ("75", "ekmp", 100, 50))
    result = settled(table, fines="in_act_132")
    line = act(result, "75901")
    assert (line["mee_kop"], line["ekmp_kop"], line["transferred_kop"]) == (13_000, 2_000, 45_000)
    assert act(result, "75")["ekmp_kop"] == 150
    assert balance(result, "insurer:75901/fine/clinic:750901") == 0
    # 15 % of the savings and 50 % of the fines are for running costs.
    apart = settled(deductions())
    assert balance(result, "insurer:75901/own_money") - balance(apart, "insurer:75901/own_money") == 1_500 + 2_500


def test_what_is_given_back_is_paid_again() -> None:
    result = settled(deductions(("75901", "mee", -10_000, -3_000), ("75901", "ekmp", 4_000, 0)))
    line = act(result, "75901")
    assert (line["mee_kop"], line["ekmp_kop"], line["withheld_kop"], line["transferred_kop"]) == (-10_000, 4_000, -6_000, 66_000)
    assert balance(result, "insurer:75901/fine/clinic:750901") == -3_000
    rules = set(result["postings"]["rule"])
    assert {"returned_mee", "withheld_ekmp", "fine_returned", "care_restored", "savings_running_back"} <= rules


def test_more_taken_than_billed_is_a_debt_of_the_clinic_that_the_next_bill_settles() -> None:
    first = settled(deductions(("75901", "mee", 80_000, 0)))
    line = act(first, "75901")
    assert (line["transferred_kop"], line["end_kop"]) == (0, -20_000)
    second = settled(deductions(), "2022-04", first["balances"])
    line = act(second, "75901")
    assert (line["start_kop"], line["transferred_kop"], line["end_kop"]) == (-20_000, 40_000, 0)


def test_a_clinic_without_a_bill_in_the_month() -> None:
    result = settled(deductions(("75901", "ekmp", 700, 0), mo="750909"))
    line = act(result, "75901", "750909")
    assert (line["billed_kop"], line["ekmp_kop"], line["end_kop"]) == (0, 700, -700)


def test_savings_above_what_is_left_are_named() -> None:
    empty = samples.rows("balances")
    result = settled(deductions(("75901", "mee", 90_000, 0), ("75901", "mee", 9_000_000, 0)), before=empty)
    assert "E.22" in result["findings"]["rule"].to_list()


def test_without_expertise_nothing_changes() -> None:
    used = samples.context("2022-03", agreement=samples.agreement(CELLS))
    tables = month_tables([("own", "75901", "750901", 60_000, False)], used, funding=[standards(100_000)])
    plain = settle(tables, used)
    with_none = settle({**tables, "deductions": contract.TABLES["deductions"].empty()}, used)
    assert all(plain[name].equals(with_none[name]) for name in plain)


amounts = st.integers(-50_000, 50_000)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from(["75901", "75902", "75"]), st.sampled_from(["mee", "ekmp"]), amounts, amounts), max_size=6),
    fines=st.sampled_from(["apart", "in_act_132"]), year=st.sampled_from([date(2022, 3, 31)]),
)  # fmt: skip
def test_any_deductions_leave_acts_ledger_and_pairs_whole(rows: list[Row], fines: str, year: date) -> None:
    """settle asserts the ledger, the pairs, both sides of both acts; here two months in a row, whatever is taken or given back."""
    first = settled(deductions(*rows), fines=fines)
    second = settled(deductions(*rows[::-1]), "2022-04", first["balances"], fines=fines)
    total = second["act_132"].select(pl.col("mee_kop").sum() + pl.col("ekmp_kop").sum()).item()
    inside = sum(fine for *_, fine in rows) if fines == "in_act_132" else 0
    assert total == sum(change for *_, change, _ in rows) + inside
