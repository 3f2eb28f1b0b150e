"""What costs does a clinic state? A folder of CSV files, each bad row a finding with file, line and remedy (Rules 155-166).

costing.yaml says for whom and which day; the rows stand in
units.csv      unit, name, kind, volume, area            what tariffs are set for, and how many of them a year
staff.csv      unit, post, payroll, accruals, fund_hours, norm_hours      yearly payroll and hours of a post, hours for one unit
materials.csv  unit, item, kind, price, quantity         for one unit
equipment.csv  unit, item, book_value, annual_rate, annual_hours, hours   hours of use for one unit
indirect.csv   item, kind, amount, base, price           for the year; price of one piece where equipment is bought
treated.csv    patient, part, item, quantity, frequency, price            the tariff of a treated patient (166)
Numbers are roubles, shares (0.302) and hours with a point; they become scaled integers (costing.DECIMALS).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from omsclaims import messages
from omsclaims.findings import Finding
from omsclaims.law.agreement.loading import plain_yaml, problem_of
from omsclaims.law.agreement.model import Problem
from omsclaims.law.agreement.rows import Day, Decimals, Money, Share
from omsclaims.tariffs.costing import EVERY, Inputs

MAIN_FILE: Final = "costing.yaml"
Price = Annotated[int, BeforeValidator(Decimals(4, 10_000_000))]
PriceOfPiece = Annotated[int, BeforeValidator(Decimals(4, 10_000_000_000))]
#: Hours, quantities and areas; how many units a year.
Quantity = Annotated[int, BeforeValidator(Decimals(4, 1_000_000))]
Volume = Annotated[int, BeforeValidator(Decimals(4, 1_000_000_000))]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(_Model):
    """costing.yaml."""

    on: Day
    territory: str = ""
    clinic: str = ""
    reference: str = ""
    share_base: Literal["payroll", "volume", "area"] | None = None
    regional_items: tuple[str, ...] = ()


class Unit(_Model):
    """A unit of care that a tariff is set for."""

    unit: str
    name: str
    kind: str
    volume: Volume
    area: Quantity | None = None


class Staff(_Model):
    """A post that takes part: yearly payroll, accruals as a share of it, yearly hours, hours for one unit."""

    unit: str
    post: str
    payroll: Money
    accruals: Share
    fund_hours: Quantity
    norm_hours: Quantity


class Material(_Model):
    """What is used up for one unit, at its mean price."""

    unit: str
    item: str
    kind: str
    price: Price
    quantity: Quantity


class Equipment(_Model):
    """A device used: book value, yearly rate of wear, hours of work a year and for one unit."""

    unit: str
    item: str
    book_value: Money
    annual_rate: Share
    annual_hours: Quantity
    hours: Quantity


class Indirect(_Model):
    """A yearly cost of the whole clinic; price: of one piece of equipment."""

    item: str
    kind: str
    amount: Money
    base: Literal["payroll", "volume", "area"] | None = None
    price: PriceOfPiece | None = None


class Treated(_Model):
    """A line of the tariff of a treated patient; a service names a unit, whose price is the tariff of the table."""

    patient: str
    part: Literal["service", "medicine", "blood", "medical_product", "food"]
    item: str
    quantity: Quantity
    frequency: Quantity
    price: Price | None = None


@dataclass(frozen=True)
class _File:
    """A file of the folder: what a row is, whether it must be there, and whose result is spoilt by a bad row."""

    row: type[_Model]
    needed: bool = False
    owner: str | None = None


FILES: Final = {
    "units": _File(Unit, needed=True, owner="unit"),
    "staff": _File(Staff, needed=True, owner="unit"),
    "materials": _File(Material, owner="unit"),
    "equipment": _File(Equipment, owner="unit"),
    "indirect": _File(Indirect),
    "treated": _File(Treated, owner="patient"),
}


def read_folder(folder: Path) -> Inputs | list[Finding]:
    """The costs of a folder with all problems as findings T.50; findings alone where costing.yaml cannot be used."""
    problems: list[Problem] = []
    head = _head(folder / MAIN_FILE, problems)
    rows: dict[str, list[dict[str, Any]]] = {}
    unusable: set[tuple[str, str]] = set()
    for name, about in FILES.items():
        before = len(problems)
        read = _rows(folder / f"{name}.csv", about, problems, unusable)
        if read is None and len(problems) > before:
            unusable.add((f"{name}.csv", EVERY))
        rows[name] = read or []
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in FILES:
            problems.append(Problem(path.name, 1, "", "unknown_file"))
    found = [finding(problem) for problem in problems]
    if head is None:
        return found
    return Inputs(
        head.on, head.territory, head.clinic, head.reference, head.share_base, frozenset(head.regional_items),
        units=rows["units"], staff=rows["staff"], materials=rows["materials"], equipment=rows["equipment"],
        indirect=rows["indirect"], treated=rows["treated"], unusable=frozenset(unusable), problems=tuple(found),
    )  # fmt: skip


def finding(problem: Problem) -> Finding:
    """T.50: a file or a row that cannot be used, with what to do about it in both languages."""
    said = {
        f"problem_{lang}": messages.text(f"agreement.{problem.code}", lang, column=problem.column, **dict(problem.params))
        for lang in messages.LANGUAGES
    }
    value = dict(problem.params).get("value")
    return Finding("T.50", file=problem.file, line=problem.line, element=problem.column or None, value=value, params=said)


def _text(path: Path, problems: list[Problem]) -> str | None:
    try:
        return path.read_bytes().replace(b"\r\n", b"\n").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.append(Problem(path.name, error.object[: error.start].count(b"\n") + 1, "", "not_utf8"))
        return None


def _head(path: Path, problems: list[Problem]) -> Head | None:
    if not path.is_file():
        problems.append(Problem(path.name, 1, "", "no_file", (("kinds", "tariff cost"),)))
        return None
    text = _text(path, problems)
    lines: dict[tuple[str | int, ...], int] = {}
    try:
        raw = None if text is None else plain_yaml(text, path.name, lines, problems)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problems.append(Problem(path.name, mark.line + 1 if mark else 1, "", "not_yaml"))
        return None
    if not isinstance(raw, dict):
        problems.append(Problem(path.name, 1, "", "not_yaml"))
        return None
    try:
        return Head.model_validate({key: value for key, value in raw.items() if value is not None})
    except ValidationError as error:
        for item in error.errors():
            place = tuple(item["loc"])
            problems.append(problem_of(path.name, lines.get(place[:1], 1), ".".join(map(str, place)), item))
        return None


def _rows(path: Path, about: _File, problems: list[Problem], unusable: set[tuple[str, str]]) -> list[dict[str, Any]] | None:
    """Usable rows of a CSV with `file` and `line`; owners of the others go to `unusable`. `#` begins a remark.

    None where there is no such file, or where it cannot be read to its end.
    """
    if not path.is_file():
        if about.needed:
            problems.append(Problem(path.name, 1, "", "no_file", (("kinds", "tariff cost"),)))
        return None
    text = _text(path, problems)
    if text is None:
        return None
    reader = csv.reader(text.split("\n"))
    columns: list[str] | None = None
    found: list[dict[str, Any]] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
                continue
            if columns is None:
                columns = [cell.strip() for cell in cells]
                if not _header(path.name, about.row, columns, reader.line_num, problems):
                    return None
                continue
            _row(path.name, about, columns, cells, reader.line_num, problems, unusable, found)
    except csv.Error:
        problems.append(Problem(path.name, reader.line_num, "", "not_csv"))
        return None
    if columns is None:
        problems.append(Problem(path.name, 1, "", "empty_file"))
        return None
    return found


def _header(file: str, row: type[_Model], columns: Sequence[str], line: int, problems: list[Problem]) -> bool:
    """Whether the first line has the columns of the file."""
    fields = row.model_fields
    lacking = [name for name, about in fields.items() if about.is_required() and name not in columns]
    unknown = [name for i, name in enumerate(columns) if name not in fields or name in columns[:i]]
    problems.extend(Problem(file, line, column, "no_column") for column in lacking)
    problems.extend(Problem(file, line, column, "unknown_key") for column in unknown)
    return not lacking and not unknown


def _row(
    file: str, about: _File, columns: Sequence[str], cells: Sequence[str], line: int, problems: list[Problem],
    unusable: set[tuple[str, str]],
    found: list[dict[str, Any]],
) -> None:  # fmt: skip
    filled = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if cell.strip()}
    if len(cells) != len(columns):
        params = (("found", str(len(cells))), ("wanted", str(len(columns))))
        problems.append(Problem(file, line, "", "cells", params))
    else:
        try:
            found.append({**about.row.model_validate(filled).model_dump(), "file": file, "line": line})
            return
        except ValidationError as error:
            problems.extend(problem_of(file, line, ".".join(map(str, item["loc"])), item) for item in error.errors())
    if about.owner in filled:
        unusable.add((file, filled[about.owner]))
    else:
        unusable.add((file, EVERY))
