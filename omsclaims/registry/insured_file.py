"""How does the register of insured come in as XML? A file of the shape of L (order 79, table of persons) with policies in it.

    PERS_LIST / ZGLV ...
              / PERS / ENP FAM IM OT W DR VPOLIS SPOLIS NPOLIS SMO DBEG DEND PLACE DDEATH
                     / PRIK / MO DBEG DEND          attachments, any number

PERS is a period of one policy of one person; names, sex and birth date are the elements of L. What else L has (documents, SNILS,
addresses) is passed over: the register does not keep it. A file replaces the whole register, so it is taken whole or not at all:
every row that cannot be taken is a finding with its line, and then nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
from lxml import etree

from omsclaims import contract, findings
from omsclaims.findings import Finding

#: Element of PERS -> column of reg_insured and whether it must be there.
ELEMENTS: Final[dict[str, tuple[str, bool]]] = {
    "ENP": ("enp", False), "FAM": ("fam", False), "IM": ("im", False), "OT": ("ot", False), "W": ("w", True),
    "DR": ("dr", True), "VPOLIS": ("vpolis", True), "SPOLIS": ("spolis", False), "NPOLIS": ("npolis", False),
    "SMO": ("smo", True), "DBEG": ("policy_from", True), "DEND": ("policy_to", False), "PLACE": ("place", True),
    "DDEATH": ("died_on", False),
}  # fmt: skip
ATTACHMENT: Final[dict[str, tuple[str, bool]]] = {
    "MO": ("mo", True), "DBEG": ("attached_from", True), "DEND": ("attached_to", False)
}  # fmt: skip
#: So many rows that cannot be taken are named one by one; the file is refused all the same.
NAMED: Final = 1_000
_DIGITS: Final = re.compile(r"[0-9]{1,9}")


def read(path: Path) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """The tables reg_insured and reg_attachment of a file, and findings; with a finding the tables are not to be used.

    Findings: IN.1 the file is no readable XML of this shape, IN.2 an element that must be there is not, IN.3 a value that is none
    of its element, IN.4 an attachment of a person without ЕНП, IN.5 a row that says the same twice. Values are masked. No entity
    or document type is ever resolved; a file with one is refused.
    """
    insured: list[dict[str, Any]] = []
    attached: list[dict[str, Any]] = []
    problems: list[Finding] = []
    try:
        for person in _persons(path):
            _take(person, insured, attached, problems, path.stem)
    except (etree.XMLSyntaxError, _StrangeFileError) as error:
        line = getattr(error, "lineno", None)
        problems.append(Finding("IN.1", file=path.stem, line=line, params={"reason": str(error).split("\n")[0][:200]}))
    tables = {
        "reg_insured": pl.DataFrame(insured, schema=contract.TABLES["reg_insured"].schema()),
        "reg_attachment": pl.DataFrame(attached, schema=contract.TABLES["reg_attachment"].schema()),
    }
    for name, table in tables.items():
        for row, column, kind in contract.register_problems(name, table):
            rule = "IN.5" if kind == "twice" else "IN.3"
            problems.append(Finding(rule, file=path.stem, element=column.upper() or name, params={"row": row}))
    return tables, findings.frame(problems[:NAMED])


class _StrangeFileError(ValueError):
    """The file is XML, but not of this shape."""


def _persons(path: Path) -> Iterator[Any]:
    """The elements PERS one by one; what was read is let go."""
    context = etree.iterparse(str(path), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False)
    root = None
    for event, element in context:
        if root is None:
            root = element
            if element.tag != "PERS_LIST":
                raise _StrangeFileError(f"the root is {element.tag}, not PERS_LIST")
            if element.getroottree().docinfo.doctype:
                raise _StrangeFileError("a document type is not allowed")
        if event == "end" and element.tag == "PERS" and element.getparent() is root:
            yield element
            element.clear()
            while element.getprevious() is not None:
                del root[0]
    if root is None:
        raise _StrangeFileError("the file is empty")


def _take(person: Any, insured: list[dict[str, Any]], attached: list[dict[str, Any]], problems: list[Finding], file: str) -> None:
    """Adds the policy and the attachments of one PERS, or what is wrong with them."""
    before = len(problems)
    row = _values(person, ELEMENTS, "PERS", problems, file)
    periods = [_values(one, ATTACHMENT, "PERS/PRIK", problems, file) for one in person.iterfind("PRIK")]
    if periods and not row.get("enp"):
        problems.append(Finding("IN.4", file=file, line=person.sourceline, element="PERS/ENP"))
    if len(problems) > before:
        return
    insured.append(row)
    attached.extend({"enp": row["enp"], **period} for period in periods)


def _values(block: Any, elements: dict[str, tuple[str, bool]], path: str, problems: list[Finding], file: str) -> dict[str, Any]:
    """Columns of a block; IN.2 and IN.3 for what cannot be taken."""
    found: dict[str, Any] = {}
    for tag, (column, needed) in elements.items():
        text = (block.findtext(tag) or "").strip()
        place = {"file": file, "line": block.sourceline, "element": f"{path}/{tag}"}
        if not text:
            found[column] = None
            if needed:
                problems.append(Finding("IN.2", **place))
            continue
        try:
            found[column] = _typed(column, text)
        except ValueError:
            problems.append(Finding("IN.3", value=findings.mask(text), params={"row": "-"}, **place))
    return found


def _typed(column: str, text: str) -> object:
    """A text as the type of its column. Raises ValueError."""
    if column in ("dr", "policy_from", "policy_to", "died_on", "attached_from", "attached_to"):
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is None:
            raise ValueError(text)
        return date.fromisoformat(text)
    if column in ("w", "vpolis"):
        if _DIGITS.fullmatch(text) is None:
            raise ValueError(text)
        return int(text)
    return text
