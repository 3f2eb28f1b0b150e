"""Who owes whom, entry by entry? The double-entry ledger of all parties of a month (Rules 121, 132; design: law.md 10.8).

A posting has a debit and a credit in the books of one party; a business event touches the books of every party it concerns (the
posting table `posting_rules.yaml`). So three things hold at any time, and are asserted: the whole ledger sums to zero, each
party's books sum to zero, and what A has with B is the opposite of what B has with A. Postings are never changed; their id is
made of their content (omsclaims.ledger_rows), so writing one again is harmless. The ledger over the years is omsclaims.journal.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from string import Formatter
from typing import Final, Literal

import polars as pl
import yaml

from omsclaims import contract
from omsclaims.ledger_rows import posting_id
from omsclaims.periods import Month

#: Purposes that stand in the books of both parties. `refund`: owed by others for care here; `refund_due`: owed to others;
#: `refund_back`: owed back to others of refunds that came; `refund_back_due`: owed back by others of refunds that were paid.
MUTUAL: Final = (
    "entrusted", "care", "advance", "excess", "fine", "subvention",
    "refund", "refund_disputed", "refund_due", "refund_due_disputed", "refund_back", "refund_back_due",
)  # fmt: skip
#: Money that an insurer holds for care: what act 121 counts.
POTS: Final = ("payment_reserve", "spare_reserve", "preventive_reserve")
BUDGET: Final = "budget"


def fund(territory: str) -> str:
    """Party name of a territorial fund."""
    return f"fund:{territory}"


def insurer(smo: str) -> str:
    """Party name of an insurer."""
    return f"insurer:{smo}"


def clinic(mo: str) -> str:
    """Party name of a clinic."""
    return f"clinic:{mo}"


def territory(code: str) -> str:
    """Party name of another territory's fund."""
    return f"territory:{code}"


def outside(code: str) -> str:
    """Party name of a clinic outside the Federation."""
    return f"outside:{code}"


def payer_party(payer: str, own_territory: str) -> str:
    """Party of a payer of the contract: the own territory's code is the fund, anything else an insurer."""
    return fund(payer) if payer == own_territory else insurer(payer)


