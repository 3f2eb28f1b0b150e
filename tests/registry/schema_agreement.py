"""Do the schemas and the reader reject the same documents? Documents broken in one place, judged by both (formats.md 12).

`python -m tests.registry.schema_agreement [edition ...]` breaks every element of every edition that has a schema in every way that
applies to it, and prints how many were broken, how many both reject or accept, and which differences have which explanation.
Every broken record stands in a line of its own: errors of the schema and findings of the reader are told apart by their lines.
"""

from __future__ import annotations

import csv
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from lxml import etree

from omsclaims.registry import formats
from omsclaims.registry.formats import Field, Format
from omsclaims.registry.parsing import read_xml

from .documents import SCHEMAS, document, schema_of

#: Findings that no schema can have: the nearest edition, sums and counts over the whole file.
WHOLE = frozenset({"S.809", "S.915", "S.916"})
#: Numbers that may stand once in a file.
_KEYS = ("ZAP/N_ZAP", "ZAP/Z_SL/IDCASE", "ZAP/SLUCH/IDCASE", "PERS/ID_PAC")
DIFFERENCES = Path(__file__).with_name("schema_differences.csv")
#: All letters are written as references: the encoding is not what is tested here.
DECLARATION = b'<?xml version="1.0" encoding="windows-1251"?>\n'
_RECORD = {"main": "ZAP", "person": "PERS", "protocol": "PR"}
#: Records in one file: the lines of libxml2 end at 65535.
_BATCH = 400

Element = etree._Element


@dataclass(frozen=True)
class Broken:
    """One document broken in one place: the element that is meant and how."""

    path: str
    aspect: str


@dataclass(frozen=True)
class Verdict:
    """What both say of one broken document; `at`: whether one of our findings names the broken element."""

    edition: str
    broken: Broken
    schema: str  # first error of the schema, empty where it accepts
    rules: tuple[str, ...]  # of our findings, empty where we accept
    at: bool

    @property
    def agree(self) -> bool:
        """Both accept, or both reject and ours says where."""
        return bool(self.schema) == bool(self.rules) and (not self.rules or self.at)

    @property
    def side(self) -> str:
        """Who rejects: both, schema, ours, none; place: both, but ours does not name the element."""
        if self.schema and self.rules:
            return "both" if self.at else "place"
        return "schema" if self.schema else "ours" if self.rules else "none"


# --- one valid document with every element once ------------------------------------------------------------------------


@cache
def whole_document(edition_id: str) -> bytes:
    """A document of one record in which every element of the edition stands exactly once."""
    edition = formats.get(edition_id)
    root = etree.fromstring(document(edition, full=True, records=1, seed=1, overrides={"ZAP/Z_SL/SANK/S_TIP": "12"}))
    for element in list(root.iter()):
        parent = element.getparent()
        if parent is not None and any(before.tag == element.tag for before in element.itersiblings(preceding=True)):
            parent.remove(element)
    for element in root.iter():
        element.tail = None
        if len(element):
            element.text = None
    return etree.tostring(root)


def _find(top: Element, path: str) -> Element:
    found = top.find(path)
    assert found is not None, path
    return found


# --- ways to break an element ------------------------------------------------------------------------------------------


def _text(value: str) -> Callable[[Element, Field], bool]:
    def put(element: Element, field: Field) -> bool:
        element.text = value
        return True

    return put


def _remove(element: Element, field: Field) -> bool:
    _parent(element).remove(element)
    return True


def _double(element: Element, field: Field) -> bool:
    element.addnext(deepcopy(element))
    return True


def _move(element: Element, field: Field) -> bool:
    """To the end of its parent; an element that stands there already goes to the front."""
    parent = _parent(element)
    if len(parent) < 2:
        return False
    if parent[-1] is element:
        parent.insert(0, element)
    else:
        parent.append(element)
    return True


