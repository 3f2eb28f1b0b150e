"""How are tables written back as a registry file? Canonical tables -> XML of an edition, packages (order 79; formats.md 1, 2).

Elements stand in the order of the format table, an absent value is an absent element, no element is empty. What reading kept in
`exceptions` and `extra` is written as it was found. Two kinds of spelling are normalised: numbers get the decimals of the format
(144782 -> 144782.00) and lose leading zeros (04 -> 4); `registry.compare` lists what changed. Records are written slice by slice:
columns become text in polars, rows are joined from the leaves up, and memory stays that of one slice.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.registry import names, values
from omsclaims.registry.formats import Field, Format

if TYPE_CHECKING:
    import pyarrow as pa

Tables = Mapping[str, pl.DataFrame]
_Positions = NDArray[np.int64]

_FORBIDDEN: Final = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"
_MARKUP: Final = tuple(b"&<>")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
#: Written into every package, so that equal contents are equal archives.
_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)
_ENCODINGS: Final = {"windows-1251": "cp1251", "utf-8": "utf-8"}
#: Rows of all tables together that are written at once: bounds the memory that texts take.
_SLICE_ROWS: Final = 50_000
#: Bytes of tables from which the XML may be larger than an archive without ZIP64 can say.
_ZIP64_FROM: Final = 256 << 20


def write_xml(tables: Tables, edition: Format) -> bytes:
    """The XML file of `tables` in `edition`: declared encoding, one record a line, element order of the format.

    Tables and columns that are missing count as empty; `patient.policy`, columns that the edition lacks and rows whose parent is
    not there are left out. Characters that windows-1251 lacks become numeric references, so nothing is dropped; `unwritable`
    names them (S.830). Raises ValueError where an edition without completed cases (SLUCH) gets a case of several parts.
    """
    kept = io.BytesIO()
    write_xml_to(kept, tables, edition)
    return kept.getvalue()


def write_xml_to(stream: IO[bytes], tables: Tables, edition: Format, slice_rows: int = _SLICE_ROWS) -> int:
    """As write_xml, to a stream; the number of bytes. Beside the tables it needs the memory of `slice_rows` rows, not of all."""
    encoding = _encoding(tables, edition)
    codec = _ENCODINGS[encoding]

    def put(text: str) -> int:
        return stream.write(text.encode(codec, "xmlcharrefreplace"))

    # Encoding (and packing, in a ZIP) of one slice while polars makes the next: one thread, so the order stays.
    with ThreadPoolExecutor(1, "omsclaims-writer") as behind:
        written, before = 0, None
        for text in _Writing(tables, edition, slice_rows).document(encoding):
            after = behind.submit(put, text)
            written += before.result() if before else 0
            before = after
        return written + (before.result() if before else 0)


def unwritable(tables: Tables, edition: Format, package: str) -> pl.DataFrame:
    """Findings S.830: texts with characters that the encoding of the edition lacks, or that XML forbids (written as spaces)."""
    codec = _ENCODINGS[edition.encoding]
    found: list[Finding] = []
    for path, texts in _all_texts(tables, edition):
        suspects = texts.filter(texts.str.contains(r"[^\x20-\x7EА-яЁё№]")).unique(maintain_order=True)
        for text in suspects.to_list():
            lacking = sorted({letter for letter in text if not _encodable(letter, codec)})
            if lacking:
                shown = " ".join(f"U+{ord(letter):04X}" for letter in lacking)
                found.append(Finding("S.830", package=package, file=package, element=path, params={"characters": shown}))
    return findings.frame(found)


def _all_texts(tables: Tables, edition: Format) -> Iterator[tuple[str, pl.Series]]:
    """Every text that is written, by the path of its element: columns, exceptions, extras."""
    for item in edition.fields:
        frame = tables.get(item.table)
        if item.form == "T" and frame is not None and item.column in frame.columns:
            yield item.path, frame[item.column].drop_nulls().cast(pl.String)
    for (table, column), kept in _by_column(tables.get("exceptions")).items():
        path = edition.path_of(table, column)
        if path is not None:
            yield path, kept["raw"]
    extra = tables.get("extra")
    if extra is not None and extra.height:
        for (path,), part in extra.partition_by("path", as_dict=True, maintain_order=True).items():
            yield str(path), part["text"]


def _encodable(letter: str, codec: str) -> bool:
    if ord(letter) < 0x20 and letter not in "\t\r\n":
        return False
    try:
        letter.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


_TAGS: Final = re.compile(r"<[^>]*>")


def _encoding(tables: Tables, edition: Format) -> str:
    """The declared encoding; UTF-8 only where an unknown element has a name that no reference can write in windows-1251."""
    extra = tables.get("extra")
    if extra is None or extra.height == 0:
        return edition.encoding
    markup = "".join("".join(_TAGS.findall(text)) for text in extra["text"].to_list() if not text.isascii())
    return edition.encoding if all(_encodable(letter, _ENCODINGS[edition.encoding]) for letter in set(markup)) else "utf-8"


@dataclass(slots=True)
class _Rows:
    """One table in file order: the rows of owner i are `starts[i]` to `starts[i + 1]`."""

    frame: pl.DataFrame
    starts: _Positions
    texts: tuple[pl.Expr, ...] = ()  # of every column with a value: its elements, named by their path


@dataclass(slots=True)
class _Kept:
    """Texts that a column could not hold: their rows by place in the file, ascending."""

    at: _Positions
    texts: pl.Series


class _Writing:
    """The state of writing one file: every table in file order, and what was kept beside the columns."""

    def __init__(self, tables: Tables, edition: Format, slice_rows: int) -> None:
        self.tables, self.edition, self.slice_rows = tables, edition, slice_rows
        self.rows: dict[str, _Rows] = {}
        self.extra: dict[tuple[str, str, str], _Rows] = {}
        self.kept: dict[tuple[str, str], _Kept] = {}
        self.slice: dict[str, pl.DataFrame] = {}
        header = tables.get(edition.header_table)
        first = _in_order(header).head(1) if header is not None and header.height else pl.DataFrame({"_row": [0]})
        self._place(edition.header_table, first, np.zeros(1, dtype=np.int64))
        self._place_below("")
        self._place_kept()

    # --- tables in file order ------------------------------------------------------------------------------------------

    def _place_below(self, path: str) -> None:
        """The tables of all structures and repeated leaves below `path`."""
        for item in self.edition.children.get(path, ()):
            if item.own:
                self._hang(item.table, item.owner, records=path == "")
            if item.twin:
                self._align(item.twin, item.table)
            self._place_below(item.path)

    def _hang(self, table: str, owner: str, *, records: bool) -> None:
        """A table below its owner. Records belong to the file, whatever number a month gave its header."""
        given = self.tables.get(table)
        above = self.rows[owner].frame
        if given is None or given.height == 0:
            self._place(table, pl.DataFrame(schema={"_row": pl.Int64}), np.zeros(above.height + 1, dtype=np.int64))
            return
        frame = _in_order(given)
        if records:
            self._place(table, frame, np.array([0, frame.height], dtype=np.int64))
            return
        frame, at = _by_owner(frame, above["_row"])
        self._place(table, frame, np.searchsorted(at, np.arange(above.height + 1)).astype(np.int64))

    def _align(self, twin: str, table: str) -> None:
        """The twin of a table: the one row that hangs on each row of it, or a row without values."""
        above = self.rows[table].frame["_row"]
        given = self.tables.get(twin)
        frame = pl.DataFrame(schema={"_row": pl.Int64}) if given is None or given.height == 0 else _in_order(given)
        if frame.height:
            frame, at = _by_owner(frame, above)
            if at.size and (np.diff(at) == 0).any():
                raise ValueError(f"{self.edition.id} has one {twin} for each {table}; these tables have more")
            frame = frame.with_columns(pl.Series("_at", at))
        else:
            frame = frame.with_columns(pl.Series("_at", [], dtype=pl.Int64))
        if frame.height != above.len():
            places = pl.DataFrame({"_at": pl.int_range(above.len(), eager=True)})
            frame = places.join(frame, on="_at", how="left", maintain_order="left")
        self._place(twin, frame.drop("_at"), np.arange(above.len() + 1))

    def _place(self, table: str, frame: pl.DataFrame, starts: _Positions) -> None:
        """Stores a table with the texts of its columns."""
        paths = [item for item in self.edition.fields if item.form != "S" and item.table == table]
        texts = [text for item in paths if (text := self._text(item, frame)) is not None]
        self.rows[table] = _Rows(frame, starts, tuple(texts))

    def _text(self, item: Field, frame: pl.DataFrame) -> pl.Expr | None:
        """The elements of one leaf as an expression named by its path; None where the column holds nothing."""
        if item.column not in frame.columns or frame[item.column].null_count() == frame.height:
            return None
        column, given = pl.col(item.column), frame[item.column]
        if item.form == "T":
            texts = _escaped(column.cast(pl.String), given)
            if given.dtype == pl.String and (given == "").any():
                texts = pl.when(column != "").then(texts)  # an element without text is not written
            return _element(item.name, texts).alias(item.path)
        numeric = given if item.form == "D" else given.cast(pl.Int64)
        limits = values.bounds(numeric)
        assert limits is not None
        if item.form == "D":
            return values.date_text(column, limits, item.name).alias(item.path)
        scale = self.edition.scale(item.table, item.column)
        return values.number_text(column.cast(pl.Int64), item.decimals, scale, limits, item.name).alias(item.path)

    def _place_kept(self) -> None:
        """Exceptions and extras, by their place in the file."""
        for key, kept in _by_column(self.tables.get("exceptions")).items():
            if key[0] in self.rows:
                frame, at = _by_owner(kept.rename({"_row": "_parent"}), self.rows[key[0]].frame["_row"])
                self.kept[key] = _Kept(at, frame["raw"])
        for place, found in _by_place(self.tables.get("extra")).items():
            if place[0] in self.rows:
                owner = self.rows[place[0]].frame
                frame, at = _by_owner(found.rename({"_row": "_parent"}), owner["_row"])
                self.extra[place] = _Rows(frame, np.searchsorted(at, np.arange(owner.height + 1)).astype(np.int64))

    # --- texts ---------------------------------------------------------------------------------------------------------

    def document(self, encoding: str) -> Iterator[str]:
        """The file in pieces: declaration, header, slices of records."""
        root, header = self.edition.root, (self.edition.header_table,)
        yield f'<?xml version="1.0" encoding="{encoding}"?>\n<{root}>\n'
        yield self._header_extra(header, "")
        for item in self.edition.children.get("", ()):
            if not item.own:
                self._fill(item.table, 0, 1)
                part = self._part(item, header, 0, 1)
                yield (part[0] or "") + ("\n" if part[0] and item.form == "S" else "") if part is not None else ""
            else:
                yield from self._records(item)
            yield self._header_extra(header, item.name)
        yield f"</{root}>\n"

    def _header_extra(self, header: tuple[str, ...], after: str) -> str:
        parts: list[pl.Series] = []
        self._add_extra(parts, "", after, header, 0, 1)
        return "".join(str(part[0]) for part in parts)

    def _records(self, item: Field) -> Iterator[str]:
        """The records (or any other repeated children of the root), one a line."""
        height = self.rows[item.table].frame.height
        weight = sum(rows.frame.height for rows in self.rows.values()) // max(height, 1)
        step = max(self.slice_rows // max(weight, 1), 1)
        for start in range(0, height, step):
            end = min(start + step, height)
            texts = self._elements(item, start, end)
            yield str(memoryview(_arrow(_lines(texts)).buffers()[2]), "utf-8")

    def _fill(self, table: str, start: int, end: int) -> None:
        """The texts of the columns of a table for some of its rows."""
        rows = self.rows[table]
        self.slice[table] = rows.frame.slice(start, end - start).select(rows.texts)

    def _elements(self, item: Field, start: int, end: int) -> pl.Series:
        """The elements of some rows of an own table."""
        tables = _tables_of(item)
        for table in tables:
            self._fill(table, start, end)
        if item.form == "S":
            inner = self._inner(item.path, tables, start, end)
            if inner is None:
                return pl.Series([f"<{item.name}></{item.name}>"] * (end - start), dtype=pl.String)
            return inner.to_frame().select(_element(item.name, pl.first())).to_series()
        leaf = self._leaf(item, start, end)
        return pl.Series([""] * (end - start), dtype=pl.String) if leaf is None else leaf.fill_null("")

    def _inner(self, path: str, tables: tuple[str, ...], start: int, end: int) -> pl.Series | None:
        """What stands inside the structures at `path`, one text per row of its tables; None where there is nothing at all."""
        parts: list[pl.Series] = []
        self._add_extra(parts, path, "", tables, start, end)
        for item in self.edition.children.get(path, ()):
            part = self._part(item, tables, start, end)
            if part is not None:
                parts.append(part.alias(f"p{len(parts)}"))
            self._add_extra(parts, path, item.name, tables, start, end)
        if not parts:
            return None
        return pl.DataFrame(parts).select(pl.concat_str(pl.all(), ignore_nulls=True)).to_series()

    def _part(self, item: Field, tables: tuple[str, ...], start: int, end: int) -> pl.Series | None:
        """All elements of one field, one text (or null) per row; None where there is none at all."""
        if item.own:
            starts = self.rows[item.table].starts
            first, last = int(starts[start]), int(starts[end])
            if first == last:
                return None
            return _gathered(self._elements(item, first, last), starts[start : end + 1] - first)
        if item.form != "S":
            return self._leaf(item, start, end)
        inner = self._inner(item.path, tables, start, end)
        if inner is None:
            return None
        whole = pl.when(pl.first() != "").then(_element(item.name, pl.first()))
        return inner.to_frame().select(whole).to_series()

    def _leaf(self, item: Field, start: int, end: int) -> pl.Series | None:
        """The elements of one leaf; texts that a column could not hold as they were found."""
        filled = self.slice[item.table]
        texts = filled[item.path] if item.path in filled.columns else None
        kept = self.kept.get((item.table, item.column))
        if kept is None:
            return texts
        first, last = np.searchsorted(kept.at, [start, end])
        if first == last:
            return texts
        whole = pl.Series([None] * (end - start), dtype=pl.String) if texts is None else texts.clone()
        found = kept.texts.slice(first, last - first).alias("raw")
        elements = found.to_frame().select(_element(item.name, _escaped(pl.col("raw"), found))).to_series()
        at = pl.Series(kept.at[first:last] - start)
        free = whole.gather(at).is_null()
        return whole.scatter(at.filter(free), elements.filter(free))

    def _add_extra(
        self, parts: list[pl.Series], path: str, after: str, tables: tuple[str, ...], start: int, end: int
    ) -> None:  # fmt: skip
        """Elements without a column, behind the sibling they followed."""
        for table in tables:
            found = self.extra.get((table, path, after))
            if found is None:
                continue
            first, last = int(found.starts[start]), int(found.starts[end])
            if first != last:
                texts = _gathered(found.frame["text"].slice(first, last - first), found.starts[start : end + 1] - first)
                parts.append(texts.alias(f"p{len(parts)}"))


def _tables_of(item: Field) -> tuple[str, ...]:
    """The tables that take the leaves of a structure: its own and, where one element is two rows, its twin."""
    return (item.table, item.twin) if item.twin else (item.table,)


def _in_order(frame: pl.DataFrame) -> pl.DataFrame:
    return frame if frame["_row"].is_sorted() else frame.sort("_row", maintain_order=True)


def _by_owner(frame: pl.DataFrame, owners: pl.Series) -> tuple[pl.DataFrame, _Positions]:
    """Rows in the order of their owners, and for each the place of its owner; rows of other owners are left out."""
    parents = frame["_parent"].cast(pl.Int64)
    count = owners.len()
    if count and owners.null_count() == 0 and bool((owners.diff().drop_nulls() == 1).all()):
        at = parents - owners[0]
        known = at.is_between(0, count - 1).fill_null(value=False)
        at = at.set(~known, None)
    else:
        places = pl.DataFrame({"_parent": owners, "_at": pl.int_range(count, eager=True)})
        at = pl.DataFrame({"_parent": parents}).join(places, on="_parent", how="left", maintain_order="left")["_at"]
    if at.null_count():
        frame, at = frame.filter(at.is_not_null()), at.drop_nulls()
    if not at.is_sorted():
        order = pl.DataFrame({"at": at}).with_row_index("n").sort("at", maintain_order=True)["n"]
        frame, at = frame[order], at.gather(order)
    return frame, at.to_numpy().astype(np.int64)


def _by_column(frame: pl.DataFrame | None) -> dict[tuple[str, str], pl.DataFrame]:
    """Exceptions by table and column: `_row`, `raw`."""
    if frame is None or frame.height == 0:
        return {}
    groups = frame.with_columns(pl.col("raw").fill_null("")).partition_by("table", "column", as_dict=True)
    return {
        (str(table), str(column)): part.select("_row", "raw").unique("_row", keep="first", maintain_order=True)
        for (table, column), part in groups.items()
    }


def _by_place(frame: pl.DataFrame | None) -> dict[tuple[str, str, str], pl.DataFrame]:
    """Extras by table, path of the structure they stand in, and the tag they follow; strays (`#`) are not written."""
    if frame is None or frame.height == 0:
        return {}
    placed = frame.filter(pl.col("after") != "#").with_columns(
        pl.col("path").str.extract("^(.*)/[^/]*$").fill_null("").alias("inside")
    )
    groups = placed.partition_by("table", "inside", "after", as_dict=True, maintain_order=True)
    return {(str(table), str(inside), str(after)): part for (table, inside, after), part in groups.items()}


def _escaped(texts: pl.Expr, given: pl.Series) -> pl.Expr:
    """Texts as XML character data; `given` tells whether any of them needs it."""
    if not _has_markup(given):
        return texts
    return texts.str.replace_many(list(_ENTITIES), list(_ENTITIES.values())).str.replace_all(_FORBIDDEN, " ")


def _has_markup(texts: pl.Series) -> bool:
    """Whether any text holds a character that XML cannot hold as it is (or one that is rare enough to look twice)."""
    data = _arrow(texts.cast(pl.String)).buffers()[2]
    if data is None or data.size == 0:
        return False
    raw = np.frombuffer(data, dtype=np.uint8)
    return bool(raw.min() < 0x20 or any((raw == letter).any() for letter in _MARKUP) or (raw == 0xEF).any())


def _element(tag: str, texts: pl.Expr) -> pl.Expr:
    """`<TAG>text</TAG>`, null where there is no text."""
    return pl.concat_str(pl.lit(f"<{tag}>"), texts, pl.lit(f"</{tag}>"))


def _lines(texts: pl.Series) -> pl.Series:
    return texts.to_frame().select(pl.concat_str(pl.first(), pl.lit("\n"))).to_series()


def _arrow(texts: pl.Series) -> pa.LargeStringArray:
    """Texts with offsets and one buffer of bytes."""
    import pyarrow as pa  # not above: a check of one file writes nothing and need not wait for it

    made = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    assert isinstance(made, pa.LargeStringArray) and made.offset == 0
    return made


def _gathered(texts: pl.Series, starts: _Positions) -> pl.Series:
    """Texts of child rows joined per parent: the children of parent i are `starts[i]` to `starts[i + 1]`.

    Texts lie one behind the other already: joining them is naming the bytes where each parent begins.
    """
    if starts.size == texts.len() + 1 and bool((np.diff(starts) == 1).all()):
        return texts
    import pyarrow as pa

    children = _arrow(texts)
    _, offsets, data = children.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[starts]
    joined = pa.LargeStringArray.from_buffers(len(starts) - 1, pa.py_buffer(ends), data)
    made = pl.from_arrow(joined)
    assert isinstance(made, pl.Series)
    return made


# --- packages ----------------------------------------------------------------------------------------------------------


def write_package(
    target: Path | IO[bytes], tables: Tables, edition: Format, person_tables: Tables | None = None,
    person_edition: Format | None = None, level: int = 6, name: str | None = None,
) -> None:  # fmt: skip
    """A package: ZIP with the main XML (named as the ZIP) and, for H T C X, the file of persons.

    target  a path, where the file appears whole or not at all, or a stream, which wants the `name` of the main file
    R, D and A packages (.oms) have no file of persons. Equal tables give equal bytes.
    """
    if isinstance(target, Path):
        stem = name or target.stem
        part = target.with_name(target.name + ".part")
        try:
            with part.open("wb") as stream:
                _write_members(stream, stem, tables, edition, person_tables, person_edition, level)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    elif name is None:
        raise ValueError("a package in a stream wants a name")
    else:
        _write_members(target, name, tables, edition, person_tables, person_edition, level)


def _write_members(
    stream: IO[bytes], stem: str, tables: Tables, edition: Format, person_tables: Tables | None,
    person_edition: Format | None, level: int,
) -> None:  # fmt: skip
    members = [(stem, tables, edition)]
    if person_tables is not None and person_edition is not None:
        members.append((_person_stem(stem, person_tables), person_tables, person_edition))
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as opened:
        for name, content, shape in members:
            entry = zipfile.ZipInfo(f"{name}.xml", _FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry._compresslevel = level  # type: ignore[attr-defined]  # the only way to give an entry of fixed date its level
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            large = sum(frame.estimated_size() for frame in content.values()) > _ZIP64_FROM
            with opened.open(entry, "w", force_zip64=large) as member:
                write_xml_to(member, content, shape)


def _person_stem(main: str, person_tables: Tables) -> str:
    """Name of the file of persons: as its header says where that is a lawful name, else as the main name wants."""
    header = person_tables.get("person_file")
    stated = header["filename"][0] if header is not None and header.height and "filename" in header.columns else None
    lawful = stated is not None and names.is_person_name(str(stated))
    return str(stated) if lawful else names.person_name(main) or f"L{main}"
