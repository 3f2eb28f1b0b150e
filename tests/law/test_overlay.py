"""Does an overlay change what it says and nothing else, and is every name and value that does not fit named with its line?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims.law import Parameters, federal_parameters
from omsclaims.law.agreement import FILES, SECTIONS, Agreement, AgreementError, Change, apply_overlay, diff, load_agreement

AGREEMENTS = Path(__file__).resolve().parents[2] / "fixtures" / "agreements"
SMALL = load_agreement(AGREEMENTS / "small")
LAW = federal_parameters()


def laid(tmp_path: Path, text: str) -> tuple[Agreement, Parameters, list[Change]]:
    path = tmp_path / "what.yaml"
    path.write_text(text, encoding="utf-8")
    return apply_overlay(SMALL, LAW, path)


def problems(tmp_path: Path, text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(AgreementError) as caught:
        laid(tmp_path, text)
    for problem in caught.value.problems:
        for lang in ("ru", "en"):
            assert problem.text(lang).startswith(f"{problem.file}:{problem.line}: ")
    return [(problem.line, problem.column, problem.code) for problem in caught.value.problems]


def rates(agreement: Agreement) -> list[tuple[str, int, date, date, str]]:
    columns = ("setting", "rate4", "valid_from", "valid_to", "source")
    return agreement.table("base_rates").select(columns).rows()  # type: ignore[return-value]


def test_a_rate_one_per_cent_higher_from_a_day_on(tmp_path: Path) -> None:
    text = """title: "1 % more"
agreement:
  - {table: base_rates, where: {setting: ksg_inpatient}, multiply: {rate: 1.01}, from: 2022-03-01}
"""
    changed, law, changes = laid(tmp_path, text)
    assert rates(changed) == [
        ("ksg_day", 139_157_000, date(2022, 1, 1), date(2022, 12, 31), "agreement.yaml:27"),
        ("ksg_inpatient", 243_226_000, date(2022, 1, 1), date(2022, 2, 28), "agreement.yaml:25"),
        ("ksg_inpatient", 245_658_260, date(2022, 3, 1), date(2022, 6, 30), "overlay.yaml:3"),
        ("ksg_inpatient", 252_500_000, date(2022, 7, 1), date(2022, 12, 31), "overlay.yaml:3"),
    ]
    assert changed.reference_of("overlay.yaml:3") == "1 % more"
    assert [(one.column, one.before, one.after, one.valid_from) for one in changes] == [
        ("rate", "24322.6", "24565.826", date(2022, 3, 1)),
        ("rate", "25000", "25250", date(2022, 7, 1)),
    ]
    assert law is LAW
    assert changed.digest != SMALL.digest
    assert [name for name in SMALL.tables if not changed.table(name).equals(SMALL.table(name))] == ["base_rates"]
    assert rates(SMALL)[1][1] == 243_226_000  # the agreement itself is as it was


def test_a_product_is_rounded_half_up_to_the_decimals_of_its_column(tmp_path: Path) -> None:
    text = "agreement:\n  - {table: kslp, where: {idsl: 16}, multiply: {value: 0.0001}}\n"
    _, _, changes = laid(tmp_path, text)
    assert [(one.before, one.after) for one in changes] == [("0.15", "0.00002")]  # 0.000015: a tie


def test_a_level_of_one_clinic_in_one_setting(tmp_path: Path) -> None:
    text = (
        'agreement:\n  - {table: clinics, where: {mo: "750001", setting: ksg_inpatient}, set: {level: "2"}, why: "closed beds"}\n'
    )
    changed, _, changes = laid(tmp_path, text)
    table = changed.table("clinics").filter(pl.col("mo") == "750001")
    before = SMALL.table("clinics").filter(pl.col("mo") == "750001")
    levels = dict(table.select("setting", "level").iter_rows())
    assert levels == {**dict(before.select("setting", "level").iter_rows()), "ksg_inpatient": "2"}
    assert [(one.table, one.key, one.column, one.after, one.why) for one in changes] == [
        ("clinics", "mo=750001, setting=ksg_inpatient", "level", "2", "closed beds")
    ]


def test_rows_are_added_and_removed(tmp_path: Path) -> None:
    text = """agreement:
  - {table: kslp, add: {idsl: 7, value: 0.3, uses_territorial: 1}, from: 2022-07-01}
  - {table: kslp, where: {idsl: 2}, remove: yes, from: 2022-02-01, to: 2022-02-28}
