"""The register of insured as XML: taken whole with all that it says, or not at all with every reason and its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from omsclaims import contract, messages
from omsclaims.findings import with_text
from omsclaims.registry import insured_file

PERSON = (
    "<PERS><ENP>7551230870000015</ENP><FAM>ИВАНОВА</FAM><IM>АННА</IM><W>2</W><DR>1980-05-15</DR><VPOLIS>3</VPOLIS>"
    "<SMO>75901</SMO><DBEG>2015-01-01</DBEG><PLACE>city</PLACE><SNILS>000</SNILS>"
    "<PRIK><MO>750901</MO><DBEG>2019-01-01</DBEG><DEND>2022-02-28</DEND></PRIK><PRIK><MO>750902</MO><DBEG>2022-03-01</DBEG></PRIK></PERS>"
)
OTHER = (
    "<PERS><FAM>ПЕТРОВ</FAM><W>1</W><DR>2022-03-01</DR><VPOLIS>2</VPOLIS><NPOLIS>123456789</NPOLIS><SMO>75902</SMO>"
    "<DBEG>2022-03-02</DBEG><DEND>2022-04-15</DEND><PLACE>north</PLACE><DDEATH>2022-03-20</DDEATH></PERS>"
)


def written(tmp_path: Path, body: str, encoding: str = "utf-8", head: str = "", root: str = "PERS_LIST") -> Path:
    path = tmp_path / "REG.xml"
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n{head}<{root}>\n<ZGLV><VERSION>3.2</VERSION></ZGLV>\n{body}\n</{root}>\n'
    )
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251"])
def test_policies_and_attachments(tmp_path: Path, encoding: str) -> None:
    tables, found = insured_file.read(written(tmp_path, f"{PERSON}\n{OTHER}", encoding))
    assert found.is_empty()
    for name, table in tables.items():
        contract.check(name, table)
        assert contract.register_problems(name, table) == []
    assert tables["reg_insured"].select(
        "enp", "fam", "w", "dr", "vpolis", "npolis", "smo", "policy_from", "policy_to", "place", "died_on"
    ).rows() == [
        ("7551230870000015", "ИВАНОВА", 2, date(1980, 5, 15), 3, None, "75901", date(2015, 1, 1), None, "city", None),
        (
            None,
            "ПЕТРОВ",
            1,
            date(2022, 3, 1),
            2,
            "123456789",
            "75902",
            date(2022, 3, 2),
            date(2022, 4, 15),
            "north",
            date(2022, 3, 20),
        ),
    ]
    assert tables["reg_attachment"].rows() == [
        ("7551230870000015", "750901", date(2019, 1, 1), date(2022, 2, 28)),
        ("7551230870000015", "750902", date(2022, 3, 1), None),
    ]


@pytest.mark.parametrize(
    ("old", "new", "rule", "element"),
    [
        ("<SMO>75901</SMO>", "", "IN.2", "PERS/SMO"),
        ("<DR>1980-05-15</DR>", "<DR>15.05.1980</DR>", "IN.3", "PERS/DR"),
        ("<DR>1980-05-15</DR>", "<DR>1980-02-30</DR>", "IN.3", "PERS/DR"),
        ("<W>2</W>", "<W>Ж</W>", "IN.3", "PERS/W"),
        ("<MO>750901</MO>", "", "IN.2", "PERS/PRIK/MO"),
        ("<ENP>7551230870000015</ENP>", "", "IN.4", "PERS/ENP"),
        ("<ENP>7551230870000015</ENP>", "<ENP>75</ENP>", "IN.3", "ENP"),
        ("<MO>750901</MO>", "<MO>../x</MO>", "IN.3", "MO"),
    ],
)
def test_what_cannot_be_taken_is_named(tmp_path: Path, old: str, new: str, rule: str, element: str) -> None:
    _, found = insured_file.read(written(tmp_path, f"{OTHER}\n{PERSON.replace(old, new)}"))
    assert (rule, element) in set(found.select("rule", "element").iter_rows())
    for lang in messages.LANGUAGES:
        for text in with_text(found, lang)["text"]:
            assert "1980" not in text and "7551230870000015" not in text


def test_a_row_that_stands_twice(tmp_path: Path) -> None:
    _, found = insured_file.read(written(tmp_path, OTHER + OTHER))
    assert found["rule"].to_list() == ["IN.5"]


@pytest.mark.parametrize(
    ("body", "head", "root"),
    [
        ("<PERS>", "", "PERS_LIST"),
        (PERSON, "", "ZL_LIST"),
        (PERSON, '<!DOCTYPE PERS_LIST [<!ENTITY a "b">]>\n', "PERS_LIST"),
        (PERSON.replace("ИВАНОВА", "&a;"), '<!DOCTYPE PERS_LIST [<!ENTITY a SYSTEM "file:///etc/hostname">]>\n', "PERS_LIST"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, body: str, head: str, root: str) -> None:
    _, found = insured_file.read(written(tmp_path, body, head=head, root=root))
    assert found["rule"].to_list() == ["IN.1"]


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.xml"
    path.write_bytes(b"")
    assert insured_file.read(path)[1]["rule"].to_list() == ["IN.1"]
