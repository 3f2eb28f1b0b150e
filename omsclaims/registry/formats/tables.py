"""How does a CSV become an edition? Reading index.yaml and the tables, applying differences, finding the edition of a file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import yaml

from omsclaims.registry.formats.model import HEADER_TABLE, Copy, Field, Format, FormatChoice, FormatError, family_of

#: The safe loader, in C where there is one: every command that reads a file waits for it.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Line = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Overlays:
    """The additions of a region: edition id -> the edition with them put in."""

    name: str
    editions: Mapping[str, Format]

    def over(self, edition: Format) -> Format:
        """The edition as the region has it; the edition itself where the region adds nothing."""
        return self.editions.get(edition.id, edition)


def _folder() -> resources.abc.Traversable:
    return resources.files(__package__)


@cache
def _index() -> dict[str, dict[str, object]]:
    text = (_folder() / "index.yaml").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, object]] = yaml.load(text, Loader=_LOADER)  # noqa: S506
    return loaded


@cache
def _raw_rows(format_id: str) -> tuple[Line, ...]:
    """Lines of the edition with its base applied, in file order; `lines` names whose differences it has (none: no difference)."""
    entry = _index()[format_id]
    name, base = entry.get("lines", format_id), entry.get("base")
    if name == "none":
        return _raw_rows(str(base))
    lines = list(csv.DictReader((_folder() / f"{name}.csv").read_text(encoding="utf-8").splitlines()))
    return tuple(lines) if base is None else applied(_raw_rows(str(base)), lines, format_id)


def applied(base: Iterable[Line], lines: Iterable[Line], what: str) -> tuple[Line, ...]:
    """Lines of a table with differences put in: remove (with all below), change in place, add after a sibling (or first)."""
    rows = list(base)
    for line in lines:
        apply(rows, line, what)
    return tuple(rows)


def apply(rows: list[Line], line: Line, what: str) -> None:
    """One line of differences put into `rows`; they stay as they were where FormatError says that it does not fit."""
    path, op, after = line["path"], line["op"], line["after"]
    known = {row["path"]: number for number, row in enumerate(rows)}
    if op not in ("add", "change", "remove"):
        raise FormatError(f"{what}: unknown op {op!r}", "op", path, op=op)
    if (path in known) == (op == "add"):
        raise FormatError(f"{what}: cannot {op} {path}", "exists" if op == "add" else "not_there", path)
    if op == "remove":
        rows[:] = [row for row in rows if row["path"] != path and not row["path"].startswith(path + "/")]
    elif op == "change":
        rows[known[path]] = line
    else:
        rows.insert(_place_after(rows, known, path, after, what), line)


def _place_after(rows: list[Line], known: Mapping[str, int], path: str, after: str, what: str) -> int:
    """Where a new element goes: behind the sibling `after` with all below it, or first in its structure."""
    parent = path.rpartition("/")[0]
    if parent and (parent not in known or rows[known[parent]]["form"] != "S"):
        raise FormatError(f"{what}: {parent} is no structure of this edition", "parent", path, parent=parent)
    if not after:
        return known[parent] + 1 if parent else 0
    if after not in known or after.rpartition("/")[0] != parent:
        raise FormatError(f"{what}: {after} is no sibling of {path}", "after", path, after=after)
    number = known[after] + 1
    while number < len(rows) and rows[number]["path"].startswith(after + "/"):
        number += 1
    return number


def fields_of(rows: Iterable[Line], header: str, what: str) -> tuple[Field, ...]:
    """Lines as fields, each with the table and the column it goes to. Every table belongs to one element."""
    opened: dict[str, tuple[str, ...]] = {"": (header,)}
    taken = {header}
    fields = []
    for row in rows:
        parent, _, name = row["path"].rpartition("/")
        if parent not in opened:
            raise FormatError(
                f"{what}: {row['path']} stands in no structure of this edition", "parent", row["path"], parent=parent
            )
        table, twin, owner = place_of(row, name, opened[parent], what)
        if owner:
            twice = sorted({table, twin} & taken) or ([table] if table == twin else [])
            if twice:
                text = f"{what}: {row['path']}: the table {twice[0]} belongs to another element"
                raise FormatError(text, "table_taken", row["path"], table=twice[0])
            taken |= {table, twin} - {""}
        if row["form"] == "S":
            opened[row["path"]] = (table, twin) if twin else (table,)
        fields.append(_field(row, name, table, twin, owner))
    return tuple(fields)


def place_of(row: Line, name: str, here: tuple[str, ...], what: str) -> tuple[str, str, str]:
    """Table, twin and owner of an element, by the grammar of the cell `table` (see model)."""
    names, _, on = row["table"].partition("@")
    first, _, twin = names.partition("+")
    if on and on not in here:
        text = f"{what}: {row['path']}: the table {on} is not open here, but {', '.join(here)}"
        raise FormatError(text, "place", row["path"], table=on, here=", ".join(here))
    if twin and row["form"] != "S":
        raise FormatError(f"{what}: {row['path']}: only a structure has a twin", "twin", row["path"])
    if row["repeats"] != "1" and not on and not twin and first in ("", *here):
        return first or here[0], "", ""
    return first or name.lower(), twin, on or here[0]


def _field(row: Line, name: str, table: str, twin: str, owner: str) -> Field:
    return Field(
        path=row["path"], form=row["form"], length=int(row["length"] or 0), decimals=int(row["decimals"] or 0),  # type: ignore[arg-type]
        must=row["must"], repeats=row["repeats"] == "1", book=row["book"],
        values=tuple(row["values"].split(";")) if row["values"] else (),
        min_length=int(row["min_length"] or 0), table=table,
        column="" if row["form"] == "S" else row["column"] or name.lower(),
        meaning_en=row["meaning_en"], meaning_ru=row["meaning_ru"], twin=twin, owner=owner,
    )  # fmt: skip


def _copies(format_id: str) -> tuple[Copy, ...]:
    """`copies` of the entry in index.yaml (target: source), else those of its base."""
    entry = _index()[format_id]
    if "copies" not in entry:
        return _copies(str(entry["base"])) if "base" in entry else ()
    stated: dict[str, str] = entry["copies"]  # type: ignore[assignment]
    pairs = [(target.split("."), source.split(".")) for target, source in stated.items()]
    return tuple((target[0], target[1], source[0], source[1]) for target, source in pairs)


def _check_copies(edition: Format) -> Format:
    """A copy goes between twins or inside a table, from a column of the edition to one it does not fill itself."""
    twins = {frozenset((table,)) for table in edition.tables}
    twins |= {frozenset((field.table, field.twin)) for field in edition.fields if field.twin}
    for target, column, origin, source in edition.copies:
        if frozenset((target, origin)) not in twins or edition.path_of(origin, source) is None or edition.path_of(target, column):
            raise FormatError(f"{edition.id}: cannot copy {origin}.{source} to {target}.{column}")
    return edition


@cache
def get(format_id: str) -> Format:
    """The edition with this id. Raises KeyError when index.yaml does not know it."""
    entry = _index()[format_id]
    kinds = tuple(str(kind) for kind in entry["kinds"])  # type: ignore[attr-defined]
    until, result = entry.get("to"), entry.get("result")
    edition = Format(
        id=format_id, kinds=kinds, version=str(entry["version"]), period_from=str(entry["from"]),
        period_to=None if until is None else str(until), root=str(entry["root"]), encoding=str(entry["encoding"]),
        unconfirmed=bool(entry.get("unconfirmed", False)), result=None if result is None else str(result),
        fields=fields_of(_raw_rows(format_id), HEADER_TABLE[family_of(kinds[0])], format_id),
        copies=_copies(format_id), source=str(entry["source"]), source_ru=str(entry["source_ru"]),
    )  # fmt: skip
    return _check_copies(edition)


def format_ids() -> tuple[str, ...]:
    """Ids of all known editions, in the order of index.yaml."""
    return tuple(_index())


def result_format_of(main: Format) -> Format:
    """The edition in which the payer returns a file of `main` (formats.md 10). KeyError where none is known."""
    if main.result is None:
        raise KeyError(f"no answer edition is known for {main.id}")
    return get(main.result)


def _distance(candidate: Format, version: str | None, period: str) -> tuple[int, int, int, int, int, str]:
    """How far an edition is from what a file says: its version first, then the period; then what is confirmed, then the id.

    Of a version that no edition has the first number counts (3.0 and 3.1 have one structure, 2.1 another), then the period, and
    last how near the number is. Without a version the period alone decides, and of several editions the one that came last.
    """
    before = _months(candidate.period_from) - _months(period)
    after = _months(period) - _months(candidate.period_to) if candidate.period_to else 0
    months = max(before, after, 0)
    if version is None:
        return 0, 0, months, 0, -_months(candidate.period_from), candidate.id
    wrong = 0 if candidate.version == version or not candidate.version else 1
    gap = abs(_version_number(candidate.version) - _version_number(version)) if wrong and _is_version(version) else 0
    other = int(bool(gap) and candidate.version.partition(".")[0] != version.partition(".")[0])
    return wrong, other, months, gap, int(candidate.unconfirmed), candidate.id


def _months(period: str) -> int:
    year, month = period.split("-")
    return int(year) * 12 + int(month)


def _is_version(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?", text) is not None


def _version_number(version: str) -> int:
    """3.2 -> 302; an edition without a version is as far as one can be."""
    major, _, minor = version.partition(".")
    return int(major) * 100 + int(minor or 0) if _is_version(version) else 100_000


def find_format(kind: str, version: str | None, period: str | None, overlays: Overlays | None = None) -> FormatChoice:
    """The edition for a file of `kind` (H T C X L R D A Y FLK_P RESULT_*), ZGLV/VERSION and reporting period YYYY-MM.

    Kind, VERSION and period decide together: three editions of X are all called 3.1. Where nothing fits exactly the nearest
    edition comes back with exact=False (finding S.809). The additions of a region are put in where `overlays` has some for the
    edition. Raises KeyError for a kind that is not known.
    """
    candidates = [get(name) for name, entry in _index().items() if kind in entry["kinds"]]  # type: ignore[operator]
    if not candidates:
        raise KeyError(kind)
    wanted = period or max(candidate.period_from for candidate in candidates)
    best = min(candidates, key=lambda candidate: _distance(candidate, version, wanted))
    wrong, _, months, gap, *_ = _distance(best, version, wanted)
    exact = (wrong, gap, months) == (0, 0, 0) and (version is not None or not best.version)
    return FormatChoice(best if overlays is None else overlays.over(best), exact)
