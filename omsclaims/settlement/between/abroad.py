"""What does the home fund owe clinics outside the Federation, and by when? (Rules, chapter XII, points 169-181; law.md 12)

Such a clinic bills the fund by itself: no other fund stands between them. The fund controls the bill (МЭК), pays what it accepts
from НСЗ at the tariffs of the territory of care, and sends a notice of what it did not pay or paid in part. Once a year both
compare their books by an act that the fund draws up. Here: terms, decision on a bill, notice, yearly act, events of the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.findings import Finding
from omsclaims.law import Parameters
from omsclaims.law import terms as law_terms
from omsclaims.periods import CalendarEndsError, Month
from omsclaims.settlement import ledger
from omsclaims.settlement.between import home

if TYPE_CHECKING:
    from omsclaims.context import Context

#: A bill of a clinic outside the Federation as it stands: what was presented, paid and refused of each.
BILLS: Final[dict[str, pl.DataType]] = {
    "mo": pl.String(), "nschet": pl.String(), "dschet": pl.Date(), "presented_kop": pl.Int64(), "paid_kop": pl.Int64(),
    "refused_kop": pl.Int64(),
}  # fmt: skip
#: A movement of such a bill: presented, paid or refused on a day (date of the document).
MOVES: Final[dict[str, pl.DataType]] = {
    "mo": pl.String(), "nschet": pl.String(), "dschet": pl.Date(), "what": pl.String(), "on": pl.Date(), "amount_kop": pl.Int64(),
}  # fmt: skip
#: A row of the notice (175): an item that is not paid or paid in part, without the person.
NOTICE: Final[dict[str, pl.DataType]] = {
    "mo": pl.String(), "nschet": pl.String(), "n_zap": pl.Int64(), "idcase": pl.Int64(), "presented_kop": pl.Int64(),
    "paid_kop": pl.Int64(), "refused_kop": pl.Int64(), "code": pl.String(), "kod": pl.Int64(),
}  # fmt: skip
#: A row of the yearly act (176): a bill with a balance at the start or a movement in the period.
ACT: Final[dict[str, pl.DataType]] = {
    "mo": pl.String(), "nschet": pl.String(), "dschet": pl.Date(), "start_kop": pl.Int64(), "presented_kop": pl.Int64(),
    "paid_kop": pl.Int64(), "refused_kop": pl.Int64(), "end_kop": pl.Int64(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """Last days of the steps of one bill; None where the production calendar ends before."""

    bill_by: date | None  # 171: the clinic's bill
    mek_by: date | None  # 173: control, and payment where there is no ground
    pay_by: date | None  # 175: payment and notice, calendar days


def terms(month: Month, received_on: date | None, law: Parameters) -> Terms:
    """Terms of a bill for the care of a month that came on a day (None: it has not come yet)."""
    try:
        bill_by: date | None = law_terms.due_in_month(law, "abroad.clinic_bill_working_day", month)
    except CalendarEndsError:
        bill_by = None
    if received_on is None:
        return Terms(bill_by, None, None)
    mek_by = law_terms.due_or_none(law, "abroad.mek_working_days", received_on)
    return Terms(bill_by, mek_by, law_terms.due_or_none(law, "abroad.pay_days", received_on))


def late(month: Month, received_on: date, law: Parameters) -> list[Finding]:
    """TA.1: the bill came after its term (171). It is taken: the term gives no right to ignore it."""
    by = terms(month, received_on, law).bill_by
    if by is None or received_on <= by:
        return []
    return [Finding("TA.1", params={"due": by.isoformat(), "received": received_on.isoformat()})]


# ---- the bill -----------------------------------------------------------------------------------------------------------

#: Control of every item of a bill.
DECISIONS: Final[dict[str, pl.DataType]] = {
    "n_zap": pl.Int64(), "idcase": pl.Int64(), "sumv_kop": pl.Int64(), "sump_kop": pl.Int64(), "code": pl.String(),
    "kod": pl.Int64(),
}  # fmt: skip
_PERSON: Final = ("fam", "im", "ot", "w", "dr")


def tables(package: str, read: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """A package H of a clinic outside the Federation as tables of settlement (as `home.tables`): persons come from its file L.

    read  canonical tables of the package, `person` among them
    """
    own = [name for name in read["patient"].columns if name not in _PERSON]
    people = read["person"].select("id_pac", *_PERSON).unique("id_pac", keep="first", maintain_order=True)
    patient = read["patient"].select(own).join(people, on="id_pac", how="left", maintain_order="left")
    return home.tables(package, {**read, "patient": patient})


def control(given: Mapping[str, pl.DataFrame], day: date, context: Context) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """МЭК of such a bill (173): what was decided of each item (columns DECISIONS), the findings TH.*, the care (`home.CARE`).

    given  what `tables` made and the registers and earlier care that `home.control` wants. Grounds and amounts are those of the
           control of another territory's bill: one ground an item, the whole of it refused.
    """
    controlled = home.control(given, context)
    cases = given["cases"]
    package = str(cases["package"][0]) if cases.height else ""
    asked = pl.max_horizontal(pl.col("sumv").fill_null(0), pl.lit(0, dtype=pl.Int64))
    said = {
        "file_name": pl.lit(package), "n_zap": pl.col("n_zap"), "idcase": pl.col("idcase"), "sumv_kop": asked, "sump_kop": asked,
        "own_sank_kop": pl.lit(0), "sank_it_kop": pl.lit(0),
    }  # fmt: skip
    schema = contract.TABLES["between_items"].schema()
    items = cases.select(said.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in schema.items())
    decided = home.decide(items, controlled.findings, "answer", package, day, controlled.care, context)
    first = decided.sanctions.filter(pl.col("s_code") == "1").select("n_zap", "idcase", "code", pl.col("s_osn").alias("kod"))
    rows = decided.items.join(first, on=["n_zap", "idcase"], how="left", maintain_order="left")
    return rows.select(pl.col(name).cast(kind) for name, kind in DECISIONS.items()), controlled.findings, controlled.care


def party(mo: str) -> str:
    """The clinic as a party of the ledger: `outside:<code>`."""
    return f"outside:{mo}"


def notice(mo: str, nschet: str, decisions: pl.DataFrame) -> pl.DataFrame:
    """Items not or partly accepted, with the ground (175): columns NOTICE, sorted by number; presented = paid + refused in each.

    decisions  n_zap, idcase, sumv_kop, sump_kop, code, kod: the control of every item of the bill
    """
    rows = decisions.filter(pl.col("sump_kop") != pl.col("sumv_kop")).select(
        pl.lit(mo).alias("mo"), pl.lit(nschet).alias("nschet"), "n_zap", "idcase", pl.col("sumv_kop").alias("presented_kop"),
        pl.col("sump_kop").alias("paid_kop"), (pl.col("sumv_kop") - pl.col("sump_kop")).alias("refused_kop"), "code", "kod",
    )  # fmt: skip
    assert rows.filter(pl.col("paid_kop") < 0).is_empty(), "more is refused than was presented"
    return rows.select(pl.col(name).cast(kind) for name, kind in NOTICE.items()).sort("n_zap", "idcase")


def bill_row(mo: str, nschet: str, dschet: date, decisions: pl.DataFrame) -> pl.DataFrame:
    """A controlled bill in sums: columns BILLS, nothing paid yet. decisions as in `notice`."""
    presented, accepted = (int(decisions[name].sum()) for name in ("sumv_kop", "sump_kop"))
    row = (mo, nschet, dschet, presented, 0, presented - accepted)
    return pl.DataFrame([row], schema=BILLS, orient="row")


def events(fund: str, bill: pl.DataFrame, taken_on: date, paid_on: date | None = None) -> pl.DataFrame:
    """Events of one controlled bill (BILLS): bill_abroad, withheld_abroad and, when paid, payment_to_clinic_abroad."""
    row = bill.row(0, named=True)
    parties = json.dumps({"fund": ledger.fund(fund), "outside": party(row["mo"])}, sort_keys=True, separators=(",", ":"))
    accepted, document = row["presented_kop"] - row["refused_kop"], f"{row['mo']}/{row['nschet']}"
    told = [("bill_abroad", taken_on, row["presented_kop"]), ("withheld_abroad", taken_on, row["refused_kop"])]
    if paid_on is not None:
        told.append(("payment_to_clinic_abroad", paid_on, accepted))
    rows = [
        {"event": event, "date": on, "document": document, "document_date": row["dschet"], "amount_kop": amount,
         "parties": parties, "order_id": None, "note": None}
        for event, on, amount in told if amount > 0
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=contract.TABLES["ledger_events"].schema())


def yearly_act(moves: pl.DataFrame, begin: date, end: date) -> pl.DataFrame:
    """The yearly act with each clinic (176): columns ACT, sorted by clinic and bill; end = start + presented - paid - refused.

    moves  columns MOVES. A row is a bill with a balance at the start or a movement from `begin` to `end` by document date.
    """
    sign = pl.when(pl.col("what") == "presented").then(pl.col("amount_kop")).otherwise(-pl.col("amount_kop"))
    inside = pl.col("on") >= begin

    def within(what: str) -> pl.Expr:
        return pl.col("amount_kop").filter(inside & (pl.col("what") == what)).sum().alias(f"{what}_kop")

    rows = (
        moves.filter(pl.col("on") <= end)
        .group_by("mo", "nschet", "dschet")
        .agg(sign.filter(~inside).sum().alias("start_kop"), *(within(what) for what in ("presented", "paid", "refused")))
        .filter(pl.any_horizontal(pl.col(f"{name}_kop") != 0 for name in ("start", "presented", "paid", "refused")))
        .with_columns(end_kop=pl.col("start_kop") + pl.col("presented_kop") - pl.col("paid_kop") - pl.col("refused_kop"))
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in ACT.items()).sort("mo", "dschet", "nschet")


def unknown_clinic(mo: str, reg_clinic: pl.DataFrame, on: date) -> pl.DataFrame:
    """TA.2: a bill of a clinic that the register of clinics outside the Federation does not hold on the last day of care."""
    held = (pl.col("mo") == mo) & (pl.col("valid_from") <= on) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= on))
    if reg_clinic.filter(held).height:
        return findings.empty()
    return findings.frame([Finding("TA.2", value=mo, params={"on": on.isoformat()})])
