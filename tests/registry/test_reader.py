from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from omsclaims import findings
from omsclaims.registry import reader, writer
from omsclaims.registry.reader import PackageRead, read_package

from .documents import NAME, main_document, package, person_document, zipped

Text = tuple[str, str]


def read(data: bytes, name: str = f"{NAME}.zip") -> PackageRead:
    return read_package(data, name)


def only(found: pl.DataFrame, rule: str) -> list[dict[str, object]]:
    return found.filter(pl.col("rule") == rule).to_dicts()


def texts(found: pl.DataFrame, rule: str) -> Text:
    """The first text of a rule in both languages."""
    of_rule = found.filter(pl.col("rule") == rule)
    assert of_rule.height, f"{rule} is not among {found['rule'].to_list()}"
    return findings.with_text(of_rule, "ru")["text"][0], findings.with_text(of_rule, "en")["text"][0]


def put(old: bytes, new: bytes, count: int = 1) -> Callable[[bytes], bytes]:
    """A change of a document; the place must be there."""

    def change(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new, count)

    return change


def test_faultless_package_has_no_findings() -> None:
    result = read(package())
    assert result.findings.height == 0 and not result.refused
    assert result.name == NAME and result.format_ids == ("H_3.2", "L_3.2")
    assert {name: result.tables[name].height for name in ("file", "zap", "patient", "z_sl", "sl", "usl", "mr_usl_n", "person_file", "person")} == {
        "file": 1, "zap": 3, "patient": 3, "z_sl": 3, "sl": 3, "usl": 3, "mr_usl_n": 3, "person_file": 1, "person": 3,
    }  # fmt: skip
    assert result.tables["z_sl"]["sumv"].to_list() == [10000, 10000, 10000]
    assert result.tables["zap"]["_parent"].to_list() == [0, 0, 0]
    assert result.digest == hashlib.sha256(package()).hexdigest()


def test_place_of_records_is_line_and_byte() -> None:
    main = main_document()
    zap = read(package(main)).tables["zap"]
    for line, offset in zap.select("_line", "_offset").iter_rows():
        assert main[offset:].startswith(b"<ZAP>")
        assert b"<ZAP>" in main.split(b"\n")[line - 1]


# --- packages: every refusal names what, where and what to do ---------------------------------------------------------

MAIN, PERSON = f"{NAME}.xml", f"L{NAME[1:]}.xml"


def renamed(name: str, **overrides: str) -> bytes:
    """The package under another name, in its headers, too."""
    person = f"L{name[1:]}"
    return zipped({
        f"{name}.xml": main_document(**{"ZGLV/FILENAME": name, **overrides}),
        f"{person}.xml": person_document(**{"ZGLV/FILENAME": person, "ZGLV/FILENAME1": name}),
    })  # fmt: skip


