"""Has every federal parameter its reference, how sure it is, and somebody who uses it?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from omsclaims.law import SURENESS, ParameterError, Parameters, federal_parameters, rules
from omsclaims.law.agreement import against_law, load_agreement
from omsclaims.periods import Month
from omsclaims.settlement import reserves, vouchers
from omsclaims.settlement.financing import case_management_rate
from omsclaims.settlement.insured import certificate_ends
from omsclaims.tariffs import price
from omsclaims.tariffs.costing import cost
from omsclaims.tariffs.costing_files import read_folder
from tests.settlement import settlement_samples as samples
from tests.settlement.test_vouchers import WRITTEN as VOUCHERS
from tests.settlement.test_vouchers import registers
from tests.tariffs.tariff_cases import context, tables

FIXTURES = Path(__file__).parents[2] / "fixtures"
AGREEMENTS = FIXTURES / "agreements"
PARAMETERS = federal_parameters().by_name


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_value_has_its_reference_and_says_how_sure_it_is(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter.meaning_ru.strip()
    assert parameter.meaning_en.strip()
    assert parameter.unit.strip()
    for value in parameter.values:
        assert len(value.reference.strip()) >= 10, value
        assert value.sure in SURENESS
        # What was read must say where: a point, an article, a table.
        assert value.sure != "read" or re.search(r"\d", value.reference), value


def _against_law(law: Parameters) -> None:
    """An agreement held against the federal lists: groups of 2026, complexity of 2025, results of 2026."""
    groups, small = (load_agreement(AGREEMENTS / name) for name in ("s6_volgograd_2026", "small"))
    held = groups.with_table("kslp", small.table("kslp").with_columns(valid_from=date(2025, 1, 1)))
    results = small.table("interrupted_results").with_columns(valid_from=date(2026, 1, 1))
    ksg = groups.table("ksg").head(1)  # specificities on both sides of 1
    used = pl.lit(1).cast(ksg.schema["uses_specificity"])
    sides = [
        ksg.with_columns(code=pl.lit(code), uses_specificity=used, specificity5=pl.lit(value, dtype=pl.Int64))
        for code, value in (("st13.002", 90_000), ("st27.010", 110_000))
    ]
    against_law(held.with_table("interrupted_results", results).with_table("ksg", pl.concat(sides)), law)


def _no_rate_of_its_own(law: Parameters) -> None:
    """The rate of РВД where the agreement names none."""
    usual = samples.context()
    silent = usual.agreement.with_table("case_management", usual.agreement.table("case_management").clear())
    case_management_rate(replace(usual, agreement=silent, law=law))


def _no_base_of_its_own(law: Parameters) -> None:
    """A calculation of tariffs whose folder names no base of distribution."""
    inputs = read_folder(FIXTURES / "costing" / "clinic")
    assert not isinstance(inputs, list)
    cost(replace(inputs, indirect=[{**row, "base": None} for row in inputs.indirect], share_base=None), law)


def _complexity(law: Parameters) -> pl.DataFrame:
    """A case with complexity under an agreement that has no rule of its own: the row names where its rule stands."""
    of = replace(
        small := load_agreement(AGREEMENTS / "small"), tables={**small.tables, "kslp_rules": small.table("kslp_rules").clear()}
    )
    case = {"kind": "ksg_inpatient", "lpu": "750001", "n_ksg": "st02.001", "date_1": date(2022, 3, 1), "date_2": date(2022, 3, 9)}
    return price(tables([{**case, "koef": [1]}]), replace(context(of), law=law))["priced_sl"]


def _terms_of_vouchers(law: Parameters) -> None:
    """Terms of vouchers in every state that has one."""
    for written in VOUCHERS:
        day = written["as_of"]
        about = replace(samples.context(str(Month(day.year, day.month)), as_of=day), law=law)
        vouchers.terms(vouchers.standings(registers(written), day)[0], about)


#: What the months of the tests do not ask for (tests/cli/test_cli_unconfirmed.py asks for the others), and a function that does:
#: it is run, and the law must have been asked. A mention in a comment or a list proves nothing.
NAMED: Final[dict[str, Callable[[Parameters], object]]] = {
    "capitation.fap_norms": lambda law: rules.capitation_rules(law, date(2020, 5, 1)),
    "financing.case_management_rate": _no_rate_of_its_own,
    "insured.certificate_working_days": lambda law: certificate_ends(date(2022, 3, 1), None, law),
    "reserves.split": lambda law: reserves.split("mee_savings", 100, date(2022, 3, 1), law),
    "tariff_calculation.share_base": _no_base_of_its_own,
    "tariffs.kslp_rule": _complexity,
    **dict.fromkeys(
        (f"tariffs.{name}" for name in (
            "interrupted_results", "kslp_values", "kslp_without_territorial", "optimal_short_stay", "specificity_is_one",
            "specificity_not_lowered", "specificity_not_raised", "surgical", "without_level",
        )),
        _against_law,
    ),
    **dict.fromkeys(
        (f"vouchers.{name}_working_days" for name in (
            "authority", "clinic", "clinic_in_person", "due_soon", "extract", "papers", "referring", "whole_path",
        )),
        _terms_of_vouchers,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_a_parameter_is_asked_for_by_a_function(name: str) -> None:
    law = federal_parameters().noting()
    made = NAMED[name](law)
    asked = set(law.asked or ())
    if isinstance(made, pl.DataFrame):
        asked.update(";".join(made["sources"].drop_nulls()).split(";"))
    assert any(source.startswith(f"law:{name}@") for source in asked), sorted(asked)


def test_a_miss_is_an_error_never_a_zero() -> None:
    with pytest.raises(ParameterError, match=r"the parameter reserves\.lottery has no value"):
        federal_parameters().value("reserves.lottery", date(2022, 1, 1))
    with pytest.raises(ParameterError, match="no value on 2010-12-31"):
        federal_parameters().value("reserves.split", date(2010, 12, 31))


def test_a_null_ends_a_parameter() -> None:
    like = PARAMETERS["reserves.spare_limit_months"]
    ended = like.model_copy(
        update={"values": (*like.values, like.values[0].model_copy(update={"since": date(2020, 1, 1), "value": None}))}
    )
    law = Parameters({"x.y": ended})
    assert law.value("x.y", date(2019, 12, 31)) == 1
    with pytest.raises(ParameterError):
        law.value("x.y", date(2020, 1, 1))
