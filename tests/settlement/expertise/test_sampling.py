"""Is a sample the same for the same seed, within one case of the norm, free of refused cases? Do the targeted lists hold what they must?"""

from __future__ import annotations

import hashlib
import hmac
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.periods import Month
from omsclaims.settlement.expertise.sampling import LISTS, Draw, draw_key, quotas, sample, within_one
from omsclaims.settlement.identify import identify
from tests.settlement import settlement_samples as samples

FOLDER = Path(__file__).parents[3] / "fixtures" / "settlement"
QUOTAS = yaml.safe_load((FOLDER / "expertise_quotas.yaml").read_text(encoding="utf-8"))
LISTED = yaml.safe_load((FOLDER / "expertise_lists.yaml").read_text(encoding="utf-8"))
SECRET = b"secret of a test"


def person_key(name: str) -> str:
    """The key of a person whose policy number is the name."""
    return hmac.digest(SECRET, f"enp|{name}".encode(), "sha256").hex()[:32]


def month_of(cases: list[dict[str, Any]], history: list[dict[str, Any]] | None = None) -> dict[str, pl.DataFrame]:
    """Tables that a sample is drawn from: one sub-case a case."""
    rows: dict[str, list[dict[str, Any]]] = {"cases": [], "decisions": [], "identified": [], "sl": [], "priced_sl": []}
    for key, case in enumerate(cases):
        begin = case.get("from", date(2022, 3, 1))
        end = begin + timedelta(days=case["days"]) if "days" in case else case.get("to", begin)
        usl_ok = case.get("usl_ok", 1)
        rows["cases"].append(
            {
                "case_key": key, "package": case.get("package", "P"), "n_zap": key + 1, "idcase": key + 1,
                "code_mo": case.get("mo", "750901"), "file_kind": "H", "usl_ok": usl_ok, "date_z_1": begin, "date_z_2": end,
                "rslt": case.get("rslt", 101),
            }
        )  # fmt: skip
        rows["decisions"].append({"case_key": key, "oplata": 2 if case.get("refused") else 1})
        rows["identified"].append(
            {
                "case_key": key, "person_key": person_key(case.get("person", f"nobody{key}")),
                "status": case.get("status", "own"), "smo": case.get("smo", "75901"), "died_on": case.get("died"),
            }
        )  # fmt: skip
        rows["sl"].append(
            {
                "case_key": key, "date_1": begin, "date_2": end, "ds1": case.get("ds1", "J18.9"),
                "p_cel": case.get("p_cel", "1.0") if usl_ok == 3 else None, "n_ksg": case.get("group", "st01.001"),
            }
        )  # fmt: skip
        rows["priced_sl"].append({"case_key": key, "interrupted": case.get("interrupted")})
    before = []
    for number, case in enumerate(history or []):
        begin = case.get("from", date(2022, 2, 1))
        end = begin + timedelta(days=case["days"]) if "days" in case else case["to"]
        before.append(
            {
                "person_key": person_key(case.get("person", f"before{number}")), "month": "2022-02", "package": "Q",
                "idcase": number + 1, "sl_id": "1", "usl_ok": case.get("usl_ok", 1), "date_1": begin, "date_2": end,
                "ds1": case.get("ds1", "J18.9"), "n_ksg": case.get("group", "st01.001"), "code_mo": "750901",
            }
        )  # fmt: skip
    kinds = {"date_1": pl.Date, "date_2": pl.Date, "ds1": pl.String, "p_cel": pl.String, "n_ksg": pl.String, "case_key": pl.Int64}
    return {
        **{name: samples.rows(name, *rows[name]) for name in ("cases", "decisions", "identified", "priced_sl")},
        "sl": pl.DataFrame(rows["sl"], schema_overrides=kinds),
        "history": samples.rows("history", *before),
        "reg_complaint": samples.rows("reg_complaint"),
    }


@pytest.mark.parametrize("case", QUOTAS, ids=lambda case: str(case["name"]))
def test_quotas(case: dict[str, Any]) -> None:
    names = list(case["cases"])
    drawn = quotas(list(case["cases"].values()), Fraction(case["share"]), case.get("rounding", "half_up"), names)
    assert dict(zip(names, drawn, strict=True)) == case["drawn"]


