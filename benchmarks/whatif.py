"""How long does it take to ask what one changed base rate comes to, over a month of a million cases?

`python -m benchmarks whatif`: the month of the benchmark of control (prepared once). A full run is what a closing computes up to
the decisions: who is insured where, prices, control. Beside it, the month being loaded: the rows that name the changed rate are
priced again, with the difference by clinic, kind, profile, group, sex and age. Both must come to the same prices.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from benchmarks import control
from benchmarks.timing import run_count, spread
from omsclaims import closing, month, settlement, tariffs
from omsclaims.cli import demo
from omsclaims.law.agreement import partition_on
from omsclaims.tariffs import whatif
from omsclaims.whatif import about_rows
from omsclaims.workspace import Workspace

MOST: Final = 0.05
AIM_SECONDS: Final = 1.0


def main(arguments: Sequence[str]) -> int:
    """`python -m benchmarks whatif`."""
    parser = argparse.ArgumentParser(prog="benchmarks whatif", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=1_300_000)
    parser.add_argument("--books", type=Path, default=Path("..") / "shared" / "nsi" / "packages")
    parser.add_argument("--runs", type=run_count, default=5)
    given = parser.parse_args(arguments)
    place = control.prepare(given.cases, given.books)
    with Workspace.open(place.folder) as store:
        context, _ = closing.load_context(store, control.MONTH, demo.AS_OF)
        tables, _ = closing.load_tables(store, control.MONTH)
    started = time.perf_counter()
    work = {**tables, **settlement.identify(tables, context)}
    before_prices = time.perf_counter()
    prices = tariffs.price(work, context)
    pricing = time.perf_counter() - before_prices
    work.update(priced_sl=prices["priced_sl"], priced=prices["priced"])
    work["accident_cases"] = settlement.accident_cases(work, context)["accident_cases"]
    month.control(work, context, {"registry": tables["intake_findings"]})
    full = time.perf_counter() - started
    rates = context.agreement.table("base_rates")
    raised = pl.when(pl.col("setting") == "ksg_inpatient").then(pl.col("rate4") * 101 // 100).otherwise("rate4").alias("rate4")
    agreement = context.agreement.with_table("base_rates", rates.with_columns(raised))
    about = about_rows(work, partition_on(context.agreement, context.law, control.MONTH.first)[0])
    base = whatif.difference(work["priced_sl"], work["priced_sl"], about)
    seconds: list[float] = []
    for number in range(given.runs + 1):  # the first warms up
        gc.collect()
        started = time.perf_counter()
        made = whatif.reprice(work, context, agreement, context.law)
        told = whatif.changed(base, made, about)
        if number:
            seconds.append(time.perf_counter() - started)
    again = tariffs.price(work, replace(context, agreement=agreement))
    assert made.priced_sl.equals(again["priced_sl"]), "prices differ from those of a full run"
    assert made.priced.equals(again["priced"])
    assert told.equals(whatif.added([whatif.difference(work["priced_sl"], again["priced_sl"], about)]))
    asked = statistics.median(seconds)
    print(f"{place.cases} cases, {made.rows} of {made.priced_sl.height} rows priced again; median of {given.runs} runs")
    print(f"full run (insured, prices, control) {full:.1f} s, of it prices {pricing:.1f} s")
    print(f"what if one base rate changes       {asked:.2f} s   spread {spread(seconds):.2f}")
    reached = asked <= MOST * full
    print(f"{'yes' if reached else 'NO '} {asked / full:.1%} of a full run, {MOST:.0%} wanted; {AIM_SECONDS:.0f} s aimed at")
    return 0 if reached else 1
