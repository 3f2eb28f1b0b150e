"""What comes out of one file, whichever way it was read? Collected parts become the tables and findings (formats.md 1-12)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl
from lxml import etree

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.registry import columns, positions, source
from omsclaims.registry.formats import EXTRA, PLACE, PLACED, Format
from omsclaims.registry.plan import Block, Signature

#: The element that is a record, by family.
RECORD_TAGS: Final = {"main": "ZAP", "person": "PERS", "protocol": "PR"}

#: Rules after which the whole package goes back to its sender; all others concern cases or only warn.
REFUSES_PACKAGE: Final = frozenset(
    f"S.{number}" for number in (801, 802, 803, 804, 805, 806, 807, 808, 810, 811, 812, 814, 815, 915, 916, 917)
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


@dataclass(frozen=True, slots=True)
class Target:
    """What is read, and as what: known before the first record is looked at."""

    edition: Format
    exact: bool
    file: str
    package: str
    head: source.Head

    @property
    def record(self) -> str:
        """The tag of its records."""
        return RECORD_TAGS[self.edition.family]

    def refused(self, rule: str, params: dict[str, object], line: int) -> XmlRead:
        """Nothing of the file could be used."""
        wrong = Finding(rule, code="1.4.1", package=self.package, file=self.file, line=line, params=params)
        return XmlRead(self.edition, positions.empty_tables(self.edition), findings.frame([wrong]), self.exact)

    def unknown_version(self) -> pl.DataFrame:
        """S.809 where the edition is only the nearest one."""
        if self.exact:
            return findings.empty()
        params = {"version": self.head.version or "", "period": self.head.period or "", "used": self.edition.id}
        wrong = Finding("S.809", package=self.package, file=self.file, value=self.head.version, params=params)
        return findings.frame([wrong])


class TooManyProblemsError(Exception):
    """A file has more problems than `Limits.most_findings` lets it have."""


@dataclass(slots=True)
class Structure:
    """What is wrong with the structure of elements, and what has no place in any table."""

    edition: Format
    problems: list[tuple[str, str | None, str, int, str, str | None, str]] = field(default_factory=list)  # columns.PROBLEM
    extras: list[tuple[str, int, str, str, str]] = field(default_factory=list)  # formats.EXTRA
    visited: int = 0  # elements looked at that no row was made of
    most: int = 1 << 62  # problems; one more raises TooManyProblemsError

    def look(self, element: etree._Element, block: Block, row: int, signature: Signature, children: list[etree._Element]) -> None:
        """Problems of the list of children, and children to keep as they are."""
        for problem in signature.problems:
            at = None if problem.child is None else children[problem.child]
            self.problem(problem.rule, block.table, row, problem.path, at)
        for child, after in signature.extras:
            extra = children[child]
            self.visited += sum(1 for _ in extra.iter()) - 1
            self.keep(block, row, extra, after)

    def look_closely(
        self, element: etree._Element, block: Block, row: int, signature: Signature, children: list[etree._Element]
    ) -> None:
        """Attributes, text between elements and elements inside leaves: nothing of the exchange has them."""
        for stray in (element.text, *[child.tail for child in children]):
            if stray is not None and not stray.isspace() and stray.strip():
                self.stray(block, row, f"{block.path}/#text", stray.strip())
        for name, value in element.attrib.items():
            self.stray(block, row, f"{block.path}/@{name!s}", str(value))
        for places in (signature.leaves, signature.lists):
            for child, _ in places:
                leaf = children[child]
                if not len(leaf) and not leaf.attrib:
                    continue
                path = f"{block.path}/{leaf.tag}"
                for name, value in leaf.attrib.items():
                    self.stray(block, row, f"{path}/@{name!s}", str(value))
                for inner in leaf:
                    self.visited += sum(1 for _ in inner.iter())
                    self.stray(block, row, f"{path}/{inner.tag}", _xml_of(inner, with_tail=True))

    def stray(self, block: Block, row: int, path: str, text: str) -> None:
        """Content that has no place in any edition: kept in `extra`, never written again."""
        if len(self.problems) >= self.most:
            raise TooManyProblemsError
        self.problems.append(("S.901", None, block.table, row, path, positions.shown(path, text, known=False), "{}"))
        self.extras.append((block.table, row, path, "#", text))

    def keep(self, block: Block, row: int, element: etree._Element, after: str) -> None:
        """An element without a column: kept with the known sibling it follows."""
        path = f"{block.path}/{element.tag}" if block.path else str(element.tag)
        text = _xml_of(element)
        self.extras.append((block.table, row, path, after, text))

    def problem(self, rule: str, table: str, row: int, path: str, element: etree._Element | None) -> None:
        """A finding about a structure, with the text of the element where it is a leaf."""
        text = None if element is None or len(element) else element.text
        self.told(rule, table, row, path, text)

    def told(self, rule: str, table: str, row: int, path: str, text: str | None) -> None:
        """As `problem`; a missing element is ground 1.4.3, a repeated one 1.4.4, others cost nothing."""
        code = {"S.902": "1.4.3", "S.906": "1.4.4"}.get(rule)
        item = self.edition.by_path.get(path)
        params = findings.params_json({"ru": item.meaning_ru, "en": item.meaning_en} if item else {})
        if len(self.problems) >= self.most:
            raise TooManyProblemsError
        self.problems.append((rule, code, table, row, path, positions.shown(path, text, known=item is not None), params))

    def frame(self) -> pl.DataFrame:
        """The problems as a frame of columns.PROBLEM."""
        if not self.problems:
            return positions.no_problems()
        return pl.DataFrame(self.problems, schema=columns.PROBLEM, orient="row")


def _xml_of(element: etree._Element, *, with_tail: bool = False) -> str:
    """The element as XML, with the namespaces that it uses and no others: those of its root say nothing about it."""
    text = etree.tostring(element, encoding="unicode", with_tail=with_tail)
    if "xmlns" not in text:
        return text
    alone = copy.deepcopy(element)
    etree.cleanup_namespaces(alone)
    return etree.tostring(alone, encoding="unicode", with_tail=with_tail)


def canonical(
    edition: Format, parts: Mapping[str, list[pl.DataFrame]], exceptions: list[pl.DataFrame],
    extras: list[tuple[str, int, str, str, str]],
) -> dict[str, pl.DataFrame]:  # fmt: skip
    """All tables of the edition's family out of the typed parts (in file order), `exceptions` and `extra`."""
    tables: dict[str, pl.DataFrame] = {}
    for table in edition.every_table:
        kept = [part for part in parts.get(table, ()) if part.height]
        if not kept:
            tables[table] = empty_of(edition, table)
            continue
        frame = kept[0] if len(kept) == 1 else pl.concat(kept, how="diagonal", rechunk=False)
        tables[table] = with_policy(frame, table, edition).pipe(shaped, empty_of(edition, table))
    if edition.copies:
        tables = edition.copied(tables)
    found = [part for part in exceptions if part.height]
    together = pl.concat(found).sort("table", "_row", "column", maintain_order=True) if found else columns.no_exceptions()
    tables["exceptions"] = together
    tables["extra"] = extra_table(extras, tables, edition)
    return tables


