from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from omsclaims import contract, findings
from omsclaims.law.agreement import FILES, SECTIONS
from omsclaims.money import round_fraction
from omsclaims.tariffs import price

from .tariff_cases import ROOT, agreement, arithmetic, context, priced, stay, tables

FIXTURES = ROOT / "fixtures" / "tariffs"
_SCALE = {"kd": 10, "ed_col": 100, "kol_usl": 100}


def scaled(case: Any) -> Any:
    """Natural units of a YAML case as the reader stores them."""
    if isinstance(case, dict):
        return {key: int(Fraction(str(value)) * _SCALE[key]) if key in _SCALE else scaled(value) for key, value in case.items()}
    return [scaled(item) for item in case] if isinstance(case, list) else case


def cases(*files: str) -> list[Any]:
    found = []
    for name in files:
        path: Path = FIXTURES / f"{name}.yaml"
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            found.append(pytest.param(case, id=f"{name}: {case['name']}"))
    return found


def kopecks(text: str) -> int:
    return round_fraction(arithmetic(str(text)) * 100)


@pytest.mark.parametrize("case", cases("ksg", "units"))
def test_price_as_an_economist_writes_it(case: dict[str, Any]) -> None:
    rows, found = priced(agreement("small"), scaled(case["case"]))
    assert found == []
    expected = case.get("prices") or [case["price"]]
    assert [row["price_kop"] for row in rows] == [kopecks(text) for text in expected]
    full = [case["full"]] if "full" in case else expected
    assert [row["full_price_kop"] for row in rows] == [kopecks(text) for text in full]
    for column, value in case.get("columns", {}).items():
        assert rows[0][column] == value, column


@pytest.mark.parametrize("case", cases("missing"))
def test_a_key_that_misses_is_a_finding_and_never_a_price(case: dict[str, Any]) -> None:
    good = stay("st02.001", 10)
    out = price(tables([scaled(case["case"]), good]), context(agreement("small")))
    found = out["findings"].to_dicts()
    assert len(found) == 1, found
    expected = case["finding"]
    problem = found[0]
    assert (problem["rule"], problem["code"], problem["element"], problem["value"], problem["idserv"]) == (
        expected["rule"], "1.7.1", expected["element"], expected["value"], expected.get("idserv")
    )  # fmt: skip
    assert json.loads(problem["params"])["table"] == expected["table"]
    assert problem["params"] == findings.params_json(json.loads(problem["params"]))
    assert problem["level"] == ("usl" if "idserv" in expected else "sl")
    assert (problem["package"], problem["n_zap"], problem["idcase"], problem["sl_id"]) == ("P1", 1, 1, "1")
    assert (problem["z_row"], problem["sl_row"]) == (1, 11)
    for lang in ("ru", "en"):
        assert expected["table"] in findings.with_text(out["findings"], lang)["text"][0]
    assert out["priced_sl"]["price_kop"].to_list() == [None, kopecks("24322.6 x 0.93 x (0.2 + 0.8 x 0.9)")]
    assert out["priced"]["price_kop"].to_list() == [None, kopecks("24322.6 x 0.93 x (0.2 + 0.8 x 0.9)")]


