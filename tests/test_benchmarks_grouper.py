"""The rival of the grouper's benchmark says the same, to the kopeck: groups, prices, interrupted cases, complexity."""

from __future__ import annotations

import polars as pl

from benchmarks import grouper as benchmark
from benchmarks.grouper_reference import Plain
from tests.tariffs.grouper.grouper_cases import groupers


def test_groups_and_amounts_are_those_of_plain_python() -> None:
    grouper = groupers()[0]
    agreement = benchmark.agreement_for(grouper)
    work = benchmark.work_of(benchmark.sample(grouper, 1_500), agreement)
    made = benchmark.grouped(work, grouper, agreement)
    tariffs = benchmark.plain_tariffs(agreement, grouper)
    rival = Plain(grouper.rows.to_dicts(), tariffs.price, indexed=True)
    cases = benchmark.told_plainly(work)
    judged = 0
    for case, said, (key, ksg, price) in zip(cases, benchmark.one_by_one(rival, tariffs, cases), made.iter_rows(), strict=True):
        assert key == case["sl_key"]
        if "plt" in case["criteria"]:  # polytrauma is not in the reference
            continue
        judged += 1
        assert (ksg, price) == ((None, None) if said is None else (said[0], int(said[1] * 100)))
    assert judged > 1_000
    assert made["price_kop"].drop_nulls().n_unique() > 300
    some = work.cases.join(work.koef, on="sl_key", how="semi")
    assert 0 < some.height < work.cases.height
    assert work.cases.filter(pl.col("rslt") != 101).height


def test_blocks_say_the_same_as_the_whole() -> None:
    grouper = groupers()[0]
    agreement = benchmark.agreement_for(grouper)
    work = benchmark.work_of(benchmark.sample(grouper, 500), agreement)
    parts = [benchmark.grouped(work.part(at, 170), grouper, agreement) for at in range(0, 500, 170)]
    assert pl.concat(parts).equals(benchmark.grouped(work, grouper, agreement))
