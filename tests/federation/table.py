"""Do the books of all parties agree at the end? One table: pairs of parties, acts, ledgers, money in and out; all to the kopeck."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from omsclaims import between_back, journal, verify
from omsclaims.money import format_amount
from omsclaims.periods import Month
from omsclaims.settlement.ledger import assert_balanced
from omsclaims.workspace import Workspace
from tests.federation.fund import Fund
from tests.federation.year import Year

#: Where money lies, by kind of party.
CASH = {
    "fund": ("money", "nsz"),
    "insurer": ("payment_reserve", "spare_reserve", "preventive_reserve", "own_money"),
    "clinic": ("money",),
}


@dataclass(frozen=True)
class Line:
    """Two figures that must be equal: what it is about, who with whom."""

    about: str
    who: str
    left_kop: int
    right_kop: int

    @property
    def off(self) -> int:
        """What they differ by."""
        return self.left_kop - self.right_kop


def lines(year: Year) -> list[Line]:
    """Everything that must agree, in a fixed order."""
    books = {code: fund.balances() for code, fund in year.funds.items()}
    found = [*_funds(books), *_bills(year), *_yearly(year)]
    for code, fund in sorted(year.funds.items()):
        found += [*_pairs(code, books[code]), *_insurers(fund, books[code]), *_acts(fund)]
        found += [*_whole(fund, books[code]), *_money(fund, books[code]), *_smallest(fund)]
    return [*found, *_refunds(year)]


def _funds(books: dict[str, dict[str, int]]) -> Iterator[Line]:
    """What one fund is owed by another by its own books, and what the other owes by its own."""
    for place in sorted(books):
        for home in sorted(books):
            if place != home:
                pairs = (("refund", "refund_due"), ("refund_disputed", "refund_due_disputed"), ("refund_back", "refund_back_due"))
                for mine, theirs in pairs:
                    left = books[place].get(f"fund:{place}/{mine}/territory:{home}", 0)
                    right = -books[home].get(f"fund:{home}/{theirs}/territory:{place}", 0)
                    yield Line(f"fund-fund {mine}", f"{home} to {place}", left, right)


def _bills(year: Year) -> Iterator[Line]:
    """Every bill as both funds have it, by amount; and the equation of its items: presented = accepted + given up + refused + open."""
    sides = {side: {code: _by_bill(fund, side) for code, fund in sorted(year.funds.items())} for side in ("place", "home")}
    for place, mine in sides["place"].items():
        theirs = {bill: row for held in sides["home"].values() for bill, row in held.items() if bill[1:3] == place}
        for bill in sorted(mine.keys() | theirs.keys()):
            one, two = mine.get(bill, {}), theirs.get(bill, {})
            for name in ("presented", "accepted", "conceded", "refused", "open"):
                yield Line(f"bill {name}", bill, one.get(f"{name}_kop", -1), two.get(f"{name}_kop", -1))
            parts = sum(one[f"{name}_kop"] for name in ("accepted", "conceded", "refused", "open"))
            yield Line("bill equation", bill, one["presented_kop"], parts)


def _by_bill(fund: Fund, side: str) -> dict[str, dict[str, int]]:
    return {row["bill"]: row for row in fund.bills(side).iter_rows(named=True)}


def _yearly(year: Year) -> Iterator[Line]:
    """Act of point 149, 1 October - 30 September, as both funds signed it: every line, its equation, the state of both copies."""
    acts = {code: fund.acts_of_year() for code, fund in sorted(year.funds.items())}
    for place in sorted(acts):
        for number, (state, ours) in sorted(acts[place].items()):
            if number[2:4] == place:
                home = number[4:6]
                other, theirs = acts[home].get(number, ("missing", {}))
                for name, amount in ours.items():
                    yield Line(f"act 149 {name.removesuffix('_kop')}", f"{place} {home}", amount, theirs.get(name, -1))
                end = ours["start_kop"] + ours["presented_kop"] - ours["refunded_kop"] - ours["refused_kop"]
                yield Line("act 149 equation", f"{place} {home}", end, ours["end_kop"])
                yield Line("act 149 signed copies", f"{place} {home}", (state == "signed") + (other == "signed"), 2)


def _pairs(code: str, held: dict[str, int]) -> Iterator[Line]:
    """Fund and insurers, payers and clinics: each account and its mirror."""
    kinds = {
        "entrusted": "fund-insurer",
        "care": "payer-clinic",
        "advance": "payer-clinic",
        "excess": "payer-clinic",
        "fine": "payer-clinic",
    }
    for account, amount in sorted(held.items()):
        party, _, rest = account.partition("/")
        purpose, _, other = rest.partition("/")
        if (
            purpose in kinds
            and other
            and not party.startswith("clinic:")
            and not (purpose == "entrusted" and party.startswith("insurer:"))
        ):
            yield Line(f"{kinds[purpose]} {purpose}", f"{party} {other}", amount, -held.get(f"{other}/{purpose}/{party}", 0))


def _insurers(fund: Fund, held: dict[str, int]) -> Iterator[Line]:
    """The books that insurers keep themselves: each account as the fund sees it, and every act of every month, line by line."""
    for one in fund.insurers:
        own = one.balances()
        assert_balanced(own)
        party = f"insurer:{one.smo}/"
        for account in sorted(name for name in own.keys() | held.keys() if name.startswith(party)):
            yield Line("fund-insurer own books", account, own.get(account, 0), held.get(account, 0))
        with Workspace.open(fund.folder) as ws:
            months = [Month.parse(name) for name in ws.closed_months()]
        for month in months:
            for number, differ in one.compared(fund.papers(month)):
                yield Line("acts of insurers, lines off", f"{month} {number}", differ, 0)


def _acts(fund: Fund) -> Iterator[Line]:
    """Act 121: end = start + received - case management - spent; act 132: end = start + billed - withheld - transferred."""
    with Workspace.open(fund.folder) as ws:
        for month in ws.closed_months():
            for row in ws.ledger_table("act_121", month).iter_rows(named=True):
                pots = row["end_payment_kop"] + row["end_spare_kop"] + row["end_preventive_kop"]
                yield Line("act 121", f"{month} {row['smo']}", _act_121_end(row), row["end_kop"])
                yield Line("act 121 pots", f"{month} {row['smo']}", pots, row["end_kop"])
            for row in ws.ledger_table("act_132", month).iter_rows(named=True):
                yield Line("act 132", f"{month} {row['payer']} {row['mo']}", _act_132_end(row), row["end_kop"])


def _act_121_end(row: Mapping[str, int]) -> int:
    """The end of act 121 from its other lines; the three pots are held against it elsewhere."""
    return row["start_kop"] + row["received_kop"] - row["case_management_kop"] - row["spent_kop"]


def _act_132_end(row: Mapping[str, int]) -> int:
    """The end of act 132 from its other lines."""
    return row["start_kop"] + row["billed_kop"] - row["withheld_kop"] - row["transferred_kop"]


def _whole(fund: Fund, held: dict[str, int]) -> Iterator[Line]:
    """The ledger of a fund sums to zero, and so do each party's books and each pair in it."""
    assert_balanced(held)
    yield Line("ledger", f"fund:{fund.code}", sum(held.values()), 0)
    for folder in (fund.folder, *(one.folder for one in fund.insurers)):
        with Workspace.proving(folder) as ws:
            proof = verify.verify(ws)
        yield Line("findings of verify", folder.name, proof.findings.height, 0)


