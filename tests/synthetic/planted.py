"""The proof: of made-up territories of any size, is what was planted found and nothing else, for every rule of control?

`python -m tests.synthetic.planted --seeds 1 2 3 --cases 100000` builds a territory for each seed, takes in and closes both months,
holds the run against what was planted (`omsclaims.truth`) and prints a table by rule. It ends with 1 where anything differs or a
rule of the control catalogue was planted nowhere.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims import closing, intake, truth
from omsclaims.checks import catalogue
from omsclaims.cli import common, demo
from omsclaims.synthetic import territory
from omsclaims.workspace import Workspace

#: The month in which every rule must have a defect of its own: what stands against an earlier month can be planted only here.
MARCH: Final = "2022-03"
_COUNTS: Final = ("planted", "found", "missing", "surplus")
_EXAMPLES: Final = 10


def uncovered(planted: Iterable[str], rules: Mapping[str, catalogue.Rule] | None = None) -> list[str]:
    """Rules of the catalogue that no defect breaks, sorted.

    planted  rules of the planted rows that are defects themselves (role primary), of one month
    rules    the catalogue by id; absent: the whole of it

    A rule that other rooms find (structure: S.*) counts when one of theirs is planted. What is refused whole (C084) and what
    follows from the plan (C191) stands in planted.csv as well.
    """
    known = set(planted)
    declared = catalogue.rules() if rules is None else rules
    return sorted(name for name, rule in declared.items() if not known & {name, *rule.found_by})


def defects_of(made: Path, month: str) -> set[str]:
    """Rules that the defects of a territory break in a month."""
    rows = pl.read_csv(made / "planted.csv", infer_schema=False)
    return set(rows.filter((pl.col("month") == month) & (pl.col("role") == "primary"))["rule"])


# ---- a territory -----------------------------------------------------------------------------------------------------------


def run(folder: Path, cases: int, seed: int, threads: int) -> truth.Comparison:
    """Builds a territory, takes in and closes both of its months, and holds them against what was planted."""
    made, workspace = folder / "territory", folder / "workspace"
    territory.build(made, cases, seed)
    demo.prepare(made, workspace)
    for month in demo.MONTHS:
        files = common.existing_files([made / "packages" / str(month)], "en")
        with Workspace.writing(workspace) as store:
            intake.ingest(store, files, demo.AS_OF, demo.WHO, threads)
        with Workspace.writing(workspace) as store:
            closing.close(store, month, demo.AS_OF, demo.WHO, lang="en")
    return truth.compare(made, workspace, [str(month) for month in demo.MONTHS])


def agrees(comparison: truth.Comparison, without: Sequence[str]) -> bool:
    """Whether a run is a proof: found is planted, the money agrees, and no rule is without a defect."""
    return comparison.agrees and not without


# ---- what is shown ---------------------------------------------------------------------------------------------------------


def by_rule(comparison: truth.Comparison) -> pl.DataFrame:
    """rule, planted, found, missing, surplus: both months together."""
    return comparison.by_rule().group_by("rule").agg(pl.col(_COUNTS).sum()).sort("rule")


def table(runs: Mapping[int, pl.DataFrame]) -> Iterator[str]:
    """Lines of the table by rule: four numbers for each seed, and the sums."""
    wide = pl.DataFrame({"rule": sorted({rule for counts in runs.values() for rule in counts["rule"]})})
    for seed, counts in runs.items():
        wide = wide.join(counts.rename({name: f"{name} {seed}" for name in _COUNTS}), on="rule", how="left").fill_null(0)
    numbers = [column for column in wide.columns if column != "rule"]
    total = wide.select(pl.lit("sum").alias("rule"), *(pl.col(name).sum() for name in numbers))
    yield " ".join([f"{'rule':8}", *(f"{name:>12}" for name in numbers)])
    for row in pl.concat([wide, total]).iter_rows():
        yield " ".join([f"{row[0]:8}", *(f"{number:>12}" for number in row[1:])])


def differences(comparison: truth.Comparison) -> Iterator[str]:
    """Rows that are missing or too many, and money that differs: the first of each."""
    for name, rows in (("missing", comparison.missing), ("surplus", comparison.surplus)):
        for row in rows.head(_EXAMPLES).iter_rows():
            yield f"{name}: {' '.join(map(str, row))}"
    for line in comparison.money_differences[:_EXAMPLES]:
        yield f"money: {line}"


def _told(seed: int, comparison: truth.Comparison, without: Sequence[str], seconds: float) -> None:
    """The lines of one seed."""
    sums = by_rule(comparison).select(pl.col(_COUNTS).sum()).row(0, named=True)
    counts = ", ".join(f"{name} {number}" for name, number in sums.items())
    print(f"seed {seed}: {counts}, money differences {len(comparison.money_differences)}, {seconds:.0f} s")
    for month, totals in comparison.totals.items():
        print(f"  {month}: " + ", ".join(f"{name} {number}" for name, number in totals.items()))
    for line in differences(comparison):
        print(f"  {line}")
    if without:
        print(f"  no defect in {MARCH}: {', '.join(without)}")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where something differs or a rule of control has no defect."""
    parser = argparse.ArgumentParser(prog="python -m tests.synthetic.planted", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--cases", type=int, default=100_000, help="cases of March; February has half as many")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder that keeps the territories and workspaces; absent: they are thrown away")
    wanted = parser.parse_args(arguments)
    runs: dict[int, pl.DataFrame] = {}
    good = True
    for seed in wanted.seeds:
        folder = wanted.out / str(seed) if wanted.out else Path(tempfile.mkdtemp(prefix="planted-"))
        demo.clear(folder, "en")
        started = time.monotonic()
        comparison = run(folder, wanted.cases, seed, wanted.threads)
        without = uncovered(defects_of(folder / "territory", MARCH))
        _told(seed, comparison, without, time.monotonic() - started)
        runs[seed] = by_rule(comparison)
        good &= agrees(comparison, without)
        if wanted.out is None:
            shutil.rmtree(folder)
    print()
    for line in table(runs):
        print(line)
    rules = len(catalogue.rules())
    print(
        f"{len(wanted.seeds)} seeds, {wanted.cases} cases of March each, {rules} rules of control:",
        "agrees" if good else "DIFFERS",
    )
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