def with_policy(frame: pl.DataFrame, table: str, edition: Format) -> pl.DataFrame:
    """`patient.policy`: the number a person is insured under, wherever the edition puts it (formats.md 14): ENP, else NPOLIS."""
    if table != "patient" or edition.family != "main":
        return frame
    known = [name for name in ("enp", "npolis") if name in frame.columns]
    policy = pl.coalesce(*known) if known else pl.lit(None, dtype=pl.String)
    return frame.with_columns(policy.alias("policy"))


def empty_of(edition: Format, table: str) -> pl.DataFrame:
    """A table of an edition without rows, made once."""
    key = (edition.id, edition.overlay, id(edition) if edition.overlay else 0, table)
    found = _EMPTY.get(key)
    if found is None:
        found = _EMPTY[key] = pl.DataFrame(schema=edition.columns(table))
    return found.clone()


_EMPTY: dict[tuple[str, str | None, int, str], pl.DataFrame] = {}


def shaped(frame: pl.DataFrame, like: pl.DataFrame) -> pl.DataFrame:
    """The frame with exactly the columns of `like`; those the edition lacks, or no row has, are null."""
    made = pl.concat([like, frame], how="diagonal", rechunk=False)
    return made if made.width == like.width else made.select(like.columns)


def extra_table(extras: list[tuple[str, int, str, str, str]], tables: dict[str, pl.DataFrame], edition: Format) -> pl.DataFrame:
    """The table `extra`, each element with the line and offset of its record."""
    if not extras:
        return positions.no_extras()
    without = {name: kind for name, kind in EXTRA.items() if name not in PLACE}
    frame = pl.DataFrame(extras, schema=without, orient="row")
    placed = []
    for (table,), part in frame.with_row_index("@order").partition_by("table", as_dict=True, maintain_order=True).items():
        rows = positions.ancestors(part["_row"], str(table), tables, edition)
        record = next((name for name in PLACED if name in rows), None)
        if record is None:
            placed.append(part.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in PLACE.items()))
        else:
            placed.append(part.with_columns(tables[record][name].gather(rows[record]).alias(name) for name in PLACE))
    return pl.concat(placed).sort("@order").select(list(EXTRA))


def all_findings(
    target: Target, problems: list[pl.DataFrame], tables: dict[str, pl.DataFrame], header: bytes, *, in_cases: bool = True
) -> pl.DataFrame:  # fmt: skip
    """Findings with the place of their case, and the checks of the file as a whole.

    `header`: bytes before the first record; `in_cases` as positions.whole_file
    """
    edition, package, file = target.edition, target.package, target.file
    some = [part for part in problems if part.height]
    placed = positions.placed(pl.concat(some), tables, edition, package, file, header) if some else findings.empty()
    whole = positions.whole_file(tables, edition, package, file, in_cases=in_cases)
    return findings.concat([placed, whole, target.unknown_version()])


__all__ = ["REFUSES_PACKAGE", "Structure", "Target", "XmlRead", "all_findings", "canonical", "extra_table", "shaped"]
