"""Do money and states stay true in random lives of two funds, and does the machine notice when they do not?"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from omsclaims import journal, ledger_rows
from omsclaims.settlement import bank, month_books, payments
from omsclaims.settlement.between import back, home, items, place
from tests.machine import events
from tests.machine.__main__ import run
from tests.machine.books import Memory
from tests.machine.world import new_world

RUNS, STEPS = 125, 16
#: What must have happened in the short form, too: otherwise it proves nothing about it.
SEEN = (
    "month closed", "month replaced", "bill sent", "bill taken", "answer sent", "answer taken", "late answer taken", "corrected part sent",
    "corrected part taken", "final answer sent", "final answer taken", "refund paid", "statement booked", "posting corrected", "killed", "retried",
    "answer refused: moved", "corrected part refused", "event refused: LB.2", "line refused: PB.1", "line refused: PB.2", "line refused: PB.3",
)  # fmt: skip


def test_many_lives() -> None:
    happened: Counter[str] = Counter()
    for seed in range(RUNS):
        happened += run(seed, STEPS)
    missing = [name for name in SEEN if not happened[name]]
    assert not missing, f"never happened in {RUNS} runs: {missing}"


#: What needs a longer life: a bill refunded, then taken back in part, and another one beside it.
SEEN_LATER = ("refund sent back", "return came", "set off by the home fund", "set off by the place fund")


def test_long_lives() -> None:
    happened: Counter[str] = Counter()
    for seed in range(5_000, 5_010):
        happened += run(seed, 80)
    missing = [name for name in SEEN_LATER if not happened[name]]
    assert not missing, f"never happened: {missing}"


class Funds(RuleBasedStateMachine):
    """The same events drawn by hypothesis, which looks for the shortest life that breaks a rule."""

    @initialize(rng=st.randoms(use_true_random=False))
    def begin(self, rng: Random) -> None:
        self.world = new_world(rng)

    @precondition(lambda self: hasattr(self, "world"))
    @rule(event=st.sampled_from(sorted(events.EVENTS, key=lambda one: one.__name__)), rng=st.randoms(use_true_random=False))
    def happens(self, event: events.Event, rng: Random) -> None:
        if event(self.world, rng) is not None:
            self.world.check(rng)


Funds.TestCase.settings = settings(
    max_examples=25, stateful_step_count=14, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)  # fmt: skip
TestFunds = Funds.TestCase


# ---- the machine fails when a rule is broken on purpose --------------------------------------------------------------------


def _final_takes_nothing(patch: pytest.MonkeyPatch) -> None:
    """A final refusal leaves the item accepted."""
    after = items._AFTER["final"]

    def broken() -> tuple[pl.Expr, dict[str, pl.Expr]]:
        state, amounts = after()
        kept = pl.col("presented_kop") - pl.col("conceded_kop")
        return state, {**amounts, "accepted_kop": kept, "refused_kop": pl.lit(0, dtype=pl.Int64)}

    patch.setitem(items._AFTER, "final", broken)


def _answered_twice(patch: pytest.MonkeyPatch) -> None:
    """An answer to an item that is final is taken."""
    judge = items.illegal

    def blind(*given: Any, **named: Any) -> pl.DataFrame:
        found = judge(*given, **named)
        return found.filter(pl.col("rule") != "TB.3")

    patch.setattr(items, "illegal", blind)


def _conceded_is_accepted(patch: pytest.MonkeyPatch) -> None:
    """What the place fund gives up stays owed in its ledger."""
    patch.setitem(place.EVENTS, "conceded", "territory_accepted_finally")


def _home_forgets(patch: pytest.MonkeyPatch) -> None:
    """The home fund does not book what it questions."""
    patch.setattr(home, "EVENTS", {name: event for name, event in home.EVENTS.items() if name != "questioned"})


def _ids_of_chance(patch: pytest.MonkeyPatch) -> None:
    """A posting written again has another id."""
    number, made = itertools.count(), ledger_rows.posting_id
    patch.setattr(ledger_rows, "posting_id", lambda row, n=0: f"{next(number):04d}{made(row, n)}"[:32])


def _reversal_not_swapped(patch: pytest.MonkeyPatch) -> None:
    """A correction writes the mistake once more."""
    made = ledger_rows.reversal

    def broken(*given: Any) -> ledger_rows.Row:
        row = made(*given)
        return {**row, "debit": row["credit"], "credit": row["debit"]}

    patch.setattr(ledger_rows, "reversal", broken)


def _paid_twice(patch: pytest.MonkeyPatch) -> None:
    """A payment that a statement stated before is taken again."""
    match = bank.match

    def forgetful(lines: Any, source: str, orders: Any, taken: pl.DataFrame, *rest: Any) -> bank.Matched:
        return match(lines, source, orders, taken.with_columns(line_id=pl.lit("another")), *rest)

    patch.setattr(bank, "match", forgetful)


def _above_the_debt(patch: pytest.MonkeyPatch) -> None:
    """More than is owed is booked."""

    def careless(work: Any, line: Any, payer: str, receiver: str, amount: int) -> Any:
        return bank._Verdict("territory_refund", None, f"{receiver}/refund/{payer}")

    patch.setattr(bank, "_of_fund", careless)


def _nothing_is_owed_back(patch: pytest.MonkeyPatch) -> None:
    """What was refunded and taken off afterwards is not recognised as owed back."""
    patch.setattr(back, "recognised", lambda *given: back.table([]))


def _owed_back_of_all_that_was_paid(patch: pytest.MonkeyPatch) -> None:
    """The debt back forgets what is still accepted."""
    patch.setattr(back.Position, "back_kop", property(lambda self: max(0, self.settled_kop - self.unanswered_kop)))


def _knowledge_changes(patch: pytest.MonkeyPatch) -> None:
    """Balances as known at an earlier moment hold what came later."""
    patch.setattr(journal, "_where", lambda known: ("true", []))


def _half_a_command(patch: pytest.MonkeyPatch) -> None:
    """A killed command leaves what it had written."""

    @contextmanager
    def never_taken_back(self: Memory) -> Iterator[None]:
        yield

    patch.setattr(Memory, "transaction", never_taken_back)


def _advance_forgotten(patch: pytest.MonkeyPatch) -> None:
    """An advance is not applied to the bill: the clinic is paid twice."""
    settle = payments.settle_pair

    def broken(debt: int, excess: int, advance: int, accepted: int) -> Any:
        made = settle(debt, excess, advance, accepted)
        return replace(made, due_kop=made.due_kop + made.advance_used_kop)

    patch.setattr(month_books, "settle_pair", broken)


def _bill_of_less(patch: pytest.MonkeyPatch) -> None:
    """A bill is posted a kopeck short."""
    post = month_books._post_pair

    def broken(month: Any, event: str, amount: int, pair: Any, mark: str = "") -> None:
        post(month, event, max(0, amount - 1) if event == "bill" else amount, pair, mark)

    patch.setattr(month_books, "_post_pair", broken)


BROKEN: tuple[Callable[[pytest.MonkeyPatch], None], ...] = (
    _final_takes_nothing, _answered_twice, _conceded_is_accepted, _home_forgets, _ids_of_chance, _reversal_not_swapped, _paid_twice,
    _above_the_debt, _nothing_is_owed_back, _owed_back_of_all_that_was_paid, _knowledge_changes, _half_a_command, _advance_forgotten, _bill_of_less,
)  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: one.__name__.strip("_"))
def test_a_broken_rule_is_noticed(broken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """With one rule of the engine broken on purpose some of the lives that are fine otherwise end in an error."""
    broken(monkeypatch)
    for seed in range(RUNS):
        try:
            run(seed, STEPS)
        except Exception:
            return
    pytest.fail(f"{RUNS} runs did not notice: {broken.__doc__}")
