from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from omsclaims.registry import compare, formats
from omsclaims.registry.compare import Change

EDITION = formats.get("H_3.2")


def made(body: str) -> bytes:
    return f'<?xml version="1.0" encoding="windows-1251"?>\n<ZL_LIST>{body}</ZL_LIST>'.encode("cp1251")


def found(before: str, after: str) -> list[Change]:
    return list(compare.changes(made(before), made(after), EDITION))


def test_equal_files_have_no_changes() -> None:
    body = "<ZGLV><VERSION>3.2</VERSION></ZGLV><ZAP><N_ZAP>1</N_ZAP></ZAP>\n<ZAP><N_ZAP>2</N_ZAP></ZAP>"
    assert found(body, body.replace("><", ">\n  <")) == []


def test_spellings_of_numbers() -> None:
    before = "<SCHET><SUMMAV>144782</SUMMAV><MONTH>04</MONTH></SCHET><ZAP><Z_SL><SUMV>-0.00</SUMV><LPU>04</LPU></Z_SL></ZAP>"
    after = "<SCHET><SUMMAV>144782.00</SUMMAV><MONTH>4</MONTH></SCHET><ZAP><Z_SL><SUMV>0.00</SUMV><LPU>4</LPU></Z_SL></ZAP>"
    assert found(before, after) == [
        Change("number", "ZAP/Z_SL/SUMV", 1, "-0.00", "0.00"),
        Change("value", "ZAP/Z_SL/LPU", 1, "04", "4"),  # a code, no number: another clinic
        Change("number", "SCHET/SUMMAV", 0, "144782", "144782.00"),
        Change("number", "SCHET/MONTH", 0, "04", "4"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [("1,5", "1.5", "value"), ("144782", "144782.01", "value"), ("1e2", "100", "value"), ("", "0", "value")],
)
def test_other_numbers_are_other_values(before: str, after: str, kind: str) -> None:
    body = "<ZAP><Z_SL><SUMV>{}</SUMV></Z_SL></ZAP>"
    assert [change.kind for change in found(body.format(before), body.format(after))] == [kind]


def test_missing_added_and_empty_elements() -> None:
    before = "<ZAP><PACIENT/><Z_SL><LPU>750001</LPU><SL><DS1>A</DS1></SL></Z_SL></ZAP><ZAP><N_ZAP>2</N_ZAP></ZAP>"
    after = "<ZAP><Z_SL><SL><DS1>A</DS1><DS2>B</DS2></SL></Z_SL></ZAP>"
    assert found(before, after) == [
        Change("empty", "ZAP/PACIENT", 1, "", None),
        Change("missing", "ZAP/Z_SL/LPU", 1, "750001", None),
        Change("added", "ZAP/Z_SL/SL/DS2", 1, None, "B"),
        Change("missing", "ZAP", 2, "<ZAP><N_ZAP>2</N_ZAP></ZAP>", None),
    ]


def test_moved_elements_are_the_fewest_that_explain_the_order() -> None:
    tags = ["USL_OK", "VIDPOM", "FOR_POM", "LPU", "RSLT"]
    after = "<ZAP><Z_SL>" + "".join(f"<{tag}>1</{tag}>" for tag in tags) + "</Z_SL></ZAP>"
    before = "<ZAP><Z_SL>" + "".join(f"<{tag}>1</{tag}>" for tag in ["RSLT", *tags[:-1]]) + "</Z_SL></ZAP>"
    assert found(before, after) == [Change("moved", "ZAP/Z_SL/RSLT", 1, None, None)]
    assert [change.kind for change in found("<ZAP/><ZGLV/><ZAP/>", "<ZGLV/><ZAP/><ZAP/>")] == ["moved"]
    assert found("<ZGLV/><ZAP/><SCHET/><ZAP/>", "<ZGLV/><ZAP/><ZAP/><SCHET/>") == [Change("moved", "ZAP", 0, None, None)]


def test_strays_are_told() -> None:
    before = '<ZAP a="1"><Z_SL>text<LPU b="2">7</LPU>more</Z_SL></ZAP>'
    after = "<ZAP><Z_SL><LPU>7</LPU></Z_SL></ZAP>"
    assert [(change.kind, change.path, change.before) for change in found(before, after)] == [
        ("stray", "ZAP/@a", "1"), ("stray", "ZAP/Z_SL/#text", "text"), ("stray", "ZAP/Z_SL/#text", "more"), ("stray", "ZAP/Z_SL/LPU/@b", "2"),
    ]  # fmt: skip


def test_repeated_elements_are_paired_in_order() -> None:
    before = "<ZAP><Z_SL><SL><DS2>A</DS2><DS2>B</DS2><DS2>C</DS2></SL></Z_SL></ZAP>"
    after = "<ZAP><Z_SL><SL><DS2>A</DS2><DS2>C</DS2></SL></Z_SL></ZAP>"
    assert [(change.kind, change.before, change.after) for change in found(before, after)] == [
        ("value", "B", "C"),
        ("missing", "C", None),
    ]


def test_changes_are_counted_by_kind_and_path(tmp_path: Path) -> None:
    body = "<ZAP><Z_SL><SUMV>{}</SUMV></Z_SL></ZAP>"
    before, after = tmp_path / "a.xml", tmp_path / "b.xml"
    before.write_bytes(made("".join(body.format(n) for n in range(5))))
    after.write_bytes(made("".join(body.format(f"{n}.00") for n in range(5))))
    counted = compare.counted(compare.frame(compare.changes(before, after, EDITION)))
    assert counted.rows() == [("number", "ZAP/Z_SL/SUMV", 5, 1, "0", "0.00")]


def test_entities_are_not_resolved() -> None:
    hostile = b'<!DOCTYPE ZL_LIST [<!ENTITY a SYSTEM "file:///etc/hostname">]><ZL_LIST><ZAP><N_ZAP>&a;</N_ZAP></ZAP></ZL_LIST>'
    changes = list(compare.changes(hostile, made("<ZAP><N_ZAP>1</N_ZAP></ZAP>"), EDITION))
    assert all(change.before in (None, "", "&a;") or "<" in str(change.before) for change in changes)
    with pytest.raises(etree.XMLSyntaxError):
        list(compare.changes(b"<ZL_LIST><ZAP>", made(""), EDITION))
