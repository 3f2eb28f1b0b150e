"""Is every file between territories valid by the schema of its edition, and is what an edition cannot say told and not cut?"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from lxml import etree

from omsclaims.periods import Month
from omsclaims.registry import formats, reader
from omsclaims.registry.writer import write_xml
from omsclaims.reports import between_editions, between_files, territory_files
from omsclaims.settlement.between import items, place, reading
from tests.reports import reports_data as data
from tests.reports.test_territory_files import BILL, built

SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "xsd"
#: S_TIP of care from 25.05.2021 (F006), which the schema RD_3.2 was written before (formats.md 12.0).
NEW_KINDS = (*range(50, 60), *range(70, 87))


def schema(name: str) -> etree.XMLSchema:
    path = SCHEMAS / f"{name}.xsd"
    if not path.exists():
        pytest.skip(f"../shared is not here: {name}.xsd")
    return etree.XMLSchema(etree.parse(path))


def sanction(**changes: Any) -> dict[str, Any]:
    """A sanction of 10,000.00 on the third case of the bill."""
    row = {
        "case_key": data.key(2, 2), "s_code": "x", "s_sum": 1_000_000, "s_tip": 10, "s_osn": 57, "sl_id": None,
        "date_act": data.MONTH.last, "num_act": "1",
    }  # fmt: skip
    return {**row, **changes}


def r_file(
    edition: str | None, keys: tuple[int, ...] | None = None, reduced: dict[str, Any] | None = None
) -> territory_files.RFile:
    """File R of territory 38 in an edition: of all cases or of those of `keys`, the third paid in part by `reduced`."""
    stages = data.stages()
    if reduced is not None:
        changed = {"oplata": 3, "sank_it_kop": 1_000_000, "sump_kop": 1_000_001}
        stages["decisions"] = stages["decisions"].with_columns(
            pl.when(pl.col("case_key") == data.key(2, 2)).then(pl.lit(value, dtype=pl.Int64)).otherwise(pl.col(name)).alias(name)
            for name, value in changed.items()
        )
        stages["sanctions"] = data.frame("sanctions", [reduced])
    cases = stages["cases"] if keys is None else stages["cases"].filter(pl.col("case_key").is_in(list(keys)))
    return territory_files.r_tables(
        "38", cases, data.month_tables(), data.persons(), stages["decisions"], stages["sanctions"], stages["identified"], BILL,
        data.MONTH, edition=edition,
    )  # fmt: skip


def xml(file: territory_files.RFile) -> etree._Element:
    return etree.fromstring(write_xml(file.tables, formats.get(file.edition)))


#: Cases of H registries of one sub-case each: what all editions can say.
PLAIN = (data.key(2, 2),)


@pytest.mark.parametrize("edition", ["RD_3.2", "RD_2.1", "RD_1.0"])
@pytest.mark.parametrize("reduced", [None, sanction()], ids=["whole", "paid in part"])
def test_r_is_valid_in_its_edition(edition: str, reduced: dict[str, Any] | None) -> None:
    file = r_file(edition, PLAIN, reduced)
    assert file.sendable, file.findings.select("rule", "element", "value").rows()
    validator = schema(edition)
    assert validator.validate(xml(file)), validator.error_log
    assert xml(file).findtext("ZGLV/VERSION") == formats.get(edition).version


def test_the_edition_follows_the_month() -> None:
    months = {
        (2012, 12): "RD_1.0",
        (2013, 1): "RD_2.1",
        (2018, 3): "RD_2.1",
        (2018, 4): "RD_3.0",
        (2019, 10): "RD_3.1",
        (2019, 11): "RD_3.2",
    }
    assert {key: between_editions.edition_of(Month(*key)) for key in months} == months
    assert r_file(None).edition == "RD_3.2"
    assert built().edition == "RD_3.2"


def test_old_editions_say_sanctions_in_their_way() -> None:
    old = xml(r_file("RD_1.0", PLAIN, sanction()))
    case = old.find("ZAP/SLUCH")
    assert case is not None
    said = {tag: case.findtext(tag) for tag in ("OPLATA", "SUMV", "SUMP", "REFREASON", "SANK_MEK", "SANK_MEE", "SANK", "DATE_2")}
    assert said == {
        "OPLATA": "3", "SUMV": "20000.01", "SUMP": "10000.01", "REFREASON": "57", "SANK_MEK": "10000.00", "SANK_MEE": None, "SANK": None,
        "DATE_2": said["DATE_2"],
    }  # fmt: skip
    second = xml(r_file("RD_2.1", PLAIN, sanction(s_tip=52))).find("ZAP/SLUCH/SANK")
    assert second is not None
    assert [second.findtext(tag) for tag in ("S_SUM", "S_TIP", "S_OSN", "S_IST")] == ["10000.00", "2", "57", "1"]
    newer = xml(r_file("RD_3.2", PLAIN, sanction()))
    assert (newer.findtext("ZAP/PACIENT/ENP") is None) == (old.findtext("ZAP/PACIENT/VPOLIS") != "3")
    assert old.findtext("ZAP/PACIENT/NPOLIS") == newer.findtext("ZAP/PACIENT/NPOLIS") or newer.findtext("ZAP/PACIENT/ENP")


def test_what_an_edition_cannot_say_is_told_and_nothing_is_cut() -> None:
    ground = r_file("RD_1.0", PLAIN, sanction(s_osn=157))
    assert ("RF.5", "ZAP/SLUCH/REFREASON", "157", 1) in ground.findings.select("rule", "element", "value", "n_zap").rows()
    assert not ground.sendable
    method = r_file("RD_2.1")  # high-tech codes of 2022 are longer than those of 2013
    assert ("RF.4", "ZAP/SLUCH/VID_HMP") in method.findings.select("rule", "element").rows()
    tables = data.month_tables()
    twice = pl.concat([tables["sl"], tables["sl"].filter(pl.col("_parent") == PLAIN[0]).with_columns(_row=pl.col("_row") + 500)])
    stages = data.stages()
    sums = twice.filter(pl.col("_parent") == PLAIN[0])["sum_m"].sum()
    decisions = stages["decisions"].with_columns(
        pl.when(pl.col("case_key") == PLAIN[0]).then(pl.lit(sums)).otherwise(pl.col(name)).alias(name)
        for name in ("sumv_kop", "sump_kop")
    )
    several = territory_files.r_tables(
        "38", stages["cases"].filter(pl.col("case_key") == PLAIN[0]), tables | {"sl": twice}, data.persons(), decisions,
        stages["sanctions"], stages["identified"], BILL, data.MONTH, edition="RD_2.1",
    )  # fmt: skip
    assert ("RF.4", "ZAP/Z_SL/SL") in several.findings.select("rule", "element").rows()


def test_kinds_of_control_are_the_one_difference_from_the_schema() -> None:
    """Care from 25.05.2021: S_TIP of the new books is what RD_3.2.xsd does not know, and nothing else differs."""
    validator = schema("RD_3.2")
    outside = []
    for kind in (*range(1, 4), *range(10, 13), *range(20, 60), *range(70, 87)):
        if validator.validate(xml(r_file("RD_3.2", PLAIN, sanction(s_tip=kind)))):
            continue
        assert {error.path.rpartition("/")[2] for error in validator.error_log} == {"S_TIP"}, validator.error_log
        outside.append(kind)
    print("S_TIP outside RD_3.2.xsd:", outside)
    assert outside == [27, 28, 29, *range(42, 50), *range(50, 60), *range(70, 87)]
    assert set(NEW_KINDS) <= set(outside)


# ---- the corrected part ---------------------------------------------------------------------------------------------------

DAY = date(2022, 6, 1)


def d_file(edition: str, taken: int, s_tip: int = 10, reduced: dict[str, Any] | None = None) -> tuple[bytes, pl.DataFrame]:
    """File D on the bill of the plain case, of which A questioned half a rouble and D gives up `taken`; and its items."""
    sent = write_xml(r_file(edition, PLAIN, reduced).tables, formats.get(edition))
    read = reader.read_package(sent, name=f"{BILL.file_name}.xml")
    bill = reading.of_tables(BILL.file_name, "R", read.tables)
    answer = bill.with_columns(
        sump_kop=pl.col("sump_kop") - 50, sank_it_kop=pl.lit(50, dtype=pl.Int64), own_sank_kop=pl.lit(0, dtype=pl.Int64),
        oplata=pl.lit(3, dtype=pl.Int64), s_ist=pl.lit(2, dtype=pl.Int64),
    )  # fmt: skip
    states = items.fold(bill, answer)
    found = [] if not taken else [
        {"n_zap": 1, "idcase": 1, "s_code": "1", "s_sum": taken, "s_tip": s_tip, "s_osn": 58, "sl_id": None, "date_act": DAY, "num_act": "7",
         "code_exp": "12345678" if s_tip >= 30 else None, "s_com": None}
    ]  # fmt: skip
    sanctions = pl.DataFrame(found, schema=place.REFINED, orient="row")
    made, wrong = place.corrected("D7538220001", bill, states, sanctions)
    assert wrong.is_empty()
    told = between_files.Corrected("D7538220001", between_files.number_of("38-2203-0001", 0), DAY)
    tables = between_files.d_tables(read.tables, formats.get(edition), made, sanctions, told)
    return write_xml(tables, formats.get(edition)), made


@pytest.mark.parametrize("edition", ["RD_3.2", "RD_2.1", "RD_1.0"])
@pytest.mark.parametrize("taken", [0, 30, 50], ids=["nothing given up", "a part given up", "all given up"])
@pytest.mark.parametrize("reduced", [None, sanction()], ids=["whole", "paid in part"])
def test_d_is_valid_in_its_edition_and_says_what_it_asks_for(edition: str, taken: int, reduced: dict[str, Any] | None) -> None:
    data, made = d_file(edition, taken, reduced=reduced)
    validator = schema(edition)
    root = etree.fromstring(data)
    assert validator.validate(root), validator.error_log
    back = reader.read_package(data, name="D7538220001.xml")
    told = reading.file_read("D7538220001", "D", "75", "38", edition, back.tables)
    own = 0 if reduced is None else 1_000_000
    assert (told.summav, told.summap) == (2_000_001, 2_000_001 - own - taken)
    assert (told.nschet, told.dschet, told.controls["mek"]) == ("38-2203-0001-D1", DAY, own + taken)
    assert made.select("n_zap", "idcase", "sump_kop", "sank_it_kop").rows() == [(1, 1, 2_000_001 - own - taken, taken)]
    assert root.findtext("SCHET/CODE") == "1380001"
    again = told.items.row(0, named=True)
    if edition != "RD_1.0":  # 1.0 names no source of a sanction
        assert (again["own_sank_kop"], again["sank_it_kop"]) == (own, taken)
    assert again["own_sank_kop"] + again["sank_it_kop"] == own + taken


def test_d_bears_the_acts_of_expertise_with_their_expert() -> None:
    root = etree.fromstring(d_file("RD_3.2", 30, s_tip=34)[0])
    sank = root.find("ZAP/Z_SL/SANK")
    assert sank is not None
    said = [sank.findtext(tag) for tag in ("S_SUM", "S_TIP", "S_OSN", "DATE_ACT", "NUM_ACT", "CODE_EXP", "S_IST")]
    assert said == ["0.30", "34", "58", "2022-06-01", "7", "12345678", "3"]
    assert [node.text for node in sank.findall("SL_ID")] == [node.text for node in root.findall("ZAP/Z_SL/SL/SL_ID")]
    assert (root.findtext("SCHET/SANK_EKMP"), root.findtext("SCHET/SANK_MEK")) == ("0.30", None)
