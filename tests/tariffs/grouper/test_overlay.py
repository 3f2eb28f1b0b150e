"""The part `grouper` of an overlay: what it changes in the books, and what it refuses."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims.law.agreement import AgreementError
from omsclaims.nsi import Books
from omsclaims.tariffs.grouper import candidates, compile_grouper
from omsclaims.tariffs.grouper.overlay import changed_grouper, wants

from .grouper_cases import FOLDER, books, case_table

DAY = date(2026, 3, 1)
ROWS = "KSG.ST.GROUPER"


def laid(folder: Path, text: str) -> Path:
    path = folder / "overlay.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def groups(found: Books, **case: object) -> list[str]:
    """Candidates of one case."""
    grouper = compile_grouper(found.require(ROWS), found.require("KSG.ST.GROUPS"))
    return candidates(case_table(case), grouper)["ksg"].to_list()


def test_a_row_in_another_group(tmp_path: Path) -> None:
    path = laid(tmp_path, "grouper: {rows: [{setting: ksg_inpatient, where: {ds1: I20.0}, set: {group: st14.002}, why: a try}]}")
    assert wants(path)
    was = Books(books())
    found = changed_grouper(was, path, DAY)
    assert groups(was, ds1="I20.0") == ["st13.001"]
    assert groups(found.books, ds1="I20.0") == ["st14.002"]
    (change,) = found.changes
    assert (change.before, change.after, change.why) == ("group=st13.001, ds1=I20.0", "group=st14.002, ds1=I20.0", "a try")
    assert change.source == "overlay.yaml:1"
    assert found.books.require(ROWS).edition == "2026 + overlay.yaml"
    assert was.require(ROWS).edition == "2026"


def test_a_row_more_and_a_row_gone(tmp_path: Path) -> None:
    text = """
grouper:
  rows:
    - {setting: ksg_inpatient, add: {group: st13.001, ds1: J18.9}}
    - {setting: ksg_inpatient, where: {group: st15.001}, remove: yes}
"""
    found = changed_grouper(Books(books()), laid(tmp_path, text), DAY)
    assert groups(found.books, ds1="J18.9") == ["st13.001", "st23.001"]
    assert groups(found.books, ds1="G40.0") == ["st15.002"]
    number = books()[ROWS].rows.height + 1
    assert [(one.column, one.before is None, one.after is None) for one in found.changes] == [
        (f"№ {number}", True, False),
        ("№ 15", False, True),
    ]
    assert {one.key for one in found.changes} == {ROWS}


def test_other_rules(tmp_path: Path) -> None:
    own = (Path(__file__).resolve().parents[3] / "omsclaims" / "tariffs" / "grouper" / "exceptions.yaml").read_text("utf-8")
    (tmp_path / "next.yaml").write_text(own, encoding="utf-8")
    found = changed_grouper(Books(books()), laid(tmp_path, "grouper: {rules: next.yaml}"), DAY)
    assert found.rules is not None
    assert found.rules.exceptions
    assert [one.key for one in found.changes] == ["rules"]


def test_nothing_of_the_grouper(tmp_path: Path) -> None:
    path = laid(tmp_path, "agreement: [{table: base_rates, multiply: {rate: 1.01}}]")
    was = Books(books())
    assert not wants(path)
    assert changed_grouper(was, path, DAY).books is was
    assert not wants(laid(tmp_path, "grouper: ["))
    assert not wants(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("grouper: all", "bad_value", 1),
        ("grouper: {workbook: [x.xlsx]}", "unknown_name", 1),
        ("grouper: {workbooks: x.xlsx}", "not_a_list", 1),
        ("grouper:\n  workbooks: [absent.xlsx]", "grouper_file", 2),
        ("grouper:\n  workbooks: [../grouper/workbook.yaml]", "grouper_file", 2),
        ("grouper: {from: tomorrow, workbooks: []}", "not_a_date", 1),
        ("grouper: {rules: absent.yaml}", "grouper_file", 1),
        ("grouper: {rules: overlay.yaml}", "grouper_rules", 1),
        ("grouper: {workbooks: [overlay.yaml]}", "grouper_workbook", 1),
        ("grouper: {rows: [{where: {ds1: I20.0}, remove: yes}]}", "grouper_setting", 1),
        ("grouper: {rows: [{setting: ksg_inpatient, where: {ds1: I20.0}}]}", "grouper_what", 1),
        ("grouper: {rows: [{setting: ksg_inpatient, where: {ds1: I20.0}, remove: no}]}", "grouper_what", 1),
        ("grouper: {rows: [{setting: ksg_inpatient, where: {ds: I20.0}, remove: yes}]}", "unknown_name", 1),
        ("grouper: {rows: [{setting: ksg_inpatient, where: {ds1: I99.9}, remove: yes}]}", "overlay_no_row", 1),
        ("grouper: {rows: [{setting: ksg_inpatient, where: {}, remove: yes}]}", "bad_value", 1),
        ("grouper: {rows: [{setting: ksg_inpatient, add: {group: st13.001}}]}", "grouper_row", 1),
        ("grouper: {rows: [{setting: ksg_inpatient, add: {ds1: I20.0}}]}", "grouper_row", 1),
        ("grouper:\n  rows:\n    - {setting: ksg_inpatient, add: {group: st13.001, ds1: 1-2-3}}", "grouper_code", 3),
        ("grouper: {rows: [{setting: ksg_inpatient, where: {ds1: I20.0}, set: {group: }}]}", "grouper_row", 1),
        ("grouper: {rows: [{setting: ksg_inpatient, where: {ds1: I20.0}, set: {ds1: I20.0}}]}", "overlay_empty", 1),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(tmp_path: Path, text: str, code: str, line: int) -> None:
    with pytest.raises(AgreementError) as error:
        changed_grouper(Books(books()), laid(tmp_path, text), DAY)
    assert [(one.code, one.line) for one in error.value.problems] == [(code, line)]
    for lang in ("ru", "en"):
        assert error.value.text(lang).startswith(f"overlay.yaml:{line}: ")


def test_without_a_workbook(tmp_path: Path) -> None:
    path = laid(tmp_path, "grouper: {rows: [{setting: ksg_inpatient, where: {ds1: I20.0}, remove: yes}]}")
    with pytest.raises(AgreementError) as error:
        changed_grouper(Books(), path, DAY)
    assert [one.code for one in error.value.problems] == ["grouper_no_book"]


def test_another_workbook(tmp_path: Path) -> None:
    """The published workbook in place of the small one, held on other days than its own."""
    published = FOLDER.parents[2] / "shared" / "nsi" / "ksg2026" / "ksg2026_inpatient.xlsx"
    if not published.exists():
        pytest.skip("../shared is not here: the published workbook is needed")
    (tmp_path / published.name).write_bytes(published.read_bytes())
    text = f"grouper: {{workbooks: [{published.name}], from: 2022-01-01}}"
    found = changed_grouper(Books(books()), laid(tmp_path, text), DAY)
    assert found.books.require(ROWS).holds_from == date(2022, 1, 1)
    assert found.books.require(ROWS).rows.height == 37_531
    assert found.books.require("KSG.DS.GROUPER").rows.height == books()["KSG.DS.GROUPER"].rows.height
    assert {one.key for one in found.changes} >= {ROWS, "KSG.ST.GROUPS"}
    assert found.books.require(ROWS).rows.select(pl.col("code").n_unique()).item() > 300
