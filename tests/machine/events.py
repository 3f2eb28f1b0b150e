"""What can happen to the two funds? Lawful and unlawful events, drawn at random; an unlawful one must leave everything as it was.

Every function takes the world and a source of chance and says what it did, or None when there is nothing to do it with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any, Final

import polars as pl

from omsclaims import contract, journal
from omsclaims.ledger_rows import rows_digest
from omsclaims.periods import Month
from omsclaims.registry.bank_file import LINES
from omsclaims.settlement import bank, ledger, month_books
from omsclaims.settlement.acts import act_121, act_132
from omsclaims.settlement.between import back, book, home, items, place
from omsclaims.settlement.between.reading import FileRead
from omsclaims.settlement.expertise.deductions import Taken
from omsclaims.settlement.payments import ANYONE, Billed, Pair, resubmit_by
from tests.machine.world import (
    CLINICS,
    HOME,
    INSURER,
    LAST_DAY,
    LAW,
    OF_CASH,
    OKATO,
    PLACE,
    Figures,
    Item,
    Side,
    World,
    file_row,
    told,
)  # fmt: skip

Event = Callable[[World, Random], str | None]


# ---- months ----------------------------------------------------------------------------------------------------------------


def time_passes(world: World, rng: Random) -> str | None:
    """Some days, or some weeks: terms run out, months end."""
    world.day = min(LAST_DAY, world.day + timedelta(days=rng.choice((1, 3, 10, 31, 45))))
    return "time passed"


def close_month(world: World, rng: Random) -> str | None:
    """The place fund closes its next month: bills, control, expertise, advances, guests, bills presented again."""
    of = journal.open_month(world.place.books.workspace)
    if world.day <= of.last:
        return None
    return _closed(world, rng, of, "month closed")


def replace_month(world: World, rng: Random) -> str | None:
    """The last closed month again, with other figures; refused where its bill was sent or an event of it was corrected."""
    side = world.place
    of = journal.open_month(side.books.workspace).plus(-1)
    if str(of) not in world.months or str(of) in world.bills or journal.corrected_later(side.books.workspace, of):
        return None
    return _closed(world, rng, of, "month replaced")


def close_again(world: World, rng: Random) -> str | None:
    """The last closed month again with the same figures: nothing is written."""
    of = journal.open_month(world.place.books.workspace).plus(-1)
    if str(of) not in world.months or journal.corrected_later(world.place.books.workspace, of):
        return None
    size = world.place.books.size()[:2]
    _command_close(world, of, world.months[str(of)])
    assert world.place.books.size()[:2] == size, "closing again wrote postings"
    return "month closed again"


def _closed(world: World, rng: Random, of: Month, said: str) -> str:
    made = _figures(world, rng, of)

    def what() -> str:
        _command_close(world, of, made)
        world.months[str(of)] = made
        return said

    return world.command(world.place, what, rng)


def _figures(world: World, rng: Random, of: Month) -> Figures:
    """What the clinics and control say of a month."""
    before = world.months.get(str(of))
    for number in before.refused if before is not None else ():  # what the month is replaced with knows nothing of them
        if not any(number in one.again for one in world.months.values()):
            del world.sums[number], world.received[number]
    used = {n for month, one in world.months.items() if month != str(of) for n, in_time in one.again.items() if in_time}
    again = {}
    for number, day in sorted(world.received.items()):
        if f"{day:%Y-%m}" < str(of) and number not in used and rng.random() < 0.5:
            again[number] = of.last <= resubmit_by(day, LAW)
    refused = [world.next() for _ in range(rng.randrange(3))]
    for number in refused:
        world.sums[number], world.received[number] = rng.randrange(1, 500_000), of.last
    billed = {}
    for at, mo in enumerate(CLINICS):
        own = rng.randrange(0, 3_000_000)
        extra = sum(world.sums[number] for number in (*refused, *again) if number % len(CLINICS) == at)
        lost = sum(world.sums[n] for n in (*refused, *(m for m, ok in again.items() if not ok)) if n % len(CLINICS) == at)
        billed[Pair(INSURER, mo)] = Billed(2, 1, own + extra, rng.randrange(0, own + 1) + lost)
    guests = [(sumv, rng.choice((0, 0, sumv // 3))) for sumv in (rng.randrange(100, 900_000) for _ in range(rng.randrange(1, 5)))]
    total = sum(sumv for sumv, _ in guests)
    billed[Pair(PLACE, CLINICS[0])] = Billed(len(guests), 0, total, sum(own for _, own in guests))
    pairs = [Pair(INSURER, mo) for mo in CLINICS]
    asked = [(pair, rng.randrange(0, 2_500_000)) for pair in pairs if rng.random() < 0.7]
    expertise = {pair: rng.randrange(-20_000, 200_000) for pair in pairs if rng.random() < 0.4}
    fines = {pair: rng.randrange(0, 30_000) for pair in pairs if rng.random() < 0.3}
    return Figures(billed, guests, asked, expertise, fines, again, refused)


def _command_close(world: World, of: Month, made: Figures) -> None:
    """A closing as `settle` and `closing` do it, from figures in the place of cases."""
    side = world.place
    ws = side.books.workspace
    opening = dict(journal.balances(ws, on=of.first - timedelta(days=1)).iter_rows())
    month = ledger.Ledger(of, opening)
    events = journal.month_events(ws, of)
    month.take(events)
    mode = side.books.payments()
    assert mode in ("planned", "actual")
    work = month_books.MonthBooks(
        of,
        PLACE,
        LAW,
        "actual" if mode == "actual" else "planned",
        False,
        month,
        events,
        contract.TABLES["reg_contract"].empty(),
        [],
    )
    month.post("budget_money", 9_000_000, work.document("budget"), fund=work.fund)
    month.post("nsz_set_aside", 3_000_000, work.document("nsz"), fund=work.fund)
    month_books.money_to_insurers(work, [(INSURER, 6_000_000, 60_000)], {}, {INSURER: 100_000})
    taken = {pair: Taken() for pair in sorted({*made.expertise, *made.fines})}
    billed = dict(made.billed)
    for pair, amount in made.expertise.items():
        (taken[pair].withheld if amount >= 0 else taken[pair].returned)["mee"] = abs(amount)
        one = billed[pair]
        billed[pair] = Billed(one.cases, one.refused_cases, one.billed_kop, one.withheld_kop, amount)
    for pair, amount in made.fines.items():
        taken[pair].fines["mee"] = amount
    schema = contract.TABLES["reg_advance"].schema()
    asked = [{"month": str(of), "payer": p.payer, "mo": p.mo, "amount_kop": kop, "excepted": False} for p, kop in made.asked]
    month_books.pay_clinics(work, billed, pl.DataFrame(asked, schema=schema), taken, ANYONE)
    month_books.split_savings(work, taken)
    month_books.limit_reserves(work, None)
    presented = sum(sumv - own for sumv, own in made.guests)
    month.post(
        "territory_bill", presented, work.document("territory-bill", HOME), fund=work.fund, territory=ledger.territory(HOME)
    )
    postings = month.postings()
    moved = pl.concat([postings, events.select(postings.columns)])
    balances = ledger.balances_of(opening, moved)
    act_121(opening, moved, balances, PLACE)  # they assert their equations, from both sides
    act_132(opening, moved, balances, PLACE)
    _assert_no_more_paid_than_due(opening, events, postings, billed)
    digest = rows_digest(postings["posting_id"])
    side.books.store_run(str(of), digest)
    journal.close_month(ws, of, postings, digest, world.day, "machine", "drawn")
    side.books.record("close", world.day, "machine", None, {"month": str(of)})
    assert journal.balances(ws, on=of.last).equals(balances), "the books of the month are not those of the journal"


def _assert_no_more_paid_than_due(
    opening: dict[str, int], events: pl.DataFrame, postings: pl.DataFrame, billed: dict[Pair, Billed]
) -> None:
    """A final payment of the closing is at most debt + accepted - advances - excess, counted here from the balances alone."""
    for pair, one in billed.items():
        payer = f"fund:{PLACE}" if pair.payer == PLACE else f"insurer:{pair.payer}"
        accounts = [f"{payer}/{purpose}/clinic:{pair.mo}" for purpose in ("care", "advance", "excess")]
        advance, final = (
            int(postings.filter((pl.col("rule") == rule) & pl.col("debit").is_in(accounts))["amount_kop"].sum())
            for rule in ("advance", "final_payment")
        )
        had = sum(opening.get(account, 0) for account in accounts) + advance
        for debit, credit, amount in events.select("debit", "credit", "amount_kop").iter_rows():
            had += amount * ((debit in accounts) - (credit in accounts))
        accepted = one.billed_kop - one.withheld_kop - one.mee_kop
        assert final <= max(0, accepted - had), f"{pair}: {final} paid, {accepted - had} was due"


# ---- bills between the funds -----------------------------------------------------------------------------------------------


def send_bill(world: World, rng: Random) -> str | None:
    """R of a closed month goes out."""
    waiting = [month for month in sorted(world.months) if month not in world.bills]
    if not waiting:
        return None
    month = waiting[0]
    made = world.months[month]
    name = f"R{PLACE}{HOME}22{world.next():04d}"

    def what() -> str:
        rows = told(name, [(n, sumv, own, sumv - own, 0, None, None) for n, (sumv, own) in enumerate(made.guests, 1)])
        world.place.files.append(file_row("place", "out", name, "R", world.day, None, nschet=f"n-{name}", sent_on=world.day))
        world.place.items[name] = rows
        world.place.account[name] = {n: Item(sumv - own) for n, (sumv, own) in enumerate(made.guests, 1)}
        world.way.append(("home", name, rows))
        world.bills[month] = name
        world.touched.add(("place", name))
        return "bill sent"

    return world.command(world.place, what, rng)


def arrive(world: World, rng: Random) -> str | None:
    """A file that is under way arrives; not always the one that was sent first."""
    if not world.way:
        return None
    to, name, rows = rng.choice(world.way)
    side = world.home if to == "home" else world.place
    about = next(row["about"] for one in (world.place, world.home) for row in one.files if row["file_name"] == name)
    if about is not None and about not in {row["file_name"] for row in side.files}:
        return None  # what it speaks of has not come yet: the other fund would refuse it and send it again
    kind = name[0]

    def what() -> str:
        world.way = [one for one in world.way if one[1] != name]
        return {"R": _take_bill, "D": _take_corrected, "A": _take_answer}[kind](world, name, rows, rng)

    return world.command(side, what, rng)


def _take_bill(world: World, name: str, rows: pl.DataFrame, rng: Random) -> str:
    side = world.home
    side.files.append(file_row("home", "in", name, "R", world.day, None, nschet=f"n-{name}", received_on=world.day))
    side.items[name] = rows
    side.account[name] = {n: Item(sump) for n, sump in rows.select("n_zap", "sump_kop").iter_rows()}
    events = home.money_events({"bill": int(rows["sump_kop"].sum())}, HOME, PLACE, name, world.day, world.day)
    world.booked(side, events, name, rng)
    world.touched.add((side.name, name))
    return "bill taken"


def _events_with_back(
    world: World, side: Side, bill: str, events: pl.DataFrame, document: str, after: pl.DataFrame
) -> pl.DataFrame:
    """Events of a file, and the debt back that it leaves. What the engine recognises is held against the second account.

    after  states of the items once the file is in; the second account (`side.account`) must have it already
    """
    moved = back.money(journal.entries(side.books.workspace, f"{side.fund}/refund"), side.name, side.fund)
    now = back.positions(after, {bill: side.other}, moved)[bill]
    made = back.recognised(now, side.name, side.own, document, world.day, world.day)
    _cash(side, made)
    return pl.concat([events, made])


def _cash(side: Side, events: pl.DataFrame) -> None:
    """Takes events into the second account of what moved; what is recognised as owed back must be what it has itself."""
    for event, document, amount in events.select("event", "document", "amount_kop").iter_rows():
        if event not in OF_CASH:
            continue
        bill = document.split("/")[0]
        side.moved(event, document, amount)
        inside = OF_CASH[event] == "netted" and document.split("/")[2] == bill
        if OF_CASH[event] == "posted" or inside:
            one = side.of(bill)
            assert one.back == max(0, one.settled - side.owed(bill)), (side.name, bill, one, side.owed(bill))


def _take_corrected(world: World, name: str, rows: pl.DataFrame, rng: Random) -> str:
    side = world.home
    bill = next(row["about"] for row in world.place.files if row["file_name"] == name)
    before = side.states(bill)
    wrong = items.illegal(side.items[bill], before, rows, "corrected")
    assert wrong.is_empty(), wrong.row(0, named=True)
    after = items.step(before, rows, "corrected")
    _correct(side, bill, rows)
    events = home.money_events(items.moved(before, after), HOME, PLACE, name, world.day, world.day)
    world.booked(side, _events_with_back(world, side, bill, events, name, after), name, rng)
    side.files.append(file_row("home", "in", name, "D", world.day, bill, nschet=f"n-{name}", received_on=world.day))
    side.items[name] = rows
    world.touched.add((side.name, bill))
    return "corrected part taken"


def _correct(side: Side, bill: str, rows: pl.DataFrame) -> None:
    for number, left in rows.select("n_zap", "sump_kop").iter_rows():
        item = side.account[bill][number]
        item.correct(item.presented - left)


def answer(world: World, rng: Random) -> str | None:
    """The home fund answers a part of a bill or of a corrected part, or all of it: some items questioned, some refused."""
    side = world.home
    open_items = [
        (name, about, [n for n, one in _asked(side, name, kind).items() if _answerable(side, name, kind, n)])
        for name, kind, about in ((row["file_name"], row["kind"], row["about"]) for row in side.files)
        if kind in "RD"
    ]
    open_items = [one for one in open_items if one[2]]
    if not open_items:
        return None
    asked, about, numbers = rng.choice(open_items)
    bill = about or asked
    chosen = numbers if rng.random() < 0.6 else sorted(rng.sample(numbers, rng.randrange(1, len(numbers) + 1)))
    stage: items.Stage = "answer" if about is None else "final"
    name = f"A{HOME}{PLACE}22{world.next():04d}"
    rows = told(name, [_decided(side, bill, stage, n, rng) for n in chosen])

    def what() -> str:
        before = side.states(bill)
        wrong = items.illegal(side.items[asked], before, rows, stage)
        assert wrong.is_empty(), wrong.row(0, named=True)
        after = items.step(before, rows, stage)
        _answer(side, bill, rows, stage)
        events = home.money_events(items.moved(before, after), HOME, PLACE, name, world.day, world.day)
        world.booked(side, _events_with_back(world, side, bill, events, name, after), name, rng)
        side.files.append(file_row("home", "out", name, "A", world.day, asked, nschet=f"n-{asked}", sent_on=world.day))
        side.items[name] = rows
        world.way.append(("place", name, rows))
        world.touched.add((side.name, bill))
        return "final answer sent" if stage == "final" else "answer sent"

    return world.command(side, what, rng)


def _asked(side: Side, name: str, kind: str) -> dict[int, int]:
    rows = side.items[name]
    return dict(rows.select("n_zap", "sump_kop").iter_rows())


def _answerable(side: Side, name: str, kind: str, number: int) -> bool:
    row = next(one for one in side.files if one["file_name"] == name)
    item = side.account[row["about"] or name][number]
    return item.state == "presented" if kind == "R" else item.state == "presented_again"


def _decided(
    side: Side, bill: str, stage: items.Stage, number: int, rng: Random
) -> tuple[int, int, int, int, int, int, int | None]:
    """What the home fund says of an item: number, SUMV, 0, SUMP, taken, OPLATA, S_IST."""
    item = side.account[bill][number]
    sumv = dict(side.items[bill].select("n_zap", "sumv_kop").iter_rows())[number]
    taken = rng.choice((0, 0, item.open, rng.randrange(0, item.open + 1)))
    asked = item.presented if stage == "answer" else item.presented - item.conceded
    left = asked - taken
    return number, sumv, 0, left, taken, 1 if taken == 0 else 2 if left == 0 else 3, items.SOURCE[stage] if taken else None


def _answer(side: Side, bill: str, rows: pl.DataFrame, stage: items.Stage) -> None:
    for number, taken in rows.select("n_zap", "sank_it_kop").iter_rows():
        item = side.account[bill][number]
        if stage == "answer":
            item.answer(taken)
        else:
            item.end(taken)


def _read(world: World, name: str, rows: pl.DataFrame, asked: str, **changes: object) -> FileRead:
    """File A as the reader gives it to the place fund."""
    row = next((one for one in world.place.files if one["file_name"] == asked), None)
    header: dict[str, Any] = {
        "sender": HOME, "receiver": PLACE, "okato_oms": OKATO[HOME], "nschet": f"n-{asked}",
        "dschet": row["dschet"] if row else world.day, "summav": int(rows["sumv_kop"].sum()), "summap": int(rows["sump_kop"].sum()),
    } | changes  # fmt: skip
    stated = rows.select("n_zap", "idcase", pl.when(pl.col("sank_it_kop") > 0).then("sank_it_kop").alias("sank_it_kop"))
    return FileRead(
        file_name=name, kind="A", version="A_3.1", c_okato1=None, year=2022, month=1, data=world.day, header={},
        controls={"mek": int(rows["sank_it_kop"].sum()), "mee": 0, "ekmp": 0}, items=rows, stated=stated, **header,
    )  # fmt: skip


def _answered(world: World, read: FileRead) -> place.Answered:
    side = world.place
    asked = place.asked_of(read, side.table())
    kept = contract.TABLES["between_items"].empty() if asked is None else side.rows(asked["about"] or asked["file_name"])
    return place.take_answer(read, side.table(), kept, PLACE, OKATO, world.day, LAW)


def _take_answer(world: World, name: str, rows: pl.DataFrame, rng: Random) -> str:
    """An answer arrives, perhaps long after its term: it is taken all the same, and said to be late."""
    side = world.place
    asked = next(row["about"] for row in world.home.files if row["file_name"] == name)
    made = _answered(world, _read(world, name, rows, asked))
    assert not made.refused, made.findings.select("rule", "params").rows()
    assert made.about == asked and made.bill is not None
    stage: items.Stage = "answer" if asked[0] == "R" else "final"
    after = items.step(side.states(made.bill), made.items, stage)
    _answer(side, made.bill, rows, stage)
    world.booked(side, _events_with_back(world, side, made.bill, made.events, name, after), name, rng)
    side.files.append(file_row("place", "in", name, "A", world.day, asked, received_on=world.day, late=made.late))
    side.items[name] = made.items
    world.touched.add((side.name, made.bill))
    return ("late " if made.late else "") + ("final answer taken" if stage == "final" else "answer taken")


def bad_answer(world: World, rng: Random) -> str | None:
    """An answer that may not be: of a bill unknown, of items final, with wrong sums, source, territory. Nothing may change."""
    side = world.place
    bills = [row["file_name"] for row in side.files if row["kind"] in "RD"]
    if not bills:
        return None
    asked = rng.choice(bills)
    bill = book.bill_of(asked, side.table())
    stage: items.Stage = "answer" if asked == bill else "final"
    fault = rng.choice(("unknown bill", "unknown item", "sum", "source", "territory", "header", "moved", "too much"))
    numbers = sorted(side.items[asked]["n_zap"])
    moves = [n for n in numbers if side.account[bill][n].state == ("presented" if stage == "answer" else "presented_again")]
    if fault == "moved":
        numbers = [n for n in numbers if n not in moves]
        if not numbers:
            return None
    elif moves:
        numbers = moves
    elif fault != "unknown bill":
        fault = "moved"
    number = rng.choice(numbers)
    row: list[Any] = [*_decided(side, bill, stage, number, rng)]
    changes: dict[str, object] = {}
    if fault == "moved":  # an answer that takes something: of an item closed without money left a plain yes may be repeated
        item = side.account[bill][number]
        row[3], row[4], row[5], row[6] = max(0, item.presented - item.conceded - 1), 1, 3, items.SOURCE[stage]
    if fault == "unknown item":
        row[0] = 999
    elif fault == "sum":
        row[3] += 1
    elif fault == "source":
        row[4], row[3], row[5], row[6] = 1, row[3] + row[4] - 1, 3, items.SOURCE["final" if stage == "answer" else "answer"]
    elif fault == "too much":
        row[4] = side.account[bill][number].open + 1
        row[3], row[5], row[6] = row[1] - row[4], 3, items.SOURCE[stage]
    elif fault == "unknown bill":
        changes["nschet"] = "n-nowhere"
    elif fault == "territory":
        changes["okato_oms"] = OKATO[PLACE]
    name = f"A{HOME}{PLACE}22{world.next():04d}"
    frame = told(name, [tuple(row)])
    if fault == "header":
        changes["summap"] = int(frame["sump_kop"].sum()) + 1
    made = _answered(world, _read(world, name, frame, asked, **changes))
    assert made.refused and made.events.is_empty() and made.items.is_empty(), f"taken: {fault} {frame.rows()}"
    return f"answer refused: {fault}"


def correct(world: World, rng: Random) -> str | None:
    """D: what was questioned is examined; some is given up, some presented again, sometimes an accepted item is taken back."""
    side = world.place
    states = ("questioned", "accepted") if rng.random() < 0.5 else ("questioned",)
    able = [bill for bill, held in side.account.items() if any(one.state in states for one in held.values())]
    if not able:
        return None
    bill = rng.choice(able)
    held = side.account[bill]
    questioned = [n for n, one in held.items() if one.state == "questioned"]
    chosen = sorted(rng.sample(questioned, rng.randrange(1, len(questioned) + 1))) if questioned else []
    sanctions = []
    for number in chosen:
        amount = rng.choice((0, held[number].questioned, rng.randrange(0, held[number].presented + 1)))
        if amount:
            sanctions.append((number, amount))
    accepted = [n for n, one in held.items() if one.state == "accepted"]
    if accepted and (not chosen or rng.random() < 0.3):
        number = rng.choice(accepted)
        sanctions.append((number, rng.randrange(1, held[number].presented + 1)))
        chosen.append(number)
    rows = [
        {"n_zap": n, "idcase": 100 + n, "s_code": "1", "s_sum": amount, "s_tip": 30, "s_osn": 204, "sl_id": None, "date_act": world.day,
         "num_act": "1", "code_exp": None, "s_com": None} for n, amount in sanctions
    ]  # fmt: skip
    which = pl.DataFrame([(n, 100 + n) for n in sorted(chosen)], schema=["n_zap", "idcase"], orient="row")
    name = f"D{PLACE}{HOME}22{world.next():04d}"

    def what() -> str:
        before = side.states(bill)
        made, found = place.corrected(name, side.items[bill], before, pl.DataFrame(rows, schema=place.REFINED), which)
        assert found.is_empty() and made.height == len(chosen)
        after = items.step(before, made, "corrected")
        _correct(side, bill, made)
        events = place.money_events(items.moved(before, after), PLACE, HOME, name, world.day, world.day)
        world.booked(side, _events_with_back(world, side, bill, events, name, after), name, rng)
        side.files.append(file_row("place", "out", name, "D", world.day, bill, nschet=f"n-{name}", sent_on=world.day))
        side.items[name] = made
        world.way.append(("home", name, made))
        world.touched.add((side.name, bill))
        return "corrected part sent"

    return world.command(side, what, rng)


def bad_correct(world: World, rng: Random) -> str | None:
    """D of an item that was not refused, or is final: no file is made of it, and the other fund would not take one."""
    side = world.place
    closed = [(bill, n) for bill, held in side.account.items() for n, one in held.items() if one.done or one.state == "presented"]
    if not closed:
        return None
    bill, number = rng.choice(closed)
    name = f"D{PLACE}{HOME}22{world.next():04d}"
    which = pl.DataFrame([(number, 100 + number)], schema=["n_zap", "idcase"], orient="row")
    none = pl.DataFrame(schema=place.REFINED)
    made, found = place.corrected(name, side.items[bill], side.states(bill), none, which)
    assert made.is_empty() and found["rule"].to_list() == ["TB.11"]
    row = side.items[bill].filter(pl.col("n_zap") == number).row(0, named=True)
    forced = told(name, [(number, row["sumv_kop"], row["own_sank_kop"], row["sump_kop"], 0, None, None)])
    assert items.illegal(side.items[bill], side.states(bill), forced, "corrected")["rule"].to_list() == ["TB.11"]
    return "corrected part refused"


def paper(world: World, rng: Random) -> str | None:
    """The place fund gives up what is questioned without a D; or it writes off what was lost. D of the item must not be out."""
    side = world.place
    kind = rng.choice("CW")
    able = []
    for bill, held in side.account.items():
        states = ("questioned",) if kind == "C" else ("refused_finally", "conceded", "withdrawn")
        numbers = [n for n, one in held.items() if one.state in states and one.questioned + one.conceded + one.refused > 0]
        if numbers:
            able.append((bill, numbers))
    if not able or (kind == "C" and rng.random() < 0.7):
        return None
    bill, numbers = rng.choice(able)
    name = f"{kind}{bill[1:]}-{world.next()}"
    which = pl.DataFrame([(n, 100 + n) for n in numbers], schema=["n_zap", "idcase"], orient="row")

    def what() -> str:
        before = side.states(bill)
        made, found = place.paper(kind, name, side.items[bill], before, which)
        assert found.is_empty()
        moved = items.moved(before, items.step(before, made, "conceded" if kind == "C" else "written_off"))
        world.booked(side, place.money_events(moved, PLACE, HOME, name, world.day, world.day), name, rng)
        side.files.append(file_row("place", "out", name, kind, world.day, bill))
        side.items[name] = made
        for number in made["n_zap"]:
            item = side.account[bill][number]
            if kind == "C":
                item.concede()
                world.given_up.add((bill, number))
            else:
                world.written += item.conceded + item.refused
                item.state = "written_off"
                side.ended[bill, number] = item.amounts()
        world.touched.add((side.name, bill))
        return "given up" if kind == "C" else "written off"

    return world.command(side, what, rng)


# ---- money -----------------------------------------------------------------------------------------------------------------


def refund(world: World, rng: Random) -> str | None:
    """The home fund pays what it accepted of a bill, or a part of it."""
    side = world.home
    due = [(bill, side.due(bill)) for bill in side.account if side.due(bill) > 0]
    if not due:
        return None
    bill, owed = rng.choice(due)
    amount = rng.choice((owed, rng.randrange(1, owed + 1)))
    number = world.next()

    def what() -> str:
        document = f"{bill}/{number}"
        events = home.money_events({"refunded": amount}, HOME, PLACE, document, world.day, world.day)
        world.booked(side, events, document, rng)
        _cash(side, events)
        world.transfers.append((str(number), amount, bill))
        world.touched.add((side.name, bill))
        return "refund paid"

    return world.command(side, what, rng)


def give_back(world: World, rng: Random) -> str | None:
    """The place fund sends back what it owes of a bill, or a part of it; more, or what it does not owe, is refused."""
    side = world.place
    held = {bill: side.of(bill).back for bill in side.account if side.of(bill).back > 0}
    if not held:
        return None
    bill = rng.choice(sorted(held))
    known = side.positions()[bill]
    assert known.booked_kop == held[bill]
    wrong = back.return_problem(known, rng.choice((held[bill] + 1, 0, -1)))
    assert wrong is not None and wrong.rule == "TB.15"
    # What an answer under way will settle is not sent back: the other fund does not expect it.
    expected = world.home.of(bill).back - sum(amount for _, amount, of in world.returns if of == bill)
    most = min(held[bill], expected)
    if most <= 0:
        return None
    amount = rng.choice((most, rng.randrange(1, most + 1)))
    assert back.return_problem(known, amount) is None
    document = f"{bill}/return/{world.next()}"

    def what() -> str:
        events = back.table([back.event("returned", "place", PLACE, HOME, amount, document, world.day, world.day)])
        world.booked(side, events, document, rng)
        _cash(side, events)
        world.returns.append((document, amount, bill))
        world.touched.add((side.name, bill))
        return "refund sent back"

    return world.command(side, what, rng)


def return_comes(world: World, rng: Random) -> str | None:
    """The bank of the home fund states money that came back; above what is owed back it is refused, or without its bill."""
    side = world.home
    if not world.returns:
        return None
    document, amount, bill = rng.choice(world.returns)
    if side.of(bill).back < amount:
        return None  # a correction took it away
    accounts = {"payer_account": _AT_HOME[f"territory:{PLACE}"], "receiver_account": _AT_HOME[side.fund]}
    line = {
        "line": 1,
        "number": document.rpartition("/")[2],
        "date": world.day,
        "amount_kop": amount,
        "debited_on": world.day,
        **accounts,
    }
    known = {of: bank.OfBill(0, 0, max(0, one.booked_kop)) for of, one in side.positions().items()}
    balances = dict(journal.balances(side.books.workspace).iter_rows())

    def judged(**changes: object) -> bank.Matched:
        lines = pl.DataFrame([{**line, "purpose": f"возврат {bill}", **changes}], schema=LINES)
        none = contract.TABLES["payment_orders"].empty(), contract.TABLES["bank_lines"].empty()
        return bank.match(lines, "back", *none, balances, _HOME_BANK, world.day, known)

    if balances.get(f"{side.fund}/refund_back_due/territory:{PLACE}", 0) > 0:
        assert judged(amount_kop=side.of(bill).back + 1).findings["rule"].to_list() == ["PB.3"]
        assert judged(purpose="-").findings["rule"].to_list() == ["PB.20"]

    def what() -> str:
        made = judged()
        assert made.findings.is_empty(), made.findings.select("rule", "params").rows()
        world.booked(side, made.events, document, rng)
        _cash(side, made.events)
        world.returns = [one for one in world.returns if one[0] != document]
        world.touched.add((side.name, bill))
        return "return came"

    return world.command(side, what, rng)


def net(world: World, rng: Random) -> str | None:
    """Both funds set what is owed back of one bill off against another, of the day of their letter; more is refused."""
    both = (world.home, world.place)
    under_way = {bill: sum(amount for _, amount, of in world.returns if of == bill) for bill in world.home.account}
    owed = {bill: min(world.place.of(bill).back, world.home.of(bill).back - under_way[bill]) for bill in world.home.account}
    due = {bill: min(side.due(bill) for side in both) for bill in world.home.account}
    pairs = [(bill, of) for bill in due for of in owed if bill != of and due[bill] > 0 and owed[of] > 0]
    if not pairs:
        return None
    bill, of = rng.choice(sorted(pairs))
    most = min(due[bill], owed[of])
    amount = rng.choice((most, rng.randrange(1, most + 1)))
    document = f"{bill}/{back.NETTED}/{of}/{world.next()}"
    for side in both:
        known = side.positions()
        above = min(known[bill].due_kop, known[of].booked_kop) + 1
        for wrong, rule in (
            (back.net_problem(known[bill], known[of], above, same_role=True), "TB.16"),
            (back.net_problem(known[bill], known[bill], 1, same_role=True), "TB.17"),
            (back.net_problem(known[bill], known[of], 1, same_role=False), "TB.17"),
        ):
            assert wrong is not None and wrong.rule == rule
        assert back.net_problem(known[bill], known[of], amount, same_role=True) is None

        def what(side: Side = side) -> str:
            events = back.table([back.event("netted", side.name, side.own, side.other, amount, document, world.day, world.day)])
            world.booked(side, events, document, rng)
            _cash(side, events)
            world.touched.update({(side.name, bill), (side.name, of)})
            return f"set off by the {side.name} fund"

        world.command(side, what, rng)
    return "set off"


_ACCOUNTS: Final = {
    f"fund:{PLACE}": "40501810000000000001", f"territory:{HOME}": "40501810000000000038", f"insurer:{INSURER}": "40701810000000000901",
    **{f"clinic:{mo}": f"40603810000000{mo}" for mo in CLINICS},
}  # fmt: skip
_AT_HOME: Final = {f"fund:{HOME}": "40501810000000000138", f"territory:{PLACE}": "40501810000000000101"}
_HOME_BANK: Final = pl.DataFrame(
    [{"party": party, "name": party, "account": account} for party, account in _AT_HOME.items()],
    schema=contract.TABLES["reg_bank"].schema(),
)
_REG_BANK: Final = pl.DataFrame(
    [{"party": party, "name": party, "account": account} for party, account in _ACCOUNTS.items()],
    schema=contract.TABLES["reg_bank"].schema(),
)


def order(world: World, rng: Random) -> str | None:
    """Orders of what is owed to the clinics, where payments are made through the bank."""
    side = world.place
    if side.books.payments() != "actual":
        return None
    of = journal.open_month(side.books.workspace)

    def what() -> str:
        balances = dict(journal.balances(side.books.workspace).iter_rows())
        closed = max(side.books.closed_months(), default="")
        ages = bank.ages_of(journal.grown(side.books.workspace, "/care/clinic:", bank.PAID_BY))
        how = rng.choice(bank.SHORT)

        def wanted() -> list[bank.Due]:
            rest = bank.remaining(world.orders, world.lines)
            dues = bank.not_ordered(bank.finals_due(balances), str(of), world.orders, world.lines, closed)
            money = {due.payer: bank.money_of(due.payer, balances, world.orders, rest) for due in dues}
            afforded = bank.afford(dues, money, ages, str(of), lambda: how)
            for payer, one in money.items():
                ordered = sum(due.amount_kop for due in afforded.dues if due.payer == payer)
                assert ordered <= one.free_kop, "more is ordered than there is"
            return afforded.dues

        made = bank.orders_of(wanted(), str(of), world.day, world.orders)
        world.orders = pl.concat([world.orders, made])
        assert not wanted(), "what was ordered, or had no money, is ordered again"
        return "ordered" if made.height else "nothing to order"

    return world.command(side, what, rng)


def statement(world: World, rng: Random) -> str | None:
    """A statement of the bank: payments of orders, refunds that came; among them twice, to another party, too much, unknown."""
    side = world.place
    drawn = [one for one in (_drawn(world, rng) for _ in range(rng.randrange(1, 4))) if one is not None]
    drawn += [one for one in drawn if rng.random() < 0.2]  # the file states it twice
    if not drawn:
        return None
    rows = []
    for at, (number, payer, receiver, amount, day, bill) in enumerate(drawn):
        accounts = {"payer_account": _ACCOUNTS.get(payer, "4" * 20), "receiver_account": _ACCOUNTS.get(receiver, "4" * 20)}
        rows.append(
            {"line": at + 1, "number": number, "date": day, "amount_kop": amount, "debited_on": day, "purpose": bill, **accounts}
        )
    lines = pl.DataFrame(rows, schema=LINES)
    source = f"statement-{world.next()}"
    size = side.books.size()

    def what() -> str:
        balances = dict(journal.balances(side.books.workspace).iter_rows())
        known = side.positions()
        of_bills = _of_bills(side, known)
        made = bank.match(lines, source, world.orders, world.lines, balances, _REG_BANK, world.day, of_bills)
        _hold_debts(made, balances, world, of_bills)
        events = pl.concat([made.events, back.after_refunds(made.events, known, side.own)])
        _cash(side, made.events)
        _cash(side, events.slice(made.events.height))
        world.touched.update((side.name, document.split("/")[0]) for document in made.events["document"] if "/" in document)
        if made.events.height:
            booked = journal.book(side.books.workspace, events, source, world.day, "machine")
            assert booked.txn is not None, booked.findings.select("rule", "element", "value").rows()
        else:
            assert side.books.size()[0] == size[0]
        kept = made.lines.filter(pl.col("state") == bank.BOOKED)
        world.lines = pl.concat([world.lines, kept])
        came = set(kept.filter(pl.col("event") == "territory_refund")["number"])
        world.transfers = [one for one in world.transfers if one[0] not in came]
        now = dict(journal.balances(side.books.workspace).iter_rows())
        again = bank.match(lines, f"{source}-again", world.orders, world.lines, now, _REG_BANK, world.day, of_bills)
        assert again.known >= kept.height, "a payment that was booked is taken again"
        for rule in made.findings["rule"]:
            world.done[f"line refused: {rule}"] += 1
        return "statement booked" if kept.height else "statement refused"

    return world.command(side, what, rng)


def _of_bills(side: Side, known: dict[str, back.Position]) -> dict[str, bank.OfBill]:
    """What a statement must know of single bills; what D took off accepted items is counted here, item by item."""
    found = {}
    for bill, one in known.items():
        given_up = sum(item.withdrawn for item in side.account[bill].values())
        found[bill] = bank.OfBill(max(0, one.open_kop), one.late_kop(given_up), max(0, one.booked_kop))
    return found


def _drawn(world: World, rng: Random) -> tuple[str, str, str, int, object, str] | None:
    """A line: number, payer, receiver, kopecks, day, the bill that its purpose names."""
    kind = rng.choice(
        ("order", "order", "refund", "refund", "before", "wrong party", "too much", "unknown", "future", "excess refund")
    )
    open_orders = [row for row in world.orders.iter_rows(named=True) if row["state"] == bank.OPEN]
    if kind in ("refund", "excess refund"):
        if not world.transfers:
            return None
        number, amount, bill = rng.choice(world.transfers)
        if kind == "excess refund":
            return f"x{number}", f"territory:{HOME}", f"fund:{PLACE}", amount + 10**9, world.day, bill
        return number, f"territory:{HOME}", f"fund:{PLACE}", amount, world.day, bill
    if kind == "before":
        if world.lines.is_empty():
            return None
        row = world.lines.row(rng.randrange(world.lines.height), named=True)
        return row["number"], row["payer"], row["receiver"], row["amount_kop"], row["date"], "-"
    if not open_orders:
        return None
    one = rng.choice(open_orders)
    amount = rng.choice((one["amount_kop"], rng.randrange(1, one["amount_kop"] + 1)))
    receiver = one["receiver"]
    if kind == "wrong party":
        receiver = next(f"clinic:{mo}" for mo in CLINICS if f"clinic:{mo}" != receiver)
    day = world.day + timedelta(days=1) if kind == "future" else world.day
    payer = "nobody" if kind == "unknown" else one["payer"]
    return str(one["number"]), payer, receiver, one["amount_kop"] + 1 if kind == "too much" else amount, day, "-"


def _hold_debts(made: bank.Matched, balances: dict[str, int], world: World, of_bills: dict[str, bank.OfBill]) -> None:
    """What is booked goes to the party of its order, never above it, and never above what another fund owes, or owed when it paid:
    what was taken off a bill while its refund was under way may come."""
    booked = made.lines.filter(pl.col("state") == bank.BOOKED)
    of_order = {row["order_id"]: row for row in world.orders.iter_rows(named=True)}
    paid: dict[str, int] = {}
    for row in pl.concat([world.lines, booked]).iter_rows(named=True):
        if row["order_id"] is not None:
            one = of_order[row["order_id"]]
            assert (row["payer"], row["receiver"]) == (one["payer"], one["receiver"]), "paid to another party"
            paid[row["order_id"]] = paid.get(row["order_id"], 0) + row["amount_kop"]
            assert paid[row["order_id"]] <= one["amount_kop"], "an order was paid more than once"
    refunds = int(booked.filter(pl.col("event") == "territory_refund")["amount_kop"].sum())
    late = sum(one.late_kop for one in of_bills.values())
    assert refunds <= max(0, balances.get(f"fund:{PLACE}/refund/territory:{HOME}", 0)) + late, "more was refunded than is owed"


def correct_posting(world: World, rng: Random) -> str | None:
    """A posting is undone, whatever it was; undoing it twice is refused, undoing what the open month makes itself, too."""
    side = rng.choice((world.place, world.home))
    rows = side.books.dump()
    posting = rng.choice(rows)[0]

    def what() -> str:
        size = side.books.size()[0]
        made = journal.correct(side.books.workspace, posting, world.day, "machine", "drawn")
        if made.txn is None:
            assert side.books.size()[0] == size
            return f"correction refused: {made.findings['rule'][0]}"
        if made.txn.outcome == "already":
            return "correction known"
        written = {row[0]: row for row in side.books.dump()}
        for row in side.books.dump()[size:]:
            _, debit, credit, amount = row[0], *row[7:10]
            undone = written[row[11]]
            assert (undone[7], undone[8], undone[9]) == (credit, debit, amount), (
                "a correction is not the mirror of what it undoes"
            )
            if row[6] not in OF_CASH:
                side.off[debit] += amount
                side.off[credit] -= amount
            elif debit.startswith(f"{side.fund}/"):  # of the two lines of an event the one in its own books
                side.moved(row[6], row[4], -amount if _swapped(side, row[6], debit) else amount)
                side.undone.update(part for part in row[4].split("/") if part in side.account)
        return "posting corrected"

    return world.command(side, what, rng)


#: Purpose on the debit side when an event is booked as usual.
_USUAL: Final = {
    "territory_refund": "nsz", "refund_paid": "refund_due", "territory_owed_back": "refund", "owed_back_of_territory": "refund_back_due",
    "territory_netted": "refund_back", "netted_of_territory": "refund_due", "territory_returned": "refund_back",
    "returned_of_territory": "nsz",
}  # fmt: skip


def _swapped(side: Side, rule: str, debit: str) -> bool:
    """Whether a posting of a rule stands the other way round: it undoes one."""
    return debit.split("/")[1] != _USUAL[rule]


def bad_event(world: World, rng: Random) -> str | None:
    """An event that the books refuse: of no amount, below zero, of an unknown party, of tomorrow, of before the beginning."""
    side = rng.choice((world.place, world.home))
    usual = {
        "event": "territory_refund", "date": world.day, "document": f"bad-{world.next()}", "document_date": world.day, "amount_kop": 100,
        "parties": json.dumps({"fund": side.fund, "territory": f"territory:{side.other}"}), "order_id": None, "note": None,
    }  # fmt: skip
    fault, rule = rng.choice(
        (({"amount_kop": 0}, "LB.2"), ({"amount_kop": -5}, "LB.2"), ({"event": "no_such_event"}, "LB.1"),
         ({"date": world.day + timedelta(days=1)}, "LB.4"), ({"date": world.day.replace(year=2021)}, "LB.5"),
         ({"parties": json.dumps({"fund": side.fund, "territory": f"territory:{side.own}"})}, "LB.3"),
         ({"parties": json.dumps({"fund": "fund:99", "territory": f"territory:{side.other}"})}, "LB.3"), ({"event": "bill"}, "LB.10")),
    )  # fmt: skip
    size = side.books.size()
    schema = contract.TABLES["ledger_events"].schema()
    made = journal.book(side.books.workspace, pl.DataFrame([usual | fault], schema=schema), "bad", world.day, "machine")
    assert made.txn is None and rule in set(made.findings["rule"]), (rule, made.findings["rule"].to_list())
    assert side.books.size() == size
    return f"event refused: {rule}"


#: Event -> how often it is drawn.
EVENTS: Final[dict[Event, int]] = {
    time_passes: 3, close_month: 5, replace_month: 1, close_again: 1, send_bill: 6, arrive: 16, answer: 14, bad_answer: 2, correct: 12,
    bad_correct: 1, paper: 2, refund: 5, order: 2, statement: 6, correct_posting: 2, bad_event: 1, give_back: 6, return_comes: 8, net: 12,
}  # fmt: skip
_NO_COMMANDS: Final = (time_passes, bad_answer, bad_correct, bad_event, close_again)  # no command counts these


def step(world: World, rng: Random) -> str:
    """One event drawn by its weight among those that can happen now, then everything that must hold."""
    said = None
    while said is None:  # time can always pass
        (event,) = rng.choices(list(EVENTS), list(EVENTS.values()))
        said = event(world, rng)
        if said is not None and event in _NO_COMMANDS:
            world.done[said] += 1
    world.check(rng)
    return said
