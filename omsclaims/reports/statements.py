"""How does the fund stand? Cash and accrual, debts, savings, reserves, receivables by age, forecast: figures from the journal.

Every function is pure: rows of the journal (contract `journal`) and what the other rooms derived come in, tables of kopecks go
out. All amounts are net: what a posting the other way round undid is taken off. Amounts of a period are those of its days;
balances are those at the end of a day. Nothing here names a person (Rules 121, 132-134, 182-188, 192-194; law.md 4, 10-14).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims.law import Parameters
from omsclaims.money import round_ratio
from omsclaims.periods import Month, Partition
from omsclaims.settlement import ledger as books
from omsclaims.settlement import month_books
from omsclaims.settlement.between.terms import age_bounds
from omsclaims.settlement.expertise.deductions import superseded
from omsclaims.settlement.financing import NOWHERE, count_on

#: Accounts on which a party holds money.
CASH: Final[dict[str, tuple[str, ...]]] = {
    "fund": ("money", "nsz"), "insurer": ("payment_reserve", "spare_reserve", "preventive_reserve", "own_money"),
    "clinic": ("money",),
}  # fmt: skip
#: What payers owe clinics and each other, as it stands in the books of the payer or fund: kind of debt -> purposes.
DEBTS: Final[dict[str, tuple[str, ...]]] = {
    "care": ("care",), "advance": ("advance", "excess"), "fine": ("fine",), "entrusted": ("entrusted",),
    "refund": ("refund",), "refund_disputed": ("refund_disputed",), "refund_due": ("refund_due",),
    "refund_due_disputed": ("refund_due_disputed",), "refund_back": ("refund_back",), "refund_back_due": ("refund_back_due",),
}  # fmt: skip
#: Kind of control -> events that withhold and events that give back, on the account of care of the payer.
CONTROL: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "mek": (("withheld_mek",), ()),
    "mee": (("withheld_mee", "fine_in_mee"), ("returned_mee", "fine_out_mee")),
    "ekmp": (("withheld_ekmp", "fine_in_ekmp"), ("returned_ekmp", "fine_out_ekmp")),
}  # fmt: skip
_TRANSFERS: Final = ("advance", "final_payment", "excess_returned")
_PAYER: Final = r"^(fund|insurer):"


def sides(journal: pl.DataFrame) -> pl.DataFrame:
    """Both sides of every posting: date, month, rule, account, party, purpose, other, contra (the other account), kop (debit
    above zero)."""
    parts = [
        journal.select("date", "month", "rule", account=account, contra=contra, kop=pl.col("amount_kop") * sign)
        for account, contra, sign in (("debit", "credit", 1), ("credit", "debit", -1))
    ]  # fmt: skip
    split = pl.col("account").str.split("/")
    return pl.concat(parts).with_columns(
        party=split.list.get(0), purpose=split.list.get(1), other=split.list.get(2, null_on_oob=True)
    )


def _cash(account: str = "account") -> pl.Expr:
    split = pl.col(account).str.split("/")
    kind = split.list.get(0).str.split(":").list.get(0)
    held = pl.lit(value=False)
    for of, purposes in CASH.items():
        held = held | ((kind == of) & split.list.get(1).is_in(list(purposes)) & (split.list.len() == 2))
    return held


def cash(rows: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Money by party: party, start_kop, in_kop, out_kop, end_kop = start + in - out; sorted.

    rows  `sides` of all postings to the last day. What moves between accounts of one party is neither in nor out; what is taken
          back is taken off the side on which it was.
    """
    own = _with_direction(rows.filter(_cash() & (pl.col("date") <= last)))
    inside = pl.col("date") >= first
    within = _cash("contra") & (pl.col("contra").str.split("/").list.get(0) == pl.col("party"))
    came = pl.col("came")
    return (
        own.group_by("party")
        .agg(
            pl.col("kop").filter(~inside).sum().alias("start_kop"),
            pl.col("kop").filter(inside & ~within & came).sum().alias("in_kop"),
            pl.col("kop").filter(inside & ~within & ~came).sum().neg().alias("out_kop"),
            pl.col("kop").sum().alias("end_kop"),
        )
        .sort("party")
    )


