"""Which rows compare amounts over many rows? Totals of the bill, of a case, and what control took (Q015 006F, Q016 003K)."""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims.checks.official.predicates.base import At, Made, Row, by_hand
from omsclaims.checks.official.resolve import Editions, Site

#: Codes F006 of a kind of control: as the rows have them.
_MEK: Final = (1, 10, 11, 12)


@by_hand("006F.00.0370")
def case_is_its_parts(row: Row, site: Site, editions: Editions) -> Made | None:
    """SUMV is the sum of SUM_M below; silent where one of them is missing or unreadable."""
    at = At(editions, "z_sl")
    unknown = at.any("sl", lambda sl: sl("sl.sum_m").is_null(), "sum_m unknown")
    total = at.sum("sl.sum_m")
    return at.made(~unknown & (at("z_sl.sumv") != total), at.roubles(at("z_sl.sumv")))


@by_hand("006F.00.1040", "003K.00.0130")
def bill_is_its_cases(row: Row, site: Site, editions: Editions) -> Made | None:
    """SUMMAV is the sum of SUMV of all cases."""
    at = At(editions, "file")
    unknown = at.any("z_sl", lambda case: case("z_sl.sumv").is_null(), "sumv unknown")
    return at.made(~unknown & (at("file.summav") != at.sum("z_sl.sumv")), at.roubles(at("file.summav")))


@by_hand("006F.00.1050", "003K.00.0140")
def accepted_is_its_cases(row: Row, site: Site, editions: Editions) -> Made | None:
    """SUMMAP is the sum of SUMP of all cases; a case without SUMP accepts nothing."""
    at = At(editions, "file")
    return at.made(at("file.summap") != at.sum("z_sl.sump"), at.roubles(at("file.summap")))


def _of_kind(name: str, low: int, high: int, codes: tuple[int, ...] | None) -> object:
    def predicate(row: Row, site: Site, editions: Editions) -> Made | None:
        at = At(editions, "file")

        def chosen(sank: At) -> pl.Expr:
            tip = sank("sank.s_tip")
            return tip.is_in(codes) if codes else (tip >= low) & (tip < high)

        total = at.sum("sank.s_sum", chosen, f"{low}-{high}")
        return at.made(at(f"file.{name}") != total, at.roubles(at(f"file.{name}")))

    return predicate


by_hand("006F.00.1060", "003K.00.0150")(_of_kind("sank_mek", 0, 0, _MEK))  # type: ignore[arg-type]
by_hand("006F.00.1070", "003K.00.0160")(_of_kind("sank_mee", 20, 30, None))  # type: ignore[arg-type]
by_hand("006F.00.1080", "003K.00.0170")(_of_kind("sank_ekmp", 30, 50, None))  # type: ignore[arg-type]


@by_hand("006F.00.1090", "003K.00.0180")
def kinds_are_all_sanctions(row: Row, site: Site, editions: Editions) -> Made | None:
    """SANK_MEK + SANK_MEE + SANK_EKMP is the sum of SANK_IT; silent where the bill names none of the three."""
    at = At(editions, "file")
    named = [at(f"file.{name}") for name in ("sank_mek", "sank_mee", "sank_ekmp")]
    total = sum((one.fill_null(0) for one in named), pl.lit(0))
    some = pl.any_horizontal([one.is_not_null() for one in named])
    wrong = some & (total != at.sum("z_sl.sank_it"))
    return at.made(wrong, at.roubles(total), element="ZAP/Z_SL/SANK_IT")


@by_hand("003K.00.0250")
def largest_sanction(row: Row, site: Site, editions: Editions) -> Made | None:
    """SANK_IT is the largest S_SUM of the case: several grounds never add up."""
    at = At(editions, "z_sl")
    return at.made(at("z_sl.sank_it") != at.max("sank.s_sum"), at.roubles(at("z_sl.sank_it")))
