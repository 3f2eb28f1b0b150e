"""A year of a federation, day by day: who does what when follows from the seed; files and money arrive days or weeks later."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random

from omsclaims.periods import Month, working_day_of_month
from omsclaims.synthetic.federation import INSURERS_EACH, Federation, Size
from tests.federation.fund import Fund
from tests.federation.own_books import Insurer

Action = Callable[[date], None]


@dataclass
class Year:
    """The funds, the diary of what is still to be done, chance."""

    made: Federation
    funds: dict[str, Fund]
    rng: Random
    say: Callable[[str], None]
    diary: list[tuple[date, int, Action]] = field(default_factory=list)
    count: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    bills: dict[str, str] = field(default_factory=dict)  # corrected part -> its bill
    disagreements: dict[tuple[str, str], int] = field(default_factory=dict)  # (place, home) -> rows of the yearly act
    drawn: int = 0  # yearly acts that were held against one another
    under_way: int = 0  # rows in which they differed the first time

    def at(self, day: date, action: Action) -> None:
        """Something is to be done on a day; of one day in the order in which it was noted."""
        self.count += 1
        heapq.heappush(self.diary, (day, self.count, action))

    def after(self, day: date, least: int, most: int, action: Action) -> None:
        """Something is to be done some days later."""
        self.at(day + timedelta(days=self.rng.randint(least, most)), action)

    def run(self) -> None:
        """Everything in the diary, and what comes of it."""
        while self.diary:
            day, _, action = heapq.heappop(self.diary)
            action(day)

    def timed(self, what: str, do: Callable[[], object]) -> None:
        """Does something and adds its seconds to what that has taken so far."""
        start = time.perf_counter()
        do()
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - start

    # ---- a month of a fund ------------------------------------------------------------------------------------------------

    def begin(self, fund: Fund, month: Month) -> None:
        """Notes a month of a fund: money and advances on its first working day, the closing on the tenth of the next month.

        In one month of three all of the money comes ahead, in one of three the half of it, in one nothing: then advances are
        paid from what is left of the months before, as far as it reaches.
        """
        share5 = (100_000, 50_000, 0)[month.month % 3]
        if share5:
            first = working_day_of_month(month, 1)
            self.at(first, lambda day: self.timed("pay", lambda: fund.finance(month, day, share5)))
        self.at(working_day_of_month(month, 1), lambda day: self.timed("pay", lambda: fund.pay_clinics(month, "advance", day)))
        self.at(working_day_of_month(month.plus(1), 10), lambda day: self.close(fund, month, day))

    def close(self, fund: Fund, month: Month, day: date) -> None:
        """The month is closed, clinics are paid, bills go to the other funds."""
        self.timed("make", lambda: self.made.write(fund.code, month))
        self.timed("close", lambda: fund.close(month, day))
        self.after(day, 1, 2, lambda on: self.timed("pay", lambda: fund.pay_clinics(month, "final", on)))
        self.after(day, 2, 12, lambda on: self.timed("between", lambda: self.send(fund, month, on)))
        self.say(f"{day} {fund.code} closed {month}")

    def send(self, fund: Fund, month: Month, day: date) -> None:
        """R travel to the home funds."""
        for path in fund.send(month, day):
            self.after(day, 0, 3, lambda on, path=path: self.timed("between", lambda: self.bill_came(path, on)))  # type: ignore[misc]

    # ---- a bill -----------------------------------------------------------------------------------------------------------

    def _ends(self, name: str) -> tuple[Fund, Fund]:
        """(fund of the place, fund of the home) of a file R or D."""
        return self.funds[name[1:3]], self.funds[name[3:5]]

    def bill_came(self, path: Path, day: date) -> None:
        """The home fund takes R; it answers within the term, at once, or late."""
        self._ends(path.stem)[1].take(path, day)
        first, last = self.rng.choices(((1, 4), (3, 30), (36, 60)), (0.4, 0.45, 0.15))[0]
        self.after(day, first, last, lambda on: self.timed("between", lambda: self.answer(path.stem, on)))

    def answer(self, asked: str, day: date) -> None:
        """A travels back; what is accepted is paid."""
        _, home = self._ends(asked)
        path = home.answer(asked, self.rng, day)
        self.after(day, 0, 3, lambda on: self.timed("between", lambda: self.answer_came(path, asked, on)))

    def answer_came(self, path: Path, asked: str, day: date) -> None:
        """The place fund takes A; of a main part its experts look at what is questioned, and D follows."""
        place, _ = self._ends(asked)
        place.take(path, day)
        bill = self.bills.get(asked, asked)
        # Money never comes before the answer that it is for: the bank of the place fund would not find a debt for it.
        self.after(day, 0, 4, lambda on: self.timed("between", lambda: self.pay(bill, on)))
        if asked.startswith("D"):
            if self.rng.random() < 0.7:
                self.after(day, 1, 40, lambda on: self.timed("between", lambda: place.write_off(bill, on)))
            return
        self.after(day, 0, 3, lambda on: self.timed("between", lambda: place.examine(bill, self.rng, on)))
        self.after(day, 25, 50, lambda on: self.timed("between", lambda: self.correct(bill, on)))

    def correct(self, bill: str, day: date) -> None:
        """D travels to the home fund, which answers finally; or all is given up by a letter, which both funds enter of its day."""
        place, home = self._ends(bill)
        if self.rng.random() < 0.2:
            if place.concede(bill, day):
                home.concede(bill, day)
            return
        path = place.correct(bill, self.rng, day)
        if path is not None:
            self.bills[path.stem] = bill
            self.after(day, 0, 3, lambda on: self.timed("between", lambda: self.corrected_came(path, on)))

    def corrected_came(self, path: Path, day: date) -> None:
        """The home fund takes D. What it takes off a refunded bill is owed back: sent back, or set off against another bill."""
        self._ends(path.stem)[1].take(path, day)
        bill = self.bills[path.stem]
        self.after(day, 5, 20, lambda on: self.timed("back", lambda: self.settle_back(bill, on)))
        self.after(day, 2, 20, lambda on: self.timed("between", lambda: self.answer(path.stem, on)))

    def pay(self, bill: str, day: date) -> None:
        """A refund, now and then in two parts; the bank of the place fund states it a day or two later."""
        place, home = self._ends(bill)
        part = self.rng.random() < 0.25
        paid = home.pay(bill, day, part)
        if paid is None:
            return
        self.after(day, 0, 2, lambda on: self.timed("pay", lambda: place.refund_came(home.code, paid, on)))
        if part:
            self.after(day, 3, 9, lambda on: self.timed("between", lambda: self.pay(bill, on)))

    def settle_back(self, bill: str, day: date) -> None:
        """What is owed back of a bill: set off where the funds have another bill to set it off against, else sent back, by chance
        in two parts. Both funds enter a set-off of the day of their letter."""
        place, home = self._ends(bill)
        back = min(place.back_of(bill, "place"), home.back_of(bill, "home"))  # money or an answer may still be under way
        ours = dict(place.due_of(home.code, "place"))
        others = [(other, min(due, ours.get(other, 0))) for other, due in home.due_of(place.code, "home") if other != bill]
        others = [(other, due) for other, due in others if due > 0]
        if back > 0 and others and self.rng.random() < 0.6:
            other, due = self.rng.choice(others)
            for fund in (home, place):
                fund.net(other, bill, min(due, back), day)
        moved = place.order_return(bill, day, self.rng.random() < 0.3)
        if moved:
            self.after(day, 0, 2, lambda on: self.timed("pay", lambda: home.return_came(place.code, moved, bill, on)))
        if home.back_of(bill, "home") > 0:
            self.after(day, 3, 9, lambda on: self.timed("back", lambda: self.settle_back(bill, on)))

    # ---- the year ---------------------------------------------------------------------------------------------------------

    def first_acts(self, day: date) -> None:
        """The yearly acts for the first time; how many rows differ by what is under way is kept."""
        self.reconcile(day)
        self.under_way = sum(self.disagreements.values())

    def reconcile(self, day: date, again: bool = False) -> None:
        """Every fund sends its yearly acts; the others hold their own against them and send them back signed where nothing differs.

        What is under way that day stands in one of the two only: such acts are drawn up again later.
        """
        for fund in self.funds.values():
            open_acts = {home for place, home in self.disagreements if place == fund.code and self.disagreements[place, home]}
            if again and not open_acts:
                continue
            for path in fund.draw_yearly(day, open_acts if again else set()):
                home = self.funds[path.parent.name]
                differ = home.answer_yearly(path, day)
                self.disagreements[fund.code, home.code] = differ
                self.drawn += 1
                if not differ:
                    fund.sign_yearly(path.stem, day)


def simulate(
    folder: Path, size: Size, seed: int, say: Callable[[str], None], threads: int = 1, own_books: int = INSURERS_EACH
) -> Year:  # fmt: skip
    """A whole year through the real files; returns the funds as they stand when nothing is under way any more.

    own_books  so many insurers of each territory have a workspace of their own, which learns of the fund only from its files
    """
    made = Federation(folder / "made", size, seed)
    funds = {code: Fund(code, made.found(code), folder / code, folder / "files" / code, threads) for code in size.codes}
    year = Year(made, funds, Random(f"federation {seed}"), say)
    for code, fund in funds.items():
        own = made.insurers(code)[:own_books]
        fund.insurers = [Insurer(smo, code, fund.made, folder / f"insurer-{smo}") for smo in own]
        year.timed("open", fund.open)
        for one in fund.insurers:
            year.timed("open", one.open)
    for month in made.months():
        for fund in funds.values():
            year.begin(fund, month)
    # The yearly act is drawn up in October and once more in November; of a shorter run, whose bills all fall into the period of
    # the act, at the end only: an act that is signed cannot give way to another one.
    if made.months()[-1].month >= 9:
        year.at(date(2022, 10, 10), lambda day: year.timed("reconcile", lambda: year.first_acts(day)))
        year.at(date(2022, 11, 14), lambda day: year.timed("reconcile", lambda: year.reconcile(day, again=True)))
    year.run()
    end = date(2022, 12, 30)
    year.timed("reconcile", lambda: year.reconcile(end, again=True) if year.drawn else year.first_acts(end))
    return year
