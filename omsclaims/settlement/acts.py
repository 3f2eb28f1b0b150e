"""What do the parties sign at the end of the month? Acts of points 121 and 132, drawn from the ledger, from both sides' books.

The act fund - insurer counts the insurer's money (payment, spare and preventive reserve); care is spent when it is transferred to
clinics. The fund's books do not hold that money but what it entrusted; so from its side the same figures are found as: entrusted,
plus what the insurer still owes the clinics by their own books. Both ways must agree in every line. Likewise the act payer -
clinic is drawn from the payer's books and compared with the clinic's. Every line is a net turnover: what was undone by a posting
the other way round is taken off, so that each act goes on from balance to balance whatever was corrected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import polars as pl

from omsclaims import contract
from omsclaims.settlement import ledger as books

_TRANSFERS: Final = ("advance", "final_payment")
#: Events by which an insurer gets money beside the standards and НСЗ: what the fund's books know of them, and fines of clinics.
_RECOVERED: Final = ("damages_recovered", "osago_recovered", "penalty_recovered")
#: What a payer and a clinic have with each other; together the debt.
_DEBT: Final = ("care", "advance", "excess")


def act_121(opening: Mapping[str, int], postings: pl.DataFrame, balances: pl.DataFrame, territory: str) -> pl.DataFrame:
    """Contract table `act_121`: each insurer with a balance or a movement, sorted. Asserts its identity and the fund's side.

    opening  balances before the month; postings: all of the month, events and corrections among them; balances after it
    """
    closing = books.as_dict(balances)
    moves = _Moves(postings)
    own_fund = books.fund(territory)
    rows = []
    for party in _parties(opening, closing, postings, "insurer:"):
        start = {pot: opening.get(f"{party}/{pot}", 0) for pot in books.POTS}
        end = {pot: closing.get(f"{party}/{pot}", 0) for pot in books.POTS}
        received = {rule: moves.debit(rule, f"{party}/payment_reserve") for rule in ("standards", "nsz_to_insurer")}
        received["standards"] -= moves.credit("standards_back", f"{party}/payment_reserve")
        other = sum(moves.debit(rule, f"{party}/payment_reserve") for rule in (*_RECOVERED, "fine_paid"))
        other += moves.debit("recovery_preventive", f"{party}/preventive_reserve")
        returned = sum(moves.credit("unused_returned", f"{party}/{pot}") for pot in books.POTS)
        care = sum(moves.credit(rule, f"{party}/payment_reserve") for rule in _TRANSFERS)
        care -= moves.debit("excess_returned", f"{party}/payment_reserve")
        preventive = moves.credit("preventive_spent", f"{party}/preventive_reserve")
        row = {
            "smo": party.split(":")[1],
            "start_kop": sum(start.values()),
            "start_spare_kop": start["spare_reserve"],
            "start_preventive_kop": start["preventive_reserve"],
            "received_kop": sum(received.values()) + other - returned,
            "by_standards_kop": received["standards"],
            "from_nsz_kop": received["nsz_to_insurer"],
            # Line 3 is money for running costs: the rate, and the share of savings that the insurer keeps (195).
            "case_management_kop": moves.credit("case_management", f"{party}/payment_reserve")
            - moves.debit("case_management_back", f"{party}/payment_reserve")
            + moves.credit("savings_running", f"{party}/payment_reserve")
            - moves.debit("savings_running_back", f"{party}/payment_reserve"),
            "spent_kop": care + preventive,
            "end_kop": sum(end.values()),
            "end_payment_kop": end["payment_reserve"],
            "end_spare_kop": end["spare_reserve"],
            "end_preventive_kop": end["preventive_reserve"],
            "other_received_kop": other,
            "returned_kop": returned,
            "preventive_spent_kop": preventive,
        }
        _assert_act_121(row, _fund_side(party, own_fund, opening, closing, moves))
        rows.append(row)
    return contract.check("act_121", pl.DataFrame(rows, schema=contract.TABLES["act_121"].schema()))


def _fund_side(
    party: str, own_fund: str, opening: Mapping[str, int], closing: Mapping[str, int], moves: _Moves
) -> dict[str, int]:
    """Lines of act 121 by the books of the fund and of the clinics: entrusted money and what the clinics are still owed.

    Of the insurer's own books only what is no target money is taken: what it holds for itself, and care and sanctions that were
    booked with clinics and not yet charged to the fund (none, unless a correction left some).
    """
    account = f"{own_fund}/entrusted/{party}"
    clinics = {
        name.split("/")[0]
        for name in (*opening, *closing, *moves.accounts())
        if name.startswith("clinic:") and name.endswith(f"/{party}")
    }
    debts = [
        sum(side.get(f"{name}/{purpose}/{party}", 0) for name in clinics for purpose in _DEBT) for side in (opening, closing)
    ]
    received = sum(moves.debit(rule, account) for rule in ("standards", "nsz_to_insurer", *_RECOVERED, "recovery_preventive"))
    received += sum(moves.debit("fine_paid", name) for name in _fined(moves, party))
    received -= sum(moves.credit(rule, account) for rule in ("unused_returned", "standards_back"))
    uncharged = sum(closing.get(name, 0) - opening.get(name, 0) for name in (f"{party}/cost", f"{party}/sanctions"))
    accepted = sum(moves.credit(rule, account) for rule in ("care_accepted", "care_restored", "sanctions_given_back"))
    accepted -= sum(moves.debit(rule, account) for rule in ("care_withdrawn", "sanctions_entrusted"))
    other = _own_balance(party, opening)
    return {
        "start_kop": opening.get(account, 0) + debts[0] - other,
        "received_kop": received,
        "case_management_kop": moves.credit("case_management", account)
        - moves.debit("case_management_back", account)
        + moves.credit("savings_running", account)
        - moves.debit("savings_running_back", account),
        # Spent = accepted less the growth of the debt, and preventive measures.
        "spent_kop": accepted + uncharged - (debts[1] - debts[0]) + moves.credit("preventive_spent", account),
        "end_kop": closing.get(account, 0) + debts[1] - _own_balance(party, closing),
    }


def _fined(moves: _Moves, party: str) -> set[str]:
    """Accounts of clinics for fines of an insurer that moved."""
    return {name for name in moves.accounts() if name.startswith("clinic:") and name.endswith(f"/fine/{party}")}


def _own_balance(party: str, side: Mapping[str, int]) -> int:
    """What an insurer's books hold beside target money and debts: its own money, its income, an opening that did not balance."""
    skipped = (*books.POTS, *(f"{purpose}/" for purpose in ("entrusted", *_DEBT)))
    return sum(
        amount for account, amount in side.items()
        if account.startswith(f"{party}/") and not account.removeprefix(f"{party}/").startswith(skipped)
    )  # fmt: skip


