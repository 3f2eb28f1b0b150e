"""How far is each item of a bill between territories? The state machine of Rules 141-145, as one pure function of the files.

An item is a completed case of a bill R. Two stages at most: the main part is answered (A, S_IST 2); what was questioned is
examined and presented again (D, S_IST 3) or given up; the corrected part is answered finally (A, S_IST 4). Nothing moves an item
after that. States are derived from the items of the files and never stored; both funds derive them by this module.

In every state, for each item and so for each bill and each pair of funds, in kopecks:

    presented = accepted + conceded + refused + open        open: not answered yet, or in dispute (questioned)
"""

from __future__ import annotations

from typing import Final, Literal

import polars as pl

from omsclaims import contract

#: What can happen to items, in the order in which `fold` reads it.
Stage = Literal["answer", "corrected", "conceded", "final", "written_off"]
STAGES: Final[tuple[Stage, ...]] = ("answer", "corrected", "conceded", "final", "written_off")

#: States in which something is still open, and those that no file moves any more.
OPEN: Final = ("presented", "questioned", "presented_again")
FINAL: Final = ("accepted", "accepted_finally", "refused_finally", "conceded", "withdrawn", "written_off")
#: Source of sanctions, S_IST, by what an item stands in (formats.md 12.1).
SOURCE: Final[dict[str, int]] = {"R": 1, "answer": 2, "corrected": 3, "final": 4}
#: Kinds of control, F006: of formats to 2018, from 2018, and of care from 25.05.2021 (formats.md 12.0).
CONTROLS: Final[dict[str, tuple[int, ...]]] = {
    "mek": (1, 10, 11, 12),
    "mee": (2, *range(20, 30), *range(50, 60)),
    "ekmp": (3, *range(30, 50), *range(70, 87)),
}

_KEY: Final = ["n_zap", "idcase"]
_AMOUNTS: Final = ("presented_kop", "accepted_kop", "questioned_kop", "conceded_kop", "refused_kop", "open_kop")
#: Columns of `illegal`: where, which finding, why, and the two sums that differ.
ILLEGAL: Final[dict[str, pl.DataType]] = {
    "n_zap": pl.Int64(), "idcase": pl.Int64(), "rule": pl.String(), "reason": pl.String(), "state": pl.String(),
    "ours_kop": pl.Int64(), "theirs_kop": pl.Int64(),
}  # fmt: skip


# ---- states -----------------------------------------------------------------------------------------------------------


