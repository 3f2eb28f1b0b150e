"""Every edition with a schema equals it, element by element: the tables were made from the schemas, this keeps them equal."""

from __future__ import annotations

import pytest

from omsclaims.registry import formats
from omsclaims.registry.formats import Field

from .documents import SCHEMAS, shared
from .schemas import SchemaElement, elements

#: (edition, path, what differs) -> why ours is right. Nothing else may differ.
EXPLAINED = {
    ("RD_2.1", "ZGLV/VERSION", "length"): "the schema sets no limit; 5 in all others and in Q018",
    ("A_2.1", "ZGLV/VERSION", "length"): "the schema sets no limit; 5 in all others and in Q018",
    ("RD_3.2", "ZGLV/VERSION", "length"): "the schema sets no limit; 5 in all others and in Q018",
    ("RD_3.2", "ZAP/Z_SL/SANK/S_TIP", "values"): "the schema was written before the codes of 2021: S_TIP follows F006 (formats.md 12.0)",
    ("RD_3.2", "ZAP/Z_SL/SANK/S_OSN", "form"): "the schema takes any text; a code of F014, N(3) in Q018 and in every other schema",
    ("RD_3.2", "ZAP/Z_SL/SANK/S_OSN", "length"): "the schema takes any text; a code of F014, N(3) in Q018 and in every other schema",
}  # fmt: skip


def said(field: Field) -> dict[str, object]:
    """What our table says of an element, in the terms of a schema."""
    return {
        "form": field.form, "length": field.length, "decimals": field.decimals, "mandatory": field.must == "O",
        "repeats": field.repeats, "values": frozenset(field.values), "min_length": field.min_length,
    }  # fmt: skip


def wanted(element: SchemaElement) -> dict[str, object]:
    """The same of the schema."""
    return {
        name: getattr(element, name) for name in ("form", "length", "decimals", "mandatory", "repeats", "values", "min_length")
    }


@pytest.mark.parametrize("format_id", sorted(SCHEMAS))
def test_edition_equals_its_schema(format_id: str) -> None:
    root, expected = elements(shared("xsd", f"{SCHEMAS[format_id]}.xsd"))
    edition = formats.get(format_id)
    assert edition.root == root
    assert [field.path for field in edition.fields] == [element.path for element in expected]
    differing = {
        (format_id, field.path, aspect)
        for field, element in zip(edition.fields, expected, strict=True)
        for aspect in said(field)
        if said(field)[aspect] != wanted(element)[aspect]
    }
    assert differing == {key for key in EXPLAINED if key[0] == format_id}


def test_every_schema_that_is_here_has_an_edition() -> None:
    """No schema of the folder is left out."""
    here = {path.stem for path in shared("xsd").glob("*.xsd")}
    assert here == set(SCHEMAS.values())


@pytest.mark.parametrize("format_id", formats.format_ids())
def test_confirmed_are_those_with_a_schema_or_in_the_structure_book(format_id: str) -> None:
    edition = formats.get(format_id)
    assert edition.source.isascii() and edition.source_ru
    known = format_id in SCHEMAS or "Q018" in edition.source
    assert edition.unconfirmed is not known
