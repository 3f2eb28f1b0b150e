"""One fund of the federation: its workspace, and what its people do with it from month to month, always through files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random

import polars as pl

from omsclaims import (
    act_book,
    act_store,
    bank,
    between,
    between_back,
    between_home,
    between_return,
    between_store,
    closing,
    expertise,
    expertise_store,
    financing,
    intake,
    journal,
)
from omsclaims.cli.store import read_register
from omsclaims.law.agreement import load_agreement
from omsclaims.nsi import loader
from omsclaims.periods import Month
from omsclaims.registry import expertise_file
from omsclaims.reports import act_files
from omsclaims.settlement.between import book, home, items
from omsclaims.synthetic.federation import account_of
from omsclaims.workspace import Workspace, WorkspaceError
from tests.federation.banks import Moved, carried_out, statement
from tests.federation.own_books import Insurer

WHO = "simulation"
BEGIN = date(2022, 1, 1)
#: Kinds of control and grounds that experts name: Kod of F014 and number, kind of control (F006) for care of 2022.
_QUESTIONS = (("3.2.1", 70), ("2.16.1", 50), ("1.4.2", 10))


@dataclass(frozen=True)
class Paid:
    """A refund on its way: number of the order, the bill that it is for, kopecks, the day it was ordered."""

    number: str
    bill: str
    amount_kop: int
    day: date


@dataclass
class Fund:
    """A fund: its code, its workspace, the packages of its clinics, where it puts files for others."""

    code: str
    made: Path
    folder: Path
    out: Path
    threads: int = 1
    counts: Counter[str] = field(default_factory=Counter)
    bank: dict[str, int] = field(default_factory=dict)  # balance of each account at the bank, kopecks
    numbers: int = 0
    insurers: list[Insurer] = field(default_factory=list)  # those that keep books of their own
    found: Counter[str] = field(default_factory=Counter)

    def open(self) -> None:
        """A workspace with books, registers and the agreement."""
        Workspace.create(self.folder, self.code, "fund", BEGIN, WHO, payments="actual")
        with Workspace.writing(self.folder) as ws:
            for path in sorted((self.made / "books").glob("*.csv")):
                loaded = loader.load_book(path)
                assert loaded.book is not None and not loaded.findings.height, path
                ws.store_book(loaded.book, BEGIN)
            for path in sorted((self.made / "registers").iterdir()):
                ws.store_register(path.stem, read_register(path, "en"), BEGIN)
            ws.store_agreement(load_agreement(self.made / "agreement").year, self.made / "agreement", BEGIN)
            ws.record("prepare", BEGIN, WHO, None, {"source": "federation"})

    # ---- the month --------------------------------------------------------------------------------------------------------

    def close(self, month: Month, day: date) -> closing.Closing:
        """Takes in the packages of a month and closes it."""
        files = sorted((self.made / "packages" / str(month)).glob("*.zip"))
        with Workspace.writing(self.folder) as ws:
            done = intake.ingest(ws, files, day, WHO, self.threads)
        refused = [one.package for one in done if one.state != "accepted"]
        assert not refused, f"packages refused: {refused}"
        with Workspace.writing(self.folder) as ws:
            closed = closing.close(ws, month, day, WHO)
        self.counts["cases"] += self._rows(month)
        for one in self.insurers:
            one.close(month, self.papers(month), day)
        return closed

    def papers(self, month: Month) -> Path:
        """The folder of papers of a closed month."""
        return self.folder / "reports" / str(month)

    def _rows(self, month: Month) -> int:
        with Workspace.open(self.folder) as ws:
            return ws.stored_table(str(month), "decisions").height

    def finance(self, month: Month, day: date, share5: int) -> None:
        """A part of the month's money, or all of it, reaches the insurers before clinics ask for advances; they are told by notices."""
        with Workspace.writing(self.folder) as ws:
            done = financing.give(ws, month, day, day, WHO, share5)
        assert done.findings.is_empty(), done.findings.select("rule", "params").rows()
        told = financing.write_notices(done.notices, self.out / "notices" / str(month))
        for one in self.insurers:
            one.notice(next(path for path in told if one.smo in path.name), day)
        self.counts["financing ahead"] += done.events.height

    def pay_clinics(self, month: Month, kind: str, day: date) -> None:
        """Orders to the bank, the bank carries them out, its statement comes back."""
        with Workspace.writing(self.folder) as ws:
            made = bank.order(ws, month, [kind], day, day, WHO, cover=kind == "final")
            paths = bank.write(ws, made.orders, self.out / "orders" / f"{month}-{kind}")
        self.counts[f"orders {kind}"] += made.orders.height
        self.counts["orders short of money"] += made.findings.filter(pl.col("rule").is_in(["PB.12", "PB.13"])).height
        own = {one.smo: one.order(month, kind, day) for one in self.insurers}
        for smo, orders in own.items():  # an insurer orders by its own books, the fund by what it sees of them
            ours = made.orders.filter(pl.col("payer") == f"insurer:{smo}")
            assert orders.equals(ours), f"orders of {smo} for {month}: {orders.rows()} and {ours.rows()}"
        if paths:  # one statement of all accounts for the fund, one of its own account for each insurer
            moved = {path.stem: carried_out(path, day) for path in paths}
            self.load([one for rows in moved.values() for one in rows], day, f"{month}-{kind}")
            for one in self.insurers:
                for stem, rows in moved.items():
                    if stem.startswith(f"orders-insurer-{one.smo}-"):
                        one.load(rows, self.out / "statements" / f"{day}-{stem}.txt", day)

    def load(self, moved: list[Moved], day: date, name: str) -> None:
        """Takes the statement of the accounts that paid, or of the own one where money came."""
        path = self.out / "statements" / f"{day}-{name}.txt"
        own = account_of(f"fund:{self.code}")
        accounts = {own if one.receiver[0] == own else one.payer[0] for one in moved}
        self.bank.update(statement(path, {account: self.bank.get(account, 0) for account in accounts}, moved))
        with Workspace.writing(self.folder) as ws:
            done = bank.load(ws, path, day, WHO)
        assert done.findings.is_empty(), done.findings.select("rule", "value", "params").rows()
        self.counts["payments"] += done.lines.height

    # ---- the place fund ---------------------------------------------------------------------------------------------------

    def send(self, month: Month, day: date) -> list[Path]:
        """Bills R of a month into the folders of the funds they are for."""
        with Workspace.writing(self.folder) as ws:
            done = between.send(ws, month, day, WHO)
        return [self._handed(one) for one in done]

    def _handed(self, one: between.Done) -> Path:
        assert one.outcome in ("sent", "taken") and one.data is not None, (one.file_name, one.outcome, one.findings.rows())
        path = self.out / one.receiver / f"{one.file_name}.oms"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.data)
        self.counts[f"{one.file_name[0]} sent"] += 1
        return path

    def take(self, path: Path, day: date) -> between.Done:
        """Takes a file of another fund; nothing may be refused here."""
        with Workspace.writing(self.folder) as ws:
            done = between.take_one(ws, path, day, WHO)
        said = done.findings.select("rule", "element", "value", "params").rows()[:5]
        assert done.outcome == "taken", f"{self.code} does not take {path.name}: {said}"
        self.counts[f"{path.name[0]} taken"] += 1
        self.counts["taken late"] += done.late
        self.found.update(done.findings["rule"])
        return done

    def examine(self, bill: str, rng: Random, day: date) -> int:
        """Own experts look at what was questioned, now and then at what was accepted: acts of МЭЭ on some of the cases, as a file.
        Returns how many. What they find in accepted items goes back with the next D, also where it is refunded already."""
        with Workspace.open(self.folder) as ws:
            files, rows = between_store.of_bill(ws, bill)
            head = files.filter(pl.col("file_name") == bill).row(0, named=True)
            month = f"{head['year']}-{head['month']:02d}"
            asked = book.states_of(bill, files, rows).filter(pl.col("state").is_in(["questioned", "accepted"]))
            keys = asked.join(
                ws.stored_table(month, "territory_items").filter(pl.col("file_name") == bill), on=["n_zap", "idcase"]
            ).sort("n_zap", "idcase")
            share = {"questioned": 0.4, "accepted": 0.3}
            chosen = keys.filter(pl.Series([rng.random() < share[state] for state in keys["state"]], dtype=pl.Boolean))
            view = expertise_store.closed_view(ws, month)
        if chosen.is_empty():
            return 0
        cases = view.join(chosen.select("case_key"), on="case_key", how="semi").sort("mo", "package", "n_zap", "idcase")
        kod = [rng.choice((246, 240, None)) for _ in range(cases.height)]
        raw = cases.with_columns(
            year=pl.lit(head["year"], dtype=pl.Int64), bill_month=pl.lit(head["month"], dtype=pl.Int64), kod=pl.Series(kod, dtype=pl.Int64),
            s_tip=pl.lit(50, dtype=pl.Int64), date_act=pl.lit(day), num_act=pl.format("{}-{}", pl.lit(bill), "mo"),
            row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64), s_ist=pl.lit(1, dtype=pl.Int64),
        )  # fmt: skip
        table = raw.select(
            pl.col(name).cast(kind) if name in raw.columns else pl.lit(None, dtype=kind).alias(name)
            for name, kind in expertise_file.RAW.items()
        )
        path = self.out / "acts" / f"{bill}-acts.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(expertise_file.write_xml(table, path.stem, day))
        with Workspace.writing(self.folder) as ws:
            (done,) = expertise.load_acts(ws, [path], day, WHO)
        refused = [act for act, state in done.outcomes.items() if state == "refused"]
        assert not refused, done.findings.select("rule", "value", "params").rows()[:5]
        self.counts["acts of own experts"] += len(done.outcomes)
        return cases.height

    def correct(self, bill: str, rng: Random, day: date) -> Path | None:
        """D of a bill: what own acts found, in accepted items, too, some items given up, the rest stood by; None where nothing is
        questioned any more and nothing was found."""
        with Workspace.writing(self.folder) as ws:
            files, rows = between_store.of_bill(ws, bill)
            questioned = book.states_of(bill, files, rows).filter(pl.col("state") == "questioned")
            keys = questioned.select("n_zap", "idcase").rows()
            agreed = [key for key in keys if rng.random() < 0.3]
            try:
                done = between.correct(ws, bill, day, WHO, agreed=agreed)
            except WorkspaceError as error:
                assert error.key == "between.nothing_questioned" and not keys, error.key
                return None
        self.counts["D that takes accepted items back"] += "TB.13" in set(done.findings["rule"])
        return self._handed(done)

    def concede(self, bill: str, day: date) -> bool:
        """What is questioned of a bill is given up; the other fund enters it by the letter. Returns whether anything was."""
        with Workspace.writing(self.folder) as ws:
            files, rows = between_store.of_bill(ws, bill)
            if book.states_of(bill, files, rows).filter(pl.col("state") == "questioned").is_empty():
                return False
            between.concede(ws, bill, day, WHO, "письмо без исправленной части")
        self.counts["given up by letter"] += 1
        return True

    def write_off(self, bill: str, day: date) -> None:
        """What was lost of a bill is written off."""
        with Workspace.writing(self.folder) as ws:
            files, rows = between_store.of_bill(ws, bill)
            lost = book.states_of(bill, files, rows).filter(pl.col("state").is_in(["refused_finally", "conceded", "withdrawn"]))
            if lost.is_empty():
                return
            between.write_off(ws, bill, day, WHO, "решение фонда")
        self.counts["written off"] += 1

    def refund_came(self, other: str, paid: Paid, day: date) -> None:
        """A refund of another fund, as the bank states it."""
        account, theirs = account_of(f"fund:{self.code}"), account_of(f"territory:{other}")
        purpose = f"Возмещение по счёту {paid.bill}"
        one = Moved(paid.number, paid.day, day, paid.amount_kop, (theirs, other), (account, self.code), purpose)
        self.load([one], day, f"refund-{paid.number}")
        self.counts["refunds came"] += 1

    # ---- what is owed back ------------------------------------------------------------------------------------------------

    def back_of(self, bill: str, side: str) -> int:
        """What is owed back of a bill by our books."""
        with Workspace.open(self.folder) as ws:
            return between_back.positions(ws, side)[bill].booked_kop

    def due_of(self, other: str, side: str) -> list[tuple[str, int]]:
        """Bills with another fund on which something is still to be refunded, by name."""
        with Workspace.open(self.folder) as ws:
            held = between_back.positions(ws, side)
        return [(bill, one.due_kop) for bill, one in sorted(held.items()) if one.territory == other and one.due_kop > 0]

    def order_return(self, bill: str, day: date, part: bool) -> list[Moved]:
        """Sends back what is owed of a bill of ours, or the half of it: the order, and what the bank made of it."""
        back = self.back_of(bill, "place")
        if back <= 0:
            return []
        with Workspace.writing(self.folder) as ws:
            done, orders = between_return.give_back(ws, bill, day, WHO, back // 2 if part and back > 1 else None)
            assert done.outcome == "sent", done.findings.select("rule", "params").rows()
            (path,) = bank.write(ws, orders, self.out / "orders" / f"return-{bill}-{day}")
        moved = carried_out(path, day)
        self.load(moved, day, f"return-{bill}")
        self.counts["returns sent"] += 1
        return moved

    def return_came(self, place: str, moved: list[Moved], bill: str, day: date) -> None:
        """A return of another fund, as the bank states it, with the purpose that the order has."""
        own, theirs = account_of(f"fund:{self.code}"), account_of(f"territory:{place}")
        rows = [
            Moved(one.number, one.ordered, day, one.amount_kop, (theirs, place), (own, self.code), one.purpose) for one in moved
        ]
        assert all(bill in one.purpose for one in rows), [one.purpose for one in rows]
        self.load(rows, day, f"back-{bill}")
        self.counts["returns came"] += 1

    def net(self, bill: str, against: str, amount: int, day: date) -> None:
        """Enters the set-off that both funds agreed on by letter."""
        with Workspace.writing(self.folder) as ws:
            done = between_return.net(ws, bill, against, day, WHO, "письмо о зачёте", amount)
        assert done.outcome == "booked", done.findings.select("rule", "params").rows()
        self.counts["set off"] += 1

    # ---- the home fund ----------------------------------------------------------------------------------------------------

    def answer(self, asked: str, rng: Random, day: date) -> Path:
        """A on a bill or a corrected part: control, what experts question by the draw, what is accepted in spite of control."""
        with Workspace.writing(self.folder) as ws:
            rows = between_store.items(ws, [asked])
            if asked.startswith("D"):
                waived = [key for key in rows.select("n_zap", "idcase").rows() if rng.random() < 0.5]
                questions = None
            else:
                waived, questions = [], self._questions(rows, rng)
            done = between_home.answer(ws, asked, day, WHO, waived, questions)
        self.found.update(done.findings["rule"])
        return self._handed(done)

    def _questions(self, rows: pl.DataFrame, rng: Random) -> pl.DataFrame | None:
        found = []
        for n_zap, idcase, asked in rows.select("n_zap", "idcase", "sump_kop").iter_rows():
            if rng.random() < 0.12 and asked > 0:
                code, s_tip = rng.choice(_QUESTIONS)
                amount = asked if rng.random() < 0.5 else rng.randrange(1, asked + 1)
                expert = "76000001" if s_tip >= 70 else None
                found.append((n_zap, idcase, amount, s_tip, code, expert, None))
        return pl.DataFrame(found, schema=home.QUESTIONS, orient="row") if found else None

    def pay(self, bill: str, day: date, part: bool) -> Paid | None:
        """Pays what is accepted of a bill, or the half of it; None where nothing is due."""
        with Workspace.writing(self.folder) as ws:
            due = between_home.refund_of(ws, bill).due_kop
            if due <= 0:
                self.counts["nothing to pay"] += 1
                return None
            done = between_home.pay(ws, bill, day, WHO, due // 2 if part and due > 1 else None)
        assert done.outcome == "booked", done.findings.rows()
        self.numbers += 1
        self.counts["refunds paid"] += 1
        return Paid(f"{self.code}{self.numbers:05d}", bill, done.amount_kop, day)

    def draw_yearly(self, day: date, again: set[str]) -> list[Path]:
        """The yearly acts with every other fund are drawn up (Rules 149); those of our own bills travel to it as files.

        again  other funds with which the act was sent and did not agree: it gives way to a new one
        """
        with Workspace.writing(self.folder) as ws:
            acts = [act for act in act_book.of_year(ws, day.year, day) if act.kind == "149" and act.party == f"fund:{self.code}"]
            ours = {act.other.partition(":")[2]: act for act in acts}
            mine = {other: act.number for other, act in ours.items() if not again or other in again}
            wanted = [ours[other] for other in sorted(mine)]
            done = act_book.draw(ws, wanted, day, WHO, "сверка повторяется" if again else None)
            refused = [one for one in done if one.outcome == "refused"]
            assert not refused, [one.findings.select("rule", "params").rows() for one in refused]
            states = {number: act_store.require(ws, number) for number in mine.values()}
            act_book.move(ws, [n for n, row in states.items() if row["state"] == "drawn"], "sent", day, day, WHO)
            bodies = {other: (number, act_store.body(ws, states[number]["act"])) for other, number in mine.items()}
        paths = []
        for other, (number, body) in sorted(bodies.items()):
            path = self.out / other / f"{number}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            paths.append(path)
        return paths

    def answer_yearly(self, path: Path, day: date) -> int:
        """Another fund's yearly act against our own: nothing differs, then ours is sent back signed. Returns what differs."""
        with Workspace.writing(self.folder) as ws:
            acts = [act for act in act_book.of_year(ws, day.year, day) if act.kind == "149"]
            act_book.draw(ws, acts, day, WHO, "сверка повторяется")
            ours, _, compared = act_book.compare(ws, path.read_bytes(), path.name)
            if ours is None or compared.findings.height:
                return max(1, compared.disagreements.height)
            for event in ("sent", "signed"):
                (done,) = act_book.move(ws, [ours.number], event, day, day, WHO)
                assert done.outcome == "done", done.findings.select("rule", "params").rows()
        return 0

    def sign_yearly(self, number: str, day: date) -> None:
        """The other fund sent our act back signed."""
        with Workspace.writing(self.folder) as ws:
            (done,) = act_book.move(ws, [number], "signed", day, day, WHO)
        assert done.outcome == "done", done.findings.select("rule", "params").rows()

    def acts_of_year(self) -> dict[str, tuple[str, dict[str, int]]]:
        """Our yearly acts: number -> (state, lines)."""
        with Workspace.open(self.folder) as ws:
            rows = act_store.register(ws).filter((pl.col("kind") == "149") & (pl.col("state") != "void"))
            found = {}
            for row in rows.iter_rows(named=True):
                act = act_files.read_act(act_store.body(ws, row["act"])).act
                assert act is not None
                found[str(row["number"])] = (str(row["state"]), dict(act.lines))
        return found

    def bills(self, side: str) -> pl.DataFrame:
        """Sums of every bill of one side by its items: presented = accepted + conceded + refused + open is asserted."""
        with Workspace.open(self.folder) as ws:
            return items.totals(between.states(ws, date(2023, 12, 1), side))

    # ---- what the books say -----------------------------------------------------------------------------------------------

    def balances(self) -> dict[str, int]:
        """Account -> kopecks."""
        with Workspace.open(self.folder) as ws:
            return dict(journal.balances(ws).iter_rows())
