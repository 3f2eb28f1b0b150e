"""Is everything planted that can be, is each planted row a place in a file, and does the defect really stand there?"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import polars as pl

from omsclaims.identifiers import enp_is_valid
from omsclaims.synthetic import defects
from tests.synthetic.synthetic_made import Made


def test_whatever_can_be_planted_is_planted(made: Made) -> None:
    planted = {row["rule"] for row in made.planted if row["role"] == "primary"}
    assert defects.rules() <= planted
    # Refused whole, at intake or by control; worked out from the plan.
    assert {"S.801", "S.803", "S.806", "S.807", "S.810", "S.915", "S.916", "W.1"} <= planted
    assert {"C084", "C085", "C191", "C192"} <= planted


def test_rules_of_history_and_volumes_stand_in_march_others_in_both_months(made: Made) -> None:
    rules = {month: {row["rule"] for row in made.planted if row["month"] == month} for month in ("2022-02", "2022-03")}
    assert rules["2022-03"] >= rules["2022-02"] - {"S.810"}
    assert {"C136", "C191", "C192", "C194"} <= rules["2022-03"] - rules["2022-02"]
    assert len(rules["2022-02"]) > 70
    names = Counter(defect.name for defect in defects.DEFECTS)
    assert max(names.values()) == 1


def test_rows_name_real_places(made: Made) -> None:
    ids = [row["planted_id"] for row in made.planted]
    assert len(ids) == len(set(ids))
    primary = {row["planted_id"] for row in made.planted if row["role"] == "primary"}
    for row in made.planted:
        assert (row["because"] == "") == (row["role"] == "primary")
        assert row["because"] in primary | {""}
        assert (row["refused"] == "1") == bool(row["code"])
        assert re.fullmatch(r"(1(\.\d+){1,2})?", row["code"])
        if row["package"] not in made.packages or not row["n_zap"]:
            continue
        tables = made.packages[row["package"]].tables
        case = tables["z_sl"].join(tables["zap"].select(pl.col("_row").alias("_parent"), "n_zap"), on="_parent")
        case = case.filter((pl.col("n_zap") == int(row["n_zap"])) & (pl.col("idcase") == int(row["idcase"])))
        assert case.height == 1, row
        if row["sl_id"]:
            sl = tables["sl"].filter((pl.col("_parent") == case["_row"][0]) & (pl.col("sl_id") == row["sl_id"]))
            assert sl.height >= 1, row
            if row["idserv"]:
                usl = tables["usl"].filter(pl.col("_parent").is_in(sl["_row"].implode()) & (pl.col("idserv") == row["idserv"]))
                assert usl.height >= 1, row


def test_a_case_carries_one_defect(made: Made) -> None:
    primary = Counter(
        (row["package"], row["n_zap"], row["idcase"]) for row in made.planted if row["role"] == "primary" and row["n_zap"]
    )
    assert max(primary.values()) == 1


def _cases(made: Made, rule: str) -> list[dict[str, object]]:
    """The planted cases of a rule with their patient and person."""
    found = []
    for row in made.planted:
        if row["rule"] == rule and row["role"] == "primary" and row["n_zap"]:
            tables = made.packages[row["package"]].tables
            zap = tables["zap"].filter(pl.col("n_zap") == int(row["n_zap"]))["_row"][0]
            z = tables["z_sl"].filter(pl.col("_parent") == zap).row(0, named=True)
            patient = tables["patient"].filter(pl.col("_parent") == zap).row(0, named=True)
            found.append({**patient, **z, "package": row["package"]})
    assert found, rule
    return found


def test_the_register_says_what_the_rows_say(made: Made) -> None:
    register = pl.read_parquet(made.folder / "registers" / "reg_insured.parquet")

    def of(case: dict[str, object]) -> dict[str, object]:
        of_person = (pl.col("enp") == case["policy"]) | (pl.col("npolis") == case["policy"])
        return register.filter(of_person).row(0, named=True)

    for case in _cases(made, "C001"):
        assert of(case)["policy_to"] < case["date_z_1"]  # type: ignore[operator]
    for case in _cases(made, "C002"):
        assert of(case)["policy_from"] > case["date_z_2"]  # type: ignore[operator]
    for case in _cases(made, "C004"):
        assert of(case)["smo"] != case["smo"]
    for case in _cases(made, "C023"):
        assert case["date_z_1"] <= of(case)["died_on"] < case["date_z_2"]  # type: ignore[operator]
    for case in _cases(made, "C024"):
        assert of(case)["died_on"] < case["date_z_1"]  # type: ignore[operator]
    for case in _cases(made, "C009"):
        assert enp_is_valid(str(case["policy"])) and case["smo"] is None
        assert register.filter(pl.col("enp") == case["policy"]).height == 0


def test_who_is_dead_or_uninsured_has_no_other_care(made: Made) -> None:
    register = pl.read_parquet(made.folder / "registers" / "reg_insured.parquet")
    allowed = {(row["package"], row["n_zap"]) for row in made.planted if row["rule"] in ("C001", "C002", "C023", "C024")}
    care = []
    for name, read in made.packages.items():
        zap = read.tables["zap"].select(pl.col("_row").alias("_parent"), "n_zap")
        patient = read.tables["patient"].select("_parent", "policy", "novor")
        joined = read.tables["z_sl"].join(zap, on="_parent").join(patient, on="_parent")
        care.append(joined.select(pl.lit(name).alias("package"), "n_zap", "policy", "novor", "date_z_1", "date_z_2"))
    joined = pl.concat(care).join(register.unique("enp", keep="last"), left_on="policy", right_on="enp")
    last = pl.coalesce("policy_to", pl.lit(date(9999, 1, 1)))
    late = joined.filter((pl.col("novor") == "0") & ((pl.col("date_z_2") > pl.col("died_on")) | (pl.col("date_z_1") > last)))
    assert {(p, str(n)) for p, n in late.select("package", "n_zap").iter_rows()} <= allowed


def test_a_duplicate_stands_behind_its_clean_original(made: Made) -> None:
    for case in _cases(made, "C135"):
        tables = made.packages[str(case["package"])].tables
        sl = tables["sl"].join(
            tables["z_sl"].select(pl.col("_row").alias("_parent"), pl.col("_parent").alias("zap_row")), on="_parent"
        )
        sl = sl.join(tables["patient"].select(pl.col("_parent").alias("zap_row"), "policy"), on="zap_row")
        own = sl.filter(pl.col("_parent") == case["_row"]).row(0, named=True)
        same = sl.filter(
            (pl.col("policy") == own["policy"]) & (pl.col("date_1") == own["date_1"]) & (pl.col("date_2") == own["date_2"])
            & (pl.col("profil") == own["profil"]) & (pl.col("prvs") == own["prvs"])
        )  # fmt: skip
        assert same.height == 2 and same["_parent"].min() < own["_parent"]
        original = same.filter(pl.col("_parent") != own["_parent"])["zap_row"][0]
        n_zap = tables["zap"].filter(pl.col("_row") == original)["n_zap"][0]
        assert n_zap not in made.planted_cases(str(case["package"]))


def test_history_stands_in_february(made: Made) -> None:
    before = [name for name in made.packages if "_2202" in name]
    for case in _cases(made, "C136"):
        assert "_2203" in str(case["package"]) and case["date_z_2"] < date(2022, 3, 1)  # type: ignore[operator]
        policy = case["policy"]
        twins = 0
        for name in before:
            patients = made.clean(name, "patient").filter(pl.col("policy") == policy)
            z = made.clean(name, "z_sl").filter(pl.col("n_zap").is_in(patients["n_zap"].implode()))
            twins += z.filter((pl.col("date_z_1") == case["date_z_1"]) & (pl.col("lpu") == case["lpu"])).height
        assert twins == 1
