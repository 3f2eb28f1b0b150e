"""Which registries break no row of the official check books? Their description (scenarios/*.yaml) -> documents.

A description says what matters in it. Names, numbers and totals that follow from the rest are put in here: number of cases, sums of
the bill, names of the files, numbers of records. What the edition of a kind lacks is left out, the person of an inter-territorial
file stands among its patient.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from omsclaims.registry import formats, names
from omsclaims.registry.formats import Format
from tests.checks.official.breaking.documents import Document, Tree

FOLDER: Final = Path(__file__).parent / "scenarios"
#: Kinds that come with a file of persons, and letters of their file names.
_LETTERS: Final = {"H": "H", "T": "T", "C": "C", "X": "DP"}
_OWN: Final = frozenset({"kinds", "region", "period", "file", "today", "PERS", "SCHET", "ZAP", "ZGLV"})


class Texts(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML whose values are texts as they stand: 1.00 is not 1."""


Texts.yaml_implicit_resolvers = {}


def read(path: Path) -> dict[str, Any]:
    """A YAML file, all its values texts."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=Texts) or {}


@cache
def documents() -> dict[str, Document]:
    """All clean registries by their name `<kind>.<scenario>`."""
    parts = read(FOLDER / "parts.yaml")
    found: dict[str, Document] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.stem == "parts":
            continue
        for name, said in read(path).items():
            assert set(said) <= _OWN, f"{name}: {set(said) - _OWN}"
            for kind in said["kinds"]:
                made = _document(f"{kind}.{name}", kind, _resolved(said, parts))
                assert made.name not in found, made.name
                found[made.name] = made
    return found


@cache
def document(name: str) -> Document:
    """A clean registry: `H.visit`, or one that a fund's own rows are held against, too: `H.visit@41`."""
    base, _, region = name.partition("@")
    found = documents()[base]
    return replace(found, name=name, region=region) if region else found


def _resolved(node: Any, parts: Mapping[str, Any]) -> Any:
    """The node with the parts that it takes."""
    if isinstance(node, list):
        return [_resolved(one, parts) for one in node]
    if not isinstance(node, dict):
        return node
    wanted = node.get("like", [])
    made: Tree = {}
    for part in [wanted] if isinstance(wanted, str) else wanted:
        taken = _resolved(parts[part], parts)
        if isinstance(taken, list):
            return taken
        made |= taken
    for tag, value in node.items():
        if tag != "like":
            made[tag] = _resolved(value, parts)
    return {tag: value for tag, value in copy.deepcopy(made).items() if value != "-"}


def _document(name: str, kind: str, said: Tree) -> Document:
    period = said.get("period", "2021-01")
    main = formats.find_format(kind, None, period).format
    person = formats.find_format("L", None, period).format if kind in _LETTERS else None
    year, month = period.split("-")
    default = f"{_LETTERS[kind]}M750001T75_{year[2:]}{month}1" if kind in _LETTERS else f"{kind}7545{year[2:]}0001"
    stem = said.get("file", default)
    records = [_record(one, said.get("PERS", {}), kind, number) for number, one in enumerate(said["ZAP"], 1)]
    after = f"{year}-{int(month) + 1:02d}"
    header = {
        "VERSION": main.version, "DATA": f"{after}-02", "FILENAME": stem, "SD_Z": str(len(records)), "C_OKATO1": "76000",
        "OKATO_OMS": "37000", **said.get("ZGLV", {}),
    }  # fmt: skip
    bill = {
        "CODE": "1", "CODE_MO": "750001", "YEAR": year, "MONTH": str(int(month)), "NSCHET": "1-21", "DSCHET": f"{after}-01",
        "SUMMAV": total(records, "SUMV"), **({"SUMMAP": total(records, "SUMP")} if kind in "RD" else {}), **said.get("SCHET", {}),
    }  # fmt: skip
    persons: Tree | None = None
    if person is not None:
        parsed = names.parse_name(stem)
        assert parsed is not None, stem
        people = [{"ID_PAC": f"p-{number}", **said.get("PERS", {})} for number in range(1, len(records) + 1)]
        top = {"VERSION": person.version, "DATA": f"{after}-02", "FILENAME": parsed.person_stem, "FILENAME1": stem}
        persons = _kept({"ZGLV": top, "PERS": _one_or_many(people)}, "", person)
    tree = _kept({"ZGLV": header, "SCHET": bill, "ZAP": _one_or_many(records)}, "", main)
    return Document(name, kind, main, person, stem, tree, persons, said.get("region", "00"), said.get("today", "2021-02-28"))


def _record(said: Tree, person: Tree, kind: str, number: int) -> Tree:
    """A record with its numbers and sums; in an inter-territorial file with its person."""
    patient, case = dict(said["PACIENT"]), dict(said["Z_SL"])
    patient.setdefault("ID_PAC", f"p-{number}")
    if kind in "RD":
        patient = {**patient, **person}
        patient["ST_OKATO"] = "37000"
        if patient.get("VPOLIS") == "3" and "NPOLIS" in patient:
            patient["ENP"] = patient.pop("NPOLIS")
    parts = case["SL"] if isinstance(case["SL"], list) else [case["SL"]]
    case.setdefault("SUMV", _roubles(sum((Decimal(part.get("SUM_M", "0")) for part in parts), Decimal())))
    if kind in "RD":
        case.setdefault("SUMP", case["SUMV"])
    case.setdefault("IDCASE", str(number))
    return {"N_ZAP": str(number), "PR_NOV": "0", "PACIENT": patient, "Z_SL": case}


def total(records: Iterable[Tree], tag: str) -> str:
    """The sum of an amount of all cases."""
    return _roubles(sum((Decimal(one["Z_SL"].get(tag, "0")) for one in records), Decimal()))


def _roubles(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _one_or_many(nodes: list[Tree]) -> Tree | list[Tree]:
    return nodes if len(nodes) > 1 else nodes[0]


def _kept(node: Tree, path: str, edition: Format) -> Tree:
    """The tree without the elements that the edition lacks."""
    made: Tree = {}
    for tag, value in node.items():
        place = f"{path}/{tag}" if path else tag
        item = edition.by_path.get(place)
        if item is None:
            continue
        many = [
            _kept(one, place, edition) if isinstance(one, dict) else one
            for one in (value if isinstance(value, list) else [value])
        ]
        made[tag] = many if len(many) > 1 else many[0]
    return made
