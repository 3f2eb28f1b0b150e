"""What does one registry file say? XML bytes -> canonical tables and findings in one streaming pass (formats.md 1-12).

Bad bytes never stop the run: what cannot be read at all is refused with a finding (S.805-S.808), a value that does not fit
is null in its column, kept as it was in `exceptions`, and reported with its case. DOCTYPE and entities are refused before any
parser sees them.
"""

from __future__ import annotations

import gc
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
from lxml import etree

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.registry import columns, names, plan, positions, source
from omsclaims.registry.columns import Collected
from omsclaims.registry.formats import (
    EXTRA,
    PLACED,
    Family,
    Format,
    canonical_columns,
    canonical_tables,
    empty_table,
    find_format,
)
from omsclaims.registry.plan import Block, Leaf

#: Records between two conversions to columns: bounds the memory that texts take.
BATCH: Final = 5_000
_RECORD_TAGS: Final = {"main": "ZAP", "person": "PERS", "protocol": "PR"}

#: Rules after which the whole package goes back to its sender; all others concern cases or only warn.
REFUSES_PACKAGE: Final = frozenset(
    f"S.{number}" for number in (801, 802, 803, 804, 805, 806, 807, 808, 810, 811, 812, 814, 915, 916, 917)
)


@dataclass(frozen=True)
class XmlRead:
    """One file read. `tables`: all canonical tables of its family, `exceptions` and `extra`."""

    format: Format | None  # None: the file was not readable as any
    tables: dict[str, pl.DataFrame]
    findings: pl.DataFrame
    exact: bool

    @property
    def refused(self) -> bool:
        """Whether a finding refuses the whole package."""
        return self.findings.filter(pl.col("rule").is_in(sorted(REFUSES_PACKAGE))).height > 0


def read_xml(data: bytes | Path, file_stem: str, package: str, period: str | None = None, kind: str | None = None) -> XmlRead:
    """Read one XML file: main file of kind H T C X (also as answer), R, D, A, file of persons L, protocol FLK_P.

    `file_stem` is the file's name without extension, `package` the main file's; `kind` and `period` (YYYY-MM) override what the
    name and the header say. Findings: S.805-S.809, S.901-S.911, S.914, S.915-S.917 with positions; level person for L.
    """
    content = data if isinstance(data, bytes) else data.read_bytes()
    refusal, head = source.inspect(content)
    if refusal is None:
        real_kind = kind or source.kind_of(file_stem, head)
        choice = find_format(real_kind, head.version, period or head.period or source.period_of(file_stem))
        if head.root != choice.format.root:
            refusal = ("S.808", {"root": head.root, "expected": choice.format.root}, 1)
        else:
            return _Reading(choice.format, choice.exact, content, file_stem, package, head).run()
    rule, params, line = refusal
    wrong = Finding(rule, code="1.4.1", package=package, file=file_stem, line=line, params=params)
    family: Family = "person" if names.parse_name(file_stem) is None and file_stem[:1] == "L" else "main"
    return XmlRead(None, positions.empty_tables(family), findings.frame([wrong]), exact=False)