def _money(fund: Fund, held: dict[str, int]) -> Iterator[Line]:
    """Money at the beginning + from the budget + refunds and returns that came = those paid + what lies with the parties now."""
    with Workspace.open(fund.folder) as ws:
        rows = journal.entries(ws)
    cash = pl.concat(
        [rows.select("rule", account="debit", kop="amount_kop"), rows.select("rule", account="credit", kop=-pl.col("amount_kop"))]
    )
    own = cash.filter(pl.col("account").map_elements(_is_cash, return_dtype=pl.Boolean))
    by_rule = dict(own.group_by("rule").agg(pl.col("kop").sum()).iter_rows())
    beyond = ("territory_refund", "refund_paid", "territory_returned", "returned_of_territory")
    came = {name: by_rule.get(name, 0) for name in ("opening", "budget_money", *beyond)}
    # Whatever else moves money moves it between two of the parties: it is zero in all.
    yield Line(
        "money in = out + balances", f"fund:{fund.code}", sum(came.values()), sum(v for k, v in held.items() if _is_cash(k))
    )


def _smallest(fund: Fund) -> Iterator[Line]:
    """No payer ever has less than nothing: the smallest balance that each pot had, as it was known at any moment, held against 0.

    Postings of a closing bear the first or last day of their month; what counts is the order in which they came to be known.
    """
    with Workspace.open(fund.folder) as ws:
        rows = journal.entries(ws).sort("seq", "date", maintain_order=True)
    sides = pl.concat(
        [rows.select("seq", account=side, kop=sign * pl.col("amount_kop")) for side, sign in (("debit", 1), ("credit", -1))]
    )
    pots = sides.filter(pl.col("account").str.contains(r"^(fund:\d+/(nsz|money)|insurer:\d+/\w+_reserve)$"))
    moved = pots.group_by("account", "seq").agg(pl.col("kop").sum()).sort("account", "seq")
    smallest = (
        moved.with_columns(pl.col("kop").cum_sum().over("account")).group_by("account").agg(pl.col("kop").min()).sort("account")
    )
    for account, least in smallest.iter_rows():
        yield Line("smallest balance of a pot", account, least, max(0, least))


