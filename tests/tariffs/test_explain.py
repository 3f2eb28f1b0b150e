from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from omsclaims import messages
from omsclaims.tariffs import explain
from omsclaims.tariffs.explain import plain_number

from .tariff_cases import agreement, arithmetic, priced, stay
from .test_pricing import cases, scaled

_LINE = re.compile(r"(?:[\w.]+: )?(.+) = ([0-9.]+), rounded to ([0-9.]+) roubles: ([0-9.]+)")


def calculated(lines: list[str]) -> list[Decimal]:
    """Every computation line held against a desk calculator: the unrounded and the rounded figure."""
    results = []
    for line in lines:
        match = _LINE.fullmatch(line.strip())
        if match:
            expression, exact, step, amount = match.groups()
            assert arithmetic(expression) == Fraction(exact), line
            assert Fraction(amount) % Fraction(step) == 0
            assert abs(Fraction(exact) - Fraction(amount)) * 2 <= Fraction(step), line
            results.append(Decimal(amount))
    return results


@pytest.mark.parametrize("case", cases("ksg", "units"))
def test_a_desk_calculator_gives_the_amount(case: dict[str, Any]) -> None:
    for row in priced(agreement("small"), scaled(case["case"]))[0]:
        lines = explain(row, "en", agreement("small"))
        results = calculated(lines)
        expected = Decimal(row["price_kop"]) / 100
        assert sum(results) == expected if row["payment_kind"] != "per_capita" else results == []
        assert lines[1].startswith("formula: ")
        assert any(line.strip().startswith("source: agreement.yaml:") and "made up for tests" in line for line in lines)
        assert len(explain(row, "ru", agreement("small"))) == len(lines)


@pytest.mark.parametrize(("reason", "days"), [(101, 10), (105, 2), (105, 9)])
def test_each_step_shows_each_rounding(reason: int, days: int) -> None:
    row = priced(agreement("s6_medflk_2026"), stay("st02.005", days, lpu="000002", rslt=reason, date_1=date(2026, 3, 1)))[0][0]
    results = calculated(explain(row, "en"))
    assert results[0] == Decimal("24934.05")
    assert results[-1] == Decimal(row["price_kop"]) / 100
    assert len(results) == (2 if reason == 101 else 3)


def test_steps_and_dialysis_on_top() -> None:
    """Rounded to whole roubles at each step: the group, its complexity, the share, and each service of dialysis."""
    small = agreement("small")
    rounding = small.table("rounding").with_columns(mode=pl.lit("each_step"), step_kop=pl.lit(100, dtype=pl.Int64))
    usl = [{"code_usl": "A18.05.011", "kol_usl": 100}, {"code_usl": "A18.30.001", "kol_usl": 250}]
    case = stay("st12.012", 3, koef=[1], rslt=105, usl=usl)
    row = priced(small.with_table("rounding", rounding), case)[0][0]
    assert row["formula"].endswith("_steps_dialysis")
    lines = explain(row, "en")
    results = calculated(lines)
    assert results[-2:] == [Decimal(6787), Decimal(10162)]  # 6786.501975 and 10161.5007...
    assert results[-3] + results[-2] + results[-1] == Decimal(row["price_kop"]) / 100
    assert any(line.strip().startswith("group and complexity ") and line.endswith("dialysis 16949.00") for line in lines)


def test_the_multiplier_of_2021() -> None:
    row = priced(agreement("s7_complexity"), stay("st02.005", 9, lpu="000002", koef=[1, 2, 5], date_1=date(2021, 3, 1)))[0][0]
    assert row["kslp5"] == 170_000  # 1.2 + 0.4 under the cap, the long stay's 0.1 after it
    assert calculated(explain(row, "en")) == [Decimal(row["price_kop"]) / 100]
    capped = priced(agreement("s7_complexity"), stay("st02.005", 9, lpu="000002", koef=[3, 4, 5], date_1=date(2021, 3, 1)))[0][0]
    assert capped["kslp5"] == 190_000


def test_without_a_price_the_explanation_says_so() -> None:
    rows, _ = priced(
        agreement("small"), stay("st99.001", 5), {"file_kind": "H", "usl_ok": 9, "idsp": 1, "date_2": date(2022, 3, 1)}
    )
    assert "no price" in explain(rows[0], "en")[-3] or any("no price" in line for line in explain(rows[0], "en"))
    assert explain(rows[1], "ru") == [messages.text("priced.no_kind", "ru")]


def test_every_formula_has_a_text() -> None:
    kinds = [f"ksg_{rule}{alone}{steps}" for rule in ("add", "multiply") for alone in ("", "_group") for steps in ("", "_steps")]
    kinds += [f"{kind}{clinic}" for kind in ("visit", "episode", "call", "exam", "service") for clinic in ("", "_clinic")]
    kinds += [f"{kind}_uet{clinic}" for kind in ("visit", "episode") for clinic in ("", "_clinic")]
    for name in [*kinds, "per_capita", "vmp", "plus_dialysis"]:
        assert messages.has(f"formula.{name}"), name
    for rule in ("C107", "C111", "P.1", "P.3"):
        assert all(messages.has(f"rule.{rule}.{part}") for part in ("title", "text", "todo"))


def test_plain_numbers() -> None:
    assert plain_number(Fraction(5)) == "5"
    assert plain_number(Fraction(1, 8), 2) == "0.125"
    assert plain_number(Fraction(-3, 2), 2) == "-1.50"
    assert plain_number(Fraction(0), 2) == "0.00"
    with pytest.raises(ValueError, match="no finite decimal form"):
        plain_number(Fraction(1, 3))


@pytest.mark.parametrize(("lang", "mark"), [("ru", "НЕ ПОДТВЕРЖДЕНО"), ("en", "NOT CONFIRMED")])
def test_an_unconfirmed_parameter_of_the_law_is_marked(lang: str, mark: str) -> None:
    """The short stay of before 2026 is known to the trade, the rule of complexity from 2022 was read in production code."""
    row = priced(agreement("small"), stay("st12.012", 2, koef=[1]))[0][0]
    marked = {
        line.split(" = ")[0].rpartition(" ")[2]: mark in line for line in explain(row, lang) if "law" in line or "закон" in line
    }
    assert marked == {"tariffs.short_stay_days": True, "tariffs.kslp_rule": False}
