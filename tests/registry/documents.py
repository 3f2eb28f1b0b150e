"""Documents made from the format tables alone, without the writer: what readers and schemas are held against."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest
from lxml import etree

from omsclaims.registry.formats import Field, Format, get

SHARED = Path(__file__).resolve().parents[3] / "shared"

#: Edition -> its schema among the shared ones.
SCHEMAS = {
    "H_3.1": "H_3.1", "H_3.2": "H_3.2", "T_3.1": "T_3.1", "C_3.1": "C_3.1", "X_3.1_2019": "X_3.1_2019",
    "X_3.1_2020-04": "X_3.1_2020-04", "X_3.1_2021-08": "X_3.1_2021-08", "L_3.0": "L_3.0", "L_3.1": "L_3.1", "L_3.2": "L_3.2",
    "RD_1.0": "RD_1.0", "RD_2.1": "RD_2.1", "RD_3.2": "RD_3.2", "A_1.0": "A_1.0", "A_2.1": "A_2.1",
    "RESULT_H_3.1": "result_TM_H31", "RESULT_H_3.2": "result_TM_H32", "RESULT_T_3.1": "result_TM_T31",
    "RESULT_C_3.1": "result_TM_C31", "RESULT_X_3.1_2021-08": "result_TM_X31_2021-08", "RESULT_L_3.2": "result_TM_L32",
}  # fmt: skip

Override = str | None | Callable[[int], "str | None"]


def shared(*parts: str) -> Path:
    """A file of the shared folder; the test is skipped where the folder is not here."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"../shared is not here: {path.name}")
    return path


def schema_of(format_id: str) -> etree.XMLSchema:
    """The schema of an edition."""
    return etree.XMLSchema(etree.parse(shared("xsd", f"{SCHEMAS[format_id]}.xsd")))


def leaves(data: bytes) -> list[tuple[str, str]]:
    """Every element in document order: path and text."""
    root = etree.fromstring(data)
    tree = root.getroottree()
    plain = [item for item in root.iter() if isinstance(item.tag, str)]
    return [(_path(item, tree), "" if len(item) else item.text or "") for item in plain]


def _path(item: etree._Element, tree: etree._ElementTree) -> str:
    return "/".join([*(parent.tag for parent in reversed(list(item.iterancestors()))), item.tag])


def value_of(field: Field, pick: random.Random) -> str:
    """A value of the field's type: any enumerated one, any number or date of the format, text of letters of both kinds."""
    if field.values:
        return pick.choice(field.values)
    if field.form == "D":
        return (date(1930, 1, 1) + timedelta(days=pick.randrange(36000))).isoformat()
    if field.form == "N":
        whole = str(pick.randrange(10 ** min(field.length - field.decimals, 12)))
        return f"{whole}.{pick.randrange(10**field.decimals):0{field.decimals}d}" if field.decimals else whole
    size = pick.randint(max(field.min_length, 1), min(field.length, 40))
    return "".join(pick.choice("АБВЯабвяёЁ№ABCxyz019.-_<&>\"'") for _ in range(size))


def document(
    edition: Format, *, full: bool, records: int = 2, seed: int = 0, overrides: Mapping[str, Override] | None = None,
    chance: float | None = None, encoding: str = "windows-1251",
) -> bytes:  # fmt: skip
    """An XML file of the edition: minimal (mandatory elements alone), or full (all, repeated ones twice), or by `chance`.

    `overrides`: path -> text, None (left out) or a function of the ordinal of the record.
    """
    pick = random.Random(seed)
    fixed: dict[str, Override] = {"ZGLV/VERSION": edition.version, "SCHET/YEAR": "2021", "SCHET/MONTH": "4", **(overrides or {})}
    record = {"main": "ZAP", "person": "PERS", "protocol": "PR"}[edition.family]

    def wanted(field: Field) -> int:
        if field.path == record:
            return records
        if chance is not None:
            least = 1 if field.must == "O" else 0
            return max(least, pick.randint(0, 3) if field.repeats and pick.random() < chance else int(pick.random() < chance))
        return (2 if field.repeats else 1) if full else int(field.must == "O")

    def element(field: Field, number: int) -> etree._Element | None:
        made = etree.Element(field.name)
        if field.form == "S":
            return fill(made, field.path, number)
        chosen = fixed.get(field.path, "")
        text = chosen(number) if callable(chosen) else chosen
        if field.path in fixed and text is None:
            return None
        made.text = text or value_of(field, pick)
        return made

    def fill(parent: etree._Element, path: str, number: int) -> etree._Element:
        for field in edition.children.get(path, ()):
            for ordinal in range(wanted(field)):
                child = element(field, ordinal if field.path == record else number)
                if child is not None:
                    parent.append(child)
        return parent

    root = fill(etree.Element(edition.root), "", 0)
    return etree.tostring(root, encoding=encoding, xml_declaration=True, pretty_print=True)


NAME = "HM750001T75_22041"


def numbered(prefix: str) -> Callable[[int], str]:
    """Values that differ by record: prefix and ordinal from 1."""
    return lambda number: f"{prefix}{number + 1}"


def main_document(records: int = 3, **overrides: Override) -> bytes:
    """A faultless H 3.2 file of clinic 750001 to fund 75 for April 2022: cases of 100 roubles; `overrides` by last tag of the path."""
    edition = get("H_3.2")
    fixed: dict[str, Override] = {
        "ZGLV/FILENAME": NAME, "ZGLV/SD_Z": str(records), "SCHET/CODE_MO": "750001", "SCHET/YEAR": "2022", "SCHET/MONTH": "4",
        "SCHET/SUMMAV": f"{records}00.00", "ZAP/N_ZAP": numbered(""), "ZAP/PACIENT/ID_PAC": numbered("p"),
        "ZAP/PACIENT/NOVOR": "0", "ZAP/Z_SL/IDCASE": numbered("10"), "ZAP/Z_SL/LPU": "750001", "ZAP/Z_SL/SUMV": "100.00",
        "ZAP/Z_SL/SL/SL_ID": numbered("s"), "ZAP/Z_SL/SL/SUM_M": "100.00", "ZAP/Z_SL/SL/DS1": "J06.9",
        "ZAP/Z_SL/SL/USL/IDSERV": numbered("u"), "ZAP/Z_SL/SL/USL/KOL_USL": "1.00", "ZAP/Z_SL/SL/USL/DET": "0",
    }  # fmt: skip
    return document(edition, full=False, records=records, overrides=fixed | overrides)


def person_document(records: int = 3, **overrides: Override) -> bytes:
    """The file of persons that belongs to `main_document`."""
    fixed: dict[str, Override] = {
        "ZGLV/FILENAME": "L" + NAME[1:], "ZGLV/FILENAME1": NAME, "PERS/ID_PAC": numbered("p"), "PERS/W": "1", "PERS/DR": "1980-02-01",
    }  # fmt: skip
    return document(get("L_3.2"), full=False, records=records, overrides=fixed | overrides)


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A ZIP of the members."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)  # a fixed date: the same bytes every time
    return kept.getvalue()


def package(main: bytes | None = None, person: bytes | None = None, name: str = NAME) -> bytes:
    """A package of both files."""
    return zipped(
        {
            f"{name}.xml": main_document() if main is None else main,
            f"L{name[1:]}.xml": person_document() if person is None else person,
        }
    )