def _is_cash(account: str) -> bool:
    party, _, purpose = account.partition("/")
    return purpose in CASH.get(party.split(":")[0], ())


def _refunds(year: Year) -> Iterator[Line]:
    """What all funds paid to one another is what all of them received; what they sent back, what came back; and the
    set-offs between bills. Within a bill they depend on what crossed on its way; the lines of the bill tell whether that agrees."""
    total: dict[str, int] = {}
    for fund in year.funds.values():
        with Workspace.open(fund.folder) as ws:
            rows = journal.entries(ws, f"fund:{fund.code}/nsz")
        of_rule = dict(rows.group_by("rule").agg(pl.col("amount_kop").sum()).iter_rows())
        with Workspace.open(fund.folder) as ws:
            for side in ("place", "home"):
                moved = between_back.moved(ws, side).filter((pl.col("what") == "netted") & (pl.col("bill") != pl.col("of")))
                of_rule[f"netted {side}"] = int(moved["amount_kop"].sum())
        total = {name: total.get(name, 0) + of_rule.get(name, 0) for name in total.keys() | of_rule.keys()}
    for about, left, right in (
        ("refunds paid = received", "refund_paid", "territory_refund"),
        ("returns sent = received", "territory_returned", "returned_of_territory"),
        ("set off by both", "netted place", "netted home"),
    ):
        yield Line(about, "all funds", total.get(left, 0), total.get(right, 0))


def show(found: list[Line]) -> str:
    """The lines as a table; of equal kinds that all agree the sums only."""
    rows = [f"{'what':<28}{'who':<34}{'one side':>20}{'other side':>20}{'difference':>14}"]
    kinds = list(dict.fromkeys(line.about for line in found))
    for kind in kinds:
        own = [line for line in found if line.about == kind]
        shown = own if len(own) <= 40 or kind.startswith("fund-fund") else [line for line in own if line.off]
        rows += [_row(line.about, line.who, line.left_kop, line.right_kop) for line in shown]
        rows.append(
            _row(f"{kind}: {len(own)}", "all of them", sum(line.left_kop for line in own), sum(line.right_kop for line in own))
        )
    off = [line for line in found if line.off]
    return "\n".join([*rows, f"{len(found)} lines, {len(off)} differ"])


def _row(about: str, who: str, left: int, right: int) -> str:
    return f"{about:<28}{who:<34}{format_amount(left):>20}{format_amount(right):>20}{format_amount(left - right):>14}"
