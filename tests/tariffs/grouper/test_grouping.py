"""A month through the grouper: tables of registries become cases, cases get groups, what stands in the way is a finding."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from omsclaims import contract, messages
from omsclaims.findings import SCHEMA as FINDINGS
from omsclaims.findings import with_text
from omsclaims.nsi import Books
from omsclaims.tariffs.grouper import cases_of
from omsclaims.tariffs.grouper.cases import SCHEMA
from omsclaims.tariffs.grouper.grouping import group_month, groupers_of, prices_by_weight
from tests.tariffs.grouper.grouper_cases import books

BOOKS = Books(books())
_SL = {
    "_row": pl.Int64, "case_key": pl.Int64, "sl_id": pl.String, "ds1": pl.String, "date_1": pl.Date, "date_2": pl.Date, "kd": pl.Int64,
    "n_ksg": pl.String, "k_fr": pl.Int64,
}  # fmt: skip
_CASE = {
    "case_key": pl.Int64, "usl_ok": pl.Int64, "file_kind": pl.String, "rslt": pl.Int64, "package": pl.String, "n_zap": pl.Int64,
    "idcase": pl.Int64,
}  # fmt: skip
_PERSON = {"case_key": pl.Int64, "w": pl.Int64, "age_start": pl.Int64, "age_days_start": pl.Int64}
_LISTS = {"ds2": "ds2", "ds3": "ds3", "usl": "code_usl", "crit": "crit"}


def month(*stays: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Tables of a month; a stay is {usl_ok, kind, rslt, w, age, sl: [{ds1, from, to, ksg, kd, k_fr, ds2, ds3, usl, crit}]}."""
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in ("cases", "sl", "identified", *_LISTS)}
    for key, stay in enumerate(stays, 1):
        kind, rslt = stay.get("kind", "H"), stay.get("rslt", 101)
        rows["cases"].append((key, stay.get("usl_ok", 1), kind, rslt, "HM750001T75_26031", key, key * 10))
        age = stay.get("age", 40)
        rows["identified"].append((key, stay.get("w", 2), age, None if age is None else age * 366))
        for number, part in enumerate(stay["sl"], 1):
            row = key * 100 + number
            days = (part.get("from", date(2026, 3, 2)), part.get("to", date(2026, 3, 12)))
            rows["sl"].append((row, key, f"s{number}", part.get("ds1"), *days, part.get("kd"), part.get("ksg"), part.get("k_fr")))
            for name in _LISTS:
                rows[name] += [(row, value) for value in part.get(name, [])]
    schemas: dict[str, dict[str, Any]] = {"cases": _CASE, "sl": _SL, "identified": _PERSON}
    schemas |= {name: {"_parent": pl.Int64, column: pl.String} for name, column in _LISTS.items()}
    return {name: pl.DataFrame(rows[name], schema=schema, orient="row") for name, schema in schemas.items()}


