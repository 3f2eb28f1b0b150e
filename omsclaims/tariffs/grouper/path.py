"""How did a case come to its group? The path of a decision in words of both languages (checks.md 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from omsclaims import messages
from omsclaims.money import show_amount


def lines(grouped: Mapping[str, Any], candidates: pl.DataFrame, lang: str) -> list[str]:
    """The path of one case: its candidates with price, row and rules, then what decided.

    grouped     a row of the table `grouped`
    candidates  its rows of `group_candidates`
    """
    found = []
    for one in candidates.sort("ksg").iter_rows(named=True):
        price = "" if one["price_kop"] is None else show_amount(one["price_kop"], lang)
        key = "grouper.path.candidate" if price else "grouper.path.candidate_unpriced"
        text = messages.text(key, lang, ksg=one["ksg"], price=price, number=one["number"])
        names = rules_in_words(one["rules"], lang)
        found.append(f"{text}: {names}" if names else text)
    return [*found, decided(grouped, lang)]


def decided(grouped: Mapping[str, Any], lang: str) -> str:
    """What decided, in one sentence."""
    names = rules_in_words(grouped["rules"], lang)
    alone = ".alone" if grouped["decided"] == "price" and not names else ""
    key = f"grouper.decided.{grouped['decided']}{alone}"
    return messages.text(key, lang, ksg=grouped["ksg"], rules=names, candidates=grouped["candidates"])


def rules_in_words(rules: str | None, lang: str) -> str:
    """The names of exceptions and priorities: what stands in `rules` of a result."""
    return ", ".join(messages.text(f"grouper.rule.{name}", lang) for name in _names(rules))


def _names(rules: str | None) -> Iterable[str]:
    return (name for name in (rules or "").split(";") if name)
