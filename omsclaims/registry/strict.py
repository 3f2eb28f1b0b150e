"""What does one file say, read slowly and surely? The whole file through libxml2: the measure of the scanner.

Files that the scanner does not accept are read this way, and small ones. Bad bytes never stop the run: what cannot be read at all
is refused with a finding (S.805-S.808, S.815), a value that does not fit is null in its column, kept as it was in `exceptions`,
and reported with its case. DOCTYPE and entities are refused before any parser sees them.
"""

from __future__ import annotations

import gc
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import polars as pl
from lxml import etree

from omsclaims.registry import columns, measure, plan, result, source
from omsclaims.registry.columns import Collected
from omsclaims.registry.formats import PLACED
from omsclaims.registry.limits import Limits
from omsclaims.registry.plan import Block, Leaf
from omsclaims.registry.result import Structure, Target, TooManyProblemsError, XmlRead

#: Records between two conversions to columns: bounds the memory that texts take.
BATCH: Final = 5_000


def read(content: bytes, target: Target, limits: Limits | None = None) -> XmlRead:
    """The file as canonical tables and findings; a file that is not well formed is refused with its place (S.807).

    `content` has passed source.inspect and measure.refusal. More problems than `limits` let it have refuse it, too (S.815).
    """
    most = (limits or Limits()).most_findings(len(content))
    try:
        with without_gc():
            reading = Reading(target, careful=source.needs_care(content), most=most)
            reading.parse(content)
            if not reading.careful and reading.visited + 1 != source.count_elements(content):
                # Somewhere a leaf has children: read again, looking at every leaf.
                reading = Reading(target, careful=True, most=most)
                reading.parse(content)
            reading.flush()
    except TooManyProblemsError:
        return target.refused("S.815", measure.broken("findings", most), 1)
    except etree.XMLSyntaxError as error:
        line, column = max(error.position[0], 1), max(error.position[1], 1)
        return target.refused("S.807", {"line": line, "column": column, "message": error.msg or ""}, line)
    reading.place(content)
    plan.give_back(target.edition, reading.root)
    tables = result.canonical(target.edition, reading.parts, reading.found.all_exceptions(), reading.structure.extras)
    problems = [reading.structure.frame(), *reading.found.all_problems()]
    header = content[: reading.first_record(content)]
    return XmlRead(target.edition, tables, result.all_findings(target, problems, tables, header), target.exact)


