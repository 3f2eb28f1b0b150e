"""File R: accepted cases of people insured elsewhere, from every kind of registry, valid by the schema of R and D."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from lxml import etree

from omsclaims.registry import formats
from omsclaims.registry.writer import write_xml
from omsclaims.reports import territory_files
from tests.reports import reports_data as data

XSD = Path(__file__).resolve().parents[3] / "shared" / "xsd" / "RD_3.2.xsd"
BILL = territory_files.Bill("R7538220001", "75-38-2022-03", date(2022, 4, 20), date(2022, 4, 20), "76000", "25000")


def built(territory: str = "38", **changes: pl.DataFrame) -> territory_files.RFile:
    stages = data.stages() | {
        name: table for name, table in changes.items() if name in ("decisions", "cases", "sanctions", "identified")
    }
    tables = data.month_tables() | {name: table for name, table in changes.items() if name in ("z_sl", "sl", "usl")}
    return territory_files.r_tables(
        territory,
        stages["cases"],
        tables,
        data.persons(),
        stages["decisions"],
        stages["sanctions"],
        stages["identified"],
        BILL,
        data.MONTH,
    )


def xml(file: territory_files.RFile) -> etree._Element:
    return etree.fromstring(write_xml(file.tables, formats.get(territory_files.EDITION)))


def test_file_r_validates_against_its_schema() -> None:
    if not XSD.exists():
        pytest.skip("../shared is not here: RD_3.2.xsd")
    schema = etree.XMLSchema(etree.parse(XSD))
    for territory in ("38", "03"):
        assert schema.validate(xml(built(territory))), schema.error_log


def test_only_accepted_cases_of_the_territory_numbered_anew() -> None:
    root = xml(built())
    # C 2, X 2, H3.1 2, H3.2 2, T 1 of territory 38; X 3 is refused
    assert [node.text for node in root.findall("ZAP/Z_SL/SUMV")] == ["40000.20", "1600.00", "20000.01", "9100.00", "200000.00"]
    assert [node.text for node in root.findall("ZAP/N_ZAP")] == ["1", "2", "3", "4", "5"]
    assert [node.text for node in root.findall("ZAP/Z_SL/IDCASE")] == ["1", "2", "3", "4", "5"]
    assert root.findtext("SCHET/SUMMAV") == root.findtext("SCHET/SUMMAP") == "270700.21"
    assert root.findtext("SCHET/CODE") == "380001"
    assert root.findtext("ZGLV/C_OKATO1") == "76000"
    assert root.find("ZAP/Z_SL/OPLATA") is None
    assert root.find("ZAP/Z_SL/SANK") is None
    records = built().records
    assert records["case_key"].to_list() == [data.key(0, 2), data.key(1, 2), data.key(2, 2), data.key(3, 2), data.key(4, 1)]
    assert records["billed_idcase"].to_list() == [102, 102, 102, 102, 101]


def test_an_examination_becomes_outpatient_care() -> None:
    exam = xml(built()).findall("ZAP")[1]
    said = {path: exam.findtext(f"Z_SL/{path}") for path in (
        "USL_OK", "FOR_POM", "VIDPOM", "RSLT", "ISHOD", "SL/PROFIL", "SL/DET", "SL/P_CEL", "SL/DISP", "SL/DS2", "SL/PRVS", "SL/VERS_SPEC",
        "SL/DS_ONK", "SL/USL/PROFIL", "SL/USL/DS", "SL/USL/USL", "SL/USL/KOL_USL", "SL/USL/PRVS", "KD_Z",
    )}  # fmt: skip
    assert said == {
        "USL_OK": "3", "FOR_POM": "3", "VIDPOM": "13", "RSLT": "373", "ISHOD": "306", "SL/PROFIL": "97", "SL/DET": "0", "SL/P_CEL": "2.1",
        "SL/DISP": None, "SL/DS2": "I10", "SL/PRVS": "99", "SL/VERS_SPEC": "V021", "SL/DS_ONK": "0", "SL/USL/PROFIL": "97",
        "SL/USL/DS": "Z00.0", "SL/USL/USL": "B01.001.001", "SL/USL/KOL_USL": "1.00", "SL/USL/PRVS": "99", "KD_Z": None,
    }  # fmt: skip


def test_what_the_map_supplied_is_said() -> None:
    found = built().findings
    assert found.select("rule", "element", "value", "n_zap").rows() == [("RF.1", "ZAP/Z_SL/SL/PROFIL", "97", 2)]
    tables = data.month_tables()
    odd = built(z_sl=tables["z_sl"].with_columns(pl.when(pl.col("rslt_d").is_not_null()).then(5).alias("rslt_d")))
    assert ("RF.2", "ZAP/Z_SL/RSLT", "5") in odd.findings.select("rule", "element", "value").rows()
    long = built(sl=tables["sl"].with_columns(pl.when(pl.col("metod_hmp") == 2).then(1234).alias("metod_hmp")))
    assert ("RF.3", 5) in long.findings.select("rule", "n_zap").rows()


def test_persons_travel_as_far_as_needed() -> None:
    people = xml(built()).findall("ZAP/PACIENT")
    unified, old = people[0], people[2]
    assert unified.findtext("ENP") == "7500000000000002"
    assert unified.find("NPOLIS") is None
    assert unified.find("DOCNUM") is None
    assert unified.findtext("FAM") == "Иванова"
    assert (old.findtext("NPOLIS"), old.findtext("SPOLIS"), old.findtext("ST_OKATO")) == ("123456", "АБ", "25000")
    assert (old.find("ENP"), old.findtext("DOCNUM")) == (None, "654321")
    without_patronymic = xml(built("03")).find("ZAP")
    assert without_patronymic is not None
    assert without_patronymic.findtext("Z_SL/OS_SLUCH") == "2"
    assert xml(built()).find("ZAP/Z_SL/OS_SLUCH") is None


def test_days_and_specialties_that_a_registry_does_not_state() -> None:
    records = xml(built()).findall("ZAP/Z_SL")
    high_tech, general = records[4], records[3]
    assert (high_tech.findtext("KD_Z"), high_tech.findtext("SL/KD")) == ("9", "9")
    assert (high_tech.findtext("SL/VID_HMP"), high_tech.findtext("SL/METOD_HMP")) == ("01.00.1.001", "2")
    assert general.findtext("SL/USL/PRVS") == "99"  # MR_USL_N 1 names no specialty, the second does
    assert general.findtext("SL/DS_ONK") == "0"
    assert records[0].findtext("SL/ONK_SL/ONK_USL/USL_TIP") == "1"


def test_a_case_paid_in_part_carries_its_sanction() -> None:
    stages = data.stages()
    case = data.key(2, 2)
    partly = stages["decisions"].with_columns(
        pl.when(pl.col("case_key") == case).then(pl.lit(value, dtype=pl.Int64)).otherwise(pl.col(name)).alias(name)
        for name, value in {"oplata": 3, "sank_it_kop": 1_000_000, "sump_kop": 1_000_001}.items()
    )
    row = {
        "case_key": case,
        "s_code": "x",
        "s_sum": 1_000_000,
        "s_tip": 1,
        "s_osn": 157,
        "sl_id": "s2",
        "date_act": date(2022, 4, 8),
        "num_act": "1",
    }
    file = built(decisions=partly, sanctions=data.frame("sanctions", [row]))
    record = xml(file).findall("ZAP/Z_SL")[2]
    assert [record.findtext(tag) for tag in ("OPLATA", "SUMP", "SANK/S_SUM", "SANK/S_IST", "SANK_IT")] == [
        "3",
        "10000.01",
        "10000.00",
        "1",
        "10000.00",
    ]
    assert record.findtext("SANK/SL_ID") == "s2"
    whole = xml(built(decisions=partly, sanctions=data.frame("sanctions", [row | {"sl_id": None}]))).findall("ZAP/Z_SL")[2]
    assert [node.text for node in whole.findall("SANK/SL_ID")] == [node.text for node in whole.findall("SL/SL_ID")]
    root = xml(file)
    assert (root.findtext("SCHET/SUMMAP"), root.findtext("SCHET/SANK_MEK")) == ("260700.21", "10000.00")
    with pytest.raises(AssertionError):
        built(decisions=partly, sanctions=data.frame("sanctions", [row | {"s_sum": 1}]))


def test_order_of_cases_does_not_show() -> None:
    stages = data.stages()
    first = write_xml(built().tables, formats.get("RD_3.2"))
    second = write_xml(
        built(
            cases=stages["cases"].reverse(), decisions=stages["decisions"].reverse(), identified=stages["identified"].reverse()
        ).tables,
        formats.get("RD_3.2"),
    )
    assert first == second


def test_nothing_to_bill_gives_an_empty_file() -> None:
    assert built("77").records.height == 0


def test_code_of_the_bill() -> None:
    assert replace(BILL, file_name="R7503220012").code == 30012
