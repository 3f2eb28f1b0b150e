"""What is sent back to the author of a package? The protocol of format-logic control FLK_P, between territories the journal Y,
and JSON lines for programs (formats.md 2.2, 9.1; Q018 of FFOMS).

Personal values are masked in findings already and stay so here. A protocol without PR means no errors. All that was found is in
it, whatever its number: what a person gets to see is shortened elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from omsclaims import findings
from omsclaims.registry import names
from omsclaims.registry.formats import Format, empty_table, get
from omsclaims.registry.writer import write_xml

_COMMENT: Final = 250
_CODE: Final = 12
_NAME: Final = 20
#: Editions of protocols: to the author of a package, and between territories.
FLK: Final = "FLK_P"
JOURNAL: Final = "Y"

#: Rules of structure -> code of the federal book of FLK errors F012; other rules write their own id.
F012: Final[dict[str, str]] = {
    "S.801": "801", "S.804": "801", "S.805": "801", "S.806": "801", "S.807": "801", "S.808": "801", "S.802": "802",
    "S.803": "803", "S.810": "804", "S.811": "804", "S.812": "804", "S.813": "804", "S.814": "804", "S.809": "804",
    "S.915": "804", "S.916": "804", "S.901": "901", "S.905": "901", "S.906": "901", "S.902": "902", "S.907": "902",
    "S.917": "902", "S.912": "902", "S.903": "903", "S.904": "904", "S.908": "905", "S.909": "905", "S.910": "905",
    "S.911": "905", "S.914": "905",
}  # fmt: skip


def flk_protocol(
    found: pl.DataFrame, package: str, protocol_name: str, lang: str = "ru", codes: Mapping[str, str] | None = None
) -> bytes:  # fmt: skip
    """The FLK_P file of `found` (findings.SCHEMA): one PR per finding, in the order of findings.ORDER.

    package   the checked file, `protocol_name` the protocol's own name, both without extension
    codes     rule -> OSHIB, where a region wants other codes than F012 and our rule ids (at most 12 characters)
    """
    edition = get(FLK)
    return write_xml(_tables(found, package, protocol_name, edition, lang, {**F012, **(codes or {})}), edition)


def journal(found: pl.DataFrame, package: str, lang: str = "ru", codes: Mapping[str, str] | None = None) -> tuple[str, bytes]:
    """The journal Y of an R or D file: its name without extension, and the file.

    codes   rule -> OSHIB; the book wants ids of federal checks (Q015), rules without one bear their own id
    Raises ValueError where `package` is not the name of an R or D.
    """
    name = names.parse_interterritorial(package)
    if name is None or name.kind not in "RD":
        raise ValueError(f"a journal Y belongs to an R or D file, not to {package}")
    edition = get(JOURNAL)
    stem = name.journal.stem
    return stem, write_xml(_tables(found, package, stem, edition, lang, dict(codes or {})), edition)


def findings_json_lines(found: pl.DataFrame, lang: str = "ru") -> Iterator[str]:
    """One JSON object per finding, in the order of findings.ORDER: filled fields, `params` as an object, `text` in `lang`."""
    for row in findings.with_text(findings.concat([found]), lang).iter_rows(named=True):
        filled = {name: value for name, value in row.items() if value is not None}
        filled["params"] = json.loads(row["params"] or "{}")
        yield json.dumps(filled, ensure_ascii=False)


def _tables(
    found: pl.DataFrame, package: str, protocol_name: str, edition: Format, lang: str, codes: dict[str, str]
) -> dict[str, pl.DataFrame]:
    """The tables of a protocol in the canonical shape; each edition writes those columns that it has."""
    rows = findings.with_text(findings.concat([found]), lang)
    path = pl.col("element").fill_null("").str.split("/")
    value = pl.col("value").replace("", None)
    errors = rows.select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("_row"), pl.lit(0, dtype=pl.Int64).alias("_parent"),
        pl.col("rule").replace(codes).str.head(_CODE).alias("oshib"),
        path.list.last().str.head(_NAME).replace("", None).alias("im_pol"),
        value.str.head(_length(edition, "PR/ZN_POL")).alias("zn_pol"),
        value.str.head(_length(edition, "PR/CONT_ER")).alias("cont_er"),
        pl.when(path.list.len() > 1).then(path.list.get(-2, null_on_oob=True)).str.head(_NAME).alias("bas_el"),
        pl.col("n_zap").cast(pl.String), pl.col("n_zap").alias("n_zap_number"), "id_pac", "idcase", "sl_id", "idserv",
        pl.col("text").str.head(_COMMENT).alias("comment"),
    )  # fmt: skip
    header = (
        empty_table("file", "protocol")
        .clear(n=1)
        .with_columns(pl.lit(0, dtype=pl.Int64).alias("_row"), fname=pl.lit(protocol_name), fname_i=pl.lit(package))
    )
    return {"file": header, "pr": errors}


def _length(edition: Format, path: str) -> int:
    """Characters of a text of the edition; none where it lacks the element."""
    return edition.by_path[path].length if path in edition.by_path else 0
