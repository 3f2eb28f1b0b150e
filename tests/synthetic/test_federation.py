"""Is the made-up federation what it says: own codes everywhere, people who travel, the same bytes for the same seed?"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from omsclaims.nsi import built_in_books
from omsclaims.periods import Month
from omsclaims.registry import reader
from omsclaims.synthetic.federation import TERRITORIES, Federation, Size, account_of

SIZE = Size(territories=3, clinics=3, cases=30, months=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    federation = Federation(tmp_path_factory.mktemp("federation"), SIZE, 11)
    for code in SIZE.codes:
        federation.found(code)
    for month in federation.months():
        for code in SIZE.codes:
            federation.write(code, month)
    return federation


def packages(made: Federation, code: str, month: str = "2022-01") -> list[Path]:
    return sorted((made.folder / code / "packages" / month).glob("*.zip"))


def test_the_territories_are_real_and_nothing_else_is() -> None:
    known = dict(built_in_books().require("F010").rows.select("code", "okato").iter_rows())
    assert {code: known[code] for code in TERRITORIES} == TERRITORIES


def test_every_package_bears_the_codes_of_its_territory(made: Federation) -> None:
    for code in SIZE.codes:
        names = [path.stem for path in packages(made, code)]
        assert names and all(name.startswith(f"HM{code}09") and f"T{code}_2201" in name for name in names)
        read = reader.read_package(packages(made, code)[0])
        assert not read.refused
        assert set(read.tables["z_sl"]["lpu"].str.slice(0, 2)) == {code}
        assert set(read.tables["usl"]["lpu"].str.slice(0, 2)) == {code}


def test_people_are_insured_at_home_only_and_some_are_treated_elsewhere(made: Federation) -> None:
    registers = {code: pl.read_parquet(made.folder / code / "registers" / "reg_insured.parquet") for code in SIZE.codes}
    everybody = pl.concat(registers.values())
    assert everybody["enp"].n_unique() == made.pool.people.count
    for code in SIZE.codes:
        assert set(registers[code]["smo"]) <= set(made.insurers(code))
        treated = pl.concat([reader.read_package(path).tables["patient"].select("enp") for path in packages(made, code)])
        own = treated.filter(pl.col("enp").is_in(registers[code]["enp"].implode()))
        assert 0 < treated.height - own.height < treated.height / 2
        assert treated.join(everybody.select("enp"), on="enp", how="anti").is_empty()


def test_the_same_seed_makes_the_same_bytes(made: Federation, tmp_path: Path) -> None:
    again = Federation(tmp_path, SIZE, 11)
    again.found("38")
    for code in SIZE.codes:
        again.write(code, Month(2022, 1))
    for path in packages(made, "38"):
        assert (tmp_path / "38" / "packages" / "2022-01" / path.name).read_bytes() == path.read_bytes()
    for path in (made.folder / "38" / "registers").glob("*.csv"):
        assert (tmp_path / "38" / "registers" / path.name).read_bytes() == path.read_bytes()


def test_no_code_of_the_first_territory_is_left_in_another(made: Federation) -> None:
    for path in [*(made.folder / "38").rglob("reg_*.csv"), *(made.folder / "38" / "agreement").rglob("*.csv")]:
        if path.name != "reg_bank.csv":  # which names the funds of others
            assert "7509" not in path.read_text(encoding="utf-8"), path.name
    assert account_of("fund:38") == account_of("territory:38") != account_of("fund:75")


def test_a_size_that_cannot_be() -> None:
    for wrong in (Size(1, 2, 30, 1), Size(6, 2, 30, 1), Size(2, 1, 30, 1), Size(2, 2, 3, 1)):
        with pytest.raises(ValueError, match="federation"):
            Federation(Path(), wrong, 1)
