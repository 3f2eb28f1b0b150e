"""Lines of the commission's plan in the agreement: what loads, and what is a problem with its line (Rules 122-123)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from omsclaims import messages
from omsclaims.law.agreement import AgreementError, load_agreement

SMALL = Path(__file__).resolve().parents[2] / "fixtures" / "agreements" / "small"
HEAD = "line,name,kind,usl_ok,profil,group,unit,otherwise,valid_from,valid_to\n"


def folder(tmp_path: Path, rows: str, head: str = "") -> Path:
    """The small agreement with a plan_lines.csv and perhaps more in its head."""
    made = tmp_path / "agreement"
    shutil.copytree(SMALL, made)
    (made / "plan_lines.csv").write_text(HEAD + rows, encoding="utf-8")
    main = made / "agreement.yaml"
    main.write_text(main.read_text(encoding="utf-8") + head, encoding="utf-8")
    return made


def test_lines_and_options(tmp_path: Path) -> None:
    rows = "hospital,Стационар,,1,,,,,,\nheart,Кардиология,,1,29,,,hospital,,\nct,КТ,service,,,A06.*,quantity,,,\n"
    made = load_agreement(folder(tmp_path, rows, "\nvolumes: {cumulation: year, without_plan: pass, forecast: linear}\n"))
    lines = made.table("plan_lines").sort("line")
    assert lines.select("line", "kind", "usl_ok", "profil", "group", "unit", "otherwise").rows() == [
        ("ct", "service", None, None, "A06.*", "quantity", None),
        ("heart", None, 1, 29, None, "case", "hospital"),
        ("hospital", None, 1, None, None, "case", None),
    ]
    assert made.head.volumes.model_dump() == {"cumulation": "year", "without_plan": "pass", "forecast": "linear"}


def test_without_them_a_line_is_a_kind_of_payment() -> None:
    made = load_agreement(SMALL)
    assert made.table("plan_lines").is_empty()
    assert made.head.volumes.model_dump() == {"cumulation": "month", "without_plan": "refuse", "forecast": "seasonal"}


@pytest.mark.parametrize(
    ("rows", "code", "line"),
    [
        ("a,A,,1,,,,,,\nb,B,,1,,,,,,\n", "two_rows", 3),
        ("a,A,,1,,,,,,\na,Another,,2,,,,,,\n", "plan_line_differs", 3),
        ("a,A,,1,,,,b,,\n", "plan_line_unknown", 2),
        ("a,A,,1,,,,b,,\nb,B,,2,,,,a,,\n", "plan_line_circle", 2),
        ("a,A,,1,,,,a,,\n", "plan_line_circle", 2),
        ("a b,A,,1,,,,,,\n", "not_a_code", 2),
        ("a,A,,,,st*19,,,,\n", "not_a_code", 2),
        ("a,A,,1,,,days,,,\n", "not_in_list", 2),
    ],
)
def test_what_contradicts_itself_is_named_with_its_line(tmp_path: Path, rows: str, code: str, line: int) -> None:
    with pytest.raises(AgreementError) as raised:
        load_agreement(folder(tmp_path, rows))
    found = {(problem.code, problem.file, problem.line) for problem in raised.value.problems}
    assert (code, "plan_lines.csv", line) in found
    for problem in raised.value.problems:
        for lang in messages.LANGUAGES:
            assert f"plan_lines.csv:{problem.line}" in problem.text(lang)


def test_an_unknown_option_of_volumes(tmp_path: Path) -> None:
    with pytest.raises(AgreementError) as raised:
        load_agreement(folder(tmp_path, "a,A,,1,,,,,,\n", "\nvolumes: {cumulation: decade}\n"))
    assert [(problem.code, problem.column) for problem in raised.value.problems] == [("not_in_list", "volumes.cumulation")]
