"""Which findings does a person get to see? The first of each rule and package, with the full count (design: Control)."""

from __future__ import annotations

import json

import polars as pl

from omsclaims import findings as findings_room
from omsclaims import messages

#: Findings of one rule in one package that a list shows unless the caller wants more.
FIRST = 200


def title(rule: str | None, lang: str) -> str:
    """The short name of a rule; its id where the catalogue has none."""
    key = f"rule.{rule}.title"
    return messages.text(key, lang) if messages.has(key) else str(rule or "")


def todo(rule: str, lang: str) -> str:
    """What to do about a rule; empty where the catalogue does not say."""
    key = f"rule.{rule}.todo"
    return messages.text(key, lang) if messages.has(key) else ""


def sentence(rule: str, params: str | None, value: str | None, element: str | None, lang: str) -> str:
    """The text of one finding; the title, or the id, of a rule without a text."""
    if messages.has(f"rule.{rule}.text"):
        return findings_room.rule_text(rule, json.loads(params or "{}"), value, element, lang)
    return title(rule, lang)


def counts(findings: pl.DataFrame) -> pl.DataFrame:
    """rule, code, findings (number), cases (number of distinct cases; 0 for findings about files), most frequent first."""
    return (
        findings.group_by("rule", "code")
        .agg(
            pl.len().alias("findings"),
            pl.struct("package", "z_row").filter(pl.col("z_row").is_not_null()).n_unique().alias("cases"),
        )
        .sort(pl.col("findings"), pl.col("rule"), pl.col("code"), descending=[True, False, False], nulls_last=True)
    )


def shown(findings: pl.DataFrame, first: int = FIRST) -> pl.DataFrame:
    """The first `first` findings of each rule and package in canonical order, with `_of` = how many there are."""
    ordered = findings.sort(list(findings_room.ORDER), nulls_last=False, maintain_order=True)
    return ordered.with_columns(
        pl.len().over("package", "rule").alias("_of"), pl.int_range(pl.len()).over("package", "rule").alias("_nth")
    ).filter(pl.col("_nth") < first)  # fmt: skip


def with_text(findings: pl.DataFrame, lang: str) -> pl.DataFrame:
    """`findings` with the column `text`; made once per distinct text."""
    keys = ["rule", "params", "value", "element"]
    distinct = findings.select(keys).unique(maintain_order=True)
    texts = [sentence(rule, params, value, element, lang) for rule, params, value, element in distinct.iter_rows()]
    named = distinct.with_columns(pl.Series("text", texts, dtype=pl.String))
    return findings.join(named, on=keys, how="left", nulls_equal=True, maintain_order="left")