@given(
    sizes=st.lists(st.integers(0, 10**6), min_size=1, max_size=40), share=st.fractions(0, 1, max_denominator=10_000),
    rounding=st.sampled_from(["half_up", "up"]),
)  # fmt: skip
def test_quotas_are_within_one_case_and_add_up(sizes: list[int], share: Fraction, rounding: str) -> None:
    drawn = quotas(sizes, share, rounding, [str(i) for i in range(len(sizes))])
    assert all(abs(part - share * size) < 1 for part, size in zip(drawn, sizes, strict=True))
    assert all(0 <= part <= size for part, size in zip(drawn, sizes, strict=True))
    whole = share * sum(sizes)
    assert sum(drawn) == (-(-whole.numerator // whole.denominator) if rounding == "up" else (2 * whole + 1) // 2)


LIST_CASES = [pytest.param(name, case, id=f"{name}: {case['name']}") for name, cases in LISTED.items() for case in cases]


@pytest.mark.parametrize(("name", "case"), LIST_CASES)
def test_a_targeted_list(name: str, case: dict[str, Any]) -> None:
    tables = month_of(case["cases"], case.get("history"))
    complaints = [
        {
            "number": f"N{number}", "received": date(2022, 4, 1), "enp": one["of"], "mo": one.get("mo"), "care_from": one["from"],
            "care_to": one["to"],
        }
        for number, one in enumerate(case.get("complaints", []))
    ]  # fmt: skip
    tables["reg_complaint"] = samples.rows("reg_complaint", *complaints)
    made = sample(tables, samples.context(case.get("month", "2022-03")), Draw(case.get("kind", "ekmp"), 1))
    rows = made["expertise_sample"].filter(pl.col("list") == name)
    assert sorted(rows["idcase"].to_list()) == case["listed"]
    assert rows["s_tip"].null_count() == 0
    assert made["findings"]["rule"].to_list() == case.get("found", [])


def test_every_list_has_cases_both_ways() -> None:
    assert set(LISTED) == set(LISTS) - {"planned"}
    for cases in LISTED.values():
        assert any(case["listed"] for case in cases)
        assert any(not case["listed"] for case in cases)


def many(count: int) -> list[dict[str, Any]]:
    """Cases of four conditions of care, five clinics, two payers; every seventh was refused by МЭК."""
    return [
        {"usl_ok": 1 + i % 4, "mo": f"75090{i % 5}", "smo": f"7590{1 + i % 2}", "refused": i % 7 == 0, "package": f"P{i % 5}"}
        for i in range(count)
    ]


@pytest.mark.parametrize("kind", ["mee", "ekmp"])
@pytest.mark.parametrize("within", ["mo", "payer"])
def test_strata_are_within_one_case_of_the_norm_and_no_refused_case_is_drawn(kind: Any, within: Any) -> None:
    tables = month_of(many(3000))
    made = sample(tables, samples.context(), Draw(kind, 7, None, within))
    rows, strata = made["expertise_sample"], made["expertise_strata"]
    assert within_one(strata).is_empty()
    planned = rows.filter(pl.col("list") == "planned")
    counted = planned.group_by("usl_ok", "inner").len().sort("usl_ok", "inner")
    wanted = strata.filter(pl.col("drawn") > 0).select("usl_ok", "inner", "drawn")
    assert counted.rows() == wanted.rows()
    shares = {"mee": {1: "0.06", 2: "0.06", 3: "0.005", 4: "0.02"}, "ekmp": {1: "0.03", 2: "0.015", 3: "0.002", 4: "0.005"}}[kind]
    for usl_ok, cases, drawn in strata.group_by("usl_ok").agg(pl.col("cases").sum(), pl.col("drawn").sum()).iter_rows():
        assert drawn == (2 * Fraction(shares[usl_ok]) * cases + 1) // 2
    refused = set(tables["decisions"].filter(pl.col("oplata") == 2)["case_key"])
    assert refused and not refused & set(rows["case_key"])
    assert planned["s_tip"].unique().to_list() == [{"mee": 50, "ekmp": 70}[kind]]


def test_the_same_seed_gives_the_same_sample_for_any_order_of_input() -> None:
    tables = month_of(many(2000))
    one = sample(tables, samples.context(), Draw("mee", 7))
    shuffled = {name: table.sample(fraction=1.0, shuffle=True, seed=3) for name, table in tables.items()}
    again = sample(shuffled, samples.context(), Draw("mee", 7))
    assert all(one[name].equals(again[name]) for name in one)
    other = sample(tables, samples.context(), Draw("mee", 8))
    assert not one["expertise_sample"].equals(other["expertise_sample"])
    # МЭЭ and ЭКМП of one seed are two draws: the smaller is not the beginning of the larger.
    assert draw_key(7, "mee", "2022-03", "P", 1, 1) != draw_key(7, "ekmp", "2022-03", "P", 1, 1)


def test_the_draw_is_the_documented_hash() -> None:
    """Anyone can draw the sample again: the smallest SHA-256 over seed, kind, month and name of the case."""
    tables = month_of([{"usl_ok": 1} for _ in range(100)])
    planned = sample(tables, samples.context(), Draw("mee", 20220301))["expertise_sample"].filter(pl.col("list") == "planned")
    text = "20220301|mee|2022-03|P|{n}|{n}"
    keys = sorted(range(1, 101), key=lambda n: hashlib.sha256(text.format(n=n).encode()).hexdigest())
    assert planned.sort("place")["idcase"].to_list() == keys[:6]


def test_an_insurer_draws_from_its_own_people() -> None:
    tables = month_of(many(1000))
    made = sample(tables, samples.context(), Draw("mee", 7, "75902"))
    assert made["expertise_sample"]["payer"].unique().to_list() == ["75902"]
    assert made["expertise_strata"]["cases"].sum() == sum(not case["refused"] and case["smo"] == "75902" for case in many(1000))
    elsewhere = month_of([{"status": "other", "smo": "38001"}, {"status": "unknown", "smo": None}])
    drawn = sample(elsewhere, samples.context(), Draw("mee", 7, "75", "payer"))
    assert drawn["expertise_strata"].select("inner", "cases").rows() == [("75", 2)]


def test_a_month_without_accepted_cases() -> None:
    made = sample(month_of([{"refused": True}]), samples.context(), Draw("ekmp", 7))
    assert made["expertise_sample"].height == made["expertise_strata"].height == 0


def test_a_complaint_finds_the_person_that_identification_knows() -> None:
    cases = samples.rows("cases", samples.case(1))
    tables = {
        "cases": cases,
        "z_sl": pl.DataFrame({"_row": [1], "_parent": [1]}),
        "patient": pl.DataFrame({"_parent": [1], "policy": ["7500000000000000"], "spolis": [None]}, schema_overrides={"spolis": pl.String}),
        "person": pl.DataFrame(
            {"package": ["HM750901T75_220301"], "id_pac": ["p1"], "fam": ["А"], "im": ["Б"], "ot": [None], "w": [1], "dr": [date(1980, 1, 1)]},
            schema_overrides={"ot": pl.String},
        ),
        "reg_insured": samples.rows(
            "reg_insured",
            {"enp": "7500000000000000", "w": 1, "dr": date(1980, 1, 1), "vpolis": 3, "smo": "75901", "policy_from": date(2020, 1, 1), "place": "x"},
        ),
        "reg_attachment": samples.rows("reg_attachment"),
    }  # fmt: skip
    identified = identify(tables, samples.context())["identified"]
    assert identified["person_key"].to_list() == [person_key("7500000000000000")]


@settings(max_examples=20, deadline=None)
@given(cases=st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 60), st.integers(0, 9)), min_size=1, max_size=12))
def test_readmissions_are_those_of_the_plain_rule(cases: list[tuple[str, int, int]]) -> None:
    """The one sort gives what a look at every pair gives."""
    first = date(2022, 3, 1)
    built = [
        {"person": who, "from": first + timedelta(days=begin), "to": first + timedelta(days=begin + length)}
        for who, begin, length in cases
    ]
    plain = sorted(
        number
        for number, one in enumerate(built, 1)
        if any(other["person"] == one["person"] and 1 <= (one["from"] - other["to"]).days <= 30 for other in built)
    )
    made = sample(month_of(built), samples.context("2022-03"), Draw("ekmp", 1))["expertise_sample"]
    assert sorted(made.filter(pl.col("list") == "readmission")["idcase"].to_list()) == plain
    assert Month(2022, 3).days == 31
