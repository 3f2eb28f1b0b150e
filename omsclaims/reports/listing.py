"""Which findings does a person get to see? The first of each rule and package, with the full count (design: Control)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from string import Formatter

import polars as pl

from omsclaims import findings as findings_room
from omsclaims import messages

#: Findings of one rule in one package that a list shows unless the caller wants more.
FIRST = 200


def title(rule: str | None, lang: str) -> str:
    """The short name of a rule; its id where the catalogue has none."""
    key = findings_room.rule_key(rule or "", "title")
    return messages.text(key, lang) if messages.has(key) else str(rule or "")


#: What the texts of one finding need: params, value, element.
Filling = tuple[str | None, str | None, str | None]


def todo(rule: str, lang: str, found: Sequence[Filling] = ()) -> str:
    """What to do about a rule; empty where the catalogue does not say.

    found  findings of the rule: what they have in common is put into the text, three dots where they differ
    """
    key = findings_room.rule_key(rule, "todo")
    if not messages.has(key):
        return ""
    names = [name for _, name, _, _ in Formatter().parse(messages.catalogue()[key][lang]) if name]
    known: dict[str, object] = dict.fromkeys(names, "…")
    if names:
        fillings = [
            {"value": value or "", "element": element or "", **json.loads(params or "{}")}
            for params, value, element in set(found)
        ]
        for name in names:
            values = {str(filling.get(name, "…")) for filling in fillings}
            known[name] = values.pop() if len(values) == 1 else "…"
    return messages.text(key, lang, **known)


def sentence(rule: str, params: str | None, value: str | None, element: str | None, lang: str) -> str:
    """The text of one finding; the title, or the id, of a rule without a text."""
    if messages.has(findings_room.rule_key(rule, "text")):
        return findings_room.rule_text(rule, json.loads(params or "{}"), value, element, lang)
    return title(rule, lang)


def counts(findings: pl.DataFrame, billed: pl.DataFrame | None = None) -> pl.DataFrame:
    """rule, code, findings (number), cases (number of distinct cases; 0 for findings about files), most frequent first.

    billed  package, z_row, sumv_kop of cases: adds `sumv_kop`, what was billed for the cases of a rule, each counted once;
            null where no case of the rule is known
    """
    made = (
        findings.group_by("rule", "code")
        .agg(
            pl.len().alias("findings"),
            pl.struct("package", "z_row").filter(pl.col("z_row").is_not_null()).n_unique().alias("cases"),
        )
        .sort(pl.col("findings"), pl.col("rule"), pl.col("code"), descending=[True, False, False], nulls_last=True)
    )
    if billed is None:
        return made
    concerned = findings.select("rule", "code", "package", "z_row").drop_nulls("z_row").unique()
    money = concerned.join(billed.select("package", "z_row", "sumv_kop"), on=["package", "z_row"]).group_by("rule", "code")
    sums = money.agg(pl.when(pl.col("sumv_kop").count() > 0).then(pl.col("sumv_kop").sum()).alias("sumv_kop"))
    return made.join(sums, on=["rule", "code"], how="left", nulls_equal=True, maintain_order="left")


def shown(findings: pl.DataFrame, first: int = FIRST) -> pl.DataFrame:
    """The first `first` findings of each rule and package in canonical order, with `_of` = how many there are."""
    ordered = findings.sort(list(findings_room.ORDER), nulls_last=False, maintain_order=True)
    return ordered.with_columns(
        pl.len().over("package", "rule").alias("_of"), pl.int_range(pl.len()).over("package", "rule").alias("_nth")
    ).filter(pl.col("_nth") < first)  # fmt: skip


def with_text(findings: pl.DataFrame, lang: str) -> pl.DataFrame:
    """`findings` with the columns `title`, `text`, `todo`; made once per distinct text."""
    keys = ["rule", "params", "value", "element"]
    distinct = findings.select(keys).unique(maintain_order=True)
    rows = list(distinct.iter_rows())
    texts = [sentence(rule, params, value, element, lang) for rule, params, value, element in rows]
    advice = [todo(str(rule), lang, [(params, value, element)]) for rule, params, value, element in rows]
    named = distinct.with_columns(
        pl.Series("title", [title(row[0], lang) for row in rows], dtype=pl.String),
        pl.Series("text", texts, dtype=pl.String), pl.Series("todo", advice, dtype=pl.String),
    )  # fmt: skip
    return findings.join(named, on=keys, how="left", nulls_equal=True, maintain_order="left")