REFUSED: dict[str, tuple[str, Callable[[], tuple[bytes, str]], Text]] = {
    "0 bytes": ("S.801", lambda: (b"", f"{NAME}.zip"), ("не является читаемым ZIP-архивом", "not a readable ZIP archive")),
    "not a zip": ("S.801", lambda: (b"PK\x03\x04 rubbish", f"{NAME}.zip"), ("не является читаемым ZIP-архивом", "not a readable ZIP archive")),
    "cut zip": ("S.801", lambda: (package()[:-30], f"{NAME}.zip"), ("архив повреждён или это не ZIP", "damaged or not a ZIP")),
    "wrong name": ("S.802", lambda: (package(), "HM75_22.zip"), ("Имя пакета «HM75_22»", 'package name "HM75_22"')),
    "no L": ("S.803", lambda: (zipped({MAIN: main_document()}), f"{NAME}.zip"), (f"нет файла {PERSON}", f"lacks the file {PERSON}")),
    "no main": ("S.803", lambda: (zipped({PERSON: person_document()}), f"{NAME}.zip"), (f"нет файла {MAIN}", f"lacks the file {MAIN}")),
    "path": ("S.804", lambda: (zipped({MAIN: main_document(), PERSON: person_document(), "../x.xml": b"<a/>"}), f"{NAME}.zip"), ("../x.xml (недопустимый путь)", "../x.xml (path that is not allowed)")),
    "nested": ("S.804", lambda: (zipped({MAIN: main_document(), PERSON: person_document(), "y.zip": b"PK"}), f"{NAME}.zip"), ("y.zip (вложенный архив)", "y.zip (archive in the archive)")),
    "extra": ("S.804", lambda: (zipped({MAIN: main_document(), PERSON: person_document(), "note.txt": b"!"}), f"{NAME}.zip"), ("note.txt (лишний файл)", "note.txt (extra file)")),
    "koi8": ("S.805", lambda: (package(main_document().replace(b"windows-1251", b"KOI8-R", 1)), f"{NAME}.zip"), ("объявлена KOI8-R, такая кодировка не принимается", "declared KOI8-R, this encoding is not accepted")),
    "utf-8 said, cp1251 written": (
        "S.805", lambda: (package(main_document().replace(b"windows-1251", b"utf-8", 1).replace(b"J06.9", b"\xc0\xc1")), f"{NAME}.zip"),
        ("объявлена utf-8, байты не соответствуют", "declared utf-8, bytes are not of the declared encoding; line"),
    ),
    "cp1251 said, utf-8 written": (
        "S.805", lambda: (package(main_document().decode("cp1251").replace("J06.9", "Ж06").encode()), f"{NAME}.zip"),
        ("объявлена windows-1251, на самом деле файл в UTF-8", "declared windows-1251, the file is in fact UTF-8"),
    ),
    "no such byte": ("S.805", lambda: (package(main_document().replace(b"J06.9", b"J\x98", 1)), f"{NAME}.zip"), ("байты не соответствуют объявленной кодировке", "bytes are not of the declared encoding")),
    "utf-16": ("S.805", lambda: (package("<a/>".encode("utf-16")), f"{NAME}.zip"), ("объявлена utf-16", "declared utf-16")),
    "doctype": ("S.806", lambda: (package(put(b"<ZL_LIST>", b'<!DocType a [<!ENTITY x "y">]><ZL_LIST>')(main_document())), f"{NAME}.zip"), ("В строке 2 стоит объявление DOCTYPE", "Line 2 has a DOCTYPE")),
    "broken": ("S.807", lambda: (package(put(b"</Z_SL>", b"</SL>")(main_document())), f"{NAME}.zip"), ("не является правильным XML: строка ", "not well-formed XML: line ")),
    "cut off": ("S.807", lambda: (package(main_document()[:-20]), f"{NAME}.zip"), ("не является правильным XML: строка ", "not well-formed XML: line ")),
    "undeclared entity": ("S.807", lambda: (package(main_document().replace(b"J06.9", b"&foo;", 1)), f"{NAME}.zip"), ("строка 44, позиция 14", "undefined entity &foo;")),
    "empty file": ("S.808", lambda: (package(b" \n"), f"{NAME}.zip"), ("пустой корень означает пустой файл", "an empty root means an empty file")),
    "wrong root": ("S.808", lambda: (package(main_document().replace(b"ZL_LIST", b"PERS_LIST")), f"{NAME}.zip"), ("«PERS_LIST», ожидается «ZL_LIST»", '"PERS_LIST", expected "ZL_LIST"')),
    "month": ("S.810", lambda: (package(main_document(**{"SCHET/MONTH": "3"})), f"{NAME}.zip"), ("период 2022-03, в имени пакета 2022-04", "period 2022-03, the package name says 2022-04")),
    "own name": ("S.811", lambda: (package(main_document(**{"ZGLV/FILENAME": "HM750001T75_22042"})), f"{NAME}.zip"), ("указано имя «HM750001T75_22042»", 'file name "HM750001T75_22042"')),
    "clinic": ("S.812", lambda: (package(main_document(**{"SCHET/CODE_MO": "750002"})), f"{NAME}.zip"), ("организация «750002», в имени пакета «750001»", 'clinic "750002", the package name says "750001"')),
    "no clinic": ("S.812", lambda: (renamed("HS75001T75_22041", **{"SCHET/CODE_MO": "7/5:01"}), "HS75001T75_22041.zip"), ("организация «7/5:01»", 'clinic "7/5:01"')),
    "other L": ("S.814", lambda: (package(person=person_document(**{"ZGLV/FILENAME1": "HM750001T75_22049"})), f"{NAME}.zip"), ("FILENAME1 называет «HM750001T75_22049»", 'FILENAME1 says "HM750001T75_22049"')),
    "SD_Z": ("S.915", lambda: (package(main_document(**{"ZGLV/SD_Z": "4"})), f"{NAME}.zip"), ("указано случаев: 4, в файле: 3", "says 4 cases, the file has 3")),
    "SUMMAV": ("S.916", lambda: (package(main_document(**{"SCHET/SUMMAV": "300.01"})), f"{NAME}.zip"), ("Сумма счёта 300.01 руб., сумма случаев 300.00", "says 300.01 roubles, the cases add up to 300.00")),
    "no records": ("S.917", lambda: (package(main_document(records=0)), f"{NAME}.zip"), ("нет ни одной записи ZAP", "no record ZAP")),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_package_is_refused(case: str) -> None:
    rule, make, (russian, english) = REFUSED[case]
    data, name = make()
    result = read(data, name)
    assert result.refused
    ru, en = texts(result.findings, rule)
    assert russian in ru and english in en
    assert "{" not in ru + en
    assert {row["code"] for row in only(result.findings, rule)} == {"1.4.2" if rule == "S.916" else "1.4.1"}
    assert {row["level"] for row in only(result.findings, rule)} == {"file"}


def test_every_rule_has_title_text_and_todo() -> None:
    from omsclaims import messages

    rules = (
        {rule for rule, _, _ in REFUSED.values()}
        | {rule for rule, _, _, _ in CASES.values()}
        | {"S.809", "S.813", "S.815", "S.820", "S.830", "S.912", "S.913", "S.914", "S.918", "S.919"}
    )
    assert rules >= reader.REFUSES_PACKAGE
    for rule in rules:
        for part in ("title", "text", "todo"):
            assert messages.has(f"rule.{rule}.{part}"), (rule, part)


def test_an_error_deep_in_the_file_has_its_line() -> None:
    lines = main_document().split(b"\n")
    at = max(number for number, line in enumerate(lines) if b"<SUMV>" in line)
    lines[at] = b"<SUMV>100.00</SUMX>"
    result = read(package(b"\n".join(lines)))
    assert only(result.findings, "S.807")[0]["line"] == at + 1


# --- cases: a finding with its place, and the rest of the file as it was ------------------------------------------------

#: What is wrong -> rule, change of the main file, texts, ground. The second case of three is meant.
CASES: dict[str, tuple[str, dict[str, str], Text, str | None]] = {
    "comma": ("S.903", {"ZAP/Z_SL/SUMV": "100,00"}, ("Значение «100,00» элемента ZAP/Z_SL/SUMV", 'value "100,00" of element ZAP/Z_SL/SUMV'), "1.4.4"),
    "three decimals": ("S.903", {"ZAP/Z_SL/SUMV": "100.000"}, ("не соответствует формату N(15.2)", "does not fit the format N(15.2)"), "1.4.4"),
    "negative": ("S.903", {"ZAP/Z_SL/SL/SUM_M": "-5.00"}, ("Значение «-5.00»", 'value "-5.00"'), "1.4.4"),
    "no such day": ("S.903", {"ZAP/Z_SL/DATE_Z_2": "2022-04-31"}, ("формату D (YYYY-MM-DD)", "the format D (YYYY-MM-DD)"), "1.4.4"),
    "too long": ("S.903", {"ZAP/Z_SL/SL/DS1": "J06.9J06.9X"}, ("формату T(10)", "the format T(10)"), "1.4.4"),
    "outside the list": ("S.904", {"ZAP/Z_SL/SL/DET": "2"}, ("не входит в перечень: 0, 1", "is not one of: 0, 1"), "1.4.4"),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(CASES))
def test_wrong_value_is_a_finding_of_its_case(case: str) -> None:
    rule, change, (russian, english), code = CASES[case]
    ((path, value),) = change.items()
    right = main_document()
    whole = main_document(**{path: lambda number: value if number == 1 else _value(right, path, number)})
    result = read(package(whole))
    ru, en = texts(result.findings, rule)
    assert russian in ru and english in en
    found = only(result.findings, rule)
    assert len(found) == 1
    place = {
        name: found[0][name] for name in ("package", "file", "n_zap", "id_pac", "idcase", "z_row", "element", "value", "code")
    }
    assert place == {
        "package": NAME,
        "file": NAME,
        "n_zap": 2,
        "id_pac": "p2",
        "idcase": 102,
        "z_row": 1,
        "element": path,
        "value": value,
        "code": code,
    }
    if path.startswith("ZAP/Z_SL/SL/"):
        assert (found[0]["sl_id"], found[0]["sl_row"]) == ("s2", 1)
    assert not result.refused
    assert result.tables["z_sl"]["idcase"].to_list() == [101, 102, 103]


def _value(data: bytes, path: str, number: int) -> str:
    from lxml import etree

    return etree.fromstring(data).findall(path)[number].text or ""


def test_a_value_that_does_not_parse_is_kept() -> None:
    result = read(package(main_document(**{"ZAP/Z_SL/SUMV": lambda number: ["100.00", "1OO", "100.00"][number]})))
    assert result.tables["z_sl"]["sumv"].to_list() == [10000, None, 10000]
    assert result.tables["exceptions"].rows() == [("z_sl", 1, "sumv", "1OO", "bad")]
    assert result.format is not None
    assert b"<SUMV>1OO</SUMV>" in writer.write_xml(result.tables, result.format)
    # The total cannot be checked against an amount that is not one: the file is not refused for it.
    assert result.findings["rule"].to_list() == ["S.903"]


STRUCTURE: dict[str, tuple[str, Callable[[bytes], bytes], dict[str, object], Text]] = {
    "unknown": ("S.901", put(b"</SL_ID>", b"</SL_ID><FOO>x</FOO>"), {"element": "ZAP/Z_SL/SL/FOO", "code": None, "idcase": 101, "sl_id": "s1", "value": "x"}, ("Элемент ZAP/Z_SL/SL/FOO не предусмотрен", "Element ZAP/Z_SL/SL/FOO is not part")),
    "missing leaf": ("S.902", put(b"<DS1>J06.9</DS1>", b""), {"element": "ZAP/Z_SL/SL/DS1", "code": "1.4.3", "idcase": 101, "z_row": 0}, ("Нет обязательного элемента ZAP/Z_SL/SL/DS1 (основной диагноз)", "mandatory element ZAP/Z_SL/SL/DS1 is missing (main diagnosis)")),
    "missing in header": ("S.902", put(b"NSCHET>", b"X_NSCHET>", 2), {"element": "SCHET/NSCHET", "code": "1.4.1", "level": "file"}, ("Нет обязательного элемента SCHET/NSCHET", "mandatory element SCHET/NSCHET is missing")),
    "order": ("S.905", lambda data: put(b"<LPU>750001</LPU>", b"")(data).replace(b"<SUMV>", b"<LPU>750001</LPU><SUMV>", 1), {"element": "ZAP/Z_SL/LPU", "idcase": 101, "code": None}, ("Элемент ZAP/Z_SL/LPU стоит не на своём месте", "Element ZAP/Z_SL/LPU does not stand in its place")),
    "repeated leaf": ("S.906", put(b"<DS1>J06.9</DS1>", b"<DS1>J06.9</DS1><DS1>I10</DS1>"), {"element": "ZAP/Z_SL/SL/DS1", "code": "1.4.4", "idcase": 101, "value": "I10"}, ("Элемент ZAP/Z_SL/SL/DS1 повторён", "Element ZAP/Z_SL/SL/DS1 is repeated")),
    "empty mandatory": ("S.907", put(b"<DS1>J06.9</DS1>", b"<DS1/>"), {"element": "ZAP/Z_SL/SL/DS1", "code": "1.4.3", "idcase": 101}, ("Элемент ZAP/Z_SL/SL/DS1 (основной диагноз) пуст", "Element ZAP/Z_SL/SL/DS1 (main diagnosis) is empty")),
    "empty optional": ("S.907", put(b"<DS1>", b"<DS0> </DS0><DS1>"), {"element": "ZAP/Z_SL/SL/DS0", "code": None, "idcase": 101}, ("ZAP/Z_SL/SL/DS0 (первичный диагноз) пуст", "ZAP/Z_SL/SL/DS0 (initial diagnosis) is empty")),
    "N_ZAP": ("S.908", put(b"<N_ZAP>2</N_ZAP>", b"<N_ZAP>1</N_ZAP>"), {"element": "ZAP/N_ZAP", "code": "1.4.4", "idcase": 102, "z_row": 1}, ("Номер записи 1 уже есть", "Record number 1 stands in the file already")),
    "IDCASE": ("S.909", put(b"<IDCASE>102</IDCASE>", b"<IDCASE>101</IDCASE>"), {"element": "ZAP/Z_SL/IDCASE", "n_zap": 2, "z_row": 1}, ("законченного случая 101 уже есть", "Case number 101 stands in the file already")),
    "attribute": ("S.901", put(b"<DS1>", b'<DS1 a="1">'), {"element": "ZAP/Z_SL/SL/DS1/@a", "idcase": 101, "value": "1"}, ("DS1/@a не предусмотрен", "DS1/@a is not part")),
    "text between": ("S.901", put(b"</DS1>", b"</DS1>oops"), {"element": "ZAP/Z_SL/SL/#text", "idcase": 101, "value": "oops"}, ("#text не предусмотрен", "#text is not part")),
    "text before": ("S.901", put(b"<SL_ID>", b"oops <SL_ID>"), {"element": "ZAP/Z_SL/SL/#text", "idcase": 101, "value": "oops"}, ("#text не предусмотрен", "#text is not part")),
    "child of a leaf": ("S.901", put(b"<DS1>J06.9", b"<DS1>J06.9<B/>"), {"element": "ZAP/Z_SL/SL/DS1/B", "idcase": 101}, ("DS1/B не предусмотрен", "DS1/B is not part")),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(STRUCTURE))
def test_wrong_structure_is_a_finding_of_its_case(case: str) -> None:
    rule, change, place, (russian, english) = STRUCTURE[case]
    result = read(package(change(main_document())))
    ru, en = texts(result.findings, rule)
    assert russian in ru and english in en
    found = only(result.findings, rule)[0]
    assert {name: found[name] for name in place} == place
    assert not result.refused
    assert result.tables["z_sl"].height == 3


def test_repeats_within_a_case() -> None:
    main = main_document()
    start, end = main.index(b"<SL>"), main.index(b"</SL>") + 5
    twice = main[:end] + main[start:end] + main[end:]
    result = read(package(twice))
    ru, en = texts(result.findings, "S.910")
    assert "Код случая s1 уже есть" in ru and "Case id s1 stands in this completed case already" in en
    assert [(row["z_row"], row["sl_row"]) for row in only(result.findings, "S.910")] == [(0, 1)]
    start, end = main.index(b"<USL>"), main.index(b"</USL>") + 6
    result = read(package(main[:end] + main[start:end] + main[end:]))
    ru, en = texts(result.findings, "S.911")
    assert "Код услуги u1 уже есть" in ru and "Service id u1 stands in this case already" in en
    assert only(result.findings, "S.911")[0]["idserv"] == "u1"


def test_structure_that_may_not_repeat_is_kept_as_rows() -> None:
    main = main_document()
    start, end = main.index(b"<Z_SL>"), main.index(b"</Z_SL>") + 7
    result = read(package(main[:end] + main[start:end].replace(b"101", b"104") + main[end:]))
    assert [row["element"] for row in only(result.findings, "S.906")] == ["ZAP/Z_SL", "ZAP/Z_SL"]
    assert result.tables["z_sl"].select("_parent", "idcase").rows() == [(0, 101), (0, 104), (1, 102), (2, 103)]
    # A problem of a record is one of each of its cases.
    assert {row["idcase"] for row in only(result.findings, "S.906")} == {101, 104}


def test_unknown_version_is_read_as_the_nearest() -> None:
    result = read(package(main_document(**{"ZGLV/VERSION": "4.7"})))
    ru, en = texts(result.findings, "S.809")
    assert "Версия «4.7»" in ru and "прочитан по структуре H_4.0" in ru and "was read as H_4.0" in en
    assert not result.refused and result.tables["zap"].height == 3


@pytest.mark.parametrize("payer", [None, "75", "75001"])
def test_payer_when_sent_to_the_fund(payer: str | None) -> None:
    assert read(package(main_document(**{"SCHET/PLAT": payer}))).findings.height == 0


def test_payer_that_is_not_the_receiver_only_warns() -> None:
    name = "HM750001S75001_22041"
    fixed = {"ZGLV/FILENAME": name}
    result = read(
        package(main_document(**fixed), person_document(**{"ZGLV/FILENAME": f"L{name[1:]}", "ZGLV/FILENAME1": name}), name),
        f"{name}.zip",
    )
    ru, en = texts(result.findings, "S.813")
    assert "плательщик «», в имени пакета получатель «75001»" in ru and 'receiver "75001"' in en
    assert not result.refused


def test_bare_file_is_checked_as_far_as_it_goes(tmp_path: Path) -> None:
    bare = tmp_path / f"{NAME}.xml"
    bare.write_bytes(main_document())
    result = read_package(bare)
    ru, en = texts(result.findings, "S.820")
    assert f"Файл {PERSON} не приложен" in ru and f"The file {PERSON} is not at hand" in en
    assert result.findings["rule"].to_list() == ["S.820"] and not result.refused
    assert result.tables["z_sl"].height == 3 and result.tables["person"].height == 0


def test_person_missing_in_the_file_of_persons() -> None:
    result = read(package(person=person_document(records=2)))
    ru, en = texts(result.findings, "S.912")
    assert "Пациента с ID_PAC p3 нет" in ru and "ID_PAC p3 is not in the file of persons" in en
    assert [(row["idcase"], row["z_row"], row["code"]) for row in only(result.findings, "S.912")] == [(103, 2, "1.4.3")]


def test_person_without_a_case() -> None:
    result = read(package(person=person_document(records=4)))
    ru, en = texts(result.findings, "S.913")
    assert "ID_PAC p4 нет ни одной записи" in ru and "no record of the person with ID_PAC p4" in en
    assert [(row["z_row"], row["code"], row["file"]) for row in only(result.findings, "S.913")] == [(None, None, f"L{NAME[1:]}")]


def test_person_twice() -> None:
    result = read(package(person=person_document(**{"PERS/ID_PAC": lambda number: ["p1", "p2", "p2"][number]})))
    ru, en = texts(result.findings, "S.914")
    assert "Код пациента p2 уже есть" in ru and "Patient id p2 stands in the file of persons already" in en
    assert [row["idcase"] for row in only(result.findings, "S.914")] == [102]


def test_findings_about_a_person_belong_to_all_cases_of_the_person_and_hide_the_value() -> None:
    main = main_document(**{"ZAP/PACIENT/ID_PAC": lambda number: "p1"})
    person = person_document(records=1, **{"PERS/DR": "1980-02-30"})
    result = read(package(main, person))
    found = only(result.findings, "S.903")
    assert [(row["z_row"], row["idcase"], row["n_zap"]) for row in found] == [(0, 101, 1), (1, 102, 2), (2, 103, 3)]
    assert {row["value"] for row in found} == {"1***0"}
    assert {row["file"] for row in found} == {f"L{NAME[1:]}"}


def test_personal_values_never_show() -> None:
    person = person_document(**{"PERS/DR": "СЕКРЕТ"}).replace(
        b"</PERS>", "<FAM>ТАЙНЫЙ</FAM><FAM>ТАЙНЫЙ</FAM><FAMILIA a='ТАЙНЫЙ'>ТАЙНЫЙ</FAMILIA>ТАЙНЫЙ</PERS>".encode("cp1251")
    )
    main = main_document(**{"ZAP/PACIENT/NOVOR": "1234567890123"}).replace(
        b"<NOVOR>", b"<ENP>77</ENP><ENP>7556130840000017</ENP><NOVOR>"
    )
    result = read(package(main, person))
    shown = " ".join(str(value) for row in findings.with_text(result.findings, "ru").rows() for value in row)
    for secret in ("СЕКРЕТ", "ТАЙНЫЙ", "1234567890123", "7556130840000017"):
        assert secret not in shown
    assert "7***7" in shown and "С***Т" in shown


def test_all_findings_come_in_one_pass_and_in_one_order() -> None:
    main = put(b"<DS1>J06.9</DS1>", b"")(main_document(**{"ZAP/Z_SL/SL/DET": "7", "ZAP/Z_SL/DATE_Z_2": "2022-02-30"}))
    result = read(package(main))
    assert result.findings["rule"].value_counts().sort("rule").rows() == [("S.902", 1), ("S.903", 3), ("S.904", 3)]
    assert result.findings.equals(findings.concat([result.findings.sample(fraction=1.0, shuffle=True, seed=1)]))


def test_policy_is_where_the_edition_puts_it() -> None:
    main = (
        main_document()
        .replace(b"<NOVOR>", b"<NPOLIS>111</NPOLIS><NOVOR>", 2)
        .replace(b"<NPOLIS>111</NPOLIS>", b"<NPOLIS>111</NPOLIS><ENP>7</ENP>", 1)
    )
    assert read(package(main)).tables["patient"]["policy"].to_list() == ["7", "111", None]


def test_many_batches_keep_rows_together(monkeypatch: pytest.MonkeyPatch) -> None:
    from omsclaims.registry import strict

    whole = read(package(main_document(records=9), person_document(records=9)))
    monkeypatch.setattr(strict, "BATCH", 2)
    parts = read(package(main_document(records=9), person_document(records=9)))
    assert whole.tables.keys() == parts.tables.keys()
    for name, table in whole.tables.items():
        assert table.equals(parts.tables[name]), name


def test_larger_than_a_chunk_of_the_parser() -> None:
    """The parser runs ahead of the reader by tens of kilobytes; records in between must not be lost."""
    main, person = main_document(records=300), person_document(records=300)
    result = read(package(main, person))
    assert result.findings.height == 0
    assert result.tables["zap"]["n_zap"].to_list() == list(range(1, 301))


def test_interterritorial_package() -> None:
    from omsclaims.registry.formats import get

    from .documents import document

    data = document(
        get("RD_3.2"),
        full=True,
        records=2,
        overrides={"ZAP/Z_SL/SUMV": "10.00", "SCHET/SUMMAV": "40.00", "SCHET/YEAR": "2022", "ZAP/N_ZAP": lambda n: str(n + 1)},
    )
    result = read(zipped({"R7846220001.xml": data}), "R7846220001.oms")
    assert result.format_ids == ("RD_3.2",) and not result.refused
    assert set(result.findings["rule"]) <= {"S.909", "S.910", "S.911"}
    assert result.tables["patient"]["fam"].null_count() == 0
    assert result.tables["dost"].height == 4 and result.tables["z_sl"].height == 4


def test_answer_of_the_payer_is_read_by_the_answer_edition() -> None:
    from omsclaims.registry.formats import get, result_format_of

    given = read(package())
    tables = given.tables | {"z_sl": given.tables["z_sl"].with_columns(oplata=pl.lit(1, dtype=pl.Int64), sump=pl.col("sumv"))}
    assert given.format is not None
    answer = writer.write_xml(tables, result_format_of(given.format))
    result = read_package(package(answer), f"{NAME}.zip", answer=True)
    assert result.format_ids == ("RESULT_H_3.2", "RESULT_L_3.2") and result.findings.height == 0
    assert result.format is get("RESULT_H_3.2")
    assert result.tables["z_sl"]["sump"].to_list() == [10000, 10000, 10000]


def test_a_file_of_nothing_but_problems_is_refused_as_a_whole() -> None:
    """Both ways of reading count alike; one problem fewer, and all of them are told."""
    from omsclaims.registry.limits import Limits
    from omsclaims.registry.parsing import read_xml

    content = main_document(20).replace(b"</ZL_LIST>", b"<ZAP></ZAP>\n" * 2000 + b"</ZL_LIST>")
    told = read_xml(content, NAME, NAME, path="strict").findings
    count = told["rule"].is_in(["S.901", "S.902", "S.903", "S.904", "S.905", "S.906"]).sum()
    spare = len(content) // 100
    assert count > spare
    for path in ("strict", "auto"):
        assert read_xml(content, NAME, NAME, path=path, limits=Limits(findings=count - spare)).findings.equals(told)
        few = read_xml(content, NAME, NAME, path=path, limits=Limits(findings=count - spare - 1))
        assert few.refused and few.findings["rule"].to_list() == ["S.815"] and few.tables["zap"].height == 0
    assert read_xml(content, NAME, NAME, path="fast", limits=Limits(findings=count - spare - 1)) is None


def test_a_package_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    from omsclaims.registry.limits import Limits

    for path, data in ((tmp_path / f"{NAME}.zip", package()), (tmp_path / f"{NAME}.xml", main_document())):
        path.write_bytes(data)
        for source in (path, str(path), data):
            result = reader.read_package(source, path.name, Limits(package_bytes=100))
            assert result.refused and [row["rule"] for row in result.findings.to_dicts()] == ["S.804"]
            assert not result.tables["z_sl"].height


def test_limits_of_xml_reach_every_file() -> None:
    from omsclaims.registry.limits import Limits

    result = reader.read_package(package(), f"{NAME}.zip", Limits(record_elements=3))
    assert {row["file"] for row in only(result.findings, "S.815")} == {NAME, f"L{NAME[1:]}"}


@pytest.mark.parametrize("stated", [b"<YEAR>-1</YEAR>", b"<YEAR>99999</YEAR>", b"<YEAR>0</YEAR>"])
def test_a_year_of_no_calendar_is_a_finding_and_no_crash(stated: bytes) -> None:
    main = main_document()
    year = main[main.index(b"<YEAR>") : main.index(b"</YEAR>") + len(b"</YEAR>")]
    result = read(package(main.replace(year, stated)))
    assert result.findings.height and result.tables["person"].height == 3


@pytest.mark.parametrize("stated", [b"<MONTH>-1</MONTH>", b"<MONTH>13</MONTH>", b"<MONTH>0</MONTH>"])
def test_a_month_of_no_calendar_is_a_finding_and_no_crash(stated: bytes) -> None:
    main = main_document()
    month = main[main.index(b"<MONTH>") : main.index(b"</MONTH>") + len(b"</MONTH>")]
    result = read(package(main.replace(month, stated)))
    assert result.findings.height and result.tables["person"].height == 3