def fold(
    bill: pl.DataFrame,
    answer: pl.DataFrame | None = None,
    corrected: pl.DataFrame | None = None,
    final: pl.DataFrame | None = None,
    conceded: pl.DataFrame | None = None,
    written_off: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """States of the items of one bill: contract `between_states`, sorted by N_ZAP and IDCASE, without terms (due null).

    bill         items of R. Of many bills at once where every table has a column `bill`, the R that its rows speak of: the
                 states come by bill then
    answer       items of every A on R, one below the other (an A may answer a part of the bill)
    corrected    items of every D; final: of every A on D
    conceded     papers C: the place fund gives up what is questioned without a D (Rules 143); written_off: papers W
    Only files that `illegal` has nothing against may be given: an illegal item breaks an invariant (AssertionError).
    """
    states = _presented(bill)
    given: dict[Stage, pl.DataFrame | None] = {
        "answer": answer, "corrected": corrected, "conceded": conceded, "final": final, "written_off": written_off,
    }  # fmt: skip
    for stage in STAGES:
        rows = given[stage]
        if rows is None or not rows.height:
            continue
        against = corrected if stage == "final" else bill
        wrong = illegal(bill if against is None else against, states, rows, stage)
        assert wrong.is_empty(), f"{stage} of {bill['file_name'].unique().sort().to_list()[:3]}: {wrong.row(0, named=True)}"
        states = step(states, rows, stage)
    assert_equations(states)
    return states


def _presented(bill: pl.DataFrame) -> pl.DataFrame:
    """All items as they are when R is sent."""
    zero = pl.lit(0, dtype=pl.Int64)
    table = bill.select(
        pl.col("file_name").alias("bill"), *_KEY, pl.lit("presented").alias("state"), pl.col("sump_kop").alias("presented_kop"),
        zero.alias("accepted_kop"), zero.alias("questioned_kop"), zero.alias("conceded_kop"), zero.alias("refused_kop"),
        pl.col("sump_kop").alias("open_kop"), pl.lit(None, dtype=pl.Date).alias("due"), pl.lit(value=False).alias("overdue"),
        pl.lit(None, dtype=pl.Date).alias("law_term"),
    )  # fmt: skip
    return contract.check("between_states", table.sort("bill", *_KEY))


def step(states: pl.DataFrame, rows: pl.DataFrame, stage: Stage) -> pl.DataFrame:
    """`states` after the items `rows` of one lawful file of the stage (`illegal` found nothing)."""
    key = _key(rows)
    told = rows.select(*key, pl.col("sump_kop").alias("_sump"), pl.col("sank_it_kop").alias("_sank"))
    table = states.join(told, on=key, how="left", maintain_order="left")
    told_of, amounts = _AFTER[stage]()
    touched = pl.col("_sank").is_not_null()
    return contract.check(
        "between_states",
        table.with_columns(
            pl.when(touched).then(told_of).otherwise("state").alias("state"),
            *(pl.when(touched).then(value).otherwise(name).alias(name) for name, value in amounts.items()),
        ),
    )


def _key(rows: pl.DataFrame) -> list[str]:
    """What names an item among `rows`: its numbers, and its bill where they are of many."""
    return ["bill", *_KEY] if "bill" in rows.columns else _KEY


_P, _X, _Y = pl.col("presented_kop"), pl.col("questioned_kop"), pl.col("conceded_kop")
_After = tuple[pl.Expr, dict[str, pl.Expr]]


def _after_answer() -> _After:
    """A on the main part: what it takes is in dispute, the rest is owed (Rules 142)."""
    taken = pl.col("_sank")
    state = pl.when(taken == 0).then(pl.lit("accepted")).otherwise(pl.lit("questioned"))
    return state, {"accepted_kop": _P - taken, "questioned_kop": taken, "open_kop": taken}


def _after_corrected() -> _After:
    """D: what it gives up is conceded; more than was questioned, or of an accepted item, comes off what was accepted (143)."""
    given_up = _P - pl.col("_sump")
    left = pl.max_horizontal(_X - given_up, pl.lit(0))
    from_accepted = pl.col("state") == "accepted"
    state = (
        pl.when(from_accepted)
        .then(pl.lit("withdrawn"))
        .when(left > 0)
        .then(pl.lit("presented_again"))
        .otherwise(pl.lit("conceded"))
    )
    return state, {"accepted_kop": _P - given_up - left, "questioned_kop": left, "conceded_kop": given_up, "open_kop": left}


def _after_conceded() -> _After:
    """C: all that is questioned is given up without a D (the term of 143 has passed, or the place fund agrees)."""
    zero = pl.lit(0, dtype=pl.Int64)
    return pl.lit("conceded"), {"accepted_kop": _P - _X, "questioned_kop": zero, "conceded_kop": _X, "open_kop": zero}


def _after_final() -> _After:
    """A on the corrected part: the rest is accepted or refused for good (Rules 144-145); nothing left of the item: no change."""
    zero, taken = pl.lit(0, dtype=pl.Int64), pl.col("_sank")
    again = pl.col("state") == "presented_again"
    state = (
        pl.when(again & (taken == 0))
        .then(pl.lit("accepted_finally"))
        .when(again)
        .then(pl.lit("refused_finally"))
        .otherwise("state")
    )
    return state, {
        "accepted_kop": _P - _Y - taken, "questioned_kop": zero, "refused_kop": taken, "open_kop": zero,
    }  # fmt: skip


def _after_written_off() -> _After:
    """W: the place fund has written off what it gave up or was refused."""
    return pl.lit("written_off"), {}


_AFTER: Final = {
    "answer": _after_answer, "corrected": _after_corrected, "conceded": _after_conceded, "final": _after_final,
    "written_off": _after_written_off,
}  # fmt: skip


# ---- what may not happen ----------------------------------------------------------------------------------------------


def illegal(
    against: pl.DataFrame, states: pl.DataFrame, rows: pl.DataFrame, stage: Stage, voluntary: bool = True
) -> pl.DataFrame:
    """What of a file may not happen to the items: columns `ILLEGAL`, the first reason of each item; empty: the file is lawful.

    against    items that the file speaks of: of R; for the final answer those of D
    voluntary  the place fund may take back an accepted item by D (accident, own expertise found later)
    Findings: TB.2 item unknown or with other SL_ID, TB.3 answered or final already, TB.4 sums, TB.7 source of sanctions,
    TB.11 correction of an item that was not questioned.
    """
    key = _key(rows)
    told = rows.with_columns((pl.struct(*key).is_duplicated()).alias("_twice"))
    known = against.select(*key, pl.col("sumv_kop").alias("_sumv"), pl.col("sl_ids").alias("_sl_ids"))
    unused = [name for name in ("bill", "due", "overdue", "law_term") if name not in key]
    view = told.join(known, on=key, how="left", maintain_order="left").join(
        states.drop(unused), on=key, how="left", maintain_order="left"
    )
    ladder: pl.Expr = pl.lit(None, dtype=pl.String)
    for condition, rule, reason in reversed(_conditions(stage, voluntary)):
        ladder = pl.when(condition.fill_null(value=True)).then(pl.lit(f"{rule} {reason}")).otherwise(ladder)
    ours = {"sumv": pl.col("_sumv"), "too_much": pl.col("open_kop")}
    found = view.with_columns(_found=ladder).filter(pl.col("_found").is_not_null()).with_columns(
        rule=pl.col("_found").str.split(" ").list.get(0), reason=pl.col("_found").str.split(" ").list.get(1),
    )  # fmt: skip
    expected = _P - _Y if stage == "final" else _P
    table = found.with_columns(
        pl.when(pl.col("reason") == "sumv").then(ours["sumv"]).when(pl.col("reason") == "too_much").then(ours["too_much"])
        .when(pl.col("reason") == "sum").then(expected - pl.col("sank_it_kop")).alias("ours_kop"),
        pl.when(pl.col("reason") == "sumv").then("sumv_kop").when(pl.col("reason") == "too_much").then("sank_it_kop")
        .when(pl.col("reason") == "sum").then("sump_kop").alias("theirs_kop"),
    )  # fmt: skip
    return table.select(pl.col(name).cast(kind) for name, kind in ILLEGAL.items()).sort(
        "n_zap", "idcase", "rule", nulls_last=False
    )


_Conditions = list[tuple[pl.Expr, str, str]]


def _conditions(stage: Stage, voluntary: bool) -> _Conditions:
    """(condition, finding, reason) in the order in which they are asked; null counts as true."""
    state, taken, left = pl.col("state"), pl.col("sank_it_kop"), pl.col("sump_kop")
    unknown: _Conditions = [(pl.col("_sumv").is_null() | state.is_null(), "TB.2", "unknown")]
    names = pl.col("sl_ids").is_not_null() & pl.col("_sl_ids").is_not_null()
    extra = pl.col("sl_ids").str.split(";").list.set_difference(pl.col("_sl_ids").str.split(";")).list.len() > 0
    other: _Conditions = [(names & extra.fill_null(value=False), "TB.2", "sl_id")]
    if stage == "written_off":
        lost = pl.col("conceded_kop") + pl.col("refused_kop")
        at = state.is_in(["refused_finally", "conceded", "withdrawn"])
        return [*unknown, (pl.col("_twice") | ~at, "TB.3", "not_lost"), (taken != lost, "TB.4", "sum")]
    if stage == "conceded":
        return [*unknown, (pl.col("_twice") | (state != "questioned"), "TB.11", "not_questioned"), (taken != _X, "TB.4", "sum")]
    sumv: _Conditions = [(pl.col("sumv_kop") != pl.col("_sumv"), "TB.4", "sumv")]
    if stage == "corrected":
        given_up = _P - left
        allowed = (state == "questioned") | ((state == "accepted") & (given_up > 0) & pl.lit(voluntary))
        return [
            *unknown, (pl.col("_twice"), "TB.11", "twice"), (~allowed, "TB.11", "not_questioned"), *other,
            (pl.col("s_ist").fill_null(SOURCE[stage]) != SOURCE[stage], "TB.7", "source"), *sumv,
            ((left < 0) | (left > _P) | (taken < 0), "TB.4", "too_much"),
            (left != pl.col("sumv_kop") - pl.col("own_sank_kop") - taken, "TB.4", "sum"),
        ]  # fmt: skip
    asked = _P - _Y if stage == "final" else _P
    if stage == "final":
        done = state.is_in(["conceded", "withdrawn"]) & (taken == 0)
        moved = (state != "presented_again") & ~done
    else:
        moved = state != "presented"
    paid = pl.col("oplata")
    oplata = pl.when(taken == 0).then(paid != 1).when(left == 0).then(paid != 2).otherwise(paid != 3)
    return [
        *unknown, (pl.col("_twice"), "TB.3", "twice"), (moved, "TB.3", "final"), *other,
        (pl.col("s_ist").fill_null(SOURCE[stage]) != SOURCE[stage], "TB.7", "source"), *sumv,
        ((taken < 0) | (taken > pl.col("open_kop")), "TB.4", "too_much"), (left != asked - taken, "TB.4", "sum"),
        (oplata & (asked > 0), "TB.4", "oplata"),
    ]  # fmt: skip


# ---- equations, sums, the bill ----------------------------------------------------------------------------------------


def assert_equations(states: pl.DataFrame) -> None:
    """The equations of every item and, summed, of every bill. Raises AssertionError naming the first that is off."""
    open_state = pl.col("state").is_in(list(OPEN))
    off = states.filter(
        _off()
        | pl.any_horizontal(pl.col(name) < 0 for name in _AMOUNTS)
        | ((pl.col("open_kop") > 0) & ~open_state)
        | (pl.when(pl.col("state") == "presented").then(0).otherwise(pl.col("open_kop")) != _X)
        | ~pl.col("state").is_in([*OPEN, *FINAL])
    )
    assert off.is_empty(), f"an item that does not add up: {off.row(0, named=True)}"
    assert not states.select(pl.struct("bill", *_KEY).is_duplicated().any()).item(), "an item has two states"


def _off() -> pl.Expr:
    """The equation of an item or sum does not hold."""
    return pl.col("accepted_kop") + _Y + pl.col("refused_kop") + pl.col("open_kop") != _P


def totals(states: pl.DataFrame, by: str = "bill") -> pl.DataFrame:
    """Sums of the amounts by bill (or another column): `by`, items, the six amounts; presented = accepted + ... is asserted."""
    sums = [pl.col(name).sum() for name in _AMOUNTS]
    table = states.group_by(by).agg(pl.len().cast(pl.Int64).alias("items"), *sums).sort(by)
    off = table.filter(_off())
    assert off.is_empty(), f"sums that do not add up: {off.row(0, named=True)}"
    return table


def moved(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, int]:
    """Money that moved between two states of the same items, in kopecks, by what happened; zeros are there, too.

    questioned         owed -> in dispute (A on R)
    conceded           in dispute -> given up by the place fund (D, C)
    withdrawn          owed -> given up: D takes more than was questioned, or an accepted item
    accepted_finally   in dispute -> owed (A on D)
    refused_finally    in dispute -> lost (A on D)
    written_off        given up or lost -> written off (W)
    """
    both = before.join(after, on=["bill", *_KEY], how="inner", suffix="_after")
    given_up = pl.col("conceded_kop_after") - _Y
    conceded = pl.min_horizontal(given_up, _X)
    refused = pl.col("refused_kop_after") - pl.col("refused_kop")
    first = pl.col("state") == "presented"
    written = (pl.col("state") != "written_off") & (pl.col("state_after") == "written_off")
    sums = both.select(
        pl.when(first).then(pl.col("questioned_kop_after")).otherwise(0).sum().alias("questioned"),
        conceded.sum().alias("conceded"),
        (given_up - conceded).sum().alias("withdrawn"),
        pl.when(first)
        .then(0)
        .otherwise(_X - pl.col("questioned_kop_after") - conceded - refused)
        .sum()
        .alias("accepted_finally"),
        refused.sum().alias("refused_finally"),
        pl.when(written).then(_Y + pl.col("refused_kop")).otherwise(0).sum().alias("written_off"),
    )
    return {name: int(value or 0) for name, value in sums.row(0, named=True).items()}


def bill_state(states: pl.DataFrame, refunded_kop: int = 0) -> str:
    """How far a bill is, from its items.

    sent, partly_answered, answered, act, corrected, final, partly_refunded, refunded, closed
    refunded_kop  money that came for the bill. `closed`: all accepted money is there, and what was lost is written off.
    """
    found = set(states["state"])
    if found == {"presented"}:
        return "sent"
    if "presented" in found:
        return "partly_answered"
    if "questioned" in found:
        return "act"
    if "presented_again" in found:
        return "corrected"
    accepted = int(states["accepted_kop"].sum())
    if refunded_kop < accepted:
        return "partly_refunded" if refunded_kop > 0 else "answered" if found == {"accepted"} else "final"
    return "refunded" if found & {"refused_finally", "conceded", "withdrawn"} else "closed"