"""
    changed, _, changes = laid(tmp_path, text)
    rows = changed.table("kslp").select("idsl", "value5", "valid_from", "valid_to").rows()
    assert ("7", 30_000, date(2022, 7, 1), date(2022, 12, 31)) in rows
    assert [row[2:] for row in rows if row[0] == "2"] == [
        (date(2022, 1, 1), date(2022, 1, 31)),
        (date(2022, 3, 1), date(2022, 12, 31)),
    ]
    assert [(one.key, one.before is None, one.after is None) for one in changes] == [
        ("idsl=7", True, False),
        ("idsl=2", False, True),
    ]


def test_options_and_federal_parameters(tmp_path: Path) -> None:
    text = """options: {norms: {floor: both, standard_digits: 2}, exam_age: in_year}
law:
  - {name: tariffs.short_stay_days, value: 2, since: 2022-03-01, why: "as before"}
  - name: tariffs.kslp_rule
    value: {rule: multiply, cap: "1.8"}
"""
    changed, law, changes = laid(tmp_path, text)
    assert (changed.head.norms.floor, changed.head.norms.standard_digits, changed.head.exam_age) == ("both", 2, "in_year")
    assert SMALL.head.norms.floor == "clinics"
    assert [law.value("tariffs.short_stay_days", date(2022, month, 28)) for month in (2, 3)] == [3, 2]
    assert law.use("tariffs.short_stay_days", date(2022, 3, 1)).sure == "unconfirmed"
    assert LAW.value("tariffs.short_stay_days", date(2022, 3, 28)) == 3
    assert law.value("tariffs.kslp_rule", date(2022, 5, 1))["rule"] == "multiply"
    assert {one.source for one in changes if one.table == "law"} == {
        "law:tariffs.short_stay_days@2022-03-01",
        "law:tariffs.kslp_rule@2022-01-01",
    }
    assert [(one.column, one.before, one.after) for one in changes if one.table == "agreement"] == [
        ("norms.floor", "clinics", "both"),
        ("norms.standard_digits", "None", "2"),
        ("exam_age", "on_start", "in_year"),
    ]


ENTRY = "agreement:\n  - {%s}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ENTRY % "table: base_rate, set: {rate: 1}", (2, "base_rate", "unknown_name")),
        (ENTRY % "table: base_rates, set: {ratee: 1}", (2, "ratee", "unknown_name")),
        (ENTRY % "table: base_rates, where: {settin: ksg_day}, set: {rate: 1}", (2, "settin", "unknown_name")),
        (ENTRY % "table: base_rates, where: {setting: ksg}, set: {rate: 1}", (2, "setting", "not_in_list")),
        (ENTRY % "table: ksg, where: {code: st99.001}, set: {weight: 1}", (2, "ksg", "overlay_no_row")),
        (ENTRY % "table: ksg, where: {code: st02.001}, set: {weight: 1.000001}", (2, "weight", "too_many_decimals")),
        (ENTRY % "table: ksg, where: {code: st02.001}, multiply: {weight: 1000}", (1, "weight", "too_large")),
        (ENTRY % "table: ksg, where: {code: st02.001}, multiply: {surgical: 2}", (2, "surgical", "overlay_factor")),
        (ENTRY % "table: ksg, where: {code: st02.001}, multiply: {weight: -1}", (2, "weight", "overlay_factor")),
        (ENTRY % "table: ksg, where: {code: st02.001}, set: {code: st12.012}", (0, "code, setting", "two_rows")),
        (ENTRY % "table: ksg, where: {code: st02.001}", (2, "ksg", "overlay_what")),
        (ENTRY % "table: kslp, where: {idsl: 2}, remove: no", (2, "remove", "not_a_flag")),
        (ENTRY % "table: kslp, add: {idsl: 1, value: 0.3, uses_territorial: 1}", (0, "idsl", "two_rows")),
        (ENTRY % "table: kslp, add: {idsl: 9, value: 0.3}", (2, "uses_territorial", "missing")),
        (ENTRY % "table: kslp, where: {idsl: 1}, set: {value: 0.3}, from: 2022-13-01", (2, "from", "not_a_date")),
        (ENTRY % "table: kslp, where: {idsl: 1}, set: {value: 0.3}, from: 2023-01-01", (2, "from", "validity")),
        (ENTRY % "table: kslp, where: {idsl: 1}, set: {value: 0.2}", (1, "agreement", "overlay_empty")),
        ("agrement: []\n", (1, "agrement", "unknown_name")),
        ("agreement: {}\n", (1, "agreement", "overlay_empty")),
        ("options: {norms: {flor: both}}\n", (1, "flor", "unknown_name")),
        ("options: {norms: {floor: all}}\n", (1, "floor", "not_in_list")),
        ("options: {year: 2023}\n", (1, "year", "unknown_name")),
        ("law:\n  - {name: tariffs.short_stay, value: 2}\n", (2, "tariffs.short_stay", "unknown_name")),
        ("law:\n  - {name: tariffs.short_stay_days, value: '2'}\n", (2, "tariffs.short_stay_days", "overlay_form")),
        ("law:\n  - {name: tariffs.kslp_rule, value: {rule: add, cap: 1.8}}\n", (2, "tariffs.kslp_rule", "overlay_form")),
        ("law:\n  - {name: tariffs.short_stay_days}\n", (2, "value", "missing")),
        ("agreement: [\n", (2, "", "not_yaml")),
        ("a: &x [*x]\n", (1, "", "not_yaml")),
        ("", (1, "", "not_yaml")),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(tmp_path: Path, text: str, expected: tuple[int, str, str]) -> None:
    found = problems(tmp_path, text)
    assert expected[1:] in [problem[1:] for problem in found]
    assert expected[0] == 0 or expected in found


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AgreementError) as caught:
        apply_overlay(SMALL, LAW, tmp_path / "none.yaml")
    assert [problem.code for problem in caught.value.problems] == ["no_overlay"]


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(AgreementError, match="base_rates"):
        laid(tmp_path, ENTRY % "table: base_rate, set: {rate: 1}")


@pytest.mark.parametrize("name", sorted(name for name in (*SECTIONS, *FILES) if SMALL.table(name).height))
def test_every_table_survives_the_way_through_an_overlay(tmp_path: Path, name: str) -> None:
    """A change of one other row leaves the frame of a table as it was: values, kinds and order."""
    from omsclaims.law.agreement import overlay
    from omsclaims.law.agreement.loading import frame_of

    rows = overlay._reads(SMALL, name)
    assert frame_of(overlay.spec_of(name), rows, SMALL.head).equals(SMALL.table(name))


# ---- diff ------------------------------------------------------------------------------------------------------------------


def test_equal_agreements_do_not_differ() -> None:
    assert diff(SMALL, load_agreement(AGREEMENTS / "small")).is_empty()


def test_the_differences_of_an_overlay_are_those_it_makes(tmp_path: Path) -> None:
    text = """agreement:
  - {table: levels, where: {level: "1", setting: ksg_inpatient}, set: {coefficient: 0.95}}
  - {table: kslp, where: {idsl: 2}, remove: yes}
  - {table: kslp, add: {idsl: 7, value: 0.3, uses_territorial: 1}}
