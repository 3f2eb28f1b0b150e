"""Is a wrong group planted in both directions, and does what follows for the group stand behind the defect that changed it?"""

from __future__ import annotations

import csv

import polars as pl

from omsclaims.synthetic import catalogue, deal
from omsclaims.synthetic.defects import grouping
from tests.synthetic.synthetic_made import Made


def _billed(made: Made, row: dict[str, str]) -> dict[str, object]:
    """The sub-case of a planted row, with what its completed case says."""
    tables = made.packages[row["package"]].tables
    zap = tables["zap"].filter(pl.col("n_zap") == int(row["n_zap"]))["_row"][0]
    case = tables["z_sl"].filter((pl.col("_parent") == zap) & (pl.col("idcase") == int(row["idcase"]))).row(0, named=True)
    sl = tables["sl"].filter((pl.col("_parent") == case["_row"]) & (pl.col("sl_id") == row["sl_id"])).row(0, named=True)
    koef = tables["sl_koef"].filter(pl.col("_parent") == sl["_row"])["idsl"].to_list() if tables["sl_koef"].height else []
    return {**case, **sl, "kslp": tuple(koef)}


def test_a_wrong_group_is_planted_in_both_directions(made: Made) -> None:
    rows = [row for row in made.planted if row["rule"] == "C110" and row["role"] == "primary"]
    assert {(row["month"], row["note"]) for row in rows} >= {
        ("2022-03", "C110 dearer"), ("2022-03", "C110 cheaper"), ("2022-02", "C110 dearer"), ("2022-02", "C110 cheaper"),
    }  # fmt: skip
    for row in rows:
        assert (row["code"], row["element"], row["refused"]) == ("1.7.2", "ZAP/Z_SL/SL/KSG_KPG/N_KSG", "1")
        sl = _billed(made, row)
        listed = grouping.DEARER if row["note"] == "C110 dearer" else grouping.CHEAPER
        right = [own for own, other in listed.items() if other == sl["n_ksg"] and sl["ds1"] in _diagnoses(own)]
        assert len(right) == 1, sl
        days = sl["kd"] // 10  # type: ignore[operator]
        billed, due = (
            deal.ksg_price(code, sl["lpu"], sl["rslt"], days, sl["kslp"])  # type: ignore[arg-type]
            for code in (str(sl["n_ksg"]), right[0])
        )
        assert sl["sum_m"] == billed != due and (billed > due) == (listed is grouping.DEARER)


def _diagnoses(code: str) -> tuple[str, ...]:
    return next(one.diagnoses for one in (*catalogue.INPATIENT, *catalogue.DAY) if one.code == code)


def test_the_money_of_a_wrong_group_is_refused(made: Made) -> None:
    with (made.folder / "truth.csv").open(encoding="utf-8", newline="") as stream:
        refused = {row["package"]: int(row["refused_kop"]) for row in csv.DictReader(stream) if row["grain"] == "package"}
    of_package: dict[str, int] = {}
    for row in made.planted:
        if row["rule"] == "C110" and row["role"] == "primary":
            of_package[row["package"]] = of_package.get(row["package"], 0) + int(str(_billed(made, row)["sumv"]))
    assert of_package and all(refused[package] >= amount > 0 for package, amount in of_package.items())


def test_what_follows_for_the_group_stands_behind_its_defect(made: Made) -> None:
    """A group that does not exist, a diagnosis of another operation: the computed group is another. Without the operation no row
    applies, or another group does."""
    primary = {row["planted_id"]: row["rule"] for row in made.planted if row["role"] == "primary"}
    because: dict[str, set[str]] = {"C110": set(), "T.70": set()}
    for row in made.planted:
        if row["role"] == "consequence" and row["rule"] in because:
            assert row["element"].endswith("N_KSG") and row["sl_id"]
            assert row["code"] == ("1.7.2" if row["rule"] == "C110" else "")
            because[row["rule"]].add(primary[row["because"]])
    assert {"C111", "C126"} <= because["C110"]
    assert "C124" in because["T.70"]
    # Where the bill names no group at all there is nothing to compare.
    assert not any("C233" in rules for rules in because.values())
    assert "T.70" not in primary.values()
