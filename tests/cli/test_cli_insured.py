"""insured check and apportion as a user gives them."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import polars as pl
import pytest

from omsclaims.workspace import Workspace

from .cli_samples import DAY, run


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """A workspace with registers and without packages."""
    made = tmp_path / "ws"
    shutil.copytree(prepared, made)
    return made


def test_the_registers_are_checked_and_nobody_is_named(folder: Path, tmp_path: Path) -> None:
    said = run("insured", "check", "--workspace", folder, "--as-of", DAY)
    assert said.code == 1
    assert "RI.17" in said.text  # the made-up closed clinic left without a stated reason
    with Workspace.open(folder) as store:
        people = store.registers()[0]["reg_insured"]
    first = people.row(0, named=True)
    both = pl.concat([people, people.head(1).with_columns(smo=pl.lit("75903" if first["smo"] != "75903" else "75901"))])
    both.write_parquet(tmp_path / "reg_insured.parquet")
    assert run("register", "load", tmp_path / "reg_insured.parquet", "--workspace", folder, "--as-of", DAY).code == 0
    twice = run("insured", "check", "--workspace", folder, "--as-of", DAY, lang="ru")
    assert "RI.2 Два страховщика сразу · 1" in twice.text
    assert first["enp"] is None or first["enp"] not in twice.text


def test_those_without_an_insurer_are_apportioned(folder: Path, tmp_path: Path) -> None:
    rows = "".join(f"9{number:015d},{'true' if number % 3 else 'false'},2022-02-10\n" for number in range(30))
    (tmp_path / "reg_unchosen.csv").write_text("enp,working,since\n" + rows, encoding="utf-8")
    assert run("register", "load", tmp_path / "reg_unchosen.csv", "--workspace", folder, "--as-of", DAY).code == 0
    out = tmp_path / "list.csv"
    said = run("insured", "apportion", "2022-02", "--out", out, "--workspace", folder, "--as-of", DAY)
    assert said.code == 0, said.text
    assert "30 people apportioned" in said.text
    assert "2022-04-15" in said.text  # three working days after 12 April
    found = pl.read_csv(out, infer_schema=False)
    assert found.height == 30 and found["enp"].is_unique().all()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    again = tmp_path / "again.csv"
    run("insured", "apportion", "2022-02", "--out", again, "--workspace", folder, "--as-of", DAY, lang="ru")
    assert again.read_bytes() == out.read_bytes()
    assert list((folder / "people").glob("reg_unchosen-*.parquet"))


def test_a_register_as_xml_is_taken_whole_or_not_at_all(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "people.xml"
    row = "<PERS><ENP>7551230870000015</ENP><W>2</W><DR>1980-05-15</DR><VPOLIS>3</VPOLIS><SMO>75901</SMO><DBEG>2015-01-01</DBEG>{}</PERS>"
    path.write_text(f"<PERS_LIST>{row.format('')}</PERS_LIST>", encoding="utf-8")
    before = run("status", "--workspace", folder).text
    refused = run("insured", "load", path, "--workspace", folder, "--as-of", DAY)
    assert refused.code == 1
    assert "PERS/PLACE" in refused.text
    assert run("status", "--workspace", folder).text == before
    path.write_text("no XML", encoding="utf-8")
    assert run("insured", "load", path, "--workspace", folder).code == 3
    path.write_text(f"<PERS_LIST>{row.format('<PLACE>city</PLACE>')}</PERS_LIST>", encoding="utf-8")
    taken = run("insured", "load", path, "--workspace", folder, "--as-of", DAY, lang="ru")
    assert taken.code == 0
    assert "полисов 1, прикреплений 0" in taken.text
    assert "reg_insured 1" in run("status", "--workspace", folder).text
