"""Is every answer A valid in its edition, and do its sums follow what was decided? (formats.md 12; schemas A_2.1, A_1.0)"""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from lxml import etree

from omsclaims.checks import official
from omsclaims.nsi import Books, built_in_books
from omsclaims.nsi.loader import load_book
from omsclaims.registry import formats, reader
from omsclaims.registry.writer import write_package, write_xml
from omsclaims.reports import answer_files
from omsclaims.settlement.between import checking, home, items, reading
from tests.settlement import settlement_samples as samples
from tests.settlement.between.home_samples import NAME, bill, item, registers

SCHEMAS: Final = Path(__file__).resolve().parents[3] / "shared" / "xsd"
ANSWER: Final = "A7538220003"
DAY: Final = date(2022, 4, 10)
ROWS: Final = [item(1, enp="0099999999999999", own=20_000), item(2), item(3, vidpom=4), item(4)]


def made(
    edition: str = "A_3.1", stage: items.Stage = "answer", rows: list[dict[str, Any]] | None = None, old: bool = False
) -> answer_files.AFile:
    """The answer to the bill of `rows`; `old`: grounds of two digits, as before 2019."""
    of = samples.context("2022-02", as_of=DAY)
    sent = bill(*(rows or ROWS))
    controlled = home.control({**home.tables(NAME, sent), **registers()}, of)
    decided = home.decide(reading.of_tables(NAME, "R", sent), controlled.findings, stage, ANSWER, DAY, controlled.care, of)
    if old:
        decided = home.Decided(
            decided.items.with_columns(kods=pl.col("kods").str.head(2)),
            decided.sanctions.with_columns(s_osn=pl.col("s_osn") % 100),
        )
    return answer_files.a_tables(sent, decided, ANSWER, DAY, edition)


def xml(file: answer_files.AFile) -> etree._Element:
    return etree.fromstring(write_xml(file.tables, formats.get(file.edition)))


@pytest.mark.parametrize("edition", ["A_2.1", "A_1.0"])
@pytest.mark.parametrize("stage", ["answer", "final"])
@pytest.mark.parametrize("rows", [ROWS, [item(1), item(2)]], ids=["refusals", "accepted"])
def test_a_is_valid_in_its_edition(edition: str, stage: items.Stage, rows: list[dict[str, Any]]) -> None:
    path = SCHEMAS / f"{edition}.xsd"
    if not path.exists():
        pytest.skip(f"../shared is not here: {path.name}")
    file = made(edition, stage, rows, old=True)
    assert file.sendable, file.findings.select("rule", "element", "value").rows()
    schema = etree.XMLSchema(etree.parse(path))
    assert schema.validate(xml(file)), schema.error_log


def test_sums_of_an_answer() -> None:
    """Asked for 800 + 3 x 1,000; items 1 and 3 refused whole: accepted 2,000, refused by МЭК 1,800."""
    root = xml(made())
    said = {name: root.findtext(f"SCHET/{name}") for name in ("SUMMAV", "SUMMAP", "SANK_MEK", "SANK_MEE", "NSCHET", "CODE")}
    assert said == {
        "SUMMAV": "4000.00", "SUMMAP": "2000.00", "SANK_MEK": "1800.00", "SANK_MEE": None, "NSCHET": "75-2202-0007", "CODE": None,
    }  # fmt: skip
    cases = [[case.findtext(name) for name in ("SUMV", "OPLATA", "SUMP", "SANK_IT")] for case in root.iterfind("ZAP/Z_SL")]
    assert cases == [
        ["1000.00", "2", "0.00", "800.00"], ["1000.00", "1", "1000.00", None], ["1000.00", "2", "0.00", "1000.00"],
        ["1000.00", "1", "1000.00", None],
    ]  # fmt: skip
    sank = root.find("ZAP/Z_SL/SANK")
    assert sank is not None
    assert [child.tag for child in sank] == ["S_CODE", "S_SUM", "S_TIP", "SL_ID", "S_OSN", "DATE_ACT", "NUM_ACT", "S_IST"]
    assert root.find("ZGLV/C_OKATO1") is None and root.findtext("ZGLV/OKATO_OMS") == "76000"
    assert root.find("ZAP/PACIENT/FAM") is None


def test_old_editions_say_it_in_their_way() -> None:
    case = xml(made("A_1.0", old=True)).find("ZAP/SLUCH")
    assert case is not None
    names = ("OPLATA", "SUMP", "REFREASON", "SANK_MEK", "SANK_IT", "SANK")
    assert [case.findtext(name) for name in names] == ["2", "0.00", "10", "800.00", None, None]
    newer = xml(made("A_2.1", old=True)).find("ZAP/SLUCH/SANK")
    assert newer is not None
    assert [newer.findtext(name) for name in ("S_SUM", "S_TIP", "S_OSN", "S_IST")] == ["800.00", "1", "10", "2"]


def test_a_ground_of_three_digits_has_no_room_in_edition_1() -> None:
    file = made("A_1.0")
    assert not file.sendable
    assert ("RF.5", "210") in file.findings.select("rule", "value").rows()


@pytest.mark.parametrize("edition", ["A_3.1", "A_2.1", "A_1.0"])
def test_what_is_written_reads_back_as_it_was_decided(edition: str) -> None:
    file = made(edition, old=edition != "A_3.1")
    stream = io.BytesIO()
    write_package(stream, file.tables, formats.get(edition), name=ANSWER)
    read = reader.read_package(stream.getvalue(), name=f"{ANSWER}.oms")
    assert read.format is not None
    # Old editions under a month of 2022 are read by the format of their period: the content is asked for, not the edition.
    told = reading.file_read(ANSWER, "A", "75", "38", edition, read.tables)
    assert told.items.select("n_zap", "sump_kop", "sank_it_kop", "oplata").rows() == [
        (1, 0, 80_000, 2), (2, 100_000, 0, 1), (3, 0, 100_000, 2), (4, 100_000, 0, 1),
    ]  # fmt: skip
    assert checking.self_checks(told).is_empty(), checking.self_checks(told).select("rule", "element", "value").rows()


def test_the_official_book_finds_nothing_in_an_answer() -> None:
    """Q015 on the answers of both stages: every row for A that can be executed is silent, and some are."""
    path = SCHEMAS.parent / "nsi" / "packages" / "Q015.xml"
    if not path.exists():
        pytest.skip(f"../shared is not here: {path.name}")
    book = load_book(path).book
    assert book is not None
    books = Books({**built_in_books().by_name, "Q015": book})
    stages: tuple[items.Stage, ...] = ("answer", "final")
    for stage in stages:
        stream = io.BytesIO()
        write_package(stream, made(stage=stage).tables, formats.get("A_3.1"), name=ANSWER)
        read = reader.read_package(stream.getvalue(), name=f"{ANSWER}.oms")
        assert read.format is not None and read.format.id == "A_3.1"
        checked = official.check(read.tables, read.format, None, books, ANSWER, DAY)
        assert checked.executions.filter("executed").height > 20
        assert checked.findings.select("rule", "element", "value").rows() == []
        assert read.findings.is_empty(), read.findings.select("rule", "element", "value").rows()


def test_editions_of_answers() -> None:
    assert [answer_files.edition_for(f"RD_{version}") for version in ("1.0", "2.1", "3.0", "3.1", "3.2")] == [
        "A_1.0", "A_2.1", "A_3.1", "A_3.1", "A_3.1",
    ]  # fmt: skip