#: For each table that prices read: a case that needs its first key, and the rule of the finding when the table is empty.
NEEDS: dict[str, tuple[dict[str, Any], str]] = {
    "payment_kinds": (stay("st02.001", 10), "C107"),
    "base_rates": (stay("st02.001", 10), "P.1"),
    "rounding": (stay("st02.001", 10), "P.1"),
    "ksg": (stay("st02.001", 10), "C111"),
    "levels": (stay("st02.001", 10), "P.1"),
    "clinics": (stay("st02.001", 10), "P.1"),
    "places": (stay("st02.001", 10), "P.1"),
    "kslp": (stay("st02.001", 10, koef=[1]), "P.1"),
    "interrupted": (stay("st02.001", 10, rslt=105), "P.1"),
    "visits": ({"kind": "visit", "profil": 97, "p_cel": "1.0", "det": 0}, "C107"),
    "episodes": ({"kind": "episode", "profil": 97, "p_cel": "3.0", "det": 0}, "C107"),
    "calls": ({"kind": "call", "vidpom": 2}, "C107"),
    "exams": ({"kind": "exam", "letters": "DP", "w": 1, "age": 30}, "C107"),
    "services": ({"kind": "service", "usl": [{"code_usl": "A05.30.001", "kol_usl": 100}]}, "C107"),
    "vmp": ({"kind": "vmp", "metod_hmp": 45}, "C107"),
    "uet": ({"kind": "visit", "profil": 85, "p_cel": "1.0", "det": 0, "ed_col": 250}, "C107"),
    "dialysis": (stay("st02.001", 10, usl=[{"code_usl": "A18.30.001", "kol_usl": 100}]), "C107"),
    "clinic_coefficients": ({"kind": "episode", "profil": 97, "p_cel": "3.0", "det": 0, "lpu": "750003"}, "P.1"),
}
#: Tables whose absence is no miss: options of others, a list that says which results interrupt, the money of the insurers.
# Tables that price no case: fines of expertise and lines of the plan have tests of their own.
NO_KEYS = {"kslp_rules", "interrupted_results", "case_management", "financing", "fine_standards", "plan_lines"}
#: Tables of the per-capita money of clinics and insurers: a missing key of each has its test there.
PER_CAPITA = {
    "capitation", "clinic_capitation", "relative_coefficients", "capitation_parts", "performance", "fap", "fap_norms",
    "partition", "municipalities", "ambulance_areas",
}  # fmt: skip
#: Tables that take over only what they name: with the whole table gone no case would ask for it. The key that is taken out.
TAKES_OVER = {"clinic_coefficients": ("mo", "750003"), "uet": ("det", "0"), "dialysis": ("code_usl", "A18.30.001")}


def test_every_table_is_covered() -> None:
    assert set(NEEDS) | NO_KEYS | PER_CAPITA == {*SECTIONS, *FILES}


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_a_table_without_its_rows_gives_findings_not_zeros(name: str) -> None:
    case, rule = NEEDS[name]
    case = {"lpu": "750001", "date_1": date(2022, 3, 1), "date_2": date(2022, 3, 2), **case}
    whole = agreement("small")
    before, none = priced(whole, case)
    assert none == [] and before[0]["price_kop"] > 0
    rows = whole.table(name)
    column, gone = TAKES_OVER.get(name, (None, None))
    kept = rows.clear() if column is None else rows.filter(pl.col(column) != gone)
    after, found = priced(whole.with_table(name, kept), case)
    assert [row["price_kop"] for row in after] == [None]
    assert [problem["rule"] for problem in found] == [rule]
    assert json.loads(found[0]["params"])["table"] == name


@pytest.mark.parametrize("name", sorted(set(FILES) - NO_KEYS))
def test_each_single_row_is_either_not_needed_or_missed(name: str) -> None:
    """Take the rows of a table away one at a time: no price becomes zero, and a price changes only by a finding.

    (A purpose of its own falls back to the row for any; that is the one change of price without a finding.)
    """
    every = [{"lpu": "750001", "date_1": date(2022, 3, 1), "date_2": date(2022, 3, 2), **case} for case, _ in NEEDS.values()]
    whole = agreement("small")
    before = price(tables(every), context(whole))["priced_sl"]
    rows = whole.table(name)
    for i in range(rows.height):
        out = price(tables(every), context(whole.with_table(name, pl.concat([rows.head(i), rows.tail(rows.height - i - 1)]))))
        after = out["priced_sl"]
        changed = after.filter(after["price_kop"].ne_missing(before["price_kop"]))
        loose = changed.filter(pl.col("price_kop").is_not_null() & ~pl.col("payment_kind").is_in(["visit", "call"]))
        assert loose.is_empty()
        missed = set(out["findings"]["sl_row"].to_list())
        assert set(changed.filter(pl.col("price_kop").is_null())["sl_key"].to_list()) == missed


