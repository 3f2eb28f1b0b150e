"""Is this number written correctly? Check digits of the policy number (ЕНП), СНИЛС, ОГРН and ИНН.

Sources: the layout of the single policy number (order 158n, annex on the number of the policy), the rules of the pension fund for
СНИЛС, of the tax service for ОГРН and ИНН; formats.md 14. A number that fails is never an exception here: the functions answer
yes or no, and who asked makes the finding.

Every check has a scalar form (`enp_is_valid`) and, where registries are checked, a column form for polars (`enp_valid_expr`).
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

#: First СНИЛС whose last two digits are a check number: older ones were given out without.
_SNILS_UNCHECKED_UP_TO: Final = 1_001_998
_INN10: Final = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN12_A: Final = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN12_B: Final = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_ENP_LENGTH: Final = 16


def _is_number(text: str, length: int) -> bool:
    """Whether `text` is exactly `length` ASCII digits (str.isdigit would let other scripts' digits in)."""
    return len(text) == length and text.isascii() and text.isdigit()


# ---------------------------------------------------------------- ЕНП


def luhn_digit(digits: str) -> int:
    """The digit that makes `digits` + digit pass the Luhn check (mod 10)."""
    total = 0
    for place, sign in enumerate(reversed(digits)):
        value = int(sign) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


def enp_is_valid(enp: str) -> bool:
    """Whether `enp` is 16 digits with the right check digit."""
    return _is_number(enp, _ENP_LENGTH) and luhn_digit(enp[:-1]) == int(enp[-1])


def enp_valid_expr(enp: pl.Expr) -> pl.Expr:
    """`enp_is_valid` for a String column (Boolean; null stays null)."""
    shaped = enp.str.contains(r"^[0-9]{16}$")
    # 16 digits fit Int64: digits are taken by division, without a string per digit. Places 2, 4, ... from the right double.
    number = pl.when(shaped).then(enp).otherwise(None).cast(pl.Int64, strict=False)
    total: pl.Expr = pl.lit(0, dtype=pl.Int64)
    for place in range(_ENP_LENGTH):
        digit = (number // 10**place) % 10
        total = total + (digit if place % 2 == 0 else digit * 2 - (digit > 4).cast(pl.Int64) * 9)
    return pl.when(shaped).then(total % 10 == 0).otherwise(shaped)


def _complement(figure: int, width: int) -> str:
    """`figure` with every digit taken from 9."""
    return "".join(str(9 - int(sign)) for sign in f"{figure:0{width}d}")


def enp_facet(territory: str, born: date, sex: int) -> str:
    """First ten digits of a policy number: where it was issued, birth date and sex (V005: 1 male, 2 female)."""
    if not _is_number(territory, 2) or sex not in (1, 2):
        raise ValueError(f"a policy number needs a two-digit territory and sex 1 or 2, not {territory!r}, {sex}")
    # The century is told by the month: +20 up to 1950, +40 up to 2000, plain after.
    month = born.month + (20 if born.year <= 1950 else 40 if born.year <= 2000 else 0)
    day = born.day + (50 if sex == 1 else 0)
    return territory + _complement(month, 2) + _complement(born.year, 4)[::-1] + _complement(day, 2)


def build_enp(territory: str, born: date, sex: int, serial: int) -> str:
    """A policy number with its check digit.

    territory  two-digit code of the fund that issued it (F010 KOD_TF)
    serial     1..99999: ordinal among people issued there with this birth date and sex

    Raises ValueError when a part cannot be written.
    """
    if not 1 <= serial <= 99_999:
        raise ValueError(f"the serial of a policy number is 1..99999, not {serial}")
    body = enp_facet(territory, born, sex) + f"{serial:05d}"
    return body + str(luhn_digit(body))


def enp_matches(enp: str, born: date, sex: int) -> bool:
    """Whether a valid `enp` carries this birth date and sex. (It need not: a number outlives a correction of the date.)"""
    return enp_is_valid(enp) and enp[:10] == enp_facet(enp[:2], born, sex)


# ---------------------------------------------------------------- СНИЛС


def snils_is_valid(snils: str) -> bool:
    """Whether `snils`, as `NNN-NNN-NNN NN` or 11 digits, has the right check number."""
    digits = snils.replace("-", "").replace(" ", "")
    if not _is_number(digits, 11):
        return False
    if int(digits[:9]) <= _SNILS_UNCHECKED_UP_TO:
        return True
    check = sum(int(sign) * (9 - place) for place, sign in enumerate(digits[:9])) % 101 % 100
    return check == int(digits[9:])


def snils_valid_expr(snils: pl.Expr) -> pl.Expr:
    """`snils_is_valid` for a String column (Boolean; null stays null)."""
    digits = snils.str.replace_all(r"[- ]", "")
    shaped = digits.str.contains(r"^[0-9]{11}$")
    number = pl.when(shaped).then(digits).otherwise(None).cast(pl.Int64, strict=False)
    body = number // 100
    total: pl.Expr = pl.lit(0, dtype=pl.Int64)
    for place in range(9):
        total = total + (body // 10**place % 10) * (place + 1)
    right = (body <= _SNILS_UNCHECKED_UP_TO) | (total % 101 % 100 == number % 100)
    return pl.when(shaped).then(right).otherwise(shaped)


# ---------------------------------------------------------------- ОГРН, ИНН


def ogrn_is_valid(ogrn: str) -> bool:
    """Whether `ogrn` (13 digits of an organisation, 15 of an entrepreneur) has the right check digit."""
    if _is_number(ogrn, 13):
        return int(ogrn[:12]) % 11 % 10 == int(ogrn[12])
    if _is_number(ogrn, 15):
        return int(ogrn[:14]) % 13 % 10 == int(ogrn[14])
    return False


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(sign) * weight for sign, weight in zip(digits, weights, strict=False)) % 11 % 10


def inn_is_valid(inn: str) -> bool:
    """Whether `inn` (10 digits of an organisation, 12 of a person) has the right check digits."""
    if _is_number(inn, 10):
        return _weighted(inn, _INN10) == int(inn[9])
    if _is_number(inn, 12):
        return _weighted(inn, _INN12_A) == int(inn[10]) and _weighted(inn, _INN12_B) == int(inn[11])
    return False
