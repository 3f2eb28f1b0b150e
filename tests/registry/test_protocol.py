from __future__ import annotations

import json

import polars as pl
import pytest
from lxml import etree

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.registry import formats, parsing, protocol, reader

from .documents import NAME, main_document, package, person_document


def test_protocol_of_a_faultless_package_has_no_errors() -> None:
    root = etree.fromstring(protocol.flk_protocol(findings.empty(), NAME, f"V{NAME}"))
    assert root.tag == "FLK_P"
    assert [(item.tag, item.text) for item in root] == [("FNAME", f"V{NAME}"), ("FNAME_I", NAME)]


def test_every_finding_is_an_error_with_its_place() -> None:
    main = main_document(**{"ZAP/Z_SL/SL/DET": lambda number: "012"[number]})
    person = person_document(**{"PERS/DR": lambda number: ["1980-01-01", "1980-02-30", "1980-01-01"][number]})
    found = reader.read_package(package(main, person), f"{NAME}.zip").findings
    root = etree.fromstring(protocol.flk_protocol(found, NAME, f"V{NAME}", "en"))
    errors = [{item.tag: item.text for item in error} for error in root.findall("PR")]
    assert [error["OSHIB"] for error in errors] == ["903", "904"]
    assert (
        errors[0]["ZN_POL"] == "1***0"
        and errors[0]["IM_POL"] == "DR"
        and errors[0]["BAS_EL"] == "PERS"
        and errors[0]["IDCASE"] == "102"
    )
    assert {name: errors[1][name] for name in ("IM_POL", "BAS_EL", "N_ZAP", "ID_PAC", "IDCASE", "SL_ID", "ZN_POL")} == {
        "IM_POL": "DET", "BAS_EL": "SL", "N_ZAP": "3", "ID_PAC": "p3", "IDCASE": "103", "SL_ID": "s3", "ZN_POL": "2",
    }  # fmt: skip
    assert errors[1]["COMMENT"] == 'The value "2" of element ZAP/Z_SL/SL/DET (child profile 0/1) is not one of: 0, 1'


def test_elements_stand_in_the_order_of_the_format() -> None:
    found = reader.read_package(package(main_document(**{"ZAP/Z_SL/SL/DET": "7"})), f"{NAME}.zip").findings
    order = [field.name for field in formats.get("FLK_P").children["PR"]]
    for error in etree.fromstring(protocol.flk_protocol(found, NAME, "V")).findall("PR"):
        places = [order.index(item.tag) for item in error]
        assert places == sorted(places)


def test_long_texts_are_cut_and_other_rules_keep_their_id() -> None:
    found = findings.frame(
        [Finding("S.807", package=NAME, params={"message": "x" * 500}), Finding("S.820", package=NAME, params={"name": "L"})]
    )
    errors = etree.fromstring(protocol.flk_protocol(found, NAME, "V")).findall("PR")
    assert [error.findtext("OSHIB") for error in errors] == ["801", "S.820"]
    assert len(errors[0].findtext("COMMENT") or "") == 250


def test_order_of_findings_does_not_matter() -> None:
    found = reader.read_package(package(main_document(**{"ZAP/Z_SL/SL/DET": "7"})), f"{NAME}.zip").findings
    assert protocol.flk_protocol(found.reverse(), NAME, "V") == protocol.flk_protocol(found, NAME, "V")


def test_json_lines() -> None:
    found = reader.read_package(package(main_document(**{"ZAP/Z_SL/SL/DET": "7"})), f"{NAME}.zip").findings
    lines = [json.loads(line) for line in protocol.findings_json_lines(found, "ru")]
    assert [line["idcase"] for line in lines] == [101, 102, 103]
    assert lines[0]["rule"] == "S.904" and lines[0]["params"]["allowed"] == "0, 1"
    assert lines[0]["text"] == "Значение «7» элемента ZAP/Z_SL/SL/DET (детский профиль) не входит в перечень: 0, 1"
    assert "sl_id" in lines[0] and None not in lines[0].values()