options: {exam_age: in_year}
"""
    changed, _, changes = laid(tmp_path, text)
    found = diff(SMALL, changed)
    assert found.select("table", "key", "column", "before", "after").rows() == [
        ("agreement", "", "exam_age", "on_start", "in_year"),
        ("levels", "level=1, setting=ksg_inpatient", "coefficient", "0.9", "0.95"),
        ("kslp", "idsl=2", "", "value=0.6, uses_territorial=1, after_cap=0", None),
        ("kslp", "idsl=7", "", None, "value=0.3, uses_territorial=1, after_cap=0"),
    ]
    assert found.height == len(changes)
    assert found.row(1, named=True)["source_after"] == "overlay.yaml:2"


def test_agreements_of_two_years_are_compared_by_what_holds_all_year(tmp_path: Path) -> None:
    import shutil

    made = Path(shutil.copytree(AGREEMENTS / "small", tmp_path / "next"))
    for path in made.glob("*.*"):
        path.write_text(path.read_text(encoding="utf-8").replace("2022-", "2023-").replace("year: 2022", "year: 2023"), "utf-8")
    found = diff(SMALL, load_agreement(made))
    assert set(found.filter(pl.col("table") == "agreement")["column"]) == {"year", "valid_from", "valid_to"}
    # Only rows that change within the year have dates of their own to differ in.
    assert set(found.filter(pl.col("table") != "agreement")["table"]) == {"base_rates", "ksg", "visits", "dialysis"}
