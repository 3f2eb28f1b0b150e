"""Which rows hold the header against the name of the file and against what the file has? (Q015 006F.00.0110-.0150.)"""

from __future__ import annotations

from omsclaims.checks.official.predicates.base import At, Made, Row, by_hand
from omsclaims.checks.official.resolve import Editions, Site


@by_hand("006F.00.0110")
def number_of_cases(row: Row, site: Site, editions: Editions) -> Made | None:
    """SD_Z is the number of completed cases (Z_SL)."""
    at = At(editions, "file")
    return at.made(at("file.sd_z") != at.count("z_sl"), at("file.sd_z"))


@by_hand("006F.00.0120")
def sending_fund(row: Row, site: Site, editions: Editions) -> Made | None:
    """C_OKATO1 is the territory of the fund that the name of the file gives as sender (F010)."""
    return _fund(editions, "@ni", "c_okato1")


@by_hand("006F.00.0130")
def receiving_fund(row: Row, site: Site, editions: Editions) -> Made | None:
    """OKATO_OMS is the territory of the fund that the name of the file gives as receiver (F010)."""
    return _fund(editions, "@np", "okato_oms")


def _fund(editions: Editions, part: str, element: str) -> Made:
    at = At(editions, "file")
    same = at.together((f"file.{part}", f"file.{element}"), "F010", ("KOD_TF", "KOD_OKATO"), "file.dschet")
    return at.made(~same, at(f"file.{element}"))


@by_hand("006F.00.0150")
def two_territories(row: Row, site: Site, editions: Editions) -> Made | None:
    """C_OKATO1 is not OKATO_OMS."""
    at = At(editions, "file")
    return at.made(at("file.c_okato1") == at("file.okato_oms"), at("file.c_okato1"))