def _assert_act_121(row: Mapping[str, object], fund_side: Mapping[str, int]) -> None:
    """end = start + received - case management - spent; end = the three reserves; both sides' books agree."""
    figures = {name: value for name, value in row.items() if isinstance(value, int)}
    expected = figures["start_kop"] + figures["received_kop"] - figures["case_management_kop"] - figures["spent_kop"]
    assert figures["end_kop"] == expected, f"act 121 of {row['smo']}: end {figures['end_kop']}, by its lines {expected}"
    parts = figures["by_standards_kop"] + figures["from_nsz_kop"] + figures["other_received_kop"] - figures["returned_kop"]
    assert figures["received_kop"] == parts, f"act 121 of {row['smo']}: received {figures['received_kop']}, by its parts {parts}"
    assert figures["end_kop"] == sum(figures[f"end_{pot}_kop"] for pot in ("payment", "spare", "preventive"))
    off = {name: (figures[name], value) for name, value in fund_side.items() if figures[name] != value}
    assert not off, f"act 121 of {row['smo']}: the fund's books say otherwise: {off}"


def act_132(opening: Mapping[str, int], postings: pl.DataFrame, balances: pl.DataFrame, territory: str) -> pl.DataFrame:
    """Contract table `act_132`: each payer and clinic with a debt or a movement, sorted. Asserts its identity and both sides."""
    closing = books.as_dict(balances)
    moves = _Moves(postings)
    pairs = set()
    for account in (*opening, *closing, *moves.accounts()):
        parts = account.split("/")
        if len(parts) == 3 and parts[1] in _DEBT and parts[2].startswith("clinic:"):
            pairs.add((parts[0], parts[2]))
    rows = []
    for payer, clinic in sorted(pairs):
        mek = moves.debit("withheld_mek", f"{payer}/care/{clinic}")
        expertise = {kind: _by_expertise(moves, f"{payer}/care/{clinic}", kind, "debit") for kind in ("mee", "ekmp")}
        row = {
            "payer": payer.split(":")[1],
            "mo": clinic.split(":")[1],
            "start_kop": -_debt(opening, payer, clinic),
            "billed_kop": moves.credit("bill", f"{payer}/care/{clinic}"),
            "withheld_kop": mek + sum(expertise.values()),
            "mek_kop": mek,
            "mee_kop": expertise["mee"],
            "ekmp_kop": expertise["ekmp"],
            "transferred_kop": moves.debit("advance", f"{payer}/advance/{clinic}")
            + moves.debit("final_payment", f"{payer}/care/{clinic}")
            - moves.credit("excess_returned", f"{payer}/excess/{clinic}"),
            "end_kop": -_debt(closing, payer, clinic),
        }
        clinic_side = {
            "start_kop": _debt(opening, clinic, payer),
            "billed_kop": moves.debit("bill", f"{clinic}/care/{payer}"),
            "withheld_kop": moves.credit("withheld_mek", f"{clinic}/care/{payer}")
            + sum(_by_expertise(moves, f"{clinic}/care/{payer}", kind, "credit") for kind in ("mee", "ekmp")),
            "transferred_kop": moves.credit("advance", f"{clinic}/advance/{payer}")
            + moves.credit("final_payment", f"{clinic}/care/{payer}")
            - moves.debit("excess_returned", f"{clinic}/excess/{payer}"),
            "end_kop": _debt(closing, clinic, payer),
        }
        _assert_act_132(row, clinic_side)
        rows.append(row)
    table = pl.DataFrame(rows, schema=contract.TABLES["act_132"].schema())
    return contract.check("act_132", table.sort("payer", "mo"))