#: What may stand in a place of a line: without the kind a line turned round would read as another one of the same rule.
_IN_PLACE: Final = {
    "fund": "fund:[^/]+", "insurer": "insurer:[^/]+", "clinic": "clinic:[^/]+", "territory": "territory:[^/]+",
    "outside": "outside:[^/]+", "payer": "(?:fund|insurer):[^/]+", "pot": f"nsz|{'|'.join(POTS)}", "cost": "cost|elsewhere",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PostingRule:
    """A business event: its clause, the day it is dated on, the lines (debit, credit) with parties to put in.

    day  first or last day of the month that is closed; given: the event says it
    """

    name: str
    clause: str
    day: Literal["first", "last", "given"]
    lines: tuple[tuple[str, str], ...]

    def roles(self) -> tuple[str, ...]:
        """What has to be put into the lines: parties (fund, insurer, payer, clinic ...) and accounts (pot, cost), sorted."""
        named = {name for line in self.lines for side in line for _, name, _, _ in Formatter().parse(side) if name}
        return tuple(sorted(named))

    def accounts(self, parties: Mapping[str, str]) -> list[tuple[str, str]]:
        """(debit, credit) of each line with the parties put in."""
        return [(debit.format(**parties), credit.format(**parties)) for debit, credit in self.lines]

    def parties_of(self, debit: str, credit: str) -> dict[str, str] | None:
        """What was put into the lines where a posting debit - credit is one of them, either way round; None where it is none."""
        both = (_put_in(line, sides, {}) for sides in ((debit, credit), (credit, debit)) for line in self.lines)
        return next((found for found in both if found is not None), None)

    def is_turned(self, debit: str, credit: str) -> bool:
        """Whether a posting is no line of the rule as it stands: it takes back what the rule books.

        A reversal is turned, the reversal of a reversal is not: that a posting names another one does not tell the direction.
        """
        return all(_put_in(line, (debit, credit), {}) is None for line in self.lines)

    def is_of(self, debit: str, credit: str, parties: Mapping[str, str], turned: bool) -> bool:
        """Whether a posting is a line of the rule with these parties; turned: with debit and credit exchanged."""
        sides = (credit, debit) if turned else (debit, credit)
        return any(_put_in(line, sides, parties) is not None for line in self.lines)


def _put_in(line: tuple[str, str], sides: tuple[str, str], known: Mapping[str, str]) -> dict[str, str] | None:
    """What stands in the places of a line, by role, when a posting's sides are this line with the parties known; else None."""
    found: dict[str, str] = {}
    for template, account in zip(line, sides, strict=True):
        pattern = ""
        for piece in re.split(r"(\{[a-z]+\})", template):
            role = piece[1:-1] if piece.startswith("{") else None
            if role is None:
                pattern += re.escape(piece)
            elif role in known or role in found:
                pattern += re.escape({**found, **known}[role])
            else:
                pattern += f"(?P<{role}>{_IN_PLACE.get(role, '[^/]+')})"
        match = re.fullmatch(pattern, account)
        if match is None:
            return None
        found |= match.groupdict()
    return found


@cache
def posting_rules() -> dict[str, PostingRule]:
    """The posting table, by name of the event. Raises ValueError when a line leaves the books of one party."""
    text = (resources.files("omsclaims") / "settlement" / "posting_rules.yaml").read_text(encoding="utf-8")
    rules = {}
    for name, body in yaml.safe_load(text).items():
        lines = tuple((str(line["debit"]), str(line["credit"])) for line in body["lines"])
        for debit, credit in lines:
            if debit.split("/")[0] != credit.split("/")[0]:
                raise ValueError(f"posting rule {name}: {debit} and {credit} are books of two parties")
        rules[name] = PostingRule(name, str(body["clause"]), body["day"], lines)
    return rules


@dataclass
class Ledger:
    """The ledger of a month while it is being written: balances before, postings so far.

    opening  account -> kopecks, debit positive
    """

    month: Month
    opening: Mapping[str, int]
    rows: list[dict[str, object]] = field(default_factory=list)
    _balance: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self._balance.update(self.opening)

    def balance(self, account: str) -> int:
        """Balance of an account now, debit positive."""
        return self._balance.get(account, 0)

    def post(self, event: str, amount_kop: int, document: str, on: date | None = None, /, **parties: str) -> None:
        """Writes the postings of an event; nothing for 0. A negative amount breaks an invariant: AssertionError.

        on  the day of an event that says its day, inside the month; the other rules know theirs
        """
        assert amount_kop >= 0, f"{event} {document}: a posting of {amount_kop} kopecks"
        if amount_kop == 0:
            return
        rule = posting_rules()[event]
        day = on if rule.day == "given" else self.month.first if rule.day == "first" else self.month.last
        assert day is not None and self.month.first <= day <= self.month.last, f"{event} {document}: dated {day}"
        for row in event_rows(rule, self.month, day, document, amount_kop, parties):
            self._balance[str(row["debit"])] += amount_kop
            self._balance[str(row["credit"])] -= amount_kop
            self.rows.append({"posting_id": posting_id(row), **row})

    def take(self, postings: pl.DataFrame) -> None:
        """Lets postings that stand in the journal already work on the balances; they are not written again."""
        for debit, credit, amount in postings.select("debit", "credit", "amount_kop").iter_rows():
            self._balance[debit] += amount
            self._balance[credit] -= amount

    def postings(self) -> pl.DataFrame:
        """Contract table `postings`, sorted by date, document, rule and accounts."""
        table = pl.DataFrame(self.rows, schema=contract.TABLES["postings"].schema())
        return table.sort("date", "document", "rule", "debit", "credit")


def event_rows(
    rule: PostingRule, month: Month, day: date, document: str, amount_kop: int, parties: Mapping[str, str]
) -> list[dict[str, object]]:
    """The postings of an event without their ids: one for each line of its rule."""
    return [
        {
            "month": str(month), "date": day, "document": document, "rule": rule.name, "debit": debit, "credit": credit,
            "amount_kop": amount_kop, "reference": rule.clause,
        }
        for debit, credit in rule.accounts(parties)
    ]  # fmt: skip


def balances_of(opening: Mapping[str, int], postings: pl.DataFrame) -> pl.DataFrame:
    """Contract table `balances`: opening plus postings, accounts that are not zero, sorted. Asserts the three invariants."""
    debits = postings.select(account="debit", amount_kop="amount_kop")
    credits = postings.select(account="credit", amount_kop=-pl.col("amount_kop"))
    before = pl.DataFrame(sorted(opening.items()), schema={"account": pl.String, "amount_kop": pl.Int64}, orient="row")
    table = pl.concat([before, debits, credits]).group_by("account").agg(pl.col("amount_kop").sum())
    result = contract.check("balances", table.filter(pl.col("amount_kop") != 0).sort("account"))
    assert_balanced(dict(result.iter_rows()))
    assert postings["posting_id"].is_unique().all(), "two postings say the same"
    assert postings.filter(pl.col("amount_kop") <= 0).is_empty(), "a posting is not above zero"
    return result


def as_dict(balances: pl.DataFrame) -> dict[str, int]:
    """account -> kopecks of a table of balances; an account that stands twice is added."""
    table = balances.group_by("account").agg(pl.col("amount_kop").sum()).sort("account")
    return dict(table.select("account", "amount_kop").iter_rows())


def mirror(account: str) -> str | None:
    """The account of the other party for a mutual purpose (`insurer:1/care/clinic:2` -> `clinic:2/care/insurer:1`), else None."""
    parts = account.split("/")
    return "/".join(reversed(parts)) if len(parts) == 3 and parts[1] in MUTUAL else None


def assert_balanced(balances: Mapping[str, int]) -> None:
    """The ledger, each party's books and each mutual pair sum to zero. Raises AssertionError naming the first that does not."""
    assert sum(balances.values()) == 0, f"the ledger sums to {sum(balances.values())} kopecks"
    books: dict[str, int] = defaultdict(int)
    for account, amount in balances.items():
        books[account.split("/")[0]] += amount
        other = mirror(account)
        if other is not None:
            assert balances.get(other, 0) == -amount, f"{account} = {amount}, {other} = {balances.get(other, 0)}"
    off = {party: amount for party, amount in sorted(books.items()) if amount}
    assert not off, f"books that do not sum to zero: {off}"


def complete_opening(given: Mapping[str, int], own_fund: str) -> dict[str, int]:
    """An opening with the other side of what it names: mutual accounts get their mirror, each party's books their balance.

    An accountant who opens the books knows the money and the debts; what balances an insurer is target money that it holds for
    the fund (`entrusted`), what balances anyone else is its account `opening`.
    """
    full = {account: amount for account, amount in given.items() if amount}
    for account, amount in sorted(given.items()):
        other = mirror(account)
        if other is not None and other not in given and amount:
            full[other] = -amount
    books: dict[str, int] = defaultdict(int)
    for account, amount in full.items():
        books[account.split("/")[0]] += amount
    for party in sorted(books, key=lambda name: (not name.startswith("insurer:"), name == own_fund, name)):
        rest = -books[party]
        if party.startswith("insurer:") and f"{party}/entrusted/{own_fund}" not in given:
            _add(full, f"{party}/entrusted/{own_fund}", rest)
            _add(full, f"{own_fund}/entrusted/{party}", -rest)
            if own_fund in books:
                books[own_fund] -= rest
            else:
                _add(full, f"{own_fund}/opening", rest)
        else:
            _add(full, f"{party}/opening", rest)
    return {account: amount for account, amount in sorted(full.items()) if amount}


def _add(accounts: dict[str, int], account: str, amount: int) -> None:
    accounts[account] = accounts.get(account, 0) + amount


def turnover(postings: pl.DataFrame, rules: Iterable[str], side: Literal["debit", "credit"], prefix: str) -> int:
    """Net turnover of the accounts that begin with `prefix` by these events, on the side named.

    What a reversal of the same event moved the other way is taken off: debit less credit, or credit less debit.
    """
    of_rules = postings.filter(pl.col("rule").is_in(list(rules)))
    debit, credit = (
        int(of_rules.filter(pl.col(column).str.starts_with(prefix))["amount_kop"].sum()) for column in ("debit", "credit")
    )
    return debit - credit if side == "debit" else credit - debit