def grouped(*stays: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """A month, grouped by the small workbooks at prices by weight."""
    return group_month(month(*stays), BOOKS, prices_by_weight(groupers_of(BOOKS)))


def test_tables_become_cases() -> None:
    tables = month(
        {"w": 1, "age": 50, "rslt": 102, "sl": [
            {"ds1": "J18.9", "ds2": ["C50.1", "I10"], "usl": ["A1", "A1", "B2"], "crit": ["it1"], "ksg": "st23.001", "k_fr": 3},
            {"ds1": "I20.0", "from": date(2026, 3, 12), "to": date(2026, 3, 12)},
        ]},
        {"usl_ok": 2, "sl": [{"ds1": "B18.1", "kd": 295}]},
        {"usl_ok": 3, "sl": [{"ds1": "J06.9"}]},
        {"kind": "T", "sl": [{"ds1": "I20.0"}]},
    )  # fmt: skip
    people = tables["identified"].rename({"age_start": "age_years", "age_days_start": "age_days"})
    found = cases_of(tables, people)
    assert dict(found.schema) == SCHEMA
    assert found["sl_key"].to_list() == [101, 102, 201]  # visits and high-tech care have no group
    first = found.row(0, named=True)
    assert (first["ds2"], first["ds3"], first["services"], first["criteria"]) == (
        ["C50.1", "I10"],
        [],
        ["A1", "A1", "B2"],
        ["it1"],
    )
    assert (first["days"], first["day"], first["w"], first["rslt"], first["fractions"]) == (10, date(2026, 3, 12), 1, 102, 3)
    assert found["days"].to_list() == [10, 1, 30]  # a day of admission is a day; 29.5 patient-days are thirty begun
    assert found["payment_kind"].to_list() == ["ksg_inpatient", "ksg_inpatient", "ksg_day"]
    assert found["first_of_stay"].to_list() == [True, False, True]
    assert_frame_equal(cases_of({name: table.reverse() for name, table in tables.items() if name not in _LISTS} | {name: tables[name] for name in _LISTS}, people), found)  # fmt: skip


def test_a_code_of_the_nomenclature_stands_in_either_element() -> None:
    tables = month({"sl": [{"ds1": "O10.0", "usl": ["region-1", "B01.001.009"]}]})
    services = tables["usl"].with_columns(vid_vme=pl.Series(["A16.20.005", None]))
    found = group_month({**tables, "usl": services}, BOOKS, prices_by_weight(groupers_of(BOOKS)))
    assert found["grouped"].select("ksg", "candidates").row(0) == ("st02.004", 3)


def test_a_month() -> None:
    found = grouped(
        {"sl": [{"ds1": "O10.0", "usl": ["B01.001.009"], "ksg": "st02.001"}]},
        {
            "sl": [
                {"ds1": "J18.9", "ksg": "st23.001"},
                {"ds1": "J18.9", "crit": ["amt120"], "from": date(2026, 3, 5), "ksg": "st36.052"},
            ]
        },
        {"usl_ok": 2, "sl": [{"ds1": "I20.0", "usl": ["A06.10.006"], "kd": 20, "ksg": "ds25.001"}]},
    )
    rows = found["grouped"]
    assert rows.select("sl_key", "billed", "ksg", "decided").rows() == [
        (101, "st02.001", "st02.003", "exception"), (201, "st23.001", "st23.001", "only"), (202, "st36.052", "st36.052", "exception"),
        (301, "ds25.001", "ds25.001", "priority"),
    ]  # fmt: skip
    assert rows["billed_price_kop"].to_list() == [900_000, 800_000, 400_000, 1_800_000]
    for name in ("grouped", "group_candidates"):
        assert_frame_equal(contract.check(name, found[name]), found[name])
    assert found["group_candidates"].filter("chosen")["sl_key"].to_list() == [101, 201, 202, 301]
    assert found["findings"].height == 0


def test_what_stands_in_the_way_is_a_finding_with_its_place() -> None:
    found = grouped(
        {"sl": [{"ds1": "J99.9", "ksg": "st23.001"}]},
        {"sl": [{"ds1": "J18.9", "from": date(2025, 12, 1), "to": date(2025, 12, 31)}]},
        {"age": None, "sl": [{"ds1": "J18.9"}]},
        {"sl": [{"ds1": None}]},
        {"sl": [{"ds1": "J18.0", "usl": ["A07.30.009"], "crit": ["fr01-05"], "k_fr": 6}]},
    )
    assert dict(found["findings"].schema) == FINDINGS
    said = (
        found["findings"].sort("n_zap").select("rule", "n_zap", "idcase", "sl_id", "element", "value", "z_row", "sl_row", "code")
    )
    group, person = "ZAP/Z_SL/SL/KSG_KPG/N_KSG", "PERS/DR"
    assert said.rows() == [
        ("T.70", 1, 10, "s1", group, "st23.001", 1, 101, None), ("T.71", 2, 20, "s1", group, "2025-12-31", 2, 201, None),
        ("T.73", 3, 30, "s1", person, None, 3, 301, None), ("T.73", 4, 40, "s1", "ZAP/Z_SL/SL/DS1", None, 4, 401, None),
        ("T.74", 5, 50, "s1", "ZAP/Z_SL/SL/ONK_SL/K_FR", "6", 5, 501, None),
    ]  # fmt: skip
    assert found["grouped"]["decided"].to_list() == ["none", "outside", "unknown", "unknown", "only"]
    assert found["grouped"]["ksg"].to_list() == [None, None, None, None, "st19.075"]
    for lang in messages.LANGUAGES:
        for text in with_text(found["findings"], lang)["text"]:
            assert "{" not in text
            assert "None" not in text


def test_a_price_that_is_not_known() -> None:
    tables = month({"sl": [{"ds1": "G40.0"}]})
    found = group_month(tables, BOOKS, lambda asked: asked.select("sl_key", "ksg", price_kop=pl.lit(None, dtype=pl.Int64)))
    assert found["grouped"].select("ksg", "decided").row(0) == (None, "unpriced")
    assert found["findings"].select("rule").to_series().to_list() == ["T.72"]


def test_prices_are_asked_with_what_is_known_of_the_case() -> None:
    asked_for = []

    def prices(asked: pl.DataFrame) -> pl.DataFrame:
        asked_for.append(asked)
        return asked.select("sl_key", "ksg", price_kop=pl.lit(1)).reverse()  # in another order than it was asked

    found = group_month(month({"sl": [{"ds1": "G40.0"}]}), BOOKS, prices)
    assert set(asked_for[0].columns) == {"ksg", "norm_days", *SCHEMA} - {"ds2", "ds3", "services", "criteria"}
    assert found["grouped"].select("ksg", "decided", "tied").row(0) == ("st15.001", "code", True)


def test_norm_days_come_from_the_criterion() -> None:
    found = grouped({"sl": [{"ds1": "K50.0", "usl": ["B05.023.001"], "crit": ["rb4d14"]}]}, {"sl": [{"ds1": "J18.9"}]})
    assert found["grouped"].select("ksg", "norm_days").rows() == [("st37.002", 14), ("st23.001", None)]


def test_one_bad_case_changes_no_other() -> None:
    good = {"sl": [{"ds1": "J18.9", "ksg": "st23.001"}]}
    alone = grouped(good)["grouped"]
    beside = grouped(
        good, {"age": None, "w": None, "sl": [{"ds1": "?", "usl": ["", "А"], "crit": ["fr"], "from": None, "to": None}]}
    )
    assert_frame_equal(beside["grouped"].filter(pl.col("case_key") == 1), alone)
    assert beside["grouped"].height == 2


def test_without_a_workbook_nothing_is_grouped() -> None:
    found = group_month(month({"sl": [{"ds1": "J18.9"}]}), Books(), prices_by_weight([]))
    assert [found[name].height for name in ("grouped", "group_candidates", "findings")] == [0, 0, 0]


def test_workbooks_are_compiled_once() -> None:
    assert [id(one) for one in groupers_of(BOOKS)] == [id(one) for one in groupers_of(Books(books()))]
