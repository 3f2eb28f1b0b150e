"""Is the profile for this age and sex? (231n 1.4.4; Q016 003K.00.0730-0820.) Ages are whole years on DATE_Z_1."""

from __future__ import annotations

import polars as pl

from omsclaims.checks.catalogue import Parameters
from omsclaims.checks.rules import Broken, on

_MALE = 1  # V005
_AGE = {"age": pl.col("age")}


@on("C061")
def adult_in_childrens_profile(parameters: Parameters) -> Broken:
    """Profiles for children up to the eighteenth birthday."""
    return Broken(
        parameters.among("profiles", pl.col("profil")) & (pl.col("age") >= parameters.number("adult_years")), params=_AGE
    )


@on("C062")
def child_in_adult_profile(parameters: Parameters) -> Broken:
    """Profiles for adults, from the eighteenth birthday."""
    return Broken(
        parameters.among("profiles", pl.col("profil")) & (pl.col("age") < parameters.number("adult_years")), params=_AGE
    )


@on("C063")
def too_old_for_neonatology(parameters: Parameters) -> Broken:
    """Neonatology before the first birthday."""
    too_old = pl.col("age") >= parameters.number("first_year_too_old")
    return Broken(parameters.among("profiles", pl.col("profil")) & too_old, params=_AGE)


@on("C064")
def too_young_for_geriatrics(parameters: Parameters) -> Broken:
    """Geriatrics from the sixtieth birthday."""
    too_young = pl.col("age") < parameters.number("youngest_years")
    return Broken(parameters.among("profiles", pl.col("profil")) & too_young, params=_AGE)


@on("C065")
def man_in_womens_profile(parameters: Parameters) -> Broken:
    """Obstetrics and gynaecology for women."""
    return Broken((pl.col("novor") == "0") & parameters.among("profiles", pl.col("profil")) & (pl.col("w") == _MALE))


@on("C074")
def childrens_flag_of_adult(parameters: Parameters) -> Broken:
    """DET = 1 up to the eighteenth birthday."""
    return Broken((pl.col("det") == 1) & (pl.col("age") >= parameters.number("adult_years")), params=_AGE)