@contextmanager
def _without_gc() -> Iterator[None]:
    """Millions of short-lived strings and no cycles: the collector would only look at them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Reading:
    """The state of reading one file: its plan, what was collected, the typed parts of the tables."""

    def __init__(self, edition: Format, exact: bool, content: bytes, file: str, package: str, head: source.Head) -> None:
        self.edition, self.exact, self.content = edition, exact, content
        self.file, self.package, self.head = file, package, head
        self.root = plan.build(edition)
        self.found = Collected()
        self.parts: dict[str, list[pl.DataFrame]] = {table: [] for table in edition.tables}
        self.extras: list[tuple[str, int, str, str, str]] = []
        self.structure: list[tuple[str, str | None, str, int, str, str | None, str]] = []
        self.lines: list[int] = []
        self.careful = source.needs_care(content)
        self.visited = 0

    def run(self) -> XmlRead:
        """Parse, convert, check; a file that breaks off in the middle is refused with its place."""
        try:
            with _without_gc():
                self._parse()
                if not self.careful and self.visited + 1 != source.count_elements(self.content):
                    # Somewhere a leaf has children: read again, looking at every leaf.
                    again = _Reading(self.edition, self.exact, self.content, self.file, self.package, self.head)
                    again.careful = True
                    return again.run()
                self._flush()
        except etree.XMLSyntaxError as error:
            line, column = max(error.position[0], 1), max(error.position[1], 1)
            return self._refused("S.807", {"line": line, "column": column, "message": error.msg or ""}, line)
        tables = self._tables()
        return XmlRead(self.edition, tables, self._findings(tables), self.exact)

    def _refused(self, rule: str, params: dict[str, object], line: int) -> XmlRead:
        wrong = Finding(rule, code="1.4.1", package=self.package, file=self.file, line=line, params=params)
        return XmlRead(self.edition, positions.empty_tables(self.edition.family), findings.frame([wrong]), self.exact)

    # --- the pass -----------------------------------------------------------------------------------------------------

    def _parse(self) -> None:
        """Records one by one; what stands between them belongs to the header."""
        record = _RECORD_TAGS[self.edition.family]
        block = self.root.blocks[record]
        events = etree.iterparse(
            io.BytesIO(self.content), events=("end",), tag=record, resolve_entities=False, no_network=True, load_dtd=False,
            remove_comments=True, remove_pis=True, huge_tree=False, collect_ids=False,
        )  # fmt: skip
        header: list[etree._Element] = []
        tags: list[str] = []
        collected = 0
        for _, element in events:
            top = element.getparent()
            if top is None or top.getparent() is not None:
                continue  # a record inside something else is an unknown element of that
            # The parser may be ahead of us: only what stands before this record is taken, and the record itself when done.
            for before in reversed(list(element.itersiblings(preceding=True))):
                header.append(before)
                tags.append(before.tag)
                top.remove(before)
            self.lines.append(element.sourceline or 0)
            self._walk(element, block, 0)
            if not tags or tags[-1] != record:
                tags.append(record)
            self.visited += 1
            element.clear()
            top.remove(element)
            collected += 1
            if collected == BATCH:
                self._flush()
                collected = 0
        rest = list(events.root) if events.root is not None else []
        self._header(header + rest, tuple(tags) + tuple(item.tag for item in rest), events.root)

    def _header(self, elements: list[etree._Element], tags: tuple[str, ...], root: etree._Element | None) -> None:
        """The children of the root that are not records, and the order of all of them."""
        record = _RECORD_TAGS[self.edition.family]
        shape = tuple(tag for number, tag in enumerate(tags) if tag != record or tag not in tags[:number])
        signature = self.root.signature(shape)
        others = [tag for tag in shape if tag != record]
        element_of = dict(zip([n for n, tag in enumerate(shape) if tag != record], elements, strict=True))
        assert len(others) == len(elements)
        texts: plan.Texts = [element_of[n].text if n in element_of else "" for n in range(len(shape))]
        self.visited += len(elements)
        self._take(self.root, 0, 0, signature, texts, element_of)
        misplaced = [number for number, tag in enumerate(tags) if tag == record]
        if (
            misplaced
            and misplaced[-1] - misplaced[0] != len(misplaced) - 1
            and not any(problem.rule == "S.905" for problem in signature.problems)
        ):
            self._problem("S.905", self.root.table, 0, record, None)

    def _walk(self, element: etree._Element, block: Block, parent: int) -> None:
        """One structure: its leaves become a row, its structures are walked in turn. The hot loop of reading."""
        children: list[etree._Element] = element[:]  # type: ignore[index, assignment]  # faster than list()
        tags = tuple([child.tag for child in children])
        signature = block.signatures.get(tags)
        if signature is None:
            signature = block.signature(tags)
        texts: plan.Texts = [child.text for child in children]
        self.visited += len(tags)
        stray = element.text
        row = block.done + len(block.rows) if block.own else parent
        if self.careful or signature.problems or not (stray is None or stray.isspace()):
            self._look(element, block, row, signature, children)
        texts.append(None)
        values = signature.values(texts)
        if signature.leaves and values.count(None) != signature.absent:
            values = self._empties(values, signature)
        block.rows.append(values)
        block.parents.append(parent)
        for child, leaf in signature.lists:
            text = texts[child]
            leaf.rows.append("" if text is None else text)
            leaf.parents.append(row)
        for child, below in signature.blocks:
            self._walk(children[child], below, row)

    def _take(
        self, block: Block, row: int, parent: int, signature: plan.Signature, texts: plan.Texts,
        children: dict[int, etree._Element],
    ) -> None:  # fmt: skip
        """The root's own row; as _walk, but its records have gone before."""
        for problem in signature.problems:
            if problem.child is None or problem.child in children or problem.rule == "S.905":
                missing_record = problem.rule == "S.902" and problem.path == _RECORD_TAGS[self.edition.family]
                if not missing_record:
                    element = children.get(problem.child) if problem.child is not None else None
                    self._problem(problem.rule, block.table, row, problem.path, element)
        for child, after in signature.extras:
            self._extra(block, row, children[child], after)
        texts.append(None)
        block.rows.append(self._empties(signature.values(texts), signature))
        block.parents.append(parent)
        for child, below in signature.blocks:
            if child in children:
                self._walk(children[child], below, row)

    @staticmethod
    def _empties(values: tuple[str | None, ...], signature: plan.Signature) -> tuple[str | None, ...]:
        """An element without text is an empty text, not an absent one."""
        filled = list(values)
        for _, column in signature.leaves:
            if filled[column] is None:
                filled[column] = ""
        return tuple(filled)

    def _look(
        self, element: etree._Element, block: Block, row: int, signature: plan.Signature, children: list[etree._Element]
    ) -> None:
        """What is wrong with the structure itself: findings, and elements kept as they are."""
        for problem in signature.problems:
            at = None if problem.child is None else children[problem.child]
            self._problem(problem.rule, block.table, row, problem.path, at)
        for child, after in signature.extras:
            extra = children[child]
            self.visited += sum(1 for _ in extra.iter()) - 1
            self._extra(block, row, extra, after)
        if self.careful or (element.text or "").strip():
            self._look_closely(element, block, row, signature, children)

    def _look_closely(
        self, element: etree._Element, block: Block, row: int, signature: plan.Signature, children: list[etree._Element]
    ) -> None:
        """Attributes, text between elements and elements inside leaves: nothing of the exchange has them."""
        leaves = [child for child, _ in signature.leaves] + [child for child, _ in signature.lists]
        strays = [element.text, *(child.tail for child in children)]
        for stray in strays:
            if stray is not None and stray.strip():
                self._stray(block, row, f"{block.path}/#text", stray.strip())
        for name, value in element.attrib.items():
            self._stray(block, row, f"{block.path}/@{name!s}", str(value))
        for child in leaves:
            leaf = children[child]
            path = f"{block.path}/{leaf.tag}"
            for name, value in leaf.attrib.items():
                self._stray(block, row, f"{path}/@{name!s}", str(value))
            for inner in leaf:
                self.visited += sum(1 for _ in inner.iter())
                self._stray(block, row, f"{path}/{inner.tag}", etree.tostring(inner, encoding="unicode"))

    def _stray(self, block: Block, row: int, path: str, text: str) -> None:
        """Content that has no place in any edition: kept in `extra`, never written again."""
        self.structure.append(("S.901", None, block.table, row, path, positions.shown(path, text, known=False), "{}"))
        self.extras.append((block.table, row, path, "#", text))

    def _extra(self, block: Block, row: int, element: etree._Element, after: str) -> None:
        path = f"{block.path}/{element.tag}" if block.path else str(element.tag)
        text = etree.tostring(element, encoding="unicode", with_tail=False)
        self.extras.append((block.table, row, path, after, text))

    def _problem(self, rule: str, table: str, row: int, path: str, element: etree._Element | None) -> None:
        """A finding about a structure; a missing element is ground 1.4.3, a repeated one 1.4.4, others cost nothing."""
        code = {"S.902": "1.4.3", "S.906": "1.4.4"}.get(rule)
        text = None if element is None or len(element) else element.text
        item = self.edition.by_path.get(path)
        params = findings.params_json({"ru": item.meaning_ru, "en": item.meaning_en} if item else {})
        self.structure.append((rule, code, table, row, path, positions.shown(path, text, known=item is not None), params))

    # --- texts to columns ---------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Everything collected since the last time becomes typed columns."""
        self._flush_block(self.root)

    def _flush_block(self, block: Block) -> pl.DataFrame | None:
        """Rows of a block (and of all below) as a frame; own tables are stored, a flattened one is handed to its owner."""
        start = block.done
        frame = self._block_frame(block)
        for below in block.blocks.values():
            flat = self._flush_block(below)
            if flat is not None and flat.height:
                frame = frame.join(flat, on="_row", how="left", maintain_order="left")
        for leaf in block.lists.values():
            self._flush_leaf(leaf)
        if not block.own:
            return frame
        if frame.height:
            self.parts[block.table].append(frame)
        block.done = start + frame.height
        return None

    def _block_frame(self, block: Block) -> pl.DataFrame:
        """The collected rows of one block, typed."""
        parents = pl.Series("_parent", block.parents, dtype=pl.Int64)
        if block.own:
            rows = pl.Series("_row", range(block.done, block.done + len(block.rows)), dtype=pl.Int64)
            keys = [rows, parents]
        else:
            rows = parents.alias("_row")
            keys = [rows]
        if not block.rows:
            return pl.DataFrame(keys)
        texts = list(zip(*block.rows, strict=True))
        block.rows.clear()
        block.parents.clear()
        return pl.DataFrame(keys).hstack(columns.typed_frame(block.parsers, texts, rows, self.found))

    def _flush_leaf(self, leaf: Leaf) -> None:
        if not leaf.rows:
            return
        rows = pl.Series("_row", range(leaf.done, leaf.done + len(leaf.rows)), dtype=pl.Int64)
        parents = pl.Series("_parent", leaf.parents, dtype=pl.Int64)
        column = columns.typed_frame(leaf.parsers, [tuple(leaf.rows)], rows, self.found)
        self.parts[leaf.item.table].append(pl.DataFrame([rows, parents]).hstack(column))
        leaf.done += len(leaf.rows)
        leaf.rows.clear()
        leaf.parents.clear()

    def _tables(self) -> dict[str, pl.DataFrame]:
        """All canonical tables of the family, exceptions and extras."""
        family = self.edition.family
        tables: dict[str, pl.DataFrame] = {}
        for table in canonical_tables(family):
            parts = self.parts.get(table, [])
            if not parts:
                tables[table] = empty_table(table, family)
                continue
            frame = pl.concat(parts, how="diagonal")
            if table in PLACED:
                frame = frame.with_columns(source.places(self.content, _RECORD_TAGS[family], self.lines))
            if table == "patient" and family == "main":
                frame = frame.with_columns(_policy(frame).alias("policy"))
            tables[table] = _shaped(frame, canonical_columns(table, family))
        kept = self.found.exceptions
        exceptions = pl.concat(kept) if kept else columns.no_exceptions()
        tables["exceptions"] = exceptions.sort("table", "_row", "column", maintain_order=True)
        tables["extra"] = pl.DataFrame(self.extras, schema=EXTRA, orient="row")
        return tables

    def _findings(self, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
        """Findings with the place of their case, and the checks of the file as a whole."""
        structure = pl.DataFrame(self.structure, schema=columns.PROBLEM, orient="row")
        placed = positions.placed(
            pl.concat([structure, *self.found.problems]), tables, self.edition, self.package, self.file, self.content
        )
        whole = positions.whole_file(tables, self.edition, self.package, self.file)
        version = [] if self.exact else [self._unknown_version()]
        return findings.concat([placed, whole, findings.frame(version)])

    def _unknown_version(self) -> Finding:
        params = {"version": self.head.version or "", "period": self.head.period or "", "used": self.edition.id}
        return Finding("S.809", package=self.package, file=self.file, value=self.head.version, params=params)


def _policy(frame: pl.DataFrame) -> pl.Expr:
    """The number a person is insured under, wherever the edition puts it (formats.md 14): ENP, else NPOLIS."""
    known = [name for name in ("enp", "npolis") if name in frame.columns]
    return pl.coalesce(*known) if known else pl.lit(None, dtype=pl.String)


def _shaped(frame: pl.DataFrame, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """The frame with exactly the canonical columns; those the edition lacks are null."""
    return frame.select(
        pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in schema.items()
    )
