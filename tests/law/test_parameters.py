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

from omsclaims import contract
from omsclaims.law import SURENESS, ParameterError, Parameters, federal_parameters, rules
from omsclaims.law import terms as law_terms
from omsclaims.law.agreement import against_law, load_agreement
from omsclaims.periods import Month
from omsclaims.settlement import bank, insurer_year, reserves, vouchers
from omsclaims.settlement.between import abroad, home, terms
from omsclaims.settlement.financing import case_management_rate
from omsclaims.settlement.insured import certificate_ends
from omsclaims.tariffs import price
from omsclaims.tariffs.costing import cost
from omsclaims.tariffs.costing_files import read_folder
from tests.settlement import settlement_samples as samples
from tests.settlement.between.home_samples import NAME, bill, item
from tests.settlement.between.home_samples import registers as home_registers
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


def _steps_between(law: Parameters) -> None:
    """Terms of the steps of a bill between territories, of its list, and of the yearly reconciliation."""
    for step in terms.STEPS:
        last = terms.due(step, date(2022, 3, 1), law)
        terms.law_due(step, date(2022, 3, 1), law)
        terms.state(last, None, date(2022, 3, 1), law)
    terms.reconciliation(2022, law)


def _calendar_days(law: Parameters) -> None:
    """A term in calendar days: both switches are asked."""
    terms.law_due("answer", date(2022, 3, 1), law)


def _home(law: Parameters) -> None:
    """Control of another territory's bill with an item outside the base programme."""
    of = replace(samples.context("2022-02"), law=law)
    home.control({**home.tables(NAME, bill(item(1, vidpom=4))), **home_registers()}, of)


def _abroad(law: Parameters) -> None:
    """Terms of clinics outside the Federation."""
    abroad.terms(Month(2022, 3), date(2022, 4, 1), law)
    terms.reconciliation(2022, law, "abroad")


def _year_end(law: Parameters) -> None:
    contracts, returned = contract.TABLES["reg_contract"].empty(), contract.TABLES["journal"].empty()
    insurer_year.year_end("75901", date(2022, 12, 31), date(2023, 1, 10), {}, {}, returned, contracts, law)


def _counted(name: str) -> Callable[[Parameters], object]:
    """A term that begins with an event and that no stage follows: who needs its day counts it by `law.terms`."""
    return lambda law: law_terms.due(law, name, date(2022, 3, 1))


def _read(name: str) -> Callable[[Parameters], object]:
    """A figure of the law that a list of the disclosure shows."""
    return lambda law: law.value(name, date(2022, 3, 1))


#: What the months of the tests do not ask for (tests/cli/test_cli_unconfirmed.py asks for the others), and a function that does:
#: it is run, and the law must have been asked. A mention in a comment or a list proves nothing.
NAMED: Final[dict[str, Callable[[Parameters], object]]] = {
    "capitation.fap_norms": lambda law: rules.capitation_rules(law, date(2020, 5, 1)),
    "financing.case_management_rate": _no_rate_of_its_own,
    "insured.certificate_working_days": lambda law: certificate_ends(date(2022, 3, 1), None, law),
    "payments.short_of_money": lambda law: bank.short_rule(law, date(2022, 3, 1)),
    "reserves.split": lambda law: reserves.split("mee_savings", 100, date(2022, 3, 1), law),
    **dict.fromkeys(("reserves.year_end_pots", "reserves.year_end_working_days"), _year_end),
    "tariff_calculation.share_base": _no_base_of_its_own,
    "tariffs.kslp_rule": _complexity,
    "calendar.decree_days_off": _steps_between,
    "calendar.move_to_working_day": _calendar_days,
    **dict.fromkeys(
        (f"territories.{name}" for name in (
            "answer_working_days", "bill_working_days", "corrected_working_days", "due_soon_working_days", "final_working_days",
            "pay_clinic_days", "reconcile_from", "reconcile_return", "reconcile_send", "reconcile_to", "refund_days",
        )),
        _steps_between,
    ),
    "territories.grounds": _home,
    "territories.outside_base": _home,
    **dict.fromkeys(
        (f"abroad.{name}" for name in (
            "clinic_bill_working_day", "mek_working_days", "pay_days", "reconcile_from", "reconcile_return", "reconcile_send",
            "reconcile_to",
        )),
        _abroad,
    ),
    **{
        name: _counted(name) for name in (
            "disclosure.refresh_working_days", "financing.return_unused_working_days", "reserves.early_end_working_days",
            *(f"insured.{part}_working_days" for part in (
                "application_answer", "application_check", "application_to_federal", "central_check", "central_request",
                "central_result", "clinic_papers", "insurer_papers", "invalid_policy", "policy", "policy_notice", "policy_refusal",
                "refusal_after_check",
            )),
            *(f"insured.{part}_months" for part in ("early_end_notice", "insurer_gone", "move", "name_change")),
        )
    },
    **{name: _read(name) for name in ("disclosure.media_a_year", "disclosure.kept_years")},
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
