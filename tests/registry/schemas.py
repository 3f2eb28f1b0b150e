"""What does a schema of a fund say, element by element? XSD files as plain records, to hold the format tables against."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

_XS = "{http://www.w3.org/2001/XMLSchema}"
#: A pattern that only says how many digits: [0-9]{1,4}, \d{4}, [0-9]{1}.
_DIGITS = re.compile(r"(?:\[0-9\]|\\d)\{(?:\d+,)?(\d+)\}")
#: A pattern that is a list of whole values: 1|2|3.
_CHOICE = re.compile(r"[0-9]+(?:\|[0-9]+)+")
_NUMBERS = ("decimal", "nonNegativeInteger")

Facets = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SchemaElement:
    """One element of a schema. `form`, `length`, `decimals`, `values`, `min_length` in the terms of the format tables."""

    path: str  # without root
    form: str  # T N D S
    length: int  # 0: the schema sets no limit
    decimals: int
    mandatory: bool
    repeats: bool
    values: frozenset[str]
    min_length: int


def elements(path: Path) -> tuple[str, tuple[SchemaElement, ...]]:
    """The root's name and all elements below it, in order."""
    schema = etree.parse(path).getroot()
    named = {str(item.get("name")): _facets(item) for item in schema.findall(f"{_XS}simpleType")}
    root = schema.find(f"{_XS}element")
    assert root is not None
    found: list[SchemaElement] = []
    _below(root, "", named, found)
    return str(root.get("name")), tuple(found)


def _below(element: etree._Element, prefix: str, named: dict[str, tuple[str, Facets]], found: list[SchemaElement]) -> None:
    sequence = element.find(f"{_XS}complexType/{_XS}sequence")
    assert sequence is not None and sequence.get("maxOccurs", "1") == "1"
    for child in sequence.iterchildren(tag=etree.Element):
        assert child.tag == f"{_XS}element", child.tag
        structure = child.find(f"{_XS}complexType/{_XS}sequence") is not None
        base, facets = ("S", ()) if structure else _leaf(child, named)
        path = f"{prefix}{child.get('name')}"
        found.append(_made(path, base, facets, child.get("minOccurs", "1") != "0", child.get("maxOccurs", "1") != "1"))
        if structure:
            _below(child, path + "/", named, found)


def _leaf(element: etree._Element, named: dict[str, tuple[str, Facets]]) -> tuple[str, Facets]:
    """Base type and facets of a leaf: its own, those of a named type, or none for `type=` of XML Schema."""
    extension = element.find(f"{_XS}complexType/{_XS}simpleContent/{_XS}extension")
    name = element.get("type") if extension is None else extension.get("base")
    if name is None:
        return _facets(element.find(f"{_XS}simpleType"))
    return named.get(name, (name.removeprefix("xs:"), ()))


def _facets(simple_type: etree._Element | None) -> tuple[str, Facets]:
    assert simple_type is not None
    restriction = simple_type.find(f"{_XS}restriction")
    assert restriction is not None
    facets = [(etree.QName(facet).localname, str(facet.get("value"))) for facet in restriction.iterchildren(tag=etree.Element)]
    return str(restriction.get("base")).removeprefix("xs:"), tuple(facets)


def _made(path: str, base: str, facets: Facets, mandatory: bool, repeats: bool) -> SchemaElement:
    single = dict(facets)
    values = {value for name, value in facets if name == "enumeration"}
    pattern = single.get("pattern", "")
    digits = _DIGITS.fullmatch(pattern)
    if _CHOICE.fullmatch(pattern):
        values |= set(pattern.split("|"))
    if base == "S":
        return SchemaElement(path, "S", 0, 0, mandatory, repeats, frozenset(), 0)
    if base == "date":
        return SchemaElement(path, "D", 10, 0, mandatory, repeats, frozenset(), 0)
    if base in _NUMBERS or digits:
        stated = single.get("totalDigits") or (digits[1] if digits else "0")
        length = int(stated) or max((len(value) for value in values), default=0)
        return SchemaElement(path, "N", length, int(single.get("fractionDigits", 0)), mandatory, repeats, frozenset(values), 0)
    assert base == "string", base
    least = int(single.get("minLength", 0))
    return SchemaElement(path, "T", int(single.get("maxLength", 0)), 0, mandatory, repeats, frozenset(values), least)