def _by_expertise(moves: _Moves, account: str, kind: str, side: Literal["debit", "credit"]) -> int:
    """What expertise of a kind takes less what it gives back, fines included where they stand in the act.

    side  on which the account is moved by taking: debit of the payer's debt, credit of the clinic's claim
    """
    took, gave = (moves.debit, moves.credit) if side == "debit" else (moves.credit, moves.debit)
    return sum(took(f"{event}_{kind}", account) for event in ("withheld", "fine_in")) - sum(
        gave(f"{event}_{kind}", account) for event in ("returned", "fine_out")
    )


def _debt(side: Mapping[str, int], party: str, other: str) -> int:
    """What `party` has with `other` for care by its own books: debit positive."""
    return sum(side.get(f"{party}/{purpose}/{other}", 0) for purpose in _DEBT)


def _assert_act_132(row: Mapping[str, object], clinic_side: Mapping[str, int]) -> None:
    """end = start + billed - withheld - transferred; withheld by kinds; the clinic's books say the same."""
    figures = {name: value for name, value in row.items() if isinstance(value, int)}
    expected = figures["start_kop"] + figures["billed_kop"] - figures["withheld_kop"] - figures["transferred_kop"]
    named = f"act 132 of {row['payer']} and {row['mo']}"
    assert figures["end_kop"] == expected, f"{named}: end {figures['end_kop']}, by its lines {expected}"
    assert figures["withheld_kop"] == figures["mek_kop"] + figures["mee_kop"] + figures["ekmp_kop"]
    off = {name: (figures[name], value) for name, value in clinic_side.items() if figures[name] != value}
    assert not off, f"{named}: the clinic's books say otherwise: {off}"


class _Moves:
    """Net turnover of the month by event and account, looked up many times."""

    def __init__(self, postings: pl.DataFrame) -> None:
        self._net: dict[tuple[str, str], int] = defaultdict(int)
        for rule, debit, credit, amount in postings.select("rule", "debit", "credit", "amount_kop").iter_rows():
            self._net[rule, debit] += amount
            self._net[rule, credit] -= amount

    def debit(self, rule: str, account: str) -> int:
        """Debit turnover of an account by an event, less what reversals of it took back."""
        return self._net.get((rule, account), 0)

    def credit(self, rule: str, account: str) -> int:
        """Credit turnover of an account by an event, less what reversals of it took back."""
        return -self._net.get((rule, account), 0)

    def accounts(self) -> Iterable[str]:
        """All accounts that moved."""
        return {account for _, account in self._net}


def _parties(opening: Mapping[str, int], closing: Mapping[str, int], postings: pl.DataFrame, prefix: str) -> list[str]:
    """Parties of a kind that have a balance or a movement, sorted."""
    accounts = (*opening, *closing, *postings["debit"], *postings["credit"])
    return sorted({account.split("/")[0] for account in accounts if account.startswith(prefix)})