def _unknown_inside(element: Element, field: Field) -> bool:
    """An element that no table knows, in the middle of a structure or inside a leaf."""
    new = etree.Element("NEWS")
    new.text = "1"
    element.insert(len(element) // 2, new)
    return True


def _empty(element: Element, field: Field) -> bool:
    for child in list(element):
        element.remove(child)
    element.text = None
    return True


def _stray_text(element: Element, field: Field) -> bool:
    element.text = "text"
    return True


def _attribute(element: Element, field: Field) -> bool:
    element.set("new", "1")
    return True


def _parent(element: Element) -> Element:
    parent = element.getparent()
    assert parent is not None
    return parent


_ALL = {
    "missing": _remove,
    "doubled": _double,
    "moved": _move,
    "unknown": _unknown_inside,
    "empty": _empty,
    "attribute": _attribute,
}


def ways(field: Field) -> dict[str, Callable[[Element, Field], bool]]:
    """Every way to break an element of this form."""
    if field.form == "S":
        return {**_ALL, "text": _stray_text}
    found = {**_ALL, "blank": _text("   ")}
    if field.form == "T":
        found["long"] = _text("Б" * (field.length + 1))
        if field.min_length > 1:
            found["short"] = _text("Б" * (field.min_length - 1))
    elif field.form == "N":
        digits, point = "1" * (field.length - field.decimals + 1), "." + "0" * field.decimals if field.decimals else ""
        found |= {
            "type": _text("abc"), "negative": _text("-1" + point), "long": _text(digits + point), "comma": _text("1,5"),
            "decimals": _text("1." + "0" * field.decimals + "1"), "exponent": _text("1E1"), "plus": _text("+1" + point),
            "padded": _text(" 1" + point), "bare point": _text("1."), "minus zero": _text("-0" + point),
        }  # fmt: skip
    else:
        found |= {
            "type": _text("abc"), "calendar": _text("2022-02-30"), "Russian date": _text("01.02.2022"), "time": _text("2022-02-01T00:00:00"),
            "short date": _text("2022-2-1"), "zone": _text("2022-02-01Z"), "padded": _text(" 2022-02-01"),
            "year zero": _text("0000-01-01"), "old date": _text("1850-01-01"), "far date": _text("2199-01-01"),
        }  # fmt: skip
    if field.values:
        found["enumeration"] = _text(_outside(field))
    return found


def _outside(field: Field) -> str:
    """A value of the right type that is not in the enumeration."""
    if field.form == "T":
        return next(
            letter * max(field.min_length, 1) for letter in "ЯЖ9" if letter * max(field.min_length, 1) not in field.values
        )
    return next(str(number) for number in range(9, -1, -1) if str(number) not in field.values)


def breakages(edition: Format) -> Iterator[tuple[Broken, Callable[[Element, Field], bool]]]:
    """Every element of an edition in every way."""
    for field in edition.fields:
        for aspect, way in ways(field).items():
            yield Broken(field.path, aspect), way


# --- judging -----------------------------------------------------------------------------------------------------------


def run(edition_id: str, every: int = 1, first: int = 0) -> list[Verdict]:
    """Verdicts on documents of an edition broken in one place each: all, or every n-th from `first`."""
    edition = formats.get(edition_id)
    record = _RECORD[edition.family]
    chosen = [pair for number, pair in enumerate(breakages(edition)) if number % every == first % every]
    inside = [pair for pair in chosen if pair[0].path.startswith(f"{record}/")]
    header = [pair for pair in chosen if not pair[0].path.startswith(f"{record}/")]
    found: list[Verdict] = []
    for start in range(0, len(inside), _BATCH):
        found += _judge_records(edition, inside[start : start + _BATCH])
    for broken, way in header:
        root = etree.fromstring(whole_document(edition_id))
        if way(_find(root, broken.path), edition.by_path[broken.path]):
            found.append(_judge_whole(edition, root, broken))
    return found


def _judge_records(edition: Format, chosen: Sequence[tuple[Broken, Callable[[Element, Field], bool]]]) -> list[Verdict]:
    """Many broken records in one file, each in its line."""
    record = _RECORD[edition.family]
    top = etree.fromstring(whole_document(edition.id))
    template = _find(top, record)
    lines: list[bytes] = []
    broken_in: dict[int, Broken] = {}
    start = 3
    for broken, way in chosen:
        made = etree.Element("made")
        made.append(deepcopy(template))
        for key in made.xpath("|".join(_KEYS)):
            key.text = str(1000 + len(lines))
        element = _find(made, broken.path)
        if way(element, edition.by_path[broken.path]):
            broken_in[start + len(lines)] = broken
            lines.append(etree.tostring(_find(made, record)))
    before, _, behind = _around(top, record)
    data = DECLARATION + before + b"\n" + b"\n".join(lines) + b"\n" + behind
    errors = _schema_errors(edition, data)
    ours: dict[int, list[tuple[str, str]]] = {}
    for rule, line, element_path in _findings(edition, data):
        ours.setdefault(line, []).append((rule, element_path))
    outside = {line: (errors.get(line), ours.get(line)) for line in {*errors, *ours} - set(broken_in)}
    assert not outside, f"{edition.id}: something outside the broken records is wrong: {outside}"
    return [_verdict(edition, broken, errors.get(line, ""), ours.get(line, [])) for line, broken in broken_in.items()]


def _around(top: Element, record: str) -> tuple[bytes, bytes, bytes]:
    """The document before, in and behind its record."""
    whole = etree.tostring(top)
    start, end = whole.index(f"<{record}>".encode()), whole.rindex(f"</{record}>".encode()) + len(record) + 3
    return whole[:start], whole[start:end], whole[end:]


def _judge_whole(edition: Format, root: Element, broken: Broken) -> Verdict:
    """One document whose header is broken."""
    data = DECLARATION + etree.tostring(root)
    errors = _schema_errors(edition, data)
    ours = [(rule, path) for rule, _, path in _findings(edition, data)]
    return _verdict(edition, broken, next(iter(errors.values()), ""), ours)


@cache
def _schema(edition_id: str) -> etree.XMLSchema:
    return schema_of(edition_id)


def _schema_errors(edition: Format, data: bytes) -> dict[int, str]:
    """Line -> first error of the schema."""
    schema = _schema(edition.id)
    schema.validate(etree.fromstring(data))
    found: dict[int, str] = {}
    for error in schema.error_log:
        found.setdefault(error.line, error.message)
    return found


def _findings(edition: Format, data: bytes) -> list[tuple[str, int, str]]:
    """Rule, line and element of our findings about structure and values."""
    read = read_xml(data, "x", "x", kind=edition.kind, period=edition.period_from)
    assert read.format is edition or read.format is None or "S.809" in set(read.findings["rule"]), (edition.id, read.format)
    rows = read.findings.select("rule", "line", "element").rows()
    return [(rule, line or 0, element or "") for rule, line, element in rows if rule not in WHOLE]


def _verdict(edition: Format, broken: Broken, error: str, ours: Iterable[tuple[str, str]]) -> Verdict:
    """The verdict; ours may name the element, something inside it, or - where it is out of order - one of its neighbours."""
    ours = list(ours)
    place = broken.path.rpartition("/")[0] if broken.aspect == "moved" else broken.path
    at = any(path == place or path.startswith(f"{place}/") or not place for _, path in ours)
    return Verdict(edition.id, broken, error, tuple(sorted({rule for rule, _ in ours})), at)


# --- explained differences ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """A difference that has a reason: patterns of edition and path, aspect, who rejects, why."""

    edition: str
    path: str
    aspect: str
    side: str
    reason: str

    def explains(self, verdict: Verdict) -> bool:
        """Whether this is the reason of a verdict."""
        return (
            self.side == verdict.side
            and fnmatchcase(verdict.broken.aspect, self.aspect)
            and fnmatchcase(verdict.edition, self.edition)
            and fnmatchcase(verdict.broken.path, self.path)
        )


def differences() -> tuple[Difference, ...]:
    """The table of differences with their reasons."""
    with DIFFERENCES.open(encoding="utf-8", newline="") as stream:
        return tuple(Difference(**row) for row in csv.DictReader(stream))


def unexplained(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts on which schema and reader differ without a reason."""
    known = differences()
    return [verdict for verdict in verdicts if not verdict.agree and not any(one.explains(verdict) for one in known)]


def valid_documents(edition_id: str, seeds: Iterable[int]) -> Iterator[bytes]:
    """Generated documents of any subset of elements, to be accepted by both."""
    for seed in seeds:
        chance = random.Random(seed).random()
        yield document(
            formats.get(edition_id), full=False, records=3, seed=seed, chance=chance, overrides={"ZAP/Z_SL/SANK/S_TIP": "12"}
        )


def accepted(edition_id: str, data: bytes) -> tuple[str, list[tuple[str, int, str]]]:
    """First error of the schema and our findings: both empty for a valid document."""
    edition = formats.get(edition_id)
    return next(iter(_schema_errors(edition, data).values()), ""), _findings(edition, data)


def main(editions: Sequence[str]) -> int:
    """Everything, printed; 1 where a difference has no explanation or an explanation no difference."""
    started = time.perf_counter()
    known = differences()
    used: Counter[Difference] = Counter()
    total: Counter[str] = Counter()
    left: list[Verdict] = []
    for edition_id in editions or sorted(set(SCHEMAS) & set(formats.format_ids())):
        valid = [accepted(edition_id, data) for data in valid_documents(edition_id, range(50))]
        total["valid"] += sum(verdict == ("", []) for verdict in valid)
        total["valid, refused"] += sum(verdict != ("", []) for verdict in valid)
        verdicts = run(edition_id)
        sides = Counter(verdict.side for verdict in verdicts)
        total += Counter({"broken": len(verdicts)}) + sides
        for verdict in verdicts:
            reason = next((one for one in known if not verdict.agree and one.explains(verdict)), None)
            if reason is not None:
                used[reason] += 1
            elif not verdict.agree:
                left.append(verdict)
        print(f"{edition_id:24} {len(verdicts):5} broken: {dict(sorted(sides.items()))}")
    print(f"\n{dict(total)} in {time.perf_counter() - started:.0f} s\n\nexplained differences:")
    for one in known:
        print(f"{used[one]:6} {one.side:7} {one.edition:12} {one.aspect:14} {one.path:32} {one.reason}")
    for verdict in left:
        print(f"NOT EXPLAINED {verdict}")
    idle = [] if editions else [one for one in known if not used[one]]
    for one in idle:
        print(f"EXPLAINS NOTHING {one}")
    return 1 if left or idle or total["valid, refused"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
