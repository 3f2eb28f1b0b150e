"""Which findings do the check books give on a package, and which of their rows were executed? Never a row passed over in silence.

All rows of one table are evaluated together. A finding says the id of the row, its position, the value, the ground of F014 on the
date of care, and in its parameters what the row wants in the words of the book.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
import polars as pl
import yaml

from omsclaims import findings, messages
from omsclaims.checks.catalogue import NEW_CODES_SINCE
from omsclaims.checks.official import classifiers
from omsclaims.checks.official.compiling import Check, Program, Skipped
from omsclaims.checks.official.lines import Lines, through
from omsclaims.checks.official.rows import CheckRow
from omsclaims.checks.rules import masked
from omsclaims.registry import names
from omsclaims.registry.formats import PERSONAL

#: The level of a finding by the nearest of these tables that the row's table hangs on.
_LEVELS: Final[tuple[tuple[str, str], ...]] = (
    ("usl", "usl"), ("sl", "sl"), ("z_sl", "case"), ("person", "person"), ("patient", "zap"), ("zap", "zap"),
)  # fmt: skip


#: Tables whose rows stand in findings once for each of their cases.
_ONCE_EACH: Final = frozenset({"person", "patient", "zap"})


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of one row of a book. `why` is a key of messages, `what` what is meant; findings: how many rows of each package
    break it, none where none does."""

    book: str
    row: str
    ordinal: int
    way: str
    executed: bool
    why: str = ""
    what: str = ""
    findings: tuple[int, ...] = ()


