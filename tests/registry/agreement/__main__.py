"""Do both readers agree on a hundred thousand documents and a million mutations? The long run, with its figures.

python -m tests.registry.agreement --documents 100000 --mutations 1000000 --chunks --processes 2 --seed 1
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from . import compare, corpus, units
from .adapter import readers
from .compare import Failure
from .units import Outcome, Unit

OUT: Final = Path(__file__).resolve().parents[3] / "build" / "agreement"
#: Small documents that are read with chunks of every size.
CHUNKED: Final = 16
#: Whole-file mutations for each hundred mutations of records.
FILES_PER_HUNDRED: Final = 3
#: The hand-written corpus, whole or in part.
_CORPUS: Final = {
    "corpus": "the hand-written corpus, every case in a file of its own",
    "corpus-packed": "the hand-written corpus, cases of one record packed",
    "corpus-small": "a twelfth of the corpus and all roots: for kernels that run uncompiled",
}
#: A run that differs everywhere stops early.
MOST_FAILURES: Final = 50


def main(arguments: list[str] | None = None) -> int:
    """Runs what is asked for, prints the figures; 1 where anything differs."""
    given = _parser().parse_args(arguments)
    started = time.monotonic()
    total = Outcome()
    if given.corpus:
        total.add(_corpus(given.corpus))
    chunked = CHUNKED if given.chunks else 0
    files = given.mutations * FILES_PER_HUNDRED // 100 if given.files is None else given.files
    work = units.plan(given.documents, given.mutations, files, chunked, given.seed)
    for number, outcome in enumerate(_outcomes(work, given.processes), start=1):
        total.add(outcome)
        for failure in outcome.failures:
            _store(failure)
        if number % max(len(work) // 20, 1) == 0:
            seconds = time.monotonic() - started
            print(f"{number} of {len(work)} units, {seconds:.0f} s, {total.figures['differences']} differences", flush=True)
        if len(total.failures) >= MOST_FAILURES:
            print(f"stopped after {number} of {len(work)} units: too many differences")
            break
    _report(total.figures, given.seed, time.monotonic() - started)
    return 1 if total.figures["differences"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.registry.agreement", description="Hold the fast reader against the strict one."
    )
    parser.add_argument("--documents", type=int, default=0, help="random documents made from the format tables")
    parser.add_argument("--mutations", type=int, default=0, help="random changes of single records")
    parser.add_argument(
        "--files", type=int, default=None, help="random changes of whole files (default: 3 for each 100 mutations)"
    )
    parser.add_argument("--chunks", action="store_true", help=f"chunk boundaries at every offset of {CHUNKED} small files")
    for name, what in _CORPUS.items():
        parser.add_argument(f"--{name}", dest="corpus", action="store_const", const=name, help=what)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser


def _outcomes(work: list[Unit], processes: int) -> Iterator[Outcome]:
    """The outcomes of all units in their order, whatever the number of processes."""
    if processes <= 1:
        yield from map(units.run, work)
        return
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # for the new processes: each has one core
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield from pool.map(units.run, work)
    finally:
        pool.shutdown(cancel_futures=True)


def _corpus(which: str) -> Outcome:
    """The hand-written cases in this process; chunks of the usual size, and of 97 bytes."""
    chosen: dict[str, Callable[[], tuple[corpus.Case, ...]]]
    chosen = {"corpus": corpus.cases, "corpus-packed": corpus.packed, "corpus-small": corpus.small}
    cases = chosen[which]()
    outcome = held(cases, (None, 97))
    print(f"corpus: {len(cases)} files ({_CORPUS[which]}), {len(corpus.cases())} cases in all", flush=True)
    for failure in outcome.failures:
        _store(failure)
    return outcome


def held(cases: Iterable[corpus.Case], chunks: tuple[int | None, ...]) -> Outcome:
    """Cases of the corpus by both readers, and against what is expected of them."""
    pair, outcome = readers(), Outcome()
    for case in cases:
        outcome.figures["corpus"] += 1
        strict = compare.read(pair, case.data, case.named)
        told = None
        if (
            not isinstance(strict, str)
            and case.expected is not None
            and compare.unreadable(strict) != (case.expected == "refused")
        ):
            told = f"the strict reader was to have it {case.expected}"
        for chunk in chunks:
            fast = compare.read_fast(pair, case.data, case.named, chunk, 1)
            outcome.figures["corpus accepted"] += fast is not None and chunk is None
            told = told or compare.between(strict, fast)
        if told is not None:
            outcome.figures["differences"] += 1
            outcome.failures.append(Failure(f"corpus {case.name}", told, case.data, case.data, told))
    return outcome


def _store(failure: Failure) -> None:
    """Keeps a failing document, whole and small, and says what differs."""
    OUT.mkdir(parents=True, exist_ok=True)
    stem = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in failure.name)[:100]
    (OUT / f"{stem}.xml").write_bytes(failure.data)
    (OUT / f"{stem}.small.xml").write_bytes(failure.smallest)
    (OUT / f"{stem}.txt").write_text(
        f"{failure.name}\n{failure.told}\n\nsmallest: {failure.told_of_smallest}\n", encoding="utf-8"
    )
    print(f"DIFFERS {failure.name}\n  {failure.told_of_smallest}\n  {failure.smallest[:400]!r}\n  {OUT / stem}.*", flush=True)


#: Figures in the order of printing, with what they say.
_FIGURES: Final = (
    ("corpus", "files of the corpus"),
    ("corpus accepted", "  accepted by the fast reader"),
    ("documents", "documents"),
    ("documents by the scanner", "  all of it by the scanner"),
    ("documents by the slow path", "  some records by the slow path"),
    ("documents declined", "  not accepted"),
    ("documents read alone", "  also compared in a file of their own"),
    ("mutations", "mutations of records"),
    ("mutations malformed", "  not well-formed, and not accepted"),
    ("mutations well-formed", "  well-formed"),
    ("mutations by the scanner", "    by the scanner"),
    ("mutations by the slow path", "    by the slow path"),
    ("mutations declined", "    not accepted"),
    ("mutations beside a record", "    accepted, with something beside the record"),
    ("mutations beside a record read alone", "      of these compared"),
    ("mutations malformed read alone", "  not well-formed ones read whole by both"),
    ("packed files", "files of packed records"),
    ("packed files declined", "  not accepted, read in halves"),
    ("records compared", "  records compared"),
    ("files", "mutations of whole files"),
    ("files readable", "  readable"),
    ("files refused", "  refused"),
    ("files accepted", "  accepted by the fast reader"),
    ("chunked documents", "small files with chunks of every size"),
    ("chunked documents declined", "  not accepted"),
    ("chunk boundaries", "  chunk sizes"),
    ("chunk boundaries declined", "  sizes at which an accepted file was not accepted"),
    ("differences", "differences"),
)


def _report(figures: Counter[str], seed: int, seconds: float) -> None:
    print(f"seed {seed}, {seconds:.0f} s")
    for name, title in _FIGURES:
        if name in figures or name == "differences":
            print(f"{title:50}{figures[name]:>12,}")


if __name__ == "__main__":
    sys.exit(main())
