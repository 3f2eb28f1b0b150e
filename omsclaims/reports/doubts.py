"""Which values that an output used has nobody seen in the text of the law? Parameters of the law, and rows of the КСГ grouper.

Every output that used one says so: screens and lists in whole sentences (`lines`), papers that are signed in one short note at
their end (`note`), which the page of the month explains. Official XML has no place for it: the page and the summary of the run,
which lie beside, name them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import polars as pl

from omsclaims import messages
from omsclaims.law import UNCONFIRMED, Parameters, federal_parameters, unconfirmed_lines

_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
#: Rows of the grouper's tables among the sources of a result (tariffs.grouper.rules.source_of); without a day a list as a whole.
_OF_GROUPER: Final = re.compile(rf"grouper:([a-z_0-9]+)(?:@({_DAY}))?")
#: A source that may be in doubt; rows of an agreement are the commission's.
_SOURCE: Final = rf"law:[a-z_0-9.]+@{_DAY}|grouper:[a-z_0-9]+(?:@{_DAY})?"
#: Parameters (how their names begin) that move money or dates of bills after the decisions on cases have been made.
AFTER_DECISIONS: Final = ("expertise.", "financing.", "norms.", "payments.excess_", "reserves.", "territories.")


def lines(sources: Iterable[str | None], lang: str, law: Parameters | None = None) -> list[str]:
    """A sentence for each value of the sources that is not confirmed: meaning, name, since when, reference; [] for none.

    sources  `law:<name>@<since>`, `grouper:<id>@<since>` and `grouper:beside` (that list as a whole: no row of it spoke for a
             group), alone or joined by `;` with sources of other kinds
    """
    named = list(filter(None, sources))
    return unconfirmed_lines(named, lang, law) + [
        messages.text("law.unconfirmed", lang, **said) for said in _of_grouper(named, lang)
    ]


def names(sources: Iterable[str | None], law: Parameters | None = None) -> list[str]:
    """The unconfirmed values of the sources, each as `name (since)`."""
    named = list(filter(None, sources))
    used = (federal_parameters() if law is None else law).unconfirmed(named)
    return [f"{one.name} ({one.since})" for one in used] + [f"{one['name']} ({one['since']})" for one in _of_grouper(named, "en")]


def note(sources: Iterable[str | None], lang: str, law: Parameters | None = None) -> str:
    """One short sentence that names them, for the end of a paper that is signed; empty for none."""
    found = names(sources, law)
    return messages.text("law.unconfirmed_note", lang, names=", ".join(found)) if found else ""


def _of_grouper(sources: Iterable[str], lang: str) -> list[Mapping[str, object]]:
    """Unconfirmed rows of the grouper's tables as `law.unconfirmed` speaks of them."""
    found = sorted(set(_OF_GROUPER.findall(";".join(sources))))
    if not found:
        return []
    from omsclaims.tariffs.grouper import rules  # not above: most outputs name no group, and need no compiler

    tables = rules.rules()
    rows = {name: row for table in (tables.exceptions, tables.priorities, tables.beside) for name, row in table.items()}
    asked = {(name, str(rows[name].since)) for name in tables.beside} if ("beside", "") in found else set()
    said: list[Mapping[str, object]] = []
    for name, since in sorted(asked | set(found)):
        row = rows.get(name)  # None: of an overlay, or of an older program
        if row is not None and row.sure == UNCONFIRMED and str(row.since) == since:
            meaning = messages.text(f"grouper.rule.{name}", lang)
            said.append({"name": f"grouper:{name}", "since": row.since, "meaning": meaning, "reference": row.reference})
    return said


def of_decisions(sources: Iterable[str], keep: Collection[str] = ()) -> list[str]:
    """Sources that decisions on cases can stand on: without those that only move money afterwards, save some of them."""
    later = tuple(one for one in AFTER_DECISIONS if one not in keep)
    return [source for source in sources if not source.removeprefix("law:").startswith(later)]


# ---- sources that rows name --------------------------------------------------------------------------------------------------


def of_rows(*tables: pl.DataFrame | None) -> list[str]:
    """Distinct sources of law and grouper in the column `sources` of tables, sorted."""
    found: set[str] = set()
    for table in tables:
        if table is not None and table.height:
            texts = table["sources"].drop_nulls().unique()
            found.update(texts.str.extract_all(_SOURCE).explode().drop_nulls().unique().to_list())
    return sorted(found)


def cases(tables: Collection[pl.DataFrame], law: Parameters) -> pl.DataFrame:
    """Which cases have a row that names an unconfirmed source: case_key, source, each pair once.

    tables  case_key, sources

    So a paper about some cases names only what these cases used.
    """
    found = [pl.DataFrame(schema={"case_key": pl.Int64, "source": pl.String})]
    for source in of_rows(*tables):
        if names([source], law):
            holds = pl.col("sources").str.contains(source, literal=True)
            found += [table.filter(holds).select("case_key", source=pl.lit(source)) for table in tables]
    return pl.concat(found).unique(maintain_order=True)
