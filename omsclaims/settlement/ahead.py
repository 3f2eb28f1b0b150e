"""What does the fund give in a month before it is closed? Its money of the month by the registers of today (Rules 112, 114-116).

Point 115 lets the fund tell an insurer the money of a month until the fifth working day of the next one; advances of clinics
are paid on the first days of the month itself (126, 129). When the money arrives in between is for the contract on financial
provision to say (112). So the fund may give a share of the month, or all of it, on a day inside the month, reckoned by the
numbers of insured known then; the closing reckons it again and posts the difference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date

import polars as pl

from omsclaims import contract
from omsclaims.money import round_ratio
from omsclaims.periods import Month
from omsclaims.settlement import ledger as books
from omsclaims.settlement.financing import UNIT5, case_management
from omsclaims.settlement.month_books import Given


def wanted(financing: pl.DataFrame, reg_funding: pl.DataFrame, of: Month, rate5: int, share5: int) -> dict[Given, int]:
    """What is to be given of a month so far: (event, insurer or None for the fund) -> kopecks, in the order of posting.

    financing    contract `financing`: money by the standards of each insurer
    reg_funding  what the month has for НСЗ, from НСЗ, for the spare reserves; sums below zero are left to the closing (B.6)
    rate5        rate of РВД, share5: part of the month to be given; units of 0.00001. Each sum is rounded half up
    """
    rows = reg_funding.filter((pl.col("month") == str(of)) & (pl.col("amount_kop") > 0))

    def funding(what: str) -> dict[str | None, int]:
        sums = rows.filter(pl.col("what") == what).group_by("smo").agg(pl.col("amount_kop").sum()).sort("smo", nulls_last=False)
        return {smo: part(kop) for smo, kop in sums.iter_rows()}

    def part(kop: int) -> int:
        return round_ratio(kop * share5, UNIT5)

    standards = {smo: part(kop) for smo, kop in financing.select("smo", "amount_kop").sort("smo").iter_rows()}
    nsz, fill = funding("nsz"), funding("spare_fill")
    stock = nsz.pop(None, 0)
    found: dict[Given, int] = {("budget_money", None): sum(standards.values()) + stock, ("nsz_set_aside", None): stock}
    for smo, kop in standards.items():
        managed = case_management(kop, rate5)
        found[("standards", smo)] = kop
        found[("case_management", smo)] = managed
        found[("spare_fill", smo)] = min(fill.get(smo, 0), kop - managed)
    found |= {("nsz_to_insurer", smo): kop for smo, kop in nsz.items()}
    return found


def events(
    want: Mapping[Given, int], given: Mapping[Given, int], of: Month, day: date, territory: str, number: int
) -> pl.DataFrame:
    """Contract `ledger_events` of what is still to be given: `wanted` less what was given already; nothing where that is more.

    number  of this giving in the month, from 1: a part of the name of its documents
    """
    rows: list[dict[str, object]] = []
    for (event, smo), kop in want.items():
        rest = kop - given.get((event, smo), 0)
        if rest <= 0:
            continue
        rule = books.posting_rules()[event]
        own = {"fund": books.fund(territory)} if "fund" in rule.roles() else {}
        parties = own | ({} if smo is None else {"insurer": books.insurer(smo)})
        name = "-".join(part for part in (event.replace("_", "-"), "ahead", str(of), str(number), smo or "") if part)
        rows.append(
            {
                "event": event, "date": day, "document": name, "document_date": day, "amount_kop": rest,
                "parties": json.dumps(parties, sort_keys=True, separators=(",", ":")), "order_id": None, "note": None,
            }
        )  # fmt: skip
    return contract.check("ledger_events", pl.DataFrame(rows, schema=contract.TABLES["ledger_events"].schema()))
