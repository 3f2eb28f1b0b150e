"""How long does control of a whole month take? All check books and all rules of the catalogue, beside merely reading the month.

`python -m benchmarks control --books FOLDER`: two made-up months, small and large, each with a year of closed months of its own
size before it, are taken in (once). Then rounds in turn: all rows of the check books and the registry pass over the packages as
intake has them, the stored month loaded, the other passes over the month and its history; and tuned iterparse over the XML of the
month. What is neither reading nor control (who is insured where, prices) is timed beside them and shown. The rules of duplicates
and overlaps run beside the same rules in SQL over the same tables; both must find the same cases.

A figure is the median over the rounds. Exit code 1 where one misses what is wanted.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import statistics
import sys
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from benchmarks import rivals, sql
from benchmarks.child import peak_kilobytes
from benchmarks.timing import run_count, spread
from omsclaims import closing, contract, findings, intake, month, settlement, tariffs
from omsclaims.checks import official
from omsclaims.cli import common, demo
from omsclaims.context import Context
from omsclaims.nsi import loader
from omsclaims.periods import Month
from omsclaims.registry import formats, names
from omsclaims.registry.formats import Overlays
from omsclaims.registry.reader import PackageRead
from omsclaims.synthetic import territory as synthetic
from omsclaims.workspace import PackageRow, RunRow, Workspace, write_tables

RESULTS: Final = Path(__file__).parent / "results"
WORK: Final = Path("build") / "bench"
#: The month that is controlled, and how many closed months lie before it.
MONTH: Final = demo.MONTHS[-1]
MONTHS_BEFORE: Final = 12
#: A first-stage examination is once in a calendar year: the history has none in the year of the month.
_EXAM: Final = "X"
_SEED: Final = 20220301
_CANONICAL: Final = (*formats.canonical_tables("main"), *formats.canonical_tables("person"))
#: What is wanted: control takes at most this part of the time of tuned iterparse, and aims at that.
MOST_OF_READING: Final = 1.0
AIM_OF_READING: Final = 1 / 3
MOST_GROWTH: Final = 0.15
MOST_GIGABYTES: Final = 6.0


@dataclass
class Place:
    """A prepared month: workspace with history, XML of its packages unpacked; seconds of each part, run by run."""

    cases: int
    folder: Path
    xml: list[Path]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    findings: dict[str, int] = field(default_factory=dict)

    @property
    def control(self) -> list[float]:
        """Seconds of all that is control, run by run."""
        return [sum(parts) for parts in zip(*(self.seconds[name] for name in PARTS), strict=True)]

    @property
    def per_case(self) -> float:
        """Median microseconds per case."""
        return statistics.median(self.control) / self.cases * 1e6


#: Parts of control; `beside` is what the closing does between them that is no control.
PARTS: Final = ("packages", "load", "passes")


def prepare(cases: int, books: Path) -> Place:
    """Makes (once) a territory of `cases` cases, takes its month in, and puts a year of history before it."""
    root = WORK / f"control-{cases}-{closing.program_digest()[:12]}"
    made, folder = root / "territory", root / "workspace"
    if not (root / "ready").exists():
        shutil.rmtree(root, ignore_errors=True)
        print(f"making {cases} cases ...", file=sys.stderr, flush=True)
        synthetic.build(made, cases, _SEED)
        demo.prepare(made, folder)
        _load_books(folder, books)
        with Workspace.writing(folder) as store:
            files = common.existing_files([made / "packages" / str(MONTH)], "en")
            intake.ingest(store, files, demo.AS_OF, demo.WHO, 2)
        _put_history(folder)
        _unpack(made, folder, root / "xml")
        shutil.rmtree(made / "packages")
        (root / "ready").touch()
    with Workspace.open(folder) as store:
        count = sum(row.cases for row in store.packages(str(MONTH)) if row.state == "accepted")
    return Place(count, folder, sorted((root / "xml").iterdir()))


def _load_books(folder: Path, books: Path) -> None:
    with Workspace.writing(folder) as store:
        for name in official.BOOKS:
            loaded = loader.load_book(books / f"{name}.xml")
            assert loaded.book is not None, f"{name} does not load"
            store.store_book(loaded.book, demo.AS_OF)


def _put_history(folder: Path) -> None:
    """Twelve closed months before the month: its own cases, month by month earlier, as history keeps them."""
    with Workspace.open(folder) as store:
        context, _ = closing.load_context(store, MONTH, demo.AS_OF)
        tables, _ = closing.load_tables(store, MONTH)
    identified = settlement.identify(tables, context)["identified"]
    rows = (
        tables["sl"]
        .join(tables["cases"].drop("package"), on="case_key", how="inner", suffix="_z")
        .join(identified.select("case_key", "person_key"), on="case_key", how="inner")
        .with_columns(month=pl.lit(""), usl_ok=pl.col("usl_ok").fill_null(3), sump_kop=pl.col("sumv"))
        .select(list(contract.TABLES["history"].schema()))
    )
    empty: dict[str, pl.DataFrame] = {name: contract.TABLES[name].empty() for name in month.RESULTS if name in contract.TABLES}
    nothing = {name: contract.TABLES[name].empty() for name in ("cases", "identified", "priced", "decisions")}
    empty["cases_view"] = month.cases_view(nothing)
    with Workspace.writing(folder) as store:
        for back in range(MONTHS_BEFORE, 0, -1):
            of = _months_before(MONTH, back)
            earlier = rows.with_columns(pl.col("date_1", "date_2").dt.offset_by(f"-{back}mo"), month=pl.lit(str(of)))
            if of.year == MONTH.year:
                earlier = earlier.filter(pl.col("file_kind") != _EXAM)
            billed = f"_{of.year % 100:02d}{of.month:02d}"
            earlier = earlier.with_columns(pl.col("package").str.replace(f"_{MONTH.year % 100:02d}{MONTH.month:02d}", billed))
            kept = contract.check("history", earlier.sort("person_key", "date_1", "date_2", "package", "idcase", "sl_id"))
            path = Path("tables") / str(of) / "run-made-up"
            write_tables(folder / path, {**empty, "history_rows": kept})
            store.store_run(RunRow(str(of), f"made-up-{back}", {}, demo.WHO, None, demo.AS_OF, str(path)), empty, [])


def _months_before(of: Month, back: int) -> Month:
    number = of.year * 12 + of.month - 1 - back
    return Month(number // 12, number % 12 + 1)


def _unpack(made: Path, folder: Path, target: Path) -> None:
    """The main files of the accepted packages, for the rival."""
    target.mkdir()
    with Workspace.open(folder) as store:
        accepted = {row.package for row in store.packages(str(MONTH)) if row.state == "accepted"}
    for path in common.existing_files([made / "packages" / str(MONTH)], "en"):
        if path.stem in accepted:
            with zipfile.ZipFile(path) as archive:
                name = next(name for name in archive.namelist() if Path(name).stem.upper() == path.stem.upper())
                (target / Path(name).name).write_bytes(archive.read(name))


# ---------------------------------------------------------------- the subject


def control(place: Place) -> None:
    """Control of the whole month, from the workspace as it lies on the disk; adds seconds and numbers of findings."""
    with Workspace.open(place.folder) as store:
        context, _ = closing.load_context(store, MONTH, demo.AS_OF)
        _packages(place, store, context)
        gc.collect()
        started = time.perf_counter()
        tables, _ = closing.load_tables(store, MONTH)
        _note(place, "load", started, 0)
    started = time.perf_counter()
    work = {**tables, **settlement.identify(tables, context)}
    prices = tariffs.price(work, context)
    work.update(priced_sl=prices["priced_sl"], priced=prices["priced"])
    found = settlement.accident_cases(work, context)
    work["accident_cases"] = found["accident_cases"]
    _note(place, "beside", started, 0)
    gc.collect()
    started = time.perf_counter()
    _, findings = month.control(work, context, {"registry": tables["intake_findings"]})
    _note(place, "passes", started, findings.height)


def _packages(place: Place, store: Workspace, context: Context) -> None:
    """The check books and the registry pass, as at intake: packages together as far as they fit into memory, just read."""
    overlays = intake.overlays_of(store)[MONTH.year]
    taken = 0.0
    count, held, cases = 0, [], 0
    accepted = [row for row in store.packages(str(MONTH)) if row.state == "accepted"]
    for number, row in enumerate(accepted):
        held.append((_as_read(store, row, overlays), context.agreement.head.control))
        cases += row.cases
        if cases >= intake.CASES_TOGETHER or number == len(accepted) - 1:
            started = time.perf_counter()
            checked = intake.check_packages(held, context.books, demo.AS_OF)
            taken += time.perf_counter() - started
            assert not any(one.refused for one in checked)
            count += sum(one.findings.height for one in checked)
            held, cases = [], 0
    place.seconds.setdefault("packages", []).append(taken)
    place.findings["packages"] = count


def _as_read(store: Workspace, row: PackageRow, overlays: Overlays) -> PackageRead:
    """A stored package as the reader gave it."""
    stored = store.package_tables(row)  # without tables that have no rows
    tables = {name: stored.get(name, formats.empty_table(name)) for name in _CANONICAL}
    editions = [overlays.over(formats.get(name.partition("+")[0])) for name in row.formats.split(",")]
    main = next(one for one in editions if one.family == "main")
    person = next((one for one in editions if one.family == "person"), None)
    return PackageRead(
        row.package, names.parse_name(row.package), None, tables, findings.empty(), False, main, person, row.digest
    )


def _note(place: Place, name: str, started: float, findings: int) -> None:
    place.seconds.setdefault(name, []).append(time.perf_counter() - started)
    place.findings[name] = findings


# ---------------------------------------------------------------- duplicates and overlaps beside SQL


def pairs(place: Place, runs: int) -> dict[str, Any]:
    """Duplicates and overlaps of the month and against history: ours and SQL in turn. Both must find the same."""
    with Workspace.open(place.folder) as store:
        context, _ = closing.load_context(store, MONTH, demo.AS_OF)
        tables, _ = closing.load_tables(store, MONTH)
        history = [
            str(place.folder / run.path / "history_rows.parquet") for name in store.closed_months() if (run := store.run(name))
        ]
    tables.update(settlement.identify(tables, context))
    tables["refused"] = contract.TABLES["refused"].empty()
    rival = sql.Rival(tables, history)
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(runs + 1):  # the first round warms up
        started = time.perf_counter()
        mine = sql.ours(tables, context)
        between = time.perf_counter()
        other = rival.found()
        ended = time.perf_counter()
        for rule in sql.RULES:
            assert mine[rule] == other[rule], (
                f"{rule}: {len(mine[rule] - other[rule])} only ours, {len(other[rule] - mine[rule])} only SQL"
            )
        if number:
            ours.append(between - started)
            theirs.append(ended - between)
    return {"ours": ours, "sql": theirs, "found": {rule: len(mine[rule]) for rule in sql.RULES}}


# ---------------------------------------------------------------- the table


def main(arguments: Sequence[str]) -> int:
    """`python -m benchmarks control`."""
    parser = argparse.ArgumentParser(prog="benchmarks control", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, nargs=2, default=[100_000, 1_300_000], metavar=("SMALL", "LARGE"))
    parser.add_argument("--books", type=Path, default=Path("..") / "shared" / "nsi" / "packages", help="folder of Q015.xml ...")
    parser.add_argument("--runs", type=run_count, default=7)
    parser.add_argument("--rival-runs", type=int, default=3, help="rounds of tuned iterparse, which takes longest")
    given = parser.parse_args(arguments)
    if not (given.books / "Q015.xml").exists():
        print(f"no check books in {given.books}: give their folder with --books", file=sys.stderr)
        return 2
    small, large = (prepare(cases, given.books) for cases in given.cases)
    reading: list[float] = []
    for place in (small, large):  # warm-up: programs compiled, files in the cache
        control(place)
        place.seconds.clear()
    for number in range(given.runs):
        for place in (small, large) if number % 2 == 0 else (large, small):
            gc.collect()
            control(place)
        if number < given.rival_runs:
            started = time.perf_counter()
            rivals.tuned_iterparse(large.xml)
            reading.append(time.perf_counter() - started)
    peak = peak_kilobytes() / 1e6
    beside_sql = pairs(large, min(given.runs, 3))
    return told(small, large, reading, peak, beside_sql)


def told(small: Place, large: Place, reading: list[float], peak: float, beside_sql: dict[str, Any]) -> int:
    """Prints the tables and what is reached; keeps them as JSON."""
    print(f"control of {MONTH}, {MONTHS_BEFORE} months of history of the same size each; medians of {len(large.control)} runs")
    print(f"{'part':<12}{'findings':>10}" + "".join(f"{place.cases:>12} cases" for place in (small, large)) + f"{'growth':>9}")
    for name in (*PARTS, "beside"):
        medians = [statistics.median(place.seconds[name]) for place in (small, large)]
        growth = medians[1] / large.cases / (medians[0] / small.cases) - 1
        label = "(no control)" if name == "beside" else name
        print(f"{label:<12}{large.findings[name]:>10}" + "".join(f"{one:>16.2f} s" for one in medians) + f"{growth:>+9.1%}")
    medians = [statistics.median(place.control) for place in (small, large)]
    growth = large.per_case / small.per_case - 1
    print(f"{'control':<22}" + "".join(f"{one:>16.2f} s" for one in medians) + f"{growth:>+9.1%}")
    print(f"{'µs per case':<22}" + "".join(f"{place.per_case:>18.1f}" for place in (small, large)))
    noise = [spread([one / place.cases * 1e6 for one in place.control]) for place in (small, large)]
    print(f"{'spread, µs':<22}" + "".join(f"{one:>18.1f}" for one in noise))
    megabytes = sum(path.stat().st_size for path in large.xml) / 1e6
    share = medians[1] / statistics.median(reading)
    print(f"tuned iterparse over the XML of the month ({megabytes:.0f} MB): {statistics.median(reading):.1f} s")
    ours, theirs = statistics.median(beside_sql["ours"]), statistics.median(beside_sql["sql"])
    print(f"duplicates and overlaps: {ours:.2f} s, in SQL {theirs:.2f} s; found by both: {beside_sql['found']}")
    wanted = [
        (
            share <= MOST_OF_READING,
            f"control takes {share:.2f} of the time of reading, {MOST_OF_READING:.2f} wanted, {AIM_OF_READING:.2f} aimed at",
        ),
        (growth <= MOST_GROWTH, f"time per case grows by {growth:+.1%}, {MOST_GROWTH:.0%} wanted"),
        (peak <= MOST_GIGABYTES, f"peak memory {peak:.1f} GB, {MOST_GIGABYTES:.0f} wanted"),
        (ours < theirs, f"duplicates and overlaps take {ours / theirs:.2f} of the time of SQL"),
    ]  # fmt: skip
    for reached, words in wanted:
        print(f"{'yes' if reached else 'NO ':<4}{words}")
    RESULTS.mkdir(exist_ok=True)
    kept = {
        "sizes": [small.cases, large.cases], "seconds": [small.seconds, large.seconds], "reading": reading, "peak_gb": peak,
        "beside_sql": beside_sql,
    }  # fmt: skip
    path = RESULTS / "last-control.json"
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(f"kept in {path}")
    return 0 if all(reached for reached, _ in wanted) else 1
