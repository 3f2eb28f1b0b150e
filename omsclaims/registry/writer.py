"""How are tables written back as a registry file? Canonical tables -> XML of an edition, packages (order 79; formats.md 1, 2).

Elements stand in the order of the format table, an absent value is an absent element, no element is empty. Columns become text
column by column; rows are joined from the leaves up. Two kinds of spelling are normalised: numbers get the decimals of the format
(144782 -> 144782.00) and lose leading zeros (04 -> 4). What reading kept in `exceptions` and `extra` is written as it was found.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.registry import names, values
from omsclaims.registry.formats import Field, Format, scale_of

Tables = Mapping[str, pl.DataFrame]

_SPECIAL: Final = r"[&<>\r\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"
_FORBIDDEN: Final = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"
#: Written into every package, so that equal contents are equal archives.
_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)
_ENCODINGS: Final = {"windows-1251": "cp1251", "utf-8": "utf-8"}


def write_xml(tables: Tables, edition: Format) -> bytes:
    """The XML file of `tables` in `edition`: declared encoding, one record a line, element order of the format.

    Tables and columns that are missing count as empty; `patient.policy` and columns that the edition lacks are left
    out. Characters that windows-1251 lacks become numeric references, so nothing is dropped; `unwritable` names them (S.830).
    """
    body = _Writing(tables, edition).document()
    head = f'<?xml version="1.0" encoding="{edition.encoding}"?>\n'
    return (head + body).encode(_ENCODINGS[edition.encoding], "xmlcharrefreplace")


def unwritable(tables: Tables, edition: Format, package: str) -> pl.DataFrame:
    """Findings S.830: texts with characters that the encoding of the edition lacks, or that XML forbids (written as spaces)."""
    found: list[Finding] = []
    codec = _ENCODINGS[edition.encoding]
    for item in edition.fields:
        frame = tables.get(item.table)
        if item.form != "T" or frame is None or item.column not in frame.columns:
            continue
        suspects = frame[item.column].drop_nulls().unique(maintain_order=True)
        for text in suspects.filter(suspects.str.contains(r"[^\x20-\x7EА-яЁё№]")).to_list():
            lacking = sorted({letter for letter in text if not _encodable(letter, codec)})
            if lacking:
                shown = " ".join(f"U+{ord(letter):04X}" for letter in lacking)
                found.append(Finding("S.830", package=package, file=package, element=item.path, params={"characters": shown}))
    return findings.frame(found)


def _encodable(letter: str, codec: str) -> bool:
    if ord(letter) < 0x20 and letter not in "\t\r\n":
        return False
    try:
        letter.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


class _Writing:
    """The state of writing one file: what was kept beside the columns, by table."""

    def __init__(self, tables: Tables, edition: Format) -> None:
        self.tables, self.edition = tables, edition
        self.kept = _by_column(tables.get("exceptions"))
        self.extra = _by_place(tables.get("extra"))

    def document(self) -> str:
        """The root element with all below."""
        inner = self._inner("", self._frame(self.edition.header_table, [0]).head(1))
        text = inner[0] if inner.len() else ""
        return f"<{self.edition.root}>\n{text}</{self.edition.root}>\n"

    def _frame(self, table: str, missing_rows: list[int] | None = None) -> pl.DataFrame:
        """Rows of a table in file order; a header that was left out has one empty row."""
        frame = self.tables.get(table)
        if frame is None or frame.height == 0:
            rows = missing_rows or []
            return pl.DataFrame({"_row": rows, "_parent": rows}, schema={"_row": pl.Int64, "_parent": pl.Int64})
        return frame if frame["_row"].is_sorted() else frame.sort("_row")

    def _inner(self, path: str, owner: pl.DataFrame) -> pl.Series:
        """What stands inside the structure at `path`, one text per row of `owner` (the rows of its table)."""
        parts: list[pl.Series] = []
        self._add_extra(parts, path, "", owner)
        for item in self.edition.children.get(path, ()):
            part = self._part(item, owner)
            if part is not None:
                parts.append(part.alias(f"p{len(parts)}"))
            self._add_extra(parts, path, item.name, owner)
        if not parts:
            return pl.Series([""] * owner.height, dtype=pl.String)
        return pl.DataFrame(parts).select(pl.concat_str(pl.all(), ignore_nulls=True)).to_series()

    def _part(self, item: Field, owner: pl.DataFrame) -> pl.Series | None:
        """All elements of one field, one text (or null) per row of `owner`; None where there is none at all."""
        own = item.table != (self.edition.by_path[item.parent].table if item.parent else self.edition.header_table)
        if item.form == "S" and not own:
            inner = self._inner(item.path, owner)
            wrapped = _wrapped(item.name, inner.set(inner == "", None))
            if item.parent == "":
                wrapped = wrapped + "\n"
            return None if wrapped.null_count() == wrapped.len() else wrapped
        frame = self._frame(item.table) if own else owner
        if frame.height == 0:
            return None
        if item.form == "S":
            texts: pl.Series | None = _wrapped(item.name, self._inner(item.path, frame))
        else:
            texts = self._leaf(item, frame)
        if texts is None or not own:
            return texts
        if item.parent == "":
            # Records belong to the file, whatever number a month gave its header.
            return pl.Series(["".join((texts + "\n").to_list())], dtype=pl.String)
        return _gathered(texts, frame["_parent"], owner["_row"])

    def _leaf(self, item: Field, frame: pl.DataFrame) -> pl.Series | None:
        """The elements of one leaf; texts that a column could not hold as they were found."""
        kept = self.kept.get((item.table, item.column))
        if item.column not in frame.columns:
            text = pl.Series([None] * frame.height, dtype=pl.String)
        else:
            text = _texts(frame[item.column], item, self.edition)
        if kept is not None:
            raw = pl.DataFrame({"_row": frame["_row"]}).join(kept, on="_row", how="left", maintain_order="left")
            text = pl.select(pl.coalesce(text, _escaped(raw["raw"]))).to_series()
        return None if text.null_count() == text.len() else _wrapped(item.name, text)

    def _add_extra(self, parts: list[pl.Series], path: str, after: str, owner: pl.DataFrame) -> None:
        """Elements without a column, behind the sibling they followed."""
        table = self.edition.by_path[path].table if path else self.edition.header_table
        found = self.extra.get((table, path, after))
        if found is None:
            return
        texts = _gathered(found["text"], found["_row"], owner["_row"])
        parts.append(texts.alias(f"p{len(parts)}"))


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


def _texts(column: pl.Series, item: Field, edition: Format) -> pl.Series:
    """A column as the texts of its elements."""
    if item.form == "N":
        scale = scale_of(item.table, item.column, edition.family)
        return values.write_numbers(column.cast(pl.Int64), item.decimals, scale)
    return values.write_dates(column) if item.form == "D" else _escaped(column)


def _escaped(texts: pl.Series) -> pl.Series:
    """Texts as XML character data."""
    if not texts.str.contains(_SPECIAL).any():
        return texts
    escaped = texts.str.replace_all("&", "&amp;", literal=True)
    for letter, entity in (("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
        escaped = escaped.str.replace_all(letter, entity, literal=True)
    return escaped.str.replace_all(_FORBIDDEN, " ")


def _wrapped(tag: str, texts: pl.Series) -> pl.Series:
    """`<TAG>text</TAG>`, null where there is no text."""
    return pl.select(pl.concat_str(pl.lit(f"<{tag}>"), texts, pl.lit(f"</{tag}>"))).to_series()


def _gathered(texts: pl.Series, parents: pl.Series, rows: pl.Series) -> pl.Series:
    """Texts of child rows joined per parent row, in their order; null for a parent without any."""
    children = pl.DataFrame({"_row": parents, "text": texts})
    if parents.n_unique() != parents.len():
        children = children.group_by("_row", maintain_order=True).agg(pl.col("text").str.join(""))
    return pl.DataFrame({"_row": rows}).join(children, on="_row", how="left", maintain_order="left")["text"]


def write_package(
    path: Path, tables: Tables, edition: Format, person_tables: Tables | None = None, person_edition: Format | None = None,
    level: int = 6,
) -> None:  # fmt: skip
    """A package: ZIP at `path` with the main XML (named as the ZIP) and, for H T C X, the file of persons.

    R, D and A packages (.oms) have no file of persons. Equal tables give equal bytes. The file appears whole or not at all.
    """
    members = [(path.stem, write_xml(tables, edition))]
    if person_tables is not None and person_edition is not None:
        members.append((_person_stem(path.stem, person_tables), write_xml(person_tables, person_edition)))
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as opened:
        for stem, content in members:
            entry = zipfile.ZipInfo(f"{stem}.xml", _FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            opened.writestr(entry, content)
    os.replace(part, path)


def _person_stem(main: str, person_tables: Tables) -> str:
    """Name of the file of persons: as its header says, else as the main name wants."""
    header = person_tables.get("person_file")
    stated = header["filename"][0] if header is not None and header.height and "filename" in header.columns else None
    return str(stated or names.person_name(main) or f"L{main}")
