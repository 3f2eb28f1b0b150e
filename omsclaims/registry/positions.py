"""Which case is meant? Problems of rows become findings with record, case, service and line; and the checks of a file as a whole.

Whole file: repeated N_ZAP, IDCASE, SL_ID, IDSERV, ID_PAC, S_CODE, MR_N (S.908-S.911, S.914, S.918, S.919), SD_Z, SUMMAV (S.915,
S.916; formats.md 9.3), no
records (S.917).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from omsclaims import findings
from omsclaims.registry.columns import PROBLEM
from omsclaims.registry.formats import EXCEPTIONS, EXTRA, PERSONAL, Family, Format, canonical_tables, empty_table
from omsclaims.registry.source import line_of

_SHOWN: Final = 200  # characters of a value that a finding shows
_LEVELS: Final = {"usl": "usl", "sl": "sl", "z_sl": "case", "zap": "zap", "person": "person"}


def empty_tables(of: Family | Format) -> dict[str, pl.DataFrame]:
    """All canonical tables of a family (or of an edition, with those of its overlay) without rows, with exceptions and extra."""
    if isinstance(of, Format):
        tables = {table: pl.DataFrame(schema=of.columns(table)) for table in of.every_table}
    else:
        tables = {table: empty_table(table, of) for table in canonical_tables(of)}
    tables["exceptions"] = pl.DataFrame(schema=EXCEPTIONS)
    tables["extra"] = pl.DataFrame(schema=EXTRA)
    return tables


def shown(path: str, text: str | None, *, known: bool = True) -> str | None:
    """A value as a finding may show it: masked where the element is personal, cut where it is long.

    What an unknown element beside personal data holds is not known either: masked.
    """
    if text is None:
        return None
    if _tag(path).lower() in PERSONAL or (not known and path.startswith(("PERS/", "ZAP/PACIENT/"))):
        return findings.mask(text)
    return text[:_SHOWN]


def no_problems() -> pl.DataFrame:
    """No problem at all, as a frame of columns.PROBLEM."""
    return _NO_PROBLEMS.clone()


def no_extras() -> pl.DataFrame:
    """The table of extras without rows."""
    return _NO_EXTRAS.clone()


_NO_PROBLEMS: Final = pl.DataFrame(schema=PROBLEM)
_NO_EXTRAS: Final = pl.DataFrame(schema=EXTRA)


def _tag(path: str) -> str:
    return path.rpartition("/")[2]


def placed(
    problems: pl.DataFrame, tables: dict[str, pl.DataFrame], edition: Format, package: str, file: str, content: bytes = b""
) -> pl.DataFrame:
    """Problems (columns.PROBLEM) as findings. A problem of a record or patient counts for each of its cases."""
    found = [findings.empty()]
    for (table,), part in problems.partition_by("table", as_dict=True, maintain_order=True).items():
        found.append(_placed_table(part, str(table), tables, edition, package, file, content))
    return pl.concat(found)


def _placed_table(
    part: pl.DataFrame, table: str, tables: dict[str, pl.DataFrame], edition: Format, package: str, file: str, content: bytes
) -> pl.DataFrame:
    rows = ancestors(part["_row"], table, tables, edition)
    level = next((_LEVELS[name] for name in _LEVELS if name in rows), "file")
    frame = part.with_columns(
        *[row.alias(f"@{name}") for name, row in rows.items()],
        pl.lit(level).alias("level"), pl.lit(package).alias("package"), pl.lit(file).alias("file"), _masked(part),
    )  # fmt: skip
    if level == "file":
        lines = {path: line_of(content, _tag(path)) for path in part["element"].unique().to_list() if content}
        frame = frame.with_columns(
            pl.when(pl.col("code").is_not_null()).then(pl.lit("1.4.1")).alias("code"),
            pl.col("element").replace_strict(lines, default=None, return_dtype=pl.Int64).alias("line"),
        )
    elif "zap" in rows:
        frame = _with_case(frame, rows, tables)
    elif "person" in rows:
        person = tables["person"]
        frame = frame.with_columns(
            person["id_pac"].gather(rows["person"]), person["_line"].gather(rows["person"]).alias("line"),
            person["_offset"].gather(rows["person"]).alias("offset"),
        )  # fmt: skip
    wanted = [name for name in findings.SCHEMA if name in frame.columns]
    return findings.conform(frame.select(wanted))


def placed_few(
    problems: Sequence[tuple[str, str | None, str, int, str, str | None, str]], columns: Mapping[str, Mapping[str, Any]],
    edition: Format, package: str, file: str,
) -> list[dict[str, Any]] | None:  # fmt: skip
    """As `placed`, problem by problem, for a part of a file whose columns are Arrow arrays; for few problems much faster.

    Rows of findings; None where a problem is about something else than a record or a person.
    """
    rows: list[dict[str, Any]] = []
    for rule, code, table, row, element, value, params in problems:
        above = chain(table, row, columns, edition)
        finding: dict[str, Any] = {
            "rule": rule, "code": code, "element": element, "params": params, "package": package, "file": file,
            "value": _hidden(element, value), "level": next((_LEVELS[name] for name in _LEVELS if name in above), "file"),
        }  # fmt: skip
        if "zap" in above:
            record = above["zap"]
            finding |= {name: _at(columns, "zap", column, record) for name, column in _OF_RECORD.items()}
            patients = _rows_of(columns, "patient", record)
            finding["id_pac"] = _at(columns, "patient", "id_pac", patients[0]) if patients else None
            if "sl" in above:
                finding |= {"sl_id": _at(columns, "sl", "sl_id", above["sl"]), "sl_row": above["sl"]}
            if "usl" in above:
                finding["idserv"] = _at(columns, "usl", "idserv", above["usl"])
            cases: Sequence[int | None] = [above["z_sl"]] if "z_sl" in above else _rows_of(columns, "z_sl", record) or [None]
            for case in cases:
                number = None if case is None else _at(columns, "z_sl", "idcase", case)
                rows.append({**finding, "z_row": case, "idcase": number})
        elif "person" in above:
            finding |= {name: _at(columns, "person", column, above["person"]) for name, column in _OF_PERSON.items()}
            rows.append(finding)
        else:
            return None
    return rows


_OF_RECORD: Final = {"n_zap": "n_zap", "line": "_line", "offset": "_offset"}
_OF_PERSON: Final = {"id_pac": "id_pac", "line": "_line", "offset": "_offset"}


def chain(table: str, row: int, columns: Mapping[str, Mapping[str, Any]], edition: Format) -> dict[str, int]:
    """As ancestors, of one row."""
    found = {table: row}
    above = edition.parents.get(table)
    while above is not None and above != edition.header_table:
        row = int(columns[table]["_parent"][row].as_py())
        found[above] = row
        table, above = above, edition.parents.get(above)
    return found


def _at(columns: Mapping[str, Mapping[str, Any]], table: str, column: str, row: int) -> object:
    """A value of a row; None where the part has no such column."""
    array = columns.get(table, {}).get(column)
    return None if array is None else array[row].as_py()


def _rows_of(columns: Mapping[str, Mapping[str, Any]], table: str, parent: int) -> list[int]:
    """Rows of a table that hang on a row; they stand together, in the order of their parents."""
    if table not in columns:
        return []
    parents = columns[table]["_parent"].to_numpy()
    return list(range(int(np.searchsorted(parents, parent, "left")), int(np.searchsorted(parents, parent, "right"))))


def _hidden(element: str, value: str | None) -> str | None:
    """As _masked, of one value."""
    if value and _tag(element).lower() in PERSONAL and "***" not in value:
        return findings.mask(value)
    return None if value is None else value[:_SHOWN]


def ancestors(rows: pl.Series, table: str, tables: dict[str, pl.DataFrame], edition: Format) -> dict[str, pl.Series]:
    """Row numbers in each table above (and in the table itself), the nearest first."""
    found: dict[str, pl.Series] = {}
    current: str | None = table
    while current is not None:
        found[current] = rows
        above = edition.parents.get(current)
        if above is None or above == edition.header_table:
            break
        rows = tables[current]["_parent"].gather(rows)
        current = above
    return found


def _with_case(frame: pl.DataFrame, rows: dict[str, pl.Series], tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """N_ZAP, ID_PAC, IDCASE, SL_ID, IDSERV, line and row numbers of the case; one row per case for problems of a record."""
    zap, record = tables["zap"], rows["zap"]
    frame = frame.with_columns(
        zap["n_zap"].gather(record), zap["_line"].gather(record).alias("line"), zap["_offset"].gather(record).alias("offset"),
        tables["patient"]["id_pac"].gather(_first_below(tables["patient"], record)),
    )  # fmt: skip
    cases = tables["z_sl"]
    if "z_sl" in rows:
        frame = frame.with_columns(cases["idcase"].gather(rows["z_sl"]), pl.col("@z_sl").alias("z_row"))
    else:
        # Of all cases only those of these records: a join costs by the size of the file, not by the number of problems.
        few = cases.filter(pl.col("_parent").is_in(record.unique().implode()))
        case = few.select(pl.col("_row").alias("z_row"), pl.col("_parent").alias("@zap"), "idcase")
        frame = frame.join(case, on="@zap", how="left", maintain_order="left")
    if "sl" in rows:
        frame = frame.with_columns(tables["sl"]["sl_id"].gather(rows["sl"]), pl.col("@sl").alias("sl_row"))
    if "usl" in rows:
        frame = frame.with_columns(tables["usl"]["idserv"].gather(rows["usl"]))
    return frame


def _first_below(table: pl.DataFrame, above: pl.Series) -> pl.Series:
    """For rows of the table above the first row that hangs on each; null for none. Rows stand in the order of their parents."""
    parents, wanted = table["_parent"].to_numpy(), above.to_numpy()
    found = np.searchsorted(parents, wanted)
    there = np.zeros(found.size, np.bool_)
    inside = found < parents.size
    there[inside] = parents[found[inside]] == wanted[inside]
    rows = pl.Series(found, dtype=pl.Int64)
    return rows if there.all() else rows.set(pl.Series(~there), None)


def _masked(part: pl.DataFrame) -> pl.Expr:
    """Personal values as `И***в`, others cut."""
    value = pl.col("value")
    personal = [path for path in part["element"].unique().to_list() if _tag(path).lower() in PERSONAL]
    already = value.str.contains("***", literal=True)
    hidden = pl.when(value.str.len_chars() < 3).then(pl.lit("***")).otherwise(value.str.head(1) + "***" + value.str.tail(1))
    return (
        pl.when(pl.col("element").is_in(personal) & (value != "") & ~already)
        .then(hidden)
        .otherwise(value.str.head(_SHOWN))
        .alias("value")
    )


# --- the file as a whole -----------------------------------------------------------------------------------------------


def whole_file(
    tables: dict[str, pl.DataFrame], edition: Format, package: str, file: str, *, in_cases: bool = True
) -> pl.DataFrame:  # fmt: skip
    """Findings S.908-S.911 and S.914-S.919 of one file. `in_cases`: whether numbers may repeat inside a case."""
    if edition.family == "protocol":
        return findings.empty()
    looked = [repeats_of_file(tables, edition), *([repeats_of_cases(tables, edition)] if in_cases else [])]
    repeated = [part for part in looked if part.height]
    found = placed(pl.concat(repeated), tables, edition, package, file) if repeated else findings.empty()
    if edition.family == "person":
        empty = [] if tables["person"].height else [no_records("PERS", package, file)]
        return pl.concat([found, findings.frame(empty)])
    return pl.concat([found, findings.frame(totals(Totals.of(tables), edition, package, file))])


def repeats_of_file(tables: dict[str, pl.DataFrame], edition: Format) -> pl.DataFrame:
    """Problems S.908, S.909, S.914: numbers that stand once in a file."""
    if edition.family == "person":
        return _repeats("S.914", "person", ["id_pac"], "PERS/ID_PAC", tables)
    return pl.concat(
        [
            _repeats("S.908", "zap", ["n_zap"], "ZAP/N_ZAP", tables),
            _repeats("S.909", "z_sl", ["idcase"], _path(edition, "z_sl", "idcase"), tables),
        ]
    )


def repeats_of_cases(tables: dict[str, pl.DataFrame], edition: Format) -> pl.DataFrame:
    """Problems S.910, S.911, S.918, S.919: numbers that stand once in their case, completed case or service."""
    if edition.family == "person":
        return no_problems()
    return pl.concat(
        [
            _repeats("S.910", "sl", ["_parent", "sl_id"], _path(edition, "sl", "sl_id"), tables),
            _repeats("S.911", "usl", ["_parent", "idserv"], _path(edition, "usl", "idserv"), tables),
            _repeats("S.918", "sank", ["_parent", "s_code"], _path(edition, "sank", "s_code"), tables),
            _repeats("S.919", "mr_usl_n", ["_parent", "mr_n"], _path(edition, "mr_usl_n", "mr_n"), tables),
        ]
    )


def _path(edition: Format, table: str, column: str) -> str:
    """The element of a column, also of one that is filled from another after reading."""
    sources = [(source, of) for target, name, source, of in edition.copies if (target, name) == (table, column)]
    paths = (edition.path_of(*place) for place in [(table, column), *sources])
    return next(filter(None, paths), f"{table}.{column}")


def _repeats(rule: str, table: str, keys: list[str], path: str, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Second and later rows with the same key; the first one stands."""
    frame, value = tables[table], keys[-1]
    if frame.height < 2 or frame[value].null_count() == frame.height:
        return no_problems()
    if len(keys) == 1 and frame.schema[value] == pl.Int64 and _rises(frame[value]):
        return no_problems()
    again = frame.filter(pl.col(value).is_not_null() & ~pl.struct(keys).is_first_distinct())
    return again.select(
        pl.lit(rule).alias("rule"), pl.lit("1.4.4").alias("code"), pl.lit(table).alias("table"), "_row",
        pl.lit(path).alias("element"), pl.col(value).cast(pl.String).alias("value"), pl.lit("{}").alias("params"),
    ).cast(dict(PROBLEM))  # type: ignore[arg-type]  # fmt: skip