def test_an_agreement_without_the_table_of_dialysis_pays_the_group_alone() -> None:
    whole = agreement("small")
    rows, found = priced(whole.with_table("dialysis", whole.table("dialysis").clear()), NEEDS["dialysis"][0])
    assert (found, rows[0]["price_kop"]) == ([], kopecks("24322.6 x 0.93 x (0.2 + 0.8 x 0.9)"))
    assert rows[0]["formula"] == "ksg_add"
    assert "dialysis" not in rows[0]["sources"]


def test_a_service_of_both_tables_is_paid_as_dialysis_and_one_of_the_other_by_it() -> None:
    """Outside a stay; in a stay only the table of dialysis counts, and what it lacks of its section is a finding."""
    small = agreement("small")
    listed = small.table("services")
    like = listed.filter(pl.col("code_usl") == "A05.30.001")
    more = [like.with_columns(code_usl=pl.lit(code)) for code in ("A18.05.002", "A18.05.001")]
    both = small.with_table("services", pl.concat([listed, *more]))
    usl = [{"code_usl": code, "kol_usl": 100} for code in ("A18.05.002", "A18.05.001")]
    day = {"lpu": "750001", "date_1": date(2022, 3, 1), "date_2": date(2022, 3, 1)}
    rows, found = priced(both, {"kind": "service", "usl": usl, **day})
    assert (found, rows[0]["price_kop"]) == ([], kopecks("6200.55 + 3214.05"))
    rows, found = priced(both, stay("st02.001", 10, usl=usl))
    assert rows[0]["price_kop"] is None
    assert [(problem["rule"], problem["value"]) for problem in found] == [("C107", "A18.05.001")]


@pytest.mark.parametrize(("day", "table", "text"), [(30, "visits.csv", "601.5"), (31, "uet.csv", "118.2345 x 2.5")])
def test_units_count_from_the_day_that_the_table_has_the_profile(day: int, table: str, text: str) -> None:
    """Until then, and in an agreement without the table, a dental visit is paid as any other."""
    whole = agreement("small")
    from_today = pl.when(pl.col("profil") == 85).then(date(2022, 3, 31)).otherwise("valid_from").alias("valid_from")
    units = whole.table("uet").with_columns(from_today)
    visit = {"kind": "visit", "profil": 85, "p_cel": "1.2", "det": 0, "lpu": "750001", "date_2": date(2022, 3, day)}
    asked = {**visit, "ed_col": 250 if day == 31 else None}
    rows, found = priced(whole.with_table("uet", units), asked)
    assert (found, rows[0]["price_kop"]) == ([], kopecks(text))
    assert table in rows[0]["sources"]
    assert priced(whole.with_table("uet", units.clear()), visit)[0][0]["price_kop"] == kopecks("601.5")


def test_null_operands_are_silent_and_unpriced() -> None:
    silent = [
        {"kind": "ksg_inpatient", "lpu": "750001", "n_ksg": "st02.001", "date_1": date(2022, 3, 1), "date_z_2": date(2022, 3, 5)},
        {"kind": "visit", "lpu": "750001", "p_cel": "1.0", "det": 0, "date_2": date(2022, 3, 1)},
        {"file_kind": "H", "usl_ok": 1, "lpu": "750001", "date_2": date(2022, 3, 1)},
        {"kind": "exam", "letters": "DP", "lpu": "750001", "w": 1, "age": -1, "date_2": date(2022, 3, 1)},
        {"kind": "call", "lpu": "750001", "date_2": date(2022, 3, 1)},
    ]
    rows, found = priced(agreement("small"), *silent)
    assert found == []
    assert [row["price_kop"] for row in rows] == [None] * len(silent)


