from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
from lxml import etree

from omsclaims.registry import formats
from omsclaims.registry.rewrite import rewrite

from .documents import NAME, document, main_document, package, person_document, schema_of, shared


def test_a_package_is_brought_into_the_order_and_spelling_of_its_schema(tmp_path: Path) -> None:
    main = main_document(2).replace(b"<N_ZAP>1</N_ZAP>", b"").replace(b"</PACIENT>", b"</PACIENT><N_ZAP>01</N_ZAP>", 1)
    main = main.replace(b"<SUMV>100.00<", b"<SUMV>100<", 1).replace(b"<DS1>J06.9</DS1>", b"<DS1>J06.9</DS1><KSG_KPG/>", 1)
    source, target = tmp_path / f"{NAME}.zip", tmp_path / "out" / f"{NAME}.zip"
    source.write_bytes(package(main, person_document(2)))
    target.parent.mkdir()
    made = rewrite(source, target)
    assert made is not None and made.same
    assert made.changes.filter(pl.col("file") == NAME).select("kind", "path", "record", "before", "after").rows() == [
        ("number", "ZAP/N_ZAP", 1, "01", "1"), ("empty", "ZAP/Z_SL/SL/KSG_KPG", 1, "", None), ("number", "ZAP/Z_SL/SUMV", 1, "100", "100.00"),
        ("moved", "ZAP/N_ZAP", 1, None, None),
    ]  # fmt: skip
    assert "S.905" in set(made.findings["rule"])
    with zipfile.ZipFile(target) as opened:
        assert opened.namelist() == [f"{NAME}.xml", f"L{NAME[1:]}.xml"]
        written = etree.fromstring(opened.read(f"{NAME}.xml"))
    schema = schema_of("H_3.2")
    shared("xsd", "H_3.2.xsd")
    assert schema.validate(written), schema.error_log
    again = rewrite(target, tmp_path / "again.zip")
    assert again is not None and again.changes.height == 0 and again.findings.height == 0


def test_what_has_no_place_is_told_and_persons_stay_masked(tmp_path: Path) -> None:
    persons = (
        person_document(2)
        .replace(b"<PERS>", b'<PERS kind="new">', 1)
        .replace(b"<DR>1980-02-01</DR>", b"<DR>1980-02-01<X>10.03.1980</X></DR>", 1)
    )
    source = tmp_path / f"{NAME}.zip"
    source.write_bytes(package(main_document(2), persons))
    made = rewrite(source, tmp_path / "new.zip")
    assert made is not None and not made.same
    assert set(made.changes["kind"]) <= {"stray", "value", "missing"} and made.changes.height >= 2
    assert set(made.changes["file"]) == {f"L{NAME[1:]}"}
    shown = " ".join(str(cell) for row in made.changes.rows() for cell in row)
    assert "1980" not in shown and "10.03" not in shown


def test_a_bare_xml(tmp_path: Path) -> None:
    source, target = tmp_path / "R7846220001.xml", tmp_path / "new.xml"
    source.write_bytes(document(formats.get("RD_3.2"), full=True))
    made = rewrite(source, target)
    assert made is not None and made.same
    assert etree.parse(target).getroot().tag == "ZL_LIST"
    archive = tmp_path / "R7846220001.oms"
    assert rewrite(source, archive) is not None
    with zipfile.ZipFile(archive) as opened:
        assert opened.namelist() == ["R7846220001.xml"] and opened.read("R7846220001.xml") == target.read_bytes()


def test_what_is_no_registry_is_left_alone(tmp_path: Path) -> None:
    source, target = tmp_path / f"{NAME}.zip", tmp_path / "new.zip"
    source.write_bytes(b"no archive")
    assert rewrite(source, target) is None
    assert not target.exists()
