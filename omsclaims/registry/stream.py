"""How is a file read that is larger than memory? Part by part, or to Parquet, with the tables and findings of `read_xml`.

What concerns the file as a whole - numbers that stand twice, the totals of the header - is known at its end only.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omsclaims import findings
from omsclaims.registry import compiling, fast, parsing, positions, result
from omsclaims.registry.columns import PROBLEM
from omsclaims.registry.fast import DeclinedError, Header, Reader
from omsclaims.registry.formats import EXCEPTIONS, EXTRA, PLACED, Format
from omsclaims.registry.limits import Limits

Opener = Callable[[], BinaryIO]
Tables = dict[str, pl.DataFrame]

#: Columns that the checks of a whole file need, by table.
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "zap": ("_row", "_parent", "n_zap", "_line", "_offset"), "patient": ("_row", "_parent", "id_pac"),
    "z_sl": ("_row", "_parent", "idcase"), "person": ("_row", "_parent", "id_pac", "_line", "_offset"),
}  # fmt: skip
#: Parts that are written together, as one row group of each table.
_GROUP: Final = 20
#: Bytes of a chunk on the way to Parquet: writing takes longer than scanning, and smaller ones take less memory.
_CHUNK: Final = 2 << 20
_NULLS: Final = 1 << 16
#: So many problems of a part are placed one by one.
_FEW: Final = 300
_ARROW: Final[dict[pl.DataType, pa.DataType]] = {pl.String(): pa.string_view(), pl.Int64(): pa.int64(), pl.Date(): pa.date32()}


@dataclass(frozen=True)
class Part:
    """Some records of a file and their findings; the first part has the header.

    `tables`: canonical tables whose rows count through the file, with the columns that have a value in this part
    (`complete` has all). `restart`: the file turned out to be one that is read as a whole; what came before this part is void.
    """

    columns: Mapping[str, Mapping[str, pa.Array]]
    found: Mapping[str, pa.Array]  # findings
    format: Format | None  # None: the file was not readable as any
    restart: bool = False

    @cached_property
    def findings(self) -> pl.DataFrame:
        """The findings as a frame of findings.SCHEMA."""
        if not self.found:
            return findings.empty()
        return pl.from_arrow(pa.Table.from_pydict(dict(self.found)))  # type: ignore[return-value]

    @cached_property
    def tables(self) -> Tables:
        """The tables as polars frames."""
        return {name: pl.from_arrow(pa.Table.from_pydict(dict(of))) for name, of in self.columns.items()}  # type: ignore[misc]

    @cached_property
    def complete(self) -> Tables:
        """The tables with all canonical columns, as `read_xml` gives them; those without rows, too."""
        edition = self.format
        own = {} if edition is None else {name: edition.columns(name) for name in edition.every_table}
        known = {**own, "exceptions": EXCEPTIONS, "extra": EXTRA}
        return {name: result.shaped(self.tables[name], pl.DataFrame(schema=schema)) if name in self.tables
                else pl.DataFrame(schema=schema) for name, schema in known.items()}  # fmt: skip


@dataclass(frozen=True)
class Streamed:
    """What was written: rows of each table, findings in all."""

    format: Format | None
    rows: dict[str, int]
    findings: int
    rules: frozenset[str]  # of the findings
    scanned: bool  # False: read by lxml as a whole

    @property
    def refused(self) -> bool:
        """Whether a finding refuses the whole package."""
        return not self.rules.isdisjoint(result.REFUSES_PACKAGE)


def batches(
    source: Path | Opener, *, threads: int = 1, chunk_bytes: int | None = None, limits: Limits | None = None,
    file_stem: str = "", package: str = "", period: str | None = None, kind: str | None = None,
) -> Iterator[Part]:  # fmt: skip
    """The file part by part: together the tables and findings of `read_xml`. Names as there; `source.stem` by default."""
    yield from _Streaming(source, threads, chunk_bytes, limits, file_stem, package, period, kind).parts()


def to_parquet(
    source: Path | Opener, folder: Path, threads: int = 2, *, chunk_bytes: int | None = None, limits: Limits | None = None,
    file_stem: str = "", package: str = "", period: str | None = None, kind: str | None = None,
) -> Streamed:  # fmt: skip
    """Reads a file into `folder`: one Parquet file per canonical table that has rows, `exceptions`, `extra` and `findings`.

    Memory does not grow with the file (but for some 20 bytes a record). `folder` appears when everything is written; one that
    exists is an error (FileExistsError).
    """
    if folder.exists():
        raise FileExistsError(folder)
    part_folder = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part_folder, ignore_errors=True)
    part_folder.mkdir(parents=True)
    streaming = _Streaming(source, threads, chunk_bytes or _CHUNK, limits, file_stem, package, period, kind)
    sink = _Sink(part_folder)
    streaming.stored = sink.load
    scanned = True
    edition: Format | None = None
    try:
        for part in streaming.parts():
            edition = part.format
            if part.restart:
                scanned = False
                sink.restart()
            sink.add(part)
        sink.close()
    except BaseException:
        sink.close(keep=False)
        shutil.rmtree(part_folder, ignore_errors=True)
        raise
    part_folder.rename(folder)
    return Streamed(edition, sink.rows, sink.found, frozenset(sink.rules), scanned)


@dataclass
class _Streaming:
    """One file being read part by part."""

    source: Path | Opener
    threads: int
    chunk_bytes: int | None
    limits: Limits | None
    file_stem: str
    package: str
    period: str | None
    kind: str | None
    rows: dict[str, int] = field(default_factory=dict)
    kept: dict[str, list[pl.DataFrame]] = field(default_factory=dict)  # what the checks of the whole file need
    stored: Callable[[str, tuple[str, ...]], pl.DataFrame | None] | None = None  # reads it back instead, where it is stored

    def __post_init__(self) -> None:
        if isinstance(self.source, Path):
            self.file_stem = self.file_stem or self.source.stem
        self.package = self.package or self.file_stem

    def open(self) -> BinaryIO:
        """The bytes from the start."""
        return open(self.source, "rb", buffering=0) if isinstance(self.source, Path) else self.source()

    def parts(self) -> Iterator[Part]:
        """All parts; where the scanner declines, the whole as one part."""
        started = False
        try:
            for part in self._scanned():
                started = True
                yield part
        except DeclinedError:
            with self.open() as stream:
                content = stream.read()
            whole = parsing.read_xml(
                content, self.file_stem, self.package, self.period, self.kind, path="strict", limits=self.limits
            )
            yield Part(_columns_of(whole.tables), _arrays(whole.findings), whole.format, restart=started)

    def _scanned(self) -> Iterator[Part]:
        compiling.prepare()
        bounds = self.limits or Limits()

        def targeting(head: object) -> object:
            return parsing.target_of(head, self.file_stem, self.package, self.period, self.kind)  # type: ignore[arg-type]

        size = self.chunk_bytes or fast.CHUNK * (1 if self.threads <= 1 else 2)
        reader = Reader(self.open, targeting, bounds, size, self.threads)  # type: ignore[arg-type]
        reader.look_for_repeats = True
        header = reader.header
        edition = header.target.edition
        first = _header_part(header)
        yield first
        totals = positions.Totals()
        header_row = first.tables.get("file")
        if edition.family == "main" and header_row is not None and header_row.height:
            totals.sd_z, totals.summav = (_only(header_row, name) for name in ("sd_z", "summav"))
        for batch in reader.batches():
            part = self._part(batch, header)
            if edition.family == "main":
                _add(totals, part.columns)
            self._keep(part.columns)
            yield part
        yield self._last(header, totals)

    def _part(self, batch: fast.Batch, header: Header) -> Part:
        """A batch with its findings, all rows and lines those of the file."""
        edition = header.target.edition
        before = dict(self.rows)
        columns = fast.numbered(batch, before, edition, header.lines)
        found: Mapping[str, pa.Array] = {}
        if batch.problem_rows or batch.problems or batch.repeats or batch.extras:
            found = self._placed(batch, header, columns)
        _copied(columns, edition)
        if "patient" in columns and edition.family == "main":
            known = [columns["patient"][name] for name in ("enp", "npolis") if name in columns["patient"]]
            if known:
                columns["patient"]["policy"] = _first_of(known)
        exceptions = [*batch.exception_rows, *(row for part in batch.exceptions for row in part.iter_rows())]
        if exceptions:
            moved = sorted((table, row + before.get(table, 0), *rest) for table, row, *rest in exceptions)
            columns["exceptions"] = _of_rows(moved, EXCEPTIONS)
        for name, count in batch.rows.items():
            self.rows[name] = before.get(name, 0) + count
        return Part(columns, found, edition)

    def _placed(
        self, batch: fast.Batch, header: Header, columns: dict[str, dict[str, pa.Array]]
    ) -> Mapping[str, pa.Array]:  # fmt: skip
        """Findings of a batch, with rows and lines of the file; its extras go into `columns`."""
        edition, target = header.target.edition, header.target
        local = {name: dict(of) for name, of in batch.columns.items()}
        _copied(local, edition)
        first_line = header.lines + 1
        if batch.extras:
            rows = [
                (table, row + self.rows.get(table, 0), *rest, *_record_of(table, row, local, edition, first_line))
                for table, row, *rest in batch.extras
            ]
            columns["extra"] = _of_rows(rows, EXTRA)
        cases, subcases = self.rows.get("z_sl", 0), self.rows.get("sl", 0)
        if not batch.problems and not batch.repeats and len(batch.problem_rows) <= _FEW:
            few = positions.placed_few(batch.problem_rows, local, edition, target.package, target.file)
            if few is not None:
                for one in few:
                    for name, move in (("line", first_line), ("z_row", cases), ("sl_row", subcases)):
                        if one.get(name) is not None:
                            one[name] += move
                return _of_rows([tuple(one.get(name) for name in findings.SCHEMA) for one in few], findings.SCHEMA)
        tables: Tables = {}
        for name in edition.every_table:
            if name in local:
                counted = {"_row": pa.array(np.arange(batch.rows[name])), **local[name]}
                frame = pl.from_arrow(pa.Table.from_pydict(counted))
                tables[name] = result.shaped(frame, result.empty_of(edition, name))  # type: ignore[arg-type]
            else:
                tables[name] = result.empty_of(edition, name)
        problem_rows = pl.DataFrame(batch.problem_rows, schema=PROBLEM, orient="row")
        repeats = positions.repeats_of_cases(tables, edition) if batch.repeats else positions.no_problems()
        problems = pl.concat([problem_rows, *batch.problems, repeats])
        found = positions.placed(problems, tables, edition, target.package, target.file, header.content)
        recorded = pl.col("offset").is_not_null()
        moved = found.with_columns(
            pl.col("z_row") + cases,
            pl.col("sl_row") + subcases,
            pl.when(recorded).then(pl.col("line") + first_line).otherwise(pl.col("line")).alias("line"),
        )
        return _arrays(moved)

    def _keep(self, columns: Mapping[str, Mapping[str, pa.Array]]) -> None:
        """What the checks of the whole file need of a part: all keys, or the numbers alone where the rest is stored."""
        for name, wanted in _KEYS.items():
            if name not in columns:
                continue
            of = columns[name]
            if self.stored is None:
                part = pa.Table.from_pydict({column: of[column] for column in wanted if column in of})
                self.kept.setdefault(name, []).append(pl.from_arrow(part))  # type: ignore[arg-type]
            elif name != "patient" and wanted[2] in of:
                values = pl.Series(wanted[2], pl.from_arrow(of[wanted[2]]))
                self.kept.setdefault(name, []).append((values.hash() if name == "person" else values).to_frame())

    def _last(self, header: Header, totals: positions.Totals) -> Part:
        """Findings about the file as a whole."""
        edition, target = header.target.edition, header.target
        found = []
        if edition.family != "protocol" and self._suspicious():
            whole = {name: result.empty_of(edition, name) for name in edition.every_table}
            for name, wanted in _KEYS.items():
                kept = self.kept.get(name)
                frame = (
                    self.stored(name, wanted) if self.stored is not None else pl.concat(kept, how="diagonal") if kept else None
                )
                if frame is not None and name in whole:
                    whole[name] = result.shaped(frame, result.empty_of(edition, name))
            repeats = positions.repeats_of_file(whole, edition)
            found.append(positions.placed(repeats, whole, edition, target.package, target.file))
        if edition.family == "main":
            found.append(findings.frame(positions.totals(totals, edition, target.package, target.file)))
        found.append(target.unknown_version())
        return Part({}, _arrays(findings.concat(found)), edition)

    def _suspicious(self) -> bool:
        """Whether a number (or the hash of an ID_PAC) stands twice in the file."""
        for name, wanted in _KEYS.items():
            parts = [part[wanted[2]].drop_nulls() for part in self.kept.get(name, ()) if wanted[2] in part.columns]
            if name == "patient" or not parts:
                continue
            together = pl.concat(parts)
            # Sorted neighbours: a table of hashes would take many times the memory of the numbers.
            values = np.sort((together.hash() if together.dtype == pl.String() else together).to_numpy())
            if (values[1:] == values[:-1]).any():
                return True
        return False


def _record_of(
    table: str, row: int, columns: Mapping[str, Mapping[str, pa.Array]], edition: Format, first_line: int
) -> tuple[int | None, int | None]:
    """Line and offset of the record that a row stands in."""
    chain = positions.chain(table, row, columns, edition)
    record = next((name for name in PLACED if name in chain), None)
    if record is None:
        return None, None
    of = columns[record]
    return of["_line"][chain[record]].as_py() + first_line, of["_offset"][chain[record]].as_py()


def _of_rows(rows: Sequence[tuple[object, ...]], schema: Mapping[str, pl.DataType]) -> dict[str, pa.Array]:
    """A few rows as Arrow columns: much cheaper than a frame, and there is one for every part of a file."""
    if not rows:
        return {}
    return {
        name: pa.array(values, _ARROW[kind]) for (name, kind), values in zip(schema.items(), zip(*rows, strict=True), strict=True)
    }


def _arrays(frame: pl.DataFrame) -> dict[str, pa.Array]:
    """A frame as Arrow columns; nothing for one without rows."""
    return _columns_of({"": frame}).get("", {})


def _columns_of(tables: Tables) -> dict[str, dict[str, pa.Array]]:
    """Polars frames as Arrow columns; those without rows are left out."""
    found = {}
    for name, frame in tables.items():
        if frame.height:
            table = frame.to_arrow(compat_level=pl.CompatLevel.newest()).combine_chunks()
            found[name] = {column: table.column(column).chunk(0) for column in table.column_names}
    return found


def _copied(columns: dict[str, dict[str, pa.Array]], edition: Format) -> None:
    """The copies of the edition between twin tables."""
    for target, column, origin, source in edition.copies:
        if target in columns and origin in columns and source in columns[origin]:
            values = columns[origin][source]
            if edition.columns(target)[column] == pl.String() and not pa.types.is_string_view(values.type):
                values = pc.cast(pc.cast(values, pa.string()), pa.string_view())
            columns[target][column] = values


def _first_of(columns: list[pa.Array]) -> pa.Array:
    """The first value of each row. Arrow has no such function for views of strings; polars has."""
    if len(columns) == 1:
        return columns[0]
    frame = pl.DataFrame({str(number): pl.from_arrow(column) for number, column in enumerate(columns)})
    return frame.select(pl.coalesce(pl.all())).to_series().to_arrow(compat_level=pl.CompatLevel.newest())


def _only(frame: pl.DataFrame, column: str) -> int | None:
    """The value of the one row, where there is such a column."""
    return frame[column][0] if column in frame.columns else None


def _add(totals: positions.Totals, columns: Mapping[str, Mapping[str, pa.Array]]) -> None:
    """The records of one more part, as Totals.add."""
    totals.records += len(columns["zap"]["_row"]) if "zap" in columns else 0
    if "z_sl" not in columns:
        return
    cases = columns["z_sl"]
    count = len(cases["_row"])
    totals.cases += count
    if "sumv" in cases:
        totals.unreadable += cases["sumv"].null_count
        totals.sumv += pc.sum(cases["sumv"]).as_py() or 0
    else:
        totals.unreadable += count


def _header_part(header: Header) -> Part:
    """The header's tables, with what was wrong there."""
    target = header.target
    tables = result.canonical(target.edition, header.parts, header.found.all_exceptions(), header.structure.extras)
    problems = [positions.no_problems(), header.structure.frame(), *header.found.all_problems()]
    found = positions.placed(pl.concat(problems), tables, target.edition, target.package, target.file, header.content)
    return Part(_columns_of(tables), _arrays(findings.concat([found])), target.edition)


