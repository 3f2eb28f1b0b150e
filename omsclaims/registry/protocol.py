"""What is sent back to the author of a package? The protocol of format-logic control FLK_P (formats.md 9.1) and JSON lines.

Personal values are masked in findings already and stay so here. A protocol without PR means no errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import polars as pl

from omsclaims import findings
from omsclaims.registry.formats import empty_table, get
from omsclaims.registry.writer import write_xml

_COMMENT: Final = 250
_CODE: Final = 12
_VALUE: Final = 100
_NAME: Final = 20

#: Rules of structure -> code of the federal book of FLK errors F012; other rules write their own id.
F012: Final[dict[str, str]] = {
    "S.801": "801", "S.804": "801", "S.805": "801", "S.806": "801", "S.807": "801", "S.808": "801", "S.802": "802",
    "S.803": "803", "S.810": "804", "S.811": "804", "S.812": "804", "S.813": "804", "S.814": "804", "S.809": "804",
    "S.915": "804", "S.916": "804", "S.901": "901", "S.905": "901", "S.906": "901", "S.902": "902", "S.907": "902",
    "S.917": "902", "S.912": "902", "S.903": "903", "S.904": "904", "S.908": "905", "S.909": "905", "S.910": "905",
    "S.911": "905", "S.914": "905",
}  # fmt: skip


def flk_protocol(found: pl.DataFrame, package: str, protocol_name: str, lang: str = "ru") -> bytes:
    """The FLK_P file of `found` (findings.SCHEMA): one PR per finding, in the order of findings.ORDER.

    `package` is the checked file, `protocol_name` the protocol's own name, both without extension.
    """
    rows = findings.with_text(findings.concat([found]), lang)
    path = pl.col("element").fill_null("").str.split("/")
    errors = rows.select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("_row"), pl.lit(0, dtype=pl.Int64).alias("_parent"),
        pl.col("rule").replace(F012).str.head(_CODE).alias("oshib"),
        path.list.last().str.head(_NAME).replace("", None).alias("im_pol"),
        pl.col("value").str.head(_VALUE).replace("", None).alias("zn_pol"),
        pl.when(path.list.len() > 1).then(path.list.get(-2, null_on_oob=True)).str.head(_NAME).alias("bas_el"),
        pl.col("n_zap").cast(pl.String), "id_pac", "idcase", "sl_id", "idserv",
        pl.col("text").str.head(_COMMENT).alias("comment"),
    )  # fmt: skip
    header = (
        empty_table("file", "protocol")
        .clear(n=1)
        .with_columns(pl.lit(0, dtype=pl.Int64).alias("_row"), fname=pl.lit(protocol_name), fname_i=pl.lit(package))
    )
    return write_xml({"file": header, "pr": errors}, get("FLK_P"))


def findings_json_lines(found: pl.DataFrame, lang: str = "ru") -> Iterator[str]:
    """One JSON object per finding, in the order of findings.ORDER: filled fields, `params` as an object, `text` in `lang`."""
    for row in findings.with_text(findings.concat([found]), lang).iter_rows(named=True):
        filled = {name: value for name, value in row.items() if value is not None}
        filled["params"] = json.loads(row["params"] or "{}")
        yield json.dumps(filled, ensure_ascii=False)