def test_codes_of_a_region_replace_ours() -> None:
    found = findings.frame([Finding("S.904", package=NAME), Finding("C013", package=NAME), Finding("S.903", package=NAME)])
    root = etree.fromstring(protocol.flk_protocol(found, NAME, "V", codes={"C013": "006F.00.0350", "S.904": "R1"}))
    assert sorted(error.findtext("OSHIB") or "" for error in root.findall("PR")) == ["006F.00.0350", "903", "R1"]


def test_a_protocol_is_read_back() -> None:
    found = reader.read_package(package(main_document(**{"ZAP/Z_SL/SL/DET": "7"})), f"{NAME}.zip").findings
    read = parsing.read_xml(protocol.flk_protocol(found, NAME, f"V{NAME}"), f"V{NAME}", f"V{NAME}")
    assert read.format is formats.get("FLK_P") and read.findings.height == 0
    assert read.tables["pr"].select("oshib", "n_zap", "idcase", "zn_pol").rows() == [
        ("904", str(n), 100 + n, "7") for n in (1, 2, 3)
    ]


def test_journal_between_territories() -> None:
    """Y is named after the R; the value stands in CONT_ER beside the field, N_ZAP is a number (Q018)."""
    found = findings.frame(
        [
            Finding("S.903", "sl", package="R7846220001", n_zap=7, idcase=12, sl_id="s1", element="ZAP/Z_SL/SL/SUM_M", value="1,5",
                    params={"format": "N(15.2)", "ru": "сумма", "en": "sum"}),
            Finding("S.903", "zap", package="R7846220001", n_zap=8, element="ZAP/PACIENT/FAM", value="И***в", params={"format": "T(40)"}),
            Finding("S.809", package="R7846220001", params={"version": "9.9"}),
        ]
    )  # fmt: skip
    name, data = protocol.journal(found, "R7846220001", "ru", {"S.903": "004F.00.0010"})
    assert name == "Y7846220001"
    root = etree.fromstring(data)
    assert [(item.tag, item.text) for item in root[:2]] == [("FNAME", "Y7846220001"), ("FNAME_I", "R7846220001")]
    errors = [[(item.tag, item.text) for item in error] for error in root.findall("PR")]
    assert [item for item in errors[1] if item[0] != "COMMENT"] == [
        ("OSHIB", "004F.00.0010"), ("IM_POL", "SUM_M"), ("CONT_ER", "1,5"), ("BAS_EL", "SL"), ("N_ZAP", "7"), ("IDCASE", "12"), ("SL_ID", "s1"),
    ]  # fmt: skip
    assert dict(errors[2])["CONT_ER"] == "И***в"
    assert [tag for tag, _ in errors[0]] == ["OSHIB", "COMMENT"]  # about the file as a whole
    order = [field.name for field in formats.get("Y").children["PR"]]
    assert all([order.index(tag) for tag, _ in error] == sorted(order.index(tag) for tag, _ in error) for error in errors)
    read = parsing.read_xml(data, name, name, kind="Y")
    assert read.format is formats.get("Y") and read.findings.height == 0
    assert read.tables["pr"]["n_zap"].to_list() == [None, "7", "8"]


@pytest.mark.parametrize("stem", [NAME, "A7846220001", "Y7846220001", "R784622001"])
def test_journals_belong_to_r_and_d(stem: str) -> None:
    with pytest.raises(ValueError, match="R or D"):
        protocol.journal(findings.empty(), stem)


def test_many_findings_are_all_written() -> None:
    one = reader.read_package(package(main_document(**{"ZAP/Z_SL/SL/DET": "7"})), f"{NAME}.zip").findings
    many = pl.concat([one.with_columns(n_zap=pl.lit(number, dtype=pl.Int64)) for number in range(1000)])
    assert protocol.flk_protocol(many, NAME, "V").count(b"<PR>") == many.height == 3000
