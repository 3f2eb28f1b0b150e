"""Who is one person in the register of insured, and which row speaks for them? Asked wherever insured are counted (law.md 4).

Neither tariffs nor settlement: standards are counted by both, and must count the same people.
"""

from __future__ import annotations

from typing import Final

import polars as pl

#: Order of the rows of a person, the one that counts last: the policy that began last, of equal ones the smaller insurer, then
#: what only makes the order complete.
_TURN: Final = {"policy_from": False, "smo": True, "vpolis": False, "place": True, "dr": True, "w": True}


def person() -> pl.Expr:
    """What tells the persons of reg_insured apart: one ENP; without it one number of another policy; without any, one name and
    birth date (each of those is a person that is paid for, too)."""
    number = pl.concat_str([pl.col("spolis").fill_null(""), pl.col("npolis")], separator="|")
    name = pl.concat_str([pl.col("fam", "im", "ot", "dr").cast(pl.String).fill_null("")], separator="|")
    return pl.coalesce("enp", number, name)


def in_turn(reg_insured: pl.DataFrame) -> pl.DataFrame:
    """Rows of reg_insured with `who` (see `person`), person by person; of the rows that hold on a day the last one counts."""
    told = reg_insured.with_columns(who=person())
    return told.sort("who", *_TURN, descending=[False, *_TURN.values()], nulls_last=True)
