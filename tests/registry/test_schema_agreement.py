"""A sample of the comparison of schemas and reader; all of it: `python -m tests.registry.schema_agreement`."""

from __future__ import annotations

from collections import Counter

import pytest

from omsclaims.registry import formats

from . import schema_agreement
from .documents import SCHEMAS, shared
from .schema_agreement import Broken, Difference, Verdict

EDITIONS = sorted(set(SCHEMAS) & set(formats.format_ids()))
#: One of so many broken documents is judged here.
EVERY = 29


@pytest.mark.parametrize("edition", EDITIONS)
def test_generated_documents_are_accepted_by_both(edition: str) -> None:
    shared("xsd", f"{SCHEMAS[edition]}.xsd")
    for data in schema_agreement.valid_documents(edition, range(4)):
        assert schema_agreement.accepted(edition, data) == ("", [])


@pytest.mark.parametrize("edition", EDITIONS)
def test_broken_documents_are_rejected_by_both_or_the_difference_is_explained(edition: str) -> None:
    shared("xsd", f"{SCHEMAS[edition]}.xsd")
    verdicts = schema_agreement.run(edition, EVERY, first=EDITIONS.index(edition))
    assert schema_agreement.unexplained(verdicts) == []
    sides = Counter(verdict.side for verdict in verdicts)
    assert sides["both"] > len(verdicts) / 2 and sides["place"] == 0


def test_every_element_is_broken_in_every_way_that_applies() -> None:
    edition = formats.get("H_3.2")
    broken = [broken for broken, _ in schema_agreement.breakages(edition)]
    assert len(broken) == len(set(broken)) > 10 * len(edition.fields)
    assert {item.path for item in broken} == {field.path for field in edition.fields}
    assert {
        "missing",
        "doubled",
        "moved",
        "long",
        "decimals",
        "calendar",
        "enumeration",
        "unknown",
        "empty",
        "type",
        "negative",
    } <= {item.aspect for item in broken}


def test_whole_documents_hold_every_element_once() -> None:
    from lxml import etree

    edition = formats.get("C_3.1")
    root = etree.fromstring(schema_agreement.whole_document("C_3.1"))
    tree = root.getroottree()
    paths = [tree.getelementpath(element) for element in root.iter() if element is not root]
    assert sorted(paths) == sorted(field.path for field in edition.fields)


def test_a_difference_without_a_reason_is_told() -> None:
    missed = Verdict("H_3.2", Broken("ZAP/Z_SL/SUMV", "missing"), "Element 'Z_SL': ...", (), at=False)
    elsewhere = Verdict("H_3.2", Broken("ZAP/Z_SL/SUMV", "type"), "Element 'SUMV': ...", ("S.903",), at=False)
    agreed = Verdict("H_3.2", Broken("ZAP/Z_SL/SUMV", "type"), "Element 'SUMV': ...", ("S.903",), at=True)
    assert schema_agreement.unexplained([missed, elsewhere, agreed]) == [missed, elsewhere]
    assert (missed.side, elsewhere.side, agreed.side) == ("schema", "place", "both")
    reason = Difference("H_*", "*/SUMV", "missing", "schema", "why")
    assert reason.explains(missed) and not reason.explains(elsewhere)
    assert all(one.reason and one.side in ("schema", "ours") for one in schema_agreement.differences())
