"""Which shape does every problem have? One: the Finding - rule, ground, place, value, text parameters.

Bad data is never an exception. Whoever finds something wrong returns findings: rows of one frame (`SCHEMA`), whose text is
joined from the message catalogue only at output. A finding that bears on money carries the ground of refusal (`code`), the
number of the list of grounds of the control order (F014, for example 1.4.4), in force on the date of care.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

import polars as pl

from omsclaims import messages

Level = Literal["file", "person", "zap", "case", "sl", "usl"]

SCHEMA: Final[dict[str, pl.DataType]] = {
    "rule": pl.String(),  # id of the rule: S.902 structure, C081 control catalogue, N.* books, P.* prices, I.* identification
    "code": pl.String(),  # ground of refusal, F014 "Osn" without the final point (1.4.4); null: nothing is refused for it
    "level": pl.String(),  # file | person | zap | case | sl | usl
    "package": pl.String(),  # main file name without extension
    "file": pl.String(),  # the file of the package that is meant (main or L), without extension
    "n_zap": pl.Int64(),
    "id_pac": pl.String(),
    "idcase": pl.Int64(),
    "sl_id": pl.String(),
    "idserv": pl.String(),
    "element": pl.String(),  # path from the root's child, e.g. ZAP/Z_SL/SL/DS1
    "value": pl.String(),  # as found; masked where the field is personal
    "line": pl.Int64(),  # line of the XML file, where known
    "offset": pl.Int64(),  # byte offset in the XML file, where known
    "z_row": pl.Int64(),  # _row of z_sl in its package; null for findings about a file or a person
    "sl_row": pl.Int64(),  # _row of sl in its package, where the finding is about one
    "params": pl.String(),  # JSON object: the named values that the text of the rule needs
}

#: What a finding is compared and sorted by; everything that says where it is.
ORDER: Final[tuple[str, ...]] = (
    "package", "n_zap", "idcase", "sl_id", "idserv", "rule", "element", "value", "file", "z_row", "sl_row", "line", "offset",
    "id_pac", "code", "level", "params",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem: what rule, where, which value. Field meanings are those of `SCHEMA`."""

    rule: str
    level: Level = "file"
    code: str | None = None
    package: str | None = None
    file: str | None = None
    n_zap: int | None = None
    id_pac: str | None = None
    idcase: int | None = None
    sl_id: str | None = None
    idserv: str | None = None
    element: str | None = None
    value: str | None = None
    line: int | None = None
    offset: int | None = None
    z_row: int | None = None
    sl_row: int | None = None
    params: Mapping[str, object] = field(default_factory=dict)

    def text(self, lang: str) -> str:
        """The sentence for a person: what is wrong and what to do, in `lang` (ru or en)."""
        return rule_text(self.rule, dict(self.params), self.value, self.element, lang)


_EMPTY: Final = pl.DataFrame(schema=SCHEMA)


def empty() -> pl.DataFrame:
    """A findings frame without rows."""
    return _EMPTY.clone()


def frame(findings: Iterable[Finding]) -> pl.DataFrame:
    """Findings as a frame of `SCHEMA`, in the order given."""
    rows = []
    for finding in findings:
        row = asdict(finding)
        row["params"] = params_json(finding.params)
        rows.append(row)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row") if rows else empty()


def conform(rows: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """`rows` with exactly the columns of `SCHEMA`: missing ones become null, others are an error of the caller."""
    table = rows.collect() if isinstance(rows, pl.LazyFrame) else rows
    unknown = set(table.columns) - set(SCHEMA)
    if unknown:
        raise ValueError(f"not columns of a finding: {sorted(unknown)}")
    return table.select(
        pl.col(name).cast(kind) if name in table.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in SCHEMA.items()
    )


def concat(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """All findings of `frames` as one frame, sorted by `ORDER`, so that the order of work never shows."""
    kept = [part for part in frames if part.height]
    return pl.concat(kept).sort(ORDER, nulls_last=False, maintain_order=True) if kept else empty()


def params_json(params: Mapping[str, object]) -> str:
    """Text parameters as canonical JSON (sorted keys, no spaces), so that equal findings are equal as text."""
    return json.dumps(dict(params), ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


#: Rows of the official check books by their id: category, region, number (Q015 1.1). Their texts are made from the row.
OFFICIAL: Final = re.compile(r"(?P<category>[0-9]{3}[FK])\.[0-9]{2}\.[0-9]{4}", re.ASCII)


def rule_key(rule: str, part: str) -> str:
    """Key of the catalogue for a `part` (title, text, todo) of a rule; rows of the check books share those of their category."""
    key = f"rule.{rule}.{part}"
    official = None if messages.has(key) else OFFICIAL.fullmatch(rule)
    return key if official is None else f"rule.official.{official['category']}.{part}"


def rule_text(rule: str, params: dict[str, object], value: str | None, element: str | None, lang: str) -> str:
    """The text of a rule in the catalogue (`rule_key`) filled with the finding's value, element and parameters."""
    spoken = {name.removesuffix(f"_{lang}"): said for name, said in params.items() if name.endswith(f"_{lang}")}
    known: dict[str, object] = {"value": "" if value is None else value, "element": element or "", **params, **spoken}
    return messages.text(rule_key(rule, "text"), lang, **known)


def mask(value: str | None) -> str | None:
    """A personal value made unreadable but comparable by eye: the first and the last character stay (`И***в`)."""
    if value is None:
        return None
    return "***" if len(value) < 3 else f"{value[0]}***{value[-1]}"


def with_text(findings: pl.DataFrame, lang: str) -> pl.DataFrame:
    """`findings` plus the column `text`: the sentence of each in `lang`.

    Texts are made once per distinct (rule, params, value, element), because a list can have millions of rows.
    """
    keys = ["rule", "params", "value", "element"]
    distinct = findings.select(keys).unique(maintain_order=True)
    texts = [
        rule_text(rule, json.loads(params or "{}"), value, element, lang) for rule, params, value, element in distinct.iter_rows()
    ]
    named = distinct.with_columns(pl.Series("text", texts, dtype=pl.String))
    return findings.join(named, on=keys, how="left", nulls_equal=True, maintain_order="left")