def _with_direction(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `sides` with came: money came into the account, or what had come is taken back; otherwise the same of going out.

    Told by the line of the posting rule: that a posting names another one says nothing, for that one may undo a third.
    """
    keys = ["rule", "account", "contra", "debited"]
    held = rows.with_columns(debited=pl.col("kop") > 0)
    kinds = held.select(keys).unique()
    came = [
        debited != _takes_back(rule, *((account, contra) if debited else (contra, account)))
        for rule, account, contra, debited in kinds.iter_rows()
    ]
    return held.join(kinds.with_columns(came=pl.Series(came, dtype=pl.Boolean)), on=keys).drop("debited")


def _takes_back(rule: str, debit: str, credit: str) -> bool:
    found = books.posting_rules().get(rule)  # an event that the table does not know is said by `verify`
    return found is not None and found.is_turned(debit, credit)


def accrual(rows: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """What was billed and accepted, by payer and clinic: payer, clinic, billed_kop, mek_kop, mee_kop, ekmp_kop, accepted_kop =
    billed - the three, transferred_kop; sorted."""
    care = rows.filter(
        pl.col("purpose").is_in(["care", "advance", "excess"]) & pl.col("party").str.contains(_PAYER)
        & pl.col("other").str.starts_with("clinic:") & pl.col("date").is_between(first, last)
    )  # fmt: skip
    on_care = pl.col("purpose") == "care"

    def net(rules: Sequence[str]) -> pl.Expr:
        return pl.col("kop").filter(on_care & pl.col("rule").is_in(list(rules))).sum()

    withheld = [net([*taken, *back]).alias(f"{kind}_kop") for kind, (taken, back) in CONTROL.items()]
    paid = pl.col("kop").filter(pl.col("rule").is_in(list(_TRANSFERS))).sum().alias("transferred_kop")
    return (
        care.group_by(pl.col("party").alias("payer"), pl.col("other").alias("clinic"))
        .agg(net(["bill"]).neg().alias("billed_kop"), *withheld, paid)
        .with_columns(accepted_kop=pl.col("billed_kop") - pl.sum_horizontal(f"{kind}_kop" for kind in CONTROL))
        .filter(
            pl.any_horizontal(pl.col(name) != 0 for name in ("billed_kop", "mek_kop", "mee_kop", "ekmp_kop", "transferred_kop"))
        )
        .select("payer", "clinic", "billed_kop", "mek_kop", "mee_kop", "ekmp_kop", "accepted_kop", "transferred_kop")
        .sort("payer", "clinic")
    )


def debts(rows: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Debts at both ends of a period: kind, party, other, start_kop, end_kop (above zero: the other owes the party); sorted.

    Of each pair the books of the fund or of the payer are told, which mirror those of the other.
    """
    purposes = {purpose: kind for kind, names in DEBTS.items() for purpose in names}
    held = rows.filter(
        pl.col("purpose").is_in(list(purposes)) & pl.col("other").is_not_null() & (pl.col("date") <= last)
        & pl.col("party").str.contains(_PAYER) & ((pl.col("purpose") != "entrusted") | pl.col("party").str.starts_with("fund:"))
    )  # fmt: skip
    before = pl.col("date") < first
    return (
        held.group_by(pl.col("purpose").replace_strict(purposes).alias("kind"), "party", "other")
        .agg(pl.col("kop").filter(before).sum().alias("start_kop"), pl.col("kop").sum().alias("end_kop"))
        .filter((pl.col("start_kop") != 0) | (pl.col("end_kop") != 0))
        .sort(pl.col("kind").replace_strict({kind: place for place, kind in enumerate(DEBTS)}), "party", "other")
    )


def savings(rows: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """What control kept: kind (mek, mee, ekmp, fine), payer, withheld_kop, returned_kop, net_kop; in the order of kinds.

    A fine on an account of its own is `fine`; one that the contract withholds in the act is in the line of its kind.
    """
    held = rows.filter(
        pl.col("party").str.contains(_PAYER) & pl.col("other").str.starts_with("clinic:") & pl.col("date").is_between(first, last)
    )
    parts = []
    for kind, purpose, (taken, back) in (
        *((kind, "care", events) for kind, events in CONTROL.items()), ("fine", "fine", (("fine",), ("fine_returned",))),
    ):  # fmt: skip
        own = held.filter((pl.col("purpose") == purpose) & pl.col("rule").is_in([*taken, *back]))
        parts.append(
            own.group_by(pl.lit(kind).alias("kind"), pl.col("party").alias("payer"))
            .agg(
                pl.col("kop").filter(pl.col("rule").is_in(list(taken))).sum().alias("withheld_kop"),
                pl.col("kop").filter(pl.col("rule").is_in(list(back))).sum().neg().alias("returned_kop"),
                pl.col("kop").sum().alias("net_kop"),
            )
            .sort("payer")
        )
    return pl.concat(parts)


def reserves(
    journal: pl.DataFrame, months: Sequence[Month], contracts: pl.DataFrame, law: Parameters
) -> pl.DataFrame:  # fmt: skip
    """Reserves of insurers at the end of months against their limits (193-194): smo, month, paid_kop (since the contract year
    began), payment_kop, spare_kop, spare_limit_kop, preventive_kop, preventive_limit_kop; sorted by insurer and month.

    The limits are those of the closing (`settlement.month_books.limit_reserves`); null where no contract is in force.
    """
    names = sorted(
        {account.split("/")[0] for account in [*journal["debit"], *journal["credit"]] if account.startswith("insurer:")}
    )
    rows = []
    for of in months:
        until = journal.filter(pl.col("date") <= of.last)
        own = sides(until).filter(pl.col("purpose").is_in(list(books.POTS)) & pl.col("other").is_null())
        held = dict(own.group_by("account").agg(pl.col("kop").sum()).iter_rows())
        began = min([of.first, *(found.replace(day=1) for found in until.filter(pl.col("rule") != "opening")["date"].unique())])
        for party in names:
            smo = party.split(":")[1]
            found = month_books.reserve_limits(party, until, began, of.last, contracts, law)
            spare, preventive, paid = (
                (None, None, None) if found is None else (found.limits.spare_kop, found.limits.preventive_kop, found.paid_kop)
            )
            pots = [held.get(f"{party}/{pot}", 0) for pot in books.POTS]
            rows.append((smo, str(of), paid, pots[0], pots[1], spare, pots[2], preventive))
    schema = {"smo": pl.String, "month": pl.String} | dict.fromkeys(
        ("paid_kop", "payment_kop", "spare_kop", "spare_limit_kop", "preventive_kop", "preventive_limit_kop"), pl.Int64
    )
    return pl.DataFrame(rows, schema=schema, orient="row").sort("smo", "month")


def aging(moves: pl.DataFrame, on: date) -> pl.DataFrame:
    """What is owed between territories by age: side, territory, age_from, age_to (null: no end), bills, owed_kop; sorted.

    moves  columns of `settlement.between.reconcile.MOVES`, and side, territory. The age of a bill is counted in calendar days
           from its date; a bill paid above what is owed counts below zero, and is there, too.
    """
    sign = pl.when(pl.col("what") == "presented").then(pl.col("amount_kop")).otherwise(-pl.col("amount_kop"))
    owed = (
        moves.filter(pl.col("on") <= on)
        .group_by("side", "territory", "bill", "dschet")
        .agg(sign.sum().alias("owed_kop"))
        .filter(pl.col("owed_kop") != 0)
    )
    days = pl.max_horizontal((pl.lit(on) - pl.col("dschet")).dt.total_days(), pl.lit(0)).fill_null(0)
    begin, end = age_bounds(days)
    return (
        owed.with_columns(age_from=begin, age_to=end)
        .group_by("side", "territory", "age_from", "age_to")
        .agg(pl.len().cast(pl.Int64).alias("bills"), pl.col("owed_kop").sum())
        .sort(pl.col("side") != "place", "territory", "age_from")
    )


def open_bills(
    moves: pl.DataFrame, states: Mapping[str, pl.DataFrame], owed: Mapping[str, int], on: date
) -> dict[str, int]:  # fmt: skip
    """What is still expected of debts between territories, by side, in kopecks: what is accepted and not refunded, and of the
    rest the share that was accepted of what is decided (all of it where nothing is decided yet); halves up.

    states  side -> contract `between_states`, as known now;  owed: side -> debt in the journal, with bills not sent
    """
    found = {}
    for side, rows in states.items():
        accepted, lost = (
            int(rows.select(expression.sum()).item() or 0)
            for expression in (pl.col("accepted_kop"), pl.col("conceded_kop") + pl.col("refused_kop"))
        )
        there = moves.filter((pl.col("side") == side) & (pl.col("on") <= on))
        bills = there.filter(pl.col("what") == "presented")["bill"].unique()
        sure = int(rows.filter(pl.col("bill").is_in(bills.implode()))["accepted_kop"].sum())
        paid = int(there.filter((pl.col("what") == "refunded") & pl.col("bill").is_in(bills.implode()))["amount_kop"].sum())
        debt = max(0, owed.get(side, 0))
        certain = min(debt, max(0, sure - paid))
        decided = accepted + lost
        found[side] = certain + (round_ratio((debt - certain) * accepted, decided) if decided else debt - certain)
    return found


@dataclass(frozen=True, slots=True)
class Forecast:
    """НСЗ of the fund month by month: past months as they were, later ones as expected.

    months     month, kind (actual | forecast), in_kop, out_kop, refunds_kop (net), nsz_kop (at the end)
    expected   refunds that open bills are still to bring (place) and to cost (home), in the first month ahead
    """

    months: pl.DataFrame
    expected: dict[str, int]

    @property
    def year_end_kop(self) -> int:
        """The balance at the end of the last month."""
        return int(self.months["nsz_kop"][-1]) if self.months.height else 0


_REFUNDS: Final = ("territory_refund", "refund_paid", "territory_returned", "returned_of_territory")


def nsz_forecast(
    rows: pl.DataFrame, fund: str, on: date, expected: Mapping[str, int], closed: Collection[str]
) -> Forecast:  # fmt: skip
    """НСЗ to the end of the year: the mean of the closed months so far, and open bills at their acceptance rate (`open_bills`).

    rows    `sides`;  on: last day of the last full month
    closed  months that are closed, `2022-03`; others than those until `on` count for nothing

    A month that is not closed has events only, of a part of what it will have: it would pull the mean down. Refunds between
    territories are not part of the mean: those of open bills are expected once, in the month ahead, because their terms (25 and
    10 working days) end in it or soon after [own rule].
    """
    nsz = _with_direction(rows.filter(pl.col("account") == f"fund:{fund}/nsz"))
    refund = pl.col("rule").is_in(list(_REFUNDS))
    held = int(nsz.filter(pl.col("date") < date(on.year, 1, 1))["kop"].sum())
    table: list[tuple[str, str, int, int, int, int]] = []
    flows = []
    for number in range(1, on.month + 1):
        of = Month(on.year, number)
        own = nsz.filter(pl.col("date").is_between(of.first, of.last) & (pl.col("rule") != "opening"))
        opened = int(nsz.filter(pl.col("date").is_between(of.first, of.last) & (pl.col("rule") == "opening"))["kop"].sum())
        came = pl.col("came")
        into, out = (int(own.filter(~refund & side)["kop"].sum()) for side in (came, ~came))
        back = int(own.filter(refund)["kop"].sum())
        held += opened + into + out + back
        if str(of) in closed:
            flows.append((into, -out))
        table.append((str(of), "actual", into, -out, back, held))
    mean_in, mean_out = (round_ratio(sum(flow[side] for flow in flows), len(flows)) if flows else 0 for side in (0, 1))
    for number in range(on.month + 1, 13):
        back = expected.get("place", 0) - expected.get("home", 0) if number == on.month + 1 else 0
        held += mean_in - mean_out + back
        table.append((str(Month(on.year, number)), "forecast", mean_in, mean_out, back, held))
    schema = {"month": pl.String, "kind": pl.String} | dict.fromkeys(("in_kop", "out_kop", "refunds_kop", "nsz_kop"), pl.Int64)
    return Forecast(pl.DataFrame(table, schema=schema, orient="row"), dict(expected))


# ---- disclosure (chapter XIII) ----------------------------------------------------------------------------------------

#: Counts from 1 to this are not published: they could tell who it was [own rule; 187 forbids personal data].
SMALL: Final = 4


def suppress(counts: Sequence[int]) -> list[int | None]:
    """Counts as they may be published: None is hidden, and may be any number from 1 to `SMALL`.

    Which counts are hidden is no secret: exactly those of 1-4. So nothing else may depend on them, least of all the total, which
    is published as `total_of` what is shown. A larger count hidden with them would not help: the difference of total and shown
    counts, with this rule, would tell the small one.
    """
    return [None if 0 < count <= SMALL else count for count in counts]


def total_of(shown: Sequence[int | None]) -> tuple[int, int]:
    """The total of counts as they are published (`suppress`), from and to: between the smallest and largest that they may have.

    It follows from what is shown and says nothing more; where nothing is hidden both are the total.
    """
    known, hidden = sum(count for count in shown if count is not None), sum(count is None for count in shown)
    return known + hidden, known + hidden * SMALL


def insured(reg_insured: pl.DataFrame, on: date) -> pl.DataFrame:
    """Insured on a day by insurer and place: smo, place (null: not told), people; sorted.

    They are counted as for the standards (`financing.count_on`): each person once, with the policy that began last.
    """
    undivided = Partition(())  # sex and age tell nobody apart here
    rows = [
        (smo, None if place == NOWHERE else place, people)
        for (smo, place, _), people in count_on(reg_insured, undivided, on).items()
    ]
    schema = {"smo": pl.String, "place": pl.String, "people": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("smo", "place")


def clinics(cases: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Clinics that treated an insurer's people, with conditions and kinds of care: smo, mo, name, usl_ok, vidpom (codes, sorted).

    cases  smo, mo, usl_ok, vidpom of accepted cases: no counts are told
    """
    told = cases.drop_nulls(["smo", "mo"]).group_by("smo", "mo").agg(
        pl.col("usl_ok").drop_nulls().unique().sort(), pl.col("vidpom").drop_nulls().unique().sort()
    )  # fmt: skip
    return told.with_columns(name=pl.col("mo").replace_strict(dict(names), default=None, return_dtype=pl.String)).select(
        "smo", "mo", "name", "usl_ok", "vidpom"
    ).sort("smo", "mo")  # fmt: skip


#: Length of an insurer's code; that of a fund is two digits.
_INSURER: Final = 5


def violations(acts: pl.DataFrame, complaints: pl.DataFrame, on: date, months: Sequence[Month]) -> pl.DataFrame:
    """Violations found at requests of the insured and standing on a day: smo, code (F014), cases; sorted by insurer and code.

    acts        contract `expertise_acts`: a ground that an act names for a case
    complaints  month, package, n_zap, idcase: cases drawn for a complaint (`expertise_sample`, list complaint)
    on, months  acts until this day on cases billed in these months count: the day and months that the page names

    An act that another one reversed or changed until that day counts no more, as it takes no money any more (231n, law.md 10.6);
    the ground that a fund left in its place is told of the insurer whose act it changed.
    """
    key = ["month", "package", "n_zap", "idcase"]
    held = acts.filter((pl.col("date_act") <= on) & pl.col("month").is_in([str(of) for of in months]))
    asked = held.join(complaints.select(key).unique(), on=key, how="semi")
    found = set()
    for case, of_case in asked.group_by(key):
        rows = [{**row, "by": row["payer"]} for row in of_case.sort("settle_month", "date_act", "seq").to_dicts()]
        gone = superseded(rows)
        for row in rows:
            smo = _whose(row, rows)
            if row["code"] is not None and smo is not None and (row["by"], row["num_act"]) not in gone:
                found.add((smo, row["code"], *case))
    schema = {"smo": pl.String, "code": pl.String, "cases": pl.Int64}
    counted = Counter((smo, code) for smo, code, *_ in found)
    return pl.DataFrame([(*of, cases) for of, cases in counted.items()], schema=schema, orient="row").sort("smo", "code")


def _whose(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The insurer that made an act, or whose act of the case it changed, over any acts between; None: a fund's own."""
    numbers = {row["num_act"]}
    while len(row["by"]) != _INSURER:
        # Numbers of different makers may be the same: the insurer's act is the one that a fund's act is about.
        before = sorted((one for one in rows if one["num_act"] == row["first_act"]), key=lambda one: len(one["by"]))
        if not before or (len(before[-1]["by"]) != _INSURER and row["first_act"] in numbers):
            return None
        row = before[-1]
        numbers.add(row["num_act"])
    return str(row["by"])


def suppressed(table: pl.DataFrame, count: str) -> pl.DataFrame:
    """`table` with the counts of each insurer as they may be published (`suppress`): null is hidden. Sorted as it came."""
    parts = [table.clear()]
    for _, rows in table.group_by("smo", maintain_order=True):
        parts.append(rows.with_columns(pl.Series(count, suppress(rows[count].to_list()), dtype=pl.Int64)))
    return pl.concat(parts)