class _Sink:
    """Parquet files of one folder, written side by side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writers: dict[str, pq.ParquetWriter] = {}
        self.rows: dict[str, int] = {}
        self.schemas: dict[str, pa.Schema] = {}
        self.parts = 0
        self.waiting: dict[str, list[tuple[dict[str, pa.Array], int]]] = {}
        self.empty: dict[pa.DataType, pa.Array] = {}
        self.found = 0
        self.rules: set[str] = set()

    def add(self, part: Part) -> None:
        """One more part behind the others."""
        for name, columns in part.columns.items():
            count = len(next(iter(columns.values())))
            self._write(name, self._schema(name, part.format), columns, count)
            self.rows[name] = self.rows.get(name, 0) + count
        self.parts += 1
        if self.parts % _GROUP == 0:
            # All tables at once: the texts of a part lie in one piece of memory, which any of its tables keeps.
            for name in self.writers:
                self._flush(name)
        count = len(part.found["rule"]) if part.found else 0
        self._write("findings", self._schema("findings", part.format), part.found, count)
        self.found += count
        if count:
            self.rules.update(part.found["rule"].to_pylist())

    def _schema(self, name: str, edition: Format | None) -> pa.Schema:
        """The Arrow schema of a table: all its canonical columns."""
        if name not in self.schemas:
            own = {"findings": findings.SCHEMA, "exceptions": EXCEPTIONS, "extra": EXTRA}
            columns = own[name] if edition is None or name in own else edition.columns(name)
            self.schemas[name] = pa.schema([(column, _ARROW[kind]) for column, kind in columns.items()])
        return self.schemas[name]

    def _write(self, name: str, schema: pa.Schema, columns: Mapping[str, pa.Array], count: int) -> None:
        """Rows of a table, kept until they make a row group: small groups cost memory until the file is closed."""
        if name not in self.writers:
            path = self.folder / f"{name}.parquet"
            self.writers[name] = pq.ParquetWriter(path, schema, compression="zstd", write_statistics=["_row"])
            self.waiting[name] = []
        if count:
            self.waiting[name].append((dict(columns), count))

    def _flush(self, name: str) -> None:
        """What waits for a table becomes a row group."""
        parts = self.waiting[name]
        if not parts:
            return
        rows = sum(count for _, count in parts)
        made = []
        for wanted in self.schemas[name]:
            if any(wanted.name in columns for columns, _ in parts):
                chunks = [
                    columns[wanted.name] if wanted.name in columns else pa.nulls(count, wanted.type) for columns, count in parts
                ]
                made.append(pa.chunked_array(chunks, wanted.type))
            else:
                made.append(pa.chunked_array([self._nulls(wanted.type, rows)]))
        self.writers[name].write_table(pa.Table.from_arrays(made, schema=self.schemas[name]), row_group_size=rows)
        self.waiting[name] = []

    def _nulls(self, kind: pa.DataType, count: int) -> pa.Array:
        """A column without values, cut from one that is kept."""
        kept = self.empty.get(kind)
        if kept is None or len(kept) < count:
            kept = self.empty[kind] = pa.nulls(max(count, _NULLS), kind)
        return kept.slice(0, count)

    def load(self, name: str, columns: tuple[str, ...]) -> pl.DataFrame | None:
        """Columns of a table written so far. Closes it: nothing more can be added."""
        if name not in self.writers:
            return None
        self._flush(name)
        self.writers.pop(name).close()
        return pl.read_parquet(self.folder / f"{name}.parquet", columns=list(columns))

    def restart(self) -> None:
        """Forgets everything."""
        self.close(keep=False)
        self.writers, self.rows, self.schemas, self.found = {}, {}, {}, 0
        self.rules.clear()
        self.waiting.clear()
        for path in self.folder.glob("*.parquet"):
            path.unlink()

    def close(self, *, keep: bool = True) -> None:
        """Ends all files; without `keep` what waits is dropped."""
        for name, writer in self.writers.items():
            if keep:
                self._flush(name)
            writer.close()


__all__ = ["Part", "Streamed", "batches", "to_parquet"]
