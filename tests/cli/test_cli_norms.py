"""norms and whatif as a user gives them: figures on the screen, the annex, the report, what they refuse."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from lxml import html

from omsclaims import closing, whatif
from omsclaims.cli import demo
from omsclaims.law.agreement import apply_overlay
from omsclaims.tariffs import price
from omsclaims.workspace import Workspace
from tests.conftest import Closed

from .cli_samples import DAY, run

MARCH = demo.MONTHS[-1]


def test_norms_on_the_screen_and_as_an_annex(closed: Closed, tmp_path: Path) -> None:
    folder = closed.folder
    said = run("norms", "2022-02..2022-03", "--month", "2022-03", "--workspace", folder, "--as-of", DAY)
    assert said.code in (0, 1), said.text
    assert "m18-64" in said.text and "Coefficient" in said.text
    assert "norms.cost_age" in said.text, "an unconfirmed parameter that was used must be named"
    with Workspace.open(folder) as store:
        views = [store.run_table(str(month), "cases_view") for month in demo.MONTHS]
    own = pl.concat(views).filter((pl.col("status") == "own") & (pl.col("oplata") != 2) & pl.col("place").is_not_null())
    annex, page, table = (tmp_path / f"norms.{form}" for form in ("xlsx", "html", "csv"))
    for path in (annex, page, table):
        assert (
            str(path)
            in run("norms", "2022-02..2022-03", "--month", "2022-03", "--workspace", folder, "--as-of", DAY, "--out", path).text
        )
    figures = openpyxl.load_workbook(annex).worksheets[2]
    total = next(row for row in figures.iter_rows() if row[0].value == "Total")
    assert round(total[3].value * 100) == own["sump_kop"].sum()
    with Workspace.open(folder) as store:
        registers, _ = store.registers()
    assert 0 < total[2].value <= registers["reg_insured"].height
    tree = html.fromstring(page.read_text(encoding="utf-8"))
    assert len(tree.xpath("//svg")) == 1
    assert not tree.xpath("//*[@src or @href]")
    assert "norms.cost_age" in page.read_text(encoding="utf-8")
    coefficients = pl.read_csv(table, infer_schema=False)
    assert coefficients.columns == ["place", "group", "kd"]
    assert all(Fraction(kd) >= 0 for kd in coefficients["kd"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("2022-05",), "2022-05"), (("2022-03..2022-02",), "ends before it begins"), (("2022-03", "--out", "a.pdf"), "a.pdf"),
     (("2022-03", "--month", "2022-03", "--money", "1,2,3"), "1,2,3"), (("xx",), "xx")],
)  # fmt: skip
def test_what_norms_refuses(closed: Closed, arguments: tuple[str, ...], words: str) -> None:
    said = run("norms", *arguments, "--workspace", closed.folder, "--as-of", DAY)
    assert said.code == 2
    assert words in said.text


# ---------------------------------------------------------------- what if


RISE = """
title: one per cent more
agreement:
  - {table: base_rates, where: {setting: ksg_inpatient}, multiply: {rate: 1.01}}
"""
LEVEL = """
title: another level
agreement:
  - {table: clinics, where: {mo: "%s", setting: ksg_inpatient}, set: {level: "%s"}}