@contextmanager
def without_gc() -> Iterator[None]:
    """Millions of short-lived strings and no cycles: the collector would only look at them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Reading:
    """The state of reading one file: its plan, what was collected, the typed parts of the tables."""

    def __init__(self, target: Target, *, careful: bool, most: int = 1 << 62) -> None:
        self.target, self.edition, self.careful = target, target.edition, careful
        self.record = target.record
        self.root = plan.build(self.edition)
        self.found = Collected()
        self.parts: dict[str, list[pl.DataFrame]] = {}
        self.structure = Structure(self.edition, most=most)
        self.lines: list[int] = []
        self.rows_read = 0

    @property
    def visited(self) -> int:
        """Elements seen, the root left out."""
        return self.rows_read + self.structure.visited

    # --- the pass -----------------------------------------------------------------------------------------------------

    def parse(self, content: bytes) -> None:
        """Records one by one; what stands between them belongs to the header."""
        record = self.record
        block = self.root.blocks[record]
        events = etree.iterparse(
            io.BytesIO(content), events=("end",), tag=record, resolve_entities=False, no_network=True, load_dtd=False,
            remove_comments=True, remove_pis=True, huge_tree=False, collect_ids=False,
        )  # fmt: skip
        header: list[etree._Element] = []
        tags: list[str] = []
        collected = 0
        last: etree._Element | None = None
        for _, element in events:
            top = element.getparent()
            if top is None or top.getparent() is not None:
                continue  # a record inside something else is an unknown element of that
            # The parser may be ahead of us: only what stands before this record is taken, and the record itself when done.
            if collected == 0 and not tags:
                self.root_texts([top.text])
            for before in reversed(list(element.itersiblings(preceding=True))):
                self.root_texts([before.tail])
                if before is not last:
                    header.append(before)
                    tags.append(before.tag)
                top.remove(before)
            self.lines.append(element.sourceline or 0)
            self.walk(element, block, 0)
            if not tags or tags[-1] != record:
                tags.append(record)
            self.rows_read += 1
            element.clear()
            last = element
            if not self.careful:
                top.remove(element)  # else its tail is still to come
            collected += 1
            if collected == BATCH:
                self.flush()
                collected = 0
        rest = list(events.root) if events.root is not None else []
        if events.root is not None and not tags:
            self.root_texts([events.root.text])
        self.root_texts(item.tail for item in rest)
        rest = [item for item in rest if item is not last]
        self.header(header + rest, tuple(tags) + tuple(item.tag for item in rest))

    def root_texts(self, texts: Iterable[str | None]) -> None:
        """Text between the records and the parts of the header: kept, like any that has no place."""
        for text in texts:
            if text is not None and text.strip():
                self.structure.stray(self.root, 0, "/#text", text.strip())

    def header(self, elements: list[etree._Element], tags: tuple[str, ...]) -> None:
        """The children of the root that are not records, and the order of all of them (runs of records are one tag)."""
        record = self.record
        of_records, self.structure = self.structure, Structure(self.edition, most=self.structure.most)
        shape = tuple(tag for number, tag in enumerate(tags) if tag != record or tag not in tags[:number])
        signature = self.root.signature(shape)
        element_of = dict(zip([n for n, tag in enumerate(shape) if tag != record], elements, strict=True))
        texts: plan.Texts = [element_of[n].text if n in element_of else "" for n in range(len(shape))]
        self.rows_read += len(elements)
        self._take(self.root, signature, texts, element_of)
        misplaced = [number for number, tag in enumerate(tags) if tag == record]
        if (
            misplaced
            and misplaced[-1] - misplaced[0] != len(misplaced) - 1
            and not any(problem.rule == "S.905" for problem in signature.problems)
        ):
            self.structure.problem("S.905", self.root.table, 0, record, None)
        # The header is looked at last and stands first.
        self.structure.problems += of_records.problems
        self.structure.extras += of_records.extras
        self.structure.visited += of_records.visited

    def walk(self, element: etree._Element, block: Block, parent: int) -> None:
        """One structure: its leaves become a row, its structures are walked in turn. The hot loop of reading."""
        children: list[etree._Element] = element[:]  # type: ignore[index, assignment]  # faster than list()
        tags = tuple([child.tag for child in children])
        signature = block.signatures.get(tags)
        if signature is None:
            signature = block.signature(tags)
        texts: plan.Texts = [child.text for child in children]
        self.rows_read += len(tags)
        stray = element.text
        row = block.done + len(block.rows) if block.own else parent
        strays = not (stray is None or stray.isspace())
        if self.careful or signature.problems or strays:
            self.structure.look(element, block, row, signature, children)
            if self.careful or strays:
                self.structure.look_closely(element, block, row, signature, children)
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
            self.walk(children[child], below, row)

    def _take(
        self, block: Block, signature: plan.Signature, texts: plan.Texts, children: dict[int, etree._Element]
    ) -> None:  # fmt: skip
        """The root's own row; as walk, but its records have gone before."""
        for problem in signature.problems:
            if problem.child is None or problem.child in children or problem.rule == "S.905":
                missing_record = problem.rule == "S.902" and problem.path == self.record
                if not missing_record:
                    element = children.get(problem.child) if problem.child is not None else None
                    self.structure.problem(problem.rule, block.table, 0, problem.path, element)
        for child, after in signature.extras:
            self.structure.keep(block, 0, children[child], after)
        texts.append(None)
        block.rows.append(self._empties(signature.values(texts), signature))
        block.parents.append(0)
        for child, below in signature.blocks:
            if child in children:
                self.walk(children[child], below, 0)

    @staticmethod
    def _empties(values: tuple[str | None, ...], signature: plan.Signature) -> tuple[str | None, ...]:
        """An element without text is an empty text, not an absent one."""
        filled = list(values)
        for _, column in signature.leaves:
            if filled[column] is None:
                filled[column] = ""
        return tuple(filled)

    # --- texts to columns ---------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Everything collected since the last time becomes typed columns."""
        self._flush_block(self.root)
        if len(self.structure.problems) + self.found.count > self.structure.most:
            raise TooManyProblemsError

    def _flush_block(self, block: Block) -> pl.DataFrame | None:
        """Rows of a block (and of all below) as a frame; own tables are stored, a flattened one is handed to its owner."""
        start, count = block.done, len(block.rows)
        if not count:
            return None  # and nothing below it
        frame = self._block_frame(block)
        for below in block.blocks.values():
            flat = self._flush_block(below)
            if flat is not None and flat.height:
                frame = frame.join(flat, on="_row", how="left", maintain_order="left")
        for leaf in block.lists.values():
            self._flush_leaf(leaf)
        if not block.own:
            return frame
        block.done = start + count
        twins = [name for name in frame.columns if name.startswith(f"{block.twin}.")] if block.twin else []
        self._keep(block.table, frame.drop(twins))
        if block.twin:
            rows = frame["_row"]
            columns_of = [frame[name].alias(name.partition(".")[2]) for name in twins]
            self._keep(block.twin, pl.DataFrame([rows, rows.alias("_parent"), *columns_of]))
        return None

    def _keep(self, table: str, frame: pl.DataFrame) -> None:
        own = f"{table}."
        self.parts.setdefault(table, []).append(frame.rename({name: name.removeprefix(own) for name in frame.columns}))

    def _block_frame(self, block: Block) -> pl.DataFrame:
        """The collected rows of one block, typed; columns as `table.column`, because a structure may have two tables."""
        parents = pl.Series("_parent", block.parents, dtype=pl.Int64)
        if block.own:
            rows = pl.Series("_row", range(block.done, block.done + len(block.rows)), dtype=pl.Int64)
            keys = [rows, parents]
        else:
            rows = parents.alias("_row")
            keys = [rows]
        texts = list(zip(*block.rows, strict=True))
        block.rows.clear()
        block.parents.clear()
        typed = columns.typed_frame(block.parsers, texts, rows, self.found)
        return pl.DataFrame(keys).hstack(
            [
                typed[maker.item.column].alias(f"{maker.item.table}.{maker.item.column}")
                for maker in block.parsers
                if maker.item.column in typed.columns
            ]
        )

    def _flush_leaf(self, leaf: Leaf) -> None:
        if not leaf.rows:
            return
        rows = pl.Series("_row", range(leaf.done, leaf.done + len(leaf.rows)), dtype=pl.Int64)
        parents = pl.Series("_parent", leaf.parents, dtype=pl.Int64)
        column = columns.typed_frame(leaf.parsers, [tuple(leaf.rows)], rows, self.found)
        self.parts.setdefault(leaf.item.table, []).append(pl.DataFrame([rows, parents]).hstack(column))
        leaf.done += len(leaf.rows)
        leaf.rows.clear()
        leaf.parents.clear()

    def first_record(self, content: bytes) -> int:
        """Where the first record starts: what stands before it belongs to the header."""
        for part in self.parts.get(self.edition.by_path[self.record].table, ()):
            if "_offset" in part.columns and part.height and part["_offset"][0] is not None:
                return int(part["_offset"][0])
        return source.first_record(content, self.record)

    def place(self, content: bytes) -> None:
        """`_line` and `_offset` of the records."""
        table = self.edition.by_path[self.record].table
        if table in PLACED and table in self.parts:
            together = pl.concat(self.parts[table], how="diagonal")
            self.parts[table] = [together.with_columns(source.places(content, self.record, self.lines))]
