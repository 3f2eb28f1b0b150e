from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims.law import federal_parameters
from omsclaims.law.agreement import (
    FILES,
    SECTIONS,
    Agreement,
    AgreementError,
    Problem,
    against_law,
    load_agreement,
)

AGREEMENTS = Path(__file__).resolve().parents[2] / "fixtures" / "agreements"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the made-up agreement, to be spoilt."""
    return Path(shutil.copytree(AGREEMENTS / "small", tmp_path / "small"))


def put(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {file}"
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def problems(folder: Path) -> list[tuple[str, int, str, str]]:
    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)
    for problem in caught.value.problems:  # every problem has a text in both languages
        for lang in ("ru", "en"):
            assert problem.text(lang).startswith(f"{problem.file}:{problem.line}: ")
    return [(problem.file, problem.line, problem.column, problem.code) for problem in caught.value.problems]


def test_every_committed_agreement_loads() -> None:
    names = [path.name for path in AGREEMENTS.iterdir()]
    assert {"small", "s1_kalmykia", "s2_day_hospital", "s6_volgograd_2026", "s7_complexity"} <= set(names)
    for name in names:
        found = load_agreement(AGREEMENTS / name)
        assert set(found.tables) == {*SECTIONS, *FILES}
        assert found.notes == ()


def test_values_are_scaled_and_dated() -> None:
    found = load_agreement(AGREEMENTS / "small")
    ksg = found.table("ksg").filter(pl.col("code") == "st29.002").to_dicts()
    assert [row["weight5"] for row in ksg] == [137_000, 140_000]
    assert [row["wage_share5"] for row in ksg] == [80_000, 80_000]  # empty: the default of the agreement
    assert [(row["valid_from"], row["valid_to"]) for row in ksg] == [
        (date(2022, 1, 1), date(2022, 3, 31)),
        (date(2022, 4, 1), date(2022, 12, 31)),
    ]
    assert [row["source"] for row in ksg] == ["ksg.csv:5", "ksg.csv:6"]
    rates = found.table("base_rates").filter(pl.col("setting") == "ksg_inpatient")
    assert rates["rate4"].to_list() == [243_226_000, 250_000_000]
    assert found.reference_of(rates["source"][1]) == "made up: change of July"
    assert found.reference_of("ksg.csv:5") == "made up for tests"
    # `*` stands for every setting, `any` for both kinds of group.
    assert found.table("clinics").filter(pl.col("mo") == "750001")["setting"].sort().to_list() == [
        "ksg_day",
        "ksg_inpatient",
        "vmp",
    ]
    assert found.table("interrupted").filter(pl.col("reason_from") == 8)["surgical"].to_list() == ["0", "1"]
    assert found.head.control.first_stage_exam_letters == ("DP", "DO")
    assert found.head.financing is not None and found.head.financing.partition == "partition"
    assert (found.territory, found.year, found.title) == ("75", 2022, "Made-up tariff agreement with every table")
    assert found.planned_kinds == {"ksg_inpatient", "ksg_day", "visit", "episode", "vmp"}


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("ksg.csv", "st02.001,ksg_inpatient,0.93", "st02.001,ksg_inpatient,", ("ksg.csv", 2, "weight", "missing")),
        ("ksg.csv", "0.93", "0,93", ("ksg.csv", 2, "", "cells")),
        ("ksg.csv", "0.93", "0.9300001", ("ksg.csv", 2, "weight", "too_many_decimals")),
        ("ksg.csv", "0.93", "-0.93", ("ksg.csv", 2, "weight", "not_a_number")),
        ("ksg.csv", "0.93", "1e1", ("ksg.csv", 2, "weight", "not_a_number")),
        ("ksg.csv", "0.93", "930", ("ksg.csv", 2, "weight", "too_large")),
        ("ksg.csv", "st12.012,ksg_inpatient", "st12.012,hospital", ("ksg.csv", 3, "setting", "not_in_list")),
        ("ksg.csv", "st12.012", "st02.001", ("ksg.csv", 3, "code, setting", "two_rows")),
        (
            "ksg.csv",
            "1.40,,1,1,1,0,0.9,,2022-04-01",
            "1.40,,1,1,1,0,0.9,,2022-03-31",
            ("ksg.csv", 6, "code, setting", "two_rows"),
        ),
        ("ksg.csv", "2022-03-31", "2022-02-30", ("ksg.csv", 5, "valid_to", "not_a_date")),
        ("ksg.csv", "2022-03-31", "2021-03-31", ("ksg.csv", 5, "valid_from", "validity")),
        ("ksg.csv", "uses_level", "level_used", ("ksg.csv", 1, "uses_level", "no_column")),
        ("ksg.csv", "uses_level", "level_used", ("ksg.csv", 1, "level_used", "unknown_key")),
        ("ksg.csv", "0.93,,1", "0.93,,2", ("ksg.csv", 2, "uses_level", "not_a_flag")),
        ("clinics.csv", "750003,vmp,,town", "750003,*,,town", ("clinics.csv", 5, "mo, setting", "two_rows")),
        ("exams.csv", "DP,1,40,120", "DP,1,39,120", ("exams.csv", 4, "letters, sex", "two_rows")),
        ("exams.csv", "DP,1,40,120", "DP,1,40,30", ("exams.csv", 4, "age_from", "range")),
        ("interrupted.csv", "8,8,0,3,any", "7,8,0,3,any", ("interrupted.csv", 6, "surgical", "two_rows")),
        ("visits.csv", "97,*,1,498.7", "97,*,*,498.7", ("visits.csv", 3, "profil, p_cel, det", "two_rows")),
        ("calls.csv", "2450.3", "2450.30001", ("calls.csv", 2, "tariff", "too_many_decimals")),
        ("vmp.csv", "0.34", "1.34", ("vmp.csv", 2, "wage_share", "too_large")),
        ("agreement.yaml", 'territory: "75"\n', "", ("agreement.yaml", 2, "territory", "missing")),
        ("agreement.yaml", "year: 2022", "year: 2023", ("agreement.yaml", 6, "valid_from", "validity")),
        ("agreement.yaml", "rate: 13915.7", "rate: 13915,7", ("agreement.yaml", 27, "7", "unknown_key")),
        ("agreement.yaml", "rate: 13915.7", "rate: '13915,7'", ("agreement.yaml", 27, "rate", "not_a_number")),
        ("agreement.yaml", "valid_to: 2022-06-30", "valid_to: 2022-07-01", ("agreement.yaml", 26, "setting", "two_rows")),
        ("agreement.yaml", "exam_age: on_start", "exam_age: someday", ("agreement.yaml", 9, "exam_age", "not_in_list")),
        ("agreement.yaml", "exam_age: on_start", "exam_agee: on_start", ("agreement.yaml", 9, "exam_agee", "unknown_key")),
        ("agreement.yaml", "exam_age: on_start", "year: 2022", ("agreement.yaml", 9, "year", "key_twice")),
        ("agreement.yaml", "mode: once", "mode: sometimes", ("agreement.yaml", 29, "mode", "not_in_list")),
        ("agreement.yaml", "step_kop: 1,", "step_kop: 5,", ("agreement.yaml", 29, "step_kop", "not_in_list")),
        ("agreement.yaml", "  - {rate: 0.01}\n", "  []\n", ("agreement.yaml", 1, "case_management", "missing")),
        ("agreement.yaml", "  - {setting: ksg_day, rate: 13915.7}\n", "", ("agreement.yaml", 1, "base_rates.ksg_day", "missing")),
        ("agreement.yaml", 'kind: "*"', "kind: visit", ("agreement.yaml", 1, "rounding.vmp", "missing")),
        ("agreement.yaml", "title:", "title: [", ("agreement.yaml", 8, "", "not_yaml")),
    ],
)
def test_a_fault_is_named_with_file_and_line(
    folder: Path, file: str, old: str, new: str, expected: tuple[str, int, str, str]
) -> None:
    put(folder, file, old, new)
    found = problems(folder)
    if expected[3] == "not_yaml":  # where the parser gives up is its own matter
        assert [(item[0], item[3]) for item in found if item[3] == "not_yaml"] == [("agreement.yaml", "not_yaml")]
    else:
        assert expected in found


def test_all_faults_at_once(folder: Path) -> None:
    put(folder, "ksg.csv", "0.93", "x")
    put(folder, "levels.csv", "1,ksg_inpatient,0.9", "1,ksg_inpatient,")
    put(folder, "agreement.yaml", "rate: 13915.7", "rate: -1")
    (folder / "services.csv").unlink()
    (folder / "tarifs.csv").write_text("a,b\n", encoding="utf-8")
    (folder / "calls.csv").write_bytes("vidpom,tariff\nвид,1\n".encode("cp1251"))
    assert {(file, line, code) for file, line, _, code in problems(folder)} >= {
        ("ksg.csv", 2, "not_a_number"),
        ("levels.csv", 2, "missing"),
        ("agreement.yaml", 27, "not_a_number"),
        ("services.csv", 1, "no_file"),
        ("tarifs.csv", 1, "unknown_file"),
        ("calls.csv", 2, "not_utf8"),
    }


@pytest.mark.parametrize("name", [name for name, spec in FILES.items() if spec.needed])
def test_a_needed_file_is_asked_for(folder: Path, name: str) -> None:
    (folder / f"{name}.csv").unlink()
    assert (f"{name}.csv", 1, "", "no_file") in problems(folder)


def test_a_folder_without_agreement(tmp_path: Path) -> None:
    assert problems(tmp_path) == [("agreement.yaml", 1, "", "no_main_file")]
    (tmp_path / "agreement.yaml").write_text("", encoding="utf-8")
    assert ("agreement.yaml", 1, "territory", "missing") in problems(tmp_path)
    (tmp_path / "agreement.yaml").write_text("- a\n- b\n", encoding="utf-8")
    assert problems(tmp_path) == [("agreement.yaml", 1, "", "not_yaml")]


def test_hostile_files_are_named_not_obeyed(folder: Path) -> None:
    (folder / "kslp.csv").write_text('idsl,value,uses_territorial\n1,"' + "9" * 200_000 + '",1\n', encoding="utf-8")
    assert ("kslp.csv", 2, "", "not_csv") in problems(folder)
    (folder / "agreement.yaml").write_text("payment_kinds: &a [*a]\n", encoding="utf-8")
    assert ("agreement.yaml", 1, "", "not_yaml") in problems(folder)
    (folder / "agreement.yaml").write_text("territory: !!python/object/apply:os.getcwd []\n", encoding="utf-8")
    assert ("agreement.yaml", 1, "territory", "bad_value") in problems(folder)


def test_a_level_without_coefficient_is_a_note_not_an_error(folder: Path) -> None:
    put(folder, "clinics.csv", "750003,ksg_inpatient,3.1,town", "750003,ksg_inpatient,3.2,village")
    notes = load_agreement(folder).notes
    assert [(note.file, note.line, note.code) for note in notes] == [
        ("clinics.csv", 4, "no_level"),
        ("clinics.csv", 4, "no_place"),
    ]
    assert "3.2" in notes[0].text("ru") and "village" in notes[1].text("en")


def test_order_of_lines_does_not_matter_to_the_tables_but_the_digest_is_of_the_files(folder: Path) -> None:
    before = load_agreement(folder)
    assert load_agreement(folder).digest == before.digest
    lines = (folder / "kslp.csv").read_text(encoding="utf-8").splitlines()
    (folder / "kslp.csv").write_text("\r\n".join([lines[0], *reversed(lines[1:])]) + "\r\n", encoding="utf-8")
    after = load_agreement(folder)
    assert after.table("kslp").drop("source").equals(before.table("kslp").drop("source"))
    assert after.digest != before.digest


def test_with_table_replaces_rows_and_changes_the_digest() -> None:
    before = load_agreement(AGREEMENTS / "small")
    fewer = before.with_table("levels", before.table("levels").head(1))
    assert fewer.table("levels").height == 1 and before.table("levels").height == 5
    assert fewer.digest != before.digest
    with pytest.raises(ValueError, match="other columns"):
        before.with_table("levels", before.table("places"))


def test_specificity_against_the_federal_lists() -> None:
    found = load_agreement(AGREEMENTS / "s6_volgograd_2026")
    law = federal_parameters()
    # The fixture's groups st00.* are ours and stand in no federal list.
    assert [(item.code, dict(item.params)["value"]) for item in against_law(found, law)] == [
        ("flag_departs", "st00.001"),
        ("flag_departs", "st00.003"),
    ]
    ksg = found.table("ksg")

    def with_group(code: str, specificity5: int) -> Agreement:
        rows = ksg.with_columns(code=pl.lit(code), specificity5=pl.lit(specificity5, dtype=pl.Int64)).head(1)
        return replace(found, tables={**found.tables, "ksg": rows})

    def codes(agreement: Agreement) -> list[Problem]:
        return [item for item in against_law(agreement, law) if item.column == "specificity"]

    assert [item.code for item in codes(with_group("st19.001", 90_000))] == ["specificity_is_one"]
    assert [item.code for item in codes(with_group("st13.002", 90_000))] == ["specificity_not_lowered"]
    assert codes(with_group("st13.002", 110_000)) == []
    assert [item.code for item in codes(with_group("st27.010", 110_000))] == ["specificity_not_raised"]
    assert "st27.010" in codes(with_group("st27.010", 110_000))[0].text("ru")


#: All groups of the year at 2, and one with a coefficient of the test.
_RELATIVE = (
    "kind,group,coefficient\n"
    + "".join(f"outpatient,{group},2\n" for group in ("m0", "f0", "m1-4", "f1-4", "m5-17", "f5-17", "m18-64", "f18-64", "f65"))
    + "outpatient,%s,%s\n"
)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("kslp", "idsl,value,uses_territorial\n1,0.2,1\n", None),
        ("kslp", "idsl,value,uses_territorial\n1,0.21,1\n", ("kslp.csv", 2, "value", "kslp_departs")),
        ("kslp", "idsl,value,uses_territorial\n17,0.3,1\n", ("kslp.csv", 2, "uses_territorial", "kslp_territorial")),
        ("kslp", "idsl,value,uses_territorial\n17,0.3,0\n", None),
        ("interrupted_results", "rslt,reason\n102,4\n", None),
        ("interrupted_results", "rslt,reason\n102,5\n", ("interrupted_results.csv", 2, "reason", "reason_departs")),
        ("relative_coefficients", _RELATIVE % ("m65", "1.6"), None),
        (
            "relative_coefficients",
            _RELATIVE % ("m65", "1.59999"),
            ("relative_coefficients.csv", 11, "coefficient", "below_floor"),
        ),
        ("relative_coefficients", (_RELATIVE % ("m65", "1.5")).replace("outpatient", "ambulance"), None),
        ("relative_coefficients", _RELATIVE % ("m64", "1.6"), ("relative_coefficients.csv", 11, "group", "group_unknown")),
        ("relative_coefficients", _RELATIVE % ("m64", "1.6"), ("relative_coefficients.csv", 11, "group", "group_missing")),
        ("capitation_parts", "mo,place,residents,share,coefficient\n340001,A,20000,0.5,1.113\n", None),
        (
            "capitation_parts",
            "mo,place,residents,share,coefficient\n340001,A,20000,0.5,1.11\n",
            ("capitation_parts.csv", 2, "coefficient", "place_below_least"),
        ),
        ("capitation_parts", "mo,place,residents,share,coefficient\n340001,A,20001,0.5,1.04\n", None),
    ],
)
def test_departures_from_federal_figures_are_told(
    tmp_path: Path, file: str, text: str, expected: tuple[str, int, str, str] | None
) -> None:
    """On the figures of the law, on their bounds, and beside them; the year is one in which each is known."""
    made = Path(shutil.copytree(AGREEMENTS / "s6_volgograd_2026", tmp_path / "a"))
    if file == "kslp":  # values after 2025 are not known
        main = made / "agreement.yaml"
        main.write_text(main.read_text(encoding="utf-8").replace("2026", "2025"), encoding="utf-8")
    (made / f"{file}.csv").write_text(text, encoding="utf-8")
    found = [item for item in against_law(load_agreement(made), federal_parameters()) if item.file != "ksg.csv"]
    told = [(item.file, item.line, item.column, item.code) for item in found]
    assert told == [] if expected is None else expected in told
    assert all(item.text(lang) for item in found for lang in ("ru", "en"))


# ---- switches of control ---------------------------------------------------------------------------------------------------


def _switched(folder: Path, block: str) -> None:
    text = (folder / "agreement.yaml").read_text(encoding="utf-8")
    assert text.endswith("first_stage_exam_letters: [DP, DO]\n")  # control is the last block
    (folder / "agreement.yaml").write_text(text + block, encoding="utf-8")


def _known(rule: str, name: str | None, value: object) -> str:
    """What the catalogue of control would say."""
    if rule not in {"C138", "C140", "C060"}:
        return "unknown_rule"
    return "" if name in (None, "months") else "unknown_parameter"


def test_switches_of_rules(folder: Path) -> None:
    _switched(
        folder,
        "  disabled_rules:\n"
        "    - {rule: C138, why: decision 4 of the commission}\n"
        '    - {rule: C140, mo: ["750001", "750002"], since: 2022-03-01, until: 2022-03-31, why: trial}\n'
        "  enabled_rules:\n"
        "    - {rule: C060, why: stroke unit}\n",
    )
    control = load_agreement(folder, _known).head.control
    assert [switch.rule for switch in control.switches] == ["C138", "C140", "C060"]
    assert control.disabled_rules[1].mo == ("750001", "750002")
    assert [control.disabled_rules[1].holds(date(2022, 3, day)) for day in (1, 31)] == [True, True]
    assert [control.disabled_rules[1].holds(day) for day in (date(2022, 2, 28), date(2022, 4, 1))] == [False, False]
    lines = (folder / "agreement.yaml").read_text(encoding="utf-8").split("\n")
    for switch in control.switches:
        file, line = switch.source.split(":")
        assert file == "agreement.yaml"
        assert f"rule: {switch.rule}" in lines[int(line) - 1]


def test_wrong_switches_are_named_with_their_line(folder: Path) -> None:
    _switched(
        folder,
        "  disabled_rules:\n"
        "    - {rule: C138, why: one}\n"
        "    - {rule: C999, why: two}\n"
        "    - {rule: C138, why: again}\n"
        "    - {rule: C140, since: 2022-04-01, until: 2022-03-01, why: three}\n",
    )
    with pytest.raises(AgreementError) as caught:
        load_agreement(folder, _known)
    first = (folder / "agreement.yaml").read_text(encoding="utf-8").split("\n").index("  disabled_rules:") + 2
    found = [(problem.line - first, problem.column, problem.code) for problem in caught.value.problems]
    assert found == [(1, "rule", "unknown_rule"), (2, "rule", "two_rows"), (3, "since", "range")]
    for problem in caught.value.problems:
        assert problem.text("ru").startswith(f"agreement.yaml:{problem.line}: ")
    with pytest.raises(AgreementError) as caught:  # whoever only reads it does not ask which rules there are
        load_agreement(folder)
    assert "unknown_rule" not in [problem.code for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ('{rule: C138, mo: ["75000"], why: x}', "not_a_clinic"),
        ("{rule: C138}", "missing"),
        ("{rule: C138, why: x, clinic: 750001}", "unknown_key"),
        ("{rule: C138, since: March, why: x}", "not_a_date"),
    ],
)
def test_a_switch_that_is_none(folder: Path, item: str, code: str) -> None:
    _switched(folder, f"  disabled_rules:\n    - {item}\n")
    assert [found[3] for found in problems(folder)] == [code]


def test_parameters_of_rules(folder: Path) -> None:
    _switched(
        folder,
        "  rule_parameters:\n"
        "    - {rule: C138, name: months, since: 2022-01-01, value: 2, why: decision 4}\n"
        "    - {rule: C138, name: lists, since: 2022-01-01, value: [[A00, A09]], why: one}\n"
        "    - {rule: C999, name: months, since: 2022-01-01, value: 2, why: two}\n"
        "    - {rule: C138, name: months, since: 2022-01-01, value: 3, why: again}\n",
    )
    with pytest.raises(AgreementError) as caught:
        load_agreement(folder, _known)
    first = (folder / "agreement.yaml").read_text(encoding="utf-8").split("\n").index("  rule_parameters:") + 2
    found = [(problem.line - first, problem.code) for problem in caught.value.problems]
    assert found == [(1, "unknown_parameter"), (2, "unknown_rule"), (3, "two_rows")]
    for problem in caught.value.problems:
        assert "C138" in problem.text("ru") or "C999" in problem.text("ru")
    put(folder, "agreement.yaml", "    - {rule: C138, name: months, since: 2022-01-01, value: 3, why: again}\n", "")
    given = load_agreement(folder).head.control.rule_parameters  # whoever only reads it does not ask which rules there are
    assert [(one.rule, one.name, one.value) for one in given[:2]] == [
        ("C138", "months", "2"),
        ("C138", "lists", [["A00", "A09"]]),
    ]