"""


def full_run(folder: Path, overlay: Path) -> tuple[int, int]:
    """Prices of the month before and after a full run under the overlay, of rows that have one both times."""
    with Workspace.open(folder) as store:
        context, _ = closing.load_context(store, MARCH, demo.AS_OF)
        tables, _ = closing.load_tables(store, MARCH)
        tables["identified"] = store.run_table(str(MARCH), "identified")
    agreement, law, _ = apply_overlay(context.agreement, context.law, overlay)
    before = price(tables, context)["priced_sl"].select("sl_key", before="price_kop")
    after = price(tables, replace(context, agreement=agreement, law=law))["priced_sl"].select("sl_key", after="price_kop")
    both = before.join(after, on="sl_key").drop_nulls()
    return int(both["before"].sum()), int(both["after"].sum())


def test_whatif_is_a_full_run(closed: Closed, tmp_path: Path) -> None:
    overlay = tmp_path / "rise.yaml"
    overlay.write_text(RISE, encoding="utf-8")
    with Workspace.open(closed.folder) as store:
        found = whatif.asked([whatif.load(store, MARCH, demo.AS_OF)], overlay)
    before, after = full_run(closed.folder, overlay)
    whole = found.difference.filter(pl.col("by") == "total").row(0, named=True)
    assert (whole["before_kop"], whole["after_kop"]) == (before, after)
    assert after > before
    assert 0 < found.repriced < found.rows
    for by in ("mo", "payment_kind", "profil", "group", "sex_age"):
        parts = found.difference.filter(pl.col("by") == by)
        assert parts["difference_kop"].sum() == after - before, by
        assert parts["cases"].sum() == whole["cases"]
    page, book = tmp_path / "rise.html", tmp_path / "rise.xlsx"
    for path in (page, book):
        said = run("whatif", overlay, "--month", "2022-03", "--workspace", closed.folder, "--as-of", DAY, "--out", path)
        assert str(path) in said.text
    assert "base_rates" in page.read_text(encoding="utf-8")
    sheet = openpyxl.load_workbook(book).worksheets[0]
    total = [row for row in sheet.iter_rows() if row[0].value == "Total"][-1]
    assert round(total[4].value * 100) == after - before


def test_whatif_of_two_months_is_the_sum(closed: Closed, tmp_path: Path) -> None:
    overlay = tmp_path / "rise.yaml"
    overlay.write_text(RISE, encoding="utf-8")
    with Workspace.open(closed.folder) as store:
        months = [whatif.load(store, month, demo.AS_OF) for month in demo.MONTHS]
        alone = [whatif.asked([one], overlay) for one in months]
        both = whatif.asked(months, overlay)
    totals = [one.difference.filter(pl.col("by") == "total")["difference_kop"][0] for one in (*alone, both)]
    assert totals[0] + totals[1] == totals[2]
    assert both.by_month["month"].to_list() == [str(month) for month in demo.MONTHS]


@pytest.mark.parametrize(
    ("text", "words"),
    [("agreement: [{table: base_rate, set: {rate: 1}}]", "base_rate"), ("agreement: [", "overlay.yaml"), ("", "overlay.yaml"),
     ("agreement: [{table: base_rates, where: {setting: nowhere}, set: {rate: 5}}]", "nowhere")],
)  # fmt: skip
def test_an_overlay_that_does_not_fit(closed: Closed, tmp_path: Path, text: str, words: str) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(text, encoding="utf-8")
    said = run("whatif", overlay, "--month", "2022-03", "--workspace", closed.folder, "--as-of", DAY)
    assert said.code in (2, 3)
    assert words in said.text
    assert "Traceback" not in said.text


def test_what_loses_its_price_is_told_and_nothing_else(closed: Closed, tmp_path: Path) -> None:
    """The level of a clinic is set to one that has no coefficient: its cases are named, those that had no price before are not."""
    with Workspace.open(closed.folder) as store:
        context, _ = closing.load_context(store, MARCH, demo.AS_OF)
        loaded = whatif.load(store, MARCH, demo.AS_OF)
    priced = loaded.tables["priced_sl"].join(loaded.about, on="sl_key")
    with_level = priced.filter((pl.col("payment_kind") == "ksg_inpatient") & pl.col("sources").str.contains("levels.csv"))
    mo = with_level["mo"].mode().sort()[0]
    overlay = tmp_path / "level.yaml"
    overlay.write_text(LEVEL % (mo, "9"), encoding="utf-8")
    found = whatif.asked([loaded], overlay)
    lost = with_level.filter(pl.col("mo") == mo)
    assert lost["price_kop"].null_count() == 0
    assert sorted(found.findings["sl_row"].to_list()) == sorted(lost["sl_key"].to_list())
    row = found.difference.filter((pl.col("by") == "mo") & (pl.col("key") == mo)).row(0, named=True)
    assert row["unpriced_after"] - row["unpriced_before"] == lost.height
    levels = context.agreement.table("levels").filter(pl.col("setting") == "ksg_inpatient")["level"].unique().sort().to_list()
    now = context.agreement.table("clinics").filter((pl.col("mo") == mo) & (pl.col("setting") == "ksg_inpatient"))["level"][0]
    overlay.write_text(LEVEL % (mo, next(level for level in levels if level != now)), encoding="utf-8")
    other = whatif.asked([loaded], overlay)
    whole = other.difference.filter(pl.col("by") == "total").row(0, named=True)
    assert (whole["before_kop"], whole["after_kop"]) == full_run(closed.folder, overlay)
    assert other.findings.is_empty()