@cache
def _grounds() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("grounds.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)  # type: ignore[no-any-return]


def ground(row: CheckRow, table: str) -> tuple[str, str]:
    """Grounds of F014 of a row, of care since 25.05.2021 and before."""
    known = _grounds()
    path = row.path
    found = known["ids"].get(row.id) or known["elements"].get(path.rpartition("/")[2]) or known["tables"].get(table)
    if found is None:
        found = known["absent"] if row.absent_wanted else known["category"][row.category]
    return found[0], found[1]


def run(program: Program, lines: Lines) -> tuple[pl.DataFrame, list[Execution]]:
    """Findings (findings.SCHEMA, sorted) of a program on packages, and what became of each row."""
    told = [_skipped(one) for one in program.skipped]
    by_grain: dict[str, list[Check]] = {}
    for check in program.checks:
        lacking = [f"{book}.{column}" for book, column in check.books if classifiers.usable(lines.books, book, column)]
        if lacking:
            told.append(_told(check.row, check.way, executed=False, why="book", what=", ".join(lacking)))
        else:
            by_grain.setdefault(check.grain, []).append(check)
    found: list[pl.DataFrame] = []
    for grain, checks in by_grain.items():
        hits = []
        for check, rows in zip(checks, broken_rows(lines, grain, checks), strict=True):
            if not rows.size:
                told.append(_told(check.row, check.way, executed=True))
                continue
            counts = np.bincount(lines.packages.ordinals(grain)[rows], minlength=len(lines.packages.names))
            told.append(_told(check.row, check.way, executed=True, findings=tuple(counts.tolist())))
            hits.append((check, rows))
        found += _findings(lines, grain, hits)
    return findings.concat(found), sorted(told, key=lambda one: (one.book, one.row, one.ordinal))


def _skipped(one: Skipped) -> Execution:
    return _told(one.row, one.way, executed=False, why=one.why, what=one.what)


def _told(row: CheckRow, way: str, *, executed: bool, why: str = "", what: str = "", findings: tuple[int, ...] = ()) -> Execution:
    return Execution(row.book, row.id, row.ordinal, way, executed, why, what, findings)


def broken_rows(lines: Lines, grain: str, checks: list[Check]) -> Iterable[np.ndarray]:
    """For each check the rows of its table that break it."""
    if not lines.height(grain):
        return [np.zeros(0, np.int64)] * len(checks)
    frame = lines.frame(grain, [ref for check in checks for ref in check.refs])
    marked = frame.with_columns(check.broken.alias(f"#{number}") for number, check in enumerate(checks))
    return [marked[f"#{number}"].arg_true().to_numpy().astype(np.int64) for number in range(len(checks))]


# ---------------------------------------------------------------- findings


def level_of(lines: Lines, table: str) -> tuple[str, str]:
    """Level of the findings about a table, and the table that carries it."""
    above = lines.editions.upward(table)
    for carrier, level in _LEVELS:
        if carrier in above and (carrier != "person" or "zap" not in above):
            return level, carrier
    return "file", table


def _findings(lines: Lines, grain: str, hits: list[tuple[Check, np.ndarray]]) -> list[pl.DataFrame]:
    """Findings of broken rows of one table, check by check: the place is found for all of them together."""
    if not hits:
        return []
    level, carrier = level_of(lines, grain)
    if carrier in _ONCE_EACH:  # what stands once for each case is told check by check
        return [_stated(lines, grain, level, [hit], _of_record(lines, grain, carrier, hit[1])) for hit in hits]
    return [_stated(lines, grain, level, hits, _place(lines, grain, level, np.concatenate([rows for _, rows in hits])))]


def _stated(
    lines: Lines, grain: str, level: str, hits: list[tuple[Check, np.ndarray]], place: dict[str, pl.Series]
) -> pl.DataFrame:
    value = pl.concat([_values(lines, grain, check, rows) for check, rows in hits])
    package = pl.Series(lines.packages.ordinals(grain)[np.concatenate([rows for _, rows in hits])])
    which = pl.Series(np.repeat(np.arange(len(hits)), [rows.size for _, rows in hits]))
    if "of" in place:
        of = place.pop("of")
        value, package, which = value.gather(of), package.gather(of), which.gather(of)
    said = pl.DataFrame([_said(check) for check, _ in hits], schema=_SAID, orient="row")[which]
    main = pl.Series(lines.packages.names, dtype=pl.String).gather(package)
    persons = pl.Series(_person_files(lines), dtype=pl.String).gather(package)
    made = pl.DataFrame({**place, "value": value, "package": main, "persons": persons}).hstack(said)
    of_person, hidden = pl.col("family") == "person", pl.col("hidden")
    stated = made.with_columns(
        level=pl.lit(level),
        file=pl.when(of_person).then("persons").otherwise("package"),
        value=pl.when(hidden).then(masked(pl.col("value"))).otherwise("value"),
        code=pl.when(pl.col("day") < NEW_CODES_SINCE).then("old_code").otherwise("code"),
    )
    return findings.conform(stated.drop("day", "persons", "family", "hidden", "old_code"))


#: What a check says of all its findings alike.
_SAID: Final[dict[str, pl.DataType]] = {
    "rule": pl.String(), "element": pl.String(), "params": pl.String(), "code": pl.String(), "old_code": pl.String(),
    "family": pl.String(), "hidden": pl.Boolean(),
}  # fmt: skip


def _said(check: Check) -> tuple[object, ...]:
    code, old_code = ground(check.row, check.grain)
    hidden = check.element.rpartition("/")[2].lower() in PERSONAL
    return check.row.id, check.element, params_of(check), code, old_code, check.row.family, hidden


def _values(lines: Lines, grain: str, check: Check, rows: np.ndarray) -> pl.Series:
    """What is found in the broken rows, as text."""
    asked = set(check.value.meta.root_names())
    held = lines.frame(grain, [ref for ref in check.refs if ref.key in asked])[rows]
    return held.with_columns(check.value.cast(pl.String).alias("value"))["value"]


def _person_files(lines: Lines) -> list[str]:
    """Package by package the name of the file of persons; of the package where there is none."""
    parsed = [names.parse_name(name) for name in lines.packages.names]
    return [one.person_stem if one is not None else name for one, name in zip(parsed, lines.packages.names, strict=True)]


def params_of(check: Check) -> str:
    """What the text of a finding needs of its row, as canonical JSON."""
    row = check.row
    said = row.comment or row.description
    shape = ", ".join(filter(None, (row.mask, f"{row.min_length or 0}-{row.max_length}" if row.max_length else "", row.comment)))
    books = ", ".join(f"{book}.{column}" for book, column in check.books)
    params = {"row": row.id, "book": books, "allowed": row.allowed, "shape": shape, "said_ru": said, "said_en": said}
    for lang in messages.LANGUAGES:
        for part, value in (("allowed", row.allowed), ("when", row.condition)):
            params[f"{part}_{lang}"] = messages.text(f"official.{part}", lang, value=value) if value else ""
        params[f"wanted_{lang}"] = messages.text(f"official.{'absent' if row.absent_wanted else 'present'}", lang)
    return json.dumps(params, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _place(lines: Lines, grain: str, level: str, rows: np.ndarray) -> dict[str, pl.Series]:
    """Columns of the position of rows of a file, of cases, or of what hangs on a case."""
    if level == "file":
        header = _nulled(lines.index(grain, "file")[rows])
        return {"day": lines.tables["file"]["dschet"].gather(header)}
    place = _of_case(lines, lines.index(grain, "z_sl")[rows])
    if level != "case":
        sub = _nulled(lines.index(grain, "sl")[rows])
        place |= {"sl_row": lines.tables["sl"]["_row"].gather(sub), "sl_id": lines.tables["sl"]["sl_id"].gather(sub)}
    if level == "usl":
        place["idserv"] = lines.tables["usl"]["idserv"].gather(_nulled(lines.index(grain, "usl")[rows]))
    return place


def _of_case(lines: Lines, cases: np.ndarray) -> dict[str, pl.Series]:
    z_sl, zap, patient = lines.tables["z_sl"], lines.tables["zap"], lines.tables["patient"]
    records = through(cases, lines.index("z_sl", "zap"))
    patients = _nulled(through(cases, lines.index("z_sl", "patient")))
    at, record = _nulled(cases), _nulled(records)
    return {
        "z_row": z_sl["_row"].gather(at), "idcase": z_sl["idcase"].gather(at), "day": z_sl["date_z_2"].gather(at),
        "n_zap": zap["n_zap"].gather(record), "line": zap["_line"].gather(record), "offset": zap["_offset"].gather(record),
        "id_pac": patient["id_pac"].gather(patients),
    }  # fmt: skip


def _of_record(lines: Lines, grain: str, carrier: str, rows: np.ndarray) -> dict[str, pl.Series]:
    """A person, a patient or a record: once for each of its cases, and once alone where it has none. `of`: which of the rows."""
    carried = lines.index(grain, carrier)[rows]
    cases = lines.index("z_sl", carrier) if lines.height("z_sl") else np.zeros(0, np.int64)
    first = np.full(max(1, lines.height(carrier)), -1, np.int64)
    first[carried[::-1]] = np.arange(rows.size - 1, -1, -1)
    met = np.flatnonzero((cases >= 0) & (first[np.clip(cases, 0, None)] >= 0)) if cases.size else cases
    of = first[cases[met]]
    alone = np.setdiff1d(np.arange(rows.size), of)
    place = _of_case(lines, np.concatenate([met, np.full(alone.size, -1, np.int64)]))
    order = np.concatenate([of, alone])
    if carrier == "person":
        persons = lines.tables["person"]
        which = pl.Series(carried[order])
        place |= {
            name: persons[of].gather(which) for name, of in (("id_pac", "id_pac"), ("line", "_line"), ("offset", "_offset"))
        }
    elif alone.size:
        records = _nulled(np.concatenate([np.full(met.size, -1, np.int64), lines.index(carrier, "zap")[carried[alone]]]))
        zap = lines.tables["zap"]
        for column, source in (("n_zap", "n_zap"), ("line", "_line"), ("offset", "_offset")):
            place[column] = pl.select(pl.coalesce(place[column], zap[source].gather(records))).to_series()
    return {**place, "of": pl.Series(order)}


def _nulled(rows: np.ndarray) -> pl.Series:
    """Row numbers for gather: -1 gives null."""
    found = pl.Series(rows, dtype=pl.Int64)
    return found if not rows.size or rows.min() >= 0 else found.set(found < 0, None)
