"""Does every row of the official workbooks find its own group? `python -m tests.grouper` (make grouper).

Prints for each workbook: rows loaded, rows whose group is among the candidates of the case made of the row; the groups that no file
can reach and why; the groups that are a candidate for their own cases but never chosen, by weight alone, and what beats them.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import polars as pl

from omsclaims.nsi import Book
from omsclaims.nsi.loader import load_books
from omsclaims.registry import formats
from omsclaims.tariffs.grouper import candidates, compile_grouper, decide
from omsclaims.tariffs.grouper.book import SETTINGS, Grouper
from tests.grouper.fabricate import fabricated

WORKBOOKS = Path(__file__).resolve().parents[3] / "shared" / "nsi" / "ksg2026"
EXPECTED = {"ST": 37_531, "DS": 21_204}
RATE_KOP = 1_000_000


def books(folder: Path = WORKBOOKS) -> dict[str, Book]:
    """All sheets of the workbooks of a folder, by name of the book."""
    loaded = [one.book for path in sorted(folder.glob("*.xlsx")) for one in load_books(path)]
    return {book.name: book for book in loaded if book is not None}


def longest_criterion() -> int:
    """Characters of the element CRIT in the exchange files that carry КСГ, the widest of all versions."""
    editions = [formats.get(name) for name in formats.format_ids() if name[0] in "HC"]
    lengths = [field.length for one in editions for field in one.fields if field.path.endswith("KSG_KPG/CRIT")]
    return max(int(length) for length in lengths if length is not None)


def unreachable(grouper: Grouper, longest: int) -> pl.DataFrame:
    """Groups of which every row asks for something that no file can carry: group, rows, reason, an example."""
    rows = grouper.rows.with_columns(blocked=(pl.col("criterion").str.len_chars() > longest).fill_null(value=False))
    never = rows.group_by("ksg").agg(
        rows=pl.len(), blocked=pl.col("blocked").sum(), example=pl.col("criterion").filter("blocked").first()
    )
    return never.filter(pl.col("blocked") > 0).sort("ksg")


def never_chosen(own: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """Groups that no case of their own rows gets: group, cases, the group that most of these cases get, how it was decided."""
    rows = own.join(chosen.select("sl_key", "ksg", "decided"), on="sl_key")
    never = rows.group_by("own").agg(
        cases=pl.len(), wins=(pl.col("ksg") == pl.col("own")).sum(), instead=pl.col("ksg").mode().sort().first(),
        decided=pl.col("decided").mode().sort().first(),
    )  # fmt: skip
    return never.filter(pl.col("wins") == 0).drop("wins").sort("own")


def judge(loaded: dict[str, Book], setting: str, longest: int) -> bool:
    """Prints the tables of one workbook; whether every row was found."""
    book, groups = loaded[f"KSG.{setting}.GROUPER"], loaded[f"KSG.{setting}.GROUPS"]
    grouper = compile_grouper(book, groups)
    cases, own = fabricated(book, SETTINGS[setting])
    found = candidates(cases, grouper)
    hits = own.join(found.select("sl_key", pl.col("ksg").alias("own")), on=["sl_key", "own"], how="semi")
    chosen, _ = decide(cases, found, grouper.weight_prices(found, RATE_KOP), grouper)
    print(f"{book.name} {book.edition}: {book.rows.height} rows (expected {EXPECTED[setting]}), {len(grouper.groups)} groups, "
          f"{len(grouper.problems)} rows that could not be compiled")  # fmt: skip
    print(f"  own group among the candidates: {hits.height} of {own.height} = {hits.height / own.height:.4%}")
    print(f"  candidates a case: {found.height / cases.height:.2f}; decided: {dict(sorted(Counter(chosen['decided']).items()))}")
    for row in own.join(hits, on="sl_key", how="anti").head(10).iter_rows():
        print(f"  NOT FOUND: {row}")
    blocked = unreachable(grouper, longest)
    dead = blocked.filter(pl.col("blocked") == pl.col("rows"))
    print(f"  groups that no file can reach: {dead.height}")
    for ksg, rows, count, example in blocked.iter_rows():
        state = "none of its rows can come" if rows == count else f"{count} of {rows} rows cannot come"
        print(f"    {ksg}: {state}: the criterion is longer than CRIT ({longest}), as {example}")
    beaten = never_chosen(own, chosen)
    print(f"  groups that no case of their own rows gets, by weight alone: {beaten.height}")
    for ksg, count, instead, decided in beaten.iter_rows():
        print(f"    {ksg}: {count} rows; most go to {instead} ({decided})")
    return hits.height == own.height and book.rows.height == EXPECTED[setting] and not grouper.problems


def main() -> int:
    """Entry point: 0 when every row of both workbooks is found."""
    if not WORKBOOKS.is_dir():
        print(f"the official workbooks are not here: {WORKBOOKS}", file=sys.stderr)
        return 2
    loaded, longest = books(), longest_criterion()
    good = [judge(loaded, setting, longest) for setting in EXPECTED]
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