def _rises(values: pl.Series) -> bool:
    """Whether each number is larger than the one before: so files are numbered, and then none stands twice."""
    if values.null_count():
        return False
    numbers = values.to_numpy()
    return bool((numbers[1:] > numbers[:-1]).all())


def no_records(record: str, package: str, file: str) -> findings.Finding:
    """S.917."""
    return findings.Finding("S.917", code="1.4.1", package=package, file=file, element=record, params={"record": record})


@dataclass(slots=True)
class Totals:
    """What the header of a main file is held against; added up over the parts of a file."""

    sd_z: int | None = None
    summav: int | None = None
    records: int = 0
    cases: int = 0
    unreadable: int = 0  # cases without a SUMV
    sumv: int = 0

    @classmethod
    def of(cls, tables: dict[str, pl.DataFrame]) -> Totals:
        """Of a whole file."""
        header = tables["file"]
        known = cls(header["sd_z"][0], header["summav"][0]) if header.height else cls()
        known.add(tables)
        return known

    def add(self, tables: dict[str, pl.DataFrame]) -> None:
        """The records of one more part."""
        cases = tables["z_sl"]
        self.records += tables["zap"].height
        self.cases += cases.height
        self.unreadable += cases["sumv"].null_count()
        self.sumv += int(cases["sumv"].sum())