def test_columns_of_the_contract_and_any_order_of_rows() -> None:
    every = [{"lpu": "750001", "date_1": date(2022, 3, 1), "date_2": date(2022, 3, 2), **case} for case, _ in NEEDS.values()]
    month = tables([*every, stay("st99.001", 4), stay("st98.001", 4, koef=[1, 16])])
    out = price(month, context(agreement("small")))
    assert out["priced_sl"].schema == contract.TABLES["priced_sl"].schema()
    assert out["priced"].schema == contract.TABLES["priced"].schema()
    assert out["findings"].height == 2
    turned = {name: table.reverse() for name, table in month.items()}
    again = price(turned, context(agreement("small")))
    for name, table in out.items():
        assert again[name].equals(table, null_equal=True), name


def test_a_case_with_one_unpriced_part_or_none_has_no_price() -> None:
    first = {"n_ksg": "st02.001", "date_1": date(2022, 3, 1), "date_2": date(2022, 3, 11)}
    half = {**stay("st02.001", 10), "sl": [first, {**first, "n_ksg": "st99.001"}]}
    month = tables([half, stay("st02.001", 10), stay("st02.001", 10)])
    month["sl"] = month["sl"].filter(pl.col("case_key") != 3)
    out = price(month, context(agreement("small")))
    assert out["priced"].to_dicts() == [
        {"case_key": 1, "payment_kind": "ksg_inpatient", "price_kop": None},
        {"case_key": 2, "payment_kind": "ksg_inpatient", "price_kop": kopecks("24322.6 x 0.93 x (0.2 + 0.8 x 0.9)")},
        {"case_key": 3, "payment_kind": None, "price_kop": None},
    ]


def test_an_empty_month_and_absent_tables() -> None:
    month = tables([])
    out = price({"cases": month["cases"], "sl": month["sl"]}, context(agreement("small")))
    assert [table.height for table in out.values()] == [0, 0, 0]
    only_visits = tables([{"kind": "visit", "lpu": "750001", "profil": 97, "p_cel": "1.0", "det": 0, "date_2": date(2022, 3, 1)}])
    lean = {"cases": only_visits["cases"], "sl": only_visits["sl"].drop("n_ksg", "vid_hmp", "metod_hmp", "kd")}
    assert price(lean, context(agreement("small")))["priced"]["price_kop"].to_list() == [41235]


def test_age_reached_in_the_year_is_an_option() -> None:
    small = agreement("small")
    in_year = replace(small, head=small.head.model_copy(update={"exam_age": "in_year"}))
    exam = {"kind": "exam", "letters": "DP", "lpu": "750001", "w": 2, "age": 39, "date_2": date(2022, 3, 1)}
    month = tables([exam])
    assert price(month, context(small))["priced"]["price_kop"].to_list() == [192050]
    out = price(month, context(in_year))  # the month does not say the age in the year: a finding, not a guess
    assert out["priced"]["price_kop"].to_list() == [None]
    assert out["findings"]["rule"].to_list() == ["P.1"]
    month["identified"] = month["identified"].with_columns(age_in_year=pl.lit(40, dtype=pl.Int64))
    assert price(month, context(in_year))["priced"]["price_kop"].to_list() == [273140]


def test_kslp_rule_of_the_agreement_goes_before_that_of_the_law() -> None:
    small = agreement("small")
    rule = {
        "valid_from": date(2022, 1, 1), "valid_to": date(2022, 12, 31), "reference": "test", "rule": "multiply",
        "cap5": 180_000, "source": "agreement.yaml:1",
    }  # fmt: skip
    own = small.with_table("kslp_rules", pl.DataFrame([rule], schema=small.table("kslp_rules").schema))
    values = small.table("kslp").with_columns(value5=pl.lit(120_000, dtype=pl.Int64))
    row = priced(own.with_table("kslp", values), stay("st02.001", 10, koef=[1]))[0][0]
    assert (row["formula"], row["kslp5"]) == ("ksg_multiply", 120_000)
    assert row["price_kop"] == kopecks("24322.6 x 0.93 x (0.2 + 0.8 x 0.9) x 1.2")