def totals(counted: Totals, edition: Format, package: str, file: str) -> list[findings.Finding]:
    """SD_Z and SUMMAV against the cases, and whether there are any records (S.915-S.917)."""
    found: list[findings.Finding] = []
    if counted.records == 0:
        return [no_records("ZAP", package, file)]
    if "ZGLV/SD_Z" in edition.by_path and counted.sd_z != counted.cases:
        stated = _text(counted.sd_z)
        found.append(
            findings.Finding("S.915", code="1.4.1", package=package, file=file, element="ZGLV/SD_Z",
                             value=stated, params={"stated": stated, "counted": counted.cases})
        )  # fmt: skip
    # A file A names the whole invoice but holds the processed cases alone; an amount that did not parse has its own finding.
    if "A" in edition.kinds or counted.unreadable:
        return found
    if counted.summav != counted.sumv:
        stated = _roubles(counted.summav)
        found.append(
            findings.Finding("S.916", code="1.4.2", package=package, file=file, element="SCHET/SUMMAV", value=stated,
                             params={"stated": stated, "counted": _roubles(counted.sumv)})
        )  # fmt: skip
    return found


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _roubles(kopecks: int | None) -> str:
    """Kopecks as 1234.56, for the text of a finding."""
    if kopecks is None:
        return ""
    sign, amount = ("-", -kopecks) if kopecks < 0 else ("", kopecks)
    return f"{sign}{amount // 100}.{amount % 100:02d}"
